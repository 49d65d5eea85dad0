"""exp, log and tanh as LLVM IR: straight lines that LLVM turns into vector instructions, right to a few ulp.

±inf, NaN, denormals, and what overflows or underflows come out as from NumPy. The polynomials are those of Cephes and
of FreeBSD's libm, which are in the public domain or free.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any

import numpy as np

NAMES = {"f": "float", "d": "double"}


def number(x: float, char: str) -> str:
    """A constant, as the bits of a double."""
    with np.errstate(over="ignore"):
        x = float(np.float32(x)) if char == "f" else float(x)
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def bits_of(x: float, char: str) -> int:
    """The bits of a number, as an integer."""
    return int(np.array(x, char).view("i4" if char == "f" else "i8"))


def several(kind: str, lanes: int) -> str:
    """The type of so many numbers that are computed at once."""
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


def everywhere(text: str, kind: str, lanes: int) -> str:
    """A constant as so many numbers."""
    return text if lanes == 1 else f"splat ({kind} {text})"


def suffix(char: str, lanes: int) -> str:
    """How the names of LLVM's functions of so many numbers end."""
    return f"{'' if lanes == 1 else f'v{lanes}'}{'f32' if char == 'f' else 'f64'}"


class Formula:
    """Lines of one function of a float or a double, or of a vector of so many `lanes`."""

    def __init__(self, char: str, scales: bool, lanes: int) -> None:
        self.char: str = char
        self.scales: bool = scales  # whether the processor multiplies by powers of 2
        self.lanes: int = lanes
        self.type: str = several(NAMES[char], lanes)
        self.truth: str = several("i1", lanes)
        self.integer: str = "i32" if char == "f" else "i64"
        self.whole: str = several(self.integer, lanes)
        self.suffix: str = suffix(char, lanes)
        self.lines: list[str] = []

    def __call__(self, text: str) -> str:
        self.lines.append(f"  %v{len(self.lines)} = {text}")
        return f"%v{len(self.lines) - 1}"

    def n(self, x: float) -> str:
        return everywhere(number(x, self.char), NAMES[self.char], self.lanes)

    def i(self, x: int) -> str:
        return everywhere(str(x), self.integer, self.lanes)

    def op(self, name: str, x: str, y: str) -> str:
        return self(f"{name} contract {self.type} {x}, {y}")

    def add(self, x: str, y: str) -> str:
        return self.op("fadd", x, y)

    def sub(self, x: str, y: str) -> str:
        return self.op("fsub", x, y)

    def mul(self, x: str, y: str) -> str:
        return self.op("fmul", x, y)

    def choose(self, test: str, x: str, y: str, where_true: str, where_false: str) -> str:
        c = self(f"fcmp {test} {self.type} {x}, {y}")
        return self(f"select {self.truth} {c}, {self.type} {where_true}, {self.type} {where_false}")

    def polynomial(self, x: str, coefficients: list[float]) -> str:
        """c0 xⁿ + … + cn."""
        p = self.n(coefficients[0])
        for c in coefficients[1:]:
            p = self.add(self.mul(p, x), self.n(c))
        return p

    def call(self, name: str, *args: str) -> str:
        given = ", ".join(f"{self.type} {x}" for x in args)
        return self(f"call {self.type} @llvm.{name}.{self.suffix}({given})")

    def whole_number(self, x: str, kind: str) -> str:
        """An integer; of a NaN, whose y is a NaN whatever it is scaled by, any one."""
        return self(f"freeze {kind} {self(f'fptosi {self.type} {x} to {kind}')}")


