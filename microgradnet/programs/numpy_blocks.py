"""The text of calls that run together on blocks of rows: a loop over views and small arrays, made beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .blocks import is_cut, rows_of
from .nodes import Node, ufunc_of

if TYPE_CHECKING:
    from .numpy_code import Writer


class Block:
    """The loop for some calls, of which the last may be one whose result goes straight to where it is stored."""

    def __init__(self, writer: Writer, members: list[Node], shape: tuple[int, ...]) -> None:
        self.writer: Writer = writer
        self.members: list[Node] = members
        self.shape: tuple[int, ...] = shape
        self.rows: int = rows_of(shape)
        self.before: list[str] = []  # lines before the loop
        self.begin: list[str] = []  # the first lines in it: rows of arrays that are others in every run
        self.columns: dict[str, Any] = {}  # a name in the loop -> the array whose rows it has, or one between calls
        self.between: set[str] = set()  # which of them have as many rows as a block
        self.cut: dict[str, str] = {}  # the name of a whole array -> that of its rows
        self.local: dict[Node, str] = {}  # a call -> the name of what it makes, in the loop
        self.free: dict[Any, list[str]] = {}  # names of what is read no more, by dtype

    def lines(self) -> list[str]:
        """The text."""
        last_read = {x: i for i, node in enumerate(self.members) for x in node.inputs()}
        body = []
        self.writer.plan.begin_block()
        for i, node in enumerate(self.members):
            arguments = [self.operand(x, node) for x in node.args]
            over = [x for x in dict.fromkeys(node.inputs()) if last_read[x] == i and self.local.get(x) in self.between]
            for x in over:
                self.free.setdefault(x.dtype, []).append(self.local[x])
            self.local[node] = out = self.result(node)
            ufunc: Any = ufunc_of(node)
            body.append(self.writer.ufunc_line(ufunc, [*arguments, out]))
        self.writer.plan.end_block()
        steps = []
        for start in range(0, self.shape[0], self.rows):
            rows = slice(start, min(start + self.rows, self.shape[0]))
            some = slice(rows.stop - start)
            steps.append((rows, *(x[some if name in self.between else rows] for name, x in self.columns.items())))
        blocks = self.writer.reserved("blocks", True, steps)
        loop = f"for {', '.join(['rows', *self.columns])}{'' if self.columns else ','} in {blocks}:"
        return [*self.before, loop, *(f"    {line}" for line in (*self.begin, *body))]

    def operand(self, x: Any, node: Node) -> str:
        """An argument in the loop: its rows, or all of it if it is the same for all rows."""
        if type(x) is Node and x in self.local:
            return self.local[x]
        text = self.writer.operand(x, node)
        return self.rows_of(text) if is_cut(x, self.shape) else text

    def rows_of(self, name: str) -> str:
        """The rows of a whole array, which are taken in the loop if that is another one in every run."""
        if name not in self.cut:
            self.cut[name] = rows = self.writer.reserved(f"{name}_rows")
            array = self.writer.meaning[name]
            if type(array) is np.ndarray:
                self.columns[rows] = array
            else:
                self.begin.append(f"{rows} = {name}[rows]")
        return self.cut[name]

    def result(self, node: Node) -> str:
        """Where a result goes."""
        plan = self.writer.plan
        if node in plan.ends:
            return self.rows_of(self.writer.text(plan.ends[node]))
        inside = sum(any(x is node for x in reader.inputs()) for reader in self.members)
        if plan.reads.get(id(node), 0) == inside and not plan.lasts(node):
            plan.done(node)
            if self.free.get(node.dtype):
                return self.free[node.dtype].pop()
            name = self.writer.reserved("part", True)
            self.columns[name] = plan.between((self.rows, *self.shape[1:]), node.dtype)
            self.between.add(name)
            return name
        if plan.has_room(node):
            return self.rows_of(self.writer.new(node, plan.array(node, in_place=True)))
        plan.shares(node)
        name = self.writer.new(node)
        empty = self.writer.name(np.empty, "empty")
        self.before.append(f"{name} = {empty}({self.shape}, {self.writer.name(node.dtype, node.dtype.name)})")
        return self.rows_of(name)
