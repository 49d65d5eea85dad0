"""What can be called, with the names and the defaults of its arguments, is what it was.

tests/signatures.txt has a line for each. Where one is meant to change, `python -m tests.test_signatures` writes the
file anew: what changed is then in the diff.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from microgradnet.core import Op
from tests.test_public_names import PUBLIC, module

PAGE = Path(__file__).with_name("signatures.txt")


def signature(called: Any) -> str:
    if isinstance(called, type) and issubclass(called, Exception) and "__init__" not in vars(called):
        return "(message)"  # Python knows no signature of its own exceptions
    parameters = inspect.signature(called).parameters.values()
    plain = [p.replace(annotation=p.empty) for p in parameters]
    return re.sub(r"<(?:function )?(\S+)(?: object)? at 0x\w+>", r"\1", str(inspect.Signature(plain)))


def signatures() -> Iterator[str]:
    """A line for each function, class and method of the public rooms that is written in this package."""
    for room in PUBLIC:
        for name, thing in sorted(vars_of(module(room)).items()):
            if not callable(thing) or isinstance(thing, Op) or not str(thing.__module__).startswith("microgradnet"):
                continue
            yield f"{room or 'microgradnet'}.{name}{signature(thing)}"
            for own, method in sorted(vars(thing).items()) if isinstance(thing, type) else ():
                if inspect.isfunction(method) and not own.startswith("_"):
                    yield f"    .{own}{signature(method)}"


def vars_of(room: Any) -> dict[str, Any]:
    return {name: getattr(room, name) for name in dir(room) if not name.startswith("_")}


def test_what_can_be_called_is_what_it_was() -> None:
    assert "\n".join(signatures()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(signatures()) + "\n", encoding="utf-8")
