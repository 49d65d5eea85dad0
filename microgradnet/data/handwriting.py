"""Handwritten digits: a small set that comes with the package, and MNIST.

Images are rows of 784 numbers from 0 to 1 (float32), labels are integers 0 to 9.
"""

from __future__ import annotations

import math
import os
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from ..checks import fraction
from ..core import Array
from ..nn.init import Seed
from .download import cache_folder, fetch
from .rows import split

if TYPE_CHECKING:
    import zipfile

SIDE = 28  # pixels


class Digits(NamedTuple):
    """Digits to learn from and digits held out: images (n, 784) and labels (n,) of each.

    A row is an image of 28×28 pixels, row by row, in float32 from 0 (paper) to 1 (ink); labels are 0 to 9, in int64.
    """

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array

    def __repr__(self) -> str:
        train, test = len(self.train_images), len(self.test_images)
        return (
            f"Digits({train:,} to learn from: train_images, train_labels; {test:,} held out: test_images, test_labels)"
        )

    def __getattr__(self, name: str) -> NoReturn:
        fields = "train_images and train_labels, test_images and test_labels"
        raise AttributeError(f"Digits has no {name!r}: it has {fields}")


def digits(held_out: float = 0.2, seed: Seed = 0) -> Digits:
    """1,797 handwritten digits of 8×8 pixels, enlarged to 28×28, `held_out` of them as the test set.

    They come with this package; nothing is downloaded. Source: E. Alpaydin, C. Kaynak: Optical Recognition of
    Handwritten Digits (1998), UCI Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0: its test set, which
    scikit-learn has too.

    >>> digits().train_images.shape
    (1438, 784)
    """
    fraction("held_out", held_out, what="the fraction of the digits to hold out")
    with np.load(os.path.join(os.path.dirname(__file__), "digits.npz")) as archive:
        small, labels = archive["images"], archive["labels"]
    images = enlarged(small / 16.0).reshape(len(small), -1)
    train_images, test_images, train_labels, test_labels = split(
        images, labels.astype(np.int64), held_out=held_out, seed=seed
    )
    return Digits(train_images, train_labels, test_images, test_labels)


def enlarged(images: Array, side: int = SIDE) -> Array:
    """Square images (n, k, k) as (n, side, side) in float32, by linear interpolation along each axis.

    >>> enlarged(np.array([[[0.0, 1.0], [2.0, 3.0]]]), 3)[0]
    array([[0. , 0.5, 1. ],
           [1. , 1.5, 2. ],
           [2. , 2.5, 3. ]], dtype=float32)
    """
    k = images.shape[-1]
    at = np.linspace(0, k - 1, side)
    weights = np.stack([np.interp(at, np.arange(k), unit) for unit in np.eye(k)], axis=1)  # (side, k)
    return np.asarray(weights @ images @ weights.T, dtype=np.float32)


def mnist(folder: str | os.PathLike[str] | None = None, *, download: bool = False) -> Digits:
    """The MNIST digits: 60,000 to learn from, 10,000 held out.

    They are looked for in `folder`; else in the folder that $MICROGRADNET_DATA names; else in the cache (on Linux
    ~/.cache/microgradnet/mnist) and where torchvision (data/MNIST/raw) and Keras (~/.keras/datasets/mnist.npz) leave
    them. A place that is named is the only one looked at. It holds the four IDX files, gzipped or not, or is Keras'
    mnist.npz.

    Nothing is downloaded unless `download=True`: then the files that are missing (11 MB in all) go into the folder that
    is named, or into the cache if no place has them all. Downloads are checked against the published sha256.

    Raises FileNotFoundError where files are missing, ValueError for a damaged one, OSError if no mirror has a file.

    >>> mnist(download=True).train_images.shape  # doctest: +SKIP
    (60000, 784)
    """
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder={folder!r}: it is the path of a folder. To download, write mnist(download=True)")
    cache = cache_folder("mnist")
    named = folder if folder is not None else os.environ.get("MICROGRADNET_DATA") or None
    if named is not None:
        place = os.path.expanduser(named)
        if not download and (wrong := lacking(place)):
            says = "" if folder is not None else "$MICROGRADNET_DATA: "
            raise FileNotFoundError(f"{says}{wrong}. mnist(folder, download=True) gets what is missing")
    else:
        places = [cache, *left_by_others()]
        place = next((place for place in places if not lacking(place)), cache)
        if not download and lacking(place):
            raise FileNotFoundError(
                f"MNIST's four files are in none of {', '.join(places)}. data.mnist(download=True) downloads them "
                f"(11 MB) into the first of these; data.mnist(folder) or $MICROGRADNET_DATA names another place"
            )
    if not os.path.isfile(place):
        for name, (size, sha256) in FILES.items():
            if not found(place, name):  # only where a download was asked for
                fetch(name + ".gz", size, sha256, MIRRORS, place)
    return loaded(place)


