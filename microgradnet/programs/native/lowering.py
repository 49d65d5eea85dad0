"""Rows written out as elements, sums and products: what native loops are made of. Equal to the rows within rounding."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.shape import SLOT
from ..lowering import ONE_OF_THEM, ROOMY, summed, transposed
from ..nodes import Node, changed, ufunc_of
from ..passes import copied, in_order, is_new, scalar
from ..scalars.gathers import packed, taken
from ..traced import cast
from .elementary import clamped_log, clip, erfc, expm1, log1p, logaddexp, sigmoid_of
from .images import conv2d, conv2d_input, conv2d_weight, max_pool2d, max_unpool2d, sum_pool2d, sum_unpool2d
from .marks import assembled, by_numbers, made_into
from .recurrent import lstm

SMALLEST, LARGEST = np.minimum.reduce, np.maximum.reduce


class Like:
    """The shape and the dtype of a result."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype: Any = dtype


def written_out(nodes: list[Node], inputs: list[Node], result: Any) -> tuple[list[Node], list[Node], Any]:
    """Copies of the nodes, in which the rows of `ROWS` are written out. Rows without an entry are what they were."""
    instead: dict[int, Any] = {}
    made: list[Node] = []

    def renamed(x: Any) -> Any:
        return instead.get(id(x), x) if type(x) is Node else x

    for node in nodes:
        new = Node(node.kind, node.function, changed(node.args, renamed), changed(node.params, renamed),
                   place=node.place, held=node.held, op=node.op, line=node.line)  # fmt: skip
        new.shape, new.dtype, new.layout = node.shape, node.dtype, node.layout
        emit = Emit(new, made)
        row = ROWS.get(key_of(new)) if new.kind == "call" and all(map(is_known, (new, *new.inputs()))) else None
        begun = len(made)
        written = row(new, emit) if row is not None else None
        if written is None:
            del made[begun:]
            made.append(new)
            written = new
        instead[id(node)] = written
    return made, [instead[id(node)] for node in inputs], changed(result, renamed)


KNOWN = (*ROOMY, np.dtype(np.bool), np.dtype(np.int64), None)


def is_known(node: Node) -> bool:
    """Whether native code computes with such an array: of what has no elements, NumPy knows what there is."""
    return node.dtype in KNOWN and 0 not in (node.shape or ())


def key_of(node: Node) -> Any:
    """What a node calls: the key of its row where it is the forward of one, or a function."""
    if node.op is not None and node.function is node.op.forward:
        return node.op.name
    return NAMED.get(node.function, node.function)


NAMED: dict[Any, Any] = {
    np.where: "where", np.reshape: "reshape", operator.pow: "power", np.power: "power", by_numbers: "take",
}  # fmt: skip


class Emit:
    """Adds nodes in place of one."""

    def __init__(self, node: Node, made: list[Node]) -> None:
        self.node: Node = node
        self.made: list[Node] = made

    def __call__(self, function: Any, *args: Any, shape: Any = None, dtype: Any = None, **params: Any) -> Node:
        shape = self.node.shape if shape is None else shape
        like = Like(shape, dtype or self.node.dtype)
        self.made.append(Node("call", function, args, params, like=like, line=self.node.line))
        new = self.made[-1]
        new.layout = self.node.layout if shape == self.node.shape else tuple(range(len(shape)))
        return new

    def reduced(self, function: Any, x: Node, axis: Any) -> Node:
        """A reduction over axes, which are kept."""
        axes = axes_of(x, axis)
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape or ()))
        return self(function, x, shape=shape, axis=axes, keepdims=True)

    def number(self, x: float) -> Any:
        """A number in the dtype of the node."""
        return self.node.dtype.type(x)


def axes_of(x: Node, axis: Any) -> tuple[int, ...]:
    """Axes as a tuple of numbers from 0 on."""
    count = len(x.shape or ())
    if axis is None or not count:
        return tuple(range(count))
    return tuple(sorted(i % count for i in (axis if isinstance(axis, tuple) else (axis,))))


def of_floats(*nodes: Any) -> bool:
    """Whether all are arrays of one dtype that loops compute with."""
    return {x.dtype if type(x) is Node and x.shape is not None else None for x in nodes} in ONE_OF_THEM


# --------------------------------------------------------------------------------------------------------- the rows


