"""The pass that turns a program of scalars into one of arrays."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from ..core import TABLE, Value
from .gathers import VIEWS, Gathers, Shaped, reshaped
from .groups import Group, Groups, Part, Table, table_of
from .home import Together
from .lowering import transposed
from .nodes import DataOf, GradOf, Node, changed, nodes_in
from .scalars import FLOAT, SCALAR, Graph, Levels
from .tape import is_none

FEWEST = 200  # so many scalars at least
GAIN = 8  # so many scalars at least for each call that takes their place
FEW = 3  # so many scalars are added up one by one
MANY = 8  # so many parameters are worth a home

MULTIPLY: Any = TABLE[np.multiply]
ADD: Any = TABLE[np.add]
SUM: Any = TABLE[np.sum]


class Residents(NamedTuple):
    """0-d Values whose numbers, or gradients, will be in one array."""

    slot: str
    values: list[Value]
    loads: dict[int, int]  # id of a Value -> the scalar that is there at the start
    stores: dict[int, int]  # and the one that is left there

    def in_order(self, place: dict[int, int]) -> Residents:
        """The same, in another order."""
        return self._replace(values=sorted(self.values, key=lambda value: place[id(value)]))


def vectorised(
    nodes: list[Node], result: Any, fewest: int = FEWEST, gain: int = GAIN, many: int = MANY
) -> tuple[list[Node], Any]:
    """With arrays in place of scalars, where there are many: sums, products of matrices, groups of the same function."""
    if sum(node.shape == () and node.kind == "call" for node in nodes) < fewest:
        return nodes, result
    graph = Graph(nodes)
    made = Vectorised(graph, nodes, result, many)
    scalars = sum(map(bool, made.levels.uses)) - sum(way is None for way in graph.way)
    if scalars < fewest or scalars < gain * sum(node.function not in VIEWS for node in made.gathers.made):
        return nodes, result
    for node, args, params in made.changes:
        node.args, node.params = args, params
    return made.nodes, made.result


class Vectorised:
    """A program of scalars as one of arrays, `nodes` and `result`."""

    def __init__(self, graph: Graph, nodes: list[Node], result: Any, many: int) -> None:
        self.graph: Graph = graph
        number = graph.number
        inside = {id(node) for node in nodes if self.is_inside(number.get(id(node)))}
        outside = [node for node in nodes if id(node) not in inside]
        homes = [home for home in residents(outside, graph) if len(home.values) >= many]
        loads = {k: i for i, home in enumerate(homes) for k in home.loads.values()}
        settled = {id(home_node) for home_node in outside if self.is_settled(home_node, homes)}
        outside = [node for node in outside if id(node) not in settled]
        taken = [x for node in outside for x in node.inputs()] + list(nodes_in(result))
        wanted = [number[id(x)] for x in taken if id(x) in number] + [k for home in homes for k in home.stores.values()]
        self.levels: Levels = Levels(graph, wanted)
        self.owner: dict[int, int] = self.owners(homes)
        of = [loads.get(k, SCALAR) for k in range(len(graph.args))]
        returned = {number[id(x)] for x in nodes_in(result) if id(x) in number}
        self.groups: Groups = Groups(self.levels, nodes, of, set(self.owner), returned)
        self.gathers: Gathers = Gathers(graph, self.groups.of)
        self.position: dict[int, int] = {}  # id of a Value -> its place in its home
        self.nodes: list[Node] = self.gathers.made
        self.changes: list[tuple[Node, Any, Any]] = []  # nodes that will have other arguments
        self.places: list[Together] = [self.settle(i, home) for i, home in enumerate(homes)]
        self.emit(outside)
        self.result: Any = changed(result, self.renamed)
        for place, home in zip(self.places, homes, strict=True):
            if home.stores:
                ids = np.array([home.stores[id(value)] for value in place.values])
                self.nodes.append(Node("store", None, (self.gathers.full(ids),), {"fresh": True}, place=place))

    def is_inside(self, k: int | None) -> bool:
        """Whether a number is that of a scalar that is computed here."""
        return k is not None and (k < 0 or self.graph.way[k] is not None)

    def is_settled(self, node: Node, homes: list[Residents]) -> bool:
        """Whether a load, a store, or the guard that a gradient is not None, is done by a home."""
        looked_at = node.args[0] if node.kind == "guard" and node.function is is_none and not node.held else node
        place = getattr(looked_at, "place", None)
        if type(place) not in SLOTS:
            return False
        for home in homes:
            if home.slot == SLOTS[type(place)]:
                known = home.stores if node.kind == "store" else home.loads
                if id(place.owner) in known and (node.kind != "load" or id(node) in self.graph.number):
                    return True
        return False

    def owners(self, homes: list[Residents]) -> dict[int, int]:
        """For scalars that end in a parameter, or in its gradient, which it is: they will lie in the same order."""
        owner = {k: value for home in homes for value, k in home.stores.items() if k >= 0}
        for k in sorted(owner, reverse=True):
            waiting = [k]
            while waiting:
                j = waiting.pop()
                if j in self.levels.sums or j in self.levels.melted:
                    continue
                for a in self.graph.args[j] or ():
                    if a >= 0 and a not in owner and self.graph.way[a] is not None:
                        owner[a] = owner[j]
                        waiting.append(a)
        return owner

    # ------------------------------------------------------------------------------------------------------ homes

    def settle(self, g: int, home: Residents) -> Together:
        """Give every Value its place: rows of weights that are multiplied as a matrix lie as a matrix."""
        order = [k for k in self.wished(g) if k in set(home.loads.values())] if home.loads else []
        begin = {k: i for i, k in reversed(list(enumerate(order)))}
        late = len(order)
        if home.slot == "_numbers":
            place = {id(v): begin.get(home.loads[id(v)], late + home.loads[id(v)]) for v in home.values}
        else:
            place = {id(v): self.position.get(id(v), len(self.graph.args) + i) for i, v in enumerate(home.values)}
        values = sorted(home.values, key=lambda value: place[id(value)])
        together = Together(values, home.slot)
        for i, value in enumerate(values):
            self.position.setdefault(id(value), i)
            if id(value) in home.loads:
                self.gathers.place[home.loads[id(value)]] = i
        if home.loads:
            if home.slot == "_grad":
                self.nodes.append(Node("guard", together.owner.is_whole, held=True, line=self.graph.node[0].line))
            load = Node("load", like=Shaped((len(values),), FLOAT), place=together)
            load.line = self.graph.node[min(home.loads.values())].line
            self.nodes.append(load)
            self.gathers.array[g] = load
        return together

    def wished(self, g: int) -> list[int]:
        """The scalars of a home in the order in which tables take them."""
        order: list[int] = []
        for group in self.groups.all:
            if group.table is None:
                continue
            found = [rows for rows in group.table[:2] if self.all_of(rows, g)]
            order += [k for rows in found for k in rows.ravel().tolist()]
            if found:
                for part in group.parts[1:]:
                    if part.y is None and part.width == 1 and self.all_of(part.x, g):
                        order += part.x.ravel().tolist()
        return list(dict.fromkeys(order))

    def all_of(self, ids: Any, g: int) -> bool:
        """Whether scalars are all of one group."""
        return bool((ids >= 0).all() and (self.gathers.group[ids] == g).all())

    # ------------------------------------------------------------------------------------------------------ nodes

    def emit(self, outside: list[Node]) -> None:
        """The nodes, level by level."""
        waiting: dict[int, list[Any]] = defaultdict(list)
        for group in self.groups.all:
            waiting[group.level].append(group)
        for node in outside:
            waiting[self.groups.outside[id(node)]].append(node)
        last = []
        for level in sorted(waiting):
            for x in waiting[level]:
                if isinstance(x, Group):
                    self.compute(x)
                elif x.kind == "store":
                    last.append(x)
                else:
                    self.keep(x)
        for node in last:
            self.keep(node)

    def keep(self, node: Node) -> None:
        """A node that is none of ours, taking what it takes from where that is now."""
        self.gathers.line = node.line
        if any(id(x) in self.graph.number for x in node.inputs()):
            self.changes.append((node, changed(node.args, self.renamed), changed(node.params, self.renamed)))
        self.nodes.append(node)

    def renamed(self, x: Any) -> Any:
        """What stands for a node now."""
        k = self.graph.number.get(id(x)) if type(x) is Node else None
        if k is None:
            return x
        return np.float64(self.gathers.scalar(k)) if k < 0 else self.gathers.scalar(k)

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

    def single_sum(self, group: Group) -> Node:
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
        total = terms[0]
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
        op = way.op if way.op is not None and way.function is way.op.forward else None
        array = self.gathers.emit(way.function, *operands, shape=(len(members),), dtype=way.dtype, op=op)
        self.put(group, members, array)

    def outer(self, group: Group, table: Table) -> None:
        """One function of two operands, of every one with every one."""
        x, xs = self.in_order(table.x, table.xs, group.members)
        y, ys = self.in_order(table.y, table.ys, group.members)
        along = self.runs_along(x, group.members)
        shape = (len(ys), len(xs)) if along else (len(xs), len(ys))
        order = np.argsort(y * len(xs) + x if along else x * len(ys) + y)
        members = group.members[order]
        grid = [np.ascontiguousarray(rows[index[order], 0]).reshape(shape) for rows, index in ((xs, x), (ys, y))]
        way: Any = group.way
        op = way.op if way.op is not None and way.function is way.op.forward else None
        array = self.gathers.emit(way.function, *map(self.gathers.operand, grid), shape=shape, dtype=way.dtype, op=op)
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
        found = [self.position.get(self.owner.get(k, 0), -1) for k in members.tolist()]
        return np.array(found) if min(found) >= 0 and len(set(found)) == len(found) else None

    # ------------------------------------------------------------------------------------------------------ sums

    def sums(self, group: Group) -> None:
        """Sums in a line."""
        order = self.order(group.members, [part.x[:, 0] for part in group.parts])
        total = None
        for part in map(self.by_place, group.parts):
            total = self.plus(total, self.added(part, order), (len(order),))
        self.put(group, group.members[order], total)  # type: ignore[arg-type]

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
        if self.runs_along(y, group.members):
            x, xs, y, ys = y, ys, x, xs
        shape = len(ys), len(xs)
        order = np.argsort(y * len(xs) + x)
        columns = np.argsort(self.lie(ys[0]), kind="stable")
        xs, ys = np.ascontiguousarray(xs[:, columns]), np.ascontiguousarray(ys[:, columns])
        left = self.gathers.full(ys)
        right = self.gathers.full(xs)
        if isinstance(right, np.ndarray):
            across = np.ascontiguousarray(right.T)
        else:
            across = self.gathers.once(
                ("transposed", id(right)), lambda: self.gathers.emit(transposed, right, shape=xs.shape[::-1])
            )
        total = self.gathers.emit(np.dot, left, across, shape=shape)
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

    def runs_along(self, y: Any, members: Any) -> bool:
        """Whether members that follow one another, as their parameters lie, are in different rows of y."""
        hints = self.hints(members)
        if hints is None:
            return False
        first, second = np.argsort(hints)[:2]
        return bool(y[first] != y[second])


SLOTS: dict[Any, str] = {DataOf: "_numbers", GradOf: "_grad"}


def residents(nodes: list[Node], graph: Graph) -> list[Residents]:
    """The 0-d parameters: those that the program moves, those it only reads, and those whose gradients it leaves."""
    values: dict[int, Value] = {}
    loads: dict[str, dict[int, int]] = {"_numbers": {}, "_grad": {}}
    stores: dict[str, dict[int, int]] = {"_numbers": {}, "_grad": {}}
    for node in nodes:
        place: Any = node.place
        if type(place) not in SLOTS or type(place.owner._numbers) is not np.float64:
            continue
        slot = SLOTS[type(place)]
        known = loads if node.kind == "load" else stores
        k = graph.number.get(id(node)) if node.kind == "load" else scalar_of(node.args[0], graph)
        if k is not None:
            values[id(place.owner)] = place.owner
            known[slot][id(place.owner)] = k
    data, left = loads["_numbers"], stores["_numbers"]
    moved = [v for v in data if v in left]
    still = [v for v in data if v not in left]
    gradients = stores["_grad"]
    read = {v: k for v, k in loads["_grad"].items() if v in gradients}
    return [
        Residents("_numbers", [values[v] for v in moved], {v: data[v] for v in moved}, {v: left[v] for v in moved}),
        Residents("_numbers", [values[v] for v in still], {v: data[v] for v in still}, {}),
        Residents("_grad", [values[v] for v in gradients], read if len(read) == len(gradients) else {}, gradients),
    ]


def scalar_of(x: Any, graph: Graph) -> int | None:
    """The number of what is stored, if that is a float."""
    found = graph.numbers_of((x,))
    return None if found is None or graph.is_bool(found[0]) else found[0]