# Size and sha256 of the gzipped files as published.
FILES = {
    "train-images-idx3-ubyte": (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    "train-labels-idx1-ubyte": (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    "t10k-images-idx3-ubyte": (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    "t10k-labels-idx1-ubyte": (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",  # often refuses; what it sends is checked like the rest
)


def left_by_others() -> list[str]:
    """Where other libraries leave MNIST: torchvision in the folder that its examples name, Keras in its home."""
    keras = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return [os.path.join("data", "MNIST", "raw"), os.path.join(keras, "datasets", "mnist.npz")]


def found(folder: str, name: str) -> str | None:
    """The path of one of MNIST's files, gzipped or not, also as some archives spell it: train-images.idx3-ubyte."""
    for spelled in (name, name.replace("-idx", ".idx")):
        for path in (os.path.join(folder, spelled + ".gz"), os.path.join(folder, spelled)):
            if os.path.isfile(path):
                return path
    return None


def lacking(place: str) -> str:
    """What a place lacks to hold MNIST, as a sentence without its end; empty if nothing."""
    if os.path.isfile(place):
        return ""
    if not os.path.isdir(place):
        return f"{place} is not a folder: it should hold MNIST's four files, {next(iter(FILES))}.gz and so on"
    missing = [name + ".gz" for name in FILES if not found(place, name)]
    if not missing:
        return ""
    verb = "is" if len(missing) == 1 else "are"
    return f"{', '.join(missing)} {verb} missing from {place}: all four MNIST files are needed"


def loaded(place: str) -> Digits:
    """The digits in a place that lacks nothing. Raises ValueError for what cannot be MNIST."""
    if os.path.isfile(place):
        arrays = read_npz(place)
    else:
        arrays = [idx(found(place, name) or name, 3 if "images" in name else 1) for name in FILES]
    parts = []
    for name, images, labels in zip(("train", "t10k"), arrays[::2], arrays[1::2], strict=True):
        if len(images) != len(labels):
            raise ValueError(f"{place} has {len(images)} {name} images but {len(labels)} {name} labels")
        if images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"the {name} images in {place} are {images.shape[1:]} pixels; MNIST's are {SIDE}×{SIDE}")
        if labels.size and labels.max() > 9:
            raise ValueError(f"the {name} labels in {place} go up to {labels.max()}; digits end at 9")
        parts += [images.reshape(len(images), -1) / np.float32(255), labels.astype(np.int64)]
    return Digits(*parts)


# Nothing is unzipped that the head of an array does not announce, and no head is believed that announces more than the
# file can hold or MNIST's relatives have: a megabyte of zip may be a gigabyte of zeros.
DEFLATED = 1032  # the most bytes that one byte of a zipped file can hold
MOST = 240_000 * SIDE * SIDE  # bytes in an array: MNIST has 60,000 images, EMNIST 240,000 of digits


def read_npz(path: str) -> list[Array]:
    """The arrays of bytes in Keras' mnist.npz: images, labels, and both of the test set."""
    import zipfile

    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                names = ("x_train", "y_train", "x_test", "y_test")
                return [member(archive, f"{name}.npy", axes) for name, axes in zip(names, (3, 1) * 2, strict=True)]
        except Exception as error:  # the file can be opened: whatever goes wrong now is wrong in it
            raise ValueError(f"{path} is not Keras' mnist.npz, or it is damaged ({error})") from error


def member(archive: zipfile.ZipFile, name: str, axes: int) -> Array:
    """The array of bytes in a member of an archive, which must have this many `axes`. ValueError for any other."""
    import zipfile

    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in another way than np.savez_compressed does it")
    with archive.open(name) as file:
        heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = heads[np.lib.format.read_magic(file)](file)
        if dtype != np.uint8 or len(shape) != axes:
            raise ValueError(
                f"{name} holds {dtype} with {len(shape)} axes; wanted bytes with {axes}, nothing is unpickled"
            )
        held = announced(name, file, shape, min(MOST, DEFLATED * info.compress_size))
    return np.ndarray(shape, np.uint8, held, order="F" if fortran else "C")


def announced(name: str, file: Any, shape: tuple[int, ...], most: int) -> bytes:
    """The rest of a file, which is what an array of bytes of this shape takes. ValueError for more than `most`."""
    count = math.prod(shape)
    says = f"{name} is damaged: it announces {shape} = {count} bytes"
    if count > most or min(shape, default=0) < 0:
        raise ValueError(f"{says}, and no more than {most} can be in it. Get it anew")
    held: bytes = file.read(count + 1)  # one more: checksums are read at the end
    if len(held) != count:
        raise ValueError(f"{says} and holds {'more' if len(held) > count else len(held)}. Get it anew")
    return held


def read_idx(path: str | os.PathLike[str], axes: int) -> Array:
    """The array of bytes in an IDX file, which must have this many `axes`. Gzip is recognised by its first bytes.

    The format (LeCun, Cortes, Burges): two zero bytes, the type (8: unsigned byte), the number of axes, the length of
    each as a big-endian 32-bit integer, the elements. Raises ValueError where the file says or holds anything else; no
    more is unzipped than its sizes announce.
    """
    return idx(path, axes, None)


def idx(path: str | os.PathLike[str], axes: int, most: int | None = MOST) -> Array:
    """See `read_idx`. ValueError for more than `most` bytes too."""
    import gzip
    import zlib

    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if zipped else raw
        size = os.fstat(raw.fileno()).st_size
        can = size * DEFLATED if zipped else size
        try:
            head = file.read(4 + 4 * axes)
            magic = 0x800 + axes
            if len(head) < 4 + 4 * axes or head[:4] != struct.pack(">I", magic):
                whole = len(head) < 4 or len(head) == 4 + 4 * axes
                seen = f"starts with {head[:4].hex() or 'nothing'}" if whole else "ends in its head"
                raise ValueError(
                    f"{path} is no IDX file of bytes with {axes} axes: it {seen}, wanted {magic:08x} and {axes} sizes"
                )
            shape = struct.unpack(f">{axes}I", head[4:])
            held = announced(str(path), file, shape, can if most is None else min(most, can))
            return np.frombuffer(held, np.uint8).reshape(shape)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: it does not unzip ({error}). Delete it, and get it anew") from error
