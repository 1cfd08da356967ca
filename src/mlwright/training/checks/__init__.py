"""Named checks of data and model: each looks for one fault, and says what it saw and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlwright.data import Finding
from mlwright.training.checks.alerts import check_threshold
from mlwright.training.checks.calibrated import check_calibration
from mlwright.training.checks.check import USUAL_SECONDS, CheckInput
from mlwright.training.checks.copies import check_copies
from mlwright.training.checks.entities import check_entities
from mlwright.training.checks.extrapolation import check_extrapolation
from mlwright.training.checks.fair import check_fairness
from mlwright.training.checks.ladder import check_ladder
from mlwright.training.checks.leak import check_leak
from mlwright.training.checks.missing import check_missing
from mlwright.training.checks.overfit import check_overfit
from mlwright.training.checks.weak_slice import check_slices

Check = Callable[[CheckInput], list[Finding]]

CHECKS: Mapping[str, Check] = {
    "leak": check_leak,
    "copies": check_copies,
    "entities": check_entities,
    "ladder": check_ladder,
    "overfit": check_overfit,
    "calibration": check_calibration,
    "threshold": check_threshold,
    "extrapolation": check_extrapolation,
    "missing": check_missing,
    "slices": check_slices,
    "fairness": check_fairness,
}
WORST_FIRST = ("blocking", "warning", "info")

__all__ = ["CHECKS", "USUAL_SECONDS", "WORST_FIRST", "CheckInput", "Finding", "check_leak", "run_checks"]


def run_checks(
    given: CheckInput, *, off: tuple[str, ...] = (), accept: tuple[str, ...] = ()
) -> list[Finding]:
    """Give the findings of all checks that are on, the worst first; accepted ones no longer block."""
    found = [finding for name, check in CHECKS.items() if name not in off for finding in check(given)]
    said = [_accepted(finding) if finding.key in accept else finding for finding in found]
    return sorted(said, key=lambda finding: WORST_FIRST.index(finding.severity))


def _accepted(finding: Finding) -> Finding:
    said = f"{finding.text} (accepted in [checks])"
    return Finding(finding.name, "info", said, finding.evidence, finding.advice, finding.column)
