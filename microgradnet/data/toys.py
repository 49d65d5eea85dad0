"""Toy sets of points in the plane, to watch a small network learn: x (n, 2) float32 and y (n,) int64, shuffled.

The classes are 0, 1, … and as large as each other, but for one example where n does not divide evenly (the first ones
have it). The same seed gives the same points; with another noise, the same ones moved less or more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..checks import refusal, whole
from ..core import Array
from ..nn.init import Seed, generator
from ..words import answering


@answering
def moons(n: int = 100, noise: float = 0.1, seed: Seed = 0) -> tuple[Array, Array]:
    """Two half-circles that reach into each other, n points in all: (x, y). No straight line parts them.

    `noise` is the standard deviation of what is added to every coordinate; the half-circles have radius 1. Without
    noise these are the points of scikit-learn's make_moons, for an even n.

    >>> x, y = moons(100)
    >>> x.shape, x.dtype, np.bincount(y)
    ((100, 2), dtype('float32'), array([50, 50]))
    """
    y, along = paths(n, 2)
    angle = math.pi * along
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return scattered(np.where(y[:, None] == 0, upper, [1, 0.5] - upper), y, deviation("noise", noise), seed)


@answering
def spirals(n: int = 300, arms: int = 3, noise: float = 0.02, seed: Seed = 0) -> tuple[Array, Array]:
    """Spirals around each other, one class for each of the `arms`, n points in all: (x, y).

    Each arm goes once around while its radius grows evenly from 0.1 to 1. `noise` is the standard deviation of what is
    added to every coordinate; along a ray from the middle, neighbouring arms are 0.9 / arms apart.

    >>> x, y = spirals(7, arms=2)
    >>> np.bincount(y)
    array([4, 3])
    """
    y, along = paths(n, whole("arms", arms, of="spirals"))
    angle = 2 * math.pi * (along + y / arms)
    radius = 0.1 + 0.9 * along
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return scattered(x, y, deviation("noise", noise), seed)


@answering
def blobs(n: int = 100, centers: Any = 3, cluster_std: Any = 1.0, seed: Seed = 0) -> tuple[Array, Array]:
    """Clouds of points, one class for each of the `centers`, n points in all: (x, y).

    `centers` is how many, drawn evenly from −10 to 10 in both coordinates, or an array (k, d) of them; then x is
    (n, d). Each cloud is normal with the standard deviation `cluster_std`: one number for all, or k of them.

    >>> x, y = blobs(4, centers=[[1, 1], [5, 5]], cluster_std=0.1)
    >>> np.round(x[np.argsort(y)]).tolist()
    [[1.0, 1.0], [1.0, 1.0], [5.0, 5.0], [5.0, 5.0]]
    """
    if np.ndim(centers):
        centers = np.asarray(centers, dtype=np.float64)
        if centers.ndim != 2 or not centers.size or not np.isfinite(centers).all():
            raise ValueError(f"centers of shape {centers.shape}: a row of finite numbers for each centre is wanted")
        count = len(centers)
    else:
        count = whole("centers", centers, of="clouds", more=", or an array with a row for each")
    y, _ = paths(n, count)
    std = np.broadcast_to(deviation("cluster_std", cluster_std, count), count)
    rng = generator(seed)
    if not np.ndim(centers):
        centers = rng.uniform(-10, 10, (count, 2))
    return scattered(centers[y], y, std[y, None], rng)


def paths(n: int, classes: int) -> tuple[Array, Array]:
    """n examples dealt out to classes: the class of each (n,), and how far along its class it is, from 0 to 1 (n,)."""
    y = np.sort(np.arange(whole("n", n, of="points")) % classes)
    along = [np.linspace(0, 1, count) for count in np.bincount(y)]
    return y, np.concatenate(along)


def deviation(name: str, given: Any, classes: int | None = None) -> Array:
    """A standard deviation as an array (), or (classes,) where each class may have its own."""
    array = np.asarray(given, dtype=np.float64)
    if array.shape not in ((), (classes,)) or not (np.isfinite(array) & (array >= 0)).all():
        each = "" if classes is None else f", or {classes} of them"
        raise ValueError(refusal(name, given, "a standard deviation, a number of at least 0", more=each))
    return array


def scattered(x: Array, y: Array, std: Array, seed: Seed) -> tuple[Array, Array]:
    """The points, moved at random by `std` in each coordinate, and their labels, in random order."""
    rng = generator(seed)
    x = x + std * rng.standard_normal(x.shape)
    picks = rng.permutation(len(x))
    return x[picks].astype(np.float32), y[picks]
