"""Calls that a program could not make again: they read a clock, a file or the keyboard, or print.

While a step is recorded, Python tells of every call (`sys.setprofile`), unless a profiler of the user's is at work. In
a step of many thousands of calls that takes longer than all else: there, after the first few thousand, it does so only
if the code that was found has the name of such a function in it. Of two calls that record the same it does so in one.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from ..core import modes
from .naming import in_library
from .nodes import Node, Uncompilable
from .surroundings import Surroundings

MANY = 2000

CLOCKS = (
    time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns,
    time.process_time, time.process_time_ns, datetime.datetime.now, datetime.date.today, os.urandom,
)  # fmt: skip
LOGGED = logging.Logger._log.__code__  # of a message that is not below the level
INSTEAD: dict[Any, str] = {
    **dict.fromkeys(CLOCKS, "Call it outside, and pass what it says as an argument"),
    print: "Return what is to be printed, and print it outside; or mg.host_call(print, x)",
    input: "Ask outside, and pass the answer as an argument",
    open: "Read outside, and pass what is in the file as an argument",
}
NAMES = {"write", "debug", "info", "warning", "error", "exception", "critical", "log"}  # of files and loggers
NAMES |= {function.__name__ for function in INSTEAD}


@contextlib.contextmanager
def noticed(around: Surroundings, nodes: list[Node]) -> Iterator[None]:
    """A block in which such a call of the user's program is an Uncompilable; it records `nodes`."""
    if sys.getprofile() is not None:
        yield
        return
    first = sys.maxsize if around.uses(INSTEAD, NAMES) else MANY

    def notice(frame: Any, event: str, function: Any) -> None:
        """Called at every call."""
        if not modes.on:  # Ctrl-C came just where the block ended
            sys.setprofile(None)
        elif event == "c_call":
            if function in INSTEAD or function.__name__ == "write":
                refuse(frame, function)
        elif event == "call" and frame.f_code is LOGGED:
            raise refused(frame, "logging", "Return what is to be logged; or mg.host_call(logger.info, text, x)")
        elif len(nodes) > first:
            sys.setprofile(None)

    sys.setprofile(notice)
    try:
        yield
    finally:
        sys.setprofile(None)


@contextlib.contextmanager
def unnoticed() -> Iterator[None]:
    """A block of a call that the program makes again: it may do what it likes."""
    before = noticing()
    if before is None:
        yield
        return
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(before)


def noticing() -> Any:
    """What Python tells of every call, if it is we whom it tells."""
    profile = sys.getprofile()
    return profile if getattr(profile, "__module__", "") == __name__ else None


def refuse(frame: Any, function: Any) -> None:
    """Uncompilable, if it is the user's program that makes such a call."""
    written = function not in INSTEAD
    if in_library(frame.f_code.co_filename) or (written and not isinstance(function.__self__, io.IOBase)):
        return
    instead = "Return what is to be written; or mg.host_call(file.write, text)" if written else INSTEAD[function]
    raise refused(frame, function.__name__, instead)


def refused(frame: Any, name: str, instead: str) -> Uncompilable:
    """The error for a call, in the line of the user's that it comes from; raised in `notice`, it ends the noticing."""
    while frame.f_back is not None and in_library(frame.f_code.co_filename):
        frame = frame.f_back
    error = Uncompilable(
        f"{name}() in a compiled step: from the third call on it runs as a program, which does not call it. {instead}. "
        f"This is at {frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}"
    )
    modes.taped().refused = error
    return error
