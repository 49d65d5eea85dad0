"""The blocks of a module: statements that run one after another, and the notes of which of them were reached.

A block is called `module:function#text.number`, where `text` tells one text of the function from another: what is known
of a function's blocks is known while the function stays as it is.
"""

from __future__ import annotations

import ast
import zlib
from collections import Counter
from typing import Any

BODIES = ast.FunctionDef, ast.ClassDef


class Blocks:
    """Gives each statement of a module, and the body of each lambda, the name of its block, as `.block`."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self.counts: Counter[str] = Counter()
        self.inside(tree, f"{module}:", "")

    def named(self, scope: str, text: str) -> str:
        self.counts[scope] += 1
        return f"{scope}#{text}.{self.counts[scope]}"

    def inside(self, node: ast.AST, scope: str, text: str) -> None:
        for _, part in ast.iter_fields(node):
            if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
                self.follow(part, scope, text)
            for child in part if isinstance(part, list) else [part]:
                if isinstance(child, ast.Lambda):
                    child.body.block = self.named(scope, text)  # type: ignore[attr-defined]
                if isinstance(child, BODIES):
                    own = f"{zlib.crc32(ast.unparse(child).encode()):x}" if isinstance(child, ast.FunctionDef) else ""
                    for other in child.decorator_list:
                        self.inside(ast.Expr(other), scope, text)
                    self.inside(ast.Module(child.body, []), f"{scope}{child.name}.", own or text)
                    if isinstance(child, ast.FunctionDef):
                        self.inside(child.args, scope, text)
                elif isinstance(child, ast.AST):
                    self.inside(child, scope, text)

    def follow(self, statements: list[Any], scope: str, text: str) -> None:
        """After a statement that holds others a new block begins: the others may have left."""
        name = ""
        for statement in statements:
            statement.block = name = name or self.named(scope, text)
            if hasattr(statement, "body") and not isinstance(statement, BODIES):
                name = ""


class Notes(ast.NodeTransformer):
    """Each block notes, by a call of `__reached__`, that it was reached."""

    def visit(self, node: Any) -> Any:
        self.generic_visit(node)
        for field, part in ast.iter_fields(node):
            if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
                setattr(node, field, noted(part))
        if isinstance(node, ast.Lambda):
            both = ast.Tuple([note(node.body), node.body], ast.Load())
            node.body = placed(ast.Subscript(both, ast.Constant(1), ast.Load()), node.body)
        return node


def noted(statements: list[Any]) -> list[Any]:
    new: list[Any] = []
    last = ""
    for statement in statements:
        stays_first = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if statement.block != last and not stays_first and not is_docstring(statement):
            new.append(placed(ast.Expr(note(statement)), statement))
            last = statement.block
        new.append(statement)
    return new


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def note(node: Any) -> ast.expr:
    return placed(ast.Call(ast.Name("__reached__", ast.Load()), [ast.Constant(node.block)], []), node)


def placed(new: Any, at: ast.AST) -> Any:
    return ast.fix_missing_locations(ast.copy_location(new, at))
