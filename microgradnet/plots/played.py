"""A network's activations for one example after the other, as a moving picture."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import positive
from ..core import numbers
from ..files import place, replace
from ..nn import Module
from .networks import network

if TYPE_CHECKING:
    from PIL.Image import Image


class Played:
    """Pictures that follow each other. `.save("network.gif")` writes them; a notebook plays them."""

    def __init__(self, pictures: list[Image], seconds: float) -> None:
        self.pictures: list[Image] = pictures
        self.seconds: float = seconds

    def gif(self) -> bytes:
        """The moving picture as the bytes of a GIF."""
        import io

        held = io.BytesIO()
        first, *others = self.pictures
        first.save(held, "GIF", save_all=True, append_images=others, duration=int(1000 * self.seconds), loop=0)
        return held.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a GIF; an existing file is replaced once the new one is complete."""
        if not os.fspath(path).lower().endswith(".gif"):
            raise ValueError(f"{os.fspath(path)}: a moving picture is saved as .gif")
        replace(place(path), self.gif())

    def _repr_html_(self) -> str:
        return f'<img src="data:image/gif;base64,{base64.b64encode(self.gif()).decode()}" alt="activations">'


def play(model: Module, examples: Any, *, seconds: float = 1.0, **how: Any) -> Played:
    """The network with its activations for each of `examples` (n, inputs), one after the other.

    `seconds` is how long each is shown; the rest is as for `network`. Raises ValueError where there is no example.

    >>> from microgradnet import nn, plots
    >>> played = plots.play(nn.MLP(2, [3, 1], seed=0), [[0.0, 1.0], [1.0, 0.0]])
    >>> played.save("network.gif")  # doctest: +SKIP
    """
    positive("seconds", seconds, what="how long each example is shown")
    rows = np.asarray(numbers(examples))
    if rows.ndim < 2 or not len(rows):
        raise ValueError(f"examples are (n, inputs), one after the other; got shape {rows.shape}")
    return Played([picture(network(model, row, **how).figure) for row in rows], seconds)


def picture(figure: Any) -> Image:
    """A figure as an image of Pillow, which matplotlib brings."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
