"""What the rules of scalars record: found out once for each kind of use, and copied after that.

A step of thousands of scalars pulls the same few rules again and again. What a rule records depends on what it is
handed: numbers of the program, which it cannot look at, or constants; and on which of these are the same. So where all
that is as it was before, its nodes are copied. Its numbers are what it makes of numbers, as in an eager sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core import TABLE, Value
from .nodes import FLOAT, NUMBERS, Node
from .traced import Traced

if TYPE_CHECKING:
    from .tape import Tape

# One formula, with nothing written in it and whatever number is handed in: a constant is like another.
FORMULAS = {TABLE[function] for function in (np.add, np.subtract, np.multiply, np.divide)}
DTYPES = FLOAT, np.dtype(np.bool)
ADD: Any = TABLE[np.add]

Rule = Callable[..., Any]


class Pattern(NamedTuple):
    """The nodes of a rule, each with the places of its arguments, None for a constant; and the place of the gradient.

    The first places are those of what the rule was handed, then come the nodes.
    """

    nodes: list[tuple[Node, tuple[int | None, ...]]]
    result: int


class Handed(NamedTuple):
    """What the rules of one node are handed: the gradient, the result, the inputs; all of them scalars."""

    nodes: list[Any]  # constants as they are
    numbers: list[Any]
    key: Any  # of the patterns of what is like it


class Patterns:
    """What rules have recorded in a step."""

    def __init__(self, tape: Tape) -> None:
        self.tape: Tape = tape
        self.known: dict[Any, dict[Rule, Pattern | None]] = {}

    def handed(self, node: Value, g: Any) -> Handed | None:
        """What the rules of a node are handed, if that is scalars."""
        row: Any = node.op
        tape, known = self.tape, self.tape.node_of
        if type(g) is not Traced or node.params or not row.elementwise or row.home is not None or tape.writes.stale:
            return None
        nodes: list[Any] = []
        numbers: list[Any] = []
        ids: list[int] = []
        kinds: list[int] = []  # the first that is the same; below 0 for constants, and for numbers of Python's
        for x in (g, node, *node.args):
            number = x
            found = known.get(id(x))
            if found is None and isinstance(x, Value):
                found = tape.node(x)
            if found is not None:
                number = x._numbers
                x = found[()] if type(found) is np.ndarray else found
            if type(number) is not np.float64 and type(number) not in NUMBERS:
                return None
            nodes.append(x)
            numbers.append(number)
            ids.append(id(x))
            kinds.append(-1 if type(x) is not Node else ids.index(id(x)) if x.shape == () else -2)
        if type(nodes[0]) is not Node or type(numbers[0]) is not np.float64:
            return None
        constants = row in FORMULAS or tuple([(type(x), repr(x)) for x in nodes if type(x) is not Node])
        return Handed(nodes, numbers, (row, tuple(kinds), constants))

    def pull(self, node: Value, handed: Handed, pending: dict[Value, Any]) -> bool:
        """Add to `pending` what the rules of a node make of what they are handed, recorded as for what is like it.

        False, and nothing is done, if one of them has recorded nothing like it yet.
        """
        handed_nodes, numbers, key = handed
        patterns = self.known.get(key)
        if patterns is None:
            return False
        flows: list[tuple[Value, Any, Any]] = []
        for x, rule in zip(node.args, node.op.rules, strict=False):  # type: ignore[union-attr]
            if type(x) is Value and rule is not None:
                pattern, before = patterns.get(rule), pending.get(x)
                number = None if pattern is None else rule(*numbers)
                if type(number) is not np.float64 or not (before is None or type(before) is Traced):
                    return False
                flows.append((x, pattern, number))
        tape = self.tape
        for x, (recorded, place), number in flows:
            nodes = handed_nodes
            if recorded:
                nodes = nodes.copy()
                for like, places in recorded:
                    args = tuple([x if i is None else nodes[i] for i, x in zip(places, like.args)])  # noqa: B905
                    nodes.append(tape.add_scalar(like.function, args, like.op, like.dtype))
            result, before = nodes[place], pending.get(x)
            if before is not None:
                number = before._numbers + number
                result = tape.add_scalar(ADD.forward, (tape.node_of[id(before)], result), ADD)
            pending[x] = tape.standing_for(number, result)
        return True

    def learn(self, rule: Rule, handed: Handed, recorded: list[Node], made: Any) -> None:
        """Note what a rule has recorded, and what it made."""
        patterns = self.known.setdefault(handed.key, {})
        if rule not in patterns:
            result = self.tape.node_of.get(id(made)) if type(made) is Traced else None
            patterns[rule] = pattern_of(recorded, result, handed.nodes, handed.key[-1] is True)


def pattern_of(recorded: list[Node], result: Any, handed: list[Any], is_formula: bool) -> Pattern | None:
    """What a rule has recorded, as a pattern; None if it is none."""
    place: dict[int, int] = {}
    for i, x in enumerate(handed):
        if type(x) is Node or is_formula:
            place.setdefault(id(x), i)
    nodes: list[tuple[Node, tuple[int | None, ...]]] = []
    for node in recorded:
        if node.kind != "call" or node.shape != () or node.dtype not in DTYPES or node.params:
            return None
        places = tuple([place.get(id(x)) for x in node.args])
        unknown = [x for where, x in zip(places, node.args, strict=True) if where is None]
        if any(is_formula or type(x) not in NUMBERS for x in unknown):
            return None
        place[id(node)] = len(handed) + len(nodes)
        nodes.append((node, places))
    return Pattern(nodes, place[id(result)]) if id(result) in place else None
