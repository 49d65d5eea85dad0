"""Layers made of layers: one after the other, around one another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import function, integer, is_whole, refusal
from ..core import Operand, Value, shaped
from ..tree import register
from ..words import printable
from . import init as initialisers
from .init import Initialiser, Seed, generator
from .inputs import wrong_shape
from .linear import Linear
from .module import Module, WithoutParameters, counted, held, rebuilt

Activation: TypeAlias = Callable[[Any], Any]


class Sequential(Module):
    """The layers one after the other; any function of one argument can stand among them.

    They are in the list `layers`; a state dict names them by their numbers, "0.weight", as PyTorch does. There is no
    ModuleList here: a Module finds its layers in plain lists and dicts.

    >>> model = Sequential(Linear(2, 3, seed=0), np.tanh, Linear(3, 1, seed=1))
    >>> model([[0.0, 0.0]]).shape
    (1, 1)
    >>> len(model), model[-1], len(model[:2])
    (3, Linear(3 → 1), 2)
    """

    def __init__(self, *layers: Activation) -> None:
        self.layers: list[Any] = []
        for layer in layers:
            check_layer("Sequential", layer)
        self.layers = list(layers)

    def forward(self, x: Any) -> Value:
        """What the last layer returns, each being called with what the one before it returned, the first with x."""
        for layer in self.layers:
            x = layer(x)
        out: Value = x
        return out

    def append(self, layer: Activation) -> Self:
        """Itself, with one more layer at its end."""
        check_layer("Sequential", layer)
        self.layers.append(layer)
        return self

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    @overload
    def __getitem__(self, i: slice) -> Sequential: ...
    @overload
    def __getitem__(self, i: int) -> Any: ...
    def __getitem__(self, i: int | slice) -> Any:
        return Sequential(*self.layers[i]) if isinstance(i, slice) else self.layers[i]

    def __repr__(self) -> str:
        inside = "".join(f"  {i}: {named(x)}".replace("\n", "\n  ") + "\n" for i, x in enumerate(self.layers))
        return printable(f"Sequential(\n{inside}){counted(self)}")


register(Sequential, held, rebuilt, owner=True, unnamed="layers")


def check_layer(name: str, layer: Any) -> None:
    """TypeError for what cannot stand among layers, such as a layer's class in place of a layer."""
    if not callable(layer) or isinstance(layer, type):
        way = ""
        if isinstance(layer, list):
            way = f". They stand one by one, {name}(first, second); of a list, {name}(*layers)"
        elif isinstance(layer, type):
            way = f". That is a class, {layer.__name__}(…) makes a layer of it"
        raise TypeError(f"{name} wants layers or functions of one argument; got {layer!r}{way}")


def named(function: Any) -> str:
    """How a layer or function among layers is printed."""
    if isinstance(function, Module):
        return repr(function)
    return str(getattr(function, "name", getattr(function, "__name__", repr(function))))


class Residual(Module):
    """x + module(x): what the module adds to its input, which also flows past it.

    >>> Residual(Linear(3, 3, seed=0))
    Residual(Linear(3 → 3))
    """

    def __init__(self, module: Activation) -> None:
        check_layer("Residual", module)
        self.module = module

    def forward(self, x: Operand) -> Value:
        """x plus what the module makes of it, in the shape of x. ValueError if the module returns another shape."""
        x = shaped(x)
        out = self.module(x)
        shape = getattr(out, "shape", None)
        if shape != x.shape:
            raise wrong_shape(self, x, f"its module returned shape {shape}, which cannot be added to it")
        total: Value = x + out
        return total

    def __repr__(self) -> str:
        return printable(f"Residual({named(self.module)})")


