"""What only PyTorch knows, held against what it said: tests/recorded/answers.json, which PyTorch itself wrote."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import numpy as np
import pytest

from tests.recorded.__main__ import PAGE, answers, rounded
from tests.recorded.asking import DRAWS, Ours
from tests.recorded.defaults import attributes, plain_default, public
from tests.recorded.questions import QUESTIONS, SPREADS

SAID: dict[str, dict[str, Any]] = json.loads(PAGE.read_text(encoding="utf-8"))
OURS = Ours()

# Public names that no question is about, for PyTorch has none of this kind.
ALONE = {
    "F.attention_weights": "scaled_dot_product_attention without its values, which is asked",
    "F.clip": "np.clip, which tests hold to NumPy's",
    **dict.fromkeys(
        ("F.dropout", "F.dropout1d", "F.dropout2d"),
        "what it drops is drawn by another generator; nn.Dropout is asked where nothing is drawn",
    ),
    "F.hinge_loss": "of one score with a label of ±1; PyTorch has multi_margin_loss and hinge_embedding_loss",
    **dict.fromkeys(
        (
            "nn.GaussianNoise",
            "nn.RandomCrop",
            "nn.RandomErasing",
            "nn.RandomHorizontalFlip",
            "nn.RandomRotation",
            "nn.RandomVerticalFlip",
        ),
        "what they change is drawn; torchvision's are no part of PyTorch",
    ),
    "F.logsumexp": "np.logaddexp.reduce, with its axis; PyTorch's is in test_differential.py",
    "F.mean": "np.mean",
    "F.quadratic_cost": "the cost of the textbooks: squares summed over the outputs, averaged over the examples",
    "F.step": "np.heaviside(x, 0)",
    "F.stop_gradient": "PyTorch's is a method, detach",
    "nn.HingeLoss": "F.hinge_loss",
    "nn.MLP": "Linear layers and activations one after another",
    "nn.Module": "what layers are made of",
    "nn.Residual": "x + layer(x)",
    "nn.Sequential": "layers one after another, under names of its own: test_nn.py",
    "nn.Step": "F.step",
    "nn.gradient_report": "a page of text",
    "nn.sinusoidal": "positions, which PyTorch leaves to its users",
    "optim.LRScheduler": "what schedules are made of",
    "optim.Lion": "PyTorch has none; the formula in the paper is in test_optim.py",
    "optim.Optimizer": "what optimisers are made of",
    "init.fans": "(fan_in, fan_out), as the starts that take their width use it",
    "init.generator": "seeds are NumPy's",
    "init.lecun_uniform": "how Linear and Conv start, which is asked; PyTorch writes it as kaiming_uniform(a=√5)",
}

# Gradients that PyTorch makes infinite or NaN, and this package finite.
FINITE = {
    ("F.kl_div(logs, targets)", "targets"): "0 · log 0 counts as the constant 0",
    (
        "F.binary_cross_entropy(ends, truth, reduction='none')",
        "truth",
    ): "a probability of 0 counts as exp(−100)",
}

# Options whose defaults differ from PyTorch's on purpose.
DIFFERENT = {
    "dtype": "float32 by its name; PyTorch's None means float32 as well",
    "optim.SGD.lr": "nothing is a good step size for everything: it has to be given",
    "nn.Softmax.dim": "named axis here, and the last one unless it is given; PyTorch's None guesses and warns",
    "nn.LogSoftmax.dim": "as Softmax",
    "nn.TransformerEncoderLayer.activation": "relu in both, each its own function",
    "nn.TransformerDecoderLayer.activation": "relu in both, each its own function",
    "nn.Softmin.dim": "as Softmax",
}


def close(got: Any, said: Any, rtol: float, what: str) -> None:
    """Equal in shape and, to `rtol` of the largest number, in numbers; many numbers are written as sums of them."""
    if isinstance(said, dict):
        assert got["shape"] == said["shape"], what
        got, said = got["sums"], said["sums"]
    got, said = np.array(got, float), np.array(said, float)
    assert got.shape == said.shape, what
    finite = np.isfinite(said)
    size = np.abs(said[finite]).max(initial=0.0)
    np.testing.assert_allclose(got, said, rtol=rtol, atol=1e-3 * rtol * size, err_msg=what)


@pytest.mark.parametrize("code", QUESTIONS)
def test_the_answer_is_pytorchs(code: str) -> None:
    """Results, gradients from a random cotangent, and what is kept: running means."""
    said = SAID["answers"][code]
    with np.errstate(all="ignore"):
        got = rounded(OURS.answer(code))
    rtol = 2e-6 if "single" in code else 1e-7 if "ardsigmoid" in code else 2e-8  # a slope of 1/6 rounded to float32
    assert len(got["out"]) == len(said["out"])
    for i, (mine, theirs) in enumerate(zip(got["out"], said["out"], strict=True)):
        close(mine, theirs, rtol, f"result {i}")
    for part in ("gradients", "kept"):
        assert got.get(part, {}).keys() == said.get(part, {}).keys()
        for name, theirs in said.get(part, {}).items():
            if (code, name) in FINITE:
                assert np.isfinite(got[part][name]).all()
                theirs = np.where(np.isfinite(theirs), theirs, got[part][name])
            close(got[part][name], theirs, rtol, f"{part}: {name}")


@pytest.mark.parametrize("code", SPREADS)
def test_what_is_drawn_is_spread_as_pytorchs(code: str) -> None:
    """To five of the deviations that as many numbers, drawn anew, would have."""
    got, said = OURS.spread(code), SAID["spreads"][code]
    assert got.keys() == said.keys()
    for name, theirs in said.items():
        mine, std, n = got[name], theirs["std"], theirs["size"]
        assert mine["size"] == n
        slack = 5 * std * math.sqrt(2 / n)
        assert mine["mean"] == pytest.approx(theirs["mean"], abs=slack + 1e-12), name
        assert mine["std"] == pytest.approx(std, abs=slack + 1e-12), name
        bounded = abs(theirs["at"][0] - theirs["mean"]) < 2.5 * std  # else the ends are where chance put them
        inner = slice(None) if bounded else slice(1, -1)
        np.testing.assert_allclose(mine["at"][inner], theirs["at"][inner], atol=2.5 * slack + 1e-12, err_msg=name)


def test_defaults_are_pytorchs() -> None:
    """By signature where both have them, and as attributes of layers that were given sizes alone."""
    compared, differ = 0, set()
    with_options = {name: inspect.signature(function).parameters for name, function in public()}
    for name, known in with_options.items():
        for option, default in SAID["defaults"].get(name, {}).items():
            if option in known:
                compared += 1
                if not same(known[option].default, default):
                    differ.add(option if option in DIFFERENT else f"{name}.{option}")
    for code, layer in attributes(OURS.nn):
        for name, x in vars(layer).items():
            if plain_default(x) and name in SAID["defaults"][code]:
                compared += 1
                if not same(x, SAID["defaults"][code][name]):
                    differ.add(f"{code}.{name}")
    assert differ <= set(DIFFERENT), differ - set(DIFFERENT)
    assert compared >= 200


def same(ours: Any, theirs: Any) -> bool:
    """Whether two options are the same: a size for all axes may be written once or for each."""
    if isinstance(theirs, list):
        return (list(ours) if isinstance(ours, tuple) else [ours] * len(theirs)) == theirs
    return bool(ours == theirs)


def test_arguments_have_pytorchs_order() -> None:
    """What goes by position goes by the same position there; PyTorch's `dim` is our `axis`, its `input` our `x`."""
    renamed, compared = {"input": "x", "dim": "axis", "keepdim": "keepdims"}, 0
    for name, function in public():
        kinds = inspect.signature(function).parameters.values()
        ours = [x.name for x in kinds if x.kind <= x.POSITIONAL_OR_KEYWORD]
        theirs = SAID["orders"].get(name, [])
        if not name.startswith("init."):  # which want a shape and a generator first
            for mine, other in zip(ours, theirs, strict=False):
                assert mine in (other, renamed.get(other)), f"{name}: {ours}, in PyTorch {theirs}"
                compared += 1
    assert compared > 200


