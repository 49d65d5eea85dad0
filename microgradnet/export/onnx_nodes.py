"""What makes the nodes of an ONNX file: numbers, sizes, and the operators of the standard."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Array
from .graph import Node, Size, has_size

OPSET = 18  # of 2022: the first in which all reductions take their axes as an input
END = np.iinfo(np.int64).max


def onnx() -> Any:
    """The package that knows the format. ModuleNotFoundError, with what to do, without it."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'save_onnx needs the package of the format: pip install "microgradnet[onnx]"', name="onnx"
        ) from None
    return onnx


def stored(dtype: Any) -> Any:
    """The dtype that numbers have in the file: floats are float32, which is what runtimes compute with."""
    return np.dtype({"f": np.float32, "b": np.bool}.get(np.dtype(dtype).kind, np.int64))


class Nodes:
    """The nodes and arrays of a file in the making. Calling it adds a node: `nodes("Add", x, y)` is its result."""

    def __init__(self, onnx: Any) -> None:
        self.onnx: Any = onnx
        self.made: list[Any] = []
        self.arrays: dict[str, Array] = {}
        self.known: dict[Any, str] = {}  # what an array holds -> its name
        self.taken: set[str] = set()
        self.batch: str = ""  # the name of the size of the batch, (1,)
        self.line: str = ""

    def new(self, name: str) -> str:
        """A name like this one that nothing else has."""
        found, i = name, 1
        while found in self.taken:
            i += 1
            found = f"{name}_{i}"
        self.taken.add(found)
        return found

    def __call__(self, kind: str, *inputs: Any, **options: Any) -> str:
        return self.several(kind, *inputs, results=1, **options)[0]

    def several(self, kind: str, *inputs: Any, results: int, **options: Any) -> list[str]:
        """The results of a node that has several."""
        names = [x if isinstance(x, str) else self.array(x) for x in inputs]
        outs = [self.new(kind.lower()) for _ in range(results)]
        self.made.append(self.onnx.helper.make_node(kind, names, outs, name=outs[0], doc_string=self.line, **options))
        return outs

    def array(self, x: Any, name: str = "") -> str:
        """The name of an array that is held: floats as float32, ints as int64."""
        x = np.asarray(x)
        with np.errstate(over="ignore"):
            x = x.astype(stored(x.dtype))
        key = (x.dtype.str, x.shape, x.tobytes(), name)
        if key not in self.known:
            self.known[key] = self.new(name or "constant")
            self.arrays[self.known[key]] = x
        return self.known[key]

    def cast(self, x: str, old: Any, new: Any) -> str:
        """`x` of one dtype in another; where both are stored alike, itself."""
        return x if stored(old) == stored(new) else self("Cast", x, to=self.kind(new))

    def wrapped(self, x: str, dtype: Any) -> str:
        """A result of fewer bits than the file's int64 keeps its lowest, as NumPy's does: 200 + 200 is 144 in uint8."""
        if dtype.kind not in "iu" or dtype.itemsize == 8:
            return x
        few = self("Cast", x, to=int(self.onnx.helper.np_dtype_to_tensor_dtype(dtype)))
        return self("Cast", few, to=self.kind(dtype))

    def kind(self, dtype: Any) -> int:
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(stored(dtype)))

    # ------------------------------------------------------------------------------------------------------ sizes

    def sizes(self, sizes: Any) -> str:
        """Whole numbers, some of which go with the batch, as one array."""
        if not has_size(tuple(sizes)):
            return self.array(np.array(sizes, np.int64))
        per = np.array([n.per if isinstance(n, Size) else 0 for n in sizes], np.int64)
        plus = np.array([n.plus if isinstance(n, Size) else n for n in sizes], np.int64)
        return self("Add", self("Mul", self.batch, per), plus)

    def reshaped(self, x: str, shape: Any) -> str:
        """`x` in a shape, of which a part may go with the batch."""
        open_ends = [i for i, n in enumerate(shape) if isinstance(n, Size)]
        if len(open_ends) == 1 and 0 not in shape:
            shape = [-1 if isinstance(n, Size) else n for n in shape]
            return self("Reshape", x, self.array(np.array(shape, np.int64)))
        return self("Reshape", x, self.sizes(shape), allowzero=1)

    def value(self, node: Node) -> str:
        """What a node holds that is neither an input nor computed."""
        if node.size is not None:
            number = self.cast(self.reshaped(self.sizes([node.size]), ()), np.int64, np.float32)
            number = self("Reciprocal", number) if node.inverse else number
            return self.cast(number, np.float32, node.dtype)
        x = self.array(node.data, node.name)
        return self("Expand", x, self.sizes(node.shape)) if has_size(node.shape) else x


def count_of(shape: Any) -> int | Size:
    """How many elements there are in a shape of which at most one length goes with the batch."""
    fixed: int = math.prod(n for n in shape if not isinstance(n, Size))
    for n in shape:
        if isinstance(n, Size):
            return Size(n.per * fixed, n.plus * fixed)
    return fixed
