"""What an operation and a Module owe us: each law is a function of one call of them, and raises if it is broken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ..core import Array, Value, Variadic, history, numbers, sweep
from ..gradcheck import check_grads, numerical_grad
from ..nn import Module
from .points import complaints, works_by_elements
from .strategies import Call, Run, looks

Law: TypeAlias = Callable[[Any], None]
SHOWN = 4  # of what is wrong at special points


def must(truth: Any, seen: str) -> None:
    """What `assert` is in a test; this one stays with python -O, and always says what was seen."""
    if not truth:
        raise AssertionError(seen)


def fits(g: Any, v: Value, what: str) -> None:
    must(g.shape == v.shape and g.dtype == v.dtype, f"{what} is {looks(v)}, its gradient {looks(g)}")


def same(got: Any, wanted: Any, rtol: float, atol: float, what: str) -> None:
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol, err_msg=what)


# ------------------------------------------------------------------------------------------------------ of an operation


def the_gradient_is_the_slope(call: Call) -> None:
    def weighted(i: int, x: Array) -> Any:
        return np.sum(call.numbers(i, x) * call.cotangent)

    values, out, found = call.gradients()
    must(np.all(np.isfinite(out.data)), "the result holds NaN or Inf")
    for i, v in enumerate(values):
        if call.flows[i]:
            fits(found[v], v, f"input {i}")
            slope = numerical_grad(partial(weighted, i), v.data)
            same(found[v], slope, 1e-6, 1e-7, f"the gradient of input {i} is ACTUAL, the slope DESIRED")


def the_second_derivative_is_the_slope_of_the_first(call: Call) -> None:
    rng = np.random.default_rng(0)
    along = [rng.normal(size=x.shape) for x in call.inputs]

    def projected(values: list[Any], found: dict[Value, Any]) -> Any:
        """The gradient, along random directions: one number."""
        return sum((found[v] * d).sum() for v, d in zip(values, along, strict=True) if isinstance(v, Value))

    def first(i: int, x: Array) -> Any:
        moved = call._replace(inputs=[x if j == i else y for j, y in enumerate(call.inputs)])
        values, _, found = moved.gradients()
        return projected(values, found)

    values, _, found = call.gradients(create_graph=True)
    total = projected(values, found)
    must(isinstance(total, Value), "handed Values, the rules return plain arrays")
    second = sweep(total, np.float64(1.0))
    for i, v in enumerate(values):
        if call.flows[i]:
            got = second.get(v, np.zeros(v.shape))
            fits(got, v, f"input {i}")
            slope = numerical_grad(partial(first, i), v.data)
            same(got, slope, 1e-5, 1e-6, f"the second derivative of input {i} is ACTUAL, the first one's slope DESIRED")


def rules_say_the_same_of_arrays_and_of_values(call: Call) -> None:
    (plain, _, found), (recorded, _, graph) = call.gradients(), call.gradients(create_graph=True)
    for i, (v, w) in enumerate(zip(plain, recorded, strict=True)):
        if call.flows[i]:
            must(isinstance(graph[w], Value), f"handed Values, the rule of input {i} returns a plain array")
            same(graph[w].data, found[v], 0, 0, f"the gradient of input {i} by Values is ACTUAL, by arrays DESIRED")


def float32_stays_float32_even_inside_a_rule(call: Call) -> None:
    if "dtype" in call.params:  # it is there to change the dtype
        return
    values, out, _ = call.gradients(np.float32)
    must(out.dtype == np.float32, f"the result is {out.dtype}")
    g = call.cotangent.astype(np.float32)[()]
    for i, (rule, _) in enumerate(zip(call.row.rules, values, strict=False)):
        raw = rule and rule(g, out.data, *map(numbers, values), **call.params)
        for part in raw if isinstance(call.row, Variadic) else [raw]:
            must(part is None or part.dtype == np.float32, f"rule {i} returns {getattr(part, 'dtype', type(part))}")


def nothing_is_written(call: Call) -> None:
    values = call.values()
    for x in values:
        if isinstance(numbers(x), np.ndarray):
            numbers(x).flags.writeable = False
    out = call.row.record(*values, **call.params)
    before = [np.array(numbers(x)) for x in [*values, out]]
    out.backward(call.cotangent)
    for x, old in zip([*values, out], before, strict=True):
        must(np.array_equal(numbers(x), old), f"a rule writes into {'the result' if x is out else 'an input'}")
    must(np.array_equal(out.grad, call.cotangent), "a rule writes into g, the gradient it is handed")


def a_gradient_belongs_to_its_value(call: Call) -> None:
    values = call.values()
    out = call.row.record(*values, **call.params)
    out.backward(call.cotangent)
    gradients = [v.grad for v in [*values, out] if isinstance(v, Value)]
    others = [call.cotangent, *map(numbers, [*values, out])]
    for i, g in enumerate(gradients):
        if isinstance(g, np.ndarray):
            must(g.flags.writeable, f"gradient {i} cannot be written")
            shared = any(np.shares_memory(g, other) for other in gradients[:i] + others)
            must(not shared, f"gradient {i} shares memory with an input, the result or another gradient")


def at_special_points_the_gradient_is_finite_or_stated(call: Call) -> None:
    """At 0, ±1, ±∞, ties, the largest and the smallest numbers, and at the `points` of the operation.

    A gradient there is a number, and between the slopes that can be measured beside the point; or it is what the
    operation states in `at`, to the letter. It may also be infinite where the result is, if one of the inputs is
    infinite, huge or denormal: both overflow. Nothing is asked of a result that is NaN, nor of an input beside whose
    number no result is finite: log(−1) has no slope, and (−1)**y none in y.

    Of an operation that does not work element by element nothing is asked.
    """
    row, params = call.row, call.params
    with np.errstate(all="ignore"):
        if not isinstance(row, Variadic) and len(call.inputs) == len(row.rules) and works_by_elements(row, params):
            wrong = list(dict.fromkeys(complaints(row, params)))
            must(not wrong, "\n".join(wrong[:SHOWN] + [f"and {len(wrong) - SHOWN} more"] * (len(wrong) > SHOWN)))
        elif row.at or row.points:
            raise AssertionError("at= and points= are for operations that work element by element, which this does not")


OP_LAWS: tuple[Law, ...] = (
    the_gradient_is_the_slope, the_second_derivative_is_the_slope_of_the_first,
    rules_say_the_same_of_arrays_and_of_values, float32_stays_float32_even_inside_a_rule, nothing_is_written,
    a_gradient_belongs_to_its_value, at_special_points_the_gradient_is_finite_or_stated,
)  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- of a Module


def gradients_are_slopes(run: Run) -> None:
    def forward(module: Module, *inputs: Any) -> list[Any]:
        return run.forward(module, *inputs)

    report = check_grads(forward, run.make(run.seed), *run.inputs, seed=run.seed, progress=False)
    report.raise_on_failure()
    must(report.count("match"), f"nothing could be told\n{report}")


def every_parameter_gets_a_gradient(run: Run) -> None:
    named, results = run.backward()
    must(all(np.all(np.isfinite(y.data)) for y in results), "a result holds NaN or Inf")
    for name, v in named.items():
        must(v.grad is not None, f"{name} gets none: the result does not depend on it")
        fits(v.grad, v, name)


def nothing_becomes_wider(run: Run) -> None:
    named, results = run.backward()
    dtype = np.result_type(*[v.dtype for v in named.values()])
    for node in [node for y in results for node in [*history(y), y]]:
        must(node.dtype.itemsize <= dtype.itemsize, f"{dtype} becomes {node.dtype} in {node.op and node.op.name}")


def twice_is_the_same_to_the_bit(run: Run) -> None:
    (named, results), (again, results_again) = run.backward(), run.backward()
    for y, z in zip(results, results_again, strict=True):
        must(np.array_equal(y.data, z.data), "made and called twice with one seed, it gives different results")
    for (name, v), w in zip(named.items(), again.values(), strict=True):
        must(np.array_equal(v.grad, w.grad), f"made and called twice with one seed, {name} gets different gradients")


MODULE_LAWS: tuple[Law, ...] = (
    gradients_are_slopes, every_parameter_gets_a_gradient, nothing_becomes_wider, twice_is_the_same_to_the_bit,
)  # fmt: skip
