"""Many processes that train one model, on MPI: each computes the gradients of a part of every batch, their sum is what
all of them move by, so that all have the same parameters, bit for bit.

A world is the processes that a launcher such as `mpiexec -n 4 python train.py` has started; without a launcher it is
this process alone, and the same script does the same. `fit(…, parallel=world)` does all that is to be done; in a loop
written by hand, `shard` gives each process its part and `Optimizer` moves by what all have found.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["Optimizer", "World", "shard", "world"]

if TYPE_CHECKING:
    from .moving import Optimizer
    from .parts import shard
    from .worlds import World, world
else:
    __getattr__, __dir__ = on_demand(
        __name__, __all__, {"moving": "Optimizer", "parts": "shard", "worlds": "World world"}
    )
