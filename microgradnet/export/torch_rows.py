"""Each row as an expression of PyTorch: for the key of a row, a function of the program in the making, node and inputs.

Most functions have NumPy's names there. What they lack are NumPy's types of results, which are made equal first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .graph import Node, Size, has_size, move_of
from .onnx_rows import Unwritten, axes_of
from .onnx_shapes import MOVES

Written: TypeAlias = Callable[..., str]
ROWS: dict[Any, Written] = {}

# What is written above the class where it is used.
HELPERS = {
    "attention_weights": """
def attention_weights(query, key, mask, scale, causal):
    \"\"\"softmax(query · keyᵀ · scale + mask); of a query that may look nowhere, zeros.\"\"\"
    scores = (query * scale) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask
    if causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~seen, -torch.inf)
    top = scores.amax(-1, keepdim=True)
    powers = torch.exp(scores - torch.where(torch.isinf(top), 0.0, top))
    return powers / powers.sum(-1, keepdim=True).clamp(min=1.0)
""",
    "lstm": """
def lstm(sums, h, c, weight):
    \"\"\"The states h and c after each time, (2, time, batch, width); sums are those of the inputs.\"\"\"
    hs, cs = [], []
    for z in sums:
        i, f, g, o = (z + h @ weight.T).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return torch.stack([torch.stack(hs), torch.stack(cs)])
