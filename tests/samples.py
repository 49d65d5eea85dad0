"""How much of what could be tried is tried: in the default run some, drawn by a seed that is another every day; in the
long run (`-m slow`) all.

A day's draw is repeated by MICROGRADNET_SEED, which pytest prints at its end; .ci/run sets it. With MICROGRADNET_SHARE,
such as 0.5, only that share of the tests is run, drawn by the same seed.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Sequence
from datetime import date
from typing import TypeVar

T = TypeVar("T")

SEED = int(os.environ.get("MICROGRADNET_SEED") or date.today().toordinal())
SOME = 0.35
EXAMPLES = int(os.environ.get("MICROGRADNET_EXAMPLES") or 40)  # of Hypothesis for a test
LEAST = 3
SHARE = float(os.environ.get("MICROGRADNET_SHARE") or 1.0)  # of all tests, which .ci/run takes where time is short


def count(n: int, share: float) -> int:
    """A share of n, but not so little that it says nothing."""
    return min(n, max(LEAST, math.ceil(share * n)))


def sample(items: Sequence[T], n: int, seed: int | str = SEED) -> list[T]:
    """Some of the items, which are told apart by their text: the same for a seed, in any order and any process."""
    return sorted(items, key=lambda item: zlib.crc32(f"{seed} {item}".encode()))[:n]


def drawn(name: str, share: float = SHARE, seed: int | str = SEED) -> bool:
    """Whether a test of this name is in the share that is run: another one for each seed, the same in each process."""
    return share >= 1 or zlib.crc32(f"{seed} {name}".encode()) < share * 2**32
