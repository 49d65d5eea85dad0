"""A program whose runs of loops and products are machine code, called from the text of a Python function."""

from __future__ import annotations

import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import NO_PARAMS, Later, NonDiff, Value, new_age, new_value
from ..core.modes import settled
from ..core.written import function_of
from . import cpython
from .blas import addresses
from .host import HostCall
from .llvm import Machine
from .loops import Step
from .native_entry import C_DECLARATIONS, C_FUNCTIONS, Entry, is_float
from .native_lowering import key_of
from .native_plan import Plan
from .native_products import BLAS, product
from .native_steps import Given, LoopText, pieces, scattered
from .nodes import DataOf, GradOf, Node
from .numpy_code import COMPILED, OtherProgram, Writer
from .numpy_places import owner_of, storing
from .numpy_program import NumPyProgram
from .program import Program
from .scalars.home import Together

OURS = __name__.partition(".")[0]


def again(segment: Callable[..., Any], likes: list[tuple[Any, bool]], objects: tuple[Any, ...]) -> None:
    """A segment that found an array not laid out as it takes it, on copies; those it writes are copied back.

    `likes` has for each object an array like it, and whether it is written; or None, and whether it must be a float.
    """
    fitting: list[Any] = list(objects)
    for i, (x, (like, flag)) in enumerate(zip(objects, likes, strict=True)):
        if like is None:
            if not isinstance(x, (int, float, np.generic)) or (flag and type(x) is not float):
                raise OtherProgram
        else:
            if type(x) is not np.ndarray or (x.shape, x.dtype) != (like.shape, like.dtype):
                raise OtherProgram
            fitting[i] = np.empty_like(like)
            fitting[i][...] = x
    if segment(*fitting):
        raise IndexError("an index is out of bounds")
    for x, new, (like, written) in zip(objects, fitting, likes, strict=True):
        if like is not None and written:
            x[...] = new


class Segment:
    """A run of native steps as one function, and what it is handed."""

    def __init__(self, name: str, plan: Plan, texts: dict[str, str]) -> None:
        self.name: str = name
        self.plan: Plan = plan
        self.texts: dict[str, str] = texts  # text of a step's function -> its name
        self.arrays: list[Any] = []  # roots from outside
        self.numbers: list[Any] = []
        self.calls: list[Any] = []
        self.indices: list[Any] = []
        self.work: float = 0.0  # elements, or multiplications over 16
        self.line: int = 0  # of the text, where it is called

    def add(self, i: int, step: Step, memory: Any) -> None:
        """One step."""
        plan, given = self.plan, Given(self.plan.arrays, memory)
        if step.kind == "loop":
            needed = lambda node: plan.is_needed(node, i)  # noqa: E731
            f = LoopText(step, plan.arrays, given, needed).text()
            for node in step.nodes:
                if key_of(node) == "take":
                    self.indices += [(x, node.args[0], k) for k, x in enumerate(node.args[1:])]
            self.work += float(np.prod(step.shape)) * len(step.nodes)
        elif step.kind == "product":
            (node,) = step.nodes
            _, target, factor = plan.folded.get(id(node), (None, None, None))
            f = product(step, plan.arrays, given, target, factor)
            self.work += float(np.prod(node.shape)) * node.args[0].shape[-1] / 16  # type: ignore[arg-type]
        else:
            f = {"assembled": pieces, "scatter": scattered}[step.kind](step, plan.arrays, given)
            (node,) = step.nodes
            if step.kind == "scatter":
                self.indices += [(x, node, k) for k, x in enumerate(node.args[1:])]
        text = f.text(given.head("NAME"))
        name = self.texts.setdefault(text, f"step{len(self.texts)}")
        self.calls.append((name, list(given.roots.values()), list(given.numbers.items())))
        for root in given.roots.values():
            if memory(root)[0] == "outside":
                self.take(self.arrays, memory(root)[1])
        for x in given.numbers.values():
            self.take(self.numbers, x)

    def take(self, known: list[Any], x: Any) -> None:
        """Note what the function is handed, once."""
        if not any(x is y for y in known):
            known.append(x)


