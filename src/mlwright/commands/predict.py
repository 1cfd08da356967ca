"""`mlwright predict`: a table in, the same rows with predictions out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.errors import ContractBroken, UsageError
from mlwright.project import find_project
from mlwright.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from mlwright.packaging.predictor import PackagePredictor

WRITERS = {".csv": "write_csv", ".parquet": "write_parquet", ".arrow": "write_ipc", ".feather": "write_ipc"}


@dataclass(frozen=True)
class PredictRequest:
    """Which version predicts which table, and where to."""

    project: Path
    model: str
    data: Path
    out: Path


@dataclass(frozen=True)
class PredictResult:
    """What was written."""

    reference: str
    rows: int
    columns: tuple[str, ...]
    out: Path
    notes: tuple[str, ...] = ()


def predict(request: PredictRequest) -> PredictResult:
    """Predict every row, in the order of the table, and write `prediction` with `score` or `score_<class>`.

    Columns of the table that the model does not read are left alone; the output holds predictions only.
    Raises `ModelUnknown`, `SourceUnreadable`, `ColumnMissing`, `ContractBroken`, `PackageCorrupt`, and
    `UsageError` for an output format that is not .csv, .parquet or .arrow.
    """
    if request.out.suffix.lower() not in WRITERS:
        raise UsageError(
            f"cannot write {request.out.suffix or 'a file without a suffix'!r}",
            hint="end the name with .csv, .parquet or .arrow",
        )
    project = find_project(request.project)
    version = Registry(project.database).resolve(request.model)
    from mlwright.data import FileSource
    from mlwright.packaging.predictor import PackagePredictor

    predictor = PackagePredictor(project.packages / version.digest)
    frame = FileSource(Path.cwd(), str(request.data)).read()
    scores = _matrix_scores(predictor, frame) if predictor.is_tensor else _column_scores(predictor, frame)
    answer = _answer(predictor, scores)
    _write(answer, request.out)
    return PredictResult(version.reference, answer.height, tuple(answer.columns), request.out)


def _column_scores(predictor: PackagePredictor, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    from mlwright.data import conform_columns
    from mlwright.features import native_columns

    columns = predictor.columns
    typed = conform_columns(frame, columns)
    return predictor.predict_columns(native_columns(typed, columns), typed.height)


def _matrix_scores(predictor: PackagePredictor, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Take the columns in their order, or those that the model's width asks for when the table has more."""
    import numpy as np
    import polars as pl

    width = predictor.matrix_width
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric() or kind == pl.Boolean]
    if width is None or len(numeric) < width or (len(numeric) > width and len(frame.columns) != len(numeric)):
        raise ContractBroken(
            f"the model takes {width} numbers per row, the table has {len(numeric)} numeric columns",
            hint="give a table with exactly the model's columns, in their order",
        )
    if len(numeric) > width:
        raise ContractBroken(
            f"the model takes {width} numbers per row, the table has {len(numeric)} columns",
            hint="leave out the label and every column that is no input",
        )
    matrix = frame.select(pl.col(numeric).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    return predictor.predict_matrix(np.ascontiguousarray(matrix))


def _answer(predictor: PackagePredictor, scores: npt.NDArray[np.float64]) -> pl.DataFrame:
    import polars as pl

    if predictor.task == "regression":
        return pl.DataFrame({"prediction": scores})
    classes = predictor.classes
    decided = pl.Series("prediction", [classes[index] for index in predictor.decide(scores)])
    if predictor.task == "binary":
        return pl.DataFrame([decided, pl.Series("score", scores)])
    columns = [pl.Series(f"score_{name}", scores[:, index]) for index, name in enumerate(classes)]
    return pl.DataFrame([decided, *columns])


def _write(frame: pl.DataFrame, out: Path) -> None:
    """Write beside the target, then move: a reader never sees half a file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    try:
        getattr(frame, WRITERS[out.suffix.lower()])(partial)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
