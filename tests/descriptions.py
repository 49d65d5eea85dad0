"""What drawings and pictures are, in words, in a file: one after the other, each under its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def read(page: Path) -> dict[str, list[str]]:
    """The lines of each description."""
    made: dict[str, list[str]] = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            here = made.setdefault(line[2:], [])
        elif line:
            here.append(line)
    return made


def write(page: Path, descriptions: Mapping[str, list[str]]) -> None:
    """The file anew."""
    page.write_text("\n".join(f"# {name}\n" + "\n".join(lines) + "\n" for name, lines in descriptions.items()), "utf-8")
