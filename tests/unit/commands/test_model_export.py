"""Exporting writes one file, after the gate, or none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

import mlwright
from mlwright.commands.init import InitRequest, init
from mlwright.commands.model_export import ModelExportRequest, model_export
from mlwright.commands.model_import import ModelImportRequest, model_import
from mlwright.commands.predict import PredictRequest, predict
from mlwright.commands.run import RunRequest, run
from mlwright.errors import ContractBroken, ModelUnknown, ModelUnsupported, PackageCorrupt, UsageError
from mlwright.packaging.export_check import column_tensors
from mlwright.packaging.predictor import PackagePredictor
from mlwright.pipeline import Silent
from mlwright.project import find_project
from mlwright.registry import NewVersion, Registry
from tests.unit.packaging import exported, graphs


class Steps(Silent):
    """Remembers the names of the steps and how far they moved."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.moves = 0

    def step_moved(self, name: str, share: float, text: str) -> None:
        assert 0 <= share <= 1
        self.moves += 1

    def step_finished(self, name: str, status: str, seconds: float, text: str) -> None:
        self.names.append(name)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a run over flights whose nulls, texts and moments are all kinds."""
    folder = tmp_path_factory.mktemp("flights")
    table = exported.flights()
    late = pl.Series("late", exported.target(table, "binary").astype(np.int64))
    table.with_columns(late).write_parquet(folder / "flights.parquet")
    request = InitRequest("flights", folder, (str(folder / "flights.parquet"),), label="late")
    root = init(request).root
    run(RunRequest(root, budget_cpu_s=5.0), Silent())
    return root


def add(project: Path, package: Path, name: str) -> None:
    """Register a package that a test has published."""
    found = find_project(project)
    version = NewVersion(name, package.name, "regression", "linear", "import", "pass", {})
    Registry(found.database).register(version, actor="test")


@pytest.mark.promise("export.graph", "export.gate")
def test_a_run_is_exported_over_its_own_rows_and_runs_in_one_call(flights: Path) -> None:
    steps, out = Steps(), flights / "deep" / "flights.onnx"
    result = model_export(ModelExportRequest(flights, "flights@latest", out), steps)
    assert (result.reference, result.is_written, result.bytes) == ("flights@1", True, out.stat().st_size)
    assert (result.real_rows, result.made_rows, result.edge_rows) == (1_500, 8_500, 4_000)
    assert result.label_flips == 0
    assert result.largest_difference < 1e-12
    assert steps.names == ["lower", "parity", "write"]
    assert steps.moves > 5
    predictor = PackagePredictor(find_project(flights).packages / result.digest)
    rows = exported.flights(rows=40, seed=9)
    session = onnxruntime.InferenceSession(out)
    tensors = column_tensors(rows, predictor.columns)
    prediction, score, probabilities = session.run(None, tensors)
    assert (prediction.shape, score.shape, probabilities.shape) == ((40, 1), (40, 1), (40, 2))
    assert set(prediction[:, 0].tolist()) <= {0, 1}
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(40))
    said = session.get_modelmeta().custom_metadata_map
    assert (said["mlwright.model"], said["mlwright.version"]) == ("flights", "1")
    assert (said["mlwright.package"], said["mlwright.release"]) == (result.digest, mlwright.__version__)


@pytest.mark.promise("export.graph")
def test_what_was_exported_is_imported_again_and_predicts_the_same(flights: Path) -> None:
    out = flights / "again.onnx"
    mlwright.export_model("flights", out, project=flights)
    model_import(ModelImportRequest(flights, out, "onnx", name="again"))
    rows = exported.flights(rows=200, seed=4)
    rows.write_parquet(flights / "rows.parquet")
    with pytest.raises(ContractBroken, match="'at' holds moments") as caught:
        predict(PredictRequest(flights, "again@latest", flights / "rows.parquet", flights / "b.parquet"))
    assert "microseconds" in caught.value.hint
    numbers = pl.col("at").to_physical().fill_null(np.iinfo(np.int64).min)
    rows.with_columns(numbers).write_parquet(flights / "numbers.parquet")
    predict(PredictRequest(flights, "flights@1", flights / "rows.parquet", flights / "a.parquet"))
    predict(PredictRequest(flights, "again@latest", flights / "numbers.parquet", flights / "b.parquet"))
    first, second = (pl.read_parquet(flights / name) for name in ("a.parquet", "b.parquet"))
    assert first["prediction"].to_list() == second["prediction"].to_list()
    assert np.abs(first["score"].to_numpy() - second["score"].to_numpy()).max() < 1e-12


@pytest.mark.promise("export.gate")
def test_rows_are_made_when_those_of_the_run_are_gone(flights: Path) -> None:
    blobs, away = find_project(flights).blobs.root, flights / "away"
    blobs.rename(away)
    try:
        result = model_export(ModelExportRequest(flights, "flights", flights / "m.onnx", is_dry_run=True))
    finally:
        away.rename(blobs)
    assert (result.real_rows, result.made_rows, result.label_flips) == (0, 10_000, 0)
    assert not result.is_written
    assert not (flights / "m.onnx").exists()


@pytest.mark.promise("export.gate")
def test_a_refusal_leaves_no_file_and_touches_none(flights: Path) -> None:
    column = exported.Column("shop", "string")
    transform = {"format": 1, "inputs": [{"name": "shop", "type": "string"}]}
    outputs = [{"name": "shop|null", "op": "isnull", "column": "shop"}]
    model = {"format": 1, "features": 1, "link": "identity", "coefficients": [[1.0]], "intercept": [0.0]}
    package = exported.columns_package(
        find_project(flights).packages,
        {**transform, "outputs": outputs},  # type: ignore[typeddict-item]  # as a file has it
        json.dumps(model).encode(),
        engine="linear",
        task="regression",
        columns=[column],
    )
    add(flights, package, "nulls")
    out = flights / "kept" / "m.onnx"
    with pytest.raises(ModelUnsupported):
        model_export(ModelExportRequest(flights, "nulls@1", out))
    assert not out.parent.exists()
    out.parent.mkdir()
    out.write_bytes(b"mine")
    with pytest.raises(ModelUnsupported):
        model_export(ModelExportRequest(flights, "nulls@1", out))
    assert list(out.parent.iterdir()) == [out]
    assert out.read_bytes() == b"mine"


def test_a_package_that_was_changed_is_not_exported(tmp_path: Path) -> None:
    root = init(InitRequest("m", tmp_path, empty=True)).root
    (root / "model.onnx").write_bytes(graphs.columns_graph())
    digest = model_import(ModelImportRequest(root, root / "model.onnx", "onnx")).digest
    out = root / "out.onnx"
    assert model_export(ModelExportRequest(root, "m@1", out)).made_rows == 2_000
    path = find_project(root).packages / digest / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PackageCorrupt):
        model_export(ModelExportRequest(root, "m@1", root / "other.onnx"))
    assert not (root / "other.onnx").exists()


@pytest.mark.parametrize("name", ["m", "m.pb", "folder.onnx"])
def test_a_file_that_is_no_onnx_name_is_a_usage_error(flights: Path, name: str) -> None:
    (flights / "folder.onnx").mkdir(exist_ok=True)
    with pytest.raises(UsageError, match="cannot write"):
        model_export(ModelExportRequest(flights, "flights", flights / name))


def test_an_unknown_version_is_said(flights: Path) -> None:
    with pytest.raises(ModelUnknown):
        model_export(ModelExportRequest(flights, "flights@9", flights / "m.onnx"))
