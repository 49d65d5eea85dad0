"""What Modules hold beside their parameters, put back after every call: a check calls a function hundreds of times."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import tree
from ..core import Array, Value, modes
from ..programs.identities import MISSING
from ..programs.naming import in_library, is_library, names_in
from ..programs.reading import wrapped_in

Function = Callable[..., Any]
NOTHING: Any = object()


class Kept:
    """The state of Modules as it is when this is made: attributes, lists and dicts, arrays, generators.

    They are those in `things`, in what the functions among them are bound to, and in the variables and globals that
    the code of these names. BatchNorm's running statistics are such a state, and how far Dropout's generator is.
    As a `with` block it puts all of that back at the end, whatever happens inside.
    """

    def __init__(self, *things: Any) -> None:
        self.holders: list[tuple[Any, Any]] = []  # dicts and lists, each with a copy
        self.arrays: list[tuple[Array, Array]] = []
        self.generators: list[tuple[np.random.Generator, Any, str]] = []  # with the Module that draws from it
        self.drew: dict[str, None] = {}  # Modules whose generators were found to have moved
        self.seen: set[int] = set()
        for thing in things:
            for x in reached(thing):
                for _, owner in tree.walk(x):
                    if not isinstance(owner, Value):
                        self.note(owner, owner)

    def note(self, x: Any, owner: Any) -> None:
        """Remember what `x`, which a Module holds, is like, and what it holds."""
        if id(x) in self.seen:
            return
        kind = tree.KIND_OF[type(x)]
        if isinstance(x, np.ndarray):
            if x.flags.writeable:
                self.arrays.append((x, x.copy()))
        elif isinstance(x, np.random.Generator):
            self.generators.append((x, x.bit_generator.state, type(owner).__name__))
        elif kind is not None:
            holder = x if isinstance(x, (list, dict)) else getattr(x, "__dict__", {})
            self.holders.append((holder, holder.copy()))
            self.seen.add(id(x))
            for _, part in kind.children(x):
                self.note(part, x if kind.owner else owner)
            return
        else:
            return
        self.seen.add(id(x))

    def put_back(self) -> None:
        """Let everything be as it was."""
        for holder, was in self.holders:
            if not is_same(holder, was):
                if isinstance(holder, dict):
                    holder.clear()
                    holder.update(was)
                else:
                    holder[:] = was
                modes.changed()
        for x, numbers in self.arrays:
            x[...] = numbers
        for generator, state, name in self.generators:
            if name not in self.drew and generator.bit_generator.state != state:
                self.drew[name] = None
            generator.bit_generator.state = state

    def around(self, f: Function) -> Function:
        """`f`, which finds and leaves everything as it was in each call."""
        if not self.holders:
            return f

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return f(*args, **kwargs)
            finally:
                self.put_back()

        return call

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self.put_back()  # again: Ctrl-C may have come while a call did


def is_same(holder: Any, was: Any) -> bool:
    """Whether a list or dict holds the very things that its copy does."""
    if len(holder) != len(was):
        return False
    if isinstance(was, dict):
        return all(holder.get(key, NOTHING) is part for key, part in was.items())
    return all(x is y for x, y in zip(holder, was, strict=True))


def reached(thing: Any) -> Iterator[Any]:
    """`thing`, or if it is a function what it uses without being handed it.

    Of what is no function, container or Module these are the attributes: the Module of a `trainer` in `trainer.loss`.
    """
    left, seen = [thing], dict[int, Any]()
    while left:
        x = left.pop()
        if id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, functools.partial):
            left += [x.func, x.args, x.keywords]
        elif isinstance(x, types.MethodType):
            left += [x.__self__, x.__func__]
        elif isinstance(x, types.FunctionType):
            left += held_by(x)
        elif tree.KIND_OF[type(x)] is not None:
            yield x
        elif not isinstance(x, (type, types.ModuleType)):
            left += [wrapped] if (wrapped := wrapped_in(x)) is not MISSING else []
            if not is_library(type(x)):
                yield list(getattr(x, "__dict__", {}).values())


def held_by(f: types.FunctionType) -> list[Any]:
    """What stands in the variables around a function, in its defaults and in the globals that its code names.

    Of this package's and other libraries' functions, the variables alone: what `grad` returns holds the user's there.
    """
    found = [f.__defaults__, f.__kwdefaults__]
    for cell in f.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # a variable that has no value yet
            continue
    names = {} if in_library(f.__code__.co_filename) else names_in(f.__code__).variables
    return found + [f.__globals__[name] for name in names if name in f.__globals__]
