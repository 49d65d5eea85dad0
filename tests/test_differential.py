"""The same numbers from JAX and from PyTorch: values and gradients on every variant they have too.

JAX runs the lines of `tests/variants.py` as they stand, in float64; PyTorch has other names and arguments, so its lines
stand here beside NumPy's. Cotangents are random. Both are needed only here: `pip install "microgradnet[bench]"`, then

    pytest tests/test_differential.py -m "slow or not slow"

JAX compiles every operation for every shape, which takes it some minutes; MICROGRADNET_JAX_MOST=1000 before the command
makes it try every variant there is, which takes it half an hour.
"""

from __future__ import annotations

import functools
import os
import re
import warnings
from typing import Any

import numpy as np
import pytest

from microgradnet.core import Value, numbers, sweep
from tests.lines import functions
from tests.samples import sample
from tests.test_variants import (
    RECORDED,
    close,
    comparable,
    cotangents,
    floating,
    gradients,
    on_variants,
    weighted,
)
from tests.variants import Variant, real, regular

# ----------------------------------------------------------------------------------------------------------------- JAX

MOST = int(os.environ.get("MICROGRADNET_JAX_MOST", "15"))


@pytest.fixture(scope="module")
def jax() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jax = pytest.importorskip("jax", reason="JAX is not installed; it comes with the extra `bench`")
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
    return jax


IN_JAX = {function: chosen for function, chosen in (
    (function, sample([v for v in variants if not v.jax], MOST, "")) for function, variants in RECORDED.items()
) if chosen}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("function", IN_JAX)
def test_jax_says_the_same(function: str, jax: Any) -> None:
    """On up to `MOST` variants of a function: JAX compiles each anew, and all of them would take half an hour."""

    def jax_check(v: Variant) -> int:
        arrays = v.arrays()
        flowing = [i for i, x in enumerate(v.inputs) if x.flows]
        inputs = [Value(x) if i in flowing else x for i, x in enumerate(arrays)]
        outs = floating(v.f(np, *inputs))
        cs = cotangents(v, outs)

        def f(*moved: Any) -> Any:
            rest = iter(moved)
            return floating_jax(v.f(jax.numpy, *[next(rest) if i in flowing else x for i, x in enumerate(arrays)]))

        expected, pull = jax.vjp(f, *[arrays[i] for i in flowing])
        assert len(expected) == len(outs)
        for o, e in zip(outs, expected, strict=True):
            close(numbers(o), np.asarray(e), 1e-9 if e.dtype == np.float64 else 1e-4)
        if not comparable(outs):
            return len(outs)
        found = gradients(v, arrays)
        single = gradients(v, v.arrays(np.float32))
        for i, e in zip(
            flowing, pull([jax.numpy.asarray(c, o.dtype) for c, o in zip(cs, expected, strict=True)]), strict=True
        ):
            close(found[i], np.asarray(e), 1e-7 if all(o.dtype == np.float64 for o in expected) else 1e-4)
            close(single[i], np.asarray(e), 2e-3)
        return len(flowing)

    def floating_jax(out: Any) -> list[Any]:
        if isinstance(out, (tuple, list)):
            return [o for part in out for o in floating_jax(part)]
        return [out] if jax.numpy.issubdtype(jax.numpy.result_type(out), jax.numpy.floating) else []

    on_variants(IN_JAX[function], jax_check)


def test_jax_is_asked_often_enough() -> None:
    """Of each variant something is compared, or its test fails."""
    assert sum(x.flows for variants in IN_JAX.values() for v in variants for x in v.inputs) >= 3_000


# ------------------------------------------------------------------------------------------------------------- PyTorch


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch is not installed; it comes with the extra `bench`")


PAIRS: list[tuple[str, str, tuple[Any, ...]]] = []  # NumPy's line, PyTorch's line, the inputs


def pair(ours: str, theirs: str, *inputs: Any) -> None:
    PAIRS.append((ours, theirs, inputs))


def both(*names: str) -> dict[str, str]:
    return {name.split("=")[0]: name.split("=")[-1] for name in names}


# Element by element.
for ours, theirs in both(
    "sin", "cos", "tanh", "sinh", "cosh", "exp", "exp2", "expm1", "square", "negative", "absolute", "arctan",
    "arcsinh", "deg2rad",
    "rad2deg", "sinc", "sign", "floor", "ceil", "trunc", "nan_to_num", "i0=special.i0", "positive", "rint=round",
).items():  # fmt: skip
    for shape in [(), (3,), (2, 3), (0,)]:
        pair(f"np.{ours}(x)", f"torch.{theirs}(x)", real(*shape))
