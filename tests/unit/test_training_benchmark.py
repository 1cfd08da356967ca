"""The training benchmark ranks fairly and shows what it measured."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for folder in (ROOT, ROOT / "benchmarks", ROOT / "benchmarks" / "training"):
        monkeypatch.syspath_prepend(str(folder))
    import page

    return page


def results(page: ModuleType, *cells: tuple[str, str, float | None]) -> Any:
    made = [
        page.Cell(table, system, 60.0, 7, test=test, failed="" if test is not None else "out of memory")
        for table, system, test in cells
    ]
    machine = {
        "processor": "P",
        "vectors": "avx2",
        "cores": 2,
        "memory_gb": 8.0,
        "kernel": "6",
        "load_before": 0.5,
    }
    return page.Results("2026-01-01", "run.py", 60.0, machine, {"mlwright": "1"}, made)


def test_equal_scores_share_a_rank_and_a_failure_is_last(page: ModuleType) -> None:
    found = results(
        page,
        ("adult", "mlwright", 0.93),
        ("adult", "AutoGluon", 0.93),
        ("adult", "FLAML", 0.92),
        ("diamonds", "mlwright", 500.0),
        ("diamonds", "AutoGluon", None),
        ("diamonds", "FLAML", 490.0),
        ("taiwan", "mlwright", 0.77),
    )
    means, tables = page.mean_ranks(found.tables, found.grid, found.systems)
    assert means == {"mlwright": 1.75, "AutoGluon": 2.25, "FLAML": 2.0}
    assert tables == 2  # nobody but mlwright was measured on taiwan


def test_the_page_marks_the_best_and_says_what_failed(page: ModuleType) -> None:
    text = page.render(
        results(page, ("diamonds", "mlwright", 500.0), ("diamonds", "FLAML", 490.0), ("adult", "FLAML", None))
    )
    assert "| diamonds, rmse | random | yes | 500 | **490** |" in text
    assert "| adult, auc | random | yes | – | failed |" in text
    assert "- FLAML on adult: out of memory" in text
    assert "| diamonds, RMSE | ≤ 525 | 500.0 | yes |" in text
    assert "| flights, AUC | ≥ 0.69 | not measured | **no** |" in text
