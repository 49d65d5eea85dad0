"""The bounds of the checker: where one verdict turns into another is where the formulas say, to many digits.

A bound is found by halving, and compared with what is computed by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from microgradnet import primitive
from microgradnet.gradcheck import check_grads, judge, numerical, numerical_grad, remedies, slopes
from microgradnet.gradcheck.blame import counted_out, one_by_one
from microgradnet.gradcheck.directions import Field, ordinary_size
from microgradnet.gradcheck.element import Spot
from microgradnet.gradcheck.judge import agree, is_plain, is_refuted, is_sharp, judged, lies_between
from microgradnet.gradcheck.pairs import EPS, Pair, amount, digits_of, last_digit
from microgradnet.gradcheck.point import Point
from microgradnet.gradcheck.precision import problems_in_float32
from microgradnet.gradcheck.remedies import Evidence, fitting_factor
from microgradnet.gradcheck.report import Culprit, Element
from microgradnet.gradcheck.slopes import (
    FIRST_STEP,
    Look,
    Slope,
    careful_slope,
    extrapolated,
    kink_in,
    quick_slope,
    size_of,
)
from microgradnet.gradcheck.still import moves_far_away, stands_still

ONE = np.ones(1)
OTHER = Slope(10.0, 0.1)


def turn(holds: Callable[[float], bool], low: float, high: float, to: float = 0.0) -> float:
    """The number between two at which something begins or ends to hold."""
    before = holds(low)
    assert holds(high) != before
    while (middle := (low + high) / 2) not in (low, high) and abs(high - low) > to * abs(high):
        low, high = (middle, high) if holds(middle) == before else (low, middle)
    return high


def about(x: float, rel: float = 1e-9) -> Any:
    return pytest.approx(x, rel=rel, abs=0)


# ------------------------------------------------------------------------------------------------------------ verdicts


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_gradient_agrees_with_a_slope_within_ten_error_bars_and_a_millionth(sign: int) -> None:
    assert turn(lambda g: agree(sign * g, Slope(0.0, 1.0)), 0, 100) == about(10 / (1 - 1e-6))
    assert turn(lambda g: agree(sign * 3 * g, Slope(sign * 3.0, 0.0)), 1, 2) == about(1 / (1 - 1e-6), 1e-13)
    assert turn(lambda g: agree(sign * 3 * g, Slope(sign * 3.0, 0.0)), 1, 0.5) == about(1 - 1e-6, 1e-13)
    assert agree(0.0, Slope(0.0, 0.0))
    assert not any(agree(sign * g, Slope(v, math.inf)) for g, v in ((math.inf, 0.0), (math.nan, 0.0), (1.0, math.nan)))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_plain_error_is_a_thousandth_and_a_thousand_error_bars(sign: int) -> None:
    assert turn(lambda g: is_plain(sign * g, Slope(0.0, 1.0)), 0, 1e5) == about(1000 / (1 - 1e-3))
    assert turn(lambda g: is_plain(sign * 3 * g, Slope(sign * 3.0, 0.0)), 1, 2) == about(1 / (1 - 1e-3))
    assert turn(lambda g: is_plain(sign * 3 * g, Slope(sign * 3.0, 0.0)), 1, 0.5) == about(1 - 1e-3)
    assert not is_plain(0.0, Slope(0.0, 0.0))
    for g in (math.nan, math.inf):  # is none beside a slope that is known
        assert turn(lambda error, g=g: is_plain(g, Slope(sign * 2.0, error)), 0, 1) == about(2e-3)  # type: ignore[misc]
        assert is_plain(g, Slope(sign * 2.0, 2e-3))


@pytest.mark.parametrize(("left", "right"), [(1.0, 2.0), (2.0, 1.0), (-2.0, -1.0), (-1.0, -2.0)])
def test_between_the_sides_of_a_kink_is_ten_error_bars_and_a_millionth_around_them(left: float, right: float) -> None:
    kink, middle = Slope(0.0, 0.01, left, right), (left + right) / 2
    assert turn(lambda g: lies_between(g, kink), middle, middle + 9) == about(max(left, right) + 0.1 + 2e-6)
    assert turn(lambda g: lies_between(g, kink), middle, middle - 9) == about(min(left, right) - 0.1 - 2e-6)


def test_an_error_bar_is_sharp_if_it_is_a_thousandth_or_a_millionth_of_ordinary_slopes() -> None:
    def bound(g: float, value: float, ordinary: float) -> float:
        return turn(lambda error: is_sharp(Look(Slope(value, error), [], ordinary, 0.0), g), 0, 1)

    assert bound(2.0, -1.0, 0.0) == bound(-1.0, 2.0, 0.0) == about(2e-3)
    assert bound(-2.0, 1.0, 0.0) == bound(1.0, -2.0, 0.0) == about(2e-3)
    assert bound(0.0, 0.0, 1e4) == about(1e-2)
    assert bound(2.0, 0.0, 1e4) == about(1e-2)
    assert is_sharp(Look(Slope(1.0, 0.0), [], 5.0, 0.0), 1.0)
    assert is_sharp(Look(Slope(1.0, 0.0), [], 0.0, 0.0), 2.0)
    assert not is_sharp(Look(Slope(0.0, 0.0), [], 0.0, 0.0), 0.0)  # nothing moved at all


def test_what_speaks_against_a_gradient_is_seen_on_the_scale_on_which_it_turns_results_over() -> None:
    def refuted(
        step: float, g: float = 0.5, size: float = 1.0, seen: Slope = OTHER, high: float = 0.0, y: float = 2.0,
        reach: float = 0.0,
    ) -> bool:  # fmt: skip
        here = np.array([y])

        def line(t: float) -> Any:
            return here + high * (round(t / (4 * EPS * size)) % 2), t

        return is_refuted(g, Look(OTHER, [(step, seen)], 0.0, reach), line, here, ONE, size)

    other = Slope(11.0, 0.1)
    for sign in (-1.0, 1.0):  # a tenth of the result, by the gradient: 0.4
        assert turn(lambda step, g=sign / 2: refuted(step, g, seen=other), 0.3, 0.5) == about(0.4)  # type: ignore[misc]
        assert turn(lambda step, g=sign / 2: refuted(step, g, seen=other), 0.3, 0.0) == about(0.4 / 256)  # type: ignore[misc]
    # Where it is 0, a tenth of what it is near by, if that is more than a hundred times what rounding makes of it.
    assert turn(lambda step: refuted(step, seen=other, y=0.0, reach=2.0), 0.3, 0.5) == about(0.4)
    assert turn(lambda step: refuted(step, seen=other, reach=3.0), 0.3, 1.0) == about(0.6)
    far = Slope(1e9, 0.1)
    assert turn(lambda high: refuted(0.3, seen=far, y=0.0, reach=2.0, high=high), 1e-9, 1) == about(1e-2, 1e-6)
    assert turn(lambda step: refuted(step, size=0.1, seen=other), 0.05, 0.5) == about(0.1)
    assert turn(lambda step: refuted(step, size=0.1, seen=other), 0.05, 0.0) == about(0.1 / 256)
    assert turn(lambda step: refuted(step, size=0.1), 0.05, 0.5) == about(0.4)  # of the slope itself
    assert turn(lambda step: refuted(step, g=0.0, seen=other), 0.5, 2.0) == about(1.0)  # which turns nothing over
    assert turn(lambda value: refuted(0.1, seen=Slope(value, 0.2)), 1, 9) == about(0.5 + 2)
    assert turn(lambda value: refuted(0.1, seen=Slope(value, 0.0), high=1e-3), 1, 9) == about(
        0.5 + 10 * 16 * 2e-3 / 0.1
    )
    assert not refuted(0.1, seen=Slope(9.0, math.inf))
    assert not refuted(0.1, seen=Slope(math.nan, math.inf))


def unlooked(*given: Any) -> Any:
    raise AssertionError("nobody looks again")


def test_a_slope_that_is_known_to_a_part_in_100000_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def verdict(g: float, slope: Slope, quickly: bool = False) -> Any:
        monkeypatch.setattr(judge, "quick_slope", lambda *given: slope)
        return judged(unlooked, ONE, ONE, 1.0, g, unlooked, quickly)

    monkeypatch.setattr(judge, "careful_slope", lambda *given: Look(Slope(math.nan, math.inf), [], 0.0, 0.0))
    for value, g in ((-3.0, -3.0), (-3.0, -2.99998), (3.0, 3.00002)):
        larger = max(abs(g), abs(value))
        bound = turn(lambda e, v=value, g=g: verdict(g, Slope(v, e))[0] == "match", 1e-5, 1.0)  # type: ignore[misc]
        assert bound == about(1e-5 * larger)
    assert verdict(5.0, Slope(3.0, 1e-9)) == ("cannot tell", about_none())
    assert verdict(5.0, Slope(3.0, 1e-9), quickly=True) == ("mismatch", Slope(3.0, 1e-9, *about_none()[2:]))
    assert verdict(3.001, Slope(3.0, 1e-9), quickly=True)[0] == "cannot tell"


def about_none() -> Any:
    return Slope(pytest.approx(math.nan, nan_ok=True), math.inf, *[pytest.approx(math.nan, nan_ok=True)] * 2)


KINK, SHARP, BLUNT = Slope(1.5, 0.0, 1.0, 2.0), Slope(3.0, 1e-6), Slope(3.0, 1.0)


@pytest.mark.parametrize(("g", "slope", "refuted", "still", "rounding", "says"), [
    (1.2, KINK, False, False, 0.0, "kink"), (2.2, KINK, False, False, 0.0, "mismatch"),
    (math.nan, KINK, False, False, 0.0, "mismatch"), (0.0, Slope(math.nan, math.inf), True, True, 9.0, "cannot tell"),
    (math.nan, SHARP, False, False, 0.0, "mismatch"), (math.inf, BLUNT, False, False, 0.0, "cannot tell"),
    (math.nan, BLUNT, True, False, 9.0, "cannot tell"), (math.nan, BLUNT, False, True, 0.0, "mismatch"),
    (3.0, SHARP, False, False, 0.0, "match"), (3.0, BLUNT, True, False, 9.0, "cannot tell"),
    (3.0, BLUNT, True, True, 3.0, "match"), (-3.0, BLUNT, False, True, 3.0, "match"),
    (3.0, BLUNT, False, True, 2.9, "cannot tell"), (3.0, BLUNT, False, False, 3.0, "cannot tell"),
    (9.0, SHARP, True, False, 0.0, "mismatch"), (9.0, SHARP, True, True, 9.0, "mismatch"),
    (9.0, SHARP, False, False, 9.0, "cannot tell"), (9.0, SHARP, False, True, 9.0, "match"),
])  # fmt: skip
def test_what_is_said_of_a_gradient_after_a_careful_look(
    g: float, slope: Slope, refuted: bool, still: bool, rounding: float, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "quick_slope", lambda *given: Slope(math.nan, math.inf))
    monkeypatch.setattr(judge, "careful_slope", lambda *given: Look(slope, [], 0.0, 0.0))
    monkeypatch.setattr(judge, "is_refuted", lambda *given: refuted)
    monkeypatch.setattr(judge, "stands_still", lambda *given: still)
    assert judged(unlooked, ONE, ONE, 1.0, g, lambda: rounding)[0] == says
    assert judged(unlooked, ONE, ONE, 1.0, g, lambda: rounding, quickly=True)[0] == says


def test_how_far_numbers_are_moved_to_see_what_rounding_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    x = np.array([0.0, 2.0, -3.0])
    point = Point(lambda x: seen.append(np.array(getattr(x, "data", x))) or x * x, [x], {}, None, 0)
    seen.clear()
    (g,) = point.nudged(0.25)
    (moved,) = seen
    np.testing.assert_array_equal(np.abs(moved - x), [0.25 * 2.5, 0.5, 0.75])
    np.testing.assert_allclose(g, 2 * moved * point.c)
    assert point.places[0].read().tolist() == x.tolist()
    digits: list[float] = []
    monkeypatch.setattr(
        point, "nudged", lambda by: digits.append(by) or [point.analytic[0] + by * np.array([1, -2, 3])]
    )
    np.testing.assert_allclose(point.rounding[0], 10 * 8 * EPS * np.array([1, 2, 3]), rtol=1e-2, atol=1e-16)
    assert sorted(digits) == [-8 * EPS, -2 * EPS, 2 * EPS, 8 * EPS]


def test_a_step_in_the_imaginary_direction_is_believed_within_the_error_bar() -> None:
    def spot(f: Any, at: float) -> Spot:
        return Spot(Point(f, [at], {}, None, 0), 0, ())

    sine = spot(np.sin, 0.5)
    exact = sine.point.c[0] * math.cos(0.5)
    value, error, *_ = sine.complex_slope(Slope(exact, 1.0))  # type: ignore[misc]
    assert (value, error) == (about(exact, 1e-14), about(64 * EPS * abs(exact)))
    assert {type(value), type(error)} == {float}
    for sign in (-1, 1):
        bound = turn(lambda e, s=sign: sine.complex_slope(Slope(exact + s, e)) is None, 0.0, 2.0)  # type: ignore[misc]
        assert bound == about(1.0)
    large = spot(lambda x: 1e12 + np.sin(x), 0.5)
    digit = EPS * abs(large.point.c[0]) * 1e12 / 0.5
    exact = large.point.c[0] * math.cos(0.5)
    assert turn(lambda e: large.complex_slope(Slope(exact + 1, e)) is None, 0.0, 2.0) == about(1 - digit, 1e-6)
    assert sine.complex_slope(Slope(exact, math.inf)) is None
    for size, seen in ((0.95e-270, False), (1.05e-270, True)):
        assert (spot(lambda x: x * 1.0, size).complex_slope(Slope(0.0, 10.0)) is not None) is seen
    assert spot(lambda x: abs(x) * 1.0, 0.5).complex_slope(Slope(0.0, 10.0)) is None


def test_the_gap_of_an_element_is_of_the_larger_of_both_or_of_the_error_bar() -> None:
    def gap(analytic: float, numerical: float, error: float = 0.0) -> float:
        return Element("x", (), "match", analytic, numerical, error).gap

    assert [gap(3.0, -1.0), gap(-1.0, 3.0), gap(1.0, 3.0, 4.0), gap(1.0, 4.0, math.inf)] == [4 / 3, 4 / 3, 0.5, 0.75]
    assert gap(0.0, 0.0) == 0.0
    odd = [(math.nan, 0.0), (0.0, math.nan), (math.inf, 1.0), (math.inf, math.inf), (1.0, -math.inf)]
    assert {gap(*both) for both in odd} == {math.inf}


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_gradient_that_scatters_as_much_near_by_is_rounding(which: int) -> None:
    """Of a zigzag of height h second differences are 2h; ten times that, and ten error bars, may it be off."""
    steps, moves, size = (4 * EPS, 1e-8, 1e-6), [], 2.0

    def rounding(gap: float, high: float, error: float) -> bool:
        def gradient() -> Any:
            zigzag = round((moves[-1] / (steps[which] * size) + 5) / 2) % 2
            return [np.array([5.0 + high * zigzag])]

        point = SimpleNamespace(by_rules=True, gradient=gradient)
        spot: Any = SimpleNamespace(point=point, g=5.0 + gap, size=size, p=0, index=0, move=moves.append)
        moves.clear()
        return Spot.is_rounding(spot, Slope(5.0, error))

    for sign in (-1, 1):
        bound = turn(lambda gap, s=sign: rounding(s * gap, 0.25, 0.125), 0.1, 99.0, 1e-6)  # type: ignore[misc]
        assert bound == about(10 * (2 * 0.25 + 0.125), 1e-5)
    assert moves == [k * step * size for step in steps for k in range(-5, 6, 2)]
    assert not rounding(math.nan, 0.25, 0.125)


def test_what_is_lost_in_rounding_is_too_small_to_show() -> None:
    """Of results that stand still at three steps, 16 in sum with their weights."""
    y, c, step = np.array([8.0, 1.0]), np.array([2.0, -5.0]), 3.0 * 8 * FIRST_STEP
    seen: list[Any] = []

    def lost(gap: float, moving: float = 3.0, moves: tuple[float, ...] = (), by_rules: bool = True) -> bool:
        def line(t: float) -> Any:
            return y + np.array([min((abs(t - at) < 1e-9 for at in moves), default=False), t]), t

        gradient = lambda c: seen.append(c.tolist()) or [np.array([moving])]  # noqa: E731
        point = SimpleNamespace(by_rules=by_rules, y=y, c=c, gradient=gradient)
        place = SimpleNamespace(write=seen.append)
        spot: Any = SimpleNamespace(
            point=point, line=line, size=3.0, place=place, x="x", p=0, index=0, g=moving + gap
        )  # fmt: skip
        return Spot.is_lost_in_rounding(spot, Slope(3.0, 1e-9))

    for sign in (-1, 1):
        bound = turn(lambda gap, s=sign: lost(s * gap), 0.0, 1e-6, 1e-6)  # type: ignore[misc]
        assert bound == about(4 * EPS * 16 / step, 1e-2)
    assert seen[-2:] == ["x", [0.0, -5.0]]
    assert not lost(0.0, moving=4.0)
    assert not lost(0.0, by_rules=False)
    assert [lost(0.0, moves=(t,)) for t in (step, -step, step / 16, 2 * step)] == [False, False, False, True]


def test_of_many_elements_the_zeros_are_looked_at_first() -> None:
    at = np.where(np.arange(600) == 599, 0.0, np.arange(600) % 2 + 1.0)
    trial: Any = SimpleNamespace(field=SimpleNamespace(at=at), is_wrong=lambda i: i == 599)
    assert one_by_one(trial, np.random.default_rng(0)) == 599
    trial.is_wrong = lambda i: False
    assert one_by_one(trial, np.random.default_rng(0)) is None


def test_elements_and_culprits_in_words() -> None:
    plain = Element("x", (1, 0), "mismatch", 1.5, 2.0, 1.26e-9)
    assert str(plain) == "x[1, 0]: 1.5 by the gradient, 2 ± 1e-09 by the slope"
    kink = Element("y", (), "kink", 0.123456789123, 0.5, 0.0, -1.0, 2.0000004)
    assert str(kink) == "y: 0.123456789 by the gradient, 0.5 ± 0 by the slope (left -1, right 2)"
    one = Culprit("tanh", 1, "a.py:3", 0.123456789123, 2.0, 1e-9, " at y = 1, for a random g")
    said = "gives 0.123456789 where the slope is 2 ± 1e-09 at y = 1, for a random g"
    assert str(one) == f"tanh: the rule for its input 1 {said}\n    a.py:3"
    mended = one._replace(remedy="your rule is right if transposed", raised="ValueError: no")
    assert str(mended) == (
        "tanh: the rule for its input 1 raises ValueError: no\n    your rule is right if transposed\n    a.py:3"
    )
    sizes = ["2", "2, 3", "2, 3, 4", "2, 3, 4, …", "2, 3, 4, …"]
    assert [counted_out(SimpleNamespace(size=n)) for n in range(1, 6)] == sizes  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------- what is moved, and how


def test_a_number_is_moved_on_its_own_scale_or_that_of_the_others() -> None:
    x = np.array([[-2.0, 0.0], [8.0, 5.0]])
    assert [size_of(x, i) for i in ((0, 0), (0, 1), (1, 0))] == [2.0, 5.0, 8.0]
    assert size_of(np.zeros(2), (1,)) == 1.0
    assert size_of(np.array([1e-320, 0.0]), (0,)) == size_of(np.array([1e-320, 0.0]), (1,)) == 1e-317


def pair(slope: float = 0.0, noise: float = 0.0, left: float = 0.0, right: float = 0.0) -> Any:
    return SimpleNamespace(slope=slope, noise=noise, left=left, right=right, bend=right - left)


@pytest.mark.parametrize("ratio", [2.0, 4.0])
def test_three_steps_are_extrapolated_as_if_by_powers_of_two_and_four(ratio: float) -> None:
    h = np.array([1.0, 1 / ratio, 1 / ratio**2])
    for noises in ((3.0, 2.0, 1.0), (1.0, 3.0, 2.0), (1.0, 2.0, 3.0)):
        three = [pair(7 - 2 * x**2, noise) for x, noise in zip(h, noises, strict=True)]
        assert extrapolated(three, ratio) == Slope(about(7.0), about(6.0))
    slope = extrapolated([pair(7 + 3 * x**2 + x**4) for x in h], ratio)  # of x⁴ alone the second power leaves something
    left = [b + (b - a) / (ratio**2 - 1) for a, b in ((h[0] ** 4, h[1] ** 4), (h[1] ** 4, h[2] ** 4))]
    assert slope == Slope(about(7.0), about(abs(left[1] - left[0])))
    assert str(extrapolated([pair(x) for x in (1.0, math.inf, 1.0)], ratio)) == str(Slope(math.nan, math.inf))


def looked(monkeypatch: pytest.MonkeyPatch, said: dict[float, tuple[float, float]], **seen: Any) -> Look:
    """A careful look by the steps 16 to 1, of which three say a slope and its error, under the first of them."""

    def stand_in(line: Any, y: Any, c: Any, step: float) -> Any:
        noise, secant = seen.get("pairs", {}).get(step, (0.0, 0.0))
        return SimpleNamespace(step=step, above=y, below=y, moved=y > 0, noise=noise, secant=secant, weigh=seen.get(
            "weigh", lambda *given: None))  # fmt: skip

    monkeypatch.setattr(slopes, "Pair", stand_in)
    monkeypatch.setattr(slopes, "ladders", lambda size: [[16.0, 8.0, 4.0, 2.0, 1.0, 0.0]])
    monkeypatch.setattr(slopes, "extrapolated", lambda three, ratio: Slope(*said[three[0].step]))
    monkeypatch.setattr(slopes, "digits_of", lambda pairs: 0.25)
    monkeypatch.setattr(slopes, "kink_in", lambda pairs: seen.get("kink"))
    return careful_slope(unlooked, np.array([1.0, 0.0]), np.ones(2), 1.0)


def test_a_larger_step_is_believed_as_long_as_it_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a lost 1.6 the error bar at twice the step is half as large, whatever was seen there."""

    def best(apart: float) -> float:
        said = {4.0: (1.0, 0.4), 8.0: (1.0 + apart, 0.1), 16.0: (1.0 + apart, 9.0)}
        look = looked(monkeypatch, said)
        assert look.measured == [(4.0, Slope(1.0, 0.4)), (8.0, Slope(1 + apart, 0.2)), (16.0, Slope(1 + apart, 9.0))]
        return look.slope.value

    for sign in (-1, 1):
        bound = turn(lambda apart, s=sign: best(s * apart) == 1.0, 0.1, 9.0)  # type: ignore[misc]
        assert bound == about(3 * (0.4 + 0.2))
    none, some = (math.nan, math.inf), (1.0, 0.5)
    assert looked(monkeypatch, {4.0: none, 8.0: some, 16.0: (1.1, 0.1)}).slope == Slope(1.1, 0.25)
    assert looked(monkeypatch, {4.0: some, 8.0: none, 16.0: (1.1, 0.01)}).slope == Slope(1.0, 0.5)
    kink = Slope(0.0, 0.0, -1.0, 1.0)
    assert looked(monkeypatch, dict.fromkeys((4.0, 8.0, 16.0), some), kink=kink).slope == kink
    weighed: list[Any] = []
    looked(monkeypatch, dict.fromkeys((4.0, 8.0, 16.0), some), weigh=lambda *given: weighed.append(given))
    assert [(c.tolist(), moved.tolist(), digit) for c, moved, digit in weighed] == [([1, 1], [True, False], 0.25)] * 5


