"""What a type checker is told of the functions that transforms return: a gradient has the type of its argument.

That holds for a number, an array, a Value, a Module, and for a dict, list or tuple of floats or arrays. A constant in a
container has None in its place, which types cannot say.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, overload

import numpy as np

from ..core import Array, Value

T = TypeVar("T")


class Gradient(Protocol):
    """What `grad(f)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> np.float64: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> T: ...


class GradientBesideAux(Protocol):
    """What `grad(f, has_aux=True)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> tuple[np.float64, Any]: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> tuple[T, Any]: ...


class ValueAndGradient(Protocol):
    """What `value_and_grad(f)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> tuple[np.float64, np.float64]: ...
    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> tuple[Value, Value]: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> tuple[np.floating[Any], T]: ...


class ValueAndGradientBesideAux(Protocol):
    """What `value_and_grad(f, has_aux=True)` returns."""

    @overload
    def __call__(self, x: float, /, *args: Any, **kwargs: Any) -> tuple[tuple[np.float64, Any], np.float64]: ...
    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> tuple[tuple[Value, Any], Value]: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> tuple[tuple[np.floating[Any], Any], T]: ...


class Slopes(Protocol):
    """What `jacobian(f)` and `hessian(f)` return. The slopes of or by a structure are a structure of structures."""

    @overload
    def __call__(self, x: Value, /, *args: Any, **kwargs: Any) -> Value: ...
    @overload
    def __call__(self, x: float | np.generic | Array, /, *args: Any, **kwargs: Any) -> Array: ...
    @overload
    def __call__(self, x: object, /, *args: Any, **kwargs: Any) -> Any: ...
