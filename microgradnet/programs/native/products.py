"""Matrix products as LLVM functions: calls of BLAS, or loops where a product is too small to be worth a call."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np

from .arrays import Arrays
from .given import Given, steps_of
from .llvm import TYPES, Function
from .llvm_math import number
from .steps import Step

ROW, COLUMN = 111, 112  # of CBLAS: as it lies, or transposed
SMALL = 16_384  # so many multiplications are done in loops, more of them by BLAS
FEW = 16  # so many rows are added up at once
TILE = 4  # so many sums run at once


def product(step: Step, arrays: Arrays, given: Given, target: Any = None, factor: Any = None) -> Function:
    """A matrix product, or many; into `target`, from which `factor` times the product is taken, if that is given."""
    (node,), f = step.nodes, Function()
    x, y = (arrays.of(z) for z in node.args[:2])
    out, into = arrays.of(node), node
    if target is not None:
        out, into = arrays.of(target), target
    char, kind = node.dtype.char, TYPES[node.dtype.char]
    lead = out.shape[:-2]
    xs, ys = (np.broadcast_to(z, (*lead, *z.shape[-2:])) for z in (x, y))
    alpha = number(1.0, char) if factor is None else f.new(f"fneg {kind} {given.scalar(factor, char)}")
    beta = number(0.0 if factor is None else 1.0, char)
    with contextlib.ExitStack() as stack:
        counters = [stack.enter_context(f.loop(n)) for n in lead]
        a, b = (
            f.address(given.pointer(arrays.root[id(z)]), char, arrays.offset(z), steps_of(s)[:-2], counters)
            for z, s in zip(node.args[:2], (xs, ys), strict=True)
        )
        c = f.address(given.pointer(arrays.root[id(into)]), char, arrays.offset(into), steps_of(out)[:-2], counters)
        if math.prod(out.shape[-2:]) * x.shape[-1] <= SMALL:
            small(f, char, (x, a), (y, b), (out, c), alpha, factor is not None)
        else:
            f.do(blas_call(char, kind, (x, a), (y, b), (out, c), alpha, beta))
    return f


def small(
    f: Function, char: str, x: tuple[Any, str], y: tuple[Any, str], out: tuple[Any, str], alpha: str, adds: bool
) -> None:
    """A product too small to be worth a call: sums along rows, or rows added up, whichever way lies well in memory."""
    (m, k), n, kind = x[0].shape[-2:], y[0].shape[-1], TYPES[char]
    xs, ys, outs = (steps_of(z[0])[-2:] for z in (x, y, out))
    if (ys[1] != 1 and xs[0] == 1) or (n == 1 and m > 1 and xs[1] != 1):  # outᵀ = yᵀ xᵀ
        x, y, xs, ys, outs, m, n = y, x, ys[::-1], xs[::-1], outs[::-1], n, m
    if ys[1] == 1 and k < 4 * n:
        for begin in range(0, k, FEW):
            some = range(begin, min(begin + FEW, k))
            with f.loop(m) as i:
                scales = [
                    scaled(f, char, f.load(f.address(x[1], char, t * xs[1], xs[:1], [i]), char), alpha) for t in some
                ]
                with f.loop(n) as j:
                    place = f.address(out[1], char, 0, outs, [i, j])
                    c = f.load(place, char) if adds or begin else ""
                    for t, s in zip(some, scales, strict=True):
                        b = f.load(f.address(y[1], char, t * ys[0], [1], [j]), char)
                        p = f.new(f"fmul contract {kind} {s}, {b}")
                        c = f.new(f"fadd contract {kind} {c}, {p}") if c else p
                    f.store(c, place, char)
        return
    whole = n - n % TILE
    if whole:
        with f.loop(whole // TILE) as tile:
            sums(f, char, (x[1], y[1], out[1]), (xs, ys, outs), (m, k), range(TILE), tile, alpha, adds)
    if n > whole:
        sums(f, char, (x[1], y[1], out[1]), (xs, ys, outs), (m, k), range(whole, n), "0", alpha, adds)


def sums(
    f: Function, char: str, bases: Any, strides: Any, sizes: Any, columns: range, tile: str, alpha: str, adds: bool
) -> None:
    """Some columns of a product, each element a sum along rows of both; they lie behind `tile` times as many."""
    kind, (x, y, out), (xs, ys, outs), (m, k) = TYPES[char], bases, strides, sizes
    totals = [f.variable(kind) for _ in columns]
    with f.loop(m) as i:
        for total in totals:
            f.store(number(0.0, char), total, char)
        with f.loop(k) as t:
            a = f.load(f.address(x, char, 0, xs, [i, t]), char)
            for j, total in zip(columns, totals, strict=True):
                place = f.address(y, char, j * ys[1], [ys[0], TILE * ys[1] * (tile != "0")], [t, tile])
                p = f.new(f"fmul contract {kind} {a}, {f.load(place, char)}")
                f.store(f.new(f"fadd reassoc contract {kind} {f.load(total, char)}, {p}"), total, char)
        for j, total in zip(columns, totals, strict=True):
            place = f.address(out, char, j * outs[1], [outs[0], TILE * outs[1] * (tile != "0")], [i, tile])
            c = scaled(f, char, f.load(total, char), alpha)
            f.store(f.new(f"fadd contract {kind} {f.load(place, char)}, {c}") if adds else c, place, char)


def scaled(f: Function, char: str, x: str, alpha: str) -> str:
    """A number times alpha."""
    return x if alpha == number(1.0, char) else f.new(f"fmul contract {TYPES[char]} {x}, {alpha}")


def side(x: np.ndarray) -> tuple[int, int] | None:
    """How BLAS reads a matrix: as it lies or transposed, and how far its rows are apart; None if it cannot."""
    (m, n), (row, column) = x.shape[-2:], steps_of(x)[-2:]
    if (column == 1 or n == 1) and (row >= n or m == 1):
        return ROW, max(row if m > 1 else n, n, 1)
    if (row == 1 or m == 1) and (column >= m or n == 1):
        return COLUMN, max(column if n > 1 else m, m, 1)
    return None


def blas_call(
    char: str, kind: str, x: tuple[Any, str], y: tuple[Any, str], out: tuple[Any, str], alpha: str, beta: str
) -> str:
    """The call of the function of BLAS that does it."""
    (m, k), n, letter = x[0].shape[-2:], y[0].shape[-1], "s" if char == "f" else "d"
    a, b, c = side(x[0]), side(y[0]), side(out[0])
    assert a is not None
    assert b is not None
    assert c is not None
    begin = f"call void @mg_{letter}"
    if k == 1 and beta != number(0.0, char) and c[0] == ROW:
        return (
            f"{begin}ger(i32 101, i64 {m}, i64 {n}, {kind} {alpha}, ptr {x[1]}, i64 {between(x[0], 0)}, "
            f"ptr {y[1]}, i64 {between(y[0], 1)}, ptr {out[1]}, i64 {c[1]})"
        )
    if m == 1 and out[0].shape[-1] == n and c[0] == ROW:
        rows, columns = (n, k) if b[0] == COLUMN else (k, n)
        return (
            f"{begin}gemv(i32 101, i32 {ROW if b[0] == COLUMN else COLUMN}, i64 {rows}, i64 {columns}, {kind} {alpha}, "
            f"ptr {y[1]}, i64 {b[1]}, ptr {x[1]}, i64 {between(x[0], 1)}, {kind} {beta}, ptr {out[1]}, i64 1)"
        )
    return (
        f"{begin}gemm(i32 101, i32 {a[0]}, i32 {b[0]}, i64 {m}, i64 {n}, i64 {k}, {kind} {alpha}, ptr {x[1]}, "
        f"i64 {a[1]}, ptr {y[1]}, i64 {b[1]}, {kind} {beta}, ptr {out[1]}, i64 {c[1]})"
    )


def between(x: np.ndarray, axis: int) -> int:
    """How far two elements along one of the last two axes are apart."""
    return max(steps_of(x)[-2:][axis], 1)


BLAS = "\n".join(
    f"declare void @mg_{letter}gemm(i32, i32, i32, i64, i64, i64, {t}, ptr, i64, ptr, i64, {t}, ptr, i64)\n"
    f"declare void @mg_{letter}gemv(i32, i32, i64, i64, {t}, ptr, i64, ptr, i64, {t}, ptr, i64)\n"
    f"declare void @mg_{letter}ger(i32, i64, i64, {t}, ptr, i64, ptr, i64, ptr, i64)"
    for letter, t in (("s", "float"), ("d", "double"))
)
