"""The step that searches, chooses and fits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mlwright.data import is_gradable
from mlwright.data.lists import MOST_GRADES
from mlwright.data.roles import check_sizes
from mlwright.errors import LabelUnusable
from mlwright.evaluation.bootstrap import REPETITIONS, repetitions_of
from mlwright.features import in_order
from mlwright.lifecycle.allowance import share_of
from mlwright.lifecycle.learners import installed_learners, installed_sampler
from mlwright.lifecycle.lowering import lower
from mlwright.lifecycle.own_training import fit_own, own_members
from mlwright.lifecycle.parameters import (
    Parameters,
    read_data_config,
    read_number,
    read_seed,
    read_task,
    read_training,
)
from mlwright.lifecycle.rows import Rows
from mlwright.packaging.parity import EDGE_ROWS, REAL_ROWS
from mlwright.pipeline import Context, Values
from mlwright.project import find_project
from mlwright.training.budget import After, Budget, BudgetClock, measure_slowness
from mlwright.training.cost import reading_seconds
from mlwright.training.learner import FAMILY_NAMES, Floats
from mlwright.training.own_source import PORTFOLIO
from mlwright.training.own_trainer import OwnFitted
from mlwright.training.problem import Problem
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import Fitted, OutOfFold, Rung, Trainer

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

TIMES_READ = 2  # are rows read after training: to judge and to compare


def train(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Search, choose and fit within the budget, and lower what came out to one model."""
    config = read_training(parameters)
    data = read_data_config(parameters)
    rows = Rows.read(context, inputs, data)
    problem = rows.problem(config, task=read_task(parameters), seed=read_seed(parameters))
    _check_target(problem)
    trials = parameters["trials"]
    budget = Budget(
        math.inf if trials is not None else read_number(parameters["budget_cpu_s"]),
        None if trials is None else int(read_number(trials)),
    )
    clock = _clock(budget, rows, problem, context.began_cpu_s)
    if config.trainer != PORTFOLIO:
        project = find_project(Path(str(parameters["root"])))
        return _own(context, fit_own(project, problem, clock, context), problem)
    learners = installed_learners()
    trainer: Trainer = PortfolioTrainer(learners, installed_sampler())
    fitted = trainer.fit(problem, clock, context)
    lowered = lower(fitted)
    said = ", ".join(f"{rung.name} {rung.value:.4g}" for rung in fitted.ladder)
    facts: JSON = json.loads(json.dumps(dict(fitted.facts)))
    assert isinstance(facts, dict)
    return {
        "model": context.keep(lowered.model),
        "transform": context.keep(json.dumps(in_order(lowered.transform, rows.inputs)).encode()),
        "members": context.keep(lowered.members),
        "fitted": {
            **{name: _finite(value) if isinstance(value, float) else value for name, value in facts.items()},
            "unread": _unread(fitted, rows),
            "engine": lowered.engine,
            "families": [FAMILY_NAMES[family] for family in learners],
            "threshold": fitted.threshold,
            "metric": config.metric,
            "ladder": [_rung(rung) for rung in fitted.ladder],
            "tried": [_tried(one) for one in fitted.tried],
            "findings": [json.loads(json.dumps(finding.to_json())) for finding in fitted.findings],
            "full_plan": None if fitted.full_plan is None else fitted.full_plan.to_json(),
        },
        "summary": f"{_told_lists(problem)}{config.metric}: {said}; kept {facts['kept']}",
    }


def _told_lists(problem: Problem) -> str:
    if problem.ranked is None:
        return ""
    return f"for the order within {len(np.unique(problem.ranked)):,} lists, not for single rows; "


def _unread(fitted: Fitted, rows: Rows) -> list[JSON]:
    """Name the columns that no member reads."""
    read = {entry["name"] for member in fitted.members for entry in member.transform["inputs"]}
    return [column.name for column in rows.inputs if column.name not in read]


