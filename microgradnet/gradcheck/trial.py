"""One rule, tried alone: what it makes of a gradient, beside the slopes of its operation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Array, Value, Variadic, fitted, numbers
from .directions import Field
from .judge import judged
from .places import wide
from .report import MISMATCH
from .slopes import Slope, size_of


def computed(node: Value, i: int, inputs: Sequence[Any], x: Array) -> Array:
    """What the operation of `node` computes from other numbers in the place of its input `i`, in one row."""
    row: Any = node.op
    moved = x.reshape(np.shape(inputs[i])).astype(inputs[i].dtype)[()]
    return np.ravel(np.asarray(row.forward(*inputs[:i], moved, *inputs[i + 1 :], **node.params), np.float64))


class Trial:
    """The rule for the input `i` of an operation, at some inputs and for a gradient `g` of what it computes.

    By itself: what the rules give to other inputs, or to a Value that stands in two places, does not mix. `failure` is
    the exception that the rule raised, if it did; otherwise the `field` holds what it returned, beside the slopes.
    """

    def __init__(self, node: Value, i: int, inputs: Sequence[Any], g: Any) -> None:
        row: Any = node.op
        self.node: Value = node
        self.row: Any = row
        self.i: int = i
        self.inputs: list[Any] = list(inputs)
        self.x: Any = inputs[i]
        self.g: Any = g
        self.failure: Exception | None = None
        stand_in = Value(self.x)
        recorded = row.record(*[stand_in if j == i else a for j, a in enumerate(self.inputs)], **node.params)
        self.out: Any = recorded._numbers
        pending: dict[Value, Any] = {}
        try:
            row.pull(recorded, g, False, pending)
        except Exception as failure:
            self.failure = failure
        at = wide(self.x).ravel()
        gx = self.fit(pending.get(stand_in, np.zeros(stand_in.shape)))
        results = functools.partial(
            computed, node, i, self.inputs
        )  # no method: the field and this would hold each other
        self.field: Field = Field(at, gx, results, results(at), np.ravel(g))

    def rule(self, g: Any = None, out: Any = None, inputs: Sequence[Any] | None = None) -> Any:
        """What the rule returns; of another gradient, result or inputs if these are given."""
        given = self.g if g is None else g, self.out if out is None else out, *(inputs or self.inputs)
        if isinstance(self.row, Variadic):
            return self.row.rules[0](*given, **self.node.params)[self.i]
        return self.row.rules[self.i](*given, **self.node.params)

    def fit(self, g: Any) -> Array:
        """What a rule returned, in one row of the numbers of its input: what broadcasting stretched is summed."""
        return np.ravel(np.asarray(numbers(fitted(g, self.x, self.row)), np.float64))

    def search(self, rng: np.random.Generator, pieces: int) -> int | None:
        """The number of an element of the gradient that is wrong, if it shows along random directions."""
        found = self.field.search(np.arange(self.field.at.size), rng, pieces, 1, self.is_wrong)
        return found[0] if found else None

    def is_wrong(self, flat: int) -> bool:
        """Whether one element of the gradient mismatches."""
        return self.verdict(flat)[0] == MISMATCH

    def verdict(self, flat: int) -> tuple[str, Slope]:
        """What there is to say of one element of the gradient, and the slope in it."""
        field, size = self.field, size_of(self.field.at, (flat,))
        d = np.zeros(field.at.size)
        d[flat] = size
        verdict, slope = judged(field.line(d), field.y, field.c, 1.0, float(field.g[flat] * size))
        return verdict, Slope(*[part / size for part in slope])

    @property
    def names(self) -> list[str]:
        """What the inputs are called: as in the program of the operation, or x and y."""
        count = len(self.inputs)
        if called := getattr(self.row, "called", None):  # by someone who knows
            return list(called)
        try:
            parameters = list(inspect.signature(self.row.__wrapped__).parameters.values())[:count]
        except (TypeError, ValueError):
            parameters = []
        if len(parameters) == count and all(p.kind <= p.POSITIONAL_OR_KEYWORD for p in parameters):
            return [p.name for p in parameters]
        return ["x", "y"][:count] if count <= 2 else [f"input {j}" for j in range(count)]
