"""Formulas: their values, and their gradients against slopes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import microgradnet.functional as F
from microgradnet import Value
from microgradnet.gradcheck import numerical_grad
from tests.samples import count

TARGET = np.random.default_rng(1).random((3, 4))
LABELS = np.array([0, 3, 3])

FORMULAS: dict[str, Callable[..., Any]] = {
    "mean": F.mean,
    "mean over an axis": lambda x: F.mean(x, axis=-1, keepdims=True),
    "clip": lambda x: F.clip(x, -0.7, 0.8),
    "tanh": F.tanh,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 1.5),
    "softplus": F.softplus,
    "logsumexp": F.logsumexp,
    "logsumexp over an axis": lambda x: F.logsumexp(x, axis=0, keepdims=True),
    "softmax": F.softmax,
    "softmax over the first axis": lambda x: F.softmax(x, axis=0),
    "log_softmax": F.log_softmax,
    "gelu": F.gelu,
    "gelu by tanh": lambda x: F.gelu(x, "tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "selu": F.selu,
    "hardswish": F.hardswish,
    "layer_norm": lambda x: F.layer_norm(x, 4, x[0], x[1]),
    "layer_norm over two axes": lambda x: F.layer_norm(x, (3, 4), eps=0.1),
    "rms_norm": lambda x: F.rms_norm(x, (4,), x[2]),
    "group_norm": lambda x: F.group_norm(x, 2, x[0], x[1]),
    "batch_norm": lambda x: F.batch_norm(x, None, None, x[0], x[1], training=True),
    "batch_norm by running numbers": lambda x: F.batch_norm(x, *TARGET[:2].astype(x.dtype)),
    "dropout": lambda x: F.dropout(x, 0.4, seed=3),
    "embedding": lambda x: F.embedding(LABELS % 3, x, 2),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "attention with a mask": lambda x: F.scaled_dot_product_attention(x, x, x, x[:, :3], 0.3, scale=0.7, seed=1),
    "quadratic_cost": lambda x: F.quadratic_cost(x, TARGET),
    "cross_entropy of labels": lambda x: F.cross_entropy(x, LABELS),
    "cross_entropy of probabilities": lambda x: F.cross_entropy(x, TARGET),
    "np.dot of stacks": lambda x: np.dot(x.reshape((2, 2, 3)), x.reshape((2, 3, 2))),
    "np.ravel": np.ravel,
    "np.amax": lambda x: np.amax(x, 1),
    "np.amin": lambda x: np.amin(x, 0, keepdims=True),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_has_the_gradient_of_its_function(name: str, share: float) -> None:
    f = FORMULAS[name]

    @settings(max_examples=count(100, share**2))
    @given(seed=st.integers(0, 10_000))
    def check(seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = (rng.permutation(12).reshape(3, 4) - 5.4) / 3
        v = Value(x)
        out = f(v)
        c = rng.normal(size=out.shape)
        np.testing.assert_allclose(out.data, f(x), rtol=1e-12, atol=1e-15)
        (out * c).sum().backward()
        assert v.grad.shape == x.shape
        along, h = rng.normal(size=x.shape), 1e-6  # in a random direction every element has its weight
        slope = (np.sum(f(x + h * along) * c) - np.sum(f(x - h * along) * c)) / (2 * h)
        np.testing.assert_allclose(np.sum(v.grad * along), slope, rtol=1e-6, atol=1e-7)

    check()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_has_a_second_derivative(name: str) -> None:
    f, rng = FORMULAS[name], np.random.default_rng(0)
    x = (rng.permutation(12).reshape(3, 4) - 5.4) / 3
    c, d = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)

    def first(y: Any, **how: Any) -> Any:
        v = Value(y)
        (f(v) * c).sum().backward(**how)
        return v, (v.grad * d).sum()

    v, along = first(x, create_graph=True)
    v.grad = None
    along.backward()
    got = np.zeros(x.shape) if v.grad is None else v.grad
    np.testing.assert_allclose(got, numerical_grad(lambda y: first(y)[1], x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_keeps_float32(name: str) -> None:
    v = Value(np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4))
    target = TARGET.astype(np.float32)
    f = {
        "quadratic_cost": lambda x: F.quadratic_cost(x, target),
        "cross_entropy of probabilities": lambda x: F.cross_entropy(x, target),
    }.get(name, FORMULAS[name])
    out = f(v)
    assert out.dtype == np.float32
    out.sum().backward()
    assert v.grad.dtype == np.float32


@given(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), st.data())
def test_mean_is_numpys_for_every_axis(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.sampled_from([None, *range(-len(shape), len(shape)), tuple(range(len(shape)))]))
    keepdims = data.draw(st.booleans())
    x = np.random.default_rng(0).normal(size=shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nothing, NumPy's mean warns and is NaN
        expected = np.mean(x, axis=axis, keepdims=keepdims)
        got = F.mean(Value(x), axis, keepdims)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.data, expected, rtol=1e-13)


def test_the_mean_of_nothing_warns() -> None:
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(F.mean(Value([])).data)


def test_the_articles_cost_is_the_mean_over_examples_of_the_sum_of_squares() -> None:
    rng = np.random.default_rng(0)
    a, y = rng.random((5, 10)), rng.random((5, 10))
    v = Value(a)
    cost = F.quadratic_cost(v, y)
    assert cost.data == pytest.approx(np.mean(np.sum((a - y) ** 2, axis=1)), rel=1e-15)
    cost.backward()
    np.testing.assert_allclose(v.grad, 2 * (a - y) / 5, rtol=1e-15)
    one = F.quadratic_cost(Value(a[0]), y[0])
    assert one.data == pytest.approx(np.sum((a[0] - y[0]) ** 2), rel=1e-15)


def test_a_cost_of_other_shapes_or_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no example"):
        F.quadratic_cost(Value(np.ones((0, 3))), np.ones((0, 3)))
    with pytest.raises(ValueError, match=r"\(5, 1\).*\(5,\)"):
        F.quadratic_cost(Value(np.ones((5, 1))), np.ones(5))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ([0, 1], r"shape \(2,\)"),
        ([0, 1, 4], "classes are 0 to 3"),
        ([-1, 0, 1], "from -1"),
        ([0.0, 1.0, 2.0], "float64"),
    ],
)
def test_a_label_that_is_no_class_is_refused(target: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        F.cross_entropy(Value(np.zeros((3, 4))), target)


def test_cross_entropy_of_labels_is_that_of_their_one_hot_probabilities() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    labels = np.array([[0, 1, 2], [3, 3, 0]])
    assert F.cross_entropy(Value(x), labels).data == pytest.approx(F.cross_entropy(x, np.eye(4)[labels]), rel=1e-14)


def test_the_mean_of_many_float16_does_not_overflow() -> None:
    v = Value(np.ones(70_000, np.float16))
    out = F.mean(v)
    assert (out.data, out.dtype) == (1.0, np.float16)
    out.backward()
    assert v.grad.dtype == np.float16


def test_lists_and_numbers_are_arrays() -> None:
    for f in (F.relu, F.sigmoid, F.leaky_relu, F.elu, F.softplus, F.softmax, F.tanh, F.log_softmax):
        np.testing.assert_array_equal(f([1.0, -1.0]), f(np.array([1.0, -1.0])))
    assert F.quadratic_cost(Value(2.0), 1).data == 1.0
    assert F.quadratic_cost([2.0, 1.0], [1, 1]) == 1.0


def test_a_cross_entropy_of_nothing_is_refused() -> None:
    for logits, target in [(np.ones((0, 3)), np.ones(0, int)), (1.0, 0), (np.ones((2, 0)), [0, 0])]:
        with pytest.raises(ValueError, match="no example"):
            F.cross_entropy(Value(logits), target)


def test_arrays_in_arrays_out() -> None:
    x = np.ones((3, 4))
    for f in FORMULAS.values():
        assert not isinstance(f(x), Value)


def test_an_embedding_takes_its_vectors_from_a_list_too() -> None:
    assert F.embedding([1, 0], [[1.0, 2.0], [3.0, 4.0]]).tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize("size", [5, 5000])
def test_nothing_comes_back_through_a_closed_relu_whatever_is_sent(size: int) -> None:
    """0 · ∞ is NaN: nothing is multiplied there."""
    x = Value(np.where(np.arange(size) % 2, 1.0, -1.0))
    for sent in (np.inf, -np.inf, np.nan, 2.0):
        x.grad = None
        F.relu(x).backward(np.full(size, sent))
        np.testing.assert_array_equal(x.grad, np.where(np.arange(size) % 2, sent, 0.0))


@pytest.mark.parametrize("x", [np.ones(3), np.float64(1.0)], ids=["a row", "a number"])
def test_attention_wants_a_row_for_each_query_and_key(x: Any) -> None:
    """A query that was one row alone went forward, and its gradient had too few axes."""
    rows = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"query has a row for each, \(…, n, E\); got shape"):
        F.scaled_dot_product_attention(Value(x), rows, rows)
    with pytest.raises(ValueError, match=r"key has a row for each, \(…, n, E\); got shape"):
        F.attention_weights(rows, Value(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 10, 16, 31, 33, 64, 65, 300])
def test_the_softmax_of_many_rows_is_that_of_each(width: int, dtype: Any) -> None:
    """The largest number of a row, which is taken off first, is found by np.argmax there."""
    rng = np.random.default_rng(width)
    x = rng.normal(0, 10, (3, 4096 // width + 1, width)).astype(dtype)
    chance = rng.random(x.shape)
    x[chance < 0.05], x[chance > 0.999], x[(chance > 0.997) & (chance < 0.999)] = -np.inf, np.nan, np.inf
    x[0, 0] = -np.inf
    for row in range(width):  # each number is the largest somewhere, by so much that exp would be infinite
        x[1, row % x.shape[1], row] = 2000
    before = x.copy()
    with np.errstate(all="ignore"):
        out = F.softmax(Value(x)).data
        top = np.where(np.isfinite(x.max(-1, keepdims=True)), x.max(-1, keepdims=True), 0)
        wanted = np.exp((x - top).astype(np.float64))
        wanted /= wanted.sum(-1, keepdims=True)
    assert out.shape == x.shape
    assert out.dtype == dtype
    np.testing.assert_allclose(out, wanted, rtol=100 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
    np.testing.assert_array_equal(x, before)
