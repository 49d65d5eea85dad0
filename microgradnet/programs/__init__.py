"""`mg.compile`: a recorded computation read back as a program.

`tape` records a call of a step, on the stand-ins of `traced`, as `nodes`; `recording` compares two of them; `program`
runs the `passes` and `lowering` over what they have in common, and that of `scalars`, which reads what was written
number by number as arithmetic on arrays; `numpy_code` writes it as the text of a NumPy function, into memory planned by
`memory`. `compiled` is what `mg.compile` returns, `shown` what it prints; `host` is the way out of a program and back.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["Compiled", "Uncompilable", "compile", "host_call"]

if TYPE_CHECKING:
    from .compiled import Compiled, compile
    from .host import host_call
    from .nodes import Uncompilable
else:
    __getattr__, __dir__ = on_demand(
        __name__, __all__, {"compiled": "Compiled compile", "host": "host_call", "nodes": "Uncompilable"}
    )