def test_a_numerical_gradient_is_looked_at_again_if_it_is_not_known_to_a_millionth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(quick: Slope, careful: Slope) -> tuple[float, float]:
        monkeypatch.setattr(numerical, "quick_slope", lambda *given: quick)
        monkeypatch.setattr(numerical, "careful_slope", lambda *given: Look(careful, [], 0.0, 0.0))
        slope, error = numerical_grad(np.sin, 0.5, with_error=True)
        return float(slope), float(error)

    nan, better = math.nan, Slope(9.0, 1e-9)
    for value in (3.0, -3.0):
        assert turn(lambda e, v=value: found(Slope(v, e), better) == (9.0, 1e-9), 0, 1) == about(3e-6)  # type: ignore[misc]
        assert found(Slope(value, 3e-6), better) == (value, 3e-6)
    assert found(Slope(3.0, 1e-3), Slope(nan, math.inf)) == found(Slope(3.0, 1e-3), Slope(4.0, 1e-2)) == (3.0, 1e-3)
    assert found(Slope(nan, nan), Slope(4.0, 5.0)) == found(Slope(3.0, 6.0), Slope(4.0, 5.0)) == (4.0, 5.0)
    assert found(Slope(3.0, 6.0), Slope(4.0, nan)) == (3.0, 6.0)


