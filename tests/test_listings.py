"""What compiled steps are as programs: their lines, their memory and what each pass did, as they were.

tests/listings.txt has for each step here the program as it is printed, in short what each pass did, and of the native
program its text and the sums (CRC-32) of its functions in LLVM's language, for a processor with vectors of 256 bits.
Of what is drawn there are the sums alone.
Results alone would not show it: what computes twice, copies what it need not, or takes more memory, is right as well.
Where it is meant to change, `python -m tests.test_listings` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, nn, optim
from microgradnet.programs import Compiled, program
from microgradnet.programs.backends import is_native
from microgradnet.programs.native import code, tiles, vectors, writer
from microgradnet.programs.native import kinds as kinds_of_steps
from microgradnet.programs.native import products as products_of_matrices
from microgradnet.programs.native.llvm_math import definitions
from microgradnet.programs.scalars.vectorise import vectorised
from microgradnet.programs.shown import Listing
from tests.compiled import sum_of

PAGE = Path(__file__).with_name("listings.txt")
Made = tuple[Callable[..., Any], tuple[Any, ...]]


def a(*shape: int, dtype: Any = np.float64) -> Any:
    """Numbers between 0 and 1, no two alike."""
    return ((np.arange(np.prod(shape, dtype=int)) * 382 % 1009 + 0.5) / 1010).reshape(shape).astype(dtype)


def trained(model: Any, optimizer: Any, x: Any, y: Any, cost: Callable[[Any, Any], Any] = F.cross_entropy) -> Made:
    def step(x: Any, y: Any) -> Any:
        loss = cost(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, (x, y)


def classifier() -> Made:
    model = nn.MLP(3, [4, 2], seed=0)
    return trained(model, optim.Adam(model.parameters(), lr=0.1), a(5, 3, dtype=np.float32), np.array([0, 1, 0, 1, 1]))


def images() -> Made:
    layers = nn.Conv2d(1, 2, 3, padding=1, seed=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2, seed=1)
    model = nn.Sequential(*layers)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return trained(model, optimizer, a(3, 1, 4, 4, dtype=np.float32), np.array([0, 1, 0]))


def normed() -> Made:
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.BatchNorm1d(4), nn.Dropout(0.5, seed=2), nn.LayerNorm(4))
    optimizer = optim.RMSprop(model.parameters(), lr=0.1)
    return trained(model, optimizer, a(5, 3, dtype=np.float32), a(5, 4, dtype=np.float32), F.mse_loss)


def recurrent() -> Made:
    model = nn.GRU(2, 3, seed=0)
    optimizer = optim.AdamW(model.parameters(), lr=0.1)
    return trained(model, optimizer, a(3, 2, 2), a(3, 2, 3), lambda out, y: F.mse_loss(out[0], y))


def attentive() -> Made:
    model = nn.TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True, seed=0)
    return trained(model, optim.SGD(model.parameters(), lr=0.1), a(2, 3, 4), a(2, 3, 4), F.mse_loss)


def wide() -> Made:
    """Large enough for blocks of rows."""
    w, b = Value(a(300, 400)), Value(a(400))

    def step(x: Any) -> Any:
        h = np.tanh(x @ w * 0.001 + b)
        loss = (np.exp(-h * h) * np.sqrt(h + 1.5)).sum() / 500
        w.grad = b.grad = None
        loss.backward()
        w.data -= 0.1 * w.grad
        b.data -= 0.1 * b.grad
        return loss

    return step, (a(500, 300),)


def shaped() -> Made:
    """Views, sums along axes, what is put together and taken apart."""

    def step(x: Any, y: Any) -> Any:
        both = np.concatenate([x.T, y[:, ::-1]], axis=1)
        z = np.where(both > 0.5, both * 2.0, -both) + np.stack([both[0], both[1]]).sum(axis=0)
        return (z.reshape(-1)[3:9].max() + np.mean(z, axis=1, keepdims=True) ** 2).sum(), z[np.array([0, 0, 2])]

    return mg.value_and_grad(step, argnums=(0, 1), has_aux=True), (a(2, 3), a(3, 4))


def repeated() -> Made:
    """Much that is computed twice, not at all, or from numbers alone."""
    scale = np.float64(0.5)

    def step(x: Any, n: int) -> Any:
        unused = np.sin(x)
        y = np.exp(x) * scale * (3.0 - 1.0)
        for _ in range(n):
            y = y + np.exp(x) * 1.0 + 0.0
        return (y * np.negative(-x) / 1.0).sum(), (np.exp(x) - unused * 0.0)[0]

    return mg.grad(step, has_aux=True), (a(4), 2)


def guarded() -> Made:
    """Lists and numbers that are kept, a call of the host's."""
    kept, w = {"count": 0}, Value(a(3))

    def note(x: Any) -> Any:
        kept["count"] += 1
        return x * 2

    def step(x: Any, double: bool) -> Any:
        y = (w * x).sum() * (2.0 if double else 1.0)
        y = y + mg.host_call(note, y)
        w.grad = None
        y.backward()
        w.grad = w.grad * 0.5
        return y

    return step, (a(3), True)


