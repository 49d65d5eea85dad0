"""A film as an SVG that plays by itself: styles alone, no script, so that it plays as a picture in a page too."""

from __future__ import annotations

import hashlib
import html
from itertools import accumulate

from ..viz.dot import STYLES
from .film import BOLD, EDGE, SIZES, Film, Mark
from .outlines import outline, tip

FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-serif"
# On light paper and on dark; page.html has the same.
INK, SOFT, RULE, LINE = ("#1c2128", "#e8eaed"), ("#5b6470", "#a3abb6"), ("#d0d4da", "#3a3f48"), ("#98a1ad", "#6d7683")
FORWARD, BACKWARD = ("#2b6cb0", "#7ab3ea"), ("#b7521b", "#f0985e")
TEXTS = {"title": INK, "line": SOFT, "value": INK, "gradient": BACKWARD, "added": BACKWARD, "told": INK}
LIT = {"made": FORWARD, "now": BACKWARD, "got": BACKWARD, "bring": FORWARD, "carry": BACKWARD, "still": LINE}
WIDTHS = {"made": 3.2, "now": 3.8, "got": 3.0, "bring": 2.2, "carry": 2.6, "still": 1.3}


def animated(film: Film) -> str:
    """The SVG. Where motion is not wanted, or not known, the last frame is seen."""
    body = "\n".join(element(mark, film) for mark in film.marks)
    mine = f"mg{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    size = f'width="{film.w:.0f}" height="{film.h:.0f}" viewBox="{-EDGE:g} {-EDGE:g} {film.w:.0f} {film.h:.0f}"'
    said = "The backward pass, one operation at a time"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{mine}" {size} font-family="{FONT}" role="img" '
        f'aria-label="{said}">\n<style>{style(mine, film)}</style>\n{body}\n</svg>\n'
    )


def style(mine: str, film: Film) -> str:
    """When each mark is seen; and what is another colour on dark paper. For this picture alone, wherever it is put.

    Inside @media is what simpler renderers, which pass over that, would take for a height of 0, and for a halo over its
    letters.
    """
    seconds = film.seconds()
    begins = [100 * at / sum(seconds) for at in accumulate(seconds, initial=0.0)]
    fits = f"#{mine}{{color-scheme:light dark;max-width:100%;height:auto}}"
    rules = [f"@media all{{{fits}#{mine} .added{{stroke:#ffffff;stroke-width:4px;paint-order:stroke}}}}"]
    for since, until in sorted({(m.since, m.until) for m in film.marks if always(m, film) is False}):
        name = f"{mine}-{since}-{until}"
        seen = [f"0%{{opacity:{int(since == 0)}}}", f"{begins[since]:.3f}%{{opacity:1}}"]
        seen += [f"{begins[until]:.3f}%{{opacity:0}}"] if until < film.frames else []
        seen += [f"100%{{opacity:{int(until == film.frames)}}}"]
        rules.append(f"@keyframes {name}{{{''.join(seen)}}}")
        rules.append(f"#{mine} .f{since}-{until}{{animation:{name} {sum(seconds):g}s step-end infinite}}")
    rules.append(f"@media(prefers-reduced-motion:reduce){{#{mine} *{{animation:none!important}}}}")
    dark = "".join(f"#{mine} .{kind}{{fill:{fill};stroke:{line}}}" for kind, (_, _, _, fill, line) in STYLES.items())
    dark += f"#{mine} .frame{{stroke:{RULE[1]}}}"
    dark += "".join(f"#{mine} text.{font}{{fill:{colour}}}" for font, (_, colour) in TEXTS.items())
    dark += "".join(f"#{mine} .{look}{{stroke:{c}}}#{mine} .tip.{look}{{fill:{c}}}" for look, (_, c) in LIT.items())
    dark += f"#{mine} .added{{stroke:#16181c}}"
    return "".join(rules) + f"@media(prefers-color-scheme:dark){{{dark}}}"


def always(mark: Mark, film: Film) -> bool:
    return mark.since == 0 and mark.until == film.frames


def element(mark: Mark, film: Film) -> str:
    """One mark. Its attributes are those of the last frame, on light paper."""
    when = "" if always(mark, film) else f" f{mark.since}-{mark.until}"
    hidden = ' opacity="0"' if mark.until < film.frames else ""
    if mark.what == "text":
        x, y = mark.rect.x, mark.rect.y
        look = f'class="{mark.look}{when}" font-size="{SIZES[mark.look]:g}" fill="{TEXTS[mark.look][0]}"'
        look += ' font-weight="600"' if mark.look in BOLD else ""
        place = f'x="{x:.1f}" y="{y + (4 if mark.look == "added" else 0):.1f}" text-anchor="{mark.anchor}"'
        return f'<text {look} {place}{hidden} xml:space="preserve">{escaped(mark.words)}</text>'
    if mark.what == "frame":
        r = mark.rect
        corner = f'x="{r.x - r.w / 2:.1f}" y="{r.y - r.h / 2:.1f}" width="{r.w:.1f}" height="{r.h:.1f}" rx="12"'
        words = f'x="{r.x - r.w / 2 + 16:.1f}" y="{r.y - r.h / 2 + 22:.1f}" font-size="14" font-weight="600"'
        title = f'<text class="title" {words} fill="{INK[0]}">{escaped(mark.words)}</text>'
        return f'<rect class="frame" {corner} fill="none" stroke="{RULE[0]}"/>{title}'
    if mark.what == "arrow":
        colour, width = LIT[mark.look][0], WIDTHS[mark.look]
        dashes = ' stroke-dasharray="7 5"' if mark.look == "carry" else ""
        line = (
            f'<path class="{mark.look}" d="{mark.words}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'
        )
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in tip(mark.points, mark.look == "carry"))
        head = f'<polygon class="tip {mark.look}" points="{points}" fill="{colour}" stroke="none"/>'
        return f'<g class="{when.strip()}"{hidden}>{line}{head}</g>' if when else line + head
    d = outline(mark.words or mark.look, mark.rect)
    if mark.look in LIT:
        dashes = ' stroke-dasharray="5 3"' if mark.look == "got" else ""
        colours = f'fill="none" stroke="{LIT[mark.look][0]}" stroke-width="{WIDTHS[mark.look]}"{dashes}'
        return f'<path class="{mark.look}{when}" d="{d}" {colours}{hidden}/>'
    _, fill, line, _, _ = STYLES[mark.look]
    return f'<path class="{mark.look}" d="{d}" fill="{fill}" stroke="{line}" stroke-width="1.3"/>'


def escaped(words: str) -> str:
    return html.escape(words).encode("ascii", "xmlcharrefreplace").decode()