def test_a_slope_is_ordinary_if_a_hundredth_of_it_is_clear_of_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {4.0: (1.0, 0.4), 8.0: (1.0, 0.1), 16.0: (1.0, 0.1)}

    def ordinary(secant: float, noise: float) -> float:
        return looked(monkeypatch, said, pairs={16.0: (noise, secant), 1.0: (0.0, 100.0)}).ordinary

    assert turn(lambda secant: ordinary(secant, 0.0) == 0.0, 1.0, 90.0) == about(100 * 1.6 / 16)
    assert turn(lambda secant: ordinary(secant, 0.2) == 0.0, 1.0, 90.0) == about(100 * (1.6 / 16 + 0.2))
    assert ordinary(50.0, 0.0) == 50.0


def test_how_far_results_move_is_what_is_a_hundred_times_its_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {4.0: (1.0, 0.4), 8.0: (1.0, 0.1), 16.0: (1.0, 0.1)}

    def reach(secant: float, noise: float, other: float = 0.0) -> float:
        return looked(monkeypatch, said, pairs={16.0: (noise, secant), 1.0: (0.0, other)}).reach

    assert reach(3.0, 0.0) == 48.0
    assert reach(3.0, 0.0, 47.0) == 48.0
    assert reach(3.0, 0.0, 49.0) == 49.0
    assert turn(lambda noise: reach(3.0, noise, 2.0) == 2.0, 0.0, 1.0) == about(3e-2)


