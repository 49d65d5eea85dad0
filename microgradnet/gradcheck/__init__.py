"""Checking gradients numerically: a verdict for every element, and the operation to blame.

>>> import numpy as np
>>> report = check_grads(lambda x: (np.tanh(x) ** 2).sum(), np.array([0.5, -1.0, 2.0]))
>>> bool(report)
True
"""

from .check import assert_grads, check_grads
from .report import Culprit, Element, GradReport, Input
from .slopes import Slope, numerical_grad

__all__ = ["Culprit", "Element", "GradReport", "Input", "Slope", "assert_grads", "check_grads", "numerical_grad"]
