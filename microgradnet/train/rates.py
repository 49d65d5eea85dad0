"""Which step size to begin with: a trial run through all of them, of which nothing stays."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import checks
from ..core import Array
from ..data import Batches
from ..nn.init import Seed, generator, shared
from ..nn.module import Module
from ..ops.across import apart
from ..optim import Optimizer
from ..saving.states import is_stateful, set_state, state_of
from ..words import answering, brief
from .arguments import check_model, check_parts
from .around import ModesKept
from .before import Before
from .loop import given
from .measures import Function, number
from .named import Weighted, loss_of
from .run import Moves
from .sources import ArraySource, Batch, Source
from .step import differentiable
from .streams import Stream

KEPT = 0.9  # of the smoothed cost, from step to step
WARM = 10  # steps, of which the smoothed cost is no more that of a few batches
LOST = 4.0  # times the smallest smoothed cost: from there on it only gets worse


class LearningRates:
    """What `find_lr` found: the step sizes `lrs` that were tried, `costs` of their batches, and these `smoothed`, (n,).

    `suggestion` is the step size at which the smoothed cost falls most steeply, None if it falls nowhere.
    `plots.lr_finder` draws them.
    """

    def __init__(self, lrs: Array, costs: Array) -> None:
        self.lrs: Array = lrs
        self.costs: Array = costs
        self.smoothed: Array = smoothed(costs)
        self.suggestion: float | None = steepest(lrs, self.smoothed)

    def __repr__(self) -> str:
        tried = f"{len(self.lrs)} step sizes from {self.lrs[0]:.2g} to {self.lrs[-1]:.2g}"
        if self.suggestion is None:
            return f"LearningRates({tried}; the cost falls nowhere: try others, lowest= and highest=)"
        best = self.lrs[self.smoothed.argmin()]
        return f"LearningRates({tried}; suggestion {self.suggestion:.2g}, least cost at {best:.2g})"


@answering
def find_lr(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    loss: Function | str,
    optimizer: Moves,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    sample_weight: Any = None,
    seed: Seed = 0,
) -> LearningRates:
    """What the cost does while the step size grows: which to begin `fit` with (Smith's range test).

    `model`, x, y, `loss`, `optimizer`, `batch_size` and `sample_weight` are those of `fit`. So many `steps` are taken,
    each on another batch and with a larger step size, from `lowest` to `highest` by equal factors, until the cost is
    lost. Several groups of an optimiser keep the ratios of their step sizes; the first has the one that is tried.

    All is put back, whatever happens: parameters, their gradients, buffers, generators, modes, the optimiser. Take the
    suggestion, or a somewhat smaller number, as lr, or as max_lr of a schedule.

    ValueError for a first batch whose cost is NaN or infinite, and for batches that could be gone through once alone.

    >>> from microgradnet import functional, nn, optim
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> model = nn.Linear(1, 1, seed=0)
    >>> found = find_lr(model, x, 2 * x, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1))
    >>> 0.01 < found.suggestion < 2
    True
    """
    check_model(model)
    first, last = checks.positive("lowest", lowest), checks.positive("highest", highest)
    if first >= last:
        raise ValueError(f"lowest={lowest} and highest={highest}: the step size grows from the one to the other")
    checks.whole("steps", steps, 10)
    loss = loss_of(loss)
    check_parts(model, optimizer, {}, None)
    groups = getattr(optimizer, "param_groups", None)
    if not groups or not all("lr" in group for group in groups):
        raise TypeError(f"optimizer={brief(optimizer)} has no param_groups with an lr to change")
    ratios = [group["lr"] / groups[0]["lr"] for group in groups]
    lrs, costs = np.geomspace(first, last, steps), []
    with put_back(model, optimizer, x, seed), apart(), np.errstate(all="ignore"):
        source = given(copy.copy(x) if isinstance(x, Batches) else x, y, sample_weight, batch_size, seed, None)
        if isinstance(source, Stream) and source.once:
            raise ValueError(
                "x can be gone through once, and would be used up: give a list, or a function that begins anew"
            )
        weighed = not isinstance(source, ArraySource) or source.weight is not None
        measure = Weighted(loss) if weighed else loss
        model.train()
        for lr, batch in zip(lrs, batches(source), strict=False):
            for group, ratio in zip(groups, ratios, strict=True):
                group["lr"] = float(lr * ratio)
            costs.append(stepped(model, measure, optimizer, batch))
            curve = smoothed(np.array(costs))
            lost = len(costs) >= WARM and curve[-1] > LOST * abs(curve.min())
            if lost or not math.isfinite(costs[-1]):
                break
    n = len(costs) if math.isfinite(costs[-1]) else len(costs) - 1
    if not n:
        raise ValueError(f"the cost of the first batch is {costs[0]}, before anything has moved. Look at x and y")
    return LearningRates(lrs[:n], np.array(costs[:n]))


def stepped(model: Module, loss: Function, optimizer: Any, batch: Batch) -> float:
    """The cost of a batch, along whose gradient a step was then taken."""
    optimizer.zero_grad()
    cost = differentiable(loss(model(*batch.inputs), *batch.targets))
    found = number(cost)
    if math.isfinite(found):
        cost.backward(release=True)
        optimizer.step()
    return found


def batches(source: Source) -> Iterator[Batch]:
    """Epoch after epoch."""
    for epoch in itertools.count(1):
        yield from source.batches(epoch, 0)


@contextmanager
def put_back(model: Module, optimizer: Any, x: Any, seed: Any) -> Iterator[None]:
    """A `with` block after which all that a step changes, or draws from, is as it was."""
    moved = optimizer.parameters if isinstance(optimizer, Optimizer) else []
    before = Before(model, dict.fromkeys([*moved, *model.parameters()], ""))
    before.note(parameters=True)
    gradients = {p: None if p.grad is None else p.grad.copy() for p in before.parameters}
    things: list[Any] = [shared(), *([seed] if isinstance(seed, np.random.Generator) else [])]
    if isinstance(x, Batches):  # of which a copy is gone through, by the same generator
        things.append(generator(x.seed))
    elif is_stateful(x):
        things.append(x)
    states = [copy.deepcopy(state_of(thing)) for thing in things]
    back, lrs = way_back(optimizer), [group["lr"] for group in optimizer.param_groups]
    try:
        with ModesKept(model):
            yield
    finally:
        before.put_back()
        for p, g in gradients.items():
            p.grad = g
        for thing, state in zip(things, states, strict=True):
            set_state(thing, state)
        back()
        for group, lr in zip(optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr


def way_back(optimizer: Any) -> Callable[[], None]:
    """What puts the state of an optimiser back to what it is now. TypeError for one that cannot be put back."""
    if isinstance(optimizer, Optimizer):
        return optimizer._way_back()
    if not (hasattr(optimizer, "state_dict") and hasattr(optimizer, "load_state_dict")):
        raise TypeError(f"optimizer={brief(optimizer)} cannot be put back: it has no state_dict and load_state_dict")
    state = copy.deepcopy(optimizer.state_dict())
    return lambda: optimizer.load_state_dict(state)


def smoothed(costs: Array) -> Array:
    """Each cost and those before it, the nearer the more."""
    weights = KEPT ** np.arange(len(costs), dtype=np.float64)
    sums = [costs[i::-1] @ weights[: i + 1] / weights[: i + 1].sum() for i in range(len(costs))]
    return np.array(sums)


def steepest(lrs: Array, costs: Array) -> float | None:
    """Where a curve falls most steeply before its least point, step sizes being compared by their ratios."""
    end = int(costs.argmin()) + 1
    if end < 3:
        return None
    slopes = np.gradient(costs, np.log(lrs))[:end]
    return float(lrs[slopes.argmin()])
