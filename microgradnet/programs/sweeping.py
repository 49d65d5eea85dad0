"""A sweep while a step is recorded: the rules run on stand-ins, so that the gradients become nodes too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Value, fitted
from ..core.rows import Variadic
from ..debugging import users_line
from .traced import Traced, Uncompilable

if TYPE_CHECKING:
    from .tape import Tape


class Sweep:
    """What a sweep calls in place of `node.op.pull`."""

    def __init__(self, tape: Tape) -> None:
        self.tape: Tape = tape
        self.line: Any = users_line()  # that began it: looked for once, and not for each of thousands of rules

    def __call__(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        self.tape.line = self.line
        try:
            self.pull(node, g, create_graph, pending)
        finally:
            self.tape.line = None

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        """The rules, recorded as they run; one that looks at numbers is itself a call of the program."""
        row: Any = node.op
        if create_graph or not row.rules:
            row.pull(node, g, create_graph, pending)
            return
        out, inputs = self.stand_in(node), [self.stand_in(x) for x in node.args]
        g = self.of_gradient(g)
        if isinstance(row, Variadic):
            gradients = self.ruled(row.rules[0], g, out, inputs, node.params)
        else:
            wanted = [type(x) is Value and rule is not None for x, rule in zip(node.args, row.rules, strict=False)]
            gradients = [
                self.ruled(rule, g, out, inputs, node.params) if wants else None
                for wants, rule in zip(wanted, row.rules, strict=False)
            ]
        for x, gx in zip(node.args, gradients, strict=False):
            if type(x) is Value and gx is not None:
                if not (type(gx) is Traced and is_float(gx._numbers) and is_float(x._numbers)):
                    gx = self.of_gradient(fitted(gx, x, row))
                pending[x] = pending[x] + gx if x in pending else gx

    def ruled(self, rule: Any, g: Any, out: Any, inputs: list[Any], params: dict[str, Any]) -> Any:
        """What a rule makes of a gradient."""
        nodes = self.tape.nodes
        begun = len(nodes)
        try:
            return rule(g, out, *inputs, **params)
        except Uncompilable:
            del nodes[begun:]
            return self.tape.called(rule, (g, out, *inputs), params)

    def stand_in(self, x: Any) -> Any:
        """What stands for the numbers of a Value, one for all the rules that take it."""
        shades = self.tape.shades
        if id(x) not in shades:
            if not isinstance(x, Value):
                return x
            shades[id(x)] = self.tape.shadow(x)
        return shades[id(x)]

    def of_gradient(self, g: Any) -> Any:
        """A gradient, as something that records."""
        return self.tape.shadow(g) if isinstance(g, Value) else self.tape.stand_in(g, g)


def is_float(x: Any) -> bool:
    """Whether numbers are one number, in float64."""
    return type(x) is np.float64
