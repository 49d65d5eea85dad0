"""Many elements of a gradient at once: moved together along random directions, and searched for one that is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..core import Array
from .pairs import Line
from .slopes import Slope, quick_slope, typical_size

SCALES = (0.1, 1e-3, 1e-5)  # of the numbers moved: along many of them there may be kinks near by
ROUNDING = 1e-12  # of the terms of a sum of slopes, what may be lost
ENOUGH = 1e-4  # of an ordinary element: if an error of that shows, no smaller steps are tried
SMALLEST_MOVE = 1e-300  # a direction has more digits than the smallest numbers have


class Field:
    """Numbers in one row, `at` a point; the gradient `g` of c · y there; and what the results are at other numbers.

    `sights` are, of each direction that was looked along, how far off an ordinary element has to be, of its own
    gradient, to show.
    """

    def __init__(self, at: Array, g: Array, results: Callable[[Array], Array], y: Array, c: Array) -> None:
        self.at: Array = at
        self.g: Array = g
        self.results: Callable[[Array], Array] = results
        self.y: Array = y
        self.c: Array = c
        self.sizes: Array = np.maximum(np.abs(at), max(0.1 * typical_size(at), SMALLEST_MOVE))
        self.sights: list[float] = []

    def search(
        self, among: Array, rng: np.random.Generator, pieces: int, most: int, is_wrong: Callable[[int], bool]
    ) -> list[int]:
        """The numbers of wrong elements among some: what is no number, and what shows along random directions.

        Each direction moves one of so many `pieces`. Of an element that is suspected `is_wrong` has the last word.
        """
        infinite = among[~np.isfinite(self.g[among])]
        found = [int(flat) for flat in infinite[:most] if is_wrong(int(flat))]
        for part in np.array_split(rng.permutation(np.setdiff1d(among, infinite)), pieces):
            d = self.direction(part, rng)
            gap, bar = self.gap(d)
            while abs(gap) > bar and len(found) < most:
                flat = self.wrong_one(d, gap)
                if not is_wrong(flat):
                    bar = abs(gap)
                    break
                found.append(flat)
                d[flat] = 0.0
                gap, bar = self.gap(d)
            self.sights.append(bar / (ordinary_size(self.g * d) or 1.0))
        return found

    def direction(self, among: Array, rng: np.random.Generator) -> Array:
        """A way to move the elements `among`, by their numbers, each by about its size, up or down.

        No two by the same: equal errors would cancel in every other direction.
        """
        d = np.zeros(self.at.size)
        d[among] = rng.choice([-1.0, 1.0], among.size) * rng.uniform(0.5, 1.0, among.size) * self.sizes[among]
        return d

    def gap(self, d: Array) -> tuple[float, float]:
        """By how much the gradient exceeds the slope along a direction, and by how much it may if all is right."""
        moved, slope = d != 0, self.slope(d)
        terms = self.g[moved] * d[moved]  # what stays may have a gradient that is no number
        return float(np.sum(terms)) - slope.value, 10 * slope.error + ROUNDING * float(np.sum(np.abs(terms)))

    def slope(self, d: Array) -> Slope:
        """The slope along a direction, by steps that are small enough for kinks near by."""
        best, ordinary = Slope(math.nan, math.inf), ordinary_size(self.g * d)
        for scale in SCALES:
            slope = quick_slope(self.line(d), self.y, self.c, scale)
            if slope.error < best.error:
                best = slope
            if 10 * best.error <= ENOUGH * ordinary:
                break
        return best

    def wrong_one(self, d: Array, gap: float) -> int:
        """The number of an element that seems wrong: a direction with a gap is halved until it is one."""
        part = np.flatnonzero(d)
        while part.size > 1:
            half, other = np.array_split(part, 2)
            along = np.zeros(d.size)
            along[half] = d[half]
            own = self.gap(along)[0]
            part, gap = (half, own) if abs(own) >= abs(gap - own) else (other, gap - own)
        return int(part[0])

    def line(self, d: Array) -> Line:
        """The results along a direction."""
        return lambda t: (self.results(self.at + t * d), t)


def ordinary_size(terms: Array) -> float:
    """The median of the sizes of those that are not 0; 0 if there are none."""
    sizes = np.abs(terms[np.isfinite(terms) & (terms != 0)])
    return float(np.median(sizes)) if sizes.size else 0.0
