"""Transforms: gradients returned in the structure of the arguments, nested, and never deposited."""

from __future__ import annotations

import gc
import itertools
import threading
import tracemalloc
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgradnet.functional as F
from microgradnet import Value, nn, primitive, tree
from microgradnet.core import NonDiff, no_grad
from microgradnet.gradcheck import numerical_grad
from microgradnet.transforms import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from microgradnet.transforms.recompute import _alike
from tests.collector import nothing_left_over

Point = namedtuple("Point", "x y")


@dataclass
class Layer:
    w: Any
    name: str


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def is_plain(x: Any) -> bool:
    return type(x) is np.ndarray or isinstance(x, np.generic)


# ------------------------------------------------------------------------------------------------- what comes back


def test_the_result_is_plain_and_has_the_dtype_of_the_argument() -> None:
    for dtype in (np.float32, np.float64):
        x = np.array([1.0, 2.0], dtype)
        value, g = value_and_grad(lambda x: (x * np.exp(x)).sum())(x)
        assert (type(value), type(g), g.dtype) == (dtype, np.ndarray, dtype)
        np.testing.assert_allclose(g, (1 + x) * np.exp(x), rtol=1e-6)
        g2 = hessian(lambda x: (x * np.exp(x)).sum())(x)
        assert (g2.shape, g2.dtype) == ((2, 2), dtype)
    assert type(grad(np.sin)(1.0)) is np.float64
    assert type(grad(np.sin)(np.array(1.0, np.float32))) is np.float32


def test_gradients_have_the_structure_of_the_argument() -> None:
    def f(p: Any, k: Any) -> Any:
        return p["a"] * p["l"][0] + p["t"][1].sum() * p["p"].x + (p["c"].w ** 2).sum() + k[0]

    p = {
        "a": 2.0, "l": [3.0, np.arange(2), "text"], "t": (None, np.ones(2)), "p": Point(4.0, 1),
        "c": Layer(np.ones(3), "n"), "e": {}, "f": np.tanh,
    }  # fmt: skip
    g = grad(f)(p, (1.0,))
    assert g["a"] == 3.0
    assert g["l"] == [2.0, None, None]
    assert g["t"][0] is None
    assert g["t"][1].tolist() == [4.0, 4.0]
    assert g["p"] == Point(2.0, None)
    assert (g["c"].w.tolist(), g["c"].name) == ([2.0, 2.0, 2.0], None)
    assert (g["e"], g["f"]) == ({}, None)
    assert p["l"][0] == 3.0


def test_argnums_choose() -> None:
    def f(x: Any, y: Any, z: Any = 1.0) -> Any:
        return x * y**2 * z

    assert grad(f)(2.0, 3.0) == 9.0
    assert grad(f, -1)(2.0, 3.0) == 12.0
    assert grad(f, (1, 0))(2.0, 3.0, z=2.0) == (24.0, 18.0)
    assert grad(f, [0])(2.0, 3) == (9.0,)  # the integer is a constant


def test_what_is_not_used_has_gradient_zero() -> None:
    g = grad(lambda x, y: x * 1.0, (0, 1))(2.0, np.ones((2, 3), np.float32))
    assert g[0] == 1.0
    assert (g[1].shape, g[1].dtype, g[1].any()) == ((2, 3), np.float32, False)
    assert grad(lambda x: Value(3.0))(1.0) == 0.0
    assert hessian(lambda x: 3 * x.sum())(np.ones(2)).tolist() == [[0, 0], [0, 0]]
    assert jacobian(lambda x: x[:0])(np.ones(2)).shape == (0, 2)


def test_aux_comes_beside() -> None:
    def f(x: Any) -> Any:
        return (x**2).sum(), {"x": x, "twice": [2 * x, "text"], "mask": x > 1}

    (value, aux), g = value_and_grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert (value, g.tolist(), aux["twice"][1]) == (5.0, [2.0, 4.0], "text")
    assert is_plain(aux["x"])
    assert aux["twice"][0].tolist() == [2.0, 4.0]
    assert aux["mask"].tolist() == [False, True]
    assert grad(f, has_aux=True)(np.ones(1))[0].tolist() == [2.0]
    out, pull, aux = vjp(lambda x: (x * x, x), 3.0, has_aux=True)
    assert (out, pull(1.0), aux) == (9.0, (6.0,), 3.0)


def test_results_are_memory_of_their_own() -> None:
    x, w = np.ones(3), np.ones(3)
    for g in (*grad(lambda x, w: (x + w).sum(), (0, 1))(x, w), vjp(lambda x: x, x)[0], *vjp(lambda x: x, x)[1](w)):
        g[0] = 7.0
        assert x.tolist() == w.tolist() == [1.0, 1.0, 1.0]
    a, b = grad(lambda x, y: ((x + y) * 3).sum(), (0, 1))(x, w)
    assert not np.shares_memory(a, b)


def arrays_in(made: Any) -> list[Any]:
    """Every array in nested results."""
    if isinstance(made, tuple):
        return [array for part in made for array in arrays_in(part)]
    return [made] if isinstance(made, np.ndarray) else []


TWO = (np.array([1.0, 2.0]), np.array([3.0, 4.0]))


@pytest.mark.parametrize("f", [
    lambda x, y: x + y, lambda x, y: (x + y) * 1, lambda x, y: x - -y, lambda x, y: x + y[::-1], lambda x, y: y,
    lambda x, y: np.stack([x, y]), lambda x, y: (x, y, x + y, x), lambda x, y: (x.reshape(1, 2), y * 2, x[0]),
])  # fmt: skip
def test_no_two_results_share_memory(f: Any) -> None:
    """Nor does a result share it with what was given or with what f returned, and each can be written into."""

    def number(*args: Any) -> Any:
        out = f(*args)
        return sum(x.sum() for x in out) if isinstance(out, tuple) else out.sum()

    out, pull = vjp(f, *TWO)
    for transform, made in {
        "grad": grad(number, (0, 1))(*TWO), "value_and_grad": value_and_grad(number, (0, 1))(*TWO),
        "vjp": (out, pull(out), pull(out)), "jvp": jvp(f, TWO, TWO), "jacobian": jacobian(f, (0, 1))(*TWO),
        "hessian": hessian(lambda x, y: (x * x).sum() + number(x, y), (0, 1))(*TWO),
        "hvp": hvp(number, TWO, TWO), "aux": grad(lambda *args: (number(*args), f(*args)), (0, 1), has_aux=True)(*TWO),
    }.items():  # fmt: skip
        arrays = arrays_in(made)
        assert arrays or transform == "hvp"
        assert all(array.flags.writeable for array in arrays), transform
        for a, b in itertools.combinations([*arrays, *TWO], 2):
            assert not np.shares_memory(a, b), transform


