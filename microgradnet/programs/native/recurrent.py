"""The walk of an LSTM along a sequence, written out: a product of matrices and the gates, for each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lowering import ROOMY, transposed
from ..nodes import Node
from .elementary import sigmoid_of
from .marks import assembled, by_numbers

if TYPE_CHECKING:
    from .lowering import Emit

LONGEST = 128  # times; of more, the text would be long and take its time to compile


def lstm(node: Node, emit: Emit) -> Any:
    sums, h, c, weight = node.args
    arrays = [x for x in node.args if isinstance(x, (Node, np.ndarray)) and x.dtype == node.dtype]
    if len(arrays) < 4 or node.dtype not in ROOMY or type(sums) is not Node or type(weight) is not Node:
        return None
    times, batch, width = node.shape[1:]  # type: ignore[index]
    if times > LONGEST:
        return None
    shape, turned = (batch, width), emit(transposed, weight, shape=(width, 4 * width))
    states, places = [], []
    for t in range(times):
        given = emit(by_numbers, sums, index=(t,), shape=(batch, 4 * width))
        z = emit(np.add, given, emit(np.dot, h, turned, shape=given.shape), shape=given.shape)
        i, f, g, o = (emit(by_numbers, z, index=(slice(None), slice(k * width, (k + 1) * width)), shape=shape)
                      for k in range(4))  # fmt: skip
        kept = emit(np.multiply, sigmoid_of(emit, f, shape), c, shape=shape)
        taken = emit(np.multiply, sigmoid_of(emit, i, shape), emit(np.tanh, g, shape=shape), shape=shape)
        c = emit(np.add, kept, taken, shape=shape)
        h = emit(np.multiply, sigmoid_of(emit, o, shape), emit(np.tanh, c, shape=shape), shape=shape)
        states += [h, c]
        places += [(0, t), (1, t)]
    return emit(assembled, *states, index=places, whole=True)
