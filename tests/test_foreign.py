"""What others call what is here, and what each who asks for it is told: every name and sentence is what it was.

tests/foreign.txt has a line for each name. Where one is meant to change, `python -m tests.test_foreign` writes the file
anew: what changed is then in the diff. That what is told exists here is the business of tests/test_words.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from microgradnet.foreign import INSTEAD, KEYWORDS, LEFT_OUT
from microgradnet.libraries import LIBRARIES

PAGE = Path(__file__).with_name("foreign.txt")


def told() -> Iterator[str]:
    tables: dict[str, Mapping[str, str]] = {**INSTEAD, "KEYWORDS": KEYWORDS, "LEFT_OUT": LEFT_OUT, **LIBRARIES}
    for home, names in tables.items():
        yield f"==== {home}"
        yield from (f"{name}: {sentence}" for name, sentence in names.items())


def test_what_others_are_told_is_what_it_was() -> None:
    assert "\n".join(told()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(told()) + "\n", encoding="utf-8")
