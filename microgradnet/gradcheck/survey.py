"""Which elements are looked at: all of them, or some drawn at random and the others along random directions."""

from __future__ import annotations

import math

import numpy as np

from ..core import Array
from .directions import Field
from .element import Spot
from .judge import RTOL
from .point import Point
from .precision import problems_in_float32
from .progress import tracked
from .report import MATCH, MISMATCH, UNCHECKED, Element, GradReport, Input

LIMIT = 20_000  # up to so many elements are all checked
SAMPLES = 500  # and of more, so many
DIRECTIONS = 16
SEARCHED = 10  # elements that are looked for along the directions, at the most
BLIND = 0.1  # a direction shows hardly anything if an ordinary element may be off by so much of its gradient
MANY = 50  # wrong elements, after which others that are as plainly wrong are looked at quickly


def checked(point: Point, samples: int | None, progress: bool | None) -> GradReport:
    """The report on the gradient at a point; who is to blame for what is wrong, it does not know yet."""
    if point.failed:
        return GradReport(point.name, Seen(point).inputs(), [], [], point.problems, [], "which cannot be checked")
    total = sum(x.size for x in point.at)
    most = samples or (total if total <= LIMIT else SAMPLES)
    chosen = np.sort(point.rng.permutation(total)[:most]) if most < total else np.arange(total)
    coverage = "its one element" if total == 1 else f"all {total:,} elements"
    seen, notes = Seen(point), []
    for flat in tracked(list(chosen), progress):
        seen.look_at(flat)
    if most < total:
        sights = look_along_directions(point, seen, np.setdiff1d(np.arange(total), chosen))
        coverage = f"{most:,} of {total:,} elements at random, the rest along {DIRECTIONS} random directions"
        clear = [sight for sight in sights if sight <= BLIND]
        if clear:
            coverage += f", where an ordinary one that is off by {max(clear):.0e} shows"
        if len(clear) < len(sights):
            notes.append(
                f"along {len(sights) - len(clear)} of {len(sights)} random directions hardly anything shows, for kinks "
                f"or rounding: raise samples= to look at more elements by themselves"
            )
    if point.y.size != 1:
        how = "weighed at random" if point.source.weighed else "summed"
        coverage += f"; the {point.y.size:,} numbers it returns {how}"
    point.put_back()
    inputs = seen.inputs()
    notes += remarks(point, inputs)
    point.problems += problems_in_float32(point)
    return GradReport(point.name, inputs, seen.elements, [], point.problems, notes, coverage)


class Seen:
    """What was seen at a point, element by element.

    The weight of a result of one number is undone, so that the report shows its gradient. (The weight is there since
    rules that use g twice, or forget it, are right where g is 1.)
    """

    def __init__(self, point: Point) -> None:
        self.point: Point = point
        self.elements: list[Element] = []
        self.wrong: int = 0
        self.starts: Array = np.cumsum([0, *[x.size for x in point.at]])
        self.weight: float = float(point.c[0]) if point.y.size == 1 else 1.0
        self.verdicts: list[Array] = [np.full(x.shape, UNCHECKED, dtype=object) for x in point.at]
        self.numerical: list[Array] = [np.full(x.shape, math.nan) for x in point.at]
        self.errors: list[Array] = [np.full(x.shape, math.nan) for x in point.at]

    def look_at(self, flat: int) -> bool:
        """Measure and judge one element, by its number in all inputs; whether it is wrong."""
        p = int(np.searchsorted(self.starts, flat, side="right")) - 1
        index = tuple(int(i) for i in np.unravel_index(int(flat) - int(self.starts[p]), self.point.at[p].shape))
        spot, w = Spot(self.point, p, index), self.weight
        verdict, slope = spot.verdict(quickly=self.wrong >= MANY)
        self.wrong += verdict == MISMATCH
        numerical, error = slope.value / w, slope.error / abs(w)
        self.verdicts[p][index], self.numerical[p][index], self.errors[p][index] = verdict, numerical, error
        sides = slope.left / w, slope.right / w
        self.elements.append(Element(spot.place.name, index, verdict, spot.g / w, numerical, error, *sides))
        return verdict == MISMATCH

    def inputs(self) -> list[Input]:
        """All that was seen, input by input."""
        rows = zip(self.point.places, self.point.analytic, self.numerical, self.errors, self.verdicts, strict=True)
        return [Input(place.name, g / self.weight, n, e, v) for place, g, n, e, v in rows]


def look_along_directions(point: Point, seen: Seen, among: Array) -> list[float]:
    """Search the elements `among`, by their numbers, for wrong ones, and judge what is found.

    How far off an ordinary one has to be, of its own gradient, to show along each direction.
    """
    at, g = (np.concatenate([x.ravel() for x in rows]) for rows in (point.at, point.analytic))
    field = Field(at, g, point.results_at, point.y, point.c)
    field.search(among, point.rng, DIRECTIONS, SEARCHED, seen.look_at)
    return [max(sight, 2 * RTOL) for sight in field.sights]


def remarks(point: Point, inputs: list[Input]) -> list[str]:
    """What is worth knowing beside the verdicts."""
    notes = []
    for part in inputs:
        g = part.analytic
        if g.size and not np.any(g) and set(np.unique(part.verdict)) <= {MATCH, UNCHECKED}:
            notes.append(f"{part.name}: its gradient is 0, the result does not depend on it or is flat here")
        if np.any(~np.isfinite(g)):
            notes.append(f"{part.name}: the gradient holds {np.sum(~np.isfinite(g))} NaN or Inf")
    if point.source.plain:
        notes.append(f"{point.source.plain} of its results are plain numbers or arrays: constants, whose slope is 0")
    if point.kept.drew:
        notes.append(
            f"random numbers, drawn by {', '.join(point.kept.drew)}, were the same in every evaluation: one draw was "
            f"checked. After model.eval() none are drawn"
        )
    if not np.all(np.isfinite(point.y)):
        notes.append(f"{np.sum(~np.isfinite(point.y))} of {point.y.size} results are NaN or Inf")
    return notes
