"""Formulas over the rows, with no rules of their own: means, activations, softmax, and the losses of `losses`.

Arrays in, arrays out; a Value anywhere in, a Value out. Shapes are NumPy's: the last axis holds the outputs of one
example, the axes before it count examples. Plain integers and booleans are computed with in floating point, float64
where nothing says otherwise: small ones would wrap around.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from .checks import choice, share
from .core import (
    Array,
    Operand,
    Value,
    as_floats,
    modes,
    narrowed,
    of_one,
    of_three,
    of_two,
    plain_data,
    shaped,
    widened,
)
from .demand import on_demand
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
)
from .norms import batch_norm, group_norm, layer_norm, rms_norm
from .ops.conv import conv1d, conv2d
from .ops.cost import quadratic_cost
from .ops.elementwise import clip, gelu_tanh, relu, sigmoid, stop_gradient
from .ops.erf import erfc
from .ops.fused import attention_weights_row, softmax_row
from .ops.linear import linear
from .ops.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from .ops.reduction import Axis, logsumexp
from .ops.shape import SLOT, take
from .words import answering, unexpected

__all__ = [
    "attention_weights", "avg_pool1d", "avg_pool2d", "batch_norm", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "clip", "conv1d", "conv2d", "cross_entropy", "dropout", "elu", "embedding",
    "gelu", "group_norm", "hardswish", "hardtanh", "hinge_embedding_loss", "hinge_loss", "huber_loss", "kl_div",
    "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax", "logsumexp", "max_pool1d", "max_pool2d", "mean",
    "mish", "mse_loss", "multi_margin_loss", "nll_loss", "quadratic_cost", "relu", "relu6", "rms_norm",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "softmax", "softplus", "step",
    "stop_gradient", "tanh",
]  # fmt: skip


if not TYPE_CHECKING:
    __getattr__, __dir__ = on_demand(__name__, __all__, {})  # all of it is here; for what others call otherwise


@of_one
def tanh(x: Operand) -> Any:
    """The hyperbolic tangent, from −1 to 1, with slope 1 − tanh²(x): `np.tanh`, here beside the other activations.

    >>> tanh(Value([0.0, 1.0, 1000.0]))
    Value(data=[0.        , 0.76159416, 1.        ], grad=None)
    """
    return np.tanh(x if type(x) is Value else as_floats(x))


@of_one
@answering
def mean(x: Operand, axis: Axis = None, keepdims: Any = False) -> Any:
    """The mean over `axis` (an int, a tuple, or None for all). NaN, with NumPy's warning, if there is nothing to
    average.

    >>> mean(Value([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Value(data=[2., 3.], grad=None)
    """
    return np.mean(shaped(x), axis=axis, keepdims=keepdims)


# -------------------------------------------------------------------------------------------------------- activations


@of_one
def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Any:
    """`x` where it is positive, `negative_slope * x` elsewhere; at 0 the slope is `negative_slope`.

    >>> leaky_relu(Value([-2.0, 3.0]), 0.1)
    Value(data=[-0.2,  3. ], grad=None)
    """
    x = as_floats(x)
    return np.where(x > 0, x, x * negative_slope)


@of_one
def hardtanh(x: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """`x` limited to [`min_val`, `max_val`]; unlike `clip`, the slope on the limits is 0.

    >>> hardtanh(Value([-3.0, 0.5, 3.0]))
    Value(data=[-1. ,  0.5,  1. ], grad=None)
    """
    x = as_floats(x)
    return np.where(x >= max_val, max_val, np.where(x > min_val, x, min_val)).astype(x.dtype)


@of_one
def relu6(x: Operand) -> Any:
    """min(max(x, 0), 6); slope 0 at 0 and at 6.

    >>> relu6(Value([-1.0, 3.0, 7.0]))
    Value(data=[0., 3., 6.], grad=None)
    """
    return hardtanh(x, 0.0, 6.0)


@of_one
def elu(x: Operand, alpha: float = 1.0) -> Any:
    """`x` where it is positive, `alpha * (exp(x) − 1)` elsewhere; at 0 the slope is `alpha`, as in PyTorch.

    Below it bends towards −`alpha`, and its mean stays nearer to 0 than that of relu (Clevert et al. 2016).

    >>> elu(Value([-1.0, 0.0, 2.0]))
    Value(data=[-0.63212056,  0.        ,  2.        ], grad=None)
    """
    x = as_floats(x)
    below = np.where(x > 0, 0.0, x)  # or expm1 of a large x would be inf · 0 in its slope
    return np.where(x > 0, x, np.expm1(below) * alpha)


@of_one
def softplus(x: Operand, beta: float = 1.0) -> Any:
    """log(1 + exp(`beta` · x)) / `beta`, a smooth relu, finite for every finite x; the larger `beta`, the sharper.

    >>> softplus(Value([-1000.0, 0.0, 2.0])).data.round(3)
    array([0.   , 0.693, 2.127])
    """
    x = as_floats(x)
    return np.logaddexp(x, 0.0) if beta == 1 else np.logaddexp(x * beta, 0.0) / beta


@of_one
def gelu(x: Operand, approximate: str = "none") -> Any:
    """`x` times the probability that a standard normal number is below it: x · Φ(x).

    `approximate="tanh"` is the formula with tanh that many published models were trained with.

    >>> gelu(Value([-1.0, 0.0, 1.0]))
    Value(data=[-0.15865525,  0.        ,  0.84134475], grad=None)
    """
    x = as_floats(x)
    if approximate == "tanh":
        return gelu_tanh(x)
    choice("approximate", approximate, ("none", "tanh"), call="gelu")
    return 0.5 * x * erfc(x * -math.sqrt(0.5))


@of_one
def silu(x: Operand) -> Any:
    """x · sigmoid(x), also called swish: a relu that dips below 0 before it rises, smooth everywhere.

    >>> silu(Value([-1.0, 0.0, 1.0]))
    Value(data=[-0.26894142,  0.        ,  0.73105858], grad=None)
    """
    x = as_floats(x)
    return x * sigmoid(x)


@of_one
def mish(x: Operand) -> Any:
    """x · tanh(softplus(x)): much like `silu`, with a dip that is a little deeper (Misra 2019).

    >>> mish(Value([-1.0, 0.0, 1.0]))
    Value(data=[-0.30340146,  0.        ,  0.86509839], grad=None)
    """
    x = as_floats(x)
    return x * np.tanh(softplus(x))


@of_one
def selu(x: Operand) -> Any:
    """`elu` with the two constants that keep mean 0 and variance 1 through the layers (Klambauer et al. 2017).

    At 0 the slope is 1.7581, that of the left side, as in PyTorch.

    >>> selu(Value([-1.0, 0.0, 1.0]))
    Value(data=[-1.11133074,  0.        ,  1.05070099], grad=None)
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


@of_one
def hardswish(x: Operand) -> Any:
    """x · relu6(x + 3) / 6: `silu` without an exponential. 0 up to −3, x from 3 on, a parabola between them.

    >>> hardswish(Value([-1.5, 0.0, 4.0]))
    Value(data=[-0.375,  0.   ,  4.   ], grad=None)
    """
    x = as_floats(x)
    return x * (relu6(x + 3) / 6)  # 6 x may be infinite


@of_one
def step(x: Operand) -> Any:
    """1 where `x` is positive, else 0: the neuron that fires or does not. Its slope is 0: nothing flows back.

    >>> step(Value([-1.0, 0.0, 2.0]))
    Value(data=[0., 0., 1.], grad=None)
    """
    return np.heaviside(as_floats(x), 0.0)


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
    share("p", p, call="dropout", what="the share that is dropped")
    if not training or p == 0:
        return x
    if seed is None:
        raise ValueError(
            "dropout draws at random: give seed=, a np.random.Generator, or an int for the same mask always"
        )
    x = as_floats(x)
    kept = modes.host(_draw, seed, x.shape) >= p
    return x * (kept * x.dtype.type(1 / (1 - p) if p < 1 else 0))


def _draw(seed: Any, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).random(shape, np.float32)


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
    if not -len(weight) <= padding_idx < len(weight):
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
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    masks = [] if attn_mask is None else [additive(attn_mask, np.result_type(query, key))]
    return attention_weights_row(query, key, *masks, scale=scale, causal=is_causal)


def additive(mask: Any, dtype: Any) -> Any:
    """A mask as numbers to add to scores: 0 where booleans say True, −∞ where False. Numbers stay what they are."""
    mask = shaped(mask)
    if mask.dtype.kind == "b":
        return np.where(plain_data(mask), dtype.type(0), dtype.type(-math.inf))
    return mask if mask.dtype == dtype else mask.astype(dtype)


# ------------------------------------------------------------------------------------------------------------ softmax


@of_one  # type: ignore[arg-type]  # x could be one of `foreign`, were it not the operand
def softmax(x: Operand, axis: int = -1, **foreign: Never) -> Any:
    """exp(x) / sum(exp(x)) along `axis`: positive numbers that add to 1. Without overflow.

    >>> softmax(Value([0.0, 0.0, -np.inf]))
    Value(data=[0.5, 0.5, 0. ], grad=None)
    """
    if foreign:
        raise unexpected(softmax, foreign)
    return softmax_row(as_floats(x), axis=axis)


@of_one  # type: ignore[arg-type]  # x could be one of `foreign`, were it not the operand
def log_softmax(x: Operand, axis: int = -1, **foreign: Never) -> Any:
    """log(softmax(x)) along `axis`, precise where the softmax is tiny: its logarithm would be −∞ there.

    >>> log_softmax(Value([0.0, 1000.0]))
    Value(data=[-1000.,     0.], grad=None)
    """
    if foreign:
        raise unexpected(log_softmax, foreign)
    x = as_floats(x)
    dtype, x = x.dtype, widened(x)
    return narrowed(x - logsumexp(x, axis=axis, keepdims=True), dtype)
