"""Layers that are one matrix: Linear, and Embedding, which picks its rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import function, integer
from ..core import NonDiff, Operand, Value, modes, shaped
from ..words import foreign, printable
from . import init as initialisers
from .init import Initialiser, Seed, generator
from .inputs import check_sizes, floating, wrong_shape
from .module import Module, WrongInput


class ForeignLinear:
    """What layers of other libraries call their parts; what there is here instead is said in `foreign`."""


foreign(ForeignLinear, "Linear", "neurons coef_ w W kernel weights b bias_ intercept_ nonlin act activation")


class Linear(Module, ForeignLinear):
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
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.weight: Value
        self.bias: Value | None
        self.weight, self.bias = weight_and_bias("Linear", (out_features, in_features), bias, init, dtype, seed)

    def forward(self, x: Operand) -> Value:
        """x · weightᵀ + bias: (…, out_features) for x (…, in_features). ValueError for another last axis."""
        kind = type(x)
        if kind is list and any(isinstance(part, Value) for part in x):  # as micrograd's networks take their inputs
            x = np.stack(x)
        elif kind is tuple or (kind is np.ndarray and x.dtype.kind != "f"):
            floating(self, x)  # says so
        try:
            if self.bias is None:
                out: Value = x @ self.weight.T
                return out
            return functional.linear.record(x, self.weight, self.bias)
        except (ValueError, AttributeError, IndexError) as error:
            if np.shape(x)[-1:] == self.weight.shape[1:]:
                raise
            n = self.weight.shape[1]
            raise wrong_shape(self, x, f"its last axis must be {n} long{other_shape(np.shape(x), n)}") from error

    def __repr__(self) -> str:
        n_out, n_in = self.weight.shape
        return printable(f"Linear({n_in} → {n_out}{'' if self.bias is not None else ', bias=False'})")


def other_shape(shape: tuple[int, ...], n: int) -> str:
    """How to give the same numbers a last axis of n, where one number, an image or rows that are columns are likely."""
    total = math.prod(shape)
    if (len(shape) < 2 and n == 1) or (len(shape) > 1 and n in (total, math.prod(shape[1:]))):
        return f". np.reshape(x, (-1, {n})) has shape ({total // n}, {n})"
    return f". x.T has shape {shape[::-1]}" if len(shape) == 2 and shape[0] == n else ""


def affine(x: Any, weight: Value, bias: Value | None) -> Value:
    """x · weightᵀ, plus `bias` if there is one."""
    out: Value = x @ weight.T if bias is None else functional.linear.record(x, weight, bias)
    return out


def weight_and_bias(
    layer: str, shape: tuple[int, ...], bias: bool, init: Initialiser, dtype: DTypeLike, seed: Seed,
    biases: int | None = None,
) -> tuple[Value, Value | None]:  # fmt: skip
    """The parameters that Linear and the convolutions start with; there are as many biases as rows unless told.

    With the default `init` biases are as in PyTorch.
    """
    function("init", init, call=layer, more=", such as nn.init.xavier_normal")
    rng = generator(seed)
    weight = Value(init(shape, rng).astype(dtype))
    if not bias:
        return weight, None
    small = init is initialisers.lecun_uniform
    if not small:
        start = np.zeros(biases or len(weight))
    elif biases is None:
        start = init(shape, rng).reshape(len(weight), -1)[:, 0]
    else:
        start = init(shape, rng).reshape(-1)[:biases]
    return weight, Value(start.astype(dtype))


class Embedding(Module):
    """A table of vectors: each integer in x becomes the row of `weight` that it names.

    `weight` is (num_embeddings, embedding_dim); x is an integer array of any shape (…), and the result
    (…, embedding_dim). Rows start as `init` says, by default standard normal as in PyTorch. The row `padding_idx`
    starts at 0 and gets no gradient: it stands for places where nothing is.

    >>> layer = Embedding(10, 3, seed=0)
    >>> layer(np.array([[1, 2], [2, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        init: Initialiser = initialisers.normal,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= integer("padding_idx", padding_idx, call="Embedding") < num_embeddings:
                raise ValueError(f"Embedding(padding_idx={padding_idx}): there are {num_embeddings} rows")
            padding_idx %= num_embeddings
        function("init", init, call="Embedding", more=", such as nn.init.normal")
        weight = init((num_embeddings, embedding_dim), generator(seed)).astype(dtype)
        if padding_idx is not None:
            weight[padding_idx] = 0
        self.weight: Value = Value(weight)
        self.padding_idx = padding_idx

    def forward(self, x: Any) -> Value:
        """The rows that x (…) names, (…, embedding_dim). ValueError for what are no integers from 0 to the last row."""
        x = x if isinstance(x, NonDiff) else shaped(x)  # such as an argmax
        rows = len(self.weight)
        if x.dtype.kind not in "iu":
            raise WrongInput(self, f"got an input of dtype {x.dtype}: it wants integers, 0 to {rows - 1}")
        modes.host(self._check, x)
        picked: Value = functional.embedding(x, self.weight, self.padding_idx)
        return picked

    def _check(self, x: Any) -> None:
        rows = len(self.weight)
        if x.size and not (x.min() >= 0 and x.max() < rows):
            raise WrongInput(self, f"got integers from {x.min()} to {x.max()}: it has the rows 0 to {rows - 1}")

    def __repr__(self) -> str:
        rows, columns = self.weight.shape
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"Embedding({rows}, {columns}{padding})"
