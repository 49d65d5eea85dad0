"""Data to learn from, and the ways to deal it out: digits, toy sets, folders of images, splits, batches.

Examples are the rows of arrays, x (n, …) float32; labels are y (n,) int64. No download happens unasked.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = [
    "Batches", "Digits", "ImageFolder", "batches", "blobs", "digits", "enlarged", "image_folder", "mnist", "moons",
    "one_hot", "order", "read_idx", "spirals", "split",
]  # fmt: skip

if TYPE_CHECKING:
    from .folders import ImageFolder, image_folder
    from .handwriting import Digits, digits, enlarged, mnist, read_idx
    from .rows import Batches, batches, one_hot, order, split
    from .toys import blobs, moons, spirals
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "folders": "ImageFolder image_folder",
        "handwriting": "Digits digits enlarged mnist read_idx",
        "rows": "Batches batches one_hot order split",
        "toys": "blobs moons spirals",
    })  # fmt: skip
