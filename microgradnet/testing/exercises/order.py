"""An exercise in the order in which a backward pass goes through a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...words import brief, printable
from .marking import Exercise, Promise, Wrong


class Node:
    """A result in a graph: its name, and the `inputs` that it was computed from."""

    def __init__(self, name: str, *inputs: Node) -> None:
        self.name: str = name
        self.inputs: tuple[Node, ...] = inputs

    def __repr__(self) -> str:
        return printable(self.name)


def named(text: str) -> Node:
    """The last node of a graph, of lines such as "c: a b"."""
    nodes: dict[str, Node] = {}
    for line in text.split(","):
        name, _, inputs = line.strip().partition(":")
        nodes[name] = Node(name, *[nodes[x] for x in inputs.split()])
    return nodes[name]


def chain(n: int) -> Node:
    """A chain of n nodes."""
    node = Node("x0")
    for i in range(1, n):
        node = Node(f"x{i}", node)
    return node


def all_of(root: Node) -> dict[Node, list[Node]]:
    """Every node of a graph, and those that use it."""
    uses: dict[Node, list[Node]] = {root: []}
    left = [root]
    while left:
        node = left.pop()
        for x in node.inputs:
            if x not in uses:
                uses[x] = []
                left.append(x)
            uses[x].append(node)
    return uses


def right_for(make: Callable[[], Node]) -> Callable[[Any], None]:
    """Whether each node comes once, and after all that use it."""

    def is_right(answer: Any) -> None:
        root = make()
        if not callable(answer):
            raise Wrong(f"the answer is {brief(answer)}; wanted a function")
        try:
            given = answer(root)
        except RecursionError:
            raise Wrong(
                f"of {len(all_of(root)):,} nodes in a row it raises RecursionError",
                "a function that calls itself for each input goes only some 1,000 deep: keep a list of what is left",
            ) from None
        if not isinstance(given, list | tuple) or not all(isinstance(node, Node) for node in given):
            raise Wrong(f"it returns {brief(given)}; wanted a list of nodes")
        twice = [node for i, node in enumerate(given) if node in set(given[:i])] if len(set(given)) < len(given) else []
        if twice:
            raise Wrong(
                f"{twice[0]} comes twice in {shown(given)}",
                "it should come once, when its gradient is whole: remember what was visited",
            )
        uses = all_of(root)
        seen: set[Node] = set()
        for node in given:
            if node not in uses:
                raise Wrong(f"{node} is not in the graph of {root}")
            early = [user for user in uses[node] if user not in seen]
            if early:
                raise Wrong(
                    f"{node} comes before {early[0]}, which uses it, in {shown(given)}",
                    f"the gradient of {node} is not whole until all that use it have added their part",
                )
            seen.add(node)
        if len(seen) < len(uses):
            lacking = [node for node in uses if node not in seen]
            raise Wrong(
                f"{shown(lacking)} of the graph of {root} is missing from {shown(given)}", "the leaves count too"
            )

    return is_right


def shown(nodes: Any) -> str:
    """Some nodes, in words."""
    return ", ".join(map(str, nodes[:8])) + (" …" if len(nodes) > 8 else "")


order = Exercise(
    "order",
    "the order of a backward pass: all nodes of the graph of `loss`, which comes first, in a list.\n"
    "Each comes once, and after every node that uses it. node.inputs are the nodes that it was computed from.",
    "def order(loss):\n    return [loss, ...]",
    [
        Promise("it is right for a chain", right_for(lambda: chain(4))),
        Promise("for a node that is used twice", right_for(lambda: named("a, b: a, c: a, d: b c"))),
        Promise("for one that is used at several depths",
                right_for(lambda: named("a, b: a, c: b, d: a c, e: d b, f: a e, g: f d a"))),
        Promise("for an operation on the same node twice", right_for(lambda: named("x, y: x x, z: y x y"))),
        Promise("for 20,000 nodes in a row", right_for(lambda: chain(20_000))),
    ],
)  # fmt: skip
