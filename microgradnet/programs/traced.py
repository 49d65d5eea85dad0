"""What stands for plain arrays and numbers in a step that is being compiled: it does what they do, and is recorded."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..core import NonDiff, modes
from ..core.tables import SHAPES


def _in_place(function: Callable[..., Any]) -> Any:
    def method(self: Traced, other: Any) -> Traced:
        tape = _tape()
        tape.overwritten(self, function(self, other))
        return self

    return method


class Traced(NonDiff, ours=True):
    """Stands for a plain array: nothing flows back to it, and all NumPy can do with it is recorded."""

    __slots__ = ()
    _plain = True

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if any(isinstance(x, NonDiff) is False and _is_value(x) for x in inputs):
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if method == "at":
            raise _tape().error(f"np.{ufunc.__name__}.at writes into an array. Write x = x.at[index].add(y)")
        tape = _tape()
        # NumPy's numbers, on the left of an operator, come as arrays without axes.
        inputs = tuple([x[()] if type(x) is np.ndarray and not x.ndim else x for x in inputs])
        result = tape.called(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)
        if out is None:
            return result
        (target,) = out
        if not isinstance(target, Traced):
            raise tape.error(PLAIN_TARGET)
        tape.overwritten(target, result)
        return target

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if any(_is_value(x) for x in [*_flat(args), *_flat(kwargs)]):
            return super().__array_function__(function, types, args, kwargs)
        tape = _tape()
        if function in (np.zeros_like, np.ones_like, np.empty_like):  # arrays to be written into
            return tape.called(np.zeros_like if function is np.empty_like else function, args, kwargs)
        if function is np.copyto:
            raise tape.error("np.copyto writes into an array. Write x[...] = y, or np.where(mask, y, x)")
        if function in SHAPES:
            return function(*tape.examples(args), **tape.examples(kwargs))
        return tape.called(function, args, kwargs)

    def astype(self, dtype: Any, **more: Any) -> Any:
        """These numbers in another dtype, of any kind."""
        return _tape().called(cast, (self, np.dtype(dtype)), {})

    def copy(self, order: Any = "C") -> Any:
        """These numbers in memory of their own, as an array's own method lays them out there."""
        tape = _tape()
        return tape.called(np.copy, (self, order), {})

    def item(self, *index: Any) -> Any:
        """One of these numbers as Python's own: an error, unless it is a constant."""
        modes.looked(self, "item()")
        return self._numbers.item(*index)

    def __setitem__(self, index: Any, new: Any) -> None:  # type: ignore[override]
        tape = _tape()
        if index is Ellipsis or (isinstance(index, slice) and index == slice(None)):
            tape.overwritten(self, tape.called(np.broadcast_to, (new, self.shape), {}))
        else:
            tape.overwritten(self, self.at[index].set(new))

    def fill(self, x: Any) -> None:
        """Write one number everywhere."""
        self[...] = x

    def sort(self, axis: int = -1, **more: Any) -> None:
        """Sort along an axis, in place."""
        tape = _tape()
        tape.overwritten(self, tape.called(np.sort, (self, axis), more))

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What isinstance goes by: in the user's program this is the array, or the number, for which it stands."""
        ours = sys._getframe(1).f_code.co_filename.startswith(OURS)
        return type(self) if ours else type(self._numbers)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"an array has no {name!r}")
        if name in OF_MEMORY:
            return getattr(self._numbers, name)
        raise _tape().error(f"x.{name} of an array is not recorded. {INSTEAD.get(name, 'Return x, and do it outside')}")

    __iadd__, __isub__ = _in_place(operator.add), _in_place(operator.sub)
    __imul__, __itruediv__ = _in_place(operator.mul), _in_place(operator.truediv)
    __ipow__, __ifloordiv__ = _in_place(operator.pow), _in_place(operator.floordiv)
    __imod__, __imatmul__ = _in_place(operator.mod), _in_place(operator.matmul)
    __iand__, __ior__, __ixor__ = _in_place(operator.and_), _in_place(operator.or_), _in_place(operator.xor)


OURS = (str(Path(__file__).parent.parent), np.__path__[0])
OF_MEMORY = ("nbytes", "itemsize", "strides", "flags")
INSTEAD = {
    "partition": "Write x = np.partition(x, kth)",
    "put": "Write x = x.at[index].set(y)",
    "flat": "x.ravel() has all elements",
    "real": "Complex numbers cannot be differentiated here",
    "imag": "Complex numbers cannot be differentiated here",
    "conj": "Complex numbers cannot be differentiated here",
}
PLAIN_TARGET = (
    "this writes into an array that was there before, or that np.zeros, np.empty or np.ones has made: what is written "
    "into it is not recorded. Write y = y + x, begin with np.zeros_like(x), or return what is to be kept"
)


