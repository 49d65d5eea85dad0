"""Building a network of one's own, from an operation and a loss to a saved file: a tour, to read from top to bottom.

The network says for a point on which of three spirals it lies and how far along. It has lists and dicts of layers,
residual connections, a weight that its blocks share, a part that is frozen, an activation that no library has, and
two tasks in one loss. Prints the check of its gradients, its table and its training; the pictures show what it learned
and the network as a graph of its Modules. Takes some three seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from options import Parser, positive_number, run

import microgradnet as mg
from microgradnet import Value, data, nn, optim, plots
from microgradnet.functional import cross_entropy, mse_loss, softmax


# An operation of our own: what it computes with plain arrays, and its gradient. g is the gradient of the result.
@mg.primitive(lambda g, out, x: g * (1 + np.sin(2 * x)), symbol="x+sin²x", elementwise=True)
def snake(x):
    return x + np.sin(x) ** 2


# A layer of our own. Whatever Values it holds are its parameters; nothing is declared or registered.
class Block(nn.Module):
    def __init__(self, width: int, shared: nn.Linear, seed: np.random.Generator) -> None:
        self.own = nn.Linear(width, width, seed=seed)
        self.shared = shared  # the same layer in every block: one weight, counted once, with a gradient from each
        self.strength = Value(np.float32(0.5))

    def forward(self, x):
        return x + self.strength * self.shared(snake(self.own(x)))  # residual: what it adds to its input


class Network(nn.Module):
    def __init__(self, width: int = 32, blocks: int = 3, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.waves = nn.Linear(2, width, init=nn.init.normal, seed=rng)  # random directions to see the plane along
        shared = nn.Linear(width, width, seed=rng)
        self.blocks = [Block(width, shared, rng) for _ in range(blocks)]
        self.heads = {"arm": nn.Linear(width, 3, seed=rng), "along": nn.Linear(width, 1, seed=rng)}

    def forward(self, x):
        x = np.sin(2 * self.waves(x))
        for block in self.blocks:
            x = block(x)
        return np.concatenate([head(x) for head in self.heads.values()], axis=1)  # three scores and a length


# A loss of our own: the outputs and the targets (arm, length) of a batch in, one number out.
def loss(outputs, targets):
    return cross_entropy(outputs[:, :3], targets[:, 0].astype(int)) + 5 * mse_loss(outputs[:, 3], targets[:, 1])


def accuracy(outputs: np.ndarray, targets: np.ndarray) -> float:
    return float((outputs[:, :3].argmax(axis=1) == targets[:, 0]).mean())


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    print("1. Is the gradient of our operation right? Compared with slopes, to the second order:\n")
    print(mg.check_grads(snake, np.linspace(-3, 3, 20), order=2))

    x, arm = data.spirals(600, noise=0.04, seed=options.seed)
    targets = np.stack([arm, np.hypot(x[:, 0], x[:, 1])], axis=1).astype(np.float32)
    x_train, x_test, y_train, y_test = data.split(x, targets, seed=options.seed, stratify=arm)
    model = Network(seed=options.seed)

    print("\n2. And that of the loss in every parameter, through all blocks?\n")
    print(mg.check_grads(lambda model: loss(model(x[:8]), targets[:8]), model, samples=300))

    model.freeze("waves")
    print(f"\n3. The network, its first layer frozen; the shared layer is counted once:\n\n{model.summary(x_train)}")

    print("\n4. It learns, the heads with larger steps, until ten epochs in a row bring nothing:\n")
    heads = [p for head in model.heads.values() for p in head.parameters()]
    rest = [p for block in model.blocks for p in block.parameters()]
    groups = [{"params": heads, "lr": 3 * options.lr}, {"params": list(dict.fromkeys(rest))}]
    optimiser = optim.AdamW(groups, lr=options.lr, weight_decay=0.01)
    with tqdm(total=options.epochs, desc="epochs", leave=False, disable=None) as bar:
        history = mg.fit(
            model, x_train, y_train, loss=loss, optimizer=optimiser, epochs=options.epochs,
            validation=(x_test, y_test), metrics={"accuracy": accuracy}, patience=10, seed=options.seed,
            on_epoch=lambda run: bar.update(), progress=False,
        )  # fmt: skip
    best = int(np.argmin(history["val_cost"]))
    print(f"stopped: {history['stopped']}, after epoch {history['epoch'][-1]}; kept: epoch {best + 1}")
    print(f"held-out cost {history['val_cost'][best]:.4f}, held-out accuracy {history['val_accuracy'][best]:.2%}")

    path = options.out / "custom_network.npz"
    mg.save(path, model, best_epoch=best + 1)
    again = Network(seed=options.seed + 1)
    print(f"\n5. Saved; loaded into a new network beside {mg.load(path, again)}: ", end="")
    print("the same answers" if np.array_equal(again(x_test).data, model(x_test).data) else "OTHER ANSWERS")

    learned, graph = options.out / "custom_network.png", options.out / "custom_network_graph.png"
    draw(learned, again, history, x_test, y_test)
    print(f"picture: {learned}")
    try:
        mg.draw(again, x_test, fold="modules", depth=1, title="the network by Module").save(graph)
        print(f"graph: {graph}")
    except RuntimeError as error:  # a PNG needs Graphviz: it says how to get it
        print(f"The graph is not drawn: {error}")


def draw(path: Path, model: Network, history: dict, x: np.ndarray, targets: np.ndarray) -> None:
    """What the network says of the plane, of the lengths of held-out points, and how it learned."""
    figure = plots.new_figure(15, 4.6)
    regions, lengths, curve = figure.subplots(1, 3)
    plots.decision_regions(lambda x: softmax(model(x)[:, :3]), x, targets[:, 0].astype(int), axes=regions)
    regions.set_title("Which arm? Held-out points")
    lengths.plot([0, 1.15], [0, 1.15], color="silver")
    lengths.plot(targets[:, 1], model(x).data[:, 3], ".", color=plots.POSITIVE)
    lengths.set(title="How far along? Held-out points", xlabel="distance from the middle", ylabel="what it says")
    plots.history(history, axes=curve)
    curve.set_title("Cost and accuracy")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = Parser(__doc__, epochs=150)
    parser.add_argument(
        "--lr", type=positive_number, default=0.003, metavar="X", help="step size of the blocks (0.003)"
    )
    run(parser, main)
