"""`mlwright run`: from the project's data to a registered version."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlwright.deliverables import write_training_report
from mlwright.errors import MlwrightError
from mlwright.lifecycle.recipe import inputs_digest, recipe, recipe_inputs
from mlwright.lifecycle.run_facts import Role, column_roles, input_types, run_facts
from mlwright.pipeline import PipelineResult, Progress, Step, StepRecord, Values, known_steps, run_pipeline
from mlwright.project import Project, find_project
from mlwright.store import canonical_json, now_text


@dataclass(frozen=True)
class RunRequest:
    """Which project, and what differs from its settings.

    `began_cpu_s` is the CPU clock from which the budget counts: 0 for a process that does nothing else, None
    for now.
    """

    project: Path
    budget_cpu_s: float | None = None
    seed: int | None = None
    trials: int | None = None
    reason: str = "asked for"
    actor: str = "cli"
    dry_run: bool = False
    began_cpu_s: float | None = None


@dataclass(frozen=True)
class RunResult:
    """What came of a run. `verdict` is the worst answer of the gates."""

    run_id: str
    reference: str
    version: int
    digest: str
    verdict: str
    moved: str
    champion: str
    gates: list[object]
    metrics: Mapping[str, object]
    ranking: Mapping[str, object] | None
    ladder: list[object]
    findings: list[object]
    parity: Mapping[str, object]
    steps: tuple[StepRecord, ...]
    is_cached: bool
    roles: tuple[Role, ...]
    inputs: Mapping[str, int]
    report: Path


@dataclass(frozen=True)
class DryRun:
    """Which steps are known already, and which would run."""

    steps: tuple[tuple[str, bool], ...]


def run(request: RunRequest, progress: Progress) -> RunResult:
    """Run the recipe and register what comes out.

    Raises what a step raises; the journal keeps every finished step, so the same call goes on from there.
    """
    project = find_project(request.project)
    steps = _steps(project, request)
    start = recipe_inputs(project)
    run_id = f"{inputs_digest(start)}-{uuid.uuid4().hex[:8]}"
    _begin(project, run_id, request)

    def go() -> PipelineResult:
        return run_pipeline(
            steps,
            start,
            run_id=run_id,
            database=project.database,
            blobs=project.blobs,
            progress=progress,
            began_cpu_s=request.began_cpu_s,
        )

    try:
        done = go()
        if not (project.packages / str(done.values["package"])).is_dir():
            _forget(project, done)
            done = go()
        result = _result(run_id, done, project)
    except BaseException as problem:
        _end(project, run_id, "failed", _error(problem))
        raise
    _end(
        project,
        run_id,
        "done",
        {
            "reference": result.reference,
            "verdict": result.verdict,
            "moved": result.moved,
            "findings": result.findings,
        },
    )
    return result


def plan_run(request: RunRequest) -> DryRun:
    """Tell which steps a run would take from the journal; nothing is run."""
    project = find_project(request.project)
    steps = _steps(project, request)
    return DryRun(known_steps(steps, recipe_inputs(project), database=project.database, blobs=project.blobs))


def _result(run_id: str, done: PipelineResult, project: Project) -> RunResult:
    values = done.values
    report = write_training_report(run_facts(project, values), project.reports / str(values["package"]))
    evaluation, fitted = _object(values, "evaluation"), _object(values, "fitted")
    reference = str(values["version"])
    metrics, ranking = evaluation["metrics"], evaluation.get("ranking")
    return RunResult(
        run_id=run_id,
        reference=reference,
        version=int(reference.rpartition("@")[2]),
        digest=str(values["package"]),
        verdict=str(values["verdict"]),
        moved=str(values["moved"]),
        champion=str(values["champion_reference"]),
        gates=_list(values["gates"]),
        metrics=metrics if isinstance(metrics, dict) else {},
        ranking=ranking if isinstance(ranking, dict) else None,
        ladder=_list(fitted["ladder"]),
        findings=_list(values["noticed"]),
        parity=_object(values, "parity"),
        steps=done.steps,
        is_cached=done.is_cached,
        roles=column_roles(project),
        inputs=input_types(project),
        report=report,
    )


def _begin(project: Project, run_id: str, request: RunRequest) -> None:
    with project.database.write() as tx:
        tx.execute(
            "INSERT INTO runs (id, started_at, status, actor, reason) VALUES (?, ?, 'running', ?, ?)",
            (run_id, now_text(), request.actor, request.reason),
        )


def _end(project: Project, run_id: str, status: str, result: dict[str, object]) -> None:
    with project.database.write() as tx:
        tx.execute(
            "UPDATE runs SET finished_at = ?, status = ?, result = ? WHERE id = ?",
            (now_text(), status, canonical_json(json.loads(json.dumps(result, default=str))), run_id),
        )


def _forget(project: Project, done: PipelineResult) -> None:
    """Drop the remembered package step: its folder was removed from outside."""
    keys = [record.key for record in done.steps if record.name in ("package", "parity")]
    with project.database.write() as tx:
        for key in keys:
            tx.execute("DELETE FROM step_outputs WHERE key = ?", (key,))


def _error(problem: BaseException) -> dict[str, object]:
    if isinstance(problem, MlwrightError):
        return {"error": {"code": problem.code, "message": problem.message, "hint": problem.hint}}
    return {"error": {"code": "interrupted", "message": type(problem).__name__}}


def _steps(project: Project, request: RunRequest) -> Sequence[Step]:
    config = project.config.training
    has_budget = request.budget_cpu_s is not None and request.trials is None
    return recipe(
        project,
        budget_cpu_s=_budget(project, request),
        seed=_seed(project, request),
        trials=request.trials or (None if has_budget else config.trials),
    )


def _budget(project: Project, request: RunRequest) -> float:
    return project.config.training.budget_cpu_s if request.budget_cpu_s is None else request.budget_cpu_s


def _seed(project: Project, request: RunRequest) -> int:
    return project.config.training.seed if request.seed is None else request.seed


def _object(values: Values, name: str) -> dict[str, object]:
    value = values[name]
    assert isinstance(value, dict)
    return dict(value)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
