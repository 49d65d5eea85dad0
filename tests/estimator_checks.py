"""scikit-learn's own checks of the estimators, as a program: `python -m tests.estimator_checks`.

A program of its own, for the checks of arrays of other kinds want SCIPY_ARRAY_API=1 in the environment before anything
is imported. It prints a JSON list: of each estimator its name and, for each check, the name, how it went, and why it
did not pass.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

from microgradnet import nn
from microgradnet.estimators import Classifier, Regressor


def network(inputs: int, outputs: int) -> nn.Module:
    return nn.MLP(inputs, [12, outputs], dtype=float)


ESTIMATORS = [
    Classifier(), Regressor(), Classifier(network, class_weight="balanced"),
    Regressor(network, scale=False, optimizer="AdamW", hidden=8),
]  # fmt: skip


def checked(estimator: Any) -> list[Any]:
    from sklearn.utils.estimator_checks import check_estimator  # here: pytest imports every file, and this is much

    results = check_estimator(estimator, on_fail=None, on_skip=None)
    return [repr(estimator), [[r["check_name"], r["status"], repr(r["exception"])] for r in results]]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps([checked(estimator) for estimator in ESTIMATORS]))
