"""Every primitive, one row each. Importing this package fills the table."""

import sys

import numpy as np

from ..core import TABLE, Value
from ..core.unrolled import updating
from . import conv, cost, elementwise, erf, fused, linalg, linear, lstm, moves, pool, reduction, shape

__all__ = [
    "conv", "cost", "elementwise", "erf", "fused", "linalg", "linear", "lstm", "moves", "pool", "reduction", "shape",
]  # fmt: skip

# The commonest methods go straight to their rows: looking the row up on every call costs half as much as recording.
# Same meaning, as a test makes sure; tests/benchmarks measures it.
DIRECT = {
    "__add__": np.add, "__sub__": np.subtract, "__mul__": np.multiply, "__truediv__": np.divide, "__pow__": np.power,
    "__matmul__": np.matmul, "__neg__": np.negative, "__lt__": np.less, "__le__": np.less_equal, "__gt__": np.greater,
    "__ge__": np.greater_equal, "exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin,
    "cos": np.cos, "relu": "relu", "sigmoid": "sigmoid",
}  # fmt: skip
for name, key in DIRECT.items():
    record, method = TABLE[key].record, getattr(Value, name)
    record.__name__, record.__qualname__, record.__doc__ = name, f"Value.{name}", method.__doc__
    setattr(Value, name, record)

# And those that warn of a leaf updated like an array.
for name, key, symbol in (("__isub__", np.subtract, "-="), ("__iadd__", np.add, "+=")):
    record = updating(TABLE[key], symbol)
    record.__name__, record.__qualname__ = name, f"Value.{name}"
    setattr(Value, name, record)

# A training step makes and frees the same large arrays over and over. glibc gives memory that is free at the end of its
# heap back to the system, which then hands it out anew page by page, at up to a third of the time of a step. How much
# it keeps instead (here twice 32 MB at most) follows from the largest array it has seen freed. This one is never
# touched, so it takes no memory and a few microseconds. In a browser's Python it would take memory for good.
if sys.platform == "linux":
    np.empty(2**25 - 2**16, np.uint8)
