"""Types that help: what a type checker says of a user's program, of the README's, and of every public name.

mypy is asked once for all of it. pyright is asked where it is installed; `.ci/run` does, and asks it for more.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import shutil
import subprocess
import sys
import typing
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

import numpy as np
import pytest

import microgradnet
import microgradnet.numpy
from microgradnet.core import FORMULAS, TABLE, NonDiff, Op
from microgradnet.core.arraylike import At
from microgradnet.core.tables import fill
from microgradnet.data.rows import Batches
from microgradnet.nn.summary import Summary
from microgradnet.words import Foreign

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "tests" / "typed" / "program.py"

# Public names whose result, or whose type, is Any, and why it cannot be said.
EXCEPTIONS = {
    "Value.grad": "Array | Any: None before a backward, which nobody should have to ask before w.grad.round(3)",
    "Operators.tolist": "nested lists: Python has no type for how deep",
    "SpeaksNumPy.__array_ufunc__": "NumPy's protocol: the result of whatever function it asks for",
    "SpeaksNumPy.__array_function__": "NumPy's protocol: the result of whatever function it asks for",
    "Op.key": "a function of NumPy or of the user's, or the name of one of ours",
    "Unique.key": "a function of NumPy or of the user's, or the name of one of ours",
    "Op.forward": "a function of the user's",
    "grad": "of another argument than the first: types cannot say which it is",
    "jacobian": "of another argument than the first: types cannot say which it is",
    "hessian": "of another argument than the first: types cannot say which it is",
    "Module.forward": "of the user's, and what it returns is what model(x) returns",
    "Module.__call__": "of a Module of no known class",
    "Sequential.__getitem__": "a layer of the user's",
    **dict.fromkeys(
        [
            f"{layer}.forward"
            for layer in ("Activation", "AdaptivePooling", "Augmentation", "Distance", "Dropout", "Flatten", "Identity",
                          "Loss", "LossOfThree", "Pooling", "Spatial", "Unflatten")
        ],
        "an array of arrays, a Value of Values: __call__ says so, and is what is called",
    ),
    **dict.fromkeys(("InstanceNorm.forward", "InstanceNorm.__call__"), "a Value if it has parameters, or x is one"),
    "Call.cotangent": "an array; None until it is drawn",
    "Call.numbers": "an array, or what a function of the user's makes of arrays",
}  # fmt: skip


# ---------------------------------------------------------------------------------------------- what is asked, and whom


def readme() -> str:
    """The README's program, and the expressions of its sentence on NumPy."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line[4:] for block in blocks for line in block.splitlines() if line.startswith((">>> ", "... "))]
    (sentence,) = re.findall(r"^NumPy's own functions record themselves.*?\)\.$", text, re.DOTALL | re.MULTILINE)
    expressions = re.findall(r"`([^`]+)`", sentence)
    assert len(lines) > 30
    assert len(expressions) == 6
    settings = "# mypy: allow-untyped-defs, allow-untyped-calls\n"
    return settings + "\n".join([*lines, "", "v = Value(np.ones((2, 3)))", *expressions, ""])


def rooms() -> dict[str, ModuleType]:
    names = ["", ".nn", ".nn.init", ".optim", ".functional", ".data", ".gradcheck", ".transforms", ".plots",
             ".testing", ".saving", ".train", ".viz"]  # fmt: skip
    return {f"microgradnet{name}": importlib.import_module(f"microgradnet{name}") for name in names}


def public(module: ModuleType) -> list[str]:
    own = [n for n, x in vars(module).items() if getattr(x, "__module__", "") == module.__name__ and n[0] != "_"]
    return list(getattr(module, "__all__", own))


# What Python calls, and no program.
OF_PYTHON = {
    "__annotate__", "__annotate_func__", "__class_getitem__", "__getnewargs__", "__init__", "__init_subclass__",
    "__new__", "__signature__",
}  # fmt: skip


