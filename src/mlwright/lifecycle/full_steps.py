"""The step that lets the judged recipe learn the held-out rows too: what is shipped has seen every row."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlwright.lifecycle.allowance import share_of
from mlwright.lifecycle.learners import installed_learners
from mlwright.lifecycle.lowering import calibration_of, lower
from mlwright.lifecycle.parameters import (
    Parameters,
    read_data_config,
    read_number,
    read_seed,
    read_task,
    read_training,
)
from mlwright.lifecycle.rows import Rows
from mlwright.pipeline import Context, Values
from mlwright.project import TrainingConfig
from mlwright.training.budget import After, Budget, BudgetClock
from mlwright.training.full import fit_full
from mlwright.training.full_plan import FullPlan
from mlwright.training.own_source import PORTFOLIO
from mlwright.training.trainer import Fitted

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

CAUTION = 1.3  # times what the judged members took, beside the growth of the rows
PACKING_SECONDS = 1.0  # of package, parity and registration


def learn_full(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Fit the judged members again on all rows, where the held-out ones are not the latest and time allows.

    Without that, the judged model is what is shipped.
    """
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    plan, config = fitted.get("full_plan"), read_training(parameters)
    if not isinstance(plan, str):
        return _judged(inputs, _why_not(fitted, config))
    rows = Rows.read_by_model(context, inputs, read_data_config(parameters))
    read, more = FullPlan.from_json(plan), len(rows.everything) / len(rows.train)
    clock = _clock(context, parameters)
    if not clock.affords(CAUTION * more * read.seconds):
        return _judged(inputs, "too little of the budget is left; raise `budget_cpu_s` in [training]")
    problem = rows.full_problem(config, task=read_task(parameters), seed=read_seed(parameters))
    tick = clock.deadline(clock.left())
    members = fit_full(read, problem, installed_learners(), more=more, tick=tick, say=context.move)
    if members is None:
        return _judged(inputs, "the budget ended before the fit did; raise `budget_cpu_s` in [training]")
    calibration, link = calibration_of(context.path(inputs["members"]).read_bytes())
    lowered = lower(Fitted(members, link, calibration, None, (), (), (), np.zeros(0)))
    return {
        "shipped_model": context.keep(lowered.model),
        "shipped_transform": context.keep(json.dumps(lowered.transform).encode()),
        "shipped_members": context.keep(lowered.members),
        "full": {"rows": problem.frame.height, "why": ""},
        "summary": f"{problem.frame.height:,} rows, the held-out ones among them",
    }


def _judged(inputs: Values, why: str) -> Values:
    shipped = {f"shipped_{name}": inputs[name] for name in ("model", "transform", "members")}
    return {**shipped, "full": {"rows": None, "why": why}, "summary": f"the judged model is shipped: {why}"}


def _why_not(fitted: Mapping[str, JSON], config: TrainingConfig) -> str:
    if config.trainer != PORTFOLIO:
        return "training code of one's own does not learn them"
    if not config.refit_full:
        return "`refit_full` in [training] is off"
    findings = fitted["findings"]
    assert isinstance(findings, list)
    is_short = any(isinstance(one, dict) and str(one["name"]).startswith("budget.") for one in findings)
    return "the budget was short" if is_short else "the held-out rows are the latest"


def _clock(context: Context, parameters: Parameters) -> BudgetClock:
    if parameters["budget_cpu_s"] is None:
        return BudgetClock(Budget(math.inf, trials=1))
    budget = read_number(parameters["budget_cpu_s"])
    after = After(share_of(budget) + PACKING_SECONDS)
    return BudgetClock(Budget(budget), began=context.began_cpu_s, after=after)
