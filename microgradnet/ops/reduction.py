"""Rows that make one number of many, `spread`, which undoes their shape, running sums and products; and logsumexp."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from ..core import Op, Operand, Value, as_floats, case, narrowed, of_one, op, shaped, widened  # noqa: F401  (Value for the example)
from ..words import answering
from .elementwise import stop_gradient

# np.sum and the like, without their Python wrappers
add_reduce: Any = np.add.reduce
maximum_reduce: Any = np.maximum.reduce
minimum_reduce: Any = np.minimum.reduce

Axis: TypeAlias = int | tuple[int, ...] | None

CASES = [
    case("abc"), case("abc", axis=0), case("abc", axis=-1, keepdims=True), case("abc", axis=(0, 2)),
    case("abc", axis=(-1, 0), keepdims=True), case("ab", axis=(), keepdims=True), case("ab", axis=()),
    case("a1b", axis=1), case("a", keepdims=True), case(""), case("", keepdims=True),
    case("", axis=0), case("", axis=-1, keepdims=True),
]  # fmt: skip
CASES_NOT_EMPTY = [case((2, 3, 2), **params) for inputs, params in CASES if inputs == ("abc",)] + [
    case((4, 1), axis=(), keepdims=True), case(()), case((), axis=-1),
]  # fmt: skip


def _kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape that `keepdims=True` would have left."""
    if axis is None or not shape:  # NumPy lets a number be reduced over axis 0
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def _spread(g: Any, *, shape: tuple[int, ...], axis: Axis = None, keepdims: bool = False) -> Any:
    """`g`, the shape of a reduction's result, repeated over the axes that were reduced: the adjoint of sum."""
    out = np.empty(shape, g.dtype)
    out[...] = g if keepdims or axis is None else g.reshape(_kept(shape, axis))
    return out


spread = op("spread", lambda g, out, x, *, shape, axis=None, keepdims=False: g.sum(axis=axis, keepdims=keepdims),
            forward=_spread, cases=[
                case((), shape=(2, 3)), case((2,), shape=(2, 3), axis=1),
                case((1, 3), shape=(2, 3), axis=0, keepdims=True),
                case((), shape=()), case((3,), shape=(2, 3, 4), axis=(0, -1)), case((0,), shape=(0, 2), axis=1),
            ])  # fmt: skip


