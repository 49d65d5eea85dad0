"""What a program is made of: nodes, which are numbers that come to be, and the places where such numbers live.

A program is a list of nodes in the order in which they are run. Most are calls of a function, which is a row's forward,
a rule or one of NumPy's, on other nodes and constants.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core import Value
from ..core.modes import number, settled
from ..core.written import new_age

FLOAT = np.dtype(np.float64)


class Uncompilable(TypeError):
    """What cannot be compiled, the line it stands in, and what to write instead.

    >>> import microgradnet as mg
    >>> @mg.compile
    ... def size(x):
    ...     return x if x.sum() > 0 else -x
    >>> size(mg.Value([1.0]))
    Traceback (most recent call last):
        ...
    microgradnet.programs.nodes.Uncompilable: ...
    """


class Node:
    """One line of a program. `kind` says what it does; all but a `store` and a `guard` make numbers.

    - `input`: an argument of the step; `params["index"]` is its place among them.
    - `load`: what is at `place` at the start.
    - `call`: `function(*args, **params)`, which depends on nothing else and changes nothing.
    - `host`: the same, run at every step where it stands, whatever it returns: a draw, a check, an update elsewhere.
    - `barrier`: a call of the host's that may look at and change all that lasts. What is to be stored is stored before
      it, what is needed afterwards is loaded anew.
    - `store`: `args[0]` goes to `place`.
    - `guard`: the step is this program as long as `function(*args)` is what it was, `held`.
    - `check`: a guard that cannot be first; where it does not hold, it is an error.
    """

    __slots__ = ("args", "dtype", "function", "held", "kind", "layout", "line", "op", "packed", "params", "place",
                 "shape")  # fmt: skip

    def __init__(
        self,
        kind: str,
        function: Callable[..., Any] | None = None,
        args: tuple[Any, ...] = (),
        params: dict[str, Any] | None = None,
        *,
        like: Any = None,
        place: Place | None = None,
        held: Any = None,
        op: Any = None,
        line: Any = None,
    ) -> None:
        self.kind: str = kind
        self.function: Any = function
        self.args: tuple[Any, ...] = args
        self.params: dict[str, Any] = {} if params is None else params
        self.place: Place | None = place
        self.held: Any = held
        self.op: Any = op  # the row, if it is the forward of one
        # Of the user's: file, number, function; of what a sweep makes, fourth, the line of what it goes back through.
        self.line: Any = line
        self.shape: tuple[int, ...] | None  # None: a number of Python's, or no number
        self.dtype: Any
        self.layout: tuple[int, ...]  # its axes, from the longest step in memory to the shortest
        self.packed: bool  # whether nothing lies between its numbers, as it does in some columns of a matrix
        if type(like) is np.float64:  # as below; there may be very many
            self.shape, self.dtype, self.layout = (), FLOAT, ()
            self.packed = True
        else:
            self.shape, self.dtype = getattr(like, "shape", None), getattr(like, "dtype", None)
            self.layout = layout_of(like)
            self.packed = is_packed(like)

    @property
    def name(self) -> str:
        """What it is called in words."""
        if self.kind in ("input", "load", "store", "guard", "check"):
            return self.kind
        return str(self.op.name) if self.op is not None else str(getattr(self.function, "__name__", self.function))

    def inputs(self) -> list[Node]:
        """The nodes it is computed from, as often as it takes them."""
        found: list[Node] = []  # every pass asks every node: no generator, and no call for each argument
        for x in (*self.args, *self.params.values()) if self.params else self.args:
            if type(x) is Node:
                found.append(x)
            elif type(x) in NESTED:
                found += nodes_in(x)
        return found

    def is_call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """Whether it is this call, of these very nodes."""
        if self.function is not function or self.kind != "call" or self.params or len(self.args) != len(args):
            return False
        for x, y in zip(self.args, args):  # noqa: B905, SIM110 (of very many)
            if x is not y and not is_one(x, y):
                return False
        return True

    def is_as(self, other: Node) -> bool:
        """Whether it surely is the same as a node of another call, with the very same nodes before it."""
        return (
            self.kind == other.kind
            and (self.kind in ("call", "input") or (self.kind == "load" and not self.argument()))
            and (self.shape, self.dtype, self.layout, self.packed)
            == (other.shape, other.dtype, other.layout, other.packed)
            and self.function is other.function
            and self.op is other.op
            and self.place == other.place
            and is_one(self.args, other.args)
            and is_one(self.params, other.params)
        )

    def argument(self) -> Node | None:
        """The argument in which its place is."""
        return None if self.place is None else self.place.argument

    def __repr__(self) -> str:
        return f"<{self.name} {self.shape} {self.dtype}>"


def scalar_call(function: Callable[..., Any], args: tuple[Any, ...], op: Any, dtype: Any, line: Any) -> Node:
    """A call that makes one number: sooner made, for there are many."""
    made: Node = object.__new__(Node)
    made.kind, made.function, made.args, made.params, made.op = "call", function, args, {}, op
    made.shape, made.dtype, made.layout, made.packed = (), dtype, (), True
    made.place, made.held, made.line = None, None, line
    return made


def is_one(x: Any, y: Any) -> bool:
    """Whether two arguments are the same node, or the same constant down to the sign of a zero; if in doubt not."""
    if x is y:
        return True
    kind = type(x)
    if kind is not type(y) or kind is Node:
        return False
    if kind in NUMBERS:
        return bool(x == y and (x or math.copysign(1.0, x) == math.copysign(1.0, y)))
    if kind is str:
        return bool(x == y)
    if kind is tuple or kind is list:
        return len(x) == len(y) and all(map(is_one, x, y))
    if kind is dict:
        return list(x) == list(y) and all(map(is_one, x.values(), y.values()))
    return kind is slice and is_one((x.start, x.stop, x.step), (y.start, y.stop, y.step))


def layout_of(x: Any) -> tuple[int, ...]:
    """The axes of an array, from the longest step in memory to the shortest."""
    strides = getattr(x, "strides", ())
    if len(strides) < 2:
        return (0,) if strides else ()
    return tuple(sorted(range(len(strides)), key=lambda axis: -abs(strides[axis])))


def is_packed(x: Any) -> bool:
    """Whether nothing lies between the numbers of an array."""
    return bool(x.flags.forc) if type(x) is np.ndarray else True


def nodes_in(x: Any) -> Iterator[Node]:
    """The nodes in arguments, which may be lists, tuples, dicts and slices of others."""
    if type(x) is Node:
        yield x
    elif type(x) in (tuple, list):
        for part in x:
            yield from nodes_in(part)
    elif type(x) is dict:
        for part in x.values():
            yield from nodes_in(part)
    elif type(x) is slice:
        yield from nodes_in((x.start, x.stop, x.step))


NUMBERS = (np.float64, float, int)


def constants(nodes: list[Node]) -> Iterator[Any]:
    """What is in the arguments of nodes and is neither a node nor a number."""
    for node in nodes:
        if node.params:
            yield node.params
        for x in node.args:
            if type(x) is not Node and type(x) not in NUMBERS:
                yield x


def arrays_in(x: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The plain arrays in arguments."""
    if type(x) in (tuple, list):
        for part in x:
            yield from arrays_in(part)
    elif type(x) is dict:
        yield from arrays_in(list(x.values()))
    elif isinstance(x, np.ndarray):
        yield x


