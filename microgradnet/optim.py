"""Optimisers: each moves parameters along their gradients; `step` reads as the formula."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .engine import Value
from .nn.module import Module
from .words import brief, describe


class SGD:
    """Gradient descent: each parameter moves against its gradient, `lr` times as far as the gradient is long.

    Raises TypeError for anything but leaf Values, ValueError for a step size that is not a positive number.

    >>> w = Value(1.0)
    >>> optimiser = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> w.data
    np.float64(0.8)
    """

    def __init__(self, parameters: Iterable[Value], lr: float) -> None:
        if isinstance(parameters, Module | Value) or callable(parameters) or not isinstance(parameters, Iterable):
            raise TypeError("SGD wants a list of parameters: SGD(model.parameters(), lr=…)")
        self.parameters = list(parameters)
        for p in self.parameters:
            if not isinstance(p, Value):
                raise TypeError(f"a parameter is a Value; got {brief(p)}. model.parameters() lists a model's")
            if p.op is not None:
                raise TypeError(
                    f"{describe(p)} was computed (by {p.op.name}) and cannot be moved: a parameter is a Value of "
                    f"numbers, such as Value(0.1 * array)"
                )
        if not self.parameters:
            raise ValueError("there are no parameters to move; a Value that was computed is none")
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError("a parameter is listed twice: it would be moved twice")
        if not isinstance(lr, (int, float, np.number)) or not 0 < lr < math.inf:
            raise ValueError(f"lr={lr!r}: the step size is a positive number, such as 0.1")
        self.lr = float(lr)

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for p in self.parameters:
            g = p.grad
            if g is not None:
                p.data -= self.lr * (g.data if type(g) is Value else g)

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward() starts anew."""
        for p in self.parameters:
            p.grad = None
