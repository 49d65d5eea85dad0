"""Activation functions as layers, for places that want a layer; anywhere else the functions themselves will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, dataclass_transform

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import choice, real
from ..core import Operand, Value
from ..words import printable
from .inputs import check_sizes, floating, wrong_shape
from .module import Module, WithoutParameters
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


class CELU(Activation):
    """x where positive, alpha · (exp(x / alpha) − 1) elsewhere."""

    _function = staticmethod(functional.celu)
    alpha: float = 1.0

    def check(self) -> None:
        if not self.alpha:
            raise ValueError("CELU(alpha=0): its lower half is alpha * (exp(x / alpha) - 1). Give another number")


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


class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    _function = staticmethod(functional.hardsigmoid)


class LogSigmoid(Activation):
    """log(sigmoid(x)), precise where the sigmoid is tiny."""

    _function = staticmethod(functional.logsigmoid)


class Softsign(Activation):
    """x / (1 + |x|), from −1 to 1."""

    _function = staticmethod(functional.softsign)


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


class Softmin(Activation):
    """softmax(−x) along `axis`."""

    _function = staticmethod(functional.softmin)
    axis: int = -1


class GLU(Activation):
    """The first half of x along `axis` times the sigmoid of the second."""

    _function = staticmethod(functional.glu)
    axis: int = -1


class PReLU(Module):
    """x where positive, `weight` · x elsewhere: a LeakyReLU whose slope is learned (He et al. 2015).

    x is (batch, channels, …) with as many channels as `num_parameters`, or anything where that is 1; the slopes start
    at `init`.

    >>> PReLU()([-2.0, 3.0])
    Value(data=[-0.5,  3. ], grad=None)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike = np.float32) -> None:
        check_sizes("PReLU", num_parameters=num_parameters)
        self.weight: Value = Value(np.full(num_parameters, real("init", init, call="PReLU"), dtype))

    def forward(self, x: Operand) -> Value:
        """x with its negative numbers times the slopes, in its shape. ValueError for another number of channels."""
        x = floating(self, x)
        try:
            out: Value = functional.prelu(x, self.weight)
        except ValueError as error:
            raise wrong_shape(self, x, f"it wants (batch, {self.weight.size}, …)") from error
        return out

    def __repr__(self) -> str:
        return f"PReLU({self.weight.size})" if self.weight.size > 1 else "PReLU()"
