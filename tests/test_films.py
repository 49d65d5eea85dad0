"""Backward passes as they are shown: the table, what a page is told, the film and the animations made of it.

tests/films.txt has each in words. Where one is meant to change, look at it, and `python -m tests.test_films` writes the
file anew: what changed is then in the diff.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, nn
from microgradnet.playing import Steps, gif
from microgradnet.playing.film import EDGE, SIZES, Film
from microgradnet.playing.svg import animated
from microgradnet.viz.played import played
from tests import descriptions
from tests.test_svgs import Wordy, plainly
from tests.test_viz import Neurons

PAGE = Path(__file__).with_name("films.txt")


def product() -> Steps:
    a, b = Value(2.0, name="a"), Value(-3.0, name="v1")
    return mg.steps(a * b + a, title="a product & a sum")


def expression() -> Steps:
    """Names of every length, a constant folded in, what adds up, and a start of its own."""
    x, y = Value(-0.1234567, name="x"), Value(20.5, name="a name that is longer than what a box in a film shows")
    out = (x * y + y**3 / 7.0).relu() * x + np.exp(x) * x + np.maximum(x, 0.25)
    return mg.steps(out, 0.5)


def arrays() -> Steps:
    x, w = Value(np.arange(6.0).reshape(2, 3) / 7, name="x"), Value(np.eye(3), name="w")
    with mg.debug():
        h = np.where(x @ w > 0.3, np.tanh(x @ w.T), x) * x
    return mg.steps((h.sum(axis=0) / 3.0).max(), fold=(), direction="LR")


def model() -> nn.Sequential:
    rng = np.random.default_rng(0)
    made = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Residual(nn.Linear(3, 3)), nn.Linear(3, 2))
    for p in made.parameters():
        p.data = rng.normal(size=p.shape)
    return made


def cost() -> Any:
    with mg.debug():
        return F.cross_entropy(model()(np.array([[0.5, -1.0], [2.0, 0.25]])), np.array([0, 1]))


def numbers() -> Steps:
    """Some that are not finite, some that nothing reaches, and more steps than are printed."""
    x = Value(0.5, name="x")
    y = x
    for i in range(45):
        y = y * x + (x if i % 7 else 0.0)
    return mg.steps(y + Value(np.inf, name="infinite") * x + x.detach(), cap=40)


def neurons() -> Steps:
    """Parameters in frames of what holds them."""
    model = Neurons(2, 2, 1)
    return mg.steps(model([1.0, -1.0]), direction="TB")


FILMS: dict[str, Callable[[], Steps]] = {
    "a product": product,
    "an expression": expression,
    "arrays, from the left": arrays,
    "a model folded": lambda: mg.steps(cost(), depth=1, title="the cost"),
    "a model unfolded": lambda: mg.steps(cost(), fold=(), direction="LR"),
    "many numbers": numbers,
    "neurons": neurons,
    "a frame as wide as its words": lambda: mg.steps(Wordy("w" * 60)(Value(1.0, name="x"))),
}
WHOLE = ("a product", "an expression")  # whose film is on the page, mark by mark
WRITTEN = "a product"  # whose animations are there too; of the others, sums (CRC-32)


def rounded(x: Any) -> str:
    return f"{x:.1f}".removesuffix(".0") if isinstance(x, float) else str(x)


def marks(film: Film) -> Iterator[str]:
    for mark in film.marks:
        r = " ".join(map(rounded, map(float, mark.rect)))
        said = f"{mark.words!r}{''.join(f' {rounded(float(x))},{rounded(float(y))}' for x, y in mark.points)}"
        if mark.look in ("bring", "carry"):  # where one stood still
            said = f"{zlib.crc32(said.encode()):08x}"
        yield f"{mark.what} {mark.look} {mark.since}-{mark.until} at {r} {mark.anchor}: {said}"


class Recorded:
    """What a picture is drawn by, in place of Pillow's."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def note(points: Any, *text: str, **how: Any) -> None:
            places = [tuple(map(rounded, p)) for p in points] if isinstance(points, list) else [*map(rounded, points)]
            crc = f"{len(places)} points {zlib.crc32(str(places).encode()):08x}" if len(places) > 9 else places
            self.lines.append(f"{name} {crc} {' '.join(text)} {how}")

        return note


