"""What comes between backward and the step: gradients of several batches, the functions of the program, a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..core import Value, modes
from ..optim import Optimizer, clip_grad_norm_
from .before import finite
from .run import Run
from .sources import Batch


class Between:
    """What is done with gradients before the optimiser moves along them.

    `accumulate` batches of an epoch, or what it has left, are one step: their mean, each example counting once. Then
    the functions `calls` are told, and then the norm of all gradients is limited to `clip`.
    """

    def __init__(self, accumulate: int = 1, clip: float | None = None, calls: Iterable[Callable[[Run], None]] = ()):
        self.accumulate: int = accumulate
        self.clip: float | None = clip
        self.calls: list[Callable[[Run], None]] = [*calls]
        self.compiled: bool = False
        self.silent: bool = False  # while a step is taken that will be undone

    def share(self, batch: Batch, run: Run) -> float:
        """How much a batch counts beside the first one of those that are gathered: as many examples as it has."""
        run.first = run.first if run.gathered else batch.size
        return batch.size / run.first

    def ends(self, batch: Batch, run: Run) -> bool:
        """Whether this batch is the last of those that are one step."""
        return batch.last or run.gathered + 1 >= self.accumulate

    def counted(self, share: float, moved: bool, run: Run) -> None:
        """Note that the gradients of a batch were gathered, or moved along."""
        run.taken += 1
        run.gathered, run.weight = (0, 0.0) if moved else (run.gathered + 1, run.weight + share)

    def settle(self, scale: float | None, cost: object, run: Run) -> None:
        """Make of the gathered gradients those to move along; `scale` is 1 / the sum of the shares."""
        moved = run.optimizer.parameters if isinstance(run.optimizer, Optimizer) else run.model.parameters()
        if scale is not None:
            for p in having_gradients(moved):
                p.grad *= scale
        if self.calls:
            modes.barrier(self.call, cost, run)
        if self.clip is not None:
            clip_grad_norm_(moved, self.clip)

    def call(self, cost: float, run: Run) -> None:
        """Tell the functions of the program. FloatingPointError for gradients that they made NaN or infinite."""
        if self.silent:
            return
        run.cost = float(cost)
        before = {*having_gradients(run.model.parameters())}
        for call in self.calls:
            call(run)
        now = {name: p for name, p in run.model.named_parameters() if p.grad is not None}
        where = f"in epoch {run.epoch}, batch {run.batch}"
        if self.compiled and {*now.values()} != before:
            raise ValueError(
                f"before_step took a gradient away, or added one, {where}: a program moves the same parameters in "
                f"every step. Leave zeros, p.grad = 0 * p.grad, freeze the layer, or leave compile= out"
            )
        bad = [name for name, p in now.items() if not finite([p.grad])]
        if bad:
            raise FloatingPointError(
                f"before_step made the gradient of {', '.join(bad[:3])} NaN or infinite {where}; nothing has been moved"
            )


def having_gradients(parameters: Iterable[Value]) -> list[Value]:
    """The parameters to which something flowed."""
    return [p for p in parameters if p.grad is not None]
