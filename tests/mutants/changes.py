"""What a mutant is: one small change of a module's syntax tree, or of a text that is a program."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or,
    ast.Or: ast.And, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
NEGATED = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)  # the other operator is the opposite

# Calls whose first two arguments may stand in either order.
SYMMETRIC = {
    "max", "min", "maximum", "minimum", "hypot", "result_type", "promote_types", "broadcast_shapes", "array_equal",
    "logical_and", "logical_or", "swapaxes",
}  # fmt: skip

# The modules whose strings are programs, and what is changed in such a string.
PROGRAMS = {"microgradnet.core.unrolled", "microgradnet.core.written"}
WORDS = [
    (" + ", " - "), (" is not ", " is "), (" is ", " is not "), (" and ", " or "), (" or ", " and "),
    (" in ", " not in "),
    (" != ", " == "), ("not out.ndim", "out.ndim"), ("out[()]", "out"), ("None", "0"), ("if create_graph", "if True"),
    ("**node.params", ""), ("**params", ""), ("raise", "pass"), (".shape", ".size"), (".dtype", ".shape"),
]  # fmt: skip


def changes(node: Any, program: bool) -> Iterator[ast.AST]:
    """Each change of `node` itself, its parts as they are; in a `program`'s module of its strings too."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield altered(node, op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        yield altered(node, ops=[OPERATORS[type(node.ops[0])]()])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield altered(node, value=other_number(node.value))
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not has_an_opposite(node.test):
        yield altered(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Call):
        yield from changed_calls(node)
    if can_be_left_out(node):
        yield ast.Pass()
    if program and isinstance(node, ast.Constant | ast.JoinedStr):
        yield from changed_texts(node)


def altered(node: Any, **fields: Any) -> Any:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def other_number(x: bool | int | float) -> bool | int | float:
    return not x if isinstance(x, bool) else x + 1 if isinstance(x, int) or x == 0 else x * 1.1


def has_an_opposite(test: ast.expr) -> bool:
    """Whether the change of the test itself says the same."""
    negation = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return negation or (isinstance(test, ast.Compare) and isinstance(test.ops[0], NEGATED))


def changed_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Without one of its keywords; with its first two arguments the other way round; its argument in its place.

    `zip`'s `strict=` is passed over: it guards the code around it, in which what is zipped has one length.
    """
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    for keyword in node.keywords:
        if keyword.arg is not None and (name, keyword.arg) != ("zip", "strict"):
            yield altered(node, keywords=[k for k in node.keywords if k is not keyword])
    plain = not any(isinstance(x, ast.Starred) for x in node.args)
    if plain and name not in SYMMETRIC and len(node.args) >= 2 and ast.dump(node.args[0]) != ast.dump(node.args[1]):
        yield altered(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if plain and len(node.args) == 1 and not node.keywords:
        yield node.args[0]
    if not node.args and not node.keywords and isinstance(node.func, ast.Attribute):
        yield node.func.value  # x.copy() is x


def can_be_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    return isinstance(node, ast.AugAssign | ast.Raise | ast.Break | ast.Continue)


def changed_texts(node: ast.Constant | ast.JoinedStr) -> Iterator[ast.AST]:
    """The string with one of WORDS in another's place, at each place where it stands."""
    parts: list[Any] = [node] if isinstance(node, ast.Constant) else node.values
    for i, part in enumerate(parts):
        if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
            continue
        for word, other in WORDS:
            pieces = part.value.split(word)
            for n in range(1, len(pieces)):
                text = word.join(pieces[:n]) + other + word.join(pieces[n:])
                new = altered(part, value=text)
                yield new if part is node else altered(node, values=[*parts[:i], new, *parts[i + 1 :]])
