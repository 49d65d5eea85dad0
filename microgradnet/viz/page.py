"""A graph as one HTML page to explore: nothing is loaded, and nothing but the page's own script can run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from .scene import with_places


def page(graph: dict[str, Any], title: str) -> str:
    """The page that shows a graph, in ASCII: any file and any stream can hold it.

    ``graph`` is what JSON can hold; its texts are shown as they stand, never as markup:

    - ``title``, ``caption`` (a list of notes), ``direction`` ("LR" or "TB"), ``nodes``, ``groups``.
    - A node: ``id`` (an edge runs from a smaller one to a larger one), ``kind`` (parameter, input, constant, operation,
      output, folded), ``group`` (the innermost one, or None), ``title``, ``lines`` and ``alarm`` (short lines in its
      box), ``details`` (pairs of name and text), ``inputs``, and ``play`` if the graph has it.
    - An input: ``node`` (an id), ``times``, ``text``, and perhaps ``weight`` (its size makes the edge's width),
      ``sign`` ("+" or "−") and ``flow`` (the size in words).
    - A group: ``id`` (of its own kind), ``parent`` (a group's id, or None), ``title``, ``subtitle``, ``lines``,
      ``details``, ``folded``. Folding any group must leave a graph without cycles.
    - With ``play`` the page has a player, of what `played.played` says of each node; if it is true, opened.

    The page opens with the places that layers.py finds, and finds others by the same steps when something is folded.

    NaN and infinity raise ValueError: JSON has no word for them, so leave such a weight out.

    >>> node = {"id": 0, "kind": "input", "group": None, "title": "</script>", "lines": [], "alarm": [],
    ...         "details": [], "inputs": []}
    >>> text = page({"title": "x", "caption": [], "direction": "LR", "nodes": [node], "groups": []}, "x < y")
    >>> r"\\u003c/script\\u003e" in text, "<title>x &lt; y</title>" in text
    (True, True)
    """
    template = with_player(text_of("page.html"), "play" in graph)
    # JSON is ASCII here; with these three spelled out too, no text in it can end the element that it stands in.
    data = json.dumps(with_places(graph), allow_nan=False).translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&"})
    parts = {
        "style": sha256(template, "<style>", "</style>"),
        "script": sha256(template, "<script>", "</script>"),
        # Lone surrogates, which UTF-8 cannot hold, become references; the browser shows a replacement character.
        "title": html.escape(title).encode("ascii", "xmlcharrefreplace").decode("ascii"),
        "graph": data,
    }
    # In one pass: what is put in is not looked through again.
    return re.sub(r"\{\{(style|script|title|graph)\}\}", lambda found: parts[found[1]], template)


def text_of(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def with_player(template: str, wanted: bool) -> str:
    """The template with the player's style, controls and script in their places, or with none."""
    parts = {"player style": "", "player": "", "player script": ""}
    if wanted:
        style, controls, script = re.split(r"</style>\n|<script>\n", text_of("player.html"))
        parts = {"player style": style.removeprefix("<style>\n"), "player": controls,
                 "player script": script.removesuffix("</script>\n")}  # fmt: skip
    return re.sub(r"\{\{(player[a-z ]*)\}\}", lambda found: parts[found[1]], template)


def sha256(text: str, start: str, end: str) -> str:
    """What a content security policy calls the text between two tags."""
    inside = text.partition(start)[2].partition(end)[0]
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
