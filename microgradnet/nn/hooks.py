"""Hooks of a Module: functions that are called before it is, or after it, and may change what goes in or comes out."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Self
from weakref import ref

from ..checks import function
from ..core import modes

PLACES = itertools.count()  # of hooks, so that no two have the same
some: list[bool] = []  # not empty from the first hook on: until then a call need not ask its Module for hooks


class RemovableHandle:
    """What `register_forward_hook` returns: `remove()` takes the hook away. As a `with` block, at its end.

    >>> from microgradnet.nn import Linear
    >>> layer = Linear(2, 3, seed=0)
    >>> with layer.register_forward_hook(lambda layer, inputs, out: print(out.shape)):
    ...     y = layer([[1.0, 2.0]])
    (1, 3)
    """

    def __init__(self, module: Any, hooks: dict[int, Callable[..., Any]]) -> None:
        self.module: ref[Any] = ref(module)
        self.hooks: dict[int, Callable[..., Any]] = hooks
        self.place: int = next(PLACES)

    def remove(self) -> None:
        """Take the hook away; a second time nothing happens."""
        self.hooks.pop(self.place, None)
        module = self.module()
        held = vars(module).get("_hooks") if module is not None else None
        if held is not None and not held.before and not held.after:
            del vars(module)["_hooks"]  # as if there had never been one, also to a compiled step
            modes.changed()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one Module, in the order in which they were registered."""

    def __new__(cls) -> Self:  # of one that is copied or unpickled too
        some[:] = [True]
        return super().__new__(cls)

    def __init__(self) -> None:
        self.before: dict[int, Callable[..., Any]] = {}
        self.after: dict[int, Callable[..., Any]] = {}

    @classmethod
    def add(cls, module: Any, when: str, hook: Any) -> RemovableHandle:
        """Keep a hook of a Module; what takes it away."""
        call = "register_forward_hook" if when == "after" else "register_forward_pre_hook"
        function("hook", hook, call=call)
        held = vars(module).get("_hooks")
        if held is None:
            held = vars(module)["_hooks"] = cls()
            modes.changed()
        hooks: dict[int, Callable[..., Any]] = getattr(held, when)
        handle = RemovableHandle(module, hooks)
        hooks[handle.place] = hook
        return handle

    def entered(self, module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs by position, as the hooks before the call leave them."""
        tape = modes.taped()
        if tape is not None:
            raise tape.error(
                f"{type(module).__name__} has a forward hook, which a program would not call. handle.remove() takes it "
                f"away; what it was to see is returned from the step"
            )
        for hook in list(self.before.values()):
            changed = hook(module, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        return inputs

    def left(self, module: Any, inputs: tuple[Any, ...], out: Any) -> Any:
        """The result as the hooks after the call leave it."""
        for hook in list(self.after.values()):
            changed = hook(module, inputs, out)
            if changed is not None:
                out = changed
        return out
