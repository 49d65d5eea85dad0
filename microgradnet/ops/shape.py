"""Rows that move elements without changing them: reshape, transpose, indexing, joining. And `astype`.

Each is linear, so its rule is its adjoint: another row of this file.
"""

from __future__ import annotations

import itertools
import operator
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import unmasked
from ..core import (
    Array,
    NonDiff,
    Op,
    Value,
    Variadic,
    as_floats,
    case,
    constant,
    fixed_view,
    formula,
    modes,
    narrowed,
    op,
    shaped,
    wide,
)  # fmt: skip
from ..words import brief, printable, written

ODD = np.array([-1, 0, 2, 0])  # an index array with a repeat and a negative
MASK = np.array([True, False, True])


def _reshape(x: Any, *, shape: Any) -> Any:
    return fixed_view(x.reshape(shape))


op(np.reshape, lambda g, out, x, *, shape: g.reshape(x.shape), forward=_reshape, cases=[
    case((2, 3), shape=(3, 2)), case((2, 3), shape=-1), case((), shape=(1, 1)), case((1, 1), shape=()),
    case((0, 3), shape=(3, 0)), case((4,), shape=(2, -1)),
])  # fmt: skip


def _transpose(x: Any, *, axes: Sequence[int] | None = None) -> Any:
    return fixed_view(x.transpose(axes))


def _transpose_back(g: Any, out: Any, x: Any, *, axes: Sequence[int] | None = None) -> Any:
    if axes is None:
        return g.transpose()
    places = [a % x.ndim for a in np.atleast_1d(axes)]
    return g.transpose(sorted(range(x.ndim), key=places.__getitem__))


op(np.transpose, _transpose_back, forward=_transpose, symbol="T", cases=[
    case("ab"), case("a", axes=0), case("abc", axes=(1, 2, 0)), case("abc", axes=(-1, 0, 1)), case(""), case("a"),
])  # fmt: skip


def _swapaxes(x: Any, *, axis1: int, axis2: int) -> Any:
    return fixed_view(x.swapaxes(axis1, axis2))


op(np.swapaxes, lambda g, out, x, *, axis1, axis2: g.swapaxes(axis1, axis2), forward=_swapaxes, cases=[
    case("abc", axis1=0, axis2=-1), case("ab", axis1=1, axis2=1),
])  # fmt: skip


def _expand_dims(a: Any, *, axis: int | tuple[int, ...]) -> Any:
    return fixed_view(np.expand_dims(a, axis))


op(np.expand_dims, lambda g, out, x, *, axis: g.reshape(x.shape), forward=_expand_dims, cases=[
    case("ab", axis=0), case("ab", axis=(0, -1)), case("", axis=0),
])  # fmt: skip


def _squeeze(a: Any, *, axis: int | tuple[int, ...] | None = None) -> Any:
    out = np.squeeze(a, axis)
    return fixed_view(out.view() if out is a and type(a) is np.ndarray else out)


op(np.squeeze, lambda g, out, x, *, axis=None: g.reshape(x.shape), forward=_squeeze, cases=[
    case("a1"), case("1a1", axis=0), case("1a1", axis=(0, -1)), case((1, 1)), case(""),
])  # fmt: skip


def _broadcast_to(array: Any, *, shape: Any) -> Any:
    return np.broadcast_to(array, shape)


# The sweep sums what was stretched.
op(np.broadcast_to, lambda g, out, x, *, shape: g, forward=_broadcast_to, cases=[
    case((3,), shape=(2, 3)), case((2, 1), shape=(2, 3)), case((), shape=(2,)), case((2,), shape=(2,)),
    case((1,), shape=(0,)), case((), shape=()), case((0, 1), shape=(0, 2)),
])  # fmt: skip


def _astype(x: Any, *, dtype: Any) -> Any:
    if dtype.kind != "f":
        raise TypeError(f"astype({dtype.name}) of a Value: only floating-point numbers have a gradient. "
                        "v.data.astype(…) converts the numbers alone")  # fmt: skip
    return x.astype(dtype)


op("astype", lambda g, out, x, *, dtype: g.astype(x.dtype), forward=_astype, cases=[
    case("ab", dtype=np.dtype(np.float64)), case("", dtype=np.dtype(np.float64)),
])  # fmt: skip

# ----------------------------------------------------------------------------------------------------------- indexing


class Slot:
    """In a recorded index, the place of an index array. The array itself is an input: it may vary, the index not."""

    def __repr__(self) -> str:
        return printable("·")


SLOT = Slot()


