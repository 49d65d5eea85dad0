"""What a training measured, by epoch."""

from __future__ import annotations

from typing import Any

from .. import markup

LAST = 5  # epochs that a notebook lists


class History(dict[str, Any]):
    """The columns that `fit` measured, a number for each epoch, by name; and why it `"stopped"`. A dict.

    In a notebook it is shown as curves. `plots.history` draws it with matplotlib.
    """

    saved_as_dict = True  # a file has its columns, and gives back a dict

    def __init__(self, columns: dict[str, Any], stopped: str) -> None:
        super().__init__(columns, stopped=stopped)

    def _repr_html_(self) -> str:
        return shown(self, self.get("stopped", ""))


def shown(history: dict[str, Any], end: str = "") -> str:
    """Costs and metrics as curves, and the last epochs as a table."""
    columns = {name: column for name, column in history.items() if name not in ("epoch", "seconds", "stopped")}
    costs = {name: column for name, column in columns.items() if name.removeprefix("val_") == "cost"}
    metrics = {name: column for name, column in columns.items() if name not in costs}
    names = [name for name in history if name != "stopped"]
    rows = [[f"{x:.4g}" for x in row] for row in zip(*(history[name][-LAST:] for name in names), strict=True)]
    return markup.card(
        markup.beside(markup.curves(costs), markup.curves(metrics)),
        markup.table(names, rows, range(len(names))) if rows else markup.quiet("no epoch is done"),
        markup.quiet(end),
    )
