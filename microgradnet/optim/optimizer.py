"""What every optimiser shares: parameters in groups, the walk over them, state that is saved and restored.

An optimiser says in `direction` where to go, on plain arrays. Whether those are the arrays of one parameter or of many
small ones end to end is decided here, in `Piece`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..checks import is_number, number, positive, refusal, share, switch
from ..core import Array, NonDiff, Value, numbers
from ..nn.module import Module
from ..words import brief, describe

Group: TypeAlias = dict[str, Any]
Slots: TypeAlias = Mapping[str, str | None]
Parameters: TypeAlias = "Iterable[Value] | Iterable[dict[str, Any]]"

# Parameters are joined to at most this many numbers. A step of a few numbers takes the time of NumPy's calls, so joined
# they are faster (Adam on 100 parameters of 8 or 64 numbers: 0.14 ms instead of 0.89). From some 20,000 numbers on,
# the arithmetic takes the time, and there is nothing to gain.
LONGEST = 65536


def two_shares(name: str, given: Any, **words: str) -> tuple[float, float]:
    """A pair of numbers from 0 to below 1: a mean of which all is kept would learn nothing."""
    pair = isinstance(given, tuple | list) and len(given) == 2
    if not pair or not all(is_number(b) and 0 <= b < 1 for b in given):
        raise ValueError(refusal(name, given, "two numbers from 0 to below 1", **words))
    return float(given[0]), float(given[1])


FIXED = "what an optimiser moves is fixed when it is made. Make a new one, and load this one's state_dict if it fits"

# The check that makes a plain number of an option; what the option is, and an example, for whoever gave something else.
# Plain numbers keep float32 what it is: beside a np.float64 it would become float64.
OPTIONS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "lr": (number, "the step size", ", such as 0.1"),
    "initial_lr": (number, "the step size that a schedule begins from", ""),
    "momentum": (share, "the share of the last step that is kept", ", such as 0.9"),
    "dampening": (share, "the share of the gradient that momentum leaves out", ""),
    "weight_decay": (number, "the pull towards 0", ", such as 0.01"),
    "lr_decay": (number, "the decay of the step size", ""),
    "initial_accumulator_value": (number, "what the sum of squares begins from", ""),
    "eps": (number, "what keeps a division from being one by 0", ", such as 1e-8"),
    "alpha": (share, "the share of the mean square that is kept", ", such as 0.99"),
    "betas": (two_shares, "what is kept of the two means", ", such as (0.9, 0.999)"),
    **dict.fromkeys(("nesterov", "maximize", "amsgrad", "centered"), (switch, "this", "")),
}


def checked(name: str, given: Any, where: str = "") -> Any:
    """An option as a plain number, tuple or bool. ValueError for what it cannot be."""
    if name not in OPTIONS:
        return given  # of an optimiser of the user's own
    check, what, more = OPTIONS[name]
    return check(f"{where}{name}", given, what=what, more=more)


class Piece:
    """Parameters whose state lies end to end, in one array for each slot: several short ones, or a single one."""

    def __init__(self, values: list[Value]) -> None:
        self.values = values
        self.counts = [0] * len(values)  # how often each was moved
        self.state: dict[str, Array] = {}  # slot -> the numbers of all, end to end
        self.parts: list[dict[str, Array]] = [{} for _ in values]  # the same memory: slot -> those of each
        if len(values) > 1:
            self.change = self.zeros()
            self.changes = self.views(self.change)

    def zeros(self) -> Array:
        return np.zeros(sum(p.size for p in self.values), self.values[0].dtype)

    def views(self, array: Array) -> list[Array]:
        ends = itertools.accumulate(p.size for p in self.values)
        return [array[end - p.size : end].reshape(p.shape) for p, end in zip(self.values, ends, strict=True)]

    def hold(self, name: str, array: Array) -> None:
        """Keep `array` in the slot `name`."""
        self.state[name] = array
        for part, view in zip(self.parts, self.views(array), strict=True):
            part[name] = view

    def __reduce__(self) -> Any:
        # A copied view would be an array of its own, so a copy makes its views anew.
        return restored, (self.values, self.counts, self.state)


def restored(values: list[Value], counts: list[int], state: dict[str, Array]) -> Piece:
    piece = Piece(values)
    piece.counts = counts
    for name, array in state.items():
        piece.hold(name, array)
    return piece


def pieces_of(params: Iterable[Value], longest: int) -> list[Piece]:
    """The parameters in pieces of one dtype, of at most `longest` numbers if there are several in one.

    Frozen ones, which get no gradient, have their own: a piece moves as one where all in it have a gradient.
    """
    pieces: list[list[Value]] = []
    opened: dict[Any, list[Value]] = {}
    room: dict[Any, int] = {}
    for p in params:
        kind = p.dtype, type(p)
        if p.size > longest:
            pieces.append([p])
            continue
        if p.size > room.get(kind, -1):
            opened[kind], room[kind] = [], longest
            pieces.append(opened[kind])
        opened[kind].append(p)
        room[kind] -= p.size
    return [Piece(piece) for piece in pieces]


class Optimizer:
    """What every optimiser shares. One of your own says in `direction` where to go, and `step` goes there.

    `params` is a list of parameters, or of groups, dicts such as `{"params": [w, b], "lr": 0.01}`, where a group's
    options stand before the optimiser's. `optimizer.param_groups` holds them all; assign to `lr`, or another option,
    in a group to change it. A parameter without a gradient stays as it is, and so does its state.

    Raises TypeError for anything but leaf Values; ValueError for no parameters, for one listed twice, if all of them
    are frozen, and for an option that is unknown or not what it should be.

    >>> class SignSGD(Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     def direction(self, g, state, t, group):
    ...         return np.sign(g)
    >>> w = Value([1.0, -3.0])
    >>> optimizer = SignSGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.9, -2.9])
    """

    # The arrays to keep for each parameter, zeros at first; each with the option that asks for it, or None.
    slots: ClassVar[Slots] = {}
    # Whether weight decay is added to the direction (AdamW), or to the gradient.
    decoupled = False
    # Whether `direction` works element by element, so that it may be handed several parameters end to end.
    elementwise = True

    def __init__(self, params: Parameters, defaults: Group) -> None:
        self.defaults = {**defaults}
        for option, off in (("weight_decay", 0.0), ("maximize", False)):
            self.defaults.setdefault(option, off)
        name = type(self).__name__
        if isinstance(params, Module | Value) or callable(params) or not isinstance(params, Iterable):
            raise TypeError(f"{name} wants a list of parameters: {name}(model.parameters(), lr=…)")
        given = list(params)
        grouped = bool(given) and isinstance(given[0], dict)
        self.param_groups = [self._group(g, f"group {i}: ") for i, g in enumerate(given)] if grouped else [
            self._group({"params": given}, "")
        ]  # fmt: skip
        self.parameters = [p for group in self.param_groups for p in group["params"]]
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError("a parameter is listed twice: it would be moved twice")
        if all(isinstance(p, NonDiff) for p in self.parameters):
            raise ValueError("every parameter is frozen, so there is nothing to move. Unfreeze some of them first")
        self._walk = self._pieces()
        self._known = [dict(group) for group in self.param_groups]

    def _group(self, given: Any, where: str) -> Group:
        """A group with all its options, checked."""
        if not isinstance(given, dict) or "params" not in given:
            raise TypeError(f'{where}a group is a dict such as {{"params": [w, b], "lr": 0.01}}; got {brief(given)}')
        params = given["params"]
        if isinstance(params, Module | Value) or callable(params) or not isinstance(params, Iterable):
            raise TypeError(f'{where}"params" is a list of parameters: {{"params": model.parameters()}}')
        params = tuple(params)
        for p in params:
            if not isinstance(p, Value):
                raise TypeError(f"a parameter is a Value; got {brief(p)}. model.parameters() lists a model's")
            if p.op is not None:
                raise TypeError(
                    f"{describe(p)} was computed (by {p.op.name}) and cannot be moved: a parameter is a Value of "
                    f"numbers, such as Value(0.1 * array)"
                )
        if not params:
            raise ValueError(
                f"{where}there are no parameters to move; a Value that was computed is none, and neither is a "
                "plain array: Value(array) makes one of it"
            )
        options = {**self.defaults, **given, "params": params}
        _, what, more = OPTIONS["lr"]
        positive(f"{where}lr", options["lr"], what=what, more=more)  # 0 is where a schedule may end, not begin
        return self._options(options, where)

    def _options(self, group: Group, where: str, known: Group | None = None) -> Group:
        """The options of a group, checked; those that are the same objects as in `known` were checked before."""
        options: Group = {}
        for name, x in group.items():
            if known is None or x is not known.get(name):
                if name not in self.defaults and name not in ("params", "initial_lr"):
                    raise ValueError(
                        f"{where}{type(self).__name__} has no option {name!r}; it has {', '.join(self.defaults)}"
                    )
                x = checked(name, x, where)
            options[name] = x
        self.check(options)
        return options

    def __repr__(self) -> str:
        groups = []
        for group in self.param_groups:
            options = ", ".join(f"{name}={x}" for name, x in group.items() if name != "params")
            groups.append(f"{options}; parameters: {len(group['params'])}")
        inside = groups[0] if len(groups) == 1 else "".join(f"\n  {group}" for group in groups) + "\n"
        return f"{type(self).__name__}({inside})"

    # ------------------------------------------------------------------------------------ what an optimiser defines

    def check(self, group: Group) -> None:
        """Raise ValueError where options do not go together."""

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Any:
        """Where to go: a step subtracts `lr` times this.

        `g` is the gradient, not to be written to; `state` has the arrays of `slots`, to be changed in place; `t`
        counts the steps from 1. All of them may be those of several parameters, end to end, unless the class says
        `elementwise = False`.
        """
        raise NotImplementedError(f"{type(self).__name__} goes nowhere yet: define direction(self, g, state, t, group)")

    # ------------------------------------------------------------------------------------------------------ the walk

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        if self.param_groups != self._known:  # finds the same objects in both, which takes no time
            self._settle()
        for group, pieces in self._walk:
            self._step_group(group, pieces)

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward() starts anew."""
        for p in self.parameters:
            p.grad = None

    def _pieces(self) -> list[tuple[Group, list[Piece]]]:
        longest = LONGEST if self.elementwise else 0
        return [(group, pieces_of(group["params"], longest)) for group in self.param_groups]

    def _settle(self) -> None:
        """Check what was assigned in `param_groups` since the last time, before anything moves."""
        if len(self.param_groups) != len(self._known):
            raise ValueError(f"{len(self.param_groups)} groups, but there were {len(self._known)}: {FIXED}")
        options = []
        for i, (group, known) in enumerate(zip(self.param_groups, self._known, strict=True)):
            if group.get("params") is not known["params"]:
                raise ValueError(f"group {i} has got other parameters: {FIXED}")
            missing = [name for name in known if name not in group]
            if missing:
                raise ValueError(f"group {i} has lost its option {missing[0]!r}. Assign it again")
            options.append(self._options(group, f"group {i}: ", known))
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)
        self._known = options
        self._walk = [(group, pieces) for group, (_, pieces) in zip(self.param_groups, self._walk, strict=True)]

    def _step_group(self, group: Group, pieces: list[Piece]) -> None:
        slots = self._used(group)
        for piece in pieces:
            grads = [numbers(p.grad) for p in piece.values if p.grad is not None]
            if not grads:
                continue
            for name in slots:
                if name not in piece.state:
                    piece.hold(name, piece.zeros())
            counts = piece.counts
            if 1 < len(grads) == len(counts) == counts.count(counts[0]):
                self._step_together(group, piece, grads)
                continue
            for i, p in enumerate(piece.values):
                if p.grad is not None:
                    counts[i] += 1
                    p.data -= group["lr"] * self._towards(numbers(p.grad), p.data, piece.parts[i], counts[i], group)

    def _step_together(self, group: Group, piece: Piece, grads: list[Array]) -> None:
        t = piece.counts[0] + 1
        g = np.concatenate(grads, axis=None)
        w = np.concatenate([p.data for p in piece.values], axis=None) if group["weight_decay"] else None
        np.multiply(self._towards(g, w, piece.state, t, group), group["lr"], out=piece.change)
        for p, change in zip(piece.values, piece.changes, strict=True):
            p.data -= change
        piece.counts = [t] * len(grads)

    def _used(self, group: Group) -> list[str]:
        """The slots that the options of a group ask for."""
        return [name for name, option in self.slots.items() if option is None or group[option]]

    def _towards(self, g: Array, w: Any, state: dict[str, Array], t: int, group: Group) -> Any:
        """The direction, with the pull of weight decay towards 0."""
        if group["maximize"]:
            g = -g
        pull = group["weight_decay"]
        if pull and not self.decoupled:
            g = g + pull * w
        d = self.direction(g, state, t, group)
        return d + pull * w if pull and self.decoupled else d

    # ---------------------------------------------------------------------------------------------- saved and restored

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on besides the parameters, as plain dicts, lists, numbers and arrays.

        `"state"` has the slots, and the count of steps, of every parameter that was moved, under its place in the
        order of the groups ("0", "1", …); `"param_groups"` has the options. Nothing in it is shared with the optimiser.
        """
        self._settle()
        state: dict[str, Any] = {}
        for place, (group, piece, i) in enumerate(self._places()):
            if piece.counts[i]:
                p = piece.values[i]
                slots = {**{name: np.zeros(p.shape, p.dtype) for name in self._used(group)}, **piece.parts[i]}
                state[str(place)] = {"step": piece.counts[i], **{name: x.copy() for name, x in slots.items()}}
        groups, places = [], itertools.count()
        for group in self.param_groups:
            plain = {name: list(x) if isinstance(x, tuple) else x for name, x in group.items()}
            groups.append({**plain, "params": [next(places) for _ in group["params"]]})
        return {"optimizer": type(self).__name__, "state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave: training goes on as if it had never stopped, bit for bit.

        Load the parameters too. Raises ValueError for what does not fit, with all that is missing, left over, or of
        another shape or dtype; then nothing has changed.
        """
        groups, states, wrong = self._read(state_dict)
        if wrong:
            raise ValueError(
                f"this state does not fit the {type(self).__name__}: {'; '.join(wrong)}. Make the optimiser as it was "
                f"when the state was saved: same class, groups and parameters, in the same order"
            )
        for group, new in zip(self.param_groups, groups, strict=True):
            group.clear()
            group.update(new)
        self._known = groups
        self._walk = self._pieces()
        for place, (_, piece, i) in enumerate(self._places()):
            for name, x in states.get(str(place), {}).items():
                if name == "step":
                    piece.counts[i] = int(x)
                    continue
                if name not in piece.state:
                    piece.hold(name, piece.zeros())
                piece.parts[i][name][...] = x

    def _read(self, given: Any) -> tuple[list[Group], dict[str, Any], list[str]]:
        """The groups and the states of parameters in a state_dict, and all that is wrong with it."""
        wrong = fits("the state", given, ["optimizer", "state", "param_groups"])
        if wrong:
            return [], {}, wrong
        states, saved_groups, own = given["state"], given["param_groups"], self.param_groups
        if given["optimizer"] != type(self).__name__:
            return [], {}, [f"it is of {brief(given['optimizer'])}"]
        if not isinstance(states, dict) or not isinstance(saved_groups, list):
            return [], {}, ["its state is a dict and its param_groups a list, but these are not"]
        if len(saved_groups) != len(own):
            return [], {}, [f"it has {len(saved_groups)} groups, the optimiser {len(own)}"]
        groups = []
        for i, (saved, group) in enumerate(zip(saved_groups, own, strict=True)):
            found = fits(f"group {i}", saved, ["params", *self.defaults], ["initial_lr"])
            if not found and np.size(saved["params"]) != len(group["params"]):
                found = [f"group {i} has {np.size(saved['params'])} parameters, the optimiser's {len(group['params'])}"]
            if not found:
                try:
                    groups.append(self._options({**saved, "params": group["params"]}, f"group {i}: "))
                except ValueError as error:
                    found = [str(error)]
            wrong += found
        if wrong:
            return [], {}, wrong
        places = {str(place): found for place, found in enumerate(self._places(groups))}
        for key, saved in states.items():
            if key in places:
                group, piece, i = places[key]
                wrong += self._misfits(f"parameter {key}", saved, piece.values[i], group)
            else:
                wrong.append(f"the state of a parameter {key!r} is left over")
        return groups, states, wrong

    def _misfits(self, who: str, saved: Any, p: Value, group: Group) -> list[str]:
        """What is wrong with the saved state of one parameter."""
        wrong = fits(who, saved, ["step", *self._used(group)], self.slots)
        if wrong:
            return wrong
        for name, x in saved.items():
            if name == "step":
                if not isinstance(x, (int, np.integer)) or x < 1:
                    wrong.append(f"step of {who} is {brief(x)}, no count of steps")
            elif not isinstance(x, (np.ndarray, np.generic)):
                wrong.append(f"{name} of {who} is {brief(x)}, no array")
            elif x.shape != p.shape or x.dtype != p.dtype:
                wrong.append(f"{name} of {who} is of shape {x.shape} ({x.dtype}), the parameter {p.shape} ({p.dtype})")
        return wrong

    def _places(self, groups: list[Group] | None = None) -> Iterator[tuple[Group, Piece, int]]:
        """The parameters in the order of their groups: the group of each, its piece, and its place in that."""
        for group, (_, pieces) in zip(groups or self.param_groups, self._walk, strict=True):
            place = {p: (group, piece, i) for piece in pieces for i, p in enumerate(piece.values)}
            yield from (place[p] for p in group["params"])


def fits(who: str, given: Any, names: list[str], more: Iterable[str] = ()) -> list[str]:
    """What is wrong with the names of a dict that has `names`, and may have `more`."""
    if not isinstance(given, dict):
        return [f"{who} is {brief(given)}, no dict"]
    wrong = {
        "lacks": [name for name in names if name not in given],
        "has left over": [str(name) for name in given if name not in (*names, *more)],
    }
    return [f"{who} {what} {', '.join(found)}" for what, found in wrong.items() if found]
