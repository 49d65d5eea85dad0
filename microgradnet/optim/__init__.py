"""Optimisers, which move parameters along their gradients; schedules of their step size; clipping of gradients.

An optimiser's `direction` reads as its paper's formula, and its `step` as w −= lr · d. A schedule is a function of the
number of steps.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR",
    "Lion", "MultiStepLR", "OneCycleLR", "Optimizer", "RMSprop", "SequentialLR", "StepLR", "clip_grad_norm_",
    "clip_grad_value_",
]  # fmt: skip

if TYPE_CHECKING:
    from .algorithms import SGD, Adagrad, Adam, AdamW, Lion, RMSprop
    from .clip import clip_grad_norm_, clip_grad_value_
    from .optimizer import Optimizer
    from .schedules import (
        CosineAnnealingLR,
        ExponentialLR,
        LambdaLR,
        LinearLR,
        LRScheduler,
        MultiStepLR,
        OneCycleLR,
        SequentialLR,
        StepLR,
    )
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "algorithms": "SGD Adagrad Adam AdamW Lion RMSprop",
        "clip": "clip_grad_norm_ clip_grad_value_",
        "optimizer": "Optimizer",
        "schedules": "CosineAnnealingLR ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR OneCycleLR "
                     "SequentialLR StepLR",
    })  # fmt: skip
