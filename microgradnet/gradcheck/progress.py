"""A progress bar for what takes long."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any


def tracked(items: Sequence[Any], progress: bool | None) -> Iterator[Any]:
    """The items; with a progress bar on the terminal, from two seconds on if `progress` is None.

    Without tqdm there is none.
    """
    bar: Any = None
    began, wait = time.monotonic(), 2.0 if progress is None else 0.0 if progress else math.inf
    for i, item in enumerate(items):
        if bar is None and time.monotonic() - began >= wait:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                wait = math.inf
            else:
                bar = tqdm(total=len(items), initial=i, desc="gradients", unit="element", leave=False)
        yield item
        if bar is not None:
            bar.update()
    if bar is not None:
        bar.close()
