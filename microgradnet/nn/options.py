"""A function with options as a layer: what activations and losses are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Never

from ..checks import check_switches
from ..words import called_here
from .module import Module

if TYPE_CHECKING:
    import inspect


class Shown:
    """What `inspect.signature` and `help` say of a class; made when they ask, for `inspect` takes long to import."""

    def __get__(self, layer: FunctionLayer | None, kind: type[FunctionLayer]) -> inspect.Signature:
        if layer is not None:  # whose signature is that of its call
            raise AttributeError("__signature__")
        from inspect import Parameter, Signature, get_annotations

        how = Parameter.KEYWORD_ONLY if kind.by_name else Parameter.POSITIONAL_OR_KEYWORD
        types = {name: text for base in kind.__mro__[::-1] for name, text in get_annotations(base).items()}
        options = [Parameter(name, how, default=x, annotation=types[name]) for name, x in kind.defaults().items()]
        return Signature(options, return_annotation="None")


class FunctionLayer(Module):
    """A function as a layer, called with the options that are its attributes; an array among them is a buffer.

    A subclass names its `_function`, and says each option once, as an attribute with a type and a default. PEP 681 lets
    type checkers read from them what `__init__` takes: in their order, unless they go `by_name`.
    """

    _function: ClassVar[Callable[..., Any]]
    by_name: ClassVar[bool] = False
    known: ClassVar[dict[str, Any]] = {}  # the options of the class and their defaults
    __signature__: Shown = Shown()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind)]
        cls.known = {**cls.known, **{name: getattr(cls, name) for name in own}}

    def __init__(self, *given: Never, **named: Never) -> None:  # Never: mypy takes this one for a class without options
        kind, places = type(self).__name__, 0 if self.by_name else len(self.known)
        if len(given) > places:
            names = ", ".join(f"{name}=…" for name in self.known)
            raise TypeError(f"{kind} takes {places} arguments by position; got {len(given)}. It is {kind}({names})")
        placed = dict(zip(self.known, given, strict=False))
        for name in named:
            if name not in self.known:
                has = f"{', '.join(self.known) or 'none'}{called_here(name, self.known)}"
                raise TypeError(f"{kind} has no option {name!r}; it has {has}")
            if name in placed:
                raise TypeError(f"{kind} got its option {name!r} twice, by position and by name")
        check_switches(self.known, placed | named, call=kind)
        for name, x in {**self.known, **placed, **named}.items():
            setattr(self, name, x)
        self.check()

    def check(self) -> None:
        """Raises ValueError for an option that is wrong for every input."""

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The options, each with its default."""
        return dict(cls.known)

    def options(self) -> dict[str, Any]:
        """The options as they are here."""
        return {name: getattr(self, name) for name in self.known}
