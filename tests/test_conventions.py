"""The numerical conventions, one test each: what happens at a kink, a tie, a zero, an infinity."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn
from microgradnet.testing.conventions import main, section

inf, nan = np.inf, np.nan


def slope(f: Callable[..., Any], *at: Any, wrt: int = 0) -> Any:
    """The gradient of the sum of f at a point, silent about NumPy's own warnings."""
    values = [Value(x) for x in at]
    with np.errstate(all="ignore"):
        f(*values).sum().backward()
    g = values[wrt].grad
    return g.tolist() if isinstance(g, np.ndarray) else float(g)


def same(got: Any, expected: Any) -> bool:
    return bool(np.array_equal(got, expected, equal_nan=True))


TABLE: list[tuple[str, Callable[..., Any], tuple[Any, ...], Any]] = [
    ("relu at 0", F.relu, (0.0,), 0.0),
    ("relu at −0", F.relu, ([-0.0, 0.0],), [0.0, 0.0]),
    ("abs at 0", abs, (0.0,), 0.0),
    ("sign", np.sign, ([0.0, 2.0],), None),
    ("relu6 at its kinks", F.relu6, ([0.0, 3.0, 6.0],), [0.0, 1.0, 0.0]),
    ("hardtanh at its kinks", F.hardtanh, ([-1.0, 0.0, 1.0],), [0.0, 1.0, 0.0]),
    ("hardsigmoid at its kinks", F.hardsigmoid, ([-3.0, 0.0, 3.0],), [0.0, 1 / 6, 0.0]),
    ("hardswish at its kinks", F.hardswish, ([-3.0, 0.0, 3.0],), [0.0, 0.5, 1.0]),
    (
        "hinge_embedding_loss on its margin",
        lambda x: F.hinge_embedding_loss(x, [-1, -1, 1], margin=0.5, reduction="sum"),
        ([0.5, 0.25, 0.5],),
        [-1.0, -1.0, 1.0],
    ),
    ("margin_ranking_loss on its margin", lambda x: F.margin_ranking_loss(x, [1.0], [1]), ([1.0],), [-1.0]),
    (
        "triplet_margin_loss on its margin",
        lambda x: F.triplet_margin_loss(x, [[0.0, 1.0]], [[3.0, 0.0]], margin=2.0, eps=0),
        ([[0.0, 0.0]],),
        [[1.0, -1.0]],
    ),
    (
        "cosine_embedding_loss on its margin",
        lambda x: F.cosine_embedding_loss(x, [[1.0, 0.0]], [-1]),
        ([[0.0, 1.0]],),
        [[1.0, 0.0]],
    ),
    ("hinge_loss on its margin", lambda x: F.hinge_loss(x, [1, -1], reduction="sum"), ([1.0, -1.0],), [0.0, 0.0]),
    (
        "multi_margin_loss on its margin",
        lambda x: F.multi_margin_loss(x, [0], reduction="sum"),
        ([[2.0, 1.0]],),
        [[0.0, 0.0]],
    ),
    ("l1_loss of what is equal", lambda x: F.l1_loss(x, [1.0]), ([1.0],), [0.0]),
    ("norm at 0", np.linalg.norm, ([0.0, 0.0],), [0.0, 0.0]),
    ("norm along an axis at 0", lambda x: np.linalg.norm(x, axis=1), ([[0.0, 0.0], [3.0, 4.0]],), [[0, 0], [0.6, 0.8]]),
    ("norm of order 3 at 0", lambda x: np.linalg.norm(x, 3), ([0.0, 0.0],), [0.0, 0.0]),
    ("Frobenius norm at 0", np.linalg.norm, ([[0.0, 0.0], [0.0, 0.0]],), [[0.0, 0.0], [0.0, 0.0]]),
    ("vector_norm at 0", np.linalg.vector_norm, ([0.0, 0.0],), [0.0, 0.0]),
    ("matrix_norm at 0", np.linalg.matrix_norm, ([[0.0, 0.0], [0.0, 0.0]],), [[0.0, 0.0], [0.0, 0.0]]),
    ("std of a constant", np.std, ([2.0, 2.0, 2.0],), [0.0, 0.0, 0.0]),
    ("prod with one zero", np.prod, ([2.0, 0.0, 3.0],), [0.0, 6.0, 0.0]),
    ("prod with two zeros", np.prod, ([2.0, 0.0, 0.0],), [0.0, 0.0, 0.0]),
    ("cumprod with one zero", np.cumprod, ([2.0, 0.0, 3.0, 4.0],), [1.0, 2.0 + 6.0 + 24.0, 0.0, 0.0]),
    ("cumprod with two zeros", np.cumprod, ([2.0, 0.0, 3.0, 0.0],), [1.0, 8.0, 0.0, 0.0]),
    ("sinc at 0", np.sinc, (0.0,), 0.0),
    ("sort with a tie", lambda x: np.sort(x) * np.array([1.0, 2.0, 4.0]), ([5.0, 3.0, 3.0],), [4.0, 1.0, 2.0]),
    ("median of an even number", np.median, ([4.0, 1.0, 3.0, 2.0],), [0.0, 0.0, 0.5, 0.5]),
    ("median of an odd number", np.median, ([4.0, 1.0, 3.0],), [0.0, 0.0, 1.0]),
    ("ceil", np.ceil, ([0.5],), None),
    ("round", np.round, ([0.5],), None),
    ("argsort", np.argsort, ([0.5],), None),
    ("copysign at 0", lambda x: np.copysign(x, -1.0), ([0.0, 2.0],), [0.0, -1.0]),
    ("leaky_relu at 0", lambda x: F.leaky_relu(x, 0.3), (0.0,), 0.3),
    ("elu at 0", lambda x: F.elu(x, 2.0), (0.0,), 2.0),
    ("elu at −0", lambda x: F.elu(x, 2.0), (-0.0,), 2.0),
    ("elu beside 0", lambda x: F.elu(x, 2.0), ([-1e-30, 1e-30],), [2.0, 1.0]),
    ("selu at 0", F.selu, (0.0,), 1.0507009873554805 * 1.6732632423543772),
    ("the layer ELU at 0", lambda x: nn.ELU(2.0)(x), (0.0,), 2.0),
    ("the layer SELU at 0", lambda x: nn.SELU()(x), (0.0,), 1.7580993408473766),
    ("max ties", np.max, ([1.0, 3.0, 3.0],), [0.0, 0.5, 0.5]),
    ("min ties", np.min, ([1.0, 1.0, 3.0],), [0.5, 0.5, 0.0]),
    ("max ties along an axis", lambda x: np.max(x, axis=1), ([[2.0, 2.0], [1.0, 3.0]],), [[0.5, 0.5], [0.0, 1.0]]),
    ("amax is max", np.amax, ([3.0, 3.0],), [0.5, 0.5]),
    ("amin is min", np.amin, ([3.0, 3.0],), [0.5, 0.5]),
    ("maximum tie", lambda x, y: np.maximum(x, y), (2.0, 2.0), 0.5),
    ("maximum of x and x", lambda x: np.maximum(x, x), (2.0,), 1.0),
    ("minimum of x and x", lambda x: np.minimum(x, x), (2.0,), 1.0),
    ("max with a NaN", np.max, ([1.0, nan, 3.0],), [0.0, 1.0, 0.0]),
    ("maximum with a NaN", lambda x: np.maximum(x, np.array([1.0, nan])), ([nan, 1.0],), [1.0, 0.0]),
    ("fmax with a NaN", lambda x: np.fmax(x, np.array([1.0, nan])), ([nan, 1.0],), [0.0, 1.0]),
    ("clip between one bound and itself", lambda x: np.clip(x, 2.0, 2.0), ([1.0, 2.0, 3.0],), [0.0, 0.0, 0.0]),
    ("clip on its bounds", lambda x: np.clip(x, 1, 2), ([1.0, 1.5, 2.0, 2.5],), [1.0, 1.0, 1.0, 0.0]),
    ("sqrt at 0", np.sqrt, (0.0,), inf),
    ("log at 0", np.log, (0.0,), inf),
    ("x**½ at 0", lambda x: x**0.5, (0.0,), inf),
    ("arcsin at ±1", np.arcsin, ([-1.0, 1.0],), [inf, inf]),
    ("arccos at ±1", np.arccos, ([-1.0, 1.0],), [-inf, -inf]),
    ("cbrt at 0", np.cbrt, (0.0,), inf),
    ("x**0", lambda x: x**0, ([0.0, inf, -3.0, nan],), [0.0, 0.0, 0.0, 0.0]),
    ("x**0.0 as arrays", lambda x: x ** np.zeros(3), ([0.0, inf, -3.0],), [0.0, 0.0, 0.0]),
    ("x**1 at 0", lambda x: x**1, (0.0,), 1.0),
    ("x**2 at 0", lambda x: x**2, (0.0,), 0.0),
    ("d/dy 0**y", lambda y: np.zeros(3) ** y, ([0.0, 2.0, -1.0],), [0.0, 0.0, -inf]),
    ("d/dy 0**y, 0 a number", lambda y: 0**y, ([0.0, 2.0, -1.0],), [0.0, 0.0, -inf]),
    ("negative base, base", lambda x, y: x**y, (-2.0, 3.0), 12.0),
    ("0**∞", lambda x: x**inf, (0.0,), 0.0),
    ("∞**−∞", lambda x: x**-inf, (inf,), 0.0),
    ("d/dy ∞**y", lambda y: np.full(2, inf) ** y, ([-1.0, -inf],), [0.0, 0.0]),
    ("x**0.0 of a denormal x", lambda x: x ** np.zeros(1), ([1e-45],), [0.0]),
    ("d/dy of 1 % y at ±∞", lambda y: 1.0 % y, ([inf, -inf],), [0.0, 1.0]),
    ("d/dy of −1 % y at ±∞", lambda y: -1.0 % y, ([inf, -inf],), [1.0, 0.0]),
    ("hypot at (0, 0)", np.hypot, (0.0, 0.0), 0.0),
    ("hypot at (±∞, 1)", lambda x: np.hypot(x, 1.0), ([inf, -inf],), [1.0, -1.0]),
    ("hypot at (1, ∞)", np.hypot, (1.0, inf), 0.0),
    ("arctan2 at (0, 0)", np.arctan2, (0.0, 0.0), 0.0),
    ("arctan2 at (±∞, 1)", lambda x: np.arctan2(x, 1.0), ([inf, -inf],), [0.0, 0.0]),
    ("arctan2 at (±∞, ∞)", lambda x: np.arctan2(x, inf), ([inf, -inf],), [0.0, 0.0]),
    ("arctan2 in x, at (1, ±∞)", lambda x: np.arctan2(1.0, x), ([inf, -inf],), [0.0, 0.0]),
    ("floor", np.floor, ([1.5],), None),
    ("round toward ∞", np.ceil, ([1.5],), None),
    ("logsumexp of two thousands", F.logsumexp, ([1000.0, 1000.0],), [0.5, 0.5]),
    ("logsumexp of −inf and 0", F.logsumexp, ([-inf, 0.0],), [0.0, 1.0]),
    ("logsumexp of −inf alone", F.logsumexp, ([-inf, -inf],), [0.0, 0.0]),
    ("logaddexp of two thousands", np.logaddexp, (1000.0, 1000.0), 0.5),
    ("logaddexp of −inf and −inf", np.logaddexp, (-inf, -inf), 0.0),
    ("logaddexp of −inf and 0", np.logaddexp, (-inf, 0.0), 0.0),
    ("logaddexp of 0 and −inf", np.logaddexp, (0.0, -inf), 1.0),
    ("sigmoid at ±1000", F.sigmoid, ([-1000.0, 1000.0, -inf, inf],), [0.0, 0.0, 0.0, 0.0]),
    ("softplus at ±1000", F.softplus, ([-1000.0, 0.0, 1000.0, -inf],), [0.0, 0.5, 1.0, 0.0]),
    ("softmax at ±1000", lambda x: F.softmax(x)[0], ([1000.0, -1000.0, -inf],), [0.0, 0.0, 0.0]),
    ("repeated indices", lambda x: x[[0, 0, 1]], ([5.0, 6.0],), [2.0, 1.0]),
    ("negative indices", lambda x: x[[-1, 2]], ([5.0, 6.0, 7.0],), [0.0, 0.0, 2.0]),
    ("repeated indices in a tuple", lambda x: x[(0, 0, 1),], ([5.0, 6.0],), [2.0, 1.0]),
    ("√ behind a relu", lambda x: np.sqrt(F.relu(x)), ([-1.0, 4.0],), [0.0, 0.25]),
    ("√ behind a maximum", lambda x: np.sqrt(np.maximum(x, 0.0)), ([-1.0, 4.0],), [0.0, 0.25]),
    ("√ behind a clip", lambda x: np.sqrt(np.clip(x, 0.0, 9.0)), ([-1.0, 4.0],), [0.0, 0.25]),
    ("x to a boolean", lambda x: x ** np.array([True, False]), ([2.0, 3.0],), [1.0, 0.0]),
    ("where over an infinite slope", lambda x: np.where(x > 0, np.sqrt(x), 0.0), ([0.0, 4.0],), [nan, 0.25]),
]


