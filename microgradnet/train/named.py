"""Losses and metrics by their names, and losses of which each example's share can be told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from .. import checks, functional
from ..core import Array
from ..nn.losses import Loss
from ..words import brief

Function: TypeAlias = Callable[..., Any]

LOSSES = {
    "cross_entropy": "cross_entropy", "nll": "nll_loss", "binary_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits", "kl_div": "kl_div",
    "hinge": "hinge_loss", "multi_margin": "multi_margin_loss", "mse": "mse_loss", "mae": "l1_loss", "l1": "l1_loss",
    "huber": "huber_loss", "smooth_l1": "smooth_l1_loss", "quadratic_cost": "quadratic_cost",
    "soft_margin": "soft_margin_loss", "poisson_nll": "poisson_nll_loss",
}  # fmt: skip
PROBABILITIES = (functional.binary_cross_entropy,)  # losses whose outputs are probabilities; of others they are scores


def loss_of(given: Any) -> Function:
    """The loss that is given, itself or by its name. ValueError for a name that none has, TypeError for no function."""
    if isinstance(given, str):
        if given in LOSSES.values():
            return getattr(functional, given)  # type: ignore[no-any-return]
        if given not in LOSSES:
            raise ValueError(
                f"loss={given!r}: the names are {', '.join(LOSSES)}; or give a function f(outputs, y), such as those "
                f"of functional"
            )
        return getattr(functional, LOSSES[given])  # type: ignore[no-any-return]
    return checks.function("loss", given, more=f", or a name such as {next(iter(LOSSES))!r}")  # type: ignore[no-any-return]


def metrics_of(given: Any, loss: Any) -> dict[str, Function]:
    """The metrics that are given, by their names in the history.

    They may be a dict of functions or names, a list of them, or one alone. ValueError for a name that none has.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {name: metric(f"metrics[{name!r}]", f, loss) for name, f in given.items()}
    listed = [given] if isinstance(given, str) or callable(given) or not isinstance(given, Iterable) else [*given]
    found = {}
    for i, f in enumerate(listed):
        name = f if isinstance(f, str) else str(getattr(f, "__name__", type(f).__name__))
        if name in found:
            raise ValueError(f"two metrics called {name!r}: give a dict, metrics={{name: function}}")
        found[name] = metric(f"metrics[{i}]", f, loss)
    return found


def metric(where: str, given: Any, loss: Any) -> Function:
    """A metric itself or by its name."""
    if isinstance(given, str):
        if given not in METRICS:
            raise ValueError(
                f"{where}={given!r}: the names are {', '.join(METRICS)}; or give a function f(outputs, y) of two arrays"
            )
        called = loss.func if isinstance(loss, functools.partial) else getattr(loss, "_function", loss)
        if given == "accuracy" and called in PROBABILITIES:
            return functools.partial(accuracy, threshold=0.5)
        return METRICS[given]
    return checks.function(where, given, more=f", or a name such as {next(iter(METRICS))!r}")  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------------------ metrics


def accuracy(outputs: Array, y: Array, threshold: float = 0.0) -> float:
    """The share of right answers: where the largest output is that of the class.

    y holds classes (…,) for outputs (…, classes), or is as large as the outputs and largest at the class. Of one
    output an example, the answer is yes above `threshold`; y is then above and below ½, or ±1. ValueError for a y that
    is neither.
    """
    if outputs.ndim == y.ndim + 1 and outputs.shape[-1] > 1:
        return float((outputs.argmax(axis=-1) == y).mean())
    if outputs.shape == y.shape and outputs.ndim > 1 and outputs.shape[-1] > 1:
        return float((outputs.argmax(axis=-1) == y.argmax(axis=-1)).mean())
    outputs = alike(outputs, y)
    if y.size and not -1 <= y.min() <= y.max() <= 1:
        raise ValueError(
            f"accuracy: y goes from {y.min():g} to {y.max():g}, and of one output an example it is 0 or 1, or ±1. "
            f"Classes want an output each, and for numbers there are 'mse', 'mae' and 'r2'"
        )
    return float(((outputs > threshold) == (y > 0.5)).mean())


def mean_squared(outputs: Array, y: Array) -> float:
    """The mean of (outputs − y)²."""
    return float(((alike(outputs, y) - y) ** 2).mean())


def root_mean_squared(outputs: Array, y: Array) -> float:
    """The square root of the mean of (outputs − y)²."""
    return float(np.sqrt(mean_squared(outputs, y)))


def mean_absolute(outputs: Array, y: Array) -> float:
    """The mean of |outputs − y|."""
    return float(abs(alike(outputs, y) - y).mean())


def r2(outputs: Array, y: Array) -> float:
    """1 − Σ (outputs − y)² / Σ (y − mean)²: 1 where all are right, 0 for a model that always says the mean.

    Of several targets it is the mean over them; of a target that does not vary it is 1 if right and else 0.
    """
    errors = ((alike(outputs, y) - y) ** 2).sum(axis=0)
    spread = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    constant = spread == 0
    return float(np.where(constant, errors == 0, 1 - errors / np.where(constant, 1, spread)).mean())


def alike(outputs: Array, y: Array) -> Array:
    """The outputs in the shape of y, from which they may differ by axes of length 1."""
    if outputs.shape != y.shape and [n for n in outputs.shape if n > 1] == [n for n in y.shape if n > 1]:
        outputs = outputs.reshape(y.shape)
    if outputs.shape != y.shape:
        raise ValueError(f"outputs of shape {outputs.shape} and y of shape {y.shape}: this metric wants equal ones")
    return outputs


METRICS: dict[str, Function] = {
    "accuracy": accuracy, "mse": mean_squared, "rmse": root_mean_squared, "mae": mean_absolute, "r2": r2,
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ weights


class Weighted:
    """A loss for examples that count unequally: the mean of `weight` × the loss of each."""

    def __init__(self, loss: Function) -> None:
        self.loss: Function = loss

    def __call__(self, outputs: Any, y: Any, weight: Any = None) -> Any:
        if weight is None:
            return self.loss(outputs, y)
        losses = each(self.loss)(outputs, y)
        if losses.ndim > 1:
            losses = losses.reshape((len(losses), -1)).mean(axis=1)
        return (losses * weight.astype(losses.dtype)).mean()


def each(loss: Function) -> Function:
    """The loss with a number for each example in place of their mean. TypeError for one that has no such way."""
    from inspect import signature  # takes long to import

    if isinstance(loss, Loss):
        return type(loss)(**{**loss.options(), "reduction": "none"})
    if "reduction" not in signature(loss).parameters:
        raise TypeError(
            f"loss={brief(loss)} gives one number for all examples, and sample_weight= wants one for each: give a loss "
            f"that takes reduction='none', such as functional.mse_loss, or a name such as 'cross_entropy'"
        )
    return functools.partial(loss, reduction="none")
