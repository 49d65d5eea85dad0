"""What the README shows is what happens."""

from __future__ import annotations

import doctest
import re
import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ("README.md", 6),
        ("docs/guide.md", 12),
        ("docs/checking.md", 8),
        ("docs/compile.md", 5),
        ("docs/drawing.md", 5),
        ("docs/networks.md", 13),
        ("docs/parallel.md", 2),
        ("docs/playing.md", 3),
        ("docs/testing.md", 6),
        ("docs/typing.md", 1),
    ],
)
def test_the_code_in_the_documentation_prints_what_it_says(page: str, count: int) -> None:
    if page == "docs/networks.md":
        pytest.importorskip("sklearn", reason="scikit-learn, of the extra examples, is not installed")
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == count
    names: dict[str, object] = {}
    for i, block in enumerate(blocks):
        example = doctest.DocTestParser().get_doctest(block, names, f"{page} block {i}", page, 0)
        assert example.examples
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        assert runner.run(example, clear_globs=False).failed == 0
        names = example.globs


def test_the_readme_has_two_set_up_commands() -> None:
    commands = re.findall(r"^```sh\n(.*?)\n```$", README, re.DOTALL | re.MULTILINE)
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)


def test_links_in_a_packages_readme_are_absolute_if_one_setting_says_where_to(monkeypatch: pytest.MonkeyPatch) -> None:
    hatchling = ModuleType("hatchling.metadata.plugin.interface")
    hatchling.MetadataHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, hatchling.__name__, hatchling)
    absolute = runpy.run_path(str(ROOT / "docs" / "readme.py"))["absolute"]
    assert absolute(README, "") == README
    place = "https://example.org/us/it/blob/main"
    text = absolute(README, place)
    links = re.findall(r"\[[^\]\n]+\]\(([^)\s]+)\)", text)
    assert len(links) == len(re.findall(r"\[[^\]\n]+\]\(([^)\s]+)\)", README)) > 20
    assert all(link.startswith("https://example.org/us/it/") for link in links)
    assert (
        "![The graph of c: each operation with its number and its gradient](https://example.org/us/it/raw/main/docs/"
        in text
    )
    assert "[guide](https://example.org/us/it/blob/main/docs/guide.md)" in text


def test_every_file_the_docs_point_to_exists() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "learn").glob("*.md")]:
        prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\((?!http)([^)#]+)", prose):
            made = target.startswith("made/")  # by docs/made.py, while the site is built
            assert made or (page.parent / target).exists(), f"{page.name} → {target}"