def test_a_kink_is_what_four_clear_steps_say() -> None:
    def kink(*pairs: Any) -> Any:
        return kink_in([pair(left=-1, right=2)] * (4 - len(pairs)) + [*pairs])

    assert kink() == Slope(0.5, 0.0, -1.0, 2.0)
    wild = pair(left=-500, right=400)
    assert kink_in([wild] + [pair(left=-1, right=2)] * 4) == Slope(0.5, 0.0, -1.0, 2.0)
    assert kink_in([pair(left=-1, right=2)] * 3) is None
    for sides in ((-1.0, 2.0), (2.0, -1.0), (-2.0, 1.0), (1.0, -2.0)):
        assert turn(lambda noise, s=sides: kink_in([pair(0.0, noise, *s)] * 4) is None, 0, 1) == about(2e-4)  # type: ignore[misc]
        assert kink_in([pair(0.0, 2e-4, *sides)] * 4) is not None
    for a, b in ((1, 0), (0, 1)):
        for sign in (-1, 1):

            def is_none(r: float, a: int = a, b: int = b, sign: int = sign) -> bool:
                return kink_in([pair(left=sign * r**a, right=sign * r**b)] * 4) is None

            assert turn(is_none, 1, 2) == about(1 / (1 - 1e-3))
    assert kink_in([pair(left=1000, right=999)] * 4) is None
    last = turn(lambda x: kink(pair(left=-1 + x, right=2)) is None, 0, 2)
    assert last == about(0.1 * (3 - last))  # the sides vary by a tenth of the smallest bend
    assert turn(lambda x: kink(pair(left=-1, right=2 + x)) is None, 0, 2) == about(0.3)
    assert kink(pair(left=-1, right=2.25)) == Slope(0.625, 0.25, -1.0, 2.25)
    assert kink(pair(left=-1.125, right=2.25)) == Slope(0.5625, 0.25, -1.125, 2.25)


