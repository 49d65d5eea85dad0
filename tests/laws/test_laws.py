"""What every row of the table owes us, tried on every row. A new row is tested by being there."""

from __future__ import annotations

import functools
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet.core import BOOLEAN, REAL, NonDiff, Op, Value, Variadic
from microgradnet.gradcheck import numerical_grad
from microgradnet.ops.shape import filled
from microgradnet.testing import Call, calls, holds, laws
from tests.cases import ROWS, SMOOTH
from tests.samples import LEAST, SEED, SOME, count
from tests.test_conv import LOOPS

EXAMPLES = 40
ROOT = Path(__file__).parent.parent.parent

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
every_smooth_row = pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)

# The rows that a law is about, where it is not about all.
ELEMENTWISE = [row for row in SMOOTH if row.elementwise]
every_elementwise_row = pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)


@functools.cache
def drawn(row: Op) -> list[Call]:
    """The calls that all laws are tried on in the default run: the fewer, the fewer cases a row has."""
    found: list[Call] = []
    holds(found.append, calls(row), min(count(EXAMPLES, SOME), len(row.cases) + 2 * LEAST), seed=SEED)
    return found


def on_calls_of(row: Op, law: Callable[[Call], None], share: float, examples: int = EXAMPLES) -> None:
    """Try `law` on drawn calls of `row`; in the long run on other ones for each law, and a smaller one that breaks it.

    The laws that users' operations are held to as well are in `testing.laws`.
    """
    if share == 1:
        holds(law, calls(row), examples)
        return
    for call in drawn(row)[: count(examples, share)]:
        try:
            law(call._replace(inputs=[x.copy() for x in call.inputs]))
        except Exception as error:
            error.add_note(f"in {call}")
            raise


# ------------------------------------------------------------------------------------------------------------ forward


def scattered(g: np.ndarray, *arrays: np.ndarray, shape: tuple[int, ...], index: tuple[Any, ...]) -> np.ndarray:
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[filled(index, arrays)]
    return 1.0 * np.bincount(np.ravel(places), np.ravel(g), int(np.prod(shape))).reshape(shape)


