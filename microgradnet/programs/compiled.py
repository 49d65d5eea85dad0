"""`mg.compile`: a function that is recorded in its first calls, and runs as the program they have in common."""

from __future__ import annotations

import contextlib
import functools
import gc
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np

from .. import tree
from ..core import TAPE, Mode, Value, modes
from ..words import answering, brief, describe, instead_of_result
from .backends import Backend, checked, is_native, with_default
from .edges import arguments, called, cut, outcome
from .impure import noticed
from .nodes import Uncompilable, nodes_in
from .numpy_code import COMPILED, OtherProgram
from .numpy_program import NumPyProgram
from .program import Program
from .recording import Recording
from .surroundings import Surroundings
from .tape import Tape

KEPT = 16  # signatures, and programs of each
COUNTED = 3  # signatures that differ in their ints alone, after which the next is warned of
TRIES = 5  # calls of one signature among which two must record the same


THRASHING = (
    "Every shape, every int, bool, str or object among the arguments, and every value of what is around the function, "
    "is a program of its own: pass floats or arrays, or pad"
)


NOT_YET = "is not compiled yet: its first two calls are recorded, and if they agree the third is the program"


class Signature:
    """What is known of the calls whose arguments have the same structure, shapes, dtypes and static parts."""

    def __init__(self, objects: list[Any]) -> None:
        self.objects: list[Any] = objects  # static ones, which are known by where they are: they must stay there
        self.programs: list[NumPyProgram] = []
        self.recordings: list[Recording] = []
        self.recorder = threading.Lock()  # of the thread whose recordings have nodes in common

    @contextlib.contextmanager
    def earlier(self) -> Iterator[Recording | None]:
        """A block in which a recording may have nodes in common with that of the call before: this, None if in use.

        It ends when what they are made into is made: that changes them.
        """
        alone = self.recorder.acquire(blocking=False)
        try:
            yield self.recordings[-1] if alone and self.recordings else None
        finally:
            if alone:
                self.recorder.release()


