"""NumPy's ufuncs that are made of others, and its functions about complex and special numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import TABLE, formula, shaped
from ..ops.elementwise import exponent
from ..words import refuse


@formula(np.float_power)
def float_power(x: Any, y: Any) -> Any:
    """`x**y` in float64, whatever the dtypes."""
    return np.power(shaped(x).astype(np.float64), shaped(y).astype(np.float64))


@formula(np.divmod)
def divmod_(x: Any, y: Any) -> tuple[Any, Any]:
    return np.floor_divide(x, y), np.remainder(x, y)


@formula(np.modf)
def modf(x: Any) -> tuple[Any, Any]:
    """The fractional part, with slope 1, and the integral part."""
    whole = np.trunc(x)
    return np.where(np.isinf(x), np.copysign(0.0, x), x - np.where(np.isinf(x), 0.0, whole)), whole


@formula(np.frexp)
def frexp(x: Any) -> tuple[Any, Any]:
    """m and e of x = m · 2ᵉ; m has the slope 2⁻ᵉ between the jumps."""
    e = exponent(x)
    return np.ldexp(x, -e), e


@formula(np.fix, out=1)
def fix(x: Any) -> Any:
    return np.trunc(x)


for function in (np.isposinf, np.isneginf):  # rows that NumPy gives an `out`
    formula(function, out=1)(TABLE[function])


@formula(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """`x` where it is finite, with slope 1, and the given numbers elsewhere, with slope 0."""
    if not copy:
        refuse("np.nan_to_num(copy=False) would write into a Value")
    limits = np.finfo(x.dtype)
    above, below = (limits.max if posinf is None else posinf), (limits.min if neginf is None else neginf)
    finite = np.where(np.isnan(x), nan, np.where(np.isposinf(x), above, np.where(np.isneginf(x), below, x)))
    return finite.astype(x.dtype)


@formula(np.real)
def real(val: Any) -> Any:
    return +val


@formula(np.imag)
def imag(val: Any) -> Any:
    """0, everywhere; nothing flows."""
    return np.signbit(val).astype(val.dtype) * 0.0


@formula(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    return +a


@formula(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """Of a real number: 0, or π where it has a minus sign, −0 too; nothing flows."""
    half = np.where(np.signbit(z), 180.0 if deg else math.pi, 0.0)
    return np.where(np.isnan(z), math.nan, half).astype(z.dtype)
