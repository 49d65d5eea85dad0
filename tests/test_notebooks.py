"""In a notebook what is drawn is seen, as the last line of a cell, in a kernel that has done nothing before."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import plots

pytest.importorskip("matplotlib", reason="matplotlib, of the extra plots, is not installed")

START = """
import numpy as np
import microgradnet as mg
from microgradnet import functional, nn, plots
model = nn.MLP(2, [3, 1], activation=np.tanh, final_activation=functional.sigmoid, seed=0)
(model(np.ones((4, 2), np.float32)) ** 2).sum().backward()
x = np.random.default_rng(0).normal(size=(6, 2))
history = {"epoch": [1, 2], "cost": [2.0, 1.0], "seconds": [0.1, 0.1]}
"""
SHOWN = [
    "plots.history(history)",
    "plots.network(model)",
    "plots.gradient(model)",
    "plots.curve(np.square, (-1, 1))",
    "plots.contours(np.hypot, (-1, 1), (-1, 1))",
    "plots.surface(np.hypot, (-1, 1), (-1, 1))",
    "plots.decision_regions(model, x, (x[:, 0] > 0).astype(int))",
    "plots.new_figure(4, 3)",
    "plots.new_axes(4, 3)",
    "plots.new_figure(8, 3).subplots(1, 2)[0]",
    "plots.history(history, axes=plots.new_axes(4, 3))",
]  # fmt: skip
PYPLOT = ["import matplotlib.pyplot as plt", *SHOWN, "plots.history(history, axes=plt.figure().gca())"]


def pictures(folder: Path, cells: list[str]) -> list[list[str]]:
    """Run a notebook of these cells; the kinds of what is shown below each, without text."""
    notebook = {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python"}},
        "cells": [{"cell_type": "code", "id": f"cell{i}", "source": source, "metadata": {}, "outputs": [],
                   "execution_count": None} for i, source in enumerate(cells)],
    }  # fmt: skip
    (folder / "plots.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "run", "plots.ipynb"]
    homes = {name: str(folder) for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    done = subprocess.run(command, cwd=folder, env=os.environ | homes, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    found = []
    for cell in json.loads((folder / "run.ipynb").read_text(encoding="utf-8"))["cells"]:
        shown = [output["data"] for output in cell["outputs"] if "data" in output]
        for data in shown:
            assert "image/png" not in data or base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        found.append([kind for data in shown for kind in data if kind.startswith("image/")])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("cells", [SHOWN, PYPLOT], ids=["fresh", "pyplot"])
def test_what_is_drawn_is_seen_once_below_its_cell(cells: list[str], tmp_path: Path) -> None:
    for module in ("nbconvert", "ipykernel"):
        pytest.importorskip(module, reason=f"{module}, of the extra dev, is not installed")
    found = pictures(tmp_path, [START, *cells])[1:]
    assert found == [[] if cell.startswith("import") else ["image/png"] for cell in cells]


@pytest.mark.parametrize("shown", [plots.new_figure, plots.new_axes], ids=["a figure", "its axes"])
def test_figures_and_axes_are_pictures_by_themselves(shown: Any) -> None:
    thing = shown(4, 3)
    assert thing._repr_png_().startswith(b"\x89PNG")
    again = pickle.loads(pickle.dumps(thing))
    assert (
        again._repr_png_()[16:24] == thing._repr_png_()[16:24] == np.array([400, 300], ">i4").tobytes()
    )  # at 100 per inch
