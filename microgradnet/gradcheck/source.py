"""Where a function's numbers and its gradient come from: from what it records, or from a function written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import tree
from ..core import Array, Value, no_grad, numbers
from ..transforms import vjp
from ..transforms.door import name_of
from ..words import brief
from .places import bare, gradients_in, in_float64

Function: TypeAlias = Callable[..., Any]


class RuleFailed(Exception):
    """The function can be computed, and its gradient raises an error."""


class Recorded:
    """A function called with Values, and its gradient by the rules of what it does.

    `flows` says which of its results, each in its place in a structure, have a slope; the others are constants, of
    which `plain` are floating-point numbers. Several results are `weighed` by random numbers.
    """

    weighed: bool = True

    def __init__(self, f: Function, probe: Sequence[Any]) -> None:
        self.f: Function = f
        found = recorded_results(f, in_float64(probe, lambda x: x[()]))
        self.flows: list[bool] = [type(x) is Value for x in found]
        self.plain: int = sum(tree.is_floating(x) for x in found) - sum(self.flows)

    def results(self, probe: Sequence[Any]) -> list[Any]:
        """What it returns, in every place."""
        with no_grad():
            return tree.spots(self.f(*probe))

    def gradient(self, args: Sequence[Any], c: Array) -> list[Any]:
        """The gradient of c · results, an array for each place in the arguments where they vary.

        RuleFailed from what a rule raises.
        """
        weights = in_turn(c)
        out, pull = vjp(lambda *args: with_slopes(self.f(*args)), *args)
        try:
            return gradients_in(args, pull([weights(y).astype(y.dtype) for y in out]))
        except Exception as error:
            raise RuleFailed from error


class ByHand:
    """A function called with plain arrays, and its gradient by another one, as a user of neither Values nor rules has.

    Of several numbers the gradient is that of their sum, or the whole matrix of slopes: for each input, of shape
    (*result, *input). Only in a matrix can the results be `weighed`.
    """

    plain: int = 0

    def __init__(self, f: Function, written: Function, probe: Sequence[Any]) -> None:
        self.f: Function = f
        self.written: Function = written
        result = f(*bare(probe))
        self.flows: list[bool] = [tree.is_floating(x) for x in tree.spots(result)]
        self.shape: tuple[int, ...] = np.shape(result) if isinstance(result, np.ndarray) else ()
        self.weighed: bool = all(map(self.is_matrix, *self.made(in_float64(probe, lambda x: x[()]))))

    def results(self, probe: Sequence[Any]) -> list[Any]:
        """What it returns, in every place."""
        return tree.spots(self.f(*bare(probe)))

    def gradient(self, args: Sequence[Any], c: Array) -> list[Any]:
        """The gradient of c · results, an array for each place in the arguments where they vary."""
        weights = c.reshape(self.shape) if self.shape else c
        return [
            np.tensordot(weights, g, len(self.shape)) if self.is_matrix(x, g) else g
            for x, g in zip(*self.made(args), strict=True)
        ]

    def made(self, args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """What varies in the arguments, and what was written for its gradient."""
        made = self.written(*args)
        inputs = [x for x in tree.leaves(list(args)) if tree.is_floating(x)]
        given = made if isinstance(made, tuple) else (made,)
        found = gradients_in(args, given)
        if len(found) != len(inputs) or len(given) > len(args):
            raise ValueError(
                f"gradient= returned {max(len(found), len(given))} arrays for {len(inputs)} inputs: wanted an array "
                f"for one input, a tuple of arrays for several"
            )
        for x, g in zip(inputs, found, strict=True):
            if not is_numeric(g):
                raise TypeError(
                    f"gradient= returned {brief(g)} for an input of shape {np.shape(x)}: wanted an array of that shape"
                )
        return inputs, found

    def is_matrix(self, x: Any, g: Any) -> bool:
        """Whether a gradient written by hand is the whole matrix of slopes."""
        return self.shape != () and np.shape(g) == self.shape + np.shape(x)


def is_numeric(g: Any) -> bool:
    """Whether it is a number, or an array of numbers, or becomes one."""
    try:
        return np.asarray(numbers(g)).dtype.kind in "biufc"
    except ValueError:  # rows of unequal length
        return False


def with_slopes(result: Any) -> Any:
    """Those of several results that gradients flow from; the result itself if there are none."""
    return [y for y in tree.spots(result) if type(y) is Value] or result


def recorded_results(f: Function, args: Sequence[Any]) -> list[Any]:
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


def gradient_of(f: Function, seed: int) -> Function:
    """The function from the arguments of f to its gradient, from random weights of its results."""

    def gradient(*args: Any, **kwargs: Any) -> Any:
        rng = np.random.default_rng(seed)
        out, pull = vjp(lambda *args: with_slopes(f(*args, **kwargs)), *args)
        return gradients_in(args, pull([np.asarray(rng.normal(size=np.shape(y))).astype(y.dtype) for y in out]))

    gradient.__name__ = gradient.__qualname__ = f"the gradient of {name_of(f)}"
    gradient.__wrapped__ = f  # type: ignore[attr-defined]  # for the names of its arguments
    return gradient
