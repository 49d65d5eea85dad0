"""Parameters end to end: several short ones move as one array, in the time that one of them would take.

A step of a few numbers takes the time of NumPy's calls, so joined they are faster (Adam on 100 parameters of 8 or 64
numbers: 0.14 ms instead of 0.89). From some 20,000 numbers on, the arithmetic takes the time, and there is nothing to
gain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from ..core import Array, Value, modes, wide, widened

LONGEST = 65536  # numbers, in all the parameters that are joined


class Part:
    """One parameter, and what is kept of it. It moves as an array does, `part -= change`."""

    change = None

    def __init__(self, value: Value) -> None:
        self.value = value
        self.state: dict[str, Array] = {}  # slot -> numbers of its shape, a view into those of the piece

    @property
    def data(self) -> Any:
        """Its numbers, an array or a NumPy scalar."""
        return self.value.data

    def __isub__(self, change: Array) -> Self:
        self.value.data -= change
        return self


class Piece:
    """Parameters whose state lies end to end, in one array for each slot: several short ones, or a single one.

    Several move as one flat array does, `piece -= change`.
    """

    def __init__(self, values: list[Value]) -> None:
        self.values = values
        self.counts: list[int] = [0] * len(values)  # how often each was moved
        self.state: dict[str, Array] = {}  # slot -> the numbers of all, end to end
        self.parts: list[Part] = [Part(p) for p in values]  # the same memory, as that of each
        if len(values) > 1:
            self.change: Array = self.zeros()
            self.changes: list[Array] = self.views(self.change)

    @property
    def data(self) -> Array:
        """The numbers of all, end to end: a copy."""
        return np.concatenate([p.data for p in self.values], axis=None)

    def __isub__(self, change: Array) -> Self:
        parts = self.changes if change is self.change else self.views(change)
        for p, part in zip(self.values, parts, strict=True):
            p.data -= part
        return self

    # ------------------------------------------------------------------------------------------------ its memory

    def zeros(self) -> Array:
        """A 0 for every number, end to end, in the dtype in which they are added up."""
        return np.zeros(sum(p.size for p in self.values), wide(self.values[0].dtype))

    def views(self, array: Array) -> list[Array]:
        """What of a flat array belongs to each parameter, in its shape."""
        ends = itertools.accumulate(p.size for p in self.values)
        return [array[end - p.size : end].reshape(p.shape) for p, end in zip(self.values, ends, strict=True)]

    def hold(self, name: str, array: Array) -> None:
        """Keep `array` in the slot `name`, and its views in that of each parameter."""
        for part, view in zip(self.parts, self.views(array), strict=True):
            part.state[name] = view
        self.state[name] = array  # last: Ctrl-C may come in between

    def __reduce__(self) -> Any:
        # A copied view would be an array of its own, so a copy makes its views anew.
        return restored, (self.values, self.counts, self.state)


def restored(values: list[Value], counts: list[int], state: dict[str, Array]) -> Piece:
    """A piece as it was when it was copied or pickled."""
    piece = Piece(values)
    piece.counts = counts
    for name, array in state.items():
        piece.hold(name, array)
    return piece


def ready(pieces: list[Piece], slots: list[str]) -> Iterator[tuple[Piece | Part, Array, int]]:
    """What is to be moved, its gradient, and the number of its step; its state has all the `slots`.

    A piece moves as one if all in it have a gradient and were moved equally often, else each that has a gradient.
    """
    for piece in pieces:
        grads = [gradient_of(p) for p in piece.values if p.grad is not None]
        if not grads:
            continue
        for name in slots:
            if name not in piece.state:
                piece.hold(name, piece.zeros())
        counts = piece.counts
        if 1 < len(grads) == len(counts) and modes.asked_of(are_equal, piece, "counts"):
            t = modes.item(counts, 0) + 1
            yield piece, widened(np.concatenate(grads, axis=None)), t
            for i in range(len(grads)):
                modes.keep(counts, i, t)
            continue
        for i, part in enumerate(piece.parts):
            if part.value.grad is not None:
                t = modes.item(counts, i) + 1
                modes.keep(counts, i, t)
                yield part, widened(gradient_of(part.value)), t


def are_equal(counts: list[int]) -> bool:
    """Whether all were moved equally often."""
    return counts.count(counts[0]) == len(counts)


def gradient_of(p: Value) -> Any:
    """The gradient of a parameter as numbers, of one that can be differentiated too."""
    return p.grad.data if type(p.grad) is Value else p.grad


def pieces_of(params: Iterable[Value], joined: bool = True) -> list[Piece]:
    """The parameters in pieces of one dtype, of at most `LONGEST` numbers if there are several in one.

    Frozen ones, which get no gradient, have their own: a piece moves as one where all in it have a gradient.
    """
    longest = LONGEST if joined else 0
    pieces: list[list[Value]] = []
    opened: dict[Any, list[Value]] = {}
    room: dict[Any, int] = {}
    for p in params:
        kind = p.dtype, type(p)
        if p.size > longest:
            pieces.append([p])
            continue
        if p.size > room.get(kind, -1):
            opened[kind], room[kind] = [], longest
            pieces.append(opened[kind])
        opened[kind].append(p)
        room[kind] -= p.size
    return [Piece(piece) for piece in pieces]