def parts(index: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """An index as what is fixed, with slots, and the arrays that fill the slots."""
    fixed, arrays = [], []
    for item in index if isinstance(index, tuple) else (index,):
        if item is not None and item is not ... and not isinstance(item, (int, slice, np.integer, np.bool)):
            arrays.append(index_array(item))
            item = SLOT
        fixed.append(item)
    return tuple(fixed), arrays


def index_array(item: Any) -> Any:
    """A list, array or recorded Value as an array of integers or booleans."""
    if isinstance(item, Value) and not isinstance(item, NonDiff):
        raise IndexError("an index is made of integers or booleans; a Value of floating-point numbers is neither")
    array = item if isinstance(item, NonDiff) else np.asarray(unmasked("an index", item))
    if not array.size and not isinstance(item, np.ndarray | NonDiff):
        array = np.asarray(item, dtype=np.intp)  # NumPy calls an empty list one of floats
    if array.dtype.kind not in "iub":
        raise IndexError(f"an index holds integers or booleans; got dtype {array.dtype} from {brief(item)}")
    return array


def filled(fixed: tuple[Any, ...], arrays: Sequence[Any]) -> tuple[Any, ...]:
    if not arrays:
        return fixed
    rest = iter(arrays)
    return tuple([next(rest) if item is SLOT else item for item in fixed])


def _take(x: Any, *arrays: Array, index: tuple[Any, ...]) -> Any:
    return fixed_view(x[filled(index, arrays)])


def _scatter(g: Any, *arrays: Array, shape: tuple[int, ...], index: tuple[Any, ...]) -> Any:
    """An array of zeros with `g` added at `index`, where repeated places add up: the adjoint of indexing."""
    place = filled(index, arrays)
    if all(array.dtype.kind == "b" for array in arrays):  # slices and masks name every place once
        out = np.zeros(shape, g.dtype)
        out[place] = g
        return out
    out = np.zeros(shape, wide(g.dtype))
    if index == (SLOT,) and arrays[0].size > 100 and out.ndim > 1:
        _add_rows(out, arrays[0], g)
    else:
        np.add.at(out, place, g)
    return narrowed(out, g.dtype)


def _add_rows(out: Any, rows: Array, g: Any) -> None:
    """`out[rows] += g`, repeats and all: sorted, those of one row are added in one go, 6 times as fast as np.add.at."""
    rows = np.asarray(rows, np.intp).reshape(-1) % len(out)
    order = rows.argsort(kind="stable")
    rows = rows[order]
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    sorted_rows = g.reshape((len(rows), *out.shape[1:]))[order]
    out[rows[first]] = np.add.reduceat(sorted_rows, first, axis=0, dtype=out.dtype)


scatter = op("scatter", lambda g, out, x, *arrays, shape, index: take(g, *arrays, index=index),
             forward=_scatter, kind=Op, cases=[
                 case((2,), shape=(4,), index=(slice(0, 4, 2),)), case((4, 2), ODD, shape=(3, 2), index=(SLOT,)),
                 case((2, 2), MASK, shape=(2, 3), index=(..., SLOT)), case((), shape=(), index=()),
                 case((0,), shape=(3,), index=(slice(0, 0),)),
             ])  # fmt: skip


class Take(Op):
    """Indexing. Many pieces of one Value are gathered in one array: an array of its size for each were quadratic."""

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Any, Any]) -> None:
        x, *arrays = node.args
        if create_graph or type(x) is not Value or not x.ndim or arrays or x not in pending:
            super().pull(node, g, create_graph, pending)
            return
        # Only what this very sweep has summed up is written in place; so it is noted among what is pending in it.
        gathered = pending.setdefault(self, {})  # age of a Value -> its gradient, a weak reference
        mine = gathered.get(x.age)
        if mine is not None and mine() is pending[x]:
            pending[x][node.params["index"]] += g
        else:
            super().pull(node, g, create_graph, pending)
            gathered[x.age] = weakref.ref(pending[x])  # a sum, nobody else's


take: Op = op("take", lambda g, out, x, *arrays, index: scatter(g, *arrays, shape=x.shape, index=index),
          forward=_take, kind=Take, symbol="[·]", cases=[
              case((3, 4), index=(1,)), case((3, 4), index=(-1, slice(None, None, -2))), case((3, 4), index=(..., 0)),
              case((3, 4), index=(None, slice(1, 1))), case((3, 4), index=(2, 3)), case((), index=()),
              case((), index=(None,)), case((3, 4), ODD, index=(SLOT,)),
              case((3, 4), ODD, index=(slice(1, None), SLOT)),
              case((3, 4), ODD, ODD, index=(SLOT, SLOT)), case((3, 4), ODD[:2, None], ODD, index=(SLOT, SLOT)),
              case((3, 4), MASK, index=(SLOT,)), case((3, 4), MASK, index=(SLOT, 1)),
              case((3, 2, 2), MASK, ODD[:2], index=(SLOT, slice(None), SLOT)),
              case((0, 4), index=(slice(None), 1)),
          ])  # fmt: skip


@formula(operator.getitem)
def getitem(x: Value, index: Any) -> Value:
    """`x[index]` for every kind of index NumPy has; a Value made by a comparison or an argmax can be one."""
    fixed, arrays = parts(index)
    return take.record(x, *arrays, index=fixed)


def _put(x: Any, y: Any, *arrays: Array, index: tuple[Any, ...]) -> Any:
    """`x` with `y` at `index`, in the dtype of `x`; where a place is named twice, the last one stays."""
    out = np.array(x)
    out[filled(index, arrays)] = y
    return out


