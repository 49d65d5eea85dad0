"""How active each neuron of a network is for one input, read from what a run of it records."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..core import Array, Value, history, numbers, recording
from ..nn import Linear, Module
from ..words import brief


def linear_layers(model: Module) -> list[Linear]:
    """The Linear layers in a model, in the order of its attributes."""
    return [module for module in model.modules() if isinstance(module, Linear)]


def activations(model: Module, example: Any) -> list[Array]:
    """What each column of neurons holds for one input, from 0 to 1; of a copy, so that the model stays as it is."""
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
    for node in history(out):
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
