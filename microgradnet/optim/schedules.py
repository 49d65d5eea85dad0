"""Schedules of the step size: each is a function of the number of steps.

Make one around an optimiser and call its `step()` after the optimiser's. The names, the arguments and the step sizes
are PyTorch's. There a schedule multiplies the step size it finds; here `lr_at` computes it from the one the optimiser
was made with (`initial_lr` in its groups), which is why a schedule can be saved as one number, and why two of them
cannot be laid over each other: `SequentialLR` puts one after another, `LambdaLR` takes any product.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..checks import choice, is_number, number, positive, refusal, share, whole
from ..core import modes
from ..words import answering, brief
from .optimizer import Optimizer
from .options import Group
from .state import fits


class LRScheduler:
    """What every schedule shares. One of your own says in `lr_at` what the step size is.

    Making a schedule sets the step size of step 0, so one with arguments of its own keeps them before it calls
    `super().__init__(optimizer)`. `last_epoch` counts the calls of `step()`, whether those are epochs or batches.

    >>> from microgradnet import Value, optim
    >>> class InverseRoot(optim.LRScheduler):
    ...     def lr_at(self, t, base):
    ...         return base / (1 + t) ** 0.5
    >>> schedule = InverseRoot(optim.SGD([Value(1.0)], lr=0.4))
    >>> for _ in range(3):
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.2]
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls) and cls.__module__.startswith(__package__):
            type.__setattr__(cls, "__init__", answering(cls.__init__))  # unseen by type checkers: it stays what it is

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} wants an optimiser first; got {brief(optimizer)}")
        self.optimizer = optimizer
        self.last_epoch: int = 0
        self.base_lrs: list[float] = [
            group["initial_lr"] if "initial_lr" in group else group["lr"] for group in optimizer.param_groups
        ]
        for group, base in zip(optimizer.param_groups, self.base_lrs, strict=True):
            group["initial_lr"] = base
        self._last_lr: list[float] = []
        self._set(0)

    def lr_at(self, t: int, base: float) -> float:
        """The step size after `t` steps, for a group whose own is `base`."""
        raise NotImplementedError(f"{type(self).__name__} schedules nothing yet: define lr_at(self, t, base)")

    def options_at(self, t: int) -> list[Group]:
        """What is set after `t` steps in each group."""
        return [{"lr": self.lr_at(t, base)} for base in self.base_lrs]

    def step(self) -> None:
        """Set the step size of the next step.

        Raises RuntimeError where something else has changed it: it would be lost.
        """
        modes.barrier(self._step)

    def _step(self) -> None:
        for i, (group, lr) in enumerate(zip(self.optimizer.param_groups, self._last_lr, strict=True)):
            if group["lr"] != lr:
                raise RuntimeError(
                    f"lr of group {i} is {group['lr']}, but {type(self).__name__} had set {lr} and would write over "
                    f"the change. Two schedules are one SequentialLR, or a LambdaLR of their product; and after "
                    f"optimizer.load_state_dict, load the schedule's state too"
                )
        self._set(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """The step size of each group, as it was set last."""
        return [modes.item(self._last_lr, i) for i in range(len(self._last_lr))]

    def _set(self, t: int) -> None:
        options = self.options_at(t)
        for group, new in zip(self.optimizer.param_groups, options, strict=True):
            group.update(new)
        self._last_lr[:] = [new["lr"] for new in options]  # in place: a compiled step reads them there
        self.last_epoch = t

    # ---------------------------------------------------------------------------------------------- saved and restored

    def settings(self) -> dict[str, Any]:
        """What the schedule was made with, as plain numbers, strings and lists."""
        own = {name: value for name, value in vars(self).items() if name not in NOT_SETTINGS and name[0] != "_"}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is, and what it was made with, as a plain dict."""
        return {
            "schedule": type(self).__name__,
            "last_epoch": self.last_epoch,
            "base_lrs": list(self.base_lrs),
            "settings": self.settings(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave, before or after the optimiser does; sets its step size.

        Raises ValueError, before anything has changed, for the state of another schedule, or of one that was made with
        other settings.
        """
        wrong = self._wrong(state_dict)
        if wrong:
            raise ValueError(
                f"this state does not fit the {type(self).__name__}: {'; '.join(wrong)}. Make the schedule as it was "
                f"when the state was saved"
            )
        self.options_at(state_dict["last_epoch"])  # raises if that is past the end of the schedule
        self._restore(state_dict)
        self._set(state_dict["last_epoch"])

    def _wrong(self, state: Any) -> list[str]:
        """What is wrong with a state_dict."""
        here = self.state_dict()
        wrong = fits("the state", state, list(here))
        if wrong:
            return wrong
        wrong = [f"{name} is {brief(state[name])}, of this schedule {brief(here[name])}"
                 for name in ("schedule", "settings") if state[name] != here[name]]  # fmt: skip
        t, bases = state["last_epoch"], state["base_lrs"]
        if type(t) is not int or t < 0:
            wrong.append(f"last_epoch is {brief(t)}, no count of steps")
        if not isinstance(bases, list) or len(bases) != len(self.base_lrs) or not all(is_number(lr, 0) for lr in bases):
            wrong.append(f"base_lrs is {brief(bases)}, which is not one number for each group")
        return wrong

    def _restore(self, state: dict[str, Any]) -> None:
        self.base_lrs = list(state["base_lrs"])
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["initial_lr"] = base


NOT_SETTINGS = ("optimizer", "last_epoch", "base_lrs")


def factor(name: str, given: Any) -> float:
    """What a step size is multiplied with, at least 0."""
    return number(name, given, what="a factor of the step size")


class LambdaLR(LRScheduler):
    """lr = base · `lr_lambda`(t); a function, or a list of one for each group. It is not part of the state.

    >>> from microgradnet import Value, optim
    >>> optimiser = optim.SGD([Value(1.0)], lr=0.5)
    >>> schedule = LambdaLR(optimiser, lambda t: 0.9**t)
    >>> schedule.step()
    >>> optimiser.param_groups[0]["lr"]
    0.45
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | list[Callable[[int], float]]) -> None:
        groups = len(getattr(optimizer, "param_groups", ()))
        self._lambdas = list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups
        if len(self._lambdas) != groups or not all(map(callable, self._lambdas)):
            raise ValueError(
                f"lr_lambda={brief(lr_lambda)}: a function of the number of steps, such as lambda t: 0.9**t, or a list "
                f"of {groups}, one for each group"
            )
        super().__init__(optimizer)

    def options_at(self, t: int) -> list[Group]:
        """Each group's own step size times what its function says of `t`."""
        return [{"lr": float(base * f(t))} for base, f in zip(self.base_lrs, self._lambdas, strict=True)]


class StepLR(LRScheduler):
    """lr = base · gamma^⌊t / step_size⌋: smaller by `gamma` every `step_size` steps.

    >>> from microgradnet import Value, optim
    >>> schedule = StepLR(optim.SGD([Value(1.0)], lr=0.8), step_size=2, gamma=0.5)
    >>> [schedule.options_at(t)[0]["lr"] for t in range(5)]
    [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size: int = whole("step_size", step_size, of="steps")
        self.gamma: float = factor("gamma", gamma)
        super().__init__(optimizer)

    def lr_at(self, t: int, base: float) -> float:
        """`base`, multiplied with `gamma` once for every `step_size` steps that are done."""
        return base * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """lr = base · gamma^(number of `milestones` ≤ t): smaller by `gamma` at each of them.

    >>> from microgradnet import Value, optim
    >>> schedule = MultiStepLR(optim.SGD([Value(1.0)], lr=0.8), milestones=[1, 4], gamma=0.5)
    >>> [schedule.options_at(t)[0]["lr"] for t in range(5)]
    [0.8, 0.4, 0.4, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        self.milestones: list[int] = sorted(whole("milestone", t, of="steps") for t in milestones)
        self.gamma: float = factor("gamma", gamma)
        super().__init__(optimizer)

    def lr_at(self, t: int, base: float) -> float:
        """`base`, multiplied with `gamma` once for every milestone that is reached."""
        return base * self.gamma ** bisect.bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler):
    """lr = base · gammaᵗ: smaller by `gamma` in every step.

    >>> from microgradnet import Value, optim
    >>> schedule = ExponentialLR(optim.SGD([Value(1.0)], lr=0.8), gamma=0.5)
    >>> [schedule.options_at(t)[0]["lr"] for t in range(4)]
    [0.8, 0.4, 0.2, 0.1]
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma: float = factor("gamma", gamma)
        super().__init__(optimizer)

    def lr_at(self, t: int, base: float) -> float:
        """`base`, multiplied with `gamma` once for every step."""
        return base * self.gamma**t


class LinearLR(LRScheduler):
    """lr = base · f, where f goes from `start_factor` to `end_factor` in `total_iters` steps, and stays: warm-up.

    >>> from microgradnet import Value, optim
    >>> schedule = LinearLR(optim.SGD([Value(1.0)], lr=0.8), start_factor=0.25, total_iters=3)
    >>> [round(schedule.options_at(t)[0]["lr"], 3) for t in range(5)]
    [0.2, 0.4, 0.6, 0.8, 0.8]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor: float = factor("start_factor", start_factor)
        self.end_factor: float = factor("end_factor", end_factor)
        self.total_iters: int = whole("total_iters", total_iters, of="steps")
        super().__init__(optimizer)

    def lr_at(self, t: int, base: float) -> float:
        """`base` times a factor that goes along a line, and stays at its end."""
        done = min(t, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base − eta_min) · (1 + cos(π t / T_max)) / 2: down to `eta_min` in `T_max` steps, and up again
    in as many (Loshchilov and Hutter 2017, without restarts).

    >>> from microgradnet import Value, optim
    >>> schedule = CosineAnnealingLR(optim.SGD([Value(1.0)], lr=0.8), T_max=4)
    >>> [round(schedule.options_at(t)[0]["lr"], 3) for t in range(6)]
    [0.8, 0.683, 0.4, 0.117, 0.0, 0.117]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max: int = whole("T_max", T_max, of="steps")
        self.eta_min: float = number("eta_min", eta_min, what="the smallest step size")
        super().__init__(optimizer)

    def lr_at(self, t: int, base: float) -> float:
        """`base` at 0, `eta_min` at `T_max`, half a cosine between them."""
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to `max_lr`, then down to 1 / `final_div_factor` of where it began (Smith 2018).

    The way up takes `pct_start` of all steps, which are `total_steps`, or `epochs` · `steps_per_epoch`. `three_phase`
    goes down as long as up, then on to the end. Between them the step size follows half a cosine, or a line
    (`anneal_strategy="linear"`). With `cycle_momentum` the momentum, or β₁, does the reverse: from `max_momentum` to
    `base_momentum` and back. `max_lr` and both momenta may be lists, one for each group.

    After all steps the step size stays, and one more call of `step()` raises RuntimeError.

    >>> from microgradnet import Value, optim
    >>> schedule = OneCycleLR(optim.SGD([Value(1.0)], lr=0.1, momentum=0.9), max_lr=0.8, total_steps=6, pct_start=0.5)
    >>> [round(schedule.options_at(t)[0]["lr"], 3) for t in range(6)]
    [0.032, 0.416, 0.8, 0.6, 0.2, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        groups = getattr(optimizer, "param_groups", [])
        if total_steps is None and epochs is None:
            raise ValueError("OneCycleLR wants to know its end: total_steps, or epochs and steps_per_epoch")
        if total_steps is None:
            total_steps = whole("epochs", epochs) * whole("steps_per_epoch", steps_per_epoch, of="steps")
        self.total_steps: int = whole("total_steps", total_steps, of="steps")
        self.pct_start: float = share("pct_start", pct_start, what="the share of all steps that go up")
        self.anneal_strategy: str = choice("anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.three_phase: bool = bool(three_phase)
        self.div_factor: float = positive("div_factor", div_factor, what="a divisor of the step size")
        self.final_div_factor: float = positive("final_div_factor", final_div_factor, what="a divisor of the step size")
        self.max_lrs: list[float] = one_each("max_lr", max_lr, len(groups))
        for lr in self.max_lrs:
            positive("max_lr", lr, what="the largest step size", more=", such as 0.1")
        self.cycle_momentum: bool = bool(cycle_momentum)
        self.base_momenta: list[float] = one_each("base_momentum", base_momentum, len(groups))
        self.max_momenta: list[float] = one_each("max_momentum", max_momentum, len(groups))
        if cycle_momentum and not all("momentum" in group or "betas" in group for group in groups):
            raise ValueError(f"{type(optimizer).__name__} has no momentum to cycle: pass cycle_momentum=False")
        for group, peak in zip(groups, self.max_lrs, strict=True):
            group["initial_lr"] = peak / self.div_factor
        super().__init__(optimizer)

    def phases(self) -> list[tuple[float, str, str]]:
        """The last step of each phase, and what it goes from and to: the bottom, the peak, the end."""
        up, end = self.pct_start * self.total_steps - 1, float(self.total_steps - 1)
        if self.three_phase:
            return [(up, "bottom", "peak"), (2 * up, "peak", "bottom"), (end, "bottom", "end")]
        return [(up, "bottom", "peak"), (end, "peak", "end")]

    def options_at(self, t: int) -> list[Group]:
        """The step size in each group, and with `cycle_momentum` the momentum, or both betas."""
        if t > self.total_steps:
            raise RuntimeError(
                f"step {t} of a OneCycleLR of {self.total_steps} steps: it is over. Make it with more total_steps"
            )
        t = min(t, self.total_steps - 1)
        phases = self.phases()
        now = next(k for k, (last, _, _) in enumerate(phases) if t <= last)
        first, (last, start, end) = phases[now - 1][0] if now else 0.0, phases[now]
        left = (last - t) / (last - first) if last > first else 0.0
        left = (1 - math.cos(math.pi * left)) / 2 if self.anneal_strategy == "cos" else left
        options = []
        for i, (group, bottom) in enumerate(zip(self.optimizer.param_groups, self.base_lrs, strict=True)):
            lrs = {"bottom": bottom, "peak": self.max_lrs[i], "end": bottom / self.final_div_factor}
            new: Group = {"lr": lrs[start] * left + lrs[end] * (1 - left)}
            if self.cycle_momentum:
                low, high = self.base_momenta[i], self.max_momenta[i]
                momenta = {"bottom": high, "peak": low, "end": high}
                momentum = momenta[start] * left + momenta[end] * (1 - left)
                new |= {"betas": (momentum, group["betas"][1])} if "betas" in group else {"momentum": momentum}
            options.append(new)
        return options


def one_each(name: str, given: Any, groups: int) -> list[float]:
    """A number for each group."""
    listed = list(given) if isinstance(given, list | tuple) else [given] * groups
    more = f", or a list of {groups}, one for each group"
    if len(listed) != groups:
        raise ValueError(refusal(name, given, "a number of at least 0", more=more))
    return [number(name, x, more=more) for x in listed]


class SequentialLR(LRScheduler):
    """One schedule after another: `schedulers[i]` from step `milestones[i − 1]` on, each beginning at its own step 0.

    >>> from microgradnet import Value, optim
    >>> optimiser = optim.SGD([Value(1.0)], lr=1.0)
    >>> warm_up, cosine = LinearLR(optimiser, 0.5, total_iters=2), CosineAnnealingLR(optimiser, T_max=4)
    >>> schedule = SequentialLR(optimiser, [warm_up, cosine], milestones=[2])
    >>> [round(schedule.options_at(t)[0]["lr"], 3) for t in range(7)]
    [0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self._schedulers = list(schedulers)
        for schedule in self._schedulers:
            if not isinstance(schedule, LRScheduler) or schedule.optimizer is not optimizer:
                raise ValueError(f"schedulers are schedules of the same optimiser; got {brief(schedule)}")
        self.milestones: list[int] = [whole("milestone", t, of="steps") for t in milestones]
        if self.milestones != sorted(set(self.milestones)) or len(self.milestones) != len(self._schedulers) - 1:
            raise ValueError(
                f"milestones={brief(milestones)}: rising steps, one fewer than the {len(self._schedulers)} schedules"
            )
        super().__init__(optimizer)

    def options_at(self, t: int) -> list[Group]:
        """What the schedule whose turn it is sets after the steps since its turn began."""
        i = bisect.bisect_right(self.milestones, t)
        return self._schedulers[i].options_at(t - self.milestones[i - 1] if i else t)

    def state_dict(self) -> dict[str, Any]:
        """That of every schedule, with the states of the parts under "schedulers"."""
        return {**super().state_dict(), "schedulers": [part.state_dict() for part in self._schedulers]}

    def _wrong(self, state: Any) -> list[str]:
        wrong = super()._wrong(state)
        if not wrong and not (
            isinstance(state["schedulers"], list) and len(state["schedulers"]) == len(self._schedulers)
        ):
            wrong = [f"it is not of {len(self._schedulers)} schedules"]
        if not wrong:
            wrong = [text for part, saved in zip(self._schedulers, state["schedulers"], strict=True)
                     for text in part._wrong(saved)]  # fmt: skip
        return wrong

    def _restore(self, state: dict[str, Any]) -> None:
        for part, saved in zip(self._schedulers, state["schedulers"], strict=True):
            part._restore(saved)
        super()._restore(state)
