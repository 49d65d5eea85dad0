"""A film as a GIF, drawn with Pillow in matplotlib's own font (extra `plots`)."""

from __future__ import annotations

import io
from typing import Any

from ..viz.dot import STYLES
from .film import BOLD, EDGE, SIZES, Film, Mark
from .outlines import along, corners, tip
from .svg import LIT, RULE, TEXTS, WIDTHS

PAPER = "#ffffff"
FINER = 2  # times the size it is drawn at, so that edges are smooth
LARGEST = 1_200  # pixels of a side


def gif(film: Film) -> bytes:
    """The bytes of a GIF that repeats for ever.

    Raises ModuleNotFoundError, with the command that installs it, where matplotlib is missing.
    """
    try:
        from matplotlib import font_manager
        from PIL import Image, ImageDraw, ImageFont
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a GIF needs matplotlib: pip install matplotlib. An animated .svg and a page, .html, need nothing",
            name=error.name,
        ) from None
    size = min(1.0, LARGEST / max(film.w, film.h))
    scale = FINER * size
    files = {
        bold: font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=bold))
        for bold in ("normal", "bold")
    }
    fonts = {look: ImageFont.truetype(files["bold" if look in BOLD else "normal"], round(0.88 * points * scale))
             for look, points in SIZES.items()}  # fmt: skip

    def painted(base: Any, marks: list[Mark]) -> Any:
        image = base.copy()
        pen = Pen(ImageDraw.Draw(image), scale, fonts)
        for mark in marks:
            pen.put(mark)
        return image

    paper = Image.new("RGB", (round(film.w * scale), round(film.h * scale)), PAPER)
    both = Image.new("RGB", (paper.width, 2 * paper.height))  # in one, what lights up backward would hide the other
    for i, lit in enumerate([("made", "bring"), ("now", "got", "carry")]):
        seen = [mark for mark in film.marks if mark.until == film.frames or mark.look in lit]
        both.paste(painted(paper, seen), (0, i * paper.height))
    colours = both.reduce(FINER).quantize(128)
    frames = []
    for at in range(film.frames):
        image = painted(paper, [mark for mark in film.marks if mark.since <= at < mark.until])
        frames.append(image.reduce(FINER).quantize(palette=colours, dither=Image.Dither.NONE))
    out = io.BytesIO()
    first, *rest = frames
    times = [round(1000 * seconds) for seconds in film.seconds()]
    first.save(out, "GIF", save_all=True, append_images=rest, duration=times, loop=0, optimize=False)
    return out.getvalue()


class Pen:
    """Puts marks into a picture."""

    def __init__(self, draw: Any, scale: float, fonts: dict[str, Any]) -> None:
        self.draw, self.scale, self.fonts = draw, scale, fonts

    def at(self, points: Any) -> list[tuple[float, float]]:
        """Places of the film as pixels."""
        return [((x + EDGE) * self.scale, (y + EDGE) * self.scale) for x, y in points]

    def put(self, mark: Mark) -> None:
        """One mark."""
        r = mark.rect
        if mark.what == "text":
            self.write(mark.words, (r.x, r.y + (4 if mark.look == "added" else 0)), mark.look, mark.anchor)
        elif mark.what == "frame":
            self.line([*corners("folded", r), corners("folded", r)[0]], RULE[0], 1.2)
            self.write(mark.words, (r.x - r.w / 2 + 16, r.y - r.h / 2 + 22), "title", "start")
        elif mark.what == "arrow":
            colour = LIT[mark.look][0]
            self.line(along(mark.words), colour, WIDTHS[mark.look])
            self.draw.polygon(self.at(tip(mark.points, mark.look == "carry")), fill=colour)
        elif mark.look in LIT:
            around = corners(mark.words, r)
            self.line([*around, around[0], around[1]], LIT[mark.look][0], WIDTHS[mark.look])
        else:
            _, fill, line, _, _ = STYLES[mark.look]
            around = corners(mark.look, r)
            self.draw.polygon(self.at(around), fill=fill)
            self.line([*around, around[0], around[1]], line, 1.3)

    def line(self, points: Any, colour: str, width: float) -> None:
        """A line through points."""
        self.draw.line(self.at(points), fill=colour, width=max(1, round(width * self.scale)), joint="curve")

    def write(self, words: str, place: tuple[float, float], look: str, anchor: str) -> None:
        """A text on its base line."""
        (spot,) = self.at([place])
        more: dict[str, Any] = {"stroke_width": round(2 * self.scale), "stroke_fill": PAPER} if look == "added" else {}
        self.draw.text(
            spot, words, fill=TEXTS[look][0], font=self.fonts[look], anchor="ms" if anchor == "middle" else "ls", **more
        )