def _linear(node: Node, emit: Emit) -> Any:
    """Of a vector, or of more than one matrix."""
    x, weight, bias = node.args
    constant = isinstance(x, np.ndarray) and x.dtype == node.dtype  # such as the state that a GRU begins with
    if not of_floats(weight, bias, weight if constant else x) or not x.shape:
        return None
    rows = math.prod(x.shape[:-1]), x.shape[-1]
    shape = rows[0], weight.shape[0]
    flat = x.reshape(rows) if constant else emit(np.reshape, x, rows, shape=rows)
    w = emit(transposed, weight, shape=weight.shape[::-1])
    out = emit(np.add, emit(np.dot, flat, w, shape=shape), bias, shape=shape)
    return emit(np.reshape, out, node.shape)


def _matmul(node: Node, emit: Emit) -> Any:
    x, y = node.args
    if isinstance(y, np.ndarray) and y.ndim == 1 and type(x) is Node and np.all(y == 1) and y.dtype == x.dtype:
        total = emit.reduced(np.add.reduce, x, -1)  # the way in which rows add up along the last axis
        return emit(np.reshape, total, node.shape)
    matrices = all(isinstance(z, (Node, np.ndarray)) and len(z.shape or ()) == 2 for z in (x, y))
    if matrices and node.dtype in ROOMY and x.dtype == y.dtype == node.dtype:  # of which one may be a constant
        return emit(np.dot, x, y)
    if not of_floats(x, y) or len(x.shape) < 2 or len(y.shape) < 2:
        return None
    if len(y.shape) == 2 and len(x.shape) > 2:
        rows = math.prod(x.shape[:-1]), x.shape[-1]
        flat = emit(np.dot, emit(np.reshape, x, rows, shape=rows), y, shape=(rows[0], y.shape[1]))
        return emit(np.reshape, flat, node.shape)
    return emit(np.matmul, x, y)


def _sum(node: Node, emit: Emit) -> Any:
    return _reduction(np.add.reduce, node, emit)


def _max(node: Node, emit: Emit) -> Any:
    return _reduction(LARGEST, node, emit)


def _min(node: Node, emit: Emit) -> Any:
    return _reduction(SMALLEST, node, emit)


def _reduction(function: Any, node: Node, emit: Emit) -> Any:
    x, axis = node.args[0], node.params.get("axis")
    if not of_floats(x) or x.dtype != node.dtype or len(node.args) > 1:
        return None
    out = emit.reduced(function, x, axis) if x.shape else x
    return out if out.shape == node.shape else emit(np.reshape, out, node.shape)


def _total(emit: Emit, x: Any, axis: Any) -> Node:
    return emit.reduced(np.add.reduce, x, axis)


def _normalize(node: Node, emit: Emit) -> Any:
    (x,), axis = node.args, node.params["axis"]
    if not of_floats(x):
        return None
    n = emit.number(math.prod(x.shape[i] for i in axes_of(x, axis)) or 1)
    mean = emit(np.divide, _total(emit, x, axis), n, shape=_total(emit, x, axis).shape)
    gap = emit(np.subtract, x, mean)
    square = emit(np.multiply, gap, gap)
    variance = emit(np.divide, _total(emit, square, axis), n, shape=mean.shape)
    spread = emit(np.sqrt, emit(np.add, variance, emit.number(node.params["eps"]), shape=mean.shape), shape=mean.shape)
    return emit(np.multiply, gap, emit(np.divide, emit.number(1), spread, shape=mean.shape))


def _exponentials(emit: Emit, x: Node, axis: Any, least: float) -> Node:
    top = emit.reduced(LARGEST, x, axis)
    finite = emit(np.isfinite, top, shape=top.shape, dtype=np.dtype(np.bool))
    top = emit(np.where, finite, top, emit.number(0), shape=top.shape)
    e = emit(np.exp, emit(np.subtract, x, top))
    total = _total(emit, e, axis)
    return emit(np.divide, e, emit(np.maximum, total, emit.number(least), shape=total.shape))


