"""The columns of a table as a network takes them: numbers scaled, categories counted out, missing cells told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..checks import unmasked
from ..core import Array
from ..words import brief, printable

Plain = bool | int | float | str


class Columns:
    """Makes two arrays of a table: numbers, scaled, and categories as integers; it learns from one how to.

    The table is a DataFrame, of pandas or polars, or an array of numbers (n, columns). A column is one of numbers where
    all its cells are, or missing: None, NaN, NA. All other columns, of words, and of pandas' kind "category", are
    categories. Columns of dates and the like are refused, by name.

    `columns(table)` gives `numbers` (n, k) in float64 and, where there are categories, `categories` (n, m) in int64.
    Numbers are shifted and scaled to mean 0 and standard deviation 1 of the table that it learned from, unless
    `scale=False`. A missing number becomes 0, the mean; for each column in which some were missing, one more column
    is 1 where they are and else 0. Categories count from 1; 0 is a missing one, and one that was not there to learn
    from. `sample_weight` (n,) weighs the examples, and those of weight 0 are not looked at.

    It can be saved: `mg.save(path, model, columns=columns)`, `Columns().load_state_dict(mg.load(path)["columns"])`.
    Raises ValueError for another number of columns, other names, infinite numbers, words where numbers were.

    >>> columns = Columns(np.array([[1.0, 5.0], [3.0, np.nan]]))
    >>> columns(np.array([[2.0, 5.0], [5.0, np.nan]])).tolist()
    [[0.0, 0.0, 0.0], [3.0, 0.0, 1.0]]
    """

    def __init__(self, table: Any = None, sample_weight: Any = None, *, scale: bool = True) -> None:
        self.names: list[str] = []
        self.values: list[list[Plain] | None] = []  # of each column its categories, None where it holds numbers
        self.mean: Array = np.zeros(0)
        self.scale: Array = np.zeros(0)
        self.incomplete: Array = np.zeros(0, np.bool_)  # of the columns of numbers, where some were missing
        if table is not None:
            self._learn(table, sample_weight, scale)

    def _learn(self, table: Any, sample_weight: Any, scale: bool) -> None:
        self.names, found = columns_of(table)
        weight = np.ones(len(table)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        seen = weight > 0
        numbers = []
        for name, column in zip(self.names, found, strict=True):
            values = None if column.dtype.kind == "f" else categories_of(column[seen])
            self.values.append(values)
            if values is None:
                numbers.append(finite(name, column))
        x = np.stack(numbers, axis=1) if numbers else np.zeros((len(table), 0))
        missing = np.isnan(x)
        self.incomplete = missing[seen].any(axis=0)
        share = np.where(missing, 0.0, weight[:, None])
        share /= np.maximum(share.sum(axis=0), np.finfo(np.float64).tiny)
        x = np.where(missing, 0.0, x)
        self.mean, self.scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
        if scale:
            self.mean = (share * x).sum(axis=0)
            spread = np.sqrt((share * (x - self.mean) ** 2).sum(axis=0))
            # Of a column that does not vary rounding makes a little, which is nothing to divide by.
            varies = spread > 1e-12 * abs(self.mean)
            self.scale = np.where(varies & np.isfinite(spread), spread, 1.0)

    @property
    def sizes(self) -> tuple[Any, ...]:
        """How many columns of numbers it gives, and how many values each of categories has, if there are any."""
        counts = [1 + len(values) for values in self.values if values is not None]
        numbers = len(self.mean) + int(self.incomplete.sum())
        return (numbers, counts) if counts else (numbers,)

    def __call__(self, table: Any) -> Any:
        names, found = columns_of(table)
        if names != self.names:
            raise ValueError(f"the table has the columns {brief(names)}; it learned from {brief(self.names)}")
        numbers, codes = [], []
        for name, column, values in zip(names, found, self.values, strict=True):
            if values is not None:
                codes.append(coded(name, column, values))
            elif column.dtype.kind != "f":
                raise ValueError(f"column {name!r} holds {first(column)!r}: when it was learned from, it held numbers")
            else:
                numbers.append(finite(name, column))
        x = (np.stack(numbers, axis=1) if numbers else np.zeros((len(table), 0))) - self.mean
        x /= self.scale
        missing = np.isnan(x)
        x[missing] = 0
        if self.incomplete.any():
            x = np.concatenate([x, missing[:, self.incomplete]], axis=1)
        return (x, np.stack(codes, axis=1)) if codes else x

    def state_dict(self) -> dict[str, Any]:
        """All that it learned, as plain data."""
        return {name: x.copy() if isinstance(x, np.ndarray) else [*x] for name, x in vars(self).items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> Self:
        """Itself, as it was when `state_dict` gave this. ValueError for what is no such state."""
        if state.keys() != vars(self).keys():
            raise ValueError(f"the state of Columns has {', '.join(vars(self))}; got {brief([*state])}")
        for name, x in state.items():
            setattr(self, name, np.array(x) if isinstance(x, np.ndarray) else [*x])
        return self

    def __repr__(self) -> str:
        kinds = [f"{name}: " + ("numbers" if values is None else f"{len(values)} categories")
                 for name, values in zip(self.names, self.values, strict=True)]  # fmt: skip
        return printable(f"Columns({', '.join(kinds)})")


def is_frame(table: Any) -> bool:
    """Whether it is a DataFrame, whose columns have names and kinds of their own."""
    return hasattr(table, "columns") and hasattr(table, "dtypes")


def columns_of(table: Any) -> tuple[list[str], list[Array]]:
    """The names of the columns, and the columns: of numbers as float64, NaN where one is missing; others as objects."""
    if is_frame(table):
        names = [str(name) for name in table.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"two columns of the table have one name: {brief(names)}")
        kinds = [str(kind) for kind in table.dtypes]
        found = zip(table.columns, names, kinds, strict=True)
        return names, [column_of(text, np.asarray(table[name]), kind) for name, text, kind in found]
    array = np.asarray(unmasked("table", table))
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"a table is a DataFrame or an array of numbers (n, columns); got shape {array.shape}, dtype {array.dtype}"
        )
    return [str(i) for i in range(array.shape[1])], [*array.astype(np.float64).T]


def column_of(name: str, column: Array, kind: str) -> Array:
    """A column as float64 if it holds numbers, else as objects. TypeError for what are neither numbers nor words."""
    if column.dtype.kind in "biuf" and kind.lower() != "category":
        return column.astype(np.float64)
    cells = column.astype(object)
    known = [x for x in cells if not is_missing(x)]
    if kind.lower() != "category" and all(isinstance(x, int | float | np.number | np.bool_) for x in known):
        return np.array([np.nan if is_missing(x) else float(x) for x in cells], np.float64)
    for x in known:
        if not isinstance(x, Plain | np.number | np.bool_ | np.str_):
            raise TypeError(
                f"column {name!r} holds {brief(x)}, of type {type(x).__name__}: columns hold numbers or words. Make "
                f"numbers of it, or leave it out"
            )
    return cells


def is_missing(x: Any) -> bool:
    """Whether a cell is None, NaN, or pandas' NA or NaT."""
    return x is None or (isinstance(x, float) and x != x) or type(x).__name__ in ("NAType", "NaTType")


def first(column: Array) -> Any:
    """The first word of a column."""
    return next((x for x in column if isinstance(x, str)), None)


def plain(x: Any) -> Any:
    """A cell as plain Python."""
    return x.item() if isinstance(x, np.generic) else x


def categories_of(column: Array) -> list[Plain]:
    """The values of a column, each once, in order."""
    return sorted({plain(x) for x in column if not is_missing(x)}, key=lambda x: (type(x).__name__, x))


def coded(name: str, column: Array, values: list[Plain]) -> Array:
    """The place of each cell among the values, from 1; 0 for what is not among them."""
    places = {x: i for i, x in enumerate(values, 1)}
    if column.dtype.kind == "f" and not np.isnan(column).all() and all(isinstance(x, str) for x in values):
        raise ValueError(
            f"column {name!r} holds numbers: when it was learned from, it held words, such as {values[:1]}"
        )
    return np.array([0 if is_missing(x) else places.get(plain(x), 0) for x in column], np.int64)


def finite(name: str, column: Array) -> Array:
    """A column of numbers. ValueError if some are infinite."""
    if np.isinf(column).any():
        raise ValueError(f"column {name!r} holds infinite numbers: leave those rows out, or make them missing, NaN")
    return column
