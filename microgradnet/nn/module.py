"""What every layer and network is: an object whose parameters are found by looking at its attributes."""

from __future__ import annotations

from collections.abc import Iterator
from reprlib import recursive_repr
from typing import Any

from ..engine import Value


class Module:
    """A layer or network. Assign Values, Modules, or lists, tuples, dicts and dataclasses of them; define `forward`.

    A Value attribute is a parameter, unless it was computed from others: `Value(0.1 * array)` is one, and
    `0.1 * Value(array)` is not. Nothing is registered: parameters are found in the order of the attributes, each once,
    however many names it has.

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

    def __init_subclass__(cls) -> None:
        # To call a module is to call its forward, with no step between: small networks cost by the call.
        if "forward" in vars(cls) and "__call__" not in vars(cls):
            cls.__call__ = cls.forward  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} computes nothing yet: define forward(self, x)")

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with its path, such as `("layers.0.weight", Value)`."""
        for path, found in walk(self, "", set()):
            if isinstance(found, Value):
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

    @recursive_repr("…")
    def __repr__(self) -> str:
        held = [found for name, part in children(self) for found in walk(part, name, {id(self)}, deep=False)]
        held += [(name, x) for name, x in vars(self).items() if isinstance(x, Value) and x.op is not None]
        shown = [(path, parameter_repr(x) if isinstance(x, Value) else repr(x)) for path, x in held]
        inside = "\n".join(f"  {path}: {text}".replace("\n", "\n  ") for path, text in shown)
        return f"{type(self).__name__}(\n{inside}\n)" if inside else f"{type(self).__name__}()"


def parameter_repr(value: Value) -> str:
    computed = f", computed by {value.op.name}: no parameter" if value.op is not None else ""
    return f"Value {value.shape}{computed}"


def children(node: Any) -> list[tuple[str, Any]]:
    """What `node` holds, with the names it has there; nothing for an object that is no container."""
    if isinstance(node, Module):
        return list(vars(node).items())
    if isinstance(node, dict):
        return [(str(key), part) for key, part in node.items()]
    if isinstance(node, list | tuple):
        return [(str(i), part) for i, part in enumerate(node)]
    return [(name, getattr(node, name)) for name in getattr(type(node), "__dataclass_fields__", ())]


def walk(node: Any, path: str, seen: set[int], deep: bool = True) -> Iterator[tuple[str, Value | Module]]:
    """The Modules and parameters in `node`, itself included, with their paths; each once. `deep` enters Modules."""
    if isinstance(node, Value):
        if node.op is None and id(node) not in seen:
            seen.add(id(node))
            yield path, node
        return
    if id(node) in seen:
        return
    inside = children(node)
    if isinstance(node, Module):
        yield path, node
        if not deep:
            return
    if inside:
        seen.add(id(node))
        for name, part in inside:
            yield from walk(part, f"{path}.{name}" if path else name, seen, deep)
