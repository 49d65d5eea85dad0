"""The code of the steps of a program: loops, which LLVM makes vectors of, and products, which are vectors already."""

from __future__ import annotations

import re

from .kernels import kernels
from .machine import Machine, compiled
from .products import BLAS
from .vectors import declarations

CALLING = re.compile(r"call void @(outer|inner|mg)_")


def code_of(functions: list[str]) -> Machine:
    """The machine code of these functions and of the tiles that they call."""
    products = [text for text in functions if CALLING.search(text)]
    loops = [text for text in functions if text not in products]
    tiles = kernels("\n".join(products)).replace("define void", "define internal void")
    return compiled("\n".join([declarations(), *loops]), "\n".join([BLAS, declarations(), *products, tiles]))
