"""Training code of one's own is called for each fold and for all rows; its faults are told as its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.errors import MlwrightError
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.own_source import find_own_source
from mlwright.training.own_trainer import OwnFitted, OwnTrainer
from mlwright.training.problem import Problem
from tests.unit.training.problems import Silence, problem

HONEST = """
import numpy as np
from sklearn.tree import DecisionTreeClassifier


def fit(problem):
    print(problem.fold, len(problem.target), problem.seed, np.isfinite(problem.cpu_seconds))
    return DecisionTreeClassifier(random_state=problem.seed).fit(problem.matrix, problem.target)
"""


def noise(rows: int = 300) -> Problem:
    """Give a problem without any signal, and rows that are all different: a tree learns them by heart."""
    rng = np.random.default_rng(8)
    return problem(pl.DataFrame({"x": rng.normal(size=rows)}), rng.random(rows) < 0.5, metric="auc")


def fitted(
    root: Path, code: str, watch: Silence | None = None, *, asked: Problem | None = None
) -> tuple[OwnFitted, list[str]]:
    (root / "mine.py").write_text(code)
    log = root / "said.log"
    trainer = OwnTrainer(find_own_source("mine:fit", root), root=root, log=log)
    clock = BudgetClock(Budget(1.0, trials=1))
    return trainer.fit(asked or noise(), clock, watch or Silence()), log.read_text().splitlines()


@pytest.mark.promise("train.own", "train.resumes")
def test_scores_are_of_rows_that_the_model_never_saw_and_a_second_start_fits_no_fold_again(
    tmp_path: Path,
) -> None:
    watch = Silence()
    first, said = fitted(tmp_path, HONEST, watch)
    assert np.isfinite(first.score).all()
    assert abs(float(str(first.facts["value"])) - 0.5) < 0.15  # by heart it would be 1
    calls = [line.split() for line in said]
    assert [call[0] for call in calls] == ["0", "1", "2", "3", "4", "None"]
    assert [call[1] for call in calls] == ["240"] * 5 + ["300"]
    assert len({call[2] for call in calls}) == len(calls)
    assert {call[3] for call in calls} == {"False"}  # no clock is read when candidates are counted
    again, said = fitted(tmp_path, HONEST, watch)
    assert [line.split()[0] for line in said] == ["None"]
    assert np.array_equal(again.score, first.score)
    assert again.files == first.files


FAULTS = {
    "raises": (
        "def fit(problem):\n    return inner(problem)\n\n"
        "def inner(problem):\n    return problem.frame['gone']\n",
        "training.trainer-failed",
        ["mine:fit on fold 1 raised ColumnNotFoundError", "mine.py line 5"],
    ),
    "cannot be imported": (
        "import nowhere_to_be_found\n",
        "training.trainer-failed",
        ["importing 'mine'", "line 1"],
    ),
    "is not there": ("def other(problem): ...\n", "training.trainer-unknown", ["no function 'fit'"]),
    "takes two": ("def fit(a, b): ...\n", "training.trainer-unknown", ["missing a required argument"]),
    "ends": (
        "import os\ndef fit(problem):\n    os._exit(9)\n",
        "training.trainer-failed",
        ["ended with status 9"],
    ),
    "returns nothing": ("def fit(problem): ...\n", "package.unsupported-model", ["mine:fit: ", "nothing"]),
}


@pytest.mark.promise("train.own-errors")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_own_code_is_told_in_its_own_words_and_place(tmp_path: Path, fault: str) -> None:
    code, expected, words = FAULTS[fault]
    with pytest.raises(MlwrightError) as caught:
        fitted(tmp_path, code)
    assert caught.value.code == expected
    assert caught.value.hint
    for word in words:
        assert word in caught.value.message
    if fault in ("raises", "cannot be imported"):
        kept = (tmp_path / "said.log").read_text()
        assert str(tmp_path / "said.log") in caught.value.hint
        assert kept.startswith("Traceback")
        assert "own_worker.py" not in kept
