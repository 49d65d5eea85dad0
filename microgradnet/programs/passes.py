"""What makes a program shorter without changing what it computes. Each pass takes nodes and returns nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .nodes import Node, changed, nodes_in

EFFECTS = ("store", "guard", "host")


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
    """With one node for all calls of the same function on the same arguments, and for all loads of the same place."""
    known: dict[Any, Node] = {}
    instead: dict[int, Node] = {}

    def renamed(x: Any) -> Any:
        return instead.get(id(x), x) if type(x) is Node else x

    kept = []
    for node in nodes:
        node.args, node.params = changed(node.args, renamed), changed(node.params, renamed)
        key = key_of(node)
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
    if node.kind == "guard":
        return "guard", node.function, hashable(node.args)
    if node.kind != "call":
        return None
    return node.function, hashable(node.args), hashable(node.params)


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
    """With all guards, and what they look at, before anything is done that could be seen from outside."""
    needed: set[int] = set()
    for node in reversed(nodes):
        if node.kind == "guard" or id(node) in needed:
            needed.add(id(node))
            needed.update(map(id, node.inputs()))
    late = after_hosts(nodes)
    first = [node for node in nodes if node.kind == "input" or (id(node) in needed and id(node) not in late)]
    early = set(map(id, first))
    return [*first, *(node for node in nodes if id(node) not in early)], result


def after_hosts(nodes: list[Node]) -> set[int]:
    """The ids of what is run at every step, and of all that depends on it."""
    late: set[int] = set()
    for node in nodes:
        if node.kind == "host" or (late and any(id(x) in late for x in node.inputs())):
            late.add(id(node))
    return late


def with_own_memory(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """With copies of what is returned or stored, where it may be a view of an argument, a parameter, a result."""
    instead: dict[int, Node] = {}

    def owned(x: Any) -> Any:
        if type(x) is not Node or not x.shape or is_new(x):
            return x
        if id(x) not in instead:
            instead[id(x)] = Node("call", copied, (x,), like=x, line=x.line)
            instead[id(x)].layout = x.layout
        return instead[id(x)]

    result = changed(result, owned)
    stores = [node for node in nodes if node.kind == "store"]
    for node in stores:
        node.args = changed(node.args, owned)
    return [*(node for node in nodes if node.kind != "store"), *instead.values(), *stores], result


def copied(x: Any) -> Any:
    """An array in memory of its own."""
    return x.copy()


def is_new(node: Node) -> bool:
    """Whether the result of a node surely is in memory of its own."""
    if node.kind != "call":
        return False
    function = node.op.key if node.op is not None else node.function
    return isinstance(function, np.ufunc) or function in (np.dot, np.sum, np.concatenate, np.stack, copied)


Pass = Callable[[list[Node], Any], tuple[list[Node], Any]]


def without_unchanged(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """Without stores of what was there before."""
    return [
        node
        for node in nodes
        if not (node.kind == "store" and type(node.args[0]) is Node and node.args[0].place == node.place)
    ], result