for domain, names in {
    "positive": "log log2 log10 log1p sqrt reciprocal", "unit": "tan arcsin arccos arctanh", "above one": "arccosh",
}.items():  # fmt: skip
    for name in names.split():
        for shape in [(), (2, 3)]:
            pair(f"np.{name}(x)", f"torch.{name}(x)", real(*shape)._replace(domain=domain))
for ours, theirs in both(
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "fmax", "fmin", "hypot", "arctan2", "logaddexp",
    "logaddexp2",
    "copysign", "fmod", "remainder", "mod=remainder",
).items():  # fmt: skip
    for a, b in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (3,)), ((), ()), ((0, 3), (1,))]:
        pair(f"np.{ours}(x, y)", f"torch.{theirs}(x, y)", real(*a), real(*b)._replace(domain="positive"))
for a, b in [((2, 3), (3,)), ((), (3,)), ((2, 1), (3,))]:
    pair("np.power(x, y)", "torch.pow(x, y)", real(*a)._replace(domain="positive"), real(*b))
    pair("np.float_power(x, y)", "torch.float_power(x, y)", real(*a)._replace(domain="positive"), real(*b))
    pair("x ** y", "x ** y", real(*a)._replace(domain="positive"), real(*b))
    pair("np.clip(x, y, y + 1)", "torch.clip(x, y, y + 1)", real(*a), real(*b))
    pair("np.where(x > y, x, y * 2)", "torch.where(x > y, x, y * 2)", real(*a), real(*b))
    pair("np.heaviside(x, y)", "torch.heaviside(x.detach(), y)", real(*a), real(*b)._replace(flows=False))
    pair(
        "np.floor_divide(x, y) * x",
        "torch.floor_divide(x.detach(), y.detach()) * x",
        real(*a),
        real(*b)._replace(domain="positive"),
    )
for power in ("2", "3", "0", "1", "-1", "0.5", "2.5"):
    pair(f"x ** {power}", f"x ** {power}", real(2, 3)._replace(domain="positive"))
    pair(
        f"{power} ** x" if "-" not in power else "3 ** x", f"{power} ** x" if "-" not in power else "3 ** x", real(2, 3)
    )