def test_a_quick_look_is_not_enough_at_a_kink() -> None:
    def lost(a: float, bend: float, y: float = 0.0) -> bool:
        def line(t: float) -> Any:
            return np.array([y + a * t + bend / 2 * abs(t)]), t

        return quick_slope(line, np.array([y]), ONE, 1.0).error == math.inf

    for sign in (-1, 1):
        assert turn(lambda bend, sign=sign: lost(3.0 * sign, bend * sign), 0, 1) == about(3e-6, 1e-4)
    large = 2.0**27
    assert turn(lambda bend: lost(0.0, bend, large), 2e-4, 1) == about(100 * 2 * large * EPS / (FIRST_STEP / 4), 0.02)


# --------------------------------------------------------------------------------------------------------------- pairs


def test_the_slopes_of_two_steps() -> None:
    def line(t: float) -> Any:
        return np.array([5.0 + (3 * t if t > 0 else t), -t * t, 7.0, math.inf if t >= 0 else -1.0, math.nan]), t * 2

    y = line(0.0)[0]
    both = Pair(line, y, np.array([1.0, -2.0, 100.0, 0.0, 100.0]), 0.5)
    assert both.moved.tolist() == [True, True, False, True, False]
    assert both.step == 0.5
    three = np.array([1.0, -2.0, 9.0])
    both = Pair(lambda t: (line(t)[0][:3], t * 2), y[:3], three, 0.5)
    assert (both.right, both.left, both.slope, both.bend) == (2.0, 0.0, 1.0, 2.0)
    assert both.noise == 2 * (6.5 + 2 * 0.25) * EPS / 0.5
    assert both.secant == 2.0
    both.weigh(three, both.moved, np.array([0.25, 0.5, 8.0]))  # what stays has no part in it
    assert both.noise == 2 * (0.25 + 2 * 0.5) / 0.5
    both.weigh(three, np.ones(3, bool), 0.25)
    assert both.noise == 2 * (0.25 + 2 * 0.25 + 9 * 0.25) / 0.5
    still = Pair(lambda t: (y[:3], 0.0), y[:3], three, 0.5)
    assert not still.moved.any()
    assert (math.isnan(still.slope), still.noise, still.secant) == (True, math.inf, 0.0)


