"""NumPy's functions that choose, sort, search and count: which elements is NumPy's answer, taken from the numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core import TABLE, Value, all_plain, as_floats, formula, modes, narrowed, plain, plain_data, shaped
from ..ops.moves import collect
from ..ops.reduction import along, argsort, partition_order, searchsorted
from ..ops.shape import index_array
from ..words import refuse
from .arrangement import append, broadcast_arrays, stack
from .reductions import reduced_axes


@formula(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise ValueError("np.where takes a condition alone, or a condition and both of x and y")
    return TABLE[np.where].record(condition, x, y)


def whole(index: Any) -> Any:
    """An index of integers: np.take and np.choose take True for 1, where v[…] takes it for a mask."""
    return index * 1 if index.dtype.kind == "b" else index


@formula(np.take, out=3)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    if axis is None:
        a, axis = np.ravel(shaped(a)), 0
    a, indices = shaped(a), whole(index_array(indices))
    if not a.ndim:
        reduced_axes(axis, 0)
        a = a.reshape((1,))  # NumPy takes a number for an array of one
    axis = normalize_axis_index(axis, a.ndim)
    if mode != "raise":
        n, indices = a.shape[axis], indices.astype(np.intp)
        indices = np.minimum(np.maximum(indices, 0), n - 1) if mode == "clip" else indices % n
    return a[along(axis, indices[()] if isinstance(indices, np.ndarray) else indices)]


@formula(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        arr, axis = np.ravel(shaped(arr)), 0
    arr, indices = shaped(arr), index_array(indices)
    if arr.ndim and indices.ndim != arr.ndim:
        raise ValueError(f"indices has {indices.ndim} axes, the array {arr.ndim}: np.take_along_axis wants as many")
    axis = normalize_axis_index(axis, arr.ndim)
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in arr.shape)])
    grid[axis] = indices
    return arr[tuple(grid)]


@formula(np.sort)
def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: Any = False
) -> Any:
    """Equals keep their order, whatever the `kind`: the gradient of a tie goes to the element that came first.

    `descending` is of NumPy 2.5.
    """
    if axis is None:
        a, axis = np.ravel(a), -1
    axis = normalize_axis_index(axis, np.ndim(a))
    return take_along_axis(a, argsort_formula(a, axis, descending=descending), axis)


@formula(np.argsort)
def argsort_formula(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: Any = False
) -> Any:
    if descending:  # NaN is last then too
        a = np.logical_not(a) if a.dtype.kind == "b" else -a
    return argsort(a, axis=axis)


@formula(np.searchsorted)
def searchsorted_formula(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    return searchsorted(a if sorter is None else a[sorter], v, side=side)


@formula(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Recorded: the bin of each element of `x`, for bins that rise."""
    bins = shaped(bins)
    modes.checked(_rising, bins)
    return searchsorted(bins, x, side="left" if right else "right")


def _rising(bins: Any) -> None:
    if np.any(np.diff(bins) < 0):
        refuse("np.digitize of a Value wants bins that rise; turn them around, bins[::-1]")


@formula(np.choose, out=2)
def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    kinds = [x if isinstance(x, (int, float)) else shaped(x).dtype for x in choices]
    dtype = np.result_type(*kinds)
    a, *choices = broadcast_arrays(whole(index_array(a)), *choices)
    if mode != "raise":
        n, a = len(choices), a.astype(np.intp)  # there may be more choices than small integers count
        a = np.minimum(np.maximum(a, 0), n - 1) if mode == "clip" else a % n
    else:
        modes.checked(_no_negative_index, a, len(choices))
    return stack(choices, dtype=dtype if dtype.kind == "f" else None)[(a, *np.ogrid[tuple(slice(n) for n in a.shape)])]


def _no_negative_index(a: Any, n: int) -> None:
    if np.any(a < 0):
        raise ValueError(f"np.choose: an index is negative; wanted 0 to {n - 1}")


@formula(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError(f"np.select wants as many choices as conditions; got {len(choicelist)} and {len(condlist)}")
    dtype = np.result_type(*[plain_data(plain(x)) for x in (*choicelist, default)])
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        if shaped(condition).dtype.kind != "b":
            raise TypeError(f"np.select wants conditions of booleans; got dtype {shaped(condition).dtype}")
        result = np.where(condition, choice, result)
    result = narrowed(result, dtype)
    shape = np.broadcast_shapes(*map(np.shape, [*condlist, *choicelist]))
    return np.broadcast_to(result, shape) if np.shape(result) != shape else result


@formula(np.compress, out=3)
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return take(a, np.flatnonzero(plain_data(shaped(condition))), axis)


@formula(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return take(arr, np.flatnonzero(plain_data(shaped(condition))))


@formula(np.unique)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
           axis: int | None = None, **more: Any) -> Any:  # fmt: skip
    np_unique: Any = np.unique
    _, first, *rest = np_unique(plain_data(ar), True, return_inverse, return_counts, axis, **more)
    values = take(ar, first, axis)
    rest = [first] * return_index + rest
    return (values, *rest) if rest else values


@formula(np.unique_values)
def unique_values(x: Any) -> Any:
    return unique(x)


@formula(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    return unique(append(ar1, ar2))


@formula(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return take_along_axis(a, partition_order(a, kth=kth, axis=axis), axis)


@formula(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = shaped(x)
    conditions = [
        plain_data(shaped(c)) for c in ([condlist] if np.ndim(condlist[0]) < x.ndim or not x.ndim else condlist)
    ]
    if len(funclist) == len(conditions) + 1:  # the last is for what no condition names
        conditions.append(~functools.reduce(np.logical_or, conditions))
    if len(funclist) != len(conditions):
        raise ValueError(f"np.piecewise wants a function for each of {len(conditions)} conditions; got {len(funclist)}")
    out = Value(np.zeros(x.shape, x.dtype))
    for condition, function in zip(conditions, funclist, strict=True):
        where_true = np.broadcast_to(condition, x.shape)
        out = out.at[where_true].set(function(x[where_true], *args, **kw) if callable(function) else function)
    return out


@formula(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    if type(x) is Value or weights is None:
        refuse("np.bincount counts integers; a Value can be its weights")
    places, weights = plain_data(shaped(x)), shaped(weights)
    size = np.bincount(places, plain_data(weights), minlength).size  # or NumPy's own objections
    return collect(as_floats(weights, np.float64), places.astype(np.intp) + 1, shape=(size,))


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.histogram and its like: of plain numbers, unless a Value is among the weights."""

    def counts(*args: Any, **kwargs: Any) -> Any:
        if isinstance(kwargs.get("weights"), Value) or any(isinstance(x, Value) for x in args[3:]):
            refuse(f"np.{function.__name__} of weights that are a Value. np.bincount(bins, weights) is recorded")
        return function(*map(all_plain, args), **{name: all_plain(x) for name, x in kwargs.items()})

    return counts


formula(np.histogram)(counted(np.histogram))
formula(np.histogram2d)(counted(np.histogram2d))
formula(np.histogramdd)(counted(np.histogramdd))
