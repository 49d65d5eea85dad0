"""Pictures of networks and trainings with matplotlib (extra `plots`).

Each draws into the axes it is given, or into new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import engine
from .engine import Array, Value, numbers, recording
from .nn import Linear, Module
from .words import brief

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSITIVE, NEGATIVE = "#2b6cb0", "#c05621"  # blue and orange: told apart by nearly all eyes


def new_axes(width: float, height: float) -> Axes:
    """Axes in a figure of this size in inches. `axes.figure.savefig(path)` saves it; a notebook shows it."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("plots need matplotlib: pip install matplotlib", name="matplotlib") from None
    axes: Axes = Figure(figsize=(width, height), layout="constrained").subplots()
    return axes


def history(history: dict[str, Any], *, axes: Axes | None = None) -> Axes:
    """The columns of a history of `fit` by epoch: costs solid, metrics broken, on a scale of their own at the right.

    What was measured while training is blue, on examples held out orange. Returns the axes of the costs.

    >>> from microgradnet import plots
    >>> axes = plots.history({"epoch": [1, 2], "cost": [0.9, 0.5], "accuracy": [0.3, 0.7], "seconds": [0.1, 0.1]})
    >>> axes.figure.savefig("history.png")  # doctest: +SKIP
    """
    axes = axes or new_axes(6.5, 4.0)
    measured = [name.removeprefix("val_") for name in history if name not in ("epoch", "seconds", "stopped")]
    metrics = [name for name in dict.fromkeys(measured) if name != "cost"]
    right = axes.twinx() if metrics else axes
    styles = {"cost": "-", **{name: ("--", ":", "-.")[i % 3] for i, name in enumerate(metrics)}}
    lines = [
        (axes if what == "cost" else right).plot(history["epoch"], history[name], style, color=color, label=name)[0]
        for what, style in styles.items()
        for name, color in ((what, POSITIVE), (f"val_{what}", NEGATIVE))
        if name in history
    ]
    axes.set(xlabel="epoch", ylabel="cost")
    axes.locator_params(axis="x", integer=True)
    axes.legend(handles=lines, loc="center right")
    if metrics:
        right.set_ylabel(", ".join(metrics))
    return axes


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
    if isinstance(most, bool) or not isinstance(most, int) or most < 2:
        raise ValueError(f"most={most!r}: it is a whole number of at least 2")
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
    axes.set(xlim=(-0.3, len(sizes) - 0.6), ylim=(-0.72, 0.6))
    axes.set_axis_off()
    return axes


def linear_layers(model: Module) -> list[Linear]:
    """The Linear layers in a model, in the order of its attributes."""
    return [module for module in model.modules() if isinstance(module, Linear)]


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


def activations(model: Module, example: Any) -> list[Array]:
    """What each column of neurons holds for one input, from 0 to 1; of a copy, so that the model stays as it is."""
    import copy

    model = copy.deepcopy(model).unfreeze().eval()  # what is frozen has no history
    layers = linear_layers(model)
    given = np.asarray(numbers(example), dtype=layers[0].weight.dtype)
    if given.size != layers[0].weight.shape[1]:
        wanted = layers[0].weight.shape[1]
        raise ValueError(f"an example is one input of {wanted} numbers; got shape {given.shape}")
    with recording():
        out = model(given.reshape(1, -1))
    if not isinstance(out, Value):
        raise ValueError(f"{type(model).__name__} returned {brief(out)}; its activations are read from what it records")
    into = {}
    for node in engine.history(out):
        weight = node.args[1] if len(node.args) > 1 else None
        if node.op and node.op.name == "matmul" and isinstance(weight, Value) and weight.op:
            weight = weight.args[0]  # a layer without a bias: x @ weight.T
        if isinstance(weight, Value):
            into[weight] = numbers(node.args[0])
    missing = [layer for layer in layers if layer.weight not in into]
    if missing:
        raise ValueError(f"{missing[0]!r} did not take part: its activations cannot be drawn")
    columns = [np.ravel(into[layer.weight]) for layer in layers] + [np.ravel(out.data)]
    return [scaled(column) for column in columns]


def scaled(column: Array) -> Array:
    """From 0 to 1: as it is if it is that already, else by its smallest and largest. ValueError for NaN and Inf."""
    if not np.isfinite(column).all():
        raise ValueError("an activation is NaN or Inf, which no fill can show; mg.draw(model, x) says where it began")
    low, high = min(0.0, float(column.min())), max(1.0, float(column.max()))
    return np.asarray((column - low) / (high - low))
