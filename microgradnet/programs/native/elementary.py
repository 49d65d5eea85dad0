"""Functions that native code has no instructions for, as formulas of those that it has: right to a few ulp."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ops.erf import series_for
from ..lowering import ROOMY
from ..nodes import Node

if TYPE_CHECKING:
    from .lowering import Emit


def of_one(node: Node) -> bool:
    """Whether all inputs are arrays of the dtype of the result, a float, or numbers of Python's."""
    arrays = [x for x in node.args if isinstance(x, (Node, np.ndarray)) and x.shape is not None]
    numbers = [x for x in node.args if type(x) in (float, int)]
    known = node.dtype in ROOMY and len(arrays) + len(numbers) == len(node.args)
    return known and all(x.dtype == node.dtype for x in arrays)


def chosen(emit: Emit, x: Any, equals: float, this: Any, other: Any) -> Node:
    """`this` where x is a number, `other` elsewhere."""
    return emit(np.where, emit(np.equal, x, emit.number(equals), dtype=np.dtype(np.bool)), this, other)


def sigmoid_of(emit: Emit, x: Any, shape: Any = None) -> Node:
    """1 / (1 + exp(−x))."""
    e = emit(np.exp, emit(np.negative, x, shape=shape), shape=shape)
    return emit(np.reciprocal, emit(np.add, e, emit.number(1), shape=shape), shape=shape)


def log1p_of(emit: Emit, x: Any) -> Node:
    """log(u) · x / (u − 1), where u = 1 + x was rounded: the factor makes good for that."""
    u = emit(np.add, x, emit.number(1))
    lost = emit(np.divide, x, emit(np.subtract, u, emit.number(1)))
    y = emit(np.multiply, emit(np.log, u), lost)
    return chosen(emit, u, 1.0, x, chosen(emit, u, math.inf, u, y))


def log1p(node: Node, emit: Emit) -> Any:
    return log1p_of(emit, node.args[0]) if of_one(node) else None


def expm1(node: Node, emit: Emit) -> Any:
    """(u − 1) · x / log(u), where u = exp(x) was rounded."""
    if not of_one(node):
        return None
    (x,) = node.args
    u = emit(np.exp, x)
    less = emit(np.subtract, u, emit.number(1))
    y = emit(np.multiply, less, emit(np.divide, x, emit(np.log, u)))
    return chosen(emit, u, 1.0, x, chosen(emit, less, -1.0, less, chosen(emit, u, math.inf, u, y)))


def logaddexp(node: Node, emit: Emit) -> Any:
    """The larger one and log(1 + exp(−|x − y|)); of two that are equal, infinite ones too, log 2 more than they are."""
    if not of_one(node):
        return None
    x, y = node.args
    gap = emit(np.negative, emit(np.absolute, emit(np.subtract, x, y)))
    total = emit(np.add, emit(np.maximum, x, y), log1p_of(emit, emit(np.exp, gap)))
    equal = emit(np.equal, x, y, dtype=np.dtype(np.bool))
    return emit(np.where, equal, emit(np.add, emit(np.maximum, x, y), emit.number(math.log(2))), total)


def clamped_log(node: Node, emit: Emit) -> Any:
    return emit(np.maximum, emit(np.log, node.args[0]), emit.number(-100)) if of_one(node) else None


def clip(node: Node, emit: Emit) -> Any:
    if not of_one(node) or len(node.args) != 3:
        return None
    x, low, high = node.args
    return emit(np.minimum, emit(np.maximum, x, low), high)


def erfc(node: Node, emit: Emit) -> Any:
    """The series of the row, by Clenshaw's sum."""
    if not of_one(node):
        return None
    (x,) = node.args
    z = emit(np.absolute, x)
    t = emit(np.divide, emit.number(2), emit(np.add, z, emit.number(2)))
    u = emit(np.subtract, emit(np.multiply, t, emit.number(4)), emit.number(2))
    last, *others = reversed(series_for(node.dtype))
    a: Any = emit.number(last)
    b: Any = emit.number(0)
    for c in others:
        a, b = emit(np.add, emit(np.subtract, emit(np.multiply, u, a), b), emit.number(c)), a
    rest = emit(np.subtract, a, emit(np.multiply, b, emit(np.multiply, u, emit.number(0.5))))
    tail = emit(np.multiply, t, emit(np.exp, emit(np.subtract, rest, emit(np.multiply, z, z))))
    negative = emit(np.less, x, emit.number(0), dtype=np.dtype(np.bool))
    return emit(np.where, negative, emit(np.subtract, emit.number(2), tail), tail)
