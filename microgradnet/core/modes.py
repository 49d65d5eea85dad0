"""no_grad, debug mode, and a step being compiled: what is in force while something is recorded.

Both are of a thread (or task) of their own; `on` holds the blocks that are open anywhere, so that recording pays no
more than one look at it when there is none.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import operator
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from .tables import NO_PARAMS

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Block:
    """A `with` block of a Mode. It is open as long as anybody holds this, which its Mode does until `__exit__`.

    So blocks may end in any order, as those of generators do. And a block ends where Ctrl-C comes before a line of
    `__exit__`: the `with` statement is over, nobody holds the Mode any more, and the block goes with it. Whoever keeps
    the Mode, or the KeyboardInterrupt, whose traceback does, has it open until that is dropped.
    """

    __slots__ = ("__weakref__",)


class Opened(ref[Block]):
    """Leads to a Block as long as that is open."""

    __slots__ = ()
    __eq__, __hash__ = object.__eq__, object.__hash__  # a ref's own are those of what it leads to, which may be gone


on: set[Opened] = set()


class InForce:
    """What is in force in a thread or task: what its latest open block sets, or else what is usual."""

    def __init__(self, name: str, usual: Any) -> None:
        self.usual: Any = usual
        # What each block sets, the latest first; never empty.
        self.blocks: ContextVar[tuple[tuple[Opened | None, Any], ...]] = ContextVar(name, default=((None, usual),))

    def get(self) -> Any:
        for block, setting in self.blocks.get():
            if block in on:
                return setting
        return self.usual


RECORDING = InForce("recording", True)
WATCHER = InForce("watcher", None)
TAPE = InForce("tape", None)  # of the step that is being compiled; see programs.tape


class Mode(contextlib.ContextDecorator):
    """Sets what is in force for the length of a `with` block or of a decorated function; may be entered again inside.

    Whoever calls `__enter__` keeps the Mode until `__exit__`, as a `with` statement does.
    """

    def __init__(self, variable: InForce, setting: Any) -> None:
        self.variable: InForce = variable
        self.setting: Any = setting
        self.held: dict[Opened, Block] = {}

    def __enter__(self) -> None:
        block = Block()
        opened = Opened(block, on.discard)  # no Python code, so that no Ctrl-C comes in between
        self.held[opened] = block
        before = [entry for entry in self.variable.blocks.get() if entry[0] in on]
        self.variable.blocks.set(((opened, self.setting), *before))
        on.add(opened)

    def __exit__(self, *error: object) -> None:
        mine = [block for block, _ in self.variable.blocks.get() if block in self.held]  # in this thread or task
        del self.held[mine[0] if mine else [*self.held][-1]]

    def _recreate_cm(self) -> Mode:  # a decorated function may run in several threads at once: a Mode for each call
        return Mode(self.variable, self.setting)

    def __call__(self, function: Decorated) -> Decorated:
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

        return inner  # type: ignore[return-value]


def no_grad() -> Mode:
    """A `with` block, or a decorator, in which nothing is recorded: every result is a Value without history.

    For evaluation, and for updates written out: results need no more memory than their numbers. It holds for what runs
    inside, in this thread or task; a generator must not yield inside the block, its caller would not record either.

    >>> from microgradnet import Value
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


def watched_pull() -> Any:
    """What a sweep calls in place of `node.op.pull` while something follows it, such as debug mode; most often None."""
    watcher = (TAPE.get() or WATCHER.get()) if on else None
    return watcher and watcher.of_a_sweep()


def taped() -> Any:
    """The tape of the step that is being compiled, or None."""
    return TAPE.get() if on else None


def leaf(value: Any, data: Any) -> Any:
    """The plain numbers of a new leaf, made from `data`."""
    tape = TAPE.get()
    return data if tape is None else tape.leaf(value, data)


def deposited(gradients: Any) -> bool:
    """Whether a tape has taken the gradients of a sweep, to put them where they belong."""
    tape = TAPE.get()
    return tape is not None and bool(tape.deposited(gradients))


class Later:
    """What is computed, or fetched, when somebody looks at it. It stands in the slot of a Value until then.

    So may the gradient of any Value, and the number and the age of a 0-d one: `settled` and `number` look at them, and
    whatever else is done with a Later is done with what it turns out to be.
    """

    __slots__ = ("compute",)
    __array_priority__ = 1000  # NumPy's numbers leave operators to it

    def __init__(self, compute: Callable[[], Any]) -> None:
        self.compute: Callable[[], Any] = compute

    def __getattr__(self, name: str) -> Any:
        if name == "__array_wrap__":  # by which a number would make numbers of arrays
            raise AttributeError(name)
        return getattr(self.compute(), name)  # `__array_interface__` too, by which NumPy takes it for the number


def _asked(name: str) -> Any:
    return lambda self, *how: getattr(self.compute(), name)(*how)


def _left(function: Any) -> Any:
    return lambda self, other: function(self.compute(), number(other))


def _right(function: Any) -> Any:
    return lambda self, other: function(number(other), self.compute())


for _name in (
    "abs", "bool", "float", "format", "getitem", "hash", "int", "neg", "pos", "reduce", "repr", "round", "str",
):  # fmt: skip
    setattr(Later, f"__{_name}__", _asked(f"__{_name}__"))
