"""Pieces of HTML for notebooks: tables, numbers tinted by their sign, and curves, right on light and on dark ground.

Styles are written into each element, for a notebook may show a cell without the rest of its page; colours are the
text's own, or translucent.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

BLUE, ORANGE = "43,108,176", "224,112,48"  # as in plots
CURVES = ("#4a90d9", "#e07030", "#3fa66a", "#b06fc9", "#c9a227", "#7f8c99")
CELL = "padding:1px 8px;border:0;text-align:"
QUIET = "opacity:.65;font-size:90%"
MOST = 64  # numbers that are all shown


def escaped(text: object) -> str:
    """Text that means itself."""
    return html.escape(str(text))


def quiet(text: object) -> str:
    """Text that stands back."""
    return f'<span style="{QUIET}">{escaped(text)}</span>'


def card(*parts: str) -> str:
    """Parts below each other."""
    return f'<div style="line-height:1.45">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'


def beside(*parts: str) -> str:
    """Parts side by side, as far as there is room."""
    held = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div style="display:flex;flex-wrap:wrap;gap:6px 28px;align-items:flex-start">{held}</div>'


def table(head: Sequence[object], rows: Iterable[Sequence[object]], right: Collection[int] = ()) -> str:
    """A table of words; the columns in `right` are numbers."""
    sides = ["right" if i in right else "left" for i in range(len(head))]
    named = "".join(f'<th style="{CELL}{side};{QUIET}">{escaped(x)}</th>' for x, side in zip(head, sides, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{CELL}{side}">{escaped(x)}</td>' for x, side in zip(row, sides, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<table style="border-collapse:collapse"><thead><tr>{named}</tr></thead><tbody>{body}</tbody></table>'


def program(text: str) -> str:
    """Lines as they stand."""
    return f'<pre style="margin:4px 0;max-height:40em;overflow:auto">{escaped(text)}</pre>'


def array(x: Any) -> str:
    """Numbers in cells, tinted blue above 0 and orange below, the stronger the larger; or, of many, how they lie."""
    x = np.asarray(x)
    if x.size > MOST or x.ndim > 2 or not x.size:
        return quiet(lying(x))
    rows = x.reshape(1, -1) if x.ndim < 2 else x
    with np.errstate(all="ignore"):
        sizes = np.where(np.isfinite(rows), np.abs(rows.astype(float)), 0.0)
    most = float(sizes.max(initial=0.0)) or 1.0
    body = "".join(
        "<tr>" + "".join(number(v, size / most) for v, size in zip(row, line, strict=True)) + "</tr>"
        for row, line in zip(rows, sizes, strict=True)
    )
    return f'<table style="border-collapse:collapse"><tbody>{body}</tbody></table>'


def number(x: Any, strength: float) -> str:
    """A number in a tinted cell; what is not finite is loud."""
    finite = bool(np.isfinite(x))
    tint = f"rgba({BLUE if x > 0 else ORANGE},{0.5 * strength:.2f})" if finite else "rgba(220,30,30,.55)"
    return f'<td style="{CELL}right;background:{tint}">{f"{x:.4g}" if finite else escaped(x)}</td>'


def lying(x: Any) -> str:
    """How many numbers lie, in a line."""
    if not x.size:
        return "no elements"
    finite = x[np.isfinite(x)] if x.dtype.kind == "f" else x
    left = x.size - finite.size
    words = [f"min {finite.min():.4g}, mean {finite.mean():.4g}, max {finite.max():.4g}"] if finite.size else []
    return "; ".join(words + [f"{left:,} NaN or Inf"] * bool(left))


def curves(columns: Mapping[str, Sequence[float]], width: int = 380, height: int = 150) -> str:
    """Columns of numbers as curves over 1, 2, 3 …, with their names and the ends of the scale; NaN and Inf are gaps."""
    points = [y for column in columns.values() for y in column if math.isfinite(y)]
    length = max((len(column) for column in columns.values()), default=0)
    if not points or not length:
        return ""
    low, high = min(points), max(points)
    span, left, bottom = (high - low) or 1.0, 52, height - 18

    def at(i: int, y: float) -> str:
        across = left + (width - left - 8) * (i / max(length - 1, 1))
        return f"{across:.1f},{8 + (bottom - 8) * (high - y) / span:.1f}"

    drawn = []
    for k, column in enumerate(columns.values()):
        colour = CURVES[k % len(CURVES)]
        for run in runs(column):
            if len(run) == 1:
                x, y = at(*run[0]).split(",")
                drawn.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>')
            else:
                path = " ".join(at(i, y) for i, y in run)
                drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    frame = f'<path d="M{left},8V{bottom}H{width - 8}" fill="none" stroke="currentColor" opacity=".4"/>'
    ends = (
        f'<text x="{left - 6}" y="16" text-anchor="end">{high:.3g}</text>'
        f'<text x="{left - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{left}" y="{height - 4}">1</text>'
        f'<text x="{width - 8}" y="{height - 4}" text-anchor="end">{length}</text>'
    )
    named = " ".join(
        f'<span style="color:{CURVES[k % len(CURVES)]}">━</span> {escaped(name)}&ensp;'
        for k, name in enumerate(columns)
    )
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-size="11" fill="currentColor" '
        f'font-family="sans-serif" role="img" aria-label="{escaped(", ".join(columns))}">'
        f"{frame}{ends}{''.join(drawn)}</svg>"
        f'<div style="{QUIET}">{named}</div>'
    )


def runs(column: Sequence[float]) -> list[list[tuple[int, float]]]:
    """The stretches of a column that are finite, each as its places and numbers."""
    found: list[list[tuple[int, float]]] = [[]]
    for i, y in enumerate(column):
        if math.isfinite(y):
            found[-1].append((i, y))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def bar(done: float, text: str) -> str:
    """How far something is, from 0 to 1, with words beside."""
    full = max(0.0, min(1.0, done))
    return (
        '<div style="display:flex;gap:10px;align-items:center">'
        '<div style="width:220px;height:8px;border-radius:4px;background:rgba(128,128,128,.3)">'
        f'<div style="width:{full:.1%};height:8px;border-radius:4px;background:{CURVES[0]}"></div></div>'
        f"<span>{escaped(text)}</span></div>"
    )
