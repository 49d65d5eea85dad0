"""What is no loop over elements: an array put together of others, rows added up by numbers, a matrix turned."""

from __future__ import annotations

import numpy as np

from ...core.conversion import address
from ..nodes import layout_of
from .arrays import Arrays
from .given import Given, steps_of
from .llvm import TYPES, Function
from .llvm_math import number
from .steps import EDGE, Step
from .vectors import Vectors, column_blocks


def pieces(step: Step, arrays: Arrays, given: Given) -> Function:
    """An array made of others."""
    (node,), f = step.nodes, Function()
    out, char = arrays.of(node), node.dtype.char
    base = given.pointer(node)
    if not node.params["whole"]:
        filled(f, base, out, node.params.get("fill", 0.0))
    for part, index in zip(node.args, node.params["index"], strict=True):
        x = arrays.of(part)
        target = out[tuple(slice(i, i + 1 or None) if type(i) is int else i for i in index)].reshape(x.shape)
        offset = (address(target) - address(out)) // out.itemsize
        axes = layout_of(target)
        with f.loops([x.shape[axis] for axis in axes]) as counters:
            steps, places = ([steps_of(array)[axis] for axis in axes] for array in (x, target))
            here = f.address(given.pointer(arrays.root[id(part)]), char, arrays.offset(part), steps, counters)
            there, x_here = f.address(base, char, offset, places, counters), f.load(here, char)
            if node.params.get("overlap"):
                x_here = f.new(f"fadd {TYPES[char]} {f.load(there, char)}, {x_here}")
            f.store(x_here, there, char)
    return f


def filled(f: Function, base: str, out: np.ndarray, x: float = 0.0) -> None:
    """Fill an array, which is all of its memory, with a number."""
    with f.loop(out.size) as i:
        f.store(number(x, out.dtype.char), f.address(base, out.dtype.char, 0, (1,), [i]), out.dtype.char)


def scattered(step: Step, arrays: Arrays, given: Given) -> Function:
    """Rows added up by numbers."""
    (node,), f = step.nodes, Function()
    out, char, (source, *numbers) = arrays.of(node), node.dtype.char, node.args
    base = given.pointer(node)
    filled(f, base, out)
    indices = [arrays.of(x) for x in numbers]
    shape = np.broadcast_shapes(*[x.shape for x in indices])
    whole = (*shape, *out.shape[len(indices) :])
    x = np.broadcast_to(arrays.of(source), whole)
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


def behind(f: Function, place: str, x: np.ndarray, rows: list[str]) -> str:
    """The address so many rows behind a place; a negative number counts from the end."""
    for i, n, stride in zip(rows, x.shape, steps_of(x), strict=False):
        negative = f.new(f"icmp slt i64 {i}, 0")
        from_begin = f.new(f"select i1 {negative}, i64 {f.new(f'add i64 {i}, {n}')}, i64 {i}")
        step = f.new(f"mul i64 {from_begin}, {stride}")
        place = f.new(f"getelementptr {TYPES[x.dtype.char]}, ptr {place}, i64 {step}")
    return place


def sums_of_columns(step: Step, arrays: Arrays, given: Given) -> Function:
    """A matrix added up along its columns, whose number is no multiple of the lanes."""
    (node,), f = step.nodes, Function()
    (x,), v = node.args, Vectors(f, node.dtype.char)
    n = arrays.of(x).shape[-1]
    begin = f.address(given.pointer(arrays.root[id(x)]), v.char, arrays.offset(x), (), [])
    out = given.pointer(node)
    for left, count, size, rest in column_blocks(n, v.lanes, 8):
        masks = [""] * (size - 1) + [v.first(rest)]
        with f.loop(count) as j:
            (totals,) = v.tile(1, [f"{v.type} zeroinitializer"] * size)
            with f.loop(arrays.of(x).size // n) as i:
                for c, (total, mask) in enumerate(zip(totals, masks, strict=True)):
                    line = v.load(f.address(begin, v.char, (left + c) * v.lanes, (n, size * v.lanes), [i, j]), mask)
                    f.do(f"store {v.type} {f.new(f'fadd {v.type} {v.load(total)}, {line}')}, ptr {total}")
            for c, (total, mask) in enumerate(zip(totals, masks, strict=True)):
                v.store(v.load(total), f.address(out, v.char, (left + c) * v.lanes, (size * v.lanes,), [j]), mask)
    return f


def turned(step: Step, arrays: Arrays, given: Given) -> Function:
    """A matrix copied so that its columns are rows."""
    (node,), f = step.nodes, Function()
    (x,), char, (m, n) = node.args, node.dtype.char, node.shape or ()
    begin = f.address(given.pointer(arrays.root[id(x)]), char, arrays.offset(x), (), [])
    f.do(
        f"call void @turned_{char}(ptr {begin}, i64 {steps_of(arrays.of(x))[1]}, ptr {given.pointer(node)}, i64 {n}, "
        f"i64 {-(-m // EDGE)}, i64 {-(-n // EDGE)}, i64 {m - EDGE}, i64 {n - EDGE})"
    )
    return f
