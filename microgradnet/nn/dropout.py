"""Layers that drop some of what goes through them, in training."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import functional
from ..core import Operand
from ..words import printable
from .init import Seed, generator
from .inputs import check_dropped, floating, wrong_shape
from .module import WithoutParameters


class Dropout(WithoutParameters):
    """In training, x with each element dropped (set to 0) with probability `p`, the others scaled by 1 / (1 − p).

    After `eval()` it returns x itself. Masks are drawn from `rng`, a np.random.Generator: that of `seed`, or the one
    all layers without a seed share. Its state belongs to a checkpoint.

    >>> layer = Dropout(0.5, seed=1)
    >>> layer(np.ones(4, np.float32))
    array([0., 2., 2., 2.], dtype=float32)
    >>> layer.eval()(np.ones(4, np.float32))
    array([1., 1., 1., 1.], dtype=float32)
    """

    _function: ClassVar[Any] = staticmethod(functional.dropout)

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        check_dropped(type(self).__name__, p=p)
        self.p: float = p
        self.rng: np.random.Generator = generator(seed)

    def forward(self, x: Operand) -> Any:
        """x with some elements dropped and the others scaled up, in its shape; after `eval()`, or with p = 0, x."""
        x = floating(self, x)
        try:
            return type(self)._function(x, self.p, self.training, seed=self.rng)
        except ValueError as error:
            raise wrong_shape(self, x, str(error)) from error

    def __repr__(self) -> str:
        return printable(f"{type(self).__name__}({self.p})")


class Dropout1d(Dropout):
    """Dropout of whole channels of x (batch, channels, length), or (channels, length).

    >>> Dropout1d(0.5, seed=1)(np.ones((4, 2), np.float32))
    array([[0., 0.],
           [2., 2.],
           [2., 2.],
           [2., 2.]], dtype=float32)
    """

    _function = staticmethod(functional.dropout1d)


class Dropout2d(Dropout):
    """Dropout of whole channels of x (batch, channels, height, width).

    >>> Dropout2d(0.5, seed=1)(np.ones((1, 4, 3, 3), np.float32))[0, :, 0, 0]
    array([0., 2., 2., 2.], dtype=float32)
    """

    _function = staticmethod(functional.dropout2d)
