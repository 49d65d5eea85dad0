"""NumPy's reductions that leave NaNs out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import as_floats, formula, modes
from ..ops.reduction import Axis, cumprod, cumsum
from .reductions import count, first, given, in_dtype, np_cumprod, np_cumsum, np_prod, np_sum, reduced_axes
from .statistics import freedom, mask_of, nan_for, root, squared_gaps, total_of, warn


def _without(a: Any, fill: float, where: Any = True, dtype: Any = None) -> tuple[Any, Any]:
    """`a` with `fill` for its NaNs and for what is masked, and the mask of the others."""
    x = as_floats(a, dtype)
    valid = np.logical_not(np.isnan(x))
    if given(where) and where is not True:
        valid = np.logical_and(valid, mask_of(where, x))
    return np.where(valid, x, fill), valid


def _whole(a: Any) -> bool:
    """Whether these are whole numbers, among which there is no NaN: they are summed as such."""
    return a.dtype.kind in "bui"


@formula(np.nansum, out=3)
def nansum(a: Any, axis: Axis = None, dtype: Any = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Any:  # fmt: skip
    if _whole(a):
        return np_sum(a, axis, dtype, keepdims, initial, where)
    total = in_dtype(_without(a, 0.0, where, dtype)[0].sum(axis=axis, keepdims=keepdims), dtype)
    return total + first(initial, total.dtype) if given(initial) else total


@formula(np.nanprod, out=3)
def nanprod(a: Any, axis: Axis = None, dtype: Any = None, keepdims: Any = False, initial: Any = None,
            where: Any = True) -> Any:  # fmt: skip
    if _whole(a):
        return np_prod(a, axis, dtype, keepdims, initial, where)
    x, _ = _without(a, 1.0, where, dtype)
    total = in_dtype(np_prod(x, axis, keepdims=keepdims), dtype)
    return total * first(initial, total.dtype) if given(initial) else total


@formula(np.nancumsum, out=3)
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    if _whole(a):
        return np_cumsum(a, axis, dtype)
    x, _ = _without(a, 0.0, dtype=dtype)
    return in_dtype(cumsum(x.reshape((x.size,)) if axis is None or not x.ndim else x, axis=axis or 0), dtype)


@formula(np.nancumprod, out=3)
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    if _whole(a):
        return np_cumprod(a, axis, dtype)
    x, _ = _without(a, 1.0, dtype=dtype)
    return in_dtype(cumprod(x.reshape((x.size,)) if axis is None or not x.ndim else x, axis=axis or 0), dtype)


@formula(np.nanmean, out=3)
def nanmean(a: Any, axis: Axis = None, dtype: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    x, valid = _without(a, 0.0, where, dtype)
    if x.dtype == np.float16:
        return nanmean(a, axis, np.float32, keepdims, where=where).astype(np.float16)
    n = count(x, axis, keepdims, valid)
    modes.checked(_not_empty, n)
    return x.sum(axis=axis, keepdims=keepdims) / nan_for(n == 0, n)


def _not_empty(n: Any) -> None:
    if np.any(n == 0):
        warn("Mean of empty slice")


@formula(np.nanvar, out=3)
def nanvar(a: Any, axis: Axis = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, *,
           where: Any = True, mean: Any = None, correction: Any = None) -> Any:  # fmt: skip
    x, valid = _without(a, 0.0, where, dtype)
    ddof = freedom(ddof, correction)
    if x.dtype == np.float16:
        return nanvar(a, axis, np.float32, ddof, keepdims, where=where, mean=mean).astype(np.float16)
    left = count(x, axis, keepdims, valid) - ddof
    modes.checked(_freedom_left, left)
    if not given(mean):
        n = count(x, axis, True, valid)
        mean = x.sum(axis=axis, keepdims=True) / np.where(n == 0, 1.0, n)
    return squared_gaps(x, axis, keepdims, valid, mean) / nan_for(left <= 0, left)


def _freedom_left(left: Any) -> None:
    if np.any(left <= 0):
        warn("Degrees of freedom <= 0 for slice.")


@formula(np.nanstd, out=3)
def nanstd(a: Any, axis: Axis = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, *,
           where: Any = True, mean: Any = None, correction: Any = None) -> Any:  # fmt: skip
    return root(nanvar(a, axis, dtype, ddof, keepdims, where=where, mean=mean, correction=correction))


@formula(np.nanmax, out=2)
def nanmax(a: Any, axis: Axis = None, keepdims: Any = False, initial: Any = None, where: Any = True) -> Any:
    x, valid = _without(a, -math.inf, where)
    if not given(initial):
        if given(where) and where is not True:
            raise ValueError("nanmax(where=…) wants initial= too: what the maximum of nothing is")
        top = np.max(x, axis=axis, keepdims=True)
    elif math.prod([x.shape[i] for i in reduced_axes(axis, x.ndim)]):
        top = np.max(x, axis=axis, keepdims=True)
    else:
        shape = tuple([1 if i in reduced_axes(axis, x.ndim) else n for i, n in enumerate(x.shape)])
        top = np.full(shape, -math.inf, x.dtype)
    # A NaN must not share with the −inf that it stands for: a maximum of −inf is the mean of the valid ones.
    low = top == -math.inf
    n = count(x, axis, True, valid)
    top = np.where(low, total_of(x, axis, True, low) / nan_for(n == 0, n), top)
    if given(initial):
        top = np.fmax(top, first(initial, x.dtype))
    modes.checked(_no_nan, top)
    return top if keepdims else np.squeeze(top, axis=reduced_axes(axis, x.ndim))


def _no_nan(top: Any) -> None:
    if np.any(np.isnan(top)):
        warn("All-NaN slice encountered")


@formula(np.nanmin, out=2)
def nanmin(a: Any, axis: Axis = None, keepdims: Any = False, initial: Any = None, where: Any = True) -> Any:
    return -nanmax(-as_floats(a), axis, keepdims, -as_floats(initial) if given(initial) else None, where)


@formula(np.nanargmax, out=2)
def nanargmax(a: Any, axis: int | None = None, *, keepdims: Any = False) -> Any:
    return _nanarg(np.argmax, -math.inf, a, axis, keepdims)


@formula(np.nanargmin, out=2)
def nanargmin(a: Any, axis: int | None = None, *, keepdims: Any = False) -> Any:
    return _nanarg(np.argmin, math.inf, a, axis, keepdims)


def _nanarg(numpys: Any, fill: float, a: Any, axis: int | None, keepdims: Any) -> Any:
    x, valid = _without(a, fill)
    if x.size:
        modes.checked(_some_everywhere, valid, axis)
    return numpys(x, axis=axis, keepdims=keepdims)


def _some_everywhere(valid: Any, axis: int | None) -> None:
    if not np.all(np.any(valid, axis=axis)):
        raise ValueError("All-NaN slice encountered: it has no largest and no smallest element")
