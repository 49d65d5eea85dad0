"""The table of what PyTorch has and this package has not: it is whole, and what it says instead is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn, optim

TEXT = (Path(__file__).parent.parent / "docs" / "networks.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("### What is left out")[2].partition("\n## ")[0]
ROWS = [row.split(" | ", 1) for row in re.findall(r"^\| (.*) \|$", SECTION, re.MULTILINE)][1:]
NAMES = {name for there, _ in ROWS for name in re.findall(r"`(\w+)`", there)}


def test_none_of_them_is_here_and_what_is_named_instead_is() -> None:
    assert len(NAMES) > 80
    rooms = {"F": F, "nn": nn, "optim": optim, "np": np}
    for name in NAMES:
        assert not any(name in room.__all__ for room in (F, nn, optim)), name
    mentioned = [(room, name) for _, here in ROWS for room, name in re.findall(r"\b(F|nn|optim|np)\.(\w+)", here)]
    assert len(mentioned) > 30
    for room, name in mentioned:
        assert hasattr(rooms[room], name), f"{room}.{name}"


def test_what_pytorch_has_is_here_or_in_the_table() -> None:
    torch: Any = pytest.importorskip("torch")
    theirs = {name for name in dir(torch.nn.functional) if callable(getattr(torch.nn.functional, name))
              and name[0].islower() and name[-1] != "_" and not name.endswith("_with_indices")
              and "torch" in str(getattr(getattr(torch.nn.functional, name), "__module__", "") or "torch")}  # fmt: skip
    helpers = {"assert_int_or_pair", "handle_torch_function", "has_torch_function", "has_torch_function_unary",
               "has_torch_function_variadic", "boolean_dispatch"}  # fmt: skip
    layers = {name for name in dir(torch.nn) if isinstance(getattr(torch.nn, name), type)
              and issubclass(getattr(torch.nn, name), torch.nn.Module)}  # fmt: skip
    optimisers = {name for name in dir(torch.optim) if isinstance(getattr(torch.optim, name), type)}
    schedules = {
        name for name in dir(torch.optim.lr_scheduler) if name[0].isupper() and name.endswith(("LR", "Plateau"))
    }
    for room, names in ((F, theirs - helpers), (nn, layers), (optim, optimisers | schedules)):
        missing = {name for name in names - set(room.__all__) - NAMES if not name.endswith("3d") and name[:4] != "Lazy"}
        missing -= {"math", "warnings"}
        assert not missing
    assert len(theirs) > 100


ACTIVATIONS = [
    "celu", "elu", "gelu", "glu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax", "logsigmoid",
    "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softmin", "softplus", "softsign", "tanh",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_by_its_name_is_pytorchs(name: str) -> None:
    torch: Any = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(0, 4, (5, 6))
    over = {"dim": -1} if "softm" in name else {}
    v, t = Value(x), torch.tensor(x, requires_grad=True)
    out = np.tanh(v) if name == "tanh" else getattr(F, name)(v, **({"axis": -1} if over else {}))
    wanted = getattr(torch.nn.functional, name)(t, **over)
    c = np.random.default_rng(1).normal(size=out.shape)
    (out * c).sum().backward()
    (wanted * torch.tensor(c)).sum().backward()
    np.testing.assert_allclose(out.data, wanted.detach().numpy(), rtol=1e-9, atol=1e-9)
    # Its hardsigmoid multiplies by a sixth that was rounded to float32.
    np.testing.assert_allclose(v.grad, t.grad.numpy(), rtol=1e-7 if name == "hardsigmoid" else 1e-9, atol=1e-9)


def test_every_name_that_both_have_is_tried_beside_it() -> None:
    """In a file of tests that speaks of PyTorch: a new layer, loss or optimiser without such a test is named here."""
    torch: Any = pytest.importorskip("torch")
    asking = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("test_*.py"))]
    words = {word for text in asking if "torch" in text for word in re.findall(r"\w+", text)}
    rooms = ((F, torch.nn.functional), (nn, torch.nn), (optim, torch.optim), (optim, torch.optim.lr_scheduler))
    shared = [{name for name in ours.__all__ if hasattr(theirs, name)} for ours, theirs in rooms]
    assert [sorted(names - words) for names in shared] == [[]] * 4
    assert sum(map(len, shared)) > 150


RNG = np.random.default_rng(0)
GIVEN: dict[str, Any] = {
    "x": RNG.normal(size=(4, 3)), "y": (RNG.random((4, 3)) > 0.5) * 1.0, "image": RNG.normal(size=(2, 4, 4, 6)),
    "weight": RNG.normal(size=(5, 3, 3)), "table": RNG.normal(size=(6, 2)), "words": np.array([[1, 5], [0, 0]]),
}  # fmt: skip
# What the table says -> what PyTorch calls it, both of the same arrays.
SAME = {
    "np.where(x > limit, x, value)": "T.threshold(x, 0.25, -1.0)",
    "np.where(np.abs(x) > 0.5, x, 0.0)": "T.hardshrink(x)",
    "x - np.clip(x, -0.5, 0.5)": "T.softshrink(x)",
    "x - np.tanh(x)": "T.tanhshrink(x)",
    "F.softmax(x, axis=-3)": "torch.nn.Softmax2d()(x)",
    'np.einsum("bi,oij,bj->bo", x, weight, y)': "T.bilinear(x, y, weight)",
    "F.embedding(words, table).mean(axis=1)": "T.embedding_bag(words, table)",
    "(F.avg_pool2d(x**2, 2) * 4) ** 0.5": "T.lp_pool2d(x, 2, 2)",
    "F.interpolate(x, scale_factor=2)": "T.upsample_nearest(x, scale_factor=2)",
    "x.reshape(n, 2, c // 2, h, w).swapaxes(1, 2).reshape(n, c, h, w)": "T.channel_shuffle(x, 2)",
    "F.pairwise_distance(x[:, None], x[None], eps=0.0)": "torch.cdist(x, x)",
    "F.binary_cross_entropy_with_logits(x, y)": "T.multilabel_soft_margin_loss(x, y)",
}
OF_IMAGES = ("-3", "avg_pool", "interpolate", "c // 2")


@pytest.mark.filterwarnings("ignore:`?nn.functional.upsample")
@pytest.mark.parametrize("code", SAME)
def test_what_it_says_instead_computes_the_same(code: str) -> None:
    torch: Any = pytest.importorskip("torch")
    assert f"`{code}`" in SECTION
    arrays = {**GIVEN, "x": GIVEN["image"]} if any(word in code for word in OF_IMAGES) else GIVEN
    n, c, h, w = GIVEN["image"].shape
    names = {"F": F, "np": np, "limit": 0.25, "value": -1.0, "n": n, "c": c, "h": h, "w": w}
    ours = eval(code, {**names, **arrays, "x": Value(arrays["x"])})
    tensors = {name: torch.tensor(x) for name, x in arrays.items()}
    theirs = eval(SAME[code], {"T": torch.nn.functional, "torch": torch, **tensors})
    np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-9, atol=1e-9)