def test_a_pullback_keeps_what_it_was_made_with() -> None:
    x = np.array([1.0, 2.0])
    _, pull = vjp(lambda x: x * x, x)
    x += 10
    assert pull(np.ones(2))[0].tolist() == pull(np.ones(2))[0].tolist() == [2.0, 4.0]


def test_an_argument_cannot_be_written_through_its_value() -> None:
    model, x = nn.Linear(2, 1, seed=0), np.ones(2)
    before = model.weight.data.copy()

    def f(model: Any, x: Any) -> Any:
        model.weight.data -= 1.0
        return model(x).sum()

    with pytest.raises(ValueError, match="read-only"):
        grad(f)(model, x)
    np.testing.assert_array_equal(model.weight.data, before)


def test_grad_leaves_every_grad_alone() -> None:
    model, w = nn.MLP(2, [3, 1], seed=0), Value(2.0)
    model.layers[0].bias.grad = np.ones(3)  # type: ignore[union-attr]
    x = np.ones((2, 2), np.float32)

    def f(model: Any, x: Any) -> Any:
        return (model(x) * w).sum()

    grad(f, (0, 1))(model, x)
    hessian(f, 1)(model, x)
    hvp(f, (model, x), (model, x))
    jvp(f, (model, x), (model, x))
    vjp(f, model, x)[1](1.0)
    assert w.grad is None
    grads = [p.grad for p in model.parameters()]
    assert grads[1].tolist() == [1.0, 1.0, 1.0]
    assert grads[0] is grads[2] is grads[3] is None


# ------------------------------------------------------------------------------------------------------- Modules


def cost(model: Any, x: Any) -> Any:
    return (model(x) ** 2).sum() + 0.1 * sum((p * p).sum() for p in model.parameters())


def network(seed: int = 0) -> nn.MLP:
    return nn.MLP(3, [4, 2], np.tanh, dtype=np.float64, seed=seed)


def test_the_gradient_of_a_module_is_a_module_of_gradients() -> None:
    model, x = network(), rng().normal(size=(5, 3))
    value, g = value_and_grad(cost)(model, x)
    assert isinstance(g, nn.MLP)
    assert type(g.layers[0].weight) is np.ndarray
    assert g.activation is model.activation
    assert all(p.op is None and p.grad is None for p in model.parameters())
    expected = cost(model, x)
    expected.backward()
    assert value == expected.data
    pairs = tree.leaves(model, g)
    assert len(pairs) == 4
    for p, slope in pairs:
        np.testing.assert_array_equal(slope, p.grad)


def test_a_module_trains_by_value_and_grad() -> None:
    model, x = network(), rng().normal(size=(5, 3))
    step = value_and_grad(cost)
    first, _ = step(model, x)
    for _ in range(20):
        last, g = step(model, x)
        for p, slope in tree.leaves(model, g):
            p.data -= 0.02 * slope
    assert last < first / 2


def test_a_tied_weight_has_the_whole_gradient_under_both_names() -> None:
    model = nn.Module()
    model.a = model.b = Value(3.0)
    model.me = model
    model.seen = np.ones(2)
    g = grad(lambda m: m.a * m.b)(model)
    assert g.a == g.b == 6.0
    assert g.me is g
    assert g.seen is None
    assert len(tree.leaves(model, g)) == 1
    assert grad(lambda ms: ms[0].a * ms[1].b)([model, model])[1].a == 6.0
    g = grad(lambda m, n: m.a * n.a**2, (0, 1))(model, model)  # two arguments are two variables
    assert (g[0].a, g[1].a) == (9.0, 18.0)


def test_a_value_twice_in_a_list_is_two_variables_as_two_numbers_are() -> None:
    assert grad(lambda p: p[0] * p[1])([3.0, 3.0]) == [3.0, 3.0]
    x = Value(3.0)
    assert [v.item() for v in grad(lambda p: p[0] * p[1])([x, x])] == [3.0, 3.0]
    inner = lambda x: sum(grad(lambda p: p[0] * p[1] ** 2)([x, x]))  # noqa: E731  x² + 2x²
    assert inner(3.0) == 27.0
    assert grad(inner)(3.0) == 18.0


def test_a_module_closed_over_is_not_the_one_passed() -> None:
    model = nn.Module()
    model.w = Value(3.0)
    assert grad(lambda m: (m.w - model.w) ** 2 + m.w * model.w)(model).w == 3.0


def test_a_module_in_aux_is_no_variable_any_longer() -> None:
    model = nn.Linear(2, 1, seed=0)
    (_, kept), _ = value_and_grad(lambda m: (m(np.ones(2)).sum(), m), has_aux=True)(model)
    assert not np.shares_memory(kept.weight.data, model.weight.data)
    assert is_plain(grad(lambda m: m(np.ones(2)).sum())(kept).weight)


def test_a_step_within_a_step_is_differentiated() -> None:
    model, x = network(), rng(1).normal(size=(5, 3))

    def after_a_step(model: Any) -> Any:
        moved = tree.map(lambda p, g: p - 0.05 * g, model, grad(cost)(model, x))
        return cost(moved, x)

    g = grad(after_a_step)(model)
    for p, slope in tree.leaves(model, g):
        start = p.data.copy()

        def f(moved: Any, p: Value = p) -> float:
            p.data = moved
            params = [q.data - 0.05 * s for q, s in tree.leaves(model, grad(cost)(model, x))]
            before = [q.data.copy() for q in model.parameters()]
            for q, new in zip(model.parameters(), params, strict=True):
                q.data = new
            out = float(cost(model, x).data)
            for q, old in zip(model.parameters(), before, strict=True):
                q.data = old
            return out

        expected = numerical_grad(f, start)
        p.data = start
        np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-7)


def arrays(model: Any) -> list[Any]:
    return [x for layer in model.layers for x in (layer.weight, layer.bias)]


