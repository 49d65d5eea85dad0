"""micrograd's demonstration, compiled: a network neuron by neuron and point by point runs as products of matrices.

Neuron, Layer, MLP, the loss and the loop are micrograd's, of 337 scalar Values. One step is some seventy thousand
operations on single numbers. `mg.compile` records two such steps and finds in them what a person would have written
with NumPy: from the third on, a step takes a thousandth of the time. The program is written into
out/micrograd_moons.txt. Two things differ from micrograd: `@mg.compile`, and `float(k)`, for each whole number would
have a program of its own. Takes some ten seconds, nearly all of them for the first two steps.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import Value, data, plots
from microgradnet.functional import sigmoid


class Neuron:
    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x: list[Any]) -> Any:
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]


class Layer:
    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: list[Any]) -> Any:
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    def __init__(self, nin: int, nouts: list[int]) -> None:
        sz = [nin, *nouts]
        self.layers = [Layer(sz[i], sz[i + 1], nonlin=i != len(nouts) - 1) for i in range(len(nouts))]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]


def main(options: argparse.Namespace) -> None:
    random.seed(options.seed)
    points, labels = data.moons(100, noise=0.1, seed=options.seed)
    X, y = points.astype(float), np.where(labels == 1, 1, -1)
    model = MLP(2, [16, 16, 1])

    @mg.compile
    def step(k: float) -> Any:
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]

        for p in model.parameters():
            p.grad = 0
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        return total_loss, sum(accuracy) / len(accuracy)

    print(f"{len(model.parameters())} parameters, each a Value")
    times = []
    for k in range(100):
        begun = time.perf_counter()
        total_loss, accuracy = step(float(k))
        times.append(time.perf_counter() - begun)
        if k in (0, 1, 2, 5) or k % 10 == 9:
            print(f"step {k}: loss {total_loss.item():.4f}, {accuracy:.0%} of {len(X)} points right, {shown(times[k])}")
    print(f"recorded in {shown(sum(times[:2]))}, then {shown(sorted(times[2:])[49])} a step")

    program = options.out / "micrograd_moons.txt"
    program.write_text(step.source)
    lines = step.source.splitlines()
    print(f"the program has {len(lines)} lines; each layer is one of them:")
    print("\n".join(line for line in lines if "dot(" in line)[:2000])

    # Its answer lies around 1 for one moon and around −1 for the other: as a probability, σ(2 · answer).
    axes = plots.decision_regions(lambda xy: sigmoid(2 * model([xy[:, 0], xy[:, 1]])), X, labels)
    axes.set(title=f"What the network says: {accuracy:.0%} of {len(X)} points right")
    axes.legend(loc="upper right")
    axes.figure.savefig(options.out / "micrograd_moons.png", dpi=110)
    print(f"written: {program}, {options.out / 'micrograd_moons.png'}")


def shown(seconds: float) -> str:
    """A time in the unit that suits it."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor > 1:
            return f"{seconds * factor:.1f} {unit}"
    return f"{seconds * 1e6:.0f} µs"


if __name__ == "__main__":
    run(Parser(__doc__), main)
