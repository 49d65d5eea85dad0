"""`fit`: the training loop that most people would write, with what they would add to it.

A source deals out batches (`sources`), a step trains on one (`step`), a run knows how far it is and can be saved and
taken up again (`run`), callbacks are told of each batch and each epoch (`callbacks`), and of gradients before a step
(`between`). `loop` is all of them together; `rates` tries step sizes.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = [
    "BestWeights", "CSVLog", "History", "LearningRates", "ReduceOnPlateau", "Run", "TensorBoard", "evaluate",
    "find_lr", "fit", "predict",
]  # fmt: skip

if TYPE_CHECKING:
    from .history import History
    from .loggers import BestWeights, CSVLog, ReduceOnPlateau, TensorBoard
    from .loop import fit
    from .measures import evaluate, predict
    from .rates import LearningRates, find_lr
    from .run import Run
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        __all__,
        {
            "history": "History",
            "loggers": "BestWeights CSVLog ReduceOnPlateau TensorBoard",
            "loop": "fit",
            "measures": "evaluate predict",
            "rates": "LearningRates find_lr",
            "run": "Run",
        },
    )
