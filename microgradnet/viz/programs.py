"""A compiled step as a picture: a box for each line of its program, in the user's lines that they are of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import TABLE
from ..programs.compiled import NOT_YET, Compiled
from ..programs.nodes import DataOf, GradOf, Node
from ..programs.numpy_places import name_of
from ..programs.shown import BACKWARD, FIRST, FORWARD, LEFT, UPDATE, Listing, facts_of, origin, parts_of, said
from .boxes import FOLDED, Arrow, Box, Picture
from .facts import Facts, counted
from .graph import INPUT, OPERATION, OUTPUT, PARAMETER, Group

KIND = {FORWARD: OPERATION, BACKWARD: "backward", UPDATE: "update"}
PARTS = (FIRST, FORWARD, BACKWARD, UPDATE, LEFT)  # in the order in which they mostly follow
SYMMETRIC = {"add", "multiply", "maximum", "minimum"}


class Lines(Group):
    """Lines of one part of a program, or those among them that are of one line of the user's."""

    counts = False

    def __init__(self, title: str, start: int, parent: Group | None = None) -> None:
        super().__init__(start, parent)
        self.label: str = title

    @property
    def title(self) -> str:
        """What it is, or the user's line."""
        return self.label

    @property
    def subtitle(self) -> str:
        """Nothing more."""
        return ""


class LineBox(Box):
    """One line of a program, or many in a row."""

    __slots__ = ("sort",)

    def __init__(self, sort: str, group: Group | None, number: int) -> None:
        self.nodes, self.group, self.call, self.pattern = [], group, None, ""
        self.sort: str = sort
        self.number = self.last = number
        self.inputs = []

    @property
    def kind(self) -> str:
        """What is drawn."""
        return self.sort


