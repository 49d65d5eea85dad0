"""Wrong uses at the doors of the package: what was seen, what is wanted and how to go on, and nothing half-done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import nn

X = np.random.default_rng(0).random((6, 3))
Y = np.arange(6) % 2
NET = nn.MLP(3, [4, 2], seed=0)
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a loss's reduction": (lambda: nn.CrossEntropyLoss(reduction="avg"),
                           r"^CrossEntropyLoss\(reduction='avg'\): it is 'mean', 'sum' or 'none'$"),
    "too many classes": (lambda: F.one_hot(np.array([0, 5]), 3), "from 0 to 5, .*Give num_classes=6, or more$"),
    "a class below 0": (lambda: F.one_hot(np.array([-1]), 3), "counted from 0$"),
    "cosines of other shapes": (lambda: F.cosine_similarity(X, X[:, :2]), r"^cosine_similarity: x1 of .* x2 of"),
    "distances of others": (lambda: F.pairwise_distance(X, X[:2]), r"^pairwise_distance: .*x1\[:, None\] beside"),
    "variances of another shape": (lambda: F.gaussian_nll_loss(X, X, np.ones((3, 3))),
                                   r"^gaussian_nll_loss: var of shape \(3, 3\) .* wanted that shape, .* \(6, 1\)$"),
    "apply": (lambda: NET.apply(3), r"^apply\(fn=3\): it is a function"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_was_seen_and_what_is_wanted_is_said(name: str) -> None:
    call, says = WRONG[name]
    with pytest.raises((TypeError, ValueError), match=says):
        call()


def test_right_shapes_beside_them_are_taken() -> None:
    assert F.cosine_similarity(X, X[:1]).shape == (6,)
    assert F.pairwise_distance(X[:, None], X[None]).shape == (6, 6)
    assert F.pairwise_distance(X[0], X).shape == (6,)
    for var in (2.0, np.ones(6), np.ones((6, 1)), np.ones((6, 3))):
        np.testing.assert_allclose(F.gaussian_nll_loss(X, X, var), 0.5 * np.log(np.max(var)))


@pytest.mark.parametrize("hidden", ["16", (0,), (4, 2.5), None, {3: 4}])
def test_an_estimators_widths_are_named(hidden: Any) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is an extra")
    model = mg.estimators.Classifier(hidden=hidden)
    with pytest.raises(ValueError, match=r"^hidden=.*: it is the width of each hidden layer, .*, such as \(16, 16\)$"):
        model.fit(X, Y)
    assert not hasattr(model, "model_")


def test_a_way_out_that_cannot_be_leaves_no_file(tmp_path: Path) -> None:
    for write, end in ((mg.save_torch, "py"), (mg.save_onnx, "onnx")):
        if write is mg.save_onnx:
            pytest.importorskip("onnx", reason="onnx is an extra")
        with pytest.raises(ValueError, match=rf"net\.txt': wanted a path that ends in \.{end}"):
            write(tmp_path / "net.txt", NET, X)
        with pytest.raises(TypeError, match=rf"^{write.__name__}: x is an example batch.* got None$"):
            write(tmp_path / f"net.{end}", NET, None)
        with pytest.raises(TypeError, match=rf"^{write.__name__}: the model is a Module or a function; got 3$"):
            write(tmp_path / f"net.{end}", 3, X)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [mg.save_onnx, mg.save_torch])
def test_a_module_of_pytorch_is_shown_the_way_in(write: Any, tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
    if write is mg.save_onnx:
        pytest.importorskip("onnx", reason="onnx is an extra")
    with pytest.raises(TypeError, match=rf"^{write.__name__}: .* mg\.from_torch\(…\) makes one of PyTorch's$"):
        write(tmp_path / ("net.onnx" if write is mg.save_onnx else "net.py"), torch.nn.Linear(3, 2), X)
