"""What is written for PyTorch and ONNX is what was written, where neither is installed to compute with it.

tests/exports.txt has for networks, layers and rows the program of PyTorch and the nodes of ONNX: in full if they are
short, else their number and their sum (CRC-32). What they compute is held against this package in test_to_torch.py and
test_onnx.py. Where it is meant to change, `python -m tests.test_exports` writes the file anew.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn
from microgradnet.core import TABLE
from microgradnet.export.graph import Graph, Size, graph_of
from microgradnet.export.onnx_file import protobuf
from microgradnet.export.torch_file import Program
from tests.exported import ROWS, Try, calls, layers, networks, row_as_model

PAGE = Path(__file__).with_name("exports.txt")
LONG = 240  # characters


def models() -> Iterator[tuple[str, Callable[[], Try]]]:
    yield from ((name, make) for name, make in networks().items() if name not in ("LeNet", "Transformer"))
    yield from layers().items()
    for row in ROWS:
        for i, (inputs, varied, params) in enumerate(calls(row)):

            def make(row: Any = row, inputs: Any = inputs, varied: Any = varied, params: Any = params) -> Try:
                return Try(row_as_model(row, inputs, varied, params), tuple(inputs[i] for i in varied), None)

            yield f"{row.name} {i}", make


def as_torch(graph: Graph) -> str:
    """What the module holds and does, without the words around it, and the whole numbers that it holds."""
    program = Program(graph)
    lines = program.text("Model", "net.npz").split("super().__init__()")[1].split("def load")[0].splitlines()
    held = [f"{name} = {x.tolist()}" for name, x in program.arrays.items() if x.dtype.kind != "f"]
    return "\n".join([*(line.split("  # ")[0].strip() for line in lines if line.strip()), *held, *program.helpers])


class Proto(SimpleNamespace):
    """A node, an array or a graph of ONNX, as the words it is made with."""


def fake() -> Any:
    """What stands for the package of the format."""

    def node(kind: str, inputs: list[str], outputs: list[str], name: str = "", doc_string: str = "", **how: Any) -> Any:
        assert name in ("", outputs[0])
        parts = [Proto(g=x if isinstance(x, Proto) else Proto(node=[])) for x in how.values()]
        return Proto(kind=kind, input=inputs, output=outputs, how=how, attribute=parts)

    def graph(nodes: Any, name: str, inputs: Any, outputs: Any, arrays: Any = ()) -> Any:
        return Proto(node=nodes, inputs=inputs, outputs=outputs, arrays=arrays)

    helper = SimpleNamespace(
        make_node=node, make_graph=graph, np_dtype_to_tensor_dtype=lambda dtype: np.dtype(dtype).num,
        make_tensor_value_info=lambda name, kind, shape: Proto(name=name, kind=kind, shape=shape),
        make_opsetid=lambda name, n: n, make_model=lambda graph, **how: graph,
    )  # fmt: skip
    return SimpleNamespace(
        helper=helper, numpy_helper=SimpleNamespace(from_array=lambda x, name: f"{name} = {x.dtype}{x.tolist()}")
    )


def typed(x: Any) -> str:
    return x if isinstance(x, str) else f"{x.name}: {x.kind} {x.shape}"


def said(graph: Any) -> Iterator[str]:
    """A graph of ONNX, line by line."""
    yield f"takes {', '.join(map(typed, graph.inputs))}"
    yield from map(str, graph.arrays)
    for node in graph.node:
        how = {name: list(said(x)) if isinstance(x, Proto) else x for name, x in node.how.items()}
        yield f"{', '.join(node.output)} = {node.kind}({', '.join(node.input)}){how or ''}"
    yield f"gives {', '.join(map(typed, graph.outputs))}"


def as_onnx(graph: Graph) -> str:
    return "\n".join(said(protobuf(fake(), graph)))


def lines(tried: Try) -> Iterator[str]:
    """What is written of a model, or why it is not."""
    try:
        graph = graph_of(tried.model, tried.x, tried.axis, "save")
    except ValueError as error:
        yield re.sub(r" at .*?:\d+, in \S+: ", " ", str(error)).split(", as ")[0]
        return
    for write in (as_torch, as_onnx):
        try:
            text = write(graph)
        except TypeError as error:
            text = re.sub(r" at .*?:\d+, in \S+(: .*?)?(?= cannot)", "", str(error)).split(". ")[0]
        if len(text) > LONG:
            text = f"{len(text.splitlines())} lines, {zlib.crc32(text.encode()):08x}"
        yield " | ".join(text.splitlines())


def picked() -> Try:
    """Three arrays of indices side by side."""
    i, j, k = np.array([0, 1, -1]), np.array([2, 0, 1]), np.array([1, 1, 0])
    return Try(lambda x: x[i, j, k] * 2, (np.zeros((2, 3, 4, 5), np.float32),), None)


# What functions do with two examples of (3, 4) each, that are counted by the first axis, or not at all.
ALONG = """
np.pad(x, ((0, 0), (1, 2), (0, 1))) | np.pad(x, 1) | np.flip(x, 1) | np.flip(x) | np.roll(x, 1, axis=2)
np.repeat(x, 2, axis=1) | np.repeat(x, 2, axis=0) | np.tile(x, (1, 1, 2)) | np.diagonal(x, 1, 1, 2)
np.rot90(x, axes=(1, 2)) | np.tril(x, -1) | np.delete(x, 1, axis=2) | np.flip(np.swapaxes(x, 0, 1), 0)
np.diagonal(np.transpose(x, (1, 2, 0))) | np.pad(x.T, ((1, 0), (0, 0), (0, 0))) | np.tril(x.T) | np.triu(x[0])
x[:, 0] | x[:, -1, ::2] | x[:, ::-1] | x[:, ::-2, 1:] | x[..., None, 1:3] | x[:, :, 3:0:-1] | x[::-1] | x[:, 1:1:-1]
x[:, [2, 0]] | x[:, [[0, 1], [2, 0]]] | x[:, [0, 1], [1, 3]] | x[:, :, x0 > 1] | x[0] | x[:1] | x[1:] | x[-1] | x[n - 1]
x[:n] | x[[0, 0, -1]] | x[..., 1] | x[1:, 0] | x[[0, -1], :, [1, 1]] | x[x > 0] | x[:, None, [1]] | x[:, 1, [0, -1]]
np.transpose(x) | x.transpose(-1, 0, 1) | np.swapaxes(x, 0, -1) | np.ravel(x) | x.reshape(n, 12) | x.reshape(2 * n, 6)
x.sum(axis=1) | x.mean() | x.mean(axis=0) | x.max(axis=(1, -1), keepdims=True) | x.prod(axis=2) | x[0, 0, 0] * 2
np.concatenate([x, x * 2]) | np.concatenate([x, x * 2], axis=None) | np.concatenate([x, x[:, :1]], axis=-2)
np.stack([x, 2 * x], axis=-1) | np.stack([x, x > 0]) | np.broadcast_to(x.sum(axis=0), x.shape) | np.split(x, 3, 1)[1]
np.argsort(x, axis=None) | np.argsort(x, axis=0) | np.argmax(x) | np.argmin(x, axis=0, keepdims=True)
np.argmax(x > 0, axis=1) | np.count_nonzero(x, axis=1) | np.count_nonzero(x) | np.cumsum(x, axis=-1) | np.round(x, 2)
x / len(x) | x * len(x) | np.where(x > 0, x, 0.5) | x.astype(np.float64) | np.any(x > 0, axis=(0, 1)) | np.all(x > 0)
~(x > 0) | (x > 0) & (x < 1) | (x > 0) != (x > 1) | np.isneginf(x) | np.isfinite(x) | x % 2 | 2 // x | np.hypot(x, 1.0)
x + np.ones((len(x), 1, 1), np.float32) | np.ones((n, 2), np.float32) * 2 | x * x.data | x + np.inf | x - np.nan
(x, [x * 2], {"a": x + 1, "b": None}) | (-x,) | [] | (x * 0 + 1, np.float32(2)) | x + n * 1.5 | x @ x.swapaxes(1, 2)
np.einsum("nij,nkj->nik", x, x) | x.reshape(n, 12) @ x.reshape(n, 12).T | (x[:, 0] @ x[:, 1].T)[None] | F.softmax(x, 0)
np.linalg.det(x[:, :, :3]) | F.softmax(x[0, 0, 0]) | np.power(x, 2) | 2.0**x | np.maximum(x, -np.inf)
np.heaviside(x, 0.5) | np.add.reduce(x, axis=1) | np.var(x, axis=-1) | x.sum(axis=(0, 1, 2)) | np.expm1(-x) | x * -2.5
np.float64(2) * x | np.sort(x, axis=1) | x * (1 / n) | x * np.float32(1 / (2 * n)) | (np.sin if n > 2 else np.cos)(x)
np.concatenate([x] * n) | (lambda y, z: y - z if n > 2 else z - y)(x * 2, x * 3) | x * 2 * 3 if n > 2 else x * 2
[x] * n | x.sum(axis=1, keepdims=n > 2) | x.sum(axis=1 if n > 2 else (1,)) | x[:, : n * n] | x[:, : n > 1] | x - x0 * n
x.swapaxes(0, 1).reshape(3, n, 2, 2)[:, ::-1] | x.reshape(n, 1, 12) * np.ones((1, n, 1), np.float32) | x * x.data.mean()
np.stack([x] * n) | x[[0, -1], [1, 2]] | x[:, x0[:3] > 0, [1, 3]] | x[:, np.ones((3, 4), bool)] | x[0, :, [1, 1]]
x[:, :, np.argsort(x[0, 0]) > 1] | x[n - 1 :: -1] | [x * 2] if n > 2 else [x * 2] * 2 | np.isinf(np.exp(x * 1e3)) * x
F.scaled_dot_product_attention(*[x.swapaxes(0, 1)] * 3, is_causal=True) | np.isnan(np.log(-1 - x * x)) * x
x + (n - 0.4) | x / (n - 0.4) | x + n * 1e7
TABLE["sum_pool2d"](x[None], kernel=(2, 2), stride=(1, 1), padding=(0, 0), dilation=(2, 2), size=(1, 2))
np.argsort(x[:1], axis=None) | np.argsort(x, axis=-2) | x[:, :, None].sum((-1, 1)) | x[:, 1:][:, :-1, 0] | x.sum(())
"""


NAMES = {"np": np, "F": F, "TABLE": TABLE, "x0": np.arange(4)}


def along(code: str, axis: int | None) -> Callable[[Any], Any]:
    def model(x: Any) -> Any:
        n = len(x) if axis is None else x.shape[axis]
        return eval(compile(code, "a model", "eval"), {**NAMES, "x": x, "n": n})

    return model


class Nth(nn.Module):
    """A row of a table: the one after as many as there are examples."""

    def __init__(self) -> None:
        self.table = Value(np.arange(36, dtype=np.float32).reshape(9, 4))

    def forward(self, x: Any) -> Any:
        return x * self.table[len(x)]


MODELS = {**dict(models()), "indices": picked, "a parameter that is counted": lambda: Try(Nth(), (np.ones((2, 4)),))}
MODELS["frozen"] = lambda: Try(nn.Linear(4, 3, seed=0).freeze("bias"), (np.ones((2, 4), np.float32),))
for code in re.split(r" \| |\n", ALONG.strip()):
    for axis in (0, 1, None) if code.startswith(("np.pad", "np.flip", "np.tile", "x.sum", "x[:, 0]")) else (0,):
        x = np.linspace(-2, 3, 24, dtype=np.float32).reshape(2, 3, 4)
        MODELS[f"{code}, axis {axis}"] = lambda code=code, axis=axis, x=x: Try(along(code, axis), (x,), axis)
for dtype in (np.float64, np.float16, np.int64, np.int32, np.uint8, np.bool):  # of what is given
    for code in "x[:, 0] * 2", "(x > 1) | (x == 0)", "np.where(x, 1.5, x)", "np.any(x, 1)", "[x, 2.5 - x]", "x & x":
        if code != "x & x" or np.dtype(dtype).kind != "f":
            x = np.arange(24).reshape(2, 3, 4).astype(dtype)
            MODELS[f"{code}, {x.dtype}"] = lambda code=code, x=x: Try(along(code, 0), (x,))
for dtype in (np.int64, np.int32, np.uint8):
    for code in "x // 3 * 0.5", "x % 3 * 0.5", "np.round(x) * 0.5", "np.round(x, -1) * 0.5", "np.reciprocal(x) * 0.5":
        x = np.arange(24).reshape(2, 3, 4).astype(dtype)
        MODELS[f"{code}, {x.dtype}"] = lambda code=code, x=x: Try(along(code, 0), (x,))


@pytest.mark.parametrize("part", range(20))
def test_what_is_written_is_what_was_written(part: int) -> None:
    known = PAGE.read_text(encoding="utf-8").split("\n\n")
    assert len(known) == len(MODELS), "there are other models; if that is meant: python -m tests.test_exports"
    for (name, make), wanted in itertools.islice(zip(MODELS.items(), known, strict=True), part, None, 20):
        assert [name, *lines(make())] == wanted.strip().split("\n")


X = np.ones((2, 3), np.float32)
REFUSED: list[tuple[type[Exception], tuple[Any, Any], int | None, str]] = [
    (TypeError, (3, X), 0, "save: the model is a Module or a function; got 3"),
    (TypeError, (nn.Linear, X), 0, r"save: the model is a Module or a function; got <class .*Linear"),
    (TypeError, (type("Net", (), {"__module__": "torch.nn"})(), X), 0, r"makes one of PyTorch's"),
    (TypeError, (np.tanh, None), 0, "save: x is an example batch, an array or a tuple .*; got None"),
    (ValueError, (np.tanh, ()), 0, "save: x is an array or a tuple of some; got an empty tuple"),
    (TypeError, (np.tanh, X * 1j), 0, "save: x holds real numbers; got dtype complex64"),
    (TypeError, (np.add, (X, np.array(["a"]))), 0, "save: x holds real numbers; got dtype <U1"),
    (ValueError, (np.tanh, X), 2, r"save: axis 2 counts the examples, in every input as many; got shapes \(2, 3\)\."),
    (ValueError, (np.tanh, X), -1, "save: axis -1 counts the examples"),
    (ValueError, (np.add, (X, X[:1])), 0, r"axis 0 counts the examples, .*; got shapes \(2, 3\), \(1, 3\)\. axis=None"),
    (ValueError, (np.tanh, X[:0]), 0, r"save: x of shape \(0, 3\) is empty; give one example at least"),
    (ValueError, (np.tanh, X[:, :0]), None, r"save: x of shape \(2, 0\) is empty"),
    (ValueError, (lambda x: None, X), 0, "save: the model returned no array"),
]


@pytest.mark.parametrize(("error", "given", "axis", "says"), REFUSED)
def test_what_is_no_model_or_no_batch_is_told(error: type[Exception], given: Any, axis: int | None, says: str) -> None:
    with pytest.raises(error, match=says):
        graph_of(*given, axis, "save")


def goes_on(x: Any) -> Any:
    y = x * 2
    return y + 1 if len(x) > 1 else y


def does_another(x: Any) -> Any:
    y = x * 2
    return y - 1 if len(x) > 2 else y / 3


def looks_at_numbers(x: Any) -> Any:
    y = x * 2
    return y * x.data.mean()


def counts_oddly(x: Any) -> Any:
    y = x * 2
    return y.reshape((len(x) ** 2, -1)) if len(x) == 1 else np.ones((len(x) ** 2, 1), np.float32) * y[:1]


def ends_otherwise(x: Any) -> Any:
    y = x * 2
    return [y] if len(x) > 1 else [y, y]


@pytest.mark.parametrize(("model", "says"), [
    (goes_on, "goes on in several ways"), (does_another, "computes divide or subtract"),
    (looks_at_numbers, "uses the numbers .*, which are not recorded"), (counts_oddly, "(computes|uses|gives) .*"),
])  # fmt: skip
def test_what_is_refused_is_told_with_its_line(model: Any, says: str) -> None:
    line = f"{__file__}:{model.__code__.co_firstlineno + 2}, in {model.__name__}: return"
    with pytest.raises(
        ValueError, match=rf"^save: the model {says} at {re.escape(line)}.*, as the size of the batch or"
    ):
        graph_of(model, X, 0, "save")


def test_what_has_no_counterpart_is_told_with_its_line() -> None:
    graph = graph_of(lambda x: np.linalg.pinv(x), X, None, "save")
    for write, name, where in ((as_torch, "save_torch", "for PyTorch"), (as_onnx, "save_onnx", "as ONNX")):
        said = rf"^{name}: pinv at {re.escape(__file__)}:\d+, in <lambda>: graph = .* cannot be written {where}: there"
        with pytest.raises(TypeError, match=said):
            write(graph)


def test_what_ends_otherwise_is_told_without_a_line() -> None:
    with pytest.raises(ValueError, match=r"^save: the model goes on in several ways, as the size of the batch or the"):
        graph_of(ends_otherwise, X, 0, "save")


def test_an_error_of_a_model_says_with_what_it_was_called() -> None:
    with pytest.raises(ZeroDivisionError) as error:
        graph_of(lambda x, y: 1 // 0, (X, X[:, :1]), 0, "save")
    assert error.value.__notes__ == ["save called the model, in evaluation mode, with (2, 3), (2, 1)"]


def test_an_axis_that_all_inputs_have_counts_examples() -> None:
    graph = graph_of(lambda x, y: (x + 1, y + 1), (X, np.ones((4, 3))), 1, "save")
    assert [node.shape for node in graph.inputs] == [(2, Size(1, 0)), (4, Size(1, 0))]


def test_a_model_is_called_with_other_numbers_and_other_sizes() -> None:
    """Halved, turned round, with other signs; and batches of 1, 2, n + 1 and 2n + 3, of examples in another order."""
    x, k, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5, 8], [2, 3]]), np.array([True, False])
    seen: list[list[Any]] = []

    def model(*given: Any) -> Any:
        seen.append([part.data.tolist() for part in given])
        return given[0] * 1.0

    graph_of(model, (x, k, b), 0, "save")
    for n, given in zip((1, 3, 7), seen[4:], strict=True):
        rows = [i % 2 for i in range(n)][::-1]
        assert given == [x[rows].tolist(), k[rows].tolist(), b[rows].tolist()]
    assert seen[:4] == [
        [x.tolist(), k.tolist(), b.tolist()], [[[0.5, 1.0], [1.5, 2.0]], [[2, 4], [1, 1]], [False, True]],
        [[[2.0, 1.0], [4.0, 3.0]], [[8, 5], [3, 2]], [False, True]],
        [[[-1.0, -2.0], [-3.0, -4.0]], [[0, 0], [0, 0]], [False, False]],
    ]  # fmt: skip
    seen.clear()
    graph_of(lambda x: model(x), (np.float32(3.0),), None, "save")
    assert seen == [[3.0], [1.5], [3.0], [-3.0]]
    seen.clear()
    graph_of(lambda x: model(x), np.ones(1, np.float32), 0, "save")
    assert [len(given) for (given,) in seen] == [1, 1, 1, 1, 2, 5]


def test_an_operation_is_told_by_its_line_and_by_the_innermost_layer() -> None:
    inner = nn.Sequential(nn.Linear(3, 2, seed=0), np.tanh)
    graph = graph_of(nn.Sequential(inner, lambda x: x * 2), X, 0, "save")
    assert [node.note for node in graph.nodes] == ["layers.0.layers.0: Linear", "layers.0: Sequential", ""]
    library, docs = fake(), {}
    make = library.helper.make_node
    library.helper.make_node = lambda kind, *given, **how: (
        docs.update({kind: how.get("doc_string", "")}) or make(kind, *given, **how)
    )
    protobuf(library, graph)
    assert f"{__file__}:" in docs.pop("Mul")
    assert (docs["Shape"], docs["Identity"]) == ("", "")


def test_options_that_are_numbers_of_numpys_are_plain_ones_in_a_file() -> None:
    x, i, j = np.ones((2, 3, 4), np.float32), np.int64(1), np.int64(2)
    for model in (
        lambda x: np.argmax(x, i), lambda x: np.argmin(x, i, keepdims=True), lambda x: np.argsort(x, i),
        lambda x: np.cumsum(x, i), lambda x: F.softmax(x, i), lambda x: np.stack([x, x], i),
        lambda x: np.concatenate([x, x], i), lambda x: x.sum((i, j), keepdims=True),
        lambda x: np.transpose(x, (i, j, 0)),
        lambda x: np.swapaxes(x, i, j), lambda x: np.count_nonzero(x, i, keepdims=True), lambda x: x[:, i, :j],
        lambda x: np.round(x, j), lambda x: F.max_pool2d(x, j), lambda x: np.tril(x, i), lambda x: x[:, :: -j],
    ):  # fmt: skip
        graph = graph_of(model, x, 0, "save")
        for node in protobuf(fake(), graph).node:
            for how in node.how.values():
                parts = how if isinstance(how, (list, tuple)) else [how]
                assert {type(part) for part in parts} <= {int, float, str}, node
        assert "np." not in as_torch(graph)


def test_numbers_that_a_file_cannot_hold_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^save_onnx: x is of uint64, which the file's int64 cannot hold"):
        protobuf(fake(), graph_of(lambda x: x * 2.0, X.astype(np.uint64), 0, "save_onnx"))


if __name__ == "__main__":
    PAGE.write_text("\n\n".join("\n".join([name, *lines(make())]) for name, make in MODELS.items()), encoding="utf-8")