def looking(what: str, how: str) -> str:
    """What to write in place of looking at the numbers of `what`."""
    if how == "np.asarray(v)":
        way = (
            "An argument that is a list of numbers is given as an array, np.array(x); "
            "functional.embedding(x, array) takes rows of an array, np.zeros_like(x) is one to be written into; an "
            "array that is kept outside and written is a Value: v.data = x"
        )
    else:
        way = "np.where chooses element by element, functional.embedding(v, array) takes rows by numbers"
    return (
        f"{how}: this looks at the numbers of {what}, which a program cannot do. {way}; what is to be seen is "
        f"returned, and looked at outside, or is handed to mg.host_call(f, v)"
    )


def _tape() -> Any:
    """The tape of the step, of which a stand-in must not get out."""
    tape = modes.TAPE.get()
    if tape is None:
        raise RuntimeError(
            "an array of a compiled step is used outside of it: the step has kept it somewhere. Return it instead"
        )
    return tape


def _is_value(x: Any) -> bool:
    """Whether something flows back to `x`, or it is a comparison of what does."""
    return isinstance(x, NonDiff.__mro__[1]) and not isinstance(x, Traced)


def _flat(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        for part in x:
            yield from _flat(part)
    elif isinstance(x, dict):
        for part in x.values():
            yield from _flat(part)
    else:
        yield x


def _number_wise(function: Callable[..., Any], swapped: bool = False) -> Any:
    array_wise = getattr(NonDiff, f"__{'r' if swapped else ''}{function.__name__.strip('_')}__", None)

    def method(self: Host, *others: Any) -> Any:
        if any(not isinstance(x, (Host, int, float)) or isinstance(x, np.generic) for x in others):
            return array_wise(self, *others)  # type: ignore[misc]
        tape = _tape()
        return tape.called(function, (*others, self) if swapped else (self, *others), {})

    return method


def _asked(function: Callable[..., Any]) -> Any:
    array_wise = getattr(NonDiff, f"__{function.__name__}__")

    def method(self: Host, other: Any) -> Any:
        if not isinstance(other, (Host, int, float)) or isinstance(other, np.generic):
            return array_wise(self, other)
        tape = _tape()
        return tape.guarded(function, self, other)

    return method


class Host(Traced, ours=True):
    """Stands for a number of Python's that may be another at every step: an option, an argument, a count of steps.

    Beside an array it takes the array's dtype, as a Python number does. Which way an `if` goes is kept: should it go
    the other way, the step is recorded anew.
    """

    __slots__ = ()

    _numbers: Any
    shape, ndim, size = (), 0, 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """What NumPy makes of it where nothing else has a dtype."""
        return np.dtype(type(self._numbers))

    def __bool__(self) -> bool:
        tape = _tape()
        return bool(tape.guarded(bool, self))

    def __index__(self) -> int:
        tape = _tape()
        return int(tape.guarded(operator.index, self))

    def __int__(self) -> int:
        return int(_tape().guarded(int, self))

    def __getitem__(self, index: Any) -> NoReturn:
        raise TypeError("a number has no elements")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(float, name):
            raise AttributeError(f"a number has no {name!r}")
        raise _tape().error(f"x.{name} of a number is not recorded. Compute it outside, and pass it as an argument")

    def astype(self, dtype: Any, **more: Any) -> Any:
        """The number in a dtype of NumPy's."""
        tape = _tape()
        return tape.called(np.dtype(dtype).type, (self,), {})

    __add__, __radd__ = _number_wise(operator.add), _number_wise(operator.add, True)
    __sub__, __rsub__ = _number_wise(operator.sub), _number_wise(operator.sub, True)
    __mul__, __rmul__ = _number_wise(operator.mul), _number_wise(operator.mul, True)
    __truediv__, __rtruediv__ = _number_wise(operator.truediv), _number_wise(operator.truediv, True)
    __pow__, __rpow__ = _number_wise(operator.pow), _number_wise(operator.pow, True)
    __mod__, __rmod__ = _number_wise(operator.mod), _number_wise(operator.mod, True)
    __floordiv__ = _number_wise(operator.floordiv)
    __neg__, __pos__, __abs__ = _number_wise(operator.neg), _number_wise(operator.pos), _number_wise(operator.abs)
    __lt__, __le__, __gt__, __ge__ = _asked(operator.lt), _asked(operator.le), _asked(operator.gt), _asked(operator.ge)
    __eq__, __ne__ = _asked(operator.eq), _asked(operator.ne)
    __hash__ = NonDiff.__hash__
    __iadd__, __isub__ = _number_wise(operator.add), _number_wise(operator.sub)
    __imul__, __itruediv__ = _number_wise(operator.mul), _number_wise(operator.truediv)


def cast(x: Any, dtype: Any) -> Any:
    """An array or a scalar in another dtype."""
    return x.astype(dtype)
