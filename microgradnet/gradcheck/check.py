"""Is this gradient right? A verdict for every element, and the operation to blame."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..core import Array, NonDiff, Op, Value, no_grad, numbers
from ..debugging import trace_of
from ..transforms import vjp
from ..words import brief
from .blame import culprits, recorded
from .report import CANNOT_TELL, KINK, MATCH, MISMATCH, UNCHECKED, Culprit, Element, GradReport, Input
from .slopes import EPS, EPS32, FIRST_STEP, Line, Slope, careful_slope, quick_slope, roughness, size_of

RTOL = 1e-6  # what the two may differ by, of the larger, beside the error bar of the slope
LIMIT = 20_000  # up to so many elements are all checked
DIRECTIONS = 16
SMALLEST32, LARGEST32 = 1e-30, 1e30  # beyond these, a factor of float32 may be lost or infinite


def check_grads(
    f: Callable[..., Any],
    *args: Any,
    order: int = 1,
    gradient: Callable[..., Any] | None = None,
    samples: int | None = None,
    seed: int = 0,
    raise_on_failure: bool = False,
    progress: bool | None = None,
    **kwargs: Any,
) -> GradReport:
    """Compare the gradient of `f(*args)` with its slopes, element by element; see `GradReport` for what comes back.

    Arguments are numbers, arrays, nested dicts, lists, tuples and dataclasses of them, or Modules; f is called with
    Values in their place and returns a Value or several. Whole numbers and integer arrays are constants. Several
    results, or an array, are weighed by random numbers: the gradient is checked, and shown, of that sum.

    Each element is *match*, *mismatch*, *kink* (the slopes from the left and from the right differ, and the gradient
    lies between them) or *cannot tell* (the slope itself is not reliable here: its error bar says how much). float32
    is checked in float64; then the float32 gradient is compared with that.

    order: 2 checks the gradient of the gradient as well.
    gradient: a function of the same arguments that returns the gradient of f, an array or a tuple for several inputs,
        in place of this package's. Then f and it are called with plain arrays.
    samples: how many elements to check, drawn at random with `seed`; by default all of up to 20,000, and 2,000 of more.
        What is not drawn is checked along random directions, and a direction that mismatches is searched for the
        element.
    raise_on_failure: AssertionError with the table if something mismatches.
    progress: a progress bar on the terminal; by default for what takes more than two seconds.

    >>> import numpy as np
    >>> report = check_grads(lambda x, y: np.sin(x) * y, [0.5, 1.0], 2.0)
    >>> bool(report), report.count("match")
    (True, 3)
    """
    if not callable(f):
        raise TypeError(f"check_grads wants a function and its arguments; got {brief(f)}. check_grads(f, x), not f(x)")
    if order not in (1, 2):
        raise ValueError(f"order={order!r}: 1 checks the gradient, 2 the gradient and the gradient of the gradient")
    if samples is not None and (not isinstance(samples, int) or samples < 1):
        raise ValueError(f"samples={samples!r}: how many elements to check, a whole number of at least 1")
    with np.errstate(all="ignore"):
        report = Check(f, args, kwargs, gradient, seed).run(samples, progress)
        if order == 2 and gradient is None:
            second = Check(gradient_of(f, seed), args, kwargs, None, seed + 1, order=2).run(samples, progress)
            report = joined(report, second)
    return report.raise_on_failure() if raise_on_failure else report


def assert_grads(f: Callable[..., Any], *args: Any, **how: Any) -> None:
    """`check_grads` for tests: AssertionError with its table if something mismatches."""
    check_grads(f, *args, **how).raise_on_failure()


def joined(first: GradReport, second: GradReport) -> GradReport:
    """Two reports as one; what the second is about has ″ at its names."""
    inputs = [part._replace(name=part.name + "″") for part in second.inputs]
    elements = [e._replace(name=e.name + "″") for e in second.elements]
    problems = [p for p in second.problems if p not in first.problems]
    return GradReport(
        f"{first.what}, and of its gradient (″)", first.inputs + inputs, first.elements + elements,
        first.culprits + second.culprits, first.problems + problems,
        first.notes + [note for note in second.notes if note not in first.notes], first.coverage,
    )  # fmt: skip


def gradient_of(f: Callable[..., Any], seed: int) -> Callable[..., Any]:
    """The function from the arguments of f to its gradient, from random weights of its results."""

    def gradient(*args: Any, **kwargs: Any) -> Any:
        out, pull = vjp(lambda *some: f(*some, **kwargs), *args)
        rng = np.random.default_rng(seed)
        weights = tree.map(lambda y: rng.normal(size=np.shape(y)).astype(y.dtype), out)
        return [g for x, gx in zip(args, pull(weights), strict=True) for _, g in varying(x, gx)]

    gradient.__name__ = f"the gradient of {called(f)}"
    gradient.__wrapped__ = f  # type: ignore[attr-defined]  # for the names of its arguments
    return gradient


def called(f: Any) -> str:
    return str(getattr(f, "__name__", f.name if isinstance(f, Op) else type(f).__name__))


def varying(x: Any, other: Any) -> list[tuple[Any, Any]]:
    """What can be differentiated by in an argument, beside what a structure like it has there."""
    return [(a, b) for a, b in tree.leaves(x, other) if tree.is_floating(a)]


def in_float64(args: tuple[Any, ...], make: Callable[[Any], Any]) -> list[Any]:
    """Copies of arguments with `make(array in float64)` in place of each float, and Values in Modules."""

    def leaf(x: Any, inside: bool) -> Any:
        if inside:
            return tree.like(x, wide(x)) if tree.is_parameter(x) else x
        return make(wide(x)) if tree.is_floating(x) else x

    known: dict[int, Any] = {}

    def once(x: Any, inside: bool) -> Any:
        if not (inside and isinstance(x, Value)):
            return leaf(x, inside)
        if id(x) not in known:
            known[id(x)] = leaf(x, inside)
        return known[id(x)]

    return [tree.rebuild(x, once) for x in args]


def wide(x: Any) -> Any:
    """The numbers of `x` in float64, in memory of their own."""
    return np.array(numbers(x), dtype=np.float64)


def floats(result: Any) -> list[Any]:
    """The floating-point arrays and Values in a result, in order."""
    found: list[Any] = []

    def leaf(x: Any, inside: bool) -> None:
        if tree.is_floating(x) or (inside and type(x) is Value):
            found.append(x)

    tree.rebuild(result, leaf)
    return found


class Check:
    """One function at one point: its gradient by rules, and its slopes."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
        gradient: Callable[..., Any] | None, seed: int, order: int = 1,
    ) -> None:  # fmt: skip
        self.given, self.kwargs, self.order = f, kwargs, order
        self.f: Callable[..., Any] = (lambda *some: f(*some, **kwargs)) if kwargs else f
        self.gradient, self.rng = gradient, np.random.default_rng(seed)
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.takes_complex = True
        args = tuple(np.asarray(x, float) if isinstance(x, list) and is_numbers(x) else x for x in args)
        self.args = args
        self.plain = in_float64(args, lambda x: x[()])
        self.probe = in_float64(args, (lambda x: x[()]) if gradient else Value)
        self.places = self.found_places()
        if not self.places:
            raise TypeError(
                "check_grads: there is nothing to differentiate by. Pass floats, floating-point arrays, Values or "
                f"Modules; got {', '.join(brief(x) for x in args) or 'no arguments'}"
            )
        before = [place.read().copy() for place in self.places]
        self.y = self.measured()
        self.compare_with(before)
        again = self.measured()
        if not np.array_equal(self.y, again, equal_nan=True):
            self.problems.append(
                f"{called(f)} is not deterministic: two calls with the same numbers gave different results. "
                f"Draw random numbers outside, or from a generator made inside with a fixed seed"
            )
        self.c = self.rng.normal(size=self.y.size) if self.y.size > 1 or gradient is None else np.ones(1)
        self.analytic = self.by_rules(self.plain)

    # -------------------------------------------------------------------------------------------------- inputs

    def found_places(self) -> list[Place]:
        """Every array that a gradient is checked of, with its name."""
        import inspect

        try:
            names = list(inspect.signature(self.given).parameters)
        except (TypeError, ValueError):
            names = []
        places: list[Place] = []
        for i, argument in enumerate(self.probe):
            name = names[i] if i < len(names) and names[i] not in ("args", "kwargs") else f"argument {i}"
            places += places_in(argument, name, self.probe, i)
        seen: set[str] = set()
        for place in places:  # several arguments of one *args have one name
            while place.name in seen:
                place.name += "′"
            seen.add(place.name)
        return places

    def measured(self) -> Array:
        """The results of f at the point where the probe stands, in one row, in float64."""
        with no_grad():
            found = floats(self.f(*self.probe))
        if not found:
            raise TypeError(
                f"check_grads: {called(self.given)} returned no floating-point number or Value to differentiate"
            )
        return np.concatenate([np.ravel(np.asarray(numbers(y), dtype=np.float64)) for y in found])

    def by_rules(self, args: list[Any], c: Array | None = None) -> list[Array]:
        """The gradient of each place, from the weights."""
        c = self.c if c is None else c
        before = [place.read().copy() for place in self.places]
        if self.gradient is not None:
            made = self.gradient(*[np.array(x)[()] if tree.is_floating(x) else x for x in args], **self.kwargs)
            several = isinstance(made, tuple)
            gradients = [
                g for x, gx in zip(args, made if several else (made,), strict=False) for _, g in varying(x, gx)
            ]
        else:
            out, pull = vjp(self.f, *args)
            weights = iter(np.split(c, np.cumsum([np.size(y) for y in floats(out)])[:-1]))
            start = tree.map(
                lambda y: next(weights).reshape(np.shape(y)).astype(y.dtype) if tree.is_floating(y) else None, out
            )
            gradients = [g for x, gx in zip(args, pull(start), strict=True) for _, g in varying(x, gx)]
        self.compare_with(before)
        return [
            self.fit(place, numbers(g)) for place, g in zip(self.places, self.of_right_number(gradients), strict=True)
        ]

    def of_right_number(self, gradients: list[Any]) -> list[Any]:
        if len(gradients) != len(self.places):
            raise ValueError(
                f"gradient= returned {len(gradients)} arrays for {len(self.places)} inputs: wanted an array for one "
                f"input, a tuple of arrays for several"
            )
        return gradients

    def fit(self, place: Place, g: Any) -> Array:
        """A gradient as an array of the shape of its input; a problem if it is of another."""
        g = np.asarray(g)
        if g.shape != place.shape:
            self.problems.append(f"{place.name}: the gradient has shape {g.shape}, the input {place.shape}")
            return np.full(place.shape, math.nan)
        if g.dtype.kind != "f":
            self.problems.append(f"{place.name}: the gradient has dtype {g.dtype}; wanted floating-point numbers")
        return np.array(g, dtype=np.float64)

    def compare_with(self, before: list[Array]) -> None:
        for place, x in zip(self.places, before, strict=True):
            if not np.array_equal(place.read(), x, equal_nan=True):
                self.problems.append(f"{place.name}: the function writes into its input. Write into a copy")
                place.write(x)

    # -------------------------------------------------------------------------------------------------- the check

    def run(self, samples: int | None, progress: bool | None) -> GradReport:
        sizes = [int(np.prod(place.shape)) for place in self.places]
        total = sum(sizes)
        most = samples or (total if total <= LIMIT else 2_000)
        chosen = np.sort(self.rng.permutation(total)[:most]) if most < total else np.arange(total)
        starts = np.cumsum([0, *sizes])
        self.verdicts = [np.full(place.shape, UNCHECKED, dtype=object) for place in self.places]
        self.numerical = [np.full(place.shape, math.nan) for place in self.places]
        self.errors = [np.full(place.shape, math.nan) for place in self.places]
        self.elements: list[Element] = []
        self.before = [place.read().copy() for place in self.places]
        for flat in tracked(chosen, progress):
            p = int(np.searchsorted(starts, flat, side="right")) - 1
            self.element(p, np.unravel_index(int(flat) - int(starts[p]), self.places[p].shape))
        coverage = f"all {total:,} elements"
        if most < total:
            coverage = f"{most:,} of {total:,} elements at random, the rest along {DIRECTIONS} random directions"
            self.along_directions(chosen, starts)
        self.compare_with(self.before)
        self.remarks()
        wrong = [e for e in self.elements if e.verdict == MISMATCH]
        blamed: list[Culprit] = []
        if wrong and self.gradient is None and self.order:  # 0: an operation is checked alone
            blamed = culprits(self.f, self.probe, self.rng) if self.order == 1 else self.second_order_culprits()
        if wrong and self.gradient is None and self.order == 1 and not blamed:
            self.notes.append(
                "every rule on the way is right on its own values: something in the function is not recorded "
                "(.data, float(), stop_gradient, a plain copy), or changes the gradient (hook)"
            )
        self.in_single_precision()
        if self.y.size == 1:
            self.unweigh(float(self.c[0]))
        else:
            coverage += f"; the {self.y.size:,} numbers it returns weighed at random"
        inputs = [
            Input(place.name, g, n, e, v)
            for place, g, n, e, v in zip(
                self.places, self.analytic, self.numerical, self.errors, self.verdicts, strict=True
            )
        ]
        return GradReport(called(self.given), inputs, self.elements, blamed, self.problems, self.notes, coverage)

    def unweigh(self, c: float) -> None:
        """Undo the weight of a result of one number, so that the report shows its gradient. (The weight is there since
        rules that use g twice, or forget it, are right where g is 1.)"""
        self.analytic = [g / c for g in self.analytic]
        self.numerical = [n / c for n in self.numerical]
        self.errors = [e / abs(c) for e in self.errors]
        self.elements = [
            e._replace(
                analytic=e.analytic / c, numerical=e.numerical / c, error=e.error / abs(c), left=e.left / c,
                right=e.right / c,
            )
            for e in self.elements
        ]  # fmt: skip

    def second_order_culprits(self) -> list[Culprit]:
        """The operations of the function itself whose second derivatives are wrong, each checked alone."""
        found: dict[str, Culprit] = {}
        for node in recorded(getattr(self.given, "__wrapped__", self.f), self.probe):
            row: Any = node.op
            flowing = [i for i, x in enumerate(node.args) if type(x) is Value]
            if row.name in found or not flowing:
                continue

            def alone(*values: Any, node: Value = node, flowing: list[int] = flowing) -> Any:
                given = dict(zip(flowing, values, strict=True))
                inputs = [given.get(i, numbers(x)) for i, x in enumerate(node.args)]
                return node.op.record(*inputs, **node.params)  # type: ignore[union-attr]

            arguments = tuple(wide(node.args[i])[()] for i in flowing)
            report = Check(gradient_of(alone, 0), arguments, {}, None, 0, order=0).run(100, False)
            for e in report.mismatches[:1]:
                place = [part.name for part in report.inputs].index(e.name)
                line = str(trace_of(node) or "")
                found[row.name] = Culprit(row.name, flowing[place], line, e.analytic, e.numerical, e.error)
        return list(found.values())

    def element(self, p: int, index: tuple[Any, ...]) -> None:
        """Measure one element and judge it."""
        place = self.places[p]
        index = tuple(int(i) for i in index)
        x = self.before[p]
        at = float(x[index])

        def line(t: float) -> tuple[Array, float]:
            moved = x.copy()
            moved[index] = at + t
            place.write(moved)
            return self.measured(), float(moved[index] - at)

        size = size_of(x, index)
        verdict, slope = self.judged(line, float(self.analytic[p][index]), size)
        if verdict == MISMATCH and (
            self.is_lost_in_rounding(p, index, line, slope, size) or self.is_rounding(p, index, slope)
        ):
            verdict = CANNOT_TELL
        place.write(x)
        if verdict == CANNOT_TELL:
            sharper = self.complex_slope(p, index, slope)
            if sharper is not None and self.agree(float(self.analytic[p][index]), sharper):
                verdict, slope = MATCH, sharper
        self.note(p, index, verdict, slope)

    def complex_slope(self, p: int, index: tuple[int, ...], slope: Slope) -> Slope | None:
        """The slope by a step in the imaginary direction, which loses nothing to rounding.

        Only where f takes plain complex arrays, and where this is within the error bar of the slope: of functions such
        as |x| it is something else. It may settle what could not be told, and never accuses.
        """
        if not self.takes_complex or not math.isfinite(slope.error):
            return None
        args = in_float64(tuple(self.probe), lambda v: v.astype(complex)[()])
        places = [at for i, argument in enumerate(args) for at in complex_places(argument, args, i)]
        if len(places) != len(self.places):  # there is a Module: its Values hold no complex numbers
            return None
        moved = np.array(places[p][0]())
        step = 1e-30 * size_of(self.before[p], index)
        moved[index] += 1j * step
        places[p][1](moved[()])
        try:
            out = np.concatenate(
                [np.ravel(y) for y in tree.leaves(self.f(*args)) if isinstance(y, np.ndarray | np.generic)]
            )
        except Exception:  # it wants Values, or real numbers
            self.takes_complex = False
            return None
        if out.dtype.kind != "c" or out.size != self.y.size:
            return None
        value = float(self.c @ out.imag) / step
        sharper = Slope(value, 64 * EPS * abs(value))
        digit = EPS * float(np.sum(np.abs(self.c * self.y)[np.isfinite(self.y)])) / size_of(self.before[p], index)
        return sharper if abs(value - slope.value) <= slope.error + digit else None

    def is_rounding(self, p: int, index: tuple[int, ...], slope: Slope) -> bool:
        """Whether the gradient scatters as much when the element moves a little: it is rounding itself."""
        place, x, size = self.places[p], self.before[p], size_of(self.before[p], index)
        if self.gradient is not None or not math.isfinite(float(self.analytic[p][index])):
            return False
        scatter = 0.0
        for step in (4 * EPS, 1e-8, 1e-6):
            g = []
            for k in range(-2, 3):
                moved = x.copy()
                moved[index] += k * step * size
                place.write(moved)
                g.append(float(self.by_rules(in_float64(tuple(self.probe), lambda v: v[()]))[p][index]))
            scatter = max(scatter, float(np.max(np.abs(np.diff(g, 2)))))
        place.write(x)
        return abs(float(self.analytic[p][index]) - slope.value) <= 10 * (slope.error + scatter)

    def is_lost_in_rounding(self, p: int, index: tuple[int, ...], line: Line, slope: Slope, size: float) -> bool:
        """Whether the gradient is right for the results that move, and too small to show in those that do not."""
        if self.gradient is not None:
            return False
        step = max(size, 1.0) * 8 * FIRST_STEP
        still = (line(step)[0] == self.y) & (line(-step)[0] == self.y) & (line(step / 16)[0] == self.y)
        if not np.any(still):
            return False
        self.places[p].write(self.before[p])
        moving = float(self.by_rules(self.plain, self.c * ~still)[p][index])
        rest = float(self.analytic[p][index]) - moving
        digit = EPS * float(np.sum(np.abs(self.c * self.y)[still & np.isfinite(self.y)]))
        return self.agree(moving, slope) and abs(rest) * step <= 4 * digit

    def note(self, p: int, index: tuple[int, ...], verdict: str, slope: Slope) -> None:
        analytic = float(self.analytic[p][index])
        self.verdicts[p][index], self.numerical[p][index], self.errors[p][index] = verdict, slope.value, slope.error
        name = self.places[p].name
        self.elements.append(Element(name, index, verdict, analytic, slope.value, slope.error, slope.left, slope.right))

    def judged(self, line: Line, g: float, size: float) -> tuple[str, Slope]:
        """The verdict on a gradient `g` along a line, and the slope there."""
        slope = quick_slope(line, self.y, self.c, size)
        if self.agree(g, slope) and self.is_sharp(g, slope, size):
            return MATCH, slope
        careful, measured = careful_slope(line, self.y, self.c, size)
        if careful.is_kink:
            low, high = sorted((careful.left, careful.right))
            slack = 10 * careful.error + RTOL * max(abs(low), abs(high))
            return (KINK if low - slack <= g <= high + slack else MISMATCH), careful
        slope = careful
        if not math.isfinite(slope.value) or math.isinf(slope.error):
            return CANNOT_TELL, slope
        if not math.isfinite(g):
            return MISMATCH if self.is_sharp(0.0, slope, size) else CANNOT_TELL, slope
        if self.agree(g, slope):
            return (MATCH if self.is_sharp(g, slope, size) else CANNOT_TELL), slope
        # What counts against g is seen on the scale on which the function changes: that of the number moved, or
        # that on which g turns results of this size over. On much smaller scales there may be nothing but rounding.
        turns = 0.1 * float(np.sum(np.abs(self.c * self.y)[np.isfinite(self.y)])) / abs(g) if g else math.inf
        scale = min(turns, size) or size
        rough = roughness(line, self.c, size)
        against = [
            abs(seen.value - g) > 10 * (seen.error + 16 * rough / step)
            for step, seen in measured
            if math.isfinite(seen.error) and (scale / 256 <= step <= scale or (scale < step <= turns and seen == slope))
        ]
        if not any(against):
            return CANNOT_TELL, slope
        return MISMATCH, slope

    def agree(self, g: float, slope: Slope) -> bool:
        gap = abs(g - slope.value)
        return math.isfinite(gap) and gap <= 10 * slope.error + RTOL * max(abs(g), abs(slope.value))

    def is_sharp(self, g: float, slope: Slope, size: float) -> bool:
        """Whether the error bar is small: beside the slope, or beside what a slope of these results amounts to."""
        ordinary = float(np.sum(np.abs(self.c * self.y)[np.isfinite(self.y)])) / size
        return slope.error <= max(1e-3 * max(abs(g), abs(slope.value)), 1e-9 * ordinary)

    # -------------------------------------------------------------------------------------------------- directions

    def along_directions(self, chosen: Array, starts: Array) -> None:
        """Check what was not drawn along random directions; search one that mismatches for the elements."""
        total = int(starts[-1])
        rest = np.setdiff1d(np.arange(total), chosen)
        for _ in range(DIRECTIONS):
            if self.direction(rest)[0] == MISMATCH:
                self.search(rest, starts)
                return

    def direction(self, among: Array) -> tuple[str, Slope]:
        """The verdict along a random direction that moves the elements `among`, numbered through all inputs."""
        flat = np.concatenate([x.ravel() for x in self.before])
        g = np.concatenate([a.ravel() for a in self.analytic])
        d = np.zeros(flat.size)
        typical = float(np.median(np.abs(flat[flat != 0]))) if np.any(flat) else 1.0
        d[among] = self.rng.choice([-1.0, 1.0], among.size) * np.maximum(np.abs(flat[among]), 0.1 * typical)

        def line(t: float) -> tuple[Array, float]:
            moved = iter(np.split(flat + t * d, np.cumsum([x.size for x in self.before])[:-1]))
            for place in self.places:
                place.write(next(moved).reshape(place.shape))
            return self.measured(), t

        verdict, slope = self.judged(line, float(g @ d), 0.1)
        for place, x in zip(self.places, self.before, strict=True):
            place.write(x)
        return verdict, slope

    def search(self, among: Array, starts: Array, most: int = 10) -> None:
        """Halve what mismatches until it is a single element; each one found is measured by itself."""
        stack, found = [among], 0
        while stack and found < most:
            part = stack.pop()
            if part.size == 1:
                p = int(np.searchsorted(starts, part[0], side="right")) - 1
                self.element(p, np.unravel_index(int(part[0]) - int(starts[p]), self.places[p].shape))
                found += 1
                continue
            halves = np.array_split(part, 2)
            wrong = [half for half in halves if MISMATCH in (self.direction(half)[0], self.direction(half)[0])]
            stack += wrong
        if not any(e.verdict == MISMATCH for e in self.elements):
            self.problems.append("a random direction mismatches, but no single element could be found that does")

    # -------------------------------------------------------------------------------------------------- remarks

    def remarks(self) -> None:
        """What is worth knowing beside the verdicts."""
        for place, g, n in zip(self.places, self.analytic, self.numerical, strict=True):
            if g.size and not np.any(g) and not np.any(np.nan_to_num(n)):
                self.notes.append(f"{place.name}: the result does not depend on it, its gradient is 0")
            if np.any(~np.isfinite(g)):
                self.notes.append(f"{place.name}: the gradient holds {np.sum(~np.isfinite(g))} NaN or Inf")
        if not np.all(np.isfinite(self.y)):
            self.notes.append(f"{np.sum(~np.isfinite(self.y))} of {self.y.size} results are NaN or Inf")

    def in_single_precision(self) -> None:
        """Compare gradients computed in float32, where that is what was given, with those in float64."""
        single = [place for place in floats(list(self.args)) if np.asarray(numbers(place)).dtype == np.float32]
        if self.gradient is not None or not single or self.problems:
            return
        try:
            gradients = self.by_rules([narrow(x) for x in self.args])
        except Exception as error:
            self.problems.append(f"in float32 it raises {type(error).__name__}: {error}")
            return
        moved = in_float64(self.args, lambda x: (x * (1 + 4 * EPS32 * self.rng.choice([-1, 1], x.shape)))[()])
        about = self.by_rules(moved)
        for place, g32, g64, near in zip(self.places, gradients, self.analytic, about, strict=True):
            x = np.abs(place.read())
            typical = float(np.median(x[x != 0])) if np.any(x) else 1.0
            largest = float(np.max(np.abs(g64), initial=0.0))
            if not SMALLEST32 < largest < LARGEST32 or not np.all(np.abs(self.y[np.isfinite(self.y)]) < LARGEST32):
                continue  # no number of float32
            ordinary = float(np.max(np.abs(self.c * self.y)[np.isfinite(self.y)], initial=0.0)) / typical
            conditioned = 30 * float(np.max(np.abs(near - g64), initial=0.0))
            if not math.isfinite(conditioned):
                continue  # at the edge of where the function is defined
            promise = 1e3 * EPS32 * (largest + ordinary) + conditioned
            gap = float(np.max(np.abs(g32 - g64), initial=0.0))
            if not gap <= promise:
                self.problems.append(
                    f"{place.name}: in float32 the gradient is {gap:.1e} away from that in float64, where rounding "
                    f"accounts for {promise:.1e}"
                )


