"""Documents for people: what was measured, on what, with its charts."""

from mlwright.deliverables.axis import duration_text
from mlwright.deliverables.bench_report import BenchReport, limited_steps, summary, write_bench_report

__all__ = ["BenchReport", "duration_text", "limited_steps", "summary", "write_bench_report"]
