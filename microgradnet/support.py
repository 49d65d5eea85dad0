"""What of NumPy works on a Value: a table made from the tables that decide it.

`python -m microgradnet.support` prints it; docs/support.md is that output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import formulas  # noqa: F401  (fills the tables)
from .core import BOOLEAN, FORMULAS, INSPECTIONS, REFUSED, TABLE, Op, Value, sweep
from .formulas.refused import UNCONCERNED
from .words import printable

NAMESPACES = {"np": np, "np.linalg": np.linalg}
KINDS = {
    "row": "recorded, with rules of its own",
    "formula": "recorded, as rows",
    "inspection": "looks at the numbers; its result is plain",
    "refused": "raises, with this reason",
    "unconcerned": "is not asked: it makes plain arrays or takes none, and a Value does not become one unasked",
}


class Entry(NamedTuple):
    """One public function of NumPy."""

    name: str
    kind: str
    note: str


def entries() -> list[Entry]:
    """Every public function of the installed NumPy's `numpy` and `numpy.linalg`, in the order of their names."""
    return [entry(f"{space}.{name}", function) for space, name, function in public_functions()]


def public_functions() -> Iterator[tuple[str, str, Any]]:
    for space, module in NAMESPACES.items():
        listed = getattr(module, "__all__", None) or dir(module)
        for name in sorted(n for n in {*listed, *dir(module)} if not n.startswith("_")):
            function = getattr(module, name)
            if callable(function) and not isinstance(function, type):
                yield space, name, function


def entry(name: str, function: Any) -> Entry:
    """Where a call of `function` with a Value goes; in the order of `Value.__array_function__`."""
    if function in TABLE:
        return Entry(name, "row", slope(TABLE[function]))
    if function in FORMULAS:
        return Entry(name, "formula", "")
    if function in INSPECTIONS:
        return Entry(name, "inspection", "")
    if name.removeprefix("np.") in UNCONCERNED:
        return Entry(name, "unconcerned", "")
    return Entry(name, "refused", REFUSED.get(function, "it has no rule here"))


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
        return f"−{written(x.args[0], 3)}"
    strength = INFIX.get(x.op.symbol, 0)
    if not strength or len(x.args) != 2:
        return f"{x.op.name}({', '.join(map(written, x.args))})"
    left, right = written(x.args[0], strength), written(x.args[1], strength + (x.op.symbol in ("−", "÷")))
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


def page() -> str:
    """The table as Markdown."""
    table = entries()
    version = ".".join(np.__version__.split(".")[:2])
    lines = [
        "# What of NumPy works on a Value",
        "",
        f"Made by `python -m microgradnet.support`, of NumPy {version}. For a row that works element by element, the",
        "note is the gradient of each input, as recorded by its rules: g is the gradient of the result, out. What the",
        "rules do at special points, such as 0 ÷ 0, is left out; the [conventions](conventions.md) have it.",
        "",
        *[f"- **{kind}** ({sum(e.kind == kind for e in table)}): {meaning}." for kind, meaning in KINDS.items()],
        "",
        "| function | | |",
        "|---|---|---|",
        *[f"| `{e.name}` | {e.kind} | {e.note.replace('|', chr(92) + '|')} |" for e in table],
    ]
    return printable("\n".join(lines) + "\n")


if __name__ == "__main__":
    print(page(), end="")
