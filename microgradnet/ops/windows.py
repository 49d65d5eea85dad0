"""What convolution and pooling share: an image, a window that moves over it, and what is asked of both."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..core import shaped

Pair: TypeAlias = tuple[int, int]
Edges: TypeAlias = tuple[Pair, Pair]  # zeros above and below, left and right
SIZES = {1: "length", 2: "height, width"}


def count_places(length: int, kernel: int, stride: int, dilation: int) -> int:
    """How many places a kernel has along an axis."""
    return (length - dilation * (kernel - 1) - 1) // stride + 1


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
