"""The rules of a sweep, recorded as they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Value, fitted
from ..core.rows import Variadic
from ..debugging import users_line
from .nodes import GradOf, Uncompilable
from .traced import Traced

if TYPE_CHECKING:
    from .tape import Tape


def of_a_sweep(tape: Tape) -> Callable[..., None]:
    """What a sweep calls in place of `node.op.pull`."""
    line = users_line()  # looked for once, and not for each of thousands of rules

    def pull_there(*args: Any) -> None:
        tape.line = line
        try:
            pull(tape, *args)
        finally:
            tape.line = None

    return pull_there


def pull(tape: Tape, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
    """The rules, recorded as they run; one that looks at numbers is itself a call of the program."""
    row: Any = node.op
    if create_graph or not row.rules:
        row.pull(node, g, create_graph, pending)
        return
    out, inputs = shade(tape, node), [shade(tape, x) for x in node.args]
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
            if not (type(gx) is Traced and is_float(gx._numbers) and is_float(x._numbers)):
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


def shade(tape: Tape, x: Any) -> Any:
    """What stands for the numbers of a Value, one for all the rules that take it."""
    if id(x) not in tape.shades:
        if not isinstance(x, Value):
            return x
        tape.shades[id(x)] = tape.shadow(x)
    return tape.shades[id(x)]


def is_float(x: Any) -> bool:
    """Whether numbers are one number, in float64."""
    return type(x) is np.float64


def as_stand_in(tape: Tape, g: Any) -> Any:
    """A gradient, as something that records."""
    if isinstance(g, Value):
        return tape.shadow(g)
    return tape.stand_in(g, g)


def deposit(tape: Tape, gradients: dict[Value, Any]) -> None:
    """Put the gradients of a sweep where they belong; those of what the step computed wait until somebody asks."""
    for value, g in gradients.items():
        if value.op is not None:
            value._grad = numbers = tape.examples(g)
            if isinstance(numbers, np.ndarray):
                value._grad = numbers.copy()
            tape.swept[id(value)] = g
            continue
        old = tape.gradient(value)
        total = g if old is None else (old if type(g) is Value else tape.shadow(old)) + g
        numbers = tape.examples(total)
        value._grad = numbers.copy() if isinstance(numbers, np.ndarray) else numbers
        tape.put(tape.place(GradOf, value), total, fresh=True)