def test_second_order_of_a_module_is_in_modules() -> None:
    model, x = network(), rng().normal(size=(5, 3))
    h = hessian(cost)(model, x)
    block = h.layers[0].bias.layers[1].weight
    assert block.shape == (4, 2, 4)
    np.testing.assert_allclose(block, h.layers[1].weight.layers[0].bias.transpose(2, 0, 1), atol=1e-12)
    v = grad(cost)(model, x)
    product = hvp(cost, (model, x), (v, np.zeros_like(x)))[0]
    rows = h.layers[0].bias
    expected = sum(np.tensordot(block, p, p.ndim) for p, block in zip(*map(arrays, (v, rows)), strict=True))
    np.testing.assert_allclose(product.layers[0].bias, expected, rtol=1e-10)


# ------------------------------------------------------------------------------------------------------- nesting


NESTED: list[tuple[str, Callable[[Any], Any], float, float]] = [
    ("d/dx x · d/dy (x + y)", lambda x: x * grad(lambda y: x + y)(1.0), 3.0, 1.0),
    ("the inner uses the outer's variable as its factor", lambda x: x * grad(lambda y: x * y * y)(2.0), 3.0, 24.0),
    ("both name one thing", lambda x: grad(lambda y: y * x)(x), 3.0, 1.0),
    ("both name one thing, squared", lambda x: grad(lambda y: y**2 * x)(x), 3.0, 12.0),
    ("the inner does not use the outer", lambda x: x * grad(lambda y: y * y)(3.0), 2.0, 6.0),
    ("the inner uses nothing of its own", lambda x: x + grad(lambda y: x * x)(3.0), 2.0, 1.0),
    ("three deep", lambda x: grad(lambda y: grad(lambda z: x * y * y * z * z)(y))(x), 2.0, 72.0),
    ("two orders of one", grad(grad(lambda x: x**5)), 2.0, 240.0),
    ("by vjp", lambda x: vjp(lambda y: y * x, 3.0)[1](x)[0], 2.0, 4.0),
    ("by jvp", lambda x: jvp(lambda y: y * y * x, 3.0, x)[1], 2.0, 24.0),
    ("by jvp, tangent alone", lambda x: jvp(np.sin, 0.0, x * x)[1], 2.0, 4.0),
    ("by jacobian", lambda x: jacobian(lambda y: y * x * np.arange(3.0))(np.ones(3)).sum() * x, 2.0, 12.0),
    ("by hessian", lambda x: hessian(lambda y: (x * y**3).sum())(np.ones(2)).sum() * x, 2.0, 48.0),
    ("by hvp", lambda x: hvp(lambda y: y**3, x, x), 2.0, 24.0),
    ("by checkpoint", lambda x: x * grad(checkpoint(lambda y: np.sin(y) * x * x))(0.0), 2.0, 12.0),
    ("by checkpoint outside", checkpoint(lambda x: x * grad(lambda y: x + y)(1.0)), 3.0, 1.0),
    ("through a dict", lambda x: grad(lambda p: p["a"] * p["b"] ** 2)({"a": x, "b": x})["b"], 3.0, 12.0),
    ("by an argument not chosen", lambda x: grad(lambda y, z: y * y * z)(3.0, x) * x, 2.0, 24.0),
    ("by a keyword", lambda x: grad(lambda y, z: y * y * z)(3.0, z=x) * x, 2.0, 24.0),
]


@pytest.mark.parametrize(("f", "x", "expected"), [row[1:] for row in NESTED], ids=[row[0] for row in NESTED])
def test_nested(f: Callable[[Any], Any], x: float, expected: float) -> None:
    assert grad(f)(x) == pytest.approx(expected, rel=1e-12)
    slope = numerical_grad(lambda x: f(Value(x)).data, x)
    assert slope == pytest.approx(expected, rel=1e-7)
    v = Value(x)  # and where a Value is at the outermost
    f(v).backward()
    assert v.grad == pytest.approx(expected, rel=1e-12)
    assert jvp(f, x, 1.0)[1] == pytest.approx(expected, rel=1e-12)


def test_a_value_anywhere_in_makes_values_that_remember_it() -> None:
    x = Value(2.0)
    g = grad(lambda t: t**3)(x)
    assert type(g) is Value
    g.backward()
    assert x.grad == 12.0
    x.grad = None
    computed = x * x
    value, g = value_and_grad(lambda t: t * computed)(3.0)  # closed over
    (value + g).backward()
    assert x.grad == 16.0
    assert type(value_and_grad(lambda t: t * 2)(x)[0]) is Value
    assert is_plain(grad(lambda t: t * x.data)(3.0))
    assert is_plain(grad(lambda t: t * F.stop_gradient(x))(3.0))


def test_a_module_that_is_passed_is_taken_for_its_numbers_and_one_closed_over_is_not() -> None:
    model, x = network(), np.ones(3)
    assert is_plain(grad(lambda m, x: m(x).sum(), 1)(model, x))
    assert is_plain(grad(lambda x, p: p["m"](x).sum())(x, {"m": model}))
    g = grad(lambda x: model(x).sum())(x)
    assert type(g) is Value
    (g**2).sum().backward()
    assert model.layers[0].weight.grad is not None


def test_a_module_passed_within_another_transform_is_its_variable() -> None:
    model = nn.Module()
    model.w = Value(3.0)
    g = grad(lambda m: grad(lambda y, n: y**2 * n.w**2)(2.0, m))(model)  # d/dw 4w²
    assert g.w == 24.0


def test_no_grad_outside_gives_plain_numbers_and_inside_is_obeyed() -> None:
    with no_grad():
        assert grad(grad(lambda x: x**3))(2.0) == 12.0
        assert is_plain(grad(lambda x: x**3)(Value(2.0)))
        assert is_plain(jvp(lambda x: x**3, Value(2.0), Value(1.0))[1])
        assert hessian(lambda x: x**3)(2.0) == 12.0

    def f(x: Any) -> Any:
        with no_grad():
            k = x * x
        return k * x

    assert grad(f)(3.0) == 9.0


def test_a_history_outside_is_not_swept_or_released() -> None:
    x = Value(2.0)
    y = x * x
    grad(lambda t: t * y)(1.0)
    value_and_grad(lambda t: t * t)(y)
    y.backward()
    assert x.grad == 4.0


def test_threads_do_not_meet() -> None:
    found: list[Any] = []

    def work(k: float) -> None:
        f = lambda x: x * grad(lambda y: k * x + y * y)(k)  # noqa: E731
        found.extend(abs(grad(f)(3.0) - 2 * k) < 1e-12 for _ in range(200))

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800
    assert all(found)


