"""mlwright: from a table to a live, watched, self-renewing model service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwright._version import __version__
from mlwright.errors import MlwrightError

if TYPE_CHECKING:
    from pathlib import Path

    from mlwright.commands.model_import import ModelImportResult

__all__ = ["MlwrightError", "__version__", "import_estimator"]


def import_estimator(
    estimator: object, *, name: str | None = None, project: str | Path = "."
) -> ModelImportResult:
    """Register a fitted scikit-learn tree, forest or boosting as a version of a project's model.

    It is converted to data and held to the estimator's own answers on thousands of made rows; nothing is
    pickled. Without a name the project's is used. Raises `MlwrightError`.

    >>> result = mlwright.import_estimator(forest, name="churn")  # doctest: +SKIP
    >>> result.reference  # doctest: +SKIP
    'churn@1'
    """
    from pathlib import Path

    from mlwright.commands.estimator_import import EstimatorImportRequest, estimator_import

    return estimator_import(EstimatorImportRequest(Path(project), estimator, name))
