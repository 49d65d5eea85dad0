"""A training as curves: what `fit` measured, by epoch, and what `find_lr` did, by the step size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401  (for the examples)

from .canvas import NEGATIVE, POSITIVE, new_axes, put_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..train import LearningRates


def history(history: dict[str, Any], *, axes: Axes | None = None) -> Axes:
    """The columns of a history of `fit` by epoch: costs solid, metrics broken, on a scale of their own at the right.

    What was measured while training is blue, on examples held out orange. Returns the axes of the costs.

    >>> from microgradnet import plots
    >>> axes = plots.history({"epoch": [1, 2], "cost": [0.9, 0.5], "accuracy": [0.3, 0.7], "seconds": [0.1, 0.1]})
    >>> axes.figure.savefig("history.png")  # doctest: +SKIP
    """
    axes = axes or new_axes(6.5, 4.0)
    measured = [name.removeprefix("val_") for name in history if name not in ("epoch", "seconds", "stopped")]
    metrics = [name for name in dict.fromkeys(measured) if name != "cost"]
    right = axes.twinx() if metrics else axes
    styles = {"cost": "-", **{name: ("--", ":", "-.")[i % 3] for i, name in enumerate(metrics)}}
    lines = [
        (axes if what == "cost" else right).plot(history["epoch"], history[name], style, color=color, label=name)[0]
        for what, style in styles.items()
        for name, color in ((what, POSITIVE), (f"val_{what}", NEGATIVE))
        if name in history
    ]
    axes.set(xlabel="epoch", ylabel="cost")
    axes.locator_params(axis="x", integer=True)
    columns = min(max(len(styles), 2), 4)  # what was held out is below what it belongs to
    put_legend(axes, lines, columns, inside="center right")
    if metrics:
        right.set_ylabel(", ".join(metrics))
    return axes


def lr_finder(found: LearningRates, *, axes: Axes | None = None) -> Axes:
    """The curve of `find_lr`: the cost by the step size, smoothed and as it was, and the suggestion. Returns the axes.

    >>> from microgradnet import plots
    >>> from microgradnet.train import LearningRates
    >>> axes = plots.lr_finder(LearningRates(np.geomspace(1e-3, 1, 5), np.array([2.0, 1.9, 1.2, 1.0, 4.0])))
    >>> axes.figure.savefig("lr.png")  # doctest: +SKIP
    """
    axes = axes or new_axes(6.5, 4.0)
    axes.semilogx(found.lrs, found.costs, color=POSITIVE, alpha=0.35, linewidth=1, label="cost of each batch")
    axes.semilogx(found.lrs, found.smoothed, color=POSITIVE, linewidth=2, label="smoothed")
    if found.suggestion is not None:
        axes.axvline(found.suggestion, color=NEGATIVE, linestyle="--", label=f"suggestion: lr = {found.suggestion:.2g}")
    low, high = found.smoothed.min(), found.smoothed[0]
    room = (high - low) or 1.0
    axes.set(
        xlabel="lr", ylabel="cost", ylim=(low - 0.3 * room, high + 0.7 * room)
    )  # not all the way up to where it is lost
    put_legend(axes, axes.get_legend_handles_labels()[0], columns=2, inside="upper left")
    return axes
