"""A backward pass, one operation at a time: to read, as a table, and to watch."""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["Steps", "steps"]

if TYPE_CHECKING:
    from .backward import Steps, steps
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {"backward": "Steps steps"})
