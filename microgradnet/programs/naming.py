"""The names in the code of functions, and whose code it is."""

from __future__ import annotations

import dis
import functools
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..core import Value

OURS = str(Path(__file__).parent.parent)
STANDARD = sysconfig.get_path("stdlib")
MAKING = {"__init__", "__new__", "__post_init__"}  # of an object that is there already nobody calls them
# Nor these, but to show it or to keep it; `__eq__` is called where the code compares.
SELDOM = {
    "__repr__", "__str__", "__eq__", "__ne__", "__hash__", "__del__", "__dir__", "__sizeof__", "__init_subclass__",
    "__set_name__", "__class_getitem__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__",
}  # fmt: skip
ASKING = {"getattr", "hasattr", "setattr", "vars", "__dict__"}
COMPARING = {"__eq__", "__ne__"}


class Names(NamedTuple):
    """The names in a function's code, and in that of the functions inside it."""

    variables: dict[str, None]  # globals and builtins
    attributes: set[str]
    asked: set[str]  # attributes that may not be there
    stored: set[str]  # attributes that are assigned
    operators: set[str]  # `is`, if two things are compared so of which neither is None


@functools.lru_cache
def names_in(code: types.CodeType) -> Names:
    """The global names in a function's code and in that of the functions inside it, and the names of attributes."""
    found = Names({}, set(), set(), set(), set())
    before: Any = None
    asking: set[int | None] = set()  # lines in which attributes are asked for by names that are strings
    strings: list[tuple[str, int | None]] = []
    for step in dis.get_instructions(code):
        line = step.positions.lineno if step.positions else None
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            found.variables[step.argval] = None
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR"):
            found.attributes.add(step.argval)
        elif step.opname == "CONTAINS_OP" or (step.opname == "COMPARE_OP" and step.argval in ("==", "!=")):
            found.attributes.update(COMPARING)
        elif isinstance(step.argval, str) and step.opname == "LOAD_CONST":
            strings.append((step.argval, line))
        if step.opname == "STORE_ATTR" and step.argval not in vars(Value):
            found.stored.add(step.argval)
        if step.argval in ASKING:
            asking.add(line)
        if step.opname == "IS_OP" and (before.opname, before.argval) != ("LOAD_CONST", None):
            found.operators.add("is")
        before = step
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.isidentifier():  # of a getattr
            found.attributes.add(constant)
        if isinstance(constant, types.CodeType):
            inside = names_in(constant)
            found.variables.update(inside.variables)
            for mine, more in zip(found[1:], inside[1:], strict=True):
                mine.update(more)
    found.asked.update(name for name, line in strings if line in asking)
    if "type" in found.variables or "__class__" in found.attributes:  # type(x)(…) makes another one
        found.attributes.update(MAKING)
    return found


def special_names(kind: type, made: bool) -> Iterator[str]:
    """What Python calls of a class without its name being in the code: operators, `__call__`; `__init__` if `made`."""
    for cls in kind.__mro__:
        for name, part in vars(cls).items():
            is_code = type(part) in (types.FunctionType, staticmethod, classmethod)
            if is_code and name.startswith("__") and name not in SELDOM and (made or name not in MAKING):
                yield name


def overriding_names(kind: type) -> Iterator[str]:
    """What a class of the user's has in place of what a library's class has from which it is derived."""
    theirs = [home for home in kind.__mro__ if is_library(home) and home is not object]
    for home in kind.__mro__ if theirs else ():
        if home is not object and home not in theirs:
            yield from (name for name in vars(home) if name[:2] != "__" and any(name in vars(x) for x in theirs))


@functools.cache
def in_library(file: str) -> bool:
    """Whether a file is of this package, of Python or of something installed: it is no part of a user's program."""
    return file.startswith((OURS, STANDARD, "<__array_function__", "<frozen")) or "site-packages" in Path(file).parts


def is_library(x: Any) -> bool:
    """Whether a module, or a class, is of this package, of Python or something installed; what is typed in is not."""
    home = x if isinstance(x, types.ModuleType) else sys.modules.get(getattr(x, "__module__", ""))
    file = getattr(home, "__file__", None)
    if file is not None:
        return in_library(file)
    name = str(getattr(home, "__name__", "builtins"))
    return name.partition(".")[0] in sys.stdlib_module_names


def is_foreign(x: Any) -> bool:
    """Whether a class or module is of Python's library or of something installed, but not of this package or NumPy."""
    if x is None or not is_library(x):
        return False
    return str(x.__name__ if type(x) is types.ModuleType else x.__module__).partition(".")[0] not in KNOWN


KNOWN = (__name__.partition(".")[0], "numpy", "builtins")
