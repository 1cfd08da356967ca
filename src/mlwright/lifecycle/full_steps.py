"""The step that lets the judged recipe learn the held-out rows too: what is shipped has seen every row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

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
from mlwright.training.budget import TICK
from mlwright.training.full import fit_full
from mlwright.training.full_plan import FullPlan
from mlwright.training.trainer import Fitted

CAUTION = 1.3  # times what the judged members took, beside the growth of the rows
PACKING_SECONDS = 1.0  # of package, parity and registration


def learn_full(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Fit the judged members again on all rows, where the held-out ones are not the latest and time allows.

    Without that, the judged model is what is shipped.
    """
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    plan = fitted.get("full_plan")
    if not isinstance(plan, str):
        return _judged(
            inputs, "the held-out rows are the latest, or the budget was short, or so it was asked"
        )
    rows = Rows.read_by_model(context, inputs, read_data_config(parameters))
    read, more = FullPlan.from_json(plan), len(rows.everything) / len(rows.train)
    tick = _tick(context, parameters, seconds=read.seconds * more)
    if tick is None:
        return _judged(inputs, "the budget is used up")
    problem = rows.full_problem(
        read_training(parameters), task=read_task(parameters), seed=read_seed(parameters)
    )
    members = fit_full(read, problem, installed_learners(), more=more, tick=tick, say=context.move)
    if members is None:
        return _judged(inputs, "the budget ended before the fit did")
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


def _tick(context: Context, parameters: Parameters, *, seconds: float) -> Callable[[int], bool] | None:
    """Give what ends a fit when its time is over; None when there is too little of it to begin."""
    if parameters["budget_cpu_s"] is None:
        return lambda _: False
    budget = read_number(parameters["budget_cpu_s"])
    end = context.began_cpu_s + budget - share_of(budget) - PACKING_SECONDS
    if time.process_time() + CAUTION * seconds > end:
        return None
    return lambda number: number % TICK == 0 and time.process_time() > end
