"""The backward pass, written out: the network that reads digits, its training step compiled and printed.

The step is an ordinary one; the line above it, `@mg.compile`, is all that is new. It is recorded in its first two calls
and from then on runs as a program: forward, backward and update as plain lines of NumPy, or as machine code where
llvmlite is installed. Printed are the program, with the line of this file that each of its lines came from, and how
long the training takes with and without it. The picture is the program, drawn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import data, nn, optim
from microgradnet.functional import quadratic_cost, sigmoid


def main(options: argparse.Namespace) -> None:
    digits = data.digits(seed=options.seed)
    targets = data.one_hot(digits.train_labels)

    def trained(compiled: bool) -> tuple[Any, nn.Module, float]:
        """The step, the network it has trained, and the seconds that took."""
        model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, seed=options.seed)
        optimiser = optim.SGD(model.parameters(), lr=0.3)

        def step(x: np.ndarray, y: np.ndarray) -> mg.Value:
            optimiser.zero_grad()
            cost = quadratic_cost(model(x), y)
            cost.backward(release=True)
            optimiser.step()
            return cost

        made: Callable[..., mg.Value] = mg.compile(step) if compiled else step
        began = time.perf_counter()
        for epoch in range(options.epochs):
            for x, y in data.batches(digits.train_images, targets, 10, seed=epoch):
                made(x, y)
        return made, model, time.perf_counter() - began

    _, eager, slow = trained(compiled=False)
    step, model, fast = trained(compiled=True)
    step(digits.train_images[:10], targets[:10])  # the last batch of an epoch is smaller, and a program of its own

    print(step)
    print()
    for line in step.passes:
        print(line)
    right = [float((m(digits.test_images).data.argmax(axis=1) == digits.test_labels).mean()) for m in (eager, model)]
    print(f"as it is: {slow:.2f} s for {options.epochs} epochs, held-out accuracy {right[0]:.2%}")
    print(f"compiled: {fast:.2f} s, until it was a program included, held-out accuracy {right[1]:.2%}")

    page = options.out / "compiled_step.html"
    mg.draw(step, title="one step: forward, backward, update").save(page)
    picture = options.out / "compiled_step.svg"
    short = step_of(nn.Linear(784, 10, seed=options.seed))
    for _ in range(2):  # recorded twice alike, it is a program
        short(digits.train_images[:10], targets[:10])
    mg.draw(short).save(picture)
    print(f"a page to explore: {page}, and the step of a single layer as a picture: {picture}")


def step_of(layer: nn.Module) -> Callable[..., mg.Value]:
    """The step of one layer, which is short enough to be looked at as a whole."""
    optimiser = optim.SGD(layer.parameters(), lr=0.3)

    @mg.compile
    def step(x: np.ndarray, y: np.ndarray) -> mg.Value:
        optimiser.zero_grad()
        cost = quadratic_cost(sigmoid(layer(x)), y)
        cost.backward(release=True)
        optimiser.step()
        return cost

    return step  # type: ignore[no-any-return]


if __name__ == "__main__":
    run(Parser(__doc__, epochs=50), main)
