"""How a line of `questions.py` is answered, by this package or by PyTorch: numbers, shapes and gradients."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .questions import CONSTANT, GIVEN, THEIRS, Array, numbers

FEW = 48  # numbers that are written down one by one; of more, three sums
STEPS = 6  # of an optimiser
TIMES = 12  # of a schedule
DRAWS = 40  # of a layer: enough for a bias of few numbers to show its distribution
PLACES = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]


def written(x: Any) -> Any:
    """Numbers as they are kept: nested lists for few; for many, their shape and three weighted sums."""
    x = np.asarray(x)
    if x.size <= FEW:
        return x.astype(float).tolist()
    flat = x.astype(float).ravel()
    return {"shape": list(x.shape), "sums": [float(flat @ numbers(x.size, start=i)) for i in (1, 2, 3)]}


def joined(results: list[Array]) -> dict[str, Any]:
    """Many results as they are kept: their shapes and three weighted sums of all."""
    whole = np.concatenate([np.ravel(y) for y in results])
    sums = [float(whole @ numbers(whole.size, start=i)) for i in (1, 2, 3)]
    return {"shape": [list(y.shape) for y in results], "sums": sums}


def distribution(x: Array) -> dict[str, Any]:
    """How many numbers, their mean and deviation, and what the shares PLACES of them lie below."""
    return {"size": x.size, "mean": float(x.mean()), "std": float(x.std()), "at": np.quantile(x, PLACES).tolist()}


class Asked:
    """What both who are asked have in common. A subclass says how its arrays are made, read and swept."""

    F: Any
    nn: Any
    optim: Any
    init: Any

    def __init__(self) -> None:
        self.layers: list[Any] = []
        self.given: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}

    def answer(self, code: str) -> dict[str, Any]:
        """What a line gives, with the gradients of what it names and the parameters and buffers of its layers."""
        self.layers, self.kept = [], {}
        self.given = {
            name: self.array(x, varies=x.dtype.kind == "f" and name not in CONSTANT)
            for name, x in GIVEN.items()
            if re.search(rf"\b{name}\b", code)
        }
        known = {"F": self.F, "nn": self.nn, "optim": self.optim, "init": self.init, "math": math}
        own = {
            f.__name__: f
            for f in (self.made, self.moved, self.descent, self.minimised, self.rates, self.waited, self.clipped)
        }
        out = self.flat(eval(self.said(code), known | own | self.given))
        results = [np.asarray(self.plain(y)) for y in out]
        answer: dict[str, Any] = {"out": [joined(results)] if code[0] == "[" else [written(y) for y in results]}
        found = self.gradients(out)
        if found:
            answer["gradients"] = {name: written(g) for name, g in sorted(found.items())}
        if self.kept:
            answer["kept"] = {name: written(x) for name, x in sorted(self.kept.items())}
        return answer

    def spread(self, code: str) -> dict[str, Any]:
        """How what a line draws is distributed."""
        known = {"nn": self.nn, "init": self.init, "drawn": self.drawn, "started": self.started}
        found: dict[str, Array] = eval(code, known)
        return {
            name: {
                "size": x.size,
                "mean": float(x.mean()),
                "std": float(x.std()),
                "at": np.quantile(x, PLACES).tolist(),
            }
            for name, x in found.items()
        }

    # --------------------------------------------------------------------------------------- what differs between them

    def said(self, code: str) -> str:
        return code

    def array(self, x: Array, varies: bool) -> Any:
        raise NotImplementedError

    def plain(self, x: Any) -> Any:
        raise NotImplementedError

    def sweep(self, outs: list[Any], cotangents: list[Array]) -> None:
        raise NotImplementedError

    def fill(self, layer: Any, name: str, x: Any, new: Array) -> None:
        raise NotImplementedError

    def state(self, layer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The parameters and the buffers of a layer, by name."""
        raise NotImplementedError

    def drawn(self, start: Callable[[tuple[int, ...]], Any]) -> dict[str, Array]:
        """Numbers that an initialiser draws, of two shapes."""
        raise NotImplementedError

    def layer(self, make: Callable[[], Any], seed: int) -> Any:
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------ what lines call

    def made(self, layer: Any) -> Any:
        """The layer, its parameters and buffers the numbers that both have."""
        parameters, buffers = self.state(layer)
        for i, (name, x) in enumerate(sorted(parameters.items())):
            self.fill(layer, name, x, numbers(*x.shape, start=i) / 2)
        for name, x in sorted(buffers.items()):
            if name.endswith("running_var"):
                self.fill(layer, name, x, abs(numbers(*x.shape, start=5)) + 0.5)
            elif name.endswith("running_mean"):
                self.fill(layer, name, x, numbers(*x.shape, start=6))
        self.layers.append(layer)
        return layer

    def moved(self, function: Any, x: Any, mean: Any, var: Any, *args: Any, **options: Any) -> Any:
        """A function that writes into `mean` and `var`: they are answers too."""
        out = function(x, mean, var, *args, **options)
        self.kept |= {"mean": self.plain(mean), "var": self.plain(var)}
        return out

    def descent(self, optimiser: Callable[[list[Any]], Any], gradients: float = 1.0) -> Any:
        """Where two parameters go in some steps."""
        w = [self.array(numbers(3), True), self.array(numbers(2, 2, start=1), True)]
        begin = np.concatenate([np.ravel(self.plain(p)) for p in w])
        o, path = optimiser(w), []
        for t in range(STEPS):
            for i, p in enumerate(w):
                g = gradients * (np.asarray(self.plain(p)) / 2 + numbers(*p.shape, start=2 * t + i))
                p.grad = self.array(g, False)
            o.step()
            path.append(np.concatenate([np.ravel(self.plain(p)) for p in w]) - begin)
        return path

    def minimised(self, optimiser: Callable[[list[Any]], Any]) -> Any:
        """Where two parameters are after each of some steps that are given a closure, and the costs."""
        w = [self.array(numbers(3), True), self.array(numbers(2, 2, start=1), True)]
        o, path = optimiser(w), []

        def closure() -> Any:
            o.zero_grad()
            cost = ((w[0] * w[0] - 1.5) ** 2).sum() + ((w[1] @ w[1] - 0.5) ** 2).sum() * 0.25
            cost.backward()
            return cost

        for _ in range(3):
            cost = o.step(closure)
            path.append(np.concatenate([np.ravel(self.plain(p)) for p in (*w, cost)]))
        return path

    def waited(self, schedule: Callable[[Any], Any]) -> Any:
        """The step sizes of two groups while a number gets better, and does not."""
        w = [self.array(np.zeros(1), True) for _ in range(2)]
        o = self.optim.SGD([{"params": w[:1]}, {"params": w[1:], "lr": 0.03}], lr=0.4)
        s, found = schedule(o), []
        for number in (3.0, 2.0, 2.0, 1.95, 2.5, 1.0, 1.0, 1.05, 0.99, 1.5, 0.5, 0.5, *[0.5] * 12):
            s.step(number)
            found.append([float(g["lr"]) for g in o.param_groups])
        return np.array(found)

    def rates(self, schedule: Callable[[Any], Any], optimiser: str = "SGD") -> Any:
        """The step sizes of two groups, and the momentum of the first."""
        w = [self.array(np.zeros(1), True) for _ in range(2)]
        more = {"momentum": 0.9} if optimiser == "SGD" else {}
        o = getattr(self.optim, optimiser)([{"params": w[:1]}, {"params": w[1:], "lr": 0.03}], lr=0.4, **more)
        s, found = schedule(o), []
        for t in range(TIMES):
            group = o.param_groups[0]
            momentum = group["momentum"] if optimiser == "SGD" else group["betas"][0]
            found.append([*(float(g["lr"]) for g in o.param_groups), float(momentum)])
            for p in w:
                p.grad = self.array(np.zeros(1), False)
            o.step()
            if t < TIMES - 2:  # OneCycleLR of 11 steps has no more
                s.step()
        return np.array(found)

    def clipped(self, clip: Callable[[list[Any]], Any]) -> Any:
        """What clipping returns, and the gradients it leaves."""
        w = [self.array(numbers(3), True), self.array(numbers(2, 2, start=1), True)]
        for p in w:
            p.grad = self.array(2 * np.asarray(self.plain(p)), False)
        norm = clip(w)
        return [np.asarray(0.0 if norm is None else float(norm)), *[np.array(self.plain(p.grad)) for p in w]]

    def started(self, make: Callable[[], Any]) -> dict[str, Array]:
        """The parameters of many layers of one kind, as they start."""
        found: dict[str, list[Array]] = {}
        for seed in range(DRAWS):
            for name, x in self.state(self.layer(make, seed))[0].items():
                found.setdefault(name, []).append(np.ravel(self.plain(x)))
        return {name: np.concatenate(parts) for name, parts in sorted(found.items())}

    # ------------------------------------------------------------------------------------------------------- sweeping

    def flat(self, out: Any) -> list[Any]:
        if isinstance(out, tuple | list):
            return [y for part in out for y in self.flat(part)]
        return [] if out is None else [out]

    def gradients(self, outs: list[Any]) -> dict[str, Array]:
        """The gradients from cotangents that are no two alike; buffers are noted on the way."""
        named = {name: x for name, x in self.given.items() if self.varies(x)}
        for layer in self.layers:
            parameters, buffers = self.state(layer)
            named |= parameters
            self.kept |= {name: np.array(self.plain(x)) for name, x in buffers.items()}
        flowing = [y for y in outs if self.varies(y)]
        if not flowing or not named:
            return {}
        self.sweep(flowing, [numbers(*y.shape, start=30 + i) for i, y in enumerate(flowing)])
        return {name: np.asarray(self.plain(x.grad)) for name, x in named.items() if x.grad is not None}

    def varies(self, x: Any) -> bool:
        raise NotImplementedError