# ------------------------------------------------------------------------------------------------ laws between them


FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: np.sin(x) * x[::-1],
    lambda x: F.relu(x) + abs(x) * 2,
    lambda x: np.where(x > 0, x**3, np.exp(x)),
    lambda x: np.maximum(x, x[::-1]) * x.sum(),
    lambda x: x.max() * x,
    lambda x: F.softmax(x) @ np.arange(12.0).reshape(4, 3),
    lambda x: np.concatenate([x[1:] * x[:-1], np.stack([x.sum(), x[0] * x[1]])]),
    lambda x: x[[0, 0, 2]] * x.mean(),
    lambda x: np.clip(x, -1, 1).reshape(2, 2) @ x.reshape(2, 2).T,
    lambda x: F.logsumexp(x) * np.tanh(x).sum(),
    lambda x: F.linear(x, np.arange(8.0).reshape(2, 4), np.ones(2)) ** 2,
    lambda x: F.quadratic_cost(np.sin(x), np.ones(4)),
    lambda x: x / (2 + np.hypot(x, x[::-1])) + np.arctan2(x, 2.0),
]
points = st.integers(0, 2**32 - 1).map(lambda seed: rng(seed).permutation(4) - 1.5 + rng(seed).uniform(-0.2, 0.2, 4))


@pytest.mark.parametrize("i", range(len(FUNCTIONS)))
def test_jvp_and_vjp_are_each_others_adjoint_and_the_jacobian(i: int, share: float) -> None:
    tried(lambda x, seed: check_products(i, x, seed), share, x=points, seed=st.integers(0, 99))


def check_products(i: int, x: Any, seed: int) -> None:
    f = FUNCTIONS[i]
    v = rng(seed).normal(size=4)
    out, jv = jvp(f, x, v)
    assert np.shape(out) == np.shape(jv)
    u = rng(seed + 1).normal(size=np.shape(out))
    out2, pull = vjp(f, x)
    (jtu,) = pull(u)
    np.testing.assert_array_equal(out, out2)
    assert jtu.shape == (4,)
    assert np.sum(u * jv) == pytest.approx(np.sum(jtu * v), rel=1e-9, abs=1e-11)
    j = jacobian(f)(x)
    assert j.shape == (*np.shape(out), 4)
    np.testing.assert_allclose(j @ v, jv, rtol=1e-9, atol=1e-11)
    step = 1e-6
    plain = lambda x: vjp(f, x)[0]  # noqa: E731
    slope = (plain(x + step * v) - plain(x - step * v)) / (2 * step)
    np.testing.assert_allclose(jv, slope, rtol=1e-5, atol=1e-6)


def tried(check: Callable[..., None], share: float, **drawn: Any) -> None:
    """On a few points, or in the long run on a hundred."""
    settings(max_examples=100 if share == 1 else 4)(given(**drawn)(check))()


@pytest.mark.parametrize("i", range(len(FUNCTIONS)))
def test_hessians_are_symmetric_and_hvp_multiplies_by_them(i: int, share: float) -> None:
    tried(lambda x, seed: check_hessian(i, x, seed), share, x=points, seed=st.integers(0, 99))


