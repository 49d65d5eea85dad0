"""From a CSV file to a network that is saved, loaded, exported and checked: 100,000 customers in columns with holes.

The file is made first: numbers, words, cells that are missing, and for each customer what became of him, stays, leaves
or upgrades, drawn from chances that are known here. So it is known too how often the best of all guesses is right. The
pictures: training; how much worse the network is without each column; the vectors it learned for the 24 cities, which
fall into three kinds that nobody told it of. Takes some 20 seconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from options import Parser, exported, run, whole_number
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

import microgradnet as mg
from microgradnet import plots
from microgradnet.estimators import Classifier
from microgradnet.functional import cross_entropy

CITIES = [
    "Aarhus", "Basel", "Cadiz", "Delft", "Evora", "Faro", "Ghent", "Halle", "Izmir", "Jena", "Kiel", "Lyon", "Malmo",
    "Nancy", "Oulu", "Porto", "Riga", "Siena", "Turku", "Urbino", "Vigo", "Wels", "Ypres", "Zadar",
]  # fmt: skip
LABELS = np.array(["leaves", "stays", "upgrades"])


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "customers.csv"
        best, kind = write(csv, options.rows, options.seed)

        # From the file to a model that is saved, loaded, exported and checked.
        table = pd.read_csv(csv)
        print(table.head(4).to_string(index=False))
        labels = table.pop("becomes")
        parts = train_test_split(table, labels, test_size=0.2, random_state=options.seed, stratify=labels)
        x_train, x_test, y_train, y_test = parts
        model = Classifier(
            hidden=(32, 32), epochs=options.epochs, batch_size=512, lr=0.003, validation=0.1, patience=4,
            random_state=options.seed, progress=True,
        )  # fmt: skip
        model.fit(x_train, y_train)
        path = options.out / "table.npz"
        model.save(path)
        again = Classifier.load(path)
        assert (again.predict_proba(x_test) == model.predict_proba(x_test)).all(), "loaded, it says the same"
        inputs, y = again.columns_(x_test[:50]), np.searchsorted(again.classes_, y_test[:50])
        mg.assert_grads(lambda network: cross_entropy(network(*inputs), y), again.model_, samples=20)
        print(exported(options.out / "table.onnx", again.model_, again.columns_(x_test)))
        accuracy = again.score(x_test, y_test)

    print(f"{again.columns_}\n{again.model_}")
    print(f"saved, loaded and checked: {path}, {path.stat().st_size:,} bytes, the same answers, gradients are right")
    print(f"held-out accuracy {accuracy:.2%}; who knows all the chances is right in {best:.2%}")
    picture(again, x_test, y_test, kind, options.out / "table.png")


def write(csv: Path, rows: int, seed: int) -> tuple[float, np.ndarray]:
    """Make the file up, and return how often the best guess is right, and of what kind each city is."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.arange(24) % 3)  # of the cities: what the network is not told
    city, months, income = rng.integers(24, size=rows), rng.gamma(2, 12, rows), rng.lognormal(10, 0.5, rows)
    plan, visits = rng.integers(3, size=rows), rng.poisson(6, rows).astype(float)
    hidden, quiet = rng.random(rows) < 0.15, rng.random(rows) < 0.1  # where income and visits are not known
    leaves = 1.5 * np.cos(months / 8) + 2 * hidden - 0.3 * (visits - 6)
    upgrades = np.where(plan == kind[city], 3.0, -1.5) + np.where(hidden, 0, 2 * np.log(income / 22_000))
    scores = 1.5 * np.stack([leaves, np.ones(rows), upgrades], axis=1)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    becomes = (rng.random((rows, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    income[hidden], visits[quiet] = np.nan, np.nan
    columns = {
        "city": np.array(CITIES)[city], "plan": np.array(["basic", "plus", "pro"])[plan], "months": months.round(1),
        "income": income.round(), "visits": visits, "becomes": LABELS[becomes],
    }  # fmt: skip
    pd.DataFrame(columns).to_csv(csv, index=False)
    return float(chances.max(axis=1).mean()), kind


def picture(model: Classifier, x: pd.DataFrame, y: pd.Series, kind: np.ndarray, path: Path) -> None:
    """How it learned, what each column is worth, and where the cities lie to each other."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    plots.history(model.history_, axes=left)
    left.set_title("Training")

    worth = permutation_importance(model, x[:4000], y[:4000], n_repeats=3, random_state=0).importances_mean
    order = np.argsort(worth)
    middle.barh(np.array(x.columns)[order], 100 * worth[order], color=plots.POSITIVE)
    middle.set(title="What each column is worth", xlabel="points of accuracy lost if its cells are shuffled")

    names, vectors = model.columns_.values[0], model.model_.embeddings[0].weight.data[1:]
    centred = vectors - vectors.mean(axis=0)
    x, y = (centred @ np.linalg.svd(centred)[2][:2].T).T
    for i, marker in enumerate("o^s"):
        right.scatter(x[kind == i], y[kind == i], marker=marker, color=plots.POSITIVE if i else plots.NEGATIVE,
                      label=f"kind {i + 1}", alpha=(1, 1, 0.45)[i])  # fmt: skip
    right.legend(loc="lower right")
    for name, a, b in zip(names, x, y, strict=True):
        right.annotate(name[0], (a, b), textcoords="offset points", xytext=(4, 3), fontsize=9)
    right.set(
        title="The vectors of the cities, by their first letters", xlabel="first direction", ylabel="second direction"
    )
    right.margins(0.15)
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")


if __name__ == "__main__":
    parser = Parser(__doc__, epochs=20)
    parser.add_argument("--rows", type=whole_number, default=100_000, metavar="N", help="how many customers (100000)")
    run(parser, main)
