"""Where a program keeps the numbers of many 0-d Values: in one array, each Value's own slot left empty.

A line of Python for each of a thousand parameters costs more than the arithmetic. So a program of scalars reads and
writes one array, and takes the numbers out of the Values. A slot that is empty sends whoever looks, on whatever way, to
`Value.__getattr__`, which fetches the number home; the program takes it in again at its next run. So nothing is ever
looked at that is not of now, and what nobody looks at costs nothing.

`Value` gets its `__getattr__` with the first `Home`: on Python 3.11 attributes of a class that has one are slower.
"""

from __future__ import annotations

import functools
import threading
from typing import Any
from weakref import ref

import numpy as np

from ..core import Value, new_age
from ..core.modes import settled
from .nodes import Place

SLOTS = {"_numbers": "_numbers", "age": "_numbers", "_grad": "_grad"}  # an empty one -> what of the Value is away
away: dict[str, dict[int, Home]] = {"_numbers": {}, "_grad": {}}  # id of a Value -> where that of it is
moving = threading.RLock()
AGE: Any = vars(Value)["age"]


class Home:
    """One array, `array`, with the numbers, or the gradients, of 0-d Values; `slot` is `_numbers` or `_grad`."""

    def __init__(self, values: list[Value], slot: str) -> None:
        self.slot: str = slot
        self.array: Any = np.empty(len(values))
        self.values: list[ref[Value]] = [ref(value, functools.partial(self.forget, id(value))) for value in values]
        self.place: dict[int, int] = {id(value): i for i, value in enumerate(values)}
        self.out: set[int] = set(range(len(values)))  # the places of what is not here
        self.ages: list[int] = [0] * len(values)
        self.age = 0  # since when the numbers of all are what they are
        if not hasattr(Value, "__getattr__"):
            Value.__getattr__ = fetched  # type: ignore[attr-defined]

    def forget(self, value: int, gone: Any) -> None:
        """A Value is no more."""
        if away[self.slot].get(value) is self:
            del away[self.slot][value]

    def read(self) -> Any:
        """The array, with everything in it that was out."""
        if self.out:
            with moving:
                for i in self.out:
                    self.take_in(i)
                self.out.clear()
        return self.array

    def take_in(self, i: int) -> None:
        """Take the number of a Value, which may be in another Home."""
        value: Any = self.values[i]()
        self.array[i] = settled(value) if self.slot == "_grad" else value._numbers
        self.empty(i, value)

    def write(self, array: Any) -> None:
        """Put other numbers here."""
        with moving:
            for i in self.out:
                value: Any = self.values[i]()
                getattr(value, self.slot)  # so that it is in no other Home
                self.empty(i, value)
            self.out.clear()
            if array is not self.array:
                self.array[...] = array
            self.age = new_age()

    def empty(self, i: int, value: Any) -> None:
        """Leave nothing in a Value that would be of yesterday."""
        if self.slot == "_numbers":
            self.ages[i] = value.age
            del value.age
        delattr(value, self.slot)
        away[self.slot][id(value)] = self

    def give_back(self, value: Any) -> None:
        """Put the number of a Value into the Value."""
        i = self.place[id(value)]
        with moving:
            if away[self.slot].get(id(value)) is not self:  # somebody else was faster
                return
            setattr(value, self.slot, self.array[i])
            if self.slot == "_numbers":
                value.age = max(self.ages[i], self.age, own_age(value))
            del away[self.slot][id(value)]
            self.out.add(i)

    def is_whole(self) -> bool:
        """Whether no Value has None for a gradient."""
        return all(getattr(self.values[i](), self.slot) is not None for i in list(self.out))


def fetched(value: Value, name: str) -> Any:
    """An attribute that a Value has not: its numbers, its age or its gradient may be away."""
    slot = SLOTS.get(name)
    home = None if slot is None else away[slot].get(id(value))
    if home is not None:
        home.give_back(value)
    return object.__getattribute__(value, name)  # or its own error


def here(*values: Value) -> None:
    """What is about to be written in Values is in no Home from now on."""
    for value in values:
        _ = value.age, value._grad  # whoever looks has it


def own_age(value: Value) -> int:
    """The age that stands in a Value, 0 if none does."""
    try:
        age: int = AGE.__get__(value)
    except AttributeError:
        return 0
    return age


class Together(Place):
    """The numbers, or the gradients, of many 0-d Values; the owner is their `Home`."""

    owner: Home

    def __init__(self, values: list[Value], slot: str) -> None:
        super().__init__(Home(values, slot))
        self.values: list[Value] = values  # a Home does not keep them alive, a program does

    def read(self) -> Any:
        return self.owner.read()

    def write(self, x: Any) -> None:
        self.owner.write(x)
