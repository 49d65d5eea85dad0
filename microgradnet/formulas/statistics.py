"""NumPy's statistics: spread, order, covariance.

Signatures, shapes and result dtypes are NumPy's, also where it computes in float64 whatever it is given: cov, interp,
quantile with a list of q. A gradient has the dtype of its Value all the same.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
import warnings
from typing import Any

import numpy as np

from ..checks import unmasked
from ..core import Value, as_floats, formula, modes, plain_data, shaped
from ..ops.elementwise import stop_gradient
from ..ops.reduction import Axis, argsort, cumsum
from ..ops.shape import SLOT, take
from ..words import refuse
from .reductions import axes_of, count, given


def weak(x: Any) -> Any:
    """A NumPy scalar as a Python number, which takes the dtype of what it meets."""
    return x.item() if isinstance(x, np.generic) else x


def mask_of(where: Any, x: Any) -> Any:
    """`where` in the shape of `x`."""
    where = shaped(where)
    if where.dtype.kind != "b":
        raise TypeError(f"where= is made of booleans; got dtype {where.dtype}. A comparison makes them: where=x > 0")
    return np.broadcast_to(where, x.shape)


def total_of(x: Any, axis: Axis, keepdims: Any, where: Any) -> Any:
    return (x if where is True else np.where(where, x, 0.0)).sum(axis=axis, keepdims=keepdims)


def nan_for(bad: Any, x: Any) -> Any:
    """`x` with NaN for what is bad: a divisor of 0 that makes no warning, neither here nor in the backward."""
    return np.where(bad, math.nan, x)


def root(x: Any) -> Any:
    """√x with slope 0 at 0, the smallest subgradient: what a standard deviation has at a constant."""
    flat = x == 0
    return np.where(flat, 0.0, np.sqrt(np.where(flat, 1.0, x)))


def warn(text: str) -> None:
    """NumPy's own warning, at the line of the program, however many formulas lie between it and here."""
    package, level = __name__.partition(".")[0], 1
    while sys._getframe(level).f_globals.get("__name__", "").partition(".")[0] == package:
        level += 1
    warnings.warn(text, RuntimeWarning, stacklevel=level + 1)


# ----------------------------------------------------------------------------------------------------- means and spread


@formula(np.average)
def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    x = as_floats(a)
    axes_of(axis, x.ndim)  # NumPy's AxisError, also for axis 0 of a number
    if weights is None:
        mean = np.mean(x, axis=axis, keepdims=keepdims)
        total = np.full(mean.shape, count(x, axis, keepdims, True), mean.dtype)[()]
        return (mean, total) if returned else mean
    w = _weights(weights, x, axis)
    dtype = np.result_type(x.dtype, w.dtype)
    x, w = as_floats(x, dtype), as_floats(w, dtype)
    total = w.sum(axis=axis, keepdims=keepdims)
    modes.checked(_some_weight, total)
    mean = (x * w).sum(axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape)) if returned else mean


def _some_weight(total: Any) -> None:
    if np.any(total == 0):
        raise ZeroDivisionError("the weights of an average sum to 0: there is nothing to divide by")


def _weights(weights: Any, x: Any, axis: Axis) -> Any:
    """Weights of the shape of `x`, or of its axes that are reduced, so that they broadcast to it."""
    w = shaped(weights)
    if w.shape == x.shape:
        return w
    if axis is None:
        raise TypeError(f"weights of shape {w.shape} for an array of shape {x.shape}: say along which axis they go")
    axes = axes_of(axis, x.ndim)
    wanted = tuple([x.shape[i] for i in axes])
    if w.shape != wanted:
        raise ValueError(
            f"weights of shape {w.shape}: they have the shape of the array, {x.shape}, or of its axes {axes}, {wanted}"
        )
    order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return w.transpose(order).reshape(tuple([n if i in axes else 1 for i, n in enumerate(x.shape)]))


@formula(np.var, out=3)
def var(a: Any, axis: Axis = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, *,
        where: Any = True, mean: Any = None, correction: Any = None) -> Any:  # fmt: skip
    x, where, ddof = as_floats(a, dtype), True if where is np._NoValue else where, freedom(ddof, correction)
    return variance(x, axis, ddof, keepdims, where if where is True else mask_of(where, x), mean)


@formula(np.std, out=3)
def std(a: Any, axis: Axis = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, *,
        where: Any = True, mean: Any = None, correction: Any = None) -> Any:  # fmt: skip
    return root(var(a, axis, dtype, ddof, keepdims, where=where, mean=mean, correction=correction))