def check_hessian(i: int, x: Any, seed: int) -> None:
    c = rng(seed).normal(size=np.shape(FUNCTIONS[i](Value(x)).data))
    f = lambda x: (FUNCTIONS[i](x) * c).sum()  # noqa: E731
    v = rng(seed + 1).normal(size=4)
    h = hessian(f)(x)
    assert h.shape == (4, 4)
    np.testing.assert_allclose(h, h.T, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(hvp(f, x, v), h @ v, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(jvp(grad(f), x, v)[1], h @ v, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(grad(lambda x: (grad(f)(x) * v).sum())(x), h @ v, rtol=1e-9, atol=1e-10)
    step = 1e-6
    slope = (grad(f)(x + step * v) - grad(f)(x - step * v)) / (2 * step)
    np.testing.assert_allclose(h @ v, slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("i", range(len(FUNCTIONS)))
def test_a_checkpoint_changes_no_bit(i: int, share: float) -> None:
    tried(lambda x: check_checkpoint(i, x), share, x=points)


def check_checkpoint(i: int, x: Any) -> None:
    f = FUNCTIONS[i]
    c = rng(1).normal(size=np.shape(f(Value(x)).data))
    plain = lambda x: (f(x) * c).sum()  # noqa: E731
    marked = lambda x: (checkpoint(f)(x) * c).sum()  # noqa: E731
    for transform in (value_and_grad, grad):
        for a, b in zip(tree.leaves(transform(plain)(x)), tree.leaves(transform(marked)(x)), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(hessian(plain)(x), hessian(marked)(x), rtol=1e-12, atol=1e-12)
    third = [grad(lambda x, g=g: hvp(g, x, np.ones(4)).sum())(x) for g in (plain, marked)]
    np.testing.assert_allclose(third[0], third[1], rtol=1e-10, atol=1e-10)


def test_structures_through_all_of_them() -> None:
    def f(p: Any, k: Any) -> Any:
        return {"u": p["a"] * k, "v": (p["b"].sum(), p["a"].sum() * p["b"])}

    p, k = {"a": np.array([1.0, 2.0]), "b": np.array([[3.0]], np.float32)}, 2.0
    out, pull = vjp(f, p, k)
    assert out["u"].tolist() == [2.0, 4.0]
    ct = {"u": np.ones(2), "v": (np.float32(0.0), np.zeros((1, 1)))}
    gp, gk = pull(ct)
    assert (gp["a"].tolist(), gp["b"].dtype, gk) == ([2.0, 2.0], np.float32, 3.0)
    j = jacobian(f, (0, 1))(p, k)
    assert j["v"][1][0]["a"].shape == (1, 1, 2)
    assert j["u"][1].tolist() == [1.0, 2.0]
    assert j["v"][0][0]["b"].dtype == np.float32
    out, dout = jvp(f, (p, k), ({"a": np.zeros(2), "b": np.zeros((1, 1))}, 1.0))
    assert dout["u"].tolist() == [1.0, 2.0]
    assert (dout["v"][0], dout["v"][1].shape) == (0.0, (1, 1))
    assert isinstance(hvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0)), tuple)
    assert hvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0)) == (0.0, 1.0)
    assert vjp(lambda x, n: x[n], np.ones(3), 1)[1](2.0)[1] is None


CONSTANTS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "argmax": (np.argmax, np.argmax), "a comparison": (lambda x: x > 0.5, lambda x: x > 0.5),
    "a mean of one": (lambda x: np.mean(x > 0.5), lambda x: np.mean(x > 0.5)), "floor": (np.floor, np.floor),
    "an array": (lambda x: np.ones(2), lambda x: np.ones(2)),
    "whole numbers": (lambda x: np.arange(2), lambda x: np.arange(2)),
    ".data": (lambda x: x.data * 2, lambda x: x * 2), ".item()": (lambda x: x[0].item(), lambda x: float(x[0])),
    "a number": (lambda x: 3, lambda x: 3), "stop_gradient": (F.stop_gradient, lambda x: x),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_result_without_a_slope_is_a_constant_among_others(name: str) -> None:
    constant, plain = CONSTANTS[name]
    x, t, g = np.array([0.5, 1.2, -0.3]), np.array([1.0, 10.0, 100.0]), np.array([2.0, 3.0, 5.0])
    wanted, shape = plain(x), np.shape(plain(x))
    for f, loss, still in (
        (lambda x: (np.sin(x), constant(x)), 0, 1),
        (lambda x: {"c": constant(x), "text": "as it is", "loss": np.sin(x)}, "loss", "c"),
    ):
        out, pull = vjp(f, x)
        assert np.array_equal(out[still], wanted)
        assert not isinstance(out[still], Value)
        gradient = {"c": None, "text": None, "loss": g} if loss == "loss" else (g, np.ones(shape))
        assert np.array_equal(pull(gradient)[0], g * np.cos(x))
        out, tangent = jvp(f, x, t)
        assert np.array_equal(out[still], wanted)
        assert np.array_equal(tangent[loss], t * np.cos(x))
        assert (np.shape(tangent[still]), np.any(tangent[still])) == (shape, False)
        slopes = jacobian(f)(x)
        assert np.array_equal(slopes[loss], np.diag(np.cos(x)))
        assert (slopes[still].shape, np.any(slopes[still])) == ((*shape, 3), False)
        assert loss == 0 or (slopes["text"], tangent["text"], out["text"]) == ("as it is",) * 3
        inner = grad(lambda x, f=f, loss=loss: (vjp(f, x)[0][loss] * jvp(f, x, t)[1][loss]).sum())(x)
        assert inner == pytest.approx(t * np.cos(2 * x))


@pytest.mark.parametrize("f", [np.modf, np.frexp, lambda x: np.divmod(x, 0.4)])
def test_a_function_of_numpy_with_several_results_is_differentiated_by_those_that_have_slopes(f: Any) -> None:
    x, t, step = np.array([0.6, 1.1, -0.3]), np.array([1.0, 10.0, 100.0]), 2.0**-20
    out, tangent = jvp(f, x, t)
    for dy, above, below in zip(tangent, f(x + step * t), f(x - step * t), strict=True):
        assert dy == pytest.approx((above - below) / (2 * step))
    for y, j in zip(out, jacobian(f)(x), strict=True):
        assert j.shape == (*y.shape, 3)


def test_memory_falls_as_the_sweep_passes() -> None:
    def f(x: Any) -> Any:
        for _ in range(20):
            x = np.sin(x)
        return x.sum()

    x = np.ones(250_000)
    gc.collect()
    tracemalloc.start()
    value_and_grad(f)(x)
    released = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()

    def in_parts(x: Any) -> Any:
        for _ in range(5):
            x = checkpoint(lambda x: np.sin(np.sin(np.sin(np.sin(x)))))(x)
        return x.sum()

    value_and_grad(in_parts)(x)
    recomputed = tracemalloc.get_traced_memory()[1]
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert released < 26 * x.nbytes
    assert recomputed < 16 * x.nbytes
    assert left < x.nbytes


def test_what_is_left_of_a_history_is_released() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * x)
        return kept[-1] * x

    grad(f)(2.0)
    checkpoint(f)(Value(2.0)).backward()
    for i in (0, 2):  # the checkpoint's first computation, 1, is not swept
        with pytest.raises(RuntimeError, match="released"):
            kept[i].backward()


def test_a_write_within_the_function_is_noticed() -> None:
    w = Value(2.0)

    def f(x: Any) -> Any:
        y = x * w
        w.data = 3.0
        return y * y

    with pytest.raises(RuntimeError, match="was written"):
        grad(f)(1.0)


def test_a_write_between_two_uses_is_noticed() -> None:
    """The walk meets w first where it is used last, and that use is as it should be."""
    w = Value(2.0)

    def f(x: Any) -> Any:
        y = x * w
        w.data = 3.0
        return y * w

    for transform in (grad(f), checkpoint(f), jacobian(f), lambda x: vjp(f, x)[1](1.0), lambda x: jvp(f, x, 1.0)):
        with pytest.raises(RuntimeError, match="was written"):
            transform(1.0)


def test_nothing_waits_for_garbage_collection() -> None:
    model, x = network(), np.ones((2, 3))
    v = grad(cost)(model, x)
    for run in (
        lambda: value_and_grad(cost)(model, x),
        lambda: hessian(cost, 1)(model, x),
        lambda: vjp(cost, model, x)[1](1.0),
        lambda: jvp(cost, (model, x), (v, x)),
        lambda: hvp(cost, (model, x), (v, x)),
        lambda: checkpoint(cost)(model, Value(x)).backward(),
    ):
        with nothing_left_over():
            run()


# ------------------------------------------------------------------------------------------------------- checkpoint


def test_a_checkpoint_is_one_node_and_reaches_all_that_it_uses() -> None:
    model, w = network(), Value(2.0)

    def f(p: Any, *, scale: Any) -> Any:
        return (model(p["x"]) * scale * w).sum()

    x, scale = Value(np.ones(3)), Value(3.0)
    y = checkpoint(f)({"x": x, "n": 3}, scale=scale)
    assert set(y.args) == {x, scale, w, *model.parameters()}
    y.backward()
    got = [v.grad for v in y.args]
    for v in y.args:
        v.grad = None
    f({"x": x}, scale=scale).backward()
    for g, v in zip(got, y.args, strict=True):
        np.testing.assert_array_equal(g, v.grad)
    assert got[0].shape == y.args[0].shape


