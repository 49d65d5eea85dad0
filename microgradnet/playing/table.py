"""A backward pass as a table: a line for each input of each operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import Value, numbers
from ..viz.facts import number, shorter
from ..viz.graph import norm
from ..viz.passes import Share, Step

HEADS = ("", "operation", "gradient in", "to", "rule", "local slope", "adds", "has now")
RIGHT = (0, 2, 5, 6, 7)  # the columns of numbers


def table(steps: Sequence[Step], names: Mapping[Any, str], most: int | None = None) -> str:
    """The table; with `most`, of that many steps: the first and the last."""
    if most is None or len(steps) <= most:
        rows = rows_of(steps, names)
    else:
        first, left = most - most // 3, len(steps) - most
        dots = ["⋮", f"{left:,} more", *[""] * 6]
        rows = [*rows_of(steps[:first], names), dots, *rows_of(steps[first + left :], names)]
    flat = all(row[5] in ("", "·") for row in rows)  # arrays have no slope in one number
    kept = [i for i in range(8) if not (flat and i == 5)]
    rows = [[*HEADS], *rows]
    wide = [max(len(row[i]) for row in rows) for i in range(8)]
    lines = ["  ".join(row[i].rjust(wide[i]) if i in RIGHT else row[i].ljust(wide[i]) for i in kept) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def rows_of(steps: Sequence[Step], names: Mapping[Any, str]) -> list[list[str]]:
    """A row for each input; what is said of the whole operation stands in the first."""
    rows = []
    for step in steps:
        whole = [str(step.number), f"{names[step.value]} = {expression(step, names)}", size(step.gradient)]
        for share in step.inputs or (None,):
            rows.append([*whole, *(told(share, names) if share else ["", "passes on nothing", "", "", ""])])
            whole = ["", "", ""]
    return rows


def told(share: Share, names: Mapping[Any, str]) -> list[str]:
    slope = share.slope
    added, total = size(share.added), size(share.total)
    return [
        names[share.value],
        shorter(share.rule or "its own", 48),
        "·" if slope is None else number(slope),
        added,
        total,
    ]


def size(x: Any) -> str:
    """A number, or the shape and the norm of an array."""
    return f"{np.shape(x)} norm {number(norm(x))}" if np.ndim(x) else number(x)


def expression(step: Step, names: Mapping[Any, str]) -> str:
    """What was computed, from what: `a × b`, `tanh(x)`."""
    inputs = [names[x] if isinstance(x, Value) else names.get(id(x)) or constant(x) for x in step.value.args]
    if len(inputs) == 2 and not step.symbol.isalnum() and len(step.symbol) <= 2:
        return shorter(f"{inputs[0]} {step.symbol} {inputs[1]}", 48)
    name = step.symbol if step.symbol.isidentifier() else step.op.name
    return shorter(f"{name}({', '.join(inputs)})", 48)


def constant(x: Any) -> str:
    x = numbers(x)
    return str(np.shape(x)) if np.ndim(x) else number(x)
