"""`host_call`: a function of the user's that Python calls at every step, in a compiled one too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..core import Value, modes
from ..words import brief
from .nodes import Node, changed
from .recording import alike

R = TypeVar("R")


def host_call(function: Callable[..., R], *args: Any) -> R:
    """What `function(*args)` returns, called by Python in every step: with plain numbers, through which nothing flows.

    In a compiled step this is the way out of the program and back: to log, to draw random numbers, to read a file, to
    average gradients with other processes. Arrays and Values among `args`, in tuples, lists and dicts too, are handed
    over as copies, which the function may keep. It returns numbers, arrays, tuples of these or None; from call to call
    of the same shape and dtype. Parameters are as they were before the step: what the function is to see is in `args`.

    TypeError for what is no function, and for results of another kind.

    >>> from microgradnet import Value, compile
    >>> w, norms = Value([3.0, 4.0]), []
    >>> @compile
    ... def step():
    ...     w.grad = None
    ...     (w * w).sum().backward()
    ...     host_call(norms.append, (w.grad**2).sum() ** 0.5)
    ...     w.data -= 0.25 * w.grad
    >>> for _ in range(4):
    ...     step()
    >>> [float(norm) for norm in norms]
    [10.0, 5.0, 2.5, 1.25]
    """
    if not callable(function):
        raise TypeError(f"host_call wants a function and its arguments, host_call(f, x); got {brief(function)}")
    call = HostCall(function)
    tape = modes.taped()
    if tape is not None:
        return tape.hooked(call, args, {})  # type: ignore[no-any-return]
    return call(*changed(args, lambda x: x._numbers if isinstance(x, Value) else x))  # type: ignore[no-any-return]


class HostCall:
    """A function of the user's, and what its result must be like."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function: Callable[..., Any] = function
        self.like: Any = None  # what its results were like in the first call
        self.__name__: str = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args: Any) -> Any:
        result = self.plain(self.function(*changed(args, own)))
        like = changed(result, kind_of)
        if self.like is None:
            self.like = like
        elif like != self.like:
            raise TypeError(
                f"{self.__name__} returned {said(self.like)} to a compiled step at first, and now {said(like)}: a "
                f"program computes with one kind"
            )
        return result

    def plain(self, x: Any) -> Any:
        """A result as it is handed to the step."""
        if type(x) in (tuple, list):
            return tuple(map(self.plain, x))
        if isinstance(x, Value):
            x = x._numbers
        if isinstance(x, bool):
            return np.bool(x)  # which way an `if` goes could not be known
        if x is None or (isinstance(x, (int, float, np.ndarray, np.generic)) and np.asarray(x).dtype.kind in "biuf"):
            return x
        raise TypeError(f"{self.__name__} returned {brief(x)} to host_call: numbers, arrays, tuples of these, or None")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostCall) and alike(self.function, other.function)

    __hash__ = object.__hash__


KNOWN = (__name__.partition(".")[0], "numpy", "scipy", "_operator", "builtins")  # where code lives that does its work


def runs_others(node: Node) -> bool:
    """Whether a line runs code of the user's, which may look at whatever lasts, or call the very step that it is in."""
    if node.kind not in ("call", "host", "barrier"):
        return False
    function = node.function
    if type(function) is HostCall or getattr(function, "__name__", "") == "_hook_rule":
        return True
    home = getattr(function, "__module__", None) or "builtins"  # that of a ufunc, or of a method written in C, is None
    return str(home).partition(".")[0] not in KNOWN


def own(x: Any) -> Any:
    """An array in memory of its own: a program writes into its arrays again in the next step."""
    return x.copy() if isinstance(x, np.ndarray) else x


def kind_of(x: Any) -> Any:
    """What a program relies on in a result."""
    return (x.shape, x.dtype) if isinstance(x, (np.ndarray, np.generic)) else type(x)


def said(like: Any) -> str:
    """What a result is like, in words."""
    if isinstance(like, tuple) and len(like) == 2 and isinstance(like[1], np.dtype):
        return f"shape {like[0]} ({like[1]})"
    return str(like.__name__) if isinstance(like, type) else ", ".join(map(said, like))
