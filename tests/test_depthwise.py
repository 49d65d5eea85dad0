"""Convolution with one kernel for each channel: beside an ordinary one of each channel, whatever lies how in memory."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value
from microgradnet.ops import depthwise

RNG = np.random.default_rng(0)
# Strides below, at and above the kernel's size, with and without a common divisor with the dilation.
STRIDES = [(1, 1), (2, 2), (3, 1), (2, 4), (5, 5)]
DILATIONS = [(1, 1), (2, 1), (2, 3), (4, 2)]
KERNELS = [(1, 1), (3, 3), (2, 5), (4, 1)]
# Planes long enough to be summed one by one, and too short; batches of none, of one, of several.
SHAPES = [(3, 2, 19, 17), (1, 3, 19, 17), (3, 2, 20, 13), (2, 3, 14, 16), (0, 2, 14, 16)]


def batch_last(x: np.ndarray) -> np.ndarray:
    """The same numbers, as a convolution's result lies in memory."""
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)


def channel_by_channel(x: Any, weight: Any, bias: Any, **how: Any) -> Any:
    parts = [F.conv2d(x[:, c : c + 1], weight[c : c + 1], bias[c : c + 1], **how) for c in range(x.shape[1])]
    return np.concatenate(parts, axis=1)


def test_it_has_a_way_of_its_own_from_two_channels_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so has every gradient; where a channel has several kernels there is a matrix to multiply with."""
    ways = {name: Mock(wraps=getattr(depthwise, name)) for name in ("correlate", "spread", "gather")}
    for name, way in ways.items():
        monkeypatch.setattr(depthwise, name, way)
    for channels, kernels, called in ((2, 2, [1, 1, 1]), (1, 1, [0, 0, 0]), (2, 4, [0, 0, 0])):
        x, weight = Value(RNG.normal(size=(1, channels, 4, 5))), Value(RNG.normal(size=(kernels, 1, 3, 3)))
        F.conv2d(x, weight, groups=channels).sum().backward()
        assert [way.call_count for way in ways.values()] == called
        for way in ways.values():
            way.reset_mock()


def test_channels_are_planes_where_each_lies_by_itself_and_is_long() -> None:
    for x, plain in (
        (np.ones((2, 2, 16, 16)), True),
        (np.ones((2, 3, 256, 1)), True),
        (np.ones((2, 3, 1, 256)), True),
        (np.ones((2, 3, 300, 300))[:, :, ::9, ::9], True),
        (np.ones((1, 3, 16, 16)), False),
        (np.ones((2, 3, 15, 17)), False),
        (np.ones((0, 3, 16, 16)), False),
        (batch_last(np.ones((2, 3, 16, 16))), False),
        (np.ones((3, 2, 16, 16)).swapaxes(0, 1), False),
        (np.ones((2, 16, 16, 3)).transpose(0, 3, 1, 2), False),
    ):
        assert depthwise._is_plain(x) is plain


def swept(out: Any, cotangent: np.ndarray, leaves: list[Value]) -> list[np.ndarray]:
    (out * cotangent).sum().backward()
    return [np.asarray(v.grad) for v in leaves]


def test_it_is_a_convolution_of_each_channel_and_so_are_its_gradients() -> None:
    ran = 0
    for number, (stride, dilation, kernel) in enumerate(itertools.product(STRIDES, DILATIONS, KERNELS)):
        shape, padding = SHAPES[number % len(SHAPES)], ((0, 0), (1, 2), (3, 0))[number % 3]
        arrays = [RNG.normal(size=shape), RNG.normal(size=(shape[1], 1, *kernel)), RNG.normal(size=shape[1])]
        how: Any = {"stride": stride, "padding": padding, "dilation": dilation}
        separate = [Value(x) for x in arrays]
        wanted = channel_by_channel(*separate, **how)
        cotangent = RNG.normal(size=wanted.shape)
        slopes = swept(wanted, cotangent, separate)
        for lies in (np.array, batch_last):
            together = [Value(lies(arrays[0])), Value(arrays[1]), Value(arrays[2])]
            out = F.conv2d(*together, **how, groups=shape[1])
            assert out.shape == wanted.shape
            np.testing.assert_allclose(out.data, wanted.data, rtol=1e-11, atol=1e-11)
            for lies_too in (np.array, batch_last):
                for v in together:
                    v.grad = None
                for seen, slope in zip(swept(out, lies_too(cotangent), together), slopes, strict=True):
                    assert seen.shape == slope.shape
                    np.testing.assert_allclose(seen, slope, rtol=1e-11, atol=1e-11)
            ran += 1
    assert ran == 160


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("lies", [np.array, batch_last])
def test_second_derivatives_are_those_of_each_channel(stride: int, lies: Any) -> None:
    x, weight = lies(RNG.normal(size=(2, 2, 17, 16))), RNG.normal(size=(2, 1, 3, 3))
    v, w = RNG.normal(size=x.shape), RNG.normal(size=weight.shape)

    def cost(x: Any, weight: Any) -> Any:
        return (F.conv2d(x, weight, None, stride, 1, groups=2) ** 3).sum()

    def wanted(x: Any, weight: Any) -> Any:
        return (channel_by_channel(x, weight, np.zeros(2), stride=stride, padding=1) ** 3).sum()

    of_x = [mg.hvp(lambda x, f=f: f(x, weight), x, v) for f in (cost, wanted)]
    of_weight = [mg.hvp(lambda weight, f=f: f(x, weight), weight, w) for f in (cost, wanted)]
    for seen, other in (of_x, of_weight):
        np.testing.assert_allclose(seen, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("where", ["x", "weight", "g"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("lies", [np.array, batch_last])
def test_what_is_not_finite_stays_with_what_it_meets(where: str, stride: int, lies: Any) -> None:
    """Sums go on over the ends of rows, and zeros stand there: none of it reaches a result."""
    x, weight, g = RNG.normal(size=(2, 2, 17, 17)), RNG.normal(size=(2, 1, 3, 3)), RNG.normal(size=(2, 2, 17, 17))
    g = g[:, :, : (17 - 3) // stride + 1, : (17 - 3) // stride + 1]
    {"x": x, "weight": weight, "g": g}[where][0, 0, 0, -1] = np.inf
    bad = []
    for f, how in ((F.conv2d, {"groups": 2}), (channel_by_channel, {})):
        leaves = [Value(lies(x)), Value(weight), Value(np.zeros(2))]
        with np.errstate(invalid="ignore"):
            out: Any = f(*leaves, stride=stride, **how)
            bad.append([out.data, *swept(out, lies(g), leaves)])
    for seen, wanted in zip(*bad, strict=True):
        np.testing.assert_allclose(seen, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_its_precision_is_kept(dtype: Any) -> None:
    x, weight = RNG.normal(size=(2, 3, 16, 17)).astype(dtype), RNG.normal(size=(3, 1, 3, 3)).astype(dtype)
    exact = F.conv2d(x.astype(float), weight.astype(float), groups=3)
    v, w = Value(x), Value(weight)
    out = F.conv2d(v, w, groups=3)
    out.sum().backward()
    assert out.dtype == v.grad.dtype == w.grad.dtype == dtype
    np.testing.assert_allclose(out.data, exact, rtol=3 * np.finfo(dtype).eps, atol=10 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("lies", [np.array, batch_last])
@pytest.mark.parametrize("stride", [1, 2])
def test_compiled_it_is_the_same_to_the_bit(lies: Any, stride: int) -> None:
    def slopes(x: Any, weight: Any) -> Any:
        return mg.grad(lambda x, w: (np.tanh(F.conv2d(np.tanh(x), w, stride=stride, padding=1, groups=2)) ** 2).sum(),
                       argnums=(0, 1))(x, weight)  # fmt: skip

    compiled = mg.compile(slopes, backend="numpy")
    for _ in range(4):
        x, weight = lies(RNG.normal(size=(3, 2, 18, 17))), RNG.normal(size=(2, 1, 3, 3))
        for seen, wanted in zip(compiled(x, weight), slopes(x, weight), strict=True):
            np.testing.assert_array_equal(seen, wanted)
