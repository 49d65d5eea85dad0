"""What the rows state of their gradients at special points, as a table.

`python -m microgradnet.testing.conventions` prints it, and given a file writes it at its end, in the place of the one
that is there: docs/conventions.md is that file.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import formulas  # noqa: F401  (fills the table)
from ..core import HUGE, TABLE, TINY, Op
from ..words import printable
from .points import Point, statements

with contextlib.suppress(ImportError):  # SciPy is optional
    from ..ops import special  # noqa: F401  (fills the table)

HEADING = "## What the rows state"
ABOVE = """
Written by `python -m microgradnet.testing.conventions docs/conventions.md`. A row may state what its gradient is at
a point, and a law holds it to that. At all other special points (0, ±1, ±∞, ties, the largest and the smallest numbers)
the gradient is finite and lies between the slopes beside the point; or it is infinite as the result is, where both
overflow. Of several inputs each has its gradient, `·` where nothing is stated. *tiny* and *huge* are the smallest and
the largest number of float64. What holds at 0 holds at −0, an infinity with either sign: 1/−0 is −∞.

| row | at → gradient |
|---|---|
"""


def lines() -> Iterator[tuple[str, str]]:
    """The name of each row that states something, and what, in the order of their names."""
    named = {name_of(row): row for row in TABLE.values() if row.at and not row.home}
    for name, row in sorted(named.items()):
        if callable(row.at):
            known = {repr(params): params for _, params in row.cases}
            for params in sorted(known.values(), key=repr):
                given = ", ".join(f"{key}={value}" for key, value in params.items())
                yield f"{name}(…, {given})", said(row, params)
        else:
            yield name, said(row, {})


def name_of(row: Op) -> str:
    """Where the function of a row is found."""
    if isinstance(row.key, str):
        return row.name
    return f"np.{row.name}" if getattr(np, row.name, None) is row.key else f"scipy.special.{row.name}"


def said(row: Op, params: dict[str, Any]) -> str:
    """The points at which a row states something, those with the same gradient together."""
    points: dict[str, list[str]] = {}
    for point, gradients in statements(row, params):
        points.setdefault(written(gradients), []).append(written(point))
    return "; ".join(f"{', '.join(places)} → {gradient}" for gradient, places in points.items())


def written(numbers: Point) -> str:
    parts = [word(x) for x in numbers]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def word(x: float | None) -> str:
    """A number as it is written on the page."""
    if x is None:
        return "·"
    size = {math.inf: "∞", HUGE: "huge", TINY: "tiny"}.get(abs(x), f"{abs(x):.4g}")
    return "NaN" if math.isnan(x) else f"−{size}" if x < 0 else size


def section() -> str:
    """The table as Markdown."""
    return HEADING + "\n" + ABOVE + "".join(f"| `{name}` | {text} |\n" for name, text in lines())


def main(*paths: str) -> None:
    """Print the table, or write it at the end of the pages given."""
    for path in map(Path, paths):
        own = path.read_text(encoding="utf-8").partition(HEADING)[0]
        path.write_text(own + section(), encoding="utf-8")
    if not paths:
        print(printable(section()), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
