"""Which results are views: of memory that is the same in every run they are made once, before the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from .nodes import Node, nodes_in
from .scalars.gathers import VIEWS

ROWS = {"take", "reshape", "transpose", "swapaxes", "expand_dims", "squeeze", "broadcast_to"}


def view_of(node: Node, array: Any) -> Any:
    """The view that a node is of `array`, its first argument; None if it is none, or of something else."""
    if type(array) is not np.ndarray or not is_viewing(node):
        return None
    view = node.function(array, *node.args[1:], **node.params)
    return view if type(view) is np.ndarray and np.may_share_memory(view, array) else None


def is_viewing(node: Node) -> bool:
    """Whether a node looks at its first argument, most often in its own memory, and at nothing else that varies."""
    is_row = node.op is not None and node.function is node.op.forward and node.op.name in ROWS
    return (is_row or node.function in VIEWS) and not any(nodes_in((*node.args[1:], *node.params.values())))


def is_in_place(node: Node) -> bool:
    """Whether what looks at an array in rows has all of its numbers, each where it is: not `x[::-1]` or `x[[1, 0]]`."""
    x = np.empty(node.args[0].shape or (), np.bool)
    view = node.function(x, *node.args[1:], **node.params)
    alike = type(view) is np.ndarray and view.size == x.size and view.flags.c_contiguous
    return bool(alike and view.ctypes.data == x.ctypes.data)