def collected(g: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(np.prod(shape, dtype=int) + 1)
    for place, number in zip(np.ravel(places), np.ravel(g), strict=True):
        out[place] += number
    return out[1:].reshape(shape)


def placed(x: np.ndarray, y: np.ndarray, *arrays: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    out = x.copy()
    out[filled(index, arrays)] = y
    return out


def spread(g: np.ndarray, shape: tuple[int, ...], axis: Any = None, keepdims: bool = False) -> np.ndarray:
    return np.broadcast_to(g if keepdims or axis is None else np.expand_dims(g, axis), shape)


def paired(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.concatenate([left, right.swapaxes(-1, -2)], axis=-2)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True) if x.ndim else np.ones(())


def attention(q: np.ndarray, k: np.ndarray, *masks: np.ndarray, scale: float, causal: bool) -> np.ndarray:
    scores = np.einsum("...ie,...je->...ij", q, k) * scale + (masks[0] if masks else 0)
    return softmax(np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf) if causal else scores)


def normalized(x: np.ndarray, axis: Any, eps: float) -> np.ndarray:
    return (x - np.mean(x, axis, keepdims=True)) / np.sqrt(np.var(x, axis, keepdims=True) + eps)


def lstm(sums: np.ndarray, h: np.ndarray, c: np.ndarray, weight: np.ndarray) -> np.ndarray:
    states = []
    for z in sums:
        i, f, g, o = np.split(z + np.einsum("bn,kn->bk", h, weight), 4, axis=-1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        states.append([h, c])
    return np.swapaxes(np.array(states), 0, 1)


# What NumPy says about the rows that are no function of NumPy.
REFERENCE: dict[str, Callable[..., Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu_tanh": lambda x: x / (1 + np.exp(-math.sqrt(8 / math.pi) * (x + 0.044715 * x**3))),
    "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)),
    "clip": np.clip,
    "stop_gradient": np.array,
    "spread": spread,
    "astype": lambda x, dtype: x.astype(dtype),
    "take": lambda x, *arrays, index: x[filled(index, arrays)],
    "scatter": scattered,
    "quadratic_cost": lambda a, y: np.mean(np.sum((np.atleast_2d(a) - y) ** 2, axis=-1)),
    "clamped_log": lambda x: np.log(np.maximum(x, np.exp(-100))),
    "put": placed,
    "place": lambda x, places, shape: np.append(np.ravel(x), 0.0)[places - 1],
    "collect": collected,
    "hook": lambda x, function: x,
    "slide": lambda x, kernel: np.array([x[i : i + len(kernel)] @ kernel for i in range(len(x) - len(kernel) + 1)]),
    "erfc": np.vectorize(math.erfc, [float]),
    "softmax": softmax,
    "attention_weights": attention,
    "normalize": normalized,
    "exponent": lambda x: np.frexp(x)[1],
    "lstm": lstm,
    "linear": lambda x, weight, bias: np.einsum("...i,oi->...o", x, weight) + bias,
    "pinv": np.linalg.pinv,
    "log_abs_det": lambda x: np.linalg.slogdet(x)[1],
    "sign_of_det": lambda x: np.linalg.slogdet(x)[0],
    "qr_factors": lambda x: paired(*np.linalg.qr(x)),
    "eigenvectors": lambda x, UPLO="L": np.linalg.eigh(x, UPLO)[1],
    "singular_vectors": lambda x, full=False: paired(*np.linalg.svd(x, full_matrices=False)[::2]),
    "partition_order": lambda a, kth, axis: np.argpartition(a, kth, axis),
    **LOOPS,  # convolution and pooling
}


@every_row
def test_the_result_is_numpys(row: Op, share: float) -> None:
    if isinstance(row.key, str) and row.key not in REFERENCE:
        pytest.fail(
            f"{row.name} is no function of NumPy: say in REFERENCE, in {Path(__file__).name}, what NumPy makes of its "
            f'inputs, by another way than the row. For one input: "{row.name}": lambda x: …'
        )

    def check(call: Call) -> None:
        plain, recorded = call.inputs, call.recorded()
        if isinstance(row.key, str):
            expected, got = REFERENCE[row.key](*plain, **call.params), row(*recorded, **call.params)
        elif row.key is np.einsum:
            expected = np.einsum(call.params["subscripts"], *plain)
            got = np.einsum(call.params["subscripts"], *recorded, optimize=call.params.get("optimize", False))
        elif isinstance(row, Variadic):
            expected, got = row.key(plain, **call.params), row.key(recorded, **call.params)
        else:
            positional = list(call.params.values()) if row.name == "reshape" else []  # its keyword changed in NumPy 2.1
            named = {} if positional else call.params
            expected, got = row.key(*plain, *positional, **named), row.key(*recorded, *positional, **named)
        assert isinstance(got, Value)
        assert got.shape == np.shape(expected)
        assert got.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(got.data, expected, rtol=1e-12)

    on_calls_of(row, check, share)


def test_the_rows_that_say_so_do_not_mind_the_order_of_their_inputs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40).round(1), rng.normal(size=40).round(1)
    pairs = {row for row in ROWS if row.arity == 2 and row.elementwise and len(set(row.domain)) == 1}
    for row in pairs:
        a, b = (x, y) if row.domain[0] is not BOOLEAN else (x > 0, y > 0)
        same = np.array_equal(row.forward(a, b), row.forward(b, a), equal_nan=True)
        assert same == row.symmetric, f"{row.name}: write symmetric={same} in its row"
    count = sum(row.symmetric for row in ROWS)
    assert sum(row.symmetric for row in pairs) == count == 17, f"{count} rows say so: if a new one is right, count it"


@every_row
def test_a_scalar_is_a_numpy_scalar(row: Op, share: float) -> None:
    def check(call: Call) -> None:
        out = row.record(*call.recorded(), **call.params)
        assert isinstance(out.data, np.ndarray if out.ndim else np.generic)

    on_calls_of(row, check, share, 10)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in SMOOTH], ids=lambda row: row.name)
