"""A training under way: how far it is, what it measured, whether it is over, and the file from which it goes on."""

from __future__ import annotations

import copy
import math
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ..nn.module import Module
from ..saving import load, save
from ..saving.file import target
from ..saving.formats import Path
from .arguments import BACKEND, OPTIONS, changed
from .sources import Batch, Source


class Steps(Protocol):
    """What `fit` asks of a scheduler."""

    def step(self) -> None: ...


class Moves(Steps, Protocol):
    """What `fit` asks of an optimiser."""

    def zero_grad(self) -> None: ...


class Run:
    """A training under way, as callbacks see it.

    `model`, `optimizer` and `scheduler` are what `fit` was given. `epoch` and `batch` count from 1, `steps` is the
    number of batches in an epoch, None where that shows at the end of the first, `cost` is that of the latest batch,
    `history` is of whole epochs, `means()` of this one so far; `rank` is that of this process, 0 where it trains alone.
    `stop()` ends the training after this step;
    `stop(reason)` says why.

    >>> import numpy as np
    >>> from microgradnet import fit, functional, nn, optim
    >>> def good_enough(run):
    ...     if run.history["cost"][-1] < 0.1:
    ...         run.stop("good enough")
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> model = nn.Linear(1, 1, seed=0)
    >>> history = fit(model, x, 2 * x, loss=functional.quadratic_cost, optimizer=optim.SGD(model.parameters(), lr=0.1),
    ...               epochs=100, seed=0, callbacks=[good_enough], progress=False)
    >>> history["stopped"]
    'good enough'
    """

    # What a file holds of it, beside the arguments and the seconds.
    HELD = ("taken", "totals", "history", "best", "waiting")

    def __init__(
        self,
        model: Module,
        optimizer: Moves,
        scheduler: Steps | None,
        source: Source,
        epochs: int,
        patience: int | None,
        metrics: list[str],
        validated: bool,
    ) -> None:
        self.model: Module = model
        self.optimizer: Moves = optimizer
        self.scheduler: Steps | None = scheduler
        self.source: Source = source
        self.epochs: int = epochs
        self.patience: int | None = patience
        self.measures: list[str] = ["cost", *metrics]
        held_out = [f"val_{name}" for name in self.measures] if validated else []
        self.history: dict[str, Any] = {name: [] for name in ["epoch", *self.measures, *held_out, "seconds"]}
        self.arguments: dict[str, Any] = {}  # that must be the same when it goes on from a file
        self.taken: int = 0  # batches, in all epochs
        self.gathered: int = 0  # batches whose gradients wait for the others that are one step with them
        self.first: int = 0  # examples in the first of these
        self.weight: float = 0.0  # of these batches, that of the first being 1
        self.epoch: int = 0
        self.batch: int = 0
        self.cost: float = math.nan
        self.totals: list[float] = [0.0] * len(self.measures)  # over the examples of this epoch
        self.seen: int = 0  # examples of this epoch, so far
        self.seconds: float = 0.0  # of this epoch before it was taken up
        self.since: float = 0.0  # when that was
        self.best: dict[str, Any] = {}
        self.callbacks: dict[str, Any] = {}  # that have a state
        self.stopped: str = ""  # why
        self.rank: int = 0  # of this process among those that train together
        self.drawing: list[Any] = []  # of each of these the states of its generators, as a file has them

    @property
    def steps(self) -> int | None:
        """How many batches an epoch has; None where that shows at its end."""
        return self.source.steps

    @property
    def judged(self) -> list[float]:
        """What says how good the epochs were: their val_cost, or without validation their cost."""
        found: list[float] = self.history["val_cost" if "val_cost" in self.history else "cost"]
        return found

    @property
    def waiting(self) -> dict[str, Any]:
        """The gradients that were gathered and wait for a step, for a file."""
        if not self.gathered:
            return {}
        found = {name: p.grad for name, p in self.model.named_parameters() if p.grad is not None}
        return {"gathered": self.gathered, "first": self.first, "weight": self.weight, "gradients": found}

    @waiting.setter
    def waiting(self, held: dict[str, Any]) -> None:
        if held:
            self.gathered, self.first, self.weight = held["gathered"], held["first"], held["weight"]
            for name, p in self.model.named_parameters():
                p.grad = held["gradients"].get(name)

    def stop(self, reason: str = "callback") -> None:
        """End the training after this step, for the first reason that was given."""
        self.stopped = self.stopped or reason

    def over(self) -> bool:
        """Whether there is no step to take any more."""
        return bool(self.stopped) or len(self.history["epoch"]) >= self.epochs

    def batches(self) -> Iterator[Batch]:
        """What to train on next, until the training is over: from where it stands, epoch after epoch."""
        while not self.over():
            self.epoch, self.batch = len(self.history["epoch"]) + 1, self.source.done(self.taken)
            self.seen = self.source.examples(self.batch)
            if not self.batch:
                self.totals = [0.0] * len(self.totals)
            self.model.train()
            self.since = time.perf_counter()
            for batch in self.source.batches(self.epoch, self.batch):
                self.batch += 1
                yield batch
                if self.over():
                    return

    def measured(self, values: list[float], examples: int) -> None:
        """Add the cost and the metrics of a batch to those of the epoch."""
        self.cost = values[0]
        for i, x in enumerate(values):
            self.totals[i] += x * examples
        self.seen += examples

    def means(self) -> dict[str, float]:
        """The cost and the metrics by name, over the examples of this epoch so far; empty before its first batch."""
        if not self.seen:
            return {}
        return {name: total / self.seen for name, total in zip(self.measures, self.totals, strict=True)}

    def end_epoch(self, held_out: list[float]) -> None:
        """An entry in the history, and a look whether the epoch was the best."""
        now = time.perf_counter()
        row = [self.epoch, *self.means().values(), *held_out, self.seconds + now - self.since]
        for column, entry in zip(self.history.values(), row, strict=True):
            column.append(entry)
        self.seconds, self.since = 0.0, now
        if self.patience is not None:
            *before, cost = self.judged
            if cost < min((x for x in before if not math.isnan(x)), default=math.inf):
                self.best = {"epoch": self.epoch, "state": copy.deepcopy(self.model.state_dict())}
            self.out_of_patience()

    def out_of_patience(self) -> None:
        """Stop if the best epoch, or the beginning where none had a cost, is `patience` epochs ago."""
        if self.patience is not None:
            best = self.best["epoch"] if self.best else 0
            if len(self.history["epoch"]) - best >= self.patience:
                self.stop("patience")

    def things(self) -> dict[str, Any]:
        """What has a state of its own, by the names it has in a file."""
        things = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        return {name: thing for name, thing in things.items() if thing is not None} | self.callbacks

    def save(self, path: Path, drawing: Sequence[Any] = ()) -> None:
        """Write all that is needed to go on from here. `drawing` has the states of the generators of each rank."""
        seconds = self.seconds + time.perf_counter() - self.since
        state = {name: getattr(part, name) for part in (self.source, self) for name in part.HELD}
        save(
            path,
            **self.things(),
            fit={"arguments": self.arguments, "seconds": seconds, "drawing": list(drawing), **state},
        )

    def resume(self, path: Path) -> None:
        """Go on from a file, if it is there. ValueError if it is of a training with other arguments."""
        target(path)  # where nothing can be saved, that is said before training rather than after
        if not os.path.exists(path):
            return
        found = load(path)
        held = found.get("fit")
        held = {"waiting": {}, **held} if isinstance(held, dict) else None  # files of before have none
        if held is None or not {"arguments", "seconds", *self.source.HELD, *self.HELD} <= held.keys():
            raise ValueError(f"{path} is not of fit(checkpoint=…): remove it, or give another path")
        for name, there, here in changed(held["arguments"], self.arguments, found.get("optimizer")):
            raise ValueError(
                f"{path} is of a training with another {name}: {there}, here {here}. Give the same arguments to go on, "
                f"or another checkpoint=, or remove the file to start anew"
            )
        there, here = held["arguments"].get(BACKEND, "eager"), self.arguments[BACKEND]
        if (there == "native") != (here == "native"):  # the bits of the others are the same
            warnings.warn(
                f"{path} is of a training whose steps were {there}, and goes on with {here} ones: the numbers are the "
                f'same within rounding, but not the bits. compile="native" and compile="numpy" choose',
                stacklevel=4,
            )
        new = self.callbacks.keys() - found.keys()  # that were not there before
        load(path, **{name: thing for name, thing in self.things().items() if name not in new})
        self.arguments |= {name: x for name, x in held["arguments"].items() if name == OPTIONS}  # those it began with
        self.seconds, self.drawing = held["seconds"], held.get("drawing", [])
        for part in (self.source, self):
            for name in part.HELD:
                setattr(part, name, held[name])
        self.out_of_patience()
