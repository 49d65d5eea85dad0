"""A tiny autograd framework: Values record what is computed with them, `backward()` differentiates it.

>>> from microgradnet import Value
>>> x = Value(2.0)
>>> y = x**3 + x
>>> y.backward()
>>> x.grad
np.float64(13.0)
"""

from typing import TYPE_CHECKING

from . import ops as _ops  # fills the table
from .core import LATE, Value, no_grad, primitive
from .demand import on_demand
from .ops.elementwise import hook

__all__ = [
    "Drawing", "Value", "__version__", "assert_grads", "check_grads", "checkpoint", "compile", "data", "debug", "draw",
    "estimators", "evaluate", "find_lr", "fit", "from_torch", "functional", "grad", "gradcheck", "hessian", "hook",
    "host_call", "hvp", "jacobian", "jvp", "load", "nn", "no_grad", "numerical_grad", "optim", "parallel", "plots",
    "predict", "primitive", "save", "save_onnx", "save_torch", "steps", "transforms", "use_einops", "value_and_grad",
    "vjp",
]  # fmt: skip
__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import data, estimators, functional, gradcheck, nn, optim, parallel, plots, transforms
    from .debugging import debug
    from .einops_backend import use_einops
    from .export import from_torch, save_onnx, save_torch
    from .gradcheck import assert_grads, check_grads, numerical_grad
    from .playing import steps
    from .programs import compile, host_call
    from .saving import load, save
    from .train import evaluate, find_lr, fit, predict
    from .transforms import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from .viz import Drawing, draw
else:  # most programs need some of these, and none needs them to differentiate
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "data": "data",
        "debugging": "debug",
        "einops_backend": "use_einops",
        "estimators": "estimators",
        "export": "from_torch save_onnx save_torch",
        "functional": "functional",
        "gradcheck": "gradcheck assert_grads check_grads numerical_grad",
        "nn": "nn",
        "optim": "optim",
        "parallel": "parallel",
        "playing": "steps",
        "plots": "plots",
        "programs": "compile host_call",
        "saving": "load save",
        "train": "evaluate find_lr fit predict",
        "transforms": "transforms checkpoint grad hessian hvp jacobian jvp value_and_grad vjp",
        "viz": "Drawing draw",
    })  # fmt: skip

# The rest of NumPy, and of SciPy, is made ready when a Value first meets a function that has no row yet.
LATE.update({"numpy": f"{__name__}.formulas", "scipy.special": f"{__name__}.ops.special"})

del _ops, LATE
