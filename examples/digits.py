"""A network learns to read handwritten digits: 784 pixels, two hidden layers of 16 neurons, 10 outputs.

Without --data it learns scikit-learn's 1,797 digits, enlarged to 28×28 pixels; with --data DIR, MNIST's 60,000 from
the four IDX files in DIR. It prints the cost and the accuracy on held-out digits after each epoch, and writes one
picture.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
from options import Parser, positive_number, run, whole_number

from microgradnet import data, nn, optim
from microgradnet.functional import quadratic_cost, sigmoid


def main(options: argparse.Namespace) -> None:
    try:
        import matplotlib  # noqa: F401
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"this example needs {error.name}: pip install {error.name}") from None

    digits = data.mnist(options.data) if options.data else data.digits(seed=options.seed)
    targets = data.one_hot(digits.train_labels)
    epochs = options.epochs or (15 if options.data else 50)

    rng = np.random.default_rng(options.seed)
    start = nn.init.xavier_normal
    model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, init=start, seed=rng)
    print(f"{model!r}")
    print(f"The network has {model.parameter_count():,} parameters, all random at first.")
    print(f"{len(targets):,} digits to learn from, {len(digits.test_labels):,} held out.")
    untrained = model(digits.test_images).data

    optimiser = optim.SGD(model.parameters(), lr=options.lr)
    costs = [cost_of(model, digits.train_images, targets)]
    print(f"before: cost {costs[0]:.4f}, held-out accuracy {accuracy(untrained, digits.test_labels):.2%}")
    began = time.perf_counter()
    for epoch in range(1, epochs + 1):
        steps = data.batches(digits.train_images, targets, options.batch_size, seed=rng)
        for x, y in tqdm(steps, f"epoch {epoch}", leave=False):
            optimiser.zero_grad()
            quadratic_cost(model(x), y).backward(release=True)
            optimiser.step()
        costs.append(cost_of(model, digits.train_images, targets))
        if not math.isfinite(costs[-1]):
            raise ValueError(f"the cost is {costs[-1]} after epoch {epoch}: --lr {options.lr} is too large a step")
        outputs = model(digits.test_images).data
        print(f"epoch {epoch}: cost {costs[-1]:.4f}, held-out accuracy {accuracy(outputs, digits.test_labels):.2%}")
    print(f"trained in {time.perf_counter() - began:.1f} s")

    path = options.out / "digits.png"
    draw(path, costs, digits, untrained, model(digits.test_images).data)
    print(f"picture: {path}")


def cost_of(model: nn.MLP, images: np.ndarray, targets: np.ndarray) -> float:
    """The cost of the network: the average over all these examples."""
    return float(quadratic_cost(model(images), targets).data)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of examples whose largest output is the right one."""
    return float((outputs.argmax(axis=1) == labels).mean())


def draw(path: Path, costs: list[float], digits: data.Digits, before: np.ndarray, after: np.ndarray) -> None:
    """The cost after each epoch, some held-out digits with the network's answers, and the outputs for one of them."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    curve, bars = top.subplots(1, 2)
    curve.plot(costs, marker="o", markersize=3)
    curve.set(title="Cost of the network", xlabel="epoch", ylabel="mean of Σ (output − target)²", ylim=(0, None))
    curve.xaxis.set_major_locator(MaxNLocator(integer=True))
    curve.grid(alpha=0.3)

    threes = np.flatnonzero(digits.test_labels == 3)  # the article's digit, if there is one
    shown = threes[0] if len(threes) else 0
    places = np.arange(10)
    bars.bar(places - 0.2, before[shown], 0.4, label="before training", color="silver")
    bars.bar(places + 0.2, after[shown], 0.4, label="after training", color="tab:blue")
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
    bottom.suptitle(f"Held-out digits and what the network says: {right_ones}, some mistakes in red")
    for cell, i in zip(bottom.subplots(3, 8).flat, some, strict=False):
        good = answers[i] == digits.test_labels[i]
        cell.imshow(digits.test_images[i].reshape(28, 28), cmap="gray_r")
        says = f"{answers[i]}" if good else f"says {answers[i]}, is {digits.test_labels[i]}"
        cell.set_title(says, color="black" if good else "tab:red", fontsize=10)
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
