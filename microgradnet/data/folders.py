"""A folder of images, one subfolder a class, as a dataset: a file is read when its image is asked for (extra `images`).

Files are read with Pillow, by the formats below and no others: none of them starts a program.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import is_whole, switch, whole_for_each
from ..core import Array
from ..nn.init import Seed
from ..words import answering, brief, printable
from .rows import split

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width


class ImageFolder:
    """Images and their classes as a dataset: `len(d)` examples `d[i]`, each an image and its class.

    An image (channels, height, width) is float32 from 0 (black) to 1, with the channels red, green, blue, or one if
    `grey`; a class is a number, the place of its name in `classes`. `paths` are the files below `folder`, `labels` (n,)
    int64 their classes, in order; `left_out` are files that are no images by their names. See `image_folder`.
    """

    def __init__(
        self,
        folder: str,
        classes: tuple[str, ...],
        paths: list[str],
        labels: Array,
        size: tuple[int, int],
        scaled: bool,
        grey: bool,
        left_out: tuple[str, ...] = (),
    ) -> None:
        self.folder: str = folder
        self.classes: tuple[str, ...] = classes
        self.paths: list[str] = paths
        self.labels: Array = labels
        self.size: tuple[int, int] = size
        self.scaled: bool = scaled  # to this size; else all images have it
        self.grey: bool = grey
        self.left_out: tuple[str, ...] = left_out

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> tuple[Array, np.int64]:
        """Image i and its class. ValueError, with the path and the reason, for a file that cannot be read."""
        if not is_whole(i, -len(self)):
            raise TypeError(f"an example is asked for by its number, images[3]; got {brief(i)}")
        if i >= len(self):
            raise IndexError(f"example {i} of {len(self)}")
        try:
            return self._read(self.paths[i]), self.labels[i]
        except Unreadable as error:
            raise ValueError(
                f"{os.path.join(self.folder, self.paths[i])} {error}. Mend or remove it, and list the folder anew"
            ) from error

    def arrays(self) -> tuple[Array, Array]:
        """All images (n, channels, height, width) and their classes (n,), in memory."""
        images = np.empty((len(self), 1 if self.grey else 3, *self.size), np.float32)
        for i in range(len(self)):
            images[i] = self[i][0]
        return images, self.labels.copy()

    def split(self, held_out: float = 0.2, seed: Seed = 0, stratify: bool = True) -> tuple[ImageFolder, ImageFolder]:
        """Two datasets, to learn from and held out, as `data.split` parts arrays: the same seed gives the same parts.

        Each class is held out in its share, unless `stratify=False`. Both keep the numbers of all classes.
        """
        labels = self.labels if switch("stratify", stratify) else None
        parts = split(np.arange(len(self)), held_out=held_out, seed=seed, stratify=labels)
        train, test = (self._part(np.sort(rows)) for rows in parts)
        return train, test

    def fingerprint(self) -> str:
        """What it is in short: names, classes, sizes of files, options. By it `fit` knows whether it is the same."""
        sizes = [os.path.getsize(os.path.join(self.folder, path)) for path in self.paths]
        held = [self.classes, self.paths, self.labels.tolist(), sizes, self.size, self.scaled, self.grey]
        return f"{len(self)} images, checksum {zlib.crc32(repr(held).encode()):08x}"

    def __repr__(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.classes))
        named = ", ".join(f"{name} {n:,}" for name, n in zip(self.classes[:10], counts, strict=False))
        more = f" and {len(self.classes) - 10} more classes" if len(self.classes) > 10 else ""
        shape = (1 if self.grey else 3, *self.size)
        left = f"; {len(self.left_out)} files are no images, such as {self.left_out[0]}" if self.left_out else ""
        return printable(f"ImageFolder({self.folder!r}: {len(self):,} images {shape}, {named}{more}{left})")

    def _part(self, rows: Array) -> ImageFolder:
        """The same with some of the examples."""
        paths = [self.paths[i] for i in rows]
        return ImageFolder(self.folder, self.classes, paths, self.labels[rows], self.size, self.scaled, self.grey)

    def _read(self, path: str) -> Array:
        """The pixels of a file. Unreadable, with the reason, if it has none."""
        whole = os.path.join(self.folder, path)
        image = opened(whole)
        try:
            with image:
                return pixels(image, self.size, self.scaled, self.grey)
        except Unreadable:
            raise
        except Exception as error:  # the file can be opened: whatever goes wrong now is wrong in it
            raise Unreadable(f"is damaged ({error})") from error


@answering
def image_folder(
    folder: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    grey: bool = False,
    classes: Sequence[str] | None = None,
) -> ImageFolder:
    """The images in a folder that has one subfolder for each class, as a dataset for `fit`, `evaluate` and `predict`.

    Classes are the names of the subfolders in alphabetical order, or `classes`, for a second folder whose numbers are
    to mean the same: `image_folder("test", classes=train.classes)`. Images may lie deeper; they come in the order of
    their paths. Files are read when they are asked for, so the images need not fit into memory; `arrays()` reads all.

    `size`, a number or (height, width), crops each image around its middle to that shape and scales it; without one,
    all must have one size. `grey=True` makes one channel, else there are three. EXIF says which way is up; what is
    transparent is white; of an animation it is the first image. Needs Pillow (`pip install pillow`).

    Hidden files are passed over, and files whose names end as no image's do are `left_out`. Every other file is looked
    at here: ValueError names those that are no image, with the reason, classes without an image, and images that lie
    beside the classes; FileNotFoundError is for a folder that is not there.

    >>> images = image_folder("pets", size=64)  # doctest: +SKIP
    >>> train, test = images.split(held_out=0.2, seed=0)  # doctest: +SKIP
    >>> train.classes  # doctest: +SKIP
    ('cats', 'dogs')
    """
    place = os.fspath(folder) if isinstance(folder, str | os.PathLike) else None
    if not isinstance(place, str):
        raise TypeError(f"folder={brief(folder)}: it is the path of a folder")
    square = None if size is None else whole_for_each("size", size, 2, more=", (height, width), in pixels")
    switch("grey", grey)
    pillow()
    if not os.path.isdir(place):
        raise FileNotFoundError(f"{place} is not a folder: it should hold a folder of images for each class")
    names = class_names(place, classes)
    paths, labels, left_out = [], [], []
    for label, name in enumerate(names):
        for path in files_in(place, name):
            if path.lower().endswith(ENDINGS):
                paths.append(path)
                labels.append(label)
            else:
                left_out.append(path)
    empty = [name for label, name in enumerate(names) if label not in {*labels} and classes is None]
    if empty or not paths:
        raise ValueError(
            f"{place} has no image in {', '.join(empty[:5]) or 'any folder'}{and_more(empty, 5)}: each class has at "
            f"least one, with a name that ends in {', '.join(ENDINGS[:4])} or the like. Remove empty folders"
        )
    sizes = looked_at(place, paths)
    if square is None and len({*sizes}) > 1:
        other = next(i for i, found in enumerate(sizes) if found != sizes[0])
        raise ValueError(
            f"{place}: {paths[other]} is {sizes[other][0]}×{sizes[other][1]} pixels, {paths[0]} {sizes[0][0]}×"
            f"{sizes[0][1]}. Give a size to make them alike, size={min(sizes[0])} or size=(height, width)"
        )
    fixed: Any = square or sizes[0]
    return ImageFolder(
        place, names, paths, np.array(labels, np.int64), fixed, square is not None, bool(grey), tuple(left_out)
    )


def pillow() -> Any:
    """PIL.Image. ModuleNotFoundError, with the command that installs it, where Pillow is missing."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError("image_folder reads files with Pillow: pip install pillow", name="PIL") from None
    return Image


