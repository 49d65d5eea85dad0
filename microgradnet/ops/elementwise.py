"""Rows that work element by element: arithmetic, powers, comparisons, the elementary functions, activations.

No rule here sums over what broadcasting stretched; the sweep does, once per input. The forwards of arithmetic are
Python's operators: on NumPy scalars they are many times faster than the ufuncs, and on arrays they are the ufuncs.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core import (
    ABOVE_ONE,
    BOOLEAN,
    HUGE,
    POSITIVE,
    REAL,
    TABLE,
    TINY,
    UNIT,
    Domain,
    Later,
    Op,
    Operand,
    Value,
    as_floats,
    case,
    of_one,
    op,
    shaped,
)  # fmt: skip

# --------------------------------------------------------------------------------------------------------- arithmetic

op(np.add, lambda g, out, x, y: g,
           lambda g, out, x, y: g, forward=operator.add, symbol="+", symmetric=True)  # fmt: skip
op(np.subtract, lambda g, out, x, y: g,
                lambda g, out, x, y: -g, forward=operator.sub, symbol="−")  # fmt: skip
op(np.multiply, lambda g, out, x, y: g * y,
                lambda g, out, x, y: g * x, forward=operator.mul, symbol="×", symmetric=True)  # fmt: skip
op(np.divide, lambda g, out, x, y: g / y,
              lambda g, out, x, y: -g * out / y, forward=operator.truediv, symbol="÷",
              domain=(REAL, POSITIVE), at={
                  (1.0, 0.0): (np.inf, -np.inf), (-1.0, 0.0): (np.inf, np.inf),
                  (TINY, TINY): (np.inf, -np.inf), (-TINY, -TINY): (-np.inf, np.inf),
              })  # fmt: skip
op(np.negative, lambda g, out, x: -g, forward=operator.neg, symbol="−")
op(np.positive, lambda g, out, x: g, forward=operator.pos, symbol="copy")
op(np.square, lambda g, out, x: g * (x + x), symbol="²")
op(np.reciprocal, lambda g, out, x: -g * out * out, symbol="1/", domain=POSITIVE, at={0.0: -np.inf})


def _less_one(x: Any, y: Any) -> Any:
    """y − 1, but 0 where x**(y − 1) is infinite although y is 0: the slope y · x**(y − 1) of x**0 is 0 for every x."""
    if isinstance(y, (int, float)):
        return y - 1 if y else 0
    if y.dtype.kind != "f":  # small integers would wrap around
        y = y.astype(np.result_type(x, y))
    return y - ((y != 0) | (np.isfinite(x) & (x != 0)))


def _slope_in_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    """g · y · x**(y − 1), also where one of these is infinite and the product is not."""
    if isinstance(y, int) or (type(y) is float and 0.1 < abs(y) < math.inf):  # where one overflows, all do
        return g * y * x ** (y - 1 if y else 0)
    power = x ** _less_one(x, y)
    if isinstance(y, float):
        y = x.dtype.type(y)
    if y.dtype.kind == "f":
        y = np.where(np.isinf(y) & (power == 0), 0.0, y)
    over = np.isinf(power) & np.isfinite(out) & (x != 0)  # of a denormal x; then y / x · out is the same, and finite
    return g * y * np.where(over, out, power) / np.where(over, x, 1.0)


def _log_of_base(x: Any, y: Any) -> Any:
    """log(x), but 0 where x**y is flat in y although the logarithm is infinite: at 0**y, y ≥ 0, and ∞**y, y < 0."""
    return np.log(np.where(((x == 0) & (y >= 0)) | ((x == math.inf) & (y < 0)), 1.0, x))


op(np.power, _slope_in_base,
             lambda g, out, x, y: g * out * _log_of_base(x, y), forward=operator.pow, symbol="**",
             domain=(POSITIVE, REAL), at={
                 (0.0, 0.0): (0.0, 0.0), (0.0, -1.0): (-np.inf, -np.inf),
                 (1.0, np.inf): (np.inf, 0.0), (1.0, -np.inf): (-np.inf, 0.0), (np.inf, 0.0): (0.0, np.inf),
                 (HUGE, 1.0): (1.0, np.inf),
                 # Of a negative base, NumPy takes whole exponents and infinite ones. There is no slope between them.
                 (-1.0, 1.0): (1.0, np.nan), (-1.0, np.inf): (np.inf, np.nan), (-1.0, -np.inf): (-np.inf, np.nan),
                 (-np.inf, 0.0): (0.0, np.nan), (-np.inf, -1.0): (0.0, np.nan), (-np.inf, -np.inf): (0.0, np.nan),
             })  # fmt: skip

# float_power is a formula, in formulas/arithmetic: it is power in float64.
# What is left of a division: the quotient is constant between the jumps. Of fmod, rint((x − out) / y) is that quotient.
op(np.remainder, lambda g, out, x, y: g,
                 lambda g, out, x, y: -g * np.floor_divide(x, y), forward=operator.mod, symbol="%",
                 domain=(REAL, Domain(0.5, 0.6)),
                 at={(1.0, TINY): (1.0, -np.inf), (1.0, -TINY): (1.0, np.inf)})  # fmt: skip
op(np.fmod, lambda g, out, x, y: g,
            lambda g, out, x, y: -g * np.rint((x - out) / y), domain=(REAL, Domain(0.5, 0.6)),
            at={(1.0, TINY): (1.0, -np.inf), (1.0, -TINY): (1.0, np.inf)})  # fmt: skip
op(np.copysign, lambda g, out, x, y: g * (np.sign(x) * np.copysign(1.0, y)), None, at={(0.0, 1.0): (0.0, None)})
op(np.nextafter, lambda g, out, x, y: g, None)
op(np.ldexp, lambda g, out, x, e: np.ldexp(g, e), None, kind=Op, elementwise=False, cases=[
    case("ab", np.array([-2, 3, 0])[:, None, None]), case("", np.array(2)), case("a", np.array(1)),
])  # fmt: skip
op(np.conjugate, lambda g, out, x: g)

# ---------------------------------------------------------------------------------------------- recorded, nothing flows

op(np.equal, None, None, forward=operator.eq, symbol="=", symmetric=True)
op(np.not_equal, None, None, forward=operator.ne, symbol="≠", symmetric=True)
op(np.less, None, None, forward=operator.lt, symbol="<")
op(np.less_equal, None, None, forward=operator.le, symbol="≤")
op(np.greater, None, None, forward=operator.gt, symbol=">")
op(np.greater_equal, None, None, forward=operator.ge, symbol="≥")
op(np.logical_and, None, None, symbol="and", symmetric=True)
op(np.logical_or, None, None, symbol="or", symmetric=True)
op(np.logical_xor, None, None, symbol="xor", symmetric=True)
op(np.logical_not, None, symbol="not")
op(np.bitwise_and, None, None, symbol="&", domain=BOOLEAN, symmetric=True)
op(np.bitwise_or, None, None, symbol="|", domain=BOOLEAN, symmetric=True)
op(np.bitwise_xor, None, None, symbol="^", domain=BOOLEAN, symmetric=True)
op(np.invert, None, symbol="~", domain=BOOLEAN)


def _stop_gradient(x: Any) -> Any:
    """`x` as a constant: recorded, but nothing flows back through it.

    >>> x = Value(3.0)
    >>> (x * stop_gradient(x)).backward()
    >>> x.grad
    np.float64(3.0)
    """
    return +x


stop_gradient: Op = op("stop_gradient", None, forward=_stop_gradient, symbol="stop", elementwise=True)
op(np.floor_divide, None, None, forward=operator.floordiv, symbol="//", domain=(REAL, POSITIVE))


def _hook_rule(g: Any, out: Any, x: Any, *, function: Any) -> Any:
    given = g
    if type(g) is np.ndarray:  # which others may hold as well
        given = g.copy()
        given.flags.writeable = False
    changed = function(given)
    if changed is None or changed is given:
        return g
    if np.shape(changed) != g.shape:
        raise ValueError(f"hook: a gradient of shape {g.shape} came, and the function returned {np.shape(changed)}")
    changed = shaped(changed)
    return changed.copy() if type(changed) is np.ndarray else changed  # the user's array stays theirs


def _hook(x: Any, *, function: Any) -> Any:
    return +x


hook_row = op("hook", _hook_rule, forward=_hook, cases=[case("ab", function=lambda g: g), case("", function=np.copy)])


@of_one
def hook(x: Any, function: Any) -> Any:
    """`x`, with `function` attached to the gradient that flows back through it.

    `function(g)` is called when a sweep passes; what it returns flows on in place of g, or g itself if it returns None.

    >>> x = Value(3.0)
    >>> y = hook(x * x, print) * 2
    >>> y.backward()
    2.0
    >>> x.grad
    np.float64(12.0)
    """
    if not callable(function):
        raise TypeError(f"hook wants a function of the gradient; got {function!r}. hook(v, print) shows it")
    return hook_row(x, function=function)


op(np.isnan, None)
op(np.isinf, None)
op(np.isfinite, None)
op(np.signbit, None)
op(np.sign, None)
op(np.floor, None)
op(np.ceil, None)
op(np.trunc, None)
op(np.rint, None)
op(np.spacing, None)
op(np.isposinf, None, elementwise=True)
op(np.isneginf, None, elementwise=True)


def _round(a: Any, *, decimals: int = 0) -> Any:
    return np.round(a, decimals)


def _exponent(x: Any) -> Any:
    """The exponent e of x = m · 2ᵉ, with ½ ≤ |m| < 1; an integer."""
    return np.frexp(x)[1]


op(np.round, None, forward=_round, cases=[case("ab"), case("", decimals=1), case("a", decimals=-1)])
TABLE[np.around] = TABLE[np.round]
exponent: Op = op("exponent", None, forward=_exponent, elementwise=True)

# --------------------------------------------------------------------------------------------------- exponents and logs

op(np.exp, lambda g, out, x: g * out)
op(np.exp2, lambda g, out, x: g * out * math.log(2))
op(np.expm1, lambda g, out, x: g * np.exp(x))  # out + 1 would round the slope of a very negative x to 0
op(np.log, lambda g, out, x: g / x, domain=POSITIVE, at={0.0: np.inf, TINY: np.inf})
op(np.log2, lambda g, out, x: g / x / math.log(2), domain=POSITIVE, at={0.0: np.inf, TINY: np.inf})
op(np.log10, lambda g, out, x: g / x / math.log(10), domain=POSITIVE, at={0.0: np.inf, TINY: np.inf})
op(np.log1p, lambda g, out, x: g / (1 + x), domain=POSITIVE, at={-1.0: np.inf})
op(np.sqrt, lambda g, out, x: g / (out + out), symbol="√", domain=POSITIVE, at={0.0: np.inf})
op(np.cbrt, lambda g, out, x: g / (3 * out * out), symbol="∛", domain=POSITIVE, at={0.0: np.inf})


def _of_dtype(x: Any, y: Any) -> Any:
    """A number of Python's in the dtype of the other input: np.where would make doubles of it."""
    return x if hasattr(x, "dtype") else y.dtype.type(x)


