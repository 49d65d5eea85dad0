"""Every layer: beside PyTorch's, its gradients against slopes, and what every layer promises."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, check_grads, nn, tree
from microgradnet.core import history, numbers
from microgradnet.nn.augment import Augmentation
from microgradnet.nn.module import WrongInput
from microgradnet.nn.recurrent import Recurrent
from microgradnet.nn.spatial import Spatial
from microgradnet.train.sources import Rows
from tests.samples import SOME, count, sample


class Case(NamedTuple):
    """A layer with PyTorch's name and arguments, and what it is called with: shapes of floats, or arrays."""

    layer: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    inputs: tuple[Any, ...]
    named: dict[str, Any] = {}  # noqa: RUF012  (never written)
    batch: int | None = 0  # the axis that counts examples, None if they depend on each other
    training: bool = True
    smooth: bool = True  # whether a slope can be measured where the inputs are drawn

    def draw(self, seed: int, dtype: Any = np.float64) -> list[Any]:
        """Inputs without ties and away from 0."""
        rng, drawn = np.random.default_rng(seed), []
        for x in self.inputs:
            if isinstance(x, tuple):
                size = int(np.prod(x))
                x = ((rng.permutation(size) - size / 2 + 0.3) * (4 / max(4, size))).reshape(x).astype(dtype)
            drawn.append(x)
        return [drawn[0]] * 3 if self.layer == "MultiheadAttention" and len(drawn) == 1 else drawn

    def make(self, seed: int = 0, dtype: Any = np.float64) -> Any:
        """The layer, its parameters drawn at random (scales that start at 1 would hide a missing one)."""
        kind = getattr(nn, self.layer)
        known = inspect.signature(kind).parameters
        more = {name: x for name, x in (("dtype", dtype), ("seed", seed)) if name in known or "options" in known}
        layer = kind(*self.args, **self.options, **more)
        rng = np.random.default_rng(seed)
        for p in layer.parameters():
            p.data = (p.data + 0.3 * rng.normal(size=p.shape)).astype(dtype)
        for name, x in vars(layer).items():
            if isinstance(x, np.ndarray) and x.dtype.kind == "f":
                x[...] = 1 + rng.random(x.shape) if name == "running_var" else rng.normal(size=x.shape)
        return layer if self.training else layer.eval()

    @property
    def name(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.options.items())]
        seen = [f"{k}" for k in self.named] + [str(x) if isinstance(x, tuple) else "…" for x in self.inputs]
        return f"{self.layer}({', '.join(given)})({', '.join(seen)}){'' if self.training else ' eval'}"


def buffers(layer: Any) -> dict[str, Any]:
    return {name: x for name, x in vars(layer).items() if isinstance(x, np.ndarray)}


WORDS = np.array([[1, 4, 0], [4, 4, 2]])
NOT_THERE = np.array([[False, False, True], [False, True, False]])
LATER = np.triu(np.ones((3, 3), bool), 1)
BIAS = np.random.default_rng(5).normal(size=(3, 3))
SEQUENCE = (4, 2, 3)
SMALL = {"dropout": 0.0, "dim_feedforward": 6}

