"""A user's function becomes a row, as good as the built-in ones; a hook sees the gradient of one Value."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, grad, hook, nn, no_grad, optim, primitive
from microgradnet.core import Variadic, recording
from microgradnet.gradcheck import numerical_grad


@primitive(lambda g, out, x: g * (1 + x) * np.exp(x), symbol="x·eˣ")
def xexp(x: Any) -> Any:
    """x times e to the x."""
    return x * np.exp(x)


@primitive(
    lambda g, out, x, y, *, p=2.0: g * p * (x - y) ** (p - 1),
    lambda g, out, x, y, *, p=2.0: -g * p * (x - y) ** (p - 1),
)
def distance(x: Any, y: Any, *, p: float = 2.0) -> Any:
    return (x - y) ** p


@primitive(lambda g, out, x, mask: g * mask, None)
def masked(x: Any, mask: Any) -> Any:
    return x * mask


def test_it_is_a_row_with_a_name_a_symbol_and_its_docstring() -> None:
    assert (xexp.name, xexp.symbol, xexp.__doc__) == ("xexp", "x·eˣ", "x times e to the x.")
    assert isinstance(xexp(np.ones(2)), np.ndarray)
    assert xexp(Value(1.0)).op is xexp


def test_its_gradient_is_its_rule_to_any_order() -> None:
    x = Value([0.5, -1.0])
    y = xexp(x)
    y.backward(np.array([1.0, 2.0]), create_graph=True)
    g, x.grad = x.grad, None
    assert np.allclose(g.data, [1.0, 2.0] * (1 + x.data) * np.exp(x.data))
    g.sum().backward()
    assert np.allclose(x.grad, [1.0, 2.0] * (2 + x.data) * np.exp(x.data))


def test_broadcasting_and_parameters_need_no_care() -> None:
    x, y = Value(np.ones((3, 2))), Value([[0.5, 3.0]])
    c = np.random.default_rng(0).normal(size=(3, 2))
    distance(x, y, p=4.0).backward(c)
    assert (x.grad.shape, y.grad.shape) == ((3, 2), (1, 2))
    np.testing.assert_allclose(y.grad, numerical_grad(lambda b: np.sum(c * (x.data - b) ** 4), y.data), rtol=1e-6)


def test_an_input_without_a_rule_is_a_constant() -> None:
    x = Value([1.0, 2.0])
    masked(x, [True, False]).backward([1.0, 1.0])
    assert x.grad.tolist() == [1.0, 0.0]


def test_a_wrong_rule_is_caught_with_the_name_of_the_row() -> None:
    @primitive(lambda g, out, x: g.sum(axis=0))
    def bad(x: Any) -> Any:
        return x * 2

    with pytest.raises(ValueError, match=r"a rule of bad returned shape \(2,\) for an input of shape \(3, 2\)"):
        bad(Value(np.ones((3, 2)))).backward(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: primitive(), "wants a rule for each array argument"),
        (lambda: primitive(3), "wants a rule for each array argument"),
        (lambda: primitive(lambda g, out, x: g)(lambda x: "text")(Value(1.0)), "returns an array of numbers"),
        (lambda: primitive(lambda g, out, x: g)(lambda x: x * 1j)(Value(1.0)), "returns an array of numbers"),
        (lambda: distance(Value(1.0), Value(2.0), p=Value(3.0)), "takes p as a parameter"),
        (
            lambda: primitive(lambda g, out, *xs: g, None)(lambda *xs: xs[0])(Value(1.0), 1.0, Value(2.0)),
            "would be lost",
        ),
    ],
)
def test_what_cannot_be_is_said(call: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        call()


def test_a_model_that_holds_one_can_be_copied_and_pickled() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.w, self.activation = Value(2.0), xexp

        def forward(self, x: Any) -> Any:
            return self.activation(self.w * x)

    model = Net()
    assert copy.deepcopy(model).activation is xexp
    assert pickle.loads(pickle.dumps(xexp)) is xexp
    local = primitive(lambda g, out, x: g)(lambda x: x * 1)
    assert copy.deepcopy(local) is local


def test_python_numbers_and_lists_become_arrays() -> None:
    @primitive(lambda g, out, x: g * 2)
    def doubled(x: Any) -> Any:
        return [float(a) * 2 for a in x]

    x = Value([1.0, 2.0])
    doubled(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


# ---------------------------------------------------------------------------------------------------------------- hooks


def test_a_hook_sees_the_gradient_and_may_change_it() -> None:
    seen: list[Any] = []
    x = Value([1.0, 2.0])
    y = hook(x * 3, seen.append)
    (y * y).sum().backward()
    assert seen[0].tolist() == [6.0, 12.0]
    assert x.grad.tolist() == [18.0, 36.0]
    x.grad = None
    hook(x, lambda g: np.clip(g, -1.0, 1.0)).sum().backward()
    hook(x, lambda g: g * 10).sum().backward()
    assert x.grad.tolist() == [11.0, 11.0]


def test_a_hook_works_under_create_graph() -> None:
    x = Value(3.0)
    y = hook(x, lambda g: g * x) * x
    y.backward(create_graph=True)
    assert x.grad.data == 3.0 + 9.0


def test_a_hook_that_changes_the_shape_is_caught() -> None:
    with pytest.raises(ValueError, match=r"a gradient of shape \(2,\) came, and the function returned \(\)"):
        hook(Value([1.0, 2.0]), np.sum).sum().backward()
    with pytest.raises(TypeError, match="wants a function"):
        hook(Value(1.0), 3)


def test_what_would_lose_a_gradient_inside_a_row_is_refused() -> None:
    w = Value(2.0)

    @primitive(lambda g, out, x: g)
    def closes_over(x: Any) -> Any:
        return x * w

    with pytest.raises(TypeError, match="none of its arguments"):
        closes_over(Value(1.0))

    @primitive(lambda g, out, x, *, p: g)
    def with_parameter(x: Any, *, p: Any) -> Any:
        return x * p

    with pytest.raises(TypeError, match="takes p as a parameter"):
        with_parameter(Value(1.0), p=w)


def test_a_rule_that_returns_nothing_is_named() -> None:
    forgetful = primitive(lambda g, out, x: None)(lambda x: x * 2)
    with pytest.raises((TypeError, AttributeError), match="returned None"):
        forgetful(Value([1.0])).sum().backward()


def test_a_rule_may_return_a_list_or_a_number() -> None:
    for gradient, data in (([3.0, 4.0], [1.0, 2.0]), (5, 1.0), ([[6.0, 7.0], [8.0, 9.0]], [1.0, 2.0])):
        row = primitive(lambda g, out, x, gradient=gradient: gradient)(lambda x: x * 2)
        x = Value(np.float32(data))
        row(x).sum().backward()
        wanted = np.float32(gradient)
        np.testing.assert_array_equal(x.grad, wanted.sum(axis=0) if wanted.ndim > 1 else wanted, strict=True)


def test_rules_of_many_arrays_return_as_many_gradients() -> None:
    few, all_of_them = (
        primitive(lambda g, out, *x, n=n: [g * i for i in range(n)], kind=Variadic)(lambda *x: sum(x)) for n in (1, 2)
    )
    x, y = Value([1.0]), Value([2.0])
    all_of_them(x, y).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([0.0], [1.0])
    with pytest.raises(ValueError, match="zip"):
        few(x, y).sum().backward()


def test_what_a_parameter_was_is_kept_while_a_mode_is_on() -> None:
    v, counts = Value([1.0, 2.0]), [1, 2]
    with recording():
        y = np.repeat(v, counts)
    with no_grad(), recording():
        z = np.repeat(v, counts)
        counts[:] = [7, 7]
        (y.sum() + z.sum()).backward()
    assert v.grad.tolist() == [2.0, 4.0]


def test_a_row_that_returns_its_input_returns_a_copy() -> None:
    same = primitive(lambda g, out, x: g)(lambda x: x)
    x = Value([1.0, 2.0])
    assert not np.shares_memory(same(x).data, x.data)


def test_a_rule_cannot_write_into_a_gradient_that_others_hold() -> None:
    def rule(g: Any, out: Any, x: Any) -> Any:
        g *= 2
        return g

    doubled, w = primitive(rule)(lambda x: x * 2), Value([1.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        (doubled(Value([1.0, 1.0])) + w).sum().backward()


def test_a_hook_cannot_write_into_a_gradient_that_others_hold() -> None:
    def doubles(g: Any) -> None:
        g *= 2

    with pytest.raises(ValueError, match="read-only"):
        hook(Value([1.0, 2.0]), doubles).sum().backward()


def test_rules_that_do_not_fit_the_function_are_told_where_it_is_made() -> None:
    with pytest.raises(TypeError, match=r"product has the array arguments x, y and 1 of the rules: give one for each"):

        @primitive(lambda g, out, x, y: g * y)
        def product(x, y):
            return x * y

    with pytest.raises(TypeError, match=r"a rule of square takes \(g, x\): it is called with \(g, out, x\)"):

        @primitive(lambda g, x: 2 * g * x)
        def square(x):
            return x * x

    @primitive(lambda g, out, *inputs, p: g * p, None)
    def scaled(x, y=1.0, *, p):
        return x * p

    x = Value(2.0)
    scaled(x, p=3.0).backward()
    assert x.grad == 3.0


RULE: Any = lambda g, out, x: g  # noqa: E731


class Method:
    def double(self, x: Any) -> Any:
        return x * 2


@pytest.mark.parametrize(("function", "rules", "says"), [
    (lambda x: x * 2, (RULE, RULE), r"takes 1 array argument; got 2 of the rules"),
    (lambda x, *, p: x * p, (RULE, None), r"takes 1 array argument; got 2 of the rules"),
    (lambda x, y=1.0: x * y, (RULE, RULE, RULE), r"takes 2 array arguments; got 3 of the rules"),
    (lambda *, p: p, (RULE,), r"takes 0 array arguments; got 1 of the rules"),
    (Method().double, (RULE, RULE), r"takes 1 array argument; got 2 of the rules"),
    (np.sin, (RULE, RULE), r"sin takes 1 array argument; got 2 of the rules"),
    (lambda x: x * 2, (lambda g, out, x, y: g,), r"takes \(g, out, x, y\): it is called with \(g, out, x\)"),
])  # fmt: skip
def test_a_rule_too_many_is_refused(function: Any, rules: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        primitive(*rules)(function)


@pytest.mark.parametrize(("function", "rules"), [
    (lambda x, y=1.0: x * 2, (RULE, None)), (lambda *xs: xs[0] * 2, (RULE, None, None)), (Method().double, (RULE,)),
    (lambda x, *, p=1: x * 2, (lambda g, out, x, p=1: g,)), (lambda x, y=1.0: x * 2, (lambda g, out, x, z=1.0: g,)),
    (np.negative, (RULE,)), (lambda x: x * 2, (np.add,)),
])  # fmt: skip
def test_rules_that_fit_are_not(function: Any, rules: Any) -> None:
    assert primitive(*rules)(function)(Value(1.0)).op.rules


def test_an_array_that_a_hook_or_a_rule_returns_stays_the_users() -> None:
    kept = np.array([3.0, 4.0, 0.0])

    @primitive(lambda g, out, x: kept)
    def total(x: Any) -> Any:
        return x.sum()

    @primitive(lambda g, out, x, y: y, lambda g, out, x, y: x)
    def product(x: Any, y: Any) -> Any:
        return (x * y).sum()

    y = Value([1.0, 1.0, 1.0]) * 2.0  # computed: its array is its own
    for made in (lambda x: hook(x, lambda g: kept).sum(), total, lambda x: product(x, y)):
        x = Value([1.0, 2.0, 3.0])
        for _ in range(2):  # by themselves, and added to
            x.grad = None
            (made(x) + x[0] + x[1]).backward()
            made(x).backward()
            optim.clip_grad_norm_([x], 0.5)
            x.grad *= 0.0
        assert kept.tolist() == [3.0, 4.0, 0.0]
        assert y.data.tolist() == [2.0, 2.0, 2.0]
        result = grad(made)(np.ones(3))
        result *= 0.0
        assert kept.tolist() == [3.0, 4.0, 0.0]
        assert y.data.tolist() == [2.0, 2.0, 2.0]


def test_a_hook_may_use_one_array_again_and_again() -> None:
    buffer = np.zeros(2)

    def doubled(g: Any) -> Any:
        return np.multiply(g, 2.0, out=buffer)

    x, y = Value([1.0, 2.0]), Value([1.0, 2.0])
    (hook(x, doubled) + hook(y, doubled) * 5.0).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([2.0, 2.0], [10.0, 10.0])
