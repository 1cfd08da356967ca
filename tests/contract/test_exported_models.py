"""Models of other libraries go through a package into a graph, and older runtimes run it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.features import native_columns
from mlwright.packaging.export_check import check_export, column_tensors
from mlwright.packaging.exporting import lower_package
from mlwright.packaging.importing import import_catboost, import_xgboost
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from tests.contract import test_catboost_models, test_xgboost_models
from tests.environments import environment
from tests.unit.packaging import exported

SCRIPTS = Path(__file__).parent
READERS = {"xgboost": import_xgboost, "catboost": import_catboost}
LIBRARIES = {
    "xgboost": test_xgboost_models.VERSIONS["3"],
    "catboost": ("catboost>=1.2.8,<2",),
}
FILES = {
    "xgboost": {f"{name}.json" for name in test_xgboost_models.NAMES} | {"frame.model"},
    "catboost": {f"{name}.json" for name in (*test_catboost_models.NUMBERS, *test_catboost_models.TEXTS)},
}
OLDEST_RUNTIME = "onnxruntime==1.21.1"
ASK = """
import sys, numpy as np, onnxruntime
given = np.load("rows.npz", allow_pickle=True)
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
prediction, score, probabilities = session.run(None, dict(given))
np.savez("answers.npz", prediction=prediction.astype(str), score=score)
"""


@pytest.mark.slow
@pytest.mark.promise("export.exact")
@pytest.mark.parametrize("framework", ["xgboost", "catboost"])
def test_the_graph_of_every_kind_of_model_answers_as_its_package(tmp_path: Path, framework: str) -> None:
    python = environment(framework, LIBRARIES[framework])
    for command in ("train", "frame") if framework == "xgboost" else ("train",):
        script = SCRIPTS / f"{framework}_models.py"
        done = subprocess.run(
            [python, script, command, tmp_path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    found = {path.name for path in tmp_path.iterdir()} & FILES[framework]
    assert found == FILES[framework]
    for name in sorted(found):
        content = READERS[framework]((tmp_path / name).read_bytes(), "m").content
        folder = tmp_path / publish_package(tmp_path, content)
        graph = lower_package(folder, {"mlwright.release": "0"})
        report = check_export(folder, graph, real=None, tell=lambda share, text: None)
        assert (report.made_rows, report.label_flips) == (10_000, 0), name
        assert report.largest_difference < 1e-12, name


@pytest.mark.slow
@pytest.mark.promise("export.exact")
def test_the_oldest_runtime_that_the_guide_names_gives_the_same_answers(tmp_path: Path) -> None:
    folder = exported.trained(tmp_path, "trees", "binary")
    predictor = PackagePredictor(folder)
    rows: pl.DataFrame = exported.flights(rows=3_000, seed=12)
    graph = lower_package(folder, {"mlwright.release": "0"})
    (tmp_path / "model.onnx").write_bytes(graph.data)
    tensors = column_tensors(rows, predictor.columns)
    np.savez(tmp_path / "rows.npz", **tensors)  # type: ignore[arg-type]  # numpy's stub has a flag there
    python = environment("onnxruntime", (OLDEST_RUNTIME, "numpy>=2.1"))
    done = subprocess.run([python, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    given = np.load(tmp_path / "answers.npz")
    scores = predictor.predict_columns(native_columns(rows, predictor.columns), rows.height)
    assert np.abs(given["score"][:, 0] - scores).max() < 1e-12
    classes = np.array(exported.CLASSES["binary"])
    assert (given["prediction"][:, 0] == classes[predictor.decide(scores)]).all()
