"""What layers and optimisers print, as they are made and with each of their options in turn, is what it was.

tests/reprs.txt has a line for each. Where one is meant to change, `python -m tests.test_reprs` writes the file anew:
what changed is then in the diff.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from microgradnet import nn, optim
from tests.test_refusals import arguments

PAGE = Path(__file__).with_name("reprs.txt")
LEFT_OUT = {"Module", "Sequential", "Optimizer"}  # what is made of others


def changed(name: str, default: Any) -> Any:
    """Something that an option may be beside its default; None if nobody can tell."""
    if isinstance(default, bool):
        return not default
    if isinstance(default, int | float):
        return default + 1 if isinstance(default, int) else default / 2 + 0.125
    return {"dtype": np.float64, "stride": 3, "nonlinearity": "relu", "approximate": "tanh", "reduction": "sum",
            "activation": np.tanh, "final_activation": np.tanh, "betas": (0.5, 0.75), "eps": 0.5, "padding_idx": 1,
            "weight": np.ones(2), "pos_weight": np.ones(2)}.get(name)  # fmt: skip


def reprs() -> Iterator[str]:
    for room in (nn, optim):
        for name in sorted(room.__all__):
            kind: Any = getattr(room, name)
            if not inspect.isclass(kind) or name in LEFT_OUT or issubclass(kind, optim.LRScheduler):
                continue
            right = arguments(kind)
            yield f"{name}(): {shown(kind, **right)}"
            for option, p in inspect.signature(kind).parameters.items():
                other = changed(option, p.default)
                if option not in right and p.default is not p.empty and other is not None:
                    how = f"{option}={getattr(other, '__name__', other)}"
                    yield f"{name}({how}): {shown(kind, **right, **{option: other})}"


def shown(kind: Any, **given: Any) -> str:
    """What an object prints, or why it cannot be made."""
    try:
        return " ".join(repr(kind(**given)).split())
    except ValueError as error:
        return f"{error}"


def test_what_is_printed_is_what_it_was() -> None:
    assert "\n".join(reprs()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(reprs()) + "\n", encoding="utf-8")
