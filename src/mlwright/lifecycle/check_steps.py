"""The step that looks for faults of data and model before gates are asked."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import numpy as np

from mlwright.lifecycle.allowance import share_of
from mlwright.lifecycle.parameters import (
    Parameters,
    read_data_config,
    read_number,
    read_seed,
    read_task,
    read_training,
)
from mlwright.lifecycle.rows import Rows, members_answers
from mlwright.pipeline import Context, Values
from mlwright.training.budget import OVERRUN
from mlwright.training.checks import USUAL_SECONDS, WORST_FIRST, CheckInput, Finding, run_checks

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


def check(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Run every check that is on; the worst of all findings stand first, also of those made before."""
    data = read_data_config(parameters)
    rows = Rows.read_by_model(context, inputs, data)
    fitted, settings = inputs["fitted"], parameters["checks"]
    assert isinstance(fitted, dict)
    assert isinstance(settings, dict)
    budget = parameters["budget_cpu_s"]
    given = CheckInput(
        frame=rows.frame,
        inputs=tuple(rows.inputs),
        target=rows.target,
        task=read_task(parameters),
        data=data,
        train=rows.train,
        test=rows.test,
        scores=np.load(context.path(inputs["scores"])),
        seed=read_seed(parameters),
        training=read_training(parameters),
        threshold=None if fitted["threshold"] is None else read_number(fitted["threshold"]),
        blocks=rows.blocks(rows.test),
        facts=fitted,
        ask=lambda frame: members_answers(
            context, inputs["members"], frame, rows.inputs, read_task(parameters)
        ),
        seconds=USUAL_SECONDS if budget is None else share_of(read_number(budget)),
    )
    found = run_checks(given, off=_words(settings["off"]), accept=_words(settings["accept"]))
    found += told_overrun(budget, time.process_time() - context.began_cpu_s)
    noticed: list[JSON] = [json.loads(json.dumps(finding.to_json(), default=str)) for finding in found]
    before = [
        item
        for value in (inputs["findings"], fitted.get("findings"))
        if isinstance(value, list)
        for item in value
    ]
    blocking = [finding.key for finding in found if finding.severity == "blocking"]
    said = f"blocked by {', '.join(blocking)}" if blocking else f"{len(noticed)} findings, none blocks"
    everything = sorted([*before, *noticed], key=_severity)
    return {"noticed": everything, "summary": said}


def told_overrun(budget: JSON, used: float) -> list[Finding]:
    """Say that a run is over its budget, `budget.over`; no clock counts for a run by trials.

    >>> told_overrun(10.0, 12.5)[0].text
    'the run has used 12.5 of 10 CPU seconds when its model was checked'
    """
    if budget is None or used <= OVERRUN * read_number(budget):
        return []
    text = f"the run has used {used:.3g} of {read_number(budget):g} CPU seconds when its model was checked"
    advice = "raise `budget_cpu_s` in [training]: reading, checking and packing this table take that long"
    return [Finding("budget.over", "warning", text, {"used": used, "budget": read_number(budget)}, advice)]


def _severity(finding: JSON) -> int:
    assert isinstance(finding, dict)
    return WORST_FIRST.index(str(finding["severity"]))


def _words(value: JSON) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(str(word) for word in value)
