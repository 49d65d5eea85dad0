"""A step and the same step compiled, run side by side: whatever they return and leave behind is the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import microgradnet as mg
from microgradnet.core import Value
from microgradnet.programs import Compiled

CALLS = 6  # two are recorded


def leaves(x: Any) -> list[Any]:
    """What is in tuples, lists and dicts, in order."""
    if isinstance(x, dict):
        return [leaf for part in x.values() for leaf in leaves(part)]
    if isinstance(x, (tuple, list)):
        return [leaf for part in x for leaf in leaves(part)]
    return [x]


def plain(x: Any) -> Any:
    """The numbers of a Value, copied; of a Value's gradient too."""
    return np.array(x._numbers if isinstance(x, Value) else x)


def same(x: Any, y: Any) -> bool:
    """Whether two things are the same to the bit: NaN is NaN, and −0 is not 0."""
    if type(x) is not type(y) and not (isinstance(x, float) and isinstance(y, float)):
        return False
    if not isinstance(x, (Value, np.ndarray, np.generic, float)):
        return bool(x == y)
    a, b = plain(x), plain(y)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind == "f":  # NaN has many bit patterns, and NumPy makes them as it likes
        a, b = np.where(np.isnan(a), np.nan, a), np.where(np.isnan(b), np.nan, b)
    return a.tobytes() == b.tobytes()


def programs(f: Any) -> int:
    """How many programs a compiled function has."""
    return sum(len(known.programs) for known in f.signatures.values())


def runs_of(
    make: Callable[[], tuple[Callable[..., Any], Callable[[], Any]]],
    calls: Iterable[tuple[Any, ...]],
    between: Callable[[int], None] | None,
    compiled: bool,
) -> tuple[list[list[Any]], Any]:
    """What a step returns and leaves behind, call by call; `make` gives it, and what says how things stand."""
    step, state = make()
    f: Any = mg.compile(step) if compiled else step
    seen = []
    for i, args in enumerate(calls):
        if between is not None:
            between(i)
        returned = leaves(f(*args))
        copies = [Value(plain(x)) if type(x) is Value else x.copy() if isinstance(x, np.ndarray) else x
                  for x in returned]  # fmt: skip
        seen.append(copies)
        seen[-1] += [None if x is None else plain(x) for x in leaves(state())]
    return seen, f


def check(
    make: Callable[[], tuple[Callable[..., Any], Callable[[], Any]]],
    calls: Iterable[tuple[Any, ...]],
    between: Callable[[int], None] | None = None,
    count: int | None = 1,
) -> Compiled:
    """Run a step as it is and compiled, and compare everything. `count` is how many programs there are in the end."""
    calls = list(calls)
    eager, _ = runs_of(make, calls, between, compiled=False)
    got, f = runs_of(make, calls, between, compiled=True)
    for i, (wanted, found) in enumerate(zip(eager, got, strict=True)):
        assert len(wanted) == len(found)
        for j, (x, y) in enumerate(zip(wanted, found, strict=True)):
            assert same(x, y), f"call {i}, {j}: eager {x!r}, compiled {y!r}\n{f.source}"
    assert f.latest is not None, "the program never ran"
    if count is not None:
        assert programs(f) == count, f.source
    compiled: Compiled = f
    return compiled
