"""NumPy's call surface as a list: every function with every kind of argument, each as one line of code.

A variant is what a person would type, `np.sum(x, axis=(0, -1), keepdims=True)`, and the arrays it is typed for. The
code is a function of the namespace, so the same line runs with NumPy on Values, with NumPy on arrays and with
`jax.numpy`. The list is written from NumPy's documentation; it knows nothing of what is implemented here.

Lines are made by products, because that is where peers go wrong: not in the derivative of a sum but in a negative axis
together with `keepdims`, a mask that is broadcast, an empty array.
"""

from __future__ import annotations

import functools
import re
import warnings
import zlib
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

import numpy

from tests.lines import functions

# ------------------------------------------------------------------------------------------------------------- inputs

BOUNDS = {
    "real": (-3.0, 3.0), "positive": (0.25, 4.0), "unit": (-0.9, 0.9), "above one": (1.1, 4.0), "large": (3.0, 9.0),
    "regular": (-0.9, 0.9), "holed": (-3.0, 3.0), "one zero": (-3.0, 3.0), "two zeros": (-3.0, 3.0),
}  # fmt: skip


class Input(NamedTuple):
    """The shape of an argument, where its numbers lie, and whether a gradient goes to it."""

    shape: tuple[int, ...]
    domain: str
    flows: bool = True

    def filled(self, place: Any, dtype: Any) -> Any:
        """`place`, numbers in (0, 1), moved to the domain; a NumPy scalar if 0-d."""
        low, high = BOUNDS[self.domain]
        x = (low + place.reshape(self.shape) * (high - low)).astype(numpy.float32).astype(dtype)
        if self.domain == "regular":  # far from singular
            x = x + 3 * numpy.eye(*self.shape[-2:], dtype=dtype)
        if self.domain == "holed":
            x.flat[1::5] = numpy.nan
        if self.domain == "one zero":
            x.flat[1:2] = 0
        if self.domain == "two zeros":
            x.flat[1::3] = 0
        return x[()]


def real(*shape: int) -> Input:
    return Input(shape, "real")


def positive(*shape: int) -> Input:
    return Input(shape, "positive")


def unit(*shape: int) -> Input:
    return Input(shape, "unit")


def regular(*shape: int) -> Input:
    return Input(shape, "regular")


def fixed(x: Input) -> Input:
    """The same as a plain array: a constant."""
    return x._replace(flows=False)


# ------------------------------------------------------------------------------------------------------- the variants


class Variant(NamedTuple):
    """One line of code and what it is tried on.

    `jax`, if not empty, says why JAX has nothing to compare with: it has no such function or argument, or our
    conventions decide otherwise. A `refused` variant raises TypeError, which says so.
    """

    group: str
    name: str
    code: str
    inputs: tuple[Input, ...]
    jax: str = ""
    refused: str = ""

    def f(self, np: Any, *arrays: Any) -> Any:
        """What the line gives, in a namespace, of arrays or Values."""
        return all_lines()[self.code](np, *arrays, *[None] * (4 - len(arrays)))

    def __str__(self) -> str:
        return f"{self.code}  with {', '.join(f'{x.domain} {x.shape}' for x in self.inputs)}"

    @functools.lru_cache(maxsize=16)  # noqa: B019
    def arrays(self, dtype: Any = numpy.float64) -> list[Any]:
        """Inputs away from kinks: no two numbers are alike and none is 0, unless the domain says so."""
        rng = self.rng()
        count = sum(int(numpy.prod(x.shape)) for x in self.inputs)
        place = (rng.permutation(count) + 0.5 + rng.uniform(0.05, 0.35, count)) / max(count, 1)
        made = []
        for x in self.inputs:
            size = int(numpy.prod(x.shape))
            made.append(x.filled(place[:size], dtype))
            place = place[size:]
        return made

    def rng(self, *more: int) -> numpy.random.Generator:
        return numpy.random.default_rng([zlib.crc32(str(self).encode()), *more])


# What a line may name besides np and its arrays x, y, z, w. Plain NumPy: constants beside the Values.
NAMES: dict[str, Any] = {
    "array": numpy.array, "arange": numpy.arange, "eye": numpy.eye, "inf": numpy.inf, "nan": numpy.nan, "pi": numpy.pi,
    "float32": numpy.float32, "float64": numpy.float64, "newaxis": None,
    # Three masks, and a symmetric positive definite matrix made of x, so that no triangle is read alone.
    "M": numpy.array([[[1, 0], [1, 1], [0, 1]], [[1, 1], [0, 1], [1, 1]]], bool),
    "COLUMN": numpy.array([[True], [False], [True]]),
    "ROW": numpy.array([True, False]),
    "gram": lambda x: x @ x.swapaxes(-1, -2) + numpy.eye(x.shape[-2], dtype=x.dtype),
}  # fmt: skip

UFUNC = "JAX has no such ufunc method"
WITHOUT = {  # the functions JAX cannot be compared in, whatever the arguments
    **{f"{name}.{method}": UFUNC for method in ("reduce", "accumulate", "reduceat", "outer")
       for name in ("fmax", "fmin", "hypot", "divide", "power", "arctan2")},
    **dict.fromkeys(["fix"], "JAX has no such function"),
    "partition": "JAX sorts the parts too",
    "permute_dims": "JAX takes no negative axes here, and None is not for all of them",
}  # fmt: skip
DIFFERS = [  # patterns of variants JAX refuses or answers otherwise than NumPy
    (r"\[\[0\.1\]", "JAX has no table of quantiles"),
    (r"np\.(median|quantile|percentile)\(.*keepdims=True\).* \(\)", "JAX gives a number an axis"),
    (r"\b(nan)?std\(.*(where|axis=\(\)|\((1, 3, 1|1,|1, 1)?\)$)", "JAX has NaN for the slope of the std of a constant"),
    (r"split\(x, \[(0, 9\]|1\].*\(0, 2\))", "JAX does not split past the end"),
    (r"split\(x, \[-1\]", "JAX does not split at a negative place"),
    (r"lstsq\(.*\)\[1\]", "JAX has residuals where NumPy has none"),
    (r"meshgrid.* \(\)$", "JAX takes no number here"),
    (r"tri[lu]\(.*\(3,\)$", "JAX takes no vector here"),
]
REFUSALS = [  # patterns of variants that are not recorded, and what the TypeError says
    (r"\.reduceat\(", r"\.reduceat of a Value is not recorded"),
    (r"(maximum|minimum|fmax|fmin|logaddexp2?|hypot|subtract|divide)\.accumulate\(", r"\.accumulate of a Value is not"),
    (r"np\.(fmax|fmin|logaddexp2|hypot|subtract|divide)\.reduce\(", r"\.reduce of a Value is not recorded"),
    (r"\((x, order=)?'K'\)$", r"np\.ravel\(order='K'\) of a Value"),
    (r"np\.histogram\(.*weights=x", r"np\.histogram of weights that are a Value"),
    (r"np\.polyfit\(", r"np\.polyfit of a Value"),
    (r"constant_values=y", r"np\.pad takes plain numbers to pad with"),
    (r"np\.array\(\[x\[0\]", "does not become a plain array by itself"),
    (r"np\.linalg\.eigvals\(", r"np\.linalg\.eigvals of a Value"),
]
LISTS = "JAX takes arrays, no lists"
NOT_THERE = "JAX has no such function or argument"

VARIANTS: list[Variant] = []
SEEN: set[str] = set()


@functools.cache
def all_lines() -> dict[str, Callable[..., Any]]:
    """A function (np, x, y, z, w) of each line."""
    codes = sorted({v.code for v in VARIANTS})
    return dict(zip(codes, functions([("np, x, y, z, w", code) for code in codes], NAMES), strict=True))


@functools.cache
def here(name: str) -> bool:
    """Whether the installed NumPy has the function; some came with 2.1 and 2.2, some may go."""
    thing: Any = numpy
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing is not None


def add(group: str, code: str, *inputs: Input, name: str = "", jax: str = "") -> None:
    called = re.findall(r"\bnp\.([\w.]+)", code)
    name = name or called[0]
    jax = jax or WITHOUT.get(name, "")
    variant = Variant(group, name, code, inputs, jax)
    key = str(variant)
    if key in SEEN or not all(map(here, called)):  # products overlap
        return
    SEEN.add(key)
    for pattern, says in REFUSALS:
        if re.search(pattern, code):
            variant = variant._replace(refused=says)
    for pattern, reason in DIFFERS:
        if re.search(pattern, key):
            variant = variant._replace(jax=reason)
    VARIANTS.append(variant)


def arguments(**choices: Iterable[Any]) -> list[str]:
    """Every combination of keyword arguments as text. None of the choices `...` leaves the argument out."""
    made = []
    for values in product(*choices.values()):
        pairs = [f"{k}={v}" for k, v in zip(choices, values, strict=True) if v is not ...]
        made.append("".join(f", {pair}" for pair in pairs))
    return made


# -------------------------------------------------------------------------------------------------------------- ufuncs

SHAPES = [(), (1,), (3,), (2, 3), (0,), (2, 0)]
UNARY = {
    "real": "positive negative absolute abs fabs square sin cos sinh cosh tanh arctan arcsinh exp exp2 expm1 deg2rad "
    "rad2deg radians degrees sinc nan_to_num sign floor ceil trunc rint round cbrt real conj conjugate atan "
    "asinh isnan isfinite isinf signbit logical_not around i0 iscomplex isreal isposinf isneginf angle imag fix",
    "positive": "log log2 log10 log1p sqrt reciprocal cbrt sinc",
    "unit": "tan arcsin arccos arctanh asin acos atanh log1p",
    "above one": "arccosh acosh",
}
for domain, names in UNARY.items():
    for name, shape in product(names.split(), SHAPES):
        add("unary", f"np.{name}(x)", Input(shape, domain))
for shape in SHAPES:
    x = real(*shape)
    for line in ["np.round(x, 1)", "np.round(x, decimals=-1)", "x.round(1)", "np.frexp(x)", "np.modf(x)", "-x", "+x",
                 "abs(x)", "x ** 2", "x ** 3", "x ** 2.0", "x ** 0", "x ** 1", "1.5 ** x", "2 ** x", "x + 1", "1 - x",
                 "x * 2.5", "3 / (x * x + 1)", "x / 4", "x @ x if x.ndim == 1 else x * x", "x % 2", "x // 2", "7 % x",
                 "np.ldexp(x, 3)", "np.nan_to_num(x, nan=1.0)", "np.copy(x)", "x.copy()", "np.absolute(x) ** 0.5",
                 "np.copysign(x, -1.0)", "np.clip(x, -1, 1)", "np.clip(x, None, 1.5)", "np.clip(x, -0.5, None)",
                 "np.clip(x, min=-1, max=2)", "x.clip(-1, 1)", "np.heaviside(x, 0.5)", "divmod(x, 2)", "x ** -2",
                 "np.spacing(x)", "np.nextafter(x, 1.0)", "x.astype(float32)", "np.astype(x, float32)"]:  # fmt: skip
        add("unary", line, x, name=re.sub(r"np\.(\w+).*", r"\1", line) if "np." in line else "operators",
            jax=NOT_THERE if any(w in line for w in ("spacing", "nextafter")) else "")  # fmt: skip
