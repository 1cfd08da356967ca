"""Training code of one's own in the folds of a problem: each fit is a call, judged on rows it never saw."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlwright.data import Finding, Fold
from mlwright.errors import ModelUnsupported, TrainerFailed, TrainerUnknown
from mlwright.evaluation import metric_value
from mlwright.training.budget import BudgetClock
from mlwright.training.ladder import constant_value
from mlwright.training.learner import Floats
from mlwright.training.own_process import OwnProcess
from mlwright.training.own_source import OwnSource
from mlwright.training.problem import Problem, Rows
from mlwright.training.race import seed_of
from mlwright.training.threshold import choose_threshold
from mlwright.training.trainer import Rung, Watch

GROWTH = 1.2  # the fit on all rows costs that many times what its rows cost in a fold
TOLD = 0.85  # of what is left is told to a fit; its model is converted and asked in the rest
START_S = 60.0  # CPU seconds that imports may take, whatever the budget
WORKER = ("-m", "mlwright.lifecycle.own_worker")


@dataclass(frozen=True)
class OwnFitted:
    """What came of own code: scores of rows that it had not seen, and the files of the model of all rows."""

    score: Floats
    threshold: float | None
    ladder: tuple[Rung, ...]
    findings: tuple[Finding, ...]
    facts: Mapping[str, object]
    said: Mapping[str, Any]
    """What the worker says of the model: engine, library, what it reads."""
    files: Mapping[str, bytes]


class OwnTrainer:
    """Calls a function of one's own for every fold and once for all rows, in a process apart."""

    def __init__(self, source: OwnSource, *, root: Path, log: Path) -> None:
        self._source, self._root, self._log = source, root, log

    def fit(self, problem: Problem, clock: BudgetClock, watch: Watch) -> OwnFitted:
        """Fit on the folds and on all rows.

        Folds for which no time is left beside the last fit are left out. Raises `TrainerUnknown`,
        `TrainerFailed`, `TrainerTooSlow`, and `ModelUnsupported` for a model without exact conversion.
        """
        with tempfile.TemporaryDirectory(prefix="mlwright-trainer-") as folder:
            problem.frame.write_ipc(Path(folder) / "frame.arrow")
            process = OwnProcess(
                [*WORKER, json.dumps(self._request(problem, folder))], root=self._root, log=self._log
            )
            fitting = _Fitting(self, problem, clock, watch, process, Path(folder))
            try:
                return fitting.all()
            finally:
                fitting.end()

    @property
    def name(self) -> str:
        """Give the name of the function."""
        return self._source.name

    def failure(self, answer: Mapping[str, Any]) -> Exception:
        """Give what went wrong in the process as an error of here."""
        message, hint = str(answer["message"]), str(answer["hint"])
        match answer["failed"]:
            case "unknown":
                return TrainerUnknown(message, hint=hint)
            case "refused":
                return ModelUnsupported(f"{self.name}: {message}", hint=hint)
            case _:
                return TrainerFailed(
                    message, hint=f"the whole traceback is in {self._log}", log=str(self._log)
                )

    def _request(self, problem: Problem, folder: str) -> dict[str, Any]:
        return {
            "root": str(self._root),
            "module": self._source.module,
            "function": self._source.function,
            "folder": folder,
            "columns": [dataclasses.asdict(column) for column in problem.inputs],
            "task": problem.task,
            "classes": problem.classes,
            "metric": problem.metric,
            "time": problem.time,
        }


