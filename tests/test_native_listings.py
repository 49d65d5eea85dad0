"""What machine code is made of, where it is written otherwise for other sizes, layouts and processors.

tests/native_listings.txt has for each step here what test_listings has of native programs: the text, and the sums of
its functions in LLVM's language. That what is written is right is tested here too, and in test_native: but not on other
processors than this one, and what is slow, or takes more memory, is right as well. Of what is long there is one sum.
`python -m tests.test_native_listings` writes the file anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native programs need llvmlite")
import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value
from microgradnet.programs.backends import is_native
from tests.compiled import leaves, plain
from tests.test_listings import Made, a, in_short, native
from tests.test_native import TURNS

PAGE = Path(__file__).with_name("native_listings.txt")
FLOATS = np.float32, np.float64
PROCESSORS = {"": (16, 32), ", 512 bits": (32, 64), ", 128 bits": (16, 16)}  # how many vectors, and of how many bytes


def pairs(sizes: list[tuple[int, int, int]], turned: bool = False) -> tuple[Any, ...]:
    """Factors of these sizes, by turns of floats and of doubles; small whole numbers, so that products are exact."""
    found = []
    for i, (m, k, n) in enumerate(sizes):
        shapes = [(k, m), (n, k)] if turned else [(m, k), (k, n)]
        found += [np.floor(a(*shape) * 11).astype(FLOATS[i % 2]) - 5 for shape in shapes]
    return tuple(found)


def tiled() -> Made:
    """Products of sizes for which tiles are made otherwise, with a bias or without one."""

    def step(*arrays: Any) -> Any:
        made = []
        for x, y in zip(arrays[::2], arrays[1::2], strict=True):
            made += [Value(x) @ y, Value(x[:, ::-1]) @ y, F.linear(Value(x) * 2.0, y.T, y[0]), Value(x) @ y[:, ::2]]
            made += [(Value(y.T) @ x.T).T + x[:, :1], Value(np.stack([x, x])) @ np.stack([y, -y])]
            made += [
                Value(x) * 3.0 @ y + y[0, ::-1],
                F.linear(Value(x) * 4.0, y.T, np.broadcast_to(x[0, :1], y.shape[1:])),
            ]
        return made

    return step, pairs([
        (1, 31, 3), (2, 32, 33), (3, 8, 70), (5, 1, 9), (7, 17, 1), (9, 33, 5), (20, 40, 17), (13, 5, 29), (33, 3, 8)
    ])  # fmt: skip


def turned() -> Made:
    """Products whose factors, and what they are added to, lie the other way round or with gaps."""

    def step(*arrays: Any) -> Any:
        made = []
        for x, y in zip(arrays[::2], arrays[1::2], strict=True):
            made += [
                Value(x.T) @ y.T,
                F.linear(Value(x.T) * 2.0, y, y[:, 0]),
                F.linear(Value(x.T), y * 3.0, y[:, 0]),
                Value(y) @ x,
                Value(x.T[::2]) @ y.T[:, ::2],
            ]
            made += [Value(x.T[:, ::2]) @ y.T[::2], (Value(x.T) * 2.0) @ (Value(y) * 0.5).T]
        return made

    return step, pairs([
        (3, 5, 7), (33, 2, 40), (6, 129, 5), (4, 128, 9), (3, 40, 6), (17, 8, 16), (1, 9, 12), (12, 9, 1)
    ], turned=True)  # fmt: skip


def left_to_blas() -> Made:
    """Products too large for tiles, of matrices and of rows, as they lie and turned."""
    w = Value(np.floor(a(600, 900) * 11).astype(np.float32) - 5)

    def step(x: Any, y: Any) -> Any:
        many = x.T @ (w * 1.0)
        made = [F.linear(y[None], w.T, w[0]), y @ w, (y @ w) @ w.T, w.T @ y.T]
        return [*made, many, many @ w.T, x[:, :1].T @ w, many[0] @ w.T, w.T[::2] @ x[:, ::3]]

    return step, (np.floor(a(600, 300) * 7).astype(np.float32), np.floor(a(1, 600) * 7).astype(np.float32))


def added_up() -> Made:
    """Sums along any axes of what is short and long, in blocks; largest and smallest; along columns of all widths."""
    sizes = [(3, 1500), (1500, 3), (2, 1024, 2), (1025,), (5, 3, 7), (1, 4), (2, 1, 3, 1)]
    lines = [np.floor(a(n) * 19).astype(np.float32) for n in (1024, 1025, 2048, 2049)]

    def step(*arrays: Any) -> Any:
        made = []
        for x in arrays:
            v = Value(x)
            for axis in [None, 0, -1, *([(0, -1), (0, 1)] if x.ndim > 2 else [])]:
                made += [v.sum(axis=axis), (v * 2.0).sum(axis=axis, keepdims=True), v.max(axis=axis)]
            made += [v.T.min(axis=0), v[::2].sum(), (v + v.sum(axis=0)).sum(axis=-1)]
        return made

    wide = [np.floor(a(6, n) * 19).astype(FLOATS[n % 2]) for n in (1, 2, 4, 7, 8, 16, 17, 31, 127, 128, 130)]
    tall = [np.floor(a(n, 3) * 19).astype(np.float64) for n in (1024, 1025)]
    return step, (*[np.floor(a(*s) * 19).astype(FLOATS[len(s) % 2]) for s in sizes], *lines, *wide, *tall)


def of_a_size(m: int, k: int, n: int, dtype: Any = np.float64, along: bool = False) -> Callable[[], Made]:
    """A product that is just small enough for tiles or a cache, or just too large; with both factors along the sum."""

    def make() -> Made:
        if along:
            return lambda x, y: Value(x) @ y.T, (a(m, k, dtype=dtype), a(n, k, dtype=dtype))
        return lambda x, y: Value(x) @ y, (a(m, k, dtype=dtype), a(k, n, dtype=dtype))

    make.__name__ = f"{m} × {k} × {n}"
    return make


def at_work(*sizes: int) -> Callable[[], Made]:
    """So much to compute that other threads may run meanwhile, or one number less."""

    def make() -> Made:
        arrays = a(160, 100), a(100, 200), *map(a, sizes)
        return lambda x, y, *others: [Value(x) @ y, *[Value(z) * 2.0 for z in others]], arrays

    make.__name__ = f"at work {sizes}"
    return make


def in_lines() -> Made:
    """Rows of lengths around those of vectors, one by one: of some the last vector is not full."""
    lengths = [1, 15, 16, 17, 112, 113, 127, 128, 129, 144]
    return lambda x, y: [made for n in lengths for made in (Value(x[:, :n]) * 2.0, np.tanh(y[:, :n]))], (
        a(2, 150), a(3, 150, dtype=np.float32)
    )  # fmt: skip


def far_apart() -> Made:
    """Loops that more is added to after as many steps as are looked through, and after one more."""

    def step(x: Any, y: Any, z: Any) -> Any:
        v, w = Value(x), Value(y)
        first, second = v * 2.0, w * 2.0
        products = [first @ z[:, : 1 + i] if i else second @ z[:2] for i in range(63)]
        return [*products, w * 3.0, v * 3.0]

    return step, (a(3, 4), a(5, 2), a(4, 63))


def trained_in_products() -> Made:
    """Gradients that go off their parameters as they are computed: of a factor that is kept, or copied; or do not."""
    ws = [Value(a(40, 50, dtype=np.float32)) for _ in range(8)]
    turned = Value(np.asfortranarray(a(40, 50, dtype=np.float32)))

    def step(x: Any, y: Any, lr: float) -> Any:
        h = np.tanh(x) * 0.5
        loss = sum([((h @ w) * y).sum() for w in ws[:4]], Value(np.float32(0.0)))
        loss = loss + sum([((x @ w) * y).sum() for w in [*ws[4:6], turned]]) + (x.T @ ws[6].T[:3]).sum()
        loss = loss + ((x @ ws[7]) * y).sum()
        for w in [*ws, turned]:
            w.grad = None
        loss.backward()
        ws[0].data -= 0.1 * ws[0].grad
        ws[1].data -= ws[1].grad * lr
        ws[2].data -= 0.1 * ws[2].grad + 0.0 * ws[2].data
        ws[3].data += 0.1 * ws[3].grad
        for w in [*ws[4:7], turned]:
            w.data -= lr * w.grad
        g = ws[7].grad
        ws[7].data -= lr * g
        return loss, g.sum()

    return step, (a(3, 40, dtype=np.float32), a(3, 50, dtype=np.float32), 0.25)


def trained_one_by_one() -> Made:
    """The same where a product goes off a parameter alone, once with a factor that is live."""
    w, v = Value(a(30, 20)), Value(a(20, 30))

    def step(x: Any, y: Any, lr: float) -> Any:
        h = x @ w
        loss = ((h @ v - y) ** 2).sum()
        w.grad = v.grad = None
        loss.backward()
        w.data -= lr * w.grad
        v.data -= v.grad * 0.5
        return loss

    return step, (a(2, 30), a(2, 30), 0.125)


def of_very_many() -> Made:
    """Long chains of instructions for each of so many elements that several of them are computed beside each other."""

    def step(x: Any) -> Any:
        return np.tanh(x), np.sqrt(x) * 2.0, np.exp(x[:-1]).sum()

    return step, (a(1 << 16),)


def trained_on(rows: int) -> Callable[[], Made]:
    """A gradient as large as the factor that would have to be kept for it, or larger by one row."""

    def make() -> Made:
        w, b = Value(a(30, 20)), Value(a(20))

        def step(x: Any, y: Any) -> Any:
            loss = (np.tanh(x @ w + b) * y).sum()
            w.grad = b.grad = None
            loss.backward()
            w.data -= w.grad * 0.25
            b.data -= 0.5 * b.grad
            return loss, [np.concatenate([x, y * 2.0], axis=1), np.concatenate([x[:1], -x[2:5]])]

        return step, (a(rows, 30), a(rows, 20))

    make.__name__ = f"trained on {rows} rows"
    return make


def long_chain() -> Made:
    """More than one loop may have: of few numbers, and of many."""

    def step(x: Any, y: Any) -> Any:
        made = []
        for v, n in ((Value(x), 30), (Value(y), 90)):
            first, second = v, v * 0.5
            for i in range(n):
                first, second = first * 0.75 + second, second * 0.5 - 0.125
                if i % 13 == 0:
                    second = second + np.exp(-abs(first)) * 0.25 + np.log(second * second + 1.5)
                if i % 40 == 39:
                    first = first - first.sum()
            made += [first, second]
        return made

    return step, (a(3, 5461), a(128, 128))  # the longest array of few numbers, and the shortest of many


def gathered() -> Made:
    """Rows by numbers that are one or two arrays, of any layout, and what flows back to where they were."""
    table, cube, short = Value(a(7, 4)), Value(a(5, 3, 2, dtype=np.float32)), Value(a(6))

    def step(i: Any, j: Any, flat: Any) -> Any:
        rows = table[i]
        more = table[i.T] * 2.0 + table[flat[: i.shape[1], None]] * table[i.T + 0]
        some = cube[i, j] + cube[i[:1], flat[: i.shape[1]] % 3] * 0.5
        numbers = short[flat] * short[flat[::-1]]
        cost = (rows * rows).sum() + more.sum() + some.sum() * 2.0 + (numbers**3).sum() + table[flat[:1]].sum()
        for w in (table, cube, short):
            w.grad = None
        cost.backward()
        return [cost, rows.max(axis=0), some, *[w.grad for w in (table, cube, short)]]

    return step, (np.array([[0, 4, -1], [2, 2, 0]]), np.array([[0, 2, -1], [1, 1, 0]]), np.array([0, 5, -1, 3, 3, -6]))


def put_together() -> Made:
    """Parts, one after the other along an axis or each in its place, with gaps between them or not."""

    def step(x: Any, y: Any) -> Any:
        v, w = Value(x), Value(y)
        plain = [
            np.concatenate([x, y * 2.0], axis=-1),
            np.concatenate([x[:1], y, x.T]),
            np.concatenate([x, y], axis=None),
        ]
        made = [
            *plain,
            np.concatenate([x[0], y.astype(np.float32)[1]]),
            np.concatenate([v, w]),
            np.concatenate([v, w.T * 1.0, v[:, :1]], axis=1),
        ]
        made += [np.concatenate([v, w, v[::-1]], axis=-2), np.stack([v, w], axis=-1), np.concatenate([v[0], w[1]])]
        cost = (v[:2] * 2.0).sum() + (v[2:] * 3.0).sum() + (v[:, 1] * w[1]).sum() + (w[-1] * w[0]).sum()
        cost = (
            cost
            + (w[::2, ::2] ** 2).sum()
            + (w[1::2] * 0.5).sum()
            + w[0, 1] * 2.0
            + (v.T[1:, :-1] * v.T[:-1, 1:]).sum()
        )
        cost.backward()
        return [*made, v.grad, w.grad, cost]

    return step, (a(3, 3), a(3, 3) + 1.0)


def without_axes() -> Made:
    """Functions of numbers that have no axes, and of arrays of one."""

    def step(x: Any, n: float) -> Any:
        s = Value(x).sum()
        made = [F.sigmoid(s), F.relu(-s), s**2, s**3, s**1, s**-1, s**0.5, np.tanh(s), s.astype(np.float32) * 2, s * n]
        made += [
            np.maximum(s, n),
            np.where(s > n, s, n),
            (s > n) & (s < 9.0),
            F.sigmoid(s[None]),
            s.reshape(1, 1) @ x[:1],
        ]
        return [*made, x * s, s.max(), np.exp(s).sum(axis=None), np.sign(s), np.floor(s), np.log(s), np.sqrt(s), 1 / s]

    return step, (a(2, 3), 0.5)


def of_two_kinds() -> Made:
    """Bools, floats and doubles: what is true of them, chosen by them, counted and made into another kind."""

    def step(x: Any, y: Any, mask: Any) -> Any:
        v, w = Value(x), Value(y)
        both = np.logical_and(v > 0.5, mask), np.logical_or(v, mask), np.logical_xor(v < 0.25, mask), np.logical_not(v)
        made = [np.where(m, v, 0.5) for m in both] + [v * mask, v + mask, mask * np.float32(2.0) * v, mask - v]
        made += [v.astype(np.float64) * w, w.astype(np.float32) * v, (v > 0.5) == mask, (v == v.max()) != mask]
        made += [np.maximum(v, np.float32(0.5)), np.minimum(v, v.T), np.copysign(v, 0.5 - v), np.absolute(v - 0.5)]
        made += [
            np.isnan(v),
            np.isfinite(v / (v - v.max())),
            np.isinf(1 / (v - v.min())),
            np.reciprocal(v),
            np.square(w),
        ]
        return made

    return step, (a(3, 3, dtype=np.float32), a(3, 3), np.tri(3, dtype=bool))


def watched() -> Made:
    """Calls of the host's with arguments and without, between what is loaded, computed and checked."""
    seen: list[float] = []
    w, v = Value(a(4)), Value(a(4, 4))
    options = {"lr": 0.5, "on": True}

    def note(*x: Any) -> float:
        seen.append(len(x))
        return 2.0

    def step(x: Any) -> Any:
        first = mg.host_call(note)
        y = np.tanh(v @ x) * (2.0 if options["on"] else 1.0)
        second = mg.host_call(note, y)
        z = np.sort(y * second) + w
        w.data = w.data - options["lr"] * z.data[::-1] * first
        v.data = v.data.T * 0.5
        mg.host_call(note, z, w)
        return z.sum() * (w * 1.0).sum(), y, v.data[0]

    return step, (a(4),)


