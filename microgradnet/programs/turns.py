"""Whose turn it is: the memory of a program is in use by one call at a time.

A lock would do, but `with lock` takes a tenth of a small step. Here the key to the memory lies in a list: taking it out
and putting it back are one operation each, and whoever finds nothing there waits. Python may be interrupted after any
call, that of `take` too, so text that takes the key has to say what becomes of it then: see `in_turn`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

PAUSE = 1e-4  # seconds; whoever has the key is through in less, most often


class Turns:
    """The key to the memory of a program."""

    def __init__(self) -> None:
        self.key: list[None] = [None]

    def meaning(self) -> dict[str, Any]:
        """What the names in a text that is `in_turn` mean."""
        return {"take": self.key.pop, "give": self.key.append, "pause": pause}

    def taken(self) -> bool:
        """Whether a call is in the program."""
        return not self.key


def pause() -> None:
    """Let the thread that has the key go on."""
    time.sleep(PAUSE)


def in_turn(lines: Sequence[str], otherwise: str = "pause()", handlers: Sequence[str] = ()) -> list[str]:
    """Lines that run while no other call runs any; what is done `otherwise`, and `handlers` of errors in them."""
    return [
        "while True:",
        "    try: take(); break",
        f"    except IndexError: {otherwise}",
        "    except BaseException: give(None); raise",
        "try:",
        *[f"    {line}" for line in lines],
        *handlers,
        "finally: give(None)",
    ]


BROKEN_OFF = ("except OtherProgram: raise", "except BaseException: broken_off(); raise")