CASES = [
    Case("Linear", (4, 3), {}, ((2, 4),)),
    Case("Linear", (4, 3), {"bias": False}, ((2, 3, 4),)),
    Case("Embedding", (5, 3), {}, (WORDS,)),
    Case("Embedding", (5, 3), {"padding_idx": 4}, (WORDS,), smooth=False),
    Case("Embedding", (5, 3), {"padding_idx": -5}, (WORDS[0],), batch=None, smooth=False),
    Case("Conv1d", (2, 3, 3), {}, ((2, 2, 5),)),
    Case("Conv1d", (2, 4, 3), {"stride": 2, "padding": 1, "groups": 2, "bias": False}, ((2, 2, 5),)),
    Case("Conv1d", (2, 3, 2), {"dilation": 2, "padding": "same"}, ((2, 5),), batch=None),
    Case("Conv2d", (1, 2, 3), {"padding": 1}, ((2, 1, 4, 3),)),
    Case("Conv2d", (2, 4, (2, 3)), {"stride": (1, 2), "padding": (0, 1), "groups": 2}, ((2, 2, 3, 4),)),
    Case("Conv2d", (2, 2, 2), {"dilation": (2, 1), "bias": False, "padding": "valid"}, ((2, 2, 4, 3),)),
    Case("MaxPool1d", (2,), {}, ((2, 2, 5),)),
    Case("MaxPool1d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, ((2, 2, 6),)),
    Case("MaxPool2d", (2,), {}, ((2, 1, 4, 4),)),
    Case("MaxPool2d", ((3, 2),), {"stride": (1, 2), "padding": (1, 0), "dilation": (1, 2)}, ((2, 1, 4, 5),)),
    Case("AvgPool1d", (2,), {"stride": 1}, ((2, 2, 5),)),
    Case("AvgPool1d", (3,), {"padding": 1, "count_include_pad": False}, ((2, 2, 6),)),
    Case("AvgPool2d", (2,), {}, ((2, 1, 4, 4),)),
    Case("AvgPool2d", ((3, 2),), {"stride": 2, "padding": 1, "ceil_mode": True}, ((2, 1, 4, 4),)),
    Case("Flatten", (), {}, ((2, 3, 2),)),
    Case("Flatten", (), {"start_dim": 0, "end_dim": -2}, ((2, 3, 2),), batch=None),
    Case("BatchNorm1d", (3,), {}, ((4, 3),), batch=None),
    Case("BatchNorm1d", (3,), {"momentum": None, "eps": 0.1}, ((2, 3, 2),), batch=None),
    Case("BatchNorm1d", (3,), {"affine": False}, ((4, 3),), training=False),
    Case("BatchNorm1d", (3,), {"track_running_stats": False}, ((4, 3),), batch=None, training=False),
    Case("BatchNorm2d", (2,), {"momentum": 0.3}, ((2, 2, 2, 3),), batch=None),
    Case("BatchNorm2d", (2,), {}, ((2, 2, 2, 3),), training=False),
    Case("LayerNorm", (4,), {}, ((2, 3, 4),)),
    Case("LayerNorm", ((3, 4),), {"eps": 0.1, "bias": False}, ((2, 3, 4),)),
    Case("LayerNorm", ((4,),), {"elementwise_affine": False}, ((3, 4),)),
    Case("RMSNorm", (4,), {}, ((2, 3, 4),)),
    Case("RMSNorm", ((3, 4),), {"eps": 0.1, "elementwise_affine": False}, ((2, 3, 4),)),
    Case("GroupNorm", (2, 4), {}, ((2, 4, 3),)),
    Case("GroupNorm", (1, 2), {"affine": False, "eps": 0.1}, ((2, 2, 2, 2),)),
    Case("Dropout", (0.5,), {}, ((2, 3),), training=False),
    Case("Dropout", (0,), {}, ((2, 3),)),
    Case("RNN", (3, 2), {}, (SEQUENCE,), batch=1),
    Case("RNN", (3, 2, 2, "relu"), {"bias": False, "batch_first": True}, (SEQUENCE,)),
    Case("RNN", (3, 2, 2), {"bidirectional": True}, (SEQUENCE, (4, 2, 2)), batch=1),
    Case("GRU", (3, 2), {"batch_first": True}, (SEQUENCE,)),
    Case("GRU", (3, 2, 2), {"bidirectional": True, "bias": False}, (SEQUENCE,), batch=1),
    Case("GRU", (3, 2), {}, ((4, 3), (1, 2)), batch=None),
    Case("LSTM", (3, 2), {}, (SEQUENCE,), batch=1),
    Case("LSTM", (3, 2), {"num_layers": 2, "bidirectional": True, "batch_first": True}, (SEQUENCE,)),
    Case("LSTM", (3, 2), {"bias": False}, ((4, 3),), batch=None),
    Case("MultiheadAttention", (4, 2), {}, ((3, 2, 4),), batch=1),
    Case("MultiheadAttention", (4, 2), {"batch_first": True}, ((2, 3, 4), (2, 2, 4), (2, 2, 4))),
    Case("MultiheadAttention", (4, 1), {"bias": False}, ((3, 4),), batch=None),
    Case("MultiheadAttention", (4, 2), {"batch_first": True}, ((2, 3, 4),), {"attn_mask": LATER}),
    Case("MultiheadAttention", (4, 2), {"batch_first": True}, ((2, 3, 4),),
         {"attn_mask": BIAS, "key_padding_mask": NOT_THERE, "average_attn_weights": False}, batch=None),
    Case("MultiheadAttention", (4, 2), {}, ((3, 4),), {"key_padding_mask": NOT_THERE[1]}, batch=None),
    Case("MultiheadAttention", (4, 2), {}, ((3, 2, 4),), {"attn_mask": np.stack([BIAS] * 4), "need_weights": False},
         batch=None),
    Case("TransformerEncoderLayer", (4, 2), SMALL, ((3, 2, 4),), batch=1),
    Case("TransformerEncoderLayer", (4, 2), SMALL | {"norm_first": True, "batch_first": True, "activation": "gelu"},
         ((2, 3, 4),), {"src_mask": LATER}),
    Case("TransformerEncoderLayer", (4, 1), SMALL | {"bias": False, "batch_first": True}, ((2, 3, 4),),
         {"src_key_padding_mask": NOT_THERE}, batch=None),
    Case("TransformerEncoderLayer", (4, 2), {"dim_feedforward": 6, "dropout": 0.5}, ((3, 2, 4),), batch=1,
         training=False),
    Case("TransformerDecoderLayer", (4, 2), SMALL, ((3, 2, 4), (2, 2, 4)), batch=1),
    Case("TransformerDecoderLayer", (4, 2), SMALL | {"norm_first": True, "batch_first": True, "activation": "gelu"},
         ((2, 3, 4), (2, 2, 4)), {"tgt_mask": LATER, "memory_mask": BIAS[:, :2]}),
    Case("TransformerDecoderLayer", (4, 1), SMALL | {"bias": False, "batch_first": True}, ((2, 3, 4), (2, 3, 4)),
         {"tgt_key_padding_mask": NOT_THERE, "memory_key_padding_mask": NOT_THERE[::-1].copy()}, batch=None),
    Case("Conv2d", (3, 3, 3), {"groups": 3, "padding": 1}, ((2, 3, 4, 3),)),
    Case("Conv2d", (2, 2, 2), {"groups": 2, "stride": 2, "dilation": (1, 2), "bias": False}, ((2, 2, 4, 5),)),
    Case("Conv1d", (3, 3, 3), {"groups": 3, "dilation": 2, "padding": 2}, ((2, 3, 6),)),
    Case("Conv2d", (1, 2, (3, 2)), {"padding": "same", "padding_mode": "reflect"}, ((2, 1, 4, 3),)),
    Case("Conv2d", (1, 2, 2), {"padding": (1, 2), "padding_mode": "circular"}, ((2, 1, 4, 3),)),
    Case("Conv1d", (2, 3, 3), {"padding": 2, "padding_mode": "replicate", "stride": 2}, ((2, 2, 5),)),
    Case("ConvTranspose1d", (2, 3, 3), {}, ((2, 2, 4),)),
    Case("ConvTranspose1d", (2, 4, 2, 3, 1, 2), {"groups": 2, "bias": False}, ((2, 2, 3),)),
    Case("ConvTranspose1d", (2, 1, 2), {"dilation": 3, "output_padding": 2}, ((2, 3),), batch=None),
    Case("ConvTranspose2d", (1, 2, 3), {"padding": 1}, ((2, 1, 3, 2),)),
    Case("ConvTranspose2d", (2, 2, (2, 3)), {"stride": (1, 2), "output_padding": (0, 1), "groups": 2}, ((2, 2, 2, 3),)),
    Case("AdaptiveAvgPool1d", (2,), {}, ((2, 2, 5),)),
    Case("AdaptiveAvgPool2d", (1,), {}, ((2, 2, 3, 4),)),
    Case("AdaptiveAvgPool2d", ((2, None),), {}, ((2, 1, 4, 3),)),
    Case("AdaptiveAvgPool2d", (2,), {}, ((2, 1, 3, 5),)),
    Case("AdaptiveMaxPool1d", (3,), {}, ((2, 2, 5),)),
    Case("AdaptiveMaxPool2d", (1,), {}, ((2, 2, 3, 4),)),
    Case("AdaptiveMaxPool2d", ((2, 3),), {}, ((2, 1, 5, 3),)),
    Case("InstanceNorm1d", (3,), {"eps": 0.1}, ((2, 3, 4),)),
    Case("InstanceNorm1d", (3,), {"affine": True}, ((3, 4),), batch=None),
    Case("InstanceNorm2d", (2,), {"affine": True, "track_running_stats": True}, ((2, 2, 2, 3),)),
    Case("InstanceNorm2d", (2,), {"track_running_stats": True, "momentum": 0.3}, ((2, 2, 2, 3),), training=False),
    Case("Dropout1d", (0.5,), {}, ((2, 3, 2),), training=False),
    Case("Dropout2d", (0,), {}, ((2, 3, 2, 2),)),
    Case("PReLU", (), {}, ((2, 3),)),
    Case("PReLU", (3, 0.4), {}, ((2, 3, 2),)),
    Case("Unflatten", (1, (2, -1)), {}, ((2, 4, 2),)),
    Case("ConstantPad1d", (1, 0.5), {}, ((2, 2, 3),)),
    Case("ConstantPad2d", ((1, 0, -1, 2), -0.5), {}, ((2, 1, 3, 3),)),
    Case("ZeroPad1d", ((1, 2),), {}, ((2, 2, 3),)),
    Case("ZeroPad2d", (1,), {}, ((2, 1, 2, 3),)),
    Case("ReflectionPad1d", (2,), {}, ((2, 2, 3),)),
    Case("ReflectionPad2d", ((1, 2, 0, 1),), {}, ((2, 1, 2, 3),)),
    Case("ReplicationPad1d", ((0, 3),), {}, ((2, 2, 3),)),
    Case("ReplicationPad2d", (1,), {}, ((2, 1, 2, 3),)),
    Case("CircularPad1d", ((3, 1),), {}, ((2, 2, 3),)),
    Case("CircularPad2d", (2,), {}, ((2, 1, 2, 3),)),
    Case("Upsample", (), {"scale_factor": 2}, ((2, 1, 2, 3),)),
    Case("Upsample", (5,), {}, ((2, 2, 3),)),
    Case("Upsample", ((3, 5),), {"mode": "bilinear"}, ((2, 1, 2, 3),)),
    Case("Upsample", (), {"scale_factor": 1.7, "mode": "linear", "align_corners": True}, ((2, 2, 3),)),
    Case("Unfold", (2,), {"padding": 1}, ((2, 2, 2, 3),)),
    Case("Unfold", ((2, 1),), {"stride": (1, 2), "dilation": 2}, ((2, 1, 4, 3),)),
    Case("Fold", ((3, 2), 2), {"padding": 1, "stride": 2}, ((2, 4, 4),)),
    Case("PixelShuffle", (2,), {}, ((2, 4, 1, 2),)),
    Case("PixelUnshuffle", (2,), {}, ((2, 1, 2, 4),)),
    Case("CosineSimilarity", (), {}, ((2, 3), (2, 3))),
    Case("CosineSimilarity", (-1, 0.5), {}, ((2, 2, 3), (2, 2, 3))),
    Case("PairwiseDistance", (), {}, ((2, 3), (2, 3))),
    Case("PairwiseDistance", (1.0, 0.1), {}, ((2, 3), (2, 3))),
    *[Case(name, (), {}, ((2, 3),)) for name in (
        "Identity", "ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "Sigmoid",
        "LogSigmoid", "Tanh", "Softsign", "Hardtanh", "Hardswish",
    )],
    Case("Hardsigmoid", (), {}, ((2, 3),)),
    Case("CELU", (2.0,), {}, ((2, 3),)),
    Case("GLU", (), {}, ((2, 4),)),
    Case("GLU", (1,), {}, ((2, 2, 3),)),
    Case("Softmin", (1,), {}, ((2, 3),)),
    Case("LeakyReLU", (0.2,), {}, ((2, 3),)),
    Case("ELU", (), {"alpha": 2.0}, ((2, 3),)),
    Case("Softplus", (), {"beta": 3.0}, ((2, 3),)),
    Case("GELU", (), {"approximate": "tanh"}, ((2, 3),)),
    Case("Hardtanh", (-0.5, 0.7), {}, ((2, 3),)),
    Case("Softmax", (1,), {}, ((2, 3),)),
    Case("LogSoftmax", (-1,), {}, ((2, 3),)),
]  # fmt: skip
every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def flat(out: Any) -> list[Any]:
    """The results of a layer, whatever they are nested in, without None."""
    if isinstance(out, tuple | list):
        return [x for part in out for x in flat(part)]
    return [] if out is None else [out]


def test_what_pytorch_places_otherwise_goes_by_name() -> None:
    """PyTorch's fifth arguments are `return_indices` and `add_bias_kv`: by position they would mean something else."""
    for call in (lambda: nn.MaxPool1d(2, 2, 0, 1, True), lambda: nn.MaxPool2d(2, 2, 0, 1, True),  # type: ignore[misc]
                 lambda: nn.MultiheadAttention(4, 2, 0.0, True, True)):  # type: ignore[misc]  # fmt: skip
        with pytest.raises(TypeError, match="positional"):
            call()


def test_every_layer_is_here() -> None:
    public = {name for name in nn.__all__ if isinstance(getattr(nn, name), type) and not name.endswith("Loss")}
    assert public - {case.layer for case in CASES} == {
        "GaussianNoise", "MLP", "Module", "RandomCrop", "RandomErasing", "RandomHorizontalFlip", "RandomRotation",
        "RandomVerticalFlip", "Residual", "Sequential", "Step", "TransformerDecoder", "TransformerEncoder",
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------- beside PyTorch


@pytest.mark.filterwarnings("ignore:Support for mismatched")  # PyTorch's, of a mask of floats beside one of booleans
@every_case
def test_a_layer_computes_what_pytorchs_does(case: Case) -> None:
    torch = pytest.importorskip("torch")
    ours, inputs = case.make(), case.draw(1)
    theirs = getattr(torch.nn, case.layer)(*case.args, **case.options).double().train(case.training)
    state = theirs.state_dict()
    mine = dict(ours.named_parameters())
    assert {*mine, *buffers(ours)} == set(state)
    assert list(mine) == [name for name, _ in theirs.named_parameters()]
    theirs.load_state_dict({k: torch.tensor(numbers(x)) for k, x in {**mine, **buffers(ours)}.items()})

    values = {id(x): Value(x) if x.dtype.kind == "f" else x for x in inputs}
    tensors = {id(x): torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs}
    named = {k: torch.tensor(x) if isinstance(x, np.ndarray) else x for k, x in case.named.items()}
    out = flat(ours(*[values[id(x)] for x in inputs], **case.named))
    wanted = flat(theirs(*[tensors[id(x)] for x in inputs], **named))
    assert [x.shape for x in out] == [tuple(y.shape) for y in wanted]
    rng = np.random.default_rng(2)
    weights = [rng.normal(size=x.shape) for x in out]
    for x, y in zip(out, wanted, strict=True):
        np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=1e-9, atol=1e-9)
    if not isinstance(out[0], Value) or not wanted[0].requires_grad:
        return
    sum((x * w).sum() for x, w in zip(out, weights, strict=True)).backward()
    sum((y * torch.tensor(w)).sum() for y, w in zip(wanted, weights, strict=True)).backward()
    pairs = [(p.grad, dict(theirs.named_parameters())[name].grad) for name, p in mine.items()]
    pairs += [(values[key].grad, tensors[key].grad) for key in values if isinstance(values[key], Value)]
    rtol = 1e-7 if case.layer == "Hardsigmoid" else 1e-9  # where PyTorch's slope is 1/6 rounded to float32
    for mine_grad, their_grad in pairs:
        assert mine_grad.shape == tuple(their_grad.shape)
        np.testing.assert_allclose(mine_grad, their_grad.numpy(), rtol=rtol, atol=1e-9)
    for name, x in buffers(ours).items():
        np.testing.assert_allclose(x, theirs.state_dict()[name].numpy(), rtol=1e-9, err_msg=name)
        assert x.dtype == theirs.state_dict()[name].numpy().dtype


@pytest.mark.parametrize("layer", ["Linear", "Conv2d", "GRU", "MultiheadAttention", "Embedding"])
def test_initial_weights_are_spread_as_pytorchs(layer: str) -> None:
    torch = pytest.importorskip("torch")
    args = {"Conv2d": (8, 64, 5), "MultiheadAttention": (128, 4)}.get(layer, (64, 96))
    ours = getattr(nn, layer)(*args, seed=0)
    for name, theirs in getattr(torch.nn, layer)(*args).named_parameters():
        mine, theirs = dict(ours.named_parameters())[name].data, theirs.detach().numpy()
        assert mine.dtype == np.float32
        few = theirs.size < 1000
        assert mine.std() == pytest.approx(theirs.std(), rel=0.3 if few else 0.05), name
        assert np.abs(mine).max() == pytest.approx(
            np.abs(theirs).max(), rel=0.3 if few or layer == "Embedding" else 0.02
        )


# ------------------------------------------------------------------------------------------- what every layer promises


# A padding row gets no gradient, and yet it has a slope: test_recorded.py has PyTorch's.
SMOOTH = {case.name: case for case in CASES if case.smooth}
NOW = sample([*SMOOTH], count(len(SMOOTH), SOME))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in NOW else [pytest.mark.slow]) for n in SMOOTH])
def test_the_gradients_of_a_layer_are_its_slopes(name: str, seed: int) -> None:
    case = SMOOTH[name]
    layer, inputs = case.make(seed), case.draw(seed)
    shared = len({id(x) for x in inputs}) == 1  # attention of a sequence to itself
    varying = [x for x in inputs[: 1 if shared else None] if x.dtype.kind == "f"]
    assert varying or layer.parameters()

    def f(layer: Any, *given: Any) -> Any:
        given = given or tuple(inputs)
        return flat(layer(*given * (3 if shared and len(inputs) == 3 else 1), **case.named))

    # One element by itself, and all others along random directions, where an error in any of them shows.
    check_grads(f, layer, *varying, samples=1, seed=seed, raise_on_failure=True)


