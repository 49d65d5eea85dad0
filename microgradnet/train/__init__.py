"""`fit`: the training loop that most people would write, with what they would add to it.

A source deals out batches (`sources`), a step trains on one (`step`), a run knows how far it is and can be saved and
taken up again (`run`), callbacks are told of each batch and each epoch (`callbacks`). `loop` is the four together.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["BestWeights", "CSVLog", "ReduceOnPlateau", "Run", "TensorBoard", "evaluate", "fit", "predict"]

if TYPE_CHECKING:
    from .loggers import BestWeights, CSVLog, ReduceOnPlateau, TensorBoard
    from .loop import fit
    from .measures import evaluate, predict
    from .run import Run
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        __all__,
        {
            "loggers": "BestWeights CSVLog ReduceOnPlateau TensorBoard",
            "loop": "fit",
            "measures": "evaluate predict",
            "run": "Run",
        },
    )
