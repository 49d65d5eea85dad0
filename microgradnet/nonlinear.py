"""Activation functions, as formulas over the rows: smooth and angular ones, gates, softmax.

Arrays in, arrays out; a Value anywhere in, a Value out. Names, arguments and slopes at kinks are PyTorch's.
"""

from __future__ import annotations

import math
from typing import Any, Never

import numpy as np

from .checks import choice, integer, real, reals
from .core import Operand, Value, as_floats, narrowed, of_one, of_two, shaped, widened
from .ops.elementwise import gelu_tanh, sigmoid
from .ops.erf import erfc
from .ops.fused import softmax_row
from .ops.reduction import logsumexp
from .words import answering, unexpected


@of_one
def tanh(x: Operand) -> Any:
    """The hyperbolic tangent, from −1 to 1, with slope 1 − tanh²(x): `np.tanh`, here beside the other activations.

    >>> tanh(Value([0.0, 1.0, 1000.0]))
    Value(data=[0.        , 0.76159416, 1.        ], grad=None)
    """
    return np.tanh(x if type(x) is Value else as_floats(x))


# ------------------------------------------------------------------------------------------------ bent, smooth, limited


@of_one
def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Any:
    """`x` where it is positive, `negative_slope * x` elsewhere; at 0 the slope is `negative_slope`.

    >>> leaky_relu(Value([-2.0, 3.0]), 0.1)
    Value(data=[-0.2,  3. ], grad=None)
    """
    x = as_floats(x)
    return np.where(x > 0, x, x * reals("negative_slope", negative_slope, call="leaky_relu"))