def scalar() -> Made:
    """A network of numbers, one by one, as micrograd has it."""
    w = [[Value(0.1 * (i + 1) - 0.02 * j) for i in range(3)] for j in range(16)]
    v = [Value(0.3 - 0.01 * j) for j in range(16)]

    def step(x: list[Any], y: float) -> Any:
        hidden = [np.tanh(sum((p * q for p, q in zip(row, x, strict=True)), Value(0.5))) for row in w]
        cost = (sum((p * q for p, q in zip(v, hidden, strict=True)), Value(0.0)) - y) ** 2
        numbers = [*(p for row in w for p in row), *v]
        for p in numbers:
            p.grad = None
        cost.backward()
        for p in numbers:
            p.data = p.data - 0.05 * p.grad
        return cost

    return step, ([0.5, -1.0, 2.0], 1.0)


def uneven() -> Made:
    """Numbers of which hardly two are added up alike."""
    w = [Value(0.1 * i - 0.3) for i in range(12)]

    def step(x: float) -> Any:
        total = Value(0.0)
        for i in range(60):
            part = w[i % 12] * w[(7 * i) % 12] + x
            for j in range(i % 5):
                part = part + w[(3 * i + j) % 12] * (w[(i + 5 * j) % 12] if j % 2 else 0.5)
            total = total + part * part
        for p in w:
            p.grad = None
        total.backward()
        return total

    return step, (0.5,)


def quadratic() -> Made:
    """The textbook's network and its cost, and a matrix times a vector."""
    model, w = nn.MLP(4, [3, 2], activation=F.sigmoid, final_activation=F.sigmoid, seed=0), Value(a(4))
    optimizer = optim.SGD([*model.parameters(), w], lr=0.1)

    def cost(out: Any, y: Any) -> Any:
        x = a(5, 4)
        return F.quadratic_cost(out, y) + F.quadratic_cost((x @ w)[:, None], y[:, :1]) + F.relu(y @ y.T).mean() * w[0]

    return trained(model, optimizer, a(5, 4, dtype=np.float32), a(5, 2, dtype=np.float32), cost)


def second() -> Made:
    """A derivative of a derivative."""
    return mg.grad(lambda x: mg.grad(lambda x: (np.sin(x) * x**3).sum())(x).sum()), (a(3),)


def rare() -> Made:
    """What NumPy is told in other ways: products, cumulative sums, sorting, linear algebra."""

    def step(x: Any) -> Any:
        y = np.einsum("ij,kj->ik", x, x) + np.cumsum(x, axis=1) + np.sort(x, axis=0)
        return (np.linalg.inv(y + 9 * np.eye(3)) @ np.maximum(x, 0.3)).prod() + np.clip(y, 0.5, 1.5).std()

    return mg.value_and_grad(step), (a(3, 3),)


