"""A model as a program for PyTorch: it computes what the model does, to 1e-6, and can be trained further."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import nn
from microgradnet.core import Op
from tests.exported import ROWS, Try, calls, flat, layers, networks, row_as_model

REFUSED = {
    "cholesky", "collect", "conv2d_weight", "eigenvectors", "eigvalsh", "exponent", "ldexp", "log_abs_det",
    "max_gather2d", "max_unpool2d", "nextafter", "partition_order", "pinv", "place", "put", "qr_factors",
    "searchsorted", "sign_of_det", "singular_vectors", "slide", "solve", "spacing", "sum_unpool2d",
}  # fmt: skip
PARTLY = {"scatter"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pytest.importorskip("torch")
    return tmp_path / "net.py"


def loaded(path: Path) -> Any:
    load: Any = runpy.run_path(str(path))["load"]
    return load()


def arrays_of(result: Any) -> list[np.ndarray]:
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in arrays_of(part)]
    return [] if result is None else [result.detach().numpy()]


def holds(tried: Try, path: Path) -> None:
    torch = pytest.importorskip("torch")
    mg.save_torch(path, tried.model, tried.x, axis=tried.axis)
    net = loaded(path)
    if isinstance(tried.model, nn.Module):
        tried.model.eval()
    for batch in tried.batches():
        for want, got in zip(flat(tried.model(*batch)), arrays_of(net(*map(torch.from_numpy, batch))), strict=True):
            assert got.shape == want.shape
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", networks())
def test_a_network_computes_the_same_for_batches_of_three_sizes(name: str, path: Path) -> None:
    holds(networks()[name](), path)


@pytest.mark.parametrize("name", layers())
def test_every_layer_computes_the_same(name: str, path: Path) -> None:
    holds(layers()[name](), path)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_computes_the_same_or_is_refused_by_name(row: Op, path: Path) -> None:
    refused = []
    for inputs, varied, params in calls(row):
        tried = Try(row_as_model(row, inputs, varied, params), tuple(inputs[i] for i in varied), None)
        try:
            holds(tried, path)
        except TypeError as error:
            refused.append(str(error))
    assert bool(refused) == (row.name in REFUSED | PARTLY)
    for text in refused:
        assert text.startswith(f"save_torch: {row.name} at {__file__.replace('test_to_torch', 'exported')}:")


def test_float64_is_float64(path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = nn.MLP(3, [8, 2], seed=0, activation=np.tanh).astype(np.float64)
    x = np.random.default_rng(0).normal(size=(5, 3))
    mg.save_torch(path, model, x)
    np.testing.assert_allclose(loaded(path)(torch.from_numpy(x)).detach().numpy(), model(x).data, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_whole_numbers_stay_what_they_are(dtype: Any, path: Path) -> None:
    torch, x = pytest.importorskip("torch"), np.arange(100, 124).reshape(2, 12).astype(dtype)
    for f in (np.round, lambda x: np.round(x, 1), lambda x: x // 3, lambda x: x % 3, lambda x: x * 3, np.square):
        mg.save_torch(path, lambda x, f=f: f(x) * 0.5, x)
        np.testing.assert_array_equal(loaded(path)(torch.from_numpy(x)).numpy(), f(x) * 0.5)
    for f in (np.reciprocal, lambda x: np.round(x, -1)):
        with pytest.raises(TypeError, match=r"^save_torch: (reciprocal|round) at .*: .*whole numbers"):
            mg.save_torch(path, lambda x, f=f: f(x) * 0.5, x)


def test_it_has_the_gradients_of_the_model(path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = nn.MLP(3, [8, 2], seed=0).astype(np.float64).freeze("layers.0.bias")
    x = np.random.default_rng(0).normal(size=(5, 3))
    mg.save_torch(path, model, x)
    net = loaded(path)
    (net(torch.from_numpy(x)) ** 2).sum().backward()
    (model(x) ** 2).sum().backward()
    assert not net.layers_0_bias.requires_grad
    for name, value in model.named_parameters():
        theirs = getattr(net, name.replace(".", "_")).grad
        assert (theirs is None) == (value.grad is None)
        if theirs is not None:
            np.testing.assert_allclose(theirs.numpy(), value.grad, rtol=1e-12)


def test_what_is_computed_from_parameters_alone_has_gradients_too(path: Path) -> None:
    torch = pytest.importorskip("torch")
    model, x = nn.LSTM(3, 2, seed=0), np.ones((4, 1, 3), np.float32)
    mg.save_torch(path, model, x, axis=1)
    net = loaded(path)
    net(torch.from_numpy(x))[0].sum().backward()
    model(x)[0].sum().backward()
    for name, value in model.named_parameters():  # the sum of two biases is one of them
        np.testing.assert_allclose(getattr(net, name).grad.numpy(), value.grad, rtol=1e-5)


class Odd(nn.Module):
    """What a program has to be careful with: names, dicts, tied weights, a layer nobody else has."""

    def __init__(self) -> None:
        self.type = mg.Value(np.ones((3, 3), np.float32))
        self.file = self.torch = mg.Value(np.float32(2.0))
        self.allow_pickle = mg.Value(np.float32(1.5))
        self.tied = [self.type, nn.Linear(3, 3, seed=0)]
        self.scale = np.arange(3, dtype=np.float32)

    def forward(self, n: Any, torch: Any) -> Any:
        v1 = n @ self.type + torch * self.torch * self.allow_pickle
        return {"a b": [self.tied[1](v1) @ self.tied[0]], "c": (v1 * self.scale, None)}


def test_names_structures_and_tied_weights_are_kept(path: Path) -> None:
    torch = pytest.importorskip("torch")
    model, x = Odd(), np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    mg.save_torch(path, model, (x, x + 1))
    net: Any = loaded(path)
    got, want = net(torch.from_numpy(x), torch.from_numpy(x + 1)), model(x, x + 1)
    assert list(got) == ["a b", "c"]
    assert got["c"][1] is None
    np.testing.assert_allclose(got["a b"][0].detach().numpy(), want["a b"][0].data, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(got["c"][0].detach().numpy(), want["c"][0].data, rtol=1e-6, atol=1e-6)
    assert len(list(net.parameters())) == len(model.parameters())


ODD = '''"""Odd as a module of PyTorch; `load()` makes one with its weights, which are in odd.npz."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.type_2 = nn.Parameter(torch.zeros((3, 3), dtype=torch.float32))
        self.file_2 = nn.Parameter(torch.zeros((), dtype=torch.float32))
        self.allow_pickle_2 = nn.Parameter(torch.zeros((), dtype=torch.float32))
        self.tied_1_weight = nn.Parameter(torch.zeros((3, 3), dtype=torch.float32))
        self.tied_1_bias = nn.Parameter(torch.zeros((3,), dtype=torch.float32), requires_grad=False)
        self.register_buffer("scale", torch.zeros((3,), dtype=torch.float32))

    def forward(self, n_, torch_):
        v1 = n_ @ self.type_2
        v2 = torch_ * self.file_2
        v3 = v2 * self.allow_pickle_2
        v4 = v1 + v3
        v5 = F.linear(v4, self.tied_1_weight, self.tied_1_bias)  # tied.1: Linear
        v6 = v5 @ self.type_2
        v7 = v4 * self.scale
        return {'a b': [v6], 'c': (v7, None)}


