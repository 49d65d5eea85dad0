"""Matrix products as LLVM functions: in tiles, or as calls of BLAS where they are too large for that."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..nodes import Node
from .arrays import Arrays
from .blas import addresses
from .given import Given, steps_of
from .llvm import TYPES, Function
from .llvm_math import number
from .machine import registers
from .steps import Step
from .tiles import Matrix, Tiles, in_tiles

ROW, COLUMN = 111, 112  # of CBLAS: as it lies, or transposed
CACHE = 1 << 17  # bytes of a matrix that does not keep another one from it
FLAT = 128  # a factor that lies the wrong way is turned first where no more than this is summed over


class Update(NamedTuple):
    """What a gradient that is a product does to its parameter, `end` = `load` − `factor` · gradient."""

    end: Node
    load: Node
    factor: Any
    is_stored: bool  # the gradient too; else it is computed when somebody looks at it, out of the factors


def product(
    step: Step, arrays: Arrays, given: Given, home: Callable[[Any], Any], update: Update | None = None
) -> Function:
    """A matrix product, or many, or the update of a parameter with one.

    `home` says in which root the numbers of a factor are.
    """
    (node,), f = step.nodes, Function()
    x, y, *bias = (arrays.of(z) for z in node.args)
    into, factor = (node, None) if update is None else (update.load, update.factor)
    out = arrays.of(into)
    char, kind = node.dtype.char, TYPES[node.dtype.char]
    lead = out.shape[:-2]
    xs, ys = (np.broadcast_to(z, (*lead, *z.shape[-2:])) for z in (x, y))
    alpha = ""
    if factor is not None:
        scale = given.scalar(factor, char) if type(factor) is Node else number(factor, char)
        alpha = f.new(f"fneg {kind} {scale}")
    with f.loops(lead) as counters:
        a, b, c = (
            f.address(given.pointer(root), char, arrays.offset(z), steps_of(s)[:-2], counters)
            for z, s, root in (
                (node.args[0], xs, home(node.args[0])),
                (node.args[1], ys, home(node.args[1])),
                (into, out, arrays.root[id(into)]),
            )
        )
        if bias or without_blas(x, y, out):
            more = [(z, f.address(given.pointer(arrays.root[id(z)]), char, arrays.offset(z), (), []))
                    for z in [*node.args[2:], *([node] if update and update.is_stored else [])]]  # fmt: skip
            beside = [(arrays.of(z), place) for z, place in more]
            start = beside.pop(0) if bias else (out, c) if update else None
            Tiles(f, char, (x, a), (y, b), (out, c), alpha, start, *beside).write()
        else:
            f.do(blas_call(char, kind, (x, a), (y, b), (out, c), alpha))
    return f


def without_blas(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> bool:
    """Whether a product is done in tiles."""
    return in_tiles(x, y) and not outgrows(x, y, out)


def outgrows(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> bool:
    """Whether BLAS is faster where it is: its copies pay where rows lie apart and no two matrices are in the cache.

    A processor with few registers has a small cache too. Where both factors lie along the sum, they are run through.
    """
    along = steps_of(x)[-1] == 1 and steps_of(y)[-2] == 1
    _, middle, _ = sorted(math.prod(z.shape[-2:]) * z.itemsize for z in (x, y, out))
    return registers()[0] == 16 and middle >= CACHE and not along and bool(addresses())


def turned_first(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether the second factor is better copied: its columns lie apart, and the rows of the first too, or short."""
    (m, k), apart = x.shape[-2:], steps_of(x)[-1] != 1 and x.shape[-1] > 1
    return in_tiles(x, y) and y.shape[-1] > 1 and steps_of(y)[-1] != 1 and (apart or (m > 3 and k <= FLAT))


def side(x: np.ndarray) -> tuple[int, int] | None:
    """How BLAS reads a matrix: as it lies or transposed, and how far its rows are apart; None if it cannot."""
    (m, n), (row, column) = x.shape[-2:], steps_of(x)[-2:]
    if (column == 1 or n == 1) and (row >= n or m == 1):
        return ROW, max(row if m > 1 else n, n, 1)
    if (row == 1 or m == 1) and (column >= m or n == 1):
        return COLUMN, max(column if n > 1 else m, m, 1)
    return None


def blas_call(char: str, kind: str, x: Matrix, y: Matrix, out: Matrix, alpha: str) -> str:
    """The call of the function of BLAS that does it."""
    beta, alpha = number(1.0 if alpha else 0.0, char), alpha or number(1.0, char)
    (m, k), n, letter = x[0].shape[-2:], y[0].shape[-1], "s" if char == "f" else "d"
    a, b, c = side(x[0]), side(y[0]), side(out[0])
    assert a is not None
    assert b is not None
    assert c is not None
    begin = f"call void @mg_{letter}"
    if m == 1:
        rows, columns = (n, k) if b[0] == COLUMN else (k, n)
        apart = max(steps_of(x[0])[-1], 1)
        return (
            f"{begin}gemv(i32 101, i32 {ROW if b[0] == COLUMN else COLUMN}, i64 {rows}, i64 {columns}, {kind} {alpha}, "
            f"ptr {y[1]}, i64 {b[1]}, ptr {x[1]}, i64 {apart}, {kind} {beta}, ptr {out[1]}, i64 1)"
        )
    return (
        f"{begin}gemm(i32 101, i32 {a[0]}, i32 {b[0]}, i64 {m}, i64 {n}, i64 {k}, {kind} {alpha}, ptr {x[1]}, "
        f"i64 {a[1]}, ptr {y[1]}, i64 {b[1]}, {kind} {beta}, ptr {out[1]}, i64 {c[1]})"
    )
