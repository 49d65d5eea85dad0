"""Prints all that this package prints, on a stream of any encoding: a program, run by tests/test_printing.py.

It prints an object of every public class and of every class that has a repr of its own, pages of text and what the
commands say, with names of the user's that no encoding but Unicode's has. The last line counts what was printed.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import microgradnet as mg
from microgradnet import Value, check_grads, data, fit, functional, nn, optim, parallel, support, train
from microgradnet.__main__ import main
from microgradnet.core import TABLE
from microgradnet.core.modes import Later
from microgradnet.data.folders import ImageFolder
from microgradnet.estimators.columns import Columns
from microgradnet.ops.shape import SLOT
from microgradnet.testing import conventions, exercises
from microgradnet.testing.points import Sides
from microgradnet.testing.strategies import Call, Run
from microgradnet.train.live import Page

NAME = "größe→∞"  # cp1252 has its first letters
GIVEN: dict[Any, tuple[Any, ...]] = {
    nn.MLP: (4, [3, 2]), nn.Residual: (nn.Linear(3, 3),), nn.Upsample: (4,), nn.Unflatten: (1, (2, 2)),
    nn.TransformerEncoder: (nn.TransformerEncoderLayer(4, 2, 4), 1),
    nn.TransformerDecoder: (nn.TransformerDecoderLayer(4, 2, 4), 1),
}  # fmt: skip


def made(kind: type) -> Any:
    """An object of this class: 4 for each argument that it must be given, unless `GIVEN` knows better."""
    needed = [p for p in inspect.signature(kind).parameters.values() if p.default is p.empty and p.kind < 2]
    return kind(*GIVEN.get(kind, [4 for _ in needed]))


def classes() -> set[type]:
    """Every class of the package with a `__repr__` or a `__str__` written in it."""
    found = set()
    for module in pkgutil.walk_packages(mg.__path__, "microgradnet."):
        try:
            names = vars(importlib.import_module(module.name))
        except ModuleNotFoundError:  # of an extra that is missing
            continue
        for kind in names.values():
            if inspect.isclass(kind) and kind.__module__ == module.name:
                written = [vars(kind).get("__repr__"), vars(kind).get("__str__")]
                if any(getattr(f, "__module__", "") == module.name for f in written):
                    found.add(kind)
    return found


class Own(nn.Module):
    """A Module of the user's, whose attribute and name are in no code page."""

    def __init__(self) -> None:
        setattr(self, NAME, [nn.Linear(3, 2), nn.LSTM(2, 2)])
        self.weight = Value([1.0, 2.0], name=NAME).reshape(2)

    def forward(self, x: Any) -> Any:
        return getattr(self, NAME)[0](x)


@mg.primitive(lambda g, out, x: 3 * g, symbol="√∑")
def wrong(x: Any) -> Any:
    return 2 * x


wrong.__name__ = NAME