def _softshare(x: Any, y: Any) -> Any:
    """exp(x) / (exp(x) + exp(y)): ½ for equals, but 0 for two of −inf, where there is nothing to share."""
    x, y = _of_dtype(x, y), _of_dtype(y, x)
    equal = (x == y) & np.isinf(x)
    gap = np.where(equal, 0.0, x) - np.where(equal, 0.0, y)  # no inf − inf
    return sigmoid(gap) * ((x != -math.inf) | (y != -math.inf))


op(np.logaddexp, lambda g, out, x, y: g * _softshare(x, y),
                 lambda g, out, x, y: g * _softshare(y, x), symmetric=True,
                 at={(-np.inf, -np.inf): (0.0, 0.0), (np.inf, np.inf): (0.5, 0.5)})  # fmt: skip

op(np.logaddexp2, lambda g, out, x, y: g * _softshare(x * math.log(2), y * math.log(2)),
                  lambda g, out, x, y: g * _softshare(y * math.log(2), x * math.log(2)), symmetric=True,
                  at={(-np.inf, -np.inf): (0.0, 0.0), (np.inf, np.inf): (0.5, 0.5)})  # fmt: skip

# ------------------------------------------------------------------------------------------------------------- angles

op(np.sin, lambda g, out, x: g * np.cos(x))
op(np.cos, lambda g, out, x: -g * np.sin(x))
op(np.tan, lambda g, out, x: g * (1 + out * out), domain=UNIT)
op(np.arcsin, lambda g, out, x: g / np.sqrt((1 - x) * (1 + x)), domain=UNIT, at={1.0: np.inf, -1.0: np.inf})
op(np.arccos, lambda g, out, x: -g / np.sqrt((1 - x) * (1 + x)), domain=UNIT, at={1.0: -np.inf, -1.0: -np.inf})
op(np.arctan, lambda g, out, x: g / (1 + x * x))
op(np.sinh, lambda g, out, x: g * np.cosh(x))
op(np.cosh, lambda g, out, x: g * np.sinh(x))
op(np.tanh, lambda g, out, x: g * (1 - out * out))
op(np.arcsinh, lambda g, out, x: g / np.hypot(x, 1.0))
op(np.arccosh, lambda g, out, x: g / np.sqrt((x - 1) * (x + 1)), domain=ABOVE_ONE, at={1.0: np.inf})
op(np.arctanh, lambda g, out, x: g / ((1 - x) * (1 + x)), domain=UNIT, at={1.0: np.inf, -1.0: np.inf})
op(np.deg2rad, lambda g, out, x: g * (math.pi / 180))
op(np.rad2deg, lambda g, out, x: g * (180 / math.pi))
op(np.radians, lambda g, out, x: g * (math.pi / 180))
op(np.degrees, lambda g, out, x: g * (180 / math.pi))


