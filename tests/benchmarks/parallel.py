"""What averaging gradients costs a step, and where many processes pay: `python -m tests.benchmarks.parallel`.

Two ranks on this machine are measured: an all-reduce of several lengths, the shortest time of many; and in processor
time, so that it does not matter what else runs here, what a step of two networks takes and what is done around its
all-reduce: the gradients are weighted, put end to end, divided, and taken apart. From the all-reduces come α, what a
message costs however short, and β, the bytes a second of a long one. The rest is a model: what steps of many ranks take
is computed from what was measured here, and from links between machines that are assumed; the tables say which.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import microgradnet as mg
from microgradnet import nn, optim, parallel
from microgradnet.parallel.gradients import Mean
from tests import ranks

LENGTHS = (1, 1_000, 13_002, 100_000, 669_706)
NETWORKS = {"784-16-16-10": [16, 16, 10], "784-512-512-10": [512, 512, 10]}
BATCHES = (32, 256)  # of a rank, from which follows what a step costs besides, and for each example


class Link(NamedTuple):
    """What a message between two ranks takes: `alpha` seconds, and one more for every `beta` bytes."""

    name: str
    alpha: float
    beta: float


# Assumed, not measured: what such networks are sold as, with what a message through MPI takes on them.
ASSUMED = [Link("InfiniBand, 200 Gbit/s", 2e-6, 20e9), Link("Ethernet, 10 Gbit/s", 30e-6, 1.1e9)]
COUNTS = (2, 4, 16, 64, 256, 1024, 4096)


def fastest(step: Callable[[], Any], repeats: int) -> float:
    """Seconds of the shortest call."""
    least = math.inf
    for _ in range(repeats):
        began = time.perf_counter()
        step()
        least = min(least, time.perf_counter() - began)
    return least


def worked(step: Callable[[], Any], repeats: int) -> float:
    """Seconds of the processor that a call takes, in the best of five rounds."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(repeats):
            step()
        rounds.append((time.process_time() - began) / repeats)
    return min(rounds)


class Mute(parallel.World):
    """Two ranks that do all but speak to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.quiet = 2, True

    def _meeting(self) -> None:
        pass


def measured(world: parallel.World) -> dict[str, Any]:
    """What all-reduces and steps take on these ranks, in seconds."""
    reduces = {}
    for n in LENGTHS:
        x = np.ones(n, np.float32)
        reduces[n] = fastest(lambda x=x: world.add(x), 2000 if n < 50_000 else 300)
    steps: dict[str, dict[str, float]] = {}
    for name, sizes in NETWORKS.items():
        small = sizes[0] < 100
        for batch in BATCHES:
            x, y = np.random.default_rng(0).normal(size=(batch, 784)).astype(np.float32), np.arange(batch) % 10
            model = nn.MLP(784, sizes, activation=np.tanh, seed=0)
            optimizer = optim.SGD(model.parameters(), lr=0.01)
            mean = Mean(Mute(), {p: str(name) for name, p in model.named_parameters()})

            def step(x: Any = x, y: Any = y, model: Any = model, optimizer: Any = optimizer) -> None:
                optimizer.zero_grad()
                mg.functional.cross_entropy(model(x), y).backward(release=True)
                optimizer.step()

            steps[f"{name}, batch {batch}"] = {
                "compute": worked(step, 200 if small else 10),
                "around": worked(lambda mean=mean, n=batch: mean.take(n), 500 if small else 20),
            }
    return {"reduces": reduces, "steps": steps}


def line(reduces: dict[int, float]) -> Link:
    """The α and β of this machine, of two ranks: a message each way."""
    alpha = reduces[min(reduces)]
    longest = max(reduces)
    return Link("measured: two ranks, shared memory", alpha, 4 * longest / max(reduces[longest] - alpha, 1e-9))


def all_reduce(count: int, size: float, link: Link) -> float:
    """Seconds of an all-reduce of `size` bytes: by recursive doubling, which sends everything log₂ times, or by a ring,
    which sends every part twice in 2 (count − 1) messages, whichever is faster.
    """
    if count == 1:
        return 0.0
    doubling = math.ceil(math.log2(count)) * (link.alpha + size / link.beta)
    ring = 2 * (count - 1) * (link.alpha + size / count / link.beta)
    return min(doubling, ring)


def gains(found: dict[str, Any], links: list[Link], batch: int | None) -> list[str]:
    """How many times as fast as one process so many ranks are: a line for each network and link.

    Either each rank has its 128 examples, or all together have `batch`.
    """
    rows = [f"| network | link | {' | '.join(f'{n:,}' for n in COUNTS)} |", "|" + "---|" * (len(COUNTS) + 2)]
    for name, sizes in NETWORKS.items():
        size = 4 * sum((a + 1) * b for a, b in zip([784, *sizes], sizes, strict=False))
        (few, less), (many, more) = [(n, found["steps"][f"{name}, batch {n}"]) for n in BATCHES]
        each = (more["compute"] - less["compute"]) / (many - few)
        once = max(0.0, less["compute"] - few * each)  # of a step of no examples
        for link in links:
            cells = []
            for n in COUNTS:
                total = n * BATCHES[-1] if batch is None else batch
                takes = once + each * total / n + more["around"] + all_reduce(n, size, link)
                cells.append(f"{(once + each * total) / takes:,.1f}" if n <= total else "")
            rows.append(f"| {name} | {link.name} | {' | '.join(cells)} |")
    return rows


def report(found: dict[str, Any]) -> None:
    """All tables."""
    reduces = {int(n): t for n, t in found["reduces"].items()}
    link = line(reduces)
    print("An all-reduce between two ranks of this machine (float32):\n")
    print("| numbers | time |\n|---|---|")
    for n, t in reduces.items():
        print(f"| {n:,} | {1e6 * t:,.1f} µs |")
    print(f"\nα = {1e6 * link.alpha:.1f} µs, β = {link.beta / 1e9:.2f} GB/s\n")
    print("| step | computes | around the all-reduce | the all-reduce | share of the last two |\n|---|---|---|---|---|")
    for name, t in found["steps"].items():
        meeting = reduces[LENGTHS[2] if "-16-" in name else LENGTHS[-1]]
        share = (t["around"] + meeting) / (t["compute"] + t["around"] + meeting)
        times = " | ".join(f"{1e3 * x:.3f} ms" for x in (t["compute"], t["around"], meeting))
        print(f"| {name} | {times} | {share:.0%} |")
    links = "; ".join(f"{x.name}: α = {1e6 * x.alpha:.0f} µs, β = {x.beta / 1e9:.1f} GB/s" for x in ASSUMED)
    print(f"\nA model: how many times as fast as one process. Assumed are {links}; one all-reduce a step, once all")
    print("gradients are there; ranks that are equally fast, one a core. The rest was measured above.")
    for what, batch in ((f"Each rank has {BATCHES[-1]} examples", None), ("All together have 4,096 examples", 4096)):
        print(f"\n{what}:\n")
        print("\n".join(gains(found, ASSUMED, batch)))


if __name__ == "__main__":
    if "--rank" in sys.argv:
        with parallel.world() as world:
            found = measured(world)
            if world.rank == 0:
                print(json.dumps(found))
    else:
        if ranks.lacking():
            sys.exit(f'{ranks.lacking()}: pip install "microgradnet[mpi]"')
        done = ranks.start(2, "-m", "tests.benchmarks.parallel", "--rank", timeout=600)
        if done.returncode:
            sys.exit(done.stderr)
        report(json.loads(done.stdout))
