"""Which nodes run natively, and as what: elements of loops, reductions, products, views, rows by numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.shape import SLOT
from ..nodes import Node
from .blas import addresses
from .llvm import BITWISE, ELEMENTWISE
from .lowering import LARGEST, SMALLEST, elementwise, key_of
from .marks import assembled, convolved, correlated, made_into, overlaid, room, with_bias
from .tiles import in_tiles

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
BOOL, INTEGER = np.dtype(np.bool), np.dtype(np.int64)
CONVOLUTIONS = (convolved, correlated, overlaid)
REDUCTIONS: tuple[Any, ...] = (np.add.reduce, LARGEST, SMALLEST)
VIEWS = {
    "reshape", "transpose", "transposed", "swapaxes", "expand_dims", "squeeze", "broadcast_to", "spread", "moveaxis",
    "ravel", "flip", "part", "reshaped", "columns", "picked",
}  # fmt: skip


def native_kind(node: Node) -> str | None:
    """What sort of native code makes a node; None if it stays a line of NumPy."""
    if node.kind != "call" or node.shape is None or node.dtype not in (*FLOATS, BOOL, INTEGER):
        return None
    if any(x.dtype not in (*FLOATS, BOOL, INTEGER, None) for x in node.inputs()):
        return None
    first: Any = node.args[0] if node.args else None
    sized = type(first) is Node and first.shape is not None
    if not math.prod(node.shape) or any(x.shape and not math.prod(x.shape) for x in node.inputs()):
        return None
    if sized and is_view(node):
        return "view"
    if node.function in REDUCTIONS and sized and first.dtype in FLOATS and type(node.params.get("axis")) is tuple:
        return "reduction"
    if node.function in (np.dot, np.matmul, with_bias) and is_product(node):
        return "product"
    if node.function is assembled:
        return "assembled"
    if node.function is room:
        return "room"
    if node.function in CONVOLUTIONS:
        return "convolution"
    if key_of(node) in ("take", "scatter") and sized and is_by_numbers(node):
        return str(key_of(node))
    return "element" if is_elementwise(node) else None


def is_view(node: Node) -> bool:
    """Whether a node is its first argument looked at otherwise."""
    if len(list(node.inputs())) != 1:
        return False
    name = key_of(node) if isinstance(key_of(node), str) else getattr(node.function, "__name__", "")
    return name in VIEWS or (name == "take" and len(node.args) == 1) or node.function is np.ravel


def is_product(node: Node) -> bool:
    """Whether a node is a product that tiles or BLAS compute."""
    x, y = node.args[:2]
    if not all(isinstance(z, (Node, np.ndarray)) and z.shape is not None and len(z.shape) >= 2 for z in (x, y)):
        return False
    fits = x.dtype == y.dtype == node.dtype and node.dtype in FLOATS
    return bool(fits and (in_tiles(x, y) or addresses()))


def is_by_numbers(node: Node) -> bool:
    """Whether a node takes or adds up rows by integers, one array of them for each of the first axes."""
    index, numbers = node.params["index"], node.args[1:]
    plain = type(index) is tuple and len(index) == len(numbers) and all(i is SLOT for i in index)
    integers = all(isinstance(x, (Node, np.ndarray)) and x.dtype == INTEGER and x.shape for x in numbers)
    return plain and integers and bool(numbers) and node.dtype in FLOATS and node.dtype == node.args[0].dtype


def is_elementwise(node: Node) -> bool:
    """Whether a node is a function of the elements of arrays of one dtype, or of bools beside them."""
    what = elementwise(node)
    if what not in ELEMENTWISE or node.dtype == INTEGER or (what is np.power):
        return False
    if any(not isinstance(x, (Node, np.ndarray, np.generic, int, float)) for x in node.args):
        return False
    return computed_in(node) is not None


def computed_in(node: Node) -> Any:
    """The dtype in which elements are computed, a float or bool; None where loops cannot."""
    what = elementwise(node)
    args = node.args[1:] if what is np.where else node.args
    arrays = [x for x in args if isinstance(x, (np.ndarray, np.generic)) or (type(x) is Node and x.dtype is not None)]
    dtypes = {x.dtype for x in arrays}
    if what is np.where:
        chosen = getattr(node.args[0], "dtype", None)
        return node.dtype if node.dtype in FLOATS and dtypes <= {*FLOATS, BOOL} and chosen == BOOL else None
    if node.function is made_into and not arrays:
        return node.dtype  # a number of Python's
    if not dtypes <= {*FLOATS, BOOL} or not arrays:
        return None
    if node.dtype in FLOATS:
        return node.dtype if dtypes <= {node.dtype, BOOL} or what is np.positive else None
    floats = dtypes - {BOOL}
    if what in (np.logical_and, np.logical_or, np.logical_xor, np.logical_not):
        return BOOL
    if what in BITWISE or what is np.invert:
        return BOOL if dtypes == {BOOL} else None
    return floats.pop() if len(floats) == 1 and dtypes <= {*FLOATS} else None
