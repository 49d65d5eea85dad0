"""A network as introductions draw it: columns of neurons, a line for each weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import whole
from ..core import Array
from ..nn import Module
from ..words import brief
from .activations import activations, linear_layers
from .canvas import NEGATIVE, POSITIVE, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def network(
    model: Module, example: Any = None, *, most: int = 16, labels: Any = None, axes: Axes | None = None
) -> Axes:
    """The network as columns of neurons, as introductions draw it; returns the axes it is drawn in.

    Every Linear layer of the model is drawn between two columns, a line for each weight: blue if it is positive, orange
    if it is negative, the stronger the larger it is beside the largest of its layer. Of a column with more than `most`
    neurons the first and the last are drawn, with ⋮ between. `example`, one input, fills each neuron with its
    activation: white for the smallest of its column (or 0), black for the largest (or 1). `labels` are written beside
    the outputs.

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
    for n, layer in zip(sizes[1:], layers[1:], strict=False):
        if layer.weight.shape[1] != n:
            raise ValueError(f"{layer!r} comes after a layer of {n} neurons: only layers one after the other are drawn")
    whole("most", most, 2)
    if labels is not None and len(labels) < sizes[-1]:
        raise ValueError(f"labels are {sizes[-1]}, one for each output; got {len(labels)}")
    fills = activations(model, example) if example is not None else None
    axes = axes or new_axes(2.2 + 2.2 * len(sizes), 6.5)

    columns = [drawn_neurons(n, most) for n in sizes]
    for i, layer in enumerate(layers):
        draw_weights(axes, i, layer.weight.data, columns[i], columns[i + 1])
    for i, (shown, n) in enumerate(zip(columns, sizes, strict=True)):
        for neuron, y in shown.items():
            shade = 0.0 if fills is None else float(fills[i][neuron])
            axes.plot(i, y, "o", markersize=12, mfc=f"{1 - shade:.3f}", mec="#444444", mew=1.0, zorder=3)
        if len(shown) < n:
            axes.text(i, 0.0, "⋮", ha="center", va="center", fontsize=14)
        axes.text(i, -0.62, f"{n:,}", ha="center", va="top", fontsize=10)
    for neuron, y in columns[-1].items() if labels is not None else ():
        axes.text(len(sizes) - 1 + 0.13, y, str(labels[neuron]), va="center", fontsize=10)
    told = "blue: positive weight, orange: negative, the stronger the larger"
    told += "; the darker a neuron, the more active" if fills is not None else ""
    axes.text(0, -0.72, told, ha="left", va="top", fontsize=9, color="#444444")
    axes.set(xlim=(-0.3, len(sizes) - 0.6), ylim=(-0.8, 0.6))
    axes.set_axis_off()
    return axes


def drawn_neurons(n: int, most: int) -> dict[int, float]:
    """The neurons of a column that are drawn, each with its height: all, or the first and the last."""
    if n <= most:
        return {i: (n - 1) / 2 / most - i / most for i in range(n)}
    half = most // 2
    heights = np.linspace(0.5, -0.5, 2 * half + 1)  # the place in the middle is left for ⋮
    top = {i: float(heights[i]) for i in range(half)}
    return top | {n - half + i: float(heights[half + 1 + i]) for i in range(half)}


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
