"""One element of an input: measured, judged, and looked at again before it is accused."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .. import tree
from ..core import Array
from .judge import agree, is_plain, judged
from .pairs import EPS, amount, reached
from .places import Place, in_float64
from .point import Point
from .report import CANNOT_TELL, MATCH, MISMATCH
from .slopes import FIRST_STEP, Slope, size_of

SMALLEST_STEP = 1e-300  # in the imaginary direction: nothing that it is multiplied by should end in a denormal


class Spot:
    """The element `index` of the input `p`: its gradient `g`, the line along which it moves, and the verdict."""

    def __init__(self, point: Point, p: int, index: tuple[int, ...]) -> None:
        self.point: Point = point
        self.p: int = p
        self.index: tuple[int, ...] = index
        self.place: Place = point.places[p]
        self.x: Array = point.at[p]
        self.g: float = float(point.analytic[p][index])
        self.size: float = size_of(self.x, index)

    def line(self, t: float) -> tuple[Array, float]:
        """The results when the element is moved by `t`, and how far it really was moved."""
        moved = self.move(t)
        return self.point.results(), float(moved[self.index] - self.x[self.index])

    def move(self, t: float) -> Array:
        """Let the probe stand beside the point by `t`."""
        moved = self.x.copy()
        moved[self.index] += t
        self.place.write(moved)
        return moved

    def verdict(self, quickly: bool = False) -> tuple[str, Slope]:
        """What there is to say of the gradient of this element, and the slope that says it.

        `quickly`, what mismatches plainly is not looked at again.
        """
        point = self.point
        verdict, slope = judged(self.line, point.y, point.c, self.size, self.g, self.rounding, quickly)
        is_final = slope.is_kink or (quickly and is_plain(self.g, slope))
        if verdict == MISMATCH and not is_final and self.is_excused(slope):
            verdict = CANNOT_TELL
        self.place.write(self.x)
        if verdict == CANNOT_TELL:
            sharper = self.complex_slope(slope)
            if sharper is not None and agree(self.g, sharper):
                return MATCH, sharper
        return verdict, slope

    def is_excused(self, slope: Slope) -> bool:
        """Whether there is another reason for a mismatch than a wrong gradient: Inf among the results, or rounding."""
        if not math.isfinite(self.g) and not np.all(np.isfinite(self.point.y)):
            return True
        return self.is_lost_in_rounding(slope) or self.is_rounding(slope)

    def rounding(self) -> float:
        """How far rounding may have moved the gradient."""
        return float(self.point.rounding[self.p][self.index])

    def is_lost_in_rounding(self, slope: Slope) -> bool:
        """Whether the gradient is right for the results that move, and too small to show in those that do not."""
        if not self.point.by_rules:
            return False
        y, c = self.point.y, self.point.c
        step = max(self.size, 1.0) * 8 * FIRST_STEP
        still = np.all([reached(self.line, t, y)[0] == y for t in (step, -step, step / 16)], axis=0)
        if not np.any(still):
            return False
        self.place.write(self.x)
        moving = float(self.point.gradient(c=c * ~still)[self.p][self.index])
        return agree(moving, slope) and abs(self.g - moving) * step <= 4 * EPS * amount(c[still], y[still])

    def is_rounding(self, slope: Slope) -> bool:
        """Whether the gradient scatters as much when the element moves a little: it is rounding itself.

        Only to its sides is looked: a rule may be wrong there and nowhere else, at 0 say.
        """
        if not self.point.by_rules or not math.isfinite(self.g):
            return False
        scatter = 0.0
        for step in (4 * EPS, 1e-8, 1e-6):
            g = []
            for k in range(-5, 6, 2):
                self.move(k * step * self.size)
                g.append(float(self.point.gradient()[self.p][self.index]))
            scatter = max(scatter, float(np.max(np.abs(np.diff(g, 2)))))
        return abs(self.g - slope.value) <= 10 * (slope.error + scatter)

    def complex_slope(self, slope: Slope) -> Slope | None:
        """The slope by a step in the imaginary direction, which loses nothing to rounding.

        Only where f takes plain complex arrays, and where this is within the error bar of the slope: of functions such
        as |x| it is something else. It may settle what could not be told, and never accuses.
        """
        point, step = self.point, 1e-30 * self.size
        if not point.takes_complex or not math.isfinite(slope.error) or step < SMALLEST_STEP:
            return None
        places = itertools.count()

        def moved(x: Array) -> Array:
            z = x.astype(complex)
            if next(places) == self.p:
                z[self.index] += 1j * step
            return z[()]

        try:
            found = tree.leaves(point.f(*in_float64(point.probe, moved)))
            out = np.concatenate([np.ravel(y) for y in found if isinstance(y, np.ndarray | np.generic)])
        except Exception:  # it wants Values, or real numbers
            point.takes_complex = False
            return None
        if out.dtype.kind != "c" or out.size != point.y.size:
            return None
        value = float(point.c @ out.imag) / step
        digit = EPS * amount(point.c, point.y) / self.size
        return Slope(value, 64 * EPS * abs(value)) if abs(value - slope.value) <= slope.error + digit else None
