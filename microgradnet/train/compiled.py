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
from .around import Interrupts
from .before import Before, finite
from .between import Between
from .measures import Function, number
from .run import Run
from .sources import TOGETHER, ArraySource, Batch, Rows
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
        self.cost: float = cost


def be_finite(cost: Any, *gradients: Any) -> None:
    """NotFiniteError unless all is finite."""
    if not (math.isfinite(cost) and finite(gradients)):
        raise NotFiniteError(float(cost))


def be_zero(cost: Any, zero: Any = 0.0) -> None:
    """NotFiniteError unless the cost is finite, and a sum of zeros is zero: then no number in it was NaN or Inf."""
    if not math.isfinite(cost) or zero != 0.0:
        raise NotFiniteError(float(cost))


class NumPyStep(Step):
    """Takes steps as `Step` does, with its bits: as programs that run as NumPy."""

    backend = "numpy"
    judge = staticmethod(be_finite)

    def __init__(
        self, run: Run, loss: Function, metrics: Iterable[Function], one_array: bool, between: Between, together: Alone
    ) -> None:
        super().__init__(run, loss, metrics, one_array, between, together)
        self.steps: dict[tuple[bool, bool, int], Compiled] = {}
        self.interrupts: Interrupts
        between.compiled = True

    def step(self, begins: bool, moves: bool, targets: int) -> Compiled:
        """What a batch does: it may be the first of several that are one step, and it may be the last.

        `targets` is how many arrays of targets it has: weights are one of them.
        """
        kind = (begins, moves, targets)
        if kind not in self.steps:
            self.steps[kind] = self.compiled(self.written(*kind))
        return self.steps[kind]

    def written(self, begins: bool, moves: bool, targets: int) -> Callable[..., Any]:
        """The step as it is to be compiled."""
        run, between, together, loss, one_array = self.run, self.between, self.together, self.loss, self.one_array
        several, shared = between.accumulate > 1, together.size > 1
        model, zero_grad, move = run.model, run.optimizer.zero_grad, run.optimizer.step
        parameters, judge, judged, wanted = self.parameters, self.judge, self.judged, bool(self.metrics)

        def step(*given: Any) -> Any:  # by their places: what is named is looked up at every call
            if begins:
                zero_grad()
            *rest, counted = given if shared else (*given, None)
            *inputs, share, scale = rest if several else (*rest, None, None)
            outputs = measurable(model(*inputs[:-targets]), one_array)
            cost = differentiable(loss(outputs, *inputs[-targets:]))
            number(cost._numbers)  # TypeError for several
            (cost * share if several else cost).backward(release=True)
            cost_of_all = together.averages(counted, cost) if shared else cost
            modes.host(judge, cost_of_all, *judged([p.grad for p in parameters if p.grad is not None]))
            if moves:
                between.settle(scale, cost_of_all, run)
                move()
            return (cost.data, outputs) if wanted else cost.data

        return step

    def compiled(self, step: Callable[..., Any]) -> Compiled:
        """The step, compiled."""
        return Compiled(step, "numpy")

    def judged(self, gradients: list[Any]) -> list[Any]:
        """What is finite if all gradients are."""
        return gradients

    def take(self, batch: Batch, to_be_checked: bool = False) -> None:
        """Take the step, and count it."""
        if batch.steps > 1:
            self.take_each(batch)
            return
        run, between, targets = self.run, self.between, batch.targets
        source = run.source
        shorter = isinstance(source, Rows) and batch.size < source.size
        if shorter and source.steps is not None and source.steps > RARE:
            super().take(batch, to_be_checked)
            return
        self.together.tries(run.model, self.loss, batch)
        share, moves = between.share(batch, run), between.ends(batch, run)
        several = (share, 1 / (run.weight + share)) if between.accumulate > 1 else ()
        counted = (float(batch.counted),) if self.together.size > 1 else ()
        self.before.note(parameters=to_be_checked)
        try:
            made = self.step(not run.gathered, moves, len(targets))(*batch.inputs, *targets, *several, *counted)
        except NotFiniteError as error:
            run.cost = error.cost
        else:
            cost, outputs = made if self.metrics else (made, None)
            self.measured(cost, outputs, batch)
            between.counted(share, moves, run)
            return
        raise self.not_finite(batch)

    def unwatched(self, interrupts: Interrupts) -> None:
        source, between = self.run.source, self.between
        plain = between.accumulate == self.together.size == 1 and not between.calls and not self.metrics
        if plain and isinstance(source, ArraySource) and not self.before.is_asked():
            source.count = max(1, TOGETHER // max(1, source.bytes))
            self.interrupts = interrupts

    def take_each(self, batch: Batch) -> None:
        """Take the steps of several batches, and count them, until Ctrl-C."""
        run, step = self.run, self.step(True, True, len(batch.targets))
        self.before.note()
        run.batch -= 1  # the first of them is counted
        for given in batch.each():
            run.batch += 1
            try:
                cost = float(step(*given))
            except NotFiniteError as error:
                run.cost = error.cost
                break
            run.measured([cost], batch.size // batch.steps)
            run.taken += 1
            if self.interrupts.asked:
                return
        else:
            return
        raise self.not_finite(batch.of(given))


class NativeStep(NumPyStep):
    """Takes steps as native programs, of which it records none that it takes."""

    backend = "native"
    judge = staticmethod(be_zero)

    def compiled(self, step: Callable[..., Any]) -> Compiled:
        """The step, compiled."""
        return Rehearsed(step, self.run, self.before.parameters, self.between, self.together)

    def judged(self, gradients: list[Any]) -> list[Any]:
        """One number that is 0 if all gradients are finite: native code has it for next to nothing."""
        zeros = [(g * 0.0).sum() for g in gradients]
        return [functools.reduce(operator.add, zeros)] if zeros else []


class Rehearsed(Compiled):
    """A step of training that is recorded without being taken: it runs as a program from the first call on."""

    def __init__(
        self, step: Callable[..., Any], run: Run, parameters: dict[Value, str], between: Between, together: Alone
    ) -> None:
        super().__init__(step, "native")
        self.between: Between = between
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
        gradients = {p: None if p.grad is None else p.grad.copy() for p in self.before.parameters}
        back = self.optimizer._way_back()
        self.between.silent = True
        try:
            with self.together.silent():
                yield
        finally:
            self.between.silent = False
            back()
            self.before.put_back()
            for p, g in gradients.items():
                p.grad = g
