"""A step and the same step compiled, run side by side: whatever they return and leave behind is the same to the bit.

The programs that tests make are noted too: tests/programs.txt has of each how many lines it has, and a sum (CRC-32) of
its text, of what its passes say and of where its arrays lie. Results alone would not show what computes twice, copies
what it need not, or takes more memory. Where they are meant to change, `python -m tests.compiled` writes the file anew.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet.core import Value
from microgradnet.programs import Compiled
from microgradnet.programs.numpy_program import NumPyProgram

CALLS = 6  # two are recorded
PAGE = Path(__file__).with_name("programs.txt")
USERS = ("test_compile", "test_hazards", "test_host_call", "test_passes", "test_memory", "test_joined", "test_blocks",
         "laws/test_compiled")  # fmt: skip

written: dict[str, str] | None = None  # what the page is to say, while it is written anew
pages: list[dict[str, str]] = []  # what it says, once it was read
counts: Counter[str] = Counter()  # the programs of a test


def noted(program: NumPyProgram) -> NumPyProgram:
    """A program that is the one it was, if the page has the test that is running."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    counts[test] += 1
    name, said = f"{test} {counts[test]}", sum_of(program)
    if written is not None:
        written[name] = said
    elif not pages:
        lines = PAGE.read_text(encoding="utf-8").splitlines()
        pages.append(dict(line.split(": ", 1)[::-1] for line in lines))
    assert written is not None or pages[0].get(name, said) == said, f"{name} is another program:\n{program.source}"
    return program


def sum_of(program: NumPyProgram) -> str:
    """How many lines a program has, and a sum of all there is to it.

    But for the last digits of numbers, and for which integers are NumPy's: some versions count in Python's.
    """
    text = re.sub(r"(?<=\d_\d{4})\d+", "", program.source.replace("int64_", ""))
    whole = "\n".join([text, *program.passes, *arrays_of(program.run.__globals__)])
    return f"{len(text.splitlines())} lines {zlib.crc32(whole.encode()):08x}"


def arrays_of(scope: dict[str, Any]) -> Iterator[str]:
    """The arrays of a program: how they lie in its memory, and what is in those of whole numbers and of bools."""
    arrays = {name: x for name, x in scope.items() if type(x) is np.ndarray}
    first: dict[int, int] = {}
    for x in arrays.values():
        first[root_of(x)] = min(address_of(x), first.get(root_of(x), address_of(x)))
    for name, x in arrays.items():
        held = f"{zlib.crc32(x.tobytes()):08x}" if name.startswith("constant") and x.dtype.kind in "iub" else ""
        yield f"{name} {x.dtype} {x.shape} {x.strides} {address_of(x) - first[root_of(x)]} {held}"


def root_of(x: Any) -> int:
    """Which array it is a view of, in the end."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return id(x)


def address_of(x: Any) -> int:
    """Where it begins."""
    return int(x.__array_interface__["data"][0])


def leaves(x: Any) -> list[Any]:
    """What is in tuples, lists and dicts, in order."""
    if isinstance(x, dict):
        return [leaf for part in x.values() for leaf in leaves(part)]
    if isinstance(x, (tuple, list)):
        return [leaf for part in x for leaf in leaves(part)]
    return [x]


def form(x: Any) -> Any:
    """The tuples, lists and dicts of it."""
    if isinstance(x, dict):
        return type(x), [(name, form(part)) for name, part in x.items()]
    return (type(x), *map(form, x)) if isinstance(x, (tuple, list)) else None


def plain(x: Any) -> Any:
    """The numbers of a Value, copied; of a Value's gradient too."""
    return np.array(x._numbers if isinstance(x, Value) else x)


def same(x: Any, y: Any) -> bool:
    """Whether two things are the same to the bit: NaN is NaN, and −0 is not 0."""
    x, y = (v[()] if type(v) is np.ndarray and not v.ndim else v for v in (x, y))  # a program makes scalars
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
    f: Any = mg.compile(step, backend="numpy") if compiled else step  # native is equal within rounding
    seen = []
    for i, args in enumerate(calls):
        if between is not None:
            between(i)
        result = f(*args)
        returned = leaves(result)
        copies = [Value(plain(x)) if type(x) is Value else x.copy() if isinstance(x, np.ndarray) else x
                  for x in returned]  # fmt: skip
        seen.append([form(result), *copies])
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
    for known in f.signatures.values():
        for program in known.programs:
            noted(program)
    if count is not None:
        assert programs(f) == count, f.source
    compiled: Compiled = f
    return compiled


if __name__ == "__main__":
    from tests import compiled as module

    module.written = {}
    tests = [str(PAGE.parent / f"{name}.py") for name in USERS]
    pytest.main(["-q", "-p", "no:randomly", *tests])
    PAGE.write_text("".join(f"{said}: {name}\n" for name, said in module.written.items()), encoding="utf-8")
