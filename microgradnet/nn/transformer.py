"""The Transformer's blocks, which are attention and two linear layers, and stacks of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import function, real, whole
from ..core import Operand, Value
from .attention import MultiheadAttention
from .dropout import Dropout
from .init import Seed, generator
from .inputs import check_sizes, floating
from .linear import Linear
from .module import Module
from .norm import LayerNorm


class TransformerEncoderLayer(Module):
    """A Transformer block: attention of a sequence to itself, then two linear layers at every place, each added to
    its input, with a LayerNorm after each; with `norm_first` before each.

    `src` is (time, batch, d_model), with `batch_first` (batch, time, d_model); the masks are those of
    `MultiheadAttention`, and so is the default of `batch_first`. `activation` is "relu", "gelu" or a function.
    `dropout` is that of the attention weights, of what the activation gives and of what is added.

    >>> block = TransformerEncoderLayer(8, 2, 32, dropout=0.0, batch_first=True, norm_first=True, seed=0)
    >>> block(np.ones((5, 3, 8), np.float32), is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        check_sizes("TransformerEncoderLayer", d_model=d_model, nhead=nhead, dim_feedforward=dim_feedforward)
        real("layer_norm_eps", layer_norm_eps, call="TransformerEncoderLayer")
        chosen = activation_of("TransformerEncoderLayer", activation)
        rng = generator(seed)
        self.self_attn: MultiheadAttention = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, seed=rng
        )
        self.linear1: Linear = Linear(d_model, dim_feedforward, bias, dtype=dtype, seed=rng)
        self.dropout: Dropout = Dropout(dropout, seed=rng)
        self.linear2: Linear = Linear(dim_feedforward, d_model, bias, dtype=dtype, seed=rng)
        self.norm1: LayerNorm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2: LayerNorm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1: Dropout = Dropout(dropout, seed=rng)
        self.dropout2: Dropout = Dropout(dropout, seed=rng)
        self.activation: Callable[[Any], Any] = chosen
        self.norm_first: bool = norm_first

    def forward(
        self, src: Operand, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Value:
        """The sequence after attention and both linear layers, in the shape of `src`; the masks are its attention's."""

        def attend(x: Any) -> Value:
            out, _ = self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )
            return self.dropout1(out)

        def think(x: Any) -> Value:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        x = floating(self, src)
        if self.norm_first:
            x = x + attend(self.norm1(x))
            out: Value = x + think(self.norm2(x))
            return out
        x = self.norm1(x + attend(x))
        return self.norm2(x + think(x))

    def __repr__(self) -> str:
        width, heads = self.self_attn.embed_dim, self.self_attn.num_heads
        return f"TransformerEncoderLayer({width}, nhead={heads}, dim_feedforward={len(self.linear1.weight)})"


def activation_of(layer: str, given: Any) -> Callable[[Any], Any]:
    """An activation by its name, or a function."""
    known: dict[Any, Any] = {"relu": functional.relu, "gelu": functional.gelu}
    chosen: Callable[[Any], Any] = known.get(given, given) if isinstance(given, str) else given
    function("activation", chosen, call=layer, more=", 'relu' or 'gelu'")
    return chosen


