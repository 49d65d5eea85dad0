"""A network as introductions draw it: columns of neurons, a line for each weight."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import whole
from ..core import Array
from ..core import numbers as plain
from ..nn import Linear, Module
from ..words import brief
from .activations import activations, linear_layers
from .canvas import NEGATIVE, POSITIVE, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WRITTEN = 40  # weights that are written beside their lines, if there are no more
PICTURE = 64  # pixels an input has at least to be taken for an image


def network(
    model: Module,
    example: Any = None,
    *,
    most: int = 16,
    labels: Any = None,
    numbers: bool | None = None,
    image: tuple[int, int] | bool | None = None,
    axes: Axes | None = None,
) -> Axes:
    """The network as columns of neurons, as introductions draw it; returns the axes it is drawn in.

    Every Linear layer of the model is drawn between two columns, a line for each weight: blue if it is positive, orange
    if it is negative, the stronger the larger it is beside the largest of its layer. Of a column with more than `most`
    neurons the first and the last are drawn, with ⋮ between. `example`, one input, fills each neuron with its
    activation: white for the smallest of its column (or 0), black for the largest (or 1). `labels` are written beside
    the outputs.

    numbers: whether weights are written on their lines, biases beside their neurons; by default where they are few.
    image: the height and width of an example that is drawn as an image beside the inputs; by default one of 64 or more
        numbers is, if they make a square. False draws none.

    Raises ValueError for a model without Linear layers that follow each other, or an example that does not fit.

    >>> from microgradnet import nn, plots
    >>> axes = plots.network(nn.MLP(784, [16, 16, 10], seed=0))
    >>> axes.figure.savefig("network.png")  # doctest: +SKIP
    """
    if not isinstance(model, Module):
        raise TypeError(f"network draws a Module; got {brief(model)}. mg.draw shows Values")
    layers = linear_layers(model)
    if not layers:
        raise ValueError(f"{type(model).__name__} has no Linear layer: there are no columns of neurons to draw")
    sizes = [layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers)]
    for before, layer in pairwise(layers):
        n = before.weight.shape[0]
        if layer.weight.shape[1] != n:
            raise ValueError(f"{layer!r} comes after a layer of {n} neurons: only layers one after the other are drawn")
    whole("most", most, 2)
    if labels is not None and len(labels) < sizes[-1]:
        raise ValueError(f"labels are {sizes[-1]}, one for each output; got {len(labels)}")
    sides = sides_of(image, sizes[0]) if example is not None else None
    fills = activations(model, example) if example is not None else None
    tallest = max(min(n, most) for n in sizes)
    axes = axes or new_axes(2.2 + 2.2 * len(sizes), max(2.6, min(6.5, 1.6 + 0.9 * tallest)))
    if numbers is None:
        numbers = sum(layer.weight.data.size for layer in layers) <= WRITTEN

    columns = [drawn_neurons(n, most, tallest) for n in sizes]
    for i, layer in enumerate(layers):
        draw_weights(axes, i, layer.weight.data, columns[i], columns[i + 1])
        if numbers:
            write_numbers(axes, i, layer, columns[i], columns[i + 1])
    for i, (shown, n) in enumerate(zip(columns, sizes, strict=True)):
        for neuron, y in shown.items():
            shade = 0.0 if fills is None else float(fills[i][neuron])
            axes.plot(i, y, "o", markersize=12, mfc=f"{1 - shade:.3f}", mec="#444444", zorder=3)
        if len(shown) < n:
            axes.text(i, 0.0, "⋮", ha="center", va="center", fontsize=14)
        axes.text(i, -0.62, f"{n:,}", ha="center", va="top", fontsize=10)
    for neuron, y in columns[-1].items() if labels is not None else ():
        axes.text(len(sizes) - 1 + 0.13, y, str(labels[neuron]), va="center", fontsize=10)
    told = "blue: positive weight, orange: negative, the stronger the larger"
    told += "; the fuller a neuron, the more active" if fills is not None else ""
    left = -0.3 if sides is None else -1.0
    axes.text(max(left, -0.3), -0.72, told, va="top", fontsize=9, color="#444444")
    axes.set(xlim=(left, len(sizes) - 0.6), ylim=(-0.8, 0.6))
    axes.set_axis_off()
    if sides is not None:
        draw_image(axes, np.reshape(plain(example), sides))
    return axes


def sides_of(image: Any, n: int) -> tuple[int, int] | None:
    """The height and width of an input as an image; None if it is none. ValueError for what does not fit."""
    side = math.isqrt(n)
    if image is None:
        return (side, side) if n >= PICTURE and side * side == n else None
    if image is False:
        return None
    if image is True:
        image = (side, side)
    if not isinstance(image, tuple) or len(image) != 2 or math.prod(image) != n:
        raise ValueError(f"image={image!r}: an input has {n} numbers; wanted (height, width) with as many, or False")
    return image[0], image[1]


def draw_image(axes: Axes, picture: Array) -> None:
    """An example beside the column of inputs."""
    inset = axes.inset_axes((-0.95, -0.3, 0.6, 0.6), transform=axes.transData)
    inset.imshow(picture, cmap="gray_r")
    inset.set(xticks=[], yticks=[])


def write_numbers(axes: Axes, i: int, layer: Linear, left: dict[int, float], right: dict[int, float]) -> None:
    """Each weight on its line, at another place for each neuron that it leads to, so that none lies on another; each
    bias below its neuron."""
    boxed = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.85}
    for k, (m, z) in enumerate(right.items()):
        at = 0.25 + 0.5 * (k + 0.5) / len(right)
        for n, y in left.items():
            w = layer.weight.data[m, n]
            axes.text(i + at, y + at * (z - y), f"{w:.2f}", fontsize=7, ha="center", va="center", bbox=boxed,
                      color=POSITIVE if w > 0 else NEGATIVE, zorder=4)  # fmt: skip
        if layer.bias is not None:
            axes.text(i + 1, z - 0.055, f"{layer.bias.data[m]:+.2f}", fontsize=7, ha="center", va="top", zorder=4)


def drawn_neurons(n: int, most: int, tallest: int | None = None) -> dict[int, float]:
    """The neurons of a column that are drawn, each with its height: all, or the first and the last.

    The tallest column fills the frame.
    """
    if n <= most:
        apart = 1 / max((tallest or most) - 1, 1)
        return {i: ((n - 1) / 2 - i) * apart for i in range(n)}
    half = most // 2
    heights = np.linspace(0.5, -0.5, 2 * half + 1)  # the place in the middle is left for ⋮
    top = {i: float(heights[i]) for i in range(half)}
    return {**top, **{n - half + i: float(heights[half + 1 + i]) for i in range(half)}}


def draw_weights(axes: Axes, i: int, weight: Array, left: dict[int, float], right: dict[int, float]) -> None:
    """The lines between column i and the next; the weakest first, so that the strongest are on top."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb

    largest = float(np.max(np.abs(weight[list(right)][:, list(left)]), initial=0.0)) or 1.0
    lines = [(float(weight[m, n]) / largest, left[n], right[m]) for n in left for m in right]
    lines.sort(key=lambda line: abs(line[0]))
    axes.add_collection(
        LineCollection(
            [[(i, y), (i + 1, z)] for _, y, z in lines],
            colors=[(*to_rgb(POSITIVE if w > 0 else NEGATIVE), 0.08 + 0.92 * abs(w)) for w, _, _ in lines],
            linewidths=[0.3 + 1.7 * abs(w) for w, _, _ in lines],
        )
    )