def swapped() -> Made:
    """Parameters that become what others were: none can be written before all are read."""
    w, v, u = Value(a(3, 4)), Value(a(3, 4) * 2), Value(a(3, 4) * 3)

    def step(x: Any) -> Any:
        old = w.data * 1.0
        total = (w * v * u).sum()
        w.data = v.data * 0.5 + x
        v.data = u.data + old
        u.data = u.data * 0.5
        return total

    return step, (a(3, 4),)


def drawn(seed: int) -> Callable[[], Made]:
    """A program of operations that are drawn at random, and its gradients."""

    def make() -> Made:
        shapes = [(3, 4), (4,), (4, 4), (1, 4), (2, 3, 4), (3, 1), (5, 4), (16, 16)]
        choices = np.random.RandomState(seed).randint(0, 1 << 30, (20, 4)).tolist()
        dtype = FLOATS[seed % 2]
        arrays = [a(*shapes[i % len(shapes)], dtype=dtype) - 0.5 for i in choices[0]]
        parameters = [Value(x) for x in arrays[2:]]

        def step(x: Any, y: Any) -> Any:
            made = [Value(x), Value(y), *parameters]
            for i, j, k, n in choices:
                try:
                    new = TURNS[i % len(TURNS)](made[j % len(made)], made[k % len(made)], n % 6)
                except (ValueError, IndexError, TypeError, ZeroDivisionError):
                    continue
                if 0 < new.size < 3000 and new.ndim < 5:
                    made.append(new)
            results = made[4:][-4:]
            cost = sum([(r * r).mean() for r in results], Value(dtype(0)))
            for w in parameters:
                w.grad = None
            cost.backward()
            for w in parameters:
                if w.grad is not None:
                    w.data = w.data - 0.01 * w.grad
            return [cost, *results]

        return step, tuple(arrays[:2])

    make.__name__ = f"drawn{seed}"
    return make


