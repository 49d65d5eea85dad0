"""Optimisers, which move parameters along their gradients; schedules of their step size; clipping of gradients.

An optimiser's `direction` reads as its paper's formula. A schedule is a function of the number of steps.
"""

import functools
from typing import TYPE_CHECKING

from ..words import missing
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

__all__ = [
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
    "OneCycleLR",
    "Optimizer",
    "RMSprop",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
]

if not TYPE_CHECKING:
    __getattr__ = functools.partial(missing, __name__)
