"""Every primitive, one row each. Importing this package fills the table."""

from . import elementwise, linear, reduction, shape

__all__ = ["elementwise", "linear", "reduction", "shape"]
