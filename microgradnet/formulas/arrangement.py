"""NumPy's functions that shape, join and cut arrays.

What is a permutation of axes goes through transpose, what cuts through slices, what joins through concatenate. The
rest is done by NumPy itself on the positions of the elements (`rearranged`), as in `ops.moves`: every argument variant
is NumPy's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..checks import unmasked
from ..core import TABLE, formula, modes, plain_data, shaped
from ..ops.moves import place, positions
from ..ops.reduction import along
from ..words import refuse


def rearranged(function: Callable[..., Any], *arrays: Any) -> Any:
    """The result of a function that moves the elements of several arrays into one, 0 where there is none."""
    arrays = tuple(map(shaped, arrays))
    starts = np.cumsum([1, *[x.size for x in arrays]])
    places = function(*[positions(x.shape, int(first)) for x, first in zip(arrays, starts, strict=False)])
    return place(np.concatenate([x.reshape(-1) for x in arrays]), places, shape=(int(starts[-1]) - 1,))


# ----------------------------------------------------------------------------------------------------------- shape


@formula(np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    shape = newshape if shape is None else shape
    if order == "A":
        order = "F" if a.ndim and a.data.flags.fnc else "C"
    if order == "F":
        return np.transpose(a.T.reshape(tuple(np.atleast_1d(shape))[::-1]))
    return TABLE[np.reshape](a, shape=shape)


@formula(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    if order == "K":  # as it lies in memory
        refuse("np.ravel(order='K') of a Value: the order in memory is no part of a computation. 'C' and 'F' are")
    return reshape(a, -1, order)


def permuted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that only permutes axes, as a transpose: NumPy shows the permutation by the strides of its result."""

    def transposed(a: Any, *args: Any, **kwargs: Any) -> Any:
        empty = np.zeros(1, np.int8)
        marked = np.lib.stride_tricks.as_strided(empty, (1,) * a.ndim, range(a.ndim))
        return a.transpose(function(marked, *args, **kwargs).strides)

    return transposed


formula(np.moveaxis)(permuted(np.moveaxis))
formula(np.rollaxis)(permuted(np.rollaxis))
formula(np.matrix_transpose, np.linalg.matrix_transpose)(permuted(np.matrix_transpose))


