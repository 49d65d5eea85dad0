"""Rules as one writes them: what a rule records when it is run on Values with names, in symbols."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .core import BOOLEAN, NO_PARAMS, NonDiff, Op, Value, Variadic, new_value, numbers, recording, sweep


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


# How strongly the infix operators bind. A product of matrices in a product of numbers has brackets, and the other way
# round where they decide.
INFIX = {"<": 0.5, "≤": 0.5, ">": 0.5, "≥": 0.5, "=": 0.5, "≠": 0.5,
         "+": 1.0, "−": 1.0, "@": 1.5, "×": 2.0, "÷": 2.0, "**": 3.0}  # fmt: skip
STRICT = ("−", "÷", "@", "<", "≤", ">", "≥", "=", "≠")  # a − (b − c) needs its brackets
LONGEST_RULE = 40  # operations; a longer one is not read any more


def written(x: Any, inside: float = 0) -> str:
    """A short recorded expression as one writes it: `g × (1 − out × out)`. What guards special points is left out."""
    x = unguarded(x, inside > 0.5)
    if not isinstance(x, Value):
        return f"{x:.4g}" if isinstance(x, float) else "[…]" if isinstance(x, np.ndarray) and x.ndim else str(x)
    if x.name or x.op is None:
        return x.name or written(x.item())
    if x.op.name == "negative":
        text = f"−{written(x.args[0], 3)}"
        return f"({text})" if inside > 3 else text
    if x.op.name in ("transpose", "swapaxes") and x.ndim >= 2:
        return f"{written(x.args[0], 4)}ᵀ"
    if x.op.name == "astype":
        return written(x.args[0], inside)
    strength = INFIX.get(x.op.symbol, 0)
    if not strength or len(x.args) != 2:
        return f"{x.op.name}({', '.join(map(written, x.args))})"
    left = written(x.args[0], strength + (x.op.symbol == "**" or strength < 1))
    right = written(x.args[1], strength + (x.op.symbol in STRICT))
    if (x.op.symbol, right) in {("+", "0"), ("×", "1"), ("÷", "1"), ("**", "1")}:
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


# ------------------------------------------------------------------------------------- the rule of one recorded Value


def letters_of(row: Op, count: int) -> list[str]:
    """What the rules of a row call its inputs: x, y; x, weight, bias; numbers where there may be any number of them."""
    rule = next((rule for rule in row.rules if rule is not None), None)
    code = getattr(rule, "__code__", None)
    names = list(code.co_varnames[2 : code.co_argcount]) if code else []
    if len(names) == count and not isinstance(row, Variadic):
        return names
    return ["x", "y", "z"][:count] if count <= 3 else [f"x{i}" for i in range(1, count + 1)]


def from_rule(row: Op, place: int, g: Any, out: Any, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """What a row's rule gives for the input at `place`, before what broadcasting stretched is summed."""
    if isinstance(row, Variadic):
        rule: Any = row.rules[0]
        return rule(g, out, *inputs, **params)[place]
    return row.rules[place](g, out, *inputs, **params)


def rule_written(row: Op, place: int, g: Any, out: Any, inputs: Sequence[Any], params: dict[str, Any]) -> str:
    """The rule for the input at `place` as it was used on these numbers: `g × (1 − out × out)`.

    Plain numbers stand as they are, `g × 3 × x ** 2`; everything else by its letter. Empty where there is no rule that
    could be written in a line.
    """
    letters = letters_of(row, len(inputs))
    stands = [letter_of(x, letter) for x, letter in zip(inputs, letters, strict=True)]
    try:
        with recording(), np.errstate(all="ignore"):
            found = from_rule(row, place, letter_of(g, "g"), letter_of(out, "out"), stands, params)
    except Exception:  # a rule of the user's that takes no Values
        return ""
    if found is None or operations(found) > LONGEST_RULE:
        return ""
    text = written(found)
    if np.shape(numbers(found)) != np.shape(inputs[place]):  # what broadcasting stretched
        text += f", summed to {np.shape(inputs[place])}"
    return text if len(text) <= 160 else ""


def letter_of(x: Any, letter: str) -> Any:
    """`x` as a Value with a name; a plain number as it is."""
    if isinstance(x, (int, float)) and not isinstance(x, np.generic):
        return x
    kind = Value if np.asarray(x).dtype.kind == "f" else NonDiff
    named: Value = new_value(kind, x, None, (), NO_PARAMS)
    named.name = letter
    return named


def operations(x: Any) -> int:
    """How many operations there are to write, each as often as it would be."""
    counts: dict[Any, int] = {}
    todo = [x]
    while todo:
        at = todo[-1]
        args = [y for y in at.args if isinstance(y, Value)] if isinstance(at, Value) and at.op and not at.name else []
        left = [y for y in args if y not in counts]
        if left:
            todo += left
        else:
            counts[at if isinstance(at, Value) else id(at)] = bool(args) + sum(counts[y] for y in args)
            todo.pop()
    return counts[x if isinstance(x, Value) else id(x)]


def with_numbers(rule: str, letters: dict[str, Any]) -> str:
    """A rule with its numbers in place of its letters, `1 × (1 − 0.76 × 0.76)`; arrays keep theirs, with a shape."""
    used = [name for name in letters if re.search(rf"\b{name}\b", rule, re.ASCII)]  # gᵀ is g
    scalars = {name: f"{numbers(letters[name]):.4g}" for name in used if not np.ndim(letters[name])}
    text = re.sub(r"[A-Za-z_]\w*", lambda found: bracketed(scalars.get(found[0], found[0])), rule, flags=re.ASCII)
    shapes = [f"{name} {np.shape(letters[name])}" for name in used if name not in scalars]
    return f"{text} with {', '.join(shapes)}" if shapes else text


def bracketed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number
