"""Garbage collection out of the way."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A block without garbage collection: what goes in it goes by reference counting, or by a `gc.collect()` inside.

    That looks at what came to be in the block and at nothing else, so it is quick however much there is in all.
    """
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@contextlib.contextmanager
def nothing_left_over() -> Iterator[None]:
    """A block in which nothing comes to be that waits for a collection."""
    with uncollected():
        yield
        assert gc.collect() == 0
