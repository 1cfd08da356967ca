"""The steps that judge a model: intervals on held-out rows, and gates."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlwright.data import conform_columns
from mlwright.evaluation import Answer, HeldOut, evaluate, evaluate_slices, judge
from mlwright.evaluation.report import ranking_quality
from mlwright.features import native_columns
from mlwright.lifecycle.blocking import CHECKS_GATE, judge_findings
from mlwright.lifecycle.parameters import (
    Parameters,
    read_data_config,
    read_number,
    read_section,
    read_seed,
    read_task,
    read_training,
)
from mlwright.lifecycle.rows import Rows, members_answers
from mlwright.packaging.predictor import PackagePredictor
from mlwright.pipeline import Context, Values
from mlwright.project import GateConfig, find_project
from mlwright.training.learner import Floats
from mlwright.training.problem import metrics_of

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

WORST_FIRST: tuple[Answer, ...] = ("fail", "inconclusive", "pass")


def evaluate_held_out(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Judge the model on the held-out rows, by intervals."""
    rows = Rows.read_by_model(context, inputs, read_data_config(parameters))
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    scores = members_answers(
        context, inputs["members"], rows.frame[rows.test], rows.inputs, read_task(parameters)
    )
    metric = read_training(parameters).metric
    context.move(0.3, "bootstrap")
    found = evaluate(
        read_task(parameters),
        rows.target[rows.test],
        scores,
        classes=rows.classes,
        threshold=_threshold(fitted),
        blocks=rows.blocks(rows.test),
        seed=read_seed(parameters),
        metrics=metrics_of(read_task(parameters), read_training(parameters)),
    )
    lists = rows.lists(rows.test)
    if lists is not None and scores.ndim == 1:
        found["ranking"] = ranking_quality(rows.target[rows.test], scores, lists, seed=read_seed(parameters))
    context.move(0.7, "slices")
    slices = []
    if metric != "ndcg":  # a part of a list is another list, and easier to order
        slices = evaluate_slices(
            metric,
            rows.frame[rows.test],
            rows.target[rows.test],
            scores,
            columns=[column.name for column in rows.inputs],
            threshold=_threshold(fitted),
            seed=read_seed(parameters),
        )
    found["slices"] = [part.to_json() for part in slices]
    plain: JSON = json.loads(json.dumps(found, allow_nan=False))
    assert isinstance(plain, dict)
    metrics = plain["metrics"]
    assert isinstance(metrics, dict)
    interval = metrics[metric]
    assert isinstance(interval, dict)
    buffer = io.BytesIO()
    np.save(buffer, scores)
    value = read_number(interval["value"] or 0)
    said = " ".join(f"{read_number(interval[name] or 0):.4g}" for name in ("low", "high"))
    return {
        "scores": context.keep(buffer.getvalue()),
        "evaluation": plain,
        "summary": f"{len(scores):,} held-out rows, {metric} {value:.4g} [{said}]",
    }


def ask_gates(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Put every gate to the evidence; the worst answer is the version's verdict."""
    project = find_project(Path(str(parameters["root"])))
    rows = Rows.read(context, inputs, read_data_config(parameters))
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    champion = _champion_scores(project.packages, str(inputs["champion"]), rows)
    held_out = HeldOut(
        y=rows.target[rows.test],
        p=np.load(context.path(inputs["scores"])),
        threshold=_threshold(fitted),
        champion=None if champion is None else champion[0],
        champion_threshold=0.5 if champion is None else champion[1],
        blocks=rows.blocks(rows.test),
    )
    gates: list[JSON] = []
    answers: list[Answer] = []
    for name, settings in read_section(parameters, "gates").items():
        assert isinstance(settings, dict)
        verdict = judge(GateConfig(**settings), held_out, seed=read_seed(parameters))  # type: ignore[arg-type]  # as parsed
        answers.append(verdict.answer)
        gates.append({"gate": name, **json.loads(json.dumps(verdict.to_json()))})
    checks = judge_findings(inputs["noticed"])
    gates.append(checks)
    answers.append("fail" if checks["answer"] == "fail" else "pass")
    answer = next((word for word in WORST_FIRST if word in answers), "pass")
    said = ", ".join(
        f"{name}: {word}"
        for name, word in zip((*read_section(parameters, "gates"), CHECKS_GATE), answers, strict=True)
    )
    return {"verdict": answer, "gates": gates, "summary": said}


def _champion_scores(packages: Path, digest: str, rows: Rows) -> tuple[Floats, float] | None:
    if not digest:
        return None
    predictor = PackagePredictor(judged_package(packages, digest))
    if predictor.is_tensor or predictor.classes != rows.classes:
        return None
    frame = conform_columns(rows.frame[rows.test], predictor.columns)
    scores = predictor.predict_columns(native_columns(frame, predictor.columns), frame.height)
    return scores, predictor.threshold


def judged_package(packages: Path, digest: str) -> Path:
    """Give the folder of the model by which a version was judged: the shipped one may know held-out rows.

    It is the shipped one where the other did not come along.
    """
    said = packages / digest / "evaluation.json"
    judged = json.loads(said.read_bytes()).get("judged_package") if said.is_file() else None
    found = packages / str(judged)
    return found if judged is not None and found.is_dir() else packages / digest


def _threshold(fitted: Mapping[str, JSON]) -> float:
    threshold = fitted["threshold"]
    return 0.5 if threshold is None else read_number(threshold)
