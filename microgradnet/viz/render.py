"""DOT text as SVG, PNG or PDF: by the `dot` program if it is there, else by pygraphviz, in a process of its own."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys

from .cells import SCREEN
from .dot import STYLES

FORMATS = ("svg", "png", "pdf")
BY_PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""
REMEDIES = (
    "Pictures as png and pdf need Graphviz: pip install pygraphviz, or the `dot` program (apt install graphviz, brew "
    'install graphviz, conda install graphviz). Without it there are .save("graph.svg"), .save("graph.html"), .text '
    "and .source"
)


class NoGraphviz(RuntimeError):
    """Neither `dot` nor pygraphviz is there."""


def rendered(source: str, format: str, timeout: float) -> bytes:
    """The picture. Raises NoGraphviz, TimeoutError when it takes too long, RuntimeError with what Graphviz said."""
    if format not in FORMATS:
        raise ValueError(f"a picture is one of {', '.join(FORMATS)}; got {format!r}")
    dot = shutil.which("dot")
    if dot:
        command = [dot, f"-T{format}"]
    elif importlib.util.find_spec("pygraphviz"):
        command = [sys.executable, "-c", BY_PYGRAPHVIZ, format]
    else:
        raise NoGraphviz(REMEDIES)
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=timeout, check=False)
    except OSError as error:
        raise RuntimeError(f"Graphviz could not be run: {error}. {REMEDIES}") from error
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"Graphviz was not done after {timeout:g} s. Fold more (fold='all', or a smaller cap=), or give it longer "
            f"(timeout=)"
        ) from None
    if done.returncode or not done.stdout:
        raise RuntimeError(f"Graphviz failed: {done.stderr.decode(errors='replace').strip() or done.returncode}")
    return styled(done.stdout) if format == "svg" else done.stdout


def screen(svg: bytes) -> float:
    """The height in pixels of the screen that shows all of an SVG."""
    found = re.search(rb'<svg [^>]*?width="([\d.]+)(pt)?"\s+height="([\d.]+)', svg)
    assert found, "an SVG says its size"
    width, height = float(found[1]), float(found[3])
    return max(width / SCREEN, height) * (4 / 3 if found[2] else 1.0)


def styled(svg: bytes) -> bytes:
    """The SVG with a style for dark mode, which holds for this picture alone, wherever it is put."""
    mine = f"mg{hashlib.sha256(svg).hexdigest()[:12]}"
    dark = "".join(
        f"#{mine} .{kind} :is(polygon,path,ellipse){{fill:{fill};stroke:{line}}}"
        f"#{mine} .{kind} polyline{{stroke:{line}}}"
        for kind, (_, _, _, fill, line) in STYLES.items()
    )
    dark += f"#{mine} .node text{{fill:#f0f0f0}}#{mine} .alarm text{{fill:#ff8a80}}"
    dark += f"#{mine} .alarm :is(polygon,path,ellipse,polyline){{stroke:#ff5252}}"
    style = f"<style>#{mine}{{color-scheme:light dark}}@media (prefers-color-scheme:dark){{{dark}}}</style>"
    head, tag, rest = svg.partition(b"<svg ")
    attributes, close, body = rest.partition(b">")
    return head + tag + f'id="{mine}" '.encode() + attributes + close + style.encode() + body
