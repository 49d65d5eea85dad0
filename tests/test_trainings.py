"""Trainings with each option of `fit` in turn, and what is measured and predicted: the numbers that they gave.

tests/trainings.txt has the history, the weights at the end, what callbacks saw, and what was printed. That they are
right is the business of tests/test_train.py, beside loops by hand. Where one is meant to change,
`python -m tests.test_trainings` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import data, nn, optim, train
from tests import descriptions
from tests.test_answers import a, said

PAGE = Path(__file__).with_name("trainings.txt")
N = 20
X, CLASSES = 2 * a(N, 3) - 1, np.arange(N) * 7 % 3
Y = X[:, :1] * X[:, 1:2] + X[:, 2:]
WEIGHT = np.arange(N) % 4 + 0.5


class Seen:
    """A callback of every moment that keeps a few words of each."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def __getattr__(self, moment: str) -> Any:
        if not moment.startswith(("on_", "before_")):
            raise AttributeError(moment)
        return lambda run: self.words.append(
            f"{moment} {run.epoch}.{run.batch} of {run.steps}, {run.taken} taken, {self.number(run)}"
        )

    def number(self, run: Any) -> str:
        return " ".join(f"{name} {x:.5g}" for name, x in run.means().items())


class Pairs:
    """A dataset."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> Any:
        return X[i], Y[i]


def fitted(**changed: Any) -> Iterator[str]:
    """A training, in words; an option that is a function of the optimiser is called with it."""
    classes = changed.pop("classes", False)
    layers = nn.Linear(3, 4, seed=0), np.tanh, nn.Dropout(0.25, seed=1), nn.Linear(4, 3 if classes else 1, seed=2)
    model = nn.Sequential(*layers).astype(np.float64)
    optimizer = optim.SGD(model.parameters(), lr=0.25, momentum=0.5)
    given = {"x": X, "y": CLASSES if classes else Y, "loss": "cross_entropy" if classes else "mse", "epochs": 3,
             "optimizer": optimizer, "batch_size": 6, "seed": 4, "progress": False, **changed}  # fmt: skip
    if "scheduler" in given:
        given["scheduler"] = given["scheduler"](optimizer)
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = mg.fit(model, given.pop("x"), given.pop("y"), **given)
    columns = {name: column for name, column in history.items() if name not in ("seconds", "stopped")}
    yield from (f"{name}: {' '.join(f'{x:.5g}' for x in column)}" for name, column in columns.items())
    yield f"{history['stopped']}, lr {optimizer.param_groups[0]['lr']:.5g}, {said(model.parameters())}"
    for callback in given.get("callbacks", ()):
        yield from callback.words if isinstance(callback, Seen) else [repr(callback)]
    yield from re.sub(r"\(\d\.\d s\)", "", printed.getvalue()).splitlines()


def in_a_folder(f: Callable[[], Iterator[str]]) -> Iterator[str]:
    """With files that are written in a folder of their own, and what is in those of text."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield from f()
            for path in sorted(Path().iterdir()):
                text = path.read_text() if path.suffix == ".csv" else ""
                short = re.sub(r"(\d\.\d{4})\d+|,[^,\n]*$", r"\1", text, flags=re.MULTILINE)  # without the seconds
                yield f"{path}: {short!r}"
                if path.suffix == ".npz":
                    yield said(dict(mg.load(path)["model"]))
        finally:
            os.chdir(before)


def resumed() -> Iterator[str]:
    stop = Seen()
    list(fitted(checkpoint="run.npz", epochs=1))
    yield from fitted(checkpoint="run.npz", callbacks=[stop], progress=True)


