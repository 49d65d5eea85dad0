"""Files of models and trainings: `save` writes what is needed to go on, `load` puts it back, all of it or nothing.

A file holds arrays under names and a JSON text, the manifest, that says what they belong to: in a `.npz` the member
`microgradnet.json`, in a `.safetensors` its metadata. Nothing in it is ever executed. A sha256 over both notices
damage.
"""

from __future__ import annotations

import copy
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .core import Array, Value
from .files import place, replace
from .nn.init import shared
from .nn.module import Module
from .tree import children
from .words import brief

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["load", "save"]

MANIFEST = "microgradnet.json"
VERSION = 1
Path = str | os.PathLike[str]
Arrays = dict[str, Array]
Meta = dict[str, str]  # "manifest" and its "sha256"; empty in a file of another program


def save(path: Path, model: Module | None = None, **things: Any) -> None:
    """Write a model, and whatever else is given by name, to a `.npz` or `.safetensors` file.

    Each thing is a Module, an optimiser or schedule (anything with `state_dict` and `load_state_dict`), a
    np.random.Generator, or plain data: numbers, strings, arrays, None, and dicts, lists and tuples of them. With them
    go the states of all generators in Modules and of the one that layers without a seed share.

    The weights of `model` have their own names in the file, so np.load or safetensors.torch.load_file read them.
    The file is replaced at once: whenever the program is killed, the old file or the new one is there. A link stays a
    link, the file it leads to is replaced; a file that is there keeps its permissions.

    Raises TypeError for what cannot be saved, before anything is written.

    >>> import os, tempfile
    >>> from microgradnet import nn
    >>> model, path = nn.MLP(2, [3, 1], seed=0), os.path.join(tempfile.mkdtemp(), "net.npz")
    >>> save(path, model, epoch=3)
    >>> load(path, nn.MLP(2, [3, 1], seed=1))
    {'epoch': 3}
    """
    _, packed = format_of(path)
    file = target(path)
    manifest, arrays = Writing().file(given(model, things))
    replace(file, packed(arrays, {"manifest": manifest, "sha256": digest(manifest, arrays)}))


