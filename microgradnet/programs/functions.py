"""Functions that stand in programs, and which of NumPy's make results of a shape that depends on numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

# Functions whose result has another shape for other numbers.
SHAPED_BY_NUMBERS = {
    np.arange, np.argwhere, np.bincount, np.compress, np.delete, np.extract, np.flatnonzero, np.histogram_bin_edges,
    np.insert, np.intersect1d, np.nonzero, np.pad, np.poly, np.repeat, np.resize, np.roots, np.setdiff1d, np.setxor1d,
    np.tile, np.trim_zeros, np.union1d, np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
    np.where,
}  # fmt: skip


def name_of(function: Any) -> str:
    """What a function is called."""
    return str(getattr(function, "__name__", function))


def filled(shape: tuple[int, ...], x: Any, dtype: Any) -> Any:
    """A new array, or scalar, that holds `x`."""
    return np.full(shape, x, dtype)[()]


def item_of(parts: Any, i: int) -> Any:
    """One of several results."""
    return parts[i]


def is_none(x: Any) -> bool:
    """Whether there is nothing."""
    return x is None