def attributes(cls: type) -> dict[str, bool]:
    """The public names a class brings itself, what its methods assign to self and what operators call included; and
    whether they are called."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(cls))):
        if isinstance(node, ast.AnnAssign):
            of_self = isinstance(node.target, ast.Attribute)
            name = ast.unparse(node.target).removeprefix("self.")
            if name[0] != "_" and (of_self or name in cls.__annotations__):
                found[name] = False
    for name, x in vars(cls).items():
        if isinstance(x, Foreign):  # which type checkers shall not see
            continue
        called = callable(x) or isinstance(x, classmethod | staticmethod)
        if name[0] != "_" or (name[:2] == "__" and called and name not in OF_PYTHON):
            found.setdefault(name, called)
    return found


def everything() -> tuple[str, list[tuple[str, bool]]]:
    """A program that reveals the type of every public function and attribute, a line for each; and their names, with
    whether they are called."""
    imports, arguments, lines, names = [], [], [], []
    classes: dict[type, str] = {}
    for room, module in rooms().items():
        imports.append(f"import {room}")
        for name in public(module):
            x = getattr(module, name)
            if isinstance(x, type):
                classes.setdefault(x, f"{room}.{name}")
            elif not isinstance(x, ModuleType | str):
                lines.append(f"    reveal_type({room}.{name})")
                names.append((name, callable(x)))
    for cls in [*classes, Op, NonDiff, At, Batches, Summary]:
        for base in cls.__mro__:
            if base.__module__.startswith("microgradnet"):
                classes.setdefault(base, f"{base.__module__}.{base.__qualname__}")
    for i, (cls, path) in enumerate(classes.items()):
        imports.append(f"import {cls.__module__}")
        arguments.append(f"a{i}: {path}" + ("[microgradnet.Value]" if getattr(cls, "__parameters__", ()) else ""))
        for name, called in attributes(cls).items():
            lines.append(f"    reveal_type(a{i}.{name})")
            names.append((f"{cls.__name__}.{name}", called))
    head = [*dict.fromkeys(imports), "def probe(", *[f"    {a}," for a in arguments]]
    return "\n".join([*head, ") -> None:", *lines, ""]), names


# What others call otherwise: an error at run time says so, and type checkers know of none of it.
FOREIGN = [
    "v.view(2)", "v.label", "nn.Neuron(2)", "microgradnet.tensor(1.0)", "functional.ctc_loss(v)", "model.submodules()",
    "optim.lr_scheduler", "Value(1.0, label='a')", "v.backward(retain_graph=True)", "v.sum(keepdim=True).numpy()",
    "v.argmax(dim=0)", "functional.softmax(v, dim=0)", "microgradnet.grad(f, argnum=0)",
    "nn.Linear(2, 3, device='cpu')", "optim.SGD([v], learning_rate=0.1)",
]  # fmt: skip
BEFORE = """import microgradnet
from microgradnet import Value, functional, nn, optim
v, model = Value(1.0), nn.Linear(2, 3)
def f(x: Value) -> Value: return x
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("typed")
    files = {"program": PROGRAM, "readme": folder / "readme.py", "everything": folder / "everything.py"}
    files["foreign"] = folder / "foreign.py"
    files["readme"].write_text(readme())
    files["everything"].write_text(everything()[0])
    files["foreign"].write_text(BEFORE + "\n".join(FOREIGN) + "\n")
    return files


@pytest.fixture(scope="module")
def mypys(programs: dict[str, Path]) -> list[dict[str, Any]]:
    """What mypy --strict says of the programs, all at once."""
    pytest.importorskip("mypy", reason="mypy is in the dev environment")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--output=json"]
    files = [str(file) for file in programs.values()]
    ran = subprocess.run([*command, *files], capture_output=True, text=True, cwd=ROOT, check=False)
    assert not ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


# -------------------------------------------------------------------------------------------------------- what is held


def test_mypy_passes_the_typed_program_and_the_readme(mypys: list[dict[str, Any]]) -> None:
    names = ("program.py", "readme.py", "everything.py")
    errors = [line for line in mypys if line["severity"] == "error" and line["file"].endswith(names)]
    assert [f"{line['file']}:{line['line']}: {line['message']}" for line in errors] == []


def test_names_of_others_are_errors_to_type_checkers(mypys: list[dict[str, Any]]) -> None:
    errors = {line["line"] for line in mypys if line["severity"] == "error" and line["file"].endswith("foreign.py")}
    first = BEFORE.count("\n") + 1
    assert [line for i, line in enumerate(FOREIGN) if first + i not in errors] == []


def test_pyright_passes_the_typed_program_and_the_readme(programs: dict[str, Path]) -> None:
    if not shutil.which("pyright"):
        pytest.skip("pyright is not installed here; .ci/run installs it")
    files = [str(programs[name]) for name in ("program", "readme")]
    command = ["pyright", "--pythonpath", sys.executable, "--outputjson", *files]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    found = [d for d in json.loads(ran.stdout)["generalDiagnostics"] if d["severity"] == "error"]
    assert [f"{d['file']}:{d['range']['start']['line'] + 1}: {d['message']}" for d in found] == []