ALONE = [case for case in CASES if case.batch is not None]  # in the others they depend on each other


@pytest.mark.parametrize("case", ALONE, ids=[case.name for case in ALONE])
def test_an_example_alone_gives_what_it_gives_among_others(case: Case) -> None:
    layer, inputs = case.make(), case.draw(3)
    together = numbers(flat(layer(*inputs, **case.named))[0])
    checked = 0
    for i in range(inputs[0].shape[case.batch]):
        alone = [np.take(x, [i], case.batch) for x in {id(x): x for x in inputs}.values()]
        alone = alone * 3 if len(inputs) == 3 and len(alone) == 1 else alone
        got = numbers(flat(layer(*alone, **case.named))[0])
        np.testing.assert_allclose(got, np.take(together, [i], case.batch), rtol=1e-9, atol=1e-12)
        checked += 1
    assert checked > 1


@every_case
def test_float32_stays_float32(case: Case) -> None:
    layer, inputs = case.make(dtype=np.float32), case.draw(0, np.float32)
    named = {
        k: x.astype("f4") if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for k, x in case.named.items()
    }
    values = {id(x): Value(x) if x.dtype.kind == "f" else x for x in inputs}
    before = {name: x.dtype for name, x in buffers(layer).items()}
    out = flat(layer(*[values[id(x)] for x in inputs], **named))
    for x in out:
        assert x.dtype == np.float32
        assert {v.dtype for v in history(x) if v.dtype.kind == "f"} <= {np.dtype(np.float32)}
    assert {name: x.dtype for name, x in buffers(layer).items()} == before


