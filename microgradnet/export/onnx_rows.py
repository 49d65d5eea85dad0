"""Each row as nodes of ONNX: for the key of a row, a function of the nodes in the making, the node and its inputs.

Here are those that work element by element and those that reduce; `onnx_shapes` and `onnx_networks` have the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .graph import Node
from .onnx_nodes import Nodes, count_of

Written: TypeAlias = Callable[..., str]


class Unwritten(Exception):
    """Why a row cannot be written as it was called."""


ROWS: dict[Any, Written] = {}


def row(*keys: Any) -> Callable[[Written], Written]:
    def add(written: Written) -> Written:
        ROWS.update(dict.fromkeys(keys, written))
        return written

    return add


# ---------------------------------------------------------------------------------------------------------- elementwise


def alike(b: Nodes, node: Node, args: tuple[str, ...], dtype: Any = None) -> list[str]:
    """The inputs in one dtype, by default that of the result."""
    dtype = node.dtype if dtype is None else dtype
    return [b.cast(x, part.dtype, dtype) for x, part in zip(args, node.args, strict=True)]


def plain(kind: str) -> Written:
    return lambda b, node, *args: b(kind, *alike(b, node, args))


for key, kind in {
    np.absolute: "Abs", np.fabs: "Abs", np.arccos: "Acos", np.arccosh: "Acosh", np.arcsin: "Asin", np.arcsinh: "Asinh",
    np.arctan: "Atan", np.arctanh: "Atanh", np.cos: "Cos", np.cosh: "Cosh", np.exp: "Exp", np.log: "Log",
    np.negative: "Neg", np.sign: "Sign", np.sin: "Sin", np.sinh: "Sinh", np.sqrt: "Sqrt", np.tan: "Tan",
    np.tanh: "Tanh", "relu": "Relu",
    "sigmoid": "Sigmoid", np.add: "Add", np.subtract: "Sub", np.multiply: "Mul", np.divide: "Div", np.power: "Pow",
    np.maximum: "Max", np.minimum: "Min", np.positive: "Identity", np.conjugate: "Identity", "astype": "Identity",
    "stop_gradient": "Identity", "hook": "Identity",
}.items():  # fmt: skip
    ROWS[key] = plain(kind)


def of_ints(whole: Callable[..., str], text: Callable[..., str]) -> Written:
    """A row that is another one for whole numbers, of which the standard has no Floor, Ceil or Round."""
    return lambda b, node, *args: (text if node.dtype.kind == "f" else whole)(b, *alike(b, node, args))


def as_it_is(b: Nodes, x: str) -> str:
    return b("Identity", x)


def formula(text: Callable[..., str]) -> Written:
    """A row of one dtype as a formula of others."""
    return lambda b, node, *args: text(b, *alike(b, node, args))


def scaled(factor: float) -> Written:
    return formula(lambda b, x: b("Mul", x, factor))


ROWS.update({
    np.square: formula(lambda b, x: b("Mul", x, x)),
    np.exp2: formula(lambda b, x: b("Exp", b("Mul", x, math.log(2)))),
    np.log2: formula(lambda b, x: b("Mul", b("Log", x), 1 / math.log(2))),
    np.log10: formula(lambda b, x: b("Mul", b("Log", x), 1 / math.log(10))),
    np.log1p: formula(lambda b, x: b("Log", b("Add", x, 1.0))),
    # tanh(x / 2) · (exp(x) + 1), without cancellation at 0; beyond 40 the other side of the product is infinite first
    np.expm1: formula(lambda b, x: b("Mul", b("Tanh", b("Mul", x, 0.5)), b("Add", b("Exp", x), 1.0))),
    np.cbrt: formula(lambda b, x: b("Mul", b("Sign", x), b("Pow", b("Abs", x), 1 / 3))),
    np.floor: of_ints(as_it_is, lambda b, x: b("Floor", x)),
    np.ceil: of_ints(as_it_is, lambda b, x: b("Ceil", x)),
    np.rint: of_ints(as_it_is, lambda b, x: b("Round", x)),
    np.trunc: of_ints(as_it_is, lambda b, x: b("Mul", b("Sign", x), b("Floor", b("Abs", x)))),
    np.hypot: formula(lambda b, x, y: b("Sqrt", b("Add", b("Mul", x, x), b("Mul", y, y)))),
    np.floor_divide: of_ints(
        lambda b, x, y: b("Div", b("Sub", x, b("Mod", x, y)), y), lambda b, x, y: b("Floor", b("Div", x, y))
    ),
    np.remainder: of_ints(
        lambda b, x, y: b("Mod", x, y), lambda b, x, y: b("Sub", x, b("Mul", b("Floor", b("Div", x, y)), y))
    ),
    # the larger of both plus log(1 + exp(−distance)): no overflow
    np.logaddexp: formula(lambda b, x, y: b("Add", b("Max", x, y), b("Softplus", b("Neg", b("Abs", b("Sub", x, y)))))),
    np.deg2rad: scaled(math.pi / 180), np.radians: scaled(math.pi / 180),
    np.rad2deg: scaled(180 / math.pi), np.degrees: scaled(180 / math.pi),
    "erfc": formula(lambda b, x: b("Sub", 1.0, b("Erf", x))),
    "clamped_log": formula(lambda b, x: b("Max", b("Log", x), -100.0)),
    "clip": formula(lambda b, x, low, high: b("Min", b("Max", x, low), high)),
    "gelu_tanh": formula(lambda b, x: b("Mul", b("Mul", x, 0.5), b("Add", 1.0, b("Tanh", b("Mul",
        math.sqrt(2 / math.pi), b("Add", x, b("Mul", 0.044715, b("Mul", x, b("Mul", x, x))))))))),
})  # fmt: skip


@row(np.reciprocal)
def reciprocal(b: Nodes, node: Node, x: str) -> str:
    if node.dtype.kind != "f":
        raise Unwritten("1 / x of whole numbers is 0, or what the processor makes of 1 / 0")
    return b("Reciprocal", *alike(b, node, (x,)))


@row(np.round)
def rounded(b: Nodes, node: Node, x: str) -> str:
    if node.dtype.kind != "f" and node.params.get("decimals", 0) >= 0:
        return b("Identity", x)
    if node.dtype.kind != "f":
        raise Unwritten("it rounds whole numbers to tens")
    factor = 10.0 ** node.params.get("decimals", 0)
    return b("Div", b("Round", b("Mul", x, factor)), factor) if factor != 1 else b("Round", x)


def compared(kind: str, negated: bool = False) -> Written:
    def written(b: Nodes, node: Node, *args: str) -> str:
        dtype = np.result_type(*(x.dtype for x in node.args))
        both = alike(b, node, args, np.int64 if dtype.kind == "b" else dtype)
        return b("Not", b(kind, *both)) if negated else b(kind, *both)

    return written


def logical(kind: str) -> Written:
    return lambda b, node, *args: b(kind, *alike(b, node, args, bool))


def bitwise(kind: str) -> Written:
    of_bools = logical(kind)
    return lambda b, node, *args: (
        of_bools(b, node, *args) if node.dtype.kind == "b" else b(f"Bitwise{kind}", *alike(b, node, args))
    )


for key, kind in {np.equal: "Equal", np.less: "Less", np.less_equal: "LessOrEqual", np.greater: "Greater",
                  np.greater_equal: "GreaterOrEqual"}.items():  # fmt: skip
    ROWS[key] = compared(kind)
ROWS[np.not_equal] = compared("Equal", negated=True)
for key, kind in {np.logical_and: "And", np.logical_or: "Or", np.logical_xor: "Xor", np.logical_not: "Not"}.items():
    ROWS[key] = logical(kind)
for key, kind in {np.bitwise_and: "And", np.bitwise_or: "Or", np.bitwise_xor: "Xor", np.invert: "Not"}.items():
    ROWS[key] = bitwise(kind)


@row(np.isnan, np.isinf, np.isposinf, np.isneginf, np.isfinite)
def special(b: Nodes, node: Node, x: str) -> str:
    (x,) = alike(b, node, (x,), np.float32)
    name = node.op.name
    if name == "isnan":
        return b("IsNaN", x)
    if name == "isfinite":
        return b("Not", b("Or", b("IsNaN", x), b("IsInf", x)))
    return b("IsInf", x, detect_positive=int(name != "isneginf"), detect_negative=int(name != "isposinf"))


@row(np.where)
def where(b: Nodes, node: Node, condition: str, x: str, y: str) -> str:
    _, x, y = alike(b, node, (condition, x, y))
    return b("Where", b.cast(condition, node.args[0].dtype, bool), x, y)


@row(np.heaviside)
def heaviside(b: Nodes, node: Node, x: str, y: str) -> str:
    x, y = alike(b, node, (x, y))
    at_zero = b("Where", b("Equal", x, 0.0), y, x)  # or x itself, which may be a NaN
    return b("Where", b("Greater", x, 0.0), 1.0, b("Where", b("Less", x, 0.0), 0.0, at_zero))


# ----------------------------------------------------------------------------------------------------------- reductions


def axes_of(axis: Any, ndim: int) -> list[int]:
    if axis is None:
        return list(range(ndim))
    return sorted({int(i) % ndim for i in np.atleast_1d(axis)}) if ndim else []


def reduced(kind: str, dtype: Any = None) -> Written:
    def written(b: Nodes, node: Node, x: str) -> str:
        (x,) = alike(b, node, (x,), dtype)
        axes = axes_of(node.params.get("axis", -1 if kind == "ReduceProd" else None), node.args[0].ndim)
        keep = int(node.params.get("keepdims", False))
        x = b(kind, x, axes, keepdims=keep) if axes else b("Identity", x)
        return b.cast(x, node.dtype if dtype is None else dtype, node.dtype)

    return written


for key, kind in {np.sum: "ReduceSum", np.max: "ReduceMax", np.min: "ReduceMin", np.prod: "ReduceProd"}.items():
    ROWS[key] = reduced(kind)
ROWS[np.any], ROWS[np.all] = reduced("ReduceMax", np.float32), reduced("ReduceMin", np.float32)


@row(np.count_nonzero)
def counted(b: Nodes, node: Node, x: str) -> str:
    ones = b("Cast", b.cast(x, node.args[0].dtype, bool), to=b.kind(np.int64))
    axes = axes_of(node.params.get("axis"), node.args[0].ndim)
    return b("ReduceSum", ones, axes, keepdims=int(node.params.get("keepdims", False))) if axes else ones


@row(np.argmax, np.argmin)
def arg_extreme(b: Nodes, node: Node, x: str) -> str:
    kind, axis = {"argmax": "ArgMax", "argmin": "ArgMin"}[node.op.name], node.params.get("axis")
    x = b.cast(x, node.args[0].dtype, np.float32) if node.args[0].dtype.kind == "b" else x
    if axis is None:
        return b.reshaped(b(kind, b("Reshape", x, [-1]), axis=0, keepdims=0), node.shape)
    return b(kind, x, axis=int(axis), keepdims=int(node.params.get("keepdims", False)))


@row(np.argsort)
def argsort(b: Nodes, node: Node, x: str) -> str:
    """ONNX puts equal ones in their order, as a stable sort does."""
    axis = node.params.get("axis", -1)
    if axis is None:
        x, axis, length = b("Reshape", x, [-1]), 0, count_of(node.args[0].shape)
    else:
        length = node.shape[axis]
    return b.several("TopK", x, b.sizes([length]), axis=int(axis), largest=0, results=2)[1]


@row(np.cumsum)
def cumsum(b: Nodes, node: Node, x: str) -> str:
    return b("CumSum", *alike(b, node, (x,)), int(node.params["axis"]))


@row("softmax")
def softmax(b: Nodes, node: Node, x: str) -> str:
    return b("Softmax", x, axis=int(node.params.get("axis", -1))) if node.ndim else b("Exp", b("Sub", x, x))


@row("normalize")
def normalize(b: Nodes, node: Node, x: str) -> str:
    axes = axes_of(node.params["axis"], node.ndim)
    gap = b("Sub", x, b("ReduceMean", x, axes))
    variance = b("ReduceMean", b("Mul", gap, gap), axes)
    return b("Div", gap, b("Sqrt", b("Add", variance, node.params["eps"])))
