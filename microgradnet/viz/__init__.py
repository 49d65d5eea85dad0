"""A recorded graph as a picture, a page and a text. Labels come from the rows."""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["Drawing", "Share", "Step", "draw"]

if TYPE_CHECKING:
    from .drawing import Drawing, draw
    from .passes import Share, Step
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {"drawing": "Drawing draw", "passes": "Share Step"})
