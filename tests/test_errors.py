"""Bad input at every public door: what was seen, what was wanted, the next step.

A new door is one row in `DOORS`. What NumPy refuses for arrays, in words that serve, is a row in `AS_NUMPY`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, data, nn, optim
from microgradnet.core import NonDiff


def V(*shape: int) -> Value:
    return Value(np.arange(1.0, 1 + math.prod(shape)).reshape(shape), name="v")


def written_after_use(step: Callable[[Value], None]) -> None:
    x = V(3)
    y = (x * x).sum()
    step(x)
    y.backward()


def swept_twice(release: bool = True) -> None:
    y = (V(3) * 2).sum()
    y.backward(release=release)
    y.backward()


def assign(x: Any, name: str, new: Any) -> None:
    setattr(x, name, new)


def subclass() -> None:
    class Mine(Value):
        pass


def put(x: Any, index: Any, new: Any) -> None:
    x[index] = new


def accumulate(array: np.ndarray, v: Value) -> None:
    array += v


class Forgotten(nn.Module):
    pass


HOLDS, REAL_DATA = "a Value holds floating-point numbers", "give a number, a list of numbers, or a floating-point array"
CONSTANTS = "pass the plain ndarray (plain arrays are constants), or cast it: array.astype(float)"
BESIDE = "wanted a number, a real array or a Value"
LOST, STACK = "does not become a plain array by itself, its gradient would be lost", "np.stack([v, w])"
LABELS = "give integer labels of shape (2,), or floating-point probabilities of shape (2, 3)"
STOP = "or use .data if the gradient may stop here"


class Door(NamedTuple):
    call: Callable[[], Any]
    error: type[Exception]
    seen: str
    wanted: str
    step: str


DOORS: dict[str, Door] = {
    # ------------------------------------------------------------------------------------------- making a Value
    "an integer array": Door(lambda: Value(np.arange(3)), TypeError, "dtype int64", HOLDS, CONSTANTS),
    "a boolean array": Door(lambda: Value(np.array([True])), TypeError, "dtype bool", HOLDS, CONSTANTS),
    "a complex number": Door(lambda: Value(1j), TypeError, "complex128 from 1j", HOLDS, "use .real and .imag"),
    "a complex array": Door(lambda: Value(np.ones(2, complex)), TypeError, "complex128", HOLDS, "use .real and .imag"),
    "a string": Door(lambda: Value("one"), TypeError, "'one'", HOLDS, REAL_DATA),
    "a list of strings": Door(lambda: Value(["1.5"]), TypeError, "['1.5']", HOLDS, REAL_DATA),
    "None": Door(lambda: Value(None), TypeError, "from None", HOLDS, REAL_DATA),
    "a list with None": Door(lambda: Value([1.0, None]), TypeError, "[1.0, None]", HOLDS, REAL_DATA),
    "any object": Door(lambda: Value(object()), TypeError, "<object object", HOLDS, REAL_DATA),
    "a dict": Door(lambda: Value({"a": 1.0}), TypeError, "{'a': 1.0}", HOLDS, REAL_DATA),
    "a set": Door(lambda: Value({1.0}), TypeError, "{1.0}", HOLDS, REAL_DATA),
    "a generator": Door(lambda: Value(x for x in [1.0]), TypeError, "<generator", HOLDS, REAL_DATA),
    "dates": Door(lambda: Value(np.array(["2020-01-01"], "M8[D]")), TypeError, "datetime64[D]", HOLDS, REAL_DATA),
    "a Value": Door(lambda: Value(V(2)), TypeError, "this is a Value already", "use it as it is", ".detach()"),
    "a list of Values": Door(lambda: Value([V(2), V(2)]), TypeError, "of shape (2,)", LOST, STACK),
    "a masked array": Door(
        lambda: Value(np.ma.masked_array([1.0], [True])), TypeError, "a masked array", "mask would be lost",
        ".filled(0.0)"
    ),
    "numbers one by one": Door(
        lambda: Value(1.0, 2.0), TypeError, "got 2.0", "a Value's name is a string", "pass one list: Value([…])"
    ),
    "a subclass": Door(subclass, TypeError, "to be subclassed", "Value is not made", "hold one in an nn.Module"),
    "rows of unequal length": Door(
        lambda: Value([[1.0], [2.0, 3.0]]), ValueError, "[[1.0], [2.0, 3.0]]", "no array of numbers", "a list of Values"
    ),
    "too large an int": Door(lambda: Value(10**400), ValueError, "1000", "no array of numbers", "a list of Values"),
    "item of many": Door(lambda: V(3).item(), ValueError, "shape (3,)", "item() wants one number", "v.tolist()"),
    # ------------------------------------------------------------------------------------- assigning data and grad
    "grad of another shape": Door(
        lambda: assign(V(3), "grad", np.zeros(2)), ValueError, "got (2,)", "has its shape and dtype", "v.grad = None"
    ),
    "grad of text": Door(
        lambda: assign(V(3), "grad", "abc"), TypeError, "got 'abc'", "made of real numbers", "v.grad = None"
    ),
    "grad of complex numbers": Door(
        lambda: assign(V(3), "grad", np.zeros(3, complex)), TypeError, "0.+0.j", "made of real numbers", "v.grad = None"
    ),
    "data of another shape": Door(
        lambda: assign(V(3), "data", np.zeros(2)), ValueError, "data of shape (2,)", "shape (3,)", "Value(data)"
    ),
    "data of one number": Door(
        lambda: assign(V(3), "data", 1.0), ValueError, "data of shape ()", "a Value keeps its shape", "Value(data)"
    ),
    "data of integers": Door(lambda: assign(V(3), "data", np.zeros(3, int)), TypeError, "int64", HOLDS, CONSTANTS),
    "data of text": Door(lambda: assign(V(3), "data", "abc"), TypeError, "'abc'", HOLDS, REAL_DATA),
    "data None": Door(lambda: assign(V(3), "data", None), TypeError, "from None", HOLDS, REAL_DATA),
    "data a Value": Door(
        lambda: assign(V(3), "data", V(3)), TypeError, "another Value", "data is an array", "v.data = other.data"
    ),
    "data of a result": Door(
        lambda: assign(V(3) * 2, "data", np.zeros(3)), RuntimeError, "the result of multiply",
        "makes its history wrong", "Value(numbers)",
    ),
    # ---------------------------------------------------------------------------------------------------- backward
    "backward from many": Door(
        lambda: V(3, 2).backward(), ValueError, "shape (3, 2)", "starts from one number", "v.sum().backward()"
    ),
    "backward from none": Door(
        lambda: V(0).backward(), ValueError, "shape (0,)", "starts from one number", "v.backward(gradient)"
    ),
    "a seed of another shape": Door(
        lambda: V(3).backward(np.ones(2)), ValueError, "has shape (2,)", "the Value has shape (3,)",
        "one number for each"
    ),
    "a seed that would broadcast": Door(
        lambda: V(3).backward(1.0), ValueError, "has shape ()", "the Value has shape (3,)", "one number for each"
    ),
    "a seed True": Door(
        lambda: V(3).backward(True), ValueError, "has shape ()", "the Value has shape (3,)", "one number for each"
    ),
    "a seed of text": Door(lambda: V(1).backward(["a"]), TypeError, "['a']", HOLDS, REAL_DATA),
    "a complex seed": Door(lambda: V(2).backward(np.ones(2, complex)), TypeError, "complex128", HOLDS, "use .real"),
    "a seed of integers": Door(
        lambda: V(2).backward(np.ones(2, int)), TypeError, "int64", HOLDS, "array.astype(float)"
    ),
    "released": Door(
        swept_twice, RuntimeError, "cannot pass the Value of shape ()", "released by an earlier backward(release=True)",
        "Run the forward computation again",
    ),
    "written": Door(
        lambda: written_after_use(lambda x: assign(x, "data", np.zeros(3))), RuntimeError,
        "the Value 'v' of shape (3,) (float64), an input of multiply", "no longer its own",
        "Run the forward computation again",
    ),
    "written in place": Door(
        lambda: written_after_use(lambda x: assign(x, "data", x.data - 1.0)), RuntimeError, "'v'", "after it was used",
        "Run the forward computation again",
    ),
    "a copied result": Door(
        lambda: copy.deepcopy(V(3) * 2).sum().backward(), RuntimeError, "it is a copy", "a history is not copied",
        "Copy before computing",
    ),
    "backward from a comparison": Door(
        lambda: (V(3) > 1).backward(), TypeError, "(bool) is the result of greater", "nothing flows back from it",
        "Start from",
    ),
    # -------------------------------------------------------------------------------- indexing, writing, conversions
    "v.at without an index": Door(lambda: V(3).at.set(1.0), TypeError, "v.at", "wants an index", "v.at[i].set(x)"),
    "a float index": Door(lambda: V(3)[1.0], IndexError, "float64 from 1.0", "an index holds", "integers or booleans"),
    "a list of floats": Door(lambda: V(3)[[0.5]], IndexError, "from [0.5]", "an index holds", "integers or booleans"),
    "a Value as index": Door(
        lambda: V(3)[Value(1.0)], IndexError, "a Value of floating-point numbers", "an index is made of",
        "integers or booleans",
    ),
    "a text index": Door(lambda: V(3)["a"], IndexError, "from 'a'", "an index holds", "integers or booleans"),
    "an object index": Door(lambda: V(3)[object()], IndexError, "<object", "an index holds", "integers or booleans"),
    "v[i] = x": Door(
        lambda: put(V(3), 1, 2.0), TypeError, "cannot be written in part", "its history would be wrong",
        "v = v.at[1].set(x)",
    ),
    "v[:2, i] = x": Door(
        lambda: put(V(3, 3), (slice(None, 2), 1), 2.0), TypeError, "cannot be written in part",
        "its history would be wrong", "v = v.at[:2, 1].set(x)",
    ),
    "array += v": Door(
        lambda: accumulate(np.zeros(3), V(3)), TypeError, "np.add(out=…)", "write a recorded result into an array",
        "x = x + v"
    ),
    "array[i] = v": Door(
        lambda: put(np.zeros(3), 0, Value(2.0)), ValueError, "the Value of shape ()",
        "a plain array cannot hold a Value",
        "np.stack",
    ),
    "math.sin(v)": Door(
        lambda: math.sin(Value(1.0)), TypeError, "the Value of shape ()", "math.sin takes plain numbers",
        "np.sin is recorded"
    ),
    "np.asarray(v)": Door(
        lambda: np.asarray(V(3)), TypeError, "the Value 'v' of shape (3,)", LOST, "v.data are the numbers"
    ),
    "np.array([v, w])": Door(lambda: np.array([V(3), V(3)]), TypeError, "shape (3,)", LOST, STACK),
    "np.array of scalars": Door(lambda: np.array([Value(1.0), Value(2.0)]), TypeError, "shape ()", LOST, STACK),
    "np.float64(v)": Door(lambda: np.float64(V(3)), TypeError, "shape (3,)", LOST, STACK),
    "float(v)": Door(lambda: float(V(3)), TypeError, "shape (3,)", "float() wants one number", ".data"),
    "int(v)": Door(lambda: int(V(3)), TypeError, "shape (3,)", "int() wants one number", ".data"),
    "if v": Door(lambda: bool(V(3)), ValueError, "shape (3,)", "neither true nor false", "np.where(condition, x, y)"),
    "a < v < b": Door(lambda: 0 < V(3) < 1, ValueError, "shape (3,)", "neither true nor false", ".any() or .all()"),
    "astype(int)": Door(
        lambda: V(3).astype(int), TypeError, "astype(int64)", "only floating-point numbers have a gradient",
        "v.data.astype(…)"
    ),
    # ------------------------------------------------------------------------------------- what stands beside a Value
    "v + None": Door(lambda: V(3) + None, TypeError, "None beside a Value", BESIDE, "a number"),
    "v + text": Door(lambda: V(3) + "a", TypeError, "'a' beside a Value", BESIDE, "a number"),
    "v × complex": Door(lambda: V(3) * 1j, TypeError, "1j beside a Value", BESIDE, "a real array"),
    "v + an object": Door(lambda: V(3) + object(), TypeError, "<object", BESIDE, "a number"),
    "v < None": Door(lambda: V(3) < None, TypeError, "None beside a Value", BESIDE, "a number"),
    "v × [w, 1]": Door(lambda: V(2) * [Value(1.0), 1.0], TypeError, "shape ()", LOST, STACK),
    "v + a masked array": Door(
        lambda: V(1) + np.ma.masked_array([1.0], [True]), TypeError, "a masked array", "mask would be lost",
        ".filled(0.0)"
    ),
    "v + rows of unequal length": Door(
        lambda: V(3) * [[1], [1, 2]], ValueError, "[[1], [1, 2]]", "no array of numbers", "a list of Values"
    ),
    "shapes that do not fit": Door(
        lambda: V(3) + V(2), ValueError, "got shapes (3,) and (2,)", "equal or 1", "v[:, None] adds an axis"
    ),
    "matrices that do not fit": Door(
        lambda: V(2, 3) @ V(2, 3), ValueError, "got shapes (2, 3) and (2, 3)", "(n, k) @ (k, m)", "v.T transposes"
    ),
    # ------------------------------------------------------------------------------- options and functions of NumPy's
    "out= of a ufunc": Door(
        lambda: np.add(V(3), 1.0, out=np.zeros(3)), TypeError, "np.add(out=…)", "into an array", "x = x + v"
    ),
    "where= of a ufunc": Door(
        lambda: np.add(V(2), 1.0, where=np.array([True, False])), TypeError, "np.add(where=…)", "unwritten",
        "np.where(mask, result, other)",
    ),
    "dtype= of a ufunc": Door(
        lambda: np.add(V(2), 1.0, dtype=np.float32), TypeError, "np.add(dtype=…)", "cast what goes in",
        "x.astype(dtype)"
    ),
    "out= of a reduction": Door(
        lambda: np.sum(V(3), out=np.zeros(())), TypeError, "np.sum(out=…)", "into an array", "Leave out= away"
    ),
    "np.add.at": Door(
        lambda: np.add.at(np.zeros(3), [0], Value(1.0)), TypeError, "np.add.at", "it writes into an array",
        "v = v.at[index].add(x)",
    ),
    "np.add.reduceat": Door(
        lambda: np.add.reduceat(V(3), [0, 1]), TypeError, "np.add.reduceat", "not recorded", "np.split and np.sum"
    ),
    "np.linalg.eig": Door(
        lambda: np.linalg.eig(V(2, 2)), TypeError, "np.linalg.eig", "complex numbers", "np.linalg.eigh"
    ),
    "np.fft.fft": Door(
        lambda: np.fft.fft(V(4)), TypeError, "np.fft.fft", "its results are complex numbers", "F.real @ v and F.imag @"
    ),
    "np.copyto": Door(
        lambda: np.copyto(np.zeros(3), V(3)), TypeError, "np.copyto", "it writes into an array",
        "v = v.at[index].set(x)"
    ),
    "np.gcd": Door(lambda: np.gcd(V(3), V(3)), TypeError, "np.gcd", "it is of integers", "v.data.astype(int)"),
    "np.vectorize": Door(lambda: np.vectorize(abs)(V(3)), TypeError, "shape (3,)", LOST, STACK),
    # ---------------------------------------------------------------------------------------------------- functional
    "relu(None)": Door(lambda: F.relu(None), TypeError, "got None", "wanted a number, an array or a Value", "default"),
    "cross_entropy without labels": Door(
        lambda: F.cross_entropy(V(2, 3), None), TypeError, "got None", "wanted a number, an array or a Value", "default"
    ),
    "cross_entropy, labels of another length": Door(
        lambda: F.cross_entropy(V(2, 3), np.array([0, 1, 2])), ValueError, "target of shape (3,) (int64)",
        "for logits of shape (2, 3)", LABELS,
    ),
    "cross_entropy, labels of floats": Door(
        lambda: F.cross_entropy(V(2, 3), np.array([0.0, 1.0])), ValueError, "(float64)",
        "for logits of shape (2, 3)", LABELS
    ),
    "cross_entropy, labels of text": Door(
        lambda: F.cross_entropy(V(2, 3), ["a", "b"]), ValueError, "<U1", "for logits of shape (2, 3)", LABELS
    ),
    "cross_entropy, a label past the end": Door(
        lambda: F.cross_entropy(V(2, 3), np.array([0, 3])), ValueError, "labels from 0 to 3", "the classes are",
        "0 to 2"
    ),
    "cross_entropy, a negative label": Door(
        lambda: F.cross_entropy(V(2, 3), np.array([0, -1])), ValueError, "labels from -1 to 0", "the classes are",
        "0 to 2"
    ),
    "cross_entropy of nothing": Door(
        lambda: F.cross_entropy(Value(np.zeros((0, 3))), np.zeros(0, int)), ValueError, "losses of shape (0,)",
        "there is no example", "to take the cost of",
    ),
    "cross_entropy of a number": Door(
        lambda: F.cross_entropy(Value(1.0), 0), ValueError, "logits of shape ()", "no class", "to take the cost of"
    ),
    "quadratic_cost that would broadcast": Door(
        lambda: F.quadratic_cost(V(5, 1), np.ones(5)), ValueError, "outputs of shape (5, 1), targets of shape (5,)",
        "they must be equal", "data.one_hot(labels) makes targets of labels; targets.reshape(outputs.shape)",
    ),
    "quadratic_cost of nothing": Door(
        lambda: F.quadratic_cost(Value(np.zeros((0, 2))), np.zeros((0, 2))), ValueError, "shape (0, 2)",
        "there is no example", "to take the cost of",
    ),
    "clip without a bound": Door(
        lambda: F.clip(V(3)), TypeError, "clip", "wants a lower bound", "an upper bound, or both"
    ),
    # ------------------------------------------------------------------------------------------------------------ nn
    "Linear, too wide": Door(
        lambda: nn.Linear(3, 2)(V(4, 4)), ValueError, "an input of shape (4, 4)", "Linear(3 → 2)",
        "its last axis must be 3 long",
    ),
    "Linear without bias, too wide": Door(
        lambda: nn.Linear(3, 2, bias=False)(V(4, 4)), ValueError, "an input of shape (4, 4)",
        "Linear(3 → 2, bias=False)",
        "its last axis must be 3 long",
    ),
    "Linear of a Value of one number": Door(
        lambda: nn.Linear(1, 2)(Value(1.0)), ValueError, "an input of shape ()", "must be 1 long",
        "np.reshape(x, (-1, 1)) has shape (1, 1)",
    ),
    "Linear of one number for each example, in a row": Door(
        lambda: nn.Linear(1, 2)(np.ones(64)), ValueError, "an input of shape (64,)", "its last axis must be 1 long",
        "np.reshape(x, (-1, 1)) has shape (64, 1)",
    ),
    "Linear of an image": Door(
        lambda: nn.Linear(784, 2)(np.ones((28, 28))), ValueError, "an input of shape (28, 28)", "must be 784 long",
        "np.reshape(x, (-1, 784)) has shape (1, 784)",
    ),
    "Linear of images": Door(
        lambda: nn.Linear(784, 2)(np.ones((5, 28, 28))), ValueError, "an input of shape (5, 28, 28)",
        "must be 784 long", "np.reshape(x, (-1, 784)) has shape (5, 784)",
    ),
    "Linear of columns": Door(
        lambda: nn.Linear(3, 2)(np.ones((3, 5))), ValueError, "an input of shape (3, 5)", "must be 3 long",
        "x.T has shape (5, 3)",
    ),
    "Linear of a number": Door(
        lambda: nn.Linear(3, 2)(1.0), ValueError, "an input of shape ()", "Linear(3 → 2)", "must be 3 long"
    ),
    "Linear of text": Door(lambda: nn.Linear(3, 2)("abc"), TypeError, "'abc' beside a Value", BESIDE, "a real array"),
    "Linear of None": Door(lambda: nn.Linear(3, 2)(None), TypeError, "None beside a Value", BESIDE, "a real array"),
    "Linear(0, 2)": Door(lambda: nn.Linear(0, 2), ValueError, "in_features=0", "a whole number", "at least 1"),
    "Linear(2.5, 2)": Door(lambda: nn.Linear(2.5, 2), ValueError, "in_features=2.5", "a whole number", "at least 1"),
    "Linear(True, 2)": Door(lambda: nn.Linear(True, 2), ValueError, "in_features=True", "a whole number", "at least 1"),
    "Linear, init by name": Door(
        lambda: nn.Linear(2, 2, init="xavier"), TypeError, "init='xavier'", "it is a function", "nn.init.xavier_normal"
    ),
    "Linear of integers": Door(
        lambda: nn.Linear(2, 2, dtype=int), TypeError, "dtype int64", HOLDS, "array.astype(float)"
    ),
    "Linear, a seed of text": Door(
        lambda: nn.Linear(2, 2, seed="s"), TypeError, "got 's'", "a seed is an int", "a np.random.Generator"
    ),
    "MLP, too wide": Door(
        lambda: nn.MLP(3, [2])(V(4, 4)), ValueError, "an input of shape (4, 4)", "Linear(3 → 2)", "must be 3 long"
    ),
    "MLP of one size": Door(
        lambda: nn.MLP(3, 2), ValueError, "MLP wants", "the sizes of its layers in a list", "MLP(784, [16, 16, 10])"
    ),
    "MLP, the sizes one by one": Door(
        lambda: nn.MLP(3, 2, 1), ValueError, "MLP wants", "the sizes of its layers in a list", "MLP(784, [16, 16, 10])"
    ),
    "MLP of no size": Door(
        lambda: nn.MLP(3, []), ValueError, "MLP wants", "the sizes of its layers in a list", "MLP(784, [16, 16, 10])"
    ),
    "MLP, an activation by name": Door(
        lambda: nn.MLP(3, [2], activation="relu"), TypeError, "'relu'", "it is a function", "functional.sigmoid"
    ),
    "MLP, a class": Door(
        lambda: nn.MLP(3, [2], activation=nn.ReLU), TypeError, "nn.activations.ReLU", "it is a function",
        "functional.sigmoid"
    ),
    "Sequential, a class": Door(
        lambda: nn.Sequential(nn.ReLU), TypeError, "nn.activations.ReLU", "Sequential wants layers",
        "a class, ReLU(…) makes a layer of it"
    ),
    "Sequential, a list": Door(
        lambda: nn.Sequential([nn.ReLU()]), TypeError, "[ReLU()]", "Sequential wants layers", "Sequential(*layers)"
    ),
    "Sequential that does not fit": Door(
        lambda: nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2))(V(1, 3)), ValueError, "an input of shape (1, 2)",
        "Linear(3 → 2)", "must be 3 long",
    ),
    "a Module without forward": Door(
        lambda: Forgotten()(1.0), NotImplementedError, "Forgotten", "computes nothing yet", "define forward(self, x)"
    ),
    "an init of a vector": Door(
        lambda: nn.init.xavier_uniform((3,), np.random.default_rng(0)), ValueError, "got shape (3,)",
        "at least two axes", "(outputs, inputs)",
    ),
    # --------------------------------------------------------------------------------------------------------- optim
    "SGD of a model": Door(
        lambda: optim.SGD(nn.Linear(2, 2), lr=0.1), TypeError, "SGD", "a list of parameters",
        "SGD(model.parameters(), lr=…)"
    ),
    "SGD of a method": Door(
        lambda: optim.SGD(nn.Linear(2, 2).parameters, lr=0.1), TypeError, "SGD", "a list of parameters",
        "SGD(model.parameters(), lr=…)",
    ),
    "SGD of one Value": Door(
        lambda: optim.SGD(V(2), lr=0.1), TypeError, "SGD", "a list of parameters", "SGD(model.parameters(), lr=…)"
    ),
    "SGD of arrays": Door(
        lambda: optim.SGD([np.zeros(2)], lr=0.1), TypeError, "got array([0., 0.])", "a parameter is a Value",
        "model.parameters()",
    ),
    "SGD of a result": Door(
        lambda: optim.SGD([V(2) * 2], lr=0.1), TypeError, "(by multiply)", "cannot be moved", "Value(0.1 * array)"
    ),
    "SGD of None": Door(
        lambda: optim.SGD(None, lr=0.1), TypeError, "SGD", "a list of parameters", "SGD(model.parameters(), lr=…)"
    ),
    "SGD of nothing": Door(
        lambda: optim.SGD([], lr=0.1), ValueError, "no parameters", "to move", "a Value that was computed is none"
    ),
    "SGD of one twice": Door(
        lambda: optim.SGD([V(2)] * 2, lr=0.1), ValueError, "listed twice", "a parameter", "it would be moved twice"
    ),
    "SGD, lr 0": Door(lambda: optim.SGD([V(2)], lr=0), ValueError, "lr=0", "the step size", "a positive number"),
    "SGD, lr NaN": Door(lambda: optim.SGD([V(2)], lr=math.nan), ValueError, "lr=nan", "step size", "a positive number"),
    "SGD, lr of text": Door(
        lambda: optim.SGD([V(2)], lr="0.1"), ValueError, "lr='0.1'", "the step size", "a positive number"
    ),
    # ---------------------------------------------------------------------------------------------------------- data
    "digits, twice all": Door(
        lambda: data.digits(held_out=2), ValueError, "held_out=2", "the fraction of the digits", "between 0 and 1"
    ),
    "mnist, no folder": Door(
        lambda: data.mnist("nowhere"), FileNotFoundError, "nowhere is not a folder", "MNIST's four files",
        "train-images-idx3"
    ),
    "one_hot of floats": Door(
        lambda: data.one_hot(np.array([1.0])), TypeError, "got dtype float64", "labels are", "integers"
    ),
    "digits, a fraction in text": Door(
        lambda: data.digits(held_out="a"), ValueError, "held_out='a'", "the fraction of the digits", "between 0 and 1"
    ),
    "one_hot, classes in text": Door(
        lambda: data.one_hot(np.array([1]), "3"), ValueError, "classes='3'", "a whole number", "labels.max() + 1"
    ),
    "batches of numbers": Door(
        lambda: data.batches(1.0, 2.0, 1), ValueError, "shapes () and ()", "wants two arrays", "a row for each example"
    ),
    "one_hot, a label past the end": Door(
        lambda: data.one_hot(np.array([10])), ValueError, "labels from 10 to 10", "the classes are", "0 to 9"
    ),
    "batches of unequal": Door(
        lambda: data.batches(np.ones(3), np.ones(2), 1), ValueError, "3 inputs but 2 targets", "each example",
        "one of each"
    ),
    "batches of 0": Door(
        lambda: data.batches(np.ones(3), np.ones(3), 0), ValueError, "size=0", "a whole number of examples",
        "at least 1"
    ),
    "batches, a float seed": Door(
        lambda: data.batches(np.ones(3), np.ones(3), 1, seed=1.5), TypeError, "got 1.5", "a seed is an int",
        "a np.random.Generator",
    ),
    "batches of a Value": Door(lambda: data.batches(V(3), np.ones(3), 1), TypeError, "shape (3,)", LOST, STACK),
    "mnist, True for a folder": Door(
        lambda: data.mnist(True), TypeError, "folder=True", "the path of a folder", "mnist(download=True)"
    ),
    "split of unequal": Door(
        lambda: data.split(np.ones(3), np.ones(2)), ValueError, "[(3,), (2,)]", "split wants arrays",
        "a row for each of the same examples",
    ),
    "split, nothing held out": Door(
        lambda: data.split(np.ones(3), held_out=0.1), ValueError, "held_out=0.1 of 3 examples",
        "a fraction between 0 and 1, or a whole number", "leaves at least one in each part",
    ),
    "split of a Value": Door(lambda: data.split(V(3)), TypeError, "shape (3,)", LOST, STACK),
    "moons, half a point": Door(lambda: data.moons(0.5), ValueError, "n=0.5", "a whole number of points", "at least 1"),
    "moons, noise below 0": Door(
        lambda: data.moons(9, noise=-1), ValueError, "noise=-1", "a standard deviation", "at least 0"
    ),
    "spirals, no arms": Door(
        lambda: data.spirals(9, arms=0), ValueError, "arms=0", "a whole number of spirals", "at least 1"
    ),
    "blobs, one centre flat": Door(
        lambda: data.blobs(9, centers=[1, 2]), ValueError, "centers of shape (2,)", "finite numbers",
        "a row",
    ),
}  # fmt: skip


def words(error: BaseException) -> str:
    """What a user reads: the message, its notes, and the error behind it, where NumPy puts one of its own before it."""
    cause = words(error.__cause__) if error.__cause__ else ""
    return "\n".join([str(error), *getattr(error, "__notes__", []), cause])


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_an_error_says_what_was_seen_what_was_wanted_and_the_next_step(door: Door) -> None:
    with pytest.raises(door.error) as caught:
        door.call()
    said = words(caught.value)
    for part in door[2:]:
        assert part, "a door has all three"
        assert part in said, f"{part!r} is not in: {said}"


# What NumPy refuses for an array is refused for a Value, with the same exception, and at least NumPy's words.
AS_NUMPY: dict[str, tuple[tuple[int, ...], Callable[[Any], Any], str]] = {
    "an index out of range": ((3,), lambda x: x[5], "index 5 is out of bounds for axis 0 with size 3"),
    "a column out of range": ((2, 3), lambda x: x[0, 5], "index 5 is out of bounds for axis 1 with size 3"),
    "too many indices": ((3,), lambda x: x[0, 0], "array is 1-dimensional, but 2 were indexed"),
    "a number indexed": ((), lambda x: x[0], "invalid index to scalar"),
    "a mask of another length": ((3,), lambda x: x[np.array([True, False])], "size of axis is 3"),
    "index arrays that do not fit": ((3, 3), lambda x: x[[0, 1], [0, 1, 2]], "(2,) (3,)"),
    "a slice from a float": ((3,), lambda x: x[0.0:2], "slice indices must be integers"),
    "reshape to another size": ((6,), lambda x: x.reshape(4, 2), "array of size 6 into shape (4,2)"),
    "np.reshape to another size": ((6,), lambda x: np.reshape(x, (4, 2)), "array of size 6 into shape (4,2)"),
    "reshape with two unknowns": ((6,), lambda x: x.reshape(-1, -1), "one unknown dimension"),
    "reshape to a float": ((6,), lambda x: x.reshape(2.0, 3), "'float' object cannot be interpreted as an integer"),
    "transpose with too few axes": ((2, 3), lambda x: x.transpose(0), "axes don't match array"),
    "transpose with an axis twice": ((2, 3), lambda x: x.transpose(0, 0), "repeated axis"),
    "transpose with no such axis": ((2, 3), lambda x: x.transpose(0, 2), "axis 2 is out of bounds"),
    "swapaxes with no such axis": ((2, 3), lambda x: x.swapaxes(0, 2), "axis 2 is out of bounds"),
    "squeeze of a long axis": ((2, 3), lambda x: x.squeeze(0), "not equal to one"),
    "expand_dims too far": ((3,), lambda x: np.expand_dims(x, 3), "axis 3 is out of bounds"),
    "moveaxis too far": ((2, 3), lambda x: np.moveaxis(x, 0, 5), "axis 5 is out of bounds"),
    "sum over no such axis": ((2, 3), lambda x: x.sum(axis=2), "axis 2 is out of bounds for array of dimension 2"),
    "sum over an axis twice": ((2, 3), lambda x: x.sum(axis=(0, 0)), "duplicate value in 'axis'"),
    "sum over a float axis": ((2, 3), lambda x: x.sum(axis=0.5), "cannot be interpreted as an integer"),
    "mean over no such axis": ((2, 3), lambda x: np.mean(x, axis=7), "axis 7 is out of bounds"),
    "argmax over no such axis": ((2, 3), lambda x: x.argmax(axis=4), "axis 4 is out of bounds"),
    "cumsum over no such axis": ((3,), lambda x: np.cumsum(x, axis=1), "axis 1 is out of bounds"),
    "sort over no such axis": ((3,), lambda x: np.sort(x, axis=1), "axis 1 is out of bounds"),
    "max of nothing": ((0,), lambda x: x.max(), "zero-size array"),
    "+ of shapes that do not fit": ((3,), lambda x: x + np.ones(2), "(3,) (2,)"),
    "× of shapes that do not fit": ((3,), lambda x: np.ones((2, 2)) * x, "(2,2) (3,)"),
    "where of shapes that do not fit": ((3,), lambda x: np.where(x > 1, np.ones(2), x), "(3,) (2,)"),
    "matmul of shapes that do not fit": ((2, 3), lambda x: x @ x, "size 2 is different from 3"),
    "matmul by a number": ((2, 3), lambda x: x @ 2.0, "does not have enough dimensions"),
    "concatenate of unequal widths": ((2, 3), lambda x: np.concatenate([x, x[:, :2]]), "size 3"),
    "concatenate of unequal dimensions": ((2, 3), lambda x: np.concatenate([x, x[0]]), "same number of dimensions"),
    "stack of unequal": ((3,), lambda x: np.stack([x, x[:2]]), "must have the same shape"),
    "split into unequal": ((3,), lambda x: np.split(x, 2), "does not result in an equal division"),
    "take out of range": ((3,), lambda x: np.take(x, [5]), "index 5 is out of bounds"),
    "roll along no such axis": ((3,), lambda x: np.roll(x, 1, axis=2), "axis 2 is out of bounds"),
    "a matrix that is not square": ((2, 3), lambda x: np.linalg.inv(x), "square"),
    "too few arguments": ((3,), lambda x: np.add(x), "2 to 3 positional arguments but 1"),
    "~ of floating-point numbers": ((3,), lambda x: ~x, "not supported for the input types"),
    "len of a number": ((), lambda x: len(x), "len()"),
    "a count of floats": ((), lambda x: range(x), "cannot be interpreted as an integer"),
}


@pytest.mark.parametrize(("shape", "call", "says"), AS_NUMPY.values(), ids=AS_NUMPY.keys())
def test_what_numpy_refuses_is_refused_alike(shape: tuple[int, ...], call: Callable[[Any], Any], says: str) -> None:
    v = V(*shape)
    with pytest.raises(Exception) as of_an_array:  # noqa: PT011 (whatever it is)
        call(v.data)
    with pytest.raises(type(of_an_array.value)) as of_a_value:
        call(v)
    assert says in words(of_a_value.value)


# ------------------------------------------------------------------------------------------------------ nothing flows

NOTHING_FLOWS: dict[str, Callable[[Value, Value], Any]] = {
    "an input never used": lambda x, w: w * 2,
    "behind a comparison": lambda x, w: w * (x > 1),
    "behind a sign": lambda x, w: w * np.sign(x),
    "behind a floor": lambda x, w: w * np.floor(x),
    "behind an argmax": lambda x, w: w[np.argmax(x)],
    "as the condition of where": lambda x, w: np.where(x > 1, w, 0.0),
    "behind stop_gradient": lambda x, w: w * F.stop_gradient(x),
    "behind detach": lambda x, w: w * x.detach(),
    "behind .data": lambda x, w: w * x.data,
    "only its shape": lambda x, w: w * x.shape[0],
}


@pytest.mark.parametrize("f", NOTHING_FLOWS.values(), ids=NOTHING_FLOWS.keys())
def test_the_gradient_of_what_nothing_flows_to_is_none(f: Callable[[Value, Value], Any]) -> None:
    x, w = V(3), Value([0.5, 1.5, 2.5])
    f(x, w).sum().backward()
    assert x.grad is None
    assert w.grad.shape == (3,)


def test_backward_from_what_nothing_flows_to_says_so() -> None:
    for out, name in ((V(3) > 1, "greater"), (np.argmax(V(3)), "argmax"), (np.floor(V(3)), "floor")):
        assert isinstance(out, NonDiff)
        with pytest.raises(TypeError, match=f"the result of {name}: nothing flows back from it"):
            out.backward(np.ones(out.shape))


def test_a_refusal_changes_nothing() -> None:
    """After each of these, the Value is as it was, and works."""
    x = V(3)
    x.grad = np.ones(3)
    refused: list[Callable[[], Any]] = [
        lambda: assign(x, "data", np.zeros(2)), lambda: assign(x, "grad", np.zeros(2)), lambda: put(x, 0, 1.0),
        lambda: x.backward(np.ones(2)), lambda: x + None, lambda: np.add(x, 1.0, out=np.zeros(3)), lambda: x[7],
    ]  # fmt: skip
    for call in refused:
        age = x.age
        with pytest.raises((TypeError, ValueError, IndexError)):
            call()
        assert x.age == age
        assert x.data.tolist() == [1.0, 2.0, 3.0]
        assert x.grad.tolist() == [1.0, 1.0, 1.0]
    (x * x).sum().backward()
    assert x.grad.tolist() == [3.0, 5.0, 7.0]