""",
}


def row(*keys: Any) -> Callable[[Written], Written]:
    def add(written: Written) -> Written:
        ROWS.update(dict.fromkeys(keys, written))
        return written

    return add


def is_literal(node: Node) -> bool:
    """Whether a node is a number that stands in the text."""
    return node.op is None and node.shape == () and not node.name


def dtype_of(dtype: Any) -> str:
    return "torch.bool" if dtype == np.bool else f"torch.{np.dtype(dtype).name}"


def size(n: Any) -> str:
    """A length, which may go with the batch, n."""
    if not isinstance(n, Size):
        return str(int(n))
    text = "n" if n.per == 1 else f"{n.per} * n"
    return text if not n.plus else f"{text} {'+' if n.plus > 0 else '-'} {abs(n.plus)}"


def sizes(shape: Any) -> str:
    return f"({', '.join(map(size, shape))}{',' if len(shape) == 1 else ''})"


def alike(node: Node, args: Any, dtype: Any = None, tensors: bool = False) -> list[str]:
    """The inputs in one dtype, by default that of the result; with `tensors`, numbers as such."""
    dtype = node.dtype if dtype is None else np.dtype(dtype)
    other = next((x for x, part in zip(args, node.args, strict=True) if not is_literal(part)), "")
    found = []
    for x, part in zip(args, node.args, strict=True):
        if is_literal(part):
            found.append(f"{other}.new_tensor({x}, dtype={dtype_of(dtype)})" if tensors else x)
        else:
            found.append(x if part.dtype == dtype else f"{x}.to({dtype_of(dtype)})")
    return found


def call(text: str, tensors: bool = True) -> Written:
    """A row of one dtype as an expression with a hole for each input."""
    return lambda w, node, *args: text.format(*alike(node, args, tensors=tensors))


for key, text in {
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}", np.power: "{} ** {}",
    np.negative: "-{}",
}.items():  # fmt: skip
    ROWS[key] = call(text, tensors=False)
for name in ("arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "cos", "cosh", "deg2rad", "exp",
             "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "rad2deg", "sign", "sin", "sinc", "sinh",
             "sqrt", "square", "tan", "tanh", "trunc"):  # fmt: skip
    ROWS[getattr(np, name)] = call(f"torch.{name}({{}})")
for name in ("arctan2", "bitwise_and", "bitwise_or", "bitwise_xor", "copysign", "floor_divide", "fmax", "fmin", "fmod",
             "heaviside", "hypot", "logaddexp", "logaddexp2", "maximum", "minimum", "remainder"):  # fmt: skip
    ROWS[getattr(np, name)] = call(f"torch.{name}({{}}, {{}})")
ROWS.update({
    np.absolute: call("torch.abs({})"), np.fabs: call("torch.abs({})"), np.rint: call("torch.round({})"),
    np.radians: call("torch.deg2rad({})"), np.degrees: call("torch.rad2deg({})"), np.invert: call("~{}"),
    np.positive: call("{}"), np.conjugate: call("{}"), "hook": call("{}"), "astype": call("{}"),
    np.cbrt: call("torch.sign({0}) * torch.abs({0}) ** (1 / 3)"),
    "relu": call("torch.relu({})"), "sigmoid": call("torch.sigmoid({})"), "erfc": call("torch.erfc({})"),
    "gelu_tanh": call('F.gelu({}, approximate="tanh")'), "stop_gradient": call("{}.detach()"),
    "clamped_log": call("torch.log({}).clamp(min=-100.0)"),
    "clip": call("torch.minimum(torch.maximum({}, {}), {})"),
    "quadratic_cost": lambda w, node, *args: quadratic(node, *alike(node, args)),
})  # fmt: skip


def quadratic(node: Node, output: str, target: str) -> str:
    square = f"(({output} - {target}) ** 2)"
    return f"{square}.sum(-1).mean()" if node.args[0].ndim else square


def of_tests(text: str) -> Written:
    def written(w: Any, node: Node, *args: str) -> str:
        of = [part.dtype for part in node.args if not is_literal(part)]
        return text.format(*alike(node, args, np.result_type(*of)))

    return written


for key, symbol in {np.equal: "==", np.not_equal: "!=", np.less: "<", np.less_equal: "<=", np.greater: ">",
                    np.greater_equal: ">="}.items():  # fmt: skip
    ROWS[key] = of_tests(f"{{}} {symbol} {{}}")
for name in ("isnan", "isinf", "isposinf", "isneginf", "isfinite", "signbit"):
    ROWS[getattr(np, name)] = of_tests(f"torch.{name}({{}})")


def logical(name: str) -> Written:
    return lambda w, node, *args: f"torch.{name}({', '.join(alike(node, args, bool, True))})"


for name in ("logical_and", "logical_or", "logical_xor"):
    ROWS[getattr(np, name)] = logical(name)
ROWS[np.logical_not] = lambda w, node, x: f"torch.logical_not({x})"


@row(np.where)
def where(w: Any, node: Node, condition: str, x: str, y: str) -> str:
    _, x, y = alike(node, (condition, x, y), tensors=True)
    mask = condition if node.args[0].dtype.kind == "b" else f"{condition} != 0"
    return f"torch.where({mask}, {x}, {y})"


@row(np.reciprocal)
def reciprocal(w: Any, node: Node, x: str) -> str:
    if node.dtype.kind != "f":
        raise Unwritten("1 / x of whole numbers is 0, or what the processor makes of 1 / 0")
    return f"torch.reciprocal({x})"


@row(np.round)
def rounded(w: Any, node: Node, x: str) -> str:
    decimals = node.params.get("decimals", 0)
    if node.dtype.kind == "f":
        return f"torch.round({x}, decimals={decimals})"
    if decimals < 0:
        raise Unwritten("it rounds whole numbers to tens")
    return x


# ----------------------------------------------------------------------------------------------------------- reductions


def reduced(name: str, dtype: Any = None) -> Written:
    def written(w: Any, node: Node, x: str) -> str:
        (x,) = alike(node, (x,), dtype)
        axes = axes_of(node.params.get("axis", -1 if name == "prod" else None), node.args[0].ndim)
        if not axes:
            return f"{x}.clone()"
        where = axes[0] if name == "prod" else sizes(axes)
        return f"{x}.{name}({where}{', keepdim=True' if node.params.get('keepdims') else ''})"

    return written


for function, method in {np.sum: "sum", np.max: "amax", np.min: "amin", np.prod: "prod"}.items():
    ROWS[function] = reduced(method)
ROWS[np.any], ROWS[np.all] = reduced("any", bool), reduced("all", bool)


@row(np.count_nonzero)
def counted(w: Any, node: Node, x: str) -> str:
    axes = axes_of(node.params.get("axis"), node.args[0].ndim)
    if not axes:
        return f"({x} != 0).long()"
    return f"({x} != 0).sum({sizes(axes)}{', keepdim=True' if node.params.get('keepdims') else ''})"


@row(np.argmax, np.argmin)
def arg_extreme(w: Any, node: Node, x: str) -> str:
    axis, keep = node.params.get("axis"), node.params.get("keepdims")
    if axis is None:
        return f"{x}.{node.op.name}().reshape({sizes(node.shape)})"
    return f"{x}.{node.op.name}({axis}{', keepdim=True' if keep else ''})"


@row(np.argsort)
def argsort(w: Any, node: Node, x: str) -> str:
    axis = node.params.get("axis", -1)
    return f"torch.argsort({x if axis is not None else f'{x}.reshape(-1)'}, dim={axis or 0}, stable=True)"


@row(np.cumsum, np.cumprod)
def running(w: Any, node: Node, x: str) -> str:
    return f"torch.{node.op.name}({alike(node, (x,))[0]}, {node.params['axis']})"


@row("softmax")
def softmax(w: Any, node: Node, x: str) -> str:
    return f"torch.softmax({x}, {node.params.get('axis', -1)})"


@row("normalize")
def normalize(w: Any, node: Node, x: str) -> str:
    axes, eps = axes_of(node.params["axis"], node.ndim), node.params["eps"]
    last = node.shape[axes[0] :]
    if axes == list(range(axes[0], node.ndim)) and not has_size(last):
        return f"F.layer_norm({x}, {sizes(last)}, eps={eps})"
    over = f"{sizes(axes)}, keepdim=True"
    return f"({x} - {x}.mean({over})) / torch.sqrt({x}.var({over}, correction=0) + {eps})"


# -------------------------------------------------------------------------------------------------------------- shapes


@row(np.reshape, np.expand_dims, np.squeeze)
def reshape(w: Any, node: Node, x: str) -> str:
    return f"{x}.reshape({sizes(node.shape)})"


@row(np.transpose)
def transpose(w: Any, node: Node, x: str) -> str:
    axes = node.params.get("axes")
    order = range(node.ndim)[::-1] if axes is None else [int(i) % node.ndim for i in np.atleast_1d(axes)]
    return f"{x}.permute({sizes(list(order))})"


@row(np.swapaxes)
def swapaxes(w: Any, node: Node, x: str) -> str:
    return f"{x}.transpose({node.params['axis1']}, {node.params['axis2']})"


@row(np.broadcast_to)
def broadcast_to(w: Any, node: Node, x: str) -> str:
    return f"torch.broadcast_to({x}, {sizes(node.shape)})"


@row("spread")
def spread(w: Any, node: Node, x: str) -> str:
    axis = node.params.get("axis")
    if not node.params.get("keepdims") and axis is not None:
        axes = axes_of(axis, node.ndim)
        x = f"{x}.reshape({sizes([1 if i in axes else n for i, n in enumerate(node.shape)])})"
    return f"torch.broadcast_to({x}, {sizes(node.shape)})"


@row(np.concatenate)
def concatenate(w: Any, node: Node, *args: str) -> str:
    axis, args = node.params.get("axis", 0), tuple(alike(node, args, tensors=True))
    if axis is None:
        args, axis = tuple(f"{x}.reshape(-1)" for x in args), 0
    return f"torch.cat([{', '.join(args)}], {axis})"


@row(np.stack)
def stack(w: Any, node: Node, *args: str) -> str:
    return f"torch.stack([{', '.join(alike(node, args, tensors=True))}], {node.params.get('axis', 0)})"


@row("take")
def take(w: Any, node: Node, x: str, *arrays: str) -> str:
    index, source, rest = node.params["index"], node.args[0], iter(zip(arrays, node.args[1:], strict=True))
    if any(array.dtype.kind == "b" and array.varies for array in node.args[1:]):
        raise Unwritten("a mask selects as many elements as it says; np.where keeps all")
    numbers = [i for i, item in enumerate(index) if isinstance(item, (int, np.integer, Size))]
    slots = [i for i, item in enumerate(index) if not isinstance(item, (int, np.integer, Size, slice, type(None)))
             and item is not ...]  # fmt: skip
    advanced = sorted(numbers + slots) if slots else []
    if numbers and advanced and advanced != list(range(advanced[0], advanced[-1] + 1)):
        raise Unwritten("numbers and arrays of indices stand on both sides of a slice")
    used, axis = sum(item is not None and item is not ... for item in index), 0
    parts: list[str] = []
    turned: list[int] = []  # axes
    for i, item in enumerate(index):
        if item is None or item is ...:
            parts.append("None" if item is None else "...")
            axis += source.ndim - used if item is ... else 0
            continue
        if i in slots:
            text, array = next(rest)
            parts.append(text if array.dtype.kind == "b" or array.dtype == np.int64 else f"{text}.long()")
            axis += array.ndim if array.dtype.kind == "b" else 1
            continue
        if not isinstance(item, slice):
            parts.append(size(item))
        elif isinstance(item.step, (int, np.integer)) and item.step < 0:
            parts.append(backwards(item, source.shape[axis], axis, turned))
        else:
            ends = ["" if end is None else size(end) for end in (item.start, item.stop, item.step)]
            parts.append(":".join(ends if ends[2] not in ("", "1") else ends[:2]))
        axis += 1
    x = f"{x}.flip({sizes(turned)})" if turned else x
    return f"{x}[{', '.join(parts)}]" if parts else f"{x}.clone()"


def backwards(item: slice, length: Any, axis: int, turned: list[int]) -> str:
    """A slice of what is turned round along the axis, which PyTorch has in place of steps backwards."""
    turned.append(axis)
    step = -int(item.step)
    if item.start is None and item.stop is None:
        return f"::{step}" if step > 1 else ":"
    if has_size((item.start, item.stop, length)):
        raise Unwritten("a slice backwards, with ends, along the batch")
    taken = range(length)[item]
    return f"{length - 1 - taken[0]}:{length - taken[-1]}:{step}" if taken else "0:0"


def moved(w: Any, node: Node, x: str, batch: int) -> str:
    """A row that moves elements: for each of the result, the place of what goes there."""
    if node.op.key in (np.tril, np.triu) and node.args[0].ndim > 1:
        return f"torch.{node.op.name}({x}, {node.params.get('k', 0)})"
    found = move_of(node, batch)
    if found is None:
        raise Unwritten("it does not do with every example the same")
    into, out, places = found
    source = node.args[0]
    if into < 0:
        flat, rest = f"{x}.reshape((1, -1))", list(node.shape)
        full: list[Any] = [1, *rest]
    else:
        flat = f"{x}.movedim({into}, 0).reshape(({size(source.shape[into])}, -1))"
        rest = [n for i, n in enumerate(node.shape) if i != out]
        full = [node.shape[out], *rest]
    if (places == 0).any():
        flat = f"F.pad({flat}, (1, 0))"
    else:
        places = places - 1
    result = f"{flat}[:, {w.buffer(places.reshape(-1), 'places')}].reshape({sizes(full)})"
    return f"{result}[0]" if into < 0 else f"{result}.movedim(0, {out})"


# ------------------------------------------------------------------------------------------------------------- products

ROWS[np.matmul] = call("{} @ {}")
ROWS["linear"] = call("F.linear({}, {}, {})")
ROWS[np.einsum] = lambda w, node, *args: f"torch.einsum({node.params['subscripts']!r}, {', '.join(alike(node, args))})"
for of_matrix in ("det", "inv", "svdvals"):
    ROWS[getattr(np.linalg, of_matrix)] = call(f"torch.linalg.{of_matrix}({{}})")


@row("attention_weights")
def attention_weights(w: Any, node: Node, query: str, key: str, *masks: str) -> str:
    w.use("attention_weights")
    query, key, *masks = alike(node, (query, key, *masks))  # type: ignore[assignment]
    mask = masks[0] if masks else "None"
    return f"attention_weights({query}, {key}, {mask}, {node.params['scale']!r}, {node.params['causal']})"


@row("lstm")
def lstm(w: Any, node: Node, *args: str) -> str:
    w.use("lstm")
    return f"lstm({', '.join(alike(node, args))})"


def sides(padding: Any) -> str:
    """What is put around two axes, the last first, as F.pad takes it."""
    (top, bottom), (left, right) = padding
    return sizes((left, right, top, bottom))


def steps(how: dict[str, Any]) -> str:
    return f"stride={sizes(how['stride'])}, dilation={sizes(how['dilation'])}"


@row("conv2d")
def conv2d(w: Any, node: Node, *args: str) -> str:
    how, (x, *more) = node.params, alike(node, args)
    even = all(a == b for a, b in how["padding"])
    x = x if even else f"F.pad({x}, {sides(how['padding'])})"
    padding = f", padding={sizes([a for a, _ in how['padding']])}" if even else ""
    return f"F.conv2d({x}, {', '.join(more)}, {steps(how)}{padding}, groups={how['groups']})"


@row("conv2d_input")
def conv2d_input(w: Any, node: Node, *args: str) -> str:
    how, kernel = node.params, node.args[1].shape[2:]
    full = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(
        node.args[0].shape[2:], how["stride"], how["dilation"], kernel, strict=True)]  # fmt: skip
    cut = [(-a, a + n - m) for (a, _), n, m in zip(how["padding"], how["shape"], full, strict=True)]
    y = f"F.conv_transpose2d({', '.join(alike(node, args))}, {steps(how)}, groups={how['groups']})"
    return f"F.pad({y}, {sides(cut)})" if any(map(any, cut)) else y


def padded(node: Node, x: str, fill: str) -> str:
    """An image with so much around it that windows have the places they have, and no more."""
    how = node.params
    around = []
    for n, size, k, s, p, d in zip(node.args[0].shape[2:], how["size"], how["kernel"], how["stride"], how["padding"],
                                   how["dilation"], strict=True):  # fmt: skip
        around.append((p, max(0, (size - 1) * s + d * (k - 1) + 1 - n - p)))
    return f"F.pad({x}, {sides(around)}, value={fill})" if any(map(any, around)) else x


@row("max_pool2d")
def max_pool2d(w: Any, node: Node, x: str) -> str:
    return f"F.max_pool2d({padded(node, x, '-torch.inf')}, {sizes(node.params['kernel'])}, {steps(node.params)})"


@row("sum_pool2d")
def sum_pool2d(w: Any, node: Node, x: str) -> str:
    how, x = node.params, padded(node, x, "0.0")
    if how["dilation"] == (1, 1):
        return f"F.avg_pool2d({x}, {sizes(how['kernel'])}, {sizes(how['stride'])}, divisor_override=1)"
    ones = f"{x}.new_ones({sizes((node.shape[1], 1, *how['kernel']))})"
    return f"F.conv2d({x}, {ones}, {steps(how)}, groups={size(node.shape[1])})"


def number(node: Node) -> str:
    """A number as it stands in the text."""
    if node.size is not None:
        return f"(1 / ({size(node.size)}))" if node.inverse else f"({size(node.size)})"
    x = node.data.item()
    if isinstance(x, float) and not math.isfinite(x):
        return f"{'-' if x < 0 else ''}torch.{'nan' if x != x else 'inf'}"
    return repr(x) if not isinstance(x, float) or x >= 0 else f"({x!r})"


__all__ = ["HELPERS", "MOVES", "ROWS", "Unwritten", "is_literal", "moved", "number", "size", "sizes"]
