"""The gradient of one digit's cost: what each of 13,002 numbers should do, and which of them matter most.

For one training example, backpropagation says of every weight and bias which way to nudge it and how much that matters.
Printed is a report of it, and whether nudges do what it says; pictured are each layer's gradient and the graph that it
flowed through, both before learning.
"""

from __future__ import annotations

import argparse

import numpy as np
from options import Parser, run

import microgradnet as mg
from microgradnet import data, nn, optim, plots
from microgradnet.functional import quadratic_cost, sigmoid


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    digits = data.digits(seed=options.seed)
    targets = data.one_hot(digits.train_labels)
    rng = np.random.default_rng(options.seed)
    start = nn.init.xavier_normal
    model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, init=start, seed=rng)

    # One training example, a 3, goes forwards through the network; the slope of its cost comes back the same way.
    three = np.flatnonzero(digits.train_labels == 3)[:1]
    x, y = digits.train_images[three], targets[three]
    cost = quadratic_cost(model(x), y)
    cost.backward()
    print(f"The cost of one 3 is {cost.item():.4f} before learning. Its gradient:")
    print(nn.gradient_report(model, n=10))
    blank = int((x == 0).sum())
    print(
        f"16 weights lead away from each of {blank} blank pixels: {16 * blank:,} to leave alone, they change nothing."
    )

    # The 784 weights that lead into a neuron of the first layer are drawn as an image of their own.
    figure = plots.gradient(model, tile=(28, 28))
    figure.suptitle(
        "What the cost of one 3 says of each number: blue, lower it; orange, raise it; the stronger, the more"
    )
    figure.savefig(options.out / "gradient_anatomy.png", dpi=110)
    written = ["gradient_anatomy.png"]
    drawing = mg.draw(cost, names={"x": x, "y": y}, fold="modules", weights=True)
    try:
        for name in ("gradient_graph.svg", "gradient_graph.png"):
            drawing.save(options.out / name)
            written.append(name)
    except RuntimeError as error:  # a PNG needs Graphviz: it says how to get it
        print(f"The graph is an SVG only: {error}")

    # Each slope says two things, which way and how much it matters. So nudge single weights against theirs.
    weight = model.layers[-1].weight
    order = np.argsort(-np.abs(weight.grad), axis=None)
    slopes = weight.grad.ravel()[order]
    print("Weights of the last layer, each nudged by 0.01 for itself:")
    for rank in (0, 80, 159):
        nudged = weight.data.copy()
        nudged.flat[order[rank]] -= 0.01 * np.sign(slopes[rank])
        kept, weight.data = weight.data, nudged
        change = quadratic_cost(model(x), y).item() - cost.item()
        weight.data = kept
        said = -0.01 * abs(slopes[rank])
        print(f"  the one that comes {rank + 1:>3}. changes the cost by {change:+.1e}; its slope said {said:+.1e}")

    # Where the network has learned, there is less to say: the gradient of the same digit is shorter.
    length = gradient_length(model)
    optimiser = optim.SGD(model.parameters(), lr=0.3)
    for _ in tqdm(range(options.epochs), "learning", leave=False, disable=None):
        for images, wanted in data.batches(digits.train_images, targets, 10, seed=rng):
            optimiser.zero_grad()
            quadratic_cost(model(images), wanted).backward(release=True)
            optimiser.step()
    model.zero_grad()
    learned = quadratic_cost(model(x), y)
    learned.backward()
    print(f"When every digit has been seen {options.epochs} times, the cost of this 3 is {learned.item():.4f} and its")
    print(f"gradient {gradient_length(model):.4f} long; before learning it was {length:.4f}.")
    print(f"pictures: {', '.join(str(options.out / name) for name in written)}")


def gradient_length(model: nn.Module) -> float:
    return float(np.sqrt(sum((p.grad**2).sum() for p in model.parameters())))


if __name__ == "__main__":
    run(Parser(__doc__, epochs=50), main)