# Reductions.
CUBE = real(2, 3, 4)
for axis in ("0", "1", "-1", "(0, 2)", "(-1, 0)", "(0, 1, 2)"):
    for keep in ("True", "False"):
        dim = f"dim={axis}, keepdim={keep}"
        args = f"axis={axis}, keepdims={keep}"
        pair(f"np.sum(x, {args})", f"torch.sum(x, {dim})", CUBE)
        pair(f"np.mean(x, {args})", f"torch.mean(x, {dim})", CUBE)
        pair(f"np.nansum(x, {args})", f"torch.nansum(x, {dim})", CUBE._replace(domain="holed"))
        pair(f"np.nanmean(x, {args})", f"torch.nanmean(x, {dim})", CUBE._replace(domain="holed"))
        pair(f"np.max(x, {args})", f"torch.amax(x, {dim})", CUBE)
        pair(f"np.min(x, {args})", f"torch.amin(x, {dim})", CUBE)
        pair(f"np.count_nonzero(x, {args})", f"torch.count_nonzero(x, dim={axis})", CUBE) if keep == "False" else None
        for n in (0, 1):
            pair(f"np.var(x, ddof={n}, {args})", f"torch.var(x, correction={n}, {dim})", CUBE)
            pair(f"np.std(x, correction={n}, {args})", f"torch.std(x, correction={n}, {dim})", CUBE)
        for order in ("None", "1", "2", "3", "0.5", "np.inf", "-np.inf", "-1"):
            theirs = order.replace("np.inf", "float('inf')").replace("None", "2")
            pair(f"np.linalg.vector_norm(x, ord={order if order != 'None' else 2}, {args})",
                 f"torch.linalg.vector_norm(x, ord={theirs}, {dim})", CUBE)  # fmt: skip
        if "(" not in axis:
            for domain in ("real", "one zero", "two zeros"):
                pair(f"np.prod(x, {args})", f"torch.prod(x, {dim})", CUBE._replace(domain=domain))
            for q in ("0.3", "np.array([0.25, 0.8])"):
                theirs = q.replace("np.array", "tensor")
                for method in ("linear", "lower", "higher", "midpoint", "nearest"):
                    pair(f"np.quantile(x, {q}, {args}, method='{method}')",
                         f"torch.quantile(x, {theirs}, {dim}, interpolation='{method}')", CUBE)  # fmt: skip
                pair(f"np.nanquantile(x, {q}, {args})", f"torch.nanquantile(x, {theirs}, {dim})",
                     CUBE._replace(domain="holed"))  # fmt: skip
            pair(f"np.median(x, {args})", f"torch.median(x, {dim}).values", real(3, 3, 5)) if axis != "" else None
        if axis in ("(0, 2)", "(-1, 0)"):
            for order in ("'fro'", "'nuc'", "1", "-1", "2", "-2", "np.inf", "-np.inf"):
                pair(f"np.linalg.norm(x, {order}, {args})",
                     f"torch.linalg.matrix_norm(x, {order}, {dim})".replace("np.inf", "float('inf')"),
                         CUBE)  # fmt: skip
    if "(" not in axis:
        for domain in ("real", "one zero", "two zeros"):
            pair(f"np.cumprod(x, axis={axis})", f"torch.cumprod(x, dim={axis})", CUBE._replace(domain=domain))
        pair(f"np.cumsum(x, axis={axis})", f"torch.cumsum(x, dim={axis})", CUBE)
        pair(f"np.sort(x, axis={axis})", f"torch.sort(x, dim={axis}).values", CUBE)
        pair(f"np.argsort(x, axis={axis}) * x", f"torch.argsort(x, dim={axis}) * x", CUBE)
        pair(f"np.logaddexp.reduce(x, axis={axis})", f"torch.logsumexp(x, dim={axis})", CUBE)
        pair(f"F.logsumexp(x, axis={axis})", f"torch.logsumexp(x, dim={axis})", CUBE)
        pair(f"F.softmax(x, axis={axis})", f"torch.softmax(x, dim={axis})", CUBE)
        pair(f"F.log_softmax(x, axis={axis})", f"torch.log_softmax(x, dim={axis})", CUBE)
        pair(f"np.diff(x, axis={axis})", f"torch.diff(x, dim={axis})", CUBE)
        pair(f"np.diff(x, n=2, axis={axis})", f"torch.diff(x, n=2, dim={axis})", real(3, 3, 4))
        pair(f"np.gradient(x, axis={axis})", f"torch.gradient(x, dim={axis})[0]", real(3, 3, 4))
        pair(
            f"np.gradient(x, axis={axis}, edge_order=2)",
            f"torch.gradient(x, dim={axis}, edge_order=2)[0]",
            real(3, 3, 4),
        )
        pair(f"np.trapezoid(x, axis={axis}, dx=0.5)", f"torch.trapezoid(x, dim={axis}, dx=0.5)", CUBE)
        pair(f"np.flip(x, axis={axis})", f"torch.flip(x, dims=({axis},))", CUBE)
        pair(f"np.repeat(x, 3, axis={axis})", f"torch.repeat_interleave(x, 3, dim={axis})", CUBE)
        pair(f"np.take(x, np.array([1, 0, 1]), axis={axis})", f"torch.index_select(x, {axis}, tensor([1, 0, 1]))", CUBE)
        pair(f"np.take_along_axis(x, np.zeros((2, 3, 4), int) + (np.arange(4) < 2), axis={axis})",
             f"torch.gather(x, {axis}, torch.zeros(2, 3, 4, dtype=torch.int64) + (torch.arange(4) < 2))",
                 CUBE)  # fmt: skip
        pair(f"np.concatenate([x, x * x], axis={axis})", f"torch.cat([x, x * x], dim={axis})", CUBE)
        pair(f"np.stack([x, x * x], axis={axis})", f"torch.stack([x, x * x], dim={axis})", CUBE)
        pair(f"np.array_split(x, 2, axis={axis})", f"torch.tensor_split(x, 2, dim={axis})", CUBE)
        pair(f"np.array_split(x, [1, 2], axis={axis})", f"torch.tensor_split(x, [1, 2], dim={axis})", CUBE)
        for k in (1, -2, 7):
            pair(f"np.roll(x, {k}, axis={axis})", f"torch.roll(x, {k}, dims={axis})", CUBE)
