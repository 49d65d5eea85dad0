"""Every primitive, one row each. Importing this package fills the table."""

import numpy as np

from ..engine import TABLE, Value
from . import conv, cost, elementwise, erf, fused, linalg, linear, moves, reduction, shape

__all__ = ["conv", "cost", "elementwise", "erf", "fused", "linalg", "linear", "moves", "reduction", "shape"]

# The commonest methods go straight to their rows: looking the row up on every call costs half as much as recording.
# Same meaning, as a test makes sure; tests/benchmarks measures it.
DIRECT = {
    "__add__": np.add, "__sub__": np.subtract, "__mul__": np.multiply, "__truediv__": np.divide, "__pow__": np.power,
    "__matmul__": np.matmul, "__neg__": np.negative, "exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin,
    "cos": np.cos, "relu": "relu", "sigmoid": "sigmoid",
}  # fmt: skip
for name, key in DIRECT.items():
    setattr(Value, name, TABLE[key].record)
