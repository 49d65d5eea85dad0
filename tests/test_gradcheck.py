"""The checker finds what is wrong, names it, and says nothing about what is right."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import types
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, grad, nn, optim, primitive
from microgradnet.__main__ import main
from microgradnet.core import ABOVE_ONE, BOOLEAN, POSITIVE, UNIT, Op
from microgradnet.gradcheck import GradReport, assert_grads, check_grads, numerical_grad, progress, survey
from microgradnet.gradcheck.directions import Field
from microgradnet.gradcheck.pairs import EPS
from microgradnet.gradcheck.point import Point
from microgradnet.gradcheck.slopes import Slope
from microgradnet.gradcheck.still import roughness
from microgradnet.transforms import hvp, jacobian
from tests.cases import SMOOTH
from tests.samples import SEED, count, sample

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def broken(error: float, at: int, size: int) -> Op:
    """sin, with one element of its gradient off by a relative error."""

    @primitive(lambda g, out, x: g * np.cos(x) * np.where(np.arange(size) == at, 1 + error, 1.0))
    def broken_sin(x: Any) -> Any:
        return np.sin(x)

    return broken_sin


# --------------------------------------------------------------------------------------------------------- detections


@pytest.mark.parametrize("error", [1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5])
def test_one_wrong_element_among_many_is_found_every_time_and_its_operation_named(error: float, share: float) -> None:
    rng, size = np.random.default_rng(int(1 / error)), count(400, share / 4)
    for _ in range(count(10, share)):
        at, x, w = int(rng.integers(size)), rng.normal(size=size), rng.normal(size=(20, size))
        sin = broken(error, at, size)
        report = check_grads(lambda x, sin=sin, w=w: np.tanh(w @ sin(x)), x)
        assert not report
        assert [e.place for e in report.mismatches] == [(at,)]
        assert [c.op for c in report.culprits] == ["broken_sin"]
        assert "test_gradcheck.py" in report.culprits[0].line
        assert f"x[{at}]" in str(report)


@pytest.mark.parametrize(("error", "at"), [(1.0, 2500), (0.01, 3), (1e-4, 4999)])
def test_a_wrong_element_that_was_not_drawn_shows_along_a_direction_and_is_searched(error: float, at: int) -> None:
    sin, x = broken(error, at, 5000), np.random.default_rng(at).normal(size=5000)
    report = check_grads(lambda x: sin(x).sum(), x, samples=50)
    assert [e.place for e in report.mismatches] == [(at,)]
    assert "50 of 5,000 elements at random" in report.coverage


@pytest.mark.parametrize("error", [1e-3, 1e-4, 1e-5])
def test_no_element_that_was_not_drawn_is_missed_whatever_the_draw(error: float, share: float) -> None:
    for seed in range(count(12, share)):
        rng = np.random.default_rng([seed, int(1 / error)])
        at, x = int(rng.integers(2500)), rng.normal(size=2500)
        sin = broken(error, at, 2500)
        report = check_grads(lambda x, sin=sin: sin(x).mean(), x, samples=25, seed=seed)
        assert [e.place for e in report.mismatches] == [(at,)], str(report)


def shown(coverage: str) -> float:
    """The error that shows along random directions, by the report's own words."""
    return float(re.findall(r"an ordinary one that is off by (\S+) shows", coverage)[0])


