"""Matrix products of middling size, in tiles whose sums stay in the processor's vector registers.

BLAS copies its factors first, so that it may be as fast for matrices of any size; as long as they fit in a cache that
is not needed. A tile is either rows times vectors of columns, each sum in a lane of its own (`outer`), or rows times
columns that both lie along the axis that is summed over, a vector of partial sums for each element (`inner`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nodes import Node
from .arrays import Arrays
from .given import Given, steps_of
from .llvm import MASKED, SHORT, TYPES, Function, registers
from .llvm_math import number

if TYPE_CHECKING:
    from .steps import Step

LARGE = 1 << 21  # bytes; a factor of more is left to BLAS
LONG = 1 << 26  # so many multiplications are done in tiles, more of them by BLAS

Matrix = tuple[Any, str]  # an array that stands for it, and the name of its address
Placed = tuple[str, int, int]
Counted = tuple[int, str]  # the size of a block, and which block it is


class Vectors:
    """Vectors of numbers of one dtype, as long as the processor has them."""

    def __init__(self, f: Function, char: str) -> None:
        self.f: Function = f
        self.char: str = char
        self.lanes: int = lanes(char)
        self.type: str = f"<{self.lanes} x {TYPES[char]}>"

    def first(self, count: int) -> str:
        """A mask of the first lanes; none where that is all."""
        if count == self.lanes:
            return ""
        return f"<{self.lanes} x i1> <{', '.join(f'i1 {str(i < count).lower()}' for i in range(self.lanes))}>"

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

    def columns(self, n: int, most: int) -> list[tuple[int, int, list[str]]]:
        """So many columns as blocks of vectors: the first vector, how many blocks, the masks of the vectors."""
        whole, rest = divmod(n, self.lanes)
        if rest and whole < most:
            return [(0, 1, [""] * whole + [self.first(rest)])]
        found = [(begin, count, [""] * size) for begin, count, size in blocks(whole, most)]
        return [*found, (whole, 1, [self.first(rest)])] if rest else found


def in_tiles(x: Any, y: Any) -> bool:
    """Whether the product of two arrays, or nodes, is small enough to be done without BLAS."""
    (m, k), n = x.shape[-2:], y.shape[-1]
    return bool(m * k * n <= LONG and max(m * k, k * n) * x.dtype.itemsize <= LARGE)


def lanes(char: str) -> int:
    """How many numbers are in a vector."""
    return registers()[1] // np.dtype(char).itemsize


def suffix(char: str) -> str:
    """How the names of LLVM's functions of such vectors end."""
    return f"v{lanes(char)}f{8 * np.dtype(char).itemsize}"


