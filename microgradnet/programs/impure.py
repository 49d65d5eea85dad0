"""Calls that a program could not make again: they read a clock, a file or the keyboard, or print.

While a step is recorded, Python tells of every call (`sys.setprofile`), unless a profiler of the user's is at work. In
a step of many thousands of calls that takes longer than all else: there, after the first few thousand, it does so only
if the code that was found has the name of such a function in it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from .nodes import Node, Uncompilable
from .surroundings import Surroundings, in_library

MANY = 5000

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
def noticed(around: Surroundings, nodes: list[Node]) -> Iterator[None]:
    """A block in which such a call of the user's program is an Uncompilable; it records `nodes`."""
    if sys.getprofile() is not None:
        yield
        return
    first = sys.maxsize if around.uses(INSTEAD) else MANY

    def notice(frame: Any, event: str, function: Any) -> None:
        """Called at every call."""
        if event == "c_call" and function in INSTEAD:
            refuse(frame, function)
        elif len(nodes) > first:
            sys.setprofile(None)

    sys.setprofile(notice)
    try:
        yield
    finally:
        sys.setprofile(None)


def refuse(frame: Any, function: Any) -> None:
    """Uncompilable, if it is the user's program that makes such a call."""
    if not in_library(frame.f_code.co_filename):
        sys.setprofile(None)
        raise Uncompilable(
            f"{function.__name__}() in a compiled step: from the third call on it runs as a program, which does not "
            f"call it. {INSTEAD[function]}. This is at {frame.f_code.co_filename}:{frame.f_lineno}, in "
            f"{frame.f_code.co_name}"
        )
