"""A Module as a table: `Module.summary`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Value
from ..tree import children, is_frozen, walk
from ..words import printable

HEAD = ["path", "layer", "parameters", "numbers", "frozen", "result"]


class Summary:
    """A row for each layer of a Module, as text or, in a notebook, as a table.

    `rows` have the columns of `HEAD`; `total`, `frozen` and `bytes` are of all parameters, each counted once.
    """

    def __init__(self, module: Any, results: dict[int, str]) -> None:
        self.rows: list[list[str]] = []
        counted: set[int] = set()
        for path, layer in walk(module):
            if isinstance(layer, Value):
                continue
            own = [
                (name, x)
                for name, part in children(layer)
                for name, x in walk(part, name, {id(layer)}, deep=False)
                if isinstance(x, Value)
            ]
            new = [x for _, x in own if id(x) not in counted]
            counted.update(map(id, new))
            # A layer that holds others is told by its class: they have rows of their own.
            inner = any(not isinstance(x, Value) for _, part in children(layer) for _, x in walk(part, "", {id(layer)}))
            name = type(layer).__name__ if inner or "\n" in repr(layer) else repr(layer)
            shapes = " ".join(f"{name} {x.shape}" for name, x in own)
            sizes = [f"{sum(x.size for x in some):,}" for some in (new, filter(is_frozen, new))]
            self.rows.append([path, name, shapes, *sizes, results.get(id(layer), "")])
        parameters = [x for _, x in walk(module) if isinstance(x, Value)]
        self.total: int = sum(x.size for x in parameters)
        self.frozen: int = sum(x.size for x in parameters if is_frozen(x))
        self.bytes: int = sum(x.data.nbytes for x in parameters)

    def table(self) -> list[list[str]]:
        """The rows under their heads, without the columns that say nothing here."""
        table = [HEAD, *self.rows]
        keep = [i for i in range(len(HEAD)) if HEAD[i] not in ("frozen", "result") or self.says(i)]
        return [[row[i] for i in keep] for row in table]

    def says(self, column: int) -> bool:
        """Whether a column holds anything but 0 and nothing."""
        return any(row[column] not in ("", "0") for row in self.rows)

    @property
    def sums(self) -> str:
        """The last line: how many parameters there are, how many of them frozen, and their bytes."""
        frozen = f", {self.frozen:,} of them frozen" if self.frozen else ""
        return f"{self.total:,} parameters{frozen}: {self.bytes:,} bytes"

    def __str__(self) -> str:
        table = [[printable(text) for text in row] for row in self.table()]  # before the columns are made even
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        right = [name in ("numbers", "frozen") for name in table[0]]
        lines = [
            "  ".join(
                text.rjust(width) if r else text.ljust(width) for text, width, r in zip(row, widths, right, strict=True)
            )
            for row in table
        ]
        return "\n".join([line.rstrip() for line in lines] + [self.sums])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .. import markup

        head, *rows = self.table()
        right = [i for i, name in enumerate(head) if name in ("numbers", "frozen")]
        return markup.card(markup.table(head, rows, right), markup.quiet(self.sums))


class ShownModule:
    """What a notebook shows of a Module: its summary."""

    def _repr_html_(self) -> str:
        return Summary(self, {})._repr_html_()


def described(result: Any) -> str:
    """The shape of a result; of several, each."""
    if isinstance(result, tuple | list):
        return ", ".join(map(described, result))
    return str(np.shape(result)) if isinstance(result, Value | np.ndarray | np.generic) else type(result).__name__