def _softmax(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    return _exponentials(emit, x, node.params.get("axis", -1), 0.0) if of_floats(x) and x.shape else None


def _attention_weights(node: Node, emit: Emit) -> Any:
    query, key, *masks = node.args
    if not of_floats(query, key) or any(not of_floats(query, m) for m in masks):
        return None
    scaled = emit(np.multiply, query, emit.number(node.params["scale"]), shape=query.shape)
    turned = emit(np.swapaxes, key, -1, -2, shape=(*key.shape[:-2], *key.shape[:-3:-1]))
    two = len(query.shape) == len(key.shape) == 2
    scores = emit(np.dot if two else np.matmul, scaled, turned)
    for m in masks:
        scores = emit(np.add, scores, m)
    if node.params["causal"]:
        seen = np.tri(*node.shape[-2:], dtype=np.bool)  # type: ignore[index]
        scores = emit(np.where, seen, scores, emit.number(-math.inf))
    return _exponentials(emit, scores, -1, 1.0)


def _power(node: Node, emit: Emit) -> Any:
    x, exponent = node.args
    if not of_floats(x) or not isinstance(exponent, (int, float)) or isinstance(exponent, np.generic):
        return None
    if exponent == 2:
        return emit(np.multiply, x, x)
    if exponent == 3:
        return emit(np.multiply, emit(np.multiply, x, x), x)
    if exponent == 1:
        return x
    function = {0.5: np.sqrt, -1: np.reciprocal}.get(exponent)
    return None if function is None else emit(function, x)


def _where(node: Node, emit: Emit) -> Any:
    return emit(np.where, *node.args) if len(node.args) == 3 else None


def _sigmoid(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    return sigmoid_of(emit, x) if of_floats(x) else None


def _relu(node: Node, emit: Emit) -> Any:
    return emit(np.maximum, node.args[0], emit.number(0)) if of_floats(node.args[0]) else None


def _astype(node: Node, emit: Emit) -> Any:
    x = node.args[0]
    known = type(x) is Node and x.shape is not None and x.dtype in (*ROOMY, np.dtype(np.bool)) and node.dtype in ROOMY
    return emit(made_into, x, like=node.dtype) if known else None


def _same(node: Node, emit: Emit) -> Any:
    x = node.args[0]
    return x if type(x) is Node and x.dtype == node.dtype else None


def _scalar(node: Node, emit: Emit) -> Any:
    """The number of an array without axes, which is no other thing to native code than that array."""
    return node.args[0] if of_floats(node.args[0]) else None


def _added(node: Node, emit: Emit) -> Any:
    """Pieces that were scattered into zeros and added up, where no two overlap: each goes straight to its place."""
    parts = []
    for x in node.args:
        if type(x) is not Node:
            return None
        if x.function is assembled:
            parts += list(zip(x.params["index"], x.args, strict=True))
        elif key_of(x) == "scatter" and len(x.args) == 1 and type(x.args[0]) is Node:
            parts.append((x.params["index"], x.args[0]))
        else:
            return None
    taken = np.zeros(node.shape or (), np.uint8)
    for index, _ in parts:
        taken[index] += 1
    if taken.max(initial=0) != 1:
        return None
    return emit(assembled, *[x for _, x in parts], index=[index for index, _ in parts], whole=bool(taken.min() == 1))


def _spread(node: Node, emit: Emit) -> Any:
    """A number that is there many times; an array is looked at with strides of 0."""
    return emit(made_into, node.args[0], like=node.shape) if isinstance(node.args[0], np.floating) else None


def _copy(node: Node, emit: Emit) -> Any:
    return emit(np.positive, node.args[0]) if of_floats(node.args[0]) else None


def _in_order(node: Node, emit: Emit) -> Any:
    """Native sums have an order of their own: what is a view of a result will do as it is."""
    x = node.args[0]
    while type(x) is Node and x.kind == "call" and not is_new(x) and x.args:
        x = x.args[0]
    return node.args[0] if type(x) is Node and is_new(x) else _copy(node, emit)


def _dot(node: Node, emit: Emit) -> Any:
    """Of vectors; of matrices it is what it is."""
    x: Any = node.args[0]
    y: Any = node.args[1]
    if not all(isinstance(z, (Node, np.ndarray)) and z.shape and z.dtype == node.dtype for z in node.args[:2]):
        return None
    sizes = len(x.shape), len(y.shape)
    if sizes == (1, 1):
        total = emit(np.add.reduce, emit(np.multiply, x, y, shape=x.shape), shape=(1,), axis=(0,), keepdims=True)
        return emit(np.reshape, total, (), shape=())
    if sizes == (2, 1):
        tall = (*y.shape, 1)
        column = emit(np.reshape, y, tall, shape=tall) if isinstance(y, Node) else y.reshape(tall)
        product = emit(np.dot, x, column, shape=(*x.shape[:1], 1))
        return emit(np.reshape, product, node.shape)
    return None


def parts_of(node: Node, emit: Emit) -> list[Any]:
    """What arrays are put together, given one by one or in a list; none where not all are of one dtype."""
    parts = node.args[0] if len(node.args) == 1 and type(node.args[0]) is list else list(node.args)
    fits = all(isinstance(x, (Node, np.ndarray)) and x.shape is not None and x.dtype == node.dtype for x in parts)
    fits = fits and all(x.shape or x.dtype in ROOMY for x in parts)
    if not fits or not set(node.params) <= {"axis"}:
        return []
    return [in_memory(x, emit) for x in parts]


def in_memory(x: Any, emit: Emit) -> Any:
    """An array; one without axes may be a number of NumPy's, and has to be put into memory."""
    return emit(made_into, x, shape=(), like=x.dtype) if type(x) is Node and not x.shape else x


def _concatenate(node: Node, emit: Emit) -> Any:
    """Arrays one behind the other, each straight to its place; end to end, all of their numbers, without an axis."""
    parts, axis = parts_of(node, emit), node.params.get("axis", 0)
    if not parts:
        return None
    if axis is None:
        before, sizes = (), [math.prod(x.shape) for x in parts]
    else:
        before, sizes = (slice(None),) * (axis % len(node.shape or ())), [x.shape[axis] for x in parts]
    places = zip(itertools.accumulate(sizes), sizes, strict=True)
    return emit(assembled, *parts, index=[(*before, slice(end - n, end)) for end, n in places], whole=True)


def _stack(node: Node, emit: Emit) -> Any:
    """Arrays beside each other along a new axis."""
    parts = parts_of(node, emit)
    if not parts:
        return None
    before = (slice(None),) * (node.params.get("axis", 0) % len(node.shape or ()))
    return emit(assembled, *parts, index=[(*before, i) for i in range(len(parts))], whole=True)


def _scatter(node: Node, emit: Emit) -> Any:
    """An array in its place among zeros."""
    x, index = node.args[0], node.params["index"]
    index = index if type(index) is tuple else (index,)
    known = len(node.args) == 1 and of_floats(x) and all(type(i) in (int, slice) for i in index)
    return emit(assembled, in_memory(x, emit), index=[index], whole=False) if known and x.dtype == node.dtype else None


def _packed(node: Node, emit: Emit) -> Any:
    """Numbers in an array."""
    if not all(type(x) is float or (type(x) is Node and x.dtype in (None, node.dtype)) for x in node.args):
        return None
    parts = [np.asarray(x) if type(x) is float else emit(made_into, x, shape=(), like=node.dtype) for x in node.args]
    return emit(assembled, *parts, index=[(i,) for i in range(len(parts))], whole=True)


def _taken(node: Node, emit: Emit) -> Any:
    """Elements at places that are known; NumPy takes those of bools."""
    x, index = node.args
    if not of_floats(x):
        return None
    flat = emit(np.reshape, x, (math.prod(x.shape),), shape=(math.prod(x.shape),))
    return emit(by_numbers, flat, index.astype(np.int64), index=(SLOT,))


ROWS: dict[Any, Callable[[Node, Emit], Any]] = {
    "linear": _linear, "matmul": _matmul, "sum": _sum, "max": _max, "min": _min, "amax": _max, "amin": _min,
    "normalize": _normalize, "softmax": _softmax, "attention_weights": _attention_weights, "power": _power,
    "where": _where, "sigmoid": _sigmoid, "relu": _relu, "astype": _astype, "positive": _same, "add": _added,
    "spread": _spread, summed: _sum, copied: _copy, in_order: _in_order, cast: _astype, scalar: _scalar, np.dot: _dot,
    "concatenate": _concatenate, np.concatenate: _concatenate, "stack": _stack, np.stack: _stack, "scatter": _scatter,
    packed: _packed, taken: _taken, "clamped_log": clamped_log, "clip": clip, "log1p": log1p, "expm1": expm1,
    "logaddexp": logaddexp, "erfc": erfc, "lstm": lstm,
    "conv2d": conv2d, "conv2d_input": conv2d_input, "conv2d_weight": conv2d_weight,
    "max_pool2d": max_pool2d, "max_unpool2d": max_unpool2d, "sum_pool2d": sum_pool2d, "sum_unpool2d": sum_unpool2d,
}  # fmt: skip


def elementwise(node: Node) -> Any:
    """The ufunc, or `np.where`, that a node is for each of its elements; None if it is something else."""
    if node.shape == () and node.op is not None and isinstance(node.op.key, np.ufunc) and not node.params:
        is_it = node.function in (node.op.key, getattr(operator, node.function.__name__, None))
        return node.op.key if is_it and node.op.key.nout == 1 else None
    if node.function is np.where and len(node.args) == 3:
        return np.where
    return np.positive if node.function is made_into else ufunc_of(node)
