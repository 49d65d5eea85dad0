"""Elementwise calls on large arrays, gathered: they run block by block, and what is between them stays in cache.

A call on a million numbers fetches them from memory and puts its result there; the next one fetches that again. Calls
that follow from one another, with nothing in between that takes the whole arrays, are run on some rows at a time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .joined import in_rows
from .nodes import Node, ufunc_of, varies

LARGE = 1 << 18  # bytes, from which arrays do not stay in cache anyway
BLOCK = 1 << 17  # bytes of an array that are computed at a time


class Region:
    """Calls that run together, block by block, and what depends on them and has to come later."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape: tuple[int, ...] = shape
        self.members: list[Node] = []
        self.later: set[Node] = set()
        self.is_open: bool = True

    def can_take(self, node: Node) -> bool:
        """Whether a call follows from these, and from nothing that has to come after them."""
        return (
            self.is_open
            and node.shape == self.shape
            and any(x in self.members for x in node.inputs())
            and not any(x in self.later for x in node.inputs())
        )


def regions(nodes: list[Node], may: Callable[[Node], bool]) -> list[Region]:
    """The calls that run together; `may` says of a call whether it can."""
    found: list[Region] = []
    of: dict[Node, Region] = {}
    for node in nodes:
        taken = None
        if may(node) and is_large(node):
            taken = next((region for region in found if region.can_take(node)), None)
            if taken is None:
                taken = Region(node.shape or ())
                found.append(taken)
            taken.members.append(node)
            of[node] = taken
        for region in found:
            if region is not taken and any(of.get(x) is region or x in region.later for x in node.inputs()):
                region.later.add(node)
                region.is_open = region.is_open and node.kind == "call"  # what has effects is not put off
        if taken is not None:  # what waits for one of them waits for all, and for what these wait for
            for region in found:
                if region is not taken and not region.later.isdisjoint(taken.members):
                    region.later.update(taken.members, taken.later)
    return [region for region in found if len(region.members) > 1]


def is_large(node: Node) -> bool:
    """Whether a call works element by element on large arrays, all of which can be cut along the first axis."""
    shape = node.shape
    if not shape or not is_cut_up(node):
        return False
    return math.prod(shape) * int(node.dtype.itemsize) >= LARGE and shape[0] >= 4 * rows_of(shape)


def is_cut_up(node: Node) -> bool:
    """The same of arrays that are more than one block."""
    if node.kind != "call" or ufunc_of(node) is None or varies(node) or not node.shape or not in_rows(node):
        return False
    return node.shape[0] > rows_of(node.shape) and all(fits(x, node.shape) for x in node.args)


def fits(x: Any, shape: tuple[int, ...]) -> bool:
    """Whether an operand is cut as the result is, or is the same for all rows."""
    if not isinstance(x, (Node, np.ndarray)):
        return isinstance(x, (int, float, np.generic))
    return not is_cut(x, shape) or isinstance(x, np.ndarray) or in_rows(x)


def is_cut(x: Any, shape: tuple[int, ...]) -> bool:
    """Whether rows of an operand are to be taken for those of the result."""
    own: tuple[int, ...] = getattr(x, "shape", None) or ()
    return len(own) == len(shape) > 0 and own[0] != 1


def rows_of(shape: tuple[int, ...]) -> int:
    """How many rows are computed at a time."""
    return max(1, BLOCK // max(1, 4 * math.prod(shape[1:])))


def gathered(nodes: list[Node], found: list[Region]) -> list[Node]:
    """The nodes, the members of each region one after the other; whatever has effects keeps its order."""
    if not found:
        return nodes
    unit: dict[Node, Any] = {node: node for node in nodes} | {x: region for region in found for x in region.members}
    place = {node: i for i, node in enumerate(nodes)}
    at = {unit[node]: place[node] for node in nodes}  # of a region, where its last member was
    waits: dict[Any, set[Any]] = {x: set() for x in at}
    last = None
    for node in nodes:
        waits[unit[node]].update(unit[x] for x in node.inputs() if unit[x] is not unit[node])
        if node.kind != "call":
            if last is not None:
                waits[node].add(last)
            last = node
    followers: dict[Any, list[Any]] = {x: [] for x in at}
    for x, before in waits.items():
        for y in before:
            followers[y].append(x)
    ready = [(at[x], i) for i, x in enumerate(at) if not waits[x]]
    units, number = list(at), {x: i for i, x in enumerate(at)}
    heapq.heapify(ready)
    made: list[Node] = []
    while ready:
        x = units[heapq.heappop(ready)[1]]
        made += x.members if isinstance(x, Region) else [x]
        for y in followers[x]:
            waits[y].discard(x)
            if not waits[y]:
                heapq.heappush(ready, (at[y], number[y]))
    assert len(made) == len(nodes), "regions wait for each other"
    return made
