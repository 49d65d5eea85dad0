"""Convolution with one kernel for each channel, and its two adjoints.

There is no matrix to multiply with. At stride 1 what one element of the kernel meets is one run of memory, here with
the image's rows end to end, so the sums over the kernel are sums of runs, and nothing is copied: 6 to 10 times as fast
as patches. Where a run goes on from one row to the next the sums mean nothing, and are cut off. At another stride s it
is s² convolutions at stride 1, each of every s-th row and column with every s-th element of the kernel.

Images come as they are everywhere, (batch, channels, height, width), and are computed with as (planes, height, width,
batch): channels, with the batch innermost, as `conv` has it; or, where each image's channels lie in memory one by one,
each as a plane of its own, in a batch of one. So no image is turned round, which would take as long as all the rest.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .windows import Edges, Pair, count_places

PLANE = 256  # numbers of an image's channel from which its runs are long enough to be summed one by one


class _Part(NamedTuple):
    """The elements of a kernel that meet one row in `stride`, one column in `stride`: at stride 1 it is all of it."""

    elements: tuple[slice, slice]
    kernel: Pair
    first: Pair  # the row and the column that its first element meets at its first place
    apart: Pair  # how many of these rows and columns lie from one of its elements to the next

    @property
    def reach(self) -> Pair:
        """How many of these rows and columns lie from its first element to its last."""
        return (self.kernel[0] - 1) * self.apart[0], (self.kernel[1] - 1) * self.apart[1]


def _parts(kernel: Pair, stride: Pair, dilation: Pair) -> list[_Part]:
    """The parts of a kernel, the largest first."""
    common = [math.gcd(s, d) for s, d in zip(stride, dilation, strict=True)]
    steps = [s // c for s, c in zip(stride, common, strict=True)]
    apart = dilation[0] // common[0], dilation[1] // common[1]
    parts = []
    for i, j in np.ndindex(*map(min, kernel, steps)):
        size = -((i - kernel[0]) // steps[0]), -((j - kernel[1]) // steps[1])
        elements = slice(i, None, steps[0]), slice(j, None, steps[1])
        parts.append(_Part(elements, size, (i * dilation[0], j * dilation[1]), apart))
    return parts


def _is_plain(x: Any) -> bool:
    """Whether each image's channels lie in memory one by one, and pay as planes."""
    batch, _, height, width = x.shape
    inner = [step for step, n in zip(x.strides[2:], (height, width), strict=True) if n > 1]
    return batch > 1 and height * width >= PLANE and bool(inner) and x.strides[0] > x.strides[1] > max(inner)


def _planes(x: Any, plain: bool) -> Any:
    """Images (batch, channels, height, width) as planes (…, height, width, batch)."""
    return x.reshape((-1, *x.shape[2:], 1)) if plain else x.transpose(1, 2, 3, 0)


def _images(planes: Any, channels: int, plain: bool) -> Any:
    """The images that planes are."""
    return planes.reshape((-1, channels, *planes.shape[1:3])) if plain else planes.transpose(3, 0, 1, 2)


def _kernels(weight: Any, batch: int, plain: bool, dtype: Any) -> Any:
    """A kernel for each plane, (planes, *kernel)."""
    weight = weight[:, 0].astype(dtype)
    return np.tile(weight, (batch, 1, 1)) if plain else weight


