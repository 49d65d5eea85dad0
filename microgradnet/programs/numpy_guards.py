"""The text of guards: the condition that one does not hold, written out where that is faster than its call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core import modes
from ..core.modes import itself
from .functions import is_none
from .nodes import Node
from .structure import Structure
from .surroundings import Surroundings

if TYPE_CHECKING:
    from .numpy_code import Writer


def otherwise(writer: Writer, node: Node) -> str:
    """The condition that a guard or a check does not hold."""
    held, function = node.held, node.function
    if function is Surroundings.holds:
        around = writer.name(node.args[0], "around")
        return f"not ({around}.same() or {around}.holds())"
    if function is Structure.holds:
        return restructured(writer, node.args[0])
    if function is bool:
        return f"{'not ' if held else ''}{writer.text(node.args[0])}"
    if function is is_none:
        return f"{writer.text(node.args[0])} is {'not ' if held else ''}None"
    if function is itself:
        return f"{writer.text(node.args[0])} is not {writer.name(held, 'held', True)}"
    call = writer.call(node)
    if type(held) is bool:
        return call if not held else f"not {call}"
    plain = isinstance(held, (int, str, tuple, np.generic))
    return f"{call} != {writer.text(held)}" if plain else f"{call} is not {writer.name(held, 'held', True)}"


def restructured(writer: Writer, structure: Structure) -> str:
    """The condition that Modules are others: looked at where one was changed anywhere, or one of their lists."""
    same = writer.name(structure, "structure")
    changed = [f"{writer.name(modes.changes, 'changes')}[0] != {same}.since"]
    for x, was, plain in structure.lists:
        changed.append(f"{writer.name(x, 'parts', True)} != {writer.name(was, 'were', True)}" if plain else "True")
    return f"({' or '.join(changed)}) and not {same}.holds()"
