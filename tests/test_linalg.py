"""numpy.linalg on Values: values, slopes and slopes of slopes, of every function and every argument."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradnet import Value
from microgradnet.core import NonDiff, sweep
from microgradnet.gradcheck import numerical_grad

L = np.linalg
inf, nan = np.inf, np.nan


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).normal(size=shape)


def positive(*shape: int) -> np.ndarray:
    """Positive definite, but with another number in each triangle: each function says which one it reads."""
    a = normal(*shape)
    return a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1]) + 0.01 * np.triu(normal(*shape, seed=1), 1)


def regular(*shape: int, seed: int = 0) -> np.ndarray:
    """Far from singular, and no two singular values near each other."""
    u, _, vh = L.svd(normal(*shape, seed=seed), full_matrices=False)
    k = min(shape[-2:])
    return (u * np.linspace(1, 2.5, k)) @ vh


def results(out: Any) -> list[Any]:
    """The floating-point results of a call, of a function with one or several."""
    return [x for x in (out if isinstance(out, (tuple, list)) else [out]) if not isinstance(x, (int, np.integer))]


def agree(f: Callable[..., Any], *arrays: np.ndarray, second: bool = True, rtol: float = 1e-6) -> None:
    """`f` of Values is NumPy's, and so are its slopes, along random cotangents of all results; to second order.

    By each input they are measured along one random direction, at which no error of one element hides.
    """
    arrays = tuple(np.asarray(x, np.float64) for x in arrays)
    expected = results(f(*arrays))
    cotangents = [rng(i + 5).normal(size=np.shape(x)) for i, x in enumerate(expected)]
    along = [rng(i + 50).normal(size=x.shape) for i, x in enumerate(arrays)]

    def loss(*inputs: Any) -> Any:
        return sum((x * c).sum() for x, c in zip(results(f(*inputs)), cotangents, strict=True))

    def slopes(inputs: tuple[np.ndarray, ...], create_graph: bool = False) -> tuple[list[Value], list[Any]]:
        values = [Value(x) for x in inputs]
        found = sweep(loss(*values), Value(1.0) if create_graph else np.float64(1.0), create_graph=create_graph)
        return values, [found.get(v, np.zeros(v.shape)) for v in values]

    got = results(f(*map(Value, arrays)))
    assert len(got) == len(expected)
    for x, y in zip(got, expected, strict=True):
        assert isinstance(x, Value)
        assert x.shape == np.shape(y)
        assert x.dtype == np.asarray(y).dtype
        assert isinstance(x.data, np.ndarray if x.ndim else np.generic)
        np.testing.assert_allclose(x.data, y, rtol=1e-9, atol=1e-12)
    values, first = slopes(arrays, create_graph=True)
    _, plain = slopes(arrays)
    for i, (x, d) in enumerate(zip(arrays, along, strict=True)):
        assert np.shape(plain[i]) == x.shape
        assert plain[i].dtype == x.dtype
        moved = numerical_grad(lambda t, i=i, d=d: loss(*arrays[:i], arrays[i] + t * d, *arrays[i + 1 :]), 0.0)
        np.testing.assert_allclose((plain[i] * d).sum(), moved, rtol=rtol, atol=1e-6)
        np.testing.assert_allclose(getattr(first[i], "data", first[i]), plain[i], rtol=1e-9, atol=1e-9)
    if not second:
        return
    total = sum((g * d).sum() for g, d in zip(first, along, strict=True))
    if not isinstance(total, Value) or isinstance(total, NonDiff):
        return
    found = sweep(total, np.float64(1.0))

    def projected(t: float, other: list[np.ndarray]) -> Any:
        inputs = tuple(x + t * d for x, d in zip(arrays, other, strict=True))
        return sum((g * d).sum() for g, d in zip(slopes(inputs)[1], along, strict=True))

    other = [rng(i + 500).normal(size=x.shape) for i, x in enumerate(arrays)]
    got = [(found.get(v, np.zeros(v.shape)) * d).sum() for v, d in zip(values, other, strict=True)]
    np.testing.assert_allclose(sum(got), numerical_grad(lambda t: projected(t, other), 0.0), rtol=1e-5, atol=1e-5)


def single(f: Callable[..., Any], *arrays: np.ndarray) -> None:
    """float32 stays float32, in results and in gradients, and the numbers are those of float64."""
    double = [Value(np.asarray(x, np.float64)) for x in arrays]
    values = [Value(np.asarray(x, np.float32)) for x in arrays]
    for inputs in (double, values):
        sum((x * (1 + np.arange(x.size, dtype=x.dtype).reshape(x.shape))).sum() for x in results(f(*inputs))).backward()
    plain = results(f(*(x.data for x in values)))
    for x, y in zip(results(f(*values)), plain, strict=True):
        assert x.dtype == np.asarray(y).dtype == np.float32
    for v, w in zip(values, double, strict=True):
        assert v.grad.dtype == np.float32
        np.testing.assert_allclose(v.grad, w.grad, rtol=2e-3, atol=2e-3 * np.abs(w.grad).max())


def grad(f: Callable[..., Any], x: Any) -> Any:
    v = Value(x)
    f(v).backward()
    return v.grad


# --------------------------------------------------------------------------------------------------------------- norms

ORDERS_OF_VECTORS = [None, 0, 1, 2, 3, 0.5, 1.5, -1, -2, -3, -0.5, inf, -inf, np.float64(3.0), np.int64(3)]
ORDERS_OF_MATRICES = [None, "fro", "f", "nuc", 1, -1, 2, -2, inf, -inf]


@pytest.mark.parametrize("order", ORDERS_OF_VECTORS, ids=str)
def test_norms_of_vectors(order: Any) -> None:
    for how in [{}, {"axis": 0}, {"axis": -1}, {"axis": (0,)}, {"keepdims": True}, {"axis": -1, "keepdims": True}]:
        agree(lambda x, how=how: L.norm(x, order, **how), normal(5))
        agree(lambda x, how=how: L.norm(x, order, **{"axis": 1, **how}), normal(4, 3))
    agree(lambda x: L.norm(x, ord=order, axis=1), normal(2, 3, 2))
    if order is not None:
        for how in [{}, {"axis": 0}, {"axis": (0, -1)}, {"axis": (1, 0), "keepdims": True}, {"axis": (0, 1, 2)}]:
            agree(lambda x, how=how: L.vector_norm(x, ord=order, **how), normal(2, 3, 2))
        agree(lambda x: L.vector_norm(x, ord=order), np.array(-2.5))
    single(lambda x: L.norm(x, order, axis=0) * x.sum(), normal(4, 3))


@pytest.mark.parametrize("order", ORDERS_OF_MATRICES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_of_matrices(order: Any, keepdims: bool) -> None:
    agree(lambda x: L.norm(x, order, keepdims=keepdims), regular(3, 4))
    agree(lambda x: L.norm(x, order, keepdims=keepdims), regular(4, 3))
    for axis in [(0, 1), (1, 0), (0, 2), (2, 0), (-2, -1), (-1, -2)]:
        agree(lambda x, axis=axis: L.norm(x, order, axis, keepdims), normal(2, 3, 4), second=False)
    if order not in (None, "f"):
        agree(lambda x: L.matrix_norm(x, ord=order, keepdims=keepdims), normal(2, 3, 2))
    single(lambda x: L.norm(x, order, axis=(0, 1), keepdims=keepdims) * x[0], regular(3, 4))


def test_the_norm_of_everything() -> None:
    for shape in [(), (3,), (2, 3), (2, 3, 2)]:
        for keepdims in (False, True):
            agree(lambda x, keepdims=keepdims: L.norm(x, keepdims=keepdims), normal(*shape) + 1)
    agree(L.matrix_norm, normal(2, 3, 2))
    agree(L.vector_norm, normal(2, 3, 2))


@pytest.mark.parametrize("order", ORDERS_OF_VECTORS, ids=str)
def test_the_slope_of_a_norm_at_zero_is_zero(order: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Value(np.array([[0.0, 0.0, 0.0], [1.0, 2.0, -3.0]]))
        norms = L.norm(x, order, axis=1)
        (norms * x[:, 1]).sum().backward()
    assert norms.data[0] == 0
    assert x.grad[0].tolist() == [0, 0, 0]
    if order is None or order > 0:  # one element that is 0, among others
        np.testing.assert_allclose(grad(lambda x: L.norm(x, order), [3.0, 0.0])[1], 0)
    if order is not None and order < 0:
        assert grad(lambda x: L.norm(x, order), [3.0, 0.0]).tolist() == [0, 0]


@pytest.mark.parametrize("order", ORDERS_OF_MATRICES, ids=str)
def test_the_slope_of_a_matrix_norm_at_zero_is_zero(order: Any) -> None:
    assert grad(lambda x: L.norm(x, order, axis=(0, 1)), np.zeros((2, 3))).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_ties_of_a_norm_share_the_gradient() -> None:
    assert grad(lambda x: L.norm(x, inf), [1.0, -2.0, 2.0]).tolist() == [0, -0.5, 0.5]
    assert grad(lambda x: L.norm(x, -inf), [1.0, -1.0, 2.0]).tolist() == [0.5, -0.5, 0]
    assert grad(lambda x: L.norm(x, 1), [[1.0, 1.0], [1.0, -1.0]]).tolist() == [[0.5, 0.5], [0.5, -0.5]]
    np.testing.assert_allclose(grad(lambda x: L.norm(x, 2), np.eye(2)), np.eye(2) / 2)


def test_nuclear_norm_with_equal_singular_values_and_of_a_singular_matrix() -> None:
    np.testing.assert_allclose(grad(lambda x: L.norm(x, "nuc"), 3 * np.eye(3)), np.eye(3), atol=1e-15)
    x = np.outer([1.0, 2.0], [3.0, 4.0])
    np.testing.assert_allclose(grad(lambda x: L.norm(x, "nuc"), x), x / L.norm(x), atol=1e-15)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)], ids=str)
def test_norms_of_nothing_are_numpys(shape: tuple[int, ...]) -> None:
    tried = 0
    for axis in [None, 0, -1, (0, 1), (1, 0)]:
        for order in [*ORDERS_OF_VECTORS, "fro", "nuc"]:
            for keepdims in (False, True):
                with np.errstate(all="ignore"):
                    try:
                        expected = L.norm(np.zeros(shape), order, axis, keepdims)
                    except Exception as error:
                        with pytest.raises(type(error)):
                            L.norm(Value(np.zeros(shape)), order, axis, keepdims)
                        continue
                    x = Value(np.zeros(shape))
                    got = L.norm(x, order, axis, keepdims)
                assert got.shape == expected.shape
                np.testing.assert_array_equal(got.data, expected)
                got.backward(np.ones(got.shape))
                assert x.grad.shape == shape
                tried += 1
    assert tried > 3


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, inf, -inf, "fro", "nuc"], ids=str)
def test_condition_numbers(p: Any) -> None:
    agree(lambda x: L.cond(x, p), regular(3, 3))
    agree(lambda x: L.cond(x, p), np.stack([regular(3, 3), regular(3, 3, seed=1)]))
    single(lambda x: L.cond(x, p), regular(3, 3))
    singular = np.array([[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[3.0, 1.0], [1.0, 2.0]]])
    got = L.cond(Value(singular), p).data
    expected = np.array([inf, inf, 5.0]) if p == "nuc" else L.cond(singular, p)  # NumPy < 2.5 raises
    np.testing.assert_allclose(got[1:], expected[1:])
    assert (got[0] > 1e15) == (expected[0] > 1e15)
    if p in (None, 2):
        agree(lambda x: L.cond(x, p), regular(3, 2))


# ------------------------------------------------------------------------------------------------ inverses and systems


def test_inverses() -> None:
    agree(L.inv, regular(3, 3))
    agree(L.inv, np.stack([[regular(3, 3)], [regular(3, 3, seed=1)]]))
    agree(L.inv, np.zeros((0, 0)))
    agree(L.inv, np.zeros((0, 2, 2)))
    single(L.inv, regular(3, 3))


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 1)), ((3, 3), (2, 3, 2)),
     ((1, 3, 3), (2, 3, 2)), ((2, 3, 3), (1, 3, 2)), ((2, 1, 3, 3), (3, 3, 1)), ((1, 1), (1,)), ((1, 1, 1), (2, 1, 1)),
     ((0, 0), (0,)), ((0, 0), (0, 2)), ((3, 3), (3, 0)), ((0, 3, 3), (3, 2))],
    ids=str,
)  # fmt: skip
def test_solve_broadcasts_as_numpy_does(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    agree(L.solve, regular(*a), normal(*b))
    if 0 not in a + b:
        single(L.solve, regular(*a), normal(*b))
        x, y = regular(*a), normal(*b)
        agree(lambda v: L.solve(v, y.tolist()), x)
        agree(lambda v: L.solve(x, v), y)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (0, 2), (2, 0), (0, 2, 2)], ids=str)
def test_pseudo_inverses(shape: tuple[int, ...]) -> None:
    x = regular(*shape)
    for how in [{}, {"rcond": 1e-10}, {"rtol": None}, {"rtol": 1e-10}, {"rcond": np.full(shape[:-2], 1e-12)}]:
        agree(lambda v, how=how: L.pinv(v, **how), x)
    agree(lambda v: L.pinv(v, 1e-10, False), x)
    if shape[-1] == shape[-2]:
        agree(lambda v: L.pinv(v, hermitian=True), x)
    if 0 not in shape:
        single(L.pinv, x)


def test_the_pseudo_inverse_with_equal_singular_values() -> None:
    agree(L.pinv, np.eye(3)[:, :2])
    agree(L.pinv, 2 * np.eye(3))


def test_the_pseudo_inverse_of_a_singular_matrix_along_its_rank() -> None:
    """Where the rank stays, so does the slope: x = left · right with both factors moving."""
    agree(lambda left, right: L.pinv(left @ right, rcond=1e-12), regular(4, 2), regular(2, 3), second=False)


def test_a_cutoff_that_leaves_something_out_is_refused() -> None:
    with pytest.raises(TypeError, match="leaves out singular values"):
        L.pinv(Value(np.diag([1.0, 0.1])), rcond=0.5)
    with pytest.raises(TypeError, match="leaves out singular values"):
        L.lstsq(Value(np.diag([1.0, 0.1])), np.ones(2), 0.5)
    with pytest.raises(ValueError, match="both"):
        L.pinv(Value(np.eye(2)), 0.5, rtol=0.1)


@pytest.mark.parametrize("shapes", [((4, 2), (4,)), ((4, 2), (4, 3)), ((3, 3), (3,)), ((2, 3), (2,)), ((2, 3), (2, 2)),
                                    ((4, 1), (4, 1)), ((3, 2), (3, 0))], ids=str)  # fmt: skip
def test_least_squares(shapes: Any) -> None:
    a, b = regular(*shapes[0]), normal(*shapes[1])
    for rcond in (None, 1e-10, -1):
        agree(lambda x, y, rcond=rcond: L.lstsq(x, y, rcond), a, b)
    agree(lambda x: L.lstsq(x, b), a)
    agree(lambda y: L.lstsq(a, y)[:2], b)
    assert L.lstsq(Value(a), b)[2] == L.lstsq(a, b)[2]
    if b.size:
        single(L.lstsq, a, b)
    with pytest.raises(L.LinAlgError, match="Incompatible"):
        L.lstsq(Value(a), np.ones(7))


def test_tensor_equations() -> None:
    a = regular(6, 6)
    agree(L.tensorsolve, a.reshape(2, 3, 6), normal(2, 3))
    agree(L.tensorsolve, a.reshape(6, 3, 2), normal(6))
    agree(lambda x, y: L.tensorsolve(x, y, axes=(0,)), a.reshape(3, 2, 6).transpose(2, 0, 1), normal(3, 2))
    agree(L.tensorinv, a.reshape(2, 3, 6))
    agree(lambda x: L.tensorinv(x, ind=1), a.reshape(6, 2, 3))
    single(L.tensorsolve, a.reshape(2, 3, 6), normal(2, 3))
    for bad in [lambda x: L.tensorsolve(x, normal(2)), lambda x: L.tensorinv(x, ind=1)]:
        with pytest.raises(L.LinAlgError):
            bad(Value(normal(2, 3)))
    with pytest.raises(ValueError, match="ind"):
        L.tensorinv(Value(a), ind=0)


# -------------------------------------------------------------------------------------------------------- determinants


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (2, 2), (4, 4), (2, 3, 3), (2, 1, 2, 2), (0, 2, 2), (6, 6)], ids=str)
def test_determinants(shape: tuple[int, ...]) -> None:
    agree(L.det, regular(*shape))
    agree(lambda x: L.slogdet(x)[1], regular(*shape))
    if 0 not in shape:
        single(L.det, regular(*shape))
        single(lambda x: L.slogdet(x).logabsdet, regular(*shape))


def of_rank(n: int, rank: int) -> np.ndarray:
    return regular(n, rank, seed=1) @ regular(rank, n, seed=2)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("missing", [0, 1, 2, 3, 9])
def test_the_slopes_of_a_determinant_are_exact_where_it_is_zero(n: int, missing: int) -> None:
    agree(L.det, of_rank(n, max(n - missing, 0)), rtol=1e-5)


def test_determinants_of_large_and_of_mixed_matrices() -> None:
    agree(L.det, np.stack([regular(5, 5), of_rank(5, 4), np.zeros((5, 5))]))
    for x in [of_rank(40, 39), of_rank(40, 30), normal(40, 40), np.diag(0.5 ** np.arange(30.0)), np.zeros((20, 20))]:
        n = len(x)
        u, s, vh = L.svd(x)  # the cofactors by their other definition
        rest = np.array([np.prod(np.delete(s, i)) for i in range(n)])
        expected = L.det(u) * L.det(vh) * (u * rest) @ vh
        within = 1e-9 * np.abs(expected).max() + 1e-14 * s[0] ** (n - 1)
        np.testing.assert_allclose(grad(L.det, x), expected, rtol=1e-7, atol=within)


@pytest.mark.parametrize("smallest", [1e-3, 1e-5, 1e-8])
def test_the_slope_of_a_determinant_is_precise_near_a_singular_matrix(smallest: float) -> None:
    u, _, vh = L.svd(normal(6, 6))
    s = np.array([2.5, 2.0, 1.5, 1.0, smallest, smallest / 2])
    rest = np.array([np.prod(np.delete(s, i)) for i in range(6)])
    got = u.T @ grad(L.det, (u * s) @ vh) @ vh.T * L.det(u) * L.det(vh)
    np.testing.assert_allclose(np.diag(got), rest, rtol=1e-6)
    np.testing.assert_allclose(got, np.diag(rest), atol=1e-9 * rest.max() + 1e-14)


def test_the_third_slope_of_a_determinant_at_zero() -> None:
    x = Value(np.zeros((3, 3)))
    g: Any = L.det(x)
    for place in [(0, 0), (1, 1), (2, 2)]:
        g = sweep(g, Value(1.0), create_graph=True)[x][place]
    assert g.data == 1


def test_the_slopes_of_a_determinant_that_is_no_number_are_none() -> None:
    x = np.stack([[regular(6, 6)]] * 2)
    x[1, 0, 2, 3] = nan
    with np.errstate(invalid="ignore"):
        got = grad(lambda v: L.det(v).sum(), x)
    np.testing.assert_allclose(got[0, 0], L.det(x[0, 0]) * L.inv(x[0, 0]).T)
    assert np.isnan(got[1]).all()
    assert grad(lambda v: L.det(v).sum(), np.zeros((0, 6, 6))).shape == (0, 6, 6)


def test_the_sign_of_a_determinant_is_recorded_and_nothing_flows() -> None:
    sign, logarithm = L.slogdet(Value(-np.eye(3)))
    assert isinstance(sign, NonDiff)
    assert sign.data == -1
    assert isinstance(logarithm, Value)
    x = Value(np.stack([np.zeros((2, 2)), np.eye(2)]))
    L.slogdet(x).logabsdet.sum().backward()
    assert np.isnan(x.grad[0]).all()
    np.testing.assert_array_equal(x.grad[1], np.eye(2))


# ------------------------------------------------------------------------------------------------------ factorisations


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2), (2, 1, 2, 2)], ids=str)
@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_reads_one_triangle(shape: tuple[int, ...], upper: bool) -> None:
    x = positive(*shape)
    agree(lambda v: L.cholesky(v, upper=upper), x)
    if 0 not in shape:
        single(lambda v: L.cholesky(v, upper=upper), x)
        v = Value(x)
        L.cholesky(v, upper=upper).sum().backward()
        unread = np.tril(v.grad, -1) if upper else np.triu(v.grad, 1)
        assert not unread.any()


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)], ids=str)
@pytest.mark.parametrize("uplo", ["L", "U", "u"])
def test_eigenvalues_and_vectors_read_one_triangle(shape: tuple[int, ...], uplo: Any) -> None:
    x = positive(*shape) + normal(*shape)
    agree(lambda v: L.eigvalsh(v, uplo), x)
    agree(lambda v: L.eigvalsh(v, UPLO=uplo), x)
    agree(lambda v: L.eigh(v, uplo), x)
    agree(lambda v: L.eigh(v, UPLO=uplo).eigenvectors, x)
    if 0 not in shape:
        single(lambda v: L.eigh(v, uplo), x)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (2, 2, 3, 3), (1, 3), (3, 1),
                                   (0, 3), (3, 0), (0, 2, 2)], ids=str)  # fmt: skip
def test_singular_values_and_vectors(shape: tuple[int, ...]) -> None:
    x = regular(*shape) if 0 not in shape else np.zeros(shape)
    agree(lambda v: L.svd(v, full_matrices=False), x)
    agree(lambda v: L.svd(v, False, True), x)
    agree(lambda v: L.svd(v, compute_uv=False), x)
    agree(L.svdvals, x)
    for part in range(3):
        agree(lambda v, part=part: L.svd(v, False)[part], x)
    if shape[-1] == shape[-2]:
        agree(L.svd, x)
        agree(lambda v: L.svd(v, hermitian=True), x - 1.3 * np.eye(shape[-1]))
        agree(lambda v: L.svd(v, hermitian=True, compute_uv=False), x - 1.3 * np.eye(shape[-1]))
    if 0 not in shape:
        single(lambda v: L.svd(v, full_matrices=False), x)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 3, 2), (20, 2), (2, 20)], ids=str)
def test_full_singular_vectors_have_a_gradient_as_far_as_they_are_unique(shape: tuple[int, ...]) -> None:
    x, k = regular(*shape), min(shape[-2:])

    def unique(v: Any) -> Any:
        u, s, vh = L.svd(v)
        return u[..., :k], s, vh[..., :k, :]

    agree(unique, x, second=False)
    for got, expected in zip(L.svd(Value(x)), L.svd(x), strict=True):
        np.testing.assert_allclose(got.data, expected, atol=1e-12)
    with pytest.raises(TypeError, match="full_matrices=False"):
        sum((part * normal(*part.shape)).sum() for part in L.svd(Value(x))).backward()


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (1, 3), (3, 1), (0, 3), (3, 0),
                                   (0, 2, 2)], ids=str)  # fmt: skip
def test_qr(shape: tuple[int, ...]) -> None:
    x = regular(*shape) if 0 not in shape else np.zeros(shape)
    m, n = shape[-2:]
    agree(L.qr, x)
    agree(lambda v: L.qr(v, "reduced"), x)
    agree(lambda v: L.qr(v, mode="r"), x)
    agree(lambda v: L.qr(v).Q, x)
    agree(lambda v: L.qr(v, mode="complete").R, x)
    agree(lambda v: L.qr(v, mode="complete")[0][..., : min(m, n)], x, second=m <= n)
    np.testing.assert_allclose(L.qr(Value(x), "complete").Q.data, L.qr(x, "complete").Q)
    if m <= n:
        agree(lambda v: L.qr(v, mode="complete"), x)
    elif x.size:
        with pytest.raises(TypeError, match="could be any"):
            L.qr(Value(x), mode="complete").Q.backward(np.ones((*shape[:-1], m)))
    if 0 not in shape:
        single(L.qr, x)


def test_the_results_are_numpys_named_tuples() -> None:
    x = regular(3, 3)
    for f in (L.eigh, L.svd, L.qr, L.slogdet):
        got = f(Value(x))
        assert type(got) is type(f(x))
        assert all(isinstance(part, Value) for part in got)


# ---------------------------------------------------------------------------------------- where vectors are not unique


def test_equal_eigenvalues_have_slopes_but_their_vectors_have_none() -> None:
    turned = L.qr(normal(3, 3))[0]
    x = turned @ np.diag([2.0, 2.0, 5.0]) @ turned.T
    np.testing.assert_allclose(grad(lambda v: L.eigvalsh(v).sum(), x), np.eye(3), atol=1e-14)
    np.testing.assert_allclose(grad(lambda v: L.eigh(v)[0].sum(), x), np.eye(3), atol=1e-14)
    squares = grad(lambda v: (L.eigh(v)[0] ** 2).sum(), x)
    np.testing.assert_allclose(squares, np.tril(2 * x + 2 * np.tril(x, -1)), atol=1e-13)
    for data in (x, np.eye(3), np.float32(np.eye(3))):
        assert np.isnan(np.tril(grad(lambda v: (L.eigh(v)[1] * normal(3, 3)).sum(), data))[2, 0])
    for one in (0, 1):  # a loss of one of the two vectors alone
        assert np.isnan(np.tril(grad(lambda v, one=one: (L.eigh(v)[1][:, one] * normal(3)).sum(), x))).any()
    # the one vector that is unique has its slope
    agree(lambda v: L.eigh((v + v.T) / 2)[1][:, 2] ** 2, x, second=False)


def test_equal_singular_values_have_slopes_but_their_vectors_have_none() -> None:
    left, right = L.qr(normal(4, 3))[0], L.qr(normal(3, 3, seed=1))[0]
    x = left @ np.diag([5.0, 2.0, 2.0]) @ right
    np.testing.assert_allclose(grad(lambda v: (L.svdvals(v) ** 2).sum(), x), 2 * x, atol=1e-13)
    for part in (0, 2):
        g = grad(lambda v, part=part: (lambda y: (y * normal(*y.shape)).sum())(L.svd(v, False)[part]), x)
        assert not np.isfinite(g).any()
    agree(lambda v: L.svd(v, full_matrices=False)[0][:, 0] ** 2, x, second=False)


def test_the_leading_vectors_of_a_matrix_of_low_rank_have_slopes() -> None:
    agree(
        lambda a: L.svd(a, full_matrices=False)[0][:, :2] ** 2, regular(5, 2) @ regular(2, 4), second=False, rtol=1e-5
    )
    agree(lambda a: L.svd(a, full_matrices=False)[2][:2] ** 2, regular(4, 2) @ regular(2, 5), second=False, rtol=1e-5)


def test_the_directions_that_a_square_matrix_cuts_off_have_slopes() -> None:
    """Not their signs; what is measured is the projection onto them."""
    for side in (0, 2):

        def projection(a: Any, side: int = side) -> Any:
            y = L.svd(a)[side]
            y = y[:, 2:] if side == 0 else y[2:].T
            return y @ y.T

        agree(projection, of_rank(3, 2), second=False, rtol=1e-5)


def test_the_second_slope_through_equal_eigenvalues_is_not_a_wrong_number() -> None:
    x = Value(np.eye(3))
    g = sweep((L.eigvalsh(x) ** 2).sum(), Value(1.0), create_graph=True)[x]
    assert np.isnan(sweep((g * normal(3, 3)).sum(), np.float64(1.0))[x]).any()


def test_a_slope_of_vectors_that_starts_from_nothing_is_not_lost() -> None:
    """The gradient at cotangent 0 is 0, but it moves with the cotangent: infinitely, where vectors are not unique."""
    for f in (lambda v: L.eigh(v)[1], lambda v: L.svd(v)[0], lambda v: L.svd(v[:, :2])[0]):
        x, start = Value(np.eye(3)), Value(np.zeros((3, 3)))
        g = sweep(f(x), start, create_graph=True)[x]
        assert not g.data.any()
        with np.errstate(all="ignore"):
            moved = sweep((g * normal(3, 3)).sum(), np.float64(1.0))[start]
        assert not np.isfinite(moved).all()
    for shape in ((3, 3), (4, 3), (3, 4)):
        x = Value(np.zeros(shape))
        for y in L.svd(x, full_matrices=False):
            assert not sweep(y, np.zeros(y.shape))[x].any()


def test_qr_of_dependent_columns_has_no_slope() -> None:
    for x in (np.outer([1.0, 2.0, 3.0], [1.0, 2.0]), np.zeros((2, 2))):
        assert np.isnan(grad(lambda v: L.qr(v)[0].sum(), x)).all()


# ------------------------------------------------------------------------------------------------------------ products


@pytest.mark.parametrize("n", [*range(-4, 9), np.int64(3)])
def test_matrix_powers(n: Any) -> None:
    agree(lambda x: L.matrix_power(x, n), regular(3, 3))
    agree(lambda x: L.matrix_power(x, n), regular(2, 2, 2))
    single(lambda x: L.matrix_power(x, n) + x, regular(3, 3))


def test_matrix_powers_of_anything() -> None:
    assert grad(lambda x: L.matrix_power(x, 0).sum(), np.full((2, 2), nan)).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(TypeError, match="exponent must be an integer"):
        L.matrix_power(Value(np.eye(2)), 0.5)
    with pytest.raises(L.LinAlgError, match="square"):
        L.matrix_power(Value(np.ones((2, 3))), 2)


@pytest.mark.parametrize("shapes", [((2, 3), (3, 4)), ((2, 3), (3, 4), (4, 1)), ((3,), (3, 4), (4,)), ((3,), (3,)),
                                    ((3,), (3, 4), (4, 2)), ((2, 3), (3, 4), (4,)), ((9, 1), (1, 9), (9, 1), (1, 2)),
                                    ((2, 3), (3, 0), (0, 2))], ids=str)  # fmt: skip
def test_products_of_many(shapes: Any) -> None:
    arrays = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    agree(lambda *x: L.multi_dot(x), *arrays)
    agree(lambda x: L.multi_dot([x, *arrays[1:]]), arrays[0])
    with pytest.raises(TypeError, match="would write a recorded result into an array"):
        L.multi_dot([Value(x) for x in arrays], out=np.zeros(3))


def test_products_of_many_complain_as_numpy_does() -> None:
    with pytest.raises(ValueError, match="at least two"):
        L.multi_dot([Value(np.eye(2))])
    with pytest.raises(L.LinAlgError, match="two-dimensional"):
        L.multi_dot([Value(np.eye(2)), np.ones((2, 2, 2)), np.eye(2)])


# -------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "call",
    [lambda x: L.inv(x), lambda x: L.det(x), lambda x: L.slogdet(x), lambda x: L.eigh(x), lambda x: L.eigvalsh(x),
     lambda x: L.cholesky(x), lambda x: L.solve(x, np.ones(2)), lambda x: L.inv(x[0]), lambda x: L.qr(x[0]),
     lambda x: L.svd(x[0]), lambda x: L.pinv(x[0]), lambda x: L.cholesky(-x @ x.T), lambda x: L.inv(x[:, :2] * 0),
     lambda x: L.qr(x, mode="q"), lambda x: L.eigh(x @ x.T, "X"), lambda x: L.norm(x, "nuc", axis=0),
     lambda x: L.norm(x, 3), lambda x: L.norm(x, axis=(0, 0)), lambda x: L.norm(x, axis=(0, 1, 1)),
     lambda x: L.norm(x, axis=2), lambda x: L.norm(x, 1, axis=(0, 5)),
     lambda x: L.norm(x.reshape((1, 2, 3)), 1), lambda x: L.norm(x, "no"), lambda x: L.vector_norm(x, ord="fro"),
     lambda x: L.vector_norm(x, axis=(0, 0)), lambda x: L.matrix_norm(x[0]), lambda x: L.cond(x[0]),
     lambda x: L.cond(x, 1), lambda x: L.cond(x[:0]), lambda x: L.solve(x @ x.T, np.ones((3, 3)))],
)  # fmt: skip
def test_what_numpy_complains_of_is_complained_of_as_numpy_does(call: Callable[[Any], Any]) -> None:
    x = np.arange(6.0).reshape(2, 3)
    with pytest.raises(Exception) as numpys:  # noqa: PT011
        call(x)
    with pytest.raises(numpys.type) as ours:
        call(Value(x))
    assert str(ours.value) == str(numpys.value)


@pytest.mark.parametrize(
    ("call", "match"),
    [(L.eig, "eigh"), (L.eigvals, "eigvalsh"), (lambda x: L.qr(x, "raw"), "qr"), (lambda x: L.norm(x, x[0, 0]), "ord"),
     (lambda x: L.vector_norm(x, ord=x[0, 0]), "ord"), (lambda x: L.pinv(x, x[0, 0]), "cutoff")],
)  # fmt: skip
def test_what_is_refused_says_why(call: Callable[[Any], Any], match: str) -> None:
    with pytest.raises(TypeError, match=match):
        call(Value(regular(3, 3)))


def test_the_rank_is_a_plain_number() -> None:
    assert L.matrix_rank(Value(np.eye(3))) == 3
    assert L.matrix_rank(Value(of_rank(4, 2)), tol=1e-9) == 2


# ---------------------------------------------------------------------------------------------------------- with peers

SPD = positive(2, 3, 3)
SPD = (SPD + SPD.swapaxes(-1, -2)) / 2
PEERS: dict[str, tuple[str, tuple[Any, ...], np.ndarray, bool]] = {
    # name: (function, more arguments, input, whether only its symmetric part is compared)
    "inv": ("inv", (), regular(2, 3, 3), False),
    "pinv": ("pinv", (), regular(2, 4, 3), False),
    "det": ("det", (), regular(2, 3, 3), False),
    "slogdet": ("slogdet", (), regular(2, 3, 3), False),
    "cholesky": ("cholesky", (), SPD, True),
    "eigvalsh": ("eigvalsh", (), SPD, True),
    "eigh": ("eigh", (), SPD, True),
    "svdvals": ("svdvals", (), regular(2, 4, 3), False),
    "svd": ("svd", (False,), regular(2, 3, 4), False),
    "qr": ("qr", (), regular(2, 4, 3), False),
    "matrix_power": ("matrix_power", (3,), regular(2, 3, 3), False),
    "inverse power": ("matrix_power", (-2,), regular(2, 3, 3), False),
    "cond": ("cond", (), regular(3, 3), False),
    "tensorinv": ("tensorinv", (1,), regular(6, 6).reshape(6, 3, 2), False),
    **{f"norm {ord}": ("norm", (ord,), regular(3, 4), False) for ord in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)},
    **{f"vector norm {ord}": ("norm", (ord,), normal(5), False) for ord in (None, 1, -1, 2, 3, 0.5, -3, inf, -inf)},
}


def ours(name: str, more: tuple[Any, ...], data: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Our gradient, along cotangents that do not see the signs of vectors."""
    x = Value(data)
    out = results(getattr(L, name)(x, *more))
    smooth = [y for y in out if not isinstance(y, NonDiff)]
    sum((y * y * c).sum() for y, c in zip(smooth, weights(smooth), strict=True)).backward()
    return x.grad, [y.data for y in smooth]


