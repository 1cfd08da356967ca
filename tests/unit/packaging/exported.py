"""Packages to export: tables like real ones with what trips graphs, and forests of every kind of split."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.linear_model import LogisticRegression, Ridge

from mlwright.data import Column
from mlwright.features import (
    TrainingRows,
    TransformDocument,
    categorical_outputs,
    fit_linear_transform,
    fit_tree_transform,
)
from mlwright.packaging.forest import Answer, TreeArrays
from mlwright.packaging.package import Engine, PackageContent, Signature, column_outputs, publish_package
from mlwright.packaging.trees import trees_from_lightgbm
from mlwright.project import Task
from mlwright.training.linear import linear_json
from mlwright.training.score import LINKS

Floats = npt.NDArray[np.float64]

COLUMNS = [
    Column("distance", "number"),
    Column("flight", "integer"),
    Column("carrier", "string"),
    Column("tail", "string"),
    Column("is_night", "boolean"),
    Column("at", "timestamp"),
]
CLASSES: dict[Task, tuple[object, ...]] = {
    "binary": ("late", "punctual"),
    "multiclass": (-1, 0, 5),
    "regression": (),
}


def flights(rows: int = 1_500, seed: int = 3) -> pl.DataFrame:
    """Rows with nulls in every column, empty texts, a text column of many values, and moments over years."""
    rng = np.random.default_rng(seed)
    table = pl.DataFrame(
        {
            "distance": rng.gamma(2, 400, rows),
            "flight": rng.integers(1, 6_000, rows),
            "carrier": rng.choice(["AA", "UA", "", "Ü☃", "B6"], rows),
            "tail": [f"N{number}" for number in rng.integers(0, 400, rows)],
            "is_night": rng.random(rows) < 0.3,
            "at": pl.Series(rng.integers(-(10**15), 2 * 10**15, rows)).cast(pl.Datetime("us")),
        }
    )
    keep = {name: pl.Series(rng.random(rows) > 0.1) for name in table.columns}
    return table.select(pl.when(mask).then(pl.col(name)).alias(name) for name, mask in keep.items())


def target(table: pl.DataFrame, task: Task) -> Floats:
    rng = np.random.default_rng(5)
    value = (
        table["distance"].fill_null(500).to_numpy() / 400
        + (table["carrier"] == "AA").fill_null(value=False).to_numpy()
        + rng.normal(size=table.height)
    )
    if task == "regression":
        return np.asarray(value, dtype=np.float64)
    edges = [2.5] if task == "binary" else [1.5, 3.0]
    return np.searchsorted(edges, value).astype(np.float64)


def columns_package(
    folder: Path,
    transform: TransformDocument,
    model: bytes,
    *,
    engine: Engine,
    task: Task,
    columns: list[Column] = COLUMNS,
    **more: Any,
) -> Path:
    """Publish a package of named columns and give its folder."""
    classes = more.get("classes", CLASSES[task])
    signature = Signature(
        kind="columns",
        inputs=tuple({"name": item.name, "type": item.type, "nullable": item.nullable} for item in columns),
        outputs=column_outputs(task, classes),
        classes=classes,
        positive=classes[1] if task == "binary" else None,
        threshold=more.get("threshold", 0.4) if task == "binary" else None,
    )
    entries = [{"name": item.name, "type": item.type, "nullable": item.nullable} for item in columns]
    documents: dict[str, dict[str, object]] = {
        "transform.json": {**transform},
        "contract.json": {"format": 1, "columns": entries},
    }
    content = PackageContent("flights", task, engine, model, signature, documents)
    return folder / publish_package(folder, content)


def trained(folder: Path, engine: Engine, task: Task) -> Path:
    """Fit transform and model as the trainer does, and package them."""
    table, seen = flights(), COLUMNS
    y = target(table, task)
    if engine == "linear":
        fitted = fit_linear_transform(TrainingRows(table, y, task, seed=7), seen)
        transform, matrix = fitted.document, fitted.training_matrix(table, seen)
        linear = Ridge() if task == "regression" else LogisticRegression(max_iter=200)
        linear.fit(matrix, y)
        text = linear_json(np.atleast_2d(linear.coef_), np.atleast_1d(linear.intercept_), LINKS[task])
        return columns_package(folder, transform, text.encode(), engine=engine, task=task)
    fitted = fit_tree_transform(TrainingRows(table, y, task, seed=7), seen)
    transform, matrix = fitted.document, fitted.training_matrix(table, seen)
    parameters: dict[str, Any] = {"objective": task, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 10}
    if task == "multiclass":
        parameters["num_class"] = 3
    data = lgb.Dataset(matrix, y, categorical_feature=categorical_outputs(transform))
    text = lgb.train(parameters, data, 30).model_to_string()
    return columns_package(folder, transform, trees_from_lightgbm(text).data, engine=engine, task=task)


REVIEWED = [Column("said", "string"), Column("stars", "number")]


def reviews(rows: int = 1_500, seed: int = 4) -> pl.DataFrame:
    """Sentences of words by a power law in many spellings, some null, beside a number."""
    rng = np.random.default_rng(seed)
    words = ["good", "not", "Über", "größe", "it\u0130s", "ΟΔΟΣ", "日本", *(f"word{n}" for n in range(200))]
    shares = 1 / np.arange(1, len(words) + 1)
    drawn = (rng.choice(words, rng.integers(5, 20), p=shares / shares.sum()) for _ in range(rows))
    said = [rng.choice([" ", ", ", " -- "]).join(words) + "!" for words in drawn]
    texts = [text.upper() if rng.random() < 0.2 else text for text in said]
    table = pl.DataFrame({"said": texts, "stars": rng.integers(1, 6, rows).astype(float)})
    is_there = pl.Series(rng.random(rows) > 0.05)
    return table.with_columns(pl.when(is_there).then(pl.col("said")).alias("said"))


def liking(table: pl.DataFrame) -> Floats:
    """Whether a review is a good one, by its words and stars."""
    said = table["said"].fill_null("").str.to_lowercase()
    value = said.str.count_matches("good").cast(pl.Float64) - 2 * said.str.count_matches("not good")
    noise = np.random.default_rng(6).normal(0, 0.5, table.height)
    return np.asarray(value.to_numpy() + table["stars"].to_numpy() / 4 + noise > 1.5, dtype=np.float64)


def trained_on_reviews(folder: Path, engine: Engine) -> Path:
    """Fit transform and model to reviews as the trainer does, and package them."""
    table = reviews()
    rows = TrainingRows(table, liking(table), "binary", seed=7)
    more: dict[str, Any] = {"engine": engine, "task": "binary", "columns": REVIEWED}
    if engine == "linear":
        fitted = fit_linear_transform(rows, REVIEWED)
        linear = LogisticRegression(max_iter=200).fit(fitted.training_matrix(table, REVIEWED), rows.target)
        text = linear_json(linear.coef_, linear.intercept_, LINKS["binary"])
        return columns_package(folder, fitted.document, text.encode(), **more)
    fitted = fit_tree_transform(rows, REVIEWED)
    parameters: dict[str, Any] = {"objective": "binary", "verbose": -1, "num_threads": 1}
    data = lgb.Dataset(fitted.training_matrix(table, REVIEWED), rows.target)
    text = lgb.train(parameters, data, 30).model_to_string()
    return columns_package(folder, fitted.document, trees_from_lightgbm(text).data, **more)


def random_forest(seed: int, answer: Answer, features: int = 4, trees: int = 25) -> bytes:
    """Give trees with every way to treat missing values, sets of categories, and shared thresholds."""
    rng = np.random.default_rng(seed)
    arrays = TreeArrays()
    for tree in range(trees):
        arrays.output.append(tree % len(answer.base))
        arrays.root.append(_grow(arrays, rng, features, depth=0 if tree % 11 == 3 else 4))
    return arrays.to_bytes(features, answer)


def _grow(arrays: TreeArrays, rng: np.random.Generator, features: int, depth: int) -> int:
    if depth == 0 or rng.random() < 0.1:
        arrays.leaf.append(float(rng.normal()))
        return ~(len(arrays.leaf) - 1)
    node = len(arrays.feature)
    is_set = rng.random() < 0.4
    threshold = rng.choice([0.0, 1e-35, -1e-36, -0.5, np.inf, -np.inf, *rng.normal(size=6)])
    words = [int(word) for word in rng.integers(0, 2**32, rng.integers(0, 4))] if is_set else []
    arrays.feature.append(int(rng.integers(features)))
    arrays.flags.append(int(is_set) | int(rng.integers(2)) << 1 | int(rng.integers(3)) << 2)
    arrays.threshold.append(float(threshold))
    arrays.bits_at.append(len(arrays.words))
    arrays.bits_len.append(len(words))
    arrays.words += words
    arrays.left.append(0)
    arrays.right.append(0)
    arrays.left[node] = _grow(arrays, rng, features, depth - 1)
    arrays.right[node] = _grow(arrays, rng, features, depth - 1)
    return node


def tensor_package(folder: Path, model: bytes, *, task: Task, features: int = 4, outputs: int = 1) -> Path:
    """Publish a forest that takes one tensor."""
    classes: tuple[object, ...] = (
        () if task == "regression" else (0, 1) if task == "binary" else tuple(range(outputs))
    )
    shape = [-1, len(classes) or 1]
    signature = Signature(
        kind="tensor",
        inputs=({"name": "input", "datatype": "FP64", "shape": [-1, features]},),
        outputs=({"name": "probabilities" if classes else "prediction", "datatype": "FP64", "shape": shape},),
        classes=classes,
        positive=1 if task == "binary" else None,
        threshold=0.5 if task == "binary" else None,
    )
    return folder / publish_package(folder, PackageContent("forest", task, "trees", model, signature))


def odd_rows(rows: int = 2_000, features: int = 4) -> Floats:
    """Numbers among which are all that a comparison or a set may stumble on."""
    rng = np.random.default_rng(8)
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-35, 1e-36, -1e-36, 0.9, -0.9, -1.0, 31.5, 32.0, 95.0]
    odd += [96.0, 1e300, -1e300, 2.0**31, 2.0**32, 5e-324]
    drawn = rng.choice([*odd, *range(100)], size=(rows, features))
    return np.where(rng.random(drawn.shape) < 0.2, rng.normal(size=drawn.shape), drawn)


ODD_MOMENTS = [
    datetime(1, 1, 1),  # noqa: DTZ001  # columns hold moments in UTC without a zone
    datetime(1900, 2, 28, 23, 59, 59, 999_999),  # noqa: DTZ001
    datetime(1904, 2, 29),  # noqa: DTZ001
    datetime(1969, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    datetime(1970, 1, 1),  # noqa: DTZ001
    datetime(2000, 12, 31, 12, 30),  # noqa: DTZ001
    datetime(2023, 3, 1),  # noqa: DTZ001
    datetime(9999, 12, 31, 23, 59, 59),  # noqa: DTZ001
]
