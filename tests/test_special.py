"""SciPy's special functions on a Value: the laws of every row, tails, limits, refusals, and the peers."""

from __future__ import annotations

import functools
import inspect
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, functional, grad
from microgradnet.core import TABLE, NonDiff, Op
from microgradnet.gradcheck import numerical_grad
from tests.cases import ROWS as ROWS_OF_NUMPY
from tests.laws import test_laws as laws

scipy_special = pytest.importorskip("scipy.special", reason="SciPy is optional")
special = pytest.importorskip("microgradnet.ops.special")

inf, nan = np.inf, np.nan
ROWS: dict[Any, Op] = special.rows()
CONSTANTS = {  # for each row with orders: some values of them
    "jv": [(0.0,), (1.0,), (1.5,)],
    "yv": [(0.0,), (1.5,)],
    "yn": [(0,), (2,)],
    "iv": [(0.0,), (1.0,), (1.5,)],
    "kv": [(0.0,), (1.5,)],
    "kn": [(0,), (2,)],
    "ive": [(1.5,)],
    "kve": [(0.0,), (1.5,)],
    "gammainc": [(0.5,), (1.0,), (3.0,)],
    "gammaincc": [(0.5,), (3.0,)],
    "gammaincinv": [(2.5,)],
    "gammainccinv": [(2.5,)],
    "betainc": [(0.5, 2.0), (3.0, 1.0)],
    "betaincc": [(0.5, 2.0)],
    "betaincinv": [(1.5, 2.5)],
    "hyp1f1": [(1.0, 2.0), (0.5, 3.5)],
}


@pytest.mark.parametrize("kind", ["b", "B", "h", "H", "i", "q", "?"])
@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.arity > 1], ids=lambda row: row.name)
def test_orders_of_small_integers_have_the_slopes_of_the_same_numbers_in_float64(row: Op, kind: str) -> None:
    """One less than 0 in uint8 is 255, one more than 127 in int8 is −128."""
    largest = 1 if kind == "?" else min(int(np.iinfo(kind).max), 255)
    compared = 0
    for order in {0, 1, 3 if largest > 1 else 1, largest}:
        constants = [np.array([order])] * (row.arity - 1)
        for place in [i for i, rule in enumerate(row.rules) if rule is not None]:
            found = []
            for dtype in (kind, np.float64):
                x = Value([0.4])
                inputs: list[Any] = [c.astype(dtype) for c in constants]
                inputs.insert(place, x)
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    row(*inputs).sum().backward()
                found.append(x.grad)
            np.testing.assert_allclose(*found, rtol=1e-12)
            compared += bool(np.isfinite(found[1]).all())
    assert compared


def with_constants(row: Op, constants: tuple[float, ...]) -> Op:
    """`row` with its orders given: what is left is a row all of whose inputs flow, as the laws want it."""

    def given(rule: Any) -> Any:
        return lambda g, out, *x: rule(g, out, *map(x[0].dtype.type, constants), *x)  # as `record` has them

    key = functools.partial(row.key, *constants)
    key.__name__ = f"{row.name}{constants}"  # type: ignore[attr-defined]
    count = len(constants)
    rules = tuple(map(given, row.rules[count:]))
    forward = functools.partial(row.forward, *constants)
    return Op(key, rules, forward, domain=row.domain[count:], elementwise=True)


SMOOTH = [
    bound
    for row in ROWS.values()
    if any(row.rules)
    for bound in ([with_constants(row, c) for c in CONSTANTS[row.name]] if None in row.rules else [row])
]
OF_A_ROW = [
    law for name, law in vars(laws).items() if name[:5] == "test_" and "row" in inspect.signature(law).parameters
]
OF_SHAPES = [laws.test_scalars_and_empty_arrays_work]
OF_NO_SLOPE = [laws.test_nothing_flows_through_what_has_no_slope]
AT_SPECIAL_POINTS = laws.test_at_special_points_the_gradient_is_finite_or_stated
USED_TWICE = laws.test_an_operand_used_twice_gets_both_gradients  # of rows of two inputs of one domain
NOT_HERE = [*OF_SHAPES, *OF_NO_SLOPE, AT_SPECIAL_POINTS, laws.test_a_unary_rule_needs_no_fitting, USED_TWICE]
OF_SMOOTH = [law for law in OF_A_ROW if law not in NOT_HERE]

