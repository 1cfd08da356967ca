"""Names of columns stay as they are, whatever is in them: other conversions rename some in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlwright.packaging.importing import import_fitted
from mlwright.packaging.package import publish_package

NAMES = ("net-price", "net_price", "größe (cm)", "type.of/shop")
RNG = np.random.default_rng(2)
FRAME = pl.DataFrame(
    {
        **{name: RNG.normal(size=300) for name in NAMES[:3]},
        NAMES[3]: RNG.choice(["a-b", "a_b", "a b"], 300),
    }
)
LABELS = (FRAME["net-price"] > FRAME["net_price"]).to_numpy() ^ (FRAME[NAMES[3]] == "a-b").to_numpy()


def pipeline() -> Any:
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), list(NAMES[:3])), ("shop", OneHotEncoder(), [NAMES[3]])]
    )
    return make_pipeline(columns, LogisticRegression()).fit(FRAME, LABELS)


def booster() -> Any:
    rows = lgb.Dataset(FRAME.select(NAMES[:2]).to_numpy(), LABELS, feature_name=list(NAMES[:2]))
    return lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, rows, 5)


@pytest.mark.promise("import.names")
@pytest.mark.parametrize("make", [pipeline, booster])
def test_columns_and_levels_keep_their_names(tmp_path: Path, make: Any) -> None:
    found = import_fitted(make(), "names")
    report = found.check(tmp_path / publish_package(tmp_path, found.content))
    assert report.largest_difference < 1e-12
    names = [column["name"] for column in found.content.signature.inputs]
    assert names == list(NAMES)[: len(names)]
    transform: Any = found.content.documents["transform.json"]
    levels = {level for output in transform["outputs"] for level in output.get("levels", [])}
    assert levels - {""} == (set() if make is booster else {"a-b", "a_b", "a b"})
