"""Convolutions as LLVM functions: what a kernel meets is copied block by block, and multiplied while it is in a cache.

Images are contiguous, (channels, height, width, batch): runs of memory are long, and a block of rows of the result is
one product of matrices. On the way back to the images these are added up where they overlap.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.windows import windows
from .arrays import Arrays
from .given import Given, steps_of
from .llvm import Function
from .marks import convolved, correlated, overlaid
from .steps import Step
from .tiles import Matrix, Tiles
from .vectors import lanes

Place = tuple[int, int, str]  # of a block: its first row, how many there are, and which one it is of some of its size


def convolution(step: Step, arrays: Arrays, given: Given) -> tuple[Function, int]:
    """Kernels times images, or one of the two ways back; and how many multiplications that is."""
    (node,) = step.nodes
    first, second, _ = node.args
    image, kernels, results = {
        convolved: (first, second, node), correlated: (second, node, first), overlaid: (node, second, first),
    }[node.function]  # fmt: skip
    made = Convolution(arrays, given, node, image, kernels, results)
    made.write()
    return made.f, arrays.of(kernels).size * made.met.shape[3] * made.row


class Convolution:
    """The lines of one: `image`, `kernels` and `results` are the nodes that belong together, `node` that to be made."""

    def __init__(self, arrays: Arrays, given: Given, node: Any, image: Any, kernels: Any, results: Any) -> None:
        self.f: Function = Function()
        self.arrays: Arrays = arrays
        self.given: Given = given
        self.node: Any = node
        self.char: str = node.dtype.char
        self.image, self.kernels, self.results, self.room = image, kernels, results, node.args[2]
        self.met: np.ndarray = windows(arrays.of(image), **node.params)[0]  # channels, kernel, height, width, batch
        self.row: int = math.prod(self.met.shape[4:])
        self.rows: int = arrays.of(self.room).shape[1] // self.row  # in a block

    def at(self, x: Any, offset: int = 0, strides: Any = (), counters: Any = ()) -> str:
        """The address of an element of an array."""
        begin = self.given.pointer(self.arrays.root[id(x)])
        return self.f.address(begin, self.char, self.arrays.offset(x) + offset, strides, counters)

    def write(self) -> None:
        """The whole convolution."""
        if self.node.function is not convolved:
            self.run("zero", "null", 0, self.at(self.node), 0, 1, self.arrays.of(self.node).size)
        whole, rest = divmod(self.met.shape[3], self.rows)
        with self.f.loop(whole) as i:
            self.block((0, self.rows, i))
        if rest:
            self.block((whole * self.rows, rest, "0"))

    def block(self, place: Place) -> None:
        """Some rows of the result."""
        top, rows, i = place
        numbers = rows * self.row
        flat = self.arrays.of(self.results).reshape(len(self.arrays.of(self.results)), -1)
        y = flat[:, :numbers], self.at(self.results, top * self.row, (self.rows * self.row,), (i,))
        met = self.arrays.of(self.room)[:, :numbers], self.at(self.room)
        kernels = self.arrays.of(self.kernels), self.at(self.kernels)
        if self.node.function is overlaid:
            self.multiply(transposed(kernels), y, met)
            self.move("add", place)
            return
        self.move("set", place)
        if self.node.function is convolved:
            self.multiply(kernels, met, y)
        else:
            self.multiply(y, transposed(met), kernels, kernels)

    def multiply(self, x: Matrix, y: Matrix, out: Matrix, start: Matrix | None = None) -> None:
        """A product of matrices, in tiles."""
        Tiles(self.f, self.char, x, y, out, "", start).write()

    def move(self, how: str, place: Place) -> None:
        """Copy what the kernel meets to the block, or add the block where that was."""
        f, (top, rows, i) = self.f, place
        *kernel, down, right, _ = steps_of(self.met)
        width, batch = self.met.shape[4:]
        line = self.arrays.of(self.room).shape[1]
        of_block = [math.prod(self.met.shape[axis:3]) * line for axis in (1, 2, 3)]
        with f.loops(self.met.shape[:3]) as counters:
            image = self.at(self.image, top * down, [*kernel, self.rows * down], [*counters, i])
            block = self.at(self.room, 0, of_block, counters)
            if right == batch:  # what the places of a row meet lies side by side
                self.between(how, image, down, block, self.row, rows, self.row)
                return
            with f.loop(rows) as r:
                here = f.address(image, self.char, 0, [down], [r])
                there = f.address(block, self.char, 0, [self.row], [r])
                self.between(how, here, right, there, batch, width, batch)

    def between(self, how: str, image: str, image_step: int, block: str, block_step: int, rows: int, n: int) -> None:
        """Runs of n numbers from the image to the block, or back."""
        if how == "set":
            self.run(how, image, image_step, block, block_step, rows, n)
        else:
            self.run(how, block, block_step, image, image_step, rows, n)

    def run(self, how: str, x: str, x_step: int, out: str, out_step: int, rows: int, n: int) -> None:
        """Call what copies runs of numbers, or adds them to others, or makes them 0."""
        whole, rest = divmod(n, lanes(self.char))
        self.f.do(
            f"call void @runs_{self.char}_{'w' if whole else ''}{'r' if rest else ''}_{how}(ptr {x}, i64 {x_step}, "
            f"ptr {out}, i64 {out_step}, i64 {rows}, i64 {whole}, i64 {rest})"
        )


def transposed(matrix: Matrix) -> Matrix:
    """The same matrix, its rows as columns."""
    array, place = matrix
    return array.T, place
