"""NumPy's statistics and small calculus: value, gradient and second derivative, one argument variant after another."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet  # noqa: F401  (fills the tables)
from microgradnet.core import FORMULAS, NonDiff, Value, numbers, sweep
from microgradnet.gradcheck import numerical_grad

inf, nan = np.inf, np.nan

# ------------------------------------------------------------------------------------------------------ calls as data


class Drawn(NamedTuple):
    """An array to be drawn: no two elements alike, sorted or with NaNs if asked for."""

    shape: tuple[int, ...]
    low: float = -3.0
    high: float = 3.0
    sort: bool = False
    nans: bool = False

    def numbers(self, rng: np.random.Generator) -> np.ndarray:
        size = int(np.prod(self.shape))
        place = (rng.permutation(size) + 0.5 + rng.uniform(0.05, 0.35, size)) / max(size, 1)
        x = self.low + (np.sort(place) if self.sort else place) * (self.high - self.low)
        return x.reshape(self.shape)

    def holes(self) -> np.ndarray:
        size = int(np.prod(self.shape))
        return (np.arange(size) % 5 == 1).reshape(self.shape) & self.nans


def A(*shape: int) -> Drawn:
    return Drawn(shape)


def P(*shape: int) -> Drawn:
    return Drawn(shape, 0.5, 2.0)


def S(*shape: int) -> Drawn:
    return Drawn(shape, sort=True)


def N(*shape: int) -> Drawn:
    return Drawn(shape, nans=True)


class Call:
    """One way to call a function of NumPy: its name, then arguments, some of them to be drawn."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.name, self.args, self.kwargs = name, args, kwargs
        self.drawn = [x for x in (*args, *kwargs.values()) if isinstance(x, Drawn)]

    def __call__(self, arrays: Any, module: Any = np) -> list[Any]:
        """The results for these arrays in the places of the drawn ones."""
        rest = iter(arrays)
        args = [next(rest) if isinstance(x, Drawn) else x for x in self.args]
        kwargs = {name: next(rest) if isinstance(x, Drawn) else x for name, x in self.kwargs.items()}
        out = getattr(module, self.name)(*args, **kwargs)
        return list(out) if isinstance(out, (tuple, list)) else [out]

    def arrays(self, seed: int = 0) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [np.where(x.holes(), nan, x.numbers(rng))[()] for x in self.drawn]

    def __repr__(self) -> str:
        shown = [x.shape if isinstance(x, Drawn) else x for x in self.args]
        return f"np.{self.name}{tuple(shown)}, {self.kwargs}"


MASK = np.array([[True, False, True, True], [True, True, False, True], [True, True, True, True]])
REDUCED: list[dict[str, Any]] = [
    {}, {"axis": 0}, {"axis": -1}, {"axis": (0, 2)}, {"axis": (-1, 0), "keepdims": True}, {"keepdims": True},
    {"axis": 1, "keepdims": True}, {"axis": None},
]  # fmt: skip
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip


