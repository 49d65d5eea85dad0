"""Where a NumPy program keeps what it computes: one block of memory. What is over gives its place to what comes.

A program is written twice. The first time everything has memory of its own, and from when to when it is needed is
noted. Then all of it is placed, the longest first. The second time the same is asked for in the same order, and lies
where it was placed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.conversion import LINE, in_line

ALWAYS = 1_000_000_000  # as a time: after everything


class Room:
    """Memory, how many lines are still to read it, and from when to when it is needed."""

    __slots__ = ("array", "begin", "end", "readers", "since")

    def __init__(self, array: Any) -> None:
        self.array: Any = array  # bytes
        self.readers: int = 0
        self.begin: int = 0  # from the start, as long as nothing else is said
        self.end: int = ALWAYS
        self.since: int = 0  # until then what was here after the last run is to be there


class Arena:
    """The rooms of a program in the order in which they are asked for; in their places, if these are known."""

    def __init__(self, places: list[int] | None = None, size: int = 0) -> None:
        self.rooms: list[Room] = []
        self.time: int = 0
        self.looked: int = 0  # when others have looked for the last time at what the last run has left
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
            room.begin, room.since = self.time, self.looked

    def end(self, room: Room) -> None:
        """It has been read for the last time."""
        self.time += 1
        room.end = self.time

    def placed(self) -> Arena:
        """A new one in which all this has its place: in the smallest gap between what is needed at the same time.

        What is needed after the step is there in the next one too until others have looked at it, such as another
        program that takes over, or a call of the user's.
        """
        sizes = [room.array.nbytes for room in self.rooms]
        since = [room.since if room.end == ALWAYS else 0 for room in self.rooms]
        return Arena(*places_of(sizes, [room.begin for room in self.rooms], [room.end for room in self.rooms], since))


def places_of(lengths: list[int], begun: list[int], over: list[int], until: list[int]) -> tuple[list[int], int]:
    """The places of rooms of these bytes, each needed from one time on to before another, and how much all take.

    Times count from 1. One that is needed in the next run too, `until` a time, lies beside all that begins by then.
    """
    sizes, begins, ends, since = np.array([lengths, begun, over, until], np.int64)
    sizes = -(-sizes // LINE) * LINE
    places = np.zeros(len(sizes), np.int64)
    known = np.zeros(len(sizes), np.bool)
    for i in np.argsort(-sizes, kind="stable"):
        together = (begins < ends[i]) & (ends > begins[i]) | (begins <= since[i]) | (begins[i] <= since)
        beside = np.flatnonzero(known & together)
        beside = beside[np.argsort(places[beside], kind="stable")]
        taken = places[beside]
        free = np.maximum.accumulate(np.concatenate([[0], taken + sizes[beside]]))  # where each gap begins
        gaps = taken - free[:-1]
        wide = np.flatnonzero(gaps >= sizes[i])
        places[i] = free[wide[gaps[wide].argmin()]] if wide.size else free[-1]
        known[i] = True
    return places.tolist(), int((places + sizes).max(initial=0))
