"""What is said where an argument is no such thing: the words, and which wrong ones are refused, are what they were.

Every argument of every layer, optimiser, schedule and function is given wrong things, one at a time beside others that
are right. tests/refusals.txt has a line for each thing that is then said of an argument: what is refused, and the words
for the first. Where that is meant to change, `python -m tests.test_refusals` writes the file anew: what changed is then
in the diff.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from microgradnet import Value, data, draw, fit, functional, nn, optim
from microgradnet.core import Op

PAGE = Path(__file__).with_name("refusals.txt")
WRONG: dict[str, Any] = {"a word": "?", "-2": -2, "0": 0, "1/2": 0.5, "3/2": 1.5, "None": None, "a list": [1.0] * 9}

ROW, IMAGE = np.ones((2, 1, 6)), np.ones((2, 1, 4, 4))
SCORES, LABELS = np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([0, 1])


def sgd() -> optim.SGD:
    return optim.SGD([Value([1.0, 2.0])], 0.1, momentum=0.9)


def trained(
    epochs: Any = 1, batch_size: Any = 2, patience: Any = None, seed: Any = None, save_every: Any = None,
    scheduler_interval: Any = "epoch", validation: Any = None, metrics: Any = None, checkpoint: Any = None,
    clip: Any = None, accumulate: Any = 1,
) -> None:  # fmt: skip
    given = dict(locals())
    model = nn.Linear(2, 2, seed=0)
    fit(
        model,
        SCORES,
        LABELS,
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(model.parameters(), 0.1),
        progress=False,
        **given,
    )


def drawn(fold: Any = "auto", depth: Any = None, cap: Any = 300, direction: Any = None, names: Any = None) -> None:
    draw(Value(1.0) * 2.0, fold=fold, depth=depth, cap=cap, direction=direction, names=names)


def batch_norm(running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None) -> None:
    functional.batch_norm(np.ones((2, 4, 6)), running_mean, running_var, weight, bias, training=True)


def rnn(
    nonlinearity: Any = "tanh", num_layers: Any = 1, batch_first: Any = False, dropout: Any = 0.0,
    bidirectional: Any = False, bias: Any = True,
) -> None:  # fmt: skip
    nn.RNN(2, 2, **dict(locals()))


OTHERS: dict[str, Callable[..., Any]] = {"fit": trained, "draw": drawn, "batch_norm in training": batch_norm,
                                         "nn.RNN's options": rnn}  # fmt: skip
LEFT_OUT = {
    "data.mnist",
    "data.read_idx",
    "data.digits",
    "data.Digits",
    "data.enlarged",
    "data.ImageFolder",
    "data.image_folder",
}  # of files, or of an extra

# What is right for an argument: by its function and its name, or by its name. 4 for any other without a default.
RIGHT: dict[str, Callable[[], Any]] = {
    "optimizer": sgd,
    "params": lambda: [Value([1.0, 2.0])],
    "parameters": lambda: [Value([1.0, 2.0])],
    "SequentialLR.schedulers": list,
    "MultiStepLR.milestones": lambda: [2],
    "LambdaLR.lr_lambda": lambda: lambda t: 0.5,
    "OneCycleLR.total_steps": lambda: 4,
    "lr": lambda: 0.1,
    "MLP.out_features": lambda: [3, 2],
    "module": lambda: nn.Linear(4, 4),
    "input": lambda: SCORES,
    "target": lambda: SCORES,
    "hinge_loss.target": lambda: np.sign(SCORES - 0.5),
    "hinge_embedding_loss.target": lambda: np.sign(SCORES - 0.5),
    "multi_margin_loss.target": lambda: LABELS,
    "nll_loss.target": lambda: LABELS,
    "cross_entropy.target": lambda: LABELS,
    "embedding.input": lambda: LABELS,
    "weight": lambda: None,
    "embedding.weight": lambda: SCORES,
    "x": lambda: np.ones((2, 4, 6)),
    "conv1d.x": lambda: ROW,
    "conv2d.x": lambda: IMAGE,
    "max_pool2d.x": lambda: IMAGE,
    "avg_pool2d.x": lambda: IMAGE,
    "encoder_layer": lambda: nn.TransformerEncoderLayer(4, 2, 4),
    "decoder_layer": lambda: nn.TransformerDecoderLayer(4, 2, 4),
    "Unflatten.unflattened_size": lambda: (2, 2),
    "Upsample.scale_factor": lambda: 2,
    "interpolate.scale_factor": lambda: 2,
    "pad.pad": lambda: (1, 1),
    "one_hot.x": lambda: LABELS,
    "margin_ranking_loss.target": lambda: np.sign(SCORES - 0.5),
    "soft_margin_loss.target": lambda: np.sign(SCORES - 0.5),
    "cosine_embedding_loss.target": lambda: np.array([1, -1]),
    "input1": lambda: SCORES,
    "input2": lambda: SCORES,
    "x1": lambda: SCORES,
    "x2": lambda: SCORES,
    "anchor": lambda: SCORES,
    "positive": lambda: SCORES,
    "negative": lambda: SCORES,
    "RandomRotation.degrees": lambda: 10,
    "Muon.params": lambda: [Value(SCORES)],
    "prelu.weight": lambda: np.ones(4),
    "adaptive_avg_pool2d.x": lambda: IMAGE,
    "adaptive_max_pool2d.x": lambda: IMAGE,
    "unfold.x": lambda: IMAGE,
    "query": lambda: SCORES,
    "key": lambda: SCORES,
    "conv_transpose1d.x": lambda: ROW,
    "conv_transpose2d.x": lambda: IMAGE,
    "conv_transpose1d.weight": lambda: np.ones((1, 1, 2)),
    "conv_transpose2d.weight": lambda: np.ones((1, 1, 2, 2)),
    "conv1d.weight": lambda: np.ones((1, 1, 2)),
    "conv2d.weight": lambda: np.ones((1, 1, 2, 2)),
    "kernel_size": lambda: 2,
    "normalized_shape": lambda: 6,
    "running_mean": lambda: np.zeros(4),
    "running_var": lambda: np.ones(4),
    "seed": lambda: 0,
}


def arguments(called: Any) -> dict[str, Any]:
    """What is right for its arguments, as far as they have no default or something is known."""
    right = {}
    for name, p in inspect.signature(called).parameters.items():
        known = RIGHT.get(f"{called.__name__}.{name}", RIGHT.get(name) if p.default is p.empty else None)
        if known is not None or (p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)):
            right[name] = known() if known else 4
    return right


def told(called: Any, name: str, wrong: Any) -> str:
    """What is said of a wrong argument, in words of this package: they begin with its name, or who asks."""
    try:
        with np.errstate(all="ignore"):
            called(**{**arguments(called), name: wrong})
    except Exception as error:
        if re.match(rf"(\w+\()?{name}=|{called.__name__}: ", str(error)):
            return f"{type(error).__name__}: {error}"
    return ""


def functions() -> Iterator[tuple[str, Any]]:
    for room in (nn, nn.init, optim, functional, data):
        for name in sorted(room.__all__):
            title = f"{room.__name__.removeprefix('microgradnet.')}.{name}"
            if callable(getattr(room, name)) and not isinstance(getattr(room, name), Op) and title not in LEFT_OUT:
                yield title, getattr(room, name)
    yield from OTHERS.items()


def refusals() -> Iterator[str]:
    """A line for each thing that is said of an argument."""
    for title, called in functions():
        for name, p in inspect.signature(called).parameters.items():
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                said: dict[str, list[str]] = {}  # but for the thing itself: the first text, and all that it is said of
                for word, wrong in WRONG.items():
                    if text := told(called, name, wrong):
                        key = re.sub(rf"{name}={re.escape(repr(wrong))}(?=[:),])", "", text)
                        said.setdefault(key, [text]).append(word)
                for text, *words in said.values():
                    yield f"{title}({name}) takes no {', '.join(words)}. {text}"


def test_what_is_refused_and_what_is_said_is_what_it_was() -> None:
    assert "\n".join(refusals()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(refusals()) + "\n", encoding="utf-8")
