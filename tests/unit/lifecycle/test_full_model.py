"""What is shipped learned the held-out rows too; what it is worth is said by the model that had not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.commands.init import InitRequest, init
from mlwright.commands.run import RunRequest, RunResult, run
from mlwright.features import native_columns
from mlwright.lifecycle.judging_steps import judged_package
from mlwright.packaging.predictor import PackagePredictor
from mlwright.pipeline import Silent
from mlwright.project import find_project
from mlwright.training.full_plan import FullPlan, MemberPlan
from tests.unit.data.tables import transactions

ROWS = 1_500


def table(seed: int = 3) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    age, city = random.uniform(18, 80, ROWS), random.choice(["here", "there", "far"], ROWS)
    worth = 40 * np.sin(age / 9) + 25 * (city == "far") + random.normal(0, 6, ROWS)
    return pl.DataFrame({"age": age, "city": city, "worth": worth})


def start(folder: Path, *, settings: str = "") -> Path:
    data = folder / "worth.parquet"
    table().write_parquet(data)
    root = init(InitRequest("worth", folder / "a", data=(str(data),), label="worth")).root
    written = (root / "mlwright.toml").read_text()
    (root / "mlwright.toml").write_text(written.replace("[training]\n", f"[training]\n{settings}"))
    return root


def learn(project: Path, **more: int) -> RunResult:
    return run(RunRequest(project, **{"trials": 2, **more}), Silent())


def evaluation_of(project: Path, result: RunResult) -> dict[str, object]:
    found = json.loads((find_project(project).packages / result.digest / "evaluation.json").read_bytes())
    assert isinstance(found, dict)
    return found


def loss(folder: Path, rows: pl.DataFrame) -> float:
    predictor = PackagePredictor(folder)
    answers = predictor.predict_columns(native_columns(rows, predictor.columns), rows.height)
    return float(np.sqrt(np.mean((answers - rows["worth"].to_numpy()) ** 2)))


@pytest.mark.promise("train.full")
def test_the_shipped_model_knows_the_held_out_rows_and_the_judged_one_tells_its_worth(tmp_path: Path) -> None:
    project = start(tmp_path)
    done = learn(project)
    said = evaluation_of(project, done)
    packages = find_project(project).packages
    assert said["full_rows"] == ROWS
    shipped, judged = packages / done.digest, judged_package(packages, done.digest)
    assert judged.name == said["judged_package"] != done.digest
    told = "learned all 1,500 rows"
    assert [told in (folder / "card.md").read_text() for folder in (shipped, judged)] == [True, False]
    promised = done.metrics["rmse"]["value"]
    fresh = table(seed=4)
    assert loss(judged, fresh) == pytest.approx(promised, rel=0.15)
    assert loss(shipped, fresh) < 1.02 * loss(judged, fresh)
    # On the table itself the shipped model errs less: a fifth of it is new to the judged one only.
    assert loss(shipped, table()) < loss(judged, table())


@pytest.mark.promise("train.full")
def test_a_later_version_is_compared_with_the_model_that_had_not_seen_the_rows(tmp_path: Path) -> None:
    project = start(tmp_path)
    first = learn(project)
    second = learn(project, seed=8)
    assert second.champion == first.reference
    evidence = json.loads(json.dumps(second.gates))[0]["evidence"]
    # The held-out rows stay the same, so the difference is that of what both versions promised of them.
    before, after = (done.metrics[evidence["metric"]]["value"] for done in (first, second))
    assert evidence["questions"]["no_worse_than"]["value"] == pytest.approx(after - before, abs=1e-9)


@pytest.mark.promise("train.full")
def test_nothing_is_learned_twice_when_that_is_not_wanted_or_the_rows_are_the_latest(tmp_path: Path) -> None:
    project = start(tmp_path, settings="refit_full = false\n")
    assert "judged_package" not in evaluation_of(project, learn(project))
    data = tmp_path / "payments.parquet"
    transactions().write_parquet(data)
    timed = init(InitRequest("fraud", tmp_path / "b", data=(str(data),), label="is_fraud", time="ts")).root
    assert "judged_package" not in evaluation_of(timed, learn(timed))


def test_a_plan_is_read_as_it_was_written() -> None:
    member = MemberPlan("lgb-31", "lightgbm", "native", {"num_leaves": 31, "extra_trees": True}, 0.5, 40)
    plan = FullPlan((member,), (), is_logarithmic=True, seconds=1.5)
    assert FullPlan.from_json(plan.to_json()) == plan
