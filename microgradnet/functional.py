"""Formulas over the rows, with no rules of their own: means, activations, softmax, and the losses of `losses`.

Arrays in, arrays out; a Value anywhere in, a Value out. Shapes are NumPy's: the last axis holds the outputs of one
example, the axes before it count examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .engine import Operand, Value, shaped  # noqa: F401  (Value for the examples)
from .formulas.reductions import clip, logsumexp, peak
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
)
from .ops.conv import avg_pool1d, avg_pool2d, conv1d, conv2d, max_pool1d, max_pool2d
from .ops.cost import quadratic_cost
from .ops.elementwise import relu, sigmoid, stop_gradient
from .ops.linear import linear
from .ops.reduction import Axis

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "clip",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "elu",
    "hardtanh",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "max_pool1d",
    "max_pool2d",
    "mean",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "quadratic_cost",
    "relu",
    "relu6",
    "sigmoid",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "stop_gradient",
    "tanh",
]


def tanh(x: Operand) -> Any:
    """The hyperbolic tangent; `np.tanh`, here beside the other activations."""
    return np.tanh(x)


def mean(x: Operand, axis: Axis = None, keepdims: Any = False) -> Any:
    """The mean over `axis` (an int, a tuple, or None for all). NaN, with NumPy's warning, if there is nothing to
    average.

    >>> mean(Value([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Value(data=[2., 3.], grad=None)
    """
    return np.mean(shaped(x), axis=axis, keepdims=keepdims)


# -------------------------------------------------------------------------------------------------------- activations


def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Any:
    """`x` where it is positive, `negative_slope * x` elsewhere; at 0 the slope is `negative_slope`."""
    x = shaped(x)
    return np.where(x > 0, x, x * negative_slope)


def hardtanh(x: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """`x` limited to [`min_val`, `max_val`]; unlike `clip`, the slope on the limits is 0."""
    x = shaped(x)
    return np.where(x >= max_val, max_val, np.where(x > min_val, x, min_val)).astype(x.dtype)


def relu6(x: Operand) -> Any:
    """min(max(x, 0), 6); slope 0 at 0 and at 6.

    >>> relu6(Value([-1.0, 3.0, 7.0]))
    Value(data=[0., 3., 6.], grad=None)
    """
    return hardtanh(x, 0.0, 6.0)


def elu(x: Operand, alpha: float = 1.0) -> Any:
    """`x` where it is ≥ 0, `alpha * (exp(x) − 1)` elsewhere; at 0 the slope is 1."""
    x = shaped(x)
    below = np.where(x >= 0, 0.0, x)  # or expm1 of a large x would be inf · 0 in its slope
    return np.where(x >= 0, x, np.expm1(below) * alpha)


def softplus(x: Operand) -> Any:
    """log(1 + exp(x)), a smooth relu, finite for every finite x."""
    return np.logaddexp(x, 0.0)


# ------------------------------------------------------------------------------------------------------------ softmax


def softmax(x: Operand, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`: positive numbers that add to 1. Without overflow.

    >>> softmax(Value([0.0, 0.0, -np.inf]))
    Value(data=[0.5, 0.5, 0. ], grad=None)
    """
    x = shaped(x)
    raised = np.exp(x - peak(x, axis))
    return raised / raised.sum(axis=axis, keepdims=True)


def log_softmax(x: Operand, axis: int = -1) -> Any:
    """log(softmax(x)) along `axis`, precise where the softmax is tiny."""
    x = shaped(x)
    return x - logsumexp(x, axis=axis, keepdims=True)