def _cosine(x: Any, r: Any) -> Any:
    """x / r, the slope of r = hypot(x, y) in x; ±1 where x is infinite. 0 / 0 is 0: the smallest subgradient."""
    endless = np.isinf(x)
    return np.where(endless, np.copysign(1.0, x), x) / np.where(endless | (r == 0), 1.0, r)  # no sign of booleans


op(np.hypot, lambda g, out, x, y: g * _cosine(x, out),
             lambda g, out, x, y: g * _cosine(y, out), symmetric=True, at={(0.0, 0.0): (0.0, 0.0)})  # fmt: skip


def _radius(y: Any, x: Any) -> Any:
    r = np.hypot(y, x)
    return r + (r == 0)


op(np.arctan2, lambda g, out, y, x: g * _cosine(x, _radius(y, x)) / _radius(y, x),
               lambda g, out, y, x: -g * _cosine(y, _radius(y, x)) / _radius(y, x), at={
                   (0.0, 0.0): (0.0, 0.0), (TINY, TINY): (np.inf, -np.inf), (-TINY, -TINY): (-np.inf, np.inf),
               })  # fmt: skip


def _sinc_slope(x: Any, out: Any) -> Any:
    """(cos πx − sinc x) / x; near 0, where that cancels, its series."""
    t = x * math.pi
    near = np.abs(t) < 0.3
    z = t * t
    series = t * (-math.pi / 3) * (1 - z / 10 * (1 - z / 28 * (1 - z / 54 * (1 - z / 88))))
    return np.where(near, series, (np.cos(t) - out) / np.where(near, 1.0, x))


