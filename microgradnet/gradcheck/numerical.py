"""`numerical_grad`: the slopes of a function alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

import numpy as np

from .. import tree
from ..checks import unmasked
from ..core import Array, Value, numbers
from ..words import brief, instead_of_result
from .kept import Kept
from .places import Place, bare, in_float64, places_in
from .slopes import careful_slope, quick_slope, size_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    class Parameterised(Protocol):  # a Module
        def parameters(self) -> list[Value]: ...

    T = TypeVar("T", bound=Parameterised | dict[Any, Any])


@overload
def numerical_grad(f: Callable[[Array], Any], x: ArrayLike, with_error: Literal[False] = False) -> Array: ...
@overload
def numerical_grad(f: Callable[[Array], Any], x: ArrayLike, with_error: Literal[True]) -> tuple[Array, Array]: ...
@overload
def numerical_grad(f: Callable[[T], Any], x: T, with_error: Literal[False] = False) -> T: ...
@overload
def numerical_grad(f: Callable[[T], Any], x: T, with_error: Literal[True]) -> tuple[T, T]: ...
def numerical_grad(f: Callable[[Any], Any], x: Any, with_error: bool = False) -> Any:
    """The slope of the number `f(x)` in every element of `x`, in float64; with `with_error`, (slopes, error bars).

    f is called with arrays of the shape of `x`, six times for each element, and some forty times more for an element
    where these do not settle it. At a kink the slope is the mean of its two sides. For a Module, or a structure of
    arrays, f is called with one like it, and the slopes stand in one too, as the gradients of `grad` do.

    >>> numerical_grad(lambda x: (x**3).sum(), [1.0, 2.0]).round(6)
    array([ 3., 12.])
    >>> slope, error = numerical_grad(np.exp, 0.0, with_error=True)
    >>> bool(abs(slope - 1) < error < 1e-8)
    True
    """
    if isinstance(f, Value) or not callable(f):
        way = instead_of_result(f, "numerical_grad(f, x)")
        raise TypeError(f"numerical_grad wants a function and its argument; got {brief(f)}{way}")
    probe = _probe(unmasked("x", x))
    places, kept = places_in(f, [probe]), Kept(f, x, probe)
    if not places:
        raise TypeError(
            f"numerical_grad: there is nothing to differentiate by. Pass floats, arrays, Values or a Module, or a "
            f"structure of them; got {brief(x)}"
        )
    with np.errstate(all="ignore"), kept:  # a step may leave where f is defined
        found = _slopes(kept.around(f), probe, places)
    made = [_in_structure(probe, {v: rows[i] for v, rows in found.items()}) for i in (0, 1)]
    return tuple(made) if with_error else made[0]


def _probe(x: Any) -> Any:
    """A copy of `x` with a Value in float64 wherever it varies. A list or tuple that is an array is one Value."""
    if isinstance(x, (list, tuple)) or (tree.KIND_OF[type(x)] is None and x is not None):
        try:
            return Value(np.array(x, dtype=np.float64))
        except (TypeError, ValueError):  # no array
            pass
    (probe,) = in_float64([x], Value)
    return probe


def _in_structure(probe: Any, found: dict[Value, Array]) -> Any:
    """What was found for each Value, in its place; None in those of constants, and settings of Modules as they are."""

    def leaf(x: Any, inside: bool) -> Any:
        if isinstance(x, Value) and x in found:
            return found[x]
        return x if inside and not isinstance(x, (np.ndarray, Value)) else None

    return tree.rebuild(probe, leaf)


def _slopes(f: Callable[[Any], Any], probe: Any, places: list[Place]) -> dict[Value, tuple[Array, Array]]:
    """The slope in every element of each Value of the probe, and its error bar."""
    points = [place.read() for place in places]
    c = np.ones(1)
    found = {}
    for p, at in enumerate(points):
        slopes, errors = np.empty(at.shape), np.empty(at.shape)
        for i in np.ndindex(at.shape):

            def line(t: float, p: int = p, i: Any = i) -> tuple[Array, float]:
                for place, x in zip(places, points, strict=True):  # all: f may have written into another one
                    place.write(x)
                moved = points[p].copy()
                moved[i] += t
                places[p].write(moved)
                out = np.asarray(numbers(f(*bare([probe]))), np.float64)
                if out.size != 1:
                    raise ValueError(f"numerical_grad wants a function that returns one number; got shape {out.shape}")
                return out.reshape(1), float(moved[i] - points[p][i])

            y = line(0.0)[0]
            slope = quick_slope(line, y, c, size_of(at, i))
            if not slope.error <= 1e-6 * abs(slope.value):
                careful = careful_slope(line, y, c, size_of(at, i)).slope
                slope = min(slope, careful, key=lambda s: (math.isnan(s.error), s.error))
            slopes[i], errors[i] = slope.value, slope.error
        found[places[p].value] = slopes[()], errors[()]
    return found
