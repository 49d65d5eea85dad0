"""Random programs of every function on offer: values as NumPy's, gradients as the slopes of plain NumPy.

A program is a few calls in a row. What goes into a call is the numbers it is typed for, drawn anew and moved a little
by a result of an earlier call or by an input of the program, so that gradients flow through all of it; some of its
inputs are constants, of any dtype. The same program runs with NumPy on plain arrays. A failure prints the program and
its seed: `check(seed, Counter())` tries it again.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value
from microgradnet.core import numbers, sweep
from tests.lines import functions
from tests.variants import BOUNDS, NAMES, Input, grouped, positive, real

FIRST = int(os.environ.get("MICROGRADNET_SEED", "0")) * 1_000_000  # the programs of the long test: other ones, if set

# ------------------------------------------------------------------------------------------------------- what is called


class Call(NamedTuple):
    """One way to call a function."""

    name: str
    code: str
    f: Callable[..., Any]  # of a namespace and four inputs
    inputs: tuple[Input, ...]


def within(low: float, high: float, *shape: int) -> Input:
    BOUNDS.setdefault(f"{low:g} to {high:g}", (low, high))
    return Input(shape, f"{low:g} to {high:g}")


X, ROWS, POINTS = real(3, 4), real(2, 4), real(4)
SHARES = "np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)"
LABELS = "np.arange(3) % 4"
SIMPLE = [
    "elu", "gelu", "hardswish", "hardtanh", "leaky_relu", "log_softmax", "logsumexp", "mean", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "softmax", "softplus", "step", "tanh",
]  # fmt: skip
OF_NETWORKS: dict[str, tuple[Input, ...]] = {
    **{f"F.{name}(x)": (X,) for name in SIMPLE}, "F.clip(x, -0.7, 0.8)": (X,), "F.clip(x, y, None)": (X, POINTS),
    "F.elu(x, 0.4)": (X,), "F.leaky_relu(x, 0.3)": (X,),
    "F.gelu(x, 'tanh')": (X,), "F.hardtanh(x, -0.5, 2)": (X,), "F.softplus(x, 2.5)": (X,),
    "F.softmax(x, axis=0)": (X,), "F.log_softmax(x, axis=0)": (X,), "F.logsumexp(x, axis=(0, 1), keepdims=True)": (X,),
    "F.mean(x, axis=0, keepdims=True)": (X,), "F.dropout(x, 0.4, seed=3)": (X,),
    "F.dropout(x, 0.4, training=False)": (X,), "F.embedding(array([1, 0, 1]), x)": (X,),
    "F.linear(x, y, z)": (X, ROWS, real(2)), "F.linear(x, y, None)": (X, ROWS),
    "F.layer_norm(x, 4, y, z, eps=0.01)": (X, POINTS, POINTS), "F.layer_norm(x, (3, 4))": (X,),
    "F.rms_norm(x, (4,), y)": (X, POINTS), "F.group_norm(x, 2, y, z)": (X, POINTS, POINTS),
    "F.batch_norm(x, None, None, y, z, training=True)": (X, POINTS, POINTS),
    "F.batch_norm(x, array([0.1, 0.2, 0, 1]), array([1.0, 2, 3, 0.5]), y)": (X, POINTS),
    "F.conv1d(x, y, z)": (real(2, 2, 5), real(3, 2, 3), real(3)),
    "F.conv1d(x, y, stride=2, padding=2, dilation=2)": (real(2, 2, 5), real(3, 2, 3)),
    "F.conv2d(x, y, z, padding='same')": (real(1, 2, 4, 3), real(2, 2, 2, 3), real(2)),
    "F.conv2d(x, y, groups=2, stride=(1, 2))": (real(1, 2, 4, 3), real(2, 1, 2, 2)),
    "F.max_pool1d(x, 2)": (real(2, 2, 5),), "F.max_pool2d(x, 2, stride=1, padding=1)": (real(1, 2, 4, 3),),
    "F.max_pool2d(x, (2, 3), ceil_mode=True, dilation=(2, 1))": (real(1, 2, 4, 3),),
    "F.avg_pool1d(x, 2, ceil_mode=True)": (real(2, 2, 5),),
    "F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)": (real(1, 2, 4, 3),),
    "F.scaled_dot_product_attention(x, y, z, is_causal=True)": (real(2, 3, 4), real(2, 3, 4), real(2, 3, 2)),
    "F.scaled_dot_product_attention(x, y, z, scale=0.3)": (real(3, 4), real(2, 4), real(2, 2)),
    "F.attention_weights(x, y)": (real(2, 3, 4), real(2, 3, 4)),
    **{f"F.{name}(x, y{more})": (X, X) for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
       for more in ("", ", reduction='sum'", ", reduction='none'")},
    "F.smooth_l1_loss(x, y, beta=0.3)": (X, X), "F.huber_loss(x, y, delta=0.6)": (X, X),
    "F.quadratic_cost(x, y)": (X, X),
    f"F.cross_entropy(x, {LABELS})": (X,), f"F.cross_entropy(x, {LABELS}, label_smoothing=0.2, reduction='sum')": (X,),
    f"F.cross_entropy(x, {LABELS}, weight=array([1.0, 2, 0.5, 1]), ignore_index=1)": (X,),
    f"F.cross_entropy(x, {SHARES})": (X, X), f"F.nll_loss(F.log_softmax(x), {LABELS})": (X,),
    f"F.multi_margin_loss(x, {LABELS})": (X,), f"F.multi_margin_loss(x, {LABELS}, p=2, margin=0.7)": (X,),
    "F.binary_cross_entropy(x, y)": (within(0.1, 0.9, 3, 4), within(0.1, 0.9, 3, 4)),
    "F.binary_cross_entropy_with_logits(x, y, pos_weight=z)": (X, within(0.1, 0.9, 3, 4), positive(4)),
    f"F.kl_div(F.log_softmax(x), {SHARES}, reduction='batchmean')": (X, X), "F.kl_div(x, y, log_target=True)": (X, X),
    "F.hinge_loss(x, array([1, -1, 1, 1]))": (X,), "F.hinge_embedding_loss(x, array([1, -1, 1, -1]), margin=0.6)": (X,),
}  # fmt: skip


def of_scipy() -> list[Call]:
    """The special functions, of inputs between their bounds; the orders of those that have some are constants."""
    try:
        from microgradnet.ops import special
    except ImportError:  # SciPy is optional
        return []
    from tests.test_special import CONSTANTS

    calls = []
    for row in special.rows().values():
        for given in CONSTANTS.get(row.name, [()]) if any(row.rules) else []:
            inputs = tuple(within(d.low, d.high, 2, 3) for d in row.domain[len(given) :])
            calls.append(Call(f"special.{row.name}", f"special.{row.name}(*{given}, …)",
                              lambda _, *x, f=row.key, given=given: f(*given, *x), inputs))  # fmt: skip
    return calls


def every_call() -> dict[str, list[Call]]:
    """The calls of each function."""
    calls = [Call(name, v.code, v.f, v.inputs) for name, more in grouped().items() for v in more if not v.refused]
    made = functions([("np, x, y=None, z=None, w=None", code) for code in OF_NETWORKS], {**NAMES, "F": F})
    for (code, inputs), f in zip(OF_NETWORKS.items(), made, strict=True):
        calls.append(Call(code.partition("(")[0], code, f, inputs))
    calls += of_scipy()
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(call.name, []).append(call)
    return found


CALLS = every_call()

# ------------------------------------------------------------------------------------------------------------ programs


class Source(NamedTuple):
    """What goes into a call at one place: `numbers`, moved by a result of before, or just these."""

    numbers: Any
    moved_by: int | None = None  # by which of the results so far, the program's own inputs first
    by: float = 0.0  # how far, at most: not so far that two numbers meet

    def value(self, results: list[Any]) -> Any:
        if self.moved_by is None:
            return self.numbers
        flat = np.ravel(results[self.moved_by])
        size = flat.shape[0]
        if not size or not np.size(self.numbers):
            return self.numbers + np.sum(flat) * 0
        places = np.arange(np.size(self.numbers)) % size
        return self.numbers + np.sin(np.take(flat, places).reshape(np.shape(self.numbers))) * self.by


class Step(NamedTuple):
    call: Call
    sources: tuple[Source, ...]
    kept: tuple[int, ...] = ()  # which of its results are finite numbers, that the program goes on with


class Program(NamedTuple):
    seed: int
    inputs: list[Any]  # arrays
    steps: list[Step]

    def __str__(self) -> str:
        lines = [f"program_of({self.seed})", *[f"  v{i} = {x!r}" for i, x in enumerate(self.inputs)]]
        for step in self.steps:
            places = [
                f"{np.asarray(source.numbers).dtype} {np.shape(source.numbers)}"
                + (f" moved by v{source.moved_by}" if source.moved_by is not None else "")
                for source in step.sources
            ]
            lines.append(f"  {step.call.code}  of {', '.join(places)}")
        return "\n".join(lines)

    def run(self, inputs: list[Any], look: Callable[[Step, list[Any], Any], None] | None = None) -> list[Any]:
        """The results in floating point of all calls, of arrays or Values; `look` sees each call."""
        results = list(inputs)
        for step in self.steps:
            args = [source.value(results) for source in step.sources]
            out = step.call.f(np, *args)
            if look is not None:
                look(step, args, out)
            parts = flat(out)
            results += [parts[i] for i in step.kept]
        return results[len(inputs) :]


def flat(out: Any) -> list[Any]:
    return [x for part in out for x in flat(part)] if isinstance(out, (tuple, list)) else [out]


NAMES_OF_CALLS = sorted(CALLS)
SMALL = [np.int8, np.uint8, np.int16, np.int64, np.bool_]
SHAPES = [(), (), (1,), (3,), (2, 3), (0,), (2, 0), (2, 1, 2)]


def drawn(x: Input, rng: np.random.Generator, dtype: Any) -> Any:
    """Numbers for an input of a call, no two alike."""
    size = int(np.prod(x.shape))
    return x.filled((rng.permutation(size) + 0.5 + rng.uniform(0.05, 0.35, size)) / max(size, 1), dtype)


def program_of(seed: int) -> Program:
    """The program of a seed; of as many in a row as there are functions, each begins with another one."""
    rng = np.random.default_rng(seed)
    dtype = [np.float64, np.float64, np.float32, np.float16][rng.integers(4)]
    inputs = [np.asarray(rng.uniform(-2, 2, SHAPES[i]), dtype)[()] for i in rng.integers(len(SHAPES), size=2)]
    steps: list[Step] = []
    known = list(inputs)
    names = [NAMES_OF_CALLS[seed % len(NAMES_OF_CALLS)], *rng.choice(NAMES_OF_CALLS, rng.integers(0, 4))]
    for name in names:
        call = CALLS[name][rng.integers(len(CALLS[name]))]
        sources = tuple(source_of(call, i, rng, dtype, len(known)) for i in range(len(call.inputs)))
        try:
            args = [source.value(known) for source in sources]
            parts = flat(call.f(np, *args))
        except (TypeError, ValueError, np.linalg.LinAlgError):  # of a constant or a dtype that NumPy has not this for
            continue
        kept = tuple(i for i, x in enumerate(parts) if np.asarray(x).dtype.kind == "f" and np.isfinite(x).all())
        steps.append(Step(call, sources, kept))
        known += [parts[i] for i in kept]
    return Program(seed, inputs, steps)


def source_of(call: Call, place: int, rng: np.random.Generator, dtype: Any, known: int) -> Source:
    x = call.inputs[place]
    array = drawn(x, rng, dtype)
    own_method = call.code.startswith("x.") and not place  # of a plain array it is NumPy's own, which takes no Values
    if x.flows and (own_method or rng.random() > 0.15):
        low, high = BOUNDS[x.domain]
        return Source(
            array, int(rng.integers(2 if own_method else known)), float(0.2 * (high - low) / max(np.size(array), 4))
        )
    if rng.random() < 0.5 or "insert" in call.name:  # what is inserted into integers becomes one
        return Source(array)
    kinds = SMALL[:-1] if "einsum" in call.code else SMALL  # with optimize, NumPy adds booleans up as booleans
    kind = np.dtype(kinds[rng.integers(len(kinds))])
    whole = np.rint(np.nan_to_num(array.astype(np.float64)))
    return Source(np.asarray(np.abs(whole) if kind.kind in "ub" else whole).astype(kind)[()])


# -------------------------------------------------------------------------------------------------------------- checks

TOLERANCE = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 2e-4, np.dtype(np.float16): 2e-2}


def same(got: Any, expected: Any, narrow: bool = False) -> None:
    """Of the same structure, shapes, dtypes and numbers, but for roundings."""
    if isinstance(expected, (tuple, list)):
        assert type(got) is type(expected)
        assert len(got) == len(expected)
        for x, y in zip(got, expected, strict=True):
            same(x, y)
        return
    got, expected = np.asarray(numbers(got)), np.asarray(expected)
    if narrow:  # SciPy has some of its functions in float64 only
        expected = expected.astype(got.dtype)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), (
        f"{got.shape} {got.dtype}, NumPy's {expected.shape} {expected.dtype}"
    )
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
    elif expected.size:
        size = np.abs(expected[np.isfinite(expected)].astype(np.float64)).max(initial=1.0)
        tolerance = TOLERANCE[expected.dtype]
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=float(size * tolerance))


def total(results: list[Any], seed: int) -> Any:
    """The sum of all results, each number with a weight of its own."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=np.shape(x)) for x in results]
    return sum(((x * w).sum() for x, w in zip(results, weights, strict=True)), start=np.float64(0))


