"""`numerical_grad`: the slopes of a function alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ..checks import unmasked
from ..core import Array, Value
from ..words import brief, instead_of_result
from .slopes import careful_slope, quick_slope, size_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@overload
def numerical_grad(f: Callable[[Array], Any], x: ArrayLike, with_error: Literal[False] = False) -> Array: ...
@overload
def numerical_grad(f: Callable[[Array], Any], x: ArrayLike, with_error: Literal[True]) -> tuple[Array, Array]: ...
def numerical_grad(f: Callable[[Array], Any], x: ArrayLike, with_error: bool = False) -> Any:
    """The slope of the number `f(x)` in every element of `x`, in float64; with `with_error`, (slopes, error bars).

    f is called with arrays of the shape of `x`, six times for each element, and some forty times more for an element
    where these do not settle it. At a kink the slope is the mean of its two sides.

    >>> numerical_grad(lambda x: (x**3).sum(), [1.0, 2.0]).round(6)
    array([ 3., 12.])
    >>> slope, error = numerical_grad(np.exp, 0.0, with_error=True)
    >>> bool(abs(slope - 1) < error < 1e-8)
    True
    """
    if isinstance(f, Value) or not callable(f):
        way = instead_of_result(f, "numerical_grad(f, x)")
        raise TypeError(f"numerical_grad wants a function and its argument; got {brief(f)}{way}")
    with np.errstate(all="ignore"):  # a step may leave where f is defined
        slopes, errors = _slopes(f, np.array(unmasked("x", x), dtype=np.float64))
    return (slopes[()], errors[()]) if with_error else slopes[()]


def _slopes(f: Callable[[Array], Any], at: Array) -> tuple[Array, Array]:
    """The slope in every element and its error bar."""
    slopes, errors = np.empty(at.shape), np.empty(at.shape)
    c = np.ones(1)
    for i in np.ndindex(at.shape):

        def line(t: float, i: Any = i) -> tuple[Array, float]:
            moved = at.copy()
            moved[i] += t
            out = np.asarray(f(moved), np.float64)
            if out.size != 1:
                raise ValueError(f"numerical_grad wants a function that returns one number; got shape {out.shape}")
            return out.reshape(1), float(moved[i] - at[i])

        y = line(0.0)[0]
        slope = quick_slope(line, y, c, size_of(at, i))
        if not slope.error <= 1e-6 * abs(slope.value):
            careful = careful_slope(line, y, c, size_of(at, i)).slope
            slope = min(slope, careful, key=lambda s: (math.isnan(s.error), s.error))
        slopes[i], errors[i] = slope.value, slope.error
    return slopes, errors
