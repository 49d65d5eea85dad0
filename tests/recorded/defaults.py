"""What is public here, and the layers whose options are compared as they stand after being given none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SIZES = {
    "Linear": (4, 3), "Embedding": (5, 3), "Conv1d": (2, 4, 3), "Conv2d": (2, 4, 3), "BatchNorm1d": (4,),
    "BatchNorm2d": (4,), "LayerNorm": (4,), "RMSNorm": (4,), "GroupNorm": (2, 4), "RNN": (4, 3), "GRU": (4, 3),
    "LSTM": (4, 3), "MultiheadAttention": (4, 2), "TransformerEncoderLayer": (4, 2), "Dropout": (),
    "ConvTranspose1d": (2, 4, 3), "ConvTranspose2d": (2, 4, 3), "InstanceNorm1d": (4,), "InstanceNorm2d": (4,),
    "TransformerDecoderLayer": (4, 2), "Dropout1d": (), "Dropout2d": (), "Upsample": (2,), "PixelShuffle": (2,),
}  # fmt: skip


def public() -> Iterator[tuple[str, Any]]:
    """Each public function and class, by the name it has in questions."""
    import microgradnet.functional as F
    from microgradnet import nn, optim

    for room, module in (("F", F), ("nn", nn), ("optim", optim), ("init", nn.init)):
        for name in module.__all__:
            if callable(getattr(module, name)):
                yield f"{room}.{name}", getattr(module, name)


def attributes(nn: Any) -> Iterator[tuple[str, Any]]:
    """Layers made with sizes alone, and the layers in them."""
    for name, sizes in SIZES.items():
        layer = getattr(nn, name)(*sizes)
        code = f"nn.{name}({', '.join(map(str, sizes))})"
        yield code, layer
        if name == "TransformerEncoderLayer":
            for part in ("self_attn", "linear1", "linear2", "norm1", "norm2", "dropout", "dropout1", "dropout2"):
                yield f"{code}.{part}", getattr(layer, part)


def plain_default(x: Any) -> bool:
    """Whether an option can be written down: a number, a switch, a word, None, or several numbers."""
    if isinstance(x, tuple):
        return all(map(plain_default, x))
    return x is None or isinstance(x, bool | int | float | str)
