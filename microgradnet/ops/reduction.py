"""Rows that make one number of many, and `spread`, which undoes their shape."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..engine import case, op

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