class Compiled:
    """A function that is recorded, and then runs as a program; `compile` makes one.

    `source` is its latest program as the text of a NumPy function, `passes` says how it came to be.

    >>> squares = compile(lambda x: (x * x).sum())
    >>> [float(squares(np.arange(3.0))) for _ in range(3)]
    [5.0, 5.0, 5.0]
    >>> "def " in squares.source
    True
    """

    def __init__(self, function: Callable[..., Any], backend: Backend | None = None) -> None:
        self.function: Callable[..., Any] = function
        self.backend: Backend | None = checked(backend)  # None for that of `compile`, or the best there is
        name = getattr(function, "__name__", type(function).__name__)
        self.title: str = name if name.isidentifier() else "step"
        self.signatures: dict[Any, Signature] = {}
        self.latest: NumPyProgram | None = None
        self.fast: Any = None  # the run of the latest program, if it checks its arguments, of which it takes so many
        self.taking: int = -1
        self.compares: bool = False  # whether the code may look if two arguments are one
        functools.update_wrapper(self, function, updated=())  # the attributes of another Compiled are its own

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns; what it changes is changed."""
        if len(args) == self.taking and not kwargs and not modes.on:
            try:  # the program of the last call checks its arguments itself
                return self.fast(*args)
            except OtherProgram:
                pass
        live: list[Any] = []
        key = signature((args, kwargs) if kwargs else args, live)
        if modes.on:
            if modes.taped() or modes.WATCHER.get() is not None:  # a part of another step; debug mode looks at numbers
                return self.function(*args, **kwargs)
            key = key, modes.RECORDING.get()
        if self.compares and (twins := arrays_again(live)):
            key = key, twins
        known = self.signatures.get(key)
        if known is None:
            known = self._new(key, objects_in((args, kwargs)))
        for program in known.programs:
            try:
                returned = program([x._numbers if isinstance(x, Value) and x.op is not None else x for x in live])
            except OtherProgram:
                continue
            self.latest = program
            self._hurry(program, key, args)
            return returned if program.form is None else put_together(program.form, returned)
        with collector_at_rest():
            return self._recorded(known, args, kwargs)

    def _hurry(self, program: NumPyProgram, key: Any, args: tuple[Any, ...]) -> None:
        """Let the next call try this program first, if its arguments are plain arrays and floats, which it checks."""
        plain = key[0] is tuple and all(x is float or (type(x) is tuple and x[0] is np.ndarray) for x in key[1])
        hurries = plain and not self.compares and program.form is None and program.hurries(args)
        self.fast, self.taking = (program.fast, len(args)) if hurries else (None, -1)

    def _new(self, key: Any, objects: list[Any]) -> Signature:
        """A signature that was not seen before. The oldest is forgotten where there are too many."""
        if self._counting(key):
            warnings.warn(
                f"{self.title} was called with other whole numbers each time, {COUNTED + 1} times by now. Each is a "
                f"program of its own, recorded in its first two calls, so that no call has run as one: pass float(k)",
                stacklevel=3,
            )
        if len(self.signatures) == KEPT:
            warnings.warn(
                f"{self.title} has been compiled for {KEPT} signatures, the oldest is forgotten. {THRASHING}",
                stacklevel=3,
            )
            del self.signatures[next(iter(self.signatures))]
        self.signatures[key] = made = Signature(objects)
        return made

    def _counting(self, key: Any) -> bool:
        """Whether just so many calls have differed in their ints alone, one call for each, this one included."""
        before = list(self.signatures.items())[-COUNTED - 1 :]
        alike = [not known.programs and without_ints(other) == without_ints(key) for other, known in before]
        return sum(alike) == COUNTED and all(alike[-COUNTED:])

    # ------------------------------------------------------------------------------------------------------ recording

    def _recorded(self, known: Signature, args: Any, kwargs: Any) -> Any:
        """One ordinary call, recorded. If an earlier one recorded the same, it is the program from now on."""
        with known.earlier() as earlier:
            recording, plain = self._run_on_tape(known.objects, args, kwargs, earlier)
            self._compare(known, recording)
        return plain

    def _compare(self, known: Signature, recording: Recording) -> None:
        """Make the program, if an earlier call recorded the same."""
        differences = [  # in one go: another thread may be done meanwhile
            (other.difference(recording), recording.noticed or other.noticed) for other in known.recordings.copy()
        ]
        if (None, True) in differences:
            known.recordings.clear()
            if len(known.programs) == KEPT:
                warnings.warn(
                    f"{self.title} has been compiled {KEPT} times for the same signature, the oldest program is "
                    f"forgotten. {THRASHING}",
                    stacklevel=4,
                )
                del known.programs[0]
            self.latest = self._program(Program(recording))
            known.programs.append(self.latest)
            return
        known.recordings.append(recording)
        if len(known.recordings) == TRIES:
            known.recordings.clear()
            raise Uncompilable(
                f"{self.title} recorded something else in each of {TRIES} calls. In the last two it was "
                f"{differences[-1][0]}. What changes from call to call is an argument, a float or an array; int, bool, "
                f"str and None are static"
            )

    def _program(self, program: Program) -> NumPyProgram:
        """The program that runs from now on."""
        backend = self.backend or checked(compile.backend)
        if backend == "numpy" or program.needs_numpy() or (backend is None and not is_native()):
            return NumPyProgram(program, self.title)
        from .native.program import NativeProgram

        return NativeProgram(program, self.title)

    def _run_on_tape(
        self, objects: list[Any], args: Any, kwargs: Any, earlier: Recording | None
    ) -> tuple[Recording, Any]:
        """What one call records, and what it returns."""
        around = Surroundings(self.function, objects)
        self.compares = self.compares or "is" in around.operators
        tape = Tape(around, earlier.nodes if earlier else ())
        is_noticed = earlier is None or not earlier.noticed  # of two calls that record the same, one is enough
        with Mode(TAPE, tape), noticed(around, tape.nodes) if is_noticed else contextlib.nullcontext():
            result, written = called(self.function, *arguments(tape, (args, kwargs), self.compares))
        if tape.refused is not None:  # what the step itself has caught
            raise tape.refused
        change = f"it changes its argument {written}{around.where(written)}" if written else around.changed()
        if change is not None:
            raise Uncompilable(
                f"{self.title} cannot be compiled: {change}. From the third call on it would run as a program, which "
                f"does not do that. What is another in every call is an argument, what is to be kept is returned; "
                f"mg.host_call(f, x) calls f in every step"
            )
        form, result = taken_apart(result)
        spec, returned, classes = outcome(tape, result, COMPILED)
        if form is not None:
            returned = put_together(form, returned)
        tape.close()
        recording = Recording(tape.nodes, tape.inputs, spec, classes, form, is_noticed)
        if not list(nodes_in(spec)) and not any(node.kind in ("store", "host") for node in tape.nodes):
            raise Uncompilable(
                f"{self.title} has nothing to compile: it returns {brief(result)} and moves nothing. Return what is "
                f"computed from the arguments"
            )
        made = cut(tape, COMPILED)
        del tape, result
        self._check_kept(made)
        return recording, returned

    def _check_kept(self, made: list[ref[Value]]) -> None:
        """Uncompilable if something outside holds what the step computed: in a list, a variable, an attribute."""
        if not any(held() is not None for held in made):
            return
        gc.collect()  # what holds itself
        for held in made:
            value = held()
            holders = [] if value is None else [x for x in gc.get_referrers(value) if not isinstance(x, HARMLESS)]
            if holders:
                raise Uncompilable(
                    f"{self.title} keeps {describe(value)}, which it computed, in something outside, or returns it in "
                    f"a {type(holders[0]).__name__}. From the third call on it runs as a program, which adds nothing "
                    f"there: return it, in tuples, lists and dicts"
                )

    # -------------------------------------------------------------------------------------------------------- looking

    @property
    def source(self) -> str:
        """The latest program as the text of a NumPy function."""
        return f"# {self.title} {NOT_YET}\n" if self.latest is None else self.latest.source

    @property
    def passes(self) -> list[str]:
        """What each pass did to the latest program."""
        return [] if self.latest is None else self.latest.passes

    def __repr__(self) -> str:
        count = sum(len(known.programs) for known in self.signatures.values())
        return f"<compiled {self.title}: {count} program{'s' * (count != 1)}>"

    def _repr_html_(self) -> str:
        from .. import markup

        passes = "".join(f"<li>{line}</li>" for line in self.passes)
        folded = f"<details><summary>{len(self.passes)} passes</summary><ul>{passes}</ul></details>" if passes else ""
        return markup.card(f"<b>{self.title}</b> {markup.quiet(repr(self))}",
                           markup.program(str(self)), folded)  # fmt: skip

    def __str__(self) -> str:
        """The latest program with shapes, bytes, and the line of yours that each of its lines is of."""
        if self.latest is None:
            return f"{self.title} {NOT_YET}"
        from .shown import shown

        return shown(self.latest, self.title, sum(len(known.programs) for known in self.signatures.values()))


@contextlib.contextmanager
def collector_at_rest() -> Iterator[None]:
    """A block that makes very many objects, all of which stay: looking for garbage among them takes as long again."""
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()


class Slot:
    """Where one of the results stands in a container, such as a Module of gradients."""

    def __init__(self, index: int) -> None:
        self.index: int = index


def taken_apart(result: Any) -> tuple[Any, Any]:
    """A result in other containers than tuples, lists and dicts, as a form and a list; else None and the result."""
    if is_plain(result):
        return None, result
    parts: list[Any] = []

    def slot(x: Any, inside: bool) -> Any:
        if not isinstance(x, (Value, np.ndarray, np.generic)) or (inside and not isinstance(x, Value)):
            return x
        parts.append(x)
        return Slot(len(parts) - 1)

    form = tree.rebuild(result, slot)
    return form, parts


def is_plain(x: Any) -> bool:
    """Whether there is no Module, dataclass or named tuple in it."""
    if type(x) in (tuple, list, dict):
        return all(map(is_plain, x.values() if type(x) is dict else x))
    return isinstance(x, Value) or tree.KIND_OF[type(x)] is None


def put_together(form: Any, parts: list[Any]) -> Any:
    """The containers of a result around its numbers."""
    return tree.rebuild(form, lambda x, inside: parts[x.index] if type(x) is Slot else x)


HARMLESS = (types.FrameType, Value)  # the gradient of a Value may be a Value


def objects_in(x: Any) -> list[Any]:
    """The static objects among arguments: neither numbers nor strings, and no Values."""
    if type(x) in (tuple, list):
        return [found for part in x for found in objects_in(part)]
    if type(x) is dict:
        return objects_in(list(x.values()))
    return [] if isinstance(x, (*STATIC, float, np.ndarray, np.generic, Value)) else [x]


STATIC = (int, str, bytes, bool, type(None))


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
    if kind is np.ndarray:
        live.append(x)
        return kind, x.shape, x.dtype, x.strides  # in the order in which axes lie in memory, sums add up
    if isinstance(x, (np.ndarray, np.generic)):
        live.append(x)
        return kind, x.shape, x.dtype
    if isinstance(x, Value):
        first = next((i for i, other in enumerate(live) if other is x), len(live))  # one that is handed in twice
        live.append(x)
        return kind, x.shape, x.dtype, x._numbers.strides, x.op is None, first
    return (kind, x) if isinstance(x, STATIC) else (kind, id(x))


def arrays_again(live: list[Any]) -> tuple[tuple[int, int], ...]:
    """The places of arrays that were handed in before, each after that one's place."""
    first = {id(x): i for i, x in reversed(list(enumerate(live))) if type(x) is np.ndarray}
    return tuple((first[id(x)], i) for i, x in enumerate(live) if first.get(id(x), i) != i)


def without_ints(key: Any) -> Any:
    """A signature with any whole number in the place of those among the arguments."""
    if type(key) is not tuple:
        return key
    return int if len(key) == 2 and key[0] is int else tuple(map(without_ints, key))


@with_default
@answering
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
        way = instead_of_result(function, "compile(f)(x)")
        raise TypeError(f"compile wants a function; got {brief(function)}{way}")
    return Compiled(function, backend)
