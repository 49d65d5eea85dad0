"""What a native function is handed: the addresses of arrays, and numbers of Python's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nodes import Node
from .arrays import Arrays
from .llvm import kind_of


class Given:
    """What a function is handed: roots, of which it gets the addresses, and numbers."""

    def __init__(self, arrays: Arrays, memory: Any) -> None:
        self.arrays: Arrays = arrays
        self.memory: Any = memory  # of a root: what two roots have in common that lie in the same place
        self.roots: dict[Any, Any] = {}
        self.numbers: dict[tuple[int, str], Any] = {}

    def pointer(self, root: Any) -> str:
        """The name of the address of a root."""
        key = self.memory(root)
        self.roots.setdefault(key, root)
        return f"%p{list(self.roots).index(key)}"

    def scalar(self, x: Node, char: str) -> str:
        """The name of a number of Python's, in a dtype."""
        self.numbers.setdefault((id(x), char), x)
        return f"%s{list(self.numbers).index((id(x), char))}"

    def head(self, name: str) -> str:
        """The first line of the function."""
        parameters = [f"ptr noalias %p{i}" for i in range(len(self.roots))]
        parameters += [f"{kind_of(char)} %s{i}" for i, (_, char) in enumerate(self.numbers)]
        return f"define void @{name}({', '.join(parameters)}) noinline nounwind"


def steps_of(x: np.ndarray) -> list[int]:
    """Strides in elements."""
    return [stride // x.itemsize for stride in x.strides]
