"""CONTRIBUTING.md is true: its row obeys the laws, its files are there, and what it runs is what .ci/run runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import functional
from microgradnet.core import TABLE, Op
from microgradnet.ops import elementwise
from tests.laws import test_laws as laws

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
ROW, REFERENCE = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^```sh\n(.*?)\n```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def isru() -> Iterator[Op]:
    """The row of the page, written at the end of elementwise.py as the page says."""
    names: dict[str, Any] = dict(vars(elementwise))
    before = dict(TABLE)
    exec(ROW, names)
    yield names["isru"]
    TABLE.clear()
    TABLE.update(before)


def test_the_row_of_the_page_obeys_the_laws(isru: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(laws.REFERENCE, "isru", raising=False)  # for who followed the page
    with pytest.raises(pytest.fail.Exception, match="isru is no function of NumPy"):
        laws.test_the_result_is_numpys(isru, 1.0)
    for name, reference in eval(f"{{{REFERENCE}}}", {"np": np}).items():
        monkeypatch.setitem(laws.REFERENCE, name, reference)
    tried = 0
    for name, law in vars(laws).items():
        wants = [] if not name.startswith("test_") else list(law.__annotations__)
        if wants == ["row", "share", "return"] and "no_slope" not in name and "used_twice" not in name:  # of other rows
            law(isru, 1.0)
            tried += 1
    assert tried > 8


def test_the_row_of_the_page_is_a_new_one() -> None:
    """So that its name stands for nothing else in `functional`, where the page gives it."""
    (name,) = re.findall(r'= op\("(\w+)"', ROW)
    assert f"functional.{name}(v)" in TEXT
    assert getattr(functional, name, None) is getattr(elementwise, name, None)  # both, for who followed the page


def test_the_pages_that_the_page_writes_anew_are_written_by_these_modules() -> None:
    modules = re.findall(r"^\.venv/bin/python -m (tests\.\w+)$", TEXT, re.MULTILINE)
    assert len(modules) == 3
    for module in modules:
        assert 'if __name__ == "__main__":' in (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert (ROOT / "tests" / f"{module.removeprefix('tests.test_')}.txt").exists()


def test_what_the_page_names_is_there() -> None:
    for path in re.findall(r"`((?:microgradnet|tests|docs|\.ci)/[\w/.]*)`", TEXT):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (ROOT / path).exists(), path
    assert not re.search(r"/(home|Users|work|tmp)/", TEXT)


def test_one_command_sets_up_and_it_is_the_readmes() -> None:
    assert COMMANDS[0] in (ROOT / "README.md").read_text()


def test_the_light_check_is_part_of_the_whole_one() -> None:
    assert ".ci/light" in COMMANDS
    assert os.access(ROOT / ".ci" / "light", os.X_OK)
    assert re.search(r"^part .*\.ci/light -m slow", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert not re.search("apt-get|chrom|curl|wget", (ROOT / ".ci" / "light").read_text())


def test_hooks_fetch_nothing() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ *- repo: (.*)$", text, re.MULTILINE) == ["local"]
    hooks = re.findall(r"^ *- id: (.*)$", text, re.MULTILINE)
    assert hooks == ["format", "lint", "types"]
    assert re.findall(r"^ *language: (.*)$", text, re.MULTILINE) == ["system"] * len(hooks)


def test_the_oldest_versions_are_those_that_pyproject_names() -> None:
    command = [sys.executable, ROOT / ".ci" / "oldest"]
    floors = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "numpy==2.0\n" in floors
    assert (
        len(floors.splitlines())
        == len(re.findall(r'"[\w-]+>=[\d.]+(?:; [^"]+)?"', (ROOT / "pyproject.toml").read_text())) - 1
    )
    assert re.fullmatch(r"([\w-]+==[\d.]+\n)+", floors)
