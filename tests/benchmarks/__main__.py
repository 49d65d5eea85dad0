"""`python -m tests.benchmarks`: this project beside hand-written NumPy and every peer that is installed.

The contenders of a work take turns in one process; a number is the median of a contender's turns as a multiple of the
median of hand-written NumPy's. Nothing is asserted about time, only that all compute the same.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np

from .works import WORKS, Step

TURN = 0.03  # seconds that one contender works before the next has its turn, about: long enough to run warm


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="works whose name holds this text")
    parser.add_argument("--without", default="", help="contenders to leave out, such as torch,jax")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each contender of a work (4)")
    parser.add_argument("--agree", action="store_true", help="time nothing, check that all compute the same")
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    columns = ["numpy", "microgradnet", "torch", "jax", "autograd", "mygrad", "micrograd"]
    columns = [name for name in columns if name not in options.without.split(",")]
    if not options.agree:
        print(f"{'':27}{'numpy':>10}" + "".join(f"{name:>14}" for name in columns[1:]))
    for name, (work, builders) in WORKS.items():
        if options.only not in name:
            continue
        steps = {}
        for contender in columns:
            if contender in builders:
                try:
                    steps[contender] = builders[contender](work)
                except ImportError:
                    continue
        agree(name, steps)
        if options.agree:
            print(f"{name:27}{'the same costs in ' + ', '.join(steps)}", flush=True)
            continue
        times = taken(steps, options.seconds)
        base = times["numpy"]
        cells = [f"{times[c] / base:13.2f}×" if c in times else f"{'–':>14}" for c in columns[1:]]
        print(f"{name:27}{base * 1e6:7.0f} µs" + "".join(cells), flush=True)
        if "micrograd" in times:
            print(
                f"{'':27}microgradnet is {times['micrograd'] / times['microgradnet']:.1f} times faster than micrograd"
            )


def agree(name: str, steps: dict[str, Step]) -> None:
    """All contenders go through the same costs."""
    costs = {contender: [float(step()) for _ in range(3)] for contender, step in steps.items()}
    for contender, seen in costs.items():
        np.testing.assert_allclose(
            seen, costs["numpy"], rtol=1e-3, err_msg=f"{name}: {contender} computes another thing"
        )


def taken(steps: dict[str, Step], seconds: float) -> dict[str, float]:
    """The median time of one step of each contender, in seconds."""
    repeats = {}
    for contender, step in steps.items():
        began = time.perf_counter()
        for _ in range(3):
            step()
        repeats[contender] = max(1, round(TURN / ((time.perf_counter() - began) / 3)))
    turns: dict[str, list[float]] = {contender: [] for contender in steps}
    end = time.perf_counter() + seconds * len(steps)
    while time.perf_counter() < end or len(turns["numpy"]) < 5:
        for contender, step in steps.items():
            began = time.perf_counter()
            for _ in range(repeats[contender]):
                step()
            turns[contender].append((time.perf_counter() - began) / repeats[contender])
    return {contender: statistics.median(seen) for contender, seen in turns.items()}


if __name__ == "__main__":
    main()
