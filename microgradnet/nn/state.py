"""The numbers of a Module as a plain dict, and back: `Module.state_dict`, `Module.load_state_dict`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..checks import unmasked
from ..core import Array, Value, modes, numbers
from ..tree import find, state_names, walk
from ..words import brief, fields


class Incompatible(NamedTuple):
    """What did not fit when a state was loaded; the names are PyTorch's."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        return fields(self)


def walked(module: Any, buffers: bool = False) -> Iterator[tuple[str, Any]]:
    """The Modules in a Module, itself included, its parameters and its buffers: a compiled step relies on all that."""
    for path, found in walk(module, buffers=buffers):
        if modes.on and not isinstance(found, Value | np.ndarray):
            modes.relied_on(found)
        yield path, found


def places(module: Any) -> dict[str, Any]:
    """Each parameter and buffer of a Module, under the name that a state dict has for it."""
    found: dict[str, Any] = {}
    held = [(path, x) for path, x in walked(module, buffers=True) if isinstance(x, Value | np.ndarray)]
    names = state_names(module, [path for path, _ in held])
    for path, (_, x) in zip(names, held, strict=True):
        if path in found:
            raise ValueError(f"two arrays of this {type(module).__name__} have the path {path!r}: rename one")
        found[path] = x
    return found


def taken(module: Any) -> dict[str, Array]:
    """A copy of each parameter and buffer, under its path."""
    return {path: np.array(unmasked(path, numbers(x))) for path, x in places(module).items()}


def load(module: Any, state: Mapping[str, Any], strict: bool) -> Incompatible:
    """Write a state into the Values and arrays of a Module, or raise ValueError and write nothing."""
    if not isinstance(state, Mapping):
        raise TypeError(f"a state is a dict of arrays, such as model.state_dict(); got {brief(state)}")
    mine = places(module)
    owned = {id(x) for x in mine.values()}
    given: dict[int, tuple[str, Any, Any]] = {}  # which array -> its key in the state, itself, its new numbers
    unexpected, wrong = [], []
    for key, new in state.items():
        x = find(module, str(key))
        if id(x) not in owned:
            unexpected.append(str(key))
            continue
        array, problem = fitting(x, new)
        if problem is None and id(x) in given and not np.array_equal(given[id(x)][2], array, equal_nan=True):
            problem = f"is tied to {given[id(x)][0]} here, and differs from it in the state"
        if problem is not None:
            wrong.append(f"{key} {problem}")
        given.setdefault(id(x), (key, x, array))
    missing = [path for path, x in mine.items() if id(x) not in given]
    report = Incompatible(missing, unexpected)
    if strict:
        wrong += [f"{path} is missing" for path in missing] + [f"{key} is left over" for key in unexpected]
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        way = ". strict=False lets missing and left over ones be" if strict and (missing or unexpected) else ""
        if set(missing) & {re.sub(r"(^|\.)(\d+)\.", r"\1layers.\2.", key) for key in unexpected}:
            way += ". PyTorch's Sequential, and ours, call 0.weight what is layers.0.weight here"
        raise ValueError(
            f"this state does not fit the {type(module).__name__}, nothing was loaded: {'; '.join(wrong[:10])}{more}"
            f"{way}"
        )
    for _, x, array in given.values():
        if isinstance(x, Value):
            x.data = array
        elif x.flags.writeable:
            x[...] = array
    return report


def fitting(x: Any, new: Any) -> tuple[Any, str | None]:
    """`new` as an array in the dtype of a parameter or buffer; or what is wrong with it."""
    if isinstance(new, Value) or not hasattr(new, "__array__"):
        return None, f"is no array but {brief(new)}"
    if isinstance(new, np.ma.MaskedArray):
        return None, "is a masked array, whose mask would be lost"
    try:
        array = np.asarray(new)
    except Exception as error:  # of another library's array, which has its own
        return None, f"does not become an array ({error})"
    if array.shape != x.shape:
        return None, f"has shape {array.shape}, here {x.shape}"
    if array.dtype.kind != x.dtype.kind:
        return None, f"has dtype {array.dtype}, here {x.dtype}"
    with np.errstate(over="ignore"):
        cast = array.astype(x.dtype)
    fits = np.isinf(cast) == np.isinf(array) if x.dtype.kind == "f" else cast == array
    if not np.all(fits):
        return None, f"holds numbers that {x.dtype} does not"
    if isinstance(x, Value) and x.op is not None:
        return None, "was computed here, and cannot be written: load into the Module it was made from"
    if isinstance(x, np.ndarray) and not x.flags.writeable and not np.array_equal(x, cast, equal_nan=True):
        return None, "is read-only here, and differs"
    return cast, None
