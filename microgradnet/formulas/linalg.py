"""numpy.linalg's functions that are made of others.

Where NumPy would complain of an argument, NumPy is called with the plain numbers to do so.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError, eigvalsh, inv, svdvals

from ..core import BY_NAME, Value, formula, modes, plain_data, shaped
from ..ops.linalg import (
    arbitrary,
    eigenvectors,
    eps,
    flip,
    log_abs_det,
    mirrored,
    per_matrix,
    pseudo_inverse,
    qr_factors,
    rounding,
    sign_of_det,
    singular_vectors,
)
from ..words import refuse
from .reductions import axes_of

# The named tuples that NumPy returns. It has no public name for them.
EighResult: Any = type(np.linalg.eigh(np.eye(1)))
SVDResult: Any = type(np.linalg.svd(np.eye(1)))
QRResult: Any = type(np.linalg.qr(np.eye(1)))
SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))


def complain(function: Callable[..., Any], *args: Any) -> Any:
    """Let NumPy say what is wrong with a call that is not understood here."""
    function(*[getattr(x, "_numbers", x) for x in args])
    return refuse(f"np.linalg.{function.__name__} is not recorded with these arguments")


# --------------------------------------------------------------------------------------------------------------- norms


def _root_of_squares(x: Any, axis: Any, keepdims: Any) -> Any:
    """√Σx², with slope 0 where all are 0."""
    total = (x * x).sum(axis=axis, keepdims=keepdims)
    nothing = total == 0
    return np.where(nothing, 0.0, np.sqrt(np.where(nothing, 1.0, total)))


def _vector_norm(x: Any, order: Any, axis: Any, keepdims: Any) -> Any:
    """NumPy's norms of vectors, the vectors along any number of axes. Slopes at 0 are 0."""
    if order is None or order == 2:
        return _root_of_squares(x, axis, keepdims)
    if order == 0:  # how many are not 0: recorded, nothing flows
        return (x != 0).astype(x.dtype).sum(axis=axis, keepdims=keepdims)
    size = abs(x)
    if order == math.inf:
        return size.max(axis=axis, keepdims=keepdims)
    if order == -math.inf:
        return size.min(axis=axis, keepdims=keepdims)
    if order == 1:
        return size.sum(axis=axis, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    order = float(order)
    zero = size == 0  # is left out: the slope of a negative or a fractional power would be infinite there
    total = np.where(zero, 0.0, np.where(zero, 1.0, size) ** order).sum(axis=axis, keepdims=keepdims)
    nothing = zero.all(axis=axis, keepdims=keepdims) if order > 0 else zero.any(axis=axis, keepdims=keepdims)
    return np.where(nothing, 0.0, np.where(nothing, 1.0, total) ** (1 / order))


def _matrix_norm(x: Any, order: Any, axes: tuple[int, ...], keepdims: Any) -> Any:
    row, column = axes
    if order is None or order in ("fro", "f"):
        return _root_of_squares(x, axes, keepdims)
    if order in (1, -1, math.inf, -math.inf):
        sums = abs(x).sum(axis=row if order in (1, -1) else column, keepdims=True)
        return (sums.max if order > 0 else sums.min)(axis=axes, keepdims=keepdims)
    rest = [i for i in range(x.ndim) if i not in axes]
    s = svdvals(x.transpose((*rest, row, column)))
    out = s.sum(axis=-1) if order == "nuc" else s.max(axis=-1) if order == 2 else s.min(axis=-1)
    return out.reshape([1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdims else out


@formula(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """NumPy's norm, of vectors and of matrices, of every order. At 0 its slope is 0, for every order.

    Where several elements, sums or singular values are the largest or the smallest, they share the gradient.
    """
    x = _real(x)
    if isinstance(ord, Value):
        refuse("np.linalg.norm(ord=…) is a number, no Value")
    if axis is None:
        if ord is None or (x.ndim == 2 and ord in ("f", "fro")):
            return _root_of_squares(x, None, keepdims)
        axis = tuple(range(x.ndim))
    try:
        axes = tuple([range(x.ndim)[a] for a in (axis if isinstance(axis, tuple) else (int(axis),))])
    except (TypeError, ValueError, IndexError):
        return complain(np.linalg.norm, x, ord, axis, keepdims)
    known = (None, "fro", "f", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    if len(axes) not in (1, 2) or (len(axes) == 2 and (axes[0] == axes[1] or ord not in known)):
        return complain(np.linalg.norm, x, ord, axis, keepdims)
    if not x.size:  # what the norm of nothing is, NumPy knows
        return x.sum(axis=axes, keepdims=keepdims) + np.linalg.norm(np.zeros(x.shape, x.dtype), ord, axis, keepdims)
    return _vector_norm(x, ord, axes, keepdims) if len(axes) == 1 else _matrix_norm(x, ord, axes, keepdims)


@formula(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2) -> Any:
    """The norm of vectors along any number of axes. At 0 its slope is 0, for every order."""
    x = _real(x)
    if isinstance(ord, Value):
        refuse("np.linalg.vector_norm(ord=…) is a number, no Value")
    if not x.size:
        out = np.linalg.vector_norm(np.zeros(x.shape, x.dtype), axis=axis, keepdims=keepdims, ord=ord)
        return x.sum(axis=axis, keepdims=keepdims) + out
    axis = axes_of(axis, x.ndim)
    return _vector_norm(x, ord, axis, keepdims)


@formula(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (-2, -1), keepdims)


def _real(x: Any) -> Any:
    return x if x.dtype.kind == "f" else x.astype(np.float64)


@formula(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """NumPy's condition number: ∞, and then without a slope (NaN), for a singular matrix."""
    x = _real(x)
    if x.ndim < 2 or 0 in x.shape[-2:]:
        return complain(np.linalg.cond, x, p)
    with np.errstate(all="ignore"):
        if p is None or p in (2, -2):
            s = svdvals(x)
            out = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        else:
            singular = per_matrix(sign_of_det(x) == 0)
            out = norm(x, p, (-2, -1)) * _norm_of_inverse(np.where(singular, math.nan, x), p)
    return np.where(np.isnan(out) & ~np.isnan(x).any(axis=(-2, -1)), math.inf, out)


def _norm_of_inverse(x: Any, p: Any) -> Any:
    if p != "nuc" or not modes.asked(_any_nan, x):
        return norm(inv(x), p, (-2, -1))
    # The singular values of a NaN do not converge; elsewhere those of the inverse are the reciprocal ones.
    bad = np.isnan(x).any(axis=(-2, -1), keepdims=True)
    out = norm(inv(np.where(bad, np.eye(x.shape[-1], dtype=x.dtype), x)), p, (-2, -1))
    return np.where(bad.reshape(bad.shape[:-2]), math.nan, out)


def _any_nan(x: Any) -> bool:
    return bool(np.isnan(x).any())


# --------------------------------------------------------------------------------------------- inverses and systems


def _nothing_dropped(name: str, x: Any, rcond: Any) -> None:
    """Refuse a cutoff that leaves out singular values that are there: the rule is that of a rank which is exact."""
    if isinstance(rcond, Value):
        refuse(f"np.linalg.{name}'s cutoff is a number, no Value")
    modes.checked(_all_there, name, x, rcond)


def _all_there(name: str, x: Any, rcond: Any) -> None:
    s = svdvals(x)
    relative = s / np.where(s[..., :1] == 0, 1.0, s[..., :1])
    if ((relative <= np.asarray(rcond)[..., None]) & (relative > rounding(x))).any():
        refuse(
            f"np.linalg.{name} with a cutoff of {rcond} leaves out singular values that are not 0; recorded is "
            f"only the pseudo-inverse of all of them. For a cutoff, choose among the results of np.linalg.svd"
        )


@formula(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """NumPy's pseudo-inverse. Its gradient is that of the matrices of the same rank; equal singular values are fine.

    `hermitian=True` reads the lower triangle only. A cutoff that leaves out singular values other than 0 is refused.
    """
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    a = _real(mirrored(a) if hermitian else a)
    if rcond is None and rtol is np._NoValue:
        cutoff: Any = 1e-15
    elif rcond is None and rtol is None:
        cutoff = max(a.shape[-2:]) * eps(a)
    else:
        cutoff = rtol if rcond is None else rcond
        _nothing_dropped("pinv", a, cutoff)
    return pseudo_inverse(a, rcond=cutoff)


@formula(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """NumPy's least squares, as the pseudo-inverse times `b`: solution, residuals, rank and singular values.

    The rank is a plain int. The residuals are empty where NumPy's are. A cutoff that leaves out singular values other
    than 0 is refused.
    """
    a, b = shaped(a), shaped(b)
    x, residuals, rank, _ = np.linalg.lstsq(plain_data(a), plain_data(b), rcond)
    a = a.astype(x.dtype)
    cutoff = max(a.shape) * eps(x) if rcond is None else rcond
    if rcond is not None:
        _nothing_dropped("lstsq", a, rcond)
    solution = pseudo_inverse(a, rcond=max(cutoff, 0.0)) @ b
    error = b - a @ solution
    squares = (error * error).sum(axis=0)
    squares = squares.reshape(residuals.shape) if residuals.size else squares.reshape((-1,))[:0]
    return solution, squares, rank, svdvals(a)


@formula(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    a, b = shaped(a), shaped(b)
    if axes is not None:
        order = list(range(a.ndim))
        for k in axes:
            order.remove(k)
            order.insert(a.ndim, k)
        a = a.transpose(order)
    shape = a.shape[-(a.ndim - b.ndim) :]
    n = math.prod(shape)
    if a.size != n**2:
        raise LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim]); "
            f"got {a.shape} and {b.shape}"
        )
    return np.linalg.solve(a.reshape((n, n)), b.reshape((-1,))).reshape(shape)


@formula(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    n = math.prod(a.shape[ind:])
    return inv(a.reshape((n, -1))).reshape((*a.shape[ind:], *a.shape[:ind]))


# ------------------------------------------------------------------------------------------------------------ products


@formula(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    np.linalg.matrix_power(np.zeros(np.shape(a)), 0)  # complains if it is not square
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    if n == 0:  # constant, but it still is a result of a
        return np.where(np.True_, np.eye(a.shape[-1], dtype=a.dtype), a)
    power, out, n = (a if n > 0 else inv(a)), None, abs(n)
    while True:  # squares of squares, those that the bits of n name
        if n % 2:
            out = power if out is None else out @ power
        n //= 2
        if not n:
            return out
        power = power @ power


@formula(np.linalg.multi_dot, out=BY_NAME)
def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of all, in the order that multiplies the fewest numbers."""
    factors = [shaped(x) for x in arrays]
    if len(factors) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(factors) == 2:
        return np.dot(*factors)
    if any(x.ndim != 2 for x in factors[1:-1]) or any(x.ndim not in (1, 2) for x in factors):
        return complain(np.linalg.multi_dot, [np.zeros(x.shape, x.dtype) for x in factors])
    shapes = [x.shape for x in factors]
    sides = [1 if len(shapes[0]) == 1 else shapes[0][0], *[x[0] for x in shapes[1:]], (*shapes[-1], 1)[1]]

    best = {(i, i): (0, i) for i in range(len(factors))}  # what the factors i to j cost, and after which to part them
    for i in reversed(range(len(factors))):
        for j in range(i + 1, len(factors)):
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sides[i] * sides[k + 1] * sides[j + 1], k) for k in range(i, j)
            )
    return product(factors, best, 0, len(factors) - 1)


def product(factors: list[Any], best: dict[tuple[int, int], tuple[int, int]], i: int, j: int) -> Any:
    """The product of the factors i to j, parted where that is best."""
    if i == j:
        return factors[i]
    k = best[i, j][1]
    return product(factors, best, i, k) @ product(factors, best, k + 1, j)


# ------------------------------------------------------------------------------------------------------ factorisations


@formula(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the determinant. The sign is recorded, nothing flows; a singular matrix has slope NaN."""
    return SlogdetResult(sign_of_det(a), log_abs_det(a))


@formula(np.linalg.eigh)
def eigh(a: Any, UPLO: Any = "L") -> Any:
    """Eigenvalues and eigenvectors of the symmetric matrix in the lower triangle of `a`, or with "U" in the upper one.

    The other triangle is not read and its gradient is 0. Eigenvectors of equal eigenvalues are not unique: a gradient
    that comes through them is NaN.
    """
    return EighResult(eigvalsh(a, UPLO), eigenvectors(a, UPLO=UPLO))


@formula(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """NumPy's singular value decomposition.

    Vectors of equal singular values are not unique: a gradient that comes through them is NaN. Nor are the vectors
    past min(m, n) that `full_matrices=True` adds: a gradient that comes through those is refused.
    """
    if hermitian:
        return _svd_of_symmetric(a, compute_uv)
    s = svdvals(a)
    if not compute_uv:
        return s
    m, n = a.shape[-2:]
    uv = singular_vectors(a, full=True) if full_matrices else singular_vectors(a)
    u, vh = uv[..., :m, :], flip(uv[..., m:, :])
    why = (
        f"np.linalg.svd of a matrix of shape {(m, n)} has vectors past the first {min(m, n)} that could be any: they "
        f"have no gradient. full_matrices=False leaves them out"
    )
    if full_matrices and m > n:
        u = np.concatenate([u, arbitrary(a, make=lambda x: np.linalg.svd(x)[0][..., n:], why=why)], axis=-1)
    if full_matrices and n > m:
        vh = np.concatenate([vh, arbitrary(a, make=lambda x: np.linalg.svd(x)[2][..., m:, :], why=why)], axis=-2)
    return SVDResult(u, s, vh)


def _svd_of_symmetric(a: Any, compute_uv: bool) -> Any:
    """From eigenvalues, as NumPy does it: their sizes, the largest first; v takes their signs."""
    w = eigvalsh(a)
    size = abs(w)
    order = np.argsort(size)[..., ::-1]
    s = np.take_along_axis(size, order, axis=-1)
    if not compute_uv:
        return s
    u = np.take_along_axis(eigenvectors(a), order[..., None, :], axis=-1)
    sign = np.where(np.signbit(np.take_along_axis(w, order, axis=-1)), -1.0, np.ones(1, w.dtype))
    return SVDResult(u, s, flip(u * sign[..., None, :]))


@formula(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """NumPy's QR decomposition. NaN where the first min(m, n) columns depend on each other.

    In mode "complete", q of a tall matrix has columns that could be any: a gradient that comes through them is refused.
    """
    if mode not in ("reduced", "complete", "r"):
        return complain(np.linalg.qr, a, mode)
    m, n = a.shape[-2:] if a.ndim >= 2 else complain(np.linalg.qr, a)
    factors = qr_factors(a)
    q, r = factors[..., :m, :], flip(factors[..., m:, :])
    if mode == "r":
        return r
    if mode == "complete" and m > n:
        why = (
            f"np.linalg.qr(mode='complete') of a matrix of shape {(m, n)} has columns of q past the first {n} that "
            f"could be any: they have no gradient. mode='reduced' leaves them out"
        )
        rest = arbitrary(a, make=lambda x: np.linalg.qr(x, "complete")[0][..., n:], why=why)
        q = np.concatenate([q, rest], axis=-1)
        r = np.concatenate([r, np.zeros((*a.shape[:-2], m - n, n), a.dtype)], axis=-2)
    return QRResult(q, r)
