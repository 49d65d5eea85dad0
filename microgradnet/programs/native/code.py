"""The code of the steps of a program: long loops, which LLVM makes vectors of, what is vectors, and mere calls."""

from __future__ import annotations

import re

from .blas import addresses
from .kernels import kernels
from .llvm import constant
from .machine import Machine, compiled
from .vectors import declarations

TILE = re.compile(r"call void @((?:outer|inner|turned|runs)_\w+)\(")
BLAS = re.compile(r"call void @mg_(\w+)\(")
LOOP_OR_CALL = re.compile(r"^  br |\bcall ", re.MULTILINE)
VECTORS = re.compile(r"<\d+ x (float|double)>")


class Code:
    """The machine code of steps and helpers, and `callers`, the text of those that call tiles or BLAS and nothing else.

    These are run through so few times that they go with the entry, which is compiled as it stands.
    """

    def __init__(self, functions: list[str], helpers: str) -> None:
        calling = [text for text in functions if TILE.search(text) or BLAS.search(text)]
        others = [text for text in functions if text not in calling]
        callers, tiles = kernels("\n".join(calling))
        straight = [text for text in others if VECTORS.search(text) or not LOOP_OR_CALL.search(text)]
        loops = [text for text in others if text not in straight]
        vectors = "\n".join([helpers, *straight, tiles])
        self.machine: Machine = compiled("\n".join(loops), f"{declarations(vectors)}\n{vectors}")
        callers = TILE.sub(lambda call: f"call void {constant(self.machine.address(call[1]))}(", callers)
        self.callers: str = BLAS.sub(lambda call: f"call void {constant(addresses()[call[1]])}(", callers)

    def place(self, name: str) -> str:
        """What an entry calls a function of a step."""
        return f"@{name}" if f"@{name}(" in self.callers else constant(self.machine.address(name))
