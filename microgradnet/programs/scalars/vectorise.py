"""The pass that turns a program of scalars into one of arrays."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import islice
from typing import Any

import numpy as np

from ..functions import is_none
from ..nodes import Node, changed, nodes_in
from .arithmetic import Arithmetic
from .counts import counted, with_counts
from .gathers import VIEWS, Gathers, Shaped, reshaped
from .graph import FLOAT, SCALAR, Graph, Needed
from .groups import Group, Groups
from .home import Together
from .residents import SLOTS, Residents, residents

FEWEST = 200  # so many scalars at least
GAIN = 8  # so many scalars at least for each call that takes their place
MANY = 8  # so many parameters are worth a home


def vectorised(
    nodes: list[Node], result: Any, fewest: int = FEWEST, gain: int = GAIN, many: int = MANY
) -> tuple[list[Node], Any]:
    """With arrays in place of scalars, where there are many: sums, products of matrices, functions of groups."""
    if any(node.kind == "barrier" for node in nodes):  # what lasts is not all looked at first, and left last
        return nodes, result
    scalar_calls = (node for node in nodes if node.shape == () and node.kind == "call")
    if sum(1 for _ in islice(scalar_calls, fewest)) < fewest:
        return nodes, result
    nodes = with_counts(nodes, result)
    graph = Graph(nodes)
    made = Vectorised(graph, result, many)
    scalars = sum(map(bool, made.needed.uses)) - sum(way is None for way in graph.way)
    before = set(map(id, graph.outside))
    calls = [x for x in made.nodes if x.kind == "call" and x.function not in VIEWS and id(x) not in before]
    if scalars < fewest or scalars < gain * len(calls):
        return nodes, result
    for node, args, params in made.changes:
        node.args, node.params = args, params
    return made.nodes, made.result


class Vectorised:
    """A program of scalars as one of arrays, `nodes` and `result`."""

    def __init__(self, graph: Graph, result: Any, many: int) -> None:
        self.graph: Graph = graph
        number = graph.number
        outside = graph.outside
        homes = [home for home in residents(outside, graph) if len(home.values) >= many]
        loads = {k: i for i, home in enumerate(homes) for k in home.loads.values()}
        outside = [node for node in outside if not self.is_settled(node, homes)]
        taken = [x for node in outside for x in node.inputs()] + list(nodes_in(result))
        wanted = [number[id(x)] for x in taken if id(x) in number] + [k for home in homes for k in home.stores.values()]
        self.needed: Needed = Needed(graph, wanted)
        self.owner: dict[int, int] = self.owners(homes)
        self.arrays: dict[int, int] = self.arrays_of_elements(len(homes))  # id of an array -> its group
        self.homes: int = len(homes)
        of = [loads.get(k, SCALAR) for k in range(len(graph.args))]
        for k, (root, _) in graph.elements.items():
            of[k] = self.arrays.get(id(root), SCALAR)
        self.groups: Groups = Groups(self.needed, of, len(homes), set(self.owner))
        self.gathers: Gathers = Gathers(graph, self.groups.of)
        for k, (_, i) in graph.elements.items():
            self.gathers.place[k] = i
        self.position: dict[int, int] = {}  # id of a Value -> its place in its home
        self.arithmetic: Arithmetic = Arithmetic(graph, self.gathers, self.owner, self.position)
        self.nodes: list[Node] = self.gathers.made
        self.changes: list[tuple[Node, Any, Any]] = []  # nodes that will have other arguments
        self.places: list[Together] = [self.settle(i, home) for i, home in enumerate(homes)]
        self.emit(outside)
        self.result: Any = changed(result, self.renamed)
        for place, home in zip(self.places, homes, strict=True):
            if home.stores:
                ids = np.array([home.stores[id(value)] for value in place.values])
                self.nodes.append(Node("store", None, (self.gathers.full(ids),), {"fresh": True}, place=place))

    def arrays_of_elements(self, begin: int) -> dict[int, int]:
        """The arrays of which several elements are used, which are a group; the first is number `begin`."""
        used = [id(root) for k, (root, _) in self.graph.elements.items() if self.needed.uses[k]]
        several = [root for root, times in Counter(used).items() if times > 1]
        return {root: begin + i for i, root in enumerate(several)}

    def is_settled(self, node: Node, homes: list[Residents]) -> bool:
        """Whether a load, a store, or the guard that a gradient is not None, is done by a home."""
        looked_at: Any = node.args[0] if node.kind == "guard" and node.function is is_none and not node.held else node
        place: Any = getattr(looked_at, "place", None)
        if type(place) not in SLOTS:
            return False
        for home in homes:
            if home.slot == SLOTS[type(place)]:
                known = home.stores if node.kind == "store" else home.loads
                if id(place.owner) in known:
                    return True
        return False

    def owners(self, homes: list[Residents]) -> dict[int, int]:
        """For scalars that end in a parameter, or in its gradient, which it is: they will lie in the same order."""
        owner = {k: value for home in homes for value, k in home.stores.items() if k >= 0}
        for k in sorted(owner, reverse=True):
            waiting = [k]
            while waiting:
                j = waiting.pop()
                if j in self.needed.sums or j in self.needed.melted:
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
                    self.arithmetic.compute(x)
                elif x.kind == "store":
                    last.append(x)
                else:
                    self.keep(x)
        for node in last:
            self.keep(node)

    def keep(self, node: Node) -> None:
        """A node that is none of ours, taking what it takes from where that is now."""
        self.gathers.line = node.line
        if node.function is counted:
            ids = np.array([self.graph.number[id(x)] for x in node.args[0]])
            self.changes.append((node, (self.gathers.full(ids),), {}))
        elif any(id(x) in self.graph.number for x in node.inputs()):
            self.changes.append((node, changed(node.args, self.renamed), changed(node.params, self.renamed)))
        self.nodes.append(node)
        self.bring(node)

    def bring(self, node: Node) -> None:
        """Note the array whose elements are used."""
        g = self.arrays.get(id(node))
        if g is not None:
            size = math.prod(node.shape or ())
            self.gathers.array[g] = self.gathers.emit(reshaped, node, (size,), shape=(size,))

    def renamed(self, x: Any) -> Any:
        """What stands for a node now."""
        k = self.graph.number.get(id(x)) if type(x) is Node else None
        if k is None:
            return x
        return np.float64(self.gathers.scalar(k)) if k < 0 else self.gathers.scalar(k)
