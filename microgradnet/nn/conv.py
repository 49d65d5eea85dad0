"""Convolution layers, in one and two dimensions, and transposed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import choice
from ..core import Operand, Value
from ..words import printable
from . import init as initialisers
from .init import Initialiser, Seed
from .inputs import check_sizes, check_window, floating, wrong_shape
from .linear import weight_and_bias
from .module import Module

Sizes = int | tuple[int, ...]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


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
        padding_mode: str = "zeros",
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
        self.padding_mode: str = choice("padding_mode", padding_mode, PADDING_MODES, call=name)

    def forward(self, x: Operand) -> Value:
        """The sums under each place of the kernels plus the bias, (batch, out_channels, …) for (batch, in_channels, …).

        One example may come without the batch. ValueError for a shape that does not fit.
        """
        x = floating(self, x)
        padding = self.padding
        try:
            wide = x
            if self.padding_mode != "zeros":
                wide, padding = functional.pad(x, self._edges(), self.padding_mode), 0
            return type(self)._function(wide, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def _edges(self) -> list[int]:
        """How many elements are before and after the last axis, and then those before it."""
        kernel, edges = self.weight.shape[2:], []
        paddings: Any = self.padding if isinstance(self.padding, tuple | list) else (self.padding,) * self._axes
        dilations = self.dilation if isinstance(self.dilation, tuple | list) else (self.dilation,) * self._axes
        for k, p, d in zip(kernel, paddings, dilations, strict=True):
            around = d * (k - 1) if p == "same" else 0 if p == "valid" else 2 * int(p)
            edges.append((around // 2, around - around // 2))
        return [n for both in edges[::-1] for n in both]

    def __repr__(self) -> str:
        n_out, n_in, *kernel = self.weight.shape
        options = [("stride", self.stride, 1), ("padding", self.padding, 0), ("dilation", self.dilation, 1),
                   ("groups", self.groups, 1), ("bias", self.bias is not None, True),
                   ("padding_mode", self.padding_mode, "zeros")]  # fmt: skip
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


class TransposedConvolution(Module):
    """What ConvTranspose1d and ConvTranspose2d share."""

    _function: ClassVar[Callable[..., Value]]
    _axes: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
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
        check_window(name, self._axes, padding=padding, output_padding=output_padding, least=0)
        kernel = kernel_size if isinstance(kernel_size, tuple | list) else (kernel_size,) * self._axes
        shape = (in_channels, out_channels // groups, *kernel)
        self.weight: Value
        self.bias: Value | None
        self.weight, self.bias = weight_and_bias(name, shape, bias, init, dtype, seed, out_channels)
        self.stride: Sizes = stride
        self.padding: Sizes = padding
        self.output_padding: Sizes = output_padding
        self.dilation: Sizes = dilation
        self.groups: int = groups

    def forward(self, x: Operand) -> Value:
        """The kernels times the elements of x, added up, plus the bias: (batch, out_channels, …).

        One example may come without the batch. ValueError for a shape that does not fit.
        """
        x = floating(self, x)
        try:
            return type(self)._function(
                x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
            )
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def __repr__(self) -> str:
        n_in, n_out, *kernel = self.weight.shape
        options = [("stride", self.stride, 1), ("padding", self.padding, 0), ("output_padding", self.output_padding, 0),
                   ("groups", self.groups, 1), ("bias", self.bias is not None, True),
                   ("dilation", self.dilation, 1)]  # fmt: skip
        more = "".join(f", {name}={x!r}" for name, x, default in options if x != default)
        sizes = f"{n_in} → {n_out * self.groups}, kernel_size={shortest(kernel)}"
        return printable(f"{type(self).__name__}({sizes}{more})")


class ConvTranspose1d(TransposedConvolution):
    """Each element of a signal times kernels that are learned, added up where they overlap, plus a bias.

    x is (batch, in_channels, length), or without the batch; the result (batch, out_channels, length'). `weight` is
    (in_channels, out_channels / groups, kernel_size). The arguments are those of `functional.conv_transpose1d`, and of
    `Linear`.

    >>> ConvTranspose1d(2, 4, 2, stride=2, seed=0)(np.ones((5, 2, 7), np.float32)).shape
    (5, 4, 14)
    """

    _function, _axes = staticmethod(functional.conv_transpose1d), 1


class ConvTranspose2d(TransposedConvolution):
    """Each pixel times kernels that are learned, added up where they overlap, plus a bias: small images become large.

    x is (batch, in_channels, height, width), or without the batch; the result (batch, out_channels, height', width').
    `weight` is (in_channels, out_channels / groups, height, width of the kernel). Sizes are numbers or pairs; the
    arguments are those of `functional.conv_transpose2d`, and of `Linear`.

    >>> layer = ConvTranspose2d(6, 1, kernel_size=4, stride=2, padding=1, seed=0)
    >>> layer
    ConvTranspose2d(6 → 1, kernel_size=4, stride=2, padding=1)
    >>> layer(np.ones((64, 6, 14, 14), np.float32)).shape
    (64, 1, 28, 28)
    """

    _function, _axes = staticmethod(functional.conv_transpose2d), 2
