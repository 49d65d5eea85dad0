"""Lines of code, as they are shown when something fails, made functions: a module is generated of them."""

from __future__ import annotations

import importlib.abc
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Generated(importlib.abc.InspectLoader):
    """A module of the given source."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, fullname: str) -> str:
        return self.source


def functions(lines: Iterable[tuple[str, str]], names: Mapping[str, Any]) -> list[Callable[..., Any]]:
    """A function of each (arguments, expression), in which `names` are known."""
    lines = list(lines)
    module = types.ModuleType("lines")
    vars(module).update(names)
    source = "\n".join(f"def f{i}({given}): return ({line})" for i, (given, line) in enumerate(lines))
    Generated(source).exec_module(module)
    return [vars(module)[f"f{i}"] for i in range(len(lines))]
