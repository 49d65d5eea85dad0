"""NumPy's functions that join, split, repeat, sort and choose.

What is a permutation of axes goes through transpose, what cuts through slices, what joins through concatenate. The
rest is done by NumPy itself on the positions of the elements (`rearranged`), as in `ops.moves`: every argument variant
is NumPy's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import FORMULAS, TABLE, Value, all_numbers, numbers, shaped
from ..ops.moves import collect, place, positions
from ..ops.reduction import along, argsort, partition_order, searchsorted
from ..ops.shape import index_array
from ..words import refuse
from .reductions import refuse_out


def rearranged(function: Callable[..., Any], *arrays: Any) -> Any:
    """The result of a function that moves the elements of several arrays into one, 0 where there is none."""
    arrays = tuple(map(shaped, arrays))
    starts = np.cumsum([1, *[x.size for x in arrays]])
    places = function(*[positions(x.shape, int(first)) for x, first in zip(arrays, starts, strict=False)])
    return place(np.concatenate([x.reshape(-1) for x in arrays]), places, shape=(int(starts[-1]) - 1,))


# ----------------------------------------------------------------------------------------------------------- shape


def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    a, shape = shaped(a), newshape if shape is None else shape
    if order == "A":
        order = "F" if isinstance(a, Value) and a.ndim and a.data.flags.fnc else "C"
    if order == "F":
        return np.transpose(a.T.reshape(tuple(np.atleast_1d(shape))[::-1]))
    return TABLE[np.reshape](a, shape=shape)


def ravel(a: Any, order: str = "C") -> Any:
    if order == "K":  # as it lies in memory
        refuse("np.ravel(order='K') of a Value: the order in memory is no part of a computation. 'C' and 'F' are")
    return reshape(a, -1, order)


def permuted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that only permutes axes, as a transpose: NumPy shows the permutation by the strides of its result."""

    def formula(a: Any, *args: Any, **kwargs: Any) -> Any:
        empty = np.zeros(1, np.int8)
        marked = np.lib.stride_tricks.as_strided(empty, (1,) * a.ndim, range(a.ndim))
        return a.transpose(function(marked, *args, **kwargs).strides)

    return formula


def atleast(ndim: int, function: Callable[..., Any]) -> Callable[..., Any]:
    def formula(*arrays: Any) -> Any:
        full = [
            x if x.ndim >= ndim else x.reshape(function(np.empty(x.shape, np.bool)).shape) for x in map(shaped, arrays)
        ]
        return full[0] if len(full) == 1 else tuple(full)

    return formula


def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(x, shape) for x in args)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    shapes = [x.shape for x in np.meshgrid(*[np.empty(np.size(x)) for x in xi], sparse=True, indexing=indexing)]
    grid = [shaped(x).reshape(shape) for x, shape in zip(xi, shapes, strict=True)]
    return tuple(grid) if sparse else broadcast_arrays(*grid)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return x.astype(dtype)


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return +shaped(a)


FORMULAS[np.reshape] = reshape
FORMULAS[np.ravel] = ravel
FORMULAS[np.moveaxis] = permuted(np.moveaxis)
FORMULAS[np.rollaxis] = permuted(np.rollaxis)
FORMULAS[np.matrix_transpose] = FORMULAS[np.linalg.matrix_transpose] = permuted(np.matrix_transpose)
FORMULAS[np.atleast_1d] = atleast(1, np.atleast_1d)
FORMULAS[np.atleast_2d] = atleast(2, np.atleast_2d)
FORMULAS[np.atleast_3d] = atleast(3, np.atleast_3d)
FORMULAS[np.broadcast_arrays] = broadcast_arrays
FORMULAS[np.meshgrid] = meshgrid
FORMULAS[np.copy] = copy
if hasattr(np, "astype"):  # NumPy 2.1
    FORMULAS[np.astype] = astype

# ------------------------------------------------------------------------------------------------------------- joining


def concatenate(arrays: Any, /, axis: int | None = 0, out: Any = None, *, dtype: Any = None,
                casting: str = "same_kind") -> Any:  # fmt: skip
    refuse_out("concatenate", out)
    joined = TABLE[np.concatenate](*arrays, axis=axis)
    return joined if dtype is None else joined.astype(dtype)


def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    refuse_out("stack", out)
    joined = TABLE[np.stack](*arrays, axis=axis)
    return joined if dtype is None else joined.astype(dtype)


def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([np.atleast_2d(x) for x in tup], 0, dtype=dtype)


