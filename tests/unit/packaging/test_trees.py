"""LightGBM's text becomes the own tree format, bit for bit the same answers."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from mlwright.errors import ModelUnsupported, PackageCorrupt, ParityFailed
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.package import PackageContent, Signature, publish_package
from mlwright.packaging.parity import check_parity, edge_matrix
from mlwright.packaging.predictor import PackagePredictor
from mlwright.packaging.trees import trees_from_lightgbm

KINDS: dict[str, dict[str, object]] = {
    "binary": {"objective": "binary"},
    "zero as missing": {"objective": "binary", "zero_as_missing": True},
    "no missing": {"objective": "binary", "use_missing": False},
    "regression": {"objective": "regression"},
    "poisson": {"objective": "poisson"},
    "random forest": {"objective": "binary", "boosting": "rf", "bagging_fraction": 0.7, "bagging_freq": 1},
}


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(4_000, 8))
    matrix[:, 2] = rng.integers(0, 60, 4_000)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    matrix[rng.random(matrix.shape) < 0.1] = 0.0
    target = np.nan_to_num(matrix[:, 0]) + (np.nan_to_num(matrix[:, 2]) % 7 == 0) + np.isnan(matrix[:, 1])
    return matrix, target


def package(folder: Path, text: str) -> tuple[PackagePredictor, bytes]:
    model = trees_from_lightgbm(text)
    width = len(model.columns)
    classes = (0, 1) if model.task == "binary" else ()
    signature = Signature(
        kind="tensor",
        inputs=({"name": "input", "datatype": "FP64", "shape": [-1, width]},),
        outputs=({"name": "output", "datatype": "FP64", "shape": [-1, 2]},),
        classes=classes,
        positive=1 if classes else None,
    )
    digest = publish_package(folder, PackageContent("m", model.task, "trees", model.data, signature))
    return PackagePredictor(folder / digest), model.data


@pytest.mark.promise("model.trees-exact", "run.parity")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_answers_as_lightgbm_on_real_and_edge_rows(tmp_path: Path, kind: str) -> None:
    matrix, target = table()
    labels = (target > 0.7).astype(float) if KINDS[kind]["objective"] == "binary" else np.abs(target).round(1)
    settings = {"verbose": -1, "num_leaves": 31, "seed": 1, **KINDS[kind]}
    dataset = lgb.Dataset(matrix, labels, categorical_feature=[2], params=settings)
    booster = lgb.train(settings, dataset, 60)
    predictor, data = package(tmp_path, booster.model_to_string())
    rows = np.vstack([matrix, edge_matrix(matrix, thresholds_of(data), 1)])
    assert np.array_equal(predictor.predict_matrix(rows), np.asarray(booster.predict(rows)))


def test_what_cannot_be_reproduced_is_refused() -> None:
    matrix, target = table()
    settings = {"objective": "regression", "linear_tree": True, "verbose": -1}
    booster = lgb.train(settings, lgb.Dataset(np.nan_to_num(matrix), target, params=settings), 5)
    with pytest.raises(ModelUnsupported, match="linear"):
        trees_from_lightgbm(booster.model_to_string())
    with pytest.raises(ModelUnsupported):
        trees_from_lightgbm("not a model")


@pytest.mark.promise("run.package", "serve.corrupt")
def test_the_same_content_is_the_same_package_and_a_changed_byte_is_refused(tmp_path: Path) -> None:
    matrix, target = table()
    booster = lgb.train({"verbose": -1}, lgb.Dataset(matrix, target), 5)
    package(tmp_path, booster.model_to_string())
    package(tmp_path, booster.model_to_string())
    folders = list(tmp_path.iterdir())
    assert len(folders) == 1
    path = folders[0] / "model.trees"
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)
    with pytest.raises(PackageCorrupt):
        PackagePredictor(folders[0])


@pytest.mark.promise("run.parity")
def test_a_package_that_differs_is_refused() -> None:
    scores = np.linspace(0, 1, 100)
    assert check_parity(scores, scores.copy(), edge_rows=10, threshold=0.5, what="m").label_flips == 0
    with pytest.raises(ParityFailed, match="row 7"):
        check_parity(scores, scores + (np.arange(100) == 7) * 1e-3, edge_rows=10, threshold=0.5, what="m")
    with pytest.raises(ParityFailed, match="labels flip"):
        check_parity(np.array([0.5]), np.array([0.5 - 1e-9]), edge_rows=0, threshold=0.5, what="m")
