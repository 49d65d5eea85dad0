"""A program as the text of a NumPy function, and run: a line for each node, into memory that is planned beforehand."""

from __future__ import annotations

import keyword
import math
import operator
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import NO_PARAMS, Gone, NonDiff, Value, modes, new_age, new_value
from ..core.modes import settled
from ..core.written import function_of
from .home import Together, here
from .lowering import add_reduce, summed, transposed
from .memory import Plan
from .nodes import Attribute, DataOf, GradOf, Item, Memory, Node, Place, Uncompilable, ufunc_of
from .program import Program
from .structure import Structure
from .surroundings import Surroundings
from .tape import is_none, itself
from .views import view_of

COMPILED = Gone(
    "COMPILED",
    "it is a result of a compiled function, which keeps no history: call backward() inside the function, or compile "
    "mg.value_and_grad(f)",
)

dot: Any = np.ndarray.dot  # faster than np.dot, which first looks for classes that have a way of their own
INFIX: dict[Any, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/",
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/",
}  # fmt: skip
TOO_LATE = (
    "what is drawn, or done by the host, in the compiled step decides its course, at {}: a program cannot go another "
    "way from there. Draw it outside, and pass it as an argument"
)


class OtherProgram(Exception):
    """A guard does not hold: the step would be another program now. Nothing has been changed."""


