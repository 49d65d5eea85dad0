"""A network learns to read handwritten digits: 784 pixels, two hidden layers of 16 neurons, 10 outputs.

Without --data it learns scikit-learn's 1,797 digits, enlarged to 28 by 28 pixels; with --data DIR, MNIST's 60,000 from
the four IDX files in DIR. It prints what the network says at first, how its cost depends on its parameters, then the
cost and the accuracy on held-out digits as it learns; and it writes two pictures, one before learning and one after.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
from options import Parser, positive_number, run, whole_number

import microgradnet as mg
from microgradnet import data, nn, optim, plots, tree
from microgradnet.functional import quadratic_cost, sigmoid

Course = list[tuple[float, float]]  # the cost and the accuracy after each pass over the examples


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    digits = data.mnist(options.data) if options.data else data.digits(seed=options.seed)
    targets = data.one_hot(digits.train_labels)  # what is wanted: 1 for the right digit, 0 for the others
    epochs = options.epochs or (15 if options.data else 50)

    # A network is a function, 784 numbers in and 10 out. Its parameters decide which one, and they start at random.
    rng = np.random.default_rng(options.seed)
    start = nn.init.xavier_normal
    model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, init=start, seed=rng)
    print(f"{model!r}")
    print(f"The network has {model.parameter_count():,} parameters, all random at first.")
    print(f"{len(targets):,} digits to learn from, {len(digits.test_labels):,} held out.")
    untrained = model(digits.test_images).data
    threes = np.flatnonzero(digits.test_labels == 3)  # the article's digit, if there is one
    shown = int(threes[0]) if len(threes) else 0
    draw_untrained(options.out / "digits_untrained.png", model, digits, shown)
    outputs = " ".join(f"{output:.2f}" for output in untrained[shown])
    print(f"untrained, its outputs for a {digits.test_labels[shown]}: {outputs}; that says {untrained[shown].argmax()}")

    # The cost is a function too: all parameters in, one number out, the average over all examples. It has a slope for
    # each parameter, and no step of the same length lowers it as much as the one against all of them.
    def cost(network: nn.Module) -> mg.Value:
        return quadratic_cost(network(digits.train_images), targets)

    def change(step: np.ndarray) -> float:
        """What a step through the space of all parameters does to the cost."""
        parts = iter(np.split(step, np.cumsum([p.size for p in model.parameters()])[:-1]))
        moved = tree.map(lambda p: mg.Value(p.data + next(parts).reshape(p.shape)), model)
        return cost(moved).item() - float(number)

    number, gradient = mg.value_and_grad(cost)(model)
    slopes = np.concatenate([np.ravel(slope) for _, slope in tree.leaves(model, gradient)])
    ways = np.random.default_rng(options.seed).standard_normal((20, slopes.size), np.float32)
    downhill, *aside = (change(0.1 * way / np.linalg.norm(way)) for way in (-slopes, *ways))
    print(f"cost({slopes.size:,} parameters) = {number:.4f}. A step of length 0.1 against its gradient changes it by")
    print(f"{downhill:+.4f}, such a step in the best of {len(ways)} random directions by {min(aside):+.4f}.")

    # Descent by the gradient of the whole cost: one step for each look at all examples ...
    patient = copy.deepcopy(model)
    whole = [measured(patient, digits, targets)]
    descent = optim.SGD(patient.parameters(), lr=1.0)
    for _ in tqdm(range(8 * epochs), "full batch", leave=False, disable=None):
        descent.zero_grad()
        cost(patient).backward(release=True)
        descent.step()
        whole.append(measured(patient, digits, targets))
    falls = int((np.diff([c for c, _ in whole]) < 0).sum())
    print(f"full batch: the cost falls in {falls} of {8 * epochs} steps, from {whole[0][0]:.4f} to {whole[-1][0]:.4f},")
    print(f"and {whole[-1][1]:.2%} of the held-out digits are right. Mini-batches, from the same start:")

    # ... and by the gradients of the cost of a few examples at a time: less exact, many steps for the same work.
    optimiser = optim.SGD(model.parameters(), lr=options.lr)
    small = whole[:1]
    print(f"before: cost {small[0][0]:.4f}, held-out accuracy {small[0][1]:.2%}")
    began = time.perf_counter()
    for epoch in range(1, epochs + 1):
        steps = data.batches(digits.train_images, targets, options.batch_size, seed=rng)
        for x, y in tqdm(steps, f"epoch {epoch}", leave=False, disable=None):
            optimiser.zero_grad()
            quadratic_cost(model(x), y).backward(release=True)
            optimiser.step()
        small.append(measured(model, digits, targets))
        if not math.isfinite(small[-1][0]):
            raise ValueError(f"the cost is {small[-1][0]} after epoch {epoch}: --lr {options.lr} is too large a step")
        print(f"epoch {epoch}: cost {small[-1][0]:.4f}, held-out accuracy {small[-1][1]:.2%}")
    print(f"trained in {time.perf_counter() - began:.1f} s")

    draw(options.out / "digits.png", small, whole, digits, untrained, model(digits.test_images).data, shown)
    print(f"pictures: {options.out / 'digits_untrained.png'}, {options.out / 'digits.png'}")


def measured(model: nn.Module, digits: data.Digits, targets: np.ndarray) -> tuple[float, float]:
    """The cost over all examples to learn from, and the fraction of the held-out digits whose largest output is right.

    The gradient is not wanted here, so nothing is recorded.
    """
    with mg.no_grad():
        cost = float(quadratic_cost(model(digits.train_images), targets).data)
        answers = model(digits.test_images).data.argmax(axis=1)
    return cost, float((answers == digits.test_labels).mean())


def draw_untrained(path: Path, model: nn.Module, digits: data.Digits, shown: int) -> None:
    """A digit, the network's columns of neurons with their activations for it, and its ten outputs."""
    image, label = digits.test_images[shown], digits.test_labels[shown]
    figure = plots.new_figure(14, 5.6)
    picture, columns, bars = figure.subplots(1, 3, width_ratios=[0.55, 1.5, 1])
    picture.imshow(image.reshape(28, 28), cmap="gray_r")
    picture.set(title=f"784 pixels: a {label}", xticks=[], yticks=[])
    plots.network(model, image, labels=range(10), axes=columns)
    columns.set_title("The network at its random start; the fuller, the more active")
    outputs, wanted = model(image).data, data.one_hot(np.array([label]))[0]
    bars.bar(range(10), outputs, 0.7, label="untrained network", color=plots.NEGATIVE)
    bars.bar(range(10), wanted, 0.9, label="wanted", color="none", edgecolor="#444444", linestyle="--")
    bars.set(title=f"Its ten outputs; Σ (output − wanted)² = {((outputs - wanted) ** 2).sum():.2f}")
    bars.set(xlabel="digit", ylabel="activation", xticks=range(10), yticks=np.linspace(0, 1, 6), ylim=(0, 1.2))
    bars.legend(loc="upper left", ncols=2)
    figure.savefig(path, dpi=110)


