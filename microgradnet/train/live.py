"""How far a training is, in a notebook: a bar, and curves that grow."""

from __future__ import annotations

import sys
import time
from typing import Any

from .. import markup
from .history import shown
from .run import Run

PAUSE = 0.25  # seconds between two looks: a notebook is slower than a network


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, which shows HTML where a terminal has lines."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Live:
    """What is shown below a cell while `fit` runs in it."""

    def __init__(self, note: str = "") -> None:
        from importlib import import_module

        self.note = note
        self.latest = 0.0
        display: Any = import_module("IPython.display").display  # it has no types
        self.handle: Any = display(Page(markup.quiet(note or "training …")), display_id=True)

    def step(self, run: Run, words: str) -> None:
        """Called after each batch."""
        if time.monotonic() - self.latest > PAUSE:
            part = run.batch / run.steps if run.steps else 0.0
            self.show(run, markup.bar((len(run.history["epoch"]) + part) / run.epochs, words))

    def line(self, run: Run) -> None:
        """Called after each epoch."""
        done = len(run.history["epoch"])
        if done >= run.epochs or time.monotonic() - self.latest > PAUSE:
            self.show(run, markup.bar(done / run.epochs, f"epoch {done}/{run.epochs}"))

    def end(self, run: Run) -> None:
        """Called when it is over, however it ended: what is left below the cell."""
        done = len(run.history["epoch"])
        self.show(run, markup.quiet(f"epoch {done}/{run.epochs}"))

    def show(self, run: Run, head: str) -> None:
        self.handle.update(Page(markup.card(markup.quiet(self.note), head, shown(run.history))))
        self.latest = time.monotonic()


class Page:
    """HTML for a notebook to show."""

    def __init__(self, html: str) -> None:
        self.html = html

    def __repr__(self) -> str:
        return "training"

    def _repr_html_(self) -> str:
        return self.html
