"""The numbers by which a training is judged: a cost and metrics, of a batch or of examples held out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from ..core import Array, Value, no_grad, numbers
from ..nn.module import Module
from ..words import brief
from .around import ModesKept

Function: TypeAlias = Callable[..., Any]
ONE = (int, float, np.generic)


def evaluated(
    model: Module, held_out: tuple[Array, Array] | None, loss: Function, metrics: Iterable[Function], size: int
) -> list[float]:
    """The cost and the metrics on examples held out, of all at once, in evaluation mode; nothing if there are none."""
    if held_out is None:
        return []
    x, y = held_out
    size = max(size, 256)
    with ModesKept(model), no_grad():
        model.eval()
        outputs = np.concatenate([numbers(model(x[i : i + size])) for i in range(0, len(x), size)])
        return [number(loss(Value(outputs), y)), *(number(f(outputs, y)) for f in metrics)]


def number(x: Any) -> float:
    """The one number of a cost or metric. TypeError for anything else."""
    x = numbers(x)
    if isinstance(x, ONE) or (isinstance(x, np.ndarray) and x.ndim == 0):
        return float(x)
    raise TypeError(f"a loss or metric gives one number; got {brief(x)}. The mean over the examples, .mean(), is one")
