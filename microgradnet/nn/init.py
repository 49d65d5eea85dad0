"""Random starts for weights. Each takes a shape (outputs, inputs) and a seed or generator, and returns an array.

`bound` and `std` are those that keep the size of signals through a layer: Glorot and Bengio 2010 (xavier), He et al.
2015 (kaiming). The further arguments are PyTorch's; a layer is given them by `functools.partial`:

>>> from functools import partial
>>> from microgradnet.nn import Linear
>>> layer = Linear(64, 64, init=partial(orthogonal, gain=2.0), seed=0)
>>> bool(np.allclose(layer.weight.data @ layer.weight.data.T, 4 * np.eye(64), atol=1e-5))
True
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..checks import choice
from ..core import Array
from ..demand import on_demand

__all__ = [
    "calculate_gain", "constant", "eye", "fans", "generator", "kaiming_normal", "kaiming_uniform", "lecun_uniform",
    "normal", "ones", "orthogonal", "trunc_normal", "uniform", "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip

# In quotes, so that importing this does not import np.random.
Seed: TypeAlias = "int | np.random.Generator | None"
Initialiser: TypeAlias = "Callable[[tuple[int, ...], np.random.Generator], Array]"


@functools.cache
def shared() -> np.random.Generator:
    """The generator of all layers that are given no seed."""
    return np.random.default_rng(0)


def generator(seed: Seed = None) -> np.random.Generator:
    """The generator that `seed` means: itself, one that starts from an int, or for None the one all layers share.

    The shared one starts from a fixed seed: the same program draws the same numbers. TypeError for anything else.
    """
    if seed is None:
        return shared()
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer | np.random.Generator):
        raise TypeError(f"a seed is an int or a np.random.Generator; got {seed!r}")
    return np.random.default_rng(seed)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers come into and go out of a weight of this shape: (fan_in, fan_out).

    Axes after the second are those of a kernel. ValueError for fewer than two axes.

    >>> fans((6, 1, 5, 5))
    (25, 150)
    """
    if len(shape) < 2:
        raise ValueError(f"a weight has at least two axes, (outputs, inputs); got shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


GAINS = {"linear": 1.0, "conv": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What makes up for how much an activation shrinks signals: √2 for relu, 5/3 for tanh, as in PyTorch.

    `nonlinearity` is "linear", "conv", "sigmoid", "tanh", "relu", "selu" or "leaky_relu", whose slope is `param`.

    >>> round(calculate_gain("leaky_relu", 0.2), 4)
    1.3868
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    return GAINS[choice("nonlinearity", nonlinearity, (*GAINS, "leaky_relu"))]


# -------------------------------------------------------------------------------------------- by the width of a layer


def lecun_uniform(shape: tuple[int, ...], rng: Seed = None) -> Array:
    """Uniform in ±1/√fan_in: what PyTorch gives a linear layer."""
    bound = 1 / math.sqrt(max(1, fans(shape)[0]))
    return generator(rng).uniform(-bound, bound, shape)


def xavier_uniform(shape: tuple[int, ...], rng: Seed = None, *, gain: float = 1.0) -> Array:
    """Uniform in ±gain · √(6 / (fan_in + fan_out)): for sigmoid and tanh."""
    bound = gain * math.sqrt(6 / max(1, sum(fans(shape))))
    return generator(rng).uniform(-bound, bound, shape)


def xavier_normal(shape: tuple[int, ...], rng: Seed = None, *, gain: float = 1.0) -> Array:
    """Normal with standard deviation gain · √(2 / (fan_in + fan_out)): for sigmoid and tanh."""
    return generator(rng).normal(0, gain * math.sqrt(2 / max(1, sum(fans(shape)))), shape)


def kaiming_uniform(
    shape: tuple[int, ...],
    rng: Seed = None,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Array:
    """Uniform in ±gain · √(3 / fan): as it is, for relu.

    `gain` is that of `nonlinearity`, with slope `a` if that is leaky_relu; `mode` chooses fan_in, which keeps the size
    of signals, or fan_out, which keeps that of gradients.
    """
    bound = math.sqrt(3) * kaiming_std(shape, a, mode, nonlinearity)
    return generator(rng).uniform(-bound, bound, shape)


def kaiming_normal(
    shape: tuple[int, ...],
    rng: Seed = None,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Array:
    """Normal with standard deviation gain / √fan: as it is, for relu. The options are those of `kaiming_uniform`."""
    return generator(rng).normal(0, kaiming_std(shape, a, mode, nonlinearity), shape)


def kaiming_std(shape: tuple[int, ...], a: float, mode: str, nonlinearity: str) -> float:
    """The standard deviation of `kaiming_uniform` and `kaiming_normal`."""
    choice("mode", mode, ("fan_in", "fan_out"))
    return calculate_gain(nonlinearity, a) / math.sqrt(max(1, fans(shape)[mode == "fan_out"]))


def orthogonal(shape: tuple[int, ...], rng: Seed = None, *, gain: float = 1.0) -> Array:
    """A random matrix with orthonormal rows, or columns if there are fewer of them, times `gain`.

    Axes after the second count as inputs. All such matrices are equally likely: Saxe et al. 2013, Mezzadri 2007.
    """
    fans(shape)  # says what is wrong with it
    rows, columns = shape[0], math.prod(shape[1:])
    long, short = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(generator(rng).standard_normal((long, short)))
    q *= np.where(np.diagonal(r) < 0, -gain, gain)  # LAPACK's own signs are not random
    return (q if rows >= columns else q.T).reshape(shape)


# -------------------------------------------------------------------------------------------- by numbers of your own


def uniform(shape: tuple[int, ...], rng: Seed = None, *, a: float = 0.0, b: float = 1.0) -> Array:
    """Uniform from `a` to `b`, the same for every layer, however wide it is."""
    return generator(rng).uniform(a, b, shape)


def normal(shape: tuple[int, ...], rng: Seed = None, *, mean: float = 0.0, std: float = 1.0) -> Array:
    """Normal with `mean` and standard deviation `std`. With 1 the weights are so large that first outputs are chaos."""
    return generator(rng).normal(mean, std, shape)


def trunc_normal(
    shape: tuple[int, ...],
    rng: Seed = None,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
) -> Array:
    """Normal, but for what is not between `a` and `b`, which are numbers and no multiples of `std`.

    ValueError if they are not in order, or more than 10 standard deviations from `mean`, where there is nothing.
    """
    rng = generator(rng)
    low, high = (max((a - mean) / std, -10.0), min((b - mean) / std, 10.0)) if std > 0 else (0.0, 0.0)
    if not low < high:
        raise ValueError(
            f"trunc_normal(mean={mean}, std={std}, a={a}, b={b}): nothing normal lies between these bounds"
        )
    # Drawn evenly between the bounds, and kept as often as the bell is high there: of thirty at least one.
    peak = min(max(low, 0.0), high)
    drawn = np.empty(math.prod(shape))
    left = np.arange(drawn.size)
    while left.size:
        x = rng.uniform(low, high, left.size)
        kept = rng.random(left.size) < np.exp((peak * peak - x * x) / 2)
        drawn[left[kept]] = x[kept]
        left = left[~kept]
    return (drawn * std + mean).reshape(shape)


def constant(shape: tuple[int, ...], rng: Seed = None, *, val: float) -> Array:
    """All `val`. Weights that start equal stay equal.

    >>> constant((2, 2), val=0.5)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    return np.full(shape, float(val))


def zeros(shape: tuple[int, ...], rng: Seed = None) -> Array:
    """All 0, in any shape: for biases. Weights that start equal stay equal."""
    return np.zeros(shape)


def ones(shape: tuple[int, ...], rng: Seed = None) -> Array:
    """All 1, in any shape: for what scales, such as the weight of a LayerNorm."""
    return np.ones(shape)


def eye(shape: tuple[int, ...], rng: Seed = None) -> Array:
    """The identity: a square layer hands its inputs through, another as many of them as it can.

    >>> eye((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    if len(shape) != 2:
        raise ValueError(f"the identity has two axes, (outputs, inputs); got shape {shape}")
    return np.eye(*shape)


if not TYPE_CHECKING:
    __getattr__, __dir__ = on_demand(__name__, __all__, {})  # all of it is here; for what others call `zeros_`
