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
DENSE = 4  # images' worth of numbers
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


class Windows:
    """A kernel at all its places on images, which have margins where it reaches beyond them."""

    def __init__(self, shape: tuple[int, ...], size: Pair, how: dict[str, Any]) -> None:
        self.size: Pair = size  # how many places there are, down and to the right
        self.kernel: Pair = how["kernel"]
        reach = [
            (n - 1) * step + apart * (k - 1) + 1
            for n, step, apart, k in zip(size, how["stride"], how["dilation"], self.kernel, strict=True)
        ]
        inside = tuple(slice(p, p + n) for p, n in zip(how["padding"], shape[2:], strict=True))
        self.inside: tuple[slice, ...] = EVERYTHING, EVERYTHING, *inside  # where the image itself is
        sides = zip(reach, inside, strict=True)
        self.shape: tuple[int, ...] = (*shape[:2], *(max(n, part.stop) for n, part in sides))
        self.has_margins: bool = self.shape != shape
        met = places(self.shape, size=size, **how | {"padding": (0, 0)})
        # For each element of the kernel, what it meets.
        self.index: list[Any] = [(EVERYTHING, EVERYTHING, *there[1:]) for _, there in met]

    def is_short(self) -> bool:
        """Whether it has few elements: each is lines of machine code of its own."""
        return math.prod(self.kernel) <= MANY

    def is_dense(self) -> bool:
        """Whether so many places overlap that to keep what each of them meets takes much memory."""
        return math.prod(self.kernel) * math.prod(self.size) > DENSE * math.prod(self.shape[2:])

    def met(self, x: Node, emit: Emit, fill: float) -> list[Node]:
        """For each element of the kernel what it meets, one number for each place; `fill` is in the margins."""
        if self.has_margins:
            x = emit(assembled, x, index=[self.inside], whole=False, fill=fill, shape=self.shape)
        shape = (*self.shape[:2], *self.size)
        return [emit(by_numbers, x, index=there, shape=shape) for there in self.index]

    def are_inside(self) -> list[Any]:
        """For each element of the kernel, at which places it meets the image, and not its margins."""
        image = np.zeros(self.shape[2:], np.bool)
        image[self.inside[2:]] = True
        return [image[there[2:]].copy() for there in self.index]

    def put_back(self, parts: list[Node], emit: Emit) -> Node:
        """The images of numbers for what each element of the kernel meets, added up where they overlap."""
        times = np.zeros(self.shape[2:], np.int64)
        for there in self.index:
            times[there[2:]] += 1
        overlap = bool(times.max() > 1)
        how = {"whole": bool(times.min() == 1) and not overlap, "overlap": overlap}
        made = emit(assembled, *parts, index=self.index, shape=self.shape, **how)
        return emit(by_numbers, made, index=self.inside, shape=emit.node.shape) if self.has_margins else made


def windows_on(shape: tuple[int, ...], size: Any, node: Node) -> Windows:
    """The windows of a row of pooling on images of a shape."""
    how = {name: node.params[name] for name in ("kernel", "stride", "padding", "dilation")}
    return Windows(shape, tuple(size), how)


def largest(parts: list[Node], emit: Emit) -> Node:
    """The largest of what the elements of a kernel meet."""
    return functools.reduce(lambda x, y: emit(np.maximum, x, y, shape=x.shape), parts)


def added(parts: list[Node], emit: Emit) -> Node:
    """The sum of what the elements of a kernel meet."""
    return functools.reduce(lambda x, y: emit(np.add, x, y, shape=x.shape), parts)


def max_pool2d(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    if not of_images(node, x):
        return None
    windows = windows_on(shape_of(x), node.params["size"], node)
    return largest(windows.met(x, emit, -math.inf), emit) if windows.is_short() else None


def max_unpool2d(node: Node, emit: Emit) -> Any:
    """Each number, in equal parts, where the largest elements are."""
    y, x = node.args
    if not of_images(node, y, x):
        return None
    windows = windows_on(shape_of(x), node.params["size"], node)
    if not windows.is_short() or windows.is_dense():
        return None
    parts = windows.met(x, emit, -math.inf)
    top, bools, shape = largest(parts, emit), np.dtype(np.bool), parts[0].shape
    hits = []
    for part, inside in zip(parts, windows.are_inside(), strict=True):
        equal = emit(np.equal, part, top, shape=shape, dtype=bools)
        hit = emit(np.logical_or, equal, emit(np.isnan, part, shape=shape, dtype=bools), shape=shape, dtype=bools)
        hits.append(hit if inside.all() else emit(np.logical_and, hit, inside, shape=shape, dtype=bools))
    one, none = emit.number(1), emit.number(0)
    count = added([emit(np.where, hit, one, none, shape=shape) for hit in hits], emit)
    share = emit(np.divide, y, count, shape=shape)
    return windows.put_back([emit(np.where, hit, share, none, shape=shape) for hit in hits], emit)


def sum_pool2d(node: Node, emit: Emit) -> Any:
    (x,) = node.args
    if not of_images(node, x):
        return None
    if node.params["size"] == (1, 1) and meets_all(shape_of(x), node.params):
        return emit.reduced(np.add.reduce, x, (2, 3))
    windows = windows_on(shape_of(x), node.params["size"], node)
    return added(windows.met(x, emit, 0.0), emit) if windows.is_short() else None


def sum_unpool2d(node: Node, emit: Emit) -> Any:
    """Each number at all that its kernel meets."""
    (y,) = node.args
    if not of_images(node, y):
        return None
    if shape_of(y)[2:] == (1, 1) and meets_all(shape_of(node), node.params):
        return emit(np.broadcast_to, y, node.shape)
    windows = windows_on(shape_of(node), shape_of(y)[2:], node)
    return windows.put_back([y] * len(windows.index), emit) if windows.is_short() else None


def meets_all(shape: tuple[int, ...], how: dict[str, Any]) -> bool:
    """Whether there is one place, at which a kernel meets all of an image."""
    return (how["kernel"], how["padding"], how["dilation"]) == (shape[2:], (0, 0), (1, 1))
