"""The parity gate: a package must answer as the library that trained it, on real rows and on edge rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.errors import ParityFailed
from mlwright.features import TransformDocument

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-6  # DESIGN §5: probabilities; relative for values above 1
REAL_ROWS = 10_000
EDGE_ROWS = 4_000
MOST_EDGE_ROWS = 20_000
ODD_MOMENTS = (  # microseconds since 1970
    -62_135_596_800_000_000,  # the first of January in the year 1
    -2_203_891_200_000_001,  # the last microsecond of a February in a year that is no leap year
    -1,
    951_782_400_000_000,  # 29 February 2000
    4_107_542_400_000_000,  # the first of March 2100
    253_402_300_799_000_000,  # the last second of the year 9999
)
ODD_TEXTS = (
    "",
    "\u2603 never seen",
    "x" * 300,
    "It is NOT good, but not so bad: 5/5!",
    "Die Gr\u00f6\u00dfe \u0130st \u00c9T\u00c9 \u4e2d\u6587 e\u0301",  # letters whose case or form is odd
    "\t\n--",
)
MOST_COLUMNS, MOST_LETTERS = 12, 30  # of a row in a message


@dataclass(frozen=True)
class ParityReport:
    """How far the packaged model is from the trained one."""

    rows: int
    edge_rows: int
    largest_difference: float
    label_flips: int

    def to_json(self) -> dict[str, object]:
        """Give the report as the package holds it."""
        return {
            "rows": self.rows,
            "edge_rows": self.edge_rows,
            "largest_difference": self.largest_difference,
            "label_flips": self.label_flips,
            "tolerance": TOLERANCE,
        }


@dataclass(frozen=True)
class Difference:
    """How far two sets of scores of the same rows are apart, and the row where they are furthest."""

    largest: float
    label_flips: int
    worst_row: int

    @property
    def is_allowed(self) -> bool:
        """Tell whether the gate lets it pass."""
        return self.largest <= TOLERANCE and not self.label_flips

    def describe(self, edge_rows: int, rows: int, frame: pl.DataFrame | None = None) -> str:
        """Say it in words; the last `edge_rows` of all `rows` are edge rows."""
        kind = "edge row" if self.worst_row >= rows - edge_rows else "row"
        return (
            f"by up to {self.largest:.3g}, {self.label_flips} labels flip, worst on {kind} {self.worst_row}"
            + ("" if frame is None else f" ({_describe(frame, self.worst_row)})")
        )


def find_difference(wanted: Floats, given: Floats, *, threshold: float | None) -> Difference:
    """Compare scores of one shape; `threshold` is the binary threshold, None for other tasks."""
    with np.errstate(invalid="ignore"):  # infinity from infinity
        difference = np.abs(wanted - given) / np.maximum(1.0, np.abs(wanted))
    difference[(np.isnan(wanted) & np.isnan(given)) | (wanted == given)] = 0.0
    difference = np.nan_to_num(difference, nan=np.inf)
    by_row = difference if difference.ndim == 1 else difference.max(axis=1)
    if not len(by_row):
        return Difference(0.0, 0, 0)
    flipped = _decisions(wanted, threshold) != _decisions(given, threshold)
    return Difference(float(by_row.max()), int(flipped.sum()), int((by_row + flipped).argmax()))


def check_parity(
    trained: Floats,
    packaged: Floats,
    *,
    edge_rows: int,
    threshold: float | None,
    what: str,
    rows: pl.DataFrame | None = None,
) -> ParityReport:
    """Compare scores of the same rows; the last `edge_rows` are edge rows.

    `threshold` is the binary threshold, None for other tasks. Raises `ParityFailed` naming the worst row, and
    its columns when `rows` has them.
    """
    if trained.shape != packaged.shape:
        raise ParityFailed(
            f"{what}: the package gives shape {packaged.shape}, the library {trained.shape}",
            hint="report this with the model file: it is a bug in the conversion",
        )
    found, count = find_difference(trained, packaged, threshold=threshold), len(trained)
    if not found.is_allowed:
        raise ParityFailed(
            f"{what}: the package differs from the library {found.describe(edge_rows, count, rows)}",
            hint="the version is not registered; report this with the model file",
            largest_difference=found.largest,
            label_flips=found.label_flips,
        )
    return ParityReport(count - edge_rows, edge_rows, found.largest, found.label_flips)


def edge_frame(
    frame: pl.DataFrame,
    columns: Sequence[Column],
    thresholds: Mapping[int, Sequence[float]],
    transform: TransformDocument,
    *,
    rows: int,
    seed: int,
) -> pl.DataFrame:
    """Make rows out of real ones: null, infinite, huge, unseen, empty, or a hair from a threshold.

    `thresholds` are those of numeric splits by model input; they are put into the columns that a transform
    passes on unchanged, or scaled, with their neighbours in float64 and in float32.
    """
    generator = np.random.default_rng(seed)
    base = frame[generator.integers(0, frame.height, rows)]
    near = column_thresholds(transform, thresholds)
    made = [_edge_column(base[column.name], column, near.get(column.name), generator) for column in columns]
    return pl.DataFrame(made)


def column_thresholds(
    transform: TransformDocument, thresholds: Mapping[int, Sequence[float]]
) -> dict[str, Floats]:
    """Give the numbers of columns that stand on thresholds of model inputs."""
    found: dict[str, Floats] = {}
    for place, output in enumerate(transform["outputs"]):
        if output["op"] not in ("number", "scale") or place not in thresholds:
            continue
        numbers = np.array(thresholds[place])
        if output["op"] == "scale":
            with np.errstate(over="ignore"):
                numbers = numbers * output["scale"] + output["mean"]
        found[output["column"]] = np.concatenate([found.get(output["column"], np.zeros(0)), numbers])
    return found


def _edge_column(
    values: pl.Series, column: Column, near: Floats | None, generator: np.random.Generator
) -> pl.Series:
    odd: list[object]
    if column.type == "string":
        odd = [None, *ODD_TEXTS]
    elif column.type == "timestamp":
        odd = [None, *ODD_MOMENTS]
    elif column.type == "boolean":
        odd = [None, True, False]
    else:
        odd = [None, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324, -1.0, 0.5, 1e9]
        if near is not None:
            chosen = generator.choice(near, min(len(near), 200), replace=False)
            odd += _neighbours(chosen).tolist()
    share = 0.5 if near is not None else 0.15
    dtype = pl.Float64 if column.type in ("number", "integer") else values.dtype
    pool = pl.Series(odd, dtype=dtype)
    drawn = pool.gather(generator.integers(0, len(pool), len(values)))
    return drawn.zip_with(pl.Series(generator.random(len(values)) < share), values.cast(dtype)).alias(
        column.name
    )


def edge_matrix(matrix: Floats, thresholds: dict[int, list[float]], seed: int) -> Floats:
    """Make rows out of real ones in which values are missing, infinite, huge, or a hair from a threshold.

    Thresholds are visited with their neighbours in float64 and in float32, as far as MOST_EDGE_ROWS goes.
    """
    generator = np.random.default_rng(seed)
    near = {feature: _neighbours(np.unique(values)) for feature, values in thresholds.items()}
    most = max((3 * len(values) for values in near.values()), default=0)
    rows = matrix[generator.integers(0, len(matrix), min(max(EDGE_ROWS, most), MOST_EDGE_ROWS))].copy()
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324, -1.0, 0.5, 1e9])
    mask = generator.random(rows.shape) < 0.15
    rows[mask] = generator.choice(odd, int(mask.sum()))
    for feature, values in near.items():
        chosen = generator.permutation(len(rows))[: int(0.4 * len(rows))]
        rows[chosen, feature] = np.resize(generator.permutation(values), len(chosen))
    return rows


def _neighbours(values: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype(np.float32)
        near = [single, np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))]
    exact = np.concatenate([values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)])
    return np.concatenate([exact, *(part.astype(np.float64) for part in near)])


def _describe(rows: pl.DataFrame, place: int) -> str:
    """Give the values of a row by column, as many as a message holds."""
    values = rows.row(place, named=True)
    shown = [f"{name}={str(value)[:MOST_LETTERS]}" for name, value in list(values.items())[:MOST_COLUMNS]]
    return ", ".join(shown) + (", …" if len(values) > MOST_COLUMNS else "")


def _decisions(scores: Floats, threshold: float | None) -> npt.NDArray[np.int64]:
    if scores.ndim == 2:
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)
    if threshold is None:
        return np.zeros(len(scores), dtype=np.int64)
    return np.asarray(scores >= threshold, dtype=np.int64)
