"""How far apart two vectors are: norms, cosines, distances, and the losses that learn from which are alike.

Vectors are along one axis, by default as in PyTorch: the second for `normalize` and `cosine_similarity`, the last for
`pairwise_distance`. In a vector of zeros, which points nowhere, the slope of a norm is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import integer, real, reals
from .checks import positive as positive_number
from .core import Operand, as_floats, modes, narrowed, of_one, of_three, of_two, shaped, widened
from .core import Value as Value  # for the examples
from .labels import reduced
from .losses import check_signs, matched
from .ops.elementwise import clip
from .words import answering


def length(x: Any, p: float, axis: int, keepdims: bool) -> Any:
    """The p-norm of vectors."""
    return np.linalg.norm(x, real("p", p), integer("axis", axis), keepdims)


@of_one
@answering
def normalize(x: Operand, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Any:
    """`x` with every vector along `axis` divided by its `p`-norm, or by `eps` if that is larger: of length 1.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = as_floats(x)
    dtype, x = x.dtype, widened(x)
    return narrowed(x / clip(length(x, p, axis, True), reals("eps", eps)), dtype)


@of_two
@answering
def cosine_similarity(x1: Operand, x2: Operand, axis: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors of `x1` and `x2` along `axis`: 1 in the same direction, −1 against it.

    The arrays broadcast; `axis` is gone in the result. Lengths count as `eps` at least: of zeros the cosine is 0.

    >>> cosine_similarity(np.array([[1.0, 0.0], [2.0, 2.0]]), np.array([[0.0, 3.0], [1.0, 1.0]])).round(3)
    array([0., 1.])
    """
    x1, x2, dtype = pair("cosine_similarity", x1, x2)
    reals("eps", eps)
    x1, x2 = (x / clip(length(x, 2, axis, True), eps) for x in np.broadcast_arrays(x1, x2))
    return narrowed((x1 * x2).sum(axis=axis), dtype)


@of_two
@answering
def pairwise_distance(x1: Operand, x2: Operand, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Any:
    """The `p`-norm of x1 − x2 + `eps` along the last axis, which is gone in the result, or with `keepdims` 1 long.

    As in PyTorch `eps` is added to every difference, so that there is a slope where both are equal.

    >>> pairwise_distance(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([3.0, 4.0])).round(3)
    array([5.   , 3.606])
    """
    x1, x2, dtype = pair("pairwise_distance", x1, x2)
    return narrowed(length(x1 - x2 + reals("eps", eps), p, -1, keepdims), dtype)


def pair(name: str, x1: Any, x2: Any) -> tuple[Any, Any, Any]:
    """Both in floating point wide enough for sums, and the dtype of the result. ValueError if they do not broadcast."""
    x1, x2 = as_floats(x1), as_floats(x2)
    for n, m in zip(x1.shape[::-1], x2.shape[::-1], strict=False):
        if n != m and 1 not in (n, m):
            raise ValueError(
                f"{name}: x1 of shape {x1.shape}, x2 of shape {x2.shape}: they must be equal, or 1 where they are not. "
                f"x1[:, None] beside x2[None] pairs each row with each"
            )
    return widened(x1), widened(x2), np.result_type(x1.dtype, x2.dtype)


# ------------------------------------------------------------------------------------------------------------- losses


@of_three
def cosine_embedding_loss(
    input1: Operand, input2: Operand, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """1 − the cosine between two vectors where the label is 1, max(0, cosine − margin) where it is −1; averaged.

    `input1` and `input2` are (batch, width), `target` (batch,), or (width,) and (). ValueError for other shapes and
    for labels other than 1 and −1.

    >>> cosine_embedding_loss([[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]], [1, -1], reduction="none").round(3)
    array([0.   , 0.707])
    """
    input1, input2, dtype = matched(input1, input2)
    target = shaped(target)
    if input1.ndim not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ValueError(
            f"cosine_embedding_loss: inputs of shape {input1.shape}, target of shape {target.shape}; wanted "
            f"(batch, width) and (batch,), a label for each pair"
        )
    modes.host(check_signs, target)
    # As PyTorch has it here: eps beside the product of the squares.
    squares = ((input1 * input1).sum(axis=-1) + EPS) * ((input2 * input2).sum(axis=-1) + EPS)
    cosine = (input1 * input2).sum(axis=-1) / np.sqrt(squares)
    losses = np.where(target == 1, 1 - cosine, clip(cosine - reals("margin", margin), 0.0))
    return reduced(losses, reduction, dtype)


EPS = 1e-12


@of_three
def triplet_margin_loss(
    anchor: Operand, positive: Operand, negative: Operand, *, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """max(0, d(anchor, positive) − d(anchor, negative) + margin), averaged: what is like the anchor shall be nearer.

    All three are (batch, width), or (width,); d is `pairwise_distance` with `p` and `eps`. `swap` takes
    d(positive, negative) where that is smaller than d(anchor, negative).

    >>> triplet_margin_loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 4.5]]).round(3)
    np.float64(1.5)
    """
    positive_number("margin", margin, call="triplet_margin_loss")
    start, near, dtype = matched(anchor, positive)
    _, far, other = matched(anchor, negative)
    to_near = pairwise_distance(start, near, p, eps)
    to_far = pairwise_distance(start, far, p, eps)
    if swap:
        to_far = np.minimum(to_far, pairwise_distance(near, far, p, eps))
    return reduced(clip(to_near - to_far + margin, 0.0), reduction, np.result_type(dtype, other))


@of_three
def margin_ranking_loss(
    input1: Operand, input2: Operand, target: Operand, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """max(0, margin − target · (input1 − input2)), averaged: where the label is 1, `input1` shall be the larger.

    All three are of one shape. ValueError for labels other than 1 and −1.

    >>> margin_ranking_loss([2.0, 2.0], [1.0, 1.0], [1, -1], margin=0.5)
    np.float64(0.75)
    """
    input1, input2, dtype = matched(input1, input2)
    _, target, _ = matched(input1, target)
    modes.host(check_signs, target)
    return reduced(clip(reals("margin", margin) - target * (input1 - input2), 0.0), reduction, dtype)
