"""Whether many things are still the very objects that they were: one expression, written out and compiled.

What a step relies on is looked at before every run, and the run may take no longer than twenty microseconds. So each
place is read by a line of its own, `x['name'] is thing`, and all lists and dicts are gone through by one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import is_
from typing import Any

from ..core.written import function_of

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()


class Identities:
    """Places, each an expression such as `x['name']` or `x.name` on its holder, lists and dicts with what is in them.

    Of those that are `counted`, their lengths alone; of arrays what they hold, the bytes beside them; of dicts with
    something `missing`, that it is.
    """

    def __init__(
        self,
        places: list[tuple[Any, str]],
        containers: list[Any],
        counted: list[Any],
        arrays: Sequence[tuple[Any, bytes]] = (),
        missing: Sequence[tuple[Any, str]] = (),
        comparing: Any = None,
    ) -> None:
        self.lists: list[Any] = [x for x in containers if comparing is not None and type(x) is list]
        self.comparing: Any = comparing  # what makes a comparison of all these, or None
        # A dict is gone through twice: its keys and its values, of which this is a view.
        rest = [x for x in containers if comparing is None or type(x) is not list]
        self.parts: list[Any] = [part for x in rest for part in ((x, x.values()) if hasattr(x, "values") else (x,))]
        self.counted: list[Any] = [*self.parts, *counted]
        known = {"is_": is_, "MISSING": MISSING, "flat": chain.from_iterable}
        known |= {"parts": self.parts, "counted": self.counted}
        known |= {f"x{i}": holder for i, (holder, _) in enumerate(places)}
        reads = [f"x{i}{place}" for i, (_, place) in enumerate(places)]
        tests = [f"{read} is was{i}" for i, read in enumerate(reads)]
        if self.lists:
            tests.append("same()")
        for i, (x, held) in enumerate(arrays):
            known |= {f"array{i}": x, f"bytes{i}": held}
            tests.append(f"array{i}.tobytes() == bytes{i}")
        for i, (x, name) in enumerate(missing):
            known[f"without{i}"] = x
            tests.append(f"{name!r} not in without{i}")
        if self.counted:
            tests.append("list(map(len, counted)) == sizes and all(map(is_, flat(parts), held))")
        # Not so either if a place is gone, or a dict is just being changed.
        text = (
            f"def hold():\n    try: return {' and '.join(tests) or 'True'}\n"
            "    except (LookupError, AttributeError, ValueError, RuntimeError): return False\n\n\n"
            f"def read():\n    return [{', '.join(reads)}]\n"
        )
        self.hold: Any = function_of(text, "hold", f"identities {id(self)}", known)  # whether each is what it was
        self.take_over()

    def take_over(self) -> None:
        """What is there now is what is to be there."""
        scope = self.hold.__globals__
        scope.update((f"was{i}", x) for i, x in enumerate(scope["read"]()))
        scope["sizes"] = list(map(len, self.counted))
        scope["held"] = list(chain.from_iterable(self.parts))
        if self.lists:
            scope["copies"] = [x.copy() for x in self.lists]  # so that what was in them stays where it is
            scope["same"] = self.comparing(self.lists, scope["copies"])
