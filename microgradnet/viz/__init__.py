"""A recorded graph as a picture, a page and a text. Labels come from the rows."""

from .drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
