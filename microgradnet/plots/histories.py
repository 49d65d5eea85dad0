"""A training as curves: what `fit` measured, by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .canvas import NEGATIVE, POSITIVE, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    axes.legend(handles=lines, loc="center right")
    if metrics:
        right.set_ylabel(", ".join(metrics))
    return axes