def atleast(ndim: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """np.atleast_1d and its like: NumPy shows where the new axes go."""

    def widened(*arrays: Any) -> Any:
        full = [
            x if x.ndim >= ndim else x.reshape(function(np.empty(x.shape, np.bool)).shape) for x in map(shaped, arrays)
        ]
        return full[0] if len(full) == 1 else tuple(full)

    return widened


formula(np.atleast_1d)(atleast(1, np.atleast_1d))
formula(np.atleast_2d)(atleast(2, np.atleast_2d))
formula(np.atleast_3d)(atleast(3, np.atleast_3d))


@formula(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(x, shape) for x in args)


@formula(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    shapes = [x.shape for x in np.meshgrid(*[np.empty(np.size(x)) for x in xi], sparse=True, indexing=indexing)]
    grid = [shaped(x).reshape(shape) for x, shape in zip(xi, shapes, strict=True)]
    return tuple(grid) if sparse else broadcast_arrays(*grid)


@formula(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return +a


if hasattr(np, "astype"):  # NumPy 2.1

    @formula(np.astype)
    def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
        return x.astype(dtype)


# ------------------------------------------------------------------------------------------------------------- joining


@formula(np.concatenate, out=2)
def concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    joined = TABLE[np.concatenate](*arrays, axis=axis)
    return joined if dtype is None else joined.astype(dtype)


@formula(np.stack, out=2)
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    joined = TABLE[np.stack](*arrays, axis=axis)
    return joined if dtype is None else joined.astype(dtype)


@formula(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([np.atleast_2d(x) for x in tup], 0, dtype=dtype)


@formula(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = [np.atleast_1d(x) for x in tup]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype)


@formula(np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([np.atleast_3d(x) for x in tup], 2)


@formula(np.column_stack)
def column_stack(tup: Any) -> Any:
    return concatenate([x if x.ndim > 1 else x.reshape((x.size, 1)) for x in map(shaped, tup)], 1)


@formula(np.block)
def block(arrays: Any) -> Any:
    parts: list[Any] = []
    tree = numbered(arrays, parts)
    return rearranged(lambda *places: np.block(placed(tree, places)), *parts)


def numbered(node: Any, parts: list[Any]) -> Any:
    """Nested lists with the number in `parts` in place of each array, which is put there."""
    if isinstance(node, list):
        return [numbered(part, parts) for part in node]
    parts.append(node)
    return len(parts) - 1


def placed(node: Any, places: Sequence[Any]) -> Any:
    """Nested lists with arrays in place of their numbers."""
    return [placed(part, places) for part in node] if isinstance(node, list) else places[node]


@formula(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        return concatenate([np.ravel(shaped(arr)), np.ravel(shaped(values))])
    return concatenate([arr, values], axis)


@formula(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    arr = shaped(arr)  # what is inserted takes the dtype of what it is inserted into
    values = shaped(values).astype(arr.dtype)
    return rearranged(lambda a, v: np.insert(a, plain_data(unmasked("obj", obj)), v, axis), arr, values)


# ------------------------------------------------------------------------------------------------------------- cutting


def cut(function: Callable[..., Any], axis_of: Callable[[int], int]) -> Callable[..., Any]:
    """np.split and its family: NumPy cuts the numbers 0, 1, 2, …, and the pieces are slices."""

    def slices(ary: Any, indices_or_sections: Any, axis: int | None = None) -> list[Any]:
        axis = axis_of(ary.ndim) if axis is None else axis
        marks = np.broadcast_to(
            np.arange(ary.shape[axis]).reshape((-1, *(1,) * (ary.ndim - 1 - axis % ary.ndim))), ary.shape
        )
        more = () if function in (np.hsplit, np.vsplit, np.dsplit) else (axis,)
        pieces = function(marks, indices_or_sections, *more)
        return [ary[along(axis, slice(*bounds(piece, axis)))] for piece in pieces]

    return slices


def bounds(piece: Any, axis: int) -> tuple[int, int]:
    n = piece.shape[axis]
    first = int(piece.min()) if piece.size else 0
    return first, first + n


formula(np.split)(cut(np.split, lambda ndim: 0))
formula(np.array_split)(cut(np.array_split, lambda ndim: 0))
formula(np.vsplit)(cut(np.vsplit, lambda ndim: 0))
formula(np.hsplit)(cut(np.hsplit, lambda ndim: 1 if ndim > 1 else 0))
formula(np.dsplit)(cut(np.dsplit, lambda ndim: 2))

if hasattr(np, "unstack"):  # NumPy 2.1

    @formula(np.unstack)
    def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
        if not x.ndim:
            raise ValueError("np.unstack of a number: it has no axis. v.reshape(1) gives it one")
        return tuple(x[along(axis, i)] for i in range(x.shape[normalize_axis_index(axis, x.ndim)]))


@formula(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    if axis is not None:
        normalize_axis_tuple(axis, np.ndim(filt))
    if np.ndim(filt) != 1 or axis not in (None, 0, -1, (0,), (-1,)):
        refuse("np.trim_zeros of a Value wants one axis")
    start, stop = modes.asked(_ends, filt, trim.lower())
    return filt[start:stop]


def _ends(data: Any, trim: str) -> tuple[int, int]:
    """Where what is not 0 begins and ends."""
    start = data.size - np.trim_zeros(data, "f").size if "f" in trim else 0
    stop = np.trim_zeros(data, "b").size if "b" in trim else data.size
    return start, stop


# --------------------------------------------------------------------------------------------------- part by part


@formula(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    rows = np.moveaxis(arr, axis, -1)
    shape = rows.shape[:-1]
    results = [func1d(row, *args, **kwargs) for row in rows.reshape((-1, rows.shape[-1]))]
    if not results:
        raise ValueError(f"np.apply_along_axis: an array of shape {arr.shape} has no rows along axis {axis}")
    out = np.stack(results).reshape((*shape, *np.shape(results[0])))
    ndim = np.ndim(results[0])
    axis = axis % arr.ndim
    return np.moveaxis(out, range(len(shape), len(shape) + ndim), range(axis, axis + ndim))


@formula(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    for axis in np.atleast_1d(axes).tolist():
        result = func(a, axis)
        a = result if np.ndim(result) == np.ndim(a) else np.expand_dims(result, axis)
    return a
