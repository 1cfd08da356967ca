"""`mlwright predict`: a table in, the same rows with predictions out."""

from __future__ import annotations

from collections.abc import Mapping
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

    from mlwright.data import ColumnType, DataContract
    from mlwright.packaging.predictor import PackagePredictor, TensorInput

WRITERS = {".csv": "write_csv", ".parquet": "write_parquet", ".arrow": "write_ipc", ".feather": "write_ipc"}

COLUMN_TYPES: Mapping[str, ColumnType] = {
    "FP32": "number",
    "FP64": "number",
    "INT64": "integer",
    "INT32": "integer",
    "BOOL": "boolean",
    "BYTES": "string",
}


@dataclass(frozen=True)
class PredictRequest:
    """Which version predicts which table, and where to."""

    project: Path
    model: str
    data: Path | str
    out: Path
    sql: str | None = None


@dataclass(frozen=True)
class PredictResult:
    """What was written."""

    reference: str
    rows: int
    columns: tuple[str, ...]
    out: Path


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
    from mlwright.data import open_source

    frame = open_source(Path.cwd(), str(request.data), request.sql).read()
    answer = _predict(project.packages / version.digest, frame)
    _write(answer, request.out)
    return PredictResult(version.reference, answer.height, tuple(answer.columns), request.out)


def predict_frame(folder: Path, model: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Predict the rows of a frame like `predict`, and give the predictions. Raises what that raises."""
    project = find_project(folder)
    version = Registry(project.database).resolve(model)
    return _predict(project.packages / version.digest, frame)


def _predict(package: Path, frame: pl.DataFrame) -> pl.DataFrame:
    from mlwright.packaging.predictor import PackagePredictor

    predictor = PackagePredictor(package)
    if not predictor.is_tensor:
        scores = _column_scores(predictor, frame)
    elif predictor.matrix_width is not None:
        scores = _matrix_scores(predictor, frame, predictor.matrix_width)
    else:
        scores = _tensor_scores(predictor, frame)
    return _answer(predictor, scores)


def _column_scores(predictor: PackagePredictor, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    from mlwright.data import conform_columns
    from mlwright.features import native_columns

    columns = predictor.columns
    typed = conform_columns(frame, columns)
    if predictor.is_imported:
        _require_known(predictor.contract, typed)
    return predictor.predict_columns(native_columns(typed, columns), typed.height)


def _require_known(contract: DataContract, typed: pl.DataFrame) -> None:
    """Refuse what the library of an imported model refuses: a null, or a text that its encoder has not seen.

    Raises `ContractBroken` naming the row.
    """
    for column in contract.columns:
        values = typed[column.name]
        wrong = values.is_null() if not column.nullable else values.is_null() & False
        if column.closed:
            wrong |= values.is_not_null() & ~values.is_in(list(column.levels or ()))
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise ContractBroken(
                f"row {row}: {column.name!r} is {values[row]!r}, which the model's own library refuses",
                hint="leave those rows out, or import a model that takes them",
                column=column.name,
                row=row,
                rows=int(wrong.sum()),
            )


def _matrix_scores(predictor: PackagePredictor, frame: pl.DataFrame, width: int) -> npt.NDArray[np.float64]:
    """Take the columns that LightGBM names when it knows no names, else all of them in their order."""
    import numpy as np
    import polars as pl

    unnamed = [f"Column_{place}" for place in range(width)]
    if set(unnamed) <= set(frame.columns):
        frame = frame.select(unnamed)
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric() or kind == pl.Boolean]
    if len(numeric) < width or (len(numeric) > width and len(frame.columns) != len(numeric)):
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


def _tensor_scores(predictor: PackagePredictor, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Give each tensor of a graph the column of its name."""
    from mlwright.data import Column, conform_columns
    from mlwright.packaging.graph_run import numbers_of

    for tensor in predictor.tensors:
        if len(tensor.shape) > 2 or tensor.shape[1:] not in ((), (1,)):
            raise ContractBroken(
                f"the model's input {tensor.name!r} has the shape {list(tensor.shape)}, a column has [-1, 1]",
                hint="serve the model and ask `/v2/models/…/infer`",
                column=tensor.name,
            )
    for name in {tensor.name for tensor in predictor.tensors} & set(frame.columns):
        if frame.schema[name].is_temporal():
            raise ContractBroken(
                f"column {name!r} holds moments, the graph takes numbers and does not say which",
                hint="give numbers; a graph of `mlwright model export` takes microseconds since 1970 in UTC",
                column=name,
            )
    columns = [Column(tensor.name, COLUMN_TYPES[tensor.datatype]) for tensor in predictor.tensors]
    typed = conform_columns(frame, columns)
    tensors = {tensor.name: _tensor(typed[tensor.name], tensor) for tensor in predictor.tensors}
    return predictor.narrow(numbers_of(predictor.run_tensors(tensors)))


def _tensor(values: pl.Series, tensor: TensorInput) -> npt.NDArray[np.generic]:
    from mlwright.packaging.graph_run import NUMPY_TYPES

    if values.null_count():
        empty = {"FP32": float("nan"), "FP64": float("nan"), "BYTES": ""}.get(tensor.datatype)
        if empty is None:
            raise ContractBroken(
                f"column {tensor.name!r} has {values.null_count():,} nulls, {tensor.datatype} knows none",
                hint="fill them, or leave those rows out",
                column=tensor.name,
            )
        values = values.fill_null(empty)
    array = values.to_numpy().astype(NUMPY_TYPES[tensor.datatype])
    return array.reshape(-1, 1) if len(tensor.shape) == 2 else array


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
