"""Compiled equals eager, row by row: a program run on new data gives the bits that the row gives there.

Each row is recorded on two draws of its own cases, forward, backward and twice backward, and runs on new draws, on
special points and on what is not finite.
"""

from __future__ import annotations

import itertools
import warnings
import zlib
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet.core import BOOLEAN, Op, Value, Variadic
from microgradnet.programs import Uncompilable
from microgradnet.testing.points import special_points, works_by_elements
from microgradnet.testing.strategies import filled
from tests.cases import ROWS
from tests.compiled import leaves, noted, programs, same
from tests.variants import VARIANTS, Variant, grouped

SIZES = {c: 2 + i % 2 for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")}
SHAPES = [((3, 2), (2,), (3, 1)), ((), (2,), ()), ((2,), (2,), (2,))]  # of rows that say nothing


def cases_of(row: Op) -> list[tuple[list[Any], dict[str, Any]]]:
    """The calls of a row: for each input its shape, or an array that stays as it is; and the parameters."""
    if not row.cases:
        return [(list(shapes[: len(row.rules)]), {}) for shapes in SHAPES]

    def shape(x: Any) -> Any:
        return tuple(SIZES[c] if c in SIZES else int(c) for c in x) if isinstance(x, (str, tuple)) else x

    return [([shape(x) for x in inputs], params) for inputs, params in row.cases]


def step_of(row: Op, params: dict[str, Any], count: int) -> Any:
    """Everything a row gives for arrays: its result, its gradients, and the gradients of these."""
    rules = row.rules * count if isinstance(row, Variadic) else row.rules + (None,) * count

    def step(weight: Any, *arrays: Any) -> Any:
        flows = [rule is not None and x.dtype.kind == "f" for x, rule in zip(arrays, rules, strict=False)]
        if not any(flows):
            return [row(*[Value(x) if x.dtype.kind == "f" else x for x in arrays], **params)]
        values = [Value(x) if flow else x for x, flow in zip(arrays, flows, strict=True)]
        out = row.record(*values, **params)
        out.backward(weight.astype(out.dtype))
        found: list[Any] = [out, *[v.grad for v in values if type(v) is Value]]
        again = [Value(x) if flow else x for x, flow in zip(arrays, flows, strict=True)]
        row.record(*again, **params).backward(weight.astype(out.dtype), create_graph=True)
        gradients = [v.grad for v in again if type(v) is Value]
        total = sum(((g * g).sum() for g in gradients if type(g) is Value), start=0.0)
        for v in again:
            if type(v) is Value:
                v.grad = None
        if type(total) is Value:
            total.backward()
        return [*found, *[v.grad for v in again if type(v) is Value]]

    return step


def agree(step: Any, draws: list[list[Any]]) -> int:
    """Compile `step` on the first two draws, and compare what it returns for all of them."""
    compiled: Any = mg.compile(step, backend="numpy")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for i, arrays in enumerate(draws):
            wanted, got = leaves(step(*arrays)), leaves(compiled(*arrays))
            assert len(wanted) == len(got)
            for j, (x, y) in enumerate(zip(wanted, got, strict=True)):
                x, y = (v[()] if type(v) is np.ndarray and not v.ndim else v for v in (x, y))  # a program makes scalars
                assert type(x) is type(y), f"draw {i}: result {j} is {type(y)}, eager {type(x)}"
                assert same(x, y), f"draw {i}: result {j} is {y!r}, eager {x!r}\n{compiled.source}"
    assert compiled.latest is not None
    noted(compiled.latest)
    return programs(compiled)


def draws_of(row: Op, inputs: list[Any], params: dict[str, Any], dtype: Any) -> list[list[Any]]:
    """Arguments for the step of a row: five draws, and three in which not all is finite."""
    made = []
    for seed in range(5):
        rng = np.random.default_rng([seed, zlib.crc32(row.name.encode())])
        arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in filled(inputs, row.domain, rng)]
        weight = rng.normal(size=np.shape(row.forward(*arrays, **params)))
        made.append([weight.astype(dtype), *arrays])
    for number in (np.nan, np.inf, 0.0):
        weight, *arrays = (np.array(x) for x in made[-1])
        for x in arrays:
            if x.dtype.kind == "f" and x.size:
                x.flat[-1] = number
        made.append([weight, *arrays])
    return made


