"""The checker names the rule that is wrong, and says what would make it right."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from microgradnet import functional as F
from microgradnet import primitive
from microgradnet.core import Op, Variadic
from microgradnet.gradcheck import check_grads

from .planted import WRONG, at, numbers, row, softmax
from .samples import drawn
from .test_planted import READ

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
A, B, V = numbers(6, 1).reshape(2, 3), numbers(12, 2).reshape(3, 4), np.array([0.3, -1.0, 2.0])


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# What is wrong, and the words for what would be right.
DIAGNOSES: dict[str, tuple[Any, list[str]]] = {
    "g forgotten": (WRONG["g forgotten"], ["multiplied by g"]),
    "g forgotten, of one number": (
        at(row(lambda x: np.tanh(x), lambda g, out, x: 1 - out * out), 0.5), ["multiplied by g"]
    ),
    "g forgotten, of a sum": (at(row(lambda x: (x * x).sum(), lambda g, out, x: 2 * x), V), ["multiplied by g"]),
    "g forgotten, of a sum along an axis": (
        at(row(lambda x: (x * x).sum(axis=0), lambda g, out, x: 2 * x), A), ["multiplied by g"]
    ),
    "g forgotten, of a sum along the other": (
        at(row(lambda x: (x * x).sum(axis=1), lambda g, out, x: 2 * x), A), ["multiplied by np.expand_dims(g, 1)"]
    ),
    "g forgotten, and a factor": (
        at(row(lambda x: x * x, lambda g, out, x: x), V), ["multiplied by 2·g"]
    ),
    "g forgotten, and x for out": (
        at(row(lambda x: np.tanh(x), lambda g, out, x: 1 - x * x), V), ["multiplied by g and x is replaced by out"]
    ),
    "g forgotten, in one of two": (
        at(row(lambda x, y: x * y, lambda g, out, x, y: g * y, lambda g, out, x, y: x), V, V[::-1] + 0.1),
        ["multiplied by g"],
    ),
    "g twice": (WRONG["g twice"], ["divided by g"]),
    "a sign": (WRONG["a sign"], ["its sign is changed"]),
    "the second sign of a difference": (
        at(row(lambda x, y: x - y, lambda g, out, x, y: g, lambda g, out, x, y: g), V, V + 1), ["its sign is changed"]
    ),
    "x for out": (WRONG["x for out"], ["x is replaced by out"]),
    "x for out, in exp": (at(row(lambda x: np.exp(x), lambda g, out, x: g * x), V), ["x is replaced by out"]),
    "out for x": (WRONG["out for x"], ["out is replaced by x"]),
    "y for x": (WRONG["one of two inputs"], ["x and y change places"]),
    "1 - out": (at(row(logistic, lambda g, out, x: g * out), V), ["multiplied by (1 - out)"]),
    "out": (at(row(logistic, lambda g, out, x: g * (1 - out)), V), ["multiplied by out"]),
    "a power": (WRONG["a power short"], ["multiplied by x"]),
    "2x": (at(row(lambda x: x * x, lambda g, out, x: g), V), ["multiplied by 2·x"]),
    "2": (WRONG["a factor of 2"], ["multiplied by 2"]),
    "1/2": (WRONG["half of a square root"], ["divided by 2"]),
    "1/n": (WRONG["mean without 1/n"], ["divided by 3 (x has 3 elements)"]),
    "1/n, of an axis": (WRONG["cross-entropy not averaged"], ["divided by 3 (axis 0 of x has 3 elements)"]),
    "out below": (WRONG["norm, not divided"], ["divided by out"]),
    "a transpose": (WRONG["x @ y, y not transposed"], ["y is transposed in it"]),
    "transposes of what is not square": (
        at(row(lambda x, y: x @ y, lambda g, out, x, y: g @ y, lambda g, out, x, y: g @ x), A, B),
        ["y is transposed in it", "it is x.T @ g"],
    ),
    "a product the other way round": (WRONG["x @ y, the other way round"], ["it is x.T @ g"]),
    "an outer product": (
        at(row(lambda a, v: a @ v, lambda g, out, a, v: g @ v, lambda g, out, a, v: g @ a), A, V),
        ["it is np.outer(g, v)"],
    ),
    "transposed back": (WRONG["x * w.T, not transposed back"], ["transposed"]),
    "a sum along an axis": (
        at(row(lambda x: x.sum(axis=1), lambda g, out, x: g), A), ["it is g spread along axis 1"]
    ),
    "the other axis": (WRONG["a sum along the other axis"], ["it is g spread along axis 0"]),
    "softmax's sum": (WRONG["softmax without its sum"], ["out times its sum is subtracted"]),
    "softmax's sum, along an axis": (
        at(row(softmax, lambda g, out, x: g * out), B), ["out times its sum along axis 1 is subtracted"]
    ),
    "a mean that is subtracted": (WRONG["centred, not centred back"], ["its mean is subtracted"]),
    "a cumulative sum": (WRONG["cumsum forwards"], ["it is handed g reversed, and what it gives is reversed too"]),
    "reversed": (at(row(lambda x: x[::-1] * np.arange(3.0), lambda g, out, x: g * np.arange(3.0)), V), ["reversed"]),
}  # fmt: skip


@pytest.mark.parametrize("name", DIAGNOSES)
def test_what_is_wrong_with_a_rule_is_said(name: str, share: float) -> None:
    """Of the function alone, and inside another one."""
    (f, args, how), wanted = DIAGNOSES[name]
    for g in (f, lambda *args: np.tanh(0.3 * f(*args)) + 1.0)[: 2 if drawn(name, share) else 1]:
        report = check_grads(g, *args, **how)
        assert not report
        assert [c.remedy for c in report.culprits] == [f"your rule is right if {text}" for text in wanted], str(report)
        assert all(c.remedy in str(report) for c in report.culprits)


def test_the_numbers_are_those_of_the_students_own_inputs() -> None:
    tanh = row(lambda x: np.tanh(x), lambda g, out, x: 1 - out * out)
    (culprit,) = check_grads(lambda x: np.exp(tanh(x)), np.array([0.5, 1.0])).culprits
    assert culprit.place == " at x[1] = 1, for g = 2, 3"
    assert culprit.rule == pytest.approx(1 - np.tanh(1.0) ** 2, rel=1e-12)
    assert culprit.slope == pytest.approx(3 * (1 - np.tanh(1.0) ** 2), rel=1e-9)
    product = row(
        lambda a, weights: a @ weights, lambda g, out, a, weights: g @ weights, lambda g, out, a, weights: a.T @ g
    )
    (culprit,) = check_grads(product, numbers(9).reshape(3, 3), numbers(9, 1).reshape(3, 3)).culprits
    assert culprit.place.startswith(" at a[")
    assert culprit.place.endswith("for g = 2, 3, 4, …")
    g, w = np.arange(2.0, 11.0).reshape(3, 3), numbers(9, 1).reshape(3, 3)
    assert np.min(np.abs(g @ w - culprit.rule)) < 1e-12
    assert np.min(np.abs(g @ w.T - culprit.slope)) < 1e-9
    square = row(lambda x: x * x, lambda g, out, x: g * x)  # 2 is missing: the most where g · x is large
    (culprit,) = check_grads(square, np.array([0.01, 1.0, 0.5])).culprits
    assert culprit.place == " at x[1] = 1, for g = 2, 3, 4"
    assert (culprit.rule, culprit.slope) == (3.0, pytest.approx(6.0, rel=1e-9))
    kink = row(lambda x: np.abs(x), lambda g, out, x: g * np.where(x == 0, 5.0, np.sign(x)))
    (culprit,) = check_grads(lambda x: kink(x).sum(), np.array([0.0, 1.0])).culprits
    assert culprit.place == " (-2 from the left, 2 from the right) at x[0] = 0, for g = 2, 3"


def test_nothing_is_said_where_nothing_that_is_tried_is_right() -> None:
    for name in (
        "the function for its slope",
        "1e-4 too much",
        "wrong for x < 0",
        "softmax by its diagonal",
        "one of 400",
    ):
        f, args, how = WRONG[name]
        (culprit,) = check_grads(f, *args, **how).culprits
        assert culprit.remedy == ""


def by_factor(rule: Any, factor: float) -> Any:
    return lambda *given: rule(*given) * factor


BY_A_NUMBER = [
    "1 - cos x, twice", "a factor of 2", "a mean for a sum", "cross-entropy not averaged", "half of a square root",
    "mean without 1/n", "off by 1e-2 at 1e-300", "off by 1e-2 at 1e-310", "off by 1e-3", "off by 1e-3 at 1e-8",
    "off by 1e-3 at 1e8", "off by 1e-4", "off by 1e-5", "var by n - 1",
]  # fmt: skip
MULTIPLIED = r"your rule is right if (multiplied|divided) by ([\d.]+)/?(\d*)( \(.*)?"


def test_the_remedies_that_are_numbers_are_listed() -> None:
    """On the page that test_planted.py holds the reports to."""
    rules = [name for name, (f, _, how) in WRONG.items() if isinstance(f, Op) and not how]
    assert len(rules) > 60
    assert sorted(name for name in rules if re.search(MULTIPLIED, READ[f"wrong: {name}"])) == BY_A_NUMBER


@pytest.mark.parametrize("name", BY_A_NUMBER)
def test_what_is_said_is_true(name: str) -> None:
    """A remedy that is a number is tried: the rule multiplied by it passes."""
    f, args, _ = WRONG[name]
    culprits = [(c, re.fullmatch(MULTIPLIED, c.remedy)) for c in check_grads(f, *args).culprits]
    assert any(found for _, found in culprits)
    for culprit, found in culprits:
        if found:
            factor = float(found[2]) / float(found[3] or 1)
            factor = 1 / factor if found[1] == "divided" else factor
            rules = [by_factor(rule, factor if j == culprit.input else 1.0) for j, rule in enumerate(f.rules)]
            mended = primitive(*rules)(lambda *inputs: f.forward(*inputs))
            tolerance = 1e-5 if "." in found[2] else 0.0  # six digits are printed
            assert all(e.verdict == "match" or e.gap <= tolerance for e in check_grads(mended, *args).elements)


def test_a_rule_that_raises_is_reported_and_not_raised() -> None:
    f = row(lambda x, y: x @ y, lambda g, out, x, y: g @ y, lambda g, out, x, y: x.T @ g)
    report = check_grads(f, A, B, order=2)
    assert not report
    assert "the gradient cannot be computed: ValueError: matmul" in report.problems[0]
    assert [(c.input, c.raised.split(":")[0]) for c in report.culprits] == [(0, "ValueError")]
    assert "the rule for its input 0 raises ValueError" in str(report)
    report = check_grads(lambda x: np.sin(row(lambda x: x * 2.0, lambda g, out, x: 1 / 0)(x)), V)
    assert "raises ZeroDivisionError" in str(report.culprits[0])
    with pytest.raises(AttributeError):  # of the function itself
        check_grads(lambda x: x.missing(), V)


def test_a_gradient_written_by_hand_is_diagnosed_too() -> None:
    x, y = numbers(15).reshape(5, 3), numbers(5, 1)
    report = check_grads(lambda w: np.mean((x @ w - y) ** 2), V, gradient=lambda w: 2 * x.T @ (x @ w - y))
    assert "w: your gradient is right if divided by 5" in report.notes
    report = check_grads(lambda w: np.sum(np.tanh(x @ w)), B[:, :3], gradient=lambda w: (1 - np.tanh(x @ w) ** 2).T @ x)
    assert "w: your gradient is right if transposed" in report.notes
    report = check_grads(lambda a, b: a @ b, V, V + 1, gradient=lambda a, b: (b, -a))
    assert [note for note in report.notes if "your" in note] == ["b: your gradient is right if its sign is changed"]


def test_an_operation_on_any_number_of_arrays_is_diagnosed_by_their_numbers() -> None:
    def of_squares(rule: Any) -> Any:
        return primitive(rule, kind=Variadic)(lambda *x: sum(a * a for a in x))

    squares = of_squares(lambda g, out, *x: [g * 2 * a for a in x[:-1]] + [g])
    for count, name in ((2, "y"), (3, "input 2")):
        (culprit,) = check_grads(lambda *x: squares(*x), *[V + i for i in range(count)]).culprits
        assert culprit.input == count - 1
        assert f" at {name}[" in culprit.place
    doubled = of_squares(lambda g, out, *x: [g * a for a in x])
    found = check_grads(lambda x, y: doubled(x, y), V, V + 1).culprits
    assert [c.remedy for c in found] == ["your rule is right if multiplied by 2"] * 2


def test_what_is_no_number_on_the_way_hides_no_wrong_rule() -> None:
    wrong = row(lambda x: np.sin(x), lambda g, out, x: -g * np.cos(x))
    for f in (lambda x: np.isnan(np.log(-1 - x * x)) * wrong(x), lambda x: np.isinf(np.exp(x * x + 1e3)) * wrong(x)):
        (culprit,) = check_grads(f, V).culprits
        assert culprit.remedy == "your rule is right if its sign is changed"


def test_a_second_derivative_is_blamed_once_for_each_operation() -> None:
    """Right, and cut off from what it is computed from."""
    sine = row(lambda x: np.sin(x), lambda g, out, x: g * np.cos(getattr(x, "data", x)))
    report = check_grads(lambda x: sine(sine(x)) + np.arange(3.0), V, order=2)
    assert not report
    assert [(c.op, c.input) for c in report.culprits] == [("<lambda>", 0)]


def test_an_operation_that_refuses_numbers_near_by_is_diagnosed_at_its_own() -> None:
    def only(x: Any) -> Any:
        if np.max(np.abs(x - V)) > 0.05:
            raise ValueError
        return x * x

    (culprit,) = check_grads(row(only, lambda g, out, x: g * x), V).culprits
    assert culprit.remedy == "your rule is right if multiplied by 2"


def test_of_a_matrix_of_slopes_and_of_structures_no_remedy_is_looked_for() -> None:
    for f, given, gradient in (
        (lambda x: x * x, V, lambda x: np.diag(x)), (lambda d: d["a"] ** 2, {"a": 1.5}, lambda d: {"a": d["a"]}),
        (lambda x, k: x * x * k, V[0], lambda x, k: x * k),
    ):  # fmt: skip
        report = check_grads(f, given, *[3] * (f.__code__.co_argcount - 1), gradient=gradient)
        assert report.is_wrong
        assert (report.notes, report.culprits) == ([], [])


def test_of_a_network_the_layer_is_named() -> None:
    swish = row(
        lambda x: x * logistic(x),
        lambda g, out, x: g * (logistic(x) + x * out * (1 - out)),
    )
    right = row(lambda x: np.tanh(x), lambda g, out, x: g * (1 - out * out))
    w, v = numbers(12).reshape(4, 3), numbers(8, 1).reshape(2, 4)
    report = check_grads(lambda w, v: F.softmax(v @ swish(w @ V)) * right(v @ (w @ V)), w, v)
    assert [(c.op, c.input) for c in report.culprits] == [("<lambda>", 0)]
    assert "swish(w @ V)" in report.culprits[0].line
