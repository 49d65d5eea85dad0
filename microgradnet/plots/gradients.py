"""A gradient as images, one for each parameter: what would make the cost larger, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import positive
from ..core import Array
from ..nn import Module
from ..nn.report import named_gradients
from .canvas import new_figure, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gradient(
    model: Module, gradient: Any = None, *, tile: tuple[int, int] | None = None, limit: float | None = None
) -> Figure:
    """Each layer's gradient as an image, the sign by colour and the magnitude by strength; returns the figure.

    Blue is positive (a larger parameter makes the cost larger), orange negative, white 0. Full colour is `limit`, one
    number for all, so that layers and pictures can be compared; without it, the largest magnitude in each layer, as its
    colour bar says. A weight has a row for each neuron, a bias one square for each; a convolution's windows are images.
    With `tile=(28, 28)` each row of 784 numbers is drawn as an image of that shape.

    `gradient` is what `grad` returned for the model; without one, the `.grad` that `backward()` left. Raises ValueError
    if there is no gradient.

    >>> from microgradnet import nn, plots
    >>> model = nn.MLP(784, [16, 16, 10], seed=0)
    >>> (model(np.ones((1, 784))) ** 2).sum().backward()
    >>> plots.gradient(model, tile=(28, 28)).savefig("gradient.png")  # doctest: +SKIP
    """
    if limit is not None:
        positive("limit", limit, more=", the magnitude of full colour")
    layers: dict[str, list[tuple[str, Array]]] = {}
    for name, g in named_gradients(model, gradient):
        layers.setdefault(name.rpartition(".")[0], []).append((name.rpartition(".")[2], g))
    wide = {name: [width_of(as_image(g, tile)) for _, g in images] for name, images in layers.items()}
    across = min(3, len(layers))
    rows = [list(layers)[i : i + across] for i in range(0, len(layers), across)]
    widths = [max(2.4, *(sum(wide[row[k]]) + 0.9 for row in rows if k < len(row))) for k in range(across)]
    figure = new_figure(max(3.2, sum(widths)), 3.4 * len(rows))
    parts = figure.subfigures(len(rows), across, squeeze=False, width_ratios=widths).flat
    for part, (name, images) in zip(parts, layers.items(), strict=False):
        draw_gradient(part, name, images, wide[name], tile, limit)
    return figure


HIGH = 2.0  # inches that an image takes at most


def width_of(image: Array) -> float:
    """The inches that an image takes across: as its shape says, but no hair, and no strip that goes off the page."""
    return float(max(0.45, min(HIGH, HIGH * image.shape[1] / max(image.shape[0], 1))))


def draw_gradient(
    part: Any, name: str, named: list[tuple[str, Array]], widths: list[float], tile: Any, limit: float | None
) -> None:
    """The gradients of one layer's parameters side by side, with one colour bar."""
    from matplotlib.ticker import MaxNLocator

    largest = max((float(np.nanmax(np.abs(g), initial=0.0)) for _, g in named), default=0.0)
    most = limit or largest or 1.0
    images = [as_image(g, tile) for _, g in named]
    part.suptitle(f"{name}: up to ±{largest:.3g}" if name else f"up to ±{largest:.3g}")
    for axes, (own, g), image in zip(
        part.subplots(1, len(images), squeeze=False, width_ratios=widths)[0], named, images, strict=True
    ):
        steep = image.shape[1] / max(image.shape[0], 1)
        aspect = "equal" if 0.15 < steep < 5 else "auto"  # a row of 1,000 would be a line as thin as a hair
        shown = axes.imshow(image, **signed(most), interpolation="nearest", aspect=aspect)
        axes.set_title(f"{own}\n{' × '.join(map(str, g.shape))}", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        if g.ndim == 4:
            axes.set(xticks=[], yticks=[], xlabel="windows")
        elif tiled(g, tile):
            axes.set(xticks=[], yticks=[], xlabel="an image for each neuron")
        elif g.ndim < 2:
            axes.set(xticks=[])
        else:
            axes.set(xlabel="input", ylabel="neuron")
    part.colorbar(shown, ax=part.axes, location="bottom", shrink=0.8, aspect=30, ticks=[-most, 0, most], format="%.2g")


def tiled(g: Array, tile: tuple[int, int] | None) -> bool:
    """Whether the gradient of each neuron's weights is drawn as an image of its own."""
    return tile is not None and g.ndim > 1 and g[0].size == tile[0] * tile[1]


def as_image(g: Array, tile: tuple[int, int] | None) -> Array:
    """A parameter's gradient as a matrix, a row for each neuron; or each row as an image, with grey lines between.

    Of a convolution each window is an image: a row of them for each output channel, a column for each input channel.
    """
    if g.ndim == 4:
        return sheet(g.reshape(-1, *g.shape[2:]), g.shape[1] if g.shape[1] > 1 else int(np.ceil(np.sqrt(len(g)))))
    rows = g.reshape(len(g), -1) if g.ndim else g.reshape(1, 1)
    if tile is None or not tiled(g, tile):
        return rows
    return sheet(rows.reshape(-1, *tile), int(np.ceil(np.sqrt(len(rows)))))


def sheet(images: Array, across: int) -> Array:
    """Images (n, height, width) beside and below each other, `across` in a row, with NaN between."""
    n, height, width = images.shape
    down = -(-n // across)
    found = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan, images.dtype)
    for i, image in enumerate(images):
        y, x = divmod(i, across)
        found[y * (height + 1) :, x * (width + 1) :][:height, :width] = image
    return found
