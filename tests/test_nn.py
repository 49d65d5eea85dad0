"""Modules: parameters found, shapes checked, starts random but repeatable."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, check_grads, debug, nn, no_grad, transforms, tree
from microgradnet.core import NonDiff, history, numbers
from microgradnet.gradcheck import numerical_grad
from microgradnet.nn import MLP, Linear, Module, Sequential
from microgradnet.nn.module import scopes_of
from microgradnet.optim import SGD


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


def test_help_shows_what_a_model_is_called_with() -> None:
    """It showed an object at some address."""

    class Two(Module):
        def forward(self, a: Any, *, scale: float = 2.0) -> Any:
            return a * scale

    assert list(inspect.signature(Two()).parameters) == ["a", "scale"]
    assert list(inspect.signature(MLP.__call__).parameters) == ["self", "x"]


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
        (lambda: F.linear(np.ones((2, 3)), np.ones((5, 3)), Value(np.ones(1))), ValueError, r"got \(5, 3\) and \(1,\)"),
        (lambda: F.embedding([True, False], Value(np.ones((2, 3)))), TypeError, "got bools"),
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


SHOWN: dict[str, Any] = {
    "Linear(3 → 2)": lambda: nn.Linear(3, 2),
    "Linear(3 → 2, bias=False)": lambda: nn.Linear(3, 2, bias=False),
    "Embedding(5, 3)": lambda: nn.Embedding(5, 3),
    "Embedding(5, 3, padding_idx=0)": lambda: nn.Embedding(5, 3, padding_idx=0),
    "Dropout(0.25)": lambda: nn.Dropout(0.25),
    "Flatten()": lambda: nn.Flatten(),
    "Flatten(start_dim=0)": lambda: nn.Flatten(0),
    "Flatten(end_dim=2)": lambda: nn.Flatten(end_dim=2),
    "Flatten(start_dim=2, end_dim=3)": lambda: nn.Flatten(2, 3),
    "BatchNorm1d(4)": lambda: nn.BatchNorm1d(4),
    "BatchNorm2d(4)": lambda: nn.BatchNorm2d(4),
    "LayerNorm(4)": lambda: nn.LayerNorm(4),
    "LayerNorm(2, 4)": lambda: nn.LayerNorm((2, 4)),
    "RMSNorm(2, 4)": lambda: nn.RMSNorm((2, 4)),
    "GroupNorm(2, 6)": lambda: nn.GroupNorm(2, 6),
    "Conv1d(2 → 4, kernel_size=3)": lambda: nn.Conv1d(2, 4, 3),
    "Conv2d(2 → 4, kernel_size=3)": lambda: nn.Conv2d(2, 4, 3),
    "Conv2d(2 → 4, kernel_size=(3, 5), stride=2)": lambda: nn.Conv2d(2, 4, (3, 5), stride=2),
    "Conv2d(4 → 6, kernel_size=3, padding=1, dilation=2, groups=2, bias=False)":
        lambda: nn.Conv2d(4, 6, 3, padding=1, dilation=2, groups=2, bias=False),
    "Conv2d(2 → 4, kernel_size=3, padding='same')": lambda: nn.Conv2d(2, 4, 3, padding="same"),
    "MaxPool2d(kernel_size=2)": lambda: nn.MaxPool2d(2),
    "MaxPool1d(kernel_size=3, stride=1, padding=1, ceil_mode=True)":
        lambda: nn.MaxPool1d(3, stride=1, padding=1, ceil_mode=True),
    "AvgPool2d(kernel_size=2, count_include_pad=False)": lambda: nn.AvgPool2d(2, count_include_pad=False),
    "RNN(3 → 4)": lambda: nn.RNN(3, 4),
    "GRU(3 → 4, num_layers=2, dropout=0.5)": lambda: nn.GRU(3, 4, num_layers=2, dropout=0.5),
    "LSTM(3 → 4, bias=False, batch_first=True, bidirectional=True)":
        lambda: nn.LSTM(3, 4, bias=False, batch_first=True, bidirectional=True),
    "MultiheadAttention(8, num_heads=2)": lambda: nn.MultiheadAttention(8, 2),
    "TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)": lambda: nn.TransformerEncoderLayer(8, 2, 16),
    "Conv1d(2 → 4, kernel_size=3, padding=1, padding_mode='circular')":
        lambda: nn.Conv1d(2, 4, 3, padding=1, padding_mode="circular"),
    "ConvTranspose2d(4 → 6, kernel_size=(2, 3), stride=2, output_padding=1, groups=2, bias=False)":
        lambda: nn.ConvTranspose2d(4, 6, (2, 3), 2, output_padding=1, groups=2, bias=False),
    "AdaptiveAvgPool2d((2, None))": lambda: nn.AdaptiveAvgPool2d((2, None)),
    "InstanceNorm2d(4)": lambda: nn.InstanceNorm2d(4),
    "Dropout2d(0.5)": lambda: nn.Dropout2d(),
    "PReLU()": lambda: nn.PReLU(),
    "PReLU(3)": lambda: nn.PReLU(3),
    "CELU(2.0)": lambda: nn.CELU(2.0),
    "GLU(axis=-1)": lambda: nn.GLU(),
    "Unflatten(1, (2, 3))": lambda: nn.Unflatten(1, (2, 3)),
    "ZeroPad2d(1)": lambda: nn.ZeroPad2d(1),
    "ReflectionPad1d((1, 2))": lambda: nn.ReflectionPad1d((1, 2)),
    "ConstantPad1d(1, 0.5)": lambda: nn.ConstantPad1d(1, 0.5),
    "Upsample(scale_factor=2, mode='bilinear')": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "Unfold(3, padding=1)": lambda: nn.Unfold(3, padding=1),
    "Fold((4, 4), 2, stride=2)": lambda: nn.Fold((4, 4), 2, stride=2),
    "PixelShuffle(2)": lambda: nn.PixelShuffle(2),
    "PixelUnshuffle(2)": lambda: nn.PixelUnshuffle(2),
    "CosineSimilarity(axis=-1)": lambda: nn.CosineSimilarity(-1),
    "PairwiseDistance()": lambda: nn.PairwiseDistance(),
    "TripletMarginLoss(margin=0.5)": lambda: nn.TripletMarginLoss(margin=0.5),
    "TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)": lambda: nn.TransformerDecoderLayer(8, 2, 16),
    "Residual(Linear(3 → 3))": lambda: nn.Residual(nn.Linear(3, 3)),
    "Residual(tanh)": lambda: nn.Residual(np.tanh),
    "MLP(3 → 4 → 1, tanh; 21 parameters)": lambda: nn.MLP(3, [4, 1], activation=np.tanh),
    "Sequential(\n  0: Linear(1 → 2)\n  1: Sequential(\n    0: ReLU()\n  )\n); 4 parameters":
        lambda: Sequential(nn.Linear(1, 2), Sequential(nn.ReLU())),
    "Sequential(\n)": lambda: Sequential(),
    "Module()": lambda: Module(),
}  # fmt: skip


@pytest.mark.parametrize("text", SHOWN)
def test_a_layer_is_printed_with_what_is_not_as_usual(text: str) -> None:
    assert repr(SHOWN[text]()) == text


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


# ------------------------------------------------------------------------------------------------- numbers, by path


class Normed(Module):
    """With buffers of all kinds, a tied weight, a number, a dict with a dot in a key, and itself."""

    def __init__(self, seed: int = 0) -> None:
        self.norm = {"mean": np.zeros(4, np.float32), "steps": np.array(0), "seen.last": [np.array([True, False])]}
        self.layers = [Linear(3, 4, seed=seed), Linear(4, 4, seed=seed + 1)]
        self.tied = self.layers[1]
        self.scale = Value(np.float32(2.0))
        self.me = self

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = F.tanh(layer(x) - self.norm["mean"] if layer is not self.tied else layer(x))
        return x * self.scale


PATHS = [
    "norm.mean", "norm.steps", "norm.seen.last.0", "layers.0.weight", "layers.0.bias", "layers.1.weight",
    "layers.1.bias", "scale",
]  # fmt: skip


def changed(state: dict[str, Any], **new: Any) -> dict[str, Any]:
    return {**state, **{path.replace("__", "."): x for path, x in new.items()}}


def test_a_state_is_a_copy_of_every_parameter_and_buffer_under_its_path() -> None:
    model = Normed()
    state = model.freeze("layers.0").state_dict()
    assert list(state) == PATHS
    assert [name for name, _ in model.named_buffers()] == PATHS[:3]
    assert all(type(x) is np.ndarray for x in state.values())
    assert [state[path].shape for path in PATHS] == [(4,), (), (2,), (4, 3), (4,), (4, 4), (4,), ()]
    assert state["scale"].dtype == np.float32
    for path, x in [*model.named_parameters(), *model.named_buffers()]:
        numbers = x.data if isinstance(x, Value) else x
        np.testing.assert_array_equal(state[path], numbers)
        assert not np.may_share_memory(state[path], numbers)


@pytest.mark.parametrize("paths", [PATHS, PATHS[::-1]], ids=["in order", "in another"])
def test_a_state_is_loaded_in_place(paths: list[str]) -> None:
    model, other = Normed(0), Normed(5)
    other.norm["mean"] += 1.5
    other.norm["steps"][...] = 7
    model.freeze("layers.1.bias")
    values, buffers = model.parameters(), [x for _, x in model.named_buffers()]
    state = other.state_dict()
    missing, unexpected = model.load_state_dict({path: state[path] for path in paths})
    assert missing == unexpected == []
    assert all(a is b for a, b in zip(model.parameters(), values, strict=True))
    assert all(a is b for (_, a), b in zip(model.named_buffers(), buffers, strict=True))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(model(x).data, other(x).data)
    assert model.norm["steps"] == 7
    state["layers.0.weight"][...] = 0  # the model has its own
    assert np.all(model.layers[0].weight.data != 0)


def test_a_loaded_array_takes_the_dtype_it_has_here() -> None:
    model = Normed()
    state = {path: x.astype(np.float64) if x.dtype.kind == "f" else x for path, x in Normed(5).state_dict().items()}
    model.load_state_dict(changed(state, scale=np.float64(3.0), norm__steps=np.int8(3)))
    assert {x.dtype for x in model.parameters()} == {np.dtype(np.float32)}
    assert model.norm["steps"].dtype == np.int64
    assert model.scale.item() == 3.0
    assert type(model.scale.data) is np.float32


def test_a_tied_parameter_loads_from_any_of_its_paths() -> None:
    state = Normed(5).state_dict()
    weight = state["layers.1.weight"]
    both = {**state, "tied.weight": weight, "me.tied.bias": state["layers.1.bias"]}  # as PyTorch writes it
    model = Normed()
    model.load_state_dict(both)
    np.testing.assert_array_equal(model.tied.weight.data, weight)
    other = {**state, "tied.weight": weight}
    del other["layers.1.weight"]
    model = Normed()
    model.load_state_dict(other)
    np.testing.assert_array_equal(model.tied.weight.data, weight)
    with pytest.raises(ValueError, match=r"tied\.weight is tied to layers\.1\.weight here, and differs from it"):
        model.load_state_dict({**state, "tied.weight": weight + 1})


BAD_STATES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "missing": ({"scale": None}, ["scale is missing", "strict=False"]),
    "left over": ({"layers.2.weight": np.ones(3)}, ["layers.2.weight is left over"]),
    "a part": ({"layers": np.ones(3), "layers.0": np.ones(2)}, ["layers is left over", "layers.0 is left over"]),
    "a number as its name": ({3: np.ones(3)}, ["3 is left over"]),  # type: ignore[dict-item]
    "transposed": ({"layers.0.weight": np.ones((3, 4))}, ["layers.0.weight has shape (3, 4), here (4, 3)"]),
    "of one number": ({"layers.0.bias": np.ones(())}, ["layers.0.bias has shape (), here (4,)"]),
    "integers": ({"layers.0.bias": np.ones(4, int)}, ["layers.0.bias has dtype int64, here float32"]),
    "floats for steps": ({"norm.steps": np.array(1.0)}, ["norm.steps has dtype float64, here int64"]),
    "too large": ({"norm.steps": np.array(2**63, np.uint64)}, ["norm.steps has dtype uint64, here int64"]),
    "a list": ({"layers.0.bias": [1.0] * 4}, ["layers.0.bias is no array but [1.0, 1.0, 1.0, 1.0]"]),
    "a number": ({"scale": 1.0}, ["scale is no array but 1.0"]),
    "a word": ({"scale": "one"}, ["scale is no array but 'one'"]),
    "a Value": ({"layers.0.bias": Value(np.ones(4))}, ["layers.0.bias is no array but Value"]),
    "several": (
        {"scale": None, "extra": np.ones(1), "layers.0.bias": np.ones(5)},
        ["nothing was loaded: layers.0.bias has shape (5,), here (4,); scale is missing; extra is left over"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "says"), BAD_STATES.values(), ids=BAD_STATES.keys())
def test_a_state_that_does_not_fit_says_all_and_loads_nothing(changes: dict[Any, Any], says: list[str]) -> None:
    model = Normed()
    before = model.state_dict()
    state = {path: x for path, x in {**Normed(5).state_dict(), **changes}.items() if x is not None}
    with pytest.raises(ValueError, match="does not fit the Normed, nothing was loaded") as caught:
        model.load_state_dict(state)
    for part in says:
        assert part in str(caught.value)
    after = model.state_dict()
    assert all(np.array_equal(before[path], after[path]) for path in PATHS)


def test_a_state_may_fit_in_part_if_it_is_said() -> None:
    model, state = Normed(), Normed(5).state_dict()
    start, wanted = model.layers[1].bias.data.copy(), state["layers.0.bias"]
    report = model.load_state_dict({"layers.0.bias": wanted, "head.bias": np.ones(3)}, strict=False)
    assert report.missing_keys == [path for path in PATHS if path != "layers.0.bias"]
    assert report.unexpected_keys == ["head.bias"]
    np.testing.assert_array_equal(model.layers[0].bias.data, wanted)
    np.testing.assert_array_equal(model.layers[1].bias.data, start)
    with pytest.raises(ValueError, match=r"layers\.0\.bias has shape \(3,\), here \(4,\)$"):
        model.load_state_dict({"layers.0.bias": np.ones(3)}, strict=False)
    with pytest.raises(TypeError, match="a state is a dict of arrays"):
        model.load_state_dict([("scale", np.ones(()))])  # type: ignore[arg-type]


def test_a_sequential_has_pytorchs_names_in_a_state_and_takes_older_ones() -> None:
    model: Any = Module()
    model.body = nn.Sequential(nn.Linear(2, 3), np.tanh, nn.Sequential(nn.Linear(3, 1)))
    model.parts = {"layers": [nn.Linear(2, 2)]}  # of this name, but of no Sequential
    state = model.state_dict()
    names = [f"{path}.{p}" for path in ("body.0", "body.2.0", "parts.layers.0") for p in ("weight", "bias")]
    assert list(state) == names
    assert [name for name, _ in model.named_parameters()] == [
        name.replace("body.", "body.layers.").replace("2.0", "2.layers.0") for name in names
    ]
    for other in (state, {name.replace("body.", "body.layers."): x for name, x in state.items()}):
        model.body[0].weight.data = np.zeros((3, 2))
        assert model.load_state_dict(other) == ([], [])
        np.testing.assert_array_equal(model.body[0].weight.data, state["body.0.weight"])
    with pytest.raises(ValueError, match=r"body\.0\.weight is missing; body\.7\.weight is left over"):
        model.load_state_dict({name.replace("body.0.w", "body.7.w"): x for name, x in state.items()})


def test_a_state_of_pytorchs_sequential_is_recognised_where_layers_are_in_a_list() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    theirs = {path.replace("layers.", ""): x for path, x in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"nothing was loaded.*call 0\.weight what is layers\.0\.weight here"):
        model.load_state_dict(theirs)


def test_the_states_of_pytorchs_sequential_go_both_ways() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Sequential(torch.nn.Linear(3, 1)))
    ours = nn.Sequential(nn.Linear(2, 3), np.tanh, nn.Sequential(nn.Linear(3, 1)))
    ours.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    theirs.load_state_dict({name: torch.from_numpy(x) for name, x in ours.state_dict().items()})
    x = np.ones((4, 2), np.float32)
    np.testing.assert_allclose(ours(x).data, theirs(torch.from_numpy(x)).detach().numpy(), rtol=1e-6)


def test_of_many_faults_ten_are_named() -> None:
    with pytest.raises(ValueError, match=r"left9 is left over; and 2 more\. strict=False") as caught:
        Module().load_state_dict({f"left{i}": np.ones(1) for i in range(12)})
    assert str(caught.value).count("left over") == 11  # ten, and the way out


def test_a_buffer_that_may_not_be_written_is_compared() -> None:
    model = Module()
    model.table = np.arange(3.0)  # type: ignore[attr-defined]
    model.table.flags.writeable = False
    model.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match="table is read-only here, and differs"):
        model.load_state_dict({"table": np.ones(3)})


def test_an_integer_that_does_not_fit_is_refused() -> None:
    model = Module()
    model.count = np.zeros(2, np.int8)  # type: ignore[attr-defined]
    model.load_state_dict({"count": np.array([3, -100])})
    assert model.count.tolist() == [3, -100]
    with pytest.raises(ValueError, match="count holds numbers that int8 does not"):
        model.load_state_dict({"count": np.array([3, 200])})


def test_two_arrays_of_one_path_are_refused() -> None:
    model = Module()
    model.parts = {"a.b": Value(1.0), "a": {"b": Value(2.0)}}  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"two arrays of this Module have the path 'parts\.a\.b'"):
        model.state_dict()


def test_a_graph_from_before_loading_is_not_swept() -> None:
    model = Normed()
    out = model(np.ones((2, 3), np.float32)).sum()
    model.load_state_dict(Normed(5).state_dict())
    with pytest.raises(RuntimeError, match="after it was used"):
        out.backward()


def test_pytorchs_numbers_load_and_compute_the_same() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.ModuleDict({"layers": torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))})
    model = MLP(3, [4, 2], activation=np.tanh, seed=0)
    model.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = theirs["layers"][1](torch.tanh(theirs["layers"][0](torch.tensor(x)))).detach().numpy()
    np.testing.assert_allclose(model(x).data, expected, rtol=1e-5, atol=1e-6)
    theirs.load_state_dict({path: torch.tensor(x) for path, x in model.state_dict().items()})


# -------------------------------------------------------------------------------------------------- freezing


def gradients(model: Module, x: np.ndarray) -> dict[str, Any]:
    model.zero_grad()
    (model(x) ** 2).sum().backward()
    return {name: p.grad for name, p in model.named_parameters()}


X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def test_what_is_frozen_gets_no_gradient_and_the_rest_the_same() -> None:
    model = Normed()
    free = gradients(model, X)
    assert all(g is not None for g in free.values())
    assert model.freeze("layers.0.weight", "tied") is model
    frozen = gradients(model, X)
    assert list(frozen) == list(free)
    assert [name for name, g in frozen.items() if g is None] == ["layers.0.weight", "layers.1.weight", "layers.1.bias"]
    for name in ("layers.0.bias", "scale"):
        np.testing.assert_array_equal(frozen[name], free[name])
    assert model.parameter_count() == Normed().parameter_count()
    assert model.unfreeze() is model
    for name, g in gradients(model, X).items():
        np.testing.assert_array_equal(g, free[name])


def test_what_is_frozen_may_be_given_itself_in_place_of_its_path() -> None:
    by_path, model = Normed().freeze("layers.0", "scale"), Normed()
    assert model.freeze(model.layers[0], model.scale) is model
    assert [tree.is_frozen(p) for p in model.parameters()] == [tree.is_frozen(p) for p in by_path.parameters()]
    assert any(tree.is_frozen(p) for p in model.parameters())
    model.unfreeze(model.layers[0], "scale")
    assert not any(tree.is_frozen(p) for p in model.parameters())
    assert all(tree.is_frozen(p) for p in model.freeze(model).parameters())


@pytest.mark.parametrize(
    ("part", "error", "says"),
    [
        (lambda model: Linear(3, 2), ValueError, "this Linear is no part of the Normed: it has layers.0.weight"),
        (lambda model: Value([1.0, 2.0]), ValueError, r"this Value \(2,\) is no part of the Normed"),
        (lambda model: model.scale * 2, ValueError, "is no part of the Normed"),
        (lambda model: model.layers, TypeError, r"or the layer or parameter itself; got .*model.freeze\(\*parts\)"),
        (lambda model: 0, TypeError, "its path, such as 'layers.0', .*; got 0$"),
        (lambda model: Linear, TypeError, "or the layer or parameter itself; got <class"),
    ],
)
def test_what_is_no_part_of_a_model_is_not_frozen(part: Any, error: Any, says: str) -> None:
    model = Normed()
    for change in (model.freeze, model.unfreeze):
        with pytest.raises(error, match=says):
            change("layers.0", part(model))
    assert not any(tree.is_frozen(p) for p in model.parameters())


def test_what_is_frozen_costs_a_backward_nothing() -> None:
    model = Sequential(*[Linear(3, 3, seed=i) for i in range(4)])
    for layer in model.layers[:3]:
        layer.freeze()
    hidden = model.layers[2](model.layers[1](model.layers[0](X)))
    assert isinstance(hidden, NonDiff)
    with pytest.raises(TypeError, match=r"nothing flows to: constants, comparisons, frozen parameters \(unfreeze"):
        hidden.sum().backward()
    assert len(history(model(X))) == 1
    np.testing.assert_array_equal(model(X).data, Sequential(*[Linear(3, 3, seed=i) for i in range(4)])(X).data)


def test_freezing_forgets_the_gradient_and_keeps_the_numbers() -> None:
    layer = Linear(3, 2, seed=0)
    layer(X).sum().backward()
    numbers = layer.weight.data
    layer.freeze("weight")
    assert layer.weight.grad is None
    assert layer.bias is not None
    assert layer.bias.grad is not None
    assert layer.weight.data is numbers
    assert [p.shape for p in layer.freeze().parameters()] == [(2, 3), (2,)]
    with pytest.raises(TypeError, match=r"the Value 'weight' of shape \(2, 3\) \(float32\) is frozen: nothing flows"):
        layer.weight.backward(np.ones((2, 3)))


@pytest.mark.parametrize("release", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
def test_freezing_between_forward_and_backward_holds(create_graph: bool, release: bool) -> None:
    layer = Linear(3, 2, bias=False, dtype=np.float64, seed=0)
    x = Value(X.astype(np.float64))
    for f in (lambda w: x @ w.T, lambda w: np.exp(w), lambda w: w.sum(axis=0) * x, lambda w: w * 2.0 + w):
        layer.unfreeze()
        x.grad = None
        out = f(layer.weight)
        layer.freeze()
        out.backward(np.ones(out.shape), create_graph=create_graph, release=release)
        assert layer.weight.grad is None
    layer.unfreeze()
    out = layer(x).sum()
    layer.freeze()
    x.grad = None
    out.backward(create_graph=create_graph, release=release)
    np.testing.assert_allclose(numbers(x.grad), np.broadcast_to(layer.weight.data.sum(axis=0), (5, 3)))


def test_unfreezing_between_forward_and_backward_is_noticed() -> None:
    layer = Linear(3, 2, seed=0).freeze("weight")
    out = layer(Value(X)).sum()
    layer.unfreeze()
    with pytest.raises(RuntimeError, match=r"'weight'.*or unfrozen after it was used"):
        out.backward()
    layer(Value(X)).sum().backward()
    assert layer.weight.grad is not None


def test_a_frozen_parameter_written_after_its_use_is_noticed() -> None:
    layer, x = Linear(3, 2, seed=0).freeze(), Value(X)
    out = layer(x).sum()
    layer.weight.data *= 2.0
    with pytest.raises(RuntimeError, match="was written"):
        out.backward()
    with pytest.raises(RuntimeError, match="was written"):
        transforms.grad(lambda x: written_between(layer, x))(X)


def written_between(layer: Linear, x: Any) -> Any:
    out = layer(x).sum()
    layer.weight.data *= 2.0
    return out


@pytest.mark.parametrize(
    "make", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m.astype(np.float64)],
    ids=["deepcopy", "pickle", "astype"],
)  # fmt: skip
def test_a_copy_of_what_is_frozen_is_frozen(make: Any) -> None:
    model = Normed().freeze("layers.0")
    twin = make(model)
    assert [g is None for g in gradients(twin, X).values()] == [g is None for g in gradients(model, X).values()]
    assert list(twin.state_dict()) == PATHS
    assert not set(twin.parameters()) & set(model.parameters())
    assert all(g is not None for g in gradients(twin.unfreeze(), X).values())
    assert gradients(model, X)["layers.0.weight"] is None


def test_a_frozen_parameter_is_a_constant_of_transforms() -> None:
    model = Normed().freeze("layers.0", "scale")
    expected = gradients(model, X)
    cost, gradient = transforms.value_and_grad(lambda m, x: (m(x) ** 2).sum())(model, X)
    assert gradient.layers[0].weight is gradient.layers[0].bias is gradient.scale is None
    assert gradient.tied is gradient.layers[1]
    np.testing.assert_array_equal(gradient.tied.weight, expected["layers.1.weight"])
    pairs = tree.leaves(model, gradient)
    assert [p.name for p, _ in pairs] == ["layers.1.weight", "layers.1.bias"]
    moved = tree.map(lambda p, g: Value(p.data - 0.01 * g), model, gradient)
    assert list(moved.state_dict()) == PATHS
    np.testing.assert_array_equal(moved.layers[0].weight.data, model.layers[0].weight.data)
    assert (moved(X) ** 2).sum().item() < cost
    with pytest.raises(TypeError, match="Its parameters are frozen: unfreeze"):
        transforms.grad(lambda m: m(X).sum())(model.freeze())
    (_, copied), _ = transforms.value_and_grad(lambda m: (m(X).sum(), m.freeze("tied")), has_aux=True)(Normed())
    assert "20 frozen" in repr(copied)
    _, tangent = transforms.jvp(lambda m: m(X).sum(), (Normed().freeze("scale"),), (Normed(),))
    assert np.isfinite(tangent)


def test_the_checker_moves_what_is_not_frozen() -> None:
    model = Normed().freeze("layers.0.weight")
    report = check_grads(lambda m: m(X), model)
    report.raise_on_failure()
    assert [part.name for part in report.inputs] == ["layers.0.bias", "layers.1.weight", "layers.1.bias", "scale"]
    assert report.count("match") == 4 + 16 + 4 + 1


def test_a_frozen_network_trains_by_what_is_left() -> None:
    model = MLP(3, [4, 1], activation=np.tanh, seed=0).freeze("layers.0")
    optimiser, kept = SGD(model.parameters(), lr=0.1), model.layers[0].weight.data.copy()
    costs = []
    for _ in range(20):
        optimiser.zero_grad()
        with debug():
            cost = F.mse_loss(model(X), X[:, :1])
            cost.backward()
        costs.append(cost.item())
        optimiser.step()
    assert costs[-1] < costs[0] / 2
    np.testing.assert_array_equal(model.layers[0].weight.data, kept)
    with no_grad():
        assert model(X).shape == (5, 1)
    again = transforms.checkpoint(model)(X).sum()
    again.backward()
    assert model.layers[0].weight.grad is None


def test_a_path_to_no_parameter_is_refused_and_nothing_freezes() -> None:
    model = Normed()
    for path in ("layers.2", "layer", "norm.mean", ""):
        with pytest.raises(ValueError, match=r"no parameter under .*; it has layers\.0\.weight, layers\.0\.bias"):
            model.freeze("scale", path)
    assert gradients(model, X)["scale"] is not None


# -------------------------------------------------------------------------------------------------- precision


def test_a_module_in_another_precision_is_a_copy() -> None:
    model = Normed()
    model.generator = np.random.default_rng(0)  # type: ignore[attr-defined]
    model.layers[0].bias.name = "shift"
    twin = model.astype(np.float64)
    assert twin.layers[0].bias.name == "shift"
    twin.layers[0].bias.name = None
    assert {p.dtype for p in twin.parameters()} == {np.dtype(np.float64)}
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert [x.dtype for _, x in twin.named_buffers()] == [np.float64, np.int64, np.bool]
    assert twin.tied is twin.layers[1]
    assert twin.me is twin
    assert type(twin.scale.data) is np.float64
    assert [name for name, _ in twin.named_parameters()] == [p.name for p in twin.parameters()] == PATHS[3:]
    out = twin(X.astype(np.float64))
    assert out.dtype == np.float64
    np.testing.assert_allclose(out.data, model(X).data, rtol=1e-5)
    twin.norm["steps"] += 1
    assert model.norm["steps"] == 0
    assert twin.astype(np.float32).state_dict()["scale"].dtype == np.float32
    with pytest.raises(TypeError, match=r"astype\(np\.float32\) or np\.float64; got int64"):
        model.astype(int)


def test_a_function_bound_to_a_module_is_bound_to_its_copy() -> None:
    class Bound(Module):
        def __init__(self) -> None:
            self.weight = Value(np.float32(2.0))
            self.activation = self.scaled

        def scaled(self, x: Any) -> Any:
            return self.weight * x

        def forward(self, x: Any) -> Any:
            return self.activation(x)

    twin = Bound().astype(np.float64)
    twin(3.0).backward()
    assert twin.weight.grad == 3.0


# -------------------------------------------------------------------------------------------------- tables


def test_a_summary_is_a_row_for_each_layer_and_the_sums() -> None:
    model = Normed().freeze("layers.0.bias")
    table = model.summary()
    assert str(table) == repr(table)
    assert str(table).splitlines() == [
        "path      layer          parameters               numbers  frozen",
        "          Normed         scale ()                       1       0",
        "layers.0  Linear(3 → 4)  weight (4, 3) bias (4,)       16       4",
        "layers.1  Linear(4 → 4)  weight (4, 4) bias (4,)       20       0",
        "37 parameters, 4 of them frozen: 148 bytes",
    ]
    assert (table.total, table.frozen, table.bytes) == (37, 4, 148)
    assert "frozen" not in str(Normed().summary())
    assert ">weight (4, 3) bias (4,)</td>" in table._repr_html_()
    assert str(Module().summary()).splitlines()[-1] == "0 parameters: 0 bytes"


def test_a_tied_weight_is_counted_where_it_stands_first() -> None:
    model = Sequential(Linear(3, 3, seed=0), Linear(3, 3, seed=1))
    model[1].weight = model[0].weight
    rows = model.summary().rows
    assert [row[3] for row in rows] == ["0", "12", "3"]
    assert model.summary().total == model.parameter_count() == 15


def test_a_summary_of_an_example_has_the_shape_of_each_result_and_leaves_no_trace() -> None:
    class Counting(Module):
        def __init__(self) -> None:
            self.net = Sequential(Linear(3, 4, seed=0), nn.ReLU(), Linear(4, 2, seed=1))
            self.calls, self.total = 0, np.zeros(())

        def forward(self, x: Any, y: Any = 0.0) -> Any:
            assert not self.training
            self.calls += 1
            self.total += 1
            return self.net(x) + y, self.net(x)

    model = Counting()
    state = model.state_dict()
    table = model.summary(X, np.ones((5, 1), np.float32))
    assert [row[-1] for row in table.rows] == ["(5, 2), (5, 2)", "(5, 2)", "(5, 4)", "(5, 4)", "(5, 2)"]
    assert [row[0] for row in table.rows] == ["", "net", "net.layers.0", "net.layers.1", "net.layers.2"]
    assert (model.calls, model.training) == (0, True)
    assert all(np.array_equal(state[path], x) for path, x in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError, match=r"model\.net\.layers\[0\]: Linear\(3 → 4\) got an input of shape \(2, 4\)"):
        model.summary(np.ones((2, 4), np.float32))
    assert model.freeze().summary(X).rows[2][-1] == "(5, 4)"


def test_a_print_has_layers_shapes_and_counts() -> None:
    model = Module()
    model.net = Sequential(Linear(2, 3, seed=0), nn.ReLU())  # type: ignore[attr-defined]
    model.scale = Value(np.ones(2))  # type: ignore[attr-defined]
    assert repr(model.freeze("scale")).splitlines() == [
        "Module(",
        "  net: Sequential(",
        "    0: Linear(2 → 3)",
        "    1: ReLU()",
        "  ); 9 parameters",
        "  scale: Value (2,), frozen",
        "); 11 parameters, 2 frozen",
    ]
