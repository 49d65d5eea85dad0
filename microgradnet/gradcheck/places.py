"""Where the numbers live in the arguments of a function and in its results: found, named, written and copied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..core import Array, Value, numbers


class Place(NamedTuple):
    """A Value among the arguments: an array that a gradient is checked of."""

    name: str
    value: Value

    def read(self) -> Array:
        """A copy of the numbers."""
        return np.array(self.value._numbers)

    def write(self, x: Array) -> None:
        """Put other numbers there, unnoticed by what has used the Value."""
        self.value._numbers = x.copy()[()]


def places_in(f: Callable[..., Any], args: Sequence[Any]) -> list[Place]:
    """Every Value in the arguments of `f`, named after the argument and the way to it there; no two names are equal.

    What a Module holds is named as the Module names it.
    """
    import inspect  # slow to import

    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        names = []
    found: dict[str, Value] = {}
    for i, argument in enumerate(args):
        name = names[i] if i < len(names) and names[i] not in ("args", "kwargs") else f"argument {i}"
        is_owner = any(not isinstance(x, Value) for _, x in tree.walk(argument, deep=False))
        for path, x in tree.walk(argument, "" if is_owner else name):
            if type(x) is Value:
                while path in found:  # of two Modules, say
                    path += "′"
                found[path] = x
    return [Place(name, value) for name, value in found.items()]


def is_array(x: Any) -> bool:
    """Whether `x` is an array written out: a list of numbers, or of such lists."""
    return isinstance(x, list) and bool(x) and all(isinstance(part, int | float) or is_array(part) for part in x)


def floats(x: Any) -> list[Any]:
    """The floating-point numbers, arrays and Values in a structure, in order."""
    return [part for part in tree.spots(x) if tree.is_floating(part)]


def gradients_in(args: Iterable[Any], gradients: Iterable[Any]) -> list[Any]:
    """What a gradient, in the structure of each argument, has where the arguments vary."""
    pairs = [pair for x, gx in zip(args, gradients, strict=False) for pair in tree.leaves(x, gx)]
    return [g for part, g in pairs if tree.is_floating(part)]


def wide(x: Any) -> Array:
    """The numbers of `x` in float64, in memory of their own."""
    return np.array(numbers(x), dtype=np.float64)


def in_float64(args: Sequence[Any], make: Callable[[Array], Any]) -> list[Any]:
    """Copies of arguments with `make(array in float64)` in place of each float, and new parameters in Modules."""
    known: dict[int, Any] = {}  # a parameter that stands twice is one

    def leaf(x: Any, inside: bool) -> Any:
        if not inside:
            return make(wide(x)) if tree.is_floating(x) else x
        if not tree.is_parameter(x):
            return x
        if id(x) not in known:
            known[id(x)] = tree.like(x, wide(x))
        return known[id(x)]

    return [tree.rebuild(x, leaf) for x in args]


def bare(args: Sequence[Any]) -> list[Any]:
    """The arguments with the very numbers of each Value in its place, but in Modules."""
    return [tree.rebuild(x, lambda x, inside: numbers(x) if tree.is_floating(x) and not inside else x) for x in args]