for line in ("sum", "mean", "prod", "amax", "amin", "std", "var"):
    extra = ", correction=0" if line in ("std", "var") else ""
    pair(f"np.{line}(x)", f"torch.{line}(x{extra})", real(2, 3))
for rowvar in ("x", "x[0]"):
    pair(f"np.cov({rowvar})", f"torch.cov({rowvar})", real(3, 4))
    pair(f"np.cov({rowvar}, bias=True)", f"torch.cov({rowvar}, correction=0)", real(3, 4))
    pair(f"np.corrcoef({rowvar})", f"torch.corrcoef({rowvar})", real(3, 4))
pair("np.cov(x, fweights=np.array([1, 2, 1, 3]))", "torch.cov(x, fweights=tensor([1, 2, 1, 3]))", real(3, 4))
pair(
    "np.cov(x, aweights=np.array([0.5, 1.0, 2.0, 1.5]))",
    "torch.cov(x, aweights=tensor([0.5, 1.0, 2.0, 1.5]))",
    real(3, 4),
)

# Shapes.
for k in (0, 1, 2, 3, -1):
    for axes in ((0, 1), (1, 0), (0, 2), (-1, 0)):
        pair(f"np.rot90(x, {k}, {axes})", f"torch.rot90(x, {k}, {axes})", CUBE)
    pair(f"np.diag(x, {k})", f"torch.diag(x, {k})", real(3))
    pair(f"np.diag(x, {k})", f"torch.diag(x, {k})", real(4, 4))
    pair(f"np.diagflat(x, {k})", f"torch.diagflat(x, {k})", real(2, 2))
    pair(f"np.tril(x, {k})", f"torch.tril(x, {k})", CUBE)
    pair(f"np.triu(x, {k})", f"torch.triu(x, {k})", CUBE)
    for a, b in ((0, 1), (1, 0), (-1, 0), (2, 1)):
        pair(f"np.diagonal(x, {k}, {a}, {b})", f"torch.diagonal(x, {k}, {a}, {b})", real(4, 4, 4))
for reps in ((2,), (2, 1), (3, 1, 2), (2, 1, 1, 2)):
    pair(f"np.tile(x, {reps})", f"torch.tile(x, {reps})", real(2, 3))
    pair(f"np.tile(x, {reps})", f"torch.tile(x, {reps})", real(3))
for a, b in (("0", "2"), ("-1", "0"), ("(0, 1)", "(-1, -2)"), ("(0, 2)", "(2, 0)")):
    pair(f"np.moveaxis(x, {a}, {b})", f"torch.movedim(x, {a}, {b})", CUBE)
for axes in ((1, 2, 0), (-1, 0, 1), (2, 1, 0)):
    pair(f"np.transpose(x, {axes})", f"torch.permute(x, {axes})", CUBE)
for ours, theirs in (("edge", "replicate"), ("reflect", "reflect"), ("wrap", "circular"), ("constant", "constant")):
    for left, right in ((1, 2), (2, 0), (0, 1), (2, 2)):
        pair(
            f"np.pad(x, ((0, 0), ({left}, {right})), mode='{ours}')",
            f"pad(x, ({left}, {right}), mode='{theirs}')",
            real(2, 3),
        )
        pair(f"np.pad(x, ((0, 0), (0, 0), ({left}, {right}), (1, 2)), mode='{ours}')",
             f"pad(x, (1, 2, {left}, {right}), mode='{theirs}')", real(1, 2, 3, 4))  # fmt: skip
for k in (1.5, -2):
    pair(f"np.pad(x, 1, constant_values={k})", f"pad(x, (1, 1, 1, 1), value={k})", real(2, 3))
for line in (
    "x[0]",
    "x[-1, 1:]",
    "x[..., None, 0]",
    "x[:, ::2]",
    "x[x > 0]",
    "x[:, 1] * x[:, -1]",
    "x.T",
    "x.reshape(-1)",
):
    pair(line, line, real(3, 4))
for index in ("[0, 2, 0], [1, 1, 1]", ":, [3, 0, 0]", "[[0], [2]], [1, 3]", "[0, -1]", "1, [0, 2, 2]"):
    pair(f"x[{index}]", f"x[{index}]", real(3, 4))
