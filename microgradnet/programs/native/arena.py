"""Where native code keeps what it computes: one block of memory, in which things lie as in that of a NumPy program."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.conversion import in_line
from ..arena import ALWAYS, places_of
from ..nodes import Node
from .arrays import Arrays
from .kinds import REDUCTIONS
from .steps import Step


class Arena:
    """A place for every root that is kept in memory and has none outside."""

    def __init__(
        self, arrays: Arrays, steps: list[Any], readers: dict[int, list[tuple[int, bool]]], kept: set[int]
    ) -> None:
        self.arrays: Arrays = arrays
        self.offset: dict[int, int] = {}
        self.size: int = 0
        self.room: dict[int, int] = {}  # id of a root -> which of the rooms
        self.rooms: list[tuple[int, int, int]] = []  # bytes; from which step on, and until before which
        self.last: dict[int, int] = {root: max(step for step, _ in read) for root, read in readers.items()}
        self.last.update(dict.fromkeys(kept, ALWAYS))
        self.readers = readers
        self.ending: dict[int, list[Node]] = {}
        self.steps: list[Any] = steps

    def place(self, node: Node, step: int) -> None:
        """Give a root a room from a step on. An array that ends with the step may give its own."""
        shared = self.given_up(node, step)
        last = self.last.get(id(node), step)
        size, begin = self.arrays.of(node).nbytes, step + 1
        if shared is None:
            self.room[id(node)] = len(self.rooms)
            self.rooms.append((size, begin, min(last + 2, ALWAYS)))
        else:
            self.room[id(node)] = shared
            self.rooms[shared] = size, self.rooms[shared][1], min(last + 2, ALWAYS)
        if last != ALWAYS:
            self.ending.setdefault(last, []).append(node)

    def settle(self) -> None:
        """Give the rooms their places, when all are known."""
        sizes, begins, ends = ([room[i] for room in self.rooms] for i in range(3))
        places, self.size = places_of(sizes, begins, ends, [0] * len(sizes))
        self.offset = {root: places[i] for root, i in self.room.items()}

    def given_up(self, node: Node, step: int) -> int | None:
        """The room of an array of the same kind that this loop reads, element by element, and nobody after it."""
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
                return self.room[id(other)]
        return None

    def made(self) -> np.ndarray:
        """The memory."""
        block = in_line(self.size)
        block[...] = 0
        return block
