"""A graph as an SVG of our own making, for where there is no Graphviz: plain text, light and dark, nothing to run."""

from __future__ import annotations

import hashlib
import html
import math
import textwrap
from typing import Any

from .cells import HEAD, Rect
from .scene import FONT, STEP, add_rows, cut, opened

EDGE = 12.0  # around the picture
CORNER = 9.0  # that some outlines lack
# Colours on light paper and on dark; page.html has the same.
INK, SOFT, RULE, LINE = ("#1c2128", "#e8eaed"), ("#5b6470", "#a3abb6"), ("#d0d4da", "#3a3f48"), ("#98a1ad", "#6d7683")
PLUS, MINUS, ALARM = ("#2b6cb0", "#7ab3ea"), ("#b7521b", "#f0985e"), ("#c8102e", "#ff6b7d")
FILLS = {
    "parameter": ("#fdf0d5", "#473715"), "input": ("#def3e4", "#1c402b"), "constant": ("#eef0f2", "#2b2f36"),
    "operation": ("#e6effc", "#22344f"), "output": ("#efe6fa", "#3a2950"), "folded": ("#e3e8ee", "#333b47"),
    "backward": ("#fbe9dc", "#4a2410"), "update": ("#daf1f2", "#10393d"), "alarmed": ("#fff0f1", "#3d1a20"),
    "frame": ("#f3f5f8", "#1b1f26"),
}  # fmt: skip
SIGNS = {"+": "plus", "-": "minus", "−": "minus"}


def picture(graph: dict[str, Any]) -> str:
    """The SVG of a graph as `page` takes it: whatever it says stands there as text.

    >>> node = {"id": 0, "kind": "input", "group": None, "title": "<x>", "lines": ["1.5"], "alarm": [], "details": [],
    ...         "inputs": []}
    >>> drawn = picture({"title": "", "caption": [], "direction": "LR", "nodes": [node], "groups": []})
    >>> drawn.startswith("<svg "), "&lt;x&gt;</text>" in drawn
    (True, True)
    """
    add_rows(graph)
    edges, places = opened(graph)
    things = {f"n{node['id']}": node for node in graph["nodes"]} | {f"g{g['id']}": g for g in graph["groups"]}
    heaviest = max([0.0, *[edge["weight"] for edge in edges]])
    frames = [(things[key], rect) for key, rect in places.frames.items()]
    body = [frame(group, rect) for group, rect in frames]
    body += [arrow(edge, path, heaviest, graph["direction"]) for edge, path in zip(edges, places.edges, strict=True)]
    body += [head(group, rect) for group, rect in frames]  # over the edges
    body += [box(things[key], rect) for key, rect in places.boxes.items()]
    notes = [*([graph["title"]] if graph["title"] else []), *graph["caption"]]
    lines = [line for note in notes for line in textwrap.wrap(cut(note, 2_000), 100)]
    body += [text(line, 0, places.h + 26 + 16 * i, "line", "start") for i, line in enumerate(lines)]
    width = max([places.w + 8, *[6.2 * len(line) for line in lines]]) + 2 * EDGE  # 8: of the sheets of a stack
    height = places.h + 8 + (14 + 16 * len(lines) if lines else 0) + 2 * EDGE
    inside = "\n".join(body)
    mine = f"mg{hashlib.sha256(inside.encode()).hexdigest()[:12]}"
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="{-EDGE:g} {-EDGE:g} {width:.0f} {height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{mine}" {size} font-family="{FONT}">\n'
        f"<style>{style(mine)}</style>\n{inside}\n</svg>\n"
    )


