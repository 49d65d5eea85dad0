"""Adam and its family. `direction` is the paper's formula: d of the gradient g in step t, from 1 on; then w −= lr · d.

Options and defaults are PyTorch's, and so are the numbers.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..core import Array, modes
from ..core import Value as Value  # for the examples
from .optimizer import Optimizer, Parameters
from .options import Group
from .state import Slots


class Adam(Optimizer):
    """Running means of the gradient and of its square, both corrected for having begun at 0 (Kingma and Ba 2015).

    m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,  d = m̂ / (√v̂ + eps) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).
    `amsgrad` divides by the largest v so far (Reddi, Kale and Kumar 2018). `weight_decay` is added to the gradient, as
    in the paper; AdamW is the better way to decay.

    >>> w = Value([1.0, -2.0])
    >>> optimiser = Adam([w], lr=0.1)
    >>> for _ in range(100):
    ...     optimiser.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimiser.step()
    >>> bool((abs(w.data) < 0.1).all())
    True
    """

    slots: ClassVar[Slots] = {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize,
        })  # fmt: skip

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """m̂ / (√v̂ + eps), where both means have this g in them."""
        beta1, beta2 = group["betas"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g
        if group["amsgrad"]:
            v = np.maximum(v, state["max_exp_avg_sq"], out=state["max_exp_avg_sq"])
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        d: Array = m_hat / (np.sqrt(v_hat) + group["eps"])
        return d


class AdamW(Adam):
    """Adam whose weight decay is no part of the gradient: d = m̂ / (√v̂ + eps) + λ w (Loshchilov and Hutter 2019).

    So every weight is pulled equally, whatever the size of its gradients.

    >>> w = Value([1.0, -300.0])
    >>> (w * w).sum().backward()
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step()  # 0.1 against the gradient, then 5 % of w
    >>> w.data.round(6)
    array([   0.85, -284.9 ])
    """

    decoupled = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class NAdam(Optimizer):
    """Adam that looks ahead along its mean, as Nesterov's momentum does (Dozat 2016).

    d = [(1 − μ) g / (1 − μ₁ ⋯ μₜ) + μ' m / (1 − μ₁ ⋯ μₜ μ')] / (√v̂ + eps), where m, v and v̂ are Adam's,
    μ = β₁ (1 − ½ · 0.96^(t ψ)), μ' is that of the next step, and ψ is `momentum_decay`. With `decoupled_weight_decay`
    the pull towards 0 is added to d, as in AdamW, and not to the gradient.

    >>> w = Value([1.0, -300.0])
    >>> (w * w).sum().backward()
    >>> NAdam([w], lr=0.1).step()
    >>> w.data.round(3)
    array([   0.894, -299.894])
    """

    slots: ClassVar[Slots] = {"exp_avg": None, "exp_avg_sq": None, "mu_rest": None}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 0.004,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        })  # fmt: skip

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """The gradient and its mean, each corrected for having begun at 0, over √v̂ + eps."""
        beta1, beta2 = group["betas"]
        fade = group["momentum_decay"]
        mu = beta1 * (1 - 0.5 * 0.96 ** (t * fade))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * fade))
        m, v, rest = means(g, state, beta1, beta2), state["exp_avg_sq"], state["mu_rest"]
        rest *= mu  # 1 − μ₁ ⋯ μₜ, which is 0 at first
        rest += 1 - mu
        denominator = np.sqrt(v / (1 - beta2**t)) + group["eps"]
        ahead = (1 - mu_next) + mu_next * rest
        d: Array = ((1 - mu) * g / rest + mu_next * m / ahead) / denominator
        return d


class RAdam(Optimizer):
    """Adam whose steps are shorter while its mean of squares is of few gradients, and without it in the very first
    steps: no warm-up is needed (Liu et al. 2020).

    d = m̂ r / (√v̂ + …) with ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ), ρ∞ = 2 / (1 − β₂) − 1 and r = √[(ρ − 4) (ρ − 2) ρ∞ /
    ((ρ∞ − 4) (ρ∞ − 2) ρ)], and d = m̂ where ρ ≤ 5. With `decoupled_weight_decay` the pull towards 0 is added to d.

    >>> w = Value([1.0, -300.0])
    >>> (w * w).sum().backward()
    >>> RAdam([w], lr=0.1).step()  # the first steps are those of a mean of gradients
    >>> w.data
    array([   0.8, -240. ])
    """

    slots: ClassVar[Slots] = {"exp_avg": None, "exp_avg_sq": None}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        })  # fmt: skip

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """m̂, times r / √v̂ once ρ says that v̂ is worth something."""
        beta1, beta2 = group["betas"]
        m, v = means(g, state, beta1, beta2), state["exp_avg_sq"]
        d: Array = m / (1 - beta1**t)
        longest = 2 / (1 - beta2) - 1
        seen = longest - 2 * t * beta2**t / (1 - beta2**t)
        if modes.asked(is_long, seen):
            r = ((seen - 4) * (seen - 2) * longest / ((longest - 4) * (longest - 2) * seen)) ** 0.5
            d = d * (r * (1 - beta2**t) ** 0.5) / (np.sqrt(v) + group["eps"])
        return d


def is_long(rho: float) -> bool:
    """Whether the mean of squares has a variance to speak of."""
    return bool(rho > 5)


def means(g: Array, state: dict[str, Any], beta1: float, beta2: float) -> Array:
    """The running mean of the gradient, with this one in it; that of its square moves too."""
    m: Array = state["exp_avg"]
    v = state["exp_avg_sq"]
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g * g
    return m