class _Fitting:
    """One training: what it used so far, and what it costs from here."""

    def __init__(  # what a training consists of
        self,
        trainer: OwnTrainer,
        problem: Problem,
        clock: BudgetClock,
        watch: Watch,
        process: OwnProcess,
        folder: Path,
    ) -> None:
        self._trainer, self._problem, self._clock, self._watch = trainer, problem, clock, watch
        self._process, self._folder = process, folder
        self._counted = 0.0  # CPU seconds of the process that the clock knows of

    def all(self) -> OwnFitted:
        problem = self._problem
        shape = (problem.frame.height,) + ((problem.classes,) if problem.task == "multiclass" else ())
        score = np.full(shape, np.nan)
        folds = problem.folds.folds
        cost, done = 0.0, 0
        self._order({"number": None}, max(self._clock.left(), START_S))
        for number, fold in enumerate(folds):
            rest = GROWTH * cost * problem.frame.height / max(len(fold.train), 1)
            if number and not self._clock.affords(GROWTH * cost + rest):
                break
            self._watch.move(0.6 * number / (len(folds) + 1), f"fold {number + 1} of {len(folds)}")
            score[fold.valid], seconds = self._fold(number, fold)
            cost, done = max(cost, seconds), done + 1
        self._watch.move(0.6 * done / (done + 1), "all rows")
        said = self._call(done, None, self._known(np.arange(problem.frame.height), problem.known_at))
        return self._fitted(score, done, said)

    def end(self) -> None:
        """End the process; from then on the system counts its seconds among those of children."""
        self._process.end()
        self._clock.count_earlier(-self._counted)

    def _fold(self, number: int, fold: Fold) -> tuple[Floats, float]:
        key = f"own/{number}"
        kept = self._watch.recall(key)
        if kept is not None:
            with np.load(io.BytesIO(kept)) as arrays:
                score, seconds = arrays["score"], float(arrays["seconds"])
            self._clock.count_earlier(seconds)
            return score, seconds
        before = self._counted
        self._call(number, number, self._known(fold.train, fold.known_at), fold.valid)
        score, seconds = np.load(self._folder / f"scores-{number}.npy"), self._counted - before
        buffer = io.BytesIO()
        np.savez(buffer, score=score, seconds=np.array(seconds))
        self._watch.remember(key, buffer.getvalue())
        return score, seconds

    def _known(self, rows: Rows, known_at: int | None) -> dict[str, Any]:
        known = self._problem.labels(known_at)
        rows = rows[known.weight[rows] > 0]
        return {"rows": rows, "target": known.target[rows], "weight": known.weight[rows]}

    def _call(
        self, number: int, fold: int | None, arrays: Mapping[str, Any], ask: Rows | None = None
    ) -> dict[str, Any]:
        """Have the function called on rows, for the scores of others."""
        np.savez(
            self._folder / f"rows-{number}.npz",
            ask=np.zeros(0, np.int64) if ask is None else ask,
            **arrays,
        )
        left = self._clock.left()
        order = {
            "number": number,
            "fold": fold,
            "seed": seed_of(self._problem.seed, "own", -1 if fold is None else fold),
            "cpu_seconds": None if math.isinf(left) else self._share(left, fold),
        }
        return self._order(order, left)

    def _order(self, order: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send an order, and count what it cost."""
        try:
            answer = self._process.ask(order, seconds=seconds)
        finally:
            self._count(self._process.used())
        if "failed" in answer:
            raise self._trainer.failure(answer)
        self._count(float(answer["cpu_s"]))
        return answer

    def _share(self, left: float, fold: int | None) -> float:
        """Give what a fit may take when those after it take the same for each of their rows."""
        if fold is None:
            return TOLD * left
        sizes = [len(one.train) for one in self._problem.folds.folds[fold:]]
        return TOLD * left * sizes[0] / (sum(sizes) + GROWTH * self._problem.frame.height)

    def _count(self, seconds: float) -> None:
        self._clock.count_earlier(max(seconds - self._counted, 0.0))
        self._counted = max(seconds, self._counted)

    def _fitted(self, score: Floats, done: int, said: dict[str, Any]) -> OwnFitted:
        problem = self._problem
        value = _fold_value(problem, score)
        threshold = None
        if problem.task == "binary":
            known = np.isfinite(score)
            threshold = choose_threshold(problem.settings, problem.target[known], score[known])
        used = 0.0 if self._clock.budget.trials is not None else self._counted
        return OwnFitted(
            score,
            threshold,
            (
                Rung("constant", constant_value(problem), 0.0),
                Rung(self._trainer.name, value, used, said["kind"]),
            ),
            _cut(done, len(problem.folds.folds)),
            {
                "kept": self._trainer.name,
                "members": {self._trainer.name: 1.0},
                "rounds": 0,
                "value": value,
                "nested": None,
                "optimism": None,
                "calibration": {"slope": 1.0, "shift": 0.0},
                "folds": problem.folds.why,
            },
            said,
            {
                name: (self._folder / name).read_bytes()
                for name in ("model", "transform.json", "gate.arrow", "answers.npy")
            },
        )


def _fold_value(problem: Problem, score: Floats) -> float:
    """Give the metric's mean over folds, weighted by rows."""
    values, sizes = [], []
    for fold in problem.folds.folds:
        rows = fold.valid[np.isfinite(score[fold.valid].reshape(len(fold.valid), -1)).all(axis=1)]
        if not len(rows):
            continue
        lists = None if problem.lists is None else problem.lists[rows]
        value = metric_value(
            problem.metric, problem.target[rows], score[rows], weights=problem.weight[rows], lists=lists
        )
        if np.isfinite(value):
            values.append(value)
            sizes.append(len(rows))
    return float(np.average(values, weights=sizes)) if values else float("nan")


def _cut(done: int, folds: int) -> tuple[Finding, ...]:
    if done == folds:
        return ()
    return (
        Finding(
            "budget.cut",
            "warning",
            f"{done} of {folds} folds were fitted: there was no time for more beside the fit on all rows",
            {"fitted": done, "folds": folds},
            advice="give more with `--budget-cpu-s`",
        ),
    )
