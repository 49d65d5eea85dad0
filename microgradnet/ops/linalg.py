"""Rows of linear algebra beyond the product: inverses, factorisations, eigenvalues, singular values.

Matrices are the last two axes, all axes before them count matrices. What a rule needs besides its output, such as the
eigenvectors for the slope of the eigenvalues, is another row, so that it is recorded when the rule is.

Rows that read one triangle of a symmetric matrix have the gradient of what NumPy computes: 0 in the other triangle,
and in the one that is read both shares of each off-diagonal element.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import cholesky, det, eigvalsh, inv, pinv, slogdet, solve, svdvals

from ..core import POSITIVE, Array, Op, case, modes, op, plain_data
from ..words import refuse

SQUARE = [case("nn"), case("dnn"), case("ednn"), case((1, 1)), case((0, 2, 2))]
ANY = [case("mn"), case("dmn"), case((3, 2)), case((2, 3)), case((2, 0, 1, 2))]


def flip(x: Any) -> Any:
    """Each matrix transposed, however many there are."""
    return x.swapaxes(-1, -2)


def as_row(x: Any) -> Any:
    """A vector, the last axis, as a matrix of one row."""
    return x.reshape((*x.shape[:-1], 1, x.shape[-1]))


def as_column(x: Any) -> Any:
    return x.reshape((*x.shape, 1))


def per_matrix(x: Any) -> Any:
    """One number for each matrix, to be multiplied with the matrices."""
    return x.reshape((*x.shape, 1, 1))


def eye(x: Any) -> Any:
    return np.eye(x.shape[-1], dtype=bool)


def lower(x: Any) -> Any:
    """Where the lower triangle of square matrices is, diagonal included."""
    return np.tri(x.shape[-1], dtype=bool)


def eps(x: Any) -> float:
    return float(np.finfo(x.dtype).eps)


def rounding(x: Any) -> float:
    """How far, relative to the largest, values that a matrix `x` has twice may come out apart; or from 0."""
    return eps(x) * (8 + int(max(x.shape[-2:])))


def least(x: Any) -> float:
    """The smallest number above 0: 0 over it is 0, and the slope of that quotient is infinite."""
    return float(np.finfo(x.dtype).smallest_subnormal)


def mirrored(x: Any, uplo: Any = "L") -> Any:
    """The symmetric matrix of which `x` holds one triangle; the other one of `x` is not read."""
    return np.where(lower(x) if uplo.upper() == "L" else lower(x).T, x, flip(x))


def _folded(g: Any, uplo: Any = "L") -> Any:
    """The adjoint of `mirrored`: a gradient of a symmetric matrix, in the triangle that was read."""
    both = np.where(eye(g), g, g + flip(g))
    return np.where(lower(g) if uplo.upper() == "L" else lower(g).T, both, 0.0)


# ------------------------------------------------------------------------------------------------ inverses and systems

op(inv, lambda g, out, x: -(flip(out) @ g @ flip(out)), cases=SQUARE)


def _solve_right(g: Any, out: Any, a: Any, b: Any) -> Any:
    """a⁻ᵀ · g, for a vector `b` too, where each g is a vector."""
    if b.ndim > 1:
        return solve(flip(a), g)
    return solve(flip(a), as_column(g)).reshape(g.shape)


def _solve_left(g: Any, out: Any, a: Any, b: Any) -> Any:
    gb = _solve_right(g, out, a, b)
    return -(gb @ flip(out)) if b.ndim > 1 else -(as_column(gb) * as_row(out))


op(solve, _solve_left, _solve_right, cases=[
    case("nn", "n"), case("nn", "nk"), case("dnn", "n"), case("dnn", "nk"), case("nn", "dnk"), case("1nn", "ednk"),
    case("e1nn", "dnk"),
])  # fmt: skip


def _pinv_rule(g: Any, out: Any, x: Any, *, rcond: Any = 1e-15) -> Any:
    """Golub and Pereyra, 1973: right wherever the rank does not change, whichever singular values are equal."""
    p, pt, gt = out, flip(out), flip(g)
    left, right = gt @ p @ pt, pt @ p @ gt
    return left - x @ (p @ left) + right - (right @ p) @ x - pt @ g @ pt


def _pinv(x: Any, *, rcond: Any = 1e-15) -> Any:
    return pinv(x, rcond)


pseudo_inverse: Op = op("pinv", _pinv_rule, forward=_pinv, symbol="⁺", cases=[*ANY, case((2, 3), rcond=1e-12)])

# -------------------------------------------------------------------------------------------------------- determinants


def _cofactors(x: Any) -> Any:
    """The gradient of the determinant: det(x) · x⁻ᵀ where that exists, and as exact where x is singular.

    Only operations that are recorded, and no division by a singular value near 0, so every higher derivative is right
    at a singular matrix too. Which way is taken depends on the numbers of `x`, what comes out does not.
    """
    n = x.shape[-1]
    if n <= 4:
        return _cofactors_by_minors(x)
    rank = modes.asked(_rank, x)
    if rank == n:
        return per_matrix(det(x)) * flip(inv(x))
    if x.ndim > 2:
        return np.stack([_cofactors(matrix) for matrix in x.reshape((math.prod(x.shape[:-2]), n, n))]).reshape(x.shape)
    if not rank:  # x is 0; a product of n − 1 zeros has no slope either, of no order that anybody takes
        return _cofactors_by_minors(x) if n <= 16 else x * 0
    return _cofactors_by_blocks(x, rank)


def _rank(x: Array) -> int:
    """How many singular values are so large that an inverse is precise, the fewest of any matrix; all if not finite."""
    rank: int = x.shape[-1]
    if np.isfinite(x).all():
        s = svdvals(x)
        rank = (s > s[..., :1] * eps(x) ** 0.25).sum(axis=-1).min(initial=rank)
    return rank


def _cofactors_by_minors(x: Any) -> Any:
    """The definition: the determinants of `x` without one row and one column, with the signs of a chessboard."""
    n = x.shape[-1]
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=np.intp).reshape((n, max(n - 1, 0)))
    minors = x[..., others[:, None, :, None], others[None, :, None, :]]
    odd = np.add.outer(np.arange(n), np.arange(n)) % 2 == 1
    cofactors = det(minors)
    return np.where(odd, -cofactors, cofactors)


def _cofactors_by_blocks(x: Any, rank: int) -> Any:
    """Those of one matrix, turned so that its first `rank` rows and columns hold what is large in it.

    det [[a, b], [c, d]] = det(a) · det(z) with z = d − c a⁻¹ b; a is inverted, z has its own cofactors.
    """
    u, _, vh = np.linalg.svd(plain_data(x))  # any rotation would do: they are constants
    turned = u.T @ x @ vh.T
    a, b, c, d = (turned[i, j] for i in (slice(rank), slice(rank, None)) for j in (slice(rank), slice(rank, None)))
    inverse = inv(a)
    z = d - c @ inverse @ b
    one = np.eye(x.shape[-1], dtype=x.dtype)
    left = np.concatenate([-(c @ inverse), one[rank:, rank:]], axis=1)
    right = np.concatenate([-(inverse @ b), one[rank:, rank:]], axis=0)
    inner = det(z) * (one[:, :rank] @ inverse.T @ one[:rank]) + left.T @ _cofactors(z) @ right.T
    return (u @ inner @ vh) * (det(a) * np.round(det(u) * det(vh)))


SINGULAR = np.array([[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]], [[1.0, 1.0, 1.0]] * 3, [[0.0, 0.0, 0.0]] * 3])
op(det, lambda g, out, x: per_matrix(g) * _cofactors(x), cases=[*SQUARE, case(SINGULAR)])


def _log_abs_det(x: Any) -> Any:
    return slogdet(x)[1]


def _sign_of_det(x: Any) -> Any:
    return slogdet(x)[0]


def _log_abs_det_rule(g: Any, out: Any, x: Any) -> Any:
    """x⁻ᵀ; NaN for a singular matrix, where the logarithm falls to −∞."""
    return per_matrix(g) * flip(inv(np.where(per_matrix(out) == -math.inf, math.nan, x)))


log_abs_det: Op = op("log_abs_det", _log_abs_det_rule, forward=_log_abs_det, cases=SQUARE)
sign_of_det: Op = op("sign_of_det", None, forward=_sign_of_det, cases=SQUARE)

# ------------------------------------------------------------------------------------------------------ factorisations


def _cholesky(x: Any, *, upper: bool = False) -> Any:
    return cholesky(x, upper=upper)


def _cholesky_rule(g: Any, out: Any, x: Any, *, upper: bool = False) -> Any:
    """L⁻ᵀ Φ(Lᵀ g) L⁻¹, where Φ keeps the lower triangle and half of the diagonal. Murray, 2016."""
    factor, g = (flip(out), flip(g)) if upper else (out, g)
    inner = flip(factor) @ g
    phi = np.where(lower(x), np.where(eye(x), inner * 0.5, inner), 0.0)
    inverse = inv(factor)
    return _folded(flip(inverse) @ phi @ inverse, "U" if upper else "L")


# Numbers drawn at random seldom make a positive definite matrix; tests/test_linalg.py makes larger ones.
op(cholesky, _cholesky_rule, forward=_cholesky, domain=POSITIVE, cases=[
    case((1, 1)), case("d11"), case("d11", upper=True), case((0, 0)), case((0, 2, 2)),
])  # fmt: skip


def _qr(x: Any) -> Any:
    q, r = np.linalg.qr(x)
    return np.concatenate([q, flip(r)], axis=-2)


def _qr_rule(g: Any, out: Any, x: Any) -> Any:
    """Of a wide matrix [a b] = q [r s]: that of a = q r, and s = qᵀ b."""
    m, n = x.shape[-2:]
    q, r, gq, gr = out[..., :m, :], flip(out[..., m:, :]), g[..., :m, :], flip(g[..., m:, :])
    if n <= m:
        return _qr_tall(gq, gr, q, r)
    gs = gr[..., m:]
    ga = _qr_tall(gq + x[..., m:] @ flip(gs), gr[..., :m], q, r[..., :m])
    return np.concatenate([ga, q @ gs], axis=-1)


def _qr_tall(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    """(gq + q · mirrored(r grᵀ − gqᵀ q)) r⁻ᵀ; NaN where the columns depend on each other: then q is not unique."""
    pivots = abs(np.where(eye(r), r, 0.0).sum(axis=-1))
    dependent = (pivots <= pivots.sum(axis=-1, keepdims=True) * rounding(r)).any(axis=-1)
    inner = gq + q @ mirrored(r @ flip(gr) - flip(gq) @ q)
    return flip(solve(np.where(per_matrix(dependent), math.nan, r), flip(inner)))


# One row for both factors, q above rᵀ: each one's slope needs the other.
qr_factors: Op = op("qr_factors", _qr_rule, forward=_qr, symbol="qr", cases=ANY)

# ------------------------------------------------------------------------------------------- eigenvalues and the like


def _over_gaps(top: Any, gap: Any, equal: Any, used: Any) -> Any:
    """top / gap, where the gap between two values that are `equal` is nothing: their vectors may be any of a plane.

    NaN then, if the loss used the vectors; and if it did not, top is 0 and 0 is right. Dividing that 0 by next to
    nothing, and not writing a 0 for it, leaves the slope of the quotient infinite, which it is.
    """
    return np.where(equal & used, math.nan, top) / np.where(equal, least(gap), gap)


def _eigvalsh_rule(g: Any, out: Any, x: Any, *, UPLO: Any = "L") -> Any:
    v = eigenvectors(x, UPLO=UPLO)
    return _folded((v * as_row(g)) @ flip(v), UPLO)


def _eigvalsh(x: Any, *, UPLO: Any = "L") -> Any:
    return eigvalsh(x, UPLO)


op(eigvalsh, _eigvalsh_rule, forward=_eigvalsh, cases=[*SQUARE, case("dnn", UPLO="U")])


def _eigenvectors(x: Any, *, UPLO: Any = "L") -> Any:
    return np.linalg.eigh(x, UPLO)[1]


def _eigenvectors_rule(g: Any, out: Any, x: Any, *, UPLO: Any = "L") -> Any:
    """v · (vᵀ g / (wⱼ − wᵢ)) · vᵀ, and 0 on the diagonal of the middle: a vector's length does not change."""
    w = eigvalsh(x, UPLO)
    gap, used = as_row(w) - as_column(w), (g != 0).any(axis=-2)
    size = np.maximum(abs(w[..., :1]), abs(w[..., -1:]))
    equal = (abs(gap) <= as_column(size) * rounding(x)) & ~eye(x)
    top = np.where(eye(x), 0.0, flip(out) @ g)
    inner = _over_gaps(top, np.where(eye(x), 1.0, gap), equal, as_row(used) | as_column(used))
    return _folded(out @ inner @ flip(out), UPLO)


