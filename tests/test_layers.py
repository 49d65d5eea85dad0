"""Imports point down the layers; importing costs nothing heavy; the public names are the public names."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import microgradnet

PACKAGE = Path(microgradnet.__file__).parent
ORDER = [
    "words",
    "files",
    "demand",
    "checks",
    "core",
    "numpy",
    "debugging",
    "ops",
    "formulas",
    "losses",
    "functional",
    "tree",
    "transforms",
    "gradcheck",
    "nn",
    "optim",
    "viz",
    "data",
    "saving",
    "train",
    "plots",
    "support",
    "testing",
    "__main__",
    "__init__",
]  # reading order


def layer(path: Path) -> int:
    return ORDER.index(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))


def test_imports_point_down() -> None:
    seen = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = path.parent if node.level == 1 else path.parent.parent
                targets = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
                for target in targets if base == PACKAGE else []:
                    assert ORDER.index(target) < layer(path), f"{path.name} imports {target}"
                    seen += 1
    assert seen > 10


@pytest.mark.parametrize(("name", "says"), {
    "nn.ModuleList": ": a plain list", "nn.Parameter": r": a Value is a parameter: self\.name = Value",
    "nn.utils": ":.* in optim", "nn.init.zeros_": r": p\.data = nn\.init\.zeros", "nn.Lienar": "$",
    "optim.lr_scheduler": r":.* optim\.StepLR",
}.items())  # fmt: skip
def test_what_others_look_for_in_vain_is_answered(name: str, says: str) -> None:
    module, _, attribute = name.rpartition(".")
    with pytest.raises(AttributeError, match=f"^microgradnet.{module} has no '{attribute}'{says}"):
        getattr(importlib.import_module(f"microgradnet.{module}"), attribute)


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_pulls_in_numpy_and_nothing_heavy() -> None:
    extra = modules_after("import microgradnet") - modules_after("import numpy")
    ours = {name for name in extra if name.split(".")[0] == "microgradnet"}
    others = {name.split(".")[0] for name in extra - ours}
    assert ours
    assert others <= set(sys.stdlib_module_names)
    assert not others & {"inspect", "dataclasses", "importlib_metadata", "asyncio", "unittest"}


@pytest.mark.parametrize(
    "name",
    ["", ".functional", ".nn", ".nn.init", ".optim", ".data", ".gradcheck", ".saving", ".train", ".plots", ".viz"],
)
def test_what_is_exported_exists_and_is_documented(name: str) -> None:
    module = importlib.import_module(f"microgradnet{name}")
    assert module.__doc__
    own = [n for n, x in vars(module).items() if getattr(x, "__module__", "") == module.__name__ and n[0] != "_"]
    public = getattr(module, "__all__", own)
    assert public
    for export in public:
        thing = getattr(module, export)
        assert export.startswith("__") or thing.__doc__, f"{module.__name__}.{export} has no docstring"


def test_the_public_names_are_these() -> None:
    assert sorted(microgradnet.__all__) == [
        "Drawing", "Value", "__version__", "assert_grads", "check_grads", "checkpoint", "data", "debug", "draw",
        "fit", "functional", "grad", "gradcheck", "hessian", "hook", "hvp", "jacobian", "jvp", "load", "nn",
        "no_grad", "numerical_grad", "optim", "plots", "primitive", "save", "transforms", "value_and_grad", "vjp",
    ]  # fmt: skip
    assert sorted(microgradnet.nn.__all__) == [
        "AvgPool1d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d",
        "CrossEntropyLoss", "Dropout", "ELU", "Embedding", "Flatten", "GELU", "GRU", "GroupNorm", "Hardswish",
        "Hardtanh", "HingeEmbeddingLoss", "HingeLoss", "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LSTM",
        "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MLP", "MSELoss", "MaxPool1d", "MaxPool2d", "Mish",
        "Module", "MultiMarginLoss", "MultiheadAttention", "NLLLoss", "RMSNorm", "RNN", "ReLU", "ReLU6", "Residual",
        "SELU", "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss", "Softmax", "Softplus", "Step", "Tanh",
        "TransformerEncoderLayer", "gradient_report", "init", "sinusoidal",
    ]  # fmt: skip


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert np.lib.NumpyVersion(np.__version__) >= "2.0.0"