def sums_of_columns(step: Step, arrays: Arrays, given: Given) -> Function:
    """A matrix added up along its columns, whose number is no multiple of the lanes."""
    (node,), f = step.nodes, Function()
    (x,), v = node.args, Vectors(f, node.dtype.char)
    n = arrays.of(x).shape[-1]
    begin = f.address(given.pointer(arrays.root[id(x)]), v.char, arrays.offset(x), (), [])
    out = given.pointer(node)
    for left, count, masks in v.columns(n, 8):
        with f.loop(count) as j:
            (totals,) = v.tile(1, [f"{v.type} zeroinitializer"] * len(masks))
            width = len(masks) * v.lanes
            with f.loop(arrays.of(x).size // n) as i:
                for c, (total, mask) in enumerate(zip(totals, masks, strict=True)):
                    line = v.load(f.address(begin, v.char, (left + c) * v.lanes, (n, width), [i, j]), mask)
                    f.do(f"store {v.type} {f.new(f'fadd {v.type} {v.load(total)}, {line}')}, ptr {total}")
            for c, (total, mask) in enumerate(zip(totals, masks, strict=True)):
                v.store(v.load(total), f.address(out, v.char, (left + c) * v.lanes, (width,), [j]), mask)
    return f


def is_sum_of_columns(node: Node, arrays: Arrays) -> bool:
    """Whether it is better done by `sums_of_columns`: a loop along short rows that are no whole vectors is slow."""
    x = arrays.of(node.args[0])
    leading = node.params["axis"] == tuple(range(x.ndim - 1)) and x.flags.c_contiguous and x.ndim > 1
    leading = leading and node.function == np.add.reduce
    return leading and x.shape[-1] % lanes(x.dtype.char) > 0 and x.shape[-1] < MASKED and x.size <= SHORT * x.shape[-1]


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


class Tiles:
    """One product: the lines that compute out = alpha · x · y, or add that to it, or to a bias for each column."""

    def __init__(
        self, f: Function, char: str, x: Matrix, y: Matrix, out: Matrix, alpha: str, adds: bool, bias: Matrix | None
    ) -> None:
        self.f: Function = f
        self.v: Vectors = Vectors(f, char)
        self.char: str = char
        (self.m, self.k), self.n = x[0].shape[-2:], y[0].shape[-1]
        self.x, self.y, self.out = placed(x), placed(y), placed(out)
        self.alpha: str = alpha  # empty for 1
        self.adds: bool = adds
        self.bias: Placed | None = bias and (bias[1], 0, steps_of(bias[0])[-1])
        self.many: bool = registers()[0] == 32

    def at(self, matrix: Placed, row: int, column: int, rows: Counted, columns: Counted) -> str:
        """The address of an element, so many times counters behind a row and a column."""
        address, down, right = matrix
        steps, counters = [rows[0] * down, columns[0] * right], [rows[1], columns[1]]
        return self.f.address(address, self.char, row * down + column * right, steps, counters)

    def write(self) -> None:
        """The whole product, in the way in which the matrices lie."""
        side_by_side = self.y[2] == self.out[2] == 1 and self.n > 1
        along = (self.x[2] == 1 or self.k == 1) and (self.y[1] == 1 or self.k == 1)
        if not side_by_side and along:
            self.inner()
        elif not side_by_side and self.x[1] == self.out[1] == 1 and self.m > 1 and not self.bias:  # outᵀ = yᵀ xᵀ
            self.x, self.y, self.out = turned(self.y), turned(self.x), turned(self.out)
            self.m, self.n = self.n, self.m
            self.outer()
        else:
            self.outer()

    def outer(self) -> None:
        """Rows times vectors of columns."""
        high, wide = (8, 3) if self.many else (6, 2)
        wide = max(wide, 8 // self.m)
        for left, count, masks in self.v.columns(self.n, wide):
            with self.f.loop(count) as j:
                for top, rows, size in blocks(self.m, high):
                    with self.f.loop(rows) as i:
                        self.outer_tile(top, (size, i), left * self.v.lanes, (len(masks) * self.v.lanes, j), masks)

    def outer_tile(self, top: int, rows: Counted, left: int, columns: Counted, masks: list[str]) -> None:
        """Sums over k of x[·, k] y[k, ·], a vector of them for each row and mask."""
        if self.bias is None:
            starts = [f"{self.v.type} zeroinitializer"] * len(masks)
        else:
            places = [self.at(self.bias, 0, left + c * self.v.lanes, rows, columns) for c in range(len(masks))]
            starts = [f"{self.v.type} {self.v.load(*x)}" for x in zip(places, masks, strict=True)]
        totals = self.v.tile(rows[0], starts)
        with self.f.loop(self.k) as t:
            lines = [
                self.v.load(self.at(self.y, 0, left + c * self.v.lanes, (1, t), columns), mask)
                for c, mask in enumerate(masks)
            ]
            for r, row in enumerate(totals):
                x = self.v.everywhere(self.f.load(self.at(self.x, top + r, 0, rows, (1, t)), self.char))
                for total, y in zip(row, lines, strict=True):
                    self.v.add_product(total, x, y)
        alpha = self.v.everywhere(self.alpha) if self.alpha else ""
        for r, row in enumerate(totals):
            for c, (total, mask) in enumerate(zip(row, masks, strict=True)):
                place = self.at(self.out, top + r, left + c * self.v.lanes, rows, columns)
                made = scaled(self.f, self.v.type, self.v.load(total), alpha)
                if self.adds:
                    made = self.f.new(f"fadd contract {self.v.type} {self.v.load(place, mask)}, {made}")
                self.v.store(made, place, mask)

    def inner(self) -> None:
        """Rows times columns, both of which lie along what is summed over."""
        most = 16 if self.many else 8
        for left, count, wide in blocks(self.n, 4):
            with self.f.loop(count) as j:
                for top, rows, high in blocks(self.m, most // wide):
                    with self.f.loop(rows) as i:
                        self.inner_tile(top, (high, i), left, (wide, j))

    def inner_tile(self, top: int, rows: Counted, left: int, columns: Counted) -> None:
        """Sums over k of x[·, k] y[k, ·], one vector of parts of the sum for each element."""
        f, kind, lanes = self.f, TYPES[self.char], self.v.lanes
        totals = self.v.tile(rows[0], [f"{self.v.type} zeroinitializer"] * columns[0])
        for begin, times, mask in (
            (0, self.k // lanes, ""),
            (self.k - self.k % lanes, 1, self.v.first(self.k % lanes)),
        ):
            if times and begin < self.k:
                with f.loop(times) as t:
                    lines = [
                        self.v.load(self.at(self.y, begin, left + c, (lanes, t), columns), mask)
                        for c in range(columns[0])
                    ]
                    for r, row in enumerate(totals):
                        x = self.v.load(self.at(self.x, top + r, begin, rows, (lanes, t)), mask)
                        for total, y in zip(row, lines, strict=True):
                            self.v.add_product(total, x, y)
        for r, row in enumerate(totals):
            for c, total in enumerate(row):
                name = f"@llvm.vector.reduce.fadd.{suffix(self.char)}"
                parts = f"{kind} {number(-0.0, self.char)}, {self.v.type} {self.v.load(total)}"
                made = scaled(f, kind, f.new(f"call reassoc contract {kind} {name}({parts})"), self.alpha)
                place = self.at(self.out, top + r, left + c, rows, columns)
                if self.adds:
                    made = f.new(f"fadd contract {kind} {f.load(place, self.char)}, {made}")
                if self.bias is not None:
                    bias = f.load(self.at(self.bias, 0, left + c, rows, columns), self.char)
                    made = f.new(f"fadd contract {kind} {bias}, {made}")
                f.store(made, place, self.char)


def placed(matrix: Matrix) -> Placed:
    """Where a matrix begins, and how far its rows and its columns are apart."""
    array, address = matrix
    down, right = steps_of(array)[-2:]
    return address, down, right


def turned(matrix: Placed) -> Placed:
    """The same matrix, transposed."""
    address, down, right = matrix
    return address, right, down


def scaled(f: Function, kind: str, x: str, alpha: str) -> str:
    """A number or a vector times alpha."""
    return f.new(f"fmul contract {kind} {x}, {alpha}") if alpha else x
