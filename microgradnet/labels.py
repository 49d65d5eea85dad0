"""Integer labels of examples: which of the classes is the right one, and what the losses make of that."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import choice
from .core import Array, modes, narrowed, plain_data, shaped
from .ops.shape import SLOT, take


def reduced(losses: Any, reduction: str, dtype: Any) -> Any:
    """The losses of elements, or of examples, as `reduction` says, in the dtype of the result."""
    if reduction == "sum":
        losses = losses.sum()
    elif reduction != "none":
        choice("reduction", reduction, ("mean", "sum", "none"))
        if not losses.size:
            raise ValueError(f"losses of shape {losses.shape}: there is no example to take the cost of")
        losses = losses.sum() / losses.size
    return narrowed(losses, dtype)


class Labels:
    """The integer labels of the examples of an input, one row each; those to ignore taken out."""

    def __init__(self, input: Any, target: Any, ignored: int | None) -> None:
        if target.shape != input.shape[:-1] or target.dtype.kind not in "iu":
            probabilities = "" if ignored is None else f", or floating-point probabilities of shape {input.shape}"
            raise ValueError(
                f"target of shape {target.shape} ({target.dtype}) for logits of shape {input.shape}: give integer "
                f"labels of shape {input.shape[:-1]}{probabilities}"
            )
        self.shape: tuple[int, ...] = target.shape
        self.classes: int = input.shape[-1]
        labels: Array = np.reshape(plain_data(target), -1)
        self.where: Array | None = None
        if modes.asked(may_hold, labels, ignored, self.classes):
            self.where = labels != ignored
            labels = labels[self.where]
            modes.host(may_hold, labels, None, self.classes)
        self.known = labels

    def rows(self, input: Any) -> Any:
        """The rows of the examples that count: what is ignored is not looked at, whatever it holds."""
        rows = input.reshape((-1, self.classes))
        return rows if self.where is None else rows[self.where]

    def picked(self, rows: Any) -> Any:
        """What each row has at its label."""
        return rows[np.arange(self.known.size), self.known]

    def weighing(self, weights: Any) -> Any:
        """The weight of each label's class."""
        return take(weights, self.known, index=(SLOT,))

    def reduced(self, losses: Any, reduction: str, weight: Any, dtype: Any) -> Any:
        """As `reduction` says, with a mean weighted by the weight of the labels."""
        if reduction == "mean" and weight is not None and self.known.size:
            total = self.weighing(weight).sum()
            modes.host(check_weighted, total, self.known)
            return narrowed(losses.sum() / total, dtype)
        if reduction == "mean" and self.where is not None and not self.known.size:
            raise ValueError("every label is ignore_index: there is no example to take the cost of")
        if reduction == "none":
            if self.where is not None:  # the ignored have a loss of 0, which is put last
                place = np.where(self.where, np.cumsum(self.where) - 1, self.known.size)
                losses = np.concatenate([losses, np.zeros(1, losses.dtype)])[place]
            losses = losses.reshape(self.shape)
        return reduced(losses, reduction, dtype)


def may_hold(labels: Array, ignored: int | None, classes: int) -> bool:
    """Whether `ignored` may be among the labels. If it is not, ValueError for one that is no class."""
    low, high = (labels.min(), labels.max()) if labels.size else (0, 0)
    if ignored is not None and low <= ignored <= high:
        return True
    if low < 0 or high >= classes:
        way = ". The model is to have an output for each class" if low >= 0 else ""
        raise ValueError(f"labels from {low} to {high}, but the classes are 0 to {classes - 1}{way}")
    return False


def check_weighted(total: Any, labels: Array) -> None:
    """ValueError for labels whose weights add to 0."""
    if not total:
        raise ValueError(f"the classes {np.unique(labels).tolist()} all have weight 0: there is no mean")


def check_classes(input: Any) -> None:
    """ValueError for logits without an axis of classes, or with no class on it."""
    if not input.ndim or not input.shape[-1]:
        raise ValueError(f"logits of shape {input.shape}: there is no example, or no class, to take the cost of")


def class_weights(weight: Any, input: Any) -> Any:
    """The weight of each class, in the dtype of the input; None as it is."""
    if weight is None:
        return None
    weight = shaped(weight)
    if weight.shape != input.shape[-1:] or weight.dtype.kind not in "fiub":
        raise ValueError(
            f"weight of shape {weight.shape} ({weight.dtype}): it is a number for each of the {input.shape[-1]} classes"
        )
    return weight.astype(input.dtype)