eigenvectors = op("eigenvectors", _eigenvectors_rule, forward=_eigenvectors,
                  cases=[*SQUARE, case("dnn", UPLO="U")])  # fmt: skip


def _svdvals_rule(g: Any, out: Any, x: Any) -> Any:
    """u · g · vᵀ. A singular value has a kink at 0, as |x| has: its slope there is 0, the smallest subgradient."""
    m = x.shape[-2]
    uv = singular_vectors(x)
    g = np.where(out > out[..., :1] * rounding(x), g, 0.0)
    return (uv[..., :m, :] * as_row(g)) @ flip(uv[..., m:, :])


op(svdvals, _svdvals_rule, cases=ANY)


def _singular_vectors(x: Any, *, full: bool = False) -> Any:
    """The first min(m, n) of them; `full` takes them from the decomposition that finds the others too."""
    k = min(x.shape[-2:])
    u, _, vh = np.linalg.svd(x, full_matrices=full)
    return np.concatenate([u[..., :k], flip(vh[..., :k, :])], axis=-2)


def _singular_vectors_rule(g: Any, out: Any, x: Any, *, full: bool = False) -> Any:
    """u · (skew(uᵀgu)/gaps · s + s · skew(vᵀgv)/gaps) · vᵀ, and what is orthogonal to u or to v over s."""
    m, n = x.shape[-2:]
    u, v, gu, gv = out[..., :m, :], out[..., m:, :], g[..., :m, :], g[..., m:, :]
    s, used = svdvals(x), (g != 0).any(axis=-2)
    nothing = s[..., :1] * rounding(x)
    row, column, pair = as_row(s), as_column(s), as_row(used) | as_column(used)
    equal = (abs(row - column) <= as_column(nothing)) & ~eye(row)
    gap = np.where(eye(row), 1.0, (row - column) * (row + column))
    inner_u, inner_v = flip(u) @ gu, flip(v) @ gv
    inner = _over_gaps(inner_u - flip(inner_u), gap, equal, pair) * row
    gx = u @ (inner + _over_gaps(inner_v - flip(inner_v), gap, equal, pair) * column) @ flip(v)
    zero = row <= as_row(nothing)
    if m > n:
        gx = gx + _over_gaps(gu - u @ inner_u, row, zero, as_row(used)) @ flip(v)
    if n > m:
        gx = gx + u @ flip(_over_gaps(gv - v @ inner_v, row, zero, as_row(used)))
    return gx


# One row for both sides, u above v: each one's slope needs the other.
singular_vectors = op("singular_vectors", _singular_vectors_rule, forward=_singular_vectors,
                      cases=[*ANY, case((3, 2), full=True)])  # fmt: skip


# ------------------------------------------------------------------------------------------------- what is not unique


def _arbitrary(x: Any, *, make: Callable[[Any], Any], why: str) -> Any:
    return make(x)


def _arbitrary_rule(g: Any, out: Any, x: Any, *, make: Callable[[Any], Any], why: str) -> Any:
    """A refusal, unless the loss does not use the result; then 0, with the infinite slope of `_over_gaps`."""
    modes.checked(_unused, g, why)
    return x * (g.sum() / least(x))


def _unused(g: Array, why: str) -> None:
    if g.any():
        refuse(why)


# What `make` chose of many equally good answers, to be looked at. Not in the table: it has no slope to be held to.
arbitrary = Op("arbitrary", (_arbitrary_rule,), _arbitrary)
