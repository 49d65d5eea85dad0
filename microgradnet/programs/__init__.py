"""`mg.compile`: a recorded computation read back as a program."""

from .compiled import compile

__all__ = ["compile"]