def _put_rule_x(g: Any, out: Any, x: Any, y: Any, *arrays: Array, index: tuple[Any, ...]) -> Any:
    return put(g, 0.0, *arrays, index=index)


def _put_rule_y(g: Any, out: Any, x: Any, y: Any, *arrays: Array, index: tuple[Any, ...]) -> Any:
    """`g` at `index`, but 0 for what was written over again."""
    return np.where(modes.called(_stays, x.shape, index, *arrays), take(g, *arrays, index=index), 0.0)


def _stays(shape: tuple[int, ...], index: tuple[Any, ...], *arrays: Array) -> Array:
    """Whether what is written there is not written over again."""
    place = filled(index, arrays)
    writer = np.zeros(shape, np.intp)
    turns = np.arange(writer[place].size).reshape(writer[place].shape)
    writer[place] = turns
    stays: Array = writer[place] == turns
    return stays


put: Op = op("put", _put_rule_x, _put_rule_y, forward=_put, kind=Op, symbol="put", cases=[
    case((3, 4), (4,), index=(1,)), case((3, 4), "", index=(..., slice(None, None, -2))), case((), (), index=()),
    case((3, 4), (1,), ODD, index=(SLOT,)), case((3, 4), (4, 4), ODD, index=(SLOT,)),
    case((3, 4), (2, 1), ODD[:2, None], ODD, index=(SLOT, SLOT)), case((3, 4), (), MASK, index=(SLOT, 1)),
    case((2, 3), (2, 2), MASK, index=(..., SLOT)), case((0, 2), (), index=(slice(None), 1)),
])  # fmt: skip


@formula("at.set")
def set_at(x: Value, index: Any, y: Any) -> Value:
    """`x` with `y` at `index`."""
    fixed, arrays = parts(index)
    fits(x, index, y)
    return put.record(x, y, *arrays, index=fixed)


@formula("at.add")
def add_at(x: Value, index: Any, y: Any) -> Any:
    """`x` with `y` added at `index`; where a place is named twice, both are added. The result has the dtype of `x`."""
    fixed, arrays = parts(index)
    y = y if isinstance(y, Value) else constant(shaped(y))
    # What is added may be booleans or small integers, whose own sums would wrap around.
    y = np.broadcast_to(as_floats(y, np.result_type(x, y)), fits(x, index, y))
    added = scatter(y, *arrays, shape=x.shape, index=fixed)
    return x + (added if added.dtype == x.dtype else added.astype(x.dtype))


def fits(x: Value, index: Any, y: Any) -> tuple[int, ...]:
    """The shape of `x[index]`; ValueError if `y` does not broadcast to it."""
    fixed, arrays = parts(index)
    if any(isinstance(array, Value) and array.dtype == np.bool for array in arrays):  # its numbers decide
        shape: tuple[int, ...] = modes.asked(selected, x.shape, fixed, *arrays)
    else:
        some = [np.zeros(array.shape, np.intp) if isinstance(array, Value) else array for array in arrays]
        shape = selected(x.shape, fixed, *some)
    if np.broadcast_shapes(shape, np.shape(y)) != shape:
        raise ValueError(f"v.at[{written(index)}] selects shape {shape}; what is put there has shape {np.shape(y)}")
    return shape


def selected(shape: tuple[int, ...], fixed: tuple[Any, ...], *arrays: Any) -> tuple[int, ...]:
    """The shape of what an index selects of an array of `shape`."""
    chosen: tuple[int, ...] = np.shape(np.empty(shape, np.bool)[filled(fixed, arrays)])
    return chosen


# ------------------------------------------------------------------------------------------------------------ joining


def _concatenate(*arrays: Any, axis: int | None = 0) -> Any:
    return np.concatenate(arrays, axis=axis)


def _cut(g: Any, out: Any, *arrays: Any, axis: int | None = 0) -> list[Any]:
    """The piece of `g` that belongs to each array."""
    if axis is None:
        ends = itertools.accumulate(np.size(x) for x in arrays)
        return [g[end - np.size(x) : end].reshape(np.shape(x)) for x, end in zip(arrays, ends, strict=True)]
    before = (slice(None),) * (axis % g.ndim)
    lengths = [np.shape(x)[axis] for x in arrays]
    return [g[(*before, slice(end - n, end))] for n, end in zip(lengths, itertools.accumulate(lengths), strict=True)]


op(np.concatenate, _cut, forward=_concatenate, kind=Variadic, cases=[
    case("ab", "cb"), case("ab", "ac", "ad", axis=-1), case("ab", "c", "", axis=None), case("a"),
])  # fmt: skip


def _stack(*arrays: Any, axis: int = 0) -> Any:
    return np.stack(arrays, axis=axis)


def _unstack(g: Any, out: Any, *arrays: Any, axis: int = 0) -> list[Any]:
    before = (slice(None),) * (axis % g.ndim)
    return [g[(*before, i)] for i in range(len(arrays))]


op(np.stack, _unstack, forward=_stack, kind=Variadic, cases=[
    case("ab", "ab"), case("ab", "ab", "ab", axis=-1), case("", ""), case("a", axis=1),
])  # fmt: skip
