"""Formulas over the rows, with no rules of their own: means, activations, softmax, costs.

Arrays in, arrays out; a Value anywhere in, a Value out. Shapes are NumPy's: the last axis holds the outputs of one
example, the axes before it count examples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .engine import FORMULAS, Operand, Value, refuse, shaped
from .ops.cost import quadratic_cost
from .ops.elementwise import clip as _clip
from .ops.elementwise import relu, sigmoid, stop_gradient
from .ops.linear import linear
from .ops.reduction import Axis

__all__ = [
    "clip",
    "cross_entropy",
    "elu",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "mean",
    "quadratic_cost",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "stop_gradient",
    "tanh",
]


def tanh(x: Operand) -> Any:
    """The hyperbolic tangent; `np.tanh`, here beside the other activations."""
    return np.tanh(x)


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over `axis` (an int, a tuple, or None for all). NaN, with NumPy's warning, if there is nothing to
    average.

    >>> mean(Value([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Value(data=[2., 3.], grad=None)
    """
    if not isinstance(x, Value):
        return shaped(x).mean(axis=axis, keepdims=keepdims)
    if x.dtype == np.float16:  # whose sums and counts overflow at 65,504
        return mean(x.astype(np.float32), axis, keepdims).astype(np.float16)
    total = x.sum(axis=axis, keepdims=keepdims)
    count = x.size // total.size if total.size else math.prod(x.shape[a] for a in _axes(axis, x.ndim))
    return total / count


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return axis if isinstance(axis, tuple) else (axis,)


def clip(x: Operand, min: Operand | None = None, max: Operand | None = None) -> Any:
    """`x` limited to [`min`, `max`]; either may be None, and both may be Values. The slope is 1 on the bounds."""
    if min is None and max is None:
        raise TypeError("clip wants a lower bound, an upper bound, or both")
    return _clip(x, -math.inf if min is None else min, math.inf if max is None else max)


# NumPy's own signatures of these, as far as they are recorded.


def _np_clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _np_ravel(a: Any, order: str = "C") -> Any:
    if order != "C":
        raise TypeError(f"np.ravel(order={order!r}) of a Value: only row-major order 'C' is recorded")
    return a.ravel()


def _np_mean(a: Any, axis: Axis = None, *, keepdims: bool = False, **more: Any) -> Any:
    _refuse_more("mean", more)
    return mean(a, axis, keepdims)


def _np_amax(a: Any, axis: Axis = None, *, keepdims: bool = False, **more: Any) -> Any:
    _refuse_more("amax", more)
    return a.max(axis, keepdims)


def _np_amin(a: Any, axis: Axis = None, *, keepdims: bool = False, **more: Any) -> Any:
    _refuse_more("amin", more)
    return a.min(axis, keepdims)


def _refuse_more(name: str, more: dict[str, Any]) -> None:
    for given, value in more.items():
        if value is not None:
            refuse(f"np.{name}({given}=…) is not recorded")


FORMULAS[np.amax] = _np_amax
FORMULAS[np.amin] = _np_amin
FORMULAS[np.mean] = _np_mean
FORMULAS[np.clip] = _np_clip
FORMULAS[np.ravel] = _np_ravel


# -------------------------------------------------------------------------------------------------------- activations


def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Any:
    """`x` where it is positive, `negative_slope * x` elsewhere; at 0 the slope is `negative_slope`."""
    x = shaped(x)
    return np.where(x > 0, x, x * negative_slope)


def elu(x: Operand, alpha: float = 1.0) -> Any:
    """`x` where it is ≥ 0, `alpha * (exp(x) − 1)` elsewhere; at 0 the slope is 1."""
    x = shaped(x)
    below = np.where(x >= 0, 0.0, x)  # or expm1 of a large x would be inf · 0 in its slope
    return np.where(x >= 0, x, np.expm1(below) * alpha)


def softplus(x: Operand) -> Any:
    """log(1 + exp(x)), a smooth relu, finite for every finite x."""
    return np.logaddexp(x, 0.0)


# ------------------------------------------------------------------------------------------------------------ softmax


def _peak(x: Any, axis: Axis) -> Any:
    """The maximum over `axis`, kept, 0 if infinite: what to subtract from `x` before exponentiating.

    Nothing flows back through it: the results below do not depend on which number it is.
    """
    peak = stop_gradient(np.max(x, axis=axis, keepdims=True))
    return np.where(np.isfinite(peak), peak, 0.0)


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`, without overflow. All −inf gives −inf, and a gradient of 0.

    >>> logsumexp(Value([1000.0, 1000.0]))
    Value(data=1000.6931471805599, grad=None)
    """
    x = shaped(x)
    peak = _peak(x, axis)
    total = np.exp(x - peak).sum(axis=axis, keepdims=True)
    nothing = total == 0
    out = np.where(nothing, -math.inf, np.log(np.where(nothing, 1.0, total)) + peak)
    return out if keepdims else np.squeeze(out, axis=axis if axis is not None else tuple(range(x.ndim)))


def softmax(x: Operand, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`: positive numbers that add to 1. Without overflow.

    >>> softmax(Value([0.0, 0.0, -np.inf]))
    Value(data=[0.5, 0.5, 0. ], grad=None)
    """
    x = shaped(x)
    raised = np.exp(x - _peak(x, axis))
    return raised / raised.sum(axis=axis, keepdims=True)


def log_softmax(x: Operand, axis: int = -1) -> Any:
    """log(softmax(x)) along `axis`, precise where the softmax is tiny."""
    x = shaped(x)
    return x - logsumexp(x, axis=axis, keepdims=True)


# -------------------------------------------------------------------------------------------------------------- costs


def cross_entropy(logits: Operand, target: Any) -> Any:
    """−log of the probability that softmax(`logits`) gives the right class, averaged over the examples.

    `logits` are (…, classes); `target` holds integer labels (…,) or probabilities (…, classes). Raises ValueError for
    a target of another shape or a label that is no class.

    >>> cross_entropy(Value([[0.0, 0.0]]), [1])
    Value(data=0.6931471805599453, grad=None)
    """
    logits = shaped(logits)
    target = shaped(target)
    if not logits.ndim or not logits.size:
        raise ValueError(f"logits of shape {logits.shape}: there is no example, or no class, to take the cost of")
    log_p = log_softmax(logits)
    examples = math.prod(logits.shape[:-1])
    if target.shape == logits.shape and target.dtype.kind == "f":
        return -(log_p * target).sum() / examples
    if target.shape != logits.shape[:-1] or target.dtype.kind not in "iu":
        raise ValueError(
            f"target of shape {target.shape} ({target.dtype}) for logits of shape {logits.shape}: give integer labels "
            f"of shape {logits.shape[:-1]}, or floating-point probabilities of shape {logits.shape}"
        )
    classes = logits.shape[-1]
    if target.size and not (target.min() >= 0 and target.max() < classes):
        raise ValueError(f"labels from {target.min()} to {target.max()}, but the classes are 0 to {classes - 1}")
    return -log_p.reshape((-1, classes))[np.arange(examples), target.reshape(-1)].sum() / examples
