"""Settings every test runs under."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from . import cases  # noqa: F401  (its list of rows is made now, before anything adds SciPy's to the table)

# The same examples in every run; a failure prints how to draw its example again.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("default")
