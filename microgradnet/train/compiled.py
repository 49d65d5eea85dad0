"""The step of a training, compiled: recorded on the first batch, and run as a program on that batch already.

A native program equals an eager step within rounding. So that a training has the same bits wherever it was stopped and
taken up again, no step of it is an eager one: a step that is recorded is undone, and the program takes it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core import Value, modes
from ..optim import Optimizer
from ..programs.backends import BACKENDS, checked, is_native
from ..programs.compiled import Compiled, Signature, compile
from ..words import brief
from .before import Before, finite
from .measures import Function, number
from .run import Run
from .sources import Batch, Rows
from .step import Step, differentiable, measurable
from .together import Alone


def step_of(asked: Any, optimizer: Any) -> type[Step]:
    """What takes the steps of `fit(compile=asked)`. Raises for what is no backend, or cannot run here."""
    if asked is not True and asked not in BACKENDS:
        raise ValueError(f'compile is True, False, "native" or "numpy"; got {brief(asked)}')
    backend = checked(compile.backend if asked is True else asked)
    ours = isinstance(optimizer, Optimizer)
    if backend == "native" and not ours:
        raise TypeError(
            f"a native training undoes the steps that it records, which it cannot with {brief(optimizer)}: derive its "
            f'class from optim.Optimizer, or write compile="numpy"'
        )
    return NativeStep if backend == "native" or (backend is None and ours and is_native()) else NumPyStep


# Where an epoch has more steps, its last one is not worth a program of its own if its batch is smaller.
RARE = 10


class NotFiniteError(Exception):
    """The cost, or a gradient, is NaN or infinite: nothing has been moved."""

    def __init__(self, cost: float) -> None:
        super().__init__(cost)
        self.cost: float = cost


def be_finite(cost: Any, *gradients: Any) -> None:
    """NotFiniteError unless all is finite."""
    if not (math.isfinite(cost) and finite(gradients)):
        raise NotFiniteError(float(cost))


def be_zero(cost: Any, *sums: Any) -> None:
    """NotFiniteError unless the cost is finite, and sums of zeros are zero: then no number in them was NaN or Inf."""
    if not math.isfinite(cost) or any(x != 0 for x in sums):
        raise NotFiniteError(float(cost))


class NumPyStep(Step):
    """Takes steps as `Step` does, with its bits: as programs that run as NumPy."""

    backend = "numpy"
    judge = staticmethod(be_finite)

    def __init__(self, run: Run, loss: Function, metrics: Iterable[Function], one_array: bool, together: Alone) -> None:
        super().__init__(run, loss, metrics, one_array, together)
        model, zero_grad, move = run.model, run.optimizer.zero_grad, run.optimizer.step
        parameters, judge, judged, wanted = self.parameters, self.judge, self.judged, bool(self.metrics)

        def step(*inputs: Any, counted: Any = None, **targets: Any) -> Any:
            zero_grad()
            outputs = measurable(model(*inputs), one_array)
            cost = differentiable(loss(outputs, *targets.values()))
            number(cost._numbers)  # TypeError for several
            cost.backward(release=True)
            judged_cost = cost if counted is None else together.averages(counted, cost)
            modes.host(judge, judged_cost, *judged([p.grad for p in parameters if p.grad is not None]))
            move()
            return cost, outputs if wanted else None

        self.step: Compiled = self.compiled(step)

    def compiled(self, step: Callable[..., Any]) -> Compiled:
        """The step, compiled."""
        return Compiled(step, "numpy")

    def judged(self, gradients: list[Any]) -> list[Any]:
        """What is finite if all gradients are."""
        return gradients

    def take(self, batch: Batch, to_be_checked: bool = False) -> None:
        """Take the step, and count it."""
        run = self.run
        shorter = isinstance(run.source, Rows) and batch.size < run.source.size
        if shorter and run.steps is not None and run.steps > RARE:
            super().take(batch, to_be_checked)
            return
        self.together.tries(run.model, self.loss, batch)
        self.before.note(parameters=to_be_checked)
        try:
            targets: dict[str, Any] = dict(zip(("y", "weight"), batch.targets, strict=False))
            if batch.own is not None:
                targets["counted"] = float(batch.own)
            cost, outputs = self.step(*batch.inputs, **targets)
        except NotFiniteError as error:
            run.cost = error.cost
        else:
            self.measured(cost, outputs, batch)
            run.taken += 1
            return
        raise self.not_finite(batch)


class NativeStep(NumPyStep):
    """Takes steps as native programs, of which it records none that it takes."""

    backend = "native"
    judge = staticmethod(be_zero)

    def compiled(self, step: Callable[..., Any]) -> Compiled:
        """The step, compiled."""
        return Rehearsed(step, self.run, self.before.parameters, self.together)

    def judged(self, gradients: list[Any]) -> list[Any]:
        """One number that is 0 if all gradients are finite: native code has it for next to nothing."""
        zeros = [(g * 0.0).sum() for g in gradients]
        return [functools.reduce(operator.add, zeros)] if zeros else []


class Rehearsed(Compiled):
    """A step of training that is recorded without being taken: it runs as a program from the first call on."""

    def __init__(self, step: Callable[..., Any], run: Run, parameters: dict[Value, str], together: Alone) -> None:
        super().__init__(step, "native")
        self.together: Alone = together
        self.optimizer: Any = run.optimizer
        self.before: Before = Before(run.model, parameters)
        self.rehearsing: bool = False

    def _recorded(self, known: Signature, args: Any, kwargs: Any) -> Any:
        """What the program makes of a batch on which it is recorded first, in calls that are undone."""
        if self.rehearsing:  # the program does not run on what it was made of: an ordinary step, then
            return super()._recorded(known, args, kwargs)
        self.rehearsing = True
        try:
            while True:
                with self.undone():
                    super()._recorded(known, args, kwargs)
                if not known.recordings:
                    return self(*args, **kwargs)
        finally:
            self.rehearsing = False

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """A block after which everything that a step changes is as it was."""
        self.before.note(parameters=True)
        gradients = {p: p.grad for p in self.before.parameters}
        back = self.optimizer._way_back()
        try:
            with self.together.silent():
                yield
        finally:
            back()
            self.before.put_back()
            for p, g in gradients.items():
                p.grad = g
