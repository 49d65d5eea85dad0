"""Examples are the rows of arrays: in which order they come, in which batch, on which side of a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..checks import is_fraction, is_whole, unmasked, whole
from ..core import Array
from ..nn.init import Seed, generator
from ..words import answering


def order(n: int, seed: Seed = None) -> Array:
    """The numbers 0 to n − 1 in random order (int64): the order in which `batches` deals out n examples.

    It is one permutation drawn from `seed`, an int or a np.random.Generator, and nothing else is drawn: with the state
    that a generator had before an epoch, the epoch's order can be had again, and continued after any batch.

    >>> steps = batches(np.arange(5), np.arange(5), 2, seed=1)
    >>> order(5, seed=1).tolist() == [i for _, labels in steps for i in labels]
    True
    """
    return generator(seed).permutation(whole("n", n, 0, of="examples"))


class Batches:
    """Examples dealt out in batches: `len(steps)` batches of (x, y), in each `for x, y in steps`. See `batches`."""

    def __init__(self, x: Array, y: Array, size: int, seed: Seed, shuffle: bool) -> None:
        self.x: Array = x
        self.y: Array = y
        self.size: int = size
        self.seed: Seed = seed
        self.shuffle: bool = shuffle
        self.dealt: int = 0  # batches of the latest loop
        self.began: Mapping[str, Any] = {}  # the state of the generator before it
        self.done: int = 0  # batches that the next loop leaves out

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        n, rng = len(self.x), generator(self.seed)
        self.dealt, self.done = self.done, 0
        now = rng.bit_generator.state
        if self.dealt:  # the order is that of a loop that was begun before
            rng.bit_generator.state = self.began
        else:
            self.began = now
        picks = order(n, rng) if self.shuffle else np.arange(n)  # drawn here, not at the first batch
        if self.dealt:
            rng.bit_generator.state = now
        return self._deal(picks, self.dealt)

    def _deal(self, picks: Array, done: int) -> Iterator[tuple[Any, Any]]:
        for dealt in range(done, len(self)):
            self.dealt = (dealt + 1) % len(self)
            pick = picks[dealt * self.size :][: self.size]
            yield self.x.take(pick, axis=0), self.y.take(pick, axis=0)  # in half the time of x[pick]

    def state_dict(self) -> dict[str, Any]:
        """Where the latest loop stands: how many batches it has dealt out, and what brings up its order again."""
        return {"dealt": self.dealt, "began": self.began, "now": generator(self.seed).bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next loop go on where the one stood that `state_dict` told of."""
        self.done, self.began = state["dealt"], state["began"]
        if self.shuffle and not isinstance(self.seed, int | np.integer):
            generator(self.seed).bit_generator.state = state["now"]


@answering
def batches(x: Array, y: Array, size: int, seed: Seed = None, shuffle: bool = True) -> Batches:
    """Each example once, in random order, `size` at a time as (x, y); the last batch may be smaller.

    Loop over it; `len()` is the number of batches. `seed` is an int or a np.random.Generator; without one, the order
    comes from the generator that all layers share. **With an int, every loop over the same object has the same order;
    a generator draws each loop a new one.** So give a generator, or write `batches(…, seed=epoch)` anew in each epoch.

    >>> steps = batches(np.arange(5), np.arange(5), 2, shuffle=False)
    >>> len(steps), [labels.tolist() for _, labels in steps]
    (3, [[0, 1], [2, 3], [4]])
    """
    x, y = np.asarray(unmasked("x", x)), np.asarray(unmasked("y", y))
    if not x.ndim or not y.ndim:
        raise ValueError(f"batches wants two arrays with a row for each example; got shapes {x.shape} and {y.shape}")
    if len(x) != len(y):
        raise ValueError(f"{len(x)} inputs but {len(y)} targets: each example has one of each")
    size = whole("size", size, of="examples", what="a batch")
    generator(seed)  # refuses what is no seed here rather than in the loop
    return Batches(x, y, size, seed, shuffle)


@answering
def split(*arrays: Array, held_out: float = 0.2, seed: Seed = 0, stratify: Array | None = None) -> tuple[Array, ...]:
    """Two parts of each array, to learn from and held out, in scikit-learn's order: (x_train, x_test, y_train, y_test).

    Any number of arrays that have a row for each example. Each example goes to one part, whole, at random; the parts
    are copies. `held_out` is a fraction, rounded to whole examples, or an int, how many. With `stratify=labels` (n,),
    each class is held out in its share, to within one example. The same seed gives the same parts.

    Raises ValueError for arrays of unequal length and where a part would be empty.

    >>> x_train, x_test, y_train, y_test = split(np.arange(12).reshape(6, 2), np.arange(6), held_out=2)
    >>> x_train.shape, y_test.shape, (x_test[:, 0] == 2 * y_test).all()
    ((4, 2), (2,), np.True_)
    """
    arrays = tuple(np.asarray(unmasked(f"array {i}", array)) for i, array in enumerate(arrays))
    shapes = [array.shape for array in arrays]
    if not arrays or () in shapes or len({shape[0] for shape in shapes}) > 1:
        raise ValueError(f"split wants arrays with a row for each of the same examples; got shapes {shapes}")
    n = len(arrays[0])
    test = held_out if is_whole(held_out) else round(n * held_out) if is_fraction(held_out) else 0
    if not 0 < test < n:
        raise ValueError(
            f"held_out={held_out!r} of {n} examples: it is a fraction between 0 and 1, or a whole number of examples, "
            f"and leaves at least one in each part"
        )
    labels = None if stratify is None else np.asarray(unmasked("stratify", stratify))
    if labels is not None and labels.shape != (n,):
        raise ValueError(f"stratify has shape {labels.shape}; wanted the label of each of the {n} examples, ({n},)")
    test = int(test)
    picks = order(n, seed)
    if labels is not None:
        first = in_share(labels[picks], test)
        picks = np.concatenate([picks[first], picks[~first]])
    return tuple(part for array in arrays for part in (array[picks[test:]], array[picks[:test]]))


def in_share(labels: Array, total: int) -> Array:
    """Which `total` examples to take (n, bool), so that each class gives its share: the first ones of each class.

    A share that is no whole number is rounded down, and the examples still wanted come from the largest remainders.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    take, remainders = np.divmod(total * counts, len(labels))
    take[np.argsort(-remainders, kind="stable")[: total - take.sum()]] += 1
    by_class = np.argsort(classes, kind="stable")
    place = np.empty(len(labels), np.int64)  # of each example in its class
    place[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(place < take[classes])


@answering
def one_hot(labels: Array, classes: int = 10) -> Array:
    """The desired outputs: 0 everywhere, 1 for the right class. Labels (n,) give (n, classes) in float32.

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(unmasked("labels", labels))
    if labels.dtype.kind not in "iu":
        number = "labels.astype(int)" if labels.dtype.kind in "fb" else "np.unique(labels, return_inverse=True)[1]"
        raise TypeError(f"labels are integers; got dtype {labels.dtype}: {number} makes them so")
    classes = whole("classes", classes, more=", such as labels.max() + 1")
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"labels from {labels.min()} to {labels.max()}, but the classes are 0 to {classes - 1}")
    return np.asarray(np.eye(classes, dtype=np.float32)[labels])
