"""At their edges functions give what NumPy gives: values, dtypes, gradients as slopes; or they raise what is said here.

A line of `LIKE` is typed with Values and with arrays in their place, and ends the same way.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, functional, optim
from microgradnet.core import numbers
from microgradnet.gradcheck.places import is_array
from microgradnet.gradcheck.still import stands_still
from microgradnet.optim.curvature import Memory
from microgradnet.testing.exercises.marking import indented

LIKE = [
    "np.choose(np.array([-1, 0, 5]), (x, y), mode='clip')",
    "np.choose(np.array([-1, 0, 5]), (x, y), mode='wrap')",
    "np.choose(np.array([0, 1, 250], np.uint8), (x, y), mode='clip')",
    "np.choose(np.array([-128, 1, 127], np.int8), (x, y), mode='wrap')",
    "np.choose(np.array([True, False, True]), (x, y), mode='clip')",
    "np.choose(np.array([True, False, True]), (x, y), mode='wrap')",
    "np.take(np.tile(x, 100), np.array([0, 250], np.uint8), mode='clip')",
    "np.take(np.tile(x, 100), np.array([-128, 127], np.int8), mode='wrap')",
    "np.take(x, np.array([True, False]), mode='wrap')",
    "np.linalg.outer(x, y)",
    "np.linalg.outer(m, y)",
    "np.linalg.outer(x, m)",
    "np.pad(x, 2, 'linear_ramp', end_values=np.array([1.5, 4.0]))",
    "np.pad(m, (1, 2), 'linear_ramp', end_values=((1.0, 2.0), (3.0, 4.0)))",
    "np.pad(m, 1, 'mean', stat_length=np.array([2, 1]))",
    "np.pad(m, {0: 1, -1: (2, 1)})",
    "np.pad(m, {-1: 2}, 'edge')",
    "np.pad(x, (2, 3), 'reflect', reflect_type='odd')",
    "np.pad(x, (3, 1), 'symmetric', reflect_type='odd')",
    "np.take(x, np.array([-4, 5, 1]), mode='clip')",
    "np.take(x, np.array([-4, 5, 1]), mode='wrap')",
    "np.take(m, [-1, 0], axis=-1)",
    "np.take_along_axis(m, np.array([5, 0]), None)",
    "np.float64(np.linspace(x, y, 1, retstep=True)[1])",
    "np.linspace(x, m, 4, endpoint=False, retstep=True)[1]",
    "np.linspace(x, m, 3, axis=-1)",
    "np.logspace(x, y, 3, base=np.array([2.0, 3.0, 0.5]), axis=1)",
    "np.geomspace(x, x * 8, 4)",
    "np.geomspace(np.abs(x), np.abs(m), 3, axis=-1)",
    "np.full_like(m, x[1])",
    "np.full_like(m, x, shape=(4, 3))",
    "np.nansum(np.where(m > 1, np.nan, m), axis=0, initial=2.0)",
    "np.nanmax(np.where(m > 1, np.nan, m), axis=1, initial=-9.0, where=m < 0.4)",
    "np.nanmax(m, axis=1, keepdims=True)",
    "np.nanmin(m[:, :0], axis=1, initial=4.0)",
    "np.nanmin(m, axis=0, initial=0.75)",
    "np.nanvar(np.where(m > 1, np.nan, m), axis=1, mean=np.array([[1.0], [2.0]]))",
    "np.nanvar(m, axis=1, ddof=1, where=m < 2)",
    "np.nanstd(m, axis=-1, correction=1)",
    "np.average(m, axis=(1, 0), weights=m.T * m.T)",
    "np.average(m, axis=1, weights=y * y, returned=True)[1]",
    "np.average(m, axis=0, keepdims=True, returned=True)[1]",
    "np.median(m, axis=(0, 1), keepdims=True)",
    "np.quantile(m, [0.25, 0.9], axis=1, keepdims=True)",
    "np.percentile(x, 30, method='hazen')",
    "np.quantile(x, 0.3, method='inverted_cdf', weights=np.array([1.0, 0.0, 2.0]))",
    "np.nanquantile(np.where(m > 1, np.nan, m), 0.7, axis=0)",
    "np.cov(m, x)",
    "np.cov(m.T, m.T, rowvar=False)",
    "np.cov(m, bias=True, ddof=0)",
    "np.cov(x, y, fweights=[1, 2, 1], aweights=[0.5, 1.0, 2.0])",
    "np.cov(m, ddof=1, aweights=[0.5, 1.0, 2.0])",
    "np.corrcoef(m, y)",
    "np.corrcoef(m.T[:2], rowvar=False)",
    "np.diff(m, n=2, axis=1, prepend=1.0, append=m[:, :1])",
    "np.ediff1d(m, to_begin=y[:2], to_end=7.0)",
    "np.gradient(m, 0.5, np.array([0.0, 1.0, 3.0]), edge_order=1)[1]",
    "np.gradient(x, np.array([0.0, 1.0, 3.0]), edge_order=2)",
    "np.trapezoid(m, dx=0.5, axis=0)",
    "np.trapezoid(m, x=np.array([0.0, 1.0, 4.0]), axis=-1)",
    "np.interp(y, [0.0, 1.0, 2.0], x, left=5.0, right=x[0] * 2)",
    "np.interp(y + 0.1, [0.5, 1.5, 2.0], x, period=2.5)",
    "np.convolve(x, m[0, :2], 'same')",
    "np.convolve(m[0, :2], x, 'valid')",
    "np.correlate(x, m[0, :2], 'full')",
    "np.correlate(m[0, :2], x, 'same')",
    "np.polyval(x, m)",
    "np.polyder(x, 2)",
    "np.polyint(x, 2, k=[1.0, 2.0])",
    "np.polymul(x, y)",
    "np.polyadd(x, m[0, :2])",
    "np.polysub(m[0, :2], y)",
    "np.vander(x, 4, increasing=True)",
    "np.unwrap(x * 3, discont=4.0, period=5.0)",
    "np.tensordot(m, m, axes=([0, -1], [0, 1]))",
    "np.tensordot(m, y, axes=(-1, 0))",
    "np.inner(m, m)",
    "np.kron(m, x[:2])",
    "np.cross(m, y, axis=-1)",
    "np.vecdot(m, y, axis=-1)",
    "np.einsum('ij,j->i', m, y)",
    "np.einsum('ij->ji', m)",
    "np.einsum('ij->j', m, order='C')",
    "np.einsum('ij->j', m, order='K', casting='same_kind')",
    "np.einsum('ij->j', m, casting='safe')",
    "np.einsum('ij,j->i', m, y, optimize=['einsum_path', (0, 1)])",
    "np.einsum('ij,kj,k->i', m, m, x[:2], optimize=('einsum_path', (0, 1), (0, 1)))",
    "np.einsum('ij,kj,k->i', m, m, x[:2], optimize='greedy')",
    "np.einsum(m, [0, 1], y, [1], [0])",
    "np.einsum(m, [0, 1], y, [1])",
    "np.einsum(m, [..., 1], [1, ...])",
    "np.einsum('...j->...', m)",
    "np.einsum('...', m)",
    "np.einsum('i...->', m, optimize=True)",
    "np.einsum('i...,i...->i', m, m, optimize=True)",
    "np.einsum('ij...,j->i...', m[..., None], y)",
    "np.einsum('...ij,...j', m[None], y)",
    "np.einsum('ij,ij', m, m)",
    "np.einsum('ii', m[:, :2])",
    "np.einsum('ba', m)",
    "np.einsum('i j , j k -> i k', m, m.T)",
    "np.kron(x[:2], m)",
    "np.kron(m[None], m)",
    "np.kron(x[0], m)",
    "np.cross(m, y, axisa=1, axisb=0, axisc=0)",
    "np.cross(m.T, m.T, axis=0)",
    "np.vecdot(m.T, m.T, axis=0)",
    "np.linalg.vecdot(m, m, axis=0)",
    "np.inner(x[0], m)",
    "np.tensordot(m, m, axes=0)",
    "np.tensordot(m, m.T, axes=1)",
    "np.trace(m[None] * m[..., None, None], 1, 2, 3)",
    "np.linalg.trace(m[None] * x[:, None, None], offset=1)",
    "np.apply_along_axis(lambda r: np.cumsum(r)[1:], 0, m)",
    "np.apply_along_axis(lambda r: np.outer(r, r), 1, m)",
    "np.apply_along_axis(lambda r, k, by: r[k] * by, -1, m, 1, by=2.0)",
    "np.apply_over_axes(np.sum, m[None], [0, -1])",
    "np.trim_zeros(np.concatenate([x * 0, x, x * 0]), 'f')",
    "np.trim_zeros(np.concatenate([x * 0, x, x * 0]), 'B')",
    "np.trim_zeros(x * 0)",
    "np.meshgrid(x, y[:2], indexing='ij')[1]",
    "np.meshgrid(x, y[:2], sparse=True)[1]",
    "np.broadcast_arrays(m, x)[1]",
    "np.hsplit(m, [1])[1]",
    "np.hsplit(x, 3)[2]",
    "np.dsplit(m[None], [1, 2])[1]",
    "np.array_split(m, 2, axis=-1)[1]",
    "np.reshape(m, (3, 2), order='F')",
    "np.reshape(m.T, (2, 3), order='A')",
    "np.ravel(m, order='F')",
    "np.block([[m, m], [m * 2, m * 3]])",
    "np.insert(m, 1, x[:2], axis=1)",
    "np.insert(x, [0, 2], y[:2])",
    "np.rollaxis(m[None], 2, 1)",
    "np.rot90(m, -3, axes=(1, 0))",
    "np.roll(m, (1, -2), axis=(0, -1))",
    "np.insert(m, [0, -1], 9.0, axis=1)",
    "np.delete(m, -1, axis=-1)",
    "np.repeat(m, [2, 0, 1], axis=-1)",
    "np.tile(x, (2, 1, 2))",
    "np.append(m, m * 2, axis=-1)",
    "np.array_split(x, [1, -1])[1]",
    "np.moveaxis(m[None], (0, -1), (-1, 0))",
    "np.linalg.norm(m, ord=1)",
    "np.linalg.norm(m, ord=-np.inf, axis=(-1, 0))",
    "np.linalg.norm(m, ord=0.5, axis=1, keepdims=True)",
    "np.linalg.norm(m, ord='nuc')",
    "np.linalg.matrix_norm(m, ord=-1)",
    "np.linalg.vector_norm(m, ord=3, axis=-1)",
    "np.linalg.multi_dot([x, m.T, m, y])",
    "np.linalg.matrix_power(m @ m.T, -2)",
    "np.linalg.tensorsolve(m @ m.T + np.eye(2), y[:2])",
    "np.linalg.lstsq(m.T, y, rcond=None)[0]",
    "np.linalg.pinv(m, rcond=1e-9)",
    "np.unique(np.concatenate([x, x[:1]]))",
    "np.partition(m, 1, axis=None)",
    "np.sort(m, axis=None)",
    "np.select([x > 1, y > 1], [x, y], default=x * y)",
    "np.compress([False, True], m, axis=0)",
    "np.extract(m > 0.4, m)",
    "np.bincount([2, 0, 2], x, minlength=5)",
    "np.bincount(np.argmax(m, axis=0), y)",
    "np.full_like(m, 3)",
    "np.full_like(m, [1, 2, 3], shape=(2, 3))",
    "np.piecewise(x, [x < 0, x > 1], [lambda t: t * t, 3.0, lambda t: -t])",
    "np.sum(m, axis=(0, -1), initial=1.5, where=m > 0)",
    "np.prod(m, axis=-1, initial=2.0)",
    "np.max(m, axis=0, initial=0.75)",
    "np.min(m, initial=-0.5, where=m > 0)",
    "np.add.accumulate(m, axis=1)",
    "np.multiply.reduce(m, axis=None)",
    "np.maximum.reduce(m, axis=1, initial=1.25)",
    "np.add.outer(x, y)",
    "np.clip(m, None, y)",
    "np.clip(m, y, None)",
    "np.nan_to_num(np.where(m > 1, np.nan, m), nan=3.0)",
]
# Totals of what is true, mostly in a dtype that is too small for them.
COUNTS = [
    *[f"np.{name}(np.repeat(m, 200, axis=1) > -9, axis=-1, dtype=np.uint8)" for name in (
        "sum", "prod", "nansum", "nanprod", "cumsum", "nancumsum", "add.reduce", "add.accumulate",
    )],
    *[f"np.{name}(3 * (np.repeat(m, 9, axis=1) > -9), axis=1, dtype=np.int8)" for name in (
        "prod", "nanprod", "cumprod", "nancumprod", "multiply.reduce", "multiply.accumulate", "maximum.reduce",
    )],
    "np.nansum(np.repeat(m, 200, axis=1) > 0, axis=1)",
    "np.sum(m > 0, dtype=np.uint8, initial=250)",
    "np.trace(m > 0, dtype=np.int16)",
]  # fmt: skip
X, Y, M = np.array([0.5, -1.25, 2.0]), np.array([1.5, 0.25, -3.0]), np.array([[1.1, 0.5, -2.0], [0.3, 3.0, -1.4]])


def typed(line: str, x: Any, y: Any, m: Any) -> Any:
    return eval(line, {"np": np, "x": x, "y": y, "m": m})


@pytest.mark.parametrize("line", COUNTS)
def test_totals_of_whole_numbers_are_in_the_dtype_that_was_asked_for(line: str) -> None:
    out, wanted = typed(line, *[Value(a) for a in (X, Y, M)]), typed(line, X, Y, M)
    np.testing.assert_array_equal(numbers(out), wanted, strict=True)


DOUBLE = [
    f"np.{name}(s, dtype=np.float64)"
    for name in (
        "sum", "nansum", "mean", "nanmean", "cumsum", "nancumsum", "var", "std", "nanvar", "nanstd", "add.reduce",
        "add.accumulate", "prod", "nanprod", "cumprod", "nancumprod", "multiply.reduce", "multiply.accumulate",
    )
] + [
    "np.cov(s[None], dtype=np.float64)", "np.mean(s, dtype=np.float64, where=s > 3)",
    "np.nanmean(s, dtype=np.float64, where=s > 3)", "np.sum(s, dtype=np.float64, initial=0.5, where=s > 3)",
    "np.nansum(s, dtype=np.float64, initial=0.5, where=s > 3)", "np.nanprod(s, dtype=np.float64, where=s > 3)",
    "np.std(s, dtype=np.float64, ddof=1, where=s > 3)", "np.nanvar(s, dtype=np.float64, ddof=1, where=s > 3)",
    "np.trace(s[:, None] + s, dtype=np.float64)", "np.einsum('i,i', s, s, dtype=np.float64)",
    "np.logaddexp.reduce(s, dtype=np.float64)", "np.stack([s, s], dtype=np.float64)",
    "np.concatenate([s, s], dtype=np.float64) * 3", "np.linspace(s, s + 1, 3, dtype=np.float32)",
    "np.full_like(s, s[1], dtype=np.float64)", "np.vstack([s, s], dtype=np.float64)", "np.astype(s, np.float64)",
]  # fmt: skip


@pytest.mark.parametrize("line", DOUBLE)
def test_what_is_asked_for_in_double_precision_is_computed_in_it(line: str) -> None:
    """Of numbers whose sums, squares and products single precision does not hold."""
    if "np.astype" in line and not hasattr(np, "astype"):  # before NumPy 2.1
        return
    s = np.array([16777216.0, 1.0, 4097.0, 3.0, 8193.0], np.float32)
    wanted, v = eval(line, {"np": np, "s": s.astype(np.float64)}), Value(s)
    found = eval(line, {"np": np, "s": v})
    np.testing.assert_allclose(found.data, wanted, rtol=1e-12 if wanted.dtype == np.float64 else 1e-6, strict=True)
    found.sum().backward()
    assert v.grad.dtype == np.float32


BESIDE = [
    "np.var(s, ddof=np.float64(1))", "np.std(s, correction=np.float64(1))", "np.nanvar(s, ddof=np.int64(1))",
    "np.nanstd(s, correction=np.float64(0.5))", "np.trapezoid(s, dx=np.float64(0.5))", "np.gradient(s, np.float64(2))",
    "np.unwrap(s, period=np.float64(5))", "np.clip(s, np.float32(1), np.float32(2))", "np.average(s, returned=True)[1]",
    "np.average(s[None], axis=0, returned=True)[1]", "np.average(s[:, None], axis=0, returned=True, keepdims=True)[1]",
    "np.linalg.norm(s, np.float64(3))", "np.median(s > 2)",
    "np.average(s > 2)", "np.var(s > 2)", "np.mean(s > 2)", "np.nanmedian(s > 2)", "np.nanmean(s > 2)", "np.ptp(s)",
    "np.nanstd(s > 2)", "np.cov(s > 2)", "np.average(s > 2, weights=s)", "np.average(s, weights=[1, 0, 2, True])",
    "np.interp(s, [0, 5], [1, 2])", "np.quantile(s, np.float64(0.3))", "np.percentile(s, np.float32(30))",
    "np.quantile(s, [0.25, 1])", "np.quantile(s, np.array([0.25, 1], np.float32))", "np.nanquantile(s, 0.3)",
]  # fmt: skip


@pytest.mark.parametrize("line", BESIDE)
def test_what_is_beside_single_precision_changes_it_as_in_numpy(line: str) -> None:
    """NumPy's numbers, lists, truth values; the dtype of the result is NumPy's, and so are the numbers."""
    s = np.array([1.5, 4.0, 2.25, -3.0], np.float32)
    wanted, found = eval(line, {"np": np, "s": s}), eval(line, {"np": np, "s": Value(s)})
    np.testing.assert_allclose(numbers(found), wanted, rtol=1e-6, strict=True)


NEWER = np.lib.NumpyVersion(np.__version__) >= "2.2.0"  # before, np.pad takes no dictionaries


@pytest.mark.parametrize("line", [line for line in LIKE if NEWER or "np.pad(m, {" not in line])
def test_the_edges_are_numpys(line: str) -> None:
    values = [Value(a) for a in (X, Y, M)]
    try:
        wanted = typed(line, X, Y, M)
    except Exception as error:
        with pytest.raises((type(error).__mro__[-3], ValueError, TypeError)):
            typed(line, *values)
        return
    out = typed(line, *values)
    np.testing.assert_allclose(numbers(out), wanted, rtol=1e-12, strict=True)
    along = [np.cos(np.arange(a.size)).reshape(a.shape) for a in (X, Y, M)]
    weights = np.sin(1.0 + np.arange(wanted.size)).reshape(wanted.shape)
    if isinstance(out, Value):
        (out * weights).sum().backward()
    ahead, behind = (typed(line, *[a + s * d for a, d in zip((X, Y, M), along, strict=True)]) for s in (1e-6, -1e-6))
    slope = float(np.nan_to_num((ahead - behind) * weights).sum()) / 2e-6
    found = sum((v.grad * d).sum() for v, d in zip(values, along, strict=True) if v.grad is not None)
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-7)


# Of NaN, infinities, zeros of both signs and a few numbers, or of the last five of them.
SPECIAL = [
    "np.modf(s)",
    "np.frexp(s)",
    "np.fix(s)",
    "np.nan_to_num(s)",
    "np.nan_to_num(s, posinf=2.0)",
    "np.nan_to_num(s, neginf=-3.0, nan=1.0)",
    "np.real(s)",
    "np.imag(s)",
    "np.real_if_close(s)",
    "np.angle(s)",
    "np.angle(s, deg=True)",
    "np.float_power(s, 2)",
    "np.float_power(2, s)",
    "np.divmod(s, 2)",
    "np.divmod(5, s)",
    "np.isposinf(s)",
    "np.isneginf(s)",
    "np.clip(s, -1, 1)",
    "np.unwrap(s[3:])",
    "np.i0(s[3:7])",
    "np.sum(s[1:])",
    "np.sum(s, where=np.isfinite(s))",
    "np.mean(s[3:])",
    "np.mean(s, where=s > 0)",
    "np.nanmax(s)",
    "np.nanmin(s)",
    "np.nanmax(s, initial=-np.inf)",
    "np.nansum(s)",
    "np.nanprod(s[2:])",
    "np.nanmean(s[3:])",
    "np.nanvar(s[3:], ddof=1)",
    "np.nanstd(s[3:])",
    "np.nanmedian(s)",
    "np.median(s)",
    "np.median(s[1:])",
    "np.nanquantile(s, 0.3)",
    "np.quantile(s[3:], 0.3)",
    "np.percentile(s[3:], [20, 70])",
    "np.sort(s)",
    "np.unique(s[1:])",
    "np.linalg.norm(s[3:])",
    "np.linalg.norm(s[3:], 1)",
    "np.linalg.norm(s[3:], np.inf)",
    "np.linalg.norm(s[3:], 0)",
    "np.var(s[3:])",
    "np.std(s[3:])",
    "np.ptp(s[3:])",
    "np.max(s[1:])",
    "np.min(s)",
    "np.interp(s, [0.0, 1.0, 2.0], [2.0, 3.0, 5.0])",
    "np.digitize(s[1:], [0.0, 1.0])",
    "np.searchsorted([0.0, 1.0], s)",
    "np.cumsum(s[3:])",
    "np.cumprod(s[3:])",
    "np.nancumsum(s)",
    "np.nancumprod(s[3:])",
    "np.trapezoid(s[3:])",
    "np.diff(s[3:])",
    "np.ediff1d(s[3:], 1, 2)",
    "np.gradient(s[3:])",
    "np.gradient(s[3:], 2.0, edge_order=2)",
    "np.full_like(s, s[5])",
    "np.linspace(s[3:], 2, 3)",
    "np.logspace(s[3:7], 2, 3)",
    "np.geomspace(s[5], 6, 3)",
    "np.average(s[3:], weights=[1, 2, 3, 4, 5])",
    "np.average(s[3:])",
    "np.cov(s[3:])",
    "np.corrcoef(s[3:], s[2:7] * 0 + 1)",
    "np.convolve(s[3:], [1, 2])",
    "np.correlate(s[3:], [1, 2])",
    "np.polyval([1, 2], s)",
    "np.polyval(s[5:], 2)",
    "np.poly(s[5:])",
    "np.polymul(s[3:], [1, 2])",
    "np.polyadd(s[5:], [1, 2])",
    "np.polyder(s[5:])",
    "np.polyint(s[5:])",
    "np.vander(s[5:7])",
    "np.pad(s[3:], 1)",
    "np.pad(s[3:], 2, 'linear_ramp')",
    "np.pad(s[3:], 2, 'mean')",
    "np.pad(s[3:], 2, 'median')",
    "np.pad(s[3:], 2, 'maximum')",
    "np.pad(s[3:], 2, 'reflect', reflect_type='odd')",
    "np.where(s > 0, s, 1)",
    "np.select([s > 0, s < 0], [s, -s], 7)",
    "np.take(s, [1, 2])",
    "np.choose([0, 1], [s[3:5], s[5:7]])",
    "np.compress([True, False, True], s)",
    "np.partition(s[1:], 2)",
    "np.piecewise(s, [s > 0, s <= 0], [lambda t: t, 3])",
    "np.insert(s, 1, 5)",
    "np.append(s, 2)",
    "np.kron(s[3:], [1, 2])",
    "np.outer(s[3:], [1, 2])",
    "np.inner(s[3:], s[3:])",
    "np.vdot(s[3:], s[3:])",
    "np.cross(s[3:6], [1, 2, 3])",
    "np.tensordot(s[3:], s[3:], 1)",
    "np.einsum('i,i', s[3:], s[3:])",
    "np.trace(np.outer(s[3:], s[3:]))",
    "np.max(s[3:], initial=2000)",
    "np.min(s[3:], initial=-2000, where=s[3:] > 0)",
    "np.prod(s[5:], initial=2)",
    "np.any(s)",
    "np.all(s)",
    "np.add.reduce(s[3:])",
    "np.logaddexp.reduce(s[1:7])",
    "np.maximum.reduce(s)",
    "np.add.outer(s, s)",
    "np.linalg.cond(np.diag(s[5:]))",
    "np.linalg.pinv(np.diag(s[5:]))",
    "np.linalg.slogdet(np.diag(s[5:]))",
    "np.linalg.matrix_power(np.diag(s[5:7]), 3)",
    "np.linalg.multi_dot([s[5:], np.diag(s[5:]), s[5:]])",
    "np.linalg.svd(np.diag(s[5:]))[1]",
    "np.linalg.qr(np.diag(s[5:]))[1]",
    "np.linalg.eigh(np.diag(s[5:]))[0]",
    "np.linalg.lstsq(np.diag(s[5:7]), s[5:7], None)[0]",
]
S = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 1024.0])


def parts(out: Any) -> list[Any]:
    return [part for x in out for part in parts(x)] if isinstance(out, (tuple, list)) else [out]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_of_special_numbers_values_and_dtypes_are_numpys(dtype: Any) -> None:
    s = S.astype(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for line in [line for line in SPECIAL if dtype != np.float16 or "np.diag" not in line]:  # linalg has no float16
            wanted, found = parts(eval(line, {"np": np, "s": s})), parts(eval(line, {"np": np, "s": Value(s)}))
            assert len(found) == len(wanted), line
            for got, want in zip(map(numbers, found), wanted, strict=True):
                assert np.asarray(got).dtype == np.asarray(want).dtype, line
                near = max(1e-11, 2.0 * float(np.finfo(dtype).eps))
                np.testing.assert_allclose(
                    got, want, rtol=near, atol=near, strict=not isinstance(want, int), err_msg=line
                )


def test_a_jump_of_half_a_period_goes_where_numpy_has_it() -> None:
    for period in (4.0, 2 * np.pi):
        x = np.cumsum([0.0, 0.5, -0.5, 1.5, -1.5, 0.25, -2.5]) * period
        np.testing.assert_array_equal(np.unwrap(Value(x), period=period).data, np.unwrap(x, period=period))


def test_a_number_on_the_left_is_the_first_operand() -> None:
    v, number = Value([3.0, 5.0]), np.float64(2.0).item()
    for act in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
                operator.floordiv):  # fmt: skip
        assert act(number, v).args[1] is v
        assert act(number, v).data.tolist() == act(number, v.data).tolist()
    mask = v > 4
    for act in (operator.and_, operator.or_, operator.xor):
        assert act(True, mask).args[1] is mask
        assert act(True, mask).data.tolist() == act(True, mask.data).tolist()


def test_small_integers_are_squared_as_floats() -> None:
    x = np.array([-100, -12, 12, 100], np.int8)
    for approximate in ("none", "tanh"):
        np.testing.assert_allclose(functional.gelu(x, approximate), [0.0, 0.0, 12.0, 100.0], atol=1e-12)


def test_a_bias_may_be_a_list() -> None:
    assert functional.conv1d([[1.0, 2.0]], [[[3.0]]], [0.5]).tolist() == [[3.5, 6.5]]
    with pytest.raises(ValueError, match=r"bias of shape \(2,\); wanted one for each kernel, \(1,\)"):
        functional.conv1d([[1.0, 2.0]], [[[3.0]]], [0.5, 0.5])


def test_the_lines_of_a_program_are_indented() -> None:
    assert [*indented(["A task", "", "def f():", "", "    return 1"])] == [
        "A task", "", "  def f():", "", "      return 1"
    ]  # fmt: skip


def test_whether_a_function_stands_still_is_asked_as_far_away_as_the_number_is_large() -> None:
    one = np.ones(1)
    for bend, still in ((1e5, False), (1e7, True)):
        line = lambda t, bend=bend: (np.array([max(0.0, t - bend)]), t)  # noqa: E731
        assert stands_still(line, np.zeros(1), one, 1000.0) is still


def test_what_does_not_fit_a_memory_of_curvature_is_told() -> None:
    memory = Memory()
    memory.n_iter = 3
    given = memory.packed()
    assert given["n_iter"] == 3
    for name in [name for name, x in given.items() if isinstance(x, int | float)]:
        assert Memory.misfits({**given, name: "3"}, 0) == ["its counts and lengths are no numbers"], name
    one = np.ones(2)
    given |= {"d": one, "gradient": one, "changes": [one], "steps": [one]}
    assert Memory.misfits(given, 2) == []
    for name, wrong in [("changes", [one, one]), ("steps", []), ("changes", one), ("steps", (one,))]:
        assert Memory.misfits({**given, name: wrong}, 2) == ["its changes and steps are no two lists of one length"]
    for name, other in [("d", np.ones(3)), ("gradient", [1.0, 1.0]), ("changes", [np.ones(1)]), ("steps", ["x"])]:
        assert Memory.misfits({**given, name: other}, 2) == [
            "its arrays are not all of 2 numbers, one for each in the parameters"
        ]


def test_what_a_memory_of_curvature_is_made_of_is_its_own() -> None:
    memory = Memory()
    memory.n_iter, memory.changes, memory.steps = 1, [np.ones(2)], [np.ones(2)]
    memory.d, memory.gradient = np.ones(2), np.ones(2)
    given = memory.packed()
    again = Memory.unpacked(given)
    for name, x in given.items():
        held = getattr(again, name)
        for mine, theirs in zip(held, x, strict=True) if isinstance(x, list) else [(held, x)]:
            assert np.array_equal(mine, theirs)
            assert not isinstance(mine, np.ndarray) or not np.shares_memory(mine, theirs), name
        kept = getattr(memory, name)
        for mine, theirs in zip(kept, x, strict=True) if isinstance(x, list) else [(kept, x)]:
            assert not isinstance(mine, np.ndarray) or not np.shares_memory(mine, theirs), name


def test_lbfgs_counts_the_calls_of_its_closure() -> None:
    x, calls = Value([3.0, -2.0]), []
    optimizer = optim.LBFGS([x], max_iter=3)

    def closure() -> Any:
        optimizer.zero_grad()
        calls.append(None)
        cost = (x * x * np.array([1.0, 5.0])).sum()
        cost.backward()
        return cost

    for _ in range(2):
        optimizer.step(closure)
        assert f"'func_evals': {len(calls)}," in str(optimizer.state_dict())


def test_a_step_that_leaves_the_domain_warns_of_nothing() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert np.isnan(mg.numerical_grad(np.sqrt, np.array(0.0)))
    assert not told


def test_the_state_of_a_plateau_stays_what_it_was() -> None:
    plateau = optim.ReduceLROnPlateau(optim.SGD([Value([1.0])], 0.5), patience=0)
    plateau.step(1.0)
    state = plateau.state_dict()
    before = repr(state)
    plateau._lrs[0] = 7.0
    assert repr(plateau.state_dict()) != before
    assert repr(state) == before


def test_slopes_are_measured_in_double_precision_whatever_is_given() -> None:
    for x in ([1, 2], np.array([1, 2]), np.array([1.0, 2.0], np.float32)):
        np.testing.assert_allclose(mg.numerical_grad(lambda x: (x**3).sum(), x), [3.0, 12.0], rtol=1e-9)


def test_a_list_is_an_array_where_all_of_it_is_numbers() -> None:
    assert is_array([1, 2.0, [3.0]])
    assert not is_array([1, "a"])
    assert not is_array([[1.0], ["a"]])
    assert not is_array([])


def test_np_trim_zeros_takes_the_last_axis() -> None:
    pytest.importorskip("numpy", "2.2", reason="np.trim_zeros takes an axis from NumPy 2.2 on")
    v = Value([0.0, 1.0, 0.0])
    for axis in (None, 0, -1, (0,), (-1,)):
        trimmed: Any = np.trim_zeros
        assert trimmed(v, axis=axis).data.tolist() == [1.0]
    with pytest.raises(TypeError, match=r"np\.trim_zeros of a Value wants one axis"):
        trimmed(mg.Value(M), axis=1)
