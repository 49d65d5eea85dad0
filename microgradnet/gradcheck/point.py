"""A function at one point: what it returns there and near by, and its gradient by the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import tree
from ..core import Array, Value, no_grad, numbers
from ..transforms import vjp
from ..transforms.door import name_of
from ..words import brief
from .places import Place, bare, gradients_in, in_float64, is_array, places_in


class Point:
    """A function at one point, in float64.

    `probe` are its arguments, with a Value wherever they vary: the `places`, which can be moved. `at` are their numbers
    at the point. `y` are the results there, in one row; they are weighed by `c`, and `analytic` is the gradient of that
    sum, an array for each place. `plain` is how many floating-point results are no Values. `written` is the function
    for the gradient, if one was given; then it and `f` take plain arrays. What is found to be wrong with the function
    itself is in `problems`.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], written: Callable[..., Any] | None,
        seed: int,
    ) -> None:  # fmt: skip
        self.name, self.f = name_of(f), partial(f, **kwargs)
        self.written = written and partial(written, **kwargs)
        self.rng = np.random.default_rng(seed)
        self.problems: list[str] = []
        self.args = [np.asarray(x, float) if is_array(x) else x for x in args]
        self.probe = in_float64(self.args, Value)
        self.places = places_in(f, self.probe)
        # Until it is seen that f does not. A Module does not: its Values hold real numbers.
        self.takes_complex = all(isinstance(x, Value) for _, x in tree.walk(self.probe))
        if not self.places:
            raise TypeError(
                "check_grads: there is nothing to differentiate by. Pass floats, floating-point arrays, Values or "
                f"Modules; got {', '.join(brief(x) for x in self.args) or 'no arguments'}"
            )
        self.at = [place.read() for place in self.places]
        self.plain = 0
        self.flows = self.where_it_flows()
        self.y = self.results()
        self.put_back()
        if not np.array_equal(self.y, self.results(), equal_nan=True):
            self.problems.append(
                f"{self.name} is not deterministic: two calls with the same numbers gave different results. "
                f"Draw random numbers outside, or from a generator made inside with a fixed seed"
            )
        self.put_back()
        self.c = self.rng.normal(size=self.y.size) if self.y.size > 1 or written is None else np.ones(1)
        self.analytic = self.gradient()

    def where_it_flows(self) -> list[bool]:
        """Which of the results, each in its place in a structure, have a slope; the others are constants."""
        if self.written:
            flows = [tree.is_floating(x) for x in tree.spots(self.f(*bare(self.probe)))]
        else:
            found = recorded_results(self.f, in_float64(self.probe, lambda x: x[()]))
            flows = [type(x) is Value for x in found]
            self.plain = sum(tree.is_floating(x) for x in found) - sum(flows)
        if not any(flows):
            raise TypeError(
                f"check_grads: {self.name} returned no floating-point number or Value to differentiate. Comparisons, "
                f"an argmax and plain numbers (.data, .item(), float()) are constants"
            )
        return flows

    def results(self) -> Array:
        """The results where the probe stands, every number of those that have a slope, in one row."""
        with no_grad():
            found = tree.spots(self.f(*(bare(self.probe) if self.written else self.probe)))
        rows = [np.ravel(np.asarray(numbers(y), np.float64)) for y, flows in zip(found, self.flows) if flows]  # noqa: B905
        return np.concatenate(rows)

    def gradient(self, args: Sequence[Any] | None = None, c: Array | None = None) -> list[Array]:
        """The gradient by each place: where the probe stands, or of other arguments, or of other weights."""
        args = in_float64(self.probe, lambda x: x[()]) if args is None else args
        if self.written is None:
            found = by_rules(self.f, args, in_turn(self.c if c is None else c))
        else:
            made = self.written(*args)
            found = gradients_in(args, made if isinstance(made, tuple) else (made,))
        if len(found) != len(self.places):
            raise ValueError(
                f"gradient= returned {len(found)} arrays for {len(self.places)} inputs: wanted an array for one "
                f"input, a tuple of arrays for several"
            )
        return [self.fit(place, np.asarray(numbers(g))) for place, g in zip(self.places, found, strict=True)]

    def fit(self, place: Place, g: Array) -> Array:
        """A gradient in float64 and in the shape of its input; a problem if it is of another."""
        if g.shape != place.value.shape:
            self.problems.append(f"{place.name}: the gradient has shape {g.shape}, the input {place.value.shape}")
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


def by_rules(f: Callable[..., Any], args: Sequence[Any], weights: Callable[[Any], Array]) -> list[Any]:
    """The gradient of `f(*args)` by the rules, from `weights(result)` for each of its results."""
    out, pull = vjp(lambda *args: with_slopes(f(*args)), *args)
    return gradients_in(args, pull([weights(y).astype(y.dtype) for y in out]))


def with_slopes(result: Any) -> Any:
    """Those of several results that gradients flow from; the result itself if there are none."""
    return [y for y in tree.spots(result) if type(y) is Value] or result


def recorded_results(f: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """What stands in each place of the result of `f(*args)` when gradients are asked for."""
    found: list[Any] = []

    def noted(*args: Any) -> Any:
        result = f(*args)
        found.extend(tree.spots(result))
        return [*with_slopes([result]), Value(0.0)]  # vjp wants something

    vjp(noted, *args)
    return found


def in_turn(c: Array) -> Callable[[Any], Array]:
    """From one result after the other to its weights, from a row of all of them."""

    def weights(y: Any) -> Array:
        nonlocal c
        own, c = np.split(c, [np.size(y)])
        return own.reshape(np.shape(y))

    return weights


def gradient_of(f: Callable[..., Any], seed: int) -> Callable[..., Any]:
    """The function from the arguments of f to its gradient, from random weights of its results."""

    def gradient(*args: Any, **kwargs: Any) -> Any:
        rng = np.random.default_rng(seed)
        return by_rules(partial(f, **kwargs), args, lambda y: np.asarray(rng.normal(size=np.shape(y))))

    gradient.__name__ = gradient.__qualname__ = f"the gradient of {name_of(f)}"
    gradient.__wrapped__ = f  # type: ignore[attr-defined]  # for the names of its arguments
    return gradient
