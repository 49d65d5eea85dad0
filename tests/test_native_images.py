"""Convolution and pooling as machine code: beside eager steps, at any size, and which of them stay lines of NumPy."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F

pytest.importorskip("llvmlite", reason="native programs need llvmlite")
from microgradnet.programs.native import images
from tests.samples import sample

LINES = re.compile(r"= ((?:conv|max_|sum_)\w+)\(")  # of NumPy, of a row of images


def both(function: Any, values: list[Value], *arguments: Any) -> tuple[list[Any], list[Any], Any]:
    """What a step gives, and the gradients it leaves, eagerly and natively; and the compiled step."""
    found = []
    for run in (function, mg.compile(function, backend="native")):
        with np.errstate(all="ignore"):
            for _ in range(1 if run is function else 4):
                for v in values:
                    v.grad = None
                result = run(*arguments)
        found.append([np.array(result.data), *(None if v.grad is None else np.array(v.grad) for v in values)])
    return found[0], found[1], run


def assert_alike(mine: list[Any], theirs: list[Any], dtype: Any) -> None:
    rtol, atol = (1e-3, 2e-4) if dtype == np.float32 else (1e-9, 1e-10)
    for x, y in zip(mine, theirs, strict=True):
        assert (x is None) == (y is None)
        if x is not None:
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            np.testing.assert_allclose(x, y, rtol, atol)


def drawn(seed: int) -> tuple[Any, list[Value], Any, Any]:
    """A step on images, its parameters, an image, and weights of its result; and their dtype."""
    rng = np.random.default_rng((7, seed))
    dtype = rng.choice([np.float32, np.float64])
    n, channels, out = rng.choice([1, 2, 3, 8, 16, 33]), rng.integers(1, 6), rng.integers(1, 8)
    size, kernel = rng.integers(3, 10, 2), rng.integers(1, 4, 2)
    pairs = [tuple(map(int, rng.integers(low, high, 2))) for low, high in ((1, 4), (0, 3), (1, 3))]
    stride, padding, dilation = pairs
    if any((size + 2 * np.array(padding)) <= np.array(dilation) * (kernel - 1)):
        dilation = (1, 1)
    x = rng.normal(size=(n, channels, *size)).astype(dtype)
    if rng.random() < 0.3:  # as it comes from another convolution
        x = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    weight, back = (
        Value(rng.normal(size=(*pair, *kernel)).astype(dtype)) for pair in ((out, channels), (channels, out))
    )
    values = [Value(rng.normal(size=x.shape).astype(dtype)), weight, Value(rng.normal(size=out).astype(dtype)), back]
    bias = values[2] if rng.random() < 0.5 else None
    window = {"stride": None if rng.random() < 0.5 else stride, "ceil_mode": bool(rng.random() < 0.3)}
    kinds = {
        "conv2d": lambda z: F.conv2d(z, weight, bias, stride, padding, dilation),
        "conv1d": lambda z: F.conv1d(z[:, :, :, 0], weight[:, :, :, 0], bias, stride[0], padding[0] + 1),
        "transposed": lambda z: F.conv_transpose2d(z, back, bias, stride),
        "max": lambda z: F.max_pool2d(z, 2, **window), "mean": lambda z: F.avg_pool2d(z, (2, 1), **window),
        "padded": lambda z: F.max_pool2d(z, 3, padding=1),
        "both": lambda z: F.max_pool2d(np.tanh(F.conv2d(z, weight)), 1),
    }  # fmt: skip
    kind = kinds[str(rng.choice(list(kinds)))]
    weights = rng.normal(size=kind(x).shape).astype(dtype)

    def step(x: Any, weights: Any) -> Any:
        cost = (np.sin(kind(x + values[0])) * weights).sum()
        cost.backward()
        return cost

    return step, values, (x, weights), dtype


@pytest.mark.parametrize("seed", sample(list(range(400)), 25))
def test_a_step_on_images_is_natively_what_it_is_eagerly(seed: int) -> None:
    step, values, arguments, dtype = drawn(seed)
    eager, native, _ = both(step, values, *arguments)
    assert_alike(native, eager, dtype)


@pytest.mark.parametrize("block", [1, 100, 1 << 16])
def test_blocks_of_any_size_give_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "BLOCK", block)
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1, stride=(1, 2), seed=0), nn.Tanh(), nn.Conv2d(5, 3, (2, 3), seed=0)
    )
    x = np.random.default_rng(0).normal(size=(7, 2, 9, 8)).astype(np.float32)

    def step(x: Any) -> Any:
        cost = (model(x) ** 2).mean()
        cost.backward()
        return cost

    eager, native, run = both(step, model.parameters(), x)
    assert_alike(native, eager, np.float32)
    assert LINES.findall(run.latest.text) == []


def test_a_convolutional_network_is_one_stretch_of_machine_code() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2, seed=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, seed=0), nn.ReLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(24, 10, seed=0),
    )  # fmt: skip
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    x, y = np.random.default_rng(0).random((16, 1, 12, 12), np.float32), np.arange(16) % 10

    @mg.compile(backend="native")
    def step(x: Any, y: Any) -> Any:
        optimiser.zero_grad()
        cost = F.cross_entropy(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost

    costs = [float(step(x, y)) for _ in range(30)]
    assert len(step.latest.segments) == 1
    assert LINES.findall(step.latest.text) == []
    assert costs[-1] < 0.97 * costs[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_goes_where_it_goes_in_eager_steps(bad: float) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 1, 6, 6)), Value(rng.normal(size=(2, 1, 3, 3)))
    v = Value(rng.normal(size=x.shape))
    x[0, 0, 2, 3] = bad
    v.data[1, 0] = bad  # all of an image: beyond its edge nothing is the largest

    def step(x: Any) -> Any:
        cost = F.max_pool2d(F.conv2d(x, weight, padding=1), 2).sum() + (F.max_pool2d(x * weight[0, 0, 0, 0], 2)).sum()
        cost = cost + (F.max_pool2d(v, 3, stride=2, padding=1) * np.arange(3.0)).sum()
        cost.backward()
        return cost

    eager, native, _ = both(step, [weight, v], x)
    assert_alike(native, eager, np.float64)


def test_largest_elements_share_a_gradient_natively_too() -> None:
    x = Value(np.array([[[[1.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 2.0]]]]))

    def step(scale: float) -> Any:
        x.grad = None
        cost = (F.max_pool2d(x, 2) * scale).sum()
        cost.backward()
        return cost

    run = mg.compile(step, backend="native")
    for _ in range(4):
        run(6.0)
    np.testing.assert_array_equal(x.grad[0, 0], [[2, 2, 0, 2], [2, 0, 2, 2]])
    assert LINES.findall(run.latest.text) == []


@pytest.mark.parametrize(("function", "lines"), [
    (lambda z, w: F.conv2d(z, w[:, :1], groups=2), {"conv2d", "conv2d_weight", "conv2d_input"}),
    (lambda z, w: F.max_pool2d(z, 3, stride=2), set()), (lambda z, w: F.max_pool2d(z, 3, stride=2, padding=1), set()),
    (lambda z, w: F.max_pool2d(z, 3, stride=1, padding=1), {"max_unpool2d"}),  # what each place meets is nine images
    (lambda z, w: F.max_pool2d(z, 2, stride=3, padding=1, dilation=2, ceil_mode=True), set()),
    (lambda z, w: F.avg_pool2d(z, 2, stride=1), set()), (lambda z, w: F.avg_pool2d(z, 3, 2, 1, ceil_mode=True), set()),
    (lambda z, w: F.avg_pool2d(z, 3, 2, 1, count_include_pad=False), set()),
])  # fmt: skip
def test_what_is_in_groups_or_meets_much_stays_lines_of_numpy(function: Any, lines: set[str]) -> None:
    rng = np.random.default_rng(0)
    values = [Value(rng.normal(size=(2, 2, 7, 7))), Value(rng.normal(size=(4, 2, 3, 3)))]

    def step(weight: Any) -> Any:
        cost = (function(*values) * weight).sum()
        cost.backward()
        return cost

    eager, native, run = both(step, values, rng.normal())
    assert_alike(native, eager, np.float64)
    assert set(LINES.findall(run.latest.text)) == lines


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_other_element_is_there_for_lines_of_numpy_too(dtype: Any) -> None:
    """A kernel of one place is a view, at which a line of NumPy looks where that is so."""
    rng = np.random.default_rng(0)
    weight, x = Value(rng.normal(size=(2, 1, 1, 1)).astype(dtype)), rng.normal(size=(3, 2, 6, 6)).astype(dtype)

    def step(x: Any) -> Any:
        cost = F.conv2d(F.max_pool2d(x, 1, stride=2), weight, groups=2).sum()
        cost.backward()
        return cost

    eager, native, _ = both(step, [weight], x)
    assert_alike(native, eager, dtype)


def test_windows_of_many_places_stay_lines_of_numpy() -> None:
    """Each place is lines of machine code, which take LLVM long to compile: 28 times 28 took 20 seconds."""
    x = Value(np.random.default_rng(0).normal(size=(2, 2, 28, 28)))

    def step(scale: float) -> Any:
        cost = (F.avg_pool2d(x, (28, 14)).sum(axis=3) + F.max_pool2d(x, (28, 7)).sum(axis=3)).sum() * scale
        cost.backward()
        return cost

    eager, native, run = both(step, [x], 2.0)
    assert_alike(native, eager, np.float64)
    assert set(LINES.findall(run.latest.text)) == {"max_pool2d", "max_unpool2d", "sum_pool2d", "sum_unpool2d"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_of_whole_images_is_one_sum(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, weight = Value(rng.normal(size=(3, 2, 28, 28)).astype(dtype)), Value(rng.normal(size=(4, 2, 3, 3)).astype(dtype))

    def step(scale: float) -> Any:
        cost = (F.adaptive_avg_pool2d(F.conv2d(x, weight), 1) ** 2 * scale).sum() + F.avg_pool2d(x, 28).sum()
        cost.backward()
        return cost

    eager, native, run = both(step, [x, weight], 2.0)
    assert_alike(native, eager, dtype)
    assert LINES.findall(run.latest.text) == []
    assert len(run.latest.text.splitlines()) < 60