def gradients(program: Program, look: Any = None) -> list[Any]:
    """By each input of the program, of the total of its results."""
    inputs = [Value(x) for x in program.inputs]
    out = total(program.run(inputs, look), program.seed)
    found = sweep(out, out.dtype.type(1)) if type(out) is Value else {}
    return [found.get(x, np.zeros_like(x.data)) for x in inputs]


def slope(program: Program, along: list[Any]) -> tuple[float, float]:
    """Of the total, run by NumPy on plain arrays, along a direction; and how far that may be wrong."""

    def at(t: float) -> Any:
        moved = [np.asarray(x + t * d)[()] for x, d in zip(program.inputs, along, strict=True)]
        return total(program.run(moved), program.seed)

    coarse, middle, fine = ((at(h) - at(-h)) / (2 * h) for h in (2e-4, 1e-4, 5e-5))
    once, twice = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return twice, abs(twice - once) + abs(at(0.0)) * 1e-11


def doubled(program: Program) -> Program:
    """The same program with all of its numbers in float64."""

    def double(x: Any) -> Any:
        return x.astype(np.float64) if x.dtype.kind == "f" else x

    steps = [step._replace(sources=tuple(s._replace(numbers=double(s.numbers)) for s in step.sources))
             for step in program.steps]  # fmt: skip
    return program._replace(inputs=[double(x) for x in program.inputs], steps=steps)