pair("np.meshgrid(x, y, indexing='ij')", "torch.meshgrid(x, y, indexing='ij')", real(2), real(3))
pair("np.meshgrid(x, y)", "torch.meshgrid(x, y, indexing='xy')", real(2), real(3))
for line in (
    "hstack([x, x * y])",
    "vstack([x, x * y])",
    "dstack([x, x * y])",
    "column_stack([x, x * y])",
    "broadcast_arrays(x, y)",
):
    theirs = line.replace("broadcast_arrays", "broadcast_tensors")
    for shape in ((3,), (2, 3)):
        pair(f"np.{line}", f"torch.{theirs}", real(*shape), real(3))

# Products.
for a, b in (((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((3,), (3, 4)), ((2, 3), (3,)),
    ((3,), (3,)),
             ((2, 1, 2, 3), (5, 3, 2)), ((0, 3), (3, 2))):  # fmt: skip
    pair("np.matmul(x, y)", "torch.matmul(x, y)", real(*a), real(*b))
for subscripts, a, b in (
    ("ij,jk->ik", (2, 3), (3, 2)), ("ij,kj->ik", (2, 3), (4, 3)), ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    ("ii,i->i", (3, 3), (3,)),
    ("ij,ij->", (2, 3), (2, 3)), ("i,j->ij", (2,), (3,)), ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    ("ij,j", (2, 3), (3,)),
    ("ij,jk", (2, 3), (3, 2)), ("ii,jj->ij", (2, 2), (3, 3)), ("ij,j->i", (2, 3), (1,)), ("ij,ij->ij", (2, 1), (2, 3)),
    ("ijk,jil->kl", (2, 3, 2), (3, 2, 2)), ("...i,...i->...", (1, 3), (2, 3)), ("b...,b...->...", (2, 3), (2, 3)),
):  # fmt: skip
    for optimize in ("False", "True"):
        pair(
            f"np.einsum('{subscripts}', x, y, optimize={optimize})",
            f"torch.einsum('{subscripts}', x, y)",
            real(*a),
            real(*b),
        )
for ours, theirs, a, b in (
    ("np.tensordot(x, y, 2)", "torch.tensordot(x, y, 2)", (4, 2, 3), (2, 3, 5)),
    ("np.kron(x, y)", "torch.kron(x, y)", (2, 3), (2, 2)),
    ("np.tensordot(x, y, ([0, 2], [1, 0]))", "torch.tensordot(x, y, ([0, 2], [1, 0]))", (2, 3, 4), (4, 2)),
    ("np.kron(x, y)", "torch.kron(x, y)", (2,), (2, 3)), ("np.inner(x, y)", "torch.inner(x, y)", (2, 3), (4, 3)),
    ("np.outer(x, y)", "torch.outer(x, y)", (2,), (3,)), ("np.cross(x, y)", "torch.linalg.cross(x, y)", (2, 3), (2, 3)),
    ("np.cross(x, y, axis=0)", "torch.linalg.cross(x, y, dim=0)", (3, 2), (3, 1)),
    ("np.vecdot(x, y)", "torch.linalg.vecdot(x, y)", (2, 3), (3,)),
    ("np.linalg.multi_dot([x, y, x])", "torch.linalg.multi_dot([x, y, x])", (2, 3), (3, 2)),
    ("np.vdot(x, y)", "torch.vdot(x, y)", (3,), (3,)),
):  # fmt: skip
    pair(ours, theirs, real(*a), real(*b))

# Linear algebra.
for shape in ((3, 3), (2, 3, 3), (1, 1)):
    x, y = regular(*shape), real(*shape[:-1], 2)
    for line in ("inv(x)", "det(x)", "slogdet(x)", "slogdet(-x)", "pinv(x)", "cholesky(G)", "eigvalsh(G)",
        "eigh(G)[0]", "svdvals(x)",
                 "eigh(G)[1] ** 2", "svd(x)[1]", "svd(x, full_matrices=False)[0] ** 2", "qr(x)[1]", "qr(x)[0]",
                 "matrix_power(x, 3)", "matrix_power(x, -2)", "matrix_power(x, 0)"):  # fmt: skip
        line = line.replace("G", "x @ x.swapaxes(-1, -2)")
        pair(f"np.linalg.{line}", f"torch.linalg.{line}", x)
    pair("np.linalg.solve(x, y)", "torch.linalg.solve(x, y)", x, y)
    for order in ("'fro'", "'nuc'", "1", "-1", "2", "-2"):
        pair(f"np.linalg.matrix_norm(x, ord={order})", f"torch.linalg.matrix_norm(x, ord={order})", x)
for shape in ((3, 2), (2, 3), (2, 4, 3)):
    for line in ("pinv(x)", "svd(x, full_matrices=False)[1]", "svd(x, full_matrices=False)[2] ** 2", "svdvals(x)"):
        pair(f"np.linalg.{line}", f"torch.linalg.{line}", real(*shape))
pair("np.linalg.lstsq(x, y)[0]", "torch.linalg.lstsq(x, y).solution", real(4, 2), real(4, 1))

# Points where a slope has to be agreed on, and PyTorch's choice is ours. The numbers stand in the line: x is 0 plus x.
POINTS = [
    ("np.absolute(x)", "torch.abs(x)", [0.0, -1.0, 2.0]), ("np.max(x)", "torch.amax(x, dim=0)", [1.0, 3.0, 3.0]),
    ("np.min(x)", "torch.amin(x, dim=0)", [1.0, 1.0, 3.0]), ("np.max(x, axis=0)", "torch.amax(x, dim=0)", [2.0, 2.0,
    2.0]),
    ("np.maximum(x, 1.0)", "torch.maximum(x, torch.ones_like(x))", [1.0, 0.0, 2.0]),
    ("np.minimum(x, x[::-1])", "torch.minimum(x, x.flip(0))", [1.0, 0.0, 1.0]),
    ("np.maximum(x, x)", "torch.maximum(x, x)", [1.0, 2.0]),
    ("np.clip(x, 1, 2)", "torch.clip(x, 1, 2)", [1.0, 1.5, 2.0, 2.5]), ("np.prod(x)", "torch.prod(x)", [0.0, 2.0, 3.0]),
    ("np.prod(x)", "torch.prod(x)", [0.0, 0.0, 3.0]), ("np.prod(x)", "torch.prod(x)", [0.0, 0.0, 0.0]),
    ("np.cumprod(x)", "torch.cumprod(x, 0)", [2.0, 0.0, 3.0, 0.0, 4.0]), ("np.sinc(x)", "torch.sinc(x)", [0.0, 0.5]),
    ("np.sqrt(x)", "torch.sqrt(x)", [0.0, 4.0]), ("np.log(x)", "torch.log(x)", [0.0, 1.0]),
    ("x ** 0.5", "x ** 0.5", [0.0, 4.0]),
    ("x ** 0", "x ** 0", [0.0, 2.0]), ("x ** 2", "x ** 2", [0.0, -2.0]), ("x ** 1", "x ** 1", [0.0, -2.0]),
    ("0.0 ** x", "0.0 ** x", [0.0, 2.0]), ("np.linalg.norm(x)", "torch.linalg.vector_norm(x)", [0.0, 0.0, 0.0]),
    ("np.sort(x)", "torch.sort(x, stable=True).values", [2.0, 1.0, 2.0, 1.0]),
    ("np.sign(x) * x", "torch.sign(x) * x", [0.0, -1.0]),
    ("x[[-1, 2, 0, 0]]", "x[[-1, 2, 0, 0]]", [5.0, 6.0, 7.0]), ("F.logsumexp(x)", "torch.logsumexp(x, 0)", [1000.0,
    1000.0]),
    ("F.relu(x)", "torch.relu(x)", [0.0, -1.0, 1.0]), ("F.leaky_relu(x, 0.3)", "leaky_relu(x, 0.3)", [0.0, -1.0, 1.0]),
    ("F.elu(x)", "elu(x)", [0.0, -1.0, 1.0]), ("F.softplus(x)", "softplus(x)", [0.0, -1.0, 1.0]),
    ("np.arcsin(x)", "torch.arcsin(x)", [1.0, -1.0]), ("np.nanmean(x)", "torch.nanmean(x)", [1.0, float("nan"), 3.0]),
    ("np.floor(x) * x", "torch.floor(x) * x", [1.0, 2.5]), ("np.logaddexp(x, 1000.0)",
    "torch.logaddexp(x, x * 0 + 1000)", [1000.0, 0.0]),
    ("np.nan_to_num(x, nan=1.0, posinf=2.0)", "torch.nan_to_num(x, nan=1.0, posinf=2.0)",
     [1.0, float("nan"), float("inf")]),
    ("F.softmax(x)", "torch.softmax(x, 0)", [1000.0, -1000.0, 0.0]), ("F.sigmoid(x)", "torch.sigmoid(x)", [-1000.0,
    0.0, 1000.0]),
]  # fmt: skip


@functools.cache
@functools.cache
def line(code: str, count: int) -> Any:
    given = ["np", "torch", "F", "tensor", "pad", "elu", "leaky_relu", "softplus", *"xyzw"[:count]]
    return functions([(", ".join(given), code)], {})[0]


def agree(
    torch: Any, ours: str, theirs: str, arrays: list[Any], flows: list[bool], rng: np.random.Generator, dtype: Any
) -> None:
    """Run both lines on the same numbers and back from the same random cotangents: the gradients agree."""
    import microgradnet.functional as F

    nn = torch.nn.functional
    tensor = functools.partial(torch.tensor)
    values = [Value(x.astype(dtype)) if f else x.astype(dtype)[()] for x, f in zip(arrays, flows, strict=True)]
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=f) for x, f in zip(arrays, flows, strict=True)]
    names = (
        lambda x: tensor(x, dtype=torch.float64 if "." in str(x) else None),
        nn.pad,
        nn.elu,
        nn.leaky_relu,
        nn.softplus,
    )
    run = line(ours, len(arrays))
    outs = floating(run(np, None, F, *names, *values))
    plain = floating(run(np, None, F, *names, *[x.astype(dtype)[()] for x in arrays]))
    expected = flat_torch(torch, line(theirs, len(arrays))(None, torch, None, *names, *tensors))
    assert len(outs) == len(expected)
    tolerance = 1e-9 if dtype is np.float64 else 1e-3
    cs = []
    for o, p, e in zip(outs, plain, expected, strict=True):
        assert o.dtype == p.dtype
        close(numbers(o), e.detach().numpy(), tolerance)
        cs.append(np.asarray(rng.normal(size=o.shape), o.dtype)[()])
    total = weighted(outs, cs)
    found = sweep(total, total.dtype.type(1)) if type(total) is Value else {}
    flowing = [(o, torch.tensor(c, dtype=torch.float64)) for o, c in zip(expected, cs, strict=True) if o.requires_grad]
    if flowing:
        torch.autograd.backward([o for o, _ in flowing], [c for _, c in flowing])
    for v, t in zip(values, tensors, strict=True):
        if isinstance(v, Value):
            g = found.get(v, np.zeros_like(v.data))
            assert g.dtype == dtype
            close(g, np.zeros(v.shape) if t.grad is None else t.grad.numpy(), 1e-7 if dtype is np.float64 else 2e-3)


