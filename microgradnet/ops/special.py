"""Rows for SciPy's special functions; imported when one of them is first called on a Value.

`scipy.special.erf(v)` is recorded, and so is `erf(v)` of this module, which is the same row. Here are the ufuncs of
`scipy.special` whose slope is one of them again. The orders of a Bessel function, `a` and `b` of the incomplete gamma
and beta functions and of ₁F₁, have no such slope: they are constants, and a Value in their place is refused.

The Python functions of `scipy.special` turn their arguments into plain arrays, which a Value refuses: logsumexp,
softmax and log_softmax are in `microgradnet.functional`, and `polygamma(x, n=…)` is here.

>>> from microgradnet import Value
>>> from scipy import special
>>> x = Value([-40.0, 0.0])
>>> special.log_ndtr(x).sum().backward()
>>> x.grad.round(6)
array([40.024969,  0.797885])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special

from ..checks import whole
from ..core import HUGE, POSITIVE, REAL, REFUSED, TABLE, TINY, UNIT, Domain, Op, Rule, Value, case, op, shaped
from ..words import describe, refuse

ROOT_PI = math.sqrt(math.pi)
ROOT_TAU = math.sqrt(2 * math.pi)
SHARE = Domain(0.1, 0.9)  # a probability, well inside


class Special(Op):
    """A row of SciPy's. Its inputs without a rule are constants, such as the order of a Bessel function."""

    def __init__(self, key: Any, rules: tuple[Rule, ...], *description: Any, **more: Any) -> None:
        super().__init__(key, tuple(map(_of_floats, rules)), *description, **more)
        ufunc = self.forward
        self.forward = lambda *inputs: ufunc(*_typed(inputs))

    def record(self, *inputs: Any) -> Value:
        for i, (x, rule) in enumerate(zip(inputs, self.rules, strict=False)):
            if type(x) is Value and rule is None:
                refuse(f"scipy.special.{self.name} has no rule for its argument {i}, {describe(x)}: it is a constant")
        return super().record(*_typed(inputs))


def _of_floats(rule: Rule) -> Rule:
    """`rule`, handed integers in floating point: one less than the order 0 in uint8 would be 255."""
    if rule is None:
        return None

    def safely(g: Any, out: Any, *inputs: Any) -> Any:
        return rule(g, out, *[x.astype(out.dtype) if getattr(x, "dtype", out.dtype).kind != "f" else x for x in inputs])

    return safely


def _typed(inputs: Sequence[Any]) -> Sequence[Any]:
    """`inputs` with Python numbers in the dtype of what stands beside them.

    SciPy leaves the choice to the order of its loops: kn(2, x) and gammainc(2.0, x) of a float32 x are float64.
    """
    dtypes = [x.dtype for x in inputs if hasattr(x, "dtype")]
    dtype = np.result_type(*dtypes) if 0 < len(dtypes) < len(inputs) else None
    if dtype is None or dtype.kind != "f":
        return inputs
    return [dtype.type(x) if isinstance(x, (int, float)) and not hasattr(x, "dtype") else x for x in inputs]


def _ufunc(name: str) -> Any:
    function = getattr(scipy.special, name)
    return getattr(function, "__wrapped__", function)  # with SCIPY_ARRAY_API=1 the ufunc is inside a Python function


def _row(name: str, *rules: Rule, **description: Any) -> Op:
    return op(_ufunc(name), *rules, kind=Special, **description)


# ------------------------------------------------------------------------------------ the normal distribution, sigmoids


def _erfcx_slope(x: Any, out: Any) -> Any:
    """2 · x · out − 2/√π; far to the right, where the two cancel, by its asymptotic series."""
    far = x > 50
    near = np.where(far, 0.0, x)
    r = 1 / np.where(far, x, 1.0)
    r = 0.5 * r * r
    series = r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r))))
    return np.where(far, series * (-2 / ROOT_PI), 2 * near * out - 2 / ROOT_PI)


