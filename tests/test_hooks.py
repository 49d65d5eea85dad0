"""Module: its children, names and apply; hooks before and after a call."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import nn, tree
from microgradnet.nn.module import WrongInput

X = np.ones((2, 3), np.float32)


class Shared(nn.Module):
    """A layer under two names, one in a list in a dict, a function, and a tree of Modules."""

    def __init__(self) -> None:
        self.first = nn.Linear(3, 3, seed=0)
        self.rest = {"a": [nn.ReLU(), self.first], "b": nn.Sequential(nn.Linear(3, 2, seed=1), nn.Tanh())}
        self.last = np.tanh

    def forward(self, x: Any) -> Any:
        return self.last(self.rest["b"](self.first(x)))  # type: ignore[operator]


def test_children_are_the_modules_right_in_it() -> None:
    model = Shared()
    assert [path for path, _ in model.named_children()] == ["first", "rest.a.0", "rest.b"]
    assert list(model.children()) == [model.first, model.rest["a"][0], model.rest["b"]]  # type: ignore[index]
    assert list(nn.ReLU().children()) == []
    assert [type(part) for part in nn.MLP(2, [3, 1]).children()] == [nn.Linear, nn.Linear]


def test_named_modules_are_all_of_them_with_their_paths() -> None:
    model = Shared()
    named = dict(model.named_modules())
    assert list(named) == ["", "first", "rest.a.0", "rest.b", "rest.b.layers.0", "rest.b.layers.1"]
    assert list(named.values()) == list(model.modules())
    assert named[""] is model


def test_children_and_modules_are_those_of_pytorch() -> None:
    torch: Any = pytest.importorskip("torch")

    def made(nn: Any) -> Any:
        return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)), nn.Tanh())

    ours, theirs = made(nn), made(torch.nn)
    for calls in ("children", "modules"):
        kinds = [[type(part).__name__ for part in getattr(model, calls)()] for model in (ours, theirs)]
        assert kinds[0] == kinds[1]
    order: list[list[str]] = [[], []]
    ours.apply(lambda part: order[0].append(type(part).__name__))
    theirs.apply(lambda part: order[1].append(type(part).__name__))
    assert order[0] == order[1]


def test_apply_is_called_once_with_each_and_returns_the_module() -> None:
    model, seen = Shared(), []
    assert model.apply(seen.append) is model
    assert len(seen) == len(set(seen)) == 6
    assert seen[-1] is model
    assert seen.index(model.rest["b"]) > seen.index(model.rest["b"][0])  # type: ignore[index, call-overload]

    def start(part: nn.Module) -> None:
        if isinstance(part, nn.Linear):
            part.weight.data = nn.init.zeros(part.weight.shape)

    assert not model.apply(start).first.weight.data.any()


def test_apply_comes_to_what_several_hold_before_any_of_them() -> None:
    inner = nn.Linear(1, 1, seed=0)
    around, loop = nn.Sequential(inner), nn.Sequential()
    loop.layers.append(loop)  # holds itself
    model = nn.Sequential(around, inner, loop, nn.Tanh())
    seen: list[nn.Module] = []
    model.apply(seen.append)
    assert [*map(id, seen)] == [*map(id, (inner, around, loop, model.layers[-1], model))]


def test_a_name_of_the_users_own_hides_the_method() -> None:
    model = Shared()
    model.children = [nn.ReLU()]  # type: ignore[assignment, method-assign]
    model.apply = 3  # type: ignore[assignment, method-assign]
    assert len(list(nn.Sequential(model).modules())) == 8
    assert len(list(nn.Sequential(model).named_children())) == 1
    nn.Sequential(model).apply(lambda part: None)


# -------------------------------------------------------------------------------------------------------------- hooks


def test_a_hook_sees_the_call_and_may_replace_what_comes_out() -> None:
    layer = nn.Linear(3, 2, seed=0)
    plain, seen = layer(X).data, []
    handle = layer.register_forward_hook(lambda module, inputs, out: seen.append((module, inputs, out)))
    out = layer(X)
    assert seen[0][0] is layer
    assert seen[0][1][0] is X
    assert len(seen[0][1]) == 1
    assert seen[0][2] is out
    twice = layer.register_forward_hook(lambda module, inputs, out: out * 2)
    np.testing.assert_array_equal(layer(X).data, plain * 2)
    handle.remove()
    layer(X)
    assert len(seen) == 2
    twice.remove()
    twice.remove()
    np.testing.assert_array_equal(layer(X).data, plain)
    assert "_hooks" not in vars(layer)


def test_a_hook_before_the_call_may_replace_what_goes_in() -> None:
    layer = nn.Linear(3, 2, seed=0)
    plain = layer(X * 3).data
    with layer.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 3,)):
        np.testing.assert_array_equal(layer(X).data, plain)
    with layer.register_forward_pre_hook(lambda module, inputs: inputs[0] * 3):
        np.testing.assert_array_equal(layer(X).data, plain)
    with layer.register_forward_pre_hook(lambda module, inputs: None):
        np.testing.assert_array_equal(layer(X * 3).data, plain)


def test_hooks_are_called_as_by_pytorch() -> None:
    torch: Any = pytest.importorskip("torch")

    def run(module: Any, x: Any) -> tuple[list[str], Any]:
        model, order = module.Sequential(module.ReLU(), module.Tanh()), []
        model.register_forward_hook(lambda m, i, out: order.append(f"outer {len(i)}"))
        model[0].register_forward_hook(lambda m, i, out: order.append("relu") or out + 1)  # type: ignore[func-returns-value]
        model[0].register_forward_hook(lambda m, i, out: order.append("relu again") or out * 2)  # type: ignore[func-returns-value]
        model[1].register_forward_pre_hook(lambda m, i: order.append("before tanh") or (i[0] / 4,))  # type: ignore[func-returns-value]
        return order, model(x)

    ours, out = run(nn, X)
    theirs, wanted = run(torch.nn, torch.tensor(X))
    assert ours == theirs
    np.testing.assert_allclose(out, wanted.numpy(), rtol=1e-6)


def test_gradients_flow_through_what_a_hook_returns() -> None:
    layer = nn.Linear(3, 2, seed=0)
    layer.register_forward_hook(lambda module, inputs, out: out * 5)
    layer(X).sum().backward()
    np.testing.assert_array_equal(layer.bias.grad, [10.0, 10.0])  # type: ignore[union-attr]


def test_several_inputs_and_named_ones() -> None:
    attention, seen = nn.MultiheadAttention(4, 2, seed=0), []
    x = np.ones((3, 2, 4), np.float32)
    attention.register_forward_hook(lambda module, inputs, out: seen.append((len(inputs), len(out))))
    attention(x, x, x, is_causal=True)
    assert seen == [(3, 2)]


def test_an_error_is_told_as_without_a_hook() -> None:
    model = nn.Sequential(nn.Linear(3, 2, seed=0))
    model[0].register_forward_hook(lambda module, inputs, out: None)
    with pytest.raises(WrongInput, match=r"model\.layers\[0\]"):
        model(np.ones((2, 4), np.float32))


def test_a_copy_has_the_hooks_too_and_a_file_has_none() -> None:
    model = nn.Sequential(nn.Linear(3, 2, seed=0))
    model[0].register_forward_hook(doubled)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(X).data, model(X).data)
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert repr(model[0]) == "Linear(3 → 2)"
    assert tree.leaves(model) == model.parameters()


def doubled(module: nn.Module, inputs: Any, out: Any) -> Any:
    return out * 2


def test_a_compiled_step_refuses_a_hook_and_notices_one_that_comes_later() -> None:
    layer = nn.Linear(3, 2, seed=0)
    step = mg.compile(lambda x: layer(x).sum())
    for _ in range(4):
        value = step(X)
    handle = layer.register_forward_hook(doubled)
    with pytest.raises(TypeError, match="Linear has a forward hook, which a program would not call"):
        step(X)
    handle.remove()
    assert step(X).data == value.data


def test_what_is_no_hook_says_so() -> None:
    with pytest.raises(TypeError, match=r"register_forward_hook\(hook=3\): it is a function"):
        nn.ReLU().register_forward_hook(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"register_forward_pre_hook\(hook=None\)"):
        nn.ReLU().register_forward_pre_hook(None)  # type: ignore[arg-type]
