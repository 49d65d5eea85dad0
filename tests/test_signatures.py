"""What can be called, with the names and the defaults of its arguments, is what it was.

tests/signatures.txt has a line for each. Where one is meant to change, `python -m tests.test_signatures` writes the
file anew: what changed is then in the diff.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet.core import FORMULAS, Op
from microgradnet.words import spelled
from tests import cases  # noqa: F401  (which fills the tables)
from tests.test_public_names import PUBLIC, module
from tests.variants import NEWEST

PAGE = Path(__file__).with_name("signatures.txt")
NUMPY = tuple(map(int, np.__version__.split(".")[:2]))
OLDER = NUMPY < NEWEST


def signature(called: Any) -> str:
    if isinstance(called, type) and issubclass(called, Exception) and "__init__" not in vars(called):
        return "(message)"  # Python knows no signature of its own exceptions
    parameters = inspect.signature(called).parameters.values()
    plain = [p.replace(annotation=p.empty) for p in parameters]
    return re.sub(r"<(?:function )?(\S+)(?: object)? at 0x\w+>", r"\1", str(inspect.Signature(plain)))


def signatures() -> Iterator[str]:
    """A line for each function, class and method of the public rooms that is written in this package."""
    for room in PUBLIC:
        for name, thing in sorted(vars_of(module(room)).items()):
            if not callable(thing) or isinstance(thing, Op) or not str(thing.__module__).startswith("microgradnet"):
                continue
            yield f"{room or 'microgradnet'}.{name}{signature(thing)}"
            for own, method in sorted(vars(thing).items()) if isinstance(thing, type) else ():
                if inspect.isfunction(method) and not own.startswith("_"):
                    yield f"    .{own}{signature(method)}"


def vars_of(room: Any) -> dict[str, Any]:
    return {name: getattr(room, name) for name in dir(room) if not name.startswith("_")}


def test_what_can_be_called_is_what_it_was() -> None:
    assert "\n".join(signatures()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


# Formulas that take their arguments in other words, or more of them: what NumPy's own has beside or instead.
OTHERWISE = {
    "np.isposinf", "np.isneginf", "np.reshape", "np.moveaxis", "np.rollaxis", "np.matrix_transpose",
    "np.linalg.matrix_transpose", "np.atleast_1d", "np.atleast_2d", "np.atleast_3d", "np.split", "np.array_split",
    "np.vsplit", "np.hsplit", "np.dsplit", "np.clip", "np.corrcoef", "np.unique", "np.histogram", "np.histogram2d",
    "np.histogramdd", "np.pad", "np.einsum", "np.linalg.vecdot",
}  # fmt: skip


LATER = {"descending"} if NUMPY < (2, 5) else set[str]()  # what this version of NumPy does not take yet


def arguments(function: Any) -> dict[str, Any]:
    """The arguments but for `out`, and how they are given."""
    return {name: x for name, x in inspect.signature(function).parameters.items() if name not in {"out", *LATER}}


@pytest.mark.skipif(OLDER, reason="older versions of NumPy do not say, or take others")
def test_the_arguments_of_a_formula_are_those_of_numpys_function() -> None:
    """In their order, those without effect too: a call with a wrong one is wrong, and a default is the same."""
    checked = 0
    for function, ours in FORMULAS.items():
        name = spelled(function) if hasattr(function, "__name__") and not isinstance(function, np.ufunc) else ""
        if not name.startswith("np.") or name in OTHERWISE:
            continue
        theirs = arguments(function)
        free = getattr(getattr(ours, "__code__", None), "co_freevars", ())
        found = arguments(ours.__closure__[free.index("ours")].cell_contents if "ours" in free else ours)
        assert [(x, found[x].kind) for x in found] == [(x, theirs[x].kind) for x in theirs], name
        given = [x for x in theirs if theirs[x].default is not np._NoValue]
        assert [(x, found[x].default) for x in given] == [(x, theirs[x].default) for x in given], name
        checked += 1
    assert checked > 100


if __name__ == "__main__":
    PAGE.write_text("\n".join(signatures()) + "\n", encoding="utf-8")