@every_case
def test_a_copy_computes_the_same_and_shares_nothing(case: Case) -> None:
    layer, inputs = case.make(), case.draw(0)
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    wanted = flat(layer(*inputs, **case.named))
    for twin in twins:
        assert repr(twin) == repr(layer)
        assert not set(twin.parameters()) & set(layer.parameters())
        for x, y in zip(flat(twin(*inputs, **case.named)), wanted, strict=True):
            np.testing.assert_array_equal(numbers(x), numbers(y))


@every_case
def test_without_a_record_the_numbers_are_the_same(case: Case) -> None:
    layer, inputs = case.make(), case.draw(0)
    with mg.no_grad():
        quiet = flat(copy.deepcopy(layer)(*inputs, **case.named))
    for x, y in zip(quiet, flat(layer(*inputs, **case.named)), strict=True):
        np.testing.assert_array_equal(numbers(x), numbers(y))
        assert not isinstance(x, Value) or x.op is None


DRAWN = [c for c in CASES if c.make().parameters()]


@pytest.mark.parametrize("case", DRAWN, ids=[c.name for c in DRAWN])
def test_the_same_seed_makes_the_same_layer(case: Case) -> None:
    one, two = case.make(7), case.make(7)
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


# -------------------------------------------------------------------------------------------- what does not fit is said

