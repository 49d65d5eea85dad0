"""Layers that change images at random while a network is trained, each image by itself, and not after `eval()`.

The names are torchvision's. What is drawn comes from `rng`, a np.random.Generator: that of `seed`, or the one that all
layers without a seed share. Its state belongs to a checkpoint. A network that begins with them sees other images in
each epoch; what is measured on examples held out is measured on these as they are.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..checks import finite, is_number, number, refusal, share, whole_for_each
from ..core import Array, Operand, modes
from ..words import printable
from .init import Seed, generator
from .inputs import floating, wrong_shape
from .module import WithoutParameters


class Augmentation(WithoutParameters):
    """What these layers share: what they draw from, and that they draw in training only."""

    _images: ClassVar[bool] = True

    def __init__(self, seed: Seed) -> None:
        self.rng: np.random.Generator = generator(seed)

    def forward(self, x: Operand) -> Any:
        """x (batch, channels, height, width), each image changed at random; after `eval()` none is."""
        x = floating(self, x)
        if self._images and x.ndim != 4:
            raise wrong_shape(self, x, "it wants images (batch, channels, height, width)")
        return self._changed(x) if self.training else self._kept(x)

    def _changed(self, x: Any) -> Any:
        raise NotImplementedError

    def _kept(self, x: Any) -> Any:
        return x


class RandomHorizontalFlip(Augmentation):
    """Images mirrored left to right, each with probability `p`.

    >>> RandomHorizontalFlip(seed=2)(np.arange(4.0).reshape(2, 1, 1, 2)).tolist()
    [[[[0.0, 1.0]]], [[[3.0, 2.0]]]]
    """

    _axis: ClassVar[int] = -1

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        super().__init__(seed)
        self.p: float = share("p", p, call=type(self).__name__, what="the share that is mirrored")

    def _changed(self, x: Any) -> Any:
        mirrored = modes.host(_uniform, self.rng, (len(x), 1, 1, 1)) < self.p
        return np.where(mirrored, np.flip(x, self._axis), x)

    def __repr__(self) -> str:
        return printable(f"{type(self).__name__}({self.p})")


class RandomVerticalFlip(RandomHorizontalFlip):
    """Images turned upside down, as in a mirror, each with probability `p`.

    >>> RandomVerticalFlip(1.0)(np.arange(4.0).reshape(1, 1, 2, 2)).tolist()
    [[[[2.0, 3.0], [0.0, 1.0]]]]
    """

    _axis = -2


class RandomCrop(Augmentation):
    """A piece of `size`, a number or (height, width), of each image, from a place of its own; `padding` zeros around it
    first. With the size of the images and a padding it shifts them. After `eval()` it is the piece in the middle.

    >>> RandomCrop(2, seed=0)(np.arange(9.0).reshape(1, 1, 3, 3)).tolist()
    [[[[4.0, 5.0], [7.0, 8.0]]]]
    """

    def __init__(self, size: int | tuple[int, int], padding: int | tuple[int, int] = 0, *, seed: Seed = None) -> None:
        super().__init__(seed)
        self.size: tuple[int, ...] = whole_for_each("size", size, 2, call=type(self).__name__)
        self.padding: tuple[int, ...] = whole_for_each("padding", padding, 2, 0, call=type(self).__name__)

    def _changed(self, x: Any) -> Any:
        x = self._padded(x)
        n, channels, *rooms = self._rooms(x)
        rows, columns = (
            modes.host(_integers, self.rng, room, (n, 1)) + np.arange(size)
            for room, size in zip(rooms, self.size, strict=True)
        )
        at = np.arange(n)[:, None, None, None], np.arange(channels)[:, None, None]
        return x[(*at, rows[:, None, :, None], columns[:, None, None, :])]

    def _kept(self, x: Any) -> Any:
        if x.shape[2] < self.size[0] or x.shape[3] < self.size[1]:
            x = self._padded(x)
        _, _, down, right = (room // 2 for room in self._rooms(x))
        return x[:, :, down : down + self.size[0], right : right + self.size[1]]

    def _padded(self, x: Any) -> Any:
        down, right = self.padding
        return np.pad(x, ((0, 0), (0, 0), (down, down), (right, right))) if down or right else x

    def _rooms(self, x: Any) -> tuple[int, ...]:
        """How many images and channels there are, and by how many pixels a piece may be moved down and to the right."""
        n, channels, height, width = x.shape
        if height < self.size[0] or width < self.size[1]:
            raise wrong_shape(self, x, f"a piece of {self.size[0]}×{self.size[1]} does not fit, with this padding")
        return n, channels, height - self.size[0], width - self.size[1]

    def __repr__(self) -> str:
        padded = f", padding={self.padding}" if any(self.padding) else ""
        return f"RandomCrop({self.size}{padded})"


class RandomRotation(Augmentation):
    """Images turned around their middle by angles from −`degrees` to `degrees`, as likely one as the other.

    A pixel is the mean of the four where it comes from, by nearness; what comes from outside is `fill`.

    >>> RandomRotation(10, fill=1.0, seed=0)(np.ones((1, 1, 5, 5))).round(6).min()
    np.float64(1.0)
    """

    def __init__(self, degrees: float, *, fill: float = 0.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.degrees: float = number("degrees", degrees, call=type(self).__name__, what="the largest angle")
        self.fill: float = finite("fill", fill, call=type(self).__name__, what="what comes from outside")

    def _changed(self, x: Any) -> Any:
        n, channels, height, width = x.shape
        angles = (modes.host(_uniform, self.rng, (n,)) * 2 - 1) * math.radians(self.degrees)
        places, weights = modes.called(_sources, angles, height, width)
        pixels, weights = x.reshape((n, channels, height * width)), weights.astype(x.dtype)
        at = np.arange(n)[:, None, None], np.arange(channels)[:, None]
        turned = sum(pixels[(*at, places[k][:, None, :])] * weights[k][:, None, :] for k in range(4))
        if self.fill:
            turned = turned + (1 - weights.sum(axis=0))[:, None, :] * self.fill
        return turned.reshape(x.shape)

    def __repr__(self) -> str:
        return f"RandomRotation({self.degrees}{f', fill={self.fill}' if self.fill else ''})"


class RandomErasing(Augmentation):
    """Images with a rectangle of `value` in them, each with probability `p`, at a place of its own.

    `scale` is the share of the image that it covers, from the least to the most, `ratio` its height / width; what does
    not fit is cut. `RandomErasing(1.0, scale=(0.25, 0.25), ratio=(1.0, 1.0))` is cutout.

    >>> RandomErasing(1.0, scale=(0.25, 0.25), ratio=(1.0, 1.0), seed=0)(np.ones((1, 1, 4, 4)))[0, 0].sum()
    np.float64(12.0)
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float = 0.0,
        *,
        seed: Seed = None,
    ) -> None:
        super().__init__(seed)
        name = type(self).__name__
        self.p: float = share("p", p, call=name, what="the share of images")
        self.scale: tuple[float, float] = span("scale", scale, name, 1.0)
        self.ratio: tuple[float, float] = span("ratio", ratio, name)
        self.value: float = finite("value", value, call=name, what="what stands in the rectangle")

    def _changed(self, x: Any) -> Any:
        n, _, height, width = x.shape
        top, left, down, right = modes.host(_boxes, self.rng, n, height, width, self.p, self.scale, self.ratio)
        rows, columns = np.arange(height)[:, None], np.arange(width)
        erased = (rows >= top) & (rows < down) & (columns >= left) & (columns < right)
        return np.where(erased, x.dtype.type(self.value), x)

    def __repr__(self) -> str:
        return f"RandomErasing({self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value})"


