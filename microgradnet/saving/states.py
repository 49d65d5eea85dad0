"""What has a state that goes into a file and comes back: generators, and whatever has `state_dict`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..tree import children


def is_generator(x: Any) -> bool:
    """Whether `x` is a generator of random numbers, whose state is not a `state_dict`."""
    return isinstance(x, np.random.Generator)


def is_stateful(x: Any) -> bool:
    """Whether `x` can be put back in place: a Module, an optimiser, a schedule, a generator."""
    return is_generator(x) or (hasattr(x, "state_dict") and hasattr(x, "load_state_dict"))


def state_of(thing: Any) -> Any:
    """The state of a generator or of anything with `state_dict`, as `set_state` takes it."""
    return thing.bit_generator.state if is_generator(thing) else thing.state_dict()


def set_state(thing: Any, state: Any) -> None:
    """Put `thing` into a state that `state_of` gave."""
    if is_generator(thing):
        thing.bit_generator.state = state
    else:
        thing.load_state_dict(state)


def generators(node: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, np.random.Generator]]:
    """The np.random.Generators in a Module with their paths; one that stands in several places, in each of them."""
    seen = set() if seen is None else seen
    if is_generator(node):
        yield path, node
    elif id(node) not in seen:
        seen.add(id(node))
        for name, part in children(node):
            yield from generators(part, f"{path}.{name}" if path else name, seen)