def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = [np.atleast_1d(x) for x in tup]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype)


def dstack(tup: Any) -> Any:
    return concatenate([np.atleast_3d(x) for x in tup], 2)


def column_stack(tup: Any) -> Any:
    return concatenate([x if x.ndim > 1 else x.reshape((x.size, 1)) for x in map(shaped, tup)], 1)


def block(arrays: Any) -> Any:
    parts: list[Any] = []

    def numbered(node: Any) -> Any:
        """The nested lists with a number for each array."""
        if isinstance(node, list):
            return [numbered(part) for part in node]
        parts.append(node)
        return len(parts) - 1

    def placed(node: Any, places: Sequence[Any]) -> Any:
        return [placed(part, places) for part in node] if isinstance(node, list) else places[node]

    tree = numbered(arrays)
    return rearranged(lambda *places: np.block(placed(tree, places)), *parts)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        return concatenate([np.ravel(shaped(arr)), np.ravel(shaped(values))])
    return concatenate([arr, values], axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    arr = shaped(arr)  # what is inserted takes the dtype of what it is inserted into
    values = values.astype(arr.dtype) if isinstance(values, Value) else np.asarray(values, arr.dtype)
    return rearranged(lambda a, v: np.insert(a, numbers(obj), v, axis), arr, values)


FORMULAS[np.concatenate] = concatenate
FORMULAS[np.stack] = stack
FORMULAS[np.vstack] = vstack
FORMULAS[np.hstack] = hstack
FORMULAS[np.dstack] = dstack
FORMULAS[np.column_stack] = column_stack
FORMULAS[np.block] = block
FORMULAS[np.append] = append
FORMULAS[np.insert] = insert

# ------------------------------------------------------------------------------------------------------------- cutting


def cut(function: Callable[..., Any], axis_of: Callable[[int], int]) -> Callable[..., Any]:
    """np.split and its family: NumPy cuts the numbers 0, 1, 2, …, and the pieces are slices."""

    def formula(ary: Any, indices_or_sections: Any, axis: int | None = None) -> list[Any]:
        axis = axis_of(ary.ndim) if axis is None else axis
        marks = np.broadcast_to(
            np.arange(ary.shape[axis]).reshape((-1, *(1,) * (ary.ndim - 1 - axis % ary.ndim))), ary.shape
        )
        more = () if function in (np.hsplit, np.vsplit, np.dsplit) else (axis,)
        pieces = function(marks, indices_or_sections, *more)
        return [ary[along(axis, slice(*bounds(piece, axis)))] for piece in pieces]

    return formula


def bounds(piece: Any, axis: int) -> tuple[int, int]:
    n = piece.shape[axis]
    first = int(piece.min()) if piece.size else 0
    return first, first + n


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    return tuple(x[along(axis, i)] for i in range(x.shape[axis]))


FORMULAS[np.split] = cut(np.split, lambda ndim: 0)
FORMULAS[np.array_split] = cut(np.array_split, lambda ndim: 0)
FORMULAS[np.vsplit] = cut(np.vsplit, lambda ndim: 0)
FORMULAS[np.hsplit] = cut(np.hsplit, lambda ndim: 1 if ndim > 1 else 0)
FORMULAS[np.dsplit] = cut(np.dsplit, lambda ndim: 2)
if hasattr(np, "unstack"):  # NumPy 2.1
    FORMULAS[np.unstack] = unstack


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    if np.ndim(filt) != 1 or axis not in (None, 0, -1):
        refuse("np.trim_zeros of a Value wants one axis")
    data = numbers(filt)
    start = data.size - np.trim_zeros(data, "f").size if "f" in trim.lower() else 0
    stop = np.trim_zeros(data, "b").size if "b" in trim.lower() else data.size
    return filt[start : max(start, stop)]


FORMULAS[np.trim_zeros] = trim_zeros

# ------------------------------------------------------------------------------------------------------------ choosing


def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise ValueError("np.where takes a condition alone, or a condition and both of x and y")
    return TABLE[np.where].record(condition, x, y)


def whole(index: Any) -> Any:
    """An index of integers: np.take and np.choose take True for 1, where v[…] takes it for a mask."""
    return index * 1 if index.dtype.kind == "b" else index


def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    refuse_out("take", out)
    if axis is None:
        a, axis = np.ravel(shaped(a)), 0
    a, indices = shaped(a), whole(index_array(indices))
    if mode != "raise":
        n = a.shape[axis]
        indices = np.minimum(np.maximum(indices, 0), n - 1) if mode == "clip" else indices % n
    return a[along(axis, indices[()] if isinstance(indices, np.ndarray) else indices)]


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        arr, axis = np.ravel(shaped(arr)), 0
    arr, indices = shaped(arr), index_array(indices)
    if indices.ndim != arr.ndim:
        raise ValueError(f"indices has {indices.ndim} axes, the array {arr.ndim}: np.take_along_axis wants as many")
    axis = axis % arr.ndim
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in arr.shape)])
    grid[axis] = indices
    return arr[tuple(grid)]


def sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Equals keep their order, whatever the `kind`: the gradient of a tie goes to the element that came first."""
    if axis is None:
        a, axis = np.ravel(a), -1
    return take_along_axis(a, argsort(a, axis=axis), axis)


def argsort_formula(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return argsort(a, axis=axis)


def searchsorted_formula(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    return searchsorted(a if sorter is None else a[sorter], v, side=side)


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Recorded: the bin of each element of `x`, for bins that rise."""
    bins = shaped(bins)
    if np.any(np.diff(numbers(bins)) < 0):
        refuse("np.digitize of a Value wants bins that rise; turn them around, bins[::-1]")
    return searchsorted(bins, x, side="left" if right else "right")


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    refuse_out("choose", out)
    kinds = [x if isinstance(x, (int, float)) else shaped(x).dtype for x in choices]
    dtype = np.result_type(*kinds)
    a, *choices = broadcast_arrays(whole(index_array(a)), *choices)
    if mode != "raise":
        n = len(choices)
        a = np.minimum(np.maximum(a, 0), n - 1) if mode == "clip" else a % n
    elif np.any(numbers(a) < 0):
        raise ValueError(f"np.choose: an index is negative; wanted 0 to {len(choices) - 1}")
    return stack(choices, dtype=dtype if dtype.kind == "f" else None)[(a, *np.ogrid[tuple(slice(n) for n in a.shape)])]


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError(f"np.select wants as many choices as conditions; got {len(choicelist)} and {len(condlist)}")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        if shaped(condition).dtype.kind != "b":
            raise TypeError(f"np.select wants conditions of booleans; got dtype {shaped(condition).dtype}")
        result = np.where(condition, choice, result)
    shape = np.broadcast_shapes(*map(np.shape, [*condlist, *choicelist]))
    return np.broadcast_to(result, shape) if np.shape(result) != shape else result


def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    refuse_out("compress", out)
    return take(a, np.flatnonzero(numbers(shaped(condition))), axis)


def extract(condition: Any, arr: Any) -> Any:
    return take(arr, np.flatnonzero(numbers(shaped(condition))))


def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
           axis: int | None = None, **more: Any) -> Any:  # fmt: skip
    np_unique: Any = np.unique
    _, first, *rest = np_unique(numbers(ar), True, return_inverse, return_counts, axis, **more)
    values = take(ar, first, axis)
    rest = [first] * return_index + rest
    return (values, *rest) if rest else values


def unique_values(x: Any, /) -> Any:
    return unique(x)


def union1d(ar1: Any, ar2: Any) -> Any:
    return unique(append(ar1, ar2))


