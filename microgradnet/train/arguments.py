"""What `fit` asks of its arguments, before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import checks
from ..core import Array, Value
from ..nn.module import Module
from ..optim import LRScheduler, Optimizer
from ..words import brief


def examples(x_name: str, x: Any, y_name: str, y: Any) -> tuple[Array, Array]:
    """Two arrays with a row for each example."""
    for name, array in ((x_name, x), (y_name, y)):
        if isinstance(array, Value):
            raise TypeError(f"{name} is a Value; the examples are plain arrays, {name}.data")
        checks.unmasked(name, array)
    x, y = np.asarray(x), np.asarray(y)
    for name, array in ((x_name, x), (y_name, y)):
        if array.dtype.kind not in "biuf" or not array.ndim or not len(array):
            raise ValueError(
                f"{name} is an array of numbers with a row for each example, at least one; got shape {array.shape}, "
                f"dtype {array.dtype}"
            )
    if len(x) != len(y):
        raise ValueError(f"{len(x)} rows in {x_name} but {len(y)} in {y_name}: each example has one in each")
    return x, y


def held_out(validation: Any) -> tuple[Array, Array] | None:
    """The examples of `validation=(x, y)`, if it is given."""
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise TypeError(f"validation is a pair (x, y) of arrays; got {brief(validation)}")
    return examples("validation[0]", validation[0], "validation[1]", validation[1])


def check_parts(
    model: Any, loss: Any, optimizer: Any, metrics: dict[str, Any], scheduler: Any, callbacks: dict[str, Any]
) -> None:
    """TypeError for a part that is none of its kind, ValueError for parts that do not belong together."""
    if not isinstance(model, Module):
        raise TypeError(f"model is a Module; got {brief(model)}")
    functions = {"loss": loss, **{f"metrics[{name!r}]": f for name, f in metrics.items()}}
    functions |= {name: f for name, f in callbacks.items() if f is not None}
    for name, f in functions.items():
        checks.function(name, f)
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


def check_counts(*, epochs: Any, batch_size: Any, **optional: Any) -> None:
    """ValueError for a number of epochs, batches or examples that is none; those that are `optional` may be None."""
    checks.whole("epochs", epochs)
    checks.whole("batch_size", batch_size)
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
