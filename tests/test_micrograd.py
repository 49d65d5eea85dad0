"""micrograd's programs run unchanged, without its defects."""

from __future__ import annotations

import random

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn


def test_the_expression_of_its_readme() -> None:
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_its_operators_take_ints_and_values_on_either_side() -> None:
    v = Value(2)
    results = [v + 1, 1 + v, v - 1, 1 - v, v * 3, 3 * v, v / 4, 4 / v, v**2, 2**v, -v, v.relu(), sum([v, v, v])]
    assert [r.data for r in results] == [3, 3, 1, -1, 6, 6, 0.5, 2, 4, 4, -2, 2, 6]
    assert repr(v) == "Value(data=2.0, grad=None)"


class Neuron:
    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x: list[Value]) -> Value:
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act


def test_a_network_of_scalars_learns() -> None:
    random.seed(1337)
    layer, last = [Neuron(2) for _ in range(8)], Neuron(8, nonlin=False)
    parameters = [p for n in [*layer, last] for p in [*n.w, n.b]]
    points = [([2.0, 3.0], 1.0), ([3.0, -1.0], -1.0), ([0.5, 1.0], 1.0), ([1.0, -1.0], -1.0)]

    def loss() -> Value:
        outs = [last([n(list(map(Value, x))) for n in layer]) for x, _ in points]
        return sum((out - y) ** 2 for out, (_, y) in zip(outs, points, strict=True)) * (1.0 / len(points))

    first = loss().data
    for _ in range(60):
        total = loss()
        for p in parameters:
            p.grad = 0
        total.backward()
        for p in parameters:
            p.data -= 0.05 * p.grad
    assert loss().data < first / 20


def test_a_second_backward_is_right() -> None:
    """micrograd gives 96 for 64: it adds into the gradients inside the graph."""
    x = Value(2.0)
    y = x**4
    y.backward()
    y.backward()
    assert x.grad == 64.0


def test_a_write_before_backward_is_no_wrong_gradient() -> None:
    """micrograd gives 200 for 6."""
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    with pytest.raises(RuntimeError, match="written"):
        y.backward()


def test_powers_at_zero_and_of_negative_numbers() -> None:
    """micrograd raises for x**0 at 0 and turns (−8)**(1/3) complex."""
    x = Value(0.0)
    (x**0).backward()
    assert x.grad == 0.0
    with pytest.warns(RuntimeWarning, match="invalid"):
        root = Value(-8.0) ** (1 / 3)
    assert np.isnan(root.data)
    assert root.dtype == np.float64


def test_a_network_takes_a_list_of_values_as_micrograds_does() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    x = [Value(0.5), Value(-1.0)]
    out = model(x)
    out.backward()
    expected = model(np.array([0.5, -1.0]))
    np.testing.assert_array_equal(out.data, expected.data)
    slopes = mg.numerical_grad(lambda at: model(at).data.sum(), [0.5, -1.0])
    np.testing.assert_allclose([v.grad for v in x], slopes, rtol=1e-6)
