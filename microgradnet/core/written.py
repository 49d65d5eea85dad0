"""Functions made from text, for speed; first of all the one that makes a computed Value.

Rows and Values are few lines, run a million times: there, a loop over two inputs or a call costs as much as the work
itself. So these lines are written out into a text with nothing left to decide, and compiled. The text is a part of this
package to whoever looks at a traceback.
"""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from . import modes
from .tables import NO_PARAMS

new_age: Callable[[], int] = itertools.count().__next__

V = TypeVar("V")

# The slots of a Value, with what each holds in a computed one.
COMPUTED = {
    "_numbers": "data",
    "op": "op",
    "args": "args",
    "params": "params",
    "age": "new_age()",
    "_grad": "None",
    "name": "None",
    "scope": "None",
}


def computed(kind: str, **held: str) -> list[str]:
    """Lines that make a computed Value and return it, `held` in its slots, each an expression."""
    filled = [f"value.{slot} = {held.get(slot, usual)}" for slot, usual in COMPUTED.items()]
    return [f"value = new({kind})", *filled, "if modes.on:", "    modes.observe(value)", "return value"]


def indented(lines: list[str], by: int) -> str:
    """Lines of text as the body of something `by` spaces further in."""
    return f"\n{' ' * by}".join(lines)


def function_of(text: str, name: str, title: str, known: dict[str, Any]) -> Callable[..., Any]:
    """The function `name` of a text in which `known` are known; tracebacks show its lines as those of `title`."""
    # Under this package's own path: debug mode looks for the first line that is not of this package.
    file = f"{__file__} ({title})"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    scope = {"new": object.__new__, "new_age": new_age, "modes": modes, "NO_PARAMS": NO_PARAMS, **known}
    exec(compile(text, file, "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function


class Maker(Protocol):
    """What makes a computed Value of a kind."""

    def __call__(self, kind: type[V], data: Any, op: Any, args: tuple[Any, ...], params: dict[str, Any]) -> V: ...


# What is recorded goes through here and not through `Value(…)`, which checks and copies.
new_value: Maker = function_of(
    f"def new_value(kind, data, op, args, params):\n    {indented(computed('kind'), 4)}\n",
    "new_value",
    "a computed Value",
    {},
)
