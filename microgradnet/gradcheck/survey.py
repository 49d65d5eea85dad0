"""Which elements are looked at: all of them, or some drawn at random and the others along random directions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import Array
from .element import Spot
from .judge import judged
from .point import Point
from .precision import problems_in_float32
from .progress import tracked
from .report import MISMATCH, UNCHECKED, Element, GradReport, Input
from .slopes import typical_size

LIMIT = 20_000  # up to so many elements are all checked
SAMPLES = 2_000  # and of more, so many
DIRECTIONS = 16
SMALLEST_MOVE = 1e-300  # along a direction, which has more digits than the smallest numbers have
MANY = 50  # wrong elements, after which others that are as plainly wrong are looked at quickly
SEARCHED = 10  # wrong elements that are looked for along a direction, at the most


def checked(point: Point, samples: int | None, progress: bool | None) -> GradReport:
    """The report on the gradient at a point; who is to blame for what is wrong, it does not know yet."""
    total = sum(x.size for x in point.at)
    most = samples or (total if total <= LIMIT else SAMPLES)
    chosen = np.sort(point.rng.permutation(total)[:most]) if most < total else np.arange(total)
    coverage = f"all {total:,} elements"
    seen = Seen(point)
    for flat in tracked(list(chosen), progress):
        seen.look_at(flat)
    if most < total:
        coverage = f"{most:,} of {total:,} elements at random, the rest along {DIRECTIONS} random directions"
        rest = np.setdiff1d(np.arange(total), chosen)
        if any(is_wrong_along(point, rest) for _ in range(DIRECTIONS)):
            for flat in wrong_elements(point, rest):
                seen.look_at(flat)
            if not any(e.verdict == MISMATCH for e in seen.elements):
                point.problems.append("a random direction mismatches, but no single element could be found that does")
    if point.y.size != 1:
        how = "weighed at random" if point.source.weighed else "summed"
        coverage += f"; the {point.y.size:,} numbers it returns {how}"
    point.put_back()
    inputs = seen.inputs()
    notes = remarks(point, inputs)
    point.problems += problems_in_float32(point)
    return GradReport(point.name, inputs, seen.elements, [], point.problems, notes, coverage)


class Seen:
    """What was seen at a point, element by element.

    The weight of a result of one number is undone, so that the report shows its gradient. (The weight is there since
    rules that use g twice, or forget it, are right where g is 1.)
    """

    def __init__(self, point: Point) -> None:
        self.point = point
        self.elements: list[Element] = []
        self.wrong = 0
        self.starts = np.cumsum([0, *[x.size for x in point.at]])
        self.weight = float(point.c[0]) if point.y.size == 1 else 1.0
        self.verdicts = [np.full(x.shape, UNCHECKED, dtype=object) for x in point.at]
        self.numerical = [np.full(x.shape, math.nan) for x in point.at]
        self.errors = [np.full(x.shape, math.nan) for x in point.at]

    def look_at(self, flat: int) -> None:
        """Measure and judge one element, by its number in all inputs."""
        p = int(np.searchsorted(self.starts, flat, side="right")) - 1
        index = tuple(int(i) for i in np.unravel_index(int(flat) - int(self.starts[p]), self.point.at[p].shape))
        spot, w = Spot(self.point, p, index), self.weight
        verdict, slope = spot.verdict(quickly=self.wrong >= MANY)
        self.wrong += verdict == MISMATCH
        numerical, error = slope.value / w, slope.error / abs(w)
        self.verdicts[p][index], self.numerical[p][index], self.errors[p][index] = verdict, numerical, error
        sides = slope.left / w, slope.right / w
        self.elements.append(Element(spot.place.name, index, verdict, spot.g / w, numerical, error, *sides))

    def inputs(self) -> list[Input]:
        """All that was seen, input by input."""
        rows = zip(self.point.places, self.point.analytic, self.numerical, self.errors, self.verdicts, strict=True)
        return [Input(place.name, g / self.weight, n, e, v) for place, g, n, e, v in rows]


def remarks(point: Point, inputs: list[Input]) -> list[str]:
    """What is worth knowing beside the verdicts."""
    notes = []
    for part in inputs:
        g = part.analytic
        if g.size and not np.any(g) and not np.any(np.nan_to_num(part.numerical)):
            notes.append(f"{part.name}: the result does not depend on it, its gradient is 0")
        if np.any(~np.isfinite(g)):
            notes.append(f"{part.name}: the gradient holds {np.sum(~np.isfinite(g))} NaN or Inf")
    if point.source.plain:
        notes.append(f"{point.source.plain} of its results are plain numbers or arrays: constants, whose slope is 0")
    if not np.all(np.isfinite(point.y)):
        notes.append(f"{np.sum(~np.isfinite(point.y))} of {point.y.size} results are NaN or Inf")
    return notes


# --------------------------------------------------------------------------------------------------- random directions


def is_wrong_along(point: Point, among: Array) -> bool:
    """Whether the gradient mismatches along a random direction that moves the elements `among`, by their numbers."""
    flat, g = (np.concatenate([x.ravel() for x in rows]) for rows in (point.at, point.analytic))
    d = np.zeros(flat.size)
    sizes = np.maximum(np.abs(flat[among]), max(0.1 * typical_size(flat), SMALLEST_MOVE))
    d[among] = point.rng.choice([-1.0, 1.0], among.size) * sizes
    ends = np.cumsum([x.size for x in point.at])[:-1]

    def stand(numbers: Array) -> None:
        for place, part in zip(point.places, np.split(numbers, ends), strict=True):
            place.write(part.reshape(place.value.shape))

    def line(t: float) -> tuple[Array, float]:
        stand(flat + t * d)
        return point.results(), t

    verdict, _ = judged(line, point.y, point.c, 0.1, float(g @ d))
    stand(flat)
    return verdict == MISMATCH


def wrong_elements(point: Point, among: Array) -> Iterator[Any]:
    """The numbers of single elements that may be wrong: what mismatches is halved until it is one."""
    stack, found = [among], 0
    while stack and found < SEARCHED:
        part = stack.pop()
        if part.size == 1:
            found += 1
            yield part[0]
            continue
        for half in np.array_split(part, 2):
            twice = [is_wrong_along(point, half) for _ in range(2)]  # what is wrong may drown along one direction
            if any(twice):
                stack.append(half)
