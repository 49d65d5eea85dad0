"""A program as the text of a NumPy function: a line for each node, into memory that is planned beforehand."""

from __future__ import annotations

import keyword
import math
import operator
import re
from typing import Any

import numpy as np

from ..core import NO_PARAMS, Gone, Later, NonDiff, Value, new_age, new_value
from ..core.modes import settled
from .arena import Arena
from .blocks import is_cut_up
from .host import runs_others
from .lowering import add_reduce, is_masking, is_sum, transposed
from .memory import Plan, is_told, repeated_in
from .nodes import DataOf, GradOf, Node, Place, Uncompilable, ufunc_of, varies
from .numpy_blocks import Block
from .numpy_guards import otherwise
from .numpy_places import loading, name_of, owner_of, storing
from .passes import copied, in_order, is_new
from .program import Program
from .scalars.home import Together, here
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

    def __init__(self, program: Program, arena: Arena | None = None) -> None:
        self.program: Program = program
        self.plan: Plan = Plan(program, arena)
        self.names: dict[int, str] = {}  # id of a node -> what it is called in the text
        self.meaning: dict[str, Any] = {
            "OtherProgram": OtherProgram, "new_age": new_age, "new_value": new_value, "COMPILED": COMPILED,
            "NO_PARAMS": NO_PARAMS, "Value": Value, "NonDiff": NonDiff, "settled": settled,
        }  # fmt: skip
        self.named: dict[Any, str] = {}  # id of an object -> its name
        self.last_number: dict[str, int] = {}  # of the names that begin alike
        self.lines: list[str] = []
        self.last: list[str] = []
        self.homes: list[str] = []  # after all that may look at views of what is there
        self.views: dict[Any, Any] = {}  # planned arrays seen as integers, or without leading axes
        self.laters: list[tuple[Value, Later]] = []  # the gradients that are copied later
        self.early: list[str] = []  # what copies gradients of the last run before their memory is written
        self.scalars: list[str] = []  # the 0-d Values that are written
        self.moved: list[str] = []  # the Values whose numbers are written: what used the old ones is older now

    def write(self) -> None:
        """All lines."""
        for node in self.program.inputs:
            self.names[id(node)] = self.reserved(node.params["name"])
        for node in self.plan.nodes:
            self.write_node(node)

    def write_node(self, node: Node) -> None:
        """The lines of a node, and the end of what is not read after it."""
        if node.kind == "guard" or runs_others(node):
            self.plan.arena.looked = self.plan.arena.time
        getattr(self, f"write_{node.kind}")(node)
        over = [self.names[id(x)] for x in self.plan.over(node) if self.meaning[self.names[id(x)]] is None]
        if over:
            self.lines.append(f"del {', '.join(over)}")

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
        key = "number", array.dtype, array.tobytes(), dtype is None
        if key not in self.named:
            self.named[key] = self.reserved(f"{array.dtype.name}_{shown}", meaning=x if dtype is None else array)
        return self.named[key]

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
        self.lines.append(f"if {otherwise(self, node)}: raise OtherProgram")

    def write_check(self, node: Node) -> None:
        """It is too late for another program."""
        error = self.name(Uncompilable(TOO_LATE.format("{}:{}, in {}".format(*node.line))), "too_late", True)
        self.lines.append(f"if {otherwise(self, node)}: raise {error}")

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
        if node in self.plan.ends or node in self.plan.put_off:  # it is written where it is stored
            return
        region = self.plan.region_of.get(node)
        if region is not None:
            if node is region.members[-1]:
                self.lines += Block(self, region.members, region.shape).lines()
            return
        self.write_result(node)

    def write_result(self, node: Node) -> None:
        """The line that makes a result, if it takes one."""
        ufunc = ufunc_of(node)
        view = self.view(node)
        if view is not None:
            self.plan.shares(node)
            self.new(node, view)
        elif node in self.plan.members:
            self.write_member(node)
        elif node in self.plan.whole:
            name = self.new(node, self.plan.whole[node])
            self.lines.append(f"# {name}: {', '.join(map(self.text, node.args[0]))}, end to end")
            self.plan.done(node)
        elif (
            is_masking(node) and self.plan.has_room(node) and type(self.meaning[self.text(node.args[1])]) is np.ndarray
        ):
            inputs = [self.text(x) for x in node.args]
            out = self.new(node, self.plan.array(node, in_place=True))
            self.lines.append(self.masking(inputs[1], inputs[0], out))
        elif self.plan.has_room(node) and ufunc is not None:
            arguments = [self.operand(x, node) for x in node.args]
            repeated = repeated_in(node)
            out = self.new(node, self.plan.array(node, in_place=repeated is None))
            if repeated is None:
                arguments = self.levelled(node, [*arguments, out])
            else:
                self.lines.append(f"{out}[...] = {arguments[repeated]}")
                arguments = [out if i == repeated else x for i, x in enumerate(arguments)] + [out]
            self.lines.append(self.ufunc_line(ufunc, arguments))
        elif self.plan.has_room(node) and is_told(node) and not is_masking(node):
            inputs = [self.text(x) for x in node.args]
            out = self.new(node, self.plan.array(node))
            told = f"{self.name(dot, 'dot')}({', '.join([*inputs, out])})"
            self.lines.append(self.sum_call(node, inputs[0], out) if is_sum(node) else told)
        else:
            if is_new(node):
                self.plan.done(node)
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
        return self.ufunc_call(ufunc, node) if ufunc is not None and not varies(node) else self.call(node)

    def fixed(self, node: Node) -> Any:
        """The array of the first argument of a node, if it is the same in every run: views of it are made once."""
        first = node.args[0] if node.args else None
        return self.meaning.get(self.names[id(first)]) if type(first) is Node else None

    def view(self, node: Node) -> Any:
        """The array that a node is in every run, if it is a view of such a one, or a gradient that is copied later."""
        array = self.fixed(node)
        is_copy = node.function is copied or (node.function is in_order and self.plan.reads.get(id(node)) == 1)
        if is_copy and id(node) in self.plan.late and id(node.args[0]) in self.plan.of:
            return array
        return view_of(node, array)

    def write_member(self, node: Node) -> None:
        """One of several calls that are one, which is written at the last of them."""
        group, taken, made = self.plan.members[node]
        self.new(node, self.plan.placed[id(node)])
        if node is group.members[-1]:
            self.plan.run_joined(group)
            ufunc: Any = ufunc_of(node)
            names: dict[Any, str] = {}  # of what the last of them takes and makes
            for array, *nodes in [*zip(taken, *group.sources, strict=True), (made, *group.members)]:
                if id(array) not in self.named:
                    name = self.name(array, "joined", True)
                    self.lines.append(f"# {name}: {', '.join(map(self.text, nodes))}, end to end")
                names[nodes[-1]] = self.name(array, "joined")
            arguments = [names[x] if x in names else self.operand(x, node) for x in node.args]
            self.lines.append(self.ufunc_line(ufunc, [*arguments, names[node]]))

    def ufunc_call(self, ufunc: np.ufunc, node: Node, out: str | None = None) -> str:
        """The call of a ufunc, into `out` if that is given."""
        arguments = [self.operand(x, node) for x in node.args]
        return self.ufunc_line(ufunc, self.levelled(node, [*arguments, out]) if out else arguments, bool(out))

    def ufunc_line(self, ufunc: np.ufunc, arguments: list[str], told: bool = True) -> str:
        """The text of such a call; the last argument is where the result goes, if it is told."""
        if told and ufunc in (np.maximum, np.minimum):  # which are slower otherwise
            arguments = [*arguments[:-1], f"out={arguments[-1]}"]
        return f"{self.name(ufunc, ufunc.__name__)}({', '.join(arguments)})"

    def masking(self, x: str, mask: str, out: str) -> str:
        """What a mask leaves of floats, their bits times 0 or 1: np.where goes wrong at every other branch."""
        bits = [self.another(name, "bits", f"i{self.meaning[name].itemsize}") for name in (x, out)]
        return f"{self.name(np.multiply, 'multiply')}({bits[0]}, {mask}, {bits[1]})"

    def another(self, name: str, how: str, kind: Any) -> str:
        """The name of a planned array seen as a `kind`, as integers or in another shape; of one array one object."""
        array = self.meaning[name]
        if (name, kind) not in self.named:
            seen = self.views.get((id(array), kind))
            if seen is None:
                seen = array.view(kind) if how == "bits" else array.reshape(kind)
                self.views[id(array), kind] = seen
            self.named[name, kind] = self.reserved(f"{name}_{how}", meaning=seen)
        return self.named[name, kind]

    def levelled(self, node: Node, arguments: list[str]) -> list[str]:
        """The arguments of a ufunc and its `out` without leading axes of length 1 that not all have.

        For NumPy is quicker where all have one shape: a row is added to a matrix of one row as a row.
        """
        shapes = [x.shape if type(x) is Node else () for x in node.args] + [node.shape]
        rows = [shape for shape in shapes if shape]
        least = min(map(len, rows))
        if all(len(shape) == least for shape in rows):
            return arguments
        made = []
        for name, shape in zip(arguments, shapes, strict=True):
            if shape and len(shape) > least:
                array = self.meaning[name]
                if type(array) is not np.ndarray or any(n != 1 for n in shape[: len(shape) - least]):
                    return arguments
                name = self.another(name, "row", shape[len(shape) - least :])
            made.append(name)
        return made

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
            if x in self.plan.put_off:  # it is stored where it is made
                return
            calls = [*self.plan.tails[x], x]
            if len(calls) > 1 and all(map(is_cut_up, calls)):
                self.last += Block(self, calls, x.shape or ()).lines()
            else:
                self.lines, before = self.last, self.lines
                for node in calls:
                    self.write_end(node) if node in self.plan.ends else self.write_result(node)
                self.last, self.lines = self.lines, before
            if isinstance(place, DataOf):
                self.moved.append(owner)
            return
        if isinstance(place, DataOf):
            self.moved.append(owner)
        if isinstance(place, (DataOf, GradOf)) and not place.owner.shape:
            self.scalars.append(owner)
        if id(x) in self.plan.late and id(x) in self.plan.of and self.meaning[self.names[id(x)]] is not None:
            order = "C" if x.function is in_order else "K"  # of a view, it is not copied but here
            later = self.copied_later(place.owner, self.meaning[self.names[id(x)]], order)
            if any(room.begin <= self.plan.arena.looked for room in self.plan.of[id(x)]):
                self.early.append(f"settled({owner})")
            self.last.append(f"{owner}._grad = {self.name(later, 'later', True)}")
            return
        self.last.append(storing(place, owner, self.text(x), node.params["fresh"]))

    def write_end(self, node: Node) -> None:
        """A call whose result goes straight to where it is stored."""
        self.names[id(node)] = target = self.names[id(self.plan.ends[node])]
        self.lines.append(self.ufunc_call(ufunc_of(node), node, target))  # type: ignore[arg-type]
        self.plan.done(node)

    def copied_later(self, value: Value, array: Any, order: str) -> Later:
        """The gradient of a Value: a copy of what is in memory, made when somebody looks at it."""
        self.laters.append((value, Later(lambda: array.copy(order))))
        return self.laters[-1][1]

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

    def placed(self) -> Arena:
        """A place for everything, for another who writes the same text."""
        self.write()
        self.lines += self.stores()
        return self.plan.arena.placed()

    def source(self, name: str) -> str:
        """The whole text."""
        self.meaning[name] = None
        self.write()
        arguments = ", ".join(self.names[id(node)] for node in self.program.inputs)
        result = self.returned(self.program.result, self.program.classes)
        body = [*self.early, *self.lines, *self.stores(), f"return {result}"]
        return "\n    ".join([f"def {name}({arguments}):", *body]) + "\n"
