"""How the site is built: `python -m sphinx -W docs out/site`, with `pip install -e ".[docs]"`.

Pages with programs are run while it is built, some minutes the first time; with $MICROGRADNET_QUICK the examples of the
gallery run for two epochs only. Pages that are made from the code (the API, the operations, the gallery)
are written into docs/made, by made.py. No address of the project is known here: links to files that are no pages are
plain names, unless $MICROGRADNET_REPOSITORY says where they are to be looked at, such as https://…/blob/main.
"""

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import graphviz

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import made  # noqa: E402

import microgradnet  # noqa: E402

project = "microgradnet"
author = "the microgradnet authors"
copyright = "2026, the microgradnet authors"
version = release = microgradnet.__version__

extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["README.md", "made/engine.md", "**/.ipynb_checkpoints"]
myst_enable_extensions = ["colon_fence", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = os.environ.get(
    "MICROGRADNET_SITE_CACHE", str(HERE.parent / "out" / f"site-cache-{made.mark()}")
)
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
suppress_warnings = ["mystnb.unknown_mime_type"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_remove_prompts = True

html_theme = "furo"
html_title = "microgradnet"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
mathjax_path = "none.js"  # formulas are written as text: no page needs it, and nothing is fetched

# The page to try it in runs on Pyodide, whose files and wheels of NumPy and matplotlib are in a folder that
# $MICROGRADNET_PYODIDE names: `python docs/pyodide_files.py out/pyodide` fetches them. All of it is served by the site.
PYODIDE = os.environ.get("MICROGRADNET_PYODIDE", "")
if not PYODIDE:
    exclude_patterns.append("try.md")

REPOSITORY = os.environ.get("MICROGRADNET_REPOSITORY", "")
LINK = re.compile(r"\[([^\]\n]+)\]\(((?:\.\./)+|)([^)#:\s]+)\)")


def files_elsewhere(app, docname, source):
    """Links to files of the repository that are no pages: to where it can be looked at, or no links."""
    folder = (HERE / docname).parent

    def link(found):
        text, up, rest = found.groups()
        target = (folder / (up + rest)).resolve()
        if not target.exists() or (target.is_relative_to(HERE) and target.is_file()):
            return found[0]
        path = target.relative_to(HERE.parent)
        return (
            f"[{text}]({REPOSITORY}/{path})" if REPOSITORY else f"{text} (`{path}`)" if str(path) not in text else text
        )

    source[0] = LINK.sub(link, source[0])
    if docname == "index" and not PYODIDE:
        lines = source[0].splitlines(keepends=True)
        source[0] = "".join(line for line in lines if line != "try\n" and "(try.md)" not in line)


def with_pyodide(app, error):
    """Put Pyodide and what it is to import beside the pages."""
    if PYODIDE and error is None:
        place = Path(app.outdir) / "pyodide"
        shutil.copytree(PYODIDE, place, dirs_exist_ok=True)
        for package in (graphviz, microgradnet):
            home = Path(package.__file__).parent
            with zipfile.ZipFile(place / f"{home.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for path in sorted(home.rglob("*")):
                    if path.is_file() and path.suffix != ".pyc":
                        archive.write(path, path.relative_to(home.parent))


def setup(app):
    made.pages(HERE / "made")
    app.connect("build-finished", with_pyodide)
    app.connect("source-read", files_elsewhere)
