"""`record` and `pull` of a row written out for the inputs it takes: the meaning of `Op`'s own, in fewer steps.

Most of a network are rows of one, two or three inputs. For these the loops of `Op` are unrolled into a text, one for
each choice of the inputs that have a rule; a row fills in its forward and its rules. `Op.record` and `Op.pull` say what
is meant, and a law holds what is written here to them, bit by bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numpy import ndarray

from ..words import misfit
from . import refusals
from .conversion import constant
from .engine import NonDiff, Op, Value, fitted
from .protocols import held
from .written import computed, function_of, indented

# NumPy's warnings point at the line that calls it, which is none of the user's, and show what stands there.
HINT = "  # with mg.debug(): an error names your line, and the operation"

KNOWN: dict[str, Any] = {
    "NUMBERS": frozenset({int, float}), "NonDiff": NonDiff, "Value": Value, "constant": constant, "fitted": fitted,
    "misfit": misfit, "ndarray": ndarray, "held": held,
}  # fmt: skip


def unroll(row: Op, parameters: bool) -> None:
    """Give `row` a `record` and a `pull` of its own."""
    make = maker(tuple(rule is not None for rule in row.rules), parameters)
    row.record, row.pull = make(row, row.forward, row.pull, *row.rules)  # type: ignore[method-assign]
    row.parameters = parameters


@functools.cache
def maker(has_rule: tuple[bool, ...], parameters: bool) -> Callable[..., Any]:
    """What makes `record` and `pull` of a row of inputs of which these have a rule, with parameters or without."""
    inputs = ["x", "y", "z"][: len(has_rule)]
    rules = {x: f"rule_{x}" for x in inputs}
    with_rule = [x for x, has in zip(inputs, has_rule, strict=True) if has]
    text = f"""
def make(row, forward, in_general, {", ".join(rules.values())}):
    {indented(record(inputs, with_rule, parameters), 4)}

    {indented(pull(inputs, with_rule, parameters), 4)}

    return record, pull
"""
    return function_of(text, "make", f"record and pull, {len(inputs)} inputs, rules for {with_rule}", KNOWN)


def updating(row: Op, symbol: str) -> Callable[..., Value]:
    """`record` of a row of two inputs for `x -= y`: it warns where x is a leaf that has a gradient, and stays it."""
    first, *lines = record(["x", "y"], ["x"], parameters=False)
    check = ["    if x.op is None and x._grad is not None and type(y) is not Value:", "        updated(x, y, symbol)"]
    body = indented([first, *check, *lines], 4)
    text = f"def make(row, forward, symbol):\n    {body}\n    return record\n"
    make = function_of(text, "make", f"record of x {symbol} y", {**KNOWN, "updated": refusals.updated})
    made: Callable[..., Value] = make(row, row.forward, symbol)
    return made


def record(inputs: list[str], with_rule: list[str], parameters: bool) -> list[str]:
    """The lines of `Op.record`. An input that is alone is a Value or a NonDiff; beside another it may be a constant."""
    given, arrays = ", ".join(inputs), ", ".join(f"a{x}" for x in inputs)
    lines = [f"def record({given}, **params):" if parameters else f"def record({given}):"]
    for x in inputs:
        constants = f"{x} if type({x}) in NUMBERS else held({x} := constant({x}))"
        lines += [f"    a{x} = {x}._numbers" + (f" if type({x}) is Value else {constants}" if len(inputs) > 1 else "")]
    if len(inputs) > 1:
        lines += [
            "    try:",
            f"        out = forward({arrays}){HINT}",
            "    except ValueError as error:",
            f"        misfit(row, error, {arrays})",
            "        raise",
        ]
    elif parameters:
        lines += [
            f"    out = forward({arrays}, **params){HINT}",
            "    if type(out) is ndarray and not out.ndim:",
            "        out = out[()]",
        ]
    else:
        lines += [f"    out = forward({arrays}){HINT}"]
    flows = " or ".join(f"type({x}) is Value" for x in inputs)
    kind = f"Value if {flows} else NonDiff" if with_rule else "NonDiff"
    params = "params" if parameters else "NO_PARAMS"
    return lines + [
        f"    {line}" for line in computed(kind, _numbers="out", op="row", args=f"({given},)", params=params)
    ]


def pull(inputs: list[str], with_rule: list[str], parameters: bool) -> list[str]:
    """The lines of `Op.pull`, with arrays; `in_general` is the row's own, which records."""
    alone, arrays = len(inputs) == 1, ", ".join(f"a{x}" for x in inputs)
    params = ", **node.params" if parameters else ""
    lines = [
        "def pull(node, g, create_graph, pending):",
        "    if create_graph:",
        "        return in_general(node, g, create_graph, pending)",
        f"    {', '.join(inputs)}, = node.args",
    ]
    for x in inputs:
        constants = f" if type({x}) is Value or type({x}) is NonDiff else {x}"
        lines += [f"    a{x} = {x}._numbers" + ("" if alone else constants)]
    for x in with_rule:
        lines += [f"    if type({x}) is Value:", f"        g{x} = rule_{x}(g, node._numbers, {arrays}{params})"]
        if not alone or parameters:  # else nothing was stretched: the laws hold these rules to shape and dtype
            lines += [
                f"        if type(g{x}) is not type(a{x}) or type(g{x}) is ndarray and (",
                f"            g{x}.shape != a{x}.shape or g{x}.dtype is not a{x}.dtype",
                "        ):",
                f"            g{x} = fitted(g{x}, {x}, row)",
            ]
        lines += [f"        pending[{x}] = pending[{x}] + g{x} if {x} in pending else g{x}"]
    return lines
