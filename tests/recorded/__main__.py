"""`python -m tests.recorded`, run where PyTorch is, writes its answers to answers.json."""

from __future__ import annotations

import contextlib
import inspect
import json
import warnings
from pathlib import Path
from typing import Any

from .asking import PyTorch
from .defaults import attributes, plain_default, public
from .questions import QUESTIONS, SPREADS

PAGE = Path(__file__).parent / "answers.json"
DIGITS = 9


def answers() -> dict[str, dict[str, Any]]:
    """Everything PyTorch is asked, under the line that asks it."""
    torch = PyTorch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own future
        return {
            "version": {"torch": torch.torch.__version__.partition("+")[0]},
            "answers": {code: torch.answer(code) for code in QUESTIONS},
            "spreads": {code: torch.spread(code) for code in SPREADS},
            "defaults": defaults(torch),
            "orders": orders(torch),
        }


def signatures(torch: PyTorch) -> dict[str, Any]:
    """The arguments of every public function and class that PyTorch has too, as far as it says them."""
    found = {}
    for name, _ in public():
        room, _, word = name.partition(".")
        function = getattr(getattr(torch, room), word, None) if room != "init" else init_of(torch, word)
        with contextlib.suppress(ValueError):  # written in C
            if function:
                found[name] = inspect.signature(function).parameters
    return found


def orders(torch: PyTorch) -> dict[str, list[str]]:
    """The names of the arguments that go by position."""
    found = {
        name: [x.name for x in known.values() if x.kind <= x.POSITIONAL_OR_KEYWORD]
        for name, known in signatures(torch).items()
    }
    return {name: names for name, names in found.items() if names}


def defaults(torch: PyTorch) -> dict[str, dict[str, Any]]:
    """The options that a call leaves out: of functions as they are signed, of layers as they then are."""
    found = {
        name: {option.name: option.default for option in known.values() if plain_default(option.default)}
        for name, known in signatures(torch).items()
    }
    for code, layer in attributes(torch.nn):
        found[code] = {name: x for name, x in vars(layer).items() if name[0] != "_" and plain_default(x)}
    return found


def init_of(torch: PyTorch, word: str) -> Any:
    starts = torch.torch.nn.init
    return getattr(starts, word, None) if word == "calculate_gain" else getattr(starts, f"{word}_", None)


def rounded(x: Any) -> Any:
    """The same with numbers of few digits, which are the same from every processor."""
    if isinstance(x, dict):
        return {name: rounded(part) for name, part in x.items()}
    if isinstance(x, list):
        return [rounded(part) for part in x]
    return float(f"{x:.{DIGITS}g}") if isinstance(x, float) else x


def page(found: dict[str, dict[str, Any]]) -> str:
    """The file: JSON with one question a line."""
    sections = []
    for name, part in found.items():
        short = rounded if name in ("answers", "spreads") else lambda x: x
        lines = [f"  {json.dumps(code)}: {json.dumps(short(answer))}" for code, answer in part.items()]
        sections.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    PAGE.write_text(page(answers()), encoding="utf-8")
