"""A gradient in words: which way each parameter is to be nudged, and which of them matter most."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import whole
from ..core import Array, numbers
from ..tree import leaves
from ..words import printable
from .module import Module

HEAD = ("parameter", "numbers", "nudge up", "nudge down", "leave", "largest slope")


class GradientReport(str):
    """A report on a gradient: a text, and in a notebook a table. `rows` are of parameters, `top` of single numbers."""

    rows: list[tuple[str, ...]]
    top: list[tuple[str, float]]

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from .. import markup

        strongest = [
            (name, f"{slope:+.4g}", way(slope), f"{share(slope, abs(self.top[0][1])):.2f}") for name, slope in self.top
        ]
        return markup.beside(
            markup.table(HEAD, self.rows, range(1, len(HEAD))),
            markup.table(("the numbers that matter most", "slope", "nudge", "of the first"), strongest, (1, 3)),
        )


def gradient_report(model: Module, gradient: Any = None, n: int = 10) -> GradientReport:
    """The gradient in words: which way each parameter is to be nudged, and the `n` numbers that matter most.

    Nudged as it says, a number makes the cost smaller, and the more so the larger its slope is. The table counts the
    numbers of each parameter by their way; below it stand those of largest slope. `plots.gradient` draws them all.

    `gradient` is what `grad` returned for the model; without one, the `.grad` that `backward()` left. A parameter to
    which nothing flowed has the gradient 0. Raises ValueError if there is no gradient at all.

    >>> from microgradnet import nn
    >>> line = nn.Linear(2, 1, init=nn.init.zeros)
    >>> ((line([3.0, -1.0]) - 1) ** 2).sum().backward()
    >>> print(nn.gradient_report(line, n=2))
    parameter  numbers  nudge up  nudge down  leave  largest slope
    weight           2         1           1      0              6
    bias             1         1           0      0              2
    the 2 of 3 numbers that matter most:
      weight[0, 0]          -6  nudge up    1.00 of the first
      weight[0, 1]          +2  nudge down  0.33 of the first
    """
    whole("n", n, 0, more=": how many numbers to list")
    named = [(printable(name), g) for name, g in named_gradients(model, gradient)]
    width = max(len("parameter"), *(len(name) for name, _ in named))
    lines = [f"{'parameter':{width}}  numbers  nudge up  nudge down  leave  largest slope"]
    rows: list[tuple[str, ...]] = []
    for name, g in named:
        up, down, leave = (int(which.sum()) for which in (g < 0, g > 0, g == 0))
        largest = np.abs(g).max(initial=0)
        rows.append((name, f"{g.size:,}", f"{up:,}", f"{down:,}", f"{leave:,}", f"{largest:.3g}"))
        cells = [cell.rjust(w) for cell, w in zip(rows[-1][1:], (7, 8, 10, 5, 13), strict=True)]
        lines.append("  ".join([f"{name:{width}}", *cells]))
    top = strongest(named, n)
    width = max((len(name) for name, _ in top), default=0)
    lines.append(f"the {len(top):,} of {model.parameter_count():,} numbers that matter most:")
    for name, slope in top:
        of_first = share(slope, abs(top[0][1]))
        lines.append(f"  {name:{width}}  {slope:+10.4g}  nudge {way(slope):4}  {of_first:.2f} of the first")
    report = GradientReport("\n".join(lines))
    report.rows, report.top = rows, top
    return report


def way(slope: float) -> str:
    """Which way a number is to be nudged."""
    return "down" if slope > 0 else "up" if slope < 0 else "nowhere" if slope == 0 else "?"


def share(slope: float, most: float) -> float:
    """How large a slope is beside the largest."""
    return abs(slope) / most if slope else 0.0


def named_gradients(model: Module, gradient: Any = None) -> list[tuple[str, Array]]:
    """Each parameter's path and its gradient, from `gradient` or from `.grad`; zeros where nothing flowed."""
    named = list(model.named_parameters())
    if not named:
        raise ValueError(f"{type(model).__name__} has no parameters")
    if gradient is None:
        found = [p.grad for _, p in named]
        if all(g is None for g in found):
            raise ValueError("no parameter has a gradient: call backward() on a cost first, or pass what grad returned")
    else:
        found = [g for _, g in leaves(model, gradient)]
    return [
        (name, np.zeros(p.shape, p.dtype) if g is None else np.asarray(numbers(g)))
        for (name, p), g in zip(named, found, strict=True)
    ]


def strongest(named: list[tuple[str, Array]], n: int) -> list[tuple[str, float]]:
    """The n numbers of largest magnitude, `("layers.0.weight[3, 401]", 0.0123)`, the largest first, NaN before all."""
    flat = np.concatenate([np.ravel(g) for _, g in named])
    sizes = np.where(np.isnan(flat), np.inf, np.abs(flat))
    ends = np.cumsum([g.size for _, g in named])
    top = []
    for k in np.argsort(-sizes, kind="stable")[:n]:
        i = int(np.searchsorted(ends, k, side="right"))
        name, g = named[i]
        place = np.unravel_index(k - (ends[i] - g.size), g.shape)
        top.append((f"{name}[{', '.join(map(str, place))}]" if g.ndim else name, float(flat[k])))
    return top
