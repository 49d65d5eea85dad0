"""Debug mode: where the first NaN or Inf appeared, and which array was written between forward and backward.

While it is on, every recorded Value remembers the user's line that made it and what its arrays held. When it is off, it
costs nothing: recording looks at one number that says that no mode is on.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .core import WATCHER, Mode, NonDiff, Value, numbers
from .words import describe, printable, shown

HERE = str(Path(__file__).parent)


def debug(nan: bool = True, inf: bool = True) -> Mode:
    """A `with` block, or a decorator, that stops where the first NaN or Inf appears, and at overwritten arrays.

    Raises FloatingPointError that names the operation, its inputs and the line of your program: in the forward
    computation where a result has a NaN (or Inf, unless `inf=False`) that its inputs did not have, and in `backward()`
    where a gradient has one. Raises RuntimeError from `backward()` for a Value's numbers, a constant or an index array
    that was written in place after it was used. Both forward and backward belong inside the block.

    >>> x = Value([4.0, 0.0])
    >>> with debug(), np.errstate(divide="ignore"):
    ...     np.sqrt(x).sum().backward()
    Traceback (most recent call last):
        ...
    FloatingPointError: the gradient of sqrt gave inf at [1] to the Value of shape (2,) (float64) in backward()...
    """
    if callable(nan):
        raise TypeError("debug is called first: @debug() above the function, or with debug(): …")
    return Mode(WATCHER, Watcher(bool(nan), bool(inf)))


class Trace(NamedTuple):
    """What a recorded Value remembers in debug mode."""

    file: str
    line: int
    function: str
    held: tuple[int, ...]  # what its inputs and itself held: one hash each

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        return printable(f"{self.file}:{self.line}, in {self.function}" + (f": {text}" if text else ""))


def trace_of(value: Value) -> Trace | None:
    """The line that recorded a Value, if it was recorded in debug mode."""
    return getattr(value, "_recorded_at", None)


def held_by(value: Value) -> tuple[Any, ...]:
    """What a rule may look at: the inputs, the result, the parameters."""
    return (*value.args, value, *value.params.values())


def hash_of(x: Any) -> int:
    array = numbers(x)
    if isinstance(array, (list, tuple, dict)):
        return hash(repr(array))
    return hash(array.tobytes()) if isinstance(array, np.ndarray) else 0  # numbers cannot be written


OURS: dict[str, bool] = {}  # file -> whether it is of this package, or of NumPy


def users_line() -> tuple[str, int, str]:
    """The innermost line of the program that is neither this package nor NumPy."""
    frame: Any = sys._getframe(1)
    while frame.f_back:
        file = frame.f_code.co_filename
        ours = OURS.get(file)
        if ours is None:
            ours = OURS[file] = file.startswith((HERE, "<__array_function__", np.__path__[0]))
        if not ours:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


class Watcher:
    """What happens at every record, and in a sweep at every pull, while debug mode is on."""

    def __init__(self, nan: bool = True, inf: bool = True) -> None:
        self.tests: list[Callable[[Any], Any]] = [np.isnan] * nan + [np.isinf] * inf

    def bad(self, x: Any) -> Any:
        """The index of the first element of `x` that is NaN (or Inf), NaN first; None if all are well."""
        array = numbers(x)
        for test in self.tests:
            if np.any(test(array)):
                return np.argwhere(test(array))[0].tolist()
        return None

    def is_new(self, out: Any, inputs: list[Any]) -> bool:
        """Whether `out` has a NaN, or an Inf, of which no input has one. Infs may give a NaN, which is new."""
        return any(np.any(test(numbers(out))) and not any(np.any(test(x)) for x in inputs) for test in self.tests)

    def made(self, value: Value) -> None:
        """Called for every Value just recorded."""
        value._recorded_at = Trace(*users_line(), tuple(map(hash_of, held_by(value))))
        inputs = floats(value.args)
        if value.dtype.kind == "f" and self.bad(value) is not None and self.is_new(value, inputs):
            raise FloatingPointError(
                f"{said(value, self.bad(value), named(value))} in the forward computation, "
                f"at {value._recorded_at}.{given(value)}"
            )
        if value.dtype.kind != "f" or np.isnan not in self.tests or not np.any(np.isnan(value._numbers)):
            return
        for i, x in enumerate(value.args):  # what was a NaN already when it came in
            leaf = not isinstance(x, Value) or x.op is None
            if leaf and np.asarray(numbers(x)).dtype.kind == "f" and np.any(np.isnan(numbers(x))):
                what = describe(x) if isinstance(x, Value) else f"the array of shape {np.shape(x)} that is input {i}"
                raise FloatingPointError(
                    f"{what} holds NaN already where {named(value)} takes it, at {value._recorded_at}"
                )

    def of_a_sweep(self) -> Callable[..., None]:
        """What a sweep calls in place of `node.op.pull`."""
        users: dict[Value, list[tuple[Value, str]]] = {}

        def pull(node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
            check_unwritten(node)
            for x in node.args:
                if type(x) is Value:
                    users.setdefault(x, []).append((node, named(node)))  # a release forgets it
            found: dict[Value, Any] = {}
            name, line = named(node), trace_of(node) or "a line outside debug mode"
            try:
                node.op.pull(node, g, create_graph, found)  # type: ignore[union-attr]
            except FloatingPointError as error:
                if create_graph:
                    error.add_note(
                        f"this was in the gradient of {name}, which was recorded at {line}.{given(node)}"
                        f"\n  the gradient it got: {shown(g)}{self.masked(node, g, users)}"
                    )
                raise
            for x, gx in found.items():
                if self.bad(gx) is not None and self.is_new(gx, [numbers(g)]):
                    raise FloatingPointError(
                        f"the gradient of {named(node)} gave {said(gx, self.bad(gx), '')} to {describe(x)} in "
                        f"backward(). {named(node)} was recorded at {trace_of(node) or 'a line outside debug mode'}."
                        f"{given(node)}\n  the gradient it got: {shown(g)}{self.masked(node, g, users)}"
                    )
                total = pending[x] + gx if x in pending else gx
                if self.is_new(total, [numbers(gx)]):
                    raise FloatingPointError(
                        f"the gradients of {describe(x)} from several places add up to "
                        f"{said(total, self.bad(total), '')} in backward(); the last came from {name}, at {line}"
                    )
                pending[x] = total

        return pull

    def masked(self, node: Value, g: Any, users: dict[Value, list[tuple[Value, str]]]) -> str:
        """The where that masks elements of `node`, if that is why a gradient of 0 met an infinite slope."""
        if np.all(numbers(g) != 0):
            return ""
        nodes = list(users.get(node, []))
        seen = {user for user, _ in nodes}
        for user, name in nodes:  # grows while it is walked
            if name == "where":
                return (
                    f"\n  np.where at {trace_of(user) or 'a line outside debug mode'} masks elements of this result: "
                    f"their gradient is 0, and 0 times an infinite slope is NaN. Mask what goes into {named(node)} "
                    f"too: np.where(mask, {named(node)}(np.where(mask, x, 1.0)), other)"
                )
            further = [(v, name) for v, name in users.get(user, []) if v not in seen]
            seen.update(v for v, _ in further)
            nodes += further
        return ""


def floats(args: tuple[Any, ...]) -> list[Any]:
    """The numbers of those that are of floating point."""
    return [x for x in map(numbers, args) if np.asarray(x).dtype.kind == "f"]


def named(value: Value) -> str:
    return value.op.name if value.op is not None else "a leaf"


def said(out: Any, where: Any, name: str) -> str:
    """In words: log gave -inf at [1]."""
    element = np.asarray(numbers(out))[tuple(where)]
    at = f" at {where}" if where else ""
    return f"{name} gave {element}{at}" if name else f"{element}{at}"


def given(value: Value) -> str:
    """The inputs of a recorded Value, one in a line."""
    lines = [f"\n  input {i}{f' ({x.name})' if isinstance(x, Value) and x.name else ''}: {shown(x)}"
             for i, x in enumerate(value.args)]  # fmt: skip
    return "".join(lines)


def check_unwritten(node: Value) -> None:
    """RuntimeError if an array that `node` was computed from, or its own, holds something else than then."""
    trace = trace_of(node)
    if trace is None:
        return
    for i, (x, held) in enumerate(zip(held_by(node), trace.held, strict=True)):
        if hash_of(x) != held:
            what = describe(x) if isinstance(x, Value) else f"the array of shape {np.shape(x)} that is its input {i}"
            if i > len(node.args):
                what = f"its parameter {[*node.params][i - len(node.args) - 1]}"
            elif x is node:
                what = f"{describe(node)}, its result,"
            elif isinstance(x, NonDiff) or not isinstance(x, Value):
                what += ", a constant,"
            raise RuntimeError(
                f"{what} was written in place after {named(node)} used it, at {trace}. The gradient would be of other "
                f"numbers. Run the forward computation again after writing, or write to a copy: array.copy()"
            )