def _hazard(x: Any) -> Any:
    """φ(x) / Φ(x), the slope of log_ndtr. erfcx keeps its precision on the left, and overflows on the right."""
    left, right = np.where(x < 0, x, 0.0), np.where(x < 0, 0.0, x)
    return np.where(
        x < 0,
        math.sqrt(2 / math.pi) / erfcx(left * -math.sqrt(0.5)),
        np.exp(-0.5 * right * right) / ndtr(right) / ROOT_TAU,
    )


erf = _row("erf", lambda g, out, x: g * np.exp(-x * x) * (2 / ROOT_PI))
erfc = _row("erfc", lambda g, out, x: -g * np.exp(-x * x) * (2 / ROOT_PI))
erfi = _row("erfi", lambda g, out, x: g * np.exp(x * x) * (2 / ROOT_PI), domain=UNIT)
erfcx = _row("erfcx", lambda g, out, x: g * _erfcx_slope(x, out), points=[50.0])
erfinv = _row("erfinv", lambda g, out, x: g * np.exp(out * out) * (ROOT_PI / 2), domain=UNIT,
              at={1.0: np.inf, -1.0: np.inf})  # fmt: skip
erfcinv = _row("erfcinv", lambda g, out, x: -g * np.exp(out * out) * (ROOT_PI / 2), domain=SHARE,
               at={0.0: -np.inf, 2.0: -np.inf})  # fmt: skip
ndtr = _row("ndtr", lambda g, out, x: g * np.exp(-0.5 * x * x) / ROOT_TAU)
log_ndtr = _row("log_ndtr", lambda g, out, x: g * _hazard(x))
ndtri = _row("ndtri", lambda g, out, x: g * np.exp(0.5 * out * out) * ROOT_TAU, domain=SHARE,
             at={0.0: np.inf, TINY: np.inf, 1.0: np.inf})  # fmt: skip
ndtri_exp = _row("ndtri_exp", lambda g, out, x: g / _hazard(out), domain=Domain(-3, -0.1),
                 at={0.0: np.inf, -TINY: np.inf})  # fmt: skip
expit: Op = _row("expit", lambda g, out, x: g * out * expit(-x))  # 1 − out would lose the slope of a large x
log_expit = _row("log_expit", lambda g, out, x: g * expit(-x))
logit = _row("logit", lambda g, out, x: g / (x * (1 - x)), domain=SHARE, at={0.0: np.inf, TINY: np.inf, 1.0: np.inf})

# -------------------------------------------------------------------------------------------------- exponents and logs

exp2 = _row("exp2", lambda g, out, x: g * out * math.log(2))
exp10 = _row("exp10", lambda g, out, x: g * out * math.log(10))
expm1 = _row("expm1", lambda g, out, x: g * np.exp(x))
log1p = _row("log1p", lambda g, out, x: g / (1 + x), domain=POSITIVE, at={-1.0: np.inf})
cbrt = _row("cbrt", lambda g, out, x: g / (3 * out * out), domain=POSITIVE, at={0.0: np.inf})
cosm1 = _row("cosm1", lambda g, out, x: -g * np.sin(x))


def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    """SciPy's ₁F₁(a; b; x). It takes longer the larger x is, for ever at ∞; all but polynomials overflow before 1e5."""
    polynomial = (a <= 0) & (a == np.floor(a))
    return _ufunc("hyp1f1")(a, b, np.where(polynomial, x, np.minimum(x, 1e5)))


def _hyp1f1_slope(a: Any, b: Any, x: Any) -> Any:
    """a / b · ₁F₁(a + 1; b + 1; x): of a constant it is 0, of a polynomial of degree 1 the factor alone."""
    rest = hyp1f1(np.where(a == 0, 0.0, a + 1), b + 1, x)
    return np.where(a == -1, 1.0, rest) * (a / b)


hyp1f1: Op = _row("hyp1f1", None, None, lambda g, out, a, b, x: g * _hyp1f1_slope(a, b, x), forward=_hyp1f1,
                  domain=(POSITIVE, POSITIVE, REAL))  # fmt: skip