def load(path=Path(__file__).with_name('odd.npz')):
    """The module with its weights, in evaluation mode."""
    module = Odd()
    with np.load(path) as arrays:
        module.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays})
    return module.eval()
'''


def test_a_program_is_as_one_writes_it(tmp_path: Path) -> None:
    x = np.ones((2, 3), np.float32)
    mg.save_torch(tmp_path / "odd.py", Odd().freeze("tied.1.bias"), (x, x))
    assert (tmp_path / "odd.py").read_text() == ODD


class F_(nn.Module):
    """With parameters whose names are no names, or more than once the same."""

    def __init__(self) -> None:
        self.layers = [mg.Value([1.0]), mg.Value([2.0])]
        self._own, self.layers_0 = mg.Value([3.0]), mg.Value([4.0])
        self.held = {"class": mg.Value([5.0]), "2nd": mg.Value([6.0])}

    def forward(self, v1: Any) -> Any:
        total = sum((x * v1 for x in (*self.layers, self._own, self.layers_0, *self.held.values())), start=0.0)
        return total, v1 * np.array([7.0]), v1 + np.array([8.0])


F_.__name__ = "F"


def test_names_of_a_program_are_names_and_nobody_elses(tmp_path: Path) -> None:
    def named(model: Any, *given: Any) -> tuple[str, list[str], str]:
        mg.save_torch(tmp_path / "net.py", model, given or np.ones((2, 1)), axis=None)
        lines = [line.strip() for line in (tmp_path / "net.py").read_text().splitlines()]
        kept = [line.split(" = ")[0].split(", ")[0] for line in lines if line.startswith("self.")]
        return *(next(line for line in lines if line.startswith(start)) for start in ("class", "def forward")), kept

    made = ["layers_0", "layers_1", "p__own", "layers_0_2", "held_class", "held_2nd"]
    buffers = ['self.register_buffer("constant"', 'self.register_buffer("constant_2"']
    assert named(F_()) == (
        "class Model(nn.Module):", "def forward(self, v1_):", [*(f"self.{name}" for name in made), *buffers]
    )  # fmt: skip
    assert named(lambda F, y: F + y, np.ones(1), np.ones(1))[:2] == (
        "class Model(nn.Module):", "def forward(self, F_, y):",
    )  # fmt: skip
    assert named(np.tanh)[:2] == ("class ufunc(nn.Module):", "def forward(self, x):")
    assert named(lambda *x: x[0] + x[1], np.ones(1), np.ones(1))[1] == "def forward(self, x0, x1):"


def test_the_program_is_read_from_top_to_bottom(tmp_path: Path) -> None:
    mg.save_torch(tmp_path / "net.py", nn.MLP(3, [2, 1], seed=0), np.ones((2, 3), np.float32))
    lines = (tmp_path / "net.py").read_text().splitlines()
    start = lines.index("    def forward(self, x):")
    assert lines[start : start + 5] == [
        "    def forward(self, x):",
        "        v1 = F.linear(x, self.layers_0_weight, self.layers_0_bias)  # layers.0: Linear",
        "        v2 = torch.relu(v1)",
        "        v3 = F.linear(v2, self.layers_1_weight, self.layers_1_bias)  # layers.1: Linear",
        "        return v3",
    ]
    with np.load(tmp_path / "net.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["layers_0_bias", "layers_0_weight", "layers_1_bias", "layers_1_weight"]


def test_what_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    x = np.ones((3, 3), np.float32)
    refused: list[tuple[Any, type[Exception], str]] = [
        ((tmp_path / "net.pt", np.tanh, x), ValueError, "ends in .py; it is a program"),
        ((nn.Linear(3, 1), tmp_path / "net.py", x), TypeError, "the path of the file comes first"),
        ((tmp_path / "net.py", lambda x: np.linalg.pinv(x), x), TypeError, f"save_torch: pinv at {__file__}:"),
        ((tmp_path / "net.py", lambda x: x * x.data.sum(), x), ValueError, "save_torch: the model uses the numbers"),
        ((tmp_path / "net.py", lambda x: F.dropout(x, seed=np.random.default_rng()), x), ValueError, "not recorded"),
    ]
    for arguments, error, says in refused:
        with pytest.raises(error, match=says):
            mg.save_torch(*arguments)
    assert not list(tmp_path.iterdir())
