"""einops' notation on Values: a backend for it, of NumPy's functions, which record."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .core import Value


def use_einops() -> None:
    """Makes einops' functions take Values: rearrange, reduce, repeat, einsum, pack, unpack and parse_shape. Once in a
    program is enough; a second call does nothing.

    What they return of Values is a Value, with a gradient, compiled too. Plain arrays give plain arrays, as before.
    einops' layers (`einops.layers`) are for other frameworks: call the functions in a `forward`. Raises
    ModuleNotFoundError without einops (extra `einops`).

    >>> import microgradnet as mg, numpy as np
    >>> mg.use_einops()  # doctest: +SKIP
    >>> images = mg.Value(np.ones((2, 8, 8, 3)))
    >>> einops.rearrange(images, "n (h a) (w b) c -> n (h w) (a b c)", a=4, b=4).shape  # doctest: +SKIP
    (2, 4, 48)
    """
    _backend()


@functools.cache  # made once, and held: einops finds it among the subclasses, which it does not hold
def _backend() -> type:
    try:
        from einops._backends import AbstractBackend  # where einops' own are, too: there is no other door
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'use_einops needs the package: pip install "microgradnet[einops]"', name=error.name
        ) from error

    class Backend(AbstractBackend):  # type: ignore[misc]  # of no known type
        framework_name = "microgradnet"  # einops asks only backends of modules that have been imported

        def is_appropriate_type(self, tensor: Any) -> bool:
            return isinstance(tensor, Value)

        def to_numpy(self, x: Any) -> Any:
            return x.data

        def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Any:
            return np.stack(tensors)

        def add_axis(self, x: Any, new_position: int) -> Any:
            return np.expand_dims(x, new_position)

        def tile(self, x: Any, repeats: tuple[int, ...]) -> Any:
            return np.tile(x, repeats)

        def concat(self, tensors: list[Any], axis: int) -> Any:
            return np.concatenate(tensors, axis=axis)

        def is_float_type(self, x: Any) -> bool:
            kind: str = x.dtype.kind
            return kind == "f"

        def einsum(self, pattern: str, *x: Any) -> Any:
            return np.einsum(pattern, *x)

    return Backend
