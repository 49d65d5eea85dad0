"""What the table says of each row, and how the laws try it, is what it was.

tests/rows.txt has it. A case that is lost is a law that is tried no more, and no law says so. Where it is meant to
change, `python -m tests.test_rows` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet.core.rows import BOOLEAN, POSITIVE, REAL, Domain
from microgradnet.testing.points import special_points
from microgradnet.testing.strategies import filled
from tests.cases import ROWS

PAGE = Path(__file__).with_name("rows.txt")


def said(x: Any) -> str:
    """A fact of a row in short, the same on every machine."""
    if isinstance(x, np.ndarray):
        return f"{x.dtype}{said(x.tolist())}"
    if isinstance(x, Domain):
        return f"{x.low:g}…{x.high:g}"
    if isinstance(x, dict):
        return f"{{{', '.join(f'{said(key)}: {said(part)}' for key, part in x.items())}}}"
    if isinstance(x, (tuple, list)):
        text = ", ".join(map(said, x))
        return f"({text})" if isinstance(x, tuple) else f"[{text}]"
    if isinstance(x, float):
        return f"{x:.6g}"
    return x.__qualname__ if callable(x) and hasattr(x, "__qualname__") else repr(x)


def lines(rows: Any) -> Iterator[str]:
    for row in rows:
        rules = "".join("·" if rule is None else "g" for rule in row.rules)
        kinds = [name for name in ("elementwise", "symmetric", "parameters") if getattr(row, name)]
        facts = {"domain": tuple(dict.fromkeys(map(said, row.domain))), "at": row.at, "points": row.points}
        shown = [f"{name} {said(x)}" for name, x in facts.items() if x]
        if row.elementwise and not callable(row.at):
            special = special_points(row, {})
            shown.append(f"{len(special)} special points, {zlib.crc32(repr(special).encode()):08x}")
        yield f"{row.name} {row.symbol} {rules} {row.kind.__name__}: {'; '.join([*kinds, *shown])}"
        for inputs, params in row.cases:
            yield f"    {', '.join([*map(said, inputs), *(f'{name}={said(x)}' for name, x in params.items())])}"


def of_scipy() -> list[Any]:
    pytest.importorskip("scipy")
    from microgradnet.ops import special

    return sorted([*special.rows().values(), special.polygamma], key=lambda row: row.name)


def page() -> list[str]:
    return PAGE.read_text(encoding="utf-8").split("\n\n")


def test_rows_are_tried_as_they_were() -> None:
    assert "\n".join(lines(ROWS)) == page()[0].strip(), "if that is meant: python -m tests.test_rows"


def test_rows_of_scipys_functions_are_tried_as_they_were() -> None:
    assert "\n".join(lines(of_scipy())) == page()[1].strip()


def test_numbers_are_drawn_as_they_were() -> None:
    """For each size once, at different places of the domain, and none is 0; a seed that failed is one that fails."""
    drawn = filled([(2, 2), (3,), np.arange(2), ()], (REAL, BOOLEAN, REAL, POSITIVE), np.random.default_rng(7))
    assert [np.round(x + 0.0, 4).tolist() for x in drawn] == [
        [[-2.52, 1.98], [2.73, -1.02]], [0.0, 0.0, 1.0], [0.0, 1.0], 1.9563,
    ]  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text("\n\n".join("\n".join(lines(rows)) for rows in (ROWS, of_scipy())) + "\n", encoding="utf-8")
