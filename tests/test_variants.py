"""Every variant of every function of NumPy: value as NumPy's, gradient as the slope, the second as that of the first.

One test covers one function in all its variants, and says of each that failed what was typed, and why.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from microgradnet.core import FORMULAS, Value, numbers, sweep
from microgradnet.words import spelled
from tests.cases import ROWS  # which fills the tables, whatever was imported before
from tests.lines import functions
from tests.samples import SEED, count, sample
from tests.variants import NAMES, REFUSED, VARIANTS, Variant, grouped

GROUPS = grouped()
RECORDED = {function: chosen for function, chosen in (
    (function, [v for v in variants if not v.refused]) for function, variants in GROUPS.items()
) if chosen}  # fmt: skip
every_function = pytest.mark.parametrize("function", RECORDED)


def on_variants(variants: list[Variant], check: Callable[[Variant], int]) -> None:
    """Run `check` on each, which says how many comparisons it made: without any it failed."""
    failed = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for variant in variants:
            try:
                if not check(variant):
                    failed.append(f"{variant}\n    nothing was compared")
            except Exception as error:
                said = " ".join(str(error).split())
                failed.append(f"{variant}\n    {type(error).__name__}: {said[:400]}")
    if failed:
        pytest.fail(f"{len(failed)} of {len(variants)} variants\n" + "\n".join(failed), pytrace=False)


def some(variants: list[Variant], share: float, seed: int | str = SEED) -> list[Variant]:
    return variants if share == 1 else sample(variants, count(len(variants), share), seed)


def few(variants: list[Variant], share: float, seed: str) -> list[Variant]:
    """A third as many, and others: of what holds for a function in all its variants or in none."""
    return some(variants, share if share == 1 else share / 3, f"{SEED} {seed}")


def flat(out: Any) -> Iterator[Any]:
    """The results of a function that returns one, a tuple of them, or lists of lists."""
    if isinstance(out, (tuple, list)):
        for part in out:
            yield from flat(part)
    else:
        yield out


def same_structure(got: Any, expected: Any) -> None:
    if isinstance(expected, (tuple, list)):
        assert isinstance(got, (tuple, list)), f"{type(expected).__name__} expected, got {type(got).__name__}"
        assert len(got) == len(expected)
        assert getattr(got, "_fields", None) == getattr(expected, "_fields", None)
        for g, e in zip(got, expected, strict=True):
            same_structure(g, e)


def close(got: Any, expected: Any, tolerance: float) -> None:
    """Equal in shape; equal in numbers to `tolerance` of the largest, or of 1 if that is larger."""
    assert np.shape(got) == np.shape(expected), f"shape {np.shape(got)}, expected {np.shape(expected)}"
    size = np.abs(np.asarray(expected, dtype=float))
    slack = max(1.0, size[np.isfinite(size)].max(initial=0.0)) * tolerance
    if got is expected or np.less_equal(np.abs(np.subtract(got, expected, dtype=float)), slack).all():
        return
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=slack)


def floating(out: Any) -> list[Any]:
    return [o for o in flat(out) if np.asarray(numbers(o)).dtype.kind == "f"]


def cotangents(v: Variant, outs: list[Any]) -> list[Any]:
    rng = v.rng(len(outs))
    return [np.asarray(rng.normal(size=np.shape(o)), numbers(o).dtype)[()] for o in outs]


def recorded(v: Variant, arrays: list[Any]) -> list[Any]:
    return [Value(x) if i.flows else x for x, i in zip(arrays, v.inputs, strict=True)]


def weighted(outs: list[Any], cs: list[Any]) -> Any:
    """The sum of all results, each number with its own weight: the start of a sweep, with a random cotangent."""
    return sum(((o * c).sum() for o, c in zip(outs, cs, strict=True)), start=0.0)


def gradients(v: Variant, arrays: list[Any], inputs: list[Any] | None = None) -> list[Any]:
    """The gradient of each input; zeros if nothing flows to it, None if it is a plain array."""
    inputs = recorded(v, arrays) if inputs is None else inputs
    outs = floating(v.f(np, *inputs))
    total = weighted(outs, cotangents(v, outs))
    found = sweep(total, total.dtype.type(1)) if type(total) is Value else {}
    return [found.get(x, np.zeros_like(x.data)) if isinstance(x, Value) else None for x in inputs]


def comparable(outs: list[Any]) -> bool:
    """Whether there is a slope: the mean of nothing has none."""
    return all(np.isfinite(numbers(o)).all() for o in outs)


def step_for(outs: list[Any]) -> float:
    """A wide one if something on the way is rounded to float32."""
    return 6e-6 if all(numbers(o).dtype == np.float64 for o in outs) else 1e-2


def along(v: Variant, arrays: list[Any]) -> list[Any]:
    """For each input that varies a direction of random numbers, 0 where it is NaN, which a function overlooks."""
    rng = v.rng()
    drawn = [rng.normal(size=np.shape(x)) if i.flows else None for x, i in zip(arrays, v.inputs, strict=True)]
    return [None if d is None else np.where(np.isnan(x), 0.0, d)[()] for x, d in zip(arrays, drawn, strict=True)]


# --------------------------------------------------------------------------------------------------------------- tests


@every_function
def test_value_is_numpys(function: str, share: float) -> None:
    """In float64 of every variant, in float32 of some."""
    single = set(few(RECORDED[function], share, "float32"))

    def check(v: Variant) -> int:
        compared = 0
        for dtype in (np.float64, np.float32)[: 1 + (v in single)]:
            arrays = v.arrays(dtype)
            expected, got = v.f(np, *arrays), v.f(np, *(inputs := recorded(v, arrays)))
            same_structure(got, expected)
            compared += 1
            for g, e in zip(flat(got), flat(expected), strict=True):
                if isinstance(g, Value) and not any(g is x for x in inputs) and isinstance(g.data, np.ndarray):
                    held = any(np.may_share_memory(g.data, numbers(x)) for x in inputs)
                    if held and g.data.flags.writeable:
                        raise AssertionError("a view of an input that can be written")
                g = numbers(g)
                assert np.shape(g) == np.shape(e), f"shape {np.shape(g)}, NumPy's is {np.shape(e)}"
                assert np.asarray(g).dtype == np.asarray(e).dtype, (
                    f"{np.asarray(g).dtype}, NumPy's {np.asarray(e).dtype}"
                )
                close(g, e, 1e-4 if np.asarray(e).dtype == np.float32 else 1e-12)
        return compared

    on_variants(RECORDED[function], check)


@every_function
def test_value_is_numpys_of_whole_numbers_too(function: str, share: float) -> None:
    """Among them are ties, zeros of both signs, and numbers on the bounds of others."""

    def check(v: Variant) -> int:
        arrays = [np.rint(x)[()] for x in v.arrays()]
        try:
            expected = v.f(np, *arrays)
        except Exception:  # a matrix that is singular now
            return 1
        got = v.f(np, *recorded(v, arrays))
        same_structure(got, expected)
        for g, e in zip(flat(got), flat(expected), strict=True):
            assert np.asarray(numbers(g)).dtype == np.asarray(e).dtype
            near = 1e-4 if np.asarray(e).dtype == np.float32 else 1e-9
            np.testing.assert_allclose(numbers(g), e, rtol=near, atol=near)
        return 1

    on_variants(some(RECORDED[function], share), check)


LISTED = {function: chosen for function, variants in RECORDED.items()
          if (chosen := [v for v in variants if len(v.inputs) > 1 and any(x.flows for x in v.inputs)])}  # fmt: skip


@pytest.mark.parametrize("function", LISTED)
def test_lists_are_as_good_as_arrays(function: str, share: float) -> None:
    """Beside one Value, wherever NumPy takes them."""

    def check(v: Variant) -> int:
        arrays = v.arrays()
        for i in [i for i, x in enumerate(v.inputs) if x.flows]:
            given = [x if j == i else np.asarray(x).tolist() for j, x in enumerate(arrays)]
            try:
                expected = v.f(np, *given)
            except Exception:  # NumPy wants an array there, or calls a method of it
                continue
            got = v.f(np, *[Value(x) if j == i else x for j, x in enumerate(given)])
            same_structure(got, expected)
            for g, e in zip(flat(got), flat(expected), strict=True):
                assert np.asarray(numbers(g)).dtype == np.asarray(e).dtype
                close(numbers(g), e, 1e-12)
        return 1

    on_variants(some(LISTED[function], share), check)


@every_function
def test_gradient_is_the_slope(function: str, share: float) -> None:
    def check(v: Variant) -> int:
        arrays = v.arrays()
        found = gradients(v, arrays)
        outs = floating(v.f(np, *arrays))
        cs = cotangents(v, outs)
        step = step_for(outs)

        def total(i: int, x: Any) -> Any:
            moved = floating(v.f(np, *[x if j == i else y for j, y in enumerate(arrays)]))
            return sum(np.sum(o * c) for o, c in zip(moved, cs, strict=True))

        ways = along(v, arrays)
        flowing = [i for i, x in enumerate(v.inputs) if x.flows]
        for i in flowing:
            assert found[i].dtype == np.float64
            assert found[i].shape == arrays[i].shape
            if comparable(outs):
                x, way = arrays[i], ways[i]
                assert not found[i][np.isnan(x)].any()
                slope = (total(i, x + step * way) - total(i, x - step * way)) / (2 * step)
                terms = found[i] * way
                close(np.sum(terms), slope, (2e-6 if step < 1e-3 else 1e-2) * max(1.0, np.abs(terms).max(initial=0.0)))
        if len(flowing) > 1:  # constants beside it, on either side
            for i in flowing:
                if i and v.code.startswith("x."):  # the method of a plain array is NumPy's own
                    continue
                alone = [Value(x) if j == i else x for j, x in enumerate(arrays)]
                close(gradients(v, arrays, alone)[i], found[i], 1e-12)
        return len(flowing)

    on_variants(some(RECORDED[function], share), check)


@every_function
def test_second_order_is_the_slope_of_the_first(function: str, share: float) -> None:
    """The Hessian times a random vector, against the change of the gradient along it; and the same of the cotangent."""

    def check(v: Variant) -> int:
        arrays = v.arrays()
        ways = along(v, arrays)

        def moved(step: float) -> list[Any]:
            return [x if d is None else x + step * d for x, d in zip(arrays, ways, strict=True)]

        inputs = recorded(v, arrays)
        outs = floating(v.f(np, *inputs))
        cs = [Value(c) for c in cotangents(v, outs)]
        total = weighted(outs, cs)
        found = sweep(total, Value(1.0), create_graph=True) if type(total) is Value else {}
        flowing = [x for x in inputs if isinstance(x, Value)]
        pairs = [(found[x], d) for x, d in zip(inputs, ways, strict=True) if isinstance(x, Value) and x in found]
        projected = weighted(*map(list, zip(*pairs, strict=True))) if pairs else 0.0
        second = sweep(projected, np.float64(1)) if type(projected) is Value else {}
        h = 1e-5 if step_for(outs) < 1e-3 else 1e-2
        slack = 2e-5 if h < 1e-3 else 3e-2
        above, below = ([g for g in gradients(v, moved(step)) if g is not None] for step in (h, -h))
        for x, a, b in zip(flowing, above, below, strict=True):
            got = second.get(x, np.zeros(x.shape))
            assert got.dtype == np.float64
            assert got.shape == x.shape
            if comparable(outs):
                close(got, (a - b) / (2 * h), slack)
        above, below = (floating(v.f(np, *moved(step))) for step in (h, -h))
        for c, o, a, b in zip(cs, outs, above, below, strict=True):
            if type(o) is Value and comparable(outs):
                close(second.get(c, np.zeros(c.shape)), (a - b) / (2 * h), slack)
        return len(flowing)

    on_variants(few(RECORDED[function], share, "second"), check)


# 'A' and 'K' do ask for the layout, and a number has none.
LAID_OUT = {function: chosen for function, chosen in (
    (function, [v for v in variants if any(x.shape for x in v.inputs) and not re.search("'[AK]'", v.code)])
    for function, variants in RECORDED.items()
) if chosen}  # fmt: skip


@pytest.mark.parametrize("function", LAID_OUT)
def test_layout_is_nothing_to_a_gradient(function: str, share: float) -> None:
    """Negative strides and transposed copies of the same numbers give the same gradient."""
    layouts = (lambda x: x[(slice(None, None, -1),) * x.ndim], lambda x: x.transpose())

    def check(v: Variant) -> int:
        arrays = v.arrays()
        found = gradients(v, arrays)
        for turn in layouts:
            leaves = [
                Value(turn(x).copy()) if i.flows else turn(turn(x).copy())
                for x, i in zip(arrays, v.inputs, strict=True)
            ]
            outs = floating(v.f(np, *[turn(x) if isinstance(x, Value) else x for x in leaves]))
            total = weighted(outs, cotangents(v, outs))
            turned = sweep(total, np.float64(1)) if type(total) is Value else {}
            for leaf, g in zip(leaves, found, strict=True):
                if isinstance(leaf, Value):
                    close(turn(turned.get(leaf, np.zeros(leaf.shape))), g, 1e-9)
        return len(layouts)

    on_variants(few(LAID_OUT[function], share, "layout"), check)


@every_function
def test_float32_stays_float32(function: str, share: float) -> None:
    def check(v: Variant) -> int:
        found = gradients(v, v.arrays(np.float32))
        for g, e in zip(found, gradients(v, v.arrays()), strict=True):
            if g is not None:
                assert g.dtype == np.float32
                close(g, e, 2e-3)
        return sum(g is not None for g in found)

    on_variants(few(RECORDED[function], share, "gradients of float32"), check)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.refused], ids=str)
def test_a_variant_that_is_not_recorded_is_refused(variant: Variant) -> None:
    with pytest.raises(TypeError, match=variant.refused):
        variant.f(np, *recorded(variant, variant.arrays()))


@pytest.mark.parametrize("run", functions([("np, x", code) for code in REFUSED], NAMES), ids=REFUSED)
def test_what_cannot_be_recorded_is_refused(run: Callable[..., Any]) -> None:
    x = Value([0.5, 1.5, 2.5])
    with pytest.raises(TypeError) as caught:
        run(np, x)
    assert len(str(caught.value)) > 30  # it says what to do instead


def with_out() -> dict[str, tuple[Any, list[str]]]:
    """NumPy's functions with a formula and an `out`, each with the names of its positional arguments."""
    found = {}
    for function in FORMULAS:
        if callable(function) and getattr(function, "__module__", "").split(".")[0] == "numpy":
            try:
                arguments = inspect.signature(function).parameters
            except ValueError:  # before NumPy 2.4 a function written in C does not say
                continue
            own_words = isinstance(function, np.ufunc) or function is np.linalg.multi_dot
            if "out" in arguments and not own_words:
                named = [x.name for x in arguments.values() if x.kind <= x.POSITIONAL_OR_KEYWORD]
                found[spelled(function)] = function, named
    return found


