"""The strategies and laws for users: what is right passes, and each way of being wrong breaks a law that says so."""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from microgradnet import Value, functional, nn, primitive
from microgradnet.core import Op, Variadic, numbers
from microgradnet.testing import (
    ABOVE_ONE,
    BOOLEAN,
    HUGE,
    MODULE_LAWS,
    OP_LAWS,
    POSITIVE,
    REAL,
    TINY,
    UNIT,
    Call,
    Domain,
    Run,
    arrays,
    broadcastable,
    calls,
    case,
    holds,
    properties,
    property_test,
    runs,
    shapes,
    values,
)  # fmt: skip
from microgradnet.testing import laws as of_laws
from microgradnet.testing.points import (
    Found,
    Sides,
    by_statement,
    found_at,
    is_ordinary,
    sides,
    slope,
    special_points,
    unless_stated,
)

# --------------------------------------------------------------------------------------------------------- strategies

MANY = settings(max_examples=100)  # where a test says how much was seen: the default may be few, and Hypothesis draws
# differently from one version to the next


@pytest.mark.parametrize("wanted", [(), (0,), (3,), (2, 0, 3), (3, 3, 3)], ids=str)
def test_shapes_are_of_every_kind(wanted: tuple[int, ...]) -> None:
    assert find(shapes(), lambda shape: shape == wanted) == wanted


@given(st.integers(1, 4).flatmap(broadcastable))
def test_broadcastable_shapes_broadcast(drawn: tuple[tuple[int, ...], ...]) -> None:
    assert len(np.broadcast_shapes(*drawn)) <= 3


def test_broadcastable_shapes_do_stretch() -> None:
    find(broadcastable(2), lambda pair: len(pair[0]) != len(pair[1]) and 0 not in np.broadcast_shapes(*pair))
    find(broadcastable(2), lambda pair: len(pair[0]) == len(pair[1]) and pair[0] != pair[1])


@pytest.mark.parametrize("domain", [REAL, POSITIVE, UNIT, ABOVE_ONE, Domain(-1, 5), Domain(0, 1)])
def test_arrays_are_inside_the_domain_and_away_from_kinks(domain: Domain) -> None:
    seen = set()
    dtypes = [np.float64, np.float32, np.float16]

    @MANY
    @given(st.data(), st.sampled_from(dtypes))
    def check(data: st.DataObject, dtype: Any) -> None:
        x = data.draw(arrays(shapes(max_side=5), domain, dtype))
        seen.add((dtype, x.shape))
        assert x.dtype == dtype
        assert np.unique(x).size == x.size
        room = (domain.high - domain.low) / max(x.size, 1)
        assert np.all((x > domain.low) & (x < domain.high) & (abs(x) > 0.04 * room))

    check()
    assert {dtype for dtype, _ in seen} == set(dtypes)
    assert len(seen) > 20


@given(arrays((), BOOLEAN), arrays((2, 2), BOOLEAN), values((2, 3), POSITIVE, np.float32))
def test_bools_and_values(one: np.ndarray, some: np.ndarray, v: Value) -> None:
    assert one.dtype == some.dtype == bool
    assert (one.shape, some.shape) == ((), (2, 2))
    assert type(v) is Value
    assert (v.shape, v.dtype) == ((2, 3), np.float32)
    assert np.all(v.data > 0)


def test_more_numbers_than_a_dtype_can_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="float16 cannot tell 10,000 numbers apart here"):
        find(arrays((100, 100), dtype=np.float16), lambda x: True)


def test_a_case_is_a_call() -> None:
    index = np.array([2, 0])

    @primitive(lambda g, out, x, y, index, *, p: g * p, lambda g, out, x, y, index, *, p: g, None)
    def op(x: Any, y: Any, index: Any, *, p: float) -> Any:
        return p * x + y

    seen = set()

    @MANY
    @given(calls(op, case("a2", (1, 2), index, p=2.0), case("", (), index, p=3.0), domain=(POSITIVE, ABOVE_ONE)))
    def check(call: Any) -> None:
        x, y, found = call.inputs
        seen.add((x.shape, call.params["p"]))
        assert y.shape == ((1, 2) if call.params["p"] == 2.0 else ())
        assert found.tolist() == [2, 0]
        assert found is not index
        assert call.flows == [True, True, False]
        assert np.all(x > 0.25)
        assert np.all(y > 1.1)
        assert call.cotangent.shape == np.shape(call.numbers())

    check()
    assert seen == {((n, 2), 2.0) for n in range(4)} | {((), 3.0)}


# --------------------------------------------------------------------------------------------------------- operations


@primitive(lambda g, out, x: g * (1 + x) * np.exp(x))
def xexp(x: Any) -> Any:
    return x * np.exp(x)


@primitive(lambda g, out, x: g * (1 + x) * np.exp(x), elementwise=True)
def elementwise_xexp(x: Any) -> Any:
    return x * np.exp(x)


@primitive(
    lambda g, out, x, y, *, p=2.0: g * p * (x - y) ** (p - 1),
    lambda g, out, x, y, *, p=2.0: -g * p * (x - y) ** (p - 1),
)
def distance(x: Any, y: Any, *, p: float = 2.0) -> Any:
    return (x - y) ** p