@pytest.mark.parametrize(("f", "at", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_convention(f: Callable[..., Any], at: tuple[Any, ...], expected: Any) -> None:
    if expected is None:
        x = Value(at[0])
        (f(x) * x).sum().backward()  # only through the factor x
        assert same(x.grad, f(np.array(at[0])))
        return
    for dtype in (np.float64, np.float32):
        points = [np.asarray(x, dtype)[()] for x in at]
        got = slope(f, *points)
        assert np.shape(got) == np.shape(expected)
        assert same(np.float32(got), np.float32(expected)), got


# The same of the inputs after the first: which of them, and its slope.
BY_ANOTHER: list[tuple[str, Callable[..., Any], tuple[Any, ...], int, Any]] = [
    ("arctan2 at (0, 0)", np.arctan2, (0.0, 0.0), 1, 0.0),
    ("arctan2 beside it", np.arctan2, ([1.0, 0.0], [1.0, 2.0]), 1, [-0.5, 0.0]),
    ("arctan2 with an infinite input", np.arctan2, ([1.0, inf], [inf, 1.0]), 1, [0.0, 0.0]),
    ("hypot at (0, 0)", np.hypot, (0.0, 0.0), 1, 0.0),
    ("hypot with an infinite input", np.hypot, ([inf, 1.0], [1.0, -inf]), 1, [0.0, -1.0]),
    ("clip, its lower bound, on it", np.clip, ([0.0, 1.0, 2.0], 1.0, 3.0), 1, 1.0),
    ("clip, its upper bound, on it", np.clip, ([2.0, 3.0, 4.0], 1.0, 3.0), 2, 1.0),
    ("clip, each bound an array", np.clip, ([0.0, 1.0, 3.0, 4.0], [1.0] * 4, [3.0] * 4), 2, [0.0, 0.0, 0.0, 1.0]),
    ("clip, the lower of two equal bounds", np.clip, ([1.0, 2.0, 3.0], [2.0] * 3, [2.0] * 3), 1, [1.0, 0.0, 0.0]),
    ("clip, the upper of two equal bounds", np.clip, ([1.0, 2.0, 3.0], [2.0] * 3, [2.0] * 3), 2, [0.0, 0.0, 1.0]),
    ("clip, crossed bounds: the upper one", np.clip, ([1.0, 2.0, 3.0], [3.0] * 3, [1.0] * 3), 2, [1.0, 1.0, 1.0]),
    ("clip, crossed bounds: not the lower one", np.clip, ([1.0, 2.0, 3.0], [3.0] * 3, [1.0] * 3), 1, [0.0] * 3),
    ("maximum tie", np.maximum, (2.0, 2.0), 1, 0.5),
    ("minimum tie", np.minimum, (2.0, 2.0), 1, 0.5),
    ("fmax tie", np.fmax, (2.0, 2.0), 1, 0.5),
    ("fmin tie", np.fmin, (2.0, 2.0), 1, 0.5),
    ("maximum with a NaN", np.maximum, ([nan, 1.0], [1.0, nan]), 1, [0.0, 1.0]),
    ("minimum with a NaN", np.minimum, ([nan, 1.0], [1.0, nan]), 1, [0.0, 1.0]),
    ("fmax with a NaN", np.fmax, ([nan, 1.0], [1.0, nan]), 1, [1.0, 0.0]),
    ("fmin with a NaN", np.fmin, ([nan, 1.0], [1.0, nan]), 1, [1.0, 0.0]),
    ("logaddexp of nothing", np.logaddexp, (-inf, -inf), 1, 0.0),
    ("logaddexp2 of nothing", np.logaddexp2, (-inf, -inf), 1, 0.0),
    ("copysign's sign", lambda x, y: np.copysign(x, y) + y * 0, (2.0, 0.0), 1, 0.0),
    ("where, the other", lambda x, y: np.where(x > 1, x, y), ([0.0, 2.0], [5.0, inf]), 1, [1.0, 0.0]),
]


@pytest.mark.parametrize(("f", "at", "wrt", "expected"), [row[1:] for row in BY_ANOTHER],
                         ids=[row[0] for row in BY_ANOTHER])  # fmt: skip
def test_convention_by_another_input(f: Callable[..., Any], at: tuple[Any, ...], wrt: int, expected: Any) -> None:
    for dtype in (np.float64, np.float32):
        got = slope(f, *[np.asarray(x, dtype)[()] for x in at], wrt=wrt)
        assert np.shape(got) == np.shape(expected)
        assert same(np.float32(got), np.float32(expected)), got


def test_a_power_of_a_denormal_number_does_not_overflow_on_its_way() -> None:
    """y · x**(y − 1) would: its second factor is 5e309, and the product 4.9e306, as mpmath has it."""
    assert slope(lambda x: x**1e-3, 1e-310) == pytest.approx(4.8977881936844617e306, rel=1e-12)
    assert slope(lambda x: x ** np.array([1e-3]), [1e-310]) == pytest.approx([4.8977881936844617e306], rel=1e-12)


def test_the_page_in_the_documentation_has_what_the_rows_state() -> None:
    pytest.importorskip("scipy.special", reason="the rows of SciPy are on the page")
    page = (Path(__file__).parent.parent / "docs" / "conventions.md").read_text()
    assert page.endswith(f"\n{section()}"), (
        "python -m microgradnet.testing.conventions docs/conventions.md writes it anew"
    )


def test_the_table_is_written_in_the_place_of_the_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Über ∞.\n{section()}more", encoding="utf-8")
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: path.read_bytes().decode(encoding))
    monkeypatch.setattr(Path, "write_text", lambda path, text, encoding: path.write_bytes(text.encode(encoding)))
    main(str(page))
    assert page.read_bytes() == f"Über ∞.\n{section()}".encode()


def test_the_exponents_slope_of_a_negative_base_is_nan() -> None:
    assert np.isnan(slope(lambda x, y: x**y, -2.0, 3.0, wrt=1))


def test_an_exponents_slope_is_not_computed_unless_asked_for() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Value([-2.0, 0.0, 3.0])
        (x**3).sum().backward()
    assert x.grad.tolist() == [12.0, 0.0, 27.0]


@pytest.mark.parametrize(
    "f",
    [F.sigmoid, F.softplus, F.softmax, F.log_softmax, F.logsumexp],
    ids=lambda f: f.__name__ if hasattr(f, "__name__") else f.name,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_are_exact_and_without_a_warning(f: Callable[..., Any], dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Value(np.array([-1000.0, 0.0, 1000.0], dtype))
        out = f(x)
        out.sum().backward()
    expected = {
        "sigmoid": [0.0, 0.5, 1.0],
        "softplus": [0.0, np.log(2), 1000.0],
        "softmax": [0.0, 0.0, 1.0],
        "log_softmax": [-2000.0, -1000.0, 0.0],
        "logsumexp": 1000.0,
    }[getattr(f, "name", None) or f.__name__]
    np.testing.assert_allclose(out.data, np.asarray(expected, dtype), rtol=2e-7 if dtype is np.float32 else 1e-15)
    assert np.isfinite(x.grad).all()
    assert x.grad.dtype == dtype


def test_sigmoid_is_precise_in_its_tails() -> None:
    x = np.array([-700.0, -40.0, -1.0, 1.0, 40.0])
    np.testing.assert_allclose(F.sigmoid(x), np.exp(-np.logaddexp(0, -x)), rtol=1e-13)


def test_expm1_keeps_its_precision_far_below_zero() -> None:
    assert slope(np.expm1, -50.0) == pytest.approx(np.exp(-50.0), rel=1e-15)


def test_ties_are_counted_exactly_in_float16() -> None:
    x = Value(np.ones(70_000, np.float16))
    x.max().backward()
    assert x.grad.dtype == np.float16
    assert np.all(x.grad == np.float16(1 / 70_000))


def test_an_index_out_of_range_is_an_index_error() -> None:
    for index in (3, [0, 5], (0, 0), np.array([7])):
        with pytest.raises(IndexError):
            Value([1.0, 2.0])[index]
    with pytest.raises(IndexError, match="integers or booleans"):
        Value([1.0, 2.0])[Value([0.0])]
    with pytest.raises(IndexError, match="integers or booleans"):
        Value([1.0, 2.0])[np.array([0.5])]


def test_an_infinite_gradient_does_not_pass_what_it_did_not_come_from() -> None:
    assert same(slope(lambda x: x[[0]] * inf, [1.0, 2.0]), [inf, 0.0])
