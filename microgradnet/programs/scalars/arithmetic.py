"""What computes a group of scalars: a function of arrays, a sum, a product of matrices, and in which order they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import TABLE
from ..lowering import transposed
from ..nodes import Node
from .gathers import Gathers, reshaped
from .graph import Graph, Way
from .groups import Group, Part, Table, table_of

FEW = 3  # so many scalars are added up one by one

MULTIPLY: Any = TABLE[np.multiply]
ADD: Any = TABLE[np.add]
SUM: Any = TABLE[np.sum]


class Arithmetic:
    """Computes groups. What ends in parameters, `owner`, lies as these do, at `position`."""

    def __init__(self, graph: Graph, gathers: Gathers, owner: dict[int, int], position: dict[int, int]) -> None:
        self.graph: Graph = graph
        self.gathers: Gathers = gathers
        self.owner: dict[int, int] = owner  # scalar -> id of a Value
        self.position: dict[int, int] = position  # id of a Value -> its place in its home

    def compute(self, group: Group) -> None:
        """The nodes of a group."""
        self.gathers.line = self.graph.node[int(group.members[0])].line
        if len(group.members) == 1:
            k = int(group.members[0])
            self.gathers.alone[k] = self.single_sum(group) if group.parts else self.single(k)
        elif group.table is not None:
            self.table(group)
        elif group.parts:
            self.sums(group)
        else:
            self.elementwise(group)

    def put(self, group: Group, members: Any, array: Node) -> None:
        """Note where the members of a group are."""
        self.gathers.place[members] = np.arange(len(members))
        self.gathers.array[group.name] = array

    def single(self, k: int) -> Node:
        """One scalar."""
        way: Any = self.graph.way[k]
        args = [self.gathers.scalar(a) for a in self.graph.args[k] or ()]
        return self.gathers.emit(way.single, *args, shape=(), dtype=way.dtype, op=way.op)

    def single_sum(self, group: Group) -> Any:
        """One sum: of products, the product of two vectors."""
        emit, terms = self.gathers.emit, []
        for part in map(self.by_place, group.parts):
            x, y = part.x[0], None if part.y is None else part.y[0]
            if part.width <= FEW:
                for i, k in enumerate(x.tolist()):
                    term = self.gathers.scalar(k)
                    if y is not None:
                        term = emit(MULTIPLY.forward, term, self.gathers.scalar(int(y[i])), shape=(), op=MULTIPLY)
                    terms.append(term)
            elif y is None:
                terms.append(emit(SUM.forward, self.gathers.full(x), shape=(), op=SUM))
            else:
                terms.append(emit(np.dot, self.gathers.full(x), self.gathers.full(y), shape=()))
        total: Any = terms[0]
        for term in terms[1:]:
            total = emit(ADD.forward, total, term, shape=(), op=ADD)
        return total

    def by_place(self, part: Part) -> Part:
        """A part with what each sum adds up in the order in which that lies somewhere."""
        order = np.argsort(self.lie(part.x if part.y is None else part.y), axis=1, kind="stable")
        x, y = part.x, part.y
        return Part(np.take_along_axis(x, order, 1), None if y is None else np.take_along_axis(y, order, 1))

    def lie(self, ids: Any) -> Any:
        """Something that grows with the places where scalars lie."""
        return np.where(ids < 0, -ids, self.gathers.group[ids] * len(self.graph.args) + self.gathers.place[ids])

    def elementwise(self, group: Group) -> None:
        """One function of every member."""
        way: Any = group.way
        args = np.array([self.graph.args[k] for k in group.members.tolist()])
        outer = args.shape[1] == 2 and table_of(Part(args[:, :1], args[:, 1:]))
        if outer:
            self.outer(group, outer)
            return
        order = self.order(group.members, args.T)
        members, args = group.members[order], args[order]
        operands = [self.gathers.operand(np.ascontiguousarray(column)) for column in args.T]
        self.put(group, members, self.applied(way, operands, (len(members),)))

    def applied(self, way: Way, operands: list[Any], shape: tuple[int, ...]) -> Node:
        """One function of arrays, as its row if that is the row's own."""
        op = way.op if way.op is not None and way.function is way.op.forward else None
        return self.gathers.emit(way.function, *operands, shape=shape, dtype=way.dtype, op=op)

    def outer(self, group: Group, table: Table) -> None:
        """One function of two operands, of every one with every one."""
        x, xs = self.in_order(table.x, table.xs, group.members)
        y, ys = self.in_order(table.y, table.ys, group.members)
        shape = len(xs), len(ys)
        order = np.argsort(x * len(ys) + y)
        members = group.members[order]
        grid = [np.ascontiguousarray(rows[index[order], 0]).reshape(shape) for rows, index in ((xs, x), (ys, y))]
        way: Any = group.way
        array = self.applied(way, [self.gathers.operand(ids) for ids in grid], shape)
        size = len(members)
        self.put(group, members, self.gathers.emit(reshaped, array, (size,), shape=(size,), dtype=way.dtype))

    def order(self, members: Any, operands: Any) -> Any:
        """The order of members: that of the parameters they belong to, or else of an operand, or else as they came."""
        hints = self.hints(members)
        if hints is not None:
            return np.argsort(hints)
        for ids in operands:
            if (ids >= 0).all():
                groups, places = self.gathers.group[ids], self.gathers.place[ids]
                if groups[0] >= 0 and (groups == groups[0]).all() and len(np.unique(places)) == len(places):
                    return np.argsort(places)
        return np.arange(len(members))

    def hints(self, members: Any) -> Any:
        """The places of the parameters that members belong to, if each belongs to one of its own."""
        found = [self.position.get(self.owner[k]) if k in self.owner else None for k in members.tolist()]
        return np.array(found) if None not in found and len(set(found)) == len(found) else None

    # ------------------------------------------------------------------------------------------------------ sums

    def sums(self, group: Group) -> None:
        """Sums in a line."""
        order = self.order(group.members, [part.x[:, 0] for part in group.parts])
        total: Any = None
        for part in map(self.by_place, group.parts):
            total = self.plus(total, self.added(part, order), (len(order),))
        self.put(group, group.members[order], total)

    def plus(self, x: Any, y: Any, shape: tuple[int, ...]) -> Any:
        """x + y; y alone if there is no x."""
        return y if x is None else self.gathers.emit(np.add, x, y, shape=shape)

    def added(self, part: Part, order: Any) -> Any:
        """What a part adds to each sum, in a line; the rows of the part are in another order."""
        emit, gathers = self.gathers.emit, self.gathers
        xs = np.ascontiguousarray(part.x[order])
        ys = None if part.y is None else np.ascontiguousarray(part.y[order])
        size = len(order)
        if part.width == 1:
            x = gathers.operand(xs[:, 0])
            return x if ys is None else emit(np.multiply, x, gathers.operand(ys[:, 0]), shape=(size,))
        if ys is None:
            x = gathers.full(xs)
        else:
            x = emit(np.multiply, gathers.operand(xs), gathers.operand(ys), shape=xs.shape)
        return emit(SUM.forward, x, shape=(size,), op=SUM, axis=-1)

    def table(self, group: Group) -> None:
        """Sums in a table: a product of matrices, and what else is added."""
        table: Any = group.table
        x, xs = self.in_order(table.x, table.xs, group.members)
        y, ys = self.in_order(table.y, table.ys, group.members)
        shape = len(ys), len(xs)
        order = np.argsort(y * len(xs) + x)
        columns = np.argsort(self.lie(ys[0]), kind="stable")
        xs, ys = np.ascontiguousarray(xs[:, columns]), np.ascontiguousarray(ys[:, columns])
        left = self.gathers.full(ys)
        right = self.gathers.full(xs)
        total = self.gathers.emit(np.dot, left, self.transposed(right), shape=shape)
        for part in map(self.by_place, group.parts[1:]):
            if part.width == 1:
                a = self.gathers.operand(np.ascontiguousarray(part.x[order, 0]).reshape(shape))
                if part.y is not None:
                    b = self.gathers.operand(np.ascontiguousarray(part.y[order, 0]).reshape(shape))
                    a = self.gathers.emit(np.multiply, a, b, shape=shape)
            else:
                a = self.gathers.emit(reshaped, self.added(part, order), shape, shape=shape)
            total = self.plus(total, a, shape)
        size = len(order)
        self.put(group, group.members[order], self.gathers.emit(reshaped, total, (size,), shape=(size,)))

    def transposed(self, x: Any) -> Any:
        """A matrix the other way round."""
        if isinstance(x, np.ndarray):
            return np.ascontiguousarray(x.T)
        if x.function is transposed:
            return x.args[0]
        key = "transposed", x
        return self.gathers.once(key, lambda: self.gathers.emit(transposed, x, shape=x.shape[::-1]))

    def in_order(self, index: Any, rows: Any, members: Any) -> tuple[Any, Any]:
        """Rows of a table as the parameters lie that they end in, or as their scalars lie, or as they came."""
        hints = self.hints(members)
        if hints is not None:
            key = np.full(len(rows), len(self.position))
            np.minimum.at(key, index, hints)
        elif (rows[:, 0] >= 0).all() and len(set(self.gathers.group[rows[:, 0]].tolist())) == 1:
            key = self.gathers.place[rows[:, 0]]
        else:
            key = np.arange(len(rows))
        order = np.argsort(key, kind="stable")
        place = np.empty(len(rows), int)
        place[order] = np.arange(len(rows))
        return place[index], rows[order]
