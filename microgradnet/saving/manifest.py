"""The manifest: what stands in a file, as JSON and arrays, and back again.

JSON says what it can say. Anything else is a dict whose first key starts with $:

    {"$module": {path: …}, "generators": {path: number}}    a Module's state dict, and where it has which generators
    {"$array": name, "order": "F"}, {"$scalar": name}       an array of the file; one number of NumPy
    {"$numbers": […], "dtype": "<u8"}                       an array of few numbers, which is no tensor
    {"$tuple": […]}, {"$dict": [[key, …], …]}               a tuple; a dict whose keys are not plain strings
    {"$generator": number}                                  a generator: 0 is the one that layers without a seed share
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np

from ..core import Array, Value
from ..nn.init import shared
from ..nn.module import Module
from ..words import brief
from .formats import Arrays, Meta, check_dtype
from .states import generators, is_generator

VERSION = 1


def digest(manifest: str, arrays: Arrays) -> str:
    """The sha256 of everything that matters in a file."""
    total = hashlib.sha256(manifest.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


class Writing:
    """Turns things into a JSON text and arrays by name."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self.generators: list[np.random.Generator] = []

    def file(self, things: dict[str, Any]) -> tuple[Arrays, Meta]:
        """The arrays of all things, and the manifest with its checksum. TypeError for what cannot be saved."""
        self.number(shared())  # is generator 0
        saved = {name: self.thing(name, thing) for name, thing in things.items()}
        states = [self.tree(f"generator {i}", rng.bit_generator.state, True) for i, rng in enumerate(self.generators)]
        manifest = json.dumps({"version": VERSION, "things": saved, "generators": states})
        return self.arrays, {"manifest": manifest, "sha256": digest(manifest, self.arrays)}

    def number(self, rng: np.random.Generator) -> int:
        """The number of a generator in the file: one object has one number, wherever it stands."""
        if not any(rng is known for known in self.generators):
            self.generators.append(rng)
        return next(i for i, known in enumerate(self.generators) if rng is known)

    def thing(self, name: str, x: Any) -> Any:
        """The JSON of something that was given by name. The weights of `model` keep their own names in the file."""
        if isinstance(x, Module):
            prefix = "" if name == "model" else f"{name}."
            return {
                "$module": {key: self.tree(prefix + key, part) for key, part in x.state_dict().items()},
                "generators": {place: self.number(rng) for place, rng in generators(x)},
            }
        return self.tree(name, x.state_dict() if hasattr(x, "load_state_dict") else x)

    def tree(self, path: str, x: Any, inline: bool = False) -> Any:
        """The JSON of plain data. Arrays go into the file under their paths, or into the JSON if they are `inline`."""
        if is_generator(x):
            return {"$generator": self.number(x)}
        if isinstance(x, np.ndarray | np.generic):
            return self.array(path, x, inline)
        if x is None or type(x) in (bool, int, float, str):
            return x
        if type(x) in (list, tuple):
            parts = [self.tree(f"{path}.{i}", part, inline) for i, part in enumerate(x)]
            return parts if type(x) is list else {"$tuple": parts}
        if type(x) is dict or getattr(x, "saved_as_dict", False):
            if all(type(key) is str and not key.startswith("$") for key in x):
                return {key: self.tree(f"{path}.{key}", part, inline) for key, part in x.items()}
            items = [(self.tree(f"{path} key", k), self.tree(f"{path}.{k}", part, inline)) for k, part in x.items()]
            return {"$dict": items}
        way_out = "save its numbers, .data" if isinstance(x, Value) else "give Modules and optimisers each by a name"
        raise TypeError(
            f"{path} is {brief(x)}, a {type(x).__name__}: plain data is numbers, strings, arrays, None, and dicts, "
            f"lists and tuples of them; {way_out}"
        )

    def array(self, path: str, x: Any, inline: bool) -> Any:
        """The JSON of an array or a scalar of NumPy. TypeError where its numbers are not all that it holds."""
        check_dtype(path, x.dtype)
        if isinstance(x, np.ma.MaskedArray):
            raise TypeError(f"{path} is a masked array: its mask would be lost. Fill it first: array.filled(0.0)")
        if inline:  # few numbers, which are no tensors
            return {"$numbers": x.tolist(), "dtype": x.dtype.str}
        while path in self.arrays:
            path += "'"
        self.arrays[path] = np.asarray(x, x.dtype.newbyteorder("<"), order="C")
        if isinstance(x, np.generic):
            return {"$scalar": path}
        turned = x.flags.f_contiguous and not x.flags.c_contiguous  # sums round by the order in memory
        return {"$array": path, "order": "F"} if turned else {"$array": path}