NESTED = (tuple, list, dict, slice)


def changed(x: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments with `change` of everything in their lists, tuples, dicts and slices."""
    kind = type(x)
    if kind is tuple or kind is list:
        parts = [changed(part, change) if type(part) in NESTED else change(part) for part in x]
        return tuple(parts) if kind is tuple else parts
    if kind is dict:
        return {name: changed(part, change) for name, part in x.items()}
    if kind is slice:
        return slice(*[changed(part, change) for part in (x.start, x.stop, x.step)])
    return change(x)


def ufunc_of(node: Node) -> np.ufunc | None:
    """The ufunc that a node calls, if it takes arrays and nothing else and has one result."""
    function = node.function
    if node.op is not None and function is node.op.forward and isinstance(node.op.key, np.ufunc):
        if function is not node.op.key and getattr(operator, node.op.forward.__name__, None) is not function:
            return None  # the row's own way
        if not node.shape:
            return None  # a power of two scalars has other bits than that of two arrays
        function = node.op.key
    if not isinstance(function, np.ufunc) or function.nout != 1 or function.signature or node.params:
        return None
    return function


def varies(node: Node) -> bool:
    """Whether the bits of a ufunc depend on how it is called, even on whether it writes over one of its arrays.

    `x ** y` is x * x where NumPy sees one 2 for all of x, which older ones do for the operator alone; of 0 and -0
    np.fmax takes another at the end of an array.
    """
    ufunc = ufunc_of(node)
    if ufunc is np.power:
        return isinstance(node.args[1], (Node, np.ndarray)) or math.prod(node.shape or ()) == 1
    return ufunc in (np.fmax, np.fmin)


class Place:
    """Where numbers live that a step finds and leaves behind. Two are equal if they are the same place.

    If the owner is an argument of the step, another Value in every call, `argument` is the node of that.
    """

    def __init__(self, owner: Any, name: Any = None, argument: Node | None = None) -> None:
        self.owner: Any = owner
        self.name: Any = name
        self.argument: Node | None = argument

    def whose(self) -> Any:
        """What tells one owner from another: which argument it is, or which object."""
        return id(self.owner) if self.argument is None else self.argument.params["name"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and type(self) is type(other) and (
            (self.whose(), self.name) == (other.whose(), other.name)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.whose(), self.name))

    def read(self) -> Any:
        """What is there now."""
        raise NotImplementedError

    def write(self, x: Any) -> None:
        """Put a number there; into an array one writes."""
        raise NotImplementedError


class DataOf(Place):
    """The numbers of a Value."""

    owner: Value

    def read(self) -> Any:
        return number(self.owner)

    def write(self, x: Any) -> None:
        self.owner._numbers = x
        self.owner.age = new_age()


class GradOf(Place):
    """The gradient of a Value: an array, or None."""

    owner: Value

    def read(self) -> Any:
        return settled(self.owner)

    def write(self, x: Any) -> None:
        self.owner._grad = x


class Memory(Place):
    """An array that is written in place, such as a running mean."""

    def read(self) -> Any:
        return self.owner


class Item(Place):
    """An item of a dict or list, such as an option of an optimiser."""

    def read(self) -> Any:
        return self.owner[self.name]

    def write(self, x: Any) -> None:
        self.owner[self.name] = x


class Attribute(Place):
    """An attribute of an object, which is looked at only."""

    def read(self) -> Any:
        return getattr(self.owner, self.name)