def _exprel_slope(x: Any) -> Any:
    """exprel(x) is ₁F₁(1; 2; x), and its slope ½ ₁F₁(2; 3; x): no cancellation at 0. At −∞, where SciPy has NaN, 0."""
    end = x == -math.inf
    return np.where(end, 0.0, hyp1f1(2, 3, np.where(end, 0.0, x)) * 0.5)


exprel = _row("exprel", lambda g, out, x: g * _exprel_slope(x))


def _exp_over(x: Any, y: Any) -> Any:
    """exp(x) / y, ∞ where both are infinite."""
    return np.exp(x) / np.where(x == math.inf, 1.0, y)


expi = _row("expi", lambda g, out, x: g * _exp_over(x, x), domain=POSITIVE,
            at={0.0: np.inf, TINY: np.inf, -TINY: -np.inf})  # fmt: skip
exp1 = _row("exp1", lambda g, out, x: -g * np.exp(-x) / x, domain=POSITIVE, at={0.0: -np.inf, TINY: -np.inf})


def _ratio(x: Any, y: Any) -> Any:
    """x / y, but 0 for 0 / 0, and flat there."""
    nothing = (x == 0) & (y == 0)
    return np.where(nothing, 0.0, x) / np.where(nothing, 1.0, y)


def _log_beside(x: Any, y: Any, log: Any = np.log, zero: float = 0.0) -> Any:
    """log(y), but 0 where x is 0 and y is outside: there x · log(y) is 0 by convention, and so is its slope."""
    return log(np.where((x == 0) & (y <= zero), zero + 1.0, y))


xlogy = _row("xlogy", lambda g, out, x, y: g * _log_beside(x, y),
                      lambda g, out, x, y: g * _ratio(x, y), domain=(REAL, POSITIVE), at={
                          (0.0, 0.0): (0.0, 0.0), (1.0, 0.0): (-np.inf, np.inf), (-1.0, 0.0): (-np.inf, -np.inf),
                          (1.0, TINY): (None, np.inf),
                      })  # fmt: skip
xlog1py = _row("xlog1py", lambda g, out, x, y: g * _log_beside(x, y, np.log1p, -1.0),
                          lambda g, out, x, y: g * _ratio(x, 1 + y), domain=(REAL, POSITIVE), at={
                              (0.0, -1.0): (0.0, 0.0), (1.0, -1.0): (-np.inf, np.inf), (-1.0, -1.0): (-np.inf, -np.inf),
                          })  # fmt: skip
entr = _row("entr", lambda g, out, x: g * (-np.log(x) - 1), domain=POSITIVE, at={0.0: np.inf})


def _log_ratio(x: Any, y: Any) -> Any:
    """log(x / y), 0 for 0 / 0."""
    nothing = (x == 0) & (y == 0)
    return np.log(np.where(nothing, 1.0, x)) - np.log(np.where(nothing, 1.0, y))


rel_entr = _row("rel_entr", lambda g, out, x, y: g * (_log_ratio(x, y) + ((x != 0) | (y != 0))),
                            lambda g, out, x, y: -g * _ratio(x, y), domain=POSITIVE, at={
                                (0.0, 0.0): (0.0, 0.0), (0.0, 1.0): (-np.inf, 0.0), (1.0, 0.0): (np.inf, -np.inf),
                                (1.0, TINY): (None, -np.inf),
                            })  # fmt: skip
kl_div = _row("kl_div", lambda g, out, x, y: g * _log_ratio(x, y),
                        lambda g, out, x, y: g * (1 - _ratio(x, y)), domain=POSITIVE, at={
                            (0.0, 0.0): (0.0, 1.0), (0.0, 1.0): (-np.inf, 1.0), (1.0, 0.0): (np.inf, -np.inf),
                            (1.0, TINY): (None, -np.inf),
                        })  # fmt: skip


def _times(x: Any, y: Any) -> Any:
    """x · y, but 0 for 0 · ∞."""
    return np.where((y == 0) & np.isinf(x), 0.0, x) * np.where((x == 0) & np.isinf(y), 0.0, y)


