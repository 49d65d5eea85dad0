"""Matrix products of middling size, in tiles whose sums stay in the processor's vector registers.

BLAS copies its factors first, so that it may be as fast for matrices of any size; as long as they fit in a cache that
is not needed. A tile is either rows times vectors of columns, each sum in a lane of its own (`outer`), or rows times
columns that both lie along the axis that is summed over, a vector of partial sums for each element (`inner`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blas import LARGE
from .given import steps_of
from .llvm import TYPES, Function
from .llvm_math import number
from .machine import registers
from .vectors import blocks, column_blocks, lanes

COLUMNS = 4  # in a tile along the sum
LONG = 1 << 26  # so many multiplications are done in tiles, more of them by BLAS

Matrix = tuple[Any, str]  # an array that stands for it, and the name of its address
Steps = Sequence[tuple[int, str]]  # how far a block is from the one before, and which it is
Placed = tuple[str, int, int]  # where it begins, how far its rows and how far its columns are apart
NOWHERE: Placed = ("null", 0, 0)


def in_tiles(x: Any, y: Any) -> bool:
    """Whether the product of two arrays, or nodes, is small enough to be done without BLAS."""
    (m, k), n = x.shape[-2:], y.shape[-1]
    return bool(m * k * n <= LONG and max(m * k, k * n) * x.dtype.itemsize <= LARGE)


class Tiles:
    """One product: the lines that compute out = alpha · x · y, or start + that, if there is a start.

    `start` is a matrix, or a bias for each column, side by side. If there is a `kept`, x · y itself goes there.
    """

    def __init__(
        self, f: Function, char: str, x: Matrix, y: Matrix, out: Matrix, alpha: str, start: Matrix | None,
        kept: Matrix | None = None,
    ) -> None:  # fmt: skip
        self.f: Function = f
        self.char: str = char
        (self.m, self.k), self.n = x[0].shape[-2:], y[0].shape[-1]
        self.x, self.y, self.out = placed(x), placed(y), placed(out)
        self.start: Placed = NOWHERE if start is None else placed(start)
        self.kept: Placed = NOWHERE if kept is None else placed(kept)
        self.how: str = "set" if start is None else "from" if kept is None else "keep"
        self.alpha: str = f"{TYPES[char]} {alpha or number(1.0, char)}"
        self.many: bool = registers()[0] == 32

    def write(self) -> None:
        """The whole product, in the way in which the matrices lie."""
        side_by_side = self.y[2] == self.out[2] == 1 and self.n > 1
        along = (self.x[2] == 1 or self.k == 1) and (self.y[1] == 1 or self.k == 1)
        turns = self.x[1] == self.out[1] == 1 and (self.how == "set" or self.start[1:] == self.out[1:])
        if not side_by_side and along:
            self.inner()
        elif not side_by_side and turns:  # outᵀ = yᵀ xᵀ
            self.x, self.y = turned(self.y), turned(self.x)
            self.out, self.start, self.kept = turned(self.out), turned(self.start), turned(self.kept)
            self.m, self.n = self.n, self.m
            self.outer()
        else:
            self.outer()

    def at(self, matrix: Placed, row: int, column: int, rows: Steps = (), columns: Steps = ()) -> str:
        """The address of an element, so many rows and columns for each block that came before."""
        address, down, right = matrix
        if address == "null":
            return "null"
        steps = [*(n * down for n, _ in rows), *(n * right for n, _ in columns)]
        counters = [i for _, i in (*rows, *columns)]
        return self.f.address(address, self.char, row * down + column * right, steps, counters)

    def outer(self) -> None:
        """Rows times vectors of columns."""
        wide = max(3 if self.many else 2, 8 // self.m)
        high = 8 if self.many else 6 if self.k >= 32 else 4  # short sums: the next tile begins while one ends
        width = lanes(self.char)
        for left, count, size, rest in column_blocks(self.n, width, wide):
            with self.f.loop(count) as j:
                for top, rows, tall in blocks(self.m, high):
                    right = [(size * width, j)]
                    x, y = self.at(self.x, top, 0), self.at(self.y, 0, left * width, (), right)
                    matrices = [
                        f"ptr {self.at(z, top, left * width, (), right)}, i64 {z[1]}"
                        for z in (self.out, self.start, self.kept)
                    ]
                    self.f.do(
                        f"call void @outer_{self.char}_{tall}x{size}{'m' if rest else ''}_{self.how}"
                        f"(ptr {x}, i64 {self.x[1]}, i64 {self.x[2]}, ptr {y}, i64 {self.y[1]}, {', '.join(matrices)}, "
                        f"i64 {self.k}, {self.alpha}, i64 {rest}, i64 {rows})"
                    )

    def inner(self) -> None:
        """Rows times columns, both of which lie along what is summed over.

        The longer side of a tile stays in the cache while the others are run through: a tile of more rows than columns
        has some of its like beside it.
        """
        some, rest = divmod(self.n, COLUMNS)
        for begin, count, size in blocks(some, COLUMNS if self.many else 1):
            with self.f.loop(count) as panel:
                self.inner_rows(begin * COLUMNS, size, COLUMNS, (size * COLUMNS, panel))
        if rest:
            self.inner_rows(some * COLUMNS, 1, rest, (0, "0"))

    def inner_rows(self, left: int, count: int, wide: int, panel: tuple[int, str]) -> None:
        """All rows times some blocks of columns."""
        whole, rest = divmod(self.k, lanes(self.char))
        most = 5 if self.many else 3
        beside = "s" if self.out[2] == 1 else ""
        sort = f"{'w' if whole else ''}{'r' if rest else ''}{beside}_{self.how}"
        for top, rows, tall in blocks(self.m, most if wide > 2 else 2 * most):
            with self.f.loop(rows) as i, self.f.loop(count) as j:
                down, right = [(tall, i)], [panel, (wide, j)]
                x, y = self.at(self.x, top, 0, down), self.at(self.y, 0, left, (), right)
                matrices = [
                    f"ptr {self.at(z, top, left, down, right)}, i64 {z[1]}, i64 {z[2]}"
                    for z in (self.out, self.start, self.kept)
                ]
                self.f.do(
                    f"call void @inner_{self.char}_{tall}x{wide}{sort}(ptr {x}, i64 {self.x[1]}, ptr {y}, "
                    f"i64 {self.y[2]}, {', '.join(matrices)}, i64 {whole}, i64 {rest}, {self.alpha})"
                )


def placed(matrix: Matrix) -> Placed:
    """Where a matrix begins, and how far its rows and its columns are apart."""
    array, address = matrix
    down, right = [0, *steps_of(array)][-2:]
    return address, down, right


def turned(matrix: Placed) -> Placed:
    """The same matrix, transposed."""
    address, down, right = matrix
    return address, right, down
