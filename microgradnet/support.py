"""What of NumPy works on a Value: a table made from the tables that decide it.

`python -m microgradnet.support` prints it; docs/support.md is that output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import formulas  # noqa: F401  (fills the tables)
from .core import FORMULAS, INSPECTIONS, REFUSED, TABLE
from .formulas.refused import UNCONCERNED
from .notation import slope
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
