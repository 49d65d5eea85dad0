"""Optimisers, which move parameters along their gradients; schedules of their step size; clipping of gradients.

An optimiser's `direction` reads as its paper's formula, and its `step` as w −= lr · d. A schedule is a function of the
number of steps.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "Lion",
    "MultiStepLR",
    "Muon",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
]  # fmt: skip

if TYPE_CHECKING:
    from .adaptive import Adam, AdamW, NAdam, RAdam
    from .algorithms import SGD, Adagrad, Lion, RMSprop
    from .clip import clip_grad_norm_, clip_grad_value_
    from .curvature import LBFGS
    from .matrices import Muon
    from .optimizer import Optimizer
    from .plateau import ReduceLROnPlateau
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
        "adaptive": "Adam AdamW NAdam RAdam",
        "algorithms": "SGD Adagrad Lion RMSprop",
        "clip": "clip_grad_norm_ clip_grad_value_",
        "curvature": "LBFGS",
        "matrices": "Muon",
        "optimizer": "Optimizer",
        "plateau": "ReduceLROnPlateau",
        "schedules": "CosineAnnealingLR ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR OneCycleLR "
                     "SequentialLR StepLR",
    })  # fmt: skip