def products() -> Made:
    """Products of batches, of vectors, of what is turned; on more axes than two, and along axes of length 1."""
    m, b, column = Value(a(3, 4)), Value(a(3)), Value(a(4, 1))

    def step(x: Any, y: Any, z: Any) -> Any:
        flat = F.linear(x, m, b)
        each = flat @ z
        vector = np.dot(m, y)
        inner = np.dot(y, y) + np.dot(flat[0, 0], vector) + np.dot(x[0], y).max() + (x[0] @ column).sum()
        turned = x.transpose(2, 0, 1)[0] @ x[:, :, 1].T + np.matmul(x[:, ::2], m.T)[:, :2, 1]
        loss = (each @ np.ones(6)).mean() + inner + (turned**2).sum() + F.linear(y[None], m, b).sum()
        m.grad = b.grad = column.grad = None
        loss.backward()
        m.data -= 0.1 * m.grad
        return loss, vector, b.grad, column.grad.T

    return step, (a(2, 5, 4), a(4), a(2, 3, 6))


def looked_up() -> Made:
    """Rows by numbers, attention behind a mask and to the past, the share of what is right."""
    table, head = Value(a(6, 4)), Value(a(5, 4))

    def step(words: Any, labels: Any, seen: Any) -> Any:
        x = F.embedding(words, table)
        x = F.scaled_dot_product_attention(x, x, x, attn_mask=seen) + F.scaled_dot_product_attention(
            x[:, ::-1], x, x, is_causal=True
        )
        scores = x @ head.T
        loss = F.cross_entropy(scores.reshape(-1, 5), labels.ravel(), label_smoothing=0.1)
        table.grad = head.grad = None
        loss.backward()
        table.data -= 0.1 * table.grad
        return loss, (scores.argmax(axis=-1) == labels).mean(), F.softmax(scores, axis=1)

    seen = np.where(np.tri(3, dtype=bool), 0.0, -np.inf)
    return step, (np.array([[0, 5, 2], [5, 1, 1]]), np.array([[1, 4, 0], [2, 2, 3]]), seen)


def powers() -> Made:
    """Functions of elements, in two dtypes; what is larger, and least and most along axes."""

    def step(x: Any, y: Any) -> Any:
        z = x**2 + x**3 + x**1 + x**0.5 + x**-1 + x**4 + np.power(x, y) + x.astype(np.float64) + 2**x
        both = (x > 0.5) & (y < 0.5) | ~(x == y) ^ (x >= 0.25)
        z = np.where(both, z, 0.0) + np.where(y > x, -np.inf, np.log1p(y)).clip(-1, 1) + np.hypot(x, y) % 0.7
        most = z.max(axis=(0, 2), keepdims=True) - z.min(axis=1, keepdims=True) + np.logaddexp(x, y).max()
        scaled = F.layer_norm(z, (2, 4)) * F.softmax(x, axis=0) + F.sigmoid(-y) - F.relu(z - 1.0)
        cost = (scaled * most).mean(axis=(0, -1)).sum() + np.abs(z).var()
        return cost, both.sum(axis=0), np.floor(z * 2.0).astype(int)

    return mg.value_and_grad(lambda x, y: (step(x, y)[0], step(x, y)[1:]), has_aux=True), (
        a(3, 2, 4, dtype=np.float32),
        a(3, 2, 4),
    )


def joined_up() -> Made:
    """What is put together along any axis, written in part, repeated, padded, put in order."""
    state = Value(a(4))

    def step(x: Any, y: Any, n: float) -> Any:
        both = np.concatenate([x * state[:2], y[:, :2] * n, x[:, ::-1]], axis=-1)
        flat = np.concatenate([both, x], axis=None)
        stacked = np.stack([x, x + 1.0, y[:, 1:]], axis=1).swapaxes(0, 2)
        z = both.at[0, 1:3].set(n).at[:, 0].add(x[:, 1])
        rows = np.pad(x, ((1, 0), (0, 2))) + np.repeat(y, 2, axis=1)[:1, :4].T[:1] + np.tile(y[:1, :2], 2)
        parts = np.split(flat, [3, 8])
        order = np.sort(parts[1])[::-1] * np.cumsum(parts[1]) + np.roll(parts[1], 2)
        own = np.zeros_like(x)
        turned = own[:, ::-1]
        own[0] += x[1] * 2.0
        own /= 3.0
        size = np.linalg.slogdet(x).logabsdet * n
        loss = (
            (z[:, :4] @ state).sum()
            + size
            + stacked.prod(axis=0).sum()
            + rows.sum()
            + order.sum()
            + (own * turned).mean()
        )
        return loss, [part * n for part in parts], {"first": z[0, 0], "turned": stacked.T, "n": n * 2.0}

    return step, (a(2, 2), a(2, 3), 0.5)


