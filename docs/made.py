"""The pages that are made from the code: the API from its docstrings, the operations from their rows."""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import engine

import examples
import microgradnet
from microgradnet import formulas  # noqa: F401  (fills the table)
from microgradnet.core import REAL, TABLE, Op
from microgradnet.ops import special  # noqa: F401
from microgradnet.support import slope
from microgradnet.testing.conventions import name_of, said

# What is public, in the order of the site, and what each is in a sentence.
MODULES = {
    "microgradnet": "Values, gradients, drawing, checking, programs, training, files",
    "microgradnet.functional": "functions of networks: activations, norms, attention, losses",
    "microgradnet.nn": "layers, and what they are built from",
    "microgradnet.nn.init": "initial weights",
    "microgradnet.optim": "optimisers, schedules, clipping",
    "microgradnet.data": "data sets, splits, batches",
    "microgradnet.train": "what `fit` is made of: its Run, histories, callbacks",
    "microgradnet.transforms": "gradients as functions of functions",
    "microgradnet.tree": "nested structures of arrays",
    "microgradnet.playing": "the backward pass, one operation after the other",
    "microgradnet.viz": "drawings, and what is in a step of a backward pass",
    "microgradnet.programs": "compiled functions",
    "microgradnet.parallel": "many processes that train as one",
    "microgradnet.gradcheck": "the checker of gradients",
    "microgradnet.testing": "strategies and laws for your own operations",
    "microgradnet.testing.exercises": "exercises for those who teach",
    "microgradnet.plots": "pictures, by matplotlib",
    "microgradnet.estimators": "scikit-learn's face",
}


def pages(folder: Path) -> None:
    """Write them all into a folder."""
    folder.mkdir(exist_ok=True)
    contents = {"operations.md": operations(), "engine.md": engine.page(), "gallery.md": gallery(folder / "pictures")}
    for module in MODULES:
        contents[f"{module}.md"] = api(module)
    contents["api.md"] = overview()
    for name, text in contents.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # what is the same is not built again
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.md"):
        if path.name not in contents:
            path.unlink()


# ------------------------------------------------------------------------------------------------------------ the API


def overview() -> str:
    """The page that leads to the others."""
    lines = [f"- [`{name}`]({name}.md): {what}" for name, what in MODULES.items()]
    toc = "\n".join(f"{name}.md" for name in MODULES)
    return f"# The API\n\n{chr(10).join(lines)}\n\n```{{toctree}}\n:hidden:\n\n{toc}\n```\n"


def api(name: str) -> str:
    """The page of a module: its docstring, then each public name."""
    module = importlib.import_module(name)
    begin = f"Examples begin with `import numpy as np`, `import microgradnet as mg` and `from {name} import *`."
    parts = [f"# `{name}`\n\n{markdown(module.__doc__)}\n\n{begin}"]
    parts += [entry(path, found) for path, found in shown(name)]
    above = ", ".join(f"`{n}`" for n in public(name) if name != "microgradnet" and n in public("microgradnet"))
    if above:
        parts.append(f"## Also under this name\n\n{above}: see [`microgradnet`](microgradnet.md).")
    return "\n\n".join(parts) + "\n"


def public(name: str) -> list[str]:
    """The public names of a module, without other modules: classes first, then the rest, each by the alphabet."""
    module = importlib.import_module(name)
    names = [n for n in module.__all__ if not n.startswith("__") and not inspect.ismodule(getattr(module, n))]
    return sorted(names, key=lambda n: (not isinstance(getattr(module, n), type), n.lower()))


def shown(name: str) -> list[tuple[str, object]]:
    """What the page of a module shows, each with its path: what is public in the package itself is shown there."""
    module = importlib.import_module(name)
    path = f"{name}.".removeprefix("microgradnet.")
    above = public("microgradnet") if path else []
    return [(path + n, getattr(module, n)) for n in public(name) if n not in above]


def entry(path: str, found: object) -> str:
    """One public name: how it is called, what it returns, an example; the methods of a class below."""
    doc = found.__doc__ if isinstance(found, Op) else inspect.getdoc(found)
    parts = [f"## `{path}`"]
    if callable(found):
        parts.append(f"```python\n{signature(path.rpartition('.')[2], found)}\n```")
        parts.append(markdown(doc))
        if ">>>" not in (doc or ""):
            parts.append(examples.shown(path))  # KeyError where a public name has no example: write one
    elif type(found).__module__.startswith("microgradnet"):
        parts.append(f"```text\n{found}\n```")
    else:
        parts.append(f"`{name_each(found)}`")
    if isinstance(found, type):
        for method, function in methods(found):
            shown = "" if isinstance(function, property) else signature(method, function, bound=True)
            parts.append(f"### `.{method}`")
            parts += [f"```python\n{shown}\n```"] if shown else []
            parts.append(markdown(inspect.getdoc(function)))
    return "\n\n".join(part for part in parts if part)


