"""The optimisers. `direction` is the paper's formula: d of the gradient g in step t, from 1 on; then w −= lr · d.

Options and defaults are PyTorch's, and so are the numbers. All take `weight_decay`, a pull of w towards 0, and
`maximize`, to go uphill. Lion adds the pull to d, the others to g. Those of Adam's family are
in `adaptive`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..core import Array, Value, modes
from .optimizer import Optimizer, Parameters
from .options import Group
from .state import Slots


class SGD(Optimizer):
    """Gradient descent: each parameter moves against its gradient, `lr` times as far as the gradient is long.

    With `momentum` μ it follows a velocity, b = μ b + (1 − dampening) g, where the first b is g (Polyak 1964, in the
    form of Sutskever et al. 2013). `nesterov` looks ahead: d = g + μ b.

    >>> w = Value(1.0)
    >>> optimiser = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> w.data
    np.float64(0.8)
    """

    slots: ClassVar[Slots] = {"momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Parameters,
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize,
        })  # fmt: skip

    def check(self, group: Group) -> None:
        """Refuse `nesterov` without a momentum, or with dampening: it looks ahead along the velocity as it is."""
        if group["nesterov"] and not (group["momentum"] and not group["dampening"]):
            raise ValueError(
                f"nesterov=True with momentum={group['momentum']} and dampening={group['dampening']}: to look ahead "
                f"it takes a momentum, such as 0.9, and no dampening"
            )

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """The gradient without momentum; with it the velocity b, or with `nesterov` g + μ b."""
        momentum, dampening = group["momentum"], group["dampening"]
        if not momentum:
            return g
        b = state["momentum_buffer"]
        b *= momentum
        b += (1 - dampening) * g if dampening and t > 1 else g
        return g + momentum * b if group["nesterov"] else b

    def step(self) -> None:
        """Move every parameter w that has a gradient g: w −= lr · g, where momentum does not make more of g."""
        for options, pieces, slots in self._settled():
            group = modes.options(options) if modes.on else options
            lr, pull, uphill = group["lr"], group["weight_decay"], group["maximize"]
            if group["momentum"]:
                self._move(options, pieces, slots)
                continue
            for w in group["params"]:  # one product and one difference are not worth joining parameters for
                g = w.grad
                if g is not None:
                    if type(g) is Value:
                        g = g.data
                    if uphill:
                        g = -g
                    if pull:
                        g = g + pull * w.data
                    w.data -= lr * g


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far (Duchi, Hazan and Singer 2011).

    s = s + g²,  d = g / (√s + eps) / (1 + (t − 1) · lr_decay); s begins from `initial_accumulator_value`.

    >>> w = Value([1.0, -300.0])
    >>> (w * w).sum().backward()
    >>> Adagrad([w], lr=0.1).step()  # the first step is as long for a steep slope as for a gentle one
    >>> w.data
    array([   0.9, -299.9])
    """

    slots: ClassVar[Slots] = {"sum": None}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "eps": eps, "maximize": maximize,
        })  # fmt: skip

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """g / (√s + eps), where s has this g in it; less of it from step to step with `lr_decay`."""
        s = state["sum"]
        if t == 1:
            s += group["initial_accumulator_value"]
        s += g * g
        d: Array = g / ((np.sqrt(s) + group["eps"]) * (1 + (t - 1) * group["lr_decay"]))
        return d


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of the squared gradients (Hinton 2012; centred, Graves 2013).

    v = α v + (1 − α) g²,  d = g / (√v + eps). `centered` takes the square of the running mean of g off v, which makes
    it a variance. With `momentum` μ, b = μ b + d is followed.

    >>> w = Value([1.0, -300.0])
    >>> (w * w).sum().backward()
    >>> RMSprop([w], lr=0.1, alpha=0.0).step()
    >>> w.data.round(6)
    array([   0.9, -299.9])
    """

    slots: ClassVar[Slots] = {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
            "centered": centered, "maximize": maximize,
        })  # fmt: skip

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """g / (√v + eps), where v has this g in it; with momentum the velocity that it goes into."""
        alpha, v = group["alpha"], state["square_avg"]
        v *= alpha
        v += (1 - alpha) * g * g
        if group["centered"]:
            m = state["grad_avg"]
            m *= alpha
            m += (1 - alpha) * g
            v = np.maximum(v - m * m, 0)  # where g hardly changes, rounding would leave a negative variance
        d: Array = g / (np.sqrt(v) + group["eps"])
        if not group["momentum"]:
            return d
        b = state["momentum_buffer"]
        b *= group["momentum"]
        b += d
        return b


class Lion(Optimizer):
    """Steps of one length, `lr`, for every number: only the sign of a running mean counts (Chen et al. 2023).

    d = sign(β₁ m + (1 − β₁) g) + λ w, and then m = β₂ m + (1 − β₂) g. `lr` is three to ten times smaller than Adam's,
    and `weight_decay` as many times larger.

    Of those of recent years it asks least of its user: one array of state, no eps, no correction, any
    shape of parameter, and three lines to read. (Muon, 2024, is for matrices alone, with another optimiser for the
    rest; schedule-free AdamW, 2024, evaluates with other weights than it trains.)

    >>> w = Value([1.0, -300.0])
    >>> (w * w).sum().backward()
    >>> Lion([w], lr=0.1).step()
    >>> w.data
    array([   0.9, -299.9])
    """

    slots: ClassVar[Slots] = {"exp_avg": None}
    decoupled = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """The sign of the mean with β₁ of this g in it; what is kept is that with β₂."""
        beta1, beta2 = group["betas"]
        m = state["exp_avg"]
        d: Array = np.sign(beta1 * m + (1 - beta1) * g)
        m *= beta2
        m += (1 - beta2) * g
        return d
