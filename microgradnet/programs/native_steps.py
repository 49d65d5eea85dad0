"""Steps as LLVM functions: one for each sort of step, however often it comes, handed the addresses of its arrays."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np

from .llvm import TYPES, Function, converted, element
from .llvm_math import number
from .loops import Arrays, Step, computed_in
from .native_lowering import LARGEST, SMALLEST, elementwise, key_of
from .nodes import Node

INITIAL = {np.add.reduce: 0.0, LARGEST: -math.inf, SMALLEST: math.inf}
ROW, COLUMN = 111, 112  # of CBLAS: as it lies, or transposed
SMALL = 16_384  # so many multiplications are done in loops, more of them by BLAS
FEW = 16  # so many rows are added up at once
TILE = 4  # so many sums run at once
SHORT = 1024  # so many floats are added up as floats, more of them as doubles


class Given:
    """What a function is handed: roots, of which it gets the addresses, and numbers."""

    def __init__(self, arrays: Arrays, memory: Any) -> None:
        self.arrays: Arrays = arrays
        self.memory: Any = memory  # of a root: what two roots have in common that lie in the same place
        self.roots: dict[Any, Any] = {}
        self.numbers: dict[tuple[int, str], Any] = {}

    def pointer(self, root: Any) -> str:
        """The name of the address of a root."""
        key = self.memory(root)
        self.roots.setdefault(key, root)
        return f"%p{list(self.roots).index(key)}"

    def scalar(self, x: Node, char: str) -> str:
        """The name of a number of Python's, in a dtype."""
        self.numbers.setdefault((id(x), char), x)
        return f"%s{list(self.numbers).index((id(x), char))}"

    def head(self, name: str) -> str:
        """The first line of the function."""
        parameters = [f"ptr noalias %p{i}" for i in range(len(self.roots))]
        parameters += [f"{TYPES[char]} %s{i}" for i, (_, char) in enumerate(self.numbers)]
        return f"define internal void @{name}({', '.join(parameters)}) noinline nounwind"


class Operand:
    """An array as a loop reads or writes it: its root, where it begins, and a stride for each of the axes."""

    def __init__(self, arrays: Arrays, x: Any, strides: list[int]) -> None:
        self.array: np.ndarray = arrays.of(x)
        self.char: str = self.array.dtype.char
        self.root: Any = arrays.root[id(x)]
        self.offset: int = arrays.offset(x)
        self.strides: list[int] = strides


