"""What holds around a training: the modes of its Modules are kept, and Ctrl-C waits for the end of a step."""

from __future__ import annotations

import signal
import threading
from typing import Self

from ..nn.module import Module


class ModesKept:
    """A `with` block after which every Module is in the mode it had, training or evaluation."""

    def __init__(self, model: Module) -> None:
        self.modes: list[tuple[Module, bool]] = [(module, module.training) for module in model.modules()]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        for module, training in self.modes:
            if module.training != training:
                object.__setattr__(module, "training", training)


class Interrupts:
    """A `with` block in which the first Ctrl-C is only noted in `asked`; the second raises KeyboardInterrupt.

    Where the program has a handler of its own, or in another thread than the main one, it changes nothing.
    """

    def __init__(self) -> None:
        self.asked: bool = False
        main = threading.current_thread() is threading.main_thread()
        self.ours: bool = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def __enter__(self) -> Self:
        if self.ours:
            signal.signal(signal.SIGINT, self.note)
        return self

    def note(self, *what: object) -> None:
        """The handler of the first Ctrl-C."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.asked = True

    def __exit__(self, *error: object) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
