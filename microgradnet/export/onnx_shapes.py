"""Rows that move elements, as nodes of ONNX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import TABLE
from ..ops import moves
from .graph import Node, Size, has_size, move_of
from .onnx_nodes import END, Nodes, count_of
from .onnx_rows import Unwritten, alike, axes_of, row


@row(np.reshape, np.expand_dims, np.squeeze)
def reshape(b: Nodes, node: Node, x: str) -> str:
    return b.reshaped(x, node.shape)


@row(np.transpose)
def transpose(b: Nodes, node: Node, x: str) -> str:
    axes = node.params.get("axes")
    order = range(node.ndim)[::-1] if axes is None else [int(i) % node.ndim for i in np.atleast_1d(axes)]
    return b("Transpose", x, perm=list(order)) if node.ndim else b("Identity", x)


@row(np.swapaxes)
def swapaxes(b: Nodes, node: Node, x: str) -> str:
    order = list(range(node.ndim))
    i, j = node.params["axis1"], node.params["axis2"]
    order[i], order[j] = order[j], order[i]
    return b("Transpose", x, perm=order)


@row(np.broadcast_to)
def broadcast_to(b: Nodes, node: Node, x: str) -> str:
    return b("Expand", x, b.sizes(node.shape))


@row("spread")
def spread(b: Nodes, node: Node, x: str) -> str:
    axis = node.params.get("axis")
    if not node.params.get("keepdims") and axis is not None:
        axes = axes_of(axis, node.ndim)
        x = b.reshaped(x, [1 if i in axes else n for i, n in enumerate(node.shape)])
    return b("Expand", x, b.sizes(node.shape))


@row(np.concatenate)
def concatenate(b: Nodes, node: Node, *args: str) -> str:
    axis, args = node.params.get("axis", 0), tuple(alike(b, node, args))
    if axis is None:
        args, axis = tuple(b("Reshape", x, [-1]) for x in args), 0
    return b("Concat", *args, axis=int(axis))


@row(np.stack)
def stack(b: Nodes, node: Node, *args: str) -> str:
    axis = int(node.params.get("axis", 0)) % node.ndim
    return b("Concat", *(b("Unsqueeze", x, [axis]) for x in alike(b, node, args)), axis=axis)


@row("take")
def take(b: Nodes, node: Node, x: str, *arrays: str) -> str:
    """Slices first, then the arrays of indices; numbers are slices of length 1 whose axis the last reshape drops."""
    index, source = list(node.params["index"]), node.args[0]
    plain_ints = [i for i, item in enumerate(index) if isinstance(item, (int, np.integer, Size))]
    slots = [i for i, item in enumerate(index) if not isinstance(item, (int, np.integer, Size, slice, type(None)))
             and item is not ...]  # fmt: skip
    held = node.args[1:]
    if any(array.dtype.kind == "b" and (array.varies or array.ndim != 1) for array in held):
        raise Unwritten("a mask selects as many elements as it says, which the file cannot know; np.where keeps all")
    advanced = sorted(plain_ints + slots) if slots else []
    if advanced and advanced != list(range(advanced[0], advanced[-1] + 1)):
        raise Unwritten("arrays of indices stand on both sides of a slice")
    used = sum(item is not None and item is not ... for item in index)
    axis, cuts, places = 0, [], []
    for i, item in enumerate(index):
        if item is None:
            continue
        if item is ...:
            axis += source.ndim - used
            continue
        if i in slots:
            places.append(axis)
        elif isinstance(item, slice):
            step = 1 if item.step is None else int(item.step)
            start = item.start if item.start is not None else (0 if step > 0 else END)
            stop = item.stop if item.stop is not None else (END if step > 0 else -END)
            if (start, stop, step) != (0, END, 1):
                cuts.append((axis, start, stop, step))
        else:
            stop = Size(item.per, item.plus + 1) if isinstance(item, Size) else END if item == -1 else int(item) + 1
            cuts.append((axis, item, stop, 1))
        axis += 1
    if cuts:
        axes, starts, stops, steps = zip(*cuts, strict=True)
        x = b("Slice", x, b.sizes(starts), b.sizes(stops), axes, steps)
    if len(places) == 1:
        which = b.array(np.flatnonzero(held[0].data)) if held[0].dtype.kind == "b" else arrays[0]
        x = b("Gather", x, which, axis=places[0])
    elif places:
        x = gathered(b, x, node, places)
    return b.reshaped(x, node.shape) if plain_ints or None in index or len(places) > 1 else x


def gathered(b: Nodes, x: str, node: Node, places: list[int]) -> str:
    """Several arrays of indices as one, of the axes they are about taken as one."""
    source, held = node.args[0].shape, node.args[1:]
    lengths = [source[axis] for axis in places]
    if any(array.varies or array.dtype.kind == "b" for array in held) or has_size(tuple(lengths)):
        raise Unwritten("several arrays of indices, not all of them constants")
    flat = np.ravel_multi_index(
        [array.data % n for array, n in zip(held, lengths, strict=True)] if held else [], lengths
    )
    joined = [*source[: places[0]], math.prod(lengths), *source[places[-1] + 1 :]]
    if len(node.params["index"]) != len(places) or places[0]:
        raise Unwritten("several arrays of indices beside slices")
    return b("Gather", b.reshaped(x, joined), flat, axis=places[0])


def moved(b: Nodes, node: Node, x: str, batch: int) -> str:
    """A row that moves elements: for each of the result, the place of what goes there."""
    found = move_of(node, batch)
    if found is None:
        raise Unwritten("it does not do with every example the same")
    into, out, places = found
    source = node.args[0]
    (x,) = alike(b, node, (x,))
    if into < 0:
        flat = b("Reshape", x, [1, -1])
        rest: list[Any] = list(node.shape)
        full = [1, *rest]
    else:
        order = [into, *(i for i in range(source.ndim) if i != into)]
        flat = b.reshaped(
            b("Transpose", x, perm=order), [source.shape[into], count_of([source.shape[i] for i in order[1:]])]
        )
        rest = [n for i, n in enumerate(node.shape) if i != out]
        full = [node.shape[out], *rest]
    if (places == 0).any():
        zeros = b("Mul", b("Slice", flat, [0], [1], [1]), 0.0)
        zeros = b("Where", b("Equal", zeros, 0.0), zeros, 0.0)  # 0 times an infinite number is none
        flat = b("Concat", zeros, flat, axis=1)
    else:
        places = places - 1
    result = b.reshaped(b("Gather", flat, places.reshape(-1), axis=1), full)
    if into < 0:
        return b.reshaped(result, node.shape)
    back = [*range(1, out + 1), 0, *range(out + 1, node.ndim)]
    return b("Transpose", result, perm=back)


MOVES = {
    key
    for key, row in TABLE.items()
    if getattr(row.forward, "__module__", None) == moves.__name__ and len(row.rules) == 1
}


@row("scatter")
def scatter(b: Nodes, node: Node, x: str, *arrays: str, batch: int = 0) -> str:
    raise Unwritten("arrays of indices say where it adds")
