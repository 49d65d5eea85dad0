"""Loops as LLVM functions: one for each sort of loop, however often it comes, handed the addresses of its arrays."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..nodes import Node
from .arrays import Arrays
from .given import Given, steps_of
from .kinds import computed_in
from .llvm import SHORT, TYPES, WRITTEN, Function, converted, element
from .llvm_math import number
from .lowering import LARGEST, SMALLEST, elementwise, key_of
from .pieces import behind
from .steps import Step
from .vectors import Vectors

MANY = 1 << 16  # elements, for which it pays to compile a long loop body four times as long
INITIAL = {np.add.reduce: 0.0, LARGEST: -math.inf, SMALLEST: math.inf}


class Operand:
    """An array as a loop reads or writes it: its root, where it begins, and a stride for each of the axes."""

    def __init__(self, arrays: Arrays, x: Any, strides: list[int]) -> None:
        self.array: np.ndarray = arrays.of(x)
        self.char: str = self.array.dtype.char
        self.root: Any = arrays.root[id(x)]
        self.offset: int = arrays.offset(x)
        self.strides: list[int] = strides


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
        self.v: Vectors | None = self.in_vectors()
        self.mask: str = ""  # of the vector at hand: its lanes that are elements

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

    def in_vectors(self) -> Vectors | None:
        """How a short loop is written as vectors: over numbers of one dtype that lie side by side.

        LLVM, which makes vectors of any loop, takes longer for that than for all the rest. Of a long one it is worth
        it: what one vector waits for is computed beside others.
        """
        short = self.sizes and math.prod(self.sizes) <= SHORT
        if not short or any(key_of(node) == "take" for node in self.step.nodes):
            return None
        chars = {x.char for x in self.operands.values()}
        chars |= {computed_in(node).char for node in self.step.nodes if node.function not in INITIAL} - {"?"}
        steps = {x.strides[-1] for x in self.operands.values()}
        if steps not in ({0, 1}, {1}) or chars not in ({"f"}, {"d"}):
            return None
        return Vectors(self.f, min(chars), self.sizes[-1])

    # ------------------------------------------------------------------------------------------------------- the text

    def text(self) -> Function:
        """The whole function."""
        self.sums = [node for node in self.step.nodes if node.function in INITIAL]
        self.start: dict[int, int] = {}
        self.running: dict[int, tuple[str, str]] = {}
        self.parts: dict[int, str] = {}  # of sums kept as doubles: that of the innermost loop
        self.left: int = 0  # the size of the last block of the innermost loop, if it is another
        for node in self.sums:
            strides = self.operands[id(node), 0].strides
            start = len(strides)
            while start and not strides[start - 1]:
                start -= 1
            self.start[id(node)] = start
            if not all(strides[:start]):
                self.filled(node)
            length = math.prod(self.sizes[start:])
            char = node.dtype.char
            if start < len(strides):
                kept = "d" if char == "f" and node.function == np.add.reduce and length > SHORT else char
                self.running[id(node)] = kept, self.f.variable(self.v.type if self.v else TYPES[kept])
                if kept != char:
                    self.parts[id(node)] = self.f.variable(TYPES[char])
        if self.parts and self.sizes[-1] > SHORT:
            self.in_blocks()
        self.nest(0, [])
        return self.f

    def in_blocks(self) -> None:
        """Make two loops of the innermost, so that sums in floats are short; the last block is what is left."""
        size = self.sizes.pop()
        self.start = {which: start + (start > len(self.sizes)) for which, start in self.start.items()}
        self.sizes += [-(-size // SHORT), SHORT]
        self.left = size % SHORT
        for x in self.operands.values():
            x.strides = [*x.strides[:-1], x.strides[-1] * SHORT, x.strides[-1]]

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
            with self.in_lanes():
                self.put(self.f.number(INITIAL[node.function], char), place, char)
        inmost = depth == len(self.sizes) - 1
        for part in self.parts.values() if inmost else []:
            self.f.store(number(0.0, "f"), part, "f")
        if inmost and self.v:
            self.along(self.sizes[depth], counters, self.v)
        else:
            size = self.of_block(counters[-1]) if inmost and self.left else self.sizes[depth]
            with self.f.loop(size, inmost and self.is_deep()) as i:
                self.nest(depth + 1, [*counters, i])
        for which, part in self.parts.items() if inmost else []:
            kept, place = self.running[which]
            total = converted(self.f, self.f.load(part, "f"), "f", kept)
            self.f.store(self.f.new(f"fadd double {self.f.load(place, kept)}, {total}"), place, kept)
        for node in ending:
            char, place = self.running[id(node)]
            total = self.across(node, self.v.load(place), self.v) if self.v else self.f.load(place, char)
            total = converted(self.f, total, char, node.dtype.char)
            self.into_memory(node, total, counters, all(self.operands[id(node), 0].strides[:depth]))

    def along(self, size: int, counters: list[str], v: Vectors) -> None:
        """The innermost loop, a vector at a time; some lanes of the last one may be no elements."""
        whole, rest = divmod(size, v.lanes)
        if whole:
            with self.f.loop(whole) as i:
                first = i if i == "0" else self.f.new(f"mul nuw nsw i64 {i}, {v.lanes}")
                with self.in_lanes():
                    self.body([*counters, first])
        if rest:
            self.mask = v.first(rest)
            with self.in_lanes():
                self.body([*counters, str(whole * v.lanes)])
            self.mask = ""

    @contextlib.contextmanager
    def in_lanes(self) -> Iterator[None]:
        """A block in which elements are vectors, if the loop is written as these."""
        self.f.lanes = self.v.lanes if self.v else 1
        yield
        self.f.lanes = 1

    def get(self, place: str, char: str) -> str:
        """An element in memory. In a lane that is none it is 1: for SSE, LLVM takes the quotient of two zeros for 0."""
        if self.v and self.f.lanes > 1:
            return self.v.load(place, self.mask, self.f.number(1.0, char))
        return self.f.load(place, char)

    def put(self, x: str, place: str, char: str) -> None:
        """Put an element into memory."""
        if self.v and self.f.lanes > 1:
            self.v.store(x, place, self.mask)
        else:
            self.f.store(x, place, char)

    def across(self, node: Node, x: str, v: Vectors) -> str:
        """What a reduction makes of the lanes of a vector."""
        if node.function == np.add.reduce:
            return v.sums([x])[0]
        name = "fmaximum" if node.function == LARGEST else "fminimum"
        return self.f.new(f"call {TYPES[v.char]} @llvm.vector.reduce.{name}.{v.suffix}({v.type} {x})")

    def is_deep(self) -> bool:
        """Whether very many elements are long chains of instructions each."""
        return math.prod(self.sizes) >= MANY and any(elementwise(node) in WRITTEN for node in self.step.nodes)

    def of_block(self, i: str) -> str:
        """How long a block is."""
        last = self.f.new(f"icmp eq i64 {i}, {self.sizes[-2] - 1}")
        return self.f.new(f"select i1 {last}, i64 {self.left}, i64 {SHORT}")

    def into_memory(self, node: Node, x: str, counters: list[str], alone: bool) -> None:
        """Put the result of a reduction into memory, `alone` or together with what is there."""
        out, char = self.operands[id(node), 0], node.dtype.char
        place = self.f.address(self.given.pointer(out.root), char, out.offset, out.strides[: len(counters)], counters)
        if not alone:
            x = self.joined(node, char, self.get(place, char), x)
        self.put(x, place, char)

    def joined(self, node: Node, char: str, x: str, y: str) -> str:
        """Two parts of a reduction. The parts may be joined in any order: that is `reassoc`."""
        kind = self.f.kind(char)
        if node.function == np.add.reduce:
            return self.f.new(f"fadd reassoc contract {kind} {x}, {y}")
        name = "maximum" if node.function == LARGEST else "minimum"
        return self.f.new(f"call {kind} @llvm.{name}.{self.f.suffix(char)}({kind} {x}, {kind} {y})")

    def body(self, counters: list[str]) -> None:
        """What is done for each element. All is read before anything is written, for it may go to where it was."""
        written = []
        self.local.clear()
        self.loaded.clear()
        for node in self.step.nodes:
            if node.function in INITIAL:
                x = self.value(node.args[0], node.dtype.char, counters)
                if id(node) not in self.running:
                    self.into_memory(node, x, counters, not self.sizes or not any(
                        not stride for stride in self.operands[id(node), 0].strides))  # fmt: skip
                    continue
                kept, place = self.running[id(node)]
                if self.v:
                    if self.mask:
                        kind, start = self.v.type, self.f.number(INITIAL[node.function], kept)
                        x = self.f.new(f"select {self.mask}, {kind} {x}, {kind} {start}")
                    self.v.store(self.joined(node, kept, self.v.load(place), x), place)
                    continue
                if id(node) in self.parts:
                    kept, place = "f", self.parts[id(node)]
                self.f.store(self.joined(node, kept, self.f.load(place, kept), x), place, kept)
                continue
            made = self.taken(node, counters) if key_of(node) == "take" else self.computed(node, counters)
            self.local[id(node)] = made
            if self.is_needed(node):
                written.append((self.operands[id(node), 0], made))
        for out, made in written:
            place = self.f.address(self.given.pointer(out.root), out.char, out.offset, out.strides, counters)
            self.put(made, place, out.char)

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
            return self.f.spread(self.given.scalar(x, char), char)
        return self.f.number(x, char)

    def read(self, x: Operand, counters: list[str]) -> str:
        """The element of an array."""
        key = id(x.root), x.offset, tuple(x.strides)
        if key not in self.loaded:
            place = self.f.address(self.given.pointer(x.root), x.char, x.offset, x.strides, counters)
            is_one = not (x.strides and x.strides[-1])  # for all of them
            self.loaded[key] = self.f.spread(self.f.load(place, x.char), x.char) if is_one else self.get(place, x.char)
        return self.loaded[key]

    def taken(self, node: Node, counters: list[str]) -> str:
        """An element of rows that are taken by numbers."""
        source, numbers = node.args[0], node.args[1:]
        x = self.operand(source, skipped=len(numbers))
        place = self.f.address(self.given.pointer(x.root), x.char, x.offset, x.strides, counters)
        rows = [self.read(self.operand(i), counters) for i in numbers]
        return self.f.load(behind(self.f, place, self.arrays.of(source), rows), x.char)
