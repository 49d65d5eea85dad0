"""Layers that keep signals at one size: normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..core import Array, Operand, Value, modes
from ..ops.across import AROUND, apart
from ..words import printable
from .inputs import check_sizes, floating, wrong_shape
from .module import Module


def _share(batches: Array) -> float:
    return 1 / (int(batches) + 1)


def _count(batches: Array) -> None:
    batches[...] += 1


class ChannelNorm(Module):
    """What the layers share that may keep a running mean and variance of every channel."""

    _ranks: ClassVar[tuple[int, ...]]
    _wanted: ClassVar[str]

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, tracked: bool, dtype: DTypeLike
    ) -> None:
        check_sizes(type(self).__name__, num_features=num_features)
        self.num_features: int = num_features
        self.eps: float = eps
        self.momentum: float | None = momentum
        self.weight: Value | None = Value(np.ones(num_features, dtype)) if affine else None
        self.bias: Value | None = Value(np.zeros(num_features, dtype)) if affine else None
        self.running_mean: Array | None = np.zeros(num_features, dtype) if tracked else None
        self.running_var: Array | None = np.ones(num_features, dtype) if tracked else None
        self.num_batches_tracked: Array | None = np.zeros((), np.int64) if tracked else None

    def __repr__(self) -> str:
        return printable(f"{type(self).__name__}({self.num_features})")


class BatchNorm(ChannelNorm):
    """What BatchNorm1d and BatchNorm2d share."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def forward(self, x: Operand) -> Value:
        """x with every channel normalised, in its shape; in training, the running statistics move too.

        ValueError for another number of channels or axes, and in training for one number in each channel alone.
        """
        if AROUND.sums is not None and not self.training:
            with apart():  # what is in evaluation mode may run in one process alone
                return self.forward(x)
        x = floating(self, x)
        if x.ndim not in self._ranks or x.shape[1] != self.num_features:
            raise wrong_shape(self, x, f"it wants {self._wanted.format(self.num_features)}")
        batches, momentum = self.num_batches_tracked, self.momentum
        if momentum is None:
            momentum = 0.0 if batches is None else modes.host(_share, batches)
        try:
            out: Value = functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias,
                self.training or self.running_mean is None, momentum, self.eps,
            )  # fmt: skip
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error
        if self.training and batches is not None:
            modes.host(_count, batches)
        return out


class BatchNorm1d(BatchNorm):
    """Every channel moved and scaled to mean 0 and variance 1 over the batch; then times `weight` plus `bias`.

    x is (batch, num_features) or (batch, num_features, length). In training the numbers of this batch are used, and
    `running_mean` and `running_var`, plain arrays, move towards them by the share `momentum` (None: they are the mean
    over all batches so far); after `eval()` those are used. Without `track_running_stats` there are none, and the batch
    is always used.

    >>> layer = BatchNorm1d(2)
    >>> layer(np.array([[0, 2], [2, 6]], np.float32)).data.round(3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> layer.running_mean
    array([0.1, 0.4], dtype=float32)
    """

    _ranks, _wanted = (2, 3), "(batch, {0}) or (batch, {0}, length)"


class BatchNorm2d(BatchNorm):
    """Every channel moved and scaled to mean 0 and variance 1 over the batch and all pixels, as `BatchNorm1d` does.

    x is (batch, num_features, height, width).

    >>> BatchNorm2d(3)(np.ones((5, 3, 8, 8), np.float32)).shape
    (5, 3, 8, 8)
    """

    _ranks, _wanted = (4,), "(batch, {0}, height, width)"


class InstanceNorm(ChannelNorm):
    """What InstanceNorm1d and InstanceNorm2d share."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def forward(self, x: Operand) -> Any:
        """x with every channel of every example normalised, in its shape; one example may come without the batch.

        ValueError for another number of channels or axes, and for one number in each channel alone.
        """
        x = floating(self, x)
        if x.ndim not in self._ranks or x.shape[x.ndim - self._ranks[0]] != self.num_features:
            raise wrong_shape(self, x, f"it wants {self._wanted.format(self.num_features)}")
        alone = x.ndim == self._ranks[0]
        try:
            out = functional.instance_norm(
                x[None] if alone else x, self.running_mean, self.running_var, self.weight, self.bias,
                self.training or self.running_mean is None, self.momentum or 0.0, self.eps,
            )  # fmt: skip
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error
        return out[0] if alone else out


class InstanceNorm1d(InstanceNorm):
    """Every channel of every example moved and scaled to mean 0 and variance 1 over its length.

    x is (batch, num_features, length), or without the batch. With `affine` then times `weight` plus `bias`. With
    `track_running_stats` running means are kept as by `BatchNorm1d`, and used after `eval()`.

    >>> InstanceNorm1d(2)(np.array([[1, 3], [0, 100]], np.float32)).round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    _ranks, _wanted = (2, 3), "({0}, length) or (batch, {0}, length)"


