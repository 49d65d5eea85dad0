"""A law tried on drawn calls: `property_test` makes a pytest test of all of them, `holds` tries one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import seed as given_seed
from hypothesis import strategies as st

from ..core import Case, Op
from ..nn import Module
from .laws import MODULE_LAWS, OP_LAWS, Law, must
from .strategies import Domains, calls, runs


def property_test(
    subject: Op | Callable[[int], Module], *cases: Case, domain: Domains | None = None, examples: int = 40
) -> Callable[[Law], None]:
    """A pytest test of an operation made by `primitive`, or of a Module made by a function of a seed: one per law.

    Each law is tried on `examples` calls, inside `domain`: one for all inputs or one for each, by default that of the
    operation. `cases` are the ways to call it: in `case("ab", (3, "b"), axis=0)` a letter is a size that is drawn, the
    same in all inputs, 0 to 3 for an operation and 1 to 3 for a Module; an array is an input used as it is, a keyword
    a parameter. An operation without cases is called with shapes that broadcast together.
    """
    import pytest

    if isinstance(subject, Op) and not any(subject.rules):
        raise TypeError(f"{subject.name} has no rule: nothing flows back through it, and there is nothing to test")
    laws = OP_LAWS if isinstance(subject, Op) else MODULE_LAWS
    drawn = (calls if isinstance(subject, Op) else runs)(subject, *cases, domain=domain)  # type: ignore[arg-type]

    @pytest.mark.parametrize("law", laws, ids=lambda law: law.__name__)
    def test(law: Law) -> None:
        __tracebackhide__ = True  # for pytest: what a person wants to see is in the message
        holds(law, drawn, examples, shrink=isinstance(subject, Op))

    return test


def holds(
    law: Law, strategy: st.SearchStrategy[Any], examples: int = 40, shrink: bool = True, seed: int | None = None
) -> int:
    """How many drawn calls a law was tried on; AssertionError with the law and the call if it is broken.

    With `shrink` a smaller call is searched for that breaks it as well: of Modules, which are small enough, it would
    take minutes. Another `seed` draws other calls.
    """
    __tracebackhide__ = True
    ran, profile = 0, settings(max_examples=examples, deadline=None)
    phases = set(profile.phases) - {Phase.explain} - (set() if shrink else {Phase.shrink})

    @settings(profile, phases=phases)
    @given(strategy)
    def try_law_on(call: Any) -> None:
        __tracebackhide__ = True
        nonlocal ran
        try:
            law(call)
        except Exception as error:
            own = isinstance(error, AssertionError)
            seen = str(error).strip() if own else f"{type(error).__name__}: {error}"
            name = law.__name__.replace("_", " ")
            raise AssertionError(f"{call} breaks the law “{name}”: {seen}") from (None if own else error)
        ran += 1

    (try_law_on if seed is None else given_seed(seed)(try_law_on))()
    must(ran >= examples // 2, f"the law {law.__name__} was tried on {ran} calls only, of {examples}")
    return ran