def described(name: str) -> list[str]:
    steps = FILMS[name]()
    picture = steps._drawing._small
    assert picture.passed
    plays = played(picture, picture.passed)
    for play in plays:
        for get in play["gets"]:
            if "line" in get:
                get["line"] = re.sub(r"^.*[/\\\\](\w+\.py):\d+", r"\1", get["line"])
            if "n" in get:
                get["n"] = f"{get['n']:.6g}"
    film = steps._film()
    lines = [*repr(steps).splitlines(), *[json.dumps(play, ensure_ascii=False) for play in plays]]
    lines.append(f"film: {film.frames} frames, {film.w:.1f} by {film.h:.1f}, {film.seconds()}")
    every = list(marks(film))
    lines += every if name in WHOLE else [f"{len(every)} marks {zlib.crc32(chr(10).join(every).encode()):08x}"]
    draw = Recorded()
    pen = gif.Pen(draw, 0.5, {look: look for look in SIZES})
    for mark in film.marks:
        pen.put(mark)
    for made in (animated(film).splitlines(), draw.lines, steps._drawing.text.splitlines()):
        short = f"{len(made)} lines {zlib.crc32(re.sub('mg[0-9a-f]{12}', '', chr(10).join(made)).encode()):08x}"
        lines += made if name == WRITTEN else [short]
    return [line.rstrip() for line in lines if line.strip()]


@pytest.mark.parametrize("name", FILMS)
def test_a_backward_pass_is_shown_as_it_was(name: str) -> None:
    assert described(name) == descriptions.read(PAGE)[name]


def test_the_last_frame_is_whole_where_nothing_is_known_of_media() -> None:
    elements, style = plainly(animated(expression()._film()))
    assert set(re.findall(r"[{;]([\w-]+):", style)) == {"animation"}
    assert " style=" not in elements
    assert "paint-order" not in elements


@pytest.mark.parametrize("wide", [1.0, 4.0])
def test_a_gif_has_the_films_frames_times_and_size(wide: float, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, of the extra plots, is not installed")
    from PIL import Image, ImageFont

    fonts: list[tuple[str, float]] = []
    truetype = ImageFont.truetype

    def noted(file: str, points: float) -> Any:
        fonts.append((Path(file).stem, points))
        return truetype(file, points)

    monkeypatch.setattr(ImageFont, "truetype", noted)
    film = product()._film()
    film = film._replace(w=film.w * wide)
    with Image.open(io.BytesIO(gif.gif(film))) as image:
        size = min(1.0, gif.LARGEST / max(film.w, film.h))
        assert (size < 1) == (wide > 1)
        names = {"title": "-Bold", "gradient": "-Bold", "added": "-Bold"}
        assert fonts == [
            (f"DejaVuSans{names.get(look, '')}", round(2 * size * 0.88 * points)) for look, points in SIZES.items()
        ]
        assert len(image.getpalette() or []) == 3 * 128
        assert image.size == pytest.approx((film.w * size, film.h * size), abs=1)
        assert image.info["loop"] == 0
        assert image.n_frames == film.frames
        seen = []
        for at in range(film.frames):
            image.seek(at)
            seen.append((image.info["duration"], np.asarray(image.convert("RGB"))))
    assert [time for time, _ in seen] == [1200] * (film.frames - 1) + [4000]
    corner = round(EDGE * size) // 2
    for (_, before), (_, after) in itertools.pairwise(seen):
        assert (before[:corner] > 245).all()
        assert (before != after).any()
    for at, colour in ((1, (0x2B, 0x6C, 0xB0)), (film.frames - 1, (0xB7, 0x52, 0x1B))):  # forward, backward
        assert np.abs(seen[at][1] - np.array(colour)).max(axis=2).min() < 12


if __name__ == "__main__":
    descriptions.write(PAGE, {name: described(name) for name in FILMS})