def objects() -> Iterator[Any]:
    """All that is printed as it is."""
    for kind in (getattr(nn, name) for name in nn.__all__):
        if inspect.isclass(kind) and kind is not nn.Module:
            yield made(kind)
    for kind in (getattr(optim, name) for name in optim.__all__):
        if inspect.isclass(kind) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer:
            yield kind([Value([[1.0]], name=NAME)], lr=0.1)
    x, model = Value([1.0, 2.0], name=NAME), Own()
    model(np.ones((1, 3), np.float32)).sum().backward()
    yield from (x, model, nn.Sequential(model, model), wrong, SLOT, TABLE[np.tanh])
    yield from (model.summary(np.ones((5, 3), np.float32)), nn.gradient_report(model))
    yield model.load_state_dict({**model.state_dict(), NAME: np.ones(1)}, strict=False)
    at = {NAME: np.array([0.5, 1.0]), "b": 2.0}
    for order in (1, 2):
        report = check_grads(lambda p: (wrong(p[NAME]) ** 2).sum() * p["b"], at, order=order)
        yield from (report, report.inputs, report.elements, report.culprits)
        yield from (*report.inputs, *report.elements, *report.culprits)
    loss = (np.sqrt(x) - x / 3 * np.cbrt(x)).sum() + np.prod(x) + np.linalg.norm(x) + x[np.array([0])]
    with mg.debug():
        loss = (loss.sum() ** 2 >= x) * functional.sigmoid(x)
        yield loss._recorded_at
    deep = x
    for _ in range(200):
        deep = np.tanh(deep) * 2
    for drawing in (mg.draw(loss, names={NAME: x}), mg.draw(model(np.ones((2, 3)))), mg.draw(deep, cap=20)):
        yield from (drawing, drawing.text, drawing.source, drawing.html, drawing.folded, drawing.diff(mg.draw(x)))
    yield from (steps := mg.steps(loss.sum(), names={NAME: x}), steps[0], steps.text, steps.html, mg.steps(deep.sum()))
    step = mg.compile(lambda x: (Value(x) * wrong(x)).sum())
    _, _, _ = (step(np.ones(2)) for _ in range(3))
    yield from (step, Later(lambda: 1.0), *step.latest.program.nodes)
    columns = Columns(np.ones((2, 2)))
    columns.names[0] = NAME
    yield columns
    yield from (train.CSVLog(f"{NAME}.csv"), train.BestWeights("best.npz", by=NAME), train.TensorBoard(NAME))
    yield from (
        train.ReduceOnPlateau(by=NAME),
        Page("training"),
        train.LearningRates(np.geomspace(1e-3, 1, 40), np.ones(40)),
    )
    yield data.digits(seed=0)
    yield ImageFolder(NAME, (NAME,), [f"{NAME}.png"], np.zeros(1, int), (2, 2), True, True)
    wanted = exercises.Exercise(NAME, "→", "def f():\n    return …", [exercises.Promise("≤", lambda answer: 1 / 0)])
    scores = exercises.score({NAME: {NAME: 1}}, (wanted,))
    yield from (wanted, wanted.promises[0], wanted.mark(1), scores, scores.hints(NAME), exercises.Node(NAME))
    with parallel.world() as world:
        yield from (world, parallel.Optimizer(optim.SGD([x], lr=0.1)))
    call = Call(wrong, [np.ones(2)], [True], {NAME: 1}, np.ones(2), 0)
    yield from (call, Run(lambda seed: Own(), 0, [np.ones(3)], {NAME: 1}), Sides(True, [1.0], []))
    try:
        model(np.ones((2, 7)))
    except ValueError as error:
        yield error


def commands(folder: Path) -> None:
    """What the command line says, with a module of the user's beside it."""
    (folder / "mine.py").write_text(f"import sys\nsys.path[:0] = {sys.path!r}\nfrom tests.printed import *", "utf-8")
    os.chdir(folder)
    for line in (
        "--help", "train --help", "draw --help", "check --help", "draw mine:wrong --shape 2", "check mine:wrong 2.0",
        "draw mine:own --shape 2,3", "draw mine:own --shape 2,3 --out own.html --fold all", "check mine:größe→ 1", NAME,
    ):  # fmt: skip
        with contextlib.suppress(SystemExit):  # of --help
            main(line.split())
    print(support.page())
    if find_spec("scipy"):  # whose rows are on the page
        conventions.main()


def run(folder: Path) -> int:
    """Print all of it; the number of things printed. Every class with a repr of its own must be among them."""
    left, count = classes(), 0
    with open(folder / "log.txt", "w") as log:  # in the encoding that files have by themselves
        for thing in objects():
            left -= set(type(thing).__mro__)
            if isinstance(thing, nn.Module | optim.Optimizer):
                thing.__class__ = type("Größe_й", (type(thing),), {})
            for text in (thing, [thing], f"{thing}") if not isinstance(thing, str | list) else [thing]:
                print(text)
                print(text, file=log)
                count += 1
    assert not left, f"not printed here: {left}"
    with open(folder / "errors.txt", "w", encoding=sys.stdout.encoding) as log, contextlib.redirect_stderr(log):
        fit(
            own, np.ones((4, 3)), np.ones((4, 2)), loss=functional.mse_loss, optimizer=optim.SGD(own.parameters(), 0.1),
            epochs=1, metrics={NAME: lambda out, y: 1.0}, progress=True,
        )  # fmt: skip
        commands(folder)
    return count


own = Own()

if __name__ == "__main__":
    print(run(Path(sys.argv[1])), "things were printed")
