"""Gradient checkers side by side: one wrong element in 400, and functions that are right.

`python -m tests.benchmarks.checkers`; the peers are tried where they are installed, each with its default settings.
"""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnet import check_grads, primitive
from microgradnet import functional as F

ERRORS = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)
SIZE, TRIES = 400, 10
Checker = tuple[Callable[[np.ndarray, np.ndarray], bool], dict[str, Callable[[], bool]]]  # finds an error; false alarms


def ours() -> Checker:
    def finds(x: np.ndarray, factor: np.ndarray) -> bool:
        sine = primitive(lambda g, out, x: g * np.cos(x) * factor)(lambda x: np.sin(x))
        return not check_grads(sine, x, progress=False)

    right = {
        "relu(0)": lambda: bool(check_grads(F.relu, np.zeros(1))),
        "abs(0)": lambda: bool(check_grads(abs, np.zeros(1))),
        "float32": lambda: bool(check_grads(lambda x: np.sin(x) * x, np.linspace(0, 1, 5, dtype=np.float32))),
        "log(1e-8)": lambda: bool(check_grads(np.log, np.array([1e-8]))),
        "sin(1e8)": lambda: bool(check_grads(np.sin, np.array([1e8]))),
    }
    return finds, right


def of_torch(fast: bool) -> Checker:
    import torch

    def check(f: Any, x: Any) -> bool:
        return bool(torch.autograd.gradcheck(f, (x,), fast_mode=fast, raise_exception=False))

    def finds(x: np.ndarray, factor: np.ndarray) -> bool:
        class Sine(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return torch.sin(x)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * torch.cos(ctx.saved_tensors[0]) * torch.from_numpy(factor)

        return not check(Sine.apply, torch.tensor(x, requires_grad=True))

    def at(f: Any, x: Any, dtype: Any = torch.float64) -> Callable[[], bool]:
        return lambda: check(f, torch.tensor(x, dtype=dtype, requires_grad=True))

    right = {
        "relu(0)": at(torch.relu, [0.0]), "abs(0)": at(torch.abs, [0.0]),
        "float32": at(lambda x: torch.sin(x) * x, np.linspace(0, 1, 5).tolist(), torch.float32),
        "log(1e-8)": at(torch.log, [1e-8]), "sin(1e8)": at(torch.sin, [1e8]),
    }  # fmt: skip
    return finds, right


def of_jax() -> Checker:
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax import numpy as jnp
    from jax.test_util import check_grads as jax_check

    def check(f: Any, x: Any) -> bool:
        try:
            jax_check(f, (x,), order=1, modes=["rev"])
        except AssertionError:
            return False
        return True

    def finds(x: np.ndarray, factor: np.ndarray) -> bool:
        @jax.custom_vjp
        def sine(x: Any) -> Any:
            return jnp.sin(x)

        sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x) * factor,))
        return not check(sine, jnp.asarray(x))

    right = {
        "relu(0)": lambda: check(jax.nn.relu, jnp.zeros(1)), "abs(0)": lambda: check(jnp.abs, jnp.zeros(1)),
        "float32": lambda: check(lambda x: jnp.sin(x) * x, jnp.linspace(0, 1, 5, dtype=jnp.float32)),
        "log(1e-8)": lambda: check(jnp.log, jnp.array([1e-8])), "sin(1e8)": lambda: check(jnp.sin, jnp.array([1e8])),
    }  # fmt: skip
    return finds, right


def of_autograd() -> Checker:
    import autograd.numpy as anp
    from autograd.extend import defvjp
    from autograd.extend import primitive as autograd_primitive
    from autograd.test_util import check_grads as autograd_check

    def check(f: Any, x: Any) -> bool:
        try:
            autograd_check(f, modes=["rev"], order=1)(x)
        except AssertionError:
            return False
        return True

    def finds(x: np.ndarray, factor: np.ndarray) -> bool:
        @autograd_primitive
        def sine(x: Any) -> Any:
            return np.sin(x)

        defvjp(sine, lambda out, x: lambda g: g * np.cos(x) * factor)
        return not check(sine, x)

    right = {
        "relu(0)": lambda: check(lambda x: anp.maximum(x, 0.0), np.zeros(1)),
        "abs(0)": lambda: check(anp.abs, np.zeros(1)),
        "float32": lambda: check(lambda x: anp.sin(x) * x, np.linspace(0, 1, 5, dtype=np.float32)),
        "log(1e-8)": lambda: check(anp.log, np.array([1e-8])), "sin(1e8)": lambda: check(anp.sin, np.array([1e8])),
    }  # fmt: skip
    return finds, right


CONTENDERS: dict[str, Callable[[], Checker]] = {
    "microgradnet": ours, "torch, slow": lambda: of_torch(False), "torch, fast_mode": lambda: of_torch(True),
    "JAX": of_jax, "HIPS autograd": of_autograd,
}  # fmt: skip


def main() -> None:
    print(f"{'':18}" + "".join(f"{error:>9g}" for error in ERRORS) + "   ms a check   false alarms")
    for name, make in CONTENDERS.items():
        try:
            finds, right = make()
        except ImportError as missing:
            print(f"{name:18}{missing.name} is not installed")
            continue
        found, took = [], []
        rng = np.random.default_rng(0)
        for error in ERRORS:
            hits = 0
            for _ in range(TRIES):
                x, factor = rng.normal(size=SIZE), np.ones(SIZE)
                factor[rng.integers(SIZE)] += error
                began = time.perf_counter()
                hits += quietly(finds, x, factor)
                took.append(time.perf_counter() - began)
            found.append(hits)
        alarms = [what for what, check in right.items() if not quietly(check)]
        row = "".join(f"{hits:>9}" for hits in found)
        print(f"{name:18}{row}{1e3 * float(np.median(took)):>13.1f}   {', '.join(alarms) or 'none'}")


def quietly(f: Callable[..., bool], *args: Any) -> bool:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        return f(*args)


if __name__ == "__main__":
    main()
