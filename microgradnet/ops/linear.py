"""Rows of linear algebra: the matrix product of every rank, and the affine map a layer is made of."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core import HALF, Op, as_floats, case, formula, op, shaped


def _grad_left(g: Any, out: Any, x: Any, y: Any) -> Any:
    """g · yᵀ. A vector x counts as a row, a vector y as a column, as in the product itself."""
    if x.ndim == 2 == y.ndim:
        return g @ y.T
    if y.ndim == 1:
        return g.reshape((*g.shape, 1)) * y if x.ndim > 1 else g * y
    if x.ndim == 1:
        g = g.reshape((*g.shape[:-1], 1, g.shape[-1]))
        return (g @ y.swapaxes(-1, -2)).reshape((*y.shape[:-2], *x.shape))
    return g @ y.swapaxes(-1, -2)


def _grad_right(g: Any, out: Any, x: Any, y: Any) -> Any:
    """xᵀ · g."""
    if x.ndim == 2 == y.ndim:
        return x.T @ g
    if x.ndim == 1:
        return x.reshape((-1, 1)) * g.reshape((*g.shape[:-1], 1, g.shape[-1])) if y.ndim > 1 else g * x
    if y.ndim == 1:
        return (x.swapaxes(-1, -2) @ g.reshape((*g.shape, 1))).reshape((*x.shape[:-2], *y.shape))
    return x.swapaxes(-1, -2) @ g


op(np.matmul, _grad_left, _grad_right, forward=operator.matmul, symbol="@", cases=[
    case("ab", "bc"), case("b", "b"), case("b", "bc"), case("ab", "b"), case("dab", "dbc"), case("dab", "bc"),
    case("ab", "dbc"), case("1ab", "dbc"), case("b", "dbc"), case("dab", "b"), case("edab", "1dbc"),
    case("d1ab", "ebc"),
])  # fmt: skip


@formula(np.dot, out=2)
def dot(a: Any, b: Any) -> Any:
    """NumPy's `dot`: the matrix product, except that two stacks of matrices are paired each with each."""
    a, b = shaped(a), shaped(b)
    m, n = a.ndim, b.ndim
    if not m or not n:
        return a * b
    if m <= 2 >= n or n == 1:
        return a @ b
    others = (*b.shape[:-2], b.shape[-1])
    columns = b.transpose((n - 2, *range(n - 2), n - 1)).reshape((b.shape[-2], math.prod(others)))
    return (a @ columns).reshape((*a.shape[:-1], *others))


def _rows(x: Any) -> Any:
    """`x` as a matrix: every axis but the last counts examples."""
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _rowwise(x: Any, matrix: Any) -> Any:
    """x · matrix as one product, whatever axes x has: NumPy's `@` would do one for each matrix in x."""
    return _rows(x).dot(matrix).reshape((*x.shape[:-1], matrix.shape[1]))


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    """x · weightᵀ + bias, for x (…, in), weight (out, in) and bias (out,): (…, out).

    ValueError for a weight or a bias of another shape.

    >>> linear(np.ones((1, 3)), np.ones((2, 3)), np.array([0.0, 1.0]))
    array([[3., 4.]])
    """
    if weight.ndim != 2 or bias.ndim != 1 or len(bias) != len(weight):  # a bias of one number would broadcast
        raise ValueError(f"linear wants a weight (out, in) and a bias (out,); got {weight.shape} and {bias.shape}")
    out = x.dot(weight.T) if x.ndim == 2 else _rowwise(x, weight.T)
    dtype = out.dtype
    if dtype is bias.dtype and dtype.kind == "f":
        out += bias  # in place: `out` is nobody else's
        return out
    if dtype.kind != "f":  # the sums of small integers would wrap around
        return _linear(as_floats(x), as_floats(weight), as_floats(bias))
    return out + bias


def _sum_of_rows(g: Any) -> Any:
    rows = _rows(g)
    if len(rows) == 1:
        return rows[0]
    return (rows if rows.dtype != HALF else rows.astype(np.float32)).sum(axis=0)


# A row because of speed: as a formula it would be three, and small layers cost by the row.
linear: Op = op(
    "linear",
    lambda g, out, x, weight, bias: g.dot(weight) if g.ndim == 2 else _rowwise(g, weight),
    lambda g, out, x, weight, bias: g.T.dot(x) if g.ndim == 2 else _rows(g).T.dot(_rows(x)),
    lambda g, out, x, weight, bias: _sum_of_rows(g),
    forward=_linear,
    symbol="Wx+b",
    parameters=False,
    cases=[case("nb", "ab", "a"), case("b", "ab", "a"), case("mnb", "ab", "a")],
)
