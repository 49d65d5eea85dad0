"""What is assigned to a Module: a parameter gets its name; what only looks like one, and would not learn, is told."""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections import deque
from typing import Any

import numpy as np

from ..core import Value
from ..tree import KIND_OF, is_parameter, walk

FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial, np.ufunc)
NUMBERS = (np.ndarray, np.generic, int, float, complex)


def name_by(path: str, value: Value) -> None:
    """Name a parameter by its path, unless it has a name that is not the end of it."""
    if value.name is None or path.endswith("." + value.name):
        value.name = path


def check_assigned(owner: Any, name: str, was: Any, part: Any) -> None:
    """Look at what is assigned where `was` is; called by the `__setattr__` of the owner.

    Plain numbers in place of a parameter are a TypeError, and a function in place of `forward`. A Value that was
    computed is no parameter: a warning says so where it takes the place of one, or `__init__` makes it of a new one.
    Nor is one inside of something that is no container.
    """
    place = f"{type(owner).__name__}.{name}"
    if name == "forward" and isinstance(part, FUNCTIONS) and hasattr(type(owner).__call__, "__wrapped__"):
        raise TypeError(
            f"{place} is what the class does: a function that one object has in its place would not be called. "
            f"class Mine({type(owner).__name__}): def forward(self, x): … has another for all; "
            f"register_forward_hook(hook) changes what one object returns"
        )
    replaces = isinstance(was, Value) and is_parameter(was)
    if replaces and is_plain(part):
        raise TypeError(
            f"{place} is a parameter, and a plain {type(part).__name__} would be none. {name}.data = array gives it "
            f"other numbers, {name} = Value(array) puts another parameter in its place, {name} = None takes it away"
        )
    if replaces and is_computed(part):
        way = f"It was a parameter: {name}.data = array moves that, and it stays one"
    elif sys._getframe(2).f_code.co_name == "__init__" and (found := scaled(part)) is not None:
        part, way = found, "Compute with a plain array first, and make that a Value: Value(0.1 * array)"
    else:
        if KIND_OF[type(part)] is None and any(map(is_new, inside(part))):
            warn_of_hidden(place, f"is a {type(part).__name__}, inside of which", "Make it a Module or a dataclass")
        return
    warnings.warn(
        f"{place} is computed, by {part.op.name}, so it is no parameter, and no optimiser moves it. {way}",
        RuntimeWarning,
        stacklevel=3,
    )


def check_class(kind: type) -> None:
    """Look at what a class of Modules has itself: a Value there belongs to no Module."""
    for name, x in vars(kind).items():
        if is_new(x) and name not in vars(kind).get("__annotations__", ()):  # such as a default of a dataclass
            warn_of_hidden(
                f"{kind.__name__}.{name}", "is of the class, where", f"self.{name} = … in __init__ makes it one"
            )


def warn_of_hidden(place: str, where: str, way: str) -> None:
    """Warn of Values that no optimiser will move."""
    warnings.warn(
        f"{place} {where} no parameters are looked for: the Values there are none. {way}, or keep them in a list or a "
        f"dict",
        RuntimeWarning,
        stacklevel=4,
    )


def inside(part: Any) -> list[Any]:
    """What is in a deque, a set, or the attributes of an object of the user's; nothing of other things."""
    if isinstance(part, (deque, set, frozenset)):
        return list(part)
    return list(getattr(part, "__dict__", {}).values())


def is_new(x: Any) -> bool:
    """Whether something is a Value that could be a parameter, and is none of another Module, which would name it."""
    return isinstance(x, Value) and is_parameter(x) and x.name is None


def is_plain(part: Any) -> bool:
    """Whether something is numbers alone: a list of Values or Modules is not."""
    return isinstance(part, NUMBERS) or (isinstance(part, (list, tuple)) and not any(walk(part)))


def is_computed(part: Any) -> bool:
    """Whether something is the result of an operation."""
    return isinstance(part, Value) and part.op is not None and not is_parameter(part)


def scaled(part: Any) -> Any:
    """What was computed of nothing but Values that nobody has named, as 0.1 * Value(array); of a list, the first."""
    for x in part if isinstance(part, (list, tuple)) else [part]:
        values = [y for y in x.args if isinstance(y, Value)] if is_computed(x) else []
        if values and all(is_parameter(y) and y.name is None for y in values):
            return x
    return None
