"""What is recorded and how it is walked.

A `Value` is an array that can be differentiated. A computed one remembers the `Op` and the arguments it came from, so
the Values reachable from a result are the history of that result. `sweep` walks the history backwards, youngest Value
first: a Value is always younger than what it was computed from, so creation order is a topological order.

An `Op` is one row of `TABLE`: how to compute it, and for each input a rule. A rule is a vector-Jacobian product,
`(g, out, *inputs, **params) -> gradient of that input`, written as plain NumPy. Handed arrays it computes at NumPy's
speed; handed Values it records, and that is all there is to higher derivatives.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import operator
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np
from numpy import ndarray

from ..words import FEW, brief, describe, lost_by, misfit, refuse, shown, spelled, written

if TYPE_CHECKING:  # np.typing takes longer to import than this package
    from numpy.typing import ArrayLike, DTypeLike

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Operand: TypeAlias = Any  # a number, an array, nested lists of numbers, or a Value
Rule: TypeAlias = Any  # (g, out, *inputs, **params) -> gradient of one input; None where nothing flows

new_age = itertools.count().__next__
new = object.__new__
by_age = operator.attrgetter("age")
NO_PARAMS: dict[str, Any] = {}
FROZEN: dict[str, Any] = {}  # what `params` is in a frozen parameter, a NonDiff without history; see tree.freeze
PYTHON_NUMBERS = frozenset({int, float})


# ---------------------------------------------------------------------------------------------------------- the Value


def operators(function: Any) -> tuple[Callable[[Value, Operand], Value], Callable[[Value, Operand], Value]]:
    """The operator of a row, looked up in the table, and the same with its operands reflected."""
    return (lambda x, y: TABLE[function].record(x, y)), (lambda y, x: TABLE[function].record(x, y))


def method(function: Any) -> Callable[[Value], Value]:
    """The method of a row with one input."""
    return lambda x: TABLE[function].record(x)


def numpys(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a Value that is a function of NumPy of the same name."""

    def method(self: Value, *args: Any, **kwargs: Any) -> Any:
        return self.__array_function__(function, (), (self, *args), kwargs)

    method.__name__ = method.__qualname__ = function.__name__
    method.__doc__ = f"`np.{function.__name__}` of this Value."
    return method