def _by_power(log_x: Any, power: Any) -> Any:
    """The slope of (x**power − 1) / power in `power`, without cancellation at 0, from log(x)."""
    endless = np.isinf(log_x)
    falls = endless & (power * np.sign(log_x) < 0)  # x**power is 0, and what is left is −1 / power
    log_x = np.where(endless, 1.0, log_x)
    rest = np.where(falls, 1 / np.where(falls, power * power, 1.0), math.inf)
    return np.where(endless, rest, log_x * log_x * _exprel_slope(power * log_x))


def _by_inverse_power(x: Any, log_x: Any, power: Any) -> Any:
    """The same, negative, over the slope in x: how the inverse moves with `power` where it is x."""
    endless = np.isinf(log_x)
    falls = power * np.sign(log_x) < 0
    log = np.where(endless, 1.0, log_x)
    rises = np.where(endless, 1.0, x) * log * log * hyp1f1(1, 3, -np.abs(power * log)) * 0.5  # by Kummer: no overflow
    falling = _by_power(log_x, power) * np.exp(_times(1 - power, log_x))
    return -np.where(falls, falling, np.where(endless, np.maximum(log_x, 0.0), rises))


boxcox = _row("boxcox", lambda g, out, x, lmbda: g * x ** (lmbda - 1),
                        lambda g, out, x, lmbda: g * _by_power(np.log(x), lmbda), domain=(POSITIVE, REAL), at={
                            (0.0, 0.0): (np.inf, np.inf), (0.0, -1.0): (np.inf, None),
                            (TINY, TINY): (np.inf, None), (HUGE, 1.0): (None, np.inf),
                        })  # fmt: skip
boxcox1p = _row("boxcox1p", lambda g, out, x, lmbda: g * np.exp(_times(lmbda - 1, np.log1p(x))),
                            lambda g, out, x, lmbda: g * _by_power(np.log1p(x), lmbda), domain=(POSITIVE, REAL), at={
                                (-1.0, 0.0): (np.inf, np.inf), (-1.0, -1.0): (np.inf, None),
                                (HUGE, 1.0): (None, np.inf),
                            })  # fmt: skip
inv_boxcox = _row("inv_boxcox", lambda g, out, y, lmbda: g * out ** (1 - lmbda),
                                lambda g, out, y, lmbda: g * _by_inverse_power(out, np.log(out), lmbda),
                  domain=(SHARE, SHARE), at={(1.0, -1.0): (np.inf, -np.inf), (HUGE, 1.0): (None, -np.inf)})  # fmt: skip
inv_boxcox1p = _row("inv_boxcox1p", lambda g, out, y, lmbda: g * np.exp(_times(1 - lmbda, np.log1p(out))),
                                    lambda g, out, y, lmbda: g * _by_inverse_power(1 + out, np.log1p(out), lmbda),
                    domain=(SHARE, SHARE),
                    at={(1.0, -1.0): (np.inf, -np.inf), (HUGE, 1.0): (None, -np.inf)})  # fmt: skip

# ----------------------------------------------------------------------------------------------------- gamma and beta


def _polygamma(x: Any, *, n: int) -> Any:
    """The slope number `n` ≥ 1 of digamma (n = 0: digamma itself), element by element."""
    n = whole("n", n, 0, call="polygamma", more="; for its slope in x it is n + 1")
    x = shaped(x)
    if n == 0:
        return scipy.special.psi(x)
    return scipy.special.zeta(n + 1, x) * ((-1) ** (n + 1) * float(scipy.special.gamma(n + 1.0)))


polygamma: Op = op("polygamma", lambda g, out, x, *, n: g * polygamma(x, n=int(n) + 1), forward=_polygamma,
               symbol="ψ⁽ⁿ⁾", domain=POSITIVE, at=lambda n: dict.fromkeys([0.0, -1.0], -np.inf if n % 2 else np.inf),
               cases=[case("ab", n=1), case("ab", n=0), case("a", n=4), case("", n=1)])  # fmt: skip
psi: Op = _row("psi", lambda g, out, x: g * polygamma(x, n=1), domain=POSITIVE, at={0.0: np.inf})
digamma = psi
# At its poles below 0 gamma is NaN, or, in older SciPy, inf.
gamma = _row("gamma", lambda g, out, x: g * out * psi(x), domain=POSITIVE,
             at={0.0: -np.inf, -1.0: np.nan, -HUGE: np.nan, -np.inf: np.nan})  # fmt: skip
