"""What the functions of a training are, in short, to tell whether they are those that it began with."""

from __future__ import annotations

import functools
import sys
import types
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..optim import LRScheduler
from .sources import fingerprint

HERE = __name__.partition(".")[0]
PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"  # in another one the same function has other code


def likenesses(functions: Mapping[str, Any]) -> dict[str, str]:
    """The likeness of each, under a name that says what it is."""
    return {f"{name} (code in {PYTHON})": likeness(f) for name, f in functions.items()}


def likeness(f: Any) -> str:
    """A checksum of what a function does: of its code, its defaults, and the numbers, arrays and functions in these and
    in what it closes over. Of an object it is that of the method it is called by, and of its attributes.

    What is kept in lists, dicts, Values and other objects does not count: it may change while a training runs.
    """
    return f"{zlib.crc32(repr([parts(f, set()), *attributes(f)]).encode()):08x}"


def parts(x: Any, seen: set[int]) -> Any:
    """What makes `x` what it is, as something to print."""
    if x is None or isinstance(x, bool | int | float | complex | str | bytes):
        return repr(x)
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biuf":
        return fingerprint(np.asarray(x))
    if id(x) in seen:  # a function that calls itself
        return None
    seen.add(id(x))
    if isinstance(x, types.FunctionType) and not is_ours(x):
        inside: list[Any] = [x.__code__, x.__defaults__, *(x.__kwdefaults__ or {}).items(), *closed_over(x)]
    elif isinstance(x, types.CodeType):
        inside = [x.co_code, x.co_names, x.co_consts]
    elif isinstance(x, functools.partial):
        inside = [x.func, x.args, *x.keywords.items()]
    elif isinstance(x, types.MethodType):
        inside = [x.__func__]
    elif isinstance(x, frozenset):
        inside = sorted(x, key=repr)
    elif isinstance(x, tuple):
        inside = [*x]
    else:
        return getattr(x, "__qualname__", type(x).__qualname__)
    return [parts(part, seen) for part in inside]


def is_ours(function: types.FunctionType) -> bool:
    """Whether a function is of this package: its name says all, and in the next version too."""
    return (function.__module__ or "").partition(".")[0] == HERE


def closed_over(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it has not been assigned to yet
            yield None


def attributes(f: Any) -> Iterator[Any]:
    """What else makes an object what it is."""
    if isinstance(f, types.MethodType):
        f = f.__self__
    if hasattr(f, "__dict__") and not isinstance(f, types.FunctionType | types.ModuleType | type):
        for name in ("forward", "__call__"):
            yield parts(getattr(type(f), name, None), set())
        for name, x in vars(f).items():
            yield name, parts(x, set())


def functions_of(scheduler: Any) -> tuple[Any, ...]:
    """The functions that a schedule was made with, such as those of a LambdaLR. They are no part of its state."""
    found: list[Any] = []
    for x in vars(scheduler).values() if isinstance(scheduler, LRScheduler) else ():
        for part in x if isinstance(x, list | tuple) else [x]:
            found += functions_of(part) if isinstance(part, LRScheduler) else [part] * callable(part)
    return tuple(found)
