"""Why neurons are not simply on or off: without slopes there is nothing to descend.

The same network, start and digits three times: with sigmoid neurons, with neurons that are 0 or 1, and with such ones
in its hidden layers only. Printed is how much of each gradient is exactly 0 and what is learned; pictured are the
activations, cost and accuracy.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
from options import Parser, run

from microgradnet import data, nn, optim, plots
from microgradnet.functional import quadratic_cost, sigmoid


def step(x: Any) -> Any:
    """On from 0, off below, nothing in between: flat wherever it has a slope at all, so its gradient is 0."""
    return np.heaviside(x, 1.0)


# The activation of the hidden layers, that of the last, a colour and a line.
NETWORKS: dict[str, tuple[Any, Any, str, str]] = {
    "sigmoid neurons": (sigmoid, sigmoid, plots.POSITIVE, "-"),
    "step neurons": (step, step, plots.NEGATIVE, "-"),
    "hidden step neurons": (step, sigmoid, "#666666", "--"),
}


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    warnings.filterwarnings("ignore", r"SGD.step\(\) moved nothing")  # which is what this example shows
    digits = data.digits(seed=options.seed)
    targets = data.one_hot(digits.train_labels)
    figure = plots.new_figure(13, 4.2)
    shapes, falling, rising = figure.subplots(1, 3, width_ratios=[0.8, 1, 1])

    for name, (hidden, last, colour, line) in NETWORKS.items():
        rng = np.random.default_rng(options.seed)  # the same start and the same order of examples for each
        model = nn.MLP(784, [16, 16, 10], hidden, last, init=nn.init.xavier_normal, seed=rng)
        start = [p.data.copy() for p in model.parameters()]

        quadratic_cost(model(digits.train_images), targets).backward()
        print(f"{name}: {model.parameter_count():,} slopes of the cost over all digits")
        for i, layer in enumerate(model.layers):
            slopes = [p.grad for p in layer.parameters() if p.grad is not None]  # None: nothing flows there
            some = sum(np.count_nonzero(g) for g in slopes)
            print(f"  layer {i}: {some:,} of {layer.parameter_count():,} are not exactly 0")

        optimiser = optim.SGD(model.parameters(), lr=0.3)
        course = [measured(model, digits, targets)]
        for _ in tqdm(range(options.epochs), name, leave=False, disable=None):
            for x, y in data.batches(digits.train_images, targets, 10, seed=rng):
                optimiser.zero_grad()
                quadratic_cost(model(x), y).backward(release=True)
                optimiser.step()
            course.append(measured(model, digits, targets))
        moved = sum(int((p.data != before).sum()) for p, before in zip(model.parameters(), start, strict=True))
        (cost, accuracy), (cost_after, accuracy_after) = course[0], course[-1]
        print(f"  cost {cost:.4f} -> {cost_after:.4f}, held-out accuracy {accuracy:.2%} -> {accuracy_after:.2%}")
        print(f"  {moved:,} of its parameters have changed in {options.epochs} epochs")
        for axes, values in zip((falling, rising), zip(*course, strict=True), strict=True):
            axes.plot(values, color=colour, linestyle=line, linewidth=2, label=name)

    z = np.linspace(-6, 6, 601)
    shapes.plot(z, sigmoid(z), color=plots.POSITIVE, linewidth=2, label="sigmoid: a slope everywhere")
    shapes.plot(z, step(z), color=plots.NEGATIVE, linewidth=2, label="step: slope 0")
    shapes.set(title="The two activations", xlabel="weighted sum + bias", ylabel="activation", ylim=(-0.05, 1.35))
    falling.set(title="Cost", xlabel="epoch", ylabel="mean of Σ (output − wanted)²", ylim=(0, None))
    rising.set(title="Accuracy", xlabel="epoch", ylabel="fraction of held-out digits", ylim=(0, 1))
    for axes in (shapes, falling):
        axes.legend(loc="upper left" if axes is shapes else "center right")
    figure.savefig(options.out / "smooth_or_not.png", dpi=110)
    print("Descent needs slopes, and steps have none. No slope comes past steps in the hidden layers either: there the")
    print("last layer alone learns, from whatever the random ones before it happen to say.")
    print(f"picture: {options.out / 'smooth_or_not.png'}")


def measured(model: nn.Module, digits: data.Digits, targets: np.ndarray) -> tuple[float, float]:
    """The cost over all examples to learn from, and the fraction of the held-out digits whose largest output is right.

    Where several outputs are the largest, the first of them is the network's answer.
    """
    cost = quadratic_cost(model(digits.train_images), targets).item()
    return cost, float((model(digits.test_images).data.argmax(axis=1) == digits.test_labels).mean())


if __name__ == "__main__":
    run(Parser(__doc__, epochs=30), main)
