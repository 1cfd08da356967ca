"""Bodies for a load: rows of the project's data that the server accepts, or rows made from a package."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mlwright import native
from mlwright.errors import UsageError
from mlwright.serving.infer_message import can_be_tensors, infer_message

if TYPE_CHECKING:
    import polars as pl

Row: TypeAlias = Mapping[str, object] | Sequence[float]

BODIES = 256
SPARE = 4  # rows drawn for each body, as some may break the contract
DEFAULT_RANGE = (0.0, 1.0)


def sample_rows(frame: pl.DataFrame, package: Path, *, count: int, seed: int) -> list[Row]:
    """Draw rows of a table that the package accepts, fewer when there are fewer."""
    import polars as pl
    import polars.selectors as cs

    text = (package / "contract.json").read_text(encoding="utf-8")
    contract = json.loads(text)
    wanted = [column["name"] for column in contract["columns"]] + list(contract.get("ignored", ()))
    drawn = frame.select([name for name in dict.fromkeys(wanted) if name in frame.columns])
    drawn = drawn.sample(min(SPARE * count, drawn.height), shuffle=True, seed=seed)
    written = drawn.with_columns(cs.temporal().cast(pl.String), cs.float().fill_nan(None))
    rows = [json.dumps(row, default=str, ensure_ascii=False) for row in written.iter_rows(named=True)]
    verdicts = native.check_rows(text, rows, inputs_of(package))
    good = [row for row, violation in zip(rows, verdicts, strict=True) if violation is None]
    return [json.loads(row) for row in good[:count]]


def make_rows(package: Path, *, count: int, seed: int) -> list[Row]:
    """Make rows that a package accepts: numbers within the ranges of its contract, levels it knows.

    Raises `UsageError` for a model whose input is no table.
    """
    signature = _signature(package)
    generator = random.Random(seed)  # noqa: S311  # rows, not secrets
    if signature["kind"] == "columns":
        contract = json.loads((package / "contract.json").read_text(encoding="utf-8"))
        known = {column["name"]: column for column in contract["columns"]}
        columns = [known.get(column["name"], column) for column in signature["inputs"]]
        return [{column["name"]: _value(column, generator) for column in columns} for _ in range(count)]
    shape = signature["inputs"][0]["shape"]
    if len(signature["inputs"]) != 1 or len(shape) != 2 or shape[1] < 1:
        raise UsageError(
            f"the input of {signature['inputs'][0]['name']!r} is no table, rows cannot be made for it",
            hint="give requests with --bodies FILE and their route with --path /v2/models/NAME/infer",
        )
    return [[generator.gauss(0, 1) for _ in range(shape[1])] for _ in range(count)]


def inputs_of(package: Path) -> list[str] | None:
    """Name the columns that a row must have, None for a model of plain numbers."""
    signature = _signature(package)
    if signature["kind"] != "columns":
        return None
    return [column["name"] for column in signature["inputs"]]


def bodies_of(rows: Sequence[Row], *, rows_per_request: int) -> tuple[bytes, ...]:
    """Write requests of the native protocol, each with so many rows; too few rows come again."""
    return tuple(
        json.dumps({"rows": batch}, ensure_ascii=False).encode() for batch in _batches(rows, rows_per_request)
    )


def messages_of(
    rows: Sequence[Row], package: Path, *, model: str, rows_per_request: int
) -> tuple[bytes, ...]:
    """Write messages of the Open Inference Protocol over gRPC, leaving out rows with nulls.

    Raises `UsageError` when every row has one.
    """
    signature = _signature(package)
    whole = [row for row in rows if can_be_tensors(signature, row)]
    if not whole:
        raise UsageError(
            "every row has a null, and tensors have none",
            hint="measure HTTP, or give messages with --bodies FILE",
        )
    return tuple(infer_message(model, signature, batch) for batch in _batches(whole, rows_per_request))


def _batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    count = max(1, len(rows) // size)
    return [[rows[(start * size + at) % len(rows)] for at in range(size)] for start in range(count)]


def _signature(package: Path) -> dict[str, Any]:
    manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = manifest["signature"]
    return found


def _value(column: Mapping[str, Any], generator: random.Random) -> object:
    """Make one value of a column of the contract."""
    lowest = DEFAULT_RANGE[0] if column.get("min") is None else column["min"]
    highest = max(lowest, DEFAULT_RANGE[1]) if column.get("max") is None else column["max"]
    levels = column.get("levels")
    match column["type"]:
        case "number":
            return generator.uniform(lowest, highest)
        case "integer":
            return generator.randint(int(lowest), int(highest))
        case "boolean":
            return generator.random() < 0.5
        case "timestamp":
            return f"2024-01-{generator.randint(1, 28):02}T{generator.randint(0, 23):02}:00:00"
        case _:
            return generator.choice(levels) if levels else f"value {generator.randint(0, 9)}"
