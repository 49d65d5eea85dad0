"""`mg.compile`: a function that is recorded in its first calls, and runs as the program they have in common."""

from __future__ import annotations

import contextlib
import functools
import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from ..core import TAPE, Mode, Value
from ..words import brief, describe
from .nodes import nodes_in
from .numpy_code import COMPILED, NumPyProgram, OtherProgram
from .program import Program
from .recording import Recording
from .tape import Tape
from .traced import Uncompilable

F = TypeVar("F", bound=Callable[..., Any])

KEPT = 16  # signatures, and programs of each
TRIES = 5  # calls of one signature among which two must record the same


class Signature:
    """What is known of the calls whose arguments have the same structure, shapes, dtypes and static parts."""

    def __init__(self) -> None:
        self.programs: list[NumPyProgram] = []
        self.recordings: list[Recording] = []


class Compiled:
    """A function that is recorded, and then runs as a program; `compile` makes one.

    `source` is its latest program as the text of a NumPy function, `passes` says how it came to be.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function: Callable[..., Any] = function
        name = getattr(function, "__name__", type(function).__name__)
        self.title: str = name if name.isidentifier() else "step"
        self.signatures: dict[Any, Signature] = {}
        self.latest: NumPyProgram | None = None
        functools.update_wrapper(self, function)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns; what it changes is changed."""
        live: list[Any] = []
        key = signature((args, kwargs) if kwargs else args, live)
        known = self.signatures.get(key)
        if known is None:
            known = self.new(key)
        for program in known.programs:
            try:
                returned = program([x._numbers if isinstance(x, Value) else x for x in live])
            except OtherProgram:
                continue
            self.latest = program
            return returned
        with without_collector():
            return self.recorded(known, args, kwargs)

    def new(self, key: Any) -> Signature:
        """A signature that was not seen before. The oldest is forgotten where there are too many."""
        if len(self.signatures) == KEPT:
            warnings.warn(
                f"{self.title} has been compiled for {KEPT} signatures, the oldest is forgotten. Every shape, and "
                f"every int, bool or str among the arguments, is a program of its own: pass floats or arrays, or pad",
                stacklevel=3,
            )
            del self.signatures[next(iter(self.signatures))]
        self.signatures[key] = made = Signature()
        return made

    # ------------------------------------------------------------------------------------------------------ recording

    def recorded(self, known: Signature, args: Any, kwargs: Any) -> Any:
        """One ordinary call, recorded. If an earlier one recorded the same, it is the program from now on."""
        recording, plain = self.run_on_tape(args, kwargs)
        differences = [other.difference(recording) for other in known.recordings]
        if None in differences:
            known.recordings.clear()
            del known.programs[: len(known.programs) + 1 - KEPT]
            self.latest = NumPyProgram(Program(recording), self.title)
            known.programs.append(self.latest)
            return plain
        known.recordings.append(recording)
        if len(known.recordings) == TRIES:
            known.recordings.clear()
            raise Uncompilable(
                f"{self.title} recorded something else in each of {TRIES} calls. In the last two it was "
                f"{differences[-1]}. What changes from call to call is an argument, a float or an array; int, bool, "
                f"str and None are static"
            )
        return plain

    def run_on_tape(self, args: Any, kwargs: Any) -> tuple[Recording, Any]:
        """What one call records, and what it returns."""
        tape = Tape()
        with Mode(TAPE, tape):
            result = self.function(*tape.arguments(args), **tape.arguments(kwargs))
        spec, returned, classes = tape.outcome(result, COMPILED)
        tape.close()
        recording = Recording(tape.nodes, tape.inputs, spec, classes)
        if not list(nodes_in(spec)) and not any(node.kind in ("store", "host") for node in tape.nodes):
            raise Uncompilable(
                f"{self.title} has nothing to compile: it returns {brief(result)} and moves nothing. Return what is "
                f"computed from the arguments"
            )
        made = tape.cut(COMPILED)
        del tape, result
        self.check_kept(made)
        return recording, returned

    def check_kept(self, made: list[ref[Value]]) -> None:
        """Uncompilable if a Value that the step computed is held by something outside, in a list or as an attribute."""
        for held in made:
            value = held()
            if value is not None and any(isinstance(x, (list, dict, tuple, set)) for x in gc.get_referrers(value)):
                raise Uncompilable(
                    f"{self.title} keeps {describe(value)}, which it computed, in something outside. From the third "
                    f"call on it runs as a program, which adds nothing there: return it instead"
                )

    # -------------------------------------------------------------------------------------------------------- looking

    @property
    def source(self) -> str:
        """The latest program as the text of a NumPy function."""
        if self.latest is None:
            return "# not compiled yet: the first two calls are recorded, and if they agree the third is the program\n"
        return self.latest.source

    @property
    def passes(self) -> list[str]:
        """What each pass did to the latest program."""
        return [] if self.latest is None else list(self.latest.program.passes)

    def __repr__(self) -> str:
        return f"<compiled {self.title}>\n{self.source}"


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """The garbage collector rests: what is recorded is kept, and the more there is the longer it would look at it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def signature(x: Any, live: list[Any]) -> Any:
    """What a program depends on in its arguments; their arrays and floats, which may be others, go to `live`."""
    kind = type(x)
    if kind is tuple or kind is list:
        return kind, tuple([signature(part, live) for part in x])
    if kind is dict:
        return kind, tuple([(name, signature(part, live)) for name, part in x.items()])
    if kind is float:
        live.append(x)
        return kind
    if isinstance(x, (np.ndarray, np.generic, Value)):
        live.append(x)
        return kind, x.shape, x.dtype
    return (kind, x) if isinstance(x, (int, str, bytes, bool, type(None))) else (kind, id(x))


def compile(function: F) -> F:
    """The function, recorded once and then run as straight-line NumPy: the same results, in a fraction of the time.

    The first two calls are ordinary ones on your own data, and recorded; if they agree, the third is the program.
    Arrays, floats and Values among the arguments are its inputs; int, bool, str, None and functions are static, and
    every combination of these, of shapes and of dtypes is a program of its own. Parameters, their gradients, the state
    and the options of optimisers, running statistics and generators are read and written where they are, so that eager
    and compiled steps may alternate. `print(f)` shows the program, `f.source` is its text.

    Raises `Uncompilable`, a TypeError, with the line, for what a program cannot do: looking at a number (`if`, `float`,
    `item`, printing), drawing from a generator outside of this package, keeping a result somewhere else than in what is
    returned.

    >>> from microgradnet import Value
    >>> w = Value([1.0, 2.0])
    >>> @compile
    ... def step(x):
    ...     w.grad = None
    ...     cost = ((w - x) ** 2).sum()
    ...     cost.backward()
    ...     w.data -= 0.25 * w.grad
    ...     return cost
    >>> [float(step(np.zeros(2))) for _ in range(4)]
    [5.0, 1.25, 0.3125, 0.078125]
    """
    if isinstance(function, Value) or not callable(function):
        raise TypeError(f"compile wants a function; got {brief(function)}")
    return Compiled(function)  # type: ignore[return-value]
