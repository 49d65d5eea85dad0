"""Layers that make images larger or smaller, or lay them out anew: padding, Upsample, Unfold, PixelShuffle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np  # noqa: F401  (for the examples)

from .. import functional
from ..checks import choice, is_whole, refusal, whole, whole_for_each
from ..core import Operand
from ..words import printable
from .inputs import check_window, floating, wrong_shape
from .module import WithoutParameters

Sizes = int | tuple[int, ...]


class Spatial(WithoutParameters):
    """What these layers share: an error of their function names the layer."""

    def forward(self, x: Operand) -> Any:
        """What the layer makes of x (batch, channels, …), or of one example without the batch.

        ValueError for a shape that does not fit.
        """
        x = floating(self, x)
        try:
            return self._made(x)
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def _made(self, x: Any) -> Any:
        raise NotImplementedError


# ------------------------------------------------------------------------------------------------------------- padding


class Padding(Spatial):
    """What the padding layers share. `padding` is one number for all edges, or (before, after) of the last axis and
    then of the one before it; a negative one cuts off."""

    _mode: ClassVar[str] = "constant"
    _axes: ClassVar[int]

    def __init__(self, padding: Sizes) -> None:
        n = 2 * self._axes
        listed = tuple(padding) if isinstance(padding, tuple | list) else (padding,) * n
        if len(listed) != n or not all(is_whole(x, -(2**62)) for x in listed):
            wanted = f"a whole number, or {n} of them, before and after each axis from the last"
            raise ValueError(refusal("padding", padding, wanted, call=type(self).__name__))
        self.padding: tuple[int, ...] = tuple(map(int, listed))

    def _made(self, x: Any) -> Any:
        if x.ndim not in (self._axes + 1, self._axes + 2):
            raise ValueError(f"it wants {self._axes + 1} or {self._axes + 2} axes")
        return functional.pad(x, self.padding, self._mode)

    def __repr__(self) -> str:
        same = len(set(self.padding)) == 1
        return printable(f"{type(self).__name__}({self.padding[0] if same else self.padding})")


class ConstantPadding(Padding):
    """What ConstantPad1d and ConstantPad2d share."""

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value: float = value

    def _made(self, x: Any) -> Any:
        super()._made(x)
        return functional.pad(x, self.padding, value=self.value)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.value})"


class ConstantPad1d(ConstantPadding):
    """x (…, length) with so many of `value` before and after it.

    >>> ConstantPad1d((1, 2), 9.0)(np.zeros((1, 2)))
    array([[9., 0., 0., 9., 9.]])
    """

    _axes = 1


class ConstantPad2d(ConstantPadding):
    """x (…, height, width) with so many of `value` left, right, above and below.

    >>> ConstantPad2d((1, 1, 0, 0), 9.0)(np.zeros((1, 2, 2)))
    array([[[9., 0., 0., 9.],
            [9., 0., 0., 9.]]])
    """

    _axes = 2


class ZeroPad1d(Padding):
    """x (…, length) with so many zeros before and after it.

    >>> ZeroPad1d(1)(np.ones((1, 2)))
    array([[0., 1., 1., 0.]])
    """

    _mode, _axes = "constant", 1


class ZeroPad2d(Padding):
    """x (…, height, width) with so many zeros left, right, above and below.

    >>> ZeroPad2d((1, 1, 2, 0))(np.ones((64, 3, 28, 28), np.float32)).shape
    (64, 3, 30, 30)
    """

    _mode, _axes = "constant", 2


class ReflectionPad1d(Padding):
    """x (…, length) mirrored at both ends, which are not repeated.

    >>> ReflectionPad1d(1)(np.array([[1.0, 2.0, 3.0]]))
    array([[2., 1., 2., 3., 2.]])
    """

    _mode, _axes = "reflect", 1


class ReflectionPad2d(Padding):
    """x (…, height, width) mirrored at its edges, which are not repeated.

    >>> ReflectionPad2d(2)(np.ones((64, 3, 28, 28), np.float32)).shape
    (64, 3, 32, 32)
    """

    _mode, _axes = "reflect", 2


class ReplicationPad1d(Padding):
    """x (…, length) with both ends repeated.

    >>> ReplicationPad1d(1)(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 1., 2., 3., 3.]])
    """

    _mode, _axes = "replicate", 1


class ReplicationPad2d(Padding):
    """x (…, height, width) with its edges repeated.

    >>> ReplicationPad2d(2)(np.ones((64, 3, 28, 28), np.float32)).shape
    (64, 3, 32, 32)
    """

    _mode, _axes = "replicate", 2


class CircularPad1d(Padding):
    """x (…, length) continued from its other end.

    >>> CircularPad1d(1)(np.array([[1.0, 2.0, 3.0]]))
    array([[3., 1., 2., 3., 1.]])
    """

    _mode, _axes = "circular", 1


class CircularPad2d(Padding):
    """x (…, height, width) continued from its other edges: the left one follows the right one.

    >>> CircularPad2d(2)(np.ones((64, 3, 28, 28), np.float32)).shape
    (64, 3, 32, 32)
    """

    _mode, _axes = "circular", 2


# ----------------------------------------------------------------------------------------------- sizes, patches, pixels


class Upsample(Spatial):
    """x (batch, channels, length) or (batch, channels, height, width) in another size: `functional.interpolate`.

    >>> Upsample(scale_factor=2)(np.array([[[1.0, 2.0]]]))
    array([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample(size={size!r}, scale_factor={scale_factor!r}): give one of them")
        choice("mode", mode, ("nearest", "nearest-exact", "linear", "bilinear", "area"), call="Upsample")
        self.size: Sizes | None = size
        self.scale_factor: float | tuple[float, ...] | None = scale_factor
        self.mode: str = mode
        self.align_corners: bool | None = align_corners

    def _made(self, x: Any) -> Any:
        return functional.interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def __repr__(self) -> str:
        options = [("size", self.size, None), ("scale_factor", self.scale_factor, None), ("mode", self.mode, "nearest"),
                   ("align_corners", self.align_corners, None)]  # fmt: skip
        return f"Upsample({', '.join(f'{name}={x!r}' for name, x, default in options if x != default)})"


class Window(Spatial):
    """What Unfold and Fold share."""

    _function: ClassVar[Callable[..., Any]]

    def __init__(self, kernel_size: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> None:
        check_window(type(self).__name__, 2, kernel_size=kernel_size, dilation=dilation, stride=stride)
        check_window(type(self).__name__, 2, padding=padding, least=0)
        self.kernel_size: Sizes = kernel_size
        self.dilation: Sizes = dilation
        self.padding: Sizes = padding
        self.stride: Sizes = stride

    def _shown(self) -> str:
        options = [("dilation", self.dilation, 1), ("padding", self.padding, 0), ("stride", self.stride, 1)]
        return f"{self.kernel_size}" + "".join(f", {name}={x!r}" for name, x, default in options if x != default)


class Unfold(Window):
    """What a window sees at each of its places in an image, as columns: `functional.unfold`.

    >>> Unfold(3, padding=1)(np.ones((64, 2, 28, 28), np.float32)).shape
    (64, 18, 784)
    """

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> None:
        super().__init__(kernel_size, dilation, padding, stride)

    def _made(self, x: Any) -> Any:
        return functional.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def __repr__(self) -> str:
        return f"Unfold({self._shown()})"


class Fold(Window):
    """The columns of Unfold added up where their windows were, in an image of `output_size`: `functional.fold`.

    >>> Fold((28, 28), 3, padding=1)(np.ones((64, 18, 784), np.float32)).shape
    (64, 2, 28, 28)
    """

    def __init__(
        self, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        whole_for_each("output_size", output_size, 2, call="Fold")
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size: Sizes = output_size

    def _made(self, x: Any) -> Any:
        return functional.fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def __repr__(self) -> str:
        return f"Fold({self.output_size}, {self._shown()})"


class PixelShuffle(Spatial):
    """r² channels laid out as r × r pixels, r being `upscale_factor`: `functional.pixel_shuffle`.

    >>> PixelShuffle(2)(np.ones((64, 12, 14, 14), np.float32)).shape
    (64, 3, 28, 28)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor: int = whole("upscale_factor", upscale_factor, call="PixelShuffle")

    def _made(self, x: Any) -> Any:
        return functional.pixel_shuffle(x, self.upscale_factor)

    def __repr__(self) -> str:
        return f"PixelShuffle({self.upscale_factor})"


class PixelUnshuffle(Spatial):
    """r × r pixels as r² channels, r being `downscale_factor`: `functional.pixel_unshuffle`.

    >>> PixelUnshuffle(2)(np.ones((64, 3, 28, 28), np.float32)).shape
    (64, 12, 14, 14)
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor: int = whole("downscale_factor", downscale_factor, call="PixelUnshuffle")

    def _made(self, x: Any) -> Any:
        return functional.pixel_unshuffle(x, self.downscale_factor)

    def __repr__(self) -> str:
        return f"PixelUnshuffle({self.downscale_factor})"
