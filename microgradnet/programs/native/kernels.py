"""The innermost parts of matrix products: one tile of the result, whose sums stay in vector registers.

They are functions of their own, which products of any size share. The name says what one is: `outer_f_8x3_from` makes
8 rows times 3 vectors of floats, added to what `start` points to, and `outer_f_8x3_keep` puts the product itself at
`kept` besides; `m` behind the size masks the last vector. `turned_f` copies a matrix so that its columns are rows, and
`runs_f_wr_add` adds runs of numbers to others.
"""

from __future__ import annotations

import re

import numpy as np

from .llvm import TYPES, Function
from .steps import EDGE
from .vectors import Vectors, lanes

CALL = re.compile(r"call void (@(?:outer|inner|turned|runs)_\w+)\((.*)\)")
OUTER = re.compile(r"@outer_([fd])_(\d+)x(\d+)(m?)_(set|from|keep)")
UNMASKED = re.compile(r"(@outer_[fd]_)(\d+x\d+)_(set|from|keep)\((.*), i64 0, (i64 \S+)\)")
INNER = re.compile(r"@inner_([fd])_(\d+)x(\d+)(w?r?s?)_(set|from|keep)")
RUNS = re.compile(r"@runs_([fd])_(w?r?)_(set|add|zero)")
GROUP = {"f": 4, "d": 2}  # so many sums are in 128 bits


def kernels(text: str) -> tuple[str, str]:
    """A text, and the tiles that it calls. What is one number in all calls of a tile stands in the tile instead."""
    text = UNMASKED.sub(lambda call: masked_too(call, text), text)
    calls: dict[str, list[list[str]]] = {}
    for name, given in CALL.findall(text):
        calls.setdefault(name, []).append(given.split(", "))
    left: dict[str, list[int]] = {}
    made = []
    for name, given in calls.items():
        f, parameters = kernel(name)
        columns = list(enumerate(zip(*given, strict=True)))
        left[name] = [i for i, column in columns if len(set(column)) > 1 or "%" in column[0]]
        head = f"define void {name}({', '.join(parameters[i] for i in left[name])}) noinline nounwind"
        tile = f.text(head)
        for i, column in columns:
            if i not in left[name]:
                tile = re.sub(rf"{parameters[i].split()[1]}\b", column[0].split()[1], tile)
        made.append(tile)

    def shortened(call: re.Match[str]) -> str:
        given = call[2].split(", ")
        return f"call void {call[1]}({', '.join(given[i] for i in left[call[1]])})"

    return CALL.sub(shortened, text), "\n".join(made)


def masked_too(call: re.Match[str], text: str) -> str:
    """A call of a tile of whole vectors; that of the same size which masks the last one does, if it is there anyway."""
    name, size, how, given, count = call.groups()
    masked = f"{name}{size}m_{how}("
    return f"{masked}{given}, i64 {lanes(name[-2])}, {count})" if masked in text else call[0]


def kernel(name: str) -> tuple[Function, list[str]]:
    """A tile by its name, and what it is handed."""
    found = OUTER.match(name)
    if found:
        char, rows, vectors, masked, how = found.groups()
        return outer(char, int(rows), int(vectors), bool(masked), how)
    found = INNER.match(name)
    if found:
        char, rows, columns, sort, how = found.groups()
        return inner(char, int(rows), int(columns), sort, how)
    found = RUNS.match(name)
    if found:
        return runs(*found.groups())
    return turned(name[-1])


