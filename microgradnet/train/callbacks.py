"""What is told of each batch and each epoch of a run: the functions of the program, and what shows how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Self

from ..words import printable
from .measures import Function
from .run import Run


def in_good_order(function: Function | None) -> Callable[[Run], None]:
    """A callback of the program, if there is one. Ctrl-C in it ends the training as in a step: once that is done."""

    def call(run: Run) -> None:
        if function is not None:
            try:
                function(run)
            except KeyboardInterrupt:
                run.stop("interrupted")

    return call


class Progress:
    """A line for each epoch on stderr; on a terminal, with tqdm, a bar that moves within it: a `with` block.

    `taken` is how many steps were done before, as a checkpoint says.
    """

    def __init__(self, on: bool, taken: int) -> None:
        self.on, self.taken, self.bar, self.epoch = on, taken, None, 0

    def __enter__(self) -> Self:
        if self.on and self.taken:
            print(f"going on where the checkpoint is: {self.taken} steps are done", file=sys.stderr)
        if self.on and sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ModuleNotFoundError:
                return self
            self.bar = tqdm(leave=False)
        return self

    def step(self, run: Run) -> None:
        """Called after each batch."""
        if self.bar is not None:
            bar = self.bar
            if run.epoch != self.epoch:
                self.epoch = run.epoch
                bar.set_description_str(f"epoch {run.epoch}/{run.epochs}", refresh=False)
                bar.set_postfix_str("", refresh=False)
                bar.reset(run.steps)
                bar.n = run.batch - 1
            bar.set_postfix_str(said(run.means()), refresh=False)
            bar.update()

    def line(self, run: Run) -> None:
        """Called after each epoch, once it is in the history."""
        if self.on:
            if self.bar is not None:
                self.bar.clear()
            latest = {name: column[-1] for name, column in run.history.items()}
            epoch, seconds = latest.pop("epoch"), latest.pop("seconds")
            line = f"epoch {epoch}/{run.epochs}: {said(latest)} ({seconds:.1f} s)"
            print(printable(line, sys.stderr), file=sys.stderr)

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()


def said(measured: dict[str, float]) -> str:
    """Measures in a line."""
    return ", ".join(f"{name} {x:.4g}" for name, x in measured.items())