def name_each(found: object) -> str:
    """A constant in words; of several things of ours, their names."""
    if isinstance(found, tuple) and all(hasattr(x, "name") for x in found):
        return ", ".join(x.name for x in found)
    return repr(found)


def methods(cls: type) -> list[tuple[str, object]]:
    """The public methods and properties that a class itself documents."""
    found = []
    for name, x in vars(cls).items():
        x = x.__func__ if isinstance(x, classmethod | staticmethod) else x
        ours = not type(x).__module__.startswith("sklearn.")  # which puts set_fit_request and others there
        if ours and name[0] != "_" and (isinstance(x, property) or inspect.isroutine(x)) and x.__doc__:
            found.append((name, x))
    return found


def signature(name: str, found: object, bound: bool = False) -> str:
    """How something is called, without types; in lines if it is long."""
    try:
        given = inspect.signature(found)
    except (TypeError, ValueError):
        return f"{name}(...)"
    parameters = [p.replace(annotation=p.empty) for p in given.parameters.values() if p.name != "foreign"]
    if bound and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    parameters = [p if p.default is p.empty else p.replace(default=Default(p.default)) for p in parameters]
    text = str(inspect.Signature(parameters))
    if len(text) < 90:
        return f"{name}{text}"
    lines = text[1:-1].split(", ")
    return f"{name}(\n    " + ",\n    ".join(lines) + ",\n)"