gammaln = _row("gammaln", lambda g, out, x: g * psi(x), domain=POSITIVE,
               at={0.0: -np.inf, -1.0: np.nan, -HUGE: np.nan, -np.inf: np.nan})  # fmt: skip
loggamma = _row("loggamma", lambda g, out, x: g * psi(x), domain=POSITIVE, at={0.0: -np.inf})
gammasgn = op(_ufunc("gammasgn"), None)


def _rgamma_slope(x: Any, out: Any) -> Any:
    """−ψ(x) / Γ(x). On the left, where ψ has poles, by reflection: 1/Γ(x) is Γ(1 − x) · sin(πx) / π."""
    left = x < 0.5
    there, here = np.where(left, x, 0.5), np.where(left, 0.5, x)
    turned = (there - 2 * np.round(there * 0.5)) * math.pi
    mirrored = gamma(1 - there) * (np.cos(turned) - psi(1 - there) * np.sin(turned) / math.pi)
    return np.where(left, mirrored, -_times(out, psi(here)))


rgamma = _row("rgamma", lambda g, out, x: g * _rgamma_slope(x, out), domain=POSITIVE, points=[-1.0, -2.0],
              at={-HUGE: np.inf, -np.inf: np.nan})  # fmt: skip


def _is_pole(x: Any) -> Any:
    """Whether the gamma function has a pole at x."""
    return (x <= 0) & (x == np.floor(x))


def _psi_step(a: Any, b: Any) -> Any:
    """ψ(a) − ψ(a + b); by reflection where both are poles, and 0 at ∞."""
    c = a + b
    both, endless = _is_pole(a) & _is_pole(c), np.isinf(a)
    start = np.where(endless, 1.0, np.where(both, 1 - a, a))
    end = np.where(endless, 1.0, np.where(both, 1 - c, c))
    return psi(start) - psi(end)


beta = _row("beta", lambda g, out, a, b: g * _times(out, _psi_step(a, b)),
                    lambda g, out, a, b: g * _times(out, _psi_step(b, a)), domain=POSITIVE,
            at={(0.0, 1.0): (-np.inf, None), (1.0, 0.0): (None, -np.inf)})  # fmt: skip
betaln = _row("betaln", lambda g, out, a, b: g * _psi_step(a, b),
                        lambda g, out, a, b: g * _psi_step(b, a), domain=POSITIVE,
              at={(0.0, 1.0): (-np.inf, None), (1.0, 0.0): (None, -np.inf)})  # fmt: skip


def _gamma_density(a: Any, x: Any) -> Any:
    return np.exp(xlogy(a - 1, x) - x - gammaln(a))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


gammainc = _row("gammainc", None, lambda g, out, a, x: g * _gamma_density(a, x), domain=POSITIVE)
gammaincc = _row("gammaincc", None, lambda g, out, a, x: -g * _gamma_density(a, x), domain=POSITIVE)
gammaincinv = _row("gammaincinv", None, lambda g, out, a, y: g / _gamma_density(a, out), domain=(POSITIVE, SHARE),
                   at={(1.0, 1.0): (None, np.inf)})  # fmt: skip
gammainccinv = _row("gammainccinv", None, lambda g, out, a, y: -g / _gamma_density(a, out), domain=(POSITIVE, SHARE),
                    at={(1.0, 0.0): (None, -np.inf), (1.0, TINY): (None, -np.inf)})  # fmt: skip
# Where a or b is 0 there is no distribution, and SciPy says on which side of the jump it is.
JUMPS = {(0.0, 1.0, 0.0): (None, None, np.nan), (1.0, 0.0, 1.0): (None, None, np.nan)}
betainc = _row("betainc", None, None, lambda g, out, a, b, x: g * _beta_density(a, b, x),
               domain=(POSITIVE, POSITIVE, SHARE), at=JUMPS)  # fmt: skip