W = np.random.default_rng(3).normal(size=(5, 4000))
HEADS: dict[str, Any] = {
    "alone": lambda y: y, "summed": lambda y: y.sum(), "beside 1e6": lambda y: y.sum() + 1e6,
    "in a network": lambda y: np.tanh(W @ y / 60), "through a kink": lambda y: F.leaky_relu(W @ y) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_what_the_report_says_would_show_shows(name: str, share: float) -> None:
    for seed in range(count(5, share)):
        rng, x = np.random.default_rng(seed), np.random.default_rng(seed + 10).normal(size=4000)
        report = check_grads(lambda x: HEADS[name](np.sin(x)), x, samples=20, seed=seed)
        assert report, str(report)
        terms = np.abs(report.inputs[0].analytic * x)
        at = int(rng.choice(np.flatnonzero((terms >= np.median(terms)) & (report.inputs[0].verdict == "unchecked"))))
        sin = broken(4 * shown(report.coverage), at, 4000)
        report = check_grads(lambda x, sin=sin: HEADS[name](sin(x)), x, samples=20, seed=seed)
        assert [e.place for e in report.mismatches] == [(at,)], str(report)


def test_equal_errors_do_not_cancel_along_directions(share: float) -> None:
    wrong = np.where(np.arange(1000) % 500 == 7, 1.5, 1.0)  # two of them, as large
    square = primitive(lambda g, out, x: g * 2 * x * wrong)(lambda x: x * x)
    for seed in range(count(20, share)):
        report = check_grads(lambda x: square(x).sum(), np.ones(1000), samples=10, seed=seed)
        assert {e.place for e in report.mismatches} == {(7,), (507,)}


def test_no_two_elements_move_by_the_same_along_a_direction() -> None:
    y = c = np.ones(1)
    field = Field(np.ones(200), np.ones(200), lambda x: x[:1], y, c)
    moves = field.direction(np.arange(200), np.random.default_rng(0))
    assert np.unique(np.abs(moves)).size == 200
    assert {-1.0, 1.0} == set(np.sign(moves))


def test_small_errors_of_all_elements_are_none_along_directions_where_the_gradient_cancels(share: float) -> None:
    """Each element is right to one part in a million, which is a match; so is all of it."""
    off = 1 + 0.9e-6 * np.random.default_rng(0).choice([-1.0, 1.0], 2000)
    square = primitive(lambda g, out, x: g * 2 * x * off)(lambda x: x * x)
    for seed in range(count(8, share)):
        report = check_grads(lambda x: square(x).sum(), np.ones(2000), samples=5, seed=seed)
        assert report, str(report)


def test_what_rounding_may_do_to_a_gradient_is_of_the_size_of_the_last_digits() -> None:
    """That of x³, 3x², goes up and down by 6x · x · 8ε where x does by 8ε of its size; ten times that is allowed."""
    x = np.array([1e-3, 0.3, 2.0, 1e4])
    (rounding,) = Point(lambda x: x**3, [x], {}, None, 0).rounding
    expected = 10 * 6 * x**2 * 8 * EPS
    weights = Point(lambda x: x**3, [x], {}, None, 0).c
    np.testing.assert_allclose(rounding, np.abs(weights) * expected, rtol=0.2)


def test_roughness_is_how_far_numbers_are_from_a_straight_line() -> None:
    """Of ±t² in steps of h, and of a zigzag of height 1; of a straight line, it is none."""
    y = c = np.ones(1)
    for f, expected in [
        (lambda t: t * t, 2 * 0.25**2), (lambda t: -t * t, 2 * 0.25**2), (lambda t: 4 * t + 1, 0.0),
        (lambda t: round(4 * t) % 2, 2.0), (lambda t: -min(t, 0.0), 0.25),
    ]:  # fmt: skip
        assert roughness(lambda t, f=f: (np.array([f(t)]), t), y, c, 0.0, 0.25) == expected
    assert roughness(lambda t: (np.array([np.inf]), t), y, c, 0.0, 0.25) == 0.0


def test_what_shows_where_the_gradient_is_0_is_said_without_a_unit() -> None:
    """There is no ordinary gradient to compare with: what remains is how far off the slope may be."""
    y = c = np.ones(1)
    field = Field(np.ones(1), np.zeros(1), lambda x: np.cos(x - 1) + 1e3, y * 1001, c)
    field.search(np.array([0]), np.random.default_rng(0), 1, 1, lambda i: False)
    rng = np.random.default_rng(0)
    _, bar = field.gap(field.direction(rng.permutation(np.array([0])), rng))
    assert field.sights == [bar] != [0.0]


def test_where_many_elements_are_wrong_the_others_are_looked_at_quickly() -> None:
    """Six calls for an element that is as plainly wrong, as for one that is right; a careful look takes some forty."""
    calls = Counter[int]()
    for size in (100, 120):
        wrong = primitive(lambda g, out, x: 2 * g * np.cos(x))(lambda x: np.sin(x))

        def f(x: Any, size: int = size, wrong: Any = wrong) -> Any:
            calls[size] += 1
            return wrong(x)

        report = check_grads(f, np.random.default_rng(0).normal(size=120)[:size])
        assert report.count("mismatch") == size
    assert calls[120] - calls[100] == 6 * 20


def test_what_was_not_drawn_and_is_no_number_is_found() -> None:
    x = np.random.default_rng(0).normal(size=500)
    for bad in (np.nan, np.inf):
        f = primitive(lambda g, out, x, bad=bad: g * np.where(np.arange(500) == 234, bad, np.cos(x)))(
            lambda x: np.sin(x)
        )
        report = check_grads(f, x, samples=20)
        assert [e.place for e in report.mismatches] == [(234,)]
        assert [c.op for c in report.culprits] == ["<lambda>"]


def test_what_is_no_number_does_not_hide_the_others_along_directions() -> None:
    x = np.random.default_rng(0).uniform(1, 2, size=300) * (np.arange(300) != 100)
    root = primitive(lambda g, out, x: g / (2 * out) * np.where(np.arange(300) == 234, 1.5, 1.0))(lambda x: np.sqrt(x))
    report = check_grads(lambda x: root(x).sum(), x, samples=1)
    assert [e.place for e in report.mismatches] == [(234,)]
    assert (report.count("cannot tell"), "random directions hardly" in str(report)) == (1, False)


def test_where_directions_show_nothing_the_report_says_so() -> None:
    x = np.random.default_rng(0).normal(size=500) * (np.arange(500) % 3 > 0)  # a third stand on a kink
    report = check_grads(np.abs, x, samples=20)
    assert report
    assert "along 16 of 16 random directions hardly anything shows, for kinks or rounding" in report.notes[0]
    assert "shows" not in report.coverage


def test_the_directions_that_show_nothing_are_counted() -> None:
    """The more numbers stand on a kink, the more of them; what the others show is said."""
    blind = [0]
    for kinks in (4, 16, 64):
        x = np.random.default_rng(0).normal(size=3000) * (np.arange(3000) >= kinks)
        report = check_grads(F.relu, x, samples=10)
        blind += [int(n) for n in re.findall(r"along (\d+) of 16 random directions hardly anything", report.notes[0])]
        assert ("where an ordinary one that is off by 2e-06 shows" in report.coverage) == (blind[-1] < 16)
    assert sorted(set(blind)) == blind
    assert (len(blind), blind[-1]) == (4, 16)


def test_one_wrong_sign_among_many_is_found_by_few_calls(share: float) -> None:
    """Not by many more than it takes where all is right: each direction is halved, and 17 halves are one element.

    A search that looks at each element by itself would take six calls for each.
    """
    size, calls = count(100_000, share / 10), Counter[bool]()
    x = np.random.default_rng(0).normal(size=size)
    for at in (None, int(0.77 * size)):
        factor = np.where(np.arange(size) == at, -1.0, 1.0) if at else np.ones(size)

        def counted(x: Any, wrong: bool = bool(at)) -> Any:
            calls[wrong] += x.size == size
            return np.sin(x)

        sine = primitive(lambda g, out, x, factor=factor: g * np.cos(x) * factor)(counted)
        report = check_grads(lambda x, sine=sine: sine(x).sum(), x, samples=10, progress=False)
        assert [e.place for e in report.mismatches] == ([(at,)] if at else [])
        assert bool(report.culprits) is bool(at)
    assert calls[False] < 16 * 20 + 10 * 10
    assert calls[True] < calls[False] + 1000


def bad_reuse() -> Any:
    return primitive(lambda g, out, x: g * g * 2 * x)(lambda x: x * x)


WRONG: dict[str, tuple[Any, ...]] = {
    "a sign": (primitive(lambda g, out, x: g * np.sin(x))(lambda x: np.cos(x)), [0.5, 1.0]),
    "g twice": (bad_reuse(), [0.5, 1.0]),
    "detached": (lambda x: np.sin(x) * x.data, [0.5, 1.0]),
    "one of two inputs": (
        primitive(lambda g, out, x, y: g * y, lambda g, out, x, y: g * y)(lambda x, y: x * y), [0.5, 1.0], [2.0, 3.0],
    ),
    "a kink with a slope outside": (primitive(lambda g, out, x: g * 2.0)(lambda x: np.abs(x)), [0.0]),
    "NaN": (primitive(lambda g, out, x: g * np.nan)(lambda x: x * 1.0), [0.5]),
    "Inf": (primitive(lambda g, out, x: g * np.inf)(lambda x: x * 1.0), [0.5]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    f, *args = WRONG[name]
    report = check_grads(f, *map(np.array, args))
    assert not report
    assert report.mismatches
    assert "NOT OK" in str(report)
    with pytest.raises(AssertionError, match="mismatch"):
        assert_grads(f, *map(np.array, args))
    if name == "detached":
        assert not report.culprits
        assert "something in the function is not recorded" in str(report)
    else:
        assert len(report.culprits) == 1 or name in ("NaN", "Inf", "a kink with a slope outside")


AROUND_ZERO: dict[str, tuple[Any, Any, Any]] = {  # a function, the wrong part of its gradient, and where it is 0
    "an odd function on both sides of 0": (lambda x: (x**3).sum(), lambda g, x: x**2 - g, np.linspace(-2, 2, 4)),
    "and at 0": (lambda x: (x**3).sum(), lambda g, x: x**2 - g, np.linspace(-2, 2, 5)),
    "and their mean": (lambda x: np.tanh(x).mean(), lambda g, x: g, np.linspace(-2, 2, 5)),
    "one less than the other": (lambda x: np.exp(x[0]) - np.exp(x[1]), lambda g, x: 0.01 * g, np.array([0.5, 0.5])),
    "what it is less what it was": (lambda x: np.exp(x) - np.exp(2.0), lambda g, x: g, np.array(2.0)),
    "a loss at its least": (lambda x: ((x - 1) ** 2).sum(), lambda g, x: x * 1e-3, np.array([1.0, 1.0])),
    "no gradient at all": (lambda x: np.sin(x).sum(), lambda g, x: -g, np.array([-1.0, 1.0])),
    **{
        f"{less:g} away": (lambda x, less=less: x**3 - (8 - less), lambda g, x: x**2 - g, np.array(2.0))
        for less in (1e-2, 1e-5, 1e-8, 1e-11, 1e-14, 0.0)
    },
}


@pytest.mark.parametrize("name", AROUND_ZERO)
def test_where_a_result_is_zero_a_wrong_gradient_is_found_like_elsewhere(name: str) -> None:
    """How much a gradient matters was measured by the result, beside which any gradient turns 0 over at once."""
    f, wrong, x = AROUND_ZERO[name]
    g = grad(f)
    assert abs(f(x)) <= 1e-1
    assert [e.verdict for e in check_grads(f, x).elements] == ["match"] * x.size
    report = check_grads(f, x, gradient=lambda x: g(x) + wrong(g(x), x))
    assert [e.verdict for e in report.elements] == np.where(wrong(g(x), x) == 0, "match", "mismatch").ravel().tolist()
    assert not report


def test_what_could_not_be_told_stands_in_the_first_line() -> None:
    """It said: ok, all 2 elements."""
    far_up = primitive(lambda g, out, x: g * 2 * x)(lambda x: 1e16 + np.square(x))
    report = check_grads(lambda x: np.stack([x[0] ** 2, far_up(x[1])]), np.array([1.0, 1.0]))
    assert [e.verdict for e in report.elements] == ["match", "cannot tell"]
    assert str(report).startswith("ok: the gradient of <lambda>, all 2 elements")
    assert "; 1 could not be told\n" in str(report)
    assert "; 1 could not be told" in report._repr_html_()
    assert "could not be told" not in str(check_grads(np.sum, np.ones(2)))


def test_of_several_operations_the_wrong_one_is_blamed_with_its_line() -> None:
    cube = primitive(lambda g, out, x: g * 3 * x, symbol="³")(lambda x: x**3)

    def program(x: Any) -> Any:
        y = np.exp(x) * x
        z = cube(y)  # the culprit
        return np.tanh(z) + y

    report = check_grads(program, np.random.default_rng(0).normal(size=5))
    assert [(c.op, c.input) for c in report.culprits] == [("<lambda>", 0)]
    assert "z = cube(y)  # the culprit" in report.culprits[0].line


# -------------------------------------------------------------------------------------------------------- false alarms


def numbers_for(row: Op, size: float, sign: int, rng: np.random.Generator) -> list[Any]:
    """Three numbers of a size for each input of a row, inside its domain."""
    made = []
    for domain in row.domain:
        x = rng.uniform(1, 3, 3) * size
        if domain is UNIT:
            x = x * sign if size < 0.1 else rng.uniform(-0.9, 0.9, 3)
        elif domain is ABOVE_ONE:
            x = 1 + x
        elif domain is not POSITIVE:
            x = x * sign
        made.append(x > 1.5 * size if domain is BOOLEAN else x)
    return made


SIZES = list(itertools.product(range(-8, 9, 2), (1, -1), ("float64", "float32")))


@pytest.mark.parametrize("row", [row for row in SMOOTH if row.elementwise], ids=lambda row: row.name)
def test_no_row_is_accused_of_anything_from_1e_minus_8_to_1e8(row: Op, share: float) -> None:
    rng, seen = np.random.default_rng(0), Counter[str]()
    for exponent, sign, dtype in sample(SIZES, count(len(SIZES), share / 2), f"{SEED} {row.name}"):
        inputs = numbers_for(row, 10.0**exponent, sign, rng)
        args = [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]
        report = check_grads(lambda *v: row(*v), *args, allow_unknown=True)  # exp(1e4) is Inf
        assert report, (exponent, sign, dtype, str(report))
        seen.update({verdict: report.count(verdict) for verdict in ("match", "cannot tell", "kink")})
    assert seen["match"] > seen["cannot tell"] or share < 1


KINKS = {
    "relu": (F.relu, [0.0, 1.0, -1.0], 1), "abs": (abs, [0.0, 2.0], 1), "max": (np.max, [3.0, 1.0, 3.0], 2),
    "maximum": (lambda x: np.maximum(x, 1.0), [1.0, 2.0], 1), "clip": (lambda x: np.clip(x, 0, 1), [0.0, 0.5, 1.0], 2),
    "norm": (np.linalg.norm, [0.0, 0.0], 2), "sort": (lambda x: np.sort(x) * np.array([1.0, 2.0]), [1.0, 1.0], 2),
    "leaky_relu": (F.leaky_relu, [0.0, 1.0], 1), "relu6": (F.relu6, [0.0, 3.0, 6.0], 2),
    "median": (np.median, [1.0, 1.0, 2.0], 2),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_a_kink_and_no_mismatch(name: str) -> None:
    f, x, count = KINKS[name]
    report = check_grads(f, np.array(x))
    assert report
    assert report.count("kink") == count, str(report)
    kink = next(e for e in report.elements if e.verdict == "kink")
    low, high = sorted((kink.left, kink.right))
    assert low - 1e-6 <= kink.analytic <= high + 1e-6


def test_what_is_ill_conditioned_is_never_accused() -> None:
    hilbert = 1.0 / (np.arange(10)[:, None] + np.arange(10) + 1)
    for f, x in [
        (lambda a: np.linalg.solve(a, np.ones(10)), hilbert),
        (lambda x: (x + 1e12) - 1e12, np.array([1.0, 2.0])),
        (lambda x: np.exp(x) - np.exp(x) * (1 - 1e-14), np.array([1.0])),
        (lambda x: np.sin(x * 1e9), np.array([1.0, 2.0])),
        (lambda x: (1 - np.cos(x)) / x**2, np.array([1e-4, 1e-6])),
        (np.linalg.det, np.ones((3, 3))),
        (np.linalg.pinv, np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9]])),
    ]:
        report = check_grads(f, x)
        assert report.count("mismatch") == 0, str(report)


def test_a_complex_step_settles_what_differences_cannot() -> None:
    """1e16 swallows every difference; the imaginary direction loses nothing."""
    f = lambda x: (x + 1j * 0 if np.iscomplexobj(x) else x) ** 2 * 1e-12 + 1e6  # noqa: E731
    report = check_grads(f, np.array([1.0, 2.0]))
    assert report.count("match") == 2, str(report)
    assert report.elements[0].error < 1e-20


@pytest.mark.parametrize("tiny", [1e-300, 1e-310, 1e-320, 5e-324])
def test_the_smallest_numbers_are_checked_as_others_are(tiny: float) -> None:
    """A ratio of sizes such as 1/1e-310 is infinite; and two steps of 1e-320 are one."""
    for x in ([tiny, 1.0], [-tiny, 2.0], [tiny, 3 * tiny]):
        assert check_grads(np.sum, np.array(x)).count("match") == 2
        assert check_grads(lambda x: x * 2.0, np.array(x), order=2).count("match") == 4
        assert check_grads(np.sum, np.array(x), gradient=np.ones_like).count("match") == 2
        twice = primitive(lambda g, out, x: g * 2.02)(lambda x: x * 2.0)
        assert check_grads(twice, np.array(x)).count("mismatch") == 2
        assert np.array_equal(numerical_grad(np.exp, np.array(tiny)).round(9), 1.0)
    assert check_grads(lambda x: np.sqrt(x).sum(), np.full(200, tiny), samples=20, allow_unknown=True)
    assert check_grads(np.sum, np.array([1e-40, 1.0], np.float32))


def test_an_infinite_slope_is_not_accused() -> None:
    for f in (np.sqrt, np.cbrt, lambda x: x**0.5):
        assert check_grads(f, np.array([0.0, 1.0]))


# ----------------------------------------------------------------------------------------------------------- anything


@dataclass
class Setting:
    scale: float
    offsets: list[Any]


def test_nested_containers_and_several_results() -> None:
    rng = np.random.default_rng(0)

    def f(p: dict[str, Any], s: Setting, n: int) -> dict[str, Any]:
        return {"a": np.tanh(p["w"] @ p["x"]) * s.scale, "b": (s.offsets[0] * n, [p["w"].sum()])}

    report = check_grads(f, {"w": rng.normal(size=(2, 3)), "x": rng.normal(size=3)}, Setting(2.0, [1.5]), 3)
    assert report
    assert [part.name for part in report.inputs] == ["p.w", "p.x", "s.scale", "s.offsets.0"]
    assert report.count("match") == 6 + 3 + 1 + 1


@pytest.mark.parametrize(
    ("f", "note"),
    [
        (lambda x: (np.sin(x), np.argmax(x)), ""), (np.modf, ""), (np.frexp, ""), (lambda x: np.divmod(x, 0.4), ""),
        (lambda x: {"loss": (x * x).sum(), "accuracy": np.mean(x > 0.5)}, ""), (lambda x: (x > 0, x**3), ""),
        (lambda x: (x**3, np.ones(2), 3, "text"), "1 of its results are plain"),
        (lambda x: [x**3, x.data * 2], "1 of its results are plain"),
        (lambda x: [float(x.data[0]), x**3, x[0].item()], "2 of its results are plain"),
    ],
)  # fmt: skip
def test_results_without_a_slope_are_constants(f: Any, note: str) -> None:
    for order in (1, 2):
        report = check_grads(f, np.array([0.6, 1.1, -0.3]), order=order)
        assert report, str(report)
        assert report.count("match") == 3 * order
        notes = " ".join(report.notes)
        assert ("are plain numbers" in notes) is bool(note), notes
        assert note in notes


def test_a_module_has_a_row_for_each_parameter() -> None:
    model = nn.MLP(3, [4, 2], seed=0)
    x, labels = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 1, 0, 1, 1])
    before = [p.data.copy() for p in model.parameters()]
    report = check_grads(lambda m: F.cross_entropy(m(x), labels), model)
    assert report, str(report)
    assert [part.name for part in report.inputs] == [name for name, _ in model.named_parameters()]
    assert report.count("match") + report.count("kink") == model.parameter_count()
    assert all(np.array_equal(p.data, b) and p.grad is None for p, b in zip(model.parameters(), before, strict=True))


