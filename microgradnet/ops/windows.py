"""What convolution and pooling share: an image, a window that moves over it, and what is asked of both."""

from __future__ import annotations

import itertools
from typing import Any, TypeAlias

from numpy.lib.stride_tricks import as_strided

from ..core import shaped

Pair: TypeAlias = tuple[int, int]
Edges: TypeAlias = tuple[Pair, Pair]  # zeros above and below, left and right
SIZES = {1: "length", 2: "height, width"}


def count_places(length: int, kernel: int, stride: int, dilation: int) -> int:
    """How many places a kernel has along an axis."""
    return (length - dilation * (kernel - 1) - 1) // stride + 1


def windows(x: Any, kernel: Pair, stride: Pair, dilation: Pair, groups: int = 1) -> Any:
    """A view of all that the kernel meets in `x`, batch last: (groups, channels, *kernel, height, width, batch)."""
    channels, height, width, batch = x.shape
    size = map(count_places, (height, width), kernel, stride, dilation)
    c, h, w, n = x.strides
    steps = (h * dilation[0], w * dilation[1], h * stride[0], w * stride[1])
    return as_strided(x, (groups, channels // groups, *kernel, *size, batch), (c * (channels // groups), c, *steps, n))


def met_along(
    length: int, count: int, kernel: int, stride: int, padding: int, dilation: int
) -> list[tuple[slice, slice]]:
    """For each place in a kernel along an axis: a slice of results, and the slice of elements that it meets."""
    pairs = []
    for offset in range(-padding, kernel * dilation - padding, dilation):
        first, last = max(0, -(offset // stride)), min(count - 1, (length - 1 - offset) // stride)
        if first <= last:
            start, end = offset + first * stride, offset + last * stride
            pairs.append((slice(first, last + 1), slice(start, end + 1, stride)))
    return pairs


def places(shape: Any, *, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> list[Any]:
    """For each place in a kernel: an index of results, and the index of the elements that it meets."""
    along = map(met_along, shape[-2:], size, kernel, stride, padding, dilation)
    return [((..., a, b), (..., c, d)) for (a, c), (b, d) in itertools.product(*along)]


def image(name: str, x: Any, axes: int) -> Any:
    x = shaped(x)
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: x of shape {x.shape}; wanted (batch, channels, {SIZES[axes]}) or (channels, {SIZES[axes]}). "
            f"x.reshape(…) gives it the axes that it lacks"
        )
    return x


def four_axes(x: Any, axes: int) -> Any:
    """`x` as (batch, channels, height, width), with a batch of one and a width of one where it has none."""
    return reshaped(x, (*(x.shape[: -1 - axes] or (1,)), *x.shape[-1 - axes :], 1)[:4])


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else x.reshape(shape)


def checked_count(name: str, n: int, padding: int, kernel: int, stride: int, dilation: int, slack: int = 0) -> int:
    """How many places a kernel has on `n` elements and `padding`, where the last may reach `slack` too far."""
    count = count_places(n + padding + slack, kernel, stride, dilation)
    if count < 1:
        raise ValueError(
            f"{name}: a kernel of size {kernel}, dilation {dilation}, reaches over {dilation * (kernel - 1) + 1} "
            f"elements; there are {n}, and {padding} of padding. Give a smaller kernel or more padding"
        )
    return count
