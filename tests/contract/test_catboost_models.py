"""CatBoost's own answers on its own models: sums of 64-bit leaves agree, so each leaf is the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mlwright.errors import ModelUnsupported
from mlwright.packaging.catboost_file import CatboostFile, NumberTest, read_catboost
from mlwright.packaging.catboost_trees import all_tests, levels_of
from mlwright.packaging.catboost_walk import catboost_sums
from mlwright.packaging.importing import import_catboost
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from tests.contract.edges import ROWS, edge_rows
from tests.environments import environment

SCRIPT = Path(__file__).parent / "catboost_models.py"
NUMBERS = (
    *("logloss", "cross-entropy", "classes", "one-vs-all", "texts-as-classes", "rmse", "poisson", "tweedie"),
    *("mae", "quantile", "huber", "missing-high", "depthwise", "lossguide", "deep"),
)
TEXTS = ("one-hot", "one-hot-classes", "one-hot-depthwise")
CODES = range(30)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = environment("catboost", ["catboost>=1.2.8,<2"])
    folder = tmp_path_factory.mktemp("catboost")
    run(python, "train", folder)
    assert {path.stem for path in folder.glob("*.cbm")} == {*NUMBERS, *TEXTS}
    for name in (*NUMBERS, *TEXTS):
        source = read_catboost((folder / f"{name}.json").read_bytes())
        np.savez(folder / f"{name}.npz", rows=source_rows(source))
    run(python, "predict", folder)
    return folder


def run(python: Path, what: str, folder: Path) -> None:
    done = subprocess.run(
        [python, SCRIPT, what, folder], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


def source_rows(model: CatboostFile) -> np.ndarray:
    """Make rows as the script reads them: a category is a place in its list of texts, a number, or -1."""
    borders: dict[int, list[float]] = {}
    for tree in model.trees:
        for test in all_tests(tree):
            if isinstance(test, NumberTest):
                borders.setdefault(test.feature, []).append(test.border)
    categories = {place: [-1, *CODES] for place in model.categorical}
    rows = edge_rows(borders, categories, len(model.names))
    rows[:, list(categories)] = np.nan_to_num(rows[:, list(categories)], nan=-1)
    return rows


def as_levels(model: CatboostFile, rows: np.ndarray, shops: list[str]) -> np.ndarray:
    """Give the same rows with places in the levels of the model."""
    texts_of = {1: dict(enumerate(shops)), 4: {code: str(code) for code in CODES}}
    found = rows.copy()
    for place, levels in levels_of(model).items():
        texts = [texts_of[place].get(int(code)) for code in rows[:, place]]
        found[:, place] = [levels.index(text) if text in levels else -1 for text in texts]
    return found


@pytest.mark.slow
@pytest.mark.promise("import.catboost")
@pytest.mark.parametrize("name", [*NUMBERS, *TEXTS])
def test_a_package_answers_as_catboost(trained: Path, tmp_path: Path, name: str) -> None:
    data = (trained / f"{name}.json").read_bytes()
    source, answers = read_catboost(data), np.load(trained / f"{name}.answers.npz")
    rows = as_levels(
        source, np.load(trained / f"{name}.npz")["rows"], json.loads((trained / "shops.json").read_text())
    )
    assert len(rows) >= ROWS
    weights = 1 + np.abs(answers["sums"]).max()
    sums = catboost_sums(source, rows).reshape(answers["sums"].shape)
    assert np.abs(sums - answers["sums"]).max() < 1e-12 * weights

    imported = import_catboost(data, "m")
    folder = tmp_path / publish_package(tmp_path, imported.content)
    predictor = PackagePredictor(folder)
    packaged, expected = predicted(predictor, source, rows), answers["scores"]
    if predictor.task == "binary":
        expected = expected[:, 1]
    assert np.allclose(packaged, expected, rtol=1e-11, atol=1e-13)
    if predictor.task == "multiclass":
        assert [str(item) for item in predictor.classes] == answers["classes"].tolist()
    report = imported.check(folder)
    assert report.rows >= ROWS
    assert report.largest_difference < 1e-12


def predicted(predictor: PackagePredictor, model: CatboostFile, rows: np.ndarray) -> np.ndarray:
    if predictor.is_tensor:
        return predictor.predict_matrix(rows)
    levels, columns = levels_of(model), []
    for place, column in enumerate(predictor.columns):
        values = np.ascontiguousarray(rows[:, place])
        if place in levels:
            codes = np.where(values < 0, len(levels[place]), values).astype(np.uint32)
            columns.append((column.name, "string", codes, [*levels[place], "never seen"]))
        else:
            columns.append((column.name, "number", values, None))
    return predictor.predict_columns(columns, len(rows))


@pytest.mark.slow
@pytest.mark.promise("import.catboost")
@pytest.mark.parametrize(
    ("file", "message", "hint"),
    [
        ("one-hot.without-pool", "no text for the category", "pool=train_pool"),
        ("statistics.without-pool", "OnlineCtr", "one_hot_max_size"),
        ("rmse.cbm", "binary format", 'format="json"'),
    ],
)
def test_what_a_file_does_not_hold_is_refused_with_the_way_out(
    trained: Path, file: str, message: str, hint: str
) -> None:
    with pytest.raises(ModelUnsupported, match=message) as raised:
        import_catboost((trained / file).read_bytes(), "m")
    assert hint in str(raised.value.hint)