def on_cases(row: Op, most: int, dtypes: tuple[Any, ...]) -> int:
    done = 0
    start = zlib.crc32(row.name.encode())
    cases = cases_of(row)
    for i in range(min(most, len(cases))):
        inputs, params = cases[(start + i) % len(cases)]
        for dtype in dtypes:
            draws = draws_of(row, inputs, params, dtype)
            if not in_order(row):
                draws = draws[:5]
            agree(step_of(row, params, len(inputs)), draws)
            done += 1
    return done


def in_order(row: Op) -> bool:
    """Whether a row takes what is not finite; LAPACK may refuse it."""
    return "linalg" not in getattr(row.forward, "__module__", "") and not getattr(row.key, "__module__", "").endswith(
        "linalg"
    )


every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@every_row
def test_a_program_gives_the_bits_of_the_row(row: Op) -> None:
    assert on_cases(row, 1, (np.float64 if len(row.name) % 2 else np.float32,))


@pytest.mark.slow
@every_row
def test_a_program_gives_the_bits_of_the_row_in_all_its_cases(row: Op) -> None:
    assert on_cases(row, 1000, (np.float64, np.float32))


@pytest.mark.slow
@every_row
def test_a_program_gives_the_bits_of_the_row_at_special_points(row: Op) -> None:
    if isinstance(row, Variadic) or not row.elementwise or not works_by_elements(row, {}):
        return
    points = special_points(row, {})
    columns = [np.array([point[i] for point in points]) for i in range(len(row.rules))]
    (ordinary,) = {len(points)}
    shapes = [(ordinary,)] * len(row.rules)
    for dtype in (np.float64, np.float32):
        with np.errstate(all="ignore"):
            draws = draws_of(row, shapes, {}, dtype)[:3]
            special = [x if domain is BOOLEAN else x.astype(dtype)
                       for x, domain in zip(columns, row.domain, strict=False)]  # fmt: skip
        agree(step_of(row, {}, len(shapes)), [*draws, [draws[0][0], *special]])


# ------------------------------------------------------------------------------------------ NumPy's functions, as lines


GROUPS = grouped()


def variant_step(v: Variant) -> Any:
    """The results of a line and the gradients of all its numbers."""

    def step(*arrays: Any) -> Any:
        values = [Value(x) if i.flows else x for x, i in zip(arrays, v.inputs, strict=True)]
        outs = leaves(v.f(np, *values))
        for k, out in enumerate(outs):
            if type(out) is Value:
                (out * out).sum().backward() if k % 2 else (out * 3.0).sum().backward()
        return [*outs, *[x.grad for x in values if type(x) is Value]]

    return step


def moved(v: Variant, dtype: Any) -> list[list[Any]]:
    """The arrays of a variant, and the same moved a little: 0 and NaN stay what they are."""
    arrays = v.arrays(dtype)
    return [[(x * dtype(1 + k / 64))[()] if x.dtype.kind == "f" else x for x in arrays] for k in range(4)]


def on_variants(function: str, most: int | None) -> None:
    chosen = sorted(GROUPS[function], key=lambda v: zlib.crc32(str(v).encode()))[:most]
    failed = []
    for v in chosen:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                variant_step(v)(*v.arrays(np.float64))
        except TypeError:  # refused without being compiled
            continue
        for dtype in (np.float64, np.float32)[: 2 if most is None else 1]:
            try:
                agree(variant_step(v), moved(v, dtype))
            except Uncompilable as error:
                if "nothing to compile" not in str(error):  # such as np.shape
                    failed.append(f"{v}\n    {error}")
            except Exception as error:
                failed.append(f"{v}\n    {type(error).__name__}: {' '.join(str(error).split())[:400]}")
    if failed:
        pytest.fail(f"{len(failed)} of {len(chosen)} variants\n" + "\n".join(failed), pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("function", GROUPS)
def test_a_program_gives_the_bits_of_every_line(function: str) -> None:
    on_variants(function, None)


@pytest.mark.parametrize("function", list(itertools.islice(GROUPS, 0, None, 8)))
def test_a_program_gives_the_bits_of_a_line(function: str) -> None:
    on_variants(function, 1)


def test_all_lines_are_there() -> None:
    assert len(VARIANTS) > 3000
