"""`check_grads`: is this gradient right? The arguments, the report, and whom to blame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any

import numpy as np

from ..transforms.door import name_of
from ..words import brief, called_here, known_to
from .blame import culprits, remedies_by_hand, second_order_culprits
from .kept import Kept
from .point import Point
from .report import GradReport
from .source import gradient_of
from .survey import checked

NOT_RECORDED = (
    "every rule on the way is right on its own values: something in the function is not recorded (.data, float(), "
    "stop_gradient, a plain copy), or changes the gradient (hook)"
)

BY_ITSELF = dict.fromkeys(
    ("eps", "epsilon", "h", "delta", "atol", "rtol", "tol", "tolerance"),
    ". Leave it out: step sizes are chosen, and each slope has an error bar in place of a tolerance",
)


def check_grads(
    f: Callable[..., Any],
    *args: Any,
    order: int = 1,
    gradient: Callable[..., Any] | None = None,
    samples: int | None = None,
    seed: int = 0,
    raise_on_failure: bool = False,
    progress: bool | None = None,
    allow_unknown: bool = False,
    **kwargs: Any,
) -> GradReport:
    """Compare the gradient of `f(*args)` with its slopes, element by element; see `GradReport` for what comes back.

    Arguments are numbers, arrays, nested dicts, lists, tuples and dataclasses of them, or Modules; f is called with
    Values in their place and returns a Value or several. Whole numbers and integer arrays are constants. Several
    results, or an array, are weighed by random numbers: the gradient is checked, and shown, of that sum. Results
    without a slope (an argmax, a comparison, plain numbers and arrays) are constants.

    Each element is *match*, *mismatch*, *kink* (the slopes from the left and from the right differ, and the gradient
    lies between them) or *cannot tell* (the slope itself is not reliable here: its error bar says how much). A match
    has an error bar so small that it could have told otherwise. A report in which nothing could be told is not true.
    float32 is checked in float64; then the float32 gradient is compared with that. Each call of f finds the Modules
    it uses as they were, with their running statistics and generators, and so does who calls this.

    order: 2 checks the gradient of the gradient as well.
    gradient: a function of the same arguments that returns the gradient of f, an array or a tuple for several inputs,
        in place of this package's. Then f and it are called with plain arrays. If f returns several numbers, it is that
        of their sum, which has the shape of the input, or the whole matrix of slopes, of shape (*result, *input).
    samples: how many elements to check, drawn at random with `seed`; by default all of up to 20,000, and 500 of more.
        What is not drawn is moved together, along 16 random directions, and a direction that mismatches is halved until
        it is one element. The report's `coverage` says how far off an ordinary element (one that matters as much as
        half of the others) has to be to show there: commonly some millionths of its gradient. If kinks or rounding hide
        more than a tenth of it, its `notes` say so.
    raise_on_failure: AssertionError with the table unless it is true.
    allow_unknown: whether a report in which nothing could be told is true.
    progress: a progress bar on the terminal; by default for what takes more than two seconds.

    >>> import numpy as np
    >>> report = check_grads(lambda x, y: np.sin(x) * y, [0.5, 1.0], 2.0)
    >>> bool(report), report.count("match")
    (True, 3)
    """
    if not callable(f):
        raise TypeError(f"check_grads wants a function and its arguments; got {brief(f)}. check_grads(f, x), not f(x)")
    if order not in (1, 2):
        raise ValueError(f"order={order!r}: 1 checks the gradient, 2 the gradient and the gradient of the gradient")
    if samples is not None and (not isinstance(samples, int) or samples < 1):
        raise ValueError(f"samples={samples!r}: how many elements to check, a whole number of at least 1")
    if gradient is not None and (isinstance(gradient, type) or not callable(gradient)):
        raise TypeError(
            f"check_grads: gradient={brief(gradient)}; wanted a function of the same arguments that returns the "
            f"gradient, such as gradient=lambda x: 2 * x"
        )
    check_named(f, kwargs)
    with np.errstate(all="ignore"), Kept(f, args, kwargs, gradient):
        point = Point(f, args, kwargs, gradient, seed)
        report = checked(point, samples, progress)
        if (report.mismatches or point.failed) and gradient is None:
            report.culprits = culprits(point.f, point.probe, point.rng)
            if not report.culprits and not point.failed:
                report.notes.append(NOT_RECORDED)
        if report.mismatches and gradient is not None:
            report.notes += remedies_by_hand(point, {e.name for e in report.mismatches})
        if order == 2 and gradient is None and not point.failed:
            second = checked(Point(gradient_of(f, seed), args, kwargs, None, seed + 1), samples, progress)
            if second.mismatches:
                second.culprits = second_order_culprits(point.f, point.probe)
            report = joined(report, second)
        report.allow_unknown = allow_unknown
    return report.raise_on_failure() if raise_on_failure else report


def assert_grads(f: Callable[..., Any], *args: Any, **how: Any) -> None:
    """`check_grads` for tests: AssertionError with its table if something mismatches, or nothing could be told.

    >>> assert_grads(lambda x: x**2, [1.0, 2.0])
    """
    check_grads(f, *args, **how).raise_on_failure()


def check_named(f: Callable[..., Any], named: Iterable[str]) -> None:
    """TypeError for an argument by name that neither f nor `check_grads` has."""
    try:
        known = signature(f).parameters
    except (TypeError, ValueError):  # of some functions Python does not know what they take
        return
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return
    for name in named:
        if name not in known:
            way = BY_ITSELF.get(name) or called_here(name, (*known_to(check_grads), *known))
            raise TypeError(f"check_grads has no option {name!r}, and {name_of(f)} no such argument{way}")


def joined(first: GradReport, second: GradReport) -> GradReport:
    """Two reports as one; what the second is about has ″ at its names."""
    inputs = [part._replace(name=part.name + "″") for part in second.inputs]
    elements = [e._replace(name=e.name + "″") for e in second.elements]
    problems = [p for p in second.problems if p not in first.problems]
    report = GradReport(
        f"{first.what}, and of its gradient (″)", first.inputs + inputs, first.elements + elements,
        first.culprits + second.culprits, first.problems + problems,
        first.notes + [note for note in second.notes if note not in first.notes], first.coverage,
    )  # fmt: skip
    report.is_unknown = first.is_unknown or second.is_unknown
    return report
