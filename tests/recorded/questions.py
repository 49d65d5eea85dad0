"""What PyTorch and this package are asked: lines of code that mean the same in both, and the arrays they name.

`F`, `nn`, `optim` and `init` are those of whoever is asked; the other functions are in `asking.py`. Options have
PyTorch's names, so a line is written once. Most functions are also called without any option: a default is an answer.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def numbers(*shape: int, start: int = 0) -> Array:
    """Numbers from −2 to 2, no two alike and none 0, which float32 holds exactly; the same ones everywhere."""
    places = np.arange(math.prod(shape)) * 382 + start * 91
    return ((places % 1009 - 504.5) / 256).reshape(shape)


def shares(*shape: int, start: int = 0) -> Array:
    """The same, from 0 to 1."""
    return (numbers(*shape, start=start) + 2) / 4


# The arrays that lines name. A gradient is asked for those of floats, but for the weights in CONSTANT.
SIGNS = np.array([1.0, -1.0, -1.0, 1.0, -1.0, -1.0])
GIVEN: dict[str, Any] = {
    # ends, kinks and what lies beside them
    "x": np.array([-1000.0, -7.0, -3.5, -3.0, -2.5, -1.0, -0.75, -0.25, 0.0, 0.125, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0]),
    "a": np.array([[0.0, 1.0, -2.0, 0.75], [3.0, -0.25, 0.5, -1.5]]),  # from b: 0, ±¼, ±½, ±1, 2, 3 …
    "b": np.array([[0.0, 0.5, -1.0, 1.0], [0.0, -2.25, 0.0, -1.25]]),
    "scores": numbers(4, 3, start=1),
    "close": np.array([[1.0, 0.0, 0.5], [0.25, 0.75, 0.5], [-1.0, 2.0, 1.5], [0.0, 0.0, 0.0]]),  # some on a margin of 1
    "labels": np.array([2, 0, 1, 2]),
    "some": np.array([2, -100, 1, -100]),
    "others": np.array([[2, 0], [1, 1]]),
    "deep": numbers(2, 2, 3, start=2),
    "logs": np.log(shares(4, 3, start=3) * 0.9 + 0.05),
    "shares": shares(4, 3, start=4) * 0.9 + 0.05,
    "ends": np.array([0.0, 1.0, 0.0, 1.0, 0.25]),
    "likely": shares(4, 3, start=4) * 0.9 + 0.05,
    "truth": np.array([0.0, 1.0, 1.0, 0.0, 0.5]),
    "targets": np.array([[0.0, 0.25, 0.75], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.125, 0.125, 0.75]]),
    "weights": np.array([0.5, 2.0, 1.25]),
    "counts": np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 7.0], [1.0, 1.0, 0.0], [4.0, 2.0, 12.0]]),
    "spread": shares(2, 4, start=28) + 0.125,
    "each": shares(4, 3, start=5),
    "distances": np.array([0.25, 1.0, 0.5, 2.0, 1.5, -0.5]),  # the second and the third on a margin of 1, of ½
    "signs": SIGNS,
    "rows": numbers(3, 4, start=6),
    "faint": numbers(3, 4, start=7) * 2.0**-9,  # beside which eps is something
    "fainter": numbers(3, 4, start=7) * 2.0**-26,
    "single": (numbers(3, 4, start=7) * 2.0**-11).astype(np.float32),
    "scale": numbers(4, start=8),
    "shift": numbers(4, start=9),
    "mean": numbers(4, start=10),
    "var": shares(4, start=11) + 0.25,
    "channels": numbers(2, 4, 3, start=12) * 2.0**-7,
    "line": numbers(2, 2, 6, start=13),
    "kernel": numbers(4, 2, 3, start=14),
    "halves": numbers(4, 1, 2, start=15),
    "four": numbers(4, start=16),
    "image": numbers(2, 2, 4, 5, start=17),
    "square": numbers(2, 2, 3, 2, start=18),
    "two": numbers(2, start=19),
    "words": np.array([[1, 4, 0], [4, 4, 2]]),
    "table": numbers(5, 2, start=20),
    "q": numbers(2, 3, 4, start=21),
    "k": numbers(2, 2, 4, start=22),
    "v": numbers(2, 2, 4, start=23),
    "allowed": np.array([[True, False], [True, True], [False, True]]),
    "added": numbers(3, 2, start=24),
    "hidden": np.array([[False, True], [False, False]]),
    "later": np.triu(np.ones((3, 3), bool), 1),
    "sequence": numbers(3, 2, 4, start=25),
    "h": numbers(1, 2, 3, start=26),
    "c": numbers(1, 2, 3, start=27),
}
CONSTANT = {"weights", "each", "signs", "mean", "var", "counts"}

# Where PyTorch wants the same thing said in another way: classes on the second axis, `dim`, labels that are int64.
THEIRS = {
    "axis=": "dim=",
    "keepdims=": "keepdim=",
    "(deep,": "(deep.movedim(-1, 1),",
    "F.softmax(scores)": "F.softmax(scores, -1)",
    "F.log_softmax(scores)": "F.log_softmax(scores, -1)",
    "F.softmin(scores)": "F.softmin(scores, -1)",
    "nn.Softmax()": "nn.Softmax(-1)",
    "nn.Softmin()": "nn.Softmin(-1)",
    "nn.LogSoftmax()": "nn.LogSoftmax(-1)",
}

QUESTIONS: list[str] = []
ask = QUESTIONS.append


def ask_each(function: str, given: str, options: dict[str, str], *, reductions: bool = False) -> None:
    """A function with every choice of options given and left out; of a loss, with every reduction."""
    kinds = ["", "reduction='mean'", "reduction='sum'", "reduction='none'"] if reductions else [""]
    for n in range(len(options) + 1):
        for some in itertools.combinations(options.items(), n):
            for kind in kinds:
                ask(f"{function}({', '.join([given, *(f'{name}={x}' for name, x in some), *[kind] * bool(kind)])})")


# -------------------------------------------------------------------------------------------------------- activations

for code in (
    "F.relu(x)", "F.relu6(x)", "F.leaky_relu(x)", "F.leaky_relu(x, 0.2)", "F.elu(x)", "F.elu(x, 2.0)", "F.selu(x)",
    "F.gelu(x)", "F.gelu(x, approximate='tanh')", "F.silu(x)", "F.mish(x)", "F.softplus(x)", "F.softplus(x, 3.0)",
    "F.hardtanh(x)", "F.hardtanh(x, -0.5, 0.75)", "F.hardswish(x)", "F.sigmoid(x)", "F.tanh(x)", "F.softmax(scores)",
    "F.softmax(scores, axis=0)", "F.log_softmax(scores)", "F.log_softmax(scores, axis=0)", "nn.Identity()(x)",
    "nn.ReLU()(x)", "nn.ReLU6()(x)", "nn.LeakyReLU()(x)", "nn.LeakyReLU(0.2)(x)", "nn.ELU()(x)", "nn.ELU(2.0)(x)",
    "nn.SELU()(x)", "nn.GELU()(x)", "nn.GELU('tanh')(x)", "nn.SiLU()(x)", "nn.Mish()(x)", "nn.Softplus()(x)",
    "nn.Softplus(3.0)(x)", "nn.Hardtanh()(x)", "nn.Hardtanh(-0.5, 0.75)(x)", "nn.Hardswish()(x)", "nn.Sigmoid()(x)",
    "nn.Tanh()(x)", "nn.Softmax()(scores)", "nn.Softmax(axis=0)(scores)", "nn.LogSoftmax()(scores)",
    "nn.LogSoftmax(axis=0)(scores)",
):  # fmt: skip
    ask(code)

for code in (
    "F.celu(x)", "F.celu(x, 2.0)", "F.hardsigmoid(x)", "F.logsigmoid(x)", "F.softsign(x)", "F.prelu(x, two[:1])",
    "F.prelu(line, two)", "F.softmin(scores)", "F.softmin(scores, axis=0)", "F.glu(rows)", "F.glu(line, 1)",
    "nn.CELU()(x)", "nn.CELU(2.0)(x)", "nn.Hardsigmoid()(x)", "nn.LogSigmoid()(x)", "nn.Softsign()(x)",
    "nn.Softmin()(scores)", "nn.Softmin(axis=0)(scores)", "nn.GLU()(rows)", "nn.GLU(1)(line)",
    "made(nn.PReLU())(x)", "made(nn.PReLU(2))(line)",
):  # fmt: skip
    ask(code)

# ------------------------------------------------------------------------------------------------------------- losses

ask_each("F.mse_loss", "a, b", {}, reductions=True)
ask_each("F.l1_loss", "a, b", {}, reductions=True)
ask_each("F.huber_loss", "a, b", {"delta": "0.5"}, reductions=True)
ask_each("F.smooth_l1_loss", "a, b", {"beta": "0.5"}, reductions=True)
ask("F.smooth_l1_loss(a, b, beta=0)")
for target in ("labels", "some", "targets"):
    ask_each("F.cross_entropy", f"scores, {target}", {"weight": "weights", "label_smoothing": "0.2"}, reductions=True)
ask("F.cross_entropy(scores, labels, ignore_index=2)")
ask("F.cross_entropy(deep, others)")
ask_each("F.nll_loss", "logs, labels", {"weight": "weights", "ignore_index": "1"}, reductions=True)
ask_each("F.nll_loss", "logs, some", {"weight": "weights"}, reductions=True)
ask("F.nll_loss(deep, others, weight=weights)")
for given in ("scores", "close"):
    options = {"p": "2", "margin": "0.5", "weight": "weights"}
    ask_each("F.multi_margin_loss", f"{given}, labels", options, reductions=True)
ask_each(
    "F.binary_cross_entropy_with_logits", "scores, targets", {"weight": "each", "pos_weight": "weights"},
    reductions=True,
)  # fmt: skip
ask_each("F.binary_cross_entropy", "shares, targets", {"weight": "each"}, reductions=True)
ask("F.binary_cross_entropy(ends, truth, reduction='none')")
ask_each("F.kl_div", "logs, likely", {}, reductions=True)
ask("F.kl_div(logs, targets)")
ask_each("F.kl_div", "logs, logs * 2", {"log_target": "True"}, reductions=True)
ask("F.kl_div(logs, likely, reduction='batchmean')")
ask("F.kl_div(logs, logs * 2, log_target=True, reduction='batchmean')")
ask_each("F.hinge_embedding_loss", "distances, signs", {"margin": "0.5"}, reductions=True)

ask_each("F.soft_margin_loss", "distances, signs", {}, reductions=True)
ask_each("F.cosine_embedding_loss", "rows, faint, signs[:3]", {"margin": "0.25"}, reductions=True)
ask_each("F.margin_ranking_loss", "distances, distances * distances, signs", {"margin": "0.25"}, reductions=True)
ask_each("F.poisson_nll_loss", "logs, counts", {"log_input": "True", "full": "True"})
ask_each("F.poisson_nll_loss", "shares, counts, log_input=False", {"full": "True", "eps": "0.5"})
ask_each("F.gaussian_nll_loss", "a, b, spread", {"full": "True", "eps": "0.5"})
ask("F.gaussian_nll_loss(a, b, spread[:, :1])")
ask_each("F.triplet_margin_loss", "rows, rows * 2, faint", {"margin": "3.0", "p": "1.0", "swap": "True"})
ask("F.triplet_margin_loss(rows, rows * 2, faint, eps=0.5)")
for call in (
    "poisson_nll_loss(logs, counts", "gaussian_nll_loss(a, b, spread", "triplet_margin_loss(rows, rows * 2, faint",
):  # fmt: skip
    ask(f"F.{call}, reduction='sum')")
    ask(f"F.{call}, reduction='none')")

for loss, given, some in (
    ("SoftMarginLoss", "distances, signs", ""), ("PoissonNLLLoss", "logs, counts", "full=True"),
    ("GaussianNLLLoss", "a, b, spread", "full=True"), ("CosineEmbeddingLoss", "rows, faint, signs[:3]", "margin=0.25"),
    ("MarginRankingLoss", "distances, distances * distances, signs", "margin=0.25"),
    ("TripletMarginLoss", "rows, rows * 2, faint", "margin=3.0, swap=True"),
    ("MSELoss", "a, b", ""), ("L1Loss", "a, b", ""), ("HuberLoss", "a, b", "delta=0.5"),
    ("SmoothL1Loss", "a, b", "beta=0.5"), ("CrossEntropyLoss", "scores, labels", "label_smoothing=0.2, ignore_index=2"),
    ("NLLLoss", "logs, labels", "weight=weights"), ("MultiMarginLoss", "scores, labels", "p=2, margin=0.5"),
    ("BCEWithLogitsLoss", "scores, targets", "pos_weight=weights"), ("BCELoss", "shares, targets", "weight=each"),
    ("KLDivLoss", "logs, likely", "reduction='batchmean'"), ("HingeEmbeddingLoss", "distances, signs", "margin=0.5"),
):  # fmt: skip
    ask(f"nn.{loss}()({given})")
    ask(f"nn.{loss}({some or repr('sum').join(('reduction=', ''))})({given})")

# --------------------------------------------------------------- norms, convolution, pooling, embedding, attention

for code in (
    "F.layer_norm(rows, (4,))", "F.layer_norm(faint, (4,), scale, shift)", "F.layer_norm(rows, (4,), scale, eps=0.5)",
    "F.layer_norm(rows, (3, 4))", "F.rms_norm(rows, (4,))", "F.rms_norm(fainter, (4,), scale)",
    "F.rms_norm(single, (4,))", "F.rms_norm(rows, (3, 4), eps=0.5)", "F.group_norm(channels, 2)",
    "F.group_norm(channels, 4, scale, shift)", "F.group_norm(channels, 1, scale, eps=0.5)",
    "F.batch_norm(faint, mean, var)", "F.batch_norm(faint, mean, var, scale, shift, eps=0.5)",
    "F.batch_norm(faint, None, None, training=True)", "F.batch_norm(channels, None, None, scale, shift, True)",
    "moved(F.batch_norm, channels, mean, var, training=True)",
    "moved(F.batch_norm, channels, mean, var, None, None, True, 0.25, 0.5)", "F.linear(rows, q[0], q[1, :, 0])",
    "F.conv1d(line, kernel)", "F.conv1d(line, kernel, four, stride=2, padding=1)",
    "F.conv1d(line, halves, four, 1, 0, 2, 2)", "F.conv1d(line, kernel, padding='same')", "F.conv2d(image, square)",
    "F.conv2d(image, square, two, (2, 1), (1, 0), (1, 2))", "F.max_pool1d(line, 2)",
    "F.max_pool1d(line, 3, 2, 1, ceil_mode=True)", "F.max_pool1d(line, 2, dilation=2)", "F.max_pool2d(image, 2)",
    "F.max_pool2d(image, (3, 2), (1, 2), (1, 0), (1, 2))", "F.avg_pool1d(line, 2)", "F.avg_pool1d(line, 3, 2, 1)",
    "F.avg_pool1d(line, 3, 2, 1, True, False)", "F.avg_pool2d(image, 2)",
    "F.avg_pool2d(image, 3, 2, 1, ceil_mode=True)", "F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)",
    "F.embedding(words, table)", "F.embedding(words, table, padding_idx=4)", "F.embedding(words, table, -1)",
    "F.scaled_dot_product_attention(q, k, v)", "F.scaled_dot_product_attention(q, k, v, allowed)",
    "F.scaled_dot_product_attention(q, k, v, added, scale=0.25)",
    "F.scaled_dot_product_attention(q, q, q, is_causal=True)",
):  # fmt: skip
    ask(code)

for code in (
    "F.instance_norm(channels)", "F.instance_norm(channels, None, None, scale, shift, eps=0.5)",
    "moved(F.instance_norm, channels, mean, var, momentum=0.25)",
    "F.instance_norm(channels, mean, var, use_input_stats=False)", "F.conv_transpose1d(line, kernel[:2])",
    "F.conv_transpose1d(line, halves[:2], two, 3, 1, 2, 2, 2)", "F.conv_transpose2d(image, square)",
    "F.conv_transpose2d(image, square, two, (2, 1), (1, 0), (1, 0), 1, (1, 2))",
    "F.conv2d(image, square[:, :1], groups=2)",
    "F.conv2d(image, square[:, :1], two, 2, 1, groups=2)", "F.adaptive_avg_pool1d(line, 4)",
    "F.adaptive_avg_pool2d(image, 1)", "F.adaptive_avg_pool2d(image, (3, None))",
    "F.adaptive_avg_pool2d(image, (2, 5))",
    "F.adaptive_max_pool1d(line, 4)", "F.adaptive_max_pool2d(image, (3, 2))", "F.pad(line, (1, 2))",
    "F.pad(image, (1, -1, 0, 2), value=0.5)", "F.pad(line, (2, 1), 'reflect')",
    "F.pad(image, (1, 2, 0, 1), 'replicate')",
    "F.pad(image, (1, 2, 3, 0), 'circular')", "F.interpolate(line, 9)", "F.interpolate(image, scale_factor=2)",
    "F.interpolate(image, (3, 7), mode='nearest-exact')", "F.interpolate(image, (3, 7), mode='bilinear')",
    "F.interpolate(line, scale_factor=1.7, mode='linear')",
    "F.interpolate(image, (7, 3), mode='bilinear', align_corners=True)", "F.interpolate(image, (3, 2), mode='area')",
    "F.unfold(image, 2)", "F.unfold(image, (2, 3), 1, (1, 0), 2)", "F.fold(F.unfold(image, 2), (4, 5), 2)",
    "F.fold(F.unfold(image, 3, 1, 1, 2), (4, 5), 3, 1, 1, 2)", "F.pixel_shuffle(channels[:, :, None], 2)",
    "F.pixel_unshuffle(image[:, :, :, :4], 2)", "F.one_hot(labels)", "F.one_hot(words, 6)", "F.normalize(rows)",
    "F.normalize(rows, 1.0, 0, 5.0)", "F.cosine_similarity(rows, faint)", "F.cosine_similarity(a, b, axis=0, eps=0.25)",
    "F.pairwise_distance(rows, faint)", "F.pairwise_distance(a, b, 1.0, 0.5, keepdims=True)",
):  # fmt: skip
    ask(code)

# Of what has many sizes, many at once.
SIZES, WIDTHS = "(1, 3, (9, 11), (7, 4), (2, 10))", "((1, 2, 3, 0), (0, 1, 2, 2), (2, 0, 0, 3))"
for code in (
    f"[F.interpolate(image, n, mode=m) for n in {SIZES} for m in ('nearest', 'nearest-exact', 'area', 'bilinear')]",
    f"[F.interpolate(image, n, mode='bilinear', align_corners=True) for n in {SIZES}]",
    "[F.interpolate(image, scale_factor=n, mode=m) for n in (2, 3, 1.5, 0.7, 1 / 3, (2.3, 0.5)) "
    "for m in ('nearest', 'nearest-exact', 'bilinear')]",
    "[F.interpolate(line, n, mode=m) for n in (1, 2, 4, 13) for m in ('nearest', 'nearest-exact', 'area', 'linear')]",
    "[F.interpolate(line, scale_factor=n, mode='linear', align_corners=m) for n in (2, 0.4) for m in (True, False)]",
    f"[F.pad(image, n, m) for n in {WIDTHS} for m in ('constant', 'reflect', 'replicate', 'circular')]",
    "[F.pad(image, n, value=0.5) for n in ((1, 2), (-1, 2, 3, -2), (0, 0, 1, 1, 2, 0), (-2, -3), (0, 0))]",
    "[F.pad(image, n, 'replicate') for n in ((5, 7, 6, 0), (1, 1, 0, 0))] + [F.pad(line, (5, 5), 'reflect')]",
    "[F.pad(line, (6, 6), 'circular'), F.pad(line, (-1, 2), 'circular'), F.pad(line, (3, -2), 'reflect')]",
    "[F.adaptive_avg_pool2d(image, n) for n in (1, 2, 3, (2, 4), (None, 3), (4, 5), 7, (1, 5), (4, 1))]",
    "[F.adaptive_max_pool2d(image, n) for n in (1, 2, 3, (2, 4), (None, 3), (4, 5), 7, (1, 5), (4, 1))]",
    "[f(x, n) for f in (F.adaptive_avg_pool1d, F.adaptive_max_pool1d) for x in (line, line[0]) for n in (1, 2, 4, 9)]",
    "[f(image[0], (3, 2)) for f in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)]",
    "[F.unfold(image, *n) for n in ((2, (2, 1), 1, (1, 2)), ((1, 3), 2, 2, 1), (3, 1, (0, 1)), ((4, 5),))]",
    "[F.unfold(image[0], 2, 1, (1, 0)), F.fold(F.unfold(image[1], 2), (4, 5), 2)]",
    "[F.fold(F.unfold(image, *n), (4, 5), *n) for n in ((2, (2, 1), 1, (1, 2)), ((1, 3), 2, 2, 1), (3, 1, (0, 1)))]",
    "[F.pixel_shuffle(image.reshape(*n), 2) for n in ((2, 4, 2, 5), (8, 5, 2), (1, 2, 4, 1, 10))]",
    "[F.pixel_unshuffle(image.reshape(*n), 2) for n in ((2, 1, 4, 10), (2, 4, 10), (1, 2, 1, 4, 10))]",
    "[F.normalize(rows, n, m) for n in (1.0, 2.0, 3.0, math.inf) for m in (0, 1)] + [F.normalize(line, 2.0, -1, 9.0)]",
    "[F.pairwise_distance(rows, faint, n, keepdims=m) for n in (1.0, 2.0, 3.0, math.inf) for m in (True, False)]",
    "[F.cosine_similarity(x, y) for x, y in ((rows, faint), (image, image[:1] * 2), (line, line[:, :1]))]",
    "[F.triplet_margin_loss(rows, rows * 2, faint, p=n, margin=9.0, eps=0.5) for n in (1.0, 2.0, 3.0, math.inf)]",
    "[F.group_norm(n, 2, scale[:2], shift[:2]) for n in (image, line, image[:, :, 0, 0])]",
    "[F.layer_norm(image, (4, 5)), F.layer_norm(image, (2, 4, 5), eps=0.25), F.rms_norm(image, (4, 5), eps=0.25)]",
    "[F.instance_norm(image, weight=two), F.instance_norm(image, bias=two), F.instance_norm(image, eps=0.5)]",
    "[F.batch_norm(image, None, None, two, training=True), F.batch_norm(image, mean[:2], var[:2], None, two, eps=0.5)]",
    "[F.prelu(n, two) for n in (line, image, image[:, :, 0, 0])] + [F.prelu(x, four[:1]), F.prelu(rows, four)]",
    "[F.glu(rows, 1), F.glu(image, 1), F.glu(image, 2), F.glu(image, -2), F.glu(rows[0])]",
    "[F.softmax(n, axis=m) for n in (line, scores) for m in (0, 1, -2)]",
    "[F.log_softmax(n, axis=m) for n in (line, scores) for m in (0, 1, -2)]",
):  # fmt: skip
    ask(code)

# ------------------------------------------------------------------------------------------------------------- layers
# `made` gives a layer parameters and buffers of the same numbers; `asking.py` adds its gradients and its buffers.

for code in (
    "made(nn.Linear(4, 3))(rows)", "made(nn.Linear(4, 3, False))(rows)", "made(nn.Embedding(5, 3))(words)",
    "made(nn.Embedding(5, 3, 4))(words)", "made(nn.Conv1d(2, 4, 3))(line)",
    "made(nn.Conv1d(2, 4, 2, 2, 1, 2, 2, False))(line)", "made(nn.Conv2d(2, 3, 2))(image)",
    "made(nn.Conv2d(2, 2, (2, 3), padding='same'))(image)", "nn.MaxPool1d(2)(line)",
    "nn.MaxPool1d(3, 2, 1, 1, ceil_mode=True)(line)", "nn.MaxPool2d(2)(image)", "nn.AvgPool1d(2)(line)",
    "nn.AvgPool1d(3, 2, 1, True, False)(line)", "nn.AvgPool2d(2)(image)", "nn.Flatten()(image)",
    "nn.Flatten(0, 1)(image)", "made(nn.BatchNorm1d(4))(faint)", "made(nn.BatchNorm1d(4)).eval()(channels)",
    "made(nn.BatchNorm1d(4, momentum=None, eps=0.5))(channels)", "made(nn.BatchNorm1d(4, affine=False))(channels)",
    "made(nn.BatchNorm1d(4, track_running_stats=False)).eval()(channels)", "made(nn.BatchNorm2d(2))(image)",
    "made(nn.LayerNorm(4))(faint)", "made(nn.LayerNorm((3, 4), 0.5, bias=False))(rows)",
    "made(nn.RMSNorm(4))(fainter)", "made(nn.RMSNorm(4, 0.5))(rows)", "made(nn.GroupNorm(2, 4))(channels)",
    "made(nn.GroupNorm(4, 4, 0.5, False))(channels)", "nn.Dropout().eval()(rows)", "nn.Dropout(0.0)(rows)",
    "made(nn.RNN(4, 3))(sequence)", "made(nn.RNN(4, 3, 2, 'relu', batch_first=True))(sequence)",
    "made(nn.RNN(4, 3))(sequence, h)", "made(nn.GRU(4, 3))(sequence)",
    "made(nn.GRU(4, 3, bidirectional=True))(sequence)", "made(nn.GRU(4, 3))(sequence, h)",
    "made(nn.LSTM(4, 3))(sequence)", "made(nn.LSTM(4, 3, 2, bidirectional=True))(sequence)",
    "made(nn.LSTM(4, 3, bias=False))(sequence, (h, c))",
    "made(nn.MultiheadAttention(4, 2))(sequence, sequence, sequence)",
    "made(nn.MultiheadAttention(4, 2, batch_first=True))(q, k, v)",
    "made(nn.MultiheadAttention(4, 2, batch_first=True))(q, k, v, key_padding_mask=hidden, average_attn_weights=False)",
    "made(nn.MultiheadAttention(4, 1, bias=False, batch_first=True))(q, k, v, attn_mask=added)",
    "made(nn.TransformerEncoderLayer(4, 2)).eval()(sequence)",
    "made(nn.TransformerEncoderLayer(4, 2, 5, 0.0))(sequence)",
    "made(nn.TransformerEncoderLayer(4, 2, 5, 0.0, norm_first=True, batch_first=True))(q, later)",
    "made(nn.TransformerEncoderLayer(4, 2, 5, 0.0, 'gelu', 0.5))(sequence)",
):  # fmt: skip
    ask(code)

for code in (
    "made(nn.ConvTranspose1d(2, 4, 3))(line)", "made(nn.ConvTranspose1d(2, 4, 2, 2, 1, 1, 2, False, 2))(line)",
    "made(nn.ConvTranspose2d(2, 3, 2))(image)", "made(nn.ConvTranspose2d(2, 2, (2, 3), 2, 1, (1, 0)))(image)",
    "made(nn.Conv1d(2, 4, 3, padding=2, padding_mode='circular'))(line)",
    "made(nn.Conv2d(2, 3, (2, 3), 1, 'same', 1, 1, True, 'reflect'))(image)", "nn.AdaptiveAvgPool1d(4)(line)",
    "nn.AdaptiveAvgPool2d((3, None))(image)", "nn.AdaptiveMaxPool1d(4)(line)", "nn.AdaptiveMaxPool2d((3, 2))(image)",
    "made(nn.InstanceNorm1d(4))(channels)", "made(nn.InstanceNorm1d(4, 0.5, 0.3, True, True))(channels)",
    "made(nn.InstanceNorm2d(2, affine=True))(image)",
    "made(nn.InstanceNorm2d(2, track_running_stats=True)).eval()(image)", "nn.Dropout1d().eval()(line)",
    "nn.Dropout2d().eval()(image)", "nn.Unflatten(1, (2, -1))(rows)", "nn.ConstantPad1d(1, 0.5)(line)",
    "nn.ConstantPad2d((1, 0, 2, 1), 0.5)(image)", "nn.ZeroPad1d(2)(line)", "nn.ZeroPad2d((1, 0, 2, 1))(image)",
    "nn.ReflectionPad1d(2)(line)", "nn.ReflectionPad2d((1, 0, 2, 1))(image)", "nn.ReplicationPad1d((3, 1))(line)",
    "nn.ReplicationPad2d(1)(image)", "nn.CircularPad1d(3)(line)", "nn.CircularPad2d((1, 0, 2, 1))(image)",
    "nn.Upsample(9)(line)", "nn.Upsample(None, 1.5, 'bilinear', True)(image)", "nn.Unfold(2, 1, 1, 2)(image)",
    "nn.Fold((4, 5), 2)(F.unfold(image, 2))", "nn.PixelShuffle(2)(channels[:, :, None])",
    "nn.PixelUnshuffle(2)(image[:, :, :, :4])", "nn.CosineSimilarity()(rows, faint)",
    "nn.CosineSimilarity(0, 0.25)(a, b)", "nn.PairwiseDistance()(rows, faint)",
    "nn.PairwiseDistance(1.0, 0.5, True)(a, b)",
    "made(nn.TransformerDecoderLayer(4, 2)).eval()(sequence, sequence * 2)",
    "made(nn.TransformerDecoderLayer(4, 2, 5, 0.0))(sequence, sequence[:2])",
    "made(nn.TransformerDecoderLayer(4, 2, 5, 0.0, 'gelu', 0.5, True, True))(q, k, later, added, None, hidden)",
    "made(nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 5, 0.0), 2))(sequence)",
    "made(nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 5, 0.0, batch_first=True), 2, nn.LayerNorm(4)))"
    "(q, later)",
    "made(nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 5, 0.0), 2))(sequence, sequence[:2])",
    "made(nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 5, 0.0, batch_first=True), 2, nn.LayerNorm(4)))"
    "(q, k, later, added)",
):  # fmt: skip
    ask(code)

# ------------------------------------------------------------------------------------ optimisers, schedules, starts

for code in (
    "optim.SGD(w, 0.1)", "optim.SGD(w, 0.1, weight_decay=0.3)", "optim.SGD(w, 0.1, 0.9)",
    "optim.SGD(w, 0.1, 0.8, 0.4, 0.2)", "optim.SGD(w, 0.1, 0.9, nesterov=True)",
    "optim.SGD(w, 0.1, 0.9, maximize=True)", "optim.Adagrad(w)", "optim.Adagrad(w, 0.3, 0.2, 0.1, 0.5, 1e-3)",
    "optim.Adagrad(w, 0.3, eps=1.0)", "optim.RMSprop(w)", "optim.RMSprop(w, 0.1, 0.6, 1e-3, 0.2)",
    "optim.RMSprop(w, centered=True, alpha=0.9)", "optim.RMSprop(w, 0.1, momentum=0.7)",
    "optim.RMSprop(w, 0.1, maximize=True)", "optim.Adam(w)", "optim.Adam(w, 0.1, (0.7, 0.9), 1e-3, 0.1)",
    "optim.Adam(w, 0.1, amsgrad=True, betas=(0.8, 0.6))", "optim.Adam(w, 0.1, maximize=True)", "optim.AdamW(w)",
    "optim.AdamW(w, 0.1, weight_decay=0.3, betas=(0.7, 0.9))", "optim.AdamW(w, 0.1, (0.8, 0.6), 0.1, 0.2, True)",
):  # fmt: skip
    ask(f"descent(lambda w: {code})")
    if code in ("optim.Adagrad(w)", "optim.RMSprop(w)", "optim.Adam(w)", "optim.AdamW(w)"):
        ask(f"descent(lambda w: {code}, gradients=1e-7)")  # beside which eps is something

for code in (
    "optim.NAdam(w)", "optim.NAdam(w, 0.1, (0.7, 0.9), 1e-3, 0.1, 0.1)",
    "optim.NAdam(w, 0.1, weight_decay=0.3, decoupled_weight_decay=True)", "optim.NAdam(w, 0.1, maximize=True)",
    "optim.RAdam(w)", "optim.RAdam(w, 0.1, (0.7, 0.9), 1e-3, 0.1)",
    "optim.RAdam(w, 0.1, (0.7, 0.9), weight_decay=0.3, decoupled_weight_decay=True)",
    "optim.RAdam(w, 0.1, (0.7, 0.9), maximize=True)", "optim.Muon(w[1:])",
    "optim.Muon(w[1:], 0.1, 0.3, 0.8, False, (2.0, -1.5, 0.5), 1e-3, 3, 'match_rms_adamw')",
):  # fmt: skip
    ask(f"descent(lambda w: {code})")
for code in (
    "optim.LBFGS(w, 0.1)", "optim.LBFGS(w, 0.5, 3, history_size=2)", "optim.LBFGS(w, line_search_fn='strong_wolfe')",
    "optim.LBFGS(w, 0.7, 4, 6, 0.5, 1e-3, 5, 'strong_wolfe')",
):  # fmt: skip
    ask(f"minimised(lambda w: {code})")
for code in (
    "optim.ReduceLROnPlateau(o, patience=1)", "optim.ReduceLROnPlateau(o, 'min', 0.5, 0, 0.1, 'rel', 2, 0.05)",
    "optim.ReduceLROnPlateau(o, 'max', 0.5, 1, 0.1, 'abs', 0, [0.1, 0.0], 0.01)", "optim.ReduceLROnPlateau(o)",
):  # fmt: skip
    ask(f"waited(lambda o: {code})")

for code in (
    "optim.StepLR(o, 3)", "optim.StepLR(o, 2, 0.7)", "optim.MultiStepLR(o, [2, 5])",
    "optim.MultiStepLR(o, [5, 2, 2], 0.5)", "optim.ExponentialLR(o, 0.9)", "optim.LinearLR(o)",
    "optim.LinearLR(o, 0.1, 0.8, 7)", "optim.CosineAnnealingLR(o, 8)", "optim.CosineAnnealingLR(o, 5, 0.01)",
    "optim.LambdaLR(o, lambda t: 1 / (1 + t))", "optim.OneCycleLR(o, 0.5, 11)",
    "optim.OneCycleLR(o, 0.5, epochs=3, steps_per_epoch=4, pct_start=0.45)",
    "optim.OneCycleLR(o, 0.5, 11, anneal_strategy='linear', div_factor=7.0, final_div_factor=30.0)",
    "optim.OneCycleLR(o, 0.5, 11, three_phase=True, base_momentum=0.5, max_momentum=0.6)",
    "optim.OneCycleLR(o, 0.5, 11, cycle_momentum=False)",
    "optim.SequentialLR(o, [optim.LinearLR(o, 0.1, total_iters=3), optim.ExponentialLR(o, 0.9)], [4])",
):  # fmt: skip
    ask(f"rates(lambda o: {code})")
ask("rates(lambda o: optim.OneCycleLR(o, 0.5, 11), 'Adam')")

for code in (
    "clip_grad_norm_(w, 1.0)", "clip_grad_norm_(w, 100.0)", "clip_grad_norm_(w, 0.5, 1.0)",
    "clip_grad_norm_(w, 0.5, math.inf)", "clip_grad_value_(w, 0.75)",
):  # fmt: skip
    ask(f"clipped(lambda w: optim.{code})")

for gain in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
    ask(f"init.calculate_gain({gain!r})")
for code in (
    "calculate_gain('leaky_relu', 0.3)",
    "constant((2, 3), val=0.5)",
    "eye((2, 3))",
    "zeros((2,))",
    "ones((2,))",
):
    ask(f"init.{code}")

# What is drawn is compared as a distribution: the place where much, little, all and none of it lies.
SPREADS = [
    *[f"drawn(lambda shape: init.{code})" for code in (
        "xavier_uniform(shape)", "xavier_uniform(shape, gain=2.0)", "xavier_normal(shape)",
        "xavier_normal(shape, gain=2.0)", "kaiming_uniform(shape)",
        "kaiming_uniform(shape, mode='fan_out', nonlinearity='tanh')", "kaiming_uniform(shape, a=2.0)",
        "kaiming_normal(shape)", "kaiming_normal(shape, mode='fan_out', nonlinearity='relu')", "uniform(shape)",
        "uniform(shape, a=-1.0, b=3.0)", "normal(shape)", "normal(shape, mean=1.0, std=0.25)", "trunc_normal(shape)",
        "trunc_normal(shape, mean=0.5, std=0.25, a=0.25, b=0.875)", "orthogonal(shape)",
        "orthogonal(shape, gain=2.0)",
    )],
    *[f"started(lambda: nn.{code})" for code in (
        "Linear(24, 10)", "Embedding(40, 6)", "Conv1d(6, 8, 5)", "Conv2d(4, 6, 3, groups=2)", "RNN(5, 16)",
        "GRU(5, 16)", "LSTM(5, 16)", "MultiheadAttention(24, 2)", "TransformerEncoderLayer(8, 2, 40)",
        "BatchNorm1d(20)", "LayerNorm(20)", "RMSNorm(20)", "GroupNorm(2, 20)", "ConvTranspose1d(8, 6, 5)",
        "ConvTranspose2d(6, 4, 3, groups=2)", "InstanceNorm1d(20, affine=True)", "PReLU(20)",
        "TransformerDecoderLayer(8, 2, 40)",
    )],
]  # fmt: skip