def load(path: Path, model: Module | None = None, **things: Any) -> dict[str, Any]:
    """Restore what is given from a file of `save`, in place, and return what else the file holds, by name.

    Give the Modules, optimisers, schedules and generators under the names they were saved by. Of those not given, the
    state dicts are returned, and new generators: `load(path)` changes nothing. A file that another program wrote, such
    as PyTorch with safetensors, holds the weights of `model`. Generators that were one object when saved must be one
    object here. For weights without any random state: `model.load_state_dict(load(path)["model"])`.

    Raises FileNotFoundError; ValueError for a file that is damaged or does not fit what is given. Then nothing has
    changed.
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


def given(model: Module | None, things: dict[str, Any]) -> dict[str, Any]:
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"model is a Module; got {brief(model)}. Anything else has a name: save(path, weights=arrays)")
    return things if model is None else {"model": model, **things}


def is_stateful(x: Any) -> bool:
    return is_generator(x) or (hasattr(x, "state_dict") and hasattr(x, "load_state_dict"))


def is_generator(x: Any) -> bool:
    return isinstance(x, np.random.Generator)


def generators(node: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Generator]]:
    """The np.random.Generators in a Module with their paths; one that stands in several places, in each of them."""
    seen = set() if seen is None else seen
    if is_generator(node):
        yield path, node
    elif id(node) not in seen:
        seen.add(id(node))
        for name, part in children(node):
            yield from generators(part, f"{path}.{name}" if path else name, seen)


# --------------------------------------------------------------------------------------------------- restoring


def paired(saved: Reading, wanted: dict[str, Any], path: str) -> dict[int, Generator]:
    """The generators of the program, by their numbers in the file. ValueError unless they are one to one."""
    pairs: list[tuple[str, Generator, int]] = []
    for name, thing in wanted.items():
        part = saved.things[name]
        if isinstance(thing, Module) != isinstance(part, SavedModule) or is_generator(thing) != isinstance(part, Saved):
            raise ValueError(f"{path}: what was saved as {name} is something else than {brief(thing)}")
        if is_generator(thing):
            pairs.append((name, thing, part.number))
        elif isinstance(thing, Module) and saved.generators:
            found = dict(generators(thing))
            if found.keys() != part.generators.keys():
                unlike(path, f"{name} had generators at {listed(part.generators)} and has them at {listed(found)}")
            pairs += [(f"{name}.{where}", rng, part.generators[where]) for where, rng in found.items()]
    if wanted and saved.generators:
        pairs.append(("nn.init.shared()", shared(), 0))
    for where, rng, i in pairs:
        for second, known, j in pairs:
            if (rng is known) != (i == j):
                here, then = ("one generator", "two") if rng is known else ("two generators", "one")
                unlike(path, f"{where} and {second} are {here} here and were {then} when saved")
    return {i: rng for _, rng, i in pairs}


def unlike(path: str, what: str) -> NoReturn:
    raise ValueError(
        f"{path}: {what}. Make the layers with the seeds they had; or load weights without random states: "
        f'model.load_state_dict(load(path)["model"])'
    )


def listed(paths: Iterable[str]) -> str:
    return ", ".join(paths) or "nowhere"


def put_back(wanted: dict[str, Any], live: dict[int, Generator], saved: Reading, path: str) -> None:
    """Restore everything; if anything fails, undo what was done."""
    todo: list[tuple[str, Any, Any]] = [(f"generator {i}", rng, saved.generators[i]) for i, rng in live.items()]
    for name, thing in wanted.items():
        if not is_generator(thing):
            todo.append((name, thing, saved.plain(saved.things[name], live)))
    done: list[tuple[str, Any, Any]] = []  # with the states before
    try:
        for name, thing, state in todo:
            done.append((name, thing, copy.deepcopy(state_of(thing))))
            set_state(thing, state)
    except BaseException as error:
        for _, thing, state in reversed(done):
            set_state(thing, state)
        if isinstance(error, Exception):
            raise ValueError(f"{path} does not fit: {done[-1][0]}: {error}") from error
        raise


def state_of(thing: Any) -> Any:
    return thing.bit_generator.state if is_generator(thing) else thing.state_dict()


def set_state(thing: Any, state: Any) -> None:
    if is_generator(thing):
        thing.bit_generator.state = state
    else:
        thing.load_state_dict(state)


# ------------------------------------------------------------------------------------------ things as JSON and arrays
# JSON says what it can say; anything else is a dict with one key that starts with $: {"$array": "layers.0.weight"}.


class Writing:
    """Turns things into a JSON text and arrays by name."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self.generators: list[Generator] = []

    def file(self, things: dict[str, Any]) -> tuple[str, Arrays]:
        self.number(shared())  # is generator 0
        saved = {name: self.thing(name, thing) for name, thing in things.items()}
        states = [self.tree(f"generator {i}", rng.bit_generator.state, True) for i, rng in enumerate(self.generators)]
        return json.dumps({"version": VERSION, "things": saved, "generators": states}), self.arrays

    def number(self, rng: Generator) -> int:
        if not any(rng is known for known in self.generators):
            self.generators.append(rng)
        return next(i for i, known in enumerate(self.generators) if rng is known)

    def thing(self, name: str, x: Any) -> Any:
        if isinstance(x, Module):
            prefix = "" if name == "model" else f"{name}."
            return {
                "$module": {key: self.tree(prefix + key, part) for key, part in x.state_dict().items()},
                "generators": {place: self.number(rng) for place, rng in generators(x)},
            }
        return self.tree(name, x.state_dict() if hasattr(x, "load_state_dict") else x)

    def tree(self, path: str, x: Any, inline: bool = False) -> Any:
        if is_generator(x):
            return {"$generator": self.number(x)}
        if isinstance(x, np.ndarray | np.generic):
            return self.array(path, x, inline)
        if x is None or type(x) in (bool, int, float, str):
            return x
        if type(x) in (list, tuple):
            parts = [self.tree(f"{path}.{i}", part, inline) for i, part in enumerate(x)]
            return parts if type(x) is list else {"$tuple": parts}
        if type(x) is dict:
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


class Saved:
    """A generator in a file: its number there."""

    def __init__(self, number: int) -> None:
        self.number = number


class SavedModule:
    """A Module in a file: its state dict, and where it has which generators."""

    def __init__(self, state: dict[str, Any], generators: dict[str, int]) -> None:
        self.state, self.generators = state, generators


class Reading:
    """The things in a file, from its arrays and manifest. Raises anything for what `save` does not write."""

    def __init__(self, arrays: Arrays, meta: Meta) -> None:
        self.arrays = {name: array.astype(array.dtype.newbyteorder("=")) for name, array in arrays.items()}
        self.generators: list[Any] = []  # their states
        self.revived: list[Any] = []  # new ones in these states
        self.things: dict[str, Any] = {}
        if not meta:
            self.things["model"] = SavedModule(dict(self.arrays), {})
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
        if isinstance(node, dict) and "$module" in node:
            state = {key: self.tree(part) for key, part in node["$module"].items()}
            return SavedModule(state, {place: self.number(i) for place, i in node["generators"].items()})
        return self.tree(node)

    def number(self, i: Any) -> int:
        if type(i) is not int or not 0 <= i < len(self.generators):
            raise ValueError(f"it has no generator {i!r}")
        return i

    def tree(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.tree(part) for part in node]
        if not isinstance(node, dict):
            return node
        tag = next(iter(node), "")
        if not tag.startswith("$"):
            return {key: self.tree(part) for key, part in node.items()}
        inside = node[tag]
        if tag == "$array":
            return np.asarray(self.arrays[inside], order="F") if "order" in node else self.arrays[inside]
        if tag == "$scalar":
            return self.arrays[inside][()]
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

    def plain(self, part: Any, live: dict[int, Generator]) -> Any:
        """What a saved thing is for the program. Generators are the restored ones of the program, `live`, or new."""
        if isinstance(part, SavedModule):
            return part.state
        if isinstance(part, Saved):
            return live.get(part.number, self.revived[part.number])
        if isinstance(part, list | tuple):
            return type(part)(self.plain(x, live) for x in part)
        return {key: self.plain(x, live) for key, x in part.items()} if isinstance(part, dict) else part


