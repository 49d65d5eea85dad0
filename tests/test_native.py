"""Native programs: every lowering beside NumPy, whole steps beside eager ones, and what they are handed."""

from __future__ import annotations

import functools
import gc
import itertools
import math
import platform
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.ops.cost import clamped_log
from microgradnet.ops.erf import erfc

pytest.importorskip("llvmlite", reason="native programs need llvmlite")
import microgradnet.programs.program as program_module
from microgradnet.programs.native import blas, code, cpython, kinds, lists, machine, program, tiles, vectors
from microgradnet.programs.nodes import Node
from microgradnet.programs.scalars.vectorise import vectorised
from tests.compiled import programs
from tests.samples import sample

SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-40, -1e-40, 5e-324, 0.3, -2.5, 88.5, 89.0, -87.5, -103.0, 709.5, -745.0, 1000.0,
           -1000.0, 1e30, 1e300, np.inf, -np.inf, np.nan]  # fmt: skip
DTYPES = [np.float32, np.float64]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def native(function: Callable[..., Any]) -> Any:
    return mg.compile(function, backend="native")


def ran_natively(compiled: Any) -> bool:
    """Whether the latest program has machine code, and no line of NumPy that a native step could have been."""
    return isinstance(compiled.latest, program.NativeProgram) and bool(compiled.latest.segments)


def numbers(x: Any) -> Any:
    return x.data if isinstance(x, Value) else x


def check(function: Callable[..., Any], *arguments: Any, ulps: float = 4.0, of_largest: bool = False) -> None:
    """The program, after three calls, returns what the function does, and none of it is a line of NumPy.

    `function` returns a list; `ulps` are those of each element, or of the largest.
    """
    compiled = native(function)
    with np.errstate(all="ignore"):
        for _ in range(3):
            results = compiled(*arguments)
        expected = function(*arguments)
    assert ran_natively(compiled)
    assert not [x for x in compiled.latest.plan.steps if isinstance(x, Node) and x.kind == "call"], compiled.latest.text
    for place, (got, wanted) in enumerate(zip(map(numbers, results), map(numbers, expected), strict=True)):
        where = f"result {place}"
        assert got.shape == wanted.shape, where
        assert got.dtype == wanted.dtype, where
        if wanted.dtype == np.bool:
            assert (got == wanted).all(), where
            continue
        nan, finite = np.isnan(wanted), np.isfinite(wanted)
        assert (np.isnan(got) == nan).all(), where
        assert (got[~nan & ~finite] == wanted[~nan & ~finite]).all(), where
        size = np.abs(wanted[finite])
        ulp = np.spacing(size.max(initial=0) if of_largest else size)
        assert (np.abs(got[finite] - wanted[finite]) <= ulps * ulp).all(), where


# ------------------------------------------------------------------------------------------------------------ elements

UNARY = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sqrt": np.sqrt, "negative": np.negative, "square": np.square,
    "reciprocal": np.reciprocal, "absolute": np.absolute, "floor": np.floor, "sign": np.sign, "isfinite": np.isfinite,
    "isnan": np.isnan, "isinf": np.isinf, "power": lambda x: x**2, "cube": lambda x: x**3, "root": lambda x: x**0.5,
    "over": lambda x: x**-1, "sigmoid": F.sigmoid, "relu": F.relu,
    "not": lambda x: np.where(np.logical_not(x > 0), x, 2.0), "nothing": lambda x: x * 1.0,
    "log1p": np.log1p, "expm1": np.expm1, "clip": lambda x: np.clip(x, -0.5, 2.0), "softplus": F.softplus,
    "inverted": lambda x: np.where(~(x > 0), x, 2.0), "clamped log": lambda x: clamped_log(x),
}  # fmt: skip
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "maximum": np.maximum,
    "minimum": np.minimum, "greater": np.greater, "less": np.less, "greater_equal": np.greater_equal,
    "less_equal": np.less_equal, "equal": np.equal, "not_equal": np.not_equal, "copysign": np.copysign,
    "where": lambda x, y: np.where(x > y, x, y), "mask": lambda x, y: (x > 0) * y,
    "and": lambda x, y: np.where(np.logical_and(x > 0, y > 0), x, y),
    "or": lambda x, y: np.where(np.logical_or(x > 0, y > 0), x, y), "between": lambda x, y: np.clip(x, y, y * 0.5),
    "bits": lambda x, y: np.where(((x > 0) & (y > 0)) | ((x < y) ^ (y < 2)), x, y),
}  # fmt: skip


