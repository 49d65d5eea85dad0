"""The way back to before a step, and from there to where its first NaN or Inf came up."""

from __future__ import annotations

import math

import numpy as np

from ..core import Array
from ..debugging import debug
from ..nn.module import Module
from ..saving.states import generators
from .measures import Function
from .run import Run
from .sources import Batch


class Before:
    """What a forward computation changes: the states of generators, and buffers. To compute a batch again as it was."""

    def __init__(self, model: Module) -> None:
        self.model = model
        self.generators: list[np.random.Generator] = list({id(rng): rng for _, rng in generators(model)}.values())
        parts = [(module, name, x) for module in model.modules() for name, x in vars(module).items()]
        self.places: list[tuple[Module, str]] = [
            (module, name) for module, name, x in parts if isinstance(x, np.ndarray)
        ]
        known = {id(getattr(module, name)) for module, name in self.places}
        self.inside: list[Array] = [x for _, x in model.named_buffers() if id(x) not in known]  # in lists and dicts
        self.note()

    def note(self) -> None:
        """Called before every step."""
        self.states = [rng.bit_generator.state for rng in self.generators]
        self.buffers = [getattr(module, name) for module, name in self.places]
        self.held = [buffer.copy() for buffer in (*self.buffers, *self.inside)]

    def put_back(self) -> None:
        """Everything as it was when it was noted, and no gradients."""
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
        found = "run again under debug(), no operation gave one"
        try:
            with debug(), np.errstate(all="ignore"):
                loss(self.model(batch.x), batch.y).backward(release=True)
        except FloatingPointError as error:
            found = str(error)
        self.put_back()
        what = "a gradient is NaN or infinite" if math.isfinite(run.cost) else f"the cost is {run.cost}"
        return (
            f"{what} in epoch {run.epoch}, batch {run.batch}; the parameters are as they were before it. Large numbers "
            f"below mean that the steps are too large: try a smaller lr.\n{found}"
        )
