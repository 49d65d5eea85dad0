"""What `fit` asks of its arguments, before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import checks
from ..core import Array, Value
from ..nn.module import Module
from ..optim import LRScheduler, Optimizer, ReduceLROnPlateau
from ..words import brief
from .sources import Batch, Inputs


def rows(name: str, given: Any) -> Array:
    """An array with a row for each example."""
    if isinstance(given, Value):
        raise TypeError(f"{name} is a Value; the examples are plain arrays, {name}.data")
    checks.unmasked(name, given)
    array = np.asarray(given)
    if array.dtype.kind not in "biuf" or not array.ndim or not len(array):
        raise ValueError(
            f"{name} is an array of numbers with a row for each example, at least one; got shape {array.shape}, "
            f"dtype {array.dtype}{hint(array)}"
        )
    return array


def hint(array: Array) -> str:
    """What to do about an array that holds no numbers."""
    if array.dtype.kind not in "OUST":
        return ""
    if array.ndim < 2:
        return ". Words become numbers by np.unique(words, return_inverse=True); estimators.Classifier takes them"
    return ". estimators.Columns makes numbers of the columns of a table, estimators.Classifier takes it as it is"


def inputs(name: str, given: Any) -> Inputs:
    """What a model is called with: an array with a row for each example, or a tuple of arrays, each an input."""
    if not isinstance(given, tuple) or not all(getattr(part, "shape", ()) for part in given):
        return rows(name, given)  # a tuple of rows is rows
    found = tuple(rows(f"{name}[{i}]", part) for i, part in enumerate(given))
    if not found or len({len(part) for part in found}) > 1:
        raise ValueError(
            f"{name} is several inputs, with {', '.join(str(len(part)) for part in found) or 'no'} rows: each example "
            f"has one row in each"
        )
    return found


def examples(x_name: str, x: Any, y_name: str, y: Any) -> tuple[Inputs, Array]:
    """The inputs and the targets, with a row for each example in all of them."""
    x, y = inputs(x_name, x), rows(y_name, y)
    n = len(x[0] if isinstance(x, tuple) else x)
    if n != len(y):
        raise ValueError(f"{n} rows in {x_name} but {len(y)} in {y_name}: each example has one in each")
    return x, y


def weights(name: str, given: Any, n: int) -> Array | None:
    """How much each of n examples counts, on average 1; None if all count alike."""
    if given is None:
        return None
    array = plain_weights(name, given, n)
    if not array.any():
        raise ValueError(f"{name} is zero for every example: there is nothing to learn from")
    found: Array = array / array.mean()
    return found


def plain_weights(name: str, given: Any, n: int) -> Array:
    """How much each of n examples counts, as it is given."""
    array = rows(name, given)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}: it is a number for each of the {n} examples, ({n},)")
    array = np.asarray(array, np.float64)
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{name} holds negative, infinite or NaN numbers: each says how much an example counts")
    return array


def share(validation: float, n: int) -> int:
    """How many of n examples a fraction of them is. ValueError if that is none, or all."""
    count: int = round(n * validation)
    if not 0 < count < n:
        raise ValueError(f"validation={validation} of {n} examples: it leaves at least one in each part")
    return count


def held_out(validation: Any) -> Batch:
    """The examples of `validation=(x, y)` or `(x, y, sample_weight)`."""
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise TypeError(
            f"validation is a pair (x, y) of arrays, or the fraction of the examples to hold out, such as 0.2; got "
            f"{brief(validation)}"
        )
    x, y = examples("validation[0]", validation[0], "validation[1]", validation[1])
    return Batch(x, y, len(y), weight=weights("validation[2]", [*validation, None][2], len(y)))


def check_model(model: Any) -> None:
    """TypeError for a model that is none."""
    if not isinstance(model, Module):
        raise TypeError(f"model is a Module; got {brief(model)}")


def check_parts(model: Any, optimizer: Any, metrics: dict[str, Any], scheduler: Any) -> None:
    """TypeError for a part that is none of its kind, ValueError for parts that do not belong together."""
    check_model(model)
    for name in metrics:
        if name in ("epoch", "cost", "seconds", "stopped") or name.startswith("val_"):
            raise ValueError(f"a metric called {name!r}: the history has that name for something else")
    if isinstance(optimizer, type) or not hasattr(optimizer, "step") or not hasattr(optimizer, "zero_grad"):
        raise TypeError(f"optimizer is an object such as optim.SGD(model.parameters(), lr=0.1); got {brief(optimizer)}")
    if scheduler is not None and (isinstance(scheduler, type) or not hasattr(scheduler, "step")):
        raise TypeError(f"scheduler is an object with step(), made for the optimizer; got {brief(scheduler)}")
    if isinstance(optimizer, Optimizer) and not set(optimizer.parameters) & set(model.parameters()):
        raise ValueError(
            "optimizer moves no parameter of this model: make it of model.parameters(), after astype or copy"
        )
    if isinstance(scheduler, LRScheduler) and scheduler.optimizer is not optimizer:
        raise ValueError("scheduler was made for another optimizer, and would change nothing here")


def check_scheduler(scheduler: Any, interval: Any) -> None:
    """ValueError for a schedule that looks at the cost, and could not here."""
    checks.choice("scheduler_interval", interval, ("epoch", "batch"))
    if isinstance(scheduler, ReduceLROnPlateau):
        if interval == "batch":
            raise ValueError(
                "scheduler_interval='batch': ReduceLROnPlateau looks at the cost of whole epochs. Leave it out"
            )
        if scheduler.mode == "max":
            raise ValueError(
                "ReduceLROnPlateau(mode='max') as scheduler= is given the cost, which is to fall: leave mode out. To "
                "look at another column, callbacks=[train.ReduceOnPlateau(by='val_accuracy', highest=True)]"
            )


def check_counts(*, batch_size: Any, epochs: Any = 1, accumulate: Any = 1, **optional: Any) -> None:
    """ValueError for a number of epochs, batches or examples that is none; those that are `optional` may be None."""
    checks.whole("epochs", epochs)
    checks.whole("batch_size", batch_size)
    checks.whole("accumulate", accumulate)
    for name, n in optional.items():
        if n is not None:
            checks.whole(name, n, more=", or None")


OPTIONS = "options of the optimizer"
BACKEND = "backend"  # "eager", "numpy" or "native": how the steps run


def options_of(state: Any) -> list[dict[str, Any]]:
    """The options of each group in the state of an optimiser of ours; of another kind, nothing."""
    groups = state["param_groups"] if isinstance(state, dict) and "optimizer" in state else []
    return [{name: x for name, x in group.items() if name != "params"} for group in groups]


def changed(then: dict[str, Any], now: dict[str, Any], saved: Any) -> Iterator[tuple[str, Any, Any]]:
    """The arguments that are others now than when a training began: their names, what they were, what they are.

    What another version of this package did not keep is not compared. An optimiser may have the options it began with,
    or those in `saved`, its state in the file: a schedule changes them.
    """
    for name, here in now.items():
        if name not in (OPTIONS, BACKEND) and then.get(name, here) != here:
            yield name, then[name], here
    given, began = now[OPTIONS], then.get(OPTIONS, now[OPTIONS])
    if given != options_of(saved):
        for i, (group, before) in enumerate(zip(given, began, strict=False)):
            where = f" of group {i}" if len(given) > 1 else ""
            yield from ((name + where, before.get(name), x) for name, x in group.items() if x != before.get(name))


def name_of(f: Any) -> str:
    """What a function or an object is called in a file, to tell whether it is the same."""
    name = getattr(f, "name", None) or getattr(f, "__name__", None)
    return name if isinstance(name, str) else type(f).__name__