def test_a_checkpoint_may_return_several() -> None:
    def f(x: Any, y: Any) -> Any:
        return {"a": x * y, "b": [x.astype(np.float32), 3, x > 0], "same": x}

    x, y = Value(np.array([1.0, 2.0])), Value(3.0)
    out = checkpoint(f)(x, y)
    assert out["b"][0].dtype == np.float32
    assert type(out["b"][2]) is NonDiff
    assert out["b"][1] == 3
    ((out["a"] * out["b"][0]).sum() + out["same"].sum()).backward()
    assert x.grad.tolist() == [7.0, 13.0]
    assert y.grad == 5.0


def test_a_checkpoint_within_a_checkpoint_and_again() -> None:
    f = checkpoint(lambda x: np.sin(checkpoint(lambda x: x * x)(x)) * x)
    plain = lambda x: np.sin(x * x) * x  # noqa: E731
    for g in (grad, lambda f: grad(grad(f)), lambda f: grad(grad(grad(f)))):
        assert g(f)(1.3) == pytest.approx(g(plain)(1.3), rel=1e-12)
    x = Value(1.3)
    y = f(x)
    y.backward()
    y.backward(create_graph=True)
    assert x.grad.item() == pytest.approx(2 * grad(plain)(1.3), rel=1e-12)
    y = f(x)
    y.backward(release=True)
    with pytest.raises(RuntimeError, match="released"):
        y.backward()


CALLED: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda f, x: grad(f)(x), "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "vjp": lambda f, x: vjp(f, x), "jvp": lambda f, x: jvp(f, x, x), "hvp": lambda f, x: hvp(f, x, x),
    "jacobian": lambda f, x: jacobian(f)(x),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLED)
def test_an_error_names_the_transform(name: str) -> None:
    call = CALLED[name]
    with pytest.raises(TypeError, match=rf"^{name} wants a function that returns a Value; got 3"):
        call(3, 1.0)
    with pytest.raises(TypeError, match=rf"^{name}: f returned None: its last line"):
        call(lambda x: None, 1.0)
    with pytest.raises(TypeError, match=rf"^{name} differentiates by floating-point numbers; argument 0 has none: 3"):
        call(np.sin, 3)
    with pytest.raises(TypeError, match=rf"^{name}: f returned .*There is no Value in it|^{name}: f returned .*vjp or"):
        call(lambda x: [1.0], 1.0)
    if name in ("grad", "value_and_grad", "hvp"):
        with pytest.raises(ValueError, match=rf"^{name} differentiates one number; f returned shape \(2,\)"):
            call(np.sin, np.ones(2))
    if name in ("grad", "value_and_grad", "jacobian"):
        transform = {"grad": grad, "value_and_grad": value_and_grad, "jacobian": jacobian}[name]
        with pytest.raises(
            ValueError, match=rf"^{name}\(argnums=2\) wants argument 2; f was called with 1 by position"
        ):
            transform(np.sin, 2)(1.0)
        with pytest.raises(
            TypeError, match=rf"^{name}\(argnums='x'\): .*\. The arguments come after: {name}\(f\)\(x\)$"
        ):
            transform(np.sin, "x")
        with pytest.raises(TypeError, match=rf"^{name}\(argnums=\(0\.5,\)\): .* or a tuple of positions$"):
            transform(np.sin, (0.5,))
    if name in ("jvp", "hvp"):
        with pytest.raises(ValueError, match=rf"^{name}: the tangent of argument 1 has shape \(\) where .* has \(2,\)"):
            {"jvp": jvp, "hvp": hvp}[name](lambda x, y: (x * y).sum(), (1.0, np.ones(2)), (1.0, 2.0))
        with pytest.raises(TypeError, match=rf"^{name} wants a tangent for each of the 2 arguments, in a tuple; got 7"):
            {"jvp": jvp, "hvp": hvp}[name](lambda x, y: (x * y).sum(), (1.0, np.ones(2)), 7)


@pytest.mark.parametrize(("transform", "name"), [(grad, "grad"), (value_and_grad, "value_and_grad"), (vjp, "vjp")])
def test_an_error_about_what_comes_beside_names_the_transform(transform: Any, name: str) -> None:
    for out in (lambda x: x, lambda x: (x, 1, 2), lambda x: [x, 1]):
        with pytest.raises(TypeError, match=rf"^{name}\(has_aux=True\) wants f to return a pair, \(result, anything\)"):
            transform(out, 1.0, has_aux=True) if name == "vjp" else transform(out, has_aux=True)(1.0)


def of_many_kinds(x: Any) -> dict[str, Any]:
    return {"y": x * 2, "n": 3, "f": 1.5, "s": "word", "a": np.arange(2), "o": None, "m": x > 0, "h": np.float32(2)}


def test_the_slope_of_every_number_that_is_constant_is_0() -> None:
    """Of whole ones in float64; what is no number stays what it is."""
    out, tangent = jvp(of_many_kinds, 1.5, 1.0)
    assert {name: np.asarray(x).tolist() for name, x in out.items()} == {
        "y": 3.0, "n": 3, "f": 1.5, "s": "word", "a": [0, 1], "o": None, "m": True, "h": 2.0,
    }  # fmt: skip
    assert {name: np.asarray(x).tolist() for name, x in tangent.items()} == {
        "y": 2.0, "n": 0.0, "f": 0.0, "s": "word", "a": [0.0, 0.0], "o": None, "m": 0.0, "h": 0.0,
    }  # fmt: skip
    dtypes = {name: x.dtype.name for name, x in tangent.items() if hasattr(x, "dtype")}
    assert dtypes == {**dict.fromkeys("ynfam", "float64"), "h": "float32"}
    slopes = jacobian(of_many_kinds)(np.array([1.0, 2.0]))
    assert {name: np.shape(x) for name, x in slopes.items()} == {
        "y": (2, 2), "n": (2,), "f": (2,), "s": (), "a": (2, 2), "o": (), "m": (2, 2), "h": (2,),
    }  # fmt: skip
    plain, pull = vjp(of_many_kinds, 1.5)
    assert plain["m"] is np.True_
    assert pull({**dict.fromkeys("nfsaomh"), "y": 5.0}) == (10.0,)


