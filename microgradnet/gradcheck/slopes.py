"""Numerical slopes that know how good they are.

A slope is measured at several steps and extrapolated (Richardson); what the steps disagree about, and what rounding can
have done, is its error bar. Where the slopes from the left and from the right differ there is a kink.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..core import Array
from .pairs import Line, Pair, digits_of
from .still import moves_far_away

FIRST_STEP = 0.7310585 / 64  # of the size of the number moved; no round number, so that rounding shows
MOST_STEPS = 32
SMALLEST_SIZE = 1e-317  # a thousandth of it is still many times the smallest number there is


class Slope(NamedTuple):
    """A measured slope, its error bar, and at a kink the slopes on its two sides."""

    value: float
    error: float
    left: float = math.nan
    right: float = math.nan

    @property
    def is_kink(self) -> bool:
        """Whether there are two slopes, one on each side; then `value` is their mean."""
        return not math.isnan(self.left)


class Look(NamedTuple):
    """A careful look at a slope."""

    slope: Slope
    measured: list[tuple[float, Slope]]  # what each three steps say, and the largest of them; the smallest first
    ordinary: float  # the steepest way to another place that is clear of rounding, or 0: what is little beside it is 0
    reach: float  # how far results moved at most, or 0 if that may be rounding


def size_of(x: Array, i: tuple[int, ...]) -> float:
    """The scale on which to move element `i`: its own size, or if it is 0 that of the others, or 1."""
    return max(abs(float(x[i])) or typical_size(x), SMALLEST_SIZE)


def typical_size(x: Array) -> float:
    """The median of the sizes of those elements that are not 0, or 1."""
    sizes = np.abs(x[x != 0])
    return max(float(np.median(sizes)), SMALLEST_SIZE) if sizes.size else 1.0


def quick_slope(line: Line, y: Array, c: Array, size: float) -> Slope:
    """The slope of c · y by three steps around 0, each half of the one before."""
    measured = [Pair(line, y, c, size * FIRST_STEP / 2**k) for k in range(3)]
    slope = extrapolated(measured, 2.0)
    if not any(np.any(pair.moved) for pair in measured) and moves_far_away(line, y, c, size, measured[0].step):
        return slope._replace(error=math.inf)  # lost in rounding: a larger step is needed
    bends = [abs(pair.bend) for pair in measured]
    if bends[2] > 0.6 * bends[0] and bends[2] > 100 * measured[2].noise and bends[2] > 1e-6 * abs(slope.value):
        return slope._replace(error=math.inf)  # a kink, or something near: look closer
    return slope


def careful_slope(line: Line, y: Array, c: Array, size: float) -> Look:
    """The slope of c · y by many steps, from as large as the number itself or 1 to where rounding is all there is.

    What larger steps say is believed as long as it agrees with what smaller ones say within their larger error bars: an
    oscillation that is too fast for a step may look smooth at it.
    """
    rows = [[Pair(line, y, c, step) for step in steps if step] for steps in ladders(size)]
    pairs = [pair for row in rows for pair in row]
    # A step at which the function refuses to be evaluated says nothing of which results move.
    told = [pair for pair in pairs if not np.all(np.isnan(pair.above) | np.isnan(pair.below))] or pairs
    moved, digits = np.any([pair.moved for pair in told], axis=0), digits_of(told)
    for pair in pairs:
        pair.weigh(c, moved, digits)
    best = Slope(math.nan, math.inf)
    measured = []
    lost = 0.0  # what is lost to rounding at a small step is lost at a larger one, divided by more
    threes = [row[k : k + 3] for row in rows for k in range(len(row) - 2)]
    for three in reversed(threes):
        step, slope = three[0].step, extrapolated(three, 4.0)
        if math.isfinite(slope.error):
            lost = max(lost, slope.error * step)
            slope = slope._replace(error=lost / step)
        measured.append((step, slope))
    for _, slope in measured:
        if math.isnan(slope.value):
            if math.isfinite(best.error):
                break  # a larger step leaves where the function is defined
            continue
        if abs(slope.value - best.value) > 3 * (slope.error + best.error):
            break
        if slope.error < best.error:
            best = slope
    ordinary = max((pair.secant for pair in pairs if pair.noise + lost / pair.step <= 1e-2 * pair.secant), default=0.0)
    reach = max((pair.secant * pair.step for pair in pairs if pair.noise <= 1e-2 * pair.secant), default=0.0)
    return Look(kink_in(pairs) or best, measured, ordinary, reach)


def ladders(size: float) -> list[list[float]]:
    """The steps of `careful_slope`, each a quarter of the one before; the largest first.

    The number moved and 1 are both scales on which a function may live. Where they are too far apart for one row of
    steps there are two.
    """
    largest = 16 * max(size, 1.0) * FIRST_STEP
    count = 18 + max(0, math.ceil(-math.log(size, 4)))
    if count <= MOST_STEPS:
        return [[largest / 4**k for k in range(count)]]
    return [[largest / 4**k for k in range(18)], [16 * size * FIRST_STEP / 4**k for k in range(MOST_STEPS - 18)]]


def extrapolated(three: list[Pair], ratio: float) -> Slope:
    """The slope at step 0, from three steps."""
    d0, d1, d2 = (pair.slope for pair in three)
    a, b = ratio**2 - 1, ratio**4 - 1
    t1, t2 = d1 + (d1 - d0) / a, d2 + (d2 - d1) / a
    value = t2 + (t2 - t1) / b
    error = abs(t2 - t1) + 2 * max(pair.noise for pair in three)
    if not math.isfinite(value):
        return Slope(math.nan, math.inf)
    return Slope(value, error)


def kink_in(pairs: list[Pair]) -> Slope | None:
    """A kink: down to the smallest steps that are clear of rounding, the slopes on the two sides differ as much."""
    clear = [p for p in pairs if p.noise <= 1e-4 * max(abs(p.left), abs(p.right)) < math.inf]
    smallest = clear[-4:]
    if len(smallest) < 4:
        return None
    bends = [pair.bend for pair in smallest]
    last = smallest[-1]
    spread = max(np.ptp([p.left for p in smallest]), np.ptp([p.right for p in smallest]))
    if abs(last.bend) <= 1e-3 * max(abs(last.left), abs(last.right)) or spread > 0.1 * min(abs(b) for b in bends):
        return None
    return Slope((last.left + last.right) / 2, float(spread), last.left, last.right)
