"""`python -m tests.benchmarks.feeding`: what an epoch of `fit` costs by where its batches come from, on one core.

A convolutional network learns from the same images, as arrays, from a generator, as `data.batches`, as a dataset of
single examples and, with Pillow, as a folder of PNG files. The contenders take turns in one process, an epoch each; a
number is the median of their CPU times, as a multiple of that of arrays. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import one_core

SIZE = 64  # examples in a batch


class Pairs:
    """A dataset of single examples."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> Any:
        return self.x[i], self.y[i]


def contenders(x: np.ndarray, y: np.ndarray, folder: Path) -> dict[str, tuple[Any, ...]]:
    """What `fit` is given to train on, x and y or x alone."""
    from microgradnet import data

    def generator() -> Iterator[Any]:
        order = np.random.default_rng(0).permutation(len(x))
        for i in range(0, len(x), SIZE):
            yield x[order[i : i + SIZE]], y[order[i : i + SIZE]]

    found: dict[str, tuple[Any, ...]] = {
        "arrays": (x, y), "generator": (generator,), "data.batches": (data.batches(x, y, SIZE, seed=0),),
        "dataset": (Pairs(x, y),),
    }  # fmt: skip
    try:
        from PIL import Image
    except ModuleNotFoundError:
        return found
    for i, (image, label) in enumerate(zip(x, y, strict=True)):
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray((image[0] * 255).astype(np.uint8)).save(folder / str(label) / f"{i}.png")
    return {**found, "image_folder": (data.image_folder(folder, grey=True),)}


def epoch(given: tuple[Any, ...]) -> Callable[[], float]:
    """Trains for an epoch and returns its CPU time, in seconds."""
    import microgradnet as mg
    from microgradnet import nn, optim

    model = nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=5, seed=0), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 24, kernel_size=5, seed=1),
        nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 4 * 4, 10, seed=2),
    )  # fmt: skip
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def train() -> float:
        began = time.process_time()
        mg.fit(model, *given, loss="cross_entropy", optimizer=optimizer, epochs=1, batch_size=SIZE, seed=0,
               progress=False)  # fmt: skip
        return time.process_time() - began

    return train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.feeding", description=__doc__)
    parser.add_argument("--examples", type=int, default=2048, help="how many there are (2048)")
    parser.add_argument("--rounds", type=int, default=9, help="epochs of each contender (9)")
    options = parser.parse_args()
    print(one_core())
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (options.examples, 1, 28, 28)).astype(np.float32) / 255
    y = np.arange(options.examples) % 10
    with tempfile.TemporaryDirectory() as folder:
        epochs = {name: epoch(given) for name, given in contenders(x, y, Path(folder)).items()}
        for train in epochs.values():
            train()  # warm
        times: dict[str, list[float]] = {name: [] for name in epochs}
        for _ in range(options.rounds):
            for name, train in epochs.items():
                times[name].append(train())
    of_arrays = statistics.median(times["arrays"])
    for name, seen in times.items():
        took = statistics.median(seen)
        print(f"{name:14}{1e3 * took:8.0f} ms of CPU an epoch{took / of_arrays:8.2f} of arrays", flush=True)


if __name__ == "__main__":
    main()
