"""Layers that look through a window that moves: convolution and pooling, in one and two dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..core import Operand, Value
from ..words import printable
from . import init as initialisers
from .init import Initialiser, Seed
from .inputs import check_sizes, check_window, floating, wrong_shape
from .linear import weight_and_bias
from .module import Module, WithoutParameters

Sizes = int | tuple[int, ...]


class Convolution(Module):
    """What Conv1d and Conv2d share."""

    _function: ClassVar[Callable[..., Value]]
    _axes: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        init: Initialiser = initialisers.lecun_uniform,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        name = type(self).__name__
        check_sizes(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: {in_channels} and {out_channels} channels are no multiples of groups={groups}")
        check_window(name, self._axes, kernel_size=kernel_size, stride=stride, dilation=dilation)
        if padding not in ("valid", "same"):
            check_window(name, self._axes, padding=padding, least=0)
        kernel = kernel_size if isinstance(kernel_size, tuple | list) else (kernel_size,) * self._axes
        shape = (out_channels, in_channels // groups, *kernel)
        self.weight: Value
        self.bias: Value | None
        self.weight, self.bias = weight_and_bias(name, shape, bias, init, dtype, seed)
        self.stride: Sizes = stride
        self.padding: Sizes | str = padding
        self.dilation: Sizes = dilation
        self.groups: int = groups

    def forward(self, x: Operand) -> Value:
        """The sums under each place of the kernels plus the bias, (batch, out_channels, …) for (batch, in_channels, …).

        One example may come without the batch. ValueError for a shape that does not fit.
        """
        x = floating(self, x)
        try:
            return type(self)._function(
                x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
            )
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def __repr__(self) -> str:
        n_out, n_in, *kernel = self.weight.shape
        options = [("stride", self.stride, 1), ("padding", self.padding, 0), ("dilation", self.dilation, 1),
                   ("groups", self.groups, 1), ("bias", self.bias is not None, True)]  # fmt: skip
        more = "".join(f", {name}={x!r}" for name, x, default in options if x != default)
        sizes = f"{n_in * self.groups} → {n_out}, kernel_size={shortest(kernel)}"
        return printable(f"{type(self).__name__}({sizes}{more})")


def shortest(sizes: list[int]) -> str:
    """The sizes of a kernel as a person gives them: one number if they are equal."""
    return str(sizes[0] if len(set(sizes)) == 1 else tuple(sizes))


class Conv1d(Convolution):
    """The cross-correlation of each example with kernels that are learned, plus a bias for each.

    x is (batch, in_channels, length), or without the batch; the result (batch, out_channels, length'). `weight` is
    (out_channels, in_channels / groups, kernel_size). The arguments are those of `functional.conv1d`, and of `Linear`.

    >>> Conv1d(2, 4, 3, padding=1, seed=0)(np.ones((5, 2, 7), np.float32)).shape
    (5, 4, 7)
    """

    _function, _axes = staticmethod(functional.conv1d), 1


class Conv2d(Convolution):
    """The cross-correlation of each image with kernels that are learned, plus a bias for each.

    x is (batch, in_channels, height, width), or without the batch; the result (batch, out_channels, height', width').
    `weight` is (out_channels, in_channels / groups, height, width of the kernel). Sizes are numbers or pairs; the
    arguments are those of `functional.conv2d`, and of `Linear`.

    >>> layer = Conv2d(1, 6, kernel_size=5, padding=2, seed=0)
    >>> layer
    Conv2d(1 → 6, kernel_size=5, padding=2)
    >>> layer(np.ones((64, 1, 28, 28), np.float32)).shape
    (64, 6, 28, 28)
    """

    _function, _axes = staticmethod(functional.conv2d), 2


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