def test_the_typed_program_runs_and_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Any] = []

    def assert_type(x: Any, kind: Any) -> Any:
        # NumPy's scalars have an array's methods, so they have its type. From NumPy 2.5 on NDArray is an alias of one.
        kind = getattr(kind, "__value__", kind)
        origin = kind if isinstance(kind, UnionType) else typing.get_origin(kind) or kind
        if origin is np.ndarray:
            origin = np.ndarray | np.generic
        assert kind is Any or isinstance(x, origin), f"{x!r} is no {kind}"
        checked.append(x)
        return x

    monkeypatch.setattr(typing, "assert_type", assert_type)
    exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), {"__name__": "program"})
    assert len(checked) > 80


def test_no_public_name_is_any_without_a_reason(mypys: list[dict[str, Any]]) -> None:
    text, names = everything()
    first = text.splitlines().index(") -> None:") + 2
    revealed = [
        (*names[line["line"] - first], line["message"].removeprefix("Revealed type is ").strip('"'))
        for line in mypys
        if line["file"].endswith("everything.py")
    ]
    assert len(revealed) == len(names) > 700
    poor = {name: kind for name, called, kind in revealed if is_poor(kind, called)}
    assert {name: kind for name, kind in poor.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) - set(poor) <= {"Value.grad"}, "no longer needed"  # which mypy 1.16 reveals otherwise


def is_poor(kind: str, called: bool) -> bool:
    """Whether a type that mypy reveals is Any, has Any for an alternative, or is a function of any arguments with such
    a result; of what is `called`, whether the result is, in one of its overloads."""
    if kind.startswith("Overload("):
        return any(is_poor(overload, called) for overload in split(kind.removeprefix("Overload(")[:-1], ", def "))
    if called:
        kind = " -> ".join(split(kind.removeprefix("def "), " -> ")[1:])
    return kind == "def (*Any, **Any) -> Any" or "Any" in kind.split(" | ")


def split(text: str, by: str) -> list[str]:
    """`text` cut at each `by` that stands in no brackets."""
    depth, start, found = 0, 0, []
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if not depth and text.startswith(by, i):
            found.append(text[start:i])
            start = i + len(by)
    return [*found, text[start:]]


@pytest.mark.parametrize(("kind", "called", "poor"), [
    ("Any", False, True), ("numpy.ndarray[Any, Any] | Any", False, True), ("Any | None", False, True),
    ("dict[str, Any]", False, False), ("def (*Any, **Any) -> Any", False, True), ("def (Any) -> Any", False, False),
    ("def (x: Any) -> Any", True, True), ("def (x: Any) -> float", True, False), ("def (x: int)", True, False),
    ("def [T] (f: def (*Any, **Any) -> Any, x: T`1) -> T`1", True, False),
    ("def (f: def (*Any, **Any) -> Any, n: int) -> def (*Any, **Any) -> Any", True, True),
    ("Overload(def (x: int) -> int, def (x: Any) -> Any)", True, True),
    ("Overload(def (x: int) -> Any, def (x: Any) -> int)", True, True),
    ("Overload(def () -> int, def () -> str)", True, False), ("OfOne[[axis: Any =]]", True, False),
])  # fmt: skip
def test_what_is_poor(kind: str, called: bool, poor: bool) -> None:
    assert is_poor(kind, called) == poor


# ------------------------------------------------------------------------------------------------- NumPy, with types


def typed_functions() -> list[str]:
    """The names that microgradnet.numpy declares, `linalg.norm` for one in the class that stands for a module."""
    (block,) = [node for node in ast.parse(inspect.getsource(microgradnet.numpy)).body if isinstance(node, ast.If)]
    found = []
    for node in block.body:
        inside = isinstance(node, ast.ClassDef) and node.name == "linalg"
        for x in node.body if inside else [node]:
            if isinstance(x, ast.FunctionDef):
                found.append(f"linalg.{x.name}" if inside else x.name)
            elif isinstance(x, ast.AnnAssign) and isinstance(x.target, ast.Name) and x.value is None:
                found.append(f"linalg.{x.target.id}" if inside else x.target.id)
    return found


def find(name: str, module: Any) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


@pytest.mark.parametrize("name", typed_functions())
def test_each_typed_function_is_numpys_own_and_is_recorded(name: str) -> None:
    fill("numpy")
    ours, numpys = find(name, microgradnet.numpy), find(name, np)
    if numpys is None:
        pytest.skip(f"NumPy {np.__version__} has no {name}")
    assert ours is numpys
    assert ours in TABLE or ours in FORMULAS


def test_the_rest_is_numpys_too() -> None:
    assert microgradnet.numpy.tanh is np.tanh
    assert microgradnet.numpy.fft is np.fft
    assert dir(microgradnet.numpy) == dir(np)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        microgradnet.numpy.nonsense  # noqa: B018
