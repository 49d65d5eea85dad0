"""The numbers that the package was written with: sizes, bounds, pauses, tolerances, and what classes say of themselves.

tests/constants.txt has those that each module knows. Whether they are right is the business of the tests of what they
are for; here all of them are held, so that none moves unseen. Where one is meant to change,
`python -m tests.test_constants` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import microgradnet
from tests import descriptions

PAGE = Path(__file__).with_name("constants.txt")
# A program; a room that loads another library; where the Python that runs has what.
LEFT_OUT = ("microgradnet.__main__", "microgradnet.estimators", "microgradnet.programs.native.cpython")
NOT_OURS = ("TYPE_CHECKING", "_is_protocol")


def names() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(microgradnet.__path__, "microgradnet.")]
    return [name for name in found if not name.startswith(LEFT_OUT)]


def numbers_of(name: str) -> Iterator[str]:
    """The constants of a module and of its classes that are numbers, or have numbers in them."""
    for constant, x in sorted(vars(importlib.import_module(name)).items()):
        if inspect.isclass(x) and x.__module__ == name:
            yield from (f"{constant}.{inner} = {y!r}" for inner, y in sorted(vars(x).items()) if is_shown(inner, y))
        elif constant.isupper() and is_shown(constant, x):
            yield f"{constant} = {x!r}"


def is_shown(name: str, x: Any) -> bool:
    return not name.startswith("__") and name not in NOT_OURS and plain(x) and has_numbers(x)


def plain(x: Any) -> bool:
    """Whether it prints alike everywhere."""
    if type(x) in (tuple, list):
        return all(map(plain, x))
    if type(x) is dict:
        return all(map(plain, [*x.keys(), *x.values()]))
    return x is None or type(x) in (bool, int, float, str)


def has_numbers(x: Any) -> bool:
    if isinstance(x, dict):
        return has_numbers(list(x.values()))
    return any(map(has_numbers, x)) if isinstance(x, tuple | list) else isinstance(x, int | float)


KNOWN = descriptions.read(PAGE)


@pytest.mark.parametrize("name", names())
def test_a_module_has_the_numbers_that_it_had(name: str) -> None:
    try:
        found = list(numbers_of(name))
    except ModuleNotFoundError as error:  # of an extra
        pytest.skip(str(error))
    known = KNOWN.get(name, [])
    names = {line.split(" = ")[0] for line in known}
    # A dict or a list that is not there keeps what programs have found: it is empty at first.
    assert [line for line in found if line.split(" = ")[0] in names or line.split(" = ")[1][0] not in "[{"] == known


if __name__ == "__main__":
    written = {name: list(numbers_of(name)) for name in names()}
    descriptions.write(PAGE, {name: lines for name, lines in written.items() if lines})
