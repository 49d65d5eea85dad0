"""A network that tells classes apart, as scikit-learn's classifiers do."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .base import Network  # isort: skip  (says what is lacking where scikit-learn is)

from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from .. import functional
from ..core import Array
from ..words import brief


class Classifier(ClassifierMixin, Network):  # type: ignore[misc]
    """A network that tells classes apart, as an estimator of scikit-learn: `Classifier(hidden=(64, 64)).fit(X, y)`.

    X is an array of numbers (n, columns) or a DataFrame, of which columns of words are categories and cells may be
    missing (see `Columns`); y holds the class of each example, numbers or words. It stands wherever scikit-learn takes
    a classifier: Pipeline, GridSearchCV, cross_val_score, clone, pickle.

    `model` is a Module, of which each fit trains a copy, or a function that makes one: it is called with the number of
    columns, where there are categories with how many values each of them has, and with the number of classes. The
    Module is called with numbers (n, columns) and, where there are any, categories (n, m); it returns logits
    (n, classes). Without a model it is an `MLP`, or a `Table`, with `hidden` layers and the `activation`, a function or
    the name of one, that computes in the dtype of X: float32, or else float64.

    `optimizer` is the name of one or what makes one, `optimizer(parameters, lr=lr)`. `loss`, `epochs`, `batch_size`,
    `validation`, `patience` and `progress` are those of `microgradnet.fit`; `random_state` is scikit-learn's. `scale`
    brings the columns to mean 0 and standard deviation 1. `class_weight` is a dict, class to how much its examples
    count, or "balanced": each class counts as much as the others.

    Afterwards `classes_` are the classes in order, `model_` is the network, `columns_` the `Columns`, `history_` what
    `fit` returned. `save` writes one file of all, `load` reads it.

    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model = Classifier(hidden=(8,), random_state=0).fit(X, ["low", "low", "high", "high"])
    >>> model.predict([[-1.5], [3.0]]).tolist()
    ['low', 'high']
    """

    default_loss = "cross_entropy"

    def __init__(
        self,
        model: Any = None,
        *,
        hidden: Any = (16, 16),
        activation: Any = "relu",
        loss: Any = None,
        optimizer: Any = "Adam",
        lr: float = 0.01,
        epochs: int = 100,
        batch_size: int = 256,
        validation: Any = None,
        patience: int | None = 10,
        class_weight: Any = None,
        scale: bool = True,
        random_state: Any = None,
        progress: bool = False,
    ) -> None:
        super().__init__(
            model, hidden=hidden, activation=activation, loss=loss, optimizer=optimizer, lr=lr, epochs=epochs,
            batch_size=batch_size, validation=validation, patience=patience, scale=scale, random_state=random_state,
            progress=progress,
        )  # fmt: skip
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train on, once through this part of the examples, of which none are held out; itself.

        The first call makes the network: it is told all `classes`, or they are those of this y. How columns are scaled,
        and which categories there are, is learned from the first part.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """The class of each example (n,), the one with the largest probability."""
        raw = self._raw(X)
        found: Array = self.classes_[raw.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class (n, classes), in the order of `classes_`: softmax of the logits."""
        return np.asarray(functional.softmax(self._raw(X), axis=1))

    def _targets(self, y: Any) -> Any:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        return y

    def _learn_targets(self, y: Any, weight: Array | None, classes: Any = None) -> None:
        self.classes_ = np.unique(y if classes is None else column_or_1d(classes))

    def _encoded(self, y: Any) -> Array:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y holds {brief(unknown.tolist())}; the classes are {brief(self.classes_.tolist())}. The first "
                f"partial_fit is told all of them, classes=…"
            )
        return np.asarray(np.searchsorted(self.classes_, y))

    def _example_weights(self, y: Any, weight: Array | None) -> Array | None:
        if self.class_weight is None:
            return weight
        here = np.unique(y)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            of_class = balanced(y, here, weight)
        else:
            of_class = compute_class_weight(self.class_weight, classes=here, y=y)
        of_each = of_class[np.searchsorted(here, y)]
        return np.asarray(of_each if weight is None else of_each * weight)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _learned(self) -> dict[str, Any]:
        return {"classes": self.classes_.tolist(), "dtype": self.classes_.dtype.str}

    def _relearn(self, learned: dict[str, Any]) -> None:
        self.classes_ = np.array(learned["classes"], dtype=learned["dtype"])


def balanced(y: Array, classes: Array, weight: Array | None) -> Array:
    """How much each example of a class counts, so that each class does as much as the others."""
    totals = np.bincount(np.searchsorted(classes, y), weight, len(classes))
    return np.where(totals > 0, totals.sum() / (len(classes) * np.maximum(totals, np.finfo(float).tiny)), 0.0)