class Saved(NamedTuple):
    """A generator in a file: its number there."""

    number: int


class SavedModule(NamedTuple):
    """A Module in a file: its state dict, and where it has which generators."""

    state: dict[str, Any]
    generators: dict[str, int]


class Reading:
    """The things in a file, from its arrays and manifest. Raises anything for what `save` does not write."""

    def __init__(self, arrays: Arrays, meta: Meta) -> None:
        self.arrays: dict[str, Array] = {
            name: array.astype(array.dtype.newbyteorder("=")) for name, array in arrays.items()
        }
        self.left: int = 2 * sum(array.nbytes for array in arrays.values())  # bytes that can be referred to
        self.generators: list[Any] = []  # their states
        self.revived: list[Any] = []  # new ones in these states
        self.things: dict[str, Any] = {}
        if not meta:
            self.things["model"] = SavedModule(self.arrays, {})
            return
        manifest = meta["manifest"]
        if digest(manifest, arrays) != meta["sha256"]:
            raise ValueError("its checksum is not that of its contents")
        found = json.loads(manifest)
        if found["version"] != VERSION:
            raise ValueError(f"it is in version {found['version']!r} of the format, this is version {VERSION}")
        self.generators = [self.tree(state) for state in found["generators"]]
        self.revived = [revived(state) for state in self.generators]
        self.things = {name: self.thing(part) for name, part in found["things"].items()}

    def thing(self, node: Any) -> Any:
        """What the JSON of a thing says: a SavedModule, a Saved generator, or plain data."""
        if isinstance(node, dict) and "$module" in node:
            state = {key: self.tree(part) for key, part in node["$module"].items()}
            return SavedModule(state, {place: self.number(i) for place, i in node["generators"].items()})
        return self.tree(node)

    def number(self, i: Any) -> int:
        """`i`, if the file has a generator of that number."""
        if type(i) is not int or not 0 <= i < len(self.generators):
            raise ValueError(f"it has no generator {i!r}")
        return i

    def array(self, name: Any) -> Array:
        """An array of the file. `save` refers to each once: ValueError for what comes to much more than they are."""
        array = self.arrays[name]
        self.left -= array.nbytes
        if self.left < 0:
            raise ValueError(f"it refers to its arrays again and again, the last time to {name!r}")
        return array

    def tree(self, node: Any) -> Any:
        """What a node of the JSON says, with a Saved for each generator."""
        if isinstance(node, list):
            return [self.tree(part) for part in node]
        if not isinstance(node, dict):
            return node
        tag = next(iter(node), "")
        if not tag.startswith("$"):
            return {key: self.tree(part) for key, part in node.items()}
        inside = node[tag]
        if tag == "$array":
            return np.asarray(self.array(inside), order="F") if "order" in node else self.array(inside)
        if tag == "$scalar":
            return self.array(inside)[()]
        if tag == "$tuple":
            return tuple(self.tree(inside))
        if tag == "$dict":
            return {self.tree(key): self.tree(part) for key, part in inside}
        if tag == "$generator":
            return Saved(self.number(inside))
        if tag == "$numbers":
            check_dtype(tag, np.dtype(node["dtype"]))
            return np.array(inside, node["dtype"])
        raise ValueError(f"it holds {tag!r}, which means nothing here")

    def plain(self, part: Any, live: dict[int, np.random.Generator]) -> Any:
        """What a saved thing is for the program. Generators are the restored ones of the program, `live`, or new."""
        if isinstance(part, SavedModule):
            return part.state
        if isinstance(part, Saved):
            return live.get(part.number, self.revived[part.number])
        if isinstance(part, list | tuple):
            return type(part)([self.plain(x, live) for x in part])  # no deeper than `tree`, which had its try
        return {key: self.plain(x, live) for key, x in part.items()} if isinstance(part, dict) else part


def revived(state: dict[str, Any]) -> Any:
    """A new generator in this state; the state itself if it is of no kind that NumPy has."""
    if state["bit_generator"] not in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"):
        return state
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)
