"""Descent: the formula, what it may move, and that a network learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn
from microgradnet.optim import SGD

W = Value(1.0)


def test_a_step_takes_the_numbers_of_a_recorded_gradient() -> None:
    w = Value([1.0, 2.0])
    (w * w).sum().backward(create_graph=True)
    SGD([w], lr=0.1).step()
    np.testing.assert_allclose(w.data, [0.8, 1.6])


def test_a_step_is_the_formula() -> None:
    w, unused = Value(np.array([1.0, 2.0], np.float32)), Value(3.0)
    optimiser = SGD([w, unused], lr=0.1)
    (w * w).sum().backward()
    array = w.data
    optimiser.step()
    np.testing.assert_allclose(w.data, [0.8, 1.6], rtol=1e-7)
    assert w.dtype == np.float32
    assert w.data is array  # moved in place
    assert unused.data == 3.0
    optimiser.zero_grad()
    assert w.grad is None


@pytest.mark.parametrize(
    ("parameters", "lr", "error", "says"),
    [
        (nn.Linear(1, 1, seed=0), 0.1, TypeError, r"model\.parameters\(\)"),
        ([], 0.1, ValueError, "no parameters"),
        ([np.ones(2)], 0.1, TypeError, "a parameter is a Value"),
        ([Value(1.0) * 2], 0.1, TypeError, "was computed"),
        ([W, W], 0.1, ValueError, "twice"),
        (nn.Linear(1, 1, seed=0).parameters, 0.1, TypeError, r"model\.parameters\(\)"),
        ([Value(1.0)], "0.1", ValueError, "lr='0.1'"),
        ([Value(1.0)], 0.0, ValueError, "lr=0.0"),
        ([Value(1.0)], float("nan"), ValueError, "positive number"),
    ],
)
def test_what_cannot_be_optimised_is_refused(parameters: Any, lr: float, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        SGD(parameters, lr)


def test_descent_learns_xor() -> None:
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
    model = nn.MLP(2, [8, 1], activation=np.tanh, final_activation=F.sigmoid, seed=0)
    optimiser = SGD(model.parameters(), lr=1.0)
    for _ in range(500):
        optimiser.zero_grad()
        F.quadratic_cost(model(x), y).backward(release=True)
        optimiser.step()
    assert (np.abs(model(x).data - y) < 0.2).all()


def test_training_twice_gives_the_same_bits() -> None:
    def trained() -> bytes:
        model = nn.MLP(5, [7, 3], activation=F.sigmoid, seed=2)
        optimiser, rng = SGD(model.parameters(), lr=0.3), np.random.default_rng(0)
        for _ in range(20):
            optimiser.zero_grad()
            F.quadratic_cost(model(rng.random((4, 5), np.float32)), rng.random((4, 3), np.float32)).backward()
            optimiser.step()
        return b"".join(p.data.tobytes() for p in model.parameters())

    assert trained() == trained()
