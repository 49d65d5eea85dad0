"""What micrograd's users look for here: `from microgradnet.engine import Value`. The engine is in core/engine.py."""

from .core import Value

__all__ = ["Value"]