class Writer:
    """The text of a program, line by line, and what its names mean."""

    def __init__(self, program: Program) -> None:
        self.program: Program = program
        self.plan: Plan = Plan(program)
        self.names: dict[int, str] = {}  # id of a node -> what it is called in the text
        self.meaning: dict[str, Any] = {
            "OtherProgram": OtherProgram, "new_age": new_age, "new_value": new_value, "COMPILED": COMPILED,
            "NO_PARAMS": NO_PARAMS, "Value": Value, "NonDiff": NonDiff, "settled": settled,
        }  # fmt: skip
        self.named: dict[int, str] = {}  # id of an object -> its name
        self.last_number: dict[str, int] = {}  # of the names that begin alike
        self.lines: list[str] = []
        self.last: list[str] = []
        self.homes: list[str] = []  # after all that may look at views of what is there
        self.scalars: list[str] = []  # the 0-d Values that are written
        self.moved: list[str] = []  # the Values whose numbers are written: what used the old ones is older now

    def write(self) -> None:
        """All lines."""
        for node in self.program.inputs:
            self.names[id(node)] = self.reserved(node.params["name"])
        for node in self.program.nodes:
            getattr(self, f"write_{node.kind}")(node)

    # ---------------------------------------------------------------------------------------------------------- names

    def reserved(self, hint: str, numbered: bool = False, meaning: Any = None) -> str:
        """A name that nothing else has."""
        base = re.sub(r"\W+", "_", hint).strip("_") or "x"
        if keyword.iskeyword(base) or base[0].isdigit():
            base = f"_{base}"
        name = f"{base}1" if numbered else base
        while name in self.meaning:
            i = self.last_number[base] = self.last_number.get(base, 1) + 1
            name = f"{base}{i}" if not base[-1].isdigit() else f"{base}_{i}"
        self.meaning[name] = meaning
        return name

    def name(self, thing: Any, hint: str, numbered: bool = False) -> str:
        """What an object is called in the text."""
        if id(thing) not in self.named:
            self.named[id(thing)] = self.reserved(hint, numbered, thing)
        return self.named[id(thing)]

    def new(self, node: Node, array: Any = None) -> str:
        """A name for what a node makes; of `array`, if it goes there."""
        self.names[id(node)] = name = self.reserved(node.name, True, array)
        return name

    def owner(self, place: Place) -> str:
        """What the owner of a place is called."""
        if place.argument is not None:
            return self.names[id(place.argument)]
        return self.name(place.owner, owner_of(place), True)

    def text(self, x: Any) -> str:
        """An argument in the text."""
        if type(x) is Node:
            return self.names[id(x)]
        if type(x) is tuple:
            return f"({', '.join(map(self.text, x))}{',' if len(x) == 1 else ''})"
        if type(x) is list:
            return f"[{', '.join(map(self.text, x))}]"
        if type(x) is dict:
            return f"{{{', '.join(f'{name!r}: {self.text(part)}' for name, part in x.items())}}}"
        if type(x) is slice:
            return f"slice({self.text(x.start)}, {self.text(x.stop)}, {self.text(x.step)})"
        if x is None or x is Ellipsis or type(x) in (int, bool, str) or (type(x) is float and math.isfinite(x)):
            return repr(x)
        if isinstance(x, (float, np.generic)):
            return self.number(x)
        return self.name(x, "constant" if isinstance(x, np.ndarray) else getattr(x, "__name__", "constant"), True)

    def number(self, x: Any, dtype: Any = None) -> str:
        """A number, as an array without axes: NumPy takes it faster; beside an array of its dtype it is the same."""
        array = np.asarray(x, dtype)
        shown = re.sub(r"\W", "_", f"{x}".replace("-", "minus_").replace("+", ""))
        key = "number", array.dtype, array.tobytes()
        if key not in self.named:  # type: ignore[comparison-overlap]
            self.named[key] = self.reserved(f"{array.dtype.name}_{shown}", meaning=array if dtype else x)  # type: ignore[index]
        return self.named[key]  # type: ignore[index]

    def operand(self, x: Any, node: Node) -> str:
        """An argument of a ufunc: numbers take the dtype of the arrays beside them."""
        if isinstance(x, (int, float, np.generic)) and not isinstance(x, bool) and ufunc_of(node) is not np.ldexp:
            beside = [y.dtype for y in node.inputs() if y.shape]
            one = bool(beside) and beside[0].kind == "f" and all(dtype == beside[0] for dtype in beside)
            if one and (not isinstance(x, np.generic) or x.dtype == beside[0]):
                return self.number(x, beside[0])
        return self.text(x)

    # ---------------------------------------------------------------------------------------------------------- lines

    def write_input(self, node: Node) -> None:
        """It is there."""

    def write_load(self, node: Node) -> None:
        """What is at a place, when the step begins."""
        place: Any = node.place
        owner = self.owner(place)
        if isinstance(place, Together):
            self.names[id(node)] = self.reserved(name_of(place), meaning=place.owner.array)
            self.lines.append(f"{owner}.read()")
            return
        self.names[id(node)] = name = self.reserved(name_of(place))
        self.lines.append(f"{name} = {loading(place, owner)}")

    def write_guard(self, node: Node) -> None:
        """Nothing is done where it does not hold."""
        self.lines.append(f"if {self.otherwise(node)}: raise OtherProgram")

    def write_check(self, node: Node) -> None:
        """It is too late for another program."""
        error = self.name(Uncompilable(TOO_LATE.format("{}:{}, in {}".format(*node.line))), "too_late", True)
        self.lines.append(f"if {self.otherwise(node)}: raise {error}")

    def otherwise(self, node: Node) -> str:
        """The condition that a guard does not hold: written out where that is faster than the call."""
        held, function = node.held, node.function
        if function is Surroundings.holds:
            return f"not {self.name(node.args[0], 'around')}.holds()"
        if function is Structure.holds:
            return self.restructured(node.args[0])
        if function is bool:
            return f"{'not ' if held else ''}{self.text(node.args[0])}"
        if function is is_none:
            return f"{self.text(node.args[0])} is {'not ' if held else ''}None"
        if function is itself:
            return f"{self.text(node.args[0])} is not {self.name(held, 'held', True)}"
        call = self.call(node)
        if type(held) is bool:
            return call if not held else f"not {call}"
        plain = isinstance(held, (int, str, tuple, np.generic))
        return f"{call} != {self.text(held)}" if plain else f"{call} is not {self.name(held, 'held', True)}"

    def restructured(self, structure: Structure) -> str:
        """The condition that Modules are others: looked at where one was changed anywhere, or one of their lists."""
        same = self.name(structure, "structure")
        changed = [f"{self.name(modes.changes, 'changes')}[0] != {same}.since"]
        for x, was, plain in structure.lists:
            changed.append(f"{self.name(x, 'parts', True)} != {self.name(was, 'were', True)}" if plain else "True")
        return f"({' or '.join(changed)}) and not {same}.holds()"

    def write_barrier(self, node: Node) -> None:
        """Everything is where it belongs before such a call."""
        self.lines += self.stores()
        self.write_host(node)

    def stores(self) -> list[str]:
        """The lines that store what is pending."""
        if self.scalars:
            self.last.insert(0, f"{self.name(here, 'here')}({', '.join(dict.fromkeys(self.scalars))})")
        if self.moved:
            self.last.append(f"{' = '.join(f'{owner}.age' for owner in self.moved)} = new_age()")
        lines = [*self.last, *self.homes]
        self.last, self.homes, self.scalars, self.moved = [], [], [], []
        return lines

    def write_host(self, node: Node) -> None:
        """A call that is made every time."""
        self.lines.append(f"{self.new(node)} = {self.call(node)}" if self.plan.is_read(node) else self.call(node))
        self.plan.done(node)

    def write_call(self, node: Node) -> None:
        """A call, into planned memory where it can be told to go there."""
        if node in self.plan.ends:  # it is written where it is stored
            return
        ufunc = ufunc_of(node)
        view = view_of(node, self.fixed(node))
        if view is not None:
            self.plan.shares(node)
            self.new(node, view)
        elif self.plan.has_room(node) and (ufunc is not None or node.function is np.dot or is_sum(node)):
            inputs = [self.text(x) for x in node.args]
            out = self.new(node, self.plan.array(node, in_place=ufunc is not None))
            if ufunc is not None:
                self.lines.append(self.ufunc_call(ufunc, node, out))
            elif is_sum(node):
                self.lines.append(self.sum_call(node, inputs[0], out))
            else:
                self.lines.append(f"{self.name(dot, 'dot')}({', '.join([*inputs, out])})")
        else:
            self.plan.shares(node)
            self.lines.append(f"{self.new(node)} = {self.expression(node, ufunc)}")

    def expression(self, node: Node, ufunc: np.ufunc | None) -> str:
        """What makes a result that is new every time."""
        arguments = [self.text(x) for x in node.args]
        if node.function is transposed:
            return f"{arguments[0]}.T"
        if node.function in INFIX and node.shape == () and node.dtype.kind == "f" and not node.params:
            return f" {INFIX[node.function]} ".join(arguments)
        if is_sum(node):
            return self.sum_call(node, arguments[0])
        if node.function is np.dot and not node.params:
            return f"{self.name(dot, 'dot')}({', '.join(arguments)})"
        return self.ufunc_call(ufunc, node) if ufunc is not None else self.call(node)

    def fixed(self, node: Node) -> Any:
        """The array of the first argument of a node, if it is the same in every run: views of it are made once."""
        first = node.args[0] if node.args else None
        return self.meaning.get(self.names[id(first)]) if type(first) is Node else None

    def ufunc_call(self, ufunc: np.ufunc, node: Node, out: str | None = None) -> str:
        """The call of a ufunc, into `out` if that is given."""
        arguments = [self.operand(x, node) for x in node.args]
        if out:
            arguments.append(f"out={out}" if ufunc in (np.maximum, np.minimum) else out)  # by name is slower
        return f"{self.name(ufunc, ufunc.__name__)}({', '.join(arguments)})"

    def sum_call(self, node: Node, x: str, out: str | None = None) -> str:
        """The call of np.add.reduce, which np.sum wraps: axis, dtype, out, keepdims."""
        axis, keepdims = self.text(node.params.get("axis")), node.params.get("keepdims")
        more = f", None, {out}{', True' if keepdims else ''}" if out or keepdims else ""
        return f"{self.name(add_reduce, 'sum')}({x}, {axis}{more})"

    def call(self, node: Node) -> str:
        """The call of any function."""
        hint = getattr(node.function, "__name__", type(node.function).__name__).strip("<>_")
        arguments = [self.text(x) for x in node.args]
        named = [f"{name}={self.text(x)}" for name, x in node.params.items()]
        return f"{self.name(node.function, hint)}({', '.join([*arguments, *named])})"

    def write_store(self, node: Node) -> None:
        """What goes to a place, last of all."""
        place: Any = node.place
        owner, x = self.owner(place), node.args[0]
        if isinstance(place, Together):
            self.homes.append(f"{owner}.write({self.text(x)})")
            return
        if type(x) is Node and x in self.plan.ends:
            target = self.names[id(self.plan.ends[x])]
            self.last.append(self.ufunc_call(ufunc_of(x), x, target))  # type: ignore[arg-type]
            if isinstance(place, DataOf):
                self.moved.append(owner)
            return
        if isinstance(place, DataOf):
            self.moved.append(owner)
        if isinstance(place, (DataOf, GradOf)) and not place.owner.shape:
            self.scalars.append(owner)
        self.last.append(storing(place, owner, self.text(x), node.params["fresh"]))

    def returned(self, x: Any, classes: Any) -> str:
        """What the step returns, in the text: a Value where the class of one is given."""
        if isinstance(classes, type):
            return f"new_value({classes.__name__}, {self.text(x)}, COMPILED, (), NO_PARAMS)"
        if type(x) in (tuple, list):
            inside = ", ".join(map(self.returned, x, classes))
            return f"[{inside}]" if type(x) is list else f"({inside}{',' if len(x) == 1 else ''})"
        if type(x) is dict:
            return f"{{{', '.join(f'{key!r}: {self.returned(part, classes[key])}' for key, part in x.items())}}}"
        return self.text(x)

    def source(self, name: str) -> str:
        """The whole text."""
        self.meaning[name] = None
        self.write()
        arguments = ", ".join(self.names[id(node)] for node in self.program.inputs)
        body = [*self.lines, *self.stores(), f"return {self.returned(self.program.result, self.program.classes)}"]
        return "\n    ".join([f"def {name}({arguments}):", *body]) + "\n"


