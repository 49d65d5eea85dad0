"""The innermost parts of matrix products: one tile of the result, whose sums stay in vector registers.

They are functions of their own, which products of any size share. The name says what one is: `outer_f_8x3_from` makes
8 rows times 3 vectors of floats, added to what `start` points to; `m` behind the size masks the last vector.
"""

from __future__ import annotations

import re

import numpy as np

from .llvm import TYPES, Function
from .vectors import Vectors

OUTER = re.compile(r"@outer_([fd])_(\d+)x(\d+)(m?)_(set|from)\(")
INNER = re.compile(r"@inner_([fd])_(\d+)x(\d+)(w?r?s?)_(set|from)\(")
GROUP = {"f": 4, "d": 2}  # so many sums are in 128 bits


def kernels(text: str) -> str:
    """The text of those that a text calls."""
    made = {}
    for found in OUTER.finditer(text):
        char, rows, vectors, masked, start = found.groups()
        made[found[0]] = outer(found[0], char, int(rows), int(vectors), bool(masked), start == "from")
    for found in INNER.finditer(text):
        char, rows, columns, sort, start = found.groups()
        made[found[0]] = inner(found[0], char, int(rows), int(columns), sort, start == "from")
    return "\n".join(made.values())


def outer(name: str, char: str, rows: int, vectors: int, masked: bool, starts: bool) -> str:
    """out = start + alpha · x · y, the columns of y, out and start side by side; a vector of sums for each row.

    Rows of x are `xr` apart, the numbers in them, `k` of them, `xk`; rows of y, out and start are `yk`, `or` and `sr`
    apart. Of the last vector there are `rest` lanes.
    """
    f, kind = Function(), TYPES[char]
    v = Vectors(f, char)
    masks = [""] * (vectors - 1) + [v.first_of("%rest") if masked else ""]
    totals = v.tile(rows, [f"{v.type} zeroinitializer"] * vectors)
    with f.loop("%k") as t:
        behind = f.new(f"mul i64 {t}, %yk")
        line = f.new(f"getelementptr {kind}, ptr %y, i64 {behind}")
        ys = [v.load(f.address(line, char, c * v.lanes, (), []), mask) for c, mask in enumerate(masks)]
        place = f.new(f"getelementptr {kind}, ptr %x, i64 {f.new(f'mul i64 {t}, %xk')}")
        for row in totals:
            x = v.everywhere(f.load(place, char))
            for total, y in zip(row, ys, strict=True):
                v.add_product(total, x, y)
            place = f.new(f"getelementptr {kind}, ptr {place}, i64 %xr")
    alpha = v.everywhere("%alpha")
    out, start = "%out", "%start"
    for row in totals:
        for c, (total, mask) in enumerate(zip(row, masks, strict=True)):
            made = f.new(f"fmul contract {v.type} {v.load(total)}, {alpha}")
            if starts:
                before = v.load(f.address(start, char, c * v.lanes, (), []), mask)
                made = f.new(f"fadd contract {v.type} {before}, {made}")
            v.store(made, f.address(out, char, c * v.lanes, (), []), mask)
        out = f.new(f"getelementptr {kind}, ptr {out}, i64 %or")
        start = f.new(f"getelementptr {kind}, ptr {start}, i64 %sr")
    places = "ptr %x, i64 %xr, i64 %xk, ptr %y, i64 %yk, ptr %out, i64 %or, ptr %start, i64 %sr"
    return f.text(f"define void {name}{places}, i64 %k, {kind} %alpha, i64 %rest) noinline nounwind")


def inner(name: str, char: str, rows: int, columns: int, sort: str, starts: bool) -> str:
    """out = start + alpha · x · y, where what is summed over lies side by side in x and y.

    Rows of x are `xr` apart, columns of y `yc`, elements of out and start `or` and `oc`, `sr` and `sc`. `k` is the
    number of whole vectors, and `rest` that of the lanes of one more. The columns of out and start are side by side if
    there is an `s` in the sort, a `w` if there are whole vectors, an `r` if there is a rest.
    """
    f, kind = Function(), TYPES[char]
    v = Vectors(f, char)
    totals = v.tile(rows, [f"{v.type} zeroinitializer"] * columns)

    def add(t: str, mask: str) -> None:
        behind = f.new(f"mul i64 {t}, {v.lanes}")
        place = f.new(f"getelementptr {kind}, ptr %x, i64 {behind}")
        xs = []
        for _ in range(rows):
            xs.append(v.load(place, mask))
            place = f.new(f"getelementptr {kind}, ptr {place}, i64 %xr")
        place = f.new(f"getelementptr {kind}, ptr %y, i64 {behind}")
        for column in zip(*totals, strict=True):
            y = v.load(place, mask)
            for total, x in zip(column, xs, strict=True):
                v.add_product(total, x, y)
            place = f.new(f"getelementptr {kind}, ptr {place}, i64 %yc")

    if "w" in sort:
        with f.loop("%k") as t:
            add(t, "")
    if "r" in sort:
        add("%k", v.first_of("%rest"))
    out, start = "%out", "%start"
    group = GROUP[char] if "s" in sort and columns % GROUP[char] == 0 else 1
    for row in totals:
        place, before = out, start
        for i in range(0, columns, group):
            made, made_of = v.sums([v.load(total) for total in row[i : i + group]])
            alpha = v.everywhere("%alpha", group)
            made = f.new(f"fmul contract {made_of} {made}, {alpha}")
            align = np.dtype(char).itemsize
            if starts:
                old = f.new(f"load {made_of}, ptr {before}, align {align}")
                made = f.new(f"fadd contract {made_of} {old}, {made}")
            f.do(f"store {made_of} {made}, ptr {place}, align {align}")
            place = f.new(f"getelementptr {kind}, ptr {place}, i64 {group if group > 1 else '%oc'}")
            before = f.new(f"getelementptr {kind}, ptr {before}, i64 {group if group > 1 else '%sc'}")
        out = f.new(f"getelementptr {kind}, ptr {out}, i64 %or")
        start = f.new(f"getelementptr {kind}, ptr {start}, i64 %sr")
    places = "ptr %x, i64 %xr, ptr %y, i64 %yc, ptr %out, i64 %or, i64 %oc, ptr %start, i64 %sr, i64 %sc"
    return f.text(f"define void {name}{places}, i64 %k, i64 %rest, {kind} %alpha) noinline nounwind")