def _met(first: int, step: int, count: int, length: int) -> tuple[slice, slice]:
    """Of `count` rows from `first` on, `step` apart: where the image of `length` rows has them; and which it has."""
    low, high = min(max(0, -(first // step)), count), min(max(0, -((first - length) // step)), count)
    high = max(low, high)
    return slice(first + step * low, max(0, first + step * high), step), slice(low, high)


def _cut(x: Any, first: Pair, size: Pair, step: Pair, dtype: Any) -> Any:
    """`size` rows and columns of planes, from `first`, `step` apart, contiguous; beyond the edges there are zeros."""
    (there, out), (there_, out_) = map(_met, first, step, size, x.shape[1:3])
    seen = x[:, there, there_]
    if seen.shape[1:3] == size:
        return np.ascontiguousarray(seen, dtype)
    whole = np.zeros((len(x), *size, x.shape[-1]), dtype)
    whole[:, out, out_] = seen
    return whole


def _runs(x: Any, first: Pair, part: _Part, numbers: int) -> Any:
    """A view of what each element of a part of a kernel meets in `x`, (planes, *kernel, numbers), from `first` on."""
    planes, height, width, batch = x.shape
    n = x.itemsize  # not x.strides, which say nothing of axes of length 1
    w, h, c = batch * n, width * batch * n, height * width * batch * n
    strides = c, h * part.apart[0], w * part.apart[1], n
    return np.ndarray((planes, *part.kernel, numbers), x.dtype, x, first[0] * h + first[1] * w, strides)


def _add_up(out: Any, runs: Any, weight: Any, fresh: bool) -> None:
    """The runs times their elements of the kernels, into `out` or added to it."""
    if runs.strides[2] > runs.strides[3] or runs.shape[2] == 1:
        sums = [(runs, weight, "cijl,cij->cl")]
    else:  # the steps along j and l are equal, and NumPy would take the short sums along j inside
        sums = [(runs[:, :, j], weight[:, :, j], "cil,ci->cl") for j in range(runs.shape[2])]
    for seen, elements, how in sums:
        if fresh:
            np.einsum(how, seen, elements, out=out)
            fresh = False
        else:
            out += np.einsum(how, seen, elements)


def correlate(x: Any, weight: Any, stride: Pair, padding: Edges, dilation: Pair, dtype: Any) -> Any:
    """The cross-correlation of each channel of `x` with its kernel of `weight` (channels, 1, *kernel)."""
    (batch, channels, height, width), kernel, plain = x.shape, weight.shape[2:], _is_plain(x)
    (top, bottom), (left, right) = padding
    rows, columns = map(count_places, (top + height + bottom, left + width + right), kernel, stride, dilation)
    planes, kernels, parts = _planes(x, plain), _kernels(weight, batch, plain, dtype), _parts(kernel, stride, dilation)
    n, wide = planes.shape[-1], columns + parts[0].reach[1]
    numbers = ((rows - 1) * wide + columns) * n
    out = np.empty((len(planes), rows * wide * n), dtype)
    for part in parts:
        first = part.first[0] - top, part.first[1] - left
        seen = _cut(planes, first, (rows + part.reach[0], wide), stride, dtype)
        runs = _runs(seen, (0, 0), part, numbers)
        _add_up(out[:, :numbers], runs, kernels[:, *part.elements], part is parts[0])
    return _images(out.reshape((len(planes), rows, wide, n))[:, :, :columns], channels, plain)


def spread(y: Any, weight: Any, shape: Pair, stride: Pair, padding: Edges, dilation: Pair, dtype: Any) -> Any:
    """An image of `shape` with the kernel of each channel times its number of `y`, added at their places."""
    (batch, channels, height, width), plain = y.shape, _is_plain(y)
    (top, _), (left, _) = padding
    planes, kernels = _planes(y, plain), _kernels(weight, batch, plain, dtype)
    parts = _parts(weight.shape[2:], stride, dilation)
    down, along = parts[0].reach
    rows, columns, n = height + down, width + along, planes.shape[-1]
    seen = _cut(planes, (-down, -along), (rows + down, columns + along), (1, 1), dtype)
    numbers = ((rows - 1) * seen.shape[2] + columns) * n
    image = np.zeros((len(planes), *shape, n), dtype) if stride != (1, 1) else seen
    for part in parts:  # each is a correlation as well, with the kernel turned round
        runs = _runs(seen, (down - part.reach[0], along - part.reach[1]), part, numbers)
        out = np.empty((len(planes), rows * seen.shape[2] * n), dtype)
        _add_up(out[:, :numbers], runs, kernels[:, *part.elements][:, ::-1, ::-1], True)
        sums = out.reshape((len(planes), rows, seen.shape[2], n))[:, :, :columns]
        if stride == (1, 1):
            image = sums[:, top : top + shape[0], left : left + shape[1]]
        else:
            first = part.first[0] - top, part.first[1] - left
            (to, of), (to_, of_) = map(_met, first, stride, (rows, columns), shape)
            image[:, to, to_] = sums[:, of, of_]
    return _images(image, channels, plain)


def gather(y: Any, x: Any, kernel: Pair, stride: Pair, padding: Edges, dilation: Pair, dtype: Any) -> Any:
    """The kernel of each channel, (channels, 1, *kernel): what it meets in `x` times `y`, added up."""
    (batch, channels, rows, columns), plain = y.shape, _is_plain(x)
    (top, _), (left, _) = padding
    planes, ys, parts = _planes(x, plain), _planes(y, plain), _parts(kernel, stride, dilation)
    n, wide = planes.shape[-1], columns + parts[0].reach[1]
    numbers = ((rows - 1) * wide + columns) * n
    met = np.zeros((len(planes), rows, wide, n), dtype)  # 0 where runs mean nothing
    met[:, :, :columns] = ys
    met = met.reshape((len(planes), 1, 1, rows * wide * n))[..., :numbers]
    out = np.empty((len(planes), *kernel), dtype)
    for part in parts:
        first = part.first[0] - top, part.first[1] - left
        seen = _cut(planes, first, (rows + part.reach[0], wide), stride, dtype)
        out[:, *part.elements] = np.vecdot(_runs(seen, (0, 0), part, numbers), met)
    return (out.reshape((batch, channels, *kernel)).sum(axis=0) if plain else out)[:, None]