def weights(out: list[Any]) -> list[np.ndarray]:
    return [rng(i + 9).normal(size=tuple(y.shape)) for i, y in enumerate(out)]


def same(got: np.ndarray, expected: np.ndarray, symmetric: bool) -> None:
    if symmetric:  # we give the read triangle what the peers give to both
        got, expected = got + got.swapaxes(-1, -2), expected + expected.swapaxes(-1, -2)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", PEERS)
def test_gradients_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    function, more, data, symmetric = PEERS[name]
    if more == (None,):
        more = ()
    x = torch.tensor(data, requires_grad=True)
    out = getattr(torch.linalg, function)(x, *more)
    out = list(out) if isinstance(out, tuple) else [out]
    out = out[1:] if function == "slogdet" else out
    sum((y * y * torch.tensor(c)).sum() for y, c in zip(out, weights(out), strict=True)).backward()
    same(ours(function, more, data)[0], x.grad.numpy(), symmetric)


@pytest.mark.parametrize("name", PEERS)
def test_gradients_are_jaxs(name: str) -> None:
    jax = pytest.importorskip("jax")
    function, more, data, symmetric = PEERS[name]
    jax.config.update("jax_enable_x64", True)

    def loss(x: Any) -> Any:
        out = results(getattr(jax.numpy.linalg, function)(x, *more))
        out = out[1:] if function == "slogdet" else out
        return sum((y * y * c).sum() for y, c in zip(out, weights(out), strict=True))

    same(ours(function, more, data)[0], np.asarray(jax.grad(loss)(data)), symmetric)


