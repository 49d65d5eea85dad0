"""Formulas over the rows, with no rules of their own: what networks are made of, the losses of `losses` among it.

Arrays in, arrays out; a Value anywhere in, a Value out. Shapes are NumPy's: the last axis holds the outputs of one
example, the axes before it count examples. Plain integers and booleans are computed with in floating point, float64
where nothing says otherwise: small ones would wrap around.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .checks import integer, is_whole, reals, refusal, share
from .core import Array, Operand, as_floats, modes, of_one, of_three, of_two, plain_data, shaped
from .core import Value as Value  # for the examples
from .demand import on_demand
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_nll_loss,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
)
from .nonlinear import (
    celu,
    elu,
    gelu,
    glu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    mish,
    prelu,
    relu6,
    selu,
    silu,
    softmax,
    softmin,
    softplus,
    softsign,
    step,
    tanh,
)
from .norms import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from .ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from .ops.cost import quadratic_cost
from .ops.elementwise import clip, relu, sigmoid, stop_gradient
from .ops.fused import attention_weights_row
from .ops.linear import linear
from .ops.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from .ops.reduction import Axis, logsumexp
from .ops.shape import SLOT, take
from .words import answering

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d", "attention_weights",
    "avg_pool1d", "avg_pool2d", "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu",
    "clip", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "cosine_embedding_loss", "cosine_similarity",
    "cross_entropy", "dropout", "dropout1d", "dropout2d", "elu", "embedding", "fold", "gaussian_nll_loss", "gelu",
    "glu", "group_norm", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "hinge_loss", "huber_loss",
    "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax",
    "logsigmoid", "logsumexp", "margin_ranking_loss", "max_pool1d", "max_pool2d", "mean", "mish", "mse_loss",
    "multi_margin_loss", "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance", "pixel_shuffle",
    "pixel_unshuffle", "poisson_nll_loss", "prelu", "quadratic_cost", "relu", "relu6", "rms_norm",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax",
    "softmin", "softplus", "softsign", "step", "stop_gradient", "tanh", "triplet_margin_loss", "unfold",
]  # fmt: skip


if TYPE_CHECKING:
    from .distances import (
        cosine_embedding_loss,
        cosine_similarity,
        margin_ranking_loss,
        normalize,
        pairwise_distance,
        triplet_margin_loss,
    )
    from .spatial import (
        adaptive_avg_pool1d,
        adaptive_avg_pool2d,
        adaptive_max_pool1d,
        adaptive_max_pool2d,
        fold,
        interpolate,
        pad,
        pixel_shuffle,
        pixel_unshuffle,
        unfold,
    )
else:  # the rest is here; this also tells what others call otherwise
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "..distances": "cosine_embedding_loss cosine_similarity margin_ranking_loss normalize pairwise_distance "
                       "triplet_margin_loss",
        "..spatial": "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d fold "
                     "interpolate pad pixel_shuffle pixel_unshuffle unfold",
    })  # fmt: skip


@of_one
@answering
def mean(x: Operand, axis: Axis = None, keepdims: Any = False) -> Any:
    """The mean over `axis` (an int, a tuple, or None for all). NaN, with NumPy's warning, if there is nothing to
    average.

    >>> mean(Value([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Value(data=[2., 3.], grad=None)
    """
    return np.mean(shaped(x), axis=axis, keepdims=keepdims)


# ---------------------------------------------------------------------------- dropout, tables, attention


@of_one
@answering
def dropout(x: Operand, p: float = 0.5, training: bool = True, *, seed: Any = None) -> Any:
    """`x` with each element dropped (set to 0) with probability `p` and the others scaled by 1 / (1 − p), so that the
    mean stays. Not `training`, or with `p` 0, `x` itself.

    The mask is drawn from `seed`: a np.random.Generator, or an int, which draws the same mask every time. ValueError if
    there is something to draw and no seed.

    >>> dropout(np.ones(6), 0.5, seed=0)
    array([2., 2., 2., 0., 0., 0.])
    """
    return dropped("dropout", x, p, training, seed, None)


@of_one
@answering
def dropout1d(x: Operand, p: float = 0.5, training: bool = True, *, seed: Any = None) -> Any:
    """`dropout` of whole channels of `x` (batch, channels, length), or (channels, length): neighbours in a signal say
    much the same, and a single one that is dropped is not missed.

    >>> dropout1d(np.ones((4, 2)), 0.5, seed=0)
    array([[2., 2.],
           [2., 2.],
           [2., 2.],
           [0., 0.]])
    """
    if shaped(x).ndim not in (2, 3):
        raise ValueError(f"dropout1d: x of shape {np.shape(x)}; wanted (batch, channels, length) or (channels, length)")
    return dropped("dropout1d", x, p, training, seed, 1)


@of_one
@answering
def dropout2d(x: Operand, p: float = 0.5, training: bool = True, *, seed: Any = None) -> Any:
    """`dropout` of whole channels of `x` (batch, channels, height, width). As in PyTorch, three axes are (batch,
    channels, length).

    >>> dropout2d(np.ones((1, 4, 2, 3)), 0.5, seed=0)[0, :, 0, 0]
    array([2., 2., 2., 0.])
    """
    x = shaped(x)
    if x.ndim not in (3, 4):
        raise ValueError(f"dropout2d: x of shape {x.shape}; wanted (batch, channels, height, width)")
    return dropped("dropout2d", x, p, training, seed, x.ndim - 2)


def dropped(name: str, x: Any, p: float, training: bool, seed: Any, places: int | None) -> Any:
    """`x` with some elements dropped, or what shares all but its last axes, of which there are so many `places`."""
    share("p", p, call=name, what="the share that is dropped")
    if not training or p == 0:
        return x
    if seed is None:
        raise ValueError(
            f"{name} draws at random: give seed=, a np.random.Generator, or an int for the same mask always"
        )
    x = as_floats(x)
    shape = x.shape if places is None else (*x.shape[:-places], *(1,) * places)
    kept = modes.host(_draw, seed, shape) >= p
    return x * (kept * x.dtype.type(1 / (1 - p) if p < 1 else 0))


def _draw(seed: Any, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).random(shape, np.float32)


def one_hot(x: Any, num_classes: int = -1) -> Array:
    """Integers `x` (…) as rows of zeros with a 1 at their place: (…, num_classes), int64.

    There are as many classes as the largest asks for, unless `num_classes` says. ValueError for an integer that is no
    class, TypeError for what are no integers. `data.one_hot` gives float32.

    >>> one_hot(np.array([2, 0]))
    array([[0, 0, 1],
           [1, 0, 0]])
    """
    x = shaped(x)
    if x.dtype.kind not in "iu":
        raise TypeError(
            f"one_hot wants integers, the classes; got dtype {x.dtype}. Labels of text: np.unique numbers them"
        )
    if not (num_classes == -1 or is_whole(num_classes)):
        raise ValueError(refusal("num_classes", num_classes, "a whole number of at least 1", call="one_hot"))
    classes = modes.asked(_classes, x, num_classes)
    hot: Array = np.equal(np.expand_dims(x, -1), np.arange(classes)).astype(np.int64)
    return hot


def _classes(x: Array, wanted: int) -> int:
    low, high = (x.min(), int(x.max())) if x.size else (0, wanted - 1)
    if wanted == -1 and not x.size:
        raise ValueError("one_hot of nothing: there is no class to count up to. Give num_classes=")
    if low < 0 or (wanted != -1 and high >= wanted):
        classes = f"0 to {wanted - 1}" if wanted != -1 else "0 and up"
        more = "They are counted from 0" if low < 0 else f"Give num_classes={high + 1}, or more"
        raise ValueError(f"one_hot: integers from {low} to {high}, but the classes are {classes}. {more}")
    return high + 1 if wanted == -1 else int(wanted)


@of_two
def embedding(input: Any, weight: Operand, padding_idx: int | None = None) -> Any:
    """The rows of `weight` that the integers `input` (…) name: (…, columns). The row `padding_idx` gets no gradient.
    IndexError for a row that does not exist; they are counted from 0, but for `padding_idx` from the end too.

    >>> embedding(np.array([2, 0]), np.array([[0.0], [0.1], [0.2]]))
    array([[0.2],
           [0. ]])
    """
    input = shaped(input)
    if input.dtype.kind == "b":
        raise TypeError("embedding wants integers, the rows to take; got bools, which would pick out rows as a mask")
    weight = shaped(weight)
    modes.host(_check_counted, input, len(weight))
    rows = take(weight, input, index=(SLOT,))
    if padding_idx is None:
        return rows
    if not -len(weight) <= integer("padding_idx", padding_idx, call="embedding") < len(weight):
        raise ValueError(f"embedding(padding_idx={padding_idx}): there are {len(weight)} rows")
    padding_idx %= len(weight)
    return np.where(np.expand_dims(np.equal(input, padding_idx), -1), stop_gradient(rows), rows)


def _check_counted(rows: Array, count: int) -> None:
    if rows.size and rows.dtype.kind == "i" and rows.min() < 0:
        raise IndexError(f"embedding counts rows from 0 to {count - 1}; got {rows.min()}")


@of_three
def scaled_dot_product_attention(
    query: Operand, key: Operand, value: Operand, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, *, seed: Any = None,
) -> Any:  # fmt: skip
    """softmax(query · keyᵀ · scale) · value: for each query, the mean of the values weighed by how well their keys fit.

    `query` is (…, L, E), `key` (…, S, E), `value` (…, S, V), the result (…, L, V); `scale` is 1/√E unless it is given.
    `attn_mask` broadcasts to (…, L, S): booleans, True where a query may look, or numbers that are added before the
    softmax. `is_causal`: a query may look at keys up to its own place. A query that may look nowhere gets 0.
    `dropout_p` is the share of the weights that is dropped; then it wants a `seed`, see `dropout`.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.eye(2), np.array([[1.0], [3.0]]))  # all keys fit alike
    array([[2.]])
    """
    share("dropout_p", dropout_p, what="the share that is dropped")
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    return dropout(weights, dropout_p, seed=seed) @ shaped(value)


@of_two
def attention_weights(
    query: Operand, key: Operand, attn_mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Any:
    """How `scaled_dot_product_attention` weighs the values: (…, L, S), each row positive numbers that add to 1, or, of
    a query that may look nowhere, zeros. The arguments are the same.

    >>> attention_weights(np.eye(2), np.eye(2), is_causal=True).round(3)
    array([[1.  , 0.  ],
           [0.33, 0.67]])
    """
    query, key = as_floats(query), as_floats(key)
    for name, x in (("query", query), ("key", key)):
        if x.ndim < 2:
            raise ValueError(f"{name} has a row for each, (…, n, E); got shape {x.shape}. {name}[None] is one row")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else reals("scale", scale)
    masks = [] if attn_mask is None else [additive(attn_mask, np.result_type(query, key))]
    return attention_weights_row(query, key, *masks, scale=scale, causal=is_causal)


def additive(mask: Any, dtype: Any) -> Any:
    """A mask as numbers to add to scores: 0 where booleans say True, −∞ where False. Numbers stay what they are."""
    mask = shaped(mask)
    if mask.dtype.kind == "b":
        return np.where(plain_data(mask), dtype.type(0), dtype.type(-math.inf))
    return mask if mask.dtype == dtype else mask.astype(dtype)
