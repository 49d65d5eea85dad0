"""Is a gradient right, by a slope that says how good it is? Verdicts on one number along one line."""

from __future__ import annotations

import math

from ..core import Array
from .report import CANNOT_TELL, KINK, MATCH, MISMATCH
from .slopes import SMALLEST_SIZE, Line, Slope, amount, careful_slope, quick_slope, roughness

RTOL = 1e-6  # what the two may differ by, of the larger, beside the error bar of the slope


def judged(line: Line, y: Array, c: Array, size: float, g: float) -> tuple[str, Slope]:
    """The verdict on a gradient `g` of c · y along a line, and the slope there."""
    slope = quick_slope(line, y, c, size)
    terms = amount(c, y)
    ordinary = terms / size
    if agree(g, slope) and is_sharp(slope, g, ordinary):
        return MATCH, slope
    slope, measured = careful_slope(line, y, c, size)
    if slope.is_kink:
        return (KINK if lies_between(g, slope) else MISMATCH), slope
    if not math.isfinite(slope.value) or math.isinf(slope.error):
        return CANNOT_TELL, slope
    if not math.isfinite(g):
        return (MISMATCH if is_sharp(slope, 0.0, ordinary) else CANNOT_TELL), slope
    if agree(g, slope):
        return (MATCH if is_sharp(slope, g, ordinary) else CANNOT_TELL), slope
    # What counts against g is seen on the scale on which the function changes: that of the number moved, or that on
    # which g turns results of this size over. On much smaller scales there may be nothing but rounding.
    turns = max(0.1 * terms / abs(g), SMALLEST_SIZE) if g else math.inf
    scale = min(turns, size) or size
    rough = roughness(line, c, size)
    against = [
        abs(seen.value - g) > 10 * (seen.error + 16 * rough / step)
        for step, seen in measured
        if math.isfinite(seen.error) and (scale / 256 <= step <= scale or (scale < step <= turns and seen == slope))
    ]
    return (MISMATCH if any(against) else CANNOT_TELL), slope


def agree(g: float, slope: Slope) -> bool:
    """Whether a gradient is the slope, as far as its error bar can tell."""
    gap = abs(g - slope.value)
    return math.isfinite(gap) and gap <= 10 * slope.error + RTOL * max(abs(g), abs(slope.value))


def lies_between(g: float, kink: Slope) -> bool:
    """Whether a gradient lies between the slopes on the two sides of a kink."""
    low, high = sorted((kink.left, kink.right))
    slack = 10 * kink.error + RTOL * max(abs(low), abs(high))
    return low - slack <= g <= high + slack


def is_sharp(slope: Slope, g: float, ordinary: float) -> bool:
    """Whether the error bar is small: beside the slope, or beside what a slope of these results amounts to."""
    return slope.error <= max(1e-3 * max(abs(g), abs(slope.value)), 1e-9 * ordinary)