class GaussianNoise(Augmentation):
    """x, an array of any shape, with numbers added that are drawn from a normal distribution of deviation `sigma`.

    >>> GaussianNoise(0.1, seed=0)(np.zeros(3, np.float32)).round(3)
    array([ 0.112, -0.139, -0.043], dtype=float32)
    """

    _images = False

    def __init__(self, sigma: float = 0.1, *, seed: Seed = None) -> None:
        super().__init__(seed)
        self.sigma: float = number("sigma", sigma, call=type(self).__name__, what="the standard deviation")

    def _changed(self, x: Any) -> Any:
        return x + (modes.host(_normal, self.rng, x.shape) * self.sigma).astype(x.dtype)

    def __repr__(self) -> str:
        return f"GaussianNoise({self.sigma})"


# ----------------------------------------------------------------------------------------------------------- arguments


def span(name: str, given: Any, call: str, most: float = math.inf) -> tuple[float, float]:
    """Two positive numbers, the second no smaller, neither above `most`."""
    pair = isinstance(given, tuple | list) and len(given) == 2 and all(map(is_number, given))
    if not pair or not 0 < given[0] <= given[1] <= most:
        bound = f", at most {most:g}" if most < math.inf else ""
        raise ValueError(refusal(name, given, f"two positive numbers, from the least to the most{bound}", call=call))
    return float(given[0]), float(given[1])


# ------------------------------------------------------------------------------------ draws, and what follows of them


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.random(shape, np.float32)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape, np.float32)


def _integers(rng: np.random.Generator, most: int, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, most, shape, endpoint=True)


def _boxes(
    rng: np.random.Generator, n: int, height: int, width: int, p: float, scale: Any, ratio: Any
) -> tuple[Array, ...]:
    """Top, left, bottom, right of a rectangle in each image, (n, 1, 1, 1); in those that are left alone it is empty."""
    chance, share, place = rng.random((3, n))
    area = (scale[0] + share * (scale[1] - scale[0])) * height * width
    low, high = np.log(ratio)
    shape = np.exp(rng.uniform(low, high, n))
    sizes = np.sqrt(area * shape), np.sqrt(area / shape)
    tall, wide = (np.minimum(np.rint(size), most) for size, most in zip(sizes, (height, width), strict=True))
    wide = np.where(chance < p, wide, 0)
    top, left = np.floor(place * (height - tall + 1)), np.floor(rng.random(n) * (width - wide + 1))
    edges = top, left, top + tall, left + wide
    return tuple(edge.astype(np.int64).reshape(n, 1, 1, 1) for edge in edges)


def _sources(angles: Array, height: int, width: int) -> tuple[Array, Array]:
    """Where each pixel of turned images comes from: places in its image (4, n, height · width), and their weights."""
    down, right = (np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in (height, width))
    cos, sin = (f(angles.astype(np.float32))[:, None, None] for f in (np.cos, np.sin))
    y = cos * down[:, None] + sin * right + (height - 1) / 2
    x = cos * right - sin * down[:, None] + (width - 1) / 2
    top, left = np.floor(y), np.floor(x)
    places, weights = [], []
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        near = (1 - np.abs(y - row)) * (1 - np.abs(x - column))
        places.append(np.where(inside, row * width + column, 0).astype(np.int64))
        weights.append(np.where(inside, near, 0).astype(np.float32))
    n = len(angles)
    return np.stack(places).reshape(4, n, -1), np.stack(weights).reshape(4, n, -1)
