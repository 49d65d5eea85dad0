"""A graph for eyes: what each box says and how large that makes it, edges with labels, and the places of all of them.

The picture that svg.py writes and the page that page.py writes are of one scene, and look alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from .cells import SCREEN, Box, Edge, Frame, Layout
from .facts import shorter
from .layers import layout

FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-serif"
SIZES = {"title": 14.0, "line": 12.0, "alarm": 12.0}  # of letters; titles and alarms are bold
STEP = 17.0  # from line to line
READABLE = 1_000.0  # the height of a picture that a screen shows well
# Widths in Helvetica, in thousandths of its size, of the characters from the space to the tilde.
WIDTHS = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
]  # fmt: skip


def cut(text: str, most: int) -> str:
    """The text as it is seen, or its beginning: halves of characters are replaced; control characters, and marks that
    would turn or hide the text beside them, are spelled out."""
    return shorter(UNSEEN.sub(spelled_out, text[: 4 * most]), most)


UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
UNKNOWN, OPEN, CLOSE = chr(0xFFFD), chr(0x27E8), chr(0x27E9)  # only ever in a picture, which has all characters


def spelled_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return UNKNOWN if 0xD800 <= code < 0xE000 else f"{OPEN}U+{code:04X}{CLOSE}"


def wide(text: str, font: str = "line") -> float:
    """About how wide a text is: rather too much, since other machines have other fonts."""
    total = 0
    for c in text:
        if " " <= c <= "~":
            total += WIDTHS[ord(c) - 32]
        elif unicodedata.combining(c) == 0:
            total += 1_000 if unicodedata.east_asian_width(c) in "WF" else 620
    return total * SIZES[font] * (1.1 if font == "line" else 1.2) / 1_000


def add_rows(graph: dict[str, Any]) -> None:
    """Gives every node and every group its `rows` (font and text), and the size that it has with these as a box."""
    groups = {group["id"]: group for group in graph["groups"]}
    alarms: dict[Any, list[str]] = {i: [] for i in groups}
    for node in graph["nodes"]:
        around = node["group"]
        while around is not None:
            alarms[around] += node["alarm"]  # what is wrong inside a folded group is still said
            around = groups[around]["parent"]
        size_up(node, node["alarm"])
    for group in graph["groups"]:
        size_up(group, alarms[group["id"]])
        title, subtitle = cut(group["title"], 40), cut(group["subtitle"], 50)
        group["least"] = round(64 + max(wide(title, "title"), wide(subtitle)), 1)  # as an open frame


def size_up(box: dict[str, Any], alarms: list[str]) -> None:
    lines = [line for line in [box.get("subtitle", ""), *box["lines"]] if line]
    rows = [("title", cut(box["title"], 32)), *[("line", cut(line, 44)) for line in lines]]
    hidden = len(alarms) - 2
    rows += [("alarm", f"⚠ {cut(text, 44)}") for text in alarms[:2]]
    rows += [("alarm", f"⚠ and {hidden} more")] if hidden > 0 else []
    box["rows"] = rows
    box["w"] = round(max(44.0, 30 + max(wide(text, font) for font, text in rows)), 1)
    box["h"] = 22 + STEP * len(rows)


def shown_edges(graph: dict[str, Any], folded: set[Any]) -> list[dict[str, Any]]:
    """The edges between boxes, where these groups are folded: by `from` and `to`, with a label, a weight and a sign.

    One for each input between two nodes; one for all, where they are more than four, and where a folded group is.
    """
    parents = {group["id"]: group["parent"] for group in graph["groups"]}

    def box_of(node: dict[str, Any]) -> str:
        key, around = f"n{node['id']}", node["group"]
        while around is not None:
            key = f"g{around}" if around in folded else key
            around = parents[around]
        return key

    nodes = {node["id"]: node for node in graph["nodes"]}
    merged: dict[Any, dict[str, Any]] = {}
    for to in graph["nodes"]:
        sources = [edge["node"] for edge in to["inputs"]]
        for i, edge in enumerate(to["inputs"]):
            a, b = box_of(nodes[edge["node"]]), box_of(to)
            if a == b:
                continue
            alone = a[0] == b[0] == "n" and sources.count(edge["node"]) <= 4
            found = merged.setdefault(
                (a, b, i if alone else None),
                {"from": a, "to": b, "times": 0, "weight": 0.0, "signs": {}, "texts": {}, "flows": {}},
            )
            found["times"] += edge.get("times", 1)
            found["weight"] = max(found["weight"], abs(edge.get("weight", 0.0)))
            for name in ("sign", "text", "flow"):
                if edge.get(name):
                    found[f"{name}s"][edge[name]] = None
    for edge in merged.values():
        edge["sign"] = "±" if len(edge["signs"]) > 1 else next(iter(edge["signs"]), "")
        flow = next(iter(edge["flows"])) if len(edge["flows"]) == edge["times"] == 1 else ""
        times = f"×{edge['times']}" if edge["times"] > 1 else ""
        texts = ", ".join(edge["texts"]) + (":" if edge["texts"] and flow else "")
        edge["label"] = " ".join(part for part in (texts, f"{edge['sign']}{flow}", times) if part)
    return list(merged.values())


def laid_out(graph: dict[str, Any], edges: list[dict[str, Any]], folded: set[Any]) -> Layout:
    """The places of what is to be seen of a graph with rows, where these groups are folded.

    Keys are "n3" for node 3 and "g3" for group 3.
    """
    parents = {group["id"]: group["parent"] for group in graph["groups"]}

    def chain(group: Any) -> list[Any]:
        """A group and those around it, innermost first."""
        found = []
        while group is not None:
            found.append(group)
            group = parents[group]
        return found

    things = {f"n{node['id']}": node for node in graph["nodes"]} | {f"g{g['id']}": g for g in graph["groups"]}
    boxes: dict[str, Box] = {}
    for node in graph["nodes"]:
        key, home = f"n{node['id']}", node["group"]
        for group in chain(home):
            if group in folded:
                key, home = f"g{group}", parents[group]
        box = things[key]
        frame = None if home is None else f"g{home}"
        boxes.setdefault(key, Box(key, box["w"], box["h"], frame, box.get("kind") in ("parameter", "constant")))
    frames = [
        Frame(f"g{g['id']}", g["least"], None if g["parent"] is None else f"g{g['parent']}")
        for g in sorted(graph["groups"], key=lambda g: len(chain(g["id"])))
        if not folded & set(chain(g["id"]))
    ]
    lines = [Edge(e["from"], e["to"], 7.0 * min(24, len(e["label"])), 14.0 if e["label"] else 0.0) for e in edges]
    return layout(list(boxes.values()), lines, frames, graph["direction"])


def opened(graph: dict[str, Any]) -> tuple[list[dict[str, Any]], Layout]:
    """The edges and the places of a graph with rows, its groups folded as they say."""
    folded = {group["id"] for group in graph["groups"] if group["folded"]}
    edges = shown_edges(graph, folded)
    return edges, laid_out(graph, edges, folded)


def with_places(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph with rows and sizes, and with the `places` of what is to be seen of it at first, for the page."""
    add_rows(graph)
    places = opened(graph)[1]

    def rounded(numbers: Iterable[float]) -> list[float]:
        return [round(x, 2) for x in numbers]

    found = {
        "w": round(places.w, 2),
        "h": round(places.h, 2),
        "boxes": {key: rounded(rect) for key, rect in places.boxes.items()},
        "frames": {key: rounded(rect) for key, rect in places.frames.items()},
        "edges": [[path.d, rounded(path.points[-1]), path.label and rounded(path.label)] for path in places.edges],
    }
    return graph | {"places": found}


def in_better_direction(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph, with the direction that shows it larger on a screen where that matters."""
    add_rows(graph)
    sizes = []
    other = "TB" if graph["direction"] == "LR" else "LR"
    for direction in (graph["direction"], other):
        places = opened(graph | {"direction": direction})[1]
        sizes.append(max(places.w / SCREEN, places.h))
        if sizes[0] < READABLE:
            return graph
    return graph | {"direction": other} if sizes[1] < 0.9 * sizes[0] else graph
