"""How many of many are true: `sum(right) / len(right)`, where each of them is a scalar of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ...core import TABLE
from ..nodes import Node, nodes_in
from .graph import BOOL

MANY = 8  # so many are worth a call
ADD: Any = TABLE[np.add]


def counted(bools: Any) -> Any:
    """How many are true, of an array or a tuple: what Python's sum comes to."""
    return np.int64(np.count_nonzero(bools))


def with_counts(nodes: list[Node], result: Any) -> list[Node]:
    """Nodes with one `counted` for each long chain 0 + a + b + … of what is true or false."""
    uses = Counter(id(x) for node in nodes for x in node.inputs())
    uses.update(map(id, nodes_in(result)))
    terms: dict[int, list[Node]] = {}  # the end of a chain -> what it adds up
    melted: dict[int, list[int]] = {}  # the end of a chain -> the sums on the way
    for node in nodes:
        if node.op is not ADD or node.shape != () or node.dtype != np.int64 or len(node.args) != 2:
            continue
        before, term = node.args
        if type(term) is not Node or term.shape != () or term.dtype != BOOL:
            continue
        if type(before) is int and before == 0:
            terms[id(node)], melted[id(node)] = [term], []
        elif id(before) in terms and uses[id(before)] == 1:
            terms[id(node)], melted[id(node)] = terms.pop(id(before)), melted.pop(id(before))
            terms[id(node)].append(term)
            melted[id(node)].append(id(before))
    gone: set[int] = set()
    for node in nodes:
        if len(terms.get(id(node), ())) >= MANY:
            node.function, node.op, node.args, node.params = counted, None, (terms[id(node)],), {}
            gone.update(melted[id(node)])
    return [node for node in nodes if id(node) not in gone]
