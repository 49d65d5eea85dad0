"""NumPy with types that know Values: `import microgradnet.numpy as np`, in programs that a type checker reads.

Every name is NumPy's own: `microgradnet.numpy.tanh` is `numpy.tanh`, and a Value is recorded by either. This file says
what NumPy's own types cannot, that a Value among the operands makes a Value; they make an array of it, or an error
(docs/typing.md has the list). What is not named here has the type Any.

>>> import numpy
>>> import microgradnet.numpy as np
>>> np.tanh is numpy.tanh and np.linalg.norm is numpy.linalg.norm
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy


def __getattr__(name: str) -> Any:
    return getattr(numpy, name)


def __dir__() -> list[str]:
    return dir(numpy)


if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, overload

    # What is no function of Values, as NumPy has it.
    # isort: off
    from numpy import (
        allclose as allclose, arange as arange, array as array, array_equal as array_equal, asarray as asarray,
        bool_ as bool_, dtype as dtype, e as e, empty as empty, errstate as errstate, eye as eye, finfo as finfo,
        float16 as float16, float32 as float32, float64 as float64, floating as floating, full as full,
        generic as generic, identity as identity, inf as inf, int8 as int8, int16 as int16, int32 as int32,
        int64 as int64, integer as integer, intp as intp, isclose as isclose, load as load, nan as nan,
        ndarray as ndarray, ndim as ndim, newaxis as newaxis, number as number, ones as ones, ones_like as ones_like,
        pi as pi, random as random, result_type as result_type, save as save, savez as savez, shape as shape,
        size as size, testing as testing, tri as tri, typing as typing, uint8 as uint8, zeros as zeros,
        zeros_like as zeros_like,
    )  # fmt: skip

    # isort: on
    from .core import Array, Either, Numbers, Value
    from .core.registration import OfOne, OfThree, OfTwo

    Axis: TypeAlias = int | tuple[int, ...] | None
    V = TypeVar("V", Value, Array)

    # ----------------------------------------------------------------------------------------------- kinds of functions

    class Reduction(Protocol):
        @overload
        def __call__(self, a: Value, axis: Axis = None, *rest: Any, keepdims: bool = False, **more: Any) -> Value: ...
        @overload
        def __call__(self, a: Numbers, axis: Axis = None, *rest: Any, keepdims: bool = False, **more: Any) -> Array: ...

    class Joining(Protocol):
        @overload
        def __call__(self, arrays: Sequence[Numbers] | Array, axis: int = 0, **more: Any) -> Array: ...
        @overload
        def __call__(self, arrays: Sequence[Either] | Value, axis: int = 0, **more: Any) -> Value: ...

    class Cutting(Protocol):
        @overload
        def __call__(self, array: Value, /, *how: Any, **more: Any) -> list[Value]: ...
        @overload
        def __call__(self, array: Numbers, /, *how: Any, **more: Any) -> list[Array]: ...

    class Pair(Protocol):
        @overload
        def __call__(self, x: Value, /, *y: Either) -> tuple[Value, Value]: ...
        @overload
        def __call__(self, x: Numbers, y: Value, /) -> tuple[Value, Value]: ...
        @overload
        def __call__(self, x: Numbers, /, *y: Numbers) -> tuple[Array, Array]: ...

    class Where(Protocol):
        @overload
        def __call__(self, condition: Either, /) -> tuple[Array, ...]: ...
        @overload
        def __call__(self, condition: Value, x: Either, y: Either, /) -> Value: ...
        @overload
        def __call__(self, condition: Either, x: Value, y: Either, /) -> Value: ...
        @overload
        def __call__(self, condition: Either, x: Either, y: Value, /) -> Value: ...
        @overload
        def __call__(self, condition: Numbers, x: Numbers, y: Numbers, /) -> Array: ...

    class Einsum(Protocol):
        @overload
        def __call__(self, subscripts: str, /, *operands: Numbers, **more: Any) -> Array: ...
        @overload
        def __call__(self, subscripts: str, /, *operands: Either, **more: Any) -> Value: ...

    # ----------------------------------------------------------------------------------------------- element by element

    abs: OfOne[...]
    absolute: OfOne[...]
    acos: OfOne[...]
    acosh: OfOne[...]
    arccos: OfOne[...]
    arccosh: OfOne[...]
    arcsin: OfOne[...]
    arcsinh: OfOne[...]
    arctan: OfOne[...]
    arctanh: OfOne[...]
    around: OfOne[...]
    asin: OfOne[...]
    asinh: OfOne[...]
    atan: OfOne[...]
    atanh: OfOne[...]
    cbrt: OfOne[...]
    ceil: OfOne[...]
    clip: OfOne[...]
    conj: OfOne[...]
    cos: OfOne[...]
    cosh: OfOne[...]
    deg2rad: OfOne[...]
    degrees: OfOne[...]
    exp: OfOne[...]
    exp2: OfOne[...]
    expm1: OfOne[...]
    fabs: OfOne[...]
    fix: OfOne[...]
    floor: OfOne[...]
    invert: OfOne[...]
    isfinite: OfOne[...]
    isinf: OfOne[...]
    isnan: OfOne[...]
    log: OfOne[...]
    log10: OfOne[...]
    log1p: OfOne[...]
    log2: OfOne[...]
    logical_not: OfOne[...]
    nan_to_num: OfOne[...]
    negative: OfOne[...]
    positive: OfOne[...]
    rad2deg: OfOne[...]
    radians: OfOne[...]
    reciprocal: OfOne[...]
    rint: OfOne[...]
    round: OfOne[...]
    sign: OfOne[...]
    signbit: OfOne[...]
    sin: OfOne[...]
    sinc: OfOne[...]
    sinh: OfOne[...]
    sqrt: OfOne[...]
    square: OfOne[...]
    tan: OfOne[...]
    tanh: OfOne[...]
    trunc: OfOne[...]

    # --------------------------------------------------------------------------------------- element by element, of two

    add: OfTwo[...]
    arctan2: OfTwo[...]
    atan2: OfTwo[...]
    copysign: OfTwo[...]
    divide: OfTwo[...]
    equal: OfTwo[...]
    float_power: OfTwo[...]
    floor_divide: OfTwo[...]
    fmax: OfTwo[...]
    fmin: OfTwo[...]
    fmod: OfTwo[...]
    greater: OfTwo[...]
    greater_equal: OfTwo[...]
    heaviside: OfTwo[...]
    hypot: OfTwo[...]
    less: OfTwo[...]
    less_equal: OfTwo[...]
    logaddexp: OfTwo[...]
    logaddexp2: OfTwo[...]
    logical_and: OfTwo[...]
    logical_or: OfTwo[...]
    logical_xor: OfTwo[...]
    maximum: OfTwo[...]
    minimum: OfTwo[...]
    mod: OfTwo[...]
    multiply: OfTwo[...]
    not_equal: OfTwo[...]
    pow: OfTwo[...]
    power: OfTwo[...]
    remainder: OfTwo[...]
    subtract: OfTwo[...]
    true_divide: OfTwo[...]

    # -------------------------------------------------------------------------------------------------------- over axes

    all: Reduction
    amax: Reduction
    amin: Reduction
    any: Reduction
    argmax: Reduction
    argmin: Reduction
    average: Reduction
    count_nonzero: Reduction
    cumprod: Reduction
    cumsum: Reduction
    max: Reduction
    mean: Reduction
    median: Reduction
    min: Reduction
    nanmax: Reduction
    nanmean: Reduction
    nanmedian: Reduction
    nanmin: Reduction
    nanprod: Reduction
    nanstd: Reduction
    nansum: Reduction
    nanvar: Reduction
    prod: Reduction
    ptp: Reduction
    std: Reduction
    sum: Reduction
    var: Reduction

    # --------------------------------------------------------------------------------------------------------- products

    convolve: OfTwo[...]
    correlate: OfTwo[...]
    cross: OfTwo[...]
    dot: OfTwo[...]
    inner: OfTwo[...]
    kron: OfTwo[...]
    matmul: OfTwo[...]
    outer: OfTwo[...]
    tensordot: OfTwo[...]
    vdot: OfTwo[...]
    vecdot: OfTwo[...]

    # --------------------------------------------------------------------------------------------- choice, order, shape

    argsort: OfOne[...]
    atleast_1d: OfOne[...]
    atleast_2d: OfOne[...]
    atleast_3d: OfOne[...]
    broadcast_to: OfOne[...]
    copy: OfOne[...]
    corrcoef: OfOne[...]
    cov: OfOne[...]
    diag: OfOne[...]
    diagonal: OfOne[...]
    diff: OfOne[...]
    ediff1d: OfOne[...]
    expand_dims: OfOne[...]
    flip: OfOne[...]
    fliplr: OfOne[...]
    flipud: OfOne[...]
    matrix_transpose: OfOne[...]
    moveaxis: OfOne[...]
    nanpercentile: OfOne[...]
    nanquantile: OfOne[...]
    pad: OfOne[...]
    partition: OfOne[...]
    percentile: OfOne[...]
    permute_dims: OfOne[...]
    quantile: OfOne[...]
    ravel: OfOne[...]
    repeat: OfOne[...]
    reshape: OfOne[...]
    roll: OfOne[...]
    rot90: OfOne[...]
    sort: OfOne[...]
    squeeze: OfOne[...]
    swapaxes: OfOne[...]
    take: OfOne[...]
    take_along_axis: OfOne[...]
    tile: OfOne[...]
    trace: OfOne[...]
    transpose: OfOne[...]
    trapezoid: OfOne[...]
    tril: OfOne[...]
    triu: OfOne[...]
    unwrap: OfOne[...]
    append: OfTwo[...]
    compress: OfTwo[...]
    linspace: OfTwo[...]
    extract: OfTwo[...]
    searchsorted: OfTwo[...]

    # ------------------------------------------------------------------------ several arrays as one, and one as several

    column_stack: Joining
    concat: Joining
    concatenate: Joining
    dstack: Joining
    hstack: Joining
    stack: Joining
    vstack: Joining
    array_split: Cutting
    dsplit: Cutting
    hsplit: Cutting
    split: Cutting
    vsplit: Cutting

    # ---------------------------------------------------------------------------------- with types of their own

    where: Where
    interp: OfThree[...]
    einsum: Einsum
    divmod: Pair
    frexp: Pair
    modf: Pair

    def broadcast_arrays(*args: V) -> tuple[V, ...]: ...
    def unstack(x: V, /, *, axis: int = 0) -> tuple[V, ...]: ...

    # ---------------------------------------------------------------------------------------------------------- linalg

    class EigResult(NamedTuple, Generic[V]):
        eigenvalues: V
        eigenvectors: V

    class QRResult(NamedTuple, Generic[V]):
        Q: V
        R: V

    class SlogdetResult(NamedTuple, Generic[V]):
        sign: V
        logabsdet: V

    class SVDResult(NamedTuple, Generic[V]):
        U: V
        S: V
        Vh: V

    class SVD(Protocol):
        @overload
        def __call__(
            self, a: V, full_matrices: bool = True, compute_uv: Literal[True] = True, hermitian: bool = False
        ) -> SVDResult[V]: ...
        @overload
        def __call__(
            self, a: V, full_matrices: bool = True, *, compute_uv: Literal[False], hermitian: bool = False
        ) -> V: ...

    class linalg:
        LinAlgError = numpy.linalg.LinAlgError
        cholesky: OfOne[...]
        cond: OfOne[...]
        det: OfOne[...]
        diagonal: OfOne[...]
        eigvalsh: OfOne[...]
        inv: OfOne[...]
        matrix_norm: OfOne[...]
        matrix_power: OfOne[...]
        matrix_transpose: OfOne[...]
        norm: OfOne[...]
        pinv: OfOne[...]
        svdvals: OfOne[...]
        tensorinv: OfOne[...]
        trace: OfOne[...]
        vector_norm: OfOne[...]
        cross: OfTwo[...]
        matmul: OfTwo[...]
        outer: OfTwo[...]
        solve: OfTwo[...]
        tensordot: OfTwo[...]
        tensorsolve: OfTwo[...]
        vecdot: OfTwo[...]
        svd: SVD

        @staticmethod
        def eigh(a: V, UPLO: str = "L") -> EigResult[V]: ...
        @staticmethod
        def qr(a: V) -> QRResult[V]: ...
        @staticmethod
        def slogdet(a: V) -> SlogdetResult[V]: ...
        @staticmethod
        def multi_dot(arrays: Sequence[Either]) -> Value: ...
