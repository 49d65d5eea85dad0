"""The text of places: what they are called in a program, and the lines that read and write them."""

from __future__ import annotations

from .nodes import Attribute, DataOf, GradOf, Item, Memory, Place
from .scalars.home import Together


def owner_of(place: Place) -> str:
    """What the owner of a place is called in the text."""
    kinds = {
        DataOf: "value",
        GradOf: "value",
        Memory: "state",
        Item: "options" if isinstance(place.name, str) else "counts",
    }
    return kinds.get(type(place), type(place.owner).__name__.lower())


def name_of(place: Place) -> str:
    """What that which is at a place is called in the text."""
    if isinstance(place, (DataOf, GradOf)):
        name = place.owner.name or "value"
        return f"{name}_grad" if isinstance(place, GradOf) else name
    return {Memory: "kept", Together: "scalars", Item: f"{place.name}" if isinstance(place.name, str) else "count"}.get(
        type(place), str(place.name)
    )


def loading(place: Place, owner: str) -> str:
    """The expression that reads a place."""
    if isinstance(place, DataOf):
        return f"{owner}._numbers" if place.owner.shape else f"{owner}.data"
    if isinstance(place, GradOf):
        return f"settled({owner})"
    if isinstance(place, Item):
        return f"{owner}[{place.name!r}]"
    return f"{owner}.{place.name}" if isinstance(place, Attribute) else owner


def storing(place: Place, owner: str, x: str, fresh: bool) -> str:
    """The line that writes a place."""
    if isinstance(place, GradOf):
        return f"{owner}._grad = {x}"
    if isinstance(place, DataOf):
        return f"{owner}._numbers{'[...]' if place.owner.shape and not fresh else ''} = {x}"
    return f"{loading(place, owner)}{'[...]' if isinstance(place, Memory) else ''} = {x}"