def in_turns() -> Made:
    """Large arrays in several stretches, what is in between being needed in one or in the next."""

    def step(x: Any, y: Any) -> Any:
        first = np.exp(np.sin(x) * np.cos(y)) + np.sqrt(x + 1.5)
        scale = first.sum() / 1e5
        second = np.tanh(x * scale) * np.tanh(y * scale)
        total = (second * second).sum(axis=0)
        third = np.log(first + 2.0) - np.abs(second - 0.25)
        return (third * third).sum() + (total * total).sum() * scale

    return step, (a(600, 400), a(600, 400))


def scored() -> Made:
    """Nine points through two layers of numbers, and how many of them are right; gradients add up."""
    w = [[Value(0.3 * i - 0.2 * j) for i in range(2)] for j in range(4)]
    b, v = [Value(0.1 * j) for j in range(4)], [Value(0.5 - 0.3 * j) for j in range(5)]
    numbers = [*(p for row in w for p in row), *b, *v]
    for p in numbers:
        p.grad = 0.0

    def model(x: list[float]) -> Any:
        hidden = [sum((p * q for p, q in zip(row, x, strict=True)), c).relu() for row, c in zip(w, b, strict=True)]
        return sum((p * h for p, h in zip(v, hidden, strict=False)), v[-1])

    def step(points: list[list[float]], labels: list[float]) -> Any:
        scores = [model(x) for x in points]
        loss = sum((1 - y * s).relu() for y, s in zip(labels, scores, strict=True)) / len(scores)
        (loss + 0.01 * sum(p * p for p in numbers)).backward()
        for p in numbers:
            p.data -= 0.1 * p.grad
        return loss, sum((y > 0) == (s > 0) for y, s in zip(labels, scores, strict=True)) / len(scores)

    return step, ([[x, 1 - x] for x in a(9).tolist()], [1.0, -1.0, 1.0] * 3)


def elements() -> Made:
    """Elements of arrays and numbers of their own, added up together."""
    w, p = Value(a(3, 4)), [Value(0.2 * i - 0.3) for i in range(5)]

    def step(x: Any) -> Any:
        h = np.tanh(w @ x[:4])
        terms = [h[i] * p[i] for i in range(3)] + [x[1:][::2][i] * p[4 - i] for i in range(2)]
        terms += [w[1, j] * w[2, j] for j in range(4)] + [w.T[3][1] * 3.0, h[-1], h.sum()]
        total = sum(terms) + sum(w[i, 1] * x[5 - i] * 0.5 for i in range(3)) + sum(p[1:4]) * x[0]
        w.grad = None
        for number in p:
            number.grad = None
        total.backward()
        for number in p:
            number.data -= 0.1 * number.grad
        w.data -= 0.1 * w.grad
        return total, np.stack([term + 1.0 for term in terms])

    return step, (a(6),)


