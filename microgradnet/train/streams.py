"""Sources that are no arrays: datasets, whose examples are asked for one by one, and whatever deals out batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..core import Array
from ..data import Batches, ImageFolder
from ..nn.init import Seed
from ..words import brief
from .arguments import examples, plain_weights, share
from .sources import Batch, Dealer, Rows, Share, Source, fingerprint, picked


def source_of(name: str, given: Any, size: int, seed: Seed, share_held_out: float | None = None) -> Source:
    """A source of what deals out examples or batches by itself. TypeError for what does not."""
    if isinstance(given, np.ndarray) or hasattr(given, "columns"):
        raise TypeError(f"{name} is an array or a table, and y is not given: fit(model, x, y, …)")
    if is_dataset(given):
        held_out = 0 if share_held_out is None else share(share_held_out, len(given))
        return Dataset(name, given, size, seed, held_out)
    if deals(given):
        if share_held_out is not None:
            raise ValueError(
                f"validation={share_held_out} of {name}, whose batches come as they are: give validation= batches too"
            )
        return Stream(name, given)
    raise TypeError(
        f"{name} is {brief(given)}, and y is not given: wanted are arrays x and y, a dataset (len(d), d[i]), or an "
        f"iterable of batches (x, y)"
    )


def deals(given: Any) -> bool:
    """Whether it deals out examples or batches by itself."""
    iterable = hasattr(given, "__iter__") and not isinstance(given, dict | str)
    return is_dataset(given) or iterable or (callable(given) and not isinstance(given, type))


def is_dataset(given: Any) -> bool:
    """Whether it has examples by their numbers, rather than batches one after the other."""
    has = hasattr(given, "__getitem__") and hasattr(given, "__len__")
    return has and not isinstance(given, list | tuple | dict | str)


def as_batch(name: str, given: Any, last: bool = False) -> Batch:
    """What was dealt out as a batch. TypeError for what is no (x, y)."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError(f"a batch of {name} is a pair (x, y), or (x, y, sample_weight); got {brief(given)}")
    x, y, *weight = given
    if isinstance(x, tuple | list) and all(hasattr(part, "shape") for part in x):
        x = tuple(map(np.asarray, x))
    x, y = examples(f"x in a batch of {name}", x, f"y in a batch of {name}", y)
    weighed = plain_weights(f"sample_weight in a batch of {name}", weight[0], len(y)) if weight else None
    return Batch(x, y, len(y), last, weighed)


def part_of(batch: Batch, rows: slice, own: int) -> Batch:
    """These rows of a batch."""
    weight = None if batch.weight is None else batch.weight[rows]
    return batch._replace(x=picked(batch.x, rows), y=batch.y[rows], weight=weight, own=own)


class Dataset(Rows):
    """Batches of a dataset: len(d) examples, each an d[i], which is a pair (x, y)."""

    def __init__(self, name: str, dataset: Any, size: int, seed: Seed, held_out: int = 0) -> None:
        if not len(dataset):
            raise ValueError(f"{name} is a dataset of no examples")
        super().__init__(len(dataset), size, seed, held_out)
        self.name: str = name
        self.dataset: Any = dataset

    def batch(self, rows: Array, last: bool = False) -> Batch:
        items = [self.dataset[int(i)] for i in rows]
        if not all(isinstance(item, tuple | list) and len(item) in (2, 3) for item in items):
            raise TypeError(
                f"an example of {self.name} is a pair (x, y), or (x, y, sample_weight); got {brief(items[0])}"
            )
        x, *rest = zip(*items, strict=True)
        several = isinstance(x[0], tuple | list) and all(hasattr(part, "shape") for part in x[0])
        together = tuple(map(stacked, zip(*x, strict=True))) if several else stacked(x)
        return as_batch(self.name, (together, *map(stacked, rest)), last)

    def kept_back(self) -> Dealer:
        return KeptBack(self)

    def fingerprint(self) -> dict[str, Any]:
        known = isinstance(self.dataset, ImageFolder)
        said = self.dataset.fingerprint() if known else f"of {len(self.dataset)} examples"
        return {self.name: f"{type(self.dataset).__name__} {said}"}


