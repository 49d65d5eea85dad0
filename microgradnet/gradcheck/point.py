"""A function at one point: what it returns there and near by, and its gradient there."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import tree
from ..checks import unmasked
from ..core import Array, Value, numbers
from ..core.refusals import NO_SUM
from ..transforms.door import name_of
from ..words import brief
from .kept import Kept
from .pairs import EPS
from .places import Place, in_float64, is_array, places_in
from .slopes import typical_size
from .source import ByHand, Recorded, RuleFailed


class Point:
    """A function at one point, in float64.

    `probe` are its arguments, with a Value wherever they vary: the `places`, which can be moved. `at` are their numbers
    at the point. `y` are the results there, in one row; they are weighed by `c`, and `analytic` is the gradient of that
    sum, an array for each place, unless it `failed`: computing it raised an error, or it has another shape. Both come
    from the `source`. What is found to be wrong with the function itself is in `problems`.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], written: Callable[..., Any] | None,
        seed: int,
    ) -> None:  # fmt: skip
        self.name: str = name_of(f)
        self.rng: np.random.Generator = np.random.default_rng(seed)
        self.problems: list[str] = []
        self.args: list[Array | Any] = [
            np.asarray(x, float) if is_array(x) else unmasked("an argument", x) for x in args
        ]
        self.probe: list[Any] = in_float64(self.args, Value)
        self.places: list[Place] = places_in(f, self.probe)
        self.kept: Kept = Kept(f, written, kwargs, self.args, self.probe)
        self.f: Callable[..., Any] = self.kept.around(partial(f, **kwargs))
        # Until it is seen that f does not. A Module does not: its Values hold real numbers.
        self.takes_complex: bool = all(isinstance(x, Value) for _, x in tree.walk(self.probe))
        if not self.places:
            raise TypeError(
                "check_grads: there is nothing to differentiate by. Pass floats, floating-point arrays, Values or "
                f"Modules, 3.0 for 3; got {', '.join(brief(x) for x in self.args) or 'no arguments'}"
            )
        self.at: list[Array] = [place.read() for place in self.places]
        self.by_rules: bool = written is None
        self.source: Recorded | ByHand = (
            Recorded(self.f, self.probe)
            if written is None
            else ByHand(self.f, self.kept.around(partial(written, **kwargs)), self.probe)
        )
        if not any(self.source.flows):
            raise TypeError(
                f"check_grads: {self.name} returned no floating-point number or Value to differentiate. Comparisons, "
                f"an argmax and plain numbers (.data, .item(), float()) are constants"
            )
        self.y: Array = self.results()
        self.put_back()
        if not np.array_equal(self.y, self.results(), equal_nan=True):
            self.problems.append(
                f"{self.name} is not deterministic: two calls with the same numbers gave different results. "
                f"Draw random numbers outside, or from a generator made inside with a fixed seed; layers that draw "
                f"some, such as Dropout, do not after model.eval()"
            )
        self.put_back()
        self.c: Array = self.rng.normal(size=self.y.size) if self.source.weighed else np.ones(self.y.size)
        self.failed: bool = False
        self.analytic: list[Array] = [np.full(x.shape, math.nan) for x in self.at]
        try:
            self.analytic = self.gradient()
        except RuleFailed as failure:
            error, self.failed = failure.__cause__, True
            self.problems.append(f"the gradient cannot be computed: {type(error).__name__}: {error}")

    def results(self) -> Array:
        """The results where the probe stands: every number of those that have a slope, in one row."""
        found = zip(self.source.results(self.probe), self.source.flows, strict=True)
        return np.concatenate([np.ravel(np.asarray(numbers(y), np.float64)) for y, flows in found if flows])

    def results_at(self, x: Array) -> Array:
        """The results at other numbers, all of them in one row; then the probe stands at the point again."""
        ends = np.cumsum([at.size for at in self.at])[:-1]
        for place, part in zip(self.places, np.split(x, ends), strict=True):
            place.write(part.reshape(place.value.shape))
        try:
            return self.results()
        finally:
            for place, at in zip(self.places, self.at, strict=True):
                place.write(at)

    def gradient(self, args: Sequence[Any] | None = None, c: Array | None = None) -> list[Array]:
        """The gradient by each place: where the probe stands, or of other arguments, or of other weights."""
        args = in_float64(self.probe, lambda x: x[()]) if args is None else args
        found = self.source.gradient(args, self.c if c is None else c)
        return [self.fit(place, np.asarray(numbers(g))) for place, g in zip(self.places, found, strict=True)]

    def nudged(self, digits: float) -> list[Array]:
        """The gradient where every number is moved by so much of its size, up or down."""
        rng = np.random.default_rng(0)
        for place, x in zip(self.places, self.at, strict=True):
            sizes = np.where(x == 0, typical_size(x), x)
            place.write(x + digits * sizes * rng.choice([-1.0, 1.0], x.shape))
        try:
            return self.gradient()
        finally:
            for place, x in zip(self.places, self.at, strict=True):
                place.write(x)

    @functools.cached_property
    def rounding(self) -> list[Array]:
        """How far rounding may have moved the gradient: it scatters so when the last digits of all numbers change."""
        near = [self.nudged(digits) for digits in (-8 * EPS, -2 * EPS, 2 * EPS, 8 * EPS)]
        return [10 * np.max([np.abs(other[p] - g) for other in near], axis=0) for p, g in enumerate(self.analytic)]

    def fit(self, place: Place, g: Array) -> Array:
        """A gradient in float64 and in the shape of its input; a problem if it is of another."""
        if g.shape != place.value.shape:
            problem = f"{place.name}: the gradient has shape {g.shape}, the input {place.value.shape}"
            self.problems.append(problem + (f". {NO_SUM}" if g.size == 1 else ""))
            self.failed = True
            return np.full(place.value.shape, math.nan)
        if g.dtype.kind != "f":
            self.problems.append(f"{place.name}: the gradient has dtype {g.dtype}; wanted floating-point numbers")
        return np.array(g, dtype=np.float64)

    def put_back(self) -> None:
        """Let the probe, which nobody moved, stand at the point; it is a problem if it does not."""
        for place, x in zip(self.places, self.at, strict=True):
            if not np.array_equal(place.read(), x, equal_nan=True):
                place.write(x)
                problem = f"{place.name}: the function writes into its input. Write into a copy"
                if problem not in self.problems:
                    self.problems.append(problem)