class ProgramPicture(Picture):
    """The lines of a program as boxes; those of one line of the user's are one box if there are more than `cap`."""

    def __init__(self, step: Compiled, cap: int | None) -> None:
        program: Any = step.latest
        self.nodes: list[Node] = program.program.nodes
        self.parts: dict[int, str] = parts_of(self.nodes)
        self.names: dict[int, str] = Listing(program.program, step.title).names
        self.returned: set[int] = {id(x) for x in program.program.returned()}
        self.stored: dict[int, list[str]] = {}
        for node in self.nodes:
            if node.kind == "store" and type(node.args[0]) is Node:
                self.stored.setdefault(id(node.args[0]), []).append(f"→ {where(node)}")
        drawn = self.drawn()
        self.boxes, self.facts, self.arrows, self.folded = [], [], [], []
        self.passed = None
        self.of: dict[int, int] = {}  # id of a node -> the number of its box
        if cap is None or len(drawn) <= cap:
            for node, group in zip(drawn, self.grouped(drawn), strict=True):
                self.add([node], group)
        else:
            runs = [list(run) for _, run in itertools.groupby(drawn, key=self.heading)]
            if len(runs) > cap:
                size = -(-len(drawn) // cap)
                runs = [drawn[i : i + size] for i in range(0, len(drawn), size)]
            for run in runs:
                self.add(run, None)
            self.folded.append(f"{len(drawn):,} lines into {counted(len(runs), 'box')}".replace("boxs", "boxes"))
        first = sum(self.parts[id(node)] == FIRST and node.kind == "guard" for node in self.nodes)
        looks = f"{counted(first, 'line')} that look whether all is as it was" if first else ""
        self.notes = [*([f"not drawn: {looks}"] if looks else []), *[f"folded: {text}" for text in self.folded]]
        chains = [group for box in self.boxes if box.group for group in box.group.chain()]
        self.groups = sorted(dict.fromkeys(chains), key=lambda group: group.start)

    def drawn(self) -> list[Node]:
        """The lines that compute, and what they read."""
        calls = [node for node in self.nodes if node.kind in ("call", "host", "barrier")]
        read = {id(x) for node in calls for x in node.inputs()}
        found = [node for node in self.nodes if node in calls or (node.kind in ("load", "input") and id(node) in read)]
        turn = {id(node): PARTS.index(self.parts[id(node)]) for node in found}
        if any(turn.get(id(x), 0) > turn[id(node)] for node in found for x in node.inputs()):
            return found
        return sorted(found, key=lambda node: turn[id(node)])  # of each part one frame, wherever its lines stand

    def heading(self, node: Node) -> tuple[str, Any]:
        """The part of the program that a line is of, and the line of the user's."""
        return self.parts[id(node)], origin(node)

    def grouped(self, drawn: list[Node]) -> Iterable[Group | None]:
        """The group of each line: runs of lines of the same line of the user's, in runs of the same part."""
        outer: Lines | None = None
        group: Lines | None = None
        latest: Any = None
        start = itertools.count()
        for node in drawn:
            if node.kind in ("load", "input"):
                yield None
                continue
            part, line = self.heading(node)
            if outer is None or outer.title != part:
                outer, latest = Lines(part, next(start)), None
            if latest != (part, line):
                group, latest = Lines(said(line) or "this package", next(start), outer), (part, line)
            yield group

    def add(self, nodes: list[Node], group: Group | None) -> None:
        """One box."""
        number = len(self.boxes)
        node = nodes[0]
        many = len(nodes) > 1
        leaf = INPUT if node.kind == "input" else PARAMETER if node.kind == "load" else ""
        kind = FOLDED if many else leaf or KIND.get(self.parts[id(node)], OPERATION)
        if not many and id(node) in self.returned:
            kind = OUTPUT
        counts: dict[tuple[int, str], int] = {}
        for x in nodes:
            order = len(list(x.inputs())) > 1 and x.name not in SYMMETRIC and not many
            for place, y in enumerate(x.inputs()):
                source = self.of.get(id(y), number)
                if source != number:
                    key = source, str(place + 1) if order else ""
                    counts[key] = counts.get(key, 0) + 1
        for x in nodes:
            self.of[id(x)] = number
        self.boxes.append(LineBox(kind, group, number))
        self.facts.append(self.facts_of_many(nodes) if many else self.facts_of(node))
        self.arrows.append([Arrow(source, i, times, text, None, "")
                            for i, ((source, text), times) in enumerate(counts.items())])  # fmt: skip

    def facts_of(self, node: Node) -> Facts:
        """What there is to say of a line."""
        row: Any = node.op or (TABLE.get(node.function) if isinstance(node.function, np.ufunc) else None)
        symbol = row.symbol if row is not None else node.name.strip("_").replace("transposed", "ᵀ")
        title = where(node) if node.kind == "load" else self.names[id(node)] if node.kind == "input" else symbol
        facts = facts_of(node)
        what = [facts.rpartition(",")[0]] if facts else []
        runs = ["a call of Python's"] if node.kind in ("host", "barrier") else []
        out = ["returned"] if id(node) in self.returned else []
        details = [("name", self.names.get(id(node), "")), ("what it makes", facts), ("line", said(origin(node)))]
        return Facts(title, [*runs, *what, *self.stored.get(id(node), []), *out], [], [x for x in details if x[1]])

    def facts_of_many(self, nodes: list[Node]) -> Facts:
        """What there is to say of many lines."""
        part, line = self.heading(nodes[-1])
        return Facts(part, [said(line), counted(len(nodes), "line")], [], [("line", said(line))])


def where(node: Node) -> str:
    """The place that a line reads or writes."""
    place: Any = node.place
    if isinstance(place, (DataOf, GradOf)):
        name: str = place.owner.name or "a Value"
        return f"gradient of {name}" if isinstance(place, GradOf) else name
    return name_of(place)


def picture_of(step: Compiled, cap: int | None) -> Picture:
    """The picture of the latest program. ValueError if there is none yet."""
    if step.latest is None:
        raise ValueError(f"{step.title} {NOT_YET}")
    return ProgramPicture(step, cap)