class TransformerDecoderLayer(Module):
    """A Transformer block that also looks at another sequence, the `memory`: attention of a sequence to itself, then to
    the memory, then two linear layers at every place, each added to its input, with a LayerNorm after each; with
    `norm_first` before each.

    The arguments are those of `TransformerEncoderLayer`. `tgt` is (time, batch, d_model), with `batch_first` (batch,
    time, d_model), and so is `memory`, with a time of its own.

    >>> block = TransformerDecoderLayer(8, 2, 32, dropout=0.0, batch_first=True, seed=0)
    >>> block(np.ones((5, 3, 8), np.float32), np.ones((5, 4, 8), np.float32), tgt_is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        check_sizes("TransformerDecoderLayer", d_model=d_model, nhead=nhead, dim_feedforward=dim_feedforward)
        real("layer_norm_eps", layer_norm_eps, call="TransformerDecoderLayer")
        chosen = activation_of("TransformerDecoderLayer", activation)
        rng = generator(seed)
        attentions = [
            MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, seed=rng)
            for _ in range(2)
        ]
        norms = [LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(3)]
        self.self_attn: MultiheadAttention = attentions[0]
        self.multihead_attn: MultiheadAttention = attentions[1]
        self.linear1: Linear = Linear(d_model, dim_feedforward, bias, dtype=dtype, seed=rng)
        self.dropout: Dropout = Dropout(dropout, seed=rng)
        self.linear2: Linear = Linear(dim_feedforward, d_model, bias, dtype=dtype, seed=rng)
        self.norm1: LayerNorm = norms[0]
        self.norm2: LayerNorm = norms[1]
        self.norm3: LayerNorm = norms[2]
        self.dropout1: Dropout = Dropout(dropout, seed=rng)
        self.dropout2: Dropout = Dropout(dropout, seed=rng)
        self.dropout3: Dropout = Dropout(dropout, seed=rng)
        self.activation: Callable[[Any], Any] = chosen
        self.norm_first: bool = norm_first

    def forward(
        self,
        tgt: Operand,
        memory: Operand,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Value:
        """The sequence after both attentions and both linear layers, in the shape of `tgt`.

        The masks that begin with `tgt` are those of its attention to itself, the others those of that to `memory`.
        """

        def attend(x: Any) -> Value:
            out, _ = self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )
            return self.dropout1(out)

        def look(x: Any) -> Value:
            out, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, need_weights=False, attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )  # fmt: skip
            return self.dropout2(out)

        def think(x: Any) -> Value:
            return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        x = floating(self, tgt)
        if self.norm_first:
            x = x + attend(self.norm1(x))
            x = x + look(self.norm2(x))
            out: Value = x + think(self.norm3(x))
            return out
        x = self.norm1(x + attend(x))
        x = self.norm2(x + look(x))
        return self.norm3(x + think(x))

    def __repr__(self) -> str:
        width, heads = self.self_attn.embed_dim, self.self_attn.num_heads
        return f"TransformerDecoderLayer({width}, nhead={heads}, dim_feedforward={len(self.linear1.weight)})"


class Stack(Module):
    """What the encoder and the decoder share: copies of one layer, one after the other."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        name = type(self).__name__
        if not isinstance(layer, Module):
            raise TypeError(f"{name} wants a layer first, such as nn.{name}Layer(d_model, nhead); got {layer!r}")
        self.layers: list[Module] = copies(layer, whole("num_layers", num_layers, call=name))
        self.num_layers: int = num_layers
        self.norm: Module | None = norm


def copies(layer: Module, n: int) -> list[Module]:
    """Copies of a layer, with equal parameters of their own. They draw from the generator of the layer, in turn: from
    copies of it all of them would drop the same."""
    parts = [x for module in layer.modules() for x in vars(module).values()]
    shared = {id(x): x for x in parts if isinstance(x, np.random.Generator)}
    return [copy.deepcopy(layer, dict(shared)) for _ in range(n)]


class TransformerEncoder(Stack):
    """`num_layers` copies of a TransformerEncoderLayer, one after the other, and then `norm`, if it is given.

    As in PyTorch the copies begin with equal parameters; `layer` itself is not among them.

    >>> layer = TransformerEncoderLayer(8, 2, 32, dropout=0.0, batch_first=True, seed=0)
    >>> encoder = TransformerEncoder(layer, 3, norm=LayerNorm(8))
    >>> encoder(np.ones((5, 3, 8), np.float32), is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Operand, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Value:
        """The sequence after all layers, in the shape of `src`; the masks are handed to each of them."""
        x: Any = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        out: Value = x if self.norm is None else self.norm(x)
        return out


class TransformerDecoder(Stack):
    """`num_layers` copies of a TransformerDecoderLayer, one after the other, and then `norm`, if it is given.

    All of them look at the same `memory`. As in PyTorch the copies begin with equal parameters.

    >>> decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, 32, dropout=0.0, seed=0), 3)
    >>> decoder(np.ones((3, 5, 8), np.float32), np.ones((4, 5, 8), np.float32), tgt_is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Operand,
        memory: Operand,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Value:
        """The sequence after all layers, in the shape of `tgt`; the masks are handed to each of them."""
        x: Any = tgt
        for layer in self.layers:
            x = layer(
                x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                bool(tgt_is_causal), memory_is_causal,
            )  # fmt: skip
        out: Value = x if self.norm is None else self.norm(x)
        return out
