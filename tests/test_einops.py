"""einops on Values: its functions beside NumPy's numbers, their gradients beside slopes, compiled, and without it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value

einops: Any = pytest.importorskip("einops", reason="einops is an extra")
mg.use_einops()

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1, 2, 6, 2))
Y = RNG.normal(size=X.shape)
CALLS: dict[str, Callable[..., Any]] = {
    "rearrange": lambda x, y: einops.rearrange(x, "n (h a) (w b) c -> n (h w) (a b c)", a=2, b=3),
    "rearrange, transposed": lambda x, y: einops.rearrange(x, "n h w c -> c (w n) h"),
    "rearrange, a list": lambda x, y: einops.rearrange([x, y], "two n h w c -> n two (h w c)"),
    "rearrange, the rest": lambda x, y: einops.rearrange(x, "n ... c -> n c ..."),
    "rearrange, new axes": lambda x, y: einops.rearrange(x, "n h w c -> n 1 h () w c"),
    "reduce": lambda x, y: einops.reduce(x, "n (h 2) (w 2) c -> n h w c", "mean"),
    "sum": lambda x, y: einops.reduce(x, "n h w c -> c", "sum"),
    "max": lambda x, y: einops.reduce(x, "n h w c -> n c", "max"),
    "min": lambda x, y: einops.reduce(x, "n h w c -> h 1", "min"),
    "prod": lambda x, y: einops.reduce(x, "n h w c -> n h w", "prod"),
    "all": lambda x, y: einops.reduce(x, "n h w c ->", "sum"),
    "repeat": lambda x, y: einops.repeat(x, "n h w c -> n (h 2) (w b) c k", b=3, k=2),
    "einsum": lambda x, y: einops.einsum(x, y, "n h w c, n h w d -> n c d"),
    "pack": lambda x, y: einops.pack([x, y.sum(axis=2)], "n h *")[0],
    "unpack": lambda x, y: einops.unpack(einops.rearrange(x, "n h w c -> n c (h w)"), [(2, 3), (6,)], "n c *")[0],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_numbers_are_numpys_and_the_gradients_slopes(name: str) -> None:
    call = CALLS[name]
    wanted = call(X, Y)
    out = call(Value(X), Value(Y))
    assert isinstance(wanted, (np.ndarray, np.generic))
    assert isinstance(out, Value)
    assert out.shape == wanted.shape
    np.testing.assert_array_equal(out.data, wanted)
    c = RNG.normal(size=wanted.shape)
    mg.assert_grads(lambda x, y: (call(x, y) * c).sum() + (x * y).sum(), X, Y)


@pytest.mark.parametrize("name", ["rearrange", "reduce", "repeat", "einsum", "pack"])
@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_compiled_it_is_the_same(name: str, backend: Any) -> None:
    if backend == "native":
        pytest.importorskip("llvmlite", reason="llvmlite, of the extra native, is not installed")

    def slope(x: Any, y: Any) -> Any:
        return mg.grad(lambda x, y: np.tanh(CALLS[name](x, y)).sum() + (x * y).sum(), argnums=(0, 1))(x, y)

    compiled = mg.compile(slope, backend=backend)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=X.shape), rng.normal(size=X.shape)
        for seen, wanted in zip(compiled(x, y), slope(x, y), strict=True):
            np.testing.assert_allclose(seen, wanted, rtol=1e-12, atol=1e-12)


def test_float32_stays_and_shapes_are_read() -> None:
    x = Value(X.astype(np.float32))
    out = einops.reduce(x, "n h w c -> n c", "mean")
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float32
    assert einops.parse_shape(x, "n h w _") == {"n": 1, "h": 2, "w": 6}
    parts = einops.unpack(x, [(2,), (1, 3), ()], "n h * c")
    assert [part.shape for part in parts] == [(1, 2, 2, 2), (1, 2, 1, 3, 2), (1, 2, 2)]
    np.testing.assert_array_equal(einops.asnumpy(x), x.data)


def test_only_numbers_have_a_mean() -> None:
    with pytest.raises(NotImplementedError, match="reduce_mean is not available for non-floating tensors"):
        einops.reduce(Value(X) > 0, "n h w c -> n c", "mean")
    assert einops.reduce(Value(X) > 0, "n h w c -> n", "sum").data.tolist() == [(X > 0).sum()]


def test_a_constant_beside_a_value_is_a_constant() -> None:
    v = Value(Y)
    for out in (einops.einsum(X, v, "n h w c, n h w c -> h"), einops.rearrange([X, v], "k n h w c -> n h w (c k)")):
        assert isinstance(out, Value)
        v.grad = None
        out.sum().backward()
        assert v.grad.shape == Y.shape


def test_a_second_call_changes_nothing_and_a_wrong_pattern_is_einops_own_error() -> None:
    from einops._backends import AbstractBackend, get_backend

    before = get_backend(Value(X))
    mg.use_einops()
    assert get_backend(Value(X)) is before
    names = [backend.framework_name for backend in AbstractBackend.__subclasses__()]
    assert names.count("microgradnet") == 1
    with pytest.raises(einops.EinopsError, match="n h w"):
        einops.rearrange(Value(X), "n h w -> n")


def test_without_einops_one_sentence_says_what_to_install() -> None:
    code = "import sys; sys.modules['einops'] = None; import microgradnet as mg; mg.use_einops()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1] == (
        'ModuleNotFoundError: use_einops needs the package: pip install "microgradnet[einops]"'
    )