def test_second_order() -> None:
    rng = np.random.default_rng(0)
    assert check_grads(lambda x, y: np.sin(x) * y**2, rng.normal(size=3), 2.0, order=2)
    detached = primitive(lambda g, out, x: g * np.asarray(getattr(2 * x, "data", 2 * x)))(lambda x: x * x)
    x = rng.normal(size=3)
    assert check_grads(detached, x)
    report = check_grads(detached, x, order=2)
    assert not report
    assert {e.name for e in report.mismatches} == {"x″"}
    report = check_grads(lambda x: np.sin(detached(x)) + x, x, order=2)
    assert [(c.op, c.input) for c in report.culprits] == [("<lambda>", 0)]
    assert "np.sin(detached(x))" in report.culprits[0].line
    report = check_grads(lambda x, k: detached(x) * k, x, k=2.0, order=2)
    assert [(c.op, c.input) for c in report.culprits] == [("<lambda>", 0)]
    assert check_grads(lambda x: (x**2, 3), x, order=2)  # beside what is no array


def test_transforms_and_steps_of_an_optimiser_can_be_checked() -> None:
    x = np.random.default_rng(0).normal(size=3)
    assert check_grads(grad(lambda x: (x**3).sum()), x)
    assert check_grads(jacobian(lambda x: np.sin(x) * x[0]), x)
    assert check_grads(lambda x: hvp(lambda y: (y**3).prod(), x, np.ones(3)), x)
    assert check_grads(lambda w: w - 0.1 * grad(lambda v: (v**4).sum())(w), x)
    model = nn.MLP(3, [2], np.tanh, dtype=np.float64, seed=0)
    report = check_grads(grad(lambda m: (m(x) ** 2).sum()), model)  # what it returns is a Module
    assert report.count("match") == 8, str(report)
    assert hasattr(optim, "SGD")


