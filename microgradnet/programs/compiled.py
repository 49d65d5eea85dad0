"""`mg.compile`: a function that is recorded in its first calls, and runs as the program they have in common."""

from __future__ import annotations

import functools
import gc
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from ..core import NO_PARAMS, TAPE, Gone, Mode, Value, new_value
from ..words import brief, describe
from .backends import Backend, checked, is_native, with_default
from .nodes import nodes_in
from .numpy_code import NumPyProgram, OtherProgram
from .program import Program
from .recording import Recording
from .tape import Tape, Uncompilable

KEPT = 16  # signatures, and programs of each
TRIES = 5  # calls of one signature among which two must record the same

COMPILED = Gone(
    "COMPILED",
    "it is a result of a compiled function, which keeps no history: call backward() inside the function, or compile "
    "mg.value_and_grad(f)",
)


class Answer(NamedTuple):
    """A program, and the class of what it returns in each place: of a Value, or None for what is plain."""

    program: Any
    classes: Any
    native: bool


class Signature:
    """What is known of the calls whose arguments have the same structure, shapes, dtypes and static parts."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.recordings: list[Recording] = []


class Compiled:
    """A function that is recorded, and then runs as a program; `compile` makes one.

    `source` is its latest program as the text of a NumPy function, `passes` says how it came to be.
    """

    def __init__(self, function: Callable[..., Any], backend: Backend | None = None) -> None:
        self.function: Callable[..., Any] = function
        self.backend: Backend | None = checked(backend)  # None for that of `compile`, or the best there is
        name = getattr(function, "__name__", type(function).__name__)
        self.title: str = name if name.isidentifier() else "step"
        self.signatures: dict[Any, Signature] = {}
        self.latest: Any = None
        self.fast: Any = None  # the run of the latest program, if it checks its arguments, of which it takes so many
        self.taking: int = -1
        functools.update_wrapper(self, function)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns; what it changes is changed."""
        if len(args) == self.taking and not kwargs:
            try:  # the program of the last call checks its arguments itself
                return self.fast(*args)
            except OtherProgram:
                pass
        live: list[Any] = []
        key = signature((args, kwargs) if kwargs else args, live)
        known = self.signatures.get(key)
        if known is None:
            known = self.new(key)
        for program, classes, native in known.answers:
            try:
                found = program([x._numbers if isinstance(x, Value) else x for x in live])
            except OtherProgram:
                continue
            self.latest = program
            self.hurry(program, key)
            return found if native else handed_out(found, classes)
        return self.recorded(known, args, kwargs)

    def hurry(self, program: Any, key: Any) -> None:
        """Let the next call try this program first, if its arguments are plain arrays and floats that it checks."""
        fast = getattr(program, "fast", None)
        plain = key[0] is tuple and all(
            part is float or (type(part) is tuple and part[0] is np.ndarray) for part in key[1]
        )
        self.fast, self.taking = (fast, len(key[1])) if fast is not None and plain else (None, -1)

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
        recording, plain, classes = self.run_on_tape(args, kwargs)
        differences = [other.difference(recording) for other in known.recordings]
        if None in differences:
            known.recordings.clear()
            del known.answers[: len(known.answers) + 1 - KEPT]
            known.answers.append(self.answer(Program(recording), classes))
            self.latest = known.answers[-1].program
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

    def answer(self, program: Program, classes: Any) -> Answer:
        """The program that runs from now on."""
        backend = self.backend or checked(compile.backend)
        if backend == "numpy" or (backend is None and not is_native()):
            return Answer(NumPyProgram(program, self.title), classes, False)
        from .native_code import NativeProgram

        return Answer(NativeProgram(program, self.title, classes, COMPILED), classes, True)

    def run_on_tape(self, args: Any, kwargs: Any) -> tuple[Recording, Any, Any]:
        """What one call records, what it returns, and the classes of that."""
        tape = Tape()
        with Mode(TAPE, tape):
            result = self.function(*tape.arguments(args), **tape.arguments(kwargs))
        spec, returned, classes = tape.outcome(result, COMPILED)
        tape.close()
        recording = Recording(tape.nodes, tape.inputs, spec)
        if not list(nodes_in(spec)) and not any(node.kind in ("store", "host") for node in tape.nodes):
            raise Uncompilable(
                f"{self.title} has nothing to compile: it returns {brief(result)} and moves nothing. Return what is "
                f"computed from the arguments"
            )
        made = tape.cut(COMPILED)
        del tape, result
        self.check_kept(made)
        return recording, returned, classes

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
        text: str = self.latest.source
        return text

    @property
    def passes(self) -> list[str]:
        """What each pass did to the latest program."""
        return [] if self.latest is None else list(self.latest.program.passes)

    def __repr__(self) -> str:
        return f"<compiled {self.title}>\n{self.source}"


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


def handed_out(found: Any, classes: Any) -> Any:
    """What a program returned, with Values where the function returns such."""
    if type(classes) in (tuple, list):
        return type(classes)(map(handed_out, found, classes))
    if type(classes) is dict:
        return {name: handed_out(found[name], part) for name, part in classes.items()}
    return found if classes is None else new_value(classes, found, COMPILED, (), NO_PARAMS)


@with_default
def compile(function: Any = None, *, backend: Backend | None = None) -> Any:
    """The function, recorded once and then run as straight-line NumPy: the same results, in a fraction of the time.

    The first two calls are ordinary ones on your own data, and recorded; if they agree, the third is the program.
    Arrays, floats and Values among the arguments are its inputs; int, bool, str, None and functions are static, and
    every combination of these, of shapes and of dtypes is a program of its own. Parameters, their gradients, the state
    and the options of optimisers, running statistics and generators are read and written where they are, so that eager
    and compiled steps may alternate. `print(f)` shows the program, `f.source` is its text.

    `backend="native"` runs loops and products as machine code, which takes `pip install "microgradnet[native]"`;
    results are equal within rounding. `backend="numpy"` runs anywhere, and equals eager steps bit by bit. Without it
    programs are native where they can be; `compile.backend = "numpy"` changes that for all. `@compile(backend=…)`
    decorates with an option.

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
    if function is None:
        return functools.partial(compile, backend=backend)
    if isinstance(function, Value) or not callable(function):
        raise TypeError(f"compile wants a function; got {brief(function)}")
    return Compiled(function, backend)
