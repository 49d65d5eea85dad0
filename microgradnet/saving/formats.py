"""The two formats of a file: arrays under names and the manifest beside them, as bytes and back.

What is read may come from anybody: nothing is executed, and the arrays in memory are no more than the file has bytes.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..core import Array
from ..words import brief

MANIFEST = "microgradnet.json"
Path: TypeAlias = str | os.PathLike[str]
Arrays: TypeAlias = dict[str, Array]
Meta: TypeAlias = dict[str, str]  # "manifest" and its "sha256"; empty in a file of another program


def format_of(path: Path) -> tuple[Callable[[str], tuple[Arrays, Meta]], Callable[[Arrays, Meta], bytes]]:
    """How to read and how to write the format that the end of a path means. ValueError for any other end; TypeError for
    what is no path, such as the model, which comes second."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"the path of the file comes first, save(path, model), load(path, model); got {brief(path)} in its place. "
            f"Anything but a model has a name: save(path, weights=arrays)"
        )
    end = os.path.splitext(os.fspath(path))[1].lower()
    if end not in FORMATS:
        raise ValueError(f"{os.fspath(path)!r} ends in {end!r}: wanted a path that ends in {' or '.join(FORMATS)}")
    return FORMATS[end]


def check_dtype(name: str, dtype: np.dtype[Any]) -> None:
    """TypeError for arrays of anything but numbers: of objects, which would be pickled, and of strings."""
    if dtype.kind not in "biufc":
        raise TypeError(f"{name} has dtype {dtype}: arrays of numbers can be saved and loaded")


# ------------------------------------------------------------------------------------------------------------- .npz


def read_npz(path: str) -> tuple[Arrays, Meta]:
    """What is in a `.npz` file, of `save` or of np.savez. Raises anything for what is neither."""
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


def packed_npz(arrays: Arrays, meta: Meta) -> bytes:
    """A `.npz` file of arrays, each under its name, as np.load reads it, with the manifest as its first member."""
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


# ----------------------------------------------------------------------------------------------------- .safetensors


def safetensors() -> Any:
    """The package that reads and writes `.safetensors` files. ModuleNotFoundError, with what to do, without it."""
    try:
        import safetensors.numpy
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            ".safetensors files need a package: pip install safetensors. A .npz needs none", name="safetensors"
        ) from None
    return safetensors


def read_safetensors(path: str) -> tuple[Arrays, Meta]:
    """What is in a `.safetensors` file, of `save` or of another program, such as PyTorch."""
    with safetensors().safe_open(path, framework="numpy") as file:
        meta = file.metadata() or {}
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
    for name, array in arrays.items():
        check_dtype(name, array.dtype)
    ours = "manifest" in meta or "sha256" in meta
    return arrays, {"manifest": meta["manifest"], "sha256": meta["sha256"]} if ours else {}


def packed_safetensors(arrays: Arrays, meta: Meta) -> bytes:
    """A `.safetensors` file of arrays. TypeError for complex numbers and those of more than 64 bits."""
    for name, array in arrays.items():
        if array.dtype.kind == "c" or array.dtype.itemsize > 8:
            raise TypeError(f"{name} has dtype {array.dtype}, which a .safetensors file does not hold; a .npz does")
    packed: bytes = safetensors().numpy.save(arrays, metadata=meta)
    return packed


FORMATS = {".npz": (read_npz, packed_npz), ".safetensors": (read_safetensors, packed_safetensors)}
