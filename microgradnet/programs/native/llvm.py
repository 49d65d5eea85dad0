"""Loops as the text of LLVM functions."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .llvm_math import everywhere, number, several, suffix

TYPES = {"f": "float", "d": "double", "?": "i8", "l": "i64", "q": "i64"}

LANES = 16  # floats in the longest vectors there are
MASKED = 8 * LANES  # of a loop that is shorter than this, the last vector is not full rather than one by one
SHORT = 1024  # so many floats are added up as floats, more of them as doubles


class Function:
    """The text of one function, with loops in it. An instruction on elements is one on so many `lanes`."""

    def __init__(self) -> None:
        self.lanes: int = 1
        self.lines: list[str] = []
        self.first: list[str] = []  # what stands at its very beginning
        self.count: int = 0
        self.block: str = "entry"

    def new(self, expression: str) -> str:
        """A new name for what an instruction makes."""
        self.count += 1
        self.lines.append(f"  %v{self.count} = {expression}")
        return f"%v{self.count}"

    def kind(self, char: str) -> str:
        """What elements of a dtype are."""
        return several(kind_of(char), self.lanes)

    def number(self, x: Any, char: str) -> str:
        """A constant as an element."""
        text = str(bool(x)).lower() if char == "?" else number(x, char)
        return everywhere(text, kind_of(char), self.lanes)

    def spread(self, x: str, char: str, lanes: int = 0) -> str:
        """A number as an element, or as so many lanes."""
        lanes = lanes or self.lanes
        if lanes == 1:
            return x
        kind = several(kind_of(char), lanes)
        first = self.new(f"insertelement {kind} poison, {kind_of(char)} {x}, i64 0")
        return self.new(f"shufflevector {kind} {first}, {kind} poison, <{lanes} x i32> zeroinitializer")

    def suffix(self, char: str) -> str:
        """How the names of LLVM's functions of such elements end."""
        return suffix(char, self.lanes)

    def do(self, instruction: str) -> None:
        """An instruction that makes nothing."""
        self.lines.append(f"  {instruction}")

    def label(self, name: str) -> None:
        """The beginning of a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def variable(self, kind: str) -> str:
        """A place for a number that changes, such as a running sum; LLVM keeps it in a register."""
        self.count += 1
        self.first.append(f"  %v{self.count} = alloca {kind}")
        return f"%v{self.count}"

    @contextlib.contextmanager
    def loop(self, size: int | str, is_deep: bool = False) -> Iterator[str]:
        """A loop, of a size that is known or has a name; its counter. What is done once is no loop.

        In one that `is_deep` each element is a long chain of instructions that wait for each other: several chains are
        run through beside each other.
        """
        if size == 1:
            yield "0"
            return
        self.count += 1
        i, begin, before = f"%v{self.count}", f"loop{self.count}", self.block
        self.do(f"br label %{begin}")
        self.label(begin)
        slot = len(self.lines)
        yield i
        following = self.new(f"add nuw nsw i64 {i}, 1")
        more = self.new(f"icmp ult i64 {following}, {size}")
        masked = isinstance(size, int) and size < MASKED and size % LANES
        hint = ", !llvm.loop !0" if masked else ", !llvm.loop !2" if is_deep else ""
        self.do(f"br i1 {more}, label %{begin}, label %{begin}e{hint}")
        self.lines.insert(slot, f"  {i} = phi i64 [ 0, %{before} ], [ {following}, %{self.block} ]")
        self.label(f"{begin}e")

    @contextlib.contextmanager
    def loops(self, sizes: Any) -> Iterator[list[str]]:
        """Loops in loops; their counters."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.loop(size)) for size in sizes]

    def address(self, base: str, char: str, offset: int, strides: Any, counters: list[str]) -> str:
        """Where an element is, for these counters."""
        place = str(offset)
        for stride, i in zip(strides, counters, strict=True):
            if stride and i != "0":
                step = i if stride == 1 else self.new(f"mul nsw i64 {i}, {stride}")
                place = step if place == "0" else self.new(f"add nsw i64 {place}, {step}")
        return base if place == "0" else self.new(f"getelementptr inbounds {TYPES[char]}, ptr {base}, i64 {place}")

    def load(self, address: str, char: str) -> str:
        """The number at an address; a bool is an `i1`."""
        x = self.new(f"load {TYPES[char]}, ptr {address}, align {np.dtype(char).itemsize}")
        return self.new(f"icmp ne i8 {x}, 0") if char == "?" else x

    def store(self, x: str, address: str, char: str) -> None:
        """Put a number there."""
        if char == "?":
            x = self.new(f"zext i1 {x} to i8")
        self.do(f"store {TYPES[char]} {x}, ptr {address}, align {np.dtype(char).itemsize}")

    def text(self, head: str, end: str = "ret void") -> str:
        """All of it."""
        return "\n".join([f"{head} {{", "entry:", *self.first, *self.lines, f"  {end}", "}", ""])


def kind_of(char: str) -> str:
    """What a number is as long as it is not in memory."""
    return "i1" if char == "?" else TYPES[char]


def constant(address: int) -> str:
    """An address that is known."""
    return f"inttoptr (i64 {address} to ptr)"


# -------------------------------------------------------------------------------------------------------- the elements

