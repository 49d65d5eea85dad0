"""The core: what is recorded, how it is walked, and how a row is added."""

from . import modes
from .conversion import HALF, ROOMY, as_floats, constant, fixed_view, floating, narrowed, plain, shaped, wide, widened
from .engine import Gone, NonDiff, Op, Value, by_age, fitted, history, start, sweep, swept
from .modes import RECORDING, TAPE, WATCHER, Later, Mode, no_grad, recording
from .protocols import all_numbers, all_plain, numbers, plain_data
from .registration import BY_NAME, Either, formula, of_one, of_three, of_two
from .rows import ABOVE_ONE, BOOLEAN, HUGE, POSITIVE, REAL, TINY, UNIT, Case, Domain, Variadic, case, op, primitive
from .tables import FORMULAS, FROZEN, INSPECTIONS, LATE, NO_PARAMS, REFUSED, TABLE, Array, Data, Numbers, Operand, Rule
from .written import new_age, new_value

__all__ = [
    "ABOVE_ONE", "BOOLEAN", "BY_NAME", "FORMULAS", "FROZEN", "HALF", "HUGE", "INSPECTIONS", "LATE", "NO_PARAMS",
    "POSITIVE", "REAL", "RECORDING", "REFUSED", "ROOMY", "TABLE", "TAPE", "TINY", "UNIT", "WATCHER", "Array", "Case",
    "Data", "Domain", "Either", "Gone", "Later", "Mode", "NonDiff", "Numbers", "Op", "Operand", "Rule", "Value",
    "Variadic", "all_numbers", "all_plain", "as_floats", "by_age", "case", "constant", "fitted", "fixed_view",
    "floating", "formula", "history", "modes", "narrowed", "new_age", "new_value", "no_grad", "numbers", "of_one",
    "of_three", "of_two", "op", "plain", "plain_data", "primitive", "recording", "shaped", "start", "sweep", "swept",
    "wide", "widened",
]  # fmt: skip
