"""The matrix products of the BLAS that NumPy's wheel brings, found where they can be."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import numpy as np

# How the wheels of NumPy name them: the integers of all these are of 64 bits.
SPELLINGS = ("scipy_cblas_{}64_", "cblas_{}64_")
FUNCTIONS = ("sgemm", "dgemm", "sgemv", "dgemv")
LARGE = 1 << 21  # bytes; a factor of more is left to BLAS


@functools.cache
def addresses() -> dict[str, int]:
    """For `sgemm`, `dgemv` and so on, where each is in memory; empty where they are not found."""
    for path in libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for spelling in SPELLINGS:
            found = {name: getattr(library, spelling.format(name), None) for name in FUNCTIONS}
            if all(found.values()):
                return {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in found.items()}  # type: ignore[arg-type]
    return {}


def libraries() -> list[Path]:
    """The shared libraries that came with NumPy and may hold them."""
    package = Path(np.__file__).parent
    folders = [package.with_name("numpy.libs"), package / ".libs", package / ".dylibs"]
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if "blas" in path.name]
