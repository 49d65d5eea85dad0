"""Calls of one ufunc on many short arrays, made one call on all of them end to end.

`lr * g` for every parameter is the most of it: of short arrays the call takes longer than the arithmetic. The arrays
that such a call takes are computed straight into the parts of one array, its results are the parts of another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from typing import Any, NamedTuple

import numpy as np

from .nodes import Node, ufunc_of
from .views import is_viewing

LONGEST = 16384  # numbers, in all the arrays that are joined: from there on the arithmetic takes the time


class Joined(NamedTuple):
    """Calls that are made one, and from which nodes: `sources[i]` is the array that `members[i]` takes."""

    members: list[Node]
    sources: list[Node]

    def sizes(self) -> list[int]:
        """How many numbers each has."""
        return [math.prod(node.shape or ()) for node in self.members]


def joined(nodes: list[Node], may_join: Callable[[Node, Node], bool], ends: Container[Node]) -> list[Joined]:
    """The calls that can be made one at the place of the last of them: until then nobody reads any of their results.

    `may_join` says whether memory can be planned for a call and for what it takes; what is in `ends` runs last of all.
    """
    place = {node: i for i, node in enumerate(nodes)}
    barrier = max((i for i, node in enumerate(nodes) if node.kind == "barrier"), default=-1)
    first_read: dict[Node, int] = {}
    for i, node in enumerate(nodes):
        for x in node.inputs():
            first_read.setdefault(x, len(nodes) if node in ends or node.kind == "store" else i)
    groups: dict[Any, Joined] = {}
    for node in nodes[barrier + 1 :]:
        source = only_array(node)
        if source is not None and place[source] > barrier and may_join(node, source):
            key = ufunc_of(node), node.dtype, tuple("source" if x is source else known(x) for x in node.args)
            group = groups.setdefault(key, Joined([], []))
            if sum(group.sizes()) + math.prod(node.shape or ()) <= LONGEST:
                group.members.append(node)
                group.sources.append(source)
    found = [group for group in groups.values() if len(group.members) > 1]
    return [x for x in found if all(first_read.get(node, len(nodes)) > place[x.members[-1]] for node in x.members)]


def only_array(node: Node) -> Node | None:
    """The array that a ufunc takes beside numbers, if it takes one and makes one of its shape and dtype."""
    if node.kind != "call" or ufunc_of(node) is None:
        return None
    arrays = [x for x in node.args if type(x) is Node and x.shape]
    plain = all(type(x) is Node or isinstance(x, (int, float, np.generic)) for x in node.args)
    if not plain or len(arrays) != 1:
        return None
    (x,) = arrays
    fits = x.kind == "call" and (x.shape, x.dtype) == (node.shape, node.dtype) and in_rows(x) and in_rows(node)
    return x if fits else None


def known(x: Any) -> Any:
    """A number as what can be compared."""
    return x if type(x) is Node else (type(x), np.asarray(x).tobytes())


def root_of(node: Node) -> Node:
    """What a node is a view of, of views of views too, if these have all of its numbers one after the other."""
    while is_viewing(node) and node.op is not None and node.op.name in ("take", "reshape", "expand_dims", "squeeze"):
        x = node.args[0]
        if math.prod(x.shape or ()) != math.prod(node.shape or ()) or not in_rows(x):
            break
        node = x
    return node


def in_rows(node: Node) -> bool:
    """Whether the axes lie in memory in their order."""
    return node.layout == tuple(range(len(node.layout)))
