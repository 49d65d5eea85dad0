"""What layers ask of what they are given: sizes when they are made, shapes when they are called."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Value, shaped
from .module import Module, WrongInput


def whole(n: Any, least: int = 1) -> bool:
    """Whether n is a whole number, not a bool, of at least so many."""
    return not isinstance(n, bool) and isinstance(n, int | np.integer) and bool(n >= least)


def check_sizes(layer: str, **sizes: Any) -> None:
    """ValueError for a size that is no whole number of at least 1."""
    for name, n in sizes.items():
        if not whole(n):
            raise ValueError(f"{layer}({name}={n!r}): it is a whole number of at least 1")


def check_window(layer: str, axes: int, *, least: int = 1, **sizes: Any) -> None:
    """ValueError for a size of a window that is neither a whole number of at least `least` nor one for each axis."""
    for name, given in sizes.items():
        each = given if isinstance(given, tuple | list) else (given,) * axes
        if len(each) != axes or not all(whole(n, least) for n in each):
            wanted = "a whole number" if axes == 1 else "a whole number or two of them"
            raise ValueError(f"{layer}({name}={given!r}): it is {wanted}, {least} or more")


def check_share(layer: str, p: Any) -> None:
    """ValueError for a probability that is none."""
    if isinstance(p, bool) or not isinstance(p, int | float | np.number) or not 0 <= p <= 1:
        raise ValueError(f"{layer}(p={p!r}): the share that is dropped, a number from 0 to 1")


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
    return WrongInput(layer, f"got an input of shape {np.shape(x)}: {wanted}")