op(np.sinc, lambda g, out, x: g * _sinc_slope(x, out), elementwise=True, at={0.0: 0.0}, points=[0.3 / math.pi, 2.0])

# --------------------------------------------------------------------------------------------------- kinks and choices

op(np.absolute, lambda g, out, x: g * np.sign(x), forward=operator.abs, symbol="|·|", at={0.0: 0.0})
op(np.fabs, lambda g, out, x: g * np.sign(x), symbol="|·|", at={0.0: 0.0})


def _chosen(g: Any, mine: Any, theirs: Any) -> Any:
    """All of g where mine is chosen, half of it where neither or both are, none where theirs is."""
    return np.where(mine == theirs, g * 0.5, np.where(mine, g, 0.0))


op(np.heaviside, None, lambda g, out, x, h: np.where(x == 0, g, 0.0))

# A NaN is chosen by maximum and minimum, and never by fmax and fmin.
TAKES_NAN = {(1.0, 1.0): (0.5, 0.5), (np.nan, 1.0): (1.0, 0.0)}
LEAVES_NAN = {(1.0, 1.0): (0.5, 0.5), (np.nan, 1.0): (0.0, 1.0)}
op(np.maximum, lambda g, out, x, y: _chosen(g, (x > y) | np.isnan(x), (y > x) | np.isnan(y)),
               lambda g, out, x, y: _chosen(g, (y > x) | np.isnan(y), (x > y) | np.isnan(x)),
    symmetric=True, at=TAKES_NAN)  # fmt: skip