X = np.ones
WRONG: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "Linear, features": (nn.Linear(16, 10), (X((32, 17), "f4"),), r"Linear\(16 → 10\) got.*\(32, 17\).*16 long"),
    "Linear, integers": (nn.Linear(2, 1), (X((3, 2), int),), "int64.*Embedding"),
    "Embedding, floats": (nn.Embedding(5, 2), (X((3, 2)),), "float64: it wants integers, 0 to 4"),
    "Embedding, too large": (nn.Embedding(5, 2), (np.array([0, 5]),), "0 to 5: it has the rows 0 to 4"),
    "Embedding, negative": (nn.Embedding(5, 2), (np.array([-1]),), "-1 to -1"),
    "Conv1d, axes": (nn.Conv1d(2, 3, 3), (X(7),), r"shape \(7,\).*batch, channels, length"),
    "Conv2d, channels": (nn.Conv2d(2, 3, 3), (X((1, 3, 5, 5)),), "3 channels"),
    "Conv2d, too small": (nn.Conv2d(2, 3, 3), (X((1, 2, 2, 5)),), "kernel of size 3"),
    "Conv2d, integers": (nn.Conv2d(2, 3, 3), (X((1, 2, 5, 5), np.uint8),), "uint8"),
    "MaxPool2d, too small": (nn.MaxPool2d(3), (X((1, 2, 2, 5)),), "kernel of size 3"),
    "AvgPool1d, axes": (nn.AvgPool1d(3), (X((1, 2, 2, 5)),), "batch, channels, length"),
    "MaxPool1d, integers": (nn.MaxPool1d(2), (X((1, 2, 5), int),), "int64"),
    "Flatten, axes": (nn.Flatten(2), (X((2, 3)),), "no axes from 2 to -1"),
    "BatchNorm1d, channels": (nn.BatchNorm1d(3), (X((2, 4)),), r"\(batch, 3\) or \(batch, 3, length\)"),
    "BatchNorm1d, one example": (nn.BatchNorm1d(3), (X((1, 3)),), "a variance wants two"),
    "BatchNorm2d, axes": (nn.BatchNorm2d(3), (X((2, 3)),), "batch, 3, height, width"),
    "BatchNorm2d, integers": (nn.BatchNorm2d(1), (X((2, 1, 2, 2), int),), "int64"),
    "LayerNorm, features": (nn.LayerNorm(4), (X((2, 1)),), r"last axes must be \(4,\)"),
    "LayerNorm, too few axes": (nn.LayerNorm((2, 4)), (X(4),), r"last axes must be \(2, 4\)"),
    "RMSNorm, features": (nn.RMSNorm(4), (X((2, 3)),), r"last axes must be \(4,\)"),
    "GroupNorm, channels": (nn.GroupNorm(2, 4), (X((2, 2)),), r"\(batch, 4, …\)"),
    "Dropout, integers": (nn.Dropout(), (X(3, int),), "int64"),
    "ReLU, integers": (nn.ReLU(), (X(3, int),), "int64"),
    "RNN, features": (nn.RNN(3, 2), (X((4, 2, 4)),), r"\(time, batch, 3\)"),
    "GRU, axes": (nn.GRU(3, 2, batch_first=True), (X(3),), r"\(batch, time, 3\)"),
    "LSTM, one state": (nn.LSTM(3, 2), (X((4, 2, 3)), (X((1, 2, 2)),)), r"it wants 2 of shape \(1, 2, 2\)"),
    "LSTM, no time": (nn.LSTM(3, 2), (X((0, 2, 3)),), "not empty"),
    "GRU, state of one example": (nn.GRU(3, 2), (X((4, 2, 3)), X((1, 1, 2))), r"\(1, 1, 2\): it wants 1 of shape"),
    "attention, features": (nn.MultiheadAttention(4, 2), (X((3, 2, 5)),) * 3, r"\(time, batch, 4\)"),
    "attention, key and value": (
        nn.MultiheadAttention(4, 2), (X((3, 2, 4)), X((3, 2, 4)), X((2, 2, 4))),
        r"got query, key and value of shapes \(3, 2, 4\), \(3, 2, 4\), \(2, 2, 4\): key and value are of one shape",
    ),
    "attention, batches": (
        nn.MultiheadAttention(4, 2), (X((3, 2, 4)), X((3, 1, 4)), X((3, 1, 4))), "as many as queries",
    ),
    "attention, mask": (
        nn.MultiheadAttention(4, 2), (*(X((3, 2, 4)),) * 3, None, True, X((3, 2), bool)),
        r"got attn_mask of shape \(3, 2\), dtype \w+: it wants booleans or floats of shape \(3, 3\) or \(4, 3, 3\)$",
    ),
    "attention, mask of integers": (
        nn.MultiheadAttention(4, 2), (*(X((3, 2, 4)),) * 3, X((2, 3), int)), "key_padding_mask.*wants booleans",
    ),
    "Linear, what an LSTM returned": (nn.Linear(4, 2), (nn.LSTM(3, 4)(X((5, 2, 3))),), r"got a tuple of 2.*x\[0\]"),
    "a norm, what attention returned": (nn.LayerNorm(3), ((X((2, 3)), X((2, 3))),), r"got a tuple of 2.*x\[0\]"),
    "ConvTranspose2d, channels": (nn.ConvTranspose2d(2, 3, 3), (X((1, 3, 5, 5)),), "3 channels.*wants 2"),
    "ConvTranspose1d, nothing left": (nn.ConvTranspose1d(1, 1, 2, padding=2), (X((1, 1, 2)),), "nothing is left of 2"),
    "Conv2d, reflected too far": (
        nn.Conv2d(1, 1, 3, padding=3, padding_mode="reflect"), (X((1, 1, 3, 5)),), "further than x does",
    ),
    "AdaptiveAvgPool2d, axes": (nn.AdaptiveAvgPool2d(1), (X((2, 3)),), "batch, channels, height, width"),
    "AdaptiveMaxPool1d, nothing": (nn.AdaptiveMaxPool1d(1), (X((1, 2, 0)),), "nothing to pool"),
    "InstanceNorm1d, channels": (nn.InstanceNorm1d(3), (X((2, 4, 5)),), r"\(batch, 3, length\)"),
    "InstanceNorm2d, one place": (nn.InstanceNorm2d(1), (X((2, 1, 1, 1)),), "a variance wants two"),
    "PReLU, channels": (nn.PReLU(3), (X((2, 4)),), r"it wants \(batch, 3, …\)"),
    "Dropout2d, axes": (nn.Dropout2d(), (X((2, 3)),), "batch, channels, height, width"),
    "Unflatten, length": (nn.Unflatten(1, (2, 3)), (X((2, 5)),), r"axis 1 cannot be cut into \(2, 3\)"),
    "ReflectionPad1d, too far": (nn.ReflectionPad1d(3), (X((1, 2, 3)),), "reaches further than x does"),
    "ZeroPad2d, axes": (nn.ZeroPad2d(1), (X((2, 3)),), "it wants 3 or 4 axes"),
    "Upsample, axes": (nn.Upsample(3, mode="linear"), (X((1, 2, 3, 4)),), "'bilinear' or 'area' for x of shape"),
    "Unfold, too small": (nn.Unfold(4), (X((1, 2, 3, 5)),), "kernel of size 4"),
    "Fold, places": (nn.Fold((3, 3), 2), (X((1, 4, 5)),), r"channels · 4, 4\)"),
    "PixelShuffle, channels": (nn.PixelShuffle(2), (X((1, 3, 2, 2)),), r"channels · 4, height, width"),
    "PixelUnshuffle, sizes": (nn.PixelUnshuffle(2), (X((1, 3, 3, 2)),), "multiples of 2"),
    "a decoder's block, integers": (nn.TransformerDecoderLayer(4, 2, 6), (X((3, 2, 4), int), X((3, 2, 4))), "int64"),
    "a block, integers": (nn.TransformerEncoderLayer(4, 2, 6), (X((3, 2, 4), int),), "int64"),
    "Residual, another shape": (nn.Residual(nn.Linear(2, 3)), (X((4, 2), "f4"),), r"returned shape \(4, 3\)"),
    "Residual, it would broadcast": (nn.Residual(nn.Linear(2, 1)), (X((4, 2), "f4"),), r"returned shape \(4, 1\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_input_that_does_not_fit_names_the_layer_and_its_place(name: str) -> None:
    layer, inputs, says = WRONG[name]

    class Model(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Identity(), {"it": layer}]

        def forward(self, *x: Any) -> Any:
            return self.layers[1]["it"](*x)  # type: ignore[index]

    before = copy.deepcopy(buffers(layer))
    with pytest.raises(WrongInput, match=f"^model.layers\\[1\\].it: .*{says}"):
        Model()(*inputs)
    for name, x in buffers(layer).items():
        np.testing.assert_array_equal(x, before[name])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2"),
        (lambda: nn.Conv2d(0, 4, 3), "in_channels=0"),
        (lambda: nn.Conv2d(1, 4, (3, 3, 3)), "kernel_size"),
        (lambda: nn.Conv1d(1, 4, 3, stride=0), "stride=0"),
        (lambda: nn.Conv1d(1, 4, 3, padding=-1), "padding=-1"),
        (lambda: nn.MaxPool2d(0), "kernel_size=0"),
        (lambda: nn.AvgPool1d(2, stride=1.5), "stride=1.5"),  # type: ignore[arg-type]
        (lambda: nn.Embedding(4, 0), "embedding_dim=0"),
        (lambda: nn.Embedding(4, 2, padding_idx=4), "padding_idx=4"),
        (lambda: nn.Dropout(1.5), "p=1.5"),
        (lambda: nn.LayerNorm(()), "normalized_shape"),
        (lambda: nn.GroupNorm(3, 4), "num_groups=3"),
        (lambda: nn.BatchNorm1d(2.0), "num_features=2.0"),  # type: ignore[arg-type]
        (lambda: nn.RNN(2, 3, nonlinearity="gelu"), "'tanh' or 'relu'"),
        (lambda: nn.GRU(2, 3, 0), "num_layers=0"),
        (lambda: nn.MultiheadAttention(5, 2), "no multiple of num_heads=2"),
        (lambda: nn.GELU("erf"), "'none' or 'tanh'"),
        (lambda: nn.CELU(0.0), "alpha=0"),
        (lambda: nn.PReLU(0), "num_parameters=0"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), "groups=2"),
        (lambda: nn.ConvTranspose1d(2, 4, 3, output_padding=-1), "output_padding=-1"),
        (lambda: nn.Conv1d(1, 4, 3, padding_mode="mirror"), "'replicate' or 'circular'"),
        (lambda: nn.AdaptiveAvgPool1d(0), "output_size=0"),
        (lambda: nn.Unflatten(1, (2, 0)), "unflattened_size"),
        (lambda: nn.Unflatten(1, (-1, -1)), "one may be -1"),
        (lambda: nn.ZeroPad2d((1, 2)), "or 4 of them"),
        (lambda: nn.Upsample(), "give one of them"),
        (lambda: nn.Upsample(3, mode="bicubic"), "mode='bicubic'"),
        (lambda: nn.Fold((3, 3, 3), 2), "output_size"),
        (lambda: nn.Unfold(2, stride=0), "stride=0"),
        (lambda: nn.PixelShuffle(0), "upscale_factor=0"),
        (lambda: nn.Dropout2d(2.0), r"Dropout2d\(p=2.0\)"),
    ],
)
def test_what_makes_no_layer_says_so(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: F.layer_norm(X((2, 3)), 3, X((1,))), r"shape \(1,\); wanted \(3,\)"),
        (lambda: F.layer_norm(X((2, 3)), (2,)), r"does not end in the axes \(2,\)"),
        (lambda: F.rms_norm(X((2, 3)), 3, X((2, 3))), r"shape \(2, 3\); wanted \(3,\)"),
        (lambda: F.batch_norm(X((4, 3)), X(1), X(1)), r"shape \(1,\); wanted one number for each channel"),
        (lambda: F.batch_norm(X((4, 3)), None, None, X(1), training=True), r"one number for each channel"),
        (lambda: F.batch_norm(X((4, 3)), None, None), r"shape \(\); wanted one number for each channel"),
        (lambda: F.batch_norm(X(4), None, None, training=True), r"wanted \(batch, channels, …\)"),
        (lambda: F.group_norm(X((4, 3)), 2), "channels in 2s"),
        (lambda: F.dropout(X(3), 0.5), "give seed="),
        (lambda: F.dropout(X(3), -0.1, seed=0), "p=-0.1"),
        (lambda: F.gelu(X(3), "erf"), "'none' or 'tanh'"),
    ],
)
def test_a_function_says_what_does_not_fit(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


# --------------------------------------------------------------------------------------------- what single layers do


def test_dropout_keeps_the_mean_and_is_drawn_from_its_own_generator() -> None:
    x = Value(np.ones((100, 100), np.float32))
    layer, twin = nn.Dropout(0.3, seed=5), nn.Dropout(0.3, seed=5)
    kept = copy.deepcopy(layer)
    first, second = layer(x), layer(x)
    assert first.dtype == np.float32
    assert set(np.unique(first.data)) == {np.float32(0), np.float32(1 / 0.7)}
    assert (first.data == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert first.data.mean() == pytest.approx(1, abs=0.03)
    assert not np.array_equal(first.data, second.data)
    np.testing.assert_array_equal(twin(x).data, first.data)
    np.testing.assert_array_equal(kept(x).data, first.data)
    twin.rng.bit_generator.state = layer.rng.bit_generator.state  # as a checkpoint does
    np.testing.assert_array_equal(twin(x).data, layer(x).data)
    (first * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * first.data)
    assert layer.eval()(x) is x
    assert nn.Dropout(1.0)(x).data.sum() == 0


def test_dropout_reaches_everything_it_is_said_to() -> None:
    x = np.random.default_rng(0).normal(size=(6, 4, 8)).astype("f4")
    block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, seed=0)
    gru = nn.GRU(8, 5, num_layers=2, dropout=0.5, seed=0)
    attention = nn.MultiheadAttention(8, 2, dropout=0.5, seed=0)
    for layer, call in ((block, block), (gru, lambda x: gru(x)[0]), (attention, lambda x: attention(x, x, x)[0])):
        assert not np.array_equal(call(x).data, call(x).data)
        layer.eval()
        np.testing.assert_array_equal(call(x).data, call(x).data)


def test_a_batch_in_evaluation_does_not_change_under_later_training() -> None:
    layer, x = nn.BatchNorm1d(3, dtype=np.float64), np.random.default_rng(0).normal(size=(5, 3))
    layer(x)
    v = Value(x)
    out = layer.eval()(v)
    layer.train()(10 * x)  # moves the running numbers that `out` was computed from
    out.backward(np.ones((5, 3)))
    (layer.eval()(w := Value(x))).backward(np.ones((5, 3)))
    assert not np.allclose(v.grad, w.grad)
    np.testing.assert_allclose(v.grad, np.full((5, 3), 1 / np.sqrt(0.9 + 0.1 * x.var(axis=0, ddof=1) + 1e-5)))


def test_the_mean_over_all_batches_is_what_no_momentum_means() -> None:
    layer, rng = nn.BatchNorm1d(2, momentum=None, dtype=np.float64), np.random.default_rng(0)
    batches = rng.normal(size=(4, 6, 2))
    for x in batches:
        layer(x)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    np.testing.assert_allclose(layer.running_mean, batches.mean(axis=(0, 1)))
    np.testing.assert_allclose(layer.running_var, batches.var(axis=1, ddof=1).mean(axis=0))
    assert layer.num_batches_tracked == 4
    layer.eval()(batches[0])
    assert layer.num_batches_tracked == 4


def test_a_padding_row_gets_no_gradient() -> None:
    layer = nn.Embedding(4, 2, padding_idx=1, seed=0)
    assert (layer.weight.data[1] == 0).all()
    layer(np.array([[0, 1], [1, 3]])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[1, 1], [0, 0], [0, 0], [1, 1]])