class Flatten(WithoutParameters):
    """x with the axes from `start_dim` to `end_dim` as one: images as the rows of a matrix.

    >>> Flatten()(np.ones((64, 16, 5, 5))).shape
    (64, 400)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim: int = integer("start_dim", start_dim, call="Flatten")
        self.end_dim: int = integer("end_dim", end_dim, call="Flatten")

    def forward(self, x: Operand) -> Any:
        """x in the shape with one axis in place of several. ValueError if x does not have these axes."""
        x = shaped(x)
        n = x.ndim
        first = self.start_dim + n if self.start_dim < 0 else self.start_dim
        last = self.end_dim + n if self.end_dim < 0 else self.end_dim
        if not 0 <= first <= last < n:
            raise wrong_shape(self, x, f"it has no axes from {self.start_dim} to {self.end_dim} to make one of")
        return x.reshape((*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))

    def __repr__(self) -> str:
        shown = [f"{k}={v}" for k, v, default in (("start_dim", self.start_dim, 1), ("end_dim", self.end_dim, -1))
                 if v != default]  # fmt: skip
        return f"Flatten({', '.join(shown)})"


class Unflatten(WithoutParameters):
    """x with one axis as several, of the lengths `unflattened_size`: the opposite of Flatten. One may be −1.

    >>> Unflatten(1, (16, 5, 5))(np.ones((64, 400))).shape
    (64, 16, 5, 5)
    """

    def __init__(self, axis: int, unflattened_size: tuple[int, ...]) -> None:
        sizes = tuple(unflattened_size) if isinstance(unflattened_size, tuple | list) else ()
        if not sizes or not all(is_whole(n) or n == -1 for n in sizes) or sizes.count(-1) > 1:
            wanted = "the lengths of the axes to make, such as (16, 5, 5), of which one may be -1"
            raise ValueError(refusal("unflattened_size", unflattened_size, wanted, call="Unflatten"))
        self.axis: int = integer("axis", axis, call="Unflatten")
        self.unflattened_size: tuple[int, ...] = sizes

    def forward(self, x: Operand) -> Any:
        """x in the shape with several axes in place of one. ValueError if x does not have it, or not of that length."""
        x = shaped(x)
        axis, sizes = self.axis + x.ndim if self.axis < 0 else self.axis, self.unflattened_size
        known = math.prod(n for n in sizes if n > 0)
        if not 0 <= axis < x.ndim or x.shape[axis] % known or (-1 not in sizes and x.shape[axis] != known):
            raise wrong_shape(self, x, f"its axis {self.axis} cannot be cut into {sizes}")
        rest = x.shape[axis] // known
        return x.reshape((*x.shape[:axis], *(rest if n == -1 else n for n in sizes), *x.shape[axis + 1 :]))

    def __repr__(self) -> str:
        return f"Unflatten({self.axis}, {self.unflattened_size})"


class MLP(Module):
    """A multilayer perceptron: Linear layers from `in_features` through each of `out_features`.

    `activation` follows every layer but the last, `final_activation` the last; None leaves its sums as they are.
    Both are functions such as `functional.sigmoid`. `init`, `dtype` and `seed` are those of `Linear`.

    >>> sigmoid = functional.sigmoid
    >>> model = MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, seed=0)
    >>> model.parameter_count()
    13002
    """

    def __init__(
        self,
        in_features: int,
        out_features: Iterable[int],
        activation: Activation | None = functional.relu,
        final_activation: Activation | None = None,
        *,
        init: Initialiser = initialisers.lecun_uniform,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        sizes = [in_features, *(out_features if isinstance(out_features, Iterable) else ())]
        if len(sizes) < 2:
            raise ValueError("MLP wants the sizes of its layers in a list: MLP(784, [16, 16, 10])")
        for name, given in (("activation", activation), ("final_activation", final_activation)):
            if given is not None:
                function(name, given, call="MLP", more=", such as functional.sigmoid")
        rng = generator(seed)
        self.layers: list[Linear] = [Linear(n, m, init=init, dtype=dtype, seed=rng) for n, m in pairwise(sizes)]
        self.activation = activation
        self.final_activation = final_activation

    def forward(self, x: Operand) -> Value:
        """The outputs of the last layer, after its activation: (…, out_features[-1]) for x (…, in_features)."""
        last = self.layers[-1]
        for layer in self.layers:
            x = layer(x)
            activation = self.final_activation if layer is last else self.activation
            if activation is not None:
                x = activation(x)
        out: Value = x
        return out

    def __repr__(self) -> str:
        sizes = [self.layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in self.layers)]
        names = named(self.activation) + (f", then {named(self.final_activation)}" if self.final_activation else "")
        return printable(f"MLP({' → '.join(map(str, sizes))}, {names}; {self.parameter_count():,} parameters)")
