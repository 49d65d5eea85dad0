"""Public names: every list of them says the same, each is documented under its own name, none costs until asked for."""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import microgradnet
from microgradnet import testing
from microgradnet.core import Op

ROOT = Path(microgradnet.__file__).parent


def module(name: str) -> ModuleType:
    return importlib.import_module(f"microgradnet.{name}" if name else "microgradnet")


# A package inside one of these is a part of it, and has no public names of its own.
ROOMS = ["", *sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))]
# To import a part of these is to need all of it. All other packages import on demand.
LAZY = [name for name in ROOMS if name not in ("core", "formulas", "ops")]
PUBLIC = [*LAZY, "functional", "nn.init"]


class Lists(NamedTuple):
    """What the text of a package says of its names: where each is at home, or that it is there from the start."""

    table: dict[str, str]  # what `on_demand` is told
    checked: dict[str, str]  # what type checkers see
    eager: set[str]


def imported(body: list[ast.stmt]) -> dict[str, str]:
    """The names that a piece of a program imports from this package, each with its module."""
    return {
        alias.name: node.module or alias.name
        for node in body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
        if not alias.asname
    }


def lists(package: str) -> Lists:
    body = ast.parse((ROOT / package / "__init__.py").read_text()).body
    (choice,) = [node for node in body if isinstance(node, ast.If)]
    assert ast.unparse(choice.test) == "TYPE_CHECKING"
    (lazily,) = choice.orelse  # where type checkers do not look: a __getattr__ would make every name right
    assert isinstance(lazily, ast.Assign)
    assert ast.unparse(lazily.targets[0]) == "(__getattr__, __dir__)"
    assert isinstance(lazily.value, ast.Call)
    name, public, homes = lazily.value.args
    assert (ast.unparse(name), ast.unparse(public)) == ("__name__", "__all__")
    table = {name: home for home, names in ast.literal_eval(homes).items() for name in names.split()}
    assert len(table) == sum(len(names.split()) for names in ast.literal_eval(homes).values()), "a name with two homes"
    assigned = {ast.unparse(target) for node in body if isinstance(node, ast.Assign) for target in node.targets}
    deleted = {ast.unparse(target) for node in body if isinstance(node, ast.Delete) for target in node.targets}
    eager = (imported(body).keys() | assigned) - deleted - {"on_demand", "__all__"}
    return Lists(table, imported(choice.body), eager)


@pytest.mark.parametrize("package", LAZY)
def test_every_list_of_public_names_says_the_same(package: str) -> None:
    said, shown = lists(package), module(package)
    assert said.table == said.checked
    assert not said.eager & said.table.keys()
    assert sorted(said.eager | said.table.keys()) == sorted(shown.__all__) == dir(shown)


@pytest.mark.parametrize("package", LAZY)
def test_every_name_comes_from_the_home_that_the_table_says(package: str) -> None:
    here = module(package)
    for name, home in lists(package).table.items():
        there, found = importlib.import_module(f"{here.__name__}.{home}"), getattr(here, name)
        assert found is (there if name == home else getattr(there, name))
        if isinstance(found, type) or inspect.isroutine(found):
            assert f"{found.__module__}.".startswith(f"{there.__name__}."), f"{name} is made in {found.__module__}"


@pytest.mark.parametrize("name", PUBLIC)
def test_dir_lists_the_public_names_whatever_was_imported(name: str) -> None:
    shown = module(name)
    assert dir(shown) == sorted(shown.__all__)
    assert len(set(shown.__all__)) == len(shown.__all__)
    with pytest.raises(AttributeError):
        _ = shown.no_such_name


@pytest.mark.parametrize("package", ROOMS)
def test_no_room_has_the_name_of_one_of_its_public_names(package: str) -> None:
    # Importing it would bind its name in the package to the room, in place of what is public under that name.
    files = [*(ROOT / package).glob("*.py"), *[path.parent for path in (ROOT / package).glob("*/__init__.py")]]
    here = module(package)
    shared = {path.stem for path in files} & set(here.__all__)
    assert [name for name in shared if getattr(here, name) is not sys.modules[f"{here.__name__}.{name}"]] == []


# ------------------------------------------------------------------------------------------------- imports on demand


def loaded(program: str) -> set[str]:
    """The modules that a program has imported at its end."""
    code = f"{program}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return set(done.stdout.split())


