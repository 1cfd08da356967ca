"""Run beside XGBoost and CatBoost: fits what joins the portfolio, and says how exact its packages are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from mlwright.features import native_columns
from mlwright.lifecycle.contributions import explain_rows
from mlwright.lifecycle.learners import installed_learners
from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.packaging.kernel_content import kernel_content
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from mlwright.project import Task
from mlwright.training.encoding import encode_all
from mlwright.training.learner import Candidate, FitTask, Matrix
from mlwright.training.portfolio import BOOSTED, JOINING
from mlwright.training.score import LINKS, predictions
from mlwright.training.trainer import Calibration, Fitted, Member
from tests.unit.training.problems import problem

ROWS = 1_500
ASKED = 300  # rows whose answers are explained
TASKS: tuple[tuple[Task, int], ...] = (("binary", 2), ("multiclass", 4), ("regression", 2))


def table(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    hole = rng.normal(size=ROWS)
    hole[rng.random(ROWS) < 0.2] = np.nan
    hole[:3] = np.inf, -np.inf, 1e300
    return pl.DataFrame(
        {
            "signal": rng.normal(size=ROWS),
            "hole": hole,
            "shape": pl.Series(rng.choice(["round", "square", ""], ROWS)).replace("", None),
            "shop": rng.choice([f"s{number}" for number in range(40)], ROWS),
        }
    )


def target_of(frame: pl.DataFrame, task: Task) -> np.ndarray:
    rng = np.random.default_rng(3)
    signal = frame["signal"].to_numpy() + np.char.endswith(frame["shop"].to_numpy().astype(str), "7")
    noisy = signal + 0.5 * rng.normal(size=ROWS)
    if task == "binary":
        return np.asarray(noisy > 0.8, dtype=np.float64)
    if task == "multiclass":
        return np.digitize(noisy, [-0.5, 0.5]).astype(np.float64)  # the fourth class has no row
    return np.asarray(1e6 + 10 * noisy)


def candidates() -> list[Candidate]:
    joined = [one for some in JOINING.values() for one in some]
    return [BOOSTED[0], *(one for one in joined if one.family not in ("forest", "network"))]


def judge(task: Task, classes: int, folder: Path) -> Iterator[dict[str, object]]:
    frame = table(1)
    asked = problem(frame, target_of(frame, task), task=task, classes=classes)
    learners = installed_learners()
    members = []
    for candidate in candidates():
        transform, rows = encode_all(asked, candidate.encoding)
        half = Matrix(rows.values[::2], rows.target[::2], rows.weight[::2], rows.categorical)
        held = Matrix(rows.values[1::2], rows.target[1::2], rows.weight[1::2], rows.categorical)
        learner = learners[candidate.family]

        def fit(valid: Matrix | None, rounds: int | None, last: int, train: Matrix = half):
            task_ = FitTask(train, valid, task, classes, 5, rounds, lambda number: number >= last)
            return learner.fit(candidate, task_)  # noqa: B023  # called within this turn

        stopped, cut, whole = fit(held, None, 10_000), fit(held, None, 20), fit(None, 30, 10_000, rows)
        again = fit(None, 30, 10_000, rows)
        members.append(Member(candidate, 1 / len(candidates()), whole, transform))
        yield {
            "task": task,
            "name": candidate.name,
            "is_stopped_early": stopped.rounds <= stopped.grown < 2_000,
            "cut": cut.grown,
            "rounds": whole.rounds,
            "is_repeatable": whole.dump() == again.dump(),
            **difference(frame, asked, members[-1:], task, folder),
        }
    yield {"task": task, "name": "blend", **difference(frame, asked, members, task, folder)}


def difference(frame, asked, members: list[Member], task: Task, folder: Path) -> dict[str, float]:
    """Give the largest difference of the package, run by the compiled code, from the libraries.

    And that of answers which contributions of columns add up to.
    """
    line = Calibration(1.1, 0.2) if task == "binary" else Calibration()
    total = sum(member.weight for member in members)
    whole = tuple(Member(one.candidate, one.weight / total, one.model, one.transform) for one in members)
    none = np.zeros(0)
    lowered = lower(Fitted(whole, LINKS[task], line, 0.5, (), (), (), none))
    columns = list(asked.inputs)
    model = KernelModel(
        data=lowered.model,
        columns=asked.inputs,
        outputs=asked.outputs,
        task=task,
        is_named=True,
        engine=lowered.engine,
        transform=lowered.transform,
    )
    content = kernel_content(model, "joined", "a blend")
    predictor = PackagePredictor(folder / publish_package(folder, content))
    unseen = pl.concat([frame, table(2).with_columns(shop=pl.lit("new"))])
    packaged = predictor.predict_columns(native_columns(unseen, columns), unseen.height)
    trained = library_answers(lowered.members, unseen, columns, task)
    margins = explain_rows(lowered.members, unseen[:ASKED], columns, task).margins
    explained = predictions(task, margins if task == "multiclass" else margins[:, 0])
    return {
        "difference": furthest(np.asarray(packaged).reshape(trained.shape), trained),
        "unexplained": furthest(explained, trained[:ASKED]),
    }


def furthest(given: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.max(np.abs(given - wanted) / np.maximum(1.0, np.abs(wanted))))


if __name__ == "__main__":
    print(json.dumps([one for task, classes in TASKS for one in judge(task, classes, Path(sys.argv[1]))]))
