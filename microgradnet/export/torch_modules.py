"""`from_torch`: a module of PyTorch as the layers here that compute the same, with its weights."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn

import numpy as np

from .. import nn
from ..core import Array
from ..nn.module import Module
from ..words import brief, instead

# Options that are called otherwise there, or kept under another name.
NAMES: dict[tuple[str, str], str] = {("PairwiseDistance", "p"): "norm"}
ALIASES = {"axis": "dim", "keepdims": "keepdim"}
RECURRENT = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
# Options of theirs that say nothing of what is computed; below a threshold their softplus is ours to 2e-9.
HARMLESS = {"self", "args", "kwargs", "device", "dtype", "inplace", "threshold", "enable_nested_tensor", "mask_check"}
OURS = {"dtype", "seed", "init"}  # options that theirs have not
NOT_LAYERS = {"MLP", "Module", "Residual", "Step"}


def from_torch(module: Any) -> Module:
    """The layers here that compute what a module of PyTorch does, with copies of its weights, in its mode.

    It may be a layer that both have, or a Sequential or a stack of a Transformer made of such. What was one layer or
    one parameter in it is one again; what had `requires_grad=False` is frozen. PyTorch need not be there for more than
    the module. TypeError, with its path, for a module whose `forward` is a program of its own (write that program as a
    Module, and convert its parts), for one that has no counterpart, and for options that ours has not.
    """
    if not callable(getattr(module, "named_parameters", None)) or isinstance(module, (Module, type)):
        raise TypeError(f"from_torch wants a module of PyTorch, such as torch.nn.Linear(3, 2); got {brief(module)}")
    layer: Module = Reader().layer(module, "")
    return layer


class Reader:
    """One conversion, which remembers what it has made."""

    def __init__(self) -> None:
        self.layers: dict[int, Any] = {}
        self.parameters: dict[int, Any] = {}

    def layer(self, module: Any, path: str) -> Any:
        """The layer of a module; the same again for the same."""
        if id(module) not in self.layers:
            self.layers[id(module)] = self.made(module, path)
        return self.layers[id(module)]

    def made(self, module: Any, path: str) -> Any:
        name = type(module).__name__
        if not type(module).__module__.startswith("torch.nn.modules"):
            refuse(path, name, "computes in its own way: write its forward in a Module, and convert its parts")
        if name not in nn.__all__ or name in NOT_LAYERS or name.endswith("Loss"):
            way = instead("microgradnet.nn", name)
            what = f"nn.{name} is a loss, with classes on the last axis" if name.endswith("Loss") else way
            refuse(path, name, f"has no counterpart{f'; {what}' if what else ''}")
        if module._forward_hooks or module._forward_pre_hooks:
            refuse(path, name, "has forward hooks, which are programs: remove them, and hook the layer that is made")
        below = f"{path}." if path else ""
        if name == "Sequential":
            layer: Any = nn.Sequential(*(self.layer(part, f"{below}{i}") for i, part in enumerate(module)))
        elif name in ("TransformerEncoder", "TransformerDecoder"):
            parts = [self.layer(part, f"{below}layers.{i}") for i, part in enumerate(module.layers)]
            norm = None if module.norm is None else self.layer(module.norm, f"{below}norm")
            layer = getattr(nn, name)(parts[0], len(parts), norm)
            layer.layers = parts
        else:
            layer = self.single(module, path, name)
        layer.training = module.training  # its own alone: parts may be in another mode
        return layer

    def single(self, module: Any, path: str, name: str) -> Any:
        """A layer that holds its weights itself, or a layer of a Transformer."""
        kind = getattr(nn, name)
        arrays = {key: array_of(path, name, tensor) for key, tensor in module.state_dict().items()}
        floats = [x.dtype for x in arrays.values() if x.dtype.kind == "f"]
        known = inspect.signature(kind).parameters
        more = {"dtype": floats[0]} if floats and ("dtype" in known or "options" in known) else {}
        layer = kind(**options(module, path, name), **more)
        for part in module.modules():
            layer_part = part_of(layer, next(key for key, found in module.named_modules() if found is part))
            if isinstance(layer_part, Module):
                object.__setattr__(layer_part, "training", part.training)
        layer.load_state_dict(arrays)
        values = dict(layer.named_parameters())
        for key, parameter in module.named_parameters():
            known_value = self.parameters.setdefault(id(parameter), values[key])
            if known_value is not values[key]:
                owner, _, attribute = key.rpartition(".")
                setattr(part_of(layer, owner), attribute, known_value)
            elif not parameter.requires_grad:
                layer.freeze(key)
        return layer


def part_of(layer: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        layer = getattr(layer, name, None)
    return layer


def options(module: Any, path: str, name: str) -> dict[str, Any]:
    """The options of a layer of this name, as the module has them."""
    if name.startswith("Transformer"):
        return of_transformer(module, path, name)
    known = list(inspect.signature(getattr(nn, name)).parameters)
    if name in ("RNN", "GRU", "LSTM"):
        if getattr(module, "proj_size", 0):
            refuse(path, name, "has proj_size, which is not here")
        known = [*RECURRENT, "nonlinearity"] if name == "RNN" else [*RECURRENT]
    if name == "MultiheadAttention":
        if not module._qkv_same_embed_dim or module.bias_k is not None or module.add_zero_attn:
            refuse(path, name, "has kdim, vdim, add_bias_kv or add_zero_attn, which are not here")
        found = {"embed_dim": module.embed_dim, "num_heads": module.num_heads, "dropout": module.dropout}
        return {**found, "bias": module.in_proj_bias is not None, "batch_first": module.batch_first}
    taken = {option: NAMES.get((name, option), ALIASES.get(option, option)) for option in known if option not in OURS}
    for option, parameter in inspect.signature(type(module).__init__).parameters.items():
        there = NAMES.get((name, option), option)
        if there in taken.values() or option in HARMLESS | OURS:
            continue
        there_is = getattr(module, there, parameter.default)
        if option == "bias":  # of a normalisation
            there_is = there_is is not None or not module.affine
        if there_is != parameter.default:
            refuse(path, name, f"has {option}={there_is!r}, which is not here")
    found = {option: getattr(module, there) for option, there in taken.items()}
    if "bias" in found and not isinstance(found["bias"], bool):
        found["bias"] = found["bias"] is not None
    return found


def of_transformer(module: Any, path: str, name: str) -> dict[str, Any]:
    attention = module.self_attn
    activation = getattr(module.activation, "__name__", type(module.activation).__name__).lower()
    if activation not in ("relu", "gelu"):
        refuse(path, name, f"has the activation {module.activation!r}; ours is named: relu or gelu")
    return {
        "d_model": attention.embed_dim, "nhead": attention.num_heads, "dim_feedforward": module.linear1.out_features,
        "dropout": module.dropout.p, "activation": activation, "layer_norm_eps": module.norm1.eps,
        "batch_first": attention.batch_first, "norm_first": module.norm_first, "bias": module.linear1.bias is not None,
    }  # fmt: skip


def array_of(path: str, name: str, tensor: Any) -> Array:
    """A copy of the numbers of a tensor."""
    try:
        return np.array(tensor.detach().cpu().numpy())
    except TypeError:
        refuse(path, name, f"holds numbers that NumPy has not, {tensor.dtype}: convert module.float()")


def refuse(path: str, name: str, what: str) -> NoReturn:
    raise TypeError(f"from_torch: {f'{path}: ' if path else ''}{name} {what}")
