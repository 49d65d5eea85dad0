"""Imports point down the layers; importing costs nothing heavy; the public names are the public names."""

from __future__ import annotations

import ast
import functools
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import microgradnet

PACKAGE = Path(microgradnet.__file__).parent
# The rooms in reading order: each imports what stands above it and nothing else.
ROOMS = [
    "foreign", "libraries", "words", "markup", "files", "demand", "checks", "core", "numpy", "debugging", "ops",
    "formulas", "notation", "labels", "losses", "nonlinear", "distances", "norms", "spatial", "functional", "tree",
    "transforms", "programs", "gradcheck", "nn", "optim", "viz", "einops_backend", "playing", "data", "saving",
    "export", "parallel", "train", "estimators", "plots", "support", "engine", "testing", "__main__", "__init__",
]  # fmt: skip
# And the files of the room that everybody reads.
CORE = [
    "tables", "modes", "written", "refusals", "protocols", "operators", "arraylike", "conversion", "copies", "engine",
    "unrolled", "rows", "registration", "__init__",
]  # fmt: skip


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """What stands in a module, inside functions too, but for type checkers alone: not what these are made of."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        if name == "body" and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        for inner in getattr(node, name, []):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from statements(inner)


def imports_of(source: str, package: str) -> set[str]:
    """The modules of ours that a module of `package` imports, inside functions too, but for type checkers alone."""
    found = set()
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{home}.{alias.name}" if f"{home}.{alias.name}" in MODULES else home for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(MODULES)


def package_of(name: str) -> str:
    return name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]


@functools.cache
def imports() -> dict[str, set[str]]:
    return {name: imports_of(path.read_text(), package_of(name)) - {name} for name, path in MODULES.items()}


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def test_rooms_import_what_stands_above_them() -> None:
    arrows = [(name, target) for name, targets in imports().items() for target in targets]
    assert {room(name) for name in MODULES} == set(ROOMS)
    for name, target in arrows:
        if room(target) != room(name):
            assert ROOMS.index(room(target)) < ROOMS.index(room(name)), f"{name} imports {target}"
    assert len(arrows) > 300


def test_the_files_of_the_core_import_what_stands_above_them() -> None:
    files = {name.removeprefix("microgradnet.core.").replace("microgradnet.core", "__init__"): name for name in MODULES
             if room(name) == "core"}  # fmt: skip
    assert set(files) == set(CORE)
    for file, name in files.items():
        for target in imports()[name]:
            if room(target) == "core":
                other = target.removeprefix("microgradnet.core.")
                assert CORE.index(other) < CORE.index(file), f"core/{file}.py imports {other}"


def test_no_import_goes_round() -> None:
    """Also inside a package, and not by an import hidden in a function either."""
    left = dict(imports())
    while free := {name for name, targets in left.items() if not targets & left.keys()}:
        for name in free:
            del left[name]
    assert not left, f"each of these imports another of them: {sorted(left)}"


def test_every_way_to_import_is_seen() -> None:
    source = """
        from .report import GradReport
        from .. import tree, words
        from ..ops.shape import take
        import microgradnet.nn.init
        def late():
            try:
                from ..core.engine import Value
            except ImportError:
                with True:
                    from .. import checks
            else:
                match True:
                    case _:
                        from .. import files
        if TYPE_CHECKING:
            from ..viz import draw
    """
    assert imports_of(textwrap.dedent(source), "microgradnet.gradcheck") == {
        "microgradnet.gradcheck.report", "microgradnet.tree", "microgradnet.words", "microgradnet.ops.shape",
        "microgradnet.nn.init", "microgradnet.core.engine", "microgradnet.checks", "microgradnet.files",
    }  # fmt: skip


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_file_people_read_is_short() -> None:
    assert lines(PACKAGE / "core" / "engine.py") <= 350


def test_no_file_is_long() -> None:
    counts = {name: lines(path) for name, path in MODULES.items()}
    longest = {name: n for name, n in counts.items() if n > (420 if room(name) == "core" else 450)}
    assert not longest, "a file with several jobs? Part them: microgradnet/optim shows how"
    assert len(counts) > 100


@pytest.mark.parametrize(("name", "says"), {
    "nn.ModuleList": ": a plain list", "nn.Parameter": r": a Value is a parameter: self\.name = Value",
    "nn.utils": ":.* in optim", "nn.init.zeros_": r": p\.data = nn\.init\.zeros", "nn.Qzx": "$",
    "nn.Lienar": r": did you mean Linear\?$",
    "optim.lr_scheduler": r":.* optim\.StepLR",
}.items())  # fmt: skip
def test_what_others_look_for_in_vain_is_answered(name: str, says: str) -> None:
    module, _, attribute = name.rpartition(".")
    with pytest.raises(AttributeError, match=f"^microgradnet.{module} has no '{attribute}'{says}"):
        getattr(importlib.import_module(f"microgradnet.{module}"), attribute)


def test_what_is_made_ready_late_is_so_after_an_interrupt_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from microgradnet.core import tables

    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(tables.LATE, "numpy", "microgradnet.formulas")
    with monkeypatch.context() as patch:
        patch.setattr(tables, "import_module", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tables.fill("numpy")
    assert "numpy" in tables.LATE
    tables.fill("numpy")
    assert "numpy" not in tables.LATE


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_pulls_in_numpy_and_nothing_heavy() -> None:
    extra = modules_after("import microgradnet") - modules_after("import numpy")
    ours = {name for name in extra if name.split(".")[0] == "microgradnet"}
    others = {name.split(".")[0] for name in extra - ours}
    assert ours
    assert others <= set(sys.stdlib_module_names)
    heavy = "asyncio dataclasses difflib hashlib html importlib_metadata inspect json shutil subprocess unittest urllib"
    assert not others & set(heavy.split())
    assert len(ours) <= 32, "let microgradnet/__init__.py import it when it is asked for"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".functional",
        ".nn",
        ".nn.init",
        ".optim",
        ".parallel",
        ".data",
        ".gradcheck",
        ".saving",
        ".train",
        ".estimators",
        ".plots",
        ".viz",
        ".playing",
    ],
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
        "Drawing", "Value", "__version__", "assert_grads", "check_grads", "checkpoint", "compile", "data", "debug",
        "draw", "estimators", "evaluate", "find_lr", "fit", "from_torch", "functional", "grad", "gradcheck", "hessian",
        "hook", "host_call", "hvp", "jacobian", "jvp", "load", "nn", "no_grad", "numerical_grad", "optim", "parallel",
        "plots", "predict", "primitive", "save", "save_onnx", "save_torch", "steps", "transforms", "use_einops",
        "value_and_grad", "vjp",
    ]  # fmt: skip
    assert sorted(microgradnet.nn.__all__) == [
        "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d",
        "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d", "CELU", "CircularPad1d", "CircularPad2d",
        "ConstantPad1d", "ConstantPad2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d",
        "CosineEmbeddingLoss", "CosineSimilarity", "CrossEntropyLoss", "Dropout", "Dropout1d", "Dropout2d", "ELU",
        "Embedding", "Flatten", "Fold", "GELU", "GLU", "GRU", "GaussianNLLLoss", "GaussianNoise", "GroupNorm",
        "Hardsigmoid", "Hardswish", "Hardtanh", "HingeEmbeddingLoss", "HingeLoss", "HuberLoss", "Identity",
        "InstanceNorm1d", "InstanceNorm2d", "KLDivLoss", "L1Loss", "LSTM", "LayerNorm", "LeakyReLU", "Linear",
        "LogSigmoid", "LogSoftmax", "MLP", "MSELoss", "MarginRankingLoss", "MaxPool1d", "MaxPool2d", "Mish", "Module",
        "MultiMarginLoss", "MultiheadAttention", "NLLLoss", "PReLU", "PairwiseDistance", "PixelShuffle",
        "PixelUnshuffle", "PoissonNLLLoss", "RMSNorm", "RNN", "RandomCrop", "RandomErasing", "RandomHorizontalFlip",
        "RandomRotation", "RandomVerticalFlip", "ReLU", "ReLU6", "ReflectionPad1d", "ReflectionPad2d",
        "ReplicationPad1d", "ReplicationPad2d", "Residual", "SELU", "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss",
        "SoftMarginLoss", "Softmax", "Softmin", "Softplus", "Softsign", "Step", "Tanh", "TransformerDecoder",
        "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer", "TripletMarginLoss", "Unflatten",
        "Unfold", "Upsample", "ZeroPad1d", "ZeroPad2d", "gradient_report", "init", "sinusoidal",
    ]  # fmt: skip


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert np.lib.NumpyVersion(np.__version__) >= "2.0.0"


# Where `numbers()` may be used: it looks at a Value, which a compiled step refuses. Whoever validates goes through
# `modes.checked`, `host` or `asked`, whoever computes through `plain_data`: there a compiled step goes on.
LOOKERS = {
    "core",
    "debugging",
    "export",
    "gradcheck",
    "nn",
    "notation",
    "playing",
    "plots",
    "saving",
    "testing",
    "train",
    "viz",
}


def test_only_those_who_look_at_numbers_ask_for_them() -> None:
    asking = set()
    for name, path in MODULES.items():
        if "numbers(" not in (text := path.read_text()):
            continue
        called = {node.func.id for node in ast.walk(ast.parse(text))
                  if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
        asking |= {name} if called & {"numbers", "all_numbers"} else set()
    assert {room(name) for name in asking} <= LOOKERS
    in_nn = {name.removeprefix("microgradnet.nn.") for name in asking if room(name) == "nn"}
    assert in_nn <= {"report", "state"}, "a layer computes: plain_data"
