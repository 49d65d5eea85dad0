"""What goes into a step and what comes out of it: stand-ins for arrays and numbers, and nodes for results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import zip_longest
from operator import is_
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from numpy import ndarray

from ..core import NO_PARAMS, Op, Value, new_value
from ..words import brief
from .nodes import Node, changed
from .traced import Host, Traced

if TYPE_CHECKING:
    from .tape import Tape


def arguments(tape: Tape, given: Any, as_one: bool) -> Any:
    """What the step is called with: stand-ins for arrays and floats, and Values as they are.

    Of an array that is handed in twice there are two, unless they are to be `as_one`.
    """
    seen: dict[int, Any] = {}

    def standing(x: Any) -> Any:
        if type(x) is not float and not isinstance(x, (ndarray, np.generic, Value)):
            return x
        if isinstance(x, ndarray) and type(x) is not ndarray:
            raise tape.error(f"a {type(x).__name__} is handed in. np.asarray(x) is a plain array")
        numbers = tape.examples(x)
        node = tape.add(Node("input", like=numbers, params={"name": f"x{len(tape.inputs)}"}))
        tape.inputs.append(node)
        if isinstance(x, ndarray) and as_one:
            return seen.setdefault(id(x), tape.stand_in(numbers, node))
        if not isinstance(x, Value):
            return tape.stand_in(numbers, node)
        if x.op is None:  # its numbers and its gradient are loaded, as those of a parameter
            tape.argument_of.setdefault(id(x), node)
            return x
        return tape.know(x, node)

    return changed(given, standing)


def called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, str | None]:
    """What the function returns, and which list or dict among these arguments it has changed, if one.

    These are copies with stand-ins in them: what is written there, the user's own would not get.
    """
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # there is none
        names = []
    named = [*zip_longest(names[: len(args)], args, fillvalue="an argument"), *kwargs.items()]
    before = [found for name, x in named for found in containers_in(name, x)]
    result = function(*args, **kwargs)
    for name, x, items in before:
        now = items_of(x)
        if len(now) != len(items) or not all(map(is_, now, items)):
            return result, name
    return result, None


def containers_in(name: str, x: Any) -> Iterator[tuple[str, Any, list[Any]]]:
    """The lists and dicts in an argument, each with what it is called and what is in it."""
    if type(x) in (list, dict):
        yield name, x, items_of(x)
    if type(x) in (list, dict, tuple):
        for key, part in x.items() if type(x) is dict else enumerate(x):
            yield from containers_in(f"{name}[{key!r}]", part)


def items_of(x: Any) -> list[Any]:
    """All that is in a list or a dict."""
    return [*x, *x.values()] if type(x) is dict else x.copy()


def outcome(tape: Tape, result: Any, history: Op) -> tuple[Any, Any, Any]:
    """What the step returned: as nodes, as it goes to the user, and the class of each Value, None elsewhere."""

    def is_made(x: Any) -> bool:
        return isinstance(x, Value) and (x.op is not None or id(x) in tape.node_of)

    def class_of(x: Any) -> Any:
        return type(x) if is_made(x) and not isinstance(x, Traced) else None

    def plain(x: Any) -> Any:
        if not is_made(x):
            return x
        kind = class_of(x)
        return new_value(kind, x._numbers, history, (), NO_PARAMS) if kind else x._numbers

    def of(x: Any) -> Any:
        if is_made(x):
            return tape.node(x)
        if isinstance(x, (tuple, list, dict, set, Iterator)) or hasattr(x, "__dataclass_fields__"):
            raise tape.error(f"it returns {brief(x)}. A program returns numbers, in tuples, lists and dicts")
        if type(x) is ndarray and not tape.around.knows(x):  # made in the step: another one in every call
            return tape.node(tape.called(np.array, (x,), {}))
        return x

    nodes = changed(result, of)
    return nodes, changed(result, plain), changed(result, class_of)


def cut(tape: Tape, history: Op) -> list[ref[Value]]:
    """Take the history of all that was computed, and put this in its place; what was computed."""
    stand_ins, computed = [], []
    for x in tape.alive:
        if type(x) in (Traced, Host):
            stand_ins.append(x)
        elif getattr(tape.node_of.get(id(x)), "kind", "") == "call":
            computed.append(x)
    made = stand_ins + computed
    for x in made:
        x.op, x.args = history, ()
    vars(tape).clear()  # a mode that is over may still hold the tape, and so all that it holds
    return [ref(x) for x in made]
