"""What a formula says of itself: which of NumPy's functions it stands for, and what goes in and comes out.

A type checker is told that arrays make an array, and a Value anywhere among the operands makes a Value. Operands go by
position; how many there are is said by `of_one`, `of_two` or `of_three`, and the rest of the formula's signature is its
own. These three are for type checkers alone: the function stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, overload

import numpy as np

from ..words import refuse, spelled
from .engine import Value
from .tables import FORMULAS, Array, Numbers

BY_NAME = sys.maxsize  # the place of an `out` that NumPy takes by name only

Either: TypeAlias = "Value | Numbers"  # an operand
Formula = TypeVar("Formula", bound=Callable[..., Any])
Options = ParamSpec("Options")


def formula(*functions: Any, out: int | None = None) -> Callable[[Formula], Formula]:
    """Let the decorated function stand for these of NumPy wherever a Value is among the arguments.

    It has NumPy's own signature but for `out`, the array to write the result into. Where NumPy takes that, `out` says
    at which place: it is refused there and by name, in the name of the first of the functions, unless it is None. What
    NumPy has no function for stands in the table under another key, such as (np.add, "reduce") or "at.set".

        @formula(np.var, out=3)
        def var(a, axis=None, dtype=None, ddof=0, keepdims=False): ...

    The function itself stays as it is, so that formulas that call one another pay for no check.
    """

    def register(ours: Formula) -> Formula:
        answer = ours if out is None else refusing_out(spelled(functions[0]), ours, out)
        FORMULAS.update(dict.fromkeys(functions, answer))
        return ours

    return register


def refusing_out(name: str, ours: Callable[..., Any], place: int) -> Callable[..., Any]:
    """`ours` with the `out` of NumPy's function `name`, the argument at `place`."""

    def answer(*args: Any, out: Any = None, **named: Any) -> Any:
        if len(args) > place:
            out, args = args[place], args[:place] + args[place + 1 :]
        if out is not None and out is not np._NoValue:  # which NumPy itself takes for "not given"
            refuse(f"{name}(out=…) would write a recorded result into an array. Leave out= away and use the result")
        return ours(*args, **named)

    return answer


# ------------------------------------------------------------------------------------------------------------- types


if TYPE_CHECKING:

    class OfOne(Protocol[Options]):
        @overload
        def __call__(self, x: Value, /, *args: Options.args, **kwargs: Options.kwargs) -> Value: ...
        @overload
        def __call__(self, x: Numbers, /, *args: Options.args, **kwargs: Options.kwargs) -> Array: ...

    class OfTwo(Protocol[Options]):
        @overload
        def __call__(self, x: Value, y: Either, /, *args: Options.args, **kwargs: Options.kwargs) -> Value: ...
        @overload
        def __call__(self, x: Numbers, y: Value, /, *args: Options.args, **kwargs: Options.kwargs) -> Value: ...
        @overload
        def __call__(self, x: Numbers, y: Numbers, /, *args: Options.args, **kwargs: Options.kwargs) -> Array: ...

    class OfThree(Protocol[Options]):
        @overload
        def __call__(
            self, x: Value, y: Either, z: Either, /, *args: Options.args, **kwargs: Options.kwargs
        ) -> Value: ...
        @overload
        def __call__(
            self, x: Either, y: Value, z: Either, /, *args: Options.args, **kwargs: Options.kwargs
        ) -> Value: ...
        @overload
        def __call__(
            self, x: Either, y: Either, z: Value, /, *args: Options.args, **kwargs: Options.kwargs
        ) -> Value: ...
        @overload
        def __call__(
            self, x: Numbers, y: Numbers, z: Numbers, /, *args: Options.args, **kwargs: Options.kwargs
        ) -> Array: ...


def of_one(function: Callable[Concatenate[Any, Options], Any]) -> OfOne[Options]:
    """A formula of one operand."""
    return function


def of_two(function: Callable[Concatenate[Any, Any, Options], Any]) -> OfTwo[Options]:
    """A formula of two operands."""
    return function


def of_three(function: Callable[Concatenate[Any, Any, Any, Options], Any]) -> OfThree[Options]:
    """A formula of three operands."""
    return function