add("unary", "np.nan_to_num(x, nan=7.0)", Input((5,), "holed"))
add("unary", "np.nan_to_num(x / (x > 0), nan=1.0, posinf=2.0, neginf=-2.0)", positive(3))
add("unary", "np.sinc(x * 0.0 + array([0.0, 1.0, 0.5]))", real(3), name="sinc")

PAIRS = [
    ((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((), (3,)), ((3,), ()), ((), ()),
    ((0, 3), (1,)),
    ((1,), (0,)), ((2, 1, 2), (3, 1)), ((1,), (2, 3)), ((1, 1), (3,)), ((0,), ()),
]  # fmt: skip
BINARY = {
    (
        "real",
        "real",
    ): "add subtract multiply maximum minimum fmax fmin hypot arctan2 atan2 logaddexp logaddexp2 copysign "
    "fmod mod remainder floor_divide heaviside equal not_equal less less_equal greater greater_equal logical_and "
    "logical_or logical_xor",
    ("real", "positive"): "divide true_divide fmod mod remainder floor_divide divmod",
    ("positive", "real"): "power float_power pow divide mod fmod remainder",
    ("positive", "positive"): "power",
}
for (a, b), names in BINARY.items():
    for name, (m, n) in product(names.split(), PAIRS):
        add("binary", f"np.{name}(x, y)", Input(m, a), Input(n, b))
    for name in names.split():
        for shape in [(), (2, 3), (0,)]:
            add("binary", f"np.{name}(x, 1.5)", Input(shape, a))
            add("binary", f"np.{name}(2.5, x)", Input(shape, b))
            add("binary", f"np.{name}(x, 2)", Input(shape, a))
            add("binary", f"np.{name}(array([[0.5], [1.5]]), x)", Input((1, 3) if shape else (), b))
        add("binary", f"np.{name}(x, [1.5, 0.5, 2.5])", Input((2, 3), a), jax=LISTS)
        add("binary", f"np.{name}(x, array([2, 1, 3]))", Input((2, 3), a))
        add("binary", f"np.{name}(array([2, 1, 3]), x)", Input((2, 3), b))
        add("binary", f"np.{name}(x, float32(1.5))", Input((2,), a))
        if name not in ("floor_divide", "divmod", "mod", "fmod", "remainder", "maximum", "minimum", "fmax", "fmin"):
            add("binary", f"np.{name}(x, x)", Input((2, 3), a if a == b else "positive"))
    for (m, n), sign in product(PAIRS, ["+", "-", "*", "/", "**", "%", "//", "<", "=="]):
        if (a, b) == ("positive", "positive"):
            add("binary", f"x {sign} y", Input(m, a), Input(n, b), name="operators")
for shape in [(), (3,), (2, 3), (0,)]:
    for line in ["np.power(x, 2)", "np.power(x, 3)", "np.power(x, -1.0)", "np.power(x, 0)", "np.float_power(x, 2)",
                 "np.float_power(x, -3)", "np.ldexp(x, array([1, -2, 0]))", "np.power(x, array([2, 3, 0]))",
                 "np.power(x, array([2.0, 3.0, 1.0]))", "np.maximum(x, 0)", "np.minimum(0.0, x)"]:  # fmt: skip
        if shape != (0,) or "array" not in line:
            add("binary", line, real(*shape))
for shapes in PAIRS:
    add("binary", "np.where(x > y, x * y, y)", *[real(*s) for s in shapes])

# Methods of ufuncs. Which of them are recorded is ours to say; what is recorded has to be right.
REDUCED = ["add", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "hypot", "subtract",
           "divide"]  # fmt: skip
for name in REDUCED:
    x = Input((2, 3, 2), "positive")
    axes = [..., 0, -1, 1] + ([None, "(0, 2)", "(-1, 0)", "()"] if name not in ("subtract", "divide") else [])
    for more in arguments(axis=axes, keepdims=[..., True]):
        add("ufunc methods", f"np.{name}.reduce(x{more})", x)
    if name in ("add", "multiply", "maximum", "minimum"):
        for more in arguments(axis=[0, -1, None, "(0, 2)"], keepdims=[..., True], where=["M", "COLUMN"]):
            add("ufunc methods", f"np.{name}.reduce(x{more}, initial=1.5)", x)
        add("ufunc methods", f"np.{name}.reduce(x, 1)", x)
        add("ufunc methods", f"np.{name}.reduce(x, dtype=float32)", x)
    for more in arguments(axis=[..., 0, -1, 1]):
        add("ufunc methods", f"np.{name}.accumulate(x{more})", x)
    for more in arguments(axis=[..., 1]):
        add("ufunc methods", f"np.{name}.reduceat(x, array([0, 1]){more})", x)
for name, (m, n) in product(["add", "subtract", "multiply", "divide", "maximum", "power", "hypot", "arctan2"],
                            [((2,), (3,)), ((2, 2), (3,)), ((), (3,)), ((3,), ()), ((), ()),
                            ((0,), (2,))]):  # fmt: skip
    add("ufunc methods", f"np.{name}.outer(x, y)", positive(*m), positive(*n))
    add("ufunc methods", f"np.{name}.outer(x, array([1.5, 0.5]))", positive(*m))
    add("ufunc methods", f"np.{name}.outer(x, [1.5, 0.5])", positive(*m))
    add("ufunc methods", f"np.{name}.outer([1.5, 0.5], x)", positive(*m))

# ---------------------------------------------------------------------------------------------------------- reductions

AXES = [..., None, 0, 1, -1, "(0, 2)", "(-1, 0)", "()"]
KEEP = [..., True]
STACKS = [("real", (2, 3, 2)), ("real", (1, 3, 1))]


def reduction(name: str, *domains: str, axes: Iterable[Any] = AXES, where: str = "", initial: str = "",
    method: bool = True,
              empty: bool = False, jax: str = "", more: str = "") -> None:  # fmt: skip
    """A reduction with every axis, kept or not, with `where` and `initial` where it has them, of everything small."""
    for domain in domains:
        x = Input((2, 3, 2), domain)
        for args in arguments(axis=axes, keepdims=KEEP):
            add("reductions", f"np.{name}(x{more}{args})", x, jax=jax)
            add("reductions", f"np.{name}(x{more}{args})", Input((1, 3, 1), domain), jax=jax)
            if method:
                add("reductions", f"x.{name}({(more + args)[2:]})", x, name=name, jax=jax)
        if where:
            for mask, args in product(where.split(), arguments(axis=axes, keepdims=KEEP)):
                start = ", initial=0.5" if initial == "always" else ""
                add("reductions", f"np.{name}(x{more}{args}{start}, where={mask})", x, jax=jax)
        if initial:
            for args in arguments(axis=axes, keepdims=KEEP):
                add("reductions", f"np.{name}(x{more}{args}, initial=1.5)", x, jax=jax)
        for shape, args in product([(), (1,), (3,), (1, 1)], arguments(axis=[..., None, 0, -1], keepdims=KEEP)):
            if shape or ("axis=0" not in args and "axis=-1" not in args):
                add("reductions", f"np.{name}(x{more}{args})", Input(shape, domain), jax=jax)
        if empty:
            for shape, args in product([(0,), (0, 3), (2, 0)], arguments(axis=[..., 0, -1], keepdims=KEEP)):
                add("reductions", f"np.{name}(x{more}{args})", Input(shape, domain), jax=jax)


MASKS = "M COLUMN ROW True"
reduction("sum", "real", where=MASKS + " False", initial="may", empty=True)
reduction("prod", "real", "one zero", "two zeros", where=MASKS + " False", initial="may", empty=True)
reduction("max", "real", where=MASKS + " False", initial="always")
reduction("min", "real", where=MASKS, initial="always")
reduction("amax", "real", method=False)
reduction("amin", "real", method=False)
reduction("ptp", "real", method=False)
reduction("mean", "real", where="M COLUMN", empty=True)
reduction("var", "real", where="M")
reduction("std", "real", where="M")
for extra in (", ddof=1", ", correction=1", ", ddof=0.5"):
    reduction("var", "real", axes=[..., 0, "(0, 2)", -1, None], method=False, more=extra)
    reduction("std", "real", axes=[..., 1, "(0, 1)", -1], method=False, more=extra)
for name, args in product(["var", "std"], arguments(axis=[None, 0, "(0, 2)"])):
    add(
        "reductions",
        f"np.{name}(x, keepdims=True, mean=np.mean(x, keepdims=True{args}){args})",
        real(2, 3, 2),
        name=name,
    )
    add("reductions", f"np.{name}(x, ddof=1, where=M{args})", real(2, 3, 2))
reduction("median", "real", method=False)
reduction("nansum", "real", "holed", where="M", initial="may", method=False, empty=True)
reduction("nanprod", "real", "holed", where="M", initial="may", method=False)
reduction("nanmax", "real", "holed", where="M", initial="always", method=False)
reduction("nanmin", "real", "holed", where="M", initial="always", method=False)
reduction("nanmean", "real", "holed", where="M", method=False)
reduction("nanvar", "real", "holed", method=False)
reduction("nanstd", "real", "holed", method=False)
reduction("nanmedian", "real", "holed", method=False)
reduction("count_nonzero", "real", method=False)
reduction("any", "real")
reduction("all", "real")
for name in ("argmax", "argmin"):
    reduction(name, "real", axes=[..., None, 0, -1])
for name in ("nanargmax", "nanargmin"):
    reduction(name, "real", axes=[..., None, 0, -1], method=False)
for name in ("sum", "prod", "mean", "var", "std", "nansum", "nanmean", "cumsum", "cumprod"):
    for args in arguments(axis=[..., 0, -1]):
        add("reductions", f"np.{name}(x, dtype=float32{args})", real(2, 3))
        add("reductions", f"np.{name}(x, dtype=float64{args})", real(2, 3))
for name, (shape, args) in product(
    ["cumsum", "cumprod", "nancumsum", "nancumprod"],
    [*product([(2, 3, 2), (1, 3, 1)], arguments(axis=[..., None, 0, 1, -1])),
     *product([(0,), (2, 0), (3,), (1,)], arguments(axis=[..., 0, -1])), ((), "")],
):  # fmt: skip
    add("reductions", f"np.{name}(x{args})", real(*shape))
    if name.startswith("nan"):
        add("reductions", f"np.{name}(x{args})", Input(shape, "holed"))
    else:
        add("reductions", f"x.{name}({args[2:]})", real(*shape), name=name)
        if name == "cumprod":
            add("reductions", f"np.{name}(x{args})", Input(shape, "one zero"))
            add("reductions", f"np.{name}(x{args})", Input(shape, "two zeros"))
for name, args in product(["cumulative_sum", "cumulative_prod"], arguments(include_initial=[..., True])):
    for axis in (0, 1, -1):
        add("reductions", f"np.{name}(x, axis={axis}{args})", real(2, 3, 2))
    for shape in ((3,), (1,), (0,)):
        add("reductions", f"np.{name}(x{args})", real(*shape))

METHODS = ["linear", "lower", "higher", "midpoint", "nearest"]
JAX_LACKS = ["inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
             "weibull", "median_unbiased", "normal_unbiased"]  # fmt: skip
for name, (q, args) in product(
    ["quantile", "nanquantile"],
    product(["0.3", "array([0.2, 0.7])", "array([[0.1], [0.9]])", "array([])", "1.0", "array([0.0, 1.0])"],
            arguments(axis=AXES[:-1], keepdims=KEEP)),
):  # fmt: skip
    if name == "nanquantile" and "[[" in q and "(" in args:
        continue  # NumPy puts the axes of q last here, against its own documentation
    add("quantiles", f"np.{name}(x, {q}{args})", real(2, 3, 2))
    if name == "nanquantile" and q == "0.3":
        add("quantiles", f"np.{name}(x, {q}{args})", Input((2, 3, 2), "holed"))
for name, (q, args) in product(["percentile", "nanpercentile"], product(["30", "array([25.0, 80.0])", "[10, 50]"],
                                                                         arguments(axis=AXES[:-1]))):  # fmt: skip
    add("quantiles", f"np.{name}(x, {q}{args})", real(2, 3, 2), jax=LISTS if "[10" in q else "")
for method, name in product(METHODS + JAX_LACKS, ["quantile", "nanquantile"]):
    for axis in (None, 0, -1):
        add("quantiles", f"np.{name}(x, 0.37, axis={axis}, method='{method}')", real(3, 5),
            jax=NOT_THERE if method in JAX_LACKS else "")  # fmt: skip
        add("quantiles", f"np.{name}(x, array([0.21, 0.64]), axis={axis}, method='{method}')", real(3, 5),
            jax=NOT_THERE if method in JAX_LACKS else "")  # fmt: skip
for shape in [(), (1,), (4,)]:
    add("quantiles", "np.quantile(x, 0.4)", real(*shape))
    add("quantiles", "np.percentile(x, 40.0, keepdims=True)", real(*shape))
add("quantiles", "np.quantile(x, 0.4, axis=1, weights=array([0.2, 0.5, 0.3, 1.0]), method='inverted_cdf')", real(2, 4),
    jax=NOT_THERE)  # fmt: skip

for args in arguments(axis=[..., None, 0, 1, -1, "(0, 2)"], keepdims=KEEP):
    add("reductions", f"np.average(x{args})", real(2, 3, 2))
    add("reductions", f"np.average(x{args}, weights=y)", real(2, 3, 2), positive(2, 3, 2))
    add("reductions", f"np.average(x{args}, weights=y)", real(2, 3, 2), fixed(positive(2, 3, 2)))
    add("reductions", f"np.average(x, returned=True{args}, weights=y)", real(2, 3, 2), positive(2, 3, 2))
for axis in (1, -2):
    add("reductions", f"np.average(x, axis={axis}, weights=y)", real(2, 3, 2), positive(3))
add("reductions", "np.average(x, 1, y)", real(2, 3), positive(3))
add("reductions", "np.average(x, axis=(0, 2), weights=y)", real(2, 3, 2), positive(2, 2), jax=NOT_THERE)
add("reductions", "np.average(x, weights=[1, 2, 3])", real(3), jax=LISTS)
add("reductions", "np.average([1.0, 2.0, 3.0], weights=x)", positive(3), jax=LISTS)

# ------------------------------------------------------------------------------------------------------------ calculus

for n, axis, shape in product([..., 0, 1, 2, 3], [..., 0, -1], [(4,), (3, 4), (1,), (2, 3, 2), (0,), (0, 3)]):
    for args in arguments(n=[n], axis=[axis]):
        add("calculus", f"np.diff(x{args})", real(*shape))
for args in arguments(n=[1, 2], prepend=[..., "0.5", "y"], append=[..., "1.5", "y"]):
    if "y" in args:
        add("calculus", f"np.diff(x, axis=0{args})", real(3, 2), real(1, 2))
        add("calculus", f"np.diff(x{args})", real(2, 3), real(2, 1))
    else:
        add("calculus", f"np.diff(x{args})", real(2, 3))
add("calculus", "np.diff(x, prepend=x[:1], append=x[-1:])", real(3))
for args in arguments(to_end=[..., "1.0", "array([1.0, 2.0])"], to_begin=[..., "-1.0"]):
    add("calculus", f"np.ediff1d(x{args})", real(2, 3))
    add("calculus", f"np.ediff1d(x{args})", real(4))
for args in arguments(axis=[..., 0, 1, -1, "(0, 1)", "(1,)"], edge_order=[..., 1, 2]):
    jax = NOT_THERE if "edge_order" in args else ""
    add("calculus", f"np.gradient(x{args})", real(4, 3), jax=jax)
    add("calculus", f"np.gradient(x, 0.5{args})", real(4, 3), jax=jax)
for args in arguments(edge_order=[..., 2]):
    jax = NOT_THERE
    add("calculus", f"np.gradient(x, array([0.0, 1.0, 1.5, 3.5]){args})", real(4), jax=jax)
    add("calculus", f"np.gradient(x, 2.0, array([0.0, 1.0, 1.5]){args})", real(4, 3), jax=jax)
    add("calculus", f"np.gradient(x, array([0.0, 1.0, 1.5, 3.5]), axis=0{args})", real(4, 3), jax=jax)
    add("calculus", f"np.gradient(x, 2.0, 0.5{args})", real(4, 3), jax=NOT_THERE if args else "")
add("calculus", "np.gradient(x)", real(2))
for args in arguments(dx=[..., 0.5], axis=[..., 0, -1]):
    add("calculus", f"np.trapezoid(x{args})", real(3, 4))
    add("calculus", f"np.trapezoid(x{args})", real(4))
for axis in (0, 1, -1):
    add("calculus", f"np.trapezoid(x, x=y, axis={axis})", real(3, 3), real(3))
    add("calculus", f"np.trapezoid(x, y, axis={axis})", real(3, 3), real(3, 3))
    add("calculus", f"np.trapezoid(x, array([0.0, 1.0, 3.0]), axis={axis})", real(3, 3))
add("calculus", "np.trapezoid(x, y)", real(1), real(1))
for args in arguments(rowvar=[..., False], bias=[..., True], ddof=[..., 0, 1]):
    add("statistics", f"np.cov(x{args})", real(3, 4))
    add("statistics", f"np.cov(x, y{args})", real(2, 4), real(2, 4))
for args in arguments(
    fweights=[..., "array([1, 2, 1, 3])"], aweights=[..., "array([0.5, 1.0, 2.0, 0.7])"], ddof=[..., 1]
):
    add("statistics", f"np.cov(x{args})", real(3, 4))
    add("statistics", f"np.cov(x{args})", real(4))
add("statistics", "np.cov(x, aweights=y)", real(2, 4), positive(4))
add("statistics", "np.cov(x, y)", real(4), real(4))
add("statistics", "np.cov(x, dtype=float32)", real(2, 4), jax=NOT_THERE)
for args in arguments(rowvar=[..., False]):
    add("statistics", f"np.corrcoef(x{args})", real(3, 4))
    add("statistics", f"np.corrcoef(x, y{args})", real(2, 4), real(2, 4))
add("statistics", "np.corrcoef(x, y)", real(4), real(4))
add("statistics", "np.corrcoef(x)", real(4))
add("statistics", "np.bincount(array([0, 2, 1, 2]), weights=x)", real(4))
add("statistics", "np.bincount(array([0, 2, 1, 2]), x, 5)", real(4))
add("statistics", "np.histogram(array([0.1, 0.9, 0.5]), bins=2, range=(0, 1), weights=x)[0]", real(3))
add("statistics", "np.digitize(x, array([-1.0, 0.0, 1.0]))", real(4))
for args in arguments(left=[..., 0.5], right=[..., -0.5]):
    add("calculus", f"np.interp(x, array([-2.0, -0.5, 1.0, 2.5]), array([1.0, 3.0, -1.0, 2.0]){args})", real(5))
    add("calculus", f"np.interp(x, array([-2.0, -0.5, 1.0, 2.5]), y{args})", real(5), real(4))
    add("calculus", f"np.interp(x, np.cumsum(y), z{args})", real(2, 3), positive(4), real(4), name="interp")
add("calculus", "np.interp(x, array([-2.0, -0.5, 1.0, 2.5]), y, period=4.0)", real(5), real(4))
add("calculus", "np.interp(x, array([-2.0, -0.5, 1.0, 2.5]), y)", real(), real(4))
add("calculus", "np.interp(0.3, array([-2.0, -0.5, 1.0, 2.5]), x)", real(4))
for mode, (m, n) in product(["full", "same", "valid"], [(4, 3), (3, 4), (3, 3), (1, 3), (3, 1), (5, 2)]):
    for name in ("convolve", "correlate"):
        add("calculus", f"np.{name}(x, y, mode='{mode}')", real(m), real(n))
        add("calculus", f"np.{name}(x, y, '{mode}')", real(m), fixed(real(n)))
for name in ("convolve", "correlate"):
    add("calculus", f"np.{name}(x, y)", real(4), real(2))
    add("calculus", f"np.{name}(x, x, 'full')", real(4))
    add("calculus", f"np.{name}(x, [1.0, -1.0])", real(4), jax=LISTS)
for shape in [(), (3,), (2, 2), (0,)]:
    add("polynomials", "np.polyval(x, y)", real(4), real(*shape))
    add("polynomials", "np.polyval(x, y)", real(1), real(*shape))
    add("polynomials", "np.polyval([1.0, -2.0, 3.0], x)", real(*shape), jax=LISTS)
    add("polynomials", "np.polyval(array([1, -2, 3]), x)", real(*shape))
for line, n in [("np.vander(x)", 3), ("np.vander(x, 2)", 3), ("np.vander(x, increasing=True)", 3), ("np.polyder(x)", 4),
                ("np.polyint(x)", 3), ("np.poly(x)", 3), ("np.polyder(x, 2)", 4),
                ("np.polyint(x, k=2.0)", 3)]:  # fmt: skip
    add("polynomials", line, real(n))
for name in ("polyadd", "polysub", "polymul"):
    add("polynomials", f"np.{name}(x, y)", real(3), real(2))
add("polynomials", "np.polyfit(array([0.0, 1.0, 2.0, 3.0]), x, 1)", real(4))
for args in arguments(discont=[..., 2.0], axis=[..., 0, -1], period=[..., 3.0]):
    add("calculus", f"np.unwrap(x{args})", Input((3, 4), "real"))
    add("calculus", f"np.unwrap(3 * x{args})", Input((5,), "real"))

# ------------------------------------------------------------------------------------------------- sorting, choosing

for shape, args in product([(2, 3, 2), (1, 3)], arguments(axis=[..., None, 0, 1, -1])):
    add("sorting", f"np.sort(x{args})", real(*shape))
    add("sorting", f"np.argsort(x{args})", real(*shape))
    add("sorting", f"np.sort(x{args}, kind='mergesort')", real(*shape), jax="JAX deprecates kind")
    add("sorting", f"np.sort(x{args}, stable=True)", real(*shape))
    if "None" not in args:
        add("sorting", f"x.argsort({args[2:]})", real(*shape), name="argsort")
for shape in [(3,), (1,), (0,), (0, 2), (2, 0)]:
    add("sorting", "np.sort(x)", real(*shape))
    add("sorting", "np.sort(x, axis=0)", real(*shape))
for shape, kth in [((4,), 1), ((4,), -1), ((3, 4), 2), ((3, 4), 0)]:
    add("sorting", f"np.partition(x, {kth})", real(*shape))
add("sorting", "np.partition(x, 1, axis=0)", real(3, 4))
add("sorting", "np.partition(x, 1, axis=None)", real(3, 2), jax=NOT_THERE)
for args in arguments(side=[..., "'left'", "'right'"]):
    add("sorting", f"np.searchsorted(array([-1.0, 0.0, 1.0]), x{args})", real(4))
    add("sorting", f"np.searchsorted(np.sort(x), y{args})", real(4), real(2, 2), name="searchsorted")
for line in ["np.nonzero(x)", "np.flatnonzero(x)", "np.argwhere(x)", "np.where(x)", "np.where(x > 0)",
             "np.nonzero(x > 0)", "np.argwhere(x > 1)", "np.flatnonzero(x > 0)"]:  # fmt: skip
    for shape in [(3,), (2, 3), (0,)]:
        add("choosing", line, Input(shape, "one zero"), jax="sizes that depend on the numbers")
add("sorting", "np.unique(x)", real(4), jax="sizes that depend on the numbers")
add("sorting", "np.lexsort((x, y))", real(4), real(4))

INDICES = {0: ["2", "-1", "array(1)"], 1: ["array([0, 2, 0])", "array([-1, 1])", "[2, 0]", "array([], int)"],
           2: ["array([[0, 1], [-1, 0]])"]}  # fmt: skip
for index in (i for many in INDICES.values() for i in many):
    jax = LISTS if index == "[2, 0]" else ""
    for args in arguments(axis=[..., None, 0, 1, -1, -2]):
        add("choosing", f"np.take(x, {index}{args})", real(3, 3), jax=jax)
    add("choosing", f"x.take({index}, axis=0)", real(3, 3), name="take", jax=jax)
    add("choosing", f"np.take(x, {index}, 0)", real(3), jax=jax)
for mode in ("wrap", "clip"):
    for args in arguments(axis=[..., 0, 1]):
        add("choosing", f"np.take(x, array([5, -7, 1]){args}, mode='{mode}')", real(3, 4))  # fmt: skip
for axis, index in [(0, "array([[0, 1, 1], [1, 0, 1]])"), (1, "array([[0, -1], [2, 2]])"), (-1, "array([[0], [2]])"),
                    (1, "array([[2, 0, 0, 1]])"), (0, "array([[1, 0, 1]])")]:  # fmt: skip
    add("choosing", f"np.take_along_axis(x, {index}, {axis})", real(2, 3))
    add("choosing", f"np.take_along_axis(x, {index}, axis={axis})", real(2, 3))
add("choosing", "np.take_along_axis(x, array([0, 5, 1]), None)", real(2, 3))
add("choosing", "np.take_along_axis(x, array([[2, 1, 0]]), -1)", real(2, 3))
add("choosing", "np.take_along_axis(x, np.argsort(x, axis=0), axis=0)", real(3, 2))
add("choosing", "np.take_along_axis(x, np.argmax(x, axis=1, keepdims=True), axis=1)", real(3, 2))
for shapes in [((3,), (3,)), ((2, 3), (3,)), ((), (3,)), ((2, 1), (1, 3))]:
    a, b = (real(*s) for s in shapes)
    add("choosing", "np.choose(array([0, 1, 1]), (x, y))", a, b, jax="")
    add("choosing", "np.choose(array([0, 1, 1]), [x, y])", a, b)
    add("choosing", "np.choose(array([0, 3, -1]), (x, y), mode='wrap')", a, b)
    add("choosing", "np.choose(array([0, 3, -1]), (x, y), mode='clip')", a, b)
    add("choosing", "np.select([array([True, False, False]), array([True, True, False])], [x, y])", a, b)
    add("choosing", "np.select([array([True, False, False]), array([True, True, False])], [x, y], 1.5)", a, b)
    add("choosing", "np.select([x > 1, y > 0], [x * y, y], default=x)", a, b)
    add("choosing", "np.where(array([True, False, True]), x, y)", a, b)
    add("choosing", "np.where(array([[True], [False]]), x, y)", a, b)
    add("choosing", "np.where(True, x, y)", a, b)
    add("choosing", "np.clip(x, y - 1, y + 0.5)", a, b)
    add("choosing", "np.clip(x, y, None)", a, b)
    add("choosing", "np.clip(x, None, y)", a, b)
    add("choosing", "np.clip(x, min=y)", a, b)
add("choosing", "np.choose(array([[0], [1]]), x)", real(2, 3))
for a, b, c in [((2, 3), (3,), (2, 1)), ((3,), (2, 3), ()), ((), (3,), (2, 1)), ((1,), (), (4,)), ((0, 3), (3,), ())]:
    add("choosing", "np.clip(x, y, z)", real(*a), real(*b), Input(c, "large"))
    add("choosing", "np.clip(x, a_min=y, a_max=z)", real(*a), real(*b), Input(c, "large"), jax="JAX has min and max")
    add("choosing", "np.clip(x, z, y)", real(*a), real(*b), Input(c, "large"), jax="")
    add("choosing", "np.where(x > 0, y, z)", real(*a), real(*b), real(*c))
for args in arguments(axis=[..., None, 0, 1, -1]):
    add("choosing", f"np.compress(array([True, False, True]), x{args})", real(3, 3))
    add("choosing", f"np.compress([False, True], x{args})", real(3, 3), jax=LISTS)
add("choosing", "np.extract(array([[True, False, True], [False, True, True]]), x)", real(2, 3))
add("choosing", "np.extract(x > 0, x)", real(2, 3), jax="sizes that depend on the numbers")
add("choosing", "np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v * v])", real(4))
add("choosing", "np.apply_along_axis(lambda v: v * v, 0, x)", real(2, 3))
add("choosing", "np.apply_over_axes(lambda a, axis: a.sum(axis, keepdims=True), x, [0, 1])", real(2, 3))

# --------------------------------------------------------------------------------------------------------------- shapes

for shape, new in [((2, 3), "(3, 2)"), ((2, 3), "6"), ((2, 3), "-1"), ((2, 3), "(3, -1)"), ((), "(1, 1)"),
    ((1, 1), "()"),
                   ((0, 3), "(3, 0)"), ((2, 3, 2), "(4, 3)"), ((2, 3, 2), "(2, -1)"), ((2, 3), "(1, 2, 3)"),
                   ((2, 3), "[3, 2]"), ((2, 3), "(-1, 1)")]:  # fmt: skip
    for args in arguments(order=[..., "'C'", "'F'"]):
        add("shapes", f"np.reshape(x, {new}{args})", real(*shape))
        add("shapes", f"x.reshape({new}{args})", real(*shape), name="reshape")
    add("shapes", f"np.reshape(x, {new}, order='A')", real(*shape), jax=NOT_THERE)
    if numpy.__version__ >= "2.1":
        add("shapes", f"np.reshape(x, shape={new})", real(*shape))
add("shapes", "x.reshape(3, 2)", real(2, 3), name="reshape")
add("shapes", "x.reshape(3, -1, order='F')", real(2, 3), name="reshape")
for shape in [(2, 3), (), (3,), (0, 2), (2, 3, 2)]:
    x = real(*shape)
    for order in ("C", "F", "A", "K"):
        add(
            "shapes",
            f"np.ravel(x, order='{order}')",
            x,
            jax=NOT_THERE if order in "AK" else "",
        )
        add(
            "shapes",
            f"x.ravel('{order}')",
            x,
            name="ravel",
            jax=NOT_THERE if order in "AK" else "",
        )
        add("shapes", f"x.flatten('{order}')", x, name="ravel", jax=NOT_THERE)
    for line in ["np.ravel(x)", "x.ravel()", "x.flatten()", "np.transpose(x)", "x.T", "x.transpose()", "np.flip(x)",
                 "np.squeeze(x)", "x.squeeze()", "np.atleast_1d(x)", "np.atleast_2d(x)", "np.atleast_3d(x)",
                 "np.expand_dims(x, 0)", "np.expand_dims(x, (0, -1))", "np.expand_dims(x, -1)", "np.tile(x, 2)",
                 "np.tile(x, (2, 1))", "np.tile(x, (2, 1, 3))", "np.tile(x, 0)", "np.tile(x, ())", "np.repeat(x, 2)",
                 "np.repeat(x, 0)", "x.repeat(2)", "np.roll(x, 1)", "np.roll(x, -2)", "np.roll(x, 5)",
                 "np.concatenate([x, x], axis=None)", "np.hstack([x, x])", "np.vstack([x, x])", "np.dstack([x, x])",
                 "np.column_stack([x, x])", "np.stack([x, x])", "np.stack([x, x], axis=-1)", "np.append(x, x)",
                 "np.append(x, 1.5)", "np.block([x, x])", "np.resize(x, (2, 2))", "np.resize(x, 5)", "np.diagflat(x)",
                 "np.pad(x, 1)", "np.broadcast_to(x, (2, *x.shape))", "np.meshgrid(x, x) if x.ndim < 2 else x",
                 "np.array_split(np.ravel(x), 2)", "np.atleast_2d(x, x)", "np.broadcast_arrays(x, 1.0)",
                 "np.shape(x), np.ndim(x), np.size(x)", "np.full_like(x, 2.0)", "np.zeros_like(x)",
                 "x[None]", "x[...]", "x[..., None]", "x[()]"]:  # fmt: skip
        if shape == (0, 2) and "resize" in line:
            continue
        name = (re.findall(r"np\.(\w+)", line) or re.findall(r"x\.(\w+)", line) or ["index"])[0]
        add("shapes", line, x, name=name)
    for k in range(len(shape)):
        for line in ["np.flip(x, {})", "np.flip(x, axis=({},))", "np.roll(x, 1, {})", "np.roll(x, -2, axis={})",
                     "np.repeat(x, 2, {})", "np.repeat(x, 0, axis={})", "np.concatenate([x, x], {})",
                     "np.concatenate((x, x, x), axis={})", "np.append(x, x, axis={})", "np.delete(x, [], axis={})",
                     "np.expand_dims(x, {})", "np.unstack(x, axis={})", "np.array_split(x, 2, axis={})",
                     "np.split(x, [1], axis={})", "np.array_split(x, 3, {})", "np.moveaxis(x, {}, 0)",
                     "np.rollaxis(x, {})", "np.swapaxes(x, {}, 0)", "np.swapaxes(x, 0, {})"]:  # fmt: skip
            for axis in (k, k - len(shape)):
                add("shapes", line.format(axis), x, jax=LISTS if "delete" in line else "")
for axes in ["None", "(1, 2, 0)", "(-1, 0, 1)", "(0, 1, 2)", "[2, 1, 0]", "(0, -1, -2)", "(-3, 2, 1)"]:
    add("shapes", f"np.transpose(x, {axes})", real(2, 3, 4))
    add("shapes", f"np.transpose(x, axes={axes})", real(2, 3, 4))
    add("shapes", f"np.permute_dims(x, {axes})", real(2, 3, 4))
    add("shapes", f"x.transpose({axes})", real(2, 3, 4), name="transpose")
add("shapes", "x.transpose(2, 0, 1)", real(2, 3, 4), name="transpose")
add("shapes", "x.transpose(-1, 0, -2)", real(2, 3, 4), name="transpose")
for a, b in [("0", "2"), ("-1", "0"), ("(0, 1)", "(-1, -2)"), ("[2, 0]", "[0, 1]"), ("1", "-1"), ("(0, 2)", "(2, 0)")]:
    add("shapes", f"np.moveaxis(x, {a}, {b})", real(2, 3, 4))
    add("shapes", f"np.moveaxis(x, source={a}, destination={b})", real(2, 3, 4))
for axis, start in product([0, 1, 2, -1, -2], [..., 0, 1, 2, 3, -1]):
    for args in arguments(start=[start]):
        add("shapes", f"np.rollaxis(x, {axis}{args})", real(2, 3, 4))
for line in ["np.matrix_transpose(x)", "np.linalg.matrix_transpose(x)", "x.mT", "np.fliplr(x)", "np.flipud(x)",
             "np.flip(x, (0, 1))", "np.flip(x, axis=(-1, 0))"]:  # fmt: skip
    for shape in [(2, 3), (2, 3, 2), (0, 2)]:
        add("shapes", line, real(*shape), name=line.split("(")[0].removeprefix("np."))
for k, axes in product([..., 0, 1, 2, 3, -1, 5], [..., "(1, 0)", "(0, 2)", "(-1, 0)", "(1, 2)"]):
    for args in arguments(k=[k], axes=[axes]):
        add("shapes", f"np.rot90(x{args})", real(2, 3, 2))
        if axes in (..., "(1, 0)"):
            add("shapes", f"np.rot90(x{args})", real(2, 3))
for shift, axis in [("(1, -1)", "(0, 1)"), ("2", "(0, 1)"), ("(1, 2)", "(0, 0)"), ("(1, 2)", "1"), ("-7", "-1"),
                    ("[1, 1]", "[1, -1]"), ("0", "0"), ("(3, 1)", "(-1, -2)")]:  # fmt: skip
    add("shapes", f"np.roll(x, {shift}, {axis})", real(2, 3, 2))
    add("shapes", f"np.roll(x, shift={shift}, axis={axis})", real(3, 4))
for reps in ["3", "(2, 2)", "(1, 2)", "(2, 1, 2)", "(2, 0)", "[2]", "(2, 1, 1, 2)", "array([2, 3])"]:
    for shape in [(2, 3), (3,), (2, 1, 2)]:
        add("shapes", f"np.tile(x, {reps})", real(*shape))
for reps, axis in product(["3", "array([1, 0, 2])", "[2, 1, 1]", "[2]", "array(2)"], [0, -2, "None"]):
    if axis != "None" or reps in ("3", "[2]"):
        add(
            "shapes",
            f"np.repeat(x, {reps}, axis={axis})",
            real(3, 2),
            jax=LISTS if "[2" in reps and "a" not in reps else "",
        )
        add("shapes", f"x.repeat({reps}, {axis})", real(3, 2), name="repeat", jax=LISTS if "[2" in reps else "")
add("shapes", "np.repeat(x, array([1, 0, 2, 1]))", real(2, 2))

WIDTHS = ["1", "(1, 2)", "((1, 2), (0, 1))", "((2, 0),)", "0", "[[2, 1], [1, 0]]", "array([[1, 0], [0, 2]])"]
MODES = {
    "constant": ["", ", constant_values=1.5", ", constant_values=(1, 2)", ", constant_values=((1, 2), (3, 4))"],
    "edge": [""], "wrap": [""], "empty": [],
    "linear_ramp": ["", ", end_values=1.5", ", end_values=((1, 2), (3, 4))"],
    "reflect": ["", ", reflect_type='odd'"], "symmetric": ["", ", reflect_type='odd'"],
    "maximum": ["", ", stat_length=2", ", stat_length=((1, 2), (2, 1))"],
    "minimum": ["", ", stat_length=2"], "mean": ["", ", stat_length=2", ", stat_length=((1, 2), (2, 1))"],
    "median": ["", ", stat_length=2"],
}  # fmt: skip
for (mode, extras), width in product(MODES.items(), WIDTHS):
    for extra in extras:
        add("padding", f"np.pad(x, {width}, mode='{mode}'{extra})", real(3, 4))
        add("padding", f"np.pad(x, {width}, '{mode}'{extra})", real(3, 3))
        if width in ("1", "(1, 2)", "0", "((2, 0),)") and "((1" not in extra:
            add("padding", f"np.pad(x, {width}, mode='{mode}'{extra})", real(4))
for mode in ("wrap", "reflect", "symmetric"):  # wider than the array: around more than once
    for width in ("5", "(7, 4)", "(0, 9)"):
        add("padding", f"np.pad(x, {width}, '{mode}')", real(3))
        if mode != "wrap":
            add("padding", f"np.pad(x, {width}, '{mode}', reflect_type='odd')", real(3))
        add("padding", f"np.pad(x, {width}, '{mode}')", real(1))
add("padding", "np.pad(x, {0: (1, 2), -1: 1})", real(2, 3))
add("padding", "np.pad(x, ((0, 0), (1, 0)))", real(0, 2))
add("padding", "np.pad(x, 2)", real(0))
add("padding", "np.pad(x, 1, constant_values=y)", real(2, 2), real())

for a, b in [((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 1), (3,))]:
    add("shapes", "np.broadcast_arrays(x, y)", real(*a), real(*b))
    add("shapes", "np.broadcast_arrays(x, y, array([[1.0], [2.0]]))[0]", real(1, 3), real(3))
for shape, new in [((3,), "(2, 3)"), ((2, 1), "(2, 3)"), ((), "(2,)"), ((), "3"), ((2,), "(2,)"), ((1,), "(0,)"),
                   ((), "()"), ((1, 3), "(2, 2, 3)"), ((0, 1), "(0, 2)")]:  # fmt: skip
    add("shapes", f"np.broadcast_to(x, {new})", real(*shape))
    add("shapes", f"np.broadcast_to(x, shape={new})", real(*shape))
for axis, (a, b) in [(0, ((2, 3), (1, 3))), (-1, ((2, 3), (2, 1))), (1, ((2, 3), (2, 2))), (-2, ((2, 3), (0, 3)))]:
    for line in [f"np.concatenate([x, y], {axis})", f"np.concatenate((x, y), axis={axis})",
        f"np.concat([x, y], axis={axis})",
                 f"np.append(x, y, {axis})", f"np.append(x, y, axis={axis})",
                 f"np.concatenate([y, x, y], axis={axis})"]:  # fmt: skip
        add("joining", line, real(*a), real(*b))
for line in ["np.concatenate([x, y], axis=None)", "np.append(x, y)",
    "np.concatenate([x.ravel(), y.ravel(), x.ravel()])",
             "np.hstack([x.ravel(), y.ravel()])", "np.concatenate([x, y], None, dtype=float32)"]:  # fmt: skip
    for a, b in [((2, 3), (2,)), ((), (2,)), ((0,), (2, 2)), ((), ())]:
        add("joining", line, real(*a), real(*b))
STACKED = ["np.stack([x, y])", "np.stack((x, y), 1)", "np.stack([x, y], axis=-1)", "np.hstack((x, y))",
    "np.vstack((x, y))",
           "np.dstack((x, y))", "np.column_stack((x, y))", "np.block([x, y])", "np.block([[x], [y]])",
           "np.block([[x, y]])",
           "np.block([[x, y], [y, x]])", "np.stack([x, array([1.0, 2.0, 3.0])])", "np.vstack([x, y, x])",
           "np.meshgrid(x, y)", "np.meshgrid(x, y, indexing='ij')", "np.meshgrid(x, y, x, indexing='xy')",
           "np.meshgrid(x, y, sparse=True)", "np.meshgrid(x, y, x, indexing='ij', sparse=True)", "np.meshgrid(x)",
           "np.meshgrid(x, array([1.0, 2.0]))", "np.meshgrid(x, y, copy=True)", "np.atleast_1d(x, y)",
           "np.atleast_2d(x, y)", "np.atleast_3d(x, y)", "np.hstack([x, 1.5 * y, x])",
           "np.ix_(array([0, 1]))[0] * x[:2]"]  # fmt: skip
for line in STACKED:
    add("joining", line, real(3), real(3))
    if "array" not in line and "meshgrid" not in line:
        add("joining", line, real(2, 3), real(2, 3))
        if "1)" not in line:
            add("joining", line, real(), real())
add("joining", "np.block([[x, np.zeros((2, 1))], [np.ones((1, 2)), y]])", real(2, 2), real(1, 1), name="block")
add("joining", "np.block([[x, 1.0], [2.0, y]])", real(), real())
add("joining", "np.block([[[x], [y]], [[y], [x]]])", real(2), real(2))
add("joining", "np.array([x[0], x[1]])", real(2))
SPLIT = ["np.split(x, 2)", "np.split(x, [1, 3])", "np.split(x, [1], axis=0)", "np.array_split(x, 3)",
    "np.split(x, (2, 2, 3))",
         "np.array_split(x, [1, 2], axis=-1)", "np.vsplit(x, 2)", "np.hsplit(x, [1])", "np.array_split(x, 3, axis=1)",
         "np.split(x, 2, axis=-1)", "np.split(x, [0, 9])", "np.split(x, [-1])", "np.array_split(x, array([1, 3]))",
         "np.unstack(x)", "np.unstack(x, axis=-1)"]  # fmt: skip
for line in SPLIT:
    add("joining", line, real(4, 2))
    if "axis=1" not in line and "vsplit" not in line:
        add("joining", line, real(4))
for line in ["np.dsplit(x, 2)", "np.dsplit(x, [1])", "np.hsplit(x, 3)", "np.vsplit(x, [1])"]:
    add("joining", line, real(2, 3, 2))
for where, axis in product(["1", "-1", "0", "[0, 2]", "array([0, 2])", "array([2, 0, 2])", "slice(0, 2)", "[1, 1]",
    "array(1)"],
                           ["None", 0, 1, -1]):  # fmt: skip
    jax = LISTS if "[" in where and "array" not in where else ""
    if "2, 0, 2" not in where:
        add("joining", f"np.delete(x, {where}, axis={axis})", real(3, 3), jax=jax)
        add("joining", f"np.delete(x, {where}, {axis})", real(3, 3), jax=jax)
    add("joining", f"np.insert(x, {where}, 1.5, axis={axis})", real(3, 3), jax=jax)
    if axis == 0:
        add("joining", f"np.insert(x, {where}, y, axis=0)", real(3, 3), real(3), jax=jax)
        add("joining", f"np.insert(array([[1.0, 2.0, 3.0]] * 3), {where}, x, axis=0)", real(3), jax=jax)
        add("joining", f"np.insert(x, {where}, 2 * x[0], 0)", real(3), jax=jax)
add("joining", "np.insert(x, array([0, 2]), y)", real(3), real(2))
add("joining", "np.insert(x, [1, 1], y)", real(3), real(2), jax=LISTS)
add("joining", "np.insert(x, 1, y, axis=1)", real(2, 3), real(2))
add("joining", "np.insert(x, array([1]), y, axis=1)", real(2, 3), real(2, 1))
add("joining", "np.delete(x, array([True, False, True]))", real(3))
add("joining", "np.delete(x, slice(None, None, 2), axis=1)", real(2, 3))
for new in ["(2, 3)", "(7,)", "3", "(2, 2, 2)", "(0,)", "(1, 1)", "()"]:
    add("shapes", f"np.resize(x, {new})", real(2, 2))
    add("shapes", f"np.resize(x, {new})", real(5))
for line in ["np.trim_zeros(x)", "np.rollaxis(x, 0)", "np.ravel_multi_index((array([0]),), (3,)) * x"]:
    add("shapes", line, real(3))

for k in [..., 0, 1, -1, 2, -3, 5]:
    for args in arguments(k=[k]):
        for shape in [(3,), (1,), (2, 3), (3, 2), (3, 3)]:
            add("diagonals", f"np.diag(x{args})", real(*shape))
        for shape in [(3,), (2, 2), (), (1, 3)]:
            add("diagonals", f"np.diagflat(x{args})", real(*shape))
        for shape in [(3,), (2, 3), (3, 2), (2, 3, 3), (0, 2)]:
            add("diagonals", f"np.tril(x{args})", real(*shape))
            add("diagonals", f"np.triu(x{args})", real(*shape))
    for offset, axes in product([k], ["", ", axis1=0, axis2=1", ", axis1=-1, axis2=0", ", axis1=2, axis2=1"]):
        for args in arguments(offset=[offset]):
            for name in ("diagonal", "trace"):
                add("diagonals", f"np.{name}(x{args}{axes})", real(2, 3, 4))
                add("diagonals", f"x.{name}({(args + axes)[2:]})", real(3, 2, 3), name=name)
            if not axes:
                for name in ("diagonal", "trace"):
                    add("diagonals", f"np.{name}(x{args})", real(2, 3))
                    add("diagonals", f"np.linalg.{name}(x{args})", real(2, 3))
                    add("diagonals", f"np.linalg.{name}(x{args})", real(2, 3, 4))
add("diagonals", "np.trace(x, 1, 0, 2)", real(2, 3, 4))
add("diagonals", "np.trace(x, dtype=float32)", real(3, 3))

# ------------------------------------------------------------------------------------------------------------- indexing

INDEX = {
    (5,): ["0", "-1", "1:3", "::-1", "::2", "-2:", "4:0:-2", "array([0, 2, 2, -1])", "array([[0, 1], [4, -5]])", "...",
           "None", "array([True, False, True, True, False])", "[0, 0, 1]", "[True, False, False, True, True]",
           "array([], int)", "2:2", "slice(None)", "(1,)", "array(3)", "None, ::2, None", "array([1, 2], 'uint8')",
           "x > 0", "np.argsort(x)", "np.argmax(x)", "~(x > 0)", "(x > 0) & (x < 2)"],
    (3, 4): ["0", "-1", "1, 2", "-1, -2", ":, 0", "..., -1", "::-1, ::-1", "1:, :2", "array([0, 2])",
    "array([0, 2, 0]), array([1, 1, 1])",
             ":, array([3, 0, 0])", "array([[0], [2]]), array([1, 3])", "1, array([0, 2])", "array([0, 2]), 1",
             "array([0, 2]), 1:3",
             "array([0, 2]), None", "None, array([0, 2]), :, None", "[0, 1], [2, 3]", "x > 0", "x[:, 0] > -9",
             ":, array([True, False, True, True])",
             "array([True, False, True])", "array([True, False, True]), 1",
             "array([True, False, True]), array([1, 0])", "..., None, 0",
             "array([0, 1]), ..., array([0, 1])", "2, ..., 3", "None, ..., None",
             "np.argmax(x, 0), array([0, 1, 2, 3])", "(1, 1)", "True",
             "np.ix_(array([0, 2]), array([1, 3]))", "array([[0, 1], [1, 0]])", ":, None", "1:1", "0:2, -1:0:-1",
             "False", "()"],
    (2, 3, 2): ["0, :, 1", ":, array([0, 2]), 1", "0, :, array([0, 1])", "array([0, 1]), :, array([1, 0])", "..., 0",
    "M", "M[..., 0]",
                ":, COLUMN[:, 0]", ":, 1:, ::-1", "array([[1]]), array([0, 2]), 0", ":, array([[0, 1], [2, 0]])",
                "..., ROW",
                "1, array([0, 1, 0])", "None, 1, ..., array([1, 1])", ":, array([0, 1]), :, None",
                "array([0]), ..., None, array([1])"],
    (0, 3): [":, 1", "array([], int)", "..., None", "::-1", ":, array([0, 0])"],
    (): ["()", "...", "None", "None, None", "True", "array(True)", "..., None"],
}  # fmt: skip
for shape, indices in INDEX.items():
    for index in indices:
        jax = "sizes that depend on the numbers" if "x >" in index or "x[" in index else ""
        jax = LISTS if index.startswith("[") else jax
        add("indexing", f"x[{index}]", real(*shape), name="index", jax=jax)
        add("indexing", f"x[{index}] * x[{index}]", real(*shape), name="index twice", jax=jax)

# ------------------------------------------------------------------------------------------------------------- products

PRODUCTS = {
    "np.dot(x, y)": [((3,), (3,)), ((2, 3), (3,)), ((2,), (2, 3)), ((2, 3), (3, 2)), ((), (2, 3)), ((2, 3), ()),
    ((), ()),
                     ((2, 2, 3), (3,)), ((2, 3), (2, 3, 2)), ((2, 1, 3), (2, 3, 2)), ((0,), (0,)), ((2, 0), (0, 3)),
                     ((3,), (2, 3, 2)), ((1,), (1,))],
    "np.matmul(x, y)": [((3,), (3,)), ((2, 3), (3,)), ((2,), (2, 3)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)),
    ((2, 3), (4, 3, 2)),
                        ((2, 1, 2, 3), (3, 3, 2)), ((2, 2, 3), (3,)), ((3,), (2, 3, 2)), ((0, 3), (3, 2)),
                        ((2, 0), (0, 2)), ((0, 2, 3), (3, 2)), ((1, 1), (1, 1)), ((1, 2, 3), (4, 3, 1))],
    "x @ y": [((3,), (3,)), ((2, 3), (3,)), ((2,), (2, 3)), ((2, 3), (3, 2)), ((2, 2, 3), (2, 3, 2))],
    "x.dot(y)": [((3,), (3,)), ((2, 3), (3,)), ((2, 3), ()), ((2, 3), (2, 3, 2))],
    "np.inner(x, y)": [((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 3), (4, 3)), ((), (3,)), ((3,), ()),
    ((), ()), ((2, 2, 3), (2, 3)), ((2, 0), (0,))],
    "np.outer(x, y)": [((2,), (3,)), ((2, 2), (3,)), ((), (3,)), ((2, 1), (1, 3)), ((0,), (3,)), ((), ())],
    "np.linalg.outer(x, y)": [((2,), (3,)), ((1,), (3,)), ((0,), (2,))],
    "np.vdot(x, y)": [((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3, 2)), ((), ()), ((6,), (2, 3)), ((0,), (0,))],
    "np.kron(x, y)": [((2,), (3,)), ((2, 2), (3, 1)), ((2,), (2, 3)), ((2, 3), (2,)), ((), (3,)), ((2, 2), ()),
    ((2, 1, 2), (2, 3)), ((), ()), ((2, 2, 2), (1, 2, 2)), ((0,), (2,))],
    "np.cross(x, y)": [((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1, 3), (4, 3)),
    ((0, 3), (3,))],
    "np.cross(x, y, axis=0)": [((3,), (3,)), ((3, 2), (3, 2)), ((3, 2), (3, 1))],
    "np.cross(x, y, 0, 1)": [((3, 2), (2, 3))],
    "np.cross(x, y, axisa=0, axisb=-1, axisc=0)": [((3, 2), (2, 3)), ((3, 2, 2), (2, 2, 3))],
    "np.linalg.cross(x, y)": [((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (1, 3))],
    "np.linalg.cross(x, y, axis=0)": [((3, 2), (3, 2))],
    "np.linalg.matmul(x, y)": [((2, 3), (3, 2)), ((2, 2, 3), (3, 2)), ((3,), (3,))],
    "np.tensordot(x, y)": [((2, 3), (2, 3)), ((4, 2, 3), (2, 3)), ((2, 3), (2, 3, 4))],
    "np.tensordot(x, y, 0)": [((2,), (3,)), ((2, 2), (3,)), ((), ()), ((), (3,))],
    "np.tensordot(x, y, 1)": [((2, 3), (3, 2)), ((3,), (3,)), ((2, 2, 3), (3,)), ((2, 0), (0, 3))],
    "np.tensordot(x, y, axes=2)": [((2, 3, 2), (3, 2, 2))],
    "np.tensordot(x, y, axes=(0, 1))": [((2, 3), (3, 2)), ((2, 3, 2), (3, 2))],
    "np.tensordot(x, y, axes=(-1, 0))": [((2, 3), (3, 2)), ((2, 2, 3), (3, 2))],
    "np.tensordot(x, y, axes=([0, 1], [1, 0]))": [((2, 3), (3, 2)), ((2, 3, 2), (3, 2, 4))],
    "np.tensordot(x, y, ((-1, 0), (-2, -1)))": [((2, 3), (3, 2))],
    "np.tensordot(x, y, ([1], [0]))": [((2, 3), (3, 2))],
    "np.tensordot(x, y, ((), ()))": [((2,), (2,))],
    "np.linalg.tensordot(x, y, axes=1)": [((2, 3), (3, 2))],
    "np.vecdot(x, y)": [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 3)), ((2, 1, 3), (4, 3)), ((0, 3), (3,)),
    ((2, 0), (2, 0))],
    "np.vecdot(x, y, axis=0)": [((3, 2), (3, 2)), ((3,), (3,)), ((3, 1), (3, 2))],
    "np.linalg.vecdot(x, y)": [((2, 3), (3,)), ((2, 3), (2, 3))],
    "np.linalg.vecdot(x, y, axis=0)": [((3, 2), (3, 2))],
    "np.linalg.vecdot(x, y, axis=-2)": [((2, 3, 2), (2, 3, 2))],
    "np.matvec(x, y)": [((2, 3), (3,)), ((2, 2, 3), (3,)), ((2, 3), (2, 3)), ((2, 1, 2, 3), (4, 3)), ((0, 3), (3,))],
    "np.vecmat(x, y)": [((2,), (2, 3)), ((2, 2), (2, 2, 3)), ((2, 2), (2, 3)), ((0,), (0, 3))],
    "np.linalg.multi_dot([x, y])": [((2, 3), (3, 2)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,))],
}  # fmt: skip
for line, shapes in PRODUCTS.items():
    name = (re.findall(r"np\.([\w.]+)", line) or ["operators"])[0]
    for a, b in shapes:
        add("products", line, real(*a), real(*b), name=name)
        add("products", line, real(*a), fixed(real(*b)), name=name)
