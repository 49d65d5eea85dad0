"""no_grad and debug mode: what is in force while something is recorded.

Both are of a thread (or task) of their own; `on` counts those that are on anywhere, so that recording pays no more than
one look at it when none is.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from .tables import NO_PARAMS

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
on: int = 0
counting: threading.Lock = threading.Lock()
RECORDING: ContextVar[bool] = ContextVar("recording", default=True)
WATCHER: ContextVar[Any] = ContextVar("watcher", default=None)


class Mode(contextlib.ContextDecorator):
    """Sets a variable for the length of a `with` block or of a decorated function; may be entered again inside."""

    def __init__(self, variable: ContextVar[Any], setting: Any) -> None:
        self.variable: ContextVar[Any] = variable
        self.setting: Any = setting
        self.tokens: list[Any] = []

    def __enter__(self) -> None:
        global on
        self.tokens.append(self.variable.set(self.setting))
        with counting:
            on += 1

    def __exit__(self, *error: object) -> None:
        global on
        with counting:
            on -= 1
        self.variable.reset(self.tokens.pop())

    def _recreate_cm(self) -> Mode:  # a decorated function may run in several threads at once: a Mode for each call
        return Mode(self.variable, self.setting)

    def __call__(self, function: Decorated) -> Decorated:
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is a generator: its body runs after the decorator is done. Put the with block "
                f"inside it, with no yield in the block"
            )
        if not inspect.iscoroutinefunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        async def inner(*args: Any, **kwargs: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **kwargs)

        return inner  # type: ignore[return-value]


def no_grad() -> Mode:
    """A `with` block, or a decorator, in which nothing is recorded: every result is a Value without history.

    For evaluation, and for updates written out: results need no more memory than their numbers. It holds for what runs
    inside, in this thread or task; a generator must not yield inside the block, its caller would not record either.

    >>> from microgradnet import Value
    >>> w = Value(2.0)
    >>> with no_grad():
    ...     y = w * w
    >>> y.backward()
    >>> w.grad is None
    True
    """
    return Mode(RECORDING, False)


def recording() -> Mode:
    """The opposite of `no_grad`, for what must record whoever calls it."""
    return Mode(RECORDING, True)


def watched_pull() -> Any:
    """What a sweep calls in place of `node.op.pull` while something follows it, such as debug mode; most often None."""
    watcher = WATCHER.get() if on else None
    return watcher and watcher.of_a_sweep()


def observe(value: Any) -> None:
    """What the modes do to a Value just recorded."""
    if not RECORDING.get():
        value.op, value.args, value.params = None, (), NO_PARAMS
    elif (watching := WATCHER.get()) is not None:
        watching.made(value)
