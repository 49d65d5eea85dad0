"""`save_torch`: a model as a program for PyTorch, with its weights beside it."""

from __future__ import annotations

import io
import keyword
import os
import re
from typing import Any

import numpy as np

from ..core import Array
from ..files import place, replace
from ..words import brief
from .graph import Graph, Node, graph_of, has_size
from .torch_rows import HELPERS, MOVES, ROWS, Unwritten, dtype_of, is_literal, moved, number, sizes

# What the text has names for already, and what every module of PyTorch, or np.savez, has.
TAKEN = {"F", "n", "nn", "np", "self", "torch", "Path", "load", "attention_weights", "lstm"}
OF_MODULES = {
    "allow_pickle", "file",
    "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu", "cuda", "double", "dump_patches",
    "eval", "extra_repr", "float", "forward", "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers",
    "named_children", "named_modules", "named_parameters", "parameters", "requires_grad_", "share_memory", "state_dict",
    "to", "to_empty", "train", "training", "type", "xpu", "zero_grad",
}  # fmt: skip
HEAD = '''"""{name} as a module of PyTorch; `load()` makes one with its weights, which are in {weights}."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
'''
LOAD = '''

def load(path=Path(__file__).with_name({weights!r})):
    """The module with its weights, in evaluation mode."""
    module = {name}()
    with np.load(path) as arrays:
        module.load_state_dict({{name: torch.from_numpy(arrays[name]) for name in arrays}})
    return module.eval()
'''