def calls() -> Iterator[Call]:
    for name in ("var", "std", "nanvar", "nanstd"):
        X = N if name.startswith("nan") else A
        for how in REDUCED:
            yield Call(name, X(3, 4, 2), **how)
            yield Call(name, X(3, 4, 2), ddof=0.5, **how)
        yield Call(name, X(3, 4), 0, None, None, 1.5, True)
        yield Call(name, X(3, 4), axis=1, correction=1)
        yield Call(name, X(3, 4), axis=(), ddof=-1)
        yield Call(name, X(3, 4), where=MASK)
        yield Call(name, X(3, 4), axis=1, where=MASK, ddof=0.5, keepdims=True)
        yield Call(name, X(3, 4), axis=0, where=MASK[:, :1])
        yield Call(name, X(3, 4), axis=1, mean=A(3, 1))
        yield Call(name, X(3, 4), axis=1, mean=A(3, 1), where=MASK)
        yield Call(name, X(3, 4), dtype=np.float64)
        yield Call(name, X(0, 4), axis=1)
    for name in ("var", "nanvar"):
        yield Call(name, A())
        yield Call(name, A(1))
    for how in REDUCED:
        yield Call("ptp", A(3, 4, 2), **how)
        yield Call("average", A(3, 4, 2), **how)
        yield Call("average", A(3, 4, 2), weights=P(3, 4, 2), **how)
        yield Call("median", A(3, 4, 2), **how)
        yield Call("nanmedian", N(3, 4, 2), **how)
        yield Call("nansum", N(3, 4, 2), **how)
        yield Call("nanprod", N(3, 4, 2), **how)
        yield Call("nanmean", N(3, 4, 2), **how)
        yield Call("nanmax", N(3, 4, 2), **how)
        yield Call("nanmin", N(3, 4, 2), **how)
        for name, q in (
            ("quantile", 0.3),
            ("percentile", 30),
            ("nanquantile", [0.3, 1.0]),
            ("nanpercentile", [25, 60.0]),
        ):
            X = N if name.startswith("nan") else A
            yield Call(name, X(3, 4, 2), q, **how)
            yield Call(name, X(3, 4, 2), 100 if "percent" in name else [0.0, 1.0], **how)
    yield Call("average", A(3, 4), returned=True)
    yield Call("average", A(3, 4), -1, P(4), True)
    yield Call("average", A(3, 4), 0, P(3), returned=True, keepdims=True)
    yield Call("average", A(3, 4), axis=(1, 0), weights=P(4, 3))
    yield Call("average", A(3, 4), axis=1, weights=[1, 2, 3, 4])
    yield Call("average", [[1, 2], [3, 5]], axis=1, weights=P(2))
    yield Call("ptp", A(), axis=None)
    for shape in ((5,), (4,), (1,), (2, 1), (0, 3)):
        yield Call("median", A(*shape), axis=-1)
        yield Call("nanmedian", A(*shape), axis=-1)
    yield Call("median", A(0, 3), axis=1, keepdims=True, overwrite_input=True)
    yield Call("median", A(3, 4), axis=())
    for method in METHODS:
        for n, q in itertools.product((1, 2, 5, 8), (0, 0.0, 0.1, 0.25, 0.5, 0.7, 1.0, 1)):
            yield Call("quantile", A(n), q, method=method)
        yield Call("quantile", A(3, 6), [0.1, 0.5, 0.9], axis=1, method=method)
        yield Call("quantile", A(3, 6), np.array([[0.0, 0.3], [0.7, 1.0]]), axis=0, method=method, keepdims=True)
        yield Call("percentile", A(3, 6), (30, 75), axis=(0, 1), method=method, keepdims=True)
        yield Call("nanquantile", N(3, 6), [0.2, 0.6], axis=1, method=method)
        yield Call("nanpercentile", N(7, 2), 35, axis=0, method=method)
    for method in ("linear", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased"):
        yield Call("quantile", A(5), Drawn((), 0.02, 0.98), method=method)
        yield Call("quantile", A(5, 2), Drawn((3,), 0.02, 0.98), 0, method=method)
        yield Call("nanpercentile", N(7, 2), Drawn((3,), 2, 98), 0, method=method)
    for q in (0, 0.3, [0.2, 0.55, 1.0]):
        yield Call("quantile", A(5), q, weights=P(5), method="inverted_cdf")
        yield Call("quantile", A(3, 4), q, 1, weights=[0, 1, 2, 0.5], method="inverted_cdf")
        yield Call("quantile", A(3, 4), q, 1, weights=P(3, 4), method="inverted_cdf", keepdims=True)
        yield Call("nanquantile", N(3, 4), q, 1, weights=P(3, 4), method="inverted_cdf")
        yield Call("quantile", S(4), q, weights=[0, 0, 1, 2], method="inverted_cdf")
    yield Call("percentile", A(3, 4), 40, (0, 1), weights=P(3, 4), method="inverted_cdf")
    for name in ("nansum", "nanprod"):
        yield Call(name, N(3, 4), where=MASK)
        yield Call(name, N(3, 4), axis=1, where=MASK, initial=2.0, keepdims=True)
        yield Call(name, N(3, 4), 0, None, None, False, 1.5)
        yield Call(name, N(3, 4), axis=0, initial=A())
        yield Call(name, A())
        yield Call(name, A(0, 3), axis=0)
        yield Call(name, A(0, 3), axis=1)
        yield Call(name, N(3, 4), axis=())
    yield Call("nanmean", N(3, 4), axis=1, where=MASK)
    yield Call("nanmean", N(3, 4), dtype=np.float64, keepdims=True)
    for name in ("nanmax", "nanmin"):
        yield Call(name, N(3, 4), axis=1, initial=0.3)
        yield Call(name, N(3, 4), where=MASK, initial=-2.0, axis=0)
        yield Call(name, N(3, 4), where=MASK, initial=A(), axis=1, keepdims=True)
        yield Call(name, A(0, 3), axis=0, initial=1.0)
        yield Call(name, A(0, 3), axis=1)
        yield Call(name, A())
    for name in ("nancumsum", "nancumprod"):
        for axis in (None, 0, -1, 1):
            yield Call(name, N(3, 4), axis=axis)
        yield Call(name, A())
        yield Call(name, A(0, 2), 1)
        yield Call(name, N(5), 0, np.float64)
    for axis, n in itertools.product((0, 1, -1), (0, 1, 2, 4)):
        yield Call("diff", A(3, 4), n, axis)
    yield Call("diff", A(4), prepend=A(), append=A(2))
    yield Call("diff", A(3, 4), prepend=0.0, axis=0)
    yield Call("diff", A(3, 4), 2, append=A(3, 2))
    yield Call("diff", [1.0, 4.0], prepend=A(1))
    yield Call("diff", A(0), 1)
    yield Call("diff", A(1), 1)
    yield Call("ediff1d", A(3, 2))
    yield Call("ediff1d", A(4), A(2), A())
    yield Call("ediff1d", A(4), to_end=[[1.0, 2.0]])
    yield Call("ediff1d", A(4), to_begin=7)
    yield Call("ediff1d", A(0))
    for order in (1, 2):
        yield Call("gradient", A(4, 5), edge_order=order)
        yield Call("gradient", A(4, 5), P(), edge_order=order)
        yield Call("gradient", A(4, 5), 0.5, P(), edge_order=order)
        yield Call("gradient", A(4, 5), S(4), S(5), edge_order=order)
        yield Call("gradient", A(4, 3, 5), S(5), P(), axis=(2, 0), edge_order=order)
        yield Call("gradient", A(4, 5), S(5), axis=-1, edge_order=order)
        yield Call("gradient", A(3, 3), [1, 2, 4], axis=0, edge_order=order)
        yield Call("gradient", [1.0, 5.0, 7.0, 8.0], S(4), edge_order=order)
        yield Call("gradient", A(3), edge_order=order)
        yield Call("gradient", A(3, 0), axis=0, edge_order=order)
    yield Call("gradient", A(2), P())
    for axis in (0, 1, -1):
        yield Call("trapezoid", A(3, 4), axis=axis)
        yield Call("trapezoid", A(3, 4), A(3, 4), axis=axis)
        yield Call("trapezoid", A(3, 4), dx=P(), axis=axis)
    yield Call("trapezoid", A(3, 4), A(4))
    yield Call("trapezoid", A(3, 4), A(3), axis=0)
    yield Call("trapezoid", A(3, 4), [1, 2, 4, 9])
    yield Call("trapezoid", [1, 2, 3], A(3), 5.0)
    yield Call("trapezoid", A(1))
    yield Call("trapezoid", A(0))
    for how in ({}, {"bias": True}, {"ddof": 0}, {"ddof": 2}, {"rowvar": False}, {"rowvar": False, "bias": True}):
        yield Call("cov", A(3, 5), **how)
        yield Call("cov", A(5), **how)
        yield Call("cov", A(5), A(5), **how)
        yield Call("cov", A(4, 4), A(4, 4), **how)
    yield Call("cov", A(3, 5), aweights=P(5))
    yield Call("cov", A(3, 5), aweights=P(5), fweights=[1, 2, 1, 3, 1], ddof=2)
    yield Call("cov", A(3, 5), fweights=[1, 2, 1, 3, 1])
    yield Call("cov", A(3, 5), fweights=[1, 2, 1, 3, 1], aweights=P(5), bias=True)
    yield Call("cov", A(5, 3), A(5, 2), False, aweights=[1, 2, 1, 0.5, 1])
    yield Call("cov", A(0, 5))
    yield Call("corrcoef", A(3, 5))
    yield Call("corrcoef", A(5), A(5))
    yield Call("corrcoef", A(5, 3), rowvar=False)
    yield Call("corrcoef", A(3, 5), A(2, 5), dtype=np.float64)
    yield Call("corrcoef", A(5))
    yield Call("interp", A(7), S(4), A(4))
    yield Call("interp", A(2, 3), S(4), A(4), left=A(), right=5.0)
    yield Call("interp", A(), [-1.0, 0.0, 1.0], A(3))
    yield Call("interp", A(4), [-1, 0, 0, 1], A(4), -3, right=A())
    yield Call("interp", [0.1, 0.7], S(3), [1, 5, 2], right=2)
    yield Call("interp", A(5), S(1), A(1))
    yield Call("interp", A(0), S(3), A(3))
    yield Call("interp", Drawn((7,), -9, 9), A(5), A(5), period=6.5)
    yield Call("interp", Drawn((7,), -9, 9), [3.0, 1.0, 2.0], A(3), period=-4)
    for name, (a, v), mode in itertools.product(
        ("convolve", "correlate"), ((5, 3), (3, 5), (4, 4), (6, 4), (4, 6), (1, 3), (3, 1), (1, 1)),
        ("full", "same", "valid"),
    ):  # fmt: skip
        yield Call(name, A(a), A(v), mode)
    yield Call("convolve", A(4), [1, 2])
    yield Call("convolve", [1.0, 2.0, 4.0], A(4))
    yield Call("correlate", A(4), A(2))
    yield Call("convolve", A(), A(3))
    for p, x in ((A(4), A(3)), (A(3), A()), (A(1), A(2, 2)), (A(0), A(2)), (A(4), A(0))):
        yield Call("polyval", p, x)
    yield Call("polyval", [1, 2, 3], A(2))
    yield Call("polyval", A(3), [0.5, 2.0])
    for name, (a, b) in itertools.product(("polyadd", "polysub", "polymul"), ((3, 3), (2, 4), (4, 2), (1, 1))):
        yield Call(name, A(a), A(b))
        yield Call(name, A(a), [1.0, 3])
        yield Call(name, 2.0, A(b))
    yield Call("polymul", A(3), [0, 0, 1, 2])
    for m in (0, 1, 2, 5):
        yield Call("polyder", A(4), m)
        yield Call("polyint", A(3), m)
    yield Call("polyint", A(3), 2, k=A(2))
    yield Call("polyint", A(3), 2, k=4)
    yield Call("polyint", A(3), 3, 2.0)
    for axis in (0, -1):
        yield Call("unwrap", Drawn((3, 5), -20, 20), axis=axis)
        yield Call("unwrap", Drawn((5, 3), -20, 20), axis=axis, period=5)
        yield Call("unwrap", Drawn((5, 3), -20, 20), 4.0, axis)
    yield Call("unwrap", A(1))
    yield Call("vander", A(4))
    yield Call("vander", A(3), 5, True)
    yield Call("vander", A(3), N=2)
    yield Call("vander", A(3), 1)
    yield Call("vander", A(3), 0)
    yield Call("vander", A(0), 2)
    yield Call("i0", A(5))
    yield Call("i0", Drawn((2, 3), -9, 9))
    yield Call("i0", A())


CALLS: dict[str, list[Call]] = {}
for call in calls():
    CALLS.setdefault(call.name, []).append(call)

every_function = pytest.mark.parametrize("name", CALLS)

# NumPy makes float64 of a single float32 here, through a Python number; it stays float32.
NUMPY_LOSES_THE_DTYPE = {"median"}

# What NumPy does not look at to see whether a Value is among the arguments: beside arrays only, it cannot be one.
NUMPY_DOES_NOT_ASK = {"initial", "left", "right", "dx", "k"}

# ------------------------------------------------------------------------------------------------------------- checks


def cotangents(outs: list[Any]) -> list[Any]:
    rng = np.random.default_rng(7)
    return [rng.normal(size=np.shape(out)) for out in outs]


def weighed(outs: list[Any], weights: list[Any]) -> Any:
    """The results as one number."""
    return sum((out * w.astype(np.asarray(w).dtype)).sum() for out, w in zip(outs, weights, strict=True))


def gradients(call: Call, arrays: list[Any], which: list[bool], create_graph: bool = False) -> tuple[list[Any], ...]:
    """What is recorded for these arrays, and the gradients of those that are Values."""
    inputs = [Value(x) if flows else x for x, flows in zip(arrays, which, strict=True)]
    outs = call(inputs)
    total = weighed(outs, [w.astype(out.dtype) for out, w in zip(outs, cotangents(outs), strict=True)])
    one = total.dtype.type(1)
    found = sweep(total, Value(one) if create_graph else one, create_graph=create_graph) if type(total) is Value else {}
    return outs, inputs, [found.get(v, np.zeros(v.shape, v.dtype)[()]) for v in inputs if isinstance(v, Value)]


def slopes(call: Call, arrays: list[Any], i: int, number: Callable[[list[Any]], Any]) -> Any:
    """The numerical slope of a number in one of the arrays; NaNs stay NaNs."""
    x = arrays[i]

    def moved(new: Any) -> Any:
        return number([np.where(np.isnan(x), nan, new)[()] if j == i else y for j, y in enumerate(arrays)])

    return numerical_grad(moved, np.where(np.isnan(x), 0.0, x))


def choices(call: Call) -> list[list[bool]]:
    """All of the arrays as Values, and each one alone."""
    n = len(call.drawn)
    named = [name for name, x in call.kwargs.items() if isinstance(x, Drawn)]
    deaf = NUMPY_DOES_NOT_ASK | ({"mean"} if call.name.startswith("nan") else set())
    alone = [i for i in range(n) if i < n - len(named) or named[i - n + len(named)] not in deaf]
    return [[True] * n] + ([[i == j for j in range(n)] for i in alone] if n > 1 else [])


def few(name: str) -> list[Call]:
    """All calls of a function, or of very many every seventh."""
    return CALLS[name][:: 7 if len(CALLS[name]) > 100 else 1]


@every_function
def test_value_is_numpys_and_the_gradient_the_slope(name: str) -> None:
    """Along one random direction, at which no error of one element hides."""
    checks, rng = 0, np.random.default_rng(11)
    for call in few(name):
        arrays, whole = call.arrays(), [True] * len(call.drawn)
        expected = [np.asarray(out) for out in call(arrays)]
        outs, _, found = gradients(call, arrays, whole)
        assert [(out.shape, out.dtype) for out in outs] == [(want.shape, want.dtype) for want in expected], call
        for out, want in zip(outs, expected, strict=True):
            np.testing.assert_allclose(numbers(out), want, rtol=1e-11, atol=1e-12, err_msg=repr(call))
        weights, along = cotangents(outs), [rng.normal(size=x.shape) for x in arrays]
        above, below = (weighed(call([x + h * d for x, d in zip(arrays, along, strict=True)]), weights)
                        for h in (1e-6, -1e-6))  # fmt: skip
        assert [g.shape for g in found] == [x.shape for x in arrays]
        moved = sum(np.where(np.isnan(x), 0.0, g * d).sum() for x, g, d in zip(arrays, found, along, strict=True))
        np.testing.assert_allclose(moved, (above - below) / 2e-6, rtol=1e-5, atol=1e-6, err_msg=repr(call))
        single = [x.astype(np.float32)[()] for x in arrays]
        if not (name in NUMPY_LOSES_THE_DTYPE and not single[0].ndim):
            dtypes = [np.asarray(want).dtype for want in call(single)]
            assert [out.dtype for out in call([*map(Value, single)])] == dtypes, call
        checks += 1
    assert checks >= min(60, len(CALLS[name]))


@every_function
@pytest.mark.slow
def test_value_and_gradient(name: str) -> None:
    checks = 0
    for call in CALLS[name]:
        for which, dtype in itertools.product(choices(call), (np.float64, np.float32)):
            exact = call.arrays()
            arrays = [x.astype(dtype)[()] for x in exact]
            expected = [np.asarray(out) for out in call(arrays)]
            outs, inputs, found = gradients(call, arrays, which)
            assert len(outs) == len(expected), call
            for out, want in zip(outs, expected, strict=True):
                assert out.shape == want.shape, call
                assert out.dtype == want.dtype or (name in NUMPY_LOSES_THE_DTYPE and not inputs[0].ndim), call
                assert isinstance(numbers(out), np.ndarray if out.ndim else np.generic), call
                tight = {"rtol": 1e-11, "atol": 1e-12} if dtype is np.float64 else {"rtol": 2e-5, "atol": 2e-5}
                np.testing.assert_allclose(numbers(out), want, **tight, err_msg=repr(call))
            weights = cotangents(outs)
            flowing = [i for i, flows in enumerate(which) if flows]
            assert len(found) == len(flowing)
            for i, g in zip(flowing, found, strict=True):
                assert np.shape(g) == arrays[i].shape, call
                assert g.dtype == dtype, call
                want = slopes(call, exact, i, lambda xs, call=call, w=weights: weighed(call(xs), w))
                loose = {"rtol": 1e-6, "atol": 1e-7} if dtype is np.float64 else {"rtol": 2e-3, "atol": 2e-3}
                np.testing.assert_allclose(g, want, **loose, err_msg=repr((call, i)))
                checks += 1
    assert checks >= 2 * len(CALLS[name])


@every_function
@pytest.mark.slow
def test_second_derivative(name: str) -> None:
    checks = 0
    for call in CALLS[name]:
        arrays, which = call.arrays(), [True] * len(call.drawn)
        rng = np.random.default_rng(3)
        along = [rng.normal(size=x.shape) for x in arrays]

        def first(xs: list[Any], call: Call = call, along: list[Any] = along, which: list[bool] = which) -> Any:
            return sum((g * d).sum() for g, d in zip(gradients(call, xs, which)[2], along, strict=True))

        _, inputs, found = gradients(call, arrays, which, create_graph=True)
        total = sum((g * d).sum() for g, d in zip(found, along, strict=True))
        second = sweep(total, np.float64(1.0)) if type(total) is Value else {}
        for i, v in enumerate(inputs):
            got = second.get(v, np.zeros(v.shape))
            assert np.shape(got) == v.shape, call
            np.testing.assert_allclose(got, slopes(call, arrays, i, first), rtol=1e-5, atol=1e-6, err_msg=repr(call))
            checks += 1
    assert checks >= len(CALLS[name])


def swept(total: Any) -> dict[Value, Any]:
    return sweep(total, np.float64(1.0)) if type(total) is Value else {}


@every_function
def test_memory_order_does_not_matter(name: str) -> None:
    """Reversed and transposed views, recorded and plain, in the place of arrays."""
    checks = 0
    for call in few(name):
        arrays = call.arrays()
        _, _, want = gradients(call, arrays, [True] * len(arrays))
        backwards = (slice(None, None, -1),)
        leaves = [Value(np.ascontiguousarray(x[backwards * x.ndim])[()] if x.ndim else x) for x in arrays]
        views = [v[backwards * v.ndim] if v.ndim else v for v in leaves]
        outs = call(views)
        found = swept(weighed(outs, cotangents(outs)))
        for v, g in zip(leaves, want, strict=True):
            got = found.get(v, np.zeros(v.shape))
            np.testing.assert_allclose(got, g[backwards * v.ndim] if v.ndim else g, rtol=1e-9, atol=1e-10)
            checks += 1
        leaves = [Value(x.T) for x in arrays]
        outs = call([v.T for v in leaves])
        found = swept(weighed(outs, cotangents(outs)))
        for v, g in zip(leaves, want, strict=True):
            np.testing.assert_allclose(found.get(v, np.zeros(v.shape)), g.T, rtol=1e-9, atol=1e-10)
            checks += 1
        strided = [
            np.repeat(x[backwards * x.ndim], 2, axis=-1)[..., ::2][backwards * x.ndim] if x.ndim else x for x in arrays
        ]
        for which in choices(call)[1:]:  # plain views beside a Value
            for i, g in zip(
                [i for i, flows in enumerate(which) if flows], gradients(call, strided, which)[2], strict=True
            ):
                np.testing.assert_allclose(g, want[i], rtol=1e-9, atol=1e-10)
                checks += 1
    assert checks >= 2 * min(60, len(CALLS[name]))


@pytest.mark.slow
@every_function
def test_jax_agrees(name: str) -> None:
    jax = pytest.importorskip("jax")
    jnp = pytest.importorskip("jax.numpy")
    if not hasattr(jnp, name):
        pytest.skip(f"jax.numpy has no {name}")
    jax.config.update("jax_enable_x64", True)
    checks = 0
    for call in CALLS[name][:: max(1, len(CALLS[name]) // 24)]:
        arrays = call.arrays()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                outs, pull = jax.vjp(lambda *xs, call=call: call(xs, jnp), *arrays)
            except (TypeError, NotImplementedError, ValueError, AttributeError, IndexError):
                continue  # a variant that jax does not take
            ours, _, found = gradients(call, arrays, [True] * len(arrays))
            if any(out.shape != theirs.shape for out, theirs in zip(ours, outs, strict=True)):
                assert name in ("polymul", "nanquantile", "nanpercentile", "cov"), call
                continue
            theirs = pull([jax.numpy.asarray(w) for w in cotangents(outs)])
        for g, want, x in zip(found, theirs, arrays, strict=True):
            if np.isnan(want).any() and not np.isnan(g).any():
                continue  # jax lets NaNs through a mask
            assert np.shape(g) == want.shape
            np.testing.assert_allclose(g, want, rtol=1e-8, atol=1e-9, err_msg=repr((call, x)))
            checks += 1
    assert checks >= 2


# --------------------------------------------------------------------------------------------------------- conventions


def slope(f: Callable[[Value], Any], x: Any) -> Any:
    v = Value(x)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f(v).sum().backward()
    return v.grad


TABLE: list[tuple[str, Callable[[Any], Any], Any, Any]] = [
    ("median, even length", np.median, [4.0, 1.0, 3.0, 2.0], [0, 0, 0.5, 0.5]),
    ("median, odd length", np.median, [4.0, 1.0, 3.0], [0, 0, 1]),
    ("median, ties keep their order", np.median, [2.0, 2.0, 2.0, 2.0], [0, 0.5, 0.5, 0]),
    ("median with a NaN", np.median, [1.0, nan, 3.0], [0, 1, 0]),
    ("nanmedian", np.nanmedian, [1.0, nan, 3.0], [0.5, 0, 0.5]),
    ("quantile at an element", lambda x: np.quantile(x, 0.5), [5.0, 1.0, 3.0], [0, 0, 1]),
    ("quantile with a NaN", lambda x: np.quantile(x, 0.1), [1.0, nan, 3.0], [0, 1, 0]),
    ("nanquantile of a NaN alone", lambda x: np.nanquantile(x, 0.1), [nan], [1]),
    ("std of a constant", np.std, [2.0, 2.0, 2.0], [0, 0, 0]),
    ("std of one number", np.std, [2.0], [0]),
    ("std of a constant, some masked", lambda x: np.std(x, where=np.array([True, True, False])), [2.0, 2.0, 7.0],
     [0, 0, 0]),
    ("nanstd of a constant", np.nanstd, [2.0, nan, 2.0], [0, 0, 0]),
    ("std without freedom", lambda x: np.std(x, ddof=1), [2.0], [nan]),
    ("var without freedom", lambda x: np.var(x, ddof=1), [2.0], [nan]),
    ("var with less than none", lambda x: np.var(x, ddof=3), [1.0, 2.0], [nan, nan]),
    ("nanvar without freedom", lambda x: np.nanvar(x, ddof=1), [2.0, nan], [nan, 0]),
    ("ptp ties", np.ptp, [1.0, 3.0, 3.0, 1.0], [-0.5, 0.5, 0.5, -0.5]),
    ("ptp of a constant", np.ptp, [3.0, 3.0], [0, 0]),
    ("nanmax ties", np.nanmax, [nan, 3.0, 3.0], [0, 0.5, 0.5]),
    ("nanmax of −inf and NaN", np.nanmax, [nan, -inf], [0, 1]),
    ("nanmax of two −inf and NaN", np.nanmax, [nan, -inf, -inf], [0, 0.5, 0.5]),
    ("nanmin of inf and NaN", np.nanmin, [nan, inf], [0, 1]),
    ("nanmax of inf", np.nanmax, [nan, inf, 1.0, -inf], [0, 1, 0, 0]),
    ("nanmax and its initial", lambda x: np.nanmax(x, initial=3.0), [nan, 3.0], [0, 0.5]),
    ("nanprod with a zero", np.nanprod, [2.0, nan, 0.0, 5.0], [0, 0, 10, 0]),
    ("nanprod with two zeros", np.nanprod, [2.0, nan, 0.0, 0.0], [0, 0, 0, 0]),
    ("nancumprod with a zero", np.nancumprod, [0.0, nan, 5.0], [7, 0, 0]),
    ("a NaN and a mask", lambda x: np.var(x, where=np.array([True, False, True])), [1.0, nan, 3.0], [-1, 0, 1]),
    ("interp on a point", lambda x: np.interp(x, [0, 1, 3], [0.0, 1.0, 9.0]), [0.0, 1.0, 3.0, 4.0, -1.0],
     [1, 4, 4, 0, 0]),
    ("interp between two points at one place", lambda y: np.interp([0.5, 2.0], [0, 1, 1, 3], y), [1.0, 2, 3, 4],
     [0.5, 0.5, 0.5, 0.5]),
    ("interp, two last points at one place", lambda y: np.interp([0.5, 1.0, 2.0], [0, 1, 1], y), [1.0, 2, 3],
     [0.5, 0.5, 2]),
    ("interp far outside", lambda y: np.interp([inf, -inf], [0, 1, 3], y), [1.0, 2, 3], [1, 0, 1]),
    ("interp of x far outside", lambda x: np.interp(x, [0, 1], [2.0, 3]), [inf, 0.5, -inf], [0, 1, 0]),
    ("polymul with a leading zero", lambda p: np.polymul(p, [3.0, 5.0]), [0.0, 1.0], [5, 8]),
    ("i0 at 0", np.i0, [0.0], [0]),
    ("unwrap", np.unwrap, [0.0, 4.0, 8.0], [1, 1, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_convention(f: Callable[[Any], Any], x: Any, expected: Any, dtype: Any) -> None:
    x = np.array(x, dtype)
    got = slope(f, x)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(numbers(f(Value(x))), f(x), rtol=1e-6)


WARNED: list[tuple[Callable[[Any], Any], Any]] = [
    (lambda x: np.var(x, ddof=1), [2.0]),
    (lambda x: np.std(x, axis=0, ddof=2), [[2.0, 3.0], [5.0, 8.0]]),
    (lambda x: np.var(x, axis=1), np.zeros((2, 0))),
    (lambda x: np.var(x, where=False), [2.0, 3.0]),
    (lambda x: np.nanvar(x, ddof=1), [2.0, nan]),
    (lambda x: np.nanstd(x), [nan, nan]),
    (lambda x: np.nanmean(x, axis=1), [[nan, nan], [1.0, 2.0]]),
    (lambda x: np.nanmax(x, axis=1), [[nan, nan], [1.0, 2.0]]),
    (lambda x: np.nanmin(x), [nan, nan]),
    (lambda x: np.nanmedian(x, axis=0), [[nan, 1.0], [nan, 2.0]]),
    (lambda x: np.nanquantile(x, 0.5, axis=0), [[nan, 1.0], [nan, 2.0]]),
    (lambda x: np.median(x, axis=1), np.zeros((2, 0))),
    (lambda x: np.cov(x), [[2.0], [3.0]]),
]


@pytest.mark.parametrize(("f", "x"), WARNED, ids=range(len(WARNED)))
def test_numpys_warnings_are_given(f: Callable[[Any], Any], x: Any) -> None:
    x = np.asarray(x)
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        expected = f(x)
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        got = f(Value(x))
    np.testing.assert_array_equal(got.data, expected)
    assert theirs
    assert {w.category for w in ours} == {RuntimeWarning}
    said = {str(w.message).rstrip(".") for w in theirs}
    assert said & {str(w.message).rstrip(".") for w in ours}, said
    lines = {(w.filename, w.lineno) for w in ours if str(w.message).startswith(("Degrees of", "Mean of", "All-NaN"))}
    assert lines <= {(__file__, f.__code__.co_firstlineno)}, "a warning is about the line that called NumPy"


@pytest.mark.parametrize(("method", "rate"), {
    "linear": 4, "interpolated_inverted_cdf": 5, "hazen": 5, "weibull": 6, "median_unbiased": 5 + 1 / 3,
    "normal_unbiased": 5 + 1 / 4,
}.items())  # fmt: skip
@pytest.mark.parametrize("scale", [1, 100])
def test_a_quantile_moves_with_q_as_its_method_says(method: str, rate: float, scale: int) -> None:
    """Its place among n elements is n·q + α + q·(1 − α − β) − 1 (Hyndman and Fan), and all gaps are 5."""
    x, q = np.array([10.0, 0.0, 5.0, 20.0, 15.0]), Value(0.5 * scale)
    for find in (np.quantile, np.nanquantile) if scale == 1 else (np.percentile, np.nanpercentile):
        q.grad = None
        find(x, q * 1.05, method=method).backward()
        assert q.grad == pytest.approx(rate * 5 * 1.05 / scale, rel=1e-12)


@pytest.mark.parametrize("method", ["linear", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased"])
def test_at_its_ends_a_quantile_does_not_move_with_q(method: str) -> None:
    for end, wanted in ((0.0, 1.0), (1.0, 7.0)):
        q = Value(np.array([end, 0.5]))
        out = np.quantile(np.array([3.0, 1.0, 7.0, 4.0]), q, method=method)
        out.sum().backward()
        assert out.data[0] == wanted
        assert q.grad[0] == 0.0
        assert q.grad[1] > 0.0


@pytest.mark.parametrize(("dtype", "method", "n", "q"), [
    (np.float16, "inverted_cdf", 7, 100 / 7), (np.float16, "closest_observation", 27, 87),
    (np.float16, "lower", 35, 97), (np.float16, "higher", 8, 100 / 7), (np.float16, "nearest", 28, 87),
    (np.float16, "midpoint", 8, 200 / 7),
    (np.float32, "inverted_cdf", 25, 28), (np.float32, "lower", 8, 100 / 7), (np.float32, "higher", 26, 28),
    (np.float32, "averaged_inverted_cdf", 7, 200 / 7),
])  # fmt: skip
def test_a_quantile_that_a_rounding_decides_is_the_one_that_numpy_takes(
    dtype: Any, method: Any, n: int, q: Any
) -> None:
    """Before 2.4 NumPy rounded q to the precision of what it is a quantile of."""
    x = np.arange(n, dtype=dtype)
    assert np.percentile(Value(x), q, method=method).data == np.percentile(x, q, method=method)
    assert np.quantile(Value(x), q / 100, method=method).data == np.quantile(x, q / 100, method=method)


def test_an_observation_of_weight_0_takes_no_part_in_a_covariance() -> None:
    x = np.array([[1.0, 4.0, 2.0, 7.0], [0.5, 3.0, -1.0, 2.0]])
    for weights in ({"aweights": [1.0, 0.5, 0.0, 2.0]}, {"fweights": [1, 3, 0, 2]}):
        rest = {name: [w[0], w[1], w[3]] for name, w in weights.items()}
        v, without = Value(x), Value(x[:, [0, 1, 3]])
        out = np.cov(v, **weights)
        np.testing.assert_allclose(out.data, np.cov(x, **weights), rtol=1e-14)
        (out * [[1.0, 2.0], [3.0, 5.0]]).sum().backward()
        (np.cov(without, **rest) * [[1.0, 2.0], [3.0, 5.0]]).sum().backward()
        np.testing.assert_array_equal(v.grad[:, 2], 0.0)
        np.testing.assert_allclose(v.grad[:, [0, 1, 3]], without.grad, rtol=1e-12)
        for name in weights:
            with pytest.raises(ValueError, match=f"{name} are not negative"):
                np.cov(v, **{name: [1, 1, -1, 1]})
            for wrong, says in ((np.ones((4, 4), int), "have one axis"), ([1, 1, 1], f"3 {name} for 4 observations")):
                with pytest.raises(RuntimeError, match=says):
                    np.cov(v, **{name: wrong})
                with pytest.raises(RuntimeError):
                    np.cov(x, **{name: wrong})


def test_masks_of_nans_warn_of_nothing() -> None:
    """What NaNs are replaced by makes no warning on its way, forward or backward, where every slice has a number."""
    x = np.array([[nan, -1.0, 0.0], [2.0, nan, nan]])
    functions = [np.nansum, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanprod, np.nanmedian]
    for f, axis in itertools.product(functions, (None, 0, 1)):
        v = Value(x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            f(v, axis=axis).sum().backward()
        assert np.isfinite(v.grad).all()
        assert not v.grad[np.isnan(x)].any()


@pytest.mark.parametrize("kind", ["?", "b", "B", "H", "i", "q"])
def test_a_polynomial_of_small_integers_is_no_other(kind: str) -> None:
    """As a constant beside a Value: 0 − 4 in uint8 is 252."""
    whole = np.array([0, 1, 4]).astype(kind)
    for f in (np.polyadd, np.polysub, np.polymul, np.polyval):
        for call in (lambda p, f=f: f(p, whole), lambda p, f=f: f(whole, p)):
            for p in ([0.5], [0.5, -1.5], [0.5, 2.5, -1.5, 3.0]):
                v = Value(p)
                np.testing.assert_allclose(call(v).data, call(np.array(p)), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_result_has_numpys_dtype_beside_small_integers_and_numbers(dtype: Any) -> None:
    x, whole = np.array([0.5, -1.5, 2.0], dtype), np.array([1, 2, 3], np.uint8)
    for f in (
        lambda x: np.select([whole > 1, whole > 2], [x, whole], 1.5), lambda x: np.select([whole > 1], [x]),
        lambda x: np.select([whole > 1], [x.astype(np.float32)], whole),
        np.poly, lambda x: np.polysub(x, whole), lambda x: np.polyadd(whole, x),
    ):  # fmt: skip
        assert f(Value(x)).dtype == f(x).dtype
        np.testing.assert_allclose(f(Value(x)).data, f(x), rtol=1e-3)


def test_places_along_an_axis_may_be_a_list_and_are_whole() -> None:
    x = Value([[1.0, 2.0], [3.0, 4.0]])
    np.take_along_axis(x, [[1], [0]], 1).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(IndexError, match="integers or booleans"):
        np.take_along_axis(x, [[1.0], [0.0]], 1)


def test_half_precision_is_summed_in_single() -> None:
    """As in mean: sums of squares and counts overflow at 65,504."""
    x = np.full(70_000, 100, np.float16)
    x[::2] = -100
    for f in (np.var, np.std, np.nanvar, np.nanstd, np.nanmean):
        v = Value(x)
        out = f(v)
        out.backward()
        assert out.dtype == v.grad.dtype == np.float16
        np.testing.assert_allclose(out.data, f(x.astype(np.float64)), rtol=1e-3)
    v = Value(np.float16([60000.0, 60000.0]))
    assert np.median(v).data == 60000


def test_a_recorded_mask_is_a_mask() -> None:
    x = Value([1.0, 2.0, 4.0])
    out = np.var(x, where=x > 1.5)
    out.backward()
    assert out.data == 1.0
    assert x.grad.tolist() == [0.0, -1.0, 1.0]
    with pytest.raises(TypeError, match="booleans"):
        np.var(x, where=x)


def test_what_is_counted_is_recorded_and_nothing_flows() -> None:
    x = np.array([[nan, 4.0, 1.0], [3.0, nan, 5.0]])
    for f, axis in itertools.product((np.nanargmax, np.nanargmin), (None, 0, 1, -1)):
        out = f(Value(x), axis=axis, keepdims=axis is not None)
        assert isinstance(out, NonDiff)
        np.testing.assert_array_equal(out.data, f(x, axis=axis, keepdims=axis is not None))
    with pytest.raises(ValueError, match="All-NaN"):
        np.nanargmax(Value([[nan], [1.0]]), axis=1)
    assert isinstance(np.var(Value([1.0, 2.0]) > 1.5), NonDiff)
    assert np.diff(Value([1.0, 2.0, 3.0]) > 1.5).data.tolist() == [True, False]


def test_a_covariance_in_single_precision_if_asked_for() -> None:
    x = np.array([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0]], np.float32)
    v = Value(x)
    for f in (np.cov, np.corrcoef):
        assert f(v).dtype == f(x).dtype == np.float64  # NumPy's own choice
        out = f(v, dtype=np.float32)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out.data, f(x), rtol=1e-6)
        out.sum().backward()
        assert v.grad.dtype == np.float32


def test_i0_is_precise_to_the_end() -> None:
    x = np.array([-700.0, -30.0, -8.0, 0.0, 1e-8, 1.0, 8.0, 50.0, 700.0])
    v = Value(x)
    out = np.i0(v)
    np.testing.assert_allclose(out.data, np.i0(x), rtol=2e-13)
    out.sum().backward()
    special = pytest.importorskip("scipy.special")
    np.testing.assert_allclose(v.grad, special.i1(x), rtol=2e-13, atol=1e-15)


BAD: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda x: np.var(x, out=np.zeros(())), TypeError, "into an array"),
    (lambda x: np.quantile(x, 0.5, out=np.zeros(())), TypeError, "into an array"),
    (lambda x: np.nansum(x, out=np.zeros(())), TypeError, "into an array"),
    (lambda x: np.var(x, ddof=1, correction=1), ValueError, "two names of one thing"),
    (lambda x: np.var(x, ddof=1, correction=0), ValueError, "two names of one thing"),
    (lambda x: np.var(x, axis=3), ValueError, "out of bounds"),
    (lambda x: np.var(x, axis=(0, 0)), ValueError, "repeated"),
    (lambda x: np.median(x, axis=1), ValueError, "out of bounds"),
    (lambda x: np.quantile(x, 1.5), ValueError, "range"),
    (lambda x: np.percentile(x, -1), ValueError, "range"),
    (lambda x: np.quantile(x, 0.5, method="best"), ValueError, "valid method"),
    (lambda x: np.quantile(x, 0.5, weights=[1, 1, 1]), ValueError, "inverted_cdf"),
    (lambda x: np.quantile(x, 0.5, weights=[1, 1, -1], method="inverted_cdf"), ValueError, "negative"),
    (lambda x: np.quantile(x, 0.5, weights=[0, 0, 0], method="inverted_cdf"), ValueError, "positive, finite sum"),
    (lambda x: np.average(x, weights=[1, -1, 0]), ZeroDivisionError, "sum to 0"),
    (lambda x: np.average(x, weights=[1, 2]), TypeError, "along which axis"),
    (lambda x: np.average(x, 0, weights=[1, 2]), ValueError, "have the shape"),
    (lambda x: np.nanmax(x[:0]), ValueError, "zero-size"),
    (lambda x: np.nanmax(x, where=np.array([True, False, True])), ValueError, "initial="),
    (lambda x: np.diff(x[0]), ValueError, "one axis"),
    (lambda x: np.diff(x, -1), ValueError, "not negative"),
    (lambda x: np.gradient(x[:1]), ValueError, "wants 2 elements"),
    (lambda x: np.gradient(x, edge_order=3), ValueError, "edge orders"),
    (lambda x: np.gradient(x, [1, 2]), ValueError, "coordinates"),
    (lambda x: np.gradient(x, 1, 2), TypeError, "spacing"),
    (lambda x: np.cov(x.reshape(3, 1, 1)), ValueError, "one or two axes"),
    (lambda x: np.cov(x, ddof=0.5), ValueError, "whole number"),
    (lambda x: np.cov(x, fweights=[1, 2]), RuntimeError, "give one for each"),
    (lambda x: np.cov(x, fweights=[1, 2, 0.5]), TypeError, "whole numbers"),
    (lambda x: np.interp(x, [], []), ValueError, "at least one"),
    (lambda x: np.interp(x, [1, 2], x), ValueError, "for each point"),
    (lambda x: np.interp(x, x, x, period=0), ValueError, "not 0"),
    (lambda x: np.convolve(x, []), ValueError, "at least one element"),
    (lambda x: np.convolve(x, [[1.0]]), ValueError, "one axis"),
    (lambda x: np.convolve(x, x, "fool"), ValueError, "knows the modes"),
    (lambda x: np.polyval(np.poly1d([1, 2]), x) and np.polyval(x, np.poly1d([1, 2])), TypeError, "poly1d"),
    (lambda x: np.polyder(x, -1), ValueError, "not negative"),
    (lambda x: np.polyint(x, 3, k=[1, 2]), ValueError, "constant of integration"),
    (lambda x: np.unwrap(x, discont=x[0]), TypeError, "nothing flows"),
    (lambda x: np.vander(x.reshape(3, 1)), ValueError, "one axis"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "error", "says"), BAD, ids=range(len(BAD)))
def test_what_is_refused(f: Callable[[Any], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        f(Value([1.0, 2.0, 4.0]))


@pytest.mark.parametrize("name", ["bias", "ddof"])
def test_an_option_of_corrcoef_that_has_no_effect_is_refused(name: str) -> None:
    # The newest NumPy refuses it by itself.
    with pytest.raises(TypeError, match=rf"np.corrcoef\({name}=…\) has no effect|unexpected keyword argument '{name}'"):
        np.corrcoef(Value([[1.0, 2.0], [3.0, 5.0]]), **{name: 1})
    with pytest.raises(TypeError, match=rf"np.corrcoef\({name}=…\) has no effect"):
        FORMULAS[np.corrcoef](Value([[1.0, 2.0], [3.0, 5.0]]), **{name: 1})
