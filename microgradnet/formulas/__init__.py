"""NumPy's other functions, written with the rows: each has NumPy's own signature and no rule of its own."""

from .. import ops  # noqa: F401  (the rows come first)
from . import (
    arithmetic,
    arrangement,
    calculus,
    choosing,
    linalg,
    nans,
    padding,
    products,
    ranges,
    reductions,
    refused,
    statistics,
)

__all__ = [
    "arithmetic", "arrangement", "calculus", "choosing", "linalg", "nans", "padding", "products", "ranges",
    "reductions", "refused", "statistics",
]  # fmt: skip
