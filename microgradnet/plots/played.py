"""A network's activations for one example after the other, as a moving picture."""

from __future__ import annotations

import base64
import io
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
    """Pictures that follow each other. `.save("network.gif")` writes them; a notebook plays those `on_any_ground`."""

    def __init__(self, pictures: list[Image], seconds: float, on_any_ground: list[Image] | None = None) -> None:
        self.pictures: list[Image] = pictures
        self.seconds: float = seconds
        self.on_any_ground: list[Image] = on_any_ground or pictures  # light or dark

    def gif(self) -> bytes:
        """The moving picture as the bytes of a GIF."""
        return self._bytes(self.pictures, "GIF")

    def _bytes(self, pictures: list[Image], kind: str) -> bytes:
        held = io.BytesIO()
        first, *others = pictures
        how: dict[str, Any] = {"duration": int(1000 * self.seconds), "loop": 0}
        first.save(held, kind, save_all=True, append_images=others, **how)
        return held.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a GIF; an existing file is replaced once the new one is complete."""
        if not os.fspath(path).lower().endswith(".gif"):
            raise ValueError(f"{os.fspath(path)}: a moving picture is saved as .gif")
        replace(place(path), self.gif())

    def _repr_html_(self) -> str:
        moving = base64.b64encode(self._bytes(self.on_any_ground, "PNG")).decode()
        return f'<img src="data:image/png;base64,{moving}" alt="activations">'


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
    figures: list[Any] = [network(model, row, **how).figure for row in rows]
    shown = [picture(figure._repr_png_()) for figure in figures]
    return Played([saved(figure) for figure in figures], seconds, shown)


def saved(figure: Any) -> Image:
    """A figure as it is saved, as an image of Pillow, which matplotlib brings."""
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return picture(held.getvalue()).convert("RGB")


def picture(png: bytes) -> Image:
    """The image in the bytes of a PNG."""
    from PIL import Image

    return Image.open(io.BytesIO(png))
