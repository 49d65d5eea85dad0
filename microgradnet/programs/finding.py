"""What a function reaches without being handed it: found by the names in its code and in the code of what it calls.

Globals, variables around functions, their defaults and their code, attributes of objects and classes, what is in
containers and arrays. Of an attribute it is noted where it is, and where it is not: one that is set in an object hides
that of its class.
"""

from __future__ import annotations

import array
import builtins
import functools
import random
import threading
import types
import weakref
from collections import ChainMap, deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy import ndarray

from .. import tree
from ..core import Op, Value
from ..tree import KIND_OF
from ..words import brief
from .identities import MISSING
from .naming import MAKING, in_library, is_foreign, is_library, names_in, overriding_names, special_names
from .reading import contents_of, home_of, items_of, own_of, shared_of, wrapped_in
from .states import is_iterator

LONGEST = 1000  # items of a list or dict that are compared; of a longer one its length
LARGEST = 65536  # bytes of an array that are compared; of a larger one some of its elements


class Watched:
    """One thing with parts: `parts()` are what they are now.

    `places` are where they are, as `Identities` reads them; of a list or a dict, `container`, there are none. Where an
    item is `missing`, these are the dict and its key.
    """

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        parts: Callable[[], tuple[Any, ...]],
        places: list[tuple[Any, str]],
        container: Any,
        missing: tuple[Any, str] | None = None,
    ) -> None:
        self.name: str = name
        self.names: Sequence[str] = names
        self.parts: Callable[[], tuple[Any, ...]] = parts
        self.places: list[tuple[Any, str]] = places
        self.container: Any = container
        self.missing: tuple[Any, str] | None = missing
        self.was: tuple[Any, ...] = parts()

    def holds(self) -> bool:
        """Whether all parts are what they were."""
        now = self.parts()
        return len(now) == len(self.was) and all(map(alike, now, self.was))

    def is_readable(self) -> bool:
        """Whether `Identities` can read all its parts: those that are there, and those whose place says if not."""
        if self.container is not None or self.missing is not None:
            return True
        lacks = any(part is MISSING for part in self.was)
        return bool(self.places) and (not lacks or all(place.endswith(")") for _, place in self.places))

    def difference(self, now: tuple[Any, ...]) -> str | None:
        """The first part that is another in `now`, in words; None if all are alike."""
        if len(now) != len(self.was):
            each = 2 if isinstance(self.container, DICTS) else 1  # keys and values
            return f"{self.name} with {len(self.was) // each} items, and then with {len(now) // each}"
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