def test_nothing_flows_through_what_has_no_slope(row: Op, share: float) -> None:
    def check(call: Call) -> None:
        x = call.recorded()
        out = row.record(*x, **call.params)
        assert isinstance(out, NonDiff)
        weighted = (out * Value(2.0)).sum()
        weighted.backward()
        assert all(v.grad is None for v in x)

    on_calls_of(row, check, share, 10)


# ---------------------------------------------------------------------------------------------------------- gradients


@every_smooth_row
def test_the_gradient_is_the_slope(row: Op, share: float) -> None:
    on_calls_of(row, laws.the_gradient_is_the_slope, share)


@every_smooth_row
def test_the_second_derivative_is_the_slope_of_the_first(row: Op, share: float) -> None:
    on_calls_of(row, laws.the_second_derivative_is_the_slope_of_the_first, share, 12)


@every_smooth_row
def test_rules_say_the_same_of_arrays_and_of_values(row: Op, share: float) -> None:
    on_calls_of(row, laws.rules_say_the_same_of_arrays_and_of_values, share, 12)


@pytest.mark.parametrize("row", [row for row in SMOOTH if row.name != "astype"], ids=lambda row: row.name)
def test_float32_stays_float32_even_inside_a_rule(row: Op, share: float) -> None:
    on_calls_of(row, laws.float32_stays_float32_even_inside_a_rule, share, 12)


ALONE = [row for row in SMOOTH if row.arity == 1 and not row.parameters]


@pytest.mark.parametrize("row", ALONE, ids=lambda row: row.name)
def test_a_unary_rule_needs_no_fitting(row: Op, share: float) -> None:
    """The sweep takes what these rules return as it is; `Op` would have checked shape and dtype."""

    def check(call: Call) -> None:
        for dtype in (np.float16, np.float32, np.float64):
            values, out, found = call.gradients(dtype)
            g = call.cotangent.astype(out.dtype)[()]
            (rule,) = row.rules
            assert rule is not None
            raw = rule(g, out.data, values[0].data)
            assert type(raw) is type(values[0].data)
            assert (raw.shape, raw.dtype) == (values[0].shape, values[0].dtype)
            np.testing.assert_array_equal(raw, found[values[0]])

    on_calls_of(row, check, share, 12)


@every_smooth_row
def test_nothing_is_written(row: Op, share: float) -> None:
    on_calls_of(row, laws.nothing_is_written, share, 12)


@every_smooth_row
def test_a_gradient_belongs_to_its_value(row: Op, share: float) -> None:
    on_calls_of(row, laws.a_gradient_belongs_to_its_value, share, 12)


# These work element by element too, but for what their parameters say.
ALSO = {"astype", "put", "squeeze", "transpose", "where"}
POINTED = [row for row in SMOOTH if row.elementwise or row.name in ALSO]


@pytest.mark.parametrize("row", POINTED, ids=lambda row: row.name)
def test_at_special_points_the_gradient_is_finite_or_stated(row: Op, share: float) -> None:
    on_calls_of(row, laws.at_special_points_the_gradient_is_finite_or_stated, share, 4)


def test_only_rows_that_have_special_points_state_something() -> None:
    others = [row for row in SMOOTH if row not in POINTED]
    assert len(others) > 50
    assert not [row.name for row in others if row.at or row.points]


KINKED = {"maximum", "minimum", "fmax", "fmin"}  # of x and x everywhere
PAIRED = [row for row in ELEMENTWISE if len(row.rules) == 2 and row.name not in KINKED]


