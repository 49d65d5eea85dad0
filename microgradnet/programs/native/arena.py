"""Where native code keeps what it computes: one block of memory. What is over gives its place to what comes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nodes import Node
from .arrays import Arrays, address
from .kinds import REDUCTIONS
from .steps import Step

LINE = 64  # bytes; everything begins at a line of the cache
ALWAYS = 1 << 60


class Arena:
    """A place for every root that is kept in memory and has none outside."""

    def __init__(
        self, arrays: Arrays, steps: list[Any], readers: dict[int, list[tuple[int, bool]]], kept: set[int]
    ) -> None:
        self.arrays: Arrays = arrays
        self.offset: dict[int, int] = {}
        self.holes: list[tuple[int, int]] = []  # free: begin, size
        self.size: int = 0
        self.last: dict[int, int] = {root: max(step for step, _ in read) for root, read in readers.items()}
        self.last.update(dict.fromkeys(kept, ALWAYS))
        self.readers = readers
        self.ending: dict[int, list[Node]] = {}
        self.steps: list[Any] = steps

    def bytes(self, node: Node) -> int:
        """What a root takes, in whole lines."""
        return -(-self.arrays.of(node).nbytes // LINE) * LINE

    def place(self, node: Node, step: int) -> None:
        """Give a root a place from a step on. An array that ends with the step may give its own."""
        shared = self.given_up(node, step)
        self.offset[id(node)] = self.take(self.bytes(node)) if shared is None else shared
        last = self.last.get(id(node), step)
        if last != ALWAYS:
            self.ending.setdefault(last, []).append(node)

    def given_up(self, node: Node, step: int) -> int | None:
        """The place of an array of the same kind that this loop reads, element by element, and nobody after it."""
        if not (type(self.steps[step]) is Step and self.steps[step].kind == "loop"):
            return None
        mine = self.arrays.of(node)
        if node.function in REDUCTIONS:  # it is written before the rest of the loop has read
            return None
        if id(node) not in {id(x) for x in self.steps[step].nodes} or mine.shape != self.steps[step].shape:
            return None
        for other in self.ending.get(step, []):
            theirs = self.arrays.of(other)
            alike = (theirs.shape, theirs.strides, theirs.dtype) == (mine.shape, mine.strides, mine.dtype)
            whole = all(read for at, read in self.readers[id(other)] if at == step)
            if alike and whole and not any(other is x for x in self.steps[step].nodes):
                self.ending[step].remove(other)
                return self.offset[id(other)]
        return None

    def take(self, size: int) -> int:
        """Memory of this size: the smallest hole it fits into, or new."""
        fitting = [hole for hole in self.holes if hole[1] >= size]
        if not fitting:
            self.size += size
            return self.size - size
        begin, room = hole = min(fitting, key=lambda hole: hole[1])
        self.holes.remove(hole)
        if room > size:
            self.holes.append((begin + size, room - size))
        return begin

    def end(self, step: int) -> None:
        """A step is over, and all that was read last in it."""
        for node in self.ending.pop(step, []):
            self.holes.append((self.offset[id(node)], self.bytes(node)))
        self.holes.sort()
        joined: list[tuple[int, int]] = []
        for begin, size in self.holes:
            if joined and sum(joined[-1]) == begin:
                joined[-1] = joined[-1][0], joined[-1][1] + size
            else:
                joined.append((begin, size))
        self.holes = joined

    def made(self) -> np.ndarray:
        """The memory."""
        block = np.zeros(self.size + LINE, np.uint8)
        begin = -address(block) % LINE
        return block[begin : begin + self.size]
