"""Attention, and positions for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..core import Array, Operand, Value, shaped
from . import init as initialisers
from .init import Seed, generator
from .inputs import check_dropped, check_sizes, floating, wrong_shape
from .linear import Linear, affine
from .module import Module, WrongInput


class MultiheadAttention(Module):
    """Each place of `query` looks at the places of `key` and takes the mean of `value` there, `num_heads` times.

    All three are (time, batch, embed_dim), with `batch_first` (batch, time, embed_dim), or (time, embed_dim) alone;
    `batch_first` is False unless it is given, as in PyTorch. Returns a pair: the result, of the shape of `query`, and
    the weights (batch, query's time, key's time), averaged over the heads; None without `need_weights`.

    `attn_mask` is (query's time, key's time), or (batch · num_heads, …) of them; `key_padding_mask` (batch, key's
    time), or (key's time,) for one without a batch. Booleans say True where nobody may look, numbers are added to the
    scores; a place that may look nowhere gets weights of 0. `is_causal`: each place looks at its own and the ones
    before, with no mask given for it. `dropout` is that of the weights. `in_proj_weight` has the
    rows for query, key and value, as in PyTorch.

    >>> layer = MultiheadAttention(8, 2, batch_first=True, seed=0)
    >>> x = np.ones((5, 3, 8), np.float32)
    >>> out, weights = layer(x, x, x, is_causal=True)
    >>> out.shape, weights.shape
    ((5, 3, 8), (5, 3, 3))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        batch_first: bool = False,  # by name alone: the next in PyTorch is another
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        check_sizes("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        check_dropped("MultiheadAttention", dropout=dropout)
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim={embed_dim} is no multiple of num_heads={num_heads}")
        self.embed_dim: int = embed_dim
        self.num_heads: int = num_heads
        self.dropout: float = dropout
        self.batch_first: bool = batch_first
        self.rng: np.random.Generator = generator(seed)
        start = initialisers.xavier_uniform((3 * embed_dim, embed_dim), self.rng)
        self.in_proj_weight: Value = Value(start.astype(dtype))
        self.in_proj_bias: Value | None = Value(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj: Linear = Linear(embed_dim, embed_dim, bias, dtype=dtype, seed=self.rng)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data[...] = 0

    def forward(
        self,
        query: Operand,
        key: Operand,
        value: Operand,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Value, Value | None]:
        """The pair of the result, in the shape of `query`, and the weights, or None without `need_weights`.

        `average_attn_weights=False` leaves the weights of each head apart: (batch, heads, query's time, key's time).
        ValueError for shapes that do not fit each other, and for a mask of another shape or kind.
        """
        q, k, v = self.heads(query, key, value)
        mask = self._mask(key_padding_mask, attn_mask, q, k)
        weights = functional.attention_weights(q, k, mask, is_causal)
        if self.training and self.dropout:
            weights = functional.dropout(weights, self.dropout, seed=self.rng)
        mixed = weights @ v
        batch, _, time, _ = mixed.shape
        out = self.out_proj(mixed.transpose(0, 2, 1, 3).reshape((batch, time, self.embed_dim)))
        if need_weights and average_attn_weights:
            weights = weights.mean(axis=1)
        if np.ndim(query) == 2:
            return out[0], weights[0] if need_weights else None
        return out if self.batch_first else out.swapaxes(0, 1), weights if need_weights else None

    def heads(self, query: Any, key: Any, value: Any) -> list[Any]:
        """The projections of the three, each (batch, heads, time, embed_dim / heads)."""
        if query is key is value:  # one product instead of three
            (x,) = self.batched(query)
            all_three = affine(x, self.in_proj_weight, self.in_proj_bias)
            split = all_three.reshape((*x.shape[:2], 3, self.num_heads, -1)).transpose(2, 0, 3, 1, 4)
            return [split[0], split[1], split[2]]
        made, n = [], self.embed_dim
        for i, x in enumerate(self.batched(query, key, value)):
            rows = slice(i * n, (i + 1) * n)
            bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
            part = affine(x, self.in_proj_weight[rows], bias)
            made.append(part.reshape((*x.shape[:2], self.num_heads, -1)).transpose(0, 2, 1, 3))
        return made

    def batched(self, *inputs: Any) -> list[Any]:
        """The inputs as (batch, time, embed_dim); WrongInput if they cannot be, or do not fit each other."""
        found = []
        for x in inputs:
            x = floating(self, x)
            if x.ndim not in (2, 3) or x.shape[-1] != self.embed_dim:
                time = "(batch, time" if self.batch_first else "(time, batch"
                raise wrong_shape(self, x, f"it wants {time}, {self.embed_dim}) or (time, {self.embed_dim})")
            found.append(x.reshape((1, *x.shape)) if x.ndim == 2 else x if self.batch_first else x.swapaxes(0, 1))
        query, key, value = (found * 3)[:3]
        if key.shape != value.shape or len(query) != len(key) or len({np.ndim(x) for x in inputs}) > 1:
            seen = ", ".join(str(np.shape(x)) for x in inputs)
            raise WrongInput(
                self,
                f"got query, key and value of shapes {seen}: key and value are of one shape, and as many as queries",
            )
        return found

    def _mask(self, key_padding_mask: Any, attn_mask: Any, q: Any, k: Any) -> Any:
        """Both masks as numbers to add to the scores (batch, heads, query's time, key's time), or None."""
        batch, heads, time, _ = q.shape
        alone = {(k.shape[2],): (1, 1, 1, k.shape[2])} if batch == 1 else {}
        both = None
        for name, given, shapes in (
            ("attn_mask", attn_mask, {(time, k.shape[2]): (time, k.shape[2]),
                                      (batch * heads, time, k.shape[2]): (batch, heads, time, k.shape[2])}),
            ("key_padding_mask", key_padding_mask, {(batch, k.shape[2]): (batch, 1, 1, k.shape[2]), **alone}),
        ):  # fmt: skip
            if given is None:
                continue
            given = shaped(given)
            if given.dtype.kind not in "bf" or given.shape not in shapes:
                wanted = " or ".join(map(str, shapes))
                seen = f"shape {given.shape}, dtype {given.dtype}"
                raise WrongInput(self, f"got {name} of {seen}: it wants booleans or floats of shape {wanted}")
            allowed = ~given if given.dtype.kind == "b" else given
            added = functional.additive(allowed, q.dtype).reshape(shapes[given.shape])
            both = added if both is None else both + added
        return both

    def __repr__(self) -> str:
        return f"MultiheadAttention({self.embed_dim}, num_heads={self.num_heads})"


def sinusoidal(length: int, width: int, dtype: DTypeLike = np.float32) -> Array:
    """Positions 0 to length − 1 as vectors of sines and cosines of falling frequency, (length, width): to add to the
    vectors of a sequence (Vaswani et al. 2017).

    >>> sinusoidal(50, 16).shape
    (50, 16)
    """
    check_sizes("sinusoidal", length=length, width=width)
    angles = np.arange(length)[:, None] * np.exp(np.arange(0, width, 2) * (-math.log(10_000) / width))
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, -1)[:, :width].astype(dtype)
