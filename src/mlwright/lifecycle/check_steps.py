"""The step that looks for faults of data and model before gates are asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from mlwright.lifecycle.parameters import Parameters, read_data_config, read_seed, read_task
from mlwright.lifecycle.rows import Rows
from mlwright.pipeline import Context, Values
from mlwright.training.checks import CheckInput, run_checks

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


def check(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Run every check that is on; what the contract and the trainer noticed stands before it."""
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


def _words(value: JSON) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(str(word) for word in value)
