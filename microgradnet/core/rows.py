"""A row of the table: how one is added, by this package (`op`) and by its users (`primitive`)."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from . import refusals
from .conversion import fixed_view, shaped
from .engine import Op, Value, fitted
from .modes import Later, kept, number
from .protocols import held
from .tables import TABLE, Rule
from .unrolled import unroll

Case: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]


def case(*inputs: Any, **params: Any) -> Case:
    """One way to call a row. An input is a shape (`"ab"`: two sizes to be drawn) or an ndarray, used as it is."""
    return inputs, params


class Domain:
    """Where the inputs of a row are smooth: between `low` and `high`."""

    __slots__ = ("high", "low")

    def __init__(self, low: float, high: float) -> None:
        self.low: float = low
        self.high: float = high


REAL = Domain(-3, 3)
POSITIVE = Domain(0.25, 4)
UNIT = Domain(-0.9, 0.9)
ABOVE_ONE = Domain(1.1, 4)
BOOLEAN = Domain(0, 1)  # true or false

MORE = 0x04  # the flag of a function that takes *args

HUGE = 1.7976931348623157e308  # the largest number of float64
TINY = 5e-324  # and the smallest, a denormal one


class Variadic(Op):
    """A row over any number of arrays. Its one rule returns the gradients of all of them, in order."""

    def __init__(self, *description: Any, **more: Any) -> None:
        super().__init__(*description, **more)
        self.arity: int = sys.maxsize

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        out, inputs = (node, node.args) if create_graph else (node._numbers, [held(x) for x in node.args])
        rule: Any = self.rules[0]
        gradients = rule(g, out, *inputs, **node.params)
        for x, gx in zip(node.args, gradients, strict=True):
            if type(x) is Value:
                gx = fitted(gx, x, self)
                pending[x] = pending[x] + gx if x in pending else gx


def op(
    key: Any,
    *rules: Rule,
    forward: Callable[..., Any] | None = None,
    symbol: str | None = None,
    domain: Domain | Sequence[Domain] = REAL,
    cases: Sequence[Case] = (),
    elementwise: bool | None = None,
    symmetric: bool = False,
    kind: type[Op] | None = None,
    parameters: bool | None = None,
    at: Any = None,
    points: Sequence[Any] = (),
    listed: bool = True,
) -> Op:
    """Add a row to the table and return it: its forward, by default the key, and one rule for each input.

    `domain` is one Domain for each input, or one for all, `cases` are the calls the laws try; see `case`. In a
    `symmetric` row the order of the inputs does not matter. A row without `parameters`, one that takes arrays and
    nothing else, is recorded and pulled in fewer steps. ufuncs know by themselves that they are such, and whether they
    work element by element. What is not `listed` does not go into the table: it lives as long as somebody holds it.

    `at` states what the gradient is at points where it is not finite, or where that is worth saying: `{0.0: np.inf}`,
    of several inputs `{(1.0, 0.0): (np.inf, -np.inf)}`; or a function of the parameters that returns that. A law holds
    the rules to it, and asks for finite gradients at all other special points, those in `points` included. See
    `testing.points`.
    """
    if elementwise is None:
        elementwise = isinstance(key, np.ufunc) and key.signature is None
    if parameters is None:
        parameters = not elementwise and not isinstance(key, np.ufunc)
    domains = (domain,) * len(rules) if isinstance(domain, Domain) else tuple(domain)
    facts = {"domain": domains, "cases": tuple(cases), "at": at or {}, "points": tuple(points)}
    row = (kind or Op)(key, rules, forward or key, symbol, elementwise=elementwise, symmetric=symmetric, **facts)
    if listed:
        TABLE[key] = row
    if kind is None and len(rules) in ((1,) if parameters else (1, 2, 3)):
        unroll(row, parameters)
    return row


def guarded(rule: Rule) -> Rule:
    """A user's rule. It cannot write into the gradient it is handed: other inputs may have the same array. And nobody
    writes into the one that it returns: the user may keep it.
    """
    if rule is None:
        return None

    def safely(g: Any, *rest: Any, **params: Any) -> Any:
        gx = rule(fixed_view(g.view()) if type(g) is ndarray else g, *rest, **params)
        return [*map(lent, gx)] if isinstance(gx, (list, tuple)) else lent(gx)  # a list is of several inputs

    return safely


def lent(gx: Any) -> Any:
    """A gradient that a user's rule returned and may keep: of a view, a Value's `.grad` is made a copy."""
    gx = gx if gx is None else shaped(gx)
    return gx.view() if type(gx) is ndarray else gx


def check_arguments(function: Any, rules: tuple[Rule, ...]) -> None:
    """TypeError for another number of rules than of array arguments, or a rule that is not made to take them."""
    code = getattr(function, "__code__", None)
    if code is None:
        most = getattr(function, "nin", len(rules))  # of NumPy's own functions the ufuncs tell
        if len(rules) > most:
            raise refusals.more_rules_than_arguments(function, most, rules)
        return
    first = int(hasattr(function, "__self__"))  # that of a method is bound
    arguments = code.co_varnames[first : code.co_argcount + code.co_kwonlyargcount]
    most = code.co_argcount - first
    names = arguments[: most - len(function.__defaults__ or ())]
    if len(names) > len(rules):
        raise refusals.fewer_rules_than_arguments(function, names, rules)
    if len(rules) > most and not code.co_flags & MORE:
        raise refusals.more_rules_than_arguments(function, most, rules)
    for rule in rules:
        rule_code: Any = getattr(rule, "__code__", None)
        if rule_code is None or hasattr(rule, "__self__"):
            continue
        taken = rule_code.co_varnames[: rule_code.co_argcount]
        wanted = taken[2 + most : len(taken) - len(rule.__defaults__ or ())]
        too_many = not code.co_flags & MORE and any(name not in arguments for name in wanted)
        if too_many or (len(taken) < 2 + len(names) and not rule_code.co_flags & MORE):
            raise refusals.rule_takes_others(function, ", ".join(taken), names)


def primitive(*rules: Rule, **description: Any) -> Callable[[Callable[..., Any]], Op]:
    """Make a function a row: the decorated function is its forward, `rules` are its gradients.

    The function gets and returns plain arrays. There is one rule for each array argument, None where nothing flows:
    `(g, out, *inputs, **params) -> gradient of that input`, where g is the gradient of the result. Keyword-only
    arguments of the function are parameters. `symbol` is what drawings show. A rule written with operators, NumPy
    functions and other rows can be differentiated again. See `Op` for the rest; the built-in rows are made like this.

    >>> from microgradnet import Value
    >>> @primitive(lambda g, out, x: g * (1 + x) * np.exp(x), symbol="x·eˣ")
    ... def xexp(x):
    ...     return x * np.exp(x)
    >>> x = Value(0.0)
    >>> xexp(x).backward()
    >>> x.grad
    np.float64(1.0)
    """
    for rule in rules or ("none",):
        if not (rule is None or callable(rule)):
            raise refusals.no_rule(rule)

    def make(function: Callable[..., Any]) -> Op:
        if isinstance(function, Value) or not callable(function):
            raise refusals.no_function(function)
        check_arguments(function, rules)

        @functools.wraps(function)
        def forward(*inputs: Any, **params: Any) -> Any:
            if Later in map(type, inputs):
                inputs = tuple(map(number, inputs))
            out = shaped(function(*inputs, **params))
            if isinstance(out, Value):
                raise refusals.computed_with_other_values(function)
            if any(out is x for x in inputs):
                out = out.copy()
            if out.dtype.kind not in "fiub":
                raise refusals.returned_no_numbers(function, out)
            return fixed_view(out)

        row = op(forward, *map(guarded, rules), forward=forward, listed=False, **description)
        name = getattr(function, "__qualname__", function.__name__)  # NumPy 2.0's ufuncs have no more than that
        row.home = (getattr(function, "__module__", "numpy"), name)
        if getattr(getattr(function, "__code__", None), "co_kwonlyargcount", True):
            record = row.record
            row.record = lambda *inputs, **params: record(  # type: ignore[method-assign]
                *inputs, **{name: kept(x) for name, x in params.items()}
            )
        return row

    return make
