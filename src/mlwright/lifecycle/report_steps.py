"""The last step of the recipe: what the registered model looks at, and what its answers are worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlwright.evaluation.bootstrap import Drawing
from mlwright.lifecycle.allowance import Allowance
from mlwright.lifecycle.answer_curves import answer_curves
from mlwright.lifecycle.fold_facts import fold_facts
from mlwright.lifecycle.parameters import (
    Parameters,
    read_data_config,
    read_number,
    read_seed,
    read_task,
    read_training,
)
from mlwright.lifecycle.rows import Rows
from mlwright.lifecycle.workings import Asked, column_workings
from mlwright.packaging.predictor import PackagePredictor
from mlwright.pipeline import Context, Values
from mlwright.project import find_project
from mlwright.training.learning_curve import MOST_TEST_ROWS, curve_rows, learning_curve
from mlwright.training.problem import goal_of

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

CURVE_ROWS = 20_000  # held-out rows that curves are drawn from, at most
CURVE_REPETITIONS = 100


@dataclass(frozen=True)
class _Sample:
    """Some held-out rows, by their places among all rows and among the held-out ones."""

    rows: np.ndarray
    places: np.ndarray


def explain(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Give curves, importance, contributions and a learning curve, as far as a share of the budget allows."""
    budget = parameters["budget_cpu_s"]
    allowance = Allowance.of_budget(None if budget is None else read_number(budget))
    rows = Rows.read_by_model(context, inputs, read_data_config(parameters))
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    threshold = fitted["threshold"]
    scores = np.load(context.path(inputs["scores"]))
    sample = _sample(rows, CURVE_ROWS, read_seed(parameters))
    context.move(0.1, "curves")
    found: dict[str, object] = {
        "rows": len(sample.rows),
        "held_out_rows": len(rows.test),
        "folds": fold_facts(rows, fitted, task=read_task(parameters), seed=read_seed(parameters)),
        "answers": answer_curves(
            read_task(parameters),
            rows.target[sample.rows],
            scores[sample.places],
            classes=rows.classes,
            threshold=None if threshold is None else read_number(threshold),
            settings=read_training(parameters),
            drawing=Drawing(rows.blocks(sample.rows), read_seed(parameters), CURVE_REPETITIONS),
        ),
    }
    context.move(0.3, "columns")
    project = find_project(Path(str(parameters["root"])))
    asked = Asked(
        rows=rows,
        places=sample.rows,
        predictor=PackagePredictor(project.packages / str(inputs["judged"])),
        members=context.path(inputs["members"]).read_bytes(),
        task=read_task(parameters),
        metric=read_training(parameters).metric,
        seed=read_seed(parameters),
    )
    found |= column_workings(asked, allowance)
    context.move(0.8, "learning curve")
    found["learning_curve"] = _learning_curve(rows, parameters, allowance)
    found["skipped"] = allowance.skipped
    plain: JSON = json.loads(json.dumps(_finite(found), allow_nan=False))
    left_out = f"; left out: {', '.join(allowance.skipped)}" if allowance.skipped else ""
    return {"explanation": plain, "summary": f"{len(sample.rows):,} held-out rows{left_out}"}


def _learning_curve(rows: Rows, parameters: Parameters, allowance: Allowance) -> object:
    task, seed = read_task(parameters), read_seed(parameters)
    settings = read_training(parameters)
    goal = goal_of(task, settings)
    if goal == "rank" or settings.metric == "ndcg":
        allowance.skip("learning curve", "it is drawn for answers to single rows, not for lists")
        return None
    outputs = len(rows.classes) if task == "multiclass" else 1
    count = curve_rows(len(rows.train), len(rows.inputs), outputs, allowance.part(0.5))
    if not count:
        allowance.skip("learning curve", "the time that was left is too short for fits on parts of the rows")
        return None
    generator = np.random.default_rng(seed)
    train = np.sort(generator.permutation(rows.train)[:count])
    test = _sample(rows, MOST_TEST_ROWS, seed).rows
    names = [column.name for column in rows.inputs]
    curve = learning_curve(
        rows.frame[train].select(names),
        rows.target[train],
        rows.frame[test].select(names),
        rows.target[test],
        inputs=rows.inputs,
        goal=goal,
        classes=len(rows.classes),
        metric=settings.metric,
        seed=seed,
    )
    return {**curve.to_json(), "training_rows": len(rows.train)}


def _sample(rows: Rows, most: int, seed: int) -> _Sample:
    """Draw held-out rows, in order."""
    places = np.arange(len(rows.test))
    if len(places) > most:
        places = np.sort(np.random.default_rng(seed).choice(places, most, replace=False))
    return _Sample(rows.test[places], places)


def _finite(value: object) -> object:
    """Give JSON values: numbers that are none become null, others keep six digits that say something."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
