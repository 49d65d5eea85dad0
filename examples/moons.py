"""A small network learns which of two moons a point lies in, and one sees where it draws the line.

Prints cost and accuracy on held-out points at five moments of the training. The picture shows at each of them what the
network says everywhere in the plane: white where it is undecided, a black line where its answer changes. --set spirals
and --set blobs have three classes. Takes some two seconds.
"""

from __future__ import annotations

import argparse

import numpy as np
from options import Parser, positive_number, run, whole_number

import microgradnet as mg
from microgradnet import data, nn, optim, plots
from microgradnet.functional import cross_entropy, softmax, tanh

SETS = {
    "moons": lambda n, seed: data.moons(n, noise=0.2, seed=seed),
    "spirals": lambda n, seed: data.spirals(n, arms=3, noise=0.04, seed=seed),
    "blobs": lambda n, seed: data.blobs(n, centers=[[-2, 0], [2, 0], [0, 3]], cluster_std=1.0, seed=seed),
}


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    x, y = SETS[options.set](options.points, options.seed)
    x_train, x_test, y_train, y_test = data.split(x, y, held_out=0.3, seed=options.seed, stratify=y)
    model = nn.MLP(2, [16, 16, int(y.max()) + 1], activation=tanh, seed=options.seed)
    print(f"{model!r}\n{len(x_train)} points to learn from, {len(x_test)} held out")

    moments = sorted({0, *(max(1, options.epochs * share // 100) for share in (2, 10, 40, 100))})
    figure = plots.new_figure(15, 7)
    top, bottom = figure.subfigures(2, 1)
    panels = dict(zip(moments, top.subplots(1, len(moments), sharey=True), strict=True))

    def look(epoch: int) -> None:
        """Draw what the network says now, and print how good it is."""
        outputs = model(x_test).data
        right, cost = accuracy(outputs, y_test), float(cross_entropy(outputs, y_test))
        plots.decision_regions(lambda points: softmax(model(points)), x_train, y_train, axes=panels[epoch])
        panels[epoch].set_title(f"epoch {epoch}: {right:.0%} right" if epoch else f"untrained: {right:.0%} right")
        panels[epoch].label_outer()
        tqdm.write(f"epoch {epoch}: held-out cost {cost:.4f}, held-out accuracy {right:.2%}")

    def on_epoch(run: mg.train.Run) -> None:
        bar.update()
        if run.epoch in panels:
            look(run.epoch)

    with tqdm(total=options.epochs, desc="epochs", leave=False, disable=None) as bar:
        look(0)
        history = mg.fit(
            model, x_train, y_train, loss=cross_entropy, optimizer=optim.Adam(model.parameters(), lr=options.lr),
            epochs=options.epochs, validation=(x_test, y_test), metrics={"accuracy": accuracy}, callbacks=[on_epoch],
            seed=options.seed, progress=False,
        )  # fmt: skip

    top.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    costs, right = bottom.subplots(1, 2)
    for axes, name, title in ((costs, "cost", "Cross-entropy"), (right, "accuracy", "Share of right answers")):
        axes.plot(history["epoch"], history[name], color=plots.POSITIVE, label="points it learns from")
        axes.plot(history["epoch"], history[f"val_{name}"], "--", color=plots.NEGATIVE, label="held out")
        axes.set(title=title, xlabel="epoch", ylabel=name)
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    costs.set_ylim(0, None)
    path = options.out / f"{options.set}.png"
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of points whose largest output is the right one."""
    return float((outputs.argmax(axis=1) == labels).mean())


if __name__ == "__main__":
    parser = Parser(__doc__, epochs=100)
    parser.add_argument("--set", choices=SETS, default="moons", help="what to learn: moons, spirals or blobs (moons)")
    parser.add_argument("--points", type=whole_number, default=400, metavar="N", help="how many points (400)")
    parser.add_argument("--lr", type=positive_number, default=0.01, metavar="X", help="step size (0.01)")
    run(parser, main)
