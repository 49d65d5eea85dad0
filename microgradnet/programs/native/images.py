"""Convolution and pooling written out: products with what kernels meet, and elements at every so many places."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ops.windows import Pair, places
from ..lowering import ROOMY
from ..nodes import Node
from .blas import LARGE
from .marks import assembled, by_numbers, convolved, correlated, overlaid, room

if TYPE_CHECKING:
    from .lowering import Emit

BLOCK = 1 << 16  # numbers of what kernels meet that are multiplied at a time: they stay in a cache
LONGEST = 1 << 20  # of one row of places
MANY = 64  # places in a kernel of pooling: each is lines of machine code of its own, and LLVM takes long for more
EVERYTHING = slice(None)


def of_images(*arrays: Any) -> bool:
    """Whether all are floats of one dtype, with four axes."""
    known = all(type(x) is Node and len(x.shape or ()) == 4 and x.dtype in ROOMY for x in arrays)
    return known and len({x.dtype for x in arrays}) == 1


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array."""
    shape: tuple[int, ...] = x.shape
    return shape


# -------------------------------------------------------------------------------------------------------- convolution


def batch_last(x: Node, emit: Emit) -> Node:
    """Images as (channels, height, width, batch)."""
    n, *rest = shape_of(x)
    return emit(np.transpose, x, (1, 2, 3, 0), shape=(*rest, n))


def batch_first(x: Node, emit: Emit) -> Node:
    """Images as (batch, channels, height, width) again."""
    *rest, n = shape_of(x)
    return emit(np.transpose, x, (3, 0, 1, 2), shape=(n, *rest))


def padded(x: Node, padding: Any, emit: Emit) -> Node:
    """Images with zeros around them."""
    if not any(map(any, padding)):
        return x
    (top, bottom), (left, right) = padding
    channels, height, width, n = shape_of(x)
    inside = EVERYTHING, slice(top, top + height), slice(left, left + width), EVERYTHING
    shape = channels, top + height + bottom, left + width + right, n
    return emit(assembled, x, index=[inside], whole=False, in_order=True, shape=shape)


