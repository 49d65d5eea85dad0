"""`save_onnx`: a model as a file that ONNX Runtime and its like compute with."""

from __future__ import annotations

import os
from typing import Any

from ..files import place, replace
from ..words import brief
from . import onnx_networks  # noqa: F401  (fills the table)
from .graph import Graph, Node, Size, graph_of
from .onnx_nodes import OPSET, Nodes, onnx, stored
from .onnx_rows import ROWS, Unwritten
from .onnx_shapes import MOVES, moved


def save_onnx(path: str | os.PathLike[str], model: Any, x: Any, *, axis: int | None = 0) -> None:
    """Write what `model` computes of x, in evaluation mode, to a file in the ONNX format.

    x is an example batch, or a tuple of the arrays that the model takes. `axis` counts the examples in each of them:
    there the file takes any number of them, all other lengths are those of x; with None that one is too. For an LSTM
    with the times first it is 1. Inputs have the names of the arguments of `forward`, outputs are `output`, or
    `output_0`, `output_1`, … in the order in which the model returns them. Floating-point numbers are float32 in the
    file. The model may be a function; it stays as it is.

    The file holds one way of computing for all batches, so the model is called with other numbers, and with batches of
    1 to 2n + 3 examples for the n of x. ValueError, with the line, where what it does or holds is then another in a way
    that the file could not follow, such as an array made of `x.data`; what a model does with larger batches alone is
    not seen. TypeError, with the line, for an operation that has no counterpart. Then nothing is written.
    Needs the extra `onnx`.
    """
    library = onnx()
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"the path of the file comes first, save_onnx(path, model, x); got {brief(path)} in its place")
    if not os.fspath(path).endswith(".onnx"):
        raise ValueError(f"{os.fspath(path)!r}: wanted a path that ends in .onnx, by which others know it")
    file = place(path)
    made = protobuf(library, graph_of(model, x, axis, "save_onnx"))
    library.checker.check_model(made, full_check=True)
    replace(file, made.SerializeToString())


def protobuf(library: Any, graph: Graph) -> Any:
    """The graph as the standard has it."""
    b, make = Nodes(library), library.helper
    names: dict[int, str] = {}
    inputs = []
    for node in graph.inputs:
        if node.dtype == "uint64":
            raise TypeError(
                f"save_onnx: {node.name} is of uint64, which the file's int64 cannot hold: x.astype(np.int64)"
            )
        name = b.new(node.name)
        kind = node.dtype if node.dtype.kind != "f" else stored(node.dtype)
        shape = ["batch" if isinstance(n, Size) else n for n in node.shape]
        inputs.append(make.make_tensor_value_info(name, make.np_dtype_to_tensor_dtype(kind), shape))
        names[id(node)] = name
    if graph.axis is not None:
        b.batch = b("Gather", b("Shape", inputs[0].name), [graph.axis], axis=0)
    for node in graph.inputs:
        if node.dtype.kind != "f" and stored(node.dtype) != node.dtype:
            names[id(node)] = b("Cast", names[id(node)], to=b.kind(node.dtype))

    def named(node: Node) -> str:
        if id(node) not in names:
            names[id(node)] = b.value(node)
        return names[id(node)]

    for node in graph.nodes:
        if not node.varies:  # a constant, computed here
            continue
        b.line = node.line
        names[id(node)] = written(b, node, graph.batch, named)
    b.line = ""
    outputs = []
    for i, node in enumerate(graph.outputs):
        name = b.new("output" if len(graph.outputs) == 1 else f"output_{i}")
        b.made.append(make.make_node("Identity", [named(node)], [name], name=name))
        shape = ["batch" if n == Size(1, 0) else None if isinstance(n, Size) else n for n in node.shape]
        outputs.append(make.make_tensor_value_info(name, b.kind(node.dtype), shape))
    used = {name for node in b.made for name in node.input} | {  # and what is inside a Scan
        name for node in b.made for part in node.attribute for inner in part.g.node for name in inner.input
    }
    arrays = [library.numpy_helper.from_array(x, name) for name, x in b.arrays.items() if name in used]
    body = make.make_graph(b.made, "model", inputs, outputs, arrays)
    opset = make.make_opsetid("", OPSET)
    return make.make_model(body, opset_imports=[opset], ir_version=8, producer_name="microgradnet")


def written(b: Nodes, node: Node, batch: int, named: Any) -> str:
    """The name of the result of a row."""
    key, args = node.op.key, [named(x) for x in node.args]
    try:
        if key in MOVES or (key == "scatter" and len(args) == 1):
            return moved(b, node, args[0], batch)
        if key in ROWS:
            return b.wrapped(ROWS[key](b, node, *args), node.dtype)
        why = "there is no counterpart of it"
    except Unwritten as error:
        why = str(error)
    at = f" at {node.line}" if node.line else ""
    raise TypeError(
        f"save_onnx: {node.op.name}{at} cannot be written as ONNX: {why}. Write it with other functions, or leave it "
        f"out of the model that is saved"
    )
