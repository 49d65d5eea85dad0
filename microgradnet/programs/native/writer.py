"""The text of a native program: a Python function that calls the machine code and puts results where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import NO_PARAMS, Later, NonDiff, Value, modes, new_age, new_value
from ...core.modes import settled
from ...core.written import computed, indented
from ..host import runs_others
from ..nodes import DataOf, GradOf, Node
from ..numpy_code import COMPILED, OtherProgram, Writer
from ..numpy_places import owner_of, storing
from ..scalars.home import Together
from ..turns import BROKEN_OFF, in_turn
from . import cpython
from .code import Code
from .entry import HELPERS, Entry, is_float
from .machine import Machine, assembled
from .plan import Plan
from .segments import Segment, again
from .steps import Step


class NativeWriter(Writer):
    """The text of a program, in which native steps are calls of segments."""

    def __init__(self, plan: Plan, classes: Any) -> None:
        self.native: Plan = plan
        self.names: dict[int, str] = {}
        self.meaning: dict[str, Any] = {
            "OtherProgram": OtherProgram, "again": again, "new_age": new_age, "new_value": new_value,
            "COMPILED": COMPILED, "NO_PARAMS": NO_PARAMS, "Value": Value, "NonDiff": NonDiff, "settled": settled,
            "new": object.__new__, "modes": modes, "value": None,
        }  # fmt: skip
        self.named: dict[Any, str] = {}
        self.lines: list[str] = []
        self.last: list[str] = []
        self.moved: list[str] = []
        self.scalars: list[str] = []
        self.homes: list[str] = []
        self.last_number: dict[str, int] = {}
        self.laters: list[tuple[Value, Later]] = []
        self.classes: Any = classes
        self.block: np.ndarray = plan.arena.made()
        self.segments: list[Segment] = []
        self.machines: list[Machine] = []

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
        tables: dict[str, str] = {}
        code = Code(functions, HELPERS)
        bodies = [Entry(self, segment, tables, code).text() for segment in self.segments]
        constants = [f"{name} = {text}" for text, name in tables.items()]
        entries = assembled("\n".join([*constants, code.callers, *bodies]))
        self.machines = [code.machine, entries]
        for segment in reversed(self.segments):
            line = segment.line
            function = cpython.function_at(entries.address(segment.name), segment.name)
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
                written = f"{owner}.array" if type(x) is Node and id(x) in self.native.ends else self.text(x)
                self.homes.append(f"{owner}.write({written})")
                continue
            if isinstance(place, (DataOf, GradOf)) and not place.owner.shape:
                self.scalars.append(owner)
            if isinstance(place, GradOf) and type(x) is Node and self.is_ours(x):
                later = self.later(x)
                self.laters.append((place.owner, later))
                self.last.append(f"{owner}._grad = {self.name(later, 'later', True)}")
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
        return root is not None and (id(root) in self.native.arena.offset or self.native.is_put_off(root))

    def later(self, x: Node) -> Later:
        """What a gradient is until somebody looks at it."""
        plan = self.native
        if plan.is_put_off(x):
            factors = [self.seen_in(plan.factor_root(y), y) for y in x.args]
            return Later(lambda: factors[0].dot(factors[1]))
        array = self.array(x)
        return Later(lambda: array[()] if not array.ndim else array.copy())

    def source(self, name: str) -> str:
        """The whole text."""
        self.write()
        result = self.outcome()
        arguments = ", ".join(self.names[id(node)] for node in self.native.inputs)
        fresh = []
        for x in self.native.fresh.values():
            like = self.native.arrays.of(x)
            made = f"{self.name(np.empty, 'empty')}({x.shape}, {self.name(x.dtype, x.dtype.name)})"
            if not like.flags.c_contiguous:
                made = f"{self.name(np.empty_like, 'empty_like')}({self.name(like, 'like', True)})"
            fresh.append(f"{self.names[id(x)]} = {made}")
        # A gradient of the step before may have been written over when this one ends with an error.
        lines = [*self.copied_early(), *fresh, *self.lines, *self.last, *result]
        body = in_turn(lines, handlers=BROKEN_OFF if self.laters else ())
        return f"def {name}({arguments}):\n    {indented(body, 4)}\n"

    def copied_early(self) -> list[str]:
        """The lines that copy gradients of the last run, if native code runs before others may look at them."""
        steps = self.native.steps
        looking = [i for i, x in enumerate(steps) if type(x) is Node and (x.kind == "guard" or runs_others(x))]
        runs = any(type(x) is not Node for x in steps[: max(looking, default=0)])
        return [f"settled({self.name(value, 'value')})" for value, _ in self.laters] if runs else []

    def outcome(self) -> list[str]:
        """The lines that return what the step returns; a single Value, the most frequent, without a call."""
        if not isinstance(self.classes, type):
            return [f"return {self.returned(self.native.result, self.classes)}"]
        held = {"_numbers": self.text(self.native.result), "op": "COMPILED", "args": "()", "params": "NO_PARAMS"}
        return computed(self.classes.__name__, **held)
