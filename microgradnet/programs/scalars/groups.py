"""The scalars of a program in groups: what does the same, on one level, to operands of the same groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..nodes import Node
from .graph import CONSTANT, SCALAR, Needed, Way

Key = Any
FEW = 4  # so many kinds of operands on a level are a group each


class Table(NamedTuple):
    """Products that are all rows of one table times all rows of another: member i is row `x[i]` times row `y[i]`."""

    xs: Any  # the numbers of the scalars, a row for each
    ys: Any
    x: Any
    y: Any


class Part(NamedTuple):
    """What the sums of a group have in common: for each member a row of products x · y, or of x alone."""

    x: Any
    y: Any = None

    @property
    def width(self) -> int:
        """How much each sum adds up in it."""
        return int(self.x.shape[1])


class Group:
    """Scalars that are computed at once. A group of sums has `parts`; the first may be a `table`."""

    def __init__(self, level: int, members: list[int], way: Way | None, parts: Iterable[Part] = ()) -> None:
        self.name: int = SCALAR
        self.level: int = level
        self.members: Any = np.array(members)
        self.way: Way | None = way
        self.parts: list[Part] = sorted(parts, key=lambda part: (part.y is None, -part.width))
        self.table: Table | None = None
        if self.parts and self.parts[0].y is not None and len(members) > 1:
            self.table = table_of(self.parts[0])


def table_of(part: Part) -> Table | None:
    """The products as a table, if they are one."""
    x, xs = distinct_rows(part.x)
    y, ys = distinct_rows(part.y)
    if part.width == 1 and min(len(xs), len(ys)) == 1:  # a number times a vector
        return None
    full = len(xs) * len(ys) == len(x) and len(np.unique(y * len(xs) + x)) == len(x)
    return Table(xs, ys, x, y) if full else None


def distinct_rows(rows: Any) -> tuple[Any, Any]:
    """Which of the distinct rows each is, and these, in the order in which they appear."""
    known: dict[bytes, int] = {}
    index = np.array([known.setdefault(row.tobytes(), len(known)) for row in rows])
    first = np.unique(index, return_index=True)[1]
    return index, rows[first]


class Groups:
    """All groups, level by level, and for each scalar the group it is in."""

    def __init__(self, needed: Needed, of: list[int], homes: int, hinted: set[int]) -> None:
        self.needed: Needed = needed
        self.level: list[int] = [0] * len(of)
        self.of: list[int] = of  # so far of what is at home somewhere
        self.begin: int = max(0, max(of, default=SCALAR) + 1)
        self.at_home = range(homes)
        self.outside: dict[int, int] = {}  # id of a node that is not ours -> its level
        self.hinted: set[int] = hinted  # what ends in a parameter
        self.all: list[Group] = []
        waiting = self.read_levels()
        for level in sorted(waiting):
            self.read_level(level, waiting[level])

    def read_levels(self) -> dict[int, list[int]]:
        """When each scalar, and each node that is none of ours, can be computed."""
        graph, level = self.needed.graph, self.level
        waiting: dict[int, list[int]] = defaultdict(list)
        last = 0  # calls that are made at every step stay in their order

        def level_of(x: Node) -> int:
            k = graph.number.get(id(x))
            return self.outside[id(x)] if k is None else level[k] if k >= 0 else 0

        late = self.late()
        last_of_all: list[int] = []
        for x in graph.order:
            if not isinstance(x, int):
                at = max(map(level_of, x.inputs()), default=0)
                if x.kind in ("host", "guard"):
                    at = last = max(at, last)
                self.outside[id(x)] = at
                k = graph.number.get(id(x))
                if k is not None:
                    level[k] = at
            elif self.needed.uses[x] and x not in self.needed.melted:
                level[x] = 1 + max([level[a] for a in self.needed.depends_on(x) if a >= 0], default=0)
                (last_of_all if x in late else waiting[level[x]]).append(x)
        end = max(waiting, default=0)
        for k in last_of_all:
            level[k] = 1 + max([max(level[a], end) for a in self.needed.depends_on(k) if a in late], default=end)
            waiting[level[k]].append(k)
        return waiting

    def late(self) -> set[int]:
        """What ends in a parameter and in nothing else: it is computed last, for all of them at once."""
        graph, late = self.needed.graph, {k for k in self.hinted if k not in self.needed.sums}
        for node in graph.outside:
            if node.kind != "store":
                late.difference_update(graph.number.get(id(x), 0) for x in node.inputs())
        for k in range(len(graph.args) - 1, -1, -1):
            if self.needed.uses[k] and k not in late:
                late.difference_update(graph.args[k] or ())
        return late

    def group(self, k: int) -> int:
        """The group of a scalar, which has been computed."""
        return self.of[k] if k >= 0 else CONSTANT

    def read_level(self, level: int, waiting: list[int]) -> None:
        """Make the groups of a level."""
        alike: dict[Key, list[int]] = defaultdict(list)
        summed: dict[Key, list[int]] = defaultdict(list)
        for k in waiting:
            if k in self.needed.sums:
                summed[self.kinds_of_sum(k)].append(k)
            else:
                alike[self.kind_of(k)].append(k)
        self.add_sums(level, summed)
        for members in alike.values():
            for together in self.parted(members):
                self.add(Group(level, together, self.needed.graph.way[together[0]]))

    def kind_of(self, k: int) -> Key:
        """What scalars share that one function computes."""
        graph = self.needed.graph
        way, args = graph.way[k], graph.args[k] or ()
        exponent = args[1] if way is not None and way.function is np.power and args[1] < 0 else None
        return way, exponent, tuple(map(graph.is_bool, args))

    def parted(self, members: list[int]) -> list[list[int]]:
        """Scalars that one function computes, by the groups of their operands if these are few."""
        if len(members) <= FEW or members[0] in self.hinted:
            return [members]
        parts: dict[Key, list[int]] = defaultdict(list)
        for k in members:
            parts[tuple(map(self.group, self.needed.graph.args[k] or ()))].append(k)
        return list(parts.values()) if len(parts) <= FEW else [members]

    def pair(self, x: int, y: int) -> tuple[int, int]:
        """Two factors, that which is known first first."""

        def known(k: int) -> tuple[int, int]:  # parameters before numbers, so that tables are examples by neurons
            return (self.level[k] if k >= 0 and self.of[k] not in self.at_home else -2 if k >= 0 else -1), k

        return (x, y) if known(x) <= known(y) else (y, x)

    def kinds_of_sum(self, k: int) -> Key:
        """The groups that a sum adds up, with how much of each."""
        made = self.needed.sums[k]
        made = self.needed.sums[k] = made._replace(products=[self.pair(*pair) for pair in made.products])
        kinds: Counter[Key] = Counter([(self.group(x), self.group(y)) for x, y in made.products])
        kinds.update([(self.group(x), None) for x in made.plain])
        return frozenset(kinds.items())

    def add_sums(self, level: int, summed: dict[Key, list[int]]) -> None:
        """The groups of sums of a level. Where hardly two are alike, all that add up so many are one."""
        if len(summed) > FEW and 3 * len(summed) > sum(map(len, summed.values())):
            by_size = defaultdict(list)
            for members in summed.values():
                for k in members:
                    made = self.needed.sums[k]
                    by_size[len(made.products), len(made.plain)].append(k)
            for members in by_size.values():
                self.add(Group(level, members, None, self.parts(members, lambda x: 0)))
        else:
            for members in summed.values():
                self.add(Group(level, members, None, self.parts(members, self.group)))

    def parts(self, members: list[int], group: Callable[[int], int]) -> list[Part]:
        """The sums of members, in parts of products and scalars of the same groups."""
        rows: dict[Key, list[list[Any]]] = defaultdict(lambda: [[] for _ in members])
        for i, k in enumerate(members):
            made = self.needed.sums[k]
            for x, y in sorted(made.products, key=lambda pair: (abs(pair[1]), abs(pair[0]))):
                rows[group(x), group(y)][i].append((x, y))
            for x in sorted(made.plain, key=abs):
                rows[group(x)][i].append(x)
        parts = []
        for key, found in rows.items():
            array = np.array(found)
            parts.append(Part(array[..., 0], array[..., 1]) if type(key) is tuple else Part(array))
        return parts

    def add(self, group: Group) -> None:
        """Note a group. One scalar alone is in none."""
        if len(group.members) > 1:
            group.name = self.begin + len(self.all)
            for k in group.members.tolist():
                self.of[k] = group.name
        self.all.append(group)