@pytest.mark.parametrize("optimize", [False, True, "greedy", "optimal", None])
@pytest.mark.parametrize(("subscripts", "shapes"), [
    ("ij...,ij...->ij", [(2, 3, 4), (2, 3, 4)]), ("i...->i", [(2, 3, 4)]), ("...,...->", [(2, 3), (3,)]),
    ("i...,...i->i", [(2, 3), (1, 2)]), ("ii...->i", [(2, 2, 3)]), ("ij...->ij", [(2, 3)]),
])  # fmt: skip
def test_einsum_sums_over_an_ellipsis_where_numpy_does(
    subscripts: str, shapes: list[tuple[int, ...]], optimize: Any
) -> None:
    arrays = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]

    def f(*inputs: Any) -> Any:
        return np.einsum(subscripts, *inputs, optimize=optimize)

    try:
        f(*arrays)
    except ValueError:  # NumPy sums only if it optimizes
        assert optimize is False
        with pytest.raises(ValueError, match="optimize=True sums over them"):
            f(*map(Value, arrays))
    else:
        agree(f, *arrays)


AMONG_MANY: dict[str, Callable[..., Any]] = {
    "inv": L.inv, "pinv": L.pinv, "det": L.det, "slogdet": L.slogdet, "cholesky": L.cholesky, "qr": L.qr, "svd": L.svd,
    "svdvals": lambda x: L.svd(x, compute_uv=False), "eigh": L.eigh, "eigvalsh": L.eigvalsh,
    "solve": lambda x: L.solve(x, np.eye(2, dtype=np.float32)), "cond": L.cond,
    "matrix_power": lambda x: L.matrix_power(x, -2),
    "nuclear norm": lambda x: L.norm(x, "nuc", (-2, -1)), "largest": lambda x: L.norm(x, 2, (-2, -1)),
}  # fmt: skip


