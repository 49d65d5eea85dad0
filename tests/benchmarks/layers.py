"""Training steps of networks made of layers, beside PyTorch's.

A LeNet: convolution 1→6 (5×5, padding 2), pool 2, convolution 6→16 (5×5), pool 2, 400→120→84→10; 64 images of 28×28.
A Transformer: 2 blocks of width 64 with 4 heads and 256 inside, normalised first, no dropout; 16 sequences of 64 out of
64 words, each word to be told from those before it. Both float32, cross-entropy, SGD, from the same numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .small_works import Step, compiling
from .works import ours

RATE = 0.01
IMAGES = np.random.default_rng(0).random((64, 1, 28, 28), "f4"), np.random.default_rng(1).integers(0, 10, 64)
WORDS = np.random.default_rng(0).integers(0, 64, (16, 64)), np.random.default_rng(1).integers(0, 64, (16, 64))
BLOCK: dict[str, Any] = {"dim_feedforward": 256, "dropout": 0.0, "batch_first": True, "norm_first": True}


def lenet(nn: Any) -> Any:
    """The same program for `microgradnet.nn` and `torch.nn`."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def transformer(nn: Any) -> list[Any]:
    """Its parts: the words, their places, the blocks, the last norm, the scores of the words."""
    blocks = [nn.TransformerEncoderLayer(64, 4, **BLOCK) for _ in range(2)]
    return [nn.Embedding(64, 64), nn.Embedding(64, 64), *blocks, nn.LayerNorm(64), nn.Linear(64, 64)]


def our_transformer(nn: Any) -> Any:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.parts = transformer(nn)

        def forward(self, words: Any) -> Any:
            embedding, places, *blocks, norm, scores = self.parts
            x = embedding(words) + places.weight
            for block in blocks:
                x = block(x, is_causal=True)
            return scores(norm(x))

    return Model()


def their_transformer() -> Any:
    import torch
    from torch import nn

    mask = nn.Transformer.generate_square_subsequent_mask(64)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(transformer(nn))

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            embedding, places, *blocks, norm, scores = self.parts
            x = embedding(words) + places.weight
            for block in blocks:
                x = block(x, src_mask=mask, is_causal=True)
            return scores(norm(x))

    return Model()


def our_step(package: str, model: Any, x: Any, y: Any, backend: str | None = None) -> Step:
    functional, optim = ours(package, "functional", "optim")
    optimiser = optim.SGD(model.parameters(), lr=RATE)

    @compiling(package, backend)
    def step(x: Any, y: Any) -> Any:
        optimiser.zero_grad()
        cost = functional.cross_entropy(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost

    return lambda: step(x, y).data


def theirs(model: Any, numbers: list[Any], x: Any, y: Any) -> Step:
    import torch

    torch.set_num_threads(1)
    for p, array in zip(model.parameters(), numbers, strict=True):
        p.data = torch.tensor(array)
    x, y, optimiser = torch.tensor(x), torch.tensor(y), torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> Any:
        optimiser.zero_grad()
        out = model(x)
        cost = torch.nn.functional.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))
        cost.backward()
        optimiser.step()
        return cost.item()

    return step


def our_model(name: str, package: str = "microgradnet") -> Any:
    """One of the two, its numbers always the same."""
    nn, init = ours(package, "nn", "nn.init")
    init.shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
    return lenet(nn) if name == "LeNet" else our_transformer(nn)


def our_step_of(name: str, backend: str | None = None, package: str = "microgradnet") -> Step:
    """Our step, compiled if there is a backend."""
    return our_step(package, our_model(name, package), *(IMAGES if name == "LeNet" else WORDS), backend=backend)


def our_steps(package: str = "microgradnet") -> dict[str, Step]:
    """The step of each network, eager."""
    return {name: our_step_of(name, package=package) for name in ("LeNet", "Transformer")}


def their_step(name: str) -> Step:
    from torch import nn

    numbers = [p.data.copy() for p in our_model(name).parameters()]
    return theirs(lenet(nn), numbers, *IMAGES) if name == "LeNet" else theirs(their_transformer(), numbers, *WORDS)


# The eager step is called "numpy": the others' turns are counted by it.
CONTENDERS: dict[str, dict[str, Callable[[], Step]]] = {
    name: {
        "numpy": functools.partial(our_step_of, name),
        "compiled": functools.partial(our_step_of, name, "numpy"),
        "native": functools.partial(our_step_of, name, "native"),
        "torch": functools.partial(their_step, name),
    }
    for name in ("LeNet", "Transformer")
}
