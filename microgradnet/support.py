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
    """A short recorded expression as one writes it: `g × (1 − out × out)`."""
    if not isinstance(x, Value):
        return f"{x:.4g}" if isinstance(x, float) else str(x)
    if x.name or x.op is None:
        return x.name or written(x.item())
    if x.op.name == "negative":
        return f"−{written(x.args[0], 3)}"
    strength = INFIX.get(x.op.symbol, 0)
    if not strength or len(x.args) != 2:
        return f"{x.op.name}({', '.join(map(written, x.args))})"
    left, right = x.args
    after = strength + (x.op.symbol in ("−", "÷"))
    text = f"{written(left, strength)} {x.op.symbol} {written(right, after)}"
    return f"({text})" if strength < inside else text


def page() -> str:
    """The table as Markdown."""
    table = entries()
    version = ".".join(np.__version__.split(".")[:2])
    lines = [
        "# What of NumPy works on a Value",
        "",
        f"Made by `python -m microgradnet.support`, of NumPy {version}. For a row that works element by element, the",
        "note is the gradient of each input, as recorded by its rules: g is the gradient of the result, out.",
        "",
        *[f"- **{kind}** ({sum(e.kind == kind for e in table)}): {meaning}." for kind, meaning in KINDS.items()],
        "",
        "| function | | |",
        "|---|---|---|",
        *[f"| `{e.name}` | {e.kind} | {e.note.replace('|', chr(92) + '|')} |" for e in table],
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
