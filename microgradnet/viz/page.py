"""A graph as one HTML page to explore: nothing is loaded, and nothing but the page's own script can run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any


def page(graph: dict[str, Any], title: str) -> str:
    """The page that shows a graph, to be written as UTF-8.

    ``graph`` holds strings, finite numbers, None, lists and dicts, as page.html reads them; every text in it is shown
    as it stands, never as markup. NaN raises ValueError: JSON has no word for it, so leave that weight out.

    >>> node = {"id": 0, "kind": "input", "group": None, "title": "</script>", "lines": [], "alarm": [],
    ...         "details": [], "inputs": []}
    >>> text = page({"title": "x", "caption": [], "direction": "LR", "nodes": [node], "groups": []}, "x < y")
    >>> r"\\u003c/script\\u003e" in text, "<title>x &lt; y</title>" in text
    (True, True)
    """
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    # JSON is ASCII here; with these three spelled out too, no text in it can end the element that it stands in.
    data = json.dumps(graph, allow_nan=False).translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&"})
    parts = {
        "style": sha256(template, "<style>", "</style>"),
        "script": sha256(template, "<script>", "</script>"),
        # Lone surrogates, which UTF-8 cannot hold, become references; the browser shows a replacement character.
        "title": html.escape(title).encode("ascii", "xmlcharrefreplace").decode("ascii"),
        "graph": data,
    }
    # In one pass: what is put in is not looked through again.
    return re.sub(r"\{\{(style|script|title|graph)\}\}", lambda found: parts[found[1]], template)


def sha256(text: str, start: str, end: str) -> str:
    """What a content security policy calls the text between two tags."""
    inside = text.partition(start)[2].partition(end)[0]
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
