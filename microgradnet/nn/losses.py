"""The losses of `functional` as layers, for those who know PyTorch's: `CrossEntropyLoss(label_smoothing=0.1)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform, overload

from .. import functional
from ..checks import choice
from ..core import Array, Either, Numbers, Operand, Value
from ..words import printable
from .options import FunctionLayer


@dataclass_transform(eq_default=False, kw_only_default=True)
class Loss(FunctionLayer):
    """A loss with its options, which go by name: they are attributes, an array among them is a buffer.

    >>> CrossEntropyLoss(label_smoothing=0.1)
    CrossEntropyLoss(label_smoothing=0.1)
    >>> MSELoss(reduction="sum")([1.0, 2.0], [0.0, 0.0])
    np.float64(5.0)
    """

    by_name = True
    reductions: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")

    if TYPE_CHECKING:

        @overload
        def __call__(self, input: Numbers, target: Numbers) -> Array: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, input: Either, target: Either) -> Value: ...
        def __call__(self, input: Any, target: Any) -> Any: ...

    def forward(self, input: Operand, target: Operand) -> Any:
        return self._function(input, target, **self.options())

    def check(self) -> None:
        options = self.options()
        if "reduction" in options:
            choice("reduction", options["reduction"], self.reductions, call=type(self).__name__)

    def __repr__(self) -> str:
        changed = [f"{name}={x!r}" for name, x in self.options().items() if not same(x, self.known[name])]
        return printable(f"{type(self).__name__}({', '.join(changed)})")


def same(x: Any, default: Any) -> bool:
    """Whether an option is its default; an array is not."""
    return x is default or (type(x) is type(default) and bool(x == default))


class MSELoss(Loss):
    """The mean of (input − target)²: `functional.mse_loss`."""

    _function = staticmethod(functional.mse_loss)
    reduction: str = "mean"


class L1Loss(Loss):
    """The mean of |input − target|: `functional.l1_loss`."""

    _function = staticmethod(functional.l1_loss)
    reduction: str = "mean"


class HuberLoss(Loss):
    """A square for errors up to `delta`, with straight arms: `functional.huber_loss`."""

    _function = staticmethod(functional.huber_loss)
    reduction: str = "mean"
    delta: float = 1.0


class SmoothL1Loss(Loss):
    """|input − target|, rounded off to a square up to `beta`: `functional.smooth_l1_loss`."""

    _function = staticmethod(functional.smooth_l1_loss)
    reduction: str = "mean"
    beta: float = 1.0


class CrossEntropyLoss(Loss):
    """Of logits (…, classes) and labels (…,), or probabilities of the classes: `functional.cross_entropy`."""

    _function = staticmethod(functional.cross_entropy)
    weight: Either | None = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float = 0.0


class NLLLoss(Loss):
    """Of logarithms of probabilities (…, classes) and labels (…,): `functional.nll_loss`."""

    _function = staticmethod(functional.nll_loss)
    weight: Either | None = None
    ignore_index: int = -100
    reduction: str = "mean"


class MultiMarginLoss(Loss):
    """The hinge loss of scores (…, classes) and labels (…,): `functional.multi_margin_loss`."""

    _function = staticmethod(functional.multi_margin_loss)
    p: int = 1
    margin: float = 1.0
    weight: Either | None = None
    reduction: str = "mean"


class BCEWithLogitsLoss(Loss):
    """Of logits of any size and targets from 0 to 1: `functional.binary_cross_entropy_with_logits`."""

    _function = staticmethod(functional.binary_cross_entropy_with_logits)
    weight: Either | None = None
    reduction: str = "mean"
    pos_weight: Either | None = None


class BCELoss(Loss):
    """Of probabilities and targets from 0 to 1: `functional.binary_cross_entropy`."""

    _function = staticmethod(functional.binary_cross_entropy)
    weight: Either | None = None
    reduction: str = "mean"


class KLDivLoss(Loss):
    """What it costs to take one distribution for another, given as logarithms: `functional.kl_div`."""

    _function = staticmethod(functional.kl_div)
    reductions = ("mean", "batchmean", "sum", "none")
    reduction: str = "mean"
    log_target: bool = False


class HingeLoss(Loss):
    """How far scores are from the right side of `margin`, for labels ±1: `functional.hinge_loss`."""

    _function = staticmethod(functional.hinge_loss)
    margin: float = 1.0
    reduction: str = "mean"


class HingeEmbeddingLoss(Loss):
    """Of distances, 0 where the label is 1, from `margin` on where it is −1: `functional.hinge_embedding_loss`."""

    _function = staticmethod(functional.hinge_embedding_loss)
    margin: float = 1.0
    reduction: str = "mean"


class SoftMarginLoss(Loss):
    """log(1 + exp(−target · input)) of scores and labels ±1: `functional.soft_margin_loss`."""

    _function = staticmethod(functional.soft_margin_loss)
    reduction: str = "mean"


class PoissonNLLLoss(Loss):
    """Of logarithms of rates and the counts that were seen: `functional.poisson_nll_loss`."""

    _function = staticmethod(functional.poisson_nll_loss)
    log_input: bool = True
    full: bool = False
    eps: float = 1e-8
    reduction: str = "mean"


class LossOfThree(Loss):
    """A loss of three arrays: of two and what is to be of them, or of an anchor and two others."""

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def __call__(self, x: Numbers, y: Numbers, z: Numbers, /) -> Array: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, x: Either, y: Either, z: Either, /) -> Value: ...
        def __call__(self, x: Any, y: Any, z: Any, /) -> Any: ...

    def forward(self, x: Operand, y: Operand, z: Operand) -> Any:  # type: ignore[override]
        return self._function(x, y, z, **self.options())


class GaussianNLLLoss(LossOfThree):
    """Of means, targets and variances: `functional.gaussian_nll_loss`."""

    _function = staticmethod(functional.gaussian_nll_loss)
    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"


class CosineEmbeddingLoss(LossOfThree):
    """Of vectors, other vectors and labels, 1 where they are to be alike: `functional.cosine_embedding_loss`."""

    _function = staticmethod(functional.cosine_embedding_loss)
    margin: float = 0.0
    reduction: str = "mean"


class MarginRankingLoss(LossOfThree):
    """Of scores, other scores and labels, 1 where the first are to be larger: `functional.margin_ranking_loss`."""

    _function = staticmethod(functional.margin_ranking_loss)
    margin: float = 0.0
    reduction: str = "mean"


class TripletMarginLoss(LossOfThree):
    """Of anchors, what is like them and what is not: `functional.triplet_margin_loss`."""

    _function = staticmethod(functional.triplet_margin_loss)
    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    reduction: str = "mean"
