"""The network that reads digits, trained by several processes: `mpiexec -n 2 python examples/parallel_digits.py`.

Each of them computes the gradients of its part of every batch, and all move by the mean over all of it: so all hold the
same numbers, bit by bit, and they are those of one process, but for rounding, which grows from step to step. Started
without mpiexec it is one process. The extra `mpi` brings what it takes. Printed are whose examples a batch is, the cost
and the accuracy of one process and of all together, and how far apart their parameters are; the picture shows cost and
accuracy by epoch.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import data, nn, optim, parallel, plots
from microgradnet.functional import sigmoid


def trained(options: argparse.Namespace, digits: data.Digits, world: parallel.World | None) -> tuple[Any, Any, float]:
    """The network, the history of its training, and the seconds that took."""
    model = nn.MLP(784, [16, 16, 10], activation=sigmoid, seed=options.seed).astype(np.float64)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    began = time.perf_counter()
    history = mg.fit(
        model, digits.train_images, digits.train_labels, loss="cross_entropy", optimizer=optimizer,
        epochs=options.epochs, batch_size=64, validation=(digits.test_images, digits.test_labels), metrics="accuracy",
        seed=options.seed, progress=False, parallel=world,
    )  # fmt: skip
    return model, history, time.perf_counter() - began


def main(options: argparse.Namespace) -> None:
    digits = data.digits(seed=options.seed)
    alone, its_history, seconds = trained(options, digits, None)
    with parallel.world() as world:
        model, history, shorter = trained(options, digits, world)
        parts = world.gather(world.part(64))
        if world.rank > 0:
            return
    print(
        f"{world.size} process{'es' * (world.size > 1)}: of a batch of 64 each has {[s.stop - s.start for s in parts]}"
    )
    for who, what, time_taken in (("one process", its_history, seconds), ("all together", history, shorter)):
        cost, accuracy = what["cost"][-1], what["val_accuracy"][-1]
        print(f"{who}: cost {cost:.6f}, held-out accuracy {accuracy:.2%}, {time_taken:.2f} s")
    pairs = zip(alone.parameters(), model.parameters(), strict=True)
    print(f"their parameters differ by {max(float(np.abs(p.data - q.data).max()) for p, q in pairs):.1e} at most")
    picture = options.out / "parallel_digits.png"
    plots.history(history).figure.savefig(picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    run(Parser(__doc__, epochs=15), main)
