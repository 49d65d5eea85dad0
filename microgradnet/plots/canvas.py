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


def put_legend(axes: Axes, lines: list[Any], columns: int, inside: Any) -> None:
    """What the lines are, below the axes, where it covers none of them and no title.

    It is `inside`, at this place, in a figure that makes no room for what stands around axes, as pyplot's do not.
    """
    from matplotlib.transforms import offset_copy

    figure: Any = axes.figure
    if figure.get_layout_engine() is None:
        axes.legend(handles=lines, loc=inside)
        return
    low = offset_copy(axes.transAxes, figure, y=-36, units="points")  # below the numbers and the name of the axis
    below: dict[str, Any] = {"bbox_to_anchor": (0.5, 0), "bbox_transform": low, "borderaxespad": 0, "frameon": False}
    axes.legend(handles=lines, loc="upper center", ncols=columns, **below)
