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

from ..core import FORMULAS, TABLE, Value, shaped
from ..ops.elementwise import clip as clip_row
from ..ops.elementwise import stop_gradient
from ..ops.reduction import Axis, cumprod, cumsum, prod
from ..words import refuse

MISSING = np._NoValue  # what NumPy itself takes for "not given"


def refuse_out(name: str, out: Any) -> None:
    """`out=` of a function of NumPy that got a Value."""
    if out is not None and out is not MISSING:
        refuse(f"np.{name}(out=…) would write a recorded result into an array. Leave out= away and use the result")


def prepared(name: str, a: Any, dtype: Any, out: Any, where: Any, neutral: float) -> Any:
    """What NumPy's reduction `name` reduces: `a` as `dtype`, with `neutral` where the mask says no."""
    refuse_out(name, out)
    a = shaped(a)
    if dtype is not None:
        a = a.astype(dtype)
    if where is True or where is MISSING:
        return a
    if np.broadcast_shapes(np.shape(where), a.shape) != a.shape:
        raise ValueError(f"np.{name}: where= of shape {np.shape(where)} does not broadcast to the shape {a.shape}")
    return np.where(where, a, neutral)


def count(a: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    """How many elements a reduction of `a` takes into each result: an int, or an array in the dtype of `a`."""
    if where is True or where is MISSING:
        return math.prod(a.shape[i] for i in axes_of(axis, a.ndim))
    return shaped(np.count_nonzero(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)).astype(a.dtype)


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes meant by `axis`, none negative; NumPy's AxisError for one there is not."""
    if axis is None or not ndim:  # NumPy lets a number be reduced over axis 0
        return tuple(range(ndim))
    return normalize_axis_tuple(axis, ndim)


def asked(keepdims: Any) -> bool:
    """Whether `keepdims` says yes. TypeError for what is no answer, as a dtype that came by position."""
    if keepdims is MISSING:
        return False
    if not isinstance(keepdims, bool | int | np.bool):
        raise TypeError(f"keepdims is True or False; got {keepdims!r}. Give dtype= and out= by name")
    return bool(keepdims)


def given(initial: Any) -> bool:
    return initial is not MISSING and initial is not None


def first(initial: Any, dtype: Any) -> Any:
    """`initial=` of a reduction in the dtype of its elements."""
    return initial.astype(dtype) if isinstance(initial, Value) else np.asarray(initial, dtype)[()]


def np_sum(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
           initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    a = prepared("sum", a, dtype, out, where, 0.0)
    total = TABLE[np.sum](a, axis=axis, keepdims=asked(keepdims))
    return total + first(initial, total.dtype) if given(initial) else total


def np_prod(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
            initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    a = prepared("prod", a, dtype, out, where, 1.0)
    axes = axes_of(axis, a.ndim)
    total = prod(last(a, axes)) if axes or not a.ndim else a.copy()
    if asked(keepdims):
        total = total.reshape(tuple([1 if i in axes else n for i, n in enumerate(a.shape)]))
    return total * first(initial, total.dtype) if given(initial) else total


def last(a: Any, axes: tuple[int, ...]) -> Any:
    """`a` with `axes` joined into one, at the end."""
    rest = [i for i in range(a.ndim) if i not in axes]
    return a.transpose((*rest, *axes)).reshape((*[a.shape[i] for i in rest], math.prod(a.shape[i] for i in axes)))


def _extreme(function: Any, pair: Any, lowest: float, a: Any, axis: Axis = None, out: Any = None,
             keepdims: Any = False, initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    if where is not True and where is not MISSING and not given(initial):
        raise ValueError(f"np.{function.__name__} of a masked array can be of nothing: where= wants initial= beside it")
    a = prepared(function.__name__, a, None, out, where, lowest)
    if given(initial) and not count(a, axis, False, True):  # of nothing: the initial number itself
        return np_sum(a, axis, keepdims=keepdims, initial=initial)
    extreme = TABLE[function](a, axis=axis, keepdims=asked(keepdims))
    return pair(extreme, first(initial, extreme.dtype)) if given(initial) else extreme


def np_mean(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *,
            where: Any = True) -> Any:  # fmt: skip
    a = prepared("mean", a, dtype, out, True, 0.0)
    if a.dtype == np.float16:  # whose sums and counts overflow at 65,504
        return np_mean(a.astype(np.float32), axis, None, None, keepdims, where=where).astype(np.float16)
    return np_sum(a, axis, keepdims=keepdims, where=where) / count(a, axis, asked(keepdims), where)


def np_any(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    refuse_out("any", out)
    return TABLE[np.any](np.logical_and(a, True if where is MISSING else where), axis=axis, keepdims=asked(keepdims))


def np_all(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    refuse_out("all", out)
    left_out = np.logical_not(True if where is MISSING else where)
    return TABLE[np.all](np.logical_or(a, left_out), axis=axis, keepdims=asked(keepdims))


FORMULAS[np.sum] = np_sum
FORMULAS[np.prod] = np_prod
FORMULAS[np.mean] = np_mean
FORMULAS[np.max] = FORMULAS[np.amax] = functools.partial(_extreme, np.max, np.maximum, -math.inf)
FORMULAS[np.min] = FORMULAS[np.amin] = functools.partial(_extreme, np.min, np.minimum, math.inf)
FORMULAS[np.any] = np_any
FORMULAS[np.all] = np_all

# ------------------------------------------------------------------------------------------------------ running totals


def _running(name: str, row: Any, a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    a = prepared(name, a, dtype, out, True, 0.0)
    return row(a.reshape(-1), axis=0) if axis is None or not a.ndim else row(a, axis=axis)


def _cumulative(name: str, row: Any, neutral: float, x: Any, /, *, axis: int | None = None, dtype: Any = None,
                out: Any = None, include_initial: bool = False) -> Any:  # fmt: skip
    if axis is None:
        if np.ndim(x) > 1:
            raise ValueError(f"np.{name}: an array of {np.ndim(x)} axes wants axis=, the one to go along")
        axis = 0
    x = np.atleast_1d(x)
    total = _running(name, row, x, axis, dtype, out)
    if not include_initial:
        return total
    axes = axes_of(axis, x.ndim)
    first = np.full([1 if i in axes else n for i, n in enumerate(x.shape)], neutral, total.dtype)
    return np.concatenate([first, total], axis=axis)


FORMULAS[np.cumsum] = functools.partial(_running, "cumsum", cumsum)
FORMULAS[np.cumprod] = functools.partial(_running, "cumprod", cumprod)
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    FORMULAS[np.cumulative_sum] = functools.partial(_cumulative, "cumulative_sum", cumsum, 0.0)
    FORMULAS[np.cumulative_prod] = functools.partial(_cumulative, "cumulative_prod", cumprod, 1.0)

# ---------------------------------------------------------------------------------------------------------- logsumexp


def peak(x: Any, axis: Axis) -> Any:
    """The maximum over `axis`, kept, 0 if infinite: what to subtract from `x` before exponentiating.

    Nothing flows back through it: the results below do not depend on which number it is.
    """
    peak = stop_gradient(np.max(x, axis=axis, keepdims=True))
    return np.where(np.isfinite(peak), peak, 0.0)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`, without overflow. All −inf gives −inf, and a gradient of 0.

    >>> logsumexp(Value([1000.0, 1000.0]))
    Value(data=1000.6931471805599, grad=None)
    """
    x = shaped(x)
    top = peak(x, axis)
    total = np.exp(x - top).sum(axis=axis, keepdims=True)
    nothing = total == 0
    out = np.where(nothing, -math.inf, np.log(np.where(nothing, 1.0, total)) + top)
    return out if keepdims else np.squeeze(out, axis=axis if axis is not None else tuple(range(x.ndim)))


# ------------------------------------------------------------------------------------------------------- ufunc methods


def _reduce(function: Callable[..., Any], array: Any, axis: Axis = 0, dtype: Any = None, out: Any = None,
            keepdims: bool = False, initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    more = {} if dtype is None else {"dtype": dtype}
    return function(array, axis, out=out, keepdims=keepdims, initial=initial, where=where, **more)


def _reduce_bools(function: Callable[..., Any], array: Any, axis: Axis = 0, dtype: Any = None, out: Any = None,
                  keepdims: bool = False, initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    if dtype is not None or given(initial):
        refuse(f"np.logical_….reduce with dtype= or initial=: np.{function.__name__[3:]} is recorded, without them")
    return function(array, axis, out, keepdims, where=where)


def _accumulate(function: Any, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    return function(array, axis, dtype, out)


def _reduce_logs(array: Any, axis: Axis = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
                 initial: Any = MISSING, where: Any = True) -> Any:  # fmt: skip
    total = logsumexp(prepared("logaddexp.reduce", array, dtype, out, where, -math.inf), axis, keepdims)
    return np.logaddexp(total, initial) if given(initial) else total


FORMULAS[np.add, "reduce"] = functools.partial(_reduce, np_sum)
FORMULAS[np.multiply, "reduce"] = functools.partial(_reduce, np_prod)
FORMULAS[np.maximum, "reduce"] = functools.partial(_reduce, FORMULAS[np.max])
FORMULAS[np.minimum, "reduce"] = functools.partial(_reduce, FORMULAS[np.min])
FORMULAS[np.logical_and, "reduce"] = functools.partial(_reduce_bools, np_all)
FORMULAS[np.logical_or, "reduce"] = functools.partial(_reduce_bools, np_any)
FORMULAS[np.logaddexp, "reduce"] = _reduce_logs
FORMULAS[np.add, "accumulate"] = functools.partial(_accumulate, FORMULAS[np.cumsum])
FORMULAS[np.multiply, "accumulate"] = functools.partial(_accumulate, FORMULAS[np.cumprod])


def _outer(ufunc: Any, x: Any, y: Any) -> Any:
    x, y = shaped(x), shaped(y)
    return ufunc(x.reshape((*x.shape, *(1,) * y.ndim)), y)


for _key in [key for key, row in TABLE.items() if isinstance(key, np.ufunc) and row.elementwise and row.arity == 2]:
    FORMULAS[_key, "outer"] = functools.partial(_outer, _key)

# ---------------------------------------------------------------------------------------------------------------- clip


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """`x` limited to [`min`, `max`]; either may be None, and both may be Values. The slope is 1 on the bounds."""
    if min is None and max is None:
        raise TypeError("clip wants a lower bound, an upper bound, or both")
    return clip_row(x, -math.inf if min is None else min, math.inf if max is None else max)


def np_clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None,
            **options: Any) -> Any:  # fmt: skip
    refuse_out("clip", out)
    for name in options:
        refuse(f"np.clip({name}=…) of a Value is not recorded")
    low, high = [
        None if x is MISSING else x for x in (min if a_min is None else a_min, max if a_max is None else a_max)
    ]
    return +shaped(a) if low is None and high is None else clip(a, low, high)


FORMULAS[np.clip] = np_clip
