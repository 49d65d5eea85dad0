"""A Value in Python's own hands: operators, conversion to one number, printing.

Each operator is its NumPy function's row, looked up in the table: the rows are defined in `ops`, above, which in the
end replaces the commonest of these by the very `record` of their row.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

import numpy as np

from ..words import FEW, describe, lost_by, printable, shown, written
from . import modes
from .protocols import ROWS, SpeaksNumPy, held
from .tables import FORMULAS, Numbers

Other: TypeAlias = "Numbers | SpeaksNumPy"


class Operators(SpeaksNumPy):
    """What Python's operators and built-in functions do with a Value."""

    __slots__ = ()
    __pandas_priority__ = 5000  # above its DataFrame's: on the left of a Value, pandas leaves the operator to it

    _grad: Any

    # -------------------------------------------------------------------------------------- as one number, as text

    def item(self) -> float:
        """The one number it holds, as a Python float; ValueError if it holds another count."""
        if self.size != 1:
            raise ValueError(f"item() wants one number; this Value has shape {self.shape}. v.tolist() gives them all")
        modes.looked(self, "item()")
        number: float = self._numbers.item()
        return number

    def tolist(self) -> Any:
        """Its numbers as Python's: nested lists, or a float for a 0-d Value."""
        modes.looked(self, "tolist()")
        return self._numbers.tolist()

    def __repr__(self) -> str:
        modes.looked(self, "printing it")
        name = f", name={self.name!r}" if self.name else ""
        kind = f"shape={self.shape}, dtype={self.dtype}, " if self.size > FEW else ""  # where not all is shown
        return printable(f"Value({kind}data={shown(self._numbers)}, grad={shown(modes.settled(self))}{name})")

    def _repr_html_(self) -> str:
        modes.looked(self, "printing it")
        from .. import markup

        name = f"{self.name}, " if self.name else ""
        op = getattr(self, "op", None)
        by = f", by {op.symbol}" if op is not None else ""
        shape = f"shape {self.shape}, " if self.ndim else ""
        gradient = modes.settled(self)
        grad = markup.quiet("None") if gradient is None else markup.array(held(gradient))
        return markup.card(
            f"<b>{markup.escaped(name + 'Value')}</b> {markup.quiet(f'{shape}{self.dtype}{by}')}",
            markup.beside(
                markup.beside(markup.quiet("data"), markup.array(modes.number(self))),
                markup.beside(markup.quiet("grad"), grad),
            ),
        )

    def __format__(self, spec: str) -> str:
        modes.looked(self, "printing it")
        if spec and self.ndim:
            raise TypeError(f"format {spec!r} wants one number; this Value has shape {self.shape}")
        return format(self._numbers, spec) if spec else repr(self)

    def __float__(self) -> float:
        return float(self._alone("float"))

    def __int__(self) -> int:
        return int(self._alone("int"))

    def _alone(self, kind: str) -> Any:
        """The one number it holds, for a program that asks for a plain one; TypeError where its gradient is lost."""
        modes.looked(self, f"{kind}(v)")
        lost = self._flows and lost_by(sys._getframe(2))
        if lost:
            raise TypeError(
                f"the gradient of {describe(self)} would be lost here: {lost}. v.data is the number alone"
                if not self.ndim
                else f"the gradient of {describe(self)} would be lost here: {lost}. v.data are the numbers alone"
            )
        if self.ndim:
            way = "v.item() is the one in it" if self.size == 1 else "Its numbers are in .data"
            raise TypeError(f"{kind}() wants one number; this Value has shape {self.shape}. {way}")
        return modes.number(self)

    def __bool__(self) -> bool:
        modes.looked(self, "a choice (if, while, and, or, max, sorted)")
        if self.size != 1:
            raise ValueError(
                f"a Value of shape {self.shape} is neither true nor false: .any() or .all() decides, and "
                f"np.where(condition, x, y) chooses element by element"
            )
        return bool(self._numbers)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a scalar Value; only a Value with at least one axis has a length")
        return len(self._numbers)

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    # Identity, although == is elementwise.
    if TYPE_CHECKING:

        def __hash__(self) -> int: ...
    else:
        __hash__ = object.__hash__

    # ------------------------------------------------------------------------------------------------- arithmetic

    def __add__(self, other: Other) -> Self:
        return ROWS[np.add].record(self, other)

    def __radd__(self, other: Numbers) -> Self:
        return ROWS[np.add].record(other, self)

    def __iadd__(self, other: Other) -> Self:
        return ROWS[np.add].record(self, other)

    def __sub__(self, other: Other) -> Self:
        return ROWS[np.subtract].record(self, other)

    def __rsub__(self, other: Numbers) -> Self:
        return ROWS[np.subtract].record(other, self)

    def __isub__(self, other: Other) -> Self:
        return ROWS[np.subtract].record(self, other)

    def __mul__(self, other: Other) -> Self:
        return ROWS[np.multiply].record(self, other)

    def __rmul__(self, other: Numbers) -> Self:
        return ROWS[np.multiply].record(other, self)

    def __truediv__(self, other: Other) -> Self:
        return ROWS[np.divide].record(self, other)

    def __rtruediv__(self, other: Numbers) -> Self:
        return ROWS[np.divide].record(other, self)

    def __pow__(self, other: Other) -> Self:
        return ROWS[np.power].record(self, other)

    def __rpow__(self, other: Numbers) -> Self:
        return ROWS[np.power].record(other, self)

    def __matmul__(self, other: Other) -> Self:
        return ROWS[np.matmul].record(self, other)

    def __rmatmul__(self, other: Numbers) -> Self:
        return ROWS[np.matmul].record(other, self)

    def __mod__(self, other: Other) -> Self:
        return ROWS[np.remainder].record(self, other)

    def __rmod__(self, other: Numbers) -> Self:
        return ROWS[np.remainder].record(other, self)

    def __floordiv__(self, other: Other) -> Self:
        return ROWS[np.floor_divide].record(self, other)

    def __rfloordiv__(self, other: Numbers) -> Self:
        return ROWS[np.floor_divide].record(other, self)

    def __and__(self, other: Other) -> Self:
        return ROWS[np.bitwise_and].record(self, other)

    def __rand__(self, other: Numbers) -> Self:
        return ROWS[np.bitwise_and].record(other, self)

    def __or__(self, other: Other) -> Self:
        return ROWS[np.bitwise_or].record(self, other)

    def __ror__(self, other: Numbers) -> Self:
        return ROWS[np.bitwise_or].record(other, self)

    def __xor__(self, other: Other) -> Self:
        return ROWS[np.bitwise_xor].record(self, other)

    def __rxor__(self, other: Numbers) -> Self:
        return ROWS[np.bitwise_xor].record(other, self)

    def __neg__(self) -> Self:
        return ROWS[np.negative].record(self)

    def __pos__(self) -> Self:
        return ROWS[np.positive].record(self)

    def __abs__(self) -> Self:
        return ROWS[np.absolute].record(self)

    def __invert__(self) -> Self:
        return ROWS[np.invert].record(self)

    def __divmod__(self, other: Other) -> tuple[Self, Self]:
        return self // other, self % other

    def __rdivmod__(self, other: Numbers) -> tuple[Self, Self]:
        return self.__rfloordiv__(other), self.__rmod__(other)

    def __round__(self, ndigits: int | None = None) -> Self:
        return ROWS[np.round].record(self, decimals=ndigits or 0)

    # ------------------------------------------------------------------------------------------------- comparisons

    def __lt__(self, other: Other) -> Self:
        return ROWS[np.less].record(self, other)

    def __le__(self, other: Other) -> Self:
        return ROWS[np.less_equal].record(self, other)

    def __gt__(self, other: Other) -> Self:
        return ROWS[np.greater].record(self, other)

    def __ge__(self, other: Other) -> Self:
        return ROWS[np.greater_equal].record(self, other)

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        if other is None:
            return NotImplemented
        return ROWS[np.equal].record(self, other)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        if other is None:
            return NotImplemented
        return ROWS[np.not_equal].record(self, other)

    # ---------------------------------------------------------------------------------------------------- indexing

    def __getitem__(self, index: Any) -> Self:
        part: Self = FORMULAS[operator.getitem](self, index)
        return part

    def __setitem__(self, index: Any, new: Any) -> NoReturn:
        raise TypeError(
            f"a Value cannot be written in part, its history would be wrong. The one-line replacement makes a changed "
            f"Value: v = v.at[{written(index)}].set(x), or .add(x) for +=. For a leaf, v.data = array moves it"
        )