class Value:
    """An array that can be differentiated: its numbers, its gradient, and how it was computed.

    `data` is a number or anything `np.array` makes floating point of; it is copied, so a Value owns its numbers. Python
    ints and bools, lists of them included, become float64. Anything that is not a Value, beside it in a formula, is a
    constant. `grad` is None until a `backward()` reaches the Value; then it has the Value's shape and dtype.

    Raises TypeError for integer, complex and non-numeric arrays.

    >>> x = Value(3.0)
    >>> y = x * x + 2 * x
    >>> y.backward()
    >>> x.grad
    np.float64(8.0)
    """

    __slots__ = ("__weakref__", "_grad", "_numbers", "age", "args", "name", "op", "params", "recorded_at", "scope")

    _numbers: Any
    _grad: Any
    age: int
    args: tuple[Any, ...]
    name: str | None
    op: Op | None
    params: dict[str, Any]
    recorded_at: Any  # the user's line; only in debug mode
    scope: Any  # the calls of Modules it is the result of, or None; see nn.module.Scope

    def __init__(self, data: ArrayLike, name: str | None = None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"a Value's name is a string; got {name!r}. For several numbers pass one list: Value([…])")
        self._numbers = floating(data)
        self.op = None
        self.args = ()
        self.params = NO_PARAMS
        self.age = new_age()
        self._grad = None
        self.name = name
        self.scope = None

    def __init_subclass__(cls) -> None:
        if cls.__module__ != __name__:  # what is exactly a Value is differentiated, anything else is a constant
            raise TypeError("Value is not made to be subclassed: hold one in an nn.Module instead")

    # ------------------------------------------------------------------------------------------ its numbers

    @property
    def data(self) -> Any:
        """The numbers: an ndarray, or a NumPy scalar for a 0-d Value. Assign to it to move a parameter."""
        return self._numbers

    @data.setter
    def data(self, new: ArrayLike) -> None:
        if new is not self._numbers:  # `v.data -= step` hands the same array back, already changed
            old = self._numbers
            if isinstance(new, Value):
                raise TypeError("data is an array: for the numbers of another Value, write v.data = other.data")
            array: Any = new
            if type(array) is not type(old) or array.dtype != old.dtype:
                array = floating(new).astype(old.dtype)
            if array.shape != old.shape:
                raise ValueError(
                    f"data of shape {array.shape} assigned to {describe(self)}: a Value keeps its shape. "
                    f"Make a new one: Value(data)"
                )
            self._numbers = np.array(array)[()]
        # Whoever used the old numbers is now older than its input: the next sweep notices and says so.
        self.age = new_age()
        if self.op is not None and type(self.op) is not Gone:
            name, self.op = self.op.name, WRITTEN
            raise RuntimeError(
                f"{describe(self)} is the result of {name}: writing its data makes its history wrong. "
                f"To go on from other numbers, make a new one: Value(numbers)"
            )

    @property
    def grad(self) -> Any:
        """The gradient, with the Value's shape and dtype, or None. Set it to None, or to 0, to start anew."""
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        if new is not None:
            if type(new) is type(self._numbers) is not ndarray:
                self._grad = new
                return
            if not isinstance(new, Value):
                array = array_of(new)
                if array.dtype.kind not in "fiub":
                    raise TypeError(
                        f"a gradient of {describe(self)} is made of real numbers; got {brief(new)}. "
                        f"v.grad = None forgets it"
                    )
                new = np.full(self.shape, array, self.dtype) if not array.ndim else array.astype(self.dtype)
            if new.shape != self.shape or new.dtype != self.dtype:
                raise ValueError(
                    f"a gradient of {describe(self)} has its shape and dtype; got {new.shape} ({new.dtype}). "
                    f"v.grad = None forgets it"
                )
            new = new if isinstance(new, Value) else new[()]
        self._grad = new

    @property
    def shape(self) -> tuple[int, ...]:
        return self._numbers.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self._numbers.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self._numbers.size  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._numbers.dtype  # type: ignore[no-any-return]

    def item(self) -> float:
        """The one number it holds, as a Python float; ValueError if it holds another count."""
        if self.size != 1:
            raise ValueError(f"item() wants one number; this Value has shape {self.shape}. v.tolist() gives them all")
        return self._numbers.item()  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        return self._numbers.tolist()

    def detach(self) -> Value:
        """A new Value with a copy of the numbers and no history."""
        return Value(self._numbers)

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        kind = f"shape={self.shape}, dtype={self.dtype}, " if self.size > FEW else ""  # where not all is shown
        return f"Value({kind}data={shown(self._numbers)}, grad={shown(self.grad)}{name})"

    def __format__(self, spec: str) -> str:
        if spec and self.ndim:
            raise TypeError(f"format {spec!r} wants one number; this Value has shape {self.shape}")
        return format(self._numbers, spec) if spec else repr(self)

    def __float__(self) -> float:
        if self.ndim:
            raise TypeError(f"float() wants one number; this Value has shape {self.shape}. Its numbers are in .data")
        kept = lost_by(sys._getframe(1)) if type(self) is Value else None
        if kept:
            raise TypeError(
                f"the gradient of {describe(self)} would be lost here: {kept}. v.item() is the number alone"
            )
        return float(self._numbers)

    def __int__(self) -> int:
        if self.ndim:
            raise TypeError(f"int() wants one number; this Value has shape {self.shape}. Its numbers are in .data")
        return int(self._numbers)

    def __bool__(self) -> bool:
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

    def __iter__(self) -> Iterator[Value]:
        return (self[i] for i in range(len(self)))

    __hash__ = object.__hash__  # identity, although == is elementwise

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is made anew, with an age of its own. It cannot bring its history along (the inputs would be other
        # Values than the caller's), so a copied result says so when a sweep wants to go through it.
        computed, frozen = self.op is not None, self.params is FROZEN
        return revive, (type(self), self._numbers, numbers(self.grad), self.name, computed, frozen)

    # ------------------------------------------------------------------------------------------ differentiation

    def backward(
        self, gradient: ArrayLike | Value | None = None, *, create_graph: bool = False, release: bool = False
    ) -> None:
        """Differentiate this Value with respect to everything it was computed from; results are in each `.grad`.

        `gradient`, of this Value's shape, is what to start from; one number needs none and starts from 1. Leaves
        accumulate across calls; a computed Value's `.grad` is that of the latest call. `create_graph=True` makes the
        gradients Values that can be differentiated again. `release=True` drops the history as the sweep passes it:
        memory falls while it runs, computed Values get no `.grad`, and the graph cannot be swept again.

        Raises ValueError for a start that is missing or of another shape; RuntimeError for a graph that was released
        or in which a `v.data` was assigned to (`v.data = …`, `v.data -= …`) after it was used. Then no leaf's gradient
        has changed. Writing single elements, `v.data[i] = …`, is not noticed.

        >>> w = Value([1.0, 2.0])
        >>> (w * w).sum().backward()
        >>> w.grad
        array([2., 4.])
        """
        deposit(sweep(self, start(self, gradient, create_graph), create_graph=create_graph, release=release))

    # ------------------------------------------------------------------------------------------ NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = f"np.{ufunc.__name__}"
        if "out" in kwargs:
            refuse(f"{name}(out=…) would write a recorded result into an array. For x += v: x = x + v")
        key: Any = ufunc if method == "__call__" else (ufunc, method)
        row = TABLE.get(key)
        if row is not None and not kwargs:
            return row.record(*inputs)
        if key in FORMULAS:
            return FORMULAS[key](*inputs, **kwargs)
        if row is not None:
            option = next(iter(kwargs))
            refuse(f"{name}({option}=…) of a Value: {UFUNC_OPTIONS.get(option, 'this option is not recorded')}")
        if method != "__call__":
            refuse(f"{name}.{method} of a Value is not recorded: {UFUNC_METHODS[method]}")
        if "scipy.special" in sys.modules and ufunc not in REFUSED:
            importlib.import_module(f"{__package__.rpartition('.')[0]}.ops.special")  # fills the table
            if ufunc in TABLE:
                return self.__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if getattr(np, ufunc.__name__, None) is not ufunc:
            name = f"scipy.special.{ufunc.__name__}"
        return refuse(f"{name} of a Value: {REFUSED.get(ufunc, 'it has no rule here')}")

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function in FORMULAS:
            return FORMULAS[function](*args, **kwargs)
        row = TABLE.get(function)
        if row is not None:
            inputs, params = row.bind(args, kwargs)
            return row(*inputs, **params)
        if function in INSPECTIONS:
            return function(*map(all_numbers, args), **{name: all_numbers(value) for name, value in kwargs.items()})
        return refuse(f"{spelled(function)} of a Value: {REFUSED.get(function, 'it has no rule here')}")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        scipys = ". SciPy's logsumexp, softmax and log_softmax are in microgradnet.functional"
        raise TypeError(
            f"{describe(self)} does not become a plain array by itself, its gradient would be lost. "
            f"np.stack([v, w]) joins Values and keeps the graph; v.data are the numbers, to plot or to save"
            f"{scipys if 'scipy.special' in sys.modules else ''}"
        )

    @property
    def at(self) -> At:
        """What to change: `v.at[index].set(x)` and `v.at[index].add(x)` are `v` with some elements changed.

        Both are new Values, and differentiable in `v` and in `x`. `index` is of any kind NumPy has; `x` broadcasts to
        what it selects. Where an index names a place twice, `set` takes the last and `add` adds up.

        >>> v = Value([1.0, 2.0, 3.0])
        >>> v.at[1].set(9.0)
        Value(data=[1., 9., 3.], grad=None)
        >>> v.at[[0, 0]].add(1.0)
        Value(data=[3., 2., 3.], grad=None)
        """
        return At(self)

    def __setitem__(self, index: Any, new: Any) -> NoReturn:
        raise TypeError(
            f"a Value cannot be written in part, its history would be wrong. The one-line replacement makes a changed "
            f"Value: v = v.at[{written(index)}].set(x), or .add(x) for +=. For a leaf, v.data = array moves it"
        )

    # ------------------------------------------------------------------------------------------ operators
    # Each is its NumPy function's row, looked up in the table: the rows are defined in `ops`, below this file, which
    # in the end replaces the commonest of these by their row's own `record`.

    __add__, __radd__ = operators(np.add)
    __sub__, __rsub__ = operators(np.subtract)
    __mul__, __rmul__ = operators(np.multiply)
    __truediv__, __rtruediv__ = operators(np.divide)
    __pow__, __rpow__ = operators(np.power)
    __matmul__, __rmatmul__ = operators(np.matmul)
    __mod__, __rmod__ = operators(np.remainder)
    __floordiv__, __rfloordiv__ = operators(np.floor_divide)
    __and__, __rand__ = operators(np.bitwise_and)
    __or__, __ror__ = operators(np.bitwise_or)
    __xor__, __rxor__ = operators(np.bitwise_xor)
    __neg__ = method(np.negative)
    __pos__ = method(np.positive)
    __abs__ = method(np.absolute)
    __invert__ = method(np.invert)
    __lt__, __gt__ = operators(np.less)[0], operators(np.greater)[0]
    __le__, __ge__ = operators(np.less_equal)[0], operators(np.greater_equal)[0]

    def __divmod__(self, other: Operand) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Value, Value]:
        return other // self, other % self

    def __round__(self, ndigits: int | None = None) -> Value:
        return TABLE[np.round].record(self, decimals=ndigits or 0)

    def __eq__(self, other: object) -> Value:  # type: ignore[override]
        if other is None:
            return NotImplemented
        return TABLE[np.equal].record(self, other)

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        if other is None:
            return NotImplemented
        return TABLE[np.not_equal].record(self, other)

    def __getitem__(self, index: Any) -> Value:
        return by_formula(operator.getitem, self, index)

    # ------------------------------------------------------------------------------------------ methods
    # The methods of an ndarray, and the functions a network is made of.

    exp = method(np.exp)
    log = method(np.log)
    log1p = method(np.log1p)
    expm1 = method(np.expm1)
    sqrt = method(np.sqrt)
    square = method(np.square)
    sin = method(np.sin)
    cos = method(np.cos)
    tan = method(np.tan)
    tanh = method(np.tanh)
    abs = method(np.absolute)
    relu = method("relu")
    sigmoid = method("sigmoid")

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Value:
        return by_formula(np.clip, self, min, max)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **more: Any) -> Value:
        if more:
            return by_formula(np.sum, self, axis, keepdims=keepdims, **more)
        if axis is None and not keepdims:
            return TABLE[np.sum].record(self)
        return TABLE[np.sum].record(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **more: Any) -> Value:
        return by_formula(np.mean, self, axis, keepdims=keepdims, **more)

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **more: Any) -> Value:
        if more:
            return by_formula(np.max, self, axis, keepdims=keepdims, **more)
        return TABLE[np.max].record(self, axis=axis, keepdims=keepdims)

    def min(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **more: Any) -> Value:
        if more:
            return by_formula(np.min, self, axis, keepdims=keepdims, **more)
        return TABLE[np.min].record(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Value:
        return TABLE[np.argmax].record(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Value:
        return TABLE[np.argmin].record(self, axis=axis, keepdims=keepdims)

    def any(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Value:
        return TABLE[np.any].record(self, axis=axis, keepdims=keepdims)

    def all(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Value:
        return TABLE[np.all].record(self, axis=axis, keepdims=keepdims)

    def dot(self, other: Operand) -> Value:
        return by_formula(np.dot, self, other)

    def reshape(self, *shape: Any, order: str = "C") -> Value:
        if order != "C":
            return by_formula(np.reshape, self, shape[0] if len(shape) == 1 else shape, order)
        return TABLE[np.reshape].record(self, shape=shape[0] if len(shape) == 1 else shape)

    def ravel(self, order: str = "C") -> Value:
        if order != "C":
            return by_formula(np.ravel, self, order)
        return TABLE[np.reshape].record(self, shape=(-1,))

    flatten = ravel

    def transpose(self, *axes: Any) -> Value:
        return TABLE[np.transpose].record(self, axes=axes[0] if len(axes) == 1 else axes or None)

    @property
    def T(self) -> Value:
        return TABLE[np.transpose].record(self, axes=None)

    @property
    def mT(self) -> Value:
        return by_formula(np.matrix_transpose, self)

    def swapaxes(self, axis1: int, axis2: int) -> Value:
        return TABLE[np.swapaxes].record(self, axis1=axis1, axis2=axis2)

    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Value:
        return TABLE[np.squeeze].record(self, axis=axis)

    def astype(self, dtype: DTypeLike) -> Value:
        return TABLE["astype"].record(self, dtype=np.dtype(dtype))

    def copy(self) -> Value:
        return TABLE[np.positive].record(self)

    # The other methods of an ndarray, with its arguments.
    prod = numpys(np.prod)
    var = numpys(np.var)
    std = numpys(np.std)
    cumsum = numpys(np.cumsum)
    cumprod = numpys(np.cumprod)
    round = numpys(np.round)
    argsort = numpys(np.argsort)
    searchsorted = numpys(np.searchsorted)
    nonzero = numpys(np.nonzero)
    take = numpys(np.take)
    repeat = numpys(np.repeat)
    diagonal = numpys(np.diagonal)
    trace = numpys(np.trace)
    choose = numpys(np.choose)

    def compress(self, condition: Any, axis: int | None = None) -> Value:
        return by_formula(np.compress, condition, self, axis)


class NonDiff(Value):
    """A recorded Value that nothing flows back to: a comparison, an argmax, a floor. It may hold bools or ints."""

    __slots__ = ()

    def __index__(self) -> int:
        return operator.index(self._numbers)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:  # no gradient is lost
        return np.array(self._numbers, dtype)

    def astype(self, dtype: DTypeLike) -> Value:
        kind = np.dtype(dtype)
        return new_value(NonDiff, self._numbers.astype(kind), TABLE["astype"], (self,), {"dtype": kind})


def new_value(kind: type[Value], data: Any, op: Op | None, args: tuple[Any, ...], params: dict[str, Any]) -> Value:
    """A computed Value. Record paths go through here and not through `Value(…)`, which checks and copies."""
    value = new(kind)
    value._numbers = data
    value.op = op
    value.args = args
    value.params = params
    value.age = new_age()
    value._grad = None
    value.name = None
    value.scope = None
    if modes:
        observe(value)
    return value


class At:
    """`v.at[index]`: the elements of `v` to change; see `Value.at`."""

    __slots__ = ("index", "value")

    def __init__(self, value: Value, *index: Any) -> None:
        self.value, self.index = value, index

    def where(self) -> Any:
        if not self.index:
            raise TypeError("v.at wants an index: v.at[i].set(x), or v.at[...].set(x) for every element")
        return self.index[0]

    def __getitem__(self, index: Any) -> At:
        return At(self.value, index)

    def set(self, x: Operand) -> Value:
        """The Value with `x` in these elements."""
        return by_formula("at.set", self.value, self.where(), x)

    def add(self, x: Operand) -> Value:
        """The Value with `x` added to these elements."""
        return by_formula("at.add", self.value, self.where(), x)


def by_formula(function: Any, *args: Any, **kwargs: Any) -> Value:
    result: Value = FORMULAS[function](*args, **kwargs)
    return result


def revive(kind: type[Value], data: Any, grad: Any, name: str | None, computed: bool, frozen: bool = False) -> Value:
    """A copied or unpickled Value; see `Value.__reduce__`."""
    value = new_value(kind, data.copy(), COPIED if computed else None, (), NO_PARAMS)
    value.params = FROZEN if frozen else NO_PARAMS
    value.grad = None if grad is None else grad.copy()
    value.name = name
    return value


# ----------------------------------------------------------------------------------------------------------- modes
# no_grad and debug mode. Both are of a thread (or task) of their own; `modes` counts those that are on anywhere, so
# that recording pays no more than one look at it when none is.

modes = 0
RECORDING: ContextVar[bool] = ContextVar("recording", default=True)
WATCHER: ContextVar[Any] = ContextVar("watcher", default=None)


class Mode(contextlib.ContextDecorator):
    """Sets a variable for the length of a `with` block or of a decorated function; may be entered again inside."""

    def __init__(self, variable: ContextVar[Any], setting: Any) -> None:
        self.variable, self.setting = variable, setting
        self.tokens: list[Any] = []

    def __enter__(self) -> None:
        global modes
        self.tokens.append(self.variable.set(self.setting))
        with counting:
            modes += 1

    def __exit__(self, *error: object) -> None:
        global modes
        with counting:
            modes -= 1
        self.variable.reset(self.tokens.pop())

    def _recreate_cm(self) -> Mode:  # a decorated function may run in several threads at once: a Mode for each call
        return Mode(self.variable, self.setting)

    def __call__(self, function: Any) -> Any:
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is a generator: its body runs after the decorator is done. Put the with block "
                f"inside it, with no yield in the block"
            )
        if not inspect.iscoroutinefunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        async def inner(*args: Any, **kwargs: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **kwargs)

        return inner


counting = threading.Lock()


def no_grad() -> Mode:
    """A `with` block, or a decorator, in which nothing is recorded: every result is a Value without history.

    For evaluation, and for updates written out: results need no more memory than their numbers. It holds for what runs
    inside, in this thread or task; a generator must not yield inside the block, its caller would not record either.

    >>> w = Value(2.0)
    >>> with no_grad():
    ...     y = w * w
    >>> y.backward()
    >>> w.grad is None
    True
    """
    return Mode(RECORDING, False)


def recording() -> Mode:
    """The opposite of `no_grad`, for what must record whoever calls it."""
    return Mode(RECORDING, True)


def observe(value: Value) -> None:
    """What the modes do to a Value just recorded."""
    if not RECORDING.get():
        value.op, value.args, value.params = None, (), NO_PARAMS
    elif (watcher := WATCHER.get()) is not None:
        watcher.made(value)


# ------------------------------------------------------------------------------------------------- into a Value and out


def floating(data: Any) -> Any:
    """`data` as an array of its own, floating point, a NumPy scalar if 0-d."""
    if isinstance(data, Value):
        raise TypeError("this is a Value already: use it as it is, or .detach() it from its history")
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("a masked array cannot be a Value: its mask would be lost. Fill it first: array.filled(0.0)")
    array = array_of(data)
    kind = array.dtype.kind
    if kind in "iub" and not isinstance(data, np.ndarray):
        return array.astype(np.float64)[()]
    if kind != "f":
        way_out = {
            "i": "pass the plain ndarray (plain arrays are constants), or cast it: array.astype(float)",
            "c": "only real numbers can be differentiated here: use .real and .imag",
        }.get(kind if kind not in "ub" else "i", "give a number, a list of numbers, or a floating-point array")
        raise TypeError(f"a Value holds floating-point numbers; got dtype {array.dtype} from {brief(data)}: {way_out}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)[()]


def array_of(x: Any) -> Array:
    """`x` as an array of its own. ValueError for what has no shape, such as rows of unequal length."""
    try:
        return np.array(float(x) if isinstance(x, int) else x)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{brief(x)} is no array of numbers ({error}). Rows of unequal length are a list of Values, one for each"
        ) from error


def constant(x: Any) -> Any:
    """`x`, found beside a Value, as something to compute with: a Python number, an ndarray, a scalar or a NonDiff."""
    if type(x) is ndarray:
        if x.dtype.kind in "fiub" and x.ndim:
            return x
    elif isinstance(x, (int, float, NonDiff)):  # np.float64 is a float too
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("a masked array beside a Value: its mask would be lost. Fill it first: array.filled(0.0)")
    array = array_of(x)
    if array.dtype.kind not in "fiub":
        wanted = "a number, a real array or a Value"
        raise TypeError(f"{brief(x)} beside a Value: wanted {wanted}, got dtype {array.dtype}")
    return array[()] if array.ndim == 0 else array


def plain(x: Any) -> Any:
    """`x` as NumPy computes with it: lists become arrays. Python numbers stay, they take the dtype beside them."""
    return x if isinstance(x, (ndarray, np.generic, int, float)) else shaped(x)


def shaped(x: Any) -> Any:
    """`x` as something that has a shape and a dtype: lists and Python numbers become arrays and scalars."""
    if isinstance(x, (ndarray, np.generic, Value)):
        return x
    array = np.asarray(x) if isinstance(x, int) else array_of(x)
    if array.dtype.kind == "O":
        raise TypeError(f"wanted a number, an array or a Value; got {brief(x)}. Leave it out, or give it a default")
    return array[()]


def fixed_view(x: Any) -> Any:
    """A view of an input's numbers, read-only: a write into it would reach the input unnoticed."""
    if type(x) is ndarray and x.base is not None:
        x.flags.writeable = False
    return x


def numbers(x: Any) -> Any:
    """The data of a Value; anything else as it is."""
    return x._numbers if isinstance(x, Value) else x


def all_numbers(x: Any) -> Any:
    """The data of a Value, or of all Values in a list or tuple."""
    return [all_numbers(part) for part in x] if type(x) in (list, tuple) else numbers(x)


# ------------------------------------------------------------------------------------------------------------- the Op

Case: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]


def case(*inputs: Any, **params: Any) -> Case:
    """One way to call a row. An input is a shape (`"ab"`: two sizes to be drawn) or an ndarray, used as it is."""
    return inputs, params


class Domain:
    """Where the inputs of a row are smooth: between `low` and `high`."""

    __slots__ = ("high", "low")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high


REAL = Domain(-3, 3)
POSITIVE = Domain(0.25, 4)
UNIT = Domain(-0.9, 0.9)
ABOVE_ONE = Domain(1.1, 4)
BOOLEAN = Domain(0, 1)  # true or false

HUGE = 1.7976931348623157e308  # the largest number of float64
TINY = 5e-324  # and the smallest, a denormal one


class Op:
    """One row of the table: a function, its rules and what tests, drawings and errors need to know of it.

    `rules` has one rule for each input, None where nothing flows back. `domain` is one Domain for each input, `cases`
    are the calls the laws try. In a `symmetric` row the order of the inputs does not matter.

    `at` states what the gradient is at points where it is not finite, or where that is worth saying: `{0.0: np.inf}`,
    of several inputs `{(1.0, 0.0): (np.inf, -np.inf)}`; or a function of the parameters that returns that. A law holds
    the rules to it, and asks for finite gradients at all other special points, those in `points` included. See
    `testing.points`.
    """

    home: tuple[str, str] | None = None  # of a user's row: the module and the name it is found under

    def __init__(
        self,
        key: Any,
        rules: tuple[Rule, ...],
        forward: Callable[..., Any],
        symbol: str | None = None,
        domain: Sequence[Domain] = (),
        cases: Sequence[Case] = (),
        elementwise: bool = False,
        symmetric: bool = False,
        at: Any = None,
        points: Sequence[Any] = (),
    ) -> None:
        self.key, self.rules, self.forward = key, rules, forward
        self.name: str = key if isinstance(key, str) else key.__name__
        self.symbol = symbol or self.name
        self.domain, self.cases = tuple(domain), tuple(cases)
        self.elementwise, self.symmetric = elementwise, symmetric
        self.at, self.points = at or {}, tuple(points)
        self.kind = Value if any(rules) else NonDiff
        self.arity = len(rules)
        self.__doc__ = forward.__doc__

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """ndarray in, ndarray out; a Value anywhere in, a Value out."""
        for name, x in params.items():
            if isinstance(x, Value):
                raise TypeError(
                    f"{self.name} takes {name} as a parameter, a plain one; got a Value. Inputs go by position"
                )
        for x in inputs:
            if isinstance(x, Value):
                return self.record(*inputs, **params)
        return self.forward(*map(plain, inputs), **params)

    def record(self, *inputs: Any, **params: Any) -> Value:
        """The result of the row for `inputs`, at least one of them a Value, as a Value that remembers them."""
        kind: type[Value] = NonDiff
        if len(inputs) > self.arity and any(type(x) is Value for x in inputs[self.arity :]):
            raise TypeError(
                f"{self.name} has rules for {len(self.rules)} of its inputs; got {len(inputs)}, of which a later one "
                f"is a Value, whose gradient would be lost. Give it a rule, or pass its numbers: v.data"
            )
        args, arrays = [], []
        for x in inputs:
            if type(x) is Value:
                kind = self.kind
                arrays.append(x._numbers)
            else:
                x = constant(x)
                arrays.append(numbers(x))
            args.append(x)
        out = self.forward(*arrays, **params) if params else self.forward(*arrays)
        if type(out) is ndarray and not out.ndim:
            out = out[()]
        return new_value(kind, out, self, tuple(args), params)

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        """Given the gradient `g` of `node`, add to `pending` what flows to each of its inputs."""
        args, params = node.args, node.params
        # This line is the whole of higher order: handed Values, the rules record.
        out, inputs = (node, args) if create_graph else (node._numbers, [numbers(x) for x in args])
        for x, rule in zip(args, self.rules, strict=False):  # inputs past the last rule have none
            if type(x) is Value and rule is not None:
                gx = rule(g, out, *inputs, **params) if params else rule(g, out, *inputs)
                data = x._numbers
                if type(gx) is not type(data) or gx.shape != data.shape or gx.dtype is not data.dtype:
                    gx = fitted(gx, x, self)
                # Out of place: a rule may have given the same array to two inputs.
                pending[x] = pending[x] + gx if x in pending else gx

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        """NumPy's call of this row's function, as (inputs, params): inputs by position, parameters by name."""
        names, known = self.signature
        params = dict(zip(names, args, strict=False), **kwargs)
        inputs = []
        for name in names[: len(self.rules)]:
            if name not in params:
                refuse(f"np.{self.name} without {name!r} is not recorded")
            inputs.append(params.pop(name))
        for name in [name for name in params if name not in known]:
            if params.pop(name) is not None:  # None is what NumPy takes for "not given"
                way = (
                    "it would write a recorded result into an array" if name == "out" else "this option is not recorded"
                )
                refuse(f"np.{self.name}({name}=…) of a Value: {way}")
        for name, x in params.items():
            if isinstance(x, Value):
                refuse(
                    f"np.{self.name} takes {name} as a plain number or array, nothing flows to it; got {describe(x)}"
                )
        return inputs, params

    @functools.cached_property
    def signature(self) -> tuple[list[str], list[str]]:
        """The names of the arguments in NumPy's order, and those of them that this row takes."""
        import inspect

        known = list(inspect.signature(self.forward).parameters)
        try:
            names = list(inspect.signature(self.key).parameters)
        except ValueError:  # some of NumPy's C functions do not tell
            return known, known
        return ["shape" if name == "newshape" else name for name in names], known  # its name before NumPy 2.1

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(self.forward)

    def __repr__(self) -> str:
        return f"<Op {self.name}>"

    def __reduce__(self) -> Any:  # a row is one object in a process: a copied model finds the same one again
        key = self.key
        if self.home or isinstance(key, str):
            return find_row, self.home or (key,)
        if isinstance(key, np.ufunc):  # left to itself, pickle would look through all modules for it
            return find_row, ("numpy" if getattr(np, key.__name__, None) is key else "scipy.special", key.__name__)
        return find_row, (key.__module__, key.__name__)

    def __copy__(self) -> Op:
        return self

    def __deepcopy__(self, memo: Any) -> Op:
        return self


def find_row(key: Any, name: str | None = None) -> Any:
    """The row of `key`; or that of the function of this name in the module `key`."""
    if name is None:
        return TABLE[key]
    if key == "scipy.special":
        importlib.import_module(f"{__package__.rpartition('.')[0]}.ops.special")
    found = operator.attrgetter(name)(importlib.import_module(key))
    return found if isinstance(found, Op) else TABLE[found]


class Unary(Op):
    """A row with one input and no parameters. Same meaning as `Op`, fewer steps: most of a network is these.

    `record` and `pull` are plain functions here, so that `Value.__neg__` can be `record` itself. What the rule returns
    is not fitted to the input: nothing was stretched, and the laws hold every rule of these to the shape and dtype of
    its input. Another law holds `pull` to the general one, which is what runs under `create_graph`, bit by bit.
    """

    def __init__(self, *description: Any, **more: Any) -> None:
        super().__init__(*description, **more)
        forward, kind, (rule,), in_general = self.forward, self.kind, self.rules, self.pull

        def record(x: Any) -> Value:
            return new_value(kind if type(x) is Value else NonDiff, forward(x._numbers), self, (x,), NO_PARAMS)

        def pull(node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
            if create_graph:
                in_general(node, g, create_graph, pending)
                return
            (x,) = node.args
            gx = rule(g, node._numbers, x._numbers)
            pending[x] = pending[x] + gx if x in pending else gx

        self.record, self.pull = record, pull  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Any:
        return self.record(x) if isinstance(x, Value) else self.forward(plain(x))


class UnaryWith(Op):
    """A row with one input and parameters, such as a sum over axes. Same meaning as `Op`, fewer steps."""

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        if len(inputs) != 1:
            return super().__call__(*inputs, **params)
        (x,) = inputs
        for part in params.values():
            if isinstance(part, Value):
                return super().__call__(x, **params)  # says so
        return self.record(x, **params) if isinstance(x, Value) else self.forward(plain(x), **params)

    def record(self, x: Any, **params: Any) -> Value:
        out = self.forward(x._numbers, **params)
        if type(out) is ndarray and not out.ndim:
            out = out[()]
        return new_value(self.kind if type(x) is Value else NonDiff, out, self, (x,), params)

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        if create_graph:
            super().pull(node, g, create_graph, pending)
            return
        (x,) = node.args
        data = x._numbers
        gx = self.rules[0](g, node._numbers, data, **node.params)
        if type(gx) is not type(data) or gx.shape != data.shape or gx.dtype is not data.dtype:
            gx = fitted(gx, x, self)
        pending[x] = pending[x] + gx if x in pending else gx


class Binary(Op):
    """A row with two inputs and no parameters. Same meaning as `Op`, fewer steps; see `Unary`."""

    def __init__(self, *description: Any, **more: Any) -> None:
        super().__init__(*description, **more)
        forward, kind, (rule_x, rule_y), in_general = self.forward, self.kind, self.rules, self.pull

        def record(x: Any, y: Any) -> Value:
            a = x._numbers if type(x) is Value else numbers(x := constant(x))
            b = y._numbers if type(y) is Value else y if type(y) in PYTHON_NUMBERS else numbers(y := constant(y))
            flows = type(x) is Value or type(y) is Value
            try:
                out = forward(a, b)
            except ValueError as error:
                error.add_note(misfit(self, a, b))
                raise
            return new_value(kind if flows else NonDiff, out, self, (x, y), NO_PARAMS)

        def pull(node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
            if create_graph:
                in_general(node, g, create_graph, pending)
                return
            x, y = node.args
            out = node._numbers
            a = x if type(x) is not Value and type(x) is not NonDiff else x._numbers
            b = y if type(y) is not Value and type(y) is not NonDiff else y._numbers
            if type(x) is Value and rule_x is not None:
                gx = rule_x(g, out, a, b)
                if type(gx) is not type(a) or (
                    type(gx) is ndarray and (gx.shape != a.shape or gx.dtype is not a.dtype)
                ):
                    gx = fitted(gx, x, self)
                pending[x] = pending[x] + gx if x in pending else gx
            if type(y) is Value and rule_y is not None:
                gy = rule_y(g, out, a, b)
                if type(gy) is not type(b) or (
                    type(gy) is ndarray and (gy.shape != b.shape or gy.dtype is not b.dtype)
                ):
                    gy = fitted(gy, y, self)
                pending[y] = pending[y] + gy if y in pending else gy

        self.record, self.pull = record, pull  # type: ignore[method-assign]


class Ternary(Op):
    """A row with three inputs and no parameters. Same meaning as `Op`, fewer steps; see `Unary`."""

    def __init__(self, *description: Any, **more: Any) -> None:
        super().__init__(*description, **more)
        forward, kind, (rule_x, rule_y, rule_z), in_general = self.forward, self.kind, self.rules, self.pull

        def record(x: Any, y: Any, z: Any) -> Value:
            a = x._numbers if type(x) is Value else numbers(x := constant(x))
            b = y._numbers if type(y) is Value else numbers(y := constant(y))
            c = z._numbers if type(z) is Value else numbers(z := constant(z))
            flows = type(x) is Value or type(y) is Value or type(z) is Value
            return new_value(kind if flows else NonDiff, forward(a, b, c), self, (x, y, z), NO_PARAMS)

        def pull(node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
            if create_graph:
                in_general(node, g, create_graph, pending)
                return
            x, y, z = node.args
            out = node._numbers
            a = x if type(x) is not Value and type(x) is not NonDiff else x._numbers
            b = y if type(y) is not Value and type(y) is not NonDiff else y._numbers
            c = z if type(z) is not Value and type(z) is not NonDiff else z._numbers
            for v, data, rule in ((x, a, rule_x), (y, b, rule_y), (z, c, rule_z)):
                if type(v) is Value and rule is not None:
                    gv = rule(g, out, a, b, c)
                    if type(gv) is not type(data) or gv.shape != data.shape or gv.dtype is not data.dtype:
                        gv = fitted(gv, v, self)
                    pending[v] = pending[v] + gv if v in pending else gv

        self.record, self.pull = record, pull  # type: ignore[method-assign]


class Variadic(Op):
    """A row over any number of arrays. Its one rule returns the gradients of all of them, in order."""

    def __init__(self, *description: Any, **more: Any) -> None:
        super().__init__(*description, **more)
        self.arity = sys.maxsize

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        out, inputs = (node, node.args) if create_graph else (node._numbers, [numbers(x) for x in node.args])
        rule: Any = self.rules[0]
        gradients = rule(g, out, *inputs, **node.params)
        for x, gx in zip(node.args, gradients, strict=True):
            if type(x) is Value:
                gx = fitted(gx, x, self)
                pending[x] = pending[x] + gx if x in pending else gx


class Gone(Op):
    """What stands in a Value for a history that is no longer there; a sweep that needs it says why."""

    def __init__(self, why: str) -> None:
        super().__init__("gone", (), forward=Gone)
        self.why = why

    def pull(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> NoReturn:
        raise RuntimeError(f"backward() cannot pass {describe(node)}: {self.why}")


RELEASED = Gone(
    "its history was released by an earlier backward(release=True). Run the forward computation again, or leave "
    "release=True out of the earlier call"
)
WRITTEN = Gone("its data was written after it was computed. Run the forward computation again")
COPIED = Gone(
    "it is a copy (copy, deepcopy or pickle) of a computed Value, and a history is not copied. Copy before computing, "
    "or use v.detach() for the numbers alone"
)

# NumPy function, or the name of a function of our own -> its row.
TABLE: dict[Any, Op] = {}

# NumPy function -> a formula in its place: a function that calls rows.
FORMULAS: dict[Any, Callable[..., Any]] = {}

# Functions that only look at a Value: they are run on its numbers, and their result is a plain one.
INSPECTIONS: set[Callable[..., Any]] = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
    np.zeros_like, np.ones_like, np.empty_like,
    np.allclose, np.isclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.array2string,
    np.may_share_memory, np.shares_memory,
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


def op(
    key: Any,
    *rules: Rule,
    forward: Callable[..., Any] | None = None,
    symbol: str | None = None,
    domain: Domain | Sequence[Domain] = REAL,
    cases: Sequence[Case] = (),
    elementwise: bool | None = None,
    symmetric: bool = False,
    kind: type[Op] | None = None,
    parameters: bool | None = None,
    at: Any = None,
    points: Sequence[Any] = (),
) -> Op:
    """Add a row to the table and return it. See `Op`.

    A row without `parameters`, one that takes arrays and nothing else, is recorded and pulled in fewer steps. ufuncs
    know by themselves that they are such, and whether they work element by element.
    """
    if elementwise is None:
        elementwise = isinstance(key, np.ufunc) and key.signature is None
    if parameters is None:
        parameters = not elementwise and not isinstance(key, np.ufunc)
    fixed: dict[int, type[Op]] = {1: UnaryWith} if parameters else {1: Unary, 2: Binary, 3: Ternary}
    kind = kind or fixed.get(len(rules), Op)
    domains = (domain,) * len(rules) if isinstance(domain, Domain) else tuple(domain)
    TABLE[key] = row = kind(key, rules, forward or key, symbol, domains, cases, elementwise, symmetric, at, points)
    return row


def guarded(rule: Rule) -> Rule:
    """A user's rule, handed a gradient that it cannot write into: other inputs may have the same array."""
    if rule is None:
        return None

    def safely(g: Any, *rest: Any, **params: Any) -> Any:
        return rule(fixed_view(g.view()) if type(g) is ndarray else g, *rest, **params)

    return safely


def check_arguments(function: Any, rules: tuple[Rule, ...]) -> None:
    """TypeError for a function with more array arguments than rules, or a rule that does not take them."""
    code = getattr(function, "__code__", None)
    if code is None:
        return
    names = code.co_varnames[: code.co_argcount - len(function.__defaults__ or ())]
    if len(names) > len(rules):
        raise TypeError(
            f"{function.__name__} has the array arguments {', '.join(names)} and {len(rules)} of the rules: give one "
            f"for each, None where nothing flows. Keyword-only arguments need none"
        )
    for rule in rules:
        rule_code: Any = getattr(rule, "__code__", None)
        takes_more = rule_code is None or rule_code.co_flags & 0x04  # *args
        if not takes_more and rule_code.co_argcount < 2 + len(names):
            given = ", ".join(rule_code.co_varnames[: rule_code.co_argcount])
            raise TypeError(
                f"a rule of {function.__name__} takes ({given}): it is called with (g, out, {', '.join(names)}), the "
                f"gradient of the result, the result and the inputs"
            )


def primitive(*rules: Rule, **description: Any) -> Callable[[Callable[..., Any]], Op]:
    """Make a function a row: the decorated function is its forward, `rules` are its gradients.

    The function gets and returns plain arrays. There is one rule for each array argument, None where nothing flows:
    `(g, out, *inputs, **params) -> gradient of that input`, where g is the gradient of the result. Keyword-only
    arguments of the function are parameters. `symbol` is what drawings show. A rule written with operators, NumPy
    functions and other rows can be differentiated again. See `Op` for the rest; the built-in rows are made like this.

    >>> @primitive(lambda g, out, x: g * (1 + x) * np.exp(x), symbol="x·eˣ")
    ... def xexp(x):
    ...     return x * np.exp(x)
    >>> x = Value(0.0)
    >>> xexp(x).backward()
    >>> x.grad
    np.float64(1.0)
    """
    for rule in rules or ("none",):
        if not (rule is None or callable(rule)):
            raise TypeError(
                f"primitive wants a rule for each array argument, a function (g, out, *inputs) or None; got {rule!r}. "
                f"@primitive(lambda g, out, x: g * 2) goes above def f(x): …"
            )

    def make(function: Callable[..., Any]) -> Op:
        if isinstance(function, Value) or not callable(function):
            raise TypeError(
                f"primitive wants the rules first and then the function; got {brief(function)}. "
                f"@primitive(lambda g, out, x: g * 2) goes above def f(x): …"
            )

        check_arguments(function, rules)

        @functools.wraps(function)
        def forward(*inputs: Any, **params: Any) -> Any:
            out = shaped(function(*inputs, **params))
            if isinstance(out, Value):
                raise TypeError(
                    f"{function.__name__} computed with a Value that is none of its arguments, its gradient would be "
                    f"lost. Pass it as an argument, with a rule of its own, or use its numbers: v.data"
                )
            if any(out is x for x in inputs):
                out = out.copy()
            if out.dtype.kind not in "fiub":
                raise TypeError(f"{function.__name__} returns an array of numbers; got {brief(out)}")
            return fixed_view(out)

        row = op(forward, *map(guarded, rules), forward=forward, **description)
        row.home = (function.__module__, function.__qualname__)
        return row

    return make


# ---------------------------------------------------------------------------------------------------------- the sweep


def sweep(root: Value, g: Any, *, create_graph: bool = False, release: bool = False) -> dict[Value, Any]:
    """The gradient of `root`, started from `g`, for every Value it was computed from. Nothing is deposited.

    With `release` the history is dropped on the way and only leaves are returned.
    """
    found: dict[Value, Any] = {}
    pending = swept(history(root), {root: g}, create_graph, release, None if release else found)
    for node, g in pending.items():  # what is left are the leaves
        if type(node) is Value:  # and not frozen after it was used
            assert node.op is None, f"the gradient of {describe(node)} was left unclaimed"
            found[node] = g
    return found


def swept(
    nodes: list[Value],
    pending: dict[Value, Any],
    create_graph: bool,
    release: bool,
    found: dict[Value, Any] | None = None,
) -> dict[Value, Any]:
    """`pending`, after its gradients have flowed through `nodes`, which are consumed; theirs are put in `found`."""
    watcher = WATCHER.get() if modes else None
    watched = watcher and watcher.of_a_sweep()
    while nodes:
        node = nodes.pop()
        g = pending.pop(node, None)
        if g is not None:
            if found is not None:
                found[node] = g
            if watched:
                watched(node, g, create_graph, pending)
            else:
                node.op.pull(node, g, create_graph, pending)  # type: ignore[union-attr]
        if release:
            node.args, node.op = (), RELEASED
    return pending


def history(root: Value) -> list[Value]:
    """The computed Values `root` was computed from, and `root` if it is one, oldest first."""
    nodes, seen = ([root] if root.op is not None else []), {root}
    for node in nodes:  # grows while it is walked
        age = node.age
        for x in node.args:
            if type(x) is Value:
                if x.age > age:
                    refuse_to_pass(node, x)
                if x.op is not None and x not in seen:
                    seen.add(x)
                    nodes.append(x)
            elif type(x) is NonDiff and x.age > age:
                refuse_to_pass(node, x)
    nodes.sort(key=by_age)
    return nodes


def refuse_to_pass(node: Value, x: Value) -> NoReturn:
    raise RuntimeError(
        f"{describe(x)}, an input of {node.op.name if node.op else '?'}, was written (v.data = …) or unfrozen after it "
        f"was used, so the recorded numbers are no longer its own. Run the forward computation again, then backward()"
    )


def fitted(g: Any, x: Value, row: Op) -> Any:
    """`g`, from a rule, in the shape and dtype of its input `x`: what broadcasting stretched is summed."""
    if not isinstance(g, (ndarray, np.generic, Value)):
        if g is None:
            raise TypeError(f"a rule of {row.name} returned None; wanted the gradient of an input of shape {x.shape}")
        g = shaped(g)
    if g.shape != x.shape:
        g = unbroadcast(g, x.shape, row)
    if g.dtype != x.dtype:
        g = g.astype(x.dtype)
    return g[()] if type(g) is ndarray and not g.ndim else g


def unbroadcast(g: Any, shape: tuple[int, ...], row: Op) -> Any:
    """`g` summed over the axes along which an array of `shape` was stretched."""
    lead = g.ndim - len(shape)
    if lead == 1 and g.shape[1:] == shape:  # a bias under a batch: the commonest case by far
        return g.sum(axis=0)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[lead:], strict=True)):
        raise ValueError(f"a rule of {row.name} returned shape {g.shape} for an input of shape {shape}")
    stretched = [lead + i for i, n in enumerate(shape) if n == 1]
    return g.sum(axis=(*range(lead), *stretched)).reshape(shape)


def start(value: Value, gradient: Any, create_graph: bool) -> Any:
    """What a sweep from `value` starts from: an array of its shape and dtype that nobody else holds."""
    if isinstance(value, NonDiff):
        if value.params is FROZEN:
            raise TypeError(f"{describe(value)} is frozen: nothing flows to it. unfreeze() the Module that holds it")
        way = "Start from a Value that comes before it, or from one that does not depend on it"
        if value.op and any(value.op.rules):
            way = (
                "It was computed from what nothing flows to: constants, comparisons, frozen parameters (unfreeze() the "
                "Module that holds them)"
            )
        raise TypeError(
            f"{describe(value)} is the result of {value.op.name if value.op else 'no_grad'}: nothing flows back from "
            f"it. {way}"
        )
    if gradient is None:
        if type(value._numbers) is not ndarray and not create_graph:
            return type(value._numbers)(1)
        if value.size != 1:
            raise ValueError(
                f"backward() starts from one number; this Value has shape {value.shape}. Reduce it first "
                f"(v.sum().backward()) or give the gradient to start from (v.backward(gradient))"
            )
        gradient = np.ones(value.shape)
    if np.shape(gradient) != value.shape:
        raise ValueError(
            f"the gradient to start from has shape {np.shape(gradient)}; the Value has shape {value.shape}. "
            f"Give one number for each of its elements"
        )
    if create_graph and isinstance(gradient, Value):
        return gradient if gradient.dtype == value.dtype else gradient.astype(value.dtype)
    g = floating(numbers(gradient)).astype(value.dtype)
    return Value(g) if create_graph else g


def deposit(gradients: dict[Value, Any]) -> None:
    """Put each gradient into its Value's `.grad`, in memory of its own; leaves add it to what they have."""
    owned: set[int] = set()
    for value, g in gradients.items():
        array = g._numbers if type(g) is Value else g
        if type(array) is ndarray:
            if array.base is not None or id(array) in owned:  # a view, or the same array under two Values
                g = g.copy()
                array = numbers(g)
            owned.add(id(array))
        if value._grad is not None and value.op is None:
            g = (value._grad if type(g) is Value else numbers(value._grad)) + g
        value._grad = g
