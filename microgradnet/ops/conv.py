"""Convolution and pooling in one and two dimensions, each a row with its adjoints.

Shapes are PyTorch's: images x (batch, channels, height, width), kernels (out, channels / groups, height, width).

Convolution is linear in the image and in the kernel. It, its adjoint in the image ("conv2d_input") and its adjoint in
the kernel ("conv2d_weight") are the three ways to contract two of image, kernel and result: each one's rules are the
other two, and that is all there is to any order. One dimension is two, of which the second has size 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..checks import whole, whole_for_each
from ..core import Op, Operand, case, op, shaped

Pair: TypeAlias = tuple[int, int]
Edges: TypeAlias = tuple[Pair, Pair]  # zeros above and below, left and right
SIZES = {1: "length", 2: "height, width"}

# -------------------------------------------------------------------------------------------------------- convolution
# An image is computed with as (channels, height, width, batch): with the batch innermost, patches are copied, and added
# up, in long runs, and one matrix product does a whole block. This was measured: patches as rows of a matrix take 3 to
# 6 times as long, a product for each place of the kernel 2 to 30 times, one for each example up to twice. The result is
# that memory seen as (batch, channels, height, width): ufuncs, pooling and the next convolution keep it so.

BLOCK = 2**17  # numbers in a block of patches: they stay in cache, and a large batch needs no more memory


def _padded(x: Any, padding: Edges, dtype: Any) -> Any:
    """`x` with the batch last and zeros around it."""
    x = x.transpose(1, 2, 3, 0)
    if padding == ((0, 0), (0, 0)):
        return np.ascontiguousarray(x, dtype)
    channels, height, width, batch = x.shape
    (top, bottom), (left, right) = padding
    out = np.zeros((channels, top + height + bottom, left + width + right, batch), dtype)
    out[:, top : top + height, left : left + width] = x
    return out


def _grouped(x: Any, groups: int, dtype: Any) -> Any:
    """`x` (channels, …) as a matrix for each group: (groups, channels / groups, all the rest)."""
    return np.ascontiguousarray(x, dtype).reshape(groups, len(x) // groups, math.prod(x.shape[1:]))


def _patches(x: Any, kernel: Pair, stride: Pair, dilation: Pair, groups: int) -> Any:
    """A view of all that the kernel meets in `x`, batch last: (groups, channels, *kernel, height, width, batch)."""
    channels, height, width, batch = x.shape
    size = map(_count, (height, width), kernel, stride, dilation)
    c, h, w, n = x.strides
    steps = (h * dilation[0], w * dilation[1], h * stride[0], w * stride[1])
    return as_strided(x, (groups, channels // groups, *kernel, *size, batch), (c * (channels // groups), c, *steps, n))


def _count(length: int, kernel: int, stride: int, dilation: int) -> int:
    """How many places a kernel has along an axis."""
    return (length - dilation * (kernel - 1) - 1) // stride + 1


def _blocks(patches: Any, most: int) -> Iterator[tuple[slice, Any]]:
    """For some rows of the result at a time: the place of their numbers among all, and a view of their patches."""
    *kernel, height, width, batch = patches.shape[1:]
    row = width * batch
    rows = max(1, most // max(1, math.prod(kernel) * row))
    for top in range(0, height, rows):
        yield slice(top * row, (top + rows) * row), patches[..., top : top + rows, :, :]


def _columns(block: Any) -> Any:
    """Patches as the columns of a matrix for each group."""
    return block.reshape(len(block), math.prod(block.shape[1:4]), math.prod(block.shape[4:]))


def _conv2d(x: Any, weight: Any, *bias: Any, stride: Pair, padding: Edges, dilation: Pair, groups: int) -> Any:
    """The cross-correlation of images with kernels, plus a bias if there is one; `conv2d` says how."""
    dtype = np.result_type(x, weight, *bias)
    patches = _patches(_padded(x, padding, dtype), weight.shape[2:], stride, dilation, groups)
    size, kernels = patches.shape[4:], _grouped(weight, groups, dtype)
    out = np.empty((*kernels.shape[:2], math.prod(size)), dtype)
    for numbers, block in _blocks(patches, BLOCK):
        np.matmul(kernels, _columns(block), out=out[..., numbers])
    for b in bias:
        out += b.reshape((*kernels.shape[:2], 1))
    return out.reshape((len(weight), *size)).transpose(3, 0, 1, 2)


def _conv2d_input(
    y: Any, weight: Any, *, shape: Pair, stride: Pair, padding: Edges, dilation: Pair, groups: int
) -> Any:
    """An image of `shape` (height, width) with the kernels, each times its number of `y`, added at their places."""
    dtype = np.result_type(y, weight)
    ((top, bottom), (left, right)), (height, width) = padding, shape
    out = np.zeros((weight.shape[1] * groups, top + height + bottom, left + width + right, len(y)), dtype)
    patches = _patches(out, weight.shape[2:], stride, dilation, groups)
    kernels, y = _grouped(weight, groups, dtype).swapaxes(1, 2), _grouped(y.transpose(1, 2, 3, 0), groups, dtype)
    for numbers, block in _blocks(patches, 4 * BLOCK):  # adding has a cost by the block and place: fewer are better
        spread = (kernels @ y[..., numbers]).reshape(block.shape)
        for i, j in np.ndindex(*weight.shape[2:]):  # at one place of the kernel, no two patches overlap
            block[:, :, i, j] += spread[:, :, i, j]
    return out[:, top : top + height, left : left + width].transpose(3, 0, 1, 2)


def _conv2d_weight(y: Any, x: Any, *, kernel: Pair, stride: Pair, padding: Edges, dilation: Pair, groups: int) -> Any:
    """Kernels of size `kernel`: for each channel of `y`, the patches of `x`, each times its number of `y`, added up."""
    dtype = np.result_type(y, x)
    patches = _patches(_padded(x, padding, dtype), kernel, stride, dilation, groups)
    channels, y = y.shape[1], _grouped(y.transpose(1, 2, 3, 0), groups, dtype)
    out = np.zeros((*y.shape[:2], math.prod(patches.shape[1:4])), dtype)
    for numbers, block in _blocks(patches, BLOCK):
        out += y[..., numbers] @ _columns(block).swapaxes(1, 2)
    return out.reshape((channels, *patches.shape[1:4]))


# Shapes of image, kernel and result that belong together.
TRIPLES: list[Any] = [
    ((2, 1, 3, 4), (2, 1, 2, 3), (2, 2, 2, 2), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    ((1, 2, 5, 4), (3, 2, 3, 2), (1, 3, 3, 3), ((2, 1), ((1, 2), (0, 1)), (1, 2), 1)),
    ((2, 2, 2, 3), (4, 1, 2, 2), (2, 4, 1, 2), ((1, 2), ((0, 0), (1, 1)), (1, 1), 2)),
    ((0, 2, 2, 3), (2, 1, 1, 2), (0, 2, 2, 3), ((1, 1), ((0, 0), (1, 0)), (1, 1), 2)),
]
HOW = ("stride", "padding", "dilation", "groups")
TRIPLES = [(x, weight, y, dict(zip(HOW, how, strict=True))) for x, weight, y, how in TRIPLES]

conv2d_row: Op = op("conv2d",
    lambda g, out, x, weight, *bias, **how: conv2d_input(g, weight, shape=x.shape[2:], **how),
    lambda g, out, x, weight, *bias, **how: conv2d_weight(g, x, kernel=weight.shape[2:], **how),
    lambda g, out, x, weight, *bias, **how: g.sum(axis=(0, 2, 3)), forward=_conv2d, kind=Op,
    cases=[case(x, weight, *bias, **how) for x, weight, _, how in TRIPLES for bias in [(), (weight[:1],)]],
)  # fmt: skip
conv2d_input: Op = op("conv2d_input",
    lambda g, out, y, weight, *, shape, **how: conv2d_row(g, weight, **how),
    lambda g, out, y, weight, *, shape, **how: conv2d_weight(y, g, kernel=weight.shape[2:], **how),
    forward=_conv2d_input, kind=Op, cases=[case(y, weight, shape=x[2:], **how) for x, weight, y, how in TRIPLES],
)  # fmt: skip
conv2d_weight: Op = op("conv2d_weight",
    lambda g, out, y, x, *, kernel, **how: conv2d_row(x, g, **how),
    lambda g, out, y, x, *, kernel, **how: conv2d_input(y, g, shape=x.shape[2:], **how),
    forward=_conv2d_weight, kind=Op, cases=[case(y, x, kernel=weight[2:], **how) for x, weight, y, how in TRIPLES],
)  # fmt: skip


def conv1d(
    x: Operand, weight: Operand, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of `x` (batch, channels, length), or (channels, length), with each of the kernels `weight`
    (out, channels / groups, length), plus `bias` (out,): (batch, out, length). The arguments are `conv2d`'s, for one
    axis.

    >>> conv1d(np.array([[1.0, 2.0, 4.0, 8.0]]), np.array([[[-1.0, 1.0]]]))
    array([[1., 2., 4.]])
    """
    return _convolve("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Operand, weight: Operand, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of `x` (batch, channels, height, width), or (channels, height, width), with each of the
    kernels `weight` (out, channels / groups, height, width), plus `bias` (out,): (batch, out, height, width).

    `stride` (the step of the kernel), `padding` (zeros on both sides) and `dilation` (the distance of the kernel's
    elements) are numbers or pairs; padding "valid" is 0, and "same", for stride 1, keeps height and width. With
    `groups` the channels are cut into so many parts, each with its own share of the kernels. Raises ValueError for
    shapes that do not fit.

    >>> conv2d(np.ones((1, 3, 3)), np.ones((1, 1, 2, 2)), stride=(1, 2), padding="valid")
    array([[[4.],
            [4.]]])
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def _convolve(
    name: str, axes: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    x, weight, biases = _image(name, x, axes), shaped(weight), [] if bias is None else [shaped(bias)]
    if weight.ndim != axes + 2 or 0 in weight.shape:
        raise ValueError(f"{name}: weight of shape {weight.shape}; wanted (out, channels / groups, {SIZES[axes]})")
    groups, channels, size = whole("groups", groups, call=name), x.shape[-1 - axes], x.shape[-axes:]
    if channels != weight.shape[1] * groups:
        raise ValueError(
            f"{name}: x of shape {x.shape} has {channels} channels; weight of shape {weight.shape} wants "
            f"{weight.shape[1]} for each of groups={groups}. Axis 1 of weight is channels / groups"
        )
    if len(weight) % groups:
        raise ValueError(f"{name}: {len(weight)} kernels cannot be shared out among groups={groups}: give a multiple")
    if biases and biases[0].shape != weight.shape[:1]:
        raise ValueError(f"{name}: bias of shape {biases[0].shape}; wanted one for each kernel, {weight.shape[:1]}")
    stride = whole_for_each("stride", stride, axes, call=name)
    dilation = whole_for_each("dilation", dilation, axes, call=name)
    if isinstance(padding, str) and padding == "valid":
        padding = 0
    if isinstance(padding, str) and padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{name}: padding='same' wants stride 1; got {stride}. Give the padding as a number")
        around = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        edges = [(n // 2, n - n // 2) for n in around]
    else:
        pads = whole_for_each("padding", padding, axes, 0, call=name, more=", 'valid' or 'same'")
        edges = [(p, p) for p in pads]
    out = [_checked_count(name, n, sum(edge), k, s, d)
           for n, edge, k, s, d in zip(size, edges, weight.shape[2:], stride, dilation, strict=True)]  # fmt: skip
    how = {"stride": (*stride, 1)[:2], "padding": (*edges, (0, 0))[:2], "dilation": (*dilation, 1)[:2]}
    weight = weight if axes == 2 else weight.reshape((*weight.shape, 1))
    y = conv2d_row(_four_axes(x, axes), weight, *biases, groups=groups, **how)
    return _reshaped(y, (*x.shape[: -1 - axes], len(weight), *out))


# ------------------------------------------------------------------------------------------------------------ pooling
# Nothing is padded: for each place in the kernel, `_places` says which results have an element there, and which one.
# Memory stays in the order it comes in.


def _along(length: int, count: int, kernel: int, stride: int, padding: int, dilation: int) -> list[tuple[slice, slice]]:
    """For each place in a kernel along an axis: a slice of results, and the slice of elements that it meets."""
    pairs = []
    for offset in range(-padding, kernel * dilation - padding, dilation):
        first, last = max(0, -(offset // stride)), min(count - 1, (length - 1 - offset) // stride)
        if first <= last:
            start, end = offset + first * stride, offset + last * stride
            pairs.append((slice(first, last + 1), slice(start, end + 1, stride)))
    return pairs


def _places(shape: Any, *, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> list[Any]:
    """For each place in the kernel: an index of results, and the index of the elements that it meets."""
    along = map(_along, shape[-2:], size, kernel, stride, padding, dilation)
    return [((..., a, b), (..., c, d)) for (a, c), (b, d) in itertools.product(*along)]


def _max_pool2d(x: Any, **how: Any) -> Any:
    """The largest element under each kernel; `max_pool2d` says how."""
    lowest = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    out = np.full_like(x, lowest, shape=(*x.shape[:2], *how["size"]))
    for here, there in _places(x.shape, **how):
        np.maximum(out[here], x[there], out=out[here])
    return out


def _largest(x: Any, how: dict[str, Any]) -> tuple[list[Any], Any]:
    """For each of `_places`, with it, whether the element is the largest under its kernel; and how many such are."""
    top, found = _max_pool2d(x, **how), []
    nan = np.isnan(top).any()
    count = np.zeros_like(top, np.result_type(top, np.float32))  # float16 cannot count far
    for here, there in _places(x.shape, **how):
        hit = (x[there] == top[here]) | np.isnan(x[there]) if nan else x[there] == top[here]
        count[here] += hit
        found.append((here, there, hit))
    return found, np.maximum(count, 1, out=count)  # 0 where a dilated kernel met nothing but padding


def _only(x: Any, hit: Any) -> Any:
    """`x` where `hit`, else 0, even if x is infinite. Multiplied where it can be: almost three times as fast."""
    return x * hit if np.isfinite(x).all() else np.where(hit, x, 0.0)


def _max_unpool2d(y: Any, x: Any, **how: Any) -> Any:
    """`y`, each number at the largest element of `x` under its kernel, in equal parts to each of several."""
    found, count = _largest(x, how)
    share = (y / count).astype(y.dtype, copy=False)
    out = np.zeros_like(x, y.dtype)
    for here, there, hit in found:
        out[there] += _only(share[here], hit)
    return out


def _max_gather2d(h: Any, x: Any, **how: Any) -> Any:
    """The mean of `h`, of the shape of `x`, over the largest elements of `x` under each kernel."""
    found, count = _largest(x, how)
    out = np.zeros_like(count, h.dtype)
    for here, there, hit in found:
        out[here] += _only(h[there], hit)
    return (out / count).astype(h.dtype, copy=False)


def _sum_pool2d(x: Any, **how: Any) -> Any:
    """The sum of the elements under each kernel, of which `avg_pool2d` makes the mean."""
    out = np.zeros_like(x, shape=(*x.shape[:2], *how["size"]))
    for here, there in _places(x.shape, **how):
        out[here] += x[there]
    return out


def _sum_unpool2d(y: Any, *, shape: Pair, **how: Any) -> Any:
    """Each number of `y` added to all the elements of an image, of `shape` (height, width), under its kernel."""
    out = np.zeros_like(y, shape=(*y.shape[:2], *shape))
    for here, there in _places(shape, size=y.shape[2:], **how):
        out[there] += y[here]
    return out


# Shapes of image and result that belong together.
PAIRS: list[Any] = [
    ((2, 1, 4, 4), (2, 1, 2, 2), {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}),
    ((1, 2, 3, 4), (1, 2, 3, 2), {"kernel": (3, 2), "stride": (1, 2), "padding": (1, 0), "dilation": (1, 2)}),
    ((0, 2, 2, 2), (0, 2, 1, 1), {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}),
]

max_pool2d_row: Op = op("max_pool2d", lambda g, out, x, **how: max_unpool2d(g, x, **how),
    forward=_max_pool2d, cases=[case(x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
# Which elements are the largest does not change with x, but at a tie: nothing flows to x in these two.
max_unpool2d: Op = op("max_unpool2d", lambda g, out, y, x, **how: max_gather2d(g, x, **how), None,
    forward=_max_unpool2d, kind=Op, cases=[case(y, x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
max_gather2d: Op = op("max_gather2d", lambda g, out, h, x, **how: max_unpool2d(g, x, **how), None,
    forward=_max_gather2d, kind=Op, cases=[case(x, x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
sum_pool2d: Op = op("sum_pool2d", lambda g, out, x, *, size, **how: sum_unpool2d(g, shape=x.shape[2:], **how),
    forward=_sum_pool2d, cases=[case(x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
sum_unpool2d: Op = op("sum_unpool2d", lambda g, out, y, *, shape, **how: sum_pool2d(g, size=y.shape[2:], **how),
    forward=_sum_unpool2d, cases=[case(y, shape=x[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip


def max_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of `x` (batch, channels, length), or (channels, length), under each place of a kernel.
    The arguments and the conventions are `max_pool2d`'s, for one axis.

    >>> max_pool1d(np.array([[1.0, 3.0, 2.0, 5.0]]), 2)
    array([[3., 5.]])
    """
    x, how, shape = _pooling("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)
    return _reshaped(max_pool2d_row(x, **how), shape)


def max_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of `x` (batch, channels, height, width), or (channels, height, width), under each place of
    a kernel.

    All but `ceil_mode` are numbers or pairs; `stride` is `kernel_size` unless it is given. What `padding` adds is never
    the largest. `ceil_mode` takes a last place that does not quite fit. Several largest elements share the gradient
    equally, as in `np.max` (PyTorch gives all to the first): it does not depend on the order of what is equal. A NaN
    counts as the largest. Raises ValueError for sizes that do not fit.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 5.,  7.],
            [13., 15.]]])
    """
    x, how, shape = _pooling("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)
    return _reshaped(max_pool2d_row(x, **how), shape)


def avg_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True
) -> Any:  # fmt: skip
    """The mean of the elements of `x` (batch, channels, length), or (channels, length), under each place of a kernel.
    The arguments are `avg_pool2d`'s, for one axis.

    >>> avg_pool1d(np.array([[1.0, 3.0, 2.0, 5.0]]), 2)
    array([[2. , 3.5]])
    """
    x, how, shape = _pooling("avg_pool1d", 1, x, kernel_size, stride, padding, 1, ceil_mode)
    return _reshaped(_mean(x, how, (how["padding"][0] if count_include_pad else 0, 0)), shape)


def avg_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True
) -> Any:  # fmt: skip
    """The mean of the elements of `x` (batch, channels, height, width), or (channels, height, width), under each place
    of a kernel.

    `kernel_size`, `stride` (`kernel_size` unless it is given) and `padding` are numbers or pairs. `ceil_mode` takes a
    last place that does not quite fit. The zeros that `padding` adds count as elements unless `count_include_pad` is
    False; what lies beyond them never does. Raises ValueError for sizes that do not fit.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    x, how, shape = _pooling("avg_pool2d", 2, x, kernel_size, stride, padding, 1, ceil_mode)
    return _reshaped(_mean(x, how, how["padding"] if count_include_pad else (0, 0)), shape)


def _mean(x: Any, how: dict[str, Any], edges: Pair) -> Any:
    """The mean under each kernel of those elements that lie in `x` or in `edges` of zeros around it."""
    if x.dtype.kind != "f":
        x = x * 1.0  # the sum of small integers would overflow
    counts = []
    for n, size, k, s, p, edge in zip(
        x.shape[2:], *(how[w] for w in ("size", "kernel", "stride", "padding")), edges, strict=True
    ):
        start = np.arange(size) * s - p
        counts.append(np.minimum(start + k, n + edge) - np.maximum(start, -edge))
    count = np.multiply.outer(*counts)
    same = int(count.flat[0])
    return sum_pool2d(x, **how) / (same if (count == same).all() else count.astype(x.dtype))


def _pooling(name: str, axes: int, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> Any:
    """The image with four axes, the parameters of the rows, and the shape of the result."""
    x, kernel = _image(name, x, axes), whole_for_each("kernel_size", kernel, axes, call=name)
    stride = kernel if stride is None else whole_for_each("stride", stride, axes, call=name)
    padding = whole_for_each("padding", padding, axes, 0, call=name)
    dilation = whole_for_each("dilation", dilation, axes, call=name)
    size = []
    for n, k, s, p, d in zip(x.shape[-axes:], kernel, stride, padding, dilation, strict=True):
        if p > (d * (k - 1) + 1) // 2:
            raise ValueError(
                f"{name}: padding={p} is more than half of what a kernel of size {k}, dilation {d}, reaches over: "
                f"it could meet nothing but padding. Give at most {(d * (k - 1) + 1) // 2}"
            )
        count = _checked_count(name, n, 2 * p, k, s, d, s - 1 if ceil else 0)
        size.append(count - 1 if ceil and (count - 1) * s >= n + p else count)  # no kernel begins beyond the elements
    how = {"size": (*size, 1)[:2], "kernel": (*kernel, 1)[:2], "stride": (*stride, 1)[:2],
           "padding": (*padding, 0)[:2], "dilation": (*dilation, 1)[:2]}  # fmt: skip
    return _four_axes(x, axes), how, (*x.shape[:-axes], *size)


# ------------------------------------------------------------------------------------------------- arguments, checked


def _image(name: str, x: Any, axes: int) -> Any:
    x = shaped(x)
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: x of shape {x.shape}; wanted (batch, channels, {SIZES[axes]}) or (channels, {SIZES[axes]}). "
            f"x.reshape(…) gives it the axes that it lacks"
        )
    return x


def _four_axes(x: Any, axes: int) -> Any:
    """`x` as (batch, channels, height, width), with a batch of one and a width of one where it has none."""
    return _reshaped(x, (*(x.shape[: -1 - axes] or (1,)), *x.shape[-1 - axes :], 1)[:4])


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else x.reshape(shape)


def _checked_count(name: str, n: int, padding: int, kernel: int, stride: int, dilation: int, slack: int = 0) -> int:
    """How many places a kernel has on `n` elements and `padding`, where the last may reach `slack` too far."""
    count = _count(n + padding + slack, kernel, stride, dilation)
    if count < 1:
        raise ValueError(
            f"{name}: a kernel of size {kernel}, dilation {dilation}, reaches over {dilation * (kernel - 1) + 1} "
            f"elements; there are {n}, and {padding} of padding. Give a smaller kernel or more padding"
        )
    return count
