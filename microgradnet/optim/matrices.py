"""Muon, for matrices."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from ..core import Array, modes
from ..core import Value as Value  # for the examples
from .optimizer import Optimizer, Parameters
from .options import Group
from .state import Slots


class Muon(Optimizer):
    """Steps in which every direction of a matrix counts alike: the momentum with its singular values made equal (Jordan
    et al. 2024).

    b = μ b + (1 − μ) g, then the matrix u = (1 − μ) g + μ b with `nesterov`, or b. d is u's nearest orthogonal matrix,
    or about that: `ns_steps` times x ← a x + b (x xᵀ) x + c (x xᵀ)² x, from u over its norm, with (a, b, c) the
    `ns_coefficients`. The step is √max(1, rows / columns) times as long, or with `adjust_lr_fn="match_rms_adamw"`
    0.2 √max(rows, columns), so that a step size and a decay of AdamW do. The pull towards 0 is added to d.

    It is for weight matrices inside a network: biases, embeddings and the last layer go to another optimiser, such as
    AdamW. ValueError for a parameter that is no matrix. PyTorch rounds the matrices to 8 bits on the way (bfloat16);
    here they stay in the precision of the parameter.

    >>> w = Value([[3.0, 0.0], [0.0, 0.001]])
    >>> (w * w).sum().backward()
    >>> Muon([w], lr=0.1, weight_decay=0.0).step()  # as far along the gentle slope as along the steep one, or nearly
    >>> w.data.round(2)
    array([[ 2.93,  0.  ],
           [ 0.  , -0.02]])
    """

    slots: ClassVar[Slots] = {"momentum_buffer": None}
    decoupled = True
    elementwise = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
            "maximize": maximize,
        })  # fmt: skip

    def check(self, group: Group) -> None:
        """Refuse a parameter that is no matrix."""
        for p in group["params"]:
            if p.ndim != 2:
                raise ValueError(
                    f"Muon moves matrices; got a parameter of shape {p.shape}. Give it those of ndim 2, and the others "
                    f"to another optimiser, such as AdamW"
                )

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """The momentum, made about orthogonal, times what its shape asks for."""
        momentum, b = group["momentum"], state["momentum_buffer"]
        b *= momentum
        b += (1 - momentum) * g
        u = (1 - momentum) * g + momentum * b if group["nesterov"] else b
        rows, columns = g.shape
        longer = math.sqrt(max(1.0, rows / columns))
        if group["adjust_lr_fn"] == "match_rms_adamw":
            longer = 0.2 * math.sqrt(max(rows, columns))
        steps = modes.asked(int, group["ns_steps"])
        return longer * orthogonal(u, group["ns_coefficients"], steps, group["eps"])


def orthogonal(u: Array, coefficients: tuple[float, float, float], steps: int, eps: float) -> Array:
    """About the orthogonal matrix nearest to `u`, by Newton and Schulz's iteration, which takes products alone."""
    a, b, c = coefficients
    x: Array = u.T if u.shape[0] > u.shape[1] else u  # so that x xᵀ is the smaller of the two
    x = x / np.maximum(np.sqrt((x * x).sum()), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if u.shape[0] > u.shape[1] else x
