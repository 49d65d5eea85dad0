"""What of NumPy is refused on a Value, with the reason and the nearest way; and what only looks at its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import INSPECTIONS, REFUSED

WRITES = "it writes into an array. v = v.at[index].set(x) makes a changed Value"
COMPLEX = "its results are complex numbers, and only real ones are differentiated here"
MATRIX = "A transform is a matrix: of F = np.fft.fft(np.eye(n), axis=0), F.real @ v and F.imag @ v are recorded"
COUNTS = "it counts, or compares for equality, and its result jumps. Call it on the numbers: v.data"
INTEGERS = "it is of integers, which have no gradient. Call it on v.data.astype(int)"
READS = "it makes an array of something that is no array"
TEXT = "it makes text of a number: v.item() or v.data is what it wants"
SHAPES = "it wants shapes or lengths, plain integers: v.shape, v.size or v.item()"
DATES = "it is of dates"


def names(*listed: str) -> list[str]:
    return " ".join(listed).split()


REASONS: dict[str, list[str]] = {
    WRITES: names("copyto fill_diagonal place put put_along_axis putmask"),
    COMPLEX: names("roots sort_complex"),
    f"{COMPLEX}. np.linalg.eigh and eigvalsh, of symmetric matrices, are recorded": names("linalg.eig linalg.eigvals"),
    COUNTS: names("intersect1d setdiff1d setxor1d in1d"),
    "np.unique(v, return_index, return_inverse, return_counts) is recorded": names(
        "unique_all unique_counts unique_inverse"
    ),
    INTEGERS: names(
        "bitwise_count bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm packbits unpackbits",
        "ravel_multi_index unravel_index ix_",
    ),
    READS: names("fromregex genfromtxt loadtxt fromfile fromfunction frombuffer fromiter fromstring from_dlpack load"),
    TEXT: names("format_float_positional format_float_scientific base_repr binary_repr datetime_as_string"),
    SHAPES: names("tri"),
    DATES: names("busday_count busday_offset is_busday isnat"),
    f"{COMPLEX}. {MATRIX}": [
        f"fft.{name}"
        for name in names("fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn")
    ],
    "it is np.roll by half the length, which is recorded": names("fft.fftshift fft.ifftshift"),
    "a fit is a linear least-squares problem: np.linalg.lstsq or np.linalg.solve of np.vander": names("polyfit"),
    "a quotient of polynomials has a length that depends on the numbers": names("polydiv"),
    "np.block of a nested list is recorded": names("bmat asmatrix"),
    "the order in memory is the array's: np.isfortran(v.data)": names("isfortran"),
}

MORE_INSPECTIONS = names(
    "nonzero argwhere flatnonzero argpartition lexsort isin iscomplex isreal",
    "histogram_bin_edges diag_indices_from tril_indices_from triu_indices_from",
    "common_type min_scalar_type einsum_path save savetxt savez savez_compressed linalg.matrix_rank",
)

# These are not asked when a Value is among their arguments: they make plain arrays, and a Value there refuses
# to become one; or they take no numbers at all.
UNCONCERNED = names(
    "arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray bartlett blackman eye full",
    "broadcast_shapes datetime_data diag_indices empty frompyfunc get_include get_printoptions getbufsize geterr",
    "geterrcall hamming hanning identity indices info isdtype isscalar issubdtype iterable kaiser mask_indices",
    "mintypecode nested_iters ones printoptions promote_types require row_stack set_printoptions setbufsize seterr",
    "seterrcall show_config show_runtime test tril_indices triu_indices typename zeros linalg.test",
)


def of_numpy(path: str) -> Any:
    """A function of NumPy by its path, or None in a NumPy that does not have it."""
    space: Any = np
    for name in path.split("."):
        space = getattr(space, name, None)
    return space


for _reason, _paths in REASONS.items():
    for _path in _paths:
        if of_numpy(_path) is not None:
            REFUSED[of_numpy(_path)] = _reason
INSPECTIONS.update(of_numpy(path) for path in MORE_INSPECTIONS if of_numpy(path) is not None)