def outer(char: str, rows: int, vectors: int, masked: bool, how: str) -> tuple[Function, list[str]]:
    """out = start + alpha · x · y, the columns of y, out and start side by side; a vector of sums for each row.

    Rows of x are `xr` apart, the numbers in them, `k` of them, `xk`; rows of y, out, start and kept are `yk`, `or`,
    `sr` and `kr` apart. Of the last vector there are `rest` lanes. `count` tiles are below each other.
    """
    f, kind = Function(), TYPES[char]
    v = Vectors(f, char)
    masks = [""] * (vectors - 1) + [v.first_of("%rest") if masked else ""]
    with f.loop("%count") as i:
        top = f.new(f"mul i64 {i}, {rows}")
        x, out, start, kept = (
            f.new(f"getelementptr {kind}, ptr {base}, i64 {f.new(f'mul i64 {top}, {apart}')}")
            for base, apart in (("%x", "%xr"), ("%out", "%or"), ("%start", "%sr"), ("%kept", "%kr"))
        )
        totals = v.tile(rows, [f"{v.type} zeroinitializer"] * vectors)
        with f.loop("%k") as t:
            behind = f.new(f"mul i64 {t}, %yk")
            line = f.new(f"getelementptr {kind}, ptr %y, i64 {behind}")
            ys = [v.load(f.address(line, char, c * v.lanes, (), []), mask) for c, mask in enumerate(masks)]
            place = f.new(f"getelementptr {kind}, ptr {x}, i64 {f.new(f'mul i64 {t}, %xk')}")
            for row in totals:
                number = v.everywhere(f.load(place, char))
                for total, y in zip(row, ys, strict=True):
                    v.add_product(total, number, y)
                place = f.new(f"getelementptr {kind}, ptr {place}, i64 %xr")
        alpha = v.everywhere("%alpha")
        # A masked vector lies over the rows behind it: all of these are read before anything is stored there.
        for together in [totals] if masked else [[row] for row in totals]:
            made = [[v.load(total) for total in row] for row in together]
            if how == "keep":
                kept = store_rows(v, made, masks, kept, "%kr")
            made = [[f.new(f"fmul contract {v.type} {total}, {alpha}") for total in row] for row in made]
            for row in made if how != "set" else []:
                for c, mask in enumerate(masks):
                    before = v.load(f.address(start, char, c * v.lanes, (), []), mask)
                    row[c] = f.new(f"fadd contract {v.type} {before}, {row[c]}")
                start = f.new(f"getelementptr {kind}, ptr {start}, i64 %sr")
            out = store_rows(v, made, masks, out, "%or")
    places = "ptr %x, i64 %xr, i64 %xk, ptr %y, i64 %yk, ptr %out, i64 %or, ptr %start, i64 %sr, ptr %kept, i64 %kr"
    return f, f"{places}, i64 %k, {kind} %alpha, i64 %rest, i64 %count".split(", ")


def store_rows(v: Vectors, rows: list[list[str]], masks: list[str], place: str, apart: str) -> str:
    """Put rows of vectors where they belong, so far apart; the place behind them."""
    for row in rows:
        for c, (x, mask) in enumerate(zip(row, masks, strict=True)):
            v.store(x, v.f.address(place, v.char, c * v.lanes, (), []), mask)
        place = v.f.new(f"getelementptr {TYPES[v.char]}, ptr {place}, i64 {apart}")
    return place


