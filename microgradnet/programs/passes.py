"""What makes a program shorter without changing what it computes. Each pass takes nodes and returns nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .lowering import summed
from .nodes import Node, changed, nodes_in, ufunc_of

EFFECTS = ("store", "guard", "check", "host", "barrier")


def without_dead(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """Without what nobody needs: neither the result, nor what is stored, nor a guard."""
    needed: set[int] = {id(node) for node in nodes_in(result)}
    kept = []
    for node in reversed(nodes):
        if node.kind in (*EFFECTS, "input") or id(node) in needed:
            needed.update(map(id, node.inputs()))
            kept.append(node)
    return kept[::-1], result


def without_repeats(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """With one node for all calls of the same function on the same arguments, and for all loads of the same place.

    Not across a barrier: what is loaded after it may be something else.
    """
    known: dict[Any, Node] = {}
    instead: dict[int, Node] = {}

    def renamed(x: Any) -> Any:
        return instead.get(id(x), x) if type(x) is Node else x

    kept = []
    for node in nodes:
        node.args, node.params = changed(node.args, renamed), changed(node.params, renamed)
        key = key_of(node)
        if node.kind == "barrier":
            known.clear()
        if key is not None:
            first = known.setdefault(key, node)
            if first is not node:
                instead[id(node)] = first
                continue
        kept.append(node)
    return kept, changed(result, renamed)


def key_of(node: Node) -> Any:
    """What two nodes share that compute the same; None for one that is always its own."""
    if node.kind == "load":
        return "load", node.place
    if node.kind in ("guard", "check"):
        return node.kind, node.function, hashable(node.args)
    if node.kind != "call":
        return None
    made = node.shape, node.dtype  # what native code makes of the same arguments may be of several shapes
    return ufunc_of(node) or node.function, made, hashable(node.args), hashable(node.params)


def hashable(x: Any) -> Any:
    """Arguments as what can be compared: numbers by their bits, other things by what they are."""
    if type(x) in (tuple, list):
        return type(x).__name__, *map(hashable, x)
    if type(x) is dict:
        return tuple((name, hashable(part)) for name, part in x.items())
    if type(x) is slice:
        return "slice", hashable((x.start, x.stop, x.step))
    if isinstance(x, (float, np.generic)):
        return type(x), np.asarray(x).tobytes()
    return (type(x), x) if isinstance(x, (int, str, bool, type(None))) else id(x)


def folded(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """With what is computed from plain numbers alone computed once. Arrays may be written by whoever holds them."""
    instead: dict[int, Any] = {}

    def renamed(x: Any) -> Any:
        return instead.get(id(x), x) if type(x) is Node else x

    kept = []
    for node in nodes:
        node.args, node.params = changed(node.args, renamed), changed(node.params, renamed)
        if node.kind == "call" and only_numbers((node.args, node.params)):
            value = node.function(*node.args, **node.params)
            if isinstance(value, (int, float, np.generic)):
                instead[id(node)] = value
                continue
        kept.append(node)
    return kept, changed(result, renamed)


def only_numbers(x: Any) -> bool:
    """Whether arguments hold plain numbers and nothing that could change."""
    if type(x) in (tuple, list):
        return all(map(only_numbers, x))
    if type(x) is dict:
        return all(map(only_numbers, x.values()))
    return isinstance(x, (int, float, str, np.generic, np.dtype, type, type(None)))


def with_guards_first(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """With all guards, and what they look at, before anything is done that could be seen from outside.

    A guard that looks at what is drawn or changed in the step itself cannot be first. It becomes a check, which ends
    the step with an error; of a place that the step has not written yet, it is also looked at first.
    """
    late = after_effects(nodes)
    made: list[Node] = []
    guards: list[Node] = []
    written: set[Any] = set()
    for node in nodes:
        if node.kind == "store":
            written.add(node.place)
        if node.kind == "guard" and id(node) in late:
            guards += looked_at_first(node, written)
            node.kind = "check"
        made.append(node)
    needed: set[int] = set()
    for node in reversed(made):
        if node.kind == "guard" or id(node) in needed:
            needed.add(id(node))
            needed.update(map(id, node.inputs()))
    first = [node for node in made if node.kind == "input" or id(node) in needed]
    early = set(map(id, first))
    return [*first, *guards, *(node for node in made if id(node) not in early)], result


def after_effects(nodes: list[Node]) -> set[int]:
    """The ids of the nodes that depend on a call of the host's, or on what is loaded after a barrier."""
    found: set[int] = set()
    passed = False
    for node in nodes:
        passed = passed or node.kind == "barrier"
        after = node.kind in ("host", "barrier") or (node.kind == "load" and passed)
        if after or any(id(x) in found for x in node.inputs()):
            found.add(id(node))
    return found


