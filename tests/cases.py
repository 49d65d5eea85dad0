"""The rows the laws are tried on: NumPy's and our own, whatever else is in the table by now.

All that fills the table is imported here, so that nothing depends on what was loaded before. Rows of users and of tests
are left out, and SciPy's, which tests/test_special.py looks at: they come when SciPy is first called on a Value, and
that is in one order of the tests and not in another. Sorted by name, the tests of rows are the same in every order.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

from microgradnet import formulas, ops
from microgradnet.core import TABLE, Op

SCIPYS = "microgradnet.ops.special"

for package in (ops, formulas):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name != SCIPYS:
            importlib.import_module(module.name)


def rows() -> list[Op]:
    """Each row of NumPy's and our own, once."""
    scipys: Any = sys.modules.get(SCIPYS)
    others = {*scipys.rows().values(), scipys.polygamma} if scipys else set()
    own = {row for row in TABLE.values() if row.home is None and row not in others}
    return sorted(own, key=lambda row: (row.name, getattr(row.key, "__module__", None) or ""))  # two are "diagonal"


ROWS = rows()
SMOOTH = [row for row in ROWS if any(row.rules)]