def comes_back(step: Any) -> bool:
    """Whether a step is a call of the user's, which might call the compiled function again."""
    if type(step) is not Node or step.kind != "host" or isinstance(step.function, types.BuiltinMethodType):
        return False
    function = step.function
    ours = str(getattr(function, "__module__", "")).startswith(OURS)
    return not ours or type(function) is HostCall or getattr(function, "__name__", "") == "_hook_rule"


class NativeProgram(NumPyProgram):
    """A program that runs natively where it can. `source` is its text as a NumPy function, `text` what really runs."""

    def __init__(self, program: Program, name: str = "step") -> None:
        self.program: Program = program
        self.form: Any = program.form
        self.runs_in: int | None = None
        self.plan: Plan = Plan(program)
        self.title: str = name
        self.busy = threading.Lock()
        writer = NativeWriter(self.plan, program.classes)
        writer.meaning["busy"] = self.busy
        writer.meaning["kept"] = None
        self.text: str = writer.source(name)
        self.bytes: int = self.plan.arena.size
        writer.meaning["kept"] = writer.machine, writer.block  # code and memory live as long as the function
        self.segments: list[Segment] = writer.segments
        self.run: Callable[..., Any] = function_of(self.text, name, f"program of {name}, {id(self)}", writer.meaning)
        self.fast = self.run if self.checks_itself() else None

    def checks_itself(self) -> bool:
        """Whether native code finds out that an argument is another than this program takes, before all else."""
        steps, inputs = self.plan.steps, self.plan.inputs
        first = next((i for i, step in enumerate(steps) if type(step) is Step), len(steps))
        segment = self.segments[0] if self.segments else None
        early = [step for step in steps[:first] if step.kind in ("guard", "host", "call")]
        depends = any(x in inputs or step.kind == "call" for step in early for x in step.inputs())
        draws = any(step.kind == "host" and (step.args or step.params) for step in early)  # it must not do so twice
        handed = segment is not None and all(any(x is y for y in (*segment.arrays, *segment.numbers)) for x in inputs)
        return handed and not depends and not draws

    @property
    def source(self) -> str:  # type: ignore[override]
        """The program as the text of a NumPy function."""
        return NumPyProgram(self.program, self.title).source

    def hurries(self, arguments: tuple[Any, ...]) -> bool:
        """Whether native code checks its arguments itself."""
        return self.fast is not None

    def __call__(self, arguments: list[Any]) -> Any:
        """What the step returns for these arguments."""
        return self.run(*arguments)


