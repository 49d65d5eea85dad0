"""Where a program keeps the numbers of many 0-d Values: in one array, and something in each Value that leads there.

A line of Python for each of a thousand parameters costs more than the arithmetic. So a program of scalars reads and
writes one array, and leaves a `Later` in the Values. Whoever looks, on whatever way, has the number fetched home; the
program takes it in again at its next run. So nothing is ever looked at that is not of now, and what nobody looks at
costs nothing.
"""

from __future__ import annotations

import functools
import threading
from typing import Any
from weakref import ref

import numpy as np

from ...core import Value, new_age
from ...core.modes import Later, number, settled
from ..nodes import Place

moving = threading.RLock()


class Home:
    """One array, `array`, with the numbers, or the gradients, of 0-d Values; `slot` is `_numbers` or `_grad`."""

    def __init__(self, values: list[Value], slot: str) -> None:
        self.slot: str = slot
        self.array: Any = np.empty(len(values))
        self.values: list[ref[Value]] = [ref(value) for value in values]
        self.out: set[int] = set(range(len(values)))  # the places of what is not here
        self.leads_here: list[Later] = [Later(functools.partial(self.fetch, i)) for i in range(len(values))]
        self.ages: list[int] = [0] * len(values)
        self.age = 0  # since when the numbers of all are what they are

    def read(self) -> Any:
        """The array, with everything in it that was out."""
        if self.out:
            with moving:
                self.take_in()
        return self.array

    def write(self, array: Any) -> None:
        """Put other numbers here."""
        with moving:
            if self.out:
                self.take_in()
            self.array[...] = array
            self.age = new_age()

    def take_in(self) -> None:
        """Take in what is out, and leave in its Value what leads here."""
        for i in list(self.out):
            value: Any = self.values[i]()
            found = self.of(value)
            if type(found) is np.float64:  # else no gradient, or one that is a Value: it is about to be written
                self.array[i] = found
            if self.slot == "_numbers":
                self.ages[i] = value.age
                value.age = Later(functools.partial(self.age_of, i))
            setattr(value, self.slot, self.leads_here[i])
            self.out.discard(i)

    def of(self, value: Value) -> Any:
        """What is in a Value, fetched from where it is."""
        return settled(value) if self.slot == "_grad" else number(value)

    def fetch(self, i: int) -> Any:
        """The number at a place, which is put into its Value."""
        with moving:
            value = self.values[i]()
            found = self.array[i]
            if value is None:  # and only what stood in it is left
                return found
            if getattr(value, self.slot) is not self.leads_here[i]:  # another thread was faster
                return self.of(value)
            self.out.add(i)
            if self.slot == "_numbers":
                value.age = self.age_at(i, value)
            setattr(value, self.slot, found)
            return found

    def age_of(self, i: int) -> int:
        """The age of a Value, whose number is fetched."""
        with moving:
            value: Any = self.values[i]()
            here(value)
            return self.age_at(i, value)

    def age_at(self, i: int, value: Any) -> int:
        """The age of a Value at a place, unless it has got another one meanwhile."""
        return value.age if type(value.age) is int else max(self.ages[i], self.age)

    def is_whole(self) -> bool:
        """Whether every Value has a plain number there, and not None for a gradient."""
        return all(type(getattr(self.values[i](), self.slot)) in (np.float64, Later) for i in list(self.out))


def here(*values: Value) -> None:
    """What is about to be written in Values is in no Home from now on."""
    for value in values:
        number(value)
        settled(value)


class Together(Place):
    """The numbers, or the gradients, of many 0-d Values; the owner is their `Home`."""

    owner: Home

    def __init__(self, values: list[Value], slot: str) -> None:
        super().__init__(Home(values, slot))
        self.values: list[Value] = values  # a Home does not keep them alive, a program does