@pytest.mark.parametrize(
    ("f", "gradient", "args", "right"),
    [
        (lambda x: np.sum(x**3), lambda x: 3 * x**2, ([1.0, 2.0],), True),
        (lambda x: np.sum(x**3), lambda x: 3 * x, ([1.0, 2.0],), False),
        (lambda x, y: x @ y, lambda x, y: (y, x), ([1.0, 2.0], [3.0, 4.0]), True),
        (lambda x, y: x @ y, lambda x, y: (x, y), ([1.0, 2.0], [3.0, 4.0]), False),
        (lambda x: x**2, lambda x: 2 * x, (3.0,), True),
        (lambda x: np.sum(x**2), lambda x: (2 * x)[None], ([1.0, 2.0],), False),
        (lambda x: float(x[0]), lambda x: np.array([1, 0]), ([1.0, 2.0],), False),
        # of several numbers: of their sum, or the matrix
        (lambda x: x**3, lambda x: 3 * x**2, ([1.0, 2.0],), True),
        (lambda x: x**3, lambda x: 3.001 * x**2, ([1.0, 2.0],), False),
        (lambda x: x**3, lambda x: np.diag(3 * x**2), ([1.0, 2.0],), True),
        (lambda x: x**3, lambda x: np.diag(3 * x**2)[::-1], ([1.0, 2.0],), False),
        (np.cumsum, lambda x: np.array([2.0, 1.0]), ([1.0, 2.0],), True),
        (np.cumsum, lambda x: np.tri(2), ([1.0, 2.0],), True),
        (np.cumsum, lambda x: np.tri(2).T, ([1.0, 2.0],), False),
        (lambda x: x * np.arange(3.0), lambda x: np.arange(3.0), (2.0,), True),
        (lambda x: x * np.arange(3.0), lambda x: 3.0, (2.0,), True),
        (lambda x: x * np.arange(3.0), lambda x: np.ones(3), (2.0,), False),
        (
            lambda a, x: a @ x,
            lambda a, x: (np.broadcast_to(x, (2, 2)), a),
            ([[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]),
            True,
        ),
        (
            lambda a, x: a @ x,
            lambda a, x: (np.broadcast_to(x, (2, 2)), a.T),
            ([[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]),
            False,
        ),
        (lambda x: (np.sum(x), x * 2), lambda x: np.full(2, 3.0), ([1.0, 2.0],), True),
        (lambda x: {"a": np.sum(x), "n": 3}, lambda x: np.ones(2), ([1.0, 2.0],), True),
    ],
)
def test_a_plain_function_and_a_gradient_written_by_hand(f: Any, gradient: Any, args: Any, right: bool) -> None:
    report = check_grads(f, *args, gradient=gradient)
    assert bool(report) is right, str(report)


def test_a_gradient_written_by_hand_has_the_structure_of_the_argument() -> None:
    f = lambda p: np.sum(p["a"] ** 2) * p["b"]  # noqa: E731
    p = {"a": np.array([1.0, 2.0]), "b": 3.0}
    report = check_grads(f, p, gradient=lambda p: {"a": 2 * p["a"] * p["b"], "b": np.sum(p["a"] ** 2)})
    assert [(part.name, part.count("match")) for part in report.inputs] == [("p.a", 2), ("p.b", 1)]
    assert not check_grads(f, p, gradient=lambda p: {"a": 2 * p["a"], "b": np.sum(p["a"] ** 2)})


# --------------------------------------------------------------------------------------------------------- also caught


def problem(f: Any, *args: Any, **how: Any) -> str:
    report = check_grads(f, *args, **how)
    assert not report
    return "\n".join(report.problems)


def test_a_note_on_a_gradient_written_by_hand_calls_its_arguments_by_their_names() -> None:
    def f(z: Any, w: Any) -> Any:
        return (z * w) ** 3

    report = check_grads(f, [0.5, 0.7], [1.0, 2.0], gradient=lambda z, w: ((z * w) ** 2 * w, 3 * (z * w) ** 2))
    right = "your gradient is right if multiplied by"
    assert report.notes == [f"z: {right} 3", f"w: {right} z"]
    two = check_grads(lambda z: z**2, [0.5, 0.7], gradient=lambda z: z)
    assert two.notes == [f"z: {right} 2 (z has 2 elements)"]


def test_a_gradient_of_one_number_for_several_is_told_in_the_headline() -> None:
    @primitive(lambda g, out, z: np.sum(g * 2 * z))
    def square(z: Any) -> Any:
        return z * z

    reports = (
        check_grads(square, [0.5, 0.7]),
        check_grads(lambda z: z * z, [0.5, 0.7], gradient=lambda z: np.sum(2 * z)),
    )
    for name, report in zip(("square", "<lambda>"), reports, strict=True):
        assert str(report).startswith(f"NOT OK: the gradient of {name}, which cannot be checked\n")
        (problem,) = report.problems
        assert re.search(r"shape \(\).* input .*\(2,\)\. It has a number for each of the input's: no sum over", problem)
        assert "nan by the gradient" not in str(report)
        assert report.is_wrong
    assert str(check_grads(square, 0.5)).startswith("ok: the gradient of square, its one element\n")


def test_a_function_that_is_not_deterministic_is_caught() -> None:
    rng = np.random.default_rng(0)
    assert "not deterministic" in problem(lambda x: x * rng.normal(), [1.0])


def test_a_function_that_writes_to_its_input_is_caught() -> None:
    def f(x: Any) -> Any:
        out = x * 2
        x.data[0] += 1.0
        return out

    assert "writes into its input" in problem(f, [1.0, 2.0])

    def plain(x: Any) -> Any:
        x *= 2
        return x.sum()

    assert "writes into its input" in problem(plain, [1.0, 2.0], gradient=lambda x: np.full(2, 2.0))


def test_a_function_that_writes_to_its_input_is_not_called_random_for_it() -> None:
    def f(x: Any) -> Any:
        out = x * 2
        x.data[0] += 1.0
        return out

    (said,) = check_grads(f, [1.0, 2.0]).problems
    assert "writes into its input" in said


def test_where_there_is_an_operation_to_blame_nothing_else_is_suspected() -> None:
    """Nor where its rule raises."""

    def fails(g: Any, out: Any, x: Any) -> Any:
        raise ZeroDivisionError("no rule yet")

    for rule in (lambda g, out, x: g * 3, fails):
        report = check_grads(primitive(rule)(lambda x: x * 2), [1.0, 2.0])
        assert not report
        assert "not recorded" not in str(report)


@pytest.mark.parametrize("seed", range(5))
def test_of_one_number_the_slopes_are_its_own_whatever_it_was_weighed_by(seed: int) -> None:
    for x in (np.array([0.3]), 0.3, np.array([[-2.0]])):
        (element,) = check_grads(np.sin, x, seed=seed).elements
        slope = float(np.cos(np.sum(x)))
        assert 0 <= element.error < 1e-9
        assert element.analytic == pytest.approx(slope, rel=1e-14)
        assert element.numerical == pytest.approx(slope, rel=1e-9)


def test_a_gradient_of_0_is_not_said_to_be_of_what_does_nothing() -> None:
    for f, x in ((lambda x: np.cos(x), 0.0), (lambda x: (x - 1) ** 2, 1.0)):
        assert check_grads(f, x).notes == ["x: its gradient is 0, the result does not depend on it or is flat here"]
    assert check_grads(np.abs, 0.0).notes == []


def test_an_input_that_does_nothing_is_noted() -> None:
    report = check_grads(lambda x, y: x * 2, 1.0, 2.0)
    assert report
    assert report.notes == ["y: its gradient is 0, the result does not depend on it or is flat here"]


def test_float32_is_checked_in_float64_and_then_compared() -> None:
    x = np.random.default_rng(0).normal(size=5).astype(np.float32)
    assert check_grads(lambda x: np.tanh(x) ** 2, x)
    only32 = primitive(lambda g, out, x: g * np.cos(x) * (1.01 if x.dtype == np.float32 else 1.0))(lambda x: np.sin(x))
    report = check_grads(only32, x)
    assert not report
    assert "in float32 the gradient is" in report.problems[0]
    model = nn.MLP(3, [4, 2], seed=0)  # float32
    assert check_grads(lambda m: (m(x[:3]) ** 2).sum(), model)


# -------------------------------------------------------------------------------------------------------- the report


def test_the_report_is_data_a_table_and_html() -> None:
    report = check_grads(lambda x, why: np.sin(x) * why, [0.5, 1.0], 2.0)
    assert isinstance(report, GradReport)
    x, why = report.inputs
    assert (x.name, why.name) == ("x", "why")
    assert x.analytic.shape == x.numerical.shape == x.error.shape == x.verdict.shape == (2,)
    assert np.all(np.abs(x.analytic - x.numerical) <= 10 * x.error + 1e-6)
    assert "largest gap" in str(report)
    html = check_grads(broken(1.0, 2, 3), [0.1, 0.2, 0.3])._repr_html_()
    assert "<table " in html
    assert "broken_sin" in html
    assert "<lambda>" not in check_grads(lambda x: x * 2, 1.0)._repr_html_()
    assert report.raise_on_failure() is report


def test_in_a_notebook_all_that_follows_the_table_stands_below_it() -> None:
    wrong = primitive(lambda g, out, x: g * 1.1)(lambda x: x * 1.0)
    html = check_grads(lambda x, y: [wrong(x), 3.0], np.ones(2), np.ones(3))._repr_html_()
    assert html.count("largest gap") == 1
    below = html.split("<pre")[1]
    assert [below.count(title) for title in ("2 mismatches, the worst first:", "to blame:", "notes:")] == [1, 1, 1]
    assert "<pre" not in check_grads(np.sin, np.ones(2))._repr_html_()
    flat = primitive(lambda g, out, x: g * 2 * x)(lambda x: 1e16 + np.square(x))
    colours = [check_grads(f, np.ones(1))._repr_html_().split('<b style="color:')[1][:7] for f in (np.sin, wrong, flat)]
    assert colours == ["#2a9d4a", "#d43c3c", "#b7791f"]
    assert [cell.count("left") for cell in html.split("</thead>")[0].split("<th ")[1:]] == [1, 1, 0, 0, 0, 0, 0, 0]


def test_up_to_so_many_elements_are_all_checked_and_of_more_some(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (survey.LIMIT, survey.SAMPLES, survey.DIRECTIONS, survey.MANY) == (20_000, 500, 16, 50)
    monkeypatch.setattr(survey, "LIMIT", 3)
    monkeypatch.setattr(survey, "SAMPLES", 2)
    assert check_grads(np.sin, np.arange(3.0)).count("match") == 3
    assert check_grads(np.sin, np.arange(4.0)).count("unchecked") == 2
    assert check_grads(np.sin, np.arange(4.0), samples=4).count("match") == 4
    sights = [0.05, 0.1, 0.105, 0.2]
    monkeypatch.setattr(survey, "look_along_directions", lambda point, seen, among: sights)
    report = check_grads(np.sin, np.arange(4.0))
    assert report.coverage.startswith(
        "2 of 4 elements at random, the rest along 16 random directions, where an ordinary"
    )
    assert "that is off by 1e-01 shows" in report.coverage
    assert report.notes[0].startswith("along 2 of 4 random directions hardly anything shows")
    sights[2:] = []
    assert not check_grads(np.sin, np.arange(4.0)).notes


def test_ten_elements_are_searched_along_directions() -> None:
    wrong = primitive(lambda g, out, x: g * 1.1)(lambda x: x * 1.0)
    assert check_grads(wrong, np.arange(1.0, 41.0), samples=1).count("mismatch") == 11


def test_after_fifty_wrong_elements_one_is_looked_at_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    how: list[bool] = []

    def verdict(spot: Any, quickly: bool) -> Any:
        how.append(quickly)
        return ("match" if len(how) == 7 else "mismatch"), Slope(1.0, 0.0)

    monkeypatch.setattr(survey.Spot, "verdict", verdict)
    check_grads(primitive(lambda g, out, x: g)(lambda x: x * 1.0), np.arange(60.0), gradient=lambda x: 0 * x)
    assert how == [False] * 51 + [True] * 9


def test_what_a_report_holds_are_plain_numbers() -> None:
    """Not NumPy's, which print their type."""
    x, wrong = np.array([[0.0, 1.5]]), primitive(lambda g, out, x: g * np.sign(x) * 1.1)(lambda x: np.abs(x))
    flat = primitive(lambda g, out, x: g * 2.5 * x)(lambda x: 1e16 + np.square(x))
    for f, at in ((np.abs, x), (wrong, x), (flat, x), (np.sin, x), (flat, 1.0), (lambda x: wrong(x).sum(), x)):
        report = check_grads(f, at, samples=None if at is not x else 1)
        for e in report.elements:
            assert {type(number) for number in e[3:]} == {float}
            assert {type(e.gap), *map(type, e.badness)} == {float, bool}
            assert {int, *map(type, e.place)} == {int}
        for culprit in report.culprits:
            assert {type(number) for number in culprit[3:6]} == {float}
            assert type(culprit.input) is int
        told = (report.is_wrong, report.is_unknown, *map(report.count, ("match", "mismatch")))
        assert {type(answer) for answer in told} == {bool, int}
    assert check_grads(lambda x: x * 2.0, np.zeros((0, 3))).is_unknown is False


def test_the_worst_comes_first() -> None:
    @primitive(lambda g, out, x: g * 2 * x * np.array([1.1, 1.0, 3.0]))
    def bad(x: Any) -> Any:
        return x * x

    report = check_grads(lambda ok, x: bad(x) + ok, 1.0, [1.0, 2.0, 3.0])
    assert [e.place for e in report.mismatches] == [(2,), (0,)]
    assert report.rows()[0][0] == "x"


def test_those_that_are_wrong_alike_come_in_order_whatever_rounding_makes_of_them() -> None:
    x = np.random.default_rng(4).normal(size=40)
    report = check_grads(lambda x: x**3, x, gradient=lambda x: 2 * x**2)
    assert [e.place for e in report.mismatches] == [(i,) for i in range(40)]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: check_grads(3.0), TypeError, "wants a function and its arguments"),
        (lambda: check_grads(np.sin), TypeError, "nothing to differentiate by"),
        (lambda: check_grads(lambda n: n, 3), TypeError, "nothing to differentiate by"),
        (lambda: check_grads(np.sin, 1.0, order=3), ValueError, "order=3"),
        (lambda: check_grads(np.sin, 1.0, samples=0), ValueError, "samples=0"),
        (lambda: check_grads(lambda x: "text", 1.0), TypeError, "returned no floating-point number"),
        (lambda: check_grads(np.argmax, [1.0, 2.0]), TypeError, "argmax returned no floating-point number"),
        (lambda: check_grads(lambda x: float(x.data), 1.0), TypeError, r"plain numbers \(.data, .item\(\), float"),
        (lambda: check_grads(lambda x, y: x @ y, [1.0], [1.0], gradient=lambda x, y: y), ValueError, "tuple of arrays"),
        (lambda: numerical_grad(np.exp, [1.0, 2.0]), ValueError, "returns one number"),
        (lambda: check_grads(lambda x: x, 1.0, eps=1e-6), TypeError, r"no option 'eps', and .*\. Leave it out: step"),
        (
            lambda: check_grads(lambda x: x, 1.0, smples=3),
            TypeError,
            r"no option 'smples', .*: did you mean samples=\?",
        ),
        (
            lambda: check_grads(lambda x, *, scale: x, 1.0, scle=3),
            TypeError,
            r"no such argument: did you mean scale=\?",
        ),
    ],
)
def test_bad_calls_are_said_clearly(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("gradient", [[2.0, 4.0], np.array([2.0, 4.0]), Value([2.0, 4.0]), 3, "x", np.ndarray])
def test_a_gradient_that_is_no_function_is_answered_with_one(gradient: Any) -> None:
    with pytest.raises(TypeError, match=r"gradient=.*; wanted a function .* such as gradient=lambda x: 2 \* x"):
        check_grads(lambda x: np.sum(x**2), [1.0, 2.0], gradient=gradient)


@pytest.mark.parametrize("returned", [None, "text", {"a": 1.0}, object(), [1.0, [2.0]]])
def test_a_gradient_that_returns_no_numbers_is_told_what_to_return(returned: Any) -> None:
    with pytest.raises(TypeError, match=r"gradient= returned .* shape \(2,\): wanted an array of that shape"):
        check_grads(lambda x: np.sum(x**2), [1.0, 2.0], gradient=lambda x: returned)


def test_more_gradients_than_inputs_are_no_match() -> None:
    with pytest.raises(ValueError, match="returned 2 arrays for 1 inputs"):
        check_grads(lambda x: np.sum(x**2), [1.0, 2.0], gradient=lambda x: (2 * x, 2 * x))


def test_what_a_function_takes_by_name_is_handed_on() -> None:
    assert check_grads(lambda x, *, eps: x * eps, 1.0, eps=3.0)
    assert check_grads(lambda x, **more: x * more["eps"], 1.0, eps=3.0)
    assert check_grads(np.sum, [1.0, 2.0], keepdims=True)


# ------------------------------------------------------------------------------------------------- slopes by themselves


def test_a_jump_near_by_is_no_kink() -> None:
    assert abs(numerical_grad(lambda y: np.fmod(-1.1581582, y), 0.58069736) - 1.0) < 1e-6


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e3, 1e8])
def test_the_error_bar_of_a_slope_holds(scale: float) -> None:
    x = np.random.default_rng(0).uniform(0.5, 2.0, 20) * scale
    known = [(np.log, lambda x: 1 / x), (np.sqrt, lambda x: 0.5 / np.sqrt(x)), (lambda x: x**3, lambda x: 3 * x**2)]
    for f, slope in known:
        got, error = numerical_grad(lambda x, f=f: np.sum(f(x)), x, with_error=True)
        assert np.all(np.abs(got - slope(x)) <= error)
        assert np.median(error / slope(x)) < 1e-6


