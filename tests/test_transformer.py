"""Stacks of Transformer blocks: beside PyTorch's, with masks; their copies; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, nn, optim
from microgradnet.core import numbers
from tests.compiled import check

SMALL = {"dim_feedforward": 5, "dropout": 0.0, "batch_first": True}
LATER = np.triu(np.ones((3, 3), bool), 1)
HIDDEN = np.array([[False, False, True], [False, True, False]])
ADDED = np.random.default_rng(5).normal(size=(3, 4))

MASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "encoder": ("Encoder", {}),
    "encoder, causal mask": ("Encoder", {"mask": LATER}),
    "encoder, padding": ("Encoder", {"src_key_padding_mask": HIDDEN}),
    "encoder, both": ("Encoder", {"mask": LATER, "src_key_padding_mask": HIDDEN[::-1].copy()}),
    "decoder": ("Decoder", {}),
    "decoder, masks": ("Decoder", {"tgt_mask": LATER, "memory_mask": ADDED}),
    "decoder, padding": (
        "Decoder",
        {"tgt_key_padding_mask": HIDDEN, "memory_key_padding_mask": np.array([[False, True, False, False]] * 2)},
    ),
}


def inputs(kind: str) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=(2, 3, 4))] + [rng.normal(size=(2, 4, 4))] * (kind == "Decoder")


def stack(nn: Any, kind: str, norm: bool, **options: Any) -> Any:
    layer = getattr(nn, f"Transformer{kind}Layer")(4, 2, **SMALL, **options)
    return getattr(nn, f"Transformer{kind}")(layer, 2, nn.LayerNorm(4) if norm else None)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:Support for mismatched")
@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_stack_computes_what_pytorchs_does(name: str, norm_first: bool) -> None:
    torch: Any = pytest.importorskip("torch")
    kind, masks = MASKS[name]
    ours = stack(nn, kind, norm_first, norm_first=norm_first, seed=0).astype(np.float64)
    theirs = stack(torch.nn, kind, norm_first, norm_first=norm_first).double()
    rng = np.random.default_rng(2)
    for _, p in ours.named_parameters():
        p.data = p.data + 0.3 * rng.normal(size=p.shape)
    mine = dict(ours.named_parameters())
    assert list(mine) == [path for path, _ in theirs.named_parameters()]
    theirs.load_state_dict({path: torch.tensor(p.data) for path, p in mine.items()})
    values = [Value(x) for x in inputs(kind)]
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs(kind)]
    out = ours(*values, **masks)
    wanted = theirs(*tensors, **{k: torch.tensor(x) for k, x in masks.items()})
    c = rng.normal(size=out.shape)
    np.testing.assert_allclose(out.data, wanted.detach().numpy(), rtol=1e-9, atol=1e-9)
    (out * c).sum().backward()
    (wanted * torch.tensor(c)).sum().backward()
    pairs = [(p.grad, dict(theirs.named_parameters())[path].grad) for path, p in mine.items()]
    pairs += [(v.grad, t.grad) for v, t in zip(values, tensors, strict=True)]
    for mine_grad, their_grad in pairs:
        np.testing.assert_allclose(mine_grad, their_grad.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_is_causal_is_the_mask_of_later_places(kind: str) -> None:
    model, given = stack(nn, kind, True, seed=0), [x.astype(np.float32) for x in inputs(kind)]
    masked = {"mask": LATER} if kind == "Encoder" else {"tgt_mask": LATER}
    causal = {"is_causal": True} if kind == "Encoder" else {"tgt_is_causal": True}
    np.testing.assert_allclose(model(*given, **causal).data, model(*given, **masked).data, atol=1e-6)
    changed = [given[0].copy(), *given[1:]]
    changed[0][:, 2] += 1  # what comes later changes nothing before it
    before, after = model(*given, **causal).data, model(*changed, **causal).data
    np.testing.assert_array_equal(before[:, :2], after[:, :2])


def test_the_copies_begin_equal_and_share_nothing_but_the_generator() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 5, dropout=0.5, seed=3)
    model = nn.TransformerEncoder(layer, 2)
    one, two = model.layers
    for p, q, r in zip(layer.parameters(), one.parameters(), two.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        np.testing.assert_array_equal(p.data, r.data)
        assert len({id(p.data), id(q.data), id(r.data)}) == 3
    assert len(model.parameters()) == 2 * len(layer.parameters())
    generators = {id(x) for part in model.modules() for x in vars(part).values() if isinstance(x, np.random.Generator)}
    assert len(generators) == 1
    x = np.ones((3, 2, 4), np.float32)
    drops = []
    for part in (one, two):
        part.dropout1.register_forward_hook(lambda module, inputs, out: drops.append(numbers(out) == 0))  # type: ignore[attr-defined]
    model(x)
    assert (drops[0] != drops[1]).any()


def test_a_translator_learns_compiled_as_it_does_eagerly() -> None:
    class Translator(nn.Module):
        def __init__(self) -> None:
            self.words = nn.Embedding(6, 8, seed=0)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 8, 0.1, batch_first=True, seed=1), 1)
            self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 8, 0.1, batch_first=True, seed=2), 1)
            self.out = nn.Linear(8, 6, seed=3)

        def forward(self, there: Any, here: Any) -> Any:
            memory = self.encoder(self.words(there))
            return self.out(self.decoder(self.words(here), memory, tgt_is_causal=True))

    def make() -> Any:
        model = Translator()
        optimizer = optim.NAdam(model.parameters())

        def step(there: Any, here: Any) -> Any:
            optimizer.zero_grad()
            cost = F.cross_entropy(model(there, here[:, :-1]), here[:, 1:])
            cost.backward(release=True)
            optimizer.step()
            return cost

        return step, lambda: [model.state_dict()]

    rng = np.random.default_rng(0)
    check(make, [(rng.integers(0, 6, (3, 4)), rng.integers(0, 6, (3, 5))) for _ in range(4)])


def test_a_stack_is_saved_and_loaded(tmp_path: Any) -> None:
    one, two = stack(nn, "Decoder", True, seed=0), stack(nn, "Decoder", True, seed=1)
    mg.save(tmp_path / "decoder.npz", one)
    mg.load(tmp_path / "decoder.npz", two)
    given = [x.astype(np.float32) for x in inputs("Decoder")]
    np.testing.assert_array_equal(one(*given).data, two(*given).data)


def test_what_makes_no_stack_says_so() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 5)
    with pytest.raises(ValueError, match="num_layers=0"):
        nn.TransformerEncoder(layer, 0)
    with pytest.raises(TypeError, match=r"TransformerDecoder wants a layer first, such as nn\.TransformerDecoderLayer"):
        nn.TransformerDecoder(nn.TransformerDecoderLayer, 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"layers\[0\]\.self_attn: .*attn_mask of shape \(2, 2\)"):
        nn.TransformerEncoder(layer, 2)(np.ones((3, 2, 4), np.float32), np.ones((2, 2), bool))
    with pytest.raises(TypeError, match="'relu' or 'gelu'"):
        nn.TransformerDecoderLayer(4, 2, activation="tanh")
