"""Is a gradient right, by a slope that says how good it is? Verdicts on one number along one line.

Two numbers that agree within an error bar are a match only if the bar is so small that it could have told otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..core import Array
from .pairs import EPS, Line, amount
from .report import CANNOT_TELL, KINK, MATCH, MISMATCH
from .slopes import SMALLEST_SIZE, Look, Slope, careful_slope, quick_slope
from .still import roughness, stands_still

RTOL = 1e-6  # what the two may differ by, of the larger, beside the error bar of the slope
SHARP = 1e-3  # how large an error bar may be beside the slope, for a match
SHARP_AT_ONCE = 1e-5  # and for one that nobody looks at again
NOTHING = 1e-6  # an error bar so small beside ordinary slopes of the function shows that its slope here is 0


def judged(
    line: Line, y: Array, c: Array, size: float, g: float, rounding: Callable[[], float] = lambda: 0.0,
    quickly: bool = False,
) -> tuple[str, Slope]:  # fmt: skip
    """The verdict on a gradient `g` of c · y along a line, and the slope there.

    `rounding` says how far rounding may have moved g. `quickly`, what mismatches plainly is not looked at again.
    """
    slope = quick_slope(line, y, c, size)
    if agree(g, slope) and slope.error <= SHARP_AT_ONCE * max(abs(g), abs(slope.value)):
        return MATCH, slope
    if quickly and is_plain(g, slope):
        return MISMATCH, slope
    look = careful_slope(line, y, c, size)
    slope = look.slope
    if slope.is_kink:
        return (KINK if lies_between(g, slope) else MISMATCH), slope
    if math.isinf(slope.error):
        return CANNOT_TELL, slope
    if not math.isfinite(g):
        told = is_sharp(look, 0.0) or stands_still(line, y, c, size)
        return (MISMATCH if told else CANNOT_TELL), slope
    if agree(g, slope):
        if is_sharp(look, g):
            return MATCH, slope
    elif is_refuted(g, look, line, y, c, size):
        return MISMATCH, slope
    if abs(g) <= rounding() and stands_still(line, y, c, size):
        return MATCH, slope
    return CANNOT_TELL, slope


def agree(g: float, slope: Slope) -> bool:
    """Whether a gradient is the slope, as far as its error bar can tell."""
    gap = abs(g - slope.value)
    return math.isfinite(gap) and gap <= 10 * slope.error + RTOL * max(abs(g), abs(slope.value))


def is_plain(g: float, slope: Slope) -> bool:
    """Whether a gradient is so far from a slope that a quick look is enough, where many have been found wrong."""
    if not math.isfinite(g):
        return slope.error <= SHARP * abs(slope.value)
    return abs(g - slope.value) > 1e3 * slope.error + 1e-3 * max(abs(g), abs(slope.value))


def lies_between(g: float, kink: Slope) -> bool:
    """Whether a gradient lies between the slopes on the two sides of a kink."""
    low, high = sorted((kink.left, kink.right))
    slack = 10 * kink.error + RTOL * max(abs(low), abs(high))
    return low - slack <= g <= high + slack


def is_sharp(look: Look, g: float) -> bool:
    """Whether the error bar could have told another slope: it is small beside this one, or beside ordinary ones.

    Where nothing moved at all, near by, this is not known.
    """
    error, largest = look.slope.error, max(abs(g), abs(look.slope.value))
    return error <= max(SHARP * largest, NOTHING * look.ordinary) and largest + look.ordinary > 0


def is_refuted(g: float, look: Look, line: Line, y: Array, c: Array, size: float) -> bool:
    """Whether what was seen speaks against a gradient.

    What counts is seen on the scale on which the function changes: that of the number moved, or that on which g turns
    results of this size over; where they are 0, of the size that they have near by. On much smaller scales there may be
    nothing but rounding.
    """
    rough = roughness(line, y, c, 0.0, 4 * EPS * size)
    results = max(amount(c, y), look.reach if look.reach > 100 * rough else 0.0)
    turns = max(0.1 * results / abs(g), SMALLEST_SIZE) if g else math.inf
    scale = min(turns, size)
    return any(
        abs(seen.value - g) > 10 * (seen.error + 16 * rough / step)
        for step, seen in look.measured
        if scale / 256 <= step <= scale or (scale < step <= turns and seen == look.slope)
    )