OF_ONE_PROCESSOR = (
    left_to_blas, of_a_size(128, 128, 128), of_a_size(129, 127, 128), of_a_size(512, 512, 256, along=True),
    of_a_size(512, 513, 100, along=True), of_a_size(600, 600, 190, np.float32, along=True), at_work(), at_work(1),
    added_up, in_lines, far_apart, trained_in_products, trained_one_by_one, trained_on(19), trained_on(20), long_chain,
    of_very_many,
    gathered, put_together, without_axes, of_two_kinds, watched, swapped, *map(drawn, range(8)),
)  # fmt: skip
MADE = {(make.__name__ + name): (make, processor) for make in (tiled, turned) for name, processor in PROCESSORS.items()}
MADE |= {make.__name__: (make, PROCESSORS[""]) for make in OF_ONE_PROCESSOR}


def listing(name: str) -> str:
    with np.errstate(all="ignore"):
        text = native(*MADE[name])
    return in_short(text) if len(text.splitlines()) > 80 else text


@pytest.mark.skipif(not is_native(), reason="programs do not run natively here")
@pytest.mark.parametrize("name", MADE)
def test_a_step_is_the_native_program_that_it_was(name: str) -> None:
    pages = dict(part.split("\n", 1) for part in PAGE.read_text(encoding="utf-8").split("==== ")[1:])
    assert listing(name) == pages[name].strip()


@pytest.mark.slow
@pytest.mark.parametrize("make", {make for make, _ in MADE.values()})
def test_its_results_are_those_of_the_step(make: Callable[[], Made]) -> None:
    (step, args), (eager, _) = make(), make()
    compiled = mg.compile(step, backend="native")
    for _ in range(4):
        with np.errstate(all="ignore"):
            found, wanted = leaves(compiled(*args)), leaves(eager(*args))
        for x, y in zip(map(plain, found), map(plain, wanted), strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            size = np.abs(y[np.isfinite(y)]).max(initial=0) if y.dtype.kind == "f" else 0
            np.testing.assert_allclose(x, y, rtol=0, atol=64 * float(np.spacing(size)))


if __name__ == "__main__":
    PAGE.write_text("\n".join(f"==== {name}\n{listing(name)}\n" for name in MADE), "utf-8")
