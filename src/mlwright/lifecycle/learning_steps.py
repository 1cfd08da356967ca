"""The steps of the recipe that look at rows: load, contract, split, train, evaluate, gate."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import (
    Column,
    DataContract,
    FileSource,
    check_days,
    conform_columns,
    encode_target,
    inspect_table,
    labels_known_at,
    make_folds,
    newest_moment,
    read_contract,
    split_rows,
)
from mlwright.errors import LabelUnusable, TrainerUnknown
from mlwright.evaluation import Answer, HeldOut, evaluate, evaluate_slices, judge
from mlwright.features import TransformDocument, native_columns
from mlwright.lifecycle.blocking import CHECKS_GATE, judge_findings
from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.monitoring import labelled_rows
from mlwright.packaging.predictor import PackagePredictor
from mlwright.pipeline import Context, Value, Values
from mlwright.project import DataConfig, GateConfig, SplitConfig, Task, TrainingConfig, find_project
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.problem import Problem
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import OutOfFold, Rung, Trainer

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

Floats = npt.NDArray[np.float64]
Parameters = Mapping[str, "JSON"]
MOST_RESERVED = 0.4  # of a budget is kept for the steps after training
WORST_FIRST: tuple[Answer, ...] = ("fail", "inconclusive", "pass")


def load(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Read the source, and what was served since, joined with its labels."""
    project = find_project(Path(str(parameters["root"])))
    data = read_data_config(parameters)
    contract = contract_of(inputs)
    frame = FileSource(project.root, data.source).read()
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


