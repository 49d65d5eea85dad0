"""Differentiation as functions of functions: gradients are returned, never deposited in `.grad`.

Arguments. What is differentiated by are the floats, floating-point arrays and Values in the chosen arguments, alone or
in nested dicts, lists, tuples, named tuples and dataclasses, and the parameters of Modules. f is called with fresh
Values in their place, in a copy of the structure: what it does to the copy does not reach the caller's. Everything else
in a chosen argument is a constant: integers, integer arrays, strings, None, functions, frozen parameters, and in a
Module also its arrays.

Gradients come back in the same structure. In a plain container None stands where a constant was. The gradient of a
Module is a copy of the Module with each gradient in the place of its parameter, None for its other arrays and frozen
parameters and the rest as it was; a parameter it has under two names has the whole gradient under both.
`tree.leaves(model, gradient)` pairs the two. A Value that stands twice in a list or dict is two variables there, as two
equal arrays would be. Where the result does not depend on a variable, its gradient is 0.

Results. Arrays in, arrays out; a Value anywhere in, Values out, which can be differentiated further: a Value among the
arguments, or one that f closes over and uses. Transforms nest by this alone: inside another one the variables of the
outer are such Values. A Module among the arguments is taken for its numbers: its parameters do not make Values of the
results, except inside another transform. To hold a Value that f closes over constant, use `v.data` or
`functional.stop_gradient(v)`. Under `no_grad` results are plain. Of several results some may be constants: an argmax, a
comparison or a mean of one, plain numbers and arrays. Their slopes are 0.

>>> from microgradnet.transforms import grad
>>> grad(lambda x: x**3)(2.0)
np.float64(12.0)
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["checkpoint", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

if TYPE_CHECKING:
    from .gradients import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from .recompute import checkpoint
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "gradients": "grad hessian hvp jacobian jvp value_and_grad vjp",
        "recompute": "checkpoint",
    })  # fmt: skip
