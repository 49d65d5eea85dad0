"""Normalisation: every example, channel or group of channels moved and scaled to mean 0 and variance 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .checks import real, whole
from .core import HALF, Operand, as_floats, modes, narrowed, of_one, plain_data, widened
from .ops.across import Sums, across, together
from .ops.fused import normalize


@of_one
def layer_norm(x: Operand, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """`x`, every example moved and scaled to mean 0 and variance 1 over its last axes, which are `normalized_shape`;
    then times `weight` plus `bias`, of that shape. ValueError for an `x` that does not end in that shape.

    >>> layer_norm(np.array([[1.0, 3.0], [0.0, 100.0]]), (2,)).round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    x, axes = _last_axes("layer_norm", x, normalized_shape, weight, bias)
    return _scaled(normalize(x, axis=axes, eps=real("eps", eps, call="layer_norm")), weight, bias)


@of_one
def rms_norm(x: Operand, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """`x`, every example scaled to a mean square of 1 over its last axes, which are `normalized_shape`; then times
    `weight`, of that shape. `eps` is added to the mean square: without it, the smallest step of the dtype at 1.

    >>> rms_norm(np.array([3.0, 4.0]), (2,)).round(3)
    array([0.849, 1.131])
    """
    x, axes = _last_axes("rms_norm", x, normalized_shape, weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else real("eps", eps, call="rms_norm")
    dtype, x = x.dtype, widened(x)
    return _scaled(narrowed(x / np.sqrt((x * x).mean(axis=axes, keepdims=True) + eps), dtype), weight, None)


@of_one
def group_norm(x: Operand, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """`x` (batch, channels, …), its channels cut into groups, each group of each example moved and scaled to mean 0
    and variance 1; then times `weight` plus `bias`, one for each channel. ValueError if the channels cannot be cut so.

    >>> group_norm(np.array([[1.0, 3.0, 0.0, 100.0]]), 2).round(3)
    array([[-1.,  1., -1.,  1.]])
    """
    x = as_floats(x)
    whole("num_groups", num_groups, call="group_norm")
    real("eps", eps, call="group_norm")
    if x.ndim < 2 or x.shape[1] % num_groups:
        raise ValueError(f"group_norm: x of shape {x.shape}; wanted (batch, channels, …), channels in {num_groups}s")
    groups = x.reshape((len(x), num_groups, math.prod(x.shape[1:]) // num_groups))
    return _by_channel("group_norm", normalize(groups, axis=-1, eps=eps).reshape(x.shape), weight, bias)


@of_one
def batch_norm(
    x: Operand, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """`x` (batch, channels, …), every channel moved and scaled to mean 0 and variance 1 over the batch and all places;
    then times `weight` plus `bias`, one for each channel.

    With `training`, mean and variance are those of this batch, and the plain arrays `running_mean` and `running_var`,
    if given, move towards them by the share `momentum`, in place; their variance is the unbiased one, as in PyTorch.
    Without it they are what is subtracted and divided by. ValueError if there is but one number in a channel to
    normalise by.

    >>> batch_norm(np.array([[1.0, 10.0], [3.0, 30.0]]), None, None, training=True).round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    x = as_floats(x)
    real("momentum", momentum, call="batch_norm")
    real("eps", eps, call="batch_norm")
    if x.ndim < 2:
        raise ValueError(f"batch_norm: x of shape {x.shape}; wanted (batch, channels, …)")
    if running_mean is not None or not training:
        _channels("batch_norm", running_mean, x)
        _channels("batch_norm", running_var, x)
    if not training:
        dtype, x = x.dtype, widened(x)
        running_mean, running_var = modes.array(running_mean), modes.array(running_var)
        mean, scale = running_mean.copy(), 1 / np.sqrt(widened(running_var) + eps)  # copies: those move on
        x = (x - _channels("batch_norm", mean, x)) * _channels("batch_norm", scale, x)
        return _by_channel("batch_norm", narrowed(x, dtype) if dtype == HALF else x, weight, bias)
    axes, n = (0, *range(2, x.ndim)), x.size // max(1, x.shape[1])
    sums = together()
    if sums is not None:
        return _by_channel("batch_norm", _across_all(x, sums, running_mean, running_var, momentum, eps), weight, bias)
    if n < 2:
        raise ValueError(
            f"batch_norm: x of shape {x.shape} has {n} numbers in each channel, and a variance wants two. In training "
            f"no batch may be that small, not even the last of an epoch; eval() takes the running mean and variance"
        )
    if running_mean is not None:
        batch, running_mean, running_var = widened(plain_data(x)), modes.array(running_mean), modes.array(running_var)
        running_mean += momentum * (batch.mean(axes) - running_mean)
        running_var += momentum * (batch.var(axes) * (n / (n - 1)) - running_var)
    return _by_channel("batch_norm", normalize(x, axis=axes, eps=eps), weight, bias)


def _across_all(x: Any, sums: Sums, running_mean: Any, running_var: Any, momentum: Any, eps: float) -> Any:
    """`x` with every channel at mean 0 and variance 1 over the batches of all processes; running means move too.

    A formula of rows, one of which is the sum over all. Sums are in float64: they cost nothing there.
    """
    dtype, x = x.dtype, widened(x)
    axes, places = (0, *range(2, x.ndim)), x.size // max(1, x.shape[1])
    here = np.concatenate([x.sum(axes).astype(np.float64), [float(places)]])
    total = across(here, sums, len(x))
    n = plain_data(total)[-1]
    modes.host(_check_enough, n)
    mean = total[:-1] / n
    gap = x - _channels("batch_norm", mean.astype(x.dtype), x)
    variance = across((gap * gap).sum(axes).astype(np.float64), sums, len(x)) / n
    if running_mean is not None:
        running_mean, running_var = modes.array(running_mean), modes.array(running_var)
        running_mean += (momentum * (plain_data(mean) - running_mean)).astype(running_mean.dtype)
        running_var += (momentum * (plain_data(variance) * (n / (n - 1)) - running_var)).astype(running_var.dtype)
    return narrowed(gap / _channels("batch_norm", np.sqrt(variance + eps).astype(x.dtype), x), dtype)


def _of_examples(each: Any) -> Any:
    """The mean over the examples of the batch, a row each, or over those of all processes."""
    sums = together()
    if sums is None:
        return each.mean(0)
    total = modes.host(sums.added, np.concatenate([each.sum(0).astype(np.float64), [float(len(each))]]))
    return (total[:-1] / total[-1]).astype(each.dtype)


def _check_enough(n: Any) -> None:
    if n < 2:
        raise ValueError(
            f"batch_norm: the batches of all processes have {int(n)} number in each channel, and a variance wants two"
        )


@of_one
def instance_norm(
    x: Operand, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """`x` (batch, channels, length) or (batch, channels, height, width), every channel of every example moved and
    scaled to mean 0 and variance 1 over its places; then times `weight` plus `bias`, one for each channel.

    `running_mean` and `running_var`, if given, move in place towards the means over the batch, by the share `momentum`;
    without `use_input_stats` they are what is subtracted and divided by, as in `batch_norm`. ValueError for a channel
    with one place alone.

    >>> instance_norm(np.array([[[1.0, 3.0], [0.0, 100.0]]])).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    x = as_floats(x)
    real("momentum", momentum, call="instance_norm")
    real("eps", eps, call="instance_norm")
    if x.ndim < 3:
        raise ValueError(f"instance_norm: x of shape {x.shape}; wanted (batch, channels, length), or more axes")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    axes, n = tuple(range(2, x.ndim)), math.prod(x.shape[2:])
    if n < 2:
        raise ValueError(
            f"instance_norm: x of shape {x.shape} has {n} places in each channel, and a variance wants two"
        )
    if running_mean is not None:
        _channels("instance_norm", running_mean, x)
        _channels("instance_norm", running_var, x)
        each, running_mean, running_var = widened(plain_data(x)), modes.array(running_mean), modes.array(running_var)
        running_mean += momentum * (_of_examples(each.mean(axes)) - running_mean)
        running_var += momentum * (_of_examples(each.var(axes)) * (n / (n - 1)) - running_var)
    return _by_channel("instance_norm", normalize(x, axis=axes, eps=eps), weight, bias)


def _last_axes(name: str, x: Any, normalized_shape: Any, *parameters: Any) -> tuple[Any, Any]:
    """`x` and the axes of it that `normalized_shape` is about; what scales and moves them has that shape."""
    x, shape = as_floats(x), tuple(np.atleast_1d(normalized_shape).tolist())
    if x.shape[x.ndim - len(shape) :] != shape or not shape:
        raise ValueError(f"{name}: x of shape {x.shape} does not end in the axes {shape}")
    for p in parameters:
        if p is not None and np.shape(p) != shape:
            raise ValueError(f"{name}: a weight or bias of shape {np.shape(p)}; wanted {shape}, as normalized_shape")
    return x, -1 if len(shape) == 1 else tuple(range(-len(shape), 0))


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _by_channel(name: str, x: Any, weight: Any, bias: Any) -> Any:
    weight, bias = (p if p is None else _channels(name, p, x) for p in (weight, bias))
    return _scaled(x, weight, bias)


def _channels(name: str, per_channel: Any, x: Any) -> Any:
    """Numbers, one for each channel, in the shape in which they stand beside `x` (batch, channels, …)."""
    if np.shape(per_channel) != x.shape[1:2]:
        wanted = f"one number for each channel of x, shape {x.shape[1:2]}"
        raise ValueError(f"{name}: an array of shape {np.shape(per_channel)}; wanted {wanted}")
    return per_channel.reshape((-1, *(1,) * (x.ndim - 2)))
