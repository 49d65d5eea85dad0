"""Where the batches of a training come from.

A training asks a source for no more than this: its `batches`, epoch after epoch; how many `steps` an epoch has, if that
is known; where a run stands in an epoch after some steps (`done`), and how many `examples` came before; and for a file,
which examples they are (`fingerprint`) and what brings them up again in the same order (the attributes in `HELD`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from ..core import Array
from ..nn.init import Seed, generator

TOGETHER = 1 << 18  # bytes of examples that are picked at once, at most: they are in a cache when their turns come

Inputs: TypeAlias = "Array | tuple[Array, ...]"  # of a model, with a row for each example; of several inputs a tuple
# Of a batch of so many examples: which rows this process deals out, and how many of these count.
Share: TypeAlias = "Callable[[int], tuple[slice, int]] | None"


class Batch(NamedTuple):
    """What one step trains on; or what several `steps` do, batches of the same size one behind the other."""

    x: Inputs
    y: Array
    size: int  # how many examples it has
    last: bool = False  # whether it is the last of its epoch
    weight: Array | None = None  # how much each example counts, on average over all of them 1
    own: int | None = None  # of a batch in parts, one for each rank: how many of these are more than stand-ins
    steps: int = 1

    @property
    def counted(self) -> int:
        """How many of these examples count."""
        return self.size if self.own is None else self.own

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What the model is called with."""
        return self.x if isinstance(self.x, tuple) else (self.x,)

    @property
    def targets(self) -> tuple[Array, ...]:
        """What the loss is called with, after the outputs."""
        return (self.y,) if self.weight is None else (self.y, self.weight)

    def each(self) -> Iterator[tuple[Array, ...]]:
        """The inputs and the targets of one batch after the other."""
        rows = self.size // self.steps
        given = (*self.inputs, *self.targets)
        return zip(*(part.reshape(self.steps, rows, *part.shape[1:]) for part in given), strict=True)

    def of(self, given: tuple[Array, ...]) -> Batch:
        """One of several batches, by its inputs and its targets."""
        x, (y, *weight) = given[: -len(self.targets)], given[-len(self.targets) :]
        return Batch(x, y, len(y), weight=weight[0] if weight else None)


class Dealer(Protocol):
    """What deals out batches."""

    def batches(self, epoch: int, done: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1, without the `done` first ones."""


class Source(Dealer, Protocol):
    """What a training asks of a source, see above."""

    HELD: tuple[str, ...]
    steps: int | None
    share: Share

    def done(self, taken: int) -> int:
        """How many batches of the epoch under way were taken, after so many in all epochs."""

    def examples(self, done: int) -> int:
        """How many examples the `done` first batches of an epoch hold."""

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same when a training goes on from a file, by the names it has in `fit`."""


def picked(x: Inputs, rows: Any) -> Inputs:
    """These rows of every input."""
    return tuple(part[rows] for part in x) if isinstance(x, tuple) else x[rows]


class Rows:
    """Batches of n examples that can be picked, in a new random order each epoch.

    So many as `held_out` says, drawn at random, are in no batch: `kept_back` gives them.
    """

    HELD: tuple[str, ...] = ("seed",)

    def __init__(self, n: int, size: int, seed: Seed, held_out: int = 0) -> None:
        self.all: int = n
        self.n: int = n - held_out
        self.size: int = size
        self.held_out: int = held_out
        self.steps: int | None = -(-self.n // size)
        self.share: Share = None
        self.count: int = 1  # of batches that are dealt out as one, of which the last of an epoch is none
        self.seed: int = int(seed) if isinstance(seed, int | np.integer) else int(generator(seed).integers(2**63))

    def batch(self, rows: Array, last: bool = False) -> Batch:
        """These examples."""
        raise NotImplementedError

    def batches(self, epoch: int, done: int) -> Iterator[Batch]:
        order = np.random.default_rng((self.seed, epoch)).permutation(self.n)
        if self.held_out:
            order = self.split()[self.held_out :][order]
        start = done * self.size
        while start < self.n:
            count = max(1, min(self.count, (self.n - start - 1) // self.size))
            rows = order[start : start + count * self.size]
            start += len(rows)
            last = start == self.n
            if self.share is None:
                batch = self.batch(rows, last)
                yield batch if count == 1 else batch._replace(steps=count)
            else:
                mine, own = self.share(len(rows))
                yield self.batch(rows[mine], last)._replace(size=len(rows), own=own)

    def split(self) -> Array:
        """All examples in random order: first come those that are held out."""
        return np.random.default_rng((self.seed, 0)).permutation(self.all)

    def kept_back(self) -> Batch | Dealer:
        """The examples that are held out."""
        return self.batch(self.split()[: self.held_out])

    def done(self, taken: int) -> int:
        return taken % -(-self.n // self.size)

    def examples(self, done: int) -> int:
        return min(done * self.size, self.n)


class ArraySource(Rows):
    """Batches of examples x (n, …), or several such inputs, and targets y (n, …)."""

    def __init__(
        self, x: Inputs, y: Array, size: int, seed: Seed, weight: Array | None = None, held_out: int = 0
    ) -> None:
        super().__init__(len(y), size, seed, held_out)
        self.x: Inputs = x
        self.y: Array = y
        self.weight: Array | None = weight
        parts = [y, *(x if isinstance(x, tuple) else (x,)), *([] if weight is None else [weight])]
        self.bytes: int = sum(part[:size].nbytes for part in parts)  # of a batch

    def batch(self, rows: Array, last: bool = False) -> Batch:
        weight = None if self.weight is None else self.weight.take(rows)
        x = tuple(part.take(rows, 0) for part in self.x) if isinstance(self.x, tuple) else self.x.take(rows, 0)
        return Batch(x, self.y.take(rows, 0), len(rows), last, weight)

    def fingerprint(self) -> dict[str, Any]:
        weight = None if self.weight is None else fingerprint(self.weight)
        return {"x": fingerprint(self.x), "y": fingerprint(self.y), "sample_weight": weight}


def fingerprint(x: Inputs) -> Any:
    """An array in short: what it is, and a checksum of its numbers. Of several arrays, a list."""
    if isinstance(x, tuple):
        return [fingerprint(part) for part in x]
    held = np.ascontiguousarray(x).reshape(-1).view(np.uint8).data
    return f"{x.dtype} {x.shape} checksum {zlib.crc32(held):08x}"
