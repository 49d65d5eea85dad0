"""What public functions, layers, optimisers, schedules and data give for fixed inputs, each option changed in turn.

tests/answers.txt has a line for each call. Whether it is right is the business of the tests of each, beside PyTorch's
and NumPy's answers; here all of them are held, so that none moves unseen. Where one is meant to change,
`python -m tests.test_answers` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from microgradnet import Value, data, functional, nn, optim
from microgradnet.core import Op
from tests import test_refusals, test_reprs

PAGE = Path(__file__).with_name("answers.txt")
OTHER: dict[str, tuple[Any, ...]] = {
    "mode": ("bilinear", "linear", "reflect", "circular", "replicate", "fan_out", "min"), "reduction": ("sum", "none"),
    "approximate": ("tanh",), "nonlinearity": ("relu", "tanh", "selu"), "align_corners": (True,), "ndim": (1,),
    "padding": (1, (1, 0)), "stride": (1, 3), "dilation": (2,), "groups": (2,), "output_padding": (1,), "size": (7,),
    "scale_factor": (2, 1.5), "weight": (np.array([0.25, 2.0]),), "pos_weight": (np.array([0.25, 2.0]),),
    "ignore_index": (0,), "label_smoothing": (0.25,), "margin": (0.25,), "p": (0.25, 1, 3.0), "dim_feedforward": (3,),
    "betas": ((0.5, 0.75),), "activation": (np.tanh,), "final_activation": (np.tanh,), "num_layers": (2,), "axis": (0,),
    "out_axis": (0,), "weight_decay": (0.25,), "momentum": (0.5, None), "anneal_strategy": ("linear",),
    "line_search_fn": ("strong_wolfe",), "centers": (2, [[0.0, 1.0], [5.0, -5.0]]), "cluster_std": ([1.0, 2.0, 0.1],),
    "held_out": (2, 0.5), "stratify": (np.arange(10) // 5,), "shuffle": (False,), "translate": (0.25,), "fill": (0.5,),
    "scale": ((0.5, 0.75),), "threshold_mode": ("abs",), "degrees": ((5, 30),), "is_causal": (True,), "step_at": (0.5,),
    "attn_mask": (np.array([[True, False], [True, True]]),), "norm_type": (1.0, np.inf), "inner": (0,), "kdim": (6,),
    "num_decoder_layers": (2,), "negative_slope": (0.3,), "return_indices": (True,), "padding_idx": (1,),
}  # fmt: skip


def a(*shape: int) -> Any:
    """Numbers between 0 and 1, no two alike."""
    return ((np.arange(np.prod(shape, dtype=int)) * 382 % 1009 + 0.5) / 1010).reshape(shape)


def said(x: Any) -> str:
    """In a few characters: of arrays the shape, the dtype and a weighed sum."""
    if isinstance(x, nn.Module):
        return " ".join([type(x).__name__, *[said(p) for _, p in [*x.named_parameters(), *x.named_buffers()]]])
    if isinstance(x, Value):
        return said(x._numbers)
    if isinstance(x, dict):
        return " ".join(f"{name}={said(x[name])}" for name in x)
    if isinstance(x, tuple | list) and not all(isinstance(n, int | float) for n in x):
        return "; ".join(map(said, x))
    if x is None or isinstance(x, str | bool):
        return str(x)
    if not isinstance(x, np.ndarray | np.generic | int | float | list | tuple):
        return type(x).__name__
    array = np.asarray(x)
    if not array.ndim:
        return f"{float(array):.5g}"
    numbers = np.nan_to_num(array.astype(float).ravel(), nan=-7.0, posinf=1e3, neginf=-1e3)
    weighed = np.round(numbers @ np.cos(np.arange(numbers.size)), 9) + 0.0
    return f"{array.dtype}{array.shape} {weighed:.5g}"


def options(called: Any) -> Iterator[dict[str, Any]]:
    """What a function is called with, besides: nothing, and each option changed."""
    found: dict[str, dict[str, Any]] = {"": {}}
    for name, p in inspect.signature(called).parameters.items():
        if p.default is not p.empty and name not in ("seed", "dtype", "init"):
            others = [x for x in (*OTHER.get(name, ()), test_reprs.changed(name, p.default)) if x is not None]
            found |= {f"{name} {x}": {name: x} for x in others}
    yield from found.values()


def fixed(called: Any) -> dict[str, Any]:
    """The right arguments, arrays of floats being numbers that are not alike, and a seed where one is taken."""
    right = test_refusals.arguments(called)
    for i, (name, x) in enumerate(right.items()):
        if name == "shape":
            right[name] = (3, 4)
        elif name == "input" and x is test_refusals.SCORES and called is not functional.binary_cross_entropy:
            right[name] = 4 * a(2, 2)
        elif isinstance(x, nn.Module):  # made anew with a seed
            right[name] = nn.Linear(4, 4, seed=0) if isinstance(x, nn.Linear) else type(x)(4, 2, 4, seed=0)
        elif name in ("query", "key", "value"):
            right[name] = np.roll(a(2, 3, 4), i)
        elif isinstance(x, np.ndarray) and x.dtype.kind == "f" and not ((x == -1.0) | (x == 1.0)).all():
            right[name] = np.roll(a(*x.shape), i)
        elif isinstance(x, np.ndarray) and x.dtype.kind == "f" and name not in ("target", "running_var"):
            right[name] = 5 * np.roll(a(*x.shape), i) - 2
    for name in {"seed"} if called is nn.RNN else {"seed", "rng"} & set(inspect.signature(called).parameters):
        right[name] = 0
    return right


def answered(call: Callable[..., Any], arrays: list[Any], **given: Any) -> str:
    """A result, and the gradients of all that it was computed from."""
    values = [Value(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in arrays]
    try:
        out = call(*values, **given)
    except Exception:
        return ""
    results = [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, Value) and x.op is not None]
    total = sum((x.ravel() * np.cos(np.arange(float(x.size)))).sum() for x in results)
    if isinstance(total, Value):
        total.backward()
    grads = [x.grad for x in values if isinstance(x, Value)]
    return f"{said(out)} | {said([g for g in grads if g is not None])}"


INPUTS = ((2, 4), (2, 4, 6), (2, 4, 6, 5), (3, 4, 4, 4), (2, 16, 9), (4, 2, 4))
PAIRS = {"target": test_refusals.LABELS, "": a(2, 4)[::-1]}


def of_layers() -> Iterator[str]:
    for name in sorted(nn.__all__):
        kind: Any = getattr(nn, name)
        if not inspect.isclass(kind) or name in test_reprs.LEFT_OUT:
            continue
        right = fixed(kind)
        for more in options(kind):
            with contextlib.suppress(Exception):  # what is refused is on another page
                yield f"{name}({shown(more)}): {used(kind(**{**right, **more}).astype(np.float64))}"


def used(layer: nn.Module) -> str:
    """What a layer gives for the first inputs that it takes, trained and not, and the gradients of its parameters."""
    three, labels, signs = a(2, 4)[::-1], test_refusals.LABELS, np.array([1, -1])
    right = np.array([[1, 0, 0, 1], [0, 0, 1, 0]])
    others = (
        [labels],
        [right],
        [2 * right - 1],
        [three + 0.25],
        [three, signs],
        [three, three**2],
        [three, three + 0.5],
    )
    inputs = [scale * a(*shape) - (scale - 1) / 2 for shape in INPUTS for scale in (4, 1)]
    for x in [labels] if isinstance(layer, nn.Embedding) else inputs:
        for more in ([], *others, [x, x]):
            one = copy.deepcopy(layer)
            text = answered(one, [x, *more])
            if text:
                grads = [p.grad for p in one.parameters() if p.grad is not None]
                still = copy.deepcopy(one).eval()
                left = said([b for _, b in one.named_buffers()])
                return f"of {x.shape}: {text} | {said(grads)} | {answered(still, [x, *more])} | {left}"
    raise ValueError("it takes none of these")


def shown(more: dict[str, Any]) -> str:
    return ", ".join(f"{name}={getattr(x, '__name__', x)}" for name, x in more.items()).replace("\n", "")


def of_functions() -> Iterator[str]:
    for room, title in ((functional, "functional"), (nn.init, "init")):
        for name in sorted(room.__all__):
            called: Any = getattr(room, name)
            if not inspect.isfunction(called) or isinstance(called, Op) or f"{title}.{name}" in test_refusals.LEFT_OUT:
                continue
            right = fixed(called)
            for more in options(called):
                given = {**right, **more}
                names = [n for n, x in given.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
                rest = {n: x for n, x in given.items() if n not in names}

                def call(*arrays: Any, called: Any = called, names: Any = names, rest: Any = rest) -> Any:
                    return called(**dict(zip(names, arrays, strict=True)), **rest)

                arrays = [given[n] for n in names]
                if text := answered(call, arrays):
                    yield f"{title}.{name}({shown(more)}): {text}"


def of_data() -> Iterator[str]:
    x, y = a(10, 2), np.arange(10) // 5
    for text in (
        "moons(7)", "moons(8, noise=0, seed=1)", "spirals(7)", "spirals(9, arms=2, noise=0.5)", "blobs(7)",
        "blobs(7, centers=2, cluster_std=0.25, seed=3)", "blobs(8, [[0.0, 1.0, 2.0], [5.0, -5.0, 1.0]], [0.5, 2.0])",
        "digits()", "enlarged(a(2, 3, 3), 7)", "one_hot(y)", "one_hot(y, 2)", "order(9, 1)", "split(x, y)",
        "split(x, y, held_out=3, seed=1)", "split(x, y, held_out=0.34, stratify=np.arange(10) % 3)",
        "list(data.batches(x, y, 4, seed=0))", "list(data.batches(x, y, 3, shuffle=False))",
    ):  # fmt: skip
        found = eval(
            text if text.startswith("list") else f"data.{text}", {"np": np, "a": a, "data": data, "x": x, "y": y}
        )
        yield f"data: {text}: {said(list(found) if isinstance(found, tuple) else found)}"


def of_optimisers() -> Iterator[str]:
    """Where parameters are after some steps along the same gradients, and where schedules lead."""
    for name in sorted(optim.__all__):
        kind: Any = getattr(optim, name)
        if not inspect.isclass(kind) or name in ("Optimizer", "LRScheduler"):
            continue
        for more in options(kind):
            scheduled = issubclass(kind, optim.LRScheduler)
            with contextlib.suppress(TypeError, ValueError):
                yield f"{name}({shown(more)}): {' '.join(lrs(kind, more) if scheduled else moved(kind, more))}"


def moved(kind: Any, more: dict[str, Any]) -> Iterator[str]:
    x = Value(a(3, 2) - 0.5)
    usual = {"lr": 0.1, "weight_decay": 0.125, **({"momentum": 0.5} if kind is optim.SGD else {})}
    optimizer = kind(
        [x], **{**{name: usual[name] for name in usual if name in inspect.signature(kind).parameters}, **more}
    )

    def cost(share: float = 1.0) -> Any:
        optimizer.zero_grad()
        out = (x**2 * a(3, 2)).sum() + np.sin(x[0, 0] * 3)
        (out * share).backward()
        return out

    for share in (1.0, -2.0, 0.5, 3.0, 1.0):
        if kind is optim.LBFGS:
            optimizer.step(cost)
        else:
            cost(share)
            optimizer.step()
        yield f"{x.data.ravel() @ np.cos(np.arange(6.0)):.5g}"


def lrs(kind: Any, more: dict[str, Any]) -> Iterator[str]:
    optimizer = optim.SGD([Value([1.0])], 0.5, momentum=0.9)
    right = {**test_refusals.arguments(kind), "optimizer": optimizer}
    if kind is optim.SequentialLR:
        right |= {"schedulers": [optim.LinearLR(optimizer), optim.StepLR(optimizer, 2)], "milestones": [3]}
    elif kind is optim.ReduceLROnPlateau:
        right["patience"] = 1
    elif kind is optim.OneCycleLR:
        right["total_steps"] = 9
    scheduler = kind(**{**right, **more})
    for i in range(8):
        if isinstance(scheduler, optim.ReduceLROnPlateau):
            scheduler.step([5.0, 4.0, 4.0, 3.9, 3.8999, 3.8998, 6.0, 6.0][i])
        else:
            optimizer.step()
            scheduler.step()
        group = optimizer.param_groups[0]
        yield f"{group['lr']:.5g}" + ("" if group["momentum"] == 0.9 else f"/{group['momentum']:.5g}")


def page() -> Iterator[str]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield from of_functions()
        yield from of_data()
        yield from of_layers()
        yield from of_optimisers()


def test_what_is_given_is_what_it_was() -> None:
    assert "\n".join(page()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(page()) + "\n", encoding="utf-8")
