"""One step of a training: forward, loss, backward, optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import Value, numbers
from ..ops.across import apart
from ..optim import Optimizer
from ..words import brief
from .around import Interrupts
from .before import Before, finite
from .between import Between
from .measures import Function, number
from .run import Run
from .sources import Batch
from .together import Alone


class Step:
    """Trains the model of a run on one batch after the other, as the loop in `fit` says, and tells the run the cost.

    FloatingPointError where the cost or a gradient is NaN or infinite: the parameters are then those before the step.
    Whether the step made a parameter so, the next one finds out; `check` does where there may be none.
    """

    backend = "eager"

    def __init__(
        self, run: Run, loss: Function, metrics: Iterable[Function], one_array: bool, between: Between, together: Alone
    ) -> None:
        self.run: Run = run
        self.loss: Function = loss
        self.metrics: list[Function] = [*metrics]
        self.one_array = one_array  # whether the outputs are measured, as one array
        self.between: Between = between
        self.together: Alone = together
        self.parameters: list[Value] = run.model.parameters()
        moved = run.optimizer.parameters if isinstance(run.optimizer, Optimizer) else []
        names = {p: p.name or "a parameter" for p in moved} | {p: name for name, p in run.model.named_parameters()}
        self.before: Before = Before(run.model, names)

    def take(self, batch: Batch, to_be_checked: bool = False) -> None:
        """Take the step, and count it. TypeError for outputs or a cost that cannot be measured or differentiated.

        Where several batches are one step, only the last of them moves the parameters.
        """
        run, between = self.run, self.between
        share, moves = between.share(batch, run), between.ends(batch, run)
        self.together.tries(run.model, self.loss, batch)
        self.before.note(parameters=to_be_checked)

        if not run.gathered:
            run.optimizer.zero_grad()
        outputs = measurable(run.model(*batch.inputs), self.one_array)
        cost = differentiable(self.loss(outputs, *batch.targets))
        self.measured(cost, outputs, batch)
        if math.isfinite(run.cost):
            (cost if share == 1 else cost * share).backward(release=True)
            self.together.averages(batch.counted)  # what was gathered before is the same on all ranks, and stays it
        if not math.isfinite(run.cost) or not finite(p.grad for p in self.parameters if p.grad is not None):
            raise self.not_finite(batch)
        if moves:
            between.settle(1 / (run.weight + share) if between.accumulate > 1 else None, run.cost, run)
            run.optimizer.step()
        between.counted(share, moves, run)

    def unwatched(self, interrupts: Interrupts) -> None:
        """Nobody looks at the training between its batches, some of which may be taken in one go until Ctrl-C."""

    def measured(self, cost: Value, outputs: Any, batch: Batch) -> None:
        """Tell the run the cost and the metrics."""
        values = [number(cost)]
        if self.metrics:
            outputs = numbers(outputs)
            values += [number(f(outputs, batch.y)) for f in self.metrics]
        self.run.measured(self.together.measured(values, batch), batch.size)

    def not_finite(self, batch: Batch) -> FloatingPointError:
        """The error for a step whose cost or gradients are not finite."""
        with apart():  # what is looked for on one rank is not to be found on the others
            found = self.before.report(self.loss, batch, self.run)
        return FloatingPointError(self.together.report(found))

    def check(self) -> None:
        """FloatingPointError if a parameter is NaN or infinite. A step that was to be checked is undone."""
        lost = self.before.lost()
        if lost:
            undone = ""
            if self.before.weights:
                self.before.put_back()
                undone = "; the parameters are as they were before it"
            raise FloatingPointError(
                f"the step in epoch {self.run.epoch}, batch {self.run.batch} made {lost} NaN or infinite{undone}. The "
                f"steps are too large: try a smaller lr"
            )


def measurable(outputs: Any, one_array: bool) -> Any:
    """What a model gave. TypeError if it must be one array, and is none."""
    if one_array and not isinstance(outputs, Value | np.ndarray):
        raise TypeError(
            f"model gave {brief(outputs)}: metrics and validation take one array. Let forward return the one that "
            f"counts"
        )
    return outputs


def differentiable(cost: Any) -> Value:
    """What a loss gave. TypeError if it is no Value."""
    if not isinstance(cost, Value):
        raise TypeError(
            f"loss gave {brief(cost)}, which is no Value: nothing leads from it back to the parameters. Compute it "
            f"from the outputs as they are, without .data"
        )
    return cost
