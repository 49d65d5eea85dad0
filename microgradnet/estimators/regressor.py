"""A network that gives numbers, as scikit-learn's regressors do."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .base import Network  # isort: skip  (says what is lacking where scikit-learn is)

from sklearn.base import RegressorMixin
from sklearn.utils import check_array

from ..core import Array
from .columns import Columns


class Regressor(RegressorMixin, Network):  # type: ignore[misc]
    """A network that gives numbers, as an estimator of scikit-learn: `Regressor(hidden=(64, 64)).fit(X, y)`.

    y is (n,) or, for several numbers an example, (n, outputs). Everything else is as for a `Classifier`: the table X,
    `model`, which returns (n, outputs) and is told how many, and the other parameters. With `scale`, the network learns
    targets brought to mean 0 and standard deviation 1, and what it predicts is brought back.

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = Regressor(hidden=(16,), random_state=0).fit(X, 100 + 50 * X[:, 0])
    >>> bool(abs(model.predict([[0.5]])[0] - 125) < 5)
    True
    """

    default_loss = "mse"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on, once through this part of the examples, of which none are held out; itself.

        How columns and targets are scaled, and which categories there are, is learned from the first part.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """What is expected of each example, (n,) or (n, outputs), as y was."""
        raw = self._raw(X)
        found: Array = raw * self.targets_.scale.astype(raw.dtype) + self.targets_.mean.astype(raw.dtype)
        return found if self._wide else np.asarray(found[:, 0])

    def _targets(self, y: Any) -> Any:
        return check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")

    def _learn_targets(self, y: Any, weight: Array | None, classes: Any = None) -> None:
        self._wide = y.ndim > 1
        self.targets_ = Columns(y.reshape((len(y), -1)), weight, scale=self.scale)

    def _encoded(self, y: Any) -> Array:
        found: Array = self.targets_(y.reshape((len(y), -1)))
        dtypes = [p.dtype for p in self.model_.parameters()]
        return found.astype(dtypes[0] if dtypes else np.float64, copy=False)

    def _outputs(self) -> int:
        return len(self.targets_.mean)

    def _learned(self) -> dict[str, Any]:
        return {"wide": self._wide, "scaling": self.targets_.state_dict()}

    def _relearn(self, learned: dict[str, Any]) -> None:
        self._wide = learned["wide"]
        self.targets_ = Columns().load_state_dict(learned["scaling"])