def test_every_public_name_is_asked_about() -> None:
    """Or it stands in ALONE with its reason."""
    text = " ".join([*QUESTIONS, *SPREADS])
    asked = {name for name, _ in public() if f"{name}(" in text or f"{name}," in text}
    missing = {name for name, _ in public()} - asked
    assert missing == set(ALONE), "a new name has a question in tests/recorded/questions.py, or a line in ALONE"


def test_the_file_answers_these_questions() -> None:
    assert list(SAID["answers"]) == QUESTIONS
    assert list(SAID["spreads"]) == SPREADS
    assert len(set(QUESTIONS)) == len(QUESTIONS) > 300
    assert PAGE.stat().st_size < 400_000
    assert DRAWS >= 40


def test_the_file_is_what_pytorch_says() -> None:
    """Where PyTorch is: the script would write the same, but for last digits."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; it comes with the extra `bench`")
    if torch.__version__.partition("+")[0] != SAID["version"]["torch"]:
        pytest.skip(f"the file is of PyTorch {SAID['version']['torch']}, this is {torch.__version__}")
    alike(json.loads(json.dumps(rounded(answers()))), SAID, "answers.json")


def alike(now: Any, then: Any, where: str) -> None:
    assert type(now) is type(then), where
    if isinstance(now, dict):
        assert list(now) == list(then), f"{where}: run `python -m tests.recorded`"
        for name, part in now.items():
            alike(part, then[name], f"{where} › {name}")
    elif isinstance(now, list):
        assert len(now) == len(then), where
        for i, part in enumerate(now):
            alike(part, then[i], f"{where}[{i}]")
    elif isinstance(now, float):
        assert now == pytest.approx(then, rel=1e-7, abs=1e-9, nan_ok=True), f"{where}: run `python -m tests.recorded`"
    else:
        assert now == then, f"{where}: run `python -m tests.recorded`"