def ours(names: set[str]) -> set[str]:
    """Those of this package, without its name."""
    return {name.removeprefix("microgradnet.") for name in names if name.startswith("microgradnet")}


def test_importing_what_most_programs_need_is_cheap() -> None:
    extra = loaded("from microgradnet import nn, optim, functional") - loaded("import numpy")
    assert len(ours(extra)) <= 40
    assert not extra & {"subprocess", "urllib", "json", "inspect", "hashlib", "shutil", "difflib", "html"}


def test_what_is_not_asked_for_is_not_imported() -> None:
    layers = ours(loaded("from microgradnet import nn; nn.Linear"))
    assert layers >= {"nn.linear", "nn.module"}
    for name in ["activations", "attention", "containers", "conv", "losses", "norm", "recurrent"]:
        assert f"nn.{name}" not in layers
    assert "matplotlib" not in loaded("from microgradnet.plots import *")
    apart = "from microgradnet import data, gradcheck, nn, optim, plots, saving, testing, train, transforms, viz"
    assert {name for name in ours(loaded(apart)) if name.partition(".")[0] in apart.split() and "." in name} == set()


def test_packages_on_demand_are_packages_like_others() -> None:
    loaded("from microgradnet.nn import *; Linear(2, 3), init.zeros((2,)), gradient_report")
    loaded("import microgradnet.nn.init as init, microgradnet.nn.linear; init.zeros, microgradnet.nn.linear.affine")
    loaded("import microgradnet as mg; mg.nn.losses.Loss, mg.tree.leaves")  # as type checkers believe
    loaded("import microgradnet.plots.histories, microgradnet as mg; assert callable(mg.plots.history)")
    for thing in (microgradnet.nn.Linear, microgradnet.data.moons, testing.calls, microgradnet.draw):
        assert pickle.loads(pickle.dumps(thing)) is thing is copy.deepcopy(thing)


# ------------------------------------------------------------------------------------------------------ documentation


class Thing(NamedTuple):
    """A public object: a function, class or row, or a method or property of a public class."""

    path: str
    found: Any
    owner: type | None = None


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class, its bases' too, but not those of other libraries."""
    for base in cls.__mro__:
        for name in vars(base) if base.__module__.startswith("microgradnet.") else ():
            x = inspect.getattr_static(cls, name)
            x = x.__func__ if isinstance(x, classmethod | staticmethod) else x
            if type(x).__module__.startswith("sklearn."):  # such as set_fit_request, which scikit-learn puts there
                continue
            if name[0] != "_" and (isinstance(x, property) or inspect.isroutine(x)):
                yield name, x


@functools.cache
def things() -> list[Thing]:
    """What is public, each once, and a method not where it is a function that is public by itself."""
    found: dict[int, Thing] = {}
    for shown in PUBLIC:
        for name in module(shown).__all__:
            x = getattr(module(shown), name)
            if callable(x):
                found.setdefault(id(x), Thing(f"{shown}.{name}".lstrip("."), x))
    for path, cls, _ in list(found.values()):
        for name, x in members(cls) if isinstance(cls, type) else ():
            found.setdefault(id(x), Thing(f"{path}.{name}", x, cls))
    return list(found.values())


def words(text: str) -> list[str]:
    """The words of a text or name, in lower case: MaxPool2d is max and pool2d."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())


def test_every_docstring_says_more_than_the_name() -> None:
    for path, found, _ in things():
        doc = words(found.__doc__ if isinstance(found, Op) else inspect.getdoc(found) or "")
        assert len(doc) > 3, f"{path}: {doc}"
        assert set(doc) - set(words(path)) - {"a", "an", "and", "of", "the", "this"}, f"{path}: {doc}"


def test_everything_has_the_name_it_is_public_under() -> None:
    for path, found, owner in things():
        name = path.rpartition(".")[2]
        if isinstance(found, Op):
            assert found.name == name
        elif not isinstance(found, property):
            assert found.__name__ == name, path
            longer = [f"{base.__qualname__}.{name}" for base in owner.__mro__] if owner else [name]
            assert found.__qualname__ in longer, path


def test_all_of_it_was_looked_at() -> None:
    assert len(things()) > 350
    assert {"Value", "Value.tanh", "functional.relu", "nn.Module.forward", "Drawing.boxes"} <= {
        t.path for t in things()
    }
