"""Rules as one writes them: what a rule records when it is run on Values with names, in symbols."""

from __future__ import annotations

from typing import Any

from .core import BOOLEAN, Op, Value, sweep


def slope(row: Op) -> str:
    """What the rules of an elementwise row record, in symbols; "nothing flows" for a row without."""
    if not any(row.rules):
        return "nothing flows back"
    if not row.elementwise:
        return ""
    letters = ("x", "y", "z")[: len(row.rules)]
    inputs = [named(letter, 0.6 if domain is BOOLEAN else (domain.low + 2 * domain.high) / 3)
              for letter, domain in zip(letters, row.domain, strict=True)]  # fmt: skip
    out, g = row.record(*inputs), named("g", 1.0)
    out.name = "out"
    found = sweep(out, g, create_graph=True)
    return "; ".join(written(found[x]) if x in found else "0" for x in inputs)


def named(name: str, number: float) -> Value:
    return Value(number, name=name)


INFIX = {"+": 1, "−": 1, "×": 2, "÷": 2, "**": 3}


def written(x: Any, inside: int = 0) -> str:
    """A short recorded expression as one writes it: `g × (1 − out × out)`. What guards special points is left out."""
    x = unguarded(x, inside > 0)
    if not isinstance(x, Value):
        return f"{x:.4g}" if isinstance(x, float) else str(x)
    if x.name or x.op is None:
        return x.name or written(x.item())
    if x.op.name == "negative":
        text = f"−{written(x.args[0], 3)}"
        return f"({text})" if inside > 3 else text
    strength = INFIX.get(x.op.symbol, 0)
    if not strength or len(x.args) != 2:
        return f"{x.op.name}({', '.join(map(written, x.args))})"
    left = written(x.args[0], strength + (x.op.symbol == "**"))
    right = written(x.args[1], strength + (x.op.symbol in ("−", "÷")))
    if (x.op.symbol, right) in {("+", "0"), ("×", "1"), ("÷", "1")}:
        return written(x.args[0], inside)
    text = f"{left} {x.op.symbol} {right}"
    return f"({text})" if strength < inside else text


def unguarded(x: Any, in_arithmetic: bool) -> Any:
    """`x` without its guards, conditions that are the same everywhere but at special points."""
    if not isinstance(x, Value) or x.op is None:
        return x
    if in_arithmetic and known_of(x) is not None:
        return int(known_of(x) or 0)
    if x.op.name == "where" and known_of(x.args[0]) is not None:
        chosen = x.args[1 if known_of(x.args[0]) else 2]
        return unguarded(chosen, in_arithmetic) if in_arithmetic or isinstance(chosen, Value) else x
    if x.op.name in ("bitwise_and", "bitwise_or"):
        for part, other in (x.args, x.args[::-1]):
            if known_of(part) is not None and known_of(x) is None:
                return unguarded(other, in_arithmetic)
    return x


def known_of(x: Any) -> bool | None:
    """What a condition is away from special points, where none is infinite or equal; None if x is no such condition."""
    if not isinstance(x, Value) or x.op is None or x.dtype.kind != "b":
        return None
    name = x.op.name
    if name in ("isinf", "isnan", "isfinite"):
        return name == "isfinite"
    if name in ("equal", "not_equal") and not any(isinstance(y, Value) and y.dtype.kind == "b" for y in x.args):
        return name == "not_equal"
    if name in ("bitwise_and", "bitwise_or"):
        parts, decides = [known_of(y) for y in x.args], name == "bitwise_or"
        return decides if decides in parts else None if None in parts else not decides
    return None
