"""Drawings as SVGs of our own making: each element of some, and of all others a sum of their text (CRC-32).

tests/svgs.txt has them. Where one is meant to change, look at it, and `python -m tests.test_svgs` writes the file anew:
what changed is then in the diff.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet.viz import scene
from tests import descriptions
from tests.test_drawings import DRAWINGS
from tests.test_viz import Neurons

PAGE = Path(__file__).with_name("svgs.txt")


def compiled() -> Any:
    """A program: its lines are forward, backward or updates."""
    model = nn.Linear(2, 1, seed=0)
    model.weight.data = np.array([[0.5, -0.25]])
    optimizer = optim.SGD(model.parameters(), lr=0.5)

    @mg.compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        cost = (model(x) ** 2).sum()
        cost.backward()
        optimizer.step()
        return cost

    step(np.array([[1.0, 2.0]])), step(np.array([[1.0, 2.0]]))
    return step


def deep(operations: int) -> Any:
    x = Value(0.5, name="x")
    for _ in range(operations):
        x = np.sin(x)
    return x


def neurons(*sizes: int, **how: Any) -> Any:
    """A network of numbers, in frames of what holds them: a variable does."""
    model = Neurons(*sizes)
    return mg.draw(model([1.0, -1.0, 0.5]) * 1.0 + Value(2.0, name="x"), **how)


class Wordy(nn.Module):
    """Of few boxes and many words."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def forward(self, x: Any) -> Any:
        return x * 2.0


def wordy() -> list[Any]:
    """Two frames as wide as their words, of which a picture shows 40 letters and 50."""
    long = type("C" * 60, (Wordy,), {})
    x = Value(1.0, name="x")
    return [Wordy("w" * 60)(x), long("few")(x)]


def signed(n: int) -> Any:
    """As many edges between two boxes, of both signs."""
    return (np.stack([Value(1.0, name=f"{n}")] * n) * np.where(np.arange(n) % 2, 1.0, -1.0)).sum()


def long_named(g: Any, out: Any, an_argument_of_a_long_name: Any, y: Any) -> Any:
    return g


SVGS: dict[str, Callable[[], Any]] = {
    **DRAWINGS,
    "a program": lambda: mg.draw(compiled(), title="a step & its update"),
    "a program from above": lambda: mg.draw(compiled(), direction="TB"),
    "many neurons": lambda: neurons(3, 9, 9, 1, fold="modules"),
    "a program in five boxes": lambda: mg.draw(compiled(), cap=5),
    "a program in two boxes": lambda: mg.draw(compiled(), cap=2),
    "many neurons in few boxes": lambda: neurons(3, 9, 9, 1, cap=6),
    "neurons in frames": lambda: neurons(3, 2, 1, fold=()),
    "neurons in frames, from above": lambda: neurons(3, 2, 1, fold="modules", depth=1, direction="TB"),
    "frames as wide as their words": lambda: mg.draw(wordy()),
    "several edges at once": lambda: mg.draw(signed(5), signed(4), weights=True),
    "an edge whose label is cut": lambda: mg.draw(mg.primitive(long_named, None)(np.subtract)(Value(2.0), 1.0)),
    "a title that is cut": lambda: mg.draw(Value(1.0), title="words " * 350),
    "twelve deep": lambda: mg.draw(deep(11), fold=()),
    "thirteen deep": lambda: mg.draw(deep(12), fold=()),
    "fourteen deep": lambda: mg.draw(deep(13), fold=()),
}
WHOLE = ("an expression", "with weights, from the left, with a title", "alarms", "a model, one level", "a program")


def described(name: str) -> list[str]:
    text = re.sub(r'[^\s">]*tests[/\\]+(\w+\.py)', r"\1", SVGS[name]()._svg())
    lines = re.sub(r"mg[0-9a-f]{12}|(?<=\.py):\d+", "", text).splitlines()
    return lines if name in WHOLE else [f"{len(lines)} lines {zlib.crc32(chr(10).join(lines).encode()):08x}"]


@pytest.mark.parametrize("name", SVGS)
def test_an_svg_is_what_it_was(name: str) -> None:
    assert described(name) == descriptions.read(PAGE)[name]


def plainly(svg: str) -> tuple[str, str]:
    """The elements of an SVG, and what a renderer reads of its style that passes over @media and @keyframes."""
    head, style, rest = re.split("<style>|</style>", svg)
    return head + rest, re.sub(r"@(?:media|keyframes)[^{]*\{(?:[^{}]*\{[^{}]*\})*\}", "", style)


@pytest.mark.parametrize("name", ["an expression", "a model, one level", "a program"])
def test_a_picture_is_whole_where_nothing_is_known_of_media(name: str) -> None:
    """As in CairoSVG and librsvg: to some, `height:auto` is a height of 0; and a halo covers its letters."""
    elements, style = plainly(SVGS[name]()._svg())
    assert style == ""
    assert " style=" not in elements
    assert "paint-order" not in elements
    assert re.search(r'<svg [^>]*width="\d+" height="\d+"', elements)


def test_letters_are_as_wide_as_those_of_helvetica() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="it comes with the widths of Helvetica's letters")
    metrics = Path(matplotlib.get_data_path(), "fonts", "pdfcorefonts", "Helvetica.afm").read_text(encoding="ascii")
    width = {name: int(n) for n, name in re.findall(r"WX (\d+) ; N (\w+) ;", metrics)}
    code = {int(n): name for n, name in re.findall(r"^C (\d+) ; WX \d+ ; N (\w+) ;", metrics, re.MULTILINE)}
    code |= {0x27: "quotesingle", 0x60: "grave"}  # where that code has the marks of printers
    assert [width[code[n]] for n in range(0x20, 0x7F)] == scene.WIDTHS
    assert scene.wide("W~", "title") == pytest.approx((944 + 584) * 14 * 1.2 / 1000)
    assert scene.wide("W~") == pytest.approx((944 + 584) * 12 * 1.1 / 1000)
    assert scene.wide("\u0301σ日", "alarm") == pytest.approx((620 + 1000) * 12 * 1.2 / 1000)


if __name__ == "__main__":
    descriptions.write(PAGE, {name: described(name) for name in SVGS})
