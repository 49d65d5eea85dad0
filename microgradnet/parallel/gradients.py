"""The gradients of all ranks, averaged over the examples of all of them: one flat buffer, one meeting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        self.shapes: list[tuple[int, ...]] = [p.shape for p in self.parameters]

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
        n = check_examples(examples)
        here = [g is not None for g in grads]
        parts = [self.flat(g, p, n) for g, p in zip(grads, self.parameters, strict=True)]
        total = self.world._reduced(
            np.concatenate([*parts, here, [float(cost) * n if n else 0.0, n]], dtype=self.dtype)
        )
        *_, cost, everybody = total[-2:]
        if not everybody and not self.world.quiet:
            raise ValueError("every rank has 0 examples: there is nothing to learn from")
        means, given = total[: -2 - len(here)] / (everybody or 1), total[-2 - len(here) : -2] > 0
        if compiled and given.tolist() != here:
            lost = self.names[int(np.argmax(given != here))]
            raise ValueError(
                f"{lost} has a gradient on some ranks and not on rank {self.world.rank}, where the step is compiled: a "
                f"program has the gradients that it was recorded with. Leave compile out"
            )
        return cost / (everybody or 1), *self.parts(means, given)

    def flat(self, g: Any, p: Value, n: int) -> Array:
        """A gradient summed over the examples of this rank."""
        if g is None or not n:
            return np.zeros(p.size, self.dtype)
        summed: Array = np.multiply(g, n, dtype=self.dtype)
        return summed.reshape(-1)

    def parts(self, means: Array, given: Iterable[Any]) -> Iterable[Any]:
        """What of a flat array is whose."""
        at = 0
        for p, there in zip(self.parameters, given, strict=True):
            yield means[at : at + p.size].reshape(p.shape).astype(p.dtype) if there else None
            at += p.size


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
