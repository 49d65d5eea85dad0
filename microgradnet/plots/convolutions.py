"""What a convolution looks for, and where it finds it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Array, Value, history, numbers, recording
from ..nn import Conv2d, Module
from ..words import brief
from .canvas import new_figure, signed
from .gradients import sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def filters(model: Module) -> Figure:
    """The windows of each Conv2d layer as images, a row for each output channel; returns the figure.

    Blue weighs what it sees, orange weighs against it, white is 0; full colour is the largest weight of its layer.
    Raises ValueError for a model without a Conv2d layer.

    >>> from microgradnet import nn, plots
    >>> plots.filters(nn.Conv2d(1, 8, 3, seed=0)).savefig("filters.png")  # doctest: +SKIP
    """
    layers = convolutions(model)
    figure = new_figure(3.6 * len(layers), 4.2)
    for axes, (name, layer) in zip(figure.subplots(1, len(layers), squeeze=False)[0], layers, strict=True):
        weight = layer.weight.data
        alone = weight.shape[1] == 1
        across = int(np.ceil(np.sqrt(len(weight)))) if alone else weight.shape[1]
        most = float(np.abs(weight).max(initial=0.0)) or 1.0
        image = sheet(weight.reshape(-1, *weight.shape[2:]), across)
        axes.imshow(image, **signed(most), interpolation="nearest")
        axes.set(xticks=[], yticks=[], title=f"{name or 'windows'}: up to ±{most:.3g}")
        axes.set(xlabel="a window each" if alone else "input channels", ylabel="" if alone else "output channels")
    return figure


def feature_maps(model: Module, example: Any) -> Figure:
    """What each channel of each Conv2d layer makes of one image, (height, width) or (channels, height, width).

    Before the activation: blue where it found what it looks for, orange where it found the contrary. Returns the
    figure. Raises ValueError for a model without a Conv2d layer, or an example that does not fit.

    >>> from microgradnet import nn, plots
    >>> figure = plots.feature_maps(nn.Conv2d(1, 4, 3, seed=0), np.eye(8))
    >>> figure.savefig("maps.png")  # doctest: +SKIP
    """
    layers = convolutions(model)
    given = np.asarray(numbers(example))
    picture = given[None] if given.ndim == 2 else given
    if picture.ndim != 3:
        raise ValueError(
            f"feature_maps wants one image, (height, width) or (channels, height, width); got {given.shape}"
        )
    found = maps_of(model, picture)
    figure = new_figure(2.6 + 3.4 * len(layers), 3.8)
    first, *others = figure.subplots(1, 1 + len(layers), width_ratios=[0.7, *[1.0] * len(layers)])
    first.imshow(picture.mean(axis=0), cmap="gray_r")
    first.set(xticks=[], yticks=[], title="what it sees")
    for axes, (name, layer) in zip(others, layers, strict=True):
        maps = found[layer.weight]
        most = np.abs(maps).max(initial=0.0) or 1.0
        axes.imshow(sheet(maps, int(np.ceil(np.sqrt(len(maps))))), **signed(most))
        axes.set(xticks=[], yticks=[], title=f"{name or 'maps'}: {len(maps)} of {maps.shape[1]}×{maps.shape[2]}")
    return figure


def convolutions(model: Module) -> list[tuple[str, Conv2d]]:
    """The Conv2d layers in a model, with their paths."""
    if not isinstance(model, Module):
        raise TypeError(f"wanted a Module with Conv2d layers; got {brief(model)}")
    found = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, Conv2d)]
    if not found:
        raise ValueError(f"{type(model).__name__} has no Conv2d layer")
    return found


def maps_of(model: Module, picture: Array) -> dict[Value, Array]:
    """The maps (channels, height, width) that each layer's weight gave, of a copy of the model."""
    twin = copy.deepcopy(model).unfreeze().eval()
    weights = {
        id(new.weight): old.weight for (_, old), (_, new) in zip(convolutions(model), convolutions(twin), strict=True)
    }
    with recording():
        out = twin(picture[None].astype(next(iter(weights.values())).dtype))
    if not isinstance(out, Value):
        raise ValueError(f"{type(model).__name__} returned {brief(out)}; its maps are read from what it records")
    found = {}
    for node in history(out):
        for x in node.args if node.op is not None and node.op.name == "conv2d" else ():
            if id(x) in weights:
                found[weights[id(x)]] = numbers(node)[0]
    if missing := [weight for weight in weights.values() if weight not in found]:
        raise ValueError(f"a convolution of {missing[0].shape} did not take part: its maps cannot be drawn")
    return found
