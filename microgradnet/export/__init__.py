"""The way out and in: a model as a file of ONNX, as a program for PyTorch, and made of a module of PyTorch."""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["from_torch", "save_onnx", "save_torch"]

if TYPE_CHECKING:
    from .onnx_file import save_onnx
    from .torch_file import save_torch
    from .torch_modules import from_torch
else:
    __getattr__, __dir__ = on_demand(
        __name__, __all__, {"onnx_file": "save_onnx", "torch_file": "save_torch", "torch_modules": "from_torch"}
    )
