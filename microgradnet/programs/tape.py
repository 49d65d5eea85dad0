"""One run of a step, recorded: every call on numbers that come from outside, and everything it leaves behind.

The step runs as it always does, on the user's own data. But its arguments, the `data` and `grad` of parameters and the
options of optimisers are handed out as stand-ins (see `traced`), so that whatever is computed from them ends up here as
a node. Looking at a number is refused: a program could not know that it did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray

from ..core import NO_PARAMS, NonDiff, Op, Value, new_value
from ..debugging import users_line
from ..words import brief, describe
from .nodes import Attribute, DataOf, GradOf, Item, Memory, Node, Place, changed, layout_of
from .structure import Structure
from .sweeping import Sweep
from .traced import Host, Traced, Uncompilable

# Functions whose result has another shape for other numbers.
SHAPED_BY_NUMBERS = {
    np.arange, np.argwhere, np.bincount, np.compress, np.delete, np.extract, np.flatnonzero, np.histogram_bin_edges,
    np.insert, np.intersect1d, np.nonzero, np.pad, np.poly, np.repeat, np.resize, np.roots, np.setdiff1d, np.setxor1d,
    np.tile, np.trim_zeros, np.union1d, np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
    np.where,
}  # fmt: skip
PLAIN = (ndarray, np.generic, int, float)


class Tape:
    """The nodes of a step in the order in which they came to be."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []
        self.node_of: dict[int, Any] = {}  # id of a Value or a stand-in -> its node, or the array it is if a constant
        self.alive: list[Any] = []  # what these ids are of
        self.local: set[int] = set()  # leaves that were made by the step itself
        self.standing: dict[Place, Any] = {}  # what stands for what is there now: a stand-in, a Value, or None
        self.place_of: dict[int, Place] = {}
        self.stored: dict[Place, tuple[Any, bool]] = {}  # what is left there: a node, and whether it is in new memory
        self.loaded: dict[Place, Any] = {}
        self.stale: set[int] = set()
        self.swept: dict[int, Any] = {}  # id of what the step computed -> its gradient, as long as nobody asks for it
        self.line: Any = None  # of the user's, that began the sweep which is running
        self.shades: dict[int, Any] = {}  # id of a Value -> what stands for its numbers in rules
        self.things: dict[int, Any] = {}

    # -------------------------------------------------------------------------------------------------- what is known

    def know(self, x: Any, node: Any) -> Any:
        """`x`, whose numbers are those of `node`."""
        self.node_of[id(x)] = node
        self.alive.append(x)
        return x

    def nodes_of(self, x: Any) -> Any:
        """Arguments with nodes in place of what they stand for."""
        return changed(x, self.node)

    def node(self, x: Any) -> Any:
        """The node of a Value or a stand-in; anything else, a constant, as it is."""
        if not isinstance(x, Value):
            return x
        if self.stale and id(x) in self.stale:
            raise self.error(f"{describe(x)} is a view of an array that was written since: take it anew")
        node = self.node_of.get(id(x), self)
        if node is not self:
            return node
        if x.op is None:  # a parameter, or another leaf from outside
            return self.node_of[id(self.at(DataOf(x)))]
        raise self.error(
            f"{describe(x)} was computed before the step. Compute it inside, or pass it as an argument",
        )

    def examples(self, x: Any) -> Any:
        """Arguments with the numbers that they hold in this run."""
        return changed(x, lambda part: part._numbers if isinstance(part, Value) else part)

    def add(self, node: Node) -> Node:
        """The node, at the end of the program."""
        node.line = node.line or self.line or users_line()
        self.nodes.append(node)
        return node

    def error(self, message: str) -> Uncompilable:
        """What cannot be compiled, with the user's line."""
        file, number, function = users_line()
        return Uncompilable(f"{message}. This is in the compiled step, at {file}:{number}, in {function}")

    # -------------------------------------------------------------------------------------------- what comes to be

    def stand_in(self, numbers: Any, node: Any) -> Any:
        """What stands for plain numbers; of a tuple of them, a tuple. None and other objects are what they are."""
        if isinstance(numbers, (tuple, list)):
            parts = [
                self.stand_in(part, self.add(Node("call", _item, (node, i), like=part)))
                for i, part in enumerate(numbers)
            ]
            return type(numbers)(*parts) if hasattr(numbers, "_fields") else tuple(parts)
        if not isinstance(numbers, PLAIN) or isinstance(numbers, bool):
            return numbers
        kind = Traced if isinstance(numbers, (ndarray, np.generic)) else Host
        stand_in: Any = object.__new__(kind)
        stand_in._numbers, stand_in.op, stand_in.args, stand_in.params, stand_in.age = numbers, None, (), NO_PARAMS, 0
        stand_in._grad, stand_in.name, stand_in.scope = None, None, None
        return self.know(stand_in, node)

    def made(self, value: Value) -> None:
        """Called for every Value just recorded."""
        row, args = value.op, value.args
        if row is None:
            return
        if not row.rules and isinstance(row, Op) and row.forward.__name__ == "_no_replay":  # what was computed before
            self.know(value, next(self.node_of[id(x)] for x in reversed(self.alive) if x._numbers is value._numbers))
            return
        known = self.node_of
        nodes = [known[id(x)] if id(x) in known and not self.stale else self.nodes_of(x) for x in args]
        node = Node("call", row.forward, tuple(nodes), value.params, like=value._numbers, op=row)
        node.line = self.line or users_line()
        self.nodes.append(node)
        known[id(value)] = node
        self.alive.append(value)
        if row.name in ("take", "put", "scatter"):
            for x in args:  # a mask chooses as many elements as it has times True
                if isinstance(x, Value) and x.dtype == np.bool:
                    self.guarded(np.count_nonzero, x)
        if type(value) is NonDiff:
            for x in args:
                if isinstance(x, Value) and not isinstance(x, Traced):
                    return
            value.__class__ = Traced

    def called(self, function: Callable[..., Any], args: Any, kwargs: Any, kind: str = "call") -> Any:
        """What a function makes of stand-ins and plain numbers."""
        node = Node(kind, function, self.nodes_of(args), self.nodes_of(kwargs))
        numbers = function(*self.examples(args), **self.examples(kwargs))
        if kind == "call" and isinstance(numbers, bool):
            return self.guarded(function, *args, **kwargs)
        if kind == "call" and not isinstance(numbers, (*PLAIN, tuple, list)):
            raise self.error(f"{name_of(function)} makes {brief(numbers)} of numbers, which a program could not know")
        node.shape, node.dtype = getattr(numbers, "shape", None), getattr(numbers, "dtype", None)
        node.layout = layout_of(numbers)
        made = self.stand_in(numbers, self.add(node))
        if kind == "call" and function in SHAPED_BY_NUMBERS and (function is not np.where or len(args) == 1):
            for part in made if isinstance(made, tuple) else (made,):
                self.guarded(np.shape, part)
        return made

    def host(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a function makes of numbers, run at every step."""
        return self.called(function, args, {}, "host")

    def guarded(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a function says of numbers; where it says something else, the step is another program."""
        held = function(*self.examples(args), **self.examples(kwargs))
        self.add(Node("guard", function, self.nodes_of(args), self.nodes_of(kwargs), held=held))
        return held

    def relies_on(self, thing: Any) -> None:
        """Note a Module that was called; where it has become another, the step is another program."""
        self.things.setdefault(id(thing), thing)

    def leaf(self, value: Value, data: Any) -> Any:
        """The numbers of a new leaf, made from `data`."""
        self.local.add(id(value))
        if isinstance(data, (list, tuple)) and any(isinstance(x, Value) for x in data):
            data = self.called(np.array, (data,), {})
        if not isinstance(data, Traced):
            self.know(value, np.array(data)[()])  # a copy; as a number, if it is one
            return data
        if data.dtype.kind != "f":
            data = data.astype(np.float64)
        self.know(value, self.node(data))
        return data._numbers

    # ------------------------------------------------------------------------------------------------ what is outside

    def at(self, place: Place) -> Any:
        """What stands for what is at a place."""
        if place not in self.standing:
            numbers = place.read()
            node = self.add(Node("load", like=numbers, place=place))
            self.standing[place] = stand_in = self.stand_in(numbers, node)
            self.place_of[id(stand_in)] = place
        return self.standing[place]

    def array(self, x: Any) -> Any:
        """What stands for an array that lasts, such as a running mean."""
        return self.at(Memory(x)) if type(x) is ndarray else x

    def item(self, holder: Any, key: Any) -> Any:
        """What stands for an item that lasts, such as an option or a count."""
        x = holder[key]
        return self.at(Item(holder, key)) if type(x) in (int, float) else x

    def keep(self, holder: Any, key: Any, x: Any) -> None:
        """Put a number, or what stands for one, into an item that lasts."""
        place = Item(holder, key)
        place.write(self.examples(x))
        self.put(place, x)

    def options(self, group: dict[str, Any]) -> dict[str, Any]:
        """Options whose numbers may be others at every step."""
        made = {}
        for name, x in group.items():
            if type(x) is tuple and x and all(type(part) is float for part in x):
                whole = self.add(Node("load", place=Item(group, name)))
                made[name] = self.stand_in(x, whole)
            else:
                made[name] = self.item(group, name)
                if isinstance(x, bool):
                    self.guarded_at(bool, Item(group, name))
        return made

    def same(self, owner: Any, name: str) -> Any:
        """An attribute; where it is another object, the step is another program."""
        place = Attribute(owner, name)
        return self.guarded_at(_itself, place)

    def guarded_at(self, function: Callable[[Any], Any], place: Place) -> Any:
        """What a function says of what is at a place."""
        node = self.add(Node("load", place=place))
        held = function(place.read())
        self.add(Node("guard", function, (node,), held=held))
        return held

    def seen(self, value: Value, what: str, plain: Any) -> Any:
        """What stands for the `data` or the `grad` of a Value."""
        if what == "data":
            return self.shadow(value)
        return self.gradient(value)

    def shadow(self, x: Any) -> Any:
        """What stands for the numbers of a Value, and nothing flows through it."""
        if not isinstance(x, Value) or isinstance(x, Traced):
            return x
        node = self.node_of.get(id(x), self)
        if node is self and x.op is None:
            return self.at(DataOf(x))
        node = self.node(x)
        return self.stand_in(x._numbers, node) if isinstance(node, Node) else node[()]

    def gradient(self, value: Value) -> Any:
        """What stands for the gradient of a Value, or None."""
        place = GradOf(value)
        if id(value) in self.swept:
            self.put(place, self.swept.pop(id(value)), fresh=True)
        if place not in self.standing and id(value) not in self.node_of:  # else it came to be in this step
            if self.guarded_at(is_none, place):
                self.standing[place] = None
            return self.at(place)
        return self.standing.get(place)

    def assigned(self, value: Value, what: str, new: Any) -> Any:
        """The plain array that is assigned to the `data` or the `grad` of a Value."""
        if isinstance(new, Value) and not isinstance(new, Traced):
            return new  # an error, which the setter knows
        numbers = self.examples(new)
        if what == "data" and id(value) in self.local:
            self.node_of[id(value)] = self.node(new)
            return numbers
        if what == "grad":
            self.swept.pop(id(value), None)
        place = DataOf(value) if what == "data" else GradOf(value)
        if new is not None and new is self.standing.get(place):  # written in place already
            return value._numbers if what == "data" else value._grad
        if what == "data" and id(value) in self.node_of:
            return numbers  # an error, which the setter knows
        self.put(place, new, fresh=True)
        return numbers.copy() if isinstance(numbers, ndarray) else numbers

    def put(self, place: Place, x: Any, fresh: bool = False) -> None:
        """Note that `x` is what is at a place from now on."""
        node = self.node(x)
        self.stored[place] = node, fresh
        if type(place) is not GradOf:
            self.shades.clear()
        if x is None or isinstance(x, Value):
            self.standing[place] = x if x is None or not isinstance(x, Traced) else self.stand_in(x._numbers, node)
        else:
            self.standing[place] = self.stand_in(np.asarray(x)[()] if isinstance(place, GradOf) else x, x)
        self.place_of[id(self.standing[place])] = place

    def overwritten(self, target: Traced, result: Any) -> None:
        """Note that a stand-in was written in place; what it stands for is written too."""
        self.shades.clear()
        place = self.place_of.get(id(target))
        known = self.node_of.get(id(target))
        if isinstance(known, Node) and known.kind == "input":
            raise self.error("this writes into an argument of the step. Write x = x / 2 in place of x /= 2")
        if result.shape != target.shape:
            raise self.error(f"an array of shape {target.shape} cannot be written with one of shape {result.shape}")
        if result.dtype != target.dtype and not isinstance(target, Host):
            result = result.astype(target.dtype)
        array = target._numbers
        if type(array) is ndarray:
            for x in self.alive:
                if (
                    x is not target
                    and x is not result
                    and np.may_share_memory(x._numbers, array)
                    and not _holds(x, place)
                ):
                    self.stale.add(id(x))
            if array.flags.writeable:
                array[...] = result._numbers
            else:
                target._numbers = np.array(result._numbers)
        else:
            target._numbers = result._numbers
            if place is not None:
                place.write(result._numbers)
        node = self.node(result)
        self.node_of[id(target)] = node
        if place is not None:
            self.stored[place] = node, False

    def looked(self, value: Any, how: str) -> None:
        """Somebody looks at a number."""
        if isinstance(self.node_of.get(id(value)), (ndarray, np.generic)):
            return  # a constant
        raise self.error(
            f"{how}: this looks at the numbers of {describe(value)}, which a program cannot do. np.where chooses "
            f"element by element, np.take(array, v, axis=0) takes rows by numbers; what is to be seen is returned, and "
            f"looked at outside"
        )

    # ------------------------------------------------------------------------------------------------------ the sweep

    def of_a_sweep(self) -> Callable[..., None]:
        """What a sweep calls in place of `node.op.pull`."""
        return Sweep(self)

    def deposited(self, gradients: dict[Value, Any]) -> bool:
        """Put the gradients of a sweep where they belong."""
        for value, g in gradients.items():
            if value.op is not None:
                value._grad = numbers = self.examples(g)
                if isinstance(numbers, ndarray):
                    value._grad = numbers.copy()
                self.swept[id(value)] = g
                continue
            old = self.gradient(value)
            total = g if old is None else (old if type(g) is Value else self.shadow(old)) + g
            numbers = self.examples(total)
            value._grad = numbers.copy() if isinstance(numbers, ndarray) else numbers
            self.put(GradOf(value), total, fresh=True)
        return True

    # ---------------------------------------------------------------------------------------- the beginning, the end

    def arguments(self, given: Any) -> Any:
        """What the step is called with: stand-ins for arrays and floats, and Values as they are."""

        def standing(x: Any) -> Any:
            if type(x) is not float and not isinstance(x, (ndarray, np.generic, Value)):
                return x
            numbers = self.examples(x)
            node = self.add(Node("input", like=numbers, params={"name": f"x{len(self.inputs)}"}))
            self.inputs.append(node)
            return self.know(x, node) if isinstance(x, Value) else self.stand_in(numbers, node)

        return changed(given, standing)

    def outcome(self, result: Any, history: Op) -> tuple[Any, Any, Any]:
        """What the step returned: as nodes, as it goes to the user, and the class of each Value, None elsewhere."""

        def is_made(x: Any) -> bool:
            return isinstance(x, Value) and (x.op is not None or id(x) in self.node_of)

        def class_of(x: Any) -> Any:
            return type(x) if is_made(x) and not isinstance(x, Traced) else None

        def plain(x: Any) -> Any:
            if not is_made(x):
                return x
            kind = class_of(x)
            return new_value(kind, x._numbers, history, (), NO_PARAMS) if kind else x._numbers

        nodes = changed(result, lambda x: self.node(x) if is_made(x) else x)
        return nodes, changed(result, plain), changed(result, class_of)

    def close(self) -> None:
        """End the program with what it relies on, and with all that is left behind."""
        values = [place.owner for place in self.standing if isinstance(place, DataOf)]
        structure = Structure([*self.things.values(), *values])
        self.add(Node("guard", Structure.holds, (structure,), held=True))
        for place, (x, fresh) in self.stored.items():
            if id(place.owner) not in self.node_of:  # else it came to be in this step, and is gone after it
                self.add(Node("store", None, (x,), {"fresh": fresh}, place=place))

    def cut(self, history: Op) -> list[ref[Value]]:
        """Take the history of all that was computed, and put this in its place; what was computed."""
        made = [x for x in self.alive if getattr(self.node_of.get(id(x)), "kind", "") == "call"]
        for x in made:
            x.op, x.args = history, ()
        vars(self).clear()  # a mode that is over may still hold the tape
        return [ref(x) for x in made]


def name_of(function: Any) -> str:
    """What a function is called."""
    return str(getattr(function, "__name__", function))


def _item(parts: Any, i: int) -> Any:
    return parts[i]


def _itself(x: Any) -> Any:
    return x


def is_none(x: Any) -> bool:
    """Whether there is nothing."""
    return x is None


def _holds(x: Any, place: Place | None) -> bool:
    """Whether a Value is the very owner of a place."""
    return place is not None and place.owner is x
