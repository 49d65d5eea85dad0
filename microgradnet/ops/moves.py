"""Rows for NumPy functions that move elements: flip, roll, tile, pad, diag, tril …

None needs a rule of its own. Applied to the positions 1, 2, 3, … of the elements, such a function says itself where
every element goes, in each of its argument variants: 0 is where it filled in a zero. `collect`, the gradient, adds up
by these positions, and `place` is the move itself; they are an adjoint pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Array, Case, Op, case, fixed_view, narrowed, op


def positions(shape: tuple[int, ...], first: int = 1) -> Array:
    """The numbers `first`, `first` + 1, … in an array of `shape`."""
    return np.arange(first, first + math.prod(shape)).reshape(shape)


def _place(x: Any, places: Array, *, shape: tuple[int, ...]) -> Any:
    """An array with the elements of `x` that stand at `places`, counted from 1 in row-major order; 0 is a zero."""
    source = np.zeros(x.size + 1, x.dtype)
    source[1:] = x.reshape(-1)
    return source[places]


def _collect(g: Any, places: Array, *, shape: tuple[int, ...]) -> Any:
    """An array of `shape` with every element of `g` added at its place: the adjoint of `place`."""
    size = math.prod(shape) + 1
    if g.dtype.itemsize > 8:  # bincount adds in float64
        out = np.zeros(size, g.dtype)
        np.add.at(out, places, g)
    else:
        out = narrowed(np.bincount(np.ravel(places), np.ravel(g), size), g.dtype)
    return out[1:].reshape(shape)


PLACES = np.array([[2, 0, 1], [2, 2, 4]])

place = op("place", lambda g, out, x, places, *, shape: collect(g, places, shape=shape), None, forward=_place,
           parameters=True, cases=[
               case((2, 2), PLACES, shape=(2, 2)), case((), np.array([1, 1]), shape=()),
               case((0, 2), np.array([0]), shape=(0, 2)),
           ])  # fmt: skip
collect: Op = op("collect", lambda g, out, x, places, *, shape: place(g, places, shape=shape), None, forward=_collect,
             parameters=True, cases=[
                 case((2, 3), PLACES, shape=(2, 2)), case((), np.array(1), shape=(3,)),
                 case((0,), np.array([], int), shape=(0, 2)),
             ])  # fmt: skip


def move(function: Callable[..., Any], *cases: Case) -> None:
    """Add the row of a function of NumPy that moves the elements of its one array."""

    def forward(x: Any, **params: Any) -> Any:
        return fixed_view(function(x, **params))

    def rule(g: Any, out: Any, x: Any, **params: Any) -> Any:
        return collect(g, function(positions(x.shape), **params), shape=x.shape)

    forward.__wrapped__ = function  # type: ignore[attr-defined]  # its signature is NumPy's
    forward.__doc__ = function.__doc__
    op(function, rule, forward=forward, cases=cases)


ANY: Sequence[Case] = (case("ab"), case("abc"))

move(np.flip, *ANY, case("ab", axis=0), case("abc", axis=(0, -1)), case(""))
move(np.fliplr, *ANY)
move(np.flipud, *ANY, case("a"))
move(np.rot90, *ANY, case("ab", k=3), case("abc", k=-1, axes=(1, 2)))
move(np.roll, case("ab", shift=1), case("abc", shift=(1, -2), axis=(0, -1)), case("ab", shift=-5, axis=1),
     case("", shift=1))  # fmt: skip
move(np.tile, case("ab", reps=2), case("a", reps=(2, 1, 3)), case("", reps=3), case("ab", reps=(0, 1)))
move(np.repeat, case("ab", repeats=2), case("ab", repeats=0, axis=-1), case((3, 2), repeats=[0, 2, 1], axis=0),
     case("", repeats=2))  # fmt: skip
move(np.resize, case((2, 3), new_shape=(4,)), case((2,), new_shape=(2, 3)), case((), new_shape=2),
     case((0,), new_shape=(3,)))  # fmt: skip
move(np.diag, *ANY[:1], case("a"), case((3,), k=1), case((2, 4), k=-1))
move(np.diagflat, *ANY[:1], case("a", k=-2), case(""))
move(np.diagonal, *ANY, case("abc", offset=1, axis1=-1, axis2=0), case((2, 3), offset=5))
move(np.linalg.diagonal, *ANY, case((2, 3, 3), offset=-1))
move(np.tril, *ANY, case("ab", k=-1))
move(np.triu, *ANY, case("ab", k=1), case("a"))
move(np.pad, case((2, 3), pad_width=1), case((3,), pad_width=(2, 0), mode="edge"),
     case((3, 2), pad_width=((1, 5), (0, 1)), mode="reflect"), case((2, 2), pad_width=3, mode="symmetric"),
     case((0, 2), pad_width=1), case((3,), pad_width=4, mode="wrap"))  # fmt: skip
move(np.delete, case((3, 2), obj=1, axis=0), case((3, 2), obj=[0, -1]), case((4,), obj=slice(None, None, 2)),
     case((4,), obj=[True, False, True, False]), case((0, 2), obj=0, axis=1))  # fmt: skip
