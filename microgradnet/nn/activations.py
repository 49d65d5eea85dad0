"""Activation functions as layers, for places that want a layer; anywhere else the functions themselves will do."""

from __future__ import annotations

from typing import Any, dataclass_transform

from .. import functional
from ..checks import choice
from ..core import Operand
from ..words import printable
from .inputs import floating
from .module import WithoutParameters
from .options import FunctionLayer


@dataclass_transform(eq_default=False)
class Activation(FunctionLayer, WithoutParameters):
    """A function of one argument as a layer. Its attributes are the options that the function is called with.

    >>> LeakyReLU(0.1)([-2.0, 3.0])
    array([-0.2,  3. ])
    """

    def forward(self, x: Operand) -> Any:
        return self._function(floating(self, x), **self.options())

    def __repr__(self) -> str:
        shown = [
            f"{x}" if name in ("negative_slope", "alpha") else f"{name}={x!r}" for name, x in self.options().items()
        ]
        return printable(f"{type(self).__name__}({', '.join(shown)})")


class Identity(Activation):
    """x itself: for a place that may hold a layer."""

    def forward(self, x: Any) -> Any:
        return x


class ReLU(Activation):
    """max(x, 0); slope 0 at 0."""

    _function = staticmethod(functional.relu)


class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    _function = staticmethod(functional.relu6)


class LeakyReLU(Activation):
    """x where positive, negative_slope · x elsewhere."""

    _function = staticmethod(functional.leaky_relu)
    negative_slope: float = 0.01


class ELU(Activation):
    """x where positive, alpha · (exp(x) − 1) elsewhere."""

    _function = staticmethod(functional.elu)
    alpha: float = 1.0


class SELU(Activation):
    """ELU with the two constants that keep mean 0 and variance 1 through the layers."""

    _function = staticmethod(functional.selu)


class GELU(Activation):
    """x · Φ(x), Φ being the distribution function of the normal distribution; `approximate="tanh"` for its formula."""

    _function = staticmethod(functional.gelu)
    approximate: str = "none"

    def check(self) -> None:
        choice("approximate", self.approximate, ("none", "tanh"), call="GELU")


class SiLU(Activation):
    """x · sigmoid(x), also called swish."""

    _function = staticmethod(functional.silu)


class Mish(Activation):
    """x · tanh(softplus(x))."""

    _function = staticmethod(functional.mish)


class Softplus(Activation):
    """log(1 + exp(beta · x)) / beta."""

    _function = staticmethod(functional.softplus)
    beta: float = 1.0


class Sigmoid(Activation):
    """1 / (1 + exp(−x))."""

    _function = staticmethod(functional.sigmoid)


class Tanh(Activation):
    """The hyperbolic tangent, between −1 and 1."""

    _function = staticmethod(functional.tanh)


class Hardtanh(Activation):
    """x limited to [min_val, max_val]."""

    _function = staticmethod(functional.hardtanh)
    min_val: float = -1.0
    max_val: float = 1.0


class Hardswish(Activation):
    """x · relu6(x + 3) / 6."""

    _function = staticmethod(functional.hardswish)


class Step(Activation):
    """1 where x is positive, else 0; nothing flows back: the neuron that fires or does not."""

    _function = staticmethod(functional.step)


class Softmax(Activation):
    """exp(x) / sum(exp(x)) along `axis`."""

    _function = staticmethod(functional.softmax)
    axis: int = -1


class LogSoftmax(Activation):
    """log(softmax(x)) along `axis`, precise where the softmax is tiny."""

    _function = staticmethod(functional.log_softmax)
    axis: int = -1