def test_the_last_binary_digit_of_numbers() -> None:
    known = {
        1.0: 1.0,
        0.75: 0.25,
        -3.0: 1.0,
        6.0: 2.0,
        0.1: 2.0**-55,
        5e-324: 5e-324,
        0.0: math.inf,
        math.inf: math.inf,
    }
    assert last_digit(np.array([*known])).tolist() == [*known.values()]


def test_how_finely_results_are_divided() -> None:
    def line(t: float) -> Any:
        jump = 1e-5 * round(t * 1e3) if abs(t) > 1e-3 else 0.0  # it stands at a small step, and jumps at a larger one
        return np.array([np.float32(1 + t), 4.0 + 1e5 * t, 1.0 + 0.3 * t + jump * 1e-9, 1e4 * t + jump]), t

    def digits(*steps: float) -> Any:
        return digits_of([Pair(line, line(0.0)[0], np.ones(4), step) for step in steps])

    found = digits(0.5, 2.0**-10)
    assert found[0] == 2.0**-10  # of 1 ± 2^-10 and of 1 ± 1/2, in float32
    jump = lambda y: lambda t: (y + np.where(np.abs(t) > 1, np.array([1e-10 * t, 1e-3 * t]), 0.0), t)  # noqa: E731
    y = np.array([1.0, 1.0])
    low = digits_of([Pair(jump(y), y, np.ones(2), step) for step in (2e10, 2.0, 0.5)])
    assert low[0] == pytest.approx(2e-10, rel=1e-4)  # little beside how far it goes: 2 at 2e10
    far = digits_of([Pair(jump(y), y, np.ones(2), step) for step in (1e8, 2.0, 0.5)])
    assert far[0] < 1e-15  # not little: 2e-8 of it
    burst = lambda t: (np.where(abs(t) > 1e9, np.inf, jump(y)(t)[0]), t)  # noqa: E731
    assert digits_of([Pair(burst, y, np.ones(2), step) for step in (1e10, 1e8, 2.0, 0.5)])[0] < 1e-15


def test_how_large_the_terms_of_a_sum_are() -> None:
    assert amount(np.array([1.0, -2.0, 3.0, 4.0]), np.array([-5.0, 6.0, math.nan, math.inf])) == 17.0


# --------------------------------------------------------------------------------------------- what stands, what rounds


@pytest.mark.parametrize("side", [-1, 1])
def test_what_moves_as_little_far_away_may_be_lost_in_rounding(side: int) -> None:
    def far(a: float, y: float, size: float) -> bool:
        return moves_far_away(lambda t: (np.array([y + a * max(0, side * t)]), t), np.array([y]), ONE, size, 2.0)

    assert turn(lambda a: far(a, 0.0, 0.5), 1e-30, 1.0) == about(4 * EPS * 4096 / 2)
    assert turn(lambda a: far(a, 0.0, 8.0), 1e-30, 1.0) == about(4 * EPS * 4096 / 2)
    assert turn(lambda a: far(-a, 16.0, 1.0), 1e-13, 1.0) == about(16 * 4 * EPS * 4096 / 2, 1e-2)
    assert not far(0.0, 16.0, 1.0)


@pytest.mark.parametrize(("size", "reach"), [(0.5, 4096), (3.0, 3 * 4096)])
@pytest.mark.parametrize("side", [-1, 1])
def test_what_stands_still_does_so_as_far_as_4096_sizes(size: float, reach: float, side: int) -> None:
    """A step is seen if it is nearer than that, but for what is looked at to see rounding, and higher than rounding."""

    def still(at: float, high: float = 1.0, y: float = 0.0) -> bool:
        return stands_still(lambda t: (np.array([y + high * (side * t > at)]), t), np.array([y]), ONE, size)

    assert turn(still, 1, 10 * reach, 1e-10) == about(reach * (1 - 4 * 0.731e-7))
    assert turn(lambda high: still(2.0, high, 8.0), 0, 1, 0.01) == about(16 * EPS * 8, 0.1)

    def only(far: float) -> bool:
        """Whether a bump from half of a distance to twice of it is overlooked."""
        return stands_still(lambda t: (np.array([float(far / 2 < side * t < far * 2)]), t), np.zeros(1), ONE, size)

    assert [only(far * max(size, 1.0)) for far in (1, 8, 64, 512, 4096)] == [False, True, False, True, False]


