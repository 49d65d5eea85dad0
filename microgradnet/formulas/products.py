"""NumPy's products: einsum, which is a row, and inner, outer, tensordot, kron, cross …, which are formulas."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..core import BY_NAME, Op, case, fixed_view, formula, op, shaped, widened
from ..words import refuse

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# -------------------------------------------------------------------------------------------------------------- einsum


def _einsum(*operands: Any, subscripts: str, optimize: Any = False) -> Any:
    return fixed_view(np.einsum(subscripts, *operands, optimize=optimize))


def _einsum_rule(i: int, g: Any, out: Any, *operands: Any, subscripts: str, optimize: Any = False) -> Any:
    """An einsum again: of g and the other operands, to the letters of operand i.

    A letter that only operand i has was summed alone, so g is repeated along it, by a vector of ones. A letter it has
    twice was a diagonal, so the gradient is put on one, by an identity matrix. Where the operand has length 1 and
    others more, it was stretched, and the sweep sums.
    """
    left, target = subscripts.split("->")
    terms = left.split(",")
    size: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            size[letter] = n if size.get(letter, 1) == 1 else size[letter]
    others = [(term, x) for j, (term, x) in enumerate(zip(terms, operands, strict=True)) if j != i]
    given = {*target, *[a for term, x in others for a, n in zip(term, x.shape, strict=True) if n == size[a]]}
    unused = iter([letter for letter in LETTERS if letter not in size])
    wanted = ""
    for letter in terms[i]:
        if letter in wanted:
            again = next(unused)
            others.append((letter + again, np.eye(size[letter], dtype=g.dtype)))
            wanted += again
        else:
            wanted += letter
            if letter not in given:
                others.append((letter, np.ones(size[letter], g.dtype)))
    names = ",".join([target, *[term for term, _ in others]])
    return einsum(widened(g), *[x for _, x in others], subscripts=f"{names}->{wanted}", optimize=bool(optimize))


einsum: Op = op(
    np.einsum, *[functools.partial(_einsum_rule, i) for i in range(32)], forward=_einsum, kind=Op, symbol="Σ∏", cases=[
        case("ab", "bc", subscripts="ij,jk->ik"), case("aa", subscripts="ii->i"), case("aa", subscripts="ii->"),
        case("ab", subscripts="ij->ji"), case("ab", subscripts="ij->j"), case("ab", "1", subscripts="ij,j->i"),
        case("aba", "b", subscripts="iji,j->"), case("ab", "ab", "b", subscripts="ij,ij,j->i"),
        case("", subscripts="->"), case("ab", "1b", subscripts="ij,ij->j"),
        case("aaa", subscripts="iii->i"), case("ab", "cb", "dc", subscripts="ij,kj,lk->il", optimize=True),
    ])  # fmt: skip


@formula(np.einsum, out=BY_NAME)
def np_einsum(*operands: Any, optimize: Any = False, **options: Any) -> Any:
    """Every form: explicit or implicit, with an ellipsis, repeated letters, or operands and lists of axes in turn."""
    dtype = options.pop("dtype", None)
    for name, value in options.items():
        if value not in {"order": ("K", "C"), "casting": ("safe", "same_kind")}.get(name, ()):
            refuse(f"np.einsum({name}={value!r}) of a Value is not recorded")
    subscripts, arrays = explicit(*operands, sums_ellipsis=optimize is not False)
    if isinstance(optimize, tuple | list):
        optimize = list(optimize)  # that of the caller's may be written later
    if dtype is not None:
        arrays = [x.astype(dtype) for x in arrays]
    return einsum(*arrays, subscripts=subscripts, optimize=optimize)


def explicit(*operands: Any, sums_ellipsis: bool) -> tuple[str, list[Any]]:
    """The subscripts of a call of einsum with letters alone, and its arrays.

    Axes under an ellipsis that the output does not have are summed by NumPy's einsum if it optimizes, and refused if it
    does not: `sums_ellipsis` says which.
    """
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), [shaped(x) for x in operands[1:]]
    else:
        arrays = [shaped(x) for x in operands[: len(operands) // 2 * 2 : 2]]
        lists = [*operands[1::2], *operands[len(operands) // 2 * 2 :]]
        terms = ["".join("..." if n is ... else LETTERS[n] for n in axes) for axes in lists]
        text = ",".join(terms[: len(arrays)]) + ("->" + terms[-1] if len(terms) > len(arrays) else "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(arrays):
        raise ValueError(f"np.einsum: {text!r} names {len(terms)} operands; got {len(arrays)}")
    unused = [letter for letter in LETTERS if letter not in text]
    pairs = list(zip(terms, arrays, strict=True))
    dots = [x.ndim - len(term.replace("...", "")) if "..." in term else 0 for term, x in pairs]
    stretched = "".join(unused[: max([0, *dots])])
    if not arrow:  # NumPy's rule: the ellipsis, then the letters that appear once, in alphabetical order
        seen = left.replace(",", "").replace("...", "")
        right = "..." * ("..." in left) + "".join(sorted(letter for letter in set(seen) if seen.count(letter) == 1))
    if max([0, *dots]) and "..." not in right and not sums_ellipsis:
        raise ValueError(
            f"np.einsum: the axes under the ellipsis of {text!r} have no place in its output {right!r}. "
            f"optimize=True sums over them"
        )
    terms = [term.replace("...", stretched[len(stretched) - n :]) for term, n in zip(terms, dots, strict=True)]
    for term, x in zip(terms, arrays, strict=True):
        if len(term) != x.ndim:
            raise ValueError(f"np.einsum: {text!r} has {len(term)} letters for an operand of shape {x.shape}")
    return ",".join(terms) + "->" + right.replace("...", stretched), arrays


# ------------------------------------------------------------------------------------------------------ of two arrays


@formula(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    return np.ravel(shaped(a)) @ np.ravel(shaped(b))


@formula(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    a, b = shaped(a), shaped(b)
    return a * b if not a.ndim or not b.ndim else tensordot(a, b, (-1, -1))


@formula(np.outer, out=2)
def outer(a: Any, b: Any) -> Any:
    return np.ravel(shaped(a)).reshape((-1, 1)) * np.ravel(shaped(b))


@formula(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"np.linalg.outer wants two vectors; got shapes {np.shape(x1)} and {np.shape(x2)}")
    return outer(x1, x2)


@formula(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = shaped(a), shaped(b)
    if np.ndim(axes) == 0 and not isinstance(axes, tuple | list):
        summed = [list(range(a.ndim - axes, a.ndim)), list(range(axes))]
    else:
        summed = [[int(i) for i in np.atleast_1d(some)] for some in axes]
    ours, theirs = [[i % max(x.ndim, 1) for i in some] for x, some in zip((a, b), summed, strict=True)]
    lengths = [tuple(x.shape[i] for i in some) for x, some in ((a, ours), (b, theirs))]
    if lengths[0] != lengths[1]:
        raise ValueError(f"np.tensordot sums over axes of lengths {lengths[0]} and {lengths[1]}: they must be equal")
    left, right = [[i for i in range(x.ndim) if i not in some] for x, some in ((a, ours), (b, theirs))]
    n = math.prod(lengths[0])
    rest = [a.shape[i] for i in left], [b.shape[i] for i in right]
    rows = a.transpose((*left, *ours)).reshape((math.prod(rest[0]), n))
    columns = b.transpose((*theirs, *right)).reshape((n, math.prod(rest[1])))
    return (rows @ columns).reshape((*rest[0], *rest[1]))


@formula(np.linalg.tensordot)
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return tensordot(x1, x2, axes)


@formula(np.kron)
def kron(a: Any, b: Any) -> Any:
    a, b = shaped(a), shaped(b)
    ndim = max(a.ndim, b.ndim)
    left, right = [(1,) * (ndim - x.ndim) + x.shape for x in (a, b)]
    pairs = a.reshape([n for pair in zip(left, (1,) * ndim, strict=True) for n in pair]) * b.reshape(
        [n for pair in zip((1,) * ndim, right, strict=True) for n in pair]
    )
    return pairs.reshape(tuple(n * m for n, m in zip(left, right, strict=True)))


@formula(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(shaped(a), axisa, -1), np.moveaxis(shaped(b), axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(f"np.cross wants vectors of 3 (or 2) numbers; got {a.shape[-1]} and {b.shape[-1]}")
    flat = a.shape[-1] == b.shape[-1] == 2
    if flat:  # of two vectors in a plane: the one number that is not 0
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = [np.concatenate([x, np.zeros((*x.shape[:-1], 3 - x.shape[-1]), x.dtype)], axis=-1) for x in (a, b)]
    (a1, a2, a3), (b1, b2, b3) = [[x[..., i] for i in range(3)] for x in (a, b)]
    return np.stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=axisc)


@formula(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    for x in (x1, x2):
        if not -np.ndim(x) <= axis < np.ndim(x):
            raise np.exceptions.AxisError(axis, np.ndim(x))
    if np.shape(x1)[axis] != 3 or np.shape(x2)[axis] != 3:
        raise ValueError(f"np.linalg.cross wants vectors of 3 numbers; got shapes {np.shape(x1)} and {np.shape(x2)}")
    return cross(x1, x2, axis=axis)


@formula(np.vecdot, np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1, **options: Any) -> Any:
    for name in options:
        refuse(f"np.vecdot({name}=…) of a Value is not recorded")
    x1, x2 = np.moveaxis(shaped(x1), axis, -1), np.moveaxis(shaped(x2), axis, -1)
    if x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"np.vecdot: vectors of {x1.shape[-1]} and of {x2.shape[-1]} numbers; they must be equal")
    return (x1 * x2).sum(axis=-1)


if hasattr(np, "matvec"):  # NumPy 2.2

    @formula(np.matvec)
    def matvec(x1: Any, x2: Any, /) -> Any:
        return (x1 @ np.expand_dims(shaped(x2), -1))[..., 0]

    @formula(np.vecmat)
    def vecmat(x1: Any, x2: Any, /) -> Any:
        return (np.expand_dims(shaped(x1), -2) @ x2)[..., 0, :]


@formula(np.linalg.matmul)
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, x2)


@formula(np.trace, out=5)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@formula(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return trace(x, offset, -2, -1, dtype)
