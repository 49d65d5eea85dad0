"""The part of data that is this rank's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import Value
from ..data import Batches
from ..words import brief
from .start import digest
from .worlds import World, opened


def shard(data: Any) -> Any:
    """The part of `data` that is this rank's: one stretch of examples for each rank, as even as can be.

    Of an array (n, …), or a tuple, list or dict of such, the rows; of `data.batches` batches one after the other, of
    each its part; of a dataset (len(d), d[i]), such as `data.image_folder`, a dataset of this rank's examples, of which
    no others are read. In a world of one it is all of it.

    ValueError where a rank would have nothing: for fewer examples than ranks, in the last batch too. RuntimeError
    without an open world.

    >>> from microgradnet import parallel
    >>> with parallel.world():
    ...     parallel.shard((np.arange(3), np.ones((3, 2))))[0]
    array([0, 1, 2])
    """
    world = opened("parallel.shard")
    if isinstance(data, Value):
        raise TypeError("data is a Value; the examples are plain arrays, data.data")
    if isinstance(data, Batches):
        last = len(data.x) % data.size or data.size
        enough(f"the last of these batches of {data.size}", min(last, len(data.x)), world)
        return BatchParts(data, world)
    if isinstance(data, dict):
        rows = cut(list(data.values()), world)
        return dict(zip(data, rows, strict=True))
    if isinstance(data, tuple | list) and data and all(hasattr(x, "shape") for x in data):
        return type(data)(cut(list(data), world))
    if isinstance(data, np.ndarray):
        return cut([data], world)[0]
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, str):
        enough("this dataset", len(data), world)
        return DatasetPart(data, world.part(len(data)))
    raise TypeError(
        f"shard takes arrays, tuples or dicts of them, data.batches, or a dataset (len(d), d[i]); got {brief(data)}"
    )


def cut(arrays: list[Any], world: World) -> list[Any]:
    """This rank's rows of each array. ValueError unless each has a row for each of the same examples."""
    shapes = [np.shape(x) for x in arrays]
    if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
        raise ValueError(f"shard wants arrays with a row for each of the same examples; got shapes {shapes}")
    n = shapes[0][0]
    enough(f"these arrays of shape {', '.join(map(str, shapes))}", n, world)
    return [x[world.part(n)] for x in arrays]


def enough(what: str, n: int, world: World) -> None:
    """ValueError if there are fewer examples than ranks."""
    if n < world.size:
        examples, ranks = (f"{k} {word}{'s' * (k != 1)}" for k, word in ((n, "example"), (world.size, "rank")))
        raise ValueError(
            f"shard: {what} has {examples} for {ranks}, and a rank would have none. Leave it out, or take batches of "
            f"another size; fit(…, parallel=world) takes any last batch"
        )


class BatchParts:
    """Of each batch this rank's part."""

    def __init__(self, batches: Batches, world: World) -> None:
        self.batches: Batches = batches
        self.world: World = world

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for i, (x, y) in enumerate(self.batches):
            if i == 0:
                self.world.agree("the first of these batches (one seed gives one order)", digest([x, y]))
            mine = self.world.part(len(x))
            yield x[mine], y[mine]


class DatasetPart:
    """A dataset of some of the examples of another."""

    def __init__(self, dataset: Any, rows: slice) -> None:
        self.dataset: Any = dataset
        self.rows: range = range(rows.start, rows.stop)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Any:
        return self.dataset[self.rows[i]]
