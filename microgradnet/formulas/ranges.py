"""NumPy's functions that fill an array between numbers that are Values: full_like, linspace and its like."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Value, as_floats, formula, modes, plain_data, shaped
from .arrangement import broadcast_arrays


@formula(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
              *, device: Any = None) -> Any:  # fmt: skip
    if not isinstance(fill_value, Value):
        return np.full_like(np.empty(a.shape, a.dtype), fill_value, dtype, shape=shape)
    filled: Any = np.broadcast_to(fill_value, np.shape(a) if shape is None else shape)
    return filled.astype(shaped(a).dtype if dtype is None else dtype)


@formula(np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0, *, device: Any = None) -> Any:  # fmt: skip
    first, last = (x.dtype.type(0) if isinstance(x, Value) else x for x in (start, stop))
    kind = np.linspace(first, last, 1).dtype
    start, stop = (x.astype(kind) for x in broadcast_arrays(start, stop))
    share = np.linspace(0.0, 1.0, num, endpoint, dtype=kind)
    share = share.reshape((num, *(1,) * start.ndim))
    ramp = np.moveaxis(start * (1 - share) + stop * share, 0, axis)
    ramp = ramp if dtype is None else ramp.astype(dtype)
    steps = num - 1 if endpoint else num
    return (ramp, (stop - start) / steps if steps > 0 else math.nan) if retstep else ramp


@formula(np.logspace)
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
             axis: int = 0) -> Any:  # fmt: skip
    base = base if type(base) in (int, float) else shaped(base)  # a Python number takes the dtype of the ramp
    if np.ndim(base):
        start, stop, base = broadcast_arrays(start, stop, base)
        base = np.expand_dims(base, axis)
    ramp = base ** linspace(start, stop, num, endpoint, axis=axis)
    return ramp if dtype is None else ramp.astype(dtype)


@formula(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = as_floats(start, np.float64), as_floats(stop, np.float64)
    sign = np.sign(plain_data(start))
    modes.checked(_one_sign, start, stop)
    logs = linspace(np.log(np.abs(start)), np.log(np.abs(stop)), num, endpoint, axis=axis)
    ramp = np.exp(logs) * np.expand_dims(
        np.broadcast_to(sign, np.broadcast_shapes(np.shape(start), np.shape(stop))), axis
    )
    return ramp if dtype is None else ramp.astype(dtype)


def _one_sign(start: Any, stop: Any) -> None:
    if np.any(np.sign(start) * np.sign(stop) <= 0):
        raise ValueError("np.geomspace of a Value wants two ends of the same sign, neither 0")
