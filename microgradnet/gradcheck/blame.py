"""Whose rule is wrong? Each operation is checked on the values that flowed through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core import WATCHER, Array, Mode, Value, by_age, fitted, history, numbers
from ..debugging import Watcher, trace_of
from .places import floats, wide
from .point import Point
from .report import Culprit
from .slopes import careful_slope, quick_slope
from .source import gradient_of
from .survey import checked

TRIES = 3  # random directions for each input of each operation
MOST = 2_000  # elements moved one by one, where no direction tells
DRAWN = 100  # elements of the gradient of each operation, for second derivatives


def culprits(f: Callable[..., Any], args: Sequence[Any], rng: np.random.Generator) -> list[Culprit]:
    """The operations on the way to `f(*args)` whose rules disagree with their slopes, in the order of recording."""
    edges = [(v, i) for v in recorded(f, args) for i in flowing(v)]
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


def second_order_culprits(f: Callable[..., Any], args: Sequence[Any]) -> list[Culprit]:
    """The operations on the way to `f(*args)` whose second derivatives are wrong, each checked alone."""
    found: dict[str, Culprit] = {}
    for node in recorded(f, args):
        row: Any = node.op
        inputs = flowing(node)
        if row.name in found or not inputs:
            continue

        def alone(*values: Any, node: Value = node, inputs: list[int] = inputs) -> Any:
            given = dict(zip(inputs, values, strict=True))
            return node.op.record(*[given.get(i, numbers(x)) for i, x in enumerate(node.args)], **node.params)  # type: ignore[union-attr]

        point = Point(gradient_of(alone, 0), [wide(node.args[i])[()] for i in inputs], {}, None, 0)
        report = checked(point, DRAWN, False)
        for e in report.mismatches[:1]:
            i = inputs[[place.name for place in point.places].index(e.name)]
            found[row.name] = Culprit(row.name, i, str(trace_of(node) or ""), e.analytic, e.numerical, e.error)
    return list(found.values())


def recorded(f: Callable[..., Any], args: Sequence[Any]) -> list[Value]:
    """Every operation on the way to `f(*args)`, the oldest first, each with the line that called it."""
    with Mode(WATCHER, Watcher(nan=False, inf=False)):
        outs = floats(f(*args))
    return sorted({v for out in outs if isinstance(out, Value) for v in history(out)}, key=by_age)


def flowing(node: Value) -> list[int]:
    """The inputs of a recorded result that gradients flow to, by position."""
    return [i for i, x in enumerate(node.args) if type(x) is Value]


def random_directions(x: Array, rng: np.random.Generator) -> Iterator[Array]:
    """A few ways to move all elements at once, each by about its size."""
    for _ in range(TRIES):
        yield rng.normal(size=x.shape) * np.maximum(np.abs(x), 0.1)


def single_elements(x: Array, rng: np.random.Generator) -> Iterator[Array]:
    """The ways to move one element by its size, in random order."""
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
    try:
        # By itself: what the rules give to other inputs, or to this Value in another place, must not mix.
        stand_in = [Value(a) if j == i else a for j, a in enumerate(inputs)]
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
            slope = careful_slope(line, y, weights, 0.1).slope
        gap = abs(expected - slope.value)
        if not slope.is_kink and gap > 10 * slope.error + 1e-7 * max(abs(expected), abs(slope.value)):
            return Culprit(row.name, i, str(trace_of(node) or ""), expected, slope.value, slope.error)
    return None
