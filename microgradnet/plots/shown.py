"""Figures that notebooks show, though pyplot, which keeps every figure that it has made, knows nothing of them."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure that is a picture as the last line of a notebook's cell, and so are its axes, which plots return."""

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        self.savefig(held, format="png")
        return held.getvalue()

    def add_subplot(self, *args: Any, **kwargs: Any) -> Any:
        return self._shown_by(super().add_subplot(*args, **kwargs))

    def add_axes(self, *args: Any, **kwargs: Any) -> Any:
        return self._shown_by(super().add_axes(*args, **kwargs))

    def _shown_by(self, axes: Any) -> Any:
        axes._repr_png_ = self._repr_png_
        return axes