# ------------------------------------------------------------------------------------------------------ what is there


def is_hidden(name: str) -> bool:
    """Whether nobody means a file or folder of this name: it is hidden, or macOS left it in an archive."""
    return name.startswith(".") or name == "__MACOSX"


def class_names(folder: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The classes of a folder. ValueError if it has none, or others than are wanted, or images beside them."""
    there = sorted(name for name in os.listdir(folder) if not is_hidden(name))
    found = [name for name in there if os.path.isdir(os.path.join(folder, name))]
    loose = [name for name in there if name.lower().endswith(ENDINGS) and name not in found]
    if loose or not found:
        seen = f"{len(loose)} images lie in it, such as {loose[0]}" if loose else "it has no subfolder"
        raise ValueError(f"{folder} should hold a folder of images for each class: {seen}. Move each to its class")
    if wanted is None:
        return tuple(found)
    listed = [] if isinstance(wanted, str) else [*wanted]
    if not listed or len({*listed}) < len(listed) or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"classes={brief(wanted)}: it is a list of the names of folders, each once")
    others = [name for name in found if name not in listed]
    if others:
        raise ValueError(
            f"{folder} has folders that are none of the classes {', '.join(listed[:5])}{and_more(listed, 5)}: "
            f"{', '.join(others[:5])}{and_more(others, 5)}. Remove them, or leave classes out"
        )
    return tuple(listed)


def files_in(folder: str, name: str) -> Iterator[str]:
    """The paths of a class's files below the folder, deeper ones too, in an order that is the same everywhere."""
    found = []
    for place, folders, files in os.walk(os.path.join(folder, name)):
        folders[:] = [inner for inner in folders if not is_hidden(inner)]
        found += [Path(place, file).relative_to(folder).as_posix() for file in files if not is_hidden(file)]
    yield from sorted(found)


def looked_at(folder: str, paths: list[str]) -> list[tuple[int, int]]:
    """The height and width of each image, by the head of its file. ValueError names those that are none."""
    sizes, bad = [], []
    for path in paths:
        try:
            with opened(os.path.join(folder, path)) as image:
                turned = pillow().Image.getexif(image).get(0x0112) in TURNED  # that of a PNG would read all of it
                sizes.append((image.width, image.height) if turned else (image.height, image.width))
        except Exception as error:
            bad.append(f"{path} {error if isinstance(error, Unreadable) else f'is damaged ({error})'}")
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(paths)} files in {folder} cannot be read: {'; '.join(bad[:5])}{and_more(bad, 5)}. "
            f"Mend or remove them"
        )
    return sizes


