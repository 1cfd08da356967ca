"""A library that is handed in has the last word on an import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlwright.errors import ParityFailed
from mlwright.packaging.importing import import_catboost, import_xgboost
from mlwright.packaging.library import Library
from mlwright.packaging.package import publish_package
from tests.unit.packaging.test_catboost import document as catboost_document
from tests.unit.packaging.test_catboost import number, oblivious
from tests.unit.packaging.xgboost_documents import document, stump


def leaves_of_the_stump(data: bytes, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    assert b"learner" in data
    goes_left = rows[:, :1].astype(np.float32) < 0.5  # and NaN right
    return np.where(goes_left, 1, 2)


def check(folder: Path, imported: Any) -> Any:
    return imported.check(folder / publish_package(folder, imported.content))


def test_leaves_that_agree_pass_and_the_library_is_named(tmp_path: Path) -> None:
    data = json.dumps(document([stump(0.5, 1.0, 2.0)])).encode()
    imported = import_xgboost(data, "m", Library("xgboost 9", leaves_of_the_stump))
    assert imported.compared_with == "xgboost 9 and the trees of the file"
    assert check(tmp_path, imported).rows >= 10_000
    assert import_xgboost(data, "m").compared_with == "the trees of the file"


def test_one_leaf_that_differs_is_refused(tmp_path: Path) -> None:
    data = json.dumps(document([stump(0.5, 1.0, 2.0, default_left=[1, 0, 0])])).encode()
    imported = import_xgboost(data, "m", Library("xgboost 9", leaves_of_the_stump))
    with pytest.raises(ParityFailed, match="xgboost 9 says 2 at place 0 of row"):
        check(tmp_path, imported)


@pytest.mark.parametrize("distance", [1e-12, 1e-6])
def test_sums_may_differ_by_rounding_only(tmp_path: Path, distance: float) -> None:
    def sums(data: bytes, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        with np.errstate(over="ignore"):
            return np.where(rows[:, :1].astype(np.float32) > 0.5, 2.0, 1.0) + distance

    data = json.dumps(catboost_document([oblivious([number(0.5)], [1.0, 2.0])])).encode()
    imported = import_catboost(data, "m", Library("catboost 9", sums))
    if distance < 1e-9:
        assert check(tmp_path, imported).rows >= 10_000
    else:
        with pytest.raises(ParityFailed, match="catboost 9"):
            check(tmp_path, imported)
