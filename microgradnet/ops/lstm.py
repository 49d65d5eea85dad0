"""The walk of an LSTM along a sequence: a row because of speed. Step by step it would be fourteen rows for each time.

Its rule sees all times at once, so it makes the gates of all of them anew in one product, and the gradient of the
weights in another; what is left to do at each time are two sums, two products and one product of matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Op, Variadic, case, op
from .elementwise import sigmoid


def _lstm(sums: Any, h: Any, c: Any, weight: Any) -> Any:
    """The states h and c of an LSTM after each time, (2, time, batch, width); `nn.LSTM` says what they are.

    `sums` (time, batch, 4 · width) is what the inputs and the biases add to the gates i, f, g, o; `h` and `c` (batch,
    width) are the states before, `weight` (4 · width, width) is that of h.
    """
    n, turned = h.shape[-1], np.ascontiguousarray(weight.T)
    out = np.empty((2, *sums.shape[:2], n), np.result_type(sums, h, c, weight))
    for t, z in enumerate(sums):
        z = z + h @ turned
        gates = sigmoid(z)  # one call for i, f and o
        c = gates[:, n : 2 * n] * c + gates[:, :n] * np.tanh(z[:, 2 * n : 3 * n])
        h = gates[:, 3 * n :] * np.tanh(c)
        out[0, t], out[1, t] = h, c
    return out


def _lstm_rule(grad: Any, out: Any, sums: Any, h: Any, c: Any, weight: Any) -> list[Any]:
    n = h.shape[-1]
    # The states before each time, and the gates, of all times.
    h_before = np.concatenate([h[None], out[0, :-1]])
    c_before = np.concatenate([c[None], out[1, :-1]])
    z = sums + (h_before.reshape((-1, n)) @ weight.T).reshape(sums.shape)
    i_f, g, o = sigmoid(z[..., : 2 * n]), np.tanh(z[..., 2 * n : 3 * n]), sigmoid(z[..., 3 * n :])
    i, f, top = i_f[..., :n], i_f[..., n:], np.tanh(out[1])
    # What a step of the sums does to c and, past c, to h; and what a step of c does to h.
    sums_to_c = np.stack([g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g)], axis=-2)
    sums_to_h, c_to_h = top * o * (1 - o), o * (1 - top * top)
    gh, gc, gz = 0.0, 0.0, []
    for t in reversed(range(len(sums))):
        gh = grad[0, t] + gh
        gc = grad[1, t] + gc + gh * c_to_h[t]
        of_c = (gc[:, None] * sums_to_c[t]).reshape((-1, 3 * n))
        gz.append(np.concatenate([of_c, gh * sums_to_h[t]], axis=-1))
        gh, gc = gz[-1] @ weight, gc * f[t]
    g_sums = np.stack(gz[::-1])
    return [g_sums, gh, gc, g_sums.reshape((-1, 4 * n)).T @ h_before.reshape((-1, n))]


lstm: Op = op(
    "lstm",
    _lstm_rule,
    forward=_lstm,
    kind=Variadic,
    cases=[case((3, 2, 4), (2, 1), (2, 1), (4, 1)), case((2, 1, 8), (1, 2), (1, 2), (8, 2)),
           case((1, 0, 4), (0, 1), (0, 1), (4, 1))],
)  # fmt: skip
