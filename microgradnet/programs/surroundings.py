"""What a step reaches without being handed it, and whether it is still what it was when the step was recorded.

A program holds the numbers of globals, variables around the function, defaults, attributes and items as constants. So
these are found, by the names in the function's code and in the code of what it calls, and compared before a program
runs: numbers and strings by what they are, other things by whether they are the same object, lists, dicts and arrays by
what they hold. What a step itself changes there a program would not do: that is an error in the first call already.
"""

from __future__ import annotations

import dis
import functools
import random
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from .. import tree
from ..core import Value
from ..words import brief
from .identities import Identities
from .whereabouts import line_of

OURS = str(Path(__file__).parent.parent)
STANDARD = sysconfig.get_path("stdlib")
LONGEST = 1000  # items of a list or dict that are compared; of a longer one its length
LARGEST = 65536  # bytes of an array that are compared; of a larger one some of its elements
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()


class Watched:
    """One thing with parts: `parts()` are what they are now.

    `places` are where they are, as `Identities` reads them; of a list or a dict, `container`, there are none.
    """

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        parts: Callable[[], tuple[Any, ...]],
        places: list[tuple[Any, str]],
        container: Any,
    ) -> None:
        self.name: str = name
        self.names: Sequence[str] = names
        self.parts: Callable[[], tuple[Any, ...]] = parts
        self.places: list[tuple[Any, str]] = places
        self.container: Any = container
        self.was: tuple[Any, ...] = parts()

    def holds(self) -> bool:
        """Whether all parts are what they were."""
        now = self.parts()
        return len(now) == len(self.was) and all(map(alike, now, self.was))

    def lacks(self) -> bool:
        """Whether one of its parts was not there."""
        return any(part is MISSING for part in self.was)

    def difference(self, now: tuple[Any, ...]) -> str | None:
        """The first part that is another in `now`, in words; None if all are alike."""
        if len(now) != len(self.was):
            return f"{self.name} with {len(self.was)} items, and then with {len(now)}"
        for name, x, y in zip(self.names, self.was, now, strict=True):
            if not alike(x, y):
                return f"{name} = {brief(x)}, and then {brief(y)}"
        return None


class Array:
    """An array from outside. Where a program computes with it, what is written into it is seen by the program too."""

    def __init__(self, name: str, array: ndarray[Any, Any]) -> None:
        self.name: str = name
        self.array: ndarray[Any, Any] = array
        self.was: bytes = bits(array)
        self.read: bool = False  # whether the program computes with the array itself

    def holds(self) -> bool:
        """Whether it holds what it held."""
        return bits(self.array) == self.was