def draw(
    path: Path,
    small: Course,
    whole: Course,
    digits: data.Digits,
    before: np.ndarray,
    after: np.ndarray,
    shown: int,
) -> None:
    """Both descents' cost and accuracy, the outputs for one digit, some held-out digits with the network's answers."""
    from matplotlib.ticker import NullLocator

    figure = plots.new_figure(14, 7.5)
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15]).flat
    falling, rising, bars = top.subplots(1, 3)
    courses = ((small, plots.POSITIVE, "-", "mini-batches"), (whole, plots.NEGATIVE, "--", "full batch"))
    for i, axes in enumerate((falling, rising)):
        for course, colour, style, label in courses:
            axes.plot([point[i] for point in course], color=colour, linestyle=style, linewidth=2, label=label)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks([0, *(n for n in (1, 3, 10, 30, 100, 300) if n < len(whole))])
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="how often all examples were seen", xlim=(0, len(whole) - 1))
        axes.grid(alpha=0.3)
    falling.set(title="Cost of the network", ylabel="mean of Σ (output − wanted)²", ylim=(0, None))
    falling.legend()
    rising.set(title="Accuracy", ylabel="fraction of held-out digits", ylim=(0, 1))

    places = np.arange(10)
    bars.bar(places - 0.2, before[shown], 0.4, label="before learning", color="silver")
    bars.bar(places + 0.2, after[shown], 0.4, label="after learning", color=plots.POSITIVE)
    bars.set(title=f"The ten outputs for one held-out {digits.test_labels[shown]}", xlabel="digit", ylabel="activation")
    bars.set(xticks=places, yticks=np.linspace(0, 1, 6), ylim=(0, 1.4))
    bars.legend(loc="upper left")
    picture = bars.inset_axes((0.8, 0.72, 0.19, 0.27))
    picture.imshow(digits.test_images[shown].reshape(28, 28), cmap="gray_r")
    picture.set(xticks=[], yticks=[])

    answers = after.argmax(axis=1)
    wrong = np.flatnonzero(answers != digits.test_labels)
    right = np.flatnonzero(answers == digits.test_labels)
    some = np.concatenate([right[: 24 - min(len(wrong), 6)], wrong[:6]])
    right_ones = f"{len(right):,} of {len(answers):,} right"
    bottom.suptitle(f"Held-out digits and what the network says: {right_ones}, some mistakes in orange")
    for cell, i in zip(bottom.subplots(3, 8).flat, some, strict=False):
        good = answers[i] == digits.test_labels[i]
        cell.imshow(digits.test_images[i].reshape(28, 28), cmap="gray_r")
        says = f"{answers[i]}" if good else f"says {answers[i]}, is {digits.test_labels[i]}"
        cell.set_title(says, color="black" if good else plots.NEGATIVE, fontsize=10)
    for cell in bottom.axes:
        cell.axis("off")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = Parser(__doc__)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with MNIST's four IDX files (without: scikit-learn's digits)"
    )
    parser.add_argument("--epochs", type=whole_number, metavar="N", help="how often to see every digit (50; MNIST 15)")
    parser.add_argument("--batch-size", type=whole_number, default=10, metavar="N", help="digits per step (10)")
    parser.add_argument("--lr", type=positive_number, default=0.3, metavar="X", help="step size (0.3)")
    run(parser, main)
