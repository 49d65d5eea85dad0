"""Calls that a program could not make again: they read a clock, a file or the keyboard, print, or run code from text.

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
import pickle
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import modes
from .naming import in_library
from .nodes import Node, Uncompilable
from .surroundings import Surroundings

MANY = 2000

CLOCKS = (
    time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns,
    time.process_time, time.process_time_ns, time.localtime, time.gmtime, time.ctime, time.strftime,
    datetime.datetime.now, datetime.date.today, os.urandom,
)  # fmt: skip
LOOKED_UP = (  # os.path.exists calls the first of them, Path.glob the last
    os.stat, os.lstat, os.access, os.getcwd, sys.getrecursionlimit, os.listdir, os.scandir,
)  # fmt: skip
WRITE_OUTSIDE = "Return what is to be written; or mg.host_call(file.write, text)"
LOOK_OUTSIDE = "Look it up outside, and pass what is found as an argument"
WRITE_OUT = "Write out what it computes: what the names in a text come to mean is not noticed"
INSTEAD: dict[Any, str] = {
    **dict.fromkeys(CLOCKS, "Call it outside, and pass what it says as an argument"),
    **dict.fromkeys(LOOKED_UP, LOOK_OUTSIDE),
    **dict.fromkeys((eval, exec), WRITE_OUT),
    print: "Return what is to be printed, and print it outside; or mg.host_call(print, x)",
    input: "Ask outside, and pass the answer as an argument",
    **dict.fromkeys((open, pickle.load), "Read outside, and pass what is in the file as an argument"),
    pickle.dump: WRITE_OUTSIDE,
}
WRITING = {"write", "writerow", "writerows", "execute", "executemany"}  # of files, of csv and of databases
ENVIRONMENT: Any = type(os.environ)
CODES: dict[Any, tuple[str, str]] = {  # of functions that are written in Python
    logging.Logger._log.__code__: (  # of a message that is not below the level
        "logging", "Return what is to be logged; or mg.host_call(logger.info, text, x)",
    ),
    ENVIRONMENT.__getitem__.__code__: ("os.environ", LOOK_OUTSIDE),
    np.geterr.__code__: ("np.geterr()", LOOK_OUTSIDE),
}  # fmt: skip
THROUGH = {  # modules of which functions call those for others: np.load, Path.read_text, pprint, uuid4
    "os", "genericpath", "posixpath", "ntpath", "pathlib", "glob", "shutil", "tempfile", "collections", "logging",
    "numpy", "json", "pprint", "uuid", "secrets", "random",
}  # fmt: skip
NAMES = {*WRITING, "debug", "info", "warning", "error", "exception", "critical", "log"}  # of files and loggers
NAMES |= {"exists", "isfile", "isdir", "getsize", "getmtime", "is_file", "is_dir", "glob", "rglob", "iterdir", "walk"}
NAMES |= {"load", "loadtxt", "save", "savez", "savetxt", "read_text", "read_bytes", "dump", "pprint", "pp", "uuid4"}
NAMES |= {"environ", "getenv", "geterr", *(function.__name__ for function in INSTEAD)}


@contextlib.contextmanager
def noticed(around: Surroundings, nodes: list[Node]) -> Iterator[None]:
    """A block in which such a call of the user's program is an Uncompilable; it records `nodes`."""
    if sys.getprofile() is not None:
        yield
        return
    yielding = around.yielding()
    first = sys.maxsize if yielding or around.uses(INSTEAD, NAMES) else MANY

    def notice(frame: Any, event: str, function: Any) -> None:
        """Called at every call."""
        if not modes.on:  # Ctrl-C came just where the block ended
            sys.setprofile(None)
        elif event == "c_call":
            if function in INSTEAD:
                refuse(frame, f"{function.__name__}()", INSTEAD[function])
            elif function.__name__ in WRITING and is_file(function.__self__, frame):
                refuse(frame, f"{function.__name__}()", WRITE_OUTSIDE)
        elif event == "call" and frame.f_code in CODES:
            refuse(frame.f_back, *CODES[frame.f_code])
        elif event == "call" and frame in yielding:
            around.taken.add(yielding[frame])
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


def is_file(x: Any, frame: Any) -> bool:
    """Whether it is a file, or what writes to one for others; not what a library keeps in memory, as pformat does."""
    if isinstance(x, (io.StringIO, io.BytesIO)):
        return not in_library(frame.f_code.co_filename)
    return isinstance(x, io.IOBase) or type(x).__module__ in ("_csv", "sqlite3")


def refuse(frame: Any, name: str, instead: str) -> None:
    """Uncompilable, if it is the user's program that makes such a call; raised in `notice`, it ends the noticing."""
    through = () if instead is WRITE_OUT else THROUGH  # the text that namedtuple runs is its own
    while frame.f_globals.get("__name__", "").partition(".")[0] in through:
        name = f"{frame.f_code.co_name}()" if name.endswith("()") else name
        frame = frame.f_back
    if in_library(frame.f_code.co_filename):
        return
    error = Uncompilable(
        f"{name} in a compiled step: from the third call on it runs as a program, which does not call it. {instead}. "
        f"This is at {frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}"
    )
    modes.taped().refused = error
    raise error
