"""`python -m tests.benchmarks.conv`: a training step of a LeNet, batch 64, float32, one thread, beside PyTorch's.

Convolution 1→6 (5×5, padding 2), pool 2, convolution 6→16 (5×5), pool 2, 400→120→84→10; cross-entropy, SGD. Both take
turns in one process and must go through the same costs; a time is the median of the turns.
"""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

import numpy as np

from .__main__ import agree, taken
from .works import Step

SHAPES = [((6, 1, 5, 5), 6), ((16, 6, 5, 5), 16), ((120, 400), 120), ((84, 120), 84), ((10, 84), 10)]
BATCH, RATE = 64, 0.01


def start() -> tuple[list[Any], Any, Any]:
    """Weights and biases in turn, images, labels."""
    rng = np.random.default_rng(0)
    numbers = []
    for shape, out in SHAPES:
        numbers += [rng.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype("f4"), np.zeros(out, "f4")]
    return numbers, rng.random((BATCH, 1, 28, 28), "f4"), rng.integers(0, 10, BATCH)


def microgradnet_lenet(activation: str) -> Step:
    from microgradnet import Value, functional
    from microgradnet.ops.conv import conv2d, max_pool2d

    numbers, x, labels = start()
    parameters = [Value(array) for array in numbers]
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = parameters
    f: Any = getattr(functional, activation)

    def step() -> Any:
        for v in parameters:
            v.grad = None
        a = max_pool2d(f(conv2d(x, w1, b1, padding=2)), 2)
        a = max_pool2d(f(conv2d(a, w2, b2)), 2).reshape(BATCH, -1)
        a = f(functional.linear(f(functional.linear(a, w3, b3)), w4, b4))
        cost = functional.cross_entropy(functional.linear(a, w5, b5), labels)
        cost.backward(release=True)
        for v in parameters:
            v.data -= RATE * v.grad
        return cost.data

    return step


def torch_lenet(activation: str) -> Step:
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    numbers, x, labels = start()
    parameters = [torch.tensor(array, requires_grad=True) for array in numbers]
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = parameters
    images, classes = torch.tensor(x), torch.tensor(labels)
    f, optimiser = getattr(torch, activation), torch.optim.SGD(parameters, lr=RATE)

    def step() -> Any:
        optimiser.zero_grad()
        a = functional.max_pool2d(f(functional.conv2d(images, w1, b1, padding=2)), 2)
        a = functional.max_pool2d(f(functional.conv2d(a, w2, b2)), 2).reshape(BATCH, -1)
        a = f(functional.linear(f(functional.linear(a, w3, b3)), w4, b4))
        cost = functional.cross_entropy(functional.linear(a, w5, b5), classes)
        cost.backward()
        optimiser.step()
        return cost.item()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.conv", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each contender (4)")
    options = parser.parse_args()
    for activation in ("relu", "tanh"):
        steps = {"numpy": microgradnet_lenet(activation)}  # whose turns the others' are counted by
        with contextlib.suppress(ImportError):
            steps["torch"] = torch_lenet(activation)
        agree(f"lenet {activation}", steps)
        times = taken(steps, options.seconds)
        beside = (
            f", PyTorch {times['torch'] * 1e3:.2f} ms: {times['numpy'] / times['torch']:.2f}×"
            if "torch" in times
            else ""
        )
        print(f"LeNet, {activation}: microgradnet {times['numpy'] * 1e3:.2f} ms a step{beside}", flush=True)


if __name__ == "__main__":
    main()