betaincc = _row("betaincc", None, None, lambda g, out, a, b, x: -g * _beta_density(a, b, x),
                domain=(POSITIVE, POSITIVE, SHARE), at=JUMPS)  # fmt: skip
betaincinv = _row("betaincinv", None, None, lambda g, out, a, b, y: g / _beta_density(a, b, out),
                  domain=(POSITIVE, POSITIVE, SHARE))  # fmt: skip

# ------------------------------------------------------------------------------------------------------ robust costs


def _huber_side(delta: Any, r: Any) -> Any:
    """hypot(delta, r), 1 where both are 0: the denominator of what is 0 there."""
    h = np.hypot(delta, r)
    return h + (h == 0)


huber = _row("huber", lambda g, out, delta, r: g * np.maximum(np.abs(r) - delta, 0.0),
                      lambda g, out, delta, r: g * np.clip(r, -delta, delta), domain=(POSITIVE, REAL))  # fmt: skip
# δ² · (√(1 + (r/δ)²) − 1) = δ · (h − δ) with h = hypot(δ, r), and h − δ = r² / (h + δ) does not cancel
pseudo_huber = _row("pseudo_huber",
                    lambda g, out, delta, r:
                        g * (r * r / (_huber_side(delta, r) + delta)) ** 2 / _huber_side(delta, r),
                    lambda g, out, delta, r:
                        g * np.where(np.isinf(r), np.sign(r) * delta, r * (delta / _huber_side(delta, r))),
                    domain=(POSITIVE, REAL))  # fmt: skip

# ------------------------------------------------------------------------------------------------- angles in degrees

DEGREE = math.pi / 180
ACUTE = Domain(20, 70)
sindg = _row("sindg", lambda g, out, x: g * cosdg(x) * DEGREE, domain=ACUTE, points=[90.0, 180.0])
cosdg: Op = _row("cosdg", lambda g, out, x: -g * sindg(x) * DEGREE, domain=ACUTE, points=[90.0, 180.0])
tandg = _row("tandg", lambda g, out, x: g * (1 + out * out) * DEGREE, domain=ACUTE, at={90.0: np.inf})
cotdg = _row("cotdg", lambda g, out, x: -g * (1 + out * out) * DEGREE, domain=ACUTE, at={0.0: -np.inf, 180.0: -np.inf})

# ------------------------------------------------------------------------------------- Bessel functions, of order v
# The slopes by the neighbouring orders hold at 0 too, where those by out / x would be 0 / 0.

ORDER = (POSITIVE, POSITIVE)
WHOLE = (Domain(2, 2), POSITIVE)


def _but_at_a_pole(slope: Any, out: Any) -> Any:
    """`slope`, but where the function is infinite, at 0, that of a pole: as it goes there, so steep is its way back."""
    return np.where(np.isinf(out), -out, slope)


def _i1_slope(x: Any, out: Any) -> Any:
    """(I₀ + I₂) / 2, where SciPy has both: of a denormal x it has no I₂, and after an overflow neither."""
    tiny, over = np.abs(x) < 1e-150, np.isinf(out)
    rest = i0(x) + np.where(tiny, 0.0, iv(2, np.where(tiny | over, 1.0, x)))
    return np.where(over, np.abs(out), rest * 0.5)


def _i1e_slope(x: Any, out: Any) -> Any:
    """(I₀ + I₂) / 2 − sign(x) · I₁, each times exp(−|x|); far out, where they cancel, by its asymptotic series."""
    far = np.abs(x) > 1e6
    near = np.where(far, 1.0, x)
    r = 1 / np.where(far, x, 1.0)
    series = -out * r * (1 - 0.75 * np.abs(r)) * 0.5
    return np.where(far, series, (i0e(near) + ive(2, near)) * 0.5 - np.sign(near) * out)