def looked_at_first(node: Node, written: set[Any]) -> list[Node]:
    """A guard, and the loads it looks at, to stand at the beginning; nothing if they are written or computed before."""
    if any(x.kind != "load" or x.place in written for x in node.inputs()):
        return []
    loads = {id(x): Node("load", like=x, place=x.place, line=x.line) for x in node.inputs()}
    args = changed(node.args, lambda x: loads[id(x)] if type(x) is Node else x)
    return [*loads.values(), Node("guard", node.function, args, node.params, held=node.held, line=node.line)]


def with_own_memory(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """With copies of what is returned or stored, where it may be a view of an argument, a parameter, a result.

    Also of what was made before a barrier and is read after it: the memory may have been written meanwhile.
    """
    instead: dict[int, Node] = {}
    made: list[Node] = []

    def owned(x: Any) -> Any:
        if type(x) is Node and x.shape is not None and id(x) in instead:
            return instead[id(x)]
        if type(x) is not Node or x.shape is None or is_new(x):
            return x
        instead[id(x)] = copy = Node("call", copied if x.shape else scalar, (x,), like=x, line=x.line)
        copy.layout = x.layout
        made.append(copy)
        return copy

    last = len(nodes)
    while last and nodes[last - 1].kind == "store":
        last -= 1
    barriers = [i for i, node in enumerate(nodes) if node.kind == "barrier"]
    across = read_across(nodes, barriers, result)
    for i, node in enumerate(nodes):
        if i == last:
            result = changed(result, owned)
        if node.kind == "barrier":
            for x in across[i]:
                owned(x)
        if node.kind == "store":
            node.args = changed(node.args, owned)
        elif instead:
            node.args, node.params = (changed(x, lambda x: instead.get(id(x), x)) for x in (node.args, node.params))
        made.append(node)
    if last == len(nodes):
        result = changed(result, owned)
    return made, result


def read_across(nodes: list[Node], barriers: list[int], result: Any) -> dict[int, list[Node]]:
    """For each barrier the nodes that are made before it, lie in memory of others, and are read after it."""
    place = {id(node): i for i, node in enumerate(nodes)}
    readers = {id(x): i for i, node in enumerate(nodes) for x in node.inputs()}
    readers.update((id(x), len(nodes)) for x in nodes_in(result))
    return {
        barrier: [
            node
            for node in nodes[:barrier]
            if node.shape and not is_new(node) and readers.get(id(node), place[id(node)]) > barrier
        ]
        for barrier in barriers
    }


def scalar(x: Any) -> Any:
    """The one number of an array without axes."""
    return x[()]


def copied(x: Any) -> Any:
    """An array in memory of its own, its axes in the same order."""
    return x.copy(order="K")


def in_order(x: Any) -> Any:
    """An array in memory of its own, its axes in order."""
    return x.copy()


NEW = (np.dot, np.sum, summed, np.concatenate, np.stack, copied, in_order, scalar)


def is_new(node: Node) -> bool:
    """Whether the result of a node surely is in memory of its own."""
    if node.kind != "call":
        return False
    function = node.op.key if node.op is not None else node.function
    return isinstance(function, np.ufunc) or function in NEW


Pass = Callable[[list[Node], Any], tuple[list[Node], Any]]


def without_unchanged(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """Without stores of what was there before."""
    kept: list[Node] = []
    loads: set[int] = set()  # since the last barrier
    for node in nodes:
        if node.kind == "barrier":
            loads.clear()
        if node.kind == "load":
            loads.add(id(node))
        if node.kind == "store" and id(node.args[0]) in loads and node.args[0].place == node.place:
            continue
        kept.append(node)
    return kept, result
