"""The rules of a sweep, recorded as they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core import Value, fitted
from ..core.rows import Variadic
from .nodes import Uncompilable

if TYPE_CHECKING:
    from .tape import Tape


def pull(tape: Tape, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
    """The rules, recorded as they run; one that looks at numbers is itself a call of the program."""
    row: Any = node.op
    if create_graph or not row.rules:
        row.pull(node, g, create_graph, pending)
        return
    out, inputs = tape.shadow(node), [tape.shadow(x) for x in node.args]
    g = as_stand_in(tape, g)
    if isinstance(row, Variadic):
        gradients = ruled(tape, row.rules[0], g, out, inputs, node.params)
    else:
        wanted = [type(x) is Value and rule is not None for x, rule in zip(node.args, row.rules, strict=False)]
        gradients = [
            ruled(tape, rule, g, out, inputs, node.params) if wants else None
            for wants, rule in zip(wanted, row.rules, strict=False)
        ]
    for x, gx in zip(node.args, gradients, strict=False):
        if type(x) is Value and gx is not None:
            gx = as_stand_in(tape, fitted(gx, x, row))
            pending[x] = pending[x] + gx if x in pending else gx


def ruled(tape: Tape, rule: Any, g: Any, out: Any, inputs: list[Any], params: dict[str, Any]) -> Any:
    """What a rule makes of a gradient."""
    if getattr(rule, "__name__", "") == "_hook_rule":
        return tape.hooked(rule, (g, out, *inputs), params)
    begun = len(tape.nodes)
    try:
        return rule(g, out, *inputs, **params)
    except Uncompilable:
        del tape.nodes[begun:]
        return tape.called(rule, (g, out, *inputs), params)


def as_stand_in(tape: Tape, g: Any) -> Any:
    """A gradient, as something that records."""
    if isinstance(g, Value):
        return tape.shadow(g)
    return tape.stand_in(g, g)
