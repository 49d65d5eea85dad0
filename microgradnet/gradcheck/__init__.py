"""Checking gradients numerically: a verdict for every element, and the operation to blame.

>>> import numpy as np
>>> from microgradnet.gradcheck import check_grads
>>> report = check_grads(lambda x: (np.tanh(x) ** 2).sum(), np.array([0.5, -1.0, 2.0]))
>>> bool(report)
True
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["Culprit", "Element", "GradReport", "Input", "Slope", "assert_grads", "check_grads", "numerical_grad"]

if TYPE_CHECKING:
    from .check import assert_grads, check_grads
    from .numerical import numerical_grad
    from .report import Culprit, Element, GradReport, Input
    from .slopes import Slope
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "check": "assert_grads check_grads",
        "numerical": "numerical_grad",
        "report": "Culprit Element GradReport Input",
        "slopes": "Slope",
    })  # fmt: skip
