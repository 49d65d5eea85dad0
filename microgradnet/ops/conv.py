"""Convolution in one and two dimensions: a row and its adjoints.

Shapes are PyTorch's: images x (batch, channels, height, width), kernels (out, channels / groups, height, width).

Convolution is linear in the image and in the kernel. It, its adjoint in the image ("conv2d_input") and its adjoint in
the kernel ("conv2d_weight") are the three ways to contract two of image, kernel and result: each one's rules are the
other two, and that is all there is to any order. One dimension is two, of which the second has size 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..checks import whole, whole_for_each
from ..core import Op, Operand, case, narrowed, of_two, op, shaped, wide, widened
from .windows import SIZES, Edges, Pair, checked_count, four_axes, image, reshaped, windows

# An image is computed with as (channels, height, width, batch): with the batch innermost, patches are copied, and added
# up, in long runs, and one matrix product does a whole block. This was measured: patches as rows of a matrix take 3 to
# 6 times as long, a product for each place of the kernel 2 to 30 times, one for each example up to twice. The result is
# that memory seen as (batch, channels, height, width): ufuncs, pooling and the next convolution keep it so.

BLOCK = 2**17  # numbers in a block of patches: they stay in cache, and a large batch needs no more memory


def _dtypes(*arrays: Any) -> tuple[Any, Any]:
    """The dtype of the result, that of NumPy but floating point also of integers; and that of the sums in it."""
    dtype: Any = np.result_type(*arrays)
    dtype = dtype if dtype.kind == "f" else np.float64
    return dtype, wide(dtype)


def _padded(x: Any, padding: Edges, dtype: Any) -> Any:
    """`x` with the batch last and zeros around it."""
    x = x.transpose(1, 2, 3, 0)
    if not any(map(any, padding)):
        return np.ascontiguousarray(x, dtype)
    channels, height, width, batch = x.shape
    (top, bottom), (left, right) = padding
    out = np.zeros((channels, top + height + bottom, left + width + right, batch), dtype)
    out[:, top : top + height, left : left + width] = x
    return out


def _grouped(x: Any, groups: int, dtype: Any) -> Any:
    """`x` (channels, …) as a matrix for each group: (groups, channels / groups, all the rest)."""
    return np.ascontiguousarray(x, dtype).reshape(groups, len(x) // groups, math.prod(x.shape[1:]))


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
    result, dtype = _dtypes(x, weight, *bias)
    if len(weight) == x.shape[1] == groups > 1:
        from . import depthwise  # a file of its own, for those who have such kernels

        out = depthwise.correlate(x, weight, stride, padding, dilation, dtype)
        for b in bias:
            out += b.reshape((-1, 1, 1))
        return narrowed(out, result)
    patches = windows(_padded(x, padding, dtype), weight.shape[2:], stride, dilation, groups)
    size, kernels = patches.shape[4:], _grouped(weight, groups, dtype)
    out = np.empty((*kernels.shape[:2], math.prod(size)), dtype)
    for numbers, block in _blocks(patches, BLOCK):
        np.matmul(kernels, _columns(block), out=out[..., numbers])
    for b in bias:
        out += b.reshape((*kernels.shape[:2], 1))
    return narrowed(out, result).reshape((len(weight), *size)).transpose(3, 0, 1, 2)


def _conv2d_input(
    y: Any, weight: Any, *, shape: Pair, stride: Pair, padding: Edges, dilation: Pair, groups: int
) -> Any:
    """An image of `shape` (height, width) with the kernels times its number of `y`, added at their places."""
    result, dtype = _dtypes(y, weight)
    ((top, bottom), (left, right)), (height, width) = padding, shape
    if len(weight) == weight.shape[1] * groups == groups > 1 and np.isfinite(weight).all():  # zeros would meet them
        from . import depthwise

        return narrowed(depthwise.spread(y, weight, shape, stride, padding, dilation, dtype), result)
    out = np.zeros((weight.shape[1] * groups, top + height + bottom, left + width + right, len(y)), dtype)
    patches = windows(out, weight.shape[2:], stride, dilation, groups)
    kernels, y = _grouped(weight, groups, dtype).swapaxes(1, 2), _grouped(y.transpose(1, 2, 3, 0), groups, dtype)
    for numbers, block in _blocks(patches, 4 * BLOCK):  # adding has a cost by the block and place: fewer are better
        spread = (kernels @ y[..., numbers]).reshape(block.shape)
        for i, j in np.ndindex(*weight.shape[2:]):  # at one place of the kernel, no two patches overlap
            block[:, :, i, j] += spread[:, :, i, j]
    return narrowed(out, result)[:, top : top + height, left : left + width].transpose(3, 0, 1, 2)


def _conv2d_weight(y: Any, x: Any, *, kernel: Pair, stride: Pair, padding: Edges, dilation: Pair, groups: int) -> Any:
    """Kernels of size `kernel`: for each channel of `y`, the patches of `x` times its number of `y`, added up."""
    result, dtype = _dtypes(y, x)
    if y.shape[1] == x.shape[1] == groups > 1:
        from . import depthwise

        out = depthwise.gather(y, x, kernel, stride, padding, dilation, dtype)
        if np.isfinite(out).all():  # or zeros have met what is not finite
            return narrowed(out, result)
    patches = windows(_padded(x, padding, dtype), kernel, stride, dilation, groups)
    channels, y = y.shape[1], _grouped(y.transpose(1, 2, 3, 0), groups, dtype)
    out = np.zeros((*y.shape[:2], math.prod(patches.shape[1:4])), dtype)
    for numbers, block in _blocks(patches, BLOCK):
        out += y[..., numbers] @ _columns(block).swapaxes(1, 2)
    return narrowed(out, result).reshape((channels, *patches.shape[1:4]))


# Shapes of image, kernel and result that belong together.
TRIPLES: list[Any] = [
    ((2, 1, 3, 4), (2, 1, 2, 3), (2, 2, 2, 2), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    ((1, 2, 5, 4), (3, 2, 3, 2), (1, 3, 3, 3), ((2, 1), ((1, 2), (0, 1)), (1, 2), 1)),
    ((2, 2, 2, 3), (4, 1, 2, 2), (2, 4, 1, 2), ((1, 2), ((0, 0), (1, 1)), (1, 1), 2)),
    ((0, 2, 2, 3), (2, 1, 1, 2), (0, 2, 2, 3), ((1, 1), ((0, 0), (1, 0)), (1, 1), 2)),
    ((2, 2, 3, 3), (2, 1, 2, 2), (2, 2, 3, 2), ((1, 1), ((1, 0), (0, 1)), (1, 2), 2)),
    ((1, 2, 4, 3), (2, 1, 2, 2), (1, 2, 2, 3), ((2, 1), ((0, 1), (1, 0)), (1, 1), 2)),
]
HOW = ("stride", "padding", "dilation", "groups")
TRIPLES = [(x, weight, y, dict(zip(HOW, how, strict=True))) for x, weight, y, how in TRIPLES]

conv2d_row: Op = op("conv2d",
    lambda g, out, x, weight, *bias, **how: conv2d_input(g, weight, shape=x.shape[2:], **how),
    lambda g, out, x, weight, *bias, **how: conv2d_weight(g, x, kernel=weight.shape[2:], **how),
    lambda g, out, x, weight, *bias, **how: widened(g).sum(axis=(0, 2, 3)), forward=_conv2d, kind=Op,
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


@of_two
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


@of_two
def conv2d(
    x: Operand, weight: Operand, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of `x` (batch, channels, height, width), or (channels, height, width), with each of the
    kernels `weight` (out, channels / groups, height, width), plus `bias` (out,): (batch, out, height, width).

    `stride` (the step of the kernel), `padding` (zeros on both sides) and `dilation` (the distance of the kernel's
    elements) are numbers or pairs; padding "valid" is 0, and "same", for stride 1, keeps height and width. With
    `groups` the channels are cut into so many parts with its own share of the kernels. Raises ValueError for
    shapes that do not fit.

    >>> conv2d(np.ones((1, 3, 3)), np.ones((1, 1, 2, 2)), stride=(1, 2), padding="valid")
    array([[[4.],
            [4.]]])
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def _convolve(
    name: str, axes: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    x, weight, biases = image(name, x, axes), shaped(weight), [] if bias is None else [shaped(bias)]
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
    out = [checked_count(name, n, sum(edge), k, s, d)
           for n, edge, k, s, d in zip(size, edges, weight.shape[2:], stride, dilation, strict=True)]  # fmt: skip
    how = {"stride": (*stride, 1)[:2], "padding": (*edges, (0, 0))[:2], "dilation": (*dilation, 1)[:2]}
    weight = weight if axes == 2 else weight.reshape((*weight.shape, 1))
    y = conv2d_row(four_axes(x, axes), weight, *biases, groups=groups, **how)
    return reshaped(y, (*x.shape[: -1 - axes], len(weight), *out))


# --------------------------------------------------------------------------------------------------------- transposed


@of_two
def conv_transpose1d(
    x: Operand, weight: Operand, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """Each element of `x` (batch, channels, length), or (channels, length), times its kernel of `weight` (channels,
    out / groups, length), added up where they overlap, plus `bias` (out,). The arguments are `conv_transpose2d`'s, for
    one axis.

    >>> conv_transpose1d(np.array([[1.0, 2.0, 3.0]]), np.array([[[1.0, 10.0]]]), stride=2)
    array([[ 1., 10.,  2., 20.,  3., 30.]])
    """
    return _spread("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


@of_two
def conv_transpose2d(
    x: Operand, weight: Operand, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """Each element of `x` (batch, channels, height, width), or (channels, height, width), times its kernel of `weight`
    (channels, out / groups, height, width), added up where they overlap, plus `bias` (out,): (batch, out, height',
    width'). It is to `conv2d` what a gradient is: from the shape of its result to that of its image.

    Along each axis the result is (n − 1) · stride + dilation · (kernel − 1) + 1 − 2 · padding + output_padding long:
    `stride` is the step from kernel to kernel, `padding` is cut off on both sides, `output_padding` adds to the end and
    is smaller than stride or dilation. They are numbers or pairs. Raises ValueError for shapes that do not fit.

    >>> conv_transpose2d(np.array([[[1.0, 2.0]]]), np.ones((1, 1, 1, 2)), stride=(1, 2), output_padding=(0, 1))
    array([[[1., 1., 2., 2., 0.]]])
    """
    return _spread("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _spread(
    name: str, axes: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, more: Any, groups: int,
    dilation: Any,
) -> Any:  # fmt: skip
    x, weight = image(name, x, axes), shaped(weight)
    if weight.ndim != axes + 2 or 0 in weight.shape:
        raise ValueError(f"{name}: weight of shape {weight.shape}; wanted (channels, out / groups, {SIZES[axes]})")
    groups, channels, out = whole("groups", groups, call=name), x.shape[-1 - axes], weight.shape[1] * groups
    if channels != len(weight) or channels % groups:
        raise ValueError(
            f"{name}: x of shape {x.shape} has {channels} channels; weight of shape {weight.shape} wants "
            f"{len(weight)}, a multiple of groups={groups}. Axis 0 of weight is x's channels, axis 1 is out / groups"
        )
    bias = None if bias is None else shaped(bias)
    if bias is not None and bias.shape != (out,):
        raise ValueError(f"{name}: bias of shape {bias.shape}; wanted one for each channel of the result, ({out},)")
    stride = whole_for_each("stride", stride, axes, call=name)
    dilation = whole_for_each("dilation", dilation, axes, call=name)
    padding = whole_for_each("padding", padding, axes, 0, call=name)
    more = whole_for_each("output_padding", more, axes, 0, call=name)
    size, edges, zeros = [], [], []
    for n, k, s, p, m, d in zip(x.shape[-axes:], weight.shape[2:], stride, padding, more, dilation, strict=True):
        if m >= max(s, d):
            raise ValueError(f"{name}: output_padding={m} is smaller than stride or dilation, which are {s} and {d}")
        edge = max(0, p - m)  # what is cut off at the end
        size.append((n - 1) * s + d * (k - 1) + 1 - p - edge)
        edges.append((p, edge))
        zeros.append((0, max(0, m - p)))  # beyond what any kernel reaches
        if n < 1 or size[-1] + zeros[-1][1] < 1:
            raise ValueError(f"{name}: nothing is left of {n} elements after padding={p} is cut off. Give less padding")
    how = {"stride": (*stride, 1)[:2], "padding": (*edges, (0, 0))[:2], "dilation": (*dilation, 1)[:2]}
    weight = weight if axes == 2 else weight.reshape((*weight.shape, 1))
    y = conv2d_input(four_axes(x, axes), weight, shape=(*size, 1)[:2], groups=groups, **how)
    if any(n for _, n in zeros):
        y = np.pad(y, [(0, 0), (0, 0), *zeros, (0, 0)][:4])
    y = reshaped(y, (*x.shape[: -1 - axes], out, *(n + m for n, (_, m) in zip(size, zeros, strict=True))))
    return y if bias is None else y + bias.reshape((-1, *(1,) * axes))
