"""Losses: how wrong an output is, as formulas over the rows. They stand in `functional` beside the other formulas.

Names and options are PyTorch's; options go by name. `reduction` is "mean", over all there is to average, "sum" or
"none". Three things differ from PyTorch. Classes are on the last axis, the axes before it count examples. Shapes that
are not equal are refused where PyTorch broadcasts them into a number that means nothing. And so is a mean of nothing,
which PyTorch makes NaN.

Targets may be Values too. They are used in the dtype of the input if they are integers or bools; else NumPy computes in
the larger of the two dtypes. Inputs that are integers or bools are computed with in floating point, float16 in float32,
and the result is rounded once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .checks import integer, real, reals, refusal, share
from .core import (
    ROOMY,
    Either,
    Operand,
    as_floats,
    modes,
    narrowed,
    of_two,
    shaped,
    widened,
)  # fmt: skip
from .core import Value as Value  # for the examples
from .labels import Labels, check_classes, class_weights, reduced
from .ops.cost import clamped_log
from .ops.elementwise import clip, relu, stop_gradient
from .ops.reduction import logsumexp

IGNORED = -100


def matched(input: Operand, target: Operand) -> tuple[Any, Any, Any]:
    """Both in floating point wide enough for sums, and the dtype of the result.

    ValueError if the shapes differ, as they would broadcast into a wrong number.
    """
    input, target = shaped(input), shaped(target)
    dtype = input.dtype
    if input.shape != target.shape:
        raise ValueError(
            f"input of shape {input.shape}, target of shape {target.shape}: they must be equal. "
            f"target.reshape(input.shape) if both hold the same elements in the same order"
        )
    if dtype is target.dtype and dtype in ROOMY:  # the commonest
        return input, target, dtype
    for name, x in (("input", input), ("target", target)):
        if x.dtype.kind not in "fiub":
            raise TypeError(f"{name} holds real numbers; got dtype {x.dtype}")
    dtype, input = prepared(input, target)
    target = widened(target) if target.dtype.kind == "f" else target.astype(input.dtype)
    return input, target, dtype


def prepared(input: Any, target: Any) -> tuple[Any, Any]:
    """The dtype of the result, and the input in floating point wide enough for sums."""
    both = target.dtype.kind == "f" and target.dtype != input.dtype
    dtype = np.result_type(input.dtype, target.dtype) if both else input.dtype
    if input.dtype.kind != "f":  # integers and bools, of which the target may hold as well
        dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
        input = as_floats(input, dtype)
    return dtype, widened(input)


# --------------------------------------------------------------------------------------------------------- regression


@of_two
def mse_loss(input: Operand, target: Operand, *, reduction: str = "mean") -> Any:
    """(input − target)², averaged over all elements; `quadratic_cost` averages over examples alone.

    >>> mse_loss(Value([1.0, 2.0]), [1.0, 4.0])
    Value(data=2.0, grad=None)
    """
    input, target, dtype = matched(input, target)
    return reduced((input - target) ** 2, reduction, dtype)


@of_two
def l1_loss(input: Operand, target: Operand, *, reduction: str = "mean") -> Any:
    """|input − target|, the mean absolute error; slope 0 where they are equal.

    >>> l1_loss(Value([1.0, 2.0]), [1.0, 4.0])
    Value(data=1.0, grad=None)
    """
    input, target, dtype = matched(input, target)
    return reduced(abs(input - target), reduction, dtype)


@of_two
def huber_loss(input: Operand, target: Operand, *, reduction: str = "mean", delta: float = 1.0) -> Any:
    """½ e² for errors |e| up to `delta`, and `delta` · (|e| − ½ `delta`) beyond: a square with straight arms.

    >>> huber_loss([0.0, 0.0], [1.0, 3.0], reduction="none")
    array([0.5, 2.5])
    """
    if not real("delta", delta, what=ARMS) > 0:
        raise ValueError(refusal("delta", delta, "a positive number", what=ARMS))
    input, target, dtype = matched(input, target)
    return reduced(armed(input - target, float(delta)), reduction, dtype)


ARMS = "the error where the arms begin"


def armed(error: Any, delta: float) -> Any:
    """½ error² up to `delta`, and straight on beyond."""
    inner = clip(error, -delta, delta)
    return inner * (error - inner * 0.5)


@of_two
def smooth_l1_loss(input: Operand, target: Operand, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """`huber_loss` with delta = `beta`, divided by `beta`: arms of slope ±1. With `beta` 0 it is `l1_loss`.

    >>> smooth_l1_loss([0.0, 0.0], [1.0, 3.0], reduction="none", beta=2.0)
    array([0.25, 2.  ])
    """
    if not real("beta", beta, what=ARMS) >= 0:
        raise ValueError(refusal("beta", beta, "a positive number, or 0", what=ARMS))
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    input, target, dtype = matched(input, target)
    return reduced(armed(input - target, float(beta)) / float(beta), reduction, dtype)


# ------------------------------------------------------------------------------------------------------------ classes


@of_two
def cross_entropy(
    input: Operand,
    target: Any,
    *,
    weight: Either | None = None,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """−log of the probability that softmax(`input`) gives the right class, averaged over the examples.

    `input` are logits (…, classes); `target` holds integer labels (…,) or probabilities (…, classes). `weight` is one
    number for each class: how much it counts; the mean over labels is weighted by it. Examples with the label
    `ignore_index` count for nothing. `label_smoothing` mixes that share of even probabilities into the target. Raises
    ValueError for a target of another shape, a label that is no class, and if there is nothing to average.

    >>> cross_entropy(Value([[0.0, 0.0]]), [1])
    Value(data=0.6931471805599453, grad=None)
    """
    target = shaped(target)
    dtype, input = prepared(shaped(input), target)
    share("label_smoothing", label_smoothing)
    integer("ignore_index", ignore_index)
    check_classes(input)
    classes = input.shape[-1]
    weights = class_weights(weight, input)
    if target.shape == input.shape and target.dtype.kind == "f":
        if ignore_index >= 0:
            raise ValueError(f"ignore_index={ignore_index}: it is a label, and the target holds probabilities")
        log_p = input - logsumexp(input, axis=-1, keepdims=True)
        if label_smoothing:
            target = target * (1 - label_smoothing) + label_smoothing / classes
        losses = -(log_p * (target if weights is None else target * weights)).sum(axis=-1)
        return reduced(losses, reduction, dtype)
    labels = Labels(input, target, ignore_index)
    logits = labels.rows(input)
    log_p = logits - logsumexp(logits, axis=-1, keepdims=True)
    losses = -labels.picked(log_p)
    if weights is not None:
        losses = losses * labels.weighing(weights)
    if label_smoothing:
        even = -(log_p if weights is None else log_p * weights).sum(axis=-1)
        losses = losses * (1 - label_smoothing) + even * (label_smoothing / classes)
    return labels.reduced(losses, reduction, weights, dtype)


@of_two
def nll_loss(
    input: Operand,
    target: Any,
    *,
    weight: Either | None = None,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
) -> Any:
    """−`input` at the right class, averaged: `cross_entropy` of what is log_softmax already.

    `input` are logarithms of probabilities (…, classes), `target` integer labels (…,).

    >>> nll_loss(np.log([[0.5, 0.5]]), [1])
    np.float64(0.6931471805599453)
    """
    input, target = as_floats(input), shaped(target)
    dtype, input = input.dtype, widened(input)
    check_classes(input)
    weights = class_weights(weight, input)
    labels = Labels(input, target, integer("ignore_index", ignore_index))
    losses = -labels.picked(labels.rows(input))
    return labels.reduced(losses if weights is None else losses * labels.weighing(weights), reduction, weights, dtype)


@of_two
def multi_margin_loss(
    input: Operand,
    target: Any,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Either | None = None,
    reduction: str = "mean",
) -> Any:
    """The hinge loss of several classes: by how much each score comes closer than `margin` to that of the right class.

    It is max(0, margin − right + other)**p, summed over the other classes and divided by the number of all; averaged
    over the examples. `input` are scores (…, classes), `target` integer labels (…,), `p` is 1 or 2.

    >>> multi_margin_loss([[1.0, 0.5]], [0])
    np.float64(0.25)
    """
    if p not in (1, 2):
        raise ValueError(f"p={p!r}: it is 1 or 2")
    input, target = as_floats(input), shaped(target)
    dtype, input = input.dtype, widened(input)
    check_classes(input)
    weights = class_weights(weight, input)
    labels = Labels(input, target, None)
    scores = labels.rows(input)
    close = relu(scores - labels.picked(scores)[:, None] + reals("margin", margin))
    others = np.arange(input.shape[-1]) != labels.known[:, None]
    losses = (close**p * others.astype(input.dtype)).sum(axis=-1) / input.shape[-1]
    return labels.reduced(losses if weights is None else losses * labels.weighing(weights), reduction, None, dtype)


# ------------------------------------------------------------------------------------------------------ probabilities


@of_two
def binary_cross_entropy_with_logits(
    input: Operand,
    target: Operand,
    *,
    weight: Either | None = None,
    reduction: str = "mean",
    pos_weight: Either | None = None,
) -> Any:
    """−log of the probability that sigmoid(`input`) gives to the target, 0 or 1 or between; averaged over all elements.

    Precise for logits of any size. `pos_weight` counts the positive part of each target differently, `weight` each
    element; both broadcast. ValueError for targets outside [0, 1]: labels ±1 go to `hinge_loss`.

    >>> binary_cross_entropy_with_logits(Value([0.0, 1000.0]), [1.0, 1.0])
    Value(data=0.34657359027997264, grad=None)
    """
    input, target, dtype = matched(input, target)
    modes.host(check_between_0_and_1, "target", target)
    positive = target if pos_weight is None else target * fitting("pos_weight", pos_weight, input)
    # Each logarithm by itself: with one for both, as x + log(1 + exp(−x)), the smaller of them would be rounded away.
    losses = positive * np.logaddexp(-input, 0.0) + (1 - target) * np.logaddexp(input, 0.0)
    return reduced(losses if weight is None else losses * fitting("weight", weight, input), reduction, dtype)


@of_two
def binary_cross_entropy(
    input: Operand, target: Operand, *, weight: Either | None = None, reduction: str = "mean"
) -> Any:
    """−log of the probability that `input` gives to the target, 0 or 1 or between; averaged over all elements.

    `input` are probabilities, such as a sigmoid's; of a sigmoid's argument `binary_cross_entropy_with_logits` is more
    precise. A probability of 0 counts as exp(−100). ValueError for numbers outside [0, 1].

    >>> binary_cross_entropy(Value([0.5, 0.0]), [1.0, 0.0])
    Value(data=0.34657359027997264, grad=None)
    """
    input, target, dtype = matched(input, target)
    modes.host(check_between_0_and_1, "input", input)
    modes.host(check_between_0_and_1, "target", target)
    losses = -(target * clamped_log(input) + (1 - target) * clamped_log(1 - input))
    return reduced(losses if weight is None else losses * fitting("weight", weight, input), reduction, dtype)


@of_two
def kl_div(input: Operand, target: Operand, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """target · (log(target) − input): what it costs to take probabilities for others, `input` being logarithms.

    `target` are probabilities, or with `log_target` their logarithms; 0 · log(0) is 0. The divergence itself is the sum
    over the classes: `reduction="batchmean"` averages that over the first axis, while "mean" divides by the number of
    classes as well.

    >>> kl_div(np.log([[0.5, 0.5]]), [[1.0, 0.0]], reduction="batchmean")
    np.float64(0.6931471805599453)
    """
    input, target, dtype = matched(input, target)
    if log_target:
        losses = np.exp(target) * (target - input)
    else:
        zero = target == 0
        losses = target * np.log(np.where(zero, 1.0, target)) - target * np.where(zero, 0.0, input)
    if reduction != "batchmean":
        return reduced(losses, reduction, dtype)
    if not math.prod(losses.shape[:1]) or not losses.ndim:
        raise ValueError(f"losses of shape {losses.shape}: there is no example to take the cost of")
    return narrowed(losses.sum() / losses.shape[0], dtype)


@of_two
def poisson_nll_loss(
    input: Operand, target: Operand, *, log_input: bool = True, full: bool = False, eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """exp(input) − target · input, averaged: −log of the probability of counts, the logarithm of whose rate is `input`.

    Without `log_input` it is the rate itself: input − target · log(input + `eps`). `full` adds what does not depend on
    the input, Stirling's log(target!) for a target above 1.

    >>> poisson_nll_loss(Value([0.0, 1.0]), [1, 2], reduction="none").data.round(3)
    array([1.   , 0.718])
    """
    input, target, dtype = matched(input, target)
    reals("eps", eps)
    losses = np.exp(input) - target * input if log_input else input - target * np.log(input + eps)
    if full:
        many = np.where(target > 1, target, 1.0)
        stirling = many * np.log(many) - many + 0.5 * np.log(many * (2 * math.pi))
        losses = losses + np.where(target > 1, stirling, 0.0).astype(input.dtype)
    return reduced(losses, reduction, dtype)


@of_two
def gaussian_nll_loss(
    input: Operand, target: Operand, var: Operand, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """½ (log(var) + (input − target)² / var), averaged: −log of the density of normal numbers, whose mean is `input`.

    `var` is positive, of the shape of `input`, or with its last axis 1 long or left out, or one number. It counts as
    `eps` at least. `full` adds ½ log(2π). ValueError for a negative variance and for one of another shape.

    >>> gaussian_nll_loss(Value([1.0, 2.0]), [1.0, 4.0], [1.0, 4.0])
    Value(data=0.5965735902799727, grad=None)
    """
    input, target, dtype = matched(input, target)
    var = widened(as_floats(var))
    if var.ndim and var.shape != input.shape:
        var = np.expand_dims(var, -1) if var.shape == input.shape[:-1] else var
        if var.ndim != input.ndim or [n for n, m in zip(var.shape, input.shape, strict=True) if n != m] != [1]:
            raise ValueError(
                f"gaussian_nll_loss: var of shape {var.shape} for an input of shape {input.shape}; wanted that shape, "
                f"or one number for each example, {(*input.shape[:-1], 1)}"
            )
    modes.host(check_not_negative, var)
    var = var + stop_gradient(np.maximum(var, reals("eps", eps)) - var)  # as in PyTorch the slope stays below eps
    losses = 0.5 * (np.log(var) + (input - target) ** 2 / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction, dtype)


def check_not_negative(var: Any) -> None:
    """ValueError for what is no variance, a NaN included."""
    if not np.all(var >= 0):
        raise ValueError(
            f"var from {np.min(var)} to {np.max(var)}: a variance is 0 or more. Let exp or softplus make it"
        )


def check_between_0_and_1(name: str, data: Any) -> None:
    """ValueError for what is no probability, a NaN included."""
    if data.size and not (data.min() >= 0 and data.max() <= 1):  # a NaN is not either
        raise ValueError(
            f"{name} from {data.min()} to {data.max()}: a probability lies between 0 and 1. "
            f"binary_cross_entropy_with_logits takes inputs of any size, hinge_loss takes targets of ±1"
        )


def fitting(name: str, weight: Any, input: Any) -> Any:
    """A weight for each element, in the dtype of the input; ValueError if it would change the shape."""
    weight = shaped(weight)
    try:
        fits = np.broadcast_shapes(weight.shape, input.shape) == input.shape
    except ValueError:
        fits = False
    if not fits or weight.dtype.kind not in "fiub":
        raise ValueError(f"{name} of shape {weight.shape} ({weight.dtype}) does not broadcast to {input.shape}")
    return weight.astype(input.dtype)


# ------------------------------------------------------------------------------------------------------------- hinges


@of_two
def hinge_loss(input: Operand, target: Operand, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """max(0, margin − target · input), averaged: scores shall be on the side of their label ±1, and far from 0.

    ValueError for labels other than 1 and −1: `2 * y - 1` makes them of 0 and 1.

    >>> hinge_loss(Value([2.0, 0.5, 1.0]), [1, 1, -1])
    Value(data=0.8333333333333334, grad=None)
    """
    input, target, dtype = matched(input, target)
    modes.host(check_signs, target)
    return reduced(relu(reals("margin", margin) - target * input), reduction, dtype)


@of_two
def soft_margin_loss(input: Operand, target: Operand, *, reduction: str = "mean") -> Any:
    """log(1 + exp(−target · input)), averaged: a hinge without a corner, of scores and labels ±1.

    ValueError for labels other than 1 and −1: `2 * y - 1` makes them of 0 and 1.

    >>> soft_margin_loss(Value([0.0, -1000.0]), [1, 1], reduction="none")
    Value(data=[6.93147181e-01, 1.00000000e+03], grad=None)
    """
    input, target, dtype = matched(input, target)
    modes.host(check_signs, target)
    return reduced(np.logaddexp(-target * input, 0.0), reduction, dtype)


@of_two
def hinge_embedding_loss(input: Operand, target: Operand, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """`input` where the label is 1, max(0, margin − input) where it is −1, averaged: distances, of like and unlike.

    On the margin the slope is −1, as in PyTorch. ValueError for labels other than 1 and −1.

    >>> hinge_embedding_loss([0.25, 0.25], [1, -1], reduction="none")
    array([0.25, 0.75])
    """
    input, target, dtype = matched(input, target)
    modes.host(check_signs, target)
    return reduced(np.where(target == 1, input, clip(reals("margin", margin) - input, 0.0)), reduction, dtype)


def check_signs(data: Any) -> None:
    """ValueError for labels other than 1 and −1."""
    if not np.all(np.abs(data) == 1):
        raise ValueError(f"labels from {data.min()} to {data.max()}: they are 1 or -1. 2 * y - 1 makes them of 0 and 1")
