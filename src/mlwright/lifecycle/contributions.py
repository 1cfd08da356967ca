"""What each column adds to a prediction: Shapley values of the members, summed as the blend sums them.

TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2) as the libraries of the trees compute it, for
forests LightGBM; of a linear model, the weight times the distance from the mean. They add up to the margin:
the log-odds of a class, or the predicted number itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.features import TransformDocument, apply_transform
from mlwright.lifecycle.learners import Extra, extra_contributions
from mlwright.lifecycle.own_training import is_own
from mlwright.project import Task
from mlwright.training.forest_contributions import forest_contributions, forest_leaves
from mlwright.training.learner import Floats
from mlwright.training.linear import read_linear

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

SECONDS_A_LEAF = 2.6e-7  # CPU seconds of TreeSHAP for a row and leaf of a tree of 31, measured
USUAL_LEAVES = 31
SECONDS_A_LETTER = 3e-9  # of the JSON of XGBoost or CatBoost, which has no more leaves than letters
EXTRA_FORMS: Mapping[str, Extra] = {"xgboost-json": "xgboost", "catboost-json": "catboost"}
EXPLAINED = ("lightgbm-text", "forest-json", "linear-json", *EXTRA_FORMS)


@dataclass(frozen=True)
class Contributions:
    """`values[row, column, output]` of raw columns, and the sum that they start from, of each output."""

    columns: tuple[str, ...]
    values: Floats
    base: Floats

    @property
    def margins(self) -> Floats:
        """Give the sums before the link, `[rows, outputs]`."""
        return np.asarray(self.base + self.values.sum(axis=1))


def unexplained(members: bytes) -> str:
    """Say of which kind a member is that cannot be explained; empty when all can."""
    document: dict[str, JSON] = json.loads(members)
    if is_own(document):
        return str(document["form"])
    forms = [str(member["form"]) for member in _members(document)]
    unknown = [form for form in forms if form not in EXPLAINED]
    return unknown[0] if unknown else ""


def row_seconds(members: bytes) -> float:
    """Guess the CPU seconds for one row from the leaves of the trees."""
    total = 0.0
    for member in _members(json.loads(members)):
        if member["form"] == "lightgbm-text":
            leaves = np.array([int(n) for n in re.findall(r"^num_leaves=(\d+)", str(member["text"]), re.M)])
            total += _leaf_seconds(leaves)
        elif member["form"] == "forest-json":
            total += _leaf_seconds(forest_leaves(str(member["text"])))
        elif member["form"] in EXTRA_FORMS:
            total += SECONDS_A_LETTER * len(str(member["text"]))
    return total


def _leaf_seconds(leaves: Floats) -> float:
    return SECONDS_A_LEAF * float((leaves * np.sqrt(leaves / USUAL_LEAVES)).sum())


def explain_rows(members: bytes, frame: pl.DataFrame, inputs: list[Column], task: Task) -> Contributions:
    """Give the contributions of every raw column to the margins of some rows.

    What an encoding derives from one column is that column's; what comes of two is shared by halves.
    """
    document: dict[str, JSON] = json.loads(members)
    names = [column.name for column in inputs]
    values, base = np.zeros(0), np.zeros(0)
    for member in _members(document):
        transform = cast("TransformDocument", member["transform"])
        matrix = apply_transform(transform, frame, inputs)
        weight, moved = (float(str(member[name])) for name in ("weight", "shift"))
        parts, start = _member(str(member["form"]), str(member["text"]), matrix)
        gathered = weight * np.einsum("roi,ic->rco", parts, _owners(transform, names))
        values = gathered if not values.size else values + gathered
        start = weight * start + moved
        base = start if not base.size else base + start
    if task == "binary":
        slope, shift = (float(str(document[name])) for name in ("slope", "shift"))
        values, base = slope * values, slope * base + shift
    return Contributions(tuple(names), values, base)


def _members(document: dict[str, JSON]) -> list[dict[str, JSON]]:
    return cast("list[dict[str, JSON]]", document["members"])


def _member(form: str, text: str, matrix: Floats) -> tuple[Floats, Floats]:
    """Give contributions `[rows, outputs, model inputs]` and the sums that they start from."""
    if form == "linear-json":
        return _linear(text, matrix)
    if form in EXTRA_FORMS:
        shaped = extra_contributions(EXTRA_FORMS[form], text, matrix)
    elif form == "forest-json":
        shaped = forest_contributions(text, matrix)
    else:
        import lightgbm as lgb

        booster = lgb.Booster(model_str=text)
        raw = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
        shaped = raw.reshape(len(matrix), -1, matrix.shape[1] + 1)
    return shaped[:, :, :-1], shaped[0, :, -1]


def _linear(text: str, matrix: Floats) -> tuple[Floats, Floats]:
    model = read_linear(text)
    coefficients = np.atleast_2d(model.coefficients)
    mean = matrix.mean(axis=0)
    base = np.atleast_1d(model.intercept) + coefficients @ mean
    return (matrix - mean)[:, None, :] * coefficients[None], base


def _owners(transform: TransformDocument, names: Sequence[str]) -> Floats:
    """Give which share of each model input belongs to each raw column."""
    place = {name: number for number, name in enumerate(names)}
    owners = np.zeros((len(transform["outputs"]), len(names)))
    for number, output in enumerate(transform["outputs"]):
        sources = [name for name in (output["column"], output.get("by")) if name in place]
        for source in sources:
            owners[number, place[source]] += 1.0 / len(sources)
    return owners
