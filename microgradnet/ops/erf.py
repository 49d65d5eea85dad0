"""The error function as a row of NumPy: the exact GELU is made of it, and SciPy is not wanted for that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Op, op

# erfc(x) = t · exp(−x² + series(2t − 1)) with t = 2 / (2 + x), for x ≥ 0: what is left is so smooth that a Chebyshev
# series of 24 terms gives it to the last digits of float64, and of 13 to those of float32. The coefficients are those
# of the interpolation of log(erfcx(x) / t), SciPy's, at the Chebyshev points.
SERIES = [
    -0.6513268598908547, 0.6419697923564902, 0.01947647320418578, -0.0095615147868087, -0.0009465953444820032,
    0.00036683949785262164, 4.2523324806897333e-05, -2.0278578112710428e-05, -1.624290004617715e-06,
    1.3036558353955327e-06, 1.5626441905272595e-08, -8.523809633952376e-08, 6.529054987484638e-09,
    5.059342787246712e-09, -9.913633440318859e-10, -2.2736590201084264e-10, 9.646878584056188e-11,
    2.3930391648376706e-12, -6.884744632115025e-12, 8.928677632760877e-13, 3.14950918984453e-13,
    -1.14316994403091e-13, 1.9518031897079105e-15, 5.660033928054924e-15,
]  # fmt: skip


def series_for(dtype: Any) -> list[float]:
    """The coefficients that matter to a dtype."""
    return SERIES[:13] if dtype.itemsize < 8 else SERIES


def _erfc(x: Any) -> Any:
    """1 − erf(x) = 2/√π · ∫ₓ^∞ exp(−t²) dt, element by element; precise where it is tiny."""
    z = np.abs(x)
    t = 2 / (2 + z)
    u = 4 * t - 2  # twice the argument of the series, as Clenshaw's sum wants it
    a = b = 0.0
    for c in reversed(series_for(x.dtype)):
        a, b = u * a - b + c, a
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # of ∞: exp(−∞) is the right 0
        tail = t * np.exp(-z * z + (a - b * (u / 2)))
    return np.where(x < 0, 2 - tail, tail)[()]


erfc: Op = op("erfc", lambda g, out, x: g * np.exp(-x * x) * (-2 / math.sqrt(math.pi)), forward=_erfc, elementwise=True)
