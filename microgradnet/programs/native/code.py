"""The code of the steps of a program: loops, which LLVM makes vectors of, and products, which are vectors already."""

from __future__ import annotations

import re

from .kernels import kernels
from .machine import Machine, compiled
from .products import BLAS
from .vectors import declarations

CALLING = re.compile(r"call void @(outer|inner|mg)_")
ELEMENTS = re.compile(r" (load|store) ")
HEAD = re.compile(r"^define (.*) \{$", re.MULTILINE)


def code_of(functions: list[str]) -> Machine:
    """The machine code of these functions and of the tiles that they call."""
    tiles = kernels("\n".join(functions))
    products = [text for text in functions if CALLING.search(text) and not ELEMENTS.search(text)]
    loops = [text for text in functions if text not in products]
    declared, heads = [BLAS, declarations()], []
    if any(map(CALLING.search, loops)):
        heads = [f"declare {head}" for head in HEAD.findall(tiles)]
    else:
        tiles = tiles.replace("define void", "define internal void")
    return compiled("\n".join([*declared, *heads, *loops]), "\n".join([*declared, *products, tiles]))