def test_where_a_function_is_nowhere_defined_nothing_stands_still() -> None:
    assert not stands_still(lambda t: (np.array([math.nan if t else 1.0]), t), ONE, ONE, 1.0)


# ---------------------------------------------------------------------------------------------------------- directions


def test_along_a_direction_numbers_move_by_their_sizes_and_small_ones_by_a_tenth_of_the_others() -> None:
    field = Field(np.array([0.0, 1e-3, -5.0, 2.0]), np.zeros(4), lambda x: x[:1], ONE, ONE)
    np.testing.assert_allclose(field.sizes, [0.2, 0.2, 5.0, 2.0])
    moves = np.abs([field.direction(np.array([0, 2]), np.random.default_rng(seed)) for seed in range(200)])
    assert not moves[:, [1, 3]].any()
    for i, size in ((0, 0.2), (2, 5.0)):
        assert moves[:, i].min() == pytest.approx(0.5 * size, rel=0.02)
        assert moves[:, i].max() == pytest.approx(size, rel=0.02)
    assert Field(np.array([1e-310]), ONE, lambda x: x, ONE, ONE).sizes[0] == 1e-300
    assert ordinary_size(np.array([0.0, -3.0, 1.0, 8.0, math.nan, math.inf])) == 3.0
    assert ordinary_size(np.zeros(2)) == 0.0


def test_wrong_elements_are_searched_until_there_are_so_many_or_one_is_right() -> None:
    """Of the sum of eight numbers; two of the gradient's are off, and one is none."""
    g = np.array([1.0, 1.0, 1.5, 1.0, 1.0, 0.2, 1.0, math.nan])

    def search(most: int, pieces: int = 1, is_wrong: Callable[[int], bool] = lambda i: True) -> Any:
        seen: list[int] = []
        field = Field(np.ones(8), g, lambda x: np.array([x.sum()]), np.array([8.0]), ONE)
        found = field.search(
            np.arange(8),
            np.random.default_rng(0),
            pieces,
            most,
            lambda i: seen.append(i) or is_wrong(i),  # type: ignore[func-returns-value]
        )
        return found, seen, field.sights

    found, seen, sights = search(9)
    assert (found[0], sorted(found), seen, len(sights)) == (7, [2, 5, 7], found, 1)
    assert sights[0] < 1e-9
    assert {type(i) for i in found} == {int}
    assert search(1)[0] == [7]
    assert len(search(2)[0]) == 2
    found, seen, sights = search(9, is_wrong=lambda i: i != 7)
    assert (sorted(found), seen[0], sorted(seen)) == ([2, 5], 7, [2, 5, 7])
    found, seen, (sight,) = search(9, is_wrong=lambda i: False)
    assert (found, len(seen)) == ([], 2)
    rng = np.random.default_rng(0)
    field = Field(np.ones(8), g, lambda x: x, ONE, ONE)
    d = field.direction(rng.permutation(np.arange(7)), rng)
    assert sight == about(abs(0.5 * d[2] - 0.8 * d[5]) / float(np.median(np.abs((g * d)[:7]))), 1e-6)
    assert len(search(9, pieces=3)[2]) == 3


def test_steps_along_a_direction_grow_smaller_only_where_it_is_needed() -> None:
    def steps(f: Callable[[Any], Any], g: float) -> list[float]:
        seen: list[float] = []

        def results(x: Any) -> Any:
            seen.append(float(x[0]) - 1)
            return f(x[:1])

        field = Field(ONE, np.array([g]), results, f(ONE), ONE)
        slope = field.slope(ONE)
        np.testing.assert_equal(field.gap(ONE), (g - slope.value, 10 * slope.error + 1e-12 * abs(g)))
        return sorted({round(abs(t) / FIRST_STEP, 12) for t in seen}, reverse=True)

    scales = [[round(scale / 2**k, 12) for k in range(3)] for scale in (0.1, 1e-3, 1e-5)]
    assert steps(lambda x: x * x, 2.0) == scales[0]
    assert steps(np.exp, math.e) == scales[0]
    near = 1 - 2e-5
    assert steps(lambda x: abs(x - near), 1.0) == [*scales[0], *scales[1]]
    assert steps(lambda x: abs(x - 1), 1.0) == [*scales[0], *scales[1], *scales[2]]


# ------------------------------------------------------------------------------------------------------------ remedies


class Tried:
    """A rule that was tried: what it gives is in one row already."""

    def fit(self, g: Any) -> Any:
        return g


def test_a_factor_fits_if_it_does_along_every_direction() -> None:
    """To ten error bars, and to a millionth of the terms, squared and summed."""
    ways = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])

    def factor(slopes: Any, error: float = 0.0, way: Any = lambda t: np.array([1.0, 2.0])) -> float | None:
        trial: Any = Tried()
        return fitting_factor(way, [Evidence(trial, d, s, error) for d, s in zip(ways, slopes, strict=True)])

    for sign in (-1, 1):
        assert factor([3.0 * sign, 6.0 * sign, -3.0 * sign]) == 3.0 * sign  # by the largest: 6 of 2

        def is_none(off: float, i: int, error: float = 0.0, sign: int = sign) -> bool:
            slopes = np.array([3.0, 6.0, -3.0]) * sign
            slopes[i] += off
            return factor(slopes, error) is None

        for off in (-1.0, 1.0):
            assert abs(turn(lambda x, f=is_none: f(x, 0), 0.0, off)) == about(3e-6)  # type: ignore[misc]
            assert abs(turn(lambda x, f=is_none: f(x, 2), 0.0, off)) == about(3e-6 * math.sqrt(5))  # type: ignore[misc]
            assert abs(turn(lambda x, f=is_none: f(x, 0, 0.01), 0.0, off)) == about(0.1 + 3e-6)  # type: ignore[misc]
    assert factor([0.0, 0.0, 0.0]) is None
    assert factor([3.0, math.inf, 3.0]) is None
    assert factor([3.0, 6.0, -3.0], way=lambda t: np.zeros(2)) is None
    assert factor([3.0, 6.0, -3.0], way=lambda t: 1 / 0) is None