class NativeWriter(Writer):
    """The text of a program, in which native steps are calls of segments."""

    def __init__(self, plan: Plan, classes: Any) -> None:
        self.native: Plan = plan
        self.names: dict[int, str] = {}
        self.meaning: dict[str, Any] = {
            "OtherProgram": OtherProgram, "again": again, "new_age": new_age, "new_value": new_value,
            "COMPILED": COMPILED, "NO_PARAMS": NO_PARAMS, "Value": Value, "NonDiff": NonDiff, "settled": settled,
        }  # fmt: skip
        self.named: dict[Any, str] = {}
        self.lines: list[str] = []
        self.last: list[str] = []
        self.moved: list[str] = []
        self.scalars: list[str] = []
        self.homes: list[str] = []
        self.last_number: dict[str, int] = {}
        self.classes: Any = classes
        self.block: np.ndarray = plan.arena.made()
        self.segments: list[Segment] = []
        self.machine: Any = None

    # --------------------------------------------------------------------------------------------------------- memory

    def memory(self, root: Any) -> tuple[str, Any]:
        """Where a root lies: at an offset of the arena, in what comes from outside, or in a constant."""
        plan = self.native
        if isinstance(root, np.ndarray):
            return "constant", id(root)
        if id(root) in plan.ends:
            return "outside", plan.ends[id(root)]
        if id(root) in plan.arena.offset:
            return "arena", plan.arena.offset[id(root)]
        return "outside", root

    def array(self, node: Any) -> np.ndarray:
        """The real array of a node that lies in the arena."""
        arrays = self.native.arrays
        root = arrays.root[id(node)]
        return self.seen_in(root, node)

    def seen_in(self, root: Any, node: Any) -> np.ndarray:
        """A node's array within the memory of a root."""
        seen = self.native.arrays.of(node)
        begin = self.native.arena.offset[id(root)] + self.native.arrays.offset(node) * seen.itemsize
        return np.ndarray(seen.shape, seen.dtype, self.block, begin, seen.strides)

    # ---------------------------------------------------------------------------------------------------------- names

    def text(self, x: Any) -> str:
        """An argument in the text: a native number lies in memory, and is read where it is asked for."""
        if type(x) is Node and id(x) not in self.names:
            self.look(x)
        if type(x) is Node and x.shape == () and self.native.is_native(self.native.arrays.root.get(id(x))):
            return f"{self.names[id(x)]}[()]"
        return super().text(x)

    def look(self, x: Node) -> None:
        """Name a node that no line has made: it lies in the arena, or is a view of what a line made."""
        arrays = self.native.arrays
        root = arrays.root.get(id(x))
        if root is not None and id(root) in self.native.arena.offset:
            self.names[id(x)] = self.reserved(x.name, True, self.array(x))
        else:
            for y in x.inputs():
                self.text(y)
            call = self.call(x) if x.name != "transposed" else f"{self.text(x.args[0])}.T"
            self.lines.append(f"{self.new(x)} = {call}")

    # ---------------------------------------------------------------------------------------------------------- lines

    def write(self) -> None:
        """All lines."""
        plan = self.native
        for node in plan.inputs:
            self.names[id(node)] = self.reserved(node.params["name"])
        for node in plan.fresh.values():
            self.new(node)
        texts: dict[str, str] = {}
        segment: Segment | None = None
        for i, step in enumerate(plan.steps):
            if type(step) is Step:
                if segment is None:
                    segment = Segment(f"native{len(self.segments) + 1}", plan, texts)
                    self.segments.append(segment)
                    self.lines.append("")  # written when all is known
                    segment.line = len(self.lines) - 1
                segment.add(i, step, self.memory)
            else:
                segment = None
                getattr(self, f"write_{step.kind}")(step)
        self.write_segments(texts)
        self.write_stores()

    def write_segments(self, texts: dict[str, str]) -> None:
        """The calls of the segments, and their machine code."""
        if not self.segments:
            return
        functions = [text.replace("@NAME(", f"@{name}(", 1) for text, name in texts.items()]
        bodies = [Entry(self, segment).text() for segment in self.segments]
        symbols = {f"mg_{name}": address for name, address in addresses().items()}
        symbols |= {f"mg_{name}": cpython.address_of(name) for name in C_FUNCTIONS}
        self.machine = Machine("\n".join([BLAS, C_DECLARATIONS, *functions, *bodies]), symbols)
        for segment in reversed(self.segments):
            line = segment.line
            function = cpython.function_at(self.machine.address(segment.name), segment.name)
            name = self.reserved(segment.name, meaning=function)
            lines, self.lines = self.lines, []
            arguments = [self.text(x) for x in (*segment.arrays, *segment.numbers)]
            before = self.lines
            known: list[Any] = [(self.native.arrays.of(x), self.is_written(x)) for x in segment.arrays]
            known += [(None, is_float(x)) for x in segment.numbers]
            likes = self.reserved("likes", True, known)
            given = ", ".join(arguments)
            call = f"if {name}({given}): again({name}, {likes}, ({given}{',' if arguments else ''}))"
            self.lines = [*lines[:line], *before, call, *lines[line + 1 :]]

    def is_written(self, x: Any) -> bool:
        """Whether native code writes into an array from outside: a parameter, or one that is made for a result."""
        return any(x is load for load in self.native.ends.values()) or self.native.is_native(x)

    def write_call(self, node: Node) -> None:
        """A line of NumPy."""
        arguments = self.call(node) if node.name != "transposed" else f"{self.text(node.args[0])}.T"
        self.lines.append(f"{self.new(node)} = {arguments}")

    def write_host(self, node: Node) -> None:
        """A call that is made every time."""
        call = self.call(node)
        self.lines.append(f"{self.new(node)} = {call}")

    def write_stores(self) -> None:
        """What goes to places, last of all: one age for all that was written."""
        for node in self.native.stores:
            place, x = node.place, node.args[0]
            owner = self.name(place.owner, owner_of(place), True)  # type: ignore[union-attr, arg-type]
            if isinstance(place, Together):
                self.homes.append(f"{owner}.write({self.text(x)})")
                continue
            if isinstance(place, (DataOf, GradOf)) and not place.owner.shape:
                self.scalars.append(owner)
            if isinstance(place, GradOf) and type(x) is Node and self.is_ours(x):
                self.last.append(f"{owner}._grad = {self.name(self.later(x), 'later', True)}")
            elif type(x) is Node and id(x) in self.native.ends:
                if isinstance(place, DataOf):
                    self.moved.append(owner)
            else:
                self.last.append(storing(place, owner, self.text(x), node.params["fresh"]))  # type: ignore[arg-type]
                if isinstance(place, DataOf):
                    self.moved.append(owner)
        self.last = self.stores()

    def is_ours(self, x: Node) -> bool:
        """Whether a node lies in the arena, or is computed from what does."""
        root = self.native.arrays.root.get(id(x))
        return root is not None and (id(root) in self.native.arena.offset or id(root) in self.native.folded)

    def later(self, x: Node) -> Later:
        """What a gradient is until somebody looks at it."""
        plan = self.native
        if id(x) in plan.folded:
            factors = [self.seen_in(plan.factor_root(y), y) for y in x.args]
            return Later(lambda: factors[0].dot(factors[1]))
        array = self.array(x)
        return Later(lambda: array[()] if not array.ndim else array.copy())

    def returned(self, x: Any, classes: Any) -> str:
        """What the step returns, in the text; a copy of what the next step would write over, such as a gradient."""
        if type(x) is not Node or not x.shape or not self.is_ours(x):
            return super().returned(x, classes)
        copy = f"{self.text(x)}.copy('K')"
        return f"new_value({classes.__name__}, {copy}, COMPILED, (), NO_PARAMS)" if isinstance(classes, type) else copy

    def source(self, name: str) -> str:
        """The whole text."""
        self.write()
        result = self.returned(self.native.result, self.classes)
        arguments = ", ".join(self.names[id(node)] for node in self.native.inputs)
        fresh = []
        for x in self.native.fresh.values():
            like = self.native.arrays.of(x)
            made = f"{self.name(np.empty, 'empty')}({x.shape}, {self.name(x.dtype, x.dtype.name)})"
            if not like.flags.c_contiguous:
                made = f"{self.name(np.empty_like, 'empty_like')}({self.name(like, 'like', True)})"
            fresh.append(f"{self.names[id(x)]} = {made}")
        body = [*fresh, *self.lines, *self.last, f"return {result}"]
        if any(comes_back(step) for step in self.native.steps):  # then the memory is in use: another program, or none
            self.meaning |= {"inside": [None], "thread": threading.get_ident}
            body = ["inside[0] = thread()", "try:", *[f"    {line}" for line in body], "finally: inside[0] = None"]
            body = ["if inside[0] == thread(): raise OtherProgram", "with busy:", *[f"    {line}" for line in body]]
        else:
            body = ["with busy:", *[f"    {line}" for line in body]]
        return "\n    ".join([f"def {name}({arguments}):", *body]) + "\n"
