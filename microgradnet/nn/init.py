"""Random starts for weights. Each takes a shape (outputs, inputs) and a generator, and returns an array.

`bound` and `std` are those that keep the size of signals through a layer: Glorot and Bengio 2010 (xavier), He et al.
2015 (kaiming).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..engine import Array

# In quotes, so that importing this does not import np.random.
Seed: TypeAlias = "int | np.random.Generator | None"
Initialiser: TypeAlias = "Callable[[tuple[int, ...], np.random.Generator], Array]"


@functools.cache
def shared() -> np.random.Generator:
    """The generator of all layers that are given no seed."""
    return np.random.default_rng(0)


def generator(seed: Seed = None) -> np.random.Generator:
    """The generator that `seed` means: itself, one that starts from an int, or for None the one all layers share.

    The shared one starts from a fixed seed: the same program draws the same numbers.
    """
    if seed is None:
        return shared()
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer | np.random.Generator):
        raise TypeError(f"a seed is an int or a np.random.Generator; got {seed!r}")
    return np.random.default_rng(seed)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers come into and go out of a weight of this shape: (fan_in, fan_out)."""
    if len(shape) < 2:
        raise ValueError(f"a weight has at least two axes, (outputs, inputs); got shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def lecun_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform in ±1/√fan_in: what PyTorch gives a linear layer."""
    bound = 1 / math.sqrt(max(1, fans(shape)[0]))
    return rng.uniform(-bound, bound, shape)


def xavier_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform in ±√(6 / (fan_in + fan_out)): for sigmoid and tanh."""
    bound = math.sqrt(6 / max(1, sum(fans(shape))))
    return rng.uniform(-bound, bound, shape)


def xavier_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Normal with standard deviation √(2 / (fan_in + fan_out)): for sigmoid and tanh."""
    return rng.normal(0, math.sqrt(2 / max(1, sum(fans(shape)))), shape)


def kaiming_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform in ±√(6 / fan_in): for relu."""
    bound = math.sqrt(6 / max(1, fans(shape)[0]))
    return rng.uniform(-bound, bound, shape)


def kaiming_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Normal with standard deviation √(2 / fan_in): for relu."""
    return rng.normal(0, math.sqrt(2 / max(1, fans(shape)[0])), shape)


def normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Standard normal: so large that the first outputs are chaos."""
    return rng.standard_normal(shape)


def zeros(shape: tuple[int, ...], rng: np.random.Generator | None = None) -> Array:
    """All 0: for biases. Weights that start equal stay equal."""
    return np.zeros(shape)


def ones(shape: tuple[int, ...], rng: np.random.Generator | None = None) -> Array:
    """All 1: for scales."""
    return np.ones(shape)
