"""A schedule that looks at how the training goes."""

from __future__ import annotations

import math
from typing import Any

from ..checks import choice, number, refusal, whole
from ..core import modes
from ..words import brief
from .optimizer import Optimizer
from .options import Group
from .schedules import LRScheduler, factor, one_each

STANDING = ("best", "num_bad_epochs", "cooldown_counter")


class ReduceLROnPlateau(LRScheduler):
    """lr times `factor` whenever a number, such as the cost of validation, has not got better for `patience` epochs.

    Its `step` is given that number, after every epoch. Better is smaller, or with `mode="max"` larger, by a share
    `threshold` of the best so far, or with `threshold_mode="abs"` by `threshold` itself. After a reduction `cooldown`
    epochs are not counted. No lr gets smaller than `min_lr`, a number or a list of one for each group, nor changes by
    less than `eps`.

    >>> from microgradnet import Value, optim
    >>> schedule = ReduceLROnPlateau(optim.SGD([Value(1.0)], lr=0.8), factor=0.5, patience=1)
    >>> for cost in (3.0, 2.0, 2.0, 2.5, 2.0):
    ...     schedule.step(cost)
    >>> schedule.get_last_lr()
    [0.4]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.mode: str = choice("mode", mode, ("min", "max"))
        self.factor: float = smaller("factor", factor)
        self.patience: int = whole("patience", patience, 0, of="epochs")
        self.threshold: float = number("threshold", threshold)
        self.threshold_mode: str = choice("threshold_mode", threshold_mode, ("rel", "abs"))
        self.cooldown: int = whole("cooldown", cooldown, 0, of="epochs")
        self.min_lrs: list[float] = one_each("min_lr", min_lr, len(getattr(optimizer, "param_groups", ())))
        self.eps: float = number("eps", eps)
        self.best: float = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs: int = 0
        self.cooldown_counter: int = 0
        self._lrs = [group["lr"] for group in getattr(optimizer, "param_groups", ())]
        super().__init__(optimizer)

    def step(self, metrics: Any = None) -> None:
        """Note the number of this epoch, and reduce the step size if it has been waited for long enough."""
        if metrics is None:
            raise TypeError(
                "ReduceLROnPlateau.step wants the number that is to fall, such as the cost of validation: "
                "schedule.step(cost)"
            )
        modes.barrier(self._note, metrics)

    def _note(self, metrics: Any) -> None:
        try:
            now = float(metrics)
        except (TypeError, ValueError):
            raise TypeError(f"ReduceLROnPlateau.step wants one number; got {brief(metrics)}") from None
        if self._is_better(now):
            self.best, self.num_bad_epochs = now, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        lrs = [group["lr"] for group in self.optimizer.param_groups]  # as they are, whoever set them
        if self.num_bad_epochs > self.patience:
            lower = [max(lr * self.factor, least) for lr, least in zip(lrs, self.min_lrs, strict=True)]
            lrs = [new if lr - new > self.eps else lr for lr, new in zip(lrs, lower, strict=True)]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._lrs = lrs
        self._set(self.last_epoch + 1)

    def _is_better(self, now: float) -> bool:
        """Whether a number is better than the best so far by more than the threshold."""
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            return sign * now < sign * (self.best * (1 - sign * self.threshold))
        return sign * now < sign * self.best - self.threshold

    def options_at(self, t: int) -> list[Group]:
        """The step sizes as they are: they follow from what was seen, not from the number of steps."""
        return [{"lr": lr} for lr in self._lrs]

    # ---------------------------------------------------------------------------------------------- saved and restored

    def settings(self) -> dict[str, Any]:
        """What the schedule was made with."""
        return {name: x for name, x in super().settings().items() if name not in STANDING}

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is, what it has seen, and what it was made with."""
        return {**super().state_dict(), "lrs": list(self._lrs), **{name: getattr(self, name) for name in STANDING}}

    def _wrong(self, state: Any) -> list[str]:
        wrong = super()._wrong(state)
        if not wrong and (not isinstance(state["lrs"], list) or len(state["lrs"]) != len(self._lrs)):
            wrong = [f"its lrs are {brief(state['lrs'])}, which is not one number for each group"]
        if not wrong and not all(isinstance(state[name], int | float) for name in STANDING):
            wrong = ["what it has seen is no numbers"]
        return wrong

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._lrs = [float(lr) for lr in state["lrs"]]
        for name in STANDING:
            setattr(self, name, state[name])


def smaller(name: str, given: Any) -> float:
    """A factor that makes smaller."""
    if not factor(name, given) < 1:
        raise ValueError(refusal(name, given, "a number below 1", what="a factor of the step size"))
    return float(given)