ARITHMETIC = {np.add: "fadd", np.subtract: "fsub", np.multiply: "fmul", np.divide: "fdiv"}
COMPARISONS = {
    np.greater: "ogt", np.less: "olt", np.greater_equal: "oge", np.less_equal: "ole", np.equal: "oeq",
    np.not_equal: "une",
}  # fmt: skip
BITWISE: dict[Any, str] = {np.bitwise_and: "and", np.bitwise_or: "or", np.bitwise_xor: "xor"}  # of bools
LOGIC = {np.logical_and: "and", np.logical_or: "or", np.logical_xor: "xor", **BITWISE}
CALLED = {np.sqrt: "sqrt", np.absolute: "fabs", np.fabs: "fabs", np.floor: "floor"}
WRITTEN = {np.exp: "exp", np.log: "log", np.tanh: "tanh"}
UNARY = (np.negative, np.positive, np.square, np.reciprocal, np.isfinite, np.isnan, np.isinf, np.sign, np.logical_not,
         np.invert)  # fmt: skip
ELEMENTWISE = {
    *ARITHMETIC, *COMPARISONS, *LOGIC, *CALLED, *WRITTEN, *UNARY, np.maximum, np.minimum, np.copysign, np.where,
    np.power,
}  # fmt: skip


def element(f: Function, what: Any, char: str, x: list[str]) -> str:
    """One element of what a ufunc makes of elements of one dtype."""
    kind, truth = f.kind(char), f.kind("?")
    if what in ARITHMETIC:
        return f.new(f"{ARITHMETIC[what]} contract {kind} {x[0]}, {x[1]}")
    if what in COMPARISONS:
        return f.new(f"fcmp {COMPARISONS[what]} {kind} {x[0]}, {x[1]}")
    if what in LOGIC:
        return f.new(f"{LOGIC[what]} {truth} {x[0]}, {x[1]}")
    if what in CALLED:
        return f.new(f"call {kind} @llvm.{CALLED[what]}.{f.suffix(char)}({kind} {x[0]})")
    if what in WRITTEN:
        return f.new(f"call {kind} @{WRITTEN[what]}_{f.suffix(char)}({kind} {x[0]})")
    made: str = OTHERS[what](f, char, kind, x)
    return made


def _extreme(name: str) -> Any:
    """A NaN stays, whichever it is; of two zeros it may be either, as in NumPy."""
    return lambda f, char, kind, x: f.new(
        f"call nsz {kind} @llvm.{name}.{f.suffix(char)}({kind} {x[0]}, {kind} {x[1]})"
    )


def _finite(test: str) -> Any:
    def of(f: Function, char: str, kind: str, x: list[str]) -> str:
        size = f.new(f"call {kind} @llvm.fabs.{f.suffix(char)}({kind} {x[0]})")
        return f.new(f"fcmp {test} {kind} {size}, {f.number(math.inf, char)}")

    return of


def _sign(f: Function, char: str, kind: str, x: list[str]) -> str:
    zero = f.number(0.0, char)
    positive = f.new(f"fcmp ogt {kind} {x[0]}, {zero}")
    negative = f.new(f"fcmp olt {kind} {x[0]}, {zero}")
    least = f.new(f"select {f.kind('?')} {negative}, {kind} {f.number(-1.0, char)}, {kind} {x[0]}")
    return f.new(f"select {f.kind('?')} {positive}, {kind} {f.number(1.0, char)}, {kind} {least}")


def _not(f: Function, char: str, kind: str, x: list[str]) -> str:
    return f.new(f"xor {f.kind('?')} {x[0]}, {f.number(True, '?')}")


def _square(f: Function, char: str, kind: str, x: list[str]) -> str:
    return f.new(f"fmul contract {kind} {x[0]}, {x[0]}")


OTHERS: dict[Any, Any] = {
    np.maximum: _extreme("maximum"),
    np.minimum: _extreme("minimum"),
    np.isfinite: _finite("olt"),
    np.isinf: _finite("oeq"),
    np.isnan: lambda f, char, kind, x: f.new(f"fcmp uno {kind} {x[0]}, {x[0]}"),
    np.negative: lambda f, char, kind, x: f.new(f"fneg {kind} {x[0]}"),
    np.positive: lambda f, char, kind, x: x[0],
    np.square: _square,
    np.power: _square,  # no other power is handed over
    np.reciprocal: lambda f, char, kind, x: f.new(f"fdiv {kind} {f.number(1.0, char)}, {x[0]}"),
    np.sign: _sign,
    np.logical_not: _not,
    np.invert: _not,
    np.copysign: lambda f, char, kind, x: f.new(
        f"call {kind} @llvm.copysign.{f.suffix(char)}({kind} {x[0]}, {kind} {x[1]})"
    ),
    np.where: lambda f, char, kind, x: f.new(f"select {f.kind('?')} {x[0]}, {kind} {x[1]}, {kind} {x[2]}"),
}


def converted(f: Function, x: str, was: str, char: str) -> str:
    """A number in another dtype."""
    if was == char or (was in "lq" and char in "lq"):
        return x
    if char == "?":
        return f.new(f"fcmp une {f.kind(was)} {x}, {f.number(0.0, was)}")
    if was in "?lq":
        how = f"{'ui' if was == '?' else 'si'}tofp {f.kind(was)} {x}"
        return f.new(f"{how} to {f.kind(char)}")
    return f.new(f"{'fpext' if char == 'd' else 'fptrunc'} {f.kind(was)} {x} to {f.kind(char)}")
