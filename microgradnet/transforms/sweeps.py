"""What a function recorded, from an age on: walked, swept, and the gradients made plain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from ..core import Value, by_age, history, plain_data, swept

Gradients: TypeAlias = dict[Value, Any]


def recorded(roots: list[Value], since: int) -> tuple[list[Value], set[Value]]:
    """What was computed after `since` on the way to `roots`, oldest first, and the older Values that it used."""
    nodes: list[Value] = []
    older: set[Value] = set()
    seen = set(roots)
    found = list(seen)
    for v in found:  # grows while it is walked
        if v.age < since:
            older.add(v)
        elif v.op is not None:
            nodes.append(v)
            for x in v.args:
                if isinstance(x, Value) and x.age > v.age:
                    history(v)  # says what happened
                if type(x) is Value and x not in seen:
                    seen.add(x)
                    found.append(x)
    nodes.sort(key=by_age)
    return nodes, older


def pull(
    nodes: list[Value], roots: Iterable[tuple[Value, Any]], create_graph: bool, release: bool = False
) -> Gradients:
    """Sweep `nodes`, from a gradient for each of `roots`: the gradients of what they were computed from.

    With `release` the nodes are consumed, and forget what they were computed from.
    """
    pending: Gradients = {}
    for root, g in roots:
        pending[root] = pending[root] + g if root in pending else g
    return swept(nodes if release else list(nodes), pending, create_graph, release)


def results(found: Gradients, values: list[Value], record: bool, shape: tuple[int, ...] = ()) -> Gradients:
    """A result for each variable: what was found, or zeros with `shape` in front; plain ones in memory of their own."""
    made: Gradients = {}
    taken: set[int] = set()
    for v in values:
        g = found.get(v)
        if g is None:
            g = zero(shape + v.shape, v.dtype, record)
        elif not record:
            g = owned(g, copy=id(g) in taken)
            taken.add(id(g))
        made[v] = g
    return made


def zero(shape: tuple[int, ...], dtype: Any, record: bool) -> Any:
    """The gradient by what a result does not depend on, or the slope of a constant, which may be a whole number."""
    zeros = np.zeros(shape, dtype if np.dtype(dtype).kind == "f" else np.float64)
    return Value(zeros) if record else zeros[()]


def owned(x: Any, copy: bool = False) -> Any:
    """A plain array, in memory of its own, or a NumPy scalar."""
    x = plain_data(x)
    if type(x) is not ndarray:
        return x
    return x.copy() if copy or x.base is not None or not x.flags.writeable else x