def test_what_is_passed_may_be_written_into_later_and_not_within() -> None:
    x = np.array([1.0, 2.0])
    _, pull = vjp(lambda x: x * x, x)
    x[:] = 9.0
    assert pull(np.ones(2))[0].tolist() == [2.0, 4.0]

    def writes(x: Any) -> Any:
        x.data[0] = 5.0
        return x.sum()

    with pytest.raises(ValueError, match="read-only"):
        grad(writes)(x)
    assert x.flags.writeable
    assert x.tolist() == [9.0, 9.0]
    assert grad(lambda x: (x * x).sum())(np.array([1.0, 2.0], ">f8")).tolist() == [2.0, 4.0]
    assert grad(lambda x: x * x)(np.array(3.0)) == 6.0


def test_a_transformed_function_is_named_after_its_own() -> None:
    class Call:
        def __call__(self, x: Any) -> Any:
            return x * x

    for f, name in ((np.tanh, "tanh"), (Call(), "Call"), (of_many_kinds, "of_many_kinds"), (F.sigmoid, "sigmoid")):
        assert grad(f).__name__ == grad(f).__qualname__ == f"gradient_of_{name}"
        assert value_and_grad(f).__name__ == f"value_and_gradient_of_{name}"
        assert jacobian(f).__doc__.startswith(f"The jacobian of {name}.")


def test_the_gradient_of_one_number_may_be_left_out() -> None:
    assert vjp(np.exp, 0.0)[1](None) == (1.0,)
    assert vjp(lambda x: [x * x] * 3, 3.0)[1]([1.0, 2.0, 4.0]) == (42.0,)
    assert vjp(lambda x: (x * 2, x), np.ones(1))[1]((None, np.full(1, 5.0))) == (7.0,)


def test_a_checkpoint_of_plain_numbers_is_plain() -> None:
    assert checkpoint(lambda x: x * 2)(3.0) == 6.0
    x = Value(3.0)
    assert checkpoint(lambda x: x)(x) is x
    with no_grad():
        assert checkpoint(lambda x: x * x)(x).op is None


@pytest.mark.parametrize(("dtype", "near"), [(np.float64, 2.2e-13), (np.float32, 1.19e-4), (np.float16, 0.01)])
def test_what_a_checkpoint_takes_for_the_same(dtype: Any, near: float) -> None:
    """To a thousand roundings of itself, or of the largest number that is finite, though to a hundredth at most."""
    for first in ([1.0, 0.5], [np.nan, np.inf, -np.inf, 2.0], [8.0, np.nan, 0.0], [0.0], []):
        x = np.array(first, dtype)
        size = max([abs(n) for n in first if abs(n) < np.inf], default=0.0)
        assert _alike(x, x.copy())
        for share, same in ((0.9, True), (1.5 + 1.0, False)):
            moved = x.copy()
            moved[-1:] += dtype(share * near * (size or 1.0))
            assert _alike(x, moved) is (same if size else not moved[-1:].any()), (first, share)
    assert not _alike(np.array([np.nan, 1.0], dtype), np.array([1.0, 1.0], dtype))
    assert not _alike(np.array([np.inf], dtype), np.array([-np.inf], dtype))


def test_a_checkpoint_notices_that_it_computed_something_else() -> None:
    draw = rng()
    y = checkpoint(lambda x: x * draw.normal(size=3))(Value(np.ones(3)))
    with pytest.raises(RuntimeError, match="other numbers the second time"):
        y.sum().backward()
    holder = {"w": Value(2.0)}
    y = checkpoint(lambda x: x * holder["w"])(Value(1.0))
    holder["w"] = Value(2.0)
    with pytest.raises(RuntimeError, match=r"used .* the second time and not the first"):
        y.backward()
    w = Value(2.0)
    y = checkpoint(lambda x: x * w)(Value(1.0))
    w.data = 3.0
    with pytest.raises(RuntimeError, match="written"):
        y.backward()


# ------------------------------------------------------------------------------------------------------------ errors


ERRORS: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("an integer", lambda: grad(np.sin)(3), TypeError, r"argument 0 has none: 3\. Write 3\.0"),
    ("an integer array", lambda: grad(np.sum)(np.arange(3)), TypeError, r"\.astype\(float\)"),
    ("a complex number", lambda: grad(np.sin)(1j), TypeError, r"\.real and \.imag"),
    ("nothing that varies", lambda: grad(lambda p: 0.0)({"a": "x", "b": 1}), TypeError, "has none"),
    ("no arguments", lambda: vjp(lambda: 3.0), TypeError, "there are none"),
    ("a value for a function", lambda: grad(Value(2.0)), TypeError, r"grad\(f\)\(x\)"),
    ("no function", lambda: checkpoint(3), TypeError, "wants a function"),
    ("argnums past the end", lambda: grad(np.sin, 1)(1.0), ValueError, "called with 1 by position"),
    ("argnums before the start", lambda: grad(np.sin, -2)(1.0), ValueError, "wants argument -2"),
    ("by keyword", lambda: grad(lambda x: x)(x=1.0), ValueError, "by name are constants"),
    ("argnums twice", lambda: grad(np.add, (0, -2))(1.0, 2.0), ValueError, "twice"),
    ("no argnums", lambda: grad(np.sin, ()), TypeError, "position of an argument"),
    ("argnums of another kind", lambda: grad(np.sin, "x"), TypeError, "position of an argument"),  # type: ignore[arg-type]
    ("argnums a bool", lambda: grad(np.sin, True), TypeError, "position of an argument"),
    ("an array", lambda: grad(np.sin)(np.ones((2, 3))), ValueError, r"shape \(2, 3\).*vjp.*jacobian"),
    ("an array, hvp", lambda: hvp(np.sin, np.ones(2), np.ones(2)), ValueError, r"shape \(2,\).*\.sum\(\)"),
    ("a tuple", lambda: grad(lambda x: (x, x))(1.0), TypeError, "has_aux=True"),
    ("nothing", lambda: grad(lambda x: None)(1.0), TypeError, "returned None"),
    ("plain numbers", lambda: grad(lambda x: x.item())(1.0), TypeError, r"no Value.*Leave \.data"),
    ("plain numbers, jacobian", lambda: jacobian(lambda x: x.data)(np.ones(2)), TypeError, "no Value"),
    ("plain numbers alone", lambda: vjp(lambda x: (x.item(), x.data), 1.0), TypeError, "no Value"),
    ("constants alone", lambda: jvp(lambda x: (3, x > 0), 1.0, 1.0), TypeError, "the result of greater"),
    ("what nothing flows from", lambda: grad(np.floor)(1.5), TypeError, "result of floor"),
    ("no pair", lambda: grad(np.sin, has_aux=True)(1.0), TypeError, "a pair"),
    ("a gradient of another shape", lambda: vjp(np.sin, np.ones(3))[1](np.ones(2)), ValueError, "start from"),
    ("no gradient", lambda: vjp(np.sin, np.ones(3))[1](None), ValueError, r"^vjp: the Value of shape \(3,\) .* None"),
    ("a replay", lambda: checkpoint(np.sin)(Value(1.0)).op(2.0), TypeError, "cannot be replayed with others"),  # type: ignore[misc,union-attr]
    ("a gradient of another structure", lambda: vjp(lambda x: (x, x), 1.0)[1]((1.0,)), ValueError, "1 places"),
    ("a tangent of another shape", lambda: jvp(np.sin, np.ones(3), 1.0), ValueError, r"tangent.*\(\).*\(3,\)"),
    ("too few tangents", lambda: jvp(np.add, (1.0, 2.0), (1.0,)), TypeError, "a tuple of 1"),
    ("no tangent", lambda: jvp(np.sin, 1.0, None), ValueError, "tangent"),
    ("a tangent of words", lambda: jvp(np.sin, 1.0, "x"), TypeError, "real numbers"),
    ("a tangent of another structure", lambda: hvp(lambda p: p["a"], {"a": 1.0}, {}), ValueError, "0 places"),
    ("a list without end", lambda: grad(np.sum)(LOOP), ValueError, "holds itself"),
]  # fmt: skip
LOOP: list[Any] = [1.0]
LOOP.append(LOOP)


