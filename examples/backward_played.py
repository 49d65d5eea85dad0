"""The backward pass played: an expression, a neuron and a small network, as tables, pages and animations.

Open out/backward_expression.html and step with the arrow keys. The .svg plays by itself, in a page or on a slide.
"""

from __future__ import annotations

import argparse

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import Value, nn


def expression() -> mg.Value:
    a, b = Value(-3.0, name="a"), Value(2.0, name="b")
    return (a * b + b**3).relu() + a**2 / b


def neuron(rng: np.random.Generator) -> mg.Value:
    """tanh(w₁ x₁ + w₂ x₂ + b), of random numbers."""
    w1, w2, x1, x2, b = (Value(round(rng.normal(), 2), name=name) for name in ("w1", "w2", "x1", "x2", "b"))
    return np.tanh(w1 * x1 + w2 * x2 + b)


def network(rng: np.random.Generator, seed: int) -> mg.Value:
    """The cost of a small network on five examples."""
    model = nn.MLP(4, [6, 3], activation=np.tanh, seed=seed)
    x, wanted = rng.normal(size=(5, 4)).astype(np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]
    return ((model(x) - wanted) ** 2).mean()


def main(options: argparse.Namespace) -> None:
    rng = np.random.default_rng(options.seed)
    passes = {
        "expression": mg.steps(expression(), title="(a * b + b**3).relu() + a**2 / b"),
        "neuron": mg.steps(neuron(rng), title="a neuron"),
        "network": mg.steps(network(rng, options.seed), title="the cost of a network"),
    }
    for name, steps in passes.items():
        print(f"{steps}\n")
        for ending in ("html", "svg", "gif"):
            steps.save(options.out / f"backward_{name}.{ending}")
    first = passes["neuron"][0]
    share = first.inputs[0]
    print(f"the first step of the neuron: {share.rule} = {share.numbers} = {share.added:.4f}")
    print(f"players and animations: {options.out}/backward_*")


if __name__ == "__main__":
    run(Parser(__doc__), main)
