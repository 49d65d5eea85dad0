"""A network over mixed columns: numbers as they are, categories as vectors that are learned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import whole
from ..core import Array, Value
from ..nn.containers import MLP, Activation
from ..nn.init import Initialiser, Seed, generator, lecun_uniform
from ..nn.linear import Embedding
from ..nn.module import Module


class Table(Module):
    """A multilayer perceptron over mixed columns: an `MLP` of the numbers beside a learned vector for each category.

    `numbers` is how many columns of numbers there are, `categories` how many values each column of categories has,
    missing and unknown counted as one of them, the value 0; `columns.sizes` are the two. `out_features` and the rest
    are those of `MLP`. A column of n values gets a vector of min(50, 1.6 · n^0.56) numbers, fastai's rule of thumb. The
    vectors start small, so that what tells two apart is what was learned; that of 0 starts at zeros, so that what was
    never missing while it learned changes nothing later.

    >>> model = Table(3, [5, 8], [16, 2], seed=0)
    >>> model(np.ones((10, 3), np.float32), np.zeros((10, 2), int)).shape
    (10, 2)
    >>> model.embeddings
    [Embedding(5, 4), Embedding(8, 5)]
    """

    def __init__(
        self,
        numbers: int,
        categories: Iterable[int],
        out_features: Iterable[int],
        activation: Activation | None = functional.relu,
        *,
        init: Initialiser = lecun_uniform,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        rng = generator(seed)
        whole("numbers", numbers, 0, of="columns", call="Table")
        self.embeddings: list[Embedding] = [
            Embedding(n, width(n), init=small, dtype=dtype, seed=rng) for n in categories
        ]
        for layer in self.embeddings:
            layer.weight.data[0] = 0
        total = numbers + sum(layer.weight.shape[1] for layer in self.embeddings)
        self.perceptron: MLP = MLP(total, out_features, activation, init=init, dtype=dtype, seed=rng)

    def forward(self, numbers: Any, categories: Any) -> Value:
        """(n, out_features[-1]) for numbers (n, k) and integers (n, m) that say which category; 0 is none."""
        vectors = [layer(categories[:, i]) for i, layer in enumerate(self.embeddings)]
        return self.perceptron(np.concatenate([numbers, *vectors], axis=1))


def small(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Normal numbers of standard deviation 0.1."""
    return 0.1 * rng.normal(size=shape)


def width(n: int) -> int:
    """How long the vectors of n categories are."""
    count = float(whole("categories", n, of="values", call="Table", what="each"))
    found: int = min(50, round(1.6 * count**0.56))
    return found
