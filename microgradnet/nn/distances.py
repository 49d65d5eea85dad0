"""The distances of `functional` as layers, which take two arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, dataclass_transform, overload

from .. import functional
from ..core import Array, Either, Numbers, Operand, Value
from ..words import printable
from .options import FunctionLayer


@dataclass_transform(eq_default=False)
class Distance(FunctionLayer):
    """A function of two arrays as a layer. Its attributes are the options that the function is called with.

    >>> PairwiseDistance(p=1.0, eps=0.0)([1.0, 2.0], [2.0, 4.0])
    np.float64(3.0)
    """

    if TYPE_CHECKING:

        @overload
        def __call__(self, x1: Numbers, x2: Numbers) -> Array: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, x1: Either, x2: Either) -> Value: ...
        def __call__(self, x1: Any, x2: Any) -> Any: ...

    def forward(self, x1: Operand, x2: Operand) -> Any:
        return self._function(x1, x2, **self.options())

    def __repr__(self) -> str:
        shown = [f"{name}={x!r}" for name, x in self.options().items() if x != self.known[name]]
        return printable(f"{type(self).__name__}({', '.join(shown)})")


class CosineSimilarity(Distance):
    """The cosine of the angle between vectors along `axis`: `functional.cosine_similarity`."""

    _function = staticmethod(functional.cosine_similarity)
    axis: int = 1
    eps: float = 1e-8


class PairwiseDistance(Distance):
    """The p-norm of the differences along the last axis: `functional.pairwise_distance`."""

    _function = staticmethod(functional.pairwise_distance)
    p: float = 2.0
    eps: float = 1e-6
    keepdims: bool = False