@primitive(lambda g, out, x, mask: g * mask, None, domain=(REAL, BOOLEAN))
def masked(x: Any, mask: Any) -> Any:
    return x * mask


@primitive(lambda g, out, x, *, axis: out * (g - (g * out).sum(axis=axis, keepdims=True)), cases=[case("n3", axis=-1)])
def own_softmax(x: Any, *, axis: int) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@primitive(lambda g, out, *arrays: [g * 2.0 * x for x in arrays], kind=Variadic, cases=[case("a", "a", "a"), case("")])
def squares(*arrays: Any) -> Any:
    return sum(x * x for x in arrays)


test_a_right_operation = property_test(xexp)
test_one_with_fewer_steps = property_test(elementwise_xexp, examples=10)
test_one_with_parameters = property_test(distance, case("ab", "b", p=3.0), case("", "a", p=2.0), examples=10)
test_one_with_a_domain = property_test(distance, domain=(ABOVE_ONE, Domain(0.1, 0.9)), examples=10)
test_one_with_a_constant_input = property_test(masked, examples=10)
test_one_with_cases_of_its_own = property_test(own_softmax, examples=10)
test_one_of_any_number_of_arrays = property_test(squares, examples=10)


def made_by(*rules: Any, **how: Any) -> Callable[[Callable[..., Any]], Op]:
    return lambda function: primitive(*rules, **how)(function)


def written(x: Any) -> Any:
    """Half as much again, written where it stands; a NumPy scalar cannot be."""
    array = numbers(x)
    if not isinstance(array, np.ndarray):
        return x * 1.5
    array *= 1.5
    return x


SQUARE: Callable[..., Any] = lambda x: x * x  # noqa: E731
PRODUCT: Callable[..., Any] = lambda x, y: x * y  # noqa: E731

SLOPE, SECOND, SAME, SINGLE, WRITTEN, OWN, POINTS = (law.__name__ for law in OP_LAWS)
NOT_SLOPE = "the gradient of input 0 is ACTUAL, the slope DESIRED"
NOT_SECOND = "the second derivative of input 0 is ACTUAL, the first one's slope DESIRED"
NOT_SAME = "the gradient of input 0 by Values is ACTUAL, by arrays DESIRED"
SUMMED = "ValueError: a rule of <lambda> returned shape"
WRONG: dict[str, tuple[Op, dict[str, str]]] = {
    "its sign": (made_by(lambda g, out, x: -g * 2 * x)(SQUARE), {SLOPE: NOT_SLOPE}),
    "a factor of 1.001": (made_by(lambda g, out, x: g * 2.002 * x)(SQUARE), {SLOPE: NOT_SLOPE}),
    "one element of three": (
        made_by(lambda g, out, x: g * 2 * x * np.array([1.0, 1.0, 0.9]), cases=[case("a3")])(SQUARE),
        {SLOPE: NOT_SLOPE, SINGLE: "rule 0 returns float64"},
    ),
    "it forgets g": (made_by(lambda g, out, x: 2 * x)(SQUARE), {SLOPE: NOT_SLOPE}),
    "it uses g twice": (made_by(lambda g, out, x: g * g * 2 * x)(SQUARE), {SLOPE: NOT_SLOPE}),
    "it sums": (
        made_by(lambda g, out, x: (g * 2 * x).sum())(SQUARE),
        {SLOPE: SUMMED, SECOND: SUMMED, SAME: SUMMED, WRITTEN: SUMMED, OWN: SUMMED},
    ),
    "it sums, with fewer steps": (
        made_by(lambda g, out, x: (g * 2 * x).sum(), elementwise=True)(SQUARE),
        {SLOPE: "), its gradient float64 ()", SECOND: SUMMED, SAME: SUMMED},
    ),
    "float64 inside": (made_by(lambda g, out, x: g * x * np.float64(2))(SQUARE), {SINGLE: "rule 0 returns float64"}),
    "float64 outside": (
        made_by(lambda g, out, x: g * 2 * x)(lambda x: x * x * np.float64(1)), {SINGLE: "the result is float64"},
    ),
    "it writes its input": (
        made_by(lambda g, out, x: g * 3 * x)(lambda x: written(x) * x / 1.5), {WRITTEN: "is read-only"},
    ),
    "its rule writes g": (made_by(lambda g, out, x: written(g) * x * 2 / 1.5)(SQUARE), {WRITTEN: "is read-only"}),
    "its rule writes the result": (
        made_by(lambda g, out, x: g * 2 * x + 0 * written(out))(SQUARE), {WRITTEN: "a rule writes into the result"},
    ),
    "the rules change places": (
        made_by(lambda g, out, x, y: g * x, lambda g, out, x, y: g * y)(PRODUCT), {SLOPE: NOT_SLOPE},
    ),
    "g itself for both": (
        made_by(lambda g, out, x, y: g, lambda g, out, x, y: g)(PRODUCT), {SLOPE: NOT_SLOPE},
    ),
    "detached at second order": (made_by(lambda g, out, x: g * 2 * numbers(x))(SQUARE), {SECOND: NOT_SECOND}),
    "detached altogether at second order": (
        made_by(lambda g, out, x: numbers(g) * 2 * numbers(x))(SQUARE),
        {SECOND: "handed Values, the rules return plain arrays",
         SAME: "handed Values, the rule of input 0 returns a plain array"},
    ),
    "no Value at second order": (
        made_by(lambda g, out, x: g * 2 * np.asarray(x))(SQUARE), {SECOND: "TypeError: ", SAME: "TypeError: "},
    ),
    "another rule for Values": (
        made_by(lambda g, out, x: g * x * (2.0 if isinstance(x, np.ndarray) else 2.0 + 1e-12))(SQUARE),
        {SAME: NOT_SAME},
    ),
    "a kink in another place": (
        made_by(lambda g, out, x: g * np.where(x > 0.4, 2.0, 1.0).astype(x.dtype))(lambda x: np.maximum(x, 2 * x - 1)),
        {SLOPE: NOT_SLOPE},
    ),
    "NaN": (made_by(lambda g, out, x: g / (2 * out))(lambda x: np.sqrt(x)), {SLOPE: "the result holds NaN or Inf"}),
    "it is random": (
        made_by(lambda g, out, x: g * np.random.normal(size=x.shape))(SQUARE),  # noqa: NPY002
        {SLOPE: NOT_SLOPE, SAME: NOT_SAME},
    ),
}  # fmt: skip


