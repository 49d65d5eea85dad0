"""Whose rule is wrong? Each operation is checked on the values that flowed through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core import WATCHER, Array, Mode, Value, by_age, fitted, history, numbers
from ..debugging import Watcher, trace_of
from .report import Culprit
from .slopes import careful_slope, quick_slope

TRIES = 3  # random directions for each input of each operation
MOST = 2_000  # elements moved one by one, where no direction tells


def culprits(f: Callable[..., Any], args: list[Any], rng: np.random.Generator) -> list[Culprit]:
    """The operations on the way to `f(*args)` whose rules disagree with their slopes, in the order of recording."""
    edges = [(v, i) for v in recorded(f, args) for i, x in enumerate(v.args) if type(x) is Value]
    for directions in (random_directions, single_elements):  # the second sees one wrong element among many
        found: dict[tuple[str, int], Culprit] = {}
        for node, i in edges:
            if node.op is not None and (node.op.name, i) not in found:
                culprit = wrong_rule(node, i, rng, directions)
                if culprit is not None:
                    found[culprit.op, i] = culprit
        if found:
            return list(found.values())
    return []


def recorded(f: Callable[..., Any], args: list[Any]) -> list[Value]:
    """Every operation on the way to `f(*args)`, the oldest first, each with the line that called it."""
    from .check import floats

    with Mode(WATCHER, Watcher(nan=False, inf=False)):
        outs = [y for y in floats(f(*args)) if isinstance(y, Value)]
    nodes: dict[Value, None] = {}
    for out in outs:
        nodes.update(dict.fromkeys(history(out)))
    return sorted(nodes, key=by_age)


def random_directions(x: Array, rng: np.random.Generator) -> Iterator[Array]:
    for _ in range(TRIES):
        yield rng.normal(size=x.shape) * np.maximum(np.abs(x), 0.1)


def single_elements(x: Array, rng: np.random.Generator) -> Iterator[Array]:
    for flat in rng.permutation(x.size)[:MOST]:
        d = np.zeros(x.shape)
        d.flat[flat] = max(abs(x.flat[flat]), 0.1)
        yield d


def wrong_rule(node: Value, i: int, rng: np.random.Generator, directions: Any) -> Culprit | None:
    """What is wrong with the rule of one input of a recorded result, if something is."""
    row: Any = node.op
    inputs = [numbers(x) for x in node.args]
    x = np.asarray(inputs[i], dtype=np.float64)
    c = np.asarray(rng.normal(size=node.shape), node.dtype)[()]
    pending: dict[Value, Any] = {}
    others = node.args
    try:
        # By itself: what the rules give to other inputs, or to this Value in another place, must not mix.
        stand_in = [Value(inputs[j]) if j == i else numbers(v) for j, v in enumerate(others)]
        again = row.record(*stand_in, **node.params)
        row.pull(again, c, False, pending)
    except Exception:  # a checkpoint, say, which cannot be run on other numbers
        return None
    g = pending.get(stand_in[i])
    if g is None:
        return None
    g = np.asarray(fitted(g, stand_in[i], row), dtype=np.float64)
    weights = np.ravel(np.asarray(c, dtype=np.float64))
    for d in directions(x, rng):

        def line(t: float, d: Array = d) -> tuple[Array, float]:
            moved = (x + t * d).astype(np.asarray(inputs[i]).dtype)[()]
            out = row.forward(*[moved if j == i else a for j, a in enumerate(inputs)], **node.params)
            return np.ravel(np.asarray(out, dtype=np.float64)), t

        y = line(0.0)[0]
        expected = float(np.sum(g * d))
        slope = quick_slope(line, y, weights, 0.1)
        if not abs(expected - slope.value) <= 10 * slope.error + 1e-7 * abs(slope.value):
            slope, _ = careful_slope(line, y, weights, 0.1)
        gap = abs(expected - slope.value)
        if not slope.is_kink and gap > 10 * slope.error + 1e-7 * max(abs(expected), abs(slope.value)):
            where = trace_of(node)
            return Culprit(row.name, i, str(where or ""), expected, slope.value, slope.error)
    return None
