"""A module of PyTorch as layers here: they compute what it does, with weights of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import nn, optim
from microgradnet.core import numbers
from tests.test_nn_layers import CASES, Case, flat


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
