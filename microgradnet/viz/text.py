"""A picture as text: an indented tree from the results back to what they were computed from."""

from __future__ import annotations

from .boxes import Arrow, Picture
from .dot import visible
from .facts import shorter

MARK = {"parameter": "▭", "input": "▷", "constant": "·", "operation": "○", "output": "◎", "folded": "▣"}


def tree(picture: Picture, title: str) -> str:
    """One line for each box. What it was computed from stands under it, indented; where only one way leads on from
    it, that way is not indented, so that a long computation is a straight list. A box met again is only named.
    """
    users: list[int] = [0] * len(picture.boxes)
    for arrows in picture.arrows:
        for arrow in arrows:
            users[arrow.source] += 1
    marks: dict[int, int] = {}  # of boxes used several times, in the order in which they come
    lines = [title, *[f"({note})" for note in picture.notes]]
    tops = [i for i, n in enumerate(users) if n == 0 or picture.boxes[i].kind == "output"]
    todo: list[tuple[int, int, str]] = []
    seen: set[int] = set()
    while todo or tops:
        if not todo:
            top = tops.pop()
            todo = [] if top in seen else [(top, 0, "")]  # it stands where another is computed from it
            continue
        i, indent, text = todo.pop()
        pad = "  " * indent + (f"{text}: " if text else "")
        repeated = f" [{marks.setdefault(i, len(marks) + 1)}]" if users[i] > 1 else ""
        if i in seen:
            lines.append(f"{pad}↑{repeated or ' ' + picture.facts[i].title}")
            continue
        seen.add(i)
        lines.append(f"{pad}{MARK[picture.boxes[i].kind]} {said(picture, i)}{repeated}")
        inputs = picture.arrows[i]
        ways = [arrow for arrow in inputs if picture.arrows[arrow.source] and arrow.source not in seen]
        straight = ways[0] if len(ways) == 1 else None
        below = [(arrow.source, indent + 1, on_edge(arrow)) for arrow in inputs if arrow is not straight]
        if straight:
            below.append((straight.source, indent, on_edge(straight)))
        todo += reversed(below)
    return "\n".join(line for line in lines if line)


def said(picture: Picture, i: int) -> str:
    facts = picture.facts[i]
    parts = [facts.title, *facts.lines, *[f"!! {alarm} !!" for alarm in facts.alarms]]
    return "  ".join(shorter(visible(part).replace("\n", "\\n"), 80) for part in parts)


def on_edge(arrow: Arrow) -> str:
    return " ".join(part for part in (arrow.label, arrow.flow) if part)
