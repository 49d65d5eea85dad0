"""What layers ask of what they are given: sizes when they are made, shapes when they are called."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import checks
from ..core import Value, shaped
from .module import Module, WrongInput


def check_sizes(layer: str, **sizes: Any) -> None:
    """ValueError for a size that is no whole number of at least 1."""
    for name, n in sizes.items():
        checks.whole(name, n, call=layer)


def check_window(layer: str, axes: int, *, least: int = 1, **sizes: Any) -> None:
    """ValueError for a size of a window that is neither a whole number of at least `least` nor one for each axis."""
    for name, given in sizes.items():
        checks.whole_for_each(name, given, axes, least, call=layer)


def check_dropped(layer: str, **dropped: Any) -> None:
    """ValueError for a share of numbers to drop that is none."""
    for name, p in dropped.items():
        checks.share(name, p, call=layer, what="the share that is dropped")


def floating(layer: Module, x: Any) -> Any:
    """`x` as something with a shape and a dtype; WrongInput if it does not hold floating-point numbers."""
    if isinstance(x, tuple) and any(isinstance(part, Value | np.ndarray) for part in x):
        raise WrongInput(
            layer,
            f"got a tuple of {len(x)}, as recurrent layers and attention return: it wants one array, such as x[0]",
        )
    x = shaped(x)
    if x.dtype.kind != "f":
        raise WrongInput(
            layer,
            f"got an input of dtype {x.dtype}, shape {x.shape}: it wants floating-point numbers, "
            f"x.astype(np.float32). For integers that name things there is Embedding",
        )
    return x


def wrong_shape(layer: Module, x: Any, wanted: str) -> WrongInput:
    """The error to raise for an input whose shape is not what is `wanted`."""
    return WrongInput(layer, f"got an input of shape {np.shape(x)}: {wanted}")