def check(seed: int, ran: Counter[str]) -> None:
    """Try the program of a seed; note in `ran` what was compared."""
    program = program_of(seed)

    def look(step: Step, args: list[Any], out: Any) -> None:
        same(out, step.call.f(np, *map(numbers, args)), narrow=step.call.name.startswith("special."))
        ran["values"] += 1
        ran[step.call.name] += 1

    found = gradients(program, look)
    exact, dtypes = doubled(program), set()
    wide = gradients(exact, lambda step, args, out: dtypes.update(np.asarray(numbers(x)).dtype for x in flat(out)))
    for g, w, x in zip(found, wide, program.inputs, strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
        slack = ROUNDINGS * np.finfo(g.dtype).eps * np.abs(w).max(initial=1.0)
        np.testing.assert_allclose(g.astype(np.float64), w, rtol=0, atol=slack)
        ran[f"gradients in {g.dtype}"] += 1
    if any(dtype.kind == "f" and dtype != np.float64 for dtype in dtypes):  # a call that rounds: no slope to be seen
        ran["rounded"] += 1
        return
    rng = np.random.default_rng(seed + 1)
    along = [rng.normal(size=x.shape) for x in exact.inputs]
    expected, error = slope(exact, along)
    parts = [g * d for g, d in zip(wide, along, strict=True)]
    got, size = sum(map(np.sum, parts)), sum(np.abs(part).sum() for part in parts)
    if not error < 1e-5 * max(size, abs(expected), 1e-4):  # a kink, or NaN
        ran["kinks"] += 1
        return
    assert abs(got - expected) <= 20 * error + 1e-7 * size, f"slope {expected} ± {error}, gradient {got}"
    ran["slopes"] += 1


ROUNDINGS = 300  # how many a gradient in a narrow dtype may be off


def on_programs(seeds: range) -> Counter[str]:
    """What was compared in the programs of these seeds, all of which are right."""
    ran: Counter[str] = Counter()
    wrong = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in seeds:
            try:
                check(seed, ran)
            except Exception as error:
                wrong.append(f"{program_of(seed)}\n    {type(error).__name__}: {' '.join(str(error).split())[:400]}")
    if wrong:
        pytest.fail(f"{len(wrong)} of {len(seeds)} programs\n" + "\n".join(wrong[:20]), pytrace=False)
    return ran


# --------------------------------------------------------------------------------------------------------------- tests


def test_random_programs() -> None:
    ran = on_programs(range(300))
    assert ran["slopes"] >= 270
    assert ran["values"] >= 600
    assert min(ran[f"gradients in {dtype}"] for dtype in ("float16", "float32", "float64")) >= 100
    assert len(ran.keys() & CALLS.keys()) >= 300


@pytest.mark.slow
@pytest.mark.parametrize("block", range(16))
def test_many_random_programs(block: int) -> None:
    """MICROGRADNET_SEED=n, a whole number, makes them others than those of every run before."""
    count = 1500
    ran = on_programs(range(FIRST + block * count, FIRST + (block + 1) * count))
    print({name: n for name, n in ran.items() if name not in CALLS})
    assert ran["slopes"] >= 0.93 * count
    assert ran["values"] >= 2 * count
    assert min(ran[f"gradients in {dtype}"] for dtype in ("float16", "float32", "float64")) >= 0.3 * count
    assert len(ran.keys() & CALLS.keys()) >= 0.95 * len(CALLS)


def test_every_function_that_is_listed_is_drawn() -> None:
    assert len(CALLS) >= (440 if any(name.startswith("special.") for name in CALLS) else 360)
    assert sum(map(len, CALLS.values())) >= 10_000
