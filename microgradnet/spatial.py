"""Images and signals made larger and smaller: padding, interpolation, pooling to a size, patches and back.

Shapes are PyTorch's, (batch, channels, length) or (batch, channels, height, width), or without the batch where that is
said. All of it moves elements, or is a product with a small matrix for each axis.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .checks import choice, is_whole, positive, real, refusal, whole, whole_for_each
from .core import Array, Operand, as_floats, narrowed, of_one, shaped, widened
from .core import Value as Value  # for the examples
from .ops.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from .ops.shape import scatter
from .ops.windows import checked_count, image

# ------------------------------------------------------------------------------------------------------------- padding

MODES = ("constant", "reflect", "replicate", "circular")


@of_one
def pad(x: Operand, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """`x` with more elements around it, or fewer: `pad` is (before, after) of the last axis, then of the one before it,
    and so on; a negative number cuts off.

    `mode` is "constant" (of `value`, 0 unless it is given), "reflect" (mirrored at the edge, which is not repeated),
    "replicate" (the edge again and again) or "circular" (from the other end). ValueError for a `pad` of another length,
    and for one that reaches further than the mode can.

    >>> pad(np.array([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
    array([3., 2., 1., 2., 3., 2.])
    """
    x = shaped(x)
    listed = list(pad) if isinstance(pad, (tuple, list)) else []
    if not listed or len(listed) % 2 or len(listed) > 2 * x.ndim or not all(is_whole(n, -math.inf) for n in listed):
        raise ValueError(refusal(
            "pad", pad, f"(before, after) of the last axis, and of further ones before it, of the {x.ndim} there are",
            call="pad",
        ))  # fmt: skip
    choice("mode", mode, MODES, call="pad")
    if mode != "constant" and value is not None:
        raise ValueError(f"pad(value={value!r}, mode={mode!r}): the other modes take what they pad with from x")
    pairs = [(int(a), int(b)) for a, b in zip(listed[::2], listed[1::2], strict=True)][::-1]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    for n, both in zip(x.shape, pairs, strict=True):
        furthest = {"reflect": n - 1, "circular": n, "replicate": math.inf if n else 0}.get(mode, math.inf)
        if max(both) > furthest or n + sum(map(min, both, (0, 0))) < 0:
            raise ValueError(f"pad{both} of an axis of length {n}, mode={mode!r}: it reaches further than x does")
    if any(n < 0 for both in pairs for n in both):
        ends = [(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(x.shape, pairs, strict=True)]
        x = x[tuple(slice(start, end) for start, end in ends)]
        pairs = [(max(0, a), max(0, b)) for a, b in pairs]
    if mode == "constant":
        value = 0.0 if value is None else real("value", value, call="pad")
        return inside(as_floats(x) if value else x, pairs, value)
    for axis, both in enumerate(pairs):
        if any(both):
            x = continued(x, axis, *both, mode)
    return x


def inside(x: Any, pairs: list[tuple[int, int]], value: float) -> Any:
    """`x` with so many of `value` before and after each axis."""
    if not any(map(any, pairs)):
        return x
    shape = tuple(n + sum(both) for n, both in zip(x.shape, pairs, strict=True))
    place = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, pairs, strict=True))
    out = scatter(x, shape=shape, index=place)
    if value:
        around = np.full(shape, value, x.dtype)
        around[place] = 0
        out = out + around
    return out


def continued(x: Any, axis: int, before: int, after: int, mode: str) -> Any:
    """`x` continued along an axis by its own elements."""

    def part(start: int, end: int, step: int = 1) -> Any:
        return x[(*(slice(None),) * axis, slice(start, end if end >= 0 else None, step))]

    n = x.shape[axis]
    if mode == "reflect":
        ends = part(before, 0, -1), part(n - 2, n - 2 - after, -1)
    elif mode == "circular":
        ends = part(n - before, n), part(0, after)
    else:
        shapes = [(*x.shape[:axis], m, *x.shape[axis + 1 :]) for m in (before, after)]
        ends = np.broadcast_to(part(0, 1), shapes[0]), np.broadcast_to(part(n - 1, n), shapes[1])
    parts = [end for end, m in zip((ends[0], x, ends[1]), (before, 1, after), strict=True) if m]
    return np.concatenate(parts, axis=axis)


# -------------------------------------------------------------------------------------------------------- interpolation


@of_one
def interpolate(
    x: Operand, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """`x` (batch, channels, length) or (batch, channels, height, width) in another `size`, or `scale_factor` times as
    large: both are a number or one for each axis, and one of them is given.

    `mode` is "nearest", "nearest-exact" (which takes the middle of a pixel for its place), "linear" (one axis),
    "bilinear" (two) or "area" (means, to make smaller). `align_corners` keeps the values at the corners, in the linear
    modes alone. Fewer pixels by a linear mode skip some: "area" does not. ValueError for what does not fit.

    >>> interpolate(np.array([[[0.0, 4.0]]]), scale_factor=2, mode="linear")
    array([[[0., 1., 3., 4.]]])
    """
    x = as_floats(x)
    axes = x.ndim - 2
    if axes not in (1, 2):
        raise ValueError(f"interpolate: x of shape {x.shape}; wanted (batch, channels, length) or (…, height, width)")
    linear = {1: "linear", 2: "bilinear"}[axes]
    choice("mode", mode, ("nearest", "nearest-exact", linear, "area"), call="interpolate",
           more=f" for x of shape {x.shape}")  # fmt: skip
    if align_corners is not None and mode != linear:
        raise ValueError(f"interpolate(align_corners={align_corners!r}, mode={mode!r}): it is for {linear!r} alone")
    sizes, steps = sizes_of(x.shape[2:], size, scale_factor)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d)[axes - 1](x, sizes)
    dtype, x = x.dtype, widened(x)
    for axis, (n, step) in enumerate(zip(sizes, steps, strict=True), 2):
        if mode == linear:
            x = along(x, axis, blend(x.shape[axis], n, step, bool(align_corners)))
        else:
            x = repeated(x, axis, nearest(x.shape[axis], n, step, mode))
    return narrowed(x, dtype)


def sizes_of(lengths: tuple[int, ...], size: Any, scale: Any) -> tuple[list[int], list[float]]:
    """The new length of each axis, and how far it is from one new element to the next, in old ones."""
    axes = len(lengths)
    if (size is None) == (scale is None):
        raise ValueError(f"interpolate(size={size!r}, scale_factor={scale!r}): give one of them")
    if size is not None:
        sizes = list(whole_for_each("size", size, axes, call="interpolate"))
        return sizes, [n / m for n, m in zip(lengths, sizes, strict=True)]
    scales = list(scale) if isinstance(scale, (tuple, list)) else [scale] * axes
    if len(scales) != axes:
        raise ValueError(refusal("scale_factor", scale, f"a number, or {axes} of them", call="interpolate"))
    scales = [positive("scale_factor", f, call="interpolate") for f in scales]
    sizes = [math.floor(n * f) for n, f in zip(lengths, scales, strict=True)]
    if min(sizes) < 1:
        raise ValueError(f"interpolate(scale_factor={scale}): of {lengths} it leaves {tuple(sizes)}, nothing")
    return sizes, [1 / f for f in scales]


def nearest(n: int, count: int, step: float, mode: str) -> Array:
    """Which of `n` elements each of `count` new ones takes; reckoned in float32, which says what PyTorch takes."""
    reckoned = (np.arange(count, dtype=np.float32) + (0.5 if mode == "nearest-exact" else 0.0)) * step
    places: Array = np.minimum(np.floor(reckoned).astype(np.intp), n - 1)
    return places


def repeated(x: Any, axis: int, places: Array) -> Any:
    """The elements of `x` at rising `places` of an axis."""
    times = np.bincount(places, minlength=x.shape[axis])
    if (times == times[0]).all():  # as a view that is stretched, whose gradient is a sum: 10 times as fast
        wide = np.expand_dims(x, axis + 1)
        wide = np.broadcast_to(wide, (*x.shape[: axis + 1], int(times[0]), *x.shape[axis + 1 :]))
        return wide.reshape((*x.shape[:axis], len(places), *x.shape[axis + 1 :]))
    return np.repeat(x, times, axis)


def blend(n: int, count: int, step: float, align_corners: bool) -> Array:
    """The weights (count, n) with which `count` new elements are made of `n` old ones, two for each."""
    if align_corners:
        places = np.arange(count) * ((n - 1) / (count - 1) if count > 1 else 0.0)
    else:
        places = np.maximum((np.arange(count) + 0.5) * step - 0.5, 0.0)
    left = np.minimum(places.astype(np.intp), n - 1)
    share = np.minimum(np.maximum(places - left, 0.0), 1.0)
    weights, rows = np.zeros((count, n)), np.arange(count)
    weights[rows, left] += 1 - share
    weights[rows, np.minimum(left + 1, n - 1)] += share
    return weights


def along(x: Any, axis: int, weights: Array) -> Any:
    """`x` with the elements along one of its last two axes replaced by sums of them, with `weights` (new, old)."""
    weights = weights.astype(x.dtype)
    return x @ weights.T if axis == x.ndim - 1 else np.matmul(weights, x)


# ---------------------------------------------------------------------------------------------------- pooling to a size


@of_one
def adaptive_avg_pool1d(x: Operand, output_size: Any) -> Any:
    """Means of `x` (batch, channels, length), or (channels, length), over `output_size` pieces of the length.

    >>> adaptive_avg_pool1d(np.array([[1.0, 3.0, 2.0, 6.0]]), 2)
    array([[2., 4.]])
    """
    return mean_to("adaptive_avg_pool1d", 1, x, output_size)


@of_one
def adaptive_avg_pool2d(x: Operand, output_size: Any) -> Any:
    """Means of `x` (batch, channels, height, width), or (channels, height, width), over `output_size` pieces of height
    and width, a number or a pair; None leaves an axis as it is, and 1 takes the mean over all of it.

    Pieces that do not come out even overlap, as in PyTorch: from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉.

    >>> adaptive_avg_pool2d(np.arange(9.0).reshape(1, 3, 3), (1, 2))
    array([[[3.5, 4.5]]])
    """
    return mean_to("adaptive_avg_pool2d", 2, x, output_size)


@of_one
def adaptive_max_pool1d(x: Operand, output_size: Any) -> Any:
    """The largest elements of `x` (batch, channels, length), or (channels, length), in `output_size` pieces of the
    length.

    >>> adaptive_max_pool1d(np.array([[1.0, 3.0, 2.0, 6.0]]), 2)
    array([[3., 6.]])
    """
    return largest_of("adaptive_max_pool1d", 1, x, output_size)


@of_one
def adaptive_max_pool2d(x: Operand, output_size: Any) -> Any:
    """The largest elements of `x` (batch, channels, height, width), or (channels, height, width), in the pieces that
    `adaptive_avg_pool2d` takes the mean of. Several that are the largest share the gradient equally.

    >>> adaptive_max_pool2d(np.arange(9.0).reshape(1, 3, 3), (1, 2))
    array([[[7., 8.]]])
    """
    return largest_of("adaptive_max_pool2d", 2, x, output_size)


def pieces(name: str, axes: int, x: Any, output_size: Any) -> tuple[tuple[int, ...], bool]:
    """How many pieces there are of each axis, and whether they all come out even."""
    lengths = x.shape[-axes:]
    listed = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * axes
    if len(listed) != axes:
        raise ValueError(refusal("output_size", output_size, f"a whole number, or {axes} of them", call=name))
    counts = tuple(n if m is None else whole("output_size", m, call=name)
                   for n, m in zip(lengths, listed, strict=True))  # fmt: skip
    if 0 in lengths:
        raise ValueError(f"{name}: x of shape {x.shape} has nothing to pool")
    return counts, not any(n % m for n, m in zip(lengths, counts, strict=True))


def bounds(n: int, count: int) -> list[tuple[int, int]]:
    """Where each of `count` pieces of `n` elements begins and ends."""
    return [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]


def mean_to(name: str, axes: int, x: Any, output_size: Any) -> Any:
    x = image(name, as_floats(x), axes)
    counts, even = pieces(name, axes, x, output_size)
    last = tuple(range(-axes, 0))
    if set(counts) == {1}:
        return x.mean(axis=last, keepdims=True)
    if even:
        kernel = tuple(n // m for n, m in zip(x.shape[-axes:], counts, strict=True))
        return (avg_pool1d, avg_pool2d)[axes - 1](x, kernel)
    dtype, x = x.dtype, widened(x)
    for axis, count in zip(last, counts, strict=True):
        weights = np.zeros((count, x.shape[axis]))
        for row, (start, end) in zip(weights, bounds(x.shape[axis], count), strict=True):
            row[start:end] = 1 / (end - start)
        x = along(x, x.ndim + axis, weights)
    return narrowed(x, dtype)


def largest_of(name: str, axes: int, x: Any, output_size: Any) -> Any:
    x = image(name, as_floats(x), axes)
    counts, even = pieces(name, axes, x, output_size)
    last = tuple(range(-axes, 0))
    if set(counts) == {1}:
        return x.max(axis=last, keepdims=True)
    if even:
        kernel = tuple(n // m for n, m in zip(x.shape[-axes:], counts, strict=True))
        return (max_pool1d, max_pool2d)[axes - 1](x, kernel)
    places = itertools.product(*map(bounds, x.shape[-axes:], counts))
    tops = [x[(..., *(slice(a, b) for a, b in place))].max(axis=last) for place in places]
    return np.stack(tops, axis=-1).reshape((*x.shape[:-axes], *counts))


# ------------------------------------------------------------------------------------------------------ patches, pixels


@of_one
def unfold(x: Operand, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """What a window sees at each of its places in `x` (batch, channels, height, width), or without the batch, as
    columns: (batch, channels · height · width of the window, places). The sizes are numbers or pairs.

    >>> unfold(np.arange(6.0).reshape(1, 2, 3), (1, 2)).shape  # windows of 2 numbers, 4 of them
    (2, 4)
    """
    x, (kernel, dilation, padding, stride) = (
        image("unfold", x, 2),
        windows("unfold", kernel_size, dilation, padding, stride),
    )
    size, places = met("unfold", x.shape[-2:], kernel, dilation, padding, stride)
    wide = pad(x, (padding[1], padding[1], padding[0], padding[0]))
    seen = np.stack([wide[(..., *place)] for place in places], axis=-3)
    return seen.reshape((*x.shape[:-3], x.shape[-3] * math.prod(kernel), math.prod(size)))


@of_one
def fold(x: Operand, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The columns that `unfold` makes, added up where their windows were: an image of `output_size` (height, width).

    `x` is (batch, channels · height · width of the window, places), or without the batch.

    >>> fold(np.ones((2, 4)), (2, 3), (1, 2))
    array([[[1., 2., 1.],
            [1., 2., 1.]]])
    """
    kernel, dilation, padding, stride = windows("fold", kernel_size, dilation, padding, stride)
    height, width = whole_for_each("output_size", output_size, 2, call="fold")
    size, places = met("fold", (height, width), kernel, dilation, padding, stride)
    x = as_floats(x)  # sums of small integers would wrap around
    if x.ndim not in (2, 3) or x.shape[-2] % math.prod(kernel) or x.shape[-1] != math.prod(size):
        raise ValueError(
            f"fold: x of shape {x.shape}; wanted (batch, channels · {math.prod(kernel)}, {math.prod(size)}), a column "
            f"for each place of the window"
        )
    channels = x.shape[-2] // math.prod(kernel)
    x = x.reshape((*x.shape[:-2], channels, math.prod(kernel), *size))
    shape = (*x.shape[:-4], channels, height + 2 * padding[0], width + 2 * padding[1])
    total = sum(scatter(x[..., i, :, :], shape=shape, index=(..., *place)) for i, place in enumerate(places))
    return pad(total, (-padding[1], -padding[1], -padding[0], -padding[0]))


def windows(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    """The options of a window, each as a pair."""
    given = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    return [whole_for_each(option, x, 2, 0 if option == "padding" else 1, call=name) for option, x in given.items()]


def met(name: str, lengths: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple[list[int], list[Any]]:
    """How many places a window has, and what each of its elements meets there, in the padded image."""
    size = [checked_count(name, n, 2 * p, k, s, d)
            for n, p, k, s, d in zip(lengths, padding, kernel, stride, dilation, strict=True)]  # fmt: skip
    axes = [[slice(i * d, i * d + (m - 1) * s + 1, s) for i in range(k)]
            for m, k, s, d in zip(size, kernel, stride, dilation, strict=True)]  # fmt: skip
    return size, list(itertools.product(*axes))


@of_one
def pixel_shuffle(x: Operand, upscale_factor: int) -> Any:
    """`x` (…, channels · r², height, width) with r² channels each laid out as r × r pixels, r being `upscale_factor`:
    (…, channels, height · r, width · r).

    >>> pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2)
    array([[[0., 1.],
            [2., 3.]]])
    """
    x, r = shaped(x), whole("upscale_factor", upscale_factor, call="pixel_shuffle")
    if x.ndim < 3 or x.shape[-3] % r**2:
        raise ValueError(f"pixel_shuffle: x of shape {x.shape}; wanted (…, channels · {r**2}, height, width)")
    *more, channels, height, width = x.shape
    lead = tuple(range(len(more)))
    n = len(more)
    x = x.reshape((*more, channels // r**2, r, r, height, width))
    x = x.transpose((*lead, n, n + 3, n + 1, n + 4, n + 2))
    return x.reshape((*more, channels // r**2, height * r, width * r))


@of_one
def pixel_unshuffle(x: Operand, downscale_factor: int) -> Any:
    """The opposite of `pixel_shuffle`: r × r pixels as r² channels, r being `downscale_factor`.

    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2), 2).shape
    (4, 1, 1)
    """
    x, r = shaped(x), whole("downscale_factor", downscale_factor, call="pixel_unshuffle")
    if x.ndim < 3 or x.shape[-1] % r or x.shape[-2] % r:
        raise ValueError(f"pixel_unshuffle: x of shape {x.shape}; wanted height and width that are multiples of {r}")
    *more, channels, height, width = x.shape
    lead = tuple(range(len(more)))
    n = len(more)
    x = x.reshape((*more, channels, height // r, r, width // r, r))
    x = x.transpose((*lead, n, n + 2, n + 4, n + 1, n + 3))
    return x.reshape((*more, channels * r**2, height // r, width // r))
