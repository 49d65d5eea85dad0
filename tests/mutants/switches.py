"""A module with a switch at each place that was drawn, and what a switch asks.

A switch is a call of `__mutant__`, which says whether the change is in force: a fork of one process has one change in
force without importing anew. To learn which tests reach which places modules are compiled without switches, with notes.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import copy
import importlib.util
import marshal
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .blocks import Blocks, Notes
from .changes import PROGRAMS, changes

REACHED: set[str] = set()  # the names of blocks
active = int(os.environ.get("MUTANT", "0"))


def chosen(place: int) -> bool:
    """What `__mutant__` is: whether the change at this place is in force."""
    return place == active


def activate(number: int) -> None:
    """Put a change in force, here and in the programs that a test starts."""
    global active
    active = number
    os.environ["MUTANT"] = str(number)


def install() -> None:
    """Called when Python starts; what a program that a test started reached is kept."""
    builtins.__mutant__ = chosen  # type: ignore[attr-defined]
    builtins.__reached__ = REACHED.add  # type: ignore[attr-defined]
    if "MUTANTS_REACHED" in os.environ:
        atexit.register(leave, Path(os.environ["MUTANTS_REACHED"]))


def leave(folder: Path) -> None:
    """Leave what was reached in a file of its own, whole or not there: a program may outlive the test that began it."""
    unfinished = folder / f"{uuid.uuid4().hex}.unfinished"  # named now: a program that forked ends more than once
    unfinished.write_text(repr(REACHED))
    unfinished.rename(unfinished.with_suffix(""))


class Place(NamedTuple):
    """A change that can be made."""

    module: str
    index: int  # among those of the module
    line: int
    function: str
    change: str
    source: str  # the line that it begins in
    block: str

    def __str__(self) -> str:
        return f"{self.function}: {self.change}, in {self.source}"


class Walk(ast.NodeTransformer):
    """Comes to every place of a module, in one order; where `numbers` has a place's index it puts a switch."""

    def __init__(self, module: str, source: str, numbers: dict[int, int]) -> None:
        self.module, self.numbers = module, numbers
        self.places: list[Place] = []
        self.lines = source.splitlines()
        self.scope = [module]
        self.block = ""
        tree = ast.parse(source)
        Blocks(module, tree)
        self.tree = self.visit(tree)

    def visit(self, node: Any) -> Any:
        if left_alone(node):
            return node
        around, self.block = self.block, getattr(node, "block", self.block)
        found = []
        for change in changes(node, self.module in PROGRAMS):
            if number := self.numbers.get(len(self.places)):
                found.append((number, copy.deepcopy(change)))
            words = " → ".join(" ".join(ast.unparse(x).split())[:110] for x in (node, change))
            source = self.lines[node.lineno - 1].strip()
            scope = ".".join(self.scope)
            self.places.append(Place(self.module, len(self.places), node.lineno, scope, words, source, self.block))
        node = self.inside(node)
        for number, change in found:
            node = switched(number, change, node)
        self.block = around
        return node

    def inside(self, node: Any) -> Any:
        """Everything in a node."""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self.scope.append(node.name)
            start = 1 if ast.get_docstring(node) is not None else 0
            node.body[start:] = self.all(node.body[start:])
            node.decorator_list = self.all(node.decorator_list)
            if isinstance(node, ast.FunctionDef):
                self.visit(node.args)
            self.scope.pop()
        elif isinstance(node, ast.Raise):
            pass  # what an error says is the business of the tests of errors
        elif isinstance(node, ast.FormattedValue | ast.AnnAssign):
            if node.value is not None:
                node.value = self.visit(node.value)
        elif isinstance(node, ast.JoinedStr):
            node.values = [self.inside(x) if isinstance(x, ast.FormattedValue) else x for x in node.values]
        else:
            self.generic_visit(node)
        return node

    def all(self, nodes: list[Any]) -> list[Any]:
        return [self.visit(node) for node in nodes]


def left_alone(node: ast.AST) -> bool:
    """Annotations, what only type checkers read, docstrings, the names of what is exported, patterns, zip's strict=."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test) or "__name__" in ast.unparse(node.test)
    if isinstance(node, ast.FunctionDef):
        return any(ast.unparse(x) == "overload" for x in node.decorator_list)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) in {"__all__", "__version__"}
    if isinstance(node, ast.keyword):
        return node.arg == "strict" and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.arg | ast.pattern | ast.Import | ast.ImportFrom)


def switched(number: int, change: Any, node: Any) -> Any:
    """`node`, or the change where it is in force."""
    test = ast.Call(ast.Name("__mutant__", ast.Load()), [ast.Constant(number)], [])
    switch = ast.IfExp(test, change, node) if isinstance(node, ast.expr) else ast.If(test, [change], [node])
    return ast.fix_missing_locations(ast.copy_location(switch, node))


def modules(package: Path) -> Iterator[tuple[Path, str]]:
    """Each file of a package, in order, and the module's name."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def places(package: Path) -> list[Place]:
    """Every place of a package."""
    return [p for path, module in modules(package) for p in Walk(module, path.read_text(encoding="utf-8"), {}).places]


def put_switches(package: Path, drawn: Sequence[Place]) -> None:
    """Compile the package with switches at the places drawn, the first of which is number 1."""
    for path, module in modules(package):
        numbers = {place.index: number for number, place in enumerate(drawn, 1) if place.module == module}
        put(path, Walk(module, path.read_text(encoding="utf-8"), numbers).tree)


def put_notes(package: Path) -> set[str]:
    """Compile the package with notes of what is reached; the names of its blocks."""
    names = set()
    for path, module in modules(package):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        Blocks(module, tree)
        names |= {node.block for node in ast.walk(tree) if hasattr(node, "block")}
        put(path, Notes().visit(tree))
    return names


def put(path: Path, tree: ast.Module) -> None:
    """Compile a module to where Python looks first, marked as not to be compared with its file."""
    compiled = Path(importlib.util.cache_from_source(path))
    compiled.parent.mkdir(exist_ok=True)
    unchecked = (1).to_bytes(4, "little") + bytes(8)
    code = compile(tree, path, "exec", dont_inherit=True)
    compiled.write_bytes(importlib.util.MAGIC_NUMBER + unchecked + marshal.dumps(code))