class InstanceNorm2d(InstanceNorm):
    """Every channel of every image moved and scaled to mean 0 and variance 1 over its pixels, as `InstanceNorm1d` does.

    x is (batch, num_features, height, width), or without the batch.

    >>> InstanceNorm2d(3)(np.ones((5, 3, 8, 8), np.float32)).shape
    (5, 3, 8, 8)
    """

    _ranks, _wanted = (3, 4), "({0}, height, width) or (batch, {0}, height, width)"


class LayerNorm(Module):
    """Every example moved and scaled to mean 0 and variance 1 over its last axes; then times `weight` plus `bias`.

    `normalized_shape` is the shape of those axes, or the length of the last one: x is (…, *normalized_shape).

    >>> LayerNorm(2)(np.array([1, 3], np.float32)).data.round(3)
    array([-1.,  1.], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.normalized_shape: tuple[int, ...] = shape_of(type(self).__name__, normalized_shape)
        self.eps: float = eps
        self.weight: Value | None = Value(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias: Value | None = Value(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Operand) -> Value:
        """x (…, *normalized_shape) with every example normalised, in its shape. ValueError for other last axes."""
        x = floating(self, x)
        check_end(self, x, self.normalized_shape)
        out: Value = functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return out

    def __repr__(self) -> str:
        return f"LayerNorm({', '.join(map(str, self.normalized_shape))})"


class RMSNorm(Module):
    """Every example scaled to a mean square of 1 over its last axes; then times `weight`: LayerNorm without the mean.

    `normalized_shape` is the shape of those axes, or the length of the last one: x is (…, *normalized_shape). `eps` is
    by default the smallest step of the dtype at 1, as in PyTorch.

    >>> RMSNorm(2)(np.array([3, 4], np.float32)).data.round(3)
    array([0.849, 1.131], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.normalized_shape: tuple[int, ...] = shape_of(type(self).__name__, normalized_shape)
        self.eps: float | None = eps
        self.weight: Value | None = Value(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def forward(self, x: Operand) -> Value:
        """x (…, *normalized_shape) with every example scaled, in its shape. ValueError for other last axes."""
        x = floating(self, x)
        check_end(self, x, self.normalized_shape)
        out: Value = functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)
        return out

    def __repr__(self) -> str:
        return f"RMSNorm({', '.join(map(str, self.normalized_shape))})"


class GroupNorm(Module):
    """The channels of each example in `num_groups` groups, each moved and scaled to mean 0 and variance 1.

    x is (batch, num_channels, …); then times `weight` plus `bias`, one for each channel.

    >>> GroupNorm(2, 4)(np.array([[1, 3, 10, 30]], np.float32)).data.round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *,
        dtype: DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        check_sizes("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels are no multiple of num_groups={num_groups}")
        self.num_groups: int = num_groups
        self.num_channels: int = num_channels
        self.eps: float = eps
        self.weight: Value | None = Value(np.ones(num_channels, dtype)) if affine else None
        self.bias: Value | None = Value(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Operand) -> Value:
        """x (batch, num_channels, …) with every group normalised, in its shape. ValueError for other channels."""
        x = floating(self, x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise wrong_shape(self, x, f"it wants (batch, {self.num_channels}, …)")
        out: Value = functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)
        return out

    def __repr__(self) -> str:
        return f"GroupNorm({self.num_groups}, {self.num_channels})"


def shape_of(layer: str, normalized_shape: Any) -> tuple[int, ...]:
    """The axes to normalise over, of which one may be given as a number. ValueError for what is no size."""
    shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    for n in shape or (0,):
        check_sizes(layer, normalized_shape=n)
    return shape


def check_end(layer: Module, x: Any, shape: tuple[int, ...]) -> None:
    """WrongInput if the last axes of x are not of this shape."""
    if x.shape[-len(shape) :] != shape:
        raise wrong_shape(layer, x, f"its last axes must be {shape}")