def inner(char: str, rows: int, columns: int, sort: str, how: str) -> tuple[Function, list[str]]:
    """out = start + alpha · x · y, where what is summed over lies side by side in x and y.

    Rows of x are `xr` apart, columns of y `yc`, elements of out, start and kept `or` and `oc`, `sr` and `sc`, `kr` and
    `kc`. `k` is the number of whole vectors, and `rest` that of the lanes of one more. The columns of all three are
    side by side if there is an `s` in the sort, a `w` if there are whole vectors, an `r` if there is a rest.
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
    out, start, kept = "%out", "%start", "%kept"
    group = GROUP[char] if "s" in sort and columns % GROUP[char] == 0 else 1
    for row in totals:
        place, before, also = out, start, kept
        for i in range(0, columns, group):
            made, made_of = v.sums([v.load(total) for total in row[i : i + group]])
            alpha = v.everywhere("%alpha", group)
            align = np.dtype(char).itemsize
            if how == "keep":
                f.do(f"store {made_of} {made}, ptr {also}, align {align}")
                also = f.new(f"getelementptr {kind}, ptr {also}, i64 {group if group > 1 else '%kc'}")
            made = f.new(f"fmul contract {made_of} {made}, {alpha}")
            if how != "set":
                old = f.new(f"load {made_of}, ptr {before}, align {align}")
                made = f.new(f"fadd contract {made_of} {old}, {made}")
            f.do(f"store {made_of} {made}, ptr {place}, align {align}")
            place = f.new(f"getelementptr {kind}, ptr {place}, i64 {group if group > 1 else '%oc'}")
            before = f.new(f"getelementptr {kind}, ptr {before}, i64 {group if group > 1 else '%sc'}")
        out = f.new(f"getelementptr {kind}, ptr {out}, i64 %or")
        start = f.new(f"getelementptr {kind}, ptr {start}, i64 %sr")
        kept = f.new(f"getelementptr {kind}, ptr {kept}, i64 %kr")
    matrices = "ptr %out, i64 %or, i64 %oc, ptr %start, i64 %sr, i64 %sc, ptr %kept, i64 %kr, i64 %kc"
    return f, f"ptr %x, i64 %xr, ptr %y, i64 %yc, {matrices}, i64 %k, i64 %rest, {kind} %alpha".split(", ")


def turned(char: str) -> tuple[Function, list[str]]:
    """Columns of x, which lie `xc` apart, as rows of out, which lie `or` apart.

    It is done in blocks of 4 rows and 4 columns, so many of them `down` and `right`. The last ones begin at the row
    `bottom` and the column `side`, where the others end or before: some numbers are copied twice then.
    """
    f, kind = Function(), TYPES[char]
    v = Vectors(f, char)
    quad, align = f"<{EDGE} x {kind}>", np.dtype(char).itemsize
    low, high, first, second = [0, 4, 1, 5], [2, 6, 3, 7], [0, 1, 4, 5], [2, 3, 6, 7]

    def begin(i: str, last: str) -> str:
        place = f.new(f"mul i64 {i}, {EDGE}")
        return f.new(f"select i1 {f.new(f'icmp ult i64 {place}, {last}')}, i64 {place}, i64 {last}")

    with f.loop("%down") as i, f.loop("%right") as j:
        row, column = begin(i, "%bottom"), begin(j, "%side")
        lines = []
        for c in range(EDGE):
            behind = f.new(f"mul i64 {f.new(f'add i64 {column}, {c}')}, %xc")
            place = f.new(f"getelementptr {kind}, ptr %x, i64 {f.new(f'add i64 {behind}, {row}')}")
            lines.append(f.new(f"load {quad}, ptr {place}, align {align}"))
        pairs = [v.shuffled(lines[k], lines[k + 1], EDGE, order) for order in (low, high) for k in (0, 2)]
        rows = [v.shuffled(pairs[k], pairs[k + 1], EDGE, order) for k in (0, 2) for order in (first, second)]
        for c, line in enumerate(rows):
            behind = f.new(f"mul i64 {f.new(f'add i64 {row}, {c}')}, %or")
            place = f.new(f"getelementptr {kind}, ptr %out, i64 {f.new(f'add i64 {behind}, {column}')}")
            f.do(f"store {quad} {line}, ptr {place}, align {align}")
    return f, ["ptr %x", "i64 %xc", "ptr %out", "i64 %or", "i64 %down", "i64 %right", "i64 %bottom", "i64 %side"]


def runs(char: str, sort: str, how: str) -> tuple[Function, list[str]]:
    """Runs of numbers, `rows` of them, copied, added to those that are there, or made 0.

    They lie `xr` and `or` apart. `k` is the number of whole vectors in each, if there is a `w` in the sort, and `rest`
    that of the lanes of one more, if there is an `r`.
    """
    f, kind = Function(), TYPES[char]
    v = Vectors(f, char)
    with f.loop("%rows") as i:
        x, out = (
            f.new(f"getelementptr {kind}, ptr {base}, i64 {f.new(f'mul i64 {i}, {apart}')}")
            for base, apart in (("%x", "%xr"), ("%out", "%or"))
        )

        def move(t: str, mask: str, x: str = x, out: str = out) -> None:
            behind = f.new(f"mul i64 {t}, {v.lanes}")
            place = f.new(f"getelementptr {kind}, ptr {out}, i64 {behind}")
            made = "zeroinitializer"
            if how != "zero":
                made = v.load(f.new(f"getelementptr {kind}, ptr {x}, i64 {behind}"), mask)
            if how == "add":
                made = f.new(f"fadd {v.type} {v.load(place, mask)}, {made}")
            v.store(made, place, mask)

        if "w" in sort:
            with f.loop("%k") as t:
                move(t, "")
        if "r" in sort:
            move("%k", v.first_of("%rest"))
    return f, ["ptr %x", "i64 %xr", "ptr %out", "i64 %or", "i64 %rows", "i64 %k", "i64 %rest"]
