"""How a function of NumPy that is made of rows gets into the table of formulas."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..words import refuse, spelled
from .tables import FORMULAS

BY_NAME = sys.maxsize  # the place of an `out` that NumPy takes by name only

Formula = TypeVar("Formula", bound=Callable[..., Any])


def formula(*functions: Any, out: int | None = None) -> Callable[[Formula], Formula]:
    """Let the decorated function stand for these of NumPy wherever a Value is among the arguments.

    It has NumPy's own signature but for `out`, the array to write the result into. Where NumPy takes that, `out` says
    at which place: it is refused there and by name, in the name of the first of the functions, unless it is None. What
    NumPy has no function for stands in the table under another key, such as (np.add, "reduce") or "at.set".

        @formula(np.var, out=3)
        def var(a, axis=None, dtype=None, ddof=0, keepdims=False): ...

    The function itself stays as it is, so that formulas that call one another pay for no check.
    """

    def register(ours: Formula) -> Formula:
        answer = ours if out is None else refusing_out(spelled(functions[0]), ours, out)
        FORMULAS.update(dict.fromkeys(functions, answer))
        return ours

    return register


def refusing_out(name: str, ours: Callable[..., Any], place: int) -> Callable[..., Any]:
    """`ours` with the `out` of NumPy's function `name`, the argument at `place`."""

    def answer(*args: Any, out: Any = None, **named: Any) -> Any:
        if len(args) > place:
            out, args = args[place], args[:place] + args[place + 1 :]
        if out is not None and out is not np._NoValue:  # which NumPy itself takes for "not given"
            refuse(f"{name}(out=…) would write a recorded result into an array. Leave out= away and use the result")
        return ours(*args, **named)

    return answer
