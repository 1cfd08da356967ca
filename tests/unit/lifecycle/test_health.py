from __future__ import annotations

from pathlib import Path

from mlwright.deployment import Evidence
from mlwright.lifecycle.health import last_seen, read_health, write_health
from mlwright.lifecycle.watch import Seen
from mlwright.monitoring import Judgement
from mlwright.statistics import Stratum
from tests.unit.deployment.versions import make_project


def test_what_the_loop_saw_reads_back_equal(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    evidence = Evidence(3, 57, 3, 2, 40, {"labels": (Stratum(0.05, 1, 0),)}, failed_starts=1)
    judgement = Judgement("quality", "pass", "page", "missed 20 % of 50", {"labels": 50})
    seen = Seen("production", 1, (judgement,), 60, 42, evidence)
    write_health(project, {"server": "did not start"}, {"production": seen})
    health = read_health(project)
    assert health is not None
    assert health.problems == {"server": "did not start"}
    assert last_seen(health, "production") == seen
    assert last_seen(health, "staging") is None


def test_no_file_or_a_damaged_one_means_no_health(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert read_health(project) is None
    (project.run_folder).mkdir(parents=True)
    (project.run_folder / "health.json").write_text("{")
    assert read_health(project) is None
