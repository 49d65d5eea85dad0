"""Pooling layers: the largest element, or the mean, under each place of a window, or in pieces of a given number."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np  # noqa: F401  (for the examples)

from .. import functional
from ..checks import whole
from ..core import Operand
from ..words import printable
from .inputs import check_window, floating, wrong_shape
from .module import WithoutParameters

Sizes = int | tuple[int, ...]


class Pooling(WithoutParameters):
    """What the pooling layers share: the options are handed to the function."""

    _function: ClassVar[Any]
    _axes: ClassVar[int]

    def __init__(self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, **more: Any) -> None:
        name = type(self).__name__
        step, dilation = kernel_size if stride is None else stride, more.get("dilation", 1)
        check_window(name, self._axes, kernel_size=kernel_size, stride=step, dilation=dilation)
        check_window(name, self._axes, padding=padding, least=0)
        self.options: dict[str, Any] = {"kernel_size": kernel_size, "stride": stride, "padding": padding, **more}

    def forward(self, x: Operand) -> Any:
        """One number for each place of the window: (batch, channels, …) as x has them, its further axes shorter.

        One example may come without the batch. ValueError for a shape that does not fit.
        """
        x = floating(self, x)
        try:
            return type(self)._function(x, **self.options)
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def __repr__(self) -> str:
        defaults = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True}
        shown = [f"{name}={x!r}" for name, x in self.options.items() if name == "kernel_size" or x != defaults[name]]
        return printable(f"{type(self).__name__}({', '.join(shown)})")


class MaxPooling(Pooling):
    """What MaxPool1d and MaxPool2d share."""

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, *,
        ceil_mode: bool = False,  # by name alone: the next in PyTorch is another
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, dilation=dilation, ceil_mode=ceil_mode)


class AvgPooling(Pooling):
    """What AvgPool1d and AvgPool2d share."""

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad)


class MaxPool1d(MaxPooling):
    """The largest element under each place of a window: (batch, channels, length) to (batch, channels, length').

    `stride` is `kernel_size` unless it is given; see `functional.max_pool1d`.

    >>> MaxPool1d(2)(np.array([[1.0, 3.0, 2.0, 5.0]]))
    array([[3., 5.]])
    """

    _function, _axes = staticmethod(functional.max_pool1d), 1


class MaxPool2d(MaxPooling):
    """The largest element under each place of a window, for (batch, channels, height, width).

    `stride` is `kernel_size` unless it is given; see `functional.max_pool2d`.

    >>> MaxPool2d(2)
    MaxPool2d(kernel_size=2)
    >>> MaxPool2d(2)(np.ones((64, 6, 28, 28))).shape
    (64, 6, 14, 14)
    """

    _function, _axes = staticmethod(functional.max_pool2d), 2


class AvgPool1d(AvgPooling):
    """The mean under each place of a window: (batch, channels, length) to (batch, channels, length').

    `stride` is `kernel_size` unless it is given; see `functional.avg_pool1d`.

    >>> AvgPool1d(2)(np.array([[1.0, 3.0, 2.0, 5.0]]))
    array([[2. , 3.5]])
    """

    _function, _axes = staticmethod(functional.avg_pool1d), 1


class AvgPool2d(AvgPooling):
    """The mean under each place of a window, for (batch, channels, height, width).

    `stride` is `kernel_size` unless it is given; see `functional.avg_pool2d`.

    >>> AvgPool2d(2)(np.ones((64, 6, 28, 28))).shape
    (64, 6, 14, 14)
    """

    _function, _axes = staticmethod(functional.avg_pool2d), 2


class AdaptivePooling(WithoutParameters):
    """What the pooling layers share that are told how many pieces to make."""

    _function: ClassVar[Any]
    _axes: ClassVar[int]

    def __init__(self, output_size: int | tuple[int | None, ...] | None) -> None:
        name = type(self).__name__
        listed = output_size if isinstance(output_size, tuple | list) else (output_size,)
        for n in listed:
            if n is not None:
                whole("output_size", n, call=name)
        self.output_size: int | tuple[int | None, ...] | None = output_size

    def forward(self, x: Operand) -> Any:
        """One number for each piece: (batch, channels, *output_size). One example may come without the batch.

        ValueError for a shape that does not fit.
        """
        x = floating(self, x)
        try:
            return type(self)._function(x, self.output_size)
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def __repr__(self) -> str:
        return printable(f"{type(self).__name__}({self.output_size})")


class AdaptiveAvgPool1d(AdaptivePooling):
    """Means over `output_size` pieces of the length: (batch, channels, length) to (batch, channels, output_size).

    >>> AdaptiveAvgPool1d(2)(np.array([[1.0, 3.0, 2.0, 6.0]]))
    array([[2., 4.]])
    """

    _function, _axes = staticmethod(functional.adaptive_avg_pool1d), 1


class AdaptiveAvgPool2d(AdaptivePooling):
    """Means over `output_size` pieces of height and width, for (batch, channels, height, width) of any size.

    `output_size` is a number or a pair, of which None leaves an axis as it is; 1 pools over the whole image.

    >>> AdaptiveAvgPool2d(1)(np.ones((5, 6, 7, 9), np.float32)).shape
    (5, 6, 1, 1)
    """

    _function, _axes = staticmethod(functional.adaptive_avg_pool2d), 2


class AdaptiveMaxPool1d(AdaptivePooling):
    """The largest elements in `output_size` pieces of the length, for (batch, channels, length).

    >>> AdaptiveMaxPool1d(2)(np.array([[1.0, 3.0, 2.0, 6.0]]))
    array([[3., 6.]])
    """

    _function, _axes = staticmethod(functional.adaptive_max_pool1d), 1


class AdaptiveMaxPool2d(AdaptivePooling):
    """The largest elements in `output_size` pieces of height and width, for (batch, channels, height, width).

    >>> AdaptiveMaxPool2d((1, 3))(np.ones((5, 6, 7, 9), np.float32)).shape
    (5, 6, 1, 3)
    """

    _function, _axes = staticmethod(functional.adaptive_max_pool2d), 2
