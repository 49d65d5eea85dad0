"""Figures that notebooks show, though pyplot, which keeps every figure that it has made, knows nothing of them.

A notebook or a page may be light or dark, and does not say which. So what is shown there has no ground of its own, and
letters and lines in a grey that can be read on both; what is saved is black on white.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

INK = "#7a7a7a"  # stands out from white as from black, four times as bright or dark
COLOURED = ("color", "facecolor", "edgecolor", "markeredgecolor")


class ShownFigure(Figure):
    """A figure that is a picture as the last line of a notebook's cell, and so are its axes, which plots return."""

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        with on_any_ground(self):
            self.savefig(held, format="png", transparent=True)
        return held.getvalue()

    def add_subplot(self, *args: Any, **kwargs: Any) -> Any:
        return self._shown_by(super().add_subplot(*args, **kwargs))

    def add_axes(self, *args: Any, **kwargs: Any) -> Any:
        return self._shown_by(super().add_axes(*args, **kwargs))

    def _shown_by(self, axes: Any) -> Any:
        axes._repr_png_ = self._repr_png_
        return axes


@contextlib.contextmanager
def on_any_ground(figure: Figure) -> Iterator[None]:
    """A block in which what is dark and grey in a figure is INK, but for what stands on a ground that stays."""
    figure.draw_without_rendering()  # the marks of axes are made when they are first drawn
    kept = set(map(id, grounded(figure)))
    before: list[tuple[Any, Any]] = []
    try:
        for artist in figure.findobj():
            for name in COLOURED if id(artist) not in kept else ():
                colour = getattr(artist, f"get_{name}", lambda: None)()
                put = getattr(artist, f"set_{name}", None)
                if put is not None and is_dark_grey(colour):
                    before.append((put, colour))
                    put(INK)
        yield
    finally:
        for put, colour in reversed(before):
            put(colour)


def grounded(figure: Figure) -> Iterator[Artist]:
    """What has a ground of its own: legends in a frame, letters in a box, and what is written on images."""
    for axes in figure.axes:
        legend = axes.get_legend()
        yield from legend.findobj() if legend and legend.get_frame_on() else ()
        for text in axes.texts:
            if axes.images or text.get_bbox_patch():
                yield text


def is_dark_grey(colour: Any) -> bool:
    """Whether this is one colour, and black or of the greys nearer to black."""
    try:
        *shades, opacity = to_rgba(colour[0] if np.ndim(colour) == 2 and len(colour) == 1 else colour)
    except (TypeError, ValueError):  # several
        return False
    return opacity > 0 and max(shades) < 0.45 and max(shades) - min(shades) < 0.02
