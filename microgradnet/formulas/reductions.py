"""NumPy's reductions with all their arguments: axis=, keepdims=, where=, initial=, dtype=; and ufunc.reduce.

Each has NumPy's own signature. The rows in `ops.reduction` know axes only; `where=` is a choice before them and
`initial=` an operand after them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core import BY_NAME, TABLE, formula, shaped
from ..ops.elementwise import clip
from ..ops.reduction import Axis, cumprod, cumsum, logsumexp, prod
from ..words import refuse

MISSING = np._NoValue  # what NumPy itself takes for "not given"


def prepared(name: str, a: Any, dtype: Any, where: Any, neutral: float) -> Any:
    """What NumPy's reduction `name` reduces: `a` as `dtype`, with `neutral` where the mask says no."""
    if dtype is not None:
        a = a.astype(dtype)
    if where is True or where is MISSING:
        return a
    if not broadcasts(np.shape(where), a.shape):
        raise ValueError(f"np.{name}: where= of shape {np.shape(where)} does not broadcast to the shape {a.shape}")
    return np.where(where, a, neutral)


def in_dtype(total: Any, dtype: Any) -> Any:
    """A total in the dtype that was asked for: by themselves those of small integers are int64 or uint64."""
    return total if dtype is None or total.dtype == dtype else total.astype(dtype)


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of one shape stands beside one of another without making it larger."""
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def count(a: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    """How many elements a reduction of `a` takes into each result: an int, or an array in the dtype of `a`."""
    if where is True or where is MISSING:
        return a.size if axis is None else math.prod([a.shape[i] for i in axes_of(axis, a.ndim)])
    return shaped(np.count_nonzero(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)).astype(a.dtype)


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes meant by `axis`, none negative; NumPy's AxisError for one there is not."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:  # the commonest, and NumPy's way is long
        return (axis % ndim,)
    return normalize_axis_tuple(axis, ndim)


def reduced_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """As `axes_of`, for what NumPy computes by a ufunc's reduce or accumulate: that has an axis 0 of a number, too."""
    return axes_of(axis, ndim) if ndim or axis not in (0, -1) else ()


def asked(keepdims: Any) -> bool:
    """Whether `keepdims` says yes. TypeError for what is no answer, as a dtype that came by position."""
    if keepdims is MISSING:
        return False
    if not isinstance(keepdims, (int, np.bool)):
        raise TypeError(f"keepdims is True or False; got {keepdims!r}. Give dtype= and out= by name")
    return bool(keepdims)


def given(initial: Any) -> bool:
    return initial is not MISSING and initial is not None


def first(initial: Any, dtype: Any) -> Any:
    """`initial=` of a reduction in the dtype of its elements."""
    return shaped(initial).astype(dtype)