@of_one
def hardtanh(x: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """`x` limited to [`min_val`, `max_val`]; unlike `clip`, the slope on the limits is 0.

    >>> hardtanh(Value([-3.0, 0.5, 3.0]))
    Value(data=[-1. ,  0.5,  1. ], grad=None)
    """
    x = as_floats(x)
    reals("min_val", min_val, call="hardtanh")
    reals("max_val", max_val, call="hardtanh")
    return np.where(x >= max_val, max_val, np.where(x > min_val, x, min_val)).astype(x.dtype)


@of_one
def relu6(x: Operand) -> Any:
    """min(max(x, 0), 6); slope 0 at 0 and at 6.

    >>> relu6(Value([-1.0, 3.0, 7.0]))
    Value(data=[0., 3., 6.], grad=None)
    """
    return hardtanh(x, 0.0, 6.0)


@of_one
def elu(x: Operand, alpha: float = 1.0) -> Any:
    """`x` where it is positive, `alpha * (exp(x) − 1)` elsewhere; at 0 the slope is `alpha`, as in PyTorch.

    Below it bends towards −`alpha`, and its mean stays nearer to 0 than that of relu (Clevert et al. 2016).

    >>> elu(Value([-1.0, 0.0, 2.0]))
    Value(data=[-0.63212056,  0.        ,  2.        ], grad=None)
    """
    x = as_floats(x)
    below = np.where(x > 0, 0.0, x)  # or expm1 of a large x would be inf · 0 in its slope
    return np.where(x > 0, x, np.expm1(below) * reals("alpha", alpha, call="elu"))


@of_one
def celu(x: Operand, alpha: float = 1.0) -> Any:
    """`x` where it is positive, `alpha * (exp(x / alpha) − 1)` elsewhere: `elu` with slope 1 at 0 for every `alpha`.

    >>> celu(Value([-1.0, 0.0, 2.0]), 2.0)
    Value(data=[-0.78693868,  0.        ,  2.        ], grad=None)
    """
    if not real("alpha", alpha, call="celu"):
        raise ValueError("celu(alpha=0): its lower half is alpha * (exp(x / alpha) - 1). Give another number")
    x = as_floats(x)
    below = np.where(x > 0, 0.0, x)
    return np.where(x > 0, x, np.expm1(below / alpha) * alpha)


@of_two
def prelu(x: Operand, weight: Operand) -> Any:
    """`x` where it is positive, `weight` times x elsewhere: `leaky_relu` with a slope that is learned.

    `weight` is one number, or one for each channel of `x` (batch, channels, …). ValueError for another shape.

    >>> prelu(np.array([[-2.0, -2.0], [1.0, -1.0]]), np.array([0.25, 0.5]))
    array([[-0.5, -1. ],
           [ 1. , -0.5]])
    """
    x, weight = as_floats(x), shaped(weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ValueError(
            f"prelu: weight of shape {weight.shape} for x of shape {x.shape}; wanted (1,) or ({channels},)"
        )
    if weight.size > 1:
        weight = weight.reshape((-1, *(1,) * (x.ndim - 2)))
    elif weight.ndim and not x.ndim:
        weight = weight.reshape(())
    return np.where(x > 0, x, x * weight)


@of_one
def softplus(x: Operand, beta: float = 1.0) -> Any:
    """log(1 + exp(`beta` · x)) / `beta`, a smooth relu, finite for every finite x; the larger `beta`, the sharper.

    >>> softplus(Value([-1000.0, 0.0, 2.0])).data.round(3)
    array([0.   , 0.693, 2.127])
    """
    x, beta = as_floats(x), real("beta", beta, call="softplus")
    return np.logaddexp(x, 0.0) if beta == 1 else np.logaddexp(x * beta, 0.0) / beta


@of_one
def gelu(x: Operand, approximate: str = "none") -> Any:
    """`x` times the probability that a standard normal number is below it: x · Φ(x).

    `approximate="tanh"` is the formula with tanh that many published models were trained with.

    >>> gelu(Value([-1.0, 0.0, 1.0]))
    Value(data=[-0.15865525,  0.        ,  0.84134475], grad=None)
    """
    x = as_floats(x)
    if approximate == "tanh":
        return gelu_tanh(x)
    choice("approximate", approximate, ("none", "tanh"), call="gelu")
    return 0.5 * x * erfc(x * -math.sqrt(0.5))


@of_one
def silu(x: Operand) -> Any:
    """x · sigmoid(x), also called swish: a relu that dips below 0 before it rises, smooth everywhere.

    >>> silu(Value([-1.0, 0.0, 1.0]))
    Value(data=[-0.26894142,  0.        ,  0.73105858], grad=None)
    """
    x = as_floats(x)
    return x * sigmoid(x)


@of_one
def mish(x: Operand) -> Any:
    """x · tanh(softplus(x)): much like `silu`, with a dip that is a little deeper (Misra 2019).

    >>> mish(Value([-1.0, 0.0, 1.0]))
    Value(data=[-0.30340146,  0.        ,  0.86509839], grad=None)
    """
    return x * np.tanh(softplus(x))


@of_one
def selu(x: Operand) -> Any:
    """`elu` with the two constants that keep mean 0 and variance 1 through the layers (Klambauer et al. 2017).

    At 0 the slope is 1.7581, that of the left side, as in PyTorch.

    >>> selu(Value([-1.0, 0.0, 1.0]))
    Value(data=[-1.11133074,  0.        ,  1.05070099], grad=None)
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


@of_one
def hardswish(x: Operand) -> Any:
    """x · relu6(x + 3) / 6: `silu` without an exponential. 0 up to −3, x from 3 on, a parabola between them.

    >>> hardswish(Value([-1.5, 0.0, 4.0]))
    Value(data=[-0.375,  0.   ,  4.   ], grad=None)
    """
    x = as_floats(x)
    return x * (relu6(x + 3) / 6)  # 6 x may be infinite


@of_one
def hardsigmoid(x: Operand) -> Any:
    """relu6(x + 3) / 6: `sigmoid` without an exponential. 0 up to −3, 1 from 3 on, a straight line between them.

    >>> hardsigmoid(Value([-4.0, 0.0, 1.5]))
    Value(data=[0.  , 0.5 , 0.75], grad=None)
    """
    return relu6(as_floats(x) + 3) / 6


@of_one
def logsigmoid(x: Operand) -> Any:
    """log(sigmoid(x)), precise where the sigmoid is tiny: its logarithm would be −∞ there.

    >>> logsigmoid(Value([-1000.0, 0.0])).data.round(3)
    array([-1.00e+03, -6.93e-01])
    """
    return -softplus(-as_floats(x))


@of_one
def softsign(x: Operand) -> Any:
    """x / (1 + |x|): from −1 to 1 as `tanh`, but it comes near them far more slowly.

    >>> softsign(Value([-3.0, 0.0, 1.0]))
    Value(data=[-0.75,  0.  ,  0.5 ], grad=None)
    """
    x = as_floats(x)
    return x / (1 + abs(x))


@of_one
def step(x: Operand) -> Any:
    """1 where `x` is positive, else 0: the neuron that fires or does not. Its slope is 0: nothing flows back.

    >>> step(Value([-1.0, 0.0, 2.0]))
    Value(data=[0., 0., 1.], grad=None)
    """
    return np.heaviside(as_floats(x), 0.0)


# -------------------------------------------------------------------------------------------------- softmax


@of_one  # type: ignore[arg-type]  # x could be one of `foreign`, were it not the operand
def softmax(x: Operand, axis: int = -1, **foreign: Never) -> Any:
    """exp(x) / sum(exp(x)) along `axis`: positive numbers that add to 1. Without overflow.

    >>> softmax(Value([0.0, 0.0, -np.inf]))
    Value(data=[0.5, 0.5, 0. ], grad=None)
    """
    if foreign:
        raise unexpected(softmax, foreign)
    return softmax_row(as_floats(x), axis=integer("axis", axis, call="softmax"))


@of_one  # type: ignore[arg-type]  # x could be one of `foreign`, were it not the operand
def log_softmax(x: Operand, axis: int = -1, **foreign: Never) -> Any:
    """log(softmax(x)) along `axis`, precise where the softmax is tiny: its logarithm would be −∞ there.

    >>> log_softmax(Value([0.0, 1000.0]))
    Value(data=[-1000.,     0.], grad=None)
    """
    if foreign:
        raise unexpected(log_softmax, foreign)
    x, axis = as_floats(x), integer("axis", axis, call="log_softmax")
    dtype, x = x.dtype, widened(x)
    return narrowed(x - logsumexp(x, axis=axis, keepdims=True), dtype)


@of_one
@answering
def softmin(x: Operand, axis: int = -1) -> Any:
    """softmax(−x) along `axis`: the smallest gets the largest share.

    >>> softmin(Value([0.0, 0.0, np.inf]))
    Value(data=[0.5, 0.5, 0. ], grad=None)
    """
    return softmax(-as_floats(x), axis)


@of_one
@answering
def glu(x: Operand, axis: int = -1) -> Any:
    """The first half of `x` along `axis` times the sigmoid of the second, a gate (Dauphin et al. 2017).

    ValueError for an axis of odd length.

    >>> glu(Value([1.0, 2.0, 0.0, 1000.0]))
    Value(data=[0.5, 2. ], grad=None)
    """
    x, axis = as_floats(x), integer("axis", axis, call="glu")
    n = x.shape[axis] if -x.ndim <= axis < x.ndim else 1
    if n % 2:
        raise ValueError(f"glu: x of shape {x.shape}; wanted an even length along axis {axis}, for two halves")
    before = (slice(None),) * (axis % x.ndim)
    return x[(*before, slice(0, n // 2))] * sigmoid(x[(*before, slice(n // 2, n))])
