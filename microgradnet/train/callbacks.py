"""What is told of each batch and each epoch of a run: the functions of the program, and what shows how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from ..saving.states import is_stateful
from ..words import brief, printable
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


MOMENTS = ("on_start", "on_batch", "on_epoch", "on_end")


def by_moment(callbacks: Any, rank: int = 0) -> dict[str, list[Callable[[Run], None]]]:
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
        for moment, method in (methods or {"on_epoch": callback}).items():
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
