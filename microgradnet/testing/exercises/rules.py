"""Exercises in writing the rule of one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core import REAL, Case, Domain, Op, case, numbers, primitive
from ...gradcheck import check_grads
from ...words import brief
from .. import laws
from ..properties import holds
from ..strategies import calls
from . import forwards
from .marking import Exercise, Promise, Wrong

DRAWN = 15  # calls for each law

WRITES = "g -= … and g *= … write into the gradient that others use too: g = g - …"
# What else a right rule keeps: the laws, and what to do where they are broken.
FURTHER = (
    (
        "it is the slope at every shape and every number that is drawn",
        (laws.the_gradient_is_the_slope,),
        "what fits the shapes of one example is not enough: a row may be alone, or an array without elements",
    ),
    (
        "it can be differentiated again",
        (laws.the_second_derivative_is_the_slope_of_the_first, laws.rules_say_the_same_of_arrays_and_of_values),
        "g, out and the inputs may be Values: use operators and NumPy functions, and no np.asarray, .data or loops",
    ),
    (
        "float32 stays float32",
        (laws.float32_stays_float32_even_inside_a_rule,),
        "constants are Python's numbers; np.array(2.0), np.eye(n) and np.ones(n) are float64",
    ),
    (
        "it writes into nothing that it is given",
        (laws.nothing_is_written, laws.a_gradient_belongs_to_its_value),
        WRITES,
    ),
)
AT_SPECIAL_POINTS = (
    "it is right at 0, and for huge and infinite numbers",
    (laws.at_special_points_the_gradient_is_finite_or_stated,),
    "of two formulas for the same take the one that stays finite: exp(1000) is infinite, exp(-1000) is 0",
)


class Mistake(NamedTuple):
    """What is often written instead of a rule, and what to say to it."""

    rule: Callable[..., Any]
    hint: str


def rule_exercise(
    forward: Callable[..., Any], task: str, stub: str, sample: Sequence[Any], cases: Sequence[Case], *,
    mistakes: Sequence[Mistake] = (), domain: Domain = REAL, flows: Sequence[bool] | None = None,
) -> Exercise:  # fmt: skip
    """An exercise in the rule of a function; `sample` are small inputs to show what is wrong with numbers."""
    name = forward.__name__
    towards = [i for i, does in enumerate(flows or [True] * len(sample)) if does]

    def answered(answer: Any) -> list[Any]:
        """A rule for each input, None where nothing flows."""
        rules = [answer] if callable(answer) else list(answer) if isinstance(answer, tuple | list) else []
        if len(rules) != len(towards) or not all(map(callable, rules)):
            wanted = "a function" if len(towards) == 1 else f"a tuple of {len(towards)} functions, one for each input"
            raise Wrong(f"the answer is {brief(answer)}; wanted {wanted}")
        return [rules[towards.index(i)] if i in towards else None for i in range(len(sample))]

    def made(answer: Any) -> Op:
        return primitive(*answered(answer), domain=domain)(forward)

    def started() -> tuple[Any, Any]:
        out = np.asarray(forward(*sample))
        return out, np.asarray(np.random.default_rng(0).normal(size=out.shape))[()]

    def has_shapes(answer: Any) -> None:
        out, g = started()
        for i, rule in enumerate(answered(answer)):
            if rule is not None:
                shaped(rule(g, out[()], *sample), sample[i], out, i, len(towards))

    def is_the_slope(answer: Any) -> None:
        def recorded(*moving: Any) -> Any:
            inputs = list(sample)
            for i, x in zip(towards, moving, strict=True):
                inputs[i] = x
            return row(*inputs)

        row = made(answer)
        report = check_grads(recorded, *[sample[i] for i in towards])
        if report:
            return
        out, g = started()
        rules = answered(answer)
        for mistake in mistakes:
            for i in towards:
                if alike(rules[i](g, out[()], *sample), mistake.rule, g, out[()], sample):
                    raise Wrong(culprit_of(report), mistake.hint)
        if any("read-only" in c.raised for c in report.culprits):
            raise Wrong(culprit_of(report), WRITES)
        raise Wrong(culprit_of(report), next((c.remedy for c in report.culprits if c.remedy), ""))

    def kept(*wanted: Any, hint: str) -> Callable[[Any], None]:
        def keeps(answer: Any) -> None:
            row = made(answer)
            for law in wanted:
                try:
                    holds(law, calls(row, *cases, domain=domain), DRAWN)
                except Exception as broken:
                    one = broken.exceptions[0] if isinstance(broken, ExceptionGroup) else broken  # of Hypothesis
                    raise Wrong(str(one).partition("Mismatched elements")[0].strip(), hint) from None

        return keeps

    promises = [
        Promise("it returns a gradient of the shape of its input", has_shapes),
        Promise("the gradient is the slope", is_the_slope),
        *[Promise(text, kept(*wanted, hint=hint)) for text, wanted, hint in FURTHER],
    ]
    if not cases:
        promises.append(Promise(AT_SPECIAL_POINTS[0], kept(*AT_SPECIAL_POINTS[1], hint=AT_SPECIAL_POINTS[2])))
    return Exercise(name, task, stub, promises)


def shaped(gradient: Any, x: Any, out: Any, i: int, of: int) -> None:
    """Refuse what is no gradient of x."""
    which = "the rule" if of == 1 else f"the rule for input {i}"
    if gradient is None:
        raise Wrong(f"{which} returns None", "end it with return …")
    found = np.shape(numbers(gradient))
    if np.asarray(gradient).dtype.kind not in "fiub":
        raise Wrong(f"{which} returns {brief(gradient)}; wanted an array of numbers")
    if found == np.shape(x):
        return
    hint = ""
    if found == out.shape and np.ndim(x) > out.ndim:
        hint = (
            "each element of x that was summed gets the gradient of the sum: spread it, by np.broadcast_to or by × 1s"
        )
    elif len(found) > np.ndim(x):
        hint = "sum over what the result has more of than the input"
    raise Wrong(f"the input is of shape {np.shape(x)}, the result of {out.shape}; {which} returns {found}", hint)


def alike(found: Any, mistake: Callable[..., Any], g: Any, out: Any, sample: Sequence[Any]) -> bool:
    """Whether an answer is this mistake."""
    theirs = mistake(g, out, *sample)
    return np.shape(found) == np.shape(theirs) and np.allclose(found, theirs, rtol=1e-9, atol=1e-12)


def culprit_of(report: Any) -> str:
    """The numbers that show what is wrong."""
    if report.culprits:
        c = report.culprits[0]
        gives = f"gives {c.rule:.6g} where the slope is {c.slope:.6g}{c.place}"
        return f"the rule for input {c.input} {f'raises {c.raised}' if c.raised else gives}"
    return str(report.mismatches[0] if report.mismatches else report)


# ------------------------------------------------------------------------------------------------------- the exercises


SQUARE = np.array([[0.3, -1.2, 0.8], [1.1, 0.4, -0.6], [-0.9, 0.7, 1.6]])
TABLE = np.array([[0.3, -1.2], [1.1, 0.4], [-0.9, 0.7]])
LABELS = np.array([1, 0, 2])

multiply = rule_exercise(
    forwards.multiply,
    "the rules of out = x * y, element by element: one for x and one for y.\n"
    "g is the gradient of the result, of its shape. Return the gradient of x, and that of y.",
    "def of_x(g, out, x, y):\n    return ...\n\ndef of_y(g, out, x, y):\n    return ...\n\nmultiply = (of_x, of_y)",
    [np.array([0.5, -1.0, 2.0]), np.array([3.0, 0.7, -0.4])],
    [case("a", "a"), case("ab", "ab"), case("", "")],
)
tanh = rule_exercise(
    forwards.tanh,
    "the rule of out = tanh(x), element by element.\n"
    "g is the gradient of the result, of its shape. Return the gradient of x.",
    "def tanh(g, out, x):\n    return ...",
    [np.array([0.5, -1.0, 2.0])],
    [],
)
softplus = rule_exercise(
    forwards.softplus,
    "the rule of out = log(1 + exp(x)), element by element, for x = 1000 too.",
    "def softplus(g, out, x):\n    return ...",
    [np.array([0.5, -1.0, 2.0])],
    [],
    mistakes=[
        Mistake(lambda g, out, x: g / (1 + np.exp(x)), "that is the slope of log(1 + exp(-x)), with its sign changed")
    ],
)
column_mean = rule_exercise(
    forwards.column_mean,
    "the rule of out = x.mean(axis=0): x is (n, k), out and g are (k,).",
    "def column_mean(g, out, x):\n    return ...",
    [TABLE],
    [case((1, "b")), case((4, "b"))],
)
matmul = rule_exercise(
    forwards.matmul,
    "the rules of out = x @ y: x is (n, k), y is (k, m), out and g are (n, m).",
    "def of_x(g, out, x, y):\n    return ...\n\ndef of_y(g, out, x, y):\n    return ...\n\nmatmul = (of_x, of_y)",
    [SQUARE, SQUARE[::-1] * 0.7 + 0.2],
    [case("ab", "bc"), case((2, 3), (3, 1))],
)
softmax = rule_exercise(
    forwards.softmax,
    "the rule of out = exp(x) / the sum of exp(x) along each row: x, out and g are (n, k).\n"
    "Every element of a row has a part in every element of the result.",
    "def softmax(g, out, x):\n    return ...",
    [TABLE.T],
    [case(("a", 2)), case(("a", 3)), case((1, 4))],
    mistakes=[
        Mistake(
            lambda g, out, x: g * out * (1 - out),
            "that is what each element does to its own result; it also takes from all others of its row, out_i × out_j",
        ),
        Mistake(
            lambda g, out, x: out * (g - (g * out).sum(axis=0)),
            "what is subtracted is a sum along each row, as in the softmax: axis=1, keepdims=True",
        ),
    ],
)
softmax_cross_entropy = rule_exercise(
    forwards.softmax_cross_entropy,
    "the rule of the mean over the rows i of −log(softmax(x)[i, labels[i]]).\n"
    "x is (n, k), labels are (n,), g is a number. Only x gets a gradient.",
    "def softmax_cross_entropy(g, out, x, labels):\n    return ...",
    [SQUARE, LABELS],
    [case((3, 3), LABELS), case((3, 5), np.array([4, 4, 0])), case((1, 2), np.array([1]))],
    flows=[True, False],
    mistakes=[
        Mistake(
            lambda g, out, x, labels: g * forwards.softmax(x) / len(x),
            "1 is to be subtracted from the probability of the right class of each row",
        ),
        Mistake(
            lambda g, out, x, labels: g * (forwards.softmax(x) - np.eye(x.shape[1])[labels]),
            "out is a mean over the rows: each counts for 1/n",
        ),
        Mistake(
            lambda g, out, x, labels: g * (np.eye(x.shape[1])[labels] - forwards.softmax(x)) / len(x),
            "its sign: more of the right class makes the cost less, so its gradient is negative",
        ),
    ],
)
batch_norm = rule_exercise(
    forwards.batch_norm,
    "the rule of out = (x − mean) / sqrt(variance + 1e-5), both along axis 0: x, out and g are (n, k).\n"
    "Mean and variance depend on x too.",
    "def batch_norm(g, out, x):\n    return ...",
    [SQUARE],
    [case((3, "b")), case((4, 2))],
    mistakes=[
        Mistake(
            lambda g, out, x: g / np.sqrt(x.var(axis=0) + forwards.EPS),
            "mean and variance are taken for constants: each element of a column moves both",
        ),
        Mistake(
            lambda g, out, x: (g - g.mean(axis=0)) / np.sqrt(x.var(axis=0) + forwards.EPS),
            "the mean's part is there, the variance's is missing: it takes out × mean(g × out) away",
        ),
        Mistake(
            lambda g, out, x: (g - out * (g * out).mean(axis=0)) / np.sqrt(x.var(axis=0) + forwards.EPS),
            "the variance's part is there, the mean's is missing: it takes mean(g) away",
        ),
    ],
)
