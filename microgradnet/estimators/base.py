"""What the estimators have in common: a network made for a table, trained by `fit`, asked by `predict`, saved."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_consistent_length, check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise ModuleNotFoundError(
        "the estimators are scikit-learn's, which they need in version 1.6 or later: pip install 'scikit-learn>=1.6'",
        name="sklearn",
    ) from None

from .. import checks, functional, optim
from ..core import Array
from ..nn.containers import MLP
from ..nn.init import shared
from ..nn.module import Module
from ..saving import load, save
from ..saving.formats import Path
from ..train import fit, predict
from ..train.arguments import weights
from ..words import brief
from .columns import Columns, is_frame
from .table import Table


class Network(BaseEstimator):  # type: ignore[misc]
    """What a Classifier and a Regressor have in common."""

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
        scale: bool = True,
        random_state: Any = None,
        progress: bool = False,
    ) -> None:
        self.model = model
        self.hidden = hidden
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation = validation
        self.patience = patience
        self.scale = scale
        self.random_state = random_state
        self.progress = progress

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # see Columns
        return tags

    # ------------------------------------------------------------------------------------------ of each its own

    default_loss = ""

    def _learn_targets(self, y: Any, weight: Array | None, classes: Any = None) -> None:
        """Learn what there is to know of the targets before training."""
        raise NotImplementedError

    def _targets(self, y: Any) -> Any:
        """The targets, checked, as scikit-learn hands them out."""
        raise NotImplementedError

    def _encoded(self, y: Any) -> Array:
        """The targets as the loss takes them."""
        raise NotImplementedError

    def _outputs(self) -> int:
        """How many numbers the network gives for an example."""
        raise NotImplementedError

    def _learned(self) -> dict[str, Any]:
        """What was learned of the targets, as plain data for a file."""
        raise NotImplementedError

    def _relearn(self, learned: dict[str, Any]) -> None:
        """Take up what `_learned` gave."""
        raise NotImplementedError

    def _example_weights(self, y: Any, weight: Array | None) -> Array | None:
        return weight

    # ------------------------------------------------------------------------------------------------- training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network on a table X (n, columns) with targets y (n,); itself.

        X is a DataFrame or an array. `sample_weight` (n,) says how much each example counts; one of weight 0 is left
        out. `history_` is then that of `microgradnet.fit`.
        """
        X, y, weight = self._examples(X, y, sample_weight, new=True)
        self._begin(X, y, weight)
        self.history_ = self._train(X, y, weight, self.epochs, self.validation, self.patience)
        return self

    def _examples(self, X: Any, y: Any, sample_weight: Any, new: bool) -> tuple[Any, Any, Array | None]:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        X, y = self._table(X, new), self._targets(y)
        check_consistent_length(X, y)
        return X, y, weights("sample_weight", sample_weight, len(y))

    def _table(self, X: Any, new: bool) -> Any:
        """A table, checked as scikit-learn does. It stays a DataFrame if the first one was not all of numbers."""
        if new:
            self._mixed = is_frame(X) and any(np.asarray(X[name]).dtype.kind not in "biuf" for name in X.columns)
        if self._mixed:
            validate_data(self, X, skip_check_array=True, reset=new)
            if not len(X):
                raise ValueError(f"Found array with 0 sample(s): the table has {len(X)} rows, at least 1 is wanted")
            return X
        try:
            return validate_data(self, X, reset=new, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        except ValueError as error:
            if "could not convert string" in str(error):
                error.args = (f"{error}. Words are categories in a DataFrame; in an array OrdinalEncoder counts them",)
            raise

    def _begin(self, X: Any, y: Any, weight: Array | None, classes: Any = None) -> None:
        """A new network for this table, and all that is known before it is trained."""
        self._learn_targets(y, weight, classes)
        checks.switch("scale", self.scale)
        self.columns_ = Columns(X, self._example_weights(y, weight), scale=self.scale)
        self._random = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        self.model_ = self._made(getattr(X, "dtype", np.float64))
        self._check_outputs(X)
        self.optimizer_ = self._optimizer()(self.model_.parameters(), lr=self.lr)

    def _made(self, dtype: Any) -> Module:
        """The network with its first weights."""
        sizes, outputs = self.columns_.sizes, self._outputs()
        if isinstance(self.model, Module):
            return copy.deepcopy(self.model)
        with drawing_from(self._random):
            if self.model is not None:
                found = checks.function(
                    "model", self.model, more=f", or a Module: it is called with {(*sizes, outputs)}"
                )
                made = found(*sizes, outputs)
            else:
                listed = isinstance(self.hidden, (list, tuple, np.ndarray))
                hidden = [*self.hidden] if listed else [self.hidden]
                if not all(map(checks.is_whole, hidden)):
                    wanted = "the width of each hidden layer, whole numbers of at least 1"
                    raise ValueError(checks.refusal("hidden", self.hidden, wanted, more=", such as (16, 16)"))
                kind: Any = MLP if len(sizes) == 1 else Table
                made = kind(*sizes, [*hidden, outputs], self._activation(), dtype=dtype)
            if not isinstance(made, Module):
                raise TypeError(f"model={brief(self.model)} gave {brief(made)}: it is to make a Module")
            return copy.deepcopy(made)  # with generators of its own

    def _activation(self) -> Any:
        if not isinstance(self.activation, str):
            return self.activation
        found = getattr(functional, self.activation, None) if self.activation in functional.__all__ else None
        if found is None:
            raise ValueError(
                f"activation={self.activation!r}: functional has none of this name, such as 'relu', 'tanh'"
            )
        return found

    def _optimizer(self) -> Callable[..., Any]:
        if isinstance(self.optimizer, str):
            kinds = [name for name in optim.__all__ if is_optimizer(getattr(optim, name))]
            return getattr(optim, checks.choice("optimizer", self.optimizer, kinds))  # type: ignore[no-any-return]
        if not callable(self.optimizer):
            raise TypeError(
                f"optimizer={brief(self.optimizer)}: it is a name, such as 'Adam', or a class or function to be called "
                f"with parameters and lr=…"
            )
        return self.optimizer  # type: ignore[no-any-return]

    def _inputs(self, X: Any) -> tuple[Array, ...]:
        """A table as the network is called with it."""
        found = self.columns_(X)
        numbers, *categories = found if isinstance(found, tuple) else (found,)
        dtypes = [p.dtype for p in self.model_.parameters()]
        return (numbers.astype(dtypes[0] if dtypes else np.float64, copy=False), *categories)

    def _check_outputs(self, X: Any) -> None:
        shape = np.shape(predict(self.model_, self._inputs(X[:2])))
        wanted = (len(X[:2]), self._outputs())
        if shape != wanted:
            raise ValueError(
                f"model gave shape {shape} for {wanted[0]} examples; wanted {wanted}, {wanted[1]} for each of them"
            )

    def _train(
        self, X: Any, y: Any, weight: Array | None, epochs: int, validation: Any = None, patience: int | None = None
    ) -> dict[str, Any]:
        inputs, targets, weight = self._inputs(X), self._encoded(y), self._example_weights(y, weight)
        if weight is not None:
            seen = weight > 0
            inputs, targets, weight = tuple(part[seen] for part in inputs), targets[seen], weight[seen]
        return fit(
            self.model_, inputs, targets, loss=self.loss or self.default_loss, optimizer=self.optimizer_,
            epochs=epochs, batch_size=self.batch_size, validation=validation, patience=patience,
            sample_weight=weight, seed=int(self._random.integers(2**31)), progress=self.progress,
        )  # fmt: skip

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        new = not hasattr(self, "model_")
        X, y, weight = self._examples(X, y, sample_weight, new)
        if new:
            self._begin(X, y, weight, classes)
            self.history_ = {}
        for name, column in self._train(X, y, weight, 1).items():
            self.history_[name] = self.history_.get(name, []) + column if isinstance(column, list) else column
        self.history_["epoch"] = [*range(1, len(self.history_["cost"]) + 1)]
        return self

    def _raw(self, X: Any) -> Array:
        """What the network gives for a table (n, outputs)."""
        check_is_fitted(self)
        found: Array = predict(self.model_, self._inputs(self._table(X, new=False)))
        return found

    # --------------------------------------------------------------------------------------------------- files

    def save(self, path: Path) -> None:
        """Write what was learned to one file of `microgradnet.save`: weights, numbers of the columns, targets.

        Parameters that are functions, Modules or classes are not in it: `load` is given them again. Nor is the state
        of the optimiser: a `partial_fit` after `load` begins with a new one.
        """
        check_is_fitted(self)
        params = self.get_params(deep=False)
        kept = {name: as_plain(x) for name, x in params.items() if is_plain(x)}
        dtype = self.model_.parameters()[0].dtype  # without one there was nothing to train
        save(path, self.model_, estimator={
            "kind": type(self).__name__, "params": kept, "not_kept": [*(params.keys() - kept.keys())],
            "mixed": self._mixed, "columns": self.columns_.state_dict(), "targets": self._learned(),
            "features": self.n_features_in_, "names": [*getattr(self, "feature_names_in_", [])], "dtype": dtype.str,
            "history": self.history_,
        })  # fmt: skip

    @classmethod
    def load(cls, path: Path, **params: Any) -> Self:
        """The estimator that `save` wrote: it predicts the same bits.

        Parameters that no file holds, such as a `model` of yours, are given by name. ValueError for a file that is of
        no such estimator, or where one of them is lacking.
        """
        found = load(path)
        held = found.get("estimator")
        if not isinstance(held, dict) or "kind" not in held:
            raise ValueError(f"{path} is not of an estimator's save()")
        if held["kind"] != cls.__name__:
            raise ValueError(f"{path} is of a {held['kind']}: {held['kind']}.load(path)")
        lacking = [name for name in held["not_kept"] if name not in params]
        if lacking:
            raise ValueError(
                f"{path} was saved with {' and '.join(sorted(lacking))} of the program's own, which no file holds: "
                f"give it, load(path, {lacking[0]}=…)"
            )
        new = cls(**held["params"] | params)
        new._mixed = held["mixed"]
        new.columns_ = Columns().load_state_dict(held["columns"])
        new.n_features_in_ = held["features"]
        if held["names"]:
            new.feature_names_in_ = np.array(held["names"], dtype=object)
        new._relearn(held["targets"])
        new._random = np.random.default_rng(check_random_state(new.random_state).randint(2**31))
        new.model_ = new._made(held["dtype"])
        new.model_.load_state_dict(found["model"])
        new.optimizer_ = new._optimizer()(new.model_.parameters(), lr=new.lr)
        new.history_ = held["history"]
        return new


@contextmanager
def drawing_from(rng: np.random.Generator) -> Iterator[None]:
    """A `with` block in which the layers without a seed draw from this generator."""
    common = shared()
    before = common.bit_generator.state
    common.bit_generator.state = rng.bit_generator.state
    try:
        yield
        rng.bit_generator.state = common.bit_generator.state
    finally:
        common.bit_generator.state = before


def is_optimizer(x: Any) -> bool:
    """Whether `x` is a class of optimisers that step by a gradient; LBFGS computes costs by itself."""
    return isinstance(x, type) and issubclass(x, optim.Optimizer) and x not in (optim.Optimizer, optim.LBFGS)


def is_plain(x: Any) -> bool:
    """Whether a parameter is plain data, which a file holds."""
    if isinstance(x, tuple | list):
        return all(map(is_plain, x))
    if isinstance(x, dict):
        return all(is_plain(key) and is_plain(part) for key, part in x.items())
    return x is None or isinstance(x, bool | int | float | str | np.number | np.bool_)


def as_plain(x: Any) -> Any:
    """Plain data as Python's own: the names of classes, taken from an array, are strings of NumPy."""
    if isinstance(x, tuple | list):
        return type(x)(map(as_plain, x))
    if isinstance(x, dict):
        return {as_plain(key): as_plain(part) for key, part in x.items()}
    return x.item() if isinstance(x, np.generic) else x
