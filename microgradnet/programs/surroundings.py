"""What a step reaches without being handed it, and whether it is still what it was when the step was recorded.

A program holds the numbers of globals, variables around the function, defaults, attributes and items as constants. So
these are found, by the names in the function's code and in the code of what it calls, and compared before a program
runs: numbers and strings by what they are, other things by whether they are the same object, lists, dicts and arrays by
what they hold. What a step itself changes there a program would not do: that is an error in the first call already.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

from numpy import ndarray

from .finding import LARGEST, LONGEST, Array, Found, Watched
from .identities import Identities
from .states import frames_in, is_iterator, same_state, state_of
from .whereabouts import line_of


class Surroundings(Found):
    """What a function reaches by itself and through its arguments, and whether it is what it was."""

    def __init__(self, function: Any, arguments: list[Any]) -> None:
        super().__init__(function, arguments)
        self.states: list[Any] = [state_of(x) for _, x in self.generators]
        self.taken: set[int] = set()  # the places of generators in which a `yield` went on
        self.identities: Identities | None = None  # of what is watched, made when a program runs
        self.comparing: Any = None  # what compares lists sooner than Python, if something does
        self.others: list[Watched | Array] = []  # what is compared otherwise, or otherwise too
        self.same: Callable[[], bool] = unknown  # whether all is the same for sure: a first look, which takes no time

    def holds(self) -> bool:
        """Whether all is what it was: the same objects, most often, or else ones that are alike."""
        if self.identities is None or not self.identities.hold():
            if not all(x.holds() for x in self.watched):
                return False
            if self.identities is None:
                self.identities = self.identified()
            self.identities.take_over()
            self.same = unknown if self.others else self.identities.hold
        return all(x.holds() for x in (*self.others, *self.arrays))

    def identified(self) -> Identities:
        """The identities of all that is watched; what is not there cannot be identical, and an array is read."""
        there = [x for x in self.watched if x.is_readable()]
        others = [x for x in self.watched if not x.is_readable()]
        self.others = [*others, *(x for x in self.arrays if x.array.nbytes > LARGEST)]
        containers = [x.container for x in there if not isinstance(x.container, (tuple, frozenset, type(None)))]
        return Identities(
            [place for x in there for place in x.places],
            [x for x in containers if len(x) <= LONGEST],
            [x for x in containers if len(x) > LONGEST],
            [(x.array, x.was) for x in self.arrays if x.array.nbytes <= LARGEST],
            [x.missing for x in self.watched if x.missing is not None],
            self.comparing,
        )

    def changed(self) -> str | None:
        """What the step has changed since this was made, or drawn from, in words."""
        for watched in self.watched:
            difference = watched.difference(watched.parts())
            if difference is not None:
                return f"it changes what is around it: {difference}{self.where(difference.partition(' ')[0])}"
        for array in self.arrays:
            if not array.holds():
                what = f"it writes into the array {array.name} of shape {array.array.shape}, which is outside of it"
                return f"{what}{self.where(array.name)}. What lasts is a Value, v.data = x, or belongs to a layer"
        for i, (name, generator) in enumerate(self.generators):
            if i in self.taken or not same_state(state_of(generator), self.states[i]):
                what = "takes what is next in" if is_iterator(generator) else "draws random numbers from"
                return f"it {what} {name}{self.where(name)}"
        return None

    def where(self, name: str) -> str:
        """Where that is done with what is called `name`, in words."""
        found = line_of(self.codes, name)
        return f" ({found})" if found else ""

    def uses(self, functions: Any, names: set[str]) -> bool:
        """Whether the code that was found may call one of these functions: it has one of these names, or the thing."""
        if not names.isdisjoint(self.names | self.attributes):
            return True
        return any(part in functions for x in self.watched for part in x.was if type(part) is types.BuiltinFunctionType)

    def yielding(self) -> dict[Any, int]:
        """The frames that wait in a `yield`, each with the place of its generator: after a round they look the same."""
        found = ((i, frame) for i, (_, x) in enumerate(self.generators) for frame in frames_in(x))
        return {frame: i for i, frame in found}

    def drawn(self, x: Any) -> None:
        """A generator has been drawn from in a way that a program repeats."""
        for i, (_, generator) in enumerate(self.generators):
            if generator is x:
                self.states[i] = state_of(x)

    def done_by_host(self) -> None:
        """A call of the host's is over, which a program repeats: what it has changed is its own affair."""
        changed = [x for x in self.watched if not x.holds()]
        gone = {*map(id, changed)}, tuple(name for x in changed for name in (*x.names, f"{x.name}["))
        self.watched = [x for x in self.watched if id(x) not in gone[0] and not x.name.startswith(gone[1])]
        self.arrays = [x for x in self.arrays if x.holds() and not x.name.startswith(gone[1])]
        self.states = [state_of(x) for _, x in self.generators]

    def knows(self, x: ndarray[Any, Any]) -> bool:
        """Whether it is one of the arrays that were there before."""
        return any(array.array is x for array in self.arrays)

    def lasts(self, x: Any) -> bool:
        """Whether it is such an array, or a part of one, and a copy of it would lie as it does."""
        known = type(x) is ndarray and x.flags.c_contiguous and x.dtype.isnative
        return known and x.ndim > 0 and any(map(self.knows, bases(x)))

    def read(self, constants: Iterator[ndarray[Any, Any]]) -> None:
        """Note the arrays with which the program itself computes."""
        ids = {id(part) for x in constants for part in bases(x)}
        for array in self.arrays:
            array.read = any(id(part) in ids for part in bases(array.array))

    def difference(self, later: Surroundings) -> str | None:
        """What is another thing in `later`, of the next call, in words; None if nothing is.

        An array that the program computes with may hold other numbers in every call. It is compared no more.
        """
        before, after = ({name: None for x in around.watched for name in x.names} for around in (self, later))
        if list(before) != list(after):
            other = [*(name for name in after if name not in before), *(name for name in before if name not in after)]
            return f"with, or without, {other[0]} around the function" if other else "with other names around it"
        for mine, theirs in zip(self.watched, later.watched, strict=True):
            difference = mine.difference(theirs.was)
            if difference is not None:
                return difference
        kept = []
        for array, again in zip(self.arrays, later.arrays, strict=False):
            if array.was == again.was:
                kept.append(again)
            elif not (array.read and again.read):
                return f"{array.name} with other numbers, with which plain NumPy computes"
        later.arrays = kept
        return None


def unknown() -> bool:
    """Not for sure."""
    return False


def bases(x: Any) -> Iterator[Any]:
    """An array and those of which it is a view."""
    while isinstance(x, ndarray):
        yield x
        x = x.base
