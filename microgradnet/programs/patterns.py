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
from .nodes import NUMBERS, Node
from .traced import Traced

if TYPE_CHECKING:
    from .tape import Tape

# One formula, with nothing written in it and whatever number is handed in: a constant is like another.
FORMULAS = {rule for function in (np.add, np.subtract, np.multiply, np.divide) for rule in TABLE[function].rules}
FLOAT = np.dtype(np.float64)
SAMPLE = {np.dtype(kind): kind(0) for kind in (np.float64, np.bool)}  # a node that is like it is a scalar
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
    kinds: tuple[int, ...]  # for each the first that is the same; below 0 for constants, and for numbers of Python's

    def constants(self) -> tuple[Any, ...]:
        """The constants, as what tells one from another."""
        return tuple([(type(x), repr(x)) for x in self.nodes if type(x) is not Node])


class Patterns:
    """What rules have recorded in a step."""

    def __init__(self, tape: Tape) -> None:
        self.tape: Tape = tape
        self.known: dict[Any, Pattern | None] = {}

    def handed(self, node: Value, g: Any) -> Handed | None:
        """What the rules of a node are handed, if that is scalars."""
        row: Any = node.op
        tape, known = self.tape, self.tape.node_of
        if type(g) is not Traced or node.params or not row.elementwise or row.home is not None or tape.writes.stale:
            return None
        nodes: list[Any] = []
        numbers: list[Any] = []
        ids: list[int] = []
        kinds: list[int] = []
        for x in (g, node, *node.args):
            number = x
            if isinstance(x, Value):
                number = x._numbers
                found = known.get(id(x))
                if found is None:
                    found = tape.node(x)
                x = found if type(found) is Node else found[()]
            if type(number) not in NUMBERS:
                return None
            nodes.append(x)
            numbers.append(number)
            ids.append(id(x))
            kinds.append(-1 if type(x) is not Node else ids.index(id(x)) if x.shape == () else -2)
        if type(nodes[0]) is not Node or type(numbers[0]) is not np.float64:
            return None
        return Handed(nodes, numbers, tuple(kinds))

    def copied(self, rule: Rule, handed: Handed, before: Any) -> Any:
        """What a rule makes of what it is handed, recorded as it was for what is like it, and added to what was before.

        None if nothing like it was recorded yet.
        """
        pattern = self.known.get((rule, handed.kinds, rule in FORMULAS or handed.constants()))
        if pattern is None:
            return None
        number = rule(*handed.numbers)
        if type(number) is not np.float64:
            return None
        made = [*handed.nodes]
        add, line = self.tape.add, self.tape.line
        for node, places in pattern.nodes:
            args = tuple([x if i is None else made[i] for i, x in zip(places, node.args)])  # noqa: B905
            made.append(add(node.like_it(args, line)))
        result = made[pattern.result]
        if before is not None:
            number = before._numbers + number
            result = add(Node("call", ADD.forward, (self.tape.node_of[id(before)], result), like=SAMPLE[FLOAT], op=ADD))
        return self.tape.standing_for(number, result)

    def learn(self, rule: Rule, handed: Handed, recorded: list[Node], made: Any) -> None:
        """Note what a rule has recorded, and what it made."""
        key = rule, handed.kinds, rule in FORMULAS or handed.constants()
        if key not in self.known:
            result = self.tape.node_of.get(id(made)) if type(made) is Traced else None
            self.known[key] = pattern_of(recorded, result, handed.nodes, rule in FORMULAS)


def pattern_of(recorded: list[Node], result: Any, handed: list[Any], is_formula: bool) -> Pattern | None:
    """What a rule has recorded, as a pattern; None if it is none."""
    place: dict[int, int] = {}
    for i, x in enumerate(handed):
        if type(x) is Node or is_formula:
            place.setdefault(id(x), i)
    nodes: list[tuple[Node, tuple[int | None, ...]]] = []
    for node in recorded:
        if node.kind != "call" or node.shape != () or node.dtype not in SAMPLE or node.params:
            return None
        places = tuple([place.get(id(x)) for x in node.args])
        unknown = [x for where, x in zip(places, node.args, strict=True) if where is None]
        if any(is_formula or type(x) not in NUMBERS for x in unknown):
            return None
        place[id(node)] = len(handed) + len(nodes)
        nodes.append((node, places))
    return Pattern(nodes, place[id(result)]) if id(result) in place else None