def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return take_along_axis(a, partition_order(a, kth=kth, axis=axis), axis)


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = shaped(x)
    conditions = [numbers(shaped(c)) for c in ([condlist] if np.ndim(condlist[0]) < x.ndim or not x.ndim else condlist)]
    if len(funclist) == len(conditions) + 1:  # the last is for what no condition names
        conditions.append(~np.any(conditions, axis=0))
    if len(funclist) != len(conditions):
        raise ValueError(f"np.piecewise wants a function for each of {len(conditions)} conditions; got {len(funclist)}")
    out = Value(np.zeros(x.shape, x.dtype))
    for condition, function in zip(conditions, funclist, strict=True):
        where_true = np.broadcast_to(condition, x.shape)
        out = out.at[where_true].set(function(x[where_true], *args, **kw) if callable(function) else function)
    return out


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    if type(x) is Value or weights is None:
        refuse("np.bincount counts integers; a Value can be its weights")
    places = numbers(shaped(x))
    size = max(int(places.max()) + 1 if places.size else 0, minlength)
    return collect(shaped(weights).astype(np.float64), places + 1, shape=(size,))


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.histogram and its like: a look at the numbers, unless a Value is among the weights."""

    def formula(*args: Any, **kwargs: Any) -> Any:
        if isinstance(kwargs.get("weights"), Value) or any(isinstance(x, Value) for x in args[3:]):
            refuse(f"np.{function.__name__} of weights that are a Value. np.bincount(bins, weights) is recorded")
        return function(*map(all_numbers, args), **{name: all_numbers(x) for name, x in kwargs.items()})

    return formula


def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
              *, device: Any = None) -> Any:  # fmt: skip
    if not isinstance(fill_value, Value):
        return np.full_like(numbers(a), fill_value, dtype, shape=shape)
    filled: Any = np.broadcast_to(fill_value, np.shape(a) if shape is None else shape)
    return filled.astype(shaped(a).dtype if dtype is None else dtype)


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0, *, device: Any = None) -> Any:  # fmt: skip
    kind = np.linspace(numbers(start), numbers(stop), 1).dtype
    start, stop = (x.astype(kind) for x in broadcast_arrays(start, stop))
    share = np.linspace(0.0, 1.0, num, endpoint, dtype=kind)
    share = share.reshape((num, *(1,) * start.ndim))
    ramp = np.moveaxis(start * (1 - share) + stop * share, 0, axis)
    ramp = ramp if dtype is None else ramp.astype(dtype)
    return (ramp, (stop - start) / max(num - 1 if endpoint else num, 1)) if retstep else ramp


def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
             axis: int = 0) -> Any:  # fmt: skip
    base = base if type(base) in (int, float) else shaped(base)  # a Python number takes the dtype of the ramp
    if np.ndim(base):
        start, stop, base = broadcast_arrays(start, stop, base)
        base = np.expand_dims(base, axis)
    ramp = base ** linspace(start, stop, num, endpoint, axis=axis)
    return ramp if dtype is None else ramp.astype(dtype)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    sign = np.sign(numbers(shaped(start)))
    if np.any(sign * np.sign(numbers(shaped(stop))) <= 0):
        raise ValueError("np.geomspace of a Value wants two ends of the same sign, neither 0")
    logs = linspace(np.log(np.abs(start)), np.log(np.abs(stop)), num, endpoint, axis=axis)
    ramp = np.exp(logs) * np.expand_dims(
        np.broadcast_to(sign, np.broadcast_shapes(np.shape(start), np.shape(stop))), axis
    )
    return ramp if dtype is None else ramp.astype(dtype)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    rows = np.moveaxis(arr, axis, -1)
    shape = rows.shape[:-1]
    results = [func1d(row, *args, **kwargs) for row in rows.reshape((-1, rows.shape[-1]))]
    if not results:
        raise ValueError(f"np.apply_along_axis: an array of shape {arr.shape} has no rows along axis {axis}")
    out = np.stack(results).reshape((*shape, *np.shape(results[0])))
    ndim = np.ndim(results[0])
    axis = axis % arr.ndim
    return np.moveaxis(out, tuple(range(len(shape), len(shape) + ndim)), tuple(range(axis, axis + ndim)))


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    for axis in np.atleast_1d(axes):
        result = func(a, int(axis))
        a = result if np.ndim(result) == np.ndim(a) else np.expand_dims(result, int(axis))
    return a


FORMULAS[np.where] = where
FORMULAS[np.take] = take
FORMULAS[np.take_along_axis] = take_along_axis
FORMULAS[np.sort] = sort
FORMULAS[np.argsort] = argsort_formula
FORMULAS[np.searchsorted] = searchsorted_formula
FORMULAS[np.digitize] = digitize
FORMULAS[np.choose] = choose
FORMULAS[np.select] = select
FORMULAS[np.compress] = compress
FORMULAS[np.extract] = extract
FORMULAS[np.unique] = unique
FORMULAS[np.unique_values] = unique_values
FORMULAS[np.union1d] = union1d
FORMULAS[np.partition] = partition
FORMULAS[np.piecewise] = piecewise
FORMULAS[np.bincount] = bincount
FORMULAS[np.histogram] = counted(np.histogram)
FORMULAS[np.histogram2d] = counted(np.histogram2d)
FORMULAS[np.histogramdd] = counted(np.histogramdd)
FORMULAS[np.full_like] = full_like
FORMULAS[np.linspace] = linspace
FORMULAS[np.logspace] = logspace
FORMULAS[np.geomspace] = geomspace
FORMULAS[np.apply_along_axis] = apply_along_axis
FORMULAS[np.apply_over_axes] = apply_over_axes