WITH_OUT = with_out()


@pytest.mark.parametrize("name", WITH_OUT)
def test_a_formula_refuses_out_where_numpy_takes_it(name: str) -> None:
    """By name and by position, there and at no other place."""
    function, named = WITH_OUT[name]
    array = np.zeros(3)
    shown = name.replace("np.amax", "np.max").replace("np.amin", "np.min")
    with pytest.raises(TypeError, match=rf"^{shown}\(out=…\) would write a recorded result .* Leave out= away"):
        FORMULAS[function](out=array)
    for place in range(len(named) + 1):
        said = ""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                FORMULAS[function](*[None] * place, array)
            except Exception as error:
                said = str(error)
        assert ("(out=…)" in said) == (named[place : place + 1] == ["out"]), (place, said)


def test_many_functions_have_an_out() -> None:
    assert len(ROWS) > 150
    assert len(WITH_OUT) >= 40


@pytest.mark.parametrize("call", [
    lambda x, none: np.mean(x, 0, None, none, True), lambda x, none: np.clip(x, 0.5, 1.5, none),
    lambda x, none: np.take(x, [0, 5], 1, none, "clip"), lambda x, none: np.std(x, 0, None, none, 1, True),
    lambda x, none: np.max(x, 1, none, True), lambda x, none: np.cumsum(x, 0, None, none),
    lambda x, none: np.quantile(x, 0.3, 0, none, False, "hazen", True), lambda x, none: np.dot(x, x.T, none),
    lambda x, none: np.trace(x, 0, 0, 1, None, none), lambda x, none: np.concatenate([x, x], 1, none),
    lambda x, none: np.nanvar(x, axis=0, out=none, ddof=1),
])  # fmt: skip
@pytest.mark.parametrize("none", [None, np._NoValue], ids=["None", "not given"])
def test_an_out_that_is_none_is_passed_over(call: Callable[..., Any], none: Any) -> None:
    x = np.array([[0.5, 1.5], [2.5, 0.25]])
    got = call(Value(x), none)
    assert isinstance(got, Value)
    np.testing.assert_allclose(got.data, call(x, None), rtol=1e-12)


def test_there_is_enough_to_check() -> None:
    """Of each variant something is compared, or its test fails: so their number is that of the checks."""
    assert len(VARIANTS) >= 9_000
    assert len({str(v) for v in VARIANTS}) == len(VARIANTS)
    assert sum(map(len, RECORDED.values())) >= 9_000
    assert sum(x.flows for variants in RECORDED.values() for v in variants for x in v.inputs) >= 9_000
    assert sum(map(len, LAID_OUT.values())) >= 9_000
    assert sum(bool(v.refused) for v in VARIANTS) < 200


def test_a_sample_is_the_same_for_a_seed_and_in_any_order() -> None:
    variants = max(RECORDED.values(), key=len)
    drawn = sample(variants, 50)
    assert sample(variants[::-1], 50) == drawn
    assert len(set(map(str, drawn))) == 50
    assert sample(variants, 50, "another") != drawn