def kinds() -> Made:
    """Functions of numbers, of every one with every one, of what is true, of constants; a call of the host's."""
    p, q = [Value(0.3 * i - 0.7) for i in range(6)], [Value(0.25 * i + 0.1) for i in range(4)]
    seen: list[float] = []

    def note(x: Any) -> Any:
        seen.append(float(x))
        return x * 0.5

    def step(x: float, n: int) -> Any:
        grid = [np.maximum(s, t) for s in p for t in q] + [np.maximum(c, t) for c in (0.3, 0.5, 0.7) for t in q]
        masks = [np.where(s > x, s * t, 2 * t) + (s > t) * s for s, t in zip(p, q[::-1], strict=False)]
        powers = [t**2 + t**3 + t**-1 + (t * t + 1.0) ** 0.5 + n**t for t in q]
        plain = [
            s + s + s + t * 0.0 + 0 + t - t / x + np.float32(0.5) + np.int64(3) * s
            for s, t in zip(p[1:], q, strict=False)
        ]
        total = sum(grid) + sum(masks[::-1]) * powers[1] + sum(powers) + sum(plain) - sum(grid[::5]).tanh()
        total = total + mg.host_call(note, total) * sum(s * t for s, t in zip(p[::2], q, strict=False))
        for s in (*p, *q):
            s.grad = None
        total.backward()
        return total, [s.grad for s in p], [np.exp(s) for s in q]

    return step, (0.2, 3)


def matrices() -> Made:
    """Products of matrices written out, of which one is used from both sides, by columns and in parts."""
    m = [[Value(0.1 * i - 0.2 * j + 0.05 * i * j) for j in range(3)] for i in range(4)]

    def product(x: Any, y: Any) -> Any:  # with the rows of y turned
        return [[sum((p * q for p, q in zip(row, column, strict=True)), 0.0) for column in y] for row in x]

    def step(x: Any) -> Any:
        turned = [[row[j] for row in m] for j in range(3)]
        square = product(turned, turned)
        far = product([row[::-1] for row in m[1:3]], square)
        taken = [[m[i][j] * x[j] for j in (2, 0)] for i in (3, 1, 0)]
        cost = sum((sum(row) - 1.0) ** 2 for row in [*far, *product(taken, [x[:2], x[1:]])])
        for p in chain(*m):
            p.grad = None
        cost.backward()
        return cost, [sum(row) for row in square], sum(p.grad * p for p in m[2])

    return step, ([0.5, -0.25, 2.0],)


def choices() -> Made:
    """Numbers that are true or false, of several comparisons and constants, in an order of their own."""
    p = [Value(0.3 * i - 0.7) for i in range(9)]

    def step(x: float, y: Any) -> Any:
        above, below, near = [s > x for s in p], [s * s < x for s in p[:7]], [t <= 0.5 for t in y]
        order = [above[4], below[2], above[0], near[1], below[5], near[3], above[1], below[0], np.bool(True), above[7],
                 below[6], near[0], above[2], near[2], np.bool(False), below[1]]  # fmt: skip
        chosen = [np.where(c, p[i % 9] * 2.0, p[(5 * i) % 9]) for i, c in enumerate(order)]
        chosen += [np.where(c, s, 0.0) for c, s in zip(order[::-1], p, strict=False) if type(c) is not np.bool]
        both = [(a & b) * s for a, b, s in zip(above, below[::-1], p, strict=False)]
        neither = [np.where(~a, s, x) for a, s in zip([*above[::2], *near, above[1]], p, strict=False)]
        total = sum(chosen) * sum(both) + sum(neither)
        for s in p:
            s.grad = None
        total.backward()
        return total, [s.grad for s in p], np.stack(order[:5]), sum(order[3:7])

    return step, (0.2, a(4))


