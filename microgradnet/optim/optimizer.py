"""What every optimiser shares: the walk over parameters in groups, and the step.

An optimiser says in `direction` where to go, on plain arrays; `step` goes there. Whether those are the arrays of one
parameter or of many small ones end to end is decided in `pieces`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..checks import positive
from ..core import Array, NonDiff, Value, modes
from ..words import answering, brief, describe, foreign, own, printable
from .options import OPTIONS, Group, checked, is_list, movable
from .pieces import Piece, pieces_of, ready
from .state import Slots, Walk, fitting, packed, unpack, walk_of, way_back

Parameters: TypeAlias = "Iterable[Value] | Iterable[dict[str, Any]]"

FIXED = "what an optimiser moves is fixed when it is made. Make a new one, and load this one's state_dict if it fits"


class ForeignOptimizer:
    """What the optimisers of other libraries have and ours has not; what there is here instead is said in `foreign`."""


foreign(ForeignOptimizer, "Optimizer", (
    "learning_rate lr get_lr add_param_group minimize apply_gradients apply_updates update get_config get_state "
    "set_state zero_grads state"
))  # fmt: skip


class Optimizer(ForeignOptimizer):
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
        off = {"weight_decay": 0.0, "maximize": False}  # what all can do, unless they are told otherwise
        self.defaults: dict[str, Any] = {**defaults, **{name: x for name, x in off.items() if name not in defaults}}
        name = type(self).__name__
        if not is_list(params):
            raise TypeError(f"{name} wants a list of parameters: {name}(model.parameters(), lr=…)")
        given = list(params)
        grouped = bool(given) and isinstance(given[0], dict)
        self.param_groups: list[Group] = [self._group(g, f"group {i}: ") for i, g in enumerate(given)] if grouped else [
            self._group({"params": given}, "")
        ]  # fmt: skip
        self.parameters: list[Value] = [p for group in self.param_groups for p in group["params"]]
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError("a parameter is listed twice: it would be moved twice")
        if all(isinstance(p, NonDiff) for p in self.parameters):
            raise ValueError("every parameter is frozen, so there is nothing to move. Unfreeze some of them first")
        self._walk = walk_of(self.param_groups, self._pieces(), self.slots)
        self._known = [dict(group) for group in self.param_groups]
        self._begun = False  # whether a step has been made

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls) and cls.__module__.startswith(__package__):
            type.__setattr__(cls, "__init__", answering(cls.__init__))  # unseen by type checkers: it stays what it is

    def __setattr__(self, name: str, x: Any) -> None:
        ours = type(self).__module__.startswith(__package__)  # one of the user's may keep what it likes
        if ours and "param_groups" in vars(self) and name in (*self.defaults, "learning_rate"):
            option = name if name in self.defaults else "lr"
            raise AttributeError(
                f"{type(self).__name__} has its options in groups: optimizer.param_groups[0][{option!r}] = {brief(x)}"
            )
        object.__setattr__(self, name, x)

    def __dir__(self) -> list[str]:
        return own(self)

    def __repr__(self) -> str:
        groups = []
        for group in self.param_groups:
            options = ", ".join(f"{name}={x}" for name, x in group.items() if name != "params")
            groups.append(f"{options}; parameters: {len(group['params'])}")
        inside = groups[0] if len(groups) == 1 else "".join(f"\n  {group}" for group in groups) + "\n"
        return printable(f"{type(self).__name__}({inside})")

    # ------------------------------------------------------------------------------------ what an optimiser defines

    def check(self, group: Group) -> None:
        """Raise ValueError where options do not go together."""

    def direction(self, g: Array, state: dict[str, Array], t: int, group: Group) -> Array:
        """Where to go: a step subtracts `lr` times this.

        `g` is the gradient, not to be written to; `state` has the arrays of `slots`, to be changed in place; `t`
        counts the steps from 1. All of them may be those of several parameters, end to end, unless the class says
        `elementwise = False`. Of parameters in float16 both are in float32, where squares of small gradients are not 0.
        """
        raise NotImplementedError(f"{type(self).__name__} goes nowhere yet: define direction(self, g, state, t, group)")

    # ------------------------------------------------------------------------------------------------------ the step

    def step(self) -> None:
        """Move every parameter w that has a gradient g: w −= lr · d, where d is the `direction` of g."""
        for group, pieces, slots in self._settled():
            self._move(group, pieces, slots)

    def _move(self, group: Group, pieces: list[Piece], slots: list[str]) -> None:
        """The step of one group; d is the gradient at first."""
        group = modes.options(group) if modes.on else group
        lr, pull, uphill = group["lr"], group["weight_decay"], group["maximize"]
        late = self.decoupled or group.get("decoupled_weight_decay", False)
        for w, d, t in ready(pieces, slots):
            if uphill:
                d = -d
            if pull and not late:
                d = d + pull * w.data
            d = self.direction(d, modes.array(w.state), t, group)
            if pull and late:
                d = d + pull * w.data
            w -= np.multiply(lr, d, out=w.change if type(d) is np.ndarray else None)

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward() starts anew."""
        for p in self.parameters:
            p.grad = None

    def _pieces(self) -> list[list[Piece]]:
        return [pieces_of(group["params"], self.elementwise) for group in self.param_groups]

    # -------------------------------------------------------------------------------------------- groups and options

    def _group(self, given: Any, where: str) -> Group:
        """A group with all its options, checked."""
        if not isinstance(given, dict) or "params" not in given:
            raise TypeError(f'{where}a group is a dict such as {{"params": [w, b], "lr": 0.01}}; got {brief(given)}')
        options = {**self.defaults, **given, "params": movable(given["params"], where)}
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

    def _settled(self) -> Walk:
        """The groups and their pieces, after what was assigned in `param_groups` since the last time was checked."""
        if modes.on:
            self._refuse_what_a_step_sets()
            modes.host(self._settle_if_assigned)
            return modes.same(self, "_walk")  # type: ignore[no-any-return]
        if not self._begun:
            self._begin()
        self._settle_if_assigned()
        return self._walk

    def _begin(self) -> None:
        """Warn of a first step that finds no gradient at all. Later ones are not looked at: that would take time."""
        self._begun = True
        movable = [p for p in self.parameters if not isinstance(p, NonDiff)]
        if movable and all(p._grad is None for p in movable):
            warnings.warn(
                f"{type(self).__name__}.step() moved nothing: no parameter has a gradient, {describe(movable[0])} for "
                f"example. loss.backward() before it gives them theirs, if the loss is computed with these very "
                f"Values; zero_grad() forgets them, so it comes before backward()",
                RuntimeWarning,
                stacklevel=4,
            )

    def _refuse_what_a_step_sets(self) -> None:
        """Uncompilable if a compiled step has put a number of its own into an option, which then has it as usual."""
        tape = modes.taped()
        if tape is None:
            return
        for i, group in enumerate(self.param_groups):
            for name, x in group.items():
                if isinstance(x, Value):
                    group[name] = tape.examples(x)
                    place = f"param_groups[{i}][{name!r}]"
                    way = "Set it outside, before the call"
                    raise tape.error(f"it sets {place}, which a program reads where it is. {way}")

    def _settle_if_assigned(self) -> None:
        if self.param_groups != self._known:  # finds the same objects in both, which takes no time
            self._settle()

    def _settle(self) -> None:
        """Check what was assigned, and take it over, all of it or nothing."""
        self._check_groups()
        options = []
        for i, (group, known) in enumerate(zip(self.param_groups, self._known, strict=True)):
            missing = [name for name in known if name not in group]
            if missing:
                raise ValueError(f"group {i} has lost its option {missing[0]!r}. Assign it again")
            options.append(self._options(group, f"group {i}: ", known))
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)
        self._known = options
        self._walk[:] = walk_of(self.param_groups, [pieces for _, pieces, _ in self._walk], self.slots)

    def _check_groups(self) -> None:
        """Raise ValueError for groups that were added or taken away, or have other parameters."""
        if len(self.param_groups) != len(self._known):
            raise ValueError(f"{len(self.param_groups)} groups, but there were {len(self._known)}: {FIXED}")
        for i, (group, known) in enumerate(zip(self.param_groups, self._known, strict=True)):
            if group.get("params") is not known["params"]:
                raise ValueError(f"group {i} has got other parameters: {FIXED}")

    # ---------------------------------------------------------------------------------------------- saved and restored

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on besides the parameters, as plain dicts, lists, numbers and arrays.

        `"state"` has the slots, and the count of steps, of every parameter that was moved, under its place in the
        order of the groups ("0", "1", …); `"param_groups"` has the options. Nothing in it is shared with the optimiser.
        """
        self._settle()
        return {"optimizer": type(self).__name__, **packed(self._walk)}

    def _way_back(self) -> Callable[[], None]:
        """What puts the state back to what it is now, in the same arrays: to try a step."""
        return way_back(self._walk)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave: training goes on as if it had never stopped, bit for bit.

        Load the parameters too. Raises ValueError for what does not fit, with all that is missing, left over, or of
        another shape or dtype; then nothing has changed.
        """
        self._check_groups()
        kind = type(self).__name__
        groups, states = fitting(state_dict, kind, self._walk, self.defaults, self.slots, self._options)
        for group, new in zip(self.param_groups, groups, strict=True):
            group.clear()
            group.update(new)
        self._known = groups
        self._walk = walk_of(self.param_groups, self._pieces(), self.slots)
        unpack(states, self._walk)
