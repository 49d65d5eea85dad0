"""Whether a loss is the mean over the examples: only then do ranks that share a batch train as one process."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core import Value, no_grad, numbers
from ..nn.module import Module
from ..parallel.worlds import World
from .around import ModesKept
from .measures import Function, number
from .sources import Batch


def check_mean(world: World, model: Module, loss: Function, batch: Batch) -> None:
    """ValueError on every rank if the mean of a loss over the parts of a batch is not the loss of the batch.

    What cannot be tried, such as outputs that are no array, is let be: the step says what is wrong with it.
    """
    parts = [part for part in world.gather(outputs_and_targets(model, batch)) if part is not None]
    if not all(isinstance(part[0], np.ndarray) and part[0].ndim for part in parts):
        return
    mean, whole, room = world.broadcast(costs_of(loss, parts) if world.rank == 0 else None)
    if abs(mean - whole) > room * max(abs(mean), abs(whole)):
        raise ValueError(
            f"loss is not the mean over the examples: of the first batch it is {whole:.6g}, and the mean over its "
            f"parts, one for each rank, is {mean:.6g}, so several ranks would not train as one does. Sums, class "
            f"weights and what compares examples with each other are such losses. sample_weight= weighs examples; a "
            f"loop by hand, with parallel.Optimizer, does as you write it"
        )


def outputs_and_targets(model: Module, batch: Batch) -> tuple[Any, ...] | None:
    """What the model makes of this rank's part, and its targets; None if it has none."""
    if not batch.counted:
        return None
    with ModesKept(model), no_grad(), np.errstate(all="ignore"):
        model.eval()
        try:
            return numbers(model(*batch.inputs)), *batch.targets
        except Exception:
            return None, *batch.targets


def costs_of(loss: Function, parts: list[tuple[Any, ...]]) -> tuple[float, float, float]:
    """The mean over the parts, the loss of all together, and by what share they may differ through rounding."""
    joined, *targets = map(np.concatenate, zip(*parts, strict=True))
    with no_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            mean = sum(number(loss(Value(out), *ys)) * len(out) for out, *ys in parts) / len(joined)
            return mean, number(loss(Value(joined), *targets)), 10 * float(np.finfo(joined.dtype).eps) ** 0.5
        except Exception:
            return 0.0, 0.0, 0.0