def drawn(seed: int) -> Callable[[], Made]:
    """Lists of numbers, drawn: one by one, cut and put together, every one with every one, added up as in a matrix."""

    def make() -> Made:
        rng = np.random.RandomState(seed)
        choices = [rng.randint(0, n, 9).tolist() for n in (13, 5, 4, 1000)]
        p = [Value(0.37 * i - 0.8) for i in range(8)]
        ways: list[Callable[[Any, Any], Any]] = [
            lambda x, y: [s + t for s, t in zip(x, y, strict=False)],
            lambda x, y: [s * t for s, t in zip(x, y[::-1], strict=False)],
            lambda x, y: [s - 2.0 * t for s, t in zip(x, y[1:], strict=False)] + y[:2],
            lambda x, y: [s / (t * t + 1.5) for s, t in zip(x[::2], y, strict=False)] + x[:3],
            lambda x, y: [s.tanh() for s in (*x[::3], *y[::-2])],
            lambda x, y: [s.relu() + t for s in x[:3] for t in y[:3]],
            lambda x, y: [np.where(s > t, s, t * t) for s in x[1:3] for t in y[::2]] + x,
            lambda x, y: [sum(s * t for s, t in zip(x[i:], y, strict=False)) for i in range(4)] + y[-2:],
            lambda x, y: [sum((t * x[i + j] for j, t in enumerate(y[:3])), x[k]) for i in range(3) for k in (2, 0)],
            lambda x, y: [s * sum(y) for s in x],
            lambda x, y: [s * 0.5 + t + 1 for s, t in zip(x, y[2:] + y[:2], strict=False)],
            lambda x, y: [sum(x[i] * t for i, t in enumerate(y[:2])) - x[-1], -y[0], *x[:4]],
            lambda x, y: [sum(x[i::3], y[i]) ** 2 for i in range(3)] + [s * s for s in y[1:3]],
        ]  # fmt: skip

        def step(c: float) -> Any:
            known: list[list[Any]] = [p[:5], [*p[3:], p[0] * c, p[1] * 0.5], p[::-2] + p]
            for way, i, j, turn in zip(*choices, strict=True):
                x, y = known[-1 - i % len(known)], known[-1 - j % len(known)]
                known.append([s.tanh() for s in ways[way](x[turn % 3 :] + x[: turn % 3], y)])
            total = sum(chain(*known[-3:]), p[0])
            for number in p:
                number.grad = 0.0
            total.backward()
            for number in p[:6]:
                number.data -= 0.1 * number.grad
            return total, known[-2]

        return step, (0.5,)

    make.__name__ = f"drawn{seed}"
    return make


DRAWN = tuple(map(drawn, range(5)))


def put_off() -> Made:
    """Changes of what is long, of which not all can wait till the end: it is sorted, returned, or of bools."""
    w, v, u = (Value(a(150, 120) + i) for i in range(3))
    momentum, adam = optim.SGD([u], lr=0.1, momentum=0.9), optim.Adam([v], lr=0.1)

    def step(x: Any) -> Any:
        loss = (w * w * x - v * u).sum()
        w.grad = v.grad = u.grad = None
        loss.backward()
        twice = w.grad * 2.0
        w.data -= np.sort(w.grad, axis=0) * 0.1 + twice + np.tanh(w.grad) * (w.grad > 0.5)
        momentum.step()
        adam.step()
        return loss, twice

    return step, (a(150, 120),)


def large() -> Made:
    """Products that BLAS is left, and those that it is not."""

    def step(x: Any, y: Any, z: Any) -> Any:
        return x @ y.swapaxes(1, 2), x @ y, (x[0].T @ z)[:2], z.T @ x[0], x[:, :1] @ y, x[0].T @ z[:, 0]

    return step, (a(2, 128, 136), a(2, 136, 136), a(128, 140))


NUMBERS = (scored, elements, kinds, matrices, choices, *DRAWN)  # so few that elsewhere they would stay numbers
MADE = (
    classifier, images, normed, recurrent, attentive, wide, shaped, repeated, guarded, scalar, uneven, quadratic,
    second, rare, products, looked_up, powers, joined_up, in_turns, put_off, large, *NUMBERS,
)  # fmt: skip


def recorded(make: Callable[[], Made], backend: Any) -> Compiled:
    step, args = make()
    f = mg.compile(step, backend=backend)
    with pytest.MonkeyPatch.context() as patch:
        if make in NUMBERS:
            patch.setattr(program, "vectorised", lambda n, r: vectorised(n, r, fewest=0, gain=0, many=2))
        for _ in range(2):
            f(*args)
    return f