class Surroundings:
    """What a function reaches by itself and through its arguments."""

    def __init__(self, function: Any, arguments: list[Any]) -> None:
        self.watched: list[Watched] = []
        self.arrays: list[Array] = []
        self.generators: list[tuple[str, Any]] = [("random", random), ("np.random", np.random.mtrand._rand)]
        self.seen: dict[int, Any] = {}
        self.attributes: set[str] = {"forward"}  # names that the code looks up in objects
        self.kinds: set[type] = set()  # of objects
        self.names: set[str] = set()  # of globals and builtins
        self.objects: list[tuple[str, Any]] = []  # whose attributes are looked up
        self.codes: list[types.CodeType] = []  # of the user's functions that were found
        self.reach("the function", function)
        for x in arguments:
            self.reach(type(x).__name__, x)
        self.reach_attributes()
        self.states: list[Any] = [state_of(x) for _, x in self.generators]
        self.identities: Identities | None = None  # of what is watched, made when a program runs
        self.comparing: Any = None  # what compares lists sooner than Python, if something does
        self.others: list[Watched | Array] = []  # what is compared otherwise, or otherwise too
        self.same: Callable[[], bool] = unknown  # whether all is the same for sure: a first look, which takes no time
        del self.seen, self.kinds  # what was only found is not to be kept

    # ------------------------------------------------------------------------------------------------------- finding

    def reach(self, name: str, x: Any) -> None:
        """Find what can be reached from `x`, which is called `name`."""
        kind = type(x)
        if kind in PLAIN or isinstance(x, (Value, np.generic)) or id(x) in self.seen:
            return
        self.seen[id(x)] = x
        if kind is types.FunctionType:
            self.reach_function(x)
        elif kind is types.MethodType:
            self.reach(name, x.__func__)
            self.reach(f"{name}.__self__", x.__self__)
        elif kind is functools.partial:
            self.reach(name, x.func)
            self.reach(name, x.args)
            self.reach(name, x.keywords)
        elif kind is ndarray:
            self.arrays.append(Array(name, x))
        elif kind in (list, tuple, dict):
            self.reach_items(name, x)
        elif isinstance(x, (np.random.Generator, np.random.RandomState, random.Random)):
            self.generators.append((name, x))
        elif hasattr(x, "__wrapped__"):
            self.reach(name, x.__wrapped__)
            for rule in getattr(x, "rules", ()):  # of a row of the user's
                self.reach(name, rule)
        elif kind is types.ModuleType or isinstance(x, type):
            home = x if kind is types.ModuleType else sys.modules.get(x.__module__)
            if not in_library(getattr(home, "__file__", None) or OURS):
                self.reach_object(name, x)
        else:
            self.reach_object(name, x)
            for path, part in tree.walk(x):
                if part is not x and not isinstance(part, Value):
                    self.reach_object(f"{name}.{path}", part)

    def reach_object(self, name: str, x: Any) -> None:
        """An object: its attributes, when all names are known, and what Python calls by itself, such as `__call__`."""
        self.objects.append((name, x))
        kind = x if isinstance(x, type) else type(x)
        if kind not in self.kinds:
            self.kinds.add(kind)
            for function in special_methods(kind):
                self.reach(function.__name__, function)

    def reach_function(self, f: types.FunctionType) -> None:
        """The globals, the variables around it and the defaults of a function of the user's."""
        if in_library(f.__code__.co_filename):  # such as what mg.grad returns, which holds the user's
            for x in contents_of(f.__closure__ or ()):
                if callable(x):
                    self.reach(getattr(x, "__name__", "the function"), x)
            return
        self.codes.append(f.__code__)
        found, attributes = names_in(f.__code__)
        self.attributes |= attributes
        self.names.update(found)
        names = [name for name in found if name in f.__globals__]
        if names:
            places = [(f.__globals__, f"[{name!r}]") for name in names]
            self.watch("", names, functools.partial(items_of, f.__globals__, names), places)
        if f.__closure__:
            cells = [(cell, ".cell_contents") for cell in f.__closure__]
            self.watch("", f.__code__.co_freevars, functools.partial(contents_of, f.__closure__), cells)
        if f.__defaults__:
            named = f.__code__.co_varnames[: f.__code__.co_argcount][-len(f.__defaults__) :]
            self.watch("", named, lambda: f.__defaults__ or (), [(f, ".__defaults__")])
        if f.__kwdefaults__:
            self.reach_items("", f.__kwdefaults__)

    def reach_items(self, name: str, x: Any) -> None:
        """What is in a list, a tuple or a dict."""
        if len(x) > LONGEST:
            self.watch(name, [f"len({name})"], lambda: (len(x),), container=x)
        elif type(x) is dict:
            names = [*[f"a key of {name}"] * len(x), *(f"{name}[{key!r}]" for key in x)]
            self.watch(name, names, lambda: (*x, *x.values()), container=x)
        else:
            self.watch(name, [f"{name}[{i}]" for i in range(len(x))], lambda: tuple(x), container=x)

    def reach_attributes(self) -> None:
        """The attributes that the code looks up, of all objects found; they may lead to more code and objects."""
        done: set[tuple[int, str]] = set()
        while True:
            found = [(name, x, attribute) for name, x in self.objects for attribute in self.attributes
                     if (id(x), attribute) not in done]  # fmt: skip
            if not found:
                return
            for name, x, attribute in found:
                done.add((id(x), attribute))
                self.reach_attribute(name, x, attribute)

    def reach_attribute(self, name: str, x: Any, attribute: str) -> None:
        """One attribute of an object, its own or one of a class of the user's."""
        if attribute in getattr(x, "__dict__", ()):
            self.watch_attribute(name, f"{name}.{attribute}", vars(x), attribute)
            return
        for kind in (x if isinstance(x, type) else type(x)).__mro__:
            if attribute in vars(kind):
                part = vars(kind)[attribute]
                if isinstance(part, (property, functools.cached_property)):
                    part = part.fget if isinstance(part, property) else part.func
                if isinstance(part, (classmethod, staticmethod)):
                    part = part.__func__
                if type(part) is types.MemberDescriptorType:  # a slot
                    whole = f"{name}.{attribute}"
                    self.watch(name, [whole], lambda: (getattr(x, attribute, MISSING),), [(x, f".{attribute}")])
                elif type(part) is types.FunctionType:
                    self.reach(attribute, part)
                else:
                    self.watch_attribute(name, f"{kind.__name__}.{attribute}", vars(kind), attribute)
                return

    def watch_attribute(self, name: str, whole: str, holder: Any, attribute: str) -> None:
        """Compare an item of the dict of an object or a class."""
        self.watch(name, [whole], functools.partial(attribute_of, holder, attribute), [(holder, f"[{attribute!r}]")])

    def watch(
        self,
        name: str,
        names: Sequence[str],
        parts: Callable[[], tuple[Any, ...]],
        places: list[tuple[Any, str]] | None = None,
        container: Any = None,
    ) -> None:
        """Compare these parts from now on, and reach further from them."""
        made = Watched(name, names, parts, places or [], container)
        self.watched.append(made)
        for part_name, part in zip(made.names, made.was, strict=True):
            self.reach(part_name, part)

    # ------------------------------------------------------------------------------------------------------ comparing

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
        there = [x for x in self.watched if not x.lacks()]
        self.others = [*(x for x in self.watched if x.lacks()), *(x for x in self.arrays if x.array.nbytes > LARGEST)]
        containers = [x.container for x in there if type(x.container) in (list, dict)]
        return Identities(
            [place for x in there for place in x.places],
            [x for x in containers if len(x) <= LONGEST],
            [x for x in containers if len(x) > LONGEST],
            [(x.array, x.was) for x in self.arrays if x.array.nbytes <= LARGEST],
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
                return what + self.where(array.name)
        for (name, generator), state in zip(self.generators, self.states, strict=True):
            if not same_state(state_of(generator), state):
                return f"it draws random numbers from {name}{self.where(name)}"
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

    def read(self, constants: Iterator[ndarray[Any, Any]]) -> None:
        """Note the arrays with which the program itself computes."""
        ids = {id(part) for x in constants for part in bases(x)}
        for array in self.arrays:
            array.read = any(id(part) in ids for part in bases(array.array))

    def difference(self, later: Surroundings) -> str | None:
        """What is another thing in `later`, of the next call, in words; None if nothing is.

        An array that the program computes with may hold other numbers in every call. It is compared no more.
        """
        if [x.names for x in self.watched] != [x.names for x in later.watched]:
            return "other names around the function"
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


PLAIN = (int, float, str, bytes, bool, complex, type(None), types.BuiltinFunctionType, np.ufunc)


@functools.cache
def in_library(file: str) -> bool:
    """Whether a file is of this package, of Python or of something installed: it is no part of a user's program."""
    return file.startswith((OURS, STANDARD, "<__array_function__", "<frozen")) or "site-packages" in Path(file).parts


def special_methods(kind: type) -> Iterator[types.FunctionType]:
    """What Python calls of a class without its name being in the code: operators, `__init__`, `__call__`."""
    for cls in kind.__mro__:
        for name, part in vars(cls).items():
            if name.startswith("__") and type(part) is types.FunctionType:
                yield part


@functools.lru_cache
def names_in(code: types.CodeType) -> tuple[dict[str, None], set[str]]:
    """The global names in a function's code and in that of the functions inside it, and the names of attributes."""
    found: dict[str, None] = {}
    attributes: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            found[step.argval] = None
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "LOAD_SUPER_ATTR"):
            attributes.add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.isidentifier():  # of a getattr
            attributes.add(constant)
        if isinstance(constant, types.CodeType):
            more, more_attributes = names_in(constant)
            found |= more
            attributes |= more_attributes
    return found, attributes