@pytest.mark.parametrize("name", AMONG_MANY)
@pytest.mark.parametrize("second", [1.001, 5e-4])
def test_a_matrix_among_many_has_the_gradient_that_it_has_alone(name: str, second: float) -> None:
    """What counts as equal, or as 0, goes by the size of a matrix, and not by how many there are."""
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    matrix = (turn * [1.0, second] @ turn.T).astype(np.float32)
    gradients = []
    for x in (Value(matrix), Value(np.broadcast_to(matrix, (10_000, 2, 2)))):
        draw = rng()
        parts = results(AMONG_MANY[name](x))
        sum((part * draw.normal(size=part.shape[x.ndim - 2 :]).astype(np.float32)).sum() for part in parts).backward()
        gradients.append(x.grad.reshape(-1, 2, 2))
    assert np.isfinite(gradients[0]).all()
    np.testing.assert_allclose(gradients[1], np.broadcast_to(gradients[0], (10_000, 2, 2)), rtol=1e-4)


def test_the_path_of_an_einsum_may_be_written_once_it_is_given() -> None:
    a, b, c = (Value(normal(2, 2, seed=i)) for i in range(3))
    path = ["einsum_path", (0, 1), (0, 1)]
    out = np.einsum("ij,jk,kl->il", a, b, c, optimize=path)
    path.clear()
    assert out.params["optimize"] == ["einsum_path", (0, 1), (0, 1)]
    out.sum().backward()
    np.testing.assert_allclose(a.grad, np.ones((2, 2)) @ (b.data @ c.data).T)


@pytest.mark.parametrize("p", [1, -1, "fro", "nuc", np.inf])
def test_a_condition_number_is_that_of_each_matrix_in_a_stack_of_stacks(p: Any) -> None:
    x = normal(2, 2, 3, 3)
    x[1, 1] = np.diag([1.0, 0.0, 2.0])
    if p != "nuc":  # NumPy finds no singular values of a NaN
        x[0, 1, 2, 2] = nan
    with np.errstate(all="ignore"):
        got = L.cond(Value(x), p).data
        alone = [L.cond(matrix, p) for matrix in x.reshape(4, 3, 3)[:3]]
    np.testing.assert_allclose(got.ravel(), [*alone, inf], rtol=1e-9)
