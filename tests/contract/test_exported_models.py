"""Models of other libraries go through a package into a graph, and older runtimes run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

from mlwright.features import native_columns
from mlwright.packaging.export_check import check_export, column_tensors
from mlwright.packaging.exporting import lower_package
from mlwright.packaging.importing import import_catboost, import_fitted, import_xgboost
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from tests.contract import test_catboost_models, test_xgboost_models
from tests.environments import environment
from tests.unit.packaging import exported
from tests.unit.packaging.test_pipeline_texts import EXACT, FRAME, LABELS, OF_TEXTS, TEXTS

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
import numpy as np, onnxruntime
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
@pytest.mark.promise("export.exact", "export.texts")
@pytest.mark.parametrize("table", ["flights", "reviews"])
def test_the_oldest_runtime_that_the_guide_names_gives_the_same_answers(tmp_path: Path, table: str) -> None:
    if table == "flights":
        folder, rows = exported.trained(tmp_path, "trees", "binary"), exported.flights(rows=3_000, seed=12)
    else:
        folder, rows = exported.trained_on_reviews(tmp_path, "trees"), exported.reviews(rows=3_000, seed=12)
    predictor = PackagePredictor(folder)
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


@pytest.mark.slow
@pytest.mark.promise("export.texts")
@pytest.mark.parametrize("case", [*OF_TEXTS, *EXACT])
def test_every_vectorizer_that_is_imported_is_exported_with_its_words(tmp_path: Path, case: str) -> None:
    pipeline, read = (OF_TEXTS[case], TEXTS) if case in OF_TEXTS else (EXACT[case], FRAME)
    rows = pl.DataFrame({"text": TEXTS}) if case in OF_TEXTS else FRAME
    content = import_fitted(pipeline.fit(read, LABELS), "texts", rows=rows).content
    folder = tmp_path / publish_package(tmp_path, content)
    report = check_export(
        folder, lower_package(folder, {"mlwright.release": "0"}), real=None, tell=lambda share, text: None
    )
    assert (report.made_rows, report.label_flips) == (10_000, 0)
    assert report.edge_rows > 5_000
    assert report.largest_difference < 1e-12


@pytest.mark.slow
@pytest.mark.promise("export.texts", "export.graph")
def test_a_project_with_sentences_is_exported_by_command_and_predicts_the_same(tmp_path: Path) -> None:
    def mlwright(*arguments: str) -> None:
        command = [sys.executable, "-m", "mlwright", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    table = exported.reviews()
    table.with_columns(liked=pl.Series(exported.liking(table))).write_parquet(tmp_path / "reviews.parquet")
    mlwright("init", "shop", "--data", "reviews.parquet", "--label", "liked")
    mlwright("run", "--project", "shop", "--trials", "2", "--seed", "3")
    mlwright("model", "export", "shop@latest", "--project", "shop", "--to", "onnx", "--out", "shop.onnx")
    rows = exported.reviews(rows=400, seed=9)
    rows.write_parquet(tmp_path / "rows.parquet")
    mlwright(
        "predict",
        "--project",
        "shop",
        "--model",
        "shop@latest",
        "--data",
        "rows.parquet",
        "--out",
        "a.parquet",
    )
    session = onnxruntime.InferenceSession(tmp_path / "shop.onnx")
    prediction, score, _ = session.run(None, column_tensors(rows, exported.REVIEWED))
    wanted = pl.read_parquet(tmp_path / "a.parquet")
    assert np.abs(score[:, 0] - wanted["score"].to_numpy()).max() < 1e-12
    assert (prediction[:, 0] == wanted["prediction"].to_numpy()).all()
    assert 50 < (score[:, 0] > 0.5).sum() < 350
