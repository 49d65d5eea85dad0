"""In which line of a function something is done that was noticed only after it."""

from __future__ import annotations

import dis
import re
import types
from collections.abc import Iterable

ASSIGNS = ("STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF", "STORE_SUBSCR")


def line_of(functions: Iterable[types.CodeType], name: str) -> str:
    """Where a thing such as `self.count`, `calls[3]` or `np.random` is named, in words; "" if that is not found.

    A line that assigns to it comes before one that only names it.
    """
    words = re.findall(r"[A-Za-z_]\w*", re.sub(r"\[.*|^len\(|^a key of ", "", name))
    if not words:
        return ""
    named = ""
    for code in with_inner(functions):
        number = code.co_firstlineno
        for step in dis.get_instructions(code):
            number = step.positions.lineno or number if step.positions else number
            if step.argval == words[-1]:
                said = f"{code.co_filename}:{number}, in {code.co_name}"
                if step.opname in ASSIGNS:
                    return said
                named = named or said
    return named


def with_inner(functions: Iterable[types.CodeType]) -> Iterable[types.CodeType]:
    """The code of functions, and that of the functions inside them."""
    for code in functions:
        yield code
        yield from with_inner(x for x in code.co_consts if isinstance(x, types.CodeType))
