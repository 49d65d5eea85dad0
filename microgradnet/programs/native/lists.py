"""Whether lists hold the very objects that they held: found out by machine code, in the time of one look by Python."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import cpython
from .llvm import constant
from .machine import assembled

# It is handed an array: for each list the address of it, of how many objects, and the addresses of these.
SAME = f"""
define ptr @same(ptr %self, ptr %args, i64 %n) nounwind {{
  %table = load ptr, ptr %args
  %p0 = getelementptr i8, ptr %table, i64 {cpython.DATA}
  %begin = load ptr, ptr %p0
  %p1 = getelementptr i8, ptr %table, i64 {cpython.DIMENSIONS}
  %p2 = load ptr, ptr %p1
  %words = load i64, ptr %p2
  %end = getelementptr i64, ptr %begin, i64 %words
  br label %list
list:
  %at = phi ptr [ %begin, %0 ], [ %behind, %item ]
  %over = icmp eq ptr %at, %end
  br i1 %over, label %out, label %size
size:
  %x = load ptr, ptr %at
  %p3 = getelementptr i64, ptr %at, i64 1
  %wanted = load i64, ptr %p3
  %p4 = getelementptr i8, ptr %x, i64 {cpython.LENGTH}
  %length = load i64, ptr %p4
  %p5 = getelementptr i8, ptr %x, i64 {cpython.ITEMS}
  %items = load ptr, ptr %p5
  %held = getelementptr i64, ptr %at, i64 2
  %behind = getelementptr i64, ptr %held, i64 %wanted
  %fits = icmp eq i64 %length, %wanted
  br i1 %fits, label %item, label %out
item:
  %i = phi i64 [ 0, %size ], [ %next, %compare ]
  %more = icmp ult i64 %i, %wanted
  br i1 %more, label %compare, label %list
compare:
  %p6 = getelementptr i64, ptr %items, i64 %i
  %now = load i64, ptr %p6
  %p7 = getelementptr i64, ptr %held, i64 %i
  %was = load i64, ptr %p7
  %same = icmp eq i64 %now, %was
  %next = add i64 %i, 1
  br i1 %same, label %item, label %out
out:
  %all = phi i1 [ true, %list ], [ false, %size ], [ false, %compare ]
  %made = select i1 %all, ptr {constant(id(True))}, ptr {constant(id(False))}
  call void {constant(cpython.address_of("Py_IncRef"))}(ptr %made)
  ret ptr %made
}}
"""


@functools.cache
def same() -> tuple[Callable[[Any], bool], Any]:
    """The function, and its code, which must stay."""
    code = assembled(SAME)
    return cpython.function_at(code.address("same"), "same"), code


def comparing(lists: list[list[Any]], copies: list[list[Any]]) -> Callable[[], bool]:
    """What says whether these lists hold what their copies hold. Somebody else keeps both alive."""
    table = [word for x, held in zip(lists, copies, strict=True) for word in (id(x), len(held), *map(id, held))]
    return functools.partial(same()[0], np.array(table, np.int64))
