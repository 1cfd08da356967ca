"""The steps that look at the table: load, contract, split."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import polars as pl

from mlwright.data import check_days, inspect_table, split_rows
from mlwright.lifecycle.parameters import Parameters, read_data_config, read_seed, read_task
from mlwright.lifecycle.rows import contract_of, keep_frame, read_frame
from mlwright.lifecycle.source_rows import source_rows
from mlwright.monitoring import labelled_rows
from mlwright.pipeline import Context, Values
from mlwright.project import find_project


def load(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Read the source, and what was served since, joined with its labels."""
    project = find_project(Path(str(parameters["root"])))
    data = read_data_config(parameters)
    contract = contract_of(inputs)
    sources = inputs["sources"]
    frame = source_rows(project, [str(name) for name in sources] if isinstance(sources, list) else [])
    said = f"{frame.height:,} rows of the source"
    if inputs["served"] and contract.label is not None:
        classes = contract.label.values
        served = labelled_rows(
            project.log,
            deployments=list(project.config.deployment),
            columns=contract.types,
            label=contract.label.name,
            unlabelled=data.unlabelled,
            negative=None if not classes else classes[0],
        )
        frame = stack_served(frame, served, weight=data.weight)
        said += f" and {served.height:,} served" if served.height else ""
    return {"rows": keep_frame(context, frame), "summary": said}


def check_contract(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Hold every day to the contract; days that break it are kept out, or end the run."""
    data = read_data_config(parameters)
    frame = read_frame(context, inputs["rows"])
    clean, findings = check_days(frame, contract_of(inputs), on_bad_day=data.on_bad_day)
    found = inspect_table(frame, contract_of(inputs).types, key=data.id)
    findings = [*found, *findings]
    bad_days = sum(finding.name == "contract.day" for finding in findings)
    said = f"{clean.height:,} of {frame.height:,} rows keep it"
    said += f", {bad_days} days are kept out" if bad_days else ""
    return {
        "clean": keep_frame(context, clean),
        "findings": json.loads(json.dumps([finding.to_json() for finding in findings], default=str)),
        "summary": said,
    }


def split(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Hold out the future, whole groups, or a random share."""
    frame = read_frame(context, inputs["clean"])
    found = split_rows(
        frame, read_data_config(parameters), task=read_task(parameters), seed=read_seed(parameters)
    )
    buffer = io.BytesIO()
    np.savez(buffer, train=found.train, test=found.test)
    return {
        "split": context.keep(buffer.getvalue()),
        "split_text": found.description,
        "summary": found.description,
    }


def stack_served(frame: pl.DataFrame, served: pl.DataFrame, *, weight: str | None) -> pl.DataFrame:
    """Put served rows below the source's; the types of the source win. A served row weighs 1."""
    if not served.height:
        return frame
    if weight is not None:
        served = served.with_columns(pl.lit(1.0).alias(weight))
    typed = served.with_columns(
        pl.col(name).cast(frame.schema[name], strict=False)
        for name in served.columns
        if name in frame.columns
    )
    return pl.concat([frame, typed], how="diagonal_relaxed")
