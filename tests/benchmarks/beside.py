"""`python -m tests.benchmarks.beside PATH`: this version beside another, whose checkout is at PATH.

Both are imported into one process, the other one under a name of its own, and take turns at every work that is ours to
time, at the operations that such works are made of, and at rows called directly. What is printed is CPU time as a
multiple of the other version's: the ratio of the medians, and that of the shortest turns.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from . import one_core
from .layers import our_steps
from .works import WORKS, Step, ours

TURN = 0.02  # seconds that one version works before the other has its turn, about
OTHER = "microgradnet_before"


def load(path: Path) -> None:
    """Import the package of another checkout as OTHER. All its imports within itself are relative."""
    package = path / "microgradnet"
    spec = importlib.util.spec_from_file_location(OTHER, package / "__init__.py")
    if spec is None or spec.loader is None or not package.is_dir():
        raise SystemExit(f"{path} holds no microgradnet: give the folder of a checkout, such as one of `git worktree`")
    sys.modules[OTHER] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def repeated(operation: Step, times: int = 500) -> Step:
    def step() -> None:
        for _ in range(times):
            operation()

    return step


def operations(package: str) -> dict[str, Step]:
    """The smallest works: one operation recorded, one row called directly on plain arrays, one backward."""
    (F,) = ours(package, "functional")
    Value = importlib.import_module(package).Value
    a, A = Value(1.5), np.random.default_rng(0).random((4, 4)).astype("f4")
    V = Value(A)

    def backward(create_graph: bool) -> None:
        V.grad = None
        (V.tanh() * V).sum().backward(create_graph=create_graph)

    listed: dict[str, Step] = {
        "a + a": lambda: a + a, "2 * a": lambda: 2 * a, "1 - a": lambda: 1 - a, "a ** 2": lambda: a**2,
        "a > 0": lambda: a > 0, "a.tanh()": a.tanh, "np.tanh(a)": lambda: np.tanh(a), "V @ V": lambda: V @ V,
        "V.sum()": V.sum, "V.sum(axis=0)": lambda: V.sum(axis=0), "V.mean()": V.mean, "V.T": lambda: V.T,
        "V[0]": lambda: V[0], "np.where(V > 0, V, 0.)": lambda: np.where(V > 0, V, 0.0),
        "np.concatenate([V, V])": lambda: np.concatenate([V, V]), "F.mse_loss(V, A)": lambda: F.mse_loss(V, A),
        "F.sigmoid(V)": lambda: F.sigmoid(V), "F.sigmoid(A)": lambda: F.sigmoid(A), "F.relu(A)": lambda: F.relu(A),
        "F.linear(A, A, A[0])": lambda: F.linear(A, A, A[0]), "F.softmax(A)": lambda: F.softmax(A),
        "F.sigmoid(0.3)": lambda: F.sigmoid(0.3), "backward": lambda: backward(False),
        "backward, create_graph": lambda: backward(True),
    }  # fmt: skip
    return {name: repeated(operation) for name, operation in listed.items()}


def steps(package: str) -> dict[str, Step]:
    """All there is to time, of one version."""
    works = {name: builders["microgradnet"](work, package) for name, (work, builders) in WORKS.items()}  # type: ignore[call-arg]
    return {**works, **our_steps(package), **operations(package)}


def turn(step: Step, times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - began) / times


def ratios(new: Step, old: Step, seconds: float) -> tuple[float, float]:
    """CPU time of `new` over that of `old`: of the medians, and of the shortest turns."""
    times = max(1, round(TURN / max(turn(new, 3), 1e-7)))
    turns: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(turns[0]) < 5:
        for step, taken in zip((new, old), turns, strict=True):
            taken.append(turn(step, times))
    return statistics.median(turns[0]) / statistics.median(turns[1]), min(turns[0]) / min(turns[1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.beside", description=__doc__)
    parser.add_argument("path", type=Path, help="the checkout of the other version")
    parser.add_argument("--only", default="", help="works whose name holds this text")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each work (3)")
    options = parser.parse_args()
    one_core()
    load(options.path)
    new, old = steps("microgradnet"), steps(OTHER)
    print(f"{'':28}  medians  shortest turns")
    for name in [name for name in new if options.only in name]:
        middle, least = ratios(new[name], old[name], options.seconds)
        print(f"{name:28}{middle:9.3f}{least:16.3f}", flush=True)


if __name__ == "__main__":
    main()