def test_numerical_grad_takes_what_check_grads_takes() -> None:
    x, labels = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2
    layers = nn.Linear(3, 4, seed=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2, seed=1)
    model = nn.Sequential(*layers).freeze("layers.0.weight").astype(np.float64)

    def loss(model: Any) -> Any:
        return F.cross_entropy(model(x), labels)

    found, wanted = numerical_grad(loss, model), grad(loss)(model)
    assert type(found) is nn.Sequential
    assert found.layers[0].weight is None
    for i, name in ((0, "bias"), (1, "weight"), (3, "weight"), (3, "bias")):
        slope, gradient = getattr(found.layers[i], name), getattr(wanted.layers[i], name)
        assert slope.shape == gradient.shape
        np.testing.assert_allclose(slope, gradient, atol=1e-8)
    slopes, errors = numerical_grad(lambda p: p["w"] * p["b"][0].sum(), {"w": 2.0, "b": [np.ones(2), 3]}, True)
    assert abs(slopes["w"] - 2) <= errors["w"] < 1e-8
    assert slopes["b"][0].shape == errors["b"][0].shape == (2,)
    assert slopes["b"][1] is None
    np.testing.assert_allclose(slopes["b"][0], [2, 2])


@pytest.mark.parametrize("x", ["text", None, object(), {}, {"n": 1}, nn.Tanh()])
def test_numerical_grad_says_what_it_takes(x: Any) -> None:
    with pytest.raises(TypeError, match=r"nothing to differentiate by. Pass floats, arrays, Values or a Module"):
        numerical_grad(lambda x: 0.0, x)


