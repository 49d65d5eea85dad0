"""The way back to before a step, and from there to where its first NaN or Inf came up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import Array, Value
from ..debugging import debug
from ..nn.module import Module
from ..saving.states import generators
from .measures import Function
from .run import Run
from .sources import Batch

NOWHERE = "run again under debug(), no operation gave one"  # which another rank may know better


class Before:
    """What a step changes: the states of generators, buffers, and where that is asked for the parameters.

    To compute a batch again as it was, and to undo a step.
    """

    def __init__(self, model: Module, parameters: dict[Value, str]) -> None:
        self.model = model
        self.parameters: dict[Value, str] = parameters  # with their names
        self.odd: set[Value] = {p for p in parameters if not np.isfinite(p.data).all()}  # and meant to be
        self.generators: list[np.random.Generator] = list({id(rng): rng for _, rng in generators(model)}.values())
        parts = [(module, name, x) for module in model.modules() for name, x in vars(module).items()]
        self.places: list[tuple[Module, str]] = [
            (module, name) for module, name, x in parts if isinstance(x, np.ndarray)
        ]
        known = {id(getattr(module, name)) for module, name in self.places}
        self.inside: list[Array] = [x for _, x in model.named_buffers() if id(x) not in known]  # in lists and dicts
        self.states: list[Any] = []  # a network may have none of these, and does not wait for them then
        self.buffers: list[Array] = []
        self.held: list[Array] = []
        self.note()

    def is_asked(self) -> bool:
        """Whether a step changes anything but parameters."""
        return bool(self.generators or self.places or self.inside)

    def note(self, parameters: bool = False) -> None:
        """Called before every step. Parameters cost a step of a small network a twentieth of its time."""
        self.weights = {p: p.data.copy() for p in self.parameters} if parameters else {}
        if self.generators:
            self.states = [rng.bit_generator.state for rng in self.generators]
        if self.places or self.inside:
            self.buffers = [getattr(module, name) for module, name in self.places]
            self.held = [buffer.copy() for buffer in (*self.buffers, *self.inside)]

    def put_back(self) -> None:
        """Everything as it was when it was noted, and no gradients."""
        for p, weights in self.weights.items():
            p.data = weights
        for rng, state in zip(self.generators, self.states, strict=True):
            rng.bit_generator.state = state
        for buffer, held in zip((*self.buffers, *self.inside), self.held, strict=True):
            if buffer.flags.writeable:
                buffer[...] = held
        for (module, name), buffer in zip(self.places, self.buffers, strict=True):
            object.__setattr__(module, name, buffer)
        self.model.zero_grad()

    def report(self, loss: Function, batch: Batch, run: Run) -> str:
        """Where in a batch the first NaN or Inf came up, in words. Everything is then as before the batch."""
        self.put_back()
        found = NOWHERE
        try:
            with debug(), np.errstate(all="ignore"):
                loss(self.model(*batch.inputs), *batch.targets).backward(release=True)
        except FloatingPointError as error:
            found = str(error)
        self.put_back()
        what = "a gradient is NaN or infinite" if math.isfinite(run.cost) else f"the cost is {run.cost}"
        lost = self.lost()
        already = f", {lost} NaN or infinite already" if lost else ""
        return (
            f"{what} in epoch {run.epoch}, batch {run.batch}; the parameters are as they were before it{already}. "
            f"Large numbers below mean that the steps are too large: try a smaller lr.\n{found}"
        )

    def lost(self) -> str:
        """The names of parameters that training has made NaN or infinite."""
        if finite(p.data for p in self.parameters):
            return ""
        found = [name for p, name in self.parameters.items() if p not in self.odd and not np.isfinite(p.data).all()]
        return ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")


def finite(arrays: Iterable[Any]) -> bool:
    """Whether none has a NaN or an infinity. Most often one sum of squares, which is fast, settles it."""
    found = list(arrays)
    return math.isfinite(sum([float(np.vdot(x, x)) for x in found])) or all(np.isfinite(x).all() for x in found)
