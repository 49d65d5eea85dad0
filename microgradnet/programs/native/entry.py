"""The function that CPython calls: it finds the numbers in the objects it is handed, and runs the steps on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.conversion import address
from . import cpython
from .code import Code
from .given import steps_of
from .llvm import Function, constant, converted, kind_of

BUSY = 200_000  # so much work, from which on other threads may run meanwhile
C_FUNCTIONS = ("Py_IncRef", "PyFloat_AsDouble", "PyErr_Occurred", "PyErr_Clear", "PyEval_SaveThread",
               "PyEval_RestoreThread")  # fmt: skip


def is_float(x: Any) -> bool:
    """Whether a number is an argument that was a float: an int in its place would be another program."""
    return x.kind == "input" and x.shape is None


# An array's numbers, if it is like another one; whether two pieces of memory do not overlap; and whether numbers that
# are `step` apart are places of an axis of a size.
HELPERS = f"""
define ptr @fitting(ptr %o, ptr %like) nounwind {{
  %p0 = getelementptr i8, ptr %o, i64 {cpython.TYPE}
  %type = load i64, ptr %p0
  %is_array = icmp eq i64 %type, {id(np.ndarray)}
  br i1 %is_array, label %array, label %misfit
array:
  %p1 = getelementptr i8, ptr %o, i64 {cpython.DTYPE}
  %dtype = load i64, ptr %p1
  %wanted1 = load i64, ptr %like
  %same1 = icmp eq i64 %dtype, %wanted1
  %p2 = getelementptr i8, ptr %o, i64 {cpython.FLAGS}
  %flags = load i32, ptr %p2
  %flags64 = zext i32 %flags to i64
  %p3 = getelementptr i64, ptr %like, i64 1
  %wanted2 = load i64, ptr %p3
  %both = and i64 %flags64, %wanted2
  %same2 = icmp eq i64 %both, %wanted2
  %p4 = getelementptr i8, ptr %o, i64 {cpython.NDIM}
  %axes = load i32, ptr %p4
  %axes64 = zext i32 %axes to i64
  %p5 = getelementptr i64, ptr %like, i64 2
  %n = load i64, ptr %p5
  %same3 = icmp eq i64 %axes64, %n
  %same12 = and i1 %same1, %same2
  %same = and i1 %same12, %same3
  br i1 %same, label %count, label %misfit
count:
  %p6 = getelementptr i8, ptr %o, i64 {cpython.DIMENSIONS}
  %shape = load ptr, ptr %p6
  %p7 = getelementptr i8, ptr %o, i64 {cpython.STRIDES}
  %strides = load ptr, ptr %p7
  %p8 = getelementptr i64, ptr %like, i64 3
  %p9 = getelementptr i64, ptr %p8, i64 %n
  br label %axis
axis:
  %i = phi i64 [ 0, %count ], [ %next, %compare ]
  %more = icmp ult i64 %i, %n
  br i1 %more, label %compare, label %fit
compare:
  %p10 = getelementptr i64, ptr %shape, i64 %i
  %size = load i64, ptr %p10
  %p11 = getelementptr i64, ptr %p8, i64 %i
  %wanted3 = load i64, ptr %p11
  %same4 = icmp eq i64 %size, %wanted3
  %p12 = getelementptr i64, ptr %strides, i64 %i
  %stride = load i64, ptr %p12
  %p13 = getelementptr i64, ptr %p9, i64 %i
  %wanted4 = load i64, ptr %p13
  %same5 = icmp eq i64 %stride, %wanted4
  %any = icmp eq i64 %size, 1
  %same6 = or i1 %same5, %any
  %same7 = and i1 %same4, %same6
  %next = add i64 %i, 1
  br i1 %same7, label %axis, label %misfit
fit:
  %p14 = getelementptr i8, ptr %o, i64 {cpython.DATA}
  %numbers = load ptr, ptr %p14
  ret ptr %numbers
misfit:
  ret ptr null
}}
define i1 @apart(ptr %x, i64 %n, ptr %y, i64 %m) nounwind {{
  %behind_x = getelementptr i8, ptr %x, i64 %n
  %behind_y = getelementptr i8, ptr %y, i64 %m
  %before = icmp ule ptr %behind_x, %y
  %behind = icmp ule ptr %behind_y, %x
  %apart = or i1 %before, %behind
  ret i1 %apart
}}
define i1 @within(ptr %x, i64 %n, i64 %step, i64 %size) nounwind {{
entry:
  %twice = shl i64 %size, 1
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %good = phi i1 [ true, %entry ], [ %both, %loop ]
  %offset = mul i64 %i, %step
  %p = getelementptr i64, ptr %x, i64 %offset
  %place = load i64, ptr %p
  %shifted = add i64 %place, %size
  %inside = icmp ult i64 %shifted, %twice
  %both = and i1 %good, %inside
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  ret i1 %both
}}
"""


class Entry:
    """The entry of a segment. It checks what it is handed, runs the steps, and returns None.

    It returns True where an array is not laid out as the steps take it, and has done nothing then.
    """

    def __init__(self, writer: Any, segment: Any, tables: dict[str, str], code: Code) -> None:
        self.writer: Any = writer
        self.code: Code = code  # of the steps and the helpers
        self.tables: dict[str, str] = tables  # the text of what arrays are compared with -> its name
        self.segment: Any = segment
        self.f: Function = Function()

    def text(self) -> str:
        """The text of the function."""
        f, segment, arrays = self.f, self.segment, self.writer.native.arrays
        objects = [f.new(f"load ptr, ptr {f.address('%args', 'l', i, (), [])}")
                   for i in range(len(segment.arrays) + len(segment.numbers))]  # fmt: skip
        pointers = {}
        for x, o in zip(segment.arrays, objects, strict=False):
            like = self.like(arrays.of(x), self.writer.is_written(x))
            pointers[id(x)] = self.call("ptr", "fitting", f"ptr {o}, ptr {like}")
        self.demand(*[f.new(f"icmp ne ptr {x}, null") for x in pointers.values()])
        self.demand(*self.apart(pointers, {id(load) for load in self.writer.native.ends.values()}))
        for x, source, axis in segment.indices:
            self.within(x, arrays.of(source).shape[axis], pointers)
        for x, o in zip(segment.numbers, objects[len(segment.arrays) :], strict=True):
            if is_float(x):
                self.equal(self.field(o, cpython.TYPE, "ptr"), "ptr", constant(id(float)))
        doubles = {id(x): self.call("double", "PyFloat_AsDouble", f"ptr {o}")
                   for x, o in zip(segment.numbers, objects[len(segment.arrays) :], strict=True)}  # fmt: skip
        if doubles:
            error = self.call("ptr", "PyErr_Occurred")
            f.do(f"br i1 {f.new(f'icmp eq ptr {error}, null')}, label %numbers, label %error")
            f.label("error")
            self.call("void", "PyErr_Clear")
            f.do("br label %misfit")
            f.label("numbers")
        thread = self.call("ptr", "PyEval_SaveThread") if segment.work > BUSY else None
        for name, roots, numbers in segment.calls:
            given = [f"ptr {self.place(root, pointers)}" for root in roots]
            for (_, char), x in numbers:
                given.append(f"{kind_of(char)} {converted(f, doubles[id(x)], 'd', char)}")
            f.do(f"call void {self.code.place(name)}({', '.join(given)})")
        if thread:
            self.call("void", "PyEval_RestoreThread", f"ptr {thread}")
        self.returning(None)
        f.label("misfit")
        self.returning(True)
        f.lines.pop()
        return f.text(
            f"define ptr @{segment.name}(ptr %self, ptr %args, i64 %n) nounwind", f"ret ptr {constant(id(True))}"
        )

    def call(self, kind: str, name: str, arguments: str = "") -> str:
        """Call a function of CPython's, or a helper; the name of what it returns."""
        place = constant(cpython.address_of(name)) if name in C_FUNCTIONS else self.code.place(name)
        text = f"call {kind} {place}({arguments})"
        if kind == "void":
            self.f.do(text)
            return ""
        return self.f.new(text)

    def returning(self, x: object) -> None:
        """Return an object of Python's."""
        self.call("void", "Py_IncRef", f"ptr {constant(id(x))}")
        self.f.do(f"ret ptr {constant(id(x))}")

    def place(self, root: Any, pointers: dict[int, str]) -> str:
        """The address of a root."""
        where, what = self.writer.memory(root)
        if where == "arena":
            return constant(address(self.writer.block) + what)
        if where == "constant":
            self.writer.name(root, "constant", True)  # so that it is kept
            return constant(address(root))
        return pointers[id(what)]

    def demand(self, *conditions: str) -> None:
        """Give up where a condition does not hold."""
        if not conditions:
            return
        condition, *others = conditions
        for other in others:
            condition = self.f.new(f"and i1 {condition}, {other}")
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

    def like(self, x: np.ndarray, written: bool) -> str:
        """The name of what `fitting` compares an array with: dtype, flags, axes, shape and strides."""
        flags = cpython.ALIGNED | (cpython.WRITEABLE if written else 0)
        words = [id(x.dtype), flags, x.ndim, *x.shape, *x.strides]
        text = f"internal constant [{len(words)} x i64] [{', '.join(f'i64 {word}' for word in words)}]"
        return self.tables.setdefault(text, f"@like{len(self.tables)}")

    def apart(self, pointers: dict[int, str], written: set[int]) -> list[str]:
        """Whether nothing that is read lies in the memory of what is written before it is read."""
        arrays = self.writer.native.arrays
        return [
            self.call(
                "i1",
                "apart",
                f"ptr {pointers[id(x)]}, i64 {arrays.of(x).nbytes}, ptr {pointers[id(y)]}, i64 {arrays.of(y).nbytes}",
            )
            for x in self.segment.arrays
            for y in self.segment.arrays
            if id(y) in written and id(x) not in written and not self.writer.native.is_native(x)
        ]

    def within(self, x: Any, size: int, pointers: dict[int, str]) -> None:
        """Demand that numbers are places of an axis of this size."""
        f, arrays = self.f, self.writer.native.arrays
        array, root = arrays.of(x), arrays.root[id(x)]
        array = array.reshape(-1) if array.flags.c_contiguous else array
        *lead, last = array.shape
        *strides, step = steps_of(array)
        with f.loops(lead) as counters:
            first = f.address(self.place(root, pointers), "l", arrays.offset(x), strides, counters)
            good = self.call("i1", "within", f"ptr {first}, i64 {last}, i64 {step}, i64 {size}")
            self.demand(good)