class Default:
    """A default as it is written in a program; dots where it is too long for that."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        value = self.value
        if isinstance(value, Op) or inspect.isfunction(value):
            return value.__name__ if inspect.isfunction(value) else value.name
        if isinstance(value, type):
            return f"np.{value.__name__}" if value.__module__ == "numpy" else value.__name__
        text = repr(value)
        return text if text.isascii() and "<" not in text and len(text) < 30 else "..."


def markdown(doc: str | None) -> str:
    """A docstring as Markdown: doctests and indented blocks as programs, lists of arguments as lists."""
    lines = textwrap.dedent(doc or "").strip().splitlines()
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(lines)):
        first = block.lstrip()
        if first.startswith(">>>"):
            blocks.append(f"```python\n{textwrap.dedent(block)}\n```")
        elif block.startswith("    "):
            blocks.append(f"```text\n{textwrap.dedent(block)}\n```")
        elif re.match(r"[\w, *]+: ", first) and "\n    " in block:
            blocks.append(arguments(block))
        else:
            blocks.append(escaped(block))
    return "\n\n".join(blocks)


def arguments(block: str) -> str:
    """A block of `name: what it is` lines, each with its continuation further in, as a list."""
    items: list[str] = []
    for line in block.splitlines():
        if line.startswith("    ") and items:
            items[-1] += " " + line.strip()
        else:
            items.append(line.strip())
    named = [re.sub(r"^([\w, *]+): ", lambda found: f"`{found[1]}`: ", item) for item in items]
    return "\n".join(f"- {escaped(item)}" for item in named)


def escaped(text: str) -> str:
    """Text whose stars, bars, dollars and angle brackets mean themselves, outside of `code`."""
    text = re.sub(r"(?<![\w-])--(\w[\w-]*(?: [A-Z0-9]\w*)?)", r"`--\1`", text) if "`--" not in text else text
    parts = re.split(r"(`[^`]*`|\*\w[\w ]*\w\*)", text)  # *this* is meant
    return "".join(part if i % 2 else re.sub(r"([*_|$<\[\]])", r"\\\1", part) for i, part in enumerate(parts))


# ------------------------------------------------------------------------------------------------------ the operations


def operations() -> str:
    """The table of all rows."""
    head = (
        "# Operations\n\nEvery operation that is recorded, made from its row: the gradient of each input, as its rules "
        "record it, where it works element by element (g is the gradient of the result, out); where it is smooth; and "
        "what it states of special points ([conventions](../conventions.md)). NumPy's other functions are made of "
        "these ([support](../support.md)).\n\n| operation | gradient | domain | at → gradient |\n|---|---|---|---|\n"
    )
    rows = {title(row): row for row in TABLE.values()}
    return head + "".join(line(name, row) for name, row in sorted(rows.items(), key=lambda item: item[0].lower()))


def title(row: Op) -> str:
    return name_of(row) if not row.home else f"{row.home[0]}.{row.home[1]}"


def line(name: str, row: Op) -> str:
    """A line of the table."""
    try:
        gradient = slope(row) or "by its rule, of whole arrays"
    except TypeError:  # some arguments of SciPy's functions are constants, and none is shown
        gradient = "by its rule"
    domains = [f"{d.low:g} to {d.high:g}" for d in row.domain] if set(row.domain) != {REAL} else []
    stated = said(row, {}) if row.at and not callable(row.at) else "see the conventions" if row.at else ""
    cells = [f"`{name}`", gradient, "; ".join(dict.fromkeys(domains)), stated]
    return (
        "| "
        + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") if i else cell for i, cell in enumerate(cells))
        + " |\n"
    )


# ----------------------------------------------------------------------------------------------------- what is kept


def mark(*more: bytes) -> str:
    """A mark of the package's files and of more: what was run with others is not shown for what these do."""
    found = hashlib.sha256(b"".join(more))
    for path in sorted(Path(microgradnet.__file__).parent.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(path.read_bytes())
    return found.hexdigest()[:8]


# -------------------------------------------------------------------------------------------------------- the gallery

EXAMPLES = Path(__file__).parent.parent / "examples"
QUICK = bool(os.environ.get("MICROGRADNET_QUICK"))  # to try the pages: networks learn little, pictures are poor


def gallery(folder: Path) -> str:
    """A picture of every example, with what it says of itself. It is run anew when it or the package has changed."""
    folder.mkdir(exist_ok=True)
    parts = []
    for path in sorted(EXAMPLES.glob("*.py")):
        if path.name == "options.py":
            continue
        picture = drawn(path, folder)
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        title, _, rest = doc.partition("\n")
        seen = image(path.name, picture) if picture else ""
        said = f"**{escaped(title)}** {escaped(rest.strip())}"
        parts.append(f"## `{path.name}`\n\n{said}\n\n{seen}{program(path)}")
    head = (
        "# Gallery\n\nThe pictures of all examples in `examples/`, drawn when this page was made, with their programs. "
        "A click on\na picture shows it in full size. To run one yourself, in a copy of the repository: "
        '`pip install -e ".[examples]"`, then\n`python examples/digits.py`; `--help` says what it can be told.\n\n'
    )
    return head + "\n".join(parts)


SHOWN = {"see_the_graph.py": "thirty_layers_folded.svg"}  # where the first is too wide for a page
# What is said of these is true of their pictures as they are drawn: others are turned dark where the page is.
AS_DRAWN = ("images.py", "moons.py")


def image(name: str, picture: Path) -> str:
    """The picture of an example, which leads to itself in full size."""
    kind = ":class: as-drawn\n" if name in AS_DRAWN else ""
    options = f":alt: what {name} draws\n:target: ../_images/{picture.name}\n{kind}"
    return f"```{{image}} pictures/{picture.name}\n{options}```\n\n"


def program(path: Path) -> str:
    """The text of an example, folded."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    text = f"```{{literalinclude}} ../../examples/{path.name}\n:language: python\n```"
    return f"<details><summary>Its program, {lines} lines</summary>\n\n{text}\n\n</details>\n\n"


def drawn(path: Path, folder: Path) -> Path | None:
    """The picture of an example that is shown, kept under the name of the example and of what is in it."""
    wanted = SHOWN.get(path.name, f"{path.stem}.png")
    name = f"{path.stem}-{mark(path.read_bytes(), wanted.encode())}{'-quick' * QUICK}"
    kept = sorted(folder.glob(f"{name}.*"))
    if not kept:
        with tempfile.TemporaryDirectory() as out:
            few = ["--epochs", "2"] if QUICK and "epochs" in path.read_text(encoding="utf-8") else []
            command = [sys.executable, path.name, "--out", out, *few]
            subprocess.run(command, cwd=EXAMPLES, check=True, capture_output=True)
            pictures = sorted(Path(out).glob("*.png")) or sorted(Path(out).glob("*.svg"))
            if not pictures:
                return None
            first = Path(out) / wanted if (Path(out) / wanted).exists() else pictures[0]
            kept = [folder / f"{name}{first.suffix}"]
            shutil.copy(first, kept[0])
    return kept[0]


if __name__ == "__main__":
    pages(Path(__file__).parent / "made")
