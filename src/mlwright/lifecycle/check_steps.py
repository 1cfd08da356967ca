"""The step that looks for faults of data and model before gates are asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

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
from mlwright.training.checks import WORST_FIRST, CheckInput, run_checks

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


def check(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Run every check that is on; the worst of all findings stand first, also of those made before."""
    data = read_data_config(parameters)
    rows = Rows.read(context, inputs, data)
    fitted, settings = inputs["fitted"], parameters["checks"]
    assert isinstance(fitted, dict)
    assert isinstance(settings, dict)
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
        ask=lambda frame: members_answers(context, inputs, frame, rows.inputs, read_task(parameters)),
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
    everything = sorted([*before, *noticed], key=_severity)
    return {"noticed": everything, "summary": said}


def _severity(finding: JSON) -> int:
    assert isinstance(finding, dict)
    return WORST_FIRST.index(str(finding["severity"]))


def _words(value: JSON) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(str(word) for word in value)