@pytest.mark.parametrize("row", PAIRED, ids=lambda row: row.name)
def test_an_operand_used_twice_gets_both_gradients(row: Op, share: float) -> None:
    def check(call: Call) -> None:
        x, _ = call.inputs
        v = Value(np.abs(x) + 0.5)
        out = row.record(v, v)
        c = np.random.default_rng(0).normal(size=out.shape)
        out.backward(c)
        expected = numerical_grad(lambda y: np.sum(row.forward(y, y) * c), v.data)
        np.testing.assert_allclose(v.grad, expected, rtol=1e-6, atol=1e-7)

    on_calls_of(row, check, share, 12)


@every_elementwise_row  # the cases of others hold such shapes
def test_scalars_and_empty_arrays_work(row: Op) -> None:
    for shape in [(), (0,), (0, 3), (1,), (1, 1)]:
        middle = [np.full(shape, domain.low + 0.6 * (domain.high - domain.low)) for domain in row.domain]
        x: list[Any] = [
            a > 0.5 if domain is BOOLEAN else Value(a) for a, domain in zip(middle, row.domain, strict=True)
        ]
        out = row.record(*x)
        assert out.shape == shape
        out.backward(np.ones(shape))
        for v, rule in zip(x, row.rules, strict=True):
            assert rule is None or (np.shape(v.grad) == shape and v.grad.dtype == np.float64), shape


# Matrices, images and what runs along an axis: none of these takes a number.
NO_NUMBER = {
    "matmul", "swapaxes", "cumsum", "cumprod", "prod", "fliplr", "flipud", "rot90", "diag", "diagonal", "tril", "triu",
    "delete", "pad", "slide", "linear", "lstm", "inv", "solve", "pinv", "det", "log_abs_det", "cholesky", "qr_factors",
    "eigvalsh", "eigenvectors", "svdvals", "singular_vectors", "attention_weights", "normalize", *LOOPS,
}  # fmt: skip
NO_NOTHING = {"max", "min", "slide"}  # of no numbers there is no largest


def test_every_row_was_tried_with_scalars_and_with_nothing() -> None:
    """The cases of rows that are not elementwise hold a 0-d and an empty call where the row takes one."""
    for row in [row for row in SMOOTH if not row.elementwise]:
        inputs = [inputs for inputs, _ in row.cases]
        shapes = [shape for call in inputs for shape in call if not isinstance(shape, np.ndarray)]
        empty = any(0 in shape if isinstance(shape, tuple) else any(map(str.isalpha, shape)) for shape in shapes)
        number = any(len(shape) == 0 for shape in shapes)
        assert number or row.name in NO_NUMBER, f'{row.name} has no case(""), nor is it in NO_NUMBER: which is it?'
        assert empty or row.name in NO_NOTHING, f'{row.name} has no case("a"), nor is it in NO_NOTHING: which is it?'


# --------------------------------------------------------------------------------------------- the rows and their tests


def test_a_new_row_is_told_what_its_reference_should_be() -> None:
    row = Op("a new one", (lambda g, out, x: g / (1 + abs(x)) ** 2,), lambda x: x / (1 + abs(x)), domain=(REAL,))
    with pytest.raises(pytest.fail.Exception, match=r'REFERENCE, in test_laws.py.*"a new one": lambda x: …'):
        test_the_result_is_numpys(row, 1)


def test_the_rows_are_the_same_whatever_was_imported_before() -> None:
    pytest.importorskip("scipy.special", reason="SciPy's rows are what could come before")
    seen = set()
    for first in ("microgradnet", "microgradnet.ops.special", "microgradnet.formulas.statistics, microgradnet.nn"):
        code = f"import {first}; from tests.cases import ROWS; print(*ROWS)"
        seen.add(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)
    assert len(seen) == 1
    assert seen.pop().count(b"<Op ") == len(ROWS)