def in_a_notebook(tick: float, **changed: Any) -> Iterator[str]:
    """What its kernel is shown, one page in place of the other, by a clock that moves `tick` seconds at each look."""
    pages: list[str] = []
    handle = SimpleNamespace(update=lambda page: pages.append(page._repr_html_()))
    shell, looks = SimpleNamespace(kernel=object()), itertools.count()
    clock = SimpleNamespace(monotonic=lambda: tick * next(looks), perf_counter=lambda: tick * next(looks))

    def display(page: Any, display_id: bool = False) -> Any:
        pages.append(f"{page._repr_html_()} {display_id}")
        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
        patch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
        patch.setattr("microgradnet.train.live.time", clock)
        patch.setattr("microgradnet.train.run.time", clock)
        yield from fitted(progress=True, **changed)
    for page in pages:
        yield " ".join(
            [*re.findall(r"width:[.\d]+%", page), *re.sub("<[^>]*>", " ", page.replace("<span", " ~ <")).split()]
        )


def predicted() -> Iterator[str]:
    model = nn.Sequential(nn.Linear(3, 3, seed=0), nn.Dropout(0.5, seed=1)).astype(np.float64)
    for size in (1, 7, 256):
        yield said(mg.predict(model, X, batch_size=size))
    yield said(mg.predict(model, Pairs(), batch_size=8))
    for metrics in (None, "accuracy", ["accuracy"], {"right": "accuracy", "off": lambda out, y: out.sum()}):
        yield said(mg.evaluate(model, X, CLASSES, loss="cross_entropy", metrics=metrics, sample_weight=WEIGHT))
    alone = nn.Linear(3, 1, seed=0)
    yield said(mg.evaluate(alone, X, Y, metrics=["mse", "rmse", "mae", "r2"]))
    yield said(mg.evaluate(alone, X, np.where(Y > 0, 1.0, -1.0), metrics="accuracy"))
    yield said(mg.evaluate(alone, data.batches(X, Y, 6, shuffle=False), loss="mae"))
    yield said(mg.evaluate(alone, Pairs(), loss=nn.HuberLoss(), metrics="r2", batch_size=3))


def tried() -> Iterator[str]:
    for more in (
        {},
        {"steps": 20, "lowest": 1e-3, "highest": 1.0, "batch_size": 5},
        {"sample_weight": WEIGHT, "seed": 3},
    ):
        model = nn.Linear(3, 1, seed=0).astype(np.float64)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        found = mg.find_lr(model, X, Y, loss="mse", optimizer=optimizer, **more)
        yield f"{found.suggestion:.4g}, {said([found.lrs, found.costs, found.smoothed])}"


def estimated() -> Iterator[str]:
    pytest.importorskip("sklearn", reason="sklearn, of the extra sklearn, is not installed")
    from microgradnet.estimators import Classifier, Columns, Regressor
    from tests.test_estimators import Frame

    names = np.array(["no", "perhaps", "yes"])[CLASSES]
    for more in ({}, {"hidden": (3,), "batch_size": 5}, {"scale": False}, {"patience": 1}, {"validation": 0.25}):
        how: Any = {"epochs": 4, "random_state": 0, **more}
        classifier = Classifier(**how).fit(X, names)
        yield f"Classifier {more}: {said(classifier.predict_proba(X))} {classifier.score(X, names):.4g}"
        yield f"{''.join(name[0] for name in classifier.predict(X))}, {classifier!r}"
        regressor = Regressor(**how).fit(X, Y)
        yield f"Regressor {more}: {said(regressor.predict(X))} {regressor.score(X, Y):.4g}"
        yield said(Regressor(**how).fit(X, Y[:, 0], sample_weight=WEIGHT).predict(X))
    table = Frame(size=np.array([1.0, np.nan, 3.0]), colour=np.array(["red", "blue", None]), number=np.array([2, 2, 5]))
    for more in ({}, {"scale": False}, {"sample_weight": np.array([1.0, 2.0, 0.5])}):
        columns = Columns(table, **more)
        yield f"{columns} {columns.sizes}: {said(columns(table))}, {said(columns.mean)}, {said(columns.scale)}"


