"""From what a trainer fitted to what a package holds, and the answers of its libraries to compare with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, assert_never, cast

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.features import TransformDocument, apply_transform, merge_documents
from mlwright.lifecycle.learners import extra_margins
from mlwright.lifecycle.own_training import is_own, own_scores
from mlwright.packaging.blend_file import BlendFile, Line, Network
from mlwright.packaging.catboost_file import read_catboost
from mlwright.packaging.catboost_trees import trees_from_catboost
from mlwright.packaging.estimators import forest_arrays
from mlwright.packaging.forest import Answer
from mlwright.packaging.merged_forest import ForestPart, merge_forests
from mlwright.packaging.trees import trees_from_lightgbm
from mlwright.packaging.xgboost_file import read_xgboost
from mlwright.packaging.xgboost_trees import trees_from_xgboost
from mlwright.project import Task
from mlwright.training.forest import read_forest
from mlwright.training.learner import Floats, Form, ModelDump
from mlwright.training.linear import linear_json, read_linear
from mlwright.training.network import read_network
from mlwright.training.pieces import LIMIT
from mlwright.training.problem import Goal
from mlwright.training.score import predictions
from mlwright.training.trainer import Calibration, Fitted, Link

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


@dataclass(frozen=True)
class Lowered:
    """The model of a package, its transform, and the members as data for `library_answers`."""

    engine: Literal["trees", "linear", "blend"]
    model: bytes
    transform: TransformDocument
    members: bytes


def lower(fitted: Fitted) -> Lowered:
    """Turn members into one model: boosters become one forest, a linear model gets its calibration.

    What is mixed becomes a blend: the forest, and a network for each other member.
    """
    dumps = [member.model.dump() for member in fitted.members]
    members = {
        "slope": fitted.calibration.slope,
        "shift": fitted.calibration.shift,
        "corners": [list(fitted.calibration.knots), list(fitted.calibration.values)],
        "link": fitted.link,
        "members": [
            {
                "form": dump.form,
                "text": dump.text,
                "weight": member.weight * dump.scale,
                "shift": member.weight * dump.shift,
                "transform": member.transform,
            }
            for member, dump in zip(fitted.members, dumps, strict=True)
        ],
    }
    data = json.dumps(members).encode()
    line = fitted.calibration
    if [dump.form for dump in dumps] == ["linear-json"] and not line.knots:
        return Lowered("linear", _linear(fitted, dumps[0].text), fitted.members[0].transform, data)
    transform, places = merge_documents([member.transform for member in fitted.members])
    parts = [
        _Part(dump, member.weight * dump.scale, own, "rounding" in member.transform)
        for member, dump, own in zip(fitted.members, dumps, places, strict=True)
    ]
    slope = line.slope
    shift = line.shift + slope * sum(
        member.weight * dump.shift for member, dump in zip(fitted.members, dumps, strict=True)
    )
    width = len(transform["outputs"])
    if all(part.is_forest for part in parts) and not line.knots:
        model = merge_forests(
            [part.forest() for part in parts], width, slope=slope, shift=shift, link=fitted.link
        )
        return Lowered("trees", model, transform, data)
    blend = _blend(parts, width, fitted.link, slope=slope, shift=shift)
    if line.knots:
        blend = replace(blend, line=Line(line.knots, line.values))
    return Lowered("blend", blend.to_bytes(), transform, data)


def library_answers(members: bytes, frame: pl.DataFrame, inputs: list[Column], task: Task) -> Floats:
    """Score rows with the libraries that trained the members: what the parity gate compares with."""
    document: dict[str, JSON] = json.loads(members)
    if is_own(document):
        return own_scores(members, frame, inputs)
    total: Floats = np.zeros(0)
    matrices: dict[str, Floats] = {}
    for member in cast("list[dict[str, JSON]]", document["members"]):
        key = json.dumps(member["transform"])
        if key not in matrices:
            transform = cast("TransformDocument", member["transform"])
            matrices[key] = apply_transform(transform, frame, inputs)
        form, text = cast("Form", member["form"]), str(member["text"])
        weight, start = (float(str(member[name])) for name in ("weight", "shift"))
        part = weight * _margins(form, text, matrices[key]) + start
        total = part if not len(total) else total + part
    line = _line(document)
    goal: Goal = "poisson" if document.get("link") == "exp" else task
    return predictions(goal, total if task == "multiclass" else line.apply(total))


def calibration_of(members: bytes) -> tuple[Calibration, Link]:
    """Give what comes after the sum of members: the line through it, and the link."""
    document: dict[str, JSON] = json.loads(members)
    return _line(document), cast("Link", document["link"])


def _line(document: dict[str, JSON]) -> Calibration:
    slope, shift = (float(str(document[name])) for name in ("slope", "shift"))
    knots, heights = (tuple(corner) for corner in cast("list[list[float]]", document["corners"]))
    return Calibration(slope, shift, knots, heights)


@dataclass(frozen=True)
class _Part:
    """A member as data, its weight, and where the outputs of its transform are in the merged one.

    With `is_rounded` those are float32 values.
    """

    dump: ModelDump
    weight: float
    places: list[int]
    is_rounded: bool

    @property
    def is_forest(self) -> bool:
        return self.dump.form not in ("linear-json", "network-json")

    def forest(self) -> ForestPart:
        return ForestPart(_forest(self.dump), self.weight, self.places, self.is_rounded)

    def network(self, slope: float) -> Network:
        factor, places = slope * self.weight, tuple(self.places)
        if self.dump.form == "linear-json":
            linear = read_linear(self.dump.text)
            return Network(places, ((factor * linear.coefficients.T, factor * linear.intercept),))
        *layers, (weights, bias) = read_network(self.dump.text).layers
        return Network(places, (*layers, (factor * weights, factor * bias)), LIMIT)


def _blend(parts: Sequence[_Part], width: int, link: Link, *, slope: float, shift: float) -> BlendFile:
    networks = [part.network(slope) for part in parts if not part.is_forest]
    forests = [part.forest() for part in parts if part.is_forest]
    trees = None
    if forests:
        trees = merge_forests(forests, width, slope=slope, shift=shift, link="identity")
    else:
        weights, bias = networks[0].layers[-1]
        start = np.r_[bias[0] + shift, bias[1:]]
        networks[0] = replace(networks[0], layers=(*networks[0].layers[:-1], (weights, start)))
    outputs = len(networks[0].layers[-1][1]) if networks else 1  # only a line makes a blend of a forest
    return BlendFile(width, outputs, link, trees, tuple(networks))


def _forest(dump: ModelDump) -> bytes:
    match dump.form:
        case "lightgbm-text":
            return trees_from_lightgbm(dump.text).data
        case "xgboost-json":
            return trees_from_xgboost(read_xgboost(dump.text.encode())).data
        case "catboost-json":
            return trees_from_catboost(read_catboost(dump.text.encode())).data
        case "forest-json":
            forest = read_forest(dump.text)
            start = (0.0,) * forest.trees[0][1].shape[1]
            return forest_arrays(forest.trees).to_bytes(forest.columns, Answer("identity", start))
        case "linear-json" | "network-json":
            raise ValueError(f"{dump.form} is no forest")
        case _:
            assert_never(dump.form)


def _margins(form: Form, text: str, matrix: Floats) -> Floats:
    match form:
        case "linear-json":
            return read_linear(text).margins(matrix)
        case "network-json":
            return read_network(text).margins(matrix)
        case "forest-json":
            return read_forest(text).margins(matrix)
        case "lightgbm-text":
            import lightgbm as lgb

            booster = lgb.Booster(model_str=text)
            return np.asarray(booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64)
        case "xgboost-json":
            return extra_margins("xgboost", text, matrix)
        case "catboost-json":
            return extra_margins("catboost", text, matrix)
        case _:
            assert_never(form)


def _linear(fitted: Fitted, text: str) -> bytes:
    model = read_linear(text)
    line = fitted.calibration
    coefficients, intercept = line.slope * model.coefficients, line.slope * model.intercept + line.shift
    return linear_json(coefficients, intercept, fitted.link).encode()
