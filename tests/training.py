"""A training as a program, for tests that stop it, kill it and start it anew: `python -m tests.training FILE STEPS`.

It goes on from FILE if it is there, stops after STEPS batches (0: at the end), and prints all that it is then. The
generators that layers share, dropout, batch statistics, momentum, a schedule, shuffling and patience all take part.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import microgradnet as mg
from microgradnet import functional, nn, optim
from microgradnet.nn.init import shared
from microgradnet.saving.states import generators
from microgradnet.train import Run

EPOCHS, BATCH = 4, 6
N = 20  # so an epoch has 4 batches, and the last is smaller


def examples(n: int = N) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(1).normal(size=(n, 3)).astype(np.float32)
    return x, (x[:, :1] * x[:, 1:2]).astype(np.float32)


def each_batch(function: Callable[[Run], Any]) -> Callable[[Run], None]:
    """A callback that is called after each batch: it has the name of that moment."""

    def on_batch(run: Run) -> None:
        function(run)

    return on_batch


def stop_after(taken: int) -> Callable[[Run], None]:
    """A callback that ends a training after so many batches; after 0, none."""
    return each_batch(lambda run: run.stop() if run.taken == taken else None)


def make(seed: Any = None) -> tuple[nn.Module, Any, Any]:
    model = nn.Sequential(
        nn.Linear(3, 8, seed=seed), nn.BatchNorm1d(8), np.tanh, nn.Dropout(0.3, seed=seed),
        nn.Linear(8, 8), np.tanh, nn.Dropout(0.3, seed=5), nn.Linear(8, 1),
    )  # fmt: skip
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return model, optimizer, optim.StepLR(optimizer, step_size=2, gamma=0.5)


def train(path: str | None, stop: int = 0, save_every: int | None = None, **changed: Any) -> dict[str, Any]:
    model, optimizer, scheduler = make()
    x, y = examples()

    given: dict[str, Any] = {
        "x": x, "y": y, "loss": functional.quadratic_cost, "optimizer": optimizer, "scheduler": scheduler,
        "epochs": EPOCHS, "batch_size": BATCH, "validation": (x[:7], y[:7]), "patience": 3,
        "callbacks": [stop_after(stop)], "metrics": {"off": lambda out, y: np.abs(out - y).mean()},
        "checkpoint": path, "save_every": save_every, "progress": False,
    }  # fmt: skip
    history = mg.fit(model, **given | changed)
    return {"history": without_times(history), "state": digest(model, optimizer, scheduler)}


def without_times(history: dict[str, Any]) -> dict[str, Any]:
    return {name: column for name, column in history.items() if name != "seconds"}


def digest(model: nn.Module, optimizer: Any, scheduler: Any) -> str:
    def plain(x: Any) -> Any:
        return x.tobytes().hex() if isinstance(x, np.ndarray | np.generic) else str(x)

    rngs = [shared(), *(rng for _, rng in generators(model))]
    found = [model.state_dict(), optimizer.state_dict(), scheduler.state_dict(), [r.bit_generator.state for r in rngs]]
    return hashlib.sha256(json.dumps(found, default=plain, sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    print("ready", flush=True)
    print(json.dumps(train(sys.argv[1], int(sys.argv[2]), save_every=1 if sys.argv[3:] else None)))
