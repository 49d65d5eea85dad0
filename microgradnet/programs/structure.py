"""Whether Modules and parameters are still what they were when a step was recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Value, modes


class Structure:
    """How things are: the attributes of Modules, what is in their lists, whether parameters are frozen."""

    def __init__(self, things: list[Any]) -> None:
        self.things: list[Any] = things
        self.lists: list[tuple[Any, Any, bool]] = []  # what they were; whether to be equal is to be the same
        self.was: list[Any] = [self.seen(thing) for thing in things]
        self.since: int = modes.changes[0]

    def seen(self, thing: Any) -> Any:
        """What a thing is now."""
        if isinstance(thing, Value):
            return type(thing)
        attributes = attributes_of(thing)
        lists = lists_in(attributes.values())
        self.lists += [(x, x.copy(), type(x) is list and all(map(is_itself, x))) for x in lists]
        return type(thing), thing.training, attributes

    def holds(self) -> bool:
        """Whether all is as it was. Attributes are looked at if one was assigned anywhere, lists every time."""
        if any(x != was if plain else not same(x, was) for x, was, plain in self.lists):
            return False
        if self.since == modes.changes[0]:
            return True
        for thing, was in zip(self.things, self.was, strict=True):
            if isinstance(thing, Value):
                if type(thing) is not was:
                    return False
            elif type(thing) is not was[0] or thing.training != was[1] or not same(attributes_of(thing), was[2]):
                return False
        self.since = modes.changes[0]
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and list(map(id, self.things)) == list(map(id, other.things))

    __hash__ = object.__hash__

    def difference(self, other: Structure) -> str:
        """The first thing that is another one in `other`, in words."""
        for mine, theirs in zip(self.things, other.things, strict=False):
            if mine is not theirs:
                return f"one {type(mine).__name__}, and then another one: make it once, outside of the step"
        return f"{len(self.things)} Modules and parameters, and then {len(other.things)}"


def attributes_of(thing: Any) -> dict[str, Any]:
    """What a Module has, but for its mode, which stands in it once it was set, and else in its class."""
    return {name: x for name, x in vars(thing).items() if name != "training"}


def lists_in(attributes: Iterable[Any]) -> list[Any]:
    """The lists and dicts among attributes, and those in them and in tuples, each once."""
    found: dict[int, Any] = {}
    left = [*attributes][::-1]
    while left:
        x = left.pop()
        if type(x) in (list, dict, tuple) and id(x) not in found:
            found[id(x)] = x
            left += [*(x.values() if type(x) is dict else x)][::-1]
    return [x for x in found.values() if type(x) is not tuple]


def same(x: Any, y: Any) -> bool:
    """Whether two lists or dicts hold the same: numbers and strings that are equal, other things that are identical."""
    if len(x) != len(y):
        return False
    if type(x) is dict:
        return all(name in y and alike(part, y[name]) for name, part in x.items())
    return all(map(alike, x, y))


def alike(x: Any, y: Any) -> bool:
    return x is y or (type(x) is type(y) and isinstance(x, (int, float, str, tuple)) and bool(x == y))


def is_itself(x: Any) -> bool:
    """Whether something is equal to nothing but itself."""
    own: object = type(x).__eq__
    return own is object.__eq__