def freedom(ddof: Any, correction: Any) -> Any:
    if not given(correction):
        return weak(ddof)
    if not isinstance(ddof, Value) and ddof != 0:
        raise ValueError(f"ddof={ddof} and correction={correction}: they are two names of one thing, give one")
    return weak(correction)


def variance(x: Any, axis: Axis, ddof: Any, keepdims: Any, where: Any, mean: Any) -> Any:
    """The variance. Without freedom left NumPy divides by 0, with a warning, and so do we."""
    if x.dtype == np.float16:  # whose squares and counts overflow at 65,504
        return variance(x.astype(np.float32), axis, ddof, keepdims, where, mean).astype(np.float16)
    left = count(x, axis, keepdims, where) - ddof
    modes.checked(freedom_left, left)
    squares = squared_gaps(x, axis, keepdims, where, mean)
    return squares / (max(left, 0) if where is True else np.maximum(left, 0.0))


def freedom_left(left: Any) -> None:
    """NumPy's warning where there is none."""
    if np.any(left <= 0):
        warn("Degrees of freedom <= 0 for slice")


def squared_gaps(x: Any, axis: Axis, keepdims: Any, where: Any, mean: Any) -> Any:
    """The sum of the squared distances to the mean."""
    if not given(mean):
        mean = total_of(x, axis, True, where) / count(x, axis, True, where)
    away = x - mean if where is True else np.where(where, x - mean, 0.0)  # here: no NaN may reach the square
    return np.square(away).sum(axis=axis, keepdims=keepdims)


