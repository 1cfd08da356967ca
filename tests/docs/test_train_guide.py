"""The guide to training does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.unit.training.ranked import lists_of

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "train.md"


def run(folder: Path, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def blocks(kind: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", GUIDE.read_text(), re.S | re.M)
    return [text for name, text in found if name == kind]


def orders(rows: int = 800) -> pl.DataFrame:
    rng = np.random.default_rng(8)
    items, plan = rng.poisson(4, rows), rng.choice(["basic", "pro"], rows)
    start = datetime(2024, 1, 1)  # noqa: DTZ001  # a column without a zone
    notes = np.array(["please ring twice", "leave it at the door", "call me before you come", ""])
    return pl.DataFrame(
        {
            "ordered_at": [start + timedelta(hours=5 * at) for at in range(rows)],
            "customer": [f"c{number:03d}" for number in rng.integers(0, 200, rows)],
            "plan": plan,
            "items": items,
            "note": notes[rng.integers(0, 4, rows)],
            "late": np.where(items + rng.normal(size=rows) + 2 * (plan == "basic") > 5, "yes", "no"),
        }
    )


@pytest.mark.promise("init.infers", "train.trials")
def test_the_commands_of_the_guide_run(tmp_path: Path) -> None:
    orders().write_csv(tmp_path / "orders.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    command = [sys.executable, "-m", "mlwright"]
    first, trials, shown, predicted = blocks("")
    made, entered, trained = first.splitlines()
    assert entered == "cd orders"
    said = run(tmp_path, *command, *re.split(r" +", made)[1:])
    assert "assumed" in said
    project = tmp_path / "orders"
    settings = project / "mlwright.toml"
    asked = tomllib.loads(blocks("toml")[0])["training"]
    text = settings.read_text()
    for key, value in asked.items():
        line = f"{key} = {value!r}".replace("'", '"')
        text, count = re.subn(rf"^{key} = .*$", line, text, flags=re.M)
        text = text if count else text.replace("[training]\n", f"[training]\n{line}\n")
    run(project, *command, *trained.split()[1:])
    run(
        project, *command, *trials.split()[1:], codes=(0, 3)
    )  # against a champion: maybe too few rows to tell
    settings.write_text(text)
    run(project, *command, "config", "show")
    for line in (*shown.splitlines(), *predicted.splitlines()):
        run(project, *command, *line.split()[1:])
    assert (project / "report.html").stat().st_size > 10_000
    scores = pl.read_parquet(project / "scores.parquet")
    assert (scores.height, scores.columns) == (800, ["prediction", "score"])


@pytest.mark.promise("sdk.frames")
def test_the_programs_of_the_guide_run(tmp_path: Path) -> None:
    orders().write_csv(tmp_path / "orders.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    lists_of(150, seed=3).write_parquet(tmp_path / "searches.parquet")
    ranking, program, refused = blocks("python")
    value, *_, chance = run(tmp_path, sys.executable, "-c", ranking).splitlines()[-1].split()
    assert float(value) > float(chance) + 0.1
    *_, answer, columns = run(tmp_path, sys.executable, "-c", program).splitlines()
    reference, verdict, value = answer.split()
    assert (reference, verdict) == ("shop@1", "pass")
    assert float(value) > 0.8
    assert columns == "['prediction', 'score']"
    assert run(tmp_path, sys.executable, "-c", refused).split() == [
        "data.column-missing",
        "did",
        "you",
        "mean",
        "'late'?",
    ]