def _clock(budget: Budget, rows: Rows, problem: Problem, began: float) -> BudgetClock:
    if budget.trials is not None:
        return BudgetClock(budget)
    slowness = measure_slowness()
    classes = len(rows.classes) if len(rows.classes) > 2 else 1
    asked = len(rows.test) + EDGE_ROWS + max(REAL_ROWS - len(rows.test), 0)
    seconds = after_training(rows.frame.height, len(rows.test), problem.width, classes)
    seconds = slowness * (seconds + TIMES_READ * reading_seconds(problem, asked))
    seconds += 2 * share_of(budget.seconds)  # for the checks, and for explaining
    return BudgetClock(budget, began=began, after=After(seconds, asked), slowness=slowness)


def _own(context: Context, fitted: OwnFitted, problem: Problem) -> Values:
    """Hand on what a function of one's own trained."""
    facts: JSON = json.loads(json.dumps(dict(fitted.facts)))
    assert isinstance(facts, dict)
    said = ", ".join(f"{rung.name} {rung.value:.4g}" for rung in fitted.ladder)
    members = own_members(fitted, list(problem.inputs), problem.task, problem.classes)
    return {
        "model": context.keep(fitted.files["model"]),
        "transform": context.keep(fitted.files["transform.json"]),
        "members": context.keep(members),
        "fitted": {
            **{name: _finite(value) if isinstance(value, float) else value for name, value in facts.items()},
            **{name: fitted.said[name] for name in ("engine", "library", "reads", "refuses_null", "closed")},
            "families": [],
            "threshold": fitted.threshold,
            "metric": problem.metric,
            "ladder": [_rung(rung) for rung in fitted.ladder],
            "tried": [],
            "findings": [json.loads(json.dumps(finding.to_json())) for finding in fitted.findings],
        },
        "summary": f"{problem.metric}: {said}; kept {facts['kept']}, {fitted.said['kind']}",
    }


def after_training(rows: int, test_rows: int, columns: int, classes: int = 1) -> float:
    """Guess the CPU seconds of what comes after training, from counts: intervals, checks, parity, package."""
    repetitions = repetitions_of((test_rows, classes), REPETITIONS) if classes > 1 else 0
    ranked = 2 * repetitions * classes * (4e-5 + 2.5e-8 * test_rows)
    compared = 0.1 * min(classes, 20) if classes > 1 else 0.0  # with simpler models, of as many outputs
    read = 0.01 * columns + 1.5e-4 * min(test_rows, 10_000) + 2.5e-7 * rows * columns
    return 0.3 + ranked + compared + read


def _check_target(problem: Problem) -> None:
    target = problem.target[np.isfinite(problem.target)]
    if problem.goal == "poisson" and (target.min() < 0 or target.max() == 0):
        what = "has values below 0" if target.min() < 0 else "is 0 in all training rows"
        raise LabelUnusable(
            f"the label {what}, a count is 0 or more",
            hint='set objective = "squared" in [training] for what is no count',
        )
    if problem.goal == "rank":
        _check_grades(target)
    if problem.task == "regression":
        check_sizes(pl.Series("label", target))
    elif len(np.unique(target)) < 2:
        raise LabelUnusable(
            "the training rows have one class only",
            hint="hold out fewer rows, or bring data in which both classes happen early enough",
        )


def _check_grades(target: Floats) -> None:
    if not is_gradable(pl.Series(target)):
        what = "has values below 0" if target.min() < 0 else f"has {len(np.unique(target)):,} values"
        raise LabelUnusable(
            f"the label {what}, relevance has up to {MOST_GRADES:,} grades from 0 up",
            hint='round it, or set objective = "squared" in [training] and a metric of single rows',
        )


def _rung(rung: Rung) -> JSON:
    return {
        "name": rung.name,
        "value": _finite(rung.value),
        "cpu_seconds": round(rung.cpu_seconds, 3),
        "note": rung.note,
    }


def _tried(one: OutOfFold) -> JSON:
    return {
        "name": one.candidate.name,
        "settings": dict(one.candidate.settings),
        "rounds": list(one.rounds),
        "cpu_seconds": round(one.cpu_seconds, 3),
        "rejected": one.rejected,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