@formula(np.ptp, out=2)
def ptp(a: Any, axis: Axis = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# ---------------------------------------------------------------------------------------------------- order statistics


@formula(np.median, out=2)
def median(a: Any, axis: Axis = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    x = as_floats(a)
    ordered = ordered_first(x, axis)
    n = len(ordered)
    if not n:
        return np.mean(x, axis=axis, keepdims=keepdims)  # NaN, and NumPy's warning
    middle = ordered[(n - 1) // 2] * 0.5 + ordered[n // 2] * 0.5  # not (a + b) / 2, which may overflow
    return kept(np.where(np.isnan(ordered[-1]), ordered[-1], middle), x.shape, axis, keepdims)


@formula(np.nanmedian, out=2)
def nanmedian(a: Any, axis: Axis = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    x = as_floats(a)
    if not x.size:
        return np.nanmean(x, axis, keepdims=keepdims)
    ordered = ordered_first(x, axis)
    count = count_valid(ordered)
    middle = pick(ordered, np.maximum(count - 1, 0) // 2) * 0.5 + pick(ordered, count // 2) * 0.5
    return kept(middle, x.shape, axis, keepdims)


# Methods that take one of the elements, and by how much the place of the q-quantile of n elements moves with q, less n,
# in those that are smooth in q. The remaining two jump: nothing flows to their q.
CHOOSING = {"inverted_cdf", "closest_observation", "lower", "higher", "nearest"}
SMOOTH_IN_Q = {
    "linear": -1.0, "interpolated_inverted_cdf": 0.0, "hazen": 0.0, "weibull": 1.0, "median_unbiased": 1 / 3,
    "normal_unbiased": 0.25,
}  # fmt: skip


def _quantile(numpys: Any, skip: bool, a: Any, q: Any, axis: Axis = None, overwrite_input: bool = False,
              method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:  # fmt: skip
    """The quantiles of the elements, sorted: q goes along the first axes. `skip` leaves NaNs out.

    Where among n sorted elements a quantile lies, NumPy says: it is the quantile of 0, 1, …, n − 1.
    """
    x, q = as_floats(a), unmasked("q", q)
    if weights is not None:
        return _weighted_quantile(numpys, x, q, axis, method, keepdims, weights, skip)
    if skip and not x.size:
        return np.nanmean(x, axis, keepdims=keepdims)
    ordered = ordered_first(x, axis)
    if skip:
        last = np.maximum(plain_data(count_valid(ordered)) - 1, 0)
        where = modes.called(_places, numpys, last + 1, q, method, x.dtype)
    else:
        last = len(ordered) - 1
        where = modes.called(_place, numpys, last + 1, q, method, x.dtype) if isinstance(q, Value) else (
            _place(numpys, last + 1, q, method, x.dtype)
        )  # fmt: skip
        where = where.reshape(where.shape + (1,) * (ordered.ndim - 1))
    below = np.floor(where).astype(np.intp)
    lower = pick(ordered, below)
    if method in CHOOSING:
        result = lower
    else:
        t = where - below
        some = np.zeros(q.shape, q.dtype) if isinstance(q, Value) else q
        t = t.astype(numpys(np.zeros(1, x.dtype), some, method=method).dtype)
        if isinstance(q, Value) and method in SMOOTH_IN_Q:
            t = t + _motion(q, where, last, method, numpys)
        upper = pick(ordered, np.minimum(below + 1, last))
        gap = upper - lower
        # From the nearer end, as NumPy: no rounding where two are equal. What t is not, `gap` is not multiplied with.
        result = np.where(t >= 0.5, upper - gap * (1 - t), lower + gap * t)
    if not skip:
        result = np.where(np.isnan(ordered[-1]), ordered[-1], result)
    return kept(result, x.shape, axis, keepdims, np.ndim(q))


formula(np.quantile, out=3)(functools.partial(_quantile, np.quantile, False))
formula(np.percentile, out=3)(functools.partial(_quantile, np.percentile, False))
formula(np.nanquantile, out=3)(functools.partial(_quantile, np.quantile, True))
formula(np.nanpercentile, out=3)(functools.partial(_quantile, np.percentile, True))


def _place(numpys: Any, n: int, q: Any, method: str, dtype: Any) -> Any:
    """Where the quantiles of n sorted elements lie, as fractions of an index."""
    # Where a rounding of q decides between elements, q must be rounded as it is beside data of this dtype.
    exact = n <= 1 / np.finfo(dtype).eps and method not in SMOOTH_IN_Q
    ruler = np.arange(n, dtype=dtype if exact else np.float64)
    return np.asarray(numpys(ruler, q, method=method), np.float64)


def _places(numpys: Any, counts: Any, q: Any, method: str, dtype: Any) -> Any:
    """The same for slices of several lengths."""
    where = np.zeros((*np.shape(q), *np.shape(counts)))
    for n in np.unique(counts):
        where[..., counts == n] = _place(numpys, int(n), q, method, dtype)[..., None]
    return where


def _motion(q: Any, where: Any, last: Any, method: str, numpys: Any) -> Any:
    """0, with the slope of the quantile's place in q."""
    rate = (last + 1 + SMOOTH_IN_Q[method]) / (100 if numpys is np.percentile else 1)
    moving = np.where((where > 0) & (where < last), rate, 0.0).astype(q.dtype)
    return (q - stop_gradient(q)).reshape(q.shape + (1,) * (where.ndim - q.ndim)) * moving


def _weighted_quantile(numpys: Any, x: Any, q: Any, axis: Axis, method: str, keepdims: Any, weights: Any,
                       skip: bool) -> Any:  # fmt: skip
    """The first of the sorted elements at which the weights before and at it add up to q of all."""
    modes.checked(_objections, numpys, q, method)
    w = np.broadcast_to(_weights(weights, x, axis), x.shape)
    modes.checked(_not_negative, w)
    q = shaped(q) * 1.0 / (100 if numpys is np.percentile else 1)
    if skip:
        w = np.where(np.isnan(x), 0.0, w)
    shape, x, w = x.shape, front(x, axis), front(w, axis)
    order = argsort(x, axis=0)
    x, w = pick(x, order), pick(w, order)
    reached = cumsum(as_floats(w, np.float64), axis=0)
    total = plain_data(reached)[-1]
    modes.checked(_positive_sum, total, x, skip)
    reached = reached / np.where(total == 0, 1.0, total)
    # An element without weight is never the one, not even the first for q = 0.
    short = (reached < q.reshape(q.shape + (1,) * x.ndim)) | (reached == 0)
    index = np.minimum(short.sum(axis=q.ndim), len(x) - 1)
    result = pick(x, index)
    if not skip:
        result = np.where(np.isnan(x[-1]), x[-1], result)
    return kept(result, shape, axis, keepdims, q.ndim)


def _objections(numpys: Any, q: Any, method: str) -> None:
    numpys(np.zeros(1), q, method=method, weights=np.ones(1))  # NumPy's own


def _not_negative(w: Any) -> None:
    if np.any(w < 0):
        raise ValueError("the weights of a quantile are not negative; got some that are")


def _positive_sum(total: Any, x: Any, skip: bool) -> None:
    if not np.all(np.isfinite(total) & (total > 0) | np.all(np.isnan(x), axis=0) & skip):
        raise ValueError("the weights of a quantile have a positive, finite sum; got others")


def front(x: Any, axis: Axis) -> Any:
    """`x` with the axes to be reduced joined into one, the first."""
    axes = axes_of(axis, x.ndim)
    others = [i for i in range(x.ndim) if i not in axes]
    if axes != tuple(range(len(axes))):
        x = x.transpose((*axes, *others))
    return x.reshape((math.prod(x.shape[: len(axes)]), *x.shape[len(axes) :]))


def ordered_first(x: Any, axis: Axis) -> Any:
    """The elements in order along the first axis, NaNs last; equals keep their order."""
    x = front(x, axis)
    return pick(x, argsort(x, axis=0))


def pick(x: Any, index: Any) -> Any:
    """The elements of `x` at `index` on the first axis, place by place on the others; `index` may have more axes."""
    return take(x, index, *np.indices(x.shape[1:], sparse=True), index=(SLOT,) * x.ndim)


def count_valid(ordered: Any) -> Any:
    """How many are not NaN. Warns, as NumPy, where all are."""
    count = np.logical_not(np.isnan(ordered)).sum(axis=0)
    modes.checked(_some_valid, count)
    return count


def _some_valid(count: Any) -> None:
    if np.any(count == 0):
        warn("All-NaN slice encountered")


def kept(result: Any, shape: tuple[int, ...], axis: Axis, keepdims: Any, more: int = 0) -> Any:
    """`result`, with axes of size 1 for the reduced ones of `shape` if they are to be kept; `more` axes go before."""
    if not keepdims:
        return result
    axes = axes_of(axis, len(shape))
    return result.reshape((*result.shape[:more], *[1 if i in axes else n for i, n in enumerate(shape)]))


# ------------------------------------------------------------------------------------------------------- covariance


@formula(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
        aweights: Any = None, *, dtype: Any = None) -> Any:  # fmt: skip
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"cov wants a whole number for ddof; got {ddof}")
    m, more = shaped(m), [] if y is None else [shaped(y)]
    for x in (m, *more):
        if x.ndim > 2:
            raise ValueError(f"cov wants observations in one or two axes; got shape {x.shape}")
    dtype = dtype or np.result_type(m.dtype, *[x.dtype for x in more], np.float64)
    rows = as_floats(m, dtype).reshape((1,) * (2 - m.ndim) + m.shape)
    if not rowvar and m.ndim != 1:
        rows = rows.T
    if not rows.shape[0]:
        return rows.reshape((0, 0))
    for x in more:
        others = as_floats(x, dtype).reshape((1,) * (2 - x.ndim) + x.shape)
        rows = np.concatenate([rows, others if rowvar or len(others) == 1 else others.T], axis=0)
    ddof = (0 if bias else 1) if ddof is None else int(ddof)
    f, w = _sample_weights("fweights", fweights, rows), _sample_weights("aweights", aweights, rows)
    if f is not None:
        modes.checked(_whole, f)
    both: Any = w if f is None else f if w is None else f * w
    if both is None:
        mean, total = np.mean(rows, axis=1, keepdims=True), rows.shape[1]
    else:
        mean, total = average(rows, 1, both, keepdims=True), both.sum()
    unweighted = both is None or w is None or not ddof
    left = total - (ddof if unweighted else (both * w).sum() * ddof / total)
    if modes.asked(operator.le, left, 0):
        warn("Degrees of freedom <= 0 for slice")
        left = np.float64(0.0)
    away = rows - mean
    c = away @ (away if both is None else away * both).T
    c = c / left if isinstance(left, Value) else c * np.true_divide(1, left, dtype=c.dtype)
    return c.reshape(()) if len(rows) == 1 else c


def _sample_weights(name: str, weights: Any, rows: Any) -> Any:
    """One weight for each observation, or None."""
    if weights is None:
        return None
    w = as_floats(weights, np.float64)
    if w.ndim > 1:
        raise RuntimeError(f"{name} have one axis, one weight for each observation; got shape {w.shape}")
    if w.shape[0] != rows.shape[1]:
        raise RuntimeError(f"{w.shape[0]} {name} for {rows.shape[1]} observations: give one for each")
    modes.checked(_no_negative_weights, name, w)
    return w


def _no_negative_weights(name: str, w: Any) -> None:
    if np.any(w < 0):
        raise ValueError(f"{name} are not negative; got some that are")


def _whole(f: Any) -> None:
    if np.any(f != np.round(f)):
        raise TypeError("fweights count repetitions: they are whole numbers; got others. aweights are any numbers")


@formula(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None, **old: Any) -> Any:
    for name in old:  # bias and ddof cancel; NumPy takes them no more
        refuse(f"np.corrcoef({name}=…) has no effect")
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    i = np.arange(len(c))
    deviation = np.sqrt(c[i, i])
    return np.clip(c / deviation[:, None] / deviation[None, :], -1, 1)
