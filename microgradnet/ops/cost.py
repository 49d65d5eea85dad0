"""Of costs, what has to be a row, for speed or for its gradient; the others are formulas, in `losses`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import POSITIVE, ROOMY, Op, case, narrowed, op, shaped, wide, widened
from .reduction import add_reduce


def _quadratic_cost(output: Any, target: Any) -> Any:
    """The quadratic cost: the sum of (output − target)² over the outputs, averaged over the examples. No ½.

    Where a text takes half of it for the cost, its learning rate of 3 is one of 1.5 here. Both have the same shape,
    (…, outputs); a single example may be (outputs,). Raises ValueError for other shapes, which would broadcast into a
    wrong number, and for no examples, which have no average.

    >>> from microgradnet import Value
    >>> from microgradnet.functional import quadratic_cost
    >>> quadratic_cost(Value([[1.0, 0.0], [0.5, 0.5]]), [[1.0, 0.0], [0.0, 1.0]])
    Value(data=0.25, grad=None)
    """
    try:
        fit = output.shape == target.shape
    except AttributeError:  # a Python number
        return _quadratic_cost(shaped(output), shaped(target))
    if not fit:
        raise ValueError(
            f"outputs of shape {output.shape}, targets of shape {target.shape}: they must be equal. "
            f"data.one_hot(labels) makes targets of labels; targets.reshape(outputs.shape) if both hold the same "
            f"elements in the same order"
        )
    if output.dtype not in ROOMY:  # where squares and sums wrap around, or end at 65,504
        dtype: Any = np.result_type(output, target)
        dtype = dtype if dtype.kind == "f" else np.float64
        return narrowed(_quadratic_cost(output.astype(wide(dtype)), target.astype(wide(dtype))), dtype)
    error = output - target
    examples = math.prod(error.shape[:-1])
    if not examples:
        raise ValueError(f"outputs of shape {output.shape}: there is no example to take the cost of")
    return add_reduce(error * error, axis=None) / examples


def _slope(g: Any, out: Any, output: Any, target: Any) -> Any:
    """The slope in the output."""
    share = 2 / math.prod(output.shape[:-1])
    if type(g) is np.float16:
        return (widened(output) - widened(target)) * (widened(g) * share)
    return (output - target) * (g * share)


# As a formula it would be four rows, a sixth of the time of a small network's step.
quadratic_cost: Op = op(
    "quadratic_cost",
    _slope,
    lambda g, out, output, target: _slope(g, out, target, output),
    forward=_quadratic_cost,
    symbol="cost",
    parameters=False,
    cases=[case((3, 2), (3, 2)), case("a", "a"), case((2, 1, 3), (2, 1, 3)), case("", "")],
)


@np.errstate(divide="ignore")
def _clamped_log(x: Any) -> Any:
    """log(x), but −100 for a smaller one: of a probability that was rounded to 0."""
    return np.maximum(np.log(x), -100.0)


# Finite, and yet with a slope at 0, steep enough to lead away from there: a formula would have 0 or NaN.
clamped_log: Op = op(
    "clamped_log",
    lambda g, out, x: g / np.maximum(x, 1e-12),
    forward=_clamped_log,
    symbol="log",
    elementwise=True,
    domain=POSITIVE,
)