# ----------------------------------------------------------------------------------------------------- calls and places


def is_sum(node: Node) -> bool:
    """Whether a node adds up over axes, as np.add.reduce does."""
    return node.function is summed or (
        node.op is not None and node.op.key is np.sum and node.function is node.op.forward
    )


def owner_of(place: Place) -> str:
    """What the owner of a place is called in the text."""
    kinds = {
        DataOf: "value",
        GradOf: "value",
        Memory: "state",
        Item: "options" if isinstance(place.name, str) else "counts",
    }
    return kinds.get(type(place), type(place.owner).__name__.lower())


def name_of(place: Place) -> str:
    """What that which is at a place is called in the text."""
    if isinstance(place, (DataOf, GradOf)):
        name = place.owner.name or "value"
        return f"{name}_grad" if isinstance(place, GradOf) else name
    return {Memory: "kept", Together: "scalars", Item: f"{place.name}" if isinstance(place.name, str) else "count"}.get(
        type(place), str(place.name)
    )


def loading(place: Place, owner: str) -> str:
    """The expression that reads a place."""
    if isinstance(place, DataOf):
        return f"{owner}._numbers"
    if isinstance(place, GradOf):
        return f"settled({owner})"
    if isinstance(place, Item):
        return f"{owner}[{place.name!r}]"
    return f"{owner}.{place.name}" if isinstance(place, Attribute) else owner


