"""A module of PyTorch as layers here: they compute what it does, with weights of their own."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import nn, optim
from microgradnet.core import numbers
from tests.test_nn_layers import CASES, Case, flat


class Tensor:
    """What is asked of one of PyTorch's."""

    def __init__(self, numbers: Any, requires_grad: bool = True) -> None:
        self.numbers, self.requires_grad = np.array(numbers), requires_grad

    def detach(self) -> Tensor:
        return self

    cpu = detach

    def numpy(self) -> Any:
        return self.numbers


THEIRS = {"axis": "dim", "keepdims": "keepdim"}


def dressed(layer: Any, args: tuple[Any, ...] = (), options: dict[str, Any] | None = None, **more: Any) -> Any:
    """One of our layers as PyTorch would hold it: attributes, tensors, and the signature of its class."""
    ours = inspect.signature(type(layer))
    bound = ours.bind(*args, **(options or {}))
    bound.apply_defaults()
    named = {THEIRS.get(name, name): x for name, x in bound.arguments.items() if name not in ("dtype", "seed", "init")}
    tensors = {name: Tensor(x) for name, x in layer.state_dict().items()}
    if isinstance(layer, nn.RNN):  # which takes the rest as it comes
        rest = inspect.signature(nn.GRU).bind(1, 1, **named.pop("options"))
        rest.apply_defaults()
        del named["args"]
        named = {**rest.arguments, **named}
        del named["dtype"], named["seed"]
    if "bias" in named and not hasattr(layer, "num_layers") and not isinstance(layer, nn.MultiheadAttention):
        named["bias"] = tensors.get("bias")
    if isinstance(layer, nn.PairwiseDistance):
        named["norm"] = named.pop("p")
    taken = [*named, "inplace", "device", "dtype", *more]
    defaults = {"inplace": False} | dict.fromkeys(more, None) | {"bias": True}
    kinds = [inspect.Parameter(x, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(x)) for x in taken]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)

    def __init__(self: Any) -> None:
        """Nobody calls it."""

    __init__.__signature__ = inspect.Signature([own, *kinds])  # type: ignore[attr-defined]
    theirs = type(type(layer).__name__, (), {"__init__": __init__, "__module__": "torch.nn.modules.stand_in"})
    module: Any = theirs()
    parameters = [(name, tensors[name]) for name, _ in layer.named_parameters()]
    vars(module).update(
        named | more, training=layer.training, _forward_hooks={}, _forward_pre_hooks={},
        state_dict=lambda: tensors, named_parameters=lambda: parameters,
        named_modules=lambda: [*parts.items()], modules=lambda: [*parts.values()],
    )  # fmt: skip
    parts = {name: SimpleNamespace(training=part.training) for name, part in layer.named_modules()} | {"": module}
    if isinstance(layer, nn.MultiheadAttention):
        held = {"in_proj_bias": tensors.get("in_proj_bias"), "bias_k": None}
        vars(module).update(held, _qkv_same_embed_dim=True, add_zero_attn=False)
    if isinstance(layer, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
        linear = SimpleNamespace(out_features=len(layer.linear1.weight), bias=layer.linear1.bias)
        activation = F.gelu if "activation" in (options or {}) else nn.ReLU()
        vars(module).update(self_attn=layer.self_attn, linear1=linear, dropout=layer.dropout, norm1=layer.norm1,
                            norm_first=layer.norm_first, activation=activation)  # fmt: skip
    return module


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_layer_is_made_anew_of_what_pytorch_would_hold(case: Case) -> None:
    layer = case.make(3)
    again: Any = mg.from_torch(dressed(layer, case.args, case.options))
    assert type(again) is type(layer)
    assert again.training == layer.training
    inputs = case.draw(1)
    wanted = flat(layer.eval()(*inputs, **case.named))
    for got, want in zip(flat(again.eval()(*inputs, **case.named)), wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(numbers(got), numbers(want))


def test_parts_of_pytorchs_sequential_share_what_they_shared() -> None:
    class Row:
        """PyTorch's Sequential."""

        __module__ = "torch.nn.modules.stand_in"

        def __init__(self, *parts: Any) -> None:
            self.parts, self.training = parts, False
            self._forward_hooks = self._forward_pre_hooks = {}

        def named_parameters(self) -> Any:
            raise AssertionError("only that it is there is asked")

        def __iter__(self) -> Any:
            return iter(self.parts)

    Row.__name__ = "Sequential"
    linear, other = (dressed(nn.Linear(3, 3, seed=seed), (3, 3)) for seed in (0, 1))
    frozen = dressed(nn.Linear(3, 2, seed=2), (3, 2))
    shared = linear.named_parameters()[0][1]
    other.named_parameters()[0] = ("weight", shared)
    frozen.named_parameters()[1][1].requires_grad = False
    model: Any = mg.from_torch(Row(linear, dressed(nn.Dropout(0.25), (0.25,)), linear, other, Row(frozen)))
    assert [type(part).__name__ for part in model.layers] == ["Linear", "Dropout", "Linear", "Linear", "Sequential"]
    assert model.layers[0] is model.layers[2]
    assert model.layers[0].weight is model.layers[3].weight
    assert model.layers[0].bias is not model.layers[3].bias
    assert model.layers[1].p == 0.25
    assert [model.training, model.layers[1].training] == [False, True]
    last = model.layers[4].layers[0]
    last([1.0, 2.0, 3.0]).sum().backward()
    assert last.weight.grad is not None
    assert last.bias.grad is None

    stack: Any = dressed(nn.TransformerEncoderLayer(4, 2, 6, seed=0), (4, 2, 6))
    attention = dressed(nn.MultiheadAttention(4, 2), (4, 2))
    for norm in (None, dressed(nn.LayerNorm(4), (4,))):
        several = Row(norm)
        several.layers, several.norm = [stack, stack], norm
        type(several).__name__ = "TransformerEncoder"
        made: Any = mg.from_torch(several)
        type(several).__name__ = "Sequential"
        assert type(made) is nn.TransformerEncoder
        assert (len(made.layers), made.num_layers, type(made.norm)) == (2, 2, type(norm and nn.LayerNorm(4)))
        assert made.layers[0] is made.layers[1]
        np.testing.assert_array_equal(made.layers[0].linear1.weight.data, stack.state_dict()["linear1.weight"].numbers)
        assert made.layers[0].training
    for kept, name, there in [
        (stack, "activation", np.tanh), (attention, "_qkv_same_embed_dim", False), (attention, "bias_k", 1),
        (attention, "add_zero_attn", True), (linear, "__module__", "mine"),
    ]:  # fmt: skip
        before = getattr(kept, name)
        setattr(type(kept) if name == "__module__" else kept, name, there)
        says = r"has the activation .*tanh.*; ours is named|has kdim, vdim, add_bias_kv or|computes in its own way"
        with pytest.raises(TypeError, match=rf"^from_torch: 0: {type(kept).__name__} ({says})"):
            mg.from_torch(Row(kept))
        setattr(type(kept) if name == "__module__" else kept, name, before)

    for wrong, says in [
        (Row(Row(dressed(nn.MSELoss()))), r"^from_torch: 0\.0: MSELoss has no counterpart; nn\.MSELoss is a loss"),
        (dressed(nn.MLP(1, [1]), (1, [1])), r"^from_torch: MLP has no counterpart$"),
        (Row(dressed(nn.ReLU(), threshold=0.5, mode="x")), r"^from_torch: 0: ReLU has mode='x', which is not here$"),
        (dressed(nn.LSTM(1, 1), (1, 1), proj_size=2), r"^from_torch: LSTM has proj_size, which is not here$"),
        (dressed(nn.GroupNorm(1, 2), (1, 2), bias=None), "^from_torch: GroupNorm has bias=False, which is not here$"),
        (SimpleNamespace(named_parameters=3), "^from_torch wants a module of PyTorch, such as torch.nn.Linear"),
        (nn.Linear(1, 1), "^from_torch wants a module of PyTorch"), (Row, "^from_torch wants a module of PyTorch"),
    ]:  # fmt: skip
        with pytest.raises(TypeError, match=says):
            mg.from_torch(wrong)
    for norm, bias in ((nn.GroupNorm(1, 2), linear), (nn.GroupNorm(1, 2, affine=False), None)):
        options = {"affine": norm.weight is not None}
        assert type(mg.from_torch(dressed(norm, (1, 2), options, bias=bias))) is nn.GroupNorm
    for hooks in ("_forward_hooks", "_forward_pre_hooks"):
        vars(linear)[hooks] = {0: print}
        with pytest.raises(TypeError, match=r"^from_torch: Linear has forward hooks, which"):
            mg.from_torch(linear)
        vars(linear)[hooks] = {}
    held = linear.state_dict()["weight"]
    held.numpy, held.dtype = lambda: np.array(None, 3), "bfloat16"
    with pytest.raises(TypeError, match=r"^from_torch: Linear holds numbers that NumPy has not, bfloat16: convert"):
        mg.from_torch(linear)


def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore:Support for mismatched")  # PyTorch's, of a mask of floats beside one of booleans
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_layer_computes_what_it_was_made_of(case: Case) -> None:
    theirs = getattr(torch().nn, case.layer)(*case.args, **case.options).double()
    for name, buffer in theirs.named_buffers():
        if buffer.dtype.is_floating_point:
            buffer.copy_(torch().rand(buffer.shape).double() + 0.5 if name else buffer)
    ours: Any = mg.from_torch(theirs.train(case.training))
    assert ours.training == case.training
    inputs = case.draw(1)
    named = {k: torch().tensor(x) if isinstance(x, np.ndarray) else x for k, x in case.named.items()}
    with torch().no_grad():
        wanted = flat(theirs.eval()(*map(torch().tensor, inputs), **named))
    for got, want in zip(flat(ours.eval()(*inputs, **case.named)), wanted, strict=True):
        assert got.dtype == want.numpy().dtype
        np.testing.assert_allclose(numbers(got), want.numpy(), rtol=1e-8, atol=1e-8)


def test_a_network_goes_on_learning() -> None:
    net = torch().nn
    theirs = net.Sequential(
        net.Conv2d(1, 4, 3), net.BatchNorm2d(4), net.ReLU(inplace=True), net.Flatten(),
        net.Sequential(net.Linear(16, 8), net.Tanh(), net.Dropout(0.5)), net.Linear(8, 2),
    )  # fmt: skip
    theirs[0].bias.requires_grad_(False)
    theirs[4][0].weight.data[0] = 0
    model: Any = mg.from_torch(theirs)
    x = np.random.default_rng(0).normal(size=(5, 1, 4, 4)).astype(np.float32)
    before = theirs.state_dict()["5.weight"].clone()
    np.testing.assert_allclose(
        model.eval()(x).data, theirs.eval()(torch().tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6
    )
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    (model(x) ** 2).sum().backward()
    assert model.layers[0].bias.grad is None
    optimiser.step()
    assert torch().equal(theirs.state_dict()["5.weight"], before)  # the weights are copies
    assert not np.array_equal(model.layers[5].weight.data, before.numpy())


def test_what_was_one_is_one_again() -> None:
    net = torch().nn
    layer, other = net.Linear(3, 3), net.Linear(3, 3)
    other.weight = layer.weight
    model: Any = mg.from_torch(net.Sequential(layer, layer, other))
    assert model.layers[0] is model.layers[1]
    assert model.layers[0].weight is model.layers[2].weight
    assert len(model.parameters()) == 3


@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_the_layers_of_a_stack_have_their_own_weights(kind: str) -> None:
    net = torch().nn
    layer = getattr(net, f"Transformer{kind}Layer")(4, 2, 6, batch_first=True, activation="gelu")
    theirs = getattr(net, f"Transformer{kind}")(layer, 2, norm=net.LayerNorm(4)).eval()
    for parameter in theirs.parameters():
        parameter.data += 0.1 * torch().randn(parameter.shape)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    given = (x,) if kind == "Encoder" else (x, x)
    with torch().no_grad():
        want = theirs(*map(torch().tensor, given)).numpy()
    model: Any = mg.from_torch(theirs)
    np.testing.assert_allclose(model(*given).data, want, rtol=1e-4, atol=1e-5)


def test_parts_in_evaluation_mode_stay_so() -> None:
    theirs = torch().nn.Sequential(torch().nn.BatchNorm1d(3).eval(), torch().nn.Dropout(0.5))
    model: Any = mg.from_torch(theirs)
    assert [part.training for part in model.layers] == [False, True]


def test_what_has_no_counterpart_is_refused_by_its_path() -> None:
    net = torch().nn

    class Own(net.Module):  # type: ignore[misc,name-defined]
        def forward(self, x: Any) -> Any:
            return x

    hooked = net.Linear(3, 2)
    hooked.register_forward_hook(lambda *_: None)
    for module, says in [
        (Own(), "from_torch: Own computes in its own way"),
        (net.Sequential(net.ReLU(), net.Sequential(Own())), "from_torch: 1.0: Own computes in its own way"),
        (net.Sequential(net.Conv3d(1, 1, 1)), "0: Conv3d has no counterpart; nn.Conv2d has two axes at most"),
        (net.CrossEntropyLoss(), "CrossEntropyLoss has no counterpart; .*is a loss"),
        (net.MaxPool2d(2, return_indices=True), "MaxPool2d has return_indices=True, which is not here"),
        (net.AvgPool2d(2, divisor_override=3), "AvgPool2d has divisor_override=3"),
        (net.GroupNorm(1, 2, bias=False), "GroupNorm has bias=False"),
        (net.Embedding(3, 2, max_norm=1.0), "Embedding has max_norm=1.0"),
        (net.LSTM(3, 4, proj_size=2), "LSTM has proj_size"),
        (net.MultiheadAttention(4, 2, kdim=3), "MultiheadAttention has kdim"),
        (net.Linear(3, 2).bfloat16(), r"Linear holds numbers that NumPy has not, torch.bfloat16: convert module.float"),
        (hooked, "Linear has forward hooks"),
        (net.ModuleList([net.ReLU()]), "ModuleList has no counterpart; a plain list"),
        (nn.Linear(3, 2), "wants a module of PyTorch"), (net.Linear, "wants a module of PyTorch"), (3, "got 3"),
    ]:  # fmt: skip
        with pytest.raises(TypeError, match=says):
            mg.from_torch(module)
