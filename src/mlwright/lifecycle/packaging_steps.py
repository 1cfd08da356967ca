"""The steps of the recipe that build a package and hold it to the trained model."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.features import native_columns
from mlwright.lifecycle.learners import extra_versions
from mlwright.lifecycle.own_package import tighten, tighten_contract
from mlwright.lifecycle.own_training import gate_answers
from mlwright.lifecycle.parameters import read_data_config
from mlwright.lifecycle.rows import Rows, contract_of, members_answers, read_frame, read_inputs, transform_of
from mlwright.packaging.blend_file import forest_in
from mlwright.packaging.card import CardFacts, write_card
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.package import (
    Engine,
    JsonObject,
    PackageContent,
    Signature,
    column_outputs,
    publish_package,
)
from mlwright.packaging.parity import EDGE_ROWS, REAL_ROWS, ParityReport, check_parity, edge_frame
from mlwright.packaging.predictor import PackagePredictor
from mlwright.packaging.reference import build_reference
from mlwright.pipeline import Context, Values, code_digest
from mlwright.project import find_project
from mlwright.store import digest_json

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

ENGINES: Mapping[str, Engine] = {"trees": "trees", "linear": "linear", "blend": "blend", "onnx": "onnx"}
Places: TypeAlias = npt.NDArray[np.int64]

LIBRARIES = ("lightgbm", "numpy", "polars", "scikit-learn")


def package(context: Context, inputs: Values, parameters: Mapping[str, JSON]) -> Values:
    """Put model, transform, contract, reference cells, evaluation and card into one folder of data."""
    project = find_project(Path(str(parameters["root"])))
    rows = Rows.read_by_model(context, inputs, read_data_config(parameters))
    fitted, evaluation = inputs["fitted"], inputs["evaluation"]
    assert isinstance(fitted, dict)
    assert isinstance(evaluation, dict)
    task = project.config.project.task
    scores = np.load(context.path(inputs["scores"]))
    quality = evaluation.get("quality")
    contract = contract_of(inputs)
    positive = rows.classes[1] if task == "binary" else None
    columns, engine = tighten(rows.inputs, fitted), ENGINES[str(fitted["engine"])]
    threshold = fitted["threshold"]
    signature = Signature(
        kind="columns",
        inputs=tuple(
            {"name": column.name, "type": column.type, "nullable": column.nullable} for column in columns
        ),
        outputs=column_outputs(task, rows.classes),
        classes=tuple(rows.classes),
        positive=positive,
        threshold=float(threshold) if isinstance(threshold, int | float) else None,
    )
    facts = CardFacts(
        name=project.name,
        task=task,
        kept=str(fitted["kept"]),
        metric=str(fitted["metric"]),
        evaluation=evaluation,
        ladder=fitted["ladder"],
        gates=inputs["gates"],
        findings=inputs["noticed"],
        split=str(inputs["split_text"]),
        columns=len(rows.inputs),
        training_rows=len(rows.train),
    )
    documents: dict[str, JsonObject] = {
        "transform.json": dict(transform_of(context, inputs["transform"])),
        "contract.json": tighten_contract(contract, fitted).to_json(),
        "reference.json": build_reference(
            rows.frame[rows.train],
            rows.inputs,
            scores if scores.ndim == 1 else scores.max(axis=1),
            {name: float(str(value)) for name, value in quality.items()} if isinstance(quality, dict) else {},
        ),
        "evaluation.json": {
            **evaluation,
            "ladder": _without_clock(fitted["ladder"]),
            "gates": inputs["gates"],
            "training": _training_facts(fitted),
            "findings": inputs["noticed"],
        },
    }
    content = PackageContent(
        name=project.name,
        task=task,
        engine=engine,
        model=context.path(inputs["model"]).read_bytes(),
        signature=signature,
        documents={
            name: json.loads(json.dumps(document, allow_nan=False)) for name, document in documents.items()
        },
        card=write_card(facts),
        provenance=_provenance(inputs, parameters),
    )
    judged = digest = publish_package(project.packages, content)
    full_rows = _full_rows(inputs)
    if full_rows is not None:
        said = {"judged_package": judged, "full_rows": full_rows}
        changed = {
            "transform.json": dict(transform_of(context, inputs["shipped_transform"])),
            "evaluation.json": {**content.documents["evaluation.json"], **said},
        }
        model = context.path(inputs["shipped_model"]).read_bytes()
        card = write_card(replace(facts, full_rows=full_rows))
        full = replace(content, model=model, documents={**content.documents, **changed}, card=card)
        digest = publish_package(project.packages, full)
    size = sum(path.stat().st_size for path in (project.packages / digest).iterdir())
    return {"package": digest, "judged": judged, "summary": f"{digest[:12]}, {size / 1024:,.0f} KiB"}


def parity(context: Context, inputs: Values, parameters: Mapping[str, JSON]) -> Values:
    """Compare the package, run by the code that serves it, with the library that trained it."""
    project = find_project(Path(str(parameters["root"])))
    data = read_data_config(parameters)
    contract = contract_of(inputs)
    columns = contract.inputs(ignore=data.unread, group=data.group)
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    columns = read_inputs(columns, fitted)
    frame = read_frame(context, inputs["clean"]).select([column.name for column in columns])
    seed = int(str(parameters["seed"]))
    digest = str(inputs["package"])
    folder = project.packages / digest
    predictor = PackagePredictor(folder)
    task = project.config.project.task
    kept = gate_answers(context.path(inputs["shipped_members"]).read_bytes())
    if kept is not None:
        report = check_parity(
            kept.scores,
            predictor.predict_columns(native_columns(kept.rows, columns), kept.rows.height),
            edge_rows=kept.edge_rows,
            threshold=predictor.threshold if task == "binary" else None,
            what=project.name,
            rows=kept.rows,
        )
        return _reported(report)
    engine = predictor.manifest["engine"]
    assert isinstance(engine, dict)
    forest = forest_in(folder / engine["file"])
    thresholds = {} if forest is None else thresholds_of(forest)
    transform = transform_of(context, inputs["shipped_transform"])
    edges = edge_frame(frame, columns, thresholds, transform, rows=EDGE_ROWS, seed=seed)
    held_out, others = _real_rows(context, inputs, seed)
    asked = pl.concat([frame[others], edges], how="vertical_relaxed")
    both = pl.concat([frame[held_out], asked], how="vertical_relaxed")
    known = np.load(context.path(inputs["scores"]))[: len(held_out)]
    if _full_rows(inputs) is not None:
        known = members_answers(context, inputs["shipped_members"], frame[held_out], columns, task)
    answers = members_answers(context, inputs["shipped_members"], asked, columns, task)
    trained = np.concatenate([known, answers])
    packaged = predictor.predict_columns(native_columns(both, columns), both.height)
    report = check_parity(
        trained,
        packaged,
        edge_rows=edges.height,
        threshold=predictor.threshold if task == "binary" else None,
        what=project.name,
        rows=both,
    )
    return _reported(report)


def _full_rows(inputs: Values) -> int | None:
    """Count the rows that the shipped model learned where it learned the held-out ones too."""
    full = inputs["full"]
    assert isinstance(full, dict)
    rows = full["rows"]
    return None if rows is None else int(str(rows))


def _real_rows(context: Context, inputs: Values, seed: int) -> tuple[Places, Places]:
    """Give held-out rows, whose answers by the judged model are known, and as many others as are missing."""
    with np.load(context.path(inputs["split"])) as arrays:
        held_out, train = arrays["test"][:REAL_ROWS], arrays["train"]
    missing = min(REAL_ROWS - len(held_out), len(train))
    return held_out, np.random.default_rng(seed).permutation(train)[:missing]


def _reported(report: ParityReport) -> Values:
    said = f"{report.rows:,} rows and {report.edge_rows:,} edge rows, largest difference"
    plain: JSON = json.loads(json.dumps(report.to_json()))
    return {
        "parity": plain,
        "summary": f"{said} {report.largest_difference:.1e}, {report.label_flips} labels flip",
    }


def _training_facts(fitted: Mapping[str, JSON]) -> JSON:
    """Give how the model was chosen, and what nested choices say of its value."""
    names = (
        "families",
        "folds",
        "members",
        "seeds",
        "rounds",
        "value",
        "nested",
        "optimism",
        "calibration",
        "findings",
    )
    return {**{name: fitted.get(name) for name in names}, "tried": _without_clock(fitted["tried"])}


def _without_clock(ladder: JSON) -> JSON:
    """Leave out what another run of the same inputs would measure anew: same inputs, same package."""
    assert isinstance(ladder, list)
    return [
        {name: value for name, value in rung.items() if name != "cpu_seconds"}
        for rung in ladder
        if isinstance(rung, dict)
    ]


def _provenance(inputs: Values, parameters: Mapping[str, JSON]) -> JsonObject:
    sources = inputs["sources"]
    libraries = {name: version(name) for name in LIBRARIES} | extra_versions()
    said = {name: value for name, value in parameters.items() if name != "root"}
    if isinstance(data := said.get("data"), dict):  # the content of sources counts, not where they lie
        said["data"] = {name: value for name, value in data.items() if name != "source"}
    key = {"sources": sources, "contract": inputs["contract"], "parameters": said}
    return {
        "run": digest_json(key)[:12],
        "data": sources,
        "code": code_digest(),
        "libraries": {**libraries, "python": platform.python_version()},
        "seed": parameters["seed"],
    }
