"""Runs of native steps, each one function of machine code that is called from the text of a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..nodes import Node
from ..numpy_code import OtherProgram
from .convolutions import convolution
from .given import Given
from .loops import LoopText
from .lowering import key_of
from .pieces import pieces, scattered, sums_of_columns, turned
from .plan import Plan
from .products import product
from .steps import Step


def again(segment: Callable[..., Any], likes: list[tuple[Any, bool]], objects: tuple[Any, ...]) -> None:
    """A segment that found an array not laid out as it takes it, on copies; those it writes are copied back.

    `likes` has for each object an array like it, and whether it is written; or None, and whether it must be a float.
    """
    fitting: list[Any] = list(objects)
    for i, (x, (like, flag)) in enumerate(zip(objects, likes, strict=True)):
        if like is None:
            if not isinstance(x, (int, float, np.generic)) or (flag and type(x) is not float):
                raise OtherProgram
        else:
            if type(x) is not np.ndarray or (x.shape, x.dtype) != (like.shape, like.dtype):
                raise OtherProgram
            fitting[i] = np.empty_like(like)
            fitting[i][...] = x
    if segment(*fitting):
        raise IndexError("an index is out of bounds")
    for x, new, (like, written) in zip(objects, fitting, likes, strict=True):
        if like is not None and written:
            x[...] = new


class Segment:
    """A run of native steps as one function, and what it is handed."""

    def __init__(self, name: str, plan: Plan, texts: dict[str, str]) -> None:
        self.name: str = name
        self.plan: Plan = plan
        self.texts: dict[str, str] = texts  # text of a step's function -> its name
        self.arrays: list[Any] = []  # roots from outside
        self.numbers: list[Any] = []
        self.calls: list[Any] = []
        self.indices: list[Any] = []
        self.work: float = 0.0  # elements, or multiplications over 16
        self.line: int = 0  # of the text, where it is called

    def add(self, i: int, step: Step, memory: Any) -> None:
        """One step."""
        if step.kind == "room":  # nothing is in it yet
            return
        plan, given = self.plan, Given(self.plan.arrays, memory)
        if step.kind == "loop":
            needed = lambda node: plan.is_needed(node, i)  # noqa: E731
            f = LoopText(step, plan.arrays, given, needed).text()
            for node in step.nodes:
                if key_of(node) == "take":
                    self.indices += [(x, node.args[0], k) for k, x in enumerate(node.args[1:]) if type(x) is Node]
            self.work += float(np.prod(step.shape)) * len(step.nodes)
        elif step.kind == "product":
            (node,) = step.nodes
            home = plan.factor_root if plan.is_put_off(node) else lambda x: plan.arrays.root[id(x)]
            f = product(step, plan.arrays, given, home, plan.updates.get(id(node)))
            self.work += float(np.prod(node.shape)) * node.args[0].shape[-1] / 16  # type: ignore[arg-type]
        elif step.kind == "convolution":
            f, multiplications = convolution(step, plan.arrays, given)
            self.work += multiplications / 16
        else:
            f = {"assembled": pieces, "scatter": scattered, "columns": sums_of_columns, "turned": turned}[step.kind](
                step, plan.arrays, given
            )
            (node,) = step.nodes
            if step.kind == "scatter":
                self.indices += [(x, node, k) for k, x in enumerate(node.args[1:])]
        text = f.text(given.head("NAME"))
        name = self.texts.setdefault(text, f"step{len(self.texts)}")
        self.calls.append((name, list(given.roots.values()), list(given.numbers.items())))
        for root in given.roots.values():
            if memory(root)[0] == "outside":
                self.take(self.arrays, memory(root)[1])
        for x in given.numbers.values():
            self.take(self.numbers, x)

    def take(self, known: list[Any], x: Any) -> None:
        """Note what the function is handed, once."""
        if not any(x is y for y in known):
            known.append(x)
