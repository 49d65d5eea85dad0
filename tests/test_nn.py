"""Modules: parameters found, shapes checked, starts random but repeatable."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn
from microgradnet.gradcheck import numerical_grad
from microgradnet.nn import MLP, Linear, Module, Sequential
from microgradnet.nn.module import scopes_of


def article(seed: int = 0, **options: Any) -> MLP:
    return MLP(784, [16, 16, 10], activation=F.sigmoid, final_activation=F.sigmoid, seed=seed, **options)


def test_the_articles_network_has_13_002_parameters() -> None:
    model = article()
    assert model.parameter_count() == 13_002
    assert [v.shape for v in model.parameters()] == [(16, 784), (16,), (16, 16), (16,), (10, 16), (10,)]
    out = model(np.zeros((3, 784), np.float32))
    assert out.shape == (3, 10)
    assert out.dtype == np.float32
    assert ((out.data > 0) & (out.data < 1)).all()


def test_a_network_is_the_function_its_formula_says() -> None:
    model = MLP(3, [4, 2], activation=np.tanh, dtype=np.float64, seed=1)
    a, b = model.layers
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert a.bias is not None
    assert b.bias is not None
    expected = np.tanh(x @ a.weight.data.T + a.bias.data) @ b.weight.data.T + b.bias.data
    np.testing.assert_allclose(model(x).data, expected, rtol=1e-14)
    np.testing.assert_allclose(model(x[0]).data, expected[0], rtol=1e-13)
    np.testing.assert_allclose(model(x.reshape(5, 1, 3)).data, expected[:, None], rtol=1e-13)
    assert model(x.tolist()).shape == (5, 2)


def test_every_parameter_of_a_network_has_the_gradient_of_the_cost() -> None:
    model = MLP(3, [4, 2], activation=F.sigmoid, final_activation=F.sigmoid, dtype=np.float64, seed=1)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.random((5, 2))
    F.quadratic_cost(model(x), y).backward()
    for p in model.parameters():
        analytic, start = p.grad, p.data.copy()

        def cost(moved: np.ndarray, p: Value = p) -> float:
            p.data = moved
            return float(F.quadratic_cost(model(x), y).data)

        expected = numerical_grad(cost, start)
        p.data = start
        assert analytic.shape == start.shape
        np.testing.assert_allclose(analytic, expected, rtol=1e-6, atol=1e-9)


def test_linear_with_and_without_bias_has_the_same_gradients() -> None:
    x = Value(np.random.default_rng(0).normal(size=(4, 3)))
    plain, biased = Linear(3, 2, bias=False, dtype=np.float64, seed=0), Linear(3, 2, dtype=np.float64, seed=0)
    biased.bias = Value(np.zeros(2))
    np.testing.assert_array_equal(plain.weight.data, biased.weight.data)
    grads = []
    for layer in (plain, biased):
        x.grad = None
        (layer(x) ** 2).sum().backward()
        grads.append((x.grad, layer.weight.grad))
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_wrong_inputs_name_the_layer() -> None:
    with pytest.raises(ValueError, match=r"Linear\(784 → 16\) got an input of shape \(2, 700\).*784"):
        article()(np.zeros((2, 700), np.float32))
    with pytest.raises(ValueError, match=r"Linear\(3 → 2\) got an input of shape \(\)"):
        Linear(3, 2, seed=0)(1.0)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Linear(0, 2), ValueError, "in_features=0"),
        (lambda: Linear(2, 2.5), ValueError, "out_features=2.5"),  # type: ignore[arg-type]
        (lambda: MLP(2, []), ValueError, "sizes"),
        (lambda: MLP(2, 3), ValueError, "in a list"),  # type: ignore[arg-type]
        (lambda: MLP(2, [3], nn.ReLU), TypeError, "functional.sigmoid"),  # type: ignore[arg-type]
        (lambda: Sequential(nn.ReLU), TypeError, "Sequential wants"),  # type: ignore[arg-type]
        (lambda: Linear(2, 2, init="xavier"), TypeError, "xavier_normal"),  # type: ignore[arg-type]
        (
            lambda: F.linear(np.ones((2, 3)), Value(np.ones((5, 3))), Value(np.ones((1, 5)))),
            ValueError,
            r"bias \(out,\)",
        ),
        (lambda: MLP(2, [3], activation="sigmoid"), TypeError, "functional.sigmoid"),  # type: ignore[arg-type]
        (lambda: Sequential(Linear(2, 2), 3), TypeError, "got 3"),  # type: ignore[arg-type]
        (lambda: Linear(2, 2, seed="now"), TypeError, "a seed is"),  # type: ignore[arg-type]
        (lambda: Module()(1.0), NotImplementedError, "define forward"),
        (lambda: nn.init.fans((3,)), ValueError, "two axes"),
    ],
)
def test_what_makes_no_layer_says_so(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()


# -------------------------------------------------------------------------------------------------- custom modules


@dataclass
class Pair:
    first: Linear
    scale: Value


class Custom(Module):
    def __init__(self) -> None:
        self.layers = [Linear(4, 4, dtype=np.float64, seed=i) for i in range(3)]
        self.tied = self.layers[0].weight  # again under another name
        self.table = {"a": Linear(4, 2, dtype=np.float64, seed=5), "b": Value(1.0)}
        self.pair = Pair(self.layers[1], Value([2.0]))
        self.buffer = np.ones(3)
        self.remembered: Value | None = None
        self.parent = self  # a loop

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = F.relu(layer(x) @ self.tied)
        self.remembered = x
        return self.table["a"](x) * self.pair.scale + self.table["b"]


def test_a_custom_module_counts_each_parameter_once() -> None:
    model = Custom()
    names = [name for name, _ in model.named_parameters()]
    assert names == [
        *[f"layers.{i}.{p}" for i in range(3) for p in ("weight", "bias")],
        "table.a.weight", "table.a.bias", "table.b", "pair.scale",
    ]  # fmt: skip
    assert model.parameter_count() == 3 * 20 + 10 + 1 + 1


def test_a_parameter_is_named_by_its_path_when_it_is_assigned() -> None:
    model = Custom()
    model.late = [Linear(2, 2, seed=0)]  # type: ignore[attr-defined]
    assert [p.name for p in model.parameters()] == [name for name, _ in model.named_parameters()]
    outer = Sequential(model)
    assert outer.parameters()[0].name == "layers.0.layers.0.weight"
    with pytest.raises(ValueError, match=r"'layers\.0\.weight' of shape \(16, 784\)"):
        article().layers[0].weight.data = 1.0
    assert pickle.loads(pickle.dumps(outer)).parameters()[0].name == "layers.0.layers.0.weight"


def test_a_name_of_ones_own_is_kept() -> None:
    model = Module()
    model.w = Value(1.0, name="slope")  # type: ignore[attr-defined]
    outer = Sequential(model.__class__())
    outer.layers.append(model)
    result = Value(1.0) * 2
    model.kept = result  # type: ignore[attr-defined]
    assert [(name, p.name) for name, p in outer.named_parameters()] == [("layers.1.w", "slope")]
    assert result.name is None
    model.bomb = Value(1.0, name="b")  # type: ignore[attr-defined]
    assert model.bomb.name == "b"


def test_parameters_added_to_a_list_are_named_when_they_are_asked_for() -> None:
    model = Sequential()
    model.layers.append(Linear(2, 1, seed=0))
    assert [p.name for p in model.layers[0].parameters()] == ["weight", "bias"]
    assert [p.name for p in model.parameters()] == ["layers.0.weight", "layers.0.bias"]


def test_a_result_kept_in_a_module_is_no_parameter() -> None:
    model = Custom()
    before = len(model.parameters())
    model(np.ones((2, 4)))
    assert model.remembered is not None
    assert len(model.parameters()) == before


def test_a_tied_weight_gets_both_gradients() -> None:
    model, rng = Custom(), np.random.default_rng(0)
    x, c = rng.normal(size=(2, 4)), rng.normal(size=(2, 2))
    (model(x) * c).sum().backward()
    w, analytic, start = model.tied, model.tied.grad, model.tied.data.copy()

    def f(moved: np.ndarray) -> Any:
        w.data = moved
        return (model(x).data * c).sum()

    np.testing.assert_allclose(analytic, numerical_grad(f, start), rtol=1e-5, atol=1e-8)


def test_zero_grad_forgets_every_gradient() -> None:
    model = Custom()
    model(np.ones((2, 4))).sum().backward()
    assert any(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("make", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_a_copied_network_computes_the_same_and_shares_nothing(make: Any) -> None:
    model = Sequential(article(), nn.ReLU(), np.tanh)
    twin = make(model)
    x = np.random.default_rng(0).random((2, 784)).astype(np.float32)
    np.testing.assert_array_equal(model(x).data, twin(x).data)
    assert not set(model.parameters()) & set(twin.parameters())
    twin(x).sum().backward()
    assert all(p.grad is None for p in model.parameters())


def test_a_module_prints_what_it_holds() -> None:
    assert repr(article()) == "MLP(784 → 16 → 16 → 10, sigmoid, then sigmoid; 13,002 parameters)"
    text = repr(Custom())
    assert "layers.0: Linear(4 → 4)" in text
    assert "pair.scale: Value (1,)" in text, text
    assert "…" not in text
    assert repr(nn.ReLU()) == "ReLU()"
    layers = Sequential(nn.LeakyReLU(0.2), np.tanh, nn.Softmax(0), F.relu)
    assert repr(layers) == "Sequential(\n  0: LeakyReLU(0.2)\n  1: tanh\n  2: Softmax(axis=0)\n  3: relu\n)"


def test_a_computed_value_is_shown_to_be_no_parameter() -> None:
    model = Module()
    model.w = Value([1.0]) * 0.1  # type: ignore[attr-defined]
    assert model.parameters() == []
    assert "w: Value (1,), computed by multiply: no parameter" in repr(model)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), F.relu), (nn.Sigmoid(), F.sigmoid), (nn.Tanh(), np.tanh), (nn.Softplus(), F.softplus),
        (nn.LeakyReLU(0.3), lambda x: F.leaky_relu(x, 0.3)), (nn.ELU(2.0), lambda x: F.elu(x, 2.0)),
        (nn.Softmax(0), lambda x: F.softmax(x, 0)),
    ],
)  # fmt: skip
def test_an_activation_layer_is_its_function(layer: Module, function: Any) -> None:
    x = Value(np.linspace(-2, 2, 6).reshape(2, 3))
    np.testing.assert_array_equal(layer(x).data, function(x).data)


def test_sequential_runs_in_order() -> None:
    model = Sequential(Linear(2, 3, seed=0), np.tanh, Linear(3, 1, seed=1))
    assert len(model) == 3
    assert isinstance(model[0], Linear)
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(model(x).data, model[2](np.tanh(model[0](x))).data)


# -------------------------------------------------------------------------------------------------- random starts


def test_a_seed_fixes_the_start_and_layers_differ() -> None:
    for a, b in zip(article(3).parameters(), article(3).parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    assert not np.array_equal(article(3).layers[1].weight.data, article(4).layers[1].weight.data)
    rng = np.random.default_rng(0)
    assert not np.array_equal(Linear(3, 3, seed=rng).weight.data, Linear(3, 3, seed=rng).weight.data)
    assert not np.array_equal(Linear(3, 3).weight.data, Linear(3, 3).weight.data)


@pytest.mark.parametrize(
    ("initialiser", "std"),
    [
        (nn.init.lecun_uniform, np.sqrt(1 / (3 * 300))),
        (nn.init.xavier_uniform, np.sqrt(2 / 500)),
        (nn.init.xavier_normal, np.sqrt(2 / 500)),
        (nn.init.kaiming_uniform, np.sqrt(2 / 300)),
        (nn.init.kaiming_normal, np.sqrt(2 / 300)),
        (nn.init.normal, 1.0),
    ],
)
def test_an_initialiser_has_its_standard_deviation(initialiser: Any, std: float) -> None:
    drawn = initialiser((200, 300), np.random.default_rng(0))
    assert drawn.shape == (200, 300)
    assert abs(drawn.mean()) < 4 * std / np.sqrt(drawn.size)
    assert drawn.std() == pytest.approx(std, rel=0.01)
    assert nn.init.zeros((2, 3)).sum() == 0
    assert nn.init.ones((2, 3)).sum() == 6


def test_parameters_have_the_dtype_asked_for() -> None:
    assert {p.dtype for p in article(dtype=np.float64).parameters()} == {np.dtype(np.float64)}
    assert {p.dtype for p in article().parameters()} == {np.dtype(np.float32)}


# -------------------------------------------------------------------------------------------------- calls


def test_wrong_inputs_name_the_path_of_the_layer() -> None:
    class Outer(Module):
        def __init__(self) -> None:
            self.parts = {"net": Sequential(Linear(3, 4, seed=0), np.tanh, Linear(5, 2, seed=0))}

        def forward(self, x: Any) -> Any:
            return self.parts["net"](x)

    with pytest.raises(ValueError, match=r"^model\.parts\.net\.layers\[2\]: Linear\(5 → 2\) got an input of shape"):
        Outer()(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"^model\.layers\[0\]: Linear\(784 → 16\) got"):
        article()(np.zeros((2, 700), np.float32))


def test_a_result_knows_whose_it_is() -> None:
    model = Sequential(Linear(2, 3, seed=0), nn.ReLU())
    x = np.ones((4, 2), np.float32)
    out = model(x)
    assert [scope.module for scope in scopes_of(out)] == [model, model[1]]
    outer, inner = (scope.start for scope in scopes_of(out))
    hidden = out.args[0]
    assert outer < hidden.age < inner < out.age
    assert [scope.module for scope in scopes_of(hidden)] == [model[0]]
    assert list(scopes_of(out + 1)) == []


def test_what_is_handed_through_is_not_a_modules_own() -> None:
    x = Value([1.0])
    assert Sequential()(x) is x
    assert list(scopes_of(x)) == []


def test_a_module_may_return_several_and_take_any_arguments() -> None:
    class Two(Module):
        def forward(self, x: Any, *, scale: float = 2.0) -> Any:
            return x * scale, x + scale

    two, x = Two(), Value(3.0)
    a, b = two(x=x, scale=4.0)
    assert (a.item(), b.item()) == (12.0, 7.0)
    assert [[s.module for s in scopes_of(v)] for v in (a, b)] == [[two], [two]]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        two()
    with pytest.raises(TypeError, match="takes 2 positional arguments"):
        nn.ReLU()(x, x)


def test_a_result_does_not_keep_its_module_alive() -> None:
    model = Linear(2, 1, seed=0)
    out = model(np.ones((1, 2), np.float32))
    model.kept = out  # type: ignore[attr-defined]
    watch, gone = weakref.ref(out), gc.isenabled()
    gc.disable()
    try:
        del model, out
        assert watch() is None  # no loop: freed at once, without the garbage collector
    finally:
        if gone:
            gc.enable()


def test_train_and_eval_reach_every_module() -> None:
    model = Custom()
    assert len(list(model.modules())) == 5  # the pair holds a layer that is in the list too
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    assert repr(model.train()) == repr(Custom())
    assert all(m.training for m in model.modules())