@formula(np.sum, out=3)
def np_sum(a: Any, axis: Axis = None, dtype: Any = None, keepdims: Any = False,
           initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    a = prepared("sum", a, dtype, where, 0.0)
    total = in_dtype(TABLE[np.sum](a, axis=axis, keepdims=asked(keepdims)), dtype)
    return total + first(initial, total.dtype) if given(initial) else total


@formula(np.prod, out=3)
def np_prod(a: Any, axis: Axis = None, dtype: Any = None, keepdims: Any = False,
            initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    a = prepared("prod", a, dtype, where, 1.0)
    axes = reduced_axes(axis, a.ndim)
    total = in_dtype(prod(last(a, axes)) if axes or not a.ndim else a.copy(), dtype)
    if asked(keepdims):
        total = total.reshape(tuple([1 if i in axes else n for i, n in enumerate(a.shape)]))
    return total * first(initial, total.dtype) if given(initial) else total


def last(a: Any, axes: tuple[int, ...]) -> Any:
    """`a` with `axes` joined into one, at the end."""
    rest = [i for i in range(a.ndim) if i not in axes]
    return a.transpose((*rest, *axes)).reshape((*[a.shape[i] for i in rest], math.prod(a.shape[i] for i in axes)))


def _extreme(function: Any, pair: Any, lowest: float, a: Any, axis: Axis = None, keepdims: Any = False,
             initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    name = function.__name__
    if not given(initial):
        if where is not True and where is not MISSING:
            raise ValueError(f"np.{name} of a masked array can be of nothing: where= wants initial= beside it")
        return TABLE[function](a, axis=axis, keepdims=asked(keepdims))
    a = prepared(name, a, None, where, lowest)
    if not math.prod([a.shape[i] for i in reduced_axes(axis, a.ndim)]):  # of nothing: the initial number itself
        return np_sum(a, axis, keepdims=keepdims, initial=initial)
    extreme = TABLE[function](a, axis=axis, keepdims=asked(keepdims))
    return pair(extreme, first(initial, extreme.dtype))


@formula(np.mean, out=3)
def np_mean(a: Any, axis: Axis = None, dtype: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    a = prepared("mean", a, dtype, True, 0.0)
    if a.dtype == np.float16:  # whose sums and counts overflow at 65,504
        return np_mean(a.astype(np.float32), axis, None, keepdims, where=where).astype(np.float16)
    return np_sum(a, axis, keepdims=keepdims, where=where) / count(a, axis, asked(keepdims), where)


@formula(np.any, out=2)
def np_any(a: Any, axis: Axis = None, keepdims: Any = False, *, where: Any = True) -> Any:
    return TABLE[np.any](np.logical_and(a, True if where is MISSING else where), axis=axis, keepdims=asked(keepdims))


@formula(np.all, out=2)
def np_all(a: Any, axis: Axis = None, keepdims: Any = False, *, where: Any = True) -> Any:
    left_out = np.logical_not(True if where is MISSING else where)
    return TABLE[np.all](np.logical_or(a, left_out), axis=axis, keepdims=asked(keepdims))


np_max = formula(np.max, np.amax, out=2)(functools.partial(_extreme, np.max, np.maximum, -math.inf))
np_min = formula(np.min, np.amin, out=2)(functools.partial(_extreme, np.min, np.minimum, math.inf))

# ------------------------------------------------------------------------------------------------------ running totals


def _running(name: str, row: Any, a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    a = prepared(name, a, dtype, True, 0.0)
    if axis is None or not reduced_axes(axis, a.ndim):
        a, axis = a.reshape(-1), 0
    return in_dtype(row(a, axis=axis), dtype)


def _cumulative(name: str, row: Any, neutral: float, x: Any, /, *, axis: int | None = None, dtype: Any = None,
                include_initial: bool = False) -> Any:  # fmt: skip
    if axis is None:
        if np.ndim(x) > 1:
            raise ValueError(f"np.{name}: an array of {np.ndim(x)} axes wants axis=, the one to go along")
        axis = 0
    x = np.atleast_1d(x)
    total = _running(name, row, x, axis, dtype)
    if not include_initial:
        return total
    axes = axes_of(axis, x.ndim)
    first = np.full([1 if i in axes else n for i, n in enumerate(x.shape)], neutral, total.dtype)
    return np.concatenate([first, total], axis=axis)


np_cumsum = formula(np.cumsum, out=3)(functools.partial(_running, "cumsum", cumsum))
np_cumprod = formula(np.cumprod, out=3)(functools.partial(_running, "cumprod", cumprod))
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    formula(np.cumulative_sum, out=BY_NAME)(functools.partial(_cumulative, "cumulative_sum", cumsum, 0.0))
    formula(np.cumulative_prod, out=BY_NAME)(functools.partial(_cumulative, "cumulative_prod", cumprod, 1.0))

# ------------------------------------------------------------------------------------------------------- ufunc methods
# NumPy hands their arguments over by name, and asks nobody about a ufunc with `out`.


def _reduce(function: Callable[..., Any], array: Any, axis: Axis = 0, dtype: Any = None, **more: Any) -> Any:
    return in_dtype(function(array if dtype is None else shaped(array).astype(dtype), axis, **more), dtype)


def _reduce_bools(function: Callable[..., Any], array: Any, axis: Axis = 0, dtype: Any = None, keepdims: bool = False,
                  initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    if dtype is not None or given(initial):
        refuse(f"np.logical_….reduce with dtype= or initial=: np.{function.__name__[3:]} is recorded, without them")
    return function(array, axis, keepdims, where=where)


def _accumulate(function: Callable[..., Any], array: Any, axis: int = 0, dtype: Any = None) -> Any:
    if not np.ndim(array):
        reduced_axes(axis, 0)
        raise TypeError("cannot accumulate on a number: it has no axis. np.cumsum and np.cumprod take one, too")
    return function(array, axis, dtype)


formula((np.add, "reduce"))(functools.partial(_reduce, np_sum))
formula((np.multiply, "reduce"))(functools.partial(_reduce, np_prod))
formula((np.maximum, "reduce"))(functools.partial(_reduce, np_max))
formula((np.minimum, "reduce"))(functools.partial(_reduce, np_min))
formula((np.logical_and, "reduce"))(functools.partial(_reduce_bools, np_all))
formula((np.logical_or, "reduce"))(functools.partial(_reduce_bools, np_any))
formula((np.add, "accumulate"))(functools.partial(_accumulate, np_cumsum))
formula((np.multiply, "accumulate"))(functools.partial(_accumulate, np_cumprod))


@formula((np.logaddexp, "reduce"))
def _reduce_logs(array: Any, axis: Axis = 0, dtype: Any = None, keepdims: bool = False, initial: Any = MISSING,
                 where: Any = True) -> Any:  # fmt: skip
    total = logsumexp(prepared("logaddexp.reduce", array, dtype, where, -math.inf), axis, keepdims)
    return np.logaddexp(total, initial) if given(initial) else total


def _outer(ufunc: Any, x: Any, y: Any) -> Any:
    x, y = shaped(x), shaped(y)
    return ufunc(x.reshape((*x.shape, *(1,) * y.ndim)), y)


for _key, _row in TABLE.items():
    if isinstance(_key, np.ufunc) and _row.elementwise and _row.arity == 2 and vars(np).get(_key.__name__) is _key:
        formula((_key, "outer"))(functools.partial(_outer, _key))

# ---------------------------------------------------------------------------------------------------------------- clip


@formula(np.clip, out=3)
def np_clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None, **options: Any) -> Any:
    for name in options:
        refuse(f"np.clip({name}=…) of a Value is not recorded")
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    low, high = None if low is MISSING else low, None if high is MISSING else high
    return +shaped(a) if low is None and high is None else clip(a, low, high)
