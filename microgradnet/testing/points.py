"""Special points: where a rule that is right everywhere else is most easily wrong, and what is owed there.

A gradient there is finite, or it is what the row states in `at`, to the letter; and where slopes can be measured beside
the point, it agrees with them. A key of `at` is a point, a number for a row with one input and a tuple for one with
several; its value is the gradient, or a tuple with one for each input, None where nothing is stated:

    op(np.arcsin, …, at={1.0: np.inf, -1.0: np.inf})
    op(np.divide, …, at={(1.0, 0.0): (np.inf, -np.inf)})

Where it depends on the parameters of the row, `at` is a function of them that returns such a dict. What is stated at 0
holds at −0 as well, an infinity with either sign: 1/x is −∞ at −0, and so are slopes made of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core import BOOLEAN, HUGE, TINY, Op, Value, sweep

Point: TypeAlias = tuple[Any, ...]  # a float for each input, a bool where it is a condition
Gradients: TypeAlias = tuple[float | None, ...]  # one for each input

ORDINARY = (0.0, 1.0, -1.0)
INFINITE = (math.inf, -math.inf)
EXTREME = (-0.0, HUGE, -HUGE, TINY, -TINY)
STEPS = (2.0**-10, 2.0**-20)  # to measure slopes with; a slope is where both say the same
INSIDE = 10.5  # where to look beside an infinity; whole numbers are special to some functions
NEAR = 1e-3  # how well a slope measured like this is known

# -------------------------------------------------------------------------------------------------------- which points


def special_points(row: Op, params: dict[str, Any]) -> list[Point]:
    """The points a row is tried at: the standard ones, those it states a gradient at, and its `points`.

    Of one input they are 0, −0, ±1, ±∞, and the largest and the smallest numbers. Of several, 0, ±1 and ±∞ in every
    combination, ties included; and each of the others in one input beside 1 in the rest, and in all of them. An input
    without a rule is 0, 1 or −1, a condition true or false.
    """
    conditions = [domain is BOOLEAN for domain in row.domain]
    choices = [
        (False, True) if condition else ORDINARY + INFINITE if rule else ORDINARY
        for rule, condition in zip(row.rules, conditions, strict=True)
    ]
    flowing = [i for i, rule in enumerate(row.rules) if rule is not None]
    found = list(itertools.product(*choices))
    for x in EXTREME:
        for places in [*([i] for i in flowing), flowing]:
            found.append(tuple(x if i in places else condition or 1.0 for i, condition in enumerate(conditions)))
    found += [as_point(row, given) for given in (*said_by(row, params), *row.points)]
    return list({repr(point): point for point in found}.values())  # by repr, since 0.0 == −0.0


def as_point(row: Op, given: Any) -> Point:
    """A point as a row gives it, as a tuple with a number for each input."""
    parts = given if isinstance(given, tuple) else (given,)
    if len(parts) != len(row.rules):
        raise ValueError(
            f"{row.name}: a point in at= or points= has {len(row.rules)} numbers, one for each input; got {given!r}"
        )
    return tuple(x if isinstance(x, bool) else float(x) for x in parts)


def said_by(row: Op, params: dict[str, Any]) -> Mapping[Any, Any]:
    """What a row states, as it gives it."""
    at: Mapping[Any, Any] = row.at(**params) if callable(row.at) else row.at
    return at


def statements(row: Op, params: dict[str, Any]) -> list[tuple[Point, Gradients]]:
    """What a row states: points, and at each a gradient for each input, None where it states nothing."""
    found = []
    for given, value in said_by(row, params).items():
        gradients = value if isinstance(value, tuple) else (value,)
        if len(gradients) != len(row.rules):
            raise ValueError(
                f"{row.name} states {value!r} at {given!r}: wanted a gradient for each input, {len(row.rules)} of "
                f"them, None where nothing flows or nothing is stated"
            )
        found.append((as_point(row, given), tuple(None if g is None else float(g) for g in gradients)))
    return found


def without_signs(point: Point) -> str:
    """What is the same for a point with 0 and for one with −0 in its place."""
    return repr(tuple(x if isinstance(x, bool) else x + 0.0 for x in point))  # −0 + 0 is 0


def has_minus_zero(point: Point) -> bool:
    return any(x == 0 and math.copysign(1, x) < 0 for x in point)


def shown(numbers: Point) -> str:
    """A point, or the gradients there, as one writes them in a row."""
    parts = [repr(x).replace("inf", "np.inf").replace("nan", "np.nan") for x in numbers]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


# ------------------------------------------------------------------------------------------------- what is found there


class Found(NamedTuple):
    """What a row says at a point: its result, and the gradient of each input, None for one without a rule."""

    point: Point
    result: float
    gradients: Gradients


def found_at(row: Op, points: Sequence[Point], params: dict[str, Any]) -> Iterator[Found]:
    """What a row says at each point: asked for one number at a time, and then for all of them as arrays."""
    columns = [np.array(column) for column in zip(*points, strict=True)]
    for k, point in enumerate(points):
        result, gradients = gradients_of(row, [column[k] for column in columns], params)
        yield Found(point, float(result), tuple(None if g is None else float(g) for g in gradients))
    result, gradients = gradients_of(row, columns, params)
    for k, point in enumerate(points):
        yield Found(point, float(result[k]), tuple(None if g is None else float(g[k]) for g in gradients))


def gradients_of(row: Op, inputs: list[Any], params: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The result, and the gradient of its sum for each input that has a rule."""
    values = [x if rule is None else Value(x) for x, rule in zip(inputs, row.rules, strict=True)]
    out = row.record(*values, **params)
    found = sweep(out, np.ones(out.shape)[()])
    return out.data, [found[x] if isinstance(x, Value) else None for x in values]