def test_what_is_right_without_a_factor_is_said_before_what_wants_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(factors: dict[str, float | None], slope: float = 1.0, asked: Any = None) -> str | None:
        seen = Evidence(SimpleNamespace(), np.ones(1), slope, 1e-3)  # type: ignore[arg-type]
        monkeypatch.setattr(remedies, "trials", lambda *given: [None])
        monkeypatch.setattr(remedies, "measured", lambda *given: [Evidence(*seen[:2], 0.0, 1.0), seen])
        monkeypatch.setattr(remedies, "ways", lambda t: [(text, text) for text in factors])
        noted = asked if asked is not None else []
        monkeypatch.setattr(remedies, "fitting_factor", lambda way, evidence: noted.append(way) or factors[way])
        found = remedies.remedy(*[unlooked] * 3)  # type: ignore[list-item]
        return found and found.text

    assert said({"": None, "a": 2.0, "b": 1.0}) == "b"
    assert turn(lambda x: said({"": None, "a": 2.0, "b": 1 + x}) == "b", 0, 0.1) == about(1e-6)
    assert turn(lambda x: said({"": None, "a": 2.0, "b": 1 - x}) == "b", 0, 0.1) == about(1e-6)
    assert said({"": None, "a": 2.0, "b": 3.0}) == "a and multiplied by 2"
    assert said({"": 1.0, "a": 1.0}) is None  # it is right, here
    asked: list[str] = []
    assert said({"": 2 / 3, "a": 1.0}, asked=asked) == "multiplied by 2/3"
    assert asked == [""]
    assert said({"": None, "a": None}) is None
    for sign in (-1, 1):
        bound = turn(lambda s, sign=sign: said({"": None, "a": 1.0}, sign * s) is None, 0.01, 1.0)  # type: ignore[misc]
        assert bound == about(0.1)


# ------------------------------------------------------------------------------------------------------------- float32


class Single:
    """A function in float32 whose gradient there is off by so much."""

    def __init__(self, f: Callable[[Any], Any], slope: Callable[[Any], Any], at: float) -> None:
        self.error, self.slope = 0.0, slope
        self.point = Point(primitive(self.rule)(f), [np.float32(at)], {}, None, 0)

    def rule(self, g: Any, out: Any, x: Any) -> Any:
        return g * (self.slope(np.asarray(x, float)) + self.error * (np.asarray(x).dtype == np.float32))

    def is_right(self, error: float) -> bool:
        self.error = error
        return not problems_in_float32(self.point)

    def bound(self, sign: int = 1) -> float:
        return turn(lambda error: self.is_right(sign * error), 1e-5, 10.0, 1e-4)


def test_a_gradient_in_float32_may_be_off_by_a_thousand_of_its_digits() -> None:
    """Of the gradient, and of the result divided by the number moved, which is the same here."""
    linear = Single(lambda x: x * 3, lambda x: x * 0 + 3, 1.5)
    for sign in (-1, 1):
        assert linear.bound(sign) == pytest.approx(1e3 * 2.0**-23 * (3 + 3), rel=1e-3)


def test_how_ill_conditioned_a_gradient_is_is_seen_near_by() -> None:
    """That of 1e-3 sin(1e4 x) turns where x moves by four of its digits, up or down; 30 times as far may it be off."""
    wave = Single(lambda x: 1e-3 * np.sin(1e4 * x), lambda x: 10 * np.cos(1e4 * x), 0.5)
    eps, move = 2.0**-23, 4 * 2.0**-23 * 0.5 * np.random.default_rng(0).choice([-1.0, 1.0])
    conditioned = 30 * abs(10 * np.cos(1e4 * (0.5 + move)) - 10 * np.cos(5e3))
    promise = conditioned + 1e3 * eps * (abs(10 * np.cos(5e3)) + 1e-3 * abs(np.sin(5e3)) / 0.5)
    assert wave.bound() == pytest.approx(promise, rel=1e-3)


def test_where_float32_has_no_numbers_or_the_function_an_edge_nothing_is_said() -> None:
    linear = Single(lambda x: x * 3, lambda x: x * 0 + 3, 1.5)
    assert not linear.is_right(1.0)
    for size in (1e-31, 1e31):
        f = Single(lambda x, size=size: x * size, lambda x, size=size: x * 0 + size, 1.5)
        assert f.is_right(1e36)
    edge = Point(lambda x: np.sqrt(1 - x), [np.float32(1 - 2.0**-24)], {}, None, 0)
    with np.errstate(all="ignore"):
        assert problems_in_float32(edge) == []
    linear.slope = lambda x: 1 // 0
    assert problems_in_float32(linear.point)[0].startswith("in float32 it raises RuleFailed")
    assert problems_in_float32(Point(lambda x: x * 3, [1.5], {}, None, 0)) == []


def test_what_is_no_number_beside_infinite_results_is_excused() -> None:
    """0 times an infinite slope: the gradient of the other result is lost in it, and nobody's rule is wrong."""
    with np.errstate(all="ignore"):
        report = check_grads(lambda x: np.stack([x, np.log(x - x)]), 2.0)
    assert [e.verdict for e in report.elements] == ["cannot tell"]
