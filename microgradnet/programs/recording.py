"""What a step recorded in one call, and whether two calls recorded the same program."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from ..core import Value
from ..words import brief, describe
from .nodes import Node
from .structure import Structure
from .surroundings import Surroundings


class Recording(NamedTuple):
    """The nodes of one call; what it returned, with nodes for numbers; its tape is closed."""

    nodes: list[Node]
    inputs: list[Node]
    result: Any
    classes: Any
    form: Any = None  # of containers that a program does not make; see compiled.taken_apart
    noticed: bool = True  # whether its calls were looked at; see impure

    def around(self) -> list[Surroundings]:
        """What the step reached by itself."""
        return [x for node in self.nodes if node.kind == "guard" for x in node.args if isinstance(x, Surroundings)]

    def difference(self, other: Recording) -> str | None:
        """The first thing in which another call recorded something else, in words; None if both are one program."""
        for earlier, later in zip(self.around(), other.around(), strict=False):
            found = earlier.difference(later)
            if found is not None:
                return found
        twin: dict[int, Node] = {}  # id of a node -> the one in its place in the other call

        def same(x: Any, y: Any) -> bool:
            if type(x) is not type(y):
                return False
            if type(x) is Node:
                return twin.get(id(x)) is y
            if type(x) in (tuple, list):
                return len(x) == len(y) and all(map(same, x, y))
            if type(x) is dict:
                return list(x) == list(y) and all(map(same, x.values(), y.values()))
            if type(x) is slice:
                return same((x.start, x.stop, x.step), (y.start, y.stop, y.step))
            if isinstance(x, float):
                return bool(x == y or (x != x and y != y))
            if isinstance(x, Value):  # in the groups of an optimiser: == compares the numbers
                return x is y
            if callable(x):
                return alike(x, y)
            if isinstance(x, (np.ndarray, np.generic)):
                return x is y or (x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f"))
            return isinstance(x, Surroundings) or bool(x == y)

        for mine, theirs in zip_longest(self.nodes, other.nodes):
            if mine is None or theirs is None:
                return f"nothing, and then {said(mine or theirs)}"
            twin[id(mine)] = theirs
            if mine is theirs:  # as most are: see Tape.add
                continue
            if (mine.kind, mine.shape, mine.dtype, mine.place) != (
                theirs.kind,
                theirs.shape,
                theirs.dtype,
                theirs.place,
            ):
                if mine.name == theirs.name and mine.shape != theirs.shape:
                    hint = OF_A_SHAPE if mine.name == "take" else ""
                    return f"{said(mine)} of shape {mine.shape}, and then of shape {theirs.shape}{hint}"
                return two(said(mine), said(theirs))
            if mine.held is not theirs.held and not same(mine.held, theirs.held):
                return f"{said(mine)} of {mine.held!r}, and then of {theirs.held!r}"
            if not alike(mine.function, theirs.function):
                return two(said(mine), said(theirs))
            if mine.function is Structure.holds and mine.args != theirs.args:
                return str(mine.args[0].difference(theirs.args[0]))
            if not same(mine.args, theirs.args) or not same(mine.params, theirs.params):
                return f"{two(*first_other(mine, theirs, same))}, in {said(mine)}"
        if not same(self.result, other.result):
            return "another result"
        return None


OF_A_SHAPE = ": each shape is a program of its own, and np.where(mask, x, 0) keeps one where x[mask] does not"


def alike(f: Callable[..., Any] | None, g: Callable[..., Any] | None) -> bool:
    """Whether two functions are one: the same object, or made by the same line with the same things around it."""
    if f is g:
        return True
    code = getattr(f, "__code__", None)
    if code is None or code is not getattr(g, "__code__", None):
        return f == g
    mine, theirs = ([cell.cell_contents for cell in getattr(x, "__closure__", None) or ()] for x in (f, g))
    return all(map(is_, mine, theirs)) and getattr(f, "__self__", None) is getattr(g, "__self__", None)


def said(node: Node) -> str:
    """A node, what it reads or writes, and the user's line that made it."""
    file, number, function = node.line[:3]
    owner = node.place.owner if node.place is not None else None
    of = f" of {describe(owner)}" if isinstance(owner, Value) else ""
    return f"{node.name}{of} at {file}:{number}, in {function}"


def two(before: str, after: str) -> str:
    """Two things that are not the same, in words."""
    return f"{before}, and then {after if after != before else 'another one'}"


def first_other(mine: Node, theirs: Node, same: Callable[[Any, Any], bool]) -> tuple[str, str]:
    """The first argument in which two nodes differ."""
    pairs = [
        *zip(mine.args, theirs.args, strict=False),
        *zip(mine.params.values(), theirs.params.values(), strict=False),
    ]
    for x, y in pairs:
        if not same(x, y):
            before, after = ("a result" if isinstance(z, Node) else brief(z) for z in (x, y))
            return before, after
    return "one thing", "another"
