"""What Modules hold beside their parameters, put back after every call: a check calls a function hundreds of times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..core import Array, modes
from ..programs.finding import Found

Function = Callable[..., Any]
NOTHING: Any = object()


class Kept:
    """The state of Modules as it is when this is made: attributes, lists and dicts, arrays, generators.

    They are those in `things`, and those that functions among them reach without being handed them. BatchNorm's running
    statistics are such a state, and how far Dropout's generator is. As a `with` block it puts all of that back at the
    end, whatever happens inside.
    """

    def __init__(self, *things: Any) -> None:
        self.holders: list[tuple[Any, Any]] = []  # dicts and lists, each with a copy
        self.arrays: list[tuple[Array, Array]] = []
        self.generators: list[tuple[np.random.Generator, Any, str]] = []  # with the Module that draws from it
        self.drew: dict[str, None] = {}  # Modules whose generators were found to have moved
        self.seen: set[int] = set()
        for _, x in Found(None, list(things)).objects:
            if (kind := tree.KIND_OF[type(x)]) is not None and kind.owner:
                self.note(x, x)

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
