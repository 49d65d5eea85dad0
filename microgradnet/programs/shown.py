"""A program to look at: its lines, each with the user's line it came from, its shape and its bytes."""

from __future__ import annotations

import linecache
import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..words import printable
from .lowering import transposed
from .nodes import DataOf, Node
from .numpy_code import Writer
from .numpy_program import NumPyProgram
from .passes import EFFECTS
from .program import Program
from .scalars.gathers import VIEWS
from .scalars.home import Together

# What a line is of.
FIRST, FORWARD, BACKWARD, UPDATE, LEFT = "first", "forward", "backward", "update", "left behind"
SAID = {FIRST: "looked at first", FORWARD: FORWARD, BACKWARD: BACKWARD, UPDATE: UPDATE, LEFT: LEFT}
WIDE = 60  # characters of a line, beside which its shape is said
Line = tuple[str, int, str]  # of the user's: file, number, function


class Row(NamedTuple):
    """One line of a program."""

    text: str
    node: Node | None  # None for what keeps the books
    part: str
    line: Line | None  # the user's, of which it is


class Listing(Writer):
    """The text of a program, with what each of its lines is of."""

    def __init__(self, program: Program, name: str) -> None:
        super().__init__(program)
        self.node_of: dict[str, Node] = {}
        self.parts: dict[int, str] = parts_of(self.plan.nodes)
        self.text_of_all: str = self.source(name)

    def write_node(self, node: Node) -> None:
        """The lines of a node, noting whose they are."""
        written = [(lines, len(lines)) for lines in (self.lines, self.last, self.homes)]
        super().write_node(node)
        if node.function in VIEWS and all(len(lines) == count for lines, count in written):
            self.lines.append(f"# {self.names[id(node)]} is {self.view_text(node)}: a view, made once")
        for lines, count in written:
            for text in lines[count:]:
                self.node_of.setdefault(text.strip(), node)

    def view_text(self, node: Node) -> str:
        """A view of an array that stays, in the text."""
        x = self.text(node.args[0])
        return f"{x}.T" if node.function is transposed else self.call(node)

    def facts(self, node: Node) -> str:
        """What the line of a node makes: for one of several calls that are one, what all of them make."""
        if node in self.plan.members:
            made = self.plan.members[node][2]
            return f"{made.shape} {made.dtype}, {size_of(made.nbytes)}"
        return facts_of(node)

    def rows(self) -> Iterator[Row]:
        """The lines of the body, in order."""
        part = FIRST
        for text in self.text_of_all.splitlines()[1:]:
            text, node = text[4:], self.node_of.get(text.strip())
            if node is None:
                yield Row(text, None, LEFT if part in (BACKWARD, UPDATE, LEFT) else part, None)
                continue
            part = self.parts[id(node)]
            yield Row(text, node, part, None if part in (FIRST, LEFT) else origin(node))


def origin(node: Node) -> Line | None:
    """The user's line that a node is of; of a gradient, that of what it goes back through."""
    if node.kind == "store" and type(node.args[0]) is Node:
        return origin(node.args[0])
    line: Any = node.line
    return None if line is None else (line[3] or line[:3]) if len(line) > 3 else line


def is_of_a_sweep(node: Node) -> bool:
    """Whether a rule made it."""
    return node.line is not None and len(node.line) > 3