for line in ["np.dot(x, x)", "np.matmul(x, x)", "np.inner(x, x)", "np.kron(x, x)", "np.outer(x, x)", "np.vdot(x, x)",
             "np.tensordot(x, x)", "np.cross(x, x + 1)", "np.linalg.multi_dot([x, x, x])", "np.dot(x, [1.0, 2.0, 3.0])",
             "np.matmul([[1.0, 2.0, 3.0]], x)", "np.linalg.matrix_power(x, 2)"]:  # fmt: skip
    add("products", line, real(3, 3), jax=LISTS if "[1." in line else "")
for shapes in [
    ((2, 3), (3, 4), (4, 2)),
    ((3,), (3, 4), (4, 2)),
    ((2, 3), (3, 4), (4,)),
    ((3,), (3, 4), (4,)),
    ((2, 1), (1, 4), (4, 3)),
]:
    add("products", "np.linalg.multi_dot([x, y, z])", *[real(*s) for s in shapes])
add("products", "np.linalg.multi_dot((x, y, z, w))", real(2, 3), real(3, 1), real(1, 4), real(4, 2))

EINSUM: dict[str, list[tuple[tuple[int, ...], ...]]] = {
    "ii": [((3, 3),), ((1, 1),), ((0, 0),)], "ii->i": [((3, 3),)], "ij->ji": [((2, 3),)], "ij": [((2, 3),)],
    "ji": [((2, 3),)],
    "ij->": [((2, 3),), ((0, 3),)], "ij->i": [((2, 3),)], "ij->j": [((2, 3),), ((2, 1),)], "iij->j": [((2, 2, 3),)],
    "iii": [((2, 2, 2),)],
    "iij->ij": [((2, 2, 3),)], "iji->j": [((2, 3, 2),)], "...ij->...ji": [((2, 3, 2),), ((2, 3),)],
    "...ii->...i": [((2, 3, 3),)], "i...": [((2, 3),)],
    "...": [((2, 3),)], "i...->...": [((2, 3),)], "...i->i...": [((2, 3, 2),)], "": [((),)], "->": [((),)],
    "iijj": [((2, 2, 3, 3),)],
    "ba": [((2, 3),)], "i": [((3,),)], "...ii": [((2, 3, 3),)], " i j -> j ": [((2, 3),)],
    "ij,jk": [((2, 3), (3, 2))], "ij,jk->ik": [((2, 3), (3, 2)), ((2, 1), (3, 2)), ((2, 3), (1, 2)), ((0, 3), (3, 2)),
    ((2, 0), (0, 2))],
    "ij,jk->ki": [((2, 3), (3, 2))], "ij,jk->k": [((2, 3), (3, 2))], "ij,jk->": [((2, 3), (3, 2))],
    "ij,ij": [((2, 3), (2, 3))],
    "ij,ij->ij": [((2, 3), (2, 3)), ((2, 1), (2, 3)), ((1, 3), (2, 1))], "ij,ji": [((2, 3), (3, 2))],
    "i,i": [((3,), (3,)), ((1,), (3,))], "i,i->i": [((3,), (1,))],
    "i,j": [((2,), (3,))], "i,j->ij": [((2,), (3,))], "i,j->ji": [((2,), (3,))],
    "ij,j->i": [((2, 3), (3,)), ((2, 3), (1,)), ((2, 1), (3,))], "ij,j->ij": [((2, 3), (1,)), ((2, 1), (3,))],
    "ij,k->": [((2, 3), (2,))], "ij,j": [((2, 3), (3,))], ",": [((), ())], ",i": [((), (3,))], ",i->i": [((), (3,))],
    ",ij->j": [((), (2, 3))],
    "bij,bjk->bik": [((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (2, 3, 2)), ((2, 2, 3), (1, 3, 2))],
    "...ij,...jk->...ik": [((2, 2, 3), (3, 2)), ((2, 1, 2, 3), (2, 3, 2))],
    "...ij,...jk": [((2, 2, 3), (2, 3, 2))], "i...,i...": [((2, 3), (2, 3))],
    "i...,i...->...": [((2, 3), (2, 3)), ((2, 3), (2, 1))], "...,...": [((2, 3), (3,))],
    "...i,i": [((2, 3), (3,))], "...i,...i->...": [((2, 3), (3,)), ((2, 3), (2, 3)), ((1, 3), (2, 3))],
    "i...,j...->ij...": [((2, 3), (4, 3))],
    "ii,i->i": [((3, 3), (3,))], "ii,jj->ij": [((2, 2), (3, 3))], "iij,j->i": [((2, 2, 3), (3,))],
    "ij,jj->i": [((2, 3), (3, 3))], "ab,...b->...a": [((2, 3), (4, 3))],
    "ii,ii": [((2, 2), (2, 2))], "ijk,ilm->jklm": [((2, 3, 2), (2, 2, 3))], "ijk,jil->kl": [((2, 3, 2), (3, 2, 2))],
    "iI,I->i": [((2, 3), (3,))], "ij,kl->il": [((2, 3), (2, 2))],
    "ij,jk,kl->il": [((2, 3), (3, 2), (2, 3))], "i,i,i": [((3,), (3,), (3,))], "ij,jk,ki": [((2, 3), (3, 2), (2, 2))],
    "i,j,k->kji": [((2,), (3,), (2,))],
    "bi,bj,bij->b": [((2, 3), (2, 2), (2, 3, 2))], "ij,i,j->": [((2, 3), (2,), (3,))],
    "...i,ij,...j->...": [((4, 2), (2, 3), (4, 3))], "a,ab,abc->abc": [((2,), (2, 3), (2, 3, 2))],
    "ij,jk,kl,lm->im": [((2, 3), (3, 2), (2, 2), (2, 3))], "ea,fb,abcd,gc->efgd": [((2, 2), (2, 2), (2, 2, 2, 2), (2,
    2))],
}  # fmt: skip
for subscripts, many in EINSUM.items():
    for shapes in many:
        inputs = [real(*s) for s in shapes]
        letters = ", ".join("xyzw"[: len(shapes)])
        for args in arguments(optimize=[..., True, False, "'optimal'", "'greedy'"]):
            add("einsum", f"np.einsum('{subscripts}', {letters}{args})", *inputs)
        if len(shapes) == 2 and shapes[0] == shapes[1]:
            add("einsum", f"np.einsum('{subscripts}', x, x)", inputs[0])
        if len(shapes) == 3 and shapes[0] == shapes[1] == shapes[2]:
            add("einsum", f"np.einsum('{subscripts}', x, x, x)", inputs[0])
for line, shapes3 in [
    ("np.einsum(x, [0, 1], y, [1, 2], [0, 2])", ((2, 3), (3, 2))), ("np.einsum(x, [0, 1], y, [1, 2])", ((2, 3), (3,
    2))),
    ("np.einsum(x, [0, 0])", ((3, 3),)), ("np.einsum(x, [0, 0], [0])", ((3, 3),)), ("np.einsum(x, [1, 0])", ((2, 3),)),
    ("np.einsum(x, [..., 0], y, [..., 0], [...])", ((2, 3), (3,))),
    ("np.einsum(x, [Ellipsis, 0, 1], [Ellipsis, 1, 0])", ((2, 2, 3),)),
    ("np.einsum(x, [0, 1], y, [1], [])", ((2, 3), (3,))), ("np.einsum(x, (0, 1), y, (1,), (0,))", ((2, 3), (3,))),
    ("np.einsum(x, [0], x, [0])", ((3,),)), ("np.einsum(x, [5, 2], y, [2, 7], [7, 5])", ((2, 3), (3, 2))),
    ("np.einsum('ij,j', x, array([1.0, 2.0, 3.0]))", ((2, 3),)), ("np.einsum('ij,jk->ik', [[1.0, 2.0]], x)", ((2, 3),)),
    ("np.einsum('ij,jk,kl', x, y, x, optimize=['einsum_path', (0, 1), (0, 1)])", ((2, 2), (2, 2))),
    ("np.einsum('ij->i', x, dtype=float64)", ((2, 3),)),
]:  # fmt: skip
    add(
        "einsum",
        line,
        *[real(*s) for s in shapes3],
        jax=LISTS if "[[1." in line else NOT_THERE if "dtype" in line else "",
    )

# --------------------------------------------------------------------------------------------------------------- linalg

for args in arguments(ord=[..., None, 2, 1, 3, 2.5, 0.5, "inf", "-inf", 0, -1, -2], keepdims=KEEP):
    for shape in [(3,), (1,)]:
        add("norms", f"np.linalg.norm(x{args})", real(*shape))
    for axis in (0, 1, -1, "(1,)"):
        if "None" not in args:
            add("norms", f"np.linalg.norm(x{args}, axis={axis})", real(2, 3))
for args in arguments(ord=[..., None, "'fro'", "'nuc'", 1, -1, 2, -2, "inf", "-inf"], keepdims=KEEP):
    for shape in [(2, 3), (3, 3), (3, 2)]:
        add("norms", f"np.linalg.norm(x{args})", real(*shape))
    for axes in ("(0, 1)", "(1, 2)", "(-1, 0)", "(2, 0)"):
        add("norms", f"np.linalg.norm(x{args}, axis={axes})", real(2, 3, 2))
    if "None" not in args and "ord" in args:
        for shape in [(2, 3), (2, 2, 3)]:
            add("norms", f"np.linalg.matrix_norm(x{args})", real(*shape))
for args in arguments(keepdims=KEEP):
    add("norms", f"np.linalg.matrix_norm(x{args})", real(2, 2, 3))
    add("norms", f"np.linalg.norm(x{args})", real(2, 3, 2))
    add("norms", f"np.linalg.norm(x, axis=None{args})", real(2, 3, 2))
    for axis, order in product([None, 0, -1, "(0, 1)"], [..., 1, 2, 3, 0.5, "inf", "-inf", 0, -1]):
        for more in arguments(axis=[axis], ord=[order]):
            add("norms", f"np.linalg.vector_norm(x{more}{args})", real(2, 3))
add("norms", "np.linalg.norm(x)", real())
add("norms", "np.linalg.norm(x, 2, 0)", real(3, 2))
add("norms", "np.linalg.vector_norm(x)", real())

for shape in [(3, 3), (1, 1), (2, 2), (2, 3, 3), (2, 1, 2, 2), (0, 2, 2)]:
    x = regular(*shape)
    n = shape[-1]
    for line in ["np.linalg.inv(x)", "np.linalg.det(x)", "np.linalg.slogdet(x)", "np.linalg.pinv(x)",
                 "np.linalg.slogdet(x)[1]", "np.linalg.slogdet(x).logabsdet", "np.linalg.slogdet(-x)",
                 "np.linalg.cholesky(gram(x))", "np.linalg.eigvalsh(gram(x))", "np.linalg.eigh(gram(x))[0]",
                 "np.linalg.eigh(gram(x))[1] ** 2", "np.linalg.eigh(gram(x)).eigenvalues", "np.linalg.qr(x)[1]",
                 "np.linalg.eigh(gram(x)).eigenvectors ** 2", "np.linalg.eigvalsh(gram(x), 'U')",
                 "np.linalg.eigh(gram(x), UPLO='U')[1] ** 2", "np.linalg.eigvalsh(gram(x), UPLO='L')",
                 "np.linalg.cholesky(gram(x), upper=True)", "np.linalg.svd(x, compute_uv=False)",
                 "np.linalg.svdvals(x)",
                 "np.linalg.svd(x)[1]", "np.linalg.svd(x)[0] ** 2", "np.linalg.svd(x).Vh ** 2", "np.linalg.svd(x).S",
                 "(lambda u, s, v: (u * s[..., None, :]) @ v)(*np.linalg.svd(x))", "np.linalg.qr(x)[0]",
                 "np.linalg.qr(x).R",
                 "np.linalg.qr(x, mode='r')", "np.linalg.inv(x) @ x", "np.linalg.cond(gram(x))"]:  # fmt: skip
        add("linalg", line, x)
    for power in (0, 1, 2, 3, 4, 7, -1, -2, -3):
        add("linalg", f"np.linalg.matrix_power(x, {power})", x)
    for right in ([n, 2], [n, 1]):
        add("linalg", "np.linalg.solve(x, y)", x, real(*shape[:-2], *right))
        add("linalg", "np.linalg.solve(x, y)", x, real(*right))
    add("linalg", "np.linalg.solve(x, y)", x, real(n))
    add("linalg", "np.linalg.solve(x, y)", fixed(x), real(n))
    add("linalg", "np.linalg.solve(x, y)", x, fixed(real(n)))
add("linalg", "np.linalg.solve(x, y)", regular(3, 3), real(2, 3, 2))
for shape in [(2, 3), (3, 2), (2, 3, 2), (2, 2, 3), (4, 3), (1, 3)]:
    x = real(*shape)
    for line in ["np.linalg.pinv(x)", "np.linalg.pinv(x, rcond=1e-10)", "np.linalg.svd(x, full_matrices=False)[1]",
                 "np.linalg.svd(x, full_matrices=False)[0] ** 2", "np.linalg.svd(x, full_matrices=False)[2] ** 2",
                 "np.linalg.svd(x, compute_uv=False)", "np.linalg.svd(x, False)[1]", "np.linalg.svdvals(x)",
                 "np.linalg.qr(x)[1]", "np.linalg.qr(x)[0]", "np.linalg.qr(x, mode='r')",
                 "np.linalg.qr(x, 'reduced')[1]",
                 "(lambda u, s, v: (u * s[..., None, :]) @ v)(*np.linalg.svd(x, full_matrices=False))",
                 "np.linalg.matrix_rank(x)", "np.linalg.pinv(x, rtol=1e-10)"]:  # fmt: skip
        wide = shape[-1] > shape[-2] and "qr" in line
        add("linalg", line, x, jax="JAX's QR takes no wide matrix" if wide else "")
for shapes2 in [((4, 2), (4,)), ((4, 2), (4, 3)), ((3, 3), (3,)), ((2, 4), (2,)), ((2, 4), (2, 2))]:
    a, b = (real(*s) for s in shapes2)
    add("linalg", "np.linalg.lstsq(x, y, rcond=None)[0]", a, b)
    add("linalg", "np.linalg.lstsq(x, y)[0]", a, fixed(b))
    add("linalg", "np.linalg.lstsq(x, y)[1]", a, b)
    add("linalg", "np.linalg.lstsq(x, y)[3]", a, fixed(b))
add("linalg", "np.linalg.tensorinv(x.reshape(2, 3, 6))", regular(6, 6))
add("linalg", "np.linalg.tensorinv(x, ind=1)", regular(4, 4))
add("linalg", "np.linalg.tensorsolve(x.reshape(2, 3, 6), y)", regular(6, 6), real(2, 3))
add("linalg", "np.linalg.cond(x, 1)", regular(3, 3))
add("linalg", "np.linalg.eigvals(gram(x)).real", regular(2, 2), jax="complex")

# -------------------------------------------------------------------------------------------------------------- refused

# What must raise TypeError when given a Value: it would write, or lose the gradient.
REFUSED = [
    "np.add(x, 1.0, out=array([0.0, 0.0, 0.0]))", "np.sum(x, out=array(0.0))", "np.exp(x, out=array([0.0, 0.0, 0.0]))",
    "np.cumsum(x, out=array([0.0, 0.0, 0.0]))", "np.clip(x, 0, 1, out=array([0.0, 0.0, 0.0]))",
    "np.mean(x, out=array(0.0))", "np.max(x, out=array(0.0))", "np.take(x, 0, out=array(0.0))",
    "np.concatenate([x, x], out=array([0.0] * 6))", "np.matmul(x, x, out=array(0.0))", "np.dot(x, x, out=array(0.0))",
    "np.einsum('i,i->i', x, x, out=array([0.0, 0.0, 0.0]))", "np.exp(x, where=array([True, False, True]))",
    "np.add.at(x, array([0]), 1.0)", "np.add.at(array([0.0, 1.0]), array([0]), x[:1])", "np.asarray(x)", "np.array(x)",
    "np.array([x, x])", "np.asarray([x, x])", "np.put(x, 0, 1.0)", "np.place(x, array([True, False, True]), 0.0)",
    "np.copyto(x, 0.0)", "np.copyto(array([0.0, 0.0, 0.0]), x)", "np.putmask(x, array([True, False, True]), 0.0)",
    "np.put_along_axis(x, array([0]), 1.0, 0)", "np.fill_diagonal(x, 0.0)", "float(x)", "x.__setitem__(0, 1.0)",
    "np.put(array([0.0, 1.0]), 0, x[0])", "np.median(x, out=array(0.0))", "np.std(x, out=array(0.0))",
    "np.sort_complex(x)", "np.fft.fft(x)", "np.cumsum(x, dtype=int)", "np.linalg.eigvals(np.diag(x))",
    "np.ascontiguousarray(x)", "np.full((3,), x)", "np.asfortranarray([x, x])",
]  # fmt: skip


NEWEST = (2, 4)  # the NumPy whose calls these are


def taken(v: Variant) -> bool:
    """Whether this NumPy takes the call; an older one does not take them all."""
    try:
        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            v.f(numpy, *v.arrays(numpy.float64))
    except TypeError:
        return False
    return True


def grouped() -> dict[str, list[Variant]]:
    """The variants of each function, by "group: function"."""
    names: dict[str, list[Variant]] = {}
    older = tuple(map(int, numpy.__version__.split(".")[:2])) < NEWEST
    for v in VARIANTS:
        if older and not taken(v):
            continue
        names.setdefault(f"{v.group}: {v.name}", []).append(v)
    return names