def exp(f: Formula) -> str:
    """2ᵏ · exp(r), |r| ≤ ln 2 / 2. 2ᵏ may be out of range: without an instruction for it, it is two factors."""
    single = f.char == "f"
    least, most, whole = (-104.0, 89.0, 1.5 * 2.0**23) if single else (-746.0, 710.0, 1.5 * 2.0**52)
    x = f.choose("ogt", "%x", f.n(most), f.n(most), "%x")
    x = f.choose("olt", x, f.n(least), f.n(least), x)
    shifted = f.add(f.mul(x, f.n(1.4426950408889634)), f.n(whole))
    k = f.sub(shifted, f.n(whole))
    high, low = (0.693359375, -2.12194440e-4) if single else (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    r = f.sub(f.sub(x, f.mul(k, f.n(high))), f.mul(k, f.n(low)))
    if single:
        p = f.polynomial(r, [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5])
    else:
        factorials = [1.0]
        for i in range(1, 14):
            factorials.append(factorials[-1] * i)
        p = f.polynomial(r, [1 / x for x in factorials[:1:-1]])
    y = f.add(f.mul(f.add(f.mul(p, r), f.n(1.0)), r), f.n(1.0))
    bits, shift, bias = f.whole, *((23, 127) if single else (52, 1023))
    if f.scales:
        short = several("i32", f.lanes)
        return f(f"call {f.type} {ldexp(f)}({f.type} {y}, {short} {f.whole_number(k, short)})")
    k = f(f"bitcast {f.type} {shifted} to {bits}")
    least = bits_of(whole, f.char)
    first = f(f"add {bits} {f(f'lshr {bits} {k}, {f.i(1)}')}, {f.i(bias - least // 2)}")
    second = f(f"sub {bits} {f(f'add {bits} {k}, {f.i(2 * bias - least)}')}, {first}")
    for power in (first, second):
        y = f.mul(y, f(f"bitcast {bits} {f(f'shl {bits} {power}, {f.i(shift)}')} to {f.type}"))
    return y


def ldexp(f: Formula) -> str:
    """The name of what multiplies by powers of 2."""
    return f"@llvm.ldexp.{f.suffix}.{'' if f.lanes == 1 else f'v{f.lanes}'}i32"


def log(f: Formula) -> str:
    """k ln 2 + log(1 + r), where √½ ≤ 1 + r < √2."""
    single, bits = f.char == "f", f.whole
    shift, bias, tiny, up = (23, 127, 2.0**-126, 23) if single else (52, 1023, 2.0**-1022, 52)
    c = f(f"fcmp olt {f.type} %x, {f.n(tiny)}")
    scaled = f(f"select {f.truth} {c}, {f.type} {f.mul('%x', f.n(2.0**up))}, {f.type} %x")
    less = f(f"select {f.truth} {c}, {bits} {f.i(bias + up)}, {bits} {f.i(bias)}")
    b = f(f"bitcast {f.type} {scaled} to {bits}")
    root = 0x3F3504F3 if single else 0x3FE6A09E667F3BCD  # √½
    one = 0x3F800000 if single else 0x3FF0000000000000
    b = f(f"add {bits} {b}, {f.i(one - root)}")
    k = f(f"sub {bits} {f(f'lshr {bits} {b}, {f.i(shift)}')}, {less}")
    b = f(f"add {bits} {f(f'and {bits} {b}, {f.i((1 << shift) - 1)}')}, {f.i(root)}")
    r = f.sub(f(f"bitcast {bits} {b} to {f.type}"), f.n(1.0))
    s = f.op("fdiv", r, f.add(f.n(2.0), r))
    z = f.mul(s, s)
    coefficients = (
        [0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693]
        if single
        else [
            1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
            2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
        ]
    )  # fmt: skip
    p = f.mul(f.polynomial(z, coefficients), z)
    half = f.mul(f.n(0.5), f.mul(r, r))
    k = f(f"sitofp {bits} {k} to {f.type}")
    high, low = (
        (6.9313812256e-01, 9.0580006145e-06) if single else (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    )
    y = f.add(f.mul(s, f.add(half, p)), f.mul(k, f.n(low)))
    y = f.add(f.add(f.sub(y, half), r), f.mul(k, f.n(high)))
    y = f.choose("oeq", "%x", f.n(math.inf), "%x", y)
    y = f.choose("oeq", "%x", f.n(0.0), f.n(-math.inf), y)
    return f.choose("uge", "%x", f.n(0.0), f.choose("uno", "%x", "%x", "%x", y), f.n(math.nan))


def tanh(f: Formula) -> str:
    """A polynomial, or a quotient of two, near 0; 1 − 2 / (exp(2 |x|) + 1) elsewhere."""
    z = f.mul("%x", "%x")
    if f.char == "f":
        p = f.polynomial(
            z, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]
        )
    else:
        p = f.op(
            "fdiv",
            f.polynomial(z, [-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3]),
            f.polynomial(z, [1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3]),
        )
    small = f.add(f.mul(f.mul(p, z), "%x"), "%x")
    size = f.call("fabs", "%x")
    e = f(f"call {f.type} @exp_{f.suffix}({f.type} {f.mul(size, f.n(2.0))})")
    large = f.sub(f.n(1.0), f.op("fdiv", f.n(2.0), f.add(e, f.n(1.0))))
    return f.choose("olt", size, f.n(0.625), small, f.call("copysign", large, "%x"))


FUNCTIONS: dict[str, Any] = {"exp": exp, "log": log, "tanh": tanh}
CALLED = re.compile(r"@(exp|log|tanh)_(?:v(\d+))?f(32|64)\(")


def definitions(text: str, scales: bool) -> str:
    """Those that a text calls, of floats and doubles and of vectors of them, as the text of LLVM functions."""
    called = {(name, int(lanes or 1), bits) for name, lanes, bits in CALLED.findall(text)}
    called |= {("exp", lanes, bits) for name, lanes, bits in called if name == "tanh"}
    made = []
    for name, lanes, bits in sorted(called):
        f = Formula("f" if bits == "32" else "d", scales, lanes)
        result = FUNCTIONS[name](f)
        if name == "exp" and scales:
            made.append(f"declare {f.type} {ldexp(f)}({f.type}, {several('i32', lanes)})")
        head = f"define internal {f.type} @{name}_{f.suffix}({f.type} %x) alwaysinline {{"
        made.append("\n".join([head, *f.lines, f"  ret {f.type} {result}", "}"]))
    return "\n".join(made) + "\n"
