"""How a program runs: as NumPy, always, or natively where `llvmlite` is installed."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload

from ..checks import choice

F = TypeVar("F", bound=Callable[..., Any])
Backend: TypeAlias = Literal["numpy", "native"]
BACKENDS = "numpy", "native"


class Compile(Protocol):
    """What `compile` is: called with a function, or with options as a decorator, and with a default of its own."""

    backend: Backend | None

    @overload
    def __call__(self, function: F, *, backend: Backend | None = None) -> F: ...
    @overload
    def __call__(self, function: None = None, *, backend: Backend | None = None) -> Callable[[F], F]: ...


def with_default(function: Any) -> Compile:
    """A function with a `backend` of its own, None for the best there is."""
    function.backend = None
    made: Compile = function
    return made


def checked(backend: Any) -> Backend | None:
    """A backend by name; None for none. ValueError for another name, ModuleNotFoundError where it cannot run."""
    if backend is None:
        return None
    name = choice("backend", backend, BACKENDS, call="compile")
    if name == "native" and importlib.util.find_spec("llvmlite") is None:
        raise ModuleNotFoundError(
            'backend="native" needs llvmlite: pip install "microgradnet[native]"', name="llvmlite"
        )
    if name == "native" and not is_native():
        raise RuntimeError('backend="native" needs CPython with a GIL, of 64 bits. backend="numpy" runs everywhere')
    return name  # type: ignore[return-value]


@functools.cache
def is_native() -> bool:
    """Whether programs can run natively here."""
    if importlib.util.find_spec("llvmlite") is None:
        return False
    from .native.cpython import fits

    return fits()
