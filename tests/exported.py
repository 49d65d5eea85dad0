"""What the tests of files for others share: networks, layers and rows, each with inputs to try them on."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microgradnet import nn
from microgradnet.core import BOOLEAN, Op, numbers
from tests.cases import ROWS
from tests.test_nn_layers import CASES

LENGTHS = {"a": 2, "b": 3, "c": 4, "d": 2, "e": 3, "k": 2, "m": 3, "n": 3, "1": 1}
EXAMPLES = Path(__file__).parent.parent / "examples"


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class Walk(nn.Module):
    """A recurrent network that returns its states as well."""

    def __init__(self, **options: Any) -> None:
        self.layer = nn.LSTM(3, 4, seed=0, **options)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


class With(nn.Module):
    """A layer with arguments that are given by name."""

    def __init__(self, layer: Any, named: dict[str, Any]) -> None:
        self.layer, self.named = layer, named

    def forward(self, *x: Any) -> Any:
        return self.layer(*x, **self.named)


class Try(NamedTuple):
    """A model, an example batch, and the axis that counts examples."""

    model: Any
    x: tuple[np.ndarray, ...]
    axis: int | None = 0

    def batches(self) -> Iterator[tuple[np.ndarray, ...]]:
        """The example batch, one of a single example and one of five."""
        if self.axis is None:
            yield self.x
            return
        for n in (len(np.moveaxis(self.x[0], self.axis, 0)), 1, 5):
            yield tuple(x.take(np.arange(n) % x.shape[self.axis], self.axis) for x in self.x)


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2, seed=0), np.tanh, nn.AvgPool2d(2), nn.Conv2d(6, 16, 5, seed=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120, seed=2), np.tanh, nn.Linear(120, 10, seed=3),
    )  # fmt: skip


def networks() -> dict[str, Callable[[], Try]]:
    """Networks such as the examples have."""

    def transformer() -> Try:
        sys.path.insert(0, str(EXAMPLES))
        try:
            example: Any = importlib.import_module("char_transformer")
        finally:
            sys.path.remove(str(EXAMPLES))
        model = example.Transformer(16, 2, 4, rng())
        return Try(model, (example.in_numbers(["who has the blue kite?", "is it?"])[0][:, :20],))

    def normal(*shape: int) -> tuple[np.ndarray]:
        return (rng().normal(size=shape).astype(np.float32),)

    return {
        "LeNet": lambda: Try(lenet(), normal(2, 1, 28, 28)),
        "MLP": lambda: Try(nn.MLP(3, [5, 2], seed=0), normal(4, 3)),
        "MLP of tanh": lambda: Try(nn.MLP(3, [8, 1], seed=0, activation=np.tanh), normal(2, 3)),
        "Transformer": transformer,
        "LSTM": lambda: Try(Walk(), normal(6, 2, 3), 1),
        "LSTM, two ways": lambda: Try(Walk(batch_first=True, num_layers=2, bidirectional=True), normal(2, 6, 3)),
    }  # fmt: skip


def layers() -> dict[str, Callable[[], Try]]:
    """Every layer, in evaluation mode."""

    def make(case: Any) -> Try:
        inputs = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in case.draw(0)]
        return Try(With(case.make(dtype=np.float32).eval(), case.named), tuple(inputs), case.batch)

    return {case.name: lambda case=case: make(case) for case in CASES}  # type: ignore[misc]


def calls(row: Op) -> Iterator[tuple[list[Any], list[int], dict[str, Any]]]:
    """Calls of a row, as its cases say: all inputs in float32, which of them were drawn, the parameters."""
    width = 1 if row.arity > 10 else row.arity
    for inputs, params in row.cases or [(("ab",) * width, {}), (("",) * width, {})]:
        generator, drawn = np.random.default_rng(1), []
        for i, x in enumerate(inputs):
            if isinstance(x, (str, tuple)):
                shape = tuple(LENGTHS[letter] for letter in x) if isinstance(x, str) else x
                domain = row.domain[min(i, len(row.domain) - 1)]
                x = generator.uniform(domain.low, domain.high, shape)
                x = np.asarray(x > 0.5 if domain is BOOLEAN else x.astype(np.float32))
            drawn.append(x)
        varied = [i for i, x in enumerate(inputs) if isinstance(x, (str, tuple))]
        if varied and all(x.size for x in drawn):
            yield drawn, varied, params


def row_as_model(row: Op, inputs: list[Any], varied: list[int], params: dict[str, Any]) -> Callable[..., Any]:
    def model(*given: Any) -> Any:
        args = list(inputs)
        for i, x in zip(varied, given, strict=True):
            args[i] = x
        return row(*args, **params)

    return model


def flat(result: Any) -> list[np.ndarray]:
    """What a model returned, one array after the other."""
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in flat(part)]
    return [] if result is None else [np.asarray(numbers(result))]


__all__ = ["ROWS", "Try", "calls", "flat", "layers", "lenet", "networks", "row_as_model"]