def flat_torch(torch: Any, out: Any) -> list[Any]:
    if isinstance(out, (tuple, list)):
        return [o for part in out for o in flat_torch(torch, part)]
    return [out] if out.dtype.is_floating_point else []


def kinds() -> dict[str, list[tuple[str, str, tuple[Any, ...]]]]:
    """The pairs of each function."""
    found: dict[str, list[tuple[str, str, tuple[Any, ...]]]] = {}
    for ours, theirs, inputs in PAIRS:
        found.setdefault((re.findall(r"(?:np|F)\.([\w.]+)", ours) or ["operators"])[0], []).append(
            (ours, theirs, inputs)
        )
    return found


KINDS = kinds()


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("function", KINDS)
def test_torch_says_the_same(function: str, dtype: Any, torch: Any) -> None:
    failed = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for ours, theirs, inputs in KINDS[function]:
            variant = Variant("torch", function, ours, inputs, agree)
            flows = [x.flows for x in inputs]
            try:
                agree(torch, ours, theirs, variant.arrays(), flows, variant.rng(), dtype)
            except Exception as error:
                failed.append(f"{variant}\n    {type(error).__name__}: {' '.join(str(error).split())[:400]}")
    if failed:
        pytest.fail(f"{len(failed)} of {len(KINDS[function])} variants\n" + "\n".join(failed), pytrace=False)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("ours", "theirs", "at"), POINTS, ids=[f"{p[0]} at {p[2]}" for p in POINTS])
def test_torch_agrees_on_the_conventions(ours: str, theirs: str, at: list[float], dtype: Any, torch: Any) -> None:
    with np.errstate(all="ignore"):
        agree(torch, ours, theirs, [np.array(at)], [True], np.random.default_rng(0), dtype)


def test_torch_is_asked_often_enough() -> None:
    """Each pair is compared in two dtypes, or its test fails."""
    assert sum(map(len, KINDS.values())) == len(PAIRS) >= 950
