"""A package loaded by the same compiled code that serves it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlwright import native
from mlwright.data import Column
from mlwright.errors import PackageCorrupt
from mlwright.features import NativeColumn
from mlwright.packaging.runtime_library import find_runtime_library

Floats = npt.NDArray[np.float64]


class PackagePredictor:
    """Predicts batches with a package.

    Scores are `[rows]` for binary (probability of the positive class) and regression, `[rows, classes]` for
    more classes. Raises `PackageCorrupt` when the package is not what its manifest says.
    """

    def __init__(self, folder: Path) -> None:
        library = find_runtime_library()
        try:
            self._predictor = native.Predictor(str(folder), None if library is None else str(library))
        except native.NativeError as cause:
            code, message = cause.args
            raise PackageCorrupt(
                f"the package {folder.name[:12]} cannot be loaded: {message}",
                hint="restore the folder from a copy, or choose another version with `mlwright model list`",
                reason=code,
            ) from cause
        self.manifest: dict[str, object] = json.loads(self._predictor.manifest)

    @property
    def task(self) -> str:
        """Give the task: binary, multiclass or regression."""
        return str(self.manifest["task"])

    @cached_property
    def signature(self) -> dict[str, object]:
        """Give the signature of the manifest."""
        signature = self.manifest["signature"]
        assert isinstance(signature, dict)
        return signature

    @property
    def classes(self) -> list[object]:
        """Give the classes, in the order of their probabilities."""
        classes = self.signature["classes"]
        assert isinstance(classes, list)
        return classes

    @property
    def is_tensor(self) -> bool:
        """Tell whether it takes a matrix rather than named columns."""
        return self.signature["kind"] == "tensor"

    @property
    def columns(self) -> list[Column]:
        """Give the columns that it reads."""
        inputs = self.signature["inputs"]
        assert isinstance(inputs, list)
        return [Column(item["name"], item["type"], item["nullable"]) for item in inputs]

    @property
    def matrix_width(self) -> int | None:
        """Give how many numbers a row has when it takes one matrix, None otherwise."""
        inputs = self.signature["inputs"]
        assert isinstance(inputs, list)
        if not self.is_tensor or len(inputs) != 1 or len(inputs[0]["shape"]) != 2:
            return None
        width = inputs[0]["shape"][1]
        return int(width) if width > 0 else None

    @property
    def threshold(self) -> float:
        """Give the score from which a binary model says positive."""
        threshold = self.signature.get("threshold")
        return float(threshold) if isinstance(threshold, int | float) else 0.5

    def predict_columns(self, columns: Sequence[NativeColumn], rows: int) -> Floats:
        """Score columns as `features.native_columns` gives them."""
        return self._flat(self._predictor.predict_columns(columns, rows))

    def predict_matrix(self, values: Floats) -> Floats:
        """Score a matrix `[rows, features]`."""
        return self._flat(self._predictor.predict_matrix(np.ascontiguousarray(values, dtype=np.float64)))

    def decide(self, scores: Floats) -> npt.NDArray[np.int64]:
        """Give the index of the predicted class of each row, by the packaged threshold."""
        if self.task == "binary":
            return np.asarray(scores >= self.threshold, dtype=np.int64)
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)

    def _flat(self, scores: Floats) -> Floats:
        return scores if self.task == "multiclass" else scores[:, 0]
