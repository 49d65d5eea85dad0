"""A picture as DOT, the language of Graphviz.

What cost others days: a ':' in a node's name becomes a port, so names are n0, n1, …; `shape=record` loses edges, so
there are boxes; a label in <…> is read as HTML, a backslash and an & as an escape, so all text goes through `literal`,
or through `aside`, where HTML is meant.
"""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from .boxes import Arrow, Box, Picture, title_of
from .facts import Facts, shorter
from .graph import Group

FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
GREY = "#808080"  # readable on white and on black
RED, BLUE, ORANGE = "#c62828", "#2b6cb0", "#c05621"

# Kind -> shape, fill, border; and the two colours for dark mode.
STYLES = {
    "parameter": ("cylinder", "#fff3cd", "#b58900", "#4a3b08", "#d9b44a"),
    "input": ("tab", "#d9f2df", "#2e8b57", "#123d25", "#66c28d"),
    "constant": ("note", "#eeeeee", "#888888", "#333333", "#aaaaaa"),
    "operation": ("box", "#e3eefb", "#3b78b5", "#14304d", "#7fb2e5"),
    "backward": ("hexagon", "#fbe9dc", "#c05621", "#4a2410", "#f0985e"),
    "update": ("component", "#daf1f2", "#25838c", "#10393d", "#6cc3cb"),
    "output": ("octagon", "#f3e1f7", "#8e44ad", "#3d1a4a", "#c792dc"),
    "folded": ("box3d", "#ffffff", "#3b78b5", "#1c1c22", "#7fb2e5"),
}

MARGINS = {"octagon": "0.2,0.12", "box3d": "0.14,0.12", "cylinder": "0.12,0.12"}  # or their lines meet the text


def source(picture: Picture, title: str, direction: str, weights: bool) -> str:
    """The DOT text: boxes in order of creation, calls of Modules as clusters."""
    import graphviz

    dot = graphviz.Digraph(comment=None, strict=False)
    caption = [*([title] if title else []), *picture.notes]
    dot.attr("graph", rankdir=direction, bgcolor="transparent", fontname=FONT, fontsize="11", fontcolor=GREY)
    caption = [line for text in caption for line in textwrap.wrap(text, 100)]
    dot.attr("graph", nodesep="0.25", ranksep="0.35", pad="0.1")
    dot.attr("graph", label=lines_of(caption, "l", 100), labelloc="b", labeljust="l")
    dot.attr("node", fontname=FONT, fontsize="11", style="filled", margin="0.12,0.06", fontcolor="#1a1a1a")
    dot.attr("edge", fontname=FONT, fontsize="9", color=GREY, fontcolor=GREY, arrowsize="0.6")
    put_boxes(dot, picture)
    sizes = [arrow.size for arrows in picture.arrows for arrow in arrows if arrow.size is not None]
    largest = max(filter(math.isfinite, sizes), default=0.0)
    for i, arrows in enumerate(picture.arrows):
        for arrow in arrows:
            dot.edge(f"n{arrow.source}", f"n{i}", **edge_style(arrow, largest, weights))
    return str(dot.source)


def put_boxes(dot: Any, picture: Picture) -> None:
    """The boxes, each in the cluster of its group, and these in each other; the innermost are finished first."""
    import graphviz

    clusters: dict[Group | None, Any] = {None: dot}
    for n, group in enumerate(picture.groups):
        clusters[group] = graphviz.Digraph(name=f"cluster_{n}")
        label = lines_of([f"{group.title}  {group.subtitle}".strip()], "l", 100)
        clusters[group].attr(label=label, labelloc="t", labeljust="l", style="rounded", color=GREY, margin="10")
    for i, box in enumerate(picture.boxes):
        clusters[box.group].node(f"n{i}", **node_style(box, picture.facts[i]))
    for group in reversed(picture.groups):  # the youngest: what is in it is younger still, and put there by now
        clusters[group.parent].subgraph(clusters[group])


def node_style(box: Box, facts: Facts) -> dict[str, str]:
    shape, fill, border, _, _ = STYLES[box.kind]
    style = "filled,rounded" if shape == "box" else "filled"
    more = {"color": border, "margin": MARGINS.get(shape, "0.12,0.06")}
    if facts.alarms:
        more |= {"color": RED, "penwidth": "3", "fontcolor": RED}
    kind = f"{box.kind} alarm" if facts.alarms else box.kind
    text = [title_of(box, facts), *facts.lines, *[f"⚠ {alarm}" for alarm in facts.alarms]]
    tooltip = "\n".join(f"{name}: {shorter(value, 300)}" for name, value in facts.details)
    return {"label": lines_of(text), "tooltip": literal(tooltip), "shape": shape, "style": style, "fillcolor": fill,
            "class": kind, **more}  # fmt: skip


def edge_style(arrow: Arrow, largest: float, weights: bool) -> dict[str, str]:
    style: dict[str, str] = {}
    text = [arrow.label] if arrow.label else []
    width = 1.0
    if weights and arrow.size is not None:
        fine = math.isfinite(arrow.size)
        share = 1.0 if not fine else (arrow.size / largest) ** 0.5 if largest else 0.0
        colour = {"+": BLUE, "-": ORANGE}.get(arrow.sign, GREY) if fine else RED
        width = 0.4 + 4.6 * share
        style = {"penwidth": f"{width:.2f}", "color": colour, "fontcolor": colour}
        text.append(arrow.flow)
    elif weights:
        style = {"style": "dashed"}
    if text:
        style["label"] = aside(text, width)
    return style


def aside(lines: Iterable[str], width: float) -> str:
    """Lines of text as a label beside an edge this wide, which Graphviz by itself would draw over the first letter."""
    text = "<br/>".join(html.escape(visible(shorter(line))).replace("\\", "&#92;") for line in lines)
    table = f'border="0" cellborder="0" cellspacing="0" cellpadding="{2 + int(width / 2)}"'
    return f"<<table {table}><tr><td>{text}</td></tr></table>>"


def lines_of(lines: Iterable[str], align: str = "n", longest: int = 60) -> str:
    """Lines of text as a DOT label; `align` is n for centred, l for left."""
    import graphviz

    text = f"\\{align}".join(literal(shorter(line, longest)) for line in lines)
    label: str = graphviz.nohtml(text + (f"\\{align}" if align == "l" and text else ""))
    return label


def visible(text: str) -> str:
    """Text without what no picture can hold: control characters and halves of characters are shown as escapes."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\u2028-\u202e\u2066-\u2069]", escaped, text)


def escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def literal(text: str) -> str:
    """`text` so that Graphviz shows it as it is."""
    text = visible(text).replace("&", "&amp;").replace("\\", "\\\\")
    return text.replace("\r", "").replace("\n", "\\n").replace("\t", " ")
