"""The prediction log as polars frames, joined with labels by prediction id.

>>> from mlwright.monitoring.prediction_log import joined                           # doctest: +SKIP
>>> joined(project.log, "production").filter(pl.col("label").is_not_null()).height  # doctest: +SKIP
512
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlwright.monitoring.outcomes import FEEDBACK
from mlwright.monitoring.segments import Cursor, read_feedback, read_pieces, read_predictions

if TYPE_CHECKING:
    import polars as pl


def predictions(log: Path, deployment: str, *, cursor: Cursor | None = None) -> pl.DataFrame:
    """Give every served row of a deployment, oldest first; `cursor` leaves out what was read and is moved.

    Columns: id, time, variant, model, version, epoch, rollout, propensity, unit, reason, latency_us,
    prediction (index of the class, or the value), scores, input (JSON text), inference_id (of the caller).
    """
    import polars as pl

    schema = _prediction_schema()
    frames = [
        _frame(batch, schema)
        for batch in read_pieces(log / deployment, {} if cursor is None else cursor, read_predictions)
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def labels(log: Path) -> pl.DataFrame:
    """Give the latest label of each prediction id: id, label (JSON text), labelled_at."""
    return _latest(log, "label", "label", "labelled_at")


def events(log: Path) -> pl.DataFrame:
    """Give the latest event of each prediction id: id, event, event_at."""
    import polars as pl

    frame = _latest(log, "event", "event", "event_at")
    return frame.with_columns(pl.col("event").str.strip_chars('"'))


def joined(log: Path, deployment: str) -> pl.DataFrame:
    """Give the served rows with their latest label and event, both null where none arrived yet."""
    served = predictions(log, deployment)
    return served.join(labels(log), on="id", how="left").join(events(log), on="id", how="left")


def _frame(batch: Mapping[str, Sequence[Any]], schema: pl.Schema) -> pl.DataFrame:
    import polars as pl

    columns = {**batch, "time": batch["time_us"], "scores": _lists(batch["scores"])}
    frame = pl.DataFrame({name: columns[name] for name in schema}).cast(schema)
    # In the log 0 stands for no rollout under way, and an empty text for no id of the caller.
    return frame.with_columns(pl.col("rollout").replace(0, None), pl.col("inference_id").replace("", None))


def _prediction_schema() -> pl.Schema:
    import polars as pl

    return pl.Schema(
        {
            "id": pl.String(),
            "time": pl.Datetime("us", "UTC"),
            "variant": pl.String(),
            "model": pl.String(),
            "version": pl.Int64(),
            "epoch": pl.Int64(),
            "rollout": pl.Int64(),
            "propensity": pl.Float64(),
            "unit": pl.String(),
            "reason": pl.String(),
            "latency_us": pl.Int64(),
            "prediction": pl.Float64(),
            "scores": pl.List(pl.Float64()),
            "input": pl.String(),
            "inference_id": pl.String(),
        }
    )


def _lists(rows: Sequence[Any]) -> pl.Series:
    """Build a list column; from one flat column where all lists are as long, which is 100 times faster."""
    import polars as pl

    width = len(rows[0]) if rows else 0
    if not width or any(len(row) != width for row in rows):
        return pl.Series("scores", list(rows), dtype=pl.List(pl.Float64))
    flat = pl.Series("scores", list(chain.from_iterable(rows)), dtype=pl.Float64)
    return flat.reshape((len(rows), width)).cast(pl.List(pl.Float64))


def _latest(log: Path, kind: str, value_name: str, time_name: str) -> pl.DataFrame:
    import polars as pl

    schema = {
        "id": pl.String(),
        time_name: pl.Datetime("us", "UTC"),
        "kind": pl.String(),
        value_name: pl.String(),
    }
    frames = [
        pl.DataFrame(list(columns), schema=schema, orient="col")
        for columns in read_pieces(log / FEEDBACK, {}, read_feedback)
    ]
    if not frames:
        return pl.DataFrame(schema=schema).drop("kind")
    return (
        pl.concat(frames)
        .filter(pl.col("kind") == kind)
        .sort(time_name, maintain_order=True)
        .unique("id", keep="last", maintain_order=True)
        .drop("kind")
    )
