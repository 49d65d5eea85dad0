"""An optimiser that moves by what all ranks have found, for a loop written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import optim
from ..core import Value, modes
from ..nn.module import Module
from ..words import brief, printable
from .gradients import Mean, check_examples
from .start import agree_on, draw_apart, generators_in, spread
from .worlds import World, opened


class Optimizer:
    """An optimiser of `optim` that moves by the mean gradient over the examples of all ranks.

    When it is made, every rank gets the parameters and the state that rank 0 has; with `model`, its buffers too, and
    other random numbers on every rank. `step(len(x))` averages and moves: what a rank has found counts by its examples.
    Schedules are made for the optimiser itself. In a world of one it does what that one does.

    TypeError for what is no optimiser of `optim`, or one that calls a closure; RuntimeError without an open world;
    ValueError on every rank if they have models that are built differently.

    >>> from microgradnet import Value, optim, parallel
    >>> w = Value([1.0, -3.0])
    >>> with parallel.world():
    ...     optimizer = parallel.Optimizer(optim.SGD([w], lr=0.1))
    ...     (w * w).sum().backward()
    ...     optimizer.step(1)
    >>> w.data
    array([ 0.8, -2.4])
    """

    def __init__(self, optimizer: optim.Optimizer, model: Module | None = None) -> None:
        if not isinstance(optimizer, optim.Optimizer):
            raise TypeError(f"Optimizer(optimizer) wraps one of optim, such as optim.SGD(…); got {brief(optimizer)}")
        if isinstance(optimizer, optim.LBFGS):
            raise TypeError("LBFGS calls its closure as often as it needs, each rank by itself: choose another one")
        if model is not None and not isinstance(model, Module):
            raise TypeError(f"model is a Module; got {brief(model)}")
        self.world: World = opened("parallel.Optimizer")
        self.world.counts = True
        self.optimizer: optim.Optimizer = optimizer
        names = {} if model is None else {p: name for name, p in model.named_parameters()}
        parameters = {p: names.get(p) or p.name or f"parameter {i}" for i, p in enumerate(optimizer.parameters)}
        self._mean: Mean = Mean(self.world, parameters)
        if self.world.size > 1:
            things: dict[str, Any] = {"optimizer": optimizer} if model is None else {
                "model": model, "optimizer": optimizer
            }  # fmt: skip
            agree_on(self.world, things, parameters)
            spread(self.world, things.values())
            for p in parameters:
                if p not in names:
                    p.data = self.world.broadcast(p.data)
            draw_apart(self.world, generators_in(things.values()))

    def step(self, examples: int) -> None:
        """Average the gradients of all ranks and move; `examples` is how many those of this rank are the mean over.

        0 for a rank that has none: its gradients do not count. A meeting: every rank comes, equally often.
        """
        modes.checked(check_examples, examples)
        self._mean.take(examples)
        self.optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward() starts anew."""
        self.optimizer.zero_grad()

    @property
    def parameters(self) -> list[Value]:
        """The parameters that it moves, in the order of its groups."""
        return self.optimizer.parameters

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of the optimiser, with their options."""
        return self.optimizer.param_groups

    def state_dict(self) -> dict[str, Any]:
        """The state of the optimiser, which is that of all ranks."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state that `state_dict` gave, on every rank."""
        self.optimizer.load_state_dict(dict(state_dict))

    def __repr__(self) -> str:
        return printable(f"parallel.Optimizer({self.optimizer!r})")
