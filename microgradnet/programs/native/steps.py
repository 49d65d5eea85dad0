"""Nodes grouped into steps: loops over elements with the sums that end them, products, the rest, in their order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..nodes import Node
from .arrays import Arrays
from .llvm import MASKED, SHORT, WRITTEN
from .lowering import elementwise, key_of
from .vectors import lanes

EDGE = 4  # of the square blocks in which a matrix is turned
NEAR = 64  # so many steps are looked through for a loop that a node can go into


class Step:
    """What native code does at once. A loop has nodes of one shape, in order, reductions of them included."""

    def __init__(self, kind: str, shape: tuple[int, ...] = ()) -> None:
        self.kind: str = kind
        self.shape: tuple[int, ...] = shape
        self.nodes: list[Node] = []
        self.weight: int = 0  # about how many instructions they are


def longest(shape: tuple[int, ...]) -> int:
    """How many instructions, about, may be in one loop: the time LLVM takes grows faster than the loop.

    Over arrays that fit in a cache two loops are as fast as one.
    """
    return 64 if math.prod(shape) < 16_384 else 256


def weight(node: Node) -> int:
    """How much code a node makes, about."""
    return 8 if elementwise(node) in WRITTEN else 1


class Grouping:
    """Native nodes, one after the other, put into steps."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays: Arrays = arrays
        self.steps: list[Any] = []  # Steps, and the nodes that stay lines of NumPy
        self.at: dict[int, float] = {}  # id of a root -> the step that makes it, and ½ more for what a loop ends with
        self.first: int = 0  # the step from which on nodes can still be added
        self.readers: dict[int, list[tuple[int, bool]]] = {}  # id of a root -> the steps that read it; whether whole

    def line(self, node: Node) -> None:
        """A line of NumPy."""
        self.at[id(node)] = len(self.steps)
        self.read(node, len(self.steps))
        self.steps.append(node)
        self.first = len(self.steps)

    def read(self, node: Node, step: int) -> None:
        """Note which roots a step reads."""
        for x in node.inputs():
            if id(x) in self.arrays.root:
                place = self.steps[step] if step < len(self.steps) else None
                whole = type(place) is Step and place.kind == "loop" and self.arrays.is_whole(x, place.shape)
                whole = whole and not (key_of(node) == "take" and x is node.args[0])
                self.readers.setdefault(id(self.arrays.root[id(x)]), []).append((step, whole))

    def after_readers(self, root: Node) -> float:
        """The step behind which a root may be written: all that read it are through, or read what is written next."""
        return max([step - whole for step, whole in self.readers.get(id(root), [])], default=-1)

    def add(self, node: Node, kind: str, after: float = -1.0) -> None:
        """A native node, in a step that comes later than `after`."""
        roots = [(x, self.arrays.root[id(x)]) for x in node.inputs() if id(x) in self.arrays.root]
        if kind == "reduction" and is_sum_of_columns(node, self.arrays):
            kind = "columns"
        if kind == "element" and is_turned(node, self.arrays):
            kind = "turned"
        if kind in ("element", "reduction", "take"):
            shape = self.arrays.of(node.args[0]).shape if kind == "reduction" else node.shape or ()
            step = self.loop_for(node, roots, shape, after)
            self.at[id(node)] = step + 0.5 if kind == "reduction" else step
        else:
            step = len(self.steps)
            self.steps.append(Step(kind, node.shape or ()))
            self.at[id(node)] = step
        self.steps[step].nodes.append(node)
        self.steps[step].weight += weight(node)
        self.read(node, step)

    def loop_for(self, node: Node, roots: list[Any], shape: tuple[int, ...], after: float) -> int:
        """The loop of this shape in which all inputs are there, and most are computed; or a new one."""
        gathered = {id(x) for x in node.args[:1]} if key_of(node) == "take" else set()
        best, most = -1, -1
        for j in range(len(self.steps) - 1, max(self.first, len(self.steps) - NEAR) - 1, -1):
            step = self.steps[j]
            if j <= after:
                break
            if type(step) is Step and step.kind == "loop" and step.shape == shape:
                here = [
                    self.at.get(id(root)) == j and self.arrays.is_whole(x, shape) and id(x) not in gathered
                    for x, root in roots
                ]
                there = [inside or self.at.get(id(root), -1.0) < j
                         for inside, (_, root) in zip(here, roots, strict=True)]  # fmt: skip
                room = step.weight + weight(node) <= longest(shape)
                if all(there) and room and sum(here) > most:
                    best, most = j, sum(here)
            if any(self.at.get(id(root), -1.0) >= j for _, root in roots):
                break
        if best >= 0:
            return best
        self.steps.append(Step("loop", shape))
        return len(self.steps) - 1


def in_order(nodes: list[Node], native: dict[int, str], ends: dict[int, Node]) -> list[Node] | None:
    """The nodes so that native ones come in long runs: lines of NumPy as early as they can, writes last of all.

    `ends` are nodes that are written over what was loaded, which everything else must have read. None if they cannot.
    """
    placed: set[int] = set()
    waits: dict[int, list[Node]] = {}  # for what, besides its inputs
    others = [node for node in nodes if id(node) not in native]
    guards: list[Node] = []
    hosts: list[Node] = []
    for node in nodes:
        if node.kind in ("load", "guard", "host"):
            waits[id(node)] = hosts[-1:] + (guards if node.kind == "host" else [])
        if node.kind == "guard":
            guards = [*guards, node]
        if node.kind == "host":
            hosts.append(node)
        if id(node) in ends:
            load = ends[id(node)]
            waits[id(node)] = [*others, *(x for x in nodes if x is not node and reads(x, load, native))]
    pending, made = list(nodes), list[Node]()
    while pending:
        count = len(made)
        for natively in (False, True):
            left = []
            for node in pending:
                here = (id(node) in native) is natively or native.get(id(node)) == "view"
                ready = here and all(id(x) in placed for x in (*node.inputs(), *waits.get(id(node), ())))
                if ready:
                    placed.add(id(node))
                    made.append(node)
                else:
                    left.append(node)
            pending = left
        if len(made) == count:
            return None
    return made


def reads(node: Node, load: Node, native: dict[int, str]) -> bool:
    """Whether a node reads what is loaded, or a view of it."""
    return any(x is load or (native.get(id(x)) == "view" and reads(x, load, native)) for x in node.inputs())


def is_sum_of_columns(node: Node, arrays: Arrays) -> bool:
    """Whether it is better done by `sums_of_columns`: a loop along short rows that are no whole vectors is slow."""
    x = arrays.of(node.args[0])
    leading = node.params["axis"] == tuple(range(x.ndim - 1)) and x.flags.c_contiguous and x.ndim > 1
    leading = leading and node.function == np.add.reduce
    return leading and x.shape[-1] % lanes(x.dtype.char) > 0 and x.shape[-1] < MASKED and x.size <= SHORT * x.shape[-1]


def is_turned(node: Node, arrays: Arrays) -> bool:
    """Whether it is a copy of a matrix whose rows and columns are exchanged, and none of them is short."""
    if node.function is not np.positive or len(node.shape or ()) != 2 or node.args[0].shape != node.shape:
        return False
    x, out = arrays.of(node.args[0]), arrays.of(node)
    return (
        x.dtype == out.dtype
        and x.strides[0] == x.itemsize < x.strides[1]
        and out.flags.c_contiguous
        and min(out.shape) >= EDGE
    )
