"""A package loaded by the same compiled code that serves it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlwright import native
from mlwright.data import Column, DataContract, read_contract
from mlwright.errors import ModelUnsupported, PackageCorrupt
from mlwright.features import NativeColumn
from mlwright.packaging.graph_run import Tensor, run_graph
from mlwright.packaging.runtime_library import find_runtime_library

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TensorInput:
    """A tensor by its name, datatype (of the Open Inference Protocol) and shape, -1 where it is open."""

    name: str
    datatype: str
    shape: tuple[int, ...]


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
        self._folder = folder
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
        """Tell whether it takes tensors rather than named columns."""
        return self.signature["kind"] == "tensor"

    @property
    def tensors(self) -> list[TensorInput]:
        """Give the tensors that it takes."""
        inputs = self.signature["inputs"]
        assert isinstance(inputs, list)
        return [TensorInput(item["name"], item["datatype"], tuple(item["shape"])) for item in inputs]

    @property
    def columns(self) -> list[Column]:
        """Give the columns that it reads."""
        inputs = self.signature["inputs"]
        assert isinstance(inputs, list)
        return [Column(item["name"], item["type"], item["nullable"]) for item in inputs]

    @property
    def is_imported(self) -> bool:
        """Tell whether the model came from elsewhere, and not from a run."""
        provenance = self.manifest["provenance"]
        assert isinstance(provenance, dict)
        return provenance.get("run") is None

    @cached_property
    def contract(self) -> DataContract:
        """Give the contract of a package of named columns."""
        return read_contract((self._folder / "contract.json").read_bytes())

    @property
    def matrix_width(self) -> int | None:
        """Give how many numbers a row has when it takes one matrix, None otherwise."""
        if not self.is_tensor or len(self.tensors) != 1:
            return None
        only = self.tensors[0]
        if len(only.shape) != 2 or only.shape[1] <= 0 or only.datatype == "BYTES":
            return None
        return only.shape[1]

    @property
    def threshold(self) -> float:
        """Give the score from which a binary model says positive."""
        threshold = self.signature.get("threshold")
        return float(threshold) if isinstance(threshold, int | float) else 0.5

    def predict_columns(self, columns: Sequence[NativeColumn], rows: int) -> Floats:
        """Score columns as `features.native_columns` gives them."""
        return self._flat(self._predictor.predict_columns(columns, rows))

    def predict_matrix(self, values: Floats) -> Floats:
        """Score a matrix `[rows, features]`.

        Raises `ModelUnsupported` when a graph does not take its rows.
        """
        try:
            scores = self._predictor.predict_matrix(np.ascontiguousarray(values, dtype=np.float64))
        except native.NativeError as cause:
            raise ModelUnsupported(
                f"the model does not take these {len(values)} rows: {cause.args[1]}",
                hint="a graph whose first dimension is open takes any number of rows",
                reason=cause.args[0],
            ) from cause
        return self._flat(scores)

    def run_tensors(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Give the main output `[rows, values]` of a graph that takes several tensors, or other than numbers.

        The runtime library computes it, called from Python: the compiled code takes matrices only.
        """
        data = (self._folder / "model.onnx").read_bytes()
        return run_graph(data, tensors)

    def narrow(self, outputs: Floats) -> Floats:
        """Give scores out of all numbers that a graph gives for each row."""
        if self.task == "multiclass":
            return outputs
        return outputs[:, -1] if self.task == "binary" else outputs[:, 0]

    def decide(self, scores: Floats) -> npt.NDArray[np.int64]:
        """Give the index of the predicted class of each row, by the packaged threshold."""
        if self.task == "binary":
            return np.asarray(scores >= self.threshold, dtype=np.int64)
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)

    def _flat(self, scores: Floats) -> Floats:
        return scores if self.task == "multiclass" else scores[:, 0]
