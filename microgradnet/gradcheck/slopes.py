"""Numerical slopes that know how good they are.

A slope is measured at several steps and extrapolated (Richardson); what the steps disagree about, and what rounding can
have done, is its error bar. Where the slopes from the left and from the right differ there is a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core import Array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EPS = float(np.finfo(np.float64).eps)
EPS32 = float(np.finfo(np.float32).eps)
FIRST_STEP = 0.7310585 / 64  # of the size of the number moved; no round number, so that rounding shows
MOST_STEPS = 32
SMALLEST_SIZE = 1e-317  # a thousandth of it is still many times the smallest number there is
FAR = 4096.0  # steps of the size of the number, or of 1

# y(t): where a function is when its input has been moved by t along a line, and how far it really was moved.
Line = Callable[[float], tuple[Array, float]]


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


def numerical_grad(f: Callable[[Array], Any], x: ArrayLike, with_error: bool = False) -> Any:
    """The slope of the number `f(x)` in every element of `x`, in float64; with `with_error`, (slopes, error bars).

    f is called with arrays of the shape of `x`, six times for each element, and some forty times more for an element
    where these do not settle it. At a kink the slope is the mean of its two sides.

    >>> numerical_grad(lambda x: (x**3).sum(), [1.0, 2.0]).round(6)
    array([ 3., 12.])
    >>> slope, error = numerical_grad(np.exp, 0.0, with_error=True)
    >>> bool(abs(slope - 1) < error < 1e-8)
    True
    """
    with np.errstate(all="ignore"):  # a step may leave where f is defined
        slopes, errors = _slopes(f, np.array(x, dtype=np.float64))
    return (slopes[()], errors[()]) if with_error else slopes[()]


def _slopes(f: Callable[[Array], Any], at: Array) -> tuple[Array, Array]:
    """The slope in every element and its error bar."""
    slopes, errors = np.empty(at.shape), np.empty(at.shape)
    c = np.ones(1)
    for i in np.ndindex(at.shape):

        def line(t: float, i: Any = i) -> tuple[Array, float]:
            moved = at.copy()
            moved[i] += t
            out = np.asarray(f(moved), np.float64)
            if out.size != 1:
                raise ValueError(f"numerical_grad wants a function that returns one number; got shape {out.shape}")
            return out.reshape(1), float(moved[i] - at[i])

        y = line(0.0)[0]
        slope = quick_slope(line, y, c, size_of(at, i))
        if not slope.error <= 1e-6 * abs(slope.value):
            careful, _ = careful_slope(line, y, c, size_of(at, i))
            slope = min(slope, careful, key=lambda s: (math.isnan(s.error), s.error))
        slopes[i], errors[i] = slope.value, slope.error
    return slopes, errors


def size_of(x: Array, i: Any) -> float:
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
    if not any(np.any(pair.moved) for pair in measured) and moves_far_away(line, y, c, size):
        return slope._replace(error=math.inf)  # lost in rounding: a larger step is needed
    bends = [abs(pair.bend) for pair in measured]
    if bends[2] > 0.6 * bends[0] and bends[2] > 100 * measured[2].noise and bends[2] > 1e-6 * abs(slope.value):
        return slope._replace(error=math.inf)  # a kink, or something near: look closer
    return slope


def moves_far_away(line: Line, y: Array, c: Array, size: float) -> bool:
    """Whether c · y, which does not move near by, moves so little far away that near by it may be lost in rounding."""
    far = Pair(line, y, c, FAR * max(size, 1.0))
    lost = 4 * EPS * max(amount(c, y), 1.0) * FAR * (far.step / (size * FIRST_STEP))
    return any(0 < far.step * abs(side) <= lost for side in (far.left, far.right))


def amount(c: Array, y: Array) -> float:
    """How large the terms of c · y are, in sum, those that are NaN or Inf apart."""
    return float(np.sum(np.abs(c * y)[np.isfinite(y)]))


def careful_slope(line: Line, y: Array, c: Array, size: float) -> tuple[Slope, list[tuple[float, Slope]]]:
    """The slope of c · y by many steps, from as large as the number itself or 1 to where rounding is all there is.

    Also all that was measured: (largest step, slope), the smallest steps first. What larger steps say is believed as
    long as it agrees with what smaller ones say within their larger error bars: an oscillation that is too fast for a
    step may look smooth at it.
    """
    rows = [[Pair(line, y, c, step) for step in steps] for steps in ladders(size)]
    pairs = [pair for row in rows for pair in row]
    moved = np.any([pair.moved for pair in pairs], axis=0)
    grid = np.min([last_digit(end) for pair in pairs for end in (pair.above, pair.below)], axis=0)
    for pair in pairs:
        pair.weigh(c, moved, np.where(np.isfinite(grid), grid, 0.0))
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
    kink = kink_in(pairs)
    return (kink if kink is not None else best), measured


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


def roughness(line: Line, c: Array, size: float) -> float:
    """How much c · y scatters between neighbouring floating-point numbers: what the function loses to rounding."""
    places = [line(k * 4 * EPS * size) for k in range(-4, 5)]
    values = np.array([float(c @ y) for y, _ in places])
    if not np.all(np.isfinite(values)):
        return 0.0
    bends = values[2:] - 2 * values[1:-1] + values[:-2]
    return float(np.max(np.abs(bends)))


def reached(line: Line, t: float, y: Array) -> tuple[Array, float]:
    """`line(t)`; NaN where the function refuses to be evaluated, as outside of where it is defined."""
    try:
        return line(t)
    except (ArithmeticError, ValueError):
        return np.full(y.shape, math.nan), t


class Pair:
    """Two steps, to both sides."""

    def __init__(self, line: Line, y: Array, c: Array, step: float) -> None:
        (self.above, self.up), (self.below, self.down) = reached(line, step, y), reached(line, -step, y)
        self.step, self.y = step, y
        self.moved = (self.above != self.below) | (self.above != y)
        self.weigh(c, self.moved)

    def weigh(self, c: Array, moved: Array, digit: Any = 0.0) -> None:
        """Slopes of c · y, and what rounding can have done to those results that move, the last digit at least."""
        above, below, apart = self.above, self.below, self.up - self.down
        with np.errstate(all="ignore"):
            self.slope = float(c @ (above - below)) / apart if apart else math.nan
            self.right = float(c @ (above - self.y)) / self.up if self.up else math.nan
            self.left = float(c @ (below - self.y)) / self.down if self.down else math.nan
            self.bend = self.right - self.left
            size = np.maximum(np.maximum(np.abs(above), np.abs(below)) * EPS, digit)[moved]
            self.noise = 2 * float(np.abs(c[moved]) @ size) / self.step if apart else math.inf


def last_digit(y: Array) -> Array:
    """The place value of the last binary digit of each number: large where it was rounded on its way, as to float32."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(y), y, 0.0))
    whole = (mantissa * 2.0**53).astype(np.int64)
    lowest = np.ldexp((whole & -whole).astype(np.float64), exponent - 53)
    return np.where(whole == 0, np.inf, lowest)


def extrapolated(three: list[Pair], ratio: float) -> Slope:
    """The slope at step 0, from three steps."""
    d0, d1, d2 = (pair.slope for pair in three)
    a, b = ratio**2 - 1, ratio**4 - 1
    t1, t2 = d1 + (d1 - d0) / a, d2 + (d2 - d1) / a
    value = t2 + (t2 - t1) / b
    error = max(abs(value - t2), abs(t2 - t1)) + 2 * max(pair.noise for pair in three)
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
