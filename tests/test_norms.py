"""Norms of batches and of examples beside their formulas: few channels, many axes, running numbers, small precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value

SHAPES = [(4, 1), (2, 1, 1), (1, 1, 2), (3, 2), (2, 3, 4), (2, 2, 3, 2)]


def numbers(shape: tuple[int, ...]) -> Any:
    return np.sin(1.0 + 3 * np.arange(np.prod(shape))).reshape(shape) * 4


def spread_over(x: Any, axes: tuple[int, ...], eps: float = 1e-5) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def beside(per_channel: Any, ndim: int) -> Any:
    return per_channel.reshape(-1, *[1] * (ndim - 2))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_of_a_batch(shape: tuple[int, ...], dtype: Any) -> None:
    """And the running numbers come near those of the batch, the variance that of the whole from which it was drawn."""
    x, n, axes = numbers(shape), shape[1], (0, *range(2, len(shape)))
    weight, bias = 1.0 + np.arange(n), 0.5 * np.arange(n)
    mean, var = np.full(n, 3.0, dtype), np.full(n, 2.0, dtype)
    out = F.batch_norm(x, mean, var, weight, bias, training=True, momentum=0.25, eps=0.125)
    wanted = spread_over(x, axes, 0.125) * beside(weight, len(shape)) + beside(bias, len(shape))
    np.testing.assert_allclose(out, wanted, rtol=1e-9, atol=1e-9)
    assert mean.dtype == var.dtype == dtype
    near = 1e-6 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(mean, 3 * 0.75 + x.mean(axes) * 0.25, rtol=near)
    np.testing.assert_allclose(var, 2 * 0.75 + x.var(axes, ddof=1) * 0.25, rtol=near)
    kept = mean.copy(), var.copy()
    still = F.batch_norm(x, mean, var, weight, None, eps=0.125)
    scaled = (x - beside(mean, len(shape))) / np.sqrt(beside(var, len(shape)) + 0.125)
    np.testing.assert_allclose(still, scaled * beside(weight, len(shape)), rtol=1e-5 if near > 1e-9 else 1e-11)
    assert (mean.tolist(), var.tolist()) == (kept[0].tolist(), kept[1].tolist())


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if np.prod(shape[2:]) > 1], ids=str)
def test_of_an_example(shape: tuple[int, ...]) -> None:
    x, n, axes = numbers(shape), shape[1], tuple(range(2, len(shape)))
    mean, var = np.full(n, 3.0), np.full(n, 2.0)
    out = F.instance_norm(x, mean, var, 2.0 + np.arange(n), momentum=0.25, eps=0.125)
    np.testing.assert_allclose(out, spread_over(x, axes, 0.125) * beside(2.0 + np.arange(n), len(shape)), rtol=1e-9)
    np.testing.assert_allclose(mean, 3 * 0.75 + x.mean(axes).mean(0) * 0.25, rtol=1e-12)
    np.testing.assert_allclose(var, 2 * 0.75 + x.var(axes, ddof=1).mean(0) * 0.25, rtol=1e-12)
    still = F.instance_norm(x, mean, var, use_input_stats=False, eps=0.125)
    np.testing.assert_array_equal(still, F.batch_norm(x, mean, var, eps=0.125))
    np.testing.assert_allclose(F.group_norm(x, n, eps=0.125), spread_over(x, axes, 0.125), rtol=1e-9)
    together = spread_over(x.reshape(len(x), -1), (1,), 0.125).reshape(shape)
    np.testing.assert_allclose(F.group_norm(x, 1, eps=0.125), together, rtol=1e-9)


def test_over_the_last_axes() -> None:
    x = numbers((2, 3, 4))
    for shape, axes in ((4, (2,)), ((4,), (2,)), ([3, 4], (1, 2)), ((2, 3, 4), (0, 1, 2))):
        of = np.shape(x)[3 - len(axes) :]
        weight = numbers(of) + 1.0
        np.testing.assert_allclose(F.layer_norm(x, shape, weight), spread_over(x, axes) * weight, rtol=1e-9, atol=1e-9)
        root = np.sqrt((x * x).mean(axes, keepdims=True) + 0.5)
        np.testing.assert_allclose(F.rms_norm(x, shape, weight, 0.5), x / root * weight, rtol=1e-9)
    for shape in ((), (3,), (3, 3), (1, 2, 3, 4)):
        with pytest.raises(ValueError, match=r"x of shape \(2, 3, 4\) does not end in the axes"):
            F.layer_norm(x, shape)
    for wrong in (numbers((3,)), numbers((1, 4)), 1.0):
        with pytest.raises(ValueError, match=r"a weight or bias of shape .*; wanted \(4,\), as normalized_shape"):
            F.layer_norm(x, 4, None, wrong)


def test_one_number_in_a_channel_has_no_variance() -> None:
    for n, shape in ((1, (1, 3)), (1, (1, 2, 1)), (0, (0, 3)), (0, (2, 0))):
        with pytest.raises(ValueError, match=rf"has {n} numbers in each channel, and a variance wants two"):
            F.batch_norm(numbers(shape), None, None, training=True)
    with pytest.raises(ValueError, match="has 1 places in each channel"):
        F.instance_norm(numbers((3, 2, 1)))
    with pytest.raises(ValueError, match=r"wanted \(batch, channels, …\), channels in 2s"):
        F.group_norm(numbers((2, 3)), 2)


def test_the_gradient_of_running_numbers_is_that_of_a_scale() -> None:
    x = Value(numbers((3, 2)))
    F.batch_norm(x, np.array([1.0, 2.0]), np.array([4.0, 9.0]), np.array([2.0, 3.0]), eps=0.0).sum().backward()
    np.testing.assert_allclose(x.grad, [[1.0, 1.0]] * 3, rtol=1e-12)