def and_more(listed: Sequence[Any], shown: int) -> str:
    """How many more there are than are shown."""
    return f" and {len(listed) - shown} more" if len(listed) > shown else ""


# ----------------------------------------------------------------------------------------------------- what is in them


class Unreadable(Exception):
    """A file that is no image; the reason follows the path."""


def opened(path: str) -> Image:
    """The image in a file, of which only the head is read. Unreadable, with the reason, for what is none."""
    image = pillow()
    try:
        if not os.path.getsize(path):
            raise Unreadable("is empty")
        found: Image = image.open(path, formats=FORMATS)
    except image.DecompressionBombError as error:
        raise Unreadable(f"is too large ({error})") from error
    except OSError as error:
        unknown = type(error).__name__ == "UnidentifiedImageError"
        raise Unreadable(f"is no image in one of {', '.join(FORMATS)}" if unknown else f"({error})") from error
    return found


def pixels(image: Image, size: tuple[int, int], scaled: bool, grey: bool) -> Array:
    """An image as (channels, height, width), float32 from 0 to 1."""
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    white, how = 255.0, "L" if grey else "RGB"
    if image.mode.startswith("I"):  # of more than 256 shades, to which Pillow would cut them off
        shades, white = np.asarray(image), 65535.0
        if shades.min() < 0 or shades.max() > white:
            raise Unreadable("has more shades than 16 bits hold")
        image = pillow().fromarray(shades.astype(np.float32))
    elif image.mode == "F":
        raise Unreadable("holds floating-point numbers, of which none is known to be white")
    elif image.mode.endswith(("A", "a")) or "transparency" in image.info:
        image = image.convert("RGBA")
        image = pillow().alpha_composite(pillow().new("RGBA", image.size, "white"), image).convert(how)
    else:
        image = image.convert(how)
    if (image.height, image.width) != size:
        if not scaled:
            raise Unreadable(f"is {image.height}×{image.width} pixels, the others {size[0]}×{size[1]}")
        image = ImageOps.fit(image, size[::-1], method=pillow().Resampling.BILINEAR)
    found = np.asarray(image, np.float32) / np.float32(white)
    if found.ndim == 2:
        return np.ascontiguousarray(np.broadcast_to(found, (1 if grey else 3, *size)))
    return np.ascontiguousarray(found.transpose(2, 0, 1))
