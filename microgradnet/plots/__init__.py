"""Pictures of networks, trainings and descents with matplotlib (extra `plots`).

What has one panel draws into the axes it is given, or into new ones, and returns them; what has several returns a
figure. Either, as the last line of a notebook's cell, is shown. The figure saves it:

    plots.history(history).figure.savefig("history.png")
    plots.gradient(model).savefig("gradient.png")

`plt.savefig` and `plt.show` are for what pyplot has made, and know nothing of these.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = [
    "NEGATIVE", "PATHS", "POSITIVE", "Played", "confusion_matrix", "contours", "curve", "decision_regions",
    "feature_maps", "filters", "gradient", "history", "lr_finder", "network", "new_axes", "new_figure", "play",
    "surface",
]  # fmt: skip

if TYPE_CHECKING:
    from .canvas import NEGATIVE, POSITIVE, new_axes, new_figure
    from .confusion import confusion_matrix
    from .convolutions import feature_maps, filters
    from .descents import PATHS, contours, curve, surface
    from .gradients import gradient
    from .histories import history, lr_finder
    from .networks import network
    from .played import Played, play
    from .regions import decision_regions
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "canvas": "NEGATIVE POSITIVE new_axes new_figure",
        "confusion": "confusion_matrix",
        "convolutions": "feature_maps filters",
        "descents": "PATHS contours curve surface",
        "gradients": "gradient",
        "histories": "history lr_finder",
        "networks": "network",
        "played": "Played play",
        "regions": "decision_regions",
    })  # fmt: skip