def narrow(x: Any) -> Any:
    return x


def is_numbers(x: Any) -> bool:
    """Whether a list is an array written out: of numbers, or of lists of numbers."""
    return bool(x) and all(isinstance(part, int | float) or (isinstance(part, list) and is_numbers(part)) for part in x)


class Place:
    """An array among the arguments, which can be read and written."""

    def __init__(self, name: str, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self.name, self._read, self._write = name, read, write
        self.shape = np.shape(read())

    def read(self) -> Array:
        return np.asarray(self._read(), dtype=np.float64)

    def write(self, x: Array) -> None:
        self._write(x)


def places_in(argument: Any, name: str, args: list[Any], i: int) -> list[Place]:
    """The arrays in one argument: Values are written into, a plain array that is an argument is replaced."""
    if isinstance(argument, Value) and not isinstance(argument, NonDiff):
        return [value_place(name, argument)]
    if tree.is_floating(argument):

        def write(x: Array) -> None:
            args[i] = x.copy()[()]

        return [Place(name, lambda: args[i], write)]
    found: dict[int, Place] = {}

    def enter(node: Any, path: str, above: tuple[int, ...]) -> None:
        for part_name, part in tree.children(node):
            where = f"{path}.{part_name}" if path else part_name
            if type(part) is Value and id(part) not in found:
                found[id(part)] = value_place(where, part)
            elif id(part) not in above:
                enter(part, where, (*above, id(part)))

    owner = any(not isinstance(x, Value) for _, x in tree.walk(argument, deep=False))
    enter(argument, "" if owner else name, (id(argument),))
    return list(found.values())


def complex_places(argument: Any, args: list[Any], i: int) -> list[tuple[Callable[[], Any], Callable[[Any], None]]]:
    """How to read and write the complex arrays in one argument: it is one, or a list or dict of them."""
    if isinstance(argument, np.ndarray | np.generic):
        return [(lambda: args[i], lambda x: args.__setitem__(i, x))]
    if isinstance(argument, dict | list):
        keys = argument if isinstance(argument, dict) else range(len(argument))
        return [
            (lambda k=k: argument[k], lambda x, k=k: argument.__setitem__(k, x))  # type: ignore[misc]
            for k in keys
            if isinstance(argument[k], np.ndarray | np.generic)
        ]
    return []


def value_place(name: str, value: Value) -> Place:
    def write(x: Array) -> None:
        value._numbers = x.copy()[()]

    return Place(name, lambda: value._numbers, write)


def tracked(items: Any, progress: bool | None) -> Any:
    """The items; with a progress bar on the terminal, from two seconds on if `progress` is None."""
    if progress is False:
        yield from items
        return
    began, bar = time.monotonic(), None
    for i, item in enumerate(items):
        if bar is None and (progress or time.monotonic() - began > 2):
            try:
                from tqdm.auto import tqdm
            except ImportError:
                progress, began = None, math.inf
            else:
                bar = tqdm(total=len(items), initial=i, desc="gradients", unit="element", leave=False)
        yield item
        if bar is not None:
            bar.update()
    if bar is not None:
        bar.close()