def style(mine: str) -> str:
    """What changes on dark paper, for this picture alone, wherever it is put. On light paper, attributes suffice.

    All of it is for browsers, and inside @media, which simpler renderers pass over: to them `height:auto` is a height
    of 0, and a halo painted over its letters.
    """
    dark = "".join(f"#{mine} .{kind} .shape{{fill:{fill}}}" for kind, (_, fill) in FILLS.items())
    rules = {
        ".shape": f"stroke:{LINE[1]}", ".sheet,.edge path": f"stroke:{LINE[1]}", ".tip": f"fill:{LINE[1]}",
        "text": f"fill:{SOFT[1]}", ".title": f"fill:{INK[1]}", ".frame .shape": f"stroke:{RULE[1]}",
        ".head": f"stroke:{FILLS['frame'][1]}", ".alarm": f"fill:{ALARM[1]}", ".alarmed .shape": f"stroke:{ALARM[1]}",
    }  # fmt: skip
    for kind, (_, colour) in (("plus", PLUS), ("minus", MINUS), ("loud", ALARM)):
        rules |= {f".{kind} path": f"stroke:{colour}", f".{kind} .tip,.{kind} text": f"fill:{colour}"}
    for names, rule in rules.items():
        dark += ",".join(f"#{mine} {name}" for name in names.split(",")) + f"{{{rule}}}"
    fits = f"#{mine}{{color-scheme:light dark;max-width:100%;height:auto}}"
    halo = f"#{mine} .head{{stroke:{FILLS['frame'][0]};stroke-width:4px;stroke-linejoin:round;paint-order:stroke}}"
    return f"@media all{{{fits}{halo}}}@media (prefers-color-scheme:dark){{{dark}}}"


def escaped(words: str) -> str:
    return html.escape(words).encode("ascii", "xmlcharrefreplace").decode()


def text(words: str, x: float, y: float, font: str, anchor: str = "middle") -> str:
    size, colour = ("14", INK[0]) if font == "title" else ("12", ALARM[0] if font == "alarm" else SOFT[0])
    bold = "" if font == "line" else ' font-weight="600"'
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text class="{font}" {place} fill="{colour}"{bold} xml:space="preserve">{escaped(words)}</text>'


def frame(group: dict[str, Any], rect: Rect) -> str:
    corner = f'x="{rect.x - rect.w / 2:.1f}" y="{rect.y - rect.h / 2:.1f}" width="{rect.w:.1f}" height="{rect.h:.1f}"'
    shape = f'<rect class="shape" {corner} rx="12" fill="{FILLS["frame"][0]}" stroke="{RULE[0]}"/>'
    return f'<g class="frame">{tooltip(group)}{shape}</g>'


def head(group: dict[str, Any], rect: Rect) -> str:
    x, y = rect.x - rect.w / 2 + 16, rect.y - rect.h / 2
    lines = [text(cut(group["title"], 40), x, y + 20, "title", "start")]
    if group["subtitle"]:
        lines.append(text(cut(group["subtitle"], 50), x, y + HEAD - 10, "line", "start"))
    return f'<g class="head">{"".join(lines)}</g>'


def tooltip(thing: dict[str, Any]) -> str:
    lines = [f"{name}: {cut(value, 300)}" for name, value in thing["details"]]
    return f"<title>{escaped(chr(10).join(lines))}</title>" if lines else ""


def box(node: dict[str, Any], rect: Rect) -> str:
    kind = node.get("kind", "folded")
    alarmed = any(font == "alarm" for font, _ in node["rows"])
    fill, line = (FILLS["alarmed"][0], ALARM[0]) if alarmed else (FILLS[kind][0], LINE[0])
    dashes = ' stroke-dasharray="4 3"' if kind == "constant" else ""
    width = "2.6" if alarmed else "1.3"
    parts = [
        f'<path class="shape" d="{outline(kind, rect)}" fill="{fill}" stroke="{line}" stroke-width="{width}"{dashes}/>'
    ]
    if kind == "folded":
        x, y = rect.x + rect.w / 2, rect.y + rect.h / 2
        sheets = "".join(f"M{x - rect.w + i + 3:.1f} {y + i:.1f}H{x + i:.1f}V{y - rect.h + i + 3:.1f}" for i in (4, 8))
        parts.append(f'<path class="sheet" d="{sheets}" fill="none" stroke="{LINE[0]}"/>')
    top = rect.y - STEP * (len(node["rows"]) - 1) / 2 + 4.5
    parts += [text(words, rect.x, top + STEP * i, font) for i, (font, words) in enumerate(node["rows"])]
    return f'<g class="node {kind}{" alarmed" * alarmed}">{tooltip(node)}{"".join(parts)}</g>'


