"""What is told of each batch and each epoch of a run: the functions of the program, and what shows how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from ..saving.states import is_stateful
from ..words import brief, printable
from .live import Live, in_notebook
from .measures import Function
from .run import Run


def in_good_order(function: Function) -> Callable[[Run], None]:
    """A callback of the program. Ctrl-C in it ends the training as in a step: once that is done."""

    def call(run: Run) -> None:
        try:
            function(run)
        except KeyboardInterrupt:
            run.stop("interrupted")

    return call


MOMENTS = ("on_start", "before_step", "on_batch", "on_epoch", "on_end")


def by_moment(callbacks: Any, rank: int) -> dict[str, list[Callable[[Run], None]]]:
    """What to call at each moment, in the order of the list. TypeError for what is no callback.

    Of many processes that train together all are told, except by what writes files: that is done on rank 0.
    """
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks is a list of functions and objects; got {brief(callbacks)}")
    found: dict[str, list[Callable[[Run], None]]] = {moment: [] for moment in MOMENTS}
    for i, callback in enumerate(callbacks):
        methods = {moment: getattr(callback, moment) for moment in MOMENTS if hasattr(callback, moment)}
        if isinstance(callback, type) or not (methods or callable(callback)):
            raise TypeError(
                f"callbacks[{i}]={brief(callback)}: it is a function, to be called after each epoch, or an object with "
                f"some of the methods {', '.join(MOMENTS)}; each is called with the Run"
            )
        if rank and getattr(callback, "writes_files", False):
            continue
        name = getattr(callback, "__name__", "")  # that of a function may be a moment's too: nobody means another one
        for moment, method in (methods or {name if name in MOMENTS else "on_epoch": callback}).items():
            found[moment].append(in_good_order(method))
    return found


@contextmanager
def around(moments: dict[str, list[Callable[[Run], None]]], run: Run) -> Iterator[None]:
    """A `with` block that begins with `on_start` and ends, whatever happens, with `on_end`."""
    try:
        for call in moments["on_start"]:
            call(run)
        yield
    finally:
        for call in moments["on_end"]:
            call(run)


def stateful(callbacks: Any) -> dict[str, Any]:
    """The callbacks that keep something which a file is to hold, by the names they have there."""
    return {f"callbacks[{i}]": callback for i, callback in enumerate(callbacks) if is_stateful(callback)}


class Progress:
    """A line for each epoch on stderr; on a terminal, with tqdm, a bar that moves within it; in a notebook, curves.

    A `with` block, for a run that may go on from a checkpoint.
    """

    def __init__(self, on: bool, run: Run) -> None:
        self.on, self.run, self.bar, self.epoch = on, run, None, 0
        self.live: Live | None = None

    def __enter__(self) -> Self:
        taken = self.run.taken
        note = f"going on where the checkpoint is: {taken} steps are done" if taken else ""
        if self.on and in_notebook():
            self.live = Live(note)
            return self
        if self.on and note:
            print(note, file=sys.stderr)
        if self.on and sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ModuleNotFoundError:
                return self
            self.bar = tqdm(leave=False)
        return self

    def moves(self) -> list[Callable[[Run], None]]:
        """What is to be called after each batch."""
        return [self.step] if self.bar is not None or self.live is not None else []

    def step(self, run: Run) -> None:
        """Called after each batch."""
        if self.live is not None:
            self.live.step(run, f"epoch {run.epoch}/{run.epochs}: {said(run.means())}")
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
        if self.live is not None:
            self.live.line(run)
        elif self.on:
            if self.bar is not None:
                self.bar.clear()
            latest = {name: column[-1] for name, column in run.history.items()}
            epoch, seconds = latest.pop("epoch"), latest.pop("seconds")
            line = f"epoch {epoch}/{run.epochs}: {said(latest)} ({seconds:.1f} s)"
            print(printable(line, sys.stderr), file=sys.stderr)

    def __exit__(self, *error: object) -> None:
        if self.live is not None:
            self.live.end(self.run)
        if self.bar is not None:
            self.bar.close()


def said(measured: dict[str, float]) -> str:
    """Measures in a line."""
    return ", ".join(f"{name} {x:.4g}" for name, x in measured.items())
