"""How a group of scalars comes by its operands: as a view of another group if it can be, else taken one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..lowering import transposed
from ..nodes import Node
from .graph import CONSTANT, FLOAT, SCALAR, Graph

FEW = 12  # so many pieces are put together as they are


class Shaped:
    """What a node to come is like."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype: Any = dtype


def part(x: Any, start: int, stop: int | None, step: int) -> Any:
    """Every `step`-th element from `start` up to `stop`: a view."""
    return x[start:stop:step]


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """The elements in another shape: a view."""
    return x.reshape(shape)


def columns(x: Any, start: int, stop: int) -> Any:
    """Some columns of a matrix: a view."""
    return x[:, start:stop]


def taken(x: Any, index: Any) -> Any:
    """The elements at an index."""
    return x.take(index)


def packed(*numbers: Any) -> Any:
    """Numbers in an array."""
    return np.array(numbers, float)


def packed_bools(*bools: Any) -> Any:
    """What is true or false in an array."""
    return np.array(bools, bool)


def picked(x: Any, i: int) -> Any:
    """One element."""
    return x[i]


VIEWS: tuple[Any, ...] = (part, reshaped, columns, transposed)


class Gathers:
    """Where the scalars of a graph are, and the nodes that bring them together.

    `group[k]` and `place[k]` say where scalar `k` is; `array[g]` is the node of a group, `alone[k]` that of a scalar.
    """

    def __init__(self, graph: Graph, of: list[int]) -> None:
        self.graph: Graph = graph
        self.group: Any = np.array(of)
        self.place: Any = np.full(len(of), -1)
        self.array: dict[int, Node] = {}
        self.alone: dict[int, Node] = {}
        self.constants: Any = np.array([float(x) for x in graph.constants])
        self.made: list[Node] = []
        self.known: dict[Any, Node] = {}
        self.line: Any = None

    def emit(
        self, function: Callable[..., Any], *args: Any, shape: tuple[int, ...], dtype: Any = FLOAT, op: Any = None,
        **params: Any,
    ) -> Node:  # fmt: skip
        """A new node, at the end of the program."""
        self.made.append(Node("call", function, args, params, like=Shaped(shape, dtype), op=op, line=self.line))
        return self.made[-1]

    def once(self, key: Any, make: Callable[[], Node]) -> Node:
        """The node that is known by a key."""
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    # ------------------------------------------------------------------------------------------------------ one scalar

    def scalar(self, k: int) -> Any:
        """One scalar: a number, or its node."""
        if k < 0:
            return self.graph.constants[-1 - k]
        if k not in self.alone:
            g, i = int(self.group[k]), int(self.place[k])
            if g == SCALAR:
                return self.graph.node[k]
            self.alone[k] = self.emit(picked, self.array[g], i, shape=(), dtype=self.dtype(k))
        return self.alone[k]

    def dtype(self, k: int) -> Any:
        """The dtype of a scalar that is no constant."""
        return self.graph.node[k].dtype or FLOAT

    # ------------------------------------------------------------------------------------------------------ many

    def operand(self, ids: Any) -> Any:
        """Scalars in an array of the shape of `ids`, or in what broadcasts to it."""
        if (ids == ids.flat[0]).all():
            return self.scalar(int(ids.flat[0]))
        if ids.ndim == 2 and (ids == ids[0]).all():
            return self.operand(ids[0])
        if ids.ndim == 2 and ids.shape[1] > 1 and (ids == ids[:, :1]).all():
            column = self.operand(ids[:, 0])
            shape = (len(ids), 1)
            if isinstance(column, np.ndarray):
                return column.reshape(shape)
            key = "column", column
            return self.once(key, lambda: self.emit(reshaped, column, shape, shape=shape, dtype=column.dtype))
        return self.full(ids)

    def full(self, ids: Any) -> Any:
        """Scalars in an array of exactly the shape of `ids`."""
        if (ids < 0).all():
            return self.numbers(ids)
        return self.once((ids.shape, ids.tobytes()), lambda: self.gathered(ids))

    def numbers(self, ids: Any) -> Any:
        """Constants in an array."""
        array = self.constants[-1 - ids]
        return array.astype(bool) if all(map(self.graph.is_bool, ids.flat)) else array

    def gathered(self, ids: Any) -> Node:
        """The node that brings scalars together that are not all constants."""
        groups = self.group[ids]
        groups[ids < 0] = CONSTANT
        first = int(groups.flat[0])
        if first >= 0 and (groups == first).all():
            return self.view(first, self.place[ids])
        flat = ids.ravel()
        pieces = self.pieces(flat, groups.ravel())
        joined = self.joined(pieces) if len(pieces) <= FEW else self.mixed(flat, groups.ravel())
        return joined if ids.ndim == 1 else self.emit(reshaped, joined, ids.shape, shape=ids.shape, dtype=joined.dtype)

    def pieces(self, ids: Any, groups: Any) -> list[Any]:
        """Runs of scalars that lie one behind the other in one group, or are numbers, or are in none."""
        places = np.where(ids >= 0, self.place[ids], 0)
        follows = (groups[1:] == groups[:-1]) & ((groups[1:] < 0) | (places[1:] == places[:-1] + 1))
        return np.split(ids, np.flatnonzero(~follows) + 1)

    def joined(self, pieces: list[Any]) -> Node:
        """Pieces, one behind the other."""
        arrays = [self.piece(ids) for ids in pieces]
        if len(arrays) == 1:
            return arrays[0]  # type: ignore[no-any-return]
        size = sum(map(len, pieces))
        return self.emit(np.concatenate, arrays, shape=(size,), dtype=self.common(arrays))

    def piece(self, ids: Any) -> Any:
        """A run of scalars of one group."""
        first = int(ids[0])
        if first < 0:
            return self.numbers(ids)
        if self.group[first] == SCALAR:
            scalars = [self.scalar(k) for k in ids.tolist()]
            dtype = np.result_type(*[self.dtype(k) for k in ids.tolist()])
            return self.emit(packed if dtype == FLOAT else packed_bools, *scalars, shape=(len(ids),), dtype=dtype)
        return self.view(int(self.group[first]), self.place[ids])

    def common(self, arrays: list[Any]) -> Any:
        """The dtype of arrays put together."""
        return np.result_type(*[x.dtype for x in arrays])

    def mixed(self, ids: Any, groups: Any) -> Node:
        """Scalars of several groups, taken from these put together."""
        index = np.empty(len(ids), np.intp)
        arrays: list[Any] = []
        begin = 0
        kinds = np.unique(groups).tolist()
        for g in kinds:
            here = groups == g
            if g < 0:
                distinct, index_here = np.unique(ids[here], return_inverse=True)
                arrays.append(self.piece(distinct))
                index[here] = begin + index_here
            else:
                arrays.append(self.array[g])
                index[here] = begin + self.place[ids[here]]
            begin += arrays[-1].shape[0]
        dtype = self.common(arrays)

        def joined() -> Node:
            return self.emit(np.concatenate, arrays, shape=(begin,), dtype=dtype)

        whole = joined() if kinds[0] < 0 else self.once(("joined", *kinds), joined)
        return self.emit(taken, whole, index, shape=(len(ids),), dtype=dtype)

    # ------------------------------------------------------------------------------------------------- of one group

    def view(self, g: int, places: Any) -> Node:
        """Elements of a group: where they lie evenly, a view."""
        key = "view", g, places.shape, places.tobytes()
        return self.once(key, lambda: self.line_of(g, places) if places.ndim == 1 else self.matrix_of(g, places))

    def line_of(self, g: int, places: Any) -> Node:
        """Elements of a group in a line."""
        array = self.array[g]
        start, size = int(places[0]), len(places)
        step = int(places[1]) - start if size > 1 else 1
        if step == 0 or not (np.diff(places) == step).all():
            return self.emit(taken, array, places.astype(np.intp), shape=(size,), dtype=array.dtype)
        if start == 0 and step == 1 and array.shape == (size,):
            return array
        stop = start + size * step
        return self.emit(part, array, start, stop if stop >= 0 else None, step, shape=(size,), dtype=array.dtype)

    def matrix_of(self, g: int, places: Any) -> Node:
        """Elements of a group as a matrix."""
        array: Any = self.array[g]
        n, m = places.shape
        start = int(places[0, 0])
        down = int(places[1, 0]) - start if n > 1 else m
        across = int(places[0, 1]) - start if m > 1 else 1
        even = (places == start + down * np.arange(n)[:, None] + across * np.arange(m)).all()
        if even and n > 1 and m > 1 and down == 1 and across >= n:
            x = self.view(g, np.ascontiguousarray(places.T))
            return self.emit(transposed, x, shape=(n, m), dtype=x.dtype)
        row = start // down if even and down > 0 else 0
        begin = row * down
        fits = even and across == 1 and start - begin + m <= down and begin + n * down <= array.shape[0]
        if not fits:
            if n == 1 or m == 1:
                x = self.view(g, places.ravel())
                return self.emit(reshaped, x, (n, m), shape=(n, m), dtype=array.dtype)
            return self.emit(taken, array, places.astype(np.intp), shape=(n, m), dtype=array.dtype)
        x = self.view(g, np.arange(begin, begin + n * down))
        x = self.once(("rows", x, down), lambda: self.emit(reshaped, x, (n, down), shape=(n, down), dtype=x.dtype))
        if down == m:
            return x
        return self.emit(columns, x, start - begin, start - begin + m, shape=(n, m), dtype=x.dtype)
