"""scikit-learn's face: networks that are its estimators, and the columns of tables as a network takes them.

`Classifier` and `Regressor` need scikit-learn; `Columns` and `Table` do not.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["Classifier", "Columns", "Regressor", "Table"]

if TYPE_CHECKING:
    from .classifier import Classifier
    from .columns import Columns
    from .regressor import Regressor
    from .table import Table
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "classifier": "Classifier",
        "columns": "Columns",
        "regressor": "Regressor",
        "table": "Table",
    })  # fmt: skip
