"""`python -m tests.benchmarks.layers`: training steps of networks made of layers, one thread, beside PyTorch's.

A LeNet: convolution 1→6 (5×5, padding 2), pool 2, convolution 6→16 (5×5), pool 2, 400→120→84→10; 64 images of 28×28.
A Transformer: 2 blocks of width 64 with 4 heads and 256 inside, normalised first, no dropout; 16 sequences of 64 out of
64 words, each word to be told from those before it. Both float32, cross-entropy, SGD, from the same numbers. Both take
turns in one process and must go through the same costs; a time is the median of the turns.
"""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

import numpy as np

from .__main__ import agree, taken
from .works import Step, ours

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


def our_step(functional: Any, optim: Any, model: Any, x: Any, y: Any) -> Step:
    optimiser = optim.SGD(model.parameters(), lr=RATE)

    def step() -> Any:
        optimiser.zero_grad()
        cost = functional.cross_entropy(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost.data

    return step


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


def our_steps(package: str = "microgradnet") -> dict[str, tuple[Any, Step]]:
    """For each network: the numbers that its parameters start from, and its step."""
    functional, nn, optim = ours(package, "functional", "nn", "optim")
    models = {"LeNet": (lenet(nn), *IMAGES), "Transformer": (our_transformer(nn), *WORDS)}
    return {name: ([p.data.copy() for p in model.parameters()], our_step(functional, optim, model, x, y))
            for name, (model, x, y) in models.items()}  # fmt: skip


def their_step(name: str, numbers: list[Any]) -> Step:
    from torch import nn

    return theirs(lenet(nn), numbers, *IMAGES) if name == "LeNet" else theirs(their_transformer(), numbers, *WORDS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.layers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each contender (4)")
    options = parser.parse_args()
    for name, (numbers, step) in our_steps().items():
        steps = {"numpy": step}  # under this name the others' turns are counted by it
        with contextlib.suppress(ImportError):
            steps["torch"] = their_step(name, numbers)
        agree(name, steps)
        times = taken(steps, options.seconds)
        said = f"{name}: microgradnet {times['numpy'] * 1e3:.2f} ms a step"
        if "torch" in times:
            said += f", PyTorch {times['torch'] * 1e3:.2f} ms: {times['numpy'] / times['torch']:.2f}×"
        print(said, flush=True)


if __name__ == "__main__":
    main()
