"""XGBoost's own answers on its own models: every leaf the same, sums the same up to float32 addition."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mlwright.features import NULL_CODE, NativeColumn
from mlwright.packaging.importing import import_xgboost
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from mlwright.packaging.xgboost_file import XgboostFile, read_xgboost
from mlwright.packaging.xgboost_trees import margins_of
from mlwright.packaging.xgboost_walk import xgboost_answers, xgboost_leaves
from tests.contract.edges import ROWS, edge_rows
from tests.environments import environment

SCRIPT = Path(__file__).parent / "xgboost_models.py"
VERSIONS = {
    "2.1": ("xgboost-cpu==2.1.4", "scikit-learn<1.6"),
    "3": ("xgboost-cpu>=3.2,<4", "scikit-learn", "pandas"),
}
NAMES = (
    *("binary", "skewed", "logitraw", "regression", "share", "absolute", "huber", "squaredlog", "poisson"),
    *("gamma", "tweedie", "softprob", "softmax", "rank", "dart", "forest", "lossguide", "exact", "hinge"),
    *("one-hot", "stopped"),
)
CODES = [*range(-2, 45), 63, 64, 1_000, 2**24 - 1, 2**24, 2**24 + 1, 1e9, 3e9, 1e20, -1e20]


@dataclass(frozen=True)
class Trained:
    """Models, rows and the library's answers, in one folder."""

    folder: Path

    def rows(self, name: str) -> np.ndarray:
        return np.asarray(np.load(self.folder / f"{name}.npz")["rows"])

    def answers(self, name: str) -> dict[str, np.ndarray]:
        return dict(np.load(self.folder / f"{name}.answers.npz"))


def source_rows(model: XgboostFile) -> np.ndarray:
    thresholds: dict[int, list[float]] = {}
    split_on = {int(tree.feature[node]) for tree in model.trees for node in tree.categories}
    for tree in model.trees:
        for node in np.flatnonzero(tree.left != -1):
            if node not in tree.categories:
                thresholds.setdefault(int(tree.feature[node]), []).append(float(tree.condition[node]))
    categories = {place: CODES for place, kind in enumerate(model.kinds) if kind == "c"}
    assert split_on <= set(categories)
    return edge_rows(thresholds, categories, model.features)


@pytest.fixture(scope="module", params=VERSIONS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    python = environment("xgboost", VERSIONS[request.param])
    folder = tmp_path_factory.mktemp(f"xgboost-{request.param}")
    run(python, "train", folder)
    assert {path.stem for path in folder.glob("*.json")} == set(NAMES)
    for path in folder.glob("*.json"):
        np.savez(folder / f"{path.stem}.npz", rows=source_rows(read_xgboost(path.read_bytes())))
    run(python, "predict", folder)
    return Trained(folder)


def run(python: Path, what: str, folder: Path) -> None:
    done = subprocess.run(
        [python, SCRIPT, what, folder], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.promise("import.xgboost")
@pytest.mark.parametrize("name", NAMES)
def test_a_package_answers_as_xgboost(trained: Trained, tmp_path: Path, name: str) -> None:
    data = (trained.folder / f"{name}.json").read_bytes()
    source, rows, answers = read_xgboost(data), trained.rows(name), trained.answers(name)
    assert len(rows) >= ROWS
    leaves = np.column_stack(list(xgboost_leaves(source, rows)))
    assert np.array_equal(leaves, answers["leaves"].reshape(leaves.shape))

    imported = import_xgboost(data, "m")
    assert (
        imported.content.model
        == import_xgboost((trained.folder / f"{name}.ubj").read_bytes(), "m").content.model
    )
    folder = tmp_path / publish_package(tmp_path, imported.content)
    packaged = predicted(PackagePredictor(folder), rows)
    walked = xgboost_answers(source, rows)
    assert np.allclose(packaged, walked, rtol=1e-13, atol=1e-300)

    weights = np.abs(margins_of(source)).max() + sum(
        np.abs(tree.condition[leaves[:, place]].astype(float)) * tree.weight
        for place, tree in enumerate(source.trees)
    )
    tolerance = 1e-6 * np.broadcast_to(weights, len(rows))
    expected = answers["scores"].astype(float)
    if name == "softmax":
        first, second = np.sort(packaged, axis=1)[:, [-1, -2]].T
        is_clear = np.log(first / second) > 2 * tolerance
        assert is_clear.mean() > 0.9
        assert np.array_equal(packaged.argmax(axis=1)[is_clear], expected[is_clear])
    else:
        scale = np.maximum(np.abs(expected), 1.0)
        excess = np.abs(packaged - expected) / scale
        assert (excess.reshape(len(rows), -1).max(axis=1) <= tolerance + 2e-7).all()

    report = imported.check(folder)
    assert report.rows >= ROWS
    assert report.largest_difference < 1e-12


def predicted(predictor: PackagePredictor, rows: np.ndarray) -> np.ndarray:
    if predictor.is_tensor:
        return predictor.predict_matrix(rows)
    columns = [
        (column.name, column.type, np.ascontiguousarray(rows[:, place]), None)
        for place, column in enumerate(predictor.columns)
    ]
    return predictor.predict_columns(columns, len(rows))


@pytest.mark.slow
@pytest.mark.promise("import.xgboost")
def test_categories_of_a_data_frame_are_texts(tmp_path: Path) -> None:
    run(environment("xgboost", VERSIONS["3"]), "frame", tmp_path)
    data, answers = (tmp_path / "frame.model").read_bytes(), np.load(tmp_path / "frame.answers.npz")
    source, rows = read_xgboost(data), answers["rows"]
    assert np.array_equal(np.column_stack(list(xgboost_leaves(source, rows))), answers["leaves"])
    sides = np.concatenate([tree.is_default_left[list(tree.categories)] for tree in source.trees])
    assert 0 < sides.mean() < 1
    imported = import_xgboost(data, "m")
    folder = tmp_path / publish_package(tmp_path, imported.content)
    predictor = PackagePredictor(folder)
    assert [(column.name, column.type) for column in predictor.columns] == [
        *(("price", "number"), ("shop", "string"), ("weight", "number"), ("size", "string"))
    ]
    columns: list[NativeColumn] = []
    for place, column in enumerate(predictor.columns):
        values = np.ascontiguousarray(rows[:, place])
        if column.type == "string":
            codes = np.where(np.isnan(values), NULL_CODE, values).astype(np.uint32)
            columns.append((column.name, "string", codes, list(source.levels[place])))
        else:
            columns.append((column.name, "number", values, None))
    found = predictor.predict_columns(columns, len(rows))
    assert np.abs(found - answers["scores"]).max() < 1e-6
    assert imported.check(folder).largest_difference < 1e-12
