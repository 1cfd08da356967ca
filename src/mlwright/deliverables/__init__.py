"""Documents for people: what was measured or trained, on what, with its charts.

Names are loaded when they are first asked for: the report of a run needs nothing of a load generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwright.late import late_names

if TYPE_CHECKING:
    from mlwright.deliverables.axis import duration_text
    from mlwright.deliverables.bench_report import BenchReport, limited_steps, summary, write_bench_report
    from mlwright.deliverables.training_report import (
        read_report_facts,
        render_training_report,
        write_training_report,
    )

__all__ = [
    "BenchReport",
    "duration_text",
    "limited_steps",
    "read_report_facts",
    "render_training_report",
    "summary",
    "write_bench_report",
    "write_training_report",
]

HOMES = {
    "axis": "duration_text",
    "bench_report": "BenchReport limited_steps summary write_bench_report",
    "training_report": "read_report_facts render_training_report write_training_report",
}

if not TYPE_CHECKING:  # a checker that saw this would believe in every name
    __getattr__ = late_names(__name__, HOMES)