def works_by_elements(row: Op, params: dict[str, Any]) -> bool:
    """Whether a row works element by element: by its own word, or since it says of arrays what it says of numbers."""
    if row.elementwise:
        return True
    points = special_points(row, params)
    columns = [np.array(column) for column in zip(*points, strict=True)]
    try:
        together = row.forward(*columns, **params)
        apart = [row.forward(*[column[k] for column in columns], **params) for k in range(len(points))]
        return bool(together.shape == (len(points),) and np.allclose(together, apart, equal_nan=True))
    except Exception:  # it takes no numbers, or not so many of them
        return False


# --------------------------------------------------------------------------------------------------- measured beside it


class Sides(NamedTuple):
    """What can be seen beside a point by moving one input."""

    defined: bool  # is there a finite result?
    slopes: list[float]  # on the sides that have one
    unbounded: list[float]  # and on those where it grows as the step shrinks

    def __str__(self) -> str:
        if self.unbounded:
            return "the slope beside it grows without bound"
        if not self.slopes:
            return "no slope can be measured beside it"
        return f"the slope beside it is {' or '.join(sorted({f'{slope:.4g}' for slope in self.slopes}))}"

    def allow(self, g: float) -> bool:
        """Whether nothing measured speaks against `g`. At a kink any number between the two slopes will do, and NaN."""
        if self.unbounded:
            return not math.isinf(g) or any(slope * g > 0 for slope in self.unbounded)
        if not self.slopes:
            return True
        low, high = min(self.slopes), max(self.slopes)
        near = NEAR * (1 + max(abs(low), abs(high)))
        return high - low > near if math.isnan(g) else low - near <= g <= high + near


def sides(row: Op, found: Found, params: dict[str, Any], i: int) -> Sides:
    """What is seen beside a point by moving input `i`: slopes only where all inputs are ordinary numbers."""
    x = found.point[i]

    def f(moved: float) -> float:
        inputs = [np.bool_(y) if isinstance(y, bool) else np.float64(y) for y in found.point]
        inputs[i] = np.float64(moved)
        try:
            return float(row.forward(*inputs, **params))
        except (ArithmeticError, ValueError):  # outside of where it is defined
            return math.nan

    if not is_ordinary(x):
        beside = f(math.copysign(STEPS[0] if abs(x) < 1 else INSIDE, x))
        return Sides(math.isfinite(beside), [], [])
    size = max(1.0, abs(x))
    steps = [[side * step * size for step in STEPS] for side in (-1, 1)]
    defined = any(math.isfinite(f(x + step)) for step, _ in steps)
    if not all(map(is_ordinary, found.point)):
        return Sides(defined, [], [])
    slopes: list[float] = []
    unbounded: list[float] = []
    for side in steps:
        wide, narrow = [slope(f, x, step, found.result) for step in side]
        if math.isfinite(narrow):
            same = abs(wide - narrow) <= 10 * NEAR * (1 + abs(narrow))
            (slopes if same else unbounded).append(narrow + 0.0)  # no −0
    return Sides(defined, slopes, unbounded)


def slope(f: Callable[[float], float], x: float, step: float, result: float) -> float:
    """The slope from x to x + step, or the next one on that side where x itself is a pole."""
    if math.isfinite(result):
        return (f(x + step) - result) / step
    return (f(x + 2 * step) - f(x + step)) / step


def is_ordinary(x: Any) -> bool:
    return bool(x == 0 or TINY < abs(x) < HUGE)


# -------------------------------------------------------------------------------------------------------- what is owed


def complaints(row: Op, params: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the gradients of a row that works element by element, point by point."""
    known = {without_signs(point): gradients for point, gradients in statements(row, params)}
    for found in found_at(row, special_points(row, params), params):
        stated = known.get(without_signs(found.point), (None,) * len(found.point))
        for i, (g, said) in enumerate(zip(found.gradients, stated, strict=True)):
            if g is not None:
                beside = sides(row, found, params, i)
                wrong = unless_stated(found, i, g, beside) if said is None else by_statement(said, found, g, beside)
                if wrong:
                    which = f" in input {i}" if len(found.point) > 1 else ""
                    yield f"at {shown(found.point)} the result is {found.result:g}, its gradient{which} {g:g}. {wrong}"


def by_statement(said: float, found: Found, g: float, beside: Sides) -> str | None:
    """What is wrong with a gradient `g` where the row states `said`."""
    if has_minus_zero(found.point) and math.isinf(said) and math.isinf(g):
        return None
    if not np.array_equal(g, said, equal_nan=True):
        return f"The row states {said:g}: mend the rule, or the statement"
    return None if beside.allow(g) else f"The row states that, but {beside}"


def unless_stated(found: Found, i: int, g: float, beside: Sides) -> str | None:
    """What is wrong with a gradient `g` in input `i` of which the row states nothing."""
    if math.isnan(found.result) or not beside.defined:
        return None  # there is no slope
    if math.isfinite(g):
        return None if beside.allow(g) else f"But {beside}: mend the rule"
    if math.isinf(g) and math.isinf(found.result) and not all(map(is_ordinary, found.point)):
        return None  # both overflow
    either = ""
    if beside.allow(g):
        gradients = tuple(g if j == i else None for j in range(len(found.point)))
        either = f"If that is the limit, state it in the row: at={{{shown(found.point)}: {shown(gradients)}}}. If not, "
    return (
        f"It should be finite, and {beside}. {either}{'mend' if either else 'Mend'} the rule: "
        f"np.where(x == {shown(found.point[i : i + 1])}, limit, …), with another x below what divides, since both "
        f"sides are computed"
    )
