"""`mg.compile`: a function that runs as the program it recorded."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..core import NO_PARAMS, TAPE, Gone, Mode, Value, new_value
from .lowering import lowered
from .nodes import Node, changed
from .numpy_code import NumPyProgram, OtherProgram
from .program import Program
from .recording import Recording
from .tape import Tape, Uncompilable
from .traced import Traced

F = TypeVar("F", bound=Callable[..., Any])
KEPT = 16  # programs that are kept for each function
TRIES = 5  # recordings of one signature among which two must agree

COMPILED = Gone(
    "COMPILED",
    "it is the result of a compiled function, which keeps no history: call backward() inside the function that is "
    "compiled, or compile mg.value_and_grad(f)",
)


class Returned:
    """In what a program returns: that a node comes out as a Value."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node


class Signature:
    """All calls whose arguments have the same structure, shapes, dtypes and static parts."""

    def __init__(self) -> None:
        self.programs: list[tuple[NumPyProgram, Any]] = []
        self.recordings: list[tuple[Recording, Any]] = []


class Compiled:
    """A function that is recorded, and from the third call on runs as a program. See `compile`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.signatures: dict[Any, Signature] = {}
        self.latest: NumPyProgram | None = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns, and does."""
        live: list[Any] = []
        names: list[str] = []
        key = (self.key(args, "x", live, names), self.key(kwargs, "", live, names))
        known = self.signatures.get(key)
        if known is None:
            if len(self.signatures) >= KEPT:
                self.forget()
            known = self.signatures[key] = Signature()
        for program, values in known.programs:
            try:
                found = program([x._numbers if isinstance(x, Value) else x for x in live])
            except OtherProgram:
                continue
            self.latest = program
            return self.handed_out(found, values)
        return self.recorded(known, args, kwargs, live, names)

    def forget(self) -> None:
        """Forget the oldest signature."""
        warnings.warn(
            f"{self.function.__name__} has been compiled for {KEPT} signatures, and the oldest is forgotten: every shape, "
            f"and every int, bool or str among the arguments, is a program of its own. Pass floats or arrays, or pad",
            stacklevel=3,
        )
        del self.signatures[next(iter(self.signatures))]

    def key(self, x: Any, name: str, live: list[Any], names: list[str]) -> Any:
        """What a program depends on in an argument; its numbers, which may be others, go to `live`."""
        kind = type(x)
        if kind is tuple or kind is list:
            return kind, tuple([self.key(part, f"{name}{i}", live, names) for i, part in enumerate(x)])
        if kind is dict:
            return kind, tuple([(key, self.key(part, f"{name}_{key}", live, names)) for key, part in x.items()])
        if isinstance(x, (np.ndarray, np.generic, Value)):
            live.append(x)
            names.append(name)
            return kind, x.shape, x.dtype
        if kind is float:
            live.append(x)
            names.append(name)
            return kind
        try:
            hash(x)
        except TypeError:
            return kind, id(x)
        return kind, x

    # ------------------------------------------------------------------------------------------------- recording

    def recorded(self, known: Signature, args: Any, kwargs: Any, live: list[Any], names: list[str]) -> Any:
        """One ordinary call, recorded. If an earlier one recorded the same, that is the program from now on."""
        tape = Tape()
        inputs: list[Node] = []

        def standing(x: Any) -> Any:
            if type(x) is not float and not isinstance(x, (np.ndarray, np.generic, Value)):
                return x
            numbers = x._numbers if isinstance(x, Value) else x
            node = Node("input", like=numbers, params={"name": f"x{len(inputs)}"})
            inputs.append(tape.add(node))
            if isinstance(x, Value):
                return tape.know(x, node)
            return tape.stand_in(numbers, node)

        with Mode(TAPE, tape):
            result = self.function(*changed(args, standing), **changed(kwargs, standing))
        spec, values, plain = self.outputs(tape, result)
        made = tape.close()
        recording = Recording(tape.nodes, inputs, spec)
        for value in tape.alive:
            if isinstance(value, Value) and value.op is not None:
                value.op, value.args = COMPILED, ()
        del tape, result
        for other, _ in known.recordings:
            if other.difference(recording) is None:
                program = Program(recording)
                program.apply("written out", lowered)
                program.apply("needed by nothing", lambda nodes, result: (without_dead(nodes, result), result))
                known.programs.append((NumPyProgram(program, self.function.__name__.strip("<>")), values))
                known.recordings.clear()
                return plain
        known.recordings.append((recording, values))
        if len(known.recordings) >= TRIES:
            told = known.recordings[-2][0].difference(recording)
            known.recordings.clear()
            raise Uncompilable(
                f"{self.function.__name__} recorded something else at each of {TRIES} calls: {told}. What changes from "
                f"call to call is an argument, an array or a float; int, bool, str and None are static"
            )
        del made
        return plain

    def outputs(self, tape: Tape, result: Any) -> tuple[Any, Any, Any]:
        """What is returned, with nodes; the same with None for plain numbers and True for Values; and the real thing."""

        def node(x: Any) -> Any:
            if isinstance(x, Value) and not (x.op is None and id(x) not in tape.node_of):
                return tape.node(x)
            return x

        def is_value(x: Any) -> Any:
            return (
                isinstance(x, Value) and not isinstance(x, Traced) and not (x.op is None and id(x) not in tape.node_of)
            )

        def real(x: Any) -> Any:
            if isinstance(x, Traced):
                return x._numbers
            return new_value(type(x), x._numbers, COMPILED, (), NO_PARAMS) if is_value(x) else x

        return changed(result, node), changed(result, is_value), changed(result, real)

    def handed_out(self, found: Any, values: Any) -> Any:
        """What a program returned, with Values where the function returns such."""
        if type(values) in (tuple, list):
            return type(values)(map(self.handed_out, found, values))
        if type(values) is dict:
            return {name: self.handed_out(found[name], part) for name, part in values.items()}
        return new_value(Value, found, COMPILED, (), NO_PARAMS) if values is True else found

    # --------------------------------------------------------------------------------------------------- looking

    @property
    def source(self) -> str:
        """The latest program as the text of a NumPy function."""
        if self.latest is None:
            for signature in self.signatures.values():
                for program, _ in signature.programs:
                    return program.source
            return "not compiled yet: the first two calls are recorded, the third runs"
        return self.latest.source

    @property
    def passes(self) -> list[str]:
        """What each pass did to the latest program."""
        return [] if self.latest is None else list(self.latest.program.passes)

    def __repr__(self) -> str:
        return f"<compiled {self.function.__name__}>\n{self.source}"


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """What the arguments of a function are called."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [*names[:count], *[f"x{i}" for i in range(len(names), count)]]


from .passes import without_dead  # noqa: E402


def compile(function: F) -> F:
    """The function, recorded in two calls and run as straight-line NumPy from the third on."""
    return Compiled(function)  # type: ignore[return-value]