def items_of(holder: dict[str, Any], names: list[str]) -> tuple[Any, ...]:
    """The items of a dict under these names."""
    return tuple([holder.get(name, MISSING) for name in names])


def attribute_of(holder: Any, name: str) -> tuple[Any, ...]:
    """One attribute, in a tuple."""
    return (holder.get(name, MISSING),)


def contents_of(cells: tuple[types.CellType, ...]) -> tuple[Any, ...]:
    """What variables around a function hold."""
    found = []
    for cell in cells:
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append(MISSING)
    return tuple(found)


def alike(x: Any, y: Any) -> bool:
    """Whether two things are one object, or numbers of the same bits, or strings or tuples that are equal."""
    if x is y:
        return True
    if type(x) is not type(y):
        return False
    if isinstance(x, (float, complex, np.generic)):
        return np.asarray(x).tobytes() == np.asarray(y).tobytes()
    if isinstance(x, tuple):
        return len(x) == len(y) and all(map(alike, x, y))
    if isinstance(x, types.MethodType):
        return x.__func__ is y.__func__ and x.__self__ is y.__self__
    return isinstance(x, (int, str, bytes, range)) and bool(x == y)


def bits(array: ndarray[Any, Any]) -> bytes:
    """What an array holds; of a large one, what some of its elements are."""
    if array.nbytes > LARGEST:
        array = array[tuple(slice(None, None, n // 8 or 1) for n in array.shape)]
    return array.tobytes()


def bases(x: Any) -> Iterator[Any]:
    """An array and those of which it is a view."""
    while isinstance(x, ndarray):
        yield x
        x = x.base


def state_of(generator: Any) -> Any:
    """The state of a generator of random numbers."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state()
    return generator.getstate()


def same_state(x: Any, y: Any) -> bool:
    """Whether two states are one. Those of `random` are tuples of many hundred ints, which are compared as a whole."""
    if isinstance(x, dict):
        return all(same_state(x[name], y[name]) for name in x)
    if isinstance(x, tuple) and any(isinstance(part, (tuple, ndarray)) for part in x):
        return len(x) == len(y) and all(map(same_state, x, y))
    return np.array_equal(x, y) if isinstance(x, ndarray) else bool(x == y)
