"""How a training begins on all ranks: that all have the same, and what may differ, the generators, differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import Value
from ..nn.init import shared
from ..nn.module import Module
from ..saving.states import generators, set_state, state_of
from .worlds import World


def agree_on(world: World, things: dict[str, Any], parameters: dict[Value, str]) -> None:
    """ValueError on every rank unless all have models and optimisers that are built alike."""
    facts = [f"{name} of shape {p.shape} ({p.dtype})" for p, name in parameters.items()]
    for name, thing in things.items():
        if isinstance(thing, Module):
            facts += [f"buffer {path} of shape {x.shape} ({x.dtype})" for path, x in thing.named_buffers()]
        facts.append(f"{name} {type(thing).__name__}")
        groups = getattr(thing, "param_groups", [])
        facts += [f"{key}={x!r} of group {i}" for i, g in enumerate(groups) for key, x in g.items() if key != "params"]
    world.agree("what is trained", *facts)


def spread(world: World, things: Iterable[Any]) -> None:
    """Give every rank the numbers that rank 0 has: parameters, buffers, the states of optimisers."""
    for thing in things:
        state = world.broadcast(state_of(thing) if world.rank == 0 else None)
        if world.rank:
            set_state(thing, state)


def generators_in(things: Iterable[Any]) -> list[np.random.Generator]:
    """Those in Modules, each once, and the one that layers without a seed share."""
    found = {id(rng): rng for thing in things if isinstance(thing, Module) for _, rng in generators(thing)}
    return list((found | {id(shared()): shared()}).values())


def draw_apart(world: World, rngs: Iterable[np.random.Generator]) -> None:
    """Let every rank draw random numbers of its own: rank 0 goes on where it is, the others where that and their rank
    lead to.
    """
    for rng in rngs:
        state = world.broadcast(rng.bit_generator.state)
        if world.rank:
            seed = hashlib.sha256(repr((sorted(state.items(), key=str), world.rank)).encode()).digest()
            kind: Any = type(rng.bit_generator)
            rng.bit_generator.state = kind(np.frombuffer(seed, np.uint32).tolist()).state


def digest(arrays: Iterable[Any]) -> str:
    """A checksum of numbers, bit for bit."""
    total = hashlib.blake2b(digest_size=16)
    for x in arrays:
        total.update(np.ascontiguousarray(x).tobytes())
    return total.hexdigest()
