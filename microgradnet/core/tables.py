"""What is known of a function: its row, a formula in its place, or why it is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:  # np.typing takes longer to import than this package
    from numpy.typing import ArrayLike, NDArray

# The types of what goes in and out, in strings: at run time they are nothing.
Array: TypeAlias = "NDArray[Any]"  # or a NumPy scalar, if 0-d: it has the same methods
Data: TypeAlias = "ArrayLike"  # whatever np.array takes
Numbers: TypeAlias = "float | np.generic | Array | Sequence[Any]"  # a constant beside a Value, which is none of these
Operand: TypeAlias = Any  # one of these, or a Value

Rule: TypeAlias = Any  # (g, out, *inputs, **params) -> gradient of one input; None where nothing flows

# NumPy function, or the name of a function of our own -> its row, an Op.
TABLE: dict[Any, Any] = {}

# NumPy function -> a formula in its place: a function that calls rows.
FORMULAS: dict[Any, Callable[..., Any]] = {}

# Functions that only look at a Value: they are run on its numbers, and their result is a plain one. Some look at shapes
# and dtypes alone.
SHAPES: set[Callable[..., Any]] = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
    np.zeros_like, np.ones_like, np.empty_like, np.may_share_memory, np.shares_memory,
}  # fmt: skip
INSPECTIONS: set[Callable[..., Any]] = {
    np.allclose, np.isclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.array2string, *SHAPES,
}  # fmt: skip

# NumPy function -> why it is refused and what comes nearest, for functions that could be asked for.
REFUSED: dict[Any, str] = {}
UFUNC_OPTIONS = {
    "where": "it would leave the other elements unwritten. np.where(mask, result, other) chooses",
    "dtype": "cast what goes in, x.astype(dtype), or what comes out",
}
UFUNC_METHODS = {
    "reduce": "np.sum, np.prod, np.max, np.min, np.all, np.any are",
    "accumulate": "np.cumsum and np.cumprod are",
    "outer": "f(x[:, None], y) is the same for two vectors",
    "reduceat": "np.split and np.sum do the same",
    "at": "it writes into an array. v = v.at[index].add(x) makes a changed Value",
}

NO_PARAMS: dict[str, Any] = {}
FROZEN: dict[str, Any] = {}  # what `params` is in a frozen parameter, a NonDiff without history; see tree.freeze

# A library -> the module that fills these tables with its functions, imported when a Value first meets one of them.
LATE: dict[str, str] = {}


def fill(library: str) -> None:
    """Have the functions of a library in the tables, if it is in use at all."""
    home = LATE.get(library)
    if home is not None and library in sys.modules:
        import_module(home)  # which waits for another thread that is at it
        LATE.pop(library, None)  # not before: Ctrl-C may come in between


def formula_of(function: Any) -> Callable[..., Any] | None:
    """The formula in place of a function, or None."""
    if function not in FORMULAS:
        fill("numpy")
    return FORMULAS.get(function)