def revived(state: dict[str, Any]) -> Any:
    """A new generator in this state; the state itself if it is of no kind that NumPy has."""
    if state["bit_generator"] not in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"):
        return state
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)


def check_dtype(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "biufc":
        raise TypeError(f"{name} has dtype {dtype}: arrays of numbers can be saved and loaded")


def digest(manifest: str, arrays: Arrays) -> str:
    """The sha256 of everything that matters in a file."""
    import hashlib

    total = hashlib.sha256(manifest.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


# -------------------------------------------------------------------------------------------------- the two formats


def format_of(path: Path) -> tuple[Callable[[str], tuple[Arrays, Meta]], Callable[[Arrays, Meta], bytes]]:
    """How to read and how to write the format that the end of a path means."""
    end = os.path.splitext(os.fspath(path))[1].lower()
    if end not in FORMATS:
        raise ValueError(f"{os.fspath(path)!r} ends in {end!r}: wanted a path that ends in {' or '.join(FORMATS)}")
    return FORMATS[end]


def read_npz(path: str) -> tuple[Arrays, Meta]:
    import zipfile

    arrays: Arrays = {}
    meta: Meta = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its members are compressed; np.savez writes them plain")
        if sum(member.file_size for member in members) > os.path.getsize(path):
            raise ValueError("it announces more than it holds")
        if len({member.filename for member in members}) < len(members):
            raise ValueError("it holds two members of one name")
        for member in members:
            raw = archive.read(member)  # checked by its CRC
            if member.filename == MANIFEST:
                found = json.loads(raw)
                meta = {"manifest": found["manifest"], "sha256": found["sha256"]}
            elif member.filename.endswith(".npy"):
                arrays[member.filename.removesuffix(".npy")] = array_in(member.filename, raw)
            else:
                raise ValueError(f"{member.filename!r} in it is no array")
    return arrays, meta


def array_in(name: str, raw: bytes) -> Array:
    """The array in the bytes of a `.npy` file, which hold exactly what their head announces."""
    file = io.BytesIO(raw)
    heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = heads[np.lib.format.read_magic(file)](file)
    check_dtype(name, dtype)
    rest = memoryview(raw)[file.tell() :]
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(rest):
        raise ValueError(f"{name!r} in it announces {shape} of {dtype} and holds {len(rest)} bytes")
    return np.ndarray(shape, dtype, rest, order="F" if fortran else "C")


def npz(arrays: Arrays, meta: Meta) -> bytes:
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:

        def write(name: str, content: str | bytes) -> None:
            try:
                archive.writestr(zipfile.ZipInfo(name), content)  # of 1980: equal things give equal files
            except BaseException:
                archive.fp = None  # of a Ctrl-C in here, leaving the block would make a ValueError
                raise

        write(MANIFEST, json.dumps(meta))
        for name, array in arrays.items():
            if "\0" in name:
                raise ValueError(f"{name!r}: a name in a .npz has no null character")
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            write(name + ".npy", member.getvalue())
    return packed.getvalue()


def safetensors() -> Any:
    try:
        import safetensors.numpy
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            ".safetensors files need a package: pip install safetensors. A .npz needs none", name="safetensors"
        ) from None
    return safetensors


def read_safetensors(path: str) -> tuple[Arrays, Meta]:
    with safetensors().safe_open(path, framework="numpy") as file:
        meta = file.metadata() or {}
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
    for name, array in arrays.items():
        check_dtype(name, array.dtype)
    ours = "manifest" in meta or "sha256" in meta
    return arrays, {"manifest": meta["manifest"], "sha256": meta["sha256"]} if ours else {}


def packed_safetensors(arrays: Arrays, meta: Meta) -> bytes:
    for name, array in arrays.items():
        if array.dtype.kind == "c" or array.dtype.itemsize > 8:
            raise TypeError(f"{name} has dtype {array.dtype}, which a .safetensors file does not hold; a .npz does")
    packed: bytes = safetensors().numpy.save(arrays, metadata=meta)
    return packed


FORMATS = {".npz": (read_npz, npz), ".safetensors": (read_safetensors, packed_safetensors)}


def target(path: Path) -> str:
    """The file that `save(path)` writes. Raises what can be said before there is anything to write."""
    if format_of(path) is FORMATS[".safetensors"]:
        safetensors()
    return place(path)
