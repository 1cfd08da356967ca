from __future__ import annotations

from typing import Literal

import pytest

from mlwright.lifecycle.candidate import deserves_trial
from mlwright.registry import Version

Word = Literal["pass", "fail", "inconclusive"]


def _version(verdict: Word, **questions: Word) -> Version:
    gate = {
        "answer": verdict,
        "evidence": {"questions": {name: {"answer": answer} for name, answer in questions.items()}},
    }
    metrics: dict[str, object] = {"gates": {"quality": gate}} if questions else {}
    return Version(
        "fraud", 2, "0" * 64, "binary", "lightgbm", "run", verdict, metrics, None, None, 1, "2026-01-01"
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (_version("pass"), True),
        (_version("inconclusive"), False),
        (_version("fail"), False),
        (_version("inconclusive", at_least="pass", no_worse_than="inconclusive"), True),
        (_version("inconclusive", at_least="inconclusive", no_worse_than="pass"), False),
        (_version("fail", at_least="pass", no_worse_than="fail"), False),
        (_version("fail", at_least="fail"), False),
    ],
)
def test_a_trial_needs_the_absolute_gates_and_no_failure(version: Version, expected: bool) -> None:
    assert deserves_trial(version) is expected
