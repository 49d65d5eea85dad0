"""One run of a step, recorded: every call on numbers that come from outside, and everything it leaves behind.

The step runs as it always does, on the user's own data. But its arguments, the `data` and `grad` of parameters and the
options of optimisers are handed out as stand-ins (see `traced`), so that whatever is computed from them ends up here as
a node. Looking at a number is refused: a program could not know that it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..core import NO_PARAMS, TAPE, Mode, NonDiff, Op, Value, modes
from ..core.modes import settled
from ..debugging import users_line
from ..words import brief, describe
from .functions import SHAPED_BY_NUMBERS, filled, is_none, item_of, name_of
from .impure import unnoticed
from .nodes import (
    FLOAT,
    NUMBERS,
    Attribute,
    DataOf,
    GradOf,
    Item,
    Memory,
    Node,
    Place,
    Uncompilable,
    arrays_in,
    changed,
    constants,
    is_packed,
    layout_of,
    scalar_call,
)  # fmt: skip
from .patterns import Patterns
from .rules import deposit, of_a_sweep
from .structure import Structure
from .surroundings import Surroundings
from .traced import Host, Traced, cast, looking
from .writes import Writes, laid_as

PLAIN = (ndarray, np.generic, int, float)
STAND_INS = (Traced, Host)


class Tape:
    """The nodes of a step in the order in which they came to be."""

    def __init__(self, around: Surroundings, earlier: Sequence[Node] = ()) -> None:
        self.around: Surroundings = around
        self.nodes: list[Node] = []
        self.earlier: Sequence[Node] = earlier  # of the call before: what is the same in the same place is one node
        self.inputs: list[Node] = []
        self.node_of: dict[int, Any] = {}  # id of a Value or a stand-in -> its node, or the array it is if a constant
        self.alive: list[Any] = []  # what these ids are of
        self.local: set[int] = set()  # leaves that were made by the step itself
        self.standing: dict[Place, Any] = {}  # what stands for what is there now: a stand-in, a Value, or None
        self.place_of: dict[int, Place] = {}
        self.stored: dict[Place, tuple[Any, bool]] = {}  # what is left there: a node, and whether it is in new memory
        self.argument_of: dict[int, Node] = {}  # id of a leaf among the arguments -> its node
        self.writes: Writes = Writes()
        self.swept: dict[int, Any] = {}  # id of what the step computed -> its gradient, as long as nobody asks for it
        self.shades: dict[int, Any] = {}  # id of a Value -> what stands for its numbers in rules
        self.line: Any = None  # of the user's, that began the sweep which is running
        self.loaded: dict[int, Node] = {}  # id of a leaf from outside -> its numbers, until something is written
        self.patterns: Patterns = Patterns(self)
        self.things: dict[int, Any] = {}  # Modules that were called, and leaves from outside
        self.copies: list[Any] = []  # of Modules, made in the step
        self.refused: Uncompilable | None = None  # the latest error, which the user's program may catch

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
        if self.writes.stale:
            self.writes.refreshed(self, x)
        node = self.node_of.get(id(x), self)
        if node is self:
            node = self.loaded.get(id(x), self)
        if node is not self:
            return node
        if x.op is None:  # a parameter, or another leaf from outside
            node = self.loaded[id(x)] = self.node_of[id(self.at(self.place(DataOf, x)))]
            return node
        raise self.error(
            f"{describe(x)} was computed before the step. Compute it inside, or pass it as an argument",
        )

    def examples(self, x: Any) -> Any:
        """Arguments with the numbers that they hold in this run."""
        return changed(x, modes.number)

    def add(self, node: Node) -> Node:
        """The node, at the end of the program; or that of the call before, if it is the same."""
        at = len(self.nodes)
        twin = self.earlier[at] if at < len(self.earlier) else None
        if twin is not None and node.is_as(twin):
            node = twin
        else:
            node.line = node.line or self.line or users_line()
        self.nodes.append(node)
        return node

    def add_scalar(self, function: Callable[..., Any], args: tuple[Any, ...], op: Any, dtype: Any = FLOAT) -> Node:
        """A call that makes one number, as `add` adds it: sooner done, for there are many."""
        at = len(self.nodes)
        node = self.earlier[at] if at < len(self.earlier) else None
        if node is None or node.op is not op or node.dtype is not dtype or not node.is_call(function, args):
            node = scalar_call(function, args, op, dtype, self.line or users_line())
        self.nodes.append(node)
        return node

    def error(self, message: str) -> Uncompilable:
        """What cannot be compiled, with the user's line."""
        file, number, function = users_line()
        self.refused = Uncompilable(f"{message}. This is in the compiled step, at {file}:{number}, in {function}")
        return self.refused

    # -------------------------------------------------------------------------------------------- what comes to be

    def stand_in(self, numbers: Any, node: Any) -> Any:
        """What stands for plain numbers; of a tuple of them, a tuple. None and other objects are what they are."""
        if isinstance(numbers, (tuple, list)):
            parts = [
                self.stand_in(part, self.add(Node("call", item_of, (node, i), like=part)))
                for i, part in enumerate(numbers)
            ]
            return type(numbers)(*parts) if hasattr(numbers, "_fields") else tuple(parts)
        if not isinstance(numbers, PLAIN) or isinstance(numbers, bool):
            return numbers
        return self.standing_for(numbers, node, Traced if isinstance(numbers, (ndarray, np.generic)) else Host)

    def standing_for(self, numbers: Any, node: Any, kind: type[Traced] = Traced) -> Any:
        """What stands for an array, or a number, the simplest of which are many."""
        stand_in: Any = object.__new__(kind)
        stand_in._numbers, stand_in.op, stand_in.args, stand_in.params, stand_in.age = numbers, None, (), NO_PARAMS, 0
        stand_in._grad, stand_in.name, stand_in.scope = None, None, None
        self.node_of[id(stand_in)] = node
        self.alive.append(stand_in)
        return stand_in

    def made(self, value: Value) -> None:
        """Called for every Value just recorded."""
        if modes.WATCHER.get() is not None:
            raise self.error("debug mode looks at every number. Put it around the call: with mg.debug(): step(…)")
        row, args = value.op, value.args
        if row is None:
            return
        if not row.rules and isinstance(row, Op) and row.forward.__name__ == "_no_replay":  # what was computed before
            self.know(value, next(self.node_of[id(x)] for x in reversed(self.alive) if x._numbers is value._numbers))
            return
        known, stale = self.node_of, self.writes.stale
        nodes = [
            known[id(x)] if id(x) in known and not stale else x if type(x) in NUMBERS else self.nodes_of(x)
            for x in args
        ]
        if isinstance(value._numbers, np.float64) and not value.params:
            node = self.add_scalar(row.forward, tuple(nodes), row)
        else:
            function = cast if type(value) is NonDiff and row.name == "astype" else row.forward  # ints too
            node = self.add(Node("call", function, tuple(nodes), value.params, like=value._numbers, op=row))
        self.know(value, node)
        for x in args:
            if type(x) is Traced and x.dtype.kind not in "fiub":
                raise self.error(f"this computes with an array of dtype {x.dtype}: in a program numbers are real")
        if row.name in ("take", "put", "scatter"):
            for x in args:  # a mask chooses as many elements as it has times True
                if isinstance(x, Value) and x.dtype == np.bool:
                    self.guarded(np.count_nonzero, x)
        if type(value) is NonDiff and all(type(x) in STAND_INS or not isinstance(x, Value) for x in args):
            value.__class__ = Traced
            self.writes.made(value, row.forward, args, value.params)

    def called(self, function: Callable[..., Any], args: Any, kwargs: Any, kind: str = "call") -> Any:
        """What a function makes of stand-ins and plain numbers."""
        node = Node(kind, function, self.nodes_of(args), self.nodes_of(kwargs))
        if kind == "call":
            numbers = function(*self.examples(args), **self.examples(kwargs))
        else:
            with Mode(TAPE, None), unnoticed():
                numbers = function(*self.examples(args), **self.examples(kwargs))
        if type(numbers) is ndarray and not numbers.ndim:
            numbers = numbers[()]
        if kind == "call" and isinstance(numbers, bool):
            return self.guarded(function, *args, **kwargs)
        if kind == "call" and not isinstance(numbers, (*PLAIN, tuple, list)):
            raise self.error(f"{name_of(function)} makes {brief(numbers)} of numbers, which a program could not know")
        node.shape, node.dtype = getattr(numbers, "shape", None), getattr(numbers, "dtype", None)
        node.layout, node.packed = layout_of(numbers), is_packed(numbers)
        made = self.stand_in(numbers, self.add(node))
        self.writes.made(made, function, args, kwargs)
        if kind == "call" and function in SHAPED_BY_NUMBERS and (function is not np.where or len(args) == 1):
            for part in made if isinstance(made, tuple) else (made,):
                self.guarded(np.shape, part)
        return made

    def host(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a function makes of numbers, run at every step."""
        made = self.called(function, args, {}, "host")
        for x in args:
            self.around.drawn(x)
        return made

    def barrier(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a function of the host's returns, that may look at and change all that lasts.

        What was written so far is stored before it. All that lasts is loaded anew after it, and what stood for it is
        not to be used any more.
        """
        self.store()
        for stand_in in self.standing.values():
            self.place_of.pop(id(stand_in), None)
            if isinstance(stand_in, Traced) and not isinstance(stand_in, Host):
                self.writes.stale.add(id(stand_in))
        self.standing.clear()
        self.loaded.clear()
        made = self.called(function, args, {}, "barrier")
        self.around.done_by_host()
        return made

    def hooked(self, rule: Callable[..., Any], args: Any, params: dict[str, Any]) -> Any:
        """What a rule makes of a gradient that hands it to a function of the user's: run at every step."""
        made = self.called(rule, args, params, "host")
        self.around.done_by_host()
        return made

    def guarded(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a function says of numbers; where it says something else, the step is another program."""
        held = function(*self.examples(args), **self.examples(kwargs))
        self.add(Node("guard", function, self.nodes_of(args), self.nodes_of(kwargs), held=held))
        return held

    def relies_on(self, thing: Any) -> None:
        """Note a Module that was called; where it has become another, the step is another program."""
        if not any(thing is copy for copy in self.copies):
            self.things.setdefault(id(thing), thing)

    def leaf(self, value: Value, data: Any) -> Any:
        """The numbers of a new leaf, made from `data`."""
        self.local.add(id(value))
        is_list = isinstance(data, (list, tuple)) and any(isinstance(x, Value) for x in data)
        data = self.called(np.array, (data,), {}) if is_list else data
        if not isinstance(data, Traced):
            self.know(value, data if self.around.lasts(data) else np.array(data)[()])  # as a number, if it is one
            return data
        if data.dtype.kind != "f" and (is_list or not data.ndim):  # an array of ints is refused, as in an eager step
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
        return self.current(place)

    def current(self, place: Place) -> Any:
        """What stands for what is at a place, which holds the very array that is there now."""
        stand_in = self.standing.get(place)
        if isinstance(place, (DataOf, GradOf)) and isinstance(stand_in, Traced):
            numbers = place.read()
            stand_in._numbers = numbers._numbers if isinstance(numbers, Value) else numbers
        return stand_in

    def place(self, kind: type[Place], value: Value) -> Place:
        """Where the numbers, or the gradient, of a leaf are."""
        argument = self.argument_of.get(id(value))
        if kind is DataOf and argument is None:
            self.things[id(value)] = value
        return kind(value, None, argument)

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

    def asked_of(self, function: Callable[[Any], Any], owner: Any, name: str) -> Any:
        """What a function says of an attribute; where it says something else, the step is another program."""
        return self.guarded_at(function, Attribute(owner, name))

    def guarded_at(self, function: Callable[[Any], Any], place: Place) -> Any:
        """What a function says of what is at a place."""
        found = place.read()
        node = self.add(Node("load", like=found, place=place))
        held = function(found)
        self.add(Node("guard", function, (node,), held=held))
        return held

    def seen(self, value: Value, what: str) -> Any:
        """What stands for the `data` or the `grad` of a Value."""
        return self.shadow(value) if what == "data" else self.gradient(value)

    def shadow(self, x: Any) -> Any:
        """What stands for the numbers of a Value, and nothing flows through it."""
        if not isinstance(x, Value) or isinstance(x, Traced):
            return x
        node = self.node_of.get(id(x), self)
        if node is self and x.op is None:
            return self.at(self.place(DataOf, x))
        node = self.node(x)
        if id(x) in self.local and x.shape:
            return self.writes.data_of(self, x, node)
        if isinstance(node, Node):
            return self.stand_in(x._numbers, node)
        return node[()] if type(node) is ndarray else node  # a number itself, as which patterns know it

    def gradient(self, value: Value) -> Any:
        """What stands for the gradient of a Value, or None."""
        place = self.place(GradOf, value)
        if id(value) in self.swept:
            self.put(place, self.swept.pop(id(value)), fresh=True)
        if place not in self.standing and id(value) not in self.node_of:  # else it came to be in this step
            if self.guarded_at(is_none, place):
                self.standing[place] = None
            return self.at(place)
        return self.current(place)

    def assigned(self, value: Value, what: str, new: Any) -> Any:
        """The plain array that is assigned to the `data` or the `grad` of a Value."""
        if isinstance(new, Value) and not isinstance(new, Traced):
            return new  # an error, which the setter knows
        if what == "data" and id(value) in self.local:
            new = self.fitting(value, what, new)
            self.node_of[id(value)] = self.node(new)
            return self.examples(new)
        if what == "grad":
            self.swept.pop(id(value), None)
        place = self.place(DataOf if what == "data" else GradOf, value)
        if new is not None and new is self.standing.get(place):  # written in place already
            return value._numbers if what == "data" else settled(value)
        if what == "data" and id(value) in self.node_of:
            return self.examples(new)  # an error, which the setter knows
        new = self.fitting(value, what, new)
        self.put(place, new, fresh=True)
        numbers = self.examples(new)
        return numbers.copy() if isinstance(numbers, ndarray) else numbers

    def fitting(self, value: Value, what: str, new: Any) -> Any:
        """What is assigned to a Value, in its dtype; made anew at every step if it is a constant."""
        if isinstance(new, Traced):
            if what == "grad" and not new.ndim and value.ndim:
                return self.called(filled, (value.shape, new, value.dtype), {})
            new = new if type(new) is Traced and new.dtype == value.dtype else new.astype(value.dtype)
            return laid_as(self, new, value._numbers) if what == "data" else new
        if new is None or isinstance(new, Value) or not (np.shape(new) == value.shape or what == "grad"):
            return new
        return self.called(filled, (value.shape, new, value.dtype), {})

    def put(self, place: Place, x: Any, fresh: bool = False) -> None:
        """Note that `x` is what is at a place from now on."""
        node = self.node(x)
        self.stored[place] = node, fresh
        if type(place) is not GradOf:
            self.written()
        if x is None or isinstance(x, Value):
            self.standing[place] = x if x is None or not isinstance(x, Traced) else self.stand_in(x._numbers, node)
        else:
            self.standing[place] = self.stand_in(np.asarray(x)[()] if isinstance(place, GradOf) else x, x)
        self.place_of[id(self.standing[place])] = place

    def overwritten(self, target: Traced, result: Any) -> None:
        """Note that the array for which a stand-in stands was written in place."""
        self.written()
        self.writes.write(self, target, result)
        self.written()

    def written(self) -> None:
        """What stood for numbers may not stand for them any more."""
        self.shades.clear()
        self.loaded.clear()

    def looked(self, value: Any, how: str) -> None:
        """Somebody looks at a number."""
        if isinstance(self.node_of.get(id(value)), (ndarray, np.generic)):
            return  # a constant
        raise self.error(looking(describe(value), how))

    # ------------------------------------------------------------------------------------------------------ the sweep

    def of_a_sweep(self) -> Callable[..., None]:
        """What a sweep calls in place of `node.op.pull`."""
        return of_a_sweep(self)

    def deposited(self, gradients: dict[Value, Any]) -> bool:
        """Put the gradients of a sweep where they belong."""
        deposit(self, gradients)
        return True

    # ---------------------------------------------------------------------------------------- the beginning, the end

    def close(self) -> None:
        """End the program with what it relies on, and with all that is left behind."""
        self.around.read(x for part in constants(self.nodes) for x in arrays_in(part))
        self.add(Node("guard", Surroundings.holds, (self.around,), held=True))
        things = list((self.things | self.around.owners).values())  # not all that is used is called
        self.add(Node("guard", Structure.holds, (Structure(things),), held=True))
        self.writes.guard(self)
        self.store()

    def store(self) -> None:
        """Put what was written where it lasts."""
        for place, (x, fresh) in self.stored.items():
            if id(place.owner) not in self.node_of:  # else it came to be in this step, and is gone after it
                self.add(Node("store", None, (x,), {"fresh": fresh}, place=place))
        self.stored.clear()
