"""Parts of a Module, by their paths or as they are, for `Module.freeze` and `Module.unfreeze`."""

from __future__ import annotations

from typing import Any

from ..core import Value
from ..tree import KIND_OF, find, walk
from ..words import brief


def parameters_under(module: Any, parts: tuple[Any, ...]) -> list[Value]:
    """The parameters of these parts of a Module, one part after the other; all that it has, if none is given.

    ValueError for a part without a parameter or of something else, TypeError for what is none.
    """
    if not parts:
        return list(module.parameters())
    found: list[Value] = []
    own = {id(x) for _, x in walk(module)}
    for part in parts:
        kind = KIND_OF[type(part)]
        if not isinstance(part, (str, Value)) and not (kind and kind.owner):
            way = ". Several are given one by one: model.freeze(*parts)" if isinstance(part, (list, tuple, set)) else ""
            raise TypeError(
                f"a part of a model is its path, such as 'layers.0', or the layer or parameter itself; got "
                f"{brief(part)}{way}"
            )
        if not isinstance(part, str) and id(part) not in own:
            what = f"Value {part.shape}" if isinstance(part, Value) else type(part).__name__
            raise ValueError(f"this {what} is no part of the {type(module).__name__}: {names(module)}")
        here = [x for _, x in walk(find(module, part) if isinstance(part, str) else part) if isinstance(x, Value)]
        if not here:
            what = f"{part!r}" if isinstance(part, str) else f"its {type(part).__name__}"
            raise ValueError(f"{type(module).__name__} has no parameter under {what}; {names(module)}")
        found += here
    return found


def names(module: Any) -> str:
    """What parameters there are, for errors."""
    return f"it has {', '.join(name for name, _ in module.named_parameters()) or 'none'}"
