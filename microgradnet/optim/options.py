"""What an optimiser is given: parameters that can be moved, and options that are what they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ..checks import choice, is_number, number, refusal, share, switch, whole
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


def three_numbers(name: str, given: Any, **words: str) -> tuple[float, ...]:
    """Three numbers of any sign."""
    if not (isinstance(given, tuple | list) and len(given) == 3 and all(map(is_number, given))):
        raise ValueError(refusal(name, given, "three numbers", **words))
    return tuple(map(float, given))


def adjustment(name: str, given: Any, **words: str) -> str | None:
    """One of Muon's ways, or None."""
    return None if given is None else choice(name, given, ("original", "match_rms_adamw"), **words)


def line_search(name: str, given: Any, **words: str) -> str | None:
    """The one line search there is, or None."""
    if given not in (None, "strong_wolfe"):
        raise ValueError(refusal(name, given, "'strong_wolfe' or None", **words))
    return None if given is None else "strong_wolfe"


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
    "momentum_decay": (number, "how fast the momentum comes to its full size", ", such as 0.004"),
    "ns_coefficients": (three_numbers, "the coefficients of Newton and Schulz's iteration", ""),
    "ns_steps": (whole, "how often it is made", ", such as 5"),
    "adjust_lr_fn": (adjustment, "how the step size follows the shape", ""),
    "max_iter": (whole, "how many iterations a step has", ", such as 20"),
    "max_eval": (whole, "how many costs a step may take", ", such as 25"),
    "history_size": (whole, "how many iterations are remembered", ", such as 100"),
    "tolerance_grad": (number, "the gradient that counts as none", ", such as 1e-7"),
    "tolerance_change": (number, "the change that counts as none", ", such as 1e-9"),
    "line_search_fn": (line_search, "how the length of a step is found", ""),
    **dict.fromkeys(("nesterov", "maximize", "amsgrad", "centered", "decoupled_weight_decay"), (switch, "this", "")),
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
            f"{where}there are no parameters to move. A parameter is a Value of numbers, such as Value(0.1 * array): "
            "a Value that was computed is none, and neither is a plain array"
        )
    return listed
