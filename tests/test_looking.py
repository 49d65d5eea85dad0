"""Who looks at the numbers of a Value past its `data`, and why no compiled step is frozen by it.

`numbers(x)` of the core refuses where a step is being recorded; `x._numbers` does not. A new use of either is added
here with its reason, or goes by `x.data`, which hands out what can be recorded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import microgradnet
import microgradnet as mg
from microgradnet import Value
from microgradnet.core import numbers
from microgradnet.programs import Uncompilable

PACKAGE = Path(microgradnet.__file__).parent

# By `numbers(x)`: in a step that is being recorded each of these is an error with the line. A room, or a file of one.
REFUSING = {
    "debugging": "debug mode: a compiled step runs as it is in it, and `with debug()` inside one is refused",
    "export": "reads a model's graph to write a file: outside of a step",
    "gradcheck": "the checker looks at slopes: outside of a step",
    "nn.report": "a report for people",
    "nn.state": "state_dict, for files: looking at what a step moves in the middle of it is refused",
    "notation": "rules in words, of Values made for it",
    "playing": "the backward pass shown: outside of a step",
    "plots": "pictures",
    "testing": "laws and exercises look at what a row computes",
    "train.means": "costs of many processes, averaged after a step",
    "train.measures": "costs and metrics after a step; `fit` calls it on what a program returned",
    "train.step": "the same",
    "viz": "drawings",
}

# By `_numbers`, past everything: the function, and why it may.
RAW = {
    "checks:held": "asks what a live option may be; the option itself is handed on, and stays live",
    "debugging:Watcher.made": "debug mode, as above",
    "formulas.linalg:complain": "lets NumPy object to a call that is refused anyway",
    "gradcheck.places:Place.read": "the checker: outside of a step",
    "gradcheck.places:Place.write": "the same",
    "gradcheck.trial:Trial.__init__": "the same",
    "optim.curvature:cost_of": "LBFGS, whose step a program refuses before it comes here",
    "train.compiled:NumPyStep.written.step": "looks at the shape of a cost alone, which is static",
    "transforms.recompute:checkpoint.checkpointed": "shares memory with what stands for it: computes nothing of it",
    "transforms.recompute:Checkpointed.pull": "compares with what it was: a captured checkpoint is recorded as it is",
    "transforms.recompute:_cut_masks.leaf": "shares memory with a mask that is cut off: computes nothing of it",
    "transforms.variables:Variables.fresh": "a program takes the branch above it, which is recorded",
    "transforms.variables:Variables.plain": "copies what variables hold once they are nobody's: no number is looked at",
    "words:instead_of_result": "asks whether it is a Value, for an error: no number is looked at",
    "words:shown": 'the text of a number: `print` and `f"{v}"` are refused before it',
    "words:written": "the same, of an index in an error's words",
}

# And the rooms that record and run programs, whose business it is.
OWN = "core", "programs"


@pytest.fixture(scope="module")
def modules() -> list[tuple[str, ast.Module]]:
    """Those that have the word at all."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if name.partition(".")[0] not in OWN and "numbers" in (text := path.read_text()):
            found.append((name, ast.parse(text)))
    return found


def raw_uses(tree: ast.AST, inside: tuple[str, ...] = ()) -> Iterator[str]:
    """The functions in which `_numbers` is named, as an attribute or for getattr."""
    for node in ast.iter_child_nodes(tree):
        if (isinstance(node, ast.Attribute) and node.attr == "_numbers") or (
            isinstance(node, ast.Constant) and node.value == "_numbers"
        ):
            yield ".".join(inside)
        named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        yield from raw_uses(node, (*inside, node.name) if named else inside)  # type: ignore[attr-defined]


def calls(tree: ast.Module) -> bool:
    """Whether a module calls the core's `numbers`."""
    imported = any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "numbers" for alias in node.names)
        for node in ast.walk(tree)
    )
    return imported and any(isinstance(node, ast.Name) and node.id == "numbers" for node in ast.walk(tree))


def test_everybody_who_looks_past_data_has_a_reason(modules: list[tuple[str, ast.Module]]) -> None:
    found = {f"{name}:{function}" for name, tree in modules for function in raw_uses(tree)}
    assert found - RAW.keys() == set(), "say in RAW why a compiled step is not frozen by it, or write x.data"
    assert RAW.keys() - found == set(), "nobody does that any more"


def test_everybody_who_looks_at_numbers_is_known(modules: list[tuple[str, ast.Module]]) -> None:
    found = {name for name, tree in modules if calls(tree)}
    found = {name.partition(".")[0] if name.partition(".")[0] in REFUSING else name for name in found}
    assert found - REFUSING.keys() == set(), "say in REFUSING what it looks at numbers for, or write x.data"
    assert REFUSING.keys() - found == set(), "nobody does that any more"


@pytest.mark.parametrize("look", [numbers, lambda v: numbers(v.sum()), repr])
def test_looking_is_refused_in_a_step_that_is_recorded(look: object) -> None:
    """In its first call, with the line; and what was looked at is not in any program."""
    w = Value([1.0, 2.0])

    def step(x: np.ndarray) -> object:
        look(w * x)  # type: ignore[operator]
        return (w * x).sum()

    with pytest.raises(Uncompilable, match=r"looks at the numbers of .*test_looking\.py:\d+"):
        mg.compile(step, backend="numpy")(np.ones(2))
