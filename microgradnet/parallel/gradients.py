"""The gradients of all ranks, averaged over the examples of all of them: one flat buffer, one meeting."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import Array, Value, modes
from .worlds import World


class Mean:
    """Puts into each `.grad` the mean over the examples of all ranks: what each has found counts by its examples.

    A parameter that nothing flowed to on any rank keeps no gradient; on some ranks only, theirs count, and zeros for
    the others.
    """

    def __init__(self, world: World, parameters: Mapping[Value, str]) -> None:
        self.world: World = world
        self.names: list[str] = list(parameters.values())
        self.parameters: list[Value] = list(parameters)
        self.dtype: Any = np.result_type(np.float32, *[p.dtype for p in self.parameters])
        self.end: int = sum(p.size for p in self.parameters)
        # All gradients end to end, whether each is there, the cost and the examples.
        self.flat: Array = np.zeros(self.end + len(self.parameters) + 2, self.dtype)
        self.parts: list[Array] = self.cut(self.flat)

    def take(self, examples: Any, cost: Any = 0.0) -> Any:
        """Average them; `examples` is how many this rank's gradients are the mean over. The mean of the costs."""
        if self.world.size == 1:
            return cost
        grads = [p.grad for p in self.parameters]
        found = modes.host(self.met, modes.taped() is not None, examples, cost, *grads)
        for p, g in zip(self.parameters, found[1:], strict=True):
            if g is not None:
                p.grad = g
        return found[0]

    def met(self, compiled: bool, examples: Any, cost: Any, *grads: Any) -> tuple[Any, ...]:
        """What all ranks have found, in the order of the parameters; first of all the cost."""
        n, flat = check_examples(examples), self.flat
        here = [g is not None for g in grads]
        for part, g in zip(self.parts, grads, strict=True):
            np.multiply(g, n, out=part, dtype=self.dtype) if n and g is not None else part.fill(0)
        flat[self.end :] = [*here, float(cost) * n if n else 0.0, n]
        self.world.add(flat)
        everybody = flat[-1]
        if not everybody and not self.world.quiet:
            raise ValueError("every rank has 0 examples: there is nothing to learn from")
        given = flat[self.end : -2] > 0
        if compiled and given.tolist() != here:
            lost = self.names[int(np.argmax(given != here))]
            raise ValueError(
                f"{lost} has a gradient on some ranks and not on rank {self.world.rank}, where the step is compiled: a "
                f"program has the gradients that it was recorded with. Leave compile out"
            )
        mean = flat / max(everybody, 1)  # in memory of its own: the next step writes into the other
        found = [
            x.astype(p.dtype, copy=False) if there else None
            for x, p, there in zip(self.cut(mean), self.parameters, given, strict=True)
        ]
        return mean[-2], *found

    def cut(self, flat: Array) -> list[Array]:
        """What of a flat array belongs to each parameter, in its shape."""
        ends = itertools.accumulate(p.size for p in self.parameters)
        return [flat[end - p.size : end].reshape(p.shape) for p, end in zip(self.parameters, ends, strict=True)]


def check_examples(given: Any) -> int:
    """How many examples gradients are the mean over. ValueError for what is no such number."""
    n = int(given) if isinstance(given, int | float | np.number) and not isinstance(given, bool) else -1
    if n < 0 or n != given:
        raise ValueError(
            f"step(examples={given!r}): how many examples this rank's gradients are the mean over, such as len(x); 0 "
            f"where it has none"
        )
    if n >= 2**24:
        raise ValueError(f"step(examples={n}): fewer than {2**24}, beyond which float32 cannot count")
    return n
