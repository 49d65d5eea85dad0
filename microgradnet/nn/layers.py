"""The layers. Names and arguments are PyTorch's where it has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..engine import Operand, Value
from . import init as initialisers
from .init import Initialiser, Seed, generator
from .module import Module, WrongInput, counted

Activation: TypeAlias = Callable[[Any], Any]


class Linear(Module):
    """x · weightᵀ + bias: every output is a weighted sum of all inputs, plus its bias.

    `weight` is (out_features, in_features), `bias` (out_features,); x is (…, in_features) and the result
    (…, out_features).
    Weights start as `init` says and biases at 0; the default is uniform in ±1/√in_features for both, as in PyTorch.
    `seed` is an int or a np.random.Generator; without one, all layers draw from one generator with a fixed start.
    `dtype` is that of the parameters: give x in the same one, or NumPy computes in the larger.

    >>> layer = Linear(3, 2, seed=0)
    >>> layer
    Linear(3 → 2)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: Initialiser = initialisers.lecun_uniform,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        for name, n in (("in_features", in_features), ("out_features", out_features)):
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
                raise ValueError(f"Linear({name}={n!r}): it is a whole number of at least 1")
        if not callable(init):
            raise TypeError(f"Linear(init={init!r}): it is a function, such as nn.init.xavier_normal")
        rng = generator(seed)
        weight = init((out_features, in_features), rng)
        self.weight = Value(weight.astype(dtype))
        self.bias = None
        if bias:
            small = init is initialisers.lecun_uniform
            start = init((out_features, in_features), rng)[:, 0] if small else np.zeros(out_features)
            self.bias = Value(start.astype(dtype))

    def forward(self, x: Operand) -> Any:
        try:
            if self.bias is None:
                return x @ self.weight.T
            return functional.linear.record(x, self.weight, self.bias)
        except (ValueError, AttributeError) as error:
            shape = np.shape(x)
            if shape[-1:] == self.weight.shape[1:]:
                raise
            wanted = f"its last axis must be {self.weight.shape[1]} long"
            raise WrongInput(self, f"got an input of shape {shape}: {wanted}") from error

    def __repr__(self) -> str:
        n_out, n_in = self.weight.shape
        return f"Linear({n_in} → {n_out}{'' if self.bias is not None else ', bias=False'})"


class Sequential(Module):
    """The layers one after the other; any function of one argument can stand among them.

    >>> Sequential(Linear(2, 3, seed=0), np.tanh, Linear(3, 1, seed=1))([[0.0, 0.0]]).shape
    (1, 1)
    """

    def __init__(self, *layers: Activation) -> None:
        for layer in layers:
            if not callable(layer) or isinstance(layer, type):
                raise TypeError(f"Sequential wants layers or functions of one argument; got {layer!r}")
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Any:
        return self.layers[i]

    def __repr__(self) -> str:
        names = [
            repr(x) if isinstance(x, Module) else getattr(x, "name", getattr(x, "__name__", repr(x)))
            for x in self.layers
        ]
        inside = "".join(f"  {i}: {name}\n".replace("\n  ", "\n    ") for i, name in enumerate(names))
        return f"Sequential(\n{inside}){counted(self)}"


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
        for name, function in (("activation", activation), ("final_activation", final_activation)):
            if function is not None and (not callable(function) or isinstance(function, type)):
                raise TypeError(f"MLP({name}={function!r}): it is a function, such as functional.sigmoid")
        sizes = [in_features, *(out_features if isinstance(out_features, Iterable) else ())]
        if len(sizes) < 2:
            raise ValueError("MLP wants the sizes of its layers in a list: MLP(784, [16, 16, 10])")
        rng = generator(seed)
        self.layers = [Linear(n, m, init=init, dtype=dtype, seed=rng) for n, m in pairwise(sizes)]
        self.activation = activation
        self.final_activation = final_activation

    def forward(self, x: Operand) -> Any:
        last = self.layers[-1]
        for layer in self.layers:
            x = layer(x)
            activation = self.final_activation if layer is last else self.activation
            if activation is not None:
                x = activation(x)
        return x

    def __repr__(self) -> str:
        sizes = [self.layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in self.layers)]
        names = [getattr(f, "name", getattr(f, "__name__", repr(f))) for f in (self.activation, self.final_activation)]
        return f"MLP({' → '.join(map(str, sizes))}, {names[0]}, then {names[1]}; {self.parameter_count():,} parameters)"


# -------------------------------------------------------------------------------------------------------- activations


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Operand) -> Any:
        return functional.relu(x)


class Sigmoid(Module):
    """1 / (1 + exp(−x))."""

    def forward(self, x: Operand) -> Any:
        return functional.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Operand) -> Any:
        return functional.tanh(x)


class Softplus(Module):
    """log(1 + exp(x))."""

    def forward(self, x: Operand) -> Any:
        return functional.softplus(x)


class LeakyReLU(Module):
    """x where positive, negative_slope · x elsewhere."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def __repr__(self) -> str:
        return f"LeakyReLU({self.negative_slope})"

    def forward(self, x: Operand) -> Any:
        return functional.leaky_relu(x, self.negative_slope)


class ELU(Module):
    """x where positive, alpha · (exp(x) − 1) elsewhere."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def __repr__(self) -> str:
        return f"ELU({self.alpha})"

    def forward(self, x: Operand) -> Any:
        return functional.elu(x, self.alpha)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along `axis`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def __repr__(self) -> str:
        return f"Softmax(axis={self.axis})"

    def forward(self, x: Operand) -> Any:
        return functional.softmax(x, self.axis)
