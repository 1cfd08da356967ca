"""Types of the compiled core (crate mlwright-python)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict, final

import numpy as np
import numpy.typing as npt

Column: TypeAlias = tuple[
    str,
    str,
    npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.uint32],
    Sequence[str] | None,
]
"""Name, kind, values and levels.

Kind `number`, `integer` or `boolean`: float64, NaN is null. Kind `timestamp`: int64 microseconds, the
smallest int64 is null. Kind `string`, or any kind with levels: uint32 codes into the levels, the largest
uint32 is null.
"""

class NativeError(Exception):
    """A failure in the compiled core."""

    args: tuple[str, str]
    """The stable dotted code and the message."""

class WindowColumns(TypedDict):
    """Counter windows, one entry per window in every list."""

    time_us: list[int]
    from_us: list[int]
    variant: list[str]
    version: list[int]
    cells: list[str]

def version() -> str:
    """Give the version of the compiled core."""

def serve(config_json: str) -> int:
    """Run the server until it is told to stop; give its exit code."""

def bench(
    config_json: str,
    bodies: Sequence[bytes],
    on_progress: Callable[[float, float, int, int], None] | None = None,
) -> str:
    """Measure one rate with these bodies in turn; give what was found (JSON).

    `on_progress` hears elapsed and total seconds, good and failed answers. Ctrl-C and an exception in it end
    the load at once.
    """

def verify_package(path: str, digest: str | None = None) -> str:
    """Verify a package folder; give its manifest (JSON)."""

@final
class Predictor:
    """A verified, loaded package."""

    def __new__(cls, path: str, onnxruntime: str | None = None) -> Predictor: ...
    @property
    def manifest(self) -> str:
        """The manifest of the package (JSON)."""

    def predict_columns(self, columns: Sequence[Column], rows: int) -> npt.NDArray[np.float64]:
        """Score columns; give float64 [rows, K]."""

    def predict_matrix(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Score a C-contiguous float64 matrix [rows, features]; give float64 [rows, K]."""

def fit_text(
    texts: Sequence[str],
    rows: npt.NDArray[np.float64],
    sums: npt.NDArray[np.float64],
    parts: npt.NDArray[np.uint32],
    longest: int,
    fewest: int,
    most: int,
    penalty: float,
) -> tuple[
    list[str],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
]:
    """Learn terms, idf, squares, weights [terms, targets], shifts and scores [texts, targets] of texts."""

def transform(transform_json: str, columns: Sequence[Column], rows: int) -> npt.NDArray[np.float64]:
    """Apply a transform document to columns; give float64 [rows, outputs]."""

def check_rows(
    contract_json: str, row_json: Sequence[str], inputs: Sequence[str] | None = None
) -> list[str | None]:
    """Check rows (JSON objects) as the server does; give a violation (JSON) or None per row.

    `inputs` are the columns that a row must have: by default all of the contract but the label.
    """

def read_log(directory: str, after: Mapping[str, int]) -> tuple[dict[str, list[object]], dict[str, int]]:
    """Read predictions that follow a cursor (segment file -> offset); give them and the next cursor.

    One entry per row in every list: id, variant, model, unit, reason, input (str), time_us, version, epoch,
    rollout, latency_us (int), propensity, prediction (float: index of the class, or the value), scores (list
    of float).
    """

def read_feedback(
    directory: str, after: Mapping[str, int]
) -> tuple[tuple[list[str], list[int], list[str], list[str]], dict[str, int]]:
    """Read feedback that follows a cursor; give ids, times in µs, kinds, values (JSON), and the cursor."""

def read_windows(directory: str, after: Mapping[str, int]) -> tuple[WindowColumns, dict[str, int]]:
    """Read counter windows that follow a cursor; give them and the next cursor."""

def append_feedback(
    directory: str,
    ids: Sequence[str],
    values: Sequence[str],
    kinds: Sequence[str],
    times_us: Sequence[int],
) -> int:
    """Append labels and events (values are JSON); give the number of records."""

def unit_hash(salt: str, unit: str) -> int:
    """Give the 53-bit hash of a unit under a salt."""

def thresholds(weights: Sequence[float]) -> list[int]:
    """Turn weights that add up to 1 into cumulative 53-bit thresholds."""

def choose_variant(hash53: int, thresholds: Sequence[int]) -> int:
    """Give the index of the variant that owns a hash."""

def event_log_e(
    strata: Sequence[tuple[float, int, int]], tolerated_ratio: float, direction: Literal["rise", "fall"]
) -> float:
    """Give ln E that bad events fall on the candidate more or less than tolerated."""

@final
class RateDetector:
    """An e-detector of a bad-event rate above `reference_rate * tolerance`."""

    def __new__(
        cls, reference_rate: float, tolerance: float, mean_labels_between_false_alarms: float
    ) -> RateDetector: ...
    def update(self, bad: int, good: int) -> float:
        """Add outcomes in order of arrival; give the log evidence now."""

    def reset(self) -> None:
        """Forget all evidence and the alarm."""

    @property
    def alarmed(self) -> bool:
        """Whether the evidence has crossed its bound."""

    @property
    def log_evidence(self) -> float:
        """The log evidence now."""

    @property
    def log_bound(self) -> float:
        """The log evidence at which the alarm is raised."""
