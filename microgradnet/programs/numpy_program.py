"""A program that runs as NumPy: its memory is in use by one thread at a time, and by one call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Later, Value
from ..core.written import function_of, indented
from .numpy_code import OtherProgram, Writer
from .program import Program
from .turns import BROKEN_OFF, Turns, in_turn


class NumPyProgram:
    """A program that runs as NumPy. `source` is its text, `bytes` what its planned memory takes."""

    planned: tuple[str, ...] = ()  # what was done to its text
    fast: Callable[..., Any] | None = None  # what may be called with arguments that nobody has checked

    def __init__(self, program: Program, name: str = "step") -> None:
        writer = Writer(program, Writer(program).placed())
        self.program: Program = program
        self.form: Any = program.form  # what is to be put together of the results; most often None
        self.source: str = writer.source(name)
        self.bytes: int = writer.plan.arena.bytes
        self.planned = writer.plan.said()
        self.run: Callable[..., Any] = function_of(self.source, name, f"program of {name}, {id(self)}", writer.meaning)
        self.laters: list[tuple[Value, Later]] = writer.laters
        self.turns: Turns = Turns()
        self.alone: Callable[..., Any] = self.in_turn("*arguments", [], "pause()", {})

    @property
    def passes(self) -> list[str]:
        """What each pass did."""
        return [*self.program.passes, *self.planned]

    def __call__(self, arguments: list[Any]) -> Any:
        """What the step returns for these arguments."""
        if self.is_inside():  # a call of the host's has come back here: the memory is in use
            raise OtherProgram
        return self.alone(*arguments)

    def broken_off(self) -> None:
        """The step ended with an error: gradients that nobody has copied may be overwritten, so they are gone."""
        for value, later in self.laters:
            if value._grad is later:
                value._grad = None

    def is_inside(self) -> bool:
        """Whether this thread is in the program already."""
        frame: Any = sys._getframe() if self.turns.taken() else None
        while frame is not None:
            if frame.f_code is self.run.__code__:
                return True
            frame = frame.f_back
        return False

    def hurries(self, arguments: tuple[Any, ...]) -> bool:
        """Whether `fast` can take these arguments, each an array or a float."""
        if self.fast is None:
            self.fast = self.checked(arguments)
        return True

    def checked(self, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """What runs the program if its arguments are like these, and nobody is in it."""
        names = [f"x{i}" for i in range(len(arguments))]
        known: dict[str, Any] = {"ndarray": np.ndarray}
        tests = []
        for name, x in zip(names, arguments, strict=True):
            if type(x) is float:
                tests.append(f"type({name}) is not float")
                continue
            known[f"{name}_dtype"] = x.dtype
            tests.append(f"type({name}) is not ndarray or {name}.dtype is not {name}_dtype")
            tests.append(f"{name}.strides != {x.strides} or {name}.shape != {x.shape}")
        first = [f"if {' or '.join(tests)}: raise OtherProgram"] if tests else []
        return self.in_turn(", ".join(names), first, "raise OtherProgram", known)

    def in_turn(self, arguments: str, first: list[str], otherwise: str, known: dict[str, Any]) -> Callable[..., Any]:
        """What runs the program with these arguments, after these lines; what it does if somebody is in it."""
        lines = [*first, *in_turn([f"return run({arguments})"], otherwise, BROKEN_OFF)]
        known["run"], known["OtherProgram"], known["broken_off"] = self.run, OtherProgram, self.broken_off
        text = f"def in_turn({arguments}):\n    {indented(lines, 4)}\n"
        return function_of(text, "in_turn", f"arguments of program {id(self)}", known | self.turns.meaning())
