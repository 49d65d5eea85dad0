"""What every layer and network is: an object whose parameters are found by looking at its attributes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, Self, TypeVar, overload
from weakref import ref

import numpy as np

from ..checks import function, switch, with_switches
from ..core import Array, Mode, Numbers, Value, modes, new_age, no_grad
from ..tree import Change, Memo, children, freeze, is_frozen, is_parameter, like, register, unfreeze, walk
from ..words import answering, foreign, own, printable
from . import state as states
from .assigned import check_assigned, check_class, name_by
from .hooks import Hooks, RemovableHandle, some
from .parts import parameters_under
from .summary import ShownModule, Summary, described

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    Inputs = ParamSpec("Inputs")
    Result = TypeVar("Result", covariant=True)

    class Forward(Protocol[Inputs, Result]):
        def forward(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> Result: ...


NOTHING: Any = object()
# What is told of every call of a Module, and its result; see `Module.summary`.
LISTENER = modes.InForce("listener", None)


class ForeignModule:
    """What the modules of other libraries have and ours has not; what there is here instead is said in `foreign`."""


foreign(ForeignModule, "Module", (
    "to type float double half bfloat16 cuda cpu to_device device mps "
    "submodules buffers register_buffer register_parameter add_param add_weight self_param add_module "
    "register_module requires_grad_ trainable requires_grad get_parameter get_submodule get_layer "
    "register_full_backward_hook compile fit predict "
    "predict_on_batch predict_proba evaluate score trainable_variables trainable_weights variables "
    "trainable_parameters get_weights set_weights get_parameters count_params num_parameters num_params param_count "
    "save save_weights save_pretrained load load_weights from_pretrained zero_grads cleargrads init init_with_output "
    "build is_training"
))  # fmt: skip


class Module(ShownModule, ForeignModule):
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
    _hooks: Hooks | None = None  # until there is one

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()  # Generic's, for one
        if "__init__" in vars(cls) and cls.__module__.startswith(__package__):
            # unseen by type checkers: it stays what it is
            type.__setattr__(cls, "__init__", with_switches(cls.__init__, answering(cls.__init__)))
        check_class(cls)
        if "forward" in vars(cls) and "__call__" not in vars(cls):
            cls.__call__ = calling(cls.forward)  # type: ignore[method-assign]

    # What a Module takes and returns is what its own `forward` does.
    def __call__(self: Forward[Inputs, Result], *args: Inputs.args, **kwargs: Inputs.kwargs) -> Result:
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the Module makes of its inputs, `module(x)`: a class of yours defines it, with any arguments and result.

        Call the Module, not this: a call also notes on the results whose they are, for drawings and errors.
        """
        raise NotImplementedError(f"{type(self).__name__} computes nothing yet: define forward(self, x)")

    def __setattr__(self, name: str, part: Any) -> None:
        check_assigned(self, name, vars(self).get(name), part)
        object.__setattr__(self, name, part)
        modes.changed()
        for path, found in walk(part, name, {id(self)}):
            if isinstance(found, Value):
                name_by(path, found)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with its path, such as `("layers.0.weight", Value)`."""
        for path, found in states.walked(self):
            if isinstance(found, Value):
                name_by(path, found)
                yield path, found

    def parameters(self) -> list[Value]:
        """The parameters in the order of the attributes, each once: what an optimiser is given."""
        return [value for _, value in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """Each plain array in it with its path: what it keeps and does not learn, such as BatchNorm's running_mean."""
        return ((path, found) for path, found in states.walked(self, buffers=True) if isinstance(found, np.ndarray))

    def parameter_count(self) -> int:
        """How many numbers its parameters hold, frozen ones too."""
        return sum(value.size for value in self.parameters())

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: the next `backward()` starts from none instead of adding to them."""
        for value in self.parameters():
            value.grad = None

    def modules(self) -> Iterator[Module]:
        """Itself and every Module in it, each once."""
        return (found for _, found in states.walked(self) if isinstance(found, Module))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Itself, under the path "", and every Module in it with its path, such as "layers.0"; each once."""
        return ((path, found) for path, found in states.walked(self) if isinstance(found, Module))

    def children(self) -> Iterator[Module]:
        """The Modules right in it, each once: in attributes and in their lists and dicts, not in other Modules."""
        return (found for _, found in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The Modules right in it, each once, with their paths, such as "layers.0"."""
        yield from held_in(self)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Itself, after `fn` was called with every Module in it, the innermost first and itself last.

        >>> from microgradnet.nn import MLP
        >>> model = MLP(2, [3, 1], seed=0).apply(lambda part: print(type(part).__name__))
        Linear
        Linear
        MLP
        """
        function("fn", fn, call="apply", more=", which is called with each Module")
        for module in innermost_first(self):
            fn(module)
        return self

    def register_forward_hook(self, hook: Callable[[Any, tuple[Any, ...], Any], Any]) -> RemovableHandle:
        """Have `hook(module, inputs, out)` called after each call of it; what it returns replaces `out`, but None.

        `inputs` are those that were given by position. `handle.remove()` of what is returned takes the hook away. For a
        look at what flows; a compiled step refuses it.
        """
        return Hooks.add(self, "after", hook)

    def register_forward_pre_hook(self, hook: Callable[[Any, tuple[Any, ...]], Any]) -> RemovableHandle:
        """Have `hook(module, inputs)` called before each call of it; what the hook returns replaces the inputs by
        position, but None. See `register_forward_hook`.
        """
        return Hooks.add(self, "before", hook)

    def train(self, mode: bool = True) -> Self:
        """Itself, in training mode, with every Module in it: Dropout drops, BatchNorm takes the batch's statistics."""
        switch("mode", mode, call="train")
        for module in self.modules():
            if module.training != mode:
                object.__setattr__(module, "training", mode)
                modes.changed()
        return self

    def eval(self) -> Self:
        """Itself, in evaluation mode: the opposite of `train`."""
        return self.train(False)

    def freeze(self, *parts: str | Module | Value) -> Self:
        """Itself, with its parameters made constants: a backward gives them no gradient and takes no time for them.

        With parts, such as `"layers.0"` or `"head.bias"`, or the layers and parameters themselves, only those of them.
        A frozen parameter is a parameter still: `parameters()`, `state_dict()` and all else list it; in gradients of
        the Module None stands for it. Its `.grad` is forgotten. A parameter with several names is frozen under all of
        them. ValueError for a part that has no parameter, or is none of this Module.

        >>> from microgradnet.nn import Linear
        >>> layer = Linear(3, 2, seed=0).freeze("weight")
        >>> layer([[1.0, 2.0, 3.0]]).sum().backward()
        >>> layer.weight.grad, layer.bias.grad
        (None, array([1., 1.], dtype=float32))
        """
        for value in parameters_under(self, parts):
            freeze(value)
        return self

    def unfreeze(self, *parts: str | Module | Value) -> Self:
        """Itself, with its parameters, or those of `parts`, learning again: the opposite of `freeze`.

        What was computed with them while they were frozen does not lead to them: run the forward computation again. A
        `backward()` that would find a part of their gradient raises RuntimeError.
        """
        for value in parameters_under(self, parts):
            unfreeze(value)
        return self

    def astype(self, dtype: DTypeLike) -> Self:
        """A copy of it that computes in another precision: parameters and floating-point buffers are cast.

        As with an array, the Module itself stays as it is, and the two share nothing. Tied parameters are tied in the
        copy, frozen ones are frozen; it has no gradients. Make its optimiser after it: one made before has the
        parameters of the Module it was made for.

        >>> from microgradnet.nn import Linear
        >>> layer = Linear(3, 2, seed=0).astype(np.float64)
        >>> layer(np.ones((5, 3))).dtype
        dtype('float64')
        """
        kind = np.dtype(dtype)
        if kind.kind != "f":
            raise TypeError(f"a Module computes in floating point: astype(np.float32) or np.float64; got {kind}")
        memo: dict[int, Any] = {}
        for _, x in walk(self, buffers=True):
            if isinstance(x, Value):
                memo[id(x)] = like(x, x.data.astype(kind))
            elif isinstance(x, np.ndarray) and x.dtype.kind == "f":
                memo[id(x)] = x.astype(kind)
        return copy.deepcopy(self, memo)  # takes these where it comes to their originals

    def state_dict(self) -> dict[str, Array]:
        """Its numbers: a copy of each parameter and buffer, under its path, such as `"layers.0.weight"`; those of the
        layers of a Sequential, as in PyTorch, are `"0.weight"`.

        >>> from microgradnet.nn import Linear
        >>> {path: array.shape for path, array in Linear(3, 2, seed=0).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return states.taken(self)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> states.Incompatible:
        """Take over the numbers of a `state_dict`, in place: Values and buffers stay the objects they are.

        Arrays are cast to the dtype they have here. A tied parameter may stand under any of its paths. Returns the
        paths that were missing and those that were left over, of which there are none unless `strict=False` lets them
        be. ValueError, with nothing loaded, names those otherwise, and always what is of another shape or kind.

        >>> from microgradnet.nn import Linear
        >>> Linear(3, 2).load_state_dict({"weight": np.ones((2, 3)), "scale": 1.0}, strict=False)
        Incompatible(missing_keys=['bias'], unexpected_keys=['scale'])
        """
        return states.load(self, state, strict)

    def summary(self, *inputs: Any) -> Summary:
        """A table of its layers: the shapes and the number of their parameters, frozen ones apart, and the sums.

        With example inputs also the shape of each layer's result. They go through a copy, in evaluation mode, so that
        the Module stays as it is.

        >>> from microgradnet.nn import MLP
        >>> MLP(3, [4, 2], seed=0).freeze("layers.0").summary(np.ones((5, 3), np.float32))
        path      layer          parameters               numbers  frozen  result
                  MLP                                           0       0  (5, 2)
        layers.0  Linear(3 → 4)  weight (4, 3) bias (4,)       16      16  (5, 4)
        layers.1  Linear(4 → 2)  weight (2, 4) bias (2,)       10       0  (5, 2)
        26 parameters, 16 of them frozen: 104 bytes
        """
        results: dict[int, str] = {}
        subject = self
        if inputs:
            subject = copy.deepcopy(self).eval()
            with Mode(LISTENER, lambda module, out: results.setdefault(id(module), described(out))), no_grad():
                subject(*inputs)
        return Summary(subject, results)

    def __dir__(self) -> list[str]:
        return own(self)

    @recursive_repr("…")
    def __repr__(self) -> str:
        held = [found for name, part in children(self) for found in walk(part, name, {id(self)}, deep=False)]
        held += [(name, x) for name, x in vars(self).items() if isinstance(x, Value) and not is_parameter(x)]
        shown = [(path, parameter_repr(x) if isinstance(x, Value) else repr(x)) for path, x in held]
        inside = "\n".join(f"  {path}: {text}".replace("\n", "\n  ") for path, text in shown)
        name = type(self).__name__
        return printable(f"{name}(\n{inside}\n){counted(self)}" if inside else f"{name}()")


class WithoutParameters(Module):
    """A layer that has none, so that what it makes of an array is an array."""

    if TYPE_CHECKING:

        @overload
        def __call__(self, x: Value) -> Value: ...
        @overload
        def __call__(self, x: Numbers) -> Array: ...
        def __call__(self, x: Any) -> Any: ...


def held_in(module: Module) -> Iterator[tuple[str, Module]]:
    """The Modules right in a Module, each once, with their paths."""
    seen, done = {id(module)}, set()
    for name, part in children(module):
        for path, found in walk(part, name, seen, deep=False):
            if isinstance(found, Module) and id(found) not in done:
                done.add(id(found))
                yield path, found


def innermost_first(module: Module) -> list[Module]:
    """The Modules in a Module, each once and after those in it: itself last."""
    found, left, seen = list[Module](), [(module, False)], set()
    while left:
        part, after_its_own = left.pop()
        if after_its_own:
            found.append(part)
        elif id(part) not in seen:
            seen.add(id(part))
            left += [(part, True), *reversed([(inner, False) for _, inner in held_in(part)])]
    return found


def calling(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`__call__` of a Module with this `forward`: it notes on the results whose they are, and on errors whose fault.

    Small networks cost by the call, so the commonest call, with one argument, takes the fewest steps.
    """

    def call(self: Module, x: Any = NOTHING, /, *more: Any, **named: Any) -> Any:
        start = new_age()
        hooks = self._hooks if some else None
        if hooks is not None:
            x, *rest = hooks.entered(self, () if x is NOTHING else (x, *more)) or (NOTHING,)
            more = tuple(rest)
        try:
            if more or named or x is NOTHING:
                out = forward(self, *(() if x is NOTHING else (x, *more)), **named)
            else:
                out = forward(self, x)
        except WrongInput as error:
            error.passes(self)
            raise
        if hooks is not None:
            out = hooks.left(self, () if x is NOTHING else (x, *more), out)
        if modes.on:
            modes.relied_on(self)
            if (listener := LISTENER.get()) is not None:
                listener(self, out)
        if isinstance(out, Value):
            if out.age > start:  # and not an input handed through
                out.scope = ref(self), type(self), start, out.scope
        elif type(out) is tuple:
            for part in out:
                if isinstance(part, Value) and part.age > start:
                    part.scope = ref(self), type(self), start, part.scope
        return out

    call.__doc__, call.__wrapped__ = forward.__doc__, forward  # type: ignore[attr-defined]
    return call


class Scope(NamedTuple):
    """That a Value is a result of a call of `module`; what of its history is younger than `start` was made inside."""

    module: Module | None  # None if it is gone by now
    kind: type[Module]  # its class
    start: int


def scopes_of(value: Value) -> Iterator[Scope]:
    """The calls of Modules that returned this Value, the outermost first."""
    held = value.scope
    while held is not None:
        module, kind, start, held = held
        yield Scope(module(), kind, start)


class WrongInput(ValueError):
    """An input that a layer cannot take. Says which layer: by its path, where it is part of a model."""

    def __init__(self, layer: Module, text: str) -> None:
        super().__init__(layer, text)
        self.text = text
        self.layers: list[Module] = [layer]  # and the Modules around it

    def passes(self, module: Module) -> None:
        """Called as the error leaves each Module on the way out."""
        if module is not self.layers[-1] and path_in(module, self.layers[-1]):
            self.layers.append(module)

    def __str__(self) -> str:
        inside_out = zip(self.layers[1:], self.layers, strict=False)
        path = "".join(reversed([path_in(outer, inner) for outer, inner in inside_out]))
        return printable(f"{f'model{path}: ' if path else ''}{self.layers[0]!r} {self.text}")


def path_in(outer: Module, inner: Module) -> str:
    """Where `outer` holds `inner`, as a program writes it: ".layers[2]". Empty if it does not."""
    for path, found in walk(outer):
        if found is inner:
            return "".join(f"[{name}]" if name.isdecimal() else f".{name}" for name in path.split(".") if name)
    return ""


def parameter_repr(value: Value) -> str:
    """How a Value is printed among the layers: its shape, and what there is to know of it."""
    computed = f", computed by {value.op.name}: no parameter" if value.op and not is_parameter(value) else ""
    return f"Value {value.shape}{computed}{', frozen' if is_frozen(value) else ''}"


def counted(module: Module) -> str:
    """What is printed after the layers of a Module: how many numbers its parameters hold."""
    total = module.parameter_count()
    frozen = sum(value.size for value in module.parameters() if is_frozen(value))
    return (f"; {total:,} parameters" if total else "") + (f", {frozen:,} frozen" if frozen else "")


def rebuilt(module: Module, change: Change, memo: Memo) -> Module:
    """A copy of a Module around changed parts. It is not made by its `__init__`, and nothing in it is named anew."""
    memo[id(module)] = new = object.__new__(type(module))
    parts = vars(new)
    for name, part in vars(module).items():
        parts[name] = change(part)
    return new


def held(module: Module) -> list[tuple[str, Any]]:
    """What a Module holds, with the names it has there."""
    return list(vars(module).items())


register(Module, held, rebuilt, owner=True)
