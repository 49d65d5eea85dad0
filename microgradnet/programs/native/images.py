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


class Kernels:
    """A convolution without groups: its images, its kernels and its results are known by their shapes."""

    def __init__(self, image: Node, kernels: Node, results: Node, params: dict[str, Any]) -> None:
        n, channels, height, width = shape_of(image)
        (top, bottom), (left, right) = params["padding"]
        self.count, *kernel = shape_of(kernels)  # how many there are
        self.terms: int = math.prod(kernel)
        self.bytes: int = self.count * self.terms * kernels.dtype.itemsize
        self.places: tuple[int, ...] = (*shape_of(results)[2:], n)
        self.padded: tuple[int, ...] = (channels, top + height + bottom, left + width + right, n)
        self.inside: Any = EVERYTHING, slice(top, top + height), slice(left, left + width), EVERYTHING
        self.how: dict[str, Any] = {
            "kernel": tuple(kernel[1:]), "stride": params["stride"], "dilation": params["dilation"],
        }  # fmt: skip

    def fits(self) -> bool:
        """Whether a row of places is not too long for a cache, and BLAS and its copies are not better."""
        _, width, n = self.places
        return self.terms * width * n <= LONGEST and self.bytes <= LARGE

    def block(self, x: Node, emit: Emit) -> Node:
        """Memory for what the kernels meet at some rows of places, from when there is x."""
        height, width, n = self.places
        rows = min(height, max(1, BLOCK // (self.terms * width * n)))
        return emit(room, x, shape=(self.terms, rows * width * n))

    def with_zeros(self, x: Node, emit: Emit) -> Node:
        """Images, batch last, with zeros around them."""
        if x.shape == self.padded:
            return x
        return emit(assembled, x, index=[self.inside], whole=False, in_order=True, shape=self.padded)

    def without_zeros(self, x: Node, shape: tuple[int, ...], emit: Emit) -> Node:
        """What lies within the zeros."""
        return x if shape == self.padded else emit(by_numbers, x, index=self.inside, shape=shape)

    def as_matrix(self, kernels: Node, emit: Emit) -> Node:
        """The kernels as rows of a matrix."""
        shape = self.count, self.terms
        return emit(np.reshape, kernels, shape, shape=shape)


def kernels_of(node: Node, image: Node, kernels: Node, results: Node) -> Kernels | None:
    """The convolution that these three make, if it is one for machine code."""
    if not of_images(image, kernels, results) or node.params["groups"] != 1:
        return None
    made = Kernels(image, kernels, results, node.params)
    return made if made.fits() else None


def conv2d(node: Node, emit: Emit) -> Any:
    x, weight, *bias = node.args
    conv = kernels_of(node, x, weight, node)
    if conv is None or not all(b.dtype == node.dtype for b in bias):
        return None
    images = conv.with_zeros(batch_last(x, emit), emit)
    block, kernels = conv.block(images, emit), conv.as_matrix(weight, emit)
    y = batch_first(emit(convolved, images, kernels, block, shape=(conv.count, *conv.places), **conv.how), emit)
    for b in bias:
        y = emit(np.add, y, emit(np.reshape, b, (conv.count, 1, 1), shape=(conv.count, 1, 1)))
    return y


def conv2d_input(node: Node, emit: Emit) -> Any:
    y, weight = node.args
    conv = kernels_of(node, node, weight, y)
    if conv is None:
        return None
    block, kernels = conv.block(y, emit), conv.as_matrix(weight, emit)
    x = emit(overlaid, batch_last(y, emit), kernels, block, shape=conv.padded, **conv.how)
    n, *shape = shape_of(node)
    return batch_first(conv.without_zeros(x, (*shape, n), emit), emit)


def conv2d_weight(node: Node, emit: Emit) -> Any:
    y, x = node.args
    conv = kernels_of(node, x, node, y)
    if conv is None:
        return None
    images, block = conv.with_zeros(batch_last(x, emit), emit), conv.block(y, emit)
    kernels = emit(correlated, batch_last(y, emit), images, block, shape=(conv.count, conv.terms), **conv.how)
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