op(np.minimum, lambda g, out, x, y: _chosen(g, (x < y) | np.isnan(x), (y < x) | np.isnan(y)),
               lambda g, out, x, y: _chosen(g, (y < x) | np.isnan(y), (x < y) | np.isnan(x)),
    symmetric=True, at=TAKES_NAN)  # fmt: skip
op(np.fmax, lambda g, out, x, y: _chosen(g, (x > y) | np.isnan(y), (y > x) | np.isnan(x)),
            lambda g, out, x, y: _chosen(g, (y > x) | np.isnan(x), (x > y) | np.isnan(y)),
    symmetric=True, at=LEAVES_NAN)  # fmt: skip
op(np.fmin, lambda g, out, x, y: _chosen(g, (x < y) | np.isnan(y), (y < x) | np.isnan(x)),
            lambda g, out, x, y: _chosen(g, (y < x) | np.isnan(x), (x < y) | np.isnan(y)),
    symmetric=True, at=LEAVES_NAN)  # fmt: skip


def _where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)[()]


op(np.where, None,
             lambda g, out, condition, x, y: np.where(condition, g, 0.0),
             lambda g, out, condition, x, y: np.where(condition, 0.0, g), forward=_where,
             elementwise=True, domain=(BOOLEAN, REAL, REAL))  # fmt: skip


