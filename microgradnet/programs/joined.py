"""Calls of one ufunc on many short arrays, made one call on all of them end to end.

`lr * g` for every parameter is the most of it, `a * (1 - a)` for every layer: of short arrays the call takes longer
than the arithmetic. What such a call takes is computed straight into the parts of one array, its results are the parts
of another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable
from typing import Any, NamedTuple

import numpy as np

from .nodes import Node, ufunc_of
from .views import is_in_place, is_viewing

LONGEST = 16384  # numbers, in all the arrays that are joined: from there on the arithmetic takes the time
FEW = 4096  # numbers, of calls on several arrays, or that are made earlier for it: what they take is held longer


class Joined(NamedTuple):
    """Calls that are made one, and from which nodes: `sources[i]` are the arrays that `members[i]` takes."""

    members: list[Node]
    sources: list[tuple[Node, ...]]

    def taken(self) -> list[tuple[Node, ...]]:
        """What lies end to end so that the one call can take it: for each array that it takes, the results in it."""
        return [tuple(map(root_of, column)) for column in zip(*self.sources, strict=True)]


def joined(
    nodes: list[Node], may_join: Callable[[Node, tuple[Node, ...]], bool], ends: Container[Node]
) -> tuple[list[Joined], list[Node]]:
    """The calls that can be made one, and the nodes in an order in which nobody reads one before the last of them.

    `may_join` says whether memory can be planned for a call and for what it takes; what is in `ends` runs last of all.
    """
    barrier = max((i + 1 for i, node in enumerate(nodes) if node.kind == "barrier"), default=0)
    before = set(nodes[:barrier])
    sources: dict[Node, tuple[Node, ...]] = {}
    kinds: dict[Node, Any] = {}  # the same for all calls that do the same to arrays
    for node in nodes[barrier:]:
        arrays = arrays_of(node)
        if arrays and before.isdisjoint(arrays) and may_join(node, arrays):
            taken = tuple(arrays.index(x) if x in arrays else known(x) for x in node.args)
            sources[node], kinds[node] = arrays, (ufunc_of(node), node.dtype, taken)
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        if node not in ends and node.kind != "store":
            for x in node.inputs():
                readers.setdefault(x, []).append(node)
    found: list[Joined] = []
    end_to_end: set[tuple[Node, ...]] = set()

    def join(calls: list[Node]) -> bool:
        nonlocal nodes
        calls = shortened(calls, len(sources[calls[0]]))
        group = Joined(calls, [sources[node] for node in calls])
        ordered = in_one_place(nodes, calls, readers) if len(calls) > 1 else None
        if ordered is None or not can_lie(group, end_to_end):
            return False
        nodes = ordered
        end_to_end.update([tuple(calls), *group.taken()])
        found.append(group)
        return True

    for calls in split(sources, kinds.__getitem__):
        if not join(calls):  # some of them wait for others, or have to lie elsewhere
            for part in split(calls, lambda node: tuple(kinds.get(x) for x in sources[node])):
                join(part)
    return found, nodes


def can_lie(group: Joined, end_to_end: set[tuple[Node, ...]]) -> bool:
    """Whether what a group takes and makes can lie end to end, beside what does so already."""
    placed = {node for nodes in end_to_end for node in nodes}
    new = [*group.members, *(node for nodes in group.taken() if nodes not in end_to_end for node in nodes)]
    return len(set(new)) == len(new) and placed.isdisjoint(new)


def split(nodes: Iterable[Node], key: Callable[[Node], Any]) -> list[list[Node]]:
    """Nodes with the same key, in their order."""
    parts: dict[Any, list[Node]] = {}
    for node in nodes:
        parts.setdefault(key(node), []).append(node)
    return list(parts.values())


def shortened(calls: list[Node], arrays: int) -> list[Node]:
    """As many of these calls, each on so many arrays, as together make no more numbers than are worth it."""
    kept, total = [], 0
    for node in calls:
        size = math.prod(node.shape or ())
        if total + size <= (LONGEST if arrays == 1 else FEW):
            kept.append(node)
            total += size
    return kept


def in_one_place(nodes: list[Node], calls: list[Node], readers: dict[Node, list[Node]]) -> list[Node] | None:
    """The nodes in an order in which nobody reads one of several calls before the last of them; None if there is none.

    They stay where they are, if that is so, or are put beside the first of them, if all that they take is there.
    """
    place = {node: i for i, node in enumerate(nodes)}
    first, last = place[calls[0]], place[calls[-1]]
    if all(place[x] > last for node in calls for x in readers.get(node, ())):
        return nodes
    size = sum(math.prod(node.shape or ()) for node in calls)
    if size > FEW or any(place[x] >= first for node in calls for x in node.inputs()):
        return None
    moved = set(calls)
    return [*nodes[:first], *calls, *(node for node in nodes[first:] if node not in moved)]


def arrays_of(node: Node) -> tuple[Node, ...]:
    """The arrays that a ufunc takes beside numbers, if all are of the shape and dtype of what it makes."""
    if node.kind != "call" or ufunc_of(node) is None or not in_rows(node):
        return ()
    plain = all(type(x) is Node or isinstance(x, (int, float, np.generic)) for x in node.args)
    arrays = tuple(dict.fromkeys(x for x in node.args if type(x) is Node and x.shape))
    fit = all(x.kind == "call" and (x.shape, x.dtype) == (node.shape, node.dtype) and in_rows(x) for x in arrays)
    return arrays if plain and fit else ()


def known(x: Any) -> Any:
    """A number as what can be compared."""
    return x if type(x) is Node else (type(x), np.asarray(x).tobytes())


def root_of(node: Node) -> Node:
    """What a node is a view of, of views of views too, if these have all of its numbers one after the other."""
    while is_viewing(node) and node.op is not None and node.op.name in ("take", "reshape", "expand_dims", "squeeze"):
        x = node.args[0]
        if type(x) is not Node or not in_rows(x) or not is_in_place(node):
            break
        node = x
    return node


def in_rows(node: Node) -> bool:
    """Whether the axes lie in memory in their order."""
    return node.layout == tuple(range(len(node.layout)))