def steps_of(x: np.ndarray) -> list[int]:
    """Strides in elements."""
    return [stride // x.itemsize for stride in x.strides]


def broadcast(x: np.ndarray, count: int) -> list[int]:
    """Strides with which an array is read in a loop over `count` axes, 0 where it is repeated."""
    own = [stride if n != 1 else 0 for stride, n in zip(steps_of(x), x.shape, strict=True)]
    return [0] * (count - len(own)) + own


class LoopText:
    """The text of a loop."""

    def __init__(self, step: Step, arrays: Arrays, given: Given, is_needed: Any) -> None:
        self.step: Step = step
        self.arrays: Arrays = arrays
        self.given: Given = given
        self.f: Function = Function()
        self.operands: dict[Any, Operand] = {}
        self.is_needed: Any = is_needed
        self.local: dict[int, str] = {}  # id of a node -> its element
        self.loaded: dict[Any, str] = {}
        self.inside: set[int] = {id(node) for node in step.nodes if node.function not in INITIAL}
        self.collect()
        self.sizes: list[int] = self.simplified()

    # ------------------------------------------------------------------------------------------------------- the axes

    def operand(self, x: Any, axes: int | None = None, skipped: int = 0) -> Operand:
        """An array as the loop reads it; of one that rows are taken from, the axes behind the first `skipped`."""
        key = id(x), skipped
        if key not in self.operands:
            count = len(self.step.shape)
            array = self.arrays.of(x)
            if skipped:
                strides = [0] * (count - array.ndim + skipped) + steps_of(array)[skipped:]
            else:
                strides = broadcast(array, count if axes is None else axes) + [0] * (count - (axes or count))
            self.operands[key] = Operand(self.arrays, x, strides)
        return self.operands[key]

    def is_array(self, x: Any) -> bool:
        """Whether an argument is read from memory."""
        if isinstance(x, np.ndarray):
            return True
        return type(x) is Node and x.shape is not None and id(x) in self.arrays.array

    def collect(self) -> None:
        """All that is read and written."""
        for node in self.step.nodes:
            if key_of(node) == "take":
                numbers = node.args[1:]
                axes = max(self.arrays.of(x).ndim for x in numbers)
                self.operand(node.args[0], skipped=len(numbers))
                for x in numbers:
                    self.operand(x, axes)
            else:
                for x in node.args:
                    if self.is_array(x) and not self.is_inside(x):
                        self.operand(x)
            if self.is_needed(node) or node.function in INITIAL:
                self.operand(node)

    def is_inside(self, x: Any) -> bool:
        """Whether an argument is computed in this very loop."""
        return id(x) in self.inside or (type(x) is Node and id(self.arrays.root.get(id(x))) in self.inside)

    def simplified(self) -> list[int]:
        """The sizes of as few loops as do: without those of size 1, and with two in one where memory goes on."""
        shape, operands = self.step.shape, list(self.operands.values())
        axes = [i for i, n in enumerate(shape) if n != 1]
        main = next(
            (self.operands[id(n), 0] for n in self.step.nodes if self.is_needed(n) and id(n) in self.inside), None
        )
        main = main or max(operands, key=lambda x: x.array.size)
        axes.sort(key=lambda i: -abs(main.strides[i]) if main.strides[i] else -math.inf)
        sizes: list[int] = []
        vectors: list[list[int]] = [[] for _ in operands]
        for i in axes:
            n = shape[i]
            if sizes and all(v[-1] == x.strides[i] * n for v, x in zip(vectors, operands, strict=True)):
                sizes[-1] *= n
                for v, x in zip(vectors, operands, strict=True):
                    v[-1] = x.strides[i]
            else:
                sizes.append(n)
                for v, x in zip(vectors, operands, strict=True):
                    v.append(x.strides[i])
        for v, x in zip(vectors, operands, strict=True):
            x.strides = v
        return sizes

    # ------------------------------------------------------------------------------------------------------- the text

    def text(self) -> Function:
        """The whole function."""
        self.sums = [node for node in self.step.nodes if node.function in INITIAL]
        self.start: dict[int, int] = {}
        self.running: dict[int, tuple[str, str]] = {}
        for node in self.sums:
            strides = self.operands[id(node), 0].strides
            start = len(strides)
            while start and not strides[start - 1]:
                start -= 1
            self.start[id(node)] = start
            if not all(strides[:start]) or (start == len(strides) and not all(strides)):
                self.filled(node)
            length = math.prod(self.sizes[start:])
            char = node.dtype.char
            if start < len(strides):
                kept = "d" if char == "f" and node.function == np.add.reduce and length > SHORT else char
                self.running[id(node)] = kept, self.f.variable(TYPES[kept])
        self.nest(0, [])
        return self.f

    def filled(self, node: Node) -> None:
        """Put what a reduction starts from into memory."""
        x, char = self.operands[id(node), 0], node.dtype.char
        sizes = [n for n, stride in zip(self.sizes, x.strides, strict=True) if stride]
        with self.f.loops(sizes) as counters:
            strides = [stride for stride in x.strides if stride]
            place = self.f.address(self.given.pointer(x.root), char, x.offset, strides, counters)
            self.f.store(number(INITIAL[node.function], char), place, char)

    def nest(self, depth: int, counters: list[str]) -> None:
        """The loops from `depth` on."""
        if depth == len(self.sizes):
            self.body(counters)
            return
        ending = [node for node in self.sums if self.start[id(node)] == depth]
        for node in ending:
            char, place = self.running[id(node)]
            self.f.store(number(INITIAL[node.function], char), place, char)
        with self.f.loop(self.sizes[depth]) as i:
            self.nest(depth + 1, [*counters, i])
        for node in ending:
            char, place = self.running[id(node)]
            total = converted(self.f, self.f.load(place, char), char, node.dtype.char)
            self.into_memory(node, total, counters, all(self.operands[id(node), 0].strides[:depth]))

    def into_memory(self, node: Node, x: str, counters: list[str], alone: bool) -> None:
        """Put the result of a reduction into memory, `alone` or together with what is there."""
        out, char = self.operands[id(node), 0], node.dtype.char
        place = self.f.address(self.given.pointer(out.root), char, out.offset, out.strides[: len(counters)], counters)
        if not alone:
            x = self.joined(node, char, self.f.load(place, char), x)
        self.f.store(x, place, char)

    def joined(self, node: Node, char: str, x: str, y: str) -> str:
        """Two parts of a reduction. The parts may be joined in any order: that is `reassoc`."""
        kind = TYPES[char]
        if node.function == np.add.reduce:
            return self.f.new(f"fadd reassoc contract {kind} {x}, {y}")
        name = "maximum" if node.function == LARGEST else "minimum"
        return self.f.new(f"call {kind} @llvm.{name}.f{8 * np.dtype(char).itemsize}({kind} {x}, {kind} {y})")

    def body(self, counters: list[str]) -> None:
        """What is done for each element. All is read before anything is written, for it may go to where it was."""
        written = []
        for node in self.step.nodes:
            if node.function in INITIAL:
                x = self.value(node.args[0], node.dtype.char, counters)
                if id(node) not in self.running:
                    self.into_memory(node, x, counters, not self.sizes or not any(
                        not stride for stride in self.operands[id(node), 0].strides))  # fmt: skip
                    continue
                kept, place = self.running[id(node)]
                x = converted(self.f, x, node.dtype.char, kept)
                self.f.store(self.joined(node, kept, self.f.load(place, kept), x), place, kept)
                continue
            made = self.taken(node, counters) if key_of(node) == "take" else self.computed(node, counters)
            self.local[id(node)] = made
            if self.is_needed(node):
                written.append((self.operands[id(node), 0], made))
        for out, made in written:
            place = self.f.address(self.given.pointer(out.root), out.char, out.offset, out.strides, counters)
            self.f.store(made, place, out.char)

    def computed(self, node: Node, counters: list[str]) -> str:
        """An element of a ufunc."""
        what, char = elementwise(node), computed_in(node).char
        chars = ["?", char, char] if what is np.where else [char] * len(node.args)
        return element(self.f, what, char, [self.value(x, c, counters) for x, c in zip(node.args, chars, strict=True)])

    def value(self, x: Any, char: str, counters: list[str]) -> str:
        """An argument's element in a dtype."""
        if type(x) is Node and self.is_inside(x):
            root = x if id(x) in self.local else self.arrays.root[id(x)]
            return converted(self.f, self.local[id(root)], root.dtype.char, char)
        if self.is_array(x):
            return converted(self.f, self.read(self.operand(x), counters), self.arrays.of(x).dtype.char, char)
        if type(x) is Node:
            return self.given.scalar(x, char)
        return ("true" if x else "false") if char == "?" else number(x, char)

    def read(self, x: Operand, counters: list[str]) -> str:
        """The element of an array."""
        key = id(x.root), x.offset, tuple(x.strides)
        if key not in self.loaded:
            place = self.f.address(self.given.pointer(x.root), x.char, x.offset, x.strides, counters)
            self.loaded[key] = self.f.load(place, x.char)
        return self.loaded[key]

    def taken(self, node: Node, counters: list[str]) -> str:
        """An element of rows that are taken by numbers."""
        source, numbers = node.args[0], node.args[1:]
        x = self.operand(source, skipped=len(numbers))
        place = self.f.address(self.given.pointer(x.root), x.char, x.offset, x.strides, counters)
        rows = [self.read(self.operand(i), counters) for i in numbers]
        return self.f.load(behind(self.f, place, self.arrays.of(source), rows), x.char)


def behind(f: Function, place: str, x: np.ndarray, rows: list[str]) -> str:
    """The address so many rows behind a place; a negative number counts from the end."""
    for i, n, stride in zip(rows, x.shape, steps_of(x), strict=False):
        negative = f.new(f"icmp slt i64 {i}, 0")
        from_begin = f.new(f"select i1 {negative}, i64 {f.new(f'add i64 {i}, {n}')}, i64 {i}")
        step = f.new(f"mul i64 {from_begin}, {stride}")
        place = f.new(f"getelementptr {TYPES[x.dtype.char]}, ptr {place}, i64 {step}")
    return place


# ------------------------------------------------------------------------------------------- what is no loop of its own


def pieces(step: Step, arrays: Arrays, given: Given) -> Function:
    """An array made of others."""
    (node,), f = step.nodes, Function()
    out, char = arrays.of(node), node.dtype.char
    base = given.pointer(node)
    if not node.params["whole"]:
        zeros(f, base, out)
    for part, index in zip(node.args, node.params["index"], strict=True):
        x = arrays.of(part)
        target = out[tuple(slice(i, i + 1 or None) if type(i) is int else i for i in index)].reshape(x.shape)
        offset = (target.__array_interface__["data"][0] - out.__array_interface__["data"][0]) // out.itemsize
        with f.loops(x.shape) as counters:
            here = f.address(given.pointer(arrays.root[id(part)]), char, arrays.offset(part), steps_of(x), counters)
            f.store(f.load(here, char), f.address(base, char, offset, steps_of(target), counters), char)
    return f


def zeros(f: Function, base: str, out: np.ndarray) -> None:
    """Fill an array, which is all of its memory, with 0."""
    with f.loop(out.size) as i:
        f.store(number(0.0, out.dtype.char), f.address(base, out.dtype.char, 0, (1,), [i]), out.dtype.char)


def scattered(step: Step, arrays: Arrays, given: Given) -> Function:
    """Rows added up by numbers."""
    (node,), f = step.nodes, Function()
    out, char, (source, *numbers) = arrays.of(node), node.dtype.char, node.args
    base = given.pointer(node)
    zeros(f, base, out)
    indices = [arrays.of(x) for x in numbers]
    shape = np.broadcast_shapes(*[x.shape for x in indices])
    whole = (*shape, *out.shape[len(indices) :])
    x = np.broadcast_to(arrays.of(source), whole) if type(source) is Node or isinstance(source, np.ndarray) else None
    with f.loops(shape) as outer:
        rows = []
        for i, array in zip(numbers, indices, strict=True):
            seen = np.broadcast_to(array, shape)
            pointer = given.pointer(arrays.root[id(i)])
            rows.append(f.load(f.address(pointer, array.dtype.char, arrays.offset(i), steps_of(seen), outer), "l"))
        place = behind(f, base, out, rows)
        with f.loops(whole[len(shape) :]) as inner:
            here = f.address(place, char, 0, steps_of(out)[len(indices) :], inner)
            g = f.load(
                f.address(
                    given.pointer(arrays.root[id(source)]), char, arrays.offset(source), steps_of(x), [*outer, *inner]
                ),
                char,
            )
            f.store(f.new(f"fadd contract {TYPES[char]} {f.load(here, char)}, {g}"), here, char)
    return f


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
                scales = [scaled(f, char, f.load(f.address(x[1], char, t * xs[1], xs[:1], [i]), char), alpha) for t in some]
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
    if column == 1 or n == 1:
        if row >= n or m == 1:
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
    assert a is not None and b is not None and c is not None
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