def test_many_rows_of_a_table_gather_their_gradients() -> None:
    rng = np.random.default_rng(0)
    for rows in (rng.integers(0, 7, (20, 30)), rng.integers(-7, 7, 500), np.full(200, 6)):
        weight, c = Value(rng.normal(size=(7, 3))), rng.normal(size=(*rows.shape, 3))
        (weight[rows] * c).sum().backward()
        wanted = np.zeros((7, 3))
        np.add.at(wanted, rows, c)
        np.testing.assert_allclose(weight.grad, wanted, rtol=1e-12)


def test_the_next_call_of_a_recurrent_layer_can_go_on_from_the_last_state() -> None:
    rng = np.random.default_rng(0)
    for layer in (nn.RNN(3, 4, 2, seed=0), nn.GRU(3, 4, 2, seed=0), nn.LSTM(3, 4, 2, seed=0)):
        x = rng.normal(size=(7, 2, 3)).astype("f4")
        whole, end = layer(x)
        first, state = layer(x[:3])
        second, last = layer(x[3:], state)
        np.testing.assert_allclose(np.concatenate([first.data, second.data]), whole.data, rtol=1e-5, atol=1e-6)
        for a, b in zip(flat(end), flat(last), strict=True):
            np.testing.assert_allclose(a.data, b.data, rtol=1e-5, atol=1e-6)


