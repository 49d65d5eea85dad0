"""Boxes: what is drawn of a graph, each for one node or for many, with arrows and facts."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from ..core import Value, numbers
from ..words import brief
from .facts import Facts, counted, facts_of, in_a_word, number, statistics
from .graph import CONSTANT, INPUT, OUTPUT, PARAMETER, Graph, Group, Node, norm
from .passes import Noted

FOLDED = "folded"  # the kind of a box of many nodes


class Box:
    """Some nodes that are drawn as one."""

    __slots__ = ("call", "group", "inputs", "last", "nodes", "number", "pattern")

    def __init__(self, nodes: list[Node], group: Group | None, call: Group | None = None, pattern: str = "") -> None:
        self.nodes: list[Node] = nodes
        self.group: Group | None = group  # that it is drawn in
        self.call: Group | None = call  # of the Module that it stands for, if it is one
        self.pattern: str = pattern  # what it repeats or chains, if it does
        self.last: int = max([node.index for node in nodes])
        self.inputs: Collection[Box] = []  # each once; what is drawn are Arrows
        self.number: int = 0

    @property
    def main(self) -> Node | None:
        """The one node it is about: the operation among its own constants, or its only node."""
        if self.call or self.pattern:
            return None
        return self.nodes[0] if len(self.nodes) == 1 else next(node for node in self.nodes if node.kind != CONSTANT)

    @property
    def kind(self) -> str:
        return self.main.kind if self.main else FOLDED

    @property
    def is_source(self) -> bool:
        return not any(node.inputs for node in self.nodes)


class Arrow(NamedTuple):
    """One edge of the picture."""

    source: int  # number of a box
    place: int  # which argument, of a box that is one operation
    times: int  # how many edges of the graph it stands for
    text: str
    size: float | None  # of the gradient that flows along it
    sign: str

    @property
    def label(self) -> str:
        """What it is, in words; without the gradient."""
        return f"{self.times:,} edges" if self.times > 1 else self.text

    @property
    def flow(self) -> str:
        """The gradient that flows along it, in words."""
        return f"{self.sign}{self.size:.3g}" if self.size is not None else ""


class Picture:
    """Boxes in an order in which each comes after its inputs, with their arrows and facts."""

    def __init__(self, boxes: list[Box], graph: Graph, folded: list[str]) -> None:
        self.boxes: list[Box] = boxes
        self.folded: list[str] = folded
        self.passed: Noted | None = graph.passed
        self.notes: list[str] = [*graph.notes, *[f"folded: {text}" for text in folded]]
        self.facts: list[Facts] = [facts_of_box(box, graph) for box in boxes]
        self.arrows: list[list[Arrow]] = arrows_of(boxes)
        self.groups: list[Group] = sorted(
            {g for box in boxes if box.group for g in box.group.chain()}, key=lambda g: g.start
        )


# -------------------------------------------------------------------------------------------------------------- order


def in_order(boxes: list[Box]) -> list[Box]:
    """The boxes, each after its inputs and else in order of their last node; some are missing if they go in a circle.

    Finds the inputs of each.
    """
    boxes = sorted(boxes, key=lambda box: box.last)
    for box in boxes:
        for node in box.nodes:
            node.box = box
    straight = True
    for i, box in enumerate(boxes):
        box.number = i
        found = {x.box: None for node in box.nodes for x in node.inputs}
        found.pop(box, None)
        box.inputs = found
        straight = straight and all(x.last < box.last for x in found)
    return boxes if straight else sorted_by_inputs(boxes)


def sorted_by_inputs(boxes: list[Box]) -> list[Box]:
    """The boxes, each after its inputs; without those that go in a circle."""
    users = users_of(boxes)
    waiting = {box: len(box.inputs) for box in boxes}
    ready = [box.number for box in boxes if not box.inputs]  # a heap: sorted already
    found = []
    while ready:
        box = boxes[heapq.heappop(ready)]
        found.append(box)
        for user in users[box]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user.number)
    for i, box in enumerate(found):
        box.number = i
    return found


def users_of(boxes: list[Box]) -> dict[Box, list[Box]]:
    users: dict[Box, list[Box]] = {box: [] for box in boxes}
    for box in boxes:
        for source in box.inputs:
            users[source].append(box)
    return users


# ------------------------------------------------------------------------------------------------------------- arrows


def arrows_of(boxes: list[Box]) -> list[list[Arrow]]:
    """The arrows into each box: one for each argument of an operation, one for each input of a folded box."""
    return [into_one(box) if box.main and not crowded(box) else into_many(box) for box in boxes]


def crowded(box: Box) -> bool:
    """Whether so many of its arguments come from so few boxes, as in a stack of what was folded, that arrows merge."""
    count = sum(len(node.inputs) for node in box.nodes)
    return count > 8 and count > 2 * len(box.inputs)


def into_one(box: Box) -> list[Arrow]:
    node: Any = box.main
    # Where a number is written into the title, its place shows the order.
    named = argument_names(node) if len(box.nodes) == 1 else [""] * len(node.inputs)
    arrows = []
    for place, x in enumerate(node.inputs):
        if x.box is not box:
            flow = node.flows[place] if node.flows else None
            arrows.append(
                Arrow(x.box.number, place, 1, named[place], flow.size if flow else None, flow.sign if flow else "")
            )
    return arrows


def into_many(box: Box) -> list[Arrow]:
    counts: dict[Box, int] = {}
    flows: dict[Box, list[Any]] = {}
    for node in box.nodes:
        for place, x in enumerate(node.inputs):
            if x.box is not box:
                counts[x.box] = counts.get(x.box, 0) + 1
                if node.flows and node.flows[place]:
                    flows.setdefault(x.box, []).append(node.flows[place])
    arrows = []
    for source, times in counts.items():
        found = flows.get(source, [])
        signs = {flow.sign for flow in found if flow.sign}
        sign = signs.pop() if len(signs) == 1 else "±" if signs else ""
        size = norm([flow.size for flow in found]) if found else None
        arrows.append(Arrow(source.number, 0, times, "", size, sign))
    return sorted(arrows)


def argument_names(node: Node) -> list[str]:
    """What to write on the edges into an operation, where their order matters: the names in its rules, or 1, 2."""
    count = len(node.inputs)
    if count < 2 or node.op is None or node.op.symmetric:
        return [""] * count
    rule = next((rule for rule in node.op.rules if rule is not None), None)
    code = getattr(rule, "__code__", None)
    names = code.co_varnames[2 : code.co_argcount] if code else ()
    if len(names) != count or {"x", "y"} >= set(names):
        names = tuple(map(str, range(1, count + 1)))
    return ["" if name == "x" and "y" not in names else name for name in names]


# -------------------------------------------------------------------------------------------------------------- facts


def facts_of_box(box: Box, graph: Graph) -> Facts:
    if box.main is None:
        return facts_of_many(box, graph)
    facts = facts_of(box.main, graph.has_gradients)
    if len(box.nodes) == 1:
        return facts
    title, more = inlined(box)
    return facts._replace(title=title, lines=[*more, *facts.lines])


def inlined(box: Box) -> tuple[str, list[str]]:
    """The title of an operation with its plain numbers written in, and a line for each plain array."""
    node: Any = box.main
    symbol = node.op.symbol if node.op else ""
    own = set(box.nodes)
    if not node.op or not any(x in own for x in node.inputs):
        return (symbol or node.name or node.kind), []
    arguments, lines = [], []
    for x in node.inputs:
        array = numbers(x.thing)
        if x not in own:
            arguments.append("·")
        elif np.ndim(array):
            arguments.append("·")
            lines.append(f"with {x.name or 'an array'} {np.shape(array)} {np.asarray(array).dtype}")
        else:
            arguments.append(number(array))
    if len(arguments) == 2 and not symbol.isalnum():
        return f"{arguments[0]} {symbol} {arguments[1]}", lines
    return f"{symbol}({', '.join(arguments)})", lines


def facts_of_many(box: Box, graph: Graph) -> Facts:
    """The facts of a folded box: what it is, how much it holds, what comes out."""
    inside = set(box.nodes)
    operations = [node for node in box.nodes if node.op]
    leaves = [node for node in box.nodes if node.kind in (PARAMETER, INPUT) and isinstance(node.thing, Value)]
    title, lines, details, value = box.pattern, [], [("holds", box.pattern)], ""
    if box.call:
        title = box.call.title
        lines = [box.call.subtitle] if box.call.subtitle else []
        details = [("module", f"{title} {box.call.subtitle}".strip())]
    if operations:
        details.append(("operations", most_common([box])))
        if not box.call:
            lines.append(counted(len(operations), "operation"))
    for kind in (PARAMETER, INPUT):
        of_kind = [node for node in leaves if node.kind == kind]
        if of_kind:
            shapes = spelled([last_name(node) for node in of_kind], ", ", 60)
            held = counted(sum(node.thing.size for node in of_kind), kind)
            if held != title:
                lines.append(f"{held}: {shapes}" if box.call else held)
            details.append((f"{kind}s", shapes))
    outs = [node for node in operations if node.kind == OUTPUT or any(user not in inside for user in node.users)]
    for node in outs[-1:]:
        array = numbers(node.thing)
        what = "output" if node.kind == OUTPUT else "out"
        value = in_a_word(statistics(array))
        lines.append(f"{what} {array.shape} {array.dtype}" if array.ndim else f"{what} {number(array[()])}")
    if graph.has_gradients and leaves:
        sizes = [norm(numbers(node.grad)) for node in leaves if node.grad is not None]
        lines.append(f"gradient norm {number(norm(sizes))}" if sizes else "no gradient: nothing flows back")
    alarms = Counter(alarm for node in operations + leaves for alarm in alarm_words(node))
    return Facts(title, lines, [f"{what} in {counted(n, 'place')}" for what, n in alarms.items()], details, value)


def last_name(node: Node) -> str:
    """The end of its path, and the shape of an array: `weight (10, 16)`, `w[1]`."""
    name = node.name.rpartition(".")[2]
    return name if name and not node.thing.ndim else f"{name} {node.thing.shape}".strip()


def title_of(box: Box, facts: Facts) -> str:
    """The title of a box in a picture; without what the frames around it say already."""
    return facts.title.removeprefix(f"{box.group.path}.") if box.group and box.group.path else facts.title


def alarm_words(node: Node) -> list[str]:
    """NaN and Inf of a node among many, in a word each."""
    found = []
    for what, x in (("", node.thing), ("gradient ", node.grad)):
        array = numbers(x)
        if isinstance(array, np.ndarray):
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                found += [f"{what}{name}" for name, test in (("NaN", np.isnan), ("Inf", np.isinf)) if test(array).any()]
        elif array is not None and not math.isfinite(array):
            found.append(what + ("NaN" if math.isnan(array) else "Inf"))
    return found


def titled(box: Box) -> str:
    """A box in a word."""
    if box.call:
        return box.call.noun
    node = box.main
    return box.pattern if node is None else str(node.op.symbol) if node.op else node.kind


def most_common(block: list[Box]) -> str:
    seen = Counter(node.op.symbol for box in block for node in box.nodes if node.op)
    return spelled([f"{count:,} {symbol}" for symbol, count in seen.most_common()], ", ")


def spelled(names: list[str], joint: str, longest: int = 48) -> str:
    """The names, or as many of the first as fit."""
    text = joint.join(names)
    if len(text) <= longest:
        return text
    kept: list[str] = []
    while len(joint.join([*kept, names[len(kept)]])) < longest - 8:  # all of them do not fit
        kept.append(names[len(kept)])
    kept = kept or [brief(names[0])]
    return f"{joint.join(kept)}{joint}… {len(names) - len(kept):,} more" if len(names) > len(kept) else kept[0]
