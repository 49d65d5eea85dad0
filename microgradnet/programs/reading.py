"""How parts of a user's things are read: of objects, classes, dicts and variables, MISSING for what is not there."""

from __future__ import annotations

import inspect
import threading
import types
from typing import Any

from .identities import MISSING


def home_of(kind: type, attribute: str) -> tuple[Any, Any]:
    """The class in which an attribute is found, and what it is there; for what is itself a class, its class's too."""
    for home in (*kind.__mro__, *type.mro(type(kind))):
        if attribute in vars(home):
            return home, vars(home)[attribute]
    return None, MISSING


def own_of(x: Any) -> Any:
    """The dict of an object, if it has one of its own."""
    try:
        return () if isinstance(x, threading.local) else x.__dict__
    except Exception:  # a __getattr__ of the user's may raise anything
        return ()


def wrapped_in(x: Any) -> Any:
    """The function around which an object is, if it says so: not what a `__getattr__` answers to every name."""
    try:
        return MISSING if inspect.getattr_static(x, "__wrapped__", MISSING) is MISSING else x.__wrapped__
    except Exception:  # as above
        return MISSING


def items_of(holder: Any, names: list[str]) -> tuple[Any, ...]:
    """The items of a dict under these names."""
    return tuple([holder.get(name, MISSING) for name in names])


def shared_of(kind: type, attribute: str) -> Any:
    """An attribute of a class, of a method for classes the function."""
    found = getattr(kind, attribute, MISSING)
    return found.__func__ if isinstance(found, types.MethodType) else found


def contents_of(cells: tuple[types.CellType, ...]) -> tuple[Any, ...]:
    """What variables around a function hold."""
    found = []
    for cell in cells:
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append(MISSING)
    return tuple(found)
