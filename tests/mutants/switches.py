"""A module with a switch at each place that was drawn, and what throws the switches when it is imported.

A switch is a call of `__mutant__`, which notes that the place was reached and says whether the change is in force. So
one process knows which tests reach which places, and a fork of it has one change in force without importing anew.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import copy
import importlib.machinery
import marshal
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

REACHED: set[int | str] = set()  # the numbers of places, and the names of modules of which a function ran
active = int(os.environ.get("MUTANT", "0"))


def chosen(place: int | str) -> bool:
    """What `__mutant__` is: whether the change at this place is in force."""
    REACHED.add(place)
    return place == active


def activate(number: int) -> None:
    """Put a change in force, here and in the programs that a test starts."""
    global active
    active = number
    os.environ["MUTANT"] = str(number)


class Place(NamedTuple):
    """A change that can be made."""

    module: str
    index: int  # among those of the module
    line: int
    function: str
    change: str
    source: str  # the line that it begins in

    def __str__(self) -> str:
        return f"{self.function}: {self.change}, in {self.source}"


class Walk(ast.NodeTransformer):
    """Comes to every place of a module, in one order; where `numbers` has a place's index it puts a switch."""

    def __init__(self, module: str, numbers: dict[int, int], lines: Sequence[str] = ()) -> None:
        from .changes import PROGRAMS

        self.module, self.numbers, self.program = module, numbers, module in PROGRAMS
        self.places: list[Place] = []
        self.lines = lines
        self.scope = [module]

    def visit(self, node: Any) -> Any:
        from .changes import changes

        if left_alone(node):
            return node
        found = []
        for change in changes(node, self.program):
            if number := self.numbers.get(len(self.places)):
                found.append((number, copy.deepcopy(change)))
            before, after = (" ".join(ast.unparse(x).split())[:110] for x in (node, change))
            line = self.lines[node.lineno - 1].strip() if self.lines else ""
            self.places.append(
                Place(self.module, len(self.places), node.lineno, ".".join(self.scope), f"{before} → {after}", line)
            )
        node = self.inside(node)
        for number, change in found:
            node = switched(number, change, node)
        return node

    def inside(self, node: Any) -> Any:
        """Everything in a node; a function notes that a function of its module ran."""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self.scope.append(node.name)
            start = 1 if ast.get_docstring(node) is not None else 0
            node.body[start:] = self.all(node.body[start:])
            node.decorator_list = self.all(node.decorator_list)
            if isinstance(node, ast.FunctionDef):
                self.visit(node.args)
                node.body.insert(start, ast.copy_location(ast.Expr(call(self.module, node)), node))
            self.scope.pop()
        elif isinstance(node, ast.Raise):
            return node  # what an error says is the business of the tests of errors
        elif isinstance(node, ast.FormattedValue | ast.AnnAssign):
            if node.value is not None:
                node.value = self.visit(node.value)
        elif isinstance(node, ast.JoinedStr):
            node.values = [self.inside(x) if isinstance(x, ast.FormattedValue) else x for x in node.values]
        else:
            self.generic_visit(node)
            if isinstance(node, ast.Lambda):
                node.body = switched(self.module, ast.Constant(None), node.body)
        return node

    def all(self, nodes: list[Any]) -> list[Any]:
        return [self.visit(node) for node in nodes]


def left_alone(node: ast.AST) -> bool:
    """Annotations, what only type checkers read, docstrings, the names of what is exported, patterns."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test) or "__name__" in ast.unparse(node.test)
    if isinstance(node, ast.FunctionDef):
        return any(ast.unparse(x) == "overload" for x in node.decorator_list)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) in {"__all__", "__version__"}
    return isinstance(node, ast.arg | ast.pattern | ast.Import | ast.ImportFrom)


def call(place: int | str, at: Any) -> Any:
    function = ast.Name("__mutant__", ast.Load())
    return ast.fix_missing_locations(ast.copy_location(ast.Call(function, [ast.Constant(place)], []), at))


def switched(place: int | str, change: Any, node: Any) -> Any:
    """`node`, or the change where it is in force."""
    test = call(place, node)
    switch = ast.IfExp(test, change, node) if isinstance(node, ast.expr) else ast.If(test, [change], [node])
    return ast.fix_missing_locations(ast.copy_location(switch, node))


def places(package: Path) -> list[Place]:
    """Every place of a package, in the order of its files."""
    found = []
    for path in sorted(package.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        walk = Walk(name_of(package, path), {}, source.splitlines())
        walk.visit(ast.parse(source))
        found += walk.places
    return found


def name_of(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def write(package: Path, drawn: Sequence[Place], folder: Path) -> None:
    """The compiled modules that have a place of `drawn`, the first of which has number 1, into `folder`."""
    for path in sorted(package.rglob("*.py")):
        name = name_of(package, path)
        numbers = {place.index: number for number, place in enumerate(drawn, 1) if place.module == name}
        if numbers:
            tree = Walk(name, numbers).visit(ast.parse(path.read_text(encoding="utf-8")))
            (folder / f"{name}.code").write_bytes(marshal.dumps(compile(tree, path, "exec", dont_inherit=True)))


class Loader(importlib.machinery.SourceFileLoader):
    """Loads the module with switches in the place of the one in the file."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = marshal.loads(Path(os.environ["MUTANTS"], f"{fullname}.code").read_bytes())
        return code


class Finder(importlib.machinery.PathFinder):
    """Finds the modules that have switches."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith("microgradnet") or not Path(os.environ["MUTANTS"], f"{fullname}.code").exists():
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(fullname, spec.origin)
        return spec


def install() -> None:
    """Called when Python starts: imports go through here, and what a program that a test started reached is kept."""
    builtins.__mutant__ = chosen  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Finder)
    if "MUTANTS_REACHED" in os.environ:
        file = Path(os.environ["MUTANTS_REACHED"], uuid.uuid4().hex)
        atexit.register(lambda: file.write_text(repr(REACHED)))
