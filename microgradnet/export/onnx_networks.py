"""Rows of networks, as nodes of ONNX: products of matrices, attention, convolution, pooling, the LSTM."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .graph import Node, Size, has_size
from .onnx_nodes import Nodes
from .onnx_rows import Unwritten, alike, row

LSTM = ["h", "c", "z", "product", "sum", "i", "f", "g", "o", "it", "ft", "gt", "ot", "fc", "ig", "next_c", "top",
        "next_h", "hs", "cs"]  # fmt: skip


@row(np.matmul)
def matmul(b: Nodes, node: Node, *args: str) -> str:
    return b("MatMul", *alike(b, node, args))


@row("linear")
def linear(b: Nodes, node: Node, *args: str) -> str:
    x, weight, bias = alike(b, node, args)
    if node.args[0].ndim == 2:
        return b("Gemm", x, weight, bias, transB=1)
    return b("Add", b("MatMul", x, b("Transpose", weight, perm=[1, 0])), bias)


@row(np.einsum)
def einsum(b: Nodes, node: Node, *args: str) -> str:
    return b("Einsum", *alike(b, node, args), equation=node.params["subscripts"])


@row("quadratic_cost")
def quadratic_cost(b: Nodes, node: Node, output: str, target: str) -> str:
    gap = b("Sub", *alike(b, node, (output, target)))
    square = b("Mul", gap, gap)
    ndim = node.args[0].ndim
    square = b("ReduceSum", square, [-1], keepdims=0) if ndim else square
    return b("ReduceMean", square, np.arange(ndim - 1), keepdims=0) if ndim > 1 else square


@row("attention_weights")
def attention_weights(b: Nodes, node: Node, query: str, key: str, *masks: str) -> str:
    n = node.args[1].ndim
    turned = b("Transpose", key, perm=[*range(n - 2), n - 1, n - 2])
    scores = b("MatMul", b("Mul", query, node.params["scale"]), turned)
    for mask in masks:
        scores = b("Add", scores, mask)
    if node.params["causal"]:
        if has_size(node.shape[-2:]):
            raise Unwritten("a causal mask whose length is that of the batch")
        scores = b("Add", scores, np.where(np.tri(*node.shape[-2:], dtype=np.bool), 0.0, -math.inf))
    top = b("ReduceMax", scores, [-1])
    top = b("Where", b("IsInf", top), 0.0, top)
    powers = b("Exp", b("Sub", scores, top))
    return b("Div", powers, b("Max", b("ReduceSum", powers, [-1]), 1.0))  # 0 where a query may look nowhere


def edges(padding: Any) -> list[int]:
    """What is put before each of two axes, and then behind each."""
    return [n for side in zip(*padding, strict=True) for n in side]


@row("conv2d")
def conv2d(b: Nodes, node: Node, *args: str) -> str:
    how = node.params
    return b("Conv", *alike(b, node, args), strides=how["stride"], dilations=how["dilation"], group=how["groups"],
             pads=edges(how["padding"]))  # fmt: skip


@row("conv2d_input")
def conv2d_input(b: Nodes, node: Node, *args: str) -> str:
    how, kernel = node.params, node.args[1].shape[2:]
    reached = [(n - 1) * s + d * (k - 1) + 1 - sum(p) for n, s, d, k, p in zip(
        node.args[0].shape[2:], how["stride"], how["dilation"], kernel, how["padding"], strict=True)]  # fmt: skip
    more = [n - m for n, m in zip(how["shape"], reached, strict=True)]
    return b("ConvTranspose", *alike(b, node, args), strides=how["stride"], dilations=how["dilation"],
             group=how["groups"], pads=edges(how["padding"]), output_padding=more)  # fmt: skip


def padded(b: Nodes, node: Node, x: str, fill: float) -> str:
    """An image with so much around it that windows have the places they have, and no more."""
    how = node.params
    sides = []
    for n, size, k, s, p, d in zip(node.args[0].shape[2:], how["size"], how["kernel"], how["stride"], how["padding"],
                                   how["dilation"], strict=True):  # fmt: skip
        sides.append((p, max(0, (size - 1) * s + d * (k - 1) + 1 - n - p)))
    if not any(map(any, sides)):
        return x
    return b("Pad", x, [0, 0, *edges(sides)[:2], 0, 0, *edges(sides)[2:]], fill)


@row("max_pool2d")
def max_pool2d(b: Nodes, node: Node, x: str) -> str:
    how = node.params
    return b("MaxPool", padded(b, node, x, -math.inf), kernel_shape=how["kernel"], strides=how["stride"],
             dilations=how["dilation"])  # fmt: skip


@row("sum_pool2d")
def sum_pool2d(b: Nodes, node: Node, x: str) -> str:
    how, x = node.params, padded(b, node, x, 0.0)
    channels = node.shape[1]
    if how["dilation"] == (1, 1):
        mean = b("AveragePool", x, kernel_shape=how["kernel"], strides=how["stride"])
        return b("Mul", mean, float(math.prod(how["kernel"])))
    if isinstance(channels, Size):
        raise Unwritten("channels that go with the batch")
    ones = np.ones((channels, 1, *how["kernel"]), np.float32)
    return b("Conv", x, ones, strides=how["stride"], dilations=how["dilation"], group=channels)


@row("lstm")
def lstm(b: Nodes, node: Node, sums: str, h: str, c: str, weight: str) -> str:
    """A Scan along the times: h and c go from one to the next."""
    make, real = b.onnx.helper, b.kind(np.float32)
    width = node.shape[-1]
    names = {name: b.new(f"lstm_{name}") for name in LSTM}
    turned = b("Transpose", weight, perm=[1, 0])
    steps = [
        ("MatMul", ["h", turned], ["product"]), ("Add", ["z", "product"], ["sum"]),
        ("Sigmoid", ["i"], ["it"]), ("Sigmoid", ["f"], ["ft"]), ("Tanh", ["g"], ["gt"]), ("Sigmoid", ["o"], ["ot"]),
        ("Mul", ["ft", "c"], ["fc"]), ("Mul", ["it", "gt"], ["ig"]), ("Add", ["fc", "ig"], ["next_c"]),
        ("Tanh", ["next_c"], ["top"]), ("Mul", ["ot", "top"], ["next_h"]),
        ("Identity", ["next_h"], ["hs"]), ("Identity", ["next_c"], ["cs"]),
    ]  # fmt: skip
    body = [make.make_node(kind, [names.get(x, x) for x in ins], [names[x] for x in outs]) for kind, ins, outs in steps]
    gates = [names[gate] for gate in "ifgo"]
    body.insert(2, make.make_node("Split", [names["sum"]], gates, axis=-1, num_outputs=4))
    graph = make.make_graph(
        body, "lstm",
        [make.make_tensor_value_info(names[x], real, [None, n * width]) for x, n in [("h", 1), ("c", 1), ("z", 4)]],
        [make.make_tensor_value_info(names[x], real, [None, width]) for x in ("next_h", "next_c", "hs", "cs")],
    )  # fmt: skip
    *_, hs, cs = b.several("Scan", h, c, sums, results=4, body=graph, num_scan_inputs=1)
    return b("Concat", b("Unsqueeze", hs, [0]), b("Unsqueeze", cs, [0]), axis=0)
