"""Putting things back as a file has them: all of them, or none where anything does not fit."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from ..nn.init import shared
from ..nn.module import Module
from ..words import brief
from .manifest import Reading, Saved, SavedModule
from .states import generators, is_generator, set_state, state_of


def paired(saved: Reading, wanted: dict[str, Any], path: str) -> dict[int, np.random.Generator]:
    """The generators of the program, by their numbers in the file. ValueError unless they are one to one."""
    pairs: list[tuple[str, np.random.Generator, int]] = []
    for name, thing in wanted.items():
        part = saved.things[name]
        if isinstance(thing, Module) != isinstance(part, SavedModule) or is_generator(thing) != isinstance(part, Saved):
            raise ValueError(f"{path}: what was saved as {name} is something else than {brief(thing)}")
        if is_generator(thing):
            pairs.append((name, thing, part.number))
        elif isinstance(thing, Module) and saved.generators:
            found = dict(generators(thing))
            if found.keys() != part.generators.keys():
                other = differing(state_of(thing), part.state)
                if other:
                    raise ValueError(f"{path} does not fit: {name} is another network than was saved: {listed(other)}")
                unlike(path, f"{name} had generators at {listed(part.generators)} and has them at {listed(found)}")
            pairs += [(f"{name}.{where}", rng, part.generators[where]) for where, rng in found.items()]
    if wanted and saved.generators:
        pairs.append(("nn.init.shared()", shared(), 0))
    for where, rng, i in pairs:
        for second, known, j in pairs:
            if (rng is known) != (i == j):
                here, then = ("one generator", "two") if rng is known else ("two generators", "one")
                unlike(path, f"{where} and {second} are {here} here and were {then} when saved")
    return {i: rng for _, rng, i in pairs}


def differing(here: dict[str, Any], saved: dict[str, Any]) -> list[str]:
    """The first few arrays of a Module that are not in both states, or have different shapes."""
    found = []
    for name in dict.fromkeys([*saved, *here]):
        if name not in here or name not in saved:
            found.append(f"{name} is {'only here' if name in here else 'not here'}")
        elif np.shape(here[name]) != np.shape(saved[name]):
            found.append(f"{name} is {np.shape(here[name])} here and was {np.shape(saved[name])}")
    return [*found[:3], *(["…"] if len(found) > 3 else [])]


def unlike(path: str, what: str) -> NoReturn:
    """ValueError for generators that are not where they were, with the way around."""
    raise ValueError(
        f"{path}: {what}. Make the layers with the seeds they had; or load weights without random states: "
        f'model.load_state_dict(load(path)["model"])'
    )


def listed(paths: Iterable[str]) -> str:
    """Paths in a sentence."""
    return ", ".join(paths) or "nowhere"


def put_back(wanted: dict[str, Any], live: dict[int, np.random.Generator], saved: Reading, path: str) -> None:
    """Restore everything; if anything fails, undo what was done."""
    todo: list[tuple[str, Any, Any]] = [(f"generator {i}", rng, saved.generators[i]) for i, rng in live.items()]
    for name, thing in wanted.items():
        if not is_generator(thing):
            todo.append((name, thing, saved.plain(saved.things[name], live)))
    done: list[tuple[str, Any, Any]] = []  # with the states before
    try:
        for name, thing, state in todo:
            done.append((name, thing, copy.deepcopy(state_of(thing))))
            set_state(thing, state)
    except BaseException as error:
        for _, thing, state in reversed(done):
            set_state(thing, state)
        if isinstance(error, Exception):
            raise ValueError(f"{path} does not fit: {done[-1][0]}: {error}") from error
        raise
