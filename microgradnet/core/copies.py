"""What copy, deepcopy and pickle make of Values and rows."""

from __future__ import annotations

import importlib
import operator
from typing import Any, Self

import numpy as np

from ..words import printable
from . import modes
from .conversion import copied
from .protocols import held
from .tables import FROZEN, NO_PARAMS, TABLE, fill
from .written import new_value


def parts_of_value(value: Any, history: Any) -> tuple[Any, ...]:
    """How a Value is copied: it is made anew, with an age of its own.

    It cannot bring its history along (the inputs would be other Values than the caller's): `history` is what stands
    for it, and says so when a sweep wants to go through it.
    """
    frozen = value.params is FROZEN
    modes.looked(value, "copying or pickling it")
    return revived, (type(value), modes.number(value), held(value.grad), value.name, history, frozen)


def revived(kind: Any, data: Any, grad: Any, name: str | None, history: Any, frozen: bool) -> Any:
    """A copied or unpickled Value."""
    value = new_value(kind, copied(data), history, (), FROZEN if frozen else NO_PARAMS)
    value.grad = None if grad is None else grad.copy()
    value.name = name
    return value


def detached(value: Any) -> Any:
    """A NonDiff of the same numbers, which may be bools or integers, without history."""
    return new_value(type(value), value._numbers.copy(), None, (), NO_PARAMS)


class Unique:
    """A row is one object in a process: a copied or unpickled model finds the same one again."""

    key: Any
    name: str
    home: tuple[str, str] | None = None  # of what is in no table, such as a user's row: its module and its name there

    def __reduce__(self) -> tuple[Any, ...]:
        key = self.key
        if self.home or isinstance(key, str):
            return find_row, self.home or (key,)
        if isinstance(key, np.ufunc):  # left to itself, pickle would look through all modules for it
            return find_row, ("numpy" if getattr(np, key.__name__, None) is key else "scipy.special", key.__name__)
        return find_row, (key.__module__, key.__name__)

    def __repr__(self) -> str:
        return printable(f"<Op {self.name}>")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


def find_row(key: Any, name: str | None = None) -> Any:
    """The row of `key`; or that of the function of this name in the module `key`."""
    if name is not None:
        key = operator.attrgetter(name)(importlib.import_module(key))
    for library in ("numpy", "scipy.special"):
        if not isinstance(key, Unique) and key not in TABLE:
            fill(library)
    return key if isinstance(key, Unique) else TABLE[key]
