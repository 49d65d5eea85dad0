"""A program as the text of a NumPy function, and run: one line for each node, into memory that is planned beforehand."""

from __future__ import annotations

import keyword
import math
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import new_age
from ..core.written import function_of
from .lowering import summed, transposed
from .nodes import Attribute, DataOf, GradOf, Item, Memory, Node, Place, changed
from .program import Program


class OtherProgram(Exception):
    """A guard does not hold: the step would be another program now. Nothing has been changed."""


VIEWS: dict[str, str] = {"reshape": "{0}.reshape({shape})"}  # rows whose result is most often a view of their input


class Memories:
    """The memory of results, planned: one that is over gives its own to another of the same size."""

    def __init__(self) -> None:
        self.free: dict[int, list[np.ndarray[Any, Any]]] = {}
        self.bytes = 0

    def take(self, size: int) -> np.ndarray[Any, Any]:
        """So many bytes that nobody uses now."""
        if self.free.get(size):
            return self.free[size].pop()
        self.bytes += size
        return np.empty(size, np.uint8)

    def give(self, memory: np.ndarray[Any, Any]) -> None:
        """Take it back."""
        self.free.setdefault(memory.nbytes, []).append(memory)


class Writer:
    """The text of a program, line by line, and what its names mean."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names: dict[int, str] = {}  # id of a node -> what it is called in the text
        self.meaning: dict[str, Any] = {}  # name -> the object
        self.named: dict[int, str] = {}  # id of an object -> its name
        self.lines: list[str] = []
        self.last: list[str] = []
        self.memories = Memories()
        self.memory_of: dict[int, np.ndarray[Any, Any]] = {}
        self.users: dict[int, int] = {}  # id of memory -> how many lines still read it
        self.count_uses()

    # ------------------------------------------------------------------------------------------------------ names

    def name(self, thing: Any, hint: str) -> str:
        """What an object is called in the text."""
        if id(thing) not in self.named:
            base = re.sub(r"\W+", "_", hint).strip("_") or "x"
            if keyword.iskeyword(base) or base[0].isdigit():
                base = f"_{base}"
            name, i = base, 1
            while name in self.meaning:
                i += 1
                name = f"{base}_{i}"
            self.meaning[name] = thing
            self.named[id(thing)] = name
        return self.named[id(thing)]

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
        if isinstance(x, np.generic) and x.dtype.kind == "f" and np.isfinite(x):  # as NumPy shows it: float32(0.5)
            return self.name(x, f"{x.dtype.name}_{str(x).replace('-', 'minus_').replace('.', '_').replace('+', '')}")
        return self.name(x, "constant" if isinstance(x, np.ndarray) else getattr(x, "__name__", "constant"))

    def new(self, node: Node, hint: str) -> str:
        """A name for what a node makes."""
        self.names[id(node)] = name = self.name(node, hint)
        return name

    # ----------------------------------------------------------------------------------------------------- memory

    def count_uses(self) -> None:
        """How many lines read each node."""
        self.uses: dict[int, int] = {}
        for node in self.program.nodes:
            for x in {id(x): x for x in node.inputs()}.values():
                self.uses[id(x)] = self.uses.get(id(x), 0) + 1
        for node in self.program.returned():
            self.uses[id(node)] = self.uses.get(id(node), 0) + 1_000_000  # never over
        for node in self.program.nodes:
            if node.kind == "store" and type(node.args[0]) is Node:
                self.uses[id(node.args[0])] += 1_000_000
        self.kept = {id(x) for node in self.program.nodes if node.kind == "store" for x in node.inputs()}
        self.kept |= {id(node) for node in self.program.returned()}

    def lives_in(self, node: Node, memory: np.ndarray[Any, Any]) -> None:
        """The result of a node is in this memory, as long as somebody reads it."""
        self.memory_of[id(node)] = memory
        self.users[id(memory)] = self.users.get(id(memory), 0) + self.uses.get(id(node), 0)

    def read(self, node: Node) -> None:
        """A line has read its inputs: memory that nobody reads any more is free."""
        for x in {id(x): x for x in node.inputs()}.values():
            memory = self.memory_of.get(id(x))
            if memory is not None:
                self.users[id(memory)] -= 1
                if not self.users[id(memory)]:
                    self.memories.give(memory)

    def dying(self, node: Node) -> np.ndarray[Any, Any] | None:
        """The memory of an input that nobody reads after this line, if the result fits there."""
        size = math.prod(node.shape or ()) * node.dtype.itemsize
        for x in node.inputs():
            memory = self.memory_of.get(id(x))
            if memory is None or memory.nbytes != size or (x.shape, x.dtype, x.layout) != (node.shape, node.dtype, node.layout):
                continue
            if x.name != "transposed" and self.users[id(memory)] == 1:
                return memory
        return None

    def planned(self, node: Node, in_place: bool) -> str:
        """The name of an array for the result of a node."""
        memory = self.dying(node) if in_place else None
        if memory is None:
            memory = self.memories.take(math.prod(node.shape or ()) * node.dtype.itemsize)
            self.read(node)
            self.lives_in(node, memory)
        else:
            for x in {id(x): x for x in node.inputs()}.values():
                other = self.memory_of.get(id(x))
                if other is not None and other is not memory:
                    self.users[id(other)] -= 1
                    if not self.users[id(other)]:
                        self.memories.give(other)
            self.users[id(memory)] = 0
            self.lives_in(node, memory)
        array = laid_out(memory.view(node.dtype), node)
        name = self.new(node, node.name)
        self.meaning[name] = array
        return name

    # ------------------------------------------------------------------------------------------------------ lines

    def write(self) -> None:
        """All lines."""
        for node in self.program.inputs:
            self.names[id(node)] = node.params["name"]
            self.meaning[node.params["name"]] = node
            self.named[id(node)] = node.params["name"]
        for node in self.program.nodes:
            getattr(self, f"write_{node.kind}")(node)

    def write_input(self, node: Node) -> None:
        """It is there."""

    def write_load(self, node: Node) -> None:
        """What is at a place, looked at first."""
        place = node.place
        owner = self.name(place.owner, name_of(place))
        name = self.new(node, f"{name_of(place)}_{'grad' if isinstance(place, GradOf) else 'now'}")
        self.lines.append(f"{name} = {loading(place, owner)}")

    def write_guard(self, node: Node) -> None:
        """Nothing is done where it does not hold."""
        held, function = node.held, self.name(node.function, node.function.__name__)
        named = [f"{name}={self.text(x)}" for name, x in node.params.items()]
        arguments = ", ".join([*map(self.text, node.args), *named])
        plain = type(held) in (bool, int, str, tuple) or isinstance(held, np.generic)
        wanted = self.text(held) if plain else self.name(held, "held")
        self.lines.append(f"if {function}({arguments}) {'!=' if plain else 'is not'} {wanted}: raise OtherProgram")

    def write_host(self, node: Node) -> None:
        """A call that is made at every step."""
        arguments = ", ".join(map(self.text, node.args))
        call = f"{self.name(node.function, getattr(node.function, '__name__', 'host').strip('<>'))}({arguments})"
        if node.shape is None and id(node) not in self.uses:
            self.lines.append(call)
        else:
            self.lines.append(f"{self.new(node, node.name)} = {call}")

    def write_call(self, node: Node) -> None:
        """A call, into planned memory where that is known to be possible."""
        ufunc = ufunc_of(node)
        arguments = [self.text(x) for x in node.args]
        room = bool(node.shape) and node.dtype is not None and node.dtype.kind in "fb" and id(node) not in self.kept
        if node.function is transposed:
            line = f"{self.new(node, 'transposed')} = {arguments[0]}.T"
            self.view(node)
        elif ufunc is not None and not node.params and room:
            out = self.planned(node, in_place=True)
            line = f"{self.name(ufunc, ufunc.__name__)}({', '.join([*arguments, out])})"
        elif node.function is np.dot and room:
            out = self.planned(node, in_place=False)
            line = f"{self.name(np.dot, 'dot')}({', '.join([*arguments, out])})"
        else:
            function = ufunc or node.function
            hint = getattr(function, "__name__", "function").strip("<>_")
            named = [f"{name}={self.text(x)}" for name, x in node.params.items()]
            line = f"{self.name(function, hint)}({', '.join([*arguments, *named])})"
            self.view(node)
            line = f"{self.new(node, node.name)} = {line}"
        self.lines.append(line)

    def view(self, node: Node) -> None:
        """A result that may lie in the memory of its inputs keeps all of theirs."""
        memories = [m for x in node.inputs() if (m := self.memory_of.get(id(x))) is not None]
        for memory in {id(m): m for m in memories}.values():
            self.users[id(memory)] += 1_000_000
        self.read(node)

    def write_store(self, node: Node) -> None:
        """What goes to a place, last of all."""
        place = node.place
        owner, x = self.name(place.owner, name_of(place)), self.text(node.args[0])
        self.last += storing(place, owner, x, node)

    def source(self, name: str, arguments: list[str]) -> str:
        """The whole text."""
        self.write()
        result = ", ".join(self.text(node) for node in self.program.returned())
        body = [*self.lines, *self.last, f"return ({result}{',' if result else ''})"]
        return "\n    ".join([f"def {name}({', '.join(arguments)}):", *body]) + "\n"


def laid_out(memory: np.ndarray[Any, Any], node: Node) -> np.ndarray[Any, Any]:
    """Memory in the shape of a result, with its axes in the order in which NumPy had them: sums add up in that order."""
    shape, order = node.shape or (), node.layout
    if not order:
        return memory.reshape(shape)
    return memory.reshape([shape[axis] for axis in order]).transpose([order.index(axis) for axis in range(len(order))])


def ufunc_of(node: Node) -> np.ufunc | None:
    """The ufunc that a node calls, if it is one that takes arrays and nothing else."""
    if isinstance(node.function, np.ufunc):
        return node.function if node.function.nout == 1 and node.function.signature is None else None
    if node.op is not None and node.function is node.op.forward and isinstance(node.op.key, np.ufunc):
        plain = node.op.elementwise and not node.params and node.op.forward.__module__ in ("_operator", "operator")
        return node.op.key if plain else None
    return None


def name_of(place: Place) -> str:
    """What the owner of a place is called in the text."""
    if isinstance(place, Item):
        return f"options_{place.name}" if isinstance(place.name, str) else "counts"
    if isinstance(place, Attribute):
        return type(place.owner).__name__.lower()
    if isinstance(place, Memory):
        return "state"
    return place.owner.name or "parameter"


def loading(place: Place, owner: str) -> str:
    """The expression that reads a place."""
    if isinstance(place, DataOf):
        return f"{owner}._numbers"
    if isinstance(place, GradOf):
        return f"{owner}._grad"
    if isinstance(place, Memory):
        return owner
    if isinstance(place, Item):
        return f"{owner}[{place.name!r}]"
    return f"{owner}.{place.name}"


def storing(place: Place, owner: str, x: str, node: Node) -> list[str]:
    """The lines that write a place."""
    if isinstance(place, GradOf):
        return [f"{owner}._grad = {x}"]
    if isinstance(place, DataOf):
        value = place.owner
        if type(value._numbers) is np.ndarray and not node.params["fresh"]:
            return [f"{owner}._numbers[...] = {x}", f"{owner}.age = new_age()"]
        return [f"{owner}._numbers = {x}", f"{owner}.age = new_age()"]
    if isinstance(place, Memory):
        return [f"{owner}[...] = {x}"]
    if isinstance(place, Item):
        return [f"{owner}[{place.name!r}] = {x}"]
    return [f"{owner}.{place.name} = {x}"]


class NumPyProgram:
    """A program that runs as NumPy. `source` is its text, `bytes` what its planned memory takes."""

    def __init__(self, program: Program, name: str = "step") -> None:
        writer = Writer(program)
        arguments = [node.params["name"] for node in program.inputs]
        self.source: str = writer.source(name, arguments)
        self.bytes: int = writer.memories.bytes
        self.program = program
        known = {**writer.meaning, "OtherProgram": OtherProgram, "new_age": new_age}
        self.run: Callable[..., tuple[Any, ...]] = function_of(self.source, name, f"program of {name}", known)
        self.place: dict[int, int] = {id(node): i for i, node in enumerate(program.returned())}
        self.busy = threading.Lock()

    def __call__(self, arguments: list[Any]) -> Any:
        """What the step returns for these arguments."""
        with self.busy:
            found = self.run(*arguments)
        return changed(self.program.result, lambda x: found[self.place[id(x)]] if type(x) is Node else x)


__all__ = ["NumPyProgram", "OtherProgram", "summed"]
