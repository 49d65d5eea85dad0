"""Data to learn from, and the ways to deal it out: digits, toy sets, splits, batches.

Examples are the rows of arrays, x (n, …) float32; labels are y (n,) int64. No download happens unasked.
"""

from .handwriting import Digits, digits, enlarged, mnist, read_idx
from .rows import Batches, batches, one_hot, order, split
from .toys import blobs, moons, spirals

__all__ = [
    "Batches", "Digits", "batches", "blobs", "digits", "enlarged", "mnist", "moons", "one_hot", "order", "read_idx",
    "spirals", "split",
]  # fmt: skip
