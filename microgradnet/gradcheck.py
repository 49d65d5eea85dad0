"""Numerical slopes, to compare gradients with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

from .engine import Array


def numerical_grad(f: Callable[[Array], Any], x: ArrayLike) -> Array:
    """The slope of the number `f(x)` in every element of `x`, by central differences in float64.

    The step is ∛ε · max(1, |x|), where truncation and rounding err about equally: about 1e-10 of the result is error
    for a smooth f of moderate size. `f` is called twice for each element, with an array of the shape of `x`.

    >>> numerical_grad(lambda x: (x**3).sum(), [1.0, 2.0]).round(6)
    array([ 3., 12.])
    """
    x = np.array(x, dtype=np.float64)
    slope = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        step = np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(x[i]))
        above, below = x.copy(), x.copy()
        above[i] += step
        below[i] -= step
        slope[i] = (float(f(above)) - float(f(below))) / (above[i] - below[i])
    return slope
