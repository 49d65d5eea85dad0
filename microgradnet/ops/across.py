"""A sum over many processes, as a row: what BatchNorm reduces in each of them is reduced over all of them.

`parallel.world()` says through what sums go; without one there is one process, and nobody asks for such a sum. The sum
itself is a call of the host's: in a compiled step it is made at every step, in the order of the program.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

from ..core import Array, Op, Value, modes, op, plain_data


class Sums(Protocol):
    """What sums go through: it adds up arrays of one shape over all processes, each of which must ask for it."""

    def added(self, x: Array) -> Array: ...


class Around:
    """What is in force in this process: it takes part in one world at most."""

    sums: Sums | None = None


AROUND = Around()


def together() -> Sums | None:
    """What sums over all processes go through, or None if there is one process."""
    found: Sums | None = modes.same(AROUND, "sums")
    return found


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """A block in which a process computes by itself."""
    before, AROUND.sums = AROUND.sums, None
    try:
        yield
    finally:
        AROUND.sums = before


def _across_rule(g: Any, out: Any, x: Any, total: Any, *, sums: Sums, rows: int) -> Any:
    """What all processes send back. Each has differentiated the mean over its own `rows`, so each counts by these."""
    return across(g * float(rows), sums, rows) / float(max(rows, 1))


def _across(x: Any, total: Any, *, sums: Sums, rows: int) -> Any:
    return +total


# It is no row of the table: its slopes are those of all processes together, which no law of one process can take.
across_row: Op = op("across", _across_rule, None, forward=_across, listed=False)


def across(x: Any, sums: Sums, rows: int) -> Any:
    """The sum of `x` over all processes; its gradient is that of the mean over the examples of all of them.

    `rows` is how many examples the cost of this process is the mean over.
    """
    total = modes.host(sums.added, plain_data(x))
    return across_row(x, total, sums=sums, rows=rows) if isinstance(x, Value) else total
