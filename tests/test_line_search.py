"""The line search looks where PyTorch's does, along curves that are hard for line searches (Moré and Thuente 1994)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from microgradnet import Value, optim
from microgradnet.optim.line_search import C1, C2, Point, strong_wolfe

Curve = Callable[[float], tuple[float, float]]  # the cost and the slope at a distance


def bend(t: float, width: float) -> tuple[float, float]:
    """|1 − t|, with a parabola for its corner."""
    if abs(t - 1) >= width:
        return abs(t - 1), math.copysign(1.0, t - 1)
    return (t - 1) ** 2 / (2 * width) + width / 2, (t - 1) / width


def wavy(t: float) -> tuple[float, float]:
    cost, slope = bend(t, 0.01)
    turn = 39 * math.pi / 2
    return cost + 0.99 / turn * math.sin(turn * t), slope + 0.99 * math.cos(turn * t)


def bowl(first: float, second: float) -> Curve:
    def share(x: float) -> float:
        return math.sqrt(1 + x * x) - x

    def curve(t: float) -> tuple[float, float]:
        near, far = math.sqrt((1 - t) ** 2 + second**2), math.sqrt(t * t + first**2)
        return share(first) * near + share(second) * far, share(second) * t / far - share(first) * (1 - t) / near

    return curve


CURVES: dict[str, Curve] = {
    "t/(t^2+2)": lambda t: (-t / (t * t + 2), -(2 - t * t) / (t * t + 2) ** 2),
    "quintic": lambda t: ((t + 0.004) ** 5 - 2 * (t + 0.004) ** 4, 5 * (t + 0.004) ** 4 - 8 * (t + 0.004) ** 3),
    "wavy": wavy, "bowl": bowl(0.001, 0.001), "skew": bowl(0.01, 0.001), "steep": bowl(0.001, 0.01),
    "falling": lambda t: (-t, -1.0), "quartic": lambda t: ((t - 3) ** 4, 4 * (t - 3) ** 3),
    "parabola": lambda t: ((t - 1) ** 2, 2 * (t - 1)),
}  # fmt: skip
# The curve, the first distance and how often it may go on; where PyTorch 2.13 looked, and what it chose.
LOOKED = """
t/(t^2+2) | 0.001 25 | 0.001 0.01 0.1 0.823049 | 0.823049
t/(t^2+2) | 0.1 25 | 0.1 0.822303 | 0.822303
t/(t^2+2) | 1 25 | 1 | 1
t/(t^2+2) | 10 25 | 10 | 10
t/(t^2+2) | 1000 4 | 1000 333.335 666.668 500.001 416.668 | 333.335
quintic | 0.001 4 | 0.001 0.005505 0.0303 0.166774 0.91794 | 0.91794
quintic | 0.1 25 | 0.1 0.101 0.555505 3.05755 1.75974 1.52005 1.59666 1.596 1.59606 1.596 | 1.596
quintic | 0.1 4 | 0.1 0.101 0.555505 3.05755 1.75974 | 1.75974
quintic | 1 25 | 1 1.01 2.07013 1.58536 1.59783 1.596 1.596 | 1.596
quintic | 1 4 | 1 1.01 2.07013 1.58536 1.59783 | 1.59783
quintic | 10 25 | 10 4.61398 2.25768 1.3634 1.63458 1.59504 1.596 1.5959 1.596 | 1.596
quintic | 10 4 | 10 4.61398 2.25768 1.3634 1.63458 | 1.63458
quintic | 1000 4 | 1000 444.591 197.743 88.0336 39.275 | 0
wavy | 0.001 4 | 0.001 0.005505 0.0303 0.030548 0.157497 | 0.157497
wavy | 0.1 25 | 0.1 0.101 0.555505 3.76208 1.22753 0.978959 1.04271 0.996245 0.999942 1.00422 1 | 1
wavy | 0.1 4 | 0.1 0.101 0.555505 3.76208 1.22753 | 1.22753
wavy | 1 25 | 1 | 1
wavy | 10 25 | 10 0.0207899 1.04412 0.872549 0.980515 0.99646 0.999993 | 0.999993
wavy | 10 4 | 10 0.0207899 1.04412 0.872549 0.980515 | 0.980515
wavy | 1000 25 | 1000 4.88337 0.488337 1.0771 1.07467 1.01604 0.913547 0.995922 0.999435 0.999898 1.00151 1 | 1
wavy | 1000 4 | 1000 4.88337 0.488337 1.0771 1.07467 | 1.07467
bowl | 0.001 25 | 0.001 | 0.001
bowl | 0.1 25 | 0.1 | 0.1
bowl | 1 25 | 1 0.5 | 0.5
bowl | 10 25 | 10 0.997894 | 0.997894
bowl | 1000 25 | 1000 89.4104 8.94104 0.904747 | 0.904747
skew | 0.001 25 | 0.001 | 0.001
skew | 0.1 25 | 0.1 | 0.1
skew | 1 25 | 1 0.501119 | 0.501119
skew | 10 25 | 10 0.994821 | 0.994821
skew | 1000 25 | 1000 89.1212 8.91212 0.89945 | 0.89945
steep | 0.001 25 | 0.001 | 0.001
steep | 0.1 25 | 0.1 | 0.1
steep | 1 25 | 1 0.498881 | 0.498881
steep | 10 25 | 10 1.00145 0.515435 | 0.515435
steep | 1000 25 | 1000 89.6962 8.96962 0.910536 | 0.910536
falling | 0.001 4 | 0.001 0.01 0.1 1 10 | 10
falling | 0.1 4 | 0.1 1 10 100 1000 | 1000
falling | 1 4 | 1 10 100 1000 10000 | 10000
falling | 10 4 | 10 100 1000 10000 100000 | 100000
falling | 1000 4 | 1000 10000 100000 1e+06 1e+07 | 1e+07
quartic | 0.001 25 | 0.001 0.005505 0.0303 0.166774 | 0.166774
quartic | 0.1 25 | 0.1 0.5505 | 0.5505
quartic | 1 25 | 1 | 1
quartic | 10 25 | 10 4.77562 | 4.77562
quartic | 1000 25 | 1000 335.327 113.758 39.8679 15.1472 6.68739 3.34017 | 3.34017
quartic | 1000 4 | 1000 335.327 113.758 39.8679 15.1472 | 0
parabola | 1.95 25 | 1.95 1 | 1
""".strip()


@pytest.mark.parametrize("line", LOOKED.splitlines())
def test_it_looks_where_pytorch_looks(line: str) -> None:
    name, how, looked, chosen = (part.strip() for part in line.split("|"))
    t, most = map(float, how.split())
    curve, seen = CURVES[name], []

    def evaluate(t: float) -> tuple[float, np.ndarray]:
        seen.append(t)
        cost, slope = curve(t)
        return cost, np.array([slope])

    cost, slope = curve(0.0)
    start = Point(0.0, cost, np.array([slope]), slope)
    found, count = strong_wolfe(evaluate, start, t, np.ones(1), 1e-9, int(most))
    np.testing.assert_allclose(seen, [float(x) for x in looked.split()], rtol=2e-5)
    assert count == len(seen)
    np.testing.assert_allclose(found.t, float(chosen), rtol=2e-5)
    assert (found.cost, found.slope) == curve(found.t)


@pytest.mark.parametrize("name", [name for name in CURVES if name != "falling"])
@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 10.0])
def test_what_it_finds_satisfies_both_conditions(name: str, t: float) -> None:
    cost, slope = CURVES[name](0.0)
    start = Point(0.0, cost, np.array([slope]), slope)
    found, _ = strong_wolfe(
        lambda t: (CURVES[name](t)[0], np.array(CURVES[name](t)[1:])), start, t, np.ones(1), 1e-9, 50
    )
    assert found.cost <= cost + C1 * found.t * slope
    assert abs(found.slope) <= C2 * abs(slope)


def test_along_a_straight_line_there_is_no_lowest_point() -> None:
    w = Value([3.0, 4.0])
    optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe")

    def closure() -> Value:
        optimizer.zero_grad()
        cost = w.sum()
        cost.backward()
        return cost

    optimizer.step(closure)
    assert np.all(np.isfinite(w.data))
    assert np.all(w.data < -1e3)
