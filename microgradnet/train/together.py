"""What the ranks of a world do together around a training, `fit(parallel=world)`: `Alone` is what one process does.

Every rank has all the data, goes through the same batches and takes its part of each. What is decided, such as whether
to stop, all of them decide alike: by the same numbers, or by word of each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..core import Value
from ..nn.module import Module
from ..ops.across import apart
from ..parallel.gradients import Mean
from ..parallel.start import agree_on, digest, draw_apart, generators_in, spread
from ..parallel.worlds import World, checked, current
from .before import NOWHERE
from .means import check_mean
from .measures import Function, evaluated, outputs_of
from .measures import together as joined
from .run import Run
from .sources import Batch, Inputs, Rows, Source, picked


def together_in(parallel: Any) -> Alone:
    """What a training does that is given this world, or none."""
    if parallel is None:
        around = current()
        if around is not None and around.size > 1:
            raise ValueError(
                f"fit in {around!r}, and without parallel=: every rank would train by itself. Give parallel=world, or "
                f"train before the block"
            )
        return Alone()
    world = checked(parallel)
    return Together(world) if world.size > 1 else Alone()


class Alone:
    """A training in one process."""

    rank: int = 0
    size: int = 1

    def deals(self, source: Source) -> None:
        """Let a source deal out this rank's parts of the batches."""

    def begins(self, run: Run, parameters: dict[Value, str]) -> None:
        """Give all ranks the same to begin with."""

    def resumes(self) -> None:
        """Wait until nobody writes to a file any more."""

    def tries(self, model: Module, loss: Function, batch: Batch) -> None:
        """ValueError, before the first step, for a loss that is no mean over the examples."""

    def averages(self, examples: Any, cost: Any = 0.0) -> Any:
        """Average the gradients, and the costs, that are means over so many examples of this rank."""
        return cost

    def measured(self, values: list[float], batch: Batch) -> list[float]:
        """The cost and the metrics of a batch, from those of this rank's part."""
        return values

    def evaluated(self, model: Module, held_out: Any, loss: Function, metrics: Iterable[Function], size: int) -> Any:
        """The cost and the metrics of what is held out."""
        return evaluated(model, held_out, loss, metrics, size)

    def stopped(self, run: Run) -> None:
        """Let the training stop on all ranks if it is to stop on one."""

    def ends_epoch(self, run: Run) -> None:
        """Raise if ranks have come apart."""

    def states(self) -> list[Any]:
        """Of the generators of each rank, for a file."""
        return []

    def report(self, text: str) -> str:
        """What one of the ranks has to report."""
        return text

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """A block of which the other ranks know nothing."""
        yield


class Together(Alone):
    """A training of several ranks."""

    def __init__(self, world: World) -> None:
        self.world: World = world
        self.rank: int = world.rank
        self.size: int = world.size
        self.generators: list[np.random.Generator] = []
        self.tried: bool = False
        self.mean: Mean = Mean(world, {})  # of all that is trained, when that is known

    def deals(self, source: Source) -> None:
        self.world.counts = True
        n = source.n if isinstance(source, Rows) else None
        self.world.agree("the data", type(source).__name__, f"{n} examples")
        if isinstance(source, Rows):
            if source.n < self.world.size or source.size < self.world.size:
                raise ValueError(
                    f"{source.n} examples in batches of {source.size} for {self.world.size} ranks: each takes its part "
                    f"of every batch. Give larger ones, batch_size= is of all ranks together, or start fewer"
                )
            source.seed = self.world.broadcast(source.seed)
        source.share = self.share

    def share(self, batch_of: int) -> tuple[slice, int]:
        """Which rows of a batch this rank takes, and how many of them count.

        One that would have none takes the first, which counts for nothing: it comes to all meetings.
        """
        rows = self.world.part(batch_of)
        own = rows.stop - rows.start
        self.world.counts = own > 0
        return (rows, own) if own else (slice(0, 1), 0)

    def begins(self, run: Run, parameters: dict[Value, str]) -> None:
        things = run.things()
        agree_on(self.world, things, parameters)
        self.world.agree("how far it is", run.taken)
        spread(self.world, things.values())
        self.mean = Mean(self.world, parameters)
        self.generators = generators_in(things.values())
        if len(run.drawing) == self.world.size:  # a file of as many ranks
            for rng, state in zip(self.generators, run.drawing[self.rank], strict=True):
                rng.bit_generator.state = state
        else:
            draw_apart(self.world, self.generators)

    def resumes(self) -> None:
        self.world.gather(None)

    def tries(self, model: Module, loss: Function, batch: Batch) -> None:
        if not self.tried:
            self.tried = True
            with apart():
                check_mean(self.world, model, loss, batch)

    def averages(self, examples: Any, cost: Any = 0.0) -> Any:
        return self.mean.take(examples, cost)

    def measured(self, values: list[float], batch: Batch) -> list[float]:
        n = batch.counted
        here = np.array([*values, 1.0]) * n if n else np.zeros(len(values) + 1)
        *sums, everybody = self.world.sum(here).tolist()
        if everybody != batch.size:
            raise ValueError(
                f"a batch of {batch.size} on rank {self.rank}, and its parts have {everybody:.0f} examples"
            )
        return [x / everybody for x in sums]

    def evaluated(self, model: Module, held_out: Any, loss: Function, metrics: Iterable[Function], size: int) -> Any:
        with apart():
            found = evaluated(model, held_out, loss, metrics, size, self.outputs)
        return self.world.broadcast(found)

    def outputs(self, model: Module, x: Inputs, size: int) -> Any:
        """What the model makes of examples: each rank sees to a part of them."""
        n = len(x[0] if isinstance(x, tuple) else x)
        if n < self.world.size:
            return outputs_of(model, x, size)
        return joined(self.world.gather(outputs_of(model, picked(x, self.world.part(n)), size)))

    def stopped(self, run: Run) -> None:
        self.world.counts = True  # that was of the batch
        if self.world.sum([float(bool(run.stopped))])[0]:
            run.stopped = next(filter(None, self.world.gather(run.stopped)))

    def ends_epoch(self, run: Run) -> None:
        self.world.agree(
            f"after epoch {run.history['epoch'][-1]} what was trained",
            *[f"{name} {digest([x])}" for name, x in run.model.state_dict().items()],
        )

    def states(self) -> list[Any]:
        return self.world.gather([rng.bit_generator.state for rng in self.generators])

    def report(self, text: str) -> str:
        self.world.counts = True
        found = self.world.gather(text)
        rank = next((i for i, said in enumerate(found) if NOWHERE not in said), 0)
        return f"on rank {rank}: {found[rank]}"

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        self.world.quiet = True
        try:
            yield
        finally:
            self.world.quiet = False
