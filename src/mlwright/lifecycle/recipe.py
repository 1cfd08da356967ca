"""The standard recipe: from a table to a registered version, as a list of steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlwright.errors import ConfigError
from mlwright.lifecycle.source_rows import source_digests
from mlwright.pipeline import Step, Values
from mlwright.project import Project
from mlwright.project.config import SUITABLE
from mlwright.store import digest_bytes, digest_json
from mlwright.training.own_source import PORTFOLIO, find_own_source

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

TABLE = "mlwright.lifecycle.table_steps"
TRAINING = "mlwright.lifecycle.training_steps"
JUDGING = "mlwright.lifecycle.judging_steps"
FULL = "mlwright.lifecycle.full_steps"
CHECKS = "mlwright.lifecycle.check_steps"
PACKAGING = "mlwright.lifecycle.packaging_steps"
REGISTRATION = "mlwright.lifecycle.registration_steps"
REPORT = "mlwright.lifecycle.report_steps"


def recipe(project: Project, *, budget_cpu_s: float, seed: int, trials: int | None = None) -> Sequence[Step]:
    """Give the steps of a run in order; each names its function, which is imported only when it must run."""
    data: dict[str, JSON] = {
        "data": _plain(project.config.data),
        "task": project.config.project.task,
        "seed": seed,
    }
    # Whatever the seed of a run: rows that were held out from the champion stay held out.
    table: dict[str, JSON] = {**data, "seed": project.config.training.seed}
    where: dict[str, JSON] = {"root": str(project.root), "name": project.name}
    said = _plain(dataclasses.replace(project.config.training, budget_cpu_s=0.0, seed=seed, trials=None))
    training: dict[str, JSON] = {
        **data,
        "training": said,
        "budget_cpu_s": None if trials is not None else budget_cpu_s,
        "trials": trials,
    }
    if project.config.training.trainer != PORTFOLIO:
        training["trainer_code"] = find_own_source(project.config.training.trainer, project.root).digest
    gates = _plain(project.config.gates)
    return (
        Step("load", f"{TABLE}:load", ("sources", "served", "contract"), ("rows",), {**table, **where}),
        Step("contract", f"{TABLE}:check_contract", ("rows", "contract"), ("clean", "findings"), table),
        Step("split", f"{TABLE}:split", ("clean",), ("split", "split_text"), table),
        Step(
            "train",
            f"{TRAINING}:train",
            ("clean", "split", "contract"),
            ("model", "transform", "members", "fitted"),
            training if "trainer_code" not in training else {**training, **where},
        ),
        Step(
            "champion",
            f"{REGISTRATION}:find_champion",
            ("model", "transform", "fitted"),
            ("champion", "champion_reference"),
            {**where, "gates": gates},
            has_effects=True,
        ),
        Step(
            "evaluate",
            f"{JUDGING}:evaluate_held_out",
            ("clean", "split", "contract", "members", "fitted"),
            ("scores", "evaluation"),
            training,
        ),
        Step(
            "check",
            f"{CHECKS}:check",
            ("clean", "split", "contract", "members", "scores", "fitted", "findings"),
            ("noticed",),
            {**training, "checks": _plain(project.config.checks)},
        ),
        Step(
            "gate",
            f"{JUDGING}:ask_gates",
            ("clean", "split", "contract", "scores", "fitted", "champion", "champion_reference", "noticed"),
            ("verdict", "gates"),
            {**data, **where, "gates": gates},
        ),
        Step(
            "full",
            f"{FULL}:learn_full",
            ("clean", "split", "contract", "model", "transform", "members", "fitted"),
            ("shipped_model", "shipped_transform", "shipped_members", "full"),
            training,
        ),
        Step(
            "package",
            f"{PACKAGING}:package",
            (
                "clean",
                "split",
                "contract",
                "model",
                "transform",
                "shipped_model",
                "shipped_transform",
                "full",
                "fitted",
                "scores",
                "evaluation",
                "noticed",
                "gates",
                "split_text",
                "sources",
            ),
            ("package", "judged"),
            {**training, **where},
        ),
        Step(
            "parity",
            f"{PACKAGING}:parity",
            (
                "clean",
                "split",
                "contract",
                "shipped_transform",
                "shipped_members",
                "fitted",
                "full",
                "scores",
                "package",
            ),
            ("parity",),
            {**data, **where},
        ),
        Step(
            "register",
            f"{REGISTRATION}:register",
            (
                "package",
                "model",
                "transform",
                "fitted",
                "evaluation",
                "verdict",
                "gates",
                "champion_reference",
            ),
            ("version", "moved"),
            {**where, "task": project.config.project.task, "gates": gates},
            has_effects=True,
        ),
        Step(
            "explain",
            f"{REPORT}:explain",
            ("clean", "split", "contract", "members", "fitted", "scores", "judged"),
            ("explanation",),
            {**training, **where},
        ),
    )


def recipe_inputs(project: Project) -> Values:
    """Give the values that a run starts from: digests of its data, of what was served, and the contract.

    Raises `SourceUnreadable` when there is no data, `ConfigError` without label or contract.
    """
    data = project.config.data
    if data.label is None:
        raise ConfigError("[data] names no `label`", hint='say which column to predict: `label = "…"`')
    if not project.contract_path.is_file():
        raise ConfigError(
            "there is no contract.json in the project",
            hint="make one with `mlwright init` in an empty folder and copy it here",
        )
    _check_metrics(project)
    return {
        "sources": list(source_digests(project)),
        "served": _served_digest(project) if data.learn_from_log else "",
        "contract": project.contract_path.read_text(encoding="utf-8"),
    }


def _check_metrics(project: Project) -> None:
    """Raise `ConfigError` for a metric that the task does not have."""
    config = project.config
    task = config.project.task
    if config.training.objective == "rank" and task != "regression":
        raise ConfigError(
            f"[training] asks for the objective 'rank', which a {task} has not",
            hint='set task = "regression" in [project], or objective = "auto"',
            key="training.objective",
        )
    if config.training.objective == "rank" and config.data.query is None:
        raise _without_query("training.objective", "the objective 'rank'")
    asked = {"training": config.training.metric, **{f"gates.{n}": g.metric for n, g in config.gates.items()}}
    for section, metric in asked.items():
        if metric not in SUITABLE[task]:
            raise ConfigError(
                f"[{section}] asks for {metric!r}, which a {task} has not",
                hint=f"choose one of {', '.join(SUITABLE[task])}",
                key=f"{section}.metric",
            )
        if metric == "ndcg" and config.data.query is None:
            raise _without_query(f"{section}.metric", "the metric 'ndcg'")


def _without_query(key: str, what: str) -> ConfigError:
    return ConfigError(
        f"{key} asks for {what}, and [data] names no `query`",
        hint='say which column names the list of a row: `query = "…"` in [data]',
        key=key,
    )


def inputs_digest(values: Values) -> str:
    """Name what a run starts from, in 12 characters."""
    return digest_json({name: value for name, value in values.items() if isinstance(value, str | list)})[:12]


def _served_digest(project: Project) -> str:
    """Name the present content of the logs, which only grow: every segment with its size."""
    folders = [project.log / name for name in (*project.config.deployment, "_feedback")]
    segments = sorted(
        f"{path.parent.name}/{path.name}:{path.stat().st_size}"
        for folder in folders
        for path in folder.glob("*.log")
    )
    return digest_bytes("\n".join(segments).encode()) if segments else ""


def _plain(value: object) -> JSON:
    """Turn settings into JSON values for the keys of steps."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    assert value is None or isinstance(value, bool | int | float | str)
    return value