every_row = pytest.mark.parametrize("row", [*SMOOTH, special.polygamma], ids=lambda row: row.name)


FEW = [
    laws.test_the_result_is_numpys, laws.test_the_gradient_is_the_slope,
    laws.test_the_second_derivative_is_the_slope_of_the_first, laws.test_float32_stays_float32_even_inside_a_rule,
]  # fmt: skip


@every_row
def test_a_row_of_scipys_obeys_the_first_of_the_laws(row: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(laws.REFERENCE, "polygamma", lambda x, n: scipy_special.polygamma(n, x))
    for law in FEW:
        law(row, 0.05)


@every_row
@pytest.mark.parametrize("law", OF_SMOOTH, ids=lambda law: law.__name__)
@pytest.mark.slow
def test_a_row_of_scipys_obeys(law: Callable[[Op, float], None], row: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(laws.REFERENCE, "polygamma", lambda x, n: scipy_special.polygamma(n, x))
    law(row, 1.0)


@pytest.mark.parametrize(
    "row", [row for row in SMOOTH if len(row.rules) == 2 and row.domain[0] is row.domain[1]], ids=lambda row: row.name
)
@pytest.mark.slow
def test_an_operand_used_twice_gets_both_gradients(row: Op) -> None:
    USED_TWICE(row, 1.0)


@pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)
def test_scalars_and_empty_arrays_work(row: Op) -> None:
    for law in OF_SHAPES:
        law(row)


@pytest.mark.parametrize(
    "row", [*[row for row in ROWS.values() if any(row.rules)], special.polygamma], ids=lambda row: row.name
)
def test_at_special_points_the_gradient_is_finite_or_stated(row: Op, share: float) -> None:
    """Here a row has its orders, 0, 1 and −1, and states what it does of them."""
    AT_SPECIAL_POINTS(row, share)


def test_gammasgn_has_no_slope() -> None:
    for law in [*OF_NO_SLOPE, laws.test_the_result_is_numpys]:
        law(special.gammasgn, 1.0)


def test_the_laws_were_tried_and_their_own_list_is_untouched() -> None:
    assert len(SMOOTH) > 70
    assert len(OF_SMOOTH) >= 8
    assert OF_SHAPES[0] in OF_A_ROW
    assert {row.name for row in ROWS.values() if None in row.rules} - {"gammasgn"} == CONSTANTS.keys()
    assert not set(ROWS.values()) & set(ROWS_OF_NUMPY)


# ---------------------------------------------------------------------------------------------------- tails and limits


def slope(f: Callable[..., Any], *at: Any, wrt: int = 0, order: int = 1) -> float:
    """The slope of f at a point in one input, of the first or second order."""
    x = [Value(a) if i == wrt else a for i, a in enumerate(at)]
    with np.errstate(all="ignore"):
        out = f(*x)
        for _ in range(order):
            x[wrt].grad = None
            out.backward(create_graph=True)
            out = x[wrt].grad
    return float(out.data)


LOG = math.log(2.5)
TAILS: list[tuple[str, Callable[..., Any], tuple[float, ...], int, int, float]] = [
    # name, function, point, the input, the order of the slope, the slope: from mpmath where it is no formula
    ("erf at 30", scipy_special.erf, (30.0,), 0, 1, 0.0),
    ("erf at 5", scipy_special.erf, (5.0,), 0, 1, 2 / math.sqrt(math.pi) * math.exp(-25)),
    ("erf at ∞", scipy_special.erf, (inf,), 0, 1, 0.0),
    ("erfc at 20", scipy_special.erfc, (20.0,), 0, 1, -2 / math.sqrt(math.pi) * math.exp(-400)),
    ("erfcx at 30", scipy_special.erfcx, (30.0,), 0, 1, -0.000625835410507484069),
    ("erfcx at 49.9", scipy_special.erfcx, (49.9,), 0, 1, -0.000226444894770011449),
    ("erfcx at 50.1", scipy_special.erfcx, (50.1,), 0, 1, -0.000224641636946849263),
    ("erfcx at 1e6", scipy_special.erfcx, (1e6,), 0, 1, -5.64189583546910003e-13),
    ("erfcx at ∞", scipy_special.erfcx, (inf,), 0, 1, 0.0),
    ("erfcx at 50.1, twice", scipy_special.erfcx, (50.1,), 0, 2, 8.96237829627592731e-6),
    ("erfcx at 1e6, twice", scipy_special.erfcx, (1e6,), 0, 2, 1.12837916709212744e-18),
    ("erfinv at 1", scipy_special.erfinv, (1.0,), 0, 1, inf),
    ("ndtri at 0", scipy_special.ndtri, (0.0,), 0, 1, inf),
    ("log_ndtr at −1e4", scipy_special.log_ndtr, (-1e4,), 0, 1, 10000.000099999998),
    ("log_ndtr at −40", scipy_special.log_ndtr, (-40.0,), 0, 1, 40.0249688472072637),
    ("log_ndtr at 5", scipy_special.log_ndtr, (5.0,), 0, 1, 1.48671994090490571e-6),
    ("log_ndtr at 1000", scipy_special.log_ndtr, (1000.0,), 0, 1, 0.0),
    ("log_ndtr at −1e4, twice", scipy_special.log_ndtr, (-1e4,), 0, 2, -0.9999999900000006),
    ("log_ndtr at −40, twice", scipy_special.log_ndtr, (-40.0,), 0, 2, -0.999377331621408611),
    ("log_ndtr at 0, twice", scipy_special.log_ndtr, (0.0,), 0, 2, -0.636619772367581343),
    ("log_ndtr at 5, twice", scipy_special.log_ndtr, (5.0,), 0, 2, -7.43360191486071125e-6),
    ("log_ndtr at 1000, twice", scipy_special.log_ndtr, (1000.0,), 0, 2, 0.0),
    ("ndtri_exp at −800", scipy_special.ndtri_exp, (-804.6084420137538,), 0, 1, 1 / 40.0249688472072637),
    ("expit at 40", scipy_special.expit, (40.0,), 0, 1, 4.24835425529158896e-18),
    ("expit at −700", scipy_special.expit, (-700.0,), 0, 1, 9.85967654375977086e-305),
    ("expit at 1000", scipy_special.expit, (1000.0,), 0, 1, 0.0),
    ("expit at −1000", scipy_special.expit, (-1000.0,), 0, 1, 0.0),
    ("expit at 40, twice", scipy_special.expit, (40.0,), 0, 2, -4.24835425529158896e-18),
    ("log_expit at −1000", scipy_special.log_expit, (-1000.0,), 0, 1, 1.0),
    ("log_expit at 1000", scipy_special.log_expit, (1000.0,), 0, 1, 0.0),
    ("logit at 0", scipy_special.logit, (0.0,), 0, 1, inf),
    ("gammaln near a pole", scipy_special.gammaln, (1e-8,), 0, 1, -100000000.577215646),
    ("gammaln near another", scipy_special.gammaln, (-2 + 2**-20,), 0, 1, -1048575.07721290408),
    ("gammaln far out", scipy_special.gammaln, (1e8,), 0, 1, 18.4206807389523655),
    ("gammaln far out, twice", scipy_special.gammaln, (1e8,), 0, 2, 1.00000000500000002e-8),
    ("gammaln near a pole, twice", scipy_special.gammaln, (-2 + 2**-20,), 0, 2, 1099511627778.89493),
    ("gammaln below 0, twice", scipy_special.gammaln, (-0.5,), 0, 2, 8.93480220054467931),
    ("loggamma", scipy_special.loggamma, (0.5,), 0, 1, -1.96351002602142348),
    ("xlogy at (0, 0), x", scipy_special.xlogy, (0.0, 0.0), 0, 1, 0.0),
    ("xlogy at (0, 0), y", scipy_special.xlogy, (0.0, 0.0), 1, 1, 0.0),
    ("xlogy at (0, 0), y twice", scipy_special.xlogy, (0.0, 0.0), 1, 2, 0.0),
    ("xlogy at (0, −1), x", scipy_special.xlogy, (0.0, -1.0), 0, 1, 0.0),
    ("xlogy at (0, 2), x", scipy_special.xlogy, (0.0, 2.0), 0, 1, math.log(2)),
    ("xlogy at (1, 0), y", scipy_special.xlogy, (1.0, 0.0), 1, 1, inf),
    ("xlog1py at (0, −1), x", scipy_special.xlog1py, (0.0, -1.0), 0, 1, 0.0),
    ("xlog1py at (0, −1), y", scipy_special.xlog1py, (0.0, -1.0), 1, 1, 0.0),
    ("entr at 0", scipy_special.entr, (0.0,), 0, 1, inf),
    ("rel_entr at (0, 0), x", scipy_special.rel_entr, (0.0, 0.0), 0, 1, 0.0),
    ("rel_entr at (0, 0), y", scipy_special.rel_entr, (0.0, 0.0), 1, 1, 0.0),
    ("rel_entr at (0, 1), x", scipy_special.rel_entr, (0.0, 1.0), 0, 1, -inf),
    ("rel_entr at (1e-300, 1e300)", scipy_special.rel_entr, (1e-300, 1e300), 0, 1, 1 - 600 * math.log(10)),
    ("kl_div at (0, 0), x", scipy_special.kl_div, (0.0, 0.0), 0, 1, 0.0),
    ("kl_div at (0, 0), y", scipy_special.kl_div, (0.0, 0.0), 1, 1, 1.0),
    ("exprel at 0", scipy_special.exprel, (0.0,), 0, 1, 1 / 2),
    ("exprel at 0, twice", scipy_special.exprel, (0.0,), 0, 2, 1 / 3),
    ("boxcox, λ near 0", scipy_special.boxcox, (2.5, 1e-9), 1, 1, 0.419794352915673148),
    ("boxcox, λ = 1e-3", scipy_special.boxcox, (2.5, 1e-3), 1, 1, 0.420050876577510643),
    ("boxcox, λ = −2", scipy_special.boxcox, (2.5, -2.0), 1, 1, 0.136696741450067595),
    ("boxcox, λ = 0, twice", scipy_special.boxcox, (2.5, 0.0), 1, 2, LOG**3 / 3),
    ("inv_boxcox, λ = 0", scipy_special.inv_boxcox, (LOG, 0.0), 1, 1, -2.5 * LOG**2 / 2),
    ("pseudo_huber at (0, −3), δ", scipy_special.pseudo_huber, (0.0, -3.0), 0, 1, 3.0),
    ("pseudo_huber at (0, 0), r", scipy_special.pseudo_huber, (0.0, 0.0), 1, 1, 0.0),
    ("pseudo_huber at (1, 0), r", scipy_special.pseudo_huber, (1.0, 0.0), 1, 1, 0.0),
    ("pseudo_huber, a tiny r", scipy_special.pseudo_huber, (1.0, 1e-3), 0, 1, 2.499997500002343956e-13),
    ("huber beyond, r", scipy_special.huber, (1.5, -4.0), 1, 1, -1.5),
    ("huber beyond, δ", scipy_special.huber, (1.5, -4.0), 0, 1, 2.5),
    ("huber within, δ", scipy_special.huber, (1.5, 1.0), 0, 1, 0.0),
    ("gammainc at 0, a < 1", scipy_special.gammainc, (0.5, 0.0), 1, 1, inf),
    ("gammainc at 0, a = 1", scipy_special.gammainc, (1.0, 0.0), 1, 1, 1.0),
    ("gammainc at 0, a > 1", scipy_special.gammainc, (2.0, 0.0), 1, 1, 0.0),
    ("j1 at 0", scipy_special.j1, (0.0,), 0, 1, 0.5),
    ("j0 at 0, twice", scipy_special.j0, (0.0,), 0, 2, -0.5),
    ("jv of order 0 at 0, twice", scipy_special.jv, (0, 0.0), 1, 2, -0.5),
    ("i1 at 0", scipy_special.i1, (0.0,), 0, 1, 0.5),
    ("i0e at 0", scipy_special.i0e, (0.0,), 0, 1, 0.0),
    ("i0e at −800", scipy_special.i0e, (-800.0,), 0, 1, 8.81959934218733102e-6),
    # where rules divided 0 by 0 or took ∞ from ∞
    ("boxcox at 0, λ = 1", scipy_special.boxcox, (0.0, 1.0), 1, 1, 1.0),
    ("boxcox at 0, λ = ½", scipy_special.boxcox, (0.0, 0.5), 1, 1, 4.0),
    ("boxcox at ∞, λ = −1", scipy_special.boxcox, (inf, -1.0), 1, 1, 1.0),
    ("boxcox at ∞, λ = 0", scipy_special.boxcox, (inf, 0.0), 1, 1, inf),
    ("boxcox1p at −1, λ = 1, x", scipy_special.boxcox1p, (-1.0, 1.0), 0, 1, 1.0),
    ("boxcox1p at −1, λ = 1", scipy_special.boxcox1p, (-1.0, 1.0), 1, 1, 1.0),
    ("boxcox1p at ∞, λ = 1, x", scipy_special.boxcox1p, (inf, 1.0), 0, 1, 1.0),
    ("boxcox1p, λ = −∞", scipy_special.boxcox1p, (1.0, -inf), 1, 1, 0.0),
    ("inv_boxcox at 1e200, λ = 2", scipy_special.inv_boxcox, (1e200, 2.0), 1, 1, -1.62708864496788545e102),
    ("inv_boxcox near its pole", scipy_special.inv_boxcox, (2.0, -0.49), 1, 1, -550749.755364419623),
    ("inv_boxcox far out", scipy_special.inv_boxcox, (-1e10, -1.0), 1, 1, -2.20258509279378717e-9),
    ("inv_boxcox at its end", scipy_special.inv_boxcox, (-1.0, 1.0), 1, 1, -1.0),
    ("inv_boxcox at −∞", scipy_special.inv_boxcox, (-inf, 0.0), 1, 1, 0.0),
    ("inv_boxcox1p at its end, y", scipy_special.inv_boxcox1p, (-1.0, 1.0), 0, 1, 1.0),
    ("inv_boxcox1p at its end", scipy_special.inv_boxcox1p, (-1.0, 1.0), 1, 1, -1.0),
    ("inv_boxcox1p, a small y", scipy_special.inv_boxcox1p, (1e-5, 0.5), 1, 1, -5.00001666664583419e-11),
    ("exprel at −∞", scipy_special.exprel, (-inf,), 0, 1, 0.0),
    ("exprel at −∞, twice", scipy_special.exprel, (-inf,), 0, 2, 0.0),
    ("hyp1f1, of degree 2, far out", scipy_special.hyp1f1, (-2.0, 1.0, 1e7), 2, 1, 1e7 - 2),
    ("exprel at ∞", scipy_special.exprel, (inf,), 0, 1, inf),
    ("expi at ∞", scipy_special.expi, (inf,), 0, 1, inf),
    ("hyp1f1, of degree 1", scipy_special.hyp1f1, (-1.0, -1.0, 2.0), 2, 1, 1.0),
    ("hyp1f1, a constant", scipy_special.hyp1f1, (0.0, 1.0, inf), 2, 1, 0.0),
    ("beta at poles", scipy_special.beta, (2.0, -3.0), 1, 1, 5 / 36),
    ("beta between poles", scipy_special.beta, (2.0, -3.5), 0, 1, -0.032042549205345834),
    ("beta at ∞, a", scipy_special.beta, (1.0, inf), 0, 1, 0.0),
    ("beta at ∞, b", scipy_special.beta, (1.0, inf), 1, 1, 0.0),
    ("betaln at poles", scipy_special.betaln, (1.0, -1.0), 1, 1, 1.0),
    ("betaln at ∞", scipy_special.betaln, (1.0, inf), 1, 1, 0.0),
    ("pseudo_huber at ∞", scipy_special.pseudo_huber, (1.5, inf), 1, 1, 1.5),
    ("pseudo_huber at −∞", scipy_special.pseudo_huber, (1.5, -inf), 1, 1, -1.5),
    ("i1 of a denormal", scipy_special.i1, (1e-310,), 0, 1, 0.5),
    ("i1 beyond its overflow", scipy_special.i1, (-1e308,), 0, 1, inf),
    ("i1e at 2e6", scipy_special.i1e, (2e6,), 0, 1, -7.0523658273879112e-11),
    ("i1e at −2e9", scipy_special.i1e, (-2e9,), 0, 1, -2.2301551439365016e-15),
    ("i1e at 1e12", scipy_special.i1e, (1e12,), 0, 1, -1.9947114020049193e-19),
    ("i1e at ∞", scipy_special.i1e, (inf,), 0, 1, 0.0),
    ("i1e at 1e7, twice", scipy_special.i1e, (1e7,), 0, 2, 9.46174518349791628e-19),
    ("y1 at 0", scipy_special.y1, (0.0,), 0, 1, inf),
    ("yv of order 1 at 0", scipy_special.yv, (1.0, 0.0), 1, 1, inf),
    ("yv of order −1 at 0", scipy_special.yv, (-1.0, 0.0), 1, 1, -inf),
    ("k0e at 0", scipy_special.k0e, (0.0,), 0, 1, -inf),
    ("k1e at 0", scipy_special.k1e, (0.0,), 0, 1, -inf),
    ("kve of order 1 at 0", scipy_special.kve, (1.0, 0.0), 1, 1, -inf),
]


@pytest.mark.parametrize(("f", "at", "wrt", "order", "expected"), [row[1:] for row in TAILS], ids=[r[0] for r in TAILS])
def test_tails_and_limits(f: Callable[..., Any], at: tuple[float, ...], wrt: int, order: int, expected: float) -> None:
    got = slope(f, *at, wrt=wrt, order=order)
    assert got == expected or got == pytest.approx(expected, rel=4e-12 if order == 1 else 1e-8, abs=0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_come_without_a_warning(dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (scipy_special.expit, scipy_special.log_expit, scipy_special.log_ndtr, scipy_special.erf):
            x = Value(np.array([-1000.0, -40.0, 0.0, 40.0, 1000.0], dtype))
            f(x).sum().backward()
            assert np.isfinite(x.grad).all()
            assert x.grad.dtype == dtype


def test_the_order_may_be_an_array_and_the_shapes_broadcast() -> None:
    v = np.arange(3.0)[:, None]
    x = Value([0.5, 2.0])
    out = scipy_special.jv(v, x)
    assert out.shape == (3, 2)
    c = np.random.default_rng(0).normal(size=(3, 2))
    out.backward(c)
    assert x.grad.shape == (2,)
    np.testing.assert_allclose(x.grad, numerical_grad(lambda y: (scipy_special.jv(v, y) * c).sum(), x.data), rtol=1e-8)


def test_a_polynomial_of_hyp1f1_goes_on_where_all_others_have_overflowed() -> None:
    x = np.array([1e7, -1e7, 2.0])
    np.testing.assert_allclose(special.hyp1f1(-2.0, 1.0, x), 1 - 2 * x + x * x / 2, rtol=1e-12)
    np.testing.assert_array_equal(special.hyp1f1(0.5, 1.0, np.array([1e7, inf])), [inf, inf])


def test_python_numbers_are_weak() -> None:
    """SciPy makes float64 of kn(2, x), gammainc(2.0, x) and xlogy(x, 2.0) of a float32 x."""
    x = Value(np.array([0.5, 1.5], np.float32))
    for f in (
        lambda x: scipy_special.kn(2, x),
        lambda x: scipy_special.gammainc(2.0, x),
        lambda x: scipy_special.xlogy(x, 2.0),
        lambda x: scipy_special.xlogy(True, x),
        lambda x: scipy_special.boxcox(x, 2),
        lambda x: scipy_special.gammainc(np.float32(2.0), x),
    ):
        out = f(x)
        assert out.dtype == np.float32
        x.grad = None
        out.sum().backward()
        assert x.grad.dtype == np.float32
    assert scipy_special.gammainc(np.array([2.0, 2.0]), x).dtype == np.float64  # an array's dtype is not weak
    assert scipy_special.xlogy([1, 2], x).dtype == np.float64


def test_polygamma_is_scipys_and_the_slopes_of_digamma() -> None:
    x = np.array([0.1, 1.0, 2.5, 30.0])
    for n in (*range(5), 21, 40, 100, 171):  # 21! is no int64, 171! no float64
        np.testing.assert_allclose(special.polygamma(x, n=n), scipy_special.polygamma(n, x), rtol=1e-14)
    assert special.polygamma(2.5, n=1) == pytest.approx(float(scipy_special.polygamma(1, 2.5)))
    v = Value(2.0)
    out = scipy_special.gammaln(v)
    for n in range(4):
        v.grad = None
        out.backward(create_graph=True)
        out = v.grad
        assert float(out.data) == pytest.approx(float(scipy_special.polygamma(n, 2.0)), rel=1e-13, abs=0)
    for n in (-1, 0.5, "two", Value(1.0)):
        with pytest.raises((ValueError, TypeError), match="polygamma"):
            special.polygamma(Value(2.0), n=n)
        with pytest.raises((ValueError, TypeError)):
            special.polygamma(2.0, n=n)


def test_a_row_takes_arrays_too() -> None:
    x = np.array([0.25, 0.5])
    for row in ROWS.values():
        if len(row.rules) == 1:
            np.testing.assert_array_equal(row(x), row.key(x))
            assert isinstance(row(Value(x)), Value)


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_value_as_an_order_is_refused(name: str) -> None:
    f = getattr(scipy_special, name)
    count = f.nin
    for i in range(count - 1):
        inputs: list[Any] = [1.0] * (count - 1) + [0.5]
        inputs[i] = Value(1.0, name="order")
        with pytest.raises(TypeError, match=rf"scipy.special.{name} has no rule for its argument {i}.*'order'.*\.data"):
            f(*inputs)
    nondiff = np.floor(Value(1.5))
    assert isinstance(nondiff, NonDiff)
    if count == 2:  # what nothing flows to can be a constant
        x = Value(0.5)
        f(nondiff, x).backward()
        assert x.grad == pytest.approx(slope(f, 1.0, 0.5, wrt=1), rel=1e-12)


def test_the_slopes_of_rgamma_where_gamma_has_its_poles_are_factorials() -> None:
    for n in range(20):
        x = Value(-float(n))
        scipy_special.rgamma(x).backward()
        assert x.grad == pytest.approx((-1) ** n * math.factorial(n), rel=1e-13, abs=0)
    for at, second in {0.0: 1.1544313298030657, -2.0: -3.6911373403938685, -20.3: -2.0581245774994952e19,
                       0.5: -0.6090034884161106, 170.0: 6.170033907373066e-304}.items():  # fmt: skip
        got = grad(grad(lambda t: scipy_special.rgamma(t)))(at)
        assert got == pytest.approx(second, rel=1e-13, abs=0)  # mpmath, 40 digits


def test_every_other_ufunc_is_refused_with_a_reason() -> None:
    refused = 0
    for name in scipy_special.__all__:
        f = getattr(scipy_special, name)
        if isinstance(f, np.ufunc) and f not in TABLE and "D->D" not in f.types[:1]:
            with pytest.raises(TypeError, match=rf"{f.__name__} of a Value: it is SciPy's.*\.data"):
                f(*[Value(0.5)] * f.nin)
            refused += 1
    assert refused > 100
    with pytest.raises(TypeError, match="several results"):
        scipy_special.sici(Value(1.0))


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_what_scipy_writes_in_python_is_refused_and_functional_has_it(name: str) -> None:
    x = np.array([0.5, -1.0, 2.0])
    with pytest.raises(TypeError, match="does not become a plain array"):
        getattr(scipy_special, name)(Value(x))
    np.testing.assert_allclose(getattr(functional, name)(Value(x)).data, getattr(scipy_special, name)(x), rtol=1e-14)


@pytest.mark.parametrize("name", ["polygamma", "multigammaln", "factorial", "comb", "spherical_jn"])
def test_other_python_functions_of_scipys_do_not_detach(name: str) -> None:
    v = Value([2.0])
    arguments: dict[str, Any] = {"multigammaln": (v, 1), "comb": (v, 1), "factorial": (v,)}
    with pytest.raises(TypeError, match=r"does not become a plain array|\._?spherical_jn of a Value: it has no rule"):
        getattr(scipy_special, name)(*arguments.get(name, (1, v)))


def test_scipys_softplus_is_recorded() -> None:
    if hasattr(scipy_special, "softplus"):  # since SciPy 1.17, which writes it with np.logaddexp
        x = Value([-1000.0, 0.0, 1000.0])
        scipy_special.softplus(x).sum().backward()
        assert x.grad.tolist() == [0.0, 0.5, 1.0]


def in_another_process(code: str, **environment: str) -> str:
    import os

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_scipy_is_imported_only_by_who_wants_it() -> None:
    start = "import sys, numpy as np; from microgradnet import Value; v = Value(0.5); "
    assert in_another_process(start + "np.exp(v); print('scipy' in sys.modules)") == "False"
    late = "import scipy.special as s; own = 'microgradnet.ops.special'; before = own in sys.modules; y = s.erf(v); "
    assert in_another_process(start + late + "y.backward(); print(before, own in sys.modules)") == "False True"


def test_with_scipys_array_api_the_rows_of_ours_still_work() -> None:
    """SCIPY_ARRAY_API=1 puts a Python function before each ufunc: no Value gets to it, and the error says so."""
    code = """
from microgradnet import Value
from microgradnet.ops import special
import scipy.special
x = Value([0.5, 1.0])
special.xlogy(special.expit(x), 2.0).sum().backward()
assert x.grad is not None and len(special.rows()) > 60, len(special.rows())
try:
    scipy.special.expit(x)
except RuntimeError as error:
    print(error)
"""
    said = in_another_process(code, SCIPY_ARRAY_API="1")
    assert "SCIPY_ARRAY_API=1" in said
    assert "microgradnet.ops.special.erf(v)" in said


# ----------------------------------------------------------------------------------------------------------- the peers

POINTS = {
    "erf": 1, "erfc": 1, "erfinv": 1, "ndtr": 1, "log_ndtr": 1, "ndtri": 1, "expit": 1, "logit": 1, "entr": 1,
    "gammaln": 1, "digamma": 1, "i0": 1, "i0e": 1, "i1": 1, "i1e": 1, "xlogy": 2, "xlog1py": 2,
}  # fmt: skip
OF_JAX = {
    **POINTS, "rel_entr": 2, "kl_div": 2, "betaln": 2, "beta": 2, "gamma": 1, "exp1": 1, "expi": 1, "gammainc": -2,
    "gammaincc": -2, "betainc": -3,
}  # fmt: skip
OF_TORCH = {**POINTS, "erfcx": 1, "gammaincc": -2, "gammainc": -2}


def compare(name: str, count: int, peer: Callable[[list[np.ndarray], np.ndarray, int], Any]) -> int:
    rng = np.random.default_rng(len(name))
    constants = abs(count) - 1 if count < -1 else 0
    for dtype in (np.float64, np.float32):
        x = [rng.uniform(0.1, 0.9, size=(7,)).astype(dtype) for _ in range(abs(count))]
        c = rng.normal(size=(7,)).astype(dtype)
        for i in range(constants, abs(count)):
            v = Value(x[i])
            getattr(scipy_special, name)(*x[:i], v, *x[i + 1 :]).backward(c)
            expected = np.asarray(peer(x, c, i))
            assert v.grad.shape == expected.shape
            assert v.grad.dtype == expected.dtype == dtype
            np.testing.assert_allclose(v.grad, expected, rtol=3e-4 if dtype == np.float32 else 1e-8)
    return 2 * (abs(count) - constants)


def test_gradients_are_jaxs() -> None:
    jax = pytest.importorskip("jax")
    import jax.scipy.special as theirs

    checked = 0
    with jax.experimental.enable_x64() if hasattr(jax.experimental, "enable_x64") else jax.enable_x64(True):
        for name, count in OF_JAX.items():

            def peer(x: Any, c: Any, i: int, name: str = name) -> Any:
                return jax.vjp(lambda y: getattr(theirs, name)(*x[:i], y, *x[i + 1 :]), x[i])[1](c)[0]

            checked += compare(name, count, peer)
    assert checked > 60


def test_gradients_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    checked = 0
    for name, count in OF_TORCH.items():

        def peer(x: Any, c: Any, i: int, name: str = name) -> Any:
            inputs = [torch.tensor(a, requires_grad=j == i) for j, a in enumerate(x)]
            getattr(torch.special, name)(*inputs).backward(torch.tensor(c))
            return inputs[i].grad.numpy()

        checked += compare(name, count, peer)
    assert checked > 35


@pytest.mark.parametrize("n", [1, np.int64(1), np.uint8(1)])
def test_the_order_of_polygamma_widens_nothing(n: Any) -> None:
    x = Value(np.array([0.5, 2.0], np.float32))
    y = special.polygamma(x, n=n)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32
    np.testing.assert_allclose(y.data, scipy_special.polygamma(1, x.data.astype(float)), rtol=1e-5)


def test_the_slope_of_erfcx_far_out_has_all_digits() -> None:
    """As mpmath has it; the series' last term is 3e-12 of it."""
    assert float(grad(scipy_special.erfcx)(50.1)) == pytest.approx(-0.000224641636946849263, rel=1e-13, abs=0)
