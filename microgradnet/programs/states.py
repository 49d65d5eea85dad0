"""How far generators and iterators are: what has been drawn from a generator, or taken of an iterator, shows in it."""

from __future__ import annotations

import operator
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray


def is_iterator(x: Any) -> bool:
    """Whether it is an iterator of Python's own, such as `iter(a_list)`, or what a `yield` makes."""
    return type(x).__module__ in ("builtins", "itertools") and hasattr(x, "__next__")


def state_of(x: Any) -> Any:
    """The state of a generator of random numbers, or of an iterator."""
    if isinstance(x, np.random.Generator):
        return x.bit_generator.state
    if isinstance(x, np.random.RandomState):
        return x.get_state()
    return place_in(x, 3) if is_iterator(x) else x.getstate()


def place_in(x: Any, depth: int) -> Any:
    """Where an iterator is, as far as it can be seen from outside, and those in it; of other things which they are."""
    if isinstance(x, (int, float, str, type(None))):
        return x
    if not is_iterator(x) or not depth:
        return id(x)
    return operator.length_hint(x, -1), str([place_in(part, depth - 1) for part in parts_of(x)])


def parts_of(x: Any) -> list[Any]:
    """What an iterator says that is in it."""
    if isinstance(x, types.GeneratorType):
        return [x.gi_frame.f_lasti, *x.gi_frame.f_locals.values()] if x.gi_frame is not None else []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # from Python 3.14 on those of itertools say less
            inside = [part for part in x.__reduce__() if part is not None]
    except TypeError:
        return []
    return [part for x in inside for part in (x if type(x) is tuple else (x,))]


def frames_in(x: Any, depth: int = 3) -> Iterator[types.FrameType]:
    """The frames that wait in a `yield`: of a generator, and of those in an iterator."""
    if is_iterator(x) and depth:
        if isinstance(x, types.GeneratorType) and x.gi_frame is not None:
            yield x.gi_frame
        for part in parts_of(x):
            yield from frames_in(part, depth - 1)


def same_state(x: Any, y: Any) -> bool:
    """Whether two states are one. Those of `random` are tuples of many hundred ints, which are compared as a whole."""
    if isinstance(x, dict):
        return all(same_state(x[name], y[name]) for name in x)
    if isinstance(x, tuple) and any(isinstance(part, (tuple, ndarray)) for part in x):
        return len(x) == len(y) and all(map(same_state, x, y))
    return np.array_equal(x, y) if isinstance(x, ndarray) else bool(x == y)