DESCRIBED: dict[str, Callable[[], Iterator[str]]] = {
    "plain": fitted,
    "shown": lambda: fitted(progress=True, validation=(X, Y), metrics="mae"),
    "every moment": lambda: fitted(callbacks=[Seen()], epochs=2, metrics={"off": lambda out, y: abs(out - y).max()}),
    "classes": lambda: fitted(classes=True, metrics=["accuracy"], validation=0.25),
    "weights": lambda: fitted(sample_weight=WEIGHT, validation=(X, Y, WEIGHT)),
    "a clip": lambda: fitted(clip=0.125),
    "accumulated": lambda: fitted(accumulate=3, callbacks=[Seen()], epochs=2),
    "accumulated, clipped, by batch": lambda: fitted(
        accumulate=2, clip=0.5, scheduler=lambda o: optim.StepLR(o, 1), scheduler_interval="batch"
    ),
    "a schedule": lambda: fitted(scheduler=lambda o: optim.ExponentialLR(o, 0.5)),
    "a plateau": lambda: fitted(scheduler=lambda o: optim.ReduceLROnPlateau(o, patience=0, threshold=0.5), epochs=4),
    "patience": lambda: fitted(patience=1, epochs=9, validation=(X, -Y)),
    "a dataset": lambda: fitted(x=Pairs(), y=None, validation=0.25),
    "batches": lambda: fitted(x=data.batches(X, Y, 7, seed=2), y=None, callbacks=[Seen()], epochs=2),
    "a list of batches": lambda: fitted(x=[(X[:5], Y[:5]), (X[5:], Y[5:], WEIGHT[5:])], y=None, validation=[(X, Y)]),
    "a function of batches": lambda: fitted(x=lambda: iter([(X[:5], Y[:5]), (X[5:], Y[5:])]), y=None, epochs=2),
    "compiled": lambda: fitted(compile="numpy", metrics="mse", validation=0.25),
    "compiled, accumulated": lambda: fitted(compile="numpy", accumulate=2, clip=0.5, sample_weight=WEIGHT),
    "a log and the best": lambda: in_a_folder(lambda: fitted(
        callbacks=[train.CSVLog("log.csv"), train.BestWeights("best.npz", by="cost"), train.ReduceOnPlateau(
            by="cost", patience=0, threshold=0.5)])),
    "a checkpoint": lambda: in_a_folder(resumed),
    "in a notebook": lambda: in_a_notebook(5 / 128, classes=True, metrics="accuracy", validation=0.25, epochs=4),
    "in a notebook, batches without a length": lambda: in_a_notebook(
        1 / 16, x=lambda: iter([(X[:5], Y[:5]), (X[5:], Y[5:])]), y=None, epochs=7, patience=6),
    "in a notebook, from a checkpoint": lambda: in_a_folder(lambda: itertools.chain(
        in_a_notebook(1 / 16, checkpoint="run.npz", epochs=1), in_a_notebook(1 / 16, checkpoint="run.npz"))),
    "predicted and measured": predicted,
    "step sizes": tried,
    "estimators": estimated,
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_training_gives_what_it_gave(name: str) -> None:
    assert [line for line in DESCRIBED[name]() if line] == descriptions.read(PAGE)[name]


def test_a_run_knows_the_means_of_its_epoch_from_the_first_batch_to_the_end() -> None:
    seen: list[Any] = []

    def on_start(run: Any) -> None:
        seen.append(run.means())

    def on_epoch(run: Any) -> None:
        seen.append((run.means()["cost"], run.history["cost"][-1]))

    def on_end(run: Any) -> None:
        seen.append((run.means()["cost"], run.history["cost"][-1]))

    list(fitted(callbacks=[on_start, on_epoch, on_end], epochs=2))
    assert seen[0] == {}
    assert len(seen) == 4
    for now, history in seen[1:]:
        assert now == history > 0


if __name__ == "__main__":
    descriptions.write(PAGE, {name: list(described()) for name, described in DESCRIBED.items()})
