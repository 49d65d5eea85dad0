"""A model as a file of ONNX: ONNX Runtime computes from it what the model does, for batches of any size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import nn
from microgradnet.core import Op
from tests.exported import ROWS, Try, calls, flat, layers, networks, row_as_model

# Rows of linear algebra, of gradients, of arrays that are written to, of bits: the standard has no counterpart, or none
# that the networks here would use.
REFUSED = {
    "arctan2", "cholesky", "collect", "conv2d_weight", "copysign", "cumprod", "det", "eigenvectors", "eigvalsh",
    "exponent", "fmax", "fmin", "fmod", "inv", "ldexp", "log_abs_det", "logaddexp2", "max_gather2d", "max_unpool2d",
    "nextafter", "partition_order", "pinv", "place", "put", "qr_factors", "searchsorted", "sign_of_det", "signbit",
    "sinc", "singular_vectors", "slide", "solve", "spacing", "sum_unpool2d", "svdvals",
}  # fmt: skip
PARTLY = {"scatter", "take"}  # with some indices


def computed(path: Path, *inputs: np.ndarray) -> list[np.ndarray]:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(
        None, {x.name: array for x, array in zip(session.get_inputs(), inputs, strict=True)}
    )
    return found


def holds(tried: Try, path: Path) -> None:
    mg.save_onnx(path, tried.model, tried.x, axis=tried.axis)
    tried.model.eval()
    for batch in tried.batches():
        wanted = flat(tried.model(*batch))
        for want, got in zip(wanted, computed(path, *batch), strict=True):
            assert got.shape == want.shape
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    return tmp_path / "model.onnx"


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
        model, given = row_as_model(row, inputs, varied, params), tuple(inputs[i] for i in varied)
        try:
            mg.save_onnx(path, model, given, axis=None)
        except TypeError as error:
            refused.append(str(error))
            continue
        (got,) = computed(path, *given)
        want = np.asarray(row.forward(*inputs, **params))
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
        path.unlink()
    assert not path.exists()
    assert bool(refused) == (row.name in REFUSED | PARTLY)
    for text in refused:
        assert text.startswith(f"save_onnx: {row.name} at {__file__.replace('test_onnx', 'exported')}:")


def batch_of(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)


@pytest.mark.parametrize("model", {
    "a mean over the batch": lambda x: x - x.mean(axis=0), "its length": lambda x: x * (1 / len(x)) + len(x),
    "its variance": lambda x: x.var(axis=0), "a softmax over it": lambda x: F.softmax(x, axis=0),
    "a product with its first": lambda x: np.sum(x, axis=1, keepdims=True) @ x[:1], "its last": lambda x: x[-1],
    "its order": lambda x: np.argsort(x, axis=0) * 1, "the mirror image": lambda x: np.flip(x, 1),
    "a mask of its own": lambda x: np.where(x > 0, x, 0.0), "two of a row": lambda x: x[np.array([0, 0])],
    "a constant beside it": lambda x: (x, np.ones(3, np.float32)), "a frozen layer": nn.Linear(4, 2, seed=0).freeze(),
    "all pairs": lambda x: np.einsum("ij,kj->ik", x, x), "its shape": lambda x: x.reshape((len(x) * 2, 2)).sum(axis=1),
}.values())  # fmt: skip
def test_what_goes_with_the_size_of_the_batch_goes_with_it_in_the_file(model: Callable[..., Any], path: Path) -> None:
    mg.save_onnx(path, model, batch_of(3))
    for n in (1, 3, 11):
        for want, got in zip(flat(model(batch_of(n))), computed(path, batch_of(n)), strict=True):
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model", {
    "of numbers": lambda x: x * x.data.mean(), "of a mask": lambda x: x * (x.data > 0),
    "of a branch": lambda x: x * 2 if len(x) > 1 else x, "of another": lambda x: x * 2 if x.data.sum() > 1 else x + 1,
    "of places": lambda x: x + np.arange(len(x))[:, None], "of a square": lambda x: x * len(x) ** 2,
    "of a draw": lambda x: F.dropout(x, 0.5, seed=np.random.default_rng()), "of a count": lambda x: x[x > 0].sum(),
}.values())  # fmt: skip
def test_what_would_be_wrong_for_another_batch_is_refused_with_its_line(model: Callable[..., Any], path: Path) -> None:
    with pytest.raises(ValueError, match=f"^save_onnx: the model .* at {__file__}:.*axis=None"):
        mg.save_onnx(path, model, np.abs(batch_of(3)))
    assert not path.exists()


@pytest.mark.parametrize("model", {
    "rolled": lambda x: np.roll(x, 1, axis=0), "turned": lambda x: np.flip(x), "repeated": lambda x: np.repeat(x, 2, 0),
    "tiled": lambda x: np.tile(x, (2, 1)),
}.values())  # fmt: skip
def test_moves_from_one_example_to_another_are_refused(model: Callable[..., Any], path: Path) -> None:
    with pytest.raises(TypeError, match=f"at {__file__}:.*: it does not do with every example the same"):
        mg.save_onnx(path, model, batch_of(3))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("model", {
    "twice": lambda x: x + x, "times 100": lambda x: x * x.dtype.type(100), "less 100": lambda x: x - x.dtype.type(100),
    "the square": np.square, "the opposite": np.negative, "the remainder": lambda x: x % x.dtype.type(3),
    "the quotient": lambda x: x // x.dtype.type(3), "rounded": np.round, "the floor": np.floor, "cut off": np.trunc,
    "summed": lambda x: np.sum(x, axis=1, keepdims=True, dtype=x.dtype), "turned": np.invert, "size": np.absolute,
}.values())  # fmt: skip
def test_whole_numbers_are_numpys_where_they_go_round_too(model: Callable[..., Any], dtype: Any, path: Path) -> None:
    weight = mg.Value(np.float32([0.5]))
    x = np.array([[-7, 100, 7], [120, 3, -128]]).astype(dtype)
    mg.save_onnx(path, lambda x: model(x) * weight, x)
    with np.errstate(all="ignore"):
        (got,), want = computed(path, x), np.float32(model(x)) * np.float32(0.5)
    assert got.shape == want.shape
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("model", [np.reciprocal, lambda x: np.round(x, -1)])
def test_what_has_no_counterpart_for_whole_numbers_is_refused(model: Callable[..., Any], path: Path) -> None:
    with pytest.raises(TypeError, match=r"^save_onnx: (reciprocal|round) at .*: .*whole numbers"):
        mg.save_onnx(path, lambda x: model(x) * mg.Value([1.0]), np.array([[1, 2]]))
    with pytest.raises(TypeError, match=r"^save_onnx: x is of uint64, .*int64"):
        mg.save_onnx(path, lambda x: x * mg.Value([1.0]), np.array([[1, 2]], np.uint64))


@mg.primitive(lambda g, out, x: g * 2)
def doubled(x: Any) -> Any:
    return x * 2


@pytest.mark.parametrize("model", [doubled, mg.checkpoint(lambda x: x * 2)])
def test_rows_of_ones_own_are_refused_by_name(model: Callable[..., Any], path: Path) -> None:
    with pytest.raises(TypeError, match=r"^save_onnx: (doubled|checkpoint of <lambda>) at .*: there is no counterpart"):
        mg.save_onnx(path, model, batch_of(3))


def test_a_query_that_may_look_nowhere_gets_zeros(path: Path) -> None:
    nowhere = np.array([[True, False], [False, False]])
    mg.save_onnx(path, lambda x: F.scaled_dot_product_attention(x, x, x, nowhere), np.ones((3, 2, 4), np.float32))
    (got,) = computed(path, np.full((5, 2, 4), 2, np.float32))
    np.testing.assert_array_equal(got[:, 0], 2)
    np.testing.assert_array_equal(got[:, 1], 0)


@pytest.mark.parametrize("n", [1, 2])
def test_one_example_is_enough_to_notice_what_depends_on_its_numbers(n: int, path: Path) -> None:
    tokens = np.array([[3, 2, 5]] * n)
    with pytest.raises(ValueError, match="not recorded"):
        mg.save_onnx(path, lambda x: x * (x.data == 5), tokens)


def test_bad_arguments_are_told_before_anything_is_written(path: Path) -> None:
    layer = nn.Linear(4, 2, seed=0)
    refused: list[tuple[Any, type[Exception], str]] = [
        ((layer, path, batch_of(2)), TypeError, "the path of the file comes first"),
        ((path, 3, batch_of(2)), TypeError, "a Module or a function; got 3"),
        ((path, nn.Linear, batch_of(2)), TypeError, "a Module or a function"),
        ((path, layer, np.zeros((0, 4), np.float32)), ValueError, "give one example at least"),
        ((path, layer, ()), ValueError, "an empty tuple"),
        ((path, layer, (batch_of(2), batch_of(3))), ValueError, "in every input as many"),
        ((path, layer, np.array(["a"])), TypeError, "x holds real numbers"),
    ]  # fmt: skip
    for arguments, error, says in refused:
        with pytest.raises(error, match=says):
            mg.save_onnx(*arguments)
    with pytest.raises(ValueError, match=r"save_onnx called the model|Linear") as told:
        mg.save_onnx(path, layer, np.zeros((2, 3), np.float32))
    assert "save_onnx called the model, in evaluation mode, with (2, 3)" in "".join(told.value.__notes__)
    assert not path.exists()


def test_the_model_and_what_is_in_force_stay_as_they_are(path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 2, seed=0), nn.BatchNorm1d(2), nn.Dropout(0.5, seed=1))
    before, random = model.state_dict(), model[2].rng.bit_generator.state
    with mg.no_grad():
        mg.save_onnx(path, model, batch_of(3))
    assert model[2].training
    assert all(np.array_equal(before[key], x) for key, x in model.state_dict().items())
    assert model[2].rng.bit_generator.state == random
    assert model[0].weight.grad is None


def test_weights_have_their_names_and_inputs_those_of_forward(path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    mg.save_onnx(path, nn.MLP(4, [3, 1], seed=0), batch_of(3))
    file = onnx.load(path)
    assert [x.name for x in file.graph.input] == ["x"]
    assert [x.name for x in file.graph.output] == ["output"]
    assert {"layers.0.weight", "layers.1.bias"} <= {x.name for x in file.graph.initializer}


def test_it_is_there_whatever_was_loaded_before() -> None:
    pytest.importorskip("scipy")
    code = """
import microgradnet as mg, numpy as np, scipy.special
scipy.special.erf(mg.Value(1.0))
from microgradnet.export import onnx_shapes
print(np.flip in onnx_shapes.MOVES, len(onnx_shapes.MOVES))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "True 16\n"


def test_without_the_package_one_sentence_says_what_to_install() -> None:
    code = """
import sys
sys.modules["onnx"] = None
import microgradnet as mg, numpy as np
try:
    mg.save_onnx("model.onnx", np.tanh, np.ones((2, 3)))
except ModuleNotFoundError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == 'save_onnx needs the package of the format: pip install "microgradnet[onnx]"\n'