@contextlib.contextmanager
def profile(*phases: Phase) -> Iterator[None]:
    settings.register_profile("phases", settings.get_profile("default"), phases=phases)
    settings.load_profile("phases")
    try:
        yield
    finally:
        settings.load_profile("default")


def broken(laws: Any, strategy: Any, examples: int = 20) -> dict[str, str]:
    """The laws that do not hold, each with what it says of the first call found; no smaller one is searched for."""
    said = {}
    for law in laws:
        try:
            with np.errstate(all="ignore"), profile(Phase.generate):
                holds(law, strategy, examples)
        except AssertionError as error:
            said[law.__name__] = str(error)
    return said


def tried(laws: Any, broken: Any, share: float) -> Any:
    """In the long run all laws, otherwise those that are to be broken."""
    return [law for law in laws if share == 1.0 or law.__name__ in broken]


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_rule_breaks_a_law(what: str, share: float) -> None:
    op, says = WRONG[what]
    said = broken(tried(OP_LAWS, says, share), calls(op))
    assert says.keys() <= said.keys()
    for name, text in said.items():
        assert says.get(name, "") in text
        assert text.startswith(f"{op.name}(float64 (")
        assert ", seed " in text
        assert f"breaks the law “{name.replace('_', ' ')}”" in text


# ----------------------------------------------------------------------------------------------------- special points


def sinc(rule: Any, **how: Any) -> Op:
    return made_by(rule, **how)(lambda x: np.sinc(x))


def naive(g: Any, out: Any, x: Any) -> Any:
    return g * (np.cos(np.pi * x) - out) / x


def guarded(g: Any, out: Any, x: Any) -> Any:
    return g * np.where(x == 0, 0.0, (np.cos(np.pi * x) - out) / np.where(x == 0, 1.0, x))


def root(**how: Any) -> Op:
    return made_by(lambda g, out, x: g / (2 * out), **how)(lambda x: np.sqrt(x))


def hinge(where: float, **how: Any) -> Op:
    """max(x, 3) but for one point, at which its slope is 7."""
    rule = lambda g, out, x: g * np.where(x == where, 7.0, np.where(x > 3, 1.0, 0.0))  # noqa: E731
    return made_by(rule, **how)(lambda x: np.maximum(x, 3.0))


def leaky(at_0: Any, **how: Any) -> Op:
    return made_by(lambda g, out, x, *, p: g * np.where(x == 0, at_0(p), np.where(x > 0, 1.0, p)), **how)(
        lambda x, *, p: np.where(x > 0, x, p * x)
    )


def ratio(**how: Any) -> Op:
    return made_by(lambda g, out, x, y: g / y, lambda g, out, x, y: -g * x / (y * y), **how)(lambda x, y: x / y)


QUOTIENT = {
    (1.0, 0.0): (np.inf, -np.inf), (-1.0, 0.0): (np.inf, np.inf), (np.inf, np.inf): (0.0, np.nan),
    (TINY, TINY): (np.inf, -np.inf), (-TINY, -TINY): (-np.inf, np.inf), (TINY, 1.0): (1.0, -TINY),
    (1.0, TINY): (np.inf, -np.inf), (1.0, -TINY): (-np.inf, -np.inf),
}  # fmt: skip