class KeptBack:
    """The examples that are held out of a dataset, some at a time: all of them may not fit into memory."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset: Dataset = dataset

    def batches(self, epoch: int, done: int) -> Iterator[Batch]:
        rows, size = self.dataset.split()[: self.dataset.held_out], max(self.dataset.size, 256)
        for start in range(0, len(rows), size):
            yield self.dataset.batch(rows[start : start + size])


def stacked(rows: Iterable[Any]) -> Array:
    """The inputs of some examples as one array."""
    return np.stack([np.asarray(row) for row in rows])


class Stream:
    """Batches as something deals them out: an iterable, or a function that begins an epoch and returns one.

    What has `state_dict` and `load_state_dict` says where it stands, and a training goes on from a file as if it had
    never stopped; `data.Batches` does. Anything else is begun anew and its first batches are passed over; whether these
    are the ones that were trained on nobody knows, and a warning says so.
    """

    HELD: tuple[str, ...] = ("at", "seen", "state")

    def __init__(self, name: str, given: Any) -> None:
        self.name: str = name
        self.given: Any = given
        self.once: bool = not callable(given) and iter(given) is given
        self.used: bool = False
        self.length: int | None = len(self.given) if hasattr(self.given, "__len__") else None
        self.steps: int | None = self.length  # or those of the epoch before
        self.says: bool = hasattr(given, "state_dict") and hasattr(given, "load_state_dict")
        self.at: int = 0  # how many batches of the epoch under way were dealt out
        self.seen: int = 0  # and how many examples
        self.share: Share = None
        self.before: Any = None  # where it stood before one more batch was asked for than was trained on

    @property
    def state(self) -> Any:
        """What it says of where it stands, for a file."""
        return self.given.state_dict() if self.says and self.before is None else self.before

    @state.setter
    def state(self, state: Any) -> None:
        self.before = state

    def begun(self) -> Iterator[Any]:
        """An epoch."""
        if self.once and self.used:
            raise ValueError(
                f"{self.name} can be gone through once, and there are more epochs: give what can be begun anew, such "
                f"as a list, or a function that returns an iterator"
            )
        self.used = True
        return iter(self.given() if callable(self.given) and not hasattr(self.given, "__iter__") else self.given)

    def batches(self, epoch: int, done: int) -> Iterator[Batch]:
        goes_on = not self.used and (done > 0 or epoch > 1)  # where a file says
        if goes_on and self.says:
            self.given.load_state_dict(self.before)
        dealt = self.begun()
        if goes_on and not self.says:
            warnings.warn(
                f"{self.name} cannot say where it stands: this epoch is begun anew, {done} batches are passed over. If "
                f"its order is random, the training is another than it would have been. What has state_dict() and "
                f"load_state_dict() can say so",
                stacklevel=5,
            )
            for _ in range(done):
                next(dealt, None)
        here = next(dealt, None)
        if here is None and goes_on and self.says:  # it stood at the end of an epoch
            dealt = self.begun()
            here = next(dealt, None)
        if here is None:
            raise ValueError(f"{self.name} dealt out no batch in epoch {epoch}")
        while here is not None:
            known = self.length is not None and self.at + 1 < self.length  # that there is one more, without asking
            self.before = self.given.state_dict() if self.says and not known else None
            following = next(dealt, None) if not known else here
            batch = as_batch(self.name, here, following is None)
            self.at, self.seen = self.at + 1, self.seen + batch.size
            if batch.last:
                self.steps, self.at, self.seen, self.before = self.at, 0, 0, None
            yield batch if self.share is None else part_of(batch, *self.share(batch.size))
            here = next(dealt, None) if known else following
            if known and here is None:
                raise ValueError(f"{self.name} dealt out {self.at} batches, and its length is {self.length}")

    def done(self, taken: int) -> int:
        return self.at

    def examples(self, done: int) -> int:
        return self.seen

    def fingerprint(self) -> dict[str, Any]:
        if isinstance(self.given, Batches):
            held = fingerprint((self.given.x, self.given.y))
            return {self.name: [*held, self.given.size, self.given.shuffle]}
        return {self.name: type(self.given).__name__}
