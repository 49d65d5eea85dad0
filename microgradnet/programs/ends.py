"""What runs last of all in a program: calls whose result goes straight to where it is stored, and what they wait for.

`w - change` is written over w, and what is long and goes into the change is computed right before, a block of rows at
a time: so no array is needed for the change, nor for what an optimiser keeps and writes back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .joined import LONGEST
from .nodes import DataOf, Memory, Node, varies
from .passes import is_new
from .program import Program

SHORT = 1024  # numbers, of which a call takes longer than the arithmetic


def in_place_ends(
    program: Program, may_be_put_off: Callable[[Node], bool]
) -> tuple[dict[Node, Node], dict[Node, list[Node]]]:
    """The calls whose result goes straight to where it is stored, each with the load of that place; and their tails.

    The tail of such a call is those on long arrays that nothing else needs: they run right before it, in their order.
    What one of a tail makes may be stored too, as the state of an optimiser is: then it is an end as well.

    All these run last. So they read of what is written last only what they write themselves, before they do.
    """
    barrier = max((i + 1 for i, node in enumerate(program.nodes) if node.kind == "barrier"), default=0)
    nodes = program.nodes[barrier:]
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for x in node.inputs():
            readers.setdefault(x, []).append(node)
    places = {node.place for node in nodes if node.kind == "store"}
    returned = {y for x in program.returned() for y in (x, *x.inputs())}
    stored = {x: load for x, load in stored_over(nodes).items() if x not in returned and load not in returned}
    ends = {x: load for x, load in stored.items() if len(readers[x]) == 1}
    states = {x: load for x, load in stored.items() if isinstance(load.place, Memory) and may_be_put_off(x)}
    sizes = {x: math.prod(x.shape or ()) for x in ends}
    few = sum(sizes.values()) <= LONGEST  # what they wait for may be one call on all of them
    tails = {
        x: [] if few or size <= SHORT else tail_of(x, nodes, readers, states, may_be_put_off)
        for x, size in sizes.items()
    }
    own = {x: {y: stored[y] for y in (*tails[x], x) if y in stored} for x in ends}
    lying_in = places_of(nodes, {load for load in loads_of(nodes).values() if load.place in places})
    for x, load in list(ends.items()):
        if not is_in_order([*tails[x], x], own[x], lying_in):
            tails[x] = []
        if not is_in_order([x], {x: load}, lying_in):
            del ends[x], tails[x]
    return ends | {y: stored[y] for tail in tails.values() for y in tail if y in stored}, tails


def stored_over(nodes: list[Node]) -> dict[Node, Node]:
    """The calls whose result is copied to a place that is an array, each with the load of that place.

    Not those before these nodes: a barrier may have written what they read.
    """
    here, loads = set(nodes), loads_of(nodes)
    found: dict[Node, Node] = {}
    for node in nodes:
        x = node.args[0] if node.kind == "store" and type(node.args[0]) is Node else None
        load = loads.get(node.place)
        if x not in here or load is None or not isinstance(node.place, (DataOf, Memory)) or node.params["fresh"]:
            continue
        if (x.shape, x.dtype) == (load.shape, load.dtype) and bool(x.shape) and is_ufunc(x):
            found[x] = load
    return found


def loads_of(nodes: list[Node]) -> dict[Any, Node]:
    """For each place the node that is what is there."""
    return {node.place: node for node in nodes if node.kind == "load"}


def is_ufunc(node: Node) -> bool:
    """Whether a node calls a ufunc, into any memory."""
    is_call = node.kind == "call" and isinstance(node.op.key if node.op is not None else node.function, np.ufunc)
    return is_call and not varies(node)


def tail_of(
    end: Node,
    nodes: list[Node],
    readers: dict[Node, list[Node]],
    states: dict[Node, Node],
    may: Callable[[Node], bool],
) -> list[Node]:
    """The calls of the same shape as an end that only the end and these themselves read, or a store of their result."""
    taken = {end}
    for node in reversed(nodes):
        if node.shape != end.shape or not may(node) or node in taken:
            continue
        others = [x for x in readers.get(node, ()) if x not in taken]
        is_stored = len(others) == 1 and others[0].kind == "store" and node in states
        if len(readers.get(node, ())) > len(others) and (not others or is_stored):
            taken.add(node)
    return [x for x in nodes if x in taken and x is not end]


def places_of(nodes: list[Node], written: set[Node]) -> dict[Node, set[Node]]:
    """For each node in what of `written` it may lie. What is made of several arrays is new, except by a user's row."""
    found: dict[Node, set[Node]] = {}
    for node in nodes:
        arrays = {x for x in node.inputs() if x.shape}
        if node in written:
            found[node] = {node}
        elif not is_new(node) and (len(arrays) == 1 or getattr(node.op, "home", None) is not None):
            found[node] = set().union(*(found.get(x, set()) for x in arrays))
    return found


def is_in_order(calls: list[Node], targets: dict[Node, Node], lying_in: dict[Node, set[Node]]) -> bool:
    """Whether these calls read of what is written last only their own, as it is, and before it is written."""
    over: set[Node] = set()
    for node in calls:
        for x in node.inputs():
            if lying_in.get(x) and (x not in targets.values() or x in over):
                return False
        if node in targets:
            over.add(targets[node])
    return True