# The slopes at 0 of Y and K, whose orders −1 and 1 are one but for a sign.
NEUMANN = {(0.0, 0.0): (None, np.inf), (1.0, 0.0): (None, np.inf), (-1.0, 0.0): (None, -np.inf)}
MACDONALD = {(v, 0.0): (None, -np.inf) for v in (0.0, 1.0, -1.0)}
j0 = _row("j0", lambda g, out, x: -g * j1(x))
j1: Op = _row("j1", lambda g, out, x: g * (j0(x) - jv(2, x)) * 0.5)
y0 = _row("y0", lambda g, out, x: -g * y1(x), domain=POSITIVE, at={0.0: np.inf, TINY: np.inf})
y1: Op = _row("y1", lambda g, out, x: g * _but_at_a_pole(y0(x) - out / x, out), domain=POSITIVE, at={0.0: np.inf})
jv: Op = _row("jv", None, lambda g, out, v, x: g * (jv(v - 1, x) - jv(v + 1, x)) * 0.5, domain=ORDER)
jn = jv
yv: Op = _row("yv", None, lambda g, out, v, x: g * _but_at_a_pole((yv(v - 1, x) - yv(v + 1, x)) * 0.5, out),
              domain=ORDER, at=NEUMANN)  # fmt: skip
yn = _row("yn", None, lambda g, out, n, x: g * _but_at_a_pole((yv(n - 1, x) - yv(n + 1, x)) * 0.5, out),
          domain=WHOLE, at=NEUMANN)  # fmt: skip
i0 = _row("i0", lambda g, out, x: g * i1(x))
i1: Op = _row("i1", lambda g, out, x: g * _i1_slope(x, out))
iv: Op = _row("iv", None, lambda g, out, v, x: g * (iv(v - 1, x) + iv(v + 1, x)) * 0.5, domain=ORDER)
k0 = _row("k0", lambda g, out, x: g * _but_at_a_pole(-k1(x), out), domain=POSITIVE, at={0.0: -np.inf})
k1: Op = _row("k1", lambda g, out, x: g * _but_at_a_pole(-k0(x) - out / x, out), domain=POSITIVE, at={0.0: -np.inf})
kv: Op = _row("kv", None, lambda g, out, v, x: -g * (kv(v - 1, x) + kv(v + 1, x)) * 0.5, domain=ORDER, at=MACDONALD)
kn = _row("kn", None, lambda g, out, n, x: -g * (kv(n - 1, x) + kv(n + 1, x)) * 0.5, domain=WHOLE, at=MACDONALD)
# exp(−|x|) · i and exp(x) · k
i0e = _row("i0e", lambda g, out, x: g * (i1e(x) - np.sign(x) * out))
i1e: Op = _row("i1e", lambda g, out, x: g * _i1e_slope(x, out), points=[1e6, 1e10])
ive: Op = _row("ive", None, lambda g, out, v, x: g * ((ive(v - 1, x) + ive(v + 1, x)) * 0.5 - np.sign(x) * out),
           domain=ORDER)  # fmt: skip
k0e = _row("k0e", lambda g, out, x: g * _but_at_a_pole(out - k1e(x), out), domain=POSITIVE, at={0.0: -np.inf})
k1e: Op = _row("k1e", lambda g, out, x: g * _but_at_a_pole(out - k0e(x) - out / x, out), domain=POSITIVE,
               at={0.0: -np.inf})  # fmt: skip
kve: Op = _row("kve", None, lambda g, out, v, x:
                   g * _but_at_a_pole(out - (kve(v - 1, x) + kve(v + 1, x)) * 0.5, out),
               domain=ORDER, at=MACDONALD)  # fmt: skip

# --------------------------------------------------------------------------------------------------- rows and no rows


def rows() -> dict[Any, Op]:
    """SciPy's ufuncs with a row, each with its row."""
    return {ufunc: TABLE[ufunc] for ufunc in map(_ufunc, scipy.special.__all__) if ufunc in TABLE}


for ufunc in map(_ufunc, scipy.special.__all__):
    if isinstance(ufunc, np.ufunc) and ufunc not in TABLE:
        REFUSED[ufunc] = (
            "it is SciPy's and has several results, or works on complex numbers"
            if ufunc.nout > 1 or not any(set(kinds.split("->")[0]) <= set("lfdg") for kinds in ufunc.types)
            else "it is SciPy's, and no rule is written for it here. @primitive makes a row of it, given its derivative"
        )
