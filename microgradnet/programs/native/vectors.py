"""Vectors of numbers as lines of LLVM functions, as long as the processor has them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .llvm import TYPES, Function
from .llvm_math import number, several, suffix
from .machine import GIVEN, registers


class Vectors:
    """Vectors of numbers of one dtype, as long as the processor has them, or as `most` numbers need."""

    def __init__(self, f: Function, char: str, most: int = 1 << 16) -> None:
        self.f: Function = f
        self.char: str = char
        self.lanes: int = min(lanes(char), 1 << (most - 1).bit_length())
        self.type: str = several(TYPES[char], self.lanes)
        self.suffix: str = suffix(char, self.lanes)

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

    def load(self, place: str, mask: str = "", others: str = "zeroinitializer") -> str:
        """Numbers that lie side by side; 0 or `others` in the lanes that are masked out."""
        align = np.dtype(self.char).itemsize
        if not mask:
            return self.f.new(f"load {self.type}, ptr {place}, align {align}")
        name = f"@llvm.masked.load.{self.suffix}.p0"
        return self.f.new(f"call {self.type} {name}(ptr {place}, i32 {align}, {mask}, {self.type} {others})")

    def store(self, x: str, place: str, mask: str = "") -> None:
        """Put numbers side by side."""
        align = np.dtype(self.char).itemsize
        if mask:
            name = f"@llvm.masked.store.{self.suffix}.p0"
            self.f.do(f"call void {name}({self.type} {x}, ptr {place}, i32 {align}, {mask})")
        else:
            self.f.do(f"store {self.type} {x}, ptr {place}, align {align}")

    def everywhere(self, x: str, lanes: int = 0) -> str:
        """A number in all lanes of a vector; in those of a shorter one, the number itself if that has one lane."""
        return self.f.spread(x, self.char, lanes or self.lanes)

    def shuffled(self, x: str, y: str, lanes: int, order: list[int]) -> str:
        """Lanes of two vectors of so many in an order, those of the second behind those of the first."""
        kind, numbers = f"<{lanes} x {TYPES[self.char]}>", ", ".join(f"i32 {i}" for i in order)
        return self.f.new(f"shufflevector {kind} {x}, {kind} {y}, <{len(order)} x i32> <{numbers}>")

    def sums(self, vectors: list[str]) -> tuple[str, str]:
        """The sum of one vector; or those of as many vectors as 128 bits have lanes, side by side; and their type.

        These are added up in pairs, lanes of both in one vector, which takes half as many instructions.
        """
        kind, lanes, count = TYPES[self.char], self.lanes, len(vectors)
        if count == 1:
            parts = f"{kind} {number(-0.0, self.char)}, {self.type} {vectors[0]}"
            name = f"@llvm.vector.reduce.fadd.{self.suffix}"
            return self.f.new(f"call reassoc {kind} {name}({parts})"), kind
        size = 1
        while len(vectors) > 1:
            low = [
                begin + i
                for part in range(0, lanes, count)
                for chunk in range(part, part + count // 2, size)
                for begin in (chunk, lanes + chunk)
                for i in range(size)
            ]
            high = [i + count // 2 for i in low]
            vectors = [
                self.added(self.shuffled(x, y, lanes, low), self.shuffled(x, y, lanes, high), lanes)
                for x, y in zip(vectors[::2], vectors[1::2], strict=True)
            ]
            size *= 2
        (total,) = vectors
        while lanes > count:
            lanes //= 2
            low_half, high_half = (self.shuffled(total, total, 2 * lanes, [*range(i, i + lanes)]) for i in (0, lanes))
            total = self.added(low_half, high_half, lanes)
        return total, f"<{count} x {kind}>"

    def added(self, x: str, y: str, lanes: int) -> str:
        """The sum of two vectors of so many lanes."""
        return self.f.new(f"fadd <{lanes} x {TYPES[self.char]}> {x}, {y}")

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


def declarations(text: str) -> str:
    """Of LLVM's functions of the vectors that a text has."""
    made = []
    for char, kind in (("f", "float"), ("d", "double")):
        for count in (2, 4, 8, 16):
            end, vector, mask = suffix(char, count), several(kind, count), several("i1", count)
            if end not in text:
                continue
            made += [
                f"declare {vector} @llvm.masked.load.{end}.p0(ptr, i32, {mask}, {vector})",
                f"declare void @llvm.masked.store.{end}.p0({vector}, ptr, i32, {mask})",
                f"declare {kind} @llvm.vector.reduce.fadd.{end}({kind}, {vector})",
            ]
            for name in ("maximum", "minimum"):
                made.append(f"declare {kind} @llvm.vector.reduce.f{name}.{end}({vector})")
            for name, given in GIVEN.items():
                made.append(f"declare {vector} @llvm.{name}.{end}({', '.join([vector] * given)})")
    return "\n".join(made)


def blocks(n: int, most: int) -> Iterator[tuple[int, int, int]]:
    """As few blocks as there can be, of two sizes at most: where those of a size begin, how many, the size."""
    if n:
        count = -(-n // most)
        size, larger = divmod(n, count)
        if larger:
            yield 0, larger, size + 1
        yield larger * (size + 1), count - larger, size


def column_blocks(n: int, width: int, most: int) -> Iterator[tuple[int, int, int, int]]:
    """So many columns as blocks of vectors: the first vector, how many blocks, their vectors, the lanes of the last.

    0 lanes are all of them. Where blocks cannot all be of one size, as many as possible are of the largest: the small
    one that is left is often that of narrow matrices too, and is compiled once.
    """
    whole, rest = divmod(n, width)
    if rest and whole < most:
        yield 0, 1, whole + 1, rest
        return
    if whole and whole % -(-whole // most):
        yield 0, whole // most, most, 0
        yield whole // most * most, 1, whole % most, 0
    else:
        for begin, count, size in blocks(whole, most):
            yield begin, count, size, 0
    if rest:
        yield whole, 1, 1, rest
