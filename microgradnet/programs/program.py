"""A recorded step as a program: its nodes after the passes, and what each pass did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .lowering import lowered
from .nodes import Node, nodes_in
from .passes import folded, with_guards_first, with_own_memory, without_dead, without_repeats, without_unchanged
from .recording import Recording
from .scalars.vectorise import vectorised
from .tidy import tidied


class Program:
    """Straight-line nodes that compute what a step computes. `passes` says what each pass did."""

    def __init__(self, recording: Recording) -> None:
        self.inputs: list[Node] = recording.inputs
        self.result: Any = recording.result
        self.classes: Any = recording.classes  # of the Values in it; None where it is plain
        self.form: Any = recording.form
        self.nodes: list[Node] = recording.nodes
        self.passes: list[str] = [f"recorded: {len(self.nodes)} lines"]
        self.apply("stored unchanged", without_unchanged)
        self.apply("scalars in arrays", vectorised)
        self.apply("guards first", with_guards_first)
        self.apply("folded", folded)
        self.apply("computed twice", without_repeats)
        self.apply("needed by nothing", without_dead)
        self.apply("written out", lowered)
        self.apply("computed twice", without_repeats)
        self.apply("exact algebra", tidied)
        self.apply("copied", with_own_memory)
        self.apply("needed by nothing", without_dead)

    def apply(self, name: str, change: Any) -> None:
        """Run one pass, and say what it did if it did something."""
        before = len(self.nodes)
        self.nodes, self.result = change(self.nodes, self.result)
        more = len(self.nodes) - before
        if more:
            lines = "1 line" if abs(more) == 1 else f"{abs(more)} lines"
            self.passes.append(f"{name}: {lines} {'more' if more > 0 else 'fewer'}")

    def needs_numpy(self) -> bool:
        """Whether it has what runs as NumPy only: a barrier, a check, a Value handed in and written."""
        places = [node.place for node in self.nodes if node.place is not None]
        return any(node.kind in ("barrier", "check") for node in self.nodes) or any(
            place.argument is not None for place in places
        )

    def returned(self) -> Iterable[Node]:
        """The nodes that the step returns, each once."""
        return dict.fromkeys(nodes_in(self.result))
