"""A program whose runs of loops and products are machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core import Later, Value
from ...core.written import function_of
from ..host import runs_others
from ..nodes import Node
from ..numpy_code import OtherProgram
from ..numpy_program import NumPyProgram
from ..program import Program
from ..surroundings import Surroundings
from ..turns import Turns
from .lists import comparing
from .plan import Plan
from .segments import Segment
from .steps import Step
from .writer import NativeWriter


class NativeProgram(NumPyProgram):
    """A program that runs natively where it can. `source` is its text as a NumPy function, `text` what really runs."""

    def __init__(self, program: Program, name: str = "step") -> None:
        self.program: Program = program
        self.form: Any = program.form
        self.plan: Plan = Plan(program)
        self.title: str = name
        self.turns: Turns = Turns()
        writer = NativeWriter(self.plan, program.classes)
        writer.meaning |= self.turns.meaning() | {"broken_off": self.broken_off}
        writer.meaning["kept"] = None
        self.text: str = writer.source(name)
        self.bytes: int = self.plan.arena.size
        writer.meaning["kept"] = writer.machines, writer.block  # code and memory live as long as the function
        self.laters: list[tuple[Value, Later]] = writer.laters
        self.segments: list[Segment] = writer.segments
        stretches = f"{len(self.segments)} stretch{'es' * (len(self.segments) != 1)}"
        self.planned = (f"native: {stretches} of machine code", f"memory: {self.bytes:,} bytes")
        self.run: Callable[..., Any] = function_of(self.text, name, f"program of {name}, {id(self)}", writer.meaning)
        for node in program.nodes:
            if node.function is Surroundings.holds:
                node.args[0].comparing = comparing
        self.comes_back: bool = any(type(step) is Node and runs_others(step) for step in self.plan.steps)
        self.fast = self.run if self.checks_itself() and not self.comes_back else None

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

    def __call__(self, arguments: list[Any]) -> Any:
        """What the step returns for these arguments."""
        if self.comes_back and self.is_inside():  # the memory is in use
            raise OtherProgram
        return self.run(*arguments)

    def hurries(self, arguments: tuple[Any, ...]) -> bool:
        """Whether native code checks its arguments itself."""
        return self.fast is not None
