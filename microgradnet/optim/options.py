"""What an optimiser is given: parameters that can be moved, and options that are what they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ..checks import is_number, number, refusal, share, switch
from ..core import Value
from ..words import brief, describe

# {"params": […], "lr": 0.01, …}: parameters that are moved alike, and how.
Group: TypeAlias = dict[str, Any]


def two_shares(name: str, given: Any, **words: str) -> tuple[float, float]:
    """A pair of numbers from 0 to below 1: a mean of which all is kept would learn nothing."""
    pair = isinstance(given, tuple | list) and len(given) == 2
    if not pair or not all(is_number(b, 0) and b < 1 for b in given):
        raise ValueError(refusal(name, given, "two numbers from 0 to below 1", **words))
    return float(given[0]), float(given[1])


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


def is_list(params: Any) -> bool:
    """Whether these may be parameters in a list: a single one, a model, and its method not called are no such list."""
    return isinstance(params, Iterable) and not isinstance(params, Value) and not callable(params)


def movable(params: Any, where: str) -> tuple[Value, ...]:
    """The parameters of a group. TypeError for anything but Values of numbers, ValueError for none at all."""
    if not is_list(params):
        raise TypeError(f'{where}"params" is a list of parameters: {{"params": model.parameters()}}')
    listed = tuple(params)
    for p in listed:
        if not isinstance(p, Value):
            raise TypeError(f"a parameter is a Value; got {brief(p)}. model.parameters() lists a model's")
        if p.op is not None:
            raise TypeError(
                f"{describe(p)} was computed (by {p.op.name}) and cannot be moved: a parameter is a Value of "
                f"numbers, such as Value(0.1 * array)"
            )
    if not listed:
        raise ValueError(
            f"{where}there are no parameters to move; a Value that was computed is none, and neither is a "
            "plain array: Value(array) makes one of it"
        )
    return listed
