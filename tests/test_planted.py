"""Every error that was planted is caught, and nothing that is right is accused.

tests/reports.txt has in short what was said of each, as it was read and found good. Where that is meant to change,
`python -m tests.test_planted` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import primitive
from microgradnet.gradcheck import GradReport, check_grads

from .planted import RIGHT, WRONG, Entry
from .samples import SEED, count, sample

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

# What is wrong is less than what rounding takes away: nobody can tell.
LOST_IN_ROUNDING = ("1e14 + x², 0", "1e16 + x², 0", "1e12 + x², 1 % off", "1e30 + x², -93")


PAGE = Path(__file__).with_name("reports.txt")
PARTS = [part.partition("\n") for part in PAGE.read_text("utf-8").strip().split("\n# ")]
READ = {name: text for name, _, text in PARTS}


def checked(entry: Entry) -> GradReport:
    f, args, how = entry
    return check_grads(f, *args, progress=False, **how)


@functools.cache
def of_what_is_right(name: str) -> GradReport:
    return checked(RIGHT[name])


def short(said: Any) -> str:
    """In one line, numbers to four digits and without their error bars, which rounding makes."""
    text = re.sub(r" ± [\w.+-]+", "", " ".join(str(said).split()))
    text = re.sub(r"-?\d+(\.\d+(e[+-]\d+)?|e[+-]?\d+)", lambda found: f"{float(found[0]):.4g}", text)
    return re.sub(r"-0(?![\d.])", "0", text)


def in_short(report: GradReport) -> str:
    """What a report says: how many of each verdict, the worst, what the others could not tell, whom it blames."""
    lines = [f"{report.word}: {report.coverage}"]
    lines += [f"{name} {shape}: {' '.join(counts)}" for name, shape, *counts, _ in report.rows()]
    lines += report.mismatches[:1]
    for e in [e for e in report.elements if e.verdict in ("kink", "cannot tell")][:2]:
        sides = f", {e.left:.3f} on the left, {e.right:.3f} on the right" if e.verdict == "kink" else ""
        lines.append(f"{e.name}{list(e.place)} {e.verdict}: {e.analytic:.3f}{sides}")
    lines += [str(culprit).replace(culprit.line, "") for culprit in report.culprits]
    notes = [note for note in report.notes if "flat here" not in note]  # exactly 0 is a matter of rounding
    said = "\n".join(map(short, lines + report.problems + notes))
    return said.replace("argument 0", "x")  # NumPy 2.0 does not know how its ufuncs call it


@pytest.mark.parametrize("name", WRONG)
def test_a_planted_error_is_caught(name: str) -> None:
    report = checked(WRONG[name])
    assert not report, str(report)
    assert report.is_unknown is (name in LOST_IN_ROUNDING), str(report)
    assert str(report).startswith("CANNOT TELL" if report.is_unknown else "NOT OK")
    assert in_short(report) == READ[f"wrong: {name}"]


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_ok(name: str) -> None:
    report = of_what_is_right(name)
    assert report, str(report)
    assert str(report).startswith("ok")
    assert in_short(report) == READ[f"right: {name}"]


def test_most_of_what_is_right_matches() -> None:
    """It is no use to be right by saying nothing."""
    reports = list(map(of_what_is_right, RIGHT))
    told = sum(report.count("match") + report.count("kink") for report in reports)
    assert sum(report.count("cannot tell") for report in reports) <= 0.01 * told


@pytest.mark.parametrize("g", [-93.0, -1.0, 0.0, 1.0, 1.99, 3.0, 50.0, 1e6, np.nan, np.inf])
def test_a_match_needs_an_error_bar_that_could_have_told(g: float) -> None:
    """1e14 + x² at 1: between one floating-point number and the next lies 1/64, and the slope is 2."""
    wrong = primitive(lambda g_out, out, x: g_out * g)(lambda x: 1e14 + x * x)
    assert check_grads(wrong, np.array([1.0])).count("match") == 0
    assert check_grads(wrong, np.array([1.0, 1.0])).count("match") == 0


def test_a_report_in_which_nothing_could_be_told_is_not_ok_unless_asked_for() -> None:
    f = primitive(lambda g, out, x: g * 2 * x)(lambda x: 1e16 + np.square(x))
    report = check_grads(f, np.array([1.0]))
    assert report.is_unknown
    assert not report
    assert not report.is_wrong
    assert str(report).startswith("CANNOT TELL: the gradient of <lambda>, its one element")
    assert "CANNOT TELL" in report._repr_html_()
    with pytest.raises(AssertionError, match="CANNOT TELL"):
        check_grads(f, np.array([1.0]), raise_on_failure=True)
    allowed = check_grads(f, np.array([1.0]), allow_unknown=True, raise_on_failure=True)
    assert allowed
    assert str(allowed).startswith("ok")
    second = check_grads(primitive(lambda g, out, x: g * (1e16 + x * x))(lambda x: 1e16 * x + x**3 / 3), 1.0, order=2)
    assert (second.count("match"), second.is_unknown, bool(second)) == (1, True, False)
    assert check_grads(lambda x, y: f(x) + 1e16 * y, np.array([1.0]), np.array([1.0]))  # y could be told
    assert check_grads(lambda x: x * 2.0, np.zeros((0, 3)))  # nothing is wrong with nothing


@pytest.mark.parametrize(
    ("f", "at", "left", "right"),
    [
        (np.abs, 0.0, -1.0, 1.0), (lambda x: np.maximum(x, 0), 0.0, 0.0, 1.0),
        (lambda x: np.minimum(x, 3), 3.0, 1.0, 0.0),
        (lambda x: np.abs(x - 1e3), 1e3, -1.0, 1.0), (lambda x: np.maximum(x * x, x), 1.0, 1.0, 2.0),
        (lambda x: np.where(x < 2, x, 3 * x - 4), 2.0, 1.0, 3.0),
    ],
)  # fmt: skip
def test_at_a_kink_a_gradient_between_the_two_slopes_is_a_kink_and_outside_a_mismatch(
    f: Any, at: float, left: float, right: float, share: float
) -> None:
    low, high = sorted((left, right))
    gradients = (
        (low, "kink"), (high, "kink"), ((low + high) / 2, "kink"), (low - 0.1, "mismatch"),
        (high + 0.5, "mismatch"), (high + 200, "mismatch"), (-300 - low, "mismatch"),
    )  # fmt: skip
    tried = list(itertools.product(gradients, (1e-6, 1.0, 1e6)))
    for (g, verdict), scale in sample(tried, count(len(tried), share), f"{SEED} {at} {left}"):
        # Right to the sides, so that it is the kink alone which is wrong.
        def rule(g_out: Any, out: Any, x: Any, g: float = g, scale: float = scale) -> Any:
            return scale * g_out * np.where(x == at, g, np.where(x < at, left, right))

        report = check_grads(primitive(rule)(lambda x, scale=scale: scale * f(x)), np.array([at]))
        assert report.elements[0].verdict == verdict, (g, str(report))
        assert bool(report) is (verdict == "kink")
        sides = sorted((report.elements[0].left, report.elements[0].right))
        assert sides == pytest.approx([scale * low, scale * high], rel=1e-4)


@pytest.mark.parametrize("at", [0.0, 1.0, -2.0])
def test_a_rule_that_is_wrong_at_one_place_only_is_caught(at: float) -> None:
    """It looks as if the gradient scattered there: it does not, next to it."""
    for error in (1e-3, 0.5, -3.0, 1e6):
        rule = lambda g, out, x, e=error: g * (np.cos(x) + np.where(x == at, e, 0.0))  # noqa: E731
        report = check_grads(primitive(rule)(lambda x: np.sin(x)), np.array([at, 0.3]))
        assert [e.place for e in report.mismatches] == [(0,)], str(report)


def test_where_the_slope_is_0_a_match_is_a_match() -> None:
    for f, x in [
        (lambda x: (x - 1) ** 2, 1.0), (np.cos, 0.0), (lambda x: 3 + (x - 1) ** 4, 1.0), (lambda x: x / x, 0.3),
        (lambda x: 0.0 * x, 0.3), (lambda x: (x - x) + 1e10, 2.0),
    ]:  # fmt: skip
        assert check_grads(f, np.array([x])).count("match") == 1
    for g in (1e-3, -1.0, np.nan):
        wrong = primitive(lambda g_out, out, x, g=g: g_out * g * np.ones_like(x))(lambda x: x / x)
        assert check_grads(wrong, np.array([0.3])).count("mismatch") == 1


def test_infinite_results_do_not_hide_the_others() -> None:
    report = check_grads(np.log, np.array([0.0, 1.0, 2.0]))
    assert [e.verdict for e in report.elements] == ["cannot tell", "match", "match"]
    wrong = primitive(lambda g, out, x: g * 1.01 / x)(lambda x: np.log(x))
    assert check_grads(wrong, np.array([0.0, 1.0, 2.0])).count("mismatch") == 2
    assert check_grads(np.exp, np.array([1e4])).is_unknown


def test_where_all_is_wrong_it_takes_little_longer_than_where_all_is_right() -> None:
    calls = 0

    def counted(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.sin(x)

    wrong = primitive(lambda g, out, x: g * 1.5 * np.cos(x))(counted)
    report = check_grads(wrong, np.linspace(0.1, 1.0, 1000))
    assert report.count("mismatch") == 1000
    assert calls < 1000 * 12


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parts = [f"wrong: {name}\n{in_short(checked(entry))}" for name, entry in WRONG.items()]
    parts += [f"right: {name}\n{in_short(checked(entry))}" for name, entry in RIGHT.items()]
    PAGE.write_text("\n# ".join(["What the checker says of tests/planted.py, in short", *parts]) + "\n", "utf-8")
