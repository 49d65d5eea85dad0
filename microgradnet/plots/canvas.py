"""An empty figure to draw into, and the two colours that all plots share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POSITIVE, NEGATIVE = "#2b6cb0", "#c05621"  # blue and orange: told apart by nearly all eyes


def signed(most: float) -> dict[str, Any]:
    """How `imshow` colours numbers by their sign: full colour at ±`most`, white at 0, grey where there is none."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("sign", [NEGATIVE, "white", POSITIVE]).with_extremes(bad="#dddddd")
    return {"cmap": colours, "norm": Normalize(-most, most)}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches. `figure.savefig(path)` saves it; at the end of a cell it is shown.

    Raises ModuleNotFoundError, with the command that installs it, where matplotlib is missing.

    >>> from microgradnet import plots
    >>> left, right = plots.new_figure(8, 3).subplots(1, 2)
    """
    try:
        from .shown import ShownFigure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("plots need matplotlib: pip install matplotlib", name="matplotlib") from None
    return ShownFigure(figsize=(width, height), layout="constrained")


def new_axes(width: float, height: float) -> Axes:
    """Axes in a figure of this size in inches. `axes.figure.savefig(path)` saves it; a notebook shows it.

    The axes as a cell's last line are enough.
    """
    axes: Axes = new_figure(width, height).subplots()
    return axes
