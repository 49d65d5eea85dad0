"""How times are taken: contenders take turns in one process, each warm.

A contender's time is that of the one it is compared with, times the median of what its turns took in multiples of the
turns beside them. It is CPU time, of all threads: what else runs on the machine is not counted, but makes it slower for
seconds on end, for all that have their turns then.
"""

from __future__ import annotations

import gc
import statistics
import time

import numpy as np

from .small_works import Step

TURN = 0.01  # seconds that one contender works before the next has its turn, about: long enough to run warm
CALLS = 5  # before anything is timed; the first two of a compiled step are recorded
UNMEASURED = ("products", "multiplications")  # which compute no cost


def agree(name: str, steps: dict[str, Step], base: str = "numpy", calls: int = CALLS) -> None:
    """All contenders go through the same costs."""
    costs = {contender: [float(step()) for _ in range(calls)] for contender, step in steps.items()}
    for contender, seen in costs.items():
        if contender not in UNMEASURED:
            np.testing.assert_allclose(
                seen, costs[base], rtol=1e-3, err_msg=f"{name}: {contender} computes another thing"
            )


def taken(steps: dict[str, Step], seconds: float, base: str = "numpy") -> dict[str, float]:
    """The CPU time of one step of each contender in seconds, of most of them by comparison with `base`.

    What is in memory from before is hidden from the garbage collector, which would go through it again and again; not
    for a contender "as it is".
    """
    repeats = {}
    for contender, step in steps.items():
        began = time.perf_counter()
        for _ in range(3):
            step()
        repeats[contender] = max(1, round(TURN / ((time.perf_counter() - began) / 3)))
    turns: dict[str, list[float]] = {contender: [] for contender in steps}
    end = time.perf_counter() + seconds * len(steps)
    while time.perf_counter() < end or len(turns[base]) < 5:
        for contender, step in steps.items():
            gc.collect()
            if not contender.endswith("as it is"):
                gc.freeze()
            began = time.process_time()
            for _ in range(repeats[contender]):
                step()
            turns[contender].append((time.process_time() - began) / repeats[contender])
            gc.unfreeze()
    usual = statistics.median(turns[base])
    return {
        contender: usual * statistics.median(x / y for x, y in zip(seen, turns[base], strict=True))
        for contender, seen in turns.items()
    }
