"""A gradient in single precision, beside the one in double precision."""

from __future__ import annotations

import math

import numpy as np

from ..core import numbers
from .places import floats
from .point import Point
from .slopes import typical_size

EPS32 = float(np.finfo(np.float32).eps)
SMALLEST32, LARGEST32 = 1e-30, 1e30  # beyond these, a factor of float32 may be lost or infinite


def problems_in_float32(point: Point) -> list[str]:
    """Where the gradient in float32, if that is what was given, is farther from the one in float64 than it should be.

    How far it should be is seen from the gradient at numbers that are moved by some of their last digits. Nothing is
    said of a function that has problems already.
    """
    single = any(np.asarray(numbers(x)).dtype == np.float32 for x in floats(point.args))
    if not point.by_rules or not single or point.problems:
        return []
    try:
        gradients = point.gradient(point.args)
    except Exception as error:
        return [f"in float32 it raises {type(error).__name__}: {error}"]
    y = np.abs(point.y[np.isfinite(point.y)])
    weighed = float(np.max(np.abs(point.c * point.y)[np.isfinite(point.y)], initial=0.0))
    rows = zip(point.places, point.at, gradients, point.analytic, point.nudged(4 * EPS32), strict=True)
    problems = []
    for place, x, g32, g64, near in rows:
        largest = float(np.max(np.abs(g64), initial=0.0))
        if not SMALLEST32 < largest < LARGEST32 or not np.all(y < LARGEST32):
            continue  # no number of float32
        conditioned = 30 * float(np.max(np.abs(near - g64), initial=0.0))
        if not math.isfinite(conditioned):
            continue  # at the edge of where the function is defined
        promise = 1e3 * EPS32 * (largest + weighed / typical_size(x)) + conditioned
        gap = float(np.max(np.abs(g32 - g64), initial=0.0))
        if not gap <= promise:
            problems.append(
                f"{place.name}: in float32 the gradient is {gap:.1e} away from that in float64, where rounding "
                f"accounts for {promise:.1e}"
            )
    return problems
