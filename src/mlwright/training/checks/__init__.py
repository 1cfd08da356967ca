"""Named checks of data and model: each looks for one fault, and says what it saw and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlwright.data import Finding
from mlwright.training.checks.check import CheckInput
from mlwright.training.checks.copies import check_copies
from mlwright.training.checks.leak import check_leak
from mlwright.training.checks.weak_slice import check_slices

Check = Callable[[CheckInput], list[Finding]]

CHECKS: Mapping[str, Check] = {
    "leak": check_leak,
    "slices": check_slices,
    "copies": check_copies,
}

__all__ = ["CHECKS", "CheckInput", "Finding", "check_leak", "run_checks"]


def run_checks(
    given: CheckInput, *, off: tuple[str, ...] = (), accept: tuple[str, ...] = ()
) -> list[Finding]:
    """Give the findings of all checks that are on; accepted ones no longer block."""
    found = [finding for name, check in CHECKS.items() if name not in off for finding in check(given)]
    return [_accepted(finding) if finding.key in accept else finding for finding in found]


def _accepted(finding: Finding) -> Finding:
    said = f"{finding.text} (accepted in [checks])"
    return Finding(finding.name, "info", said, finding.evidence, finding.advice, finding.column)
