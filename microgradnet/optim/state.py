"""The state of an optimiser as a plain dict, and back: what is saved, and whether a saved one fits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..core import Value, wide
from ..words import brief
from .options import Group
from .pieces import Piece

# The arrays that are kept of each parameter, zeros at first; each with the option that asks for it, or None.
Slots: TypeAlias = Mapping[str, str | None]
# Each group with its parameters in pieces, and the slots that its options ask for.
Walk: TypeAlias = list[tuple[Group, list[Piece], list[str]]]


def walk_of(groups: list[Group], pieces: list[list[Piece]], slots: Slots) -> Walk:
    """The groups with the pieces of each, and the slots that its options ask for."""
    return [
        (group, own, [name for name, option in slots.items() if option is None or group[option]])
        for group, own in zip(groups, pieces, strict=True)
    ]


def places(walk: Walk) -> Iterator[tuple[Piece, int, list[str]]]:
    """The parameters in the order of their groups: the piece of each, its place in that, and its slots."""
    for group, pieces, slots in walk:
        place = {p: (piece, i, slots) for piece in pieces for i, p in enumerate(piece.values)}
        yield from (place[p] for p in group["params"])


def packed(walk: Walk) -> dict[str, Any]:
    """The states of all parameters that were moved, by their place in the order of the groups, and the options."""
    state: dict[str, Any] = {}
    for place, (piece, i, slots) in enumerate(places(walk)):
        if piece.counts[i]:
            p = piece.values[i]
            arrays = {**{name: np.zeros(p.shape, wide(p.dtype)) for name in slots}, **piece.parts[i].state}
            state[str(place)] = {"step": piece.counts[i], **{name: x.copy() for name, x in arrays.items()}}
    groups, numbers = [], itertools.count()
    for group, _, _ in walk:
        plain = {name: list(x) if isinstance(x, tuple) else x for name, x in group.items()}
        groups.append({**plain, "params": [next(numbers) for _ in group["params"]]})
    return {"state": state, "param_groups": groups}


def unpack(states: dict[str, Any], walk: Walk) -> None:
    """Put the states of parameters that `fitting` gave where they belong."""
    for place, (piece, i, _) in enumerate(places(walk)):
        for name, x in states.get(str(place), {}).items():
            if name == "step":
                piece.counts[i] = int(x)
                continue
            if name not in piece.state:
                piece.hold(name, piece.zeros())
            piece.parts[i].state[name][...] = x


def way_back(walk: Walk) -> Callable[[], None]:
    """What puts the counts and the slots back to what they are now, in the same arrays."""
    pieces = [piece for _, own, _ in walk for piece in own]
    held = [(list(piece.counts), {name: x.copy() for name, x in piece.state.items()}) for piece in pieces]

    def back() -> None:
        for piece, (counts, arrays) in zip(pieces, held, strict=True):
            piece.counts[:] = counts
            for name, x in piece.state.items():
                x[...] = arrays.get(name, 0)  # one that came since was zeros at first

    return back


def fitting(
    given: Any, kind: str, walk: Walk, defaults: Group, slots: Slots, options: Callable[[Group, str], Group]
) -> tuple[list[Group], dict[str, Any]]:
    """The groups and the states of parameters in a state that was saved of an optimiser of this `kind`.

    `options` checks those of a group. Raises ValueError with all that is wrong.
    """
    wrong = fits("the state", given, ["optimizer", "state", "param_groups"]) or misfit(given, kind, walk)
    groups: list[Group] = []
    if not wrong:
        for i, (saved, (group, _, _)) in enumerate(zip(given["param_groups"], walk, strict=True)):
            found = group_misfits(f"group {i}", saved, group, defaults)
            if not found:
                try:
                    groups.append(options({**saved, "params": group["params"]}, f"group {i}: "))
                except ValueError as error:
                    found = [str(error)]
            wrong += found
    if not wrong:
        loaded = walk_of(groups, [pieces for _, pieces, _ in walk], slots)
        wrong = parameter_misfits(given["state"], loaded, slots)
    if wrong:
        raise ValueError(
            f"this state does not fit the {kind}: {'; '.join(wrong)}. Make the optimiser as it was "
            f"when the state was saved: same class, groups and parameters, in the same order"
        )
    return groups, given["state"]


def misfit(given: dict[str, Any], kind: str, walk: Walk) -> list[str]:
    """What is wrong with a state at first sight."""
    if given["optimizer"] != kind:
        return [f"it is of {brief(given['optimizer'])}"]
    if not isinstance(given["state"], dict) or not isinstance(given["param_groups"], list):
        return ["its state is a dict and its param_groups a list, but these are not"]
    if len(given["param_groups"]) != len(walk):
        return [f"it has {len(given['param_groups'])} groups, the optimiser {len(walk)}"]
    return []


def group_misfits(who: str, saved: Any, group: Group, defaults: Group) -> list[str]:
    """What is wrong with the names of a group's options, and with the number of its parameters."""
    wrong = fits(who, saved, ["params", *defaults], ["initial_lr"])
    if not wrong and np.size(saved["params"]) != len(group["params"]):
        wrong = [f"{who} has {np.size(saved['params'])} parameters, the optimiser's {len(group['params'])}"]
    return wrong


def parameter_misfits(states: dict[str, Any], walk: Walk, slots: Slots) -> list[str]:
    """What is wrong with the states of the parameters."""
    wrong = []
    own = {str(place): (piece.values[i], needed) for place, (piece, i, needed) in enumerate(places(walk))}
    for key, saved in states.items():
        if key in own:
            wrong += array_misfits(f"parameter {key}", saved, *own[key], slots)
        else:
            wrong.append(f"the state of a parameter {key!r} is left over")
    return wrong


def array_misfits(who: str, saved: Any, p: Value, needed: list[str], slots: Slots) -> list[str]:
    """What is wrong with the state of one parameter, which has the `needed` slots and may have the others."""
    wrong = fits(who, saved, ["step", *needed], slots)
    if wrong:
        return wrong
    for name, x in saved.items():
        if name == "step":
            if not isinstance(x, (int, np.integer)) or x < 1:
                wrong.append(f"step of {who} is {brief(x)}, no count of steps")
        elif not isinstance(x, (np.ndarray, np.generic)):
            wrong.append(f"{name} of {who} is {brief(x)}, no array")
        elif x.shape != p.shape or x.dtype != wide(p.dtype):
            kept = f"{p.dtype}" if wide(p.dtype) == p.dtype else f"{p.dtype}, of which {wide(p.dtype)} is kept"
            wrong.append(f"{name} of {who} is of shape {x.shape} ({x.dtype}), the parameter {p.shape} ({kept})")
    return wrong


def fits(who: str, given: Any, names: list[str], more: Iterable[str] = ()) -> list[str]:
    """What is wrong with the names of a dict that has `names`, and may have `more`."""
    if not isinstance(given, dict):
        return [f"{who} is {brief(given)}, no dict"]
    wrong = {
        "lacks": [name for name in names if name not in given],
        "has left over": [str(name) for name in given if name not in (*names, *more)],
    }
    return [f"{who} {what} {', '.join(found)}" for what, found in wrong.items() if found]
