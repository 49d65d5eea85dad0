"""A network neuron by neuron: every weight a number of its own, every operation a box of its own.

Neuron, Layer and MLP are written out below; nothing of microgradnet.nn is used, a Value is enough. The network learns
to tell two interleaved half-moons apart. Pictured are what it says of the whole plane, and the graph of one neuron.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import Any

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import Value, data, plots
from microgradnet.functional import sigmoid


class Neuron:
    """Squashes a weighted sum of its inputs, plus a bias, to between −1 and 1; the last one of a network does not."""

    def __init__(self, inputs: int, rng: np.random.Generator, squash: bool = True) -> None:
        # So large that the sums reach where tanh bends, and each neuron bends somewhere else.
        self.weights = [Value(float(w)) for w in rng.normal(0, 3 * inputs**-0.5, inputs)]
        self.bias = Value(float(rng.normal()))
        self.squash = squash

    def __call__(self, inputs: list[Any]) -> Any:
        total = sum((w * x for w, x in zip(self.weights, inputs, strict=True)), self.bias)
        return np.tanh(total) if self.squash else total

    def parameters(self) -> list[Value]:
        return [*self.weights, self.bias]


class Layer:
    """Neurons that look at the same inputs."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator, squash: bool = True) -> None:
        self.neurons = [Neuron(inputs, rng, squash) for _ in range(outputs)]

    def __call__(self, inputs: list[Any]) -> list[Any]:
        return [neuron(inputs) for neuron in self.neurons]

    def parameters(self) -> list[Value]:
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    """Layers, each looking at what the one before says. The last has one neuron: above 0 it means one moon."""

    def __init__(self, sizes: list[int], rng: np.random.Generator) -> None:
        self.layers = [Layer(n, m, rng) for n, m in pairwise(sizes)] + [Layer(sizes[-1], 1, rng, squash=False)]

    def __call__(self, inputs: list[Any]) -> Any:
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs[0]

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    rng = np.random.default_rng(options.seed)
    points, labels = data.moons(100, noise=0.1, seed=options.seed)
    wanted = [1.0 if label else -1.0 for label in labels]
    model = MLP([2, 8, 8], rng)
    parameters = model.parameters()

    def answers() -> np.ndarray:
        """A neuron adds and multiplies whatever it is given: given arrays, it answers for all points at once."""
        return np.asarray(model([points[:, 0], points[:, 1]]).data)

    print(f"{len(parameters)} parameters, each a Value; {(np.sign(answers()) == wanted).mean():.0%} right at first")
    for epoch in tqdm(range(1, options.epochs + 1), "learning", leave=False, disable=None):
        total = 0.0
        for i in rng.permutation(len(points)):
            x, y = [float(number) for number in points[i]], wanted[i]
            cost = (1 - y * model(x)).relu()  # the hinge: nothing to do where the answer is right and clear
            for p in parameters:
                p.grad = None
            cost.backward()
            for p in parameters:
                p.data -= 0.1 * p.grad
            total += cost.item()
        if epoch in (1, 2, 5) or epoch % 10 == 0 or epoch == options.epochs:
            right = (np.sign(answers()) == wanted).mean()
            tqdm.write(f"epoch {epoch}: cost {total / len(points):.4f}, {right:.0%} of {len(points)} points right")

    # One neuron of the trained network, with what flowed into it and back for one point.
    neuron = model.layers[0].neurons[0]
    point = [Value(float(number), name=name) for number, name in zip(points[0], "xy", strict=True)]
    drawing = mg.draw(neuron(point), weights=True, title="one neuron")
    drawing.save(options.out / "scalar_neuron.txt")
    print(f"the graph of one neuron:\n{drawing}")
    pictures = ["scalar_mlp.png", "scalar_neuron.txt"]
    try:
        for name in ("scalar_neuron.svg", "scalar_neuron.png"):
            drawing.save(options.out / name)
            pictures.append(name)
    except RuntimeError as error:  # a PNG needs Graphviz: it says how to get it
        print(f"The graph is no PNG: {error}")

    # Its answer lies around 1 for one moon and around −1 for the other: as a probability, σ(2 · answer).
    axes = plots.decision_regions(lambda xy: sigmoid(2 * model([xy[:, 0], xy[:, 1]])), points, labels)
    axes.set(title=f"What the network says: {right:.0%} of {len(points)} points right")
    axes.legend(loc="upper right")
    axes.figure.savefig(options.out / "scalar_mlp.png", dpi=110)
    print(f"pictures: {', '.join(str(options.out / name) for name in pictures)}")


if __name__ == "__main__":
    run(Parser(__doc__, epochs=30), main)