class Found:
    """What a function reaches by itself and through its arguments."""

    def __init__(self, function: Any, arguments: list[Any]) -> None:
        self.watched: list[Watched] = []
        self.arrays: list[Array] = []
        self.generators: list[tuple[str, Any]] = [("random", random), ("np.random", np.random.mtrand._rand)]
        self.owners: dict[int, Any] = {}  # Modules of classes whose code is not read: all of them counts
        self.seen: dict[int, Any] = {}
        self.attributes: set[str] = {"forward"}  # names that the code looks up in objects
        self.asked: set[str] = set()  # those that may not be there: the code asks whether they are
        self.settings: list[tuple[str, Any]] = []  # modules and classes of libraries
        self.stored: set[str] = set()  # those that the code assigns
        self.operators: set[str] = set()
        self.done: set[Any] = set()  # attributes of objects and of classes that were looked for
        self.foreign: set[type] = set()  # classes of which operators are code of other libraries
        self.home_of: Any = functools.cache(home_of)
        self.names: set[str] = set()  # of globals and builtins
        self.objects: list[tuple[str, Any]] = []  # whose attributes are looked up
        self.codes: list[types.CodeType] = []  # of the user's functions that were found
        self.reach("the function", function)
        for x in arguments:
            self.reach(type(x).__name__, x)
        self.reach_attributes()
        del self.seen, self.done, self.foreign, self.home_of  # what was only found is not to be kept

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
        elif kind in (types.BuiltinFunctionType, types.MethodWrapperType):
            if not isinstance(x.__self__, (*HOMES, type(None))):  # L.append
                self.reach(f"{name}.__self__", x.__self__)
        elif isinstance(x, DESCRIPTORS):
            for part in ("fget", "func", "__func__"):
                self.reach(name, getattr(x, part, None))
        elif kind is functools.partial:
            self.reach(name, x.func)
            self.reach(name, x.args)
            self.reach(name, x.keywords)
        elif isinstance(x, ndarray):
            self.arrays.append(Array(name, x))
            if x.dtype == object:
                self.reach_items(name, x.ravel().tolist())
        elif isinstance(x, BUFFERS):
            self.watch(name, [name], lambda: (bytes(x),))
        elif isinstance(x, ChainMap):
            self.watch_item(name, vars(x), "maps")
            if not is_library(kind):
                self.reach_object(name, x)
        elif isinstance(x, CONTAINERS):
            self.reach_items(name, x)
            if not is_library(kind):
                self.reach_object(name, x)
        elif kind in VIEWS:
            self.reach(name, x.mapping)
        elif isinstance(x, DRAWN) or is_iterator(x):
            self.generators.append((name, x))
        elif isinstance(x, (weakref.ref, ContextVar)):
            place = "()" if isinstance(x, weakref.ref) else ".get(MISSING)"
            read = x if isinstance(x, weakref.ref) else functools.partial(x.get, MISSING)
            self.watch(name, [f"{name}{place.replace('MISSING', '')}"], lambda: (read(),), [(x, place)])
        elif (wrapped := wrapped_in(x)) is not MISSING:
            self.reach(name, wrapped)
            if is_library(kind):
                self.objects.append((name, x))
            else:  # a decorator that is a class: what it does is in its own `__call__`
                self.reach_object(name, x)
            for rule in x.rules if isinstance(x, Op) else ():  # of a row of the user's
                self.reach(name, rule)
        elif isinstance(x, HOMES):
            if not is_library(x):
                self.reach_object(name, x)
            elif is_foreign(x):
                self.settings.append((name, x))
        else:
            self.reach_object(name, x)
            for path, part in tree.walk(x):
                if isinstance(part, Value):
                    continue
                if id(part) not in self.seen:
                    self.seen[id(part)] = part
                    self.reach_object(f"{name}.{path}", part)
                if is_library(type(part)):
                    self.owners[id(part)] = part
                    self.reach_callables(f"{name}.{path}".rstrip("."), vars(part))
            if isinstance(x, np.vectorize):
                self.reach_callables(name, vars(x))

    def reach_object(self, name: str, x: Any) -> None:
        """An object: its attributes, when all names are known, and what Python calls by itself, such as `__call__`."""
        self.objects.append((name, x))
        is_class = isinstance(x, type)
        if not is_class and not is_library(type(x)) and type(x) is not types.ModuleType:
            self.watched.append(Watched(name, [f"type({name})"], lambda: (type(x),), [(x, ".__class__")], None))
        for kind in (x, type(x)) if is_class else (type(x),):
            if (kind, is_class) not in self.done:
                self.done.add((kind, is_class))
                homes = [self.reach_shared(kind, attribute) for attribute in special_names(kind, made=kind is x)]
                if any(map(is_foreign, homes)):
                    self.foreign.add(kind)
                if KIND_OF[kind] is None:
                    self.attributes.update(overriding_names(kind))
        if type(x) in self.foreign and not is_class:
            self.watch_all(name, x)

    def reach_function(self, f: types.FunctionType) -> None:
        """The globals, the variables around it, the defaults and the attributes of a function of the user's."""
        if in_library(f.__code__.co_filename):  # such as what mg.grad returns, which holds the user's
            self.reach_callables("the function", contents_of(f.__closure__ or ()))
            return
        self.codes.append(f.__code__)
        self.objects.append((f.__name__, f))
        found = names_in(f.__code__)
        self.attributes |= found.attributes
        self.asked |= found.asked
        self.stored |= found.stored
        self.operators |= found.operators
        self.names.update(found.variables)
        names = [name for name in found.variables if name in f.__globals__]
        if "globals" in found.variables:
            names += sorted(found.attributes & f.__globals__.keys() - set(names))
        if names:
            places = [(f.__globals__, f"[{name!r}]") for name in names]
            self.watch("", names, functools.partial(items_of, f.__globals__, names), places)
        for name in found.variables:
            if name not in f.__globals__ and not hasattr(builtins, name):
                self.watch_missing("", name, f.__globals__, name)
        if f.__closure__:
            cells = [(cell, ".cell_contents") for cell in f.__closure__]
            self.watch("", f.__code__.co_freevars, functools.partial(contents_of, f.__closure__), cells)
        if f.__defaults__:
            named = f.__code__.co_varnames[: f.__code__.co_argcount][-len(f.__defaults__) :]
            self.watch("", named, lambda: f.__defaults__ or (), [(f, ".__defaults__")])
        for part in ("__kwdefaults__", "__code__"):
            if getattr(f, part):
                self.watch_attribute(f.__name__, f, part)

    def reach_callables(self, name: str, x: Any, depth: int = 3) -> None:
        """What code that is not read calls of the things in a container, such as an activation in a Sequential."""
        if isinstance(x, (list, tuple, *DICTS)) and depth:
            for part in x.values() if isinstance(x, DICTS) else x:
                self.reach_callables(name, part, depth - 1)
        elif callable(x) and KIND_OF[type(x)] is None:
            self.reach(getattr(x, "__name__", name), x)

    def reach_items(self, name: str, x: Any) -> None:
        """What is in a list, a tuple, a dict, a set."""
        self.further(self.container(name, x))

    def container(self, name: str, x: Any) -> Watched:
        """A container as something to be compared: each item, or if there are very many how many there are."""
        if len(x) > LONGEST:
            return Watched(name, [f"len({name})"], lambda: (len(x),), [], x)
        if isinstance(x, DICTS):
            names = [*[f"a key of {name}"] * len(x), *(f"{name}[{key!r}]" for key in x)]
            return Watched(name, names, lambda: (*x, *x.values()), [], x)
        return Watched(name, [f"{name}[{i}]" for i in range(len(x))], lambda: tuple(x), [], x)

    # ----------------------------------------------------------------------------------------------------- attributes

    def reach_attributes(self) -> None:
        """The attributes that the code looks up, of all objects found; they may lead to more code and objects."""
        while True:
            for name, x in self.settings:  # which may lead to more of them
                self.reach_settings(name, x)
            found = [(name, x, attribute) for name, x in self.objects for attribute in sorted(self.attributes)
                     if (id(x), attribute) not in self.done]  # fmt: skip
            if not found:
                return
            for name, x, attribute in found:
                self.done.add((id(x), attribute))
                self.reach_attribute(name, x, attribute)

    def reach_attribute(self, name: str, x: Any, attribute: str) -> None:
        """One attribute of an object: its own, or that of its class, which one of its own would hide."""
        kind = x if isinstance(x, type) else type(x)
        home, part = self.home_of(kind, attribute)
        own = () if kind is x else own_of(x)
        comes_first = hasattr(type(part), "__set__")  # a property, a slot
        if attribute in own and not comes_first:
            self.watch_item(name, own, attribute)
        elif type(part) is types.MemberDescriptorType:
            if kind is not x:
                self.watch_attribute(name, x, attribute)
        elif isinstance(x, threading.local) and home is None:  # which has a dict for each thread
            if hasattr(x, attribute):
                self.watch_attribute(name, x, attribute)
        else:
            if home is not None or attribute in self.asked:
                self.reach_shared(kind, attribute)
            if type(part) is types.FunctionType and is_foreign(home) and kind is not x:
                self.watch_all(name, x)
            may_come = attribute in self.stored
            if home is not None:
                may_come = not comes_first and type(part) is not functools.cached_property and attribute[:2] != "__"
            is_asked = home is None and attribute in self.asked
            if type(own) is dict and (is_asked or (may_come and (not is_library(kind) or is_foreign(kind)))):
                self.watch_missing(name, f"{name}.{attribute}", own, attribute)

    def reach_shared(self, kind: type, attribute: str) -> Any:
        """One attribute of a class, and the code it leads to; the class that has it. A library's stays what it is."""
        home, part = self.home_of(kind, attribute)
        if (kind, attribute) in self.done:
            return home
        self.done.add((kind, attribute))
        is_code = isinstance(part, (types.FunctionType, *DESCRIPTORS))
        if attribute[:2] == "__" and not is_code:
            return home
        if is_code and is_library(home):
            self.reach(attribute, part)
        elif home is not None and (home not in kind.__mro__ or (hasattr(part, "__get__") and not is_code)):
            self.watch_item(home.__name__, vars(home), attribute)  # of a class's class, or a descriptor
        elif home is not None or not is_library(kind):
            read = functools.partial(shared_of, kind, attribute)
            place = (read, "()") if home is None or isinstance(part, classmethod) else (kind, f".{attribute}")
            self.watch(kind.__name__, [f"{kind.__name__}.{attribute}"], lambda: (read(),), [place])
        for below in kind.__mro__[kind.__mro__.index(home) + 1 :] if is_code and home in kind.__mro__ else ():
            if attribute in vars(below) and not is_library(below):  # what super() leads to
                self.watch_item(below.__name__, vars(below), attribute)
        if isinstance(part, classmethod):
            self.attributes |= MAKING
        return home

    # ------------------------------------------------------------------------------------------------------- watching

    def watch_item(self, name: str, holder: Any, attribute: str) -> None:
        """Compare an item of the dict of an object or a class."""
        read = functools.partial(items_of, holder, [attribute])
        self.watch(name, [f"{name}.{attribute}"], read, [(holder, f"[{attribute!r}]")])

    def watch_attribute(self, name: str, x: Any, attribute: str) -> None:
        """Compare what an object has, or a thread has of it, without a dict."""
        read = functools.partial(getattr, x, attribute, MISSING)
        self.watch(name, [f"{name}.{attribute}"], lambda: (read(),), [(x, f".{attribute}")])

    def reach_settings(self, name: str, x: Any) -> None:
        """Of what the code looks up in a library's module or class: plain things, such as an option, and the like."""
        for attribute in sorted(self.attributes & vars(x).keys()):
            part = vars(x)[attribute]
            if (id(x), attribute) not in self.done and (type(part) in SETTINGS or isinstance(part, HOMES)):
                self.done.add((id(x), attribute))
                self.watch_item(name, vars(x), attribute)

    def watch_all(self, name: str, x: Any) -> None:
        """Compare the public attributes of an object that is at work in code which is not read, such as a queue.

        And what is in those that are containers; nothing is reached from there.
        """
        own = own_of(x)
        for attribute in [part for part in own if part[0] != "_" and (id(x), part) not in self.done]:
            self.done.add((id(x), attribute))
            read = functools.partial(items_of, own, [attribute])
            place = (own, f"[{attribute!r}]")
            self.watched.append(Watched(name, [f"{name}.{attribute}"], read, [place], None))
            if isinstance(own[attribute], CONTAINERS):
                self.watched.append(self.container(f"{name}.{attribute}", own[attribute]))

    def watch_missing(self, name: str, whole: str, holder: Any, attribute: str) -> None:
        """Notice an item that comes into a dict."""
        read = functools.partial(items_of, holder, [attribute])
        self.watched.append(Watched(name, [whole], read, [], None, (holder, attribute)))

    def watch(
        self,
        name: str,
        names: Sequence[str],
        parts: Callable[[], tuple[Any, ...]],
        places: list[tuple[Any, str]] | None = None,
    ) -> None:
        """Compare these parts from now on, and reach further from them."""
        self.further(Watched(name, names, parts, places or [], None))

    def further(self, made: Watched) -> None:
        """Compare what is in one thing from now on, and reach further from it."""
        self.watched.append(made)
        for part_name, part in zip(made.names, made.was, strict=True):
            self.reach(part_name, part)


SETTINGS = (int, float, str, bytes, bool, complex, type(None))
PLAIN = (*SETTINGS, types.CodeType, np.ufunc, type(MISSING))
HOMES = (types.ModuleType, type)
DESCRIPTORS = (property, functools.cached_property, classmethod, staticmethod)
BUFFERS = (bytearray, memoryview, array.array)
DICTS = (dict, types.MappingProxyType)
CONTAINERS = (list, tuple, set, frozenset, deque, *DICTS)
VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
DRAWN = (np.random.Generator, np.random.RandomState, random.Random)


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
