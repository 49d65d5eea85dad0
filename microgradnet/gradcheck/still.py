"""Does a function stand still, or is it that its moves are lost in rounding?"""

from __future__ import annotations

import math

import numpy as np

from ..core import Array
from .pairs import EPS, Line, Pair, amount, reached

FAR = 4096.0  # steps of the size of the number, or of 1


def moves_far_away(line: Line, y: Array, c: Array, size: float, step: float) -> bool:
    """Whether c · y, which does not move at `step`, moves so little far away that there it may be lost in rounding."""
    far = Pair(line, y, c, FAR * max(size, 1.0))
    lost = 4 * EPS * max(amount(c, y), 1.0) * FAR * (far.step / step)
    return any(0 < far.step * abs(side) <= lost for side in (far.left, far.right))


def stands_still(line: Line, y: Array, c: Array, size: float) -> bool:
    """Whether c · y stays where it is, within rounding, near by and far away: as if it did not depend on the number."""
    here, lost = float(c @ y), roughness(line, y, c, 0.0, 4 * EPS * size) + EPS * amount(c, y)
    reach = [far * max(size, 1.0) for far in (1.0, 64.0, FAR)]
    moves = []
    for t in (*reach, *(-far for far in reach)):
        there = float(c @ reached(line, t, y)[0])
        if math.isfinite(there):
            moves.append(abs(there - here) > 16 * (lost + roughness(line, y, c, t, 0.731e-7 * t)))
    return not any(moves) and bool(moves)


def roughness(line: Line, y: Array, c: Array, t: float, step: float) -> float:
    """How much c · y scatters around `line(t)`, in small steps: what the function loses to rounding."""
    values = np.array([float(c @ reached(line, t + k * step, y)[0]) for k in range(-4, 5)])
    if not np.all(np.isfinite(values)):
        return 0.0
    bends = values[2:] - 2 * values[1:-1] + values[:-2]
    return float(np.max(np.abs(bends)))