def parts_of(nodes: list[Node]) -> dict[int, str]:
    """What each node is of: forward, backward, the update after it; what is read first, what is left behind.

    Programs of scalars are not in the order in which they were recorded, so what is computed from a gradient is of the
    update, and what a sweep needs of the forward pass, wherever they stand.
    """
    swept = {id(node) for node in nodes if node.kind != "store" and is_of_a_sweep(node)}
    later = after(nodes, swept)
    ends = ends_of(nodes, swept, later)
    first = max([i for i, node in enumerate(nodes) if node.kind == "guard"], default=-1)
    begun = False
    parts: dict[int, str] = {}
    for i, node in enumerate(nodes):
        key = id(node)
        begun = begun or (i > first and key in swept)
        if i <= first:
            parts[key] = FIRST
        elif node.kind == "store":
            parts[key] = UPDATE if is_of_parameters(node) and begun else LEFT
        elif key in swept:
            parts[key] = BACKWARD
        elif BACKWARD in ends[key]:
            parts[key] = FORWARD
        else:
            moves = node.kind in EFFECTS or (ends[key] and ends[key] <= {UPDATE, LEFT})
            parts[key] = UPDATE if key in later or (begun and moves) else FORWARD
    return parts


def is_of_parameters(store: Node) -> bool:
    """Whether the numbers of Values are stored, and not their gradients."""
    place = store.place
    return place.owner.slot == "_numbers" if type(place) is Together else type(place) is DataOf


def after(nodes: list[Node], swept: set[int]) -> set[int]:
    """The ids of what is computed from what sweeps made."""
    found: set[int] = set()
    for node in nodes:
        if any(id(x) in swept or id(x) in found for x in node.inputs()):
            found.add(id(node))
    return found


def ends_of(nodes: list[Node], swept: set[int], later: set[int]) -> dict[int, set[str]]:
    """For each node what becomes of it: a part of a sweep, of an update, what is left; nothing if it is returned."""
    ends: dict[int, set[str]] = {}
    for node in reversed(nodes):
        its = ends.setdefault(id(node), set())
        if node.kind == "store":
            its.add(UPDATE if is_of_parameters(node) else LEFT)
        elif id(node) in swept:
            its = {BACKWARD}
        elif id(node) in later:
            its = {UPDATE, *its}
        for x in node.inputs():
            ends.setdefault(id(x), set()).update(its or {FORWARD})
    return ends


def shown(program: NumPyProgram, title: str, count: int) -> str:
    """A program as a text: what it is, and its lines under the user's."""
    listing = Listing(program.program, title)
    rows = list(listing.rows())
    native = "as machine code; this is the same in NumPy"
    kind = "as NumPy" if type(program) is NumPyProgram else native
    which = "" if count == 1 else f", the latest of {count} programs"
    lines = [
        f"# {title}, compiled{which}: {len(rows)} lines, {size_of(program.bytes)} of memory for what is in between",
        f"# it runs {kind}",
        listing.text_of_all.splitlines()[0],
    ]
    lines += [f"    # {listing.names[id(x)]}: {facts_of(x) or 'a number'}" for x in program.program.inputs]
    heading = ""
    for row in rows:
        here = " · ".join(filter(None, (SAID[row.part], said(row.line))))
        if here != heading and (row.node is not None or not heading):
            heading = here
            lines += ["", f"    # {heading}"]
        facts = "" if row.node is None else listing.facts(row.node)
        lines.append(f"    {row.text:{WIDE}}  # {facts}" if facts else f"    {row.text}")
    return printable("\n".join(lines))


def facts_of(node: Node) -> str:
    """The shape, the dtype and the bytes of what a line makes or stores; nothing for a guard."""
    if node.kind == "store":
        x = node.args[0]
        return facts_of(x) if type(x) is Node else ""
    if node.shape is None or node.dtype is None or node.kind in ("guard", "check"):
        return ""
    return f"{node.shape} {node.dtype}, {size_of(math.prod(node.shape) * node.dtype.itemsize)}"


def size_of(count: int) -> str:
    """So many bytes, in words."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count = count / 1000  # type: ignore[assignment]
    return f"{count:,.3g} GB"


def said(line: Line | None) -> str:
    """A line of the user's: the file and the number, and what stands there."""
    if line is None:
        return ""
    file, number, _ = line
    text = linecache.getline(file, number).strip()
    text = text if len(text) <= 80 else f"{text[:79]}…"
    return f"{os.path.basename(file)}:{number}" + (f": {text}" if text else "")