AT_POINTS: dict[str, tuple[Op, dict[str, Any], str | None]] = {
    "a naive sinc": (
        sinc(naive), {}, r"at 0\.0 the result is 1, its gradient nan\. It should be finite, and the slope beside it is "
        r"-1\.569e-06 or 1\.569e-06\. Mend the rule: np\.where\(x == 0\.0, limit, …\)",
    ),
    "a guarded one": (sinc(guarded), {}, None),
    "one that states NaN": (
        sinc(naive, at={0.0: np.nan}), {}, "its gradient nan. The row states that, but the slope beside it is",
    ),
    "one that states the limit": (sinc(naive, at={0.0: 0.0}), {}, "its gradient nan. The row states 0: mend the rule"),
    "√": (
        root(), {}, r"at 0\.0 the result is 0, its gradient inf.*grows without bound. If that is the limit, state it "
        r"in the row: at={0\.0: np\.inf}",
    ),
    "√ that states it": (root(at={0.0: np.inf}), {}, None),
    "√ that states the opposite": (root(at={0.0: -np.inf}), {}, "The row states -inf: mend the rule, or the statement"),
    "a kink": (hinge(5.0, points=[3.0]), {}, None),
    "a kink of which NaN is stated": (
        made_by(lambda g, out, x: g * x / abs(x), at=dict.fromkeys([0.0, np.inf, -np.inf], np.nan))(lambda x: abs(x)),
        {}, None,
    ),
    "a kink that is wrong and not looked at": (hinge(3.0), {}, None),
    "a kink that is wrong": (
        hinge(3.0, points=[3.0]), {}, r"at 3\.0 the result is 3, its gradient 7\. But the slope beside it is 0 or 1",
    ),
    "a wrong number at 1": (hinge(1.0), {}, r"at 1\.0 .* its gradient 7\. But the slope beside it is 0: mend the rule"),
    "a wrong number that is stated": (
        hinge(1.0, at={1.0: 7.0}), {}, "its gradient 7. The row states that, but the slope beside it is 0",
    ),
    "a parameter": (leaky(lambda p: p, at=lambda p: {0.0: p}), {"p": 0.25}, None),
    "a parameter, wrong": (leaky(lambda p: 2 * p, at=lambda p: {0.0: p}), {"p": 0.25}, r"0\.5\. The row states 0\.25"),
    "two inputs": (
        ratio(), {}, r"at \(1\.0, 0\.0\) the result is inf, its gradient in input 1 -inf.*"
        r"at=\{\(1\.0, 0\.0\): \(None, -np\.inf\)\}",
    ),
    "two inputs, stated": (
        made_by(lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y, at={
            **QUOTIENT, (np.inf, np.inf): (0.0, np.nan),
        })(lambda x, y: x / y), {}, None,
    ),
    "a denormal divisor": (
        ratio(at={(1.0, 0.0): (np.inf, -np.inf), (-1.0, 0.0): (np.inf, np.inf)}), {},
        r"at \(5e-324, 5e-324\) the result is 1",
    ),
    "outside of where it is defined": (
        made_by(lambda g, out, x: g / x, at={0.0: np.inf, TINY: np.inf})(lambda x: np.log(x)), {}, None,
    ),
    "what refuses numbers": (
        made_by(lambda g, out, x: g, domain=POSITIVE)(lambda x: np.array([math.sqrt(y) for y in x.ravel()])), {}, None,
    ),
    "not element by element": (
        made_by(lambda g, out, x: g, at={0.0: 1.0})(lambda x: np.cumsum(x)), {}, "this does not",
    ),
    "too many numbers": (root(at={(0.0, 1.0): np.inf}), {}, r"has 1 numbers, one for each input; got \(0.0, 1.0\)"),
    "too few gradients": (ratio(at={(1.0, 0.0): np.inf}), {}, "wanted a gradient for each input, 2 of them"),
}  # fmt: skip


@pytest.mark.parametrize("what", AT_POINTS)
def test_special_points_are_told_with_what_to_write(what: str) -> None:
    op, params, says = AT_POINTS[what]
    law = OP_LAWS[-1]
    call = case(*["a"] * len(op.rules), **params)
    with np.errstate(all="ignore"):
        if says is None:
            assert holds(law, calls(op, call), 4) >= 2
        else:
            with pytest.raises(AssertionError, match=says):
                holds(law, calls(op, call), 4)


def test_the_points_are_the_standard_ones_and_those_of_the_row() -> None:
    points = {repr(point) for point in special_points(root(at={2.0: 0.5}, points=[7]), {})}
    standard = {0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, HUGE, -HUGE, TINY, -TINY}
    assert points == {f"({x!r},)" for x in [*standard, -0.0, 2.0, 7.0]}
    pairs = special_points(ratio(), {})
    assert {(0.0, 1.0), (np.inf, -np.inf), (-1.0, np.inf), (HUGE, HUGE), (1.0, TINY), (-TINY, 1.0)} <= set(pairs)
    assert "(-0.0, -0.0)" in map(repr, pairs)
    assert {(0.0, True), (np.inf, False)} <= set(special_points(masked, {}))


def test_a_row_is_asked_at_each_point_and_at_all_of_them_at_once() -> None:
    """A rule may be right for numbers alone, or for arrays alone."""
    seen = made_by(lambda g, out, x, y: g * (2 + np.ndim(x)), None, domain=(REAL, REAL))(lambda x, y: x * 3 + y)
    found = list(found_at(seen, [(1.0, 2.0), (np.inf, -1.0)], {}))
    alone = [((1.0, 2.0), 5.0, (2.0, None)), ((np.inf, -1.0), np.inf, (2.0, None))]
    assert found == alone + [(point, result, (3.0, None)) for point, result, _ in alone]
    assert {type(x) for one in found for x in (one.result, one.gradients[0])} == {float}  # which a row is told to state


