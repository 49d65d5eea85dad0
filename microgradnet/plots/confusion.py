"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import numbers
from .canvas import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def confusion_matrix(labels: Any, answers: Any, *, names: Any = None, axes: Axes | None = None) -> Axes:
    """How often each class was taken for which: a row for each label, a column for each answer; returns the axes.

    `labels` (n,) are what is right. `answers` are as many labels, or outputs (n, classes), of which the largest is the
    answer. Classes are whole numbers from 0, or anything that can be sorted; `names` are written beside them. Darker is
    a larger share of its row.

    Raises ValueError where lengths differ or there is nothing to count.

    >>> from microgradnet import plots
    >>> axes = plots.confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], names=["cat", "dog", "bird"])
    >>> axes.figure.savefig("confusion.png")  # doctest: +SKIP
    """
    right, found = np.asarray(numbers(labels)), np.asarray(numbers(answers))
    if found.ndim == 2:
        found = found.argmax(axis=1)
    if right.ndim != 1 or right.shape != found.shape or not right.size:
        raise ValueError(
            f"confusion_matrix wants the label and the answer of each example, (n,) and (n,) or (n, classes); "
            f"got shapes {right.shape} and {np.shape(numbers(answers))}"
        )
    classes, places = np.unique(np.concatenate([right, found]), return_inverse=True)
    if right.dtype.kind in "iu" and right.min() >= 0:
        classes = np.arange(max(int(classes.max()) + 1, 0 if names is None else len(names)))
        places = np.concatenate([right, found])
    if names is not None and len(names) < len(classes):
        raise ValueError(f"names are {len(classes)}, one for each class; got {len(names)}")
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (places[: len(right)], places[len(right) :]), 1)

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.2, min(9.0, 1.6 + 0.45 * len(classes)))
    axes = axes or new_axes(side, side)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    written = [str(x) for x in (classes if names is None else names)]
    if len(classes) <= 25:
        axes.set_xticks(range(len(classes)), written[: len(classes)])
        axes.set_yticks(range(len(classes)), written[: len(classes)])
        for i, j in np.argwhere(counts):
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, fontsize=8)
    axes.set(xlabel="answer", ylabel="label", title=f"{np.trace(counts):,} of {len(right):,} right")
    return axes
