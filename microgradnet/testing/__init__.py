"""Property tests of your own operations and Modules: the strategies and laws this package tests itself with.

`property_test` makes a pytest test of an operation or a Module, and tries every law on inputs that Hypothesis draws:

>>> from microgradnet import nn
>>> from microgradnet.testing import case, property_test
>>> test_layer = property_test(lambda seed: nn.Linear(4, 3, seed=seed), case("n4"))

A law is a function of one `Call` or `Run`. Laws and strategies can be used by themselves, with Hypothesis' own `given`.
"""

from typing import TYPE_CHECKING

try:
    import hypothesis as _hypothesis
except ImportError as error:
    raise ImportError('microgradnet.testing needs Hypothesis: pip install "microgradnet[test]"') from error

from ..core import ABOVE_ONE, BOOLEAN, HUGE, POSITIVE, REAL, TINY, UNIT, Domain, case
from ..demand import on_demand

__all__ = [
    "ABOVE_ONE", "BOOLEAN", "HUGE", "MODULE_LAWS", "OP_LAWS", "POSITIVE", "REAL", "TINY", "UNIT", "Call", "Domain",
    "Run", "arrays", "broadcastable", "calls", "case", "holds", "property_test", "runs", "shapes", "values",
]  # fmt: skip

if TYPE_CHECKING:
    from .laws import MODULE_LAWS, OP_LAWS
    from .properties import holds, property_test
    from .strategies import Call, Run, arrays, broadcastable, calls, runs, shapes, values
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "laws": "MODULE_LAWS OP_LAWS",
        "properties": "holds property_test",
        "strategies": "Call Run arrays broadcastable calls runs shapes values",
    })  # fmt: skip

del _hypothesis
