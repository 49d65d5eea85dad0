"""Packages that import their public names when these are first asked for (PEP 562): most programs need few of them.

To type checkers and editors such a package shows plain imports, under `if TYPE_CHECKING`, and calls `on_demand` in the
`else`: were they to see a `__getattr__`, they would take every misspelt name for one that is there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from .words import missing


def on_demand(
    package: str, public: Sequence[str], homes: dict[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package with the `public` names.

    `homes` says which module of the package has which of them, separated by spaces; a module that is public itself is
    at home in itself: `{"sgd": "SGD Momentum", "init": "init"}`. One that stands beside the package, or beside a module
    that hands its names on, is named with two dots: `{"..spatial": "pad"}`. A test holds `homes`, `public` and what the
    package shows to type checkers equal.

    The modules of the package are found as well, as type checkers believe. Raises AttributeError for any other name,
    with what there is instead if others call it so.
    """
    home_of = {name: module for module, names in homes.items() for name in names.split()}

    def get(name: str) -> Any:
        room = home_of.get(name, name)
        home = module_of(package, room)
        if home is None:
            missing(package, name)
        found = home if room == name else getattr(home, name)
        setattr(sys.modules[package], name, found)  # asked for once
        return found

    return get, lambda: sorted(public)


def module_of(package: str, name: str) -> Any:
    """The module of a package with this name; None if there is none."""
    path = f"{package.rpartition('.')[0]}{name[1:]}" if name.startswith("..") else f"{package}.{name}"
    try:
        return None if name.startswith("_") else import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:  # the module is there, and what it needs is not
            raise
    return None
