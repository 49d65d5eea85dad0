"""Two steps to both sides of a place: how far results moved, by what slope, and what rounding can have done to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Array

EPS = float(np.finfo(np.float64).eps)

# y(t): where a function is when its input has been moved by t along a line, and how far it really was moved.
Line = Callable[[float], tuple[Array, float]]


class Pair:
    """Two steps, to both sides."""

    def __init__(self, line: Line, y: Array, c: Array, step: float) -> None:
        (self.above, self.up), (self.below, self.down) = reached(line, step, y), reached(line, -step, y)
        self.step: float = step
        self.y: Array = y
        stays = (self.above == self.below) & (self.above == y)
        self.moved: Array = ~(stays | (np.isnan(self.above) & np.isnan(self.below) & np.isnan(y)))
        self.weigh(c, self.moved)

    def weigh(self, c: Array, moved: Array, digit: Any = 0.0) -> None:
        """Slopes of c · y, and what rounding can have done to those results that move, the last digit at least.

        What stays does not count, Inf and NaN included; but if these are all there is, they may have slopes.
        """
        above, below, y, apart = self.above, self.below, self.y, self.up - self.down
        if not np.all(moved) and (np.any(moved) or np.all(np.isfinite(y))):
            c, above, below, y = c[moved], above[moved], below[moved], y[moved]
            digit = digit if np.ndim(digit) == 0 else digit[moved]
        with np.errstate(all="ignore"):
            self.slope: float = float(c @ (above - below)) / apart if apart else math.nan
            self.right: float = float(c @ (above - y)) / self.up if self.up else math.nan
            self.left: float = float(c @ (below - y)) / self.down if self.down else math.nan
            self.bend: float = self.right - self.left
            size = np.maximum(np.maximum(np.abs(above), np.abs(below)) * EPS, digit)
            self.noise: float = 2 * float(np.abs(c) @ size) / self.step if apart else math.inf

    @property
    def secant(self) -> float:
        """The steeper of the slopes to the two sides."""
        return max((abs(side) for side in (self.left, self.right) if math.isfinite(side)), default=0.0)


def reached(line: Line, t: float, y: Array) -> tuple[Array, float]:
    """`line(t)`; NaN where the function refuses to be evaluated, as outside of where it is defined."""
    try:
        return line(t)
    except Exception:
        return np.full(y.shape, math.nan), t


def digits_of(pairs: list[Pair]) -> Array:
    """How finely each result is divided, as far as it can be seen from several pairs, the largest steps first.

    The last binary digit of its numbers, which is a large one where they were rounded on their way, as to float32. And
    where a result stands still at a small step and jumps at a larger one: how far it jumps, if that is little beside
    how far it goes. log(1 + x) near 0 is small, and made of numbers near 1.
    """
    ends = [end for pair in pairs for end in (pair.above, pair.below)]
    grid = np.min([last_digit(end) for end in ends], axis=0)
    changes = np.abs([end - pairs[0].y for end in ends])
    changes[~np.isfinite(changes)] = 0.0
    jump = np.min(changes, axis=0, where=changes > 0, initial=math.inf)
    stands = ~np.all([pair.moved for pair in pairs], axis=0)
    jump[~stands | (jump > 1e-9 * np.max(changes, axis=0))] = 0.0
    digits: Array = np.maximum(np.where(np.isfinite(grid), grid, 0.0), jump)
    return digits


def last_digit(y: Array) -> Array:
    """The place value of the last binary digit of each number; Inf of 0."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(y), y, 0.0))
    whole = (mantissa * 2.0**53).astype(np.int64)
    lowest = np.ldexp((whole & -whole).astype(np.float64), exponent - 53)
    return np.where(whole == 0, np.inf, lowest)


def amount(c: Array, y: Array) -> float:
    """How large the terms of c · y are, in sum, those that are NaN or Inf apart."""
    return float(np.sum(np.abs(c * y)[np.isfinite(y)]))
