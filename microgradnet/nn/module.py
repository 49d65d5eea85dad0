"""What every layer and network is: an object whose parameters are found by looking at its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from reprlib import recursive_repr
from typing import Any, NamedTuple, Self
from weakref import ref

from ..engine import Value, new_age
from ..tree import Change, Memo, children, is_parameter, register, walk

NOTHING: Any = object()


class Module:
    """A layer or network. Assign Values, Modules, or lists, tuples, dicts and dataclasses of them; define `forward`.

    A Value attribute is a parameter, unless it was computed from others: `Value(0.1 * array)` is one, and
    `0.1 * Value(array)` is not. Nothing is registered: parameters are found in the order of the attributes, each once,
    however many names it has. Each is named by its path, as drawings and errors show; a name of your own is kept.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def forward(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0)
    Value(data=7.0, grad=None)
    >>> [name for name, value in line.named_parameters()]
    ['slope', 'offset']
    """

    training = True  # what `train` and `eval` set; layers such as Dropout look at it

    def __init_subclass__(cls) -> None:
        if "forward" in vars(cls) and "__call__" not in vars(cls):
            cls.__call__ = calling(cls.forward)  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} computes nothing yet: define forward(self, x)")

    def __setattr__(self, name: str, part: Any) -> None:
        object.__setattr__(self, name, part)
        for path, found in walk(part, name, {id(self)}):
            if isinstance(found, Value):
                name_by(path, found)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with its path, such as `("layers.0.weight", Value)`."""
        for path, found in walk(self):
            if isinstance(found, Value):
                name_by(path, found)
                yield path, found

    def parameters(self) -> list[Value]:
        """The parameters, each once."""
        return [value for _, value in self.named_parameters()]

    def parameter_count(self) -> int:
        """How many numbers there are to learn."""
        return sum(value.size for value in self.parameters())

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for value in self.parameters():
            value.grad = None

    def modules(self) -> Iterator[Module]:
        """Itself and every Module in it, each once."""
        return (found for _, found in walk(self) if isinstance(found, Module))

    def train(self, mode: bool = True) -> Self:
        """Itself, in training mode, with every Module in it: Dropout drops, BatchNorm takes the batch's statistics."""
        for module in self.modules():
            if module.training != mode:
                object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Self:
        """Itself, in evaluation mode: the opposite of `train`."""
        return self.train(False)

    @recursive_repr("…")
    def __repr__(self) -> str:
        held = [found for name, part in children(self) for found in walk(part, name, {id(self)}, deep=False)]
        held += [(name, x) for name, x in vars(self).items() if isinstance(x, Value) and not is_parameter(x)]
        shown = [(path, parameter_repr(x) if isinstance(x, Value) else repr(x)) for path, x in held]
        inside = "\n".join(f"  {path}: {text}".replace("\n", "\n  ") for path, text in shown)
        return f"{type(self).__name__}(\n{inside}\n)" if inside else f"{type(self).__name__}()"


def calling(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`__call__` of a Module with this `forward`: it notes on the results whose they are, and on errors whose fault.

    Small networks cost by the call, so the commonest call, with one argument, takes the fewest steps.
    """

    def call(self: Module, x: Any = NOTHING, /, *more: Any, **named: Any) -> Any:
        start = new_age()
        try:
            if more or named or x is NOTHING:
                out = forward(self, *(() if x is NOTHING else (x, *more)), **named)
            else:
                out = forward(self, x)
        except WrongInput as error:
            error.passes(self)
            raise
        if type(out) is Value:
            if out.age > start:  # and not an input handed through
                out.scope = ref(self), start, out.scope
        elif type(out) is tuple:
            for part in out:
                if type(part) is Value and part.age > start:
                    part.scope = ref(self), start, part.scope
        return out

    call.__doc__ = forward.__doc__
    return call


class Scope(NamedTuple):
    """That a Value is a result of a call of `module`; what of its history is younger than `start` was made inside."""

    module: Module | None  # None if it is gone by now
    start: int


def scopes_of(value: Value) -> Iterator[Scope]:
    """The calls of Modules that returned this Value, the outermost first."""
    held = value.scope
    while held is not None:
        module, start, held = held
        yield Scope(module(), start)


class WrongInput(ValueError):
    """An input that a layer cannot take. Says which layer: by its path, where it is part of a model."""

    def __init__(self, layer: Module, text: str) -> None:
        super().__init__(layer, text)
        self.text = text
        self.layers = [layer]  # and the Modules around it

    def passes(self, module: Module) -> None:
        """Called as the error leaves each Module on the way out."""
        if module is not self.layers[-1] and path_in(module, self.layers[-1]):
            self.layers.append(module)

    def __str__(self) -> str:
        inside_out = zip(self.layers[1:], self.layers, strict=False)
        path = "".join(reversed([path_in(outer, inner) for outer, inner in inside_out]))
        return f"{f'model{path}: ' if path else ''}{self.layers[0]!r} {self.text}"


def path_in(outer: Module, inner: Module) -> str:
    """Where `outer` holds `inner`, as a program writes it: ".layers[2]". Empty if it does not."""
    for path, found in walk(outer):
        if found is inner:
            return "".join(f"[{name}]" if name.isdecimal() else f".{name}" for name in path.split(".") if name)
    return ""


def parameter_repr(value: Value) -> str:
    computed = f", computed by {value.op.name}: no parameter" if value.op and not is_parameter(value) else ""
    return f"Value {value.shape}{computed}"


def name_by(path: str, value: Value) -> None:
    """Name a parameter by its path, unless it has a name that is not the end of it."""
    if value.name is None or path.endswith("." + value.name):
        value.name = path


def rebuilt(module: Module, change: Change, memo: Memo) -> Module:
    """A copy of a Module around changed parts. It is not made by its `__init__`, and nothing in it is named anew."""
    memo[id(module)] = new = object.__new__(type(module))
    parts = vars(new)
    for name, part in vars(module).items():
        parts[name] = change(part)
    return new


register(Module, lambda module: list(vars(module).items()), rebuilt, owner=True)
