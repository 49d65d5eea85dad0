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
from .conversion import constant
from .engine import NonDiff, Op, Value, fitted
from .protocols import numbers
from .written import computed, function_of, indented

INPUTS = (("x", "a"), ("y", "b"), ("z", "c"))  # the inputs, and the arrays in them
KNOWN = {
    "NUMBERS": frozenset({int, float}), "NonDiff": NonDiff, "Value": Value, "constant": constant, "fitted": fitted,
    "misfit": misfit, "ndarray": ndarray, "numbers": numbers,
}  # fmt: skip

TEXT = """
def make(row, forward, in_general, {rules}):
    def record({inputs}{more}):
        {arrays_taken}
        {forward}
        {value}

    def pull(node, g, create_graph, pending):
        if create_graph:
            return in_general(node, g, create_graph, pending)
        {inputs}, = node.args
        {arrays_again}
        {gradients}

    return record, pull
"""

# An input that is alone is a Value or a NonDiff; beside another it may be a constant too.
TAKEN = "{a} = {x}._numbers if type({x}) is Value else {x} if type({x}) in NUMBERS else numbers({x} := constant({x}))"
AGAIN = "{a} = {x}._numbers if type({x}) is Value or type({x}) is NonDiff else {x}"
ALONE = "{a} = {x}._numbers"

FORWARD = ["out = forward({arrays}{more})"]
SCALAR = ["if type(out) is ndarray and not out.ndim:", "    out = out[()]"]
EXPLAINED = [
    "try:",
    "    out = forward(a, b)",
    "except ValueError as error:",
    "    error.add_note(misfit(row, a, b))",
    "    raise",
]

GRADIENT = ["g{x} = rule_{x}(g, node._numbers, {arrays}{params})"]
FIT = [
    "if type(g{x}) is not type({a}) or type(g{x}) is ndarray and (",
    "    g{x}.shape != {a}.shape or g{x}.dtype is not {a}.dtype",
    "):",
    "    g{x} = fitted(g{x}, {x}, row)",
]
ADDED = ["pending[{x}] = pending[{x}] + g{x} if {x} in pending else g{x}"]


@functools.cache
def maker(has_rule: tuple[bool, ...], parameters: bool) -> Callable[..., Any]:
    """What makes `record` and `pull` of a row of inputs of which these have a rule, with parameters or without."""
    names = INPUTS[: len(has_rule)]
    alone = len(names) == 1
    words = {
        "inputs": ", ".join(x for x, _ in names),
        "arrays": ", ".join(a for _, a in names),
        "rules": ", ".join(f"rule_{x}" for x, _ in names),
        "more": ", **params" if parameters else "",
        "params": ", **node.params" if parameters else "",
    }

    def each(line: str) -> list[str]:
        return [line.format(x=x, a=a) for x, a in names]

    def gradient(x: str, a: str) -> list[str]:
        # Alone and without parameters, nothing was stretched: the laws hold these rules to shape and dtype.
        lines = [*GRADIENT, *([] if alone and not parameters else FIT), *ADDED]
        lines = [line.format(x=x, a=a, **words) for line in lines]
        return lines if alone else [f"if type({x}) is Value:", *[f"    {line}" for line in lines]]

    flows = " or ".join(f"type({x}) is Value" for x, _ in names)
    value = computed(
        kind=f"Value if {flows} else NonDiff" if any(has_rule) else "NonDiff",
        _numbers="out",
        op="row",
        args=f"({words['inputs']},)",
        params="params" if parameters else "NO_PARAMS",
    )
    forward = [*[line.format(**words) for line in FORWARD], *SCALAR] if parameters else FORWARD
    if len(names) == 2:
        forward = EXPLAINED
    gradients = [gradient(x, a) for (x, a), has in zip(names, has_rule, strict=True) if has]
    text = TEXT.format(
        arrays_taken=indented(each(ALONE if alone else TAKEN), 8),
        forward=indented([line.format(**words) for line in forward], 8),
        value=indented(value, 8),
        arrays_again=indented(each(ALONE if alone else AGAIN), 8),
        gradients=indented([line for lines in gradients for line in lines], 8),
        **words,
    )
    rules = ", ".join("a rule" if has else "none" for has in has_rule)
    return function_of(text, "make", f"record and pull, inputs with {rules}{words['more']}", KNOWN)


def unroll(row: Op, parameters: bool) -> None:
    """Give `row` a `record` and a `pull` of its own."""
    make = maker(tuple(rule is not None for rule in row.rules), parameters)
    row.record, row.pull = make(row, row.forward, row.pull, *row.rules)  # type: ignore[method-assign]
    row.parameters = parameters
