"""Callbacks that many want: logs of a training, and the weights of its best epoch in a file."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping
from typing import Any

from .. import checks
from ..core import Value
from ..files import place, replace
from ..optim import SGD, ReduceLROnPlateau
from ..saving import save
from ..saving.file import target
from ..saving.formats import Path
from ..words import printable
from .run import Run


class CSVLog:
    """Writes the history to a CSV file, a row after each epoch: `fit(…, callbacks=[CSVLog("run.csv")])`.

    The columns are those of the history. A file that is there is replaced; where a training goes on from a checkpoint,
    it begins with the epochs before.

    >>> CSVLog("run.csv")
    CSVLog('run.csv')
    """

    writes_files = True

    def __init__(self, path: Path) -> None:
        self.path: str = os.fspath(path)

    def on_start(self, run: Run) -> None:
        """Begin the file with the names, and the epochs that are done."""
        rows = zip(*run.history.values(), strict=True)
        replace(place(self.path), written([[*run.history], *rows]))

    def on_epoch(self, run: Run) -> None:
        """Add the row of the epoch that has just ended."""
        with open(self.path, "ab") as file:
            file.write(written([[column[-1] for column in run.history.values()]]))

    def __repr__(self) -> str:
        return printable(f"CSVLog({self.path!r})")


def written(rows: list[Any]) -> bytes:
    """Rows as they stand in a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


class TensorBoard:
    """Writes the history where TensorBoard looks for it: `fit(…, callbacks=[TensorBoard("runs/first")])`.

    `tensorboard --logdir runs` shows it. Needs the package of that name (extra `tensorboard`), and no TensorFlow.

    >>> TensorBoard("runs/first")
    TensorBoard('runs/first')
    """

    writes_files = True

    def __init__(self, folder: Path) -> None:
        self.folder: str = os.fspath(folder)
        self._writer: Any = None

    def on_start(self, run: Run) -> None:
        """Begin a file in the folder. ModuleNotFoundError, with what to do, where the package is missing."""
        try:
            from tensorboard.summary import Writer
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "TensorBoard needs its package: pip install tensorboard", name="tensorboard"
            ) from None
        self._writer = Writer(self.folder)

    def on_epoch(self, run: Run) -> None:
        """Add a point to each curve."""
        for name, column in run.history.items():
            if name not in ("epoch", "seconds"):
                self._writer.add_scalar(name, column[-1], run.epoch)
        self._writer.flush()

    def on_end(self, run: Run) -> None:
        """Close the file, after all it was given is in it."""
        if self._writer is not None:
            self._writer.close()

    def __repr__(self) -> str:
        return printable(f"TensorBoard({self.folder!r})")


class BestWeights:
    """Saves the model whenever an epoch is the best so far: `fit(…, callbacks=[BestWeights("best.npz")])`.

    Best is the lowest number in the history under `by`, or the highest with `highest=True`; without validation give
    `by="cost"`. The file is one of `microgradnet.save`, with the model and which epoch it was. With `fit(patience=…)`
    the model itself ends with the weights of its best epoch, and no file is needed.

    >>> BestWeights("best.npz", by="val_accuracy", highest=True)
    BestWeights('best.npz', by='val_accuracy', highest=True)
    """

    writes_files = True

    def __init__(self, path: Path, by: str = "val_cost", highest: bool = False) -> None:
        target(path)  # where nothing can be saved, that is said before training
        self.path: str = os.fspath(path)
        self.by: str = by
        self.highest: bool = highest
        self.best: float = math.nan

    def on_start(self, run: Run) -> None:
        """ValueError if the history will have no such column."""
        if self.by not in run.history:
            raise ValueError(f"BestWeights(by={self.by!r}): the history has {', '.join(run.history)}")

    def on_epoch(self, run: Run) -> None:
        """Save the model if this epoch is the best."""
        here = run.history[self.by][-1]
        better = here > self.best if self.highest else here < self.best
        if better or (math.isnan(self.best) and not math.isnan(here)):
            self.best = here
            save(self.path, run.model, epoch=run.epoch, **{self.by: here})

    def state_dict(self) -> dict[str, Any]:
        """The best number so far."""
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it up again."""
        self.best = state["best"]

    def __repr__(self) -> str:
        highest = ", highest=True" if self.highest else ""
        return printable(f"BestWeights({self.path!r}, by={self.by!r}{highest})")


class ReduceOnPlateau:
    """Makes the step size smaller once nothing gets better: `fit(…, callbacks=[ReduceOnPlateau(by="val_accuracy")])`.

    It is `optim.ReduceLROnPlateau` for the optimiser of `fit`, with its options, such as `factor=0.5` and `patience=3`;
    `by` names the column of the history that it looks at, by itself the val_cost, or without validation the cost. Lower
    is better, or with `highest=True` higher.

    >>> ReduceOnPlateau(by="val_accuracy", highest=True, factor=0.5)
    ReduceOnPlateau(by='val_accuracy', highest=True, factor=0.5)
    """

    def __init__(self, by: str | None = None, highest: bool = False, **options: Any) -> None:
        self.by: str | None = by
        self.highest: bool = checks.switch("highest", highest)
        self.options: dict[str, Any] = options
        if "mode" in options:
            raise TypeError(f"ReduceOnPlateau(mode={options['mode']!r}): write highest=True for 'max', or leave it out")
        self.schedule: ReduceLROnPlateau | None = None
        self.state: dict[str, Any] | None = None  # of a file, until there is a schedule
        self._made(SGD([Value(0.0)], lr=1.0))  # what is wrong with the options is said here

    def _made(self, optimizer: Any) -> ReduceLROnPlateau:
        """The schedule for an optimiser."""
        return ReduceLROnPlateau(optimizer, mode="max" if self.highest else "min", **self.options)

    def on_start(self, run: Run) -> None:
        """ValueError if the history will have no such column, TypeError for an optimiser of another kind."""
        if self.by is not None and self.by not in run.history:
            raise ValueError(f"ReduceOnPlateau(by={self.by!r}): the history has {', '.join(run.history)}")
        self.schedule = self._made(run.optimizer)
        if self.state is not None:
            self.schedule.load_state_dict(self.state)

    def on_epoch(self, run: Run) -> None:
        """Note the number of the epoch that has just ended."""
        if self.schedule is not None:
            self.schedule.step((run.judged if self.by is None else run.history[self.by])[-1])

    def state_dict(self) -> dict[str, Any]:
        """What the schedule has seen."""
        return {"schedule": None if self.schedule is None else self.schedule.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it up again, when the training starts."""
        self.state = state["schedule"]

    def __repr__(self) -> str:
        given = {"by": self.by} | ({"highest": True} if self.highest else {}) | self.options
        return printable(f"ReduceOnPlateau({', '.join(f'{name}={x!r}' for name, x in given.items() if x is not None)})")
