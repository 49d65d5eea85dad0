"""The rows the laws are tried on: those of the package, not those that tests or SciPy add to the table."""

from __future__ import annotations

import microgradnet.formulas  # noqa: F401  (fills the table)
from microgradnet.core import TABLE

ROWS = list(TABLE.values())
SMOOTH = [row for row in ROWS if any(row.rules)]
