"""The losses of `functional` as layers, for those who know PyTorch's: `CrossEntropyLoss(label_smoothing=0.1)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .. import functional
from ..core import Operand
from .module import Module


class Loss(Module):
    """A loss with its options: they are attributes, an array among them is a buffer.

    >>> CrossEntropyLoss(label_smoothing=0.1)
    CrossEntropyLoss(label_smoothing=0.1)
    >>> MSELoss(reduction="sum")([1.0, 2.0], [0.0, 0.0])
    np.float64(5.0)
    """

    function: ClassVar[Callable[..., Any]]

    def __init__(self, **options: Any) -> None:
        known = self.defaults()
        for name in options:
            if name not in known:
                raise TypeError(f"{type(self).__name__} has no option {name!r}; it has {', '.join(known)}")
        for name, default in known.items():
            setattr(self, name, options.get(name, default))

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The options of the function, which are its keyword-only arguments."""
        found: dict[str, Any] = cls.function.__kwdefaults__ or {}
        return found

    def forward(self, input: Operand, target: Operand) -> Any:
        return self.function(input, target, **{name: getattr(self, name) for name in self.defaults()})

    def __repr__(self) -> str:
        given = [(name, getattr(self, name)) for name in self.defaults()]
        options = [f"{name}={x!r}" for name, x in given if x is not self.defaults()[name]]
        return f"{type(self).__name__}({', '.join(options)})"


class MSELoss(Loss):
    """`functional.mse_loss` as a layer."""

    function = staticmethod(functional.mse_loss)


class L1Loss(Loss):
    """`functional.l1_loss` as a layer."""

    function = staticmethod(functional.l1_loss)


class HuberLoss(Loss):
    """`functional.huber_loss` as a layer."""

    function = staticmethod(functional.huber_loss)


class SmoothL1Loss(Loss):
    """`functional.smooth_l1_loss` as a layer."""

    function = staticmethod(functional.smooth_l1_loss)


class CrossEntropyLoss(Loss):
    """`functional.cross_entropy` as a layer."""

    function = staticmethod(functional.cross_entropy)


class NLLLoss(Loss):
    """`functional.nll_loss` as a layer."""

    function = staticmethod(functional.nll_loss)


class MultiMarginLoss(Loss):
    """`functional.multi_margin_loss` as a layer."""

    function = staticmethod(functional.multi_margin_loss)


class BCEWithLogitsLoss(Loss):
    """`functional.binary_cross_entropy_with_logits` as a layer."""

    function = staticmethod(functional.binary_cross_entropy_with_logits)


class BCELoss(Loss):
    """`functional.binary_cross_entropy` as a layer."""

    function = staticmethod(functional.binary_cross_entropy)


class KLDivLoss(Loss):
    """`functional.kl_div` as a layer."""

    function = staticmethod(functional.kl_div)


class HingeLoss(Loss):
    """`functional.hinge_loss` as a layer."""

    function = staticmethod(functional.hinge_loss)


class HingeEmbeddingLoss(Loss):
    """`functional.hinge_embedding_loss` as a layer."""

    function = staticmethod(functional.hinge_embedding_loss)
