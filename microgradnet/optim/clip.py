"""Clipping of gradients, between `backward()` and `step()`. PyTorch keeps these two in torch.nn.utils."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..checks import positive, refusal
from ..core import Value, modes, plain_data
from ..words import answering, brief
from .options import is_list

LIMIT = {"what": "what gradients are limited to", "more": ", such as 1.0"}


@answering
def clip_grad_norm_(
    parameters: Iterable[Value] | Value,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """The norm of all gradients as one vector, before they are scaled down in place to a norm of `max_norm`.

    Gradients whose norm is not larger stay as they are; missing ones count as none. `norm_type` p is a number of at
    least 1; math.inf takes the largest. A norm that is NaN or infinite cannot be scaled away: then all gradients stay
    as they are, or, with `error_if_nonfinite`, RuntimeError is raised. (torch.nn.utils.clip_grad_norm_ would make NaNs
    and zeros of the rest of them.)

    >>> w = Value([3.0, 4.0])
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0)
    10.0
    >>> w.grad.round(4)
    array([0.6, 0.8])
    """
    with_grad = having_grad(parameters, "clip_grad_norm_(model.parameters(), max_norm)")
    bound = positive("max_norm", max_norm, **LIMIT)
    if not (isinstance(norm_type, int | float) and norm_type >= 1):
        wanted = "a number of at least 1, or math.inf for the largest gradient"
        raise ValueError(refusal("norm_type", norm_type, wanted))
    grads = [plain_data(p.grad) for p in with_grad]
    total: float = modes.host(norm_of, norm_type, error_if_nonfinite, *grads)
    scale = modes.host(scale_of, total, bound)
    for p in with_grad:
        p.grad *= scale
    return total


def norm_of(norm_type: float, error_if_nonfinite: bool, *grads: Any) -> float:
    """The norm of all gradients as one vector. RuntimeError for one that is not finite, if that is an error."""
    # In float64: the squares of float32 numbers overflow from 1e19 on.
    total = norm([norm(g.astype(np.float64, copy=False).ravel(), norm_type) for g in grads], norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"the norm of the gradients is {total}, so they cannot be clipped. microgradnet.debug() names the "
            f"operation that made the first NaN or Inf"
        )
    return total


def scale_of(total: float, bound: float) -> float:
    """What gradients of this norm are multiplied with: 1 if they are not longer, or not finite."""
    return min(1.0, bound / (total + 1e-6)) if math.isfinite(total) else 1.0


def norm(vector: Any, norm_type: float) -> float:
    """The norm of a vector; 0 if it has no elements, of which NumPy 2.0 knows no largest."""
    return float(np.linalg.norm(vector, norm_type)) if len(vector) else 0.0


@answering
def clip_grad_value_(parameters: Iterable[Value] | Value, clip_value: float) -> None:
    """Limit every number of every gradient to [−`clip_value`, `clip_value`].

    >>> w = Value([3.0, 0.1])
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    array([1. , 0.2])
    """
    bound = positive("clip_value", clip_value, **LIMIT)
    for p in having_grad(parameters, "clip_grad_value_(model.parameters(), clip_value)"):
        p.grad = np.clip(p.grad, -bound, bound)


def having_grad(parameters: Iterable[Value] | Value, written: str) -> list[Value]:
    """The parameters that have a gradient, each once. TypeError for anything else, with the call as it is `written`."""
    given = [parameters] if isinstance(parameters, Value) else parameters
    if not is_list(given):
        raise TypeError(f"a list of parameters is wanted: {written}")
    listed = list(given)
    for p in listed:
        if not isinstance(p, Value):
            raise TypeError(f"a parameter is a Value; got {brief(p)}: {written}")
    return [p for p in dict.fromkeys(listed) if p.grad is not None]  # one listed twice has one gradient
