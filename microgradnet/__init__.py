"""A tiny autograd framework: Values record what is computed with them, `backward()` differentiates it.

>>> from microgradnet import Value
>>> x = Value(2.0)
>>> y = x**3 + x
>>> y.backward()
>>> x.grad
np.float64(13.0)
"""

from . import data, functional, gradcheck, nn, optim
from . import ops as _ops  # fills the table of rows
from .engine import Value

__all__ = ["Value", "__version__", "data", "functional", "gradcheck", "nn", "optim"]
__version__ = "0.1.0"

del _ops