def test_a_long_sequence_needs_no_deep_stack() -> None:
    layer, x = nn.GRU(1, 2, seed=0), Value(np.ones((1500, 1, 1), np.float32))  # Python's own ends at 1,000 calls
    out, _ = layer(x)
    out[-1].sum().backward(release=True)
    assert x.grad.shape == (1500, 1, 1)


def by_hand(layer: Any, x: np.ndarray, ending: str, backwards: bool) -> np.ndarray:
    """One direction of a recurrent layer, from its definition: outputs (time, hidden_size) for one example."""
    w, u, b, c = (getattr(layer, f"{kind}{ending}").data for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = cell = np.zeros(layer.hidden_size)
    outs = []
    for now in x[::-1] if backwards else x:
        if isinstance(layer, nn.RNN):
            h = np.tanh(w @ now + b + u @ h + c)
        elif isinstance(layer, nn.GRU):
            (r, z, n), (hr, hz, hn) = np.split(w @ now + b, 3), np.split(u @ h + c, 3)
            r, z = (1 / (1 + np.exp(-s)) for s in (r + hr, z + hz))
            h = (1 - z) * np.tanh(n + r * hn) + z * h
        else:
            i, f, g, o = np.split(w @ now + b + u @ h + c, 4)
            i, f, o = (1 / (1 + np.exp(-s)) for s in (i, f, o))
            cell = f * cell + i * np.tanh(g)
            h = o * np.tanh(cell)
        outs.append(h)
    return np.stack(outs[::-1] if backwards else outs)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_recurrent_layer_is_what_its_formula_says(kind: Any) -> None:
    layer, x = kind(3, 2, 2, bidirectional=True, dtype=np.float64, seed=0), np.random.default_rng(0).normal(size=(4, 3))
    wanted, ends = x, []
    for i in range(2):
        both = [by_hand(layer, wanted, f"_l{i}{ending}", bool(ending)) for ending in ("", "_reverse")]
        ends += [both[0][-1], both[1][0]]
        wanted = np.concatenate(both, axis=-1)
    out, state = layer(x[:, None])
    np.testing.assert_allclose(out.data[:, 0], wanted, rtol=1e-12)
    np.testing.assert_allclose(flat(state)[0].data[:, 0], ends, rtol=1e-12)


def test_attention_is_what_its_formula_says() -> None:
    layer, rng = nn.MultiheadAttention(4, 2, batch_first=True, dtype=np.float64, seed=0), np.random.default_rng(0)
    layer.in_proj_bias.data = rng.normal(size=12)  # type: ignore[union-attr]
    x = rng.normal(size=(5, 4))
    for inputs in ((x, x, x), (x, x.copy(), x.copy()), (x, x[:3] + 1, x[:3] - 1)):
        weight, bias = (np.split(p.data, 3) for p in (layer.in_proj_weight, layer.in_proj_bias))
        q, k, v = (a @ w.T + b for a, w, b in zip(inputs, weight, bias, strict=True))
        heads, seen = [], []
        for part in (slice(0, 2), slice(2, 4)):
            scores = np.exp(q[:, part] @ k[:, part].T / np.sqrt(2))
            seen.append(scores / scores.sum(axis=1, keepdims=True))
            heads.append(seen[-1] @ v[:, part])
        wanted = np.concatenate(heads, axis=1) @ layer.out_proj.weight.data.T + layer.out_proj.bias.data
        out, weights = layer(*inputs)
        np.testing.assert_allclose(out.data, wanted, rtol=1e-12)
        np.testing.assert_allclose(weights.data, np.mean(seen, axis=0), rtol=1e-12)


def test_the_gradient_of_relu_is_the_same_for_few_and_for_many() -> None:
    x = np.random.default_rng(0).normal(size=5000)
    x[:3] = [0, -1, 1]
    for g in (np.ones(5000), np.full(5000, np.inf)):
        v = Value(x)
        v.relu().backward(g)
        np.testing.assert_array_equal(v.grad, np.where(x > 0, g, 0))


def test_causal_means_that_nobody_looks_ahead() -> None:
    layer, rng = nn.MultiheadAttention(8, 2, batch_first=True, dtype=np.float64, seed=0), np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 8))
    out, weights = layer(x, x, x, is_causal=True)
    assert (weights.data[:, *np.triu_indices(5, 1)] == 0).all()
    np.testing.assert_allclose(weights.data.sum(axis=-1), 1)
    np.testing.assert_allclose(out.data, layer(x, x, x, attn_mask=np.triu(np.ones((5, 5), bool), 1))[0].data)
    changed = x.copy()
    changed[:, 3:] += 1
    np.testing.assert_allclose(layer(changed, changed, changed, is_causal=True)[0].data[:, :3], out.data[:, :3])


@pytest.mark.filterwarnings("error")
def test_a_place_that_may_look_nowhere_gets_nothing_and_spoils_nothing() -> None:
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=np.float64, seed=0)
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    nobody = np.array([[False] * 3, [True] * 3])
    out, weights = layer(x, x, x, key_padding_mask=nobody)
    assert (weights.data[1] == 0).all()
    np.testing.assert_allclose(out.data[1], np.broadcast_to(layer.out_proj.bias.data, (3, 4)))
    (out[0] ** 2).sum().backward()
    of_both = [p.grad for p in layer.parameters()]
    layer.zero_grad()
    (layer(x[:1], x[:1], x[:1])[0] ** 2).sum().backward()
    for p, g in zip(layer.parameters(), of_both, strict=True):
        np.testing.assert_allclose(p.grad, g, rtol=1e-12, atol=1e-12)
    nan = layer(x * np.nan, x * np.nan, x * np.nan)[0]
    assert np.isnan(nan.data).all()


def test_a_mask_of_numbers_can_be_learned() -> None:
    rng = np.random.default_rng(0)
    layer, x, mask = (
        nn.MultiheadAttention(4, 2, dtype=np.float64, seed=0),
        rng.normal(size=(3, 2, 4)),
        rng.normal(size=(3, 3)),
    )
    check_grads(lambda m: layer(x, x, x, attn_mask=m), mask, raise_on_failure=True)


def test_attention_of_equal_keys_is_the_mean() -> None:
    q, k, v = np.ones((2, 3, 4)), np.ones((2, 5, 4)), np.random.default_rng(0).normal(size=(2, 5, 6))
    mean = np.broadcast_to(v.mean(axis=1, keepdims=True), (2, 3, 6))
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v), mean)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v, np.ones((3, 5), bool)), mean)
    one = np.zeros((3, 5), bool)
    one[:, 2] = True
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, Value(v), one).data, v[:, [2, 2, 2]])


def test_step_fires_above_zero_and_nothing_flows_back() -> None:
    x = Value([-1.0, 0.0, 1e-300, 2.0])
    out = nn.Step()(x)
    assert out.tolist() == [0, 0, 1, 1]
    (out * 2).sum().backward()
    assert x.grad is None