def train(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Search, choose and fit within the budget, and lower what came out to one model."""
    config = _training(parameters)
    if config.trainer != "portfolio":
        raise TrainerUnknown(
            f"there is no trainer {config.trainer!r}", hint='set `trainer = "portfolio"` in [training]'
        )
    data = read_data_config(parameters)
    rows = Rows.read(context, inputs, data)
    problem = rows.problem(config, task=read_task(parameters), seed=read_seed(parameters))
    _check_target(problem.target, problem.task)
    trials = parameters["trials"]
    budget = Budget(
        math.inf if trials is not None else _number(parameters["budget_cpu_s"]),
        None if trials is None else int(_number(trials)),
    )
    reserve = min(
        after_training(rows.frame.height, len(rows.test), len(rows.inputs)), MOST_RESERVED * budget.seconds
    )
    clock = BudgetClock(budget, began=context.began_cpu_s, reserve=reserve)
    trainer: Trainer = PortfolioTrainer.standard()
    fitted = trainer.fit(problem, clock, context)
    lowered = lower(fitted)
    said = ", ".join(f"{rung.name} {rung.value:.4g}" for rung in fitted.ladder)
    facts: JSON = json.loads(json.dumps(dict(fitted.facts)))
    assert isinstance(facts, dict)
    return {
        "model": context.keep(lowered.model),
        "transform": context.keep(json.dumps(lowered.transform).encode()),
        "members": context.keep(lowered.members),
        "fitted": {
            **{name: _finite(value) if isinstance(value, float) else value for name, value in facts.items()},
            "engine": lowered.engine,
            "threshold": fitted.threshold,
            "metric": config.metric,
            "ladder": [_rung(rung) for rung in fitted.ladder],
            "tried": [_tried(one) for one in fitted.tried],
            "findings": [json.loads(json.dumps(finding.to_json())) for finding in fitted.findings],
        },
        "summary": f"{config.metric}: {said}; kept {facts['kept']}",
    }


def evaluate_held_out(context: Context, inputs: Values, parameters: Parameters) -> Values:
    """Judge the model on the held-out rows, by intervals."""
    rows = Rows.read(context, inputs, read_data_config(parameters))
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    scores = model_scores(context, inputs, rows.frame[rows.test], rows.inputs, read_task(parameters))
    metric = _training(parameters).metric
    context.move(0.3, "bootstrap")
    found = evaluate(
        read_task(parameters),
        rows.target[rows.test],
        scores,
        classes=rows.classes,
        threshold=_threshold(fitted),
        blocks=rows.blocks(rows.test),
        seed=read_seed(parameters),
    )
    context.move(0.7, "slices")
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
    said = " ".join(f"{_number(interval[name] or 0):.4g}" for name in ("low", "high"))
    return {
        "scores": context.keep(buffer.getvalue()),
        "evaluation": plain,
        "summary": f"{len(scores):,} held-out rows, {metric} {_number(interval['value'] or 0):.4g} [{said}]",
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
    for name, settings in _section(parameters, "gates").items():
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
        for name, word in zip((*_section(parameters, "gates"), CHECKS_GATE), answers, strict=True)
    )
    return {"verdict": answer, "gates": gates, "summary": said}


class Rows:
    """Clean rows with their target, inputs and split."""

    def __init__(
        self,
        frame: pl.DataFrame,
        contract: DataContract,
        data: DataConfig,
        split: Mapping[str, npt.NDArray[np.int64]],
    ):
        self.frame = frame
        self.data = data
        self.contract = contract
        self.inputs: list[Column] = contract.inputs(ignore=data.unread, group=data.group)
        assert contract.label is not None
        self.classes = list(contract.label.values or ())
        self.target = encode_target(frame[contract.label.name], self.classes)
        self.train = split["train"]
        self.test = split["test"]

    @classmethod
    def read(cls, context: Context, inputs: Values, data: DataConfig) -> Rows:
        """Read them from the values of earlier steps."""
        with np.load(context.path(inputs["split"])) as arrays:
            split = {name: arrays[name] for name in ("train", "test")}
        return cls(read_frame(context, inputs["clean"]), contract_of(inputs), data, split)

    def problem(self, config: TrainingConfig, *, task: Task, seed: int) -> Problem:
        """Give what a trainer is asked about the training rows."""
        frame, target = self.frame[self.train], self.target[self.train]
        known_at = None
        if self.data.label_time is not None and self.data.time is not None and len(self.test):
            known_at = newest_moment(frame[self.data.time])
        return Problem(
            frame=frame.select([column.name for column in self.inputs]),
            target=target,
            weight=labels_known_at(frame, target, self.data, None).weight,
            inputs=tuple(self.inputs),
            task=task,
            classes=len(self.classes),
            metric=config.metric,
            folds=make_folds(frame, target, self.data, task=task, seed=seed),
            labels=lambda moment: labels_known_at(frame, target, self.data, moment),
            known_at=known_at,
            blocks=self.blocks(self.train),
            settings=config,
            seed=seed,
        )

    def blocks(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """Give the day or group of rows, which stand and fall together."""
        name = self.data.group if self.data.split.by == self.data.group else self.data.time
        if name is None or name not in self.frame.columns:
            return None
        values = self.frame[name][rows]
        keys = values.dt.date() if values.dtype.is_temporal() else values
        return keys.cast(pl.String).fill_null("").rank("dense").cast(pl.Int64).to_numpy()


def model_scores(
    context: Context, inputs: Values, frame: pl.DataFrame, columns: list[Column], task: Task
) -> Floats:
    """Score rows with the libraries that trained the model."""
    return library_answers(context.path(inputs["members"]).read_bytes(), frame, columns, task)


def transform_of(context: Context, inputs: Values) -> TransformDocument:
    """Read the transform document."""
    document: TransformDocument = json.loads(context.path(inputs["transform"]).read_bytes())
    return document


def contract_of(inputs: Values) -> DataContract:
    """Read the contract."""
    return read_contract(str(inputs["contract"]))


def read_frame(context: Context, value: Value) -> pl.DataFrame:
    """Read rows that an earlier step kept."""
    return pl.read_ipc(context.path(value).read_bytes())


def keep_frame(context: Context, frame: pl.DataFrame) -> Value:
    """Keep rows for later steps."""
    return context.keep_written(lambda path: frame.write_ipc(path, compression="lz4"))


def read_data_config(parameters: Parameters) -> DataConfig:
    """Read [data] back from the parameters of a step."""
    section = dict(_section(parameters, "data"))
    nested = section.pop("split")
    assert isinstance(nested, dict)
    lists = {name: tuple(value) for name, value in section.items() if isinstance(value, list)}
    return DataConfig(**{**section, **lists, "split": SplitConfig(**nested)})  # type: ignore[arg-type]  # as it was parsed


def read_task(parameters: Parameters) -> Task:
    """Read the task back."""
    task = parameters["task"]
    tasks: dict[object, Task] = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
    return tasks[task]


def read_seed(parameters: Parameters) -> int:
    """Read the seed back."""
    seed = parameters["seed"]
    assert isinstance(seed, int)
    return seed


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


def after_training(rows: int, test_rows: int, columns: int) -> float:
    """Guess the CPU seconds of what comes after training, from counts: intervals, checks, parity, package."""
    checks = 0.03 * columns + 7e-7 * rows * columns + 1e-4 * min(test_rows, 30_000)
    return 1.5 + checks + test_rows * (4e-5 + 1e-6 * columns)


def _champion_scores(packages: Path, digest: str, rows: Rows) -> tuple[Floats, float] | None:
    if not digest:
        return None
    predictor = PackagePredictor(packages / digest)
    if predictor.is_tensor or predictor.classes != rows.classes:
        return None
    frame = conform_columns(rows.frame[rows.test], predictor.columns)
    scores = predictor.predict_columns(native_columns(frame, predictor.columns), frame.height)
    return scores, predictor.threshold


def _check_target(target: Floats, task: Task) -> None:
    if task != "regression" and len(np.unique(target)) < 2:
        raise LabelUnusable(
            "the training rows have one class only",
            hint="hold out fewer rows, or bring data in which both classes happen early enough",
        )


def _section(parameters: Parameters, name: str) -> dict[str, JSON]:
    section = parameters[name]
    assert isinstance(section, dict)
    return section


def _training(parameters: Parameters) -> TrainingConfig:
    return TrainingConfig(**_section(parameters, "training"))  # type: ignore[arg-type]  # as it was parsed


def _threshold(fitted: Mapping[str, JSON]) -> float:
    threshold = fitted["threshold"]
    return 0.5 if threshold is None else _number(threshold)


def _number(value: JSON) -> float:
    assert isinstance(value, int | float)
    return float(value)


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
