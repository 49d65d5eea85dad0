"""Optimisers: each moves parameters along their gradients; `step` reads as the formula."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .engine import Value
from .nn.module import Module


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
        if isinstance(parameters, Module | Value):
            raise TypeError("SGD wants a list of parameters: SGD(model.parameters(), lr=…)")
        self.parameters = list(parameters)
        for p in self.parameters:
            if not isinstance(p, Value) or p.op is not None:
                raise TypeError(f"a parameter is a Value that was not computed; got {p!r}")
        if not self.parameters:
            raise ValueError("there are no parameters to move")
        if not 0 < lr < math.inf:
            raise ValueError(f"lr={lr}: the step size is a positive number")
        self.lr = float(lr)

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * p.grad

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward() starts anew."""
        for p in self.parameters:
            p.grad = None