def test_erfc_is_exact_to_the_last_digits() -> None:
    special = pytest.importorskip("scipy.special")
    from microgradnet.ops.erf import erfc

    x = np.linspace(-6, 25, 20_001)
    np.testing.assert_allclose(erfc(x), special.erfc(x), rtol=1e-13)
    single = x[x < 9].astype(np.float32)
    assert erfc(single).dtype == np.float32
    np.testing.assert_allclose(erfc(single), special.erfc(single.astype(float)), rtol=2e-5)
    np.testing.assert_allclose(erfc(np.array([np.inf, -np.inf, np.nan, 0])), [0, 2, np.nan, 1], rtol=1e-14)


def test_convolution_and_pooling_hand_on_their_options() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 9, 8))
    how: dict[str, Any] = {"stride": (2, 1), "padding": 1, "dilation": (1, 2), "groups": 2}
    layer = nn.Conv2d(4, 6, 3, **how, dtype=np.float64, seed=0)
    np.testing.assert_array_equal(layer(x).data, F.conv2d(x, layer.weight, layer.bias, **how).data)
    how = {"stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}
    np.testing.assert_array_equal(nn.MaxPool2d(3, **how)(x), F.max_pool2d(x, 3, **how))
    how = {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}
    np.testing.assert_array_equal(nn.AvgPool2d(3, **how)(x), F.avg_pool2d(x, 3, **how))


def test_sines_and_cosines_of_a_place() -> None:
    table = nn.sinusoidal(6, 5, np.float64)
    assert table.shape == (6, 5)
    np.testing.assert_allclose(table[3], [np.sin(3), np.cos(3), *(f(3 / 10_000**0.4) for f in (np.sin, np.cos)),
                                          np.sin(3 / 10_000**0.8)])  # fmt: skip


def test_a_sequence_of_layers_is_a_sequence() -> None:
    model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.ReLU())
    assert model.append(nn.Linear(3, 1, seed=1)) is model
    assert list(model) == model.layers
    assert len(model) == 3
    assert isinstance(model[1:], nn.Sequential)
    assert model[-1] is model[1:][1]
    with pytest.raises(TypeError, match="Sequential wants"):
        model.append(nn.ReLU)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------- all of them at once


class Reader(nn.Module):
    """Images cut into a sequence, read by every kind of layer; what is read is told in the words it was asked in."""

    def __init__(self, dtype: Any = np.float64) -> None:
        def some() -> dict[str, Any]:
            return {"dtype": dtype, "seed": len(vars(self))}

        self.eye = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, **some()), nn.BatchNorm2d(2, dtype=dtype), nn.GELU(), nn.MaxPool2d(2),
            nn.Residual(nn.Sequential(nn.GroupNorm(2, 2, dtype=dtype), nn.Conv2d(2, 2, 1, **some()), nn.SiLU())),
            nn.AvgPool2d(2), nn.Flatten(2), nn.Conv1d(2, 4, 1, **some()), nn.BatchNorm1d(4, dtype=dtype),
        )  # fmt: skip
        self.words = nn.Embedding(5, 4, **some())
        self.memory = {
            "gru": nn.GRU(4, 4, batch_first=True, **some()),
            "lstm": nn.LSTM(4, 4, batch_first=True, **some()),
        }
        self.block = nn.TransformerEncoderLayer(4, 2, 6, 0.25, batch_first=True, norm_first=True, **some())
        self.norms = (nn.LayerNorm(4, dtype=dtype), nn.RMSNorm(4, dtype=dtype))
        self.drop = nn.Dropout(0.25, seed=0)
        self.out = nn.Linear(4, 5, bias=False, **some())
        self.out.weight = self.words.weight  # tied: told in the words it was asked in

    def forward(self, images: Any, question: Any) -> Any:
        seen = self.eye(images).swapaxes(1, 2)
        x = np.concatenate([self.words(question), seen], axis=1)
        x = self.norms[0](x + self.memory["gru"](x)[0])
        x = self.norms[1](x + self.memory["lstm"](x)[0])
        return self.out(self.drop(self.block(x)).mean(axis=1))


IMAGES = np.random.default_rng(0).normal(size=(3, 1, 4, 8))
QUESTION, ANSWER = np.array([[0, 1], [4, 2], [2, 2]]), np.array([1, 0, 4])


def test_a_model_of_all_layers_has_its_parameters_by_path() -> None:
    names = [name for name, _ in Reader().named_parameters()]
    assert len(names) == len(set(names)) == 36
    for name in ("eye.layers.4.module.layers.1.bias", "memory.lstm.weight_hh_l0", "block.self_attn.out_proj.weight",
                 "norms.1.weight", "words.weight"):  # fmt: skip
        assert name in names
    assert "out.weight" not in names


def test_train_and_eval_reach_every_layer() -> None:
    model = Reader()
    assert model(IMAGES, QUESTION).data.tolist() != model(IMAGES, QUESTION).data.tolist()
    model.eval()
    assert not any(m.training for m in model.modules())
    assert model(IMAGES, QUESTION).data.tolist() == model(IMAGES, QUESTION).data.tolist()
    assert all(m.training for m in model.train().modules())


def test_a_model_of_all_layers_has_the_gradient_of_its_cost() -> None:
    def cost(model: Reader) -> Any:
        return F.cross_entropy(model(IMAGES, QUESTION), ANSWER)

    model = Reader()
    model(IMAGES, QUESTION)
    model.eval()
    check_grads(cost, model, samples=3, raise_on_failure=True)
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    cost(model).backward()
    for p, g in tree.leaves(model, mg.grad(cost)(model)):
        np.testing.assert_allclose(p.grad, g, rtol=1e-12)
    for twin in twins:
        cost(twin).backward()
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(p.grad, q.grad)


def test_a_model_of_all_layers_learns_three_examples() -> None:
    model = Reader(np.float32)
    optimiser = mg.optim.SGD(model.parameters(), lr=0.3)
    costs = []
    for _ in range(60):
        optimiser.zero_grad()
        cost = F.cross_entropy(model(IMAGES.astype("f4"), QUESTION), ANSWER)
        cost.backward(release=True)
        optimiser.step()
        costs.append(cost.item())
    assert costs[-1] < costs[0] / 4
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert int(model.eye[1].num_batches_tracked) == 60


class Unfinished(Recurrent[Any]):
    gates = 1


@pytest.mark.parametrize("call", [
    lambda: Augmentation(seed=0)(np.ones((1, 1, 2, 2))), lambda: Spatial()(np.ones((1, 1, 2, 2))),
    lambda: Unfinished(2, 3)(np.ones((4, 1, 2))), lambda: Rows(4, size=2, seed=0).batch(np.arange(2)),
])  # fmt: skip
def test_what_layers_and_sources_share_computes_nothing_by_itself(call: Any) -> None:
    with pytest.raises(NotImplementedError):
        call()


def test_an_error_that_is_not_of_the_input_is_told_as_it_is() -> None:
    layer = nn.Linear(3, 2, seed=0)
    layer.bias = Value(np.zeros(5))
    with pytest.raises(ValueError, match=r"\(5,\)") as caught:
        layer(np.ones((4, 3)))
    assert "its last axis must be" not in str(caught.value)
