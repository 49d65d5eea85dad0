"""The function that CPython calls: it finds the numbers in the objects it is handed, and runs the steps on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import cpython
from .given import kind_of
from .llvm import Function, converted

BUSY = 200_000  # so much work, from which on other threads may run meanwhile
C_FUNCTIONS = ("Py_IncRef", "PyFloat_AsDouble", "PyErr_Occurred", "PyErr_Clear", "PyEval_SaveThread",
               "PyEval_RestoreThread")  # fmt: skip
C_DECLARATIONS = """
declare void @mg_Py_IncRef(ptr)
declare double @mg_PyFloat_AsDouble(ptr)
declare ptr @mg_PyErr_Occurred()
declare void @mg_PyErr_Clear()
declare ptr @mg_PyEval_SaveThread()
declare void @mg_PyEval_RestoreThread(ptr)
"""


def is_float(x: Any) -> bool:
    """Whether a number is an argument that was a float: an int in its place would be another program."""
    return x.kind == "input" and x.shape is None


class Entry:
    """The entry of a segment. It checks what it is handed, runs the steps, and returns None.

    It returns True where an array is not laid out as the steps take it, and has done nothing then.
    """

    def __init__(self, writer: Any, segment: Any) -> None:
        self.writer: Any = writer
        self.segment: Any = segment
        self.f: Function = Function()

    def text(self) -> str:
        """The text of the function."""
        f, segment, arrays = self.f, self.segment, self.writer.native.arrays
        objects = [f.new(f"load ptr, ptr {f.address('%args', 'l', i, (), [])}")
                   for i in range(len(segment.arrays) + len(segment.numbers))]  # fmt: skip
        written = {id(load) for load in self.writer.native.ends.values()}
        pointers = {}
        for x, o in zip(segment.arrays, objects, strict=False):
            pointers[id(x)] = self.checked(o, arrays.of(x), self.writer.is_written(x))
        self.apart(pointers, written)
        for x, source, axis in segment.indices:
            self.within(x, arrays.of(source).shape[axis], pointers)
        for x, o in zip(segment.numbers, objects[len(segment.arrays) :], strict=True):
            if is_float(x):
                self.equal(self.field(o, cpython.TYPE, "ptr"), "ptr", constant(id(float)))
        doubles = {id(x): f.new(f"call double @mg_PyFloat_AsDouble(ptr {o})")
                   for x, o in zip(segment.numbers, objects[len(segment.arrays) :], strict=True)}  # fmt: skip
        if doubles:
            error = f.new("call ptr @mg_PyErr_Occurred()")
            f.do(f"br i1 {f.new(f'icmp eq ptr {error}, null')}, label %numbers, label %error")
            f.label("error")
            f.do("call void @mg_PyErr_Clear()")
            f.do("br label %misfit")
            f.label("numbers")
        thread = f.new("call ptr @mg_PyEval_SaveThread()") if segment.work > BUSY else None
        for name, roots, numbers in segment.calls:
            given = [f"ptr {self.place(root, pointers)}" for root in roots]
            for (_, char), x in numbers:
                given.append(f"{kind_of(char)} {converted(f, doubles[id(x)], 'd', char)}")
            f.do(f"call void @{name}({', '.join(given)})")
        if thread:
            f.do(f"call void @mg_PyEval_RestoreThread(ptr {thread})")
        self.returning(None)
        f.label("misfit")
        self.returning(True)
        f.lines.pop()
        return f.text(
            f"define ptr @{segment.name}(ptr %self, ptr %args, i64 %n) nounwind", f"ret ptr {constant(id(True))}"
        )

    def returning(self, x: object) -> None:
        """Return an object of Python's."""
        self.f.do(f"call void @mg_Py_IncRef(ptr {constant(id(x))})")
        self.f.do(f"ret ptr {constant(id(x))}")

    def place(self, root: Any, pointers: dict[int, str]) -> str:
        """The address of a root."""
        where, what = self.writer.memory(root)
        if where == "arena":
            return constant(self.writer.block.__array_interface__["data"][0] + what)
        if where == "constant":
            self.writer.name(root, "constant", True)  # so that it is kept
            return constant(root.__array_interface__["data"][0])
        return pointers[id(what)]

    def demand(self, condition: str) -> None:
        """Give up where a condition does not hold."""
        self.f.count += 1
        label = f"next{self.f.count}"
        self.f.do(f"br i1 {condition}, label %{label}, label %misfit")
        self.f.label(label)

    def field(self, o: str, offset: int, kind: str) -> str:
        """What an object has at an offset."""
        return self.f.new(f"load {kind}, ptr {self.f.new(f'getelementptr i8, ptr {o}, i64 {offset}')}")

    def equal(self, x: str, kind: str, y: str) -> None:
        """Demand that two are equal."""
        self.demand(self.f.new(f"icmp eq {kind} {x}, {y}"))

    def checked(self, o: str, x: np.ndarray, written: bool) -> str:
        """The address of an array's numbers, if it is like `x`."""
        self.equal(self.field(o, cpython.TYPE, "ptr"), "ptr", constant(id(np.ndarray)))
        self.equal(self.field(o, cpython.DTYPE, "ptr"), "ptr", constant(id(x.dtype)))
        self.equal(self.field(o, cpython.NDIM, "i32"), "i32", str(x.ndim))
        flags = cpython.ALIGNED | (cpython.WRITEABLE if written else 0)
        self.equal(self.f.new(f"and i32 {self.field(o, cpython.FLAGS, 'i32')}, {flags}"), "i32", str(flags))
        for where, wanted in ((cpython.DIMENSIONS, x.shape), (cpython.STRIDES, x.strides)):
            place = self.field(o, where, "ptr")
            for i, n in enumerate(wanted):
                if where == cpython.DIMENSIONS or x.shape[i] > 1:
                    self.equal(self.field(place, 8 * i, "i64"), "i64", str(n))
        return self.field(o, cpython.DATA, "ptr")

    def apart(self, pointers: dict[int, str], written: set[int]) -> None:
        """Demand that nothing that is read lies in the memory of what is written before it is read."""
        f, arrays = self.f, self.writer.native.arrays
        for x in self.segment.arrays:
            for y in self.segment.arrays:
                if id(y) in written and id(x) not in written and not self.writer.native.is_native(x):
                    begin, start = (f.new(f"ptrtoint ptr {pointers[id(z)]} to i64") for z in (x, y))
                    before = f.new(f"icmp ule i64 {f.new(f'add i64 {begin}, {arrays.of(x).nbytes}')}, {start}")
                    behind = f.new(f"icmp ule i64 {f.new(f'add i64 {start}, {arrays.of(y).nbytes}')}, {begin}")
                    self.demand(f.new(f"or i1 {before}, {behind}"))

    def within(self, x: Any, size: int, pointers: dict[int, str]) -> None:
        """Demand that numbers are places of an axis of this size."""
        f, arrays = self.f, self.writer.native.arrays
        array, root = arrays.of(x), arrays.root[id(x)]
        bad = f.variable("i1")
        f.do(f"store i1 false, ptr {bad}")
        with f.loops(array.shape) as counters:
            place = f.address(
                self.place(root, pointers), "l", arrays.offset(x), [s // 8 for s in array.strides], counters
            )
            shifted = f.new(f"add i64 {f.load(place, 'l')}, {size}")
            outside = f.new(f"icmp uge i64 {shifted}, {2 * size}")
            before = f.new(f"load i1, ptr {bad}")
            f.do(f"store i1 {f.new(f'or i1 {outside}, {before}')}, ptr {bad}")
        found = f.new(f"load i1, ptr {bad}")
        self.demand(f.new(f"xor i1 {found}, true"))


def constant(address: int) -> str:
    """An address that is known."""
    return f"inttoptr (i64 {address} to ptr)"
