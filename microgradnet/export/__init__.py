"""The way out: a model as a file of ONNX."""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["save_onnx"]

if TYPE_CHECKING:
    from .onnx_file import save_onnx
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {"onnx_file": "save_onnx"})
