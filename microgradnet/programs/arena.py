"""Where a NumPy program keeps what it computes: one block of memory. What is over gives its place to what comes.

A program is written twice. The first time everything has memory of its own, and from when to when it is needed is
noted. Then all of it is placed, the longest first. The second time the same is asked for in the same order, and lies
where it was placed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LINE = 64  # bytes; everything begins at a line of the cache
ALWAYS = 1_000_000_000  # as a time: after everything


class Room:
    """Memory, how many lines are still to read it, and from when to when it is needed."""

    __slots__ = ("array", "begin", "end", "readers")

    def __init__(self, array: Any) -> None:
        self.array: Any = array  # bytes
        self.readers: int = 0
        self.begin: int = 0  # from the start, as long as nothing else is said
        self.end: int = ALWAYS


class Arena:
    """The rooms of a program in the order in which they are asked for; in their places, if these are known."""

    def __init__(self, places: list[int] | None = None, size: int = 0) -> None:
        self.rooms: list[Room] = []
        self.time: int = 0
        self.decided: int = 0  # when it is known that no other program takes over
        self.places: list[int] | None = places
        self.bytes: int = size
        self.block: Any = in_line(size)
        self.parts: dict[tuple[int, int], Any] = {}  # of one place and size one array

    def room(self, size: int) -> Room:
        """Memory for so many bytes."""
        if self.places is None:
            self.bytes += size
            room = Room(np.empty(size, np.uint8))
        else:
            place = self.places[len(self.rooms)]
            room = Room(self.parts.setdefault((place, size), self.block[place : place + size]))
        self.rooms.append(room)
        return room

    def begin(self, room: Room) -> None:
        """It is written now; not for the first time, if it has several parts."""
        if not room.begin:
            self.time += 1
            room.begin = self.time

    def end(self, room: Room) -> None:
        """It has been read for the last time."""
        self.time += 1
        room.end = self.time

    def placed(self) -> Arena:
        """A new one in which all this has its place: in the smallest gap between what is needed at the same time.

        What is needed after the step is still there in the next one until that is decided: if another program takes
        over, or nobody, it is looked at then.
        """
        sizes = np.array([-(-room.array.nbytes // LINE) * LINE for room in self.rooms], np.int64)
        begins = np.array([room.begin for room in self.rooms], np.int64)
        ends = np.array([room.end for room in self.rooms], np.int64)
        places = np.zeros(len(sizes), np.int64)
        known = np.zeros(len(sizes), np.bool)
        for i in np.argsort(-sizes, kind="stable"):
            together = (begins < ends[i]) & (ends > begins[i])
            if ends[i] == ALWAYS:
                together |= begins <= self.decided
            if begins[i] <= self.decided:
                together |= ends == ALWAYS
            beside = np.flatnonzero(known & together)
            beside = beside[np.argsort(places[beside], kind="stable")]
            begun = places[beside]
            free = np.maximum.accumulate(np.concatenate([[0], begun + sizes[beside]]))  # where each gap begins
            gaps = begun - free[:-1]
            wide = np.flatnonzero(gaps >= sizes[i])
            places[i] = free[wide[gaps[wide].argmin()]] if wide.size else free[-1]
            known[i] = True
        return Arena(places.tolist(), int((places + sizes).max(initial=0)))


def in_line(size: int) -> Any:
    """Memory that begins at a line of the cache."""
    block = np.empty(size + LINE, np.uint8)
    begin = -block.ctypes.data % LINE
    return block[begin : begin + size]