def outline(kind: str, rect: Rect) -> str:
    """Kinds differ in outline as well as in colour."""
    left, right, top, low = rect.x - rect.w / 2, rect.x + rect.w / 2, rect.y - rect.h / 2, rect.y + rect.h / 2
    c = min(CORNER, rect.h / 2)

    def polygon(*points: tuple[float, float]) -> str:
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"

    if kind == "parameter":
        return polygon((left + c, top), (right - c, top), (right, top + c), (right, low - c), (right - c, low),
                       (left + c, low), (left, low - c), (left, top + c))  # fmt: skip
    if kind == "input":
        return polygon((left, top), (right - c, top), (right, rect.y), (right - c, low), (left, low))
    if kind in ("constant", "update"):
        bar = f"M{left + c:.1f} {top:.1f}V{low:.1f}" if kind == "update" else ""
        return polygon((left, top), (right, top), (right, low), (left, low)) + bar
    if kind == "backward":
        return polygon((left, rect.y), (left + c, top), (right - c, top), (right, rect.y), (right - c, low),
                       (left + c, low))  # fmt: skip

    def rounded(by: float, r: float) -> str:
        w, h = rect.w - 2 * by - 2 * r, rect.h - 2 * by - 2 * r
        arc = f"a{r:g} {r:g} 0 0 1"
        return (
            f"M{left + by + r:.1f} {top + by:.1f}h{w:.1f}{arc} {r:g} {r:g}v{h:.1f}{arc} {-r:g} {r:g}"
            f"h{-w:.1f}{arc} {-r:g} {-r:g}v{-h:.1f}{arc} {r:g} {-r:g}Z"
        )

    if kind == "output":
        return rounded(0, 7) + rounded(3.5, 4)
    return rounded(0, 6 if kind == "folded" else min(rect.h / 2, 18))


def arrow(edge: dict[str, Any], path: Any, heaviest: float, direction: str) -> str:
    kind, colour = SIGNS.get(edge["sign"], ""), LINE[0]
    colour = {"plus": PLUS[0], "minus": MINUS[0]}.get(kind, colour)
    if any(not math.isfinite(float(flow)) for flow in edge["flows"]):
        kind, colour = "loud", ALARM[0]
    share = edge["weight"] / heaviest if heaviest else 0.0
    dashes = ' stroke-dasharray="5 4"' if heaviest and not edge["flows"] else ""  # nothing flows back along it
    x, y = path.points[-1]
    along, aside = ((1, 0), (0, 1)) if direction == "LR" else ((0, 1), (1, 0))
    tip = "L".join(
        f"{x + a * along[0] + b * aside[0]:.1f} {y + a * along[1] + b * aside[1]:.1f}"
        for a, b in ((5, 0), (-4, -4), (-4, 4))
    )
    parts = [
        f'<path d="{path.d}" fill="none" stroke="{colour}" stroke-width="{1.3 + 4 * share:.2f}"{dashes}/>',
        f'<polygon class="tip" points="{tip.replace("L", " ")}" fill="{colour}"/>',
    ]
    if path.label:
        words = escaped(cut(edge["label"], 24))
        place = f'x="{path.label.x:.1f}" y="{path.label.y + 2:.1f}" text-anchor="middle"'
        fill = colour if kind else SOFT[0]
        parts.append(f'<text {place} font-size="11.5" font-weight="600" fill="{fill}">{words}</text>')
    return f'<g class="edge {kind}">{"".join(parts)}</g>'