def _clip(x: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


# On a bound the slope in x is 1, unless nothing is between them. Where low > high, NumPy's answer is high, and so is
# where the gradient goes.
clip_row = op("clip", lambda g, out, x, low, high: np.where((x >= low) & (x <= high) & (low < high), g, 0.0),
                      lambda g, out, x, low, high: np.where((x < low) & (low <= high), g, 0.0),
                      lambda g, out, x, low, high: np.where((x > high) | (low > high), g, 0.0),
              forward=_clip, elementwise=True, domain=(REAL, Domain(-2, -1), Domain(1, 2)), at={
                  (-1.0, -1.0, 1.0): (1.0, 0.0, 0.0), (1.0, -1.0, 1.0): (1.0, 0.0, 0.0),
                  (1.0, 1.0, 1.0): (0.0, 0.0, 0.0),
              })  # fmt: skip


@of_one
def clip(x: Operand, min: Operand | None = None, max: Operand | None = None) -> Any:
    """`x` limited to [`min`, `max`]; either may be None, and both may be Values. The slope is 1 on the bounds.

    TypeError if neither is given.

    >>> clip(Value([-1.0, 0.5, 2.0]), 0.0, 1.0)
    Value(data=[0. , 0.5, 1. ], grad=None)
    """
    if min is None and max is None:
        raise TypeError("clip wants a lower bound, an upper bound, or both")
    if (min is None or max is None) and getattr(getattr(x, "dtype", None), "kind", "f") in "iub":
        x = x.astype(np.result_type(x, max if min is None else min))  # beside ∞, small integers would become float64
    return clip_row(x, -math.inf if min is None else min, math.inf if max is None else max)


# Beside a small array, NumPy takes half as long for an array without axes as for a number of Python's. Of the dtype of
# the other array, it means the same.
ZERO = {np.dtype(kind): np.zeros((), kind) for kind in (np.float16, np.float32, np.float64)}
ONE = {dtype: np.ones((), dtype) for dtype in ZERO}


def _relu(x: Any) -> Any:
    """max(x, 0), element by element; slope 0 at 0.

    >>> relu(Value([-1.0, 2.0]))
    Value(data=[0., 2.], grad=None)
    """
    if type(x) is np.ndarray:
        return np.maximum(x, ZERO.get(x.dtype, 0))
    if type(x) is Later:
        x = x.compute()
    return x if x > 0 or x != x else type(x)(0)  # a ufunc on one number would cost ten times this


def _relu_rule(g: Any, out: Any, x: Any) -> Any:
    """`g` where something came through, else 0, even if g is infinite; g * (out > 0) would be NaN there."""
    if isinstance(out, (np.ndarray, Value)):
        # A choice costs ten times a product where it cannot be foreseen. Of a few numbers it costs less than the test.
        if out.size > 2000 and type(g) is np.ndarray and np.isfinite(g).all():
            return g * (out > 0)
        zero = ZERO.get(g.dtype, 0.0) if type(g) is np.ndarray else 0.0
        return np.where(out > zero, g, zero)
    return g if out > 0 else type(g)(0)


relu: Op = op("relu", _relu_rule, forward=_relu, elementwise=True, at={0.0: 0.0})


NUMBERS = frozenset({float, np.float16, np.float32, np.float64})


@np.errstate(over="ignore")  # exp(1000) is inf, and 1 / (1 + inf) is the right 0
def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(−x)), element by element; precise in both tails.

    >>> sigmoid(Value([-1000.0, 0.0, 1000.0]))
    Value(data=[0. , 0.5, 1. ], grad=None)
    """
    one = ONE.get(x.dtype) if type(x) is np.ndarray and x.ndim else None
    if one is not None:
        out = -x
        np.exp(out, out)  # in place: `out` is nobody else's
        out += one
        return np.reciprocal(out, out)
    if type(x) not in NUMBERS:
        x = as_floats(x)  # the negative of a small integer would wrap around
    return 1 / (np.exp(-x) + 1)


def _sigmoid_rule(g: Any, out: Any, x: Any) -> Any:
    one = ONE.get(out.dtype, 1) if type(out) is np.ndarray else 1
    return g * (out * (one - out))


sigmoid: Op = op("sigmoid", _sigmoid_rule, forward=_sigmoid, symbol="σ", elementwise=True)


# ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) is a row because of its slope: far away, where the cube is infinite, that of
# the formula is 0 · ∞. From 10 on, tanh is ±1 to the last digit.
C = math.sqrt(2 / math.pi)
D = C * 0.044715


@np.errstate(over="ignore")
def _gelu_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(x * (x * x * D + C)))


def _gelu_tanh_slope(x: Any) -> Any:
    x = clip_row(x, -10.0, 10.0)
    square = x * x
    t = np.tanh(x * (square * D + C))
    return 0.5 * (1 + t) * (1 + x * (1 - t) * (square * (3 * D) + C))


gelu_tanh: Op = op("gelu_tanh", lambda g, out, x: g * _gelu_tanh_slope(x), forward=_gelu_tanh, elementwise=True)
