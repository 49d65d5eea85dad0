"""What was recorded, as pictures: small expressions, networks by operation and by Module, a graph too large to look at.

Each is drawn into the folder as a picture (SVG and, where there is Graphviz, PNG), as a page to open in a browser
(HTML) and as text; printed is how many boxes were drawn for how many recorded operations, what was folded, and how long
that took.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import Value, data, nn, plots
from microgradnet.core import history
from microgradnet.functional import quadratic_cost, sigmoid


def main(options: argparse.Namespace) -> None:
    rng = np.random.default_rng(options.seed)
    missing = ""
    for name, value, how in graphs(rng):
        began = time.perf_counter()
        drawing = mg.draw(value, title=name.replace("_", " "), **how)
        drawn = time.perf_counter()
        drawing.save(options.out / f"{name}.svg")
        laid_out = time.perf_counter()
        for ending in ("html", "txt"):
            drawing.save(options.out / f"{name}.{ending}")
        try:
            drawing.save(options.out / f"{name}.png")
        except RuntimeError as error:  # a PNG needs Graphviz: it says how to get it
            missing = f"\nno PNGs: {error}"
        folded = f"; folded: {', '.join(drawing.folded)}" if drawing.folded else ""
        print(
            f"{name}: {len(history(value)):,} operations in {drawing.boxes} boxes{folded} "
            f"({drawn - began:.2f} s, the picture {laid_out - drawn:.2f} s)"
        )
    model, x, labels = digit_network(rng)
    axes = plots.network(model, x[0], labels=labels)
    axes.figure.savefig(options.out / "neurons.png", dpi=110)
    print(f"neurons: the columns of neurons of that network\npictures: {options.out}{missing}")


def graphs(rng: np.random.Generator) -> Iterator[tuple[str, Value, dict[str, Any]]]:
    """A name, what to draw, and how."""
    yield "expression", micrograds_expression(), {"fold": "constants", "weights": True}

    x = Value(3.0, name="x")
    yield "twice_the_same_operand", x * x + x, {}

    w = Value(0.7, name="w")
    (np.sin(w) * w).backward(create_graph=True)
    yield "second_derivative", w.grad, {}

    model, x, _ = digit_network(rng)
    y = data.one_hot(np.arange(len(x)))
    cost = quadratic_cost(model(x), y)
    yield "digits_by_operation", cost, {"names": {"x": x, "y": y}}
    yield "digits_by_module", cost, {"names": {"x": x, "y": y}, "fold": "modules"}

    layers = [part for _ in range(30) for part in (nn.Linear(32, 32, seed=rng), nn.Tanh())]
    deep = nn.Sequential(*layers)
    start = rng.random((8, 32), np.float32)
    out = (deep(start) ** 2).sum()
    yield "thirty_layers", out, {"names": {"x": start}}
    yield "thirty_layers_folded", out, {"names": {"x": start}, "fold": ("modules", "repeats", "constants")}

    with np.errstate(divide="ignore"):
        bad = np.log(Value([0.0, 1.0, 2.0], name="x")).sum()
    yield "infinity", bad, {}

    yield "hundred_thousand_operations", neuron_by_neuron(rng), {}


def micrograds_expression() -> Value:
    """The expression that micrograd's README begins with."""
    a, b = Value(-4.0, name="a"), Value(2.0, name="b")
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + (b + a).relu())
    d = d + (3 * d + (b - a).relu())
    e = c - d
    f = e**2
    return f / 2.0 + 10.0 / f


def digit_network(rng: np.random.Generator) -> tuple[nn.Module, np.ndarray, range]:
    """The 784-16-16-10 network, untrained, with ten inputs, and what its outputs stand for."""
    model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, seed=rng)
    return model, rng.random((10, 784), np.float32), range(10)


def neuron_by_neuron(rng: np.random.Generator) -> Value:
    """The summed cost of a network whose every weight is a Value of its own, for 19 examples: 100,000 operations."""
    sizes = [60, 30, 30, 1]
    network = [
        [([Value(float(w)) for w in rng.normal(0, n**-0.5, n)], Value(0.0)) for _ in range(m)]
        for n, m in pairwise(sizes)
    ]
    total = Value(0.0)
    for _ in range(19):
        x: list[Any] = [float(n) for n in rng.normal(size=sizes[0])]
        for layer in network:
            x = [np.tanh(sum((w * n for w, n in zip(weights, x, strict=True)), bias)) for weights, bias in layer]
        total = total + (x[0] - 1.0) ** 2
    return total


if __name__ == "__main__":
    run(Parser(__doc__), main)
