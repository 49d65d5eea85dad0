"""Rows that are several calls of NumPy, written out: the same arithmetic as their forward, in the same order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .nodes import Node, changed

add_reduce: Any = np.add.reduce
ROOMY = (np.dtype(np.float32), np.dtype(np.float64))
ONE_OF_THEM = [{dtype} for dtype in ROOMY]
Emit = Callable[..., Any]


def _like(shape: tuple[int, ...], dtype: Any) -> Any:
    class Like:
        pass

    Like.shape, Like.dtype = shape, dtype  # type: ignore[attr-defined]
    return Like


def lowered(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """With the rows of `LOWERED` written out."""
    instead: dict[int, Any] = {}
    made: list[Node] = []

    def renamed(x: Any) -> Any:
        return instead.get(id(x), x) if type(x) is Node else x

    for node in nodes:
        node.args, node.params = changed(node.args, renamed), changed(node.params, renamed)
        write_out = LOWERED.get(node.op.name) if node.op is not None and node.function is node.op.forward else None

        def emit(function: Any, *args: Any, shape: tuple[int, ...], dtype: Any = node.dtype, node: Node = node) -> Node:
            made.append(Node("call", function, args, like=_like(shape, dtype), line=node.line))
            if shape == node.shape:
                made[-1].layout, made[-1].packed = node.layout, node.packed
            return made[-1]

        begun = len(made)
        new = write_out(node, emit) if write_out is not None else None
        if new is None:
            del made[begun:]
            made.append(node)
        else:
            instead[id(node)] = new
    return made, changed(result, renamed)


def _of_floats(*nodes: Any) -> bool:
    """Whether all are arrays with axes, of one of the dtypes that NumPy computes with as they are."""
    return {x.dtype if type(x) is Node and x.shape else None for x in nodes} in ONE_OF_THEM


def transposed(x: Any) -> Any:
    """A matrix the other way round: a view."""
    return x.T


def _linear(node: Node, emit: Emit) -> Any:
    x, weight, bias = node.args
    if not _of_floats(x, weight, bias) or len(x.shape) != 2:
        return None
    product = emit(np.dot, x, emit(transposed, weight, shape=weight.shape[::-1]), shape=node.shape)
    return emit(np.add, product, bias, shape=node.shape)


def _sigmoid(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    if not _of_floats(x):
        return None
    z = emit(np.exp, emit(np.negative, x, shape=x.shape), shape=x.shape)
    return emit(np.reciprocal, emit(np.add, z, node.dtype.type(1), shape=x.shape), shape=x.shape)


def _relu(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    return emit(np.maximum, x, node.dtype.type(0), shape=x.shape) if _of_floats(x) else None


def summed(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over axes."""
    return add_reduce(x, axis=axis, keepdims=keepdims)


def is_sum(node: Node) -> bool:
    """Whether a node adds up over axes, as np.add.reduce does."""
    return node.function is summed or (
        node.op is not None and node.op.key is np.sum and node.function is node.op.forward
    )


def is_masking(node: Node) -> bool:
    """Whether a node is `np.where(mask, x, 0.0)`: what a mask leaves of an array of floats."""
    row = node.op is not None and node.op.key is np.where and node.function is node.op.forward
    if not (row or node.function is np.where) or len(node.args) != 3 or node.params:
        return False
    mask, x, zero = node.args
    arrays = type(mask) is Node and type(x) is Node and mask.shape == x.shape == node.shape
    return (
        arrays
        and mask.dtype == np.bool
        and x.dtype == node.dtype
        and node.dtype in ROOMY
        and type(zero) is float
        and math.copysign(1.0, zero) == 1.0
        and zero == 0.0
    )


def _quadratic_cost(node: Node, emit: Emit) -> Any:
    output, target = node.args
    if not _of_floats(output, target):
        return None
    error = emit(np.subtract, output, target, shape=output.shape)
    total = emit(summed, emit(np.multiply, error, error, shape=error.shape), shape=())
    return emit(np.divide, total, math.prod(output.shape[:-1]), shape=())


def _matmul(node: Node, emit: Emit) -> Any:
    x, y = node.args
    if not _of_floats(x, y) or len(x.shape) != 2 or len(y.shape) != 2:
        return None
    if not (x.packed and y.packed):  # np.dot would copy it, and BLAS add up in another order
        return None
    if 1 in (math.prod(x.shape), math.prod(y.shape)):  # by which np.dot multiplies: 0 * NaN is 0 there
        return None
    return emit(np.dot, x, y, shape=node.shape)


def _transpose(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    if type(x) is not Node or len(x.shape or ()) != 2 or node.params.get("axes") not in (None, (1, 0)):
        return None
    return emit(transposed, x, shape=node.shape)


def _power(node: Node, emit: Emit) -> Any:
    """`**` of NumPy has ways of its own for some exponents."""
    x, exponent = node.args
    special = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
    if type(exponent) not in (int, float) or exponent not in special or not _of_floats(x):
        return None
    return emit(special[exponent], x, shape=x.shape)


def _positive(node: Node, emit: Emit) -> Any:
    return node.args[0] if type(node.args[0]) is Node else None


LOWERED: dict[str, Callable[[Node, Emit], Any]] = {
    "linear": _linear, "sigmoid": _sigmoid, "relu": _relu, "quadratic_cost": _quadratic_cost, "matmul": _matmul,
    "transpose": _transpose, "stop_gradient": _positive, "power": _power,
}  # fmt: skip
