"""The way out: a model as a file of ONNX, and as a program for PyTorch."""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["save_onnx", "save_torch"]

if TYPE_CHECKING:
    from .onnx_file import save_onnx
    from .torch_file import save_torch
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {"onnx_file": "save_onnx", "torch_file": "save_torch"})
