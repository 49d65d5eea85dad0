"""Random starts: PyTorch's bounds and deviations, orthonormal matrices, bells with their ends cut off."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from microgradnet import nn
from microgradnet.nn import init

SHAPES = [(200, 300), (300, 200), (60, 40, 5), (40, 30, 3, 5)]

# Ours, PyTorch's of the same name with the same options, and the shape of what is drawn.
DRAWN: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
    "xavier_uniform": (init.xavier_uniform, {}, "uniform"),
    "xavier_uniform, gain": (init.xavier_uniform, {"gain": 5 / 3}, "uniform"),
    "xavier_normal": (init.xavier_normal, {"gain": 2.0}, "normal"),
    "kaiming_uniform": (init.kaiming_uniform, {}, "uniform"),
    "kaiming_uniform, fan_out": (init.kaiming_uniform, {"mode": "fan_out", "nonlinearity": "relu"}, "uniform"),
    "kaiming_uniform, a": (init.kaiming_uniform, {"a": math.sqrt(5)}, "uniform"),
    "kaiming_normal": (init.kaiming_normal, {}, "normal"),
    "kaiming_normal, tanh": (init.kaiming_normal, {"mode": "fan_out", "nonlinearity": "tanh"}, "normal"),
    "uniform": (init.uniform, {"a": -1.0, "b": 3.0}, "uniform"),
    "normal": (init.normal, {"mean": 1.0, "std": 0.02}, "normal"),
    "trunc_normal": (init.trunc_normal, {}, "cut"),
    "trunc_normal, off the mean": (init.trunc_normal, {"mean": 0.5, "std": 0.2, "a": 0.6, "b": 0.9}, "cut"),
    "orthogonal": (init.orthogonal, {"gain": 2.0}, "normal"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_distributed_as_pytorchs(name: str, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    function, options, kind = DRAWN[name]
    ours = function(shape, np.random.default_rng(0), **options)
    assert ours.shape == shape
    assert ours.dtype == np.float64
    theirs = torch.empty(shape, dtype=torch.float64)
    torch.manual_seed(0)
    getattr(torch.nn.init, function.__name__ + "_")(theirs, **options)
    std = float(theirs.std())
    assert ours.std() == pytest.approx(std, rel=0.03)
    assert ours.mean() == pytest.approx(float(theirs.mean()), abs=5 * std * math.sqrt(2 / ours.size))
    quarters = [0.05, 0.25, 0.5, 0.75, 0.95]
    np.testing.assert_allclose(
        np.quantile(ours, quarters), np.quantile(theirs.numpy(), quarters), atol=15 * std / math.sqrt(ours.size)
    )
    if kind != "normal":  # with these many, the ends are all but reached
        np.testing.assert_allclose([ours.min(), ours.max()], [theirs.min(), theirs.max()], rtol=2e-2, atol=0.15 * std)


# The formulas themselves, without PyTorch: fans are (inputs, outputs), the field of a convolution times each.
@pytest.mark.parametrize(
    ("function", "std"),
    [
        (init.lecun_uniform, math.sqrt(1 / (3 * 450))),
        (init.xavier_uniform, math.sqrt(2 / (450 + 600))),
        (partial(init.xavier_normal, gain=3.0), 3 * math.sqrt(2 / (450 + 600))),
        (init.kaiming_uniform, math.sqrt(2 / 450)),
        (partial(init.kaiming_normal, mode="fan_out"), math.sqrt(2 / 600)),
        (partial(init.kaiming_uniform, nonlinearity="tanh"), 5 / 3 / math.sqrt(450)),
        (partial(init.kaiming_normal, a=2.0), math.sqrt(2 / 5 / 450)),
        (init.normal, 1.0),
        (partial(init.uniform, a=-2.0, b=4.0), 6 / math.sqrt(12)),
        (partial(init.trunc_normal, a=-1.0, b=1.0), 0.5396),
    ],
)
def test_an_initialiser_has_its_standard_deviation(function: Any, std: float) -> None:
    drawn = function((40, 30, 3, 5), np.random.default_rng(0))
    assert drawn.shape == (40, 30, 3, 5)
    assert drawn.std() == pytest.approx(std, rel=0.02)


def test_gains_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-15)
    assert init.calculate_gain("conv") == torch.nn.init.calculate_gain("conv2d") == 1
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 3, 2), (40, 3, 2, 2), (1, 1), (3, 0)])
def test_an_orthogonal_matrix_has_orthonormal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(shape, np.random.default_rng(0), gain=3.0)
    assert w.shape == shape
    flat = w.reshape(shape[0], math.prod(shape[1:]))
    short = flat if flat.shape[0] <= flat.shape[1] else flat.T
    if w.size:
        np.testing.assert_allclose(short @ short.T, 9 * np.eye(len(short)), atol=1e-13)


def test_orthogonal_matrices_of_all_kinds_are_drawn() -> None:
    """The corner of a QR without its signs is always negative; of all orthogonal matrices it is even about 0."""
    rng = np.random.default_rng(0)
    corners = np.array([init.orthogonal((3, 3), rng)[0, 0] for _ in range(2000)])
    assert abs(corners.mean()) < 0.05
    assert np.mean(corners**2) == pytest.approx(1 / 3, rel=0.1)
    determinants = [np.linalg.det(init.orthogonal((3, 3), rng)) > 0 for _ in range(200)]
    assert 60 < sum(determinants) < 140


@pytest.mark.parametrize(
    ("low", "high"), [(-2.0, 2.0), (-0.01, 0.02), (1.0, 1.5), (2.0, math.inf), (-math.inf, -6.0), (-1000.0, 1000.0)]
)
def test_a_bell_is_cut_where_it_is_told(low: float, high: float) -> None:
    special = pytest.importorskip("scipy.special")
    x = np.sort(
        init.trunc_normal((2000,), np.random.default_rng(0), mean=0.5, std=2.0, a=low * 2 + 0.5, b=high * 2 + 0.5)
    )
    z = (x - 0.5) / 2
    assert z[0] >= low
    assert z[-1] <= high
    ends = special.ndtr(np.array([low, high]) if high < math.inf else -np.array([high, low]))
    at = special.ndtr(z if high < math.inf else -z[::-1])
    rank = (at - ends[0]) / (ends[1] - ends[0])  # even from 0 to 1
    assert np.abs(rank - (np.arange(2000) + 0.5) / 2000).max() < 1.63 / math.sqrt(2000)  # Kolmogorov, 1 %


def test_what_is_not_random() -> None:
    np.testing.assert_array_equal(init.zeros((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.ones((2,), np.random.default_rng(0)), [1.0, 1.0])
    np.testing.assert_array_equal(init.constant((2, 1), val=3), [[3.0], [3.0]])
    np.testing.assert_array_equal(init.eye((2, 3)), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def test_a_seed_or_a_generator_fixes_what_is_drawn() -> None:
    for function in (init.lecun_uniform, init.kaiming_normal, init.orthogonal, init.trunc_normal, init.uniform):
        np.testing.assert_array_equal(function((4, 3), 7), function((4, 3), np.random.default_rng(7)))
        rng = np.random.default_rng(7)
        assert not np.array_equal(function((4, 3), rng), function((4, 3), rng))


def test_a_layer_takes_an_initialiser_with_options() -> None:
    layer = nn.Linear(64, 64, init=partial(init.orthogonal, gain=2.0), seed=0)
    assert layer.weight.dtype == np.float32
    np.testing.assert_allclose(layer.weight.data @ layer.weight.data.T, 4 * np.eye(64), atol=1e-5)
    assert layer.bias is not None
    np.testing.assert_array_equal(layer.bias.data, np.zeros(64))
    model = nn.MLP(3, [4, 2], init=partial(init.constant, val=0.5))
    assert {float(w.data.max()) for w in (model.layers[0].weight, model.layers[1].weight)} == {0.5}


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: init.orthogonal((3,)), ValueError, r"two axes.*got shape \(3,\)"),
        (lambda: init.kaiming_normal((3, 3), mode="in"), ValueError, "mode='in': it is 'fan_in' or 'fan_out'"),
        (lambda: init.kaiming_uniform((3, 3), nonlinearity="gelu"), ValueError, "'gelu': it is 'linear', .* 'leaky"),
        (lambda: init.calculate_gain("Relu"), ValueError, "nonlinearity='Relu'"),
        (lambda: init.trunc_normal((3,), std=0.0), ValueError, "std=0.0.*nothing normal lies"),
        (lambda: init.trunc_normal((3,), a=2.0, b=-2.0), ValueError, "a=2.0, b=-2.0"),
        (lambda: init.trunc_normal((3,), a=11.0, b=12.0), ValueError, "nothing normal lies between"),
        (lambda: init.trunc_normal((3,), a=math.nan), ValueError, "a=nan"),
        (lambda: init.eye((3,)), ValueError, r"two axes, \(outputs, inputs\); got shape \(3,\)"),
        (lambda: init.normal((3,), "seed"), TypeError, "a seed is an int"),
        (lambda: init.constant((3,)), TypeError, "val"),
    ],
)
def test_what_starts_nothing_says_so(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