def test_a_call_that_cannot_be_says_which_and_that_it_was_a_guess() -> None:
    @primitive(lambda g, out, x: np.flip(g, axis=0))
    def first_axis(x: Any) -> Any:
        return np.flip(x, axis=0)

    with pytest.raises(Exception, match="axis 0 is out of bounds") as caught:
        property_test(first_axis)(OP_LAWS[0])
    assert any("first_axis(float64 ()), seed " in note for note in caught.value.__notes__)
    assert any("The shapes are a guess: give cases, such as case('ab', 'b')" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: property_test(made_by(None)(SQUARE)), "has no rule: nothing flows back through it"),
        (lambda: property_test(made_by(lambda g, out, *x: x, kind=Variadic)(SQUARE))(OP_LAWS[0]), "takes any number"),
        (
            lambda: property_test(lambda seed: nn.Linear(4, 3))(MODULE_LAWS[0]),
            "how to call it.*got Linear.*no case",
        ),
        (lambda: property_test(lambda seed: 3, case("n"))(MODULE_LAWS[0]), "makes a Module from a seed.*got 3"),
    ],
)
def test_what_cannot_be_tested_is_said(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        make()


def test_it_counts_what_ran() -> None:
    seen = []
    assert holds(seen.append, calls(xexp), 25) == len(seen) == 25
    with pytest.raises(AssertionError, match="the law append was tried on 1 calls only, of 25"):
        holds(seen.append, st.just("the same"), 25)


# ------------------------------------------------------------------------------------------------------------ Modules


class Net(nn.Module):
    """One hidden layer; what it does in between is given."""

    def __init__(self, seed: int, between: Callable[[Any], Any], dtype: Any = np.float32) -> None:
        self.layers = [nn.Linear(4, 3, seed=seed, dtype=dtype), nn.Linear(3, 2, seed=seed + 1, dtype=dtype)]
        self.scale = Value(np.asarray(1.5, dtype))
        self.between = between

    def forward(self, x: Any, power: int = 1) -> Any:
        return self.layers[1](self.between(self.scale * self.layers[0](x))) ** power


test_layer = property_test(lambda seed: nn.Linear(4, 3, seed=seed), case("n4"), case("4"), case("ab4"), examples=8)
test_network = property_test(
    lambda seed: nn.MLP(3, [4, 2], activation=functional.relu, dtype=np.float64, seed=seed), case("n3"), examples=6
)
test_own_network = property_test(lambda seed: Net(seed, np.tanh), case("n4"), case("n4", power=2), examples=6)


class Row(nn.Module):
    """Rows of a table, by number."""

    def __init__(self, seed: int) -> None:
        self.table = Value(np.random.default_rng(seed).normal(size=(5, 2)))

    def forward(self, index: Any) -> tuple[Any, Any]:
        return self.table[index], (self.table.sum(axis=1) > 0)


test_inputs_without_gradients_and_several_results = property_test(Row, case(np.array([0, 3, 3])), examples=6)

SLOPES, EVERY, WIDER, TWICE = (law.__name__ for law in MODULE_LAWS)
rng = np.random.default_rng(0)
wrong_tanh = made_by(lambda g, out, x: g * (1 - out))(lambda x: np.tanh(x))
WRONG_BETWEEN: dict[str, tuple[Callable[[Any], Any], set[str], str]] = {
    "a wrong rule": (wrong_tanh, {SLOPES}, "to blame"),
    "float64": (lambda x: x * np.full(3, 2.0), {WIDER}, "float32 becomes float64 in multiply"),
    "random": (lambda x: x * rng.normal(size=x.shape).astype(x.dtype), {SLOPES, TWICE}, "not deterministic"),
    "detached": (lambda x: Value(x.data), {SLOPES, EVERY}, "layers.0.weight gets none"),
    "half detached": (lambda x: x * x.data, {SLOPES}, "mismatch"),
    "stopped": (lambda x: functional.stop_gradient(x) * x, {SLOPES}, "mismatch"),
    "NaN": (lambda x: np.log(-abs(x)), {EVERY}, "a result holds NaN or Inf"),
}


@pytest.mark.parametrize("what", WRONG_BETWEEN)
def test_a_wrong_module_breaks_a_law(what: str, share: float) -> None:
    between, laws, says = WRONG_BETWEEN[what]
    said = broken(tried(MODULE_LAWS, laws, share), runs(lambda seed: Net(seed, between), case("n4")), 4)
    assert laws <= said.keys()
    assert any(says in text for text in said.values())
    for name, text in said.items():
        assert text.startswith("Net, made with seed ")
        assert "of (float32 (" in text
        assert f"breaks the law “{name.replace('_', ' ')}”" in text


class Writes(nn.Module):
    def __init__(self, seed: int) -> None:
        self.weight, self.unused, self.which = Value(np.ones(3)), Value(np.ones(2)), seed

    def forward(self, x: Any) -> Any:
        y = x * self.weight
        written(x)
        return y


def test_a_module_that_writes_or_forgets_a_parameter_breaks_a_law() -> None:
    said = broken(MODULE_LAWS, runs(Writes, case("n3")))
    assert "writes into its input" in said[SLOPES]
    assert "unused gets none: the result does not depend on it" in said[EVERY]


# ------------------------------------------------------------------------------------------------------------- pytest

EXAMPLE = """
import numpy as np
from microgradnet import nn, primitive
from microgradnet.testing import case, property_test

@primitive(lambda g, out, x: g * 2.001 * x)
def square(x):
    return x * x

test_square = property_test(square, examples=5)
test_layer = property_test(lambda seed: nn.Linear(4, 3, seed=seed), case("n4"), examples=2)
"""


def test_pytest_collects_a_test_for_each_law(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(EXAMPLE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", "--tb=line", "test_own.py"]
    wide = {**os.environ, "COLUMNS": "300"}
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=wide).stdout
    assert "1 failed, 10 passed" in said
    assert "FAILED test_own.py::test_square[the_gradient_is_the_slope] - AssertionError: square(float64 (" in said
    assert "PASSED test_own.py::test_layer[gradients_are_slopes]" in said


def test_without_hypothesis_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import microgradnet; import microgradnet.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    wanted = 'ImportError: microgradnet.testing needs Hypothesis: pip install "microgradnet[test]"'
    assert done.stderr.splitlines()[-1] == wanted


def off_by(first: float = 0.0, second: float = 0.0, slope: float = 2000.0) -> Call:
    """A call of slope · x + 1000 x² at 1, whose first and second derivatives are off by so much."""

    def rule(g: Any, out: Any, x: Any) -> Any:
        return g * (slope + first + 2000 * (x - 1.0) + second * (x - np.asarray(numbers(x))))

    row = primitive(rule)(lambda x: slope * x + 1000 * (x - 1) ** 2)
    return Call(row, [np.array([1.0])], [True], {}, np.array([1.0]), 0)


@pytest.mark.parametrize("sign", [-1, 1])
def test_how_far_a_gradient_may_be_from_its_slope_in_a_law(sign: int) -> None:
    """A millionth of the slope and 1e-7, ten times as much for the second derivative."""
    slope, second = OP_LAWS[:2]
    for law, call, bound in (
        (slope, off_by, 2000e-6 + 1e-7), (slope, lambda first: off_by(first, slope=0.0), 1e-7),
        (second, lambda error: off_by(second=error), 2000e-5 + 1e-6),
    ):  # fmt: skip
        law(call(sign * 0.97 * bound))
        with pytest.raises(AssertionError, match="is ACTUAL"):
            law(call(sign * 1.03 * bound))


def test_a_gradient_fits_by_its_shape_and_by_its_dtype() -> None:
    v = Value(np.ones(2))
    of_laws.fits(np.ones(2), v, "x")
    for wrong in (np.ones(2, np.float32), np.ones(1)):
        with pytest.raises(AssertionError, match=rf"^x is float64 \(2,\), its gradient float\d\d \({len(wrong)},\)$"):
            of_laws.fits(wrong, v, "x")


def test_a_gradient_that_is_somebody_elses_array_breaks_a_law() -> None:
    cotangent = np.ones(2)

    def law(first: Any, second: Any) -> None:
        values = [Value(np.ones(2)), Value(np.ones(2)), np.ones(2)]

        def backward(g: Any) -> None:
            values[0]._grad = first(values)  # past the setter, which copies
            values[1]._grad = second(values)

        out = types.SimpleNamespace(backward=backward)
        row = types.SimpleNamespace(record=lambda *given: out)
        OP_LAWS[5](types.SimpleNamespace(values=lambda: values, row=row, params={}, cotangent=cotangent))

    def own(values: Any) -> Any:
        return np.ones(2)

    law(own, own)
    law(lambda values: np.float64(1.0) if values[0].shape == () else own(values), own)
    others = {"an input": lambda v: v[0].data, "another": lambda v: v[1].data, "plain": lambda v: v[2]}
    for other in (*others.values(), lambda v: cotangent, lambda v: v[1].data[::-1]):
        with pytest.raises(
            AssertionError, match=r"^gradient 0 shares memory with an input, the result or another gradi"
        ):
            law(other, own)
    with pytest.raises(AssertionError, match=r"^gradient 1 shares memory"):
        law(own, lambda values: values[0].grad)
    with pytest.raises(AssertionError, match=r"^gradient 1 cannot be written"):
        law(own, lambda values: np.broadcast_to(1.0, 2))


def test_a_law_says_which_is_the_gradient_and_which_the_slope() -> None:
    values = primitive(lambda g, out, x: g * x * (2.0 if isinstance(x, np.ndarray) else 3.0))(SQUARE)
    once = Call(values, [np.ones(1)], [True], {}, np.ones(1), 0)
    for law, call in zip(OP_LAWS, (off_by(first=1000.0), off_by(second=1000.0), once), strict=False):
        with pytest.raises(AssertionError) as error:
            law(call)
        found = re.search(r"ACTUAL: array\(\[([\d.]+).*DESIRED: array\(\[([\d.]+)", str(error.value), re.DOTALL)
        assert found
        assert float(found[1]) == pytest.approx(1.5 * float(found[2]), rel=1e-3)


def test_of_many_special_points_four_are_shown() -> None:
    nan = made_by(lambda g, out, x: g * x * np.nan, elementwise=True)(SQUARE)
    with np.errstate(all="ignore"), pytest.raises(AssertionError) as error:
        OP_LAWS[-1](Call(nan, [np.ones(1)], [True], {}, np.ones(1), 0))
    *shown, more = str(error.value).split("\n")
    assert [line.split(" the result")[0] for line in shown] == [f"at {x}" for x in ("0.0", "1.0", "-1.0", "np.inf")]
    assert more == "and 6 more"


@pytest.mark.parametrize(("said", "point", "g", "slopes", "says"), [
    (np.inf, -0.0, -np.inf, (), None), (np.inf, 0.0, -np.inf, (), "states inf"), (np.inf, -0.0, 5.0, (), "states inf"),
    (1.0, -0.0, np.inf, (), "states 1"), (np.nan, 0.0, np.nan, (), None), (2.0, 0.0, 2.0, (2.0,), None),
    (2.0, 0.0, 2.0, (1.0,), "states that, but the slope beside it is 1"), (2.0, 0.0, np.nan, (2.0,), "states 2"),
])  # fmt: skip
def test_what_is_stated_is_kept_to_the_letter(said: float, point: float, g: float, slopes: Any, says: Any) -> None:
    found = by_statement(said, Found((point,), 0.0, (g,)), g, beside(*slopes))
    assert found is None if says is None else says in found


@pytest.mark.parametrize(("point", "result", "g", "seen", "says"), [
    (0.0, np.nan, np.nan, Sides(True, [1.0], []), None), (0.0, 1.0, np.nan, Sides(False, [], []), None),
    (0.0, 1.0, 2.0, Sides(True, [2.0], []), None), (0.0, 1.0, 2.0, Sides(True, [1.0], []), "But the slope beside it "),
    (np.inf, np.inf, np.inf, Sides(True, [], []), None), (HUGE, np.inf, -np.inf, Sides(True, [], []), None),
    (np.inf, np.inf, np.nan, Sides(True, [], []), "finite"), (np.inf, 1.0, np.inf, Sides(True, [], []), "finite"),
    (1.0, np.inf, np.inf, Sides(True, [], []), "finite"),
])  # fmt: skip
def test_what_is_not_stated_is_finite_or_overflows(point: float, result: float, g: float, seen: Any, says: Any) -> None:
    found = unless_stated(Found((point,), result, (g,)), 0, g, seen)
    assert found is None if says is None else says in found


def test_how_many_calls_are_drawn_if_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    assert holds(seen.append, st.integers()) == len(seen) == 40
    assert holds(seen.append, st.just("the same"), 3) == 1
    with pytest.raises(AssertionError, match="tried on 1 calls only, of 4"):
        holds(seen.append, st.just("the same"), 4)
    monkeypatch.setattr(properties, "holds", lambda law, drawn, examples, shrink: seen.append((examples, shrink)))
    property_test(xexp)(OP_LAWS[0])
    property_test(lambda seed: nn.Linear(1, 1), case("1"))(MODULE_LAWS[0])
    assert seen[-2:] == [(40, True), (40, False)]


def test_shapes_are_small_if_nobody_says() -> None:
    @settings(max_examples=40, phases=[Phase.generate])
    @given(shapes(), broadcastable(2))
    def check(one: tuple[int, ...], two: tuple[tuple[int, ...], ...]) -> None:
        for shape in (one, *two):
            assert len(shape) <= 3
            assert max(shape, default=0) <= 3

    check()


def test_a_module_is_checked_without_a_bar_and_its_inputs_have_a_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    report = types.SimpleNamespace(raise_on_failure=lambda: None, count=lambda verdict: 1)
    monkeypatch.setattr(of_laws, "check_grads", lambda f, *args, **how: seen.append(how) or report)
    run = Run(lambda seed: nn.Linear(1, 1, seed=seed), 7, [np.ones(1, np.float32)], {})
    MODULE_LAWS[0](run)
    assert seen == [{"seed": 7, "progress": False}]

    @settings(max_examples=1, phases=[Phase.generate])
    @given(runs(lambda seed: nn.ReLU(), case("n")))
    def check(run: Run) -> None:
        assert run.inputs[0].dtype == np.float64

    check()


def test_results_that_are_more_the_second_time_are_not_the_same() -> None:
    given = iter([({}, [Value(1.0)]), ({}, [Value(1.0), Value(2.0)])])
    with pytest.raises(ValueError, match="zip"):
        MODULE_LAWS[-1](types.SimpleNamespace(backward=lambda: next(given)))
    given = iter([({"w": Value(1.0)}, []), ({}, [])])
    with pytest.raises(ValueError, match="zip"):
        MODULE_LAWS[-1](types.SimpleNamespace(backward=lambda: next(given)))


def test_inputs_of_a_module_get_gradients_beside_its_parameters() -> None:
    run = Run(lambda seed: nn.Linear(2, 1, seed=seed), 0, [np.ones((3, 2), np.float32)], {})
    named, _ = run.backward()
    assert list(named) == ["weight", "bias", "input 0"]
    assert named["input 0"].grad.shape == (3, 2)


def test_a_module_that_returns_plain_arrays_is_told_so() -> None:
    run = Run(lambda seed: Net(seed, np.tanh), 0, [np.ones(4)], {})
    with pytest.raises(AssertionError, match="Writes returns no Value that gradients flow from"):
        run.forward(type("Writes", (nn.Module,), {"forward": lambda self, x: np.ones(3)})(), np.ones(3))


def beside(*slopes: float, unbounded: tuple[float, ...] = ()) -> Sides:
    return Sides(True, [*slopes], [*unbounded])


def test_what_slopes_beside_a_point_allow() -> None:
    """Between the two, and a thousandth of the larger and of 1 beside them; NaN where they differ by more."""
    for low, high in ((1.0, 3.0), (-3.0, 1.0), (-3.0, -1.0)):
        near = 1e-3 * (1 + 3)
        assert [beside(high, low).allow(x) for x in (low - 1.01 * near, low - 0.99 * near)] == [False, True]
        assert [beside(low, high).allow(x) for x in (high + 1.01 * near, high + 0.99 * near)] == [False, True]
    assert [beside(3.0, 3.0 + gap).allow(math.nan) for gap in (3.99e-3, 4.01e-3)] == [False, True]
    assert not beside(0.0, 1.0e-3).allow(math.nan)
    assert beside().allow(math.inf)
    assert beside().allow(math.nan)
    steep = beside(unbounded=(-5.0, 7.0))
    assert [steep.allow(g) for g in (math.inf, -math.inf, 3.0)] == [True, True, True]
    assert [beside(unbounded=(7.0,)).allow(g) for g in (math.inf, -math.inf, 3.0, math.nan)] == [
        True,
        False,
        True,
        True,
    ]


def test_beside_a_point_slopes_are_measured_by_two_steps_to_each_side() -> None:
    seen: list[float] = []

    def noted(x: Any) -> Any:
        seen.append(float(x))
        return x * x

    row = made_by(lambda g, out, x: g * 2 * x)(noted)
    for at in (0.0, 0.5, -8.0):
        size = max(1.0, abs(at))
        seen.clear()
        found = sides(row, Found((at,), at * at, (2 * at,)), {}, 0)
        moves = [side * size * step for side in (-1, 1) for step in (2.0**-10, 2.0**-20)]
        assert {x - at for x in seen} == set(moves)
        assert found.slopes == pytest.approx([2 * at + moves[1], 2 * at + moves[3]], rel=1e-6, abs=1e-9)
        assert (found.defined, found.unbounded) == (True, [])
    for at, near in (
        (np.inf, 10.5),
        (-np.inf, -10.5),
        (HUGE, 10.5),
        (-HUGE, -10.5),
        (TINY, 2.0**-10),
        (-TINY, -(2.0**-10)),
    ):
        seen.clear()
        assert sides(row, Found((at,), at * at, (2 * at,)), {}, 0) == (True, [], [])
        assert seen == [near]


def test_a_slope_that_a_smaller_step_changes_grows_without_bound() -> None:
    """By more than a hundredth of itself and of 1: of 3x + bend·|x|·x it changes by bend·2^-10."""

    def steady(bend: float, to: float = 3.0) -> bool:
        row = made_by(lambda g, out, x: g)(lambda x: to * x + bend * x * abs(x))
        found = sides(row, Found((0.0,), 0.0, (to,)), {}, 0)
        assert len(found.slopes) + len(found.unbounded) == 2
        return not found.unbounded

    for to in (3.0, -3.0):
        assert [steady(share * 10 * 1e-3 * (1 + 3) * 2**10, to) for share in (-1.02, -0.98, 0.98, 1.02)] == [
            False, True, True, False,
        ]  # fmt: skip


def test_what_is_ordinary_is_0_or_no_denormal_and_not_the_largest() -> None:
    numbers = [0.0, -0.0, TINY, -TINY, 2 * TINY, 1.0, -HUGE, HUGE, np.inf, np.nan, True]
    assert [is_ordinary(x) for x in numbers] == [
        True, True, False, False, True, True, False, False, False, False, True,
    ]  # fmt: skip
    assert {type(is_ordinary(np.float64(x))) for x in numbers} == {bool}


def test_a_slope_beside_a_pole_leaves_the_pole_out() -> None:
    """Of 1/x from h to 2h it is (1/2h − 1/h) / h."""
    for h in (0.25, -0.5):
        assert slope(lambda x: 1 / x, 0.0, h, math.inf) == -0.5 / h**2
        assert slope(lambda x: 1 / x, 1.0, h, 1.0) == pytest.approx(-1 / (1 + h), rel=1e-12)


def test_a_test_of_a_property_is_named_after_its_law() -> None:
    for test, laws in ((property_test(xexp), OP_LAWS), (property_test(lambda seed: nn.Linear(2, 2)), MODULE_LAWS)):
        (mark,) = test.pytestmark  # type: ignore[attr-defined]
        assert [mark.kwargs["ids"](law) for law in mark.args[1]] == [law.__name__ for law in laws]
