"""Where the batches of a training come from."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..core import Array
from ..nn.init import Seed, generator


class Batch(NamedTuple):
    """What one step trains on."""

    x: Array
    y: Array
    size: int  # how many examples it has
    last: bool  # whether it is the last of its epoch


class ArraySource:
    """Batches of examples x (n, …) and targets y (n, …), in a new random order each epoch.

    A training asks a source for no more than this: how many `steps` an epoch has; its `batches`, from any of them on,
    and how many `examples` come before that one; and for a file, which examples they are (`fingerprint`) and what
    brings them up again in the same order (the attributes in `HELD`).
    """

    HELD = ("seed",)

    def __init__(self, x: Array, y: Array, size: int, seed: Seed) -> None:
        self.x: Array = x
        self.y: Array = y
        self.size: int = size
        self.steps: int = -(-len(x) // size)
        self.seed: int = int(seed) if isinstance(seed, int | np.integer) else int(generator(seed).integers(2**63))

    def batches(self, epoch: int, done: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1, without the `done` first ones."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.x))
        for batch in range(done, self.steps):
            picked = order[batch * self.size :][: self.size]
            yield Batch(self.x.take(picked, 0), self.y.take(picked, 0), len(picked), batch + 1 == self.steps)

    def examples(self, done: int) -> int:
        """How many examples the `done` first batches of an epoch hold."""
        return min(done * self.size, len(self.x))

    def fingerprint(self) -> dict[str, str]:
        """What must be the same when a training goes on from a file, by the names it has in `fit`."""
        return {"x": fingerprint(self.x), "y": fingerprint(self.y)}


def fingerprint(array: Array) -> str:
    """An array in short: what it is, and a checksum of its numbers."""
    held = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return f"{array.dtype} {array.shape} checksum {zlib.crc32(held):08x}"
