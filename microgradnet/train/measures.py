"""What a model makes of examples, and the numbers by which it is judged: a cost and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias, overload

import numpy as np

from ..core import Array, Value, no_grad, numbers
from ..nn.module import Module
from ..words import answering, brief
from .arguments import check_counts, check_model, examples, inputs, weights
from .around import ModesKept
from .named import Weighted, loss_of, metrics_of
from .sources import Batch, Dealer, Inputs, Source, picked
from .streams import Dataset, is_dataset, source_of

Function: TypeAlias = Callable[..., Any]
ONE = (int, float, np.generic)


class GivesOne(Protocol):
    """A Module that returns one Value or array."""

    def forward(self, *args: Any, **kwargs: Any) -> Value | Array: ...


class GivesSeveral(Protocol):
    """A Module that returns a tuple."""

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]: ...


@overload
def predict(model: GivesOne, x: Any, *, batch_size: int = 256) -> Array: ...
@overload
def predict(model: GivesSeveral, x: Any, *, batch_size: int = 256) -> tuple[Array, ...]: ...
@answering
def predict(model: Any, x: Any, *, batch_size: int = 256) -> Any:
    """What `model` makes of examples x (n, …), as plain arrays: nothing is recorded, and it is in evaluation mode.

    A tuple of arrays is several inputs, `model(*x)`; of a dataset, examples d[i] = (x, y), it is each x, in order.
    The examples go through `batch_size` at a time. The result is one array (n, …), or a tuple of them where the model
    returns a tuple. The model is left in the mode it had.

    >>> from microgradnet import nn
    >>> model = nn.Sequential(nn.Linear(3, 2, seed=0), nn.Dropout(0.5))
    >>> predict(model, np.ones((1000, 3), np.float32)).shape
    (1000, 2)
    """
    check_model(model)
    check_counts(batch_size=batch_size)
    if is_dataset(x) and not hasattr(x, "__array__"):
        return outputs_in_order(model, Dataset("x", x, batch_size, 0))
    return outputs_of(model, inputs("x", x), batch_size)


@answering
def evaluate(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    loss: Function | str | None = None,
    metrics: Any = None,
    sample_weight: Any = None,
    batch_size: int = 256,
) -> dict[str, float]:
    """The cost and the metrics of `model` on examples x with targets y, by name: of all at once, in evaluation mode.

    `loss` and `metrics` are those of `fit`; `"cost"` is there if `loss` is. `sample_weight` weighs the cost alone.
    Without y, x is what deals out batches, as in `fit`.

    >>> from microgradnet import nn
    >>> model, x = nn.Linear(3, 2, seed=0), np.ones((4, 3), np.float32)
    >>> evaluate(model, x, np.array([0, 1, 1, 1]), loss="cross_entropy", metrics="accuracy").keys()
    dict_keys(['cost', 'accuracy'])
    """
    check_model(model)
    check_counts(batch_size=batch_size)
    held: Batch | Source
    if y is None:
        held = source_of("x", x, batch_size, 0)
    else:
        x, y = examples("x", x, "y", y)
        held = Batch(x, y, len(y), weight=weights("sample_weight", sample_weight, len(y)))
    if loss is None and not metrics:
        raise ValueError("evaluate measures a loss=, metrics=, or both, and got neither")
    loss = None if loss is None else loss_of(loss)
    functions = metrics_of(metrics, loss)
    found = evaluated(model, held, loss, functions.values(), batch_size)
    return dict(zip([*(["cost"] if loss is not None else []), *functions], found, strict=True))


def outputs_of(model: Module, x: Inputs, size: int) -> Any:
    """What a model makes of examples, `size` at a time, in evaluation mode."""
    n = len(x[0] if isinstance(x, tuple) else x)
    with ModesKept(model), no_grad():
        model.eval()
        return together([outputs_for(model, picked(x, slice(i, i + size))) for i in range(0, n, size)])


def outputs_in_order(model: Module, dataset: Dataset) -> Any:
    """What a model makes of the examples of a dataset, one after the other."""
    with ModesKept(model), no_grad():
        model.eval()
        starts = range(0, dataset.n, dataset.size)
        parts = [np.arange(i, min(i + dataset.size, dataset.n)) for i in starts]
        return together([outputs_for(model, dataset.batch(rows).x) for rows in parts])


def outputs_for(model: Module, x: Inputs) -> Any:
    """What a model makes of these examples as they are."""
    inputs = x if isinstance(x, tuple) else (x,)
    return with_rows(model(*inputs), len(inputs[0]))


def together(found: list[Any]) -> Any:
    """The outputs for several batches as one array, or as a tuple of them."""
    if isinstance(found[0], tuple):
        return tuple(map(np.concatenate, zip(*found, strict=True)))
    return np.concatenate(found)


def with_rows(outputs: Any, n: int) -> Any:
    """What a model made of n examples as plain arrays. ValueError for what has no row for each of them."""
    if isinstance(outputs, tuple):
        return tuple(with_rows(part, n) for part in outputs)
    array = numbers(outputs)
    if np.shape(array)[:1] != (n,):
        raise ValueError(
            f"model gave {brief(outputs)} for {n} examples: batches are put together by their rows, one for each "
            f"example. Let forward return what has them"
        )
    return array


def evaluated(
    model: Module, held_out: Batch | Dealer | None, loss: Function | None, metrics: Iterable[Function], size: int,
    outputs_by: Function = outputs_of,
) -> list[float]:  # fmt: skip
    """The cost and the metrics on examples held out, of all at once, in evaluation mode; nothing if there are none."""
    if held_out is None:
        return []
    if isinstance(held_out, Batch):
        outputs = outputs_by(model, held_out.x, max(size, 256))
    else:
        outputs, held_out = dealt_out(model, held_out)
    if not isinstance(outputs, np.ndarray):
        raise TypeError(
            "model gave a tuple: a loss and metrics measure one array. Let forward return the one that counts"
        )
    with ModesKept(model), no_grad():
        model.eval()
        measured = [number(f(outputs, held_out.y)) for f in metrics]
        if loss is None:
            return measured
        loss = loss if held_out.weight is None else Weighted(loss)
        return [number(loss(Value(outputs), *held_out.targets)), *measured]


def dealt_out(model: Module, source: Dealer) -> tuple[Any, Batch]:
    """What a model makes of all that a source deals out, and the targets of it."""
    outputs, targets, weights = [], [], []
    with ModesKept(model), no_grad():
        model.eval()
        for batch in source.batches(1, 0):
            outputs.append(outputs_for(model, batch.x))
            targets.append(batch.y)
            weights += [batch.weight] if batch.weight is not None else []
    y = np.concatenate(targets)
    return together(outputs), Batch((), y, len(y), weight=np.concatenate(weights) if weights else None)


def number(x: Any) -> float:
    """The one number of a cost or metric. TypeError for anything else."""
    x = numbers(x)
    if isinstance(x, ONE) or (isinstance(x, np.ndarray) and x.ndim == 0):
        return float(x)
    raise TypeError(f"a loss or metric gives one number; got {brief(x)}. The mean over the examples, .mean(), is one")
