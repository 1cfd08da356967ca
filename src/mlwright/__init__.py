"""mlwright: from a table to a live, watched, self-renewing model service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwright._version import __version__
from mlwright.errors import MlwrightError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlwright.commands.model_export import ModelExportResult
    from mlwright.commands.model_import import ModelImportResult

__all__ = ["MlwrightError", "__version__", "export_model", "import_model"]


def export_model(reference: str, out: str | Path, *, project: str | Path = ".") -> ModelExportResult:
    """Write a version as one ONNX graph, raw columns in and answers out, for servers of others.

    Nothing is written unless the graph answers as the package on thousands of rows. Raises `MlwrightError`.

    >>> result = mlwright.export_model("churn@latest", "churn.onnx")  # doctest: +SKIP
    >>> result.largest_difference, result.label_flips  # doctest: +SKIP
    (2.2e-16, 0)
    """
    from pathlib import Path

    from mlwright.commands.model_export import ModelExportRequest, model_export

    return model_export(ModelExportRequest(Path(project), reference, Path(out)))


def import_model(
    source: object,
    *,
    name: str | None = None,
    project: str | Path = ".",
    inputs: Sequence[str] = (),
    data: str | Path | None = None,
    trust: bool = False,
) -> ModelImportResult:
    """Register a fitted object, or a file of a model, as a version of a project's model.

    It is converted to data and held to its library's own answers on thousands of rows; nothing is pickled.
    Without a name the project's is used. `inputs` are the shapes that a PyTorch module does not tell; `data`
    is a table of real rows that are asked too; `trust` lets a file be opened that is a program. Raises
    `MlwrightError`.

    >>> result = mlwright.import_model(forest, name="churn")  # doctest: +SKIP
    >>> result.reference  # doctest: +SKIP
    'churn@1'
    """
    from pathlib import Path

    from mlwright.commands.model_import import ModelImportRequest, model_import

    what = Path(source) if isinstance(source, str) else source
    return model_import(
        ModelImportRequest(
            Path(project),
            what,
            None,
            name,
            is_trusted=trust,
            inputs=tuple(inputs),
            data=None if data is None else Path(data),
        )
    )
