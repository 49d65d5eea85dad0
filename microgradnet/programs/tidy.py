"""Exact algebra: calls that can be left out, or are two in one, with the same result to the last bit.

Products by 1, powers of 1, and products whose sign is moved from one factor to the other, round as they did. Sums are
left as they are, for the sign of a zero depends on their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .nodes import Node, changed, ufunc_of


def tidied(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """Without products by 1, changes of sign before a product by a number, and arrays filled with one number."""
    instead: dict[int, Node] = {}

    def renamed(x: Any) -> Any:
        return instead.get(id(x), x) if type(x) is Node else x

    kept = []
    for node in nodes:
        node.args, node.params = changed(node.args, renamed), changed(node.params, renamed)
        if ufunc_of(node) is not None and node.shape:
            node.args = tuple(filling(x) if stands_beside(x, node) else x for x in node.args)
        if ufunc_of(node) is np.multiply and node.shape:
            node.args = with_sign_in_number(node)
        same = unchanged(node)
        if same is not None:
            instead[id(node)] = same
            continue
        kept.append(node)
    return kept, changed(result, renamed)


def filling(x: Node) -> Any:
    """The number with which an array is filled."""
    return x.args[0]


def stands_beside(x: Any, node: Node) -> bool:
    """Whether an operand is filled with one number of its dtype, and another one has the shape of the result."""
    if type(x) is not Node or x.op is None or x.op.name != "spread" or x.params.get("axis") is not None:
        return False
    number = filling(x)
    is_number = getattr(number, "shape", None) == () and isinstance(number, (Node, np.generic))
    whole = any(type(y) is Node and y is not x and y.shape == node.shape for y in node.args)
    return is_number and number.dtype == x.dtype and whole


def with_sign_in_number(node: Node) -> tuple[Any, ...]:
    """The factors of a product: of −x and a number, x and the number with the other sign."""
    for x, number in (node.args, node.args[::-1]):
        if type(x) is Node and x.kind == "call" and ufunc_of(x) is np.negative and is_float(number, x):
            (inside,) = x.args
            if type(inside) is Node and inside.shape == x.shape:
                return inside, -number
    return node.args


def unchanged(node: Node) -> Any:
    """What a call makes nothing else of: x · 1, 1 · x, x ** 1."""
    ufunc = ufunc_of(node)
    if ufunc not in (np.multiply, np.power) or not node.shape:
        return None
    for x, number in (node.args, node.args[::-1]) if ufunc is np.multiply else (node.args,):
        alike = type(x) is Node and (x.shape, x.dtype, x.layout) == (node.shape, node.dtype, node.layout)
        if alike and is_float(number, x) and number == 1:
            return x
    return None


def is_float(number: Any, beside: Node) -> bool:
    """Whether this is a number that does not change the dtype of an array of floats."""
    if beside.dtype.kind != "f":
        return False
    return type(number) is float or (isinstance(number, np.floating) and number.dtype == beside.dtype)