def listing(make: Callable[[], Made]) -> str:
    """A program as it is printed, without the numbers of lines of this file."""
    f = recorded(make, "numpy")
    meaning = Listing(f.latest.program, "step").meaning  # type: ignore[union-attr]
    held = [(name, x) for name, x in meaning.items() if name.startswith("constant") and isinstance(x, np.ndarray)]
    constants = [
        f"# {name}: {x.dtype}{x.shape} {zlib.crc32(x.tobytes()):08x}"
        for name, x in held
        if x.dtype.kind in "iub" or make in NUMBERS
    ]
    latest: Any = f.latest
    ends = [f"# lies in memory as {sum_of(latest).rpartition(' ')[2]} says", f"# {'; '.join(f.passes)}"]
    text = re.sub(r"\.py:\d+: ", ".py: ", "\n".join([str(f), *constants, *ends]))
    text = re.sub(" +  #", "  #", text).replace("step, compiled", f"{make.__name__}, compiled", 1)
    return in_short(text) if make in DRAWN else text


def native(make: Callable[[], Made], registers: tuple[int, int] = (16, 32)) -> str:
    """What is written for machine code, which is not made, on a processor that has so many vectors of so many bytes."""
    texts: list[str] = []

    class Machine:
        def __init__(self, text: str) -> None:
            texts.append(text)

        def address(self, name: str) -> int:
            return 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "compiled", lambda loops, vectors: Machine(f"{loops}\n{vectors}"))
        patch.setattr(writer, "assembled", Machine)
        patch.setattr(writer.cpython, "function_at", lambda address, name: None)
        for module in (products_of_matrices, tiles, vectors):
            patch.setattr(module, "registers", lambda: registers)
        for module in (products_of_matrices, kinds_of_steps, code):
            patch.setattr(module, "addresses", lambda: {"dgemm": 1, "dgemv": 1, "sgemm": 1, "sgemv": 1})
        f = recorded(make, "native")
    latest: Any = f.latest
    lines = [*latest.text.splitlines(), f"# {'; '.join(f.passes[-2:])}; checks its arguments: {latest.hurries(())}"]
    block = latest.run.__globals__["kept"][1]
    begin = block.__array_interface__["data"][0]

    def place(found: re.Match[str]) -> str:
        """Of what is in between, where in the memory for that."""
        offset = int(found[0]) - begin
        return f"memory + {offset}" if 0 <= offset < len(block) else "address"

    for text in texts:
        plain = re.sub(r"\b\d{9,}\b|(?<=inttoptr \(i64 )\d+", place, text)
        for part in filter(None, re.split(r"^(?=define )", plain, flags=re.MULTILINE)):
            name = re.search(r"^define .*?@(\w+)", part)
            lines.append(f"# {name[1] if name else 'declarations'}: {zlib.crc32(part.encode()):08x}")
        known = [zlib.crc32(definitions(text, scales).encode()) for scales in (False, True)]
        lines.append(f"# functions of numbers: {known[0]:08x} or {known[1]:08x}")
    return in_short("\n".join(lines)) if make in DRAWN else "\n".join(lines)


def in_short(text: str) -> str:
    """The sum of a text, and what it ends with."""
    return f"# {len(text.splitlines())} lines: {zlib.crc32(text.encode()):08x}\n{text.splitlines()[-1]}"


KINDS = {"": listing, ", native": native}
NATIVE = tuple(make for make in MADE if make not in DRAWN[1:])  # the others would take seconds


def page() -> dict[str, str]:
    return dict(part.split("\n", 1) for part in PAGE.read_text(encoding="utf-8").split("==== ")[1:])


@pytest.mark.parametrize("make", MADE)
def test_a_step_is_the_program_that_it_was(make: Callable[[], Made]) -> None:
    assert listing(make) == page()[make.__name__].strip()


@pytest.mark.skipif(not is_native(), reason="programs do not run natively here")
@pytest.mark.parametrize("make", NATIVE)
def test_a_step_is_the_native_program_that_it_was(make: Callable[[], Made]) -> None:
    assert native(make) == page()[f"{make.__name__}, native"].strip()


if __name__ == "__main__":
    texts = {f"{make.__name__}{kind}": (text, make) for make in MADE for kind, text in KINDS.items()
             if text is listing or make in NATIVE}  # fmt: skip
    PAGE.write_text("\n".join(f"==== {name}\n{text(make)}\n" for name, (text, make) in texts.items()), "utf-8")
