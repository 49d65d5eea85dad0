"""Vectors of numbers as lines of LLVM functions, as long as the processor has them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .llvm import TYPES, Function
from .machine import registers


class Vectors:
    """Vectors of numbers of one dtype, as long as the processor has them."""

    def __init__(self, f: Function, char: str) -> None:
        self.f: Function = f
        self.char: str = char
        self.lanes: int = lanes(char)
        self.type: str = f"<{self.lanes} x {TYPES[char]}>"

    def first(self, count: int) -> str:
        """A mask of the first lanes; none for 0, which stands for all."""
        if not count:
            return ""
        return f"<{self.lanes} x i1> <{', '.join(f'i1 {str(i < count).lower()}' for i in range(self.lanes))}>"

    def first_of(self, count: str) -> str:
        """The same for a number that has a name."""
        kind = f"<{self.lanes} x i32>"
        one = self.f.new(f"insertelement {kind} poison, i32 {self.f.new(f'trunc i64 {count} to i32')}, i64 0")
        all_of_them = self.f.new(f"shufflevector {kind} {one}, {kind} poison, {kind} zeroinitializer")
        numbers = ", ".join(f"i32 {i}" for i in range(self.lanes))
        return f"<{self.lanes} x i1> {self.f.new(f'icmp ult {kind} <{numbers}>, {all_of_them}')}"

    def load(self, place: str, mask: str = "") -> str:
        """Numbers that lie side by side; 0 in the lanes that are masked out."""
        align = np.dtype(self.char).itemsize
        if not mask:
            return self.f.new(f"load {self.type}, ptr {place}, align {align}")
        name = f"@llvm.masked.load.{suffix(self.char)}.p0"
        return self.f.new(f"call {self.type} {name}(ptr {place}, i32 {align}, {mask}, {self.type} zeroinitializer)")

    def store(self, x: str, place: str, mask: str = "") -> None:
        """Put numbers side by side."""
        align = np.dtype(self.char).itemsize
        if mask:
            name = f"@llvm.masked.store.{suffix(self.char)}.p0"
            self.f.do(f"call void {name}({self.type} {x}, ptr {place}, i32 {align}, {mask})")
        else:
            self.f.do(f"store {self.type} {x}, ptr {place}, align {align}")

    def everywhere(self, x: str) -> str:
        """A number in all lanes."""
        one = self.f.new(f"insertelement {self.type} poison, {TYPES[self.char]} {x}, i64 0")
        return self.f.new(f"shufflevector {self.type} {one}, {self.type} poison, <{self.lanes} x i32> zeroinitializer")

    def add_product(self, total: str, x: str, y: str) -> None:
        """Add x · y to a variable."""
        product = self.f.new(f"fmul contract {self.type} {x}, {y}")
        before = self.f.new(f"load {self.type}, ptr {total}")
        self.f.do(f"store {self.type} {self.f.new(f'fadd contract {self.type} {before}, {product}')}, ptr {total}")

    def tile(self, rows: int, starts: list[str]) -> list[list[str]]:
        """Variables of a tile; those of a column begin with one of the `starts`."""
        made = [[self.f.variable(self.type) for _ in starts] for _ in range(rows)]
        for row in made:
            for total, start in zip(row, starts, strict=True):
                self.f.do(f"store {start}, ptr {total}")
        return made


def lanes(char: str) -> int:
    """How many numbers are in a vector."""
    return registers()[1] // np.dtype(char).itemsize


def suffix(char: str) -> str:
    """How the names of LLVM's functions of such vectors end."""
    return f"v{lanes(char)}f{8 * np.dtype(char).itemsize}"


def declarations() -> str:
    """Of what is called here."""
    made = []
    for char in "fd":
        vector, mask = f"<{lanes(char)} x {TYPES[char]}>", f"<{lanes(char)} x i1>"
        made += [
            f"declare {vector} @llvm.masked.load.{suffix(char)}.p0(ptr, i32, {mask}, {vector})",
            f"declare void @llvm.masked.store.{suffix(char)}.p0({vector}, ptr, i32, {mask})",
            f"declare {TYPES[char]} @llvm.vector.reduce.fadd.{suffix(char)}({TYPES[char]}, {vector})",
        ]
    return "\n".join(made)


def blocks(n: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Blocks of one size, and what is left, for which there is more code: where they begin, how many, their size."""
    if n:
        size = next((size for size in range(most, most // 2, -1) if n % size == 0), -(-n // -(-n // most)))
        yield 0, n // size, size
        if n % size:
            yield n - n % size, 1, n % size


def column_blocks(n: int, width: int, most: int) -> Iterator[tuple[int, int, int, int]]:
    """So many columns as blocks of vectors: the first vector, how many blocks, their vectors, the lanes of the last.

    0 lanes are all of them.
    """
    whole, rest = divmod(n, width)
    if rest and whole < most:
        yield 0, 1, whole + 1, rest
        return
    for begin, count, size in blocks(whole, most):
        yield begin, count, size, 0
    if rest:
        yield whole, 1, 1, rest