def a_block(x: Node, kernels: Any, size: Any, emit: Emit) -> Node | None:
    """Memory for what kernels meet at some rows of places, from when there is x; None where BLAS is better."""
    (_, *kernel), (height, width, n) = shape_of(kernels), size
    terms = math.prod(kernel)
    if terms * width * n > LONGEST or math.prod(shape_of(kernels)) * kernels.dtype.itemsize > LARGE:
        return None
    rows = min(height, max(1, BLOCK // (terms * width * n)))
    shape = terms, rows * width * n
    return emit(room, x, shape=shape)


def conv2d(node: Node, emit: Emit) -> Any:
    x, weight, *bias = node.args
    how = dict(node.params)
    if not of_images(node, x, weight) or how.pop("groups") != 1 or not all(b.dtype == node.dtype for b in bias):
        return None
    images = padded(batch_last(x, emit), how.pop("padding"), emit)
    n, channels, *size = shape_of(node)
    _, *kernel = shape_of(weight)
    terms = math.prod(kernel)
    block = a_block(images, weight, (*size, n), emit)
    if block is None:
        return None
    kernels = emit(np.reshape, weight, (channels, terms), shape=(channels, terms))
    y = batch_first(emit(convolved, images, kernels, block, kernel=kernel[1:], shape=(channels, *size, n), **how), emit)
    for b in bias:
        y = emit(np.add, y, emit(np.reshape, b, (channels, 1, 1), shape=(channels, 1, 1)))
    return y


def conv2d_input(node: Node, emit: Emit) -> Any:
    y, weight = node.args
    how = dict(node.params)
    if not of_images(node, y, weight) or how.pop("groups") != 1:
        return None
    (top, bottom), (left, right) = how.pop("padding")
    height, width = how.pop("shape")
    n, channels, *size = shape_of(y)
    _, *kernel = shape_of(weight)
    terms = math.prod(kernel)
    block = a_block(y, weight, (*size, n), emit)
    if block is None:
        return None
    kernels = emit(np.reshape, weight, (channels, terms), shape=(channels, terms))
    shape = kernel[0], top + height + bottom, left + width + right, n
    x = emit(overlaid, batch_last(y, emit), kernels, block, kernel=kernel[1:], shape=shape, **how)
    if top or bottom or left or right:
        inside = EVERYTHING, slice(top, top + height), slice(left, left + width), EVERYTHING
        x = emit(by_numbers, x, index=inside, shape=(kernel[0], height, width, n))
    return batch_first(x, emit)


def conv2d_weight(node: Node, emit: Emit) -> Any:
    y, x = node.args
    how = dict(node.params)
    if not of_images(node, y, x) or how.pop("groups") != 1:
        return None
    images = padded(batch_last(x, emit), how.pop("padding"), emit)
    n, _, *size = shape_of(y)
    channels, *kernel = shape_of(node)
    terms = math.prod(kernel)
    block = a_block(y, node, (*size, n), emit)
    if block is None:
        return None
    kernels = emit(correlated, batch_last(y, emit), images, block, shape=(channels, terms), **how)
    return emit(np.reshape, kernels, node.shape)


# ------------------------------------------------------------------------------------------------------------ pooling


def parts_of(x: Node, size: Pair, how: dict[str, Any], emit: Emit) -> list[Node] | None:
    """For each place in a kernel the elements that it meets, one for each result.

    None where it meets padding too, and where there are many places.
    """
    if math.prod(how["kernel"]) > MANY:
        return None
    shape = (*shape_of(x)[:2], *size)
    met = [there for here, there in met_by(x, size, how) if here == whole(size)]
    if len(met) < math.prod(how["kernel"]):
        return None
    return [emit(by_numbers, x, index=(EVERYTHING, EVERYTHING, *there), shape=shape) for there in met]


def met_by(x: Any, size: Pair, how: dict[str, Any]) -> list[tuple[Any, Any]]:
    """For each place in a kernel which results have an element there, and which one, along the last two axes."""
    return [(here[1:], there[1:]) for here, there in places(x.shape, size=size, **how)]


def whole(size: Pair) -> tuple[slice, slice]:
    """All results."""
    return slice(0, size[0]), slice(0, size[1])


def put_together(parts: list[Node], shape: Any, size: Pair, how: dict[str, Any], emit: Emit) -> Node | None:
    """Images of what is at each place of the kernels; None where these overlap."""
    image = np.zeros(shape[2:], np.uint8)
    index = [there for _, there in met_by(np.empty(shape, np.uint8), size, how)]
    for there in index:
        image[there] += 1
    if image.max() > 1:
        return None
    covered = bool(image.min() == 1)
    return emit(assembled, *parts, index=[(EVERYTHING, EVERYTHING, *there) for there in index], whole=covered)


def largest(parts: list[Node], emit: Emit) -> Node:
    """The largest of all places in a kernel."""
    return functools.reduce(lambda x, y: emit(np.maximum, x, y, shape=x.shape), parts)


def max_pool2d(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    how = dict(node.params)
    parts = parts_of(x, how.pop("size"), how, emit) if of_images(node, x) else None
    return None if parts is None else largest(parts, emit)


def max_unpool2d(node: Node, emit: Emit) -> Any:
    """Each number, in equal parts, where the largest elements are."""
    y, x = node.args
    how = dict(node.params)
    size = how.pop("size")
    parts = parts_of(x, size, how, emit) if of_images(node, y, x) else None
    if parts is None:
        return None
    top, bools, shape = largest(parts, emit), np.dtype(np.bool), parts[0].shape
    hits = [
        emit(np.logical_or, emit(np.equal, part, top, shape=shape, dtype=bools),
             emit(np.isnan, part, shape=shape, dtype=bools), shape=shape, dtype=bools)
        for part in parts
    ]  # fmt: skip
    one, none = emit.number(1), emit.number(0)
    ones = [emit(np.where, hit, one, none, shape=shape) for hit in hits]
    count = functools.reduce(lambda x, y: emit(np.add, x, y, shape=shape), ones)
    share = emit(np.divide, y, count, shape=shape)
    shares = [emit(np.where, hit, share, none, shape=shape) for hit in hits]
    return put_together(shares, node.shape, size, how, emit)


def meets_all(shape: tuple[int, ...], how: dict[str, Any]) -> bool:
    """Whether there is one place, at which a kernel meets all of an image."""
    return (how["kernel"], how["padding"], how["dilation"]) == (shape[2:], (0, 0), (1, 1))


def sum_pool2d(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    how = dict(node.params)
    if of_images(node, x) and how["size"] == (1, 1) and meets_all(shape_of(x), how):
        return emit.reduced(np.add.reduce, x, (2, 3))
    parts = parts_of(x, how.pop("size"), how, emit) if of_images(node, x) else None
    return None if parts is None else functools.reduce(lambda x, y: emit(np.add, x, y, shape=x.shape), parts)


def sum_unpool2d(node: Node, emit: Emit) -> Any:
    """Each number at all the places of its kernel."""
    (y,) = node.args
    how = dict(node.params)
    del how["shape"]
    if of_images(node, y) and shape_of(y)[2:] == (1, 1) and meets_all(shape_of(node), how):
        return emit(np.broadcast_to, y, node.shape)
    if math.prod(how["kernel"]) > MANY:
        return None
    size: Any = shape_of(y)[2:]
    met = met_by(node, size, how)
    if not of_images(node, y) or any(here != whole(size) for here, _ in met):
        return None
    return put_together([y] * len(met), node.shape, size, how, emit)
