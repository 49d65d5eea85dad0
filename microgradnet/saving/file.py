"""A file of a model or a training: `save` writes it whole, `load` reads it and puts back what it holds."""

from __future__ import annotations

import os
from typing import Any

from ..files import place, replace
from ..nn.module import Module
from ..words import brief
from .formats import FORMATS, Path, format_of, safetensors
from .manifest import Reading, Writing
from .restore import paired, put_back
from .states import is_stateful


def save(path: Path, model: Module | None = None, **things: Any) -> None:
    """Write a model, and whatever else is given by name, to a `.npz` or `.safetensors` file.

    Each thing is a Module, an optimiser or schedule (anything with `state_dict` and `load_state_dict`), a
    np.random.Generator, or plain data: numbers, strings, arrays, None, and dicts, lists and tuples of them. With them
    go the states of all generators in Modules and of the one that layers without a seed share.

    The weights of `model` have their own names in the file, so np.load or safetensors.torch.load_file read them.
    The file is replaced at once: whenever the program is killed, the old file or the new one is there, and what it had
    begun to write goes with the next save. A link stays a link, the file it leads to is replaced; a file that is there
    keeps its permissions.

    Raises TypeError for what cannot be saved, before anything is written; OSError for a path that no file can have,
    such as that of a device.

    >>> import os, tempfile
    >>> from microgradnet import nn
    >>> model, path = nn.MLP(2, [3, 1], seed=0), os.path.join(tempfile.mkdtemp(), "net.npz")
    >>> save(path, model, epoch=3)
    >>> load(path, nn.MLP(2, [3, 1], seed=1))
    {'epoch': 3}
    """
    _, packed = format_of(path)
    file = target(path)
    replace(file, packed(*Writing().file(given(model, things))))


def load(path: Path, model: Module | None = None, **things: Any) -> dict[str, Any]:
    """Restore what is given from a file of `save`, in place, and return what else the file holds, by name.

    Give the Modules, optimisers, schedules and generators under the names they were saved by. Of those not given, the
    state dicts are returned, and new generators: `load(path)` changes nothing. A file that another program wrote, such
    as PyTorch with safetensors, holds the weights of `model`. Generators that were one object when saved must be one
    object here. For weights without any random state: `model.load_state_dict(load(path)["model"])`.

    Raises FileNotFoundError; ValueError for a file that is damaged or does not fit what is given. Then nothing has
    changed.

    >>> import os, tempfile
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "draws.npz")
    >>> rng = np.random.default_rng(0)
    >>> save(path, rng=rng, best=np.float32(0.5))
    >>> before = rng.random()
    >>> load(path, rng=rng)
    {'best': np.float32(0.5)}
    >>> rng.random() == before
    True
    """
    read, _ = format_of(path)
    wanted = given(model, things)
    for name, thing in wanted.items():
        if not is_stateful(thing):
            raise TypeError(
                f"load({name}={brief(thing)}): given are Modules, optimisers, schedules and generators; anything else "
                f"is returned, load(path)[{name!r}]"
            )
    path = os.fspath(path)
    with open(path, "rb"):  # or FileNotFoundError, PermissionError, IsADirectoryError
        pass
    try:
        saved = Reading(*read(path))
    except ModuleNotFoundError:
        raise
    except Exception as error:  # it can be opened: whatever goes wrong now is wrong in the file
        raise ValueError(f"{path} cannot be loaded, it is damaged or no file of save(): {error}") from error
    missing = [name for name in wanted if name not in saved.things]
    if missing:
        raise ValueError(f"{path} does not hold {', '.join(missing)}; it holds {', '.join(saved.things) or 'nothing'}")
    live = paired(saved, wanted, path)
    put_back(wanted, live, saved, path)
    return {name: saved.plain(part, live) for name, part in saved.things.items() if name not in wanted}


def target(path: Path) -> str:
    """The file that `save(path)` writes. Raises what can be said before there is anything to write."""
    if format_of(path) is FORMATS[".safetensors"]:
        safetensors()
    return place(path)


def given(model: Module | None, things: dict[str, Any]) -> dict[str, Any]:
    """What was given to `save` or `load`, by name. TypeError for a model that is none."""
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"model is a Module; got {brief(model)}. Anything else has a name: save(path, weights=arrays)")
    return things if model is None else {"model": model, **things}
