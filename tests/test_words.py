"""What a Value says to those who come from elsewhere: pandas, SciPy, PyTorch, JAX, Keras, HIPS autograd, micrograd."""

from __future__ import annotations

import contextlib
import copy
import importlib
import inspect
import operator
import pydoc
import re
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet
import microgradnet as mg
from microgradnet import Value, data, functional, nn, optim
from microgradnet.core import FORMULAS, NonDiff
from microgradnet.core.arraylike import ArrayLike
from microgradnet.foreign import INSTEAD, KEYWORDS
from microgradnet.libraries import LIBRARIES
from microgradnet.words import Foreign
from tests.cases import ROWS  # which fills the tables


def V(*shape: int) -> Value:
    return Value(np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape), name="v")


# ------------------------------------------------------------------------------------------------------------- pandas

NUMBERS = [[1.0, 0.5, 2.0], [1.5, 2.5, 3.0], [3.5, 1.0, 0.25]]
OPERATORS = ["add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "lt", "le", "gt", "ge", "eq", "ne"]
FRAMES: dict[str, Callable[[Any], Any]] = {
    "Series": lambda pd: pd.Series(NUMBERS[0]), "DataFrame": lambda pd: pd.DataFrame(NUMBERS),
    "Index": lambda pd: pd.Index(NUMBERS[0]), "array": lambda pd: pd.array(NUMBERS[0], dtype="Float64"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", OPERATORS)
def test_pandas_on_the_left_of_an_operator_is_a_constant_beside_a_value(kind: str, name: str) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is no dependency")
    left, do = FRAMES[kind](pd), getattr(operator, name)
    for numbers in (NUMBERS[1], 1.5):
        results = []
        for constant in (left, np.asarray(left, dtype=float)):
            v = Value(numbers)
            out = do(constant, v)
            if name not in OPERATORS[-7:]:
                out.sum().backward()
            results.append((type(out), out.shape, out.tolist(), np.array(v.grad if v.grad is not None else 0).tolist()))
        assert results[0] == results[1]


@pytest.mark.parametrize("call", [
    lambda pd, v: pd.Series(NUMBERS[0]) @ v, lambda pd, v: pd.DataFrame(NUMBERS) @ v,
    lambda pd, v: pd.Series(NUMBERS[0]).dot(v), lambda pd, v: pd.DataFrame(NUMBERS).mul(v),
    lambda pd, v: pd.Series(v), lambda pd, v: pd.DataFrame({"a": v}),
])  # fmt: skip
def test_what_pandas_does_itself_names_to_numpy(call: Callable[[Any, Any], Any]) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is no dependency")
    with pytest.raises(TypeError, match=r"does not become a plain array.*\.to_numpy\(\).*v\.data"):
        call(pd, Value(NUMBERS[1]))


# ------------------------------------------------------------------------------------------------- update traps


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
@pytest.mark.parametrize("mode", [contextlib.nullcontext, microgradnet.no_grad])
def test_a_leaf_updated_like_an_array_is_told_once_by_name(shape: tuple[int, ...], mode: Any) -> None:
    def train() -> None:
        w, b = Value(np.ones(shape)), Value(np.ones(shape), name="bias")
        for _ in range(3):
            (w * w + b * b).sum().backward()
            leaf = b
            with mode():
                w -= 0.1 * w.grad
                leaf += -0.1 * leaf.grad
            b.grad = None
            if w.op is None:  # under no_grad, a new leaf
                break

    with pytest.warns(RuntimeWarning) as caught:
        train()
    told = [str(warning.message) for warning in caught]
    assert told[0].startswith(f"w -= … makes a new Value: the Value of shape {shape} (float64)")
    assert "w.data -= lr * w.grad moves the leaf" in told[0]
    assert told[1].startswith("bias += … makes a new Value: the Value 'bias'")
    assert sum("w -=" in text for text in told) == 1  # afterwards it is a computed one
    assert caught[0].filename == __file__


def test_what_is_no_update_is_not_warned_of() -> None:
    w, x = Value([1.0, 2.0]), np.array([3.0, 4.0])
    (w * x).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        h = w
        h -= 1.0
        h -= x  # a computed Value, never mind its grad
        h.sum().backward()
        h -= 0.1 * h.grad
        fresh = Value([1.0, 2.0])
        fresh -= x
        g = w
        g += w * 2
        k = w
        k += x[0]
        w.data -= 0.1 * w.grad
    assert type(h) is type(fresh) is type(g) is type(k) is Value


def test_in_place_operators_are_the_operators() -> None:
    x, y = Value([3.0, 5.0]), Value([2.0, 0.5])
    for name in ("sub", "add", "mul", "truediv", "pow", "matmul", "mod", "floordiv"):
        for other in (y, y.data, 2.0, y.data.astype(np.float32)) if name != "matmul" else (y, y.data):
            out, expected = getattr(operator, "i" + name)(x, other), getattr(operator, name)(x, other)
            assert (type(out), out.dtype, out.tolist(), out.op) == (
                type(expected), expected.dtype, expected.tolist(), expected.op
            )  # fmt: skip
            assert out.args[0] is x
    flags = x > 4
    flags -= 1.0
    assert type(flags) is NonDiff


# -------------------------------------------------------------------------------------- what others call what is here

SPACES: dict[str, Any] = {
    "microgradnet": microgradnet, "nn": nn, "optim": optim, "functional": functional, "data": data, "np": np,
    "transforms": microgradnet.transforms, "v": Value(np.eye(3)), "v.op": np.tanh.__class__, "model": nn.Linear(2, 1),
    "linear": nn.Linear(2, 1),
    "optimizer": optim.SGD([Value(1.0)], lr=0.1),
}  # fmt: skip
# What is looked at for each home in the table.
HOMES: dict[str, Any] = {
    "Value": Value(np.eye(3)), "At": Value(1.0).at, "Linear": nn.Linear(2, 1), "Module": nn.ReLU(),
    "Optimizer": SPACES["optimizer"], "Drawing": mg.draw(Value(1.0) * 2.0), "Steps": mg.steps(Value(1.0) * 2.0),
}  # fmt: skip


def mentioned(sentence: str) -> list[str]:
    """The dotted names in a sentence that begin with a thing of ours or NumPy's: "np.linalg.inv"."""
    starts = "|".join(map(re.escape, [*SPACES, "scipy"]))
    return [name.rstrip(".") for name in re.findall(rf"\b(?<!\.)(?:{starts})(?:\.[A-Za-z]\w*)+", sentence)]


def exists(path: str) -> bool:
    first, *rest = path.split(".")
    if first == "scipy":
        if find_spec("scipy") is None:  # it is optional
            return True
        importlib.import_module(".".join([first, *rest[:-1]]))
    thing = SPACES[first] if first in SPACES else importlib.import_module(first)
    for i, name in enumerate(rest):
        if isinstance(thing, Value) and name in ("op", "name", "grad", "data"):
            return len(rest) == i + 1 or rest[i + 1 :] == ["rules"] or hasattr(np.zeros(2), rest[i + 1])
        if isinstance(thing, type(microgradnet)) and not hasattr(thing, name):
            importlib.import_module(f"{thing.__name__}.{name}")
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


@pytest.mark.parametrize("home", INSTEAD)
def test_a_name_of_others_is_answered_with_the_local_one(home: str) -> None:
    thing = HOMES[home] if home in HOMES else importlib.import_module(home)
    for name, instead in INSTEAD[home].items():
        assert not hasattr(thing, name)
        with pytest.raises(AttributeError, match=rf"has no '{name}': ") as caught:
            getattr(thing, name)
        said = str(caught.value)
        assert name.isidentifier()
        assert instead in said
        local = mentioned(instead)
        assert local, said
        for path in local:
            assert exists(path), f"{path} in: {said}"


def test_the_table_is_what_the_classes_have() -> None:
    for home, thing in HOMES.items():
        cls = type(thing)
        found = {
            name for base in cls.__mro__ for name, x in vars(base).items() if isinstance(x, Foreign) and not x.meant
        }
        assert found == {*INSTEAD[home], *(INSTEAD["Module"] if home == "Linear" else ())}
        assert not found & set(dir(thing))
    assert sum(map(len, INSTEAD.values())) > 500
    assert "v.reshape" in pydoc.render_doc(Value, renderer=pydoc.plaintext)


def test_what_is_somewhere_else_is_told() -> None:
    for thing, name, where in [
        (microgradnet, "Linear", "nn.Linear"), (microgradnet, "Adam", "optim.Adam"), (nn, "relu", "functional.relu"),
        (microgradnet, "softmax", "functional.softmax"), (microgradnet, "exp", "np.exp"), (functional, "exp", "np.exp"),
        (nn, "Adam", "optim.Adam"), (optim, "Linear", "nn.Linear"), (microgradnet, "one_hot", "functional.one_hot"),
        (functional, "grad", "microgradnet.grad"), (microgradnet, "Classifier", "estimators.Classifier"),
        (microgradnet, "xavier_uniform", "nn.init.xavier_uniform"),
    ]:  # fmt: skip
        with pytest.raises(AttributeError, match=rf"has no '{name}': it is .*{where}$"):
            getattr(thing, name)


def test_what_cannot_be_imported_is_told_too() -> None:
    for line, says in {
        "from microgradnet.nn import Linear, Neuron": r"microgradnet\.nn has no 'Neuron': nn\.Linear\(n, 1\)",
        "from microgradnet import tensor": r"microgradnet has no 'tensor': microgradnet\.Value\(array\)",
        "from microgradnet import Linear": r"it is nn\.Linear$",
        "from microgradnet.optim import Adagard": r"did you mean Adagrad\?$",
        "from microgradnet import zzz": "^cannot import name 'zzz'",
    }.items():
        with pytest.raises(ImportError, match=says):
            exec(line, {})
    exec("from microgradnet.nn import init, linear", {})  # modules are found as before
    assert not hasattr(nn, "Neuron")


def test_a_slip_of_the_fingers_is_told() -> None:
    v = Value(1.0)
    for name, meant in {"gard": "grad", "dtaa": "data", "smu": "sum", "itme": "item"}.items():
        with pytest.raises(AttributeError, match=rf"^Value has no '{name}': did you mean {meant}\?$"):
            getattr(v, name)
        with pytest.raises(AttributeError, match=rf"did you mean {meant}\?$"):
            setattr(v, name, 0.0)
    for thing, name, meant in [
        (microgradnet, "grda", "grad"),
        (nn, "Liner", "Linear"),
        (functional, "sofmax", "softmax"),
    ]:
        with pytest.raises(AttributeError, match=rf"has no '{name}': did you mean {meant}\?$"):
            getattr(thing, name)


def test_the_arguments_of_micrograds_value_are_answered() -> None:
    v = Value(3.0)
    for more in [((v,), "+"), ((v,),), ((), ""), ({v, v + 1}, "*", "label")]:
        with pytest.raises(TypeError, match=r"^Value\(data, name=None\) is not told .* v \+ w in place of"):
            Value(2.0, *more)
    with pytest.raises(TypeError, match=r"a Value's name is a string; got 3\.0\. For several numbers pass one list"):
        Value(2.0, 3.0)  # type: ignore[arg-type]


def valley(x: Any) -> Any:
    return (x - 1) ** 2


@pytest.mark.parametrize(
    "result", [valley(3.5), valley(Value(3.5)), valley(np.ones(2))], ids=["number", "Value", "array"]
)
@pytest.mark.parametrize(("call", "way"), [
    (mg.grad, "grad(f)(x), not grad(f(x))"), (mg.value_and_grad, "value_and_grad(f)(x), not"),
    (mg.jacobian, "jacobian(f)(x), not"), (mg.hessian, "hessian(f)(x), not"), (mg.checkpoint, "checkpoint(f)(x), not"),
    (lambda f: mg.vjp(f, 3.5), "vjp(f, x)"), (lambda f: mg.jvp(f, 3.5, 1.0), "jvp(f, x, dx)"),
    (lambda f: mg.hvp(f, 3.5, 1.0), "hvp(f, x, dx)"), (mg.compile, "compile(f)(x)"),
    (lambda f: mg.numerical_grad(f, 3.5), "numerical_grad(f, x)"),
    (lambda f: mg.check_grads(f, 3.5), "check_grads(f, x), not f(x)"),
])  # fmt: skip
def test_a_result_in_the_place_of_its_function_is_told(call: Any, way: str, result: Any) -> None:
    with pytest.raises(TypeError, match=rf"^\w+ wants a function.*; got .*{re.escape(way)}"):
        call(result)


def test_a_function_in_the_place_of_its_result_is_told() -> None:
    with pytest.raises(TypeError, match=r"steps\(f\(x\)\) plays what it returns"):
        mg.steps(valley)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"draw\(f\(x\)\) draws what a function computes"):
        mg.draw(valley)
    with pytest.raises(TypeError, match=r"grad\(argnums=3.5\).*The arguments come after: grad\(f\)\(x\)"):
        mg.grad(valley, 3.5)  # type: ignore[call-overload]


def test_assigning_to_a_name_of_others_is_answered_too() -> None:
    v = Value(1.0)
    for name, says in {"label": "v.name", "requires_grad": "model.freeze", "_prev": "v.args"}.items():
        with pytest.raises(AttributeError, match=re.escape(says)):
            setattr(v, name, "a")
    model = nn.Linear(2, 1)
    model.evaluate = model.score = 3  # what a Module of the user's calls its parts is the user's
    assert model.evaluate == model.score == 3
    model.fit = nn.Linear(2, 3, seed=0)  # and a part of it like any other
    assert "fit.weight" in dict(model.named_parameters())
    assert "evaluate" in dir(model)
    del model.evaluate
    with pytest.raises(AttributeError, match=r"microgradnet\.evaluate"):
        model.evaluate  # noqa: B018
    with pytest.raises(AttributeError, match=r"v\.name"):
        del v.label

    class Mine(nn.Module):
        def fit(self) -> str:
            return "mine"

    assert Mine().fit() == "mine"
    copied = copy.deepcopy(model)
    assert copied.fit is not model.fit
    assert copied.score == 3


ARGUMENTS: dict[str, tuple[Callable[[], Any], str]] = {
    "Value(label=)": (lambda: Value(1.0, label="a"), "name="),
    "Value(requires_grad=)": (lambda: Value(1.0, requires_grad=True), "every Value is differentiated"),
    "Value(_children=)": (lambda: Value(1.0, _children=()), "v.args"),
    "Value(dtype=)": (lambda: Value(1.0, dtype=np.float32), "np.array(x, dtype)"),
    "sum(dim=)": (lambda: Value([1.0]).sum(dim=0), "axis="),
    "sum(keepdim=)": (lambda: Value([1.0]).sum(0, keepdim=1), "keepdims="),
    "mean(dim=)": (lambda: Value([1.0]).mean(dim=0), "axis="), "max(dim=)": (lambda: Value([1.0]).max(dim=0), "axis="),
    "min(dim=)": (lambda: Value([1.0]).min(dim=0), "axis="), "var(dim=)": (lambda: Value([1.0]).var(dim=0), "axis="),
    "std(unbiased=)": (lambda: Value([1.0]).std(unbiased=False), "ddof="),
    "prod(dim=)": (lambda: Value([1.0]).prod(dim=0), "axis="),
    "cumsum(dim=)": (lambda: Value([1.0]).cumsum(dim=0), "axis="),
    "argmax(dim=)": (lambda: Value([1.0]).argmax(dim=0), "axis="),
    "argmin(keepdim=)": (lambda: Value([1.0]).argmin(0, keepdim=True), "keepdims="),
    "squeeze(dim=)": (lambda: Value([1.0]).squeeze(dim=0), "axis="),
    "any(dim=)": (lambda: Value([1.0]).any(dim=0), "axis="),
    "all(dim=)": (lambda: Value([1.0]).all(dim=0), "axis="),
    "argsort(dim=)": (lambda: Value([1.0]).argsort(dim=0), "axis="),
    "backward(retain_graph=)": (lambda: Value(1.0).backward(retain_graph=True), "the graph stays"),
    "softmax(dim=)": (lambda: functional.softmax(np.ones(3), dim=0), "axis="),
    "log_softmax(dim=)": (lambda: functional.log_softmax(Value([1.0]), dim=0), "axis="),
    "logsumexp(keepdim=)": (lambda: functional.logsumexp(Value([1.0]), 0, keepdim=True), "keepdims="),
    "functional.mean(dim=)": (lambda: functional.mean(Value([1.0]), dim=0), "axis="),
    "relu(inplace=)": (lambda: functional.relu(Value([1.0]), inplace=True), "in place"),
    "relu(inplace=) of an array": (lambda: functional.relu(np.ones(2), inplace=True), "in place"),
    "dropout(inplace=)": (lambda: functional.dropout(np.ones(2), inplace=True), "in place"),
    "dropout(rng=)": (lambda: functional.dropout(np.ones(2), 0.5, rng=0), "seed="),
    "nn.ReLU(inplace=)": (lambda: nn.ReLU(inplace=True), "in place"),
    "nn.Softmax(dim=)": (lambda: nn.Softmax(dim=1), "axis="),
    "nn.Linear(use_bias=)": (lambda: nn.Linear(2, 3, use_bias=False), "bias="),
    "nn.Linear(device=)": (lambda: nn.Linear(2, 3, device="cpu"), "one device"),
    "nn.Linear(units=)": (lambda: nn.Linear(2, units=3), "out_features="),
    "nn.Dropout(rate=)": (lambda: nn.Dropout(rate=0.1), "p="),
    "nn.MLP(nin=)": (lambda: nn.MLP(nin=2, nouts=[2]), "in_features="),
    "nn.Conv2d(filters=)": (lambda: nn.Conv2d(1, filters=2), "out_channels="),
    "nn.LSTM(input_dim=)": (lambda: nn.LSTM(input_dim=2, hidden_size=3), "input_size="),
    "nn.LayerNorm(epsilon=)": (lambda: nn.LayerNorm(3, epsilon=1e-6), "eps="),
    "nn.CrossEntropyLoss(size_average=)": (lambda: nn.CrossEntropyLoss(size_average=True), "reduction="),
    "optim.SGD(learning_rate=)": (lambda: optim.SGD([Value(1.0)], learning_rate=0.1), "lr="),
    "optim.Adam(beta_1=)": (lambda: optim.Adam([Value(1.0)], beta_1=0.9), "betas="),
    "optim.Adam(epsilon=)": (lambda: optim.Adam([Value(1.0)], epsilon=0.9), "eps="),
    "optim.Adam(foreach=)": (lambda: optim.Adam([Value(1.0)], foreach=True), "Leave it out"),
    "optim.StepLR(decay_rate=)": (lambda: optim.StepLR(SPACES["optimizer"], 1, decay_rate=0.1), "gamma="),
    "grad(argnum=)": (lambda: microgradnet.grad(np.sin, argnum=0), "argnums="),
    "value_and_grad(wrt=)": (lambda: microgradnet.value_and_grad(np.sin, wrt=0), "argnums="),
    "jacobian(argnum=)": (lambda: microgradnet.jacobian(np.sin, argnum=0), "argnums="),
    "hessian(argnum=)": (lambda: microgradnet.hessian(np.sin, argnum=0), "argnums="),
    "one_hot(num_classes=)": (lambda: data.one_hot(np.array([1]), num_classes=3), "classes="),
    "batches(batch_size=)": (lambda: data.batches(np.ones(3), np.ones(3), batch_size=3), "size="),
    "split(test_size=)": (lambda: data.split(np.ones(3), test_size=0.2), "held_out="),
    "fit(validation_data=)": (lambda: microgradnet.fit(None, None, None, validation_data=None), "validation="),
    "fit(callback=)": (lambda: microgradnet.fit(None, None, None, callback=[]), "callbacks="),
    "fit(verbose=)": (lambda: microgradnet.fit(None, None, None, verbose=0), "progress="),
    "compile(native=)": (lambda: microgradnet.compile(np.sin, native=True), 'backend="native"'),
    "clip_grad_norm_(max_value=)": (lambda: optim.clip_grad_norm_([Value(1.0)], max_value=1.0), "max_norm="),
}  # fmt: skip


# And what is misspelt.
ARGUMENTS |= {
    "softmax(axs=)": (lambda: functional.softmax(Value([1.0]), axs=0), ": did you mean axis=?"),
    "Value.sum(keepdim_=)": (lambda: Value([1.0]).sum(keepdim_=True), ": did you mean keepdims=?"),
    "Value.backward(relase=)": (lambda: Value(1.0).backward(relase=True), ": did you mean release=?"),
    "Value(nam=)": (lambda: Value(1.0, nam="x"), ": did you mean name=?"),
    "MLP(activaton=)": (lambda: nn.MLP(2, [1], activaton=np.tanh), ": did you mean activation=?"),
    "LeakyReLU(slope=)": (lambda: nn.LeakyReLU(negative_slop=0.1), ": did you mean negative_slope=?"),
    "SGD(momentm=)": (lambda: optim.SGD([Value(1.0)], 0.1, momentm=0.9), ": did you mean momentum=?"),
    "fit(epoch=)": (lambda: microgradnet.fit(None, None, None, epoch=3), ": did you mean epochs=?"),
    "moons(noize=)": (lambda: data.moons(10, noize=0.1), ": did you mean noise=?"),
    "compile(backnd=)": (lambda: microgradnet.compile(np.sin, backnd="numpy"), ": did you mean backend=?"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_of_others_is_answered_with_the_local_one(name: str) -> None:
    call, says = ARGUMENTS[name]
    with pytest.raises(TypeError, match=r"has no option|got an unexpected keyword argument") as caught:
        call()
    assert says in str(caught.value)
    assert "locals" not in str(caught.value)


def test_the_local_arguments_exist() -> None:
    rooms = (microgradnet, nn, optim, functional, data, nn.init)
    things = [getattr(room, name) for room in rooms for name in room.__all__] + [
        Value,
        *vars(ArrayLike).values(),
        Value.backward,
    ]
    taken = {"dim"}
    for thing in things:
        with contextlib.suppress(TypeError, ValueError):
            taken |= set(inspect.signature(thing).parameters)
    taken |= {"axis", "keepdims"}
    local = {ours for names in KEYWORDS.values() for ours in names.split()}
    assert local <= taken, local - taken


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.Linear(2), "Linear() lacks out_features: it is called as Linear(in_features, out_features, …)"),
        (lambda: nn.MLP([784, 30, 10]), "MLP() lacks out_features: it is called as MLP(in_features, out_features, …)"),
        (lambda: nn.Conv2d(), "Conv2d() lacks in_channels and out_channels and kernel_size: it is called as Conv2d("),
        (lambda: nn.Conv2d(1, out_channels=8), "Conv2d() lacks kernel_size: "),
        (lambda: microgradnet.fit(nn.Linear(1, 1)), "fit() lacks x: "),
    ],
)
def test_an_argument_that_is_not_there_is_told_with_how_it_is_called(call: Any, says: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value).startswith(says)


def test_a_list_that_is_computed_with_as_an_array_gets_a_note() -> None:
    def square(x: Any) -> Any:
        return (x**2).sum()

    for name in ("grad", "value_and_grad", "jacobian"):
        with pytest.raises(TypeError) as caught:
            getattr(microgradnet, name)(square)([1.0, 2.0])
        assert caught.value.__notes__ == [
            f"{name}: argument 0 is a list, so f is handed a list of Values. np.array(…) around it is one array"
        ]
    with pytest.raises(TypeError) as caught:
        microgradnet.vjp(lambda x, y: x**2 + y**2, 2.0, [1.0])
    assert caught.value.__notes__[0].startswith("vjp: argument 1 is a list")
    with pytest.raises(TypeError) as caught:
        microgradnet.grad(lambda x, y: x + y**2)(2.0, [1.0])  # which is not differentiated by
    assert not hasattr(caught.value, "__notes__")
    assert microgradnet.grad(lambda x: x[0] * x[1])([2.0, 3.0]) == [3.0, 2.0]


def test_a_function_without_a_return_is_told_so() -> None:
    with pytest.raises(TypeError, match="grad: f returned None: its last line is to be `return`"):
        microgradnet.grad(lambda x: None)(1.0)


def test_one_number_in_an_array_is_told_how_to_be_had() -> None:
    with pytest.raises(TypeError, match=r"float\(\) wants one number; this Value has shape \(1,\)\. v\.item\(\) is"):
        float(Value([1.0]))
    with pytest.raises(TypeError, match=r"this Value has shape \(2,\)\. Its numbers are in \.data"):
        float(Value([1.0, 2.0]))


def test_micrograds_first_line_works_with_our_name() -> None:
    from microgradnet.engine import Value as ours

    assert ours is Value


def test_other_errors_of_a_call_stay_as_they_are() -> None:
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'colour'$"):
        nn.Linear(2, 3, colour=1)
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'eps'$"):  # which epochs is not
        microgradnet.fit(None, None, None, eps=1e-3)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x'"):
        nn.Linear(2, 3)()
    with pytest.raises(TypeError, match=r"linear\(x, weight, bias\) got 2 arguments by position: bias is missing"):
        functional.linear(Value([[1.0]]), Value([[1.0]]))

    def f(x: Any) -> Any:
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        microgradnet.grad(f)(1.0)


# ----------------------------------------------------------------------------------------------------- walls of text


def test_the_model_before_the_path_is_told(tmp_path: Path) -> None:
    model, path = nn.Linear(2, 1, seed=0), tmp_path / "net.npz"
    for call in (microgradnet.save, microgradnet.load):
        with pytest.raises(
            TypeError, match=r"the path of the file comes first, save\(path, model\).*got Linear\(2 → 1\)"
        ):
            call(model, path)
        with pytest.raises(TypeError, match=r"the path of the file comes first.*save\(path, weights=arrays\)"):
            call(model.state_dict(), path)
        with pytest.raises(TypeError, match=r"the path of the file comes first"):
            call(model)
    assert not path.exists()


def test_loading_into_another_net_names_the_shapes_first() -> None:
    small, deep = nn.MLP(3, [4, 2]), nn.MLP(3, [5, 5, 2])
    with pytest.raises(ValueError, match=r"nothing was loaded: layers\.0\.weight has shape \(5, 3\), here \(4, 3\); "):
        small.load_state_dict(deep.state_dict())
    with pytest.raises(ValueError, match=r"nothing was loaded: layers\.0\.weight has shape \(4, 3\), here \(5, 3\); "):
        deep.load_state_dict(small.state_dict())


@pytest.mark.parametrize(("call", "says"), [
    (lambda: V(2, 3) @ V(2, 3), r"^matmul got shapes \(2, 3\) and \(2, 3\): the inner lengths must be equal"),
    (lambda: np.ones((2, 3)) @ V(2, 3), r"^matmul got shapes \(2, 3\) and \(2, 3\)"),
    (lambda: np.matmul(V(2, 3), np.ones((2, 3))), r"^matmul got shapes \(2, 3\) and \(2, 3\)"),
    (lambda: np.dot(V(2, 3), V(2)), r"^matmul got shapes \(2, 3\) and \(2,\)"),
    (lambda: V(3) + V(2), r"^add got shapes \(3,\) and \(2,\): counted from the end"),
    (lambda: np.where(V(3) > 1, V(2), 0.0), r"^where got shapes \(3,\), \(2,\) and \(\): counted from the end"),
    (lambda: np.arctan2(V(2, 2), V(3)), r"^arctan2 got shapes \(2, 2\) and \(3,\)"),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_the_first_that_is_said(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=rf"{says}.*NumPy says: ") as caught:
        call()
    assert not getattr(caught.value, "__notes__", [])


def test_other_errors_of_two_inputs_are_left_alone() -> None:
    with pytest.raises(ValueError, match=r"^mine$"):
        microgradnet.primitive(None, None)(raises)(V(2), V(2))


def raises(x: Any, y: Any) -> Any:
    raise ValueError("mine")


@pytest.mark.parametrize("dtype", [float, np.float32, np.float16, int, np.uint8, np.longdouble, complex])
@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_a_value_put_into_an_array_is_refused_in_our_words(shape: tuple[int, ...], dtype: Any) -> None:
    v, out = V(*shape), np.zeros(3, dtype)
    with pytest.raises((TypeError, ValueError)) as caught:
        out[0] = v
    said = caught.value.__cause__ or caught.value  # NumPy puts an error of its own after ours
    assert f"the gradient of the Value 'v' of shape {shape}" in str(said)
    assert "a plain array cannot hold a Value, which NumPy calls a sequence. np.stack" in str(said)
    assert not out.any()


@pytest.mark.parametrize(("call", "says"), [
    (lambda m, s: s.linalg.inv(m), "np.linalg.inv is recorded"), (lambda m, s: s.linalg.svd(m), "np.linalg.svd is"),
    (lambda m, s: s.linalg.cholesky(m), "np.linalg.cholesky"), (lambda m, s: s.linalg.expm(m), "np.linalg.eigh"),
    (lambda m, s: s.linalg.solve_triangular(m, m), "np.linalg.solve"),
    (lambda m, s: s.linalg.norm(m), "np.linalg.norm"),
    (lambda m, s: s.fft.fft(m), "np.fft.fft(np.eye(n), axis=0)"),
    (lambda m, s: s.fft.dct(m), "scipy.fft.dct(np.eye(n)"),
    (lambda m, s: s.special.softmax(m), "functional.softmax"),
    (lambda m, s: s.special.factorial(m), "scipy.special.gamma"),
    (lambda m, s: s.special.polygamma(1, m), "microgradnet.ops.special.polygamma"),
    (lambda m, s: s.signal.convolve(m, m), "np.convolve"), (lambda m, s: s.stats.norm.cdf(m), "scipy.special.ndtr"),
    (lambda m, s: s.integrate.trapezoid(m), "np.trapezoid"),
    (lambda m, s: np.asarray(m), "np.stack([v, w]) joins Values"),
    (lambda m, s: np.full(3, m), "np.stack([v, w]) joins"),
])  # fmt: skip
def test_what_scipy_takes_as_a_plain_array_is_told_by_name(call: Callable[[Any, Any], Any], says: str) -> None:
    scipy = pytest.importorskip("scipy", reason="SciPy is optional")
    for part in ("linalg", "fft", "special", "signal", "stats", "integrate"):
        importlib.import_module(f"scipy.{part}")
    with pytest.raises((TypeError, AttributeError)) as caught:
        call(V(3, 3), scipy)
    if "Value has no 'flags': v.data.flags" not in str(caught.value):  # which SciPy 1.13 looks at before all else
        assert "does not become a plain array by itself" in str(caught.value)
        assert says in str(caught.value)


def test_a_transform_is_a_matrix() -> None:
    x, n = np.arange(4.0), 4
    matrix, v = np.fft.fft(np.eye(n), axis=0), Value(x)
    with pytest.raises(TypeError, match=r"np.fft.fft of a Value: its results are complex numbers.*F.real @ v"):
        np.fft.fft(v)
    np.testing.assert_allclose((matrix.real @ v).data + 1j * (matrix.imag @ v).data, np.fft.fft(x), atol=1e-12)


@pytest.mark.parametrize("part", LIBRARIES)
def test_what_the_sentences_about_other_libraries_name_exists(part: str) -> None:
    for sentence in LIBRARIES[part].values():
        names = [name for name in mentioned(sentence) if not name.startswith("scipy.fft.{")]
        assert names or "to_numpy" in sentence or part in ("torch", "jax", "pandas"), sentence
        for name in names:
            assert exists(name), name


def takes_out(function: Any) -> bool:
    """Whether NumPy's function has an `out`, as far as it says what it has. It says so of no ufunc."""
    try:
        return not isinstance(function, np.ufunc) and "out" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


WRITING = {function.__name__: function for function in (*FORMULAS, *[row.key for row in ROWS]) if takes_out(function)}


@pytest.mark.parametrize("name", WRITING)
def test_an_array_to_write_into_is_refused_wherever_numpy_takes_it(name: str) -> None:
    parameters = inspect.signature(WRITING[name]).parameters.values()
    place = [p.name for p in parameters].index("out")
    needed = sum(p.default is p.empty and p.kind < p.VAR_POSITIONAL for p in parameters)
    v = Value(np.ones((3, 3)))
    first = {"choose": [np.zeros(3, int), [v, v, v]], "multi_dot": [[v, v]]}.get(name, [v])
    calls = [([*first, *[None] * (needed - len(first))], {"out": np.zeros((3, 3))})]
    if all(p.kind < p.VAR_POSITIONAL for p in parameters if p.name == "out"):
        calls.append(([*first, *[None] * (place - len(first)), np.zeros((3, 3))], {}))
    for args, named in calls:
        with pytest.raises(TypeError, match="would write a recorded result into an array"):
            WRITING[name](*args, **named)