def save_torch(path: str | os.PathLike[str], model: Any, x: Any, *, axis: int | None = 0) -> None:
    """Write what `model` computes of x, in evaluation mode, as a program for PyTorch, and its weights beside it.

    `path` ends in `.py`; the weights go into a `.npz` of the same name. The program is a `torch.nn.Module` whose
    `forward` has a line for each operation, to be read and changed, and a function `load()` that makes one with its
    weights. It needs PyTorch and NumPy, and nothing from here. Parameters stay parameters: it can be trained further,
    but without what layers do in training alone, such as dropout. x, `axis` and the errors are those of `save_onnx`;
    dtypes stay what they are. What the model returns is returned in the same tuples, lists and dicts.

    >>> import tempfile
    >>> from microgradnet import nn
    >>> folder = tempfile.mkdtemp()
    >>> save_torch(os.path.join(folder, "net.py"), nn.MLP(3, [4, 1], seed=0), np.ones((2, 3), np.float32))
    >>> sorted(os.listdir(folder))
    ['net.npz', 'net.py']
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"the path of the file comes first, save_torch(path, model, x); got {brief(path)} in its place")
    if not os.fspath(path).endswith(".py"):
        raise ValueError(f"{os.fspath(path)!r}: wanted a path that ends in .py; it is a program")
    file = place(path)
    beside = place(f"{os.path.splitext(file)[0]}.npz")
    name = type(model).__name__
    name = name if name.isidentifier() and not isinstance(model, type(save_torch)) and name not in TAKEN else "Model"
    program = Program(graph_of(model, x, axis, "save_torch"))
    text = program.text(name, os.path.basename(beside))
    packed = io.BytesIO()
    np.savez(packed, **program.arrays)  # type: ignore[arg-type]
    replace(beside, packed.getvalue())
    replace(file, text.encode())


class Program:
    """The lines of a program."""

    def __init__(self, graph: Graph) -> None:
        self.graph: Graph = graph
        self.names: dict[int, str] = {}  # of nodes
        self.taken: set[str] = set(TAKEN)
        self.attributes: set[str] = set(OF_MODULES)
        self.helpers: list[str] = []
        self.arrays: dict[str, Array] = {}  # parameters and buffers, by their attributes
        self.made: list[str] = []  # what __init__ does
        self.lines: list[str] = []  # what forward does

    def use(self, helper: str) -> None:
        if helper not in self.helpers:
            self.helpers.append(helper)

    def attribute(self, wanted: str) -> str:
        base = re.sub(r"\W", "_", wanted)
        base = f"p_{base}" if not base or base[0].isdigit() or keyword.iskeyword(base) or base.startswith("_") else base
        name, i = base, 1
        while name in self.attributes:
            i += 1
            name = f"{base}_{i}"
        self.attributes.add(name)
        return name

    def buffer(self, x: Array, wanted: str) -> str:
        name = self.attribute(wanted)
        self.arrays[name] = np.ascontiguousarray(x).reshape(x.shape)
        self.made.append(f'self.register_buffer("{name}", torch.zeros({sizes(x.shape)}, dtype={dtype_of(x.dtype)}))')
        return f"self.{name}"

    def parameter(self, node: Node) -> str:
        name = self.attribute(node.name)
        self.arrays[name] = np.ascontiguousarray(node.data).reshape(node.shape)
        frozen = ", requires_grad=False" if node.frozen else ""
        kind = dtype_of(node.dtype)
        self.made.append(f"self.{name} = nn.Parameter(torch.zeros({sizes(node.shape)}, dtype={kind}){frozen})")
        return f"self.{name}"

    def value(self, node: Node) -> str:
        """What stands for a node in the text."""
        if id(node) not in self.names:
            if node.parameter:
                self.names[id(node)] = self.parameter(node)
            elif is_literal(node):
                self.names[id(node)] = number(node)
            else:
                text = self.buffer(node.data, node.name or "constant")
                self.names[id(node)] = f"{text}.expand({sizes(node.shape)})" if has_size(node.shape) else text
        return self.names[id(node)]

    def text(self, name: str, weights: str) -> str:
        graph = self.graph
        arguments = []
        for node in graph.inputs:
            taken = node.name in TAKEN or re.fullmatch(r"v\d+", node.name)
            arguments.append(f"{node.name}_" if taken else node.name)
            self.names[id(node)] = arguments[-1]
        for node in graph.nodes:
            if node.varies or node.learned:
                self.step(node)
        result = returned(graph.result, iter([self.tensor(node) for node in graph.outputs]))
        uses = graph.axis is not None and any(re.search(r"\bn\b", line) for line in [*self.lines, result])
        batch = [f"n = {arguments[0]}.shape[{graph.axis}]"] * uses
        init = ["super().__init__()", *self.made]
        parts = [
            HEAD.format(name=name, weights=weights),
            *(f"\n{HELPERS[helper]}" for helper in self.helpers),
            f"\n\nclass {name}(nn.Module):\n    def __init__(self):\n",
            *(f"        {line}\n" for line in init),
            f"\n    def forward(self, {', '.join(arguments)}):\n",
            *(f"        {line}\n" for line in [*batch, *self.lines, f"return {result}"]),
            LOAD.format(name=name, weights=weights),
        ]
        return "".join(parts)

    def tensor(self, node: Node) -> str:
        """A result, which may be a constant."""
        text = self.value(node)
        return f"torch.tensor({text}, dtype={dtype_of(node.dtype)})" if is_literal(node) else text

    def step(self, node: Node) -> None:
        args, key = [self.value(x) for x in node.args], node.op.key
        try:
            if key in MOVES or (key == "scatter" and len(args) == 1):
                line = moved(self, node, args[0], self.graph.batch)
            elif key in ROWS:
                line = ROWS[key](self, node, *args)
            else:
                raise Unwritten("there is no counterpart of it")
        except Unwritten as error:
            at = f" at {node.line}" if node.line else ""
            raise TypeError(
                f"save_torch: {node.op.name}{at} cannot be written for PyTorch: {error}. Write it with other "
                f"functions, or leave it out of the model that is saved"
            ) from None
        name = f"v{len(self.lines) + 1}"
        self.names[id(node)] = name
        self.lines.append(f"{name} = {line}" + (f"  # {node.note}" if node.note else ""))


def returned(result: Any, names: Any) -> str:
    """The expression of what a model returned, in the same tuples, lists and dicts."""
    if result is None:
        return "None"
    if type(result) is tuple:
        parts = [returned(part, names) for part in result]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if type(result) is list:
        return f"[{', '.join(returned(part, names) for part in result)}]"
    if type(result) is dict:
        return f"{{{', '.join(f'{key!r}: {returned(part, names)}' for key, part in result.items())}}}"
    return str(next(names))