def storing(place: Place, owner: str, x: str, fresh: bool) -> str:
    """The line that writes a place."""
    if isinstance(place, GradOf):
        return f"{owner}._grad = {x}"
    written = isinstance(place, DataOf) and type(place.owner._numbers) is np.ndarray and not fresh
    return f"{loading(place, owner)}{'[...]' if written or isinstance(place, Memory) else ''} = {x}"


class NumPyProgram:
    """A program that runs as NumPy. `source` is its text, `bytes` what its planned memory takes."""

    fast: Callable[..., Any] | None = None  # what may be called with arguments that nobody has checked

    def __init__(self, program: Program, name: str = "step") -> None:
        writer = Writer(program)
        self.program: Program = program
        self.form: Any = program.form  # what is to be put together of the results; most often None
        self.source: str = writer.source(name)
        self.bytes: int = writer.plan.bytes
        self.run: Callable[..., Any] = function_of(self.source, name, f"program of {name}, {id(self)}", writer.meaning)
        self.busy = threading.Lock()

    def __call__(self, arguments: list[Any]) -> Any:
        """What the step returns for these arguments."""
        if self.is_inside():  # a call of the host's has come back here: the memory is in use
            raise OtherProgram
        with self.busy:
            return self.run(*arguments)

    def is_inside(self) -> bool:
        """Whether this thread is in the program already."""
        frame: Any = sys._getframe() if self.busy.locked() else None
        while frame is not None:
            if frame.f_code is self.run.__code__:
                return True
            frame = frame.f_back
        return False

    def hurries(self, arguments: tuple[Any, ...]) -> bool:
        """Whether `fast` can take these arguments, each an array or a float."""
        if self.fast is None:
            self.fast = self.checking(arguments)
        return True

    def checking(self, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """What runs the program if its arguments are like these, and nobody is in it."""
        names = [f"x{i}" for i in range(len(arguments))]
        known: dict[str, Any] = {"OtherProgram": OtherProgram, "run": self.run, "ndarray": np.ndarray}
        known |= {"acquire": self.busy.acquire, "release": self.busy.release}
        tests = []
        for name, x in zip(names, arguments, strict=True):
            if type(x) is float:
                tests.append(f"type({name}) is not float")
                continue
            known[f"{name}_dtype"] = x.dtype
            tests.append(f"type({name}) is not ndarray or {name}.dtype is not {name}_dtype")
            tests.append(f"{name}.strides != {x.strides} or {name}.shape != {x.shape}")
        text = f"""def fast({", ".join(names)}):
    if {" or ".join([*tests, "not acquire(False)"])}: raise OtherProgram
    try:
        return run({", ".join(names)})
    finally:
        release()
"""
        return function_of(text, "fast", f"arguments of program {id(self)}", known)