class Ours(Asked):
    """This package."""

    def __init__(self) -> None:
        super().__init__()
        import microgradnet.functional as F
        from microgradnet import nn, optim

        self.F, self.nn, self.optim, self.init = F, nn, optim, nn.init

    def spread(self, code: str) -> dict[str, Any]:
        """With a generator of its own, so that it does not matter what was drawn before."""
        shared, rng = self.init.shared, np.random.default_rng(0)
        self.init.shared = lambda: rng
        try:
            return super().spread(code)
        finally:
            self.init.shared = shared

    def array(self, x: Array, varies: bool) -> Any:
        from microgradnet import Value

        return Value(x.copy()) if varies else x.copy()

    def plain(self, x: Any) -> Any:
        return getattr(x, "data", x) if not isinstance(x, np.ndarray | np.generic) else x

    def varies(self, x: Any) -> bool:
        return hasattr(x, "backward")

    def sweep(self, outs: list[Any], cotangents: list[Array]) -> None:
        total = sum((y * c.astype(y.dtype)[()]).sum() for y, c in zip(outs, cotangents, strict=True))
        total.backward()

    def made(self, layer: Any) -> Any:
        return super().made(layer.astype(np.float64))

    def state(self, layer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        own = dict(layer.named_parameters())
        return own, {name: x for name, x in vars(layer).items() if isinstance(x, np.ndarray)}

    def fill(self, layer: Any, name: str, x: Any, new: Array) -> None:
        if self.varies(x):
            x.data = new
        else:
            x[...] = new

    def drawn(self, start: Callable[[tuple[int, ...]], Any]) -> dict[str, Array]:
        return {str(shape): np.ravel(start(shape)) for shape in ((120, 80), (40, 30, 5))}

    def layer(self, make: Callable[[], Any], seed: int) -> Any:
        return make()


class PyTorch(Asked):
    """torch, in float64 unless an array is float32."""

    def __init__(self) -> None:
        super().__init__()
        import types

        import torch

        self.torch = torch
        self.F, self.nn = torch.nn.functional, torch.nn
        names = {**vars(torch.nn.utils), **vars(torch.optim.lr_scheduler), **vars(torch.optim)}
        self.optim = types.SimpleNamespace(**names)
        self.init = Starts(torch)

    def descent(self, *args: Any, **options: Any) -> Any:
        """With what optimisers keep of themselves, such as NAdam's product, in float64 too, and Muon's matrices."""
        self.torch.set_default_dtype(self.torch.float64)
        self.torch.Tensor.bfloat16 = self.torch.Tensor.clone
        try:
            return super().descent(*args, **options)
        finally:
            self.torch.set_default_dtype(self.torch.float32)
            del self.torch.Tensor.bfloat16  # the inherited one is back

    def said(self, code: str) -> str:
        for ours, theirs in THEIRS.items():
            code = code.replace(ours, theirs)
        return code

    def array(self, x: Array, varies: bool) -> Any:
        return self.torch.tensor(x, requires_grad=varies)

    def plain(self, x: Any) -> Any:
        return x.detach().numpy() if isinstance(x, self.torch.Tensor) else x

    def varies(self, x: Any) -> bool:
        return isinstance(x, self.torch.Tensor) and x.requires_grad

    def sweep(self, outs: list[Any], cotangents: list[Array]) -> None:
        gs = [self.torch.tensor(c, dtype=y.dtype) for y, c in zip(outs, cotangents, strict=True)]
        self.torch.autograd.backward(outs, gs)

    def made(self, layer: Any) -> Any:
        return super().made(layer.double())

    def state(self, layer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(layer.named_parameters()), dict(layer.named_buffers())

    def fill(self, layer: Any, name: str, x: Any, new: Array) -> None:
        with self.torch.no_grad():
            x.copy_(self.torch.tensor(new))

    def drawn(self, start: Callable[[tuple[int, ...]], Any]) -> dict[str, Array]:
        self.torch.manual_seed(0)
        return {str(shape): np.ravel(self.plain(start(shape))) for shape in ((120, 80), (40, 30, 5))}

    def layer(self, make: Callable[[], Any], seed: int) -> Any:
        self.torch.manual_seed(seed)
        return make()


class Starts:
    """torch.nn.init with our way to call it: a shape in, an array out."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch

    def __getattr__(self, name: str) -> Any:
        torch = self.torch
        if name == "calculate_gain":
            return lambda *args: np.asarray(torch.nn.init.calculate_gain(*args))
        function = getattr(torch.nn.init, f"{name}_")
        return lambda shape, **options: function(torch.empty(shape, dtype=torch.float64), **options)