@pytest.mark.parametrize(("door", "error", "says"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_an_error_says_what_to_do(door: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        door()


def test_a_transform_tells_whose_it_is() -> None:
    def energy(x: Any, *, k: float = 1.0) -> Any:
        """Half k x²."""
        return k * x * x / 2

    assert grad(energy).__name__ == "gradient_of_energy"
    assert "Half k x²" in (value_and_grad(energy).__doc__ or "")
    assert grad(nn.Linear(1, 1)).__name__ == "gradient_of_Linear"
    assert grad(primitive(lambda g, out, x: g)(energy)).__name__ == "gradient_of_energy"
    assert [f(energy).__qualname__ for f in (value_and_grad, jacobian, hessian, checkpoint)] == [
        "value_and_gradient_of_energy", "jacobian_of_energy", "hessian_of_energy", "checkpoint_of_energy",
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- JAX


@pytest.mark.parametrize("i", [0, 1, 2, 5, 9, 10, 12])
def test_the_same_as_jax(i: int) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def linear(x: Any, w: Any, b: Any) -> Any:
        return x @ w.T + b

    theirs: dict[int, Callable[[Any], Any]] = {
        0: lambda x: jnp.sin(x) * x[::-1],
        1: lambda x: jax.nn.relu(x) + abs(x) * 2,
        2: lambda x: jnp.where(x > 0, x**3, jnp.exp(x)),
        5: lambda x: jax.nn.softmax(x) @ jnp.arange(12.0).reshape(4, 3),
        9: lambda x: jax.nn.logsumexp(x) * jnp.tanh(x).sum(),
        10: lambda x: linear(x, jnp.arange(8.0).reshape(2, 4), jnp.ones(2)) ** 2,
        12: lambda x: x / (2 + jnp.hypot(x, x[::-1])) + jnp.arctan2(x, 2.0),
    }
    ours, other = FUNCTIONS[i], theirs[i]
    x, v = np.array([0.3, -1.2, 1.7, 0.9]), rng().normal(size=4)
    near = {"rtol": 1e-11, "atol": 1e-12}
    for a, b in zip(jvp(ours, (x,), (v,)), jax.jvp(other, (x,), (v,)), strict=True):
        np.testing.assert_allclose(a, b, **near)
    out, pull = vjp(ours, x)
    u = rng(1).normal(size=np.shape(out))
    np.testing.assert_allclose(pull(u)[0], jax.vjp(other, x)[1](jnp.asarray(u))[0], **near)
    np.testing.assert_allclose(jacobian(ours)(x), jax.jacobian(other)(x), **near)
    np.testing.assert_allclose(
        hessian(lambda x: (ours(x) ** 2).sum())(x), jax.hessian(lambda x: (other(x) ** 2).sum())(x), **near
    )


def test_structures_are_those_of_jax() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)

    def f(p: Any, k: Any) -> Any:
        return {"u": p["a"] * k, "v": (p["b"].sum(), [p["a"].sum() * p["b"]])}

    def number(p: Any, k: Any) -> Any:
        return (p["a"] ** 2).sum() * p["b"].sum() * k

    args = {"a": np.array([1.0, 2.0]), "b": np.array([[3.0]])}, 2.0
    for mine, other in [
        (jacobian(f, (0, 1))(*args), jax.jacrev(f, (0, 1))(*args)),
        (jacobian(f)(*args), jax.jacrev(f)(*args)),
        (hessian(number, (0, 1))(*args), jax.hessian(number, (0, 1))(*args)),
        (value_and_grad(number)(*args), jax.value_and_grad(number)(*args)),
        (vjp(f, *args)[0], jax.vjp(f, *args)[0]),
    ]:
        ours, shape = jax.tree.flatten(mine)
        expected, wanted = jax.tree.flatten(other)
        assert shape == wanted
        for a, b in zip(ours, expected, strict=True):
            assert np.shape(a) == np.shape(b)
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_parameter_used_beside_the_copy_that_f_was_handed_is_noticed() -> None:
    """Its gradient would be lost: f computed with the Module itself."""
    model = nn.Linear(2, 1, seed=0)
    with pytest.raises(ValueError, match="of the Module itself and never that of the copy"):
        grad(lambda m: model(np.ones((1, 2))).sum())(model)


def test_tangents_in_a_dict_are_matched_by_name() -> None:
    f = lambda p: p["a"] * 2 + p["b"] * 3  # noqa: E731
    _, tangent = jvp(f, {"a": 1.0, "b": 1.0}, {"b": 10.0, "a": 1.0})
    assert tangent == 32.0


def test_a_pullback_after_a_write_says_so() -> None:
    w = Value(2.0)
    _, pull = vjp(lambda x: x * w, 3.0)
    w.data = 5.0
    with pytest.raises(RuntimeError, match="written"):
        pull(1.0)