def special(dtype: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.array(SPECIAL, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_one_number_are_numpys(dtype: Any) -> None:
    x = np.concatenate([special(dtype), rng().normal(size=100).astype(dtype) * 10])
    check(lambda x: [function(Value(x)) for function in UNARY.values()], x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_two_numbers_are_numpys(dtype: Any) -> None:
    x = special(dtype)
    check(lambda x, y: [f(Value(x), Value(y)) for f in BINARY.values()], np.repeat(x[:, None], len(x), 1), x, ulps=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_logaddexp_and_its_slope_are_numpys(dtype: Any) -> None:
    def function(x: Any, y: Any) -> list[Any]:
        a, b = Value(x), Value(y)
        out = np.logaddexp(a, b)
        (out + np.logaddexp(a, 0.0)).backward(np.ones(out.shape, out.dtype))
        return [out, a.grad, b.grad]

    x = np.concatenate([special(dtype), rng().normal(size=20).astype(dtype) * 5])
    check(function, np.repeat(x[:, None], len(x), 1), np.repeat(x[None], len(x), 0), ulps=6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_error_function_and_gelu_are_right_as_machine_code(dtype: Any) -> None:
    x = np.concatenate([[0.0, -0.0, np.inf, -np.inf, np.nan, 30, -30], rng().normal(size=300) * 3]).astype(dtype)
    run = native(lambda x: [erfc(Value(x)), F.gelu(Value(x))])
    with np.errstate(all="ignore"):
        for _ in range(3):
            found, gelu = map(numbers, run(x))
    assert ran_natively(run)
    assert not [x for x in run.latest.plan.steps if isinstance(x, Node) and x.kind == "call"], run.latest.text
    exact = np.array([math.erfc(z) for z in x.astype(np.float64)])
    finite = np.isfinite(exact) & (exact > np.finfo(dtype).tiny)
    error = np.abs(found[finite] / exact[finite] - 1) / np.finfo(dtype).eps
    above = np.maximum(x[finite].astype(np.float64), 0)
    above[np.isinf(above)] = 0
    assert (error <= 10 + 2 * above**2).all()  # that of a square, in exp
    assert np.array_equal(np.isnan(found), np.isnan(x))
    assert found[[2, 3, 5, 6]].tolist() == [0.0, 2.0, 0.0, 2.0]
    wanted = [0.5 * z * math.erfc(-z / math.sqrt(2)) for z in x[7:].astype(np.float64)]
    np.testing.assert_allclose(gelu[7:], wanted, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_that_are_the_same_in_every_call_are_inputs_too(dtype: Any) -> None:
    low = np.linspace(-1, 0.5, 6, dtype=dtype).reshape(2, 3)

    def function(x: Any) -> list[Any]:
        v = Value(x)
        return [np.logaddexp(v, low), np.clip(v, low, low + 1), np.clip(low, v, 2.0), np.clip(v, None, low[0])]

    check(function, rng().normal(size=(2, 3)).astype(dtype))


def test_functions_of_two_precisions_are_numpys() -> None:
    single, double = np.float32([[0.5, -1.0]]), np.array([[0.25, 2.0]])
    compiled = native(lambda x: [np.logaddexp(Value(x), double), np.clip(Value(x), double, 3.0), np.stack([x, double])])
    for _ in range(4):
        found = compiled(single)
    wanted = [np.logaddexp(single, double), np.clip(single, double, 3.0), np.stack([single, double])]
    for got, expected in zip(map(numbers, found), wanted, strict=True):
        assert got.dtype == expected.dtype
        assert np.allclose(got, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_put_end_to_end_beside_each_other_and_among_zeros(dtype: Any) -> None:
    def function(x: Any, y: Any) -> list[Any]:
        a, b = Value(x) * 2.0, Value(y) * 3.0
        made = [np.stack([a, b, a.T.T]), np.stack([a, b], axis=-1), np.stack([a, b], axis=1)]
        made += [np.concatenate([a.T, b, a[0], b.sum()[None]], axis=None), np.concatenate([a, b], axis=-1)]
        v = Value(x)
        ((v[1] * 2.0).sum() + (v[1:2, ::-2] * y[1:2, ::-2]).sum() + v[-1, 1:].sum()).backward()
        return [*made, v.grad]

    x, y = rng().normal(size=(2, 3, 4)).astype(dtype)
    check(function, x, y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [500, 3000, 1 << 16])  # of very many several are computed beside each other
def test_exp_log_and_tanh_are_right_to_a_few_ulp(dtype: Any, size: int) -> None:
    tiny = np.finfo(dtype).tiny
    x = np.concatenate([rng().normal(size=size) * 10.0 ** rng().uniform(-6, 2, size), [tiny, tiny / 8, 1 + 1e-7]])
    x = x.astype(dtype)
    compiled = native(lambda x: [np.exp(Value(x)), np.tanh(Value(x)), np.log(abs(Value(x)))])
    with np.errstate(all="ignore"):
        for _ in range(3):
            results = compiled(x)
        exact = x.astype(np.longdouble)
        for got, wanted in zip(results, (np.exp(exact), np.tanh(exact), np.log(abs(exact))), strict=True):
            finite = np.isfinite(wanted.astype(dtype))
            error = np.abs(got.data - wanted)[finite] / np.spacing(np.abs(wanted.astype(dtype)))[finite]
            assert error.max() < 2
            assert np.array_equal(got.data[~finite], wanted.astype(dtype)[~finite])


# Processors of x86-64 for which code is made here, whatever this one is, and their vectors.
OTHERS = {"x86-64": (16, 16), "haswell": (16, 32), "skylake-avx512": (32, 64)}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="runs code for other x86-64 processors")
@pytest.mark.parametrize("cpu", OTHERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_lanes_that_are_no_elements_add_nothing(dtype: Any, cpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed in them may be anything: a quotient of zeros was NaN, in code for SSE, in the sum."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    if not all(
        features.get(name) for name in {"haswell": ["avx2", "fma"], "skylake-avx512": ["avx512vl"]}.get(cpu, [])
    ):
        pytest.skip(f"this processor does not run code for {cpu}")

    def processor(effort: int) -> Any:
        return llvm.Target.from_default_triple().create_target_machine(opt=effort, cpu=cpu, features="", jit=True)

    monkeypatch.setattr(machine, "processor", processor)
    monkeypatch.setattr(code, "compiled", machine.compiled.__wrapped__)  # not what was compiled for another one
    for module in (vectors, tiles):
        monkeypatch.setattr(module, "registers", lambda: OTHERS[cpu])
    defined = machine.definitions
    monkeypatch.setattr(machine, "definitions", lambda text, can: defined(text, can and cpu == "skylake-avx512"))

    def step(x: Any, y: Any) -> Any:
        v, w = Value(x), Value(y)
        made = [(v / w).sum(axis=axis) for axis in (None, 0, -1)] + [(1 / w).sum(), np.log(w).sum(), (v / w).max()]
        return [*made, (w / np.sqrt(w)).sum(axis=-1), (np.floor(v - v) / w).sum(), ((v / w) * v).min(axis=0)]

    draw = rng(3)
    for shape in [(3,), (7,), (9,), (21,), (3, 5), (5, 3), (2, 35)]:
        f = native(step)
        for _ in range(4):
            x, y = draw.uniform(1, 2, (2, *shape)).astype(dtype)
            found = f(x, y)
        for a, b in zip(found, step(x, y), strict=True):
            assert a.shape == b.shape
            assert np.allclose(a.data, b.data, rtol=100 * np.finfo(dtype).eps, atol=0)
        assert ran_natively(f)


SHORT_ONES = list(itertools.product(
    [(32, 64), (16, 32), (16, 16)],
    [(1,), (7,), (16,), (33,), (3, 5), (17, 2), (2, 37), (3, 4, 9), (24, 41)],
    [np.float32, np.float64],
))  # fmt: skip
OFTEN = sample(SHORT_ONES, 16)


@pytest.mark.parametrize(
    ("registers", "shape", "dtype"),
    [one if one in OFTEN else pytest.param(*one, marks=pytest.mark.slow) for one in SHORT_ONES],
)
def test_short_loops_are_right_whatever_they_compute_and_how_long_they_are(
    registers: Any, shape: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written as vectors, of which the last may not be full; with and without powers of 2 as instructions."""
    for module in (vectors, tiles):
        monkeypatch.setattr(module, "registers", lambda: registers)
    defined = machine.definitions
    scales = math.prod(shape) % 2 == 0
    monkeypatch.setattr(machine, "definitions", lambda text, can: defined(text, can and scales))

    def step(x: Any, y: Any, s: float) -> Any:
        v, w = Value(x), Value(y)
        made = [np.exp(v), np.log(w), np.tanh(v), np.sqrt(w), abs(v), np.floor(v), np.sign(v), np.copysign(v, w), -v]
        made += [np.maximum(v, w), np.minimum(v, w), F.sigmoid(v), F.relu(v), 1 / v, v**2, v / w, (v - s) * w]
        made += [np.where(v > w, v * 2.0, w), np.where((v > 0) & (w < 1.0), v, s), (v != w) * v, np.isinf(w) * v]
        made += [np.isnan(v) * 1.0 + np.logical_not(w > 0), np.where(np.isfinite(v), v, w)]
        made += [v * y[..., :1], np.exp(v - v.max(axis=-1, keepdims=True)), w + v[:1]]
        for axis in (None, 0, -1):
            for reduced in (v * 1.5, v + w):
                made += [reduced.max(axis=axis), reduced.min(axis=axis), reduced.sum(axis=axis)]
        return made

    f, draw, count = native(step), rng(len(shape)), 0
    for given in ["numbers"] * 4 + ["special", "whole"]:
        x, y = draw.normal(0, 3, (2, *shape)).astype(dtype)
        if given == "special":
            with np.errstate(over="ignore"):
                x, y = draw.choice(SPECIAL, (2, *shape)).astype(dtype)
        if given == "whole":  # whose sums are exact
            x, y = draw.integers(-8, 9, (2, *shape)).astype(dtype)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, wanted = f(x, y, 0.75), step(x, y, 0.75)
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            slack = 0.0 if i < 26 or given == "whole" else 100 * x.size * np.finfo(dtype).eps
            assert np.allclose(a.data, b.data, rtol=16 * np.finfo(dtype).eps, atol=slack, equal_nan=True), i
            count += 1
    assert count == 6 * (26 + 18)
    assert ran_natively(f)


# ---------------------------------------------------------------------------------------------- sums, rows and products


AXES: list[Any] = [None, 0, 1, 2, -1, (0, 1), (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions_over_axes(dtype: Any) -> None:
    x = rng().integers(-9, 9, (3, 5, 7)).astype(dtype)  # so sums are exact in any order

    def all_of_them(x: Any) -> list[Any]:
        made = []
        for name in ("sum", "max", "min"):
            for axis in AXES:
                made.append(getattr(Value(x) * 2.0, name)(axis=axis, keepdims=name == "sum"))
                made.append(getattr(Value(x.transpose(2, 0, 1)), name)(axis=axis))
        return made

    check(all_of_them, x, ulps=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_reductions_of_what_is_not_finite(bad: float) -> None:
    x = rng().integers(-9, 9, (40, 50)).astype(np.float32)
    x[3, 20] = bad
    names = "sum", "max", "min"
    check(lambda x: [getattr(Value(x), name)(axis=axis) for name in names for axis in (None, 0, 1)], x, ulps=0)


@pytest.mark.parametrize("size", [1_000_000, 1025, 2048, 3000, (3, 1500), (1500, 3)])
def test_long_sums_are_as_exact_as_numpys(size: Any) -> None:
    x = rng().random(size, np.float32)
    compiled = native(lambda x: [Value(x).sum(), Value(x).sum(axis=-1), (Value(x) * 2.0).max(), Value(x).sum(axis=0)])
    for _ in range(3):
        total, sums, largest, others = compiled(x)
    exact = x.sum(dtype=np.float64)
    assert abs(total.item() - exact) <= np.spacing(np.float32(exact))
    assert np.allclose(sums.data, x.sum(axis=-1, dtype=np.float64), rtol=1e-6)
    assert np.allclose(others.data, x.sum(axis=0, dtype=np.float64), rtol=1e-6)
    assert largest.data == 2 * x.max()


@pytest.mark.parametrize(("dtype", "small"), [
    (np.float32, True), (np.float64, False), *[pytest.param(*pair, marks=pytest.mark.slow) for pair in [
        (np.float32, False), (np.float64, True)]]])  # fmt: skip
def test_products(dtype: Any, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "LONG", tiles.LONG if small else 0)
    sizes = [
        (1, 5, 7),
        (4, 1, 6),
        (3, 40, 1),
        (9, 17, 5),
        (20, 33, 18),
        (1, 1, 1),
        (2, 5, 70),
        (13, 150, 36),
        (200, 190, 210),
    ]
    pairs = [(rng().integers(-5, 5, (m, k)).astype(dtype), rng().integers(-5, 5, (k, n)).astype(dtype))
             for m, k, n in sizes]  # fmt: skip

    def all_of_them(*arrays: Any) -> list[Any]:
        made = []
        for a, b in zip(arrays[::2], arrays[1::2], strict=True):
            made += [Value(a) @ b, b.T @ Value(a).T, F.linear(Value(a), b.T, b[0]), np.stack([a] * 3) @ Value(b)]
            many = np.stack([np.stack([b, -b])] * 3)
            made += [np.stack([a] * 2) @ Value(many)]
        return made

    def turned(*arrays: Any) -> list[Any]:
        pairs = zip(arrays[::2], arrays[1::2], strict=True)
        return [
            product for a, b in pairs for product in (Value(a).T @ b.T, b @ Value(a), F.linear(Value(a).T, b, b[:, 0]))
        ]

    straight = [x for pair in pairs for x in pair]
    compiled = native(all_of_them)
    for _ in range(3):
        found = compiled(*straight)
    for got, wanted in zip(found, all_of_them(*straight), strict=True):
        assert (got.data == wanted.data).all()
    check(turned, *[np.ascontiguousarray(x.T) for x in straight], ulps=0)


def test_small_products_need_no_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "addresses", dict)
    x, y = rng().integers(-5, 5, (2, 12, 12)).astype(np.float32)
    check(lambda x, y: [Value(x) @ y, Value(x).T @ y, Value(x) @ y.T], x, y, ulps=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bias_is_added_in_the_product_where_nobody_reads_that(dtype: Any) -> None:
    x, w, b = (rng(i).integers(-5, 5, size).astype(dtype) for i, size in enumerate([(5, 7), (7, 19), (19,)]))

    def both(x: Any, w: Any, b: Any) -> list[Any]:
        kept = Value(x) @ w
        return [Value(x) @ w + b, kept + b, kept, Value(x) @ w + b[::-1]]

    check(both, x, w, b, ulps=0)
    table = rng(3).integers(-5, 5, (2 * 19, 19)).astype(dtype)

    def apart(x: Any, w: Any, table: Any) -> list[Any]:
        """Biases that lie with gaps between their numbers, backwards, or are one number."""
        biases = [table[:19, 1], table[::2, 1], table[3, ::-1], np.broadcast_to(table[0, :1], (19,))]
        return [product for bias in biases for product in (Value(x) @ w + bias, Value(w.T) @ x.T + bias[:5])]

    check(apart, x, w, table, ulps=0)
    check(lambda x, w, b: [Value(x.T) @ w[:, :1] + np.broadcast_to(b[:1], (1,))], w, w, b, ulps=0)
    layer = nn.Linear(7, 19, seed=0)
    compiled = native(lambda x: layer(x))
    for _ in range(3):
        compiled(x.astype(np.float32))
    names = [node.name for step in compiled.latest.plan.steps for node in getattr(step, "nodes", [])]
    assert names == ["positive", "with_bias"]  # the weight is turned before


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_of_any_size_are_turned(dtype: Any) -> None:
    arrays = [rng(n).integers(-5, 5, (n, k)).astype(dtype) for n, k in [(4, 4), (5, 6), (7, 3), (10, 16), (17, 8)]]
    ones = [np.ones((5, w.shape[1]), dtype) for w in arrays]
    check(lambda *given: [Value(x) @ w.T for w, x in zip(given[:5], given[5:], strict=True)], *arrays, *ones, ulps=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_columns_of_any_number(dtype: Any) -> None:
    arrays = [rng(n).integers(-9, 9, (6, n)).astype(dtype) for n in (1, 2, 7, 16, 17, 31, 40, 127, 130)]
    check(lambda *arrays: [(Value(x) * 2.0).sum(axis=0) for x in arrays], *arrays, ulps=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_attention_and_layer_norm(dtype: Any) -> None:
    x = rng().normal(size=(2, 3, 6, 4)).astype(dtype)

    def all_of_them(x: Any) -> list[Any]:
        v = Value(x)
        attended = [F.scaled_dot_product_attention(v, v, v, is_causal=causal) for causal in (False, True)]
        return [F.softmax(v), F.softmax(v, axis=1), *attended, F.layer_norm(v, (4,))]

    check(all_of_them, x, ulps=30, of_largest=True)


def test_softmax_of_large_and_infinite_numbers() -> None:
    x = np.array([[1000, 1000, -1000], [-np.inf, 0, 1], [np.nan, 0, 0], [np.inf, 0, 1]], np.float32)
    check(lambda x: [F.softmax(Value(x))], x)


def test_rows_are_taken_and_added_up_by_numbers() -> None:
    w, rows = Value(rng().normal(size=(5, 3)).astype(np.float32)), np.array([[0, 4, -1], [2, 2, 0]])

    def step(rows: Any) -> Any:
        w.grad = None
        (np.take(w, rows, axis=0) ** 2).sum().backward()
        return w.grad

    compiled = native(step)
    for _ in range(3):
        got = compiled(rows)
    wanted = np.zeros((5, 3), np.float32)
    np.add.at(wanted, rows, 2 * w.data[rows])
    assert np.allclose(got, wanted)
    with pytest.raises(IndexError):
        compiled(rows + 1)
    assert np.allclose(compiled(np.zeros_like(rows)), 6 * 2 * w.data[0] * (np.arange(5) == 0)[:, None])


def test_rows_by_bools_and_by_other_integers_are_numpys() -> None:
    w = rng().normal(size=(5, 3))
    compiled = native(lambda mask, i, j: [Value(w * 1.0)[mask], Value(w * 1.0)[i], Value(w * 1.0)[i, j]])
    mask, i, j = np.array([True, False, True, True, False]), np.array([0, -1], np.int32), np.array([2, 1])
    for _ in range(3):
        found = compiled(mask, i, j)
    for x, wanted in zip(map(numbers, found), [w[mask], w[i], w[i, j]], strict=True):
        assert (x == wanted).all()


def test_parts_that_do_not_overlap_are_put_together() -> None:
    x = rng().normal(size=(4, 6)).astype(np.float32)

    def step(x: Any) -> list[Any]:
        v = Value(x)
        (v[:2] * 2.0 + v[2:] * 3.0).sum().backward()
        return [v.grad]

    check(step, x, ulps=0)


# --------------------------------------------------------------------------------------------------------- whole steps


class Language(nn.Module):
    def __init__(self) -> None:
        self.words = nn.Embedding(7, 8, seed=0)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, seed=1)
        self.scores = nn.Linear(8, 7, seed=2)

    def forward(self, words: Any) -> Any:
        return self.scores(self.block(self.words(words)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        self.cells = nn.LSTM(5, 4, seed=0)
        self.scores = nn.Linear(4, 3, seed=1)

    def forward(self, x: Any) -> Any:
        return self.scores(self.cells(x)[0][-1])


def convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3, seed=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3, seed=1))


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 4, seed=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5, seed=3),
                         nn.Linear(4, 3, seed=1))  # fmt: skip


X = rng().random((8, 5), np.float32)
LABELS = rng().integers(0, 3, 8)
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
WORDS = rng().integers(0, 7, (3, 5))
WORKS: dict[str, Any] = {
    "article": (lambda: nn.MLP(5, [4, 3], F.sigmoid, F.sigmoid, seed=0), F.quadratic_cost, X, ONE_HOT),
    "moons": (lambda: nn.MLP(5, [16, 16, 3], F.relu, None, seed=0), F.mse_loss, X, ONE_HOT),
    "tanh": (lambda: nn.MLP(5, [4, 3], np.tanh, None, seed=0), F.cross_entropy, X, LABELS),
    "normalised": (normalised, F.cross_entropy, X, LABELS),
    "convolutional": (convolutional, F.cross_entropy, rng().random((4, 1, 8, 8), np.float32), LABELS[:4]),
    "Transformer": (Language, F.cross_entropy, WORDS, WORDS),
    "LSTM": (Recurrent, F.cross_entropy, rng().random((6, 8, 5), np.float32), LABELS),
}  # fmt: skip
OPTIMISERS: dict[str, Any] = {
    "SGD": lambda p: optim.SGD(p, 0.1),
    "momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "Adam": lambda p: optim.Adam(p, 0.01, eps=1e-3),  # a gradient that is all rounding must not decide on a step
}


QUICK = {("article", "SGD"), ("article", "momentum"), ("normalised", "Adam"), ("convolutional", "SGD"),
         ("Transformer", "SGD"), ("LSTM", "Adam")}  # fmt: skip


class Twin:
    """A model trained eagerly, and one that is trained by native programs; they must stay the same."""

    def __init__(self, work: str, optimiser: str = "SGD") -> None:
        make, self.loss, self.x, self.y = WORKS[work]
        self.models = make(), make()
        self.optimisers = [OPTIMISERS[optimiser](model.parameters()) for model in self.models]
        self.eager = functools.partial(self.step, *zip(self.models, self.optimisers, strict=True).__next__())
        model, optimiser_ = self.models[1], self.optimisers[1]

        def step(x: Any, y: Any) -> Any:
            return self.step(model, optimiser_, x, y)

        self.native = native(step)

    def step(self, model: Any, optimiser: Any, x: Any, y: Any) -> Any:
        optimiser.zero_grad()
        cost = self.loss(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost

    def run(self, x: Any = None, y: Any = None) -> None:
        x, y = self.x if x is None else x, self.y if y is None else y
        assert np.isclose(self.eager(x, y).item(), self.native(x, y).item(), rtol=1e-4)

    def same(self) -> None:
        pairs = list(zip(*[model.parameters() for model in self.models], strict=True))
        for p, q in pairs:
            assert np.allclose(p.data, q.data, rtol=1e-4, atol=2e-5)
            assert (p.grad is None) == (q.grad is None)
            assert p.grad is None or np.allclose(p.grad, q.grad, rtol=1e-3, atol=2e-5)
        for (_, b), (_, c) in zip(*[model.named_buffers() for model in self.models], strict=True):
            assert np.allclose(b, c, rtol=1e-4, atol=1e-5)


PAIRS = [
    pytest.param(work, optimiser, marks=[] if (work, optimiser) in QUICK else pytest.mark.slow)
    for work in WORKS
    for optimiser in OPTIMISERS
]


@pytest.mark.parametrize(("work", "optimiser"), PAIRS)
def test_steps_are_equal_to_eager_ones(work: str, optimiser: str) -> None:
    twin = Twin(work, optimiser)
    for _ in range(6):
        twin.run()
    twin.same()
    assert ran_natively(twin.native)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_what_changes_between_steps(optimiser: str) -> None:
    twin = Twin("article", optimiser)
    twin.run(), twin.run(), twin.run()
    for opt in twin.optimisers:
        opt.param_groups[0]["lr"] = 0.03
    twin.run()
    twin.same()
    for model in twin.models:
        model.layers[0].freeze()
    twin.run(), twin.run(), twin.run()
    twin.same()
    for model in twin.models:
        model.layers[0].unfreeze()
    for model, opt in zip(twin.models, twin.optimisers, strict=True):
        model.load_state_dict({name: x + 0.1 for name, x in model.state_dict().items()})
        opt.load_state_dict(opt.state_dict())
    twin.run(), twin.run(), twin.run()
    twin.same()
    for model in twin.models:
        for p in model.parameters():
            p.data = p.data * 0.5
    twin.run()
    twin.same()
    twin.eager(twin.x, twin.y), twin.step(twin.models[1], twin.optimisers[1], twin.x, twin.y)  # an eager step between
    twin.run()
    twin.same()


def test_new_arrays_of_any_layout_at_every_call() -> None:
    twin = Twin("article")
    for i in range(4):
        twin.run(rng().random((8, 5), np.float32), rng().random((8, 3), np.float32) + i)
    twin.run(rng().random((16, 10), np.float32)[::2, ::2])
    twin.run(np.asfortranarray(rng().random((8, 5), np.float32)))
    frozen = rng().random((8, 5), np.float32)
    frozen.flags.writeable = False
    twin.run(frozen)
    odd = np.frombuffer(b"\0" + rng().random(40, np.float32).tobytes(), np.uint8)[1:].view(np.float32).reshape(8, 5)
    twin.run(odd)
    twin.run(rng().random((3, 5), np.float32), rng().random((3, 3), np.float32))
    twin.run()
    twin.same()


def test_parameters_of_another_layout() -> None:
    twin = Twin("article")
    twin.run(), twin.run(), twin.run()
    for model in twin.models:
        weight = model.layers[0].weight
        weight._numbers = np.asfortranarray(weight._numbers)
    twin.run(), twin.run()
    twin.same()
    turned = Twin("article")
    for model in turned.models:
        model.layers[0].weight._numbers = np.asfortranarray(model.layers[0].weight._numbers)
    turned.run(), turned.run(), turned.run(), turned.run()
    turned.same()


def test_an_argument_that_is_a_parameter_is_read_before_it_is_written() -> None:
    w, v = (Value(rng().normal(size=(4, 4)).astype(np.float32)) for _ in range(2))
    v.data = w.data

    def step(p: Value, x: Any) -> Any:
        p.grad = None
        cost = ((p @ x) ** 2).sum()
        cost.backward()
        p.data -= 0.01 * p.grad
        return cost

    compiled = native(lambda x: step(v, x))
    for call in range(5):  # while it is recorded, a parameter among the arguments is refused
        x = v.data.copy() if call < 2 else v.data
        assert np.isclose(step(w, w.data).item(), compiled(x).item(), rtol=1e-4)
    assert np.allclose(w.data, v.data, rtol=1e-4)


def test_a_gradient_that_is_returned_belongs_to_the_caller() -> None:
    w = Value(np.ones((3, 4)))

    def step(x: Any) -> Any:
        w.grad = None
        out = x @ w
        (out * out).sum().backward()
        return out, w.grad

    compiled = native(step)
    seen = []
    for i in range(6):
        x = np.arange(6.0).reshape(2, 3) + i
        _, gradient = compiled(x)
        seen.append((gradient, 2 * x.T @ (x @ w.data)))
    assert all(np.allclose(found, expected) for found, expected in seen)


def test_a_gradient_is_that_of_its_step_whenever_it_is_looked_at() -> None:
    twin = Twin("article")
    x = np.array(twin.x)
    twin.run(x), twin.run(x), twin.run(x)
    wanted = [p.grad.copy() for p in twin.models[0].parameters()]
    x[...] = 7.0  # the argument is written to, and only then are gradients looked at
    found = [p.grad for p in twin.models[1].parameters()]
    for g, h in zip(wanted, found, strict=True):
        assert np.allclose(g, h, rtol=1e-3, atol=1e-6)
    copies = [g.copy() for g in found]
    twin.run(x)
    for g, h in zip(found, copies, strict=True):
        assert (g == h).all()
    assert not any(np.shares_memory(g, h) for g in found for h in found if g is not h)
    twin.run(x)
    assert "grad=[[" in repr(twin.models[1].layers[0].weight)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_goes_off_its_parameter_and_is_there_whatever_the_sizes(dtype: Any) -> None:
    """Whether it is stored beside, or computed later; of whole numbers, so that all is exact."""
    ways = set()
    for m, n, rows, order in itertools.product([1, 3, 17], [1, 33], [1, 9, 20], ["C", "F"]):

        def trained(compiles: bool, m: int = m, n: int = n, rows: int = rows, order: Any = order) -> tuple[Any, Any]:
            draw = rng(m + 20 * n)
            w, v = (Value(draw.integers(-9, 9, shape).astype(dtype)) for shape in [(m, n), (n, m)])

            def step(x: Any, y: Any, lr: float) -> Any:
                cost = (F.linear(x, w, np.zeros(w.shape[0], w.dtype)) * y).sum() + ((x @ v) * y * 3.0).sum()
                w.grad = v.grad = None
                cost.backward()
                w.data -= 0.25 * w.grad
                v.data -= lr * v.grad
                return cost

            f, found = native(step) if compiles else step, []
            for _ in range(4):
                x, y = (draw.integers(-9, 9, shape).astype(dtype, order) for shape in [(rows, n), (rows, m)])
                cost = f(x, y, 0.5)
                x[...] = 7  # what is looked at later is of the step all the same
                found += [cost.data, w.grad, v.grad, w.data.copy(), v.data.copy()]
            return f, found

        (compiled, mine), (_, eager) = trained(True), trained(False)
        assert all(np.array_equal(x, y) for x, y in zip(mine, eager, strict=True)), (m, n, rows, order)
        ways |= {update.is_stored for update in compiled.latest.plan.updates.values()}
    assert ways == {True, False}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("sizes", [(4, 40, 5), (4, 3, 5), (2, 40, 3), (20, 1, 64)])
def test_parameters_that_are_factors_of_each_others_gradients_are_read_before_they_move(sizes: Any, first: int) -> None:
    m, k, n = sizes

    def trained(compiles: bool) -> list[Any]:
        draw = rng(1)
        ws = [Value(draw.integers(-3, 4, shape).astype(np.float32)) for shape in [(m, k), (k, n)]]

        def step(y: Any) -> Any:
            cost = ((ws[0] @ ws[1]) * y).sum()
            ws[0].grad = ws[1].grad = None
            cost.backward()
            for w in (ws[first], ws[1 - first]):
                w.data -= 0.5 * w.grad
            return cost

        f, found = native(step) if compiles else step, []
        for _ in range(4):
            found += [f(draw.integers(-3, 4, (m, n)).astype(np.float32)).data, *(w.grad for w in ws)]
        return [*found, *(w.data for w in ws)]

    assert all(np.allclose(x, y, rtol=1e-5) for x, y in zip(trained(True), trained(False), strict=True))


def test_a_gradient_that_a_line_of_numpy_makes_is_left_as_it_is() -> None:
    w = Value(rng().normal(size=(3, 4)))

    def step(x: Any) -> Any:
        w.grad = None
        cost = (np.sort(w, axis=0) * x).sum() + (w[:, ::-1][np.array([True, False, True])] ** 2).sum()
        cost.backward()
        return cost

    compiled, x = native(step), rng(1).normal(size=(3, 4))
    for _ in range(4):
        found = float(compiled(x)), np.array(w.grad)
    assert ran_natively(compiled)
    assert np.allclose(found[0], float(step(x)))
    assert np.allclose(found[1], w.grad)


def test_gradients_accumulate() -> None:
    w = Value(np.ones((3, 2), np.float32))

    def step(x: Any) -> Any:
        cost = (w * x).sum()
        cost.backward()
        return cost

    compiled = native(step)
    for i in range(1, 6):
        compiled(np.full((3, 2), 2.0, np.float32))
        assert (w.grad == 2.0 * i).all()


def test_results_belong_to_the_caller() -> None:
    w = Value(np.arange(6.0).reshape(2, 3))
    compiled = native(
        lambda x: {"sum": (w * x).sum(axis=0), "all": w * x, "turned": (w @ x.T).reshape(4), "x": [w.sum()]}
    )
    kept = [compiled(np.full((2, 3), float(i))) for i in range(6)]
    for i, found in enumerate(kept):
        assert (found["sum"].data == i * w.data.sum(0)).all()
        assert (found["all"].data == i * w.data).all()
        assert (found["turned"].data == (w.data @ np.full((3, 2), float(i))).reshape(4)).all()
        assert found["x"][0].item() == 15.0


@pytest.mark.parametrize("dtype", [np.float16, np.int64])
def test_other_dtypes_run_as_numpy(dtype: Any) -> None:
    w = Value(rng().normal(size=3))
    compiled = native(lambda x: (x * x).sum() * 1.0)
    x = np.arange(3).astype(dtype)
    for _ in range(4):
        got = compiled(x)
    assert got == (x * x).sum()
    assert w.grad is None
    mixed = native(lambda x, y: Value(x) * y)
    for _ in range(4):
        got = mixed(np.ones(3, np.float32), np.arange(3.0))
    assert got.dtype == np.float64
    assert (got.data == np.arange(3.0)).all()


ODD: dict[str, Callable[..., Any]] = {
    "sums": lambda x, y: [x.sum(axis=0), (x + y).sum(), x.mean(axis=1), F.quadratic_cost(x.T, y.T)],
    "products": lambda x, y: [x @ y.T, np.dot(x, y[:1].T), np.dot(x.T, y[:, 0]), F.linear(x, y[:2], y[:2, 0])],
    "batches": lambda x, y: [x[None] @ y.T, F.linear(x[None], y, y[:, 0]), x[:, None] @ y[..., None]],
    "layers": lambda x, y: [F.softmax(x * 0.5), F.layer_norm(x * 1.0, x.shape[1:]), F.sigmoid(x), F.relu(x)],
    "attention": lambda x, y: [
        F.scaled_dot_product_attention(x, y, x * 0.5),
        F.scaled_dot_product_attention(x, y, x * 0.5, attn_mask=x @ y.T, is_causal=True),
    ],
    "powers": lambda x, y: [x**2, x**3, x**1, x * 1.0 + (y + 9) ** 0.5, (x + 9.0) ** -1, (y > 0) & (x > 0)],
    "parts": lambda x, y: [np.concatenate([x, y]), np.concatenate([x, y * 0.5], axis=None), x.T[::-1], x[:, [0, 0]]],
    "choices": lambda x, y: [np.where(x > y, x, y), np.where(x > 0)[0], np.maximum(x, 0.5), x.astype(np.float32) * 2],
}


@pytest.mark.parametrize("kinds", [(np.float16, np.float16), (np.int64, np.float64), (np.float32, np.float64)])
@pytest.mark.parametrize("name", ODD)
def test_what_machine_code_does_not_take_is_numpys(name: str, kinds: tuple[Any, Any]) -> None:
    """Other dtypes, two of them, and no numbers at all."""
    x, y = (np.arange(-4, 5).reshape(3, 3).astype(kind) for kind in kinds)
    compiled = native(ODD[name])
    for some in (3, 0):
        with np.errstate(all="ignore"):
            wanted = ODD[name](x[:some], y[:some])
            for _ in range(3):
                found = compiled(x[:some], y[:some])
        for a, b in zip(map(numbers, found), map(numbers, wanted), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_another_dtype_or_kind_of_argument_is_another_program() -> None:
    compiled = native(lambda x, s: Value(x) * s)
    for _ in range(3):
        compiled(np.ones(3, np.float32), 2.0)
    for _ in range(3):
        assert compiled(np.ones(3), 2.0).dtype == np.float64
    assert compiled(np.ones(3, np.float32), 3.0).data.tolist() == [3, 3, 3]
    assert compiled(np.ones(3, np.float32), 2).data.tolist() == [2, 2, 2]
    assert compiled(np.ones((1, 3), np.float32), 2.0).shape == (1, 3)
    assert compiled([1.0, 2.0], 2.0).data.tolist() == [2, 4]


def test_numbers_of_numpys_are_arguments_too() -> None:
    w = Value(np.ones(3, np.float32))
    compiled = native(lambda x: w * x)
    for i in range(6):
        assert compiled(np.float32(i)).data.tolist() == [i, i, i]
    assert programs(compiled) == 1


def test_a_chain_of_many_operations_is_cut_into_short_loops() -> None:
    def chain(x: Any) -> list[Any]:
        v = Value(x)
        y = v
        for _ in range(100):
            y = (y * 0.99 + 0.01).exp().log()
        y.sum().backward()
        return [v.grad]

    check(chain, np.linspace(-1, 1, 8, dtype=np.float32), ulps=50)


def test_threads_share_a_program() -> None:
    from concurrent.futures import ThreadPoolExecutor

    w = Value(np.ones((50, 50)))
    compiled = native(lambda x: (np.tanh(w * x).sum(), w * x))
    for i in range(3):
        compiled(np.full((50, 50), float(i)))

    def call(i: int) -> bool:
        total, product = compiled(np.full((50, 50), float(i)))
        return bool(np.isclose(total.item(), 2500 * np.tanh(i)) and (product.data == i).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(200)))


# ------------------------------------------------------------------------------------------------------ random programs

SHAPES: list[tuple[int, ...]] = [(3, 4), (4,), (4, 4), (1, 4), (2, 3, 4), (3, 1), (), (5, 4), (16, 16)]
TURNS: list[Callable[..., Any]] = [
    lambda a, b, i: a + b, lambda a, b, i: a * b, lambda a, b, i: a - b, lambda a, b, i: a @ b,
    lambda a, b, i: np.where(a > 0, a, b), lambda a, b, i: np.maximum(a, b), lambda a, b, i: a / (1.5 + b * b),
    lambda a, b, i: np.tanh(a), lambda a, b, i: np.exp(-abs(a)), lambda a, b, i: np.sqrt(a * a + 1),
    lambda a, b, i: a * 0.5 + 0.25, lambda a, b, i: a.T, lambda a, b, i: a.reshape(-1), lambda a, b, i: a[..., ::2],
    lambda a, b, i: a[None], lambda a, b, i: a.swapaxes(0, -1), lambda a, b, i: F.softmax(a),
    lambda a, b, i: a.sum(axis=i % a.ndim, keepdims=i % 2 == 0), lambda a, b, i: a.max(axis=-1),
    lambda a, b, i: a.mean(axis=0, keepdims=True), lambda a, b, i: np.concatenate([a, a]),
    lambda a, b, i: np.take(a, np.array([0, -1, 0]), axis=0),
]  # fmt: skip


def random_results(seed: int, values: list[Any]) -> list[Any]:
    """Some Values computed from others, by operations drawn at random; what does not fit is left out."""
    draw = rng(seed)
    made = list(values)
    for _ in range(int(draw.integers(4, 25))):
        turn, i = TURNS[int(draw.integers(len(TURNS)))], int(draw.integers(6))
        a, b = made[int(draw.integers(len(made)))], made[int(draw.integers(len(made)))]
        try:
            new = turn(a, b, i)
        except (ValueError, IndexError, TypeError, ZeroDivisionError):
            continue
        if 0 < new.size < 3000 and new.ndim < 5:
            made.append(new)
    return made[len(values) :][-4:]


@pytest.mark.parametrize("seed", [*range(6), *[pytest.param(i, marks=pytest.mark.slow) for i in range(6, 150)]])
def test_random_programs(seed: int) -> None:
    draw = rng(seed)
    dtype = DTYPES[seed % 2]
    shapes = [SHAPES[int(draw.integers(len(SHAPES)))] for _ in range(4)]
    start = [draw.normal(size=shape).astype(dtype) for shape in shapes[2:]]
    calls = [[np.asarray(draw.normal(size=shape), dtype)[()] for shape in shapes[:2]] for _ in range(4)]

    def trained(compiles: bool) -> list[Any]:
        parameters = [Value(x) for x in start]

        def step(x: Any, y: Any) -> Any:
            for w in parameters:
                w.grad = None
            results = random_results(seed, [Value(x), Value(y), *parameters])
            cost = sum([(r * r).mean() for r in results], Value(np.zeros((), dtype)))
            cost.backward()
            for w in parameters:
                if w.grad is not None:
                    w.data = w.data - 0.01 * w.grad
            return [cost, *results]

        run = native(step) if compiles else step
        found: list[Any] = []
        for x, y in calls:
            found += [np.array(r.data) for r in run(x, y)]
            found += [np.array(w.data) for w in parameters]
            found += [None if w.grad is None else np.array(w.grad) for w in parameters]
        return found

    rounding = 2e-3 if dtype == np.float32 else 1e-8
    with np.errstate(all="ignore"):
        for got, wanted in zip(trained(True), trained(False), strict=True):
            assert (got is None) == (wanted is None)
            if got is not None:
                assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
                near = rounding * max(1e-3, np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
                assert np.allclose(got, wanted, rtol=rounding, atol=near, equal_nan=True)


# -------------------------------------------------------------------------------------------------------- which backend


COSTS: list[Callable[..., Any]] = [
    lambda a, b, c, x, y: ((a @ b @ c) * y).sum(), lambda a, b, c, x, y: ((x @ a @ b @ c) * 2.0).sum(),
    lambda a, b, c, x, y: ((a @ b) * (y @ c.T)).sum(), lambda a, b, c, x, y: ((a @ b) ** 2).sum() + (b @ c).sum(),
    lambda a, b, c, x, y: ((a * 2.0) @ (b @ c) * y).sum() + (a * a).sum(),
    lambda a, b, c, x, y: ((x @ (a @ b)) @ c).sum() + (b.T @ a.T).sum(),
]  # fmt: skip


def moved(w: Value, way: int, lr: float) -> None:
    """A step of descent, in one of the ways in which it is written."""
    if way == 0:
        w.data -= lr * w.grad
    elif way == 1:
        w.data = w.data - w.grad * lr
    elif way == 2:
        w.data += -lr * w.grad
    else:
        w.data[...] = w.data - (lr * w.grad + 0.125 * w.data)


@pytest.mark.parametrize("seed", [*range(5), 70, *[pytest.param(i, marks=pytest.mark.slow) for i in range(5, 150)]])
def test_products_of_parameters_that_move_in_any_order(seed: int) -> None:
    """Each is read by the gradients of the others, some of which go off their parameters as they are made."""
    sizes = rng(seed).choice([1, 2, 4, 5, 20, 40], 4)
    cost_of, ways, order = COSTS[seed % len(COSTS)], rng(seed).choice([0, 0, 0, 1, 2, 3], 3), rng(seed).permutation(3)

    def trained(compiles: bool) -> list[Any]:
        draw = rng(seed)
        ws = [Value(draw.integers(-2, 3, shape).astype(np.float32)) for shape in itertools.pairwise(sizes)]

        def step(x: Any, y: Any) -> Any:
            for w in ws:
                w.grad = None
            cost = cost_of(*ws, x, y)
            cost.backward()
            for i in order:
                moved(ws[i], ways[i], 0.25)
            return cost

        f, found = native(step) if compiles else step, []
        for _ in range(4):
            x, y = (draw.integers(-1, 2, shape).astype(np.float32) for shape in [(3, sizes[0]), (sizes[0], sizes[3])])
            for w in ws:
                w.data[...] = np.clip(np.round(w.data), -2, 2)
            found += [f(x, y).data, *(w.data.copy() for w in ws), *(w.grad for w in ws)]
        return found

    assert all(np.allclose(x, y, rtol=1e-4) for x, y in zip(trained(True), trained(False), strict=True))


def test_the_backend_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(compiled: Any) -> str:
        for _ in range(3):
            compiled(np.ones(3))
        return type(compiled.latest).__name__

    def f(x: Any) -> Any:
        return (Value(x) ** 2).sum()

    assert kind(mg.compile(f)) == "NativeProgram"
    assert kind(mg.compile(f, backend="numpy")) == "NumPyProgram"
    assert kind(mg.compile(backend="numpy")(f)) == "NumPyProgram"
    monkeypatch.setattr(mg.compile, "backend", "numpy")
    assert kind(mg.compile(f)) == "NumPyProgram"
    assert kind(mg.compile(f, backend="native")) == "NativeProgram"
    with pytest.raises(ValueError, match="'numpy' or 'native'"):
        mg.compile(f, backend="gpu")  # type: ignore[call-overload]


def test_without_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    from microgradnet.programs import backends

    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'needs llvmlite: pip install "microgradnet\[native\]"'):
        mg.compile(lambda x: x, backend="native")


def test_the_source_is_numpys() -> None:
    twin = Twin("article")
    twin.run(), twin.run(), twin.run()
    assert "native" not in twin.native.source
    assert "dot(" in twin.native.source
    assert "native1(" in twin.native.latest.text


def test_a_parameter_is_read_again_after_it_has_moved() -> None:
    """The other way round, as a Linear reads it, while its gradient lies in memory that way too."""
    w = Value(np.full((2, 3), 0.3, np.float32))
    eager = Value(w.data.copy())

    def of(w: Value) -> Callable[..., Any]:
        def step(x: Any) -> Any:
            w.grad = None
            cost = ((x @ w.T) ** 2).mean()
            cost.backward()
            w.data -= 0.1 * w.grad
            return cost, (x @ w.T).mean(), w.T.sum()

        return step

    compiled, plain = native(of(w)), of(eager)
    for i in range(6):
        x = rng(i).normal(size=(4, 3)).astype(np.float32)
        for got, wanted in zip(compiled(x), plain(x), strict=True):
            np.testing.assert_allclose(numbers(got), numbers(wanted), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(w.data, eager.data, rtol=1e-6)
    assert ran_natively(compiled)


def test_a_parameter_that_becomes_a_view_of_itself_is_read_before_it_is_written() -> None:
    start = np.arange(64, dtype=np.float32).reshape(8, 8)
    w = Value(start.copy())

    def step(x: Any) -> Any:
        w.data[...] = w.data.T
        return (w * x).sum()

    compiled = native(step)
    for i in range(4):
        compiled(start)
        assert (w.data == (start if i % 2 else start.T)).all()
    assert ran_natively(compiled)


def test_a_gradient_that_is_returned_is_not_written_over() -> None:
    w = Value(np.full((3, 4), 0.1))

    def step(x: Any) -> Any:
        w.grad = None
        out = np.tanh(x @ w)
        out.sum().backward()
        return out, w.grad, w.grad.T, {"first": w.grad[0]}

    compiled, seen = native(step), []
    for i in range(6):
        out, g, turned, more = compiled(np.arange(6.0).reshape(2, 3) + i)
        seen.append([(x, x.copy()) for x in (numbers(out), g, turned, more["first"])])
    assert ran_natively(compiled)
    assert all((x == copy).all() for results in seen for x, copy in results)


# ------------------------------------------------------------------------------------------------------------- scalars


def test_a_graph_of_scalars_is_one_native_function() -> None:
    def made() -> tuple[list[Value], Callable[..., Any]]:
        ps = [Value(0.1 * i - 1.2) for i in range(24)]

        def step(rate: float) -> Any:
            hidden = [sum((p * float(i - j) for j, p in enumerate(ps[:8])), ps[8 + i]).relu() for i in range(8)]
            cost = sum((h * p - 0.5) ** 2 for h, p in zip(hidden, ps[:15:-1], strict=True))
            for p in ps:
                p.grad = None
            cost.backward()
            for p in ps:
                p.data -= rate * p.grad
            return cost

        return ps, step

    (mine, step), (theirs, eager) = made(), made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_module, "vectorised", lambda n, r: vectorised(n, r, fewest=0, gain=0, many=2))
        compiled = native(step)
        for _ in range(6):
            assert np.isclose(compiled(1e-3).item(), eager(1e-3).item(), rtol=1e-12)
    assert "home1" in compiled.source
    assert len(compiled.latest.segments) == 1
    assert not [x for x in compiled.latest.plan.steps if isinstance(x, Node) and x.kind == "call"], compiled.latest.text
    assert np.allclose([p.data for p in mine], [p.data for p in theirs], rtol=1e-12)
    assert np.allclose([p.grad for p in mine], [p.grad for p in theirs], rtol=1e-12)


def compiled_step(width: int = 5) -> tuple[Any, np.ndarray]:
    w = Value(rng(0).random((3, width)).astype(np.float32))

    def step(x: np.ndarray) -> Any:
        w.grad = None
        cost = (np.tanh(x @ w) ** 2).sum()
        cost.backward()
        w.data -= np.float32(0.1) * w.grad
        return cost

    made = native(step)
    x = rng(1).random((4, 3)).astype(np.float32)
    for _ in range(2):
        made(x)
    return made, x


def test_the_same_steps_are_compiled_to_machine_code_once() -> None:
    """Another model of the same shapes has other arrays, and the same code; and code stays while a program runs it."""
    machine.compiled.cache_clear()
    first, x = compiled_step()
    known = machine.compiled.cache_info()
    second, _ = compiled_step()
    assert machine.compiled.cache_info().misses == known.misses
    other, _ = compiled_step(width=6)
    assert ran_natively(other)
    assert machine.compiled.cache_info().misses == known.misses + 1
    eager = [float(first.function(x)) for _ in range(3)]
    machine.compiled.cache_clear()
    gc.collect()
    np.testing.assert_allclose([float(second(x)) for _ in range(3)], eager, rtol=1e-5)


@pytest.mark.parametrize("layout", ["in order", "turned", "every other one", "one", "none of it in order"])
def test_an_index_out_of_bounds_is_found_however_the_indices_lie(layout: str) -> None:
    """Wherever among them it is, before anything is read or written; the program then takes good ones again."""
    table = Value(rng(0).random((7, 3)))
    stored = {
        "in order": np.zeros((3, 4), np.int64), "turned": np.zeros((4, 3), np.int64).T, "one": np.zeros(1, np.int64),
        "every other one": np.zeros((3, 8), np.int64)[:, ::2],
        "none of it in order": np.zeros((6, 8), np.int64)[::2, ::2],
    }  # fmt: skip
    indices = stored[layout]
    indices[...] = rng(1).integers(-7, 7, indices.shape)
    look_up = native(lambda i: table[i].sum())
    for _ in range(3):
        got = look_up(indices)
    assert ran_natively(look_up)
    np.testing.assert_allclose(float(got), table.data[indices].sum())
    for place in np.ndindex(indices.shape):
        for bad in (7, -8, 1 << 62):
            good, indices[place] = indices[place], bad
            with pytest.raises(IndexError):
                look_up(indices)
            indices[place] = good
    np.testing.assert_allclose(float(look_up(indices)), table.data[indices].sum())


def test_of_indices_that_are_taken_out_of_others_those_alone_are_looked_at() -> None:
    table = Value(rng(0).random((7, 3)))
    look_up = native(lambda i, j: [table[i[::-2]], table[j[1:, ::2]]])
    i, j = np.array([9, 0, 9, -7, 9, 6]), np.array([[9, 9, 9], [-7, 9, 0], [6, 9, -1]])
    for _ in range(3):
        first, second = look_up(i, j)
    assert ran_natively(look_up)
    assert (first.data == table.data[i[::-2]]).all()
    assert (second.data == table.data[j[1:, ::2]]).all()
    for x, place in [(i, 1), (i, 3), (i, 5), *[(j, p) for p in [(1, 0), (1, 2), (2, 0), (2, 2)]]]:
        for bad in (7, -8):
            good, x[place] = x[place], bad
            with pytest.raises(IndexError):
                look_up(i, j)
            x[place] = good
    assert (look_up(i, j)[0].data == first.data).all()


# ------------------------------------------------------------------------------------------ the processor and libraries


@pytest.mark.parametrize(("features", "triple", "vectors"), [
    ({"avx512f": True, "avx": True}, "x86_64-unknown-linux-gnu", (32, 64)),
    ({"avx512f": False, "avx": True}, "x86_64-unknown-linux-gnu", (16, 32)),
    ({"avx": False}, "x86_64-pc-windows-msvc", (16, 16)),
    ({"neon": True}, "aarch64-apple-darwin", (32, 16)),
])  # fmt: skip
def test_tiles_are_as_large_as_the_registers_of_the_processor(
    features: dict[str, bool], triple: str, vectors: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    import llvmlite.binding as llvm

    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)
    monkeypatch.setattr(llvm, "get_process_triple", lambda: triple)
    assert machine.registers.__wrapped__() == vectors


def test_blas_is_looked_for_among_the_libraries_that_came_with_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["numpy/__init__.py", "numpy/.dylibs/libopenblas.dylib", "numpy/.dylibs/libgfortran.dylib",
             "numpy.libs/libscipy_openblas64_.so", "numpy.libs/a_blas.so", "other.libs/libblas.so"]  # fmt: skip
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no library")
    with monkeypatch.context() as patch:
        patch.setattr(np, "__file__", str(tmp_path / "numpy" / "__init__.py"))
        found = blas.libraries()
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [files[4], files[3], files[1]]


def test_the_functions_of_blas_are_those_of_the_first_library_that_has_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no library is passed over, and so is one that has none of them."""
    import llvmlite.binding as llvm

    real = blas.addresses()  # which are remembered: not those of other libraries
    (tmp_path / "libblas.so").write_text("no library")
    others = [tmp_path / "libblas.so", Path(llvm.ffi.lib._name)]
    monkeypatch.setattr(blas, "libraries", lambda: others)
    assert blas.addresses.__wrapped__() == {}
    if real:
        monkeypatch.undo()
        libraries = blas.libraries()
        monkeypatch.setattr(blas, "libraries", lambda: [*others, *libraries])
        assert blas.addresses.__wrapped__() == real
        assert set(real) == {"sgemm", "dgemm", "sgemv", "dgemv"}
        assert all(real.values())


@pytest.mark.parametrize(("name", "other"), [
    ("HEAD", 32), ("TYPE", 0), ("DATA", 32), ("NDIM", 16), ("DIMENSIONS", 40), ("STRIDES", 32), ("DTYPE", 8),
    ("FLAGS", 24), ("ALIGNED", 0x800), ("WRITEABLE", 0x800), ("LENGTH", 0), ("ITEMS", 8),
])  # fmt: skip
def test_nothing_runs_natively_where_objects_look_otherwise(
    name: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cpython.fits.__wrapped__()
    monkeypatch.setattr(cpython, name, other)
    assert not cpython.fits.__wrapped__()


def test_nothing_runs_natively_but_in_cpython_of_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cpython.sys.implementation, "name", "pypy")
        assert not cpython.fits.__wrapped__()
    monkeypatch.setattr(cpython.ctypes, "sizeof", lambda kind: 4)
    assert not cpython.fits.__wrapped__()


def test_all_that_is_found_out_once_can_be_found_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the processor, LLVM, NumPy's libraries and CPython have: a step that starts from nothing is as good."""
    monkeypatch.setattr(lists, "same", functools.cache(lists.same.__wrapped__))  # earlier programs need their code
    for found in (machine.registers, machine.target, machine.compiled, blas.addresses):
        found.cache_clear()
    twin = Twin("article", "momentum")
    for _ in range(4):
        twin.run()
    twin.same()
    assert ran_natively(twin.native)


def test_llvm_makes_vectors_of_loops_and_keeps_the_sums_of_tiles_in_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Machine(machine.Machine):
        def __init__(self, module: Any, effort: int) -> None:
            made.append(str(module))
            super().__init__(module, effort)

    monkeypatch.setattr(machine, "Machine", Machine)
    machine.compiled.cache_clear()
    x, y = np.ones((12, 21), np.float32), np.ones((21, 400), np.float32)
    check(lambda x, y: [Value(x) @ y, Value(x) * 2.0, np.exp(Value(x[:, :11])), np.exp(Value(y))], x, y)
    functions = dict(re.findall(r"^define [^@]*@(\w+)(\(.*?^)}", made[0], re.DOTALL | re.MULTILINE))
    loops = [text for name, text in functions.items() if name.startswith("step") and "@outer" not in text]
    assert len(loops) == 3  # two short ones, which are written as vectors
    assert all(re.search(r"<(4|8|16) x float>", text) for text in loops)
    if machine.registers()[1] > 16:  # of 11 in a row the last are one vector that is not full
        assert any("masked.store" in text for text in loops)
    tiles = [text for name, text in functions.items() if name.startswith("outer")]
    assert tiles
    assert not any("alloca" in text for text in tiles)
    (step,) = re.findall(r"^define void @step0\(.*?^}", made[1], re.DOTALL | re.MULTILINE)
    calls = re.findall(r"call void inttoptr .* to ptr\)\((.*)\)", step)
    assert calls
    assert not any("i64 21" in call or "float" in call for call in calls)  # what all hand over is in the code


def test_a_step_that_calls_the_host_is_one_program_all_the_same() -> None:
    """Only while a call of it runs is another one no call of the program."""
    w, seen = Value(np.ones(3)), list[float]()

    def note(x: Any) -> float:
        seen.append(float(x))
        return 2.0

    compiled = native(lambda x: (w * x).sum() * mg.host_call(note, (w * x).max()))
    assert [float(compiled(np.full(3, float(i)))) for i in range(6)] == [0.0, 6.0, 12.0, 18.0, 24.0, 30.0]
    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert programs(compiled) == 1
    assert ran_natively(compiled)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_a_host_call_of_no_arguments_may_come_back_to_the_step_too(backend: Any) -> None:
    """It has waited for itself for ever: a native step's memory is in use by one call at a time."""
    depth, seen = [0], []

    def again() -> None:
        if not depth[0]:
            depth[0] = 1
            seen.append(float(step(np.ones(3))))
            depth[0] = 0

    w = Value(np.ones(3))

    def function(x: Any) -> Any:
        mg.host_call(again)
        return (w * x).sum() * 2

    step = mg.compile(function, backend=backend)
    assert [float(step(np.full(3, 2.0))) for _ in range(4)] == [12.0] * 4
    assert seen == [6.0] * 4


def test_gradients_of_parts_have_the_shapes_of_what_they_are_parts_of() -> None:
    """One array, put at the same place among zeros in arrays of two shapes, is two arrays."""
    short, long, matrix = Value(np.arange(5.0)), Value(np.arange(7.0)), Value(np.ones((7, 2)))

    def step(x: Any) -> Any:
        for v in (short, long, matrix):
            v.grad = None
        cost = ((short[:3] + long[:3] + matrix[:3, 0]) * x).sum()
        cost.backward()
        return cost

    run = native(step)
    x = np.array([1.0, 2.0, 3.0])
    for _ in range(4):
        run(x)
    assert ran_natively(run)
    for v in (short, long):
        assert v.grad.shape == v.shape
        np.testing.assert_array_equal(v.grad, np.pad(x, (0, v.size - 3)))
    np.testing.assert_array_equal(matrix.grad, np.pad(x[:, None], ((0, 4), (0, 1))))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", [
    lambda: nn.RNN(4, 5, seed=0), lambda: nn.GRU(4, 5, 2, seed=0), lambda: nn.LSTM(4, 5, 2, bidirectional=True, seed=0),
])  # fmt: skip
@pytest.mark.parametrize("times", [1, 2, 7])
def test_recurrent_layers_are_machine_code(layer: Any, times: int, dtype: Any) -> None:
    """With the state that they begin with, which is a constant."""
    model = layer().astype(dtype)
    x = rng().normal(size=(times, 3, 4)).astype(dtype)

    def step(x: Any) -> Any:
        model.zero_grad()
        out, last = model(x)
        cost = (out * out).mean() + sum(part.sum() for part in (last if isinstance(last, tuple) else (last,)))
        cost.backward()
        return cost

    expected = [step(x).item(), *(p.grad for p in model.parameters())]
    run = native(step)
    for _ in range(4):
        cost = run(x)
    lines = [x for x in run.latest.plan.steps if isinstance(x, Node) and x.kind == "call"]
    assert not lines or times == 1, run.latest.text  # before the first time there is nothing, which NumPy sees to
    for mine, theirs in zip([cost.item(), *(p.grad for p in model.parameters())], expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x.astype(np.float64),
        lambda x: x[..., None],
        lambda x: x.reshape(-1),
        lambda x: x[:, :2],
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, 1)[:, ::2],
        lambda x: Value(x),
        lambda x: x.astype(np.int32),
    ],
    ids=["float64", "another axis", "one axis", "shorter", "turned", "gaps", "a Value", "ints"],
)
def test_machine_code_takes_no_argument_for_what_it_was_made_for(other: Any) -> None:
    """It finds the numbers in the objects it is handed, which are to be arrays laid out like those of before."""

    def step(x: Any) -> Any:
        return np.tanh(x) * 2.0 + x

    f = native(step)
    x = rng(0).normal(size=(2, 3)).astype(np.float32)
    for _ in range(4):
        f(x)
    wanted, found = step(other(x)), f(other(x))
    wanted, found = (y.data if isinstance(y, Value) else y for y in (wanted, found))
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    assert np.allclose(found, wanted, rtol=1e-6)
    for stranger in (x.view(type("Plain", (np.ndarray,), {})), x.tolist()):
        with pytest.raises(TypeError, match="array"):
            f(stranger)


def test_machine_code_writes_over_nothing_that_is_read_only() -> None:
    w = Value(np.ones(5))

    @native
    def step(x: Any) -> None:
        w.data -= 0.5 * x

    for _ in range(4):
        step(np.ones(5))
    assert w.data.tolist() == [-1.0] * 5
    w.data.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        step(np.ones(5))
    assert w.data.tolist() == [-1.0] * 5


def test_a_parameter_that_is_an_argument_too_is_read_before_it_is_written() -> None:
    def trained(compiles: bool) -> Any:
        w = Value(np.arange(40.0))

        def step(x: Any) -> None:
            w.data -= 0.5 * np.flip(x)

        f = native(step) if compiles else step
        for _ in range(4):
            f(np.ones(40))
        f(w.data)
        return w.data

    assert np.array_equal(trained(True), trained(False))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "k"), [(1, 3), (4, 40), (5, 3), (13, 40)])
def test_products_of_whole_vectors_are_right_beside_others_of_their_size(m: int, k: int, dtype: Any) -> None:
    """Whose tile, which masks the last vector, computes both."""
    draw = rng(m)

    @native
    def step(x: Any, y: Any, z: Any, c: Any, d: Any) -> Any:
        v = Value(x)
        return F.linear(v, y.T * 1.0, c), F.linear(v, z.T * 1.0, d), v @ y, v @ z

    for whole, other in itertools.product([16, 32], [5, 10, 24]):
        shapes = [(m, k), (k, whole), (k, other), (whole,), (other,)]
        x, y, z, c, d = (draw.integers(-9, 9, shape).astype(dtype) for shape in shapes)
        for _ in range(3):
            found = step(x, y, z, c, d)
        for made, wanted in zip(found, (x @ y + c, x @ z + d, x @ y, x @ z), strict=True):
            assert made.shape == wanted.shape
            assert np.array_equal(made.data, wanted)
