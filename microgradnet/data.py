"""Handwritten digits, and batches of examples.

Images are rows of 784 numbers from 0 to 1 (float32), labels are integers 0 to 9.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .engine import Array
from .nn.init import Seed, generator

SIDE = 28  # pixels
CLASSES = 10


class Digits(NamedTuple):
    """Digits to learn from and digits held out: images (n, 784) and labels (n,) of each."""

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array


def digits(held_out: float = 0.2, seed: Seed = 0) -> Digits:
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels, enlarged to 28×28, `held_out` of them as the test set.

    Needs no download. Raises ModuleNotFoundError, with the command that installs it, where scikit-learn is missing.
    """
    if not isinstance(held_out, int | float) or not 0 < held_out < 1:
        raise ValueError(f"held_out={held_out!r}: it is the fraction of the digits to hold out, between 0 and 1")
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "the bundled digits come with scikit-learn: pip install scikit-learn", name="sklearn"
        ) from None
    found = load_digits()
    images = enlarged(found.images / 16.0).reshape(len(found.images), -1)
    order = generator(seed).permutation(len(images))
    test = round(held_out * len(images))
    held, kept = order[:test], order[test:]
    return Digits(images[kept], found.target[kept], images[held], found.target[held])


def enlarged(images: Array, side: int = SIDE) -> Array:
    """Square images (n, k, k) as (n, side, side) in float32, by linear interpolation along each axis."""
    k = images.shape[-1]
    at = np.linspace(0, k - 1, side)
    weights = np.stack([np.interp(at, np.arange(k), unit) for unit in np.eye(k)], axis=1)  # (side, k)
    return np.asarray(weights @ images @ weights.T, dtype=np.float32)


def mnist(folder: str | os.PathLike[str]) -> Digits:
    """The MNIST digits from the four IDX files in `folder`, gzipped or not: 60,000 to learn from, 10,000 held out.

    Raises FileNotFoundError for a missing file and ValueError for a damaged one.
    """
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"{folder} is not a folder: it should hold MNIST's four files, {IMAGES.format('train')} …"
        )
    parts = []
    for name in ("train", "t10k"):
        images = read_idx(_found(folder, IMAGES.format(name)), 3)
        labels = read_idx(_found(folder, LABELS.format(name)), 1)
        if len(images) != len(labels):
            raise ValueError(f"{folder} has {len(images)} {name} images but {len(labels)} {name} labels")
        if images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"the {name} images in {folder} are {images.shape[1:]} pixels; MNIST's are {SIDE}×{SIDE}")
        if labels.size and labels.max() >= CLASSES:
            raise ValueError(f"the {name} labels in {folder} go up to {labels.max()}; digits end at 9")
        parts += [images.reshape(len(images), -1) / np.float32(255), labels.astype(np.int64)]
    return Digits(*parts)


IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"


def _found(folder: str | os.PathLike[str], name: str) -> str:
    for path in (os.path.join(folder, name + ".gz"), os.path.join(folder, name)):
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"{name}.gz is missing from {folder}: all four MNIST files are needed")


def read_idx(path: str | os.PathLike[str], axes: int) -> Array:
    """The array of bytes in an IDX file, which must have this many `axes`. Gzip is recognised by its first bytes.

    The format (LeCun, Cortes, Burges): two zero bytes, the type (8: unsigned byte), the number of axes, the length of
    each as a big-endian 32-bit integer, the elements. Raises ValueError where the file says or holds anything else.
    """
    import gzip
    import zlib

    with open(path, "rb") as file:
        raw = file.read()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: it does not unzip ({error})") from error
    head = 4 + 4 * axes
    magic = 0x800 + axes
    if len(raw) < head or struct.unpack(">I", raw[:4])[0] != magic:
        seen = f"starts with {raw[:4].hex() or 'nothing'}" if len(raw) < 4 or len(raw) >= head else "ends in its head"
        raise ValueError(
            f"{path} is no IDX file of bytes with {axes} axes: it {seen}, wanted {magic:08x} and {axes} sizes"
        )
    shape = struct.unpack(f">{axes}I", raw[4:head])
    count = math.prod(shape)
    if count != len(raw) - head:
        raise ValueError(f"{path} is damaged: it announces {shape} = {count} bytes and holds {len(raw) - head}")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def one_hot(labels: Array, classes: int = CLASSES) -> Array:
    """The desired outputs: 0 everywhere, 1 for the right class. Labels (n,) give (n, classes) in float32.

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels are integers; got dtype {labels.dtype}")
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer) or classes < 1:
        raise ValueError(f"classes={classes!r}: it is a whole number of at least 1, such as labels.max() + 1")
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"labels from {labels.min()} to {labels.max()}, but the classes are 0 to {classes - 1}")
    return np.asarray(np.eye(classes, dtype=np.float32)[labels])


def batches(x: Array, y: Array, size: int, seed: Seed = None, shuffle: bool = True) -> Iterator[tuple[Any, Any]]:
    """Each example once, in random order, `size` at a time as (x, y); the last batch may be smaller.

    `seed` is an int or a np.random.Generator; without one, the order comes from the generator that all layers share.

    >>> [b.tolist() for _, b in batches(np.arange(5), np.arange(5), 2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim:
        raise ValueError(f"batches wants two arrays with a row for each example; got shapes {x.shape} and {y.shape}")
    if len(x) != len(y):
        raise ValueError(f"{len(x)} inputs but {len(y)} targets: each example has one of each")
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"size={size!r}: a batch holds a whole number of examples, at least 1")
    order = generator(seed).permutation(len(x)) if shuffle else np.arange(len(x))
    return ((x[pick], y[pick]) for pick in (order[i : i + size] for i in range(0, len(x), size)))