def _sum(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return add_reduce(x, axis=axis, keepdims=keepdims)


op(np.sum, lambda g, out, x, *, axis=None, keepdims=False: spread(g, shape=x.shape, axis=axis, keepdims=keepdims),
   forward=_sum, symbol="Σ", cases=CASES)  # fmt: skip


def _extreme_rule(g: Any, out: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """`g` to the elements that are the extreme, in equal parts to each of several; a NaN is the extreme."""
    there = {"shape": x.shape, "axis": axis, "keepdims": keepdims}
    hit = (x == spread(out, **there)) | np.isnan(x)
    count = hit.sum(axis=axis, keepdims=keepdims)  # in int64: a float16 count of 70,000 would overflow
    return np.where(hit, spread((g / count).astype(g.dtype), **there), 0.0)


def _max(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return maximum_reduce(x, axis=axis, keepdims=keepdims)


def _min(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return minimum_reduce(x, axis=axis, keepdims=keepdims)


op(np.max, _extreme_rule, forward=_max, cases=CASES_NOT_EMPTY)
op(np.min, _extreme_rule, forward=_min, cases=CASES_NOT_EMPTY)


def _argmax(x: Any, *, axis: int | None = None, keepdims: bool = False) -> Any:
    return x.argmax(axis=axis, keepdims=keepdims)


def _argmin(x: Any, *, axis: int | None = None, keepdims: bool = False) -> Any:
    return x.argmin(axis=axis, keepdims=keepdims)


def _any(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.any(axis=axis, keepdims=keepdims)


def _all(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.all(axis=axis, keepdims=keepdims)


op(np.argmax, None, forward=_argmax, cases=[case((2, 3)), case((2, 3), axis=1)])
op(np.argmin, None, forward=_argmin, cases=[case((2, 3)), case((2, 3), axis=1)])
op(np.any, None, forward=_any, cases=[case((2, 3)), case((2, 3), axis=1)])
op(np.all, None, forward=_all, cases=[case((2, 3)), case((2, 3), axis=1)])

# --------------------------------------------------------------------------------------------------- running totals


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """What selects `index` on one axis and everything on the others."""
    return (..., index, *(slice(None),) * (-axis - 1)) if axis < 0 else (*(slice(None),) * axis, index)


BACKWARDS = slice(None, None, -1)


def _cumsum(a: Any, *, axis: int) -> Any:
    return np.cumsum(a, axis)


def _cumsum_rule(g: Any, out: Any, x: Any, *, axis: int) -> Any:
    return cumsum(widened(g)[along(axis, BACKWARDS)], axis=axis)[along(axis, BACKWARDS)]


def _cumprod(a: Any, *, axis: int) -> Any:
    return np.cumprod(a, axis)


def _shifted(x: Any, by: int, axis: int, fill: float) -> Any:
    """`x` moved along an axis, towards its end for a positive `by`, with `fill` where nothing came."""
    n = x.shape[axis]
    edge = np.full((*x.shape[:axis], min(abs(by), n), *x.shape[axis + 1 :]), fill, x.dtype)
    if by > 0:
        return np.concatenate([edge, x[along(axis, slice(0, max(n - by, 0)))]], axis=axis)
    return np.concatenate([x[along(axis, slice(-by, None))], edge], axis=axis)


def _cumprod_rule(g: Any, out: Any, x: Any, *, axis: int) -> Any:
    """What comes before x times Σ over later outputs of g times what lies between: no division, so zeros are exact.

    The sum obeys s[i] = g[i] + x[i + 1] · s[i + 1], solved by doubling: log₂ n rounds, each joining neighbours.
    """
    axis = axis % x.ndim
    factor, total = _shifted(x, -1, axis, 0.0), g
    by = 1
    while by < x.shape[axis]:
        total = total + factor * _shifted(total, -by, axis, 0.0)
        factor = factor * _shifted(factor, -by, axis, 0.0)
        by *= 2
    return total * _shifted(out, 1, axis, 1.0)


ZEROS = np.array([[2.0, 0.0, 3.0, 1.5], [0.0, 0.5, 0.0, 2.0], [0.0, 0.0, 0.0, 1.0]])  # one, two and three in a row
RUNNING = [
    case("ab", axis=0), case("ab", axis=-1), case("a", axis=0), case((5,), axis=0), case((2, 4, 2), axis=1),
    case(ZEROS, axis=0), case(ZEROS, axis=1),
]  # fmt: skip

cumsum: Op = op(np.cumsum, _cumsum_rule, forward=_cumsum, cases=RUNNING)
cumprod: Op = op(np.cumprod, _cumprod_rule, forward=_cumprod, cases=RUNNING)


def _prod(a: Any, *, axis: int = -1) -> Any:
    return np.multiply.reduce(a, axis=axis)


def _prod_rule(g: Any, out: Any, x: Any, *, axis: int = -1) -> Any:
    """The product of all the others, made of what lies before and what lies behind: no division by a zero."""
    axis = axis % x.ndim
    before = _shifted(cumprod(x, axis=axis), 1, axis, 1.0)
    backwards = along(axis, BACKWARDS)
    behind = _shifted(cumprod(x[backwards], axis=axis), 1, axis, 1.0)[backwards]
    return g.reshape(_kept(x.shape, axis)) * before * behind


# Over one axis; the formula of np.prod makes one of several.
prod: Op = op(np.prod, _prod_rule, forward=_prod, symbol="Π", cases=[
    case("ab", axis=0), case("ab"), case("a"), case((2, 3, 2), axis=1), case(ZEROS, axis=0), case(ZEROS),
])  # fmt: skip

# ---------------------------------------------------------------------------------------------- recorded, nothing flows


def _argsort(a: Any, *, axis: int | None = -1) -> Any:
    """The order in which `a` is sorted; equals keep theirs."""
    return np.argsort(a, axis=axis, kind="stable")


def _partition_order(a: Any, *, kth: Any, axis: int = -1) -> Any:
    """Where np.partition takes its elements from: what has rank r in its result is what has rank r in `a`."""
    ranks = np.argsort(np.argsort(np.partition(a, kth, axis), axis=axis, kind="stable"), axis=axis)
    return np.take_along_axis(np.argsort(a, axis=axis, kind="stable"), ranks, axis)


def _searchsorted(a: Any, v: Any, *, side: Any = "left") -> Any:
    return np.searchsorted(a, v, side=side)


def _count_nonzero(a: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.asarray(np.count_nonzero(a, axis=axis, keepdims=keepdims))[()]


argsort: Op = op(np.argsort, None, forward=_argsort, cases=[case("ab"), case("ab", axis=0), case("ab", axis=None)])
partition_order: Op = op("partition_order", None, forward=_partition_order, cases=[case((5, 2), kth=2, axis=0)])
searchsorted: Op = op(np.searchsorted, None, None, forward=_searchsorted, kind=Op, cases=[
    case(np.arange(4.0), "ab"), case(np.arange(4.0), "", side="right"),
])  # fmt: skip
op(np.count_nonzero, None, forward=_count_nonzero, cases=[case("ab"), case("ab", axis=0, keepdims=True), case("")])

# ---------------------------------------------------------------------------------------------------------- logsumexp


@of_one
@answering
def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`, without overflow. All −inf gives −inf, and a gradient of 0.

    >>> logsumexp(Value([1000.0, 1000.0]))
    Value(data=1000.6931471805599, grad=None)
    """
    x = as_floats(x)
    dtype, x = x.dtype, widened(x)
    top = peak(x, axis)
    total = np.exp(x - top).sum(axis=axis, keepdims=True)
    nothing = total == 0
    out = np.where(nothing, -math.inf, np.log(np.where(nothing, 1.0, total)) + top)
    out = narrowed(out, dtype)
    return out if keepdims else out.squeeze(axis=axis if axis is not None else tuple(range(x.ndim)))


def peak(x: Any, axis: Axis) -> Any:
    """The maximum over `axis`, kept, 0 if infinite: what to subtract from `x` before exponentiating.

    Nothing flows back through it: the result does not depend on which number it is.
    """
    peak = stop_gradient(x.max(axis=axis, keepdims=True))
    return np.where(np.isfinite(peak), peak, 0.0)
