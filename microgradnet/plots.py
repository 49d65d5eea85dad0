"""Pictures of trainings, as matplotlib figures: `figure.savefig("run.png")`; a notebook shows them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def history(history: dict[str, Any]) -> Figure:
    """The costs of a history of `fit` by epoch and, beside them, its metrics, training and validation."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ModuleNotFoundError:
        raise ModuleNotFoundError("plots need matplotlib: pip install matplotlib", name="matplotlib") from None
    costs = [name for name in history if name in ("cost", "val_cost")]
    metrics = [name for name in history if name not in ("epoch", "seconds", "stopped", *costs)]
    shown = [names for names in (costs, metrics) if names]
    figure = Figure(figsize=(5.5 * len(shown), 4), layout="constrained")
    for axes, names in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        for name in names:
            axes.plot(history["epoch"], history[name], label=name, marker="o", markersize=3)
        axes.set(xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
