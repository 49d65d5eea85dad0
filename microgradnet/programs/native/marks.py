"""What rows are written out as besides NumPy's functions: each says what native code is to do in its place."""

from __future__ import annotations

from typing import Any


def by_numbers(x: Any, *numbers: Any, index: Any) -> Any:
    """Rows at numbers; without any, a part of an array, at which lines of NumPy may look too."""
    if numbers:
        raise NotImplementedError
    return x[index]


def made_into(x: Any, like: Any) -> Any:
    """A number or an array in another shape or dtype, element by element."""
    raise NotImplementedError


def with_bias(x: Any, y: Any, bias: Any) -> Any:
    """A product of two matrices, and a bias added to its rows."""
    raise NotImplementedError


def assembled(
    *parts: Any, index: list[Any], whole: bool, fill: float = 0.0, overlap: bool = False, in_order: bool = False
) -> Any:
    """An array of parts, `fill` where there are none; where they may overlap, on 0, they are added up.

    Its axes lie in order, or in that of the parts.
    """
    raise NotImplementedError


def convolved(x: Any, kernels: Any, room: Any, *, kernel: Any, stride: Any, dilation: Any) -> Any:
    """Kernels (out, channels · kernel) times what a kernel meets at each place of images whose batch comes last."""
    raise NotImplementedError


def correlated(y: Any, x: Any, room: Any, *, kernel: Any, stride: Any, dilation: Any) -> Any:
    """For each channel of `y`, batch last, what a kernel meets in `x` times its numbers of `y`, added up."""
    raise NotImplementedError


def overlaid(y: Any, kernels: Any, room: Any, *, kernel: Any, stride: Any, dilation: Any) -> Any:
    """Images, batch last, of kernels times their numbers of `y`, added up where they overlap."""
    raise NotImplementedError


def room(before: Any) -> Any:
    """Memory for what is in between, from when an array is there."""
    raise NotImplementedError
