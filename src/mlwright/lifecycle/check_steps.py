"""The step that looks for faults of data and model before gates are asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import numpy as np

from mlwright.lifecycle.learning_steps import Parameters, Rows, read_data_config, read_seed, read_task
from mlwright.pipeline import Context, Values
from mlwright.project import MetricName
from mlwright.training.checks import CheckInput, run_checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlwright.pipeline.step import JSON


def check(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Run every check that is on; what the contract and the trainer noticed stands before it."""
    data = read_data_config(parameters)
    rows = Rows.read(context, inputs, data)
    fitted, settings = inputs["fitted"], parameters["checks"]
    assert isinstance(fitted, dict)
    assert isinstance(settings, dict)
    threshold = fitted["threshold"]
    given = CheckInput(
        frame=rows.frame,
        inputs=tuple(rows.inputs),
        target=rows.target,
        task=read_task(parameters),
        data=data,
        train=rows.train,
        test=rows.test,
        metric=_metric(parameters),
        scores=np.load(context.path(inputs["scores"])),
        threshold=float(threshold) if isinstance(threshold, int | float) else 0.5,
        ladder=_ladder(fitted),
        seed=read_seed(parameters),
    )
    found = run_checks(given, off=_words(settings["off"]), accept=_words(settings["accept"]))
    noticed: list[JSON] = [json.loads(json.dumps(finding.to_json(), default=str)) for finding in found]
    before = [
        item
        for value in (inputs["findings"], fitted.get("findings"))
        if isinstance(value, list)
        for item in value
    ]
    blocking = [finding.key for finding in found if finding.severity == "blocking"]
    said = f"blocked by {', '.join(blocking)}" if blocking else f"{len(noticed)} findings, none blocks"
    return {"noticed": [*before, *noticed], "summary": said}


def _ladder(fitted: Mapping[str, JSON]) -> dict[str, float]:
    rungs = fitted["ladder"]
    assert isinstance(rungs, list)
    return {
        str(rung["name"]): float(rung["value"])
        for rung in rungs
        if isinstance(rung, dict) and isinstance(rung["value"], int | float)
    }


def _words(value: JSON) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(str(word) for word in value)


def _metric(parameters: Parameters) -> MetricName:
    names: tuple[MetricName, ...] = get_args(MetricName)
    return next(name for name in names if name == parameters["metric"])
