"""The rules of a sweep, recorded as they run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Value, fitted
from ..core.rows import Variadic
from ..debugging import users_line
from .impure import noticing
from .nodes import GradOf, Node, Uncompilable
from .passes import in_order
from .traced import Traced

if TYPE_CHECKING:
    from .tape import Tape

OURS = f"{__name__.partition('.')[0]}."


def of_a_sweep(tape: Tape) -> Callable[..., None]:
    """What a sweep calls in place of `node.op.pull`."""
    line = users_line()  # looked for once, and not for each of thousands of rules

    def pull_there(value: Value, *args: Any) -> None:
        made = tape.node_of.get(id(value))
        tape.line = (*line, made.line[:3] if type(made) is Node and made.line else None)
        notice = noticing()
        if notice is not None and is_ours(value):
            sys.setprofile(None)
        try:
            pull(tape, value, *args)
        finally:
            tape.line = None
            if notice is not None:
                sys.setprofile(notice)

    return pull_there


def is_ours(value: Value) -> bool:
    """Whether the rules of a node are of this package and get at nothing of the user's, which might read a clock."""
    row: Any = value.op
    return not any(map(callable, value.params.values())) and all(
        rule is None or (getattr(rule, "__closure__", rule) is None and rule.__module__.startswith(OURS))
        for rule in row.rules
    )


def pull(tape: Tape, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
    """The rules, recorded as they run; one that looks at numbers is itself a call of the program."""
    row: Any = node.op
    if create_graph or not row.rules:
        row.pull(node, g, create_graph, pending)
        return
    g = as_stand_in(tape, g)
    handed = tape.patterns.handed(node, g)
    if handed is not None and tape.patterns.pull(node, handed, pending):
        return
    given: list[Any] = []

    def recorded(rule: Any) -> Any:
        if not given:
            given.extend([shade(tape, node), [shade(tape, x) for x in node.args]])
        out, inputs = given
        return ruled(tape, rule, g, out, inputs, node.params)

    def add(x: Value, gx: Any) -> None:
        if gx is not None:
            if not (type(gx) is Traced and is_float(gx._numbers) and is_float(x._numbers)):
                gx = as_stand_in(tape, fitted(gx, x, row))
            pending[x] = pending[x] + gx if x in pending else gx

    if isinstance(row, Variadic):
        for x, gx in zip(node.args, recorded(row.rules[0]), strict=False):
            if type(x) is Value:
                add(x, gx)
        return
    for x, rule in zip(node.args, row.rules, strict=False):
        if type(x) is not Value or rule is None:
            continue
        begun = len(tape.nodes)
        gx = recorded(rule)
        if handed is not None:
            tape.patterns.learn(rule, handed, tape.nodes[begun:], gx)
        add(x, gx)


def ruled(tape: Tape, rule: Any, g: Any, out: Any, inputs: list[Any], params: dict[str, Any]) -> Any:
    """What a rule makes of a gradient."""
    if getattr(rule, "__name__", "") == "_hook_rule":
        return tape.hooked(rule, (g, out, *inputs), params)
    begun, refused = len(tape.nodes), tape.refused
    try:
        return rule(g, out, *inputs, **params)
    except Uncompilable:
        tape.refused = refused
        del tape.nodes[begun:]
        return tape.called(rule, (g, out, *inputs), params)


def shade(tape: Tape, x: Any) -> Any:
    """What stands for the numbers of a Value, one for all the rules that take it."""
    if not isinstance(x, Value):
        return x
    found = tape.shades.get(id(x))
    if found is None:
        found = tape.shades[id(x)] = tape.shadow(x)
    return found


def is_float(x: Any) -> bool:
    """Whether numbers are one number, in float64."""
    return type(x) is np.float64


def as_stand_in(tape: Tape, g: Any) -> Any:
    """A gradient, as something that records."""
    if type(g) is Traced:
        return g
    if isinstance(g, Value):
        return tape.shadow(g)
    return tape.stand_in(g, g)


def deposit(tape: Tape, gradients: dict[Value, Any]) -> None:
    """Put the gradients of a sweep where they belong; those of what the step computed wait until somebody asks.

    A view, and what two Values have in common, is copied as in an eager sweep: in the order in which the axes of the
    copy lie, its elements are added up.
    """
    owned: set[int] = set()
    line = (*users_line(), None)
    for value, g in gradients.items():
        numbers = tape.examples(g)
        is_copied = type(numbers) is np.ndarray and (numbers.base is not None or id(numbers) in owned)
        owned.add(id(numbers))
        if is_copied and not numbers.flags.c_contiguous:
            tape.line = line
            g = g.copy() if type(g) is Value else tape.called(in_order, (g,), {})
            tape.line = None
        if value.op is not None:
            value._grad = numbers = g._numbers if type(g) is Traced else tape.examples(g)
            if isinstance(numbers, np.ndarray):
                value._grad = numbers.copy("K")
            tape.swept[id(value)] = g
            continue
        old = tape.gradient(value)
        tape.line = line  # to add to what is there is a part of the sweep
        total = g if old is None else (old if type(g) is Value else tape.shadow(old)) + g
        tape.line = None
        numbers = tape.examples(total)
        value._grad = numbers.copy("K") if isinstance(numbers, np.ndarray) else numbers
        tape.put(tape.place(GradOf, value), total, fresh=True)