for _name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"):
    setattr(Later, f"__{_name}__", _left(getattr(operator, _name)))
    setattr(Later, f"__r{_name}__", _right(getattr(operator, _name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Later, f"__{_name}__", _left(getattr(operator, _name)))


def settled(value: Any) -> Any:
    """The gradient of a Value, computed if it was still to be."""
    found = value._grad
    if type(found) is Later:
        made = found.compute()
        if value._grad is found:  # else another thread was faster
            value._grad = made
        return made
    return found


def number(value: Any) -> Any:
    """The numbers of a Value, or of what stands for them, fetched if they were elsewhere; anything else as it is."""
    found = value if type(value) is Later else getattr(value, "_numbers", value)
    return found.compute() if type(found) is Later else found


def looked_at(value: Any, what: str) -> Any:
    """The `data` or the `grad` of a Value, fetched or computed if they were to be."""
    return number(value) if what == "data" else settled(value)


def seen(value: Any, what: str) -> Any:
    """What stands for the `data` or the `grad` of a Value: what is there, or in a compiled step what records."""
    plain = looked_at(value, what)
    tape = TAPE.get() if on else None
    return plain if tape is None else tape.seen(value, what)


def assigned(value: Any, what: str, new: Any) -> Any:
    """The plain array that is assigned to the `data` or the `grad` of a Value."""
    looked_at(value, what)  # what is still to come must not come after this
    tape = TAPE.get()
    return new if tape is None else tape.assigned(value, what, new)


def looked(value: Any, how: str) -> None:
    """Somebody looks at the numbers of a Value: an error where they are of a step that is being compiled."""
    tape = taped()
    if tape is not None:
        tape.looked(value, how)


# ------------------------------------------------------------------- what a compiled step finds, and leaves behind


changes: list[int] = [0]  # how often a Module, or what is frozen, was changed


def changed() -> None:
    """A Module got another attribute, or a parameter was frozen: whoever relies on how it was looks again."""
    changes[0] += 1


def relied_on(thing: Any) -> None:
    """A Module was called: a compiled step relies on how it is."""
    tape = TAPE.get()
    if tape is not None:
        tape.relies_on(thing)


def copied(things: list[Any], copies: list[Any]) -> None:
    """Modules were copied: a compiled step relies on how these are, not on their copies."""
    tape = TAPE.get()
    tape.copies += copies
    for thing in things:
        tape.relies_on(thing)


def options(group: dict[str, Any]) -> dict[str, Any]:
    """A dict of options: a compiled step reads its numbers anew every time."""
    tape = taped()
    return group if tape is None else tape.options(group)


def array(x: Any) -> Any:
    """An array that is kept from step to step and written in place, or a dict of them: so does a compiled step."""
    tape = taped()
    if tape is None:
        return x
    return {name: tape.array(part) for name, part in x.items()} if type(x) is dict else tape.array(x)


def item(holder: Any, key: Any) -> Any:
    """A number that is kept from step to step in a dict or a list: a compiled step reads it anew every time."""
    tape = taped()
    return holder[key] if tape is None else tape.item(holder, key)


def keep(holder: Any, key: Any, x: Any) -> None:
    """Put a number into a dict or a list; so does a compiled step."""
    tape = taped()
    if tape is None:
        holder[key] = x
    else:
        tape.keep(holder, key, x)


def itself(x: Any) -> Any:
    """The very object."""
    return x


def same(owner: Any, name: str) -> Any:
    """An attribute; where it has become another object, a compiled step is another one."""
    return asked_of(itself, owner, name)


def asked_of(function: Callable[[Any], Any], owner: Any, name: str) -> Any:
    """`function` of an attribute; where it says something else of it, a compiled step is another one."""
    tape = taped()
    return function(getattr(owner, name)) if tape is None else tape.asked_of(function, owner, name)


def asked(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, on which the course of what follows depends: what it says of the numbers of these arguments.

    Where it says something else, a compiled step is another one.
    """
    tape = taped()
    if tape is not None:
        return tape.guarded(function, *args)
    return function(*map(number, args))


def host(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, a draw or a check: in a compiled step it is run every time, on plain numbers."""
    tape = taped()
    if tape is not None:
        return tape.host(function, *args)
    return function(*map(number, args))


def checked(function: Callable[..., Any], *args: Any) -> None:
    """`function(*args)`, an error or a warning for some numbers: in a compiled step, if these are of it, every time."""
    tape = taped()
    if tape is not None and any(hasattr(x, "_numbers") for x in args):
        tape.host(function, *args)
    else:
        function(*map(number, args))


def called(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)` of plain numbers, through which nothing flows: in a compiled step, one of its calls."""
    tape = taped()
    if tape is not None:
        return tape.called(function, args, {})
    return function(*map(number, args))


def barrier(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, which may look at and change whatever lasts, such as parameters and options.

    In a compiled step it is run every time, after all before it has been done, and before what follows is begun.
    """
    tape = taped()
    if tape is not None:
        return tape.barrier(function, *args)
    return function(*map(number, args))


def kept(x: Any) -> Any:
    """A parameter as a graph holds it: lists and arrays are copied, they may be written to before the sweep.

    Not in debug mode, which notices such a write.
    """
    if type(x) is tuple:
        return tuple(map(kept, x))
    watched = on and WATCHER.get() is not None
    return copy.deepcopy(x) if isinstance(x, (list, dict, np.ndarray)) and not watched else x


def observe(value: Any) -> None:
    """What the modes do to a Value just recorded."""
    tape = TAPE.get()
    if tape is not None:
        tape.made(value)
    block, setting = RECORDING.blocks.get()[0]  # most often this is RECORDING.get(), and takes half as long
    if not (setting if block in on else RECORDING.get()):
        value.op, value.args, value.params = None, (), NO_PARAMS
    elif (watching := WATCHER.get()) is not None:
        watching.made(value)
