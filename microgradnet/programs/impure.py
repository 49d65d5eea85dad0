"""Calls that a program could not make again: they read a clock, a file or the keyboard, or print.

While a step is recorded, Python tells of every call (`sys.setprofile`), unless a profiler of the user's is at work.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from .nodes import Uncompilable
from .surroundings import in_library

CLOCKS = (
    time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns,
    time.process_time, time.process_time_ns, datetime.datetime.now, datetime.date.today, os.urandom,
)  # fmt: skip
INSTEAD: dict[Any, str] = {
    **dict.fromkeys(CLOCKS, "Call it outside, and pass what it says as an argument"),
    print: "Return what is to be printed, and print it outside",
    input: "Ask outside, and pass the answer as an argument",
    open: "Read outside, and pass what is in the file as an argument",
}


@contextlib.contextmanager
def noticed() -> Iterator[None]:
    """A block in which such a call of the user's program is an Uncompilable."""
    if sys.getprofile() is not None:
        yield
        return
    sys.setprofile(notice)
    try:
        yield
    finally:
        sys.setprofile(None)


@contextlib.contextmanager
def unnoticed() -> Iterator[None]:
    """A block of a call that the program makes again: it may do what it likes."""
    if sys.getprofile() is not notice:
        yield
        return
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(notice)


def notice(frame: Any, event: str, function: Any) -> None:
    """Called at every call."""
    if event == "c_call" and function in INSTEAD and not in_library(frame.f_code.co_filename):
        sys.setprofile(None)
        raise Uncompilable(
            f"{function.__name__}() in a compiled step: from the third call on it runs as a program, which does not "
            f"call it. {INSTEAD[function]}. This is at {frame.f_code.co_filename}:{frame.f_lineno}, in "
            f"{frame.f_code.co_name}"
        )
