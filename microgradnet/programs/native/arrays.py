"""Where the numbers of nodes lie: in whose memory, how far from its beginning, with which strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.conversion import address
from ..nodes import Node, changed
from ..scalars.gathers import picked
from .lowering import key_of


class Arrays:
    """Of each node the root, a node or a constant whose memory it lies in, and an array of its shape and strides.

    Such an array stands for the real one; nobody reads or writes it.
    """

    def __init__(self) -> None:
        self.root: dict[int, Any] = {}
        self.array: dict[int, np.ndarray] = {}
        self.constants: dict[int, Any] = {}

    def of(self, x: Any) -> np.ndarray:
        """What stands for a node or a constant array."""
        if id(x) not in self.array:
            self.array[id(x)], self.root[id(x)] = x, x
            self.constants[id(x)] = x
        return self.array[id(x)]

    def make(self, node: Node) -> None:
        """A root: numbers in memory of their own."""
        shape, order = node.shape or (), node.layout
        if len(order) != len(shape):
            order = tuple(range(len(shape)))
        empty = np.empty([shape[axis] for axis in order], node.dtype)
        self.array[id(node)] = empty.transpose([order.index(axis) for axis in range(len(order))])
        self.root[id(node)] = node

    def view(self, node: Node) -> bool:
        """A node that is another one looked at otherwise; False if that takes a copy."""
        (x,) = node.inputs()
        seen = viewed(node, self.of(x))
        if seen is None or seen.shape != node.shape:
            return False
        self.array[id(node)], self.root[id(node)] = seen, self.root[id(x)]
        return True

    def is_whole(self, x: Any, shape: tuple[int, ...]) -> bool:
        """Whether an array is all of its root, element by element in the order of a loop of this shape."""
        seen, root = self.of(x), self.of(self.root[id(x)])
        return seen.shape == root.shape == shape and seen.strides == root.strides and address(seen) == address(root)

    def offset(self, x: Any) -> int:
        """How many elements behind the beginning of its root an array begins."""
        begin, root = self.of(x), self.of(self.root[id(x)])
        return (address(begin) - address(root)) // begin.itemsize


def viewed(node: Node, x: np.ndarray) -> np.ndarray | None:
    """What a node makes of an array, as a view of it; None if it would copy."""
    name = key_of(node)
    args = changed(node.args, lambda part: x if type(part) is Node else part)
    if name == "reshape" or node.function is np.reshape:
        seen = x.reshape(node.shape or ())
        return seen if np.may_share_memory(seen, x) else None
    if name == "spread":
        shape, axis = node.params["shape"], node.params.get("axis")
        if axis is not None and not node.params.get("keepdims"):
            axes = {i % max(len(shape), 1) for i in (axis if isinstance(axis, tuple) else (axis,))}
            x = x.reshape([1 if i in axes else n for i, n in enumerate(shape)])
        return np.broadcast_to(x, shape)
    if name is picked:
        return x[node.args[1] :][:1].reshape(())
    if name == "take":
        index = tuple(slice(i, i + 1 or None) if type(i) is int else i for i in node.params["index"])
        seen = x[index]
        return seen.reshape(node.shape or ())
    seen = node.function(*args, **node.params)
    return seen if isinstance(seen, np.ndarray) and np.may_share_memory(seen, x) else None
