"""NumPy's own functions on a Value: its two protocols, answered from the tables.

NumPy hands a ufunc to `__array_ufunc__` and most other functions to `__array_function__` of what it finds among their
arguments. There a row or a formula is looked up; what has neither is refused, with a reason.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, overload

import numpy as np

from ..checks import unmasked
from ..words import asked_by, describe, refuse, spelled
from . import modes, refusals
from .modes import kept
from .tables import FORMULAS, INSPECTIONS, REFUSED, SHAPES, TABLE, UFUNC_METHODS, UFUNC_OPTIONS, Array, fill, formula_of


class SpeaksNumPy:
    """What NumPy's functions take as one of theirs: it has numbers, with a shape and a dtype, and is asked first."""

    __slots__ = ()

    _numbers: Array
    _flows = True  # whether there is a gradient to lose
    name: str | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._numbers.shape

    @property
    def ndim(self) -> int:
        """The number of axes; 0 for a single number."""
        return self._numbers.ndim

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self._numbers.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The kind of its numbers, such as float64."""
        return self._numbers.dtype

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        key: Any = ufunc if method == "__call__" else (ufunc, method)
        row = TABLE.get(key)
        if row is not None and not kwargs:
            return row.record(*inputs)
        name = f"np.{ufunc.__name__}"
        if "out" in kwargs:
            refuse(f"{name}(out=…) would write a recorded result into an array. For x += v: x = x + v")
        formula = formula_of(key)
        if formula is not None:
            return formula(*inputs, **kwargs)
        if row is not None:
            option = next(iter(kwargs))
            refuse(f"{name}({option}=…) of a Value: {UFUNC_OPTIONS.get(option, 'this option is not recorded')}")
        if method != "__call__":
            refuse(f"{name}.{method} of a Value is not recorded: {UFUNC_METHODS[method]}")
        if ufunc not in REFUSED:
            fill("scipy.special")
            if ufunc in TABLE:
                return self.__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if getattr(np, ufunc.__name__, None) is not ufunc:
            name = f"scipy.special.{ufunc.__name__.removeprefix('_riemann').lstrip('_')}"
        return refuse(f"{name} of a Value: {REFUSED.get(ufunc, 'it has no rule here')}")

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        formula = FORMULAS.get(function) or formula_of(function)
        if formula is not None:
            return formula(*args, **kwargs)
        row = TABLE.get(function)
        if row is not None:
            inputs, params = bound(row, args, kwargs)
            return row(*inputs, **params)
        if function in INSPECTIONS:
            if modes.on and modes.taped() and function not in SHAPES:
                return function(*map(all_plain, args), **{name: all_plain(value) for name, value in kwargs.items()})
            return function(*map(all_numbers, args), **{name: all_numbers(value) for name, value in kwargs.items()})
        return refuse(f"{spelled(function)} of a Value: {REFUSED.get(function, 'it has no rule here')}")

    # That it is NoReturn would be right, and would end every typed program at its first np.sum(v); see docs/typing.md.
    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        if not self._flows:
            modes.looked(self, "np.asarray(v)")
            return np.array(self._numbers, dtype)
        asking = sys._getframe(1)
        raise refusals.turned_plain(self, asked_by(asking), asking.f_code)


V = TypeVar("V", bound=SpeaksNumPy)


class Row(Protocol):
    """A row as the classes of a Value see it, which stand below the rows: what it records is of their own kind."""

    @overload
    def record(self, x: V, /, *more: object, **params: Any) -> V: ...
    @overload
    def record(self, x: object, y: V, /) -> V: ...


ROWS: dict[Any, Row] = TABLE


def held(x: Any) -> Any:
    """The data of a Value; anything else as it is. For the core itself, which records what it makes of them."""
    return x._numbers if isinstance(x, SpeaksNumPy) else x


def numbers(x: Any) -> Any:
    """The data of a Value, to look at; anything else as it is. Not in a step that is being compiled."""
    if not isinstance(x, SpeaksNumPy):
        return x
    modes.looked(x, "looking at its numbers")
    return modes.number(x)


def plain_data(x: Any) -> Any:
    """The numbers of a Value, to compute with: nothing flows through them. Anything else as it is."""
    return x.data if isinstance(x, SpeaksNumPy) else x  # type: ignore[attr-defined]


def all_numbers(x: Any) -> Any:
    """The data of a Value, or of all Values in a list or tuple."""
    return [all_numbers(part) for part in x] if type(x) in (list, tuple) else held(x)


def all_plain(x: Any) -> Any:
    """The numbers of a Value, or of all Values in a list or tuple, to compute with."""
    return type(x)(map(all_plain, x)) if type(x) in (list, tuple) else plain_data(x)


def bound(row: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    """NumPy's call of a row's function, as (inputs, params): inputs by position, parameters by name."""
    names, known = signature(row)
    params = dict(zip(names, args, strict=False), **kwargs)
    inputs = [params.pop(name) for name in names[: len(row.rules)]]
    for name in [name for name in params if name not in known]:
        if params.pop(name) is not None:  # None is what NumPy takes for "not given"
            way = "it would write a recorded result into an array" if name == "out" else "this option is not recorded"
            refuse(f"np.{row.name}({name}=…) of a Value: {way}")
    for name, x in params.items():
        unmasked(name, x)
        if isinstance(x, SpeaksNumPy):
            refuse(f"np.{row.name} takes {name} as a plain number or array, nothing flows to it; got {describe(x)}")
        params[name] = kept(x)
    return inputs, params


@functools.cache
def signature(row: Any) -> tuple[list[str], list[str]]:
    """The names of the arguments in NumPy's order, and those of them that this row takes."""
    import inspect

    known = list(inspect.signature(row.forward).parameters)
    try:
        names = list(inspect.signature(row.key).parameters)
    except ValueError:  # some of NumPy's C functions do not tell
        return known, known
    return ["shape" if name == "newshape" else name for name in names], known  # its name before NumPy 2.1
