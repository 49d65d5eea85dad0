"""Strategies: shapes, arrays inside a domain and away from kinks, calls of an operation and of a Module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

from .. import tree
from ..core import BOOLEAN, REAL, Array, Case, Domain, Op, Value, Variadic, sweep
from ..nn import Module
from ..words import brief, fields, printable

Domains: TypeAlias = Domain | Sequence[Domain]
Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = st.SearchStrategy[Shape]

# Numbers come from one drawn seed: drawing each of them would take long, and shrink to arrays of zeros.
SEEDS = st.integers(0, 2**32 - 1)


# ---------------------------------------------------------------------------------------------------- shapes and arrays


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3) -> Shapes:
    """Shapes of arrays, those of numbers and of arrays without elements included."""
    return array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def broadcastable(
    n: int, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3
) -> st.SearchStrategy[tuple[Shape, ...]]:
    """`n` shapes that broadcast together."""
    return mutually_broadcastable_shapes(
        num_shapes=n, min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    ).map(lambda drawn: drawn.input_shapes)


def arrays(shape: Shape | Shapes, domain: Domain = REAL, dtype: Any = np.float64) -> st.SearchStrategy[Array]:
    """Arrays inside a domain and away from kinks: no two elements are alike, and none is 0. BOOLEAN ones are bool.

    `shape` may be a strategy, such as `shapes()`. ValueError where `dtype` cannot tell so many elements apart.
    """

    def make(shape: Shape, seed: int) -> Array:
        (wide,) = filled([shape], domain, np.random.default_rng(seed))
        x: Array = wide if domain is BOOLEAN else wide.astype(dtype)
        if x.dtype not in (bool, np.float64) and np.unique(x).size < x.size:
            raise ValueError(f"{x.dtype} cannot tell {x.size:,} numbers apart here: draw smaller shapes")
        return x

    return st.builds(make, shape if isinstance(shape, st.SearchStrategy) else st.just(shape), SEEDS)


def values(shape: Shape | Shapes, domain: Domain = REAL, dtype: Any = np.float64) -> st.SearchStrategy[Value]:
    """Values that hold what `arrays` draws, with the same arguments."""
    return arrays(shape, domain, dtype).map(Value)


def filled(shapes: Sequence[Any], domain: Domains, rng: np.random.Generator) -> list[Any]:
    """An array for each shape, in its domain; what is an array already stays as it is. The last domain is repeated."""
    domains = (domain,) if isinstance(domain, Domain) else tuple(domain)
    count = sum(int(np.prod(shape)) for shape in shapes if isinstance(shape, tuple))
    place = (rng.permutation(count) + 0.5 + rng.uniform(0.05, 0.35)) / max(count, 1)
    made = []
    for i, shape in enumerate(shapes):
        if isinstance(shape, tuple):
            size = int(np.prod(shape))
            taken, place = place[:size].reshape(shape), place[size:]
            inside = domains[min(i, len(domains) - 1)]
            gap = (inside.high - inside.low) / max(count, 1)
            x = inside.low + taken * (inside.high - inside.low)
            shape = taken < 0.5 if inside is BOOLEAN else x + 0.1 * gap * (abs(x) < 0.05 * gap)
        made.append(np.array(shape))
    return made


def sized(draw: st.DrawFn, cases: Sequence[Case], least: int) -> tuple[list[Any], dict[str, Any]]:
    """The shapes and the parameters of one of the cases."""
    inputs, params = draw(st.sampled_from(cases))
    letters = sorted({c for x in inputs if isinstance(x, str | tuple) for c in x if isinstance(c, str) and c.isalpha()})
    size = {c: draw(st.integers(least, 3), label=f"size {c}") for c in letters}

    def shape_of(x: Any) -> Any:
        return tuple(size[c] if c in size else int(c) for c in x) if isinstance(x, str | tuple) else x

    return [shape_of(x) for x in inputs], params


def looks(x: Any) -> str:
    return f"{x.dtype} {x.shape}"


def arguments(inputs: Sequence[Any], params: dict[str, Any]) -> str:
    return ", ".join([*map(looks, inputs), *[f"{name}={brief(x)}" for name, x in params.items()]])


# ------------------------------------------------------------------------------------------------ calls of an operation


class Call(NamedTuple):
    """Inputs and parameters for a row. Where `flows`, the input is a float array that a gradient goes to."""

    row: Op
    inputs: list[Any]
    flows: list[bool]
    params: dict[str, Any]
    cotangent: Any  # one random number for each element of the result
    seed: int

    def __str__(self) -> str:
        return printable(f"{self.row.name}({arguments(self.inputs, self.params)}), seed {self.seed}")

    def __repr__(self) -> str:
        return fields(self)

    def values(self, dtype: Any = np.float64) -> list[Any]:
        """The inputs, those of floating point in this dtype, and as new Values where a gradient flows to them."""
        plain = [x.astype(dtype) if x.dtype.kind == "f" else x for x in self.inputs]
        return [Value(x) if flows else x for x, flows in zip(plain, self.flows, strict=True)]

    def recorded(self) -> list[Any]:
        """Every input as a Value, bools as the result of a comparison; index arrays of integers as they are."""
        made: dict[str, Any] = {"f": Value, "b": lambda x: Value(x.astype(float)) > 0.5}
        return [made.get(x.dtype.kind, np.asarray)(x) for x in self.inputs]

    def numbers(self, replaced: int = -1, by: Any = None) -> Any:
        """The result on plain arrays, with one input replaced."""
        inputs = [by if i == replaced else x for i, x in enumerate(self.inputs)]
        return self.row.forward(*inputs, **self.params)

    def gradients(self, dtype: Any = np.float64, **how: Any) -> tuple[list[Any], Value, dict[Value, Any]]:
        """The inputs as Values, the result, and the gradients from the cotangent."""
        values = self.values(dtype)
        out = self.row.record(*values, **self.params)
        start: Any = self.cotangent.astype(out.dtype)[()]
        return values, out, sweep(out, Value(start) if how.get("create_graph") else start, **how)


@st.composite
def calls(draw: st.DrawFn, row: Op, *cases: Case, domain: Domains | None = None) -> Call:
    """Calls inside the row's domain, away from its kinks: no two elements of one are alike, and none is 0.

    Shapes are those of the `cases` given, or of the row's own; a row without any gets shapes that broadcast together.
    """
    cases = cases or row.cases
    if not cases and isinstance(row, Variadic):
        raise TypeError(f"{row.name} takes any number of arrays: say which, as in case('ab', 'cb', axis=0)")
    drawn, params = sized(draw, cases, 0) if cases else ([*draw(broadcastable(len(row.rules)))], {})
    seed = draw(SEEDS, label="seed of the values")
    rng = np.random.default_rng(seed)
    inputs = filled(drawn, domain or row.domain, rng)
    rules = row.rules * len(inputs) if isinstance(row, Variadic) else row.rules + (None,) * len(inputs)
    call = Call(row, inputs, [rule is not None for rule in rules[: len(inputs)]], params, None, seed)
    try:
        return call._replace(cotangent=rng.normal(size=np.shape(call.numbers())))
    except Exception as error:
        guess = "" if cases or row.elementwise else ". The shapes are a guess: give cases, such as case('ab', 'b')"
        error.add_note(f"in {call}{guess}")
        raise


# ---------------------------------------------------------------------------------------------------- calls of a Module


class Run(NamedTuple):
    """How to make a Module, and inputs for it in the dtype of its parameters."""

    make: Callable[[int], Module]
    seed: int
    inputs: list[Any]
    params: dict[str, Any]

    def __str__(self) -> str:
        name = type(self.make(self.seed)).__name__
        return printable(f"{name}, made with seed {self.seed}, of ({arguments(self.inputs, self.params)})")

    def __repr__(self) -> str:
        return fields(self)

    def forward(self, module: Module, *inputs: Any) -> list[Value]:
        """The results that gradients flow from."""
        results = [y for y in tree.leaves(module(*inputs, **self.params)) if type(y) is Value]
        if not results:
            raise AssertionError(f"{type(module).__name__} returns no Value that gradients flow from")
        return results

    def backward(self) -> tuple[dict[str, Value], list[Value]]:
        """The parameters and the inputs that gradients flow to, by name, and the results, after a backward()."""
        module, rng = self.make(self.seed), np.random.default_rng(self.seed)
        inputs = [Value(x) if x.dtype.kind == "f" else x for x in self.inputs]
        results = self.forward(module, *inputs)
        for y in results:
            y.backward(rng.normal(size=y.shape))
        named = {f"input {i}": x for i, x in enumerate(inputs) if isinstance(x, Value)}
        return dict(module.named_parameters()) | named, results


@st.composite
def runs(draw: st.DrawFn, make: Callable[[int], Module], *cases: Case, domain: Domains | None = None) -> Run:
    """Modules made with drawn seeds, each with inputs for it; `cases` are the ways to call it."""
    seed = draw(SEEDS, label="seed")
    module = make(seed)
    if not isinstance(module, Module) or not cases:
        raise TypeError(
            f"wanted a function that makes a Module from a seed, and how to call it: "
            f"lambda seed: Linear(4, 3, seed=seed), case('n4'); got {brief(module)} and {cases or 'no case'}"
        )
    drawn, params = sized(draw, cases, 1)
    dtype = np.result_type(*[v.dtype for v in module.parameters()] or [np.dtype(float)])
    inputs = filled(drawn, domain or REAL, np.random.default_rng(seed))
    return Run(make, seed, [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs], params)


calls.__qualname__, runs.__qualname__ = "calls", "runs"  # the names to find them by: Hypothesis leaves accept.<locals>
