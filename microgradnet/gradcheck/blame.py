"""Whose rule is wrong? Each operation is checked on the values that flowed through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import WATCHER, Array, Mode, Value, by_age, fitted, history, numbers
from ..debugging import Watcher, trace_of
from .directions import Field
from .judge import judged
from .places import floats, wide
from .point import Point
from .report import MISMATCH, Culprit
from .slopes import Slope, size_of
from .source import gradient_of
from .survey import checked

AT_ONCE = 2_000  # elements of an input moved along one direction
MOST = 2_000  # elements looked at one by one, where no direction tells
DRAWN = 100  # elements of the gradient of each operation, for second derivatives


def culprits(f: Callable[..., Any], args: Sequence[Any], rng: np.random.Generator) -> list[Culprit]:
    """The operations on the way to `f(*args)` whose rules disagree with their slopes, in the order of recording."""
    edges = [edge for v in recorded(f, args) for edge in edges_of(v, rng)]
    for look in (Edge.wrong_along_directions, Edge.wrong_one_by_one):  # the second sees what is wrong at a kink
        found: dict[tuple[str, int], Culprit] = {}
        for edge in edges:
            if (edge.row.name, edge.input) not in found:
                element = look(edge, rng)
                if element is not None:
                    found[edge.row.name, edge.input] = edge.culprit(element)
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


def edges_of(node: Value, rng: np.random.Generator) -> list[Edge]:
    """The rules by which gradients flow from a recorded result to its inputs, each tried alone on what flowed there."""
    edges = []
    for i in flowing(node):
        try:
            edges.append(Edge(node, i, rng))
        except Exception:  # a checkpoint, say, which cannot be run on other numbers
            continue
    return edges


class Edge:
    """The rule for one input of a recorded result: what it gives, from a random gradient, beside the slopes."""

    def __init__(self, node: Value, i: int, rng: np.random.Generator) -> None:
        row: Any = node.op
        self.node: Value = node
        self.row: Any = row
        self.input: int = i
        self.inputs: list[Any] = [numbers(x) for x in node.args]
        c = np.asarray(rng.normal(size=node.shape), node.dtype)[()]
        # By itself: what the rules give to other inputs, or to this Value in another place, must not mix.
        stand_in = [Value(a) if j == i else a for j, a in enumerate(self.inputs)]
        pending: dict[Value, Any] = {}
        row.pull(row.record(*stand_in, **node.params), c, False, pending)
        x = stand_in[i]
        g = np.asarray(fitted(pending.get(x, np.zeros(x.shape)), x, row), np.float64)
        at = wide(x).ravel()
        self.field: Field = Field(at, g.ravel(), self.results, self.results(at), np.ravel(c).astype(np.float64))

    def results(self, x: Array) -> Array:
        """What the operation computes from another input in the place of this one."""
        was = self.node.args[self.input]
        moved = x.reshape(was.shape).astype(was.dtype)[()]
        inputs = [moved if j == self.input else a for j, a in enumerate(self.inputs)]
        return np.ravel(np.asarray(self.row.forward(*inputs, **self.node.params), np.float64))

    def wrong_along_directions(self, rng: np.random.Generator) -> int | None:
        """An element of the gradient that is wrong, if it shows along random directions."""
        size = self.field.at.size
        found = self.field.search(np.arange(size), rng, 1 + size // AT_ONCE, 1, self.is_wrong)
        return found[0] if found else None

    def wrong_one_by_one(self, rng: np.random.Generator) -> int | None:
        """An element of the gradient that is wrong by itself."""
        for flat in rng.permutation(self.field.at.size)[:MOST]:
            if self.is_wrong(int(flat)):
                return int(flat)
        return None

    def is_wrong(self, flat: int) -> bool:
        """Whether one element of the gradient mismatches."""
        return self.verdict(flat)[0] == MISMATCH

    def verdict(self, flat: int) -> tuple[str, Slope]:
        """What there is to say of one element of the gradient."""
        field, d = self.field, np.zeros(self.field.at.size)
        d[flat] = size_of(field.at, (flat,))
        return judged(field.line(d), field.y, field.c, 1.0, float(field.g[flat] * d[flat]))

    def culprit(self, flat: int) -> Culprit:
        """What to say of this rule, by an element that is wrong."""
        size, (_, slope) = size_of(self.field.at, (flat,)), self.verdict(flat)
        return Culprit(
            self.row.name, self.input, str(trace_of(self.node) or ""), float(self.field.g[flat]), slope.value / size,
            slope.error / size,
        )  # fmt: skip