# -------------------------------------------------------------------------------------------------------- the command


MINE = """
import numpy as np
from microgradnet import primitive
def right(x, y): return np.sin(x) * y
wrong = primitive(lambda g, out, x: g * 3)(lambda x: x * 2)
def case(): return right, 1.0, [1.0, 2.0]
def fails(x): raise RuntimeError('no such luck')
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a module of the user's in it."""
    (tmp_path / "mine_for_test_gradcheck.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["mine_for_test_gradcheck:right", "[0.5, 1.0]", "2.0"], 0, "ok: the gradient of right"),
        (["mine_for_test_gradcheck:right", "--shape", "3", "--shape", "()", "--order", "2"], 0, "x″"),
        (["mine_for_test_gradcheck:wrong", "[1.0]"], 1, "NOT OK"),
        (["mine_for_test_gradcheck:case"], 0, "ok"),
        (["mine_for_test_gradcheck:right", "--order", "2", "1.5", "-2.0"], 0, "y″"),
        (["mine_for_test_gradcheck:right", "--samples", "9", "-1e-3", "--seed", "1", "2.0"], 0, "all 2 elements"),
        (["--order", "2", "mine_for_test_gradcheck:right", "-0.5", "--", "-2.0"], 0, "y″"),
        (["mine_for_test_gradcheck:wrong", "--shape", "0"], 2, "nothing was checked: the arguments of mine"),
        (["mine_for_test_gradcheck:wrong", "--shape", "0,3", "--order", "2"], 2, "hold no numbers"),
        (["mine_for_test_gradcheck:right"], 2, "wants arguments (x, y)"),
        (["mine_for_test_gradcheck:nothing"], 2, "mine_for_test_gradcheck has no 'nothing'; it has case, fails"),
        (["mine_for_test_gradcheck"], 2, "wanted module:function"),
        (["mine_for_test_gradcheck:fails", "1.0"], 2, "RuntimeError: no such luck"),
        (["mine_for_test_gradcheck:right", "[0.5"], 2, "the argument '[0.5' is not JSON"),
        (["nowhere:f", "1.0"], 2, "there is no module 'nowhere': wanted a file nowhere.py"),
    ],
)
def test_the_command(
    here: Path, arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == status
    said = capsys.readouterr()
    assert says in (said.err if status == 2 else said.out)
    assert "Traceback" not in said.err


def test_the_status_of_the_command_is_that_of_the_process(here: Path) -> None:
    command = [sys.executable, "-m", "microgradnet", "check", "mine_for_test_gradcheck:wrong", "[1.0]"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "NOT OK" in done.stdout


@pytest.mark.parametrize("installed", [True, False])
def test_a_bar_shows_how_far_it_is_if_it_takes_long(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """From two seconds on, with the elements that are done by then; at once if asked for; never if told so."""
    made: list[Any] = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            self.options, self.moved, self.closed = options, 0, False
            made.append(self)

        def update(self) -> None:
            self.moved += 1

        def close(self) -> None:
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar) if installed else None)
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for asked, done in ((True, 0), (None, 2), (False, None)):
        now[0] = 100.0
        seen = []
        for item in progress.tracked("abcde", asked):
            seen.append(item)
            now[0] += 1.0
        assert seen == list("abcde")
        if installed and done is not None:
            bar = made.pop()
            assert (bar.options["total"], bar.options["initial"], bar.moved, bar.closed) == (5, done, 5 - done, True)
        assert not made


def test_the_elements_that_are_checked_move_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(survey, "tracked", lambda items, on: asked.append((len(items), on)) or iter(items))
    for on in (True, False, None):
        assert check_grads(np.sin, np.ones(3), progress=on)
    assert asked == [(3, True), (3, False), (3, None)]


@pytest.mark.parametrize("fast", [1e6, 1e8, 1e10])
def test_an_oscillation_is_followed_down_to_where_rounding_is_all(fast: float) -> None:
    slope = fast * np.cos(fast)
    (element,) = check_grads(lambda x: np.sin(fast * x), np.array([1.0])).elements
    assert element.verdict == "match"
    assert abs(element.numerical - slope) <= 10 * element.error + 1e-6 * abs(slope)
    wrong = primitive(lambda g, out, x: g * 1.01 * fast * np.cos(fast * x))(lambda x: np.sin(fast * x))
    assert check_grads(wrong, np.array([1.0])).count("match") == 0
